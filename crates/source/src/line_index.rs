//! From byte offsets to lines and columns, computed only when something is shown.
//!
//! Lines end at `\n`, `\r\n` or a lone `\r`, as the reference counts them. Columns are 1-based and
//! count bytes, as the reference prints them.

use crate::ByteOffset;

/// A 1-based line and a 1-based column in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LineColumn {
    /// Line, from 1.
    pub line: u32,
    /// Column in bytes, from 1.
    pub column: u32,
}

/// The start offset of every line of one source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LineIndex {
    starts: Vec<ByteOffset>,
    len: ByteOffset,
}

impl LineIndex {
    /// Scans the text once.
    pub fn new(text: &[u8]) -> Self {
        let mut starts = vec![0];
        for at in memchr::memchr2_iter(b'\n', b'\r', text) {
            if text[at] == b'\n' || text.get(at + 1) != Some(&b'\n') {
                starts.push(at as ByteOffset + 1);
            }
        }
        Self {
            starts,
            len: text.len() as ByteOffset,
        }
    }

    /// Line and column of a byte; offsets past the end are taken as the end.
    pub fn line_column(&self, offset: ByteOffset) -> LineColumn {
        let offset = offset.min(self.len);
        let line = self.starts.partition_point(|&start| start <= offset) - 1;
        LineColumn {
            line: line as u32 + 1,
            column: offset - self.starts[line] + 1,
        }
    }

    /// The byte range of a 1-based line, line end included; `None` past the last line.
    pub fn line_range(&self, line: u32) -> Option<std::ops::Range<usize>> {
        let idx = (line as usize).checked_sub(1)?;
        let start = *self.starts.get(idx)? as usize;
        let end = self
            .starts
            .get(idx + 1)
            .map_or(self.len as usize, |&end| end as usize);
        Some(start..end)
    }

    /// Number of lines; a text without a line end has one.
    pub fn n_lines(&self) -> u32 {
        self.starts.len() as u32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, offset: u32, line: u32, column: u32) {
        assert_eq!(
            LineIndex::new(text.as_bytes()).line_column(offset),
            LineColumn { line, column }
        );
    }

    #[test]
    fn counts_every_kind_of_line_end() {
        check("a\nb", 2, 2, 1);
        check("a\r\nb", 3, 2, 1);
        check("a\rb", 2, 2, 1);
        check("", 0, 1, 1);
        check("abc", 99, 1, 4);
        check("\n\n", 2, 3, 1);
    }
}

//! What string literals mean: escapes, line ends, and the indentation of `''` strings.
//!
//! The rules are the reference's. Inside quotes a lone CR and a CR LF become LF, except right after
//! a backslash. Inside `''` strings line ends stay as they are, and indentation counts only
//! spaces: the smallest number of leading spaces of any line with text is removed from every line,
//! and a last line of only spaces goes. Escapes (`''$`, `'''`, `''\x`) and interpolations count as
//! text when indentation is measured; an escaped line end still begins a new line when it is
//! removed.

/// The value of a piece of text between quotes, appended to `out`.
pub fn unescape_into(text: &[u8], out: &mut Vec<u8>) {
    let mut at = 0;
    while let Some(offset) = memchr::memchr2(b'\\', b'\r', &text[at..]) {
        out.extend_from_slice(&text[at..at + offset]);
        at += offset;
        if text[at] == b'\\' {
            // A backslash at the end of the text stands before the end of the file: no string.
            if let Some(&escaped) = text.get(at + 1) {
                out.push(escape(escaped));
            }
            at += 2;
        } else {
            out.push(b'\n');
            at += 1 + usize::from(text.get(at + 1) == Some(&b'\n'));
        }
        if at >= text.len() {
            return;
        }
    }
    out.extend_from_slice(&text[at..]);
}

/// The value of a piece of text between quotes; borrowed if it contains no escape.
pub fn unescape(text: &[u8]) -> std::borrow::Cow<'_, [u8]> {
    if memchr::memchr2(b'\\', b'\r', text).is_none() {
        return text.into();
    }
    let mut out = Vec::with_capacity(text.len());
    unescape_into(text, &mut out);
    out.into()
}

fn escape(byte: u8) -> u8 {
    match byte {
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        other => other,
    }
}

/// Writes a name as it could stand in an attribute path: plain, or quoted where it has to be. `or`
/// needs no quotes there.
pub fn write_name(name: &[u8], out: &mut Vec<u8>) {
    const KEYWORDS: [&[u8]; 9] = [
        b"if", b"then", b"else", b"assert", b"with", b"let", b"in", b"rec", b"inherit",
    ];
    let starts = |byte: &u8| byte.is_ascii_alphabetic() || *byte == b'_';
    let continues = |byte: &u8| byte.is_ascii_alphanumeric() || b"_'-".contains(byte);
    if name.first().is_some_and(starts) && name.iter().all(continues) && !KEYWORDS.contains(&name) {
        out.extend_from_slice(name);
    } else {
        write_literal(name, out);
    }
}

/// Writes a string between quotes, escaped so that it reads back as itself.
pub fn write_literal(text: &[u8], out: &mut Vec<u8>) {
    out.push(b'"');
    for (idx, &byte) in text.iter().enumerate() {
        match byte {
            b'"' | b'\\' => out.extend([b'\\', byte]),
            b'\n' => out.extend(b"\\n"),
            b'\r' => out.extend(b"\\r"),
            b'\t' => out.extend(b"\\t"),
            b'$' if text.get(idx + 1) == Some(&b'{') => out.extend(b"\\$"),
            _ => out.push(byte),
        }
    }
    out.push(b'"');
}

/// A part of an indented string, for [`strip_indentation`].
#[derive(Clone, Copy, Debug)]
pub enum IndentedPart<'t> {
    /// The text of an `IndentText` token.
    Text(&'t [u8]),
    /// Something that is computed.
    Interpolation,
}

/// A run of text inside one token.
enum Segment<'t> {
    /// As written; its leading spaces are indentation.
    Plain(&'t [u8]),
    /// One escape.
    Escaped(&'static [u8]),
    /// `''\x`.
    EscapedByte(u8),
}

/// Splits the text of a token as the reference's lexer does: at escapes, and at a `$` or `'` that
/// it cannot take together with the byte after it.
struct Segments<'t>(&'t [u8]);

impl<'t> Iterator for Segments<'t> {
    type Item = Segment<'t>;

    fn next(&mut self) -> Option<Segment<'t>> {
        let text = self.0;
        if text.is_empty() {
            return None;
        }
        if text.starts_with(b"''") && text.len() >= 3 {
            let (segment, length) = match text[2] {
                b'$' => (Segment::Escaped(b"$"), 3),
                b'\'' => (Segment::Escaped(b"''"), 3),
                _ => (
                    Segment::EscapedByte(escape(text.get(3).copied().unwrap_or(b'\\'))),
                    4.min(text.len()),
                ),
            };
            self.0 = &text[length..];
            return Some(segment);
        }
        if let Some(alone) = alone(text) {
            self.0 = &text[1..];
            return Some(Segment::Escaped(alone));
        }
        let end = plain_end(text);
        self.0 = &text[end..];
        Some(Segment::Plain(&text[..end]))
    }
}

/// The `$` or `'` at the beginning, if it makes a token of its own.
fn alone(text: &[u8]) -> Option<&'static [u8]> {
    match (text[0], text.get(1)) {
        (b'$', None | Some(b'\'')) => Some(b"$"),
        (b'\'', None | Some(b'$')) => Some(b"'"),
        _ => None,
    }
}

/// Where the plain text at the beginning ends. Pairs of `$` or `'` with the byte after them are
/// taken together, as the lexer does.
fn plain_end(text: &[u8]) -> usize {
    let mut at = 0;
    while let Some(offset) = memchr::memchr2(b'\'', b'$', &text[at..]) {
        at += offset;
        if alone(&text[at..]).is_some() || text[at..].starts_with(b"''") {
            return at;
        }
        at += 2;
        if at >= text.len() {
            break;
        }
    }
    text.len()
}

/// The number of spaces that every line loses; a million is the reference's idea of infinity.
fn indentation(parts: &[IndentedPart<'_>]) -> usize {
    let mut at_line_start = true;
    let mut smallest = 1_000_000;
    let mut current = 0;
    let mut end_of_indentation = |at_line_start: &mut bool, current: usize| {
        if std::mem::take(at_line_start) {
            smallest = smallest.min(current);
        }
    };
    for part in parts {
        let IndentedPart::Text(text) = part else {
            end_of_indentation(&mut at_line_start, current);
            continue;
        };
        for segment in Segments(text) {
            let Segment::Plain(plain) = segment else {
                end_of_indentation(&mut at_line_start, current);
                continue;
            };
            let mut at = 0;
            while at < plain.len() {
                if !at_line_start {
                    match memchr::memchr(b'\n', &plain[at..]) {
                        None => break,
                        Some(offset) => at += offset + 1,
                    }
                    at_line_start = true;
                    current = 0;
                    continue;
                }
                match plain[at] {
                    b' ' => current += 1,
                    b'\n' => current = 0,
                    _ => end_of_indentation(&mut at_line_start, current),
                }
                at += 1;
            }
        }
    }
    smallest
}

/// The pieces of an indented string in order: text without its indentation, or `None` for an
/// interpolation.
pub fn strip_indentation(parts: &[IndentedPart<'_>]) -> Vec<Option<Vec<u8>>> {
    let mut pieces = Vec::with_capacity(parts.len());
    let mut text = Vec::new();
    strip_indentation_into(parts, &mut text, |text, piece| {
        pieces.push(piece.map(|start| text[start..].to_vec()));
    });
    pieces
}

/// Appends the text of an indented string without its indentation to `out`. `piece` is told of each
/// piece in order: where its text starts, which is the end of `out` so far, or `None` for an
/// interpolation. Each run of plain text and each escape is a piece of its own, as in the
/// reference, where a string of several pieces is no constant; empty pieces are left out.
pub fn strip_indentation_into(
    parts: &[IndentedPart<'_>],
    out: &mut Vec<u8>,
    mut piece: impl FnMut(&[u8], Option<usize>),
) {
    let indentation = indentation(parts);
    let mut at_line_start = true;
    let mut dropped = 0;
    for (part_idx, part) in parts.iter().enumerate() {
        let IndentedPart::Text(text) = part else {
            at_line_start = false;
            dropped = 0;
            piece(out, None);
            continue;
        };
        let mut segments = Segments(text).peekable();
        while let Some(segment) = segments.next() {
            let mut byte = [0];
            let plain = match segment {
                Segment::Plain(plain) => plain,
                Segment::Escaped(value) => value,
                Segment::EscapedByte(value) => {
                    byte[0] = value;
                    &byte
                }
            };
            let start = out.len();
            strip_segment(plain, indentation, &mut at_line_start, &mut dropped, out);
            if part_idx + 1 == parts.len() && segments.peek().is_none() {
                drop_blank_last_line(out, start);
            }
            if out.len() > start {
                piece(out, Some(start));
            }
        }
    }
}

fn strip_segment(
    text: &[u8],
    indentation: usize,
    at_line_start: &mut bool,
    dropped: &mut usize,
    out: &mut Vec<u8>,
) {
    let mut at = 0;
    while at < text.len() {
        if !*at_line_start {
            let end = memchr::memchr(b'\n', &text[at..]).map(|offset| at + offset + 1);
            out.extend_from_slice(&text[at..end.unwrap_or(text.len())]);
            *at_line_start = end.is_some();
            at = end.unwrap_or(text.len());
            continue;
        }
        match text[at] {
            b' ' => {
                if *dropped >= indentation {
                    out.push(b' ');
                }
                *dropped += 1;
            }
            b'\n' => {
                *dropped = 0;
                out.push(b'\n');
            }
            other => {
                *at_line_start = false;
                *dropped = 0;
                out.push(other);
            }
        }
        at += 1;
    }
}

/// Removes spaces after the last line end, if nothing else is there behind `start`.
fn drop_blank_last_line(text: &mut Vec<u8>, start: usize) {
    if let Some(line_end) = memchr::memrchr(b'\n', &text[start..])
        && text[start + line_end + 1..]
            .iter()
            .all(|&byte| byte == b' ')
    {
        text.truncate(start + line_end + 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(parts: &[&str], expected: &[&str]) {
        let parts: Vec<IndentedPart<'_>> = parts
            .iter()
            .map(|part| match *part {
                "${}" => IndentedPart::Interpolation,
                text => IndentedPart::Text(text.as_bytes()),
            })
            .collect();
        let stripped: Vec<String> = strip_indentation(&parts)
            .into_iter()
            .map(|text| text.map_or("${}".to_owned(), |it| String::from_utf8_lossy(&it).into()))
            .collect();
        assert_eq!(stripped, expected);
    }

    #[test]
    fn strips_indentation() {
        check(&["    a\n      b\n  "], &["a\n  b\n"]);
        check(&["  a\n\n b\n"], &[" a\n\nb\n"]);
        check(&["   \n  a"], &[" \na"]);
        check(&["  ", "${}", "\n    x\n"], &["${}", "\n  x\n"]);
        check(&["  a\n  ", "${}", " "], &["a\n", "${}", " "]);
        check(&["\ta\n  b"], &["\ta\n  b"]);
        check(&["      "], &[]);
        check(&["  a\r\n  b"], &["a\r\nb"]);
    }

    #[test]
    fn reads_escapes_of_indented_strings() {
        check(
            &["a''$b'''c''\\nd''\\xe"],
            &["a", "$", "b", "''", "c", "\n", "d", "x", "e"],
        );
        check(&["  ''\\n  a"], &["\n", "a"]);
        check(&["  a''\\ "], &["a", " "]);
        check(&["$$'a$"], &["$$'a", "$"]);
        check(&["a'", "${}", "$'b'"], &["a", "'", "${}", "$", "'b", "'"]);
        check(&["  a\n  ''\\ "], &["a\n", " "]);
    }

    #[test]
    fn reads_escapes_between_quotes() {
        let check = |text: &str, expected: &str| {
            assert_eq!(&*unescape(text.as_bytes()), expected.as_bytes());
        };
        check("a\\n\\t\\r\\\"\\$\\\\x", "a\n\t\r\"$\\x");
        check("a\r\nb\rc\\\r\nd", "a\nb\nc\r\nd");
        check("\\x", "x");
    }

    #[test]
    fn writes_names() {
        let check = |name: &str, expected: &str| {
            let mut out = Vec::new();
            write_name(name.as_bytes(), &mut out);
            assert_eq!(out, expected.as_bytes());
        };
        check("a-b'", "a-b'");
        check("or", "or");
        check("if", "\"if\"");
        check("", "\"\"");
        check("a b${\n", "\"a b\\${\\n\"");
    }
}

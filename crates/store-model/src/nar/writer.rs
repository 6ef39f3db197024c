//! Writing archives.

use std::io::Write;

use super::{ArchiveSink, MAGIC, NAR_MAX_DEPTH, NarError, check_entry_name, check_target, padding};

/// Small pieces are collected up to this size; larger contents go straight to the output.
const BUFFER_SIZE: usize = 64 * 1024;

/// Writes an archive to `W`, which needs no buffer of its own.
///
/// It refuses what a reader would refuse, so nothing it finishes is malformed.
pub struct NarWriter<W> {
    out: W,
    buffer: Vec<u8>,
    /// The last name written in each open directory.
    stack: Vec<Vec<u8>>,
    /// Bytes of the current file that are still to come, and zeros after them.
    file: Option<(u64, usize)>,
    has_root: bool,
}

impl<W: Write> NarWriter<W> {
    /// Starts an archive.
    pub fn new(out: W) -> NarWriter<W> {
        let mut buffer = Vec::with_capacity(BUFFER_SIZE);
        put_string(&mut buffer, MAGIC);
        NarWriter {
            out,
            buffer,
            stack: Vec::new(),
            file: None,
            has_root: false,
        }
    }

    /// Ends the archive and gives the output back.
    pub fn finish(mut self) -> Result<W, NarError> {
        if !self.has_root || !self.stack.is_empty() || self.file.is_some() {
            return Err(NarError::Misuse("the tree is not complete"));
        }
        self.flush_buffer()?;
        Ok(self.out)
    }

    fn begin_node(&mut self, name: &[u8], kind: &[u8]) -> Result<(), NarError> {
        if self.file.is_some() {
            return Err(NarError::Misuse("a file's contents are not complete"));
        }
        if self.stack.len() >= NAR_MAX_DEPTH {
            return Err(NarError::TooDeep);
        }
        if let Some(last) = self.stack.last_mut() {
            check_entry_name(name, (!last.is_empty()).then_some(last))?;
            last.clear();
            last.extend_from_slice(name);
            for tag in [&b"entry"[..], b"(", b"name", name, b"node"] {
                put_string(&mut self.buffer, tag);
            }
        } else if self.has_root {
            return Err(NarError::Misuse("there is a root already"));
        }
        self.has_root = true;
        for tag in [&b"("[..], b"type", kind] {
            put_string(&mut self.buffer, tag);
        }
        Ok(())
    }

    /// Closes a node, and the directory entry it is in.
    fn end_node(&mut self) -> Result<(), NarError> {
        put_string(&mut self.buffer, b")");
        if !self.stack.is_empty() {
            put_string(&mut self.buffer, b")");
        }
        if self.buffer.len() >= BUFFER_SIZE / 2 {
            self.flush_buffer()?;
        }
        Ok(())
    }

    fn end_file_if_complete(&mut self) -> Result<(), NarError> {
        if let Some((0, n_zeros)) = self.file {
            self.buffer.extend_from_slice(&[0; 8][..n_zeros]);
            self.file = None;
            self.end_node()?;
        }
        Ok(())
    }

    fn flush_buffer(&mut self) -> Result<(), NarError> {
        self.out.write_all(&self.buffer)?;
        self.buffer.clear();
        Ok(())
    }
}

impl<W: Write> ArchiveSink for NarWriter<W> {
    fn directory(&mut self, name: &[u8]) -> Result<(), NarError> {
        self.begin_node(name, b"directory")?;
        self.stack.push(Vec::new());
        Ok(())
    }

    fn end_directory(&mut self) -> Result<(), NarError> {
        if self.file.is_some() {
            return Err(NarError::Misuse("a file's contents are not complete"));
        }
        self.stack
            .pop()
            .ok_or(NarError::Misuse("no directory is open"))?;
        self.end_node()
    }

    fn file(&mut self, name: &[u8], executable: bool, size: u64) -> Result<(), NarError> {
        self.begin_node(name, b"regular")?;
        if executable {
            put_string(&mut self.buffer, b"executable");
            put_string(&mut self.buffer, b"");
        }
        put_string(&mut self.buffer, b"contents");
        self.buffer.extend_from_slice(&size.to_le_bytes());
        self.file = Some((size, padding(size)));
        self.end_file_if_complete()
    }

    fn contents(&mut self, bytes: &[u8]) -> Result<(), NarError> {
        if bytes.is_empty() {
            return Ok(());
        }
        let Some((left, _)) = &mut self.file else {
            return Err(NarError::Misuse("more contents than the file's size"));
        };
        *left = left
            .checked_sub(bytes.len() as u64)
            .ok_or(NarError::Misuse("more contents than the file's size"))?;
        if self.buffer.len() + bytes.len() > BUFFER_SIZE {
            self.flush_buffer()?;
        }
        if bytes.len() > BUFFER_SIZE / 2 {
            self.out.write_all(bytes)?;
        } else {
            self.buffer.extend_from_slice(bytes);
        }
        self.end_file_if_complete()
    }

    fn symlink(&mut self, name: &[u8], target: &[u8]) -> Result<(), NarError> {
        check_target(target)?;
        self.begin_node(name, b"symlink")?;
        put_string(&mut self.buffer, b"target");
        put_string(&mut self.buffer, target);
        self.end_node()
    }
}

/// Writes the archive of a single file that is not executable, such as a text or a download.
pub fn write_nar_file<W: Write>(contents: &[u8], out: W) -> Result<W, NarError> {
    let mut writer = NarWriter::new(out);
    writer.file(b"", false, contents.len() as u64)?;
    writer.contents(contents)?;
    writer.finish()
}

fn put_string(buffer: &mut Vec<u8>, bytes: &[u8]) {
    buffer.extend_from_slice(&(bytes.len() as u64).to_le_bytes());
    buffer.extend_from_slice(bytes);
    buffer.extend_from_slice(&[0; 8][..padding(bytes.len() as u64)]);
}

//! Data of unknown length inside a conversation: pieces with their length before them, and an
//! empty piece at the end.

use std::io::{self, Read, Write};

use crate::wire::{ReadWire as _, WriteWire as _};

/// The size from which on a piece is sent.
const PIECE: usize = 64 * 1024;

/// Writes pieces. [`FramedWriter::finish`] has to be called, or the reader waits for more.
pub struct FramedWriter<W: Write> {
    out: W,
    pending: Vec<u8>,
}

impl<W: Write> FramedWriter<W> {
    /// Begins.
    pub fn new(out: W) -> FramedWriter<W> {
        FramedWriter {
            out,
            pending: Vec::with_capacity(PIECE),
        }
    }

    fn send(&mut self) -> io::Result<()> {
        if self.pending.is_empty() {
            return Ok(());
        }
        self.out.write_number(self.pending.len() as u64)?;
        self.out.write_all(&self.pending)?;
        self.pending.clear();
        Ok(())
    }

    /// Writes the end.
    pub fn finish(mut self) -> io::Result<()> {
        self.send()?;
        self.out.write_number(0)?;
        self.out.flush()
    }
}

impl<W: Write> Write for FramedWriter<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.pending.is_empty() && bytes.len() >= PIECE {
            self.out.write_number(bytes.len() as u64)?;
            self.out.write_all(bytes)?;
            return Ok(bytes.len());
        }
        self.pending.extend_from_slice(bytes);
        if self.pending.len() >= PIECE {
            self.send()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.send()?;
        self.out.flush()
    }
}

/// Reads pieces up to the empty one.
pub struct FramedReader<R: Read> {
    input: R,
    /// What is left of the current piece.
    left: u64,
    at_end: bool,
}

impl<R: Read> FramedReader<R> {
    /// Begins.
    pub fn new(input: R) -> FramedReader<R> {
        FramedReader {
            input,
            left: 0,
            at_end: false,
        }
    }

    /// The stream that the pieces came from.
    pub fn into_inner(self) -> R {
        self.input
    }

    /// Reads and forgets everything up to the end, so that the conversation can go on.
    pub fn drain(&mut self) -> io::Result<()> {
        io::copy(self, &mut io::sink()).map(drop)
    }
}

impl<R: Read> Read for FramedReader<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if into.is_empty() {
            return Ok(0);
        }
        if self.left == 0 && !self.at_end {
            self.left = self.input.read_number().map_err(io::Error::other)?;
            self.at_end = self.left == 0;
        }
        if self.at_end {
            return Ok(0);
        }
        let wanted = into
            .len()
            .min(usize::try_from(self.left).unwrap_or(usize::MAX));
        let n_read = self.input.read(&mut into[..wanted])?;
        if n_read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.left -= n_read as u64;
        Ok(n_read)
    }
}

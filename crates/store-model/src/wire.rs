//! The primitives of the store's protocols: numbers of 8 bytes, strings with their length and
//! padding, and counted lists.
//!
//! What is read comes from a peer that may lie, so every string and list has a bound, and memory
//! is taken as bytes arrive, not as lengths announce them.

use std::collections::BTreeSet;
use std::fmt;
use std::io::{self, Read, Write};

use crate::{StoreDir, StorePath, StorePathError};

/// The longest string a peer may send outside of archives.
pub const MAX_STRING_LEN: usize = 64 * 1024 * 1024;

/// The longest list a peer may send.
pub const MAX_LIST_LEN: u64 = 16 * 1024 * 1024;

/// Reading of protocol primitives, from any reader.
pub trait ReadWire: Read {
    /// Reads a number.
    fn read_number(&mut self) -> Result<u64, WireError> {
        let mut bytes = [0; 8];
        self.read_exact(&mut bytes)?;
        Ok(u64::from_le_bytes(bytes))
    }

    /// Reads a truth value; any number but 0 is true.
    fn read_bool(&mut self) -> Result<bool, WireError> {
        Ok(self.read_number()? != 0)
    }

    /// Reads a string of bytes.
    fn read_bytes(&mut self, max_len: usize) -> Result<Vec<u8>, WireError> {
        let len = self.read_number()?;
        if len > max_len as u64 {
            return Err(WireError::StringTooLong);
        }
        let len = len as usize;
        let mut bytes = Vec::new();
        while bytes.len() < len {
            let start = bytes.len();
            bytes.resize(len.min(start + 64 * 1024), 0);
            self.read_exact(&mut bytes[start..])?;
        }
        let n_zeros = crate::nar::padding(len as u64);
        let mut zeros = [0; 8];
        self.read_exact(&mut zeros[..n_zeros])?;
        if zeros == [0; 8] {
            Ok(bytes)
        } else {
            Err(WireError::NonZeroPadding)
        }
    }

    /// Reads a text.
    fn read_text(&mut self) -> Result<String, WireError> {
        String::from_utf8(self.read_bytes(MAX_STRING_LEN)?).map_err(|_| WireError::NotText)
    }

    /// Reads the length of a list.
    fn read_count(&mut self) -> Result<u64, WireError> {
        match self.read_number()? {
            count if count <= MAX_LIST_LEN => Ok(count),
            _ => Err(WireError::ListTooLong),
        }
    }

    /// Reads a list of texts.
    fn read_texts(&mut self) -> Result<Vec<String>, WireError> {
        (0..self.read_count()?).map(|_| self.read_text()).collect()
    }

    /// Reads a store path, written in full.
    fn read_path(&mut self, store_dir: &StoreDir) -> Result<StorePath, WireError> {
        Ok(store_dir.parse(self.read_text()?)?)
    }

    /// Reads a store path, where the empty text means none.
    fn read_optional_path(&mut self, store_dir: &StoreDir) -> Result<Option<StorePath>, WireError> {
        let text = self.read_text()?;
        if text.is_empty() {
            Ok(None)
        } else {
            Ok(Some(store_dir.parse(text)?))
        }
    }

    /// Reads a set of store paths.
    fn read_paths(&mut self, store_dir: &StoreDir) -> Result<BTreeSet<StorePath>, WireError> {
        (0..self.read_count()?)
            .map(|_| self.read_path(store_dir))
            .collect()
    }
}

impl<R: Read + ?Sized> ReadWire for R {}

/// Writing of protocol primitives, to any writer.
pub trait WriteWire: Write {
    /// Writes a number.
    fn write_number(&mut self, number: u64) -> io::Result<()> {
        self.write_all(&number.to_le_bytes())
    }

    /// Writes a truth value.
    fn write_bool(&mut self, value: bool) -> io::Result<()> {
        self.write_number(u64::from(value))
    }

    /// Writes a string of bytes.
    fn write_bytes(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.write_number(bytes.len() as u64)?;
        self.write_all(bytes)?;
        self.write_all(&[0; 8][..crate::nar::padding(bytes.len() as u64)])
    }

    /// Writes a text.
    fn write_text(&mut self, text: &str) -> io::Result<()> {
        self.write_bytes(text.as_bytes())
    }

    /// Writes a list of texts.
    fn write_texts<T: AsRef<str>>(&mut self, texts: &[T]) -> io::Result<()> {
        self.write_number(texts.len() as u64)?;
        texts
            .iter()
            .try_for_each(|text| self.write_text(text.as_ref()))
    }

    /// Writes a store path in full.
    fn write_path(&mut self, store_dir: &StoreDir, path: &StorePath) -> io::Result<()> {
        self.write_text(&store_dir.print(path))
    }

    /// Writes a store path, or the empty text for none.
    fn write_optional_path(
        &mut self,
        store_dir: &StoreDir,
        path: Option<&StorePath>,
    ) -> io::Result<()> {
        match path {
            Some(path) => self.write_path(store_dir, path),
            None => self.write_text(""),
        }
    }

    /// Writes a set of store paths.
    fn write_paths<'a>(
        &mut self,
        store_dir: &StoreDir,
        paths: impl IntoIterator<Item = &'a StorePath, IntoIter: ExactSizeIterator>,
    ) -> io::Result<()> {
        let paths = paths.into_iter();
        self.write_number(paths.len() as u64)?;
        for path in paths {
            self.write_path(store_dir, path)?;
        }
        Ok(())
    }
}

impl<W: Write + ?Sized> WriteWire for W {}

/// What can go wrong in reading from a peer.
#[derive(Debug)]
#[non_exhaustive]
pub enum WireError {
    /// Reading itself failed.
    Io(io::Error),
    /// The peer's words end in the middle.
    Truncated,
    /// A string is longer than allowed.
    StringTooLong,
    /// A list is longer than allowed.
    ListTooLong,
    /// The bytes after a string are not zero.
    NonZeroPadding,
    /// A text is not UTF-8.
    NotText,
    /// A store path is wrong.
    Path(StorePathError),
    /// A value is none of those that its place allows.
    Invalid(String),
}

impl WireError {
    /// A value that is wrong, with the reason.
    pub fn invalid(reason: impl fmt::Display) -> WireError {
        WireError::Invalid(reason.to_string())
    }
}

impl fmt::Display for WireError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            WireError::Io(error) => error.fmt(f),
            WireError::Truncated => f.write_str("unexpected end-of-file"),
            WireError::StringTooLong => f.write_str("string is too long"),
            WireError::ListTooLong => f.write_str("list is too long"),
            WireError::NonZeroPadding => f.write_str("non-zero padding"),
            WireError::NotText => f.write_str("text in a message is not UTF-8"),
            WireError::Path(error) => error.fmt(f),
            WireError::Invalid(reason) => f.write_str(reason),
        }
    }
}

impl std::error::Error for WireError {}

impl From<io::Error> for WireError {
    fn from(error: io::Error) -> WireError {
        if error.kind() == io::ErrorKind::UnexpectedEof {
            WireError::Truncated
        } else {
            WireError::Io(error)
        }
    }
}

impl From<StorePathError> for WireError {
    fn from(error: StorePathError) -> WireError {
        WireError::Path(error)
    }
}

//! The archive format of the store (NAR) as a stream of events.
//!
//! An archive is one node: a regular file (executable or not), a symbolic link, or a directory of
//! sorted names with a node each; nothing else of a file system is in it, which is why it can be
//! hashed. On the wire every string is its length in 8 bytes, its bytes, and zeros up to a multiple
//! of 8.
//!
//! [`NarReader`] yields [`NarEvent`]s, and [`decode`] pushes them into an [`ArchiveSink`];
//! [`NarWriter`] is the sink that writes an archive, [`GitHasher`](crate::GitHasher) the one that
//! makes a Git tree's hash. Whoever walks a real tree drives either of them.
//!
//! Reading is strict, since archives come from strangers: names are checked and must ascend,
//! padding must be zero, tags, names and link targets are bounded in length, and nesting in depth.
//! Neither direction recurses, and memory does not grow with the archive.

mod error;
mod listing;
mod reader;
mod writer;

use std::io::BufRead;

pub use error::NarError;
pub use listing::{check_nar, list_nar};
pub use reader::{NarEvent, NarReader};
pub use writer::{NarWriter, write_nar_file};

/// What an archive begins with.
pub(crate) const MAGIC: &[u8] = b"nix-archive-1";

/// How deep nodes may be nested, as in the reference.
pub const NAR_MAX_DEPTH: usize = 64;

/// The longest name of a directory entry.
pub(crate) const MAX_NAME_LEN: usize = 255;

/// The longest target of a symbolic link.
pub(crate) const MAX_TARGET_LEN: usize = 4095;

/// Takes a tree, piece by piece in the order of an archive.
///
/// The name of the root is empty; other names follow the directory they are in, in ascending
/// order. After [`ArchiveSink::file`], exactly `size` bytes come through
/// [`ArchiveSink::contents`], in any number of calls.
pub trait ArchiveSink {
    /// A directory begins.
    fn directory(&mut self, name: &[u8]) -> Result<(), NarError>;

    /// The innermost directory ends.
    fn end_directory(&mut self) -> Result<(), NarError>;

    /// A regular file.
    fn file(&mut self, name: &[u8], executable: bool, size: u64) -> Result<(), NarError>;

    /// Bytes of the file that was begun last.
    fn contents(&mut self, bytes: &[u8]) -> Result<(), NarError>;

    /// A symbolic link.
    fn symlink(&mut self, name: &[u8], target: &[u8]) -> Result<(), NarError>;
}

/// Reads one archive from `input` and passes it on. Not a byte after the archive is consumed.
/// Returns the archive's size.
pub fn decode(input: impl BufRead, sink: &mut dyn ArchiveSink) -> Result<u64, NarError> {
    let mut reader = NarReader::new(input);
    while let Some(event) = reader.next_event()? {
        match event {
            NarEvent::Directory { name } => sink.directory(&name)?,
            NarEvent::EndDirectory => sink.end_directory()?,
            NarEvent::Symlink { name, target } => sink.symlink(&name, &target)?,
            NarEvent::File {
                name,
                executable,
                size,
            } => {
                sink.file(&name, executable, size)?;
                loop {
                    let bytes = reader.fill_contents()?;
                    if bytes.is_empty() {
                        break;
                    }
                    sink.contents(bytes)?;
                    let n_bytes = bytes.len();
                    reader.consume_contents(n_bytes);
                }
            }
        }
    }
    Ok(reader.offset())
}

/// Checks the name of a directory entry against the previous one in the same directory.
pub(crate) fn check_entry_name(name: &[u8], previous: Option<&[u8]>) -> Result<(), NarError> {
    if name.is_empty()
        || name == b"."
        || name == b".."
        || name.len() > MAX_NAME_LEN
        || memchr::memchr2(b'/', 0, name).is_some()
    {
        return Err(NarError::InvalidName(name.into()));
    }
    if previous.is_some_and(|previous| name <= previous) {
        return Err(NarError::NotSorted);
    }
    Ok(())
}

/// Checks the target of a symbolic link.
pub(crate) fn check_target(target: &[u8]) -> Result<(), NarError> {
    if target.is_empty() || target.len() > MAX_TARGET_LEN || target.contains(&0) {
        return Err(NarError::InvalidTarget);
    }
    Ok(())
}

/// Number of zeros after a string of `size` bytes.
pub(crate) fn padding(size: u64) -> usize {
    ((8 - size % 8) % 8) as usize
}

//! Archives as trees: tar in any compression, recognised by its first bytes, and zip.
//!
//! The contents of all files go into one temporary file that has no name; the tree knows which part
//! of it belongs to whom. So nothing is ever written to a path that an archive chooses.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Write as _};

use firn_transfer::Compression;

use crate::tree::{CompositeTree, Node};
use crate::{FetchError, Result, zip};

/// An archive, unpacked.
pub(crate) struct Unpacked {
    pub(crate) tree: CompositeTree,
    /// The latest time of any entry.
    pub(crate) last_modified: u64,
}

/// Unpacks what a reader gives. Archives with a single directory at the top are that directory.
pub(crate) fn unpack(
    name: &str,
    input: impl Read + Send + 'static,
    is_zip: bool,
) -> Result<Unpacked> {
    let broken =
        |error: io::Error| FetchError::new(format!("failed to extract archive '{name}': {error}"));
    let mut input = BufReader::with_capacity(1 << 16, input);
    if input.fill_buf().map_err(broken)?.is_empty() {
        return Err(FetchError::new(format!("archive '{name}' is empty")));
    }
    let spool = tempfile::tempfile().map_err(broken)?;
    let mut unpacker = Unpacker {
        tree: CompositeTree::new(name),
        spool,
        offset: 0,
        last_modified: 0,
    };
    if is_zip {
        unpacker.zip(input).map_err(broken)?;
    } else {
        unpacker
            .tar(decompressed(input).map_err(broken)?)
            .map_err(broken)?;
    }
    unpacker.tree.set_spool(unpacker.spool);
    Ok(Unpacked {
        tree: unpacker.tree.without_single_top(),
        last_modified: unpacker.last_modified,
    })
}

/// What an archive holds, whichever way it is compressed.
fn decompressed(mut input: impl BufRead + Send + 'static) -> io::Result<Box<dyn Read + Send>> {
    let compression = match input.fill_buf()? {
        [0x1f, 0x8b, ..] => Compression::Gzip,
        [0xfd, b'7', b'z', b'X', b'Z', ..] => Compression::Xz,
        [b'B', b'Z', b'h', ..] => Compression::Bzip2,
        [0x28, 0xb5, 0x2f, 0xfd, ..] => Compression::Zstd,
        _ => Compression::None,
    };
    compression.reader(input)
}

struct Unpacker {
    tree: CompositeTree,
    spool: File,
    offset: u64,
    last_modified: u64,
}

impl Unpacker {
    fn tar(&mut self, input: impl Read) -> io::Result<()> {
        let mut archive = tar::Archive::new(input);
        let mut n_entries = 0;
        for entry in archive.entries()? {
            let mut entry = entry?;
            n_entries += 1;
            let kind = entry.header().entry_type();
            if matches!(
                kind,
                tar::EntryType::XGlobalHeader | tar::EntryType::XHeader
            ) {
                continue;
            }
            let path = clean(&entry.path_bytes());
            let seconds = entry.header().mtime()?;
            self.last_modified = self.last_modified.max(seconds);
            let target = |entry: &tar::Entry<'_, _>| {
                entry.link_name_bytes().map(std::borrow::Cow::into_owned)
            };
            match kind {
                tar::EntryType::Directory => {
                    if !matches!(self.tree.get(&path), Some(Node::Directory)) {
                        self.tree.insert(&path, Node::Directory);
                    }
                }
                tar::EntryType::Symlink => {
                    let target = target(&entry).unwrap_or_default();
                    self.tree.insert(&path, Node::Link(target));
                }
                tar::EntryType::Link => {
                    let target = clean(&target(&entry).unwrap_or_default());
                    let Some(node) = self.tree.get(&target).cloned() else {
                        return Err(io::Error::other(format!(
                            "hard link '{}' leads nowhere",
                            String::from_utf8_lossy(&path)
                        )));
                    };
                    self.tree.insert(&path, node);
                }
                tar::EntryType::Regular
                | tar::EntryType::Continuous
                | tar::EntryType::GNUSparse => {
                    let executable = entry.header().mode()? & 0o100 != 0;
                    self.file(&path, &mut entry, executable)?;
                }
                _ => {
                    return Err(io::Error::other(format!(
                        "file '{}' in tarball has unsupported file type",
                        String::from_utf8_lossy(&path)
                    )));
                }
            }
        }
        if n_entries == 0 {
            return Err(io::Error::other("it holds nothing, or is no archive"));
        }
        Ok(())
    }

    fn zip(&mut self, mut input: impl Read) -> io::Result<()> {
        let mut file = tempfile::tempfile()?;
        io::copy(&mut input, &mut file)?;
        for entry in zip::entries(&file)? {
            let path = clean(&entry.name);
            self.last_modified = self.last_modified.max(entry.time);
            if entry.is_directory {
                if !path.is_empty() && !matches!(self.tree.get(&path), Some(Node::Directory)) {
                    self.tree.insert(&path, Node::Directory);
                }
                continue;
            }
            let mut contents = zip::open(&file, &entry)?;
            if entry.mode & 0o170_000 == 0o120_000 {
                let mut target = Vec::new();
                contents.read_to_end(&mut target)?;
                self.tree.insert(&path, Node::Link(target));
            } else {
                self.file(&path, &mut contents, entry.mode & 0o100 != 0)?;
            }
        }
        Ok(())
    }

    fn file(&mut self, path: &[u8], contents: &mut impl Read, executable: bool) -> io::Result<()> {
        let len = io::copy(contents, &mut self.spool)?;
        self.spool.flush()?;
        let node = Node::Span {
            offset: self.offset,
            len,
            executable,
        };
        self.offset += len;
        self.tree.insert(path, node);
        Ok(())
    }
}

/// The path of an entry inside the tree: `.` and `..` do not lead out of it.
fn clean(path: &[u8]) -> Vec<u8> {
    let mut parts: Vec<&[u8]> = Vec::new();
    for part in path.split(|&byte| byte == b'/') {
        match part {
            b"" | b"." => {}
            b".." => {
                parts.pop();
            }
            name => parts.push(name),
        }
    }
    parts.join(&b'/')
}

#[cfg(test)]
mod tests {
    use firn_store::tree::{FileKind, SourceTree as _};

    use super::*;

    #[test]
    fn hostile_names_stay_inside() {
        assert_eq!(clean(b"../../etc/./passwd"), b"etc/passwd");
        assert_eq!(clean(b"/a//b/../c"), b"a/c");
    }

    #[test]
    fn a_single_directory_at_the_top_is_left_out() {
        let mut builder = tar::Builder::new(Vec::new());
        for (name, contents) in [("top/a", "one"), ("top/b/c", "two")] {
            let mut header = tar::Header::new_gnu();
            header.set_size(contents.len() as u64);
            header.set_mode(0o755);
            header.set_mtime(1234);
            builder
                .append_data(&mut header, name, contents.as_bytes())
                .expect("appended");
        }
        let bytes = builder.into_inner().expect("finished");
        let unpacked = unpack("x", io::Cursor::new(bytes), false).expect("unpacked");
        assert_eq!(unpacked.last_modified, 1234);
        assert_eq!(unpacked.tree.read(b"b/c").expect("there"), b"two");
        assert_eq!(
            unpacked.tree.kind(b"b").expect("there"),
            FileKind::Directory
        );
        assert!(unpacked.tree.open(b"a").expect("there").executable);
    }
}

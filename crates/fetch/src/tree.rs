//! A tree put together from several places: objects of Git repositories, files on disk, parts of
//! an unpacked archive. It is what fetchers give to the store.
//!
//! All names are known when the tree is made; contents are read when they are asked for. Nothing is
//! reached through a link, since there is no path of the file system to follow.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::os::unix::fs::{FileExt as _, MetadataExt as _};
use std::path::PathBuf;

use firn_store::tree::{FileKind, OpenFile, SourceTree};

/// What is at a path.
#[derive(Clone, Debug)]
pub(crate) enum Node {
    /// A directory.
    Directory,
    /// A link.
    Link(Vec<u8>),
    /// A file of a repository.
    Blob {
        /// Which repository.
        repo: usize,
        id: gix::ObjectId,
        executable: bool,
    },
    /// A link of a repository.
    LinkBlob { repo: usize, id: gix::ObjectId },
    /// A part of the spool.
    Span {
        offset: u64,
        len: u64,
        executable: bool,
    },
    /// A file or link on disk.
    Disk(PathBuf),
    /// A file whose contents alone are on disk.
    Contents { place: PathBuf, executable: bool },
}

/// The tree.
#[derive(Default)]
pub(crate) struct CompositeTree {
    nodes: BTreeMap<Vec<u8>, Node>,
    children: BTreeMap<Vec<u8>, Vec<Vec<u8>>>,
    repos: Vec<gix::ThreadSafeRepository>,
    spool: Option<File>,
    name: String,
}

impl CompositeTree {
    /// A tree that messages call by this name. It begins as an empty directory.
    pub(crate) fn new(name: impl Into<String>) -> Self {
        Self {
            nodes: [(Vec::new(), Node::Directory)].into(),
            name: name.into(),
            ..Self::default()
        }
    }

    /// Makes the objects of a repository available.
    pub(crate) fn add_repo(&mut self, repo: gix::ThreadSafeRepository) -> usize {
        self.repos.push(repo);
        self.repos.len() - 1
    }

    /// The file that spans are parts of.
    pub(crate) fn set_spool(&mut self, spool: File) {
        self.spool = Some(spool);
    }

    /// Puts something at a path; directories above it come to be.
    pub(crate) fn insert(&mut self, path: &[u8], node: Node) {
        if self.nodes.insert(path.to_vec(), node).is_some() || path.is_empty() {
            return;
        }
        let at = path.iter().rposition(|&byte| byte == b'/');
        let (parent, name) = match at {
            Some(at) => (&path[..at], &path[at + 1..]),
            None => (&[][..], path),
        };
        self.children
            .entry(parent.to_vec())
            .or_default()
            .push(name.to_vec());
        if !matches!(self.nodes.get(parent), Some(Node::Directory)) {
            self.insert(parent, Node::Directory);
        }
    }

    pub(crate) fn get(&self, path: &[u8]) -> Option<&Node> {
        self.nodes.get(path)
    }

    /// Takes over what another tree holds, below a path.
    pub(crate) fn mount(&mut self, at: &[u8], other: Self) {
        let first = self.repos.len();
        self.repos.extend(other.repos);
        for (path, node) in other.nodes {
            let node = match node {
                Node::Blob {
                    repo,
                    id,
                    executable,
                } => Node::Blob {
                    repo: repo + first,
                    id,
                    executable,
                },
                Node::LinkBlob { repo, id } => Node::LinkBlob {
                    repo: repo + first,
                    id,
                },
                other => other,
            };
            if path.is_empty() {
                self.insert(at, node);
            } else {
                self.insert(&[at, b"/", &path].concat(), node);
            }
        }
    }

    /// Whether there is nothing in it.
    pub(crate) fn is_empty(&self) -> bool {
        self.children.get(&[][..]).is_none_or(Vec::is_empty)
    }

    /// The tree below the only directory at the top, if that is all there is.
    pub(crate) fn without_single_top(mut self) -> Self {
        let Some([only]) = self.children.get(&[][..]).map(Vec::as_slice) else {
            return self;
        };
        if !matches!(self.nodes.get(only), Some(Node::Directory)) {
            return self;
        }
        let prefix = [only, &b"/"[..]].concat();
        let mut inner = Self::new(std::mem::take(&mut self.name));
        inner.spool = self.spool.take();
        for (path, node) in self.nodes {
            if let Some(rest) = path.strip_prefix(prefix.as_slice()) {
                inner.insert(rest, node);
            }
        }
        inner
    }

    fn node(&self, path: &[u8]) -> io::Result<&Node> {
        self.nodes
            .get(path)
            .ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn object(&self, repo: usize, id: gix::ObjectId) -> io::Result<Vec<u8>> {
        let repo = self.repos[repo].to_thread_local();
        let mut object = repo
            .find_object(id)
            .map_err(|error| io::Error::other(error.to_string()))?;
        Ok(std::mem::take(&mut object.data))
    }

    /// The contents of a file.
    pub(crate) fn read(&self, path: &[u8]) -> io::Result<Vec<u8>> {
        let mut contents = Vec::new();
        self.open(path)?.reader.read_to_end(&mut contents)?;
        Ok(contents)
    }
}

/// A part of a file, read without moving anybody's position.
struct Span<'a> {
    file: &'a File,
    at: u64,
    left: u64,
}

impl Read for Span<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let want = buffer
            .len()
            .min(usize::try_from(self.left).unwrap_or(usize::MAX));
        let got = self.file.read_at(&mut buffer[..want], self.at)?;
        self.at += got as u64;
        self.left -= got as u64;
        Ok(got)
    }
}

impl SourceTree for CompositeTree {
    fn kind(&self, path: &[u8]) -> io::Result<FileKind> {
        Ok(match self.node(path)? {
            Node::Directory => FileKind::Directory,
            Node::Link(_) | Node::LinkBlob { .. } => FileKind::Symlink,
            Node::Blob { .. } | Node::Span { .. } | Node::Contents { .. } => FileKind::Regular,
            Node::Disk(place) => std::fs::symlink_metadata(place)?.file_type().into(),
        })
    }

    fn read_dir(&self, path: &[u8]) -> io::Result<Vec<(Vec<u8>, FileKind)>> {
        let names = self
            .children
            .get(path)
            .map(Vec::as_slice)
            .unwrap_or_default();
        names
            .iter()
            .map(|name| {
                let full = if path.is_empty() {
                    name.clone()
                } else {
                    [path, b"/", name].concat()
                };
                Ok((name.clone(), self.kind(&full)?))
            })
            .collect()
    }

    fn read_link(&self, path: &[u8]) -> io::Result<Vec<u8>> {
        match self.node(path)? {
            Node::Link(target) => Ok(target.clone()),
            Node::LinkBlob { repo, id } => self.object(*repo, *id),
            Node::Disk(place) => Ok(std::fs::read_link(place)?.into_os_string().into_vec()),
            _ => Err(io::ErrorKind::InvalidInput.into()),
        }
    }

    fn open(&self, path: &[u8]) -> io::Result<OpenFile<'_>> {
        let node = self.node(path)?;
        match node {
            Node::Blob {
                repo,
                id,
                executable,
            } => {
                let contents = self.object(*repo, *id)?;
                Ok(OpenFile {
                    size: contents.len() as u64,
                    executable: *executable,
                    reader: Box::new(io::Cursor::new(contents)),
                })
            }
            Node::Span {
                offset,
                len,
                executable,
            } => {
                let file = self.spool.as_ref().ok_or(io::ErrorKind::NotFound)?;
                Ok(OpenFile {
                    size: *len,
                    executable: *executable,
                    reader: Box::new(Span {
                        file,
                        at: *offset,
                        left: *len,
                    }),
                })
            }
            Node::Disk(place) | Node::Contents { place, .. } => {
                let file = File::open(place)?;
                let metadata = file.metadata()?;
                let executable = match node {
                    Node::Contents { executable, .. } => *executable,
                    _ => metadata.mode() & 0o100 != 0,
                };
                Ok(OpenFile {
                    size: metadata.len(),
                    executable,
                    reader: Box::new(file),
                })
            }
            _ => Err(io::ErrorKind::InvalidInput.into()),
        }
    }

    fn display(&self, path: &[u8]) -> String {
        if path.is_empty() {
            return self.name.clone();
        }
        let path = std::ffi::OsStr::from_bytes(path).to_string_lossy();
        format!("{}/{path}", self.name)
    }
}

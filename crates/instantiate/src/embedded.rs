//! Files that live in the program: what `<nix/…>` names, and the standard library if the front end
//! brings one.
//!
//! They are seen below a root of their own. A directory exists because a file lies below it; the
//! tables are sorted, so that what lies below a path is one run of rows.

use std::io;

use firn_eval::FileType;
use firn_source::CanonicalPath;
use firn_store::tree::{FileKind, OpenFile, SourceTree};

/// A table of files: absolute path, whether it may be executed, contents; sorted by path.
pub type EmbeddedFiles = &'static [(&'static str, bool, &'static [u8])];

const OWN: EmbeddedFiles = &[("/nix/fetchurl.nix", false, include_bytes!("fetchurl.nix"))];

/// All files of the embedded root.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Embedded {
    tables: [EmbeddedFiles; 2],
}

/// What is at a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Node {
    File {
        contents: &'static [u8],
        executable: bool,
    },
    Directory,
}

impl Embedded {
    /// Our own files, and a library.
    pub(crate) fn new(library: EmbeddedFiles) -> Self {
        Self {
            tables: [OWN, library],
        }
    }

    /// What is at a path; `None` if nothing is.
    pub(crate) fn find(&self, path: &[u8]) -> Option<Node> {
        for table in self.tables {
            if let Ok(at) = table.binary_search_by(|row| row.0.as_bytes().cmp(path)) {
                let (_, executable, contents) = table[at];
                return Some(Node::File {
                    contents,
                    executable,
                });
            }
        }
        (path == b"/" || self.below(path).next().is_some()).then_some(Node::Directory)
    }

    /// The names in a directory with their types, in order.
    pub(crate) fn list(&self, path: &[u8]) -> Vec<(Vec<u8>, FileType)> {
        let mut names: Vec<(Vec<u8>, FileType)> = Vec::new();
        for rest in self.below(path) {
            let (name, kind) = match rest.iter().position(|&byte| byte == b'/') {
                Some(at) => (&rest[..at], FileType::Directory),
                None => (rest, FileType::Regular),
            };
            if names.last().is_none_or(|last| last.0 != name) {
                names.push((name.to_vec(), kind));
            }
        }
        // `a.b` comes before `a/b` in a table, and after `a` in a listing.
        names.sort_by(|a, b| a.0.cmp(&b.0));
        names.dedup_by(|a, b| a.0 == b.0);
        names
    }

    /// What is left of the paths below a directory.
    fn below<'a>(&'a self, path: &[u8]) -> impl Iterator<Item = &'static [u8]> + 'a {
        let mut prefix = path.to_vec();
        if !prefix.ends_with(b"/") {
            prefix.push(b'/');
        }
        self.tables.into_iter().flat_map(move |table| {
            let start = table.partition_point(|row| row.0.as_bytes() < prefix.as_slice());
            let prefix = prefix.clone();
            let rows = table[start..].iter();
            rows.map_while(move |row| row.0.as_bytes().strip_prefix(prefix.as_slice()))
        })
    }
}

/// An embedded file or directory as a source.
#[derive(Clone, Debug)]
pub struct EmbeddedTree {
    pub(crate) files: Embedded,
    pub(crate) root: CanonicalPath,
}

impl EmbeddedTree {
    fn node(&self, path: &[u8]) -> io::Result<Node> {
        let found = self.files.find(self.root.join(path).as_bytes());
        found.ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}

impl SourceTree for EmbeddedTree {
    fn kind(&self, path: &[u8]) -> io::Result<FileKind> {
        Ok(match self.node(path)? {
            Node::File { .. } => FileKind::Regular,
            Node::Directory => FileKind::Directory,
        })
    }

    fn read_dir(&self, path: &[u8]) -> io::Result<Vec<(Vec<u8>, FileKind)>> {
        let names = self.files.list(self.root.join(path).as_bytes());
        let names = names.into_iter().map(|(name, kind)| {
            let kind = match kind {
                FileType::Directory => FileKind::Directory,
                _ => FileKind::Regular,
            };
            (name, kind)
        });
        Ok(names.collect())
    }

    fn read_link(&self, _path: &[u8]) -> io::Result<Vec<u8>> {
        Err(io::ErrorKind::InvalidInput.into())
    }

    fn open(&self, path: &[u8]) -> io::Result<OpenFile<'_>> {
        match self.node(path)? {
            Node::Directory => Err(io::ErrorKind::IsADirectory.into()),
            Node::File {
                contents,
                executable,
            } => Ok(OpenFile {
                reader: Box::new(contents),
                size: contents.len() as u64,
                executable,
            }),
        }
    }

    fn display(&self, path: &[u8]) -> String {
        display(&self.root.join(path))
    }
}

/// How a path of the embedded root is shown: as expressions name it.
pub(crate) fn display(path: &CanonicalPath) -> String {
    let path = path.to_string();
    match path.strip_prefix("/stdlib") {
        Some(rest) => format!("<firn{rest}>"),
        None => format!("<{}>", path.trim_start_matches('/')),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: EmbeddedFiles = &[
        ("/l/a.b", false, b"1"),
        ("/l/a/c", true, b"2"),
        ("/l/a/d/e", false, b"3"),
        ("/l/ab", false, b"4"),
    ];

    #[test]
    fn directories_follow_from_files() {
        let files = Embedded::new(TABLE);
        let names = |path: &[u8]| {
            let names = files.list(path).into_iter();
            let names: Vec<_> = names
                .map(|(name, kind)| (String::from_utf8_lossy(&name).into_owned(), kind.name()))
                .collect();
            names
        };
        let shown = |list: &[(&str, &'static str)]| -> Vec<(String, &'static str)> {
            list.iter().map(|it| (it.0.to_owned(), it.1)).collect()
        };
        let expected = [("a", "directory"), ("a.b", "regular"), ("ab", "regular")];
        assert_eq!(names(b"/l"), shown(&expected));
        assert_eq!(
            names(b"/l/a"),
            shown(&[("c", "regular"), ("d", "directory")])
        );
        assert_eq!(
            names(b"/"),
            shown(&[("l", "directory"), ("nix", "directory")])
        );
        assert_eq!(files.find(b"/l/a"), Some(Node::Directory));
        assert_eq!(files.find(b"/l/x"), None);
        let expected = Node::File {
            contents: b"2",
            executable: true,
        };
        assert_eq!(files.find(b"/l/a/c"), Some(expected));
    }
}

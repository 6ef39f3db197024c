//! Names that differ in case alone, on file systems that cannot tell them apart.
//!
//! Unpacking with `use-case-hack` gives the second and further of such names a number behind a
//! marker; packing leaves marker and number out again, so that the archive stays what it was.

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::sync::{Mutex, PoisonError};

use super::{FileKind, LocalTree, OpenFile, SourceTree};

/// What stands between a name and the number that tells it apart.
const MARKER: &str = "~nix~case~hack~";

/// The names of a directory that is being unpacked, by themselves in lower case.
#[derive(Default)]
pub(super) struct Names(BTreeMap<Vec<u8>, (Vec<u8>, usize)>);

impl Names {
    /// The name that a file gets. The error says what it collides with.
    pub(super) fn place(&mut self, name: &[u8]) -> Result<Vec<u8>, String> {
        let key = name.to_ascii_lowercase();
        let Some((_, number)) = self.0.get_mut(&key) else {
            self.0.insert(key, (name.to_vec(), 0));
            return Ok(name.to_vec());
        };
        *number += 1;
        let hacked = [name, MARKER.as_bytes(), number.to_string().as_bytes()].concat();
        match self.0.get(&hacked.to_ascii_lowercase()) {
            None => Ok(hacked),
            Some((other, _)) => Err(format!(
                "NAR contains file name '{}' that collides with case-hacked file name '{}'",
                String::from_utf8_lossy(name),
                String::from_utf8_lossy(other)
            )),
        }
    }
}

/// A tree on the local file system, its names without what unpacking may have added to them.
pub struct CaseHackedTree {
    tree: LocalTree,
    /// Where paths really are whose names differ on disk; known once their directory was read.
    places: Mutex<HashMap<Vec<u8>, Vec<u8>>>,
}

impl CaseHackedTree {
    /// The names of a tree as they were before it was unpacked.
    pub fn new(tree: LocalTree) -> Self {
        Self {
            tree,
            places: Mutex::default(),
        }
    }

    fn place(&self, path: &[u8]) -> Vec<u8> {
        let places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        places.get(path).cloned().unwrap_or_else(|| path.to_vec())
    }
}

fn join(directory: &[u8], name: &[u8]) -> Vec<u8> {
    if directory.is_empty() {
        return name.to_vec();
    }
    [directory, b"/", name].concat()
}

impl SourceTree for CaseHackedTree {
    fn kind(&self, path: &[u8]) -> io::Result<FileKind> {
        self.tree.kind(&self.place(path))
    }

    fn read_dir(&self, path: &[u8]) -> io::Result<Vec<(Vec<u8>, FileKind)>> {
        let directory = self.place(path);
        let marker = MARKER.as_bytes();
        let mut entries: BTreeMap<Vec<u8>, (Vec<u8>, FileKind)> = BTreeMap::new();
        for (on_disk, kind) in self.tree.read_dir(&directory)? {
            let at = on_disk.windows(marker.len()).position(|it| it == marker);
            let name = on_disk[..at.unwrap_or(on_disk.len())].to_vec();
            if let Some((other, _)) = entries.get(&name) {
                return Err(io::Error::other(format!(
                    "file name collision between '{}' and '{}'",
                    self.tree.display(&join(&directory, other)),
                    self.tree.display(&join(&directory, &on_disk))
                )));
            }
            entries.insert(name, (on_disk, kind));
        }
        let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        for (name, (on_disk, _)) in &entries {
            let (meant, real) = (join(path, name), join(&directory, on_disk));
            if meant != real {
                places.insert(meant, real);
            }
        }
        let entries = entries.into_iter();
        Ok(entries.map(|(name, (_, kind))| (name, kind)).collect())
    }

    fn read_link(&self, path: &[u8]) -> io::Result<Vec<u8>> {
        self.tree.read_link(&self.place(path))
    }

    fn open(&self, path: &[u8]) -> io::Result<OpenFile<'_>> {
        self.tree.open(&self.place(path))
    }

    fn display(&self, path: &[u8]) -> String {
        self.tree.display(&self.place(path))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_collide_get_numbers() {
        let mut names = Names::default();
        let mut check = |name: &str, expected: Result<&str, &str>| {
            let placed = names.place(name.as_bytes());
            let placed = placed.map(|it| String::from_utf8_lossy(&it).into_owned());
            match (placed, expected) {
                (Ok(placed), Ok(expected)) => assert_eq!(placed, expected),
                (Err(error), Err(part)) => assert!(error.contains(part), "{error}"),
                (placed, _) => panic!("{name}: {placed:?}"),
            }
        };
        check("Foo", Ok("Foo"));
        check("bar", Ok("bar"));
        check("fOO", Ok("fOO~nix~case~hack~1"));
        check("foo", Ok("foo~nix~case~hack~2"));
        check("Test", Ok("Test"));
        check("Test~nix~case~hack~1", Ok("Test~nix~case~hack~1"));
        check("test", Err("collides with case-hacked file name"));
    }

    #[test]
    fn trees_are_read_without_the_numbers() {
        let folder = tempfile::tempdir().expect("a scratch folder");
        let inner = folder.path().join("d~nix~case~hack~1");
        std::fs::create_dir(&inner).expect("fresh");
        std::fs::write(inner.join("x~nix~case~hack~2"), "deep").expect("fresh");
        std::fs::write(folder.path().join("D"), "").expect("fresh");
        let tree = CaseHackedTree::new(LocalTree::new(folder.path()));
        let names = |path: &[u8]| -> Vec<Vec<u8>> {
            let entries = tree.read_dir(path).expect("readable");
            entries.into_iter().map(|it| it.0).collect()
        };
        assert_eq!(names(b""), [b"D", b"d"]);
        assert_eq!(names(b"d"), [b"x"]);
        assert_eq!(tree.open(b"d/x").expect("there").size, 4);
        std::fs::write(folder.path().join("D~nix~case~hack~7"), "").expect("fresh");
        let error = tree.read_dir(b"").expect_err("two are called the same");
        assert!(error.to_string().contains("collision"), "{error}");
    }
}

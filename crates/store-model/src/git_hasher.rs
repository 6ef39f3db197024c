//! The hash of a tree as Git would name it: blobs for files and links, trees for directories.

use std::collections::BTreeMap;

use firn_hash::{Algorithm, Hash, Hasher};

use crate::nar::{ArchiveSink, NarError, check_entry_name};

/// The mode of an entry as Git writes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    Directory,
    Executable,
    Regular,
    Symlink,
}

impl Mode {
    fn octal(self) -> &'static str {
        match self {
            Mode::Directory => "40000",
            Mode::Executable => "100755",
            Mode::Regular => "100644",
            Mode::Symlink => "120000",
        }
    }
}

/// A directory whose entries are still coming. Git sorts directories as if their names ended in a
/// slash, which is how they are kept here.
struct Tree {
    name: Vec<u8>,
    entries: BTreeMap<Vec<u8>, (Mode, Hash)>,
}

struct File {
    name: Vec<u8>,
    mode: Mode,
    left: u64,
    hasher: Hasher,
}

/// Takes a tree and makes its Git object's hash.
pub struct GitHasher {
    algorithm: Algorithm,
    stack: Vec<Tree>,
    file: Option<File>,
    root: Option<Hash>,
}

impl GitHasher {
    /// Starts a hash. Git itself knows SHA-1 and SHA-256.
    pub fn new(algorithm: Algorithm) -> GitHasher {
        GitHasher {
            algorithm,
            stack: Vec::new(),
            file: None,
            root: None,
        }
    }

    /// Ends the hash.
    pub fn finish(self) -> Result<Hash, NarError> {
        self.root
            .ok_or(NarError::Misuse("the tree is not complete"))
    }

    fn begin_node(&self, name: &[u8]) -> Result<(), NarError> {
        if self.file.is_some() || self.root.is_some() {
            return Err(NarError::Misuse("a node out of place"));
        }
        if self.stack.is_empty() {
            Ok(())
        } else {
            check_entry_name(name, None)
        }
    }

    fn end_node(&mut self, mut name: Vec<u8>, mode: Mode, hash: Hash) {
        match self.stack.last_mut() {
            None => self.root = Some(hash),
            Some(tree) => {
                if mode == Mode::Directory {
                    name.push(b'/');
                }
                tree.entries.insert(name, (mode, hash));
            }
        }
    }

    fn object(&self, kind: &str, size: u64) -> Hasher {
        let mut hasher = Hasher::new(self.algorithm);
        hasher.update(format!("{kind} {size}\0").as_bytes());
        hasher
    }

    fn end_file_if_complete(&mut self) {
        if self.file.as_ref().is_some_and(|file| file.left == 0)
            && let Some(file) = self.file.take()
        {
            self.end_node(file.name, file.mode, file.hasher.finish());
        }
    }
}

impl ArchiveSink for GitHasher {
    fn directory(&mut self, name: &[u8]) -> Result<(), NarError> {
        self.begin_node(name)?;
        self.stack.push(Tree {
            name: name.into(),
            entries: BTreeMap::new(),
        });
        Ok(())
    }

    fn end_directory(&mut self) -> Result<(), NarError> {
        let tree = self
            .stack
            .pop()
            .ok_or(NarError::Misuse("no directory is open"))?;
        let mut text = Vec::new();
        for (key, (mode, hash)) in &tree.entries {
            let name = if *mode == Mode::Directory {
                &key[..key.len() - 1]
            } else {
                key
            };
            text.extend_from_slice(mode.octal().as_bytes());
            text.push(b' ');
            text.extend_from_slice(name);
            text.push(0);
            text.extend_from_slice(hash.digest());
        }
        let mut hasher = self.object("tree", text.len() as u64);
        hasher.update(&text);
        self.end_node(tree.name, Mode::Directory, hasher.finish());
        Ok(())
    }

    fn file(&mut self, name: &[u8], executable: bool, size: u64) -> Result<(), NarError> {
        self.begin_node(name)?;
        let mode = if executable {
            Mode::Executable
        } else {
            Mode::Regular
        };
        let hasher = self.object("blob", size);
        self.file = Some(File {
            name: name.into(),
            mode,
            left: size,
            hasher,
        });
        self.end_file_if_complete();
        Ok(())
    }

    fn contents(&mut self, bytes: &[u8]) -> Result<(), NarError> {
        if bytes.is_empty() {
            return Ok(());
        }
        let too_much = NarError::Misuse("more contents than the file's size");
        let Some(file) = &mut self.file else {
            return Err(too_much);
        };
        file.left = file.left.checked_sub(bytes.len() as u64).ok_or(too_much)?;
        file.hasher.update(bytes);
        self.end_file_if_complete();
        Ok(())
    }

    fn symlink(&mut self, name: &[u8], target: &[u8]) -> Result<(), NarError> {
        self.begin_node(name)?;
        let mut hasher = self.object("blob", target.len() as u64);
        hasher.update(target);
        self.end_node(name.into(), Mode::Symlink, hasher.finish());
        Ok(())
    }
}

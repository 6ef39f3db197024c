//! Files as evaluation sees them: source paths mapped to places on this machine.
//!
//! A path of the host's root is a path of this machine, except below the store directory: there it
//! is wherever the store keeps the object, which for a rootless or a chroot store is somewhere
//! else. Files of the embedded root live in the program itself.

use std::collections::HashSet;
use std::io;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};

use firn_eval::{FileType, HostError};
use firn_source::{CanonicalPath, RootId, SourcePath};
use firn_store::Store;

use crate::embedded::{self, Embedded, EmbeddedFiles, EmbeddedTree, Node};
use crate::observer::Observer;
use crate::source_tree::Source;

/// A link may lead to a link; this many in a row are taken for a circle.
const MAX_LINKS: usize = 1024;

/// Entries of a directory; a type may be left for later.
type Listing = Vec<(Vec<u8>, Option<FileType>)>;

/// The file systems of an evaluation.
pub(crate) struct Files {
    store: Arc<dyn Store>,
    embedded: Embedded,
    observer: Option<Arc<dyn Observer>>,
    /// Directories with no link on the way to them. An evaluation asks for the files of one again
    /// and again, and takes no notice of a directory that becomes a link meanwhile.
    plain: RwLock<HashSet<CanonicalPath>>,
}

impl Files {
    pub(crate) fn new(
        store: Arc<dyn Store>,
        library: EmbeddedFiles,
        observer: Option<Arc<dyn Observer>>,
    ) -> Self {
        Self {
            observer,
            store,
            embedded: Embedded::new(library),
            plain: RwLock::default(),
        }
    }

    fn is_plain(&self, directory: &CanonicalPath) -> bool {
        let plain = self.plain.read().unwrap_or_else(PoisonError::into_inner);
        plain.contains(directory)
    }

    /// Forgets which directories no link leads to.
    pub(crate) fn forget(&self) {
        let mut plain = self.plain.write().unwrap_or_else(PoisonError::into_inner);
        plain.clear();
    }

    /// Where a path of the host's root really lies.
    pub(crate) fn place(&self, path: &CanonicalPath) -> PathBuf {
        let bytes = path.as_bytes();
        let store_dir = self.store.store_dir();
        if store_dir.contains(bytes)
            && let Ok((object, rest)) = store_dir.split(bytes)
            && let Some(physical) = self.store.physical_path(&object)
        {
            let rest = std::ffi::OsStr::from_bytes(rest.strip_prefix(b"/").unwrap_or(rest));
            // Where paths do not lie where they say, an object of another store with the same
            // directory is better than none.
            let is_elsewhere = !bytes.starts_with(physical.as_os_str().as_bytes());
            if !is_elsewhere || physical.symlink_metadata().is_ok() {
                return if rest.is_empty() {
                    physical
                } else {
                    physical.join(rest)
                };
            }
        }
        PathBuf::from(std::ffi::OsStr::from_bytes(bytes))
    }

    /// Who is to be told of what is found at a path; nobody if it is in the store, where only the
    /// object itself counts.
    fn observer(&self, path: &CanonicalPath) -> Option<&dyn Observer> {
        let observer = self.observer.as_deref()?;
        let store_dir = self.store.store_dir();
        if store_dir.contains(path.as_bytes())
            && let Ok((object, _)) = store_dir.split(path.as_bytes())
        {
            observer.uses(&object);
            return None;
        }
        Some(observer)
    }

    /// The tree at a path as a source.
    pub(crate) fn source(&self, path: &SourcePath) -> Source {
        if path.root == RootId::EMBEDDED {
            return Source::Embedded(self.embedded_tree(path));
        }
        let observed = self.observer(&path.path).is_some();
        Source::Local {
            path: self.place(&path.path),
            observer: self.observer.clone().filter(|_| observed),
        }
    }

    /// The embedded files from a path on, as a source.
    fn embedded_tree(&self, path: &SourcePath) -> EmbeddedTree {
        EmbeddedTree {
            files: self.embedded,
            root: path.path.clone(),
        }
    }

    /// How a path is shown.
    pub(crate) fn display(path: &SourcePath) -> String {
        match path.root {
            RootId::EMBEDDED => embedded::display(&path.path),
            _ => path.path.to_string(),
        }
    }

    pub(crate) fn read(&self, path: &SourcePath) -> Result<Arc<[u8]>, HostError> {
        if path.root == RootId::EMBEDDED {
            return match self.embedded.find(path.path.as_bytes()) {
                Some(Node::File { contents, .. }) => Ok(contents.into()),
                Some(Node::Directory) => Err(HostError::new("read of 4096 bytes: Is a directory")),
                None => Err(missing(path)),
            };
        }
        let (place, observer) = (self.place(&path.path), self.observer(&path.path));
        if let Some(observer) = observer {
            observer.reads(&place);
        }
        match std::fs::read(&place) {
            Ok(contents) if u32::try_from(contents.len()).is_ok() => {
                if let Some(observer) = observer {
                    observer.read(&place, &contents);
                }
                Ok(contents.into())
            }
            Ok(_) => Err(HostError::new(format!(
                "file '{}' is 4 GiB or larger",
                Self::display(path)
            ))),
            Err(error) if error.kind() == io::ErrorKind::IsADirectory => {
                Err(HostError::new("read of 4096 bytes: Is a directory"))
            }
            Err(error) => Err(failed("opening file", path, &error)),
        }
    }

    pub(crate) fn file_type(&self, path: &SourcePath) -> Result<Option<FileType>, HostError> {
        if path.root == RootId::EMBEDDED {
            let found = self.embedded.find(path.path.as_bytes());
            return Ok(found.map(|node| match node {
                Node::File { .. } => FileType::Regular,
                Node::Directory => FileType::Directory,
            }));
        }
        let place = self.place(&path.path);
        let found = match std::fs::symlink_metadata(&place) {
            Ok(metadata) => Some(kind(metadata.file_type())),
            Err(error) if is_absent(&error) => None,
            Err(error) => return Err(failed("getting status of", path, &error)),
        };
        if let Some(observer) = self.observer(&path.path) {
            observer.saw(&place, found);
        }
        Ok(found)
    }

    pub(crate) fn read_dir(&self, path: &SourcePath) -> Result<Listing, HostError> {
        let listing = |error: io::Error| {
            if is_absent(&error) && error.kind() == io::ErrorKind::NotFound {
                return missing(path);
            }
            HostError::new(format!(
                "cannot read directory \"{}\": {}",
                Self::display(path),
                reason(&error)
            ))
        };
        if path.root == RootId::EMBEDDED {
            return match self.file_type(path)? {
                Some(FileType::Directory) => {
                    let names = self.embedded.list(path.path.as_bytes()).into_iter();
                    Ok(names.map(|(name, kind)| (name, Some(kind))).collect())
                }
                Some(_) => Err(listing(io::ErrorKind::NotADirectory.into())),
                None => Err(missing(path)),
            };
        }
        let mut entries = Vec::new();
        for entry in std::fs::read_dir(self.place(&path.path)).map_err(listing)? {
            let entry = entry.map_err(listing)?;
            let kind = entry.file_type().ok().map(kind);
            entries.push((entry.file_name().into_vec(), kind));
        }
        entries.sort_by(|(a, _), (b, _)| a.cmp(b));
        if let Some(observer) = self.observer(&path.path) {
            observer.listed(&self.place(&path.path), &entries);
        }
        Ok(entries)
    }

    pub(crate) fn read_link(&self, path: &SourcePath) -> Result<Vec<u8>, HostError> {
        let target = std::fs::read_link(self.place(&path.path));
        let target = target.map_err(|error| failed("reading symbolic link", path, &error))?;
        let target = target.into_os_string().into_vec();
        if let Some(observer) = self.observer(&path.path) {
            observer.followed(&self.place(&path.path), &target);
        }
        Ok(target)
    }

    /// Resolves links component by component; what does not exist is left as it is. Each step is
    /// checked before it is looked at.
    pub(crate) fn resolve(
        &self,
        path: &SourcePath,
        last: bool,
        check: &dyn Fn(&SourcePath) -> Result<(), HostError>,
    ) -> Result<SourcePath, HostError> {
        if path.root == RootId::EMBEDDED {
            return Ok(path.clone());
        }
        check(path)?;
        if self.is_plain(&path.path) {
            return Ok(path.clone());
        }
        let parent = path.parent();
        if let Some(parent) = &parent
            && self.is_plain(&parent.path)
            && (!last || self.file_type(path).ok().flatten() != Some(FileType::Symlink))
        {
            return Ok(path.clone());
        }
        let mut todo: Vec<Vec<u8>> = path.path.components().rev().map(<[u8]>::to_vec).collect();
        let mut done = SourcePath {
            root: path.root,
            path: CanonicalPath::root(),
        };
        let mut n_links = 0;
        while let Some(component) = todo.pop() {
            let next = done.join(&component);
            let follow = last || !todo.is_empty();
            let kind = if follow {
                check(&next)?;
                self.file_type(&next).ok().flatten()
            } else {
                None
            };
            if kind != Some(FileType::Symlink) {
                done = next;
                if todo.len() == 1 && n_links == 0 && kind == Some(FileType::Directory) {
                    let mut plain = self.plain.write().unwrap_or_else(PoisonError::into_inner);
                    plain.insert(done.path.clone());
                }
                continue;
            }
            n_links += 1;
            if n_links > MAX_LINKS {
                return Err(HostError::new(format!(
                    "infinite symlink recursion in path '{}'",
                    Self::display(path)
                )));
            }
            let target = self.read_link(&next)?;
            if target.starts_with(b"/") {
                done.path = CanonicalPath::root();
            }
            let components = target.split(|&byte| byte == b'/').rev();
            for component in components.filter(|component| !component.is_empty()) {
                todo.push(component.to_vec());
            }
        }
        Ok(done)
    }
}

fn kind(kind: std::fs::FileType) -> FileType {
    if kind.is_file() {
        FileType::Regular
    } else if kind.is_dir() {
        FileType::Directory
    } else if kind.is_symlink() {
        FileType::Symlink
    } else {
        FileType::Unknown
    }
}

fn is_absent(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
    )
}

/// The error of a path that is not there.
pub(crate) fn missing(path: &SourcePath) -> HostError {
    HostError::new(format!("path '{}' does not exist", Files::display(path)))
}

fn failed(doing: &str, path: &SourcePath, error: &io::Error) -> HostError {
    if is_absent(error) {
        return missing(path);
    }
    HostError::new(format!(
        "{doing} '{}': {}",
        Files::display(path),
        reason(error)
    ))
}

/// The system's words alone, without the number that Rust adds.
fn reason(error: &io::Error) -> String {
    let text = error.to_string();
    match text.rfind(" (os error ") {
        Some(at) => text[..at].to_owned(),
        None => text,
    }
}

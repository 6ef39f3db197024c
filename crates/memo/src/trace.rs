//! What a result depends on, and whether that still holds.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fmt;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::time::SystemTime;

use firn_eval::{FileType, Message};
use firn_hash::Hasher;
use firn_store::{Store, StorePathSet};
use firn_store_model::StorePath;
use serde::{Deserialize, Serialize};

use crate::source::{Refetch, Source};
use crate::stat::Stat;

/// A digest of contents.
pub(crate) type Digest = [u8; 32];

/// What was found at a path. Each part is there if it was asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Found {
    /// What it is, links not followed.
    pub(crate) kind: Option<Kind>,
    /// The contents of a file.
    pub(crate) contents: Option<Seen>,
    /// The names in a directory with their types.
    pub(crate) listing: Option<Seen>,
    /// The target of a link.
    pub(crate) target: Option<Digest>,
}

/// What is at a path: a letter for each kind of file, and one for nothing.
pub(crate) type Kind = u8;

/// The kind of a path where nothing is.
pub(crate) const ABSENT: Kind = 9;

/// Contents that were seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Seen {
    /// The status just before; `None` if there was none to be had.
    pub(crate) stat: Option<Stat>,
    /// Their digest, if it was taken.
    pub(crate) digest: Option<Digest>,
    /// Whether the status proves nothing.
    pub(crate) is_racy: bool,
}

/// Something that the user was told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Said {
    kind: u8,
    text: Vec<u8>,
}

/// What a result depends on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trace {
    pub(crate) paths: BTreeMap<Vec<u8>, Found>,
    pub(crate) variables: BTreeMap<Vec<u8>, Option<Vec<u8>>>,
    /// Sources that were fetched and may be others next time.
    pub(crate) sources: Vec<Source>,
    /// Store objects that were looked into, with the hash of their archive if they were valid.
    pub(crate) uses: BTreeMap<String, Option<String>>,
    /// Store objects that the evaluation made and that no other of them refers to.
    pub(crate) made: Vec<String>,
    pub(crate) said: Vec<Said>,
}

/// The first thing that does not hold any more.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Change {
    /// The contents of a file.
    File(String),
    /// The names in a directory.
    Directory(String),
    /// The target of a link.
    Link(String),
    /// Something is where nothing was.
    Appeared(String),
    /// Nothing is where something was.
    Vanished(String),
    /// Something else is there: a directory where a file was.
    Kind(String),
    /// An environment variable.
    Variable(String),
    /// A source that was fetched.
    Source(String),
    /// A store object that was looked into.
    StoreObject(String),
    /// A store object that the result names is not there any more.
    Collected(String),
    /// The store cannot be asked.
    Store(String),
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "file '{path}' has changed"),
            Self::Directory(path) => write!(f, "directory '{path}' has other entries"),
            Self::Link(path) => write!(f, "link '{path}' leads elsewhere"),
            Self::Appeared(path) => write!(f, "'{path}' is there now"),
            Self::Vanished(path) => write!(f, "'{path}' is gone"),
            Self::Kind(path) => write!(f, "'{path}' is something else now"),
            Self::Variable(name) => write!(f, "variable '{name}' has another value"),
            Self::Source(source) => write!(f, "source '{source}' is another one now"),
            Self::StoreObject(path) => write!(f, "store object '{path}' is not what it was"),
            Self::Collected(path) => write!(f, "store object '{path}' has been collected"),
            Self::Store(error) => write!(f, "the store cannot be asked: {error}"),
        }
    }
}

impl Trace {
    /// Whether everything is still as it was. Where contents had to be compared and are the same,
    /// their new status is noted, so that it is enough next time; then `true`. Sources whose files
    /// do not say whether they are the same are fetched again.
    pub fn check(
        &mut self,
        environment: &dyn Fn(&[u8]) -> Option<Vec<u8>>,
        store: &dyn Store,
        refetch: &Refetch<'_>,
    ) -> Result<bool, Change> {
        let noted = self.check_outside(environment, refetch)?;
        self.check_store(store)?;
        Ok(noted)
    }

    /// The same for everything but the store: for results that a root keeps alive.
    pub fn check_outside(
        &mut self,
        environment: &dyn Fn(&[u8]) -> Option<Vec<u8>>,
        refetch: &Refetch<'_>,
    ) -> Result<bool, Change> {
        for (name, value) in &self.variables {
            if environment(name) != *value {
                return Err(Change::Variable(lossy(name)));
            }
        }
        let now = SystemTime::now();
        let mut noted = false;
        for (path, found) in &mut self.paths {
            noted |= found.check(path, now)?;
        }
        for source in &mut self.sources {
            noted |= source.check(now, refetch)?;
        }
        Ok(noted)
    }

    fn check_store(&self, store: &dyn Store) -> Result<(), Change> {
        let failed = |error: firn_store::StoreError| Change::Store(error.to_string());
        for (name, hash) in &self.uses {
            if archive_hash(store, name).map_err(failed)? != *hash {
                return Err(Change::StoreObject(name.clone()));
            }
        }
        let made = self.made.iter().filter_map(|it| StorePath::parse(it).ok());
        let made: StorePathSet = made.collect();
        let valid = store.query_valid_paths(&made).map_err(failed)?;
        match made.iter().find(|it| !valid.contains(*it)) {
            Some(gone) => Err(Change::Collected(gone.to_string())),
            None => Ok(()),
        }
    }

    /// What the user was told.
    pub fn messages(&self) -> impl Iterator<Item = Message> {
        self.said.iter().map(|it| {
            let text = it.text.clone();
            match it.kind {
                0 => Message::Trace(text),
                1 => Message::Warning(text),
                2 => Message::Remark(text),
                _ => Message::Info(text),
            }
        })
    }

    /// The files, directories and absent paths that it depends on.
    pub fn paths(&self) -> impl Iterator<Item = &Path> {
        self.paths.keys().map(|it| Path::new(OsStr::from_bytes(it)))
    }
}

/// The hash of a store object's archive; `None` if it is not valid.
pub(crate) fn archive_hash(
    store: &dyn Store,
    name: &str,
) -> Result<Option<String>, firn_store::StoreError> {
    let Ok(path) = StorePath::parse(name) else {
        return Ok(None);
    };
    let info = store.query_path_info(&path)?;
    Ok(info.map(|it| it.info.nar_hash.to_nix32()))
}

impl Found {
    /// Whether this is still what is at a path, and whether a new status was noted.
    fn check(&mut self, path: &[u8], now: SystemTime) -> Result<bool, Change> {
        let place = Path::new(OsStr::from_bytes(path));
        let mut noted = false;
        if let Some(before) = self.kind {
            let after = kind_at(place);
            if before != after {
                return Err(match (before, after) {
                    (ABSENT, _) => Change::Appeared(lossy(path)),
                    (_, ABSENT) => Change::Vanished(lossy(path)),
                    _ => Change::Kind(lossy(path)),
                });
            }
        }
        if let Some(before) = self.target {
            let target = std::fs::read_link(place).ok();
            let digest = target.map(|it| digest(it.as_os_str().as_bytes()));
            if digest != Some(before) {
                return Err(Change::Link(lossy(path)));
            }
        }
        if let Some(seen) = &mut self.contents {
            let contents = || std::fs::read(place).ok().map(|it| digest(&it));
            match seen.check(place, now, contents) {
                Some(new) => noted |= new,
                None => return Err(Change::File(lossy(path))),
            }
        }
        if let Some(seen) = &mut self.listing {
            match seen.check(place, now, || listing_at(place)) {
                Some(new) => noted |= new,
                None => return Err(Change::Directory(lossy(path))),
            }
        }
        Ok(noted)
    }
}

impl Seen {
    /// Whether what is there now is the same; `None` if not, and otherwise whether a new status
    /// was noted.
    fn check(
        &mut self,
        place: &Path,
        now: SystemTime,
        read: impl FnOnce() -> Option<Digest>,
    ) -> Option<bool> {
        let stat = Stat::of(place)?;
        if Some(stat) == self.stat && !self.is_racy {
            return Some(false);
        }
        // The status is taken before the contents: a change in between shows next time.
        let before = self.digest?;
        if read()? != before {
            return None;
        }
        self.stat = Some(stat);
        self.is_racy = stat.is_racy(now);
        Some(true)
    }
}

impl Said {
    pub(crate) fn new(message: &Message) -> Self {
        let (kind, text) = match message {
            Message::Trace(text) => (0, text),
            Message::Warning(text) => (1, text),
            Message::Remark(text) => (2, text),
            Message::Info(text) => (3, text),
        };
        Self {
            kind,
            text: text.clone(),
        }
    }
}

fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

pub(crate) fn digest(contents: &[u8]) -> Digest {
    let hash = Hasher::sha256(contents);
    let mut digest = [0; 32];
    digest.copy_from_slice(hash.digest());
    digest
}

pub(crate) fn kind_byte(kind: FileType) -> Kind {
    match kind {
        FileType::Regular => 0,
        FileType::Directory => 1,
        FileType::Symlink => 2,
        FileType::Unknown => 3,
    }
}

fn kind_of(kind: std::fs::FileType) -> Kind {
    kind_byte(if kind.is_file() {
        FileType::Regular
    } else if kind.is_dir() {
        FileType::Directory
    } else if kind.is_symlink() {
        FileType::Symlink
    } else {
        FileType::Unknown
    })
}

fn kind_at(place: &Path) -> Kind {
    let metadata = std::fs::symlink_metadata(place);
    metadata.map_or(ABSENT, |it| kind_of(it.file_type()))
}

/// The digest of a listing; entries are in the order of names.
pub(crate) fn listing_digest(entries: impl Iterator<Item = (Vec<u8>, Option<Kind>)>) -> Digest {
    let mut text = Vec::new();
    for (name, kind) in entries {
        text.extend_from_slice(&name);
        text.extend_from_slice(&[0, kind.map_or(b'?', |it| b'0' + it)]);
    }
    digest(&text)
}

fn listing_at(place: &Path) -> Option<Digest> {
    let mut entries = Vec::new();
    for entry in std::fs::read_dir(place).ok()? {
        let entry = entry.ok()?;
        let kind = entry.file_type().ok().map(kind_of);
        entries.push((entry.file_name().as_bytes().to_vec(), kind));
    }
    entries.sort();
    Some(listing_digest(entries.into_iter()))
}

//! A tree of links that merges several packages, as profiles are.
//!
//! A directory that only one package has becomes one link to it; where two have it, it becomes a
//! directory and both are merged into it. Of two packages with the same file the one with the
//! lower priority number wins; equal priorities are a conflict. What packages propagate comes
//! after everything that was asked for.
//!
//! Links name logical paths. Where the store lies elsewhere, what is read is found by a function
//! that says where a path really is.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::io::ErrorKind;
use std::path::{Component, Path, PathBuf};

/// Names that every package may have and no profile needs.
const LEFT_OUT: [&str; 7] = [
    "/propagated-build-inputs",
    "/nix-support",
    "/perllocal.pod",
    "/info/dir",
    "/log",
    "/manifest.nix",
    "/manifest.json",
];

/// How many links are followed before a circle is assumed.
const MAX_LINKS: usize = 64;

/// A package that is to be merged.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct LinkedPackage {
    /// Which one wins where two have the same file: that with the lower number.
    pub priority: i64,
    /// Its path in the store.
    pub path: PathBuf,
}

/// Two packages of the same priority have the same file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileConflict {
    /// The file of the package that came first.
    pub existing: PathBuf,
    /// That of the other.
    pub new: PathBuf,
    /// Their priority.
    pub priority: i64,
}

impl fmt::Display for FileConflict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Unable to build profile. There is a conflict for the following files:\n\n  {}\n  {}\n\n\
             Both have the priority {}.",
            self.existing.display(),
            self.new.display(),
            self.priority
        )
    }
}

/// Why packages cannot be merged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LinkTreeError {
    /// They have the same file.
    Conflict(FileConflict),
    /// Anything else, said in full.
    Other(String),
}

impl fmt::Display for LinkTreeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Conflict(conflict) => conflict.fmt(f),
            Self::Other(text) => f.write_str(text),
        }
    }
}

impl std::error::Error for LinkTreeError {}

/// For `map_err`: what was done to which path.
fn failed<'a>(what: &'a str, path: &'a Path) -> impl FnOnce(std::io::Error) -> LinkTreeError + 'a {
    move |error| {
        LinkTreeError::Other(format!(
            "{what} '{}': {}",
            path.display(),
            crate::error::plain(&error)
        ))
    }
}

/// Merges packages into a directory, which is made if it is not there. `physical` says where a path
/// that may be one of the store lies; `warn` is told what is left out.
pub fn link_packages(
    mut packages: Vec<LinkedPackage>,
    out: &Path,
    physical: &dyn Fn(&Path) -> PathBuf,
    warn: &dyn Fn(&str),
) -> Result<(), LinkTreeError> {
    std::fs::create_dir_all(out).map_err(failed("creating directory", out))?;
    packages.sort();
    let mut merge = Merge {
        physical,
        warn,
        priorities: BTreeMap::new(),
    };
    let mut done = BTreeSet::new();
    let mut postponed = BTreeSet::new();
    for package in packages {
        merge.add(
            &package.path,
            package.priority,
            out,
            &mut done,
            &mut postponed,
        )?;
    }
    let mut priority = 1000;
    while !postponed.is_empty() {
        for package in std::mem::take(&mut postponed) {
            merge.add(&package, priority, out, &mut done, &mut postponed)?;
            priority += 1;
        }
    }
    Ok(())
}

struct Merge<'a> {
    physical: &'a dyn Fn(&Path) -> PathBuf,
    warn: &'a dyn Fn(&str),
    priorities: BTreeMap<PathBuf, i64>,
}

impl Merge<'_> {
    /// What a path is once all links are followed, the store's as they lie on this machine.
    fn resolve(&self, path: &Path) -> Option<(PathBuf, std::fs::Metadata)> {
        let mut logical = path.to_owned();
        for _ in 0..MAX_LINKS {
            let mut seen = PathBuf::new();
            let mut link = None;
            let mut components = logical.components();
            for component in components.by_ref() {
                match component {
                    Component::ParentDir => {
                        seen.pop();
                    }
                    Component::CurDir => {}
                    other => seen.push(other),
                }
                let physical = (self.physical)(&seen);
                let metadata = std::fs::symlink_metadata(&physical).ok();
                if metadata.is_some_and(|metadata| metadata.is_symlink()) {
                    link = Some(std::fs::read_link(physical).ok()?);
                    break;
                }
            }
            match link {
                None => {
                    let metadata = std::fs::symlink_metadata((self.physical)(&seen)).ok()?;
                    return Some((seen, metadata));
                }
                Some(target) => {
                    // A relative target starts from the link's directory; an absolute one
                    // replaces everything.
                    seen.pop();
                    logical = seen.join(target).join(components.as_path());
                }
            }
        }
        None
    }

    fn add(
        &mut self,
        package: &Path,
        priority: i64,
        out: &Path,
        done: &mut BTreeSet<PathBuf>,
        postponed: &mut BTreeSet<PathBuf>,
    ) -> Result<(), LinkTreeError> {
        if !done.insert(package.to_owned()) {
            return Ok(());
        }
        self.link_directory(package, out, priority)?;
        let propagated = (self.physical)(package).join("nix-support/propagated-user-env-packages");
        match std::fs::read_to_string(&propagated) {
            Ok(text) => postponed.extend(
                text.split_whitespace()
                    .map(PathBuf::from)
                    .filter(|path| !done.contains(path)),
            ),
            Err(error)
                if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {}
            Err(error) => return Err(failed("reading", &propagated)(error)),
        }
        Ok(())
    }

    /// Merges a directory of the store (by its logical path) into one of the output.
    fn link_directory(
        &mut self,
        from: &Path,
        to: &Path,
        priority: i64,
    ) -> Result<(), LinkTreeError> {
        let physical = self
            .resolve(from)
            .map_or_else(|| from.to_owned(), |(path, _)| (self.physical)(&path));
        let entries = match std::fs::read_dir(&physical) {
            Ok(entries) => entries,
            Err(error) if error.kind() == ErrorKind::NotADirectory => {
                (self.warn)(&format!(
                    "not including '{}' in the user environment because it's not a directory",
                    from.display()
                ));
                return Ok(());
            }
            Err(error) => return Err(failed("reading directory", &physical)(error)),
        };
        let mut names = entries
            .map(|entry| entry.map(|entry| entry.file_name()))
            .collect::<Result<Vec<_>, _>>()
            .map_err(failed("reading directory", &physical))?;
        names.sort();
        for name in names {
            if name.as_encoded_bytes().starts_with(b".") {
                continue;
            }
            self.link_entry(&from.join(&name), &to.join(&name), priority)?;
        }
        Ok(())
    }

    fn link_entry(&mut self, from: &Path, to: &Path, priority: i64) -> Result<(), LinkTreeError> {
        let Some((_, metadata)) = self.resolve(from) else {
            (self.warn)(&format!("skipping dangling symlink '{}'", to.display()));
            return Ok(());
        };
        let shown = from.to_string_lossy();
        if LEFT_OUT.iter().any(|suffix| shown.ends_with(suffix)) {
            return Ok(());
        }
        let existing = std::fs::symlink_metadata(to).ok();
        match (metadata.is_dir(), existing) {
            (_, None) => {}
            (true, Some(existing)) if existing.is_dir() => {
                return self.link_directory(from, to, priority);
            }
            (true, Some(_)) => return self.split_directory(from, to, priority),
            (false, Some(existing)) if existing.is_symlink() => {
                let previous = self.priorities.get(to).copied().unwrap_or_default();
                if previous < priority {
                    return Ok(());
                }
                if previous == priority {
                    let existing = std::fs::read_link(to).unwrap_or_else(|_| to.to_owned());
                    return Err(LinkTreeError::Conflict(FileConflict {
                        existing,
                        new: from.to_owned(),
                        priority,
                    }));
                }
                std::fs::remove_file(to).map_err(failed("deleting", to))?;
            }
            (false, Some(_)) => {
                return Err(LinkTreeError::Other(format!(
                    "collision between non-directory '{}' and directory '{}'",
                    from.display(),
                    to.display()
                )));
            }
        }
        std::os::unix::fs::symlink(from, to).map_err(failed("making link", to))?;
        self.priorities.insert(to.to_owned(), priority);
        Ok(())
    }

    /// Turns a link to a directory into a directory, to merge another one into it.
    fn split_directory(
        &mut self,
        from: &Path,
        to: &Path,
        priority: i64,
    ) -> Result<(), LinkTreeError> {
        let first = std::fs::read_link(to).map_err(failed("reading link", to))?;
        match self.resolve(&first) {
            Some((_, metadata)) if metadata.is_dir() => {}
            _ => {
                return Err(LinkTreeError::Other(format!(
                    "collision between '{}' and non-directory '{}'",
                    from.display(),
                    first.display()
                )));
            }
        }
        std::fs::remove_file(to).map_err(failed("deleting", to))?;
        std::fs::create_dir(to).map_err(failed("creating directory", to))?;
        let previous = self.priorities.get(to).copied().unwrap_or_default();
        self.link_directory(&first, to, previous)?;
        self.link_directory(from, to, priority)
    }
}

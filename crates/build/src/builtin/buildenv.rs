//! `builtin:buildenv`: a tree of links that merges several packages, as profiles are.
//!
//! A directory that only one package has becomes one link to it; where two have it, it becomes a
//! directory and both are merged into it. Of two packages with the same file the one with the
//! lower priority number wins; equal priorities are a conflict. What packages propagate comes
//! after everything that was asked for.

use std::collections::{BTreeMap, BTreeSet};
use std::io::ErrorKind;
use std::path::{Component, Path, PathBuf};

use firn_events::Level;

use super::{Builtin, failed};

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

struct Merge<'a, 'b> {
    builtin: &'a Builtin<'b>,
    priorities: BTreeMap<PathBuf, i64>,
}

impl Builtin<'_> {
    pub(super) fn buildenv(&self) -> Result<(), String> {
        let out = self.out()?;
        std::fs::create_dir_all(out).map_err(failed("creating directory", out))?;
        let mut packages = parse_packages(&self.attribute("derivations")?)?;
        packages.sort();
        let mut merge = Merge {
            builtin: self,
            priorities: BTreeMap::new(),
        };
        let mut done = BTreeSet::new();
        let mut postponed = BTreeSet::new();
        for (priority, package) in packages {
            merge.add(&package, priority, out, &mut done, &mut postponed)?;
        }
        let mut priority = 1000;
        while !postponed.is_empty() {
            for package in std::mem::take(&mut postponed) {
                merge.add(&package, priority, out, &mut done, &mut postponed)?;
                priority += 1;
            }
        }
        let manifest = out.join("manifest.nix");
        std::os::unix::fs::symlink(self.attribute("manifest")?, &manifest)
            .map_err(failed("making link", &manifest))
    }

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
                let physical = self.physical(&seen);
                let metadata = std::fs::symlink_metadata(&physical).ok();
                if metadata.is_some_and(|metadata| metadata.is_symlink()) {
                    link = Some(std::fs::read_link(physical).ok()?);
                    break;
                }
            }
            match link {
                None => {
                    let metadata = std::fs::symlink_metadata(self.physical(&seen)).ok()?;
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
}

/// Reads `active priority n path…` as often as it comes, and keeps what is active.
fn parse_packages(text: &str) -> Result<Vec<(i64, PathBuf)>, String> {
    let mut words = text.split_whitespace();
    let mut packages = Vec::new();
    while let Some(active) = words.next() {
        let number = |word: Option<&str>| {
            word.and_then(|word| word.parse::<i64>().ok())
                .ok_or_else(|| "attribute 'derivations' is malformed".to_owned())
        };
        let priority = number(words.next())?;
        for _ in 0..number(words.next())? {
            let path = words.next().ok_or("attribute 'derivations' is malformed")?;
            if active != "false" {
                packages.push((priority, PathBuf::from(path)));
            }
        }
    }
    Ok(packages)
}

impl Merge<'_, '_> {
    fn add(
        &mut self,
        package: &Path,
        priority: i64,
        out: &Path,
        done: &mut BTreeSet<PathBuf>,
        postponed: &mut BTreeSet<PathBuf>,
    ) -> Result<(), String> {
        if !done.insert(package.to_owned()) {
            return Ok(());
        }
        self.link_directory(package, out, priority)?;
        let propagated = self
            .builtin
            .physical(package)
            .join("nix-support/propagated-user-env-packages");
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

    fn warn(&self, text: &str) {
        self.builtin
            .activity
            .sink()
            .message(Level::Warn, &format!("warning: {text}"));
    }

    /// Merges a directory of the store (by its logical path) into one of the output.
    fn link_directory(&mut self, from: &Path, to: &Path, priority: i64) -> Result<(), String> {
        let physical = self
            .builtin
            .resolve(from)
            .map_or_else(|| from.to_owned(), |(path, _)| self.builtin.physical(&path));
        let entries = match std::fs::read_dir(&physical) {
            Ok(entries) => entries,
            Err(error) if error.kind() == ErrorKind::NotADirectory => {
                self.warn(&format!(
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

    fn link_entry(&mut self, from: &Path, to: &Path, priority: i64) -> Result<(), String> {
        let Some((_, metadata)) = self.builtin.resolve(from) else {
            self.warn(&format!("skipping dangling symlink '{}'", to.display()));
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
                    return Err(conflict(to, from, priority));
                }
                std::fs::remove_file(to).map_err(failed("deleting", to))?;
            }
            (false, Some(_)) => {
                return Err(format!(
                    "collision between non-directory '{}' and directory '{}'",
                    from.display(),
                    to.display()
                ));
            }
        }
        std::os::unix::fs::symlink(from, to).map_err(failed("making link", to))?;
        self.priorities.insert(to.to_owned(), priority);
        Ok(())
    }

    /// Turns a link to a directory into a directory, to merge another one into it.
    fn split_directory(&mut self, from: &Path, to: &Path, priority: i64) -> Result<(), String> {
        let first = std::fs::read_link(to).map_err(failed("reading link", to))?;
        match self.builtin.resolve(&first) {
            Some((_, metadata)) if metadata.is_dir() => {}
            _ => {
                return Err(format!(
                    "collision between '{}' and non-directory '{}'",
                    from.display(),
                    first.display()
                ));
            }
        }
        std::fs::remove_file(to).map_err(failed("deleting", to))?;
        std::fs::create_dir(to).map_err(failed("creating directory", to))?;
        let previous = self.priorities.get(to).copied().unwrap_or_default();
        self.link_directory(&first, to, previous)?;
        self.link_directory(from, to, priority)
    }
}

fn conflict(existing: &Path, new: &Path, priority: i64) -> String {
    let first = std::fs::read_link(existing).unwrap_or_else(|_| existing.to_owned());
    format!(
        "Unable to build profile. There is a conflict for the following files:\n\n  {}\n  {}\n\n\
         Both have the priority {priority}.",
        first.display(),
        new.display()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packages_are_read_in_groups() {
        let packages = parse_packages("true 5 2 /s/a /s/b false 1 1 /s/c").expect("sound");
        assert_eq!(
            packages,
            [(5, PathBuf::from("/s/a")), (5, PathBuf::from("/s/b"))]
        );
        assert!(parse_packages("true x").is_err());
    }
}

//! Profiles: a link to the current generation, and one link `<profile>-<number>-link` for each.
//!
//! A new generation is made as a root first and the profile's link then replaced in one step, so
//! a crash leaves the old generation or the new one. Changes hold the lock `<profile>.lock`.

use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use firn_events::{EventSink, Level};
use firn_store_model::StorePath;
use firn_sys::file::{replace_symlink, sync_parent};
use firn_sys::file_lock::PathLock;

use crate::error::{StoreError, path_error};
use crate::fault;
use crate::store::Store;
use crate::types::Generation;

/// A profile, by the path of its link.
#[derive(Clone, Debug)]
pub struct Profile {
    link: PathBuf,
}

/// The lock on a profile; ends when dropped.
pub struct ProfileLock(#[expect(dead_code, reason = "held for its end")] PathLock);

impl Profile {
    /// The profile at a link, which need not exist.
    pub fn new(link: impl Into<PathBuf>) -> Self {
        Self { link: link.into() }
    }

    /// The link.
    pub fn link(&self) -> &Path {
        &self.link
    }

    /// Waits for the lock on the profile.
    pub fn lock(&self, events: &dyn EventSink) -> Result<ProfileLock, StoreError> {
        let mut lock = PathLock::acquire(&[&self.link], |_| {
            let text = format!("waiting for lock on profile \"{}\"", self.link.display());
            events.message(Level::Error, &text);
        })
        .map_err(path_error("locking", &self.link))?;
        lock.remove_on_release();
        Ok(ProfileLock(lock))
    }

    /// Where a generation's link is.
    pub fn generation_link(&self, number: u64) -> PathBuf {
        let mut name = self.link.as_os_str().to_owned();
        name.push(format!("-{number}-link"));
        PathBuf::from(name)
    }

    /// All generations by number, and the number of the current one.
    pub fn generations(&self) -> Result<(Vec<Generation>, Option<u64>), StoreError> {
        let directory = match self.link.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        let name = self.link.file_name().unwrap_or_default();
        let mut generations = Vec::new();
        for entry in std::fs::read_dir(directory).map_err(path_error("reading", directory))? {
            let entry = entry.map_err(path_error("reading", directory))?;
            let Some(number) = number_in(&entry.file_name(), name.as_bytes()) else {
                continue;
            };
            let link = entry.path();
            let metadata = entry
                .metadata()
                .map_err(path_error("getting status of", &link))?;
            generations.push(Generation {
                number,
                link,
                created: metadata.mtime(),
            });
        }
        generations.sort_by_key(|generation| generation.number);
        let current = std::fs::read_link(&self.link)
            .ok()
            .and_then(|target| number_in(target.file_name()?, name.as_bytes()));
        Ok((generations, current))
    }

    /// Makes a generation of a path, unless the newest one is of that path already. The profile
    /// does not switch to it.
    pub fn create_generation(
        &self,
        store: &dyn Store,
        path: &StorePath,
    ) -> Result<Generation, StoreError> {
        let (mut generations, _) = self.generations()?;
        let mut number = 1;
        if let Some(last) = generations.pop() {
            let target =
                std::fs::read_link(&last.link).map_err(path_error("reading", &last.link))?;
            // Some links name the place where the store's files are.
            let is_same = target == Path::new(&store.store_dir().print(path))
                || store.physical_path(path).is_some_and(|it| it == target);
            if is_same {
                return Ok(last);
            }
            number = last.number + 1;
        }
        let link = self.generation_link(number);
        fault::point("profile: create generation");
        store.add_perm_root(path, &link)?;
        let created = std::fs::symlink_metadata(&link)
            .map_err(path_error("getting status of", &link))?
            .mtime();
        Ok(Generation {
            number,
            link,
            created,
        })
    }

    /// Makes the profile lead to a link or path, in one step, on disk on return.
    pub fn switch_to(&self, target: &Path) -> Result<(), StoreError> {
        // Within one directory the link is relative, so that the directory can be moved.
        let target = if target.parent() == self.link.parent() {
            target.file_name().map_or(target, Path::new)
        } else {
            target
        };
        fault::point("profile: switch");
        replace_symlink(target, &self.link).map_err(path_error("creating symlink", &self.link))?;
        sync_parent(&self.link).map_err(path_error("syncing", &self.link))
    }

    /// Switches to a generation, or without a number to the newest one before the current one.
    pub fn switch_generation(
        &self,
        number: Option<u64>,
        dry_run: bool,
        events: &dyn EventSink,
    ) -> Result<(), StoreError> {
        let _lock = self.lock(events)?;
        let (generations, current) = self.generations()?;
        let wanted = generations.iter().rev().find(|generation| match number {
            Some(number) => generation.number == number,
            None => current.is_some_and(|current| generation.number < current),
        });
        let Some(wanted) = wanted else {
            return Err(StoreError::other(match number {
                Some(number) => format!("profile version {number} does not exist"),
                None => format!(
                    "no profile version older than the current ({}) exists",
                    current.unwrap_or(0)
                ),
            }));
        };
        let text = format!(
            "switching profile from version {} to {}",
            current.unwrap_or(0),
            wanted.number
        );
        events.message(Level::Notice, &text);
        if dry_run {
            return Ok(());
        }
        self.switch_to(&wanted.link)
    }

    /// Deletes generations by number; the current one cannot go.
    pub fn delete_generations(
        &self,
        numbers: &[u64],
        dry_run: bool,
        events: &dyn EventSink,
    ) -> Result<(), StoreError> {
        let _lock = self.lock(events)?;
        let (generations, current) = self.generations()?;
        if current.is_some_and(|current| numbers.contains(&current)) {
            return Err(StoreError::other(format!(
                "cannot delete current version of profile \"{}\"",
                self.link.display()
            )));
        }
        for generation in generations.iter().filter(|it| numbers.contains(&it.number)) {
            delete(generation, dry_run, events)?;
        }
        Ok(())
    }

    /// Deletes all but the current generation.
    pub fn delete_old_generations(
        &self,
        dry_run: bool,
        events: &dyn EventSink,
    ) -> Result<(), StoreError> {
        let _lock = self.lock(events)?;
        let (generations, current) = self.generations()?;
        for generation in generations.iter().filter(|it| Some(it.number) != current) {
            delete(generation, dry_run, events)?;
        }
        Ok(())
    }

    /// Deletes all but the current generation and the `keep - 1` before it. Newer ones stay.
    pub fn delete_generations_beyond(
        &self,
        keep: u64,
        dry_run: bool,
        events: &dyn EventSink,
    ) -> Result<(), StoreError> {
        if keep == 0 {
            return Err(StoreError::other(
                "Must keep at least one generation, otherwise the current one would be deleted",
            ));
        }
        let _lock = self.lock(events)?;
        let (generations, current) = self.generations()?;
        let from_current = generations
            .iter()
            .rev()
            .skip_while(|generation| Some(generation.number) != current);
        for generation in from_current.skip(keep as usize) {
            delete(generation, dry_run, events)?;
        }
        Ok(())
    }

    /// Deletes what was not current any more at a time: the newest generation made before it
    /// stays, since it was current then.
    pub fn delete_generations_older_than(
        &self,
        time: i64,
        dry_run: bool,
        events: &dyn EventSink,
    ) -> Result<(), StoreError> {
        let _lock = self.lock(events)?;
        let (generations, current) = self.generations()?;
        let older = generations
            .iter()
            .rev()
            .skip_while(|generation| generation.created >= time);
        for generation in older.skip(1).filter(|it| Some(it.number) != current) {
            delete(generation, dry_run, events)?;
        }
        Ok(())
    }
}

fn delete(
    generation: &Generation,
    dry_run: bool,
    events: &dyn EventSink,
) -> Result<(), StoreError> {
    if dry_run {
        let text = format!("would remove profile version {}", generation.number);
        events.message(Level::Notice, &text);
        return Ok(());
    }
    let text = format!("removing profile version {}", generation.number);
    events.message(Level::Notice, &text);
    fault::point("profile: delete generation");
    std::fs::remove_file(&generation.link).map_err(path_error("removing file", &generation.link))
}

/// The number in `<profile>-<number>-link`.
fn number_in(name: &std::ffi::OsStr, profile: &[u8]) -> Option<u64> {
    let rest = name.as_bytes().strip_prefix(profile)?.strip_prefix(b"-")?;
    let end = rest.windows(5).position(|window| window == b"-link")?;
    std::str::from_utf8(&rest[..end]).ok()?.parse().ok()
}

/// The time that `<days>d` before now means, in seconds since 1970.
pub fn parse_older_than(spec: &str, now: i64) -> Result<i64, StoreError> {
    let Some(days) = spec.strip_suffix('d') else {
        return Err(StoreError::other(format!(
            "invalid number of days specifier '{spec}', expected something like '14d'"
        )));
    };
    match days.parse::<i64>() {
        Ok(days) if days >= 1 => Ok(now - days.saturating_mul(24 * 3600)),
        _ => Err(StoreError::other(format!(
            "invalid number of days specifier '{spec}'"
        ))),
    }
}

/// All links in a directory tree that look like profiles, those that lead to a link of a
/// generation, in the directories that can be written.
pub fn find_profiles(directory: &Path) -> Result<Vec<Profile>, StoreError> {
    let mut found = Vec::new();
    let mut pending = vec![directory.to_owned()];
    while let Some(directory) = pending.pop() {
        // What this user may not read is none of their business.
        let Ok(entries) = std::fs::read_dir(&directory) else {
            continue;
        };
        // Where nothing can be changed, there is nothing to do for those who look for profiles.
        let may_write = firn_sys::file::check_writable(&directory).is_ok();
        let mut names: Vec<(OsString, PathBuf)> = Vec::new();
        for entry in entries {
            let entry = entry.map_err(path_error("reading", &directory))?;
            names.push((entry.file_name(), entry.path()));
        }
        names.sort();
        for (_, path) in names {
            let Ok(metadata) = std::fs::symlink_metadata(&path) else {
                continue;
            };
            if metadata.is_dir() {
                pending.push(path);
            } else if metadata.file_type().is_symlink() && may_write {
                let Ok(target) = std::fs::read_link(&path) else {
                    continue;
                };
                if target
                    .as_os_str()
                    .as_bytes()
                    .windows(4)
                    .any(|window| window == b"link")
                {
                    found.push(Profile::new(path));
                }
            }
        }
    }
    Ok(found)
}

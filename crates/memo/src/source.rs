//! Sources that an evaluation fetched and that may be others the next time: a working tree, a branch,
//! a name that a registry knows.
//!
//! What such a source is follows from files of this machine, from the network, or from both. Where
//! the fetcher says which files decide, their status is taken, and as long as it stays nothing is
//! fetched; where it does not, or a status proves nothing, the source is fetched again, and must be
//! the same tree with the same attributes. What is locked is not here: it cannot be another one.

use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use firn_fetch::{Attrs, Fetched, Fetcher, Input, UseRegistries, attrs};
use serde::{Deserialize, Serialize};

use crate::stat::Stat;
use crate::trace::Change;

/// Gives what fetches again, if anything can.
pub type Refetch<'a> = dyn Fn() -> Option<Arc<Fetcher>> + 'a;

/// A file or directory, and its status if it is there.
type Watched = (Vec<u8>, Option<Stat>);

/// A source.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Source {
    /// The attributes that were asked for.
    asked: String,
    /// Which registries could answer: none, all, or the limited ones.
    registries: u8,
    /// The tree, and everything that was found out about it.
    found: String,
    /// What decides, with its status.
    watched: Option<Vec<Watched>>,
}

impl Source {
    pub(crate) fn new(
        asked: &Input,
        registries: UseRegistries,
        fetched: &Fetched,
        started: SystemTime,
    ) -> Self {
        Self {
            asked: attrs::show(&asked.attrs),
            registries: match registries {
                UseRegistries::No => 0,
                UseRegistries::All => 1,
                UseRegistries::Limited => 2,
            },
            found: summary(fetched),
            watched: statuses(fetched, started),
        }
    }

    /// Whether the source is still the same, and whether that was noted anew.
    pub(crate) fn check(&mut self, now: SystemTime, refetch: &Refetch<'_>) -> Result<bool, Change> {
        if let Some(watched) = &self.watched
            && watched.iter().all(|(path, before)| {
                let path = PathBuf::from(std::ffi::OsString::from_vec(path.clone()));
                status(&path) == *before
            })
        {
            return Ok(false);
        }
        let changed = || Change::Source(self.asked.clone());
        let fetcher = refetch().ok_or_else(changed)?;
        let asked = self.input(&fetcher).ok_or_else(changed)?;
        let shown = asked.show();
        let registries = match self.registries {
            0 => UseRegistries::No,
            1 => UseRegistries::All,
            _ => UseRegistries::Limited,
        };
        let fetched = fetcher.fetch(&asked, registries);
        let fetched = fetched.map_err(|_| Change::Source(shown.clone()))?;
        if summary(&fetched) != self.found {
            return Err(Change::Source(shown));
        }
        self.watched = statuses(&fetched, now);
        Ok(self.watched.is_some())
    }

    fn input(&self, fetcher: &Fetcher) -> Option<Input> {
        let asked: serde_json::Value = serde_json::from_str(&self.asked).ok()?;
        Input::from_attrs(fetcher, attrs::from_json(&asked).ok()?).ok()
    }
}

/// Everything about a fetched source that an evaluation can see.
fn summary(fetched: &Fetched) -> String {
    let shown = |attrs: &Attrs| attrs::show(attrs);
    format!(
        "{} {} {} {} {:?}",
        fetched.path,
        shown(&fetched.input.attrs),
        shown(&fetched.resolved.attrs),
        shown(&fetched.extra),
        fetched.display,
    )
}

fn status(path: &Path) -> Option<Stat> {
    std::fs::symlink_metadata(path)
        .ok()
        .map(|it| Stat::from(&it))
}

/// The status of what decides, unless one of them could be the same after a change.
fn statuses(fetched: &Fetched, moment: SystemTime) -> Option<Vec<Watched>> {
    let mut statuses = Vec::new();
    for path in fetched.watched.as_deref()? {
        let status = status(path);
        let is_racy = match status {
            Some(status) => status.is_racy(moment),
            None => vanished_lately(path, moment),
        };
        if is_racy {
            return None;
        }
        statuses.push((path.as_os_str().as_bytes().to_vec(), status));
    }
    Some(statuses)
}

/// Whether something that is not there may have been there a moment ago.
fn vanished_lately(path: &Path, moment: SystemTime) -> bool {
    let directory = path.ancestors().skip(1).find_map(status);
    directory.is_none_or(|it| it.is_racy(moment))
}

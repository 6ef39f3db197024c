//! A file's status as proof that it did not change.
//!
//! Writing changes a file's times, but clocks tick: a file that is read and then written within
//! one tick looks the same before and after. So a status proves something only if its times are
//! well before the moment it was taken ([`Stat::is_racy`]); otherwise the contents are compared.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

/// The coarsest clock that a file system is expected to have.
const TICK: Duration = Duration::from_secs(2);

/// What changes when a file does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stat {
    device: u64,
    inode: u64,
    size: u64,
    mode: u32,
    modified: i128,
    changed: i128,
}

impl Stat {
    /// The status of what a path leads to; `None` if that is nothing.
    pub fn of(path: &Path) -> Option<Self> {
        std::fs::metadata(path).ok().map(|it| Self::from(&it))
    }

    /// Whether a change right after `moment` could leave this status as it is.
    pub fn is_racy(&self, moment: SystemTime) -> bool {
        let moment = moment.duration_since(UNIX_EPOCH).unwrap_or_default();
        let limit = moment.saturating_sub(TICK).as_nanos() as i128;
        self.modified.max(self.changed) >= limit
    }
}

impl From<&Metadata> for Stat {
    fn from(metadata: &Metadata) -> Self {
        let nanoseconds =
            |seconds: i64, rest: i64| i128::from(seconds) * 1_000_000_000 + i128::from(rest);
        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            size: metadata.size(),
            mode: metadata.mode(),
            modified: nanoseconds(metadata.mtime(), metadata.mtime_nsec()),
            changed: nanoseconds(metadata.ctime(), metadata.ctime_nsec()),
        }
    }
}

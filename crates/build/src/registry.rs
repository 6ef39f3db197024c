//! What this process builds right now, written down for others to see.
//!
//! A file for each process below the state directory, locked as long as the process lives: a file
//! that is not locked is a left-over of one that was killed. It is written at most four times a
//! second, so that builds that are over in a blink cost nothing.

use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use firn_sys::file_lock::{FileLock, LockKind};
use serde_json::{Value, json};

/// The directory below the state directory.
const DIRECTORY: &str = "running";
/// The shortest time between two writes.
const PAUSE: Duration = Duration::from_millis(250);

/// A build that some process is at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunningBuildInfo {
    /// The process that builds.
    pub pid: u32,
    /// The user it belongs to.
    pub uid: u32,
    /// The derivation's store path.
    pub drv_path: String,
    /// The phase it is in, where the builder says.
    pub phase: Option<String>,
    /// How long it has been built.
    pub elapsed: Duration,
}

/// The builds that are going on in a store with this state directory, oldest first.
pub fn running_builds(state_dir: &Path) -> std::io::Result<Vec<RunningBuildInfo>> {
    let directory = state_dir.join(DIRECTORY);
    let entries = match std::fs::read_dir(&directory) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut builds = Vec::new();
    for entry in entries {
        let path = entry?.path();
        let Some(pid) = path
            .file_name()
            .and_then(|name| name.to_str()?.parse::<u32>().ok())
        else {
            continue;
        };
        if let Ok(Some(_lock)) = FileLock::try_acquire(&path, LockKind::Exclusive) {
            // Nobody holds it. Somebody else may have removed it already.
            std::fs::remove_file(&path).ok();
            continue;
        }
        let Ok(text) = std::fs::read_to_string(&path) else {
            continue;
        };
        let uid = std::fs::metadata(&path).map_or(0, |it| it.uid());
        builds.extend(parse(&text, pid, uid));
    }
    builds.sort_by_key(|build| std::cmp::Reverse(build.elapsed));
    Ok(builds)
}

fn parse(text: &str, pid: u32, uid: u32) -> Vec<RunningBuildInfo> {
    let Ok(Value::Array(builds)) = serde_json::from_str(text) else {
        return Vec::new();
    };
    let now = since_epoch();
    builds
        .iter()
        .filter_map(|build| {
            let since = Duration::from_millis(build["since"].as_u64()?);
            Some(RunningBuildInfo {
                pid,
                uid,
                drv_path: build["drvPath"].as_str()?.to_owned(),
                phase: build["phase"].as_str().map(str::to_owned),
                elapsed: now.saturating_sub(since),
            })
        })
        .collect()
}

/// One build in the words of the file.
pub(crate) fn entry(drv_path: &str, phase: Option<&str>, started: Instant) -> Value {
    let since = since_epoch().saturating_sub(started.elapsed());
    json!({"drvPath": drv_path, "phase": phase, "since": since.as_millis() as u64})
}

fn since_epoch() -> Duration {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
}

/// The file of this process.
pub(crate) struct Registry {
    path: PathBuf,
    lock: Option<FileLock>,
    written: Option<Instant>,
    is_stale: bool,
}

impl Registry {
    /// The file of this process below a state directory. It is made when it is first needed.
    pub(crate) fn below(state_dir: &Path) -> Registry {
        let name = std::process::id().to_string();
        Registry {
            path: state_dir.join(DIRECTORY).join(name),
            lock: None,
            written: None,
            is_stale: false,
        }
    }

    /// Takes note that something has changed.
    pub(crate) fn touch(&mut self) {
        self.is_stale = true;
        self.written.get_or_insert_with(Instant::now);
    }

    /// When it is to be written, if something has changed.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        let written = self.written.filter(|_| self.is_stale)?;
        Some(written + PAUSE)
    }

    /// Writes what is going on, if it is time. Failures only blind the onlookers.
    pub(crate) fn write_if_due(&mut self, now: Instant, builds: impl FnOnce() -> Vec<Value>) {
        if self.deadline().is_none_or(|deadline| deadline > now) {
            return;
        }
        self.is_stale = false;
        self.written = Some(now);
        let builds = builds();
        if self.lock.is_none() {
            if builds.is_empty() {
                return;
            }
            if let Some(directory) = self.path.parent() {
                std::fs::create_dir_all(directory).ok();
            }
            self.lock = FileLock::try_acquire(&self.path, LockKind::Exclusive)
                .ok()
                .flatten();
        }
        if self.lock.is_some() {
            std::fs::write(&self.path, Value::from(builds).to_string()).ok();
        }
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        if self.lock.is_some() {
            std::fs::remove_file(&self.path).ok();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn others_see_what_runs_while_the_process_lives() {
        let dir = tempfile::tempdir().expect("a directory");
        let mut registry = Registry::below(dir.path());
        let start = Instant::now();
        registry.touch();
        registry.write_if_due(start, || unreachable!("it is too early"));
        let builds = || vec![entry("/s/a.drv", Some("build"), start)];
        registry.write_if_due(start + PAUSE * 2, builds);
        assert_eq!(registry.deadline(), None);
        let seen = running_builds(dir.path()).expect("readable");
        assert_eq!(seen.len(), 1);
        assert_eq!(seen[0].drv_path, "/s/a.drv");
        assert_eq!(seen[0].phase.as_deref(), Some("build"));
        drop(registry);
        assert_eq!(running_builds(dir.path()).expect("readable"), []);
        // Left by a process that was killed.
        let stale = dir.path().join(DIRECTORY).join("1");
        std::fs::write(&stale, "[]").expect("written");
        assert_eq!(running_builds(dir.path()).expect("readable"), []);
        assert!(!stale.exists());
    }
}

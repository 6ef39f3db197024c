//! What is kept of a project: whether it is trusted, its environment with what that depends on, the
//! root that keeps it from being collected, and why the last attempt failed.
//!
//! A project is a directory with a `shell.nix`, a `flake.nix` or a `default.nix`. What is kept lies
//! in the user's data, in a directory named by the hash of the project's path.

use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use firn_hash::Hasher;
use firn_memo::{Entry, Memory};
use firn_shell::changes::Changes;
use serde_json::{Value, json};

use crate::{Failure, surroundings};

/// The files that make a directory a project, in the order in which they are taken.
const FILES: &[&str] = &["shell.nix", "flake.nix", "default.nix"];

/// A project.
#[derive(Clone, Debug)]
pub struct Project {
    /// The directory.
    pub directory: PathBuf,
    /// Where things are kept.
    kept: PathBuf,
}

/// An environment that was made.
#[derive(Clone, Debug, Default)]
pub struct Made {
    /// What tells it from others.
    pub id: String,
    /// Why it was made.
    pub reason: String,
    /// What it alters.
    pub changes: Changes,
}

fn all_kept() -> PathBuf {
    surroundings::firn_data_dir().join("projects")
}

impl Project {
    /// The project in a directory.
    pub fn at(directory: &Path) -> Self {
        let name = Hasher::sha256(directory.as_os_str().as_bytes()).to_nix32();
        Self {
            directory: directory.to_owned(),
            kept: all_kept().join(name),
        }
    }

    /// The nearest trusted project from a directory upwards, and a nearer one that is not trusted.
    pub fn around(directory: &Path) -> (Option<Self>, Option<Self>) {
        let mut untrusted = None;
        for directory in directory.ancestors() {
            let project = Self::at(directory);
            if project.is_trusted() {
                return (Some(project), untrusted);
            }
            let asks = FILES[..2].iter().any(|it| directory.join(it).is_file());
            if untrusted.is_none() && asks {
                untrusted = Some(project);
            }
        }
        (None, untrusted)
    }

    /// The file that says what the environment is.
    pub fn file(&self) -> Option<&'static str> {
        let mut files = FILES.iter();
        files.find(|it| self.directory.join(it).is_file()).copied()
    }

    /// Whether the user trusts it.
    pub fn is_trusted(&self) -> bool {
        self.kept.join("trusted").exists()
    }

    /// Trusts it, or not any more. What is kept of it goes, so that everything is made anew.
    pub fn trust(&self, trusted: bool) -> Result<(), Failure> {
        let failed = |error: std::io::Error| {
            Failure::message(format!("writing '{}': {error}", self.kept.display()))
        };
        if self.kept.exists() {
            std::fs::remove_dir_all(&self.kept).map_err(failed)?;
        }
        if trusted {
            std::fs::create_dir_all(&self.kept).map_err(failed)?;
            let path = self.directory.as_os_str().as_bytes();
            std::fs::write(self.kept.join("trusted"), path).map_err(failed)?;
        }
        Ok(())
    }

    fn memory(&self) -> Memory {
        Memory::new(self.kept.join("made"))
    }

    /// The environment that was made last, with what it depends on.
    pub fn made(&self) -> Option<(Entry, Made)> {
        let entry = self.memory().recall("environment")?;
        let value: Value = serde_json::from_slice(&entry.result).ok()?;
        let text = |key: &str| value[key].as_str().unwrap_or_default().to_owned();
        let made = Made {
            id: text("id"),
            reason: text("reason"),
            changes: Changes::from_json(&value["changes"]),
        };
        Some((entry, made))
    }

    /// Keeps an environment.
    pub fn keep(&self, made: &Made, trace: firn_memo::Trace) -> std::io::Result<()> {
        let value = json!({
            "id": made.id,
            "reason": made.reason,
            "changes": made.changes.to_json(),
        });
        let result = value.to_string().into_bytes();
        self.memory()
            .keep("environment", &Entry { trace, result })?;
        let failure = self.kept.join("made/failure");
        if failure.exists() {
            std::fs::remove_file(failure)?;
        }
        Ok(())
    }

    /// Keeps an entry whose status was noted.
    pub fn keep_entry(&self, entry: &Entry) -> std::io::Result<()> {
        self.memory().keep("environment", entry)
    }

    /// Why the last attempt failed, with what that depends on.
    pub fn failure(&self) -> Option<Entry> {
        self.memory().recall("failure")
    }

    /// Keeps why an attempt failed.
    pub fn keep_failure(&self, message: &str, trace: firn_memo::Trace) -> std::io::Result<()> {
        let result = message.as_bytes().to_vec();
        self.memory().keep("failure", &Entry { trace, result })
    }

    /// The link that keeps the environment from being collected.
    pub fn root(&self) -> PathBuf {
        self.kept.join("root")
    }

    /// Where the one who makes the environment writes.
    pub fn log(&self) -> PathBuf {
        self.kept.join("log")
    }

    fn making(&self) -> PathBuf {
        self.kept.join("making")
    }

    /// Whether someone is making the environment.
    pub fn is_being_made(&self) -> bool {
        let Ok(text) = std::fs::read_to_string(self.making()) else {
            return false;
        };
        Path::new("/proc").join(text.trim()).exists()
    }

    /// Says that a process is making the environment.
    pub fn begin(&self, process: u32) -> std::io::Result<()> {
        std::fs::write(self.making(), process.to_string())
    }

    /// Says that nobody is any more.
    pub fn end(&self) -> std::io::Result<()> {
        std::fs::remove_file(self.making())
    }

    /// Drops what is kept of projects that are not there any more, and so their roots.
    pub fn forget_vanished() {
        let Ok(entries) = std::fs::read_dir(all_kept()) else {
            return;
        };
        for entry in entries.flatten() {
            let path = std::fs::read(entry.path().join("trusted")).unwrap_or_default();
            let path = Path::new(std::ffi::OsStr::from_bytes(&path));
            if !path.is_dir() {
                // Whoever comes next tries again.
                std::fs::remove_dir_all(entry.path()).ok();
            }
        }
    }
}

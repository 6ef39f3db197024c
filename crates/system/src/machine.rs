//! Where the parts of a running machine are: everything below one root, so that tests can have a
//! machine of their own in a directory.

use std::path::{Path, PathBuf};

/// The machine that is switched.
#[derive(Clone, Debug)]
pub struct Machine {
    root: PathBuf,
}

impl Default for Machine {
    fn default() -> Self {
        Self::at("/")
    }
}

impl Machine {
    /// The machine whose root directory is here.
    pub fn at(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// A path of the machine, given as it is there.
    pub fn path(&self, path: impl AsRef<Path>) -> PathBuf {
        let path = path.as_ref();
        self.root.join(path.strip_prefix("/").unwrap_or(path))
    }

    /// The state of switches: lists of units, the lock.
    pub fn switch_state(&self) -> PathBuf {
        self.path("/run/nixos")
    }

    /// What runs now.
    pub fn current_system(&self) -> PathBuf {
        self.path("/run/current-system")
    }

    /// Whether a configuration can be switched here: whether the machine is one of NixOS or ours.
    pub fn is_switchable(&self) -> bool {
        if self.path("/etc/NIXOS").is_file() {
            return true;
        }
        let release = std::fs::read_to_string(self.path("/etc/os-release")).unwrap_or_default();
        release
            .lines()
            .filter_map(|line| line.strip_prefix("ID="))
            .any(|id| matches!(id.trim_matches('"'), "firn" | "nixos"))
    }
}

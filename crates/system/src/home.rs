//! The files of a user's environment, linked into the home directory.
//!
//! A link is ours if it leads to a tree of files that an environment had in the store; such links
//! are replaced by one rename, and taken away when the environment has the file no more. What is
//! anybody else's is never touched: it is an error before anything has changed, or, where that is
//! asked for, moved aside.

use std::path::{Path, PathBuf};

use firn_sys::file::replace_symlink;

use crate::error::{SystemError, io_error};

/// The files of an environment.
#[derive(Clone, Debug)]
pub struct Files {
    /// The directory that has them.
    pub tree: PathBuf,
    /// The directory of the store.
    pub store: PathBuf,
}

/// From one environment to another.
#[derive(Clone, Debug)]
pub struct Change {
    /// The home directory.
    pub home: PathBuf,
    /// What is linked there now.
    pub old: Option<Files>,
    /// What is to be.
    pub new: Files,
}

/// What trees of files are called in the store.
const TREE_NAME: &str = "-home-files";

impl Files {
    /// The paths of all files, below the tree.
    fn list(&self) -> Result<Vec<PathBuf>, SystemError> {
        let mut found = Vec::new();
        let mut waiting = vec![PathBuf::new()];
        while let Some(directory) = waiting.pop() {
            let place = self.tree.join(&directory);
            for entry in std::fs::read_dir(&place).map_err(io_error("reading", &place))? {
                let entry = entry.map_err(io_error("reading", &place))?;
                let path = directory.join(entry.file_name());
                let kind = entry.file_type().map_err(io_error("reading", &place))?;
                if kind.is_dir() {
                    waiting.push(path);
                } else {
                    found.push(path);
                }
            }
        }
        found.sort();
        Ok(found)
    }

    /// Whether a path of the home directory is a link to a tree of files.
    fn owns(&self, place: &Path) -> bool {
        let Ok(target) = std::fs::read_link(place) else {
            return false;
        };
        let below = target.strip_prefix(&self.store).ok();
        let tree = below.and_then(|it| it.components().next());
        tree.is_some_and(|it| it.as_os_str().to_string_lossy().ends_with(TREE_NAME))
    }
}

impl Change {
    /// Fails if a file is in the way, unless files are moved aside.
    pub fn check(&self, backup: Option<&str>) -> Result<(), SystemError> {
        let mut in_the_way = Vec::new();
        for path in self.new.list()? {
            let place = self.home.join(&path);
            let exists = place.symlink_metadata().is_ok();
            if exists && !self.new.owns(&place) {
                in_the_way.push(place);
            }
        }
        let Some(extension) = backup else {
            if in_the_way.is_empty() {
                return Ok(());
            }
            let places: Vec<_> = in_the_way
                .iter()
                .map(|it| format!("  {}", it.display()))
                .collect();
            return Err(SystemError::other(format!(
                "these files are in the way:\n{}\nmove them, or have them moved aside by '--backup EXTENSION'; nothing was changed",
                places.join("\n")
            )));
        };
        let taken = in_the_way.iter().map(|it| aside(it, extension));
        match taken.into_iter().find(|it| it.symlink_metadata().is_ok()) {
            None => Ok(()),
            Some(place) => Err(SystemError::other(format!(
                "'{}' is there already; choose another extension; nothing was changed",
                place.display()
            ))),
        }
    }

    /// Links what is new and takes away what is gone. Doing it again does no harm.
    pub fn apply(&self, backup: Option<&str>) -> Result<(), SystemError> {
        let wanted = self.new.list()?;
        for path in &wanted {
            let place = self.home.join(path);
            if let Some(parent) = place.parent() {
                std::fs::create_dir_all(parent).map_err(io_error("creating", parent))?;
            }
            if let Some(extension) = backup
                && place.symlink_metadata().is_ok()
                && !self.new.owns(&place)
            {
                let aside = aside(&place, extension);
                std::fs::rename(&place, aside).map_err(io_error("renaming", &place))?;
            }
            replace_symlink(&self.new.tree.join(path), &place)
                .map_err(io_error("linking", &place))?;
        }
        let Some(old) = &self.old else {
            return Ok(());
        };
        for path in old.list().unwrap_or_default() {
            let place = self.home.join(&path);
            if wanted.binary_search(&path).is_ok() || !old.owns(&place) {
                continue;
            }
            std::fs::remove_file(&place).map_err(io_error("removing", &place))?;
            // Directories that held nothing else go with it.
            for parent in path.ancestors().skip(1).filter(|it| *it != Path::new("")) {
                if std::fs::remove_dir(self.home.join(parent)).is_err() {
                    break;
                }
            }
        }
        Ok(())
    }
}

fn aside(place: &Path, extension: &str) -> PathBuf {
    let mut name = place.as_os_str().to_owned();
    name.push(".");
    name.push(extension);
    PathBuf::from(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Stage(tempfile::TempDir);

    impl Stage {
        fn new() -> Self {
            let stage = Self(tempfile::tempdir().expect("made"));
            std::fs::create_dir(stage.home()).expect("made");
            stage
        }

        fn home(&self) -> PathBuf {
            self.0.path().join("home")
        }

        fn files(&self, name: &str, files: &[&str]) -> Files {
            let store = self.0.path().join("store");
            let tree = store.join(format!("{name}-home-files"));
            std::fs::create_dir_all(&tree).expect("made");
            for file in files {
                let file = tree.join(file);
                std::fs::create_dir_all(file.parent().expect("it has one")).expect("made");
                std::fs::write(file, name).expect("written");
            }
            Files { tree, store }
        }

        fn change(&self, old: Option<&Files>, new: &Files) -> Change {
            Change {
                home: self.home(),
                old: old.cloned(),
                new: new.clone(),
            }
        }

        fn read(&self, file: &str) -> Option<String> {
            std::fs::read_to_string(self.home().join(file)).ok()
        }
    }

    #[test]
    fn files_come_change_and_go() {
        let stage = Stage::new();
        let first = stage.files("1", &[".a", ".config/x/b"]);
        let second = stage.files("2", &[".a", ".c"]);
        let change = stage.change(None, &first);
        change.check(None).expect("nothing in the way");
        change.apply(None).expect("linked");
        assert_eq!(stage.read(".config/x/b").as_deref(), Some("1"));
        let change = stage.change(Some(&first), &second);
        change.check(None).expect("nothing in the way");
        for _ in 0..2 {
            change.apply(None).expect("linked");
            assert_eq!(stage.read(".a").as_deref(), Some("2"));
            assert_eq!(stage.read(".c").as_deref(), Some("2"));
            assert!(!stage.home().join(".config").exists());
        }
    }

    #[test]
    fn what_others_wrote_stays() {
        let stage = Stage::new();
        std::fs::write(stage.home().join(".a"), "mine").expect("written");
        let files = stage.files("1", &[".a", ".b"]);
        let change = stage.change(None, &files);
        let error = change.check(None).expect_err("in the way").to_string();
        assert!(error.contains("/.a\n"), "{error}");
        change.check(Some("old")).expect("can be moved");
        change.apply(Some("old")).expect("linked");
        assert_eq!(stage.read(".a.old").as_deref(), Some("mine"));
        assert_eq!(stage.read(".a").as_deref(), Some("1"));
        // Whoever replaced a link keeps the file when the environment loses it.
        std::fs::remove_file(stage.home().join(".b")).expect("removed");
        std::fs::write(stage.home().join(".b"), "mine").expect("written");
        let nothing = stage.files("2", &[]);
        let change = stage.change(Some(&files), &nothing);
        change.apply(None).expect("linked");
        assert_eq!(stage.read(".b").as_deref(), Some("mine"));
        assert_eq!(stage.read(".a"), None);
    }
}

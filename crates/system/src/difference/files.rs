//! The files of two systems below `/etc`, followed through links into the store.
//!
//! A store need not lie where its paths say, so that links are followed here and not by the kernel.

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};

use firn_store::Store;

use super::{Fates, fates};
use crate::error::{SystemError, io_error};

/// Where store paths really are.
pub(super) struct View {
    store_dir: PathBuf,
    physical: PathBuf,
}

/// Links that lead nowhere in the end are given up after so many.
const MAX_LINKS: usize = 64;

impl View {
    /// The view of the store that a path lies in.
    pub(super) fn of(store: &dyn Store, a_path: &Path) -> Self {
        Self {
            store_dir: PathBuf::from(store.store_dir().as_str()),
            physical: a_path.parent().unwrap_or(a_path).to_owned(),
        }
    }

    /// Compares units, and everything else.
    pub(super) fn compare_etc(
        &self,
        old: &Path,
        new: &Path,
    ) -> Result<(Fates, Fates), SystemError> {
        let (old, new) = (self.tree(&old.join("etc"))?, self.tree(&new.join("etc"))?);
        let part = |tree: &Tree, is_unit: bool| -> BTreeMap<String, String> {
            let files = tree
                .iter()
                .filter(|it| unit_name(it.0).is_some() == is_unit);
            let named = files.map(|(name, contents)| {
                let name = unit_name(name).unwrap_or(name);
                (name.to_owned(), contents.clone())
            });
            named.collect()
        };
        let without_contents = |mut fates: Fates| {
            for fate in fates.values_mut() {
                fate.forget();
            }
            fates
        };
        Ok((
            without_contents(fates(&part(&old, true), &part(&new, true))),
            without_contents(fates(&part(&old, false), &part(&new, false))),
        ))
    }

    /// All files below a directory, with what they hold.
    fn tree(&self, root: &Path) -> Result<Tree, SystemError> {
        let mut tree = Tree::new();
        self.walk(root, "", &mut tree)?;
        Ok(tree)
    }

    fn walk(&self, path: &Path, name: &str, tree: &mut Tree) -> Result<(), SystemError> {
        let Some(real) = self.resolve(path) else {
            tree.insert(name.to_owned(), "link".to_owned());
            return Ok(());
        };
        let metadata = std::fs::symlink_metadata(&real).map_err(io_error("reading", &real))?;
        if !metadata.is_dir() {
            tree.insert(name.to_owned(), contents(path, &real, &metadata));
            return Ok(());
        }
        for entry in std::fs::read_dir(&real).map_err(io_error("reading", &real))? {
            let entry = entry.map_err(io_error("reading", &real))?;
            let file = entry.file_name();
            let file = file.to_string_lossy();
            let name = if name.is_empty() {
                file.into_owned()
            } else {
                format!("{name}/{file}")
            };
            self.walk(&real.join(entry.file_name()), &name, tree)?;
        }
        Ok(())
    }

    /// Where a path ends; `None` if nothing is there.
    fn resolve(&self, path: &Path) -> Option<PathBuf> {
        let mut rest: Vec<_> = path.components().map(owned).collect();
        rest.reverse();
        let mut real = PathBuf::new();
        let mut links = 0;
        while let Some(part) = rest.pop() {
            if part.as_os_str() == ".." {
                real.pop();
                continue;
            }
            real.push(&part);
            if let Ok(below) = real.strip_prefix(&self.store_dir) {
                real = self.physical.join(below);
            }
            let Ok(target) = std::fs::read_link(&real) else {
                continue;
            };
            links += 1;
            if links > MAX_LINKS {
                return None;
            }
            real.pop();
            rest.extend(target.components().map(owned).rev());
        }
        std::fs::symlink_metadata(&real).is_ok().then_some(real)
    }
}

type Tree = BTreeMap<String, String>;

/// What tells a file apart: its text, or for large ones where it is.
fn contents(path: &Path, real: &Path, metadata: &std::fs::Metadata) -> String {
    if metadata.is_file() && metadata.len() < (1 << 16) {
        let bytes = std::fs::read(real).unwrap_or_default();
        return String::from_utf8_lossy(&bytes).into_owned();
    }
    let target = std::fs::read_link(path).unwrap_or_else(|_| real.to_owned());
    format!("{} {}", target.display(), metadata.len())
}

fn owned(component: Component<'_>) -> PathBuf {
    PathBuf::from(component.as_os_str())
}

/// The unit that a file is, or is a part of.
fn unit_name(file: &str) -> Option<&str> {
    file.strip_prefix("systemd/system/")
        .or_else(|| file.strip_prefix("systemd/user/").map(|_| file))
}

impl super::Fate {
    /// Leaves the name only.
    fn forget(&mut self) {
        match self {
            Self::Added(text) | Self::Removed(text) => text.clear(),
            Self::Changed(old, new) => {
                old.clear();
                new.clear();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_followed_to_where_the_store_is() {
        let directory = tempfile::tempdir().expect("made");
        let physical = directory.path().join("store");
        for name in ["etc1/etc", "etc2/etc", "units/d", "old", "new"] {
            std::fs::create_dir_all(physical.join(name)).expect("made");
        }
        let link = |target: &str, name: &str| {
            std::os::unix::fs::symlink(target, physical.join(name)).expect("linked");
        };
        let write = |name: &str, text: &str| {
            std::fs::write(physical.join(name), text).expect("written");
        };
        link("/nix/store/etc1/etc", "old/etc");
        link("/nix/store/etc2/etc", "new/etc");
        write("units/a.service", "a");
        std::fs::create_dir_all(physical.join("etc1/etc/systemd")).expect("made");
        link("/nix/store/units", "etc1/etc/systemd/system");
        write("etc1/etc/hosts", "1");
        write("etc2/etc/hosts", "2");
        link("../nowhere", "etc2/etc/broken");
        let view = View {
            store_dir: "/nix/store".into(),
            physical: physical.clone(),
        };
        let (units, files) = view
            .compare_etc(&physical.join("old"), &physical.join("new"))
            .expect("compared");
        let nothing = String::new;
        assert_eq!(
            units,
            Fates::from([(
                "a.service".to_owned(),
                super::super::Fate::Removed(nothing())
            )])
        );
        assert_eq!(
            files,
            Fates::from([
                ("broken".to_owned(), super::super::Fate::Added(nothing())),
                (
                    "hosts".to_owned(),
                    super::super::Fate::Changed(nothing(), nothing())
                ),
            ])
        );
    }
}

//! A Git repository as fetchers see it: what its references name, how far its history goes, and
//! what is tracked in its working tree.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use gix::bstr::ByteSlice as _;
use gix::status::index_worktree::Item as WorktreeItem;
use gix::status::plumbing::index_as_worktree::{Change, EntryStatus};

use crate::{FetchError, Result};

/// An open repository.
pub(super) struct Repo {
    repo: gix::Repository,
    path: PathBuf,
}

/// The state of a working tree.
#[derive(Default)]
pub(super) struct WorkingTree {
    /// The commit that HEAD names, if there is one.
    pub(super) head: Option<String>,
    /// What is tracked and there.
    pub(super) files: BTreeSet<Vec<u8>>,
    /// Those among them that differ from HEAD.
    pub(super) dirty: BTreeSet<Vec<u8>>,
    /// What HEAD or the index have and the working tree has not.
    pub(super) deleted: BTreeSet<Vec<u8>>,
    /// Whether anything differs from HEAD.
    pub(super) is_dirty: bool,
}

/// An error of the library as one of ours.
pub(super) fn failed<E: std::fmt::Display>(
    doing: impl std::fmt::Display,
) -> impl FnOnce(E) -> FetchError {
    move |error| FetchError::new(format!("{doing}: {error}"))
}

impl Repo {
    pub(super) fn open(path: &Path) -> Result<Self> {
        let doing = format!("opening Git repository \"{}\"", path.display());
        Ok(Self {
            repo: gix::open(path).map_err(failed(doing))?,
            path: path.to_path_buf(),
        })
    }

    pub(super) fn open_or_create_bare(path: &Path, branch: &str) -> Result<Self> {
        if !path.join("HEAD").exists() {
            let doing = format!("creating Git repository \"{}\"", path.display());
            std::fs::create_dir_all(path)
                .map_err(|it| FetchError::io("creating directory", path, &it))?;
            gix::init_bare(path).map_err(failed(&doing))?;
            std::fs::write(path.join("HEAD"), format!("ref: refs/heads/{branch}\n"))
                .map_err(failed(&doing))?;
        }
        Self::open(path)
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn inner(&self) -> &gix::Repository {
        &self.repo
    }

    pub(super) fn is_shallow(&self) -> Result<bool> {
        let shallow = self.repo.shallow_commits();
        Ok(shallow
            .map_err(failed("reading shallow commits"))?
            .is_some())
    }

    /// What HEAD names; nothing if it is a commit itself.
    pub(super) fn head_ref(&self) -> Result<Option<String>> {
        let name = self.repo.head_name().map_err(failed("looking up HEAD"))?;
        Ok(name.map(|it| it.as_bstr().to_string()))
    }

    /// The commit that a reference names.
    pub(super) fn resolve(&self, git_ref: &str) -> Result<String> {
        let spec = format!("{git_ref}^{{commit}}");
        let id = self
            .repo
            .rev_parse_single(spec.as_str())
            .map_err(failed(format!("resolving Git reference '{git_ref}'")))?;
        Ok(id.to_string())
    }

    pub(super) fn id(rev: &str) -> Result<gix::ObjectId> {
        gix::ObjectId::from_hex(rev.as_bytes())
            .map_err(failed(format!("cannot convert '{rev}' to a Git OID")))
    }

    pub(super) fn has(&self, rev: &str) -> bool {
        Self::id(rev).is_ok_and(|id| self.repo.has_object(id))
    }

    pub(super) fn commit(&self, rev: &str) -> Result<gix::Commit<'_>> {
        let object = self
            .repo
            .find_object(Self::id(rev)?)
            .map_err(failed(format!("getting Git object '{rev}'")))?;
        object
            .peel_to_kind(gix::object::Kind::Commit)
            .map_err(failed(format!("getting Git object '{rev}'")))?
            .try_into_commit()
            .map_err(failed(format!("getting Git object '{rev}'")))
    }

    pub(super) fn last_modified(&self, rev: &str) -> Result<u64> {
        let commit = self.commit(rev)?;
        let time = commit
            .time()
            .map_err(failed(format!("reading commit '{rev}'")))?;
        Ok(time.seconds.max(0).unsigned_abs())
    }

    pub(super) fn rev_count(&self, rev: &str) -> Result<u64> {
        let doing = || format!("counting the ancestors of '{rev}'");
        let walk = self.repo.rev_walk([Self::id(rev)?]);
        let mut count = 0;
        for info in walk.all().map_err(failed(doing()))? {
            info.map_err(failed(doing()))?;
            count += 1;
        }
        Ok(count)
    }

    /// Everything that says what the working tree is: its files, the index, what HEAD leads to, and
    /// what is configured.
    pub(super) fn watched(&self, root: &Path, state: &WorkingTree) -> Vec<PathBuf> {
        let own = self.repo.git_dir();
        let common = self.repo.common_dir();
        let mut watched: Vec<PathBuf> = ["HEAD", "index", "shallow", "packed-refs", "config"]
            .iter()
            .flat_map(|name| [own.join(name), common.join(name)])
            .collect();
        // A directory would seem to change whenever Git locks something in it.
        watched.extend(Some(root.join(".git")).filter(|it| it.is_file()));
        watched.push(common.join("info/attributes"));
        if let Ok(Some(name)) = self.repo.head_name() {
            let name = name.as_bstr().to_string();
            watched.push(common.join(&name));
        }
        watched.sort();
        watched.dedup();
        let names = state.files.iter().chain(&state.deleted);
        watched.extend(names.map(|name| root.join(OsStr::from_bytes(name))));
        watched
    }

    fn head_commit(&self) -> Result<Option<String>> {
        let mut head = self.repo.head().map_err(failed("resolving HEAD"))?;
        let id = head.try_peel_to_id().map_err(failed("resolving HEAD"))?;
        Ok(id.map(|it| it.to_string()))
    }

    /// What is tracked, and what differs from HEAD.
    pub(super) fn working_tree(&self) -> Result<WorkingTree> {
        let doing = || "getting working directory status";
        let mut state = WorkingTree {
            head: self.head_commit()?,
            ..WorkingTree::default()
        };
        let index = self.repo.index_or_empty().map_err(failed(doing()))?;
        for entry in index.entries() {
            if !entry.mode.is_submodule() {
                state.files.insert(entry.path(&index).to_vec());
            }
        }
        let status = self
            .repo
            .status(gix::progress::Discard)
            .map_err(failed(doing()))?
            .untracked_files(gix::status::UntrackedFiles::None)
            .index_worktree_submodules(gix::status::Submodule::Given {
                ignore: gix::submodule::config::Ignore::All,
                check_dirty: false,
            })
            .index_worktree_rewrites(None)
            .tree_index_track_renames(gix::status::tree_index::TrackRenames::Disabled)
            .into_iter(None)
            .map_err(failed(doing()))?;
        for item in status {
            match item.map_err(failed(doing()))? {
                gix::status::Item::TreeIndex(change) => state.note_staged(&change),
                gix::status::Item::IndexWorktree(item) => state.note_changed(&item),
            }
        }
        for name in &state.deleted {
            state.files.remove(name);
        }
        state.dirty.retain(|name| state.files.contains(name));
        Ok(state)
    }
}

impl WorkingTree {
    fn note_staged(&mut self, change: &gix::diff::index::Change) {
        use gix::diff::index::ChangeRef;
        let (location, _, mode, _) = change.fields();
        if mode.is_submodule() {
            return;
        }
        self.is_dirty = true;
        if matches!(change, ChangeRef::Deletion { .. }) {
            self.deleted.insert(location.to_vec());
        } else {
            self.dirty.insert(location.to_vec());
        }
    }

    fn note_changed(&mut self, item: &WorktreeItem) {
        let WorktreeItem::Modification {
            rela_path, status, ..
        } = item
        else {
            return;
        };
        match status {
            EntryStatus::NeedsUpdate(_) | EntryStatus::Change(Change::SubmoduleModification(_)) => {
            }
            EntryStatus::Change(Change::Removed) => {
                self.is_dirty = true;
                self.deleted.insert(rela_path.as_bytes().to_vec());
            }
            _ => {
                self.is_dirty = true;
                self.dirty.insert(rela_path.as_bytes().to_vec());
            }
        }
    }
}

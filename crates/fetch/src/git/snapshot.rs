//! Trees of commits and of working trees, with what is not for export left out.

use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use gix::bstr::{BStr, ByteSlice as _};
use gix::objs::tree::EntryKind;
use gix::worktree::stack::state::attributes::Source;

use super::repo::{Repo, WorkingTree, failed};
use crate::Result;
use crate::tree::{CompositeTree, Node};

/// The tree of a commit.
pub(super) fn of_commit(
    repo: &Repo,
    rev: &str,
    export_ignore: bool,
    name: &str,
) -> Result<CompositeTree> {
    let doing = || format!("reading the tree of '{rev}'");
    let tree_id = repo
        .commit(rev)?
        .tree_id()
        .map_err(failed(doing()))?
        .detach();
    let mut tree = CompositeTree::new(name);
    let number = tree.add_repo(repo.inner().clone().into_sync());
    let index = repo
        .inner()
        .index_from_tree(&tree_id)
        .map_err(failed(doing()))?;
    let mut ignored = Exports::new(repo.inner(), &index, export_ignore)?;
    for entry in index.entries() {
        let path = entry.path(&index);
        if ignored.is_left_out(path, entry.mode)? {
            continue;
        }
        let kind = entry.mode.to_tree_entry_mode().map(|it| it.kind());
        let node = match kind {
            Some(EntryKind::Link) => Node::LinkBlob {
                repo: number,
                id: entry.id,
            },
            Some(EntryKind::Commit) => Node::Directory,
            Some(EntryKind::BlobExecutable) => Node::Blob {
                repo: number,
                id: entry.id,
                executable: true,
            },
            _ => Node::Blob {
                repo: number,
                id: entry.id,
                executable: false,
            },
        };
        tree.insert(path, node);
    }
    Ok(tree)
}

/// What is tracked in a working tree, as it lies there.
pub(super) fn of_working_tree(
    repo: &Repo,
    path: &Path,
    state: &WorkingTree,
    export_ignore: bool,
    submodules: Vec<(Vec<u8>, CompositeTree)>,
) -> Result<CompositeTree> {
    let mut tree = CompositeTree::new(path.display().to_string());
    let doing = "reading the index";
    let index = repo.inner().index_or_empty().map_err(failed(doing))?;
    let mut ignored = Exports::new(repo.inner(), &index, export_ignore)?;
    for name in &state.files {
        if ignored.is_left_out(name.as_bstr(), gix::index::entry::Mode::FILE)? {
            continue;
        }
        let place = path.join(std::ffi::OsStr::from_bytes(name));
        let is_dir = std::fs::symlink_metadata(&place).is_ok_and(|it| it.is_dir());
        tree.insert(
            name,
            if is_dir {
                Node::Directory
            } else {
                Node::Disk(place)
            },
        );
    }
    for (at, submodule) in submodules {
        tree.mount(&at, submodule);
    }
    Ok(tree)
}

/// Tells what the attribute `export-ignore` leaves out.
struct Exports<'r> {
    stack: Option<gix::AttributeStack<'r>>,
    outcome: gix::attrs::search::Outcome,
}

impl<'r> Exports<'r> {
    fn new(repo: &'r gix::Repository, index: &gix::index::State, on: bool) -> Result<Self> {
        let has_rules = || {
            let in_tree = index.entries().iter().any(|it| {
                it.path(index).rsplit(|&byte| byte == b'/').next() == Some(b".gitattributes")
            });
            in_tree || repo.common_dir().join("info/attributes").exists()
        };
        if !on || !has_rules() {
            return Ok(Self {
                stack: None,
                outcome: gix::attrs::search::Outcome::default(),
            });
        }
        let stack = repo
            .attributes_only(index, Source::IdMapping)
            .map_err(failed("reading Git attributes"))?;
        let outcome = stack.selected_attribute_matches(["export-ignore"]);
        Ok(Self {
            stack: Some(stack),
            outcome,
        })
    }

    /// Whether a path, or a directory that it is in, is left out.
    fn is_left_out(&mut self, path: &BStr, mode: gix::index::entry::Mode) -> Result<bool> {
        let Some(stack) = &mut self.stack else {
            return Ok(false);
        };
        let ends = path
            .find_iter("/")
            .map(|at| (at, gix::index::entry::Mode::DIR));
        for (end, mode) in ends.chain([(path.len(), mode)]) {
            let part: &BStr = path[..end].as_bstr();
            let platform = stack
                .at_entry(part, Some(mode))
                .map_err(failed(format!("reading Git attributes of '{part}'")))?;
            self.outcome.reset();
            platform.matching_attributes(&mut self.outcome);
            let is_set = self
                .outcome
                .iter_selected()
                .any(|it| it.assignment.state == gix::attrs::StateRef::Set);
            if is_set {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

//! Submodules: trees of other repositories at places in a tree.

use std::path::Path;

use gix::bstr::ByteSlice as _;
use gix::objs::tree::EntryKind;

use super::repo::{Repo, WorkingTree, failed};
use super::{TreeOptions, snapshot};
use crate::tree::{CompositeTree, Node};
use crate::{Attrs, Fetcher, Input, Result, Url};

/// A line of `.gitmodules`.
struct Submodule {
    path: Vec<u8>,
    url: String,
    branch: Option<String>,
}

impl Fetcher {
    /// The tree of a commit, with those of its submodules if they are wanted.
    pub(super) fn commit_tree(
        &self,
        repo: &Repo,
        rev: &str,
        git_ref: &str,
        options: TreeOptions,
        name: &str,
    ) -> Result<CompositeTree> {
        let mut tree = snapshot::of_commit(repo, rev, options.export_ignore, name)?;
        if options.lfs {
            self.bring_large_files(repo, rev, &mut tree)?;
        }
        if !options.submodules {
            return Ok(tree);
        }
        let Ok(modules) = tree.read(b".gitmodules") else {
            return Ok(tree);
        };
        let index = repo
            .commit(rev)?
            .tree_id()
            .map_err(failed("reading a commit"))?
            .detach();
        let index = repo
            .inner()
            .index_from_tree(&index)
            .map_err(failed("reading a tree"))?;
        for module in parse(&modules)? {
            let entry = index.entry_by_path(module.path.as_bstr()).filter(|it| {
                it.mode.to_tree_entry_mode().map(|it| it.kind()) == Some(EntryKind::Commit)
            });
            // What is no submodule in this commit is left over in the file.
            let Some(entry) = entry else {
                continue;
            };
            let url = resolve_url(repo, &module.url)?;
            let mut attrs = Attrs::from([
                ("type".to_owned(), "git".into()),
                ("url".to_owned(), url.into()),
                ("rev".to_owned(), entry.id.to_string().into()),
            ]);
            match module.branch.as_deref() {
                // The branch that the outer repository is at.
                Some(".") => {
                    attrs.insert("ref".to_owned(), git_ref.into());
                }
                Some(branch) => {
                    attrs.insert("ref".to_owned(), branch.into());
                }
                None => {}
            }
            for (name, on) in [
                ("exportIgnore", options.export_ignore),
                ("submodules", true),
                ("lfs", options.lfs),
                ("allRefs", true),
            ] {
                attrs.insert(name.to_owned(), on.into());
            }
            let fetched = self.fetch(&Input::from_attrs(self, attrs)?, crate::UseRegistries::No)?;
            tree.mount(&module.path, self.stored(&fetched.path)?);
        }
        Ok(tree)
    }

    /// The submodules that are checked out in a working tree. If one of them has changes, so has
    /// the whole.
    pub(super) fn checked_out_submodules(
        &self,
        path: &Path,
        state: &mut WorkingTree,
    ) -> Result<Vec<(Vec<u8>, CompositeTree)>> {
        let Ok(modules) = std::fs::read(path.join(".gitmodules")) else {
            return Ok(Vec::new());
        };
        let mut trees = Vec::new();
        for module in parse(&modules)? {
            let place = path.join(module.path.to_str_lossy().as_ref());
            let attrs = Attrs::from([
                ("type".to_owned(), "git".into()),
                (
                    "url".to_owned(),
                    place.to_string_lossy().into_owned().into(),
                ),
                ("exportIgnore".to_owned(), false.into()),
                ("submodules".to_owned(), true.into()),
            ]);
            let fetched = self.fetch(&Input::from_attrs(self, attrs)?, crate::UseRegistries::No)?;
            if fetched.input.rev_text().is_none() {
                state.is_dirty = true;
            }
            trees.push((module.path, self.stored(&fetched.path)?));
        }
        Ok(trees)
    }

    /// A tree of the store, as a part of another.
    fn stored(&self, path: &firn_store_model::StorePath) -> Result<CompositeTree> {
        use std::os::unix::ffi::OsStrExt as _;
        let root = self.physical(path)?;
        let mut tree = CompositeTree::new(root.display().to_string());
        let mut todo = vec![root.clone()];
        while let Some(directory) = todo.pop() {
            let failed = |it: std::io::Error| crate::FetchError::io("reading", &directory, &it);
            for entry in std::fs::read_dir(&directory).map_err(failed)? {
                let entry = entry.map_err(failed)?;
                let place = entry.path();
                let inside = place.strip_prefix(&root).unwrap_or(&place).to_path_buf();
                let name = inside.as_os_str().as_bytes();
                if entry.file_type().map_err(failed)?.is_dir() {
                    tree.insert(name, Node::Directory);
                    todo.push(place);
                } else {
                    tree.insert(name, Node::Disk(place));
                }
            }
        }
        Ok(tree)
    }
}

fn parse(text: &[u8]) -> Result<Vec<Submodule>> {
    let file = gix::config::File::try_from(text.to_str_lossy().as_ref())
        .map_err(failed("parsing .gitmodules file"))?;
    let mut modules = Vec::new();
    for section in file.sections_by_name("submodule").into_iter().flatten() {
        let value = |name: &str| section.value(name).map(|it| it.to_str_lossy().into_owned());
        let Some(path) = value("path") else {
            continue;
        };
        modules.push(Submodule {
            path: path.trim_matches('/').as_bytes().to_vec(),
            url: value("url").unwrap_or_default(),
            branch: value("branch").filter(|it| !it.is_empty()),
        });
    }
    Ok(modules)
}

/// The address of a submodule, which may be relative to that of the repository around it.
fn resolve_url(repo: &Repo, url: &str) -> Result<String> {
    if !url.starts_with("./") && !url.starts_with("../") {
        return Ok(url.to_owned());
    }
    let origin = repo
        .inner()
        .config_snapshot()
        .string("remote.origin.url")
        .map(|it| it.to_str_lossy().into_owned());
    let base = origin.unwrap_or_else(|| repo.path().display().to_string());
    let mut base: Url = crate::fix_git_url(&base)?;
    while base.path.len() > 1 && base.path.last().is_some_and(String::is_empty) {
        base.path.pop();
    }
    for part in url.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                base.path.pop();
            }
            name => base.path.push(name.to_owned()),
        }
    }
    Ok(base.to_string())
}

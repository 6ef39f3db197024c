//! What a file's repository is at, for those who want to say where something came from.

use std::path::Path;

use super::repo::Repo;

/// The commit that a working tree is at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// The revision.
    pub rev: String,
    /// The first line of what its author says about it.
    pub subject: String,
    /// Whether the working tree differs from it.
    pub is_dirty: bool,
}

/// The commit of the repository that a file or directory is in. There is none outside of
/// repositories, before the first commit, and where the repository cannot be read.
pub fn head_of(path: &Path) -> Option<Head> {
    let path = path.canonicalize().ok()?;
    let root = path.ancestors().find(|it| it.join(".git").exists())?;
    let repo = Repo::open(root).ok()?;
    let state = repo.working_tree().ok()?;
    let rev = state.head?;
    let commit = repo.commit(&rev).ok()?;
    let subject = commit.message().ok()?.summary().to_string();
    Some(Head {
        rev,
        subject,
        is_dirty: state.is_dirty,
    })
}

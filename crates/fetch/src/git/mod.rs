//! Git: a commit's tree, or a working tree as it lies there, as a store object.
//!
//! A repository on this machine is read where it is; any other is fetched into a bare clone among
//! the caches and read there (`clones.rs`). Of a working tree only what Git tracks counts, with the
//! contents that the files have now (`working_tree.rs`). Here is what both share: a commit's tree, and
//! what is known of a revision.

mod clones;
mod head;
mod lfs;
mod program;
mod repo;
mod snapshot;
mod submodules;
mod working_tree;

use firn_events::{ActivityGuard, ActivityKind, Level};

pub use self::head::{Head, head_of};
pub use self::program::{clone, put_file};
use self::repo::Repo;
use crate::attrs::{self, Attrs};
use crate::fetcher::Found;
use crate::scheme::git::{Location, is_null, location, public_keys};
use crate::{FetchError, Fetcher, Input, Result};

/// Which parts of a repository make the tree.
#[derive(Clone, Copy, Debug)]
struct TreeOptions {
    export_ignore: bool,
    submodules: bool,
    lfs: bool,
}

impl TreeOptions {
    fn of(input: &Input) -> Result<Self> {
        Ok(Self {
            export_ignore: attrs::flag(&input.attrs, "exportIgnore")?,
            submodules: attrs::flag(&input.attrs, "submodules")?,
            lfs: attrs::flag(&input.attrs, "lfs")?,
        })
    }

    /// What stands for a tree of a revision.
    fn fingerprint(self, rev: &str) -> String {
        let mark = |on: bool, mark: &'static str| if on { mark } else { "" };
        format!(
            "{rev}{}{}{}",
            mark(self.submodules, ";s"),
            mark(self.export_ignore, ";e"),
            mark(self.lfs, ";l")
        )
    }
}

impl Fetcher {
    pub(crate) fn fetch_git(&self, input: &Input) -> Result<Found> {
        let options = TreeOptions::of(input)?;
        if options.export_ignore && options.submodules {
            return Err(FetchError::new(
                "exportIgnore and submodules are not supported together yet",
            ));
        }
        if let Some(rev) = input.rev()?
            && !matches!(
                rev.algorithm(),
                firn_hash::Algorithm::Sha1 | firn_hash::Algorithm::Sha256
            )
        {
            return Err(FetchError::new(format!(
                "Hash '{}' is not supported by Git. Supported types are sha1 and sha256.",
                rev.format(firn_hash::HashFormat::Base16, true)
            )));
        }
        match location(self, input)? {
            Location::Local(path) if input.git_ref().is_none() && input.rev_text().is_none() => {
                self.fetch_working_tree(input, &path, options)
            }
            place => self.fetch_commit(input, &place, options),
        }
    }

    // A commit.

    fn fetch_commit(&self, input: &Input, place: &Location, options: TreeOptions) -> Result<Found> {
        let mut input = input.clone();
        let shallow = attrs::flag(&input.attrs, "shallow")?;
        let had_ref = input.git_ref().is_some();
        let git_ref = match input.git_ref() {
            Some(git_ref) => git_ref.to_owned(),
            None => self.default_ref(place, shallow)?,
        };
        input.set("ref", git_ref.as_str());
        let repo = match place {
            Location::Local(path) => {
                let repo = Repo::open(path)?;
                if input.rev_text().is_none() {
                    input.set("rev", repo.resolve(&git_ref)?);
                }
                repo
            }
            Location::Remote(url) => {
                self.update_clone(&mut input, &url.to_string(), &git_ref, had_ref)?
            }
        };
        if !shallow {
            check_whole(&repo, place)?;
        }
        let rev = input.rev_text().unwrap_or_default();
        input.set("lastModified", self.last_modified(&repo, &rev)?);
        if !shallow {
            input.set("revCount", self.rev_count(&repo, &rev, place)?);
        }
        Self::verify_commit(&input, Some(&repo))?;
        let fingerprint = options.fingerprint(&rev);
        let (path, hash) = if let Some(known) = self.known_tree(&fingerprint, input.name())? {
            known
        } else {
            let tree = self.commit_tree(&repo, &rev, &git_ref, options, &input.show())?;
            let added = self.add_tree(input.name(), &tree)?;
            self.note_tree(&fingerprint, &added.1);
            added
        };
        Ok(Found::named(input, path, hash))
    }

    // What is known of a revision never changes.

    fn last_modified(&self, repo: &Repo, rev: &str) -> Result<u64> {
        self.remembered("gitLastModified", "lastModified", rev, || {
            repo.last_modified(rev)
        })
    }

    fn rev_count(&self, repo: &Repo, rev: &str, place: &Location) -> Result<u64> {
        self.remembered("gitRevCount", "revCount", rev, || {
            let _activity = ActivityGuard::start(
                &self.options().events,
                None,
                Level::Chatty,
                format!("getting Git revision count of '{}'", place.show()),
                ActivityKind::Unknown,
            );
            repo.rev_count(rev)
        })
    }

    fn remembered(
        &self,
        domain: &str,
        name: &str,
        rev: &str,
        find: impl FnOnce() -> Result<u64>,
    ) -> Result<u64> {
        let key = Attrs::from([("rev".to_owned(), rev.into())]);
        if let Some(entry) = self.cache().get(domain, &key)
            && let Ok(number) = attrs::int(&entry.attrs, name)
        {
            return Ok(number);
        }
        let number = find()?;
        self.cache().put(
            domain,
            &key,
            &Attrs::from([(name.to_owned(), number.into())]),
        );
        Ok(number)
    }

    fn verify_commit(input: &Input, repo: Option<&Repo>) -> Result<()> {
        let keys = public_keys(&input.attrs)?;
        if !attrs::maybe_bool(&input.attrs, "verifyCommit")?.unwrap_or(!keys.is_empty()) {
            return Ok(());
        }
        match (input.rev()?, repo) {
            (Some(rev), Some(repo)) if !is_null(&rev) => {
                program::verify_commit(repo.path(), &rev.to_base16(), &keys)
            }
            _ => Err(FetchError::new(format!(
                "commit verification is required for Git repository '{}', but it's dirty",
                input.show()
            ))),
        }
    }
}

/// Fails if a repository's history is cut off, so that its revisions cannot be counted.
fn check_whole(repo: &Repo, place: &Location) -> Result<()> {
    if repo.is_shallow()? {
        return Err(FetchError::new(format!(
            "'{}' is a shallow Git repository, but shallow repositories are only allowed when `shallow = true;` is specified",
            place.show()
        )));
    }
    Ok(())
}

//! Repositories far away: bare clones of them among the caches, and what their HEAD names.
//!
//! One process at a time updates a clone. A reference is asked for again when what is known of it is
//! older than the settings allow; a revision that is there never is.

use std::path::{Path, PathBuf};

use firn_events::{ActivityGuard, ActivityKind, Level};
use firn_hash::Hasher;
use firn_sys::file_lock::PathLock;

use super::program;
use super::repo::Repo;
use crate::attrs;
use crate::cache::now;
use crate::scheme::git::Location;
use crate::{FetchError, Fetcher, Input, Result};

/// What HEAD of a fresh clone names: no branch that anybody has.
const NO_BRANCH: &str = "__nix_dummy_branch";

impl Fetcher {
    /// The bare clone of a repository far away, with the wanted revision in it.
    pub(super) fn update_clone(
        &self,
        input: &mut Input,
        url: &str,
        git_ref: &str,
        had_ref: bool,
    ) -> Result<Repo> {
        let shallow = attrs::flag(&input.attrs, "shallow")?;
        let all_refs = attrs::flag(&input.attrs, "allRefs")?;
        let place = self.clone_place(url, shallow);
        let parent = place.parent().unwrap_or(&place);
        std::fs::create_dir_all(parent)
            .map_err(|it| FetchError::io("creating directory", parent, &it))?;
        let lock_name = PathBuf::from(format!("{}.lock", place.display()));
        let _lock = PathLock::acquire(&[&lock_name], |_| {
            self.say(
                Level::Info,
                &format!("waiting for another fetch of '{url}'..."),
            );
        })
        .map_err(|it| FetchError::io("locking", &lock_name, &it))?;
        let repo = Repo::open_or_create_bare(&place, NO_BRANCH)?;
        program::set_origin(&place, url)?;
        let ref_file = if git_ref.starts_with("refs/") {
            place.join(git_ref)
        } else {
            place.join("refs/heads").join(git_ref)
        };
        let rev = input.rev_text();
        let must_fetch = match &rev {
            Some(rev) => !repo.has(rev),
            None => all_refs || age_of(&ref_file).is_none_or(|age| !self.is_fresh(age)),
        };
        if must_fetch {
            let refspec = if all_refs {
                "refs/*:refs/*".to_owned()
            } else if let Some(rev) = &rev {
                rev.clone()
            } else if git_ref.starts_with("refs/") {
                format!("{git_ref}:{git_ref}")
            } else if git_ref == "HEAD" {
                "HEAD:HEAD".to_owned()
            } else {
                format!("refs/heads/{git_ref}:refs/heads/{git_ref}")
            };
            if let Err(error) = self.run_fetch(&place, url, &refspec, shallow) {
                if !ref_file.exists() {
                    return Err(error);
                }
                self.say(Level::Error, &error.to_string());
                self.warn(&format!(
                    "could not update local clone of Git repository '{url}'; continuing with the most recent version"
                ));
            }
            if rev.is_none() {
                // If the time cannot be set, the next run fetches again.
                firn_sys::file::set_mtime(&ref_file, now() as i64).ok();
            }
            if !had_ref && !program::set_head(&place, git_ref) {
                self.warn(&format!(
                    "could not update cached head '{git_ref}' for '{url}'"
                ));
            }
        }
        // What was fetched is in new packs.
        let repo = Repo::open(&place)?;
        match rev {
            Some(rev) if !repo.has(&rev) => Err(FetchError::new(format!(
                "Cannot find Git revision '{rev}' in ref '{git_ref}' of repository '{url}'! Please make sure that the rev exists on the ref you've specified or add allRefs = true; to fetchGit."
            ))),
            Some(_) => Ok(repo),
            None => {
                // A clone's own HEAD is no reference of the repository.
                let fetched = match git_ref {
                    "HEAD" => "refs/heads/HEAD",
                    other => other,
                };
                input.set("rev", repo.resolve(fetched)?);
                Ok(repo)
            }
        }
    }

    fn run_fetch(&self, place: &Path, url: &str, refspec: &str, shallow: bool) -> Result<()> {
        self.check_online(url)?;
        let _activity = ActivityGuard::start(
            &self.options().events,
            None,
            Level::Talkative,
            format!("fetching Git repository '{url}'"),
            ActivityKind::FetchTree,
        );
        program::fetch(place, url, refspec, shallow)
    }

    pub(super) fn check_online(&self, url: &str) -> Result<()> {
        if self.options().offline && !url.starts_with("file:") {
            return Err(FetchError::new(format!(
                "cannot fetch '{url}': the network is not to be used"
            )));
        }
        Ok(())
    }

    fn clone_place(&self, url: &str, shallow: bool) -> PathBuf {
        let name = Hasher::sha256(url.as_bytes()).to_nix32();
        let mark = if shallow { "-shallow" } else { "" };
        self.options()
            .cache_dir
            .join("gitv3")
            .join(format!("{name}{mark}"))
    }

    /// What HEAD of a repository names.
    pub(super) fn default_ref(&self, place: &Location, shallow: bool) -> Result<String> {
        let head = match place {
            Location::Local(path) => Repo::open(path)?.head_ref()?,
            Location::Remote(url) => self.remote_head(&url.to_string(), shallow),
        };
        Ok(head.unwrap_or_else(|| {
            self.warn(&format!(
                "could not read HEAD ref from repo at '{}', using 'master'",
                place.show()
            ));
            "master".to_owned()
        }))
    }

    fn remote_head(&self, url: &str, shallow: bool) -> Option<String> {
        let place = self.clone_place(url, shallow);
        let age = age_of(&place.join("HEAD"));
        let cached = age.and_then(|_| Repo::open(&place).ok()?.head_ref().ok()?);
        let cached = cached.filter(|it| !it.ends_with(NO_BRANCH));
        if let (Some(cached), Some(age)) = (&cached, age)
            && self.is_fresh(age)
        {
            return Some(cached.clone());
        }
        if self.check_online(url).is_ok()
            && let Some(head) = program::remote_head(url)
        {
            return Some(head);
        }
        let cached = cached?;
        self.warn(&format!(
            "could not get HEAD ref for repository '{url}'; using expired cached ref '{cached}'"
        ));
        Some(cached)
    }
}

/// How many seconds ago a file was changed.
fn age_of(path: &Path) -> Option<u64> {
    use std::os::unix::fs::MetadataExt as _;
    let time = std::fs::metadata(path).ok()?.mtime().max(0).unsigned_abs();
    Some(now().saturating_sub(time))
}

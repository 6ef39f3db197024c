//! Git: a commit's tree, or a working tree as it lies there, as a store object.
//!
//! A repository on this machine is read where it is; any other is fetched into a bare clone among
//! the caches, one process at a time, and read there. Of a working tree only what Git tracks counts,
//! with the contents that the files have now.

mod program;
mod repo;
mod snapshot;
mod submodules;

use std::path::{Path, PathBuf};

use firn_events::{ActivityGuard, ActivityKind, Level};
use firn_hash::{Hash, Hasher};
use firn_sys::file_lock::PathLock;

pub use self::program::{clone, put_file};
use self::repo::{Repo, WorkingTree};
use crate::attrs::{self, Attrs};
use crate::cache::now;
use crate::fetcher::{Found, MAX_WATCHED};
use crate::scheme::git::{Location, is_null, location, public_keys};
use crate::{FetchError, Fetcher, Input, Result};

/// What HEAD of a fresh clone names: no branch that anybody has.
const NO_BRANCH: &str = "__nix_dummy_branch";

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

    /// The bare clone of a repository far away, with the wanted revision in it.
    fn update_clone(
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

    fn check_online(&self, url: &str) -> Result<()> {
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
    fn default_ref(&self, place: &Location, shallow: bool) -> Result<String> {
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

    // A working tree.

    fn fetch_working_tree(
        &self,
        input: &Input,
        path: &Path,
        options: TreeOptions,
    ) -> Result<Found> {
        let mut input = input.clone();
        let shallow = attrs::flag(&input.attrs, "shallow")?;
        let repo = Repo::open(path)?;
        let mut state = repo.working_tree()?;
        let submodules = if options.submodules {
            self.checked_out_submodules(path, &mut state)?
        } else {
            Vec::new()
        };
        let fingerprint = if state.is_dirty {
            if submodules.is_empty() {
                Some(dirty_fingerprint(path, &state, options)?)
            } else {
                None
            }
        } else {
            let rev = state.head.clone().unwrap_or_else(|| "0".repeat(40));
            Some(options.fingerprint(&rev))
        };
        let known = match &fingerprint {
            Some(fingerprint) => self.known_tree(fingerprint, input.name())?,
            None => None,
        };
        let (store_path, hash) = if let Some(known) = known {
            known
        } else {
            let tree =
                snapshot::of_working_tree(&repo, path, &state, options.export_ignore, submodules)?;
            let added = self.add_tree(input.name(), &tree)?;
            if let Some(fingerprint) = &fingerprint {
                self.note_tree(fingerprint, &added.1);
            }
            added
        };
        if state.is_dirty {
            self.warn_dirty(path)?;
            if let Some(head) = &state.head {
                input.set("dirtyRev", format!("{head}-dirty"));
                input.set("dirtyShortRev", format!("{}-dirty", &head[..7]));
            }
            Self::verify_commit(&input, None)?;
        } else {
            if let Some(git_ref) = repo.head_ref()? {
                input.set("ref", git_ref);
            }
            let rev = state.head.clone().unwrap_or_else(|| "0".repeat(40));
            input.set("rev", rev.as_str());
            if !shallow {
                let place = Location::Local(path.to_path_buf());
                check_whole(&repo, &place)?;
                let count = match &state.head {
                    Some(rev) => self.rev_count(&repo, rev, &place)?,
                    None => 0,
                };
                input.set("revCount", count);
            }
            Self::verify_commit(&input, Some(&repo))?;
        }
        let last_modified = match &state.head {
            Some(rev) => self.last_modified(&repo, rev)?,
            None => 0,
        };
        input.set("lastModified", last_modified);
        let watched = (!options.submodules).then(|| repo.watched(path, &state));
        Ok(Found {
            input,
            path: store_path,
            hash,
            watched: watched.filter(|it| it.len() < MAX_WATCHED),
            display: Some(path.components().collect::<PathBuf>().display().to_string()),
            working_tree: Some(path.components().collect()),
        })
    }

    fn warn_dirty(&self, path: &Path) -> Result<()> {
        let message = format!("Git tree '{}' is dirty", path.display());
        if !self.settings().allow_dirty {
            return Err(FetchError::new(message));
        }
        if self.settings().warn_dirty {
            self.warn(&message);
        }
        Ok(())
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

/// What stands for a working tree with changes: its revision, and a hash of what was changed.
fn dirty_fingerprint(path: &Path, state: &WorkingTree, options: TreeOptions) -> Result<String> {
    use std::io::Read as _;
    use std::os::unix::ffi::OsStrExt as _;
    use std::os::unix::fs::MetadataExt as _;
    let mut hasher = Hasher::new(firn_hash::Algorithm::Sha256);
    let mut text = |bytes: &[u8]| {
        hasher.update(&(bytes.len() as u64).to_le_bytes());
        hasher.update(bytes);
    };
    for name in &state.dirty {
        let place = path.join(std::ffi::OsStr::from_bytes(name));
        let failed = |it: std::io::Error| FetchError::io("reading", &place, &it);
        text(b"modified");
        text(name);
        let metadata = std::fs::symlink_metadata(&place).map_err(failed)?;
        if metadata.is_symlink() {
            text(
                std::fs::read_link(&place)
                    .map_err(failed)?
                    .as_os_str()
                    .as_bytes(),
            );
        } else if metadata.is_file() {
            let mut contents = Vec::new();
            let mut file = std::fs::File::open(&place).map_err(failed)?;
            file.read_to_end(&mut contents).map_err(failed)?;
            text(&[u8::from(metadata.mode() & 0o100 != 0)]);
            text(&contents);
        }
    }
    for name in &state.deleted {
        text(b"deleted");
        text(name);
    }
    let hash: Hash = hasher.finish();
    let rev = state.head.clone().unwrap_or_else(|| "0".repeat(40));
    Ok(format!(
        "{};d={}",
        options.fingerprint(&rev),
        hash.to_base16()
    ))
}

/// How many seconds ago a file was changed.
fn age_of(path: &Path) -> Option<u64> {
    use std::os::unix::fs::MetadataExt as _;
    let time = std::fs::metadata(path).ok()?.mtime().max(0).unsigned_abs();
    Some(now().saturating_sub(time))
}

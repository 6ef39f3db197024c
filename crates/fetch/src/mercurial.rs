//! Mercurial: a commit's tree, or what is tracked in a working tree with changes, as a store object.
//!
//! Everything is done by the `hg` program. Repositories are cloned among the caches, also those of
//! this machine; a working tree without changes is its commit. What was found of a revision is
//! remembered, so that asking again needs neither the program nor the repository.

use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use firn_events::{ActivityGuard, ActivityKind, Level};
use firn_hash::Hasher;
use firn_store::tree::LocalTree;
use firn_sys::file_lock::PathLock;

use crate::attrs::{self, Attrs};
use crate::fetcher::Found;
use crate::tree::{CompositeTree, Node};
use crate::{FetchError, Fetcher, Input, Result, Url};

/// The branch that is meant where none is named.
const DEFAULT_BRANCH: &str = "default";
/// What `hg archive` adds to a tree.
const ARCHIVAL: &str = ".hg_archival.txt";

fn hg() -> Command {
    let mut command = Command::new("hg");
    // Output does not depend on anybody's configuration then.
    command.env("HGPLAIN", "").stdin(Stdio::null());
    command
}

fn unable(error: &std::io::Error) -> FetchError {
    FetchError::new(format!(
        "unable to execute 'hg': {error}; install Mercurial to fetch its repositories"
    ))
}

/// What a command prints; what it complains about goes to the user.
fn output(command: &mut Command, doing: &str) -> Result<Vec<u8>> {
    let done = command
        .stderr(Stdio::inherit())
        .output()
        .map_err(|it| unable(&it))?;
    if done.status.success() {
        return Ok(done.stdout);
    }
    Err(FetchError::new(format!("'hg {doing}' failed")))
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Where an input's repository is: a directory of this machine, or an address.
enum Location {
    Local(PathBuf),
    Remote(String),
}

impl Location {
    fn of(input: &Input) -> Result<Self> {
        let url = Url::parse(attrs::str(&input.attrs, "url")?)?;
        if url.scheme == "file" {
            return Ok(Self::Local(url.file_path()?));
        }
        Ok(Self::Remote(url.to_string()))
    }

    /// As `hg` takes it.
    fn show(&self) -> String {
        match self {
            Self::Local(path) => path.display().to_string(),
            Self::Remote(url) => url.clone(),
        }
    }
}

/// The working tree of an input, if it has one here and no revision is asked for.
pub(crate) fn local_path(input: &Input) -> Result<Option<PathBuf>> {
    if input.git_ref().is_some() || input.rev_text().is_some() {
        return Ok(None);
    }
    match Location::of(input)? {
        Location::Local(path) => Ok(Some(path)),
        Location::Remote(_) => Ok(None),
    }
}

/// Tells Mercurial of a file, and commits it if there is a message.
pub(crate) fn add_file(place: &Path, message: Option<&str>) -> Result<()> {
    let directory = place.parent().unwrap_or(place);
    let run = |command: &mut Command, doing: &str| {
        command.stdout(Stdio::null());
        let status = command.status().map_err(|it| unable(&it))?;
        if status.success() {
            return Ok(());
        }
        Err(FetchError::new(format!(
            "'hg {doing} {}' failed",
            place.display()
        )))
    };
    let in_place = || {
        let mut command = hg();
        command.arg("--cwd").arg(directory);
        command
    };
    run(in_place().arg("add").arg(place), "add")?;
    match message {
        Some(message) => run(
            in_place().arg("commit").arg(place).args(["-m", message]),
            "commit",
        ),
        None => Ok(()),
    }
}

impl Fetcher {
    pub(crate) fn fetch_mercurial(&self, input: &Input) -> Result<Found> {
        if let Some(rev) = input.rev()?
            && rev.algorithm() != firn_hash::Algorithm::Sha1
        {
            return Err(FetchError::new(format!(
                "Hash '{}' is not supported by Mercurial. Only sha1 is supported.",
                rev.format(firn_hash::HashFormat::Base16, true)
            )));
        }
        let place = Location::of(input)?;
        if let Location::Local(path) = &place
            && input.git_ref().is_none()
            && input.rev_text().is_none()
            && path.join(".hg").exists()
            && has_changes(path)?
        {
            return self.fetch_changed_tree(input, path);
        }
        self.fetch_changeset(input, &place)
    }

    /// What is tracked in a working tree, as it lies there.
    fn fetch_changed_tree(&self, input: &Input, path: &Path) -> Result<Found> {
        let message = format!("Mercurial tree '\"{}\"' is unclean", path.display());
        if !self.settings().allow_dirty {
            return Err(FetchError::new(message));
        }
        if self.settings().warn_dirty {
            self.warn(&message);
        }
        let mut input = input.clone();
        let branch = output(hg().args(["branch", "-R"]).arg(path), "branch")?;
        input.set("ref", text(&branch).trim_end());
        let mut command = hg();
        command.args(["status", "-R"]).arg(path);
        command.args([
            "--clean",
            "--modified",
            "--added",
            "--no-status",
            "--print0",
        ]);
        let names = output(&mut command, "status")?;
        let mut tree = CompositeTree::new(path.display().to_string());
        for name in names.split(|&byte| byte == 0).filter(|it| !it.is_empty()) {
            let file = path.join(std::ffi::OsStr::from_bytes(name));
            tree.insert(name, Node::Disk(file));
        }
        let (store_path, hash) = self.add_tree(input.name(), &tree)?;
        Ok(Found::named(input, store_path, hash))
    }

    fn fetch_changeset(&self, input: &Input, place: &Location) -> Result<Found> {
        let mut input = input.clone();
        let was_locked = input.rev_text().is_some();
        let source = place.show();
        let git_ref = input.git_ref().unwrap_or(DEFAULT_BRANCH).to_owned();
        input.set("ref", git_ref.as_str());
        let newest = Attrs::from([
            ("url".to_owned(), source.as_str().into()),
            ("ref".to_owned(), git_ref.as_str().into()),
        ]);
        if !was_locked
            && let Some(entry) = self.cache().get("hgRefToRev", &newest)
            && self.is_fresh(entry.age)
        {
            input.set("rev", attrs::str(&entry.attrs, "rev")?);
        }
        if let Some(found) = self.known_changeset(&input)? {
            return Ok(found);
        }
        let clone = self.update_mercurial_clone(&input, place)?;
        let wanted = input.rev_text().unwrap_or(git_ref);
        let mut command = hg();
        command.args(["log", "-R"]).arg(&clone);
        command.args(["-r", &wanted, "--template", "{node} {rev} {branch}"]);
        let log = text(&output(&mut command, "log")?);
        let words: Vec<&str> = log.splitn(3, ' ').collect();
        let [node, count, branch] = words[..] else {
            return Err(FetchError::new(format!(
                "'hg log' of '{source}' printed '{log}', which is no revision"
            )));
        };
        let count: u64 = count.parse().map_err(|_| {
            FetchError::new(format!("'hg log' of '{source}' counts '{count}' revisions"))
        })?;
        input.set("rev", node);
        input.set("ref", branch);
        if !was_locked {
            let rev = Attrs::from([("rev".to_owned(), node.into())]);
            self.cache().put("hgRefToRev", &newest, &rev);
        }
        let facts = Attrs::from([("revCount".to_owned(), count.into())]);
        self.cache().put("hgRev", &changeset_key(node), &facts);
        if let Some(found) = self.known_changeset(&input)? {
            return Ok(found);
        }
        let unpacked = tempfile::tempdir()
            .map_err(|it| FetchError::io("creating a directory in", Path::new("/tmp"), &it))?;
        let tree = unpacked.path().join("tree");
        let mut command = hg();
        command.args(["archive", "-R"]).arg(&clone);
        command.args(["-r", node]).arg(&tree);
        output(&mut command, "archive")?;
        let archival = tree.join(ARCHIVAL);
        if archival.exists() {
            std::fs::remove_file(&archival)
                .map_err(|it| FetchError::io("deleting", &archival, &it))?;
        }
        let (path, hash) = self.add_tree(input.name(), &LocalTree::new(tree))?;
        self.note_tree(&fingerprint(node), &hash);
        input.set("revCount", count);
        Ok(Found::named(input, path, hash))
    }

    /// What is remembered of the revision of an input, if its tree is still in the store.
    fn known_changeset(&self, input: &Input) -> Result<Option<Found>> {
        let Some(rev) = input.rev_text() else {
            return Ok(None);
        };
        let Some(facts) = self.cache().get("hgRev", &changeset_key(&rev)) else {
            return Ok(None);
        };
        let Some((path, hash)) = self.known_tree(&fingerprint(&rev), input.name())? else {
            return Ok(None);
        };
        let mut input = input.clone();
        input.set("revCount", attrs::int(&facts.attrs, "revCount")?);
        Ok(Some(Found::named(input, path, hash)))
    }

    /// A clone among the caches that has the wanted revision, if the repository has it.
    fn update_mercurial_clone(&self, input: &Input, place: &Location) -> Result<PathBuf> {
        let source = place.show();
        let name = Hasher::sha256(source.as_bytes()).to_nix32();
        let clones = self.options().cache_dir.join("hg");
        std::fs::create_dir_all(&clones)
            .map_err(|it| FetchError::io("creating directory", &clones, &it))?;
        let clone = clones.join(name);
        let lock_name = PathBuf::from(format!("{}.lock", clone.display()));
        let _lock = PathLock::acquire(&[&lock_name], |_| {
            let text = format!("waiting for another fetch of '{source}'...");
            self.say(Level::Info, &text);
        })
        .map_err(|it| FetchError::io("locking", &lock_name, &it))?;
        if let Some(rev) = input.rev_text()
            && clone.exists()
            && has_changeset(&clone, &rev)?
        {
            return Ok(clone);
        }
        if self.options().offline && matches!(place, Location::Remote(_)) {
            return Err(FetchError::new(format!(
                "cannot fetch '{source}': the network is not to be used"
            )));
        }
        let _activity = ActivityGuard::start(
            &self.options().events,
            None,
            Level::Talkative,
            format!("fetching Mercurial repository '{source}'"),
            ActivityKind::FetchTree,
        );
        if !clone.exists() {
            let mut command = hg();
            command
                .args(["clone", "--noupdate", "--", &source])
                .arg(&clone);
            output(&mut command, "clone")?;
            return Ok(clone);
        }
        let pull = || {
            let mut command = hg();
            command.args(["pull", "-R"]).arg(&clone);
            output(command.args(["--", &source]), "pull").map(drop)
        };
        if let Err(error) = pull() {
            // A pull that was interrupted leaves its journal.
            if !clone.join(".hg/store/journal").exists() {
                return Err(error);
            }
            output(hg().args(["recover", "-R"]).arg(&clone), "recover")?;
            pull()?;
        }
        Ok(clone)
    }
}

fn has_changes(path: &Path) -> Result<bool> {
    let mut command = hg();
    command.args(["status", "-R"]).arg(path);
    command.args(["--modified", "--added", "--removed"]);
    Ok(!output(&mut command, "status")?.is_empty())
}

fn has_changeset(clone: &Path, rev: &str) -> Result<bool> {
    let mut command = hg();
    command.args(["log", "-R"]).arg(clone);
    command.args(["-r", rev, "--template", "1"]);
    let done = command.stderr(Stdio::null()).output();
    Ok(done.map_err(|it| unable(&it))?.stdout == b"1")
}

fn changeset_key(rev: &str) -> Attrs {
    Attrs::from([("rev".to_owned(), rev.into())])
}

fn fingerprint(rev: &str) -> String {
    format!("hg:{rev}")
}

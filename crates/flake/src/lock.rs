//! Locking: from what flakes say about their inputs, and from what was locked before, to a lock
//! file; and writing it where it belongs.
//!
//! An input is fetched only if nothing was locked for it or if what is asked for has changed. What
//! a flake says about inputs of its inputs goes before what those say themselves, and what the
//! command line says goes before all. The order in which things are decided is the reference's,
//! since the file that comes out has to be the same.

mod inputs;
mod write;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use firn_eval::{Ctx, ErrorKind, Fail};
use firn_fetch::UseRegistries;
use firn_instantiate::{StoreHost, fetch_failed};
use firn_source::SourcePath;

use crate::definition::{Flake, get_flake};
use crate::lock_file::{InputPath, LockFile};
use crate::reference::FlakeRef;

use inputs::Locker;
use write::Change;

/// How to lock.
#[derive(Clone, Debug)]
#[allow(
    clippy::struct_excessive_bools,
    reason = "each is a flag of the command line"
)]
pub struct LockFlags {
    /// Begin anew.
    pub recreate: bool,
    /// Whether the file may be changed.
    pub update: bool,
    /// Whether changes are written.
    pub write: bool,
    /// Whether it is an error that changes cannot be written.
    pub fail_on_unlocked: bool,
    /// Whether registries are asked.
    pub use_registries: Option<bool>,
    /// Whether inputs may be fetched that do not always mean the same.
    pub allow_unlocked: bool,
    /// Whether to commit the file.
    pub commit: bool,
    /// The file to begin with, instead of the flake's.
    pub reference_file: Option<PathBuf>,
    /// The file to write, instead of the flake's.
    pub output_file: Option<PathBuf>,
    /// What inputs are to be instead.
    pub overrides: BTreeMap<InputPath, FlakeRef>,
    /// What is to be brought up to date.
    pub updates: BTreeSet<InputPath>,
}

impl Default for LockFlags {
    fn default() -> Self {
        Self {
            recreate: false,
            update: true,
            write: true,
            fail_on_unlocked: false,
            use_registries: None,
            allow_unlocked: true,
            commit: false,
            reference_file: None,
            output_file: None,
            overrides: BTreeMap::new(),
            updates: BTreeSet::new(),
        }
    }
}

/// A flake and its lock file.
#[derive(Clone, Debug)]
pub struct LockedFlake {
    /// The flake.
    pub flake: Flake,
    /// The lock file.
    pub lock_file: LockFile,
    /// Where nodes that were looked at lie.
    pub node_paths: BTreeMap<usize, SourcePath>,
}

/// Locks a flake, and writes its lock file where that is wanted and possible.
pub fn lock_flake(
    ctx: &mut Ctx<'_>,
    host: &StoreHost,
    top: &FlakeRef,
    flags: &LockFlags,
) -> Result<LockedFlake, Fail> {
    if let Err(error) = host.fetcher().require(firn_settings::Feature::Flakes) {
        return Err(fetch_failed(ctx, error));
    }
    let settings = host.fetcher().settings();
    let use_registries = flags.use_registries.unwrap_or(settings.use_registries);
    let choose = |which| {
        if use_registries {
            which
        } else {
            UseRegistries::No
        }
    };
    let registries = (choose(UseRegistries::All), choose(UseRegistries::Limited));
    let flake = get_flake(ctx, host, top, registries.0, &[])?;
    let shown = flake.locked.to_string();
    lock_inputs(ctx, host, top, flake, flags, registries).map_err(|fail| {
        let text = format!("while updating the lock file of flake '{shown}'");
        ctx.trace(fail, None, text)
    })
}

fn lock_inputs(
    ctx: &mut Ctx<'_>,
    host: &StoreHost,
    top: &FlakeRef,
    flake: Flake,
    flags: &LockFlags,
    registries: (UseRegistries, UseRegistries),
) -> Result<LockedFlake, Fail> {
    if !host.fetcher().settings().allow_dirty && flags.reference_file.is_some() {
        let message =
            "reference lock file was provided, but the `allow-dirty` setting is set to false";
        return Err(ctx.error(ErrorKind::Eval, message));
    }
    let old = match &flags.reference_file {
        Some(path) => {
            host.loses_track("the lock file is another one");
            let shown = path.display().to_string();
            let text = std::fs::read(path)
                .map_err(|it| ctx.error(ErrorKind::Host, format!("reading \"{shown}\": {it}")))?;
            let parsed = LockFile::parse(host.fetcher(), &text, &shown);
            parsed.map_err(|error| fetch_failed(ctx, error))?
        }
        None => read_lock_file(ctx, host, &flake.lock_file_path())?,
    };
    let locker = Locker::new(ctx, host, &flake, flags, registries);
    let (new, node_paths) = locker.lock(&flake, (!flags.recreate).then(|| old.clone()))?;
    new.check().map_err(|error| fetch_failed(ctx, error))?;
    let mut locked = LockedFlake {
        flake,
        lock_file: new,
        node_paths,
    };
    if !locked.lock_file.is_same(&old) || flags.output_file.is_some() {
        let change = Change {
            host,
            top,
            old: &old,
            flags,
        };
        change.write(ctx, &mut locked, registries.0)?;
    }
    Ok(locked)
}

/// The lock file at a path; an empty one if there is none.
pub fn read_lock_file(
    ctx: &mut Ctx<'_>,
    host: &StoreHost,
    path: &SourcePath,
) -> Result<LockFile, Fail> {
    if ctx.host_result(|it| it.file_type(path))?.is_none() {
        return Ok(LockFile::default());
    }
    let text = ctx.host_result(|it| it.read_file(path))?;
    let shown = String::from_utf8_lossy(&ctx.host().display_path(path)).into_owned();
    LockFile::parse(host.fetcher(), &text, &shown).map_err(|error| fetch_failed(ctx, error))
}

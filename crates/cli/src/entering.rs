//! Becoming another program with another environment: what `run`, `shell`, `develop` and
//! `nix-shell` share.
//!
//! What is built lies in a store whose files need not be where the paths say. Then the program is
//! started by a copy of this one that first moves into a namespace in which they are
//! ([`firn_sys::store_view`]). That has to be a fresh process: only one with a single thread may.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use firn_store::Store;
use firn_store_model::StorePath;

use crate::{Args, Failure};

/// The first argument of the process that moves into the view of a store.
pub const IN_STORE_VIEW: &str = "__in-store-view";

/// The first argument of the process that becomes an ordinary user.
pub const AS_ORDINARY_USER: &str = "__as-ordinary-user";

/// Who root appears to be then: `nobody`, whom every list of users has.
const NOBODY: u32 = 65534;

/// The physical and the logical store directory, where they differ.
fn shown_elsewhere(store: &dyn Store) -> Option<(PathBuf, PathBuf)> {
    let logical = PathBuf::from(store.store_dir().as_str());
    let probe = StorePath::parse("00000000000000000000000000000000-x").ok()?;
    let physical = store.physical_path(&probe)?.parent()?.to_path_buf();
    (physical != logical).then_some((physical, logical))
}

/// A command that runs `program` where the store's paths are what they say.
pub fn viewed(store: &dyn Store, program: impl AsRef<OsStr>) -> Command {
    let mut command = plainly_viewed(store, program);
    firn_sys::signals::are_received_by(&mut command);
    command
}

/// The same, by an ordinary user: root appears to be one, in a user namespace.
pub fn viewed_by_ordinary_user(store: &dyn Store, program: impl AsRef<OsStr>) -> Command {
    let viewed = plainly_viewed(store, program);
    let mut command = match std::env::current_exe() {
        Ok(this) if rustix::process::geteuid().is_root() => {
            let mut command = Command::new(this);
            command
                .arg(AS_ORDINARY_USER)
                .arg(viewed.get_program())
                .args(viewed.get_args());
            command
        }
        _ => viewed,
    };
    firn_sys::signals::are_received_by(&mut command);
    command
}

fn plainly_viewed(store: &dyn Store, program: impl AsRef<OsStr>) -> Command {
    match (shown_elsewhere(store), std::env::current_exe()) {
        (Some((physical, logical)), Ok(this)) => {
            let mut command = Command::new(this);
            command
                .arg(IN_STORE_VIEW)
                .args([&physical, &logical])
                .arg(program);
            command
        }
        _ => Command::new(program),
    }
}

/// Becomes the command.
pub fn replace(mut command: Command) -> Result<u8, Failure> {
    crate::voice::end();
    let error = command.exec();
    Err(cannot_execute(command.get_program(), &error))
}

fn cannot_execute(program: &OsStr, error: &std::io::Error) -> Failure {
    let words = crate::commands::hash::error_words(error);
    Failure::message(format!(
        "unable to execute '{}': {words}",
        program.display()
    ))
}

/// Runs as the process that shows the store and then becomes a program: physical and logical store
/// directory, program, arguments.
pub fn serve_in_store_view(words: &[OsString]) -> ExitCode {
    let [physical, logical, program, rest @ ..] = words else {
        return ExitCode::FAILURE;
    };
    let entered = firn_sys::store_view::enter(Path::new(physical), Path::new(logical));
    let error = match entered {
        Ok(()) => Command::new(program).args(rest).exec(),
        Err(error) => error,
    };
    let console = crate::Console::new(crate::Program::Firn);
    ExitCode::from(cannot_execute(program, &error).show(&console, "firn"))
}

/// Runs as the process that becomes an ordinary user and then a program: program, arguments.
pub fn serve_as_ordinary_user(words: &[OsString]) -> ExitCode {
    let [program, rest @ ..] = words else {
        return ExitCode::FAILURE;
    };
    let error = match firn_sys::store_view::become_ordinary(NOBODY) {
        Ok(()) => Command::new(program).args(rest).exec(),
        Err(error) => error,
    };
    let console = crate::Console::new(crate::Program::Firn);
    ExitCode::from(cannot_execute(program, &error).show(&console, "firn"))
}

/// The flags that say what becomes of the environment.
#[derive(Clone, Debug, Default)]
pub struct EnvironmentFlags {
    ignore: bool,
    keep: BTreeSet<String>,
    unset: BTreeSet<String>,
    set: BTreeMap<String, String>,
}

impl EnvironmentFlags {
    /// Handles a flag if it belongs here.
    pub fn take(&mut self, flag: &str, args: &mut Args) -> Result<bool, Failure> {
        match flag {
            "-i" | "--ignore-env" | "--ignore-environment" => self.ignore = true,
            "-k" | "--keep" | "--keep-env-var" => {
                self.keep.insert(args.value(flag)?);
            }
            "-u" | "--unset" | "--unset-env-var" => {
                let name = args.value(flag)?;
                if self.set.contains_key(&name) {
                    return Err(Failure::usage(format!(
                        "Cannot unset environment variable '{name}' that is set with '--set-env-var'"
                    )));
                }
                self.unset.insert(name);
            }
            "-s" | "--set-env-var" => {
                let [name, value] = args.values(flag)?;
                if self.unset.contains(&name) {
                    return Err(Failure::usage(format!(
                        "Cannot set environment variable '{name}' that is unset with '--unset-env-var'"
                    )));
                }
                if self.set.contains_key(&name) {
                    return Err(Failure::usage(format!(
                        "Duplicate definition of environment variable '{name}' with '--set-env-var' is ambiguous"
                    )));
                }
                self.set.insert(name, value);
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// Refuses flags that make no sense together.
    pub fn check(&self) -> Result<(), Failure> {
        if self.ignore && !self.unset.is_empty() {
            return Err(Failure::usage(
                "--unset-env-var does not make sense with --ignore-env",
            ));
        }
        if !self.ignore && !self.keep.is_empty() {
            return Err(Failure::usage(
                "--keep-env-var does not make sense without --ignore-env",
            ));
        }
        Ok(())
    }

    /// The environment of this process after the flags.
    pub fn apply(&self) -> BTreeMap<OsString, OsString> {
        let kept = |name: &OsStr| {
            let name = name.to_string_lossy();
            if self.ignore {
                self.keep.contains(&*name)
            } else {
                !self.unset.contains(&*name)
            }
        };
        let own = std::env::vars_os().filter(|(name, _)| kept(name));
        let set = self.set.iter();
        let set = set.map(|(name, value)| (name.into(), value.into()));
        own.chain(set).collect()
    }
}

/// Makes an environment that of a command.
pub fn with_environment(command: &mut Command, environment: BTreeMap<OsString, OsString>) {
    command.env_clear().envs(environment);
}

/// Where a program of the search path lies; its name if nowhere.
pub fn resolved(name: &str) -> PathBuf {
    let search = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&search)
        .map(|folder| folder.join(name))
        .find(|it| rustix::fs::access(it, rustix::fs::Access::EXEC_OK).is_ok());
    found.unwrap_or_else(|| PathBuf::from(name))
}

/// Writes a file that only its owner can read and that was not there before.
pub fn write_private(path: &Path, text: &str) -> Result<(), Failure> {
    use std::io::Write as _;
    use std::os::unix::fs::OpenOptionsExt as _;
    let failed = |error: std::io::Error| {
        let words = crate::commands::hash::error_words(&error);
        Failure::message(format!("writing '{}': {words}", path.display()))
    };
    // A leftover of a process with the same number, or someone's trap: never written through.
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(failed(error)),
        _ => {}
    }
    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .map_err(failed)?;
    file.write_all(text.as_bytes()).map_err(failed)
}

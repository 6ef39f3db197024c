//! Running one command of the product in a world of its own: an environment with nothing in it but
//! what the case says, a scratch home, a scratch store.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::File;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The names the product answers to that cases use.
const NAMES: &[&str] = &[
    "firn",
    "nix",
    "nix-build",
    "nix-channel",
    "nix-collect-garbage",
    "nix-daemon",
    "nix-env",
    "nix-hash",
    "nix-instantiate",
    "nix-prefetch-url",
    "nix-shell",
    "nix-store",
    "nixos-rebuild",
];

/// Variables that are passed on to every command, for those who run the cases with several threads
/// or with a collector that never rests.
const PASSED_ON: &[&str] = &["NIX_CONFIG", "FIRN_PATIENCE_MS", "FIRN_COLLECT_EVERY"];

/// The program of cases that run several commands.
const SHELL: &str = "sh";

/// Whether this process was started through one of the links.
pub(crate) fn called_as_the_product() -> bool {
    let name = std::env::args_os().next().unwrap_or_default();
    let name = Path::new(&name).file_name().unwrap_or_default().to_owned();
    NAMES.iter().any(|known| OsStr::new(known) == name)
        || std::env::args_os()
            .nth(1)
            .is_some_and(|word| word.as_bytes().starts_with(b"__"))
}

/// What a command did.
pub(crate) struct Outcome {
    pub(crate) exit: Option<i32>,
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: Vec<u8>,
    /// The built file, where standard output is one path of the scratch store.
    pub(crate) built: Option<Vec<u8>>,
}

/// A folder of links to this very binary.
pub(crate) struct Commands {
    folder: tempfile::TempDir,
}

impl Commands {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let this = std::env::current_exe().expect("a running program has a path");
        for name in NAMES {
            std::os::unix::fs::symlink(&this, folder.path().join(name))
                .expect("the folder is fresh");
        }
        Self { folder }
    }

    pub(crate) fn run(
        &self,
        program: &str,
        arguments: &[&str],
        folder: &Path,
        stdin: Option<&Path>,
        environment: &BTreeMap<String, String>,
    ) -> Result<Outcome, String> {
        let scratch = tempfile::tempdir().map_err(|error| error.to_string())?;
        let home = scratch.path().join("home");
        std::fs::create_dir_all(&home).map_err(|error| error.to_string())?;
        let store = scratch.path().join("root");
        let stdin = match stdin {
            Some(path) => Stdio::from(
                File::open(path).map_err(|error| format!("{}: {error}", path.display()))?,
            ),
            None => Stdio::null(),
        };
        let mut command = if program == SHELL {
            self.session(scratch.path())
        } else {
            let mut command = Command::new(self.folder.path().join(program));
            command
                .env_clear()
                .env("PATH", "/usr/bin:/bin")
                .env("NIX_REMOTE", &store);
            command
        };
        let output = command
            .args(arguments)
            .current_dir(folder)
            .env("HOME", &home)
            .env("NIX_CONF_DIR", scratch.path().join("etc"))
            .env("NO_COLOR", "1")
            .envs((PASSED_ON.iter()).filter_map(|name| Some((name, std::env::var_os(name)?))))
            .envs(environment)
            .stdin(stdin)
            .output()
            .map_err(|error| format!("cannot run {program}: {error}"))?;
        let place = folder.as_os_str().as_bytes();
        let scratch = scratch.path().as_os_str().as_bytes();
        let replace = |text: &[u8]| replace(&replace(text, place, b"/pwd"), scratch, b"/scratch");
        let stdout = replace(&output.stdout);
        let built = built_file(&store, &stdout);
        Ok(Outcome {
            exit: output.status.code(),
            stderr: replace(&output.stderr),
            stdout,
            built,
        })
    }

    /// A shell that finds the product's commands and a store that lies where its paths say, so that
    /// what is installed can be looked at. Builders are not shut in: they have to run everywhere.
    fn session(&self, scratch: &Path) -> Command {
        let mut command = Command::new("/bin/sh");
        let path = format!("{}:/usr/bin:/bin", self.folder.path().display());
        let settings = "sandbox = false\nbuild-users-group =\nsubstitute = false\n\
                        experimental-features = nix-command flakes";
        command
            .env_clear()
            .env("PATH", path)
            .env("TZ", "UTC")
            .env("NIX_STORE_DIR", scratch.join("store"))
            .env("NIX_STATE_DIR", scratch.join("state"))
            .env("NIX_LOG_DIR", scratch.join("log"))
            .env("NIX_CONFIG", settings);
        command
    }
}

fn built_file(store: &Path, stdout: &[u8]) -> Option<Vec<u8>> {
    let line = stdout.strip_suffix(b"\n")?;
    let inside = line.strip_prefix(b"/")?;
    let physical: PathBuf = if line.starts_with(store.as_os_str().as_bytes()) {
        PathBuf::from(OsStr::from_bytes(line))
    } else {
        store.join(OsStr::from_bytes(inside))
    };
    std::fs::read(physical).ok()
}

fn replace(text: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some(&first) = rest.first() {
        if rest.starts_with(from) {
            out.extend_from_slice(to);
            rest = &rest[from.len()..];
        } else {
            out.push(first);
            rest = &rest[1..];
        }
    }
    out
}

//! A scratch world: a home, a store of its own, and the program.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use libtest_mimic::Failed;

/// The program under test.
pub(crate) const FIRN: &str = env!("CARGO_BIN_EXE_firn");

/// What every command of a world sees.
pub(crate) struct World {
    folder: tempfile::TempDir,
}

impl World {
    pub(crate) fn new() -> std::io::Result<Self> {
        let world = Self {
            folder: tempfile::tempdir()?,
        };
        for name in ["home", "etc", "store", "var", "work"] {
            std::fs::create_dir(world.path(name))?;
        }
        // What is built here are shell scripts of the test itself.
        let settings = "sandbox = false\nbuild-users-group =\nsubstituters =\nflake-registry =\n";
        std::fs::write(world.path("etc/nix.conf"), settings)?;
        Ok(world)
    }

    /// A place in this world.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        let folder = self.folder.path().canonicalize();
        folder.expect("the folder is there").join(name)
    }

    /// The environment of its commands.
    pub(crate) fn environment(&self) -> Vec<(&'static str, String)> {
        let place = |name: &str| self.path(name).display().to_string();
        let path = std::env::var("PATH").unwrap_or_default();
        vec![
            ("HOME", place("home")),
            ("PATH", path),
            ("TERM", "screen".to_owned()),
            ("LC_ALL", "C.UTF-8".to_owned()),
            ("NIX_STORE_DIR", place("store")),
            ("NIX_STATE_DIR", place("var")),
            ("NIX_LOG_DIR", place("var/log")),
            ("NIX_CONF_DIR", place("etc")),
            ("GIT_CONFIG_GLOBAL", "/dev/null".to_owned()),
            ("GIT_AUTHOR_NAME", "a".to_owned()),
            ("GIT_AUTHOR_EMAIL", "a@example.org".to_owned()),
            ("GIT_COMMITTER_NAME", "a".to_owned()),
            ("GIT_COMMITTER_EMAIL", "a@example.org".to_owned()),
        ]
    }

    /// A command in this world, in a directory of it.
    pub(crate) fn command(&self, program: &str, directory: &Path) -> Command {
        let mut command = Command::new(program);
        command
            .env_clear()
            .envs(self.environment())
            .current_dir(directory);
        command
    }

    /// Runs Git.
    pub(crate) fn git(&self, directory: &Path, words: &[&str]) -> Result<(), Failed> {
        let mut command = self.command("git", directory);
        command.args(words);
        succeed(&mut command).map(drop)
    }
}

/// What a command printed; an error if it failed.
pub(crate) fn succeed(command: &mut Command) -> Result<String, Failed> {
    let output = command.output()?;
    if !output.status.success() {
        return Err(format!("{command:?} failed:\n{}", said(&output)).into());
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Everything that a command said.
pub(crate) fn said(output: &Output) -> String {
    format!(
        "{}\n{}{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

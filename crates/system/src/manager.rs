//! The service manager of the machine, and of its users, by way of `systemctl`.
//!
//! A trait, so that the rules of a switch can be tested against a manager that only takes notes.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::io;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::error::SystemError;

/// A unit that is loaded and not inactive.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ActiveUnit {
    /// `active`, `activating`, `failed`, …
    pub state: String,
    /// What this means for its kind, as `running`.
    pub substate: String,
    /// The file it was loaded from.
    pub fragment: String,
    /// With what its main process ended last.
    pub exit_status: i32,
}

impl ActiveUnit {
    /// Whether it runs or is about to.
    pub fn is_running(&self) -> bool {
        matches!(self.state.as_str(), "active" | "activating")
    }

    /// Whether it failed, or failed and is being tried again.
    pub fn has_failed(&self) -> bool {
        self.state == "failed" || (self.substate == "auto-restart" && self.exit_status != 0)
    }
}

/// What is done with units.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Job {
    /// Stops them.
    Stop,
    /// Reloads them.
    Reload,
    /// Restarts them.
    Restart,
    /// Starts them.
    Start,
}

impl Job {
    /// The verb.
    pub fn verb(self) -> &'static str {
        match self {
            Self::Stop => "stop",
            Self::Reload => "reload",
            Self::Restart => "restart",
            Self::Start => "start",
        }
    }
}

/// A service manager.
pub trait ServiceManager {
    /// All units that are loaded and not inactive, by name.
    fn active_units(&mut self) -> Result<BTreeMap<String, ActiveUnit>, SystemError>;
    /// Does something with units and waits for it; tells whether all went well.
    fn run_job(&mut self, job: Job, units: &[&str]) -> Result<bool, SystemError>;
    /// Has the manager replace itself by the newest version.
    fn reexecute(&mut self) -> Result<(), SystemError>;
    /// Has it read its units again.
    fn reload(&mut self) -> Result<(), SystemError>;
    /// Has it forget what failed.
    fn reset_failed(&mut self) -> Result<(), SystemError>;
    /// Shows what became of units.
    fn show_status(&mut self, units: &[&str]);
}

/// `systemctl`.
pub struct Systemctl {
    program: PathBuf,
    user: Option<User>,
}

/// A user whose manager is spoken to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// The name.
    pub name: String,
    /// The number.
    pub uid: u32,
    /// The number of the group.
    pub gid: u32,
    /// The directory with the manager's socket.
    pub runtime_dir: PathBuf,
}

impl Systemctl {
    /// The machine's manager, spoken to by this program.
    pub fn new(program: impl Into<PathBuf>) -> Self {
        Self {
            program: program.into(),
            user: None,
        }
    }

    /// The manager of a user.
    pub fn of_user(program: impl Into<PathBuf>, user: User) -> Self {
        Self {
            program: program.into(),
            user: Some(user),
        }
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        if let Some(user) = &self.user {
            command
                .arg("--user")
                .env_clear()
                .env("XDG_RUNTIME_DIR", &user.runtime_dir)
                .uid(user.uid)
                .gid(user.gid);
        }
        command.args(args).stdin(Stdio::null());
        command
    }

    fn described(&self, args: &[&str]) -> String {
        let program = self.program.file_name().unwrap_or(OsStr::new("systemctl"));
        format!("{} {}", Path::new(program).display(), args.join(" "))
    }

    fn failed(&self, args: &[&str], reason: &dyn std::fmt::Display) -> SystemError {
        SystemError::Program {
            command: self.described(args),
            reason: reason.to_string(),
        }
    }

    fn must_run(&self, args: &[&str]) -> Result<(), SystemError> {
        let status = self.command(args).status();
        let status = status.map_err(|it| self.could_not_start(args, &it))?;
        if status.success() {
            return Ok(());
        }
        Err(self.failed(args, &format_args!("ended with {status}")))
    }

    fn could_not_start(&self, args: &[&str], error: &io::Error) -> SystemError {
        self.failed(args, &format_args!("could not be started: {error}"))
    }
}

impl ServiceManager for Systemctl {
    fn active_units(&mut self) -> Result<BTreeMap<String, ActiveUnit>, SystemError> {
        let args = [
            "show",
            "--property=Id,ActiveState,SubState,Following,FragmentPath,ExecMainStatus",
            "*",
        ];
        let output = self.command(&args).output();
        let output = output.map_err(|it| self.could_not_start(&args, &it))?;
        if !output.status.success() {
            let text = String::from_utf8_lossy(&output.stderr);
            return Err(self.failed(&args, &format_args!("failed: {}", text.trim())));
        }
        Ok(parse_units(&String::from_utf8_lossy(&output.stdout)))
    }

    fn run_job(&mut self, job: Job, units: &[&str]) -> Result<bool, SystemError> {
        let mut args = vec![job.verb(), "--"];
        args.extend(units);
        let status = self.command(&args).status();
        let status = status.map_err(|it| self.could_not_start(&args, &it))?;
        Ok(status.success())
    }

    fn reexecute(&mut self) -> Result<(), SystemError> {
        self.must_run(&["daemon-reexec"])
    }

    fn reload(&mut self) -> Result<(), SystemError> {
        self.must_run(&["daemon-reload"])
    }

    fn reset_failed(&mut self) -> Result<(), SystemError> {
        self.must_run(&["reset-failed"])
    }

    fn show_status(&mut self, units: &[&str]) {
        let mut args = vec!["status", "--no-pager", "--full", "--"];
        args.extend(units);
        let mut command = self.command(&args);
        // Standard output is for results.
        if let Ok(output) = command.output() {
            let mut stderr = io::stderr().lock();
            io::Write::write_all(&mut stderr, &output.stdout).ok();
        }
    }
}

/// Reads blocks of `Key=Value` lines. Aliases of other units (`Following`) and inactive units are
/// left out.
fn parse_units(text: &str) -> BTreeMap<String, ActiveUnit> {
    let mut units = BTreeMap::new();
    for block in text.split("\n\n") {
        let mut id = "";
        let mut follows = false;
        let mut unit = ActiveUnit::default();
        for (key, value) in block.lines().filter_map(|it| it.split_once('=')) {
            match key {
                "Id" => id = value,
                "ActiveState" => value.clone_into(&mut unit.state),
                "SubState" => value.clone_into(&mut unit.substate),
                "FragmentPath" => value.clone_into(&mut unit.fragment),
                "Following" => follows = !value.is_empty(),
                "ExecMainStatus" => unit.exit_status = value.parse().unwrap_or(0),
                _ => {}
            }
        }
        if !id.is_empty() && !follows && unit.state != "inactive" {
            units.insert(id.to_owned(), unit);
        }
    }
    units
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_units() {
        let units = parse_units(
            "Following=\nId=a.service\nActiveState=active\nSubState=running\nFragmentPath=/etc/systemd/system/a.service\nExecMainStatus=0\n\nFollowing=\nId=b.service\nActiveState=inactive\n\nFollowing=c.device\nId=d.device\nActiveState=active\n\nId=e.service\nActiveState=activating\nSubState=auto-restart\nExecMainStatus=3\n",
        );
        assert_eq!(units.keys().collect::<Vec<_>>(), ["a.service", "e.service"]);
        assert!(units["a.service"].is_running() && !units["a.service"].has_failed());
        assert!(units["e.service"].has_failed());
    }
}

//! Systems that are built or switched on other machines, or here by a user who may become root.
//!
//! A host is reached by `ssh`, as `nixos-rebuild` does it: derivations are copied to the one that
//! builds, results to the one that is switched, and what runs there are the commands that every such
//! machine has.

use std::path::Path;
use std::process::Command;

use firn_store::{BuildMode, CopyOptions, Store, StorePathSet, copy_closure};
use firn_store_model::{DerivedPath, StorePath};
use firn_system::generations::{SYSTEM_PROFILE, profile_link};

use super::switch::Switching;
use crate::commands::build::{build, outputs_of};
use crate::entering::replace;
use crate::log_sink::ConsoleSink;
use crate::{Args, Context, Failure, surroundings};

/// How a user becomes root.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Elevation {
    /// Not at all.
    #[default]
    None,
    Sudo,
    Run0,
}

/// Where a system is built and switched, and by whom.
#[derive(Clone, Debug, Default)]
pub struct Elsewhere {
    build_host: Option<String>,
    target_host: Option<String>,
    substitute: bool,
    install_boot_loader: bool,
    elevation: Elevation,
    asks: bool,
}

impl Elsewhere {
    /// Handles a flag if it belongs here.
    pub fn take(&mut self, flag: &str, args: &mut Args) -> Result<bool, Failure> {
        let host = |args: &mut Args| {
            let host = args.plain_value(flag)?;
            Ok::<_, Failure>(Some(host).filter(|it| !it.is_empty()))
        };
        match flag {
            "--build-host" => self.build_host = host(args)?,
            "--target-host" => self.target_host = host(args)?,
            "--use-substitutes" | "-s" => self.substitute = true,
            "--install-bootloader" => self.install_boot_loader = true,
            "--sudo" | "--use-remote-sudo" => self.elevation = Elevation::Sudo,
            "--elevate" => {
                self.elevation = match args.plain_value(flag)?.as_str() {
                    "none" => Elevation::None,
                    "sudo" => Elevation::Sudo,
                    "run0" => Elevation::Run0,
                    other => {
                        return Err(Failure::usage(format!(
                            "'{other}' is no way to become root; there are none, sudo, run0"
                        )));
                    }
                }
            }
            "--ask-elevate-password" | "--ask-sudo-password" | "-S" => {
                self.asks = true;
                if self.elevation == Elevation::None || flag == "--ask-sudo-password" {
                    self.elevation = Elevation::Sudo;
                }
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// Whether whoever called this has to be root.
    pub fn needs_root(&self) -> bool {
        self.target_host.is_none() && self.elevation == Elevation::None
    }

    /// Whether it is this program, as this user, that switches this machine.
    pub fn is_here(&self) -> bool {
        let is_root = firn_sys::file::effective_ids().0 == 0;
        self.target_host.is_none() && (self.elevation == Elevation::None || is_root)
    }

    /// Builds what has one output, on the host that is to build.
    pub fn realise(
        &self,
        context: &Context,
        store: &dyn Store,
        paths: &[DerivedPath],
    ) -> Result<StorePath, Failure> {
        let Some(host) = &self.build_host else {
            return super::target::realise_one(context, store, paths);
        };
        let there = context.open_store_url(&format!("ssh://{host}"))?;
        let derivations = paths.iter().map(|it| it.base_path().clone()).collect();
        self.copy(context, store, there.as_ref(), &derivations)?;
        let results = build(context, there.as_ref(), paths, BuildMode::Normal)?;
        let output = results.iter().flat_map(outputs_of).next();
        let output = output.ok_or_else(|| Failure::message("nothing was built"))?;
        let built = StorePathSet::from([output.1.clone()]);
        if let Some(target) = self.target_host.as_ref().filter(|it| *it != host) {
            let target = context.open_store_url(&format!("ssh://{target}"))?;
            self.copy(context, there.as_ref(), target.as_ref(), &built)?;
        } else if self.target_host.is_none() {
            self.copy(context, there.as_ref(), store, &built)?;
        }
        Ok(output.1.clone())
    }

    fn copy(
        &self,
        context: &Context,
        from: &dyn Store,
        to: &dyn Store,
        paths: &StorePathSet,
    ) -> Result<(), Failure> {
        let options = CopyOptions {
            repair: false,
            check_signatures: false,
            substitute: self.substitute,
            n_jobs: 1,
            events: ConsoleSink::shared(context),
        };
        copy_closure(from, to, paths, &options)?;
        Ok(())
    }

    /// Switches whatever is to be switched, unless it is for this program to do.
    pub fn switch(
        &self,
        context: &Context,
        store: &dyn Store,
        path: &StorePath,
        switching: &Switching,
    ) -> Result<u8, Failure> {
        let shown = store.store_dir().print(path);
        let Some(host) = &self.target_host else {
            return self.as_root(
                &["system", switching.action.name()],
                &["--store-path", &shown, "--profile-name", &switching.profile],
                switching,
            );
        };
        if self.build_host.is_none() {
            let there = context.open_store_url(&format!("ssh://{host}"))?;
            self.copy(context, store, there.as_ref(), &[path.clone()].into())?;
        }
        self.run_there(host, &self.script(&shown, switching))
    }

    /// Goes back to the generation before, there.
    pub fn roll_back(&self, switching: &Switching) -> Result<u8, Failure> {
        let Some(host) = &self.target_host else {
            let words = ["--profile-name", &switching.profile];
            return self.as_root(
                &["system", "rollback"],
                &words,
                &Switching::new(switching.action),
            );
        };
        let root = self.prefix();
        let profile = profile_of(&switching.profile);
        let script = format!(
            "if command -v nix-env >/dev/null; then {root}nix-env -p {profile} --rollback && {root}{profile}/bin/switch-to-configuration {}; else {root}firn system rollback --profile-name {}; fi",
            switching.action.name(),
            word(&switching.profile),
        );
        self.run_there(host, &script)
    }

    /// What a machine does to become a system: a machine of ours may have no `nix-env`.
    fn script(&self, toplevel: &str, switching: &Switching) -> String {
        let root = self.prefix();
        let action = switching.action;
        let profile = profile_of(&switching.profile);
        let variant = match &switching.specialisation {
            None => toplevel.to_owned(),
            Some(name) => word(&format!("{toplevel}/specialisation/{name}")),
        };
        let set = if action.changes_boot() {
            format!("{root}nix-env -p {profile} --set {toplevel} && ")
        } else {
            String::new()
        };
        let loader = if self.install_boot_loader {
            "env NIXOS_INSTALL_BOOTLOADER=1 "
        } else {
            ""
        };
        let ours = match &switching.specialisation {
            None => String::new(),
            Some(name) => format!(" --specialisation {}", word(name)),
        };
        format!(
            "if command -v nix-env >/dev/null; then {set}{root}{loader}{variant}/bin/switch-to-configuration {name}; else {root}firn system {name} --store-path {toplevel} --profile-name {}{ours}; fi",
            word(&switching.profile),
            name = action.name(),
        )
    }

    /// What stands before a command that root has to run there.
    fn prefix(&self) -> String {
        match self.elevation {
            Elevation::None => String::new(),
            Elevation::Sudo => {
                let options = surroundings::variable("NIX_SUDOOPTS").unwrap_or_default();
                format!("sudo {options} ").replace("  ", " ")
            }
            Elevation::Run0 => "systemd-run --uid=0 --pipe --quiet --wait ".to_owned(),
        }
    }

    fn run_there(&self, host: &str, script: &str) -> Result<u8, Failure> {
        let options = surroundings::variable("NIX_SSHOPTS").unwrap_or_default();
        let mut command = Command::new("ssh");
        command.args(options.split_whitespace());
        if self.asks {
            // Whoever asks for the password does so on this terminal.
            command.arg("-t");
        }
        let status = command
            .args([host, "--", script])
            .status()
            .map_err(|it| Failure::message(format!("unable to execute 'ssh': {it}")))?;
        let code = status.code().and_then(|it| u8::try_from(it).ok());
        Ok(code.unwrap_or(1))
    }

    /// Runs this program as root.
    fn as_root(&self, verb: &[&str], words: &[&str], switching: &Switching) -> Result<u8, Failure> {
        let mut command = match self.elevation {
            Elevation::Run0 => Command::new("run0"),
            _ => Command::new("sudo"),
        };
        if self.elevation == Elevation::Sudo {
            let options = surroundings::variable("NIX_SUDOOPTS").unwrap_or_default();
            command.args(options.split_whitespace());
        }
        command.arg(std::env::current_exe()?).args(verb).args(words);
        if let Some(name) = &switching.specialisation {
            command.args(["--specialisation", name]);
        }
        if let Some(message) = &switching.note.message {
            command.args(["--message", message]);
        }
        replace(command)
    }
}

/// A word for a shell.
fn word(text: &str) -> String {
    let is_plain = |it: u8| it.is_ascii_alphanumeric() || b"-_./+".contains(&it);
    if !text.is_empty() && text.bytes().all(is_plain) {
        return text.to_owned();
    }
    firn_shell::quoted(text)
}

/// Where every such machine has a profile.
fn profile_of(name: &str) -> String {
    if name == SYSTEM_PROFILE {
        return "/nix/var/nix/profiles/system".to_owned();
    }
    let link = profile_link(Path::new("/nix/var/nix"), name);
    word(&link.display().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use firn_system::switch::Action;

    fn taken(words: &[&str]) -> Elsewhere {
        let mut elsewhere = Elsewhere::default();
        let mut args = Args::new(words.iter().map(|it| (*it).to_owned()).collect());
        while let Some(crate::Arg::Flag(flag)) = args.next() {
            assert!(elsewhere.take(&flag, &mut args).expect("it is a flag"));
        }
        elsewhere
    }

    #[test]
    fn a_machine_is_told_in_commands_that_it_has() {
        let check = |words: &[&str], switching: &Switching, expected: &str| {
            let script = taken(words).script("/nix/store/x", switching);
            assert_eq!(script, expected, "{words:?}");
        };
        let mut switching = Switching::new(Action::Switch);
        check(
            &["--target-host", "root@h"],
            &switching,
            "if command -v nix-env >/dev/null; then nix-env -p /nix/var/nix/profiles/system --set /nix/store/x && /nix/store/x/bin/switch-to-configuration switch; else firn system switch --store-path /nix/store/x --profile-name system; fi",
        );
        switching.specialisation = Some("v".to_owned());
        switching.profile = "other".to_owned();
        switching.action = Action::Test;
        check(
            &["--target-host", "h", "--sudo", "--install-bootloader"],
            &switching,
            "if command -v nix-env >/dev/null; then sudo env NIXOS_INSTALL_BOOTLOADER=1 /nix/store/x/specialisation/v/bin/switch-to-configuration test; else sudo firn system test --store-path /nix/store/x --profile-name other --specialisation v; fi",
        );
    }

    #[test]
    fn root_is_needed_only_here() {
        assert!(taken(&[]).needs_root());
        assert!(taken(&["--target-host", ""]).needs_root());
        assert!(taken(&["--build-host", "h"]).needs_root());
        assert!(!taken(&["--target-host", "h"]).needs_root());
        assert!(!taken(&["-S"]).needs_root());
        assert!(!taken(&["--elevate", "run0"]).needs_root());
    }
}

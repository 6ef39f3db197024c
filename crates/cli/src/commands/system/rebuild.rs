//! `nixos-rebuild`: the same by the name, verbs and flags that people know.
//!
//! Systems are those of nixpkgs where the search path names it, and of the library otherwise.

use std::path::Path;

use firn_events::Level;
use firn_store_model::StorePath;
use firn_system::switch::Action;

use super::switch::{Switching, require_root, roll_back, switch_to};
use super::target::{built_already, realise_one};
use super::{Target, history};
use crate::commands::build::planned;
use crate::{Arg, Args, Context, Failure, Program, sources};

/// What stands on the command line.
struct Wanted {
    verb: Option<String>,
    target: Target,
    attribute: Option<String>,
    switching: Switching,
    rollback: bool,
    dry_run: bool,
    as_json: bool,
    flake: Option<String>,
}

const VERBS: &str =
    "switch, boot, test, build, dry-build, dry-run, dry-activate, build-vm, list-generations";

/// Flags that ask for what is the case here anyway.
const WITHOUT_EFFECT: &[&str] = &["--fast", "--no-build-nix", "--no-flake", "--no-reexec"];

/// Flags that ask for what is not there; not to heed them would do something else.
const NOT_THERE: &[&str] = &[
    "--ask-elevate-password",
    "--ask-sudo-password",
    "--build-host",
    "--elevate",
    "--image-variant",
    "--sudo",
    "--target-host",
    "--upgrade",
    "--upgrade-all",
    "--use-remote-sudo",
];

/// Runs `nixos-rebuild`.
pub fn run(context: &mut Context, args: &mut Args) -> Result<u8, Failure> {
    let mut wanted = Wanted {
        verb: None,
        target: Target::default(),
        attribute: None,
        switching: Switching::new(Action::Check),
        rollback: false,
        dry_run: false,
        as_json: false,
        flake: None,
    };
    while let Some(arg) = args.next() {
        match arg {
            Arg::Word(word) if wanted.verb.is_none() => wanted.verb = Some(word),
            Arg::Word(word) => return Err(Failure::unexpected(&word)),
            Arg::Flag(flag) => wanted.take(&flag, context, args)?,
        }
    }
    context.settle();
    wanted.run(context)
}

impl Wanted {
    fn take(&mut self, flag: &str, context: &mut Context, args: &mut Args) -> Result<(), Failure> {
        match flag {
            "-A" | "--attr" => self.attribute = Some(args.plain_value(flag)?),
            "-p" => self.switching.profile = args.plain_value(flag)?,
            "-c" => self.switching.specialisation = Some(args.plain_value(flag)?),
            "--rollback" => self.rollback = true,
            "--dry-run" => self.dry_run = true,
            "--json" => self.as_json = true,
            // The loader itself is looked after with each menu.
            "--install-bootloader" => {}
            "--flake" => {
                let next_is_value = args.peek().is_some_and(|it| !it.starts_with('-'));
                self.flake = Some(if next_is_value {
                    args.plain_value(flag)?
                } else {
                    "/etc/nixos".to_owned()
                });
            }
            "-L" | "--print-build-logs" => context.print_build_logs = true,
            _ if WITHOUT_EFFECT.contains(&flag) => {}
            _ if NOT_THERE.contains(&flag) => {
                return Err(Failure::message(format!("'{flag}' is not there yet")));
            }
            _ => {
                if !self.switching.take(flag, args)? && !self.target.take(flag, args, context)? {
                    context.take_common(flag, args)?;
                }
            }
        }
        Ok(())
    }

    fn run(mut self, context: &mut Context) -> Result<u8, Failure> {
        let Some(verb) = self.verb.clone() else {
            return Err(Failure::usage(format!(
                "no action was given; there are {VERBS}"
            )));
        };
        let action = match verb.as_str() {
            "switch" => Some(Action::Switch),
            "boot" => Some(Action::Boot),
            "test" => Some(Action::Test),
            "dry-activate" => Some(Action::DryActivate),
            "list-generations" => {
                return history::list(context, &self.switching.profile, self.as_json);
            }
            "build" | "dry-build" | "dry-run" | "build-vm" => None,
            _ => {
                return Err(Failure::usage(format!(
                    "'{verb}' is not an action; there are {VERBS}"
                )));
            }
        };
        if action.is_some() {
            require_root()?;
        }
        if let Some(action) = action {
            self.switching.action = action;
        }
        if self.rollback && action.is_some_and(Action::changes_boot) {
            return roll_back(context, &self.switching, None);
        }
        let attribute = if verb == "build-vm" { "vm" } else { "toplevel" };
        let is_dry = self.dry_run || verb.starts_with("dry-build") || verb == "dry-run";
        let Some(path) = self.build(context, attribute, is_dry)? else {
            return Ok(0);
        };
        if action.is_some() {
            if self.switching.action.changes_boot() {
                let note = std::mem::take(&mut self.switching.note);
                self.switching.note = self.target.origin().with(note);
            }
            return switch_to(context, &path, &self.switching);
        }
        let store = context.open_store()?;
        store.add_perm_root(&path, &sources::on_disk(&sources::absolute("result")))?;
        Ok(0)
    }

    /// Builds the system, or says what that takes.
    fn build(
        &mut self,
        context: &mut Context,
        attribute: &str,
        is_dry: bool,
    ) -> Result<Option<StorePath>, Failure> {
        let is_nixpkgs = self.prepare(context, attribute);
        let context = &*context;
        let store = context.open_store()?;
        if let Some(word) = &self.target.store_path {
            return built_already(store.as_ref(), word).map(Some);
        }
        let paths = if is_nixpkgs {
            self.target.installables.derived_paths(context, &store)?
        } else {
            self.target.instantiate(context, &store, attribute)?
        };
        if is_dry {
            context.say_missing(store.as_ref(), &paths, Level::Error)?;
            if self.as_json {
                let shown: Result<Vec<_>, _> =
                    paths.iter().map(|it| planned(store.as_ref(), it)).collect();
                let shown = serde_json::Value::from(shown?);
                context.console.print_line(shown.to_string())?;
            }
            return Ok(None);
        }
        realise_one(context, store.as_ref(), &paths).map(Some)
    }

    /// Decides whose modules make the system; tells whether they are those of nixpkgs, or of a flake.
    fn prepare(&mut self, context: &mut Context, attribute: &str) -> bool {
        let below = format!("config.system.build.{attribute}");
        let installables = &mut self.target.installables;
        if let Some(flake) = &self.flake {
            let (flake, host) = flake.split_once('#').unwrap_or((flake, ""));
            let host = if host.is_empty() {
                let name = std::fs::read_to_string("/proc/sys/kernel/hostname");
                name.map_or_else(|_| "default".to_owned(), |it| it.trim().to_owned())
            } else {
                host.to_owned()
            };
            installables.words = vec![format!("{flake}#nixosConfigurations.\"{host}\".{below}")];
            return true;
        }
        let path = match &self.attribute {
            Some(attribute) => format!("{attribute}.{below}"),
            None => below,
        };
        if installables.file.is_some() || self.attribute.is_some() {
            installables
                .file
                .get_or_insert_with(|| "default.nix".to_owned());
            installables.words = vec![path];
            return true;
        }
        let flags = installables.eval.search_path.iter();
        let mut entries = flags.chain(&context.settings.eval.nix_path);
        let has_nixpkgs = entries.any(|it| {
            let (name, place) = it.split_once('=').unwrap_or(("", it));
            name == "nixpkgs" || (name.is_empty() && Path::new(place).join("nixpkgs").exists())
        });
        if has_nixpkgs {
            installables.file = Some("<nixpkgs/nixos>".to_owned());
            installables.words = vec![path];
            return true;
        }
        // Only our own name knows the library.
        context.program = Program::Firn;
        false
    }
}

//! `nixos-rebuild`: the same by the name, verbs and flags that people know.
//!
//! Systems are those of nixpkgs where the search path names it, and of the library otherwise.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use firn_events::Level;
use firn_store::Store;
use firn_store_model::StorePath;
use firn_system::Machine;
use firn_system::switch::Action;

use super::elsewhere::Elsewhere;
use super::switch::{Switching, require_root, roll_back, switch_to};
use super::target::built_already;
use super::{Target, history};
use crate::commands::build::planned;
use crate::commands::profile::show::show_difference;
use crate::commands::{nix_channel, repl};
use crate::entering::replace;
use crate::evaluation::evaluate;
use crate::installables::follow_links;
use crate::{Arg, Args, Context, Failure, Program, sources, surroundings};

/// What stands on the command line.
struct Wanted {
    verb: Option<String>,
    target: Target,
    attribute: Option<String>,
    switching: Switching,
    /// Those of [`SWITCHES`] that are on.
    switches: BTreeSet<String>,
    flake: Option<String>,
    /// Channels to be updated before: all, or those that belong to the system.
    upgrade: Option<bool>,
    image: Option<String>,
    elsewhere: Elsewhere,
}

/// Where a machine's configuration lies.
const CONFIGURATIONS: &str = "/etc/nixos";

const VERBS: &str = "switch, boot, test, build, edit, repl, dry-build, dry-run, dry-activate, build-image, build-vm, build-vm-with-bootloader, list-generations";

/// Flags that are on or off.
const SWITCHES: &[&str] = &["--rollback", "--dry-run", "--json", "--no-flake", "--diff"];

/// Flags that ask for what is the case here anyway.
const WITHOUT_EFFECT: &[&str] = &[
    "--fast",
    "--no-build-nix",
    "--no-reexec",
    "--no-ssh-tty",
    "--no-link",
];

/// Runs `nixos-rebuild`.
pub fn run(context: &mut Context, args: &mut Args) -> Result<u8, Failure> {
    let mut wanted = Wanted {
        verb: None,
        target: Target::default(),
        attribute: None,
        switching: Switching::new(Action::Check),
        switches: BTreeSet::new(),
        flake: None,
        upgrade: None,
        image: None,
        elsewhere: Elsewhere::default(),
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
    fn has(&self, switch: &str) -> bool {
        self.switches.contains(switch)
    }

    fn take(&mut self, flag: &str, context: &mut Context, args: &mut Args) -> Result<(), Failure> {
        match flag {
            "-A" | "--attr" => self.attribute = Some(args.plain_value(flag)?),
            "-p" => self.switching.profile = args.plain_value(flag)?,
            "-c" => self.switching.specialisation = Some(args.plain_value(flag)?),
            "--upgrade" => self.upgrade = Some(false),
            "--upgrade-all" => self.upgrade = Some(true),
            "--image-variant" => self.image = Some(args.plain_value(flag)?),
            "--flake" | "-F" => {
                let next_is_value = args.peek().is_some_and(|it| !it.starts_with('-'));
                self.flake = Some(if next_is_value {
                    args.plain_value(flag)?
                } else {
                    CONFIGURATIONS.to_owned()
                });
            }
            "-L" | "--print-build-logs" => context.print_build_logs = true,
            _ if SWITCHES.contains(&flag) => {
                self.switches.insert(flag.to_owned());
            }
            _ if WITHOUT_EFFECT.contains(&flag) => {}
            _ => {
                if !self.elsewhere.take(flag, args)?
                    && !self.switching.take(flag, args)?
                    && !self.target.take(flag, args, context)?
                {
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
                return history::list(context, &self.switching.profile, self.has("--json"));
            }
            "edit" => return self.edit(context),
            "repl" => return self.repl(context),
            "build" | "dry-build" | "dry-run" => None,
            "build-vm" | "build-vm-with-bootloader" | "build-image" => None,
            _ => {
                return Err(Failure::usage(format!(
                    "'{verb}' is not an action; there are {VERBS}"
                )));
            }
        };
        if action.is_some() && self.elsewhere.needs_root() {
            require_root()?;
        }
        if let Some(action) = action {
            self.switching.action = action;
        }
        if let Some(all) = self.upgrade {
            upgrade_channels(context, all)?;
        }
        if self.has("--rollback") && action.is_some_and(Action::changes_boot) {
            if self.elsewhere.is_here() {
                return roll_back(context, &self.switching, None);
            }
            return self.elsewhere.roll_back(&self.switching);
        }
        let attribute = match (verb.as_str(), &self.image) {
            ("build-vm", _) => "vm".to_owned(),
            ("build-vm-with-bootloader", _) => "vmWithBootLoader".to_owned(),
            ("build-image", Some(variant)) => format!("images.{variant}"),
            ("build-image", None) => return self.list_images(context),
            _ => "toplevel".to_owned(),
        };
        let is_dry = self.has("--dry-run") || verb.starts_with("dry-build") || verb == "dry-run";
        let Some(path) = self.build(context, &attribute, is_dry)? else {
            return Ok(0);
        };
        let store = context.open_store()?;
        if self.has("--diff") && !is_dry {
            show_difference_to_running(context, store.as_ref(), &path)?;
        }
        if action.is_some() {
            if self.switching.action.changes_boot() {
                let note = std::mem::take(&mut self.switching.note);
                self.switching.note = self.target.origin().with(note);
            }
            if self.elsewhere.is_here() {
                return switch_to(context, &path, &self.switching);
            }
            return self
                .elsewhere
                .switch(context, store.as_ref(), &path, &self.switching);
        }
        store.add_perm_root(&path, &sources::on_disk(&sources::absolute("result")))?;
        Ok(0)
    }

    /// Opens the configuration in an editor.
    fn edit(&self, context: &Context) -> Result<u8, Failure> {
        let file = if let Some(flake) = self.flake_in_use() {
            let (place, _) = flake.split_once('#').unwrap_or((&flake, ""));
            let place = place.strip_prefix("path:").unwrap_or(place);
            PathBuf::from(if place.is_empty() { "." } else { place }).join("flake.nix")
        } else if let Some(file) = &self.target.installables.file {
            PathBuf::from(file)
        } else {
            self.configuration(context)
                .unwrap_or_else(|| Path::new(CONFIGURATIONS).join("configuration.nix"))
        };
        let file = if file.is_dir() {
            file.join("default.nix")
        } else {
            file
        };
        let editor = surroundings::filled("EDITOR").unwrap_or_else(|| "nano".to_owned());
        let mut words = editor.split_whitespace();
        let mut command = Command::new(words.next().unwrap_or("nano"));
        command.args(words).arg(file);
        replace(command)
    }

    /// Opens the configuration at a prompt.
    fn repl(mut self, context: &mut Context) -> Result<u8, Failure> {
        self.prepare(context, "toplevel");
        let installables = &self.target.installables;
        let whole = |path: &str| {
            let below = path.strip_suffix("config.system.build.toplevel");
            below.unwrap_or(path).trim_end_matches('.').to_owned()
        };
        let mut words = Vec::new();
        if let Some(file) = &installables.file {
            words.extend(["--file".to_owned(), file.clone()]);
        } else if self.flake.is_none() {
            let file = self.target.file()?;
            let file = sources::absolute(&file.to_string_lossy()).path;
            let text = format!(
                "let file = \"{file}\"; in (import <firn/modules/from.nix> {{ inherit file; value = import file; }}).system"
            );
            words.extend(["--expr".to_owned(), text]);
        }
        if installables.file.is_some() || self.flake.is_some() {
            let paths = installables.words.iter().map(|it| whole(it));
            words.extend(paths.filter(|it| !it.is_empty()));
        }
        repl::run(context, &mut Args::new(words))
    }

    /// Says which images there could be.
    fn list_images(mut self, context: &mut Context) -> Result<u8, Failure> {
        if !self.prepare(context, "images") {
            return Err(Failure::message(
                "systems of the library have no image variants; '-I nixpkgs=…' or '--flake' names those that do",
            ));
        }
        let context = &*context;
        let store = context.open_store()?;
        let installables = &self.target.installables;
        let names = evaluate(context, &installables.eval, &store, |evaluation| {
            let values = installables.values(evaluation)?;
            let first = *values.first().expect("one path was named");
            let set = evaluation.ctx.attrs(first, "")?;
            let names = evaluation.ctx.attrs_by_name(set).into_iter();
            Ok(names
                .map(|(name, _)| String::from_utf8_lossy(name.as_bytes()).into_owned())
                .collect::<Vec<_>>())
        })?;
        let text = format!("'--image-variant' names one of these: {}", names.join(", "));
        context.console.print_line(text)?;
        Ok(0)
    }

    /// The configuration that the search path or the environment names.
    fn configuration(&self, context: &Context) -> Option<PathBuf> {
        if let Some(place) = surroundings::filled("NIXOS_CONFIG") {
            return Some(PathBuf::from(place));
        }
        let flags = self.target.installables.eval.search_path.iter();
        let mut entries = flags.chain(&context.settings.eval.nix_path);
        let place = entries.find_map(|it| it.strip_prefix("nixos-config="))?;
        Some(PathBuf::from(place))
    }

    /// The flake that is named, or that the machine's configuration is.
    fn flake_in_use(&self) -> Option<String> {
        let is_other = self.has("--no-flake")
            || self.attribute.is_some()
            || self.target.installables.file.is_some()
            || self.target.installables.expression.is_some()
            || self.target.store_path.is_some();
        if self.flake.is_some() || is_other {
            return self.flake.clone();
        }
        let file = Path::new(CONFIGURATIONS).join("flake.nix");
        let file = file.canonicalize().ok()?;
        Some(file.parent()?.display().to_string())
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
            if self.has("--json") {
                let shown: Result<Vec<_>, _> =
                    paths.iter().map(|it| planned(store.as_ref(), it)).collect();
                let shown = serde_json::Value::from(shown?);
                context.console.print_line(shown.to_string())?;
            }
            return Ok(None);
        }
        let built = self.elsewhere.realise(context, store.as_ref(), &paths);
        built.map(Some)
    }

    /// Decides whose modules make the system; tells whether they are those of nixpkgs, or of a flake.
    fn prepare(&mut self, context: &mut Context, attribute: &str) -> bool {
        let below = format!("config.system.build.{attribute}");
        let configuration = self.configuration(context);
        self.flake = self.flake_in_use();
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
            let system = || {
                let own = Path::new(CONFIGURATIONS).join("system.nix");
                let places = [Path::new("system.nix"), Path::new("default.nix"), &own];
                let found = places.into_iter().find(|it| it.exists());
                let found = found.unwrap_or(Path::new("default.nix"));
                found.display().to_string()
            };
            installables.file.get_or_insert_with(system);
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
        if installables.words.is_empty() {
            installables
                .words
                .extend(configuration.map(|it| it.display().to_string()));
        }
        false
    }
}

/// Updates root's channels: all, or the one the system is made from and those that say so.
fn upgrade_channels(context: &mut Context, all: bool) -> Result<(), Failure> {
    let mut words = vec!["--update".to_owned()];
    if !all {
        words.push("nixos".to_owned());
        let channels = "/nix/var/nix/profiles/per-user/root/channels";
        for entry in std::fs::read_dir(channels).into_iter().flatten().flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            let asks = entry.path().join(".update-on-nixos-rebuild").exists();
            if asks && name != "nixos" {
                words.push(name);
            }
        }
    }
    let program = context.program;
    let outcome = nix_channel::run(context, &mut Args::new(words));
    context.program = program;
    outcome.map(drop)
}

/// Prints what is different from the running system.
fn show_difference_to_running(
    context: &Context,
    store: &dyn Store,
    path: &StorePath,
) -> Result<(), Failure> {
    let running = Machine::default().current_system();
    let Some(before) = follow_links(store, &running.to_string_lossy())? else {
        return Err(Failure::message(format!(
            "'{}' is no system to compare with",
            running.display()
        )));
    };
    show_difference(context, store, &before, path, "")
}

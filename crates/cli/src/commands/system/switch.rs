//! `system switch` and its sisters: makes this machine a system.
//!
//! The profile moves first, by one rename; then the boot menu is written, then units change. A
//! machine that loses power in between starts as the old system or as the new one. A system that
//! other modules made is switched by the program that it brings for that.

use std::path::{Path, PathBuf};
use std::process::Command;

use firn_store::LocalStore;
use firn_store::profile::Profile;
use firn_store_model::StorePath;
use firn_system::generations::{Note, SYSTEM_PROFILE, generations, profile_link, write_note};
use firn_system::manager::Systemctl;
use firn_system::switch::{Action, Switch, SwitchOptions};
use firn_system::{Machine, menu};

use super::Target;
use crate::log_sink::ConsoleSink;
use crate::verbs::Verb;
use crate::{Args, Context, Failure, surroundings};

const USAGE: &str = "[-f FILE | --expr EXPR | --store-path PATH] [--host NAME] [--profile-name NAME] [--specialisation NAME] [-m MESSAGE] [CONFIGURATION]";

/// `system switch [CONFIGURATION]`.
pub static SWITCH: Verb = Verb {
    path: &["system", "switch"],
    about: "make this machine a system, now and at boot",
    usage: USAGE,
    only_firn: true,
    run: |context, args| run(context, args, Action::Switch),
};

/// `system boot [CONFIGURATION]`.
pub static BOOT: Verb = Verb {
    path: &["system", "boot"],
    about: "make this machine a system at the next boot",
    usage: USAGE,
    only_firn: true,
    run: |context, args| run(context, args, Action::Boot),
};

/// `system dry-activate [CONFIGURATION]`.
pub static DRY_ACTIVATE: Verb = Verb {
    path: &["system", "dry-activate"],
    about: "say what making this machine a system would do",
    usage: USAGE,
    only_firn: true,
    run: |context, args| run(context, args, Action::DryActivate),
};

/// `system rollback [GENERATION]`.
pub static ROLLBACK: Verb = Verb {
    path: &["system", "rollback"],
    about: "make this machine again what it was",
    usage: "[--profile-name NAME] [GENERATION]",
    only_firn: true,
    run: rollback,
};

/// `system switch-to-configuration ACTION`: what the script of that name in a system calls.
pub static SWITCH_TO_CONFIGURATION: Verb = Verb {
    path: &["system", "switch-to-configuration"],
    about: "switch to the system that called this",
    usage: "check | switch | boot | test | dry-activate",
    only_firn: true,
    run: switch_to_configuration,
};

/// How a machine is switched.
#[derive(Clone, Debug)]
pub struct Switching {
    /// What to do.
    pub action: Action,
    /// The name of the profile.
    pub profile: String,
    /// The variant that is activated.
    pub specialisation: Option<String>,
    /// What is known of the configuration, to be kept with the generation.
    pub note: Note,
}

impl Switching {
    /// One by the machine's own profile.
    pub fn new(action: Action) -> Self {
        Self {
            action,
            profile: SYSTEM_PROFILE.to_owned(),
            specialisation: None,
            note: Note::default(),
        }
    }

    /// Handles a flag if it belongs here.
    pub fn take(&mut self, flag: &str, args: &mut Args) -> Result<bool, Failure> {
        match flag {
            "--profile-name" => self.profile = args.value(flag)?,
            "-m" | "--message" => self.note.message = Some(args.value(flag)?),
            "--specialisation" => self.specialisation = Some(args.value(flag)?),
            _ => return Ok(false),
        }
        Ok(true)
    }
}

fn run(context: &mut Context, args: &mut Args, action: Action) -> Result<u8, Failure> {
    let mut target = Target::default();
    let mut switching = Switching::new(action);
    target.take_all(args, context, |flag, args| switching.take(flag, args))?;
    switch_to_target(context, &target, &switching)
}

/// Builds a system and switches to it.
pub fn switch_to_target(
    context: &Context,
    target: &Target,
    switching: &Switching,
) -> Result<u8, Failure> {
    require_root()?;
    let store = context.open_store()?;
    let path = target.build(context, &store, "toplevel")?;
    let mut switching = switching.clone();
    if switching.action.changes_boot() {
        switching.note = target.origin().with(switching.note);
    }
    switch_to(context, &path, &switching)
}

fn rollback(context: &mut Context, args: &mut Args) -> Result<u8, Failure> {
    let mut switching = Switching::new(Action::Switch);
    let mut target = Target::default();
    target.take_all(args, context, |flag, args| switching.take(flag, args))?;
    let number =
        match target.installables.words.as_slice() {
            [] => None,
            [word] => Some(word.parse().map_err(|_| {
                Failure::usage(format!("'{word}' is not the number of a generation"))
            })?),
            [_, word, ..] => return Err(Failure::unexpected(word)),
        };
    roll_back(context, &switching, number)
}

/// Goes back to a generation, or to the one before the current.
pub fn roll_back(
    context: &Context,
    switching: &Switching,
    number: Option<u64>,
) -> Result<u8, Failure> {
    require_root()?;
    let store = context.open_local_store()?;
    let profile = profile_of(&store, &switching.profile);
    profile.switch_generation(number, false, &*ConsoleSink::shared(context))?;
    let found = generations(&profile)?;
    let current = found.iter().find(|it| it.is_current);
    let current = current.ok_or_else(|| Failure::message("the profile leads to no generation"))?;
    activate(context, &store, &current.toplevel, switching)
}

fn switch_to_configuration(context: &mut Context, args: &mut Args) -> Result<u8, Failure> {
    let word = context.one_word(args)?;
    let action = Action::named(&word)
        .ok_or_else(|| Failure::usage(format!("'{word}' is not a way to switch")))?;
    require_root()?;
    let toplevel = surroundings::filled("TOPLEVEL").ok_or_else(|| {
        Failure::message("TOPLEVEL does not say which system; run that system's own script")
    })?;
    let store = context.open_local_store()?;
    activate(
        context,
        &store,
        Path::new(&toplevel),
        &Switching::new(action),
    )
}

/// The profile of machines of a name.
pub fn profile_of(store: &LocalStore, name: &str) -> Profile {
    Profile::new(profile_link(&store.location().state_dir, name))
}

/// Only root may change a machine.
pub fn require_root() -> Result<(), Failure> {
    if firn_sys::file::effective_ids().0 == 0 {
        return Ok(());
    }
    Err(Failure::message(
        "only root can switch this machine; 'firn system build' builds without touching anything",
    ))
}

/// Switches to a system that is built.
pub fn switch_to(
    context: &Context,
    path: &StorePath,
    switching: &Switching,
) -> Result<u8, Failure> {
    let store = context.open_local_store()?;
    let toplevel = PathBuf::from(firn_store::Store::store_dir(&store).print(path));
    if switching.action.changes_boot() {
        // What is published must be on disk before.
        if surroundings::variable("NIXOS_NO_SYNC").as_deref() != Some("1") {
            firn_sys::file::sync_everything();
        }
        let profile = profile_of(&store, &switching.profile);
        if let Some(directory) = profile.link().parent() {
            std::fs::create_dir_all(directory)?;
        }
        let events = ConsoleSink::shared(context);
        let _lock = profile.lock(&*events)?;
        let generation = profile.create_generation(&store, path)?;
        write_note(&generation.link, &switching.note)?;
        profile.switch_to(&generation.link)?;
    }
    activate(context, &store, &toplevel, switching)
}

/// Makes the machine agree with a system.
fn activate(
    context: &Context,
    store: &LocalStore,
    toplevel: &Path,
    switching: &Switching,
) -> Result<u8, Failure> {
    if !toplevel.join("nixos-version").exists() {
        return Err(Failure::message(format!(
            "'{}' is no system, or its store is not where its paths say",
            toplevel.display()
        )));
    }
    let variant = match &switching.specialisation {
        None => toplevel.to_owned(),
        Some(name) => {
            let link = toplevel.join("specialisation").join(name);
            link.canonicalize().map_err(|_| {
                Failure::message(format!("the system has no specialisation '{name}'"))
            })?
        }
    };
    if !toplevel.join("boot-loader.json").exists() {
        return switch_by_itself(&variant, switching.action);
    }
    let is_set = |name: &str| surroundings::variable(name).as_deref() == Some("1");
    let machine = Machine::default();
    let running = machine.current_system().join("systemd/bin/systemctl");
    let systemctl = running
        .canonicalize()
        .unwrap_or_else(|_| variant.join("systemd/bin/systemctl"));
    let profile = profile_of(store, &switching.profile);
    let say = |text: &str| context.console.line(text);
    let code = Switch {
        machine: &machine,
        toplevel: &variant,
        action: switching.action,
        options: SwitchOptions {
            no_check: is_set("NIXOS_NO_CHECK"),
            no_sync: is_set("NIXOS_NO_SYNC"),
            name_all_units: is_set("STC_DISPLAY_ALL_UNITS"),
        },
        manager: &mut Systemctl::new(&systemctl),
        systemctl: &systemctl,
        install_menu: &mut || {
            menu::install(&machine, toplevel, &generations(&profile)?, &mut { say })
        },
        say: &mut { say },
    }
    .run()?;
    Ok(code)
}

/// A system of other modules knows best how it is switched to.
fn switch_by_itself(toplevel: &Path, action: Action) -> Result<u8, Failure> {
    let program = toplevel.join("bin/switch-to-configuration");
    let failed = |error: std::io::Error| {
        Failure::message(format!(
            "unable to execute '{}': {error}",
            program.display()
        ))
    };
    let status = Command::new(&program)
        .arg(action.name())
        .stdout(std::io::stderr())
        .status()
        .map_err(failed)?;
    Ok(status
        .code()
        .and_then(|it| u8::try_from(it).ok())
        .unwrap_or(1))
}

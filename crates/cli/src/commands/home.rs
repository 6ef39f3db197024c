//! `home`: a user's environment: built, switched to, and back.

use std::path::{Path, PathBuf};

use firn_store::profile::Profile;
use firn_store::{LocalStore, Store as _};
use firn_store_model::StorePath;
use firn_system::generations::generations;
use firn_system::home::{Change, Files};

use super::system::{Target, history};
use crate::entering::viewed;
use crate::log_sink::ConsoleSink;
use crate::verbs::Verb;
use crate::{Args, Context, Failure, sources, surroundings};

/// `home build [CONFIGURATION]`.
pub static BUILD: Verb = Verb {
    path: &["home", "build"],
    about: "build a user's environment, and touch nothing",
    usage: "[-f FILE | --expr EXPR] [-o LINK | --no-link] [--print-out-paths] [CONFIGURATION]",
    only_firn: true,
    run: build,
};

/// `home switch [CONFIGURATION]`.
pub static SWITCH: Verb = Verb {
    path: &["home", "switch"],
    about: "make the home directory what a configuration says",
    usage: "[-f FILE | --expr EXPR] [--backup EXTENSION] [CONFIGURATION]",
    only_firn: true,
    run: switch,
};

/// `home rollback [GENERATION]`.
pub static ROLLBACK: Verb = Verb {
    path: &["home", "rollback"],
    about: "make the home directory again what it was",
    usage: "[GENERATION]",
    only_firn: true,
    run: rollback,
};

/// `home generations`.
pub static GENERATIONS: Verb = Verb {
    path: &["home", "generations"],
    about: "list what the home directory was and can be again",
    usage: "[--json]",
    only_firn: true,
    run: list,
};

fn target() -> Target {
    Target {
        is_home: true,
        ..Target::default()
    }
}

fn build(context: &mut Context, args: &mut Args) -> Result<u8, Failure> {
    let mut target = target();
    let mut link = Some("result".to_owned());
    let mut print_paths = false;
    target.take_all(args, context, |flag, args| {
        match flag {
            "-o" | "--out-link" => link = Some(args.value(flag)?),
            "--no-link" => link = None,
            "--print-out-paths" => print_paths = true,
            _ => return Ok(false),
        }
        Ok(true)
    })?;
    let context = &*context;
    let store = context.open_store()?;
    let path = target.build(context, &store, "generation")?;
    if let Some(link) = link {
        store.add_perm_root(&path, &sources::on_disk(&sources::absolute(&link)))?;
    }
    if print_paths {
        context.console.print_line(store.store_dir().print(&path))?;
    }
    Ok(0)
}

fn switch(context: &mut Context, args: &mut Args) -> Result<u8, Failure> {
    let mut target = target();
    let mut backup = None;
    target.take_all(args, context, |flag, args| {
        if flag == "--backup" {
            backup = Some(args.value(flag)?);
        }
        Ok(flag == "--backup")
    })?;
    let context = &*context;
    let path = target.build(context, &context.open_store()?, "generation")?;
    let store = context.open_local_store()?;
    let profile = profile()?;
    let change = change(&store, &profile, &path)?;
    // Nothing is published before it is known that all of it can be.
    change.check(backup.as_deref())?;
    firn_sys::file::sync_everything();
    {
        let events = ConsoleSink::shared(context);
        let _lock = profile.lock(&*events)?;
        let generation = profile.create_generation(&store, &path)?;
        profile.switch_to(&generation.link)?;
    }
    apply(&store, &change, backup.as_deref(), &path)
}

fn rollback(context: &mut Context, args: &mut Args) -> Result<u8, Failure> {
    let mut target = target();
    target.take_all(args, context, |_, _| Ok(false))?;
    let number =
        match target.installables.words.as_slice() {
            [] => None,
            [word] => Some(word.parse().map_err(|_| {
                Failure::usage(format!("'{word}' is not the number of a generation"))
            })?),
            [_, word, ..] => return Err(Failure::unexpected(word)),
        };
    let context = &*context;
    let store = context.open_local_store()?;
    let profile = profile()?;
    let found = generations(&profile)?;
    let now = found.iter().find(|it| it.is_current).map(|it| it.number);
    let wanted = found.iter().rev().find(|it| match number {
        Some(number) => it.number == number,
        None => now.is_some_and(|now| it.number < now),
    });
    if let Some(wanted) = wanted {
        let after = store_path_of(&wanted.toplevel)?;
        let change = change(&store, &profile, &after)?;
        change.check(None)?;
        profile.switch_generation(number, false, &*ConsoleSink::shared(context))?;
        return apply(&store, &change, None, &after);
    }
    // There is none; the profile has the words for it.
    profile.switch_generation(number, false, &*ConsoleSink::shared(context))?;
    Ok(0)
}

fn list(context: &mut Context, args: &mut Args) -> Result<u8, Failure> {
    let mut as_json = false;
    target().take_all(args, context, |flag, _| {
        as_json |= flag == "--json";
        Ok(flag == "--json")
    })?;
    history::list_profile(context, &profile()?, as_json)
}

/// The profile of the user's environments.
fn profile() -> Result<Profile, Failure> {
    let directory = surroundings::state_dir().join("profiles");
    std::fs::create_dir_all(&directory)?;
    Ok(Profile::new(directory.join("home")))
}

fn change(store: &LocalStore, profile: &Profile, new: &StorePath) -> Result<Change, Failure> {
    Ok(Change {
        home: surroundings::home(),
        old: current(store, profile)?.map(|it| files(store, &it)),
        new: files(store, new),
    })
}

/// What the profile leads to.
fn current(store: &LocalStore, profile: &Profile) -> Result<Option<StorePath>, Failure> {
    let found = generations(profile)?;
    let Some(current) = found.into_iter().find(|it| it.is_current) else {
        return Ok(None);
    };
    let path = store_path_of(&current.toplevel)?;
    Ok(store.is_valid_path(&path)?.then_some(path))
}

/// The store path that a generation's link leads to, wherever its store is.
fn store_path_of(place: &Path) -> Result<StorePath, Failure> {
    let name = place.file_name().unwrap_or_default();
    StorePath::parse(name.as_encoded_bytes()).map_err(|it| Failure::message(it.to_string()))
}

/// The files of an environment, as this machine sees them.
fn files(store: &LocalStore, generation: &StorePath) -> Files {
    let place = store.location().physical_path(generation);
    // The directory of files is a link to another path of the store.
    let link = std::fs::read_link(place.join("home-files")).unwrap_or_default();
    let name = link.file_name().unwrap_or_default();
    let physical: PathBuf = store.location().physical_dir.join(name);
    Files {
        tree: physical,
        store: store.location().physical_dir.clone(),
    }
}

/// Links the files, and runs what else is to be done.
fn apply(
    store: &LocalStore,
    change: &Change,
    backup: Option<&str>,
    generation: &StorePath,
) -> Result<u8, Failure> {
    change.apply(backup)?;
    let script = store.location().physical_path(generation).join("activate");
    if !script.exists() {
        return Ok(0);
    }
    let logical = Path::new(&store.store_dir().print(generation)).join("activate");
    let status = viewed(store, &logical).stdout(std::io::stderr()).status()?;
    if status.success() {
        return Ok(0);
    }
    Err(Failure::message(format!(
        "the files are linked, but the script of the environment ended with {status}"
    )))
}

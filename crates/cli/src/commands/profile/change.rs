//! `profile add`, `profile remove`, `profile upgrade`.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use firn_build::FileConflict;
use firn_events::Level;
use firn_flake::{FlakeRef, RefOptions};
use firn_profile::manifest::{Built, DEFAULT_PRIORITY, Manifest, Package, Source};
use firn_store::profile::Profile;
use firn_store::{BuildMode, BuildResult, Store};
use firn_store_model::{DerivedPath, StorePath};

use super::matching::Matchers;
use super::{manifest_at, profile_of, show, switch_to};
use crate::commands::build::{build, outputs_of};
use crate::eval_flags::EvalFlags;
use crate::evaluation::{Evaluation, Stop, evaluate};
use crate::installables::Installables;
use crate::named::{LIBRARY, Named, again};
use crate::verbs::Verb;
use crate::{Arg, Args, Context, Failure};

const ADD_USAGE: &str =
    "[-f FILE | --expr EXPR] [--profile PATH] [--priority NUMBER] [INSTALLABLE…]";

/// `profile add INSTALLABLE…`.
pub static ADD: Verb = Verb {
    path: &["profile", "add"],
    about: "add packages to a profile",
    usage: ADD_USAGE,
    only_firn: false,
    run: add,
};

/// `profile install INSTALLABLE…`.
pub static INSTALL: Verb = Verb {
    path: &["profile", "install"],
    about: "the old name of 'profile add'",
    usage: ADD_USAGE,
    only_firn: false,
    run: |context, args| {
        let text = "'install' is a deprecated alias for 'add'";
        context.console.warn(text);
        add(context, args)
    },
};

/// `profile remove NAME…`.
pub static REMOVE: Verb = Verb {
    path: &["profile", "remove"],
    about: "remove packages from a profile",
    usage: "[--profile PATH] [--all | --regex PATTERN | NAME…]",
    only_firn: false,
    run: remove,
};

/// `profile upgrade NAME…`.
pub static UPGRADE: Verb = Verb {
    path: &["profile", "upgrade"],
    about: "bring packages of a profile up to what their flakes have now",
    usage: "[--profile PATH] [--all | --regex PATTERN | NAME…]",
    only_firn: false,
    run: upgrade,
};

fn add(context: &mut Context, args: &mut Args) -> Result<u8, Failure> {
    let mut installables = Installables::default();
    let (mut profile, mut priority) = (None, None);
    while let Some(arg) = args.next() {
        match arg {
            Arg::Word(word) => installables.words.push(word),
            Arg::Flag(flag) => match flag.as_str() {
                "--profile" => profile = Some(args.value(&flag)?),
                "--priority" => {
                    let value = args.value(&flag)?;
                    let number = value.parse::<i64>();
                    priority = Some(
                        number
                            .map_err(|_| Failure::usage(format!("'{value}' is not an integer")))?,
                    );
                }
                _ => {
                    if !installables.take(&flag, args, context)? {
                        context.take_common(&flag, args)?;
                    }
                }
            },
        }
    }
    context.settle();
    context.take_flake_settings(&installables)?;
    let context = &*context;
    let store = context.open_store()?;
    let profile = profile_of(context, profile.as_ref());
    let before = manifest_at(context, &store, profile.link())?;
    let named = installables.each(context, &store)?;
    let results = make(context, store.as_ref(), &named)?;
    let mut manifest = before.clone();
    for named in named {
        let package = Package {
            store_paths: made(&results, &named.paths),
            priority: priority.or(named.priority).unwrap_or(DEFAULT_PRIORITY),
            source: named.source,
            active: true,
        };
        let name = package.suggested_name();
        if manifest
            .packages
            .get(&name)
            .is_some_and(|it| is_same(it, &package))
        {
            context.console.warn(&format!("'{name}' is already added"));
            continue;
        }
        manifest.add_as(&name, package);
    }
    publish(context, &store, &profile, &before, &manifest)
}

/// Whether two packages are the same output of the same flake, in the same place.
fn is_same(one: &Package, other: &Package) -> bool {
    let key = |it: &Source| (it.original_url.clone(), it.attr_path.clone());
    match (&one.source, &other.source) {
        (Some(first), Some(second)) => one.priority == other.priority && key(first) == key(second),
        _ => false,
    }
}

/// Builds what words name.
fn make(
    context: &Context,
    store: &dyn Store,
    named: &[Named],
) -> Result<Vec<BuildResult>, Failure> {
    let mut paths: Vec<DerivedPath> = Vec::new();
    for path in named.iter().flat_map(|it| &it.paths) {
        if !paths.contains(path) {
            paths.push(path.clone());
        }
    }
    if context.settings.interface.print_missing {
        context.say_missing(store, &paths, Level::Info)?;
    }
    build(context, store, &paths, BuildMode::Normal)
}

/// The store paths that building some paths gave.
fn made(results: &[BuildResult], paths: &[DerivedPath]) -> BTreeSet<StorePath> {
    let results = results.iter().filter(|it| paths.contains(&it.path));
    results
        .flat_map(|it| outputs_of(it).map(|output| output.1.clone()))
        .collect()
}

/// Makes a profile what a manifest says, and under our own name shows what that changes.
fn publish(
    context: &Context,
    store: &Arc<dyn Store>,
    profile: &Profile,
    before: &Manifest,
    manifest: &Manifest,
) -> Result<u8, Failure> {
    let warn = |text: &str| context.console.warn(text);
    let built = manifest.build(store.as_ref(), &std::env::temp_dir(), &warn);
    match built.map_err(|it| Failure::message(it.to_string()))? {
        Built::Profile(path) => switch_to(context, store.as_ref(), profile, &path)?,
        Built::Conflict(conflict) => {
            let message = conflict_message(context, store.as_ref(), manifest, &conflict);
            return Err(Failure::message(message));
        }
    }
    if context.program.is_firn() {
        show::changes(context, before, manifest)?;
    }
    Ok(0)
}

/// Two packages with the same file: which they are, and what can be done.
fn conflict_message(
    context: &Context,
    store: &dyn Store,
    manifest: &Manifest,
    conflict: &FileConflict,
) -> String {
    let store_dir = store.store_dir();
    let owned = |package: &Package| -> Option<std::path::PathBuf> {
        let paths = package.store_paths.iter();
        let mut paths = paths.map(|it| store_dir.print(it));
        paths.find_map(|path| {
            let mut files = [&conflict.existing, &conflict.new].into_iter();
            files.find(|it| it.starts_with(Path::new(&path))).cloned()
        })
    };
    let mut packages = manifest.packages.iter();
    let first = packages.find_map(|(name, it)| Some((owned(it)?, name)));
    let mut packages = manifest.packages.values().rev();
    let last = packages.find_map(|it| Some((owned(it)?, it)));
    let (Some((first_file, name)), Some((last_file, last))) = (first, last) else {
        return conflict.to_string();
    };
    let program = context.program.name();
    let wanted = last.installables(store_dir).join(" ");
    let priority = conflict.priority;
    format!(
        "An existing package already provides the following file:\n\n  \"{}\"\n\n\
         This is the conflicting file from the new package:\n\n  \"{}\"\n\n\
         To remove the existing package:\n\n  {program} profile remove {name}\n\n\
         The new package can also be added next to the existing one by assigning a different priority.\n\
         The conflicting packages have a priority of {priority}.\n\
         To prioritise the new package:\n\n  {program} profile add {wanted} --priority {}\n\n\
         To prioritise the existing package:\n\n  {program} profile add {wanted} --priority {}\n",
        first_file.display(),
        last_file.display(),
        priority - 1,
        priority + 1
    )
}

/// The flags of the verbs about packages that a profile has.
#[derive(Default)]
struct Selection {
    profile: Option<String>,
    matchers: Matchers,
    eval: EvalFlags,
}

impl Selection {
    fn read(context: &mut Context, args: &mut Args) -> Result<Self, Failure> {
        let mut selection = Self::default();
        while let Some(arg) = args.next() {
            match arg {
                Arg::Word(word) => selection.matchers.word(word),
                Arg::Flag(flag) => {
                    if flag == "--profile" {
                        selection.profile = Some(args.value(&flag)?);
                    } else if !selection.matchers.take(&flag, args)?
                        && !selection.eval.take(&flag, args, context)?
                    {
                        context.take_common(&flag, args)?;
                    }
                }
            }
        }
        context.settle();
        Ok(selection)
    }
}

fn remove(context: &mut Context, args: &mut Args) -> Result<u8, Failure> {
    let selection = Selection::read(context, args)?;
    let context = &*context;
    let store = context.open_store()?;
    let profile = profile_of(context, selection.profile.as_ref());
    let before = manifest_at(context, &store, profile.link())?;
    let names = selection
        .matchers
        .matching(context, store.store_dir(), &before)?;
    let program = context.program.name();
    if names.is_empty() {
        context.console.warn(&format!(
            "No packages to remove. Use '{program} profile list' to see the current profile."
        ));
        return Ok(0);
    }
    let mut manifest = before.clone();
    for name in &names {
        if let Some(package) = manifest.packages.remove(name) {
            let text = format!("removing '{}'", package.identifier());
            context.console.log(Level::Notice, &text);
        }
    }
    let text = format!(
        "removed {} packages, kept {} packages",
        names.len(),
        manifest.packages.len()
    );
    context.console.log(Level::Info, &text);
    publish(context, &store, &profile, &before, &manifest)
}

fn upgrade(context: &mut Context, args: &mut Args) -> Result<u8, Failure> {
    let selection = Selection::read(context, args)?;
    let context = &*context;
    let store = context.open_store()?;
    let profile = profile_of(context, selection.profile.as_ref());
    let before = manifest_at(context, &store, profile.link())?;
    let names = selection
        .matchers
        .matching(context, store.store_dir(), &before)?;
    if names.is_empty() {
        let program = context.program.name();
        context.console.warn(&format!(
            "No packages to upgrade. Use '{program} profile list' to see the current profile."
        ));
        return Ok(0);
    }
    let found = evaluate(context, &selection.eval, &store, |evaluation| {
        find_upgrades(evaluation, &before, &names)
    })?;
    let Some(found) = found else {
        let text = "Found some packages but none of them could be upgraded.";
        context.console.warn(text);
        return Ok(0);
    };
    let (names, named): (Vec<String>, Vec<Named>) = found.into_iter().unzip();
    let results = make(context, store.as_ref(), &named)?;
    let mut manifest = before.clone();
    for (name, named) in names.iter().zip(named) {
        if let Some(package) = manifest.packages.get_mut(name) {
            package.store_paths = made(&results, &named.paths);
            package.source = named.source;
        }
    }
    publish(context, &store, &profile, &before, &manifest)
}

/// What the sources of packages have now, for those that differ; nothing if none of the packages
/// can be upgraded at all.
fn find_upgrades(
    evaluation: &mut Evaluation<'_, '_>,
    manifest: &Manifest,
    names: &BTreeSet<String>,
) -> Result<Option<Vec<(String, Named)>>, Stop> {
    let console = evaluation.context.console;
    let mut found = Vec::new();
    let mut can_any = false;
    for name in names {
        let Some(package) = manifest.packages.get(name) else {
            continue;
        };
        let identifier = package.identifier();
        let Some(source) = &package.source else {
            console.warn(&format!(
                "Found package '{identifier}', but it was not added from a flake, so it can't be checked for upgrades!"
            ));
            continue;
        };
        let is_library = source.original_url == LIBRARY && evaluation.context.program.is_firn();
        if !is_library && is_locked(evaluation, &source.original_url)? {
            console.warn(&format!(
                "Found package '{identifier}', but it was added from a locked flake reference so it can't be upgraded!"
            ));
            continue;
        }
        can_any = true;
        let named = again(evaluation, source)?;
        let Some(new) = &named.source else {
            continue;
        };
        if !is_library {
            if new.url == source.url && is_locked(evaluation, &new.url)? {
                continue;
            }
            console.log(
                Level::Info,
                &format!(
                    "upgrading '{}' from flake '{}' to '{}'",
                    source.attr_path, source.url, new.url
                ),
            );
        }
        found.push((name.clone(), named));
    }
    Ok(can_any.then_some(found))
}

fn is_locked(evaluation: &Evaluation<'_, '_>, url: &str) -> Result<bool, Failure> {
    let fetcher = evaluation.host.fetcher();
    let reference = FlakeRef::parse(fetcher, url, RefOptions::default())?;
    Ok(reference.input.is_locked(fetcher))
}

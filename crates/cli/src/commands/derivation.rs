//! `derivation show`, `derivation add`: derivations as JSON.

use std::io::Read as _;

use firn_settings::Feature;
use firn_store::closure::{ClosureOptions, closure};
use firn_store::derivation::HashModulos;
use firn_store::{DerivationText, StorePathSet};
use firn_store_model::{Derivation, DerivationError, DerivationJsonVersion, DerivedPath};
use serde_json::{Map, json};

use crate::installables::Installables;
use crate::verbs::Verb;
use crate::{Arg, Args, Context, Failure};

/// `derivation show [-r] INSTALLABLE…`.
pub static SHOW: Verb = Verb {
    path: &["derivation", "show"],
    about: "show derivations as JSON",
    usage: "[-r] INSTALLABLE…",
    only_firn: false,
    run: show,
};

/// `derivation add`.
pub static ADD: Verb = Verb {
    path: &["derivation", "add"],
    about: "add the derivation whose JSON is on stdin",
    usage: "[--dry-run]",
    only_firn: false,
    run: add,
};

fn show(context: &mut Context, args: &mut Args) -> Result<u8, Failure> {
    let mut installables = Installables::default();
    let mut recursive = false;
    while let Some(arg) = args.next() {
        match arg {
            Arg::Word(word) => installables.words.push(word),
            Arg::Flag(flag) => match flag.as_str() {
                "-r" | "--recursive" => recursive = true,
                "--pretty" | "--no-pretty" => {}
                _ => {
                    if !installables.take(&flag, args, context)? {
                        context.take_common(&flag, args)?;
                    }
                }
            },
        }
    }
    context.settle();
    let store = context.open_store()?;
    let mut paths = StorePathSet::new();
    for derived in installables.derived_paths(context, &store)? {
        match derived {
            DerivedPath::Opaque(path) if !path.is_derivation() => {
                let derivers = store.valid_derivers(&path)?;
                if derivers.is_empty() {
                    let path = store.store_dir().print(&path);
                    return Err(Failure::message(format!(
                        "'{path}' does not have a known deriver"
                    )));
                }
                paths.extend(derivers.into_iter().next());
            }
            other => {
                paths.insert(other.base_path().clone());
            }
        }
    }
    if recursive {
        paths = closure(store.as_ref(), paths, ClosureOptions::default())?;
    }
    let mut shown = Map::new();
    for path in paths.iter().filter(|it| it.is_derivation()) {
        let derivation = store.read_derivation(path)?;
        let value = derivation
            .to_json(store.store_dir(), DerivationJsonVersion::V4)
            .map_err(|it| Failure::message(it.to_string()))?;
        shown.insert(path.to_string(), value);
    }
    let shown = json!({"derivations": shown, "version": 4});
    context.console.print_line(shown.to_string())?;
    Ok(0)
}

/// An error of the store or of a derivation, on its way to the user.
struct StoreFailure(Failure);

impl From<DerivationError> for StoreFailure {
    fn from(error: DerivationError) -> Self {
        Self(Failure::message(error.to_string()))
    }
}

impl From<firn_store::StoreError> for StoreFailure {
    fn from(error: firn_store::StoreError) -> Self {
        Self(error.into())
    }
}

impl From<StoreFailure> for Failure {
    fn from(failure: StoreFailure) -> Self {
        failure.0
    }
}

fn add(context: &mut Context, args: &mut Args) -> Result<u8, Failure> {
    let mut dry_run = false;
    while let Some(arg) = args.next() {
        match arg {
            Arg::Word(word) => return Err(Failure::unexpected(&word)),
            Arg::Flag(flag) if flag == "--dry-run" => dry_run = true,
            Arg::Flag(flag) => context.take_common(&flag, args)?,
        }
    }
    context.settle();
    let failed = |error: &dyn std::fmt::Display| Failure::message(error.to_string());
    let mut text = Vec::new();
    std::io::stdin()
        .read_to_end(&mut text)
        .map_err(|it| failed(&it))?;
    let value = serde_json::from_slice(&text).map_err(|it| failed(&it))?;
    let mut derivation = Derivation::from_json(&value).map_err(|it| failed(&it))?;
    for feature in derivation.features() {
        if let Some(feature) = Feature::parse(feature) {
            context.require(feature)?;
        }
    }
    let store = context.open_store()?;
    let store_dir = store.store_dir();
    let modulos = HashModulos::default();
    derivation.fill_output_paths::<StoreFailure>(store_dir, &mut |path| {
        Ok(modulos.of(store.as_ref(), path)?)
    })?;
    let contents = derivation.print(store_dir).map_err(|it| failed(&it))?;
    let path = derivation
        .store_path(store_dir, &contents)
        .map_err(|it| failed(&it))?;
    if !dry_run && !context.read_only {
        store.add_derivations(&[DerivationText {
            references: derivation.references().into_iter().collect(),
            outputs: derivation
                .outputs
                .iter()
                .map(|(name, output)| {
                    let path = output.path(store_dir, &derivation.name, name);
                    Ok((name.clone(), path.map_err(|it| failed(&it))?))
                })
                .collect::<Result<_, Failure>>()?,
            path: path.clone(),
            contents,
        }])?;
    }
    context.console.print_line(store_dir.print(&path))?;
    Ok(0)
}

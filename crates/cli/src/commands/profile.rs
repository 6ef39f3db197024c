//! `profile`: packages installed for a user, by where they are from.

pub mod change;
pub mod generations;
pub mod matching;
pub mod show;

use std::path::Path;
use std::sync::Arc;

use firn_profile::manifest::Manifest;
use firn_store::Store;
use firn_store::profile::Profile;
use firn_store_model::StorePath;

use crate::eval_flags::EvalFlags;
use crate::evaluation::{Stop, evaluate};
use crate::log_sink::ConsoleSink;
use crate::profiles::{default_profile, profile_at};
use crate::{Context, Failure};

/// The profile that a flag names, or the user's.
fn profile_of(context: &Context, given: Option<&String>) -> Profile {
    match given {
        Some(word) => profile_at(word),
        None => default_profile(context),
    }
}

/// What is in a profile or one of its generations.
fn manifest_at(
    context: &Context,
    store: &Arc<dyn Store>,
    place: &Path,
) -> Result<Manifest, Failure> {
    if !Manifest::is_user_environment(&**store, place) {
        let found = Manifest::read_json(&**store, place);
        let found = found.map_err(|it| Failure::message(it.to_string()))?;
        return Ok(found.unwrap_or_default());
    }
    // What `nix-env` keeps is an expression.
    evaluate(context, &EvalFlags::default(), store, |evaluation| {
        Manifest::read(evaluation.ctx, &**store, place).map_err(Stop::from)
    })
}

/// Makes a profile lead to a path.
pub fn switch_to(
    context: &Context,
    store: &dyn Store,
    profile: &Profile,
    path: &StorePath,
) -> Result<(), Failure> {
    let _lock = profile.lock(&*ConsoleSink::shared(context))?;
    let generation = profile.create_generation(store, path)?;
    profile.switch_to(&generation.link)?;
    Ok(())
}

/// Makes a profile lead to the one path that a command was about.
pub fn switch_to_only(
    context: &Context,
    store: &dyn Store,
    profile: &str,
    paths: &[StorePath],
) -> Result<(), Failure> {
    let [path] = paths else {
        return Err(Failure::usage(format!(
            "'--profile' requires that the arguments produce a single store path, but there are {}",
            paths.len()
        )));
    };
    switch_to(context, store, &profile_at(profile), path)
}

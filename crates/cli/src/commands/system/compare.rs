//! `system diff`: how two systems differ.

use std::sync::Arc;

use firn_store::Store;
use firn_store_model::StorePath;
use firn_system::difference::Difference;
use firn_system::generations::{SYSTEM_PROFILE, generations};

use super::Target;
use super::switch::profile_of;
use super::target::built_already;
use crate::verbs::Verb;
use crate::{Args, Context, Failure};

/// `system diff [OLD [NEW]]`.
pub static DIFF: Verb = Verb {
    path: &["system", "diff"],
    about: "show how two systems differ: options, packages, units, files",
    usage: "[--json] [GENERATION | PATH | CONFIGURATION [GENERATION | PATH | CONFIGURATION]]",
    only_firn: true,
    run,
};

/// What runs on this machine.
const CURRENT: &str = "/run/current-system";

fn run(context: &mut Context, args: &mut Args) -> Result<u8, Failure> {
    let mut target = Target::default();
    let mut as_json = false;
    target.take_all(args, context, |flag, _| {
        as_json |= flag == "--json";
        Ok(flag == "--json")
    })?;
    let context = &*context;
    let store = context.open_store()?;
    let words = std::mem::take(&mut target.installables.words);
    let named = |word: &str| system_of(context, &store, &target, word);
    let (old, new) = match words.as_slice() {
        [] => (named(CURRENT)?, target.build(context, &store, "toplevel")?),
        [old] if target.installables.are_attributes() => {
            (named(old)?, target.build(context, &store, "toplevel")?)
        }
        [new] => (named(CURRENT)?, named(new)?),
        [old, new] => (named(old)?, named(new)?),
        [_, _, word, ..] => return Err(Failure::unexpected(word)),
    };
    let difference = Difference::between(store.as_ref(), &old, &new)?;
    if as_json {
        context
            .console
            .print_line(difference.to_json().to_string())?;
    } else {
        context.console.print(difference.to_text())?;
    }
    Ok(0)
}

/// The system that a word means: a generation's number, a path in the store or a link to one, or a
/// configuration to be built.
fn system_of(
    context: &Context,
    store: &Arc<dyn Store>,
    target: &Target,
    word: &str,
) -> Result<StorePath, Failure> {
    if let Ok(number) = word.parse::<u64>() {
        let local = context.open_local_store()?;
        let found = generations(&profile_of(&local, SYSTEM_PROFILE))?;
        let found = found.iter().find(|it| it.number == number);
        let found =
            found.ok_or_else(|| Failure::message(format!("there is no generation {number}")))?;
        return built_already(store.as_ref(), &found.toplevel.to_string_lossy());
    }
    if crate::installables::follow_links(store.as_ref(), word)?.is_some() {
        return built_already(store.as_ref(), word);
    }
    let mut target = target.clone();
    target.installables.words = vec![word.to_owned()];
    target.build(context, store, "toplevel")
}

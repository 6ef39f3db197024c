//! `flake lock` and `flake update`: lock files as the purpose of a command.

use firn_flake::{lock_flake, parse_path, show_path};

use super::FlakeArgs;
use crate::evaluation::evaluate;
use crate::flakes::parse_here;
use crate::verbs::Verb;
use crate::{Arg, Args, Context, Failure};

/// `flake lock [FLAKE]`.
pub static LOCK: Verb = Verb {
    path: &["flake", "lock"],
    about: "lock the inputs of a flake that are not locked yet",
    usage: "[FLAKE]",
    only_firn: false,
    run: lock,
};

/// `flake update [INPUT…]`.
pub static UPDATE: Verb = Verb {
    path: &["flake", "update"],
    about: "bring the inputs of a flake up to date",
    usage: "[--flake FLAKE] [--commit-lock-file] [INPUT…]",
    only_firn: false,
    run: update,
};

fn lock(context: &mut Context, args: &mut Args) -> Result<u8, Failure> {
    let wanted = FlakeArgs::parse(context, args, |_, _, _| Ok(false))?;
    context.settings.sources.tarball_ttl = 0;
    context.take_settings_of(&[wanted.word().to_owned()], &wanted.eval)?;
    let store = context.open_store()?;
    evaluate(context, &wanted.eval, &store, |evaluation| {
        let host = (**evaluation.host).clone();
        let reference = parse_here(host.fetcher(), wanted.word(), false)?;
        let mut flags = wanted.eval.flakes.lock_flags(host.fetcher())?;
        flags.write = true;
        flags.fail_on_unlocked = true;
        lock_flake(evaluation.ctx, &host, &reference, &flags)?;
        Ok(())
    })?;
    Ok(0)
}

fn update(context: &mut Context, args: &mut Args) -> Result<u8, Failure> {
    let mut words = Vec::new();
    let mut flake = None;
    let mut eval = crate::eval_flags::EvalFlags::default();
    context.require(firn_settings::Feature::Flakes)?;
    while let Some(arg) = args.next() {
        match arg {
            Arg::Word(word) => words.push(word),
            Arg::Flag(flag) if flag == "--flake" => flake = Some(args.value(&flag)?),
            Arg::Flag(flag) => {
                if !eval.take(&flag, args, context)? {
                    context.take_common(&flag, args)?;
                }
            }
        }
    }
    context.settle();
    let mut updates = std::collections::BTreeSet::new();
    for word in &words {
        let parsed = parse_path(word).ok().filter(|it| !it.is_empty());
        let Some(path) = parsed else {
            context.console.warn(&format!(
                "Invalid flake input '{word}'. To update a specific flake, use 'nix flake update --flake {word}' instead."
            ));
            let error = parse_path(word).err().map_or_else(
                || "input path to be updated cannot be zero-length; it would refer to the flake itself, not an input".to_owned(),
                |it| it.to_string(),
            );
            return Err(Failure::usage(error));
        };
        if !updates.insert(path.clone()) {
            context.console.warn(&format!(
                "Input '{}' was specified multiple times. You may have done this by accident.",
                show_path(&path)
            ));
        }
    }
    context.settings.sources.tarball_ttl = 0;
    let word = flake.clone().unwrap_or_else(|| ".".to_owned());
    context.take_settings_of(&[word], &eval)?;
    let store = context.open_store()?;
    evaluate(context, &eval, &store, |evaluation| {
        let host = (**evaluation.host).clone();
        let word = flake.as_deref().unwrap_or(".");
        let reference = parse_here(host.fetcher(), word, false)?;
        let mut flags = eval.flakes.lock_flags(host.fetcher())?;
        flags.updates.extend(updates);
        flags.recreate = flags.updates.is_empty();
        flags.write = true;
        lock_flake(evaluation.ctx, &host, &reference, &flags)?;
        Ok(())
    })?;
    Ok(0)
}

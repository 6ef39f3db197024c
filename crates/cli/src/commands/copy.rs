//! `copy`: paths and what they refer to, from one store to another.

use firn_store::{CopyOptions, copy_closure, copy_paths};

use crate::installables::PathSelection;
use crate::log_sink::ConsoleSink;
use crate::verbs::Verb;
use crate::{Arg, Args, Context, Failure};

/// `copy [--from STORE] [--to STORE] PATH…`.
pub static COPY: Verb = Verb {
    path: &["copy"],
    about: "copy paths between stores",
    usage: "[--from STORE] [--to STORE] [--no-check-sigs] [--no-recursive] [--all] PATH…",
    only_firn: false,
    run,
};

fn run(context: &mut Context, args: &mut Args) -> Result<u8, Failure> {
    let mut selection = PathSelection {
        recursive: true,
        ..PathSelection::default()
    };
    let (mut from, mut to, mut check_signatures) = (None, None, true);
    while let Some(arg) = args.next() {
        match arg {
            Arg::Word(word) => selection.installables.words.push(word),
            Arg::Flag(flag) => match flag.as_str() {
                "--from" => from = Some(args.value(&flag)?),
                "--to" => to = Some(args.value(&flag)?),
                "--no-check-sigs" => check_signatures = false,
                "-s" | "--substitute-on-destination" => {}
                _ => {
                    if !selection.take(&flag, args, context)? {
                        context.take_common(&flag, args)?;
                    }
                }
            },
        }
    }
    context.settle();
    if from.is_none() && to.is_none() {
        return Err(Failure::usage("you must pass '--from' and/or '--to'"));
    }
    let open = |url: Option<&String>| match url {
        Some(url) => context.open_store_url(url),
        None => context.open_store(),
    };
    let (source, target) = (open(from.as_ref())?, open(to.as_ref())?);
    let recursive = std::mem::replace(&mut selection.recursive, false);
    let paths = selection
        .store_paths(context, &source)?
        .into_iter()
        .collect();
    let options = CopyOptions {
        repair: false,
        check_signatures,
        n_jobs: usize::try_from(context.settings.transfer.http_connections)
            .unwrap_or(0)
            .clamp(1, 32),
        events: ConsoleSink::shared(context),
    };
    if recursive {
        copy_closure(source.as_ref(), target.as_ref(), &paths, &options)?;
    } else {
        copy_paths(source.as_ref(), target.as_ref(), &paths, &options)?;
    }
    Ok(0)
}

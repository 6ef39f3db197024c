//! `store gc`, `store delete`, `store optimise`: making room.

use firn_store::{GcAction, GcOptions, GcResult};

use crate::installables::PathSelection;
use crate::size::render_size;
use crate::verbs::Verb;
use crate::{Arg, Args, Context, Failure};

/// `store gc [--max N] [--dry-run]`.
pub static GC: Verb = Verb {
    path: &["store", "gc"],
    about: "delete everything that no root leads to",
    usage: "[--max BYTES] [--dry-run]",
    only_firn: false,
    run: gc,
};

/// `store delete PATH…`.
pub static DELETE: Verb = Verb {
    path: &["store", "delete"],
    about: "delete paths that no root leads to",
    usage: "[--ignore-liveness] PATH…",
    only_firn: false,
    run: delete,
};

/// `store optimise`.
pub static OPTIMISE: Verb = Verb {
    path: &["store", "optimise"],
    about: "replace equal files by links to one",
    usage: "",
    only_firn: false,
    run: optimise,
};

fn gc(context: &mut Context, args: &mut Args) -> Result<u8, Failure> {
    let (mut max, mut dry_run) = (None, false);
    while let Some(arg) = args.next() {
        match arg {
            Arg::Word(word) => return Err(Failure::unexpected(&word)),
            Arg::Flag(flag) => match flag.as_str() {
                "--max" => {
                    let text = args.value(&flag)?;
                    let bytes = crate::size::parse_size(&text);
                    max =
                        Some(bytes.ok_or_else(|| {
                            Failure::usage(format!("'{text}' is not an integer"))
                        })?);
                }
                "--dry-run" => dry_run = true,
                _ => context.take_common(&flag, args)?,
            },
        }
    }
    context.settle();
    if max.is_some() && dry_run {
        return Err(Failure::usage(
            "options --max and --dry-run cannot be combined",
        ));
    }
    let mut options = GcOptions::new(if dry_run {
        GcAction::ReturnDead
    } else {
        GcAction::DeleteDead
    });
    options.max_freed = max.unwrap_or(u64::MAX);
    let result = context.open_store()?.collect_garbage(&options)?;
    context.console.print_line(freed(&result, dry_run))?;
    Ok(0)
}

/// What a collection did, in a line.
pub fn freed(result: &GcResult, dry_run: bool) -> String {
    let count = result.paths.len();
    if dry_run {
        return format!("{count} store paths would be deleted");
    }
    let size = render_size(result.bytes_freed);
    format!("{count} store paths deleted, {size} freed")
}

fn delete(context: &mut Context, args: &mut Args) -> Result<u8, Failure> {
    let mut selection = PathSelection::default();
    let mut ignore_liveness = false;
    while let Some(arg) = args.next() {
        match arg {
            Arg::Word(word) => selection.installables.words.push(word),
            Arg::Flag(flag) if flag == "--ignore-liveness" => ignore_liveness = true,
            Arg::Flag(flag) => {
                if !selection.take(&flag, args, context)? {
                    context.take_common(&flag, args)?;
                }
            }
        }
    }
    context.settle();
    let store = context.open_store()?;
    let paths = selection.store_paths(context, &store)?;
    let mut options = GcOptions::new(GcAction::DeleteSpecific(paths.into_iter().collect()));
    options.ignore_liveness = ignore_liveness;
    let result = store.collect_garbage(&options);
    let done = result.as_ref().map_or_else(
        |_| freed(&GcResult::default(), false),
        |it| freed(it, false),
    );
    context.console.print_line(done)?;
    result?;
    Ok(0)
}

fn optimise(context: &mut Context, args: &mut Args) -> Result<u8, Failure> {
    context.no_more_arguments(args)?;
    let stats = context.open_store()?.optimise()?;
    let size = render_size(stats.bytes_freed);
    context.console.log(
        firn_events::Level::Info,
        &format!("{size} freed by hard-linking {} files", stats.n_linked),
    );
    Ok(0)
}

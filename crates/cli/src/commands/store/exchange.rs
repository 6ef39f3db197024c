//! `store copy-log`, `store copy-sigs`, `store make-content-addressed`: bringing from store to store
//! what is not contents, and contents under names of their own.

use firn_events::Level;
use firn_store::{StorePathSet, make_content_addressed};
use firn_store_model::DerivedPath;
use serde_json::{Map, Value, json};

use crate::installables::{Installables, PathSelection};
use crate::verbs::Verb;
use crate::{Arg, Args, Context, Failure};

/// `store copy-log INSTALLABLE…`.
pub static COPY_LOG: Verb = Verb {
    path: &["store", "copy-log"],
    about: "copy build logs between stores",
    usage: "[--from STORE] [--to STORE] INSTALLABLE…",
    only_firn: false,
    run: copy_log,
};

/// `store copy-sigs PATH…`.
pub static COPY_SIGS: Verb = Verb {
    path: &["store", "copy-sigs"],
    about: "copy signatures of paths from other stores",
    usage: "[-s STORE]… [--all] [-r] PATH…",
    only_firn: false,
    run: copy_sigs,
};

/// `store make-content-addressed PATH…`.
pub static MAKE_CONTENT_ADDRESSED: Verb = Verb {
    path: &["store", "make-content-addressed"],
    about: "add paths again under names that follow from their contents",
    usage: "[--from STORE] [--to STORE] [--json] PATH…",
    only_firn: false,
    run: make,
};

fn copy_log(context: &mut Context, args: &mut Args) -> Result<u8, Failure> {
    let mut installables = Installables::default();
    let (mut from, mut to) = (None, None);
    while let Some(arg) = args.next() {
        match arg {
            Arg::Word(word) => installables.words.push(word),
            Arg::Flag(flag) => match flag.as_str() {
                "--from" => from = Some(args.value(&flag)?),
                "--to" => to = Some(args.value(&flag)?),
                _ => {
                    if !installables.take(&flag, args, context)? {
                        context.take_common(&flag, args)?;
                    }
                }
            },
        }
    }
    context.settle();
    let (source, target) = context.open_two(from.as_deref(), to.as_deref())?;
    for derived in installables.derived_paths(context, &source)? {
        let named = match &derived {
            DerivedPath::Opaque(path) => path,
            built @ DerivedPath::Built { .. } => built.base_path(),
        };
        // Logs are kept by derivation.
        let drv_path = if named.is_derivation() {
            named.clone()
        } else {
            let info = source.query_path_info(named)?;
            info.and_then(|info| info.deriver.clone()).ok_or_else(|| {
                let path = source.store_dir().print(named);
                Failure::message(format!("'{path}' does not have a known deriver"))
            })?
        };
        let drv_path = &drv_path;
        let log = source.build_log(drv_path)?.ok_or_else(|| {
            let drv_path = source.store_dir().print(drv_path);
            Failure::message(format!("build log for '{drv_path}' is not available"))
        })?;
        target.add_build_log(drv_path, &log)?;
    }
    Ok(0)
}

fn copy_sigs(context: &mut Context, args: &mut Args) -> Result<u8, Failure> {
    let mut selection = PathSelection::default();
    let mut urls = Vec::new();
    while let Some(arg) = args.next() {
        match arg {
            Arg::Word(word) => selection.installables.words.push(word),
            Arg::Flag(flag) => match flag.as_str() {
                "-s" | "--substituter" => urls.push(args.value(&flag)?),
                _ => {
                    if !selection.take(&flag, args, context)? {
                        context.take_common(&flag, args)?;
                    }
                }
            },
        }
    }
    context.settle();
    if urls.is_empty() {
        return Err(Failure::usage(
            "you must specify at least one substituter using '-s'",
        ));
    }
    let store = context.open_store()?;
    let mut others = Vec::new();
    for url in &urls {
        others.push(context.open_store_url(url)?);
    }
    let mut n_added = 0;
    for path in selection.store_paths(context, &store)? {
        let own = firn_store::closure::path_info(store.as_ref(), &path)?;
        let mut new = std::collections::BTreeSet::new();
        for other in &others {
            let Some(theirs) = other.query_path_info(&path)? else {
                continue;
            };
            // Signatures are about contents, and these are others.
            let is_same = own.nar_hash == theirs.nar_hash
                && own.nar_size == theirs.nar_size
                && own.references == theirs.references;
            if is_same {
                new.extend(theirs.signatures.difference(&own.signatures).cloned());
            }
        }
        if !new.is_empty() {
            n_added += new.len();
            let new: Vec<_> = new.into_iter().collect();
            store.add_signatures(&path, &new)?;
        }
    }
    context
        .console
        .log(Level::Info, &format!("imported {n_added} signatures"));
    Ok(0)
}

fn make(context: &mut Context, args: &mut Args) -> Result<u8, Failure> {
    let mut selection = PathSelection::default();
    let (mut from, mut to, mut as_json) = (None, None, false);
    while let Some(arg) = args.next() {
        match arg {
            Arg::Word(word) => selection.installables.words.push(word),
            Arg::Flag(flag) => match flag.as_str() {
                "--from" => from = Some(args.value(&flag)?),
                "--to" => to = Some(args.value(&flag)?),
                "--json" => as_json = true,
                _ => {
                    if !selection.take(&flag, args, context)? {
                        context.take_common(&flag, args)?;
                    }
                }
            },
        }
    }
    context.settle();
    let (source, target) = match (from, to) {
        (None, None) => (context.open_store()?, context.open_store()?),
        (from, to) => context.open_two(from.as_deref(), to.as_deref())?,
    };
    let paths: StorePathSet = selection
        .store_paths(context, &source)?
        .into_iter()
        .collect();
    let renamed = make_content_addressed(source.as_ref(), target.as_ref(), &paths)?;
    let (before, after) = (source.store_dir(), target.store_dir());
    if as_json {
        let rewrites: Map<String, Value> = paths
            .iter()
            .map(|old| (before.print(old), after.print(&renamed[old]).into()))
            .collect();
        context
            .console
            .print_line(json!({ "rewrites": rewrites }).to_string())?;
        return Ok(0);
    }
    for path in &paths {
        let new = &renamed[path];
        let text = format!("rewrote '{}' to '{}'", before.print(path), after.print(new));
        context.console.log(Level::Notice, &text);
    }
    Ok(0)
}

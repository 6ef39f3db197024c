//! `log`: what builders printed.

use firn_store_model::DerivedPath;

use crate::installables::Installables;
use crate::verbs::Verb;
use crate::{Arg, Args, Context, Failure};

/// `log INSTALLABLE`.
pub static LOG: Verb = Verb {
    path: &["log"],
    about: "show the log of a build",
    usage: "INSTALLABLE",
    only_firn: false,
    run,
};

fn run(context: &mut Context, args: &mut Args) -> Result<u8, Failure> {
    let mut installables = Installables::default();
    while let Some(arg) = args.next() {
        match arg {
            Arg::Word(word) => installables.words.push(word),
            Arg::Flag(flag) => {
                if !installables.take(&flag, args, context)? {
                    context.take_common(&flag, args)?;
                }
            }
        }
    }
    context.settle();
    let store = context.open_store()?;
    for derived in installables.derived_paths(context, &store)? {
        let path = match &derived {
            DerivedPath::Opaque(path) => path,
            built @ DerivedPath::Built { .. } => built.base_path(),
        };
        let mut log = store.build_log(path)?;
        // Where something comes from, its log may be too.
        for substituter in context.open_substituters() {
            if log.is_none() {
                log = substituter.build_log(path).unwrap_or_default();
            }
        }
        let log = log.ok_or_else(|| {
            let what = derived.print(store.store_dir());
            Failure::message(format!("build log of '{what}' is not available"))
        })?;
        context.console.print(log)?;
    }
    Ok(0)
}

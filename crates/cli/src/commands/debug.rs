//! `debug`: builds a derivation and opens a shell in its sandbox where it fails.

use std::sync::Arc;

use firn_store::BuildMode;
use firn_store_model::{DerivedPath, OutputsSpec, SingleDerivedPath};

use super::build::build;
use crate::installables::Installables;
use crate::verbs::Verb;
use crate::{Arg, Args, Context, Failure};

/// `debug INSTALLABLE`.
pub static DEBUG: Verb = Verb {
    path: &["debug"],
    about: "open a shell in the sandbox of a failing build, at the phase that fails",
    usage: "[-f FILE | --expr EXPR] INSTALLABLE",
    only_firn: true,
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
    context.debug_on_failure = true;
    context.settle();
    let context = &*context;
    let store = context.open_store()?;
    let mut paths = installables.derived_paths(context, &store)?;
    for path in &mut paths {
        // A derivation's own path stands for building it.
        if let DerivedPath::Opaque(drv) = &*path
            && drv.is_derivation()
        {
            *path = DerivedPath::Built {
                drv: Arc::new(SingleDerivedPath::Opaque(drv.clone())),
                outputs: OutputsSpec::All,
            };
        }
    }
    build(context, store.as_ref(), &paths, BuildMode::Normal)?;
    context
        .console
        .line("Nothing failed, so there is nothing to look at.");
    Ok(0)
}

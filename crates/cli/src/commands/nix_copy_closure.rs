//! `nix-copy-closure`: paths and what they refer to, to another machine or from it.

use firn_store::closure::{ClosureOptions, closure};
use firn_store::{CopyOptions, StorePathSet, copy_closure};

use crate::installables::one_path;
use crate::log_sink::ConsoleSink;
use crate::{Arg, Args, Context, Failure};

/// Runs `nix-copy-closure`.
pub fn run(context: &mut Context, args: &mut Args) -> Result<u8, Failure> {
    let (mut is_there, mut compress, mut include_outputs, mut substitute) =
        (true, false, false, false);
    let mut host = None;
    let mut words = Vec::new();
    while let Some(arg) = args.next() {
        match arg {
            Arg::Word(word) if host.is_none() => host = Some(word),
            Arg::Word(word) => words.push(word),
            Arg::Flag(flag) => match flag.as_str() {
                "--from" => is_there = false,
                "--to" => is_there = true,
                "--gzip" => compress = true,
                "--bzip2" | "--xz" => {
                    let text = format!("'{flag}' is not implemented, falling back to gzip");
                    context.console.warn(&text);
                    compress = true;
                }
                "--include-outputs" => include_outputs = true,
                "-s" | "--use-substitutes" => substitute = true,
                "--show-progress" | "--dry-run" => {}
                _ if context.took_version(&flag)? => return Ok(0),
                _ => context.take_common(&flag, args)?,
            },
        }
    }
    context.settle();
    let host = host.ok_or_else(|| Failure::usage("no host name specified"))?;
    let query = if compress { "?compress=true" } else { "" };
    let there = context.open_store_url(&format!("ssh://{host}{query}"))?;
    let here = context.open_store()?;
    let (from, to) = if is_there {
        (here, there)
    } else {
        (there, here)
    };
    let mut paths = StorePathSet::new();
    for word in &words {
        paths.insert(one_path(from.as_ref(), word)?);
    }
    if include_outputs {
        let options = ClosureOptions {
            include_outputs: true,
            ..ClosureOptions::default()
        };
        paths = closure(from.as_ref(), paths, options)?;
    }
    let options = CopyOptions {
        repair: false,
        check_signatures: false,
        substitute,
        n_jobs: 1,
        events: ConsoleSink::shared(context),
    };
    copy_closure(from.as_ref(), to.as_ref(), &paths, &options)?;
    Ok(0)
}

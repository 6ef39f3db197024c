//! `realisation info`: what outputs of derivations were realised to.

use firn_settings::Feature;
use firn_store::BuildMode;
use firn_store_model::DerivedPath;
use serde_json::{Value, json};

use crate::installables::Installables;
use crate::verbs::Verb;
use crate::{Arg, Args, Context, Failure};

/// `realisation info INSTALLABLE…`.
pub static INFO: Verb = Verb {
    path: &["realisation", "info"],
    about: "show what outputs were realised to",
    usage: "[--json] INSTALLABLE…",
    only_firn: false,
    run,
};

fn run(context: &mut Context, args: &mut Args) -> Result<u8, Failure> {
    let mut installables = Installables::default();
    let mut as_json = false;
    while let Some(arg) = args.next() {
        match arg {
            Arg::Word(word) => installables.words.push(word),
            Arg::Flag(flag) if flag == "--json" => as_json = true,
            Arg::Flag(flag) => {
                if !installables.take(&flag, args, context)? {
                    context.take_common(&flag, args)?;
                }
            }
        }
    }
    context.settle();
    context.require(Feature::CaDerivations)?;
    let store = context.open_store()?;
    let wanted = installables.derived_paths(context, &store)?;
    let mut shown = Vec::new();
    let mut lines = String::new();
    for result in store.build_paths_with_results(&wanted, BuildMode::Normal)? {
        if !result.status.is_success() {
            return Err(Failure::message(result.error));
        }
        if let DerivedPath::Opaque(path) = &result.path {
            let path = store.store_dir().print(path);
            lines.push_str(&format!("{path}\n"));
            shown.push(json!({ "opaquePath": path }));
        }
        for built in result.outputs.into_values() {
            let realisation = store.query_realisation(&built.id)?.unwrap_or(built);
            let path = store.store_dir().print(&realisation.out_path);
            lines.push_str(&format!("{} {path}\n", realisation.id));
            shown.push(realisation.to_json());
        }
    }
    if as_json {
        context
            .console
            .print_line(Value::Array(shown).to_string())?;
    } else {
        context.console.print(lines)?;
    }
    Ok(0)
}

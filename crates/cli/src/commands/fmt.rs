//! `fmt` and `formatter …`: a project is formatted by the program that its flake names.

use super::run::App;
use crate::eval_flags::EvalFlags;
use crate::flakes::Role;
use crate::installables::Installables;
use crate::verbs::Verb;
use crate::{Arg, Args, Context, Failure, sources};

/// `fmt [ARGUMENT…]`.
pub static FMT: Verb = Verb {
    path: &["fmt"],
    about: "reformat your code in the standard style: build the formatter of the project's flake and run it",
    usage: "[-- ARGUMENT…]",
    only_firn: false,
    run,
};

/// `formatter run [ARGUMENT…]`.
pub static FORMATTER_RUN: Verb = Verb {
    path: &["formatter", "run"],
    ..FMT
};

/// `formatter build [-o LINK | --no-link]`.
pub static FORMATTER_BUILD: Verb = Verb {
    path: &["formatter", "build"],
    about: "build the formatter of the project's flake",
    usage: "[-o LINK | --no-link]",
    only_firn: false,
    run: build,
};

fn formatter(
    context: &Context,
    eval: &EvalFlags,
) -> Result<(std::sync::Arc<dyn firn_store::Store>, App), Failure> {
    let store = context.open_store()?;
    let installables = Installables {
        eval: eval.clone(),
        role: Role::Formatter,
        ..Installables::default()
    };
    let app = App::named_by(context, &installables, &store)?;
    Ok((store, app))
}

fn run(context: &mut Context, args: &mut Args) -> Result<u8, Failure> {
    let mut eval = EvalFlags::default();
    let mut rest = Vec::new();
    while let Some(arg) = args.next() {
        match arg {
            Arg::Word(word) => {
                rest.push(word);
                rest.extend(args.rest());
            }
            Arg::Flag(flag) => {
                if !eval.take(&flag, args, context)? {
                    context.take_common(&flag, args)?;
                }
            }
        }
    }
    context.settle();
    let context = &*context;
    let (store, app) = formatter(context, &eval)?;
    let root = app.source.clone();
    app.start(context, store.as_ref(), &rest, |command| {
        if let Some(root) = root {
            command.env("PRJ_ROOT", root);
        }
    })
}

fn build(context: &mut Context, args: &mut Args) -> Result<u8, Failure> {
    let mut eval = EvalFlags::default();
    let mut link = Some("result".to_owned());
    while let Some(arg) = args.next() {
        match arg {
            Arg::Word(word) => return Err(Failure::unexpected(&word)),
            Arg::Flag(flag) => match flag.as_str() {
                "-o" | "--out-link" => link = Some(args.value(&flag)?),
                "--no-link" => link = None,
                _ => {
                    if !eval.take(&flag, args, context)? {
                        context.take_common(&flag, args)?;
                    }
                }
            },
        }
    }
    context.settle();
    let context = &*context;
    let (store, app) = formatter(context, &eval)?;
    let program = app.build(context, store.as_ref())?;
    context.console.print_line(&program)?;
    if let Some(link) = link {
        let split = store.store_dir().split(program.as_bytes());
        let (path, _) = split.map_err(|error| Failure::message(error.to_string()))?;
        store.add_perm_root(&path, &sources::on_disk(&sources::absolute(&link)))?;
    }
    Ok(0)
}

//! `bundle` and `edit`: making something of a package, and opening the expression it comes from.

use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::Command;

use firn_eval::{ErrorKind, Symbol};
use firn_source::CanonicalPath;
use firn_store::BuildMode;
use firn_store_model::{DerivedPath, OutputsSpec, SingleDerivedPath};

use super::build::build;
use crate::evaluation::evaluate;
use crate::flakes::Role;
use crate::installables::Installables;
use crate::packages::Package;
use crate::verbs::Verb;
use crate::{Arg, Args, Context, Failure, sources, surroundings};

/// `bundle [--bundler FLAKE] [-o LINK] INSTALLABLE`.
pub static BUNDLE: Verb = Verb {
    path: &["bundle"],
    about: "make something that works elsewhere of a package",
    usage: "[-f FILE | --expr EXPR] [--bundler FLAKE] [-o LINK] [INSTALLABLE]",
    only_firn: false,
    run: bundle,
};

/// `edit INSTALLABLE`.
pub static EDIT: Verb = Verb {
    path: &["edit"],
    about: "open the expression of a package in an editor",
    usage: "[-f FILE | --expr EXPR] [INSTALLABLE]",
    only_firn: false,
    run: edit,
};

/// The bundler where none is named.
const DEFAULT_BUNDLER: &str = "github:NixOS/bundlers";

fn bundle(context: &mut Context, args: &mut Args) -> Result<u8, Failure> {
    let mut installables = Installables {
        role: Role::App,
        ..Installables::default()
    };
    let (mut bundler, mut link) = (DEFAULT_BUNDLER.to_owned(), None);
    while let Some(arg) = args.next() {
        match arg {
            Arg::Word(word) => installables.words.push(word),
            Arg::Flag(flag) => match flag.as_str() {
                "--bundler" => bundler = args.value(&flag)?,
                "-o" | "--out-link" => link = Some(args.value(&flag)?),
                _ => {
                    if !installables.take(&flag, args, context)? {
                        context.take_common(&flag, args)?;
                    }
                }
            },
        }
    }
    context.settle();
    let context = &*context;
    let store = context.open_store()?;
    let (drv, out, name) = evaluate(context, &installables.eval, &store, |evaluation| {
        let values = installables.values(evaluation)?;
        let value = *values.first().expect("no words stand for one value");
        let function = evaluation.flake_output(&bundler, Role::Bundler)?.value;
        let ctx = &mut *evaluation.ctx;
        let made = ctx.call(function, &[value])?;
        let made = ctx.force(made)?;
        if !ctx.is_derivation(made)? {
            let message = format!("the bundler '{bundler}' does not produce a derivation");
            return Err(ctx.error(ErrorKind::Eval, message).into());
        }
        let package = Package { value: made };
        let drv = package.required_drv_path(ctx)?;
        let set = ctx.attrs(made, "")?;
        let out = ctx.attr(set, Symbol::intern(b"outPath"), "")?;
        let out = ctx.str(out, "")?.bytes().to_vec();
        Ok((drv, out, package.name(ctx)?))
    })?;
    let parse = |text: &[u8]| {
        let parsed = store.store_dir().parse(text);
        parsed.map_err(|it| Failure::message(it.to_string()))
    };
    let path = DerivedPath::Built {
        drv: SingleDerivedPath::Opaque(parse(drv.as_bytes())?).into(),
        outputs: OutputsSpec::All,
    };
    build(context, store.as_ref(), &[path], BuildMode::Normal)?;
    let link = sources::on_disk(&sources::absolute(&link.unwrap_or(name)));
    store.add_perm_root(&parse(&out)?, &link)?;
    Ok(0)
}

fn edit(context: &mut Context, args: &mut Args) -> Result<u8, Failure> {
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
    let context = &*context;
    let store = context.open_store()?;
    let what = installables
        .words
        .first()
        .cloned()
        .unwrap_or_else(|| ".".to_owned());
    let (file, line) = evaluate(context, &installables.eval, &store, |evaluation| {
        let values = installables.values(evaluation)?;
        let value = *values.first().expect("no words stand for one value");
        let ctx = &mut *evaluation.ctx;
        let empty = ctx.new_empty_set().as_set().expect("a set was made");
        let found = ctx.catch(|ctx| {
            let (position, _) = ctx.find_along_path(b"meta.position", empty, value)?;
            let text = ctx.str(position, "")?;
            Ok(String::from_utf8_lossy(text.bytes()).into_owned())
        });
        let unknown = || {
            Failure::message(format!(
                "package '{what}' has no source location information"
            ))
        };
        let position = found.map_err(|_| unknown())?;
        let (file, line) = position.rsplit_once(':').ok_or_else(unknown)?;
        let file = evaluation
            .host
            .original_place(&CanonicalPath::new(file.as_bytes()));
        Ok((file, line.parse::<u32>().unwrap_or(0)))
    })?;
    let editor = surroundings::filled("EDITOR").unwrap_or_else(|| "cat".to_owned());
    let mut words = editor.split_whitespace();
    let mut command = Command::new(words.next().unwrap_or("cat"));
    command.args(words);
    let takes_line = ["emacs", "nano", "vim", "kak"];
    if line > 0 && takes_line.iter().any(|it| editor.contains(it)) {
        command.arg(format!("+{line}"));
    }
    let file: PathBuf = file;
    command.arg(file);
    let error = command.exec();
    Err(Failure::message(format!(
        "cannot run command '{editor}': {error}"
    )))
}

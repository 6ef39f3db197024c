//! `eval`: the value of an expression.

use std::io::IsTerminal as _;
use std::path::Path;

use firn_eval::{Coercion, ErrorKind, PrintOptions, Scope, Val};
use firn_source::FileOrigin;

use crate::evaluation::{Evaluation, Stop, evaluate};
use crate::installables::Installables;
use crate::output::{self, Format};
use crate::verbs::Verb;
use crate::{Arg, Args, Context, Failure, sources};

/// `eval [--raw|--json] [--apply FUNCTION] (--expr EXPR | -f FILE) [ATTRIBUTE]`.
pub static EVAL: Verb = Verb {
    path: &["eval"],
    about: "evaluate an expression and print its value",
    usage: "[--raw|--json] [--apply FUNCTION] [--write-to PATH] [--impure] (--expr EXPR | -f FILE) [ATTRIBUTE]",
    only_firn: false,
    run,
};

struct Wanted {
    installables: Installables,
    format: Format,
    apply: Option<String>,
    write_to: Option<String>,
    pretty: bool,
}

fn run(context: &mut Context, args: &mut Args) -> Result<u8, Failure> {
    let mut wanted = Wanted {
        installables: Installables::default(),
        format: Format::Plain,
        apply: None,
        write_to: None,
        pretty: std::io::stdout().is_terminal(),
    };
    let (mut raw, mut json, mut writes) = (false, false, true);
    while let Some(arg) = args.next() {
        match arg {
            Arg::Word(word) if wanted.installables.words.is_empty() => {
                wanted.installables.words.push(word);
            }
            Arg::Word(word) => return Err(Failure::unexpected(&word)),
            Arg::Flag(flag) => match flag.as_str() {
                "--raw" => raw = true,
                "--json" => json = true,
                "--pretty" => wanted.pretty = true,
                "--no-pretty" => wanted.pretty = false,
                "--read-only" => writes = false,
                "--apply" => wanted.apply = Some(args.value(&flag)?),
                "--write-to" => wanted.write_to = Some(args.value(&flag)?),
                _ => {
                    if !wanted.installables.take(&flag, args, context)? {
                        context.take_common(&flag, args)?;
                    }
                }
            },
        }
    }
    context.read_only |= !writes;
    context.settle();
    if raw && json {
        return Err(Failure::usage("--raw and --json are mutually exclusive"));
    }
    wanted.format = match (raw, json) {
        (true, _) => Format::Raw,
        (_, true) => Format::Json,
        _ => Format::Plain,
    };
    context.take_flake_settings(&wanted.installables)?;
    let context = &*context;
    let store = context.open_store()?;
    let work = |evaluation: &mut Evaluation<'_, '_>| {
        let mut shown = Vec::new();
        for value in wanted.installables.values(evaluation)? {
            let value = wanted.applied(evaluation, value)?;
            wanted.show(evaluation, value, &mut shown)?;
        }
        Ok(shown)
    };
    let question = wanted.installables.question(context, &store, "value");
    let shown = match question.filter(|_| wanted.write_to.is_none()) {
        Some(mut question) => {
            let what = (wanted.format, wanted.pretty, &wanted.apply);
            let what = format!("{what:?}");
            question.words.push(what);
            question.answer(context, &store, work)?
        }
        None => evaluate(context, &wanted.installables.eval, &store, work)?,
    };
    context.console.print(shown)?;
    Ok(0)
}

impl Wanted {
    fn applied<'h>(
        &self,
        evaluation: &mut Evaluation<'_, 'h>,
        value: Val<'h>,
    ) -> Result<Val<'h>, Stop> {
        let Some(text) = &self.apply else {
            return Ok(value);
        };
        let ctx = &mut *evaluation.ctx;
        let file = ctx.add_source(FileOrigin::String, text.as_bytes().into());
        let function = ctx.eval_source(file, &sources::here(), &Scope::new())?;
        let result = ctx.call(function, &[value])?;
        ctx.pin(result);
        Ok(result)
    }

    fn show<'h>(
        &self,
        evaluation: &mut Evaluation<'_, 'h>,
        value: Val<'h>,
        shown: &mut Vec<u8>,
    ) -> Result<(), Stop> {
        if let Some(path) = &self.write_to {
            let path = sources::on_disk(&sources::absolute(path));
            if path.exists() {
                let message = format!("path '\"{}\"' already exists", path.display());
                return Err(Failure::message(message).into());
            }
            return write_tree(evaluation, value, &path);
        }
        let ctx = &mut *evaluation.ctx;
        match self.format {
            Format::Raw => {
                let doing = "while generating the eval command output";
                let coercion = Coercion {
                    copy_to_store: true,
                    ..Coercion::default()
                };
                shown.extend_from_slice(&ctx.coerce(value, coercion, doing)?.0);
            }
            Format::Json => {
                let json = output::json_in_place(ctx, value)?;
                shown.extend(if self.pretty {
                    output::pretty_json(&json)
                } else {
                    json
                });
                shown.push(b'\n');
            }
            Format::Plain | Format::Xml => {
                let options = PrintOptions {
                    force: true,
                    derivation_paths: true,
                    ..PrintOptions::default()
                };
                ctx.print(value, options, shown)?;
                shown.push(b'\n');
            }
        }
        Ok(())
    }
}

/// Writes a string to a file, a set of strings to a directory.
fn write_tree<'h>(
    evaluation: &mut Evaluation<'_, 'h>,
    value: Val<'h>,
    path: &Path,
) -> Result<(), Stop> {
    let failed =
        |error: &std::io::Error| Failure::message(format!("writing '{}': {error}", path.display()));
    let value = evaluation.ctx.force(value)?;
    if let Some(text) = value.as_str() {
        std::fs::write(path, text.bytes()).map_err(|it| failed(&it))?;
        return Ok(());
    }
    let Some(set) = value.as_set() else {
        let error = evaluation.ctx.error(
            ErrorKind::Type,
            "value at «none»:0 is not a string or an attribute set",
        );
        return Err(error.into());
    };
    std::fs::create_dir(path).map_err(|it| failed(&it))?;
    for (name, member) in evaluation.ctx.attrs_by_name(set) {
        let name = String::from_utf8_lossy(name.as_bytes()).into_owned();
        if matches!(name.as_str(), "." | "..") || name.contains('/') {
            return Err(Failure::message(format!("invalid file name '{name}'")).into());
        }
        match write_tree(evaluation, member, &path.join(&name)) {
            Err(Stop::Evaluation(fail)) => {
                let doing = format!("while evaluating the attribute '{name}'");
                return Err(evaluation.ctx.trace(fail, None, doing).into());
            }
            other => other?,
        }
    }
    Ok(())
}

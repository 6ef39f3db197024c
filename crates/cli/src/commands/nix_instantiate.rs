//! `nix-instantiate`: evaluates expressions, prints them as parsed, or writes their derivations.

use std::path::PathBuf;

use firn_eval::{Coercion, Val};

use crate::eval_flags::EvalFlags;
use crate::evaluation::{AutoArgs, Evaluation, Stop, evaluate};
use crate::output::{self, Format};
use crate::packages::{Package, derivations_in};
use crate::sources::{self, Text};
use crate::{Arg, Args, Context, Failure};

/// What the command line asks for.
#[derive(Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "one for each flag")]
struct Wanted {
    eval: EvalFlags,
    files: Vec<String>,
    attr_paths: Vec<String>,
    from_stdin: bool,
    from_words: bool,
    find_file: bool,
    eval_only: bool,
    parse_only: bool,
    read_write: bool,
    strict: bool,
    root: Option<String>,
    format: Format,
    without_location: bool,
}

/// Runs `nix-instantiate`.
pub fn run(context: &mut Context, args: &mut Args) -> Result<u8, Failure> {
    let mut wanted = Wanted::default();
    while let Some(arg) = args.next() {
        match arg {
            Arg::Word(word) => wanted.files.push(word),
            Arg::Flag(flag) if context.took_version(&flag)? => return Ok(0),
            Arg::Flag(flag) => wanted.take(&flag, args, context)?,
        }
    }
    if wanted.eval_only && !wanted.read_write {
        context.read_only = true;
    }
    if wanted.attr_paths.is_empty() {
        wanted.attr_paths.push(String::new());
    }
    context.settle();
    let store = if wanted.eval_only && !wanted.read_write {
        context.open_store_for_reading()?
    } else {
        context.open_store()?
    };
    let context = &*context;
    evaluate(context, &wanted.eval, &store, |evaluation| {
        let mut printer = Printer {
            wanted: &wanted,
            n_roots: 0,
        };
        printer.run(evaluation)
    })?;
    Ok(0)
}

impl Wanted {
    fn take(&mut self, flag: &str, args: &mut Args, context: &mut Context) -> Result<(), Failure> {
        match flag {
            "-" => self.from_stdin = true,
            "-E" | "--expr" => self.from_words = true,
            "--eval" | "--eval-only" => self.eval_only = true,
            "--read-write-mode" => self.read_write = true,
            "--parse" | "--parse-only" => {
                self.parse_only = true;
                self.eval_only = true;
            }
            "--find-file" => self.find_file = true,
            "-A" | "--attr" => self.attr_paths.push(args.plain_value(flag)?),
            "--add-root" => self.root = Some(args.plain_value(flag)?),
            "--indirect" => {}
            "--raw" => self.format = Format::Raw,
            "--xml" => self.format = Format::Xml,
            "--json" => self.format = Format::Json,
            "--no-location" => self.without_location = true,
            "--strict" => self.strict = true,
            "--dry-run" => context.read_only = true,
            _ => {
                if !self.eval.take(flag, args, context)? {
                    context.take_common(flag, args)?;
                }
            }
        }
        Ok(())
    }
}

struct Printer<'a> {
    wanted: &'a Wanted,
    n_roots: usize,
}

impl Printer<'_> {
    fn run(&mut self, evaluation: &mut Evaluation<'_, '_>) -> Result<(), Stop> {
        let wanted = self.wanted;
        if wanted.find_file {
            for name in &wanted.files {
                let path = evaluation.find_file(name)?;
                let console = evaluation.context.console;
                console.print_line(path.path.as_bytes())?;
            }
            return Ok(());
        }
        let args = evaluation.auto_args()?;
        let mut files = wanted.files.clone();
        if wanted.from_stdin {
            let text = Text::of_stdin()?;
            self.one_text(evaluation, &text, args)?;
        } else if files.is_empty() && !wanted.from_words {
            files.push("./default.nix".to_owned());
        }
        for word in &files {
            let text = if wanted.from_words {
                Text::of_words(word)
            } else {
                evaluation.text_of_file(word)?
            };
            self.one_text(evaluation, &text, args)?;
        }
        Ok(())
    }

    fn one_text<'h>(
        &mut self,
        evaluation: &mut Evaluation<'_, 'h>,
        text: &Text,
        args: AutoArgs<'h>,
    ) -> Result<(), Stop> {
        if self.wanted.parse_only {
            let file = evaluation
                .ctx
                .add_source(text.origin.clone(), text.bytes.clone());
            let shown = evaluation.ctx.show_source(file, &text.base)?;
            evaluation.context.console.print_line(shown)?;
            return Ok(());
        }
        let value = evaluation.value_of_text(text)?;
        for path in &self.wanted.attr_paths {
            let (found, _) = evaluation
                .ctx
                .find_along_path(path.as_bytes(), args, value)?;
            let found = evaluation.ctx.force(found)?;
            if self.wanted.eval_only {
                self.print_value(evaluation, found, args)?;
            } else {
                self.print_derivations(evaluation, found, args)?;
            }
        }
        Ok(())
    }

    fn print_value<'h>(
        &self,
        evaluation: &mut Evaluation<'_, 'h>,
        value: Val<'h>,
        args: AutoArgs<'h>,
    ) -> Result<(), Stop> {
        let value = if evaluation.flags.auto_args.is_empty() {
            value
        } else {
            evaluation.ctx.auto_call(value, args)?
        };
        let strict = self.wanted.strict;
        let ctx = &mut *evaluation.ctx;
        let shown = match self.wanted.format {
            Format::Raw => {
                let doing = "while generating the nix-instantiate output";
                ctx.coerce(value, Coercion::default(), doing)?.0
            }
            Format::Xml => output::xml(ctx, value, strict, !self.wanted.without_location)?,
            Format::Json => {
                let mut shown = output::json(ctx, value, strict)?;
                shown.push(b'\n');
                shown
            }
            Format::Plain => {
                let value = if strict {
                    ctx.force_deep(value)?
                } else {
                    value
                };
                let mut shown = Vec::new();
                ctx.print_plain(value, &mut shown)?;
                shown.push(b'\n');
                shown
            }
        };
        evaluation.context.console.print(shown)?;
        Ok(())
    }

    fn print_derivations<'h>(
        &mut self,
        evaluation: &mut Evaluation<'_, 'h>,
        value: Val<'h>,
        args: AutoArgs<'h>,
    ) -> Result<(), Stop> {
        for package in derivations_in(evaluation.ctx, value, args)? {
            self.print_derivation(evaluation, package)?;
        }
        Ok(())
    }

    fn print_derivation<'h>(
        &mut self,
        evaluation: &mut Evaluation<'_, 'h>,
        package: Package<'h>,
    ) -> Result<(), Stop> {
        let path = package.required_drv_path(evaluation.ctx)?;
        let output = package.output_name(evaluation.ctx)?;
        if output.is_empty() {
            let message = format!("derivation '{path}' lacks an 'outputName' attribute");
            return Err(Failure::message(message).into());
        }
        let context = evaluation.context;
        let shown = match &self.wanted.root {
            None => {
                context.warn_without_root();
                path
            }
            Some(root) => {
                evaluation.host.flush()?;
                let store = evaluation.host.store();
                let link = numbered(root, &mut self.n_roots);
                let path = store
                    .store_dir()
                    .parse(&path)
                    .map_err(|it| Failure::message(it.to_string()))?;
                let link = store.add_perm_root(&path, &link)?;
                link.to_string_lossy().into_owned()
            }
        };
        let output = if output == "out" {
            String::new()
        } else {
            format!("!{output}")
        };
        context.console.print_line(format!("{shown}{output}"))?;
        Ok(())
    }
}

/// The name of the next link: the second and later ones get a number.
pub(super) fn numbered(root: &str, n_roots: &mut usize) -> PathBuf {
    *n_roots += 1;
    let path = sources::absolute(root).path.to_string();
    PathBuf::from(if *n_roots > 1 {
        format!("{path}-{n_roots}")
    } else {
        path
    })
}

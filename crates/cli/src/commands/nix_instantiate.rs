//! `nix-instantiate`: evaluates expressions, prints them as parsed, or writes their derivations.

use std::sync::Arc;

use firn_source::FileTable;

use crate::eval_flags::EvalFlags;
use crate::parse_text::show_parsed;
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
    output: Output,
    without_location: bool,
}

/// How a value is printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Output {
    #[default]
    Plain,
    Raw,
    Xml,
    Json,
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
    context.settle();
    let mut texts = Vec::new();
    if wanted.from_stdin {
        texts.push(Text::of_stdin()?);
    } else if wanted.files.is_empty() && !wanted.from_words {
        wanted.files.push("./default.nix".to_owned());
    }
    let files = Arc::new(FileTable::new());
    if wanted.parse_only {
        let options = sources::parse_options(&context.settings);
        for word in &wanted.files {
            texts.push(if wanted.from_words {
                Text::of_words(word)
            } else {
                Text::of_file(word)?
            });
        }
        for text in texts {
            let mut shown = show_parsed(&text, &options, &context.console, &files)?;
            shown.push(b'\n');
            context.console.print(shown)?;
        }
        return Ok(0);
    }
    Err(Failure::message("nothing but '--parse' is there yet"))
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
            "--raw" => self.output = Output::Raw,
            "--xml" => self.output = Output::Xml,
            "--json" => self.output = Output::Json,
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

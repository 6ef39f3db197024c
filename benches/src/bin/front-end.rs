//! How fast texts become code on one core: each step of the front end over every `.nix` file of
//! some folders, in one process.
//!
//! The steps are cumulative: tokens, the grammar with a sink that builds nothing, the expressions,
//! the code with resolved names. What is reported is processor time of the working thread where the
//! system tells it, so that a busy machine disturbs less; the best of a few rounds counts.
//!
//! ```text
//! cargo run --release -p firn-benches --bin front-end -- path/to/nixpkgs
//! ```
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "the table is what this program is for"
)]

use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::Parser;
use firn_ir::{BuiltinCall, Globals, ParseOptions, lower, parse_text};
use firn_parser::{NullSink, lex, parse};
use firn_source::FileId;
use firn_symbol::Symbol;

/// Measure the front end over all files of some folders.
#[derive(Parser)]
struct Arguments {
    /// Folders with `.nix` files
    #[arg(required = true)]
    folders: Vec<PathBuf>,
    /// Rounds of each step
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Only the step whose name contains this
    #[arg(long)]
    only: Option<String>,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let mut texts = Vec::new();
    for folder in &arguments.folders {
        if let Err(error) = collect(folder, &mut texts) {
            eprintln!("front-end: {}: {error}", folder.display());
            return ExitCode::FAILURE;
        }
    }
    firn_eval::on_large_stack(|| measure(&arguments, &texts));
    ExitCode::SUCCESS
}

/// Reads every `.nix` file below a folder; links are not followed.
fn collect(folder: &Path, texts: &mut Vec<Vec<u8>>) -> std::io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let kind = entry.file_type()?;
        let path = entry.path();
        if kind.is_dir() {
            collect(&path, texts)?;
        } else if kind.is_file() && path.extension().is_some_and(|extension| extension == "nix") {
            texts.push(std::fs::read(path)?);
        }
    }
    Ok(())
}

/// What is done with one text.
type Step<'a> = &'a dyn Fn(&[u8]);

fn measure(arguments: &Arguments, texts: &[Vec<u8>]) {
    let bytes: usize = texts.iter().map(Vec::len).sum();
    println!("{} files, {:.1} MB", texts.len(), bytes as f64 / 1e6);
    let options = ParseOptions::default();
    let globals = globals();
    let steps: [(&str, Step<'_>); 4] = [
        ("tokens", &|text| {
            black_box(lex(text));
        }),
        ("grammar", &|text| {
            let table = lex(text);
            black_box(parse(&table, &mut NullSink, &options));
        }),
        ("expressions", &|text| {
            let file = FileId(0);
            drop(black_box(parse_text(text, file, &options, &|_| {
                String::new()
            })));
        }),
        ("code", &|text| {
            let file = FileId(0);
            if let Ok(text) = parse_text(text, file, &options, &|_| String::new()) {
                let resolve = |literal: &[u8]| literal.to_vec();
                // Names that only other crates define are missing here; that costs nothing.
                drop(black_box(lower(
                    &text.ast,
                    text.root,
                    &globals,
                    &[],
                    &resolve,
                )));
            }
        }),
    ];
    for (name, step) in steps {
        if arguments
            .only
            .as_ref()
            .is_some_and(|only| !name.contains(only.as_str()))
        {
            continue;
        }
        let best = (0..arguments.rounds.max(1))
            .map(|_| {
                let clock = Clock::start();
                for text in texts {
                    step(text);
                }
                clock.elapsed()
            })
            .min()
            .unwrap_or_default();
        let rate = bytes as f64 / 1e6 / best.as_secs_f64();
        println!("{name:12} {:7.3} s {rate:7.1} MB/s", best.as_secs_f64());
    }
}

/// The names that code may use without defining them.
fn globals() -> Globals {
    let mut globals = Globals::default();
    for name in ["builtins", "true", "false", "null"] {
        let global = globals.add(None);
        globals.name(Symbol::intern(name.as_bytes()), global);
    }
    for (id, builtin) in firn_builtins::all().iter().enumerate() {
        let global = globals.add(Some(BuiltinCall {
            id: id as u32,
            arity: builtin.arity() as u8,
            strict: builtin.strict,
        }));
        globals.name(Symbol::intern(builtin.name.as_bytes()), global);
        globals.member(Symbol::intern(builtin.plain_name().as_bytes()), global);
    }
    globals
}

/// Processor time of this thread, or wall-clock time where that is not to be had.
struct Clock {
    processor: Option<Duration>,
    wall: Instant,
}

impl Clock {
    fn start() -> Self {
        Self {
            processor: Self::processor(),
            wall: Instant::now(),
        }
    }

    fn processor() -> Option<Duration> {
        let text = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
        let nanoseconds = text.split_whitespace().next()?.parse().ok()?;
        Some(Duration::from_nanos(nanoseconds))
    }

    fn elapsed(&self) -> Duration {
        match (self.processor, Self::processor()) {
            (Some(start), Some(end)) => end.saturating_sub(start),
            _ => self.wall.elapsed(),
        }
    }
}

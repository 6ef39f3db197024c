//! The binary `firn`, and the commands it answers to by other names.
//!
//! By its name a call is one [`Program`]; a program is either a set of verbs (`firn`, `nix`) or one
//! command of the older kind. Each command is a file below [`commands`]; it parses its arguments
//! with [`args`], hands settings and flags to libraries, and prints results. This crate is the only
//! one that reads the environment, prints, and decides on exit codes.
//!
//! What must hold: stdout carries results only, everything else goes to stderr; under the
//! reference's names, output and messages are the reference's; nothing is done before dispatch that
//! a command may not need, because starting up is part of every run.

#![allow(
    clippy::format_push_string,
    reason = "text for people is put together here; none of it is hot"
)]

pub mod args;
pub mod building;
pub mod commands;
pub mod common;
pub mod completions;
pub mod console;
pub mod context;
pub mod debugging;
pub mod entering;
mod escapes;
pub mod eval_flags;
pub mod evaluation;
pub mod failure;
pub mod fetching;
pub mod flake_config;
pub mod flakes;
mod focus;
pub mod hooks;
pub mod installables;
pub mod interruption;
pub mod log_sink;
pub mod machines;
pub mod named;
mod nested;
pub mod output;
pub mod packages;
pub mod profiles;
pub mod program;
pub mod progress;
mod raw_bytes;
pub mod remembering;
pub mod render;
pub mod report;
pub mod services;
pub mod shebang;
pub mod size;
pub mod sources;
pub mod stores;
pub mod suggest;
pub mod surroundings;
pub mod transcript;
pub mod verbs;
pub mod voice;
mod watching;

use std::ffi::OsString;
use std::process::ExitCode;

pub use args::{Arg, Args};
pub use console::Console;
pub use context::Context;
pub use failure::Failure;
pub use program::Program;
pub use report::{Frame, Report};

/// Runs the program that the first argument names with the rest of them.
pub fn main(argv: impl Iterator<Item = OsString>) -> ExitCode {
    let argv: Vec<OsString> = argv.collect();
    if argv.get(1).is_some_and(|it| it == entering::IN_STORE_VIEW) {
        return entering::serve_in_store_view(&argv[2..]);
    }
    if argv
        .get(1)
        .is_some_and(|it| it == entering::AS_ORDINARY_USER)
    {
        return entering::serve_as_ordinary_user(&argv[2..]);
    }
    if argv.get(1).is_some_and(|it| it == debugging::DEBUG_SHELL) {
        return debugging::serve(&argv[2..]);
    }
    let mut argv = argv.iter().map(|it| it.to_string_lossy().into_owned());
    let called_as = argv.next().unwrap_or_else(|| "firn".to_owned());
    let program = Program::named(&called_as);
    let mut argv = argv.peekable();
    if argv.peek().is_some_and(|it| it == building::LAUNCHER) {
        return match firn_sys::launcher::serve_standard_input() {
            Ok(()) => ExitCode::SUCCESS,
            Err(_) => ExitCode::FAILURE,
        };
    }
    let argv: Vec<String> = argv.collect();
    if let [first, second, shell] = argv.as_slice()
        && (first.as_str(), second.as_str()) == ("hook", "export")
        && program.is_firn()
        && hooks::Shell::named(shell).is_some_and(hooks::Shell::takes_nothing)
        && commands::hook::has_nothing_to_do()
    {
        return ExitCode::SUCCESS;
    }
    interruption::watch();
    let mut args = Args::new(argv);
    let console = Console::new(program);
    let outcome = Context::new(program, &called_as, console)
        .and_then(|mut context| commands::dispatch(&mut context, &mut args));
    voice::end();
    ExitCode::from(match (outcome, interruption::signal()) {
        (Ok(code), _) => code,
        (Err(_), Some(signal)) => interruption::show(&console, program, signal),
        (Err(failure), None) => failure.show(&console, &called_as),
    })
}

//! `enter`: the user's own shell in a place where the store's paths are what they say.
//!
//! A rootless store lies below the user's data directory, and only inside a namespace of its own
//! can programs from it run by themselves. Where `/nix` is real this is just a login shell.

use std::ffi::OsString;
use std::path::Path;

use crate::entering::{replace, viewed};
use crate::verbs::Verb;
use crate::{Arg, Args, Context, Failure};

/// `enter`.
pub static ENTER: Verb = Verb {
    path: &["enter"],
    about: "start your login shell where the store's paths exist",
    usage: "[-c COMMAND ARGUMENT…]",
    only_firn: true,
    run,
};

fn run(context: &mut Context, args: &mut Args) -> Result<u8, Failure> {
    let mut command = Vec::new();
    while let Some(arg) = args.next() {
        match arg {
            Arg::Word(word) => return Err(Failure::unexpected(&word)),
            Arg::Flag(flag) if flag == "-c" || flag == "--command" => command = args.rest(),
            Arg::Flag(flag) => context.take_common(&flag, args)?,
        }
    }
    context.settle();
    let store = context.open_store()?;
    let mut program = if command.is_empty() {
        let shell: OsString = std::env::var_os("SHELL")
            .filter(|it| !it.is_empty())
            .unwrap_or_else(|| "/bin/sh".into());
        let mut program = viewed(store.as_ref(), Path::new(&shell));
        program.arg("-l");
        program
    } else {
        let mut program = viewed(store.as_ref(), Path::new("/usr/bin/env"));
        program.args(&command);
        program
    };
    program.env("FIRN_ENTERED", store.store_dir().as_str());
    replace(program)
}

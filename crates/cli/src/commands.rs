//! All commands: one file each, one line here.

pub mod config;

use crate::verbs::{self, Verb};
use crate::{Args, Context, Failure, Program};

/// The verbs of `firn` and `nix`, sorted.
static VERBS: &[&Verb] = &[&config::SHOW];

/// Runs what the program's name asks for.
pub fn dispatch(context: &mut Context, args: &mut Args) -> Result<u8, Failure> {
    match context.program {
        Program::Firn | Program::Nix => verbs::run(VERBS, context, args),
        other => Err(Failure::message(format!(
            "there is no command '{}' yet",
            other.name()
        ))),
    }
}

//! All commands: one file each, one line here.

pub mod config;
pub mod hash;

use crate::verbs::{self, Verb};
use crate::{Args, Context, Failure, Program};

/// The verbs of `firn` and `nix`, sorted.
static VERBS: &[&Verb] = &[
    &config::SHOW,
    &hash::CONVERT,
    &hash::FILE,
    &hash::TO_BASE16,
    &hash::TO_BASE32,
    &hash::TO_BASE64,
    &hash::TO_SRI,
];

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

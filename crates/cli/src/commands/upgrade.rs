//! `upgrade-nix`: the reference replaces itself; Firn does not.

use crate::verbs::Verb;
use crate::{Args, Context, Failure};

/// `upgrade-nix`.
pub static UPGRADE_NIX: Verb = Verb {
    path: &["upgrade-nix"],
    about: "refused: Firn does not replace itself",
    usage: "",
    only_firn: false,
    run,
};

fn run(_context: &mut Context, _args: &mut Args) -> Result<u8, Failure> {
    Err(Failure::message(
        "this is Firn, which does not replace itself: upgrade it the way it was installed",
    ))
}

//! Flakes: references, what `flake.nix` says, lock files, and the values they stand for.
//!
//! A [`FlakeRef`] names a flake: an input of the fetchers, and a directory in it. [`get_flake`]
//! fetches it and reads what it says of itself, which evaluates nothing. [`lock_flake`] finds out
//! what its inputs are, starting from its lock file, and [`call_flake`] makes the value of it all.
//!
//! Errors are failures of evaluation, with what was being done as their trace.

mod builtins;
mod call;
mod definition;
mod lock;
mod lock_file;
mod reference;

pub use builtins::BUILTINS;
pub use call::call_flake;
pub use definition::{Flake, FlakeInput, FlakeInputs, get_flake, read_flake};
pub use lock::{LockFlags, LockedFlake, lock_flake, read_lock_file};
pub use lock_file::{
    Edge, InputPath, Keys, LockFile, Locked, Node, describe, parse_path, show_path, without_colours,
};
pub use reference::{FlakeRef, RefOptions};

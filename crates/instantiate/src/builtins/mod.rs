//! The builtins that name, make or read store objects. They belong to a
//! [`StoreHost`](crate::StoreHost) and are registered together with it.

mod closures;
mod derivation;
mod derivation_strict;
mod fetchers;
mod paths;
mod texts;

use firn_eval::Builtin;

/// All of them.
pub fn all() -> Vec<Builtin> {
    [
        closures::BUILTINS,
        derivation::BUILTINS,
        derivation_strict::BUILTINS,
        fetchers::BUILTINS,
        paths::BUILTINS,
        texts::BUILTINS,
    ]
    .concat()
}

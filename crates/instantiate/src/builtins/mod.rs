//! The builtins that name, make or read store objects. They belong to a
//! [`StoreHost`](crate::StoreHost) and are registered together with it.

mod closures;
mod derivation;
mod derivation_strict;
mod fetch_mercurial;
mod fetch_tree;
mod fetchers;
mod paths;
mod texts;

use firn_eval::Builtin;

pub use fetch_tree::{FETCH_FINAL_TREE, public_keys, tree_attrs};
pub use fetchers::fetch_failed;

/// All of them.
pub fn all() -> Vec<Builtin> {
    [
        closures::BUILTINS,
        derivation::BUILTINS,
        derivation_strict::BUILTINS,
        fetch_mercurial::BUILTINS,
        fetch_tree::BUILTINS,
        fetchers::BUILTINS,
        paths::BUILTINS,
        texts::BUILTINS,
    ]
    .concat()
}

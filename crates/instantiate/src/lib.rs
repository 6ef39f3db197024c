//! Where the language meets the store.
//!
//! Evaluation knows no store and the store knows no value; this crate has both. It implements the
//! evaluator's `Host` over a store, and contributes the builtins that name or read store objects.
//! What follows from texts alone is kept apart from values, so that it can be tested without an
//! evaluator: a [`Recipe`] becomes a derivation, a search path is taken apart, what is named is
//! queued in [`Pending`] and written in batches.

mod allowed;
mod builtins;
mod derived;
mod embedded;
mod files;
mod host;
mod mounts;
mod observer;
mod pending;
mod recipe;
pub mod search_path;
mod source_tree;

pub use builtins::all as builtins;
pub use builtins::{FETCH_FINAL_TREE, fetch_failed, public_keys, tree_attrs};
pub use derived::single_path_of;
pub use embedded::EmbeddedFiles;
pub use host::{Environment, FetchPlace, Library, Messages, OpenCache, StoreHost, Surroundings};
pub use observer::Observer;
pub use pending::Pending;
pub use recipe::{Instantiated, Recipe, RecipeError};
pub use source_tree::Source;

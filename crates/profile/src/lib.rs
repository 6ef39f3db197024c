//! Profiles: what is installed for someone, and how that changes.
//!
//! Two kinds of profiles share the generations of [`firn_store::profile`]. The older kind is a *user
//! environment*: a derivation whose `manifest.nix` lists what is installed, as values of the
//! language (`element`, `search`, `select`, `installed`, `user_env`). The newer kind is a tree of
//! links made here, whose `manifest.json` says where each package is from (`manifest`). Beside them
//! stand what both need: names with versions (`name`), which versions two closures differ in
//! (`closure_difference`), and subscriptions to package collections (`channels`).
//!
//! Absences: nothing here reads the environment, the home directory or settings, and nothing is
//! printed; what a user is told goes through an event sink or is returned.

pub mod channels;
pub mod closure_difference;
mod element;
mod error;
mod installed;
pub mod manifest;
mod name;
mod search;
mod select;
mod sources;
pub mod table;
mod user_env;
pub mod xml;

pub use element::{Element, MetaKind, Outputs, kind_of_meta};
pub use error::ProfileError;
pub use installed::{in_environment, installed};
pub use name::{PackageName, Selector, compare_versions};
pub use search::{Found, derivations_in, elements_in};
pub use select::{
    Compared, UpgradeRule, VersionDifference, best_upgrade, by_selectors, compare_with, compared,
    sort_by_name,
};
pub use sources::{Expressions, load_expressions};
pub use user_env::{BuildRequest, create_user_environment, is_prebuilt, profile_token};

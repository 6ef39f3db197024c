//! Every setting: its name, type, default and documentation, and how files, environment and flags
//! are layered into one set of values.
//!
//! The table is written theme by theme in [`themes`]: a field with a doc comment, a Nix name and a
//! default is all it takes to add a setting. Other crates are handed the plain struct of their
//! theme ([`EvalSettings`], [`BuildSettings`], …) or a whole [`Settings`].
//!
//! The crate reads no environment: a function that looks variables up is passed to
//! [`Machine::detect`] and [`Sources::locate`]. It prints nothing: warnings are collected.
//!
//! Usual order: `Machine::detect`, [`Settings::new`], [`Settings::load`], flags by
//! [`Settings::flag`] and [`Settings::apply_flag`], [`Settings::take_warnings`].

mod choice;
mod error;
mod feature;
mod files;
mod flags;
mod machine;
mod settings;
mod show;
mod table;
mod themes;
mod typed;

#[cfg(test)]
mod tests;

pub use choice::{
    EvalProfiler, ExternalBuilder, ExternalBuilders, Jobs, LintLevel, SandboxMode, SandboxPaths,
    SandboxSource,
};
pub use error::Error;
pub use feature::{Feature, FeatureSet};
pub use flags::Flag;
pub use machine::{Environment, Machine, Sources, split_search_path};
pub use settings::Settings;
pub use table::Row;
pub use themes::build::BuildSettings;
pub use themes::eval::EvalSettings;
pub use themes::firn::FirnSettings;
pub use themes::interface::InterfaceSettings;
pub use themes::sandbox::SandboxSettings;
pub use themes::sources::SourceSettings;
pub use themes::store::StoreSettings;
pub use themes::transfer::TransferSettings;
pub use typed::{FlagShape, Typed};

//! The pure builtins of the Nix language, by theme, in one registry.
//!
//! Two kinds of modules live here. Those over bytes know nothing of the evaluator and can be tested
//! alone: [`regex`], [`json`], [`toml`], [`xml`], [`version`], [`merge_sort`]. The others hold the
//! builtins themselves, each in a function of its own name: `types`, `arithmetic`, `lists`, `sort`,
//! `attrs`, `gather`, `closure`, `strings`, `patterns`, `versions`, `hashing`, `exchange` (JSON,
//! TOML, XML), `files`, `context`, `control`, `environment`.
//!
//! What must hold: each builtin forces what the reference forces, in the same order, and no more;
//! messages and trace texts are the reference's words. Builtins that touch the store belong to the
//! crate that knows one. Everything a builtin asks of the world goes through the host.
#![allow(
    clippy::unnecessary_wraps,
    reason = "all builtins have one signature, also those that cannot fail"
)]

pub mod json;
pub mod merge_sort;
pub mod regex;
pub mod toml;
pub mod version;
pub mod xml;

mod arithmetic;
mod attrs;
mod closure;
mod context;
mod control;
mod environment;
mod exchange;
mod files;
mod gather;
mod hashing;
mod lists;
mod patterns;
mod sort;
mod strings;
mod types;
mod versions;

use std::sync::LazyLock;

use firn_eval::Builtin;

pub use exchange::{JsonWriter, XmlOptions, write_xml};

static ALL: LazyLock<Vec<Builtin>> = LazyLock::new(|| {
    [
        types::BUILTINS,
        arithmetic::BUILTINS,
        lists::BUILTINS,
        sort::BUILTINS,
        attrs::BUILTINS,
        gather::BUILTINS,
        closure::BUILTINS,
        strings::BUILTINS,
        patterns::BUILTINS,
        versions::BUILTINS,
        hashing::BUILTINS,
        exchange::BUILTINS,
        files::BUILTINS,
        context::BUILTINS,
        control::BUILTINS,
        environment::BUILTINS,
    ]
    .concat()
});

/// All builtins of this crate, for a [`firn_eval::Registry`].
pub fn all() -> &'static [Builtin] {
    &ALL
}

//! The pure builtins of the Nix language, by theme, in one registry.
//!
//! Two kinds of modules live here. Those over bytes know nothing of the evaluator and can be tested
//! alone: `regex`.

pub mod json;
pub mod merge_sort;
pub mod regex;
pub mod toml;
pub mod version;
pub mod xml;

//! TOML 1.0, as `builtins.fromTOML` needs it.
//!
//! The reference's reader is strict about version 1.0 (no trailing comma in inline tables, no
//! escapes of later versions, seconds required), keeps dates as text in a form of its own, and
//! draws the offending line into its messages; what programs see of all that is the same here. It
//! goes on after an error and may report more; this one stops at the first.
//!
//! `parse` reads keys, tables and values, `scalar` strings, numbers and times, `table` holds the
//! rules of what may define what, `report` draws messages.

mod parse;
mod report;
mod scalar;
mod table;
#[cfg(test)]
mod tests;

pub use parse::parse;
pub use table::{Table, Value};

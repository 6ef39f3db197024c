//! The prompt without the terminal: what a line asks for ([`Command`]), whether it is a whole
//! ([`classify`]), what a word could become ([`complete()`]), which part of a text is what
//! ([`classes`]).
//!
//! Nothing here prints or reads a terminal; the front end owns line editing, history and colours.

mod command;
mod complete;
mod highlight;
mod input;

pub use command::{Command, UnknownCommand, help};
pub use complete::{Completions, Names, complete};
pub use highlight::{Class, classes, matching_bracket};
pub use input::{Input, classify, is_unfinished};

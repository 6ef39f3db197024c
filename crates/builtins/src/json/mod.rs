//! JSON, read and written exactly as the reference does.
//!
//! The reader accepts the same texts and refuses the others with the same words and positions; it
//! feeds events to whoever builds the value, and keeps its own stack, so depth costs no native
//! stack. The writer produces the same bytes, including the digits of floats, which come from the
//! Grisu2 algorithm and are not always the shortest. A general JSON library agrees on neither
//! (big integers, duplicate keys, messages, float digits).
//!
//! `lex` splits text into tokens, `parse` is the grammar, `print` writes strings and structure,
//! `float` the digits.

mod float;
mod lex;
mod parse;
mod print;
#[cfg(test)]
mod tests;

pub use float::write_float;
pub use parse::{JsonBuilder, ParseError, parse};
pub use print::{InvalidUtf8, write_string};

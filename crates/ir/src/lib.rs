//! From the parser's calls to code that can be run.
//!
//! 1. [`AstSink`] builds an [`Ast`] while the text is parsed (`sink.rs`, `merge.rs`).
//! 2. [`parse_text`] does that for a text and words its errors.
//! 3. [`lower()`] resolves its names and produces [`Code`] (`lower/`).
//!
//! [`Ast::show`] prints expressions in the reference's normal form. The crate opens no file and
//! knows no value: constants are plain data, paths are kept as written, and what the base
//! environment offers is described by [`Globals`].
//!
//! Lowering recurses over the depth of the expression and expects the large stack that evaluation
//! runs on.

mod ast;
mod code;
mod globals;
mod lower;
mod merge;
mod number;
mod show;
mod sink;
mod stored;
mod text;

pub use ast::{Ast, AstId, Pos};
pub use code::{
    Bytes, CAPTURE, CAPTURES_LATER, Code, Const, FormalInfo, LEVEL_WORDS, LambdaInfo, Level, NONE,
    Node, NodeId, Op, UnitInfo,
};
pub use globals::{BuiltinCall, Globals};
pub use lower::{NameError, lower, lower_for_debugger};
pub use number::float_with_six_digits;
pub use show::{ResolvePath, is_identifier, show_string, show_symbol};
pub use sink::AstSink;
pub use stored::{STORED_VERSION, StoredCode};
pub use text::{Text, parse_text, set_literal_around};

pub use firn_parser::{Entry, Lint, ParseOptions};

#[cfg(test)]
mod tests;

//! From bytes to whatever a sink builds: token table, grammar, operator precedence, the meaning of
//! string literals, and syntax errors.
//!
//! [`lex`] turns a text into a [`TokenTable`] and never fails; [`parse()`] runs the one grammar of
//! the language over it and calls a [`TreeSink`] for every construct. The crate knows no tree and
//! no value: the evaluator's sink and the tools' sink live elsewhere.
//!
//! What must hold: tokens cover the text without gaps; parsing never panics and never recurses,
//! whatever the text; the verdict does not depend on the sink.

use lalrpop_util::lalrpop_mod;

mod automaton;
mod chain;
mod context;
mod error;
mod expected;
mod hints;
mod kind;
mod lexer;
pub mod merge;
mod names;
mod null;
mod options;
mod pair;
mod parse;
mod recovery;
mod reference;
mod scan;
mod sink;
pub mod strings;
mod table;
#[cfg(test)]
mod tests;

lalrpop_mod!(
    // Generated code.
    #[allow(
        clippy::all,
        clippy::pedantic,
        clippy::unwrap_used,
        unreachable_pub,
        missing_docs,
        unused
    )]
    grammar
);

/// Short names of the sink's handle types, for the grammar.
mod grammar_types {
    use crate::TreeSink;

    pub(crate) type Expr<S> = <S as TreeSink>::Expr;
    pub(crate) type AttrPath<S> = <S as TreeSink>::AttrPath;
    pub(crate) type Attr<S> = <S as TreeSink>::Attr;
    pub(crate) type Binding<S> = <S as TreeSink>::Binding;
    pub(crate) type Part<S> = <S as TreeSink>::Part;
    pub(crate) type Formal<S> = <S as TreeSink>::Formal;
}

pub use error::{SyntaxError, SyntaxErrorKind};
pub use kind::TokenKind;
pub use lexer::{LexError, LexErrorKind, lex};
pub use null::NullSink;
pub use options::{Entry, Lint, ParseOptions};
pub use parse::{Parsed, parse};
pub use recovery::further_errors;
pub use sink::{BinaryOperator, Pattern, SetKind, TreeSink, UnaryOperator};
pub use table::{TokenIdx, TokenRange, TokenTable};

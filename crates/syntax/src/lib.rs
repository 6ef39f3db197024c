//! The lossless tree that tools work on.
//!
//! [`parse()`] reads a text and always gives a tree whose text is the text, errors or not: the green
//! sink records which tokens belong to which construct, and everything between them (blanks,
//! comments, punctuation, tokens that make no sense) is filled in from the token table. Next to
//! the tree comes what is wrong with the text, with the evaluator's own verdict: both run the same
//! grammar and the same merging of attribute sets (`definitions.rs`).
//!
//! Trees are at most [`MAX_DEPTH`] levels deep, since using and dropping deeper ones would recurse
//! too far; what lies deeper is one error node per place. The evaluator never reads this tree.

pub mod ast;
mod definitions;
mod green;
mod kind;
mod parse;
#[cfg(test)]
mod tests;

pub use definitions::Definitions;
pub use green::{GreenSink, MAX_DEPTH};
pub use kind::{Nix, NodeKind, SyntaxKind};
pub use parse::{Parse, parse};

/// A node of the tree.
pub type SyntaxNode = rowan::SyntaxNode<Nix>;
/// A token of the tree.
pub type SyntaxToken = rowan::SyntaxToken<Nix>;
/// A node or a token.
pub type SyntaxElement = rowan::SyntaxElement<Nix>;

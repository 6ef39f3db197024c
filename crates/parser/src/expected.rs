//! From "this token does not fit" to the reference's words for it.
//!
//! The automaton of `automaton.rs` replays the significant tokens. What it lists is already
//! reduced the way the reference reduces it; more than four possibilities are none at all.
//!
//! Two places are odd. The end of the text is reported behind the last thing that was read. And
//! the end of a path has no text of its own: the reference's lexer gives it the place of the piece
//! before, or of the token before that piece if the text ends there.

use crate::automaton::Automaton;
use crate::parse::significant;
use crate::reference::{description, terminal};
use crate::{Entry, SyntaxErrorKind, TokenIdx, TokenKind, TokenTable};

/// The longest list of possibilities that the reference prints.
const MAX_EXPECTED: usize = 4;

/// What the reference says about the first token that does not fit, and the token; the token is
/// the table's length at the end of the text.
pub(crate) fn explain(table: &TokenTable<'_>, entry: Entry) -> Option<(SyntaxErrorKind, TokenIdx)> {
    let tokens: Vec<(TokenIdx, TokenKind)> = significant(table).collect();
    let mode = match entry {
        Entry::Expression => None,
        Entry::Bindings => Some(terminal(TokenKind::StartBindings)),
    };
    let terminals = tokens.iter().map(|&(_, kind)| terminal(kind));
    let stuck = Automaton::shared().replay(mode.into_iter().chain(terminals))?;
    let at = stuck.at - usize::from(mode.is_some());
    let token = tokens.get(at).map(|token| token.0);
    let mut expected: Vec<&'static str> = stuck.expected.into_iter().map(description).collect();
    if expected.len() > MAX_EXPECTED {
        expected.clear();
    }
    let found = token.map(|token| table.kind(token));
    let kind = SyntaxErrorKind::Unexpected { found, expected };
    Some((kind, token.unwrap_or(table.len())))
}

/// The bytes that the reference points at for a token that does not fit.
pub(crate) fn place(table: &TokenTable<'_>, token: TokenIdx) -> (u32, u32) {
    let end = table.source().len() as u32;
    if token >= table.len() {
        // A path that ends with the text takes its own end back.
        let path_last = token > 1 && table.kind(token - 1) == TokenKind::PathEnd;
        let at = if path_last {
            before_piece(table, token - 1).1
        } else {
            end
        };
        return (at, at);
    }
    match table.kind(token) {
        TokenKind::PathEnd if table.end(token) == end => before_piece(table, token),
        TokenKind::PathEnd if token > 0 => (table.start(token - 1), table.end(token - 1)),
        _ => (table.start(token), table.end(token)),
    }
}

/// The token before the piece of a path that ends at `path_end`.
fn before_piece(table: &TokenTable<'_>, path_end: TokenIdx) -> (u32, u32) {
    match path_end.checked_sub(2) {
        Some(token) => (table.start(token), table.end(token)),
        None => (0, 0),
    }
}

//! Which attribute names are known from the text alone.
//!
//! `"a"`, `${"a"}` and even `${(''a'')}` are names like `a`; only what remains to be computed is
//! dynamic, and that is refused in `let` and `inherit`. The question is asked of the tokens, so
//! every sink gets the same answer.

use crate::strings::{IndentedPart, strip_indentation};
use crate::{TokenIdx, TokenKind, TokenTable};

/// Whether the name that starts at `token` has to be computed.
pub(crate) fn is_dynamic(table: &TokenTable<'_>, token: TokenIdx) -> bool {
    match table.kind(token) {
        // An interpolation directly between quotes is always computed, whatever is in it.
        TokenKind::StringOpen => string_end(table, token).is_none(),
        TokenKind::InterpolationOpen => !is_constant(table, token),
        _ => false,
    }
}

/// The token after a string without interpolations.
fn string_end(table: &TokenTable<'_>, open: TokenIdx) -> Option<TokenIdx> {
    let mut at = open + 1;
    if at < table.len() && table.kind(at) == TokenKind::StringText {
        at += 1;
    }
    (at < table.len() && table.kind(at) == TokenKind::StringClose).then_some(at + 1)
}

/// Whether `${ … }` at `open` holds nothing but one constant string, parentheses aside.
fn is_constant(table: &TokenTable<'_>, open: TokenIdx) -> bool {
    let mut closers = vec![TokenKind::BraceClose];
    let mut at = table.next_significant(open + 1);
    loop {
        if at >= table.len() {
            return false;
        }
        match table.kind(at) {
            TokenKind::ParenOpen => closers.push(TokenKind::ParenClose),
            TokenKind::Uri => {
                at += 1;
                break;
            }
            TokenKind::StringOpen => match string_end(table, at) {
                Some(end) => {
                    at = end;
                    break;
                }
                None => return false,
            },
            TokenKind::IndentOpen => {
                let text = at + 1;
                let mut next = text;
                while next < table.len() && table.kind(next) == TokenKind::IndentText {
                    next += 1;
                }
                if next >= table.len() {
                    return false;
                }
                match table.kind(next) {
                    TokenKind::IndentClose if n_pieces(table, text, next) <= 1 => {
                        at = next + 1;
                        break;
                    }
                    // The interpolation may be all that is left once the indentation is gone.
                    TokenKind::InterpolationOpen if n_pieces(table, text, next) == 1 => {
                        closers.push(TokenKind::IndentClose);
                        closers.push(TokenKind::BraceClose);
                        at = next;
                    }
                    _ => return false,
                }
            }
            _ => return false,
        }
        at = table.next_significant(at + 1);
    }
    while let Some(closer) = closers.pop() {
        at = table.next_significant(at);
        if at >= table.len() || table.kind(at) != closer {
            return false;
        }
        at += 1;
    }
    true
}

/// Of how many pieces the tokens of an indented string consist once its indentation is gone; an
/// interpolation at `end` counts.
fn n_pieces(table: &TokenTable<'_>, from: TokenIdx, end: TokenIdx) -> usize {
    let texts = (from..end).map(|token| IndentedPart::Text(table.text(token)));
    let mut parts: Vec<IndentedPart<'_>> = texts.collect();
    if table.kind(end) == TokenKind::InterpolationOpen {
        parts.push(IndentedPart::Interpolation);
    }
    strip_indentation(&parts).len()
}

//! Further errors behind the first one.
//!
//! Parsing stops at the first token that does not fit. What follows is then looked at in pieces
//! that begin where the text is likely to make sense again: behind a `;`, behind the `}` or `in`
//! that ends the bindings around, behind the `:` of a pattern. Each piece is parsed by itself, into
//! no tree. A piece whose end is not clear is left out: an error that is none is worse than one
//! that is found the next time.

use crate::context::Context;
use crate::parse::{parse_tokens, significant};
use crate::{
    Entry, NullSink, ParseOptions, SyntaxError, SyntaxErrorKind, TokenIdx, TokenKind, TokenTable,
};

/// How many errors are found at most.
const MOST: usize = 20;

/// What is open at a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Opener {
    /// `{`: bindings, or the formals of a pattern.
    Brace,
    /// `${`.
    Interpolation,
    /// `(`.
    Paren,
    /// `[`.
    Bracket,
    /// `let`, up to its `in`.
    Let,
    /// A quote.
    Quote,
}

/// What a token does to the openers.
enum Change {
    Opens(Opener),
    Closes(&'static [Opener]),
    Nothing,
}

/// Errors behind the token that stopped a parse, in order of the text.
pub fn further_errors(
    table: &TokenTable<'_>,
    options: &ParseOptions,
    stopped_at: TokenIdx,
) -> Vec<SyntaxError> {
    let tokens: Vec<(TokenIdx, TokenKind)> = significant(table).collect();
    let at = tokens.partition_point(|it| it.0 < stopped_at);
    let mut search = Search {
        table,
        options,
        tokens: &tokens,
        open: Vec::new(),
        errors: Vec::new(),
    };
    search.open(0, at);
    search.go_on(at);
    search.errors
}

struct Search<'t> {
    table: &'t TokenTable<'t>,
    options: &'t ParseOptions,
    tokens: &'t [(TokenIdx, TokenKind)],
    /// What is open where the search is, outermost first.
    open: Vec<Opener>,
    errors: Vec<SyntaxError>,
}

impl Search<'_> {
    fn kind(&self, at: usize) -> Option<TokenKind> {
        self.tokens.get(at).map(|it| it.1)
    }

    fn change(&self, at: usize) -> Change {
        match self.tokens[at].1 {
            // `let {` has no `in`.
            TokenKind::Let if self.kind(at + 1) == Some(TokenKind::BraceOpen) => Change::Nothing,
            TokenKind::Let => Change::Opens(Opener::Let),
            TokenKind::BraceOpen => Change::Opens(Opener::Brace),
            TokenKind::InterpolationOpen => Change::Opens(Opener::Interpolation),
            TokenKind::ParenOpen => Change::Opens(Opener::Paren),
            TokenKind::BracketOpen => Change::Opens(Opener::Bracket),
            TokenKind::StringOpen | TokenKind::IndentOpen => Change::Opens(Opener::Quote),
            TokenKind::In => Change::Closes(&[Opener::Let]),
            TokenKind::BraceClose => Change::Closes(&[Opener::Brace, Opener::Interpolation]),
            TokenKind::ParenClose => Change::Closes(&[Opener::Paren]),
            TokenKind::BracketClose => Change::Closes(&[Opener::Bracket]),
            TokenKind::StringClose | TokenKind::IndentClose => Change::Closes(&[Opener::Quote]),
            _ => Change::Nothing,
        }
    }

    /// Notes what tokens open and close.
    fn open(&mut self, from: usize, to: usize) {
        for at in from..to {
            match self.change(at) {
                Change::Opens(opener) => self.open.push(opener),
                Change::Closes(openers) => {
                    if let Some(depth) = self.innermost(openers) {
                        self.open.truncate(depth);
                    }
                }
                Change::Nothing => {}
            }
        }
    }

    /// The innermost opener of some kinds.
    fn innermost(&self, openers: &[Opener]) -> Option<usize> {
        self.open.iter().rposition(|it| openers.contains(it))
    }

    /// Looks for a place where the text makes sense again, from a token that does not fit, and
    /// parses from there.
    fn go_on(&mut self, from: usize) {
        let mut at = from;
        // What the text opens from here on; what was open before may never be closed.
        let mut depth = self.open.len();
        while at < self.tokens.len() && self.errors.len() < MOST {
            let before = self.open.len();
            self.open(at, at + 1);
            depth = depth.min(self.open.len());
            let kind = self.tokens[at].1;
            at += 1;
            let closed = self.open.len() < before && self.open.len() <= depth;
            if kind == TokenKind::Semicolon && before <= depth {
                let Some(bindings) = self.innermost(&[Opener::Brace, Opener::Let]) else {
                    continue;
                };
                let crosses = self.open[bindings + 1..]
                    .iter()
                    .any(|it| matches!(it, Opener::Interpolation | Opener::Quote));
                if crosses {
                    continue;
                }
                self.open.truncate(bindings + 1);
                depth = depth.min(self.open.len());
                match self.bindings(at) {
                    Some(next) => at = next,
                    None => return,
                }
            } else if closed && self.begins_body(kind, at) {
                let body = match kind {
                    TokenKind::In => at,
                    _ => at + 1,
                };
                match self.expression(body) {
                    Some(next) => at = next,
                    None => return,
                }
            }
        }
    }

    /// Whether the body of a `let` or of a function follows.
    fn begins_body(&self, closed_by: TokenKind, at: usize) -> bool {
        match closed_by {
            TokenKind::In => true,
            TokenKind::BraceClose => self.kind(at) == Some(TokenKind::Colon),
            _ => false,
        }
    }

    /// Where the bindings that begin at a token end: at the `}` or `in` that belongs to them.
    fn end_of_bindings(&self, from: usize) -> Option<usize> {
        let mut open: Vec<Opener> = Vec::new();
        for at in from..self.tokens.len() {
            match self.change(at) {
                Change::Opens(opener) => open.push(opener),
                Change::Closes(openers) => match open.pop() {
                    None => return Some(at),
                    Some(opener) if openers.contains(&opener) => {}
                    // Something is not closed, and nobody knows what.
                    Some(_) => return None,
                },
                Change::Nothing => {}
            }
        }
        None
    }

    /// Parses the bindings that begin at a token, unless they may be none. Gives where to look on:
    /// nowhere if that has been done.
    fn bindings(&mut self, from: usize) -> Option<usize> {
        let Some(end) = self.end_of_bindings(from) else {
            // Up to the error inside of them they can be parsed all the same.
            return self.piece(Entry::Bindings, from, self.tokens.len());
        };
        let is_pattern = matches!(self.kind(end + 1), Some(TokenKind::Colon | TokenKind::At))
            && self.kind(end) == Some(TokenKind::BraceClose);
        if from == end || is_pattern {
            return Some(from);
        }
        self.piece(Entry::Bindings, from, end)
    }

    /// Parses the expression that begins at a token.
    fn expression(&mut self, from: usize) -> Option<usize> {
        let mut open: Vec<Opener> = Vec::new();
        let mut n_ifs = 0_usize;
        let mut n_needed = 0_usize;
        let mut end = self.tokens.len();
        for at in from..self.tokens.len() {
            match self.change(at) {
                Change::Opens(opener) => open.push(opener),
                Change::Closes(openers) => match open.pop() {
                    None => {
                        end = at;
                        break;
                    }
                    Some(opener) if openers.contains(&opener) => {}
                    Some(_) => break,
                },
                Change::Nothing if open.is_empty() => match self.tokens[at].1 {
                    TokenKind::If => n_ifs += 1,
                    TokenKind::With | TokenKind::Assert => n_needed += 1,
                    TokenKind::Semicolon if n_needed > 0 => n_needed -= 1,
                    TokenKind::Else if n_ifs > 0 => n_ifs -= 1,
                    TokenKind::Then if n_ifs > 0 => {}
                    TokenKind::Semicolon | TokenKind::Then | TokenKind::Else | TokenKind::Comma => {
                        end = at;
                        break;
                    }
                    _ => {}
                },
                Change::Nothing => {}
            }
        }
        self.piece(Entry::Expression, from, end)
    }

    /// Parses tokens by themselves. Gives their end if they are right; otherwise looks on behind
    /// what is wrong with them.
    fn piece(&mut self, entry: Entry, from: usize, end: usize) -> Option<usize> {
        let options = ParseOptions {
            entry,
            ..self.options.clone()
        };
        let mut sink = NullSink;
        let mut context = Context::new(self.table, &mut sink, &options);
        let tokens = &self.tokens[from..end];
        let stopped = parse_tokens(&mut context, entry, tokens.iter().copied()).err();
        let found = std::mem::take(&mut context.errors);
        self.errors.extend(found);
        let Some(stopped) = stopped else {
            return Some(end);
        };
        let at = stopped.map_or(end, |token| self.tokens.partition_point(|it| it.0 < token));
        let (token, found) = match self.tokens.get(at) {
            Some(&(token, kind)) => (token, Some(kind)),
            None => (self.table.len(), None),
        };
        // The end of the text is missed by whatever was open first, and that has been said.
        if found.is_some() {
            let (start, place_end) = crate::expected::place(self.table, token);
            self.errors.push(SyntaxError {
                kind: SyntaxErrorKind::Unexpected {
                    found,
                    expected: Vec::new(),
                },
                start,
                end: place_end,
                time: token,
            });
        }
        self.open(from, at);
        self.go_on(at);
        None
    }
}

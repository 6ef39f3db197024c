//! The token table of one text: parallel arrays of kinds and start offsets.
//!
//! Everything after the lexer speaks of tokens by index; text and byte ranges come from here. The
//! starts have one entry more than there are tokens, so that the end of a token is the start of
//! the next one: tokens cover the text without gaps.

use std::ops::Range;

use crate::{LexError, TokenKind};

/// Names a token of one table.
pub type TokenIdx = u32;

/// A half-open range of tokens; never contains trivia at either end unless it is empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TokenRange {
    /// The first token.
    pub start: TokenIdx,
    /// One past the last token.
    pub end: TokenIdx,
}

impl TokenRange {
    /// The range of one token.
    #[inline]
    pub fn single(token: TokenIdx) -> Self {
        Self {
            start: token,
            end: token + 1,
        }
    }
}

/// All tokens of one text, trivia included.
#[derive(Clone, Debug)]
pub struct TokenTable<'t> {
    text: &'t [u8],
    kinds: Vec<TokenKind>,
    starts: Vec<u32>,
    errors: Vec<LexError>,
}

impl<'t> TokenTable<'t> {
    pub(crate) fn with_capacity(text: &'t [u8], n_tokens: usize) -> Self {
        Self {
            text,
            kinds: Vec::with_capacity(n_tokens),
            starts: Vec::with_capacity(n_tokens + 1),
            errors: Vec::new(),
        }
    }

    #[inline]
    pub(crate) fn push(&mut self, kind: TokenKind, start: usize) {
        self.kinds.push(kind);
        self.starts.push(start as u32);
    }

    /// Where the token pushed last starts.
    pub(crate) fn last_start(&self) -> usize {
        self.starts.last().map_or(0, |&start| start as usize)
    }

    pub(crate) fn push_error(&mut self, error: LexError) {
        self.errors.push(error);
    }

    pub(crate) fn finish(&mut self) {
        self.starts.push(self.text.len() as u32);
    }

    /// Number of tokens, trivia included.
    pub fn len(&self) -> TokenIdx {
        self.kinds.len() as TokenIdx
    }

    /// Whether the text is empty.
    pub fn is_empty(&self) -> bool {
        self.kinds.is_empty()
    }

    /// The whole text.
    pub fn source(&self) -> &'t [u8] {
        self.text
    }

    /// The kind of a token.
    #[inline]
    pub fn kind(&self, token: TokenIdx) -> TokenKind {
        self.kinds[token as usize]
    }

    /// The kinds of all tokens in order.
    pub fn kinds(&self) -> &[TokenKind] {
        &self.kinds
    }

    /// What the lexer complains about, in order of tokens.
    pub fn errors(&self) -> &[LexError] {
        &self.errors
    }

    /// The byte at which a token starts; for the index past the last token, the end of the text.
    #[inline]
    pub fn start(&self, token: TokenIdx) -> u32 {
        self.starts[token as usize]
    }

    /// The byte after the last one of a token.
    #[inline]
    pub fn end(&self, token: TokenIdx) -> u32 {
        self.starts[token as usize + 1]
    }

    /// The text of a token.
    #[inline]
    pub fn text(&self, token: TokenIdx) -> &'t [u8] {
        &self.text[self.start(token) as usize..self.end(token) as usize]
    }

    /// The token that starts at a byte, or covers it; the last one past the end of the text.
    ///
    /// # Panics
    /// If the text is empty.
    pub fn token_at(&self, offset: u32) -> TokenIdx {
        let tokens = &self.starts[..self.kinds.len()];
        tokens.partition_point(|&start| start <= offset) as TokenIdx - 1
    }

    /// The bytes that a range of tokens covers.
    pub fn byte_range(&self, range: TokenRange) -> Range<u32> {
        if range.start >= range.end {
            let at = self.start(range.start);
            return at..at;
        }
        self.start(range.start)..self.end(range.end - 1)
    }

    /// The first token at or after `token` that is no trivia; the table's length if there is none.
    pub fn next_significant(&self, token: TokenIdx) -> TokenIdx {
        self.kinds[token as usize..]
            .iter()
            .position(|kind| !kind.is_trivia())
            .map_or(self.len(), |skipped| token + skipped as u32)
    }

    /// The last token before `token` that is no trivia.
    pub fn previous_significant(&self, token: TokenIdx) -> Option<TokenIdx> {
        self.kinds[..token as usize]
            .iter()
            .rposition(|kind| !kind.is_trivia())
            .map(|idx| idx as TokenIdx)
    }

    /// The documentation comment that belongs to a token: the nearest one before it with only
    /// trivia in between.
    pub fn doc_comment(&self, token: TokenIdx) -> Option<TokenIdx> {
        self.kinds[..token as usize]
            .iter()
            .enumerate()
            .rev()
            .take_while(|(_, kind)| kind.is_trivia())
            .find(|(_, kind)| **kind == TokenKind::DocComment)
            .map(|(idx, _)| idx as TokenIdx)
    }
}

//! Regular expressions with the reference's own semantics.
//!
//! `builtins.match` and `builtins.split` are defined by what the reference does, which is neither
//! POSIX leftmost-longest nor Perl: see `program` for the rule and `parse` for the grammar. It is
//! linear in the text here, for any pattern, and uses no native stack to speak of.
//!
//! `class` holds byte sets and class names; `exact` matches a whole text, `search` finds matches
//! one after another. Texts are bytes.

mod class;
mod exact;
mod parse;
mod program;
mod search;
#[cfg(test)]
mod tests;

use program::Program;

pub use parse::RegexError;

/// A compiled pattern.
#[derive(Debug)]
pub struct Regex {
    program: Program,
}

/// Memory that matching needs; worth keeping between calls.
#[derive(Default)]
pub struct Scratch {
    slots: Vec<usize>,
    back: Vec<exact::Back>,
    visited: Vec<u64>,
    frames: Vec<search::Frame>,
    memo: Vec<search::Memo>,
    begin_memo: Vec<search::Memo>,
}

/// The value of a slot that no path has passed.
const NOWHERE: usize = usize::MAX;

/// How many steps may pass without leaving a note that a place has been explored.
const STRIDE: usize = 64;

/// A match, its groups included.
#[derive(Clone, Copy)]
pub struct Match<'s, 't> {
    text: &'t [u8],
    start: usize,
    end: usize,
    scratch: &'s Scratch,
}

/// Matches found one after another in a text.
pub struct Matches<'r, 's> {
    search: search::Search<'r>,
    text: &'r [u8],
    scratch: &'s mut Scratch,
}

impl Regex {
    /// Compiles a pattern.
    pub fn new(pattern: &[u8]) -> Result<Self, RegexError> {
        let program = program::compile(parse::parse(pattern)?)?;
        Ok(Self { program })
    }

    /// Number of capture groups.
    pub fn n_groups(&self) -> usize {
        self.program.n_groups as usize
    }

    /// Matches all of `text`.
    pub fn match_whole<'s, 't>(
        &self,
        text: &'t [u8],
        scratch: &'s mut Scratch,
    ) -> Option<Match<'s, 't>> {
        exact::matches(&self.program, text, scratch).then_some(Match {
            text,
            start: 0,
            end: text.len(),
            scratch,
        })
    }

    /// All matches inside `text`, from left to right, not overlapping.
    pub fn matches<'r, 's>(&'r self, text: &'r [u8], scratch: &'s mut Scratch) -> Matches<'r, 's> {
        Matches {
            search: search::Search::new(&self.program, text, scratch),
            text,
            scratch,
        }
    }
}

impl<'r> Matches<'r, '_> {
    /// The next match. (Not an iterator: the groups live in the scratch.)
    #[expect(clippy::should_implement_trait, reason = "a match borrows the scratch")]
    pub fn next(&mut self) -> Option<Match<'_, 'r>> {
        let (start, end) = self.search.next(self.scratch)?;
        Some(Match {
            text: self.text,
            start,
            end,
            scratch: self.scratch,
        })
    }
}

impl<'t> Match<'_, 't> {
    /// Where the match begins.
    pub fn start(&self) -> usize {
        self.start
    }

    /// Where the match ends.
    pub fn end(&self) -> usize {
        self.end
    }

    /// What group `group` (counted from 0) captured.
    pub fn group(&self, group: usize) -> Option<&'t [u8]> {
        let (start, end) = self.scratch.group(group)?;
        Some(&self.text[start..end])
    }
}

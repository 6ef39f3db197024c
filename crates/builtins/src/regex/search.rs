//! Finding matches inside a text, one after another.
//!
//! At the leftmost place where anything matches, the match is the longest of those that the
//! exploration described in `program` looks at. What it finds from (split, place) depends on
//! nothing else, so each such result is kept for the whole search: a second visit costs one look,
//! and the time for all matches together is linear in the text. What is kept are the splits that the
//! next byte does not decide, and one in [`STRIDE`] of the others. When the best end is known, the path is walked once more to fill in the
//! groups.
//!
//! After an empty match the next must begin at the same place and not be empty, or begin later.

use super::program::{Inst, Pc, Program, Split};
use super::{NOWHERE, STRIDE, Scratch};

/// A result that is kept for a (split, place): nothing yet, no match, or the end of the best match
/// and the way that leads there.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Memo(u64);

impl Memo {
    const UNKNOWN: Self = Self(0);
    const NO_MATCH: Self = Self(1);

    fn new(end: Option<usize>, takes_second: bool) -> Self {
        match end {
            None => Self::NO_MATCH,
            Some(end) => Self(((end as u64) << 1 | u64::from(takes_second)) + 2),
        }
    }

    fn end(self) -> Option<usize> {
        (self.0 >= 2).then(|| ((self.0 - 2) >> 1) as usize)
    }

    fn takes_second(self) -> bool {
        self.0 >= 2 && (self.0 - 2) & 1 == 1
    }
}

/// What the first way of a split has found.
#[derive(Clone, Copy)]
enum First {
    Unexplored,
    Found(Option<usize>),
}

/// A split whose ways are being explored.
#[derive(Clone, Copy)]
pub(super) struct Frame {
    split: u32,
    at: usize,
    first: First,
}

/// A search through one text. Each match leaves its groups in the scratch.
pub(super) struct Search<'s> {
    program: &'s Program,
    text: &'s [u8],
    /// Where the present attempt begins.
    begin: usize,
    /// Whether a match at `begin` must not be empty.
    not_empty: bool,
    last: Option<(usize, usize)>,
    /// The place of the first row of the kept results.
    memo_base: usize,
}

/// Rows of kept results behind the present place are given up in batches of this size.
const STALE_ROWS: usize = 1 << 16;

impl<'s> Search<'s> {
    pub(super) fn new(program: &'s Program, text: &'s [u8], scratch: &mut Scratch) -> Self {
        scratch.memo.clear();
        Self {
            program,
            text,
            begin: 0,
            not_empty: false,
            last: None,
            memo_base: 0,
        }
    }

    /// The next match, as its start and end.
    pub(super) fn next(&mut self, scratch: &mut Scratch) -> Option<(usize, usize)> {
        let mut from = 0;
        if let Some((start, end)) = self.last {
            from = end;
            if start == end {
                if end == self.text.len() {
                    return None;
                }
                self.begin = end;
                self.not_empty = true;
                let found = self.attempt(scratch);
                let reported = self.report(found, scratch);
                self.not_empty = false;
                if reported.is_some() {
                    return reported;
                }
                from = end + 1;
            }
        }
        self.begin = from;
        loop {
            self.skip_hopeless();
            if self.begin > self.text.len() {
                self.last = None;
                return None;
            }
            let found = self.attempt(scratch);
            if found.is_some() {
                return self.report(found, scratch);
            }
            self.begin += 1;
        }
    }

    /// Moves on to a place where a match could begin; past the end if there is none.
    fn skip_hopeless(&mut self) {
        let ahead = &self.program.start_ahead;
        if ahead.anywhere || self.begin > self.text.len() {
            return;
        }
        let rest = &self.text[self.begin..];
        let n_skipped = match ahead.bytes.as_single() {
            Some(wanted) => rest.iter().position(|&byte| byte == wanted),
            None => rest.iter().position(|&byte| ahead.bytes.contains(byte)),
        };
        self.begin += n_skipped.unwrap_or(rest.len() + usize::from(!ahead.at_end));
    }

    /// Notes a match and fills in its groups.
    fn report(&mut self, end: Option<usize>, scratch: &mut Scratch) -> Option<(usize, usize)> {
        let end = end?;
        self.last = Some((self.begin, end));
        scratch.clear_slots(self.program);
        let (mut pc, mut at) = (self.program.start, self.begin);
        loop {
            match self.program.insts[pc as usize] {
                Inst::Byte { next, .. } | Inst::Set { next, .. } => {
                    pc = next;
                    at += 1;
                }
                Inst::Save { slot, next } => {
                    scratch.slots[slot as usize] = at;
                    pc = next;
                }
                Inst::LineBegin { next } | Inst::LineEnd { next } => pc = next,
                Inst::Split { split: split_idx } => {
                    let split = &self.program.splits[split_idx as usize];
                    pc = match self.chances(split, at) {
                        (true, true) if self.memo(split_idx, at, scratch).takes_second() => {
                            split.second
                        }
                        (true, _) => split.first,
                        (false, _) => split.second,
                    };
                }
                Inst::Accept | Inst::Fail => break,
            }
        }
        debug_assert_eq!(at, end);
        Some((self.begin, end))
    }

    /// The end of the match that begins at `self.begin`.
    fn attempt(&mut self, scratch: &mut Scratch) -> Option<usize> {
        self.drop_stale(scratch);
        if self.not_empty {
            scratch.begin_memo.clear();
        }
        scratch.frames.clear();
        let (mut pc, mut at) = (self.program.start, self.begin);
        loop {
            let mut found = self.run(pc, at, scratch);
            loop {
                let Some(frame) = scratch.frames.pop() else {
                    return found;
                };
                let split = &self.program.splits[frame.split as usize];
                match frame.first {
                    First::Unexplored if split.is_repeat && found.is_some() => {
                        self.keep(frame, Memo::new(found, false), scratch);
                    }
                    First::Unexplored => {
                        scratch.frames.push(Frame {
                            first: First::Found(found),
                            ..frame
                        });
                        (pc, at) = (split.second, frame.at);
                        break;
                    }
                    First::Found(first) => {
                        let takes_second = first.is_none() || found > first;
                        found = if takes_second { found } else { first };
                        self.keep(frame, Memo::new(found, takes_second), scratch);
                    }
                }
            }
        }
    }

    /// Follows one path to its end; splits on it become frames.
    fn run(&self, mut pc: Pc, mut at: usize, scratch: &mut Scratch) -> Option<usize> {
        let mut n_steps = 0;
        loop {
            match self.program.insts[pc as usize] {
                Inst::Byte { byte, next } => {
                    if self.text.get(at) != Some(&byte) {
                        return None;
                    }
                    pc = next;
                    at += 1;
                }
                Inst::Set { set, next } => {
                    let &byte = self.text.get(at)?;
                    if !self.program.sets[set as usize].contains(byte) {
                        return None;
                    }
                    pc = next;
                    at += 1;
                }
                Inst::Save { next, .. } => pc = next,
                Inst::LineBegin { next } => {
                    if at != 0 {
                        return None;
                    }
                    pc = next;
                }
                Inst::LineEnd { next } => {
                    if at != self.text.len() {
                        return None;
                    }
                    pc = next;
                }
                Inst::Split { split: split_idx } => {
                    let split = &self.program.splits[split_idx as usize];
                    let mut is_mark = false;
                    if let Some(run) = &split.run
                        && !split.second_ahead.anywhere
                    {
                        let end = self.text.len().min((at / STRIDE + 1) * STRIDE);
                        while at < end && run.contains(self.text[at]) {
                            at += 1;
                        }
                        is_mark = at == end;
                    }
                    n_steps += 1;
                    is_mark |= n_steps >= STRIDE;
                    let chances = self.chances(split, at);
                    if chances == (false, false) {
                        return None;
                    }
                    let memo = self.memo(split_idx, at, scratch);
                    if memo != Memo::UNKNOWN {
                        return memo.end();
                    }
                    if is_mark || chances == (true, true) {
                        n_steps = 0;
                        scratch.frames.push(Frame {
                            split: split_idx,
                            at,
                            first: if chances.0 {
                                First::Unexplored
                            } else {
                                First::Found(None)
                            },
                        });
                    }
                    pc = if chances.0 { split.first } else { split.second };
                }
                Inst::Accept => {
                    let is_refused = self.not_empty && at == self.begin;
                    return (!is_refused).then_some(at);
                }
                Inst::Fail => return None,
            }
        }
    }

    /// Which ways of `split` can lead to a match.
    fn chances(&self, split: &Split, at: usize) -> (bool, bool) {
        let (first, second) = (&split.first_ahead, &split.second_ahead);
        match self.text.get(at) {
            Some(&byte) => (
                first.anywhere || first.bytes.contains(byte),
                second.anywhere || second.bytes.contains(byte),
            ),
            None => (first.at_end, second.at_end),
        }
    }

    /// Results at the place where an attempt begins that must not be empty hold for it alone.
    fn is_own_row(&self, at: usize) -> bool {
        self.not_empty && at == self.begin
    }

    fn memo(&self, split: u32, at: usize, scratch: &Scratch) -> Memo {
        let (rows, row) = if self.is_own_row(at) {
            (&scratch.begin_memo, 0)
        } else {
            (&scratch.memo, at - self.memo_base)
        };
        let idx = row * self.program.splits.len() + split as usize;
        rows.get(idx).copied().unwrap_or(Memo::UNKNOWN)
    }

    fn keep(&self, frame: Frame, memo: Memo, scratch: &mut Scratch) {
        let (rows, row) = if self.is_own_row(frame.at) {
            (&mut scratch.begin_memo, 0)
        } else {
            (&mut scratch.memo, frame.at - self.memo_base)
        };
        let idx = row * self.program.splits.len() + frame.split as usize;
        if idx >= rows.len() {
            rows.resize(idx + 1, Memo::UNKNOWN);
        }
        rows[idx] = memo;
    }

    fn drop_stale(&mut self, scratch: &mut Scratch) {
        let n_stale = self.begin - self.memo_base;
        if n_stale >= STALE_ROWS {
            let n_words = (n_stale * self.program.splits.len()).min(scratch.memo.len());
            scratch.memo.drain(..n_words);
            self.memo_base = self.begin;
        } else if scratch.memo.is_empty() {
            self.memo_base = self.begin;
        }
    }
}

impl Scratch {
    /// The text between the slots of a group, if the group took part in the match.
    pub(super) fn group(&self, group: usize) -> Option<(usize, usize)> {
        let (start, end) = (self.slots[group * 2], self.slots[group * 2 + 1]);
        (end != NOWHERE).then_some((start, end))
    }
}

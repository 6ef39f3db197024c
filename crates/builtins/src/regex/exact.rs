//! Matching a whole text.
//!
//! All matches end at the end of the text, so the longest is the first that exploring finds: plain
//! backtracking in program order. A choice whose outcome the next byte decides is no choice and
//! leaves nothing behind. For the others a bit per (split, place) keeps a failed exploration from
//! being repeated: time and memory are linear in the text for a given pattern. The table and the
//! stack are only touched when a real choice comes up; long stretches without one leave a bit every
//! [`STRIDE`] steps, so that they are not walked again and again from different places.

use super::program::{Inst, Program, Split};
use super::{NOWHERE, STRIDE, Scratch};

/// What to do when a path fails.
#[derive(Clone, Copy)]
pub(super) enum Back {
    /// Try this instruction at this place.
    Try { pc: u32, at: usize },
    /// Put back the value of a slot.
    Restore { slot: u32, value: usize },
}

/// Whether `program` matches all of `text`; the groups are then in `scratch.slots`.
pub(super) fn matches(program: &Program, text: &[u8], scratch: &mut Scratch) -> bool {
    scratch.clear_slots(program);
    scratch.back.clear();
    let mut visited = Visited {
        bits: &mut scratch.visited,
        n_places: text.len() + 1,
        n_splits: program.splits.len(),
        is_ready: false,
    };
    let slots = &mut scratch.slots;
    let back = &mut scratch.back;
    let (mut pc, mut at) = (program.start, 0);
    let mut n_steps = 0;
    loop {
        let goes_on = match program.insts[pc as usize] {
            Inst::Byte { byte, next } => {
                let fits = text.get(at) == Some(&byte);
                pc = next;
                at += 1;
                fits
            }
            Inst::Set { set, next } => {
                let set = &program.sets[set as usize];
                let fits = text.get(at).is_some_and(|&byte| set.contains(byte));
                pc = next;
                at += 1;
                fits
            }
            Inst::Save { slot, next } => {
                let value = std::mem::replace(&mut slots[slot as usize], at);
                if !back.is_empty() {
                    back.push(Back::Restore { slot, value });
                }
                pc = next;
                true
            }
            Inst::LineBegin { next } => {
                pc = next;
                at == 0
            }
            Inst::LineEnd { next } => {
                pc = next;
                at == text.len()
            }
            Inst::Split { split: split_idx } => {
                let split = &program.splits[split_idx as usize];
                let mut is_mark = false;
                if let Some(run) = &split.run {
                    let end = text.len().min((at / STRIDE + 1) * STRIDE);
                    while at < end && run.contains(text[at]) {
                        at += 1;
                    }
                    is_mark = at == end;
                }
                n_steps += 1;
                is_mark |= n_steps >= STRIDE;
                let chances = chances(split, text, at);
                if chances == (true, true) || !back.is_empty() {
                    if chances == (true, true) || is_mark {
                        n_steps = 0;
                        if !visited.first_visit(split_idx, at) {
                            pc = program.fail;
                            continue;
                        }
                    } else if visited.is_known(split_idx, at) {
                        pc = program.fail;
                        continue;
                    }
                }
                match chances {
                    (true, true) => {
                        back.push(Back::Try {
                            pc: split.second,
                            at,
                        });
                        pc = split.first;
                        true
                    }
                    (true, false) => {
                        pc = split.first;
                        true
                    }
                    (false, second) => {
                        pc = split.second;
                        second
                    }
                }
            }
            Inst::Accept if at == text.len() => return true,
            Inst::Accept | Inst::Fail => false,
        };
        if goes_on {
            continue;
        }
        loop {
            match back.pop() {
                None => return false,
                Some(Back::Restore { slot, value }) => slots[slot as usize] = value,
                Some(Back::Try {
                    pc: next,
                    at: place,
                }) => {
                    (pc, at) = (next, place);
                    break;
                }
            }
        }
    }
}

/// Which ways of `split` can lead to the end of the text.
fn chances(split: &Split, text: &[u8], at: usize) -> (bool, bool) {
    match text.get(at) {
        Some(&byte) => (
            split.first_ahead.bytes.contains(byte),
            split.second_ahead.bytes.contains(byte),
        ),
        None => (split.first_ahead.at_end, split.second_ahead.at_end),
    }
}

/// One bit for each (split, place) that has been explored.
struct Visited<'s> {
    bits: &'s mut Vec<u64>,
    n_places: usize,
    n_splits: usize,
    is_ready: bool,
}

impl Visited<'_> {
    fn is_known(&self, split: u32, at: usize) -> bool {
        let bit = at * self.n_splits + split as usize;
        self.is_ready && self.bits[bit / 64] & (1 << (bit % 64)) != 0
    }

    fn first_visit(&mut self, split: u32, at: usize) -> bool {
        if !self.is_ready {
            self.bits.clear();
            self.bits
                .resize((self.n_places * self.n_splits).div_ceil(64), 0);
            self.is_ready = true;
        }
        let bit = at * self.n_splits + split as usize;
        let word = &mut self.bits[bit / 64];
        let mask = 1 << (bit % 64);
        let is_first = *word & mask == 0;
        *word |= mask;
        is_first
    }
}

impl Scratch {
    /// Forgets the groups of an earlier match.
    pub(super) fn clear_slots(&mut self, program: &Program) {
        self.slots.clear();
        self.slots.resize(program.n_groups as usize * 2, NOWHERE);
    }
}

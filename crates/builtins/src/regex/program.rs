//! From a graph of nodes to a program whose every path consumes or ends.
//!
//! The reference explores the graph depth first. A repeat tries its body and goes on behind itself
//! only if that led to no match; an alternation tries both sides and keeps the longer match, the
//! first of equals. To stop on bodies that match nothing, a repeat may be entered at most twice at
//! one place of the input. That counter is state, and it decides capture groups (`(|a)*` on `aa`
//! captures the empty string), so it cannot be dropped; but it only matters until a byte is
//! consumed. This module removes it: a node inside an empty loop is expanded once for each value of
//! the counters of the repeats in its loop. What comes out has no empty cycles, and what a matcher
//! finds from an instruction depends on nothing but the instruction and the place in the input,
//! which is what makes linear time possible (`exact`, `search`).
//!
//! Empty loops are the strongly connected components of the graph without consuming edges. Counters
//! of one loop mean nothing outside it, so they are forgotten on leaving it.

use std::collections::HashMap;

use super::class::ByteSet;
use super::parse::{Graph, Node, NodeId, RegexError};

/// Index of an instruction.
pub(super) type Pc = u32;

/// The most instructions a program may have.
const PROGRAM_LIMIT: usize = 400_000;

/// One instruction.
#[derive(Clone, Copy, Debug)]
pub(super) enum Inst {
    /// Consumes one byte of a set.
    Set { set: u32, next: Pc },
    /// Consumes this byte.
    Byte { byte: u8, next: Pc },
    /// Notes the place in the input.
    Save { slot: u32, next: Pc },
    /// Goes on at the start of the input only.
    LineBegin { next: Pc },
    /// Goes on at the end of the input only.
    LineEnd { next: Pc },
    /// A choice, see [`Split`].
    Split { split: u32 },
    /// The pattern has matched.
    Accept,
    /// No match on this path.
    Fail,
}

/// A choice between two ways on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Split {
    pub(super) first: Pc,
    pub(super) second: Pc,
    /// A repeat: `second` counts only if `first` finds nothing. Otherwise the longer match wins.
    pub(super) is_repeat: bool,
    pub(super) first_ahead: Ahead,
    pub(super) second_ahead: Ahead,
    /// If `first` consumes one byte and comes straight back: the bytes that only it can take.
    pub(super) run: Option<ByteSet>,
}

/// What the input must look like for a path to have a chance. It may promise too much, never too
/// little.
#[derive(Clone, Copy, Default, Debug)]
pub(super) struct Ahead {
    pub(super) bytes: ByteSet,
    /// It can match at the end of the input.
    pub(super) at_end: bool,
    /// It can match here without looking at the input.
    pub(super) anywhere: bool,
}

/// A compiled pattern.
#[derive(Debug)]
pub(super) struct Program {
    pub(super) insts: Vec<Inst>,
    pub(super) splits: Vec<Split>,
    pub(super) sets: Vec<ByteSet>,
    pub(super) start: Pc,
    /// An instruction that fails.
    pub(super) fail: Pc,
    pub(super) start_ahead: Ahead,
    pub(super) n_groups: u32,
}

/// How often each repeat of the present loop has been entered; sorted, zeroes left out.
type Counts = Vec<(NodeId, u8)>;

struct Expander<'g> {
    graph: &'g Graph,
    /// The empty loop of each node, [`NO_LOOP`] if it is in none.
    loops: Vec<u32>,
    known: HashMap<(NodeId, Counts), Pc>,
    pending: Vec<(NodeId, Counts, Pc)>,
    insts: Vec<Inst>,
    splits: Vec<Split>,
}

const NO_LOOP: u32 = u32::MAX;

/// Compiles a parsed pattern.
pub(super) fn compile(graph: Graph) -> Result<Program, RegexError> {
    let mut expander = Expander {
        loops: empty_loops(&graph.nodes),
        graph: &graph,
        known: HashMap::new(),
        pending: Vec::new(),
        insts: Vec::new(),
        splits: Vec::new(),
    };
    let start = expander.target(graph.start, &Counts::new(), NO_LOOP)?;
    while let Some((node, counts, pc)) = expander.pending.pop() {
        let inst = expander.expand(node, &counts)?;
        expander.insts[pc as usize] = inst;
    }
    let (mut insts, mut splits) = (expander.insts, expander.splits);
    insts.push(Inst::Fail);
    let ahead = lookahead(&insts, &mut splits, &graph.sets, start);
    let fail = insts.len() as Pc - 1;
    Ok(Program {
        insts,
        splits,
        start,
        fail,
        start_ahead: ahead,
        n_groups: graph.n_groups,
        sets: graph.sets,
    })
}

impl Expander<'_> {
    /// The instruction for `node` when reached with `counts` from a node of loop `from`.
    fn target(&mut self, mut node: NodeId, counts: &Counts, from: u32) -> Result<Pc, RegexError> {
        while let Node::Empty { next } = self.graph.nodes[node as usize]
            && self.loops[node as usize] == NO_LOOP
        {
            node = next;
        }
        let in_loop = self.loops[node as usize];
        let counts = if in_loop != NO_LOOP && in_loop == from {
            counts.clone()
        } else {
            Counts::new()
        };
        if let Some(&pc) = self.known.get(&(node, counts.clone())) {
            return Ok(pc);
        }
        let pc = self.insts.len() as Pc;
        if self.insts.len() >= PROGRAM_LIMIT {
            return Err(RegexError::TooLarge);
        }
        self.insts.push(Inst::Fail);
        self.known.insert((node, counts.clone()), pc);
        self.pending.push((node, counts, pc));
        Ok(pc)
    }

    fn expand(&mut self, node: NodeId, counts: &Counts) -> Result<Inst, RegexError> {
        let here = self.loops[node as usize];
        Ok(match self.graph.nodes[node as usize] {
            Node::Accept => Inst::Accept,
            Node::Set { set, next } => {
                let next = self.target(next, &Counts::new(), NO_LOOP)?;
                match self.graph.sets[set as usize].as_single() {
                    Some(byte) => Inst::Byte { byte, next },
                    None => Inst::Set { set, next },
                }
            }
            // Only inside a loop: elsewhere `target` steps over it.
            Node::Empty { next } => {
                let next = self.target(next, counts, here)?;
                self.split(next, next, true)
            }
            Node::Open { group, next } => Inst::Save {
                slot: group * 2,
                next: self.target(next, counts, here)?,
            },
            Node::Close { group, next } => Inst::Save {
                slot: group * 2 + 1,
                next: self.target(next, counts, here)?,
            },
            Node::LineBegin { next } => Inst::LineBegin {
                next: self.target(next, counts, here)?,
            },
            Node::LineEnd { next } => Inst::LineEnd {
                next: self.target(next, counts, here)?,
            },
            Node::Either { first, second } => {
                let first = self.target(first, counts, here)?;
                let second = self.target(second, counts, here)?;
                self.split(first, second, false)
            }
            Node::Repeat { body, next } => {
                let second = self.target(next, counts, here)?;
                match self.enter(node, counts) {
                    Some(entered) => {
                        let first = self.target(body, &entered, here)?;
                        self.split(first, second, true)
                    }
                    None => self.split(second, second, true),
                }
            }
        })
    }

    /// The counts after entering repeat `node` once more; `None` if it may not be entered.
    fn enter(&self, node: NodeId, counts: &Counts) -> Option<Counts> {
        let mut counts = counts.clone();
        if self.loops[node as usize] != NO_LOOP {
            match counts.binary_search_by_key(&node, |&(repeat, _)| repeat) {
                Ok(idx) if counts[idx].1 >= 2 => return None,
                Ok(idx) => counts[idx].1 += 1,
                Err(idx) => counts.insert(idx, (node, 1)),
            }
        }
        Some(counts)
    }

    fn split(&mut self, first: Pc, second: Pc, is_repeat: bool) -> Inst {
        self.splits.push(Split {
            first,
            second,
            is_repeat,
            first_ahead: Ahead::default(),
            second_ahead: Ahead::default(),
            run: None,
        });
        Inst::Split {
            split: self.splits.len() as u32 - 1,
        }
    }
}

/// Fills in what each split can see ahead; returns what `start` needs.
fn lookahead(insts: &[Inst], splits: &mut [Split], sets: &[ByteSet], start: Pc) -> Ahead {
    let mut known: Vec<Option<Ahead>> = vec![None; insts.len()];
    let mut stack = Vec::new();
    for root in 0..insts.len() {
        stack.push(root as Pc);
        while let Some(&pc) = stack.last() {
            if known[pc as usize].is_some() {
                stack.pop();
                continue;
            }
            let mut needed = |next: Pc| {
                let ahead = known[next as usize];
                if ahead.is_none() {
                    stack.push(next);
                }
                ahead
            };
            let ahead = match insts[pc as usize] {
                Inst::Accept => Some(Ahead {
                    at_end: true,
                    anywhere: true,
                    ..Ahead::default()
                }),
                Inst::Fail => Some(Ahead::default()),
                Inst::Byte { byte, .. } => Some(Ahead {
                    bytes: ByteSet::single(byte),
                    ..Ahead::default()
                }),
                Inst::Set { set, .. } => Some(Ahead {
                    bytes: sets[set as usize],
                    ..Ahead::default()
                }),
                Inst::Save { next, .. } | Inst::LineBegin { next } => needed(next),
                Inst::LineEnd { next } => needed(next).map(|ahead| Ahead {
                    at_end: ahead.at_end,
                    ..Ahead::default()
                }),
                Inst::Split { split } => {
                    let Split { first, second, .. } = splits[split as usize];
                    match (needed(first), needed(second)) {
                        (Some(a), Some(b)) => {
                            note_ahead(&mut splits[split as usize], a, b, insts, pc, sets);
                            let mut bytes = a.bytes;
                            bytes.insert_all(&b.bytes);
                            Some(Ahead {
                                bytes,
                                at_end: a.at_end || b.at_end,
                                anywhere: a.anywhere || b.anywhere,
                            })
                        }
                        _ => None,
                    }
                }
            };
            if ahead.is_some() {
                known[pc as usize] = ahead;
            }
        }
    }
    known[start as usize].expect("every instruction has been visited")
}

fn note_ahead(
    split: &mut Split,
    first: Ahead,
    second: Ahead,
    insts: &[Inst],
    pc: Pc,
    sets: &[ByteSet],
) {
    // Both ways the same: not a choice.
    split.first_ahead = first;
    split.second_ahead = if split.first == split.second {
        Ahead::default()
    } else {
        second
    };
    let body = match insts[split.first as usize] {
        Inst::Set { set, next } if next == pc => Some(sets[set as usize]),
        Inst::Byte { byte, next } if next == pc => Some(ByteSet::single(byte)),
        _ => None,
    };
    if let Some(body) = body
        && body.is_disjoint(&second.bytes)
        && split.is_repeat
    {
        split.run = Some(body);
    }
}

/// The strongly connected component of each node in the graph without consuming edges;
/// [`NO_LOOP`] for nodes on no cycle. (Tarjan's algorithm on an explicit stack.)
fn empty_loops(nodes: &[Node]) -> Vec<u32> {
    const UNSEEN: u32 = u32::MAX;
    let mut order = vec![UNSEEN; nodes.len()];
    let mut low = vec![UNSEEN; nodes.len()];
    let mut on_path = vec![false; nodes.len()];
    let mut component = vec![NO_LOOP; nodes.len()];
    let mut path = Vec::new();
    let mut n_seen = 0;
    for root in 0..nodes.len() {
        if order[root] != UNSEEN {
            continue;
        }
        let mut calls = vec![(root, 0usize)];
        while let Some((node, edge)) = calls.pop() {
            if edge == 0 {
                order[node] = n_seen;
                low[node] = n_seen;
                n_seen += 1;
                path.push(node);
                on_path[node] = true;
            }
            let (links, n_links) = empty_links(&nodes[node]);
            if edge > 0 {
                let done = links[edge - 1] as usize;
                low[node] = low[node].min(low[done]);
            }
            let mut edge = edge;
            let mut descended = false;
            while edge < n_links {
                let link = links[edge] as usize;
                edge += 1;
                if order[link] == UNSEEN {
                    calls.push((node, edge));
                    calls.push((link, 0));
                    descended = true;
                    break;
                }
                if on_path[link] {
                    low[node] = low[node].min(order[link]);
                }
            }
            if descended || low[node] != order[node] {
                continue;
            }
            let is_loop = path.last() != Some(&node) || links[..n_links].contains(&(node as u32));
            while let Some(member) = path.pop() {
                on_path[member] = false;
                if is_loop {
                    component[member] = node as u32;
                }
                if member == node {
                    break;
                }
            }
        }
    }
    component
}

/// The links that consume nothing.
fn empty_links(node: &Node) -> ([NodeId; 2], usize) {
    let (links, n) = match *node {
        Node::Set { .. } | Node::Accept => ([0; 2], 0),
        Node::Empty { next }
        | Node::Open { next, .. }
        | Node::Close { next, .. }
        | Node::LineBegin { next }
        | Node::LineEnd { next } => ([next; 2], 1),
        Node::Repeat { body, next } => ([body, next], 2),
        Node::Either { first, second } => ([first, second], 2),
    };
    // Nodes left over from copying have open links; nothing leads to them.
    let n = links[..n]
        .iter()
        .take_while(|&&link| link != NodeId::MAX)
        .count();
    (links, n)
}

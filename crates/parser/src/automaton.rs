//! The reference's parser automaton, for the wording of its syntax errors.
//!
//! A message such as "unexpected '=', expecting ';'" depends on how the reference's parser was
//! generated: it is an LALR(1) automaton that, on a token that fits nowhere, first performs every
//! reduction it would perform by default and then lists the tokens that could be shifted, unless
//! there are more than four. Our own grammar is shaped differently and decides earlier, so its
//! automaton cannot say the same words. This file rebuilds that automaton from the productions in
//! `reference.rs`, the first time a message is needed in a process (a few milliseconds), and
//! replays the tokens up to the error.
//!
//! Construction: LR(1) item sets merged by their LR(0) cores as they arise, look-aheads in one
//! 128-bit set each, propagated until nothing changes. Precedence removes shifts, reductions, or
//! (for operators that do not associate) both. A state's default reduction is the one with the
//! most look-ahead tokens, the first of them if several have as many.

use std::collections::HashMap;
use std::sync::OnceLock;

use crate::reference::{self, Assoc, Grammar, N_TERMINALS, Symbol};

/// A set of terminals.
type Terminals = u128;

/// A production and a position in it.
type Item = (u16, u16);

#[derive(Default)]
struct State {
    /// Kernel items with their look-aheads.
    kernel: Vec<(Item, Terminals)>,
    goto: HashMap<Symbol, u16>,
    /// Terminals on which a shift was removed because operators do not associate.
    refused: Terminals,
    shifts: Terminals,
    /// Reductions on certain terminals, other than the default.
    reductions: Vec<(u16, Terminals)>,
    default: Option<u16>,
}

/// The automaton.
pub(crate) struct Automaton {
    grammar: Grammar,
    states: Vec<State>,
}

/// Where a replay got stuck.
pub(crate) struct Stuck {
    /// Position in the sequence of terminals.
    pub(crate) at: usize,
    /// Terminals that could have been shifted.
    pub(crate) expected: Vec<usize>,
}

impl Automaton {
    /// The one automaton of this process.
    pub(crate) fn shared() -> &'static Self {
        static SHARED: OnceLock<Automaton> = OnceLock::new();
        SHARED.get_or_init(|| Self::new(reference::grammar()))
    }

    fn new(grammar: Grammar) -> Self {
        let mut automaton = Self {
            grammar,
            states: Vec::new(),
        };
        automaton.build();
        automaton.resolve();
        automaton
    }

    fn build(&mut self) {
        let first = first_sets(&self.grammar);
        let mut by_core: HashMap<Vec<Item>, u16> = HashMap::new();
        let start = vec![((0, 0), 1 << reference::END)];
        by_core.insert(vec![(0, 0)], 0);
        self.states.push(State {
            kernel: start,
            ..State::default()
        });
        let mut pending = vec![0u16];
        while let Some(state) = pending.pop() {
            let items = self.closure(&self.states[state as usize].kernel, &first);
            let mut successors: Vec<(Symbol, Vec<(Item, Terminals)>)> = Vec::new();
            for &((rule, dot), ahead) in &items {
                let Some(&symbol) = self.grammar.rules[rule as usize].body.get(dot as usize) else {
                    continue;
                };
                let moved = ((rule, dot + 1), ahead);
                match successors.iter_mut().find(|entry| entry.0 == symbol) {
                    Some((_, kernel)) => kernel.push(moved),
                    None => successors.push((symbol, vec![moved])),
                }
            }
            for (symbol, mut kernel) in successors {
                kernel.sort_by_key(|entry| entry.0);
                let core: Vec<Item> = kernel.iter().map(|entry| entry.0).collect();
                let n_states = self.states.len() as u16;
                let target = *by_core.entry(core).or_insert(n_states);
                self.states[state as usize].goto.insert(symbol, target);
                if target == n_states {
                    self.states.push(State {
                        kernel,
                        ..State::default()
                    });
                    pending.push(target);
                    continue;
                }
                let mut grew = false;
                let known = &mut self.states[target as usize].kernel;
                for (entry, (_, ahead)) in known.iter_mut().zip(kernel) {
                    grew |= ahead & !entry.1 != 0;
                    entry.1 |= ahead;
                }
                if grew && !pending.contains(&target) {
                    pending.push(target);
                }
            }
        }
    }

    /// All items that a kernel stands for.
    fn closure(
        &self,
        kernel: &[(Item, Terminals)],
        first: &[(Terminals, bool)],
    ) -> Vec<(Item, Terminals)> {
        let mut items = kernel.to_vec();
        let mut ahead_of = vec![0; self.grammar.rules_of.len()];
        let mut pending: Vec<(Item, Terminals)> = kernel.to_vec();
        while let Some(((rule, dot), ahead)) = pending.pop() {
            let body = &self.grammar.rules[rule as usize].body;
            let Some(&Symbol::Nonterminal(next)) = body.get(dot as usize) else {
                continue;
            };
            let follows = first_of(&body[dot as usize + 1..], ahead, first);
            let known: &mut Terminals = &mut ahead_of[next as usize];
            if follows & !*known == 0 && *known != 0 {
                continue;
            }
            *known |= follows;
            for &rule in &self.grammar.rules_of[next as usize] {
                pending.push(((rule, 0), *known));
            }
        }
        for (nonterminal, &ahead) in ahead_of.iter().enumerate() {
            if ahead != 0 {
                let rules = self.grammar.rules_of[nonterminal].iter();
                items.extend(rules.map(|&rule| ((rule, 0), ahead)));
            }
        }
        items
    }

    /// Turns item sets into actions.
    fn resolve(&mut self) {
        let first = first_sets(&self.grammar);
        for idx in 0..self.states.len() {
            let items = self.closure(&self.states[idx].kernel, &first);
            let mut reductions: Vec<(u16, Terminals)> = items
                .iter()
                .filter(|((rule, dot), _)| {
                    self.grammar.rules[*rule as usize].body.len() == *dot as usize
                })
                .map(|&((rule, _), ahead)| (rule, ahead))
                .collect();
            reductions.sort_unstable();
            let mut shifts: Terminals = 0;
            for terminal in 0..N_TERMINALS {
                let symbol = Symbol::Terminal(terminal as u16);
                if self.states[idx].goto.contains_key(&symbol) {
                    shifts |= 1 << terminal;
                }
            }
            let mut refused = 0;
            for (rule, ahead) in &mut reductions {
                let Some((rule_level, _)) = self.grammar.precedence_of(*rule) else {
                    continue;
                };
                for terminal in 0..N_TERMINALS {
                    let bit = 1 << terminal;
                    let Some((level, assoc)) = self.grammar.precedence[terminal] else {
                        continue;
                    };
                    if *ahead & shifts & bit == 0 {
                        continue;
                    }
                    if level > rule_level || (level == rule_level && assoc == Assoc::Right) {
                        *ahead &= !bit;
                    } else {
                        shifts &= !bit;
                        if level == rule_level && assoc == Assoc::None {
                            *ahead &= !bit;
                            refused |= bit;
                        }
                    }
                }
            }
            let most = reductions.iter().map(|entry| entry.1.count_ones()).max();
            let default = reductions
                .iter()
                .find(|entry| Some(entry.1.count_ones()) == most)
                .map(|entry| entry.0);
            let state = &mut self.states[idx];
            state.default = default;
            reductions.retain(|entry| Some(entry.0) != default);
            state.reductions = reductions;
            state.shifts = shifts;
            state.refused = refused;
        }
    }

    /// Runs over terminals (without the end) until one does not fit.
    pub(crate) fn replay(&self, terminals: impl Iterator<Item = usize>) -> Option<Stuck> {
        let mut stack = vec![0u16];
        let mut terminals = terminals.chain(std::iter::once(reference::END)).enumerate();
        let (mut at, mut next) = terminals.next()?;
        loop {
            let state = &self.states[*stack.last()? as usize];
            let bit: Terminals = 1 << next;
            if state.shifts & bit != 0 {
                stack.push(state.goto[&Symbol::Terminal(next as u16)]);
                match terminals.next() {
                    Some(following) => (at, next) = following,
                    None => return None,
                }
                continue;
            }
            let explicit = state.reductions.iter().find(|entry| entry.1 & bit != 0);
            let rule = match explicit {
                _ if state.refused & bit != 0 => None,
                Some(entry) => Some(entry.0),
                None => state.default,
            };
            let Some(rule) = rule else {
                let expected = (0..N_TERMINALS)
                    .filter(|terminal| state.shifts & (1 << terminal) != 0)
                    .collect();
                return Some(Stuck { at, expected });
            };
            let rule = &self.grammar.rules[rule as usize];
            stack.truncate(stack.len() - rule.body.len());
            let below = &self.states[*stack.last()? as usize];
            stack.push(*below.goto.get(&Symbol::Nonterminal(rule.head))?);
        }
    }
}

/// The terminals each nonterminal can begin with, and whether it can be empty.
fn first_sets(grammar: &Grammar) -> Vec<(Terminals, bool)> {
    let mut first = vec![(0, false); grammar.rules_of.len()];
    loop {
        let mut changed = false;
        for rule in &grammar.rules {
            let (mut set, mut empty) = (0, true);
            for symbol in &rule.body {
                let (more, may_be_empty) = match *symbol {
                    Symbol::Terminal(terminal) => (1 << terminal, false),
                    Symbol::Nonterminal(nonterminal) => first[nonterminal as usize],
                };
                set |= more;
                if !may_be_empty {
                    empty = false;
                    break;
                }
            }
            let known = &mut first[rule.head as usize];
            changed |= set & !known.0 != 0 || (empty && !known.1);
            known.0 |= set;
            known.1 |= empty;
        }
        if !changed {
            return first;
        }
    }
}

/// What a sequence of symbols can begin with, if `ahead` follows it.
fn first_of(symbols: &[Symbol], ahead: Terminals, first: &[(Terminals, bool)]) -> Terminals {
    let mut set = 0;
    for symbol in symbols {
        match *symbol {
            Symbol::Terminal(terminal) => return set | 1 << terminal,
            Symbol::Nonterminal(nonterminal) => {
                let (more, may_be_empty) = first[nonterminal as usize];
                set |= more;
                if !may_be_empty {
                    return set;
                }
            }
        }
    }
    set | ahead
}

//! Derivations that could be built now, those first that hold up the most.
//!
//! What holds up the most is what begins the longest chain of work: a derivation's own time and
//! that of all that waits for it, one after the other, going by earlier builds ([`History`]). Among
//! equals, and where nothing is known, the order in which they were asked for decides.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use indexmap::IndexSet;

use crate::goal::{Body, Goal, GoalGraph, GoalKey};
use crate::history::History;

type Rank = (Reverse<Duration>, u64);

/// Derivations in the order in which they are to be built.
#[derive(Default)]
pub(crate) struct BuildQueue {
    ranked: BTreeMap<Rank, GoalKey>,
    ranks: HashMap<GoalKey, Rank>,
    /// Those whose rank is not known yet. The graph is complete by the time that somebody asks.
    unranked: IndexSet<GoalKey>,
    n_inserted: u64,
}

impl BuildQueue {
    /// Adds a derivation, if it is not there.
    pub(crate) fn insert(&mut self, key: GoalKey) {
        if !self.ranks.contains_key(&key) {
            self.unranked.insert(key);
        }
    }

    /// Removes a derivation.
    pub(crate) fn remove(&mut self, key: &GoalKey) {
        self.unranked.shift_remove(key);
        if let Some(rank) = self.ranks.remove(key) {
            self.ranked.remove(&rank);
        }
    }

    /// Whether there is nothing to build.
    pub(crate) fn is_empty(&self) -> bool {
        self.ranked.is_empty() && self.unranked.is_empty()
    }

    /// Takes the first one.
    pub(crate) fn pop(&mut self, graph: &GoalGraph, history: &mut History) -> Option<GoalKey> {
        self.rank(graph, history);
        let (_, key) = self.ranked.pop_first()?;
        self.ranks.remove(&key);
        Some(key)
    }

    fn rank(&mut self, graph: &GoalGraph, history: &mut History) {
        let mut chains = Chains::default();
        for key in std::mem::take(&mut self.unranked) {
            let rank = (Reverse(chains.from(&key, graph, history)), self.n_inserted);
            self.n_inserted += 1;
            self.ranks.insert(key.clone(), rank);
            self.ranked.insert(rank, key);
        }
    }
}

/// The longest chain of waiters from each goal, remembered while a graph does not change.
#[derive(Default)]
struct Chains(HashMap<GoalKey, Duration>);

impl Chains {
    fn from(&mut self, key: &GoalKey, graph: &GoalGraph, history: &mut History) -> Duration {
        // The stack is explicit because chains may be thousands of goals long.
        let mut pending = vec![key.clone()];
        while let Some(key) = pending.last().cloned() {
            if self.0.contains_key(&key) {
                pending.pop();
                continue;
            }
            let Some(goal) = graph.get(&key) else {
                self.0.insert(key, Duration::ZERO);
                continue;
            };
            let n_before = pending.len();
            let unknown = goal.waiters().iter().filter(|it| !self.0.contains_key(*it));
            pending.extend(unknown.cloned());
            if pending.len() > n_before {
                continue;
            }
            let longest = goal.waiters().iter().filter_map(|it| self.0.get(it)).max();
            let time = longest.copied().unwrap_or_default() + expected_time(goal, history);
            self.0.insert(key, time);
        }
        self.0.get(key).copied().unwrap_or_default()
    }
}

fn expected_time(goal: &Goal, history: &mut History) -> Duration {
    match &goal.body {
        Body::Derivation(body) => history.duration_of(body.name()).unwrap_or_default(),
        Body::Path(_) | Body::Realisation(_) | Body::Dynamic(_) => Duration::ZERO,
    }
}

#[cfg(test)]
mod tests {
    use firn_store_model::{OutputsSpec, StorePath};

    use super::*;
    use crate::goal::ModeKey;

    fn key(name: &str) -> GoalKey {
        let path = format!("00000000000000000000000000000000-{name}.drv");
        GoalKey::Derivation(StorePath::parse(path).expect("sound"), ModeKey::Normal)
    }

    #[test]
    fn what_begins_the_longest_chain_comes_first() {
        let dir = tempfile::tempdir().expect("a directory");
        let mut history = History::below(dir.path());
        history.note(b"slow", Duration::from_secs(9));
        history.note(b"middle", Duration::from_secs(5));
        history.save();
        let mut history = History::below(dir.path());
        let mut graph = GoalGraph::default();
        for name in ["top", "middle", "one", "two", "slow", "other"] {
            graph.want(&key(name), &OutputsSpec::All);
        }
        for (waiter, awaited) in [("top", "one"), ("top", "middle"), ("middle", "two")] {
            graph.wait_for(&key(waiter), &key(awaited));
        }
        let mut queue = BuildQueue::default();
        for name in ["other", "one", "two", "slow", "one"] {
            queue.insert(key(name));
        }
        queue.remove(&key("other"));
        let mut order = Vec::new();
        while let Some(key) = queue.pop(&graph, &mut history) {
            order.push(key);
        }
        assert_eq!(order, ["slow", "two", "one"].map(key));
        assert!(queue.is_empty());
    }
}

//! Why things are alive, and what each root costs.

use std::collections::{BTreeSet, HashMap, VecDeque};

use firn_store_model::StorePath;

use super::graph::{EdgeKind, LiveGraph, NodeIdx};
use crate::error::StoreError;
use crate::local::LocalStore;
use crate::store::Store as _;
use crate::types::{AliveBecause, AliveEdge, RootHold};

/// A path that roots lead to, and these roots.
type RootNode = (NodeIdx, BTreeSet<Vec<u8>>);

impl LocalStore {
    fn graph_for_explaining(&self) -> Result<LiveGraph, StoreError> {
        let options = &self.options;
        Ok(LiveGraph::new(
            self.db.graph()?,
            options.keep_outputs,
            options.keep_derivations,
        ))
    }

    /// Roots that lead to valid paths.
    fn root_nodes(&self, graph: &LiveGraph) -> Result<Vec<RootNode>, StoreError> {
        let roots = self.find_roots(false)?;
        Ok(roots
            .into_iter()
            .filter_map(|(path, names)| Some((graph.find(&path)?, names)))
            .collect())
    }

    pub(in crate::local) fn explain_roots(&self) -> Result<Vec<RootHold>, StoreError> {
        let graph = self.graph_for_explaining()?;
        let roots = self.root_nodes(&graph)?;
        // How many roots reach each node.
        let mut n_holders = vec![0_u32; graph.n_nodes()];
        let held: Vec<Vec<NodeIdx>> = roots
            .iter()
            .map(|(root, _)| {
                let reached = reachable(&graph, *root);
                for idx in &reached {
                    n_holders[*idx as usize] += 1;
                }
                reached
            })
            .collect();
        let mut holds: Vec<RootHold> = roots
            .into_iter()
            .zip(held)
            .map(|((root, names), reached)| RootHold {
                path: graph.path(root).clone(),
                roots: names,
                n_paths: reached.len(),
                size: reached.iter().map(|idx| graph.size(*idx)).sum(),
                exclusive_size: reached
                    .iter()
                    .filter(|idx| n_holders[**idx as usize] == 1)
                    .map(|idx| graph.size(*idx))
                    .sum(),
            })
            .collect();
        holds.sort_by(|a, b| b.size.cmp(&a.size).then_with(|| a.path.cmp(&b.path)));
        Ok(holds)
    }

    pub(in crate::local) fn explain_path(
        &self,
        path: &StorePath,
    ) -> Result<Vec<AliveBecause>, StoreError> {
        let graph = self.graph_for_explaining()?;
        let Some(target) = graph.find(path) else {
            return Err(self.invalid(path));
        };
        // Backwards from the path, remembering the next step towards it.
        let mut next: HashMap<NodeIdx, (NodeIdx, EdgeKind)> = HashMap::new();
        let mut seen = vec![false; graph.n_nodes()];
        seen[target as usize] = true;
        let mut queue = VecDeque::from([target]);
        while let Some(idx) = queue.pop_front() {
            for (from, kind) in graph.edges_to(idx) {
                if !std::mem::replace(&mut seen[*from as usize], true) {
                    next.insert(*from, (idx, *kind));
                    queue.push_back(*from);
                }
            }
        }
        let mut reasons: Vec<AliveBecause> = self
            .root_nodes(&graph)?
            .into_iter()
            .filter(|(root, _)| seen[*root as usize])
            .map(|(root, roots)| {
                let mut chain = vec![(graph.path(root).clone(), AliveEdge::Root)];
                let mut at = root;
                while at != target {
                    let (to, kind) = next[&at];
                    let edge = match kind {
                        EdgeKind::Reference => AliveEdge::Reference,
                        EdgeKind::Output => AliveEdge::Output,
                        EdgeKind::Deriver => AliveEdge::Deriver,
                    };
                    chain.push((graph.path(to).clone(), edge));
                    at = to;
                }
                AliveBecause { roots, chain }
            })
            .collect();
        reasons.sort_by_key(|reason| reason.chain.len());
        Ok(reasons)
    }
}

fn reachable(graph: &LiveGraph, start: NodeIdx) -> Vec<NodeIdx> {
    let mut seen = vec![false; graph.n_nodes()];
    let mut reached = Vec::new();
    let mut pending = vec![start];
    while let Some(idx) = pending.pop() {
        if std::mem::replace(&mut seen[idx as usize], true) {
            continue;
        }
        reached.push(idx);
        pending.extend(graph.edges_from(idx).iter().map(|(end, _)| *end));
    }
    reached
}

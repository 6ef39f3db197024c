//! The reference graph in memory, and which of its nodes are alive.

use std::collections::HashMap;

use firn_store_model::StorePath;

use crate::local::db::Graph;

/// A node's position.
pub(super) type NodeIdx = u32;

/// Why an edge keeps its end alive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum EdgeKind {
    Reference,
    Output,
    Deriver,
}

/// Edges as one array, cut by an offset for each node.
struct Edges {
    offsets: Vec<u32>,
    ends: Vec<(NodeIdx, EdgeKind)>,
}

impl Edges {
    fn new(n_nodes: usize, edges: &[(NodeIdx, NodeIdx, EdgeKind)], reverse: bool) -> Self {
        let from = |edge: &(NodeIdx, NodeIdx, EdgeKind)| if reverse { edge.1 } else { edge.0 };
        let mut offsets = vec![0; n_nodes + 1];
        for edge in edges {
            offsets[from(edge) as usize + 1] += 1;
        }
        for idx in 0..n_nodes {
            offsets[idx + 1] += offsets[idx];
        }
        let mut next = offsets.clone();
        let mut ends = vec![(0, EdgeKind::Reference); edges.len()];
        for edge in edges {
            let slot = &mut next[from(edge) as usize];
            ends[*slot as usize] = (if reverse { edge.0 } else { edge.1 }, edge.2);
            *slot += 1;
        }
        Self { offsets, ends }
    }

    fn of(&self, idx: NodeIdx) -> &[(NodeIdx, EdgeKind)] {
        let range = self.offsets[idx as usize]..self.offsets[idx as usize + 1];
        &self.ends[range.start as usize..range.end as usize]
    }
}

/// All valid paths, what keeps what alive, and what is alive.
pub(super) struct LiveGraph {
    paths: Vec<StorePath>,
    sizes: Vec<u64>,
    /// By hash part.
    index: HashMap<Box<str>, NodeIdx>,
    forward: Edges,
    backward: Edges,
    alive: Vec<bool>,
}

impl LiveGraph {
    pub(super) fn new(graph: Graph, keep_outputs: bool, keep_derivations: bool) -> Self {
        let n_nodes = graph.nodes.len();
        let mut by_id = HashMap::with_capacity(n_nodes);
        let mut index: HashMap<Box<str>, NodeIdx> = HashMap::with_capacity(n_nodes);
        for (idx, node) in graph.nodes.iter().enumerate() {
            by_id.insert(node.id, idx as NodeIdx);
            index.insert(node.path.hash_part().into(), idx as NodeIdx);
        }
        let mut edges = Vec::with_capacity(graph.references.len());
        for (referrer, reference) in &graph.references {
            if let (Some(from), Some(to)) = (by_id.get(referrer), by_id.get(reference))
                && from != to
            {
                edges.push((*from, *to, EdgeKind::Reference));
            }
        }
        if keep_outputs {
            for (drv, output) in &graph.outputs {
                if let (Some(from), Some(to)) = (by_id.get(drv), index.get(output.hash_part())) {
                    edges.push((*from, *to, EdgeKind::Output));
                }
            }
        }
        let mut paths = Vec::with_capacity(n_nodes);
        let mut sizes = Vec::with_capacity(n_nodes);
        for (idx, node) in graph.nodes.into_iter().enumerate() {
            if keep_derivations
                && let Some(deriver) = node
                    .deriver
                    .and_then(|deriver| index.get(deriver.hash_part()))
            {
                edges.push((idx as NodeIdx, *deriver, EdgeKind::Deriver));
            }
            paths.push(node.path);
            sizes.push(node.nar_size);
        }
        Self {
            forward: Edges::new(n_nodes, &edges, false),
            backward: Edges::new(n_nodes, &edges, true),
            alive: vec![false; n_nodes],
            paths,
            sizes,
            index,
        }
    }

    pub(super) fn find(&self, path: &StorePath) -> Option<NodeIdx> {
        self.find_hash_part(path.hash_part())
            .filter(|idx| self.path(*idx) == path)
    }

    pub(super) fn find_hash_part(&self, hash_part: &str) -> Option<NodeIdx> {
        self.index.get(hash_part).copied()
    }

    pub(super) fn path(&self, idx: NodeIdx) -> &StorePath {
        &self.paths[idx as usize]
    }

    pub(super) fn size(&self, idx: NodeIdx) -> u64 {
        self.sizes[idx as usize]
    }

    pub(super) fn n_nodes(&self) -> usize {
        self.paths.len()
    }

    pub(super) fn is_alive(&self, idx: NodeIdx) -> bool {
        self.alive[idx as usize]
    }

    pub(super) fn edges_from(&self, idx: NodeIdx) -> &[(NodeIdx, EdgeKind)] {
        self.forward.of(idx)
    }

    pub(super) fn edges_to(&self, idx: NodeIdx) -> &[(NodeIdx, EdgeKind)] {
        self.backward.of(idx)
    }

    /// Marks a node and all it keeps alive.
    pub(super) fn mark_alive(&mut self, idx: NodeIdx) {
        let mut pending = vec![idx];
        while let Some(idx) = pending.pop() {
            if std::mem::replace(&mut self.alive[idx as usize], true) {
                continue;
            }
            let ends = self.forward.of(idx).iter().map(|(end, _)| *end);
            pending.extend(ends.filter(|end| !self.alive[*end as usize]));
        }
    }

    fn nodes(&self) -> impl Iterator<Item = NodeIdx> + use<> {
        0..self.paths.len() as NodeIdx
    }

    pub(super) fn alive(&self) -> Vec<&StorePath> {
        self.nodes()
            .filter(|idx| self.is_alive(*idx))
            .map(|idx| self.path(idx))
            .collect()
    }

    pub(super) fn dead(&self) -> Vec<&StorePath> {
        self.nodes()
            .filter(|idx| !self.is_alive(*idx))
            .map(|idx| self.path(idx))
            .collect()
    }

    /// Dead nodes, each after everything that refers to it.
    pub(super) fn dead_referrers_first(&self) -> Vec<NodeIdx> {
        let dead: Vec<NodeIdx> = self.nodes().filter(|idx| !self.is_alive(*idx)).collect();
        self.referrers_first(&dead)
    }

    /// Sorts nodes so that each comes after those among them that refer to it. Only references
    /// count: they are what the database insists on.
    pub(super) fn referrers_first(&self, nodes: &[NodeIdx]) -> Vec<NodeIdx> {
        let mut waits_for: HashMap<NodeIdx, usize> = nodes.iter().map(|idx| (*idx, 0)).collect();
        let references = |idx: NodeIdx| {
            let edges = self.forward.of(idx).iter();
            edges
                .filter(|(_, kind)| *kind == EdgeKind::Reference)
                .map(|(end, _)| *end)
        };
        for idx in nodes {
            for end in references(*idx) {
                if let Some(count) = waits_for.get_mut(&end) {
                    *count += 1;
                }
            }
        }
        let mut order: Vec<NodeIdx> = nodes
            .iter()
            .copied()
            .filter(|idx| waits_for[idx] == 0)
            .collect();
        let mut done = 0;
        while done < order.len() {
            for end in references(order[done]) {
                if let Some(count) = waits_for.get_mut(&end) {
                    *count -= 1;
                    if *count == 0 {
                        order.push(end);
                    }
                }
            }
            done += 1;
        }
        order
    }

    /// A node and everything that it is kept alive by, directly or not.
    pub(super) fn backward_closure(&self, idx: NodeIdx) -> Vec<NodeIdx> {
        let mut seen = vec![false; self.n_nodes()];
        let mut order = Vec::new();
        let mut pending = vec![idx];
        while let Some(idx) = pending.pop() {
            if std::mem::replace(&mut seen[idx as usize], true) {
                continue;
            }
            order.push(idx);
            pending.extend(self.backward.of(idx).iter().map(|(end, _)| *end));
        }
        order
    }
}

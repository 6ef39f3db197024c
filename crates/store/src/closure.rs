//! Closures and orders over the reference graph.
//!
//! Nothing here recurses: closures of real systems are thousands of paths deep.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use firn_store_model::{StorePath, ValidPathInfo};

use crate::error::StoreError;
use crate::store::Store;
use crate::types::StorePathSet;

/// Which edges a closure follows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ClosureOptions {
    /// From a path to its referrers instead of its references.
    pub referrers: bool,
    /// From a derivation to its valid outputs (or back, along referrers).
    pub include_outputs: bool,
    /// From an output to its valid derivers (or back, along referrers).
    pub include_derivers: bool,
}

/// Everything reachable from some valid paths, themselves included.
pub fn closure(
    store: &dyn Store,
    start: impl IntoIterator<Item = StorePath>,
    options: ClosureOptions,
) -> Result<StorePathSet, StoreError> {
    let mut seen = StorePathSet::new();
    let mut pending: Vec<StorePath> = start.into_iter().collect();
    while let Some(path) = pending.pop() {
        if seen.contains(&path) {
            continue;
        }
        pending.extend(neighbours(store, &path, options)?);
        seen.insert(path);
    }
    Ok(seen)
}

fn neighbours(
    store: &dyn Store,
    path: &StorePath,
    options: ClosureOptions,
) -> Result<StorePathSet, StoreError> {
    let mut next = StorePathSet::new();
    let outputs_of = |next: &mut StorePathSet| -> Result<(), StoreError> {
        if path.is_derivation() {
            for output in store
                .query_derivation_output_map(path)?
                .into_values()
                .flatten()
            {
                if store.is_valid_path(&output)? {
                    next.insert(output);
                }
            }
        }
        Ok(())
    };
    if options.referrers {
        next.extend(store.query_referrers(path)?);
        if options.include_outputs {
            next.extend(store.valid_derivers(path)?);
        }
        if options.include_derivers {
            outputs_of(&mut next)?;
        }
    } else {
        let info = path_info(store, path)?;
        next.extend(info.references.iter().cloned());
        if options.include_outputs {
            outputs_of(&mut next)?;
        }
        if options.include_derivers
            && let Some(deriver) = &info.deriver
            && store.is_valid_path(deriver)?
        {
            next.insert(deriver.clone());
        }
    }
    Ok(next)
}

/// What a store knows of a path that has to be valid.
pub fn path_info(store: &dyn Store, path: &StorePath) -> Result<Arc<ValidPathInfo>, StoreError> {
    store
        .query_path_info(path)?
        .ok_or_else(|| StoreError::InvalidPath {
            path: store.store_dir().print(path),
        })
}

/// Sorts paths so that each comes before everything it refers to. Paths that are not valid have
/// no references, unless they are in the store's source of derivations. Among what is free to go, the order is that of a depth-first visit in the order
/// of names, which is the one that other tools print.
pub fn sort_topologically(
    store: &dyn Store,
    paths: &StorePathSet,
) -> Result<Vec<StorePath>, StoreError> {
    let mut references: BTreeMap<&StorePath, BTreeSet<StorePath>> = BTreeMap::new();
    for path in paths {
        let info = match (store.query_path_info(path)?, store.derivation_source()) {
            (None, Some(elsewhere)) => elsewhere.query_path_info(path)?,
            (info, _) => info,
        };
        let of_path = info.map(|info| info.references.clone());
        references.insert(path, of_path.unwrap_or_default());
    }
    let index: HashMap<&StorePath, usize> = paths
        .iter()
        .enumerate()
        .map(|(idx, path)| (path, idx))
        .collect();
    let in_order: Vec<&StorePath> = paths.iter().collect();
    let edges = |idx: usize| -> Vec<usize> {
        let references = references[in_order[idx]].iter();
        references
            .filter_map(|path| index.get(path).copied())
            .filter(|it| *it != idx)
            .collect()
    };
    match depth_first(in_order.len(), edges) {
        Ok(mut order) => {
            order.reverse();
            Ok(order.into_iter().map(|idx| in_order[idx].clone()).collect())
        }
        Err((node, parent)) => Err(StoreError::Cycle {
            path: store.store_dir().print(in_order[node]),
            parent: store.store_dir().print(in_order[parent]),
        }),
    }
}

/// Two nodes of a circle, the second leading to the first; `None` if there is no circle.
pub(crate) fn find_cycle(
    n_nodes: usize,
    edges: impl Fn(usize) -> Vec<usize>,
) -> Option<(usize, usize)> {
    depth_first(n_nodes, edges).err()
}

/// The nodes, each after everything it leads to; or an edge that closes a circle.
fn depth_first(
    n_nodes: usize,
    edges: impl Fn(usize) -> Vec<usize>,
) -> Result<Vec<usize>, (usize, usize)> {
    #[derive(Clone, Copy, PartialEq)]
    enum State {
        New,
        Open,
        Done,
    }
    let mut state = vec![State::New; n_nodes];
    let mut order = Vec::with_capacity(n_nodes);
    let mut stack: Vec<(usize, std::vec::IntoIter<usize>)> = Vec::new();
    for start in 0..n_nodes {
        if state[start] != State::New {
            continue;
        }
        state[start] = State::Open;
        stack.push((start, edges(start).into_iter()));
        while let Some((node, next)) = stack.last_mut() {
            let node = *node;
            match next.next() {
                Some(child) if state[child] == State::New => {
                    state[child] = State::Open;
                    stack.push((child, edges(child).into_iter()));
                }
                Some(child) if state[child] == State::Open => return Err((child, node)),
                Some(_) => {}
                None => {
                    state[node] = State::Done;
                    order.push(node);
                    stack.pop();
                }
            }
        }
    }
    Ok(order)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orders_follow_edges_and_circles_are_found() {
        let edges = |graph: &'static [&'static [usize]]| move |idx: usize| graph[idx].to_vec();
        let order = depth_first(4, edges(&[&[1, 2], &[3], &[3], &[]])).expect("no circle");
        assert_eq!(order, [3, 1, 2, 0]);
        assert_eq!(find_cycle(3, edges(&[&[1], &[2], &[0]])), Some((0, 2)));
    }
}

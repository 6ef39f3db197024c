//! String contexts: which store objects a string speaks of.
//!
//! A context is a set of elements. Both elements and sets are interned, so that a string carries
//! 31 bits, equal contexts are equal ids, and the union of two, by far the most frequent
//! operation, is one look-up after the first time. Store paths are plain bytes here.

use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

use firn_symbol::FastMap;

/// One thing that a string may refer to.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ContextElement {
    /// A store path as it is.
    Opaque(Box<[u8]>),
    /// A derivation with everything that building its closure gives.
    DrvDeep(Box<[u8]>),
    /// An output of a derivation.
    Built {
        /// The derivation's store path.
        drv: Box<[u8]>,
        /// The output's name.
        output: Box<[u8]>,
    },
}

/// An interned context.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub struct ContextId(pub(crate) u32);

impl ContextId {
    /// No element.
    pub const EMPTY: Self = Self(0);

    /// Whether there is no element.
    #[inline]
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }
}

#[derive(Default)]
struct Tables {
    elements: Vec<ContextElement>,
    element_ids: FastMap<ContextElement, u32>,
    /// Sorted element ids of each context; the empty one is not stored, so `sets[0]` is context 1.
    sets: Vec<Arc<[u32]>>,
    set_ids: FastMap<Arc<[u32]>, u32>,
    unions: FastMap<(u32, u32), u32>,
}

impl Tables {
    fn element(&mut self, element: &ContextElement) -> u32 {
        if let Some(&id) = self.element_ids.get(element) {
            return id;
        }
        let id = self.elements.len() as u32;
        self.elements.push(element.clone());
        self.element_ids.insert(element.clone(), id);
        id
    }

    fn set(&mut self, sorted: Vec<u32>) -> u32 {
        if sorted.is_empty() {
            return 0;
        }
        if let Some(&id) = self.set_ids.get(sorted.as_slice()) {
            return id;
        }
        let set: Arc<[u32]> = sorted.into();
        self.sets.push(Arc::clone(&set));
        let id = self.sets.len() as u32;
        assert!(id < 1 << 31, "fewer than 2^31 contexts");
        self.set_ids.insert(set, id);
        id
    }

    fn ids(&self, context: ContextId) -> &[u32] {
        match context.0.checked_sub(1) {
            Some(idx) => &self.sets[idx as usize],
            None => &[],
        }
    }
}

/// The contexts of one heap.
#[derive(Default)]
pub struct Contexts {
    tables: RwLock<Tables>,
}

impl Contexts {
    fn read(&self) -> RwLockReadGuard<'_, Tables> {
        self.tables.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// The context of one element.
    pub fn single(&self, element: &ContextElement) -> ContextId {
        self.of([element])
    }

    /// The context of these elements, in any order.
    pub fn of<'a>(&self, elements: impl IntoIterator<Item = &'a ContextElement>) -> ContextId {
        let mut tables = self.tables.write().unwrap_or_else(PoisonError::into_inner);
        let mut ids: Vec<u32> = elements
            .into_iter()
            .map(|element| tables.element(element))
            .collect();
        ids.sort_unstable();
        ids.dedup();
        ContextId(tables.set(ids))
    }

    /// The union of two contexts.
    #[inline]
    pub fn union(&self, left: ContextId, right: ContextId) -> ContextId {
        if right.is_empty() || left == right {
            return left;
        }
        if left.is_empty() {
            return right;
        }
        self.union_of_two(left, right)
    }

    fn union_of_two(&self, left: ContextId, right: ContextId) -> ContextId {
        let key = (left.0.min(right.0), left.0.max(right.0));
        if let Some(&id) = self.read().unions.get(&key) {
            return ContextId(id);
        }
        let mut tables = self.tables.write().unwrap_or_else(PoisonError::into_inner);
        let mut ids = [tables.ids(left), tables.ids(right)].concat();
        ids.sort_unstable();
        ids.dedup();
        let id = tables.set(ids);
        tables.unions.insert(key, id);
        ContextId(id)
    }

    /// The elements, in their natural order.
    pub fn elements(&self, context: ContextId) -> Vec<ContextElement> {
        let tables = self.read();
        let mut elements: Vec<ContextElement> = tables
            .ids(context)
            .iter()
            .map(|&id| tables.elements[id as usize].clone())
            .collect();
        elements.sort_unstable();
        elements
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn opaque(path: &str) -> ContextElement {
        ContextElement::Opaque(path.as_bytes().into())
    }

    #[test]
    fn equal_contexts_are_equal_ids() {
        let contexts = Contexts::default();
        let (a, b) = (opaque("/s/a"), opaque("/s/b"));
        let both = contexts.of([&b, &a, &b]);
        assert_eq!(
            both,
            contexts.union(contexts.single(&a), contexts.single(&b))
        );
        assert_eq!(both, contexts.union(both, contexts.single(&b)));
        assert_eq!(contexts.elements(both), [a.clone(), b]);
        assert_eq!(contexts.union(ContextId::EMPTY, both), both);
        assert_eq!(contexts.of([]), ContextId::EMPTY);
        assert_ne!(
            contexts.single(&a),
            contexts.single(&ContextElement::DrvDeep(b"/s/a".as_slice().into()))
        );
    }
}

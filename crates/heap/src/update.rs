//! `//`: the right set's attributes over the left one's.
//!
//! Four ways, cheapest first. An empty side gives the other. Two shared shapes of moderate size
//! give a *plan*, made once: the result's shape and where each of its values comes from. A small
//! set over a large one becomes a *layer*; the two newest layers are merged while the newer is more
//! than half of the older, so that depth is logarithmic and copying amortised. Everything else is
//! merged key by key.

use std::cell::{Cell, OnceCell};
use std::sync::{Mutex, PoisonError};

use firn_symbol::{FastMap, Symbol};

use crate::alloc::Alloc;
use crate::set::{FlatSet, Set};
use crate::shape::Shape;
use crate::word::Word;

/// Pairs of shapes with more keys than this get no plan.
const MAX_PLAN_KEYS: usize = 96;
/// A left set must have at least this many attributes to be layered on.
const MIN_LAYERED: usize = 24;
/// Plans kept by one heap.
const MAX_PLANS: usize = 1 << 18;
const CACHE_SLOTS: usize = 1024;
/// Keys of one side in a row that are looked at one by one; the end of a longer run, which the
/// larger of two sets has, is found by halving.
const SHORT_RUN: usize = 8;
/// Marks a source index as one of the right set.
const RIGHT: u32 = 1 << 31;

/// How the union of two sets is made whose shapes have these bases.
struct Plan<'h> {
    /// The base of the result's shape.
    base: &'h Shape<'h>,
    /// For each key, the slot on the left, or on the right with [`RIGHT`] set.
    sources: &'h [u32],
}

#[derive(Clone, Copy)]
struct Erased(*const Plan<'static>);

// SAFETY: plans are immutable and shared between threads by reference; this is such a reference.
unsafe impl Send for Erased {}

/// The plans of one heap, by the addresses of both bases.
#[derive(Default)]
pub(crate) struct PlanTable(Mutex<FastMap<(usize, usize), Erased>>);

/// A plan, and the shape of the union of two sets with these very shapes.
type Known<'h> = (&'h Plan<'h>, &'h Shape<'h>);

type CacheLine<'h> = Cell<(usize, usize, Option<Known<'h>>)>;

/// A worker's direct-mapped view of the table.
#[derive(Default)]
pub(crate) struct PlanCache<'h>(OnceCell<Box<[CacheLine<'h>]>>);

impl PlanCache<'_> {
    /// Forgets everything: shapes may be about to die.
    pub(crate) fn clear(&self) {
        for line in self.0.get().into_iter().flatten() {
            line.set((0, 0, None));
        }
    }
}

impl<'h> PlanCache<'h> {
    fn line(&self, left: usize, right: usize) -> &CacheLine<'h> {
        let lines = self
            .0
            .get_or_init(|| (0..CACHE_SLOTS).map(|_| Cell::new((0, 0, None))).collect());
        let mixed = (left >> 4) ^ (right >> 4).wrapping_mul(0x9e37_79b1);
        &lines[(mixed ^ (mixed >> 10)) % CACHE_SLOTS]
    }
}

fn address(shape: &Shape<'_>) -> usize {
    std::ptr::from_ref(shape).addr()
}

/// Keys and sources of the union, in symbol order.
fn join(left: &Shape<'_>, right: &Shape<'_>) -> (Vec<Symbol>, Vec<u32>) {
    let (left_keys, right_keys) = (left.keys(), right.keys());
    let most = left_keys.len() + right_keys.len();
    let mut keys = Vec::with_capacity(most);
    let mut sources = Vec::with_capacity(most);
    let mut l = 0;
    let take_left = |keys: &mut Vec<Symbol>, sources: &mut Vec<u32>, from: usize, to: usize| {
        keys.extend_from_slice(&left_keys[from..to]);
        sources.extend(from as u32..to as u32);
    };
    for (r, &key) in right_keys.iter().enumerate() {
        let rest = &left_keys[l..];
        let mut run = rest
            .iter()
            .take(SHORT_RUN)
            .take_while(|&&it| it < key)
            .count();
        if run == SHORT_RUN {
            run += rest[SHORT_RUN..].partition_point(|&it| it < key);
        }
        take_left(&mut keys, &mut sources, l, l + run);
        l += run + usize::from(rest.get(run) == Some(&key));
        keys.push(key);
        sources.push(r as u32 | RIGHT);
    }
    take_left(&mut keys, &mut sources, l, left_keys.len());
    (keys, sources)
}

fn apply<'h, C>(
    alloc: &Alloc<'h>,
    shape: &'h Shape<'h>,
    sources: &[u32],
    left: &[Word<'h, C>],
    right: &[Word<'h, C>],
) -> Word<'h, C> {
    let mut sources = sources.iter();
    Word::set_from(alloc, shape, || {
        let source = *sources.next().expect("a source for each key");
        if source & RIGHT == 0 {
            left[source as usize]
        } else {
            right[(source & !RIGHT) as usize]
        }
    })
}

/// The plan for sets of these shapes, and the shape of their union.
#[inline]
fn known<'h>(alloc: &Alloc<'h>, left: &'h Shape<'h>, right: &'h Shape<'h>) -> Option<Known<'h>> {
    let line = alloc.plan_cache.line(address(left), address(right));
    if let (l, r, Some(known)) = line.get()
        && (l, r) == (address(left), address(right))
    {
        return Some(known);
    }
    let plan = plan(alloc, left.base(), right.base())?;
    let known = (plan, alloc.derived_shape(plan.base, left, right));
    line.set((address(left), address(right), Some(known)));
    Some(known)
}

fn plan<'h>(alloc: &Alloc<'h>, left: &'h Shape<'h>, right: &'h Shape<'h>) -> Option<&'h Plan<'h>> {
    let key = (address(left), address(right));
    let mut table = alloc
        .heap()
        .plans
        .0
        .lock()
        .unwrap_or_else(PoisonError::into_inner);
    if let Some(known) = table.get(&key) {
        // SAFETY: the table belongs to the heap of this allocator, which lives for `'h`, and plans
        // are never freed before it.
        return Some(unsafe { &*known.0.cast::<Plan<'h>>() });
    }
    if table.len() >= MAX_PLANS {
        return None;
    }
    let (keys, sources) = join(left, right);
    let plan = alloc.value(Plan {
        base: alloc.shared_shape(&keys),
        sources: alloc.slice(&sources),
    });
    table.insert(key, Erased(std::ptr::from_ref(plan).cast()));
    Some(plan)
}

/// The union of two flat sets as a flat set with a shape of its own.
pub(crate) fn merge<'h, C>(
    alloc: &Alloc<'h>,
    left: FlatSet<'h, C>,
    right: FlatSet<'h, C>,
) -> FlatSet<'h, C> {
    let (keys, sources) = join(left.shape, right.shape);
    let base = if keys.len() == left.len() {
        left.shape.bare(alloc)
    } else {
        alloc.private_shape(&keys, &[])
    };
    let shape = alloc.derived_shape(base, left.shape, right.shape);
    apply(alloc, shape, &sources, left.values, right.values)
        .as_set()
        .and_then(Set::as_flat)
        .expect("a set with a shape is flat")
}

impl<'h, C> Set<'h, C> {
    /// `self // right`.
    pub fn update(self, alloc: &Alloc<'h>, right: Self) -> Word<'h, C> {
        if right.is_empty() {
            return self.word();
        }
        if self.is_empty() {
            return right.word();
        }
        if let (Some(left), Some(right)) = (self.as_flat(), right.as_flat())
            && left.shape.is_shared()
            && right.shape.is_shared()
            && left.len() + right.len() <= MAX_PLAN_KEYS
            && let Some((plan, shape)) = known(alloc, left.shape, right.shape)
        {
            return apply(alloc, shape, plan.sources, left.values, right.values);
        }
        let right = right.flat(alloc);
        let largest = self.layers().last().map_or(0, FlatSet::len);
        if largest >= MIN_LAYERED && right.len() * 4 <= largest {
            return self.push_layer(alloc, right);
        }
        merge(alloc, self.flat(alloc), right).word()
    }

    fn push_layer(self, alloc: &Alloc<'h>, newest: FlatSet<'h, C>) -> Word<'h, C> {
        let mut layers: Vec<FlatSet<'h, C>> = Vec::with_capacity(8);
        let mut newest = newest;
        let mut older = self.layers().peekable();
        while let Some(next) = older.peek() {
            if newest.len() * 2 <= next.len() {
                break;
            }
            newest = merge(alloc, *next, newest);
            older.next();
        }
        layers.push(newest);
        layers.extend(older);
        if layers.len() == 1 {
            layers[0].word()
        } else {
            Word::layered_set(alloc, &layers)
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::set::{Duplicates, SetBuilder};
    use crate::{Heap, Kind};

    type Model = BTreeMap<u32, i64>;

    fn build<'h>(alloc: &Alloc<'h>, model: &Model) -> Set<'h, ()> {
        let mut builder = SetBuilder::default();
        for (key, value) in model {
            let name = format!("update-{key}");
            builder.push(Symbol::intern(name.as_bytes()), Word::int(alloc, *value));
        }
        let word = builder.finish(alloc, Duplicates::KeepLast);
        assert_eq!(word.kind(), Kind::Set);
        word.as_set().expect("a set")
    }

    fn check(alloc: &Alloc<'_>, set: Set<'_, ()>, model: &Model) {
        for key in 0..300 {
            let name = Symbol::intern(format!("update-{key}").as_bytes());
            assert_eq!(
                set.get(name).and_then(Word::as_int),
                model.get(&key).copied(),
                "key {key}"
            );
        }
        assert_eq!(set.is_empty(), model.is_empty());
        let _ = alloc;
    }

    #[test]
    fn agrees_with_a_map_at_every_size() {
        let heap = Heap::new();
        let alloc = Alloc::new(&heap);
        let mut state = 12345_u32;
        let mut random = move |below: u32| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 8) % below
        };
        for round in 0..60 {
            let mut model = Model::new();
            let mut set = build(&alloc, &model);
            for step in 0..40 {
                let n = match random(4) {
                    0 => 0,
                    1 => random(3),
                    2 => random(12),
                    _ => random(120),
                };
                let right: Model = (0..n)
                    .map(|_| (random(300), i64::from(round * 1000 + step)))
                    .collect();
                model.extend(&right);
                let right = build(&alloc, &right);
                set = set.update(&alloc, right).as_set().expect("a set");
                check(&alloc, set, &model);
            }
            assert_eq!(set.len(&alloc), model.len());
            check(
                &alloc,
                set.flat(&alloc).word().as_set().expect("a set"),
                &model,
            );
        }
    }

    #[test]
    fn plans_are_made_once() {
        let heap = Heap::new();
        let alloc = Alloc::new(&heap);
        let left = build(&alloc, &Model::from([(1, 1), (2, 2)]));
        let right = build(&alloc, &Model::from([(2, 3), (3, 4)]));
        let shape = |set: Set<'_, ()>| address(set.as_flat().expect("flat").shape);
        let first = left.update(&alloc, right).as_set().expect("a set");
        let second = left.update(&alloc, right).as_set().expect("a set");
        assert_eq!(shape(first), shape(second));
        let other = Alloc::new(&heap);
        let third = left.update(&other, right).as_set().expect("a set");
        assert_eq!(shape(first), shape(third));
    }
}

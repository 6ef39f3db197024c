//! Attribute sets.
//!
//! A *flat* set is the address of its [`Shape`] and one word for each key. A *layered* set, which
//! only `//` on large sets makes, is the word 1, a memo of its flat form, a count of layers and of
//! look-ups, and that many flat sets, newest first. Readers see no difference: look-ups go through
//! the layers, and enumeration makes the flat form once and publishes it through one atomic word.
//! So do look-ups once there have been enough of them to pay for it.

use std::marker::PhantomData;
use std::num::NonZeroU64;
use std::sync::atomic::{AtomicU64, Ordering};

use firn_symbol::Symbol;

use crate::alloc::Alloc;
use crate::blocks::Content;
use crate::shape::{AttrPos, Shape};
use crate::word::{Brand, TAG_SET, Word};

const LAYERED: u64 = 1;

/// Remembers, at one place of the code, where one key was in the last set seen there, by the base
/// of its shape.
#[derive(Default)]
pub struct InlineCache(AtomicU64);

impl InlineCache {
    /// The address of the shape that was seen, or 0.
    pub(crate) fn shape(&self) -> usize {
        (self.0.load(Ordering::Relaxed) >> 16) as usize
    }

    /// Forgets it.
    pub(crate) fn wipe(&self) {
        self.0.store(0, Ordering::Relaxed);
    }
}

const ABSENT: u64 = 0xffff;

/// A set value.
pub struct Set<'h, C> {
    object: *mut u64,
    brand: Brand<'h, C>,
}

impl<C> Clone for Set<'_, C> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<C> Copy for Set<'_, C> {}

/// A set without layers: keys and values side by side.
pub struct FlatSet<'h, C> {
    /// The keys.
    pub shape: &'h Shape<'h>,
    /// The values, in the order of the shape's keys.
    pub values: &'h [Word<'h, C>],
}

impl<C> Clone for FlatSet<'_, C> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<C> Copy for FlatSet<'_, C> {}

impl<'h, C> FlatSet<'h, C> {
    /// Number of attributes.
    #[inline]
    pub fn len(self) -> usize {
        self.values.len()
    }

    /// Whether there is no attribute.
    pub fn is_empty(self) -> bool {
        self.values.is_empty()
    }

    /// The value of a key.
    #[inline]
    pub fn get(self, key: Symbol) -> Option<Word<'h, C>> {
        self.shape.find(key).map(|slot| self.values[slot])
    }

    /// Keys and values in symbol order, which is not one to show.
    pub fn iter(self) -> impl Iterator<Item = (Symbol, Word<'h, C>)> {
        self.shape
            .keys()
            .iter()
            .copied()
            .zip(self.values.iter().copied())
    }

    /// A set with the same keys whose values are computed from these; it remembers no positions.
    pub fn map(
        self,
        alloc: &Alloc<'h>,
        mut value: impl FnMut(Symbol, Word<'h, C>) -> Word<'h, C>,
    ) -> Word<'h, C> {
        let mut attrs = self.iter();
        Word::set_from(alloc, self.shape.bare(alloc), || {
            let (key, old) = attrs.next().expect("one for each key");
            value(key, old)
        })
    }

    /// The attributes in the slots that `keep` chooses.
    pub fn filter(self, alloc: &Alloc<'h>, mut keep: impl FnMut(usize) -> bool) -> Word<'h, C> {
        let slots: Vec<u32> = (0..self.len() as u32)
            .filter(|&slot| keep(slot as usize))
            .collect();
        if slots.len() == self.len() {
            return self.word();
        }
        let keys: Vec<Symbol> = slots
            .iter()
            .map(|&slot| self.shape.keys()[slot as usize])
            .collect();
        let base =
            if self.shape.is_shared() && keys.len() <= MAX_SHARED_FILTERED && alloc.may_share() {
                alloc.shared_shape(&keys)
            } else {
                alloc.private_shape(&keys, &[])
            };
        let shape = alloc.derived_shape(base, self.shape, self.shape);
        let mut slots = slots.iter();
        Word::set_from(alloc, shape, || {
            self.values[*slots.next().expect("one for each key") as usize]
        })
    }

    /// Keys and values in the order of names.
    pub fn by_name(
        self,
        alloc: &Alloc<'h>,
    ) -> impl Iterator<Item = (Symbol, Word<'h, C>)> + use<'h, C> {
        let keys = self.shape.keys();
        let order = self.shape.by_name(alloc);
        order
            .iter()
            .map(move |&slot| (keys[slot as usize], self.values[slot as usize]))
    }
}

impl<'h, C> Set<'h, C> {
    #[inline]
    fn first(self) -> u64 {
        // SAFETY: a set object has a first word.
        unsafe { self.object.read() }
    }

    /// # Safety
    /// The set must not be layered.
    #[inline]
    unsafe fn flat_unchecked(self) -> FlatSet<'h, C> {
        // SAFETY: the first word of a flat set is the address of its shape, and it has as many
        // words behind it as the shape has keys, never written again.
        unsafe {
            let shape: &'h Shape<'h> = &*std::ptr::with_exposed_provenance(self.first() as usize);
            let values =
                std::slice::from_raw_parts(self.object.add(1).cast::<Word<'h, C>>(), shape.len());
            FlatSet { shape, values }
        }
    }

    /// The set as a word.
    pub fn word(self) -> Word<'h, C> {
        // SAFETY: a `Set` is only made from a word of a set object.
        unsafe { Word::from_object(self.object, TAG_SET) }
    }

    /// The flat form, if there are no layers.
    #[inline]
    pub fn as_flat(self) -> Option<FlatSet<'h, C>> {
        if self.first() & LAYERED == 0 {
            // SAFETY: just checked.
            Some(unsafe { self.flat_unchecked() })
        } else {
            None
        }
    }

    /// The layers, newest first; one for a flat set.
    pub(crate) fn layers(self) -> impl Iterator<Item = FlatSet<'h, C>> {
        let (start, count) = if self.first() & LAYERED == 0 {
            (std::ptr::null_mut(), 0)
        } else {
            // SAFETY: the layers of a layered set begin at its fourth word.
            let layers = unsafe { self.object.add(3) };
            (
                layers,
                (self.counts().load(Ordering::Relaxed) as u32) as usize,
            )
        };
        let single = (count == 0).then_some(self);
        (0..count)
            .map(move |idx| {
                // SAFETY: so many words of flat sets follow the count.
                let word = unsafe { start.add(idx).cast::<Word<'h, C>>().read() };
                Set {
                    object: word.object(),
                    brand: PhantomData,
                }
            })
            .chain(single)
            // SAFETY: layers are flat, and a set without layers is.
            .map(|set| unsafe { set.flat_unchecked() })
    }

    fn memo(self) -> &'h AtomicU64 {
        // SAFETY: the second word of a layered set is only accessed as this atomic.
        unsafe { AtomicU64::from_ptr(self.object.add(1)) }
    }

    /// The number of layers, and in the upper half of look-ups so far.
    fn counts(self) -> &'h AtomicU64 {
        // SAFETY: the third word of a layered set is only accessed as this atomic.
        unsafe { AtomicU64::from_ptr(self.object.add(2)) }
    }

    /// The flat form of a layered set, if it was made; or if it is worth making by now.
    fn flat_if_worth(self, alloc: &Alloc<'h>) -> Option<FlatSet<'h, C>> {
        if self.memo().load(Ordering::Relaxed) == 0 {
            let counts = self.counts().load(Ordering::Relaxed);
            // Losing a count to another thread only postpones the flat form.
            self.counts().store(counts + (1 << 32), Ordering::Relaxed);
            let size = self.layers().last().map_or(0, FlatSet::len) as u64;
            if (counts >> 32) * 4 < size {
                return None;
            }
        }
        Some(self.flatten(alloc))
    }

    /// The flat form, made and remembered if there is none yet.
    #[inline]
    pub fn flat(self, alloc: &Alloc<'h>) -> FlatSet<'h, C> {
        match self.as_flat() {
            Some(flat) => flat,
            None => self.flatten(alloc),
        }
    }

    #[cold]
    fn flatten(self, alloc: &Alloc<'h>) -> FlatSet<'h, C> {
        if let Some(bits) = NonZeroU64::new(self.memo().load(Ordering::Acquire)) {
            let set = Set {
                object: Word::<C>::from_bits(bits).object(),
                brand: PhantomData,
            };
            // SAFETY: the memo of a layered set is a flat set.
            return unsafe { set.flat_unchecked() };
        }
        let layers: Vec<FlatSet<'h, C>> = self.layers().collect();
        let flat = layers
            .into_iter()
            .rev()
            .reduce(|old, new| crate::update::merge(alloc, old, new))
            .expect("a layered set has layers");
        self.memo().store(flat.word().bits.get(), Ordering::Release);
        flat
    }

    /// The value of a key.
    #[inline]
    pub fn get(self, key: Symbol) -> Option<Word<'h, C>> {
        match self.as_flat() {
            Some(flat) => flat.get(key),
            None => self.layers().find_map(|layer| layer.get(key)),
        }
    }

    /// The value of a key, by way of the cache of the place that asks. A cache must always be used
    /// with the same key.
    #[inline]
    pub fn get_cached(
        self,
        key: Symbol,
        cache: &InlineCache,
        alloc: &Alloc<'h>,
    ) -> Option<Word<'h, C>> {
        let seen = cache.0.load(Ordering::Relaxed);
        let first = self.first();
        let is_known = seen >> 16 == first
            || (first & LAYERED == 0 && {
                // SAFETY: just checked.
                let flat = unsafe { self.flat_unchecked() };
                seen >> 16 == flat.shape.base_address()
            });
        if is_known {
            let slot = seen & 0xffff;
            if slot == ABSENT {
                return None;
            }
            // SAFETY: the cache holds a slot of a shape with the keys of this flat set.
            return Some(unsafe {
                self.object
                    .add(1 + slot as usize)
                    .cast::<Word<'h, C>>()
                    .read()
            });
        }
        self.get_and_remember(key, cache, alloc)
    }

    #[inline(never)]
    fn get_and_remember(
        self,
        key: Symbol,
        cache: &InlineCache,
        alloc: &Alloc<'h>,
    ) -> Option<Word<'h, C>> {
        let Some(flat) = self.as_flat() else {
            let Some(flat) = self.flat_if_worth(alloc) else {
                return self.get(key);
            };
            let set = Set {
                object: flat.word().object(),
                brand: PhantomData,
            };
            return set.get_cached(key, cache, alloc);
        };
        let slot = flat.shape.find(key);
        let remembered = slot.map_or(ABSENT, |slot| slot as u64);
        let address = flat.shape.base_address();
        if slot.is_none_or(|slot| (slot as u64) < ABSENT) && address >> 48 == 0 {
            cache
                .0
                .store((address << 16) | remembered, Ordering::Relaxed);
        }
        slot.map(|slot| flat.values[slot])
    }

    /// Where an attribute was written.
    pub fn position(self, key: Symbol) -> AttrPos {
        self.layers()
            .find_map(|layer| layer.shape.find(key).map(|slot| layer.shape.position(slot)))
            .unwrap_or_default()
    }

    /// Number of attributes.
    pub fn len(self, alloc: &Alloc<'h>) -> usize {
        self.flat(alloc).len()
    }

    /// Whether there is no attribute.
    #[inline]
    pub fn is_empty(self) -> bool {
        self.as_flat().is_some_and(FlatSet::is_empty)
    }
}

impl<'h, C> FlatSet<'h, C> {
    /// The set as a word.
    pub fn word(self) -> Word<'h, C> {
        let object = self.values.as_ptr().expose_provenance() - 8;
        // SAFETY: the values of a flat set stand right behind its first word.
        unsafe { Word::from_object(std::ptr::with_exposed_provenance_mut(object), TAG_SET) }
    }
}

impl<'h, C> Word<'h, C> {
    /// A set with this shape and these values.
    ///
    /// # Panics
    /// If there are not as many values as keys.
    pub fn set(alloc: &Alloc<'h>, shape: &'h Shape<'h>, values: &[Self]) -> Self {
        assert_eq!(shape.len(), values.len(), "a set has a value for each key");
        let mut values = values.iter();
        Self::set_from(alloc, shape, || *values.next().expect("counted above"))
    }

    /// A set with this shape, whose values are asked for one by one in the order of the keys.
    #[inline]
    pub fn set_from(
        alloc: &Alloc<'h>,
        shape: &'h Shape<'h>,
        mut value: impl FnMut() -> Self,
    ) -> Self {
        let object = alloc.words(Content::Words, 1 + shape.len());
        // SAFETY: a fresh word for the shape and one for each key. Should `value` unwind, nobody
        // has seen the object.
        unsafe {
            object.write(std::ptr::from_ref(shape).expose_provenance() as u64);
            let place = object.add(1).cast::<Self>();
            for idx in 0..shape.len() {
                place.add(idx).write(value());
            }
            Self::from_object(object, TAG_SET)
        }
    }

    /// A set of layers, newest first.
    pub(crate) fn layered_set(alloc: &Alloc<'h>, layers: &[FlatSet<'h, C>]) -> Self {
        let object = alloc.words(Content::Words, 3 + layers.len());
        // SAFETY: fresh words: marker, unset memo, count, and one for each layer.
        unsafe {
            object.write(LAYERED);
            object.add(2).write(layers.len() as u64);
            for (idx, layer) in layers.iter().enumerate() {
                object.add(3 + idx).cast::<Self>().write(layer.word());
            }
            Self::from_object(object, TAG_SET)
        }
    }

    /// The set.
    #[inline]
    pub fn as_set(self) -> Option<Set<'h, C>> {
        (self.tag() == TAG_SET).then(|| Set {
            object: self.object(),
            brand: PhantomData,
        })
    }
}

/// Which of two attributes with the same name stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Duplicates {
    /// The one that was added first.
    KeepFirst,
    /// The one that was added last.
    KeepLast,
}

/// Collects attributes in any order.
pub struct SetBuilder<'h, C> {
    entries: Vec<(Symbol, Word<'h, C>, AttrPos)>,
    has_positions: bool,
}

impl<C> Default for SetBuilder<'_, C> {
    fn default() -> Self {
        Self {
            entries: Vec::new(),
            has_positions: false,
        }
    }
}

/// Sets that builtins make share their keys up to this number of them.
const MAX_SHARED_KEYS: usize = 8;
/// The same for sets made by leaving out attributes of one that shares its keys.
const MAX_SHARED_FILTERED: usize = 64;

impl<'h, C> SetBuilder<'h, C> {
    /// A builder with room for `n` attributes.
    pub fn with_capacity(n: usize) -> Self {
        Self {
            entries: Vec::with_capacity(n),
            has_positions: false,
        }
    }

    /// Adds an attribute.
    #[inline]
    pub fn push(&mut self, key: Symbol, value: Word<'h, C>) {
        self.entries.push((key, value, AttrPos::NONE));
    }

    /// Adds an attribute that was written somewhere.
    pub fn push_at(&mut self, key: Symbol, value: Word<'h, C>, position: AttrPos) {
        self.has_positions |= position != AttrPos::NONE;
        self.entries.push((key, value, position));
    }

    /// The names added so far, duplicates included.
    pub fn names(&self) -> impl Iterator<Item = Symbol> {
        self.entries.iter().map(|entry| entry.0)
    }

    /// Number of attributes added, duplicates counted.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether nothing was added.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The set.
    pub fn finish(mut self, alloc: &Alloc<'h>, duplicates: Duplicates) -> Word<'h, C> {
        if !self.entries.is_sorted_by(|left, right| left.0 < right.0) {
            // Stable, so that the order of duplicates is that of adding.
            self.entries.sort_by_key(|entry| entry.0);
            match duplicates {
                Duplicates::KeepFirst => self.entries.dedup_by_key(|entry| entry.0),
                Duplicates::KeepLast => self.entries.dedup_by(|later, kept| {
                    let same = later.0 == kept.0;
                    if same {
                        *kept = *later;
                    }
                    same
                }),
            }
        }
        let keys: Vec<Symbol> = self.entries.iter().map(|entry| entry.0).collect();
        let shape = if self.has_positions {
            let positions: Vec<AttrPos> = self.entries.iter().map(|entry| entry.2).collect();
            alloc.private_shape(&keys, &positions)
        } else if keys.len() <= MAX_SHARED_KEYS && alloc.may_share() {
            alloc.shared_shape(&keys)
        } else {
            alloc.private_shape(&keys, &[])
        };
        let mut entries = self.entries.iter();
        Word::set_from(alloc, shape, || entries.next().expect("one for each key").1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Heap;

    fn symbol(name: &str) -> Symbol {
        Symbol::intern(name.as_bytes())
    }

    #[test]
    fn builders_sort_and_settle_duplicates() {
        let heap = Heap::new();
        let alloc = Alloc::new(&heap);
        for (duplicates, expected) in [(Duplicates::KeepFirst, 1), (Duplicates::KeepLast, 3)] {
            let mut builder: SetBuilder<'_, ()> = SetBuilder::default();
            for (name, value) in [("b", 1), ("a", 2), ("b", 3)] {
                builder.push(symbol(name), Word::int(&alloc, value));
            }
            let set = builder.finish(&alloc, duplicates).as_set().expect("a set");
            assert_eq!(set.len(&alloc), 2);
            assert_eq!(set.get(symbol("b")).and_then(Word::as_int), Some(expected));
            let names: Vec<_> = set
                .flat(&alloc)
                .by_name(&alloc)
                .map(|(key, _)| key.to_text())
                .collect();
            assert_eq!(names, ["a", "b"]);
        }
    }

    #[test]
    fn caches_follow_shapes() {
        let heap = Heap::new();
        let alloc = Alloc::new(&heap);
        let make = |names: &[&str]| {
            let mut builder: SetBuilder<'_, ()> = SetBuilder::default();
            for (idx, name) in names.iter().enumerate() {
                builder.push(symbol(name), Word::int(&alloc, idx as i64));
            }
            let set = builder.finish(&alloc, Duplicates::KeepLast);
            set.as_set().expect("a set")
        };
        let cache = InlineCache::default();
        let key = symbol("k2");
        for _ in 0..2 {
            for (names, expected) in [
                (&["k1", "k2"][..], Some(1)),
                (&["k2", "k3"][..], Some(0)),
                (&["k3"][..], None),
                (&["k3"][..], None),
            ] {
                let found = make(names)
                    .get_cached(key, &cache, &alloc)
                    .and_then(Word::as_int);
                assert_eq!(found, expected);
            }
        }
    }
}

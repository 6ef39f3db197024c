//! The table behind [`crate::Symbol`]: shards from bytes to numbers, segments from numbers to
//! names.
//!
//! Segment `k` holds `FIRST << k` slots, so a slot never moves and 24 segments reach 2^30 names.
//! A number is taken from one atomic counter while the shard of its name is locked, its slot is
//! filled, and only then does the shard release it: whoever holds a symbol finds the slot filled.
//!
//! In front of the shards is a direct-mapped table of atomic words, each a number and half of its
//! name's hash. Most names that a text contains were seen shortly before; finding them there takes
//! no lock.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{LazyLock, Mutex, MutexGuard, OnceLock, PoisonError};

use hashbrown::HashTable;

use crate::Symbol;
use crate::hash::hash_bytes;

/// Number of independently locked parts.
pub(crate) const N_SHARDS: usize = 64;
const FIRST: u32 = 64;
const N_SEGMENTS: usize = 25;
/// Entries of the table in front of the shards.
const N_RECENT: usize = 1 << 15;
/// Names are copied into leaked blocks of this size, so that a short name costs no allocation.
const BLOCK: usize = 16 << 10;

/// What is known about one name.
pub(crate) struct Name {
    pub(crate) bytes: &'static [u8],
    /// The first eight bytes as a big-endian number: decides most comparisons alone.
    pub(crate) sort_key: u64,
}

/// A number with part of its name's hash, which saves most looks at the name.
struct Slot {
    hash: u32,
    number: u32,
}

#[derive(Default)]
struct Shard {
    numbers: HashTable<Slot>,
    block: &'static mut [u8],
}

impl Shard {
    fn keep(&mut self, bytes: &[u8]) -> &'static [u8] {
        if bytes.len() > BLOCK / 8 {
            return Box::leak(Box::from(bytes));
        }
        if self.block.len() < bytes.len() {
            self.block = Box::leak(vec![0; BLOCK].into_boxed_slice());
        }
        let (name, rest) = std::mem::take(&mut self.block).split_at_mut(bytes.len());
        self.block = rest;
        name.copy_from_slice(bytes);
        name
    }
}

type Segment = Box<[OnceLock<Name>]>;

pub(crate) struct Table {
    shards: [Mutex<Shard>; N_SHARDS],
    segments: [OnceLock<Segment>; N_SEGMENTS],
    count: AtomicU32,
    /// Upper half of a hash, and the number plus one; zero if empty.
    recent: Box<[AtomicU64]>,
}

pub(crate) static TABLE: LazyLock<Table> = LazyLock::new(|| Table {
    shards: std::array::from_fn(|_| Mutex::default()),
    segments: [const { OnceLock::new() }; N_SEGMENTS],
    count: AtomicU32::new(0),
    recent: (0..N_RECENT).map(|_| AtomicU64::new(0)).collect(),
});

/// Segment and position inside it.
#[inline]
fn place(number: u32) -> (usize, usize) {
    let shifted = number + FIRST;
    let segment = shifted.ilog2() - FIRST.ilog2();
    (segment as usize, (shifted - (FIRST << segment)) as usize)
}

impl Table {
    fn shard(&self, hash: u64) -> MutexGuard<'_, Shard> {
        let idx = (hash >> 40) as usize % N_SHARDS;
        self.shards[idx]
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn find_in(&self, shard: &Shard, hash: u64, bytes: &[u8]) -> Option<u32> {
        shard
            .numbers
            .find(hash, |slot| {
                slot.hash == hash as u32 && self.entry(slot.number).bytes == bytes
            })
            .map(|slot| slot.number)
    }

    #[inline]
    fn find_recent(&self, hash: u64, bytes: &[u8]) -> Option<u32> {
        let seen = self.recent[hash as usize % N_RECENT].load(Ordering::Acquire);
        if seen >> 32 != hash >> 32 {
            return None;
        }
        let number = (seen as u32).checked_sub(1)?;
        (self.entry(number).bytes == bytes).then_some(number)
    }

    fn remember(&self, hash: u64, number: u32) {
        let seen = (hash >> 32 << 32) | u64::from(number + 1);
        self.recent[hash as usize % N_RECENT].store(seen, Ordering::Release);
    }

    pub(crate) fn find(&self, bytes: &[u8]) -> Option<u32> {
        let hash = hash_bytes(bytes);
        if let Some(number) = self.find_recent(hash, bytes) {
            return Some(number);
        }
        let found = self.find_in(&self.shard(hash), hash, bytes);
        if let Some(number) = found {
            self.remember(hash, number);
        }
        found
    }

    pub(crate) fn intern(&self, bytes: &[u8]) -> u32 {
        let hash = hash_bytes(bytes);
        if let Some(number) = self.find_recent(hash, bytes) {
            return number;
        }
        let number = self.intern_in_shard(hash, bytes);
        self.remember(hash, number);
        number
    }

    fn intern_in_shard(&self, hash: u64, bytes: &[u8]) -> u32 {
        let mut shard = self.shard(hash);
        if let Some(number) = self.find_in(&shard, hash, bytes) {
            return number;
        }
        let number = self.count.fetch_add(1, Ordering::Relaxed);
        assert!(number < Symbol::LIMIT, "fewer than 2^30 names");
        let bytes = shard.keep(bytes);
        let (segment, idx) = place(number);
        let slots = self.segments[segment].get_or_init(|| {
            std::iter::repeat_with(OnceLock::new)
                .take((FIRST << segment) as usize)
                .collect()
        });
        let mut prefix = [0; 8];
        let n_prefix = bytes.len().min(8);
        prefix[..n_prefix].copy_from_slice(&bytes[..n_prefix]);
        let name = Name {
            bytes,
            sort_key: u64::from_be_bytes(prefix),
        };
        assert!(slots[idx].set(name).is_ok(), "a number is handed out once");
        let slot = Slot {
            hash: hash as u32,
            number,
        };
        shard
            .numbers
            .insert_unique(hash, slot, |slot| hash_bytes(self.entry(slot.number).bytes));
        number
    }

    pub(crate) fn get(&self, number: u32) -> Option<&Name> {
        if number >= Symbol::LIMIT {
            return None;
        }
        let (segment, idx) = place(number);
        self.segments[segment].get()?[idx].get()
    }

    #[inline]
    pub(crate) fn entry(&self, number: u32) -> &Name {
        self.get(number)
            .expect("the slot of a symbol is filled before the symbol is handed out")
    }

    pub(crate) fn len(&self) -> u32 {
        self.count.load(Ordering::Relaxed)
    }
}

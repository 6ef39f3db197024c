//! Interned names.
//!
//! A [`Symbol`] is 32 bits wide and stands for one sequence of bytes, for as long as the process
//! lives: names are never freed, because symbols sit in machine words of the heap, in code and in
//! caches of every thread. The table is one per process so that code parsed by any thread can be
//! used by any other without translation.
//!
//! What must hold:
//! - Equal bytes give equal symbols, from every thread. Interning locks one of [`table::N_SHARDS`]
//!   shards, chosen by the hash of the bytes.
//! - Reading a name takes no lock: names live in segments that never move, each slot written once
//!   before the symbol is handed out.
//! - The numbers depend on the order of interning, hence on thread timing. Nothing that a user can
//!   see may depend on them; whatever is shown is ordered by [`Symbol::cmp_name`].

mod hash;
mod table;

pub use hash::{FastHasher, FastMap, hash_bytes};

use std::cmp::Ordering;
use std::fmt;

/// An interned name.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(transparent)]
pub struct Symbol(u32);

impl Symbol {
    /// Symbols are below this, so that the top bits of a word are free for others.
    pub const LIMIT: u32 = 1 << 30;

    /// The symbol of these bytes.
    ///
    /// # Panics
    /// When the process has interned 2^30 names.
    pub fn intern(name: &[u8]) -> Self {
        Self(table::TABLE.intern(name))
    }

    /// The symbol of these bytes if anything has interned them yet. A name that was never interned
    /// cannot be a key of any set, so look-ups need not grow the table.
    pub fn find(name: &[u8]) -> Option<Self> {
        table::TABLE.find(name).map(Self)
    }

    /// The name.
    pub fn as_bytes(self) -> &'static [u8] {
        table::TABLE.entry(self.0).bytes
    }

    /// The name as text; bytes that are not UTF-8 are replaced.
    pub fn to_text(self) -> std::borrow::Cow<'static, str> {
        String::from_utf8_lossy(self.as_bytes())
    }

    /// Compares by bytes, the order in which attribute names are enumerated.
    pub fn cmp_name(self, other: Self) -> Ordering {
        if self == other {
            return Ordering::Equal;
        }
        let (left, right) = (table::TABLE.entry(self.0), table::TABLE.entry(other.0));
        left.sort_key
            .cmp(&right.sort_key)
            .then_with(|| left.bytes.cmp(right.bytes))
    }

    /// The first eight bytes as a big-endian number. Where two of them differ, so do the names, in
    /// the same direction.
    pub fn sort_key(self) -> u64 {
        table::TABLE.entry(self.0).sort_key
    }

    /// The number behind the symbol.
    pub fn index(self) -> u32 {
        self.0
    }

    /// The symbol with this number, if that has been handed out.
    pub fn from_index(index: u32) -> Option<Self> {
        table::TABLE.get(index).map(|_| Self(index))
    }

    /// How many names the process has interned.
    pub fn count() -> u32 {
        table::TABLE.len()
    }
}

impl fmt::Debug for Symbol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`", self.to_text())
    }
}

impl fmt::Display for Symbol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_text())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_bytes_are_one_symbol() {
        let name = Symbol::intern(b"equal-bytes");
        assert_eq!(name, Symbol::intern(b"equal-bytes"));
        assert_ne!(name, Symbol::intern(b"equal-bytes2"));
        assert_eq!(name.as_bytes(), b"equal-bytes");
        assert_eq!(Symbol::find(b"equal-bytes"), Some(name));
        assert_eq!(Symbol::find(b"never seen before"), None);
        assert_eq!(Symbol::from_index(name.index()), Some(name));
        assert_eq!(Symbol::from_index(Symbol::LIMIT - 1), None);
    }

    #[test]
    fn order_is_that_of_bytes() {
        let mut names: Vec<&[u8]> = vec![
            b"b",
            b"a",
            b"",
            b"a\0",
            b"aaaaaaaab",
            b"aaaaaaaa",
            b"aaaaaaaaa",
            b"\xff",
        ];
        let mut symbols: Vec<Symbol> = names.iter().map(|name| Symbol::intern(name)).collect();
        names.sort_unstable();
        symbols.sort_by(|left, right| left.cmp_name(*right));
        let sorted: Vec<&[u8]> = symbols.iter().map(|symbol| symbol.as_bytes()).collect();
        assert_eq!(sorted, names);
    }

    #[test]
    fn threads_agree() {
        let workers: Vec<_> = (0..4)
            .map(|_| {
                std::thread::spawn(|| {
                    (0..2000)
                        .map(|idx| Symbol::intern(format!("thread-name-{idx}").as_bytes()))
                        .collect::<Vec<_>>()
                })
            })
            .collect();
        let mut results = workers
            .into_iter()
            .map(|worker| worker.join().expect("no panic"));
        let first = results.next().expect("four workers");
        assert!(results.all(|other| other == first));
        for (idx, symbol) in first.iter().enumerate() {
            assert_eq!(symbol.as_bytes(), format!("thread-name-{idx}").as_bytes());
        }
    }
}

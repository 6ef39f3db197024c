//! A fast hash for short keys inside one process.
//!
//! Keys of the tables that use it come from source text and evaluation; a table that is flooded
//! with colliding names gets slow, never wrong. The multiply-and-fold step is the well-known one of
//! wyhash: a 64 by 64 bit product whose halves are combined by exclusive or.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

/// A hash map with [`FastHasher`].
pub type FastMap<K, V> = HashMap<K, V, BuildHasherDefault<FastHasher>>;

const SEED: u64 = 0x9e37_79b9_7f4a_7c15;
const STEP: u64 = 0xd6e8_feb8_6659_fd93;

#[inline]
fn fold(left: u64, right: u64) -> u64 {
    let product = u128::from(left) * u128::from(right);
    (product as u64) ^ ((product >> 64) as u64)
}

#[inline]
fn word(bytes: &[u8]) -> u64 {
    let mut buffer = [0; 8];
    buffer[..bytes.len()].copy_from_slice(bytes);
    u64::from_le_bytes(buffer)
}

/// The hash of a string of bytes.
#[inline]
pub fn hash_bytes(bytes: &[u8]) -> u64 {
    let mut state = SEED ^ (bytes.len() as u64);
    let mut chunks = bytes.chunks_exact(8);
    for chunk in &mut chunks {
        state = fold(state ^ word(chunk), STEP);
    }
    let rest = chunks.remainder();
    if !rest.is_empty() {
        state = fold(state ^ word(rest), STEP);
    }
    fold(state, SEED)
}

/// A [`Hasher`] over the same step, for maps with small integer or composite keys.
#[derive(Clone, Copy, Default)]
pub struct FastHasher(u64);

impl Hasher for FastHasher {
    #[inline]
    fn write(&mut self, bytes: &[u8]) {
        self.0 = fold(self.0 ^ hash_bytes(bytes), STEP);
    }
    #[inline]
    fn write_u8(&mut self, value: u8) {
        self.write_u64(u64::from(value));
    }
    #[inline]
    fn write_u32(&mut self, value: u32) {
        self.write_u64(u64::from(value));
    }
    #[inline]
    fn write_u64(&mut self, value: u64) {
        self.0 = fold(self.0 ^ value ^ SEED, STEP);
    }
    #[inline]
    fn write_usize(&mut self, value: usize) {
        self.write_u64(value as u64);
    }
    #[inline]
    fn finish(&self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_names_spread() {
        let mut low_bits = std::collections::HashSet::new();
        for idx in 0..1000 {
            low_bits.insert(hash_bytes(format!("n{idx}").as_bytes()) & 0xffff);
        }
        assert!(low_bits.len() > 950, "only {} of 1000", low_bits.len());
    }

    #[test]
    fn length_counts() {
        assert_ne!(hash_bytes(b"a"), hash_bytes(b"a\0"));
        assert_ne!(hash_bytes(b""), hash_bytes(b"\0\0\0\0\0\0\0\0"));
    }
}

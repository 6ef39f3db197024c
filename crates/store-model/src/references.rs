//! Finding out which store paths some bytes refer to.
//!
//! A reference is the 32 characters of a path's digest, anywhere. The scanner looks for runs of 32
//! base-32 characters and asks for each window of such a run whether it is one of the digests
//! looked for. Looking at the *last* byte of a window first lets it jump over most input: a byte
//! that is no base-32 character rules out every window across it, so 32 positions are skipped at
//! once. Inside long runs (hexadecimal dumps, base-32 data) a table of bits over the last three
//! characters rules out nearly every window without touching the set of digests.
//!
//! Input comes in any pieces; the last 31 bytes of one are kept for the next.

use std::collections::{BTreeSet, HashMap};
use std::io::{self, Write};

use crate::StorePath;

const LEN: usize = StorePath::HASH_PART_LEN;

/// The value of each base-32 character, or 0xff.
static VALUES: [u8; 256] = {
    let mut values = [0xff; 256];
    let mut value = 0;
    while value < 32 {
        values[firn_hash::base32::ALPHABET[value] as usize] = value as u8;
        value += 1;
    }
    values
};

/// Looks for references among given paths while bytes pass by.
pub struct ReferenceScanner {
    /// The paths not found yet.
    missing: HashMap<[u8; LEN], StorePath>,
    found: BTreeSet<StorePath>,
    /// One bit for each possible end of three characters.
    ends: Box<[u64; 512]>,
    /// The last bytes of the previous piece, up to one less than a digest.
    tail: Vec<u8>,
}

impl ReferenceScanner {
    /// Starts a scan for references to `candidates`.
    pub fn new(candidates: impl IntoIterator<Item = StorePath>) -> ReferenceScanner {
        let mut ends = Box::new([0; 512]);
        let missing: HashMap<[u8; LEN], StorePath> = candidates
            .into_iter()
            .map(|path| {
                let digest: [u8; LEN] = path
                    .hash_part()
                    .as_bytes()
                    .try_into()
                    .expect("a digest has 32 characters");
                let end = end_index(&digest);
                ends[end / 64] |= 1 << (end % 64);
                (digest, path)
            })
            .collect();
        ReferenceScanner {
            missing,
            found: BTreeSet::new(),
            ends,
            tail: Vec::with_capacity(2 * LEN),
        }
    }

    /// Scans the next piece.
    pub fn update(&mut self, bytes: &[u8]) {
        if self.missing.is_empty() {
            return;
        }
        // Windows across the border lie in the tail and the first 31 bytes.
        let mut border = std::mem::take(&mut self.tail);
        border.extend_from_slice(&bytes[..bytes.len().min(LEN - 1)]);
        self.search(&border);
        if bytes.len() >= LEN - 1 {
            self.search(bytes);
            border.clear();
            border.extend_from_slice(&bytes[bytes.len() - (LEN - 1)..]);
        } else {
            let surplus = border.len().saturating_sub(LEN - 1);
            border.drain(..surplus);
        }
        self.tail = border;
    }

    /// The paths found so far.
    pub fn found(&self) -> &BTreeSet<StorePath> {
        &self.found
    }

    /// Ends the scan.
    pub fn finish(self) -> BTreeSet<StorePath> {
        self.found
    }

    fn search(&mut self, bytes: &[u8]) {
        let mut start = 0;
        while let Some(window) = bytes.get(start..start + LEN) {
            if let Some(position) = window
                .iter()
                .rposition(|&byte| VALUES[usize::from(byte)] == 0xff)
            {
                start += position + 1;
                continue;
            }
            // The window is all base-32: try it and those that follow as long as the run lasts.
            loop {
                self.try_window(&bytes[start..start + LEN]);
                match bytes.get(start + LEN) {
                    Some(&next) if VALUES[usize::from(next)] != 0xff => start += 1,
                    Some(_) => {
                        start += LEN + 1;
                        break;
                    }
                    None => return,
                }
            }
        }
    }

    fn try_window(&mut self, window: &[u8]) {
        let end = end_index(window);
        if self.ends[end / 64] >> (end % 64) & 1 == 1
            && let Some(path) = self.missing.remove(window)
        {
            self.found.insert(path);
        }
    }
}

/// The number that the last three characters of a window make.
fn end_index(window: &[u8]) -> usize {
    window[LEN - 3..].iter().fold(0, |index, &byte| {
        index << 5 | usize::from(VALUES[usize::from(byte)])
    })
}

/// A scanner takes bytes as a writer that never fails.
impl Write for ReferenceScanner {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

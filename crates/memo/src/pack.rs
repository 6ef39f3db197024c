//! One file with many forms: written once from front to back, then found in by binary search.
//!
//! | part | content |
//! |---|---|
//! | header | 16 bytes that say what it is |
//! | forms | each at a multiple of 8 |
//! | index | for each form its key (32 bytes), offset, length and checksum (8 each), by key |
//! | footer | offset, number and checksum of the index (8 each), then the header again |
//!
//! Numbers are little-endian. A pack that was cut short has no footer; one whose index was damaged
//! has a wrong checksum there; a form that was damaged has a wrong checksum of its own.

use std::fs::File;
use std::io::{self, BufWriter, Write as _};
use std::ops::Range;
use std::sync::Arc;

const MAGIC: [u8; 16] = *b"firn forms, v. 1";
const KEY: usize = 32;
const ENTRY: usize = KEY + 24;
const FOOTER: usize = 24 + MAGIC.len();

type Key = [u8; KEY];

/// A number that differs whenever any eight bytes of two texts of the same length differ, and
/// almost always when more do. Four lanes, so that the multiplications overlap.
pub(crate) fn checksum(bytes: &[u8]) -> u64 {
    const ODD: u64 = 0x9e37_79b9_7f4a_7c15;
    let mut lanes = [bytes.len() as u64, 1, 2, 3];
    let mut chunks = bytes.chunks_exact(32);
    for chunk in &mut chunks {
        for (lane, word) in lanes.iter_mut().zip(chunk.chunks_exact(8)) {
            *lane = (*lane ^ number(word)).wrapping_mul(ODD).rotate_left(29);
        }
    }
    for rest in chunks.remainder().chunks(8) {
        lanes[0] = (lanes[0] ^ number(rest)).wrapping_mul(ODD).rotate_left(29);
    }
    lanes.into_iter().fold(0, |sum, lane| {
        (sum ^ lane ^ (lane >> 32))
            .wrapping_mul(ODD)
            .rotate_left(31)
    })
}

fn number(bytes: &[u8]) -> u64 {
    let mut buffer = [0; 8];
    buffer[..bytes.len()].copy_from_slice(bytes);
    u64::from_le_bytes(buffer)
}

/// Where a form is.
#[derive(Clone, Copy)]
pub(crate) struct Entry {
    offset: u64,
    len: u64,
    checksum: u64,
}

/// A pack that was written.
pub(crate) struct Pack<T> {
    bytes: Arc<T>,
    index: Range<usize>,
}

impl<T: AsRef<[u8]>> Pack<T> {
    fn all(&self) -> &[u8] {
        (*self.bytes).as_ref()
    }

    /// The pack in these bytes, if it is whole.
    pub(crate) fn read(bytes: Arc<T>) -> Option<Self> {
        let all: &[u8] = (*bytes).as_ref();
        let at = all.len().checked_sub(FOOTER)?;
        let (before, footer) = all.split_at_checked(at)?;
        if !before.starts_with(&MAGIC) || footer[24..] != MAGIC {
            return None;
        }
        let start = usize::try_from(number(&footer[..8])).ok()?;
        let len = usize::try_from(number(&footer[8..16]))
            .ok()?
            .checked_mul(ENTRY)?;
        let index = before.get(start..)?;
        if index.len() != len || checksum(index) != number(&footer[16..24]) {
            return None;
        }
        let index = start..start + len;
        Some(Self { bytes, index })
    }

    /// What the pack is in.
    pub(crate) fn bytes(&self) -> &Arc<T> {
        &self.bytes
    }

    /// Whether this is what the pack is in.
    pub(crate) fn is_in(&self, bytes: &[u8]) -> bool {
        std::ptr::eq(self.all(), bytes)
    }

    /// Number of forms.
    pub(crate) fn len(&self) -> usize {
        self.index.len() / ENTRY
    }

    /// Bytes of the whole.
    pub(crate) fn n_bytes(&self) -> usize {
        self.all().len()
    }

    fn entry(&self, idx: usize) -> (&[u8], Entry) {
        let entry = &self.all()[self.index.clone()][idx * ENTRY..][..ENTRY];
        let (key, rest) = entry.split_at(KEY);
        let entry = Entry {
            offset: number(&rest[..8]),
            len: number(&rest[8..16]),
            checksum: number(&rest[16..]),
        };
        (key, entry)
    }

    /// Where the form with this key is.
    pub(crate) fn find(&self, key: &Key) -> Option<Entry> {
        let (mut low, mut high) = (0, self.len());
        while low < high {
            let middle = low.midpoint(high);
            let (found, entry) = self.entry(middle);
            match found.cmp(key) {
                std::cmp::Ordering::Less => low = middle + 1,
                std::cmp::Ordering::Greater => high = middle,
                std::cmp::Ordering::Equal => return Some(entry),
            }
        }
        None
    }

    /// The bytes of a form, if they are as they were written.
    pub(crate) fn checked(&self, entry: Entry) -> Option<Range<usize>> {
        let start = usize::try_from(entry.offset).ok()?;
        let range = start..start.checked_add(usize::try_from(entry.len).ok()?)?;
        let form = self.all()[..self.index.start].get(range.clone())?;
        (checksum(form) == entry.checksum).then_some(range)
    }
}

/// A pack under construction.
pub(crate) struct PackWriter {
    file: BufWriter<File>,
    at: u64,
    entries: Vec<(Key, Entry)>,
}

impl PackWriter {
    /// A pack in an empty file.
    pub(crate) fn new(file: File) -> io::Result<Self> {
        let mut file = BufWriter::with_capacity(256 << 10, file);
        file.write_all(&MAGIC)?;
        Ok(Self {
            file,
            at: MAGIC.len() as u64,
            entries: Vec::new(),
        })
    }

    /// Adds a form.
    pub(crate) fn add(&mut self, key: Key, form: &[u8]) -> io::Result<()> {
        let entry = Entry {
            offset: self.at,
            len: form.len() as u64,
            checksum: checksum(form),
        };
        self.file.write_all(form)?;
        let padding = form.len().next_multiple_of(8) - form.len();
        self.file.write_all(&[0; 8][..padding])?;
        self.at += (form.len() + padding) as u64;
        self.entries.push((key, entry));
        Ok(())
    }

    /// Adds the forms of another pack that are still whole.
    pub(crate) fn copy<T: AsRef<[u8]>>(&mut self, pack: &Pack<T>) -> io::Result<()> {
        for idx in 0..pack.len() {
            let (key, entry) = pack.entry(idx);
            if let (Ok(key), Some(range)) = (Key::try_from(key), pack.checked(entry)) {
                self.add(key, &pack.all()[range])?;
            }
        }
        Ok(())
    }

    /// Writes the index.
    pub(crate) fn finish(mut self) -> io::Result<()> {
        self.entries.sort_by_key(|it| it.0);
        self.entries.dedup_by_key(|it| it.0);
        let mut index = Vec::with_capacity(self.entries.len() * ENTRY);
        for (key, entry) in &self.entries {
            index.extend_from_slice(key);
            for number in [entry.offset, entry.len, entry.checksum] {
                index.extend_from_slice(&number.to_le_bytes());
            }
        }
        self.file.write_all(&index)?;
        for number in [self.at, self.entries.len() as u64, checksum(&index)] {
            self.file.write_all(&number.to_le_bytes())?;
        }
        self.file.write_all(&MAGIC)?;
        self.file.flush()
    }
}

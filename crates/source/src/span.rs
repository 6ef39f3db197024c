//! Byte positions. Offsets are `u32`: a single source above 4 GiB is refused when it is read, so
//! no later stage has to check.

use crate::FileId;

/// A byte offset into one file.
pub type ByteOffset = u32;

/// A half-open range of bytes in one file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Span {
    /// The file that holds the bytes.
    pub file: FileId,
    /// First byte.
    pub start: ByteOffset,
    /// One past the last byte; never before `start`.
    pub end: ByteOffset,
}

impl Span {
    /// Makes a span; `end` is raised to `start` if it lies before it.
    pub fn new(file: FileId, start: ByteOffset, end: ByteOffset) -> Self {
        Self {
            file,
            start,
            end: end.max(start),
        }
    }

    /// Makes an empty span at one position.
    pub fn at(file: FileId, offset: ByteOffset) -> Self {
        Self::new(file, offset, offset)
    }

    /// Number of bytes covered.
    pub fn len(self) -> u32 {
        self.end - self.start
    }

    /// Whether no byte is covered.
    pub fn is_empty(self) -> bool {
        self.start == self.end
    }

    /// The smallest span that covers both; the file is that of `self`.
    #[must_use]
    pub fn cover(self, other: Self) -> Self {
        debug_assert_eq!(self.file, other.file, "spans of one file");
        Self {
            file: self.file,
            start: self.start.min(other.start),
            end: self.end.max(other.end),
        }
    }
}

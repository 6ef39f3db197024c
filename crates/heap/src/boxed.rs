//! Boxed values: what does not fit a word and is none of the tagged kinds. The first word says
//! which: kind in the low byte, the rest as the kind likes.
//!
//! | kind | first word above the kind | then |
//! |---|---|---|
//! | float | - | the 64 bits |
//! | integer | - | the 64 bits |
//! | path | root in the high half | length, bytes |
//! | frame | number of slots | slots |

use crate::alloc::Alloc;
use crate::blocks::Content;
use crate::word::{Kind, Slot, TAG_BOX, Word};

const FLOAT: u64 = 1;
const INT: u64 = 2;
const PATH: u64 = 3;
const FRAME: u64 = 4;
const KIND_MASK: u64 = 0xff;

/// A path value: the number of a source root and a canonical path inside it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Path<'h> {
    /// The root's number; its meaning belongs to the host.
    pub root: u32,
    /// The canonical path inside the root, beginning with a slash.
    pub bytes: &'h [u8],
}

impl<'h, C> Word<'h, C> {
    /// A float.
    pub fn float(alloc: &Alloc<'h>, value: f64) -> Self {
        Self::boxed_pair(alloc, FLOAT, value.to_bits())
    }

    #[cold]
    pub(crate) fn boxed_int(alloc: &Alloc<'h>, value: i64) -> Self {
        Self::boxed_pair(alloc, INT, value as u64)
    }

    fn boxed_pair(alloc: &Alloc<'h>, kind: u64, payload: u64) -> Self {
        let object = alloc.words(Content::Bytes, 2);
        // SAFETY: two fresh words, which make a complete boxed object.
        unsafe {
            object.write(kind);
            object.add(1).write(payload);
            Self::from_object(object, TAG_BOX)
        }
    }

    /// A path.
    pub fn path(alloc: &Alloc<'h>, root: u32, bytes: &[u8]) -> Self {
        let object = alloc.words(Content::Bytes, 2 + bytes.len().div_ceil(8));
        // SAFETY: the header takes two fresh words and the bytes the rest.
        unsafe {
            object.write(PATH | (u64::from(root) << 32));
            object.add(1).write(bytes.len() as u64);
            std::ptr::copy_nonoverlapping(bytes.as_ptr(), object.add(2).cast(), bytes.len());
            Self::from_object(object, TAG_BOX)
        }
    }

    /// A shared frame of `n` slots, none of them set. It is not a value of the language; it is a
    /// word so that it can be captured.
    pub fn frame(alloc: &Alloc<'h>, n: usize) -> Self {
        let object = alloc.words(Content::Words, 1 + n);
        // SAFETY: fresh words; the slots behind the header are zero, which is an unset slot.
        unsafe {
            object.write(FRAME | ((n as u64) << 8));
            Self::from_object(object, TAG_BOX)
        }
    }

    /// The first word of a boxed object.
    #[inline]
    fn header(self) -> Option<u64> {
        if self.tag() != TAG_BOX {
            return None;
        }
        // SAFETY: a word with the box tag points to a boxed object, which has a first word.
        Some(unsafe { self.object().read() })
    }

    fn payload(self, kind: u64) -> Option<u64> {
        if self.header()? & KIND_MASK != kind {
            return None;
        }
        // SAFETY: every boxed object that asks for its payload (float, integer, path) has a second
        // word.
        Some(unsafe { self.object().add(1).read() })
    }

    #[cold]
    pub(crate) fn as_boxed_int(self) -> Option<i64> {
        self.payload(INT).map(|bits| bits as i64)
    }

    /// The float.
    #[inline]
    pub fn as_float(self) -> Option<f64> {
        self.payload(FLOAT).map(f64::from_bits)
    }

    /// The path.
    pub fn as_path(self) -> Option<Path<'h>> {
        let len = self.payload(PATH)? as usize;
        let root = (self.header()? >> 32) as u32;
        // SAFETY: a path object has `len` bytes behind its two header words, never written again.
        let bytes = unsafe { std::slice::from_raw_parts(self.object().add(2).cast::<u8>(), len) };
        Some(Path { root, bytes })
    }

    /// The slots of a shared frame.
    #[inline]
    pub fn as_frame(self) -> Option<&'h [Slot<'h, C>]> {
        let header = self.header()?;
        if header & KIND_MASK != FRAME {
            return None;
        }
        // SAFETY: a frame object has as many slots behind its header as the header says; `Slot` is
        // a transparent atomic word.
        Some(unsafe {
            std::slice::from_raw_parts(
                self.object().add(1).cast::<Slot<'h, C>>(),
                (header >> 8) as usize,
            )
        })
    }

    pub(crate) fn boxed_kind(self) -> Kind {
        match self.header().map(|header| header & KIND_MASK) {
            Some(FLOAT) => Kind::Float,
            Some(PATH) => Kind::Path,
            Some(FRAME) => Kind::Frame,
            _ => Kind::Int,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Heap;

    #[test]
    fn floats_paths_and_frames() {
        let heap = Heap::new();
        let alloc = Alloc::new(&heap);
        let float: Word<'_, ()> = Word::float(&alloc, -0.5);
        assert_eq!(float.as_float(), Some(-0.5));
        assert_eq!(float.as_int(), None);
        let path: Word<'_, ()> = Word::path(&alloc, 7, b"/a/b");
        assert_eq!(
            path.as_path(),
            Some(Path {
                root: 7,
                bytes: b"/a/b"
            })
        );
        assert_eq!(path.kind(), Kind::Path);
        let frame: Word<'_, ()> = Word::frame(&alloc, 3);
        let slots = frame.as_frame().expect("a frame");
        assert_eq!(slots.len(), 3);
        assert!(slots[1].try_get().is_none());
        slots[1].set(Word::null());
        assert!(slots[1].get().is_null());
        assert_eq!(float.as_frame().map(<[_]>::len), None);
    }
}

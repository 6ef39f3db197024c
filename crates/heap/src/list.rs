//! Lists: a length and so many words, immutable once made.

use std::sync::atomic::AtomicU64;

use crate::alloc::Alloc;
use crate::blocks::Content;
use crate::word::{Slot, TAG_LIST, Word};

impl<'h> Alloc<'h> {
    /// Slots that hold these words, for good: what they hold is never collected.
    pub fn slots<C>(&self, words: &[Word<'h, C>]) -> &'h [Slot<'h, C>] {
        let bits: &'h [AtomicU64] =
            self.values(words.iter().map(|word| AtomicU64::new(word.bits.get())));
        // SAFETY: a word is a valid slot.
        let slots = unsafe { std::slice::from_raw_parts(bits.as_ptr().cast(), bits.len()) };
        self.heap().add_root(slots);
        slots
    }
}

impl<'h, C> Word<'h, C> {
    /// A list of these elements.
    pub fn list(alloc: &Alloc<'h>, elements: &[Self]) -> Self {
        let object = alloc.words(Content::Words, 1 + elements.len());
        // SAFETY: a fresh word for the length and one for each element.
        unsafe {
            object.write(elements.len() as u64);
            std::ptr::copy_nonoverlapping(
                elements.as_ptr(),
                object.add(1).cast::<Self>(),
                elements.len(),
            );
            Self::from_object(object, TAG_LIST)
        }
    }

    /// A list of `len` elements, which are asked for by index, in order.
    #[inline]
    pub fn list_from(
        alloc: &Alloc<'h>,
        len: usize,
        mut element: impl FnMut(usize) -> Self,
    ) -> Self {
        let object = alloc.words(Content::Words, 1 + len);
        // SAFETY: a fresh word for the length and one for each element. Should `element` unwind,
        // nobody has seen the object.
        unsafe {
            object.write(len as u64);
            let place = object.add(1).cast::<Self>();
            for idx in 0..len {
                place.add(idx).write(element(idx));
            }
            Self::from_object(object, TAG_LIST)
        }
    }

    /// A list that is the concatenation of these.
    pub fn list_concat(alloc: &Alloc<'h>, parts: &[&[Self]]) -> Self {
        let len = parts.iter().map(|part| part.len()).sum::<usize>();
        let object = alloc.words(Content::Words, 1 + len);
        // SAFETY: a fresh word for the length and one for each element of each part.
        unsafe {
            object.write(len as u64);
            let mut place = object.add(1).cast::<Self>();
            for part in parts {
                std::ptr::copy_nonoverlapping(part.as_ptr(), place, part.len());
                place = place.add(part.len());
            }
            Self::from_object(object, TAG_LIST)
        }
    }

    /// The elements.
    #[inline]
    pub fn as_list(self) -> Option<&'h [Self]> {
        if self.tag() != TAG_LIST {
            return None;
        }
        let object = self.object();
        // SAFETY: a list object begins with its length and has so many words behind it, which are
        // never written again.
        Some(unsafe {
            std::slice::from_raw_parts(object.add(1).cast::<Self>(), object.read() as usize)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Heap;

    #[test]
    fn lists_hold_their_elements() {
        let heap = Heap::new();
        let alloc = Alloc::new(&heap);
        let one: Word<'_, ()> = Word::int(&alloc, 1);
        let two = Word::int(&alloc, 2);
        let list = Word::list(&alloc, &[one, two]);
        let both = Word::list_concat(&alloc, &[&[two], &[], list.as_list().expect("a list")]);
        let numbers: Vec<_> = both
            .as_list()
            .expect("a list")
            .iter()
            .map(|word| word.as_int())
            .collect();
        assert_eq!(numbers, [Some(2), Some(1), Some(2)]);
        let counted: Word<'_, ()> = Word::list_from(&alloc, 3, |idx| Word::int(&alloc, idx as i64));
        let counted = counted.as_list().expect("a list");
        assert_eq!((counted.len(), counted[2].as_int()), (3, Some(2)));
        assert_eq!(
            Word::<()>::list(&alloc, &[]).as_list().map(<[_]>::len),
            Some(0)
        );
        assert!(one.as_list().is_none());
    }
}

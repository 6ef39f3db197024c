//! Strings: bytes with a length and a string context, in one object.
//!
//! Layout: `u32` length, `u32` tail, bytes. The tail is a context id below 2^31, or, with the top
//! bit set, the symbol of a string without context that has served as a name. The second form is a
//! memo that may appear at any time; both read as the empty context.

use std::marker::PhantomData;
use std::sync::atomic::{AtomicU32, Ordering};

use firn_symbol::Symbol;

use crate::alloc::Alloc;
use crate::blocks::Content;
use crate::context::ContextId;
use crate::word::{TAG_STRING, Word};

const IS_SYMBOL: u32 = 1 << 31;

/// A string value.
#[derive(Clone, Copy)]
pub struct Str<'h> {
    object: *mut u64,
    heap: PhantomData<&'h [u8]>,
}

// SAFETY: the bytes never change and the tail is atomic.
unsafe impl Send for Str<'_> {}
// SAFETY: as above.
unsafe impl Sync for Str<'_> {}

impl<'h> Str<'h> {
    /// The bytes.
    #[inline]
    pub fn bytes(self) -> &'h [u8] {
        // SAFETY: a string object begins with its length and has so many bytes behind its header.
        unsafe {
            let len = self.object.cast::<u32>().read() as usize;
            std::slice::from_raw_parts(self.object.add(1).cast::<u8>(), len)
        }
    }

    #[inline]
    fn tail(self) -> &'h AtomicU32 {
        // SAFETY: the second half of the first word is only ever accessed as this atomic after the
        // string was made.
        unsafe { AtomicU32::from_ptr(self.object.cast::<u32>().add(1)) }
    }

    /// The context.
    #[inline]
    pub fn context(self) -> ContextId {
        let tail = self.tail().load(Ordering::Relaxed);
        if tail & IS_SYMBOL == 0 {
            ContextId(tail)
        } else {
            ContextId::EMPTY
        }
    }

    /// The symbol of these bytes, remembered in the string if it has no context.
    pub fn symbol(self) -> Symbol {
        let tail = self.tail().load(Ordering::Relaxed);
        if tail & IS_SYMBOL != 0
            && let Some(symbol) = Symbol::from_index(tail & !IS_SYMBOL)
        {
            return symbol;
        }
        let symbol = Symbol::intern(self.bytes());
        if tail == 0 {
            self.tail()
                .store(symbol.index() | IS_SYMBOL, Ordering::Relaxed);
        }
        symbol
    }

    /// The symbol of these bytes if there is one, without making one.
    pub fn known_symbol(self) -> Option<Symbol> {
        let tail = self.tail().load(Ordering::Relaxed);
        if tail & IS_SYMBOL != 0 {
            return Symbol::from_index(tail & !IS_SYMBOL);
        }
        let symbol = Symbol::find(self.bytes())?;
        if tail == 0 {
            self.tail()
                .store(symbol.index() | IS_SYMBOL, Ordering::Relaxed);
        }
        Some(symbol)
    }
}

impl std::fmt::Debug for Str<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?}", String::from_utf8_lossy(self.bytes()))
    }
}

impl<'h, C> Word<'h, C> {
    fn string_with_tail(
        alloc: &Alloc<'h>,
        len: usize,
        tail: u32,
        fill: impl FnOnce(&mut [u8]),
    ) -> Self {
        let header = u32::try_from(len).expect("strings are below 4 GiB");
        let object = alloc.words(Content::Bytes, 1 + len.div_ceil(8));
        // SAFETY: fresh zeroed words: one for the header and enough for `len` bytes; the slice is
        // gone before the word is made.
        unsafe {
            object.cast::<u32>().write(header);
            object.cast::<u32>().add(1).write(tail);
            fill(std::slice::from_raw_parts_mut(
                object.add(1).cast::<u8>(),
                len,
            ));
            Self::from_object(object, TAG_STRING)
        }
    }

    /// A string with a context.
    pub fn string(alloc: &Alloc<'h>, bytes: &[u8], context: ContextId) -> Self {
        Self::string_with_tail(alloc, bytes.len(), context.0, |place| {
            place.copy_from_slice(bytes);
        })
    }

    /// A string of a known length, filled in place. The place is zeroed.
    pub fn string_of(
        alloc: &Alloc<'h>,
        len: usize,
        context: ContextId,
        fill: impl FnOnce(&mut [u8]),
    ) -> Self {
        Self::string_with_tail(alloc, len, context.0, fill)
    }

    /// The name of a symbol, which the string remembers.
    pub fn symbol_string(alloc: &Alloc<'h>, symbol: Symbol) -> Self {
        let bytes = symbol.as_bytes();
        Self::string_with_tail(alloc, bytes.len(), symbol.index() | IS_SYMBOL, |place| {
            place.copy_from_slice(bytes);
        })
    }

    /// The string.
    #[inline]
    pub fn as_str(self) -> Option<Str<'h>> {
        (self.tag() == TAG_STRING).then(|| Str {
            object: self.object(),
            heap: PhantomData,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Heap;

    #[test]
    fn strings_remember_symbols_but_keep_contexts() {
        let heap = Heap::new();
        let alloc = Alloc::new(&heap);
        let plain: Word<'_, ()> = Word::string(&alloc, b"name", ContextId::EMPTY);
        let plain = plain.as_str().expect("a string");
        assert_eq!(plain.symbol(), Symbol::intern(b"name"));
        assert_eq!(plain.known_symbol(), Some(Symbol::intern(b"name")));
        assert_eq!(plain.context(), ContextId::EMPTY);
        let context = heap
            .contexts()
            .single(&crate::ContextElement::Opaque(b"/s/p".as_slice().into()));
        let with: Word<'_, ()> = Word::string(&alloc, b"name", context);
        let with = with.as_str().expect("a string");
        assert_eq!(with.symbol(), Symbol::intern(b"name"));
        assert_eq!(with.context(), context);
        assert_eq!(with.bytes(), b"name");
        let named: Word<'_, ()> = Word::symbol_string(&alloc, Symbol::intern(b"x y"));
        assert_eq!(named.as_str().map(Str::bytes), Some(&b"x y"[..]));
        let empty: Word<'_, ()> = Word::string(&alloc, b"", ContextId::EMPTY);
        assert_eq!(empty.as_str().map(Str::bytes), Some(&b""[..]));
    }
}

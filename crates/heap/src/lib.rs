//! Values of the language: machine words, the objects behind them, and their memory.
//!
//! This crate is the only place of the language side that contains `unsafe`; what it exports is
//! safe to use in any order. The evaluator sees [`Word`], asks what it is, and gets slices and
//! handles bound to the lifetime `'h` of the [`Heap`].
//!
//! | object | words | layout |
//! |---|---:|---|
//! | thunk | 1 + c | state ([`thunk`](mod@crate)), c captures |
//! | closure | 1 + c | address of a [`Unit`], c captures |
//! | partial application | 3 + a | 1, function, a, arguments |
//! | builtin | 1 | 2 and a number |
//! | flat set | 1 + n | address of a [`Shape`], n values in the order of its keys |
//! | layered set | 3 + k | 1, flat form or 0, k, flat sets newest first |
//! | list | 1 + n | n, elements |
//! | string | 1 + bytes/8 | length and context or symbol, bytes |
//! | float, large integer | 2 | kind, payload |
//! | path | 2 + bytes/8 | kind and root, length, bytes |
//! | shared frame | 1 + m | kind and m, slots |
//!
//! Invariants, each kept in the module that owns the object:
//! 1. A word is never zero; its low three bits say what it is, and a pointer tag means a complete
//!    object of that kind in memory that lives for `'h`.
//! 2. Objects are immutable once made, except: the state word of a thunk, the tail of a string, the
//!    memo of a layered set, and slots (captures, frames, the value stack). Those are accessed as
//!    atomics only.
//! 3. Whoever publishes a word to another thread does so with release order (finishing a thunk,
//!    filling a table under its lock), and readers acquire.
//! 4. A slot is either unset (zero) or holds a valid word. Reading an unset slot panics.
//! 5. Every object tells its own size, which is what a collector that marks in place needs: by its
//!    header, its shape, or its unit. A thunk that has a value is one word long to a collector,
//!    since its captures are dead then; while it is owned, the owner still knows the unit.
#![allow(unsafe_code, reason = "the object layouts; see the invariants above")]

mod boxed;
mod context;
mod function;
mod list;
mod region;
mod set;
mod shape;
mod stack;
mod string;
mod thunk;
mod update;
mod word;

pub use boxed::Path;
pub use context::{ContextElement, ContextId, Contexts};
pub use function::{Closure, Function, Partial, Unit};
pub use region::{Alloc, Heap};
pub use set::{Duplicates, FlatSet, InlineCache, Set, SetBuilder};
pub use shape::{AttrPos, Shape};
pub use stack::Stack;
pub use string::Str;
pub use thunk::{Attempt, Claim, TaskId};
pub use word::{Kind, Slot, Word};

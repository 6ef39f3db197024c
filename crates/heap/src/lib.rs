//! Values of the language: machine words, the objects behind them, and their memory.
//!
//! This crate is the only place of the language side that contains `unsafe`; what it exports is
//! safe to use in any order, under the rule of invariant 5. The evaluator sees [`Word`], asks what it is, and gets slices and
//! handles bound to the lifetime `'h` of the [`Heap`].
//!
//! | object | words | layout |
//! |---|---:|---|
//! | thunk | 1 + c | state ([`thunk`](mod@crate)), c captures |
//! | row of thunks | 3 + n | address of a [`Unit`], 2 captures, n states |
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
//!    object of that kind, in a cell that lives as long as the word is in use or can be reached.
//! 2. Objects are immutable once made, except: the state word of a thunk, the tail of a string, the
//!    memo of a layered set, and slots (captures, frames, the value stack). Those are accessed as
//!    atomics only.
//! 3. Whoever publishes a word to another thread does so with release order (finishing a thunk,
//!    filling a table under its lock), and readers acquire.
//! 4. A slot is either unset (zero) or holds a valid word. Reading an unset slot panics.
//! 5. Where an address lies says what is there: cells of one block have one size and one content
//!    (`blocks`), so the collector (`collect`) needs no help from objects. Its rule for everyone
//!    who holds words: through an evaluation, a word must be on a stack, in an object that can be
//!    reached, or pinned. What is loaded (code, units, shared shapes, plans) is never collected.
//! 6. A collection is alone: every other thread that has joined the heap is halted meanwhile and has
//!    left word of what it has in use (`world`).
#![allow(unsafe_code, reason = "the object layouts; see the invariants above")]

mod alloc;
mod blocks;
mod boxed;
mod class;
mod collect;
#[cfg(test)]
mod collect_tests;
mod context;
mod function;
mod list;
mod native;
mod region;
mod set;
mod shape;
mod stack;
mod string;
mod thunk;
mod update;
mod word;
mod world;

pub use alloc::{Alloc, COLLECT, Heap};
pub use boxed::Path;
pub use collect::{Collected, Marker};
pub use context::{ContextElement, ContextId, Contexts};
pub use function::{Closure, Function, Partial, Unit};
pub use native::stack_pointer;
pub use set::{Duplicates, FlatSet, InlineCache, Set, SetBuilder};
pub use shape::{AttrPos, Shape};
pub use stack::Stack;
pub use string::Str;
pub use thunk::{Attempt, Claim, TaskId};
pub use word::{Kind, Slot, Word};
pub use world::InUse;

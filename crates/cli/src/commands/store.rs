//! `store …`: verbs about a store itself and what is in it.

pub mod add;
pub mod collect;
pub mod exchange;
pub mod list;
pub mod read;
pub mod verify;

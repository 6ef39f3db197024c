//! Remembered evaluations.
//!
//! Every effect of an evaluation goes through its host, so it is known what the result depends on:
//! files and what was in them, directories, paths that were not there, variables, store objects. A
//! [`Recorder`] writes that down; the [`Trace`] it makes is kept beside the result, in a
//! [`Memory`] under a key that says what was asked. When the same is asked again and the trace
//! still holds, the result is given without evaluating.
//!
//! What must hold: an answer from memory equals the one that an evaluation would give now. So a
//! trace holds by the files' status only where no edit could leave that unchanged (see
//! [`stat`](mod@stat)); whatever cannot be checked again is not remembered; failures are not;
//! what an evaluation told the user is told again; and the derivations that a result names are
//! still in the store.
//!
//! Apart from whole answers, a [`FormCache`] remembers the written forms of parsed texts.

mod forms;
mod memory;
mod pack;
mod recorder;
mod source;
pub mod stat;
mod trace;

pub use forms::FormCache;
pub use memory::{Entry, Memory, key};
pub use recorder::Recorder;
pub use source::Refetch;
pub use trace::{Change, Trace};

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may fail by panicking")]
mod tests;

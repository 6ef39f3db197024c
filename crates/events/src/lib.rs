//! The event stream: everything that happens while Firn works, as typed data.
//!
//! Stores, transfers and builders *emit* events into an [`EventSink`]; front ends decide what a
//! person or a program sees of them. An activity is something that takes time: it starts, may
//! report progress, log lines and results, and stops. A message is said once, with a [`Level`].
//!
//! What must hold: an activity starts before anything else is said about it and stops exactly
//! once, which [`ActivityGuard`] sees to; sinks never block for long and never fail, because
//! nothing that works may stop working for want of a listener; log lines and texts are bytes made
//! printable by whoever renders them.
//!
//! [`json`] turns events into the `internal-json` lines that the field's log viewers read. The
//! stream is versioned by [`VERSION`]; new cases may appear within one version.

mod activity;
mod event;
pub mod json;
mod sink;

pub use activity::{ActivityGuard, ActivityId};
pub use event::{ActivityKind, ActivityType, Event, Level, LogField, Progress};
pub use sink::{EventSink, LevelFilter, NullSink, RecordingSink, SharedSink, TeeSink};

/// The version of the event vocabulary. It changes when the meaning of an existing event does.
pub const VERSION: u32 = 1;

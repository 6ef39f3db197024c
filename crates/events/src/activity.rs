//! Names of activities, and the guard that makes sure each of them stops.
//!
//! Identifiers are unique within a machine for as long as a process lives: the process id is in
//! the upper half, a counter in the lower one, as the field's tools expect of streams that are
//! merged from several processes.

use std::num::NonZeroU64;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::{ActivityKind, ActivityType, Event, EventSink, Level, Progress};

/// The name of an activity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ActivityId(NonZeroU64);

impl ActivityId {
    /// A name that no other activity of this process has.
    pub fn next() -> ActivityId {
        static COUNTER: AtomicU64 = AtomicU64::new(1);
        let count = COUNTER.fetch_add(1, Ordering::Relaxed) & 0xffff_ffff;
        let process = u64::from(std::process::id()) << 32;
        ActivityId(NonZeroU64::new(process | count).unwrap_or(NonZeroU64::MIN))
    }

    /// The name with this number; zero is no name.
    pub fn from_number(number: u64) -> Option<ActivityId> {
        NonZeroU64::new(number).map(ActivityId)
    }

    /// The number behind the name.
    pub fn as_number(self) -> u64 {
        self.0.get()
    }
}

/// A running activity: says that it starts when made and that it stops when dropped.
pub struct ActivityGuard {
    id: ActivityId,
    sink: Arc<dyn EventSink>,
}

impl ActivityGuard {
    /// Starts an activity.
    pub fn start(
        sink: &Arc<dyn EventSink>,
        parent: Option<ActivityId>,
        level: Level,
        text: impl Into<String>,
        kind: ActivityKind,
    ) -> ActivityGuard {
        let id = ActivityId::next();
        sink.emit(Event::Start {
            id,
            parent,
            level,
            text: text.into(),
            kind,
        });
        ActivityGuard {
            id,
            sink: Arc::clone(sink),
        }
    }

    /// The activity's name.
    pub fn id(&self) -> ActivityId {
        self.id
    }

    /// The sink that the activity reports to.
    pub fn sink(&self) -> &Arc<dyn EventSink> {
        &self.sink
    }

    /// Says how far the activity has come.
    pub fn progress(&self, progress: Progress) {
        self.sink.emit(Event::Progress {
            id: self.id,
            progress,
        });
    }

    /// Says how much work of some type is foreseen.
    pub fn set_expected(&self, of: ActivityType, expected: u64) {
        self.sink.emit(Event::SetExpected {
            id: self.id,
            of,
            expected,
        });
    }
}

impl Drop for ActivityGuard {
    fn drop(&mut self) {
        self.sink.emit(Event::Stop { id: self.id });
    }
}

//! Where events go: the trait, and the small sinks that other sinks are made of.
//!
//! A sink is shared by every thread that works, so `emit` takes `&self` and must be quick: a
//! renderer only updates its picture, a recorder appends, a tee passes on.

use std::sync::{Arc, Mutex, PoisonError};

use crate::{Event, Level};

/// A receiver of events.
pub trait EventSink: Send + Sync {
    /// Takes notice of an event. Never fails and does not block for long.
    fn emit(&self, event: Event);

    /// Whether messages and activities of this level are of any use here, so that a caller can
    /// save itself the trouble of making their text.
    fn wants(&self, level: Level) -> bool {
        let _ = level;
        true
    }

    /// Says something once.
    fn message(&self, level: Level, text: &str) {
        if self.wants(level) {
            self.emit(Event::Message {
                level,
                text: text.to_owned(),
                raw: None,
            });
        }
    }
}

/// A sink as most of the code holds it.
pub type SharedSink = Arc<dyn EventSink>;

/// Takes no notice of anything.
#[derive(Clone, Copy, Debug, Default)]
pub struct NullSink;

impl NullSink {
    /// This sink, ready to be shared.
    pub fn shared() -> SharedSink {
        Arc::new(NullSink)
    }
}

impl EventSink for NullSink {
    fn emit(&self, _event: Event) {}

    fn wants(&self, _level: Level) -> bool {
        false
    }
}

/// Passes every event on to several sinks, in order.
pub struct TeeSink {
    sinks: Vec<SharedSink>,
}

impl TeeSink {
    /// A sink that passes on to these.
    pub fn new(sinks: Vec<SharedSink>) -> TeeSink {
        TeeSink { sinks }
    }
}

impl EventSink for TeeSink {
    fn emit(&self, event: Event) {
        if let Some((last, others)) = self.sinks.split_last() {
            for sink in others {
                sink.emit(event.clone());
            }
            last.emit(event);
        }
    }

    fn wants(&self, level: Level) -> bool {
        self.sinks.iter().any(|sink| sink.wants(level))
    }
}

/// Passes on everything but messages below a level of importance.
pub struct LevelFilter {
    inner: SharedSink,
    verbosity: Level,
}

impl LevelFilter {
    /// A sink that keeps back messages less important than `verbosity`.
    pub fn new(inner: SharedSink, verbosity: Level) -> LevelFilter {
        LevelFilter { inner, verbosity }
    }
}

impl EventSink for LevelFilter {
    fn emit(&self, event: Event) {
        if let Event::Message { level, .. } = &event
            && *level > self.verbosity
        {
            return;
        }
        self.inner.emit(event);
    }

    fn wants(&self, level: Level) -> bool {
        level <= self.verbosity && self.inner.wants(level)
    }
}

/// Remembers every event, for tests and for whoever wants to look at them later.
#[derive(Default)]
pub struct RecordingSink {
    events: Mutex<Vec<Event>>,
}

impl RecordingSink {
    /// Takes what was recorded so far.
    pub fn take(&self) -> Vec<Event> {
        std::mem::take(&mut self.events.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl EventSink for RecordingSink {
    fn emit(&self, event: Event) {
        self.events
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(event);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ActivityGuard, ActivityKind};

    #[test]
    fn an_activity_stops_once_and_after_it_started() {
        let recording = Arc::new(RecordingSink::default());
        let sink: SharedSink = Arc::new(TeeSink::new(vec![
            NullSink::shared(),
            Arc::clone(&recording) as SharedSink,
        ]));
        let activity =
            ActivityGuard::start(&sink, None, Level::Info, "building", ActivityKind::Builds);
        let id = activity.id();
        drop(activity);
        let events = recording.take();
        assert_eq!(events.len(), 2);
        assert!(matches!(&events[0], Event::Start { id: started, .. } if *started == id));
        assert_eq!(events[1], Event::Stop { id });
    }

    #[test]
    fn a_filter_keeps_back_messages_only() {
        let recording = Arc::new(RecordingSink::default());
        let filter = LevelFilter::new(Arc::clone(&recording) as SharedSink, Level::Warn);
        filter.message(Level::Info, "small talk");
        filter.message(Level::Error, "trouble");
        filter.emit(Event::Stop {
            id: crate::ActivityId::next(),
        });
        assert_eq!(recording.take().len(), 2);
    }
}

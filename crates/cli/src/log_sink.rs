//! Events on their way to stderr.
//!
//! In lines, messages and the beginnings of activities appear if the level allows; lines of builders
//! appear bare under the older commands and with the name of the build where logs were asked for. A
//! picture and JSON take everything as it comes ([`crate::voice`]).

use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use firn_events::{ActivityId, ActivityKind, Event, EventSink, Level, SharedSink};

use crate::progress::picture::name_of;
use crate::{Console, Context, voice};

/// What becomes of the lines that builders print.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BuildLog {
    /// They are kept back.
    Hidden,
    /// They are shown as they are.
    Bare,
    /// They are shown behind the name of their build.
    Named,
}

/// A sink that writes lines.
pub struct ConsoleSink {
    console: Console,
    build_log: BuildLog,
    names: Mutex<HashMap<ActivityId, String>>,
}

impl ConsoleSink {
    /// The sink for a command; all stores of a command share it. What happens for
    /// a client of a daemon is told to the client.
    pub fn shared(context: &Context) -> SharedSink {
        static SINK: OnceLock<Arc<ConsoleSink>> = OnceLock::new();
        if let Some(events) = &context.events {
            return SharedSink::clone(events);
        }
        let sink = SINK.get_or_init(|| {
            Arc::new(Self {
                console: context.console,
                build_log: context.build_log(),
                names: Mutex::default(),
            })
        });
        Arc::clone(sink) as SharedSink
    }

    fn names(&self) -> std::sync::MutexGuard<'_, HashMap<ActivityId, String>> {
        self.names.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn build_line(&self, id: ActivityId, line: &[u8]) {
        let line = String::from_utf8_lossy(line);
        match self.build_log {
            BuildLog::Hidden => {}
            BuildLog::Bare => self.console.line(&line),
            BuildLog::Named => {
                let name = self.names().get(&id).cloned().unwrap_or_default();
                self.console.line(&format!("{name}> {line}"));
            }
        }
    }
}

impl EventSink for ConsoleSink {
    fn emit(&self, event: Event) {
        if voice::note(&event) {
            return;
        }
        match event {
            Event::Message { level, text, .. } => match level {
                Level::Error | Level::Warn | Level::Notice => self.console.say(level, &text),
                _ => self.console.log(level, &text),
            },
            Event::Start {
                id,
                level,
                text,
                kind,
                ..
            } => {
                if let ActivityKind::Build { drv_path, .. } = &kind {
                    self.names().insert(id, name_of(drv_path));
                }
                if !text.is_empty() {
                    self.console.log(level, &format!("{text}..."));
                }
            }
            Event::Stop { id } => {
                self.names().remove(&id);
            }
            Event::BuildLogLine { id, line } => self.build_line(id, &line),
            Event::PostBuildLogLine { line, .. } if self.build_log != BuildLog::Hidden => {
                let line = String::from_utf8_lossy(&line);
                self.console.line(&format!("post-build-hook: {line}"));
            }
            _ => {}
        }
    }

    fn wants(&self, level: Level) -> bool {
        level <= self.console.level()
    }
}

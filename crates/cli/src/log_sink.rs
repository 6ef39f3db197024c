//! Events as plain lines on stderr: what programs, files and logs get to see.
//!
//! Messages and the beginnings of activities appear if the level allows; lines of builders appear
//! bare under the older commands and with the name of the build where logs were asked for.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use firn_events::{ActivityId, ActivityKind, Event, EventSink, Level, SharedSink};

use crate::{Console, Context};

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
    /// The sink for a command.
    pub fn shared(context: &Context) -> SharedSink {
        let build_log = if context.print_build_logs {
            BuildLog::Named
        } else if context.program.has_verbs() {
            BuildLog::Hidden
        } else {
            BuildLog::Bare
        };
        Arc::new(Self {
            console: context.console,
            build_log,
            names: Mutex::default(),
        })
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

/// The name of what a derivation path builds: no directory, hash or extension.
fn derivation_name(path: &[u8]) -> String {
    let path = String::from_utf8_lossy(path);
    let base = path.rsplit('/').next().unwrap_or(&path);
    let name = base.split_once('-').map_or(base, |it| it.1);
    name.strip_suffix(".drv").unwrap_or(name).to_owned()
}

impl EventSink for ConsoleSink {
    fn emit(&self, event: Event) {
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
                    self.names().insert(id, derivation_name(drv_path));
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn derivations_are_named_briefly() {
        assert_eq!(
            derivation_name(b"/nix/store/abc-hello-1.0.drv"),
            "hello-1.0"
        );
        assert_eq!(derivation_name(b"x"), "x");
    }
}

//! What happens in the store, told to the client.
//!
//! The client listens only between the request and the word that the work is done; what happens
//! outside of that is kept until it listens again. Replies go out through here too, so that nothing
//! comes between their bytes.

use std::io::{self, BufWriter, Write};
use std::sync::{Mutex, PoisonError};

use firn_events::{Event, EventSink, Level};
use firn_store_model::worker::{LogError, LogField, LogMessage, ProtocolVersion};

/// The client's side of the event stream.
pub struct ClientLog {
    gate: Mutex<Gate>,
    output: Mutex<BufWriter<Box<dyn Write + Send>>>,
}

struct Gate {
    version: ProtocolVersion,
    verbosity: Level,
    is_listening: bool,
    /// What happened while nobody listened.
    pending: Vec<LogMessage>,
}

impl ClientLog {
    /// A log that goes out here.
    pub fn new(output: Box<dyn Write + Send>) -> ClientLog {
        ClientLog {
            gate: Mutex::new(Gate {
                version: ProtocolVersion::LATEST,
                verbosity: Level::Info,
                is_listening: false,
                pending: Vec::new(),
            }),
            output: Mutex::new(BufWriter::with_capacity(64 * 1024, output)),
        }
    }

    fn gate(&self) -> std::sync::MutexGuard<'_, Gate> {
        self.gate.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn set_version(&self, version: ProtocolVersion) {
        self.gate().version = version;
    }

    pub(crate) fn set_verbosity(&self, verbosity: Level) {
        self.gate().verbosity = verbosity;
    }

    /// Writes something that is not part of the log.
    pub(crate) fn write(
        &self,
        write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
    ) -> io::Result<()> {
        let mut output = self.output.lock().unwrap_or_else(PoisonError::into_inner);
        write(&mut *output)?;
        output.flush()
    }

    /// Says something at once.
    pub(crate) fn say(&self, message: &LogMessage) -> io::Result<()> {
        let version = self.gate().version;
        self.write(|output| message.encode(version, output))
    }

    /// The client listens from now on.
    pub(crate) fn begin_work(&self) -> io::Result<()> {
        let mut gate = self.gate();
        gate.is_listening = true;
        let (version, pending) = (gate.version, std::mem::take(&mut gate.pending));
        if pending.is_empty() {
            return Ok(());
        }
        self.write(|output| {
            pending
                .iter()
                .try_for_each(|message| message.encode(version, output))
        })
    }

    /// The work is done or has failed; the client listens no more.
    pub(crate) fn end_work(&self, error: Option<&str>) -> io::Result<()> {
        let mut gate = self.gate();
        gate.is_listening = false;
        let last = match error {
            None => LogMessage::Last,
            Some(message) => LogMessage::Error(LogError {
                level: Level::Error as u64,
                message: message.to_owned(),
                traces: Vec::new(),
                status: 1,
            }),
        };
        let version = gate.version;
        self.write(|output| last.encode(version, output))
    }
}

impl EventSink for ClientLog {
    fn emit(&self, event: Event) {
        let mut gate = self.gate();
        let Some(message) = message_of(event, gate.version, gate.verbosity) else {
            return;
        };
        if !gate.is_listening {
            gate.pending.push(message);
            return;
        }
        let version = gate.version;
        if self
            .write(|output| message.encode(version, output))
            .is_err()
        {
            // The client is gone, which the session will notice.
            gate.is_listening = false;
        }
    }

    fn wants(&self, level: Level) -> bool {
        level <= self.gate().verbosity
    }
}

/// What is said of an event, if anything. Versions before 1.20 know lines only.
fn message_of(event: Event, version: ProtocolVersion, verbosity: Level) -> Option<LogMessage> {
    let line = |text: &str| LogMessage::Line(format!("{text}\n").into_bytes());
    match event {
        Event::Message { level, text, .. } => {
            if level > verbosity {
                return None;
            }
            let has_word = text.starts_with("warning:") || text.starts_with("error:");
            Some(match level {
                Level::Error if !has_word => line(&format!("error: {text}")),
                Level::Warn if !has_word => line(&format!("warning: {text}")),
                _ => line(&text),
            })
        }
        Event::Start { text, level, .. } if !version.has(20) => {
            (!text.is_empty() && level <= verbosity).then(|| line(&format!("{text}...")))
        }
        _ if !version.has(20) => None,
        Event::Start {
            id,
            parent,
            level,
            text,
            kind,
        } => Some(LogMessage::StartActivity {
            id: id.as_number(),
            level: level as u64,
            kind: kind.activity_type() as u64,
            text: text.into_bytes(),
            fields: kind.fields().into_iter().map(field).collect(),
            parent: parent.map_or(0, firn_events::ActivityId::as_number),
        }),
        Event::Stop { id } => Some(LogMessage::StopActivity(id.as_number())),
        other => {
            let (id, kind, fields) = firn_events::json::result_parts(&other)?;
            Some(LogMessage::Result {
                id: id.as_number(),
                kind,
                fields: fields.into_iter().map(field).collect(),
            })
        }
    }
}

fn field(field: firn_events::LogField) -> LogField {
    match field {
        firn_events::LogField::Number(number) => LogField::Number(number),
        firn_events::LogField::Text(text) => LogField::Text(text),
    }
}

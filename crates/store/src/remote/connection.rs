//! One conversation with a daemon: the handshake, requests, what the daemon says while it works.
//!
//! Data are sent while what the daemon says is listened to on another thread. Otherwise both ends
//! could come to wait for each other, and a daemon that has refused something would have to be sent
//! the rest of it all the same.

use std::io::{self, BufReader, BufWriter, Read, Write};
use std::sync::atomic::{AtomicBool, Ordering};

use firn_events::{ActivityId, ActivityKind, ActivityType, Event, Level, LogField, SharedSink};
use firn_store_model::StoreDir;
use firn_store_model::wire::{ReadWire as _, WireError, WriteWire as _};
use firn_store_model::worker::framed::FramedWriter;
use firn_store_model::worker::{
    self, CLIENT_MAGIC, ClientOptions, DAEMON_MAGIC, LogMessage, ProtocolVersion, Request,
};

use super::transport::{Ending, Link};
use crate::error::StoreError;

/// Why a request came to nothing.
pub(super) enum CallError {
    /// The other end said no; the conversation can go on.
    Refused(StoreError),
    /// Something went wrong on this side; the conversation can go on.
    Own(StoreError),
    /// The conversation is over.
    Broken(WireError),
}

impl From<WireError> for CallError {
    fn from(error: WireError) -> CallError {
        CallError::Broken(error)
    }
}

impl From<io::Error> for CallError {
    fn from(error: io::Error) -> CallError {
        CallError::Broken(error.into())
    }
}

/// What the other end said of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Introduction {
    pub(super) version: ProtocolVersion,
    pub(super) program_version: Option<String>,
    pub(super) trusts_us: Option<bool>,
}

/// A conversation.
pub(super) struct Connection {
    pub(super) input: BufReader<Box<dyn Read + Send>>,
    output: BufWriter<Box<dyn Write + Send>>,
    pub(super) introduction: Introduction,
    pub(super) store_dir: StoreDir,
    events: SharedSink,
    /// After the streams, so that a program sees its input end before it is ended.
    ending: Ending,
}

impl Connection {
    /// Begins a conversation.
    pub(super) fn open(
        link: Link,
        store_dir: &StoreDir,
        events: &SharedSink,
        options: Option<&ClientOptions>,
    ) -> Result<Connection, StoreError> {
        let mut connection = Connection {
            input: BufReader::with_capacity(64 * 1024, link.input),
            output: BufWriter::with_capacity(64 * 1024, link.output),
            introduction: Introduction {
                version: ProtocolVersion::LATEST,
                program_version: None,
                trusts_us: None,
            },
            store_dir: store_dir.clone(),
            events: SharedSink::clone(events),
            ending: link.ending,
        };
        connection.greet()?;
        let listened = connection.flush().and_then(|()| connection.listen());
        listened.map_err(into_store_error)?;
        if let Some(options) = options {
            connection
                .call(&Request::SetOptions(options.clone()))
                .map_err(into_store_error)?;
        }
        Ok(connection)
    }

    fn greet(&mut self) -> Result<(), StoreError> {
        let greeting = self.exchange_greetings();
        let version = match greeting {
            Ok(version) => version,
            Err(WireError::Invalid(said)) => {
                // Most likely a person's shell, or an error message.
                self.output = BufWriter::new(Box::new(io::sink()));
                self.ending.hang_up();
                let mut rest = said.into_bytes();
                self.input.by_ref().take(4096).read_to_end(&mut rest).ok();
                return Err(StoreError::other(format!(
                    "protocol mismatch, got '{}'",
                    String::from_utf8_lossy(&rest).trim_end()
                )));
            }
            Err(error) => return Err(into_store_error(error.into())),
        };
        self.introduction.version = version;
        let introduced = (|| -> Result<(), WireError> {
            if version.has(38) {
                // No feature that can be negotiated is known.
                self.output.write_texts::<&str>(&[])?;
                self.output.flush()?;
                self.input.read_texts()?;
            }
            // A processor to run on and space to reserve, neither of which anyone heeds any more.
            self.output.write_number(0)?;
            self.output.write_number(0)?;
            self.output.flush()?;
            if version.has(33) {
                self.introduction.program_version = Some(self.input.read_text()?);
            }
            if version.has(35) {
                self.introduction.trusts_us = match self.input.read_number()? {
                    0 => None,
                    1 => Some(true),
                    2 => Some(false),
                    _ => return Err(WireError::invalid("Invalid trusted status from remote")),
                };
            }
            Ok(())
        })();
        introduced.map_err(|error| into_store_error(error.into()))
    }

    /// The version that both ends speak. A greeting that is none is an invalid one with what was
    /// said instead.
    fn exchange_greetings(&mut self) -> Result<ProtocolVersion, WireError> {
        self.output.write_number(CLIENT_MAGIC)?;
        self.output.write_number(ProtocolVersion::LATEST.encode())?;
        self.output.flush()?;
        let magic = self.input.read_number()?;
        if magic != DAEMON_MAGIC {
            let said = magic.to_le_bytes();
            return Err(WireError::invalid(String::from_utf8_lossy(&said)));
        }
        let theirs = ProtocolVersion::decode(self.input.read_number()?);
        if theirs.major != ProtocolVersion::LATEST.major {
            return Err(WireError::Io(io::Error::other(
                "Nix daemon protocol version not supported",
            )));
        }
        if theirs < ProtocolVersion::OLDEST {
            return Err(WireError::Io(io::Error::other(
                "the Nix daemon version is too old",
            )));
        }
        Ok(theirs.min(ProtocolVersion::LATEST))
    }

    pub(super) fn version(&self) -> ProtocolVersion {
        self.introduction.version
    }

    fn flush(&mut self) -> Result<(), CallError> {
        Ok(self.output.flush()?)
    }

    /// Writes a request, without waiting for anything.
    pub(super) fn send(&mut self, request: &Request) -> Result<(), CallError> {
        let version = self.version();
        request
            .encode(version, &self.store_dir, &mut self.output)
            .map_err(|error| match error.kind() {
                io::ErrorKind::Unsupported => {
                    CallError::Broken(WireError::Io(io::Error::other(error.to_string())))
                }
                _ => error.into(),
            })
    }

    /// Sends a request and listens until the work is done. The reply is still to be read.
    pub(super) fn call(&mut self, request: &Request) -> Result<(), CallError> {
        self.send(request)?;
        self.finish_call()
    }

    /// Sends what was written and listens until the work is done.
    pub(super) fn finish_call(&mut self) -> Result<(), CallError> {
        self.flush()?;
        self.listen()
    }

    /// Listens until the work is done.
    fn listen(&mut self) -> Result<(), CallError> {
        listen(&mut self.input, self.introduction.version, &self.events)
    }

    /// Sends a request that is followed by data in frames.
    pub(super) fn call_with_data(
        &mut self,
        request: &Request,
        produce: &mut dyn FnMut(&mut dyn Write) -> Result<(), StoreError>,
    ) -> Result<(), CallError> {
        self.send(request)?;
        self.flush()?;
        let (input, output, events) = (&mut self.input, &mut self.output, &self.events);
        let version = self.introduction.version;
        let is_over = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let listener = scope.spawn(|| {
                let heard = listen(input, version, events);
                is_over.store(true, Ordering::Relaxed);
                heard
            });
            let mut upload = Upload {
                frames: FramedWriter::new(output),
                is_over: &is_over,
            };
            let produced = produce(&mut upload);
            let finished = upload.frames.finish();
            match listener.join().expect("a listener does not panic") {
                Err(error) => Err(error),
                Ok(()) => match produced {
                    Err(error) => Err(CallError::Own(error)),
                    Ok(()) => Ok(finished?),
                },
            }
        })
    }

    /// Sends a request that is followed by data as they are, in the way of old versions.
    pub(super) fn call_with_plain_data(
        &mut self,
        request: &Request,
        produce: &mut dyn FnMut(&mut dyn Write) -> Result<(), StoreError>,
    ) -> Result<(), CallError> {
        self.send(request)?;
        produce(&mut self.output)
            .map_err(|error| CallError::Broken(WireError::invalid(error.to_string())))?;
        self.finish_call()
    }

    /// Sends a request for which the daemon then asks for data, in the way of old versions.
    pub(super) fn call_with_asked_data(
        &mut self,
        request: &Request,
        source: &mut dyn Read,
    ) -> Result<(), CallError> {
        self.send(request)?;
        self.flush()?;
        let version = self.introduction.version;
        loop {
            match LogMessage::decode(version, &mut self.input)? {
                LogMessage::Read(n_bytes) => {
                    let wanted = n_bytes.min(1 << 20) as usize;
                    let mut piece = vec![0; wanted];
                    let n_read = source.read(&mut piece)?;
                    self.output.write_bytes(&piece[..n_read])?;
                    self.output.flush()?;
                }
                message => {
                    if hear(message, &self.events)? {
                        return Ok(());
                    }
                }
            }
        }
    }
}

/// Listens until the work is done.
fn listen(
    input: &mut dyn Read,
    version: ProtocolVersion,
    events: &SharedSink,
) -> Result<(), CallError> {
    while !hear(LogMessage::decode(version, input)?, events)? {}
    Ok(())
}

/// Passes on what was said; tells whether it was that the work is done.
fn hear(message: LogMessage, events: &SharedSink) -> Result<bool, CallError> {
    let fields = |fields: Vec<worker::LogField>| -> Vec<LogField> {
        let fields = fields.into_iter();
        fields
            .map(|field| match field {
                worker::LogField::Number(number) => LogField::Number(number),
                worker::LogField::Text(text) => LogField::Text(text),
            })
            .collect()
    };
    match message {
        LogMessage::Last => return Ok(true),
        LogMessage::Error(error) => {
            return Err(CallError::Refused(StoreError::other(error.message)));
        }
        LogMessage::Line(line) => {
            let text = String::from_utf8_lossy(&line);
            let text = text.trim_end();
            events.emit(Event::Message {
                level: Level::Notice,
                text: text.to_owned(),
                raw: None,
            });
        }
        LogMessage::StartActivity {
            id,
            level,
            kind,
            text,
            fields: its_fields,
            parent,
        } => {
            if let Some(id) = ActivityId::from_number(id) {
                events.emit(Event::Start {
                    id,
                    parent: ActivityId::from_number(parent),
                    level: Level::from_number(level),
                    text: String::from_utf8_lossy(&text).into_owned(),
                    kind: activity_kind(kind, fields(its_fields)),
                });
            }
        }
        LogMessage::StopActivity(id) => {
            if let Some(id) = ActivityId::from_number(id) {
                events.emit(Event::Stop { id });
            }
        }
        LogMessage::Result {
            id,
            kind,
            fields: its_fields,
        } => {
            let event = ActivityId::from_number(id)
                .and_then(|id| firn_events::json::result_event(id, kind, &fields(its_fields)));
            if let Some(event) = event {
                events.emit(event);
            }
        }
        LogMessage::Read(_) => {
            return Err(CallError::Broken(WireError::invalid("no source")));
        }
        LogMessage::Write(_) => {
            return Err(CallError::Broken(WireError::invalid("no sink")));
        }
    }
    Ok(false)
}

/// An activity that came over the wire. Builds are told apart, since their lines are shown by name.
fn activity_kind(kind: u64, fields: Vec<LogField>) -> ActivityKind {
    let kind = ActivityType::from_number(kind);
    match (kind, fields.as_slice()) {
        (
            ActivityType::Build,
            [
                LogField::Text(drv_path),
                LogField::Text(machine),
                LogField::Number(round),
                LogField::Number(n_rounds),
            ],
        ) => ActivityKind::Build {
            drv_path: drv_path.clone(),
            machine: String::from_utf8_lossy(machine).into_owned(),
            round: *round,
            n_rounds: *n_rounds,
        },
        _ => ActivityKind::Foreign { kind, fields },
    }
}

/// What takes data until the other end has heard enough.
struct Upload<'a, W: Write> {
    frames: FramedWriter<W>,
    is_over: &'a AtomicBool,
}

impl<W: Write> Write for Upload<'_, W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.is_over.load(Ordering::Relaxed) {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        self.frames.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.frames.flush()
    }
}

pub(super) fn into_store_error(error: CallError) -> StoreError {
    match error {
        CallError::Refused(error) | CallError::Own(error) => error,
        CallError::Broken(WireError::Truncated) => {
            StoreError::other("Nix daemon disconnected unexpectedly (maybe it crashed?)")
        }
        CallError::Broken(WireError::Io(error)) if error.kind() == io::ErrorKind::BrokenPipe => {
            StoreError::other("Nix daemon disconnected unexpectedly (maybe it crashed?)")
        }
        CallError::Broken(error) => StoreError::other(error.to_string()),
    }
}

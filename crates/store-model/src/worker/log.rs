//! What a daemon says while it works: lines, activities, results, and in the end that it is done
//! or why it failed.
//!
//! The numbers of levels, activities and results are left as numbers: this crate does not know the
//! event stream that they come from.

use std::io::{self, Read, Write};

use super::ProtocolVersion;
use crate::wire::{MAX_STRING_LEN, ReadWire as _, WireError, WriteWire as _};

const NEXT: u64 = 0x6f6c_6d67;
const READ: u64 = 0x6461_7461;
const WRITE: u64 = 0x6461_7416;
const LAST: u64 = 0x616c_7473;
const ERROR: u64 = 0x6378_7470;
const START_ACTIVITY: u64 = 0x5354_5254;
const STOP_ACTIVITY: u64 = 0x5354_4f50;
const RESULT: u64 = 0x5253_4c54;

/// A field of an activity or of a result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LogField {
    /// A number.
    Number(u64),
    /// A text.
    Text(Vec<u8>),
}

/// Why a request failed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogError {
    /// The level.
    pub level: u64,
    /// What happened.
    pub message: String,
    /// What was being done, the innermost first.
    pub traces: Vec<String>,
    /// The exit status that goes with it; only told before version 1.26.
    pub status: u64,
}

/// Something that a daemon says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LogMessage {
    /// A line, with its line feed.
    Line(Vec<u8>),
    /// It wants up to this many bytes of what the client has to give.
    Read(u64),
    /// Bytes that the client asked for.
    Write(Vec<u8>),
    /// The work is done; the reply follows.
    Last,
    /// The work failed; no reply follows.
    Error(LogError),
    /// An activity begins.
    StartActivity {
        /// Its name.
        id: u64,
        /// How important it is.
        level: u64,
        /// What sort of activity it is.
        kind: u64,
        /// What is being done, in words.
        text: Vec<u8>,
        /// What is being done, as data.
        fields: Vec<LogField>,
        /// The activity it is a part of; zero for none.
        parent: u64,
    },
    /// An activity is over.
    StopActivity(u64),
    /// An activity has a result.
    Result {
        /// The activity.
        id: u64,
        /// What sort of result it is.
        kind: u64,
        /// The result.
        fields: Vec<LogField>,
    },
}

impl LogMessage {
    /// Writes the message.
    pub fn encode(&self, version: ProtocolVersion, out: &mut dyn Write) -> io::Result<()> {
        match self {
            LogMessage::Line(line) => {
                out.write_number(NEXT)?;
                out.write_bytes(line)
            }
            LogMessage::Read(n_bytes) => {
                out.write_number(READ)?;
                out.write_number(*n_bytes)
            }
            LogMessage::Write(bytes) => {
                out.write_number(WRITE)?;
                out.write_bytes(bytes)
            }
            LogMessage::Last => out.write_number(LAST),
            LogMessage::Error(error) => {
                out.write_number(ERROR)?;
                error.encode(version, out)
            }
            LogMessage::StartActivity {
                id,
                level,
                kind,
                text,
                fields,
                parent,
            } => {
                for number in [START_ACTIVITY, *id, *level, *kind] {
                    out.write_number(number)?;
                }
                out.write_bytes(text)?;
                encode_fields(fields, out)?;
                out.write_number(*parent)
            }
            LogMessage::StopActivity(id) => {
                out.write_number(STOP_ACTIVITY)?;
                out.write_number(*id)
            }
            LogMessage::Result { id, kind, fields } => {
                for number in [RESULT, *id, *kind] {
                    out.write_number(number)?;
                }
                encode_fields(fields, out)
            }
        }
    }

    /// Reads a message.
    pub fn decode(
        version: ProtocolVersion,
        input: &mut (impl Read + ?Sized),
    ) -> Result<LogMessage, WireError> {
        Ok(match input.read_number()? {
            NEXT => LogMessage::Line(input.read_bytes(MAX_STRING_LEN)?),
            READ => LogMessage::Read(input.read_number()?),
            WRITE => LogMessage::Write(input.read_bytes(MAX_STRING_LEN)?),
            LAST => LogMessage::Last,
            ERROR => LogMessage::Error(LogError::decode(version, input)?),
            START_ACTIVITY => LogMessage::StartActivity {
                id: input.read_number()?,
                level: input.read_number()?,
                kind: input.read_number()?,
                text: input.read_bytes(MAX_STRING_LEN)?,
                fields: decode_fields(input)?,
                parent: input.read_number()?,
            },
            STOP_ACTIVITY => LogMessage::StopActivity(input.read_number()?),
            RESULT => LogMessage::Result {
                id: input.read_number()?,
                kind: input.read_number()?,
                fields: decode_fields(input)?,
            },
            other => {
                return Err(WireError::invalid(format!(
                    "got unknown message type {other:x} from Nix daemon"
                )));
            }
        })
    }
}

impl LogError {
    fn encode(&self, version: ProtocolVersion, out: &mut dyn Write) -> io::Result<()> {
        if !version.has(26) {
            out.write_text(&self.message)?;
            return out.write_number(self.status);
        }
        out.write_text("Error")?;
        out.write_number(self.level)?;
        out.write_text("Error")?;
        out.write_text(&self.message)?;
        out.write_number(0)?;
        out.write_number(self.traces.len() as u64)?;
        for trace in &self.traces {
            out.write_number(0)?;
            out.write_text(trace)?;
        }
        Ok(())
    }

    fn decode(
        version: ProtocolVersion,
        input: &mut (impl Read + ?Sized),
    ) -> Result<LogError, WireError> {
        // A daemon's words may quote anything.
        let text = |input: &mut dyn Read| -> Result<String, WireError> {
            let bytes = input.read_bytes(MAX_STRING_LEN)?;
            Ok(String::from_utf8_lossy(&bytes).into_owned())
        };
        let mut input = input;
        if !version.has(26) {
            return Ok(LogError {
                message: text(&mut input)?,
                status: input.read_number()?,
                ..LogError::default()
            });
        }
        let no_position = |number: u64| match number {
            0 => Ok(()),
            _ => Err(WireError::invalid("an error of the daemon has a position")),
        };
        text(&mut input)?;
        let level = input.read_number()?;
        text(&mut input)?;
        let message = text(&mut input)?;
        no_position(input.read_number()?)?;
        let mut traces = Vec::new();
        for _ in 0..input.read_count()? {
            no_position(input.read_number()?)?;
            traces.push(text(&mut input)?);
        }
        Ok(LogError {
            level,
            message,
            traces,
            status: 1,
        })
    }
}

fn encode_fields(fields: &[LogField], out: &mut dyn Write) -> io::Result<()> {
    out.write_number(fields.len() as u64)?;
    for field in fields {
        match field {
            LogField::Number(number) => {
                out.write_number(0)?;
                out.write_number(*number)?;
            }
            LogField::Text(text) => {
                out.write_number(1)?;
                out.write_bytes(text)?;
            }
        }
    }
    Ok(())
}

fn decode_fields(input: &mut (impl Read + ?Sized)) -> Result<Vec<LogField>, WireError> {
    (0..input.read_count()?)
        .map(|_| match input.read_number()? {
            0 => Ok(LogField::Number(input.read_number()?)),
            1 => Ok(LogField::Text(input.read_bytes(MAX_STRING_LEN)?)),
            other => Err(WireError::invalid(format!(
                "got unsupported field type {other:x} from Nix daemon"
            ))),
        })
        .collect()
}

//! Events as the field's `internal-json` lines, and back.
//!
//! One JSON object a line, keys in alphabetical order, after the prefix `@nix ` on a terminal
//! stream and without it in a log file. Numbers for types and results are the protocol's. Bytes
//! that are no UTF-8 are replaced, as JSON has no other way.

use serde_json::{Map, Value, json};

use crate::{ActivityId, ActivityKind, ActivityType, Event, Level, LogField, Progress};

const FILE_LINKED: u64 = 100;
const BUILD_LOG_LINE: u64 = 101;
const UNTRUSTED_PATH: u64 = 102;
const CORRUPTED_PATH: u64 = 103;
const SET_PHASE: u64 = 104;
const PROGRESS: u64 = 105;
const SET_EXPECTED: u64 = 106;
const POST_BUILD_LOG_LINE: u64 = 107;
const FETCH_STATUS: u64 = 108;

/// The prefix of a line on a stream that carries other text as well.
pub const PREFIX: &str = "@nix ";

/// The JSON object for an event, without prefix or line feed. `None` for what the format has no words
/// for.
pub fn encode(event: &Event) -> Option<String> {
    let value = match event {
        Event::Start {
            id,
            parent,
            level,
            text,
            kind,
        } => {
            let fields = kind.fields();
            let mut object = Map::new();
            object.insert("action".into(), json!("start"));
            if !fields.is_empty() {
                object.insert("fields".into(), fields_value(&fields));
            }
            object.insert("id".into(), json!(id.as_number()));
            object.insert("level".into(), json!(*level as u64));
            object.insert(
                "parent".into(),
                json!(parent.map_or(0, ActivityId::as_number)),
            );
            object.insert("text".into(), json!(text));
            object.insert("type".into(), json!(kind.activity_type() as u64));
            Value::Object(object)
        }
        Event::Stop { id } => json!({"action": "stop", "id": id.as_number()}),
        Event::Message { level, text, raw } => {
            let mut object = Map::new();
            object.insert("action".into(), json!("msg"));
            if raw.is_some() {
                object.insert("column".into(), Value::Null);
                object.insert("file".into(), Value::Null);
            }
            object.insert("level".into(), json!(*level as u64));
            if raw.is_some() {
                object.insert("line".into(), Value::Null);
            }
            object.insert("msg".into(), json!(text));
            if let Some(raw) = raw {
                object.insert("raw_msg".into(), json!(raw));
            }
            Value::Object(object)
        }
        other => {
            let (id, kind, fields) = result_parts(other)?;
            let mut object = Map::new();
            object.insert("action".into(), json!("result"));
            if !fields.is_empty() {
                object.insert("fields".into(), fields_value(&fields));
            }
            object.insert("id".into(), json!(id.as_number()));
            object.insert("type".into(), json!(kind));
            Value::Object(object)
        }
    };
    Some(value.to_string())
}

/// The number and fields of an event that is the result of an activity; nothing for the others.
/// The worker protocol sends results in this shape.
pub fn result_parts(event: &Event) -> Option<(ActivityId, u64, Vec<LogField>)> {
    let text = |bytes: &[u8]| vec![LogField::Text(bytes.to_vec())];
    Some(match event {
        Event::Progress { id, progress } => (
            *id,
            PROGRESS,
            vec![
                LogField::Number(progress.done),
                LogField::Number(progress.expected),
                LogField::Number(progress.running),
                LogField::Number(progress.failed),
            ],
        ),
        Event::SetExpected { id, of, expected } => (
            *id,
            SET_EXPECTED,
            vec![LogField::Number(*of as u64), LogField::Number(*expected)],
        ),
        Event::BuildLogLine { id, line } => (*id, BUILD_LOG_LINE, text(line)),
        Event::PostBuildLogLine { id, line } => (*id, POST_BUILD_LOG_LINE, text(line)),
        Event::SetPhase { id, phase } => (*id, SET_PHASE, text(phase.as_bytes())),
        Event::FileLinked { id, bytes, blocks } => (
            *id,
            FILE_LINKED,
            vec![LogField::Number(*bytes), LogField::Number(*blocks)],
        ),
        Event::UntrustedPath { id, path } => (*id, UNTRUSTED_PATH, text(path)),
        Event::CorruptedPath { id, path } => (*id, CORRUPTED_PATH, text(path)),
        Event::FetchStatus { id, text: status } => (*id, FETCH_STATUS, text(status.as_bytes())),
        Event::Start { .. }
        | Event::Stop { .. }
        | Event::Forecast { .. }
        | Event::Message { .. } => return None,
    })
}

/// The event with these parts, as [`result_parts`] makes them. `None` for a number we do not know
/// or fields that do not fit.
pub fn result_event(id: ActivityId, kind: u64, fields: &[LogField]) -> Option<Event> {
    let number = |idx: usize| match fields.get(idx) {
        Some(LogField::Number(number)) => Some(*number),
        _ => None,
    };
    let text = |idx: usize| match fields.get(idx) {
        Some(LogField::Text(text)) => Some(text.clone()),
        _ => None,
    };
    let string = |idx| text(idx).map(|text| String::from_utf8_lossy(&text).into_owned());
    Some(match kind {
        PROGRESS => Event::Progress {
            id,
            progress: Progress {
                done: number(0)?,
                expected: number(1)?,
                running: number(2)?,
                failed: number(3)?,
            },
        },
        SET_EXPECTED => Event::SetExpected {
            id,
            of: ActivityType::from_number(number(0)?),
            expected: number(1)?,
        },
        BUILD_LOG_LINE => Event::BuildLogLine { id, line: text(0)? },
        POST_BUILD_LOG_LINE => Event::PostBuildLogLine { id, line: text(0)? },
        SET_PHASE => Event::SetPhase {
            id,
            phase: string(0)?,
        },
        FILE_LINKED => Event::FileLinked {
            id,
            bytes: number(0)?,
            blocks: number(1)?,
        },
        UNTRUSTED_PATH => Event::UntrustedPath { id, path: text(0)? },
        CORRUPTED_PATH => Event::CorruptedPath { id, path: text(0)? },
        FETCH_STATUS => Event::FetchStatus {
            id,
            text: string(0)?,
        },
        _ => return None,
    })
}

/// Reads one JSON object as another process wrote it (a builder that reports its phase, a remote
/// end). `None` for what is no event of ours.
pub fn decode(text: &str) -> Option<Event> {
    let value: Value = serde_json::from_str(text).ok()?;
    let number = |key: &str| value.get(key).and_then(Value::as_u64);
    let string = |key: &str| value.get(key).and_then(Value::as_str).map(str::to_owned);
    let fields = || -> Option<Vec<LogField>> {
        let Some(fields) = value.get("fields") else {
            return Some(Vec::new());
        };
        fields
            .as_array()?
            .iter()
            .map(|field| match field {
                Value::Number(number) => number.as_u64().map(LogField::Number),
                Value::String(text) => Some(LogField::from(text.as_str())),
                _ => None,
            })
            .collect()
    };
    // Builders set their phase without naming an activity: they only know the one they are.
    let id = ActivityId::from_number(number("id").unwrap_or(0));
    match value.get("action")?.as_str()? {
        "start" => Some(Event::Start {
            id: id?,
            parent: number("parent").and_then(ActivityId::from_number),
            level: Level::from_number(number("level")?),
            text: string("text")?,
            kind: ActivityKind::Foreign {
                kind: ActivityType::from_number(number("type")?),
                fields: fields()?,
            },
        }),
        "stop" => Some(Event::Stop { id: id? }),
        "result" => result_event(id?, number("type")?, &fields()?),
        "setPhase" => Some(Event::SetPhase {
            id: id.or(ActivityId::from_number(u64::MAX))?,
            phase: string("phase")?,
        }),
        "msg" => Some(Event::Message {
            level: Level::from_number(number("level")?),
            text: string("msg")?,
            raw: string("raw_msg"),
        }),
        _ => None,
    }
}

fn fields_value(fields: &[LogField]) -> Value {
    fields
        .iter()
        .map(|field| match field {
            LogField::Number(number) => json!(number),
            LogField::Text(text) => json!(String::from_utf8_lossy(text)),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(event: &Event, expected: &str) {
        assert_eq!(encode(event).as_deref(), Some(expected));
    }

    fn id(number: u64) -> ActivityId {
        ActivityId::from_number(number).expect("not zero")
    }

    #[test]
    fn lines_have_the_keys_in_the_order_that_viewers_saw_until_now() {
        check(
            &Event::Start {
                id: id(7),
                parent: None,
                level: Level::Info,
                text: "building 'x'".into(),
                kind: ActivityKind::Build {
                    drv_path: b"/nix/store/x.drv".to_vec(),
                    machine: String::new(),
                    round: 1,
                    n_rounds: 1,
                },
            },
            r#"{"action":"start","fields":["/nix/store/x.drv","",1,1],"id":7,"level":3,"parent":0,"text":"building 'x'","type":105}"#,
        );
        check(&Event::Stop { id: id(7) }, r#"{"action":"stop","id":7}"#);
        check(
            &Event::BuildLogLine {
                id: id(7),
                line: b"a\xffb".to_vec(),
            },
            "{\"action\":\"result\",\"fields\":[\"a\u{fffd}b\"],\"id\":7,\"type\":101}",
        );
        check(
            &Event::Message {
                level: Level::Error,
                text: "no".into(),
                raw: None,
            },
            r#"{"action":"msg","level":0,"msg":"no"}"#,
        );
    }

    #[test]
    fn results_survive_the_way_there_and_back() {
        let events = [
            Event::Progress {
                id: id(3),
                progress: Progress {
                    done: 1,
                    expected: 5,
                    running: 2,
                    failed: 1,
                },
            },
            Event::SetExpected {
                id: id(3),
                of: ActivityType::FileTransfer,
                expected: 900,
            },
            Event::SetPhase {
                id: id(4),
                phase: "buildPhase".into(),
            },
            Event::FetchStatus {
                id: id(4),
                text: "cloning".into(),
            },
            Event::Stop { id: id(3) },
        ];
        for event in events {
            assert_eq!(decode(&encode(&event).expect("has words")), Some(event));
        }
    }

    #[test]
    fn a_builder_may_set_its_phase() {
        let event = decode(r#"{ "action": "setPhase", "phase": "unpackPhase" }"#);
        assert!(matches!(event, Some(Event::SetPhase { phase, .. }) if phase == "unpackPhase"));
        assert_eq!(decode("{}"), None);
        assert_eq!(decode("not json"), None);
    }
}

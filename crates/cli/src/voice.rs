//! How this process speaks on stderr: in lines, in lines above a picture of the work, or in JSON;
//! and the file or socket that gets a copy of everything as JSON.
//!
//! Chosen once, when the command line has been read. Until then, and where nothing was chosen, lines
//! are written as they are.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::os::unix::fs::{FileTypeExt as _, OpenOptionsExt as _};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::{Mutex, OnceLock, PoisonError};

use firn_events::{Event, Level, json};

use crate::progress::Tree;

/// What stderr carries.
pub enum Display {
    /// Lines.
    Lines,
    /// Lines, and below them a picture that is drawn again and again.
    Tree(Tree),
    /// Lines of JSON for a program to read.
    Json,
}

struct Voice {
    display: Display,
    record: Option<Mutex<Box<dyn Write + Send>>>,
}

static VOICE: OnceLock<Voice> = OnceLock::new();

/// Chooses how to speak. The first choice stands.
pub fn choose(display: Display, record: Option<Box<dyn Write + Send>>) {
    let record = record.map(Mutex::new);
    // A second choice comes from a command that runs another one.
    drop(VOICE.set(Voice { display, record }));
}

/// Opens the place that gets a copy of all events: a socket that is there, or a file to append to.
pub fn open_record(path: &Path) -> io::Result<Box<dyn Write + Send>> {
    if std::fs::metadata(path).is_ok_and(|it| it.file_type().is_socket()) {
        return Ok(Box::new(UnixStream::connect(path)?));
    }
    let file = OpenOptions::new()
        .append(true)
        .create(true)
        .mode(0o644)
        .open(path)?;
    Ok(Box::new(file))
}

/// Says something to the person in front.
pub fn say(level: Level, text: &str, raw: Option<&str>) {
    let voice = VOICE.get();
    let message = || Event::Message {
        level,
        text: text.to_owned(),
        raw: raw.map(str::to_owned),
    };
    match voice.map(|it| &it.display) {
        Some(Display::Json) => write_json(&message()),
        Some(Display::Tree(tree)) => tree.above(|| write_line(text)),
        Some(Display::Lines) | None => write_line(text),
    }
    record(voice, message);
}

/// Takes note of an event; true if that was all there is to do.
pub fn note(event: &Event) -> bool {
    let voice = VOICE.get();
    match voice.map(|it| &it.display) {
        Some(Display::Json) => {
            write_json(event);
            record(voice, || event.clone());
            return true;
        }
        Some(Display::Tree(tree)) => tree.apply(event),
        Some(Display::Lines) | None => {}
    }
    // Messages are recorded when they are said.
    if !matches!(event, Event::Message { .. }) {
        record(voice, || event.clone());
    }
    false
}

/// Does something while no picture is in the way: a program of the user's, a result on a terminal.
pub fn aside<T>(work: impl FnOnce() -> T) -> T {
    match VOICE.get().map(|it| &it.display) {
        Some(Display::Tree(tree)) => tree.above(work),
        _ => work(),
    }
}

/// Whether everything is said in JSON.
pub fn is_json() -> bool {
    matches!(VOICE.get().map(|it| &it.display), Some(Display::Json))
}

/// Removes the picture for good. Called before the process ends or becomes another.
pub fn end() {
    if let Some(Display::Tree(tree)) = VOICE.get().map(|it| &it.display) {
        tree.end();
    }
}

fn write_line(text: &str) {
    let mut bytes = crate::raw_bytes::bytes_of(text);
    bytes.push(b'\n');
    // With stderr gone there is nobody left to tell.
    io::stderr().lock().write_all(&bytes).ok();
}

fn write_json(event: &Event) {
    if let Some(text) = json::encode(event) {
        write_line(&format!("{}{text}", json::PREFIX));
    }
}

fn record(voice: Option<&Voice>, event: impl FnOnce() -> Event) {
    let Some(record) = voice.and_then(|it| it.record.as_ref()) else {
        return;
    };
    if let Some(mut text) = json::encode(&event()) {
        text.push('\n');
        let mut record = record.lock().unwrap_or_else(PoisonError::into_inner);
        // A reader that went away is no reason to stop working.
        record.write_all(text.as_bytes()).ok();
    }
}

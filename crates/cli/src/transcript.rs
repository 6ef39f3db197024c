//! What a command says while it evaluates, written down, so that it can be said again when the
//! evaluation is not.
//!
//! Lines are shown at once as well: who waits for a long evaluation sees how far it is. Styles are
//! kept as they were asked for, and become those of the terminal that a line is shown on.

use std::io;

use firn_events::Level;
use serde_json::{Value, json};

use crate::{Console, Failure};

/// Results, on standard output.
const RESULT: &str = "result";
/// Warnings.
const WARNING: &str = "warning";
/// What is being done, for those who want to know.
const PROGRESS: &str = "progress";

/// What was said so far.
pub struct Transcript {
    console: Console,
    lines: Vec<Value>,
}

impl Transcript {
    /// One in which nothing was said.
    pub fn new(console: Console) -> Self {
        Self {
            console,
            lines: Vec::new(),
        }
    }

    /// Prints a line of the result.
    pub fn print_line(&mut self, text: &str) -> io::Result<()> {
        self.note(RESULT, text);
        show(self.console, RESULT, text)
    }

    /// Warns.
    pub fn warn(&mut self, text: &str) {
        self.note(WARNING, text);
        self.console.warn(text);
    }

    /// Says what is being done.
    pub fn progress(&mut self, text: &str) {
        self.note(PROGRESS, text);
        self.console.log(Level::Info, text);
    }

    fn note(&mut self, kind: &str, text: &str) {
        self.lines.push(json!([kind, text]));
    }

    /// Everything that was said.
    pub fn into_value(self) -> Value {
        Value::Array(self.lines)
    }
}

/// Says everything again.
///
/// # Errors
/// If standard output cannot be written.
pub fn repeat(console: Console, lines: &Value) -> Result<(), Failure> {
    for line in lines.as_array().into_iter().flatten() {
        let part = |number: usize| line[number].as_str().unwrap_or_default();
        show(console, part(0), part(1))?;
    }
    Ok(())
}

fn show(console: Console, kind: &str, text: &str) -> io::Result<()> {
    match kind {
        RESULT => return console.print_line(console.styled(text)),
        WARNING => console.warn(text),
        _ => console.log(Level::Info, text),
    }
    Ok(())
}

//! The reference's layout of errors.
//!
//! ```text
//! error:
//!        … while calling the 'head' builtin
//!          at /x.nix:1:1:
//!             1| builtins.head []
//!              | ^
//!
//!        error: 'builtins.head' called on an empty list
//! ```
//!
//! A chain is cut after a few steps (a step with a place counts twice) unless the whole of it is
//! asked for; steps seen before are counted instead of shown when there are more than five in a row.

use std::collections::HashSet;

use firn_source::{FileTable, Severity, Span};

use super::{Style, source};
use crate::suggest;
use crate::{Frame, Report};

const RED: &str = "31;1";
const WARNING: &str = "35;1";
const BLUE: &str = "34;1";
const GREEN: &str = "32;1";

/// A report in the plain layout.
pub(super) fn render(report: &Report, files: &FileTable, style: Style, show_trace: bool) -> String {
    let (word, code) = match report.severity {
        Severity::Error => ("error:", RED),
        Severity::Warning => ("warning:", WARNING),
        Severity::Note => ("note:", GREEN),
    };
    let prefix = format!("{} ", style.paint(code, word));
    let mut writer = Writer {
        text: String::new(),
        files,
        style,
        count: 0,
    };
    if report.frames.iter().any(|it| !it.text.is_empty()) {
        writer.frames(&report.frames, show_trace);
        writer.text.push('\n');
        writer.text.push_str(&prefix);
    }
    writer.text.push_str(&report.message);
    writer.text.push('\n');
    writer.position("", report.span);
    if !report.suggestions.is_empty() {
        let names = suggest::in_words(&report.suggestions);
        writer.text.push_str(&format!("Did you mean {names}?\n"));
    }
    indent(&prefix, word.len() + 1, &writer.text)
}

struct Writer<'a> {
    text: String,
    files: &'a FileTable,
    style: Style,
    count: usize,
}

impl Writer<'_> {
    fn frames(&mut self, frames: &[Frame], show_trace: bool) {
        let mut seen = HashSet::new();
        let mut skipped = Vec::new();
        let mut truncate = false;
        for frame in frames.iter().filter(|it| !it.text.is_empty()) {
            truncate |= !show_trace && self.count > 3;
            if truncate && !frame.always {
                continue;
            }
            if !seen.insert(frame) {
                skipped.push(frame);
                continue;
            }
            self.skipped(&mut skipped);
            self.count += 1;
            self.frame(frame);
        }
        self.skipped(&mut skipped);
        if truncate {
            let note =
                "(stack trace truncated; use '--show-trace' to show the full, detailed trace)";
            self.text.push('\n');
            self.text.push_str(&self.style.paint(WARNING, note));
            self.text.push('\n');
        }
    }

    fn skipped(&mut self, skipped: &mut Vec<&Frame>) {
        if skipped.len() > 5 {
            let note = format!("({} duplicate frames omitted)", skipped.len());
            self.text.push('\n');
            self.text.push_str(&self.style.paint(WARNING, &note));
            self.text.push('\n');
            skipped.clear();
        }
        for frame in skipped.drain(..) {
            self.frame(frame);
        }
    }

    fn frame(&mut self, frame: &Frame) {
        self.text.push_str("\n… ");
        self.text.push_str(&frame.text);
        self.text.push('\n');
        if self.position("  ", frame.span) {
            self.count += 1;
        }
    }

    fn position(&mut self, indent: &str, span: Option<Span>) -> bool {
        let Some(span) = span else { return false };
        let place = source::place(span, self.files);
        let at = self.style.paint(BLUE, "at ");
        let where_ = format!("{}:{}:{}", place.name, place.at.line, place.at.column);
        let where_ = self.style.paint(WARNING, &where_);
        self.text.push_str(&format!("{indent}{at}{where_}:"));
        self.text.push_str(&lines(&place, self.style));
        self.text.push('\n');
        true
    }
}

/// The lines around a place, each behind a line end.
pub(super) fn lines(place: &source::Place, style: Style) -> String {
    let mut text = String::new();
    for (number, line) in (i64::from(place.at.line) - 1..).zip(&place.lines) {
        let Some(line) = line else { continue };
        text.push_str(&format!("\n {number:5}| {line}"));
        if number == i64::from(place.at.line) {
            let blanks = " ".repeat(place.at.column as usize);
            let caret = style.paint(RED, "^");
            text.push_str(&format!("\n      |{blanks}{caret}"));
        }
    }
    text
}

/// Puts the prefix before the first line and as many blanks before the others; no line ends in a
/// blank.
pub(crate) fn indent(prefix: &str, width: usize, text: &str) -> String {
    let blanks = " ".repeat(width);
    let mut lines = Vec::new();
    for (number, line) in text.trim_end().split('\n').enumerate() {
        let lead = if number == 0 { prefix } else { &blanks };
        lines.push(format!("{lead}{line}").trim_end().to_owned());
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use firn_source::FileOrigin;

    use super::*;

    const STYLE: Style = Style {
        colour: false,
        carets: false,
    };

    #[test]
    fn a_message_stands_behind_its_word() {
        let mut report = Report::error("two\n\nlines");
        report.suggestions = vec!["a".to_owned(), "b".to_owned()];
        assert_eq!(
            render(&report, &FileTable::new(), STYLE, false),
            "error: two\n\n       lines\n       Did you mean one of a or b?"
        );
    }

    #[test]
    fn places_quote_three_lines() {
        let files = FileTable::new();
        let file = files.add(FileOrigin::String, Arc::from(&b"one\ntwo\nthree\n"[..]));
        let mut report = Report::error("bad");
        report.span = Some(Span::at(file, 5));
        report.frames.push(Frame {
            text: "while looking".to_owned(),
            span: Some(Span::at(file, 0)),
            always: false,
            in_library: false,
        });
        let expected = "\
error:
       … while looking
         at «string»:1:1:
            1| one
             | ^
            2| two

       error: bad
       at «string»:2:2:
            1| one
            2| two
             |  ^
            3| three";
        assert_eq!(render(&report, &files, STYLE, false), expected);
    }

    #[test]
    fn long_chains_are_cut_and_repeats_counted() {
        let mut report = Report::error("bad");
        let frame = |text: &str| Frame {
            text: text.to_owned(),
            span: None,
            always: false,
            in_library: false,
        };
        report.frames = (0..9).map(|it| frame(&it.to_string())).collect();
        let text = render(&report, &FileTable::new(), STYLE, false);
        assert!(
            text.contains("… 3\n\n       (stack trace truncated"),
            "{text}"
        );
        report.frames = (0..9).map(|_| frame("same")).collect();
        let text = render(&report, &FileTable::new(), STYLE, true);
        assert!(text.contains("(8 duplicate frames omitted)"), "{text}");
    }
}

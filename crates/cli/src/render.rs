//! Reports as text: the reference's plain layout under its names, carets under ours. Both come from
//! the same data.

mod carets;
mod plain;
mod source;

use firn_source::FileTable;

pub(crate) use plain::indent;

use crate::Report;

/// How text is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Style {
    /// Whether colours are used.
    pub colour: bool,
    /// Whether sources are quoted in our layout instead of the reference's.
    pub carets: bool,
}

impl Style {
    /// Wraps text in an escape sequence, if colours are used.
    pub fn paint(self, code: &str, text: &str) -> String {
        if self.colour {
            format!("\u{1b}[{code}m{text}\u{1b}[0m")
        } else {
            text.to_owned()
        }
    }
}

/// A report as text without a final line end.
pub fn render(report: &Report, files: &FileTable, style: Style, show_trace: bool) -> String {
    let has_places = report.span.is_some() || !report.frames.is_empty();
    if style.carets && (has_places || report.help.is_some()) {
        carets::render(report, files, style, show_trace)
    } else {
        plain::render(report, files, style, show_trace)
    }
}

/// A place the way messages name it: `/path:1:2`.
pub fn place_in_words(span: firn_source::Span, files: &FileTable) -> String {
    let place = source::place(span, files);
    format!("{}:{}:{}", place.name, place.at.line, place.at.column)
}

/// A place the way messages name it, and the lines around.
pub fn place_with_lines(span: firn_source::Span, files: &FileTable, style: Style) -> String {
    let place = source::place(span, files);
    let lines = plain::lines(&place, style);
    let name = place_in_words(span, files);
    format!("{name}\n{lines}\n")
}

//! Messages that show where in the text they apply.

use std::ops::Range;

/// A problem in a text: what, where, and what the places are.
#[derive(Debug)]
pub(super) struct Problem(Box<Details>);

#[derive(Debug)]
struct Details {
    title: String,
    places: Vec<(Range<usize>, &'static str)>,
    hints: &'static [&'static str],
}

impl Problem {
    /// A problem at one place.
    pub(super) fn at(title: impl Into<String>, place: Range<usize>, note: &'static str) -> Self {
        Self(Box::new(Details {
            title: title.into(),
            places: vec![(place, note)],
            hints: &[],
        }))
    }

    /// A problem of one place with an earlier one.
    pub(super) fn between(
        title: &str,
        here: (Range<usize>, &'static str),
        there: (Range<usize>, &'static str),
    ) -> Self {
        Self(Box::new(Details {
            title: title.to_owned(),
            places: vec![here, there],
            hints: &[],
        }))
    }

    /// Adds advice below the text.
    pub(super) fn hint(mut self, hints: &'static [&'static str]) -> Self {
        self.0.hints = hints;
        self
    }

    /// The whole message.
    pub(super) fn render(&self, text: &[u8]) -> Vec<u8> {
        let Details {
            title,
            places,
            hints,
        } = &*self.0;
        let lines: Vec<Line<'_>> = places
            .iter()
            .map(|(place, _)| Line::of(text, place.start))
            .collect();
        let width = lines
            .iter()
            .map(|line| line.number.to_string().len())
            .max()
            .unwrap_or(1);
        let margin = " ".repeat(width + 2);
        let mut out = format!("[error] {title}\n --> fromTOML\n{margin}|\n").into_bytes();
        for (idx, ((place, note), line)) in places.iter().zip(&lines).enumerate() {
            if idx > 0 {
                out.extend_from_slice(format!("{margin}| ...\n{margin}|\n").as_bytes());
            }
            out.extend_from_slice(format!(" {:>width$} | ", line.number).as_bytes());
            for &byte in line.text {
                match byte {
                    b'\t' | 0x20..=0x7e => out.push(byte),
                    _ => out.extend_from_slice(format!("0x{byte:02x}").as_bytes()),
                }
            }
            let column = place.start - line.start;
            let n_marks = place.end.clamp(
                place.start + 1,
                (line.start + line.text.len()).max(place.start + 1),
            ) - place.start;
            let blanks = " ".repeat(column);
            let marks = "^".repeat(n_marks);
            out.extend_from_slice(format!("\n{margin}| {blanks}{marks}-- {note}\n").as_bytes());
        }
        for hint in *hints {
            out.extend_from_slice(format!("Hint: {hint}\n").as_bytes());
        }
        out
    }
}

struct Line<'t> {
    number: usize,
    start: usize,
    text: &'t [u8],
}

impl<'t> Line<'t> {
    fn of(text: &'t [u8], at: usize) -> Self {
        let at = at.min(text.len());
        let before = &text[..at];
        let start = before
            .iter()
            .rposition(|&byte| byte == b'\n')
            .map_or(0, |idx| idx + 1);
        let n_bytes = text[start..]
            .iter()
            .position(|&byte| byte == b'\n')
            .unwrap_or(text.len() - start);
        Self {
            number: before.split(|&byte| byte == b'\n').count(),
            start,
            text: &text[start..start + n_bytes],
        }
    }
}

//! Our own layout: the message, the source with carets under the words that matter, what may have
//! been meant and what to try, and the way there in the reader's own terms.
//!
//! The source shown is the reader's own where there is a choice: an error that is noticed inside a
//! library is shown where the reader's text led there, with a line that names the place in the
//! library. Steps inside libraries are only counted unless the whole chain is asked for.

use std::collections::HashSet;
use std::fmt;

use firn_source::{FileTable, Severity, Span};
use miette::{
    GraphicalReportHandler, GraphicalTheme, LabeledSpan, MietteError, MietteSpanContents,
    SourceCode, SourceSpan, SpanContents, ThemeCharacters, ThemeStyles,
};

use super::{Style, source};
use crate::suggest;
use crate::{Frame, Report};

/// Steps of the chain shown when the whole is not asked for.
const FEW_FRAMES: usize = 5;

/// A report with carets.
pub(super) fn render(report: &Report, files: &FileTable, style: Style, show_trace: bool) -> String {
    let view = View::new(report, files);
    let characters = ThemeCharacters {
        error: "error:".to_owned(),
        warning: "warning:".to_owned(),
        advice: "note:".to_owned(),
        ..ThemeCharacters::unicode()
    };
    let theme = GraphicalTheme {
        characters,
        styles: if style.colour {
            ThemeStyles::ansi()
        } else {
            ThemeStyles::none()
        },
    };
    let mut text = String::new();
    let handler = GraphicalReportHandler::new_themed(theme)
        .with_width(100)
        .with_wrap_lines(false)
        .with_links(false);
    if handler.render_report(&mut text, &view).is_err() {
        return super::plain::render(report, files, style, show_trace);
    }
    // The word for the severity starts the line, as it does everywhere else.
    let mut text = text.trim().to_owned();
    for line in chain(report, files, &view, show_trace) {
        text.push_str("\n  ");
        text.push_str(&style.paint("2", &line));
    }
    for diagnostic in &report.further {
        let further = Report::from(diagnostic.clone());
        text.push_str("\n\n");
        text.push_str(&render(&further, files, style, show_trace));
    }
    text
}

/// What miette wants to know of a report.
#[derive(Debug)]
struct View<'a> {
    report: &'a Report,
    /// The place whose source is shown.
    main: Option<Span>,
    /// The step of the chain that the place is taken from, if it is not that of the error.
    step: Option<usize>,
    source: Option<Quoted>,
    labels: Vec<LabeledSpan>,
    help: Option<String>,
}

#[derive(Debug)]
struct Quoted {
    name: String,
    text: String,
}

impl<'a> View<'a> {
    fn new(report: &'a Report, files: &FileTable) -> Self {
        let (main, step) = place_to_show(report);
        let source = main.map(|span| {
            let file = files.file(span.file);
            Quoted {
                name: source::name(&file),
                text: String::from_utf8_lossy(file.bytes()).into_owned(),
            }
        });
        let mut labels = Vec::new();
        if let Some(main) = main {
            labels.push(primary_label(report, files, main, step));
            let others = report.labels.iter().filter(|it| it.span != main);
            for label in others.filter(|it| it.span.file == main.file) {
                let text = Some(label.text.clone());
                labels.push(LabeledSpan::new_with_span(text, range(label.span)));
            }
        }
        Self {
            report,
            main,
            step,
            source,
            labels,
            help: help(report),
        }
    }
}

/// The place whose source says most to the reader, and the step it belongs to: that of the error if
/// it is in the reader's own text, else the nearest step that is.
fn place_to_show(report: &Report) -> (Option<Span>, Option<usize>) {
    if report.span.is_some() && !report.is_in_library {
        return (report.span, None);
    }
    let steps = report.frames.iter().enumerate().rev();
    let own = steps
        .clone()
        .filter(|(_, it)| !it.in_library)
        .find_map(|(idx, it)| Some((it.span?, idx)));
    if let Some((span, idx)) = own {
        return (Some(span), Some(idx));
    }
    (None, None)
}

fn primary_label(
    report: &Report,
    files: &FileTable,
    main: Span,
    step: Option<usize>,
) -> LabeledSpan {
    if let Some(step) = step {
        let word = crate::focus::word_at(main, files);
        let text = short_step(&report.frames[step].text);
        return LabeledSpan::new_primary_with_span(Some(text), range(word));
    }
    if let Some(focus) = &report.focus {
        return LabeledSpan::new_primary_with_span(Some(focus.text.clone()), range(focus.span));
    }
    let label = report.labels.iter().find(|it| it.span == main);
    let text = label.map(|it| it.text.clone()).filter(|it| !it.is_empty());
    let text = text.or_else(|| Some("here".to_owned()));
    LabeledSpan::new_primary_with_span(text, range(main))
}

/// What a step says, without the words that all of them begin with.
fn short_step(text: &str) -> String {
    let text = text.lines().next().unwrap_or_default();
    if text == "while calling the 'throw' builtin" {
        return "thrown here".to_owned();
    }
    if text.starts_with("while evaluating the condition of the assertion") {
        return "this assertion fails".to_owned();
    }
    text.strip_suffix(':').unwrap_or(text).to_owned()
}

fn range(span: Span) -> SourceSpan {
    let len = span.len().max(1) as usize;
    SourceSpan::new((span.start as usize).into(), len)
}

/// Suggestions and advice.
fn help(report: &Report) -> Option<String> {
    let mut lines = Vec::new();
    if !report.suggestions.is_empty() {
        let names: Vec<String> = report
            .suggestions
            .iter()
            .map(|it| format!("'{it}'"))
            .collect();
        lines.push(format!("did you mean {}?", suggest::in_words(&names)));
    }
    lines.extend(report.help.clone());
    lines.extend(report.notes.iter().cloned());
    (!lines.is_empty()).then(|| lines.join("\n"))
}

/// The way to the error, nearest step first.
fn chain(report: &Report, files: &FileTable, view: &View<'_>, show_trace: bool) -> Vec<String> {
    let place = |span: Span| {
        let place = source::place(span, files);
        format!("{}:{}:{}", place.name, place.at.line, place.at.column)
    };
    let mut lines = Vec::new();
    // The place of an error in a library, which is not shown itself.
    let nearest = || report.frames.iter().rev().find_map(|it| it.span);
    match (report.span, view.main) {
        (Some(span), main) if main != Some(span) => {
            lines.push(format!("noticed at {}", place(span)));
        }
        (None, None) => {
            lines.extend(nearest().map(|it| format!("noticed at {}", place(it))));
        }
        _ => {}
    }
    let mut seen: HashSet<&Frame> = HashSet::new();
    let (mut n_own, mut n_library) = (0, 0);
    let n_shown = if show_trace { usize::MAX } else { FEW_FRAMES };
    for (idx, frame) in report.frames.iter().enumerate().rev() {
        let is_labelled = |span: Span| {
            let mut labels = report.labels.iter();
            labels.any(|it| (it.span.file, it.span.start) == (span.file, span.start))
        };
        let is_call = frame.text == "from call site" && frame.span.is_some_and(is_labelled);
        let is_told = Some(idx) == view.step || frame.text.is_empty() || is_call;
        if is_told || (!show_trace && !seen.insert(frame)) {
            continue;
        }
        if !show_trace && frame.in_library && !frame.always {
            n_library += 1;
            continue;
        }
        // A step without a place says something only if the program itself added it.
        let is_vague = frame.span.is_none() && !frame.always && view.main.is_some();
        if !show_trace && (is_vague || lines.len() >= n_shown) {
            n_own += usize::from(!is_vague);
            continue;
        }
        let mut text = frame.text.lines();
        let first = short_step(text.next().unwrap_or_default());
        lines.push(match frame.span {
            Some(span) => format!("{first} ({})", place(span)),
            None => first,
        });
        lines.extend(text.map(|it| format!("  {it}")));
    }
    let left = match (n_own, n_library) {
        (0, 0) => return lines,
        (own, 0) => format!("… {own} more"),
        (0, 1) => "… 1 step inside of libraries".to_owned(),
        (0, library) => format!("… {library} steps inside of libraries"),
        (own, library) => format!("… {own} more, and {library} inside of libraries"),
    };
    lines.push(format!("{left} ('--show-trace' shows all)"));
    lines
}

impl fmt::Display for View<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.report.message.trim_end())
    }
}

impl std::error::Error for View<'_> {}

impl miette::Diagnostic for View<'_> {
    fn severity(&self) -> Option<miette::Severity> {
        Some(match self.report.severity {
            Severity::Error => miette::Severity::Error,
            Severity::Warning => miette::Severity::Warning,
            Severity::Note => miette::Severity::Advice,
        })
    }

    fn help<'b>(&'b self) -> Option<Box<dyn fmt::Display + 'b>> {
        let help = self.help.as_ref()?;
        Some(Box::new(help))
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        let source = self.source.as_ref()?;
        Some(source)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        Some(Box::new(self.labels.iter().cloned()))
    }
}

impl SourceCode for Quoted {
    fn read_span<'b>(
        &'b self,
        span: &SourceSpan,
        before: usize,
        after: usize,
    ) -> Result<Box<dyn SpanContents<'b> + 'b>, MietteError> {
        let contents = self.text.read_span(span, before, after)?;
        Ok(Box::new(MietteSpanContents::new_named(
            self.name.clone(),
            contents.data(),
            *contents.span(),
            contents.line(),
            contents.column(),
            contents.line_count(),
        )))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use firn_source::FileOrigin;

    use super::*;

    const STYLE: Style = Style {
        colour: false,
        carets: true,
    };

    #[test]
    fn the_place_is_underlined() {
        let files = FileTable::new();
        let file = files.add(FileOrigin::String, Arc::from(&b"1 + foo\n"[..]));
        let mut report = Report::error("undefined variable 'foo'");
        report.span = Some(Span::new(file, 4, 7));
        report.suggestions = vec!["fob".to_owned()];
        let text = render(&report, &files, STYLE, false);
        assert!(
            text.starts_with("error: undefined variable 'foo'"),
            "{text}"
        );
        assert!(text.contains("«string»:1:5"), "{text}");
        assert!(text.contains("1 + foo"), "{text}");
        assert!(text.contains("did you mean 'fob'?"), "{text}");
    }

    #[test]
    fn libraries_are_folded() {
        let files = FileTable::new();
        let own = files.add(FileOrigin::String, Arc::from(&b"mkThing { }\n"[..]));
        let library = files.add(FileOrigin::Internal("lib"), Arc::from(&b"throw 1\n"[..]));
        let frame = |text: &str, file, in_library| Frame {
            text: text.to_owned(),
            span: Some(Span::new(file, 0, 1)),
            always: false,
            in_library,
        };
        let mut report = Report::error("no");
        report.span = Some(Span::new(library, 0, 5));
        report.is_in_library = true;
        report.frames = vec![
            frame("while making a thing", own, false),
            frame("while looking", library, true),
        ];
        let text = render(&report, &files, STYLE, false);
        assert!(text.contains("mkThing { }"), "{text}");
        assert!(text.contains("while making a thing"), "{text}");
        assert!(text.contains("noticed at lib:1:1"), "{text}");
        assert!(text.contains("… 1 step inside of libraries"), "{text}");
        assert!(!text.contains("while looking"), "{text}");
        assert!(render(&report, &files, STYLE, true).contains("while looking"));
    }
}

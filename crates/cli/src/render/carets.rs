//! Our own layout: the message, the source with carets under the place, the chain in few lines,
//! what may have been meant and what to try.

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
const FEW_FRAMES: usize = 4;

/// A report with carets.
pub(super) fn render(report: &Report, files: &FileTable, style: Style, show_trace: bool) -> String {
    let view = View::new(report, files, show_trace);
    let theme = GraphicalTheme {
        characters: ThemeCharacters::unicode(),
        styles: if style.colour {
            ThemeStyles::ansi()
        } else {
            ThemeStyles::none()
        },
    };
    let mut text = String::new();
    let handler = GraphicalReportHandler::new_themed(theme)
        .with_width(100)
        .with_links(false);
    if handler.render_report(&mut text, &view).is_err() {
        return super::plain::render(report, files, style, show_trace);
    }
    text.trim_end().to_owned()
}

/// What miette wants to know of a report.
#[derive(Debug)]
struct View<'a> {
    report: &'a Report,
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
    fn new(report: &'a Report, files: &FileTable, show_trace: bool) -> Self {
        let nearest = || report.frames.iter().rev().find_map(|it| it.span);
        let main = report.span.or_else(nearest);
        let source = main.map(|span| {
            let file = files.file(span.file);
            Quoted {
                name: source::name(&file.origin),
                text: String::from_utf8_lossy(file.bytes()).into_owned(),
            }
        });
        let mut labels = Vec::new();
        if let Some(main) = main {
            let words = |span: Span| {
                let label = report.labels.iter().find(|it| it.span == span);
                label.map(|it| it.text.clone()).filter(|it| !it.is_empty())
            };
            let words_here = words(main).or_else(|| Some("here".to_owned()));
            labels.push(LabeledSpan::new_primary_with_span(words_here, range(main)));
            let others = report.labels.iter().filter(|it| it.span != main);
            for label in others.filter(|it| it.span.file == main.file) {
                let text = Some(label.text.clone());
                labels.push(LabeledSpan::new_with_span(text, range(label.span)));
            }
        }
        Self {
            report,
            source,
            labels,
            help: help(report, files, show_trace),
        }
    }
}

fn range(span: Span) -> SourceSpan {
    let len = span.len().max(1) as usize;
    SourceSpan::new((span.start as usize).into(), len)
}

/// Chain, suggestions and advice in the lines below the source.
fn help(report: &Report, files: &FileTable, show_trace: bool) -> Option<String> {
    let mut lines = Vec::new();
    if !report.suggestions.is_empty() {
        lines.push(format!(
            "did you mean {}?",
            suggest::in_words(&report.suggestions)
        ));
    }
    lines.extend(report.help.clone());
    lines.extend(report.notes.iter().cloned());
    let frames: Vec<&Frame> = report
        .frames
        .iter()
        .rev()
        .filter(|it| !it.text.is_empty())
        .collect();
    let shown = if show_trace { frames.len() } else { FEW_FRAMES };
    for frame in frames.iter().take(shown) {
        let place = frame.span.map(|it| source::place(it, files));
        lines.push(place.map_or_else(
            || frame.text.clone(),
            |it| {
                format!(
                    "{} ({}:{}:{})",
                    frame.text, it.name, it.at.line, it.at.column
                )
            },
        ));
    }
    if frames.len() > shown {
        let left = frames.len() - shown;
        lines.push(format!("… {left} more; '--show-trace' shows them"));
    }
    (!lines.is_empty()).then(|| lines.join("\n"))
}

impl fmt::Display for View<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.report.message)
    }
}

impl std::error::Error for View<'_> {}

impl miette::Diagnostic for View<'_> {
    fn code<'b>(&'b self) -> Option<Box<dyn fmt::Display + 'b>> {
        let code = self.report.code?;
        Some(Box::new(code))
    }

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

    #[test]
    fn the_place_is_underlined() {
        let files = FileTable::new();
        let file = files.add(FileOrigin::String, Arc::from(&b"1 + foo\n"[..]));
        let mut report = Report::error("undefined variable 'foo'");
        report.span = Some(Span::new(file, 4, 7));
        report.suggestions = vec!["fob".to_owned()];
        let style = Style {
            colour: false,
            carets: true,
        };
        let text = render(&report, &files, style, false);
        assert!(text.contains("undefined variable 'foo'"), "{text}");
        assert!(text.contains("«string»:1:5"), "{text}");
        assert!(text.contains("1 + foo"), "{text}");
        assert!(text.contains("did you mean fob?"), "{text}");
    }
}

//! What a user is told, as data. Libraries make these; only the front end renders them, and it may
//! render the same one in several layouts (carets in a terminal, the reference's plain layout,
//! JSON, an editor's protocol).

use crate::Span;

/// How grave a diagnostic is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Severity {
    /// Nothing was produced.
    Error,
    /// Something was produced, but probably not what was meant.
    Warning,
    /// Something worth knowing.
    Note,
}

/// What a label points at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LabelKind {
    /// The place the diagnostic is about; at most one.
    Primary,
    /// A place that explains it.
    Secondary,
}

/// A place in a source with a few words on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label {
    /// The place.
    pub span: Span,
    /// What to say there; may be empty.
    pub text: String,
    /// Whether this is the main place.
    pub kind: LabelKind,
}

/// One thing to tell the user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// How grave it is.
    pub severity: Severity,
    /// A stable, documented name for this kind of message, such as `syntax::missing-semicolon`.
    pub code: &'static str,
    /// The message: the field's own words first, lower case, no full stop.
    pub message: String,
    /// Places, the primary one first.
    pub labels: Vec<Label>,
    /// What to try.
    pub help: Option<String>,
    /// Further facts, in order.
    pub notes: Vec<String>,
}

impl Diagnostic {
    /// An error without places.
    pub fn error(code: &'static str, message: impl Into<String>) -> Self {
        Self::with_severity(Severity::Error, code, message)
    }

    /// A warning without places.
    pub fn warning(code: &'static str, message: impl Into<String>) -> Self {
        Self::with_severity(Severity::Warning, code, message)
    }

    fn with_severity(severity: Severity, code: &'static str, message: impl Into<String>) -> Self {
        Self {
            severity,
            code,
            message: message.into(),
            labels: Vec::new(),
            help: None,
            notes: Vec::new(),
        }
    }

    /// Adds the main place.
    #[must_use]
    pub fn at(mut self, span: Span, text: impl Into<String>) -> Self {
        self.labels.insert(
            0,
            Label {
                span,
                text: text.into(),
                kind: LabelKind::Primary,
            },
        );
        self
    }

    /// Adds a place that explains.
    #[must_use]
    pub fn because(mut self, span: Span, text: impl Into<String>) -> Self {
        self.labels.push(Label {
            span,
            text: text.into(),
            kind: LabelKind::Secondary,
        });
        self
    }

    /// Says what to try.
    #[must_use]
    pub fn help(mut self, text: impl Into<String>) -> Self {
        self.help = Some(text.into());
        self
    }

    /// Adds a fact.
    #[must_use]
    pub fn note(mut self, text: impl Into<String>) -> Self {
        self.notes.push(text.into());
        self
    }

    /// The main place, if there is one.
    pub fn primary_span(&self) -> Option<Span> {
        self.labels
            .iter()
            .find(|label| label.kind == LabelKind::Primary)
            .map(|label| label.span)
    }
}

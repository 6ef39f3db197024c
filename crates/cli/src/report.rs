//! One thing to tell the user, with everything a renderer may want: the message, its place, the
//! chain of what was being done, suggestions. Libraries' errors are turned into this; the two
//! renderers below [`render`](crate::render) turn it into text.

use firn_source::{Diagnostic, Label, Severity, Span};

/// One step of the chain that led to an error.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Frame {
    /// What was being done, such as "while calling the 'head' builtin".
    pub text: String,
    /// Where.
    pub span: Option<Span>,
    /// Whether it is shown even when the chain is cut short.
    pub always: bool,
    /// Whether it is inside a library, where the reader has little to look for.
    pub in_library: bool,
}

/// One thing to tell the user.
#[derive(Clone, Debug)]
pub struct Report {
    /// How grave it is.
    pub severity: Severity,
    /// The stable name of this kind of message.
    pub code: Option<&'static str>,
    /// The message; may have several lines.
    pub message: String,
    /// Where.
    pub span: Option<Span>,
    /// The words that the message is about, which may be other ones than those at its place.
    pub focus: Option<Label>,
    /// Further places with words.
    pub labels: Vec<Label>,
    /// What led there, outermost first.
    pub frames: Vec<Frame>,
    /// Whether its place is inside a library.
    pub is_in_library: bool,
    /// Names that may have been meant, best first.
    pub suggestions: Vec<String>,
    /// What to try.
    pub help: Option<String>,
    /// Further facts.
    pub notes: Vec<String>,
    /// What else is wrong with the same text.
    pub further: Vec<Diagnostic>,
}

impl Report {
    /// An error without a place.
    pub fn error(message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Error,
            code: None,
            message: message.into(),
            span: None,
            focus: None,
            labels: Vec::new(),
            frames: Vec::new(),
            is_in_library: false,
            suggestions: Vec::new(),
            help: None,
            notes: Vec::new(),
            further: Vec::new(),
        }
    }
}

impl From<Diagnostic> for Report {
    fn from(diagnostic: Diagnostic) -> Self {
        Self {
            severity: diagnostic.severity,
            code: Some(diagnostic.code),
            span: diagnostic.primary_span(),
            focus: None,
            message: diagnostic.message,
            labels: diagnostic.labels,
            frames: Vec::new(),
            is_in_library: false,
            suggestions: Vec::new(),
            help: diagnostic.help,
            notes: diagnostic.notes,
            further: Vec::new(),
        }
    }
}

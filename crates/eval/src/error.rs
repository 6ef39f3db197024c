//! Evaluation errors as data.
//!
//! Functions of the machine return [`Fail`], which has no size; the error itself waits in the
//! context ([`crate::Ctx`]) and gathers [`Frame`]s as it passes outwards. Whoever handles a failure
//! takes the error out with [`crate::Ctx::take_error`]. Messages begin with the reference's words.

use std::borrow::Cow;

use firn_source::{Diagnostic, FileId, Span};

/// Something failed; the error is in the context. Only the context makes and consumes these.
#[derive(Debug)]
#[must_use = "a failure must be passed on or taken from the context"]
pub struct Fail(pub(crate) ());

/// A byte of a source.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Place {
    /// The source.
    pub file: FileId,
    /// The byte in it.
    pub offset: u32,
}

/// What kind of error it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// `throw`.
    Thrown,
    /// A failed `assert`.
    Assertion,
    /// `abort`.
    Abort,
    /// A value of another kind was expected.
    Type,
    /// A name that nothing defines.
    UndefinedVariable,
    /// An attribute that a set does not have.
    MissingAttribute,
    /// An argument that has to be given on the command line.
    MissingArgument,
    /// A value that needs itself.
    InfiniteRecursion,
    /// Too many nested calls.
    StackOverflow,
    /// A text that cannot be parsed.
    Syntax,
    /// What the host reports: files, network, store.
    Host,
    /// The host refuses access.
    Restricted,
    /// A user interrupted.
    Interrupted,
    /// A user left the debugger at a place that was no error.
    Left,
    /// A helper left something to the main line. Nobody sees it.
    GaveUp,
    /// Any other error of evaluation.
    Eval,
}

impl ErrorKind {
    /// Whether `builtins.tryEval` turns it into a value.
    pub fn is_catchable(self) -> bool {
        matches!(self, Self::Thrown | Self::Assertion)
    }

    /// A stable, documented name.
    pub fn code(self) -> &'static str {
        match self {
            Self::Thrown => "eval::throw",
            Self::Assertion => "eval::assertion",
            Self::Abort => "eval::abort",
            Self::Type => "eval::type",
            Self::UndefinedVariable => "eval::undefined-variable",
            Self::MissingAttribute => "eval::missing-attribute",
            Self::MissingArgument => "eval::missing-argument",
            Self::InfiniteRecursion => "eval::infinite-recursion",
            Self::StackOverflow => "eval::stack-overflow",
            Self::Syntax => "eval::syntax",
            Self::Host => "eval::host",
            Self::Restricted => "eval::restricted",
            Self::Interrupted => "eval::interrupted",
            Self::Left => "eval::left",
            Self::GaveUp => "eval::gave-up",
            Self::Eval => "eval::error",
        }
    }
}

/// What a frame of a trace is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrameKind {
    /// Shown always.
    Context,
    /// A call of a function; the reference shows these only with `--show-trace`.
    Call,
    /// Added by the program itself with `builtins.addErrorContext`; never left out.
    Custom,
}

/// One step of what was being evaluated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// Where.
    pub place: Option<Place>,
    /// `while evaluating …`.
    pub text: Cow<'static, str>,
    /// What it is about.
    pub kind: FrameKind,
}

/// An error of evaluation.
#[derive(Clone, Debug)]
pub struct EvalError {
    /// What kind of error.
    pub kind: ErrorKind,
    /// What went wrong.
    pub message: String,
    /// Where.
    pub place: Option<Place>,
    /// What was being evaluated, innermost first.
    pub frames: Vec<Frame>,
    /// Names that may have been meant.
    pub suggestions: Vec<String>,
    /// What to try, where the reference says nothing.
    pub help: Option<String>,
    /// The exit status that a program should end with, if it is not the usual one.
    pub exit_status: Option<u8>,
    /// Syntax errors are complete diagnostics already.
    pub diagnostic: Option<Box<Diagnostic>>,
    /// Further errors of the same text.
    pub further: Vec<Diagnostic>,
    /// Where it is remembered for the thunks that it has passed.
    pub(crate) number: Option<u32>,
}

impl EvalError {
    /// An error without place and trace.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            place: None,
            frames: Vec::new(),
            suggestions: Vec::new(),
            help: None,
            exit_status: None,
            diagnostic: None,
            further: Vec::new(),
            number: None,
        }
    }

    /// `Did you mean …?`, if there is something to suggest.
    pub fn suggestion_text(&self) -> Option<String> {
        match self.suggestions.as_slice() {
            [] => None,
            [only] => Some(format!("Did you mean {only}?")),
            [init @ .., last] => Some(format!(
                "Did you mean one of {} or {last}?",
                init.join(", ")
            )),
        }
    }

    /// The error for the front end, followed by one note for each frame, outermost first.
    pub fn diagnostics(&self) -> Vec<Diagnostic> {
        let mut main = match &self.diagnostic {
            Some(diagnostic) => (**diagnostic).clone(),
            None => Diagnostic::error(self.kind.code(), self.message.clone()),
        };
        if let (Some(place), true) = (self.place, main.labels.is_empty()) {
            main = main.at(Span::at(place.file, place.offset), "");
        }
        if let Some(text) = self.suggestion_text() {
            main = main.help(text);
        }
        let mut all = vec![main];
        for frame in self.frames.iter().rev() {
            let mut note = Diagnostic::warning("eval::trace", frame.text.clone());
            note.severity = firn_source::Severity::Note;
            if let Some(place) = frame.place {
                note = note.at(Span::at(place.file, place.offset), "");
            }
            all.push(note);
        }
        all
    }
}

impl std::fmt::Display for EvalError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for EvalError {}

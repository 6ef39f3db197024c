//! Why a command did not do what it was asked, and the exit code that follows.

use std::fmt;
use std::io;
use std::sync::Arc;

use firn_source::FileTable;

use crate::{Console, Report};

/// Exit code of an error without a code of its own.
pub const EXIT_ERROR: u8 = 1;

/// How a command ends when it does not succeed.
#[derive(Debug)]
#[non_exhaustive]
pub enum Failure {
    /// The command line makes no sense; `--help` may help.
    Usage(Box<Report>),
    /// Something went wrong.
    Reported {
        /// What to tell the user.
        report: Box<Report>,
        /// The sources the report points into.
        files: Arc<FileTable>,
        /// The exit code.
        code: u8,
    },
    /// Standard output could not be written.
    Output(io::Error),
    /// Everything has been said; only the exit code is left.
    Exit(u8),
}

impl Failure {
    /// A mistake on the command line.
    pub fn usage(message: impl Into<String>) -> Self {
        Self::Usage(Box::new(Report::error(message)))
    }

    /// A mistake on the command line, with names that may have been meant.
    pub fn usage_meaning(message: impl Into<String>, suggestions: Vec<String>) -> Self {
        let mut report = Report::error(message);
        report.suggestions = suggestions;
        Self::Usage(Box::new(report))
    }

    /// A word too many.
    pub fn unexpected(word: &str) -> Self {
        Self::usage(format!("unexpected argument '{word}'"))
    }

    /// An error without places, exit code 1.
    pub fn message(message: impl Into<String>) -> Self {
        Self::with_code(EXIT_ERROR, message)
    }

    /// An error without places and with an exit code.
    pub fn with_code(code: u8, message: impl Into<String>) -> Self {
        Self::Reported {
            report: Box::new(Report::error(message)),
            files: Arc::default(),
            code,
        }
    }

    /// An error with places.
    pub fn reported(report: Report, files: Arc<FileTable>) -> Self {
        Self::Reported {
            report: Box::new(report),
            files,
            code: EXIT_ERROR,
        }
    }

    /// Tells the user and gives the exit code.
    pub fn show(&self, console: &Console, called_as: &str) -> u8 {
        match self {
            Self::Usage(report) => {
                console.report(report, &FileTable::new());
                console.line(&format!("Try '{called_as} --help' for more information."));
                EXIT_ERROR
            }
            Self::Reported {
                report,
                files,
                code,
            } => {
                console.report(report, files);
                *code
            }
            // Whoever closed the pipe has seen enough.
            Self::Output(error) if error.kind() == io::ErrorKind::BrokenPipe => EXIT_ERROR,
            Self::Output(error) => {
                let message = format!("writing to standard output: {error}");
                console.report(&Report::error(message), &FileTable::new());
                EXIT_ERROR
            }
            Self::Exit(code) => *code,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Usage(report) | Self::Reported { report, .. } => f.write_str(&report.message),
            Self::Output(error) => write!(f, "{error}"),
            Self::Exit(code) => write!(f, "exit code {code}"),
        }
    }
}

impl std::error::Error for Failure {}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Output(error)
    }
}

impl From<firn_settings::Error> for Failure {
    fn from(error: firn_settings::Error) -> Self {
        if error.is_usage() {
            Self::usage(error.to_string())
        } else {
            Self::message(error.to_string())
        }
    }
}

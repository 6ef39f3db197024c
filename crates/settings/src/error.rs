//! What can be wrong with a setting or a configuration file.

use std::fmt;
use std::path::PathBuf;

use crate::Feature;

/// Why a setting could not be taken.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// A value that is not a boolean.
    NotBoolean {
        /// The setting.
        name: String,
        /// What was given.
        value: String,
    },
    /// A number that is none, or is out of range.
    NotNumber {
        /// The setting.
        name: String,
        /// What was given.
        value: String,
    },
    /// A value outside the list of allowed ones.
    NotOneOf {
        /// The setting.
        name: String,
        /// What was given.
        value: String,
        /// The allowed values in words, if the reference names them.
        expected: Option<&'static str>,
    },
    /// Neither `auto` nor a number.
    NotJobs {
        /// The setting.
        name: String,
    },
    /// A path that must not be empty.
    EmptyPath {
        /// The setting.
        name: String,
    },
    /// A JSON value that does not parse or has the wrong shape.
    NotJson {
        /// The setting.
        name: String,
        /// What the parser says.
        message: String,
    },
    /// A line of a configuration file that is no assignment.
    Syntax {
        /// The line.
        line: String,
        /// The file.
        file: PathBuf,
    },
    /// An included file that is not there.
    MissingInclude {
        /// The file that is missing.
        file: PathBuf,
        /// The file that asks for it.
        included_from: PathBuf,
    },
    /// Something needs a feature that is not enabled.
    FeatureDisabled {
        /// The feature.
        feature: Feature,
    },
}

impl Error {
    /// Whether the fault lies in what the user typed, as opposed to what is on disk.
    pub fn is_usage(&self) -> bool {
        !matches!(
            self,
            Self::MissingInclude { .. } | Self::FeatureDisabled { .. }
        )
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotBoolean { name, value } => {
                write!(f, "Boolean setting '{name}' has invalid value '{value}'")
            }
            Self::NotNumber { name, value } => {
                write!(f, "setting '{name}' has invalid value '{value}'")
            }
            Self::NotOneOf {
                name,
                value,
                expected,
            } => {
                write!(f, "option '{name}' has invalid value '{value}'")?;
                expected.map_or(Ok(()), |it| write!(f, " (expected {it})"))
            }
            Self::NotJobs { name } => write!(
                f,
                "configuration setting '{name}' should be 'auto' or an integer"
            ),
            Self::EmptyPath { name } => {
                write!(f, "setting '{name}' is a path and paths cannot be empty")
            }
            Self::NotJson { name, message } => write!(f, "parsing setting '{name}': {message}"),
            Self::Syntax { line, file } => write!(
                f,
                "syntax error in configuration line '{line}' in \"{}\"",
                file.display()
            ),
            Self::MissingInclude {
                file,
                included_from,
            } => write!(
                f,
                "file \"{}\" included from \"{}\" not found",
                file.display(),
                included_from.display()
            ),
            Self::FeatureDisabled { feature } => write!(
                f,
                "experimental Nix feature '{feature}' is disabled; add '--extra-experimental-features {feature}' to enable it"
            ),
        }
    }
}

impl std::error::Error for Error {}

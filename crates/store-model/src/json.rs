//! The JSON forms of derivations and path infos, in the versions that tools of the field write.
//!
//! Keys are in alphabetical order, as the reference prints them. JSON is text: a derivation whose
//! environment is no UTF-8 has no JSON form, and says so.

mod derivation;
mod path_info;

use std::fmt;

use serde_json::{Map, Value};

pub use derivation::DerivationJsonVersion;
pub use path_info::PathInfoJsonVersion;

/// Why a value has no JSON form, or some JSON is not the form of a value.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum JsonError {
    /// A string is not UTF-8.
    NotText(String),
    /// A key is missing.
    MissingKey(&'static str),
    /// A value is of another type than its place demands.
    WrongType {
        /// The key, or what the value is.
        key: String,
        /// The type demanded.
        expected: &'static str,
    },
    /// A version that is not known.
    UnsupportedVersion(String),
    /// An output with a combination of keys that makes no sense.
    InvalidOutput,
    /// A part is wrong in itself.
    Invalid {
        /// The key.
        key: String,
        /// What is wrong.
        reason: String,
    },
}

impl fmt::Display for JsonError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            JsonError::NotText(text) => {
                write!(f, "'{text}' is not UTF-8 and so cannot be written as JSON")
            }
            JsonError::MissingKey(key) => {
                write!(
                    f,
                    "Expected JSON object to contain key '{key}' but it doesn't"
                )
            }
            JsonError::WrongType { key, expected } => {
                write!(
                    f,
                    "Expected JSON value of '{key}' to be of type '{expected}' but it is not"
                )
            }
            JsonError::UnsupportedVersion(text) => f.write_str(text),
            JsonError::InvalidOutput => f.write_str("invalid JSON for derivation output"),
            JsonError::Invalid { key, reason } => write!(f, "while reading key '{key}': {reason}"),
        }
    }
}

impl std::error::Error for JsonError {}

fn invalid(key: &str) -> impl FnOnce(&dyn fmt::Display) -> JsonError + '_ {
    move |reason| JsonError::Invalid {
        key: key.into(),
        reason: reason.to_string(),
    }
}

fn text(bytes: &[u8]) -> Result<Value, JsonError> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Ok(text.into()),
        Err(_) => Err(JsonError::NotText(
            String::from_utf8_lossy(bytes).into_owned(),
        )),
    }
}

fn at<'a>(object: &'a Map<String, Value>, key: &'static str) -> Result<&'a Value, JsonError> {
    object.get(key).ok_or(JsonError::MissingKey(key))
}

fn as_object<'a>(value: &'a Value, key: &str) -> Result<&'a Map<String, Value>, JsonError> {
    value.as_object().ok_or_else(|| JsonError::WrongType {
        key: key.into(),
        expected: "object",
    })
}

fn as_array<'a>(value: &'a Value, key: &str) -> Result<&'a Vec<Value>, JsonError> {
    value.as_array().ok_or_else(|| JsonError::WrongType {
        key: key.into(),
        expected: "array",
    })
}

fn as_str<'a>(value: &'a Value, key: &str) -> Result<&'a str, JsonError> {
    value.as_str().ok_or_else(|| JsonError::WrongType {
        key: key.into(),
        expected: "string",
    })
}

fn as_number(value: &Value, key: &str) -> Result<u64, JsonError> {
    value.as_u64().ok_or_else(|| JsonError::WrongType {
        key: key.into(),
        expected: "number",
    })
}

/// Parses the string at `key` with the parser of some other type.
fn parsed<T, E: fmt::Display>(
    value: &Value,
    key: &str,
    parse: impl FnOnce(&str) -> Result<T, E>,
) -> Result<T, JsonError> {
    parse(as_str(value, key)?).map_err(|error| invalid(key)(&error))
}

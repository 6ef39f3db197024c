//! The rule for names of store objects, which output names share.

use std::borrow::Borrow;
use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

/// The longest name a store object may have.
pub(crate) const MAX_NAME_LEN: usize = 211;

/// What is wrong with a name.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum NameError {
    /// No character at all.
    Empty,
    /// Longer than a file name may become.
    TooLong(String),
    /// The name is `.` or `..`.
    Reserved(String),
    /// The part before the first dash is `.` or `..`.
    ReservedComponent {
        /// The name.
        name: String,
        /// The component.
        component: &'static str,
    },
    /// A character outside letters, digits and `+-._?=`.
    IllegalCharacter {
        /// The name, undecodable bytes escaped.
        name: String,
        /// The first byte that is not allowed.
        byte: u8,
    },
}

impl fmt::Display for NameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NameError::Empty => f.write_str("name must not be empty"),
            NameError::TooLong(name) => {
                write!(
                    f,
                    "name '{name}' must be no longer than {MAX_NAME_LEN} characters"
                )
            }
            NameError::Reserved(name) => write!(f, "name '{name}' is not valid"),
            NameError::ReservedComponent { name, component } => write!(
                f,
                "name '{name}' is not valid: first dash-separated component must not be '{component}'"
            ),
            NameError::IllegalCharacter { name, byte } => {
                write!(f, "name '{name}' contains illegal character '")?;
                match byte {
                    b' '..=b'~' => write!(f, "{}", char::from(*byte))?,
                    _ => write!(f, "{}", byte.escape_ascii())?,
                }
                f.write_str("'")
            }
        }
    }
}

impl std::error::Error for NameError {}

const fn is_allowed(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.' | b'_' | b'?' | b'=')
}

static ALLOWED: [bool; 256] = {
    let mut allowed = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        allowed[byte] = is_allowed(byte as u8);
        byte += 1;
    }
    allowed
};

/// Checks that `name` may name a store object, and gives it back as text.
pub fn check_name(name: &[u8]) -> Result<&str, NameError> {
    let owned = || String::from_utf8_lossy(name).into_owned();
    if name.is_empty() {
        return Err(NameError::Empty);
    }
    if name.len() > MAX_NAME_LEN {
        return Err(NameError::TooLong(owned()));
    }
    if name[0] == b'.' {
        for component in [".", ".."] {
            match name.strip_prefix(component.as_bytes()) {
                Some([]) => return Err(NameError::Reserved(owned())),
                Some([b'-', ..]) => {
                    return Err(NameError::ReservedComponent {
                        name: owned(),
                        component,
                    });
                }
                _ => {}
            }
        }
    }
    if let Some(&byte) = name.iter().find(|&&byte| !ALLOWED[usize::from(byte)]) {
        return Err(NameError::IllegalCharacter {
            name: owned(),
            byte,
        });
    }
    Ok(std::str::from_utf8(name).expect("every allowed character is ASCII"))
}

/// The name of a derivation's output, such as `out` or `dev`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OutputName(Arc<str>);

impl OutputName {
    /// Parses an output name; it obeys the rule for names of store objects.
    pub fn parse(name: impl AsRef<[u8]>) -> Result<OutputName, NameError> {
        Ok(OutputName(check_name(name.as_ref())?.into()))
    }

    /// The default output, `out`.
    pub fn out() -> OutputName {
        OutputName("out".into())
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether this is the default output.
    pub fn is_out(&self) -> bool {
        &*self.0 == "out"
    }
}

impl Deref for OutputName {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl Borrow<str> for OutputName {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl AsRef<str> for OutputName {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for OutputName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for OutputName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

/// The name of the store object for one output: the derivation's own name, followed by a dash
/// and the output unless that is `out`.
pub fn output_path_name(derivation_name: &str, output: &str) -> String {
    if output == "out" {
        derivation_name.into()
    } else {
        format!("{derivation_name}-{output}")
    }
}

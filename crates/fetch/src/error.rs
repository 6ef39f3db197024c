//! Why something could not be fetched, as data: the message, what was being done, and the exit
//! status that a program should end with.

use std::fmt;

use firn_store::StoreError;
use firn_transfer::TransferError;

/// What fetchers give.
pub type Result<T> = std::result::Result<T, FetchError>;

/// Exit status of programs that found another hash than was stated.
pub const HASH_MISMATCH: u8 = 102;

/// Why something could not be fetched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FetchError {
    /// What went wrong.
    pub message: String,
    /// What was being done, innermost first.
    pub context: Vec<String>,
    /// The exit status, if it is not the usual one.
    pub exit_status: Option<u8>,
    /// The HTTP status that a server refused with.
    pub http_status: Option<u16>,
    /// Whether a text is no URL of a known form, so that it may mean something else.
    pub is_bad_url: bool,
}

impl FetchError {
    /// An error with a message.
    pub fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            context: Vec::new(),
            exit_status: None,
            http_status: None,
            is_bad_url: false,
        }
    }

    /// A text that is no URL of a known form.
    pub fn bad_url(message: impl Into<String>) -> Self {
        Self {
            is_bad_url: true,
            ..Self::new(message)
        }
    }

    /// Contents that do not have the stated hash.
    pub fn hash_mismatch(message: impl Into<String>) -> Self {
        Self {
            exit_status: Some(HASH_MISMATCH),
            ..Self::new(message)
        }
    }

    /// The same error with what was being done.
    #[must_use]
    pub fn while_doing(mut self, what: impl Into<String>) -> Self {
        self.context.push(what.into());
        self
    }

    /// An error of the operating system.
    pub(crate) fn io(
        doing: &str,
        path: impl AsRef<std::path::Path>,
        error: &std::io::Error,
    ) -> Self {
        Self::new(format!("{doing} \"{}\": {error}", path.as_ref().display()))
    }
}

impl fmt::Display for FetchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for FetchError {}

impl From<StoreError> for FetchError {
    fn from(error: StoreError) -> Self {
        Self::new(error.to_string())
    }
}

impl From<TransferError> for FetchError {
    fn from(error: TransferError) -> Self {
        Self {
            http_status: error.status,
            ..Self::new(error.to_string())
        }
    }
}

impl From<firn_settings::Error> for FetchError {
    fn from(error: firn_settings::Error) -> Self {
        Self::new(error.to_string())
    }
}

//! Why a transfer failed, and whether trying again may help.

use std::fmt;
use std::io;

/// What kind of failure it was; callers decide by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TransferErrorKind {
    /// There is nothing at this address.
    NotFound,
    /// The server refuses to say or to take it.
    Forbidden,
    /// A failure that may pass: a broken connection, an overloaded server.
    Transient,
    /// The transfer was cancelled.
    Cancelled,
    /// There is to be no network.
    Offline,
    /// Anything else.
    Other,
}

/// A failed transfer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TransferError {
    /// The address, without credentials.
    pub url: String,
    /// Whether it was an upload.
    pub is_upload: bool,
    /// What kind of failure.
    pub kind: TransferErrorKind,
    /// What went wrong.
    pub reason: String,
    /// The beginning of what the server said about it, if it said something.
    pub body: String,
    /// The HTTP status, if there was an answer.
    pub status: Option<u16>,
    /// How long the server asks to be left alone, in seconds.
    pub retry_after: Option<u64>,
}

impl TransferError {
    pub(crate) fn new(
        url: &str,
        kind: TransferErrorKind,
        reason: impl Into<String>,
    ) -> TransferError {
        TransferError {
            url: crate::url::without_credentials(url),
            is_upload: false,
            kind,
            reason: reason.into(),
            body: String::new(),
            status: None,
            retry_after: None,
        }
    }

    /// The error for an HTTP status that means failure.
    pub(crate) fn from_status(url: &str, status: u16, phrase: &str) -> TransferError {
        let kind = match status {
            401 | 403 | 407 => TransferErrorKind::Forbidden,
            404 | 410 => TransferErrorKind::NotFound,
            408 | 425 | 429 => TransferErrorKind::Transient,
            501 | 505 | 511 => TransferErrorKind::Other,
            500.. => TransferErrorKind::Transient,
            _ => TransferErrorKind::Other,
        };
        let phrase = if phrase.is_empty() {
            String::new()
        } else {
            format!(" ({phrase})")
        };
        let reason = format!("HTTP error {status}{phrase}");
        TransferError {
            status: Some(status),
            ..TransferError::new(url, kind, reason)
        }
    }

    /// The error for a request that got no answer.
    pub(crate) fn from_ureq(url: &str, error: &ureq::Error) -> TransferError {
        let kind = match error {
            ureq::Error::Io(error) if is_certificate_error(error) || is_unknown_name(error) => {
                TransferErrorKind::Other
            }
            ureq::Error::Io(_)
            | ureq::Error::Timeout(_)
            | ureq::Error::HostNotFound
            | ureq::Error::ConnectionFailed
            | ureq::Error::Protocol(_) => TransferErrorKind::Transient,
            _ => TransferErrorKind::Other,
        };
        let reason = match error {
            ureq::Error::HostNotFound => unresolved(url),
            ureq::Error::Io(error) if is_unknown_name(error) => unresolved(url),
            ureq::Error::Timeout(timeout) => format!("Timeout was reached ({timeout})"),
            error => error.to_string(),
        };
        TransferError::new(url, kind, reason)
    }

    /// The error for an operation on a file.
    pub(crate) fn from_io(url: &str, error: &io::Error) -> TransferError {
        let kind = match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => TransferErrorKind::NotFound,
            io::ErrorKind::PermissionDenied => TransferErrorKind::Forbidden,
            _ => TransferErrorKind::Other,
        };
        TransferError::new(url, kind, error.to_string())
    }

    /// Whether there is nothing at the address. Servers that hide their directories say "forbidden"
    /// for what is absent, so that counts too.
    pub fn is_absence(&self) -> bool {
        matches!(
            self.kind,
            TransferErrorKind::NotFound | TransferErrorKind::Forbidden
        )
    }

    /// Whether trying again may help.
    pub fn is_transient(&self) -> bool {
        self.kind == TransferErrorKind::Transient
    }

    /// What a user can do about it.
    pub fn hint(&self) -> Option<&'static str> {
        if self.reason.starts_with("Could not resolve host") {
            return Some("check the spelling of the host and the network connection");
        }
        match self.kind {
            TransferErrorKind::Forbidden => {
                Some("check the credentials in the netrc file and that the address may be read")
            }
            TransferErrorKind::Offline => Some("run again without '--offline'"),
            TransferErrorKind::Transient => Some(
                "try again later; the settings 'download-attempts' and 'connect-timeout' bound the wait",
            ),
            _ if self.reason.contains("certificate") => {
                Some("set 'ssl-cert-file' to the certificates of the network's own authority")
            }
            _ => None,
        }
    }
}

/// Whether a connection failed because the server is not who it should be, which will not pass.
fn is_certificate_error(error: &io::Error) -> bool {
    error.to_string().contains("certificate")
}

/// A name that does not exist now will not exist in a second. The system's resolver says so in words
/// only; a resolver that cannot be reached says "Temporary failure in name resolution".
fn is_unknown_name(error: &io::Error) -> bool {
    error.to_string().contains("Name or service not known")
}

fn unresolved(url: &str) -> String {
    format!(
        "Could not resolve host: {}",
        crate::url::host(url).unwrap_or("?")
    )
}

impl fmt::Display for TransferError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verb = if self.is_upload { "upload" } else { "download" };
        write!(f, "unable to {verb} '{}': {}", self.url, self.reason)?;
        if self.body.trim().is_empty() {
            Ok(())
        } else {
            write!(f, "\n\nresponse body:\n\n{}", self.body.trim_end())
        }
    }
}

impl std::error::Error for TransferError {}

impl From<TransferError> for io::Error {
    fn from(error: TransferError) -> io::Error {
        io::Error::other(error)
    }
}

//! The one error type of the crate: a build status with the message that goes with it.
//!
//! The status decides exit codes and what a protocol reports; the message is complete, in the
//! words that users of the field know. [`ExitFlags`] collects what kinds of failure a request met
//! and turns them into the exit status of a command.

use std::fmt;

use firn_store::{BuildStatus, StoreError};

/// Why something could not be realised.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct BuildError {
    /// The kind of failure.
    pub status: BuildStatus,
    /// The whole message, possibly of several lines.
    pub message: String,
}

impl BuildError {
    /// An error of a kind.
    pub fn new(status: BuildStatus, message: impl Into<String>) -> BuildError {
        BuildError {
            status,
            message: message.into(),
        }
    }

    /// An error that is nobody's fault in particular.
    pub fn misc(message: impl Into<String>) -> BuildError {
        BuildError::new(BuildStatus::MiscFailure, message)
    }

    /// An error about a file.
    pub(crate) fn io(
        what: &'static str,
        path: &std::path::Path,
    ) -> impl FnOnce(std::io::Error) -> BuildError {
        let path = path.display().to_string();
        move |error| BuildError::misc(format!("{what} '{path}': {}", plain(&error)))
    }
}

/// A system error in words, without its number.
pub(crate) fn plain(error: &std::io::Error) -> String {
    let text = error.to_string();
    match text.find(" (os error") {
        Some(end) => text[..end].to_owned(),
        None => text,
    }
}

impl fmt::Display for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for BuildError {}

impl From<StoreError> for BuildError {
    fn from(error: StoreError) -> BuildError {
        BuildError::misc(error.to_string())
    }
}

/// Which kinds of failure a request met.
#[derive(Clone, Copy, Debug, Default)]
// One flag a kind, as the exit status is made of them.
#[allow(clippy::struct_excessive_bools)]
pub struct ExitFlags {
    permanent_failure: bool,
    timed_out: bool,
    hash_mismatch: bool,
    check_mismatch: bool,
}

impl ExitFlags {
    /// Takes note of a failure.
    pub fn note(&mut self, status: BuildStatus) {
        match status {
            BuildStatus::TimedOut => self.timed_out = true,
            BuildStatus::HashMismatch => self.hash_mismatch = true,
            BuildStatus::NotDeterministic => self.check_mismatch = true,
            BuildStatus::PermanentFailure | BuildStatus::InputRejected => {
                self.permanent_failure = true;
            }
            _ => {}
        }
    }

    /// The exit status of a command that failed for these reasons.
    pub fn exit_status(self) -> u8 {
        let build_failure = self.permanent_failure || self.timed_out || self.hash_mismatch;
        if !build_failure && !self.check_mismatch {
            return 1;
        }
        let bit = |flag: bool, bit: u8| if flag { bit } else { 0 };
        0x60 | bit(build_failure, 4)
            | bit(self.timed_out, 1)
            | bit(self.hash_mismatch, 2)
            | bit(self.check_mismatch, 8)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exit_statuses_are_those_of_the_field() {
        for (statuses, expected) in [
            (&[][..], 1),
            (&[BuildStatus::MiscFailure], 1),
            (&[BuildStatus::PermanentFailure], 100),
            (&[BuildStatus::TimedOut], 101),
            (&[BuildStatus::HashMismatch], 102),
            (&[BuildStatus::NotDeterministic], 104),
        ] {
            let mut flags = ExitFlags::default();
            for status in statuses {
                flags.note(*status);
            }
            assert_eq!(flags.exit_status(), expected);
        }
    }
}

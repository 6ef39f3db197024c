//! The messages of the worker protocol, which clients and daemons speak: versions 1.18 to 1.38.
//!
//! A conversation begins with a handshake ([`ProtocolVersion`], [`CLIENT_MAGIC`],
//! [`DAEMON_MAGIC`]). From then on the client sends a [`Request`]; the daemon answers with any
//! number of [`LogMessage`]s, the last of which says that the work is done or why it failed, and
//! then with the reply, whose parts are written with the functions of [`reply`]. Requests that
//! bring data are followed by them in frames ([`framed`]).
//!
//! Everything here is data and bytes; who reads and writes when is the business of the client (in
//! `firn-store`) and of the daemon (in `firn-daemon`). What comes from a peer is bounded as all of
//! [`crate::wire`] is.

pub mod framed;
mod log;
pub mod reply;
mod request;

pub use log::{LogError, LogField, LogMessage};
pub(crate) use request::decode_path_with_outputs as parse_path_with_outputs;
pub use request::{ArchiveRequest, ClientOptions, CollectRequest, Request};

use std::fmt;

/// What a client says first.
pub const CLIENT_MAGIC: u64 = 0x6e69_7863;

/// What a daemon answers to that.
pub const DAEMON_MAGIC: u64 = 0x6478_696f;

/// A version of the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProtocolVersion {
    /// The part that stands for a different protocol.
    pub major: u8,
    /// The part that grows with each addition.
    pub minor: u8,
}

impl ProtocolVersion {
    /// The newest version that is spoken here.
    pub const LATEST: ProtocolVersion = ProtocolVersion::new(38);

    /// The oldest one.
    pub const OLDEST: ProtocolVersion = ProtocolVersion::new(18);

    /// Version 1 with a minor number.
    pub const fn new(minor: u8) -> ProtocolVersion {
        ProtocolVersion { major: 1, minor }
    }

    /// Whether it is at least version 1 with this minor number.
    pub const fn has(self, minor: u8) -> bool {
        self.major == 1 && self.minor >= minor
    }

    /// The number that stands for it.
    pub const fn encode(self) -> u64 {
        (self.major as u64) << 8 | self.minor as u64
    }

    /// The version that a number stands for.
    pub const fn decode(number: u64) -> ProtocolVersion {
        ProtocolVersion {
            major: (number >> 8) as u8,
            minor: number as u8,
        }
    }
}

impl fmt::Display for ProtocolVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may fail by panicking")]
mod tests;

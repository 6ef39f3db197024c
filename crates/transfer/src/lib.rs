//! Transfers: getting bytes from addresses and bringing bytes to them.
//!
//! [`Client`] speaks `http://`, `https://` and `file://`. It keeps connections alive, tries again
//! with growing, jittered pauses when a failure may pass (and waits as long as a server asks),
//! takes up a broken download where it stopped, finds credentials in the address or a netrc file,
//! and goes through proxies. A [`Download`] is a reader, so contents stream through with flat
//! memory. Any number of threads may use one client at once; [`Client::cancel`] ends everything
//! under way.
//!
//! [`Compression`] is here too, since both transfers and archives in binary caches come compressed.
//!
//! The crate reads no environment: proxies, certificates and credentials come in through
//! [`TransferOptions`]. Errors name the address and say what can be done.
//!
//! HTTP and TLS are `ureq` on `rustls`: blocking, so a transfer is an ordinary call on an ordinary
//! thread.

mod client;
mod compression;
mod download;
mod error;
mod file;
mod netrc;
mod options;
mod url;

pub use client::{Client, Request, Upload};
pub use compression::{Compression, CompressionLevel, Compressor, UnknownCompression};
pub use download::{Download, ResponseInfo};
pub use error::{TransferError, TransferErrorKind};
pub use netrc::{Credentials, Netrc};
pub use options::{Proxies, TransferOptions};
pub use url::{percent_decode, percent_encode_path};

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may fail by panicking")]
mod tests;

//! The other end of the protocols that stores speak: a server for one client, over any store.
//!
//! [`serve_client`] holds a conversation in the worker protocol, [`serve_legacy_client`] one in the
//! serve protocol. Who the client is and whether it is trusted is decided before ([`Access`]); how
//! the store is opened, and again when the client brings settings of its own, is the business of
//! whoever calls ([`Backend`]). What happens in the store while it works for the client is told to
//! the client ([`ClientLog`]). [`HttpServer`] shows a store as a binary cache.
//!
//! A client that is not trusted may ask for anything that cannot harm others: it may add what follows
//! from its contents or what a trusted key signed, build, and look; it may not repair, bring settings
//! that matter, or claim that it built something.
//!
//! Absences: no processes are started here; one process serves one client of the protocols, so that
//! a client's settings, roots and end are its own.

mod access;
mod answer;
mod http;
mod legacy;
mod log;
mod options;
mod session;

pub use access::{Access, Trust};
pub use http::{HttpOptions, HttpServer};
pub use legacy::{LegacyServer, serve_legacy_client};
pub use log::ClientLog;
pub use options::apply_client_options;
pub use session::{Backend, ServeOptions, serve_client};

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may fail by panicking")]
mod tests;

//! Stores behind a protocol: a daemon on this machine, a program on another one.
//!
//! [`RemoteStore`] speaks the worker protocol (`daemon`, `unix://`, `ssh-ng://`), [`ServeStore`] the
//! older serve protocol (`ssh://`). Both keep a few conversations open ([`pool`]) and reach the other
//! end by a [`Transport`]. What a daemon says while it works goes to the event sink of the store, so
//! that a build elsewhere looks like one here.
//!
//! What must hold: a conversation that broke in the middle of something is never used again; nothing
//! that the other end says is believed beyond what it is asked for.

mod connection;
mod overheard;
mod pool;
mod serve_client;
mod store;
mod transport;

pub use serve_client::{ServeStore, ServeStoreOptions};
pub use store::{RemoteStore, RemoteStoreOptions};
pub use transport::{SshOptions, SshTransport, Transport};

//! Real builds in temporary stores; run as root they exercise the privileged way, as an ordinary
//! user the rootless one.
//!
//! The stores lie below a temporary root while their store directory is `/nix/store`, so every
//! build needs the sandbox, and nothing of the host's own store is touched.

mod basics;
mod builtins;
mod elsewhere;
mod escapes;
mod killing;
mod many;
mod users;
mod world;

//! Development shells: the environment of a derivation, captured, kept and entered.
//!
//! A derivation's builder begins by setting up an environment: variables, search paths, the
//! functions of its phases. [`capture`](mod@capture) runs that beginning and nothing else, as a
//! build of its own, so that the result is a store object that is made once. [`Environment`] is
//! what was found there; [`script`] is the text by which a bash becomes that environment, and
//! [`classic`] the older way (`nix-shell`), in which the user's bash runs the beginning itself.
//! [`changes`] is for shells that are already running.
//!
//! Absences: nothing here starts a program, reads this process's environment, or knows where the
//! user's files are; the front end does.

mod bash;
pub mod capture;
pub mod changes;
pub mod classic;
mod environment;
pub mod script;
pub mod services;

pub use bash::quoted;
pub use capture::{CaptureError, capture};
pub use environment::{Environment, Variable};

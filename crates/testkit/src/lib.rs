//! What the tests of several crates share: golden files ([`golden`]) and readable differences
//! ([`difference()`]).
//!
//! A golden file holds what a program printed when someone last looked and agreed. Setting
//! `FIRN_ACCEPT=1` writes what it prints now; the change is then reviewed like any other change of
//! behaviour. Nothing here knows the language or the store.

mod difference;
pub mod golden;

pub use difference::difference;

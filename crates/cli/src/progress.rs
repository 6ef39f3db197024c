//! The picture of the work that a terminal shows: what runs, what waits, what is done.
//!
//! [`picture`] knows what there is to show and turns it into lines; it reads no clock and writes
//! nowhere, so that tests can hold it to its word. [`tree`] draws.

pub mod picture;
pub mod tree;

pub use picture::Picture;
pub use tree::Tree;

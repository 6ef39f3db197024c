//! Every operating-system call that the standard library does not wrap well enough.
//!
//! [`file_lock`] has advisory locks and the lock-file protocol of stores, [`file`] has atomic
//! replacement, durable writes and careful removal. Crates above this one never speak to the
//! kernel past the standard library except through here, so that each rule about links, crashes
//! and permissions is kept in one place.

pub mod file;
pub mod file_lock;

//! Points at which a test can end the process, so that "a crash at any step leaves a clean store"
//! is something that is tried and not something that is believed.
//!
//! Every step that changes the disk or the database calls [`point`] just before it. Without the
//! feature `fault-points` that is nothing at all. With it, a test arms a countdown and the process
//! aborts at the point where it reaches zero: no destructor runs, no buffer is flushed. Counting
//! without an end tells how many steps a scenario has, so coverage of the steps is a figure.

/// A step that changes something is about to be taken.
#[cfg(not(feature = "fault-points"))]
#[inline(always)]
#[allow(clippy::inline_always, reason = "an empty function on hot paths")]
pub fn point(_name: &'static str) {}

#[cfg(feature = "fault-points")]
pub use armed::{arm, passed, point};

#[cfg(feature = "fault-points")]
mod armed {
    use std::sync::atomic::{AtomicU64, Ordering};

    static PASSED: AtomicU64 = AtomicU64::new(0);
    static END_AT: AtomicU64 = AtomicU64::new(u64::MAX);

    /// A step that changes something is about to be taken: the end, if it is the armed one.
    pub fn point(_name: &'static str) {
        if PASSED.fetch_add(1, Ordering::SeqCst) + 1 == END_AT.load(Ordering::SeqCst) {
            std::process::abort();
        }
    }

    /// Aborts the process at the `n`-th step from now (counted from one).
    pub fn arm(n: u64) {
        PASSED.store(0, Ordering::SeqCst);
        END_AT.store(n, Ordering::SeqCst);
    }

    /// Steps taken since the start, or since arming.
    pub fn passed() -> u64 {
        PASSED.load(Ordering::SeqCst)
    }
}

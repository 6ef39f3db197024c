//! Properties that hold for every input.
//!
//! One module per subject, one function per property; a function takes bytes and panics if the
//! property does not hold. Each has a target of a few lines under `targets/`, which libFuzzer
//! drives, and an ordinary test here, which proptest drives for a moment in every test run. To add
//! one: the function, the target with its `[[bin]]`, the test.
//!
//! Targets are built with coverage counters by the stable compiler, without a sanitizer (there is
//! no unsafe code to watch in what they reach):
//!
//! ```text
//! cargo run -p firn-xtask -- fuzz --seconds 10        every target; prints executions
//! cargo run -p firn-xtask -- fuzz grammar --seconds 600
//! ```

pub mod language;
pub mod store;

#[cfg(test)]
mod tests;

//! Virtual machines, and tests that run in them.
//!
//! A machine is described by plain data that the language makes ([`VmSpec`]); QEMU runs it, without
//! privileges. A test ([`TestSpec`]) has several of them on one network and a list of steps. What is
//! said to a machine goes through a serial line to a small agent in it.
//!
//! Emulation is asked for unless the processor says that it can do better: on some hosts the device
//! for that opens, and then hangs a guest. Time limits of tests count the machine's own processor
//! time, so that a busy host does not fail them, up to a multiple on the clock of the wall.

mod agent;
mod driver;
mod hub;
mod images;
mod monitor;
mod node;
mod qemu;
mod spec;

pub use driver::{TestRun, run_test};
pub use qemu::{Accelerator, Boot, Drive, command, firmware};
pub use spec::{Step, StepKind, TestSpec, VmSpec};

//! What a run of a command costs, the processes that it starts included.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use wait4::Wait4 as _;

/// What a run cost.
#[derive(Clone, Copy)]
pub(crate) struct Cost {
    pub(crate) wall: Duration,
    /// Of the whole tree of processes.
    pub(crate) processor: Duration,
    /// Peak of resident memory of the largest process, in MiB.
    pub(crate) memory: u64,
}

/// Runs a command of a contender to its end; gives what it prints.
pub(crate) fn timed(command: &mut Command, who: &str) -> Result<(String, Cost), String> {
    let failed = |error: std::io::Error| format!("{who}: {error}");
    command.stdout(Stdio::piped());
    let started = Instant::now();
    let mut child = command.spawn().map_err(failed)?;
    let stdout = child.stdout.take().expect("standard output is a pipe");
    let output = std::io::read_to_string(stdout).map_err(failed)?;
    let used = child.wait4().map_err(failed)?;
    let wall = started.elapsed();
    if !used.status.success() {
        return Err(format!("{who} failed: {command:?}"));
    }
    let cost = Cost {
        wall,
        processor: used.rusage.utime + used.rusage.stime,
        memory: used.rusage.maxrss >> 20,
    };
    Ok((output, cost))
}

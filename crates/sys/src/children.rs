//! Children that must not outlive their parent: emulators, helpers, whatever works for a command
//! only while that command runs.
//!
//! The kernel ends such a child when its parent ends, however that came: a destructor does not run
//! in a process that was killed.
#![allow(unsafe_code)]

use std::io;
use std::os::unix::process::CommandExt as _;
use std::process::Command;

/// Has the child that `command` will start killed by the kernel when the thread that starts it
/// ends. Threads count, not processes (see `prctl(2)`): start it from one that waits for it.
pub fn end_with_parent(command: &mut Command) {
    end_by_with_parent(command, libc::SIGKILL);
}

/// The same with another signal, for a child that has something to put in order first.
pub fn end_by_with_parent(command: &mut Command, signal: i32) {
    let parent = std::process::id();
    // SAFETY: between `fork` and `exec` the closure makes two system calls and allocates nothing.
    unsafe {
        command.pre_exec(move || {
            if libc::prctl(libc::PR_SET_PDEATHSIG, signal) == -1 {
                return Err(io::Error::last_os_error());
            }
            // Who was quicker than the call above is gone already, and nobody will tell.
            if std::os::unix::process::parent_id() != parent {
                return Err(io::ErrorKind::BrokenPipe.into());
            }
            Ok(())
        });
    }
}

#[cfg(test)]
mod tests {
    use std::process::Stdio;
    use std::time::{Duration, Instant};

    use super::*;

    /// Whether a process is there and is not waiting to be buried.
    fn runs(pid: u32) -> bool {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        let state = stat.rsplit_once(") ").map_or("", |it| it.1);
        !state.is_empty() && !state.starts_with('Z')
    }

    #[test]
    fn nothing_is_left_when_the_parent_is_gone() {
        // A thread is a parent, too, and can end without taking the tests along.
        let start = || {
            let mut command = Command::new("sleep");
            command.arg("1000").stdin(Stdio::null());
            end_with_parent(&mut command);
            command.spawn().expect("started")
        };
        let mut child = std::thread::spawn(start).join().expect("joined");
        let since = Instant::now();
        while runs(child.id()) && since.elapsed() < Duration::from_secs(20) {
            std::thread::sleep(Duration::from_millis(5));
        }
        let is_left = runs(child.id());
        child.kill().ok();
        child.wait().expect("waited");
        assert!(!is_left);

        let mut child = start();
        assert!(runs(child.id()));
        child.kill().expect("killed");
        child.wait().expect("waited");
    }
}

//! Care for a program that runs without a sandbox: whatever it started is killed when it ends.
//!
//! The supervisor is the parent of the program and the reaper of all its descendants, however
//! they detached themselves. Once the program is gone, the rest is killed until there is none, and
//! the supervisor ends the way the program did. A SIGTERM, which is also what the kernel sends when
//! the launcher dies, kills everything at once.
#![allow(unsafe_code)]

use std::os::fd::BorrowedFd;

use rustix::process::{Pid, Signal, WaitOptions, WaitStatus, kill_process, wait, waitpid};

use super::{LaunchSpec, child};

/// Runs the program of a spec as a child of this process and ends when all of it is gone.
pub(super) fn supervise(
    spec: &LaunchSpec,
    output: BorrowedFd<'_>,
    errors: BorrowedFd<'_>,
    launcher: Pid,
) -> ! {
    let _ = rustix::process::set_child_subreaper(Some(rustix::process::getpid()));
    let mut awaited = SignalSet::empty();
    awaited.add(libc::SIGTERM);
    awaited.add(libc::SIGCHLD);
    awaited.block();
    let _ = rustix::process::set_parent_process_death_signal(Some(Signal::TERM));
    if rustix::process::getppid() != Some(launcher) {
        // The launcher died before it could be watched.
        exit(1);
    }
    // SAFETY: this process has one thread.
    let program = match unsafe { libc::fork() } {
        -1 => {
            let text = format!(
                "cannot start a process: {}",
                std::io::Error::last_os_error()
            );
            let _ = rustix::io::write(errors, text.as_bytes());
            exit(1)
        }
        0 => child::become_program(spec, output, errors),
        pid => Pid::from_raw(pid).expect("a process id is positive"),
    };
    close_descriptors();
    loop {
        if awaited.wait() == libc::SIGTERM {
            kill_descendants();
            exit_as(None);
        }
        // One SIGCHLD may stand for several children, and orphans end here as well.
        while let Ok(Some((pid, status))) = wait(WaitOptions::NOHANG) {
            if pid == program {
                kill_descendants();
                exit_as(Some(status));
            }
        }
    }
}

/// The program's descriptors must close when the program closes them.
fn close_descriptors() {
    // SAFETY: nothing in this process uses a descriptor from here on but by opening new ones.
    unsafe { libc::close_range(0, u32::MAX, 0) };
}

/// Kills children until there are none; their children become ours and follow.
fn kill_descendants() {
    loop {
        for pid in children() {
            let _ = kill_process(pid, Signal::KILL);
        }
        match wait(WaitOptions::empty()) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(_) => return,
        }
        while let Ok(Some(_)) = wait(WaitOptions::NOHANG) {}
    }
}

fn children() -> Vec<Pid> {
    let own = rustix::process::getpid().as_raw_nonzero();
    let list = std::fs::read_to_string(format!("/proc/{own}/task/{own}/children"));
    list.unwrap_or_default()
        .split_whitespace()
        .filter_map(|pid| Pid::from_raw(pid.parse().ok()?))
        .collect()
}

/// Ends this process the way the program ended.
fn exit_as(status: Option<WaitStatus>) -> ! {
    match status {
        Some(status) if status.exit_status().is_some() => exit(status.exit_status().unwrap_or(1)),
        Some(status) if status.terminating_signal().is_some() => {
            let number = status.terminating_signal().unwrap_or(libc::SIGKILL);
            let no_core = libc::rlimit {
                rlim_cur: 0,
                rlim_max: 0,
            };
            // SAFETY: plain system calls on this process, which is about to end.
            unsafe {
                libc::setrlimit(libc::RLIMIT_CORE, &raw const no_core);
                libc::signal(number, libc::SIG_DFL);
            }
            let mut own = SignalSet::empty();
            own.add(number);
            own.unblock();
            // SAFETY: as above.
            unsafe { libc::raise(number) };
            exit(1)
        }
        _ => {
            // Killed on request.
            let _ = waitpid(None, WaitOptions::NOHANG);
            // SAFETY: as above.
            unsafe { libc::raise(libc::SIGKILL) };
            exit(1)
        }
    }
}

fn exit(status: i32) -> ! {
    // SAFETY: ends the process without running exit handlers that belong to the launcher.
    unsafe { libc::_exit(status) }
}

/// A set of signals to block and wait for.
struct SignalSet(libc::sigset_t);

impl SignalSet {
    fn empty() -> SignalSet {
        let mut set = std::mem::MaybeUninit::uninit();
        // SAFETY: `sigemptyset` initialises the set it is given.
        unsafe {
            libc::sigemptyset(set.as_mut_ptr());
            SignalSet(set.assume_init())
        }
    }

    fn add(&mut self, signal: i32) {
        // SAFETY: the set is initialised.
        unsafe { libc::sigaddset(&raw mut self.0, signal) };
    }

    fn block(&self) {
        // SAFETY: the set is initialised; the old set is not asked for.
        unsafe { libc::sigprocmask(libc::SIG_BLOCK, &raw const self.0, std::ptr::null_mut()) };
    }

    fn unblock(&self) {
        // SAFETY: as in `block`.
        unsafe { libc::sigprocmask(libc::SIG_UNBLOCK, &raw const self.0, std::ptr::null_mut()) };
    }

    fn wait(&self) -> i32 {
        let mut signal = 0;
        // SAFETY: the set is initialised and the result goes to a local value.
        unsafe { libc::sigwait(&raw const self.0, &raw mut signal) };
        signal
    }
}

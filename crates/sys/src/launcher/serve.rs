//! The launcher's loop: take requests, start children, report their ends.
//!
//! One thread, one `poll` over the socket and a process descriptor for each child. A request is
//! read in full before anything else happens; requests are small and come from our own client.
//! When the client is gone, every child is killed and the launcher ends.
#![allow(unsafe_code)]

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::io;
use std::os::fd::{AsFd as _, AsRawFd as _, FromRawFd as _, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::net::UnixStream;
use std::path::Path;

use rustix::event::{PollFd, PollFlags};
use rustix::process::{
    Pid, PidfdFlags, Signal, WaitOptions, pidfd_open, pidfd_send_signal, waitpid,
};

use super::wire::{self, Report, Request};
use super::{LaunchSpec, child, show, supervisor};
use crate::cgroup;

struct Running {
    pid: Pid,
    process: OwnedFd,
    /// The group that ends with it.
    cgroup: Option<Vec<u8>>,
    /// The signal that ends it with all it started.
    kill_signal: Signal,
    /// Whether its mounts belong to a user namespace of its own.
    user_namespace: bool,
}

impl Running {
    fn kill_cgroup(&self) {
        if let Some(group) = &self.cgroup {
            cgroup::kill(Path::new(OsStr::from_bytes(group)));
        }
    }
}

/// Serves a client on standard input until it is gone.
pub fn serve_standard_input() -> io::Result<()> {
    // SAFETY: descriptor 0 is open (the client made it our socket) and nothing else in this
    // process uses it: this is the first thing the process does.
    let socket = unsafe { OwnedFd::from_raw_fd(0) };
    // Children must not inherit the socket as their standard input.
    let socket = rustix::io::fcntl_dupfd_cloexec(&socket, 3)?;
    serve(&UnixStream::from(socket))
}

/// Forks; `None` in the child.
pub(super) fn fork() -> io::Result<Option<Pid>> {
    // SAFETY: the child only runs `serve_forked`, which uses nothing of the parent's state.
    match unsafe { libc::fork() } {
        -1 => Err(io::Error::last_os_error()),
        pid => Ok(Pid::from_raw(pid)),
    }
}

/// Serves in a forked copy of the client's process, never to return.
pub(super) fn serve_forked(socket: &UnixStream) -> ! {
    let kept = socket.as_raw_fd();
    // Copies of the parent's descriptors would keep its pipes and locks open. The standard three
    // stay, for panics to be seen.
    for (first, last) in [(3, kept - 1), (kept + 1, i32::MAX)] {
        if first <= last {
            // SAFETY: the descriptors closed belong to values that this process never drops.
            unsafe { libc::close_range(first as u32, last as u32, 0) };
        }
    }
    let status = i32::from(serve(socket).is_err());
    // SAFETY: ends the process without running the parent's exit handlers.
    unsafe { libc::_exit(status) }
}

/// Serves a client on a socket until it is gone.
pub fn serve(socket: &UnixStream) -> io::Result<()> {
    // A session of our own: an interrupt from the terminal is the client's to handle.
    let _ = rustix::process::setsid();
    child::remember_ids();
    let mut running = BTreeMap::new();
    let outcome = serve_requests(socket, &mut running);
    for child in running.values() {
        child.kill_cgroup();
        let _ = pidfd_send_signal(&child.process, child.kill_signal);
    }
    for child in running.values() {
        let _ = waitpid(Some(child.pid), WaitOptions::empty());
    }
    outcome
}

fn serve_requests(socket: &UnixStream, running: &mut BTreeMap<u64, Running>) -> io::Result<()> {
    loop {
        let (request_waits, ended) = wait(socket, running)?;
        for id in ended {
            if let Some(child) = running.remove(&id) {
                report_exit(socket, id, child.pid)?;
            }
        }
        if !request_waits {
            continue;
        }
        let Some((request, descriptors)) = wire::receive(socket)? else {
            return Ok(());
        };
        match request {
            Request::Launch { id, spec } => match start(&spec, &descriptors) {
                Ok(child) => {
                    running.insert(id, child);
                }
                Err(error) => {
                    if let [_, errors] = &descriptors[..] {
                        let text = format!("cannot start a process: {error}");
                        let _ = rustix::io::write(errors, text.as_bytes());
                    }
                    let status = 1 << 8;
                    wire::send(socket, &Report::Exited { id, status }, &[])?;
                }
            },
            Request::Show {
                id,
                token,
                source,
                target,
            } => {
                let shown = match running.get(&id) {
                    Some(child) => {
                        let process = child.process.as_fd();
                        show::show(process, child.user_namespace, &source, &target)
                    }
                    None => Err(io::Error::other("the program has ended")),
                };
                let error = shown.err().map(|error| error.to_string());
                wire::send(socket, &Report::Shown { token, error }, &[])?;
            }
            Request::Kill { id } => {
                if let Some(child) = running.get(&id) {
                    child.kill_cgroup();
                    let _ = pidfd_send_signal(&child.process, child.kill_signal);
                }
            }
        }
    }
}

/// Waits until a request or an exit is there to be read.
fn wait(socket: &UnixStream, running: &BTreeMap<u64, Running>) -> io::Result<(bool, Vec<u64>)> {
    let mut waited_for = vec![PollFd::new(socket, PollFlags::IN)];
    waited_for.extend(
        running
            .values()
            .map(|child| PollFd::new(&child.process, PollFlags::IN)),
    );
    loop {
        match rustix::event::poll(&mut waited_for, None) {
            Err(rustix::io::Errno::INTR) => {}
            polled => {
                polled?;
                break;
            }
        }
    }
    let ended = running
        .keys()
        .zip(&waited_for[1..])
        .filter(|(_, fd)| !fd.revents().is_empty())
        .map(|(id, _)| *id)
        .collect();
    Ok((!waited_for[0].revents().is_empty(), ended))
}

fn report_exit(socket: &UnixStream, id: u64, pid: Pid) -> io::Result<()> {
    let status = loop {
        match waitpid(Some(pid), WaitOptions::empty()) {
            Err(rustix::io::Errno::INTR) => {}
            Ok(Some((_, status))) => break status.as_raw(),
            // Somebody else collected it, which nobody does; report a failure.
            Ok(None) | Err(_) => break 1 << 8,
        }
    };
    wire::send(socket, &Report::Exited { id, status }, &[])
}

fn start(spec: &LaunchSpec, descriptors: &[OwnedFd]) -> io::Result<Running> {
    let [output, errors] = descriptors else {
        return Err(io::Error::from(io::ErrorKind::InvalidInput));
    };
    child::drop_groups(spec)?;
    let flags = child::namespace_flags(spec);
    let launcher = rustix::process::getpid();
    if let Some(pid) = clone_process(flags)? {
        return Ok(Running {
            pid,
            process: pidfd_open(pid, PidfdFlags::empty())?,
            cgroup: spec.cgroup.clone(),
            user_namespace: flags & libc::CLONE_NEWUSER != 0,
            kill_signal: if spec.sandbox.is_some() {
                Signal::KILL
            } else {
                Signal::TERM
            },
        });
    }
    if let Err(error) = child::enter_cgroup(spec) {
        let _ = rustix::io::write(errors, error.to_string().as_bytes());
        // SAFETY: ends the fork without running exit handlers that belong to the launcher.
        unsafe { libc::_exit(1) }
    }
    if spec.sandbox.is_some() {
        child::become_program(spec, output.as_fd(), errors.as_fd())
    }
    supervisor::supervise(spec, output.as_fd(), errors.as_fd(), launcher)
}

/// A fork into new namespaces; `None` in the child.
fn clone_process(flags: i32) -> io::Result<Option<Pid>> {
    let flags = libc::c_ulong::from(flags.cast_unsigned() | libc::SIGCHLD.cast_unsigned());
    let null = std::ptr::null_mut::<libc::c_void>();
    // SAFETY: without a stack and without shared memory this is a fork: the child goes on with a
    // copy of everything. The launcher has one thread, so no lock is held by another one.
    match unsafe { libc::syscall(libc::SYS_clone, flags, null, null, null, null) } {
        -1 => Err(io::Error::last_os_error()),
        pid => Ok(Pid::from_raw(pid as i32)),
    }
}

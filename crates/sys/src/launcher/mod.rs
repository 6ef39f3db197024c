//! The launcher: a small process that starts builders.
//!
//! A user namespace can only be made by a single-threaded process, and forking a large one is
//! slow. So a launcher is started once, from a copy of the own executable or by an early fork, and
//! stays small: it receives a [`LaunchSpec`] over a socket together with the descriptors the
//! program writes to, makes the namespaces, and reports when the program and everything it started
//! is gone.
//!
//! What must hold: nothing a launched program started outlives it. In a sandbox the program is the
//! first process of a process namespace, and its end is the end of all others; outside one, a
//! supervisor collects and kills whatever is left. When the client dies the launcher notices the
//! closed socket and kills everything; when the launcher dies the kernel does.
//!
//! [`spec`] is the data, `wire` the conversation, `serve` the launcher's loop, `child` and
//! `filesystem` what happens between fork and exec, `show` what is added to a sandbox later,
//! `supervisor` the care for unconfined programs.

mod child;
mod filesystem;
#[cfg(test)]
mod probes;
mod serve;
mod show;
pub mod spec;
mod supervisor;
#[cfg(test)]
mod tests;
mod wire;

use std::ffi::OsString;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::ExitStatusExt as _;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};

pub use child::run_in_foreground;
pub use serve::{serve, serve_standard_input};
pub use spec::{Access, Entry, Identity, LaunchSpec, SandboxSpec, User};

use wire::{Report, Request};

/// How the launcher process comes to be.
#[derive(Clone, Debug)]
pub enum StartMethod {
    /// Run this program with these arguments; it must call [`serve_standard_input`] first thing.
    Execute(PathBuf, Vec<OsString>),
    /// Fork. Only sensible while this process is still small; the fork sees a copy of every lock
    /// as it was, so no other thread should be at work in the standard library.
    Fork,
}

/// The client's end of a launcher. Not shared: one thread launches and waits.
pub struct Launcher {
    // Closed first when dropped, which ends the process that is then waited for.
    socket: Option<UnixStream>,
    process: Process,
    next_id: u64,
}

enum Process {
    Executed(Child),
    Forked(rustix::process::Pid),
}

/// The name of a launched program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LaunchId(u64);

/// What a launcher tells.
#[derive(Clone, Debug)]
pub enum Event {
    /// A program has ended.
    Exited(Exit),
    /// What [`Launcher::show`] with this token came to.
    Shown {
        /// The token of the request.
        token: u64,
        /// Why it is not shown, if so.
        error: Option<String>,
    },
}

/// The end of a launched program.
#[derive(Clone, Copy, Debug)]
pub struct Exit {
    /// Which program.
    pub id: LaunchId,
    /// How it ended.
    pub status: ExitStatus,
}

impl Launcher {
    /// Starts a launcher process.
    pub fn start(method: &StartMethod) -> io::Result<Launcher> {
        let (socket, theirs) = UnixStream::pair()?;
        let process = match method {
            StartMethod::Execute(program, args) => Process::Executed(
                Command::new(program)
                    .args(args)
                    .stdin(Stdio::from(std::os::fd::OwnedFd::from(theirs)))
                    .stdout(Stdio::null())
                    .spawn()?,
            ),
            StartMethod::Fork => {
                let Some(pid) = serve::fork()? else {
                    drop(socket);
                    serve::serve_forked(&theirs)
                };
                Process::Forked(pid)
            }
        };
        Ok(Launcher {
            socket: Some(socket),
            process,
            next_id: 1,
        })
    }

    fn socket(&self) -> &UnixStream {
        self.socket.as_ref().expect("open until dropped")
    }

    /// Starts a program. It writes to `output`; when it cannot be started, a description of the
    /// reason is written to `errors`, which is otherwise closed as soon as it runs.
    pub fn launch(
        &mut self,
        spec: LaunchSpec,
        output: BorrowedFd<'_>,
        errors: BorrowedFd<'_>,
    ) -> io::Result<LaunchId> {
        let id = self.next_id;
        self.next_id += 1;
        let request = Request::Launch {
            id,
            spec: Box::new(spec),
        };
        wire::send(self.socket(), &request, &[output, errors])?;
        Ok(LaunchId(id))
    }

    /// Kills a program and everything it started. Its end is still reported.
    pub fn kill(&self, id: LaunchId) -> io::Result<()> {
        wire::send(self.socket(), &Request::Kill { id: id.0 }, &[])
    }

    /// Shows a file or directory of the host, read-only, at `target` in the sandbox that a program
    /// runs in, where something of its kind must be. That is told by an [`Event`] with the token.
    pub fn show(&self, id: LaunchId, token: u64, source: &[u8], target: &[u8]) -> io::Result<()> {
        let request = Request::Show {
            id: id.0,
            token,
            source: source.to_vec(),
            target: target.to_vec(),
        };
        wire::send(self.socket(), &request, &[])
    }

    /// Waits for the next thing to be told. Wait for [`Launcher::as_fd`] to become readable first
    /// in order not to block. `None` when the launcher is gone.
    pub fn next_event(&self) -> io::Result<Option<Event>> {
        let report = wire::receive::<Report>(self.socket())?;
        Ok(report.map(|(report, _)| match report {
            Report::Exited { id, status } => Event::Exited(Exit {
                id: LaunchId(id),
                status: ExitStatus::from_raw(status),
            }),
            Report::Shown { token, error } => Event::Shown { token, error },
        }))
    }
}

impl AsFd for Launcher {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket().as_fd()
    }
}

impl Drop for Launcher {
    fn drop(&mut self) {
        self.socket = None;
        match &mut self.process {
            Process::Executed(child) => drop(child.wait()),
            Process::Forked(pid) => {
                let _ = rustix::process::waitpid(Some(*pid), rustix::process::WaitOptions::empty());
            }
        }
    }
}

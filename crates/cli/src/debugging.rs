//! Opening a shell where a build failed.
//!
//! The shell is started by a copy of this program, because only a process with a single thread can
//! make the namespaces of a sandbox. It has the terminal to itself until it ends; then the build is
//! cleared away and reported as failed, as it would have been at once.

use std::ffi::OsString;
use std::fs::File;
use std::io::{Read as _, Seek as _, Write as _};
use std::os::fd::AsRawFd as _;
use std::process::{Command, ExitCode};
use std::sync::{Mutex, PoisonError};

use firn_build::{Debugger, FailedBuild};
use firn_sys::launcher::{LaunchSpec, run_in_foreground};

use crate::{Console, Failure, Program, interruption, voice};

/// The first argument of the process that becomes the shell.
pub const DEBUG_SHELL: &str = "__debug-shell";

/// Opens a shell for each failed build, one at a time.
#[derive(Debug)]
pub struct ShellDebugger {
    console: Console,
    terminal: Mutex<()>,
}

impl ShellDebugger {
    /// A debugger that speaks through this console.
    pub fn new(console: Console) -> Self {
        Self {
            console,
            terminal: Mutex::new(()),
        }
    }

    fn open_shell(&self, build: &FailedBuild) -> std::io::Result<()> {
        let spec = build.shell.to_bytes().map_err(std::io::Error::other)?;
        // Inherited by the process to be, which finds it by its number.
        let file = rustix::fs::memfd_create("shell", rustix::fs::MemfdFlags::empty())?;
        let mut file = File::from(file);
        file.write_all(&spec)?;
        file.rewind()?;
        let reason = build.message.lines().take(2).collect::<Vec<_>>().join(" ");
        self.console.line(&reason);
        self.console.line(&format!(
            "\nThis is the sandbox of '{}' as its builder left it. The build is reported as failed when you leave ('exit').",
            build.drv_path
        ));
        let _quiet = interruption::leave_to_others();
        Command::new(std::env::current_exe()?)
            .arg(DEBUG_SHELL)
            .arg(format!("/proc/self/fd/{}", file.as_raw_fd()))
            .status()
            .map(drop)
    }
}

impl Debugger for ShellDebugger {
    fn look_at(&self, build: &FailedBuild) {
        let _terminal = self.terminal.lock().unwrap_or_else(PoisonError::into_inner);
        if let Err(error) = voice::aside(|| self.open_shell(build)) {
            self.console
                .warn(&format!("cannot open a shell in the sandbox: {error}"));
        }
    }
}

/// Runs as the process that becomes the shell: the argument is a file with what to start.
pub fn serve(words: &[OsString]) -> ExitCode {
    let run = || -> std::io::Result<std::process::ExitStatus> {
        let path = words.first().cloned().unwrap_or_default();
        let mut spec = Vec::new();
        File::open(path)?.read_to_end(&mut spec)?;
        let spec = LaunchSpec::from_bytes(&spec).map_err(std::io::Error::other)?;
        run_in_foreground(&spec)
    };
    match run() {
        Ok(status) => ExitCode::from(status.code().unwrap_or(1) as u8),
        Err(error) => {
            let failure = Failure::message(format!("cannot open a shell in the sandbox: {error}"));
            ExitCode::from(failure.show(&Console::new(Program::Firn), "firn"))
        }
    }
}

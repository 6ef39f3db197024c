//! How the other end of a protocol is reached: a socket on this machine, or a program that is
//! started and spoken to over its standard input and output, most often `ssh`.

use std::ffi::OsString;
use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, Stdio};

use firn_hash::base64;
use tempfile::TempDir;

use crate::error::StoreError;

/// A way to the other end.
pub enum Transport {
    /// A socket on this machine.
    Socket(PathBuf),
    /// A program there, through `ssh`.
    Ssh(Box<SshTransport>),
    /// A program here.
    Program(Vec<OsString>),
}

/// What can be said about a connection by `ssh`.
#[derive(Clone, Debug, Default)]
pub struct SshOptions {
    /// The user, the host and the port; `localhost` means that no `ssh` is used at all.
    pub user: Option<String>,
    /// The host.
    pub host: String,
    /// The port.
    pub port: Option<u16>,
    /// The file of the private key.
    pub key_file: Option<PathBuf>,
    /// The public key of the host, in base-64.
    pub host_key: Option<String>,
    /// Whether the connection is compressed.
    pub compress: bool,
    /// Words for `ssh` that come before everything else (`NIX_SSHOPTS`).
    pub extra_args: Vec<String>,
    /// Whether connections share one login.
    pub share: bool,
}

/// A program on another machine.
pub struct SshTransport {
    options: SshOptions,
    /// The program and its arguments, as the shell there reads them.
    command: Vec<String>,
    /// Holds what `ssh` wants as files.
    directory: TempDir,
}

impl SshTransport {
    /// Prepares to run a command on a host.
    pub fn new(options: SshOptions, command: Vec<String>) -> Result<SshTransport, StoreError> {
        let wrong = |reason: String| {
            let user = options.user.as_deref().map(|user| format!("{user}@"));
            let host = &options.host;
            StoreError::other(format!(
                "invalid SSH authority: '{}{host}': {reason}",
                user.unwrap_or_default()
            ))
        };
        if let Some(user) = &options.user {
            if user.is_empty() {
                return Err(wrong("user name must not be empty".to_owned()));
            }
            if user.starts_with('-') {
                return Err(wrong(format!("user name '{user}' must not start with '-'")));
            }
        }
        if options.host.is_empty() {
            return Err(wrong("host name must not be empty".to_owned()));
        }
        if options.host.starts_with('-') {
            let host = &options.host;
            return Err(wrong(format!("host name '{host}' must not start with '-'")));
        }
        let failed = |error| StoreError::other(format!("making a temporary directory: {error}"));
        let directory = TempDir::with_prefix("ssh-").map_err(failed)?;
        Ok(SshTransport {
            options,
            command,
            directory,
        })
    }

    /// Nothing is between us and a program on this machine.
    fn is_here(&self) -> bool {
        let options = &self.options;
        options.host == "localhost" && options.user.is_none() && options.port.is_none()
    }

    fn start(&self) -> Result<Command, StoreError> {
        let (program, arguments) = self
            .command
            .split_first()
            .ok_or_else(|| StoreError::other("no program to run on the other machine"))?;
        if self.is_here() {
            let mut command = Command::new(program);
            command.args(arguments);
            return Ok(command);
        }
        let options = &self.options;
        let mut command = Command::new("ssh");
        let user = options.user.as_deref().map(|user| format!("{user}@"));
        command.arg(format!("{}{}", user.unwrap_or_default(), options.host));
        command.arg("-x").args(&options.extra_args);
        if let Some(key_file) = &options.key_file {
            command.arg("-i").arg(key_file);
        }
        if let Some(host_key) = &options.host_key {
            let key = base64::decode(host_key.as_bytes()).map_err(|error| {
                StoreError::other(format!(
                    "while decoding ssh public host key for host '{}': {error}",
                    options.host
                ))
            })?;
            let mut line = format!("{} ", options.host).into_bytes();
            line.extend(key);
            line.push(b'\n');
            let file = self.directory.path().join("host-key");
            std::fs::write(&file, line)
                .map_err(|error| StoreError::other(format!("writing a host key: {error}")))?;
            let mut option = OsString::from("-oUserKnownHostsFile=");
            option.push(file);
            command.arg(option);
        }
        if options.compress {
            command.arg("-C");
        }
        if let Some(port) = options.port {
            command.arg(format!("-p{port}"));
        }
        if options.share {
            let mut path = OsString::from("-oControlPath=");
            path.push(self.directory.path().join("socket"));
            command
                .args(["-oControlMaster=auto", "-oControlPersist=no"])
                .arg(path);
        }
        command.arg("--").args(&self.command);
        Ok(command)
    }
}

/// A connection, before anything was said.
pub(crate) struct Link {
    pub(crate) input: Box<dyn Read + Send>,
    pub(crate) output: Box<dyn Write + Send>,
    pub(crate) ending: Ending,
    /// What a program writes to its standard error, where that was asked for.
    pub(crate) errors: Option<ChildStderr>,
}

/// What happens to the other end when a connection is given up.
pub(crate) enum Ending {
    Socket(UnixStream),
    Program(Child),
}

impl Ending {
    /// Tells the other end that nothing more will come.
    pub(crate) fn hang_up(&self) {
        if let Ending::Socket(socket) = self {
            // A socket that is closed already needs no telling.
            socket.shutdown(Shutdown::Write).ok();
        }
    }
}

impl Drop for Ending {
    fn drop(&mut self) {
        if let Ending::Program(program) = self {
            // Its standard input is closed by now, which ends it; one that hangs is not waited for.
            program.kill().ok();
            program.wait().ok();
        }
    }
}

impl Transport {
    /// Connects. The standard error of a program is ours, unless `hears_errors` asks for it.
    pub(crate) fn connect(&self, hears_errors: bool) -> Result<Link, StoreError> {
        match self {
            Transport::Socket(path) => connect_socket(path),
            Transport::Ssh(ssh) => run(ssh.start()?, hears_errors),
            Transport::Program(words) => {
                let (program, arguments) = words
                    .split_first()
                    .ok_or_else(|| StoreError::other("no program to speak to"))?;
                let mut command = Command::new(program);
                command.args(arguments);
                run(command, hears_errors)
            }
        }
    }
}

fn connect_socket(path: &Path) -> Result<Link, StoreError> {
    let failed = |source| StoreError::Io {
        operation: "cannot connect to socket at",
        path: path.to_string_lossy().into_owned(),
        source,
    };
    let socket = firn_sys::socket::connect(path).map_err(failed)?;
    let (input, ending) = (
        socket.try_clone().map_err(failed)?,
        socket.try_clone().map_err(failed)?,
    );
    Ok(Link {
        input: Box::new(input),
        output: Box::new(socket),
        ending: Ending::Socket(ending),
        errors: None,
    })
}

fn run(mut command: Command, hears_errors: bool) -> Result<Link, StoreError> {
    let program = command.get_program().to_string_lossy().into_owned();
    if hears_errors {
        command.stderr(Stdio::piped());
    }
    let mut child = command
        .env("SHELL", "/bin/sh")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|source| StoreError::Io {
            operation: "unable to execute",
            path: program,
            source,
        })?;
    let output = child.stdin.take().expect("a pipe was asked for");
    let input = child.stdout.take().expect("a pipe was asked for");
    Ok(Link {
        input: Box::new(input),
        output: Box::new(output),
        errors: child.stderr.take(),
        ending: Ending::Program(child),
    })
}

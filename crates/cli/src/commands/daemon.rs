//! `daemon`, `nix-daemon`: a server for those who may not write the store.
//!
//! Each client gets a process of its own, a copy of this program with the connection as its standard
//! input and output. What a client sets, keeps alive and breaks ends with that process; the process
//! that listens never touches the store.

use std::fs::File;
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::net::{UnixListener, UnixStream};
use std::os::unix::process::CommandExt as _;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};

use firn_daemon::{
    Access, Backend, ClientLog, ServeOptions, Trust, apply_client_options, serve_client,
};
use firn_events::{Level, SharedSink};
use firn_settings::Feature;
use firn_store::{Store, StoreError};
use firn_store_model::worker::ClientOptions;
use firn_sys::socket;

use crate::program::NIX_VERSION;
use crate::surroundings;
use crate::verbs::Verb;
use crate::{Arg, Args, Context, Failure};

/// The first argument of the process that serves one client.
pub const CONNECTION: &str = "__serve-client";

/// `daemon [--stdio] [--force-trusted | --force-untrusted | --default-trust]`.
pub static DAEMON: Verb = Verb {
    path: &["daemon"],
    about: "serve clients that may not write the store",
    usage: "[--stdio] [--force-trusted | --force-untrusted | --default-trust]",
    only_firn: false,
    run,
};

/// Runs `nix-daemon` or `daemon`.
pub fn run(context: &mut Context, args: &mut Args) -> Result<u8, Failure> {
    let mut over_stdio = false;
    let mut trust = None;
    while let Some(arg) = args.next() {
        let flag = match arg {
            Arg::Word(word) => return Err(Failure::unexpected(&word)),
            Arg::Flag(flag) => flag,
        };
        match flag.as_str() {
            "--stdio" => over_stdio = true,
            // From a time when this was one of several things the program could do.
            "--daemon" if !context.program.has_verbs() => {}
            "--force-trusted" | "--force-untrusted" | "--default-trust" => {
                if !context.program.is_firn() {
                    context.require(Feature::DaemonTrustOverride)?;
                }
                trust = match flag.as_str() {
                    "--force-trusted" => Some(Trust::Trusted),
                    "--force-untrusted" => Some(Trust::Untrusted),
                    _ => None,
                };
            }
            "--process-ops" => {
                if !context.program.is_firn() {
                    context.require(Feature::MountedSshStore)?;
                }
            }
            _ if context.took_version(&flag)? => return Ok(0),
            _ => context.take_common(&flag, args)?,
        }
    }
    context.settle();
    if over_stdio {
        return serve_stdio(context, trust.unwrap_or(Trust::Trusted));
    }
    listen(context, trust)
}

/// Serves the one client that a listening process has let in.
pub fn serve_connection(context: &mut Context, args: &mut Args) -> Result<u8, Failure> {
    let word = args.plain_value(CONNECTION)?;
    // What the client leaves behind must not reach the process that listens.
    rustix::process::setsid().ok();
    let trust = if word == "trusted" {
        Trust::Trusted
    } else {
        Trust::Untrusted
    };
    context.settle();
    serve_stdio(context, trust)
}

fn serve_stdio(context: &mut Context, trust: Trust) -> Result<u8, Failure> {
    let input = File::from(std::io::stdin().as_fd().try_clone_to_owned()?);
    let output = File::from(std::io::stdout().as_fd().try_clone_to_owned()?);
    let watched = input.try_clone()?;
    let log = Arc::new(ClientLog::new(Box::new(output)));
    let version = if context.program.is_firn() {
        context.program.version()
    } else {
        NIX_VERSION.to_owned()
    };
    let options = ServeOptions {
        trust,
        version,
        fixed_settings: false,
    };
    let mut backend = StoreOfSettings {
        context,
        trust,
        opened: Arc::default(),
    };
    let opened = Arc::clone(&backend.opened);
    // Whatever is being built for a client that is gone is of no use to anyone.
    std::thread::Builder::new()
        .name("hang-up".to_owned())
        .spawn(move || {
            if socket::wait_for_hang_up(&watched).is_ok() {
                for store in opened.lock().unwrap_or_else(PoisonError::into_inner).iter() {
                    store.interrupt();
                }
            }
        })?;
    let served = serve_client(&mut backend, Box::new(input), log, options);
    served
        .map(|()| 0)
        .map_err(|error| Failure::message(format!("error processing connection: {error}")))
}

/// Opens the store that the settings name, with those of the client.
struct StoreOfSettings<'a> {
    context: &'a mut Context,
    trust: Trust,
    opened: Arc<Mutex<Vec<Arc<dyn Store>>>>,
}

impl Backend for StoreOfSettings<'_> {
    fn open(
        &mut self,
        options: Option<&ClientOptions>,
        log: SharedSink,
    ) -> Result<Arc<dyn Store>, StoreError> {
        let context = &mut *self.context;
        if let Some(options) = options {
            let is_trusted = self.trust.is_trusted();
            let remarks = apply_client_options(&mut context.settings, options, is_trusted);
            for remark in remarks {
                log.message(Level::Warn, &remark);
            }
            context
                .console
                .set_level(Level::from_number(options.verbosity));
            context.print_build_logs = options.build_verbosity == 0;
        }
        context.events = Some(log);
        let store = context
            .open_store()
            .map_err(|failure| StoreError::other(failure.to_string()))?;
        self.opened
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(Arc::clone(&store));
        Ok(store)
    }
}

fn listen(context: &Context, trust: Option<Trust>) -> Result<u8, Failure> {
    let handed_over = match (
        surroundings::filled("LISTEN_PID"),
        surroundings::filled("LISTEN_FDS"),
    ) {
        (Some(pid), Some(count)) => socket::handed_over(&pid, &count),
        _ => Vec::new(),
    };
    let listeners = if handed_over.is_empty() {
        let path = context.daemon_socket();
        let listener = socket::listen(&path).map_err(|error| {
            Failure::message(format!(
                "cannot listen on socket '{}': {error}",
                path.display()
            ))
        })?;
        vec![listener]
    } else {
        handed_over
    };
    std::env::set_current_dir("/")?;
    let store = &context.settings.store;
    let access = Access {
        trusted_users: store.trusted_users.clone(),
        allowed_users: store.allowed_users.clone(),
        build_group: context.build_settings().build_users_group,
    };
    loop {
        let ready = socket::wait_for_caller(&listeners)?;
        if let Err(failure) = accept(context, &listeners[ready], &access, trust) {
            context.console.say(Level::Error, &failure.to_string());
        }
    }
}

/// Lets a client in, and leaves it to a process of its own.
fn accept(
    context: &Context,
    listener: &UnixListener,
    access: &Access,
    trust: Option<Trust>,
) -> Result<(), Failure> {
    let (stream, _) = listener.accept()?;
    let peer = socket::peer(&stream)?;
    let (user, trust) = if let Some(trust) = trust {
        (None, trust)
    } else {
        let (user, trust) = access.decide(&peer).map_err(Failure::message)?;
        (Some(user), trust)
    };
    let pid = peer.pid.map_or("<unknown>".to_owned(), |it| it.to_string());
    let text = format!(
        "accepted connection from pid {pid}, user {}{}",
        user.as_deref().unwrap_or("<unknown>"),
        if trust.is_trusted() { " (trusted)" } else { "" }
    );
    context.console.log(Level::Info, &text);
    let mut child = serve_in_process(context, stream, trust)?;
    // Nobody else would take note of its end.
    std::thread::spawn(move || child.wait().ok());
    Ok(())
}

fn serve_in_process(
    context: &Context,
    stream: UnixStream,
    trust: Trust,
) -> Result<std::process::Child, Failure> {
    let input = OwnedFd::from(stream);
    let output = input.try_clone()?;
    let mut config = surroundings::variable("NIX_CONFIG").unwrap_or_default();
    for (name, value) in context.settings.overridden() {
        config.push_str(&format!("\n{name} = {value}"));
    }
    let mut command = Command::new(std::env::current_exe()?);
    command
        .arg0(context.program.name())
        .arg(CONNECTION)
        .arg(if trust.is_trusted() {
            "trusted"
        } else {
            "untrusted"
        })
        .env("NIX_CONFIG", config)
        .env_remove("LISTEN_PID")
        .env_remove("LISTEN_FDS")
        .stdin(Stdio::from(input))
        .stdout(Stdio::from(output));
    Ok(command.spawn()?)
}

//! Running the services of a project: ports, directories, readiness, and a clean end.
//!
//! A service runs in a process group of its own, in the project's environment, and writes to a log
//! in its directory, which stays between runs. Who starts the services of a project holds a lock
//! and stops them; whoever comes meanwhile uses what runs already. A second request to end kills
//! them at once. When the command itself is killed, the kernel asks them to end; what is left all the
//! same is ended before anything is started anew.

use std::collections::BTreeMap;
use std::fs::File;
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use firn_hash::Hasher;
use firn_shell::Environment;
use firn_shell::script::{Entry, script};
use firn_shell::services::{Given, Service, Stop, services_of};
use firn_store::Store;
use rustix::process::{Pid, Signal};
use serde_json::{Value, json};

use crate::entering::{resolved, viewed, viewed_by_ordinary_user, write_private};
use crate::{Context, Failure, interruption, surroundings};

/// How often is looked whether something has happened.
const TICK: Duration = Duration::from_millis(25);
/// How long a service has to end by itself.
const GRACE: Duration = Duration::from_secs(10);
/// The variable by which a process is known to be a service of a project.
const MARK: &str = "FIRN_SERVICES_OF";

/// A service that runs.
struct Started {
    service: Service,
    given: Given,
    child: Child,
}

/// The services of a project while they run.
pub struct Services {
    started: Vec<Started>,
    /// Variables for those who use them.
    pub variables: BTreeMap<String, String>,
    /// Where they keep things.
    directory: PathBuf,
    /// Held by who started them.
    lock: Option<File>,
    _held: interruption::Held,
}

impl Services {
    /// Starts the services of an environment, and waits until they are ready. Those that run already
    /// for this directory are used.
    pub fn start(
        context: &Context,
        store: &dyn Store,
        environment: &Environment,
    ) -> Result<Self, Failure> {
        let stated = services_of(environment).map_err(|it| Failure::message(it.to_string()))?;
        if stated.is_empty() {
            return Err(Failure::message(
                "this environment has no services; 'services.NAME.enable = true' in a shell of the library adds one",
            ));
        }
        let here = std::env::current_dir()?;
        let name = Hasher::sha256(here.as_os_str().as_encoded_bytes()).to_nix32();
        let directory = surroundings::firn_data_dir()
            .join("services")
            .join(&name[..16]);
        std::fs::create_dir_all(&directory)?;
        let lock = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(directory.join("lock"))?;
        let mut services = Self {
            started: Vec::new(),
            variables: BTreeMap::new(),
            directory,
            lock: None,
            _held: interruption::hold(),
        };
        if !services.lock_or_join(&lock)? {
            return Ok(services);
        }
        services.lock = Some(lock);
        services.end_leftovers();
        for service in stated {
            if let Err(failure) = services.start_one(context, store, environment, service) {
                services.stop(context);
                return Err(failure);
            }
        }
        services.note(true)?;
        Ok(services)
    }

    /// Takes the lock, then `true`; or uses what another command has started. Waits while that is
    /// starting or stopping them.
    fn lock_or_join(&mut self, lock: &File) -> Result<bool, Failure> {
        let start = Instant::now();
        while start.elapsed() < Duration::from_mins(1) {
            if lock.try_lock().is_ok() {
                return Ok(true);
            }
            if let Some(variables) = self.noted()["variables"].as_object() {
                let text = |it: &Value| it.as_str().unwrap_or_default().to_owned();
                let variables = variables.iter().map(|it| (it.0.clone(), text(it.1)));
                self.variables = variables.collect();
                return Ok(false);
            }
            if interruption::signal().is_some() {
                break;
            }
            std::thread::sleep(TICK);
        }
        Err(Failure::message(
            "another command is starting or stopping the services of this directory, and does not get done",
        ))
    }

    /// What was noted of services that run.
    fn noted(&self) -> Value {
        let text = std::fs::read(self.directory.join("running.json")).unwrap_or_default();
        serde_json::from_slice(&text).unwrap_or_default()
    }

    /// Says what runs, for those who come later: they may use it once it is ready.
    fn note(&self, is_ready: bool) -> std::io::Result<()> {
        let groups = self.started.iter().map(|it| it.child.id());
        let groups: Vec<Value> = groups
            .map(|it| json!({"leader": it, "since": beginning_of(it)}))
            .collect();
        let mut noted = json!({"groups": groups});
        if is_ready {
            noted["variables"] = json!(self.variables);
        }
        let place = self.directory.join("running.json");
        let text = noted.to_string();
        firn_sys::file::write_file_atomically(&place, text.as_bytes(), 0o600, false)
    }

    /// Ends what a command that was killed has left running.
    fn end_leftovers(&self) {
        let mark = format!("{MARK}={}", self.directory.display());
        for noted in self.noted()["groups"].as_array().into_iter().flatten() {
            let leader = noted["leader"]
                .as_u64()
                .and_then(|it| u32::try_from(it).ok());
            let Some(group) = leader.and_then(|it| Pid::from_raw(it.cast_signed())) else {
                continue;
            };
            // The number may belong to something else by now; and a service may have written over
            // its variables, as those do that show a title.
            let begun = beginning_of(group.as_raw_nonzero().get().cast_unsigned());
            let is_leader = begun.is_some() && begun.as_deref() == noted["since"].as_str();
            if is_leader || has_marked_member(group, &mark) {
                rustix::process::kill_process_group(group, Signal::KILL).ok();
            }
        }
        self.forget();
    }

    /// Notes that nothing runs.
    fn forget(&self) {
        // It need not be there.
        std::fs::remove_file(self.directory.join("running.json")).ok();
    }

    fn start_one(
        &mut self,
        context: &Context,
        store: &dyn Store,
        environment: &Environment,
        service: Service,
    ) -> Result<(), Failure> {
        let state = self.directory.join(&service.name);
        std::fs::create_dir_all(&state)?;
        let given = Given {
            port: match service.port {
                Some(wanted) => free_port(wanted)?,
                None => 0,
            },
            state: state.display().to_string(),
        };
        let entered = entered(environment, &state);
        let log = state.join("log");
        let run = format!(
            "{entered}\n{}\n{}\n",
            given.fill(&service.prepare),
            given.fill(&service.start)
        );
        let mut command = self.command(store, &service, &state.join("run.sh"), &run, &log)?;
        let child = command.spawn()?;
        interruption::kills(child.id());
        let exported = service.variables.iter();
        let exported = exported.map(|it| (it.0.clone(), given.fill(it.1)));
        self.variables.extend(exported);
        self.started.push(Started {
            service,
            given,
            child,
        });
        self.note(false)?;
        self.wait_until_ready(store, &entered, &log)?;
        let started = self.started.last().expect("it was just started");
        let port = match started.given.port {
            0 => String::new(),
            port => format!(" on port {port}"),
        };
        let text = format!("firn: {} is ready{port}", started.service.name);
        context.console.log(firn_events::Level::Error, &text);
        Ok(())
    }

    fn command(
        &self,
        store: &dyn Store,
        service: &Service,
        place: &Path,
        text: &str,
        log: &Path,
    ) -> Result<Command, Failure> {
        write_private(place, text)?;
        let log = File::create(log)?;
        let mut command = if service.ordinary {
            viewed_by_ordinary_user(store, resolved("bash"))
        } else {
            viewed(store, resolved("bash"))
        };
        firn_sys::children::end_by_with_parent(&mut command, signal_of(service).as_raw());
        command
            .arg(place)
            .env(MARK, &self.directory)
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .process_group(0);
        Ok(command)
    }

    /// Waits until the service that was started last can be used.
    fn wait_until_ready(
        &mut self,
        store: &dyn Store,
        entered: &str,
        log: &Path,
    ) -> Result<(), Failure> {
        let last = self.started.last().expect("one was started");
        let name = last.service.name.clone();
        let patience = Duration::from_secs(last.service.patience);
        let ready = last.given.fill(&last.service.ready);
        let state = PathBuf::from(&last.given.state);
        let text = if ready.is_empty() {
            "true\n".to_owned()
        } else {
            format!("{entered}\nuntil (\n{ready}\n); do sleep 0.1; done\n")
        };
        let (place, words) = (state.join("ready.sh"), state.join("ready.log"));
        let mut probe = self.command(store, &last.service, &place, &text, &words)?;
        let mut probe = probe.spawn()?;
        let start = Instant::now();
        let failure = loop {
            if probe.try_wait()?.is_some() {
                return Ok(());
            }
            let last = self.started.last_mut().expect("one was started");
            if let Some(status) = last.child.try_wait()? {
                break format!("service '{name}' ended before it was ready ({status})");
            }
            if start.elapsed() > patience {
                break format!(
                    "service '{name}' was not ready after {} seconds",
                    patience.as_secs()
                );
            }
            if interruption::signal().is_some() {
                break format!("waiting for service '{name}' was interrupted");
            }
            std::thread::sleep(TICK);
        };
        end_group(&probe, Signal::KILL);
        probe.wait()?;
        let text = std::fs::read(log).unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        let lines: Vec<&str> = text.lines().collect();
        let lines = lines[lines.len().saturating_sub(10)..].join("\n");
        let shown = log.display();
        Err(Failure::message(format!(
            "{failure}; its log, {shown}, ends with\n{lines}"
        )))
    }

    /// Waits until somebody wants an end, or a service has ended by itself, which is an error.
    pub fn watch(&mut self) -> Result<(), Failure> {
        loop {
            if interruption::signal().is_some() {
                return Ok(());
            }
            for started in &mut self.started {
                if let Some(status) = started.child.try_wait()? {
                    let name = &started.service.name;
                    let log = Path::new(&started.given.state).join("log");
                    return Err(Failure::message(format!(
                        "service '{name}' has ended ({status}); its log is '{}'",
                        log.display()
                    )));
                }
            }
            std::thread::sleep(TICK);
        }
    }

    /// Ends the services that this command has started, the last one first.
    pub fn stop(&mut self, context: &Context) {
        if self.lock.is_some() {
            // What is ending is not to be used. Without the note, others find out by themselves.
            self.note(false).ok();
        }
        for mut started in std::mem::take(&mut self.started).into_iter().rev() {
            end_group(&started.child, signal_of(&started.service));
            let start = Instant::now();
            let has_ended = |child: &mut Child| matches!(child.try_wait(), Ok(Some(_)) | Err(_));
            while !has_ended(&mut started.child) && start.elapsed() < GRACE {
                std::thread::sleep(TICK);
            }
            if !has_ended(&mut started.child) {
                let text = format!(
                    "service '{}' does not end; it is killed",
                    started.service.name
                );
                context.console.warn(&text);
            }
            // What it has started and left goes too.
            end_group(&started.child, Signal::KILL);
            started.child.wait().ok();
            interruption::spares(started.child.id());
        }
        if self.lock.is_some() {
            self.forget();
        }
    }
}

/// The signal that asks a service to end.
fn signal_of(service: &Service) -> Signal {
    match service.stop {
        Stop::Terminate => Signal::TERM,
        Stop::Interrupt => Signal::INT,
        Stop::Quit => Signal::QUIT,
    }
}

/// When a process began, as the kernel counts; which start of the machine that was is part of it.
fn beginning_of(process: u32) -> Option<String> {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // The name before the last parenthesis may contain anything; what follows begins with the third field.
    let began = stat.rsplit_once(") ")?.1.split(' ').nth(19)?;
    let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    Some(format!("{} {began}", boot.trim()))
}

/// Whether a process of a group has a variable, given with its value.
fn has_marked_member(group: Pid, mark: &str) -> bool {
    let processes = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let mut members = processes.filter(|it| {
        let stat = std::fs::read_to_string(it.path().join("stat")).unwrap_or_default();
        let field = stat.rsplit_once(") ").and_then(|it| it.1.split(' ').nth(2));
        field.and_then(|it| it.parse().ok()) == Some(group.as_raw_nonzero().get())
    });
    members.any(|it| {
        let variables = std::fs::read(it.path().join("environ")).unwrap_or_default();
        variables
            .split(|&it| it == 0)
            .any(|it| it == mark.as_bytes())
    })
}

fn end_group(child: &Child, signal: Signal) {
    let group = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    if let Some(group) = group {
        // It may have ended.
        rustix::process::kill_process_group(group, signal).ok();
    }
}

/// The port that is wanted if it is free, and any other that is otherwise.
fn free_port(wanted: u16) -> std::io::Result<u16> {
    let bind = |port| TcpListener::bind((Ipv4Addr::LOCALHOST, port));
    let listener = bind(wanted).or_else(|_| bind(0))?;
    Ok(listener.local_addr()?.port())
}

/// Bash code that becomes the environment, without its hook.
fn entered(environment: &Environment, state: &Path) -> String {
    let mut environment = environment.clone();
    environment.variables.remove("shellHook");
    script(
        &environment,
        &Entry {
            outputs_dir: &state.join("outputs").to_string_lossy(),
            redirects: Vec::new(),
        },
    )
}

//! A machine of a test while it runs: power, the lines to it, and its time.

use std::fs::File;
use std::io;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::{Child, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use super::agent::{Agent, Said};
use super::driver::TestRun;
use super::hub::Hub;
use super::images::{copy_sparsely, make_esp};
use super::monitor::{End, Monitor};
use super::qemu::{self, Boot, Drive};
use super::spec::VmSpec;
use crate::error::{SystemError, io_error};

/// By how much the clock of the wall may be ahead of a machine's own.
pub(super) const WALL_FACTOR: u64 = 15;

/// A machine of a test.
pub(super) struct Node<'a> {
    pub(super) run: &'a TestRun<'a>,
    pub(super) name: &'a str,
    spec: &'a VmSpec,
    number: usize,
    pub(super) console: PathBuf,
    socket: PathBuf,
    listener: UnixListener,
    monitor_socket: PathBuf,
    monitor_listener: UnixListener,
    drives: Vec<Drive>,
    firmware: Option<(PathBuf, PathBuf)>,
    process: Option<Child>,
    agent: Option<Agent>,
    monitor: Option<Monitor>,
    /// Seconds of its own that it used before the power was last turned on.
    own_before: f64,
}

/// A line between a machine and the test.
#[derive(Clone, Copy)]
enum Line {
    Agent,
    Monitor,
}

/// What comes from a machine.
enum Heard {
    Said(Said),
    /// It went off.
    Off(End, ExitStatus),
}

impl Drop for Node<'_> {
    fn drop(&mut self) {
        self.cut_power();
    }
}

impl<'a> Node<'a> {
    pub(super) fn new(
        run: &'a TestRun<'a>,
        name: &'a str,
        spec: &'a VmSpec,
        number: usize,
    ) -> Result<Self, SystemError> {
        let file = |suffix: &str| run.directory.join(format!("{name}{suffix}"));
        let place = |path: &Path| {
            (run.place)(path).ok_or_else(|| {
                SystemError::other(format!("'{}' is in no store of this host", path.display()))
            })
        };
        let registration = file(".registration");
        let text = (run.registration)(&spec.systems)?;
        std::fs::write(&registration, text).map_err(io_error("writing", &registration))?;
        let mut drives = vec![
            Drive {
                file: place(&spec.store_image)?,
                writable: false,
            },
            Drive {
                file: registration,
                writable: false,
            },
        ];
        if let Some(image) = &spec.state_image {
            let state = file(".state");
            copy_sparsely(&place(image)?, &state)?;
            drives.push(Drive {
                file: state,
                writable: true,
            });
        }
        let mut firmware = None;
        if spec.uses_boot_loader {
            let (code, variables) = qemu::firmware().ok_or_else(|| {
                SystemError::other(
                    "there is no UEFI firmware for QEMU here; the package 'ovmf' has it",
                )
            })?;
            let own = file(".variables");
            std::fs::copy(&variables, &own).map_err(io_error("copying", &variables))?;
            firmware = Some((code, own));
            let esp = file(".esp");
            make_esp(run, spec, &esp, &file(".boot"))?;
            drives.push(Drive {
                file: esp,
                writable: true,
            });
        }
        let (socket, monitor_socket) = (file(".agent"), file(".monitor"));
        let listener = listen(&socket)?;
        let monitor_listener = listen(&monitor_socket)?;
        Ok(Self {
            run,
            name,
            spec,
            number,
            console: file(".console"),
            socket,
            listener,
            monitor_socket,
            monitor_listener,
            drives,
            firmware,
            process: None,
            agent: None,
            monitor: None,
            own_before: 0.0,
        })
    }

    /// Turns the power on.
    pub(super) fn start(&mut self, hub: &Hub) -> Result<(), SystemError> {
        let place = |path: &Path| (self.run.place)(path).unwrap_or_else(|| path.to_owned());
        let (kernel, initrd) = (place(&self.spec.kernel), place(&self.spec.initrd));
        let boot = match &self.firmware {
            Some((code, variables)) => Boot::Firmware { code, variables },
            None => Boot::Direct {
                kernel: &kernel,
                initrd: &initrd,
                more: None,
            },
        };
        let mut command = qemu::command(
            self.run.qemu,
            self.run.accelerator,
            self.spec,
            &self.drives,
            boot,
        );
        command
            .arg("-chardev")
            .arg(format!(
                "file,id=console,append=on,path={}",
                self.console.display()
            ))
            .args(["-serial", "chardev:console", "-chardev"])
            .arg(format!(
                "socket,id=agent,server=off,path={}",
                self.socket.display()
            ))
            .args(["-serial", "chardev:agent", "-monitor", "none", "-chardev"])
            .arg(format!(
                "socket,id=monitor,server=off,path={}",
                self.monitor_socket.display()
            ))
            .args(["-mon", "chardev=monitor,mode=control"])
            // A reset by firmware that ran already is another thing to go wrong, and has: each boot is
            // a process of its own.
            .arg("-no-reboot")
            .args(hub.arguments(self.number))
            .stdin(Stdio::null())
            .stdout(Stdio::null());
        let errors = self.console.with_extension("qemu");
        let file = File::create(&errors).map_err(io_error("creating", &errors))?;
        // Whatever ends this process ends its machines.
        firn_sys::children::end_with_parent(&mut command);
        let process = command.stderr(file).spawn();
        self.process = Some(process.map_err(io_error("running", self.run.qemu))?);
        let stream = self.accept(Line::Agent, &errors)?;
        self.agent = Some(Agent::new(stream).map_err(io_error("opening", &self.socket))?);
        let stream = self.accept(Line::Monitor, &errors)?;
        let monitor = Monitor::new(stream);
        self.monitor = Some(monitor.map_err(io_error("opening", &self.monitor_socket))?);
        Ok(())
    }
    /// Waits for QEMU to come to a socket.
    fn accept(&mut self, line: Line, errors: &Path) -> Result<UnixStream, SystemError> {
        loop {
            let (listener, socket) = match line {
                Line::Agent => (&self.listener, &self.socket),
                Line::Monitor => (&self.monitor_listener, &self.monitor_socket),
            };
            match listener.accept() {
                Ok((stream, _)) => return Ok(stream),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(io_error("listening at", socket)(error)),
            }
            let ended = self.process.as_mut().map(Child::try_wait);
            if let Some(Ok(Some(status))) = ended {
                let said = std::fs::read_to_string(errors).unwrap_or_default();
                return Err(SystemError::other(format!(
                    "QEMU ended with {status}: {}",
                    said.trim()
                )));
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Turns the power off at once.
    pub(super) fn cut_power(&mut self) {
        self.own_before = self.own_time();
        if let Some(mut process) = self.process.take() {
            // It may have ended by itself.
            process.kill().ok();
            process.wait().ok();
        }
        self.agent = None;
        self.monitor = None;
    }

    /// Clears away a machine that ended by itself, and tells how it did.
    fn went_off(&mut self) -> Result<Heard, SystemError> {
        let end = self.monitor.take().map_or(End::Other, Monitor::end);
        // Until it has been waited for, the kernel knows how long it ran.
        self.own_before = self.own_time();
        self.agent = None;
        let process = self.process.take();
        let mut process = process.ok_or_else(|| SystemError::other("the machine is off"))?;
        let status = process.wait().map_err(io_error("running", self.run.qemu))?;
        Ok(Heard::Off(end, status))
    }

    /// Waits until the agent says that the machine is up, and turns the power on again each time that
    /// the machine resets itself on the way.
    pub(super) fn wait_until_up(&mut self, timeout: u64, hub: &Hub) -> Result<(), SystemError> {
        let limit = Limit::new(self, timeout);
        loop {
            match self.hear(&limit, "to be up")? {
                Heard::Said(Said::Ready) => break,
                Heard::Said(Said::Ended { .. }) => {}
                Heard::Off(End::Reset, _) => self.start(hub)?,
                Heard::Off(end, status) => return Err(gone(end, status)),
            }
        }
        let (own, wall) = limit.passed(self);
        let guest = self.run_script("cut -d ' ' -f 1 /proc/uptime", 20)?.1;
        (self.run.say)(&format!(
            "{} is up after {own:.1} s of its own ({wall:.1} s on the wall, {} s on its clock)",
            self.name,
            guest.trim()
        ));
        Ok(())
    }

    /// What the agent says next, or that the machine went off.
    fn hear(&mut self, limit: &Limit, waiting: &str) -> Result<Heard, SystemError> {
        loop {
            let agent = self.agent.as_mut();
            let agent = agent.ok_or_else(|| SystemError::other("the machine is off"))?;
            match agent.hear() {
                Ok(Some(said)) => return Ok(Heard::Said(said)),
                Ok(None) => {}
                Err(_) => return self.went_off(),
            }
            if limit.is_reached(self) {
                let (own, wall) = limit.passed(self);
                return Err(SystemError::other(format!(
                    "waited for {} {waiting} for {own:.0} s of its own, {wall:.0} s on the wall",
                    self.name
                )));
            }
        }
    }

    pub(super) fn send(&mut self, script: &str) -> Result<(), SystemError> {
        let agent = self.agent.as_mut();
        let agent = agent.ok_or_else(|| SystemError::other("the machine is off"))?;
        agent
            .send(script)
            .map_err(io_error("writing to", &self.socket))
    }

    pub(super) fn run_script(
        &mut self,
        script: &str,
        timeout: u64,
    ) -> Result<(u8, String), SystemError> {
        self.send(script)?;
        let limit = Limit::new(self, timeout);
        loop {
            match self.hear(&limit, "to answer")? {
                Heard::Said(Said::Ended { code, output }) => return Ok((code, output)),
                Heard::Said(Said::Ready) => {}
                Heard::Off(end, status) => return Err(gone(end, status)),
            }
        }
    }

    /// The processor time that the machine has used since the test began, in seconds.
    fn own_time(&self) -> f64 {
        let Some(process) = &self.process else {
            return self.own_before;
        };
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", process.id()));
        let stat = stat.unwrap_or_default();
        // The second field is a name in parentheses; times are the 14th and 15th, in hundredths.
        let fields = stat.rsplit_once(") ").map_or("", |it| it.1);
        let fields = fields.split(' ').skip(11).take(2);
        let ticks: f64 = fields.filter_map(|it| it.parse::<f64>().ok()).sum();
        self.own_before + ticks / 100.0
    }
}

/// What to say of a machine that went off where it should not have.
fn gone(end: End, status: ExitStatus) -> SystemError {
    SystemError::other(match end {
        End::Reset => "the machine rebooted".to_owned(),
        End::PowerOff => "the machine turned itself off".to_owned(),
        End::Other => format!("the machine went off; QEMU ended with {status}"),
    })
}

/// A socket that can be looked at without waiting.
fn listen(socket: &Path) -> Result<UnixListener, SystemError> {
    let listener = UnixListener::bind(socket).map_err(io_error("listening at", socket))?;
    let set = listener.set_nonblocking(true);
    set.map_err(io_error("listening at", socket))?;
    Ok(listener)
}

/// A limit on a machine's own time, and a wider one on the clock of the wall.
pub(super) struct Limit {
    started: Instant,
    own_started: f64,
    seconds: u64,
}

impl Limit {
    pub(super) fn new(node: &Node<'_>, seconds: u64) -> Self {
        Self {
            started: Instant::now(),
            own_started: node.own_time(),
            seconds,
        }
    }

    /// Seconds of its own, and on the wall.
    pub(super) fn passed(&self, node: &Node<'_>) -> (f64, f64) {
        (
            node.own_time() - self.own_started,
            self.started.elapsed().as_secs_f64(),
        )
    }

    pub(super) fn is_reached(&self, node: &Node<'_>) -> bool {
        let (own, wall) = self.passed(node);
        own > self.seconds as f64 || wall > self.seconds.saturating_mul(WALL_FACTOR) as f64
    }
}

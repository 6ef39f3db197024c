//! Runs a test: starts its machines and does its steps.

use std::fs::File;
use std::io;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::agent::{Agent, Said};
use super::hub::Hub;
use super::qemu::{self, Accelerator, Boot, Drive};
use super::spec::{Step, StepKind, TestSpec, VmSpec};
use crate::error::{SystemError, io_error};
use crate::generations::Generation;
use crate::machine::Machine;
use crate::menu;

/// What a run of a test needs from its surroundings.
pub struct TestRun<'a> {
    /// The program.
    pub qemu: &'a Path,
    /// Who runs instructions.
    pub accelerator: Accelerator,
    /// An empty directory to work in; logs of consoles are left there.
    pub directory: &'a Path,
    /// Where paths of the store are on this host.
    pub place: &'a dyn Fn(&Path) -> Option<PathBuf>,
    /// The content of the disk that tells a machine's store of the systems in it.
    pub registration: &'a dyn Fn(&[PathBuf]) -> Result<String, SystemError>,
    /// Tells a person.
    pub say: &'a dyn Fn(&str),
}

/// Seconds of its own that a machine may take to start.
const BOOT_TIMEOUT: u64 = 120;
/// By how much the clock of the wall may be ahead of a machine's own.
const WALL_FACTOR: u64 = 15;
/// The size of the loader's file system.
const ESP_SIZE: u64 = 128 << 20;

/// Runs a test; fails with what failed.
pub fn run_test(run: &TestRun<'_>, test: &TestSpec) -> Result<(), SystemError> {
    let hub = Hub::start(run.directory)?;
    let mut nodes = Vec::new();
    for (number, (name, spec)) in test.nodes.iter().enumerate() {
        nodes.push(Node::new(run, name, spec, number + 1)?);
    }
    for node in &mut nodes {
        node.start(&hub)?;
    }
    for node in &mut nodes {
        node.wait_until_up(BOOT_TIMEOUT)?;
    }
    for (number, step) in test.steps.iter().enumerate() {
        (run.say)(&format!(
            "[{}/{}] {}",
            number + 1,
            test.steps.len(),
            step.summary()
        ));
        let node = nodes.iter_mut().find(|it| it.name == step.node);
        let node = node.expect("the specification was checked");
        node.run_step(step, &hub).map_err(|error| {
            SystemError::other(format!(
                "step {} ({}) failed: {error}\nthe console of {} is in '{}'",
                number + 1,
                step.summary(),
                node.name,
                node.console.display()
            ))
        })?;
    }
    Ok(())
}

/// A machine of a test.
struct Node<'a> {
    run: &'a TestRun<'a>,
    name: &'a str,
    spec: &'a VmSpec,
    number: usize,
    console: PathBuf,
    socket: PathBuf,
    listener: UnixListener,
    drives: Vec<Drive>,
    firmware: Option<(PathBuf, PathBuf)>,
    process: Option<Child>,
    agent: Option<Agent>,
}

impl Drop for Node<'_> {
    fn drop(&mut self) {
        self.cut_power();
    }
}

impl<'a> Node<'a> {
    fn new(
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
        let socket = file(".agent");
        let listener = UnixListener::bind(&socket).map_err(io_error("listening at", &socket))?;
        listener
            .set_nonblocking(true)
            .map_err(io_error("listening at", &socket))?;
        Ok(Self {
            run,
            name,
            spec,
            number,
            console: file(".console"),
            socket,
            listener,
            drives,
            firmware,
            process: None,
            agent: None,
        })
    }

    /// Turns the power on.
    fn start(&mut self, hub: &Hub) -> Result<(), SystemError> {
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
            .args(["-serial", "chardev:agent", "-monitor", "none"])
            .args(hub.arguments(self.number))
            .args(self.run.accelerator.steady_clock())
            .stdin(Stdio::null())
            .stdout(Stdio::null());
        let errors = self.console.with_extension("qemu");
        let file = File::create(&errors).map_err(io_error("creating", &errors))?;
        // Whatever ends this process ends its machines.
        firn_sys::children::end_with_parent(&mut command);
        let process = command.stderr(file).spawn();
        self.process = Some(process.map_err(io_error("running", self.run.qemu))?);
        let stream = loop {
            match self.listener.accept() {
                Ok((stream, _)) => break stream,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(io_error("listening at", &self.socket)(error)),
            }
            if let Some(status) = self.ended() {
                let said = std::fs::read_to_string(&errors).unwrap_or_default();
                return Err(SystemError::other(format!(
                    "QEMU ended with {status}: {}",
                    said.trim()
                )));
            }
            std::thread::sleep(Duration::from_millis(20));
        };
        self.agent = Some(Agent::new(stream).map_err(io_error("opening", &self.socket))?);
        Ok(())
    }

    fn ended(&mut self) -> Option<std::process::ExitStatus> {
        self.process.as_mut()?.try_wait().ok()?
    }

    /// Turns the power off at once.
    fn cut_power(&mut self) {
        if let Some(mut process) = self.process.take() {
            // It may have ended by itself.
            process.kill().ok();
            process.wait().ok();
        }
        self.agent = None;
    }

    fn wait_until_up(&mut self, timeout: u64) -> Result<(), SystemError> {
        let limit = Limit::new(self, timeout);
        loop {
            if self.hear(&limit, "to be up")? == Said::Ready {
                break;
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

    /// What the agent says next.
    fn hear(&mut self, limit: &Limit, waiting: &str) -> Result<Said, SystemError> {
        loop {
            let agent = self.agent.as_mut();
            let agent = agent.ok_or_else(|| SystemError::other("the machine is off"))?;
            match agent.hear() {
                Ok(Some(said)) => return Ok(said),
                Ok(None) => {}
                Err(_) => {
                    let status = self.process.as_mut().and_then(|it| it.wait().ok());
                    let status = status.map_or_else(String::new, |it| format!(" with {it}"));
                    return Err(SystemError::other(format!("the machine went off{status}")));
                }
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

    fn send(&mut self, script: &str) -> Result<(), SystemError> {
        let agent = self.agent.as_mut();
        let agent = agent.ok_or_else(|| SystemError::other("the machine is off"))?;
        agent
            .send(script)
            .map_err(io_error("writing to", &self.socket))
    }

    fn run_script(&mut self, script: &str, timeout: u64) -> Result<(u8, String), SystemError> {
        self.send(script)?;
        let limit = Limit::new(self, timeout);
        loop {
            if let Said::Ended { code, output } = self.hear(&limit, "to answer")? {
                return Ok((code, output));
            }
        }
    }

    fn run_step(&mut self, step: &Step, hub: &Hub) -> Result<(), SystemError> {
        match &step.kind {
            StepKind::Run {
                script,
                fails,
                expect,
            } => {
                let (code, output) = self.run_script(script, step.timeout)?;
                let as_wanted = (code != 0) == *fails;
                let is_said = expect.as_ref().is_none_or(|it| output.contains(it));
                if as_wanted && is_said {
                    return Ok(());
                }
                let wanted = match (as_wanted, expect) {
                    (true, Some(text)) => format!(", and does not say '{text}'"),
                    _ => String::new(),
                };
                Err(SystemError::other(format!(
                    "it ended with {code}{wanted}:\n{output}"
                )))
            }
            StepKind::Wait(script) => {
                let limit = Limit::new(self, step.timeout);
                loop {
                    let (code, output) = self.run_script(script, step.timeout)?;
                    if code == 0 {
                        return Ok(());
                    }
                    if limit.is_reached(self) {
                        return Err(SystemError::other(format!(
                            "it still ends with {code}:\n{output}"
                        )));
                    }
                    std::thread::sleep(Duration::from_millis(200));
                }
            }
            StepKind::Reboot => {
                self.send("systemctl reboot")?;
                self.wait_until_up(BOOT_TIMEOUT.max(step.timeout))
            }
            StepKind::Crash => {
                self.cut_power();
                self.start(hub)?;
                self.wait_until_up(BOOT_TIMEOUT.max(step.timeout))
            }
            StepKind::CrashDuring {
                script,
                times,
                within,
                check,
            } => {
                let within = match within {
                    Some(within) => *within,
                    None => self.measure(script, step.timeout)?,
                };
                for round in 0..*times {
                    // Moments spread over the time, the same in every run.
                    let moment = (round * 2_654_435_761 + 12_345) % within.max(1);
                    self.crash_at(script, moment)?;
                    self.start(hub)?;
                    self.wait_until_up(BOOT_TIMEOUT.max(step.timeout))?;
                    let (code, output) = self.run_script(check, step.timeout)?;
                    if code != 0 {
                        return Err(SystemError::other(format!(
                            "after the power was cut {moment} ms into it, the check ended with {code}:\n{output}"
                        )));
                    }
                    (self.run.say)(&format!("  cut at {moment} ms: {}", output.trim()));
                }
                Ok(())
            }
        }
    }

    /// Runs a script to its end; gives the milliseconds of the machine's own time that it took.
    fn measure(&mut self, script: &str, timeout: u64) -> Result<u64, SystemError> {
        let limit = Limit::new(self, timeout);
        let (code, output) = self.run_script(script, timeout)?;
        let own = limit.passed(self).0;
        if code != 0 {
            return Err(SystemError::other(format!(
                "undisturbed, it ended with {code}:\n{output}"
            )));
        }
        (self.run.say)(&format!("  undisturbed, it takes {own:.1} s"));
        Ok((own * 1000.0) as u64)
    }

    /// Cuts the power so many milliseconds of the machine's own time into a script.
    fn crash_at(&mut self, script: &str, moment: u64) -> Result<(), SystemError> {
        self.send(script)?;
        let limit = Limit::new(self, u64::MAX);
        let wall_limit = moment as f64 / 1000.0 * WALL_FACTOR as f64 + 1.0;
        loop {
            let (own, wall) = limit.passed(self);
            if own * 1000.0 >= moment as f64 || wall > wall_limit {
                break;
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        self.cut_power();
        Ok(())
    }

    /// The processor time that the machine has used, in seconds.
    fn own_time(&self) -> f64 {
        let Some(process) = &self.process else {
            return 0.0;
        };
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", process.id()));
        let stat = stat.unwrap_or_default();
        // The second field is a name in parentheses; times are the 14th and 15th, in hundredths.
        let fields = stat.rsplit_once(") ").map_or("", |it| it.1);
        let fields = fields.split(' ').skip(11).take(2);
        fields.filter_map(|it| it.parse::<f64>().ok()).sum::<f64>() / 100.0
    }
}

/// A limit on a machine's own time, and a wider one on the clock of the wall.
struct Limit {
    started: Instant,
    own_started: f64,
    seconds: u64,
}

impl Limit {
    fn new(node: &Node<'_>, seconds: u64) -> Self {
        Self {
            started: Instant::now(),
            own_started: node.own_time(),
            seconds,
        }
    }

    /// Seconds of its own, and on the wall.
    fn passed(&self, node: &Node<'_>) -> (f64, f64) {
        (
            node.own_time() - self.own_started,
            self.started.elapsed().as_secs_f64(),
        )
    }

    fn is_reached(&self, node: &Node<'_>) -> bool {
        let (own, wall) = self.passed(node);
        own > self.seconds as f64 || wall > self.seconds.saturating_mul(WALL_FACTOR) as f64
    }
}

/// Copies a file of mostly nothing without writing the nothing.
fn copy_sparsely(from: &Path, to: &Path) -> Result<(), SystemError> {
    use std::os::unix::fs::FileExt as _;
    const BLOCK: usize = 1 << 16;
    let source = File::open(from).map_err(io_error("opening", from))?;
    let target = File::create(to).map_err(io_error("creating", to))?;
    let length = source.metadata().map_err(io_error("reading", from))?.len();
    target.set_len(length).map_err(io_error("writing", to))?;
    let mut block = vec![0; BLOCK];
    let mut at = 0;
    while at < length {
        let n = source
            .read_at(&mut block, at)
            .map_err(io_error("reading", from))?;
        if n == 0 {
            break;
        }
        if block[..n].iter().any(|&it| it != 0) {
            target
                .write_all_at(&block[..n], at)
                .map_err(io_error("writing", to))?;
        }
        at += n as u64;
    }
    Ok(())
}

/// Makes the loader's file system with the menu of a machine that has one generation.
fn make_esp(
    run: &TestRun<'_>,
    spec: &VmSpec,
    image: &Path,
    staging: &Path,
) -> Result<(), SystemError> {
    let make = |path: &Path| std::fs::create_dir_all(path).map_err(io_error("creating", path));
    make(&staging.join("boot"))?;
    make(&staging.join("nix"))?;
    let toplevel = (run.place)(&spec.toplevel);
    let store = toplevel.as_deref().and_then(Path::parent);
    let store =
        store.ok_or_else(|| SystemError::other("the system is in no store of this host"))?;
    let link = staging.join("nix/store");
    std::os::unix::fs::symlink(store, &link).map_err(io_error("linking", &link))?;
    let generation = Generation {
        number: 1,
        link: PathBuf::new(),
        toplevel: spec.toplevel.clone(),
        created: 0,
        is_current: true,
        version: String::new(),
        kernel: None,
        revision: None,
        message: None,
        specialisations: Vec::new(),
    };
    let machine = Machine::at(staging);
    menu::install(&machine, &spec.toplevel, &[generation], &mut |_| {})?;
    let file = File::create(image).map_err(io_error("creating", image))?;
    file.set_len(ESP_SIZE).map_err(io_error("writing", image))?;
    mtool("mformat", image, &["-F", "-v", "ESP", "::"], &[])?;
    let boot = staging.join("boot");
    let entries = std::fs::read_dir(&boot).map_err(io_error("reading", &boot))?;
    let parts: Vec<_> = entries.filter_map(|it| Some(it.ok()?.path())).collect();
    mtool("mcopy", image, &["-s", "-Q"], &parts)
}

/// Runs one of mtools on an image.
fn mtool(program: &str, image: &Path, args: &[&str], files: &[PathBuf]) -> Result<(), SystemError> {
    let mut command = Command::new(program);
    command.arg("-i").arg(image).args(args).args(files);
    if !files.is_empty() {
        command.arg("::/");
    }
    command.env("MTOOLS_SKIP_CHECK", "1").stdin(Stdio::null());
    let failed = |reason: String| SystemError::Program {
        command: program.to_owned(),
        reason,
    };
    let output = command.output().map_err(|it| {
        failed(format!(
            "could not be started: {it}; the package 'mtools' has it"
        ))
    })?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(failed(format!("failed: {}", said.trim())))
}

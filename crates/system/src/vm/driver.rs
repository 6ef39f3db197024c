//! Runs a test: starts its machines and does its steps.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::hub::Hub;
use super::node::{Limit, Node, WALL_FACTOR};
use super::qemu::Accelerator;
use super::spec::{Step, StepKind, TestSpec};
use crate::error::SystemError;

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
        node.wait_until_up(BOOT_TIMEOUT, &hub)?;
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

impl Node<'_> {
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
                self.wait_until_up(BOOT_TIMEOUT.max(step.timeout), hub)
            }
            StepKind::Crash => {
                self.cut_power();
                self.start(hub)?;
                self.wait_until_up(BOOT_TIMEOUT.max(step.timeout), hub)
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
                    self.wait_until_up(BOOT_TIMEOUT.max(step.timeout), hub)?;
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
}

//! Makes the machine agree with a toplevel.
//!
//! The order is always the same: checks, boot menu, sync, plan; then units are stopped, the
//! activation runs, the service manager re-executes if it changed, forgets failures and reads its
//! units again, so do those of the users; then units are reloaded, restarted, started; last it is
//! said what is new and what failed. Nothing is touched before the boot menu is on disk, so that a
//! machine that dies in between starts as the old system or as the new one.
//!
//! Exit codes: 0 done; 1 not done; 2 the activation failed; 4 units failed; 100 the new system
//! needs a reboot, because its first process is of another kind.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use firn_sys::file_lock::{FileLock, LockKind};

use crate::error::{SystemError, io_error};
use crate::fstab::Fstab;
use crate::lists;
use crate::machine::Machine;
use crate::manager::{ActiveUnit, Job, ServiceManager};
use crate::plan::{Plan, Situation, shown};
use crate::unit_dirs::UnitDirs;
use crate::users;

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Run the checks and stop.
    Check,
    /// Make it the default at boot and activate it.
    Switch,
    /// Make it the default at boot.
    Boot,
    /// Activate it.
    Test,
    /// Say what activating it would do.
    DryActivate,
}

impl Action {
    /// The action of a name.
    pub fn named(name: &str) -> Option<Self> {
        Some(match name {
            "check" => Self::Check,
            "switch" => Self::Switch,
            "boot" => Self::Boot,
            "test" => Self::Test,
            "dry-activate" => Self::DryActivate,
            _ => return None,
        })
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Check => "check",
            Self::Switch => "switch",
            Self::Boot => "boot",
            Self::Test => "test",
            Self::DryActivate => "dry-activate",
        }
    }

    /// Whether it changes what the machine boots.
    pub fn changes_boot(self) -> bool {
        matches!(self, Self::Switch | Self::Boot)
    }
}

/// Ways to switch.
#[derive(Clone, Copy, Debug, Default)]
pub struct SwitchOptions {
    /// Without the checks before.
    pub no_check: bool,
    /// Without writing everything to disk first.
    pub no_sync: bool,
    /// Naming units, too, that are started as a matter of course.
    pub name_all_units: bool,
}

/// One switch.
pub struct Switch<'a> {
    /// The machine.
    pub machine: &'a Machine,
    /// The system that it is to be.
    pub toplevel: &'a Path,
    /// What to do.
    pub action: Action,
    /// In which way.
    pub options: SwitchOptions,
    /// The machine's service manager.
    pub manager: &'a mut dyn ServiceManager,
    /// The program that speaks to service managers.
    pub systemctl: &'a Path,
    /// Writes the boot menu.
    pub install_menu: &'a mut dyn FnMut() -> Result<(), SystemError>,
    /// Tells a person.
    pub say: &'a mut dyn FnMut(&str),
}

/// The exit code where the activation failed.
const ACTIVATION_FAILED: u8 = 2;
/// The exit code where units failed.
const UNITS_FAILED: u8 = 4;
/// The exit code where only a reboot helps.
const REBOOT_NEEDED: u8 = 100;
/// Restarts what is ordered before the system is up.
const SYSINIT_REACTIVATION: &str = "sysinit-reactivation.target";

impl Switch<'_> {
    /// Does it; gives the exit code.
    pub fn run(mut self) -> Result<u8, SystemError> {
        if !self.machine.is_switchable() {
            return Err(SystemError::other(
                "this machine runs neither a system of Firn nor NixOS, so there is nothing to switch",
            ));
        }
        let state = self.machine.switch_state();
        std::fs::create_dir_all(&state).map_err(io_error("creating", &state))?;
        let lock = state.join("switch-to-configuration.lock");
        let lock = FileLock::try_acquire(&lock, LockKind::Exclusive)
            .map_err(io_error("locking", &lock))?;
        let Some(_lock) = lock else {
            return Err(SystemError::other("another switch is running"));
        };
        if !self.options.no_check {
            self.check_inhibitors()?;
        }
        if self.action == Action::Check {
            return Ok(0);
        }
        if self.action.changes_boot() {
            (self.install_menu)()?;
        }
        if !self.options.no_sync && self.action != Action::DryActivate {
            firn_sys::file::sync_everything();
        }
        if self.action == Action::Boot {
            return Ok(0);
        }
        if !self.has_same_first_process() {
            (self.say)(
                "warning: the first process of the new system is not of the kind that runs now; it takes effect with the next boot",
            );
            return Ok(REBOOT_NEEDED);
        }
        self.switch_units()
    }

    fn switch_units(&mut self) -> Result<u8, SystemError> {
        let state = self.machine.switch_state();
        let before = Before::of(self.machine, self.manager)?;
        let new = UnitDirs::of(self.toplevel, "system");
        let situation = Situation {
            old: &before.units,
            new: &new,
            active: &before.active,
            loaded_from: &before.loaded_from,
        };
        let mut plan = lists::read_plan(&state);
        situation.plan(&mut plan)?;
        let read = |path: PathBuf| Fstab::parse(&std::fs::read_to_string(path).unwrap_or_default());
        let swaps = read(self.machine.path("/etc/fstab"))
            .plan_change(&read(self.toplevel.join("etc/fstab")), &mut plan);
        if self.options.name_all_units {
            plan.quiet.clear();
        }
        let reexecutes = self.is_other_manager();
        if self.action == Action::DryActivate {
            return self.rehearse(&situation, plan, &swaps, reexecutes);
        }
        lists::write_plan(&state, &plan)?;
        for device in &swaps {
            (self.say)(&format!("stopping swap device: {device}"));
            self.swap_off(device);
        }
        self.name("stopping the following units", &plan.stopped());
        self.job(
            Job::Stop,
            &plan.stop.iter().map(String::as_str).collect::<Vec<_>>(),
        )?;
        self.name(
            "NOT restarting the following changed units",
            &shown(plan.skip.iter()),
        );

        let mut code = self.activate("activate")?;
        for unit in lists::take(&state, "activation-restart-list")? {
            situation.plan_requested_restart(&unit, &mut plan)?;
        }
        for unit in lists::take(&state, "activation-reload-list")? {
            situation.plan_requested_reload(&unit, &mut plan);
        }
        lists::write_plan(&state, &plan)?;

        if reexecutes {
            (self.say)("restarting systemd...");
            self.manager.reexecute()?;
        }
        self.manager.reset_failed()?;
        self.manager.reload()?;
        let switch = users::UserSwitch {
            old: &before.toplevel,
            new: self.toplevel,
            systemctl: self.systemctl,
        };
        if !switch.run_all(self.machine, self.say) {
            code = UNITS_FAILED;
        }
        if new.locate(SYSINIT_REACTIVATION).is_present() {
            (self.say)(&format!("restarting {SYSINIT_REACTIVATION}"));
            if !self.job(Job::Restart, &[SYSINIT_REACTIVATION])? {
                code = UNITS_FAILED;
            }
        }
        if !self.run_plan(&new, plan)? {
            code = UNITS_FAILED;
        }
        if self.report(&before.active)? {
            code = UNITS_FAILED;
        }
        Ok(code)
    }

    /// Reloads, restarts and starts what is planned; tells whether all went well.
    fn run_plan(&mut self, new: &UnitDirs, mut plan: Plan) -> Result<bool, SystemError> {
        let state = self.machine.switch_state();
        let mut is_well = true;
        if !plan.reload.is_empty() {
            // What was to be reloaded may have stopped with something else; then it is started.
            let active = self.manager.active_units()?;
            let stopped = |it: &&String| !active.get(*it).is_some_and(ActiveUnit::is_running);
            let stopped: Vec<_> = plan.reload.iter().filter(stopped).cloned().collect();
            for unit in stopped {
                plan.reload.remove(&unit);
                let found = new.locate(&unit);
                let starts = found.is_present()
                    && found.read().is_ok_and(|it| {
                        !it.flag("Unit", "RefuseManualStart", false)
                            && !it.flag("Unit", "X-OnlyManualStart", false)
                    });
                if starts {
                    plan.start.insert(unit);
                }
            }
            lists::write_plan(&state, &plan)?;
        }
        let phases = [
            ("reloading", Job::Reload, &plan.reload, lists::RELOAD),
            ("restarting", Job::Restart, &plan.restart, lists::RESTART),
            ("starting", Job::Start, &plan.start, lists::START),
        ];
        for (doing, job, units, list) in phases {
            let named = match job {
                Job::Start => plan.started(),
                _ => shown(units.iter()),
            };
            self.name(&format!("{doing} the following units"), &named);
            let units: Vec<_> = units.iter().map(String::as_str).collect();
            is_well &= self.job(job, &units)?;
            lists::remove(&state, list)?;
        }
        Ok(is_well)
    }

    /// Says what is new and what failed; tells whether anything did.
    fn report(&mut self, before: &BTreeMap<String, ActiveUnit>) -> Result<bool, SystemError> {
        let after = self.manager.active_units()?;
        let (failed, fine): (Vec<_>, Vec<_>) = after.iter().partition(|it| it.1.has_failed());
        let is_new = |name: &&String| !before.contains_key(*name) && !name.ends_with(".scope");
        let new = shown(fine.into_iter().map(|it| it.0).filter(is_new));
        self.name("the following new units were started", &new);
        let failed = shown(failed.into_iter().map(|it| it.0));
        if failed.is_empty() {
            return Ok(false);
        }
        self.name("warning: the following units failed", &failed);
        self.manager.show_status(&failed);
        Ok(true)
    }

    /// Says what would be done.
    fn rehearse(
        &mut self,
        situation: &Situation<'_>,
        mut plan: Plan,
        swaps: &[String],
        reexecutes: bool,
    ) -> Result<u8, SystemError> {
        let state = self.machine.switch_state();
        for device in swaps {
            (self.say)(&format!("would stop swap device: {device}"));
        }
        self.name("would stop the following units", &plan.stopped());
        self.name(
            "would NOT stop the following changed units",
            &shown(plan.skip.iter()),
        );
        (self.say)("would activate the configuration...");
        self.activate("dry-activate")?;
        for unit in lists::take(&state, "dry-activation-restart-list")? {
            situation.plan_requested_restart(&unit, &mut plan)?;
        }
        for unit in lists::take(&state, "dry-activation-reload-list")? {
            situation.plan_requested_reload(&unit, &mut plan);
        }
        if reexecutes {
            (self.say)("would restart systemd");
        }
        self.name(
            "would reload the following units",
            &shown(plan.reload.iter()),
        );
        self.name(
            "would restart the following units",
            &shown(plan.restart.iter()),
        );
        self.name("would start the following units", &plan.started());
        Ok(0)
    }

    fn name(&mut self, what: &str, units: &[&str]) {
        if !units.is_empty() {
            (self.say)(&format!("{what}: {}", units.join(", ")));
        }
    }

    fn job(&mut self, job: Job, units: &[&str]) -> Result<bool, SystemError> {
        if units.is_empty() {
            return Ok(true);
        }
        self.manager.run_job(job, units)
    }

    /// Runs a script of the toplevel; gives the exit code so far.
    fn activate(&mut self, script: &str) -> Result<u8, SystemError> {
        let path = self.toplevel.join(script);
        if !path.exists() {
            return Ok(0);
        }
        if script == "activate" {
            (self.say)("activating the configuration...");
        }
        let status = Command::new(&path)
            .arg(self.toplevel)
            .env("NIXOS_ACTION", self.action.name())
            .stdin(Stdio::null())
            .stdout(std::io::stderr())
            .status()
            .map_err(io_error("running", &path))?;
        if status.success() {
            return Ok(0);
        }
        (self.say)(&format!("the activation script ended with {status}"));
        Ok(ACTIVATION_FAILED)
    }

    fn swap_off(&mut self, device: &str) {
        let status = Command::new("swapoff").arg(device).status();
        if !status.is_ok_and(|it| it.success()) {
            (self.say)(&format!("warning: could not stop swapping to {device}"));
        }
    }

    /// Whether what runs as the first process speaks as the new one would.
    fn has_same_first_process(&self) -> bool {
        let version = |system: &Path| {
            let text = std::fs::read_to_string(system.join("init-interface-version"));
            text.map(|it| it.trim().to_owned()).unwrap_or_default()
        };
        version(&self.machine.current_system()) == version(self.toplevel)
    }

    /// Whether the service manager is another one, or is set up in another way.
    fn is_other_manager(&self) -> bool {
        let running = self.machine.path("/proc/1/exe").canonicalize().ok();
        let new = self.toplevel.join("systemd/lib/systemd/systemd");
        let settings = "etc/systemd/system.conf";
        running != new.canonicalize().ok()
            || std::fs::read(self.machine.path(settings)).ok()
                != std::fs::read(self.toplevel.join(settings)).ok()
    }

    /// Fails if something differs that the configuration says must not change while it runs.
    fn check_inhibitors(&self) -> Result<(), SystemError> {
        if matches!(self.action, Action::Boot | Action::DryActivate) {
            return Ok(());
        }
        let read = |system: &Path| {
            let text = std::fs::read_to_string(system.join("switch-inhibitors")).ok()?;
            serde_json::from_str::<BTreeMap<String, String>>(&text).ok()
        };
        let old = read(&self.machine.current_system()).unwrap_or_default();
        let new = read(self.toplevel).unwrap_or_default();
        let changed: Vec<_> = old
            .iter()
            .filter_map(|(name, old)| {
                let new = new.get(name)?;
                (old != new).then(|| format!("  {name}: {old} -> {new}"))
            })
            .collect();
        if changed.is_empty() {
            return Ok(());
        }
        Err(SystemError::other(format!(
            "critical parts of the system would change while it runs:\n{}\nuse 'boot' and reboot, or set NIXOS_NO_CHECK=1 to switch nevertheless",
            changed.join("\n")
        )))
    }
}

/// The running system as it was before anything was done.
struct Before {
    toplevel: PathBuf,
    units: UnitDirs,
    active: BTreeMap<String, ActiveUnit>,
    loaded_from: Vec<String>,
}

impl Before {
    fn of(machine: &Machine, manager: &mut dyn ServiceManager) -> Result<Self, SystemError> {
        let current = machine.current_system();
        let toplevel = current.canonicalize().unwrap_or(current);
        // What is loaded is what `/etc` had, whether or not it is what the link says.
        let units = UnitDirs::with_etc(&machine.path("/etc"), &toplevel, "system");
        let manager_files = toplevel.join("systemd").canonicalize();
        let mut loaded_from = vec![
            "/etc/systemd/system".to_owned(),
            "/lib/systemd/system".to_owned(),
            "/usr/lib/systemd/system".to_owned(),
        ];
        if let Ok(path) = manager_files {
            loaded_from.push(format!("{}/lib/systemd/system", path.display()));
        }
        Ok(Self {
            units,
            active: manager.active_units()?,
            toplevel,
            loaded_from,
        })
    }
}

#[cfg(test)]
mod tests;

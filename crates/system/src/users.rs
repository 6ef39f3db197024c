//! The units of users who are logged in: each has a service manager of its own.
//!
//! By the time this runs `/etc` is that of the new system; what changed is found by comparing the
//! two systems. What users have in their own directories is not ours.

use std::path::{Path, PathBuf};

use crate::error::SystemError;
use crate::machine::Machine;
use crate::manager::{Job, ServiceManager as _, Systemctl, User};
use crate::plan::{Plan, Situation, shown};
use crate::unit_dirs::UnitDirs;

/// Makes the units of users agree with a new system.
pub(crate) struct UserSwitch<'a> {
    pub(crate) old: &'a Path,
    pub(crate) new: &'a Path,
    pub(crate) systemctl: &'a Path,
}

/// Restarted for every user: what a configuration has them run at a switch.
const ACTIVATION: &str = "nixos-activation.service";

impl UserSwitch<'_> {
    /// For all who have a manager; tells whether all went well.
    pub(crate) fn run_all(&self, machine: &Machine, say: &mut dyn FnMut(&str)) -> bool {
        let mut is_well = true;
        for user in managed_users(machine) {
            say(&format!("reloading user units for {}...", user.name));
            let name = user.name.clone();
            match self.run(user, say) {
                Ok(well) => is_well &= well,
                Err(error) => {
                    say(&format!(
                        "warning: the units of {name} are as they were: {error}"
                    ));
                    is_well = false;
                }
            }
        }
        is_well
    }

    fn run(&self, user: User, say: &mut dyn FnMut(&str)) -> Result<bool, SystemError> {
        let mut manager = Systemctl::of_user(self.systemctl, user);
        let active = manager.active_units()?;
        let new = UnitDirs::of(self.new, "user");
        let situation = Situation {
            old: &UnitDirs::of(self.old, "user"),
            new: &new,
            active: &active,
            loaded_from: &[
                "/etc/systemd/user".to_owned(),
                "/lib/systemd/user".to_owned(),
                "/usr/lib/systemd/user".to_owned(),
            ],
        };
        let mut plan = Plan::default();
        situation.plan(&mut plan)?;
        plan.skip.remove(ACTIVATION);
        if new.locate(ACTIVATION).is_present() {
            plan.restart.insert(ACTIVATION.to_owned());
        }
        let mut is_well = run_job(&mut manager, Job::Stop, &plan.stopped(), say)?;
        manager.reload()?;
        let reload = shown(plan.reload.iter());
        let restart = shown(plan.restart.iter());
        is_well &= run_job(&mut manager, Job::Reload, &reload, say)?;
        is_well &= run_job(&mut manager, Job::Restart, &restart, say)?;
        let start: Vec<_> = plan.start.iter().map(String::as_str).collect();
        if !start.is_empty() {
            is_well &= manager.run_job(Job::Start, &start)?;
        }
        Ok(is_well)
    }
}

fn run_job(
    manager: &mut Systemctl,
    job: Job,
    units: &[&str],
    say: &mut dyn FnMut(&str),
) -> Result<bool, SystemError> {
    if units.is_empty() {
        return Ok(true);
    }
    say(&format!(
        "{} of the following user units: {}",
        job.verb(),
        units.join(", ")
    ));
    manager.run_job(job, units)
}

/// Everyone whose manager listens.
fn managed_users(machine: &Machine) -> Vec<User> {
    let passwd = std::fs::read_to_string(machine.path("/etc/passwd")).unwrap_or_default();
    let users = passwd.lines().filter_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?.to_owned();
        let uid = fields.nth(1)?.parse().ok()?;
        let gid = fields.next()?.parse().ok()?;
        let runtime_dir = PathBuf::from(format!("/run/user/{uid}"));
        let socket = runtime_dir.join("systemd/private");
        machine.path(socket).exists().then_some(User {
            name,
            uid,
            gid,
            runtime_dir,
        })
    });
    users.collect()
}

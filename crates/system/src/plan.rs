//! Which units a switch stops, starts, restarts, reloads or leaves alone.
//!
//! The rules are those that NixOS documents for its modules:
//!
//! - a unit that is gone (or masked) is stopped, unless `X-StopOnRemoval=false`;
//! - an active target is started again, which brings in what it newly wants, and stopped before
//!   that if it says `X-StopOnReconfiguration`;
//! - a unit whose file differs is treated by what [`crate::compare`] finds, its kind, and the
//!   directives `X-ReloadIfChanged`, `X-RestartIfChanged`, `X-StopIfChanged`, `RefuseManualStop`,
//!   `X-OnlyManualStart`, `X-NotSocketActivated`.
//!
//! A unit of the service manager itself is compared by what the configuration adds to it; an upgrade
//! of the manager alone restarts none of them. Units that neither brings (made by generators, by
//! programs, or by users) are not looked at.

use std::collections::{BTreeMap, BTreeSet};

use crate::compare::{Change, change};
use crate::error::SystemError;
use crate::manager::ActiveUnit;
use crate::names::stem;
use crate::unit::Unit;
use crate::unit_dirs::UnitDirs;

/// What is to happen to units.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// Stopped before the activation.
    pub stop: BTreeSet<String>,
    /// Started at the end.
    pub start: BTreeSet<String>,
    /// Restarted after the activation.
    pub restart: BTreeSet<String>,
    /// Reloaded after the activation.
    pub reload: BTreeSet<String>,
    /// Changed, and left as they are.
    pub skip: BTreeSet<String>,
    /// Started as a matter of course, not worth a word.
    pub quiet: BTreeSet<String>,
}

/// Targets that are active by accident after the machine has slept.
const SLEEP_TARGETS: &[&str] = &["hibernate.target", "hybrid-sleep.target", "suspend.target"];

/// Targets that come with their dependents.
const SPECIAL_TARGETS: &[&str] = &[
    "basic.target",
    "graphical.target",
    "multi-user.target",
    "sysinit.target",
];

/// Units that cannot be restarted themselves; slices and paths change as the manager reloads.
fn is_never_restarted(unit: &str) -> bool {
    SPECIAL_TARGETS.contains(&unit) || unit.ends_with(".path") || unit.ends_with(".slice")
}

/// What the rules look at.
pub(crate) struct Situation<'a> {
    /// Units of the running system.
    pub(crate) old: &'a UnitDirs,
    /// Units of the new one.
    pub(crate) new: &'a UnitDirs,
    /// What is loaded now and not inactive.
    pub(crate) active: &'a BTreeMap<String, ActiveUnit>,
    /// Directories that units of the running system are loaded from.
    pub(crate) loaded_from: &'a [String],
}

impl Situation<'_> {
    /// Adds to a plan what all active units need.
    pub(crate) fn plan(&self, plan: &mut Plan) -> Result<(), SystemError> {
        for (name, unit) in self.active {
            let is_ours = self.loaded_from.iter().any(|it| {
                let rest = unit.fragment.strip_prefix(it.as_str());
                rest.is_some_and(|rest| rest.starts_with('/'))
            });
            if is_ours && unit.is_running() {
                self.plan_unit(name, plan)?;
            }
        }
        Ok(())
    }

    fn plan_unit(&self, name: &str, plan: &mut Plan) -> Result<(), SystemError> {
        let (old, new) = (self.old.locate(name), self.new.locate(name));
        if !old.is_present() {
            return Ok(());
        }
        let read = |it: std::io::Result<Unit>| {
            it.map_err(|error| SystemError::other(format!("reading unit '{name}': {error}")))
        };
        let instance_is_gone = self.old.is_instance_only(name)
            && self.new.is_instance_only(name)
            && self.old.has_instance_drop_in(name)
            && !self.new.has_instance_drop_in(name);
        if instance_is_gone || !new.is_present() {
            if read(old.read())?.flag("Unit", "X-StopOnRemoval", true) {
                plan.stop.insert(name.to_owned());
            }
            return Ok(());
        }
        let new_unit = read(new.read())?;
        if name.ends_with(".target") {
            plan_target(name, &new_unit, plan);
            return Ok(());
        }
        let old_unit = if old.is_upstream && new.is_upstream {
            read(old.read_on(&new))?
        } else {
            read(old.read())?
        };
        match change(&old_unit, &new_unit) {
            Change::None => {}
            Change::Reload => {
                if !plan.restart.contains(name) {
                    plan.reload.insert(name.to_owned());
                }
            }
            Change::Restart => self.plan_changed(name, &new_unit, plan, When::Before),
        }
        Ok(())
    }

    /// Adds what the activation asked to be restarted, or started if it does not run.
    pub(crate) fn plan_requested_restart(
        &self,
        name: &str,
        plan: &mut Plan,
    ) -> Result<(), SystemError> {
        if !self.active.contains_key(name) {
            plan.start.insert(name.to_owned());
            return Ok(());
        }
        let unit = self.new.locate(name).read();
        let unit =
            unit.map_err(|error| SystemError::other(format!("reading unit '{name}': {error}")))?;
        self.plan_changed(name, &unit, plan, When::After);
        Ok(())
    }

    /// Adds what the activation asked to be reloaded.
    pub(crate) fn plan_requested_reload(&self, name: &str, plan: &mut Plan) {
        let is_dealt_with = plan.restart.contains(name) || plan.stop.contains(name);
        if self.active.contains_key(name) && !is_dealt_with {
            plan.reload.insert(name.to_owned());
        }
    }

    fn plan_changed(&self, name: &str, new: &Unit, plan: &mut Plan, when: When) {
        if is_never_restarted(name) || name.ends_with(".socket") {
            return;
        }
        let owned = name.to_owned();
        if name.ends_with(".mount") {
            // What the system stands on cannot be unmounted.
            let set = match name {
                "-.mount" | "nix.mount" | "nix-store.mount" => &mut plan.reload,
                _ => &mut plan.restart,
            };
            set.insert(owned);
            return;
        }
        let is_stopped =
            plan.restart.contains(name) || (when == When::Before && plan.stop.contains(name));
        if new.flag("Service", "X-ReloadIfChanged", false) && !is_stopped {
            plan.reload.insert(owned);
            return;
        }
        let is_left_alone = !new.flag("Service", "X-RestartIfChanged", true)
            || new.flag("Unit", "RefuseManualStop", false)
            || new.flag("Unit", "X-OnlyManualStart", false);
        if is_left_alone {
            plan.skip.insert(owned);
            return;
        }
        plan.reload.remove(name);
        // Only services have something to do when they stop.
        let stops = name.ends_with(".service") && new.flag("Service", "X-StopIfChanged", true);
        if !stops {
            plan.restart.insert(owned);
            return;
        }
        let by_socket = self.plan_sockets(name, new, plan, when)
            && !new.flag("Service", "X-NotSocketActivated", false);
        match when {
            When::Before => {
                if !by_socket {
                    plan.start.insert(owned.clone());
                }
                plan.stop.insert(owned);
            }
            When::After => {
                plan.restart.insert(owned);
            }
        }
    }

    /// Stops the sockets of a service along with it and starts them instead of it. Tells whether
    /// there is one that will start the service when it is needed.
    fn plan_sockets(&self, name: &str, new: &Unit, plan: &mut Plan, when: When) -> bool {
        let named = new.values("Service", "Sockets").join(" ");
        let mut sockets: Vec<_> = named.split_whitespace().map(str::to_owned).collect();
        if sockets.is_empty() {
            sockets.push(format!("{}.socket", stem(name)));
        }
        let mut by_socket = false;
        for socket in sockets {
            let remains = self.new.locate(&socket).is_present();
            by_socket |= remains;
            if !self.active.contains_key(&socket) {
                continue;
            }
            match when {
                When::Before => {
                    plan.stop.insert(socket.clone());
                    if remains {
                        plan.start.insert(socket);
                    }
                }
                When::After => {
                    plan.restart.insert(socket);
                }
            }
        }
        by_socket
    }
}

/// When it turns out that a unit changed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum When {
    /// Before the activation, while stopping is still possible.
    Before,
    /// After it: what would have been stopped and started is restarted.
    After,
}

fn plan_target(name: &str, new: &Unit, plan: &mut Plan) {
    let is_passed_over = SLEEP_TARGETS.contains(&name)
        || new.flag("Unit", "RefuseManualStart", false)
        || new.flag("Unit", "X-OnlyManualStart", false);
    if !is_passed_over {
        plan.start.insert(name.to_owned());
        plan.quiet.insert(name.to_owned());
    }
    // What is ordered after a target waits for it only while the target is not active.
    if new.flag("Unit", "X-StopOnReconfiguration", false) {
        plan.stop.insert(name.to_owned());
    }
}

impl Plan {
    /// What is stopped, without what goes without saying.
    pub fn stopped(&self) -> Vec<&str> {
        shown(self.stop.difference(&self.quiet))
    }

    /// What is started, without what goes without saying.
    pub fn started(&self) -> Vec<&str> {
        shown(self.start.difference(&self.quiet))
    }

    /// The plan in one line.
    pub fn summary(&self) -> String {
        let sets = [
            ("stop", shown(self.stop.iter())),
            ("skip", shown(self.skip.iter())),
            ("reload", shown(self.reload.iter())),
            ("restart", shown(self.restart.iter())),
            ("start", shown(self.start.iter())),
        ];
        let parts = sets.iter().filter(|it| !it.1.is_empty());
        parts
            .map(|(verb, units)| format!("{verb} {};", units.join(" ")))
            .collect()
    }
}

/// Names in the order in which they are shown.
pub(crate) fn shown<'a>(units: impl Iterator<Item = &'a String>) -> Vec<&'a str> {
    let mut names: Vec<_> = units.map(String::as_str).collect();
    names.sort_by_key(|it| it.to_lowercase());
    names
}

#[cfg(test)]
mod tests;

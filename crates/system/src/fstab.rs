//! What a change of `/etc/fstab` asks for.
//!
//! New file systems are mounted when the target of local file systems starts. One that is gone is
//! unmounted, other options are a remount, another device is a restart, except below the running
//! system's feet.

use std::collections::BTreeMap;

use crate::names::{escape_path, mount_unit};
use crate::plan::Plan;

/// One line.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Entry {
    device: String,
    kind: String,
    options: String,
}

/// A table of file systems.
#[derive(Clone, Debug, Default)]
pub struct Fstab {
    mounts: BTreeMap<String, Entry>,
    swaps: Vec<String>,
}

impl Fstab {
    /// Reads a table.
    pub fn parse(text: &str) -> Self {
        let mut table = Self::default();
        for line in text.lines() {
            let line = line.trim();
            if line.starts_with('#') {
                continue;
            }
            let mut fields = line.split_whitespace().map(unescape);
            let (Some(device), Some(point), Some(kind)) =
                (fields.next(), fields.next(), fields.next())
            else {
                continue;
            };
            if kind == "swap" {
                table.swaps.push(device);
                continue;
            }
            let options = fields.next().unwrap_or_default();
            let entry = Entry {
                device,
                kind,
                options,
            };
            table.mounts.insert(point, entry);
        }
        table
    }

    /// Plans what turning this table into another takes; gives the swap devices that are gone.
    pub fn plan_change(&self, new: &Self, plan: &mut Plan) -> Vec<String> {
        for (point, old) in &self.mounts {
            let unit = mount_unit(point);
            let Some(new) = new.mounts.get(point) else {
                if old.options.contains("x-systemd.automount") {
                    plan.stop
                        .insert(format!("{}.automount", escape_path(point)));
                } else {
                    plan.stop.insert(unit);
                }
                continue;
            };
            let same_place = old.device == new.device && old.kind == new.kind;
            let same_options = old.options == new.options;
            let set = match (same_place, same_options, point.as_str()) {
                (true, true, _) => continue,
                (false, true, "/" | "/nix") => &mut plan.skip,
                (true, false, _) | (false, false, "/" | "/nix") => &mut plan.reload,
                (false, _, _) => &mut plan.restart,
            };
            set.insert(unit);
        }
        let is_gone = |it: &&String| !new.swaps.contains(it);
        self.swaps.iter().filter(is_gone).cloned().collect()
    }
}

/// Spaces and tabs are written as numbers.
fn unescape(field: &str) -> String {
    field.replace("\\040", " ").replace("\\011", "\t")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes() {
        let check = |old: &str, new: &str, expected: &str| {
            let mut plan = Plan::default();
            let swaps = Fstab::parse(old).plan_change(&Fstab::parse(new), &mut plan);
            let found = format!("{}{}", plan.summary(), swaps.join(" "));
            assert_eq!(found, expected, "{old:?} -> {new:?}");
        };
        check("a /x ext4 rw 0 0", "a /x ext4 rw 0 0", "");
        check("a /x ext4 rw 0 0", "", "stop x.mount;");
        check("", "a /x ext4 rw 0 0", "");
        check(
            "a /x ext4 x-systemd.automount",
            "# nothing",
            "stop x.automount;",
        );
        check("a /x ext4 rw 0 0", "a /x ext4 ro 0 0", "reload x.mount;");
        check("a /x ext4 rw 0 0", "b /x ext4 ro 0 0", "restart x.mount;");
        check("a / ext4 rw 0 0", "b / ext4 rw 0 0", "skip -.mount;");
        check("a / ext4 rw 0 0", "b / ext4 ro 0 0", "reload -.mount;");
        check("/s none swap defaults", "", "/s");
        check("a /x\\040y ext4 rw", "", "stop x\\x20y.mount;");
    }
}

//! What the difference between two versions of a unit asks for.
//!
//! Each key that differs has an effect: none, a reload or a restart; the strongest counts. Keys that
//! a running unit does not notice (descriptions, what happens on failure) have none. Some changes
//! can be taken over by a reload: the triggers that are made for it, the way to reload, the options
//! of a mount. Everything else needs a restart.

use crate::unit::Unit;

/// What a change of a unit asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Change {
    /// Nothing.
    None,
    /// A reload.
    Reload,
    /// A restart.
    Restart,
}

/// Keys of `[Unit]` that a running unit does not notice.
const UNNOTICED: &[&str] = &[
    "AllowIsolate",
    "CollectMode",
    "Description",
    "Documentation",
    "IgnoreOnIsolate",
    "OnFailure",
    "OnFailureJobMode",
    "OnSuccess",
    "RefuseManualStart",
    "RefuseManualStop",
    "SourcePath",
    "StopWhenUnneeded",
];

/// What turning the first version into the second asks for.
pub fn change(old: &Unit, new: &Unit) -> Change {
    let keys_of = |unit: &Unit| {
        let sections = unit.sections().iter();
        let keys = sections
            .flat_map(|(section, keys)| keys.keys().map(move |key| (section.clone(), key.clone())));
        keys.collect::<Vec<_>>()
    };
    let mut keys = keys_of(old);
    keys.extend(keys_of(new));
    let effects = keys
        .iter()
        .map(|(section, key)| effect(section, key, old, new));
    effects.max().unwrap_or(Change::None)
}

fn effect(section: &str, key: &str, old: &Unit, new: &Unit) -> Change {
    let has = |unit: &Unit| {
        let section = unit.sections().get(section);
        section.is_some_and(|it| it.contains_key(key))
    };
    let (had, has) = (has(old), has(new));
    if had && has && old.values(section, key) == new.values(section, key) {
        return Change::None;
    }
    match (section, key) {
        ("Unit", "X-Reload-Triggers") | ("Service", "ExecReload") if has => Change::Reload,
        // Without it there is nothing to reload by, and what runs does not care.
        ("Unit", "X-Reload-Triggers") | ("Service", "ExecReload") => Change::None,
        ("Unit", _) if UNNOTICED.contains(&key) => Change::None,
        ("Mount", "Options") if had && has => Change::Reload,
        _ => Change::Restart,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs() {
        let check = |old: &str, new: &str, expected| {
            let found = change(&Unit::parse(old), &Unit::parse(new));
            assert_eq!(found, expected, "{old:?} -> {new:?}");
        };
        let service = "[Service]\nExecStart=a\n";
        check(service, service, Change::None);
        check(service, "[Service]\nExecStart=b\n", Change::Restart);
        check(service, "[Service]\nExecStart=a\nUser=x\n", Change::Restart);
        check("[Service]\nExecStart=a\nUser=x\n", service, Change::Restart);
        check(
            service,
            "# said\n[Service]\n\nExecStart = a\n",
            Change::None,
        );
        check(
            service,
            "[Unit]\nDescription=d\n[Service]\nExecStart=a\n",
            Change::None,
        );
        check(
            "[Unit]\nDescription=d\nOnFailure=x\n[Service]\nExecStart=a\n",
            service,
            Change::None,
        );
        check(
            service,
            "[Unit]\nAfter=x\n[Service]\nExecStart=a\n",
            Change::Restart,
        );
        check(
            "[Unit]\nX-Reload-Triggers=1\n",
            "[Unit]\nX-Reload-Triggers=2\n",
            Change::Reload,
        );
        check("", "[Unit]\nX-Reload-Triggers=2\n", Change::Reload);
        check("[Unit]\nX-Reload-Triggers=2\n", "", Change::None);
        check(
            "[Unit]\nX-Restart-Triggers=1\n",
            "[Unit]\nX-Restart-Triggers=2\n",
            Change::Restart,
        );
        check(
            "[Unit]\nX-Reload-Triggers=1\n[Service]\nExecStart=a\n",
            "[Unit]\nX-Reload-Triggers=2\n[Service]\nExecStart=b\n",
            Change::Restart,
        );
        check(
            service,
            "[Service]\nExecStart=a\nExecReload=r\n",
            Change::Reload,
        );
        check(
            "[Service]\nExecStart=a\nExecReload=r\n",
            service,
            Change::None,
        );
        check(
            "[Mount]\nWhat=a\nOptions=ro\n",
            "[Mount]\nWhat=a\nOptions=rw\n",
            Change::Reload,
        );
        check(
            "[Mount]\nWhat=a\n",
            "[Mount]\nWhat=a\nOptions=rw\n",
            Change::Restart,
        );
        check("[Mount]\nWhat=a\n", "[Mount]\nWhat=b\n", Change::Restart);
        check(
            "[Service]\nEnvironment=A=1\nEnvironment=B=2\n",
            "[Service]\nEnvironment=B=2\nEnvironment=A=1\n",
            Change::Restart,
        );
        check(
            "[Install]\nWantedBy=a\n",
            "[Install]\nWantedBy=b\n",
            Change::None,
        );
        check("[Timer]\nOnCalendar=a\n", "", Change::Restart);
    }
}

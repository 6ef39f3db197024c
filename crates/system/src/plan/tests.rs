//! The rules as a table: a unit before and after, what runs, and what is planned.

use std::path::Path;

use super::*;

/// Writes files below a directory; `file -> /dev/null` masks one.
fn write_units(root: &Path, files: &[(&str, &str)]) {
    for (name, text) in files {
        let file = root.join("etc/systemd/system").join(name);
        std::fs::create_dir_all(file.parent().expect("it has one")).expect("made");
        if *text == "/dev/null" {
            std::os::unix::fs::symlink("/dev/null", file).expect("linked");
        } else {
            std::fs::write(file, text).expect("written");
        }
    }
}

fn planned(old: &[(&str, &str)], new: &[(&str, &str)], active: &[&str]) -> Plan {
    let directory = tempfile::tempdir().expect("made");
    let [before, after] = ["old", "new"].map(|it| directory.path().join(it));
    write_units(&before, old);
    write_units(&after, new);
    let active: BTreeMap<_, _> = active
        .iter()
        .map(|&name| {
            let unit = ActiveUnit {
                state: "active".to_owned(),
                fragment: format!("/etc/systemd/system/{name}"),
                ..ActiveUnit::default()
            };
            (name.to_owned(), unit)
        })
        .collect();
    let situation = Situation {
        old: &UnitDirs::of(&before, "system"),
        new: &UnitDirs::of(&after, "system"),
        active: &active,
        loaded_from: &["/etc/systemd/system".to_owned()],
    };
    let mut plan = Plan::default();
    situation.plan(&mut plan).expect("planned");
    plan
}

/// One unit `x`, active, before and after.
fn check(kind: &str, old: &str, new: &str, expected: &str) {
    let name = format!("x.{kind}");
    let new: Vec<_> = match new {
        "" => Vec::new(),
        text => vec![(name.as_str(), text)],
    };
    let plan = planned(&[(&name, old)], &new, &[&name]);
    assert_eq!(plan.summary(), expected, "{kind}: {old:?} -> {new:?}");
}

const A: &str = "[Service]\nExecStart=a\n";

#[test]
fn pairs_of_one_unit() {
    check("service", A, A, "");
    check("service", A, "", "stop x.service;");
    check("service", A, "/dev/null", "stop x.service;");
    let stays = "[Unit]\nX-StopOnRemoval=false\n";
    check("service", stays, "", "");
    let changed = |more: &str| format!("[Service]\nExecStart=b\n{more}");
    let check_changed = |more: &str, expected: &str| check("service", A, &changed(more), expected);
    check_changed("", "stop x.service;start x.service;");
    check_changed("X-StopIfChanged=false\n", "restart x.service;");
    check_changed("X-RestartIfChanged=false\n", "skip x.service;");
    check_changed("X-ReloadIfChanged=true\n", "reload x.service;");
    check_changed("[Unit]\nRefuseManualStop=yes\n", "skip x.service;");
    check_changed("[Unit]\nX-OnlyManualStart=yes\n", "skip x.service;");
    check(
        "service",
        A,
        "[Unit]\nX-Reload-Triggers=1\n[Service]\nExecStart=a\n",
        "reload x.service;",
    );
    check(
        "timer",
        "[Timer]\nOnCalendar=a\n",
        "[Timer]\nOnCalendar=b\n",
        "restart x.timer;",
    );
    check(
        "path",
        "[Path]\nPathExists=a\n",
        "[Path]\nPathExists=b\n",
        "",
    );
    check(
        "slice",
        "[Slice]\nCPUWeight=1\n",
        "[Slice]\nCPUWeight=2\n",
        "",
    );
    check(
        "socket",
        "[Socket]\nListenStream=1\n",
        "[Socket]\nListenStream=2\n",
        "",
    );
    check(
        "mount",
        "[Mount]\nWhat=a\n",
        "[Mount]\nWhat=b\n",
        "restart x.mount;",
    );
    check(
        "mount",
        "[Mount]\nOptions=ro\n",
        "[Mount]\nOptions=rw\n",
        "reload x.mount;",
    );
    check("target", "[Unit]\n", "[Unit]\n", "start x.target;");
    check("target", "[Unit]\n", "[Unit]\nX-OnlyManualStart=yes\n", "");
    check("target", "[Unit]\n", "[Unit]\nRefuseManualStart=yes\n", "");
    check(
        "target",
        "[Unit]\n",
        "[Unit]\nX-StopOnReconfiguration=yes\n",
        "stop x.target;start x.target;",
    );
}

#[test]
fn the_root_is_not_unmounted() {
    let plan = planned(
        &[("-.mount", "[Mount]\nWhat=a\n")],
        &[("-.mount", "[Mount]\nWhat=b\n")],
        &["-.mount"],
    );
    assert_eq!(plan.summary(), "reload -.mount;");
}

#[test]
fn sockets_stand_in_for_their_services() {
    let socket = ("x.socket", "[Socket]\nListenStream=1\n");
    let old = [("x.service", A), socket];
    let changed = "[Service]\nExecStart=b\n";
    let check = |new: &[(&str, &str)], active: &[&str], expected: &str| {
        assert_eq!(planned(&old, new, active).summary(), expected);
    };
    check(
        &[("x.service", changed), socket],
        &["x.service", "x.socket"],
        "stop x.service x.socket;start x.socket;",
    );
    // The socket goes: the service is started by itself.
    check(
        &[("x.service", changed)],
        &["x.service", "x.socket"],
        "stop x.service x.socket;start x.service;",
    );
    // The socket is not active: it is, once the switch is done.
    check(
        &[("x.service", changed), socket],
        &["x.service"],
        "stop x.service;",
    );
    check(
        &[
            (
                "x.service",
                "[Service]\nExecStart=b\nX-NotSocketActivated=yes\n",
            ),
            socket,
        ],
        &["x.service", "x.socket"],
        "stop x.service x.socket;start x.service x.socket;",
    );
    check(
        &[
            ("x.service", "[Service]\nExecStart=b\nX-StopIfChanged=no\n"),
            socket,
        ],
        &["x.service", "x.socket"],
        "restart x.service;",
    );
}

#[test]
fn instances_follow_their_template() {
    let template = ("x@.service", A);
    let plan = planned(
        &[template],
        &[("x@.service", "[Service]\nExecStart=b\n")],
        &["x@1.service"],
    );
    assert_eq!(plan.summary(), "stop x@1.service;start x@1.service;");
    let drop_in = ("x@1.service.d/overrides.conf", "[Service]\nUser=u\n");
    let plan = planned(
        &[template, drop_in],
        &[template],
        &["x@1.service", "x@2.service"],
    );
    assert_eq!(plan.summary(), "stop x@1.service;");
    let plan = planned(&[template], &[], &["x@1.service"]);
    assert_eq!(plan.summary(), "stop x@1.service;");
}

#[test]
fn units_of_others_are_left_alone() {
    let active = ActiveUnit {
        state: "active".to_owned(),
        fragment: "/run/systemd/generator/x.service".to_owned(),
        ..ActiveUnit::default()
    };
    let directory = tempfile::tempdir().expect("made");
    let [before, after] = ["old", "new"].map(|it| directory.path().join(it));
    write_units(&before, &[("x.service", A)]);
    let situation = Situation {
        old: &UnitDirs::of(&before, "system"),
        new: &UnitDirs::of(&after, "system"),
        active: &BTreeMap::from([("x.service".to_owned(), active)]),
        loaded_from: &["/etc/systemd/system".to_owned()],
    };
    let mut plan = Plan::default();
    situation.plan(&mut plan).expect("planned");
    assert_eq!(plan.summary(), "");
}

#[test]
fn an_upgrade_of_the_manager_restarts_none_of_its_units() {
    let directory = tempfile::tempdir().expect("made");
    let [before, after] = ["old", "new"].map(|it| directory.path().join(it));
    for (root, program) in [(&before, "a"), (&after, "b")] {
        let upstream = root.join("systemd/lib/systemd/system");
        std::fs::create_dir_all(&upstream).expect("made");
        for name in ["x.service", "y.service"] {
            let text = format!("[Service]\nExecStart={program}\n");
            std::fs::write(upstream.join(name), text).expect("written");
        }
    }
    write_units(
        &after,
        &[("y.service.d/overrides.conf", "[Service]\nUser=u\n")],
    );
    let active = ["x.service", "y.service"].map(|name| {
        let unit = ActiveUnit {
            state: "active".to_owned(),
            fragment: format!("/lib/systemd/system/{name}"),
            ..ActiveUnit::default()
        };
        (name.to_owned(), unit)
    });
    let situation = Situation {
        old: &UnitDirs::of(&before, "system"),
        new: &UnitDirs::of(&after, "system"),
        active: &active.into(),
        loaded_from: &["/lib/systemd/system".to_owned()],
    };
    let mut plan = Plan::default();
    situation.plan(&mut plan).expect("planned");
    assert_eq!(plan.summary(), "stop y.service;start y.service;");
}

#[test]
fn what_the_activation_asks_for() {
    let directory = tempfile::tempdir().expect("made");
    let root = directory.path().to_owned();
    write_units(
        &root,
        &[
            ("x.service", A),
            ("y.service", A),
            ("y.socket", "[Socket]\n"),
        ],
    );
    let dirs = UnitDirs::of(&root, "system");
    let unit = || ActiveUnit {
        state: "active".to_owned(),
        ..ActiveUnit::default()
    };
    let names = ["x.service", "y.service", "y.socket"];
    let situation = Situation {
        old: &dirs,
        new: &dirs,
        active: &names.map(|it| (it.to_owned(), unit())).into(),
        loaded_from: &[],
    };
    let mut plan = Plan::default();
    for name in ["x.service", "y.service", "z.service"] {
        situation
            .plan_requested_restart(name, &mut plan)
            .expect("planned");
    }
    situation.plan_requested_reload("x.service", &mut plan);
    assert_eq!(
        plan.summary(),
        "restart x.service y.service y.socket;start z.service;"
    );
}

//! Whole switches of a machine in a directory, with a service manager that takes notes.

use super::*;

/// A manager that writes down what it is asked.
struct Notes {
    units: BTreeMap<String, ActiveUnit>,
    log: Vec<String>,
    failing: Option<&'static str>,
    stop_after: Option<usize>,
}

impl Notes {
    fn note(&mut self, text: String) -> Result<(), SystemError> {
        if self.stop_after.is_some_and(|it| self.log.len() >= it) {
            return Err(SystemError::other("interrupted"));
        }
        self.log.push(text);
        Ok(())
    }
}

impl ServiceManager for Notes {
    fn active_units(&mut self) -> Result<BTreeMap<String, ActiveUnit>, SystemError> {
        Ok(self.units.clone())
    }

    fn run_job(&mut self, job: Job, units: &[&str]) -> Result<bool, SystemError> {
        self.note(format!("{} {}", job.verb(), units.join(" ")))?;
        Ok(!self.failing.is_some_and(|it| units.contains(&it)))
    }

    fn reexecute(&mut self) -> Result<(), SystemError> {
        self.note("daemon-reexec".to_owned())
    }

    fn reload(&mut self) -> Result<(), SystemError> {
        self.note("daemon-reload".to_owned())
    }

    fn reset_failed(&mut self) -> Result<(), SystemError> {
        self.note("reset-failed".to_owned())
    }

    fn show_status(&mut self, _: &[&str]) {}
}

/// A machine in a directory, and a system to switch it to.
struct Stage {
    directory: tempfile::TempDir,
    notes: Notes,
    said: Vec<String>,
    menu_fails: bool,
    wrote_menu: bool,
}

impl Stage {
    /// A machine that runs these units, and a system with those.
    fn new(old: &[(&str, &str)], new: &[(&str, &str)]) -> Self {
        let directory = tempfile::tempdir().expect("made");
        let path = directory.path();
        let write = |file: &str, text: &str| {
            let file = path.join(file);
            std::fs::create_dir_all(file.parent().expect("it has one")).expect("made");
            std::fs::write(file, text).expect("written");
        };
        write("machine/etc/os-release", "ID=firn\n");
        write("machine/run/nixos/.keep", "");
        write("new/etc/fstab", "");
        let mut units = BTreeMap::new();
        for (name, text) in old {
            write(&format!("machine/etc/systemd/system/{name}"), text);
            let unit = ActiveUnit {
                state: "active".to_owned(),
                fragment: format!("/etc/systemd/system/{name}"),
                ..ActiveUnit::default()
            };
            units.insert((*name).to_owned(), unit);
        }
        for (name, text) in new {
            write(&format!("new/etc/systemd/system/{name}"), text);
        }
        let notes = Notes {
            units,
            log: Vec::new(),
            failing: None,
            stop_after: None,
        };
        Self {
            directory,
            notes,
            said: Vec::new(),
            menu_fails: false,
            wrote_menu: false,
        }
    }

    fn write(&self, file: &str, text: &str) {
        std::fs::write(self.directory.path().join(file), text).expect("written");
    }

    fn script(&self, name: &str, text: &str) {
        use std::os::unix::fs::PermissionsExt as _;
        self.write(&format!("new/{name}"), &format!("#!/bin/sh\n{text}\n"));
        let path = self.directory.path().join("new").join(name);
        let mode = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(path, mode).expect("made executable");
    }

    fn run(&mut self, action: Action) -> Result<u8, SystemError> {
        let machine = Machine::at(self.directory.path().join("machine"));
        let toplevel = self.directory.path().join("new");
        let (menu_fails, wrote_menu) = (self.menu_fails, &mut self.wrote_menu);
        let said = &mut self.said;
        Switch {
            machine: &machine,
            toplevel: &toplevel,
            action,
            options: SwitchOptions {
                no_sync: true,
                ..SwitchOptions::default()
            },
            manager: &mut self.notes,
            systemctl: Path::new("/no/systemctl"),
            install_menu: &mut || {
                *wrote_menu = true;
                if menu_fails {
                    return Err(SystemError::other("no space"));
                }
                Ok(())
            },
            say: &mut |text| said.push(text.to_owned()),
        }
        .run()
    }
}

const A: &str = "[Service]\nExecStart=a\n";
const B: &str = "[Service]\nExecStart=b\n";
const B_RESTARTS: &str = "[Service]\nExecStart=b\nX-StopIfChanged=false\n";
const B_RELOADS: &str = "[Service]\nExecStart=b\nX-ReloadIfChanged=true\n";

fn everything() -> Stage {
    Stage::new(
        &[
            ("gone.service", A),
            ("p.service", A),
            ("q.service", A),
            ("r.service", A),
            ("t.target", ""),
        ],
        &[
            ("p.service", B),
            ("q.service", B_RESTARTS),
            ("r.service", B_RELOADS),
            ("t.target", ""),
        ],
    )
}

#[test]
fn the_order_is_always_the_same() {
    let mut stage = everything();
    stage.script("activate", "test \"$NIXOS_ACTION\" = switch");
    assert_eq!(stage.run(Action::Switch).expect("switched"), 0);
    assert!(stage.wrote_menu);
    assert_eq!(
        stage.notes.log,
        [
            "stop gone.service p.service",
            "reset-failed",
            "daemon-reload",
            "reload r.service",
            "restart q.service",
            "start p.service t.target",
        ]
    );
    assert_eq!(
        stage.said,
        [
            "stopping the following units: gone.service, p.service",
            "activating the configuration...",
            "reloading the following units: r.service",
            "restarting the following units: q.service",
            "starting the following units: p.service",
        ]
    );
}

#[test]
fn a_rehearsal_touches_nothing() {
    let mut stage = everything();
    stage.script("activate", "exit 1");
    stage.script(
        "dry-activate",
        &format!(
            "echo s.service > {}/machine/run/nixos/dry-activation-restart-list",
            stage.directory.path().display()
        ),
    );
    assert_eq!(stage.run(Action::DryActivate).expect("rehearsed"), 0);
    assert!(stage.notes.log.is_empty() && !stage.wrote_menu);
    assert_eq!(
        stage.said,
        [
            "would stop the following units: gone.service, p.service",
            "would activate the configuration...",
            "would reload the following units: r.service",
            "would restart the following units: q.service",
            "would start the following units: p.service, s.service",
        ]
    );
}

#[test]
fn boot_only_writes_the_menu() {
    let mut stage = everything();
    assert_eq!(stage.run(Action::Boot).expect("done"), 0);
    assert!(stage.wrote_menu && stage.notes.log.is_empty());
    let mut stage = everything();
    assert_eq!(stage.run(Action::Test).expect("done"), 0);
    assert!(!stage.wrote_menu && !stage.notes.log.is_empty());
}

#[test]
fn a_menu_that_cannot_be_written_stops_it() {
    let mut stage = everything();
    stage.menu_fails = true;
    assert!(stage.run(Action::Switch).is_err());
    assert!(stage.notes.log.is_empty());
}

#[test]
fn exit_codes() {
    let mut stage = everything();
    stage.script("activate", "exit 7");
    assert_eq!(stage.run(Action::Test).expect("done"), 2);
    let mut stage = everything();
    stage.notes.failing = Some("q.service");
    assert_eq!(stage.run(Action::Test).expect("done"), 4);
    let mut stage = everything();
    stage.write("new/init-interface-version", "other 1");
    assert_eq!(stage.run(Action::Switch).expect("done"), 100);
    assert!(stage.notes.log.is_empty());
    let mut stage = everything();
    stage.write("machine/etc/os-release", "ID=debian\n");
    assert!(stage.run(Action::Test).is_err());
}

#[test]
fn failed_units_are_told() {
    let mut stage = Stage::new(&[("x.service", A)], &[("x.service", A)]);
    let unit = stage.notes.units.get_mut("x.service").expect("there");
    unit.state = "failed".to_owned();
    assert_eq!(stage.run(Action::Test).expect("done"), 4);
    assert!(
        stage
            .said
            .contains(&"warning: the following units failed: x.service".to_owned())
    );
}

#[test]
fn an_interrupted_switch_is_taken_up() {
    // After each step, the next switch finds `/etc` changed already and nevertheless does the rest.
    for steps in 1..6 {
        let mut stage = everything();
        stage.notes.stop_after = Some(steps);
        assert!(stage.run(Action::Test).is_err(), "after {steps}");
        let root = stage.directory.path().to_owned();
        for name in ["p", "q", "r"] {
            let unit = format!("etc/systemd/system/{name}.service");
            std::fs::copy(
                root.join("new").join(&unit),
                root.join("machine").join(&unit),
            )
            .expect("copied");
        }
        let done = std::mem::take(&mut stage.notes.log);
        stage.notes.stop_after = None;
        assert_eq!(stage.run(Action::Test).expect("switched"), 0);
        for job in ["reload r.service", "restart q.service"] {
            let times = [&done, &stage.notes.log].map(|it| it.iter().any(|it| it == job));
            assert!(times.contains(&true), "{job} after {steps}");
        }
        let starts = |it: &String| it.starts_with("start p.service");
        assert!(stage.notes.log.iter().any(starts), "after {steps}");
    }
}

#[test]
fn what_must_not_change_while_it_runs() {
    let mut stage = everything();
    let current = stage.directory.path().join("machine/run/current-system");
    std::fs::create_dir_all(&current).expect("made");
    std::fs::write(current.join("switch-inhibitors"), "{\"kernel\": \"1\"}").expect("written");
    stage.write("new/switch-inhibitors", "{\"kernel\": \"2\"}");
    let error = stage.run(Action::Test).expect_err("inhibited").to_string();
    assert!(error.contains("kernel: 1 -> 2"), "{error}");
    assert_eq!(stage.run(Action::Boot).expect("done"), 0);
}

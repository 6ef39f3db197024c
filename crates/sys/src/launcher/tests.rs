//! Real launches: as root they exercise the privileged way, as an ordinary user the other one.

use std::io::Read as _;
use std::os::fd::AsFd as _;
use std::os::unix::process::ExitStatusExt as _;
use std::process::ExitStatus;

use super::*;
use crate::pseudo_terminal::{PseudoTerminal, read_some};
use crate::support;

pub(super) struct Ran {
    pub(super) output: String,
    pub(super) failure: String,
    status: ExitStatus,
}

pub(super) fn run(spec: LaunchSpec) -> Ran {
    let mut launcher = Launcher::start(&StartMethod::Fork).expect("a launcher");
    let terminal = PseudoTerminal::open(None).expect("a terminal");
    let (errors, errors_in) =
        rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC).expect("a pipe");
    let id = launcher
        .launch(spec, terminal.writer.as_fd(), errors_in.as_fd())
        .expect("asked");
    drop((terminal.writer, errors_in));
    let mut failure = String::new();
    std::fs::File::from(errors)
        .read_to_string(&mut failure)
        .expect("readable");
    let mut output = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        match read_some(&terminal.reader, &mut buffer).expect("readable") {
            0 => break,
            n => output.extend_from_slice(&buffer[..n]),
        }
    }
    let exit = next_exit(&launcher);
    assert_eq!(exit.id, id);
    Ran {
        output: String::from_utf8_lossy(&output).into_owned(),
        failure,
        status: exit.status,
    }
}

fn next_exit(launcher: &Launcher) -> Exit {
    match launcher.next_event().expect("readable") {
        Some(Event::Exited(exit)) => exit,
        other => panic!("no exit: {other:?}"),
    }
}

fn shell(script: &str) -> LaunchSpec {
    LaunchSpec {
        program: b"/bin/sh".to_vec(),
        args: [&b"sh"[..], b"-c", script.as_bytes()]
            .map(<[u8]>::to_vec)
            .to_vec(),
        env: vec![(b"PATH".to_vec(), b"/usr/bin:/bin:/usr/sbin:/sbin".to_vec())],
        directory: b"/".to_vec(),
        filter_syscalls: true,
        ..LaunchSpec::default()
    }
}

/// A sandbox that contains the host's programs and nothing else of it.
pub(super) fn sandboxed(script: &str, root: &std::path::Path) -> LaunchSpec {
    use std::os::unix::ffi::OsStrExt as _;
    let mut entries: Vec<Entry> = ["/usr", "/bin", "/lib", "/lib64", "/sbin"]
        .into_iter()
        .map(|path| Entry::Bind {
            path: path.into(),
            source: path.into(),
            access: Access::ReadOnly,
            optional: true,
        })
        .collect();
    entries.push(Entry::Proc {
        path: b"/proc".to_vec(),
    });
    entries.push(Entry::Bind {
        path: b"/dev/null".to_vec(),
        source: b"/dev/null".to_vec(),
        access: Access::Device,
        optional: false,
    });
    entries.push(Entry::Tmpfs {
        path: b"/tmp".to_vec(),
        options: b"mode=1777".to_vec(),
    });
    LaunchSpec {
        sandbox: Some(SandboxSpec {
            root: root.as_os_str().as_bytes().to_vec(),
            entries,
            private_network: true,
            identity: Some(Identity {
                uid: 1000,
                gid: 100,
                count: 1,
            }),
            writable_root: false,
        }),
        user: support::is_privileged().then_some(User {
            uid: 872_415_232,
            gid: 872_415_232,
            groups: Vec::new(),
        }),
        ..shell(script)
    }
}

#[test]
fn a_plain_program_runs_and_its_end_is_told() {
    let ran = run(shell("echo out; echo err >&2; exit 7"));
    assert_eq!((&*ran.output, &*ran.failure), ("out\nerr\n", ""));
    assert_eq!(ran.status.code(), Some(7));
    let ran = run(shell("kill -ABRT $$"));
    assert_eq!(ran.status.signal(), Some(6));
}

#[test]
fn a_program_that_is_not_there_is_named() {
    let ran = run(LaunchSpec {
        program: b"/nowhere/sh".to_vec(),
        ..shell("")
    });
    assert_eq!(
        ran.failure,
        "executing '/nowhere/sh': No such file or directory (os error 2)"
    );
    assert_eq!(ran.status.code(), Some(1));
}

#[test]
fn what_an_unconfined_program_leaves_behind_is_killed() {
    let dir = tempfile::tempdir().expect("a directory");
    let file = dir.path().join("pid");
    // A child in its own session, orphaned, that ignores what it can.
    let script = format!(
        "setsid sh -c 'trap \"\" TERM HUP; echo $$ > {0}.new; mv {0}.new {0}; exec sleep 1000' \
         </dev/null >/dev/null 2>&1 & \
         while ! test -e {0}; do sleep 0.01; done",
        file.display()
    );
    let ran = run(shell(&script));
    assert_eq!(ran.status.code(), Some(0), "{}", ran.output);
    let pid = std::fs::read_to_string(&file).expect("written");
    assert!(!std::path::Path::new(&format!("/proc/{}", pid.trim())).exists());
}

#[test]
fn a_sandbox_is_a_world_of_its_own() {
    assert!(support::has_sandbox(), "this machine must allow sandboxes");
    let root = tempfile::tempdir().expect("a directory");
    let ran = run(sandboxed(
        "id -u; id -g; uname -n; ls / | tr '\\n' ' '; echo; echo $$; \
         cat /proc/net/dev | grep -c :; touch /x || echo read-only; touch /tmp/x && echo tmp",
        root.path(),
    ));
    let lines: Vec<&str> = ran.output.lines().collect();
    assert_eq!(ran.failure, "");
    assert_eq!(&lines[..3], ["1000", "100", "localhost"], "{lines:?}");
    assert!(!lines[3].contains("home") && !lines[3].contains("etc"));
    assert_eq!(&lines[4..6], ["1", "1"], "{lines:?}");
    assert!(
        lines.contains(&"read-only") && lines.contains(&"tmp"),
        "{lines:?}"
    );
    assert!(ran.status.success());
}

#[test]
fn a_part_of_the_host_can_be_shown_later() {
    let root = tempfile::tempdir().expect("a directory");
    let host = tempfile::tempdir().expect("a directory");
    let (source, store) = (host.path().join("source"), host.path().join("store"));
    std::fs::create_dir(&source).expect("made");
    std::fs::create_dir_all(store.join("new")).expect("made");
    std::fs::write(source.join("file"), "shown").expect("written");
    let bytes = |path: &std::path::Path| {
        use std::os::unix::ffi::OsStrExt as _;
        path.as_os_str().as_bytes().to_vec()
    };
    let script = "echo ready; while ! test -e /store/new/file; do sleep 0.01; done; \
                  cat /store/new/file; touch /store/new/other || echo read-only";
    let mut spec = sandboxed(script, root.path());
    if let Some(sandbox) = &mut spec.sandbox {
        sandbox.entries.push(Entry::Bind {
            path: b"/store".to_vec(),
            source: bytes(&store),
            access: Access::Writable,
            optional: false,
        });
    }
    let mut launcher = Launcher::start(&StartMethod::Fork).expect("a launcher");
    let terminal = PseudoTerminal::open(None).expect("a terminal");
    let errors = std::fs::File::create("/dev/null").expect("there");
    let id = launcher
        .launch(spec, terminal.writer.as_fd(), errors.as_fd())
        .expect("asked");
    drop(terminal.writer);
    let mut output = Vec::new();
    let mut buffer = [0; 4096];
    let mut read = |output: &mut Vec<u8>| {
        let n = read_some(&terminal.reader, &mut buffer).expect("readable");
        output.extend_from_slice(&buffer[..n]);
        n
    };
    while !output.ends_with(b"ready\n") {
        assert_ne!(read(&mut output), 0, "it waits");
    }
    let shown = launcher.show(id, 7, &bytes(&source), b"/store/new");
    shown.expect("asked");
    match launcher.next_event().expect("readable") {
        Some(Event::Shown {
            token: 7,
            error: None,
        }) => {}
        other => panic!("not shown: {other:?}"),
    }
    while read(&mut output) != 0 {}
    let output = String::from_utf8_lossy(&output);
    assert!(output.contains("shown"), "{output}");
    assert!(output.contains("read-only"), "{output}");
    assert!(!source.join("other").exists());
    assert!(next_exit(&launcher).status.success());
}

#[test]
fn a_sandbox_gives_no_way_to_gain_rights() {
    let root = tempfile::tempdir().expect("a directory");
    let ran = run(sandboxed(
        "cp /bin/sh /tmp/sh; chmod 4755 /tmp/sh 2>/dev/null || echo no setuid; \
         mount -t tmpfs none /tmp 2>/dev/null || echo no mount; \
         mknod /tmp/n c 1 3 2>/dev/null || echo no device; \
         chroot / true 2>/dev/null || echo no chroot; \
         grep NoNewPrivs /proc/self/status; grep CapEff /proc/self/status",
        root.path(),
    ));
    let output = ran.output.replace('\t', " ");
    for expected in [
        "no setuid",
        "no mount",
        "no device",
        "no chroot",
        "NoNewPrivs: 1",
        "CapEff: 0000000000000000",
    ] {
        assert!(
            output.contains(expected),
            "{expected}: {output}{}",
            ran.failure
        );
    }
}

#[test]
fn killing_ends_everything() {
    let root = tempfile::tempdir().expect("a directory");
    let loops = "while :; do sleep 1000 & sleep 0.01; done";
    for spec in [shell(loops), sandboxed(loops, root.path())] {
        let mut launcher = Launcher::start(&StartMethod::Fork).expect("a launcher");
        let terminal = PseudoTerminal::open(None).expect("a terminal");
        let errors = std::fs::File::create("/dev/null").expect("there");
        let id = launcher
            .launch(spec, terminal.writer.as_fd(), errors.as_fd())
            .expect("asked");
        drop(terminal.writer);
        std::thread::sleep(std::time::Duration::from_millis(100));
        launcher.kill(id).expect("asked");
        let exit = next_exit(&launcher);
        assert_eq!(exit.status.signal(), Some(9));
        // Everything that held the terminal is gone.
        let mut buffer = [0; 64];
        assert_eq!(
            read_some(&terminal.reader, &mut buffer).expect("readable"),
            0
        );
    }
}

#[test]
fn nothing_outlives_the_client() {
    let root = tempfile::tempdir().expect("a directory");
    let endless = "while :; do sleep 1000 & sleep 0.01; done";
    for spec in [shell(endless), sandboxed(endless, root.path())] {
        let mut launcher = Launcher::start(&StartMethod::Fork).expect("a launcher");
        let terminal = PseudoTerminal::open(None).expect("a terminal");
        let errors = std::fs::File::create("/dev/null").expect("there");
        launcher
            .launch(spec, terminal.writer.as_fd(), errors.as_fd())
            .expect("asked");
        drop(terminal.writer);
        std::thread::sleep(std::time::Duration::from_millis(100));
        // What the launcher sees when its client is killed.
        drop(launcher);
        let mut buffer = [0; 64];
        assert_eq!(
            read_some(&terminal.reader, &mut buffer).expect("readable"),
            0
        );
    }
}

#[test]
fn a_launcher_that_is_killed_takes_everything_along() {
    let root = tempfile::tempdir().expect("a directory");
    let endless = "trap '' TERM; while :; do sleep 1000 & sleep 0.01; done";
    for spec in [shell(endless), sandboxed(endless, root.path())] {
        let mut launcher = Launcher::start(&StartMethod::Fork).expect("a launcher");
        let terminal = PseudoTerminal::open(None).expect("a terminal");
        let errors = std::fs::File::create("/dev/null").expect("there");
        launcher
            .launch(spec, terminal.writer.as_fd(), errors.as_fd())
            .expect("asked");
        drop(terminal.writer);
        std::thread::sleep(std::time::Duration::from_millis(100));
        let Process::Forked(pid) = launcher.process else {
            panic!("it was forked");
        };
        rustix::process::kill_process(pid, rustix::process::Signal::KILL).expect("ours");
        // The terminal ends when the last process that holds it is gone.
        let mut buffer = [0; 64];
        assert_eq!(
            read_some(&terminal.reader, &mut buffer).expect("readable"),
            0
        );
    }
}

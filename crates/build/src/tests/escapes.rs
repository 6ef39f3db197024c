//! What a builder tries in vain. Each test is a row of the table of escapes; those that take system
//! calls that no shell makes are with the launcher. Where root runs the tests, an ordinary user runs
//! the table once more.

use std::collections::BTreeSet;
use std::os::fd::AsRawFd as _;
use std::os::unix::process::CommandExt as _;

use firn_store::{BuildStatus, Store as _};

use super::world::{Recipe, World};

/// Runs a script in the sandbox and checks what it wrote.
fn check(script: &str, expected: &str) {
    let world = World::new();
    let text = world.text(Recipe::script(
        "escape",
        &format!("{{ {script}\n}} > $out 2>/dev/null; true"),
    ));
    assert_eq!(text, expected, "{script}");
}

#[test]
fn network() {
    check(
        "cat /proc/net/dev | grep -v lo: | grep -c :; ping -c1 -W1 127.0.0.1 >/dev/null && echo loopback || echo loopback",
        "0\nloopback\n",
    );
}

#[test]
fn host_files_and_other_builds() {
    check(
        "for f in /home /root /etc/shadow /var /usr /sys /run; do test -e $f && echo $f; done; ls /etc | sort | tr '\\n' ' '",
        "group hosts passwd ",
    );
    check(
        "ls / | sort | tr '\\n' ' '",
        "bin build dev etc nix proc tmp ",
    );
}

#[test]
fn processes_of_others() {
    check(
        "ls /proc | grep -c '^[0-9]*$' | { read n; test $n -lt 8 && echo few; }; kill -9 2 || echo nobody",
        "few\nnobody\n",
    );
    check(
        "readlink /proc/1/root; cat /proc/1/environ | tr '\\0' '\\n' | grep -c SSH",
        "/\n0\n",
    );
}

#[test]
fn mounts_and_devices() {
    check(
        "mount -t tmpfs none /tmp || echo no; mount -o remount,rw /bin/sh || echo no; umount /build || echo no; umount /proc || echo no",
        "no\nno\nno\nno\n",
    );
    check(
        "mknod /tmp/sda b 8 0 || echo no; mknod /build/mem c 1 1 || echo no; ls /dev | sort | tr '\\n' ' '",
        "no\nno\nfd full null ptmx pts random shm stderr stdin stdout tty urandom zero ",
    );
}

#[test]
fn setuid_bits() {
    check(
        "cp /bin/sh /tmp/sh; chmod u+s /tmp/sh || echo no; chmod 2755 /tmp/sh || echo no; chmod 755 /tmp/sh && echo yes",
        "no\nno\nyes\n",
    );
    // Identity: one user, no groups, and no way to another.
    check(
        "id -u; id -g; chown 0 /build || echo no; su -c true || echo no",
        "1000\n100\nno\nno\n",
    );
}

#[test]
fn writing_to_inputs() {
    let world = World::new();
    let source = world
        .store
        .add_text("source", b"contents", &BTreeSet::new())
        .expect("added");
    let printed = world.store_dir().print(&source);
    let text = world.text(Recipe::script("writer",
        "{ echo x > $src || echo no; chmod 644 $src || echo no; rm -f $src; ln $src /nix/store/link && echo linked; \
           mv $src /nix/store/moved || echo no; touch $src || echo no; \
           (exec 3<>$src) || echo no; } > $out 2>/dev/null; cat $src >> $out")
        .source(&source).env("src", &printed));
    assert!(!text.contains("linked"), "{text}");
    assert!(text.ends_with("contents"), "{text}");
    assert_eq!(
        std::fs::read(world.real(&source)).expect("there"),
        b"contents"
    );
}

#[test]
fn the_root_and_etc() {
    check(
        "touch /x || echo no; touch /etc/x || echo no; echo x >> /etc/passwd || echo no; mkdir /home || echo no; rm -f /bin/sh || echo no",
        "no\nno\nno\nno\nno\n",
    );
    check(
        "touch /tmp/x && touch /build/x && touch /dev/shm/x && echo yes",
        "yes\n",
    );
}

#[test]
fn kernel_settings_and_the_clock() {
    check(
        "for f in /proc/sys/kernel/core_pattern /proc/sys/vm/overcommit_memory /proc/sysrq-trigger \
             /proc/sys/fs/binfmt_misc/register /proc/sys/user/max_user_namespaces; do \
             (echo 1 > $f) || echo no; done; \
             date -s 2001-01-01 > /dev/null; test $(date +%Y) -gt 2001 && echo no",
        "no\nno\nno\nno\nno\nno\n",
    );
}

#[test]
fn namespaces_inside() {
    // Root in a namespace of its own making is nobody in that of the sandbox.
    let world = World::new();
    let source = world
        .store
        .add_text("source", b"contents", &BTreeSet::new())
        .expect("added");
    let printed = world.store_dir().print(&source);
    let script = "{ unshare -U -r true && echo root; \
        unshare -U -r -m mount -o remount,bind,rw $src || echo no; \
        unshare -U -r -m umount $src || echo no; \
        unshare -U -r -m umount /proc || echo no; \
        unshare -U -r -m sh -c 'mount -t tmpfs none /tmp && touch /tmp/mine' ; \
        test -e /tmp/mine || echo private; \
        unshare -U -r mknod /tmp/disk b 8 0 || echo no; \
        unshare -U -r sh -c 'cp /bin/sh /tmp/sh; chmod 4755 /tmp/sh' || echo no; \
        unshare -U -r chown 1 /build || echo no; \
        unshare -U -r sh -c 'echo x > $src' || echo no; } > $out 2>/dev/null; cat $src >> $out";
    let recipe = Recipe::script("inside", script)
        .source(&source)
        .env("src", &printed);
    let text = world.text(recipe);
    // A kernel may refuse the namespaces themselves.
    let text = text.strip_prefix("root\n").unwrap_or(&text);
    assert_eq!(text, "no\nno\nno\nprivate\nno\nno\nno\nno\ncontents");
}

#[test]
fn leaving_processes_behind() {
    let world = World::new();
    let marker = format!("{}", 100_000 + std::process::id());
    let recipe = Recipe::script(
        "daemon",
        &format!("(setsid sleep {marker} </dev/null >/dev/null 2>&1 &) ; echo > $out"),
    );
    world.build(recipe);
    let left = std::fs::read_dir("/proc")
        .expect("readable")
        .flatten()
        .any(|entry| {
            std::fs::read(entry.path().join("cmdline")).is_ok_and(|line| {
                line.split(|byte| *byte == 0)
                    .any(|word| word == marker.as_bytes())
            })
        });
    assert!(!left);
}

#[test]
fn races_in_outputs() {
    let world = World::new();
    let victim = world.dir.path().join("victim");
    std::fs::write(&victim, "untouched").expect("written");
    // What flips a name between a file and a link is gone before anybody looks.
    let outputs = world.build(Recipe::script(
        "race",
        &format!(
            "mkdir $out; while :; do ln -sfn {} $out/x; rm -f $out/x; echo own > $out/x; done & \
             sleep 0.2",
            victim.display()
        ),
    ));
    assert_eq!(
        std::fs::read_to_string(&victim).expect("there"),
        "untouched"
    );
    let before = std::fs::symlink_metadata(world.real(&outputs["out"])).expect("there");
    assert!(before.is_dir());
    let info = world
        .store
        .query_path_info(&outputs["out"])
        .expect("readable")
        .expect("valid");
    let mut archive = Vec::new();
    world
        .store
        .nar_from_path(&outputs["out"], &mut archive)
        .expect("readable");
    assert_eq!(firn_hash::Hasher::sha256(&archive), info.nar_hash);
}

#[test]
fn renames_in_outputs() {
    let world = World::new();
    let victim = world.dir.path().join("victim");
    std::fs::create_dir(&victim).expect("made");
    std::fs::write(victim.join("file"), "untouched").expect("written");
    // A directory that gives way to a link while its contents are looked at would be a way out.
    let script = format!(
        "mkdir -p $out/dir; echo own > $out/dir/file; \
         while :; do mv $out/dir $out/aside; ln -s {} $out/dir; rm $out/dir; mv $out/aside $out/dir; \
         done 2>/dev/null & sleep 0.2",
        victim.display()
    );
    let drv = world.add(Recipe::script("renames", &script));
    let result = world.realise(&drv, firn_store::BuildMode::Normal);
    assert!(result.status.is_success(), "{}", result.error);
    let metadata = std::fs::metadata(victim.join("file")).expect("there");
    let mode = std::os::unix::fs::PermissionsExt::mode(&metadata.permissions());
    assert_ne!(mode & 0o200, 0, "its mode was changed");
    let verify = firn_store::VerifyOptions {
        check_contents: true,
        repair: false,
    };
    assert!(!world.store.verify(verify).expect("readable"));
}

#[test]
fn an_ordinary_user_is_held_as_well() {
    if !firn_sys::support::is_privileged() {
        return;
    }
    // Nobody in particular, with a directory of its own; the program is passed on as a descriptor,
    // since it may lie where that user cannot look.
    let user = 65_534;
    let dir = tempfile::tempdir().expect("a directory");
    firn_sys::file::set_owner(dir.path(), user, user).expect("given away");
    let program = std::env::current_exe().and_then(std::fs::File::open);
    let program = rustix::io::dup(program.expect("there")).expect("a descriptor");
    let output = std::process::Command::new(format!("/proc/self/fd/{}", program.as_raw_fd()))
        .args(["tests::escapes::", "--test-threads=2"])
        .env("TMPDIR", dir.path())
        .env("HOME", dir.path())
        .current_dir(dir.path())
        .uid(user)
        .gid(user)
        .output()
        .expect("started");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}");
    let n_passed = text
        .lines()
        .filter(|line| line.ends_with(" ... ok"))
        .count();
    assert!(n_passed >= 15, "{text}");
}

#[test]
fn resource_bombs() {
    use crate::BuildSettings;
    let world = World::with(BuildSettings {
        timeout: 1,
        max_log_size: 1 << 20,
        ..BuildSettings::default()
    });
    // Neither many processes nor endless output outlive the limits.
    let many = "i=0; while [ $i -lt 200 ]; do (trap '' TERM; while :; do sleep 1; done) & i=$((i+1)); done; wait";
    let result = world.fail(Recipe::script("processes", many));
    assert_eq!(result.status, BuildStatus::TimedOut);
    let result = world.fail(Recipe::script(
        "talk",
        "while :; do echo talk talk talk; done",
    ));
    assert!(
        matches!(
            result.status,
            BuildStatus::LogLimitExceeded | BuildStatus::TimedOut
        ),
        "{:?}",
        result.status
    );
}

#[test]
fn directories_of_other_builds() {
    let world = World::with(crate::BuildSettings {
        max_jobs: 2,
        ..crate::BuildSettings::default()
    });
    // Two at once: neither sees the other's directory, outputs or processes.
    let script = "echo secret > /build/mine; sleep 0.3; ls /build /nix/store | sort > $out; ps | grep -c sleep >> $out";
    let drvs = ["one", "two"].map(|name| world.add(Recipe::script(name, script)));
    let paths = drvs.each_ref().map(super::world::all_outputs);
    let results = world
        .store
        .build_paths_with_results(&paths, firn_store::BuildMode::Normal)
        .expect("results");
    for (result, other) in results.iter().zip(["-two", "-one"]) {
        assert!(result.status.is_success(), "{}", result.error);
        let out = &result.outputs.values().next().expect("an output").out_path;
        let text = std::fs::read_to_string(world.real(out)).expect("there");
        assert!(!text.contains(other), "{text}");
    }
}

#[test]
fn links_in_outputs_are_not_followed() {
    let world = World::new();
    let victim = world.dir.path().join("victim");
    std::fs::write(&victim, "untouched").expect("written");
    std::fs::set_permissions(&victim, std::os::unix::fs::PermissionsExt::from_mode(0o640))
        .expect("mode");
    let outputs = world.build(Recipe::script(
        "links",
        &format!(
            "mkdir $out; ln -s {} $out/link; ln -s / $out/root",
            victim.display()
        ),
    ));
    let metadata = std::fs::metadata(&victim).expect("there");
    assert_eq!(
        std::os::unix::fs::PermissionsExt::mode(&metadata.permissions()) & 0o777,
        0o640
    );
    assert!(
        std::fs::symlink_metadata(world.real(&outputs["out"]).join("root"))
            .expect("there")
            .is_symlink()
    );
}

#[test]
fn special_files_and_open_outputs_are_refused() {
    let world = World::new();
    let result = world.fail(Recipe::script("fifo", "mkdir $out; mkfifo $out/pipe"));
    assert_eq!(result.status, BuildStatus::OutputRejected);
    assert!(
        result.error.contains("has an unsupported type"),
        "{}",
        result.error
    );
    let result = world.fail(Recipe::script("open", "mkdir $out; chmod 777 $out"));
    assert!(
        result
            .error
            .starts_with("suspicious ownership or permission on"),
        "{}",
        result.error
    );
}

#[test]
fn fixed_outputs_get_names_resolved_and_nothing_else() {
    use firn_store_model::{ContentAddress, ContentAddressMethod, DerivationOutput};
    let world = World::new();
    let expected = "nsswitch.conf\npasswd\n";
    let kind = DerivationOutput::Fixed(ContentAddress {
        method: ContentAddressMethod::Flat,
        hash: firn_hash::Hasher::sha256(expected.as_bytes()),
    });
    let path = kind
        .path(world.store_dir(), "net", "out")
        .expect("sound")
        .expect("known");
    let printed = world.store_dir().print(&path);
    world.build(
        Recipe::script(
            "net",
            "ls /etc | grep -E 'nsswitch|passwd|shadow' | sort > $out; grep -q : /proc/net/dev",
        )
        .kind(kind)
        .env("out", printed),
    );
}

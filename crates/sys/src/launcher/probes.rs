//! What a program in a sandbox tries in vain, where it takes system calls that no shell makes.
//!
//! The program is this test binary: started once more inside, with a variable that names the probe,
//! and only the host's libraries around it. Each probe prints what it got.
#![allow(unsafe_code)]

use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::net::{SocketAddr, UnixListener, UnixStream};

use super::tests::{run, sandboxed};
use super::*;
use crate::support;

/// Names the probe to the program inside.
const PROBE: &str = "FIRN_PROBE";

/// Runs a probe in a sandbox and gives the lines that it printed.
fn probe(name: &str, argument: &str, change: impl FnOnce(&mut LaunchSpec)) -> Vec<String> {
    assert!(support::has_sandbox(), "this machine must allow sandboxes");
    let root = tempfile::tempdir().expect("a directory");
    let mut spec = sandboxed("", root.path());
    let this = std::env::current_exe().expect("known");
    let sandbox = spec.sandbox.as_mut().expect("sandboxed");
    sandbox.entries.push(Entry::Bind {
        path: b"/probe".to_vec(),
        source: this.as_os_str().as_bytes().to_vec(),
        access: Access::ReadOnly,
        optional: false,
    });
    spec.program = b"/probe".to_vec();
    spec.args = [
        "probe",
        "--exact",
        "launcher::probes::inside",
        "--nocapture",
    ]
    .map(|word| word.as_bytes().to_vec())
    .into();
    let value = format!("{name} {argument}");
    spec.env.push((PROBE.into(), value.into_bytes()));
    change(&mut spec);
    let ran = run(spec);
    assert_eq!(ran.failure, "");
    let lines: Vec<String> = ran
        .output
        .lines()
        .filter_map(|line| line.split_once("got ").map(|it| it.1.trim().to_owned()))
        .collect();
    assert!(!lines.is_empty(), "{}", ran.output);
    lines
}

/// The program inside.
#[test]
#[allow(clippy::print_stdout, reason = "how the program inside reports")]
fn inside() {
    let Ok(probe) = std::env::var(PROBE) else {
        return;
    };
    let (name, argument) = probe.split_once(' ').unwrap_or((&probe, ""));
    let number = || argument.parse::<i32>().unwrap_or(0);
    let got = match name {
        "descriptors" => std::fs::read_dir("/proc/self/fd")
            .expect("readable")
            // One is that of the directory itself.
            .map(|entry| std::fs::read_link(entry.expect("an entry").path()))
            .filter(|target| !target.as_ref().is_ok_and(|it| it.ends_with("fd")))
            .count()
            .to_string(),
        "ptrace" => outcome(|| {
            // SAFETY: attaching takes no memory of this process.
            unsafe { libc::ptrace(libc::PTRACE_ATTACH, number(), 0, 0) }
        }),
        "signal" => outcome(|| {
            // SAFETY: takes plain numbers; signal zero only asks.
            i64::from(unsafe { libc::kill(number(), 0) })
        }),
        "keyring" => outcome(|| {
            // SAFETY: the strings end with a zero; no payload is given.
            unsafe {
                libc::syscall(
                    libc::SYS_add_key,
                    c"user".as_ptr(),
                    c"firn".as_ptr(),
                    std::ptr::null::<u8>(),
                    0,
                    -4,
                )
            }
        }),
        "attribute" => outcome(|| {
            std::fs::write("/tmp/file", "").expect("written");
            let name = std::ffi::CString::new(argument).expect("no zero");
            // SAFETY: the strings end with a zero and the value is as long as is said.
            unsafe {
                i64::from(libc::setxattr(
                    c"/tmp/file".as_ptr(),
                    name.as_ptr(),
                    c"x".as_ptr().cast(),
                    1,
                    0,
                ))
            }
        }),
        "memory" => outcome(|| {
            let mut byte = 0_u8;
            let place = libc::iovec {
                iov_base: (&raw mut byte).cast(),
                iov_len: 1,
            };
            // SAFETY: what is written to is a live byte; what is read from belongs to the other.
            i64::try_from(unsafe {
                libc::process_vm_readv(number(), &raw const place, 1, &raw const place, 1, 0)
            })
            .unwrap_or(-1)
        }),
        "handle" => outcome(|| {
            // Opening by handle would lead to any file of a file system.
            let mut handle = [0_u32; 34];
            handle[0] = 8;
            handle[1] = 1;
            // SAFETY: the handle says how long it is, and is that long.
            unsafe {
                libc::syscall(
                    libc::SYS_open_by_handle_at,
                    libc::AT_FDCWD,
                    handle.as_mut_ptr(),
                    0,
                )
            }
        }),
        "module" => outcome(|| {
            // SAFETY: refused before any pointer is looked at.
            unsafe {
                libc::syscall(
                    libc::SYS_init_module,
                    std::ptr::null::<u8>(),
                    0,
                    c"".as_ptr(),
                )
            }
        }),
        "ring" => outcome(|| {
            // SAFETY: refused before any pointer is looked at.
            unsafe { libc::syscall(libc::SYS_io_uring_setup, 8, std::ptr::null::<u8>()) }
        }),
        "abstract" => {
            let address = SocketAddr::from_abstract_name(argument).expect("short");
            match UnixStream::connect_addr(&address) {
                Ok(_) => "through".to_owned(),
                Err(error) => error.kind().to_string(),
            }
        }
        "namespace" => {
            outcome(|| {
                // SAFETY: changes this process only, which ends after it.
                i64::from(unsafe { libc::unshare(libc::CLONE_NEWUSER | libc::CLONE_NEWNS) })
            }) + &outcome(|| {
                // SAFETY: the strings end with a zero; this is refused or mounts where nobody looks.
                i64::from(unsafe {
                    libc::mount(
                        c"/".as_ptr(),
                        c"/".as_ptr(),
                        std::ptr::null(),
                        libc::MS_REMOUNT | libc::MS_BIND,
                        std::ptr::null(),
                    )
                })
            })
        }
        other => panic!("no probe '{other}'"),
    };
    println!("got {got}");
}

fn outcome<N: Into<i64>>(call: impl FnOnce() -> N) -> String {
    let result: i64 = call().into();
    if result >= 0 {
        return "through".to_owned();
    }
    match std::io::Error::last_os_error().raw_os_error() {
        Some(libc::EPERM) => "EPERM".to_owned(),
        Some(libc::ESRCH) => "ESRCH".to_owned(),
        Some(libc::ENOSYS) => "ENOSYS".to_owned(),
        Some(libc::ENOTSUP) => "ENOTSUP".to_owned(),
        other => format!("{other:?}"),
    }
}

#[test]
fn no_descriptor_of_ours_comes_along() {
    let _open = std::fs::File::open("/").expect("there");
    assert_eq!(probe("descriptors", "", |_| {}), ["3"]);
}

#[test]
fn processes_outside_are_not_there() {
    let own = std::process::id().to_string();
    assert_eq!(probe("ptrace", &own, |_| {}), ["ESRCH"]);
    assert_eq!(probe("signal", &own, |_| {}), ["ESRCH"]);
    assert_eq!(probe("memory", &own, |_| {}), ["ESRCH"]);
}

#[test]
fn what_only_the_root_of_the_host_may_is_refused() {
    assert_eq!(probe("handle", "", |_| {}), ["EPERM"]);
    // A kernel need not know modules.
    let got = probe("module", "", |_| {});
    assert!(got == ["EPERM"] || got == ["ENOSYS"], "{got:?}");
}

#[test]
fn an_ordinary_user_is_held_as_well() {
    use std::os::unix::fs::PermissionsExt as _;
    use std::os::unix::process::CommandExt as _;
    if !support::is_privileged() {
        return;
    }
    let user = 65_534;
    let dir = tempfile::tempdir().expect("a directory");
    crate::file::set_owner(dir.path(), user, user).expect("given away");
    // The program may lie where that user cannot look.
    let program = dir.path().join("probes");
    std::fs::copy(std::env::current_exe().expect("known"), &program).expect("copied");
    let readable = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(&program, readable).expect("readable");
    let output = Command::new(&program)
        .args(["launcher::", "--test-threads=2"])
        .env("TMPDIR", dir.path())
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
fn keyrings_and_rings_are_refused() {
    assert_eq!(probe("keyring", "", |_| {}), ["EPERM"]);
    assert_eq!(probe("ring", "", |_| {}), ["ENOSYS"]);
}

#[test]
fn attributes_cannot_be_set() {
    for name in [
        "user.firn",
        "system.posix_acl_access",
        "system.posix_acl_default",
        "security.capability",
    ] {
        assert_eq!(probe("attribute", name, |_| {}), ["ENOTSUP"], "{name}");
    }
}

#[test]
fn abstract_sockets_of_the_host_are_out_of_reach() {
    let name = format!("firn-probe-{}", std::process::id());
    let address = SocketAddr::from_abstract_name(&name).expect("short");
    let _listener = UnixListener::bind_addr(&address).expect("bound");
    assert_eq!(probe("abstract", &name, |_| {}), ["connection refused"]);
    // A builder that shares the network is held back by the landlock scope alone.
    if crate::landlock::version() >= 6 {
        let shared = |spec: &mut LaunchSpec| {
            spec.sandbox.as_mut().expect("sandboxed").private_network = false;
        };
        assert_eq!(probe("abstract", &name, shared), ["permission denied"]);
    }
}

#[test]
fn a_namespace_of_its_own_does_not_make_read_only_mounts_writable() {
    let got = probe("namespace", "", |_| {}).concat();
    assert!(got.ends_with("EPERM"), "{got}");
}

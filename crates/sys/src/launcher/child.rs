//! What a process does between fork and exec: leave the caller's session, build its world, give up
//! what it must not have, and become the program.
//!
//! The order matters. Mounts are made while the process still may; then it takes its identity,
//! then forbids itself new privileges, then confines itself with landlock and the system call
//! filter, and the very next thing is the program. Two ways lead to an identity inside a user
//! namespace: an ordinary user makes the namespace first and gets the power to mount from it; a
//! privileged caller mounts with its own power, becomes the unprivileged user of the host, and only
//! then makes a user namespace, so that the program has no power over any other namespace.
//!
//! Any failure is described on the error descriptor, and the process ends.
#![allow(unsafe_code)]

use std::ffi::CString;
use std::io;
use std::os::fd::{AsRawFd as _, BorrowedFd};
use std::os::unix::ffi::OsStrExt as _;

use rustix::process::Signal;

use super::filesystem;
use super::spec::{Identity, LaunchSpec, SandboxSpec, User};
use crate::{landlock, seccomp};

/// A failure with the words for what was being done.
pub(super) type Failure = String;

/// The failure of a system call, in words.
pub(super) fn failed(what: impl std::fmt::Display) -> impl FnOnce(rustix::io::Errno) -> Failure {
    move |error| format!("{what}: {}", io::Error::from(error))
}

fn last_error(what: &str) -> Failure {
    format!("{what}: {}", io::Error::last_os_error())
}

/// The namespaces that the process of a spec is to be created in.
pub(super) fn namespace_flags(spec: &LaunchSpec) -> i32 {
    let Some(sandbox) = &spec.sandbox else {
        return 0;
    };
    let mut flags =
        libc::CLONE_NEWNS | libc::CLONE_NEWPID | libc::CLONE_NEWIPC | libc::CLONE_NEWUTS;
    if sandbox.private_network {
        flags |= libc::CLONE_NEWNET;
    }
    if spec.user.is_none() && sandbox.identity.is_some() {
        flags |= libc::CLONE_NEWUSER;
    }
    flags
}

/// Gives up the caller's groups, which nothing in a new user namespace can any more. The launcher has
/// no use for them either.
pub(super) fn drop_groups(spec: &LaunchSpec) -> io::Result<()> {
    if spec.sandbox.is_none() || !spec.must_drop_groups {
        return Ok(());
    }
    match rustix::thread::set_thread_groups(&[]) {
        Err(rustix::io::Errno::PERM) => Err(io::Error::other(
            "setgroups failed. Set the require-drop-supplementary-groups option to false to skip this step.",
        )),
        dropped => Ok(dropped?),
    }
}

/// Moves this process, which has not begun anything yet, to the group of a spec.
pub(super) fn enter_cgroup(spec: &LaunchSpec) -> io::Result<()> {
    let Some(group) = &spec.cgroup else {
        return Ok(());
    };
    let group = std::path::Path::new(std::ffi::OsStr::from_bytes(group));
    std::fs::write(group.join("cgroup.procs"), "0").map_err(|error| {
        io::Error::other(format!("entering the group '{}': {error}", group.display()))
    })
}

/// Becomes the program of a spec. The calling process is a fresh fork with the namespaces of
/// [`namespace_flags`]; it has one thread.
pub(super) fn become_program(
    spec: &LaunchSpec,
    output: BorrowedFd<'_>,
    errors: BorrowedFd<'_>,
) -> ! {
    let Err(failure) = try_become(spec, Some(output), errors);
    let _ = rustix::io::write(errors, failure.as_bytes());
    // SAFETY: ends the process without running exit handlers that belong to the launcher.
    unsafe { libc::_exit(1) }
}

enum Never {}

fn try_become(
    spec: &LaunchSpec,
    output: Option<BorrowedFd<'_>>,
    errors: BorrowedFd<'_>,
) -> Result<Never, Failure> {
    reset_signals();
    if !spec.interactive {
        // The first process of a namespace already leads a session in the eyes of some kernels.
        let _ = rustix::process::setsid();
    }
    if let Some(output) = output {
        redirect(output)?;
    }
    if spec.user.is_some() {
        let _ = rustix::thread::set_thread_groups(&[]);
    }
    if let Some(sandbox) = &spec.sandbox {
        enter_sandbox(spec, sandbox)?;
    }
    rustix::process::chdir(&spec.directory[..]).map_err(failed(format_args!(
        "changing into '{}'",
        String::from_utf8_lossy(&spec.directory)
    )))?;
    set_limits();
    set_personality(spec);
    become_user(spec)?;
    // Whoever launched this must not be outlived; a change of identity clears the wish, so it is
    // expressed after the last one.
    let _ = rustix::process::set_parent_process_death_signal(Some(Signal::KILL));
    confine(spec)?;
    execute(spec, errors)
}

/// Handlers and masks of the launcher are not the program's.
fn reset_signals() {
    for signal in 1..64 {
        // SAFETY: sets the default action, which has no handler; refused for signals that have none.
        unsafe { libc::signal(signal, libc::SIG_DFL) };
    }
    let mut none = std::mem::MaybeUninit::uninit();
    // SAFETY: `sigemptyset` initialises the set that `sigprocmask` then reads.
    unsafe {
        libc::sigemptyset(none.as_mut_ptr());
        libc::sigprocmask(libc::SIG_SETMASK, none.as_ptr(), std::ptr::null_mut());
    }
}

fn redirect(output: BorrowedFd<'_>) -> Result<(), Failure> {
    let null = rustix::fs::open(
        "/dev/null",
        rustix::fs::OFlags::RDONLY | rustix::fs::OFlags::CLOEXEC,
        rustix::fs::Mode::empty(),
    )
    .map_err(failed("opening '/dev/null'"))?;
    rustix::stdio::dup2_stdin(&null).map_err(failed("redirecting standard input"))?;
    rustix::stdio::dup2_stdout(output).map_err(failed("redirecting standard output"))?;
    rustix::stdio::dup2_stderr(output).map_err(failed("redirecting standard error"))
}

fn enter_sandbox(spec: &LaunchSpec, sandbox: &SandboxSpec) -> Result<(), Failure> {
    if let (None, Some(identity)) = (&spec.user, sandbox.identity) {
        map_identity(identity)?;
    }
    if sandbox.private_network {
        bring_loopback_up()?;
    }
    rustix::system::sethostname(b"localhost").map_err(failed("setting the host name"))?;
    rustix::system::setdomainname(b"(none)").map_err(failed("setting the domain name"))?;
    filesystem::enter(sandbox)
}

/// Maps the identity inside the user namespace of this process to whoever it was outside.
fn map_identity(identity: Identity) -> Result<(), Failure> {
    // A process in a fresh user namespace cannot ask for its old ids any more; they were noted.
    let (uid, gid) = OUTER_IDS.with(std::cell::Cell::get);
    let write = |name: &str, text: String| {
        std::fs::write(format!("/proc/self/{name}"), text)
            .map_err(|error| format!("writing '/proc/self/{name}': {error}"))
    };
    write("uid_map", format!("{} {uid} 1", identity.uid))?;
    write("setgroups", "deny".to_owned())?;
    write("gid_map", format!("{} {gid} 1", identity.gid))
}

thread_local! {
    /// The ids of the launcher in its own user namespace, taken before any child is made.
    static OUTER_IDS: std::cell::Cell<(u32, u32)> = std::cell::Cell::new((
        rustix::process::geteuid().as_raw(),
        rustix::process::getegid().as_raw(),
    ));
}

/// Takes note of the ids that maps are to name; children of a new user namespace cannot see them.
pub(super) fn remember_ids() {
    OUTER_IDS.with(|_| {});
}

fn bring_loopback_up() -> Result<(), Failure> {
    let socket = rustix::net::socket_with(
        rustix::net::AddressFamily::INET,
        rustix::net::SocketType::DGRAM,
        rustix::net::SocketFlags::CLOEXEC,
        None,
    )
    .map_err(failed("opening a socket"))?;
    // SAFETY: all-zero is a valid `ifreq`.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    request.ifr_name[0] = b'l'.cast_signed() as libc::c_char;
    request.ifr_name[1] = b'o'.cast_signed() as libc::c_char;
    request.ifr_ifru.ifru_flags =
        (libc::IFF_UP | libc::IFF_LOOPBACK | libc::IFF_RUNNING) as libc::c_short;
    // SAFETY: the request is a live, initialised value of the type that this call takes.
    if unsafe {
        libc::ioctl(
            socket.as_raw_fd(),
            libc::SIOCSIFFLAGS as _,
            &raw mut request,
        )
    } == -1
    {
        return Err(last_error("bringing the loopback interface up"));
    }
    Ok(())
}

/// Core dumps are a choice of the builder, not of the user's shell.
fn set_limits() {
    let core = rustix::process::Rlimit {
        current: Some(0),
        maximum: None,
    };
    if rustix::process::setrlimit(rustix::process::Resource::Core, core).is_err() {
        // Without the right to lift the hard limit, keep it.
        let maximum = rustix::process::getrlimit(rustix::process::Resource::Core).maximum;
        let core = rustix::process::Rlimit {
            current: Some(0),
            maximum,
        };
        let _ = rustix::process::setrlimit(rustix::process::Resource::Core, core);
    }
    let _ = rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o022));
}

/// Address space randomisation makes some compilers' output differ from run to run.
fn set_personality(spec: &LaunchSpec) {
    const LINUX32: libc::c_ulong = 0x0008;
    const UNAME26: libc::c_ulong = 0x0002_0000;
    const ADDR_NO_RANDOMIZE: libc::c_ulong = 0x0004_0000;
    let mut wanted = ADDR_NO_RANDOMIZE;
    if spec.linux32 {
        wanted |= LINUX32;
    }
    if spec.linux26 {
        wanted |= UNAME26;
    }
    if spec.interactive {
        wanted &= !ADDR_NO_RANDOMIZE;
    }
    // SAFETY: changes flags of this process only; a refusal changes nothing.
    unsafe { libc::personality(wanted) };
}

fn become_user(spec: &LaunchSpec) -> Result<(), Failure> {
    let Some(user) = &spec.user else {
        return Ok(());
    };
    let identity = spec.sandbox.as_ref().and_then(|sandbox| sandbox.identity);
    if let Some(identity) = identity.filter(|identity| identity.count > 1) {
        return become_range(user, identity, spec.cgroup.is_some());
    }
    set_ids(user)?;
    let Some(identity) = identity else {
        return Ok(());
    };
    // The maps of a process that changed its ids belong to root unless it is dumpable again. There
    // is nothing in this process that its own user must not see.
    // SAFETY: a flag of this process.
    unsafe { libc::prctl(libc::PR_SET_DUMPABLE, 1, 0, 0, 0) };
    // SAFETY: this process has one thread and shares no memory or descriptors with another.
    if unsafe { libc::unshare(libc::CLONE_NEWUSER) } == -1 {
        return Err(last_error("making a user namespace"));
    }
    OUTER_IDS.with(|ids| ids.set((user.uid, user.gid)));
    map_identity(identity)
}

/// Becomes the first of a range of users, with all rights in namespaces of its own. The file system
/// has been made by then, so that in the new mount namespace its parts cannot be taken from each
/// other or made writable; the network and the processes stay those of the sandbox.
fn become_range(user: &User, identity: Identity, has_cgroup: bool) -> Result<(), Failure> {
    // Several ids can only be mapped by somebody with power over the namespace around, which is what
    // this process is about to give up.
    let (mapper, begin) = fork_mapper(user, identity)?;
    set_ids(user)?;
    // SAFETY: a flag of this process.
    unsafe { libc::prctl(libc::PR_SET_DUMPABLE, 1, 0, 0, 0) };
    let mut flags =
        libc::CLONE_NEWUSER | libc::CLONE_NEWNS | libc::CLONE_NEWIPC | libc::CLONE_NEWUTS;
    if has_cgroup {
        flags |= libc::CLONE_NEWCGROUP;
    }
    // SAFETY: this process has one thread and shares no memory or descriptors with another.
    if unsafe { libc::unshare(flags) } == -1 {
        return Err(last_error("making a user namespace"));
    }
    rustix::io::write(&begin, b"x").map_err(failed("mapping users"))?;
    let mapped = loop {
        match rustix::process::waitpid(Some(mapper), rustix::process::WaitOptions::empty()) {
            Err(rustix::io::Errno::INTR) => {}
            waited => break waited.map_err(failed("mapping users"))?,
        }
    };
    match mapped.and_then(|(_, status)| status.exit_status()) {
        Some(0) => Ok(()),
        Some(code) => {
            let error = io::Error::from_raw_os_error(code);
            Err(format!("mapping users of a range: {error}"))
        }
        None => Err("mapping users of a range: killed".to_owned()),
    }
}

/// Forks a process that maps users and groups of this one as soon as it is told to by a byte, and
/// ends with the number of the error if there is one.
fn fork_mapper(
    user: &User,
    identity: Identity,
) -> Result<(rustix::process::Pid, std::os::fd::OwnedFd), Failure> {
    let (told, begin) = rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC)
        .map_err(failed("mapping users"))?;
    let own = rustix::process::getpid().as_raw_nonzero();
    // SAFETY: this process has one thread; the child makes a few system calls and ends.
    match unsafe { libc::fork() } {
        -1 => Err(last_error("mapping users")),
        0 => {
            drop(begin);
            let write = |name: &str, text: String| {
                std::fs::write(format!("/proc/{own}/{name}"), text)
                    .map_err(|error| error.raw_os_error().unwrap_or(libc::EIO))
            };
            let count = identity.count;
            let mapped = match rustix::io::read(&told, &mut [0]) {
                Ok(1) => write("uid_map", format!("{} {} {count}", identity.uid, user.uid))
                    .and_then(|()| {
                        write("gid_map", format!("{} {} {count}", identity.gid, user.gid))
                    }),
                _ => Err(libc::ECANCELED),
            };
            // SAFETY: ends the fork without running exit handlers that belong to the launcher.
            unsafe { libc::_exit(mapped.err().unwrap_or(0)) }
        }
        pid => {
            let pid = rustix::process::Pid::from_raw(pid).expect("a process id is positive");
            Ok((pid, begin))
        }
    }
}

fn set_ids(user: &User) -> Result<(), Failure> {
    let groups: Vec<libc::gid_t> = user.groups.clone();
    // SAFETY: the pointer and length describe a live slice; the other calls take plain numbers.
    // The process has one thread, so there is no other thread to keep in step.
    let done = unsafe {
        libc::setgroups(groups.len(), groups.as_ptr()) == 0
            && libc::setresgid(user.gid, user.gid, user.gid) == 0
            && libc::setresuid(user.uid, user.uid, user.uid) == 0
    };
    if done {
        Ok(())
    } else {
        Err(last_error(&format!("becoming user {}", user.uid)))
    }
}

fn confine(spec: &LaunchSpec) -> Result<(), Failure> {
    if spec.interactive && spec.sandbox.is_none() {
        return Ok(());
    }
    if !spec.allow_new_privileges {
        rustix::thread::set_no_new_privs(true).map_err(failed("forbidding new privileges"))?;
        if spec.sandbox.is_some() {
            landlock::scope_sockets_and_signals()
                .map_err(|error| format!("confining with landlock: {error}"))?;
        }
    }
    if spec.filter_syscalls {
        seccomp::refuse_for_builders()
            .map_err(|error| format!("filtering system calls: {error}"))?;
    }
    Ok(())
}

fn execute(spec: &LaunchSpec, errors: BorrowedFd<'_>) -> Result<Never, Failure> {
    let string = |bytes: &[u8]| {
        CString::new(bytes).map_err(|_| {
            format!(
                "'{}' contains a zero byte",
                String::from_utf8_lossy(bytes).escape_debug()
            )
        })
    };
    let program = string(&spec.program)?;
    let args = spec
        .args
        .iter()
        .map(|arg| string(arg))
        .collect::<Result<Vec<_>, _>>()?;
    let env = spec
        .env
        .iter()
        .map(|(name, value)| string(&[name, &b"="[..], value].concat()))
        .collect::<Result<Vec<_>, _>>()?;
    let pointers = |strings: &[CString]| {
        let mut pointers: Vec<_> = strings.iter().map(|string| string.as_ptr()).collect();
        pointers.push(std::ptr::null());
        pointers
    };
    let (args, env) = (pointers(&args), pointers(&env));
    close_all_but(errors)?;
    // SAFETY: both arrays end with a null pointer and point to strings that live until the call,
    // which only returns when it failed.
    unsafe { libc::execve(program.as_ptr(), args.as_ptr(), env.as_ptr()) };
    Err(last_error(&format!(
        "executing '{}'",
        String::from_utf8_lossy(&spec.program)
    )))
}

/// Marks every descriptor beyond the standard ones to be closed on exec, the error descriptor
/// among them: that it closes is how the client learns that the program runs.
fn close_all_but(errors: BorrowedFd<'_>) -> Result<(), Failure> {
    // SAFETY: only sets a flag.
    if unsafe { libc::close_range(3, u32::MAX, libc::CLOSE_RANGE_CLOEXEC.cast_signed()) } == 0 {
        return Ok(());
    }
    rustix::io::fcntl_setfd(errors, rustix::io::FdFlags::CLOEXEC)
        .map_err(failed("closing descriptors"))
}

/// Makes this process the leader of a process group that has the terminal, as a shell with job
/// control wants it; without a terminal nothing happens.
fn take_terminal() {
    if rustix::process::setpgid(None, None).is_ok() {
        give_terminal_to(rustix::process::getpgrp());
    }
}

fn give_terminal_to(group: rustix::process::Pid) {
    // Whoever is in the background is stopped for trying, unless it ignores that.
    // SAFETY: sets the action of a signal to one that has no handler, and back.
    let before = unsafe { libc::signal(libc::SIGTTOU, libc::SIG_IGN) };
    let _ = rustix::termios::tcsetpgrp(rustix::stdio::stdin(), group);
    // SAFETY: as above.
    unsafe { libc::signal(libc::SIGTTOU, before) };
}

/// Runs the program of a spec with this process's own terminal and waits for it. For shells in a
/// sandbox. The calling process must have one thread.
pub fn run_in_foreground(spec: &LaunchSpec) -> io::Result<std::process::ExitStatus> {
    use std::os::unix::process::ExitStatusExt as _;
    remember_ids();
    let (reader, writer) = rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC)?;
    let flags = libc::c_ulong::from((namespace_flags(spec) | libc::SIGCHLD).cast_unsigned());
    let null = std::ptr::null_mut::<libc::c_void>();
    // SAFETY: a fork without shared memory or stack; the child only runs `try_become`.
    let pid = match unsafe { libc::syscall(libc::SYS_clone, flags, null, null, null, null) } {
        -1 => return Err(io::Error::last_os_error()),
        0 => {
            use std::os::fd::AsFd as _;
            take_terminal();
            let Err(failure) = try_become(spec, None, writer.as_fd());
            let _ = rustix::io::write(&writer, failure.as_bytes());
            // SAFETY: ends the fork without running the parent's exit handlers.
            unsafe { libc::_exit(1) }
        }
        pid => pid as i32,
    };
    drop(writer);
    let mut failure = String::new();
    io::Read::read_to_string(&mut std::fs::File::from(reader), &mut failure)?;
    let status = loop {
        let pid = rustix::process::Pid::from_raw(pid);
        match rustix::process::waitpid(pid, rustix::process::WaitOptions::empty()) {
            Err(rustix::io::Errno::INTR) => {}
            waited => break waited?,
        }
    };
    give_terminal_to(rustix::process::getpgrp());
    if !failure.is_empty() {
        return Err(io::Error::other(failure));
    }
    Ok(std::process::ExitStatus::from_raw(
        status.map_or(0, |(_, status)| status.as_raw()),
    ))
}

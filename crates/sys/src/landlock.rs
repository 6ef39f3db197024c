//! Landlock: a process gives up reaching others by abstract sockets and signals.
//!
//! Fixed-output builders share the host's network namespace, and abstract sockets live in it, so a
//! scope keeps them from talking to processes outside. Where the kernel has no such scope (before
//! its sixth interface version) nothing happens: the other walls stand on their own.
#![allow(unsafe_code)]

use std::io;
use std::os::fd::{AsRawFd as _, FromRawFd as _, OwnedFd};

const CREATE_RULESET_VERSION: u32 = 1;
const SCOPE_ABSTRACT_UNIX_SOCKET: u64 = 1;
const SCOPE_SIGNAL: u64 = 2;

#[repr(C)]
struct Ruleset {
    handled_access_fs: u64,
    handled_access_net: u64,
    scoped: u64,
}

/// The version of landlock's interface that this kernel offers; zero without landlock.
pub fn version() -> u32 {
    // SAFETY: with this flag the call takes no pointer and only answers.
    let version = unsafe {
        libc::syscall(
            libc::SYS_landlock_create_ruleset,
            std::ptr::null::<Ruleset>(),
            0_usize,
            CREATE_RULESET_VERSION,
        )
    };
    u32::try_from(version).unwrap_or(0)
}

/// Confines this process and all it starts to sockets and processes of its own making, where the
/// kernel can do that. New privileges must have been forbidden before.
pub fn scope_sockets_and_signals() -> io::Result<()> {
    if version() < 6 {
        return Ok(());
    }
    let ruleset = Ruleset {
        handled_access_fs: 0,
        handled_access_net: 0,
        scoped: SCOPE_ABSTRACT_UNIX_SOCKET | SCOPE_SIGNAL,
    };
    // SAFETY: the pointer and size describe a live value of the layout that the kernel expects.
    let fd = unsafe {
        libc::syscall(
            libc::SYS_landlock_create_ruleset,
            &raw const ruleset,
            size_of::<Ruleset>(),
            0_u32,
        )
    };
    if fd == -1 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the call returned a fresh descriptor that nothing else owns.
    let fd = unsafe { OwnedFd::from_raw_fd(fd as i32) };
    // SAFETY: takes a descriptor that is open and a number.
    if unsafe { libc::syscall(libc::SYS_landlock_restrict_self, fd.as_raw_fd(), 0_u32) } == -1 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}

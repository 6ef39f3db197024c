//! Showing a part of the host to a program whose sandbox is there already.
//!
//! A program that builds while it is being built gets to see what it made. Its sandbox has no way to
//! the host, and the launcher none into the sandbox, so a short-lived process goes: it takes on the
//! sandbox's user namespace (where there is one of its own), clones the part of the host as a mount
//! that hangs nowhere, makes that read-only, enters the sandbox's mount namespace and hangs it
//! there. Where it goes must exist; whoever asks has made it in a directory that the sandbox shows.
#![allow(unsafe_code)]

use std::ffi::CString;
use std::io;
use std::os::fd::{AsRawFd as _, BorrowedFd, FromRawFd as _, OwnedFd};

use rustix::process::WaitOptions;

use super::filesystem::{NO_DEV, NO_SUID, READ_ONLY, restrict_mount};

/// Mounts `source` of the host, read-only, at `target` as the process sees it. With `user_namespace`
/// the mounts of the process belong to its user namespace.
pub(super) fn show(
    process: BorrowedFd<'_>,
    user_namespace: bool,
    source: &[u8],
    target: &[u8],
) -> io::Result<()> {
    let (source, target) = (CString::new(source)?, CString::new(target)?);
    let (reader, writer) = rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC)?;
    // SAFETY: the launcher has one thread, so the child may go on with a copy of everything.
    let pid = match unsafe { libc::fork() } {
        -1 => return Err(io::Error::last_os_error()),
        0 => {
            if let Err(error) = hang(process, user_namespace, &source, &target) {
                let code = error.raw_os_error().unwrap_or(libc::EIO);
                let _ = rustix::io::write(&writer, &code.to_ne_bytes());
            }
            // SAFETY: ends the fork without running exit handlers that belong to the launcher.
            unsafe { libc::_exit(0) }
        }
        pid => rustix::process::Pid::from_raw(pid),
    };
    drop(writer);
    let mut code = [0; 4];
    let failed = io::Read::read_exact(&mut std::fs::File::from(reader), &mut code).is_ok();
    while let Err(rustix::io::Errno::INTR) = rustix::process::waitpid(pid, WaitOptions::empty()) {}
    if failed {
        return Err(io::Error::from_raw_os_error(i32::from_ne_bytes(code)));
    }
    Ok(())
}

fn hang(
    process: BorrowedFd<'_>,
    user_namespace: bool,
    source: &CString,
    target: &CString,
) -> io::Result<()> {
    if user_namespace {
        enter(process, libc::CLONE_NEWUSER)?;
    }
    // Mounts can only be cloned by whoever owns the namespace that they are in.
    // SAFETY: this process has one thread and shares nothing with another.
    check(unsafe { libc::unshare(libc::CLONE_NEWNS) })?;
    let flags = libc::OPEN_TREE_CLONE | libc::OPEN_TREE_CLOEXEC;
    let flags = flags | libc::AT_SYMLINK_NOFOLLOW.cast_unsigned();
    // SAFETY: the path is a live string that ends with a zero.
    let mount =
        unsafe { libc::syscall(libc::SYS_open_tree, libc::AT_FDCWD, source.as_ptr(), flags) };
    check(mount as i32)?;
    // SAFETY: the call has just returned this descriptor, which nobody else has.
    let mount = unsafe { OwnedFd::from_raw_fd(mount as i32) };
    restrict_mount(
        mount.as_raw_fd(),
        c"",
        READ_ONLY | NO_SUID | NO_DEV,
        libc::AT_EMPTY_PATH,
    )?;
    enter(process, libc::CLONE_NEWNS)?;
    // SAFETY: both paths are live strings that end with a zero.
    let moved = unsafe {
        libc::syscall(
            libc::SYS_move_mount,
            mount.as_raw_fd(),
            c"".as_ptr(),
            libc::AT_FDCWD,
            target.as_ptr(),
            libc::MOVE_MOUNT_F_EMPTY_PATH,
        )
    };
    check(moved as i32)
}

fn enter(process: BorrowedFd<'_>, kind: i32) -> io::Result<()> {
    // SAFETY: the descriptor is open; what changes is this process, which has one thread.
    check(unsafe { libc::setns(process.as_raw_fd(), kind) })
}

fn check(returned: i32) -> io::Result<()> {
    if returned == -1 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}

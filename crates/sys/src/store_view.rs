//! Showing a store at its logical place.
//!
//! The paths in store objects begin with the store directory, `/nix/store` as a rule, while a
//! rootless store keeps its files below the user's data. To run something out of such a store, a
//! process moves into a mount namespace of its own, in which the files lie where the paths say:
//! [`enter`]. An ordinary user needs a user namespace for that, in which they stay who they are.
//!
//! The process must have a single thread; the change lasts until it ends and is seen by what it
//! starts, and by nobody else.
#![allow(unsafe_code, reason = "separating namespaces has no safe wrapper")]

use std::fmt::Display;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::symlink;
use std::path::{Component, Path, PathBuf};

use rustix::mount::{MountFlags, MountPropagationFlags};

fn failed(doing: impl Display) -> impl FnOnce(io::Error) -> io::Error {
    move |error| io::Error::new(error.kind(), format!("{doing}: {error}"))
}

/// Shows the directory `physical` at `logical`, which need not exist.
///
/// # Errors
/// What the kernel refused, with the step that it refused.
pub fn enter(physical: &Path, logical: &Path) -> io::Result<()> {
    let here = std::env::current_dir()?;
    separate()?;
    if logical.is_dir() {
        bind(physical, logical)?;
    } else {
        let root = mirror_of_root(logical)?;
        let place = root.join(logical.strip_prefix("/").unwrap_or(logical));
        fs::create_dir_all(&place)?;
        bind(physical, &place)?;
        std::os::unix::fs::chroot(&root).map_err(failed("changing the root"))?;
    }
    std::env::set_current_dir(here)
}

/// Has root appear as an ordinary user, to itself and to the program that it becomes: for programs
/// that refuse to run as root. Files stay root's, and show the other number.
///
/// # Errors
/// What the kernel refused: user namespaces may be switched off.
pub fn become_ordinary(user: u32) -> io::Result<()> {
    let (uid, gid) = (rustix::process::getuid(), rustix::process::getgid());
    // SAFETY: `unshare` takes no pointers; nothing here relies on what it separates.
    if unsafe { libc::unshare(libc::CLONE_NEWUSER) } == -1 {
        return Err(failed("making a user namespace")(io::Error::last_os_error()));
    }
    fs::write("/proc/self/setgroups", "deny")?;
    fs::write("/proc/self/uid_map", format!("{user} {} 1", uid.as_raw()))?;
    fs::write("/proc/self/gid_map", format!("{user} {} 1", gid.as_raw()))
}

/// Makes the namespaces: mounts, and for an ordinary user the right to mount.
fn separate() -> io::Result<()> {
    let (uid, gid) = (rustix::process::getuid(), rustix::process::getgid());
    let mut flags = libc::CLONE_NEWNS;
    if !uid.is_root() {
        flags |= libc::CLONE_NEWUSER;
    }
    // SAFETY: `unshare` takes no pointers; nothing here relies on what it separates.
    if unsafe { libc::unshare(flags) } == -1 {
        return Err(failed("making a namespace for the store")(
            io::Error::last_os_error(),
        ));
    }
    if !uid.is_root() {
        fs::write("/proc/self/setgroups", "deny")?;
        fs::write("/proc/self/uid_map", format!("{0} {0} 1", uid.as_raw()))?;
        fs::write("/proc/self/gid_map", format!("{0} {0} 1", gid.as_raw()))?;
    }
    let private = MountPropagationFlags::PRIVATE | MountPropagationFlags::REC;
    rustix::mount::mount_change("/", private)
        .map_err(io::Error::from)
        .map_err(failed("making the mounts private"))
}

fn bind(source: &Path, target: &Path) -> io::Result<()> {
    let doing = format!("showing '{}' at '{}'", source.display(), target.display());
    rustix::mount::mount_bind_recursive(source, target)
        .map_err(io::Error::from)
        .map_err(failed(doing))
}

/// A new root in memory that shows everything in `/`, but leaves room for the first component of
/// `logical`.
fn mirror_of_root(logical: &Path) -> io::Result<PathBuf> {
    let root = std::env::temp_dir().join(format!("firn-root-{}", std::process::id()));
    fs::create_dir_all(&root)?;
    rustix::mount::mount("none", &root, "tmpfs", MountFlags::empty(), None)
        .map_err(io::Error::from)
        .map_err(failed("mounting a root"))?;
    let taken = logical.components().find_map(|component| match component {
        Component::Normal(name) => Some(name.to_owned()),
        _ => None,
    });
    for entry in fs::read_dir("/")? {
        let entry = entry?;
        if Some(entry.file_name()) == taken {
            continue;
        }
        let (source, target) = (entry.path(), root.join(entry.file_name()));
        let kind = entry.file_type()?;
        if kind.is_symlink() {
            symlink(fs::read_link(&source)?, &target)?;
        } else if kind.is_dir() {
            fs::create_dir(&target)?;
            bind(&source, &target)?;
        } else if kind.is_file() {
            File::create(&target)?;
            bind(&source, &target)?;
        }
    }
    Ok(root)
}

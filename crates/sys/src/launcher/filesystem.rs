//! The file system of a sandbox: a fresh root in memory, filled entry by entry, then made the root.
//!
//! Everything is mounted without setuid programs and, device nodes apart, without devices; what is
//! not meant to be written is read-only at the mount, whatever the file modes say, because the
//! builder may well be the owner of the files. The old root is detached before the program runs, so
//! no path leads out. The process is alone in its mount namespace, and mounts made here disappear
//! with it.
#![allow(unsafe_code)]

use std::ffi::{CString, OsStr};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use rustix::mount::{MountFlags, MountPropagationFlags, UnmountFlags};

use super::child::{Failure, failed};
use super::spec::{Access, Entry, SandboxSpec};

/// Makes the file system of a sandbox the root of this process.
pub(super) fn enter(sandbox: &SandboxSpec) -> Result<(), Failure> {
    rustix::mount::mount_change(
        "/",
        MountPropagationFlags::PRIVATE | MountPropagationFlags::REC,
    )
    .map_err(failed("making the mounts private"))?;
    let root = Path::new(OsStr::from_bytes(&sandbox.root));
    rustix::mount::mount(
        "none",
        root,
        "tmpfs",
        MountFlags::NOSUID | MountFlags::NODEV,
        c"mode=0755",
    )
    .map_err(failed("mounting the root of the sandbox"))?;
    // Modes of entries are exact.
    let _ = rustix::process::umask(rustix::fs::Mode::empty());
    for entry in &sandbox.entries {
        make(root, entry)?;
    }
    rustix::process::chdir(root).map_err(failed("entering the sandbox"))?;
    // Stacks the old root below the new one, from where it is detached.
    rustix::process::pivot_root(".", ".").map_err(failed("changing the root"))?;
    rustix::mount::unmount(".", UnmountFlags::DETACH).map_err(failed("leaving the old root"))?;
    rustix::process::chdir("/").map_err(failed("entering the new root"))?;
    if !sandbox.writable_root {
        restrict(Path::new("/"), READ_ONLY | NO_SUID | NO_DEV, false)?;
    }
    Ok(())
}

fn make(root: &Path, entry: &Entry) -> Result<(), Failure> {
    match entry {
        Entry::Directory { path, mode } => {
            let path = inside(root, path)?;
            make_directories(&path)?;
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(*mode))
                .map_err(io_failed("making directory", &path))
        }
        Entry::File {
            path,
            contents,
            mode,
        } => {
            let path = inside(root, path)?;
            make_parents(&path)?;
            std::fs::OpenOptions::new()
                .write(true)
                .create_new(true)
                .mode(*mode)
                .open(&path)
                .and_then(|mut file| std::io::Write::write_all(&mut file, contents))
                .map_err(io_failed("writing", &path))
        }
        Entry::Symlink { path, target } => {
            let path = inside(root, path)?;
            make_parents(&path)?;
            std::os::unix::fs::symlink(OsStr::from_bytes(target), &path)
                .map_err(io_failed("making link", &path))
        }
        Entry::Bind {
            path,
            source,
            access,
            optional,
        } => bind(root, path, source, *access, *optional),
        Entry::Tmpfs { path, options } => {
            let path = inside(root, path)?;
            make_directories(&path)?;
            let options = CString::new(&options[..]).map_err(|error| error.to_string())?;
            rustix::mount::mount(
                "none",
                &path,
                "tmpfs",
                MountFlags::NOSUID | MountFlags::NODEV,
                &*options,
            )
            .map_err(failed(format_args!("mounting '{}'", path.display())))
        }
        Entry::Proc { path } => {
            let path = inside(root, path)?;
            make_directories(&path)?;
            let flags = MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC;
            rustix::mount::mount("none", &path, "proc", flags, None).map_err(failed(
                "mounting '/proc' (where the host's own '/proc' is partly hidden, as in some \
                 containers, a sandbox is not possible)",
            ))
        }
        Entry::DevPts { path } => {
            let path = inside(root, path)?;
            make_directories(&path)?;
            rustix::mount::mount(
                "none",
                &path,
                "devpts",
                MountFlags::NOSUID | MountFlags::NOEXEC,
                c"newinstance,mode=0620,ptmxmode=0666",
            )
            .map_err(failed("mounting '/dev/pts'"))
        }
        Entry::Sys { path } => {
            let path = inside(root, path)?;
            make_directories(&path)?;
            let flags = MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC;
            rustix::mount::mount("none", &path, "sysfs", flags, None)
                .map_err(failed("mounting '/sys'"))
        }
        Entry::Owner { path, uid, gid } => {
            let path = inside(root, path)?;
            crate::file::set_owner(&path, *uid, *gid).map_err(io_failed("changing owner of", &path))
        }
    }
}

fn bind(
    root: &Path,
    path: &[u8],
    source: &[u8],
    access: Access,
    optional: bool,
) -> Result<(), Failure> {
    let path = inside(root, path)?;
    let source = Path::new(OsStr::from_bytes(source));
    let metadata = match std::fs::symlink_metadata(source) {
        Ok(metadata) => metadata,
        Err(error) if optional && error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) => {
            return Err(format!(
                "getting attributes of path '{}': {error}",
                source.display()
            ));
        }
    };
    if metadata.is_symlink() {
        make_parents(&path)?;
        let target = std::fs::read_link(source).map_err(io_failed("reading link", source))?;
        return std::os::unix::fs::symlink(target, &path).map_err(io_failed("making link", &path));
    }
    if metadata.is_dir() {
        make_directories(&path)?;
    } else {
        make_parents(&path)?;
        std::fs::OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o444)
            .open(&path)
            .map_err(io_failed("making", &path))?;
    }
    rustix::mount::mount_bind_recursive(source, &path).map_err(failed(format_args!(
        "bind mount from '{}' to '{}' failed",
        source.display(),
        path.display()
    )))?;
    let attributes = match access {
        Access::ReadOnly => READ_ONLY | NO_SUID | NO_DEV,
        Access::Writable => NO_SUID | NO_DEV,
        Access::Device => NO_SUID | NO_EXEC,
        Access::AsOnHost => return Ok(()),
    };
    restrict(&path, attributes, true)
}

pub(super) const READ_ONLY: u64 = 1;
pub(super) const NO_SUID: u64 = 2;
pub(super) const NO_DEV: u64 = 4;
const NO_EXEC: u64 = 8;

/// Adds restrictions to a mount, and to those below it.
fn restrict(path: &Path, attributes: u64, recursive: bool) -> Result<(), Failure> {
    let c_path = CString::new(path.as_os_str().as_bytes()).map_err(|error| error.to_string())?;
    let flags = if recursive { libc::AT_RECURSIVE } else { 0 };
    restrict_mount(libc::AT_FDCWD, &c_path, attributes, flags).map_err(|error| {
        if error.raw_os_error() == Some(libc::ENOSYS) {
            "the sandbox needs a kernel that knows 'mount_setattr' (Linux 5.12)".to_owned()
        } else {
            format!("restricting the mount '{}': {error}", path.display())
        }
    })
}

/// Adds restrictions to the mount that a path names, seen from a directory or mount.
pub(super) fn restrict_mount(
    from: std::os::fd::RawFd,
    path: &std::ffi::CStr,
    attributes: u64,
    flags: i32,
) -> std::io::Result<()> {
    let request = libc::mount_attr {
        attr_set: attributes,
        attr_clr: 0,
        propagation: 0,
        userns_fd: 0,
    };
    // SAFETY: the path is a live string that ends with a zero, and the size is that of the request.
    let done = unsafe {
        libc::syscall(
            libc::SYS_mount_setattr,
            from,
            path.as_ptr(),
            flags,
            &raw const request,
            size_of::<libc::mount_attr>(),
        )
    };
    if done == -1 {
        return Err(std::io::Error::last_os_error());
    }
    Ok(())
}

/// The place under the new root that an absolute path of the sandbox stands for.
fn inside(root: &Path, path: &[u8]) -> Result<PathBuf, Failure> {
    let path = Path::new(OsStr::from_bytes(path));
    let sound = path
        .components()
        .all(|part| !matches!(part, std::path::Component::ParentDir));
    match path.strip_prefix("/") {
        Ok(relative) if sound => Ok(root.join(relative)),
        _ => Err(format!(
            "'{}' is not an absolute path without '..'",
            path.display()
        )),
    }
}

fn make_parents(path: &Path) -> Result<(), Failure> {
    path.parent().map_or(Ok(()), make_directories)
}

fn make_directories(path: &Path) -> Result<(), Failure> {
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o755)
        .create(path)
        .map_err(io_failed("making directory", path))
}

fn io_failed<'a>(what: &'a str, path: &'a Path) -> impl FnOnce(std::io::Error) -> Failure + 'a {
    move |error| format!("{what} '{}': {error}", path.display())
}

//! File operations with more care than the standard library takes: atomic replacement, durable
//! writes, removal of read-only trees, timestamps and modes without following links.
//!
//! What must hold: after [`replace_symlink`] or [`write_file_atomically`] a reader sees either the
//! old state or the new one, at every instant and after a crash; nothing here ever follows a
//! symbolic link out of the tree it was given.

use std::ffi::OsStr;
use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::fs::{AtFlags, CWD, Mode, OFlags, Timespec, Timestamps};
use rustix::io::Errno;

/// Open flag: fail rather than follow a symbolic link in the last component.
pub const NO_FOLLOW: i32 = OFlags::NOFOLLOW.bits() as i32;

/// The permission bits that this process withholds from files it creates. Read from the kernel's
/// account of the process, because asking the usual way means changing it.
pub fn umask() -> u32 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("Umask:"));
    // Unknown is taken as "withholds everything": callers then set modes explicitly.
    mask.and_then(|mask| u32::from_str_radix(mask.trim(), 8).ok())
        .unwrap_or(0o777)
}

/// Whether files created in a directory inherit an access control list from it.
pub fn has_default_access_list(directory: &Path) -> bool {
    let mut value: [u8; 0] = [];
    rustix::fs::getxattr(directory, "system.posix_acl_default", &mut value)
        .is_ok_and(|length| length > 0)
}

/// A sibling name of `path` that no other process or thread uses: `<path><infix><pid>-<n>`.
pub fn sibling_name(path: &Path, infix: &str) -> PathBuf {
    static COUNTER: AtomicU64 = AtomicU64::new(0);
    let n = COUNTER.fetch_add(1, Ordering::Relaxed);
    let mut name = path.as_os_str().to_owned();
    name.push(format!("{infix}{}-{n}", std::process::id()));
    PathBuf::from(name)
}

/// Makes `link` a symbolic link to `target`, replacing whatever had that name in one step.
pub fn replace_symlink(target: &Path, link: &Path) -> io::Result<()> {
    loop {
        let temporary = sibling_name(link, ".tmp-");
        match std::os::unix::fs::symlink(target, &temporary) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => continue,
            Err(error) => return Err(error),
        }
        return std::fs::rename(&temporary, link).inspect_err(|_| {
            drop(std::fs::remove_file(&temporary));
        });
    }
}

/// Puts `new` where `old` is, and what was there where `new` was, in one step. Where nothing is at
/// `old`, or the file system cannot exchange names, this is an ordinary move, preceded by the
/// removal of what is there.
pub fn exchange(new: &Path, old: &Path) -> io::Result<()> {
    let flags = rustix::fs::RenameFlags::EXCHANGE;
    match rustix::fs::renameat_with(CWD, new, CWD, old, flags) {
        Ok(()) => Ok(()),
        Err(Errno::NOENT) => std::fs::rename(new, old),
        Err(Errno::INVAL | Errno::NOSYS) => {
            remove_tree(old)?;
            std::fs::rename(new, old)
        }
        Err(error) => Err(error.into()),
    }
}

/// Writes a file so that its name leads to the old contents or to all of the new ones. With
/// `durable` the contents and the name are on disk on return.
pub fn write_file_atomically(
    path: &Path,
    contents: &[u8],
    mode: u32,
    durable: bool,
) -> io::Result<()> {
    let temporary = sibling_name(path, ".tmp-");
    let written = (|| {
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(mode)
            .open(&temporary)?;
        file.write_all(contents)?;
        if durable {
            file.sync_all()?;
        }
        std::fs::rename(&temporary, path)
    })();
    if written.is_err() {
        drop(std::fs::remove_file(&temporary));
        return written;
    }
    if durable {
        sync_parent(path)?;
    }
    Ok(())
}

/// Syncs the directory that holds `path`, so that the name itself survives a power cut.
pub fn sync_parent(path: &Path) -> io::Result<()> {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => File::open(parent)?.sync_all(),
        _ => Ok(()),
    }
}

/// Syncs every file and directory of a tree, contents first.
pub fn sync_tree(path: &Path) -> io::Result<()> {
    let metadata = std::fs::symlink_metadata(path)?;
    if metadata.is_dir() {
        for entry in std::fs::read_dir(path)? {
            sync_tree(&entry?.path())?;
        }
        File::open(path)?.sync_all()
    } else if metadata.is_file() {
        File::open(path)?.sync_all()
    } else {
        Ok(())
    }
}

/// Sets the modification time of a path (of the link itself for a symbolic link); the access
/// time stays.
pub fn set_mtime(path: &Path, seconds: i64) -> io::Result<()> {
    rustix::fs::utimensat(CWD, path, &mtime_only(seconds), AtFlags::SYMLINK_NOFOLLOW)
        .map_err(Into::into)
}

/// Sets the modification time of an open file; the access time stays.
pub fn set_file_mtime(file: &File, seconds: i64) -> io::Result<()> {
    rustix::fs::futimens(file, &mtime_only(seconds)).map_err(Into::into)
}

fn mtime_only(seconds: i64) -> Timestamps {
    Timestamps {
        last_access: Timespec {
            tv_sec: 0,
            tv_nsec: rustix::fs::UTIME_OMIT,
        },
        last_modification: Timespec {
            tv_sec: seconds,
            tv_nsec: 0,
        },
    }
}

/// Fails as writing to a file or directory would, without writing.
pub fn check_writable(path: &Path) -> io::Result<()> {
    Ok(rustix::fs::access(path, rustix::fs::Access::WRITE_OK)?)
}

/// Changes the mode bits of a path that is known not to be a symbolic link.
pub fn set_mode(path: &Path, mode: u32) -> io::Result<()> {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode))
}

/// Changes the owner of a path, of the link itself for a symbolic link.
pub fn set_owner(path: &Path, uid: u32, gid: u32) -> io::Result<()> {
    std::os::unix::fs::lchown(path, Some(uid), Some(gid))
}

/// The effective user and group of this process.
pub fn effective_ids() -> (u32, u32) {
    (
        rustix::process::geteuid().as_raw(),
        rustix::process::getegid().as_raw(),
    )
}

/// Removes every extended attribute of a path (access control lists are among them), except the
/// named ones. A file system without such attributes has nothing to remove.
pub fn remove_extended_attributes(path: &Path, keep: &[Vec<u8>]) -> io::Result<()> {
    let mut names = vec![0_u8; 0];
    let length = loop {
        let mut probe: [u8; 0] = [];
        let needed = match rustix::fs::llistxattr(path, &mut probe) {
            Ok(0) | Err(Errno::NOTSUP | Errno::NODATA) => return Ok(()),
            Ok(needed) => needed,
            Err(error) => return Err(error.into()),
        };
        names.resize(needed, 0);
        match rustix::fs::llistxattr(path, &mut names[..]) {
            Ok(length) => break length,
            Err(Errno::RANGE) => {}
            Err(error) => return Err(error.into()),
        }
    };
    for name in names[..length]
        .split(|byte| *byte == 0)
        .filter(|name| !name.is_empty())
    {
        if keep.iter().any(|kept| kept == name) {
            continue;
        }
        rustix::fs::lremovexattr(path, name)?;
    }
    Ok(())
}

/// Removes a file or a whole tree, read-only directories included, and returns how many bytes
/// that gives back: the size of every file whose last name is gone (or last but one). An absent path gives zero.
pub fn remove_tree(path: &Path) -> io::Result<u64> {
    let metadata = match std::fs::symlink_metadata(path) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
        Err(error) => return Err(error),
    };
    if !metadata.is_dir() {
        return match std::fs::remove_file(path) {
            Ok(()) => Ok(freed_by_unlink(metadata.nlink(), metadata.len())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(0),
            Err(error) => Err(error),
        };
    }
    let parent = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let name = path
        .file_name()
        .ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
    let parent = rustix::fs::open(
        parent,
        OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC,
        Mode::empty(),
    )?;
    remove_directory_at(&parent, name)
}

/// What removing one name of a file gives back: its size if that was the last name. A second name
/// is likely that of a deduplicated file, which goes in the same sweep.
fn freed_by_unlink(n_links: u64, size: u64) -> u64 {
    if n_links <= 2 { size } else { 0 }
}

/// Depth-first removal relative to directory descriptors, so that path lengths and renames of
/// parents do not matter.
fn remove_directory_at(parent: &impl rustix::fd::AsFd, name: &OsStr) -> io::Result<u64> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let open = || rustix::fs::openat(parent, name, flags, Mode::empty());
    let directory = match open() {
        Err(Errno::NOENT) => return Ok(0),
        Err(Errno::ACCESS) => {
            rustix::fs::chmodat(parent, name, Mode::RWXU, AtFlags::empty())?;
            open()?
        }
        opened => opened?,
    };
    let metadata = rustix::fs::fstat(&directory)?;
    if Mode::from_raw_mode(metadata.st_mode) & Mode::RWXU != Mode::RWXU {
        rustix::fs::fchmod(&directory, Mode::RWXU)?;
    }
    let mut freed = 0;
    // Names are collected first: removing while reading may skip entries on some file systems.
    let mut names = Vec::new();
    for entry in rustix::fs::Dir::read_from(&directory)? {
        let entry = entry?;
        let name = entry.file_name().to_bytes();
        if name != b"." && name != b".." {
            names.push((entry.file_name().to_owned(), entry.file_type()));
        }
    }
    for (name, kind) in names {
        if kind == rustix::fs::FileType::Directory {
            freed += remove_directory_at(&directory, to_os_str(&name))?;
            continue;
        }
        let metadata = match rustix::fs::statat(&directory, &name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(metadata) => metadata,
            Err(Errno::NOENT) => continue,
            Err(error) => return Err(error.into()),
        };
        if rustix::fs::FileType::from_raw_mode(metadata.st_mode) == rustix::fs::FileType::Directory
        {
            freed += remove_directory_at(&directory, to_os_str(&name))?;
            continue;
        }
        match rustix::fs::unlinkat(&directory, &name, AtFlags::empty()) {
            Ok(()) => {
                freed += freed_by_unlink(
                    metadata.st_nlink as u64,
                    u64::try_from(metadata.st_size).unwrap_or(0),
                );
            }
            Err(Errno::NOENT) => {}
            Err(error) => return Err(error.into()),
        }
    }
    match rustix::fs::unlinkat(parent, name, AtFlags::REMOVEDIR) {
        Ok(()) | Err(Errno::NOENT) => Ok(freed),
        Err(error) => Err(error.into()),
    }
}

fn to_os_str(name: &std::ffi::CStr) -> &OsStr {
    use std::os::unix::ffi::OsStrExt as _;
    OsStr::from_bytes(name.to_bytes())
}

/// Bytes an ordinary user can still write on the file system that holds `path`.
pub fn free_space(path: &Path) -> io::Result<u64> {
    let status = rustix::fs::statvfs(path)?;
    Ok(status.f_bavail * status.f_frsize)
}

/// Whether the file system that holds `path` is mounted read-only.
pub fn is_on_read_only_mount(path: &Path) -> io::Result<bool> {
    let status = rustix::fs::statvfs(path)?;
    Ok(status
        .f_flag
        .contains(rustix::fs::StatVfsMountFlags::RDONLY))
}

/// Makes a mount point that is mounted read-only writable for this mount namespace.
pub fn remount_writable(path: &Path) -> io::Result<()> {
    use rustix::mount::{MountFlags, mount_remount};
    mount_remount(path, MountFlags::BIND, "").map_err(Into::into)
}

/// Asks the kernel to write everything that is waiting to be written.
pub fn sync_everything() {
    rustix::fs::sync();
}

/// Gives a file real disk space up to `size` bytes, writing zeros where the file system cannot
/// reserve space.
pub fn reserve_space(file: &mut File, size: u64) -> io::Result<()> {
    match rustix::fs::fallocate(&*file, rustix::fs::FallocateFlags::empty(), 0, size.max(1)) {
        Ok(()) => Ok(()),
        Err(Errno::NOTSUP) => {
            io::copy(&mut io::Read::take(io::repeat(0), size), file)?;
            Ok(())
        }
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn read_only_trees_are_removed_and_links_are_not_followed() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let outside = dir.path().join("outside");
        std::fs::write(&outside, "keep").expect("written");
        let tree = dir.path().join("tree");
        std::fs::create_dir_all(tree.join("a/b")).expect("created");
        std::fs::write(tree.join("a/b/file"), vec![1; 5000]).expect("written");
        std::os::unix::fs::symlink(&outside, tree.join("a/link")).expect("linked");
        std::os::unix::fs::symlink(dir.path(), tree.join("a/dirlink")).expect("linked");
        set_mode(&tree.join("a/b"), 0o555).expect("mode");
        set_mode(&tree.join("a"), 0o555).expect("mode");
        let freed = remove_tree(&tree).expect("removed");
        assert!(freed >= 5000, "{freed}");
        assert!(!tree.exists());
        assert!(outside.exists());
        assert_eq!(remove_tree(&tree).expect("absent is fine"), 0);
    }

    #[test]
    fn a_symlink_is_replaced_in_one_step() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let link = dir.path().join("link");
        replace_symlink(Path::new("one"), &link).expect("made");
        replace_symlink(Path::new("two"), &link).expect("replaced");
        assert_eq!(std::fs::read_link(&link).expect("a link"), Path::new("two"));
        assert_eq!(std::fs::read_dir(dir.path()).expect("readable").count(), 1);
    }

    #[test]
    fn timestamps_of_links_are_their_own() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let file = dir.path().join("file");
        std::fs::write(&file, "x").expect("written");
        let link = dir.path().join("link");
        std::os::unix::fs::symlink(&file, &link).expect("linked");
        set_mtime(&link, 1).expect("set");
        assert_eq!(std::fs::symlink_metadata(&link).expect("there").mtime(), 1);
        assert_ne!(std::fs::metadata(&file).expect("there").mtime(), 1);
    }
}

//! What this kernel and this user's rights allow, found out once and explained in words.
//!
//! Whether a user namespace can be made depends on half a dozen switches; trying is the only sure
//! test, and it is done in a forked child that does nothing else. When it fails, the switch that
//! forbids it is named.
#![allow(unsafe_code)]

use std::io;
use std::path::PathBuf;
use std::sync::OnceLock;

/// Whether this process can make user namespaces.
pub fn has_user_namespaces() -> bool {
    static ANSWER: OnceLock<bool> = OnceLock::new();
    *ANSWER.get_or_init(|| try_namespaces(libc::CLONE_NEWUSER))
}

/// Whether a sandbox is possible for this process: user, mount and process namespaces, and
/// mounting inside them.
pub fn has_sandbox() -> bool {
    static ANSWER: OnceLock<bool> = OnceLock::new();
    *ANSWER.get_or_init(|| {
        let namespaces = libc::CLONE_NEWNS | libc::CLONE_NEWPID;
        try_namespaces(libc::CLONE_NEWUSER | namespaces)
            || (is_privileged() && try_namespaces(namespaces))
    })
}

/// Whether this process acts for root.
pub fn is_privileged() -> bool {
    rustix::process::geteuid().is_root()
}

/// Why user namespaces cannot be made here, naming the switch where it is known.
pub fn why_no_user_namespaces() -> String {
    let read = |path: &str| std::fs::read_to_string(path).map(|text| text.trim().to_owned());
    if read("/proc/sys/user/max_user_namespaces").is_ok_and(|value| value == "0") {
        return "the kernel setting 'user.max_user_namespaces' is 0".to_owned();
    }
    if read("/proc/sys/kernel/unprivileged_userns_clone").is_ok_and(|value| value == "0") {
        return "the kernel setting 'kernel.unprivileged_userns_clone' is 0".to_owned();
    }
    if read("/proc/sys/kernel/apparmor_restrict_unprivileged_userns")
        .is_ok_and(|value| value == "1")
    {
        return "the kernel setting 'kernel.apparmor_restrict_unprivileged_userns' is 1".to_owned();
    }
    if !std::path::Path::new("/proc/self/ns/user").exists() {
        return "the kernel was built without user namespaces".to_owned();
    }
    "the kernel or a container around this process forbids user namespaces".to_owned()
}

/// Tries, in a child that ends at once, to enter new namespaces and to mount in them.
fn try_namespaces(flags: i32) -> bool {
    let flags = libc::c_ulong::from((flags | libc::SIGCHLD).cast_unsigned());
    let null = std::ptr::null_mut::<libc::c_void>();
    // SAFETY: a fork without shared memory; the child makes system calls only and ends.
    match unsafe { libc::syscall(libc::SYS_clone, flags, null, null, null, null) } {
        -1 => false,
        0 => {
            let mounts = flags & libc::c_ulong::from(libc::CLONE_NEWNS.cast_unsigned()) != 0;
            // SAFETY: constant strings; the process ends right after.
            unsafe {
                let refused = mounts
                    && libc::mount(
                        std::ptr::null(),
                        c"/".as_ptr(),
                        std::ptr::null(),
                        libc::MS_PRIVATE | libc::MS_REC,
                        std::ptr::null(),
                    ) == -1;
                libc::_exit(i32::from(refused))
            }
        }
        pid => {
            let mut status = 0;
            // SAFETY: waits for our own child; the status goes to a local value.
            while unsafe { libc::waitpid(pid as i32, &raw mut status, 0) } == -1 {
                if io::Error::last_os_error().kind() != io::ErrorKind::Interrupted {
                    return false;
                }
            }
            status == 0
        }
    }
}

/// Whether a user id of this process's namespace exists, so that a process may become it.
pub fn is_mapped_uid(uid: u32) -> bool {
    std::fs::read_to_string("/proc/self/uid_map").is_ok_and(|map| {
        map.lines().any(|line| {
            let mut numbers = line.split_whitespace().map(str::parse::<u64>);
            match (numbers.next(), numbers.next(), numbers.next()) {
                (Some(Ok(first)), Some(Ok(_)), Some(Ok(count))) => {
                    (first..first + count).contains(&u64::from(uid))
                }
                _ => false,
            }
        })
    })
}

/// The directory of this process's group in the unified control group hierarchy, where there is
/// one that this process may make groups in.
pub fn writable_cgroup() -> Option<PathBuf> {
    let mounts = std::fs::read_to_string("/proc/self/mounts").ok()?;
    let root = mounts.lines().find_map(|line| {
        let mut words = line.split(' ').skip(1);
        let path = words.next()?;
        (words.next()? == "cgroup2").then(|| PathBuf::from(path))
    })?;
    let own = std::fs::read_to_string("/proc/self/cgroup").ok()?;
    let own = own.lines().find_map(|line| line.strip_prefix("0::/"))?;
    let group = root.join(own);
    rustix::fs::access(&group, rustix::fs::Access::WRITE_OK)
        .is_ok()
        .then_some(group)
}

/// The number of processors this process may use, as it was when it was first asked for: control
/// groups make the question a costly one.
pub fn n_cores() -> usize {
    static ANSWER: OnceLock<usize> = OnceLock::new();
    *ANSWER.get_or_init(|| std::thread::available_parallelism().map_or(1, usize::from))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_agree_with_each_other() {
        assert!(has_sandbox() || !has_user_namespaces() || !why_no_user_namespaces().is_empty());
        assert!(is_mapped_uid(rustix::process::geteuid().as_raw()));
        assert!(n_cores() >= 1);
    }
}

//! Control groups of builders: who is in one can be counted and killed as one.
//!
//! Only the unified hierarchy is used, and of it no controller: a group made here counts processor
//! time and kills, which every group can. Groups are named after the process that made them, so
//! that those of one that was killed can be told and cleared away.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

const PREFIX: &str = "firn-build-";

/// A group for one program and all that it starts. It is killed and removed with this value.
#[derive(Debug)]
pub struct Cgroup {
    path: PathBuf,
}

impl Cgroup {
    /// Makes a group below another one.
    pub fn new(parent: &Path) -> io::Result<Cgroup> {
        static COUNTER: AtomicU64 = AtomicU64::new(0);
        let number = COUNTER.fetch_add(1, Ordering::Relaxed);
        if number == 0 {
            clear_leftovers(parent);
        }
        let path = parent.join(format!("{PREFIX}{}-{number}", std::process::id()));
        std::fs::create_dir(&path)?;
        Ok(Cgroup { path })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Lets a user make groups below it and move processes about in them.
    pub fn give_to(&self, uid: u32, gid: u32) -> io::Result<()> {
        for name in ["", "cgroup.procs", "cgroup.threads"] {
            crate::file::set_owner(&self.path.join(name), uid, gid)?;
        }
        Ok(())
    }

    /// Processor time of everything that was in it, in the programs and in the kernel.
    pub fn cpu_time(&self) -> io::Result<(Duration, Duration)> {
        let text = std::fs::read_to_string(self.path.join("cpu.stat"))?;
        let of = |name: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(name));
            let number = line.and_then(|it| it.trim().parse().ok());
            Duration::from_micros(number.unwrap_or_default())
        };
        Ok((of("user_usec "), of("system_usec ")))
    }
}

impl Drop for Cgroup {
    fn drop(&mut self) {
        kill(&self.path);
        remove(&self.path);
    }
}

/// Kills everything in a group; says nothing where the kernel is too old for that (before 5.14).
pub fn kill(group: &Path) {
    drop(std::fs::write(group.join("cgroup.kill"), "1"));
}

/// Removes a group and those below it, once what was killed in them has gone.
fn remove(group: &Path) {
    for entry in std::fs::read_dir(group).into_iter().flatten().flatten() {
        if entry.file_type().is_ok_and(|it| it.is_dir()) {
            remove(&entry.path());
        }
    }
    for _ in 0..100 {
        match std::fs::remove_dir(group) {
            Err(error) if error.kind() == io::ErrorKind::ResourceBusy => {
                std::thread::sleep(Duration::from_millis(2));
            }
            _ => return,
        }
    }
}

/// Ends and removes groups whose makers are gone.
fn clear_leftovers(parent: &Path) {
    for entry in std::fs::read_dir(parent).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let maker = name
            .to_str()
            .and_then(|name| name.strip_prefix(PREFIX)?.split('-').next());
        let Some(maker) = maker else { continue };
        if !Path::new("/proc").join(maker).exists() {
            kill(&entry.path());
            remove(&entry.path());
        }
    }
}

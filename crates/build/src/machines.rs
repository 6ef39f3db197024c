//! The machines that build for this one: how the field writes them down, and which one to take.
//!
//! A machine is a line of words: its store's address, the systems it builds for, a key file, how
//! many builds at once, a speed factor, features it has, features that a build must ask for, and its
//! host key. All but the first may be left out or be `-`. Lines end with a line feed or a semicolon;
//! a line `@FILE` stands for the lines of a file.
//!
//! Each build takes one of a machine's slots, a lock file below the state directory, so that all
//! processes of this machine share them. The least loaded machine is taken, by its speed.

use std::collections::{BTreeSet, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use firn_sys::file_lock::{FileLock, LockKind};

/// A machine that builds for this one.
#[derive(Clone, Debug, PartialEq)]
pub struct Machine {
    /// The address of its store.
    pub url: String,
    /// The systems it builds for.
    pub systems: BTreeSet<String>,
    /// The file of the private key to log in with.
    pub key_file: Option<PathBuf>,
    /// Builds at once.
    pub max_jobs: usize,
    /// How fast it is, beside the others.
    pub speed: f64,
    /// Features that it has.
    pub supported: BTreeSet<String>,
    /// Features that it has, without which a build does not go there.
    pub mandatory: BTreeSet<String>,
    /// Its public key, in base-64.
    pub host_key: Option<String>,
}

impl Machine {
    /// Reads the machines that a text lists. `read` gives the contents of files that it names.
    pub fn parse_list(
        text: &str,
        this_system: &str,
        read: &dyn Fn(&Path) -> Result<String, String>,
    ) -> Result<Vec<Machine>, String> {
        let mut machines = Vec::new();
        for line in text.split(['\n', ';']) {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            match line.strip_prefix('@') {
                Some(file) => {
                    let text = read(Path::new(file))?;
                    machines.extend(Machine::parse_list(&text, this_system, read)?);
                }
                None => machines.push(Machine::parse(line, this_system)?),
            }
        }
        Ok(machines)
    }

    fn parse(line: &str, this_system: &str) -> Result<Machine, String> {
        let words: Vec<&str> = line.split_whitespace().collect();
        let word = |idx: usize| words.get(idx).copied().filter(|it| *it != "-");
        let bad = |what: &str| format!("bad machine specification: {what} in '{line}'");
        let set = |idx: usize| -> BTreeSet<String> {
            let words = word(idx).into_iter().flat_map(|it| it.split(','));
            words.map(str::to_owned).collect()
        };
        let url = word(0).ok_or_else(|| bad("store address is missing"))?;
        let is_address = url.contains("://")
            || ["/", "local", "remote", "auto"]
                .iter()
                .any(|it| url.starts_with(it));
        let max_jobs = word(3).map_or(Ok(1), str::parse);
        let speed = word(4).map_or(Ok(1.0), str::parse);
        let systems = set(1);
        Ok(Machine {
            url: if is_address {
                url.to_owned()
            } else {
                format!("ssh://{url}")
            },
            systems: if systems.is_empty() {
                BTreeSet::from([this_system.to_owned()])
            } else {
                systems
            },
            key_file: word(2).map(PathBuf::from),
            max_jobs: max_jobs.map_err(|_| bad("the number of jobs is none"))?,
            speed: speed
                .ok()
                .filter(|speed: &f64| *speed > 0.0)
                .ok_or_else(|| bad("speed factor must be a positive number"))?,
            supported: set(5),
            mandatory: set(6),
            host_key: word(7).map(str::to_owned),
        })
    }

    /// Whether it can build for a system with these features.
    pub fn can_build(&self, system: &str, features: &BTreeSet<String>) -> bool {
        (system.starts_with("builtin") || self.systems.contains(system))
            && features
                .iter()
                .all(|it| self.supported.contains(it) || self.mandatory.contains(it))
            && self.mandatory.iter().all(|it| features.contains(it))
    }
}

/// A slot of a machine, held as long as the value lives.
#[derive(Debug)]
pub(crate) struct Slot {
    /// Which machine.
    pub(crate) machine_idx: usize,
    _lock: FileLock,
}

/// What there is for a build.
pub(crate) enum Choice {
    /// A machine with a free slot.
    Free(Slot),
    /// All machines that could do it are busy.
    Busy,
    /// No machine can do it.
    Nobody,
}

/// The machines, and which of them cannot be reached.
pub(crate) struct Machines {
    pub(crate) list: Arc<[Machine]>,
    pub(crate) unreachable: HashSet<usize>,
    directory: PathBuf,
}

impl Machines {
    /// The machines, with their load written below a state directory.
    pub(crate) fn new(list: Arc<[Machine]>, state_dir: &Path) -> Machines {
        Machines {
            list,
            unreachable: HashSet::new(),
            directory: state_dir.join("current-load"),
        }
    }

    fn able<'a>(
        &'a self,
        system: &'a str,
        features: &'a BTreeSet<String>,
    ) -> impl Iterator<Item = (usize, &'a Machine)> {
        self.list.iter().enumerate().filter(move |(idx, machine)| {
            !self.unreachable.contains(idx) && machine.can_build(system, features)
        })
    }

    /// Whether any machine that can be reached could build this.
    pub(crate) fn can_build(&self, system: &str, features: &BTreeSet<String>) -> bool {
        self.able(system, features).next().is_some()
    }

    /// Takes a slot of the machine that will be done soonest.
    pub(crate) fn choose(&self, system: &str, features: &BTreeSet<String>) -> Choice {
        let mut best: Option<(f64, f64, Slot)> = None;
        let mut nobody = true;
        for (machine_idx, machine) in self.able(system, features) {
            nobody = false;
            let (mut load, mut free) = (0, None);
            for slot in 0..machine.max_jobs {
                match self.try_lock(machine, slot) {
                    Some(lock) => free = free.or(Some(lock)),
                    None => load += 1,
                }
            }
            let Some(lock) = free else { continue };
            let share = f64::from(load) / machine.speed;
            let is_better = best.as_ref().is_none_or(|(other, speed, _)| {
                share < *other || (share <= *other && machine.speed > *speed)
            });
            if is_better {
                let slot = Slot {
                    machine_idx,
                    _lock: lock,
                };
                best = Some((share, machine.speed, slot));
            }
        }
        match best {
            Some((_, _, slot)) => Choice::Free(slot),
            None if nobody => Choice::Nobody,
            None => Choice::Busy,
        }
    }

    fn try_lock(&self, machine: &Machine, slot: usize) -> Option<FileLock> {
        std::fs::create_dir_all(&self.directory).ok()?;
        let name = format!("{}-{slot}", machine.url.replace('/', "_"));
        FileLock::try_acquire(&self.directory.join(name), LockKind::Exclusive).ok()?
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Vec<Machine>, String> {
        Machine::parse_list(text, "x86_64-linux", &|path| {
            assert_eq!(path, Path::new("/etc/machines"));
            Ok("# here they are\nfast - - 8 4".to_owned())
        })
    }

    #[test]
    fn lines_of_words_with_holes() {
        let machines = parse(
            "ssh-ng://me@host i686-linux,x86_64-linux /key 3 2 kvm,big secret AAAA; /store\n@/etc/machines",
        )
        .expect("sound");
        assert_eq!(machines.len(), 3);
        let first = &machines[0];
        assert_eq!((first.max_jobs, first.speed), (3, 2.0));
        assert_eq!(first.host_key.as_deref(), Some("AAAA"));
        assert_eq!(first.key_file.as_deref(), Some(Path::new("/key")));
        assert_eq!(machines[1].url, "/store");
        assert!(machines[1].systems.contains("x86_64-linux"));
        assert_eq!(machines[2].url, "ssh://fast");
        assert!(
            parse("host - - many")
                .expect_err("no number")
                .contains("jobs")
        );
        assert!(
            parse("host - - 1 0")
                .expect_err("standstill")
                .contains("speed")
        );
    }

    #[test]
    fn features_decide_who_may() {
        let machine = &parse("h - - 1 1 kvm secret").expect("sound")[0];
        let features = |list: &[&str]| list.iter().map(|it| (*it).to_owned()).collect();
        let can = |list: &[&str]| machine.can_build("x86_64-linux", &features(list));
        assert!(can(&["kvm", "secret"]) && can(&["secret"]));
        assert!(!can(&["kvm"]) && !can(&[]) && !can(&["secret", "other"]));
        assert!(!machine.can_build("aarch64-linux", &features(&["secret"])));
    }

    #[test]
    fn the_least_loaded_is_taken_by_its_speed() {
        let dir = tempfile::tempdir().expect("a directory");
        let list = parse("/slow - - 2 1\n/fast - - 2 4").expect("sound");
        let machines = Machines::new(list.into(), dir.path());
        let none = BTreeSet::new();
        let mut slots = Vec::new();
        while let Choice::Free(slot) = machines.choose("x86_64-linux", &none) {
            slots.push(slot);
        }
        let order: Vec<_> = slots.iter().map(|slot| slot.machine_idx).collect();
        assert_eq!(order, [1, 0, 1, 0]);
        assert!(matches!(
            machines.choose("x86_64-linux", &none),
            Choice::Busy
        ));
        assert!(matches!(
            machines.choose("riscv64-linux", &none),
            Choice::Nobody
        ));
        slots.pop();
        assert!(matches!(
            machines.choose("x86_64-linux", &none),
            Choice::Free(_)
        ));
    }
}

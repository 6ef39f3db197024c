//! The directories that hold the units of a system.
//!
//! The first is the system's own, made from its configuration. A second one, where there is one, is
//! that of the service manager, whose units a configuration adds to by drop-ins. NixOS links those
//! into the first, so that there the second has nothing more to say.

use std::path::{Path, PathBuf};

use crate::names::template_of;
use crate::unit::Unit;

/// Where to look for units.
#[derive(Clone, Debug)]
pub(crate) struct UnitDirs {
    own: PathBuf,
    upstream: Option<PathBuf>,
}

/// Whether there is a unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Presence {
    /// There is.
    Present,
    /// It leads to `/dev/null`: it must not be started.
    Masked,
    /// There is none.
    Missing,
}

/// The files of a unit.
#[derive(Clone, Debug)]
pub(crate) struct Located {
    /// Whether there is one.
    pub(crate) presence: Presence,
    /// Whether it is the service manager's.
    pub(crate) is_upstream: bool,
    file: PathBuf,
    drop_ins: Vec<PathBuf>,
}

impl Located {
    /// Whether the system has the unit.
    pub(crate) fn is_present(&self) -> bool {
        self.presence == Presence::Present
    }

    /// Reads the unit with its drop-ins.
    pub(crate) fn read(&self) -> std::io::Result<Unit> {
        Unit::read(&self.files(&self.file))
    }

    /// Reads the unit with its own drop-ins on the base of another version. For a unit of the
    /// service manager this shows what the configuration changed, not what an upgrade did.
    pub(crate) fn read_on(&self, base: &Self) -> std::io::Result<Unit> {
        Unit::read(&self.files(&base.file))
    }

    fn files(&self, base: &Path) -> Vec<PathBuf> {
        let mut files = vec![base.to_owned()];
        files.extend(self.drop_ins.iter().cloned());
        files
    }
}

impl UnitDirs {
    /// The units of a system, for the system (`system`) or for users (`user`).
    pub(crate) fn of(toplevel: &Path, kind: &str) -> Self {
        let upstream = toplevel.join("systemd/lib/systemd").join(kind);
        Self {
            own: toplevel.join("etc/systemd").join(kind),
            upstream: upstream.is_dir().then_some(upstream),
        }
    }

    /// The same, with what a machine has in `/etc` now.
    pub(crate) fn with_etc(etc: &Path, toplevel: &Path, kind: &str) -> Self {
        Self {
            own: etc.join("systemd").join(kind),
            ..Self::of(toplevel, kind)
        }
    }

    /// Finds a unit, or the template that it is an instance of.
    pub(crate) fn locate(&self, unit: &str) -> Located {
        let exact = self.locate_file(unit);
        let (mut found, names) = match template_of(unit) {
            Some(template) if exact.presence == Presence::Missing => {
                (self.locate_file(&template), vec![template, unit.to_owned()])
            }
            _ => (exact, vec![unit.to_owned()]),
        };
        found.drop_ins = names.iter().flat_map(|it| self.drop_ins(it)).collect();
        found
    }

    /// Whether an instance of a template has a drop-in of its own that is not masked.
    pub(crate) fn has_instance_drop_in(&self, unit: &str) -> bool {
        let mut drop_ins = self.drop_ins(unit).into_iter();
        drop_ins.any(|it| presence(&it) == Presence::Present)
    }

    /// Whether a unit is only there as an instance of its template.
    pub(crate) fn is_instance_only(&self, unit: &str) -> bool {
        template_of(unit).is_some() && self.locate_file(unit).presence == Presence::Missing
    }

    fn locate_file(&self, unit: &str) -> Located {
        let mut candidates = vec![(self.own.join(unit), false)];
        candidates.extend(self.upstream.iter().map(|it| (it.join(unit), true)));
        for (file, is_upstream) in &candidates {
            let presence = presence(file);
            if presence != Presence::Missing {
                return Located {
                    presence,
                    is_upstream: *is_upstream,
                    file: file.clone(),
                    drop_ins: Vec::new(),
                };
            }
        }
        Located {
            presence: Presence::Missing,
            is_upstream: false,
            file: self.own.join(unit),
            drop_ins: Vec::new(),
        }
    }

    fn drop_ins(&self, unit: &str) -> Vec<PathBuf> {
        let Ok(entries) = std::fs::read_dir(self.own.join(format!("{unit}.d"))) else {
            return Vec::new();
        };
        let mut files: Vec<_> = entries
            .filter_map(|it| Some(it.ok()?.path()))
            .filter(|it| it.extension().is_some_and(|it| it == "conf"))
            .collect();
        files.sort();
        files
    }
}

fn presence(file: &Path) -> Presence {
    match file.canonicalize() {
        Ok(target) if target == Path::new("/dev/null") => Presence::Masked,
        Ok(_) => Presence::Present,
        Err(_) => Presence::Missing,
    }
}

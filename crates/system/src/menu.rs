//! The boot menu: one entry for each generation of a machine, where the firmware finds it.
//!
//! Menus are written so that a machine that loses power has the old one or the new one: kernels
//! and initrds first, each under a name that tells its contents apart; then entries; then the file
//! that says which is the default, by one rename; all of it synced. What no entry needs any more
//! goes last. Which loader it is, and how it is set up, a system says in `boot-loader.json`.

mod extlinux;
mod files;
mod systemd_boot;

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::boot_spec::BootSpec;
use crate::error::{SystemError, io_error};
use crate::generations::{Generation, date};
use crate::machine::Machine;

/// The loaders that menus are written for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loader {
    /// Nobody: the machine is booted by other means.
    None,
    /// systemd-boot, for UEFI.
    SystemdBoot,
    /// extlinux, syslinux, and U-Boot, which reads their menus.
    Extlinux,
}

/// How the loader of a system is set up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoaderConfig {
    /// Which one.
    pub loader: Loader,
    /// Where its file system is mounted.
    pub mount_point: PathBuf,
    /// Seconds until the default starts; `None` to wait.
    pub timeout: Option<u64>,
    /// How many generations are listed; `None` for all.
    pub limit: Option<u64>,
    /// Whether parameters may be changed in the menu.
    pub editor: bool,
    /// The resolution of the menu.
    pub console_mode: String,
    /// How often a new entry is tried; `None` for no counting.
    pub tries: Option<u64>,
    /// The loader itself, to be kept up to date where it is installed.
    pub program: Option<PathBuf>,
    /// What the system calls itself.
    pub title: String,
}

impl LoaderConfig {
    /// Reads what a system says.
    pub fn read(toplevel: &Path) -> Result<Self, SystemError> {
        let path = toplevel.join("boot-loader.json");
        let text = match std::fs::read_to_string(&path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => "{}".to_owned(),
            text => text.map_err(io_error("reading", &path))?,
        };
        let json: Value =
            serde_json::from_str(&text).map_err(|it| SystemError::malformed(&path, it))?;
        let loader = match json["id"].as_str().unwrap_or("none") {
            "none" => Loader::None,
            "systemd-boot" => Loader::SystemdBoot,
            "extlinux" => Loader::Extlinux,
            other => {
                let text = format!("the boot loader '{other}' is not known");
                return Err(SystemError::malformed(&path, text));
            }
        };
        let text = |key: &str, default: &str| json[key].as_str().unwrap_or(default).to_owned();
        Ok(Self {
            loader,
            mount_point: text("mountPoint", "/boot").into(),
            timeout: json["timeout"].as_u64(),
            limit: json["limit"].as_u64(),
            editor: json["editor"].as_bool().unwrap_or(true),
            console_mode: text("consoleMode", "keep"),
            tries: json["tries"].as_u64(),
            program: json["program"].as_str().map(PathBuf::from),
            title: text("title", "Firn"),
        })
    }
}

/// One line of a menu.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Entry {
    number: u64,
    specialisation: Option<String>,
    spec: BootSpec,
    created: i64,
}

impl Entry {
    /// What a person reads.
    fn description(&self) -> String {
        let variant = self
            .specialisation
            .as_ref()
            .map(|it| format!(" ({it})"))
            .unwrap_or_default();
        let day = date(self.created);
        let day = day.split(' ').next().unwrap_or_default();
        format!(
            "Generation {}{variant} {}, built on {day}",
            self.number, self.spec.label
        )
    }
}

/// A menu about to be written.
struct Menu<'a> {
    machine: &'a Machine,
    config: &'a LoaderConfig,
    /// Newest first.
    entries: Vec<Entry>,
    default: u64,
}

/// Writes the menu of a machine: all generations that can boot, the given system as the default.
pub fn install(
    machine: &Machine,
    toplevel: &Path,
    generations: &[Generation],
    say: &mut dyn FnMut(&str),
) -> Result<(), SystemError> {
    let config = LoaderConfig::read(&machine.path(toplevel))?;
    if config.loader == Loader::None {
        return Ok(());
    }
    let newest_first = || generations.iter().rev();
    let default = newest_first()
        .find(|it| it.toplevel == toplevel)
        .or_else(|| newest_first().find(|it| it.is_current));
    let Some(default) = default.map(|it| it.number) else {
        return Err(SystemError::other(
            "the profile has no generations, so the boot menu would be empty; it is left as it is",
        ));
    };
    let limit = config.limit.map_or(usize::MAX, |it| it as usize);
    let mut entries = Vec::new();
    for (place, generation) in newest_first().enumerate() {
        if place >= limit && generation.number != default {
            continue;
        }
        match entries_of(machine, generation) {
            Ok(found) => entries.extend(found),
            Err(error) if generation.number == default => return Err(error),
            Err(error) => say(&format!(
                "warning: generation {} is not in the boot menu: {error}",
                generation.number
            )),
        }
    }
    let mount_point = machine.path(&config.mount_point);
    if !mount_point.is_dir() {
        return Err(SystemError::other(format!(
            "the boot loader's file system is to be mounted at '{}', which is no directory",
            config.mount_point.display()
        )));
    }
    let menu = Menu {
        machine,
        config: &config,
        entries,
        default,
    };
    match config.loader {
        Loader::None => Ok(()),
        Loader::SystemdBoot => systemd_boot::write(&menu),
        Loader::Extlinux => extlinux::write(&menu),
    }
}

fn entries_of(machine: &Machine, generation: &Generation) -> Result<Vec<Entry>, SystemError> {
    let toplevel = machine.path(&generation.toplevel);
    let spec = BootSpec::read(&toplevel)?;
    let variants = spec.specialisations.clone();
    let entry = |specialisation: Option<String>, spec: BootSpec| Entry {
        number: generation.number,
        specialisation,
        spec,
        created: generation.created,
    };
    let mut entries = vec![entry(None, spec)];
    for (name, path) in variants {
        entries.push(entry(Some(name), BootSpec::read(&machine.path(path))?));
    }
    Ok(entries)
}

#[cfg(test)]
mod tests;

//! Menus of systemd-boot: a file for each entry in `loader/entries`, and `loader/loader.conf`.
//!
//! With boot counting a new default is written as `…+3.conf`. The loader counts down with each
//! attempt and passes over an entry that has no tries left; the system itself takes the counter
//! away once it is up. The loader then chooses by order (newest first, failed ones last), so that
//! a default is only named where it is not the newest. Counters of entries that are there already
//! are left alone.

use std::collections::BTreeSet;

use super::files::{copy, copy_once, keep_only, names, write as write_file};
use super::{Entry, Menu};
use crate::error::SystemError;

/// How names of our entries begin.
const PREFIX: &str = "nixos-generation-";

pub(super) fn write(menu: &Menu<'_>) -> Result<(), SystemError> {
    let config = menu.config;
    let esp = menu.machine.path(&config.mount_point);
    let kernels = esp.join("EFI/nixos");
    let entries = esp.join("loader/entries");
    if let Some(program) = &config.program {
        let source = menu.machine.path(program);
        for target in ["EFI/systemd/systemd-bootx64.efi", "EFI/BOOT/BOOTX64.EFI"] {
            let target = esp.join(target);
            let read = |path: &std::path::Path| std::fs::read(path).ok();
            if read(&source) != read(&target) {
                copy(&source, &target)?;
            }
        }
    }
    let mut wanted_kernels = BTreeSet::new();
    let mut wanted_entries = BTreeSet::new();
    let present = names(&entries);
    let newest = menu.entries.iter().map(|it| it.number).max();
    for entry in &menu.entries {
        let linux = copy_once(menu.machine, &entry.spec.kernel, &kernels, ".efi")?;
        let mut text = format!(
            "title {}\nsort-key {}\nversion {}\nlinux /EFI/nixos/{linux}\n",
            config.title,
            sort_key(entry),
            entry.description(),
        );
        wanted_kernels.insert(linux);
        if let Some(initrd) = &entry.spec.initrd {
            let initrd = copy_once(menu.machine, initrd, &kernels, ".efi")?;
            text.push_str(&format!("initrd /EFI/nixos/{initrd}\n"));
            wanted_kernels.insert(initrd);
        }
        text.push_str(&format!("options {}\n", entry.spec.command_line()));
        let id = entry_id(entry);
        let is_default = entry.number == menu.default && entry.specialisation.is_none();
        let same = present.iter().find(|name| {
            let is_it = without_counter(name) == Some(id.as_str());
            let is_worn_out = is_default && name.contains("+0");
            is_it
                && !is_worn_out
                && std::fs::read_to_string(entries.join(name)).is_ok_and(|it| it == text)
        });
        let name = if let Some(name) = same {
            name.clone()
        } else {
            let counter = match config.tries {
                Some(tries) if is_default && newest == Some(entry.number) => format!("+{tries}"),
                _ => String::new(),
            };
            let name = format!("{id}{counter}.conf");
            write_file(&entries.join(&name), &text)?;
            name
        };
        wanted_entries.insert(name);
    }
    write_file(
        &esp.join("loader/loader.conf"),
        &loader_conf(menu, newest == Some(menu.default)),
    )?;
    keep_only(&entries, &wanted_entries, |it| it.starts_with(PREFIX))?;
    keep_only(&kernels, &wanted_kernels, |_| true)
}

fn loader_conf(menu: &Menu<'_>, is_newest: bool) -> String {
    let config = menu.config;
    let mut text = match config.timeout {
        Some(seconds) => format!("timeout {seconds}\n"),
        None => "timeout menu-force\n".to_owned(),
    };
    if config.tries.is_none() || !is_newest {
        text.push_str(&format!("default {PREFIX}{}.conf\n", menu.default));
    }
    if !config.editor {
        text.push_str("editor no\n");
    }
    text.push_str(&format!("console-mode {}\n", config.console_mode));
    text
}

/// Variants come after all generations, so that none is chosen by order.
fn sort_key(entry: &Entry) -> &'static str {
    if entry.specialisation.is_some() {
        "nixos-variant"
    } else {
        "nixos"
    }
}

fn entry_id(entry: &Entry) -> String {
    match &entry.specialisation {
        None => format!("{PREFIX}{}", entry.number),
        Some(name) => format!("{PREFIX}{}-specialisation-{name}", entry.number),
    }
}

/// The identifier in the name of an entry's file.
fn without_counter(name: &str) -> Option<&str> {
    let stem = name.strip_suffix(".conf")?;
    Some(stem.split_once('+').map_or(stem, |it| it.0))
}

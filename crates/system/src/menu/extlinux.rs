//! Menus of extlinux: one file, `extlinux/extlinux.conf`, replaced by one rename.

use std::collections::BTreeSet;

use super::files::{copy_once, keep_only, write as write_file};
use super::{Entry, Menu};
use crate::error::SystemError;

pub(super) fn write(menu: &Menu<'_>) -> Result<(), SystemError> {
    let config = menu.config;
    let boot = menu.machine.path(&config.mount_point);
    let kernels = boot.join("nixos");
    let mut wanted = BTreeSet::new();
    let mut text = format!(
        "# Made from the generations of this machine; it is written anew at each switch.\nDEFAULT {}\nMENU TITLE {}\n",
        label(menu.default, None),
        config.title
    );
    // Tenths of seconds; without one the menu waits.
    if let Some(seconds) = config.timeout {
        text.push_str(&format!("PROMPT 0\nTIMEOUT {}\n", (seconds * 10).max(1)));
    } else {
        text.push_str("PROMPT 1\nTIMEOUT 0\n");
    }
    for entry in &menu.entries {
        text.push_str(&entry_text(menu, entry, &kernels, &mut wanted)?);
    }
    write_file(&boot.join("extlinux/extlinux.conf"), &text)?;
    keep_only(&kernels, &wanted, |_| true)
}

fn entry_text(
    menu: &Menu<'_>,
    entry: &Entry,
    kernels: &std::path::Path,
    wanted: &mut BTreeSet<String>,
) -> Result<String, SystemError> {
    let linux = copy_once(menu.machine, &entry.spec.kernel, kernels, "")?;
    let mut text = format!(
        "\nLABEL {}\n  MENU LABEL {}\n  LINUX ../nixos/{linux}\n",
        label(entry.number, entry.specialisation.as_deref()),
        entry.description()
    );
    wanted.insert(linux);
    if let Some(initrd) = &entry.spec.initrd {
        let initrd = copy_once(menu.machine, initrd, kernels, "")?;
        text.push_str(&format!("  INITRD ../nixos/{initrd}\n"));
        wanted.insert(initrd);
    }
    text.push_str(&format!("  APPEND {}\n", entry.spec.command_line()));
    Ok(text)
}

fn label(number: u64, specialisation: Option<&str>) -> String {
    format!("nixos-{number}-{}", specialisation.unwrap_or("default"))
}

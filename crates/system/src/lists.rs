//! Lists of units in files: what a switch still has to do, and what the activation asks of it.
//!
//! A switch writes what it is going to start, restart and reload before it begins, and takes a list
//! away when that is done. One that is interrupted leaves them, and the next one takes them up.

use std::collections::BTreeSet;
use std::path::Path;

use firn_sys::file::write_file_atomically;

use crate::error::{SystemError, io_error};
use crate::plan::Plan;

/// Reads a list; one that is not there is empty.
pub(crate) fn read(directory: &Path, name: &str) -> BTreeSet<String> {
    let text = std::fs::read_to_string(directory.join(name)).unwrap_or_default();
    let lines = text.lines().map(str::trim).filter(|it| !it.is_empty());
    lines.map(str::to_owned).collect()
}

/// Takes a list away.
pub(crate) fn remove(directory: &Path, name: &str) -> Result<(), SystemError> {
    let path = directory.join(name);
    match std::fs::remove_file(&path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(io_error("removing", &path)(error))
        }
        _ => Ok(()),
    }
}

/// Reads a list and takes it away.
pub(crate) fn take(directory: &Path, name: &str) -> Result<BTreeSet<String>, SystemError> {
    let list = read(directory, name);
    remove(directory, name)?;
    Ok(list)
}

/// The plan that an interrupted switch left.
pub(crate) fn read_plan(directory: &Path) -> Plan {
    Plan {
        start: read(directory, START),
        restart: read(directory, RESTART),
        reload: read(directory, RELOAD),
        ..Plan::default()
    }
}

/// Writes what is to be done.
pub(crate) fn write_plan(directory: &Path, plan: &Plan) -> Result<(), SystemError> {
    let lists = [
        (START, &plan.start),
        (RESTART, &plan.restart),
        (RELOAD, &plan.reload),
    ];
    for (name, units) in lists {
        if units.is_empty() {
            remove(directory, name)?;
            continue;
        }
        let text: String = units.iter().map(|it| format!("{it}\n")).collect();
        let path = directory.join(name);
        write_file_atomically(&path, text.as_bytes(), 0o644, false)
            .map_err(io_error("writing", &path))?;
    }
    Ok(())
}

/// What is left to start.
pub(crate) const START: &str = "start-list";
/// What is left to restart.
pub(crate) const RESTART: &str = "restart-list";
/// What is left to reload.
pub(crate) const RELOAD: &str = "reload-list";

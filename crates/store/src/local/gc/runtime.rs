//! Roots of running programs: whatever their executables, working directories, open files,
//! mapped files and environments name in the store, as far as this user may look.

use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use firn_store_model::StoreDir;
use rayon::iter::{IntoParallelRefIterator as _, ParallelIterator as _};

use crate::error::{StoreError, path_error};
use crate::types::Roots;

/// Paths of the store that processes use, by where they are named.
pub(super) fn runtime_roots(proc_dir: &Path, store_dir: &StoreDir) -> Result<Roots, StoreError> {
    let mut processes = Vec::new();
    let entries = match std::fs::read_dir(proc_dir) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Roots::new()),
        Err(error) => return Err(path_error("reading", proc_dir)(error)),
    };
    for entry in entries {
        let entry = entry.map_err(path_error("reading", proc_dir))?;
        if entry.file_name().as_bytes().iter().all(u8::is_ascii_digit) {
            processes.push(entry.path());
        }
    }
    let found: Vec<Vec<Found>> = processes
        .par_iter()
        .map(|process| of_process(process, store_dir))
        .collect();
    let mut roots = Roots::new();
    let mut add = |(target, name): Found| {
        if let Ok((path, _)) = store_dir.split(&target) {
            roots.entry(path).or_default().insert(name);
        }
    };
    found.into_iter().flatten().for_each(&mut add);
    for file in ["modprobe", "fbsplash", "poweroff_cmd"] {
        let path = proc_dir.join("sys/kernel").join(file);
        if let Ok(contents) = std::fs::read(&path) {
            let name = path.as_os_str().as_bytes().to_vec();
            add((contents.trim_ascii_end().to_vec(), name));
        }
    }
    Ok(roots)
}

/// (what is named, where it is named)
type Found = (Vec<u8>, Vec<u8>);

/// A process that ends, or that belongs to someone else, simply names nothing more.
fn of_process(process: &Path, store_dir: &StoreDir) -> Vec<Found> {
    let mut found = Vec::new();
    let name_of = |path: &Path| path.as_os_str().as_bytes().to_vec();
    let mut link = |path: &Path| {
        if let Ok(target) = std::fs::read_link(path)
            && store_dir.contains(target.as_os_str().as_bytes())
        {
            found.push((target.as_os_str().as_bytes().to_vec(), name_of(path)));
        }
    };
    link(&process.join("exe"));
    link(&process.join("cwd"));
    let Ok(descriptors) = std::fs::read_dir(process.join("fd")) else {
        return found;
    };
    for descriptor in descriptors.flatten() {
        link(&descriptor.path());
    }
    let maps = process.join("maps");
    for line in std::fs::read(&maps)
        .unwrap_or_default()
        .split(|byte| *byte == b'\n')
    {
        // The sixth column is the file, where there is one.
        let Some(start) = line.iter().position(|byte| *byte == b'/') else {
            continue;
        };
        let target = line[start..].trim_ascii_end();
        if store_dir.contains(target) {
            found.push((target.to_vec(), name_of(&maps)));
        }
    }
    let environment = process.join("environ");
    let contents = std::fs::read(&environment).unwrap_or_default();
    for path in paths_in(&contents, store_dir) {
        found.push((path, name_of(&environment)));
    }
    found
}

/// Everything in a text that looks like a store path.
fn paths_in(text: &[u8], store_dir: &StoreDir) -> Vec<Vec<u8>> {
    let mut prefix = store_dir.as_str().as_bytes().to_vec();
    prefix.push(b'/');
    let mut found = Vec::new();
    let mut start = 0;
    while let Some(offset) = text[start..]
        .windows(prefix.len())
        .position(|it| it == prefix)
    {
        let name_start = start + offset + prefix.len();
        let is_name = |byte: &u8| byte.is_ascii_alphanumeric() || b"+-._?=".contains(byte);
        let length = text[name_start..]
            .iter()
            .position(|byte| !is_name(byte))
            .unwrap_or(text.len() - name_start);
        found.push(text[start + offset..name_start + length].to_vec());
        start = name_start + length;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_found_in_environments() {
        let store_dir = StoreDir::new("/nix/store").expect("a store directory");
        let text = b"PATH=/nix/store/aaaa-x/bin:/nix/store/bbbb-y\0A=/nix/storefoo\0B=/nix/store/c";
        let found = paths_in(text, &store_dir);
        assert_eq!(
            found,
            [
                &b"/nix/store/aaaa-x"[..],
                b"/nix/store/bbbb-y",
                b"/nix/store/c"
            ]
        );
    }
}

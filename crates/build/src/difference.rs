//! What differs between two trees, in a few lines a person can read.
//!
//! Only names and kinds of difference are told, at most a dozen of them: enough to know where to
//! look, or to find that it is a timestamp again.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs::File;
use std::io::Read as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

const MAX_LINES: usize = 12;

/// Lines that begin with a line feed, or nothing when no difference can be named.
pub(crate) fn describe(before: &Path, after: &Path) -> String {
    let mut lines = Vec::new();
    compare(before, after, "", &mut lines);
    if lines.is_empty() {
        return String::new();
    }
    let mut text = String::from("\nDifferences:");
    for line in lines.iter().take(MAX_LINES) {
        write!(text, "\n  {line}").expect("a string takes any text");
    }
    if lines.len() > MAX_LINES {
        text.push_str("\n  …");
    }
    text
}

fn compare(before: &Path, after: &Path, name: &str, lines: &mut Vec<String>) {
    if lines.len() > MAX_LINES {
        return;
    }
    let shown = if name.is_empty() { "." } else { name };
    let (Ok(old), Ok(new)) = (
        std::fs::symlink_metadata(before),
        std::fs::symlink_metadata(after),
    ) else {
        return;
    };
    if old.file_type() != new.file_type() {
        lines.push(format!("{shown}: another type of file"));
    } else if old.is_dir() {
        compare_directories(before, after, name, lines);
    } else if old.is_symlink() {
        if std::fs::read_link(before).ok() != std::fs::read_link(after).ok() {
            lines.push(format!("{shown}: another link target"));
        }
    } else {
        if (old.permissions().mode() ^ new.permissions().mode()) & 0o100 != 0 {
            lines.push(format!("{shown}: executable in only one of them"));
        }
        if old.len() != new.len() {
            lines.push(format!(
                "{shown}: {} bytes before, {} now",
                old.len(),
                new.len()
            ));
        } else if let Some(offset) = first_difference(before, after) {
            lines.push(format!("{shown}: contents differ from byte {offset} on"));
        }
    }
}

fn compare_directories(before: &Path, after: &Path, name: &str, lines: &mut Vec<String>) {
    let names = |path: &Path| -> BTreeSet<std::ffi::OsString> {
        std::fs::read_dir(path)
            .map(|entries| entries.flatten().map(|entry| entry.file_name()).collect())
            .unwrap_or_default()
    };
    let (old, new) = (names(before), names(after));
    for entry in old.union(&new) {
        let shown = if name.is_empty() {
            entry.to_string_lossy().into_owned()
        } else {
            format!("{name}/{}", entry.to_string_lossy())
        };
        match (old.contains(entry), new.contains(entry)) {
            (true, false) => lines.push(format!("{shown}: not there any more")),
            (false, true) => lines.push(format!("{shown}: not there before")),
            _ => compare(&before.join(entry), &after.join(entry), &shown, lines),
        }
    }
}

fn first_difference(before: &Path, after: &Path) -> Option<u64> {
    let (mut old, mut new) = (File::open(before).ok()?, File::open(after).ok()?);
    let (mut one, mut other) = (vec![0; 1 << 16], vec![0; 1 << 16]);
    let mut offset = 0;
    loop {
        let n = old.read(&mut one).ok()?;
        if n == 0 {
            return None;
        }
        new.read_exact(&mut other[..n]).ok()?;
        if let Some(at) = (0..n).find(|at| one[*at] != other[*at]) {
            return Some(offset + at as u64);
        }
        offset += n as u64;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differences_are_named_by_place() {
        let dir = tempfile::tempdir().expect("a directory");
        let (old, new) = (dir.path().join("old"), dir.path().join("new"));
        for (root, text) in [(&old, "abc"), (&new, "abd")] {
            std::fs::create_dir_all(root.join("sub")).expect("made");
            std::fs::write(root.join("sub/file"), text).expect("written");
            std::fs::write(root.join("same"), "same").expect("written");
        }
        std::fs::write(new.join("extra"), "").expect("written");
        assert_eq!(
            describe(&old, &new),
            "\nDifferences:\n  extra: not there before\n  sub/file: contents differ from byte 2 on"
        );
        assert_eq!(describe(&old, &old), "");
    }
}

//! Unit files of systemd as data: sections of keys with all their values.
//!
//! Drop-ins add values; an empty value takes back those before it, as systemd reads it. The section
//! `[Install]` says nothing about a running unit and is left out.

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;

/// The values of the keys of a section.
type Section = BTreeMap<String, Vec<String>>;

/// A unit file with its drop-ins.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Unit {
    sections: BTreeMap<String, Section>,
}

impl Unit {
    /// The unit that a text describes.
    pub fn parse(text: &str) -> Self {
        let mut unit = Self::default();
        unit.add(text);
        unit
    }

    /// Reads a unit from files, each adding to those before it.
    pub fn read(files: &[PathBuf]) -> io::Result<Self> {
        let mut unit = Self::default();
        for file in files {
            unit.add(&String::from_utf8_lossy(&std::fs::read(file)?));
        }
        Ok(unit)
    }

    /// Adds what a further file says.
    pub fn add(&mut self, text: &str) {
        let mut section = None;
        for line in logical_lines(text) {
            if let Some(name) = line.strip_prefix('[').and_then(|it| it.strip_suffix(']')) {
                section = (name != "Install").then(|| name.to_owned());
                continue;
            }
            let (Some(section), Some((key, value))) = (&section, line.split_once('=')) else {
                continue;
            };
            let keys = self.sections.entry(section.clone()).or_default();
            let values = keys.entry(key.trim().to_owned()).or_default();
            match value.trim() {
                "" => values.clear(),
                value => values.push(value.to_owned()),
            }
        }
    }

    /// The sections by name.
    pub fn sections(&self) -> &BTreeMap<String, Section> {
        &self.sections
    }

    /// All values of a key.
    pub fn values(&self, section: &str, key: &str) -> &[String] {
        let section = self.sections.get(section);
        section
            .and_then(|it| it.get(key))
            .map_or(&[], Vec::as_slice)
    }

    /// A boolean; the last value counts.
    pub fn flag(&self, section: &str, key: &str, default: bool) -> bool {
        self.values(section, key).last().map_or(default, |value| {
            matches!(value.as_str(), "1" | "yes" | "true" | "on")
        })
    }
}

/// Lines without comments, those that end in a backslash joined with the next.
fn logical_lines(text: &str) -> Vec<String> {
    let mut lines = Vec::new();
    let mut open = String::new();
    for line in text.lines() {
        let line = line.trim();
        if line.starts_with(['#', ';']) || (line.is_empty() && open.is_empty()) {
            continue;
        }
        if let Some(start) = line.strip_suffix('\\') {
            open.push_str(start);
            open.push(' ');
            continue;
        }
        open.push_str(line);
        lines.push(std::mem::take(&mut open));
    }
    if !open.is_empty() {
        lines.push(open);
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_add_up_and_are_taken_back() {
        let mut unit = Unit::parse(
            "[Unit]\n# a comment\nAfter=a.target\nAfter=b.target\n[Service]\nExecStart=x \\\n  y\n[Install]\nWantedBy=z\n",
        );
        assert_eq!(unit.values("Unit", "After"), ["a.target", "b.target"]);
        assert_eq!(unit.values("Service", "ExecStart"), ["x  y"]);
        assert!(!unit.sections().contains_key("Install"));
        unit.add("[Service]\nExecStart=\nExecStart=other\n");
        assert_eq!(unit.values("Service", "ExecStart"), ["other"]);
    }

    #[test]
    fn flags_have_words() {
        let unit = Unit::parse("[Unit]\nA=yes\nA=no\nB=on\n");
        assert!(!unit.flag("Unit", "A", true));
        assert!(unit.flag("Unit", "B", false));
        assert!(unit.flag("Unit", "C", true));
    }
}

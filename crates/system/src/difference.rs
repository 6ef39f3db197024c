//! How two systems differ: options, packages with their sizes, units, files.
//!
//! Everything is read from the systems themselves: options and users from their manifests, units
//! and files from their `/etc`, packages from the closures in the store. Nothing is evaluated, so
//! that any two generations can be compared, whatever became of their sources.

mod files;
mod packages;
mod values;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use firn_store::Store;
use firn_store_model::StorePath;
use serde_json::{Value, json};

use crate::error::SystemError;

/// What became of something with a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    /// Only the second system has it.
    Added(String),
    /// Only the first system has it.
    Removed(String),
    /// Both have it, and it is not the same.
    Changed(String, String),
}

/// Fates by name.
pub type Fates = BTreeMap<String, Fate>;

/// The difference between two systems.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Difference {
    /// Options that a configuration sets, with their values; of sets, the members that differ.
    pub options: Fates,
    /// Packages, with versions.
    pub packages: Fates,
    /// By how many bytes packages grew.
    pub growth: BTreeMap<String, i64>,
    /// Units of the system.
    pub units: Fates,
    /// Other files of `/etc`.
    pub files: Fates,
    /// Users.
    pub users: Fates,
}

impl Difference {
    /// Compares two systems.
    pub fn between(
        store: &dyn Store,
        old: &StorePath,
        new: &StorePath,
    ) -> Result<Self, SystemError> {
        let place = |path: &StorePath| {
            store.physical_path(path).ok_or_else(|| {
                SystemError::other("systems can only be compared in a store of this machine")
            })
        };
        let (old_place, new_place) = (place(old)?, place(new)?);
        let view = files::View::of(store, &old_place);
        let (units, files) = view.compare_etc(&old_place, &new_place)?;
        let (packages, growth) = packages::compare(store, old, new)?;
        let manifests = [&old_place, &new_place].map(|it| manifest(it));
        let values = |key: &str| {
            let [old, new] = &manifests;
            fates(&texts(&old[key]), &texts(&new[key]))
        };
        Ok(Self {
            options: by_member(values("options")),
            packages,
            growth,
            units,
            files,
            users: values("users"),
        })
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.sections().iter().all(|it| it.1.is_empty()) && self.growth.is_empty()
    }

    fn sections(&self) -> [(&'static str, &Fates); 5] {
        [
            ("options", &self.options),
            ("packages", &self.packages),
            ("units", &self.units),
            ("files", &self.files),
            ("users", &self.users),
        ]
    }

    /// It as JSON.
    pub fn to_json(&self) -> Value {
        let fate = |fate: &Fate| match fate {
            Fate::Added(new) => json!({"new": new}),
            Fate::Removed(old) => json!({"old": old}),
            Fate::Changed(old, new) => json!({"new": new, "old": old}),
        };
        let mut shown = json!({"version": 1, "sizes": self.growth});
        for (name, fates) in self.sections() {
            let fates = fates.iter().map(|it| (it.0.clone(), fate(it.1)));
            shown[name] = Value::Object(fates.collect());
        }
        shown
    }

    /// It as text for people.
    pub fn to_text(&self) -> String {
        let mut text = String::new();
        for (name, fates) in self.sections() {
            let named = |it: &String| fates.contains_key(it);
            let grown = (name == "packages").then_some(&self.growth);
            let grown = grown.into_iter().flatten().filter(|it| !named(it.0));
            let grown: Vec<_> = grown.collect();
            if fates.is_empty() && grown.is_empty() {
                continue;
            }
            text.push_str(&format!("{name}:\n"));
            for (item, fate) in fates {
                let size = if name == "packages" {
                    self.growth.get(item).map(|it| format!(", {}", signed(*it)))
                } else {
                    None
                };
                let size = size.unwrap_or_default();
                text.push_str(&line(item, fate));
                text.push_str(&size);
                text.push('\n');
            }
            for (item, bytes) in grown {
                text.push_str(&format!("  ~ {item}: {}\n", signed(*bytes)));
            }
        }
        text
    }
}

fn line(item: &str, fate: &Fate) -> String {
    let said = |text: &str| {
        if text.is_empty() {
            String::new()
        } else {
            format!(": {text}")
        }
    };
    match fate {
        Fate::Added(new) => format!("  + {item}{}", said(&short(new))),
        Fate::Removed(old) => format!("  - {item}{}", said(&short(old))),
        Fate::Changed(old, new) if old.is_empty() && new.is_empty() => format!("  ~ {item}"),
        Fate::Changed(old, new) => format!("  ~ {item}: {} -> {}", short(old), short(new)),
    }
}

/// The beginning of a long value.
fn short(text: &str) -> String {
    const LONG: usize = 60;
    match text.char_indices().nth(LONG) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// Options that are sets, by the members that differ.
fn by_member(options: Fates) -> Fates {
    let mut shown = Fates::new();
    for (name, fate) in options {
        match fate {
            Fate::Changed(old, new) => values::compare(&name, &old, &new, &mut shown),
            other => drop(shown.insert(name, other)),
        }
    }
    shown
}

fn signed(bytes: i64) -> String {
    let kib = bytes as f64 / 1024.0;
    if kib.abs() < 1024.0 {
        format!("{kib:+.1} KiB")
    } else {
        format!("{:+.1} MiB", kib / 1024.0)
    }
}

/// What became of each name.
fn fates(old: &BTreeMap<String, String>, new: &BTreeMap<String, String>) -> Fates {
    let names: BTreeSet<_> = old.keys().chain(new.keys()).collect();
    let fates = names.into_iter().filter_map(|name| {
        let fate = match (old.get(name), new.get(name)) {
            (Some(old), Some(new)) if old == new => return None,
            (Some(old), Some(new)) => Fate::Changed(old.clone(), new.clone()),
            (Some(old), None) => Fate::Removed(old.clone()),
            (None, new) => Fate::Added(new.cloned().unwrap_or_default()),
        };
        Some((name.clone(), fate))
    });
    fates.collect()
}

/// What a system says of itself.
fn manifest(system: &Path) -> Value {
    let text = std::fs::read_to_string(system.join("manifest.json")).unwrap_or_default();
    serde_json::from_str(&text).unwrap_or_default()
}

/// A set of values, or a list of names, as texts by name.
fn texts(value: &Value) -> BTreeMap<String, String> {
    match value {
        Value::Object(members) => {
            let members = members.iter();
            members.map(|it| (it.0.clone(), text_of(it.1))).collect()
        }
        Value::Array(names) => {
            let names = names.iter().filter_map(Value::as_str);
            names.map(|it| (it.to_owned(), String::new())).collect()
        }
        _ => BTreeMap::new(),
    }
}

/// An option's value; the manifest has it under `value` along with where it is defined.
fn text_of(member: &Value) -> String {
    match member.get("value").unwrap_or(member) {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fates_of_names() {
        let old = texts(&json!({"a": {"value": true}, "b": "x", "c": 1}));
        let new = texts(&json!({"a": {"value": false}, "b": "x", "d": [1]}));
        let difference = Difference {
            options: fates(&old, &new),
            growth: BTreeMap::from([("hello".to_owned(), -2048), ("big".to_owned(), 3 << 20)]),
            packages: BTreeMap::from([(
                "hello".to_owned(),
                Fate::Changed("1".to_owned(), "2".to_owned()),
            )]),
            ..Difference::default()
        };
        assert_eq!(
            difference.to_text(),
            "options:\n  ~ a: true -> false\n  - c: 1\n  + d: [1]\npackages:\n  ~ hello: 1 -> 2, -2.0 KiB\n  ~ big: +3.0 MiB\n"
        );
        assert_eq!(difference.to_json()["options"]["a"]["old"], "true");
        assert!(Difference::default().is_empty());
    }
}

//! What entering an environment alters in a shell that is already running, and how to alter it
//! back.
//!
//! Search paths are extended, everything else is replaced. Leaving gives each variable the value it
//! had; what the user changed in the meantime stays the user's.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

/// Variables by name.
pub type Variables = BTreeMap<String, String>;

/// Variables that belong to a process or a terminal and not to an environment.
const PERSONAL: &[&str] = &[
    "HOME",
    "LINES",
    "COLUMNS",
    "LINENO",
    "NIX_BUILD_TOP",
    "NIX_GCROOT",
    "OLDPWD",
    "PS1",
    "PWD",
    "SHELL",
    "SHLVL",
    "TEMP",
    "TEMPDIR",
    "TERM",
    "TMP",
    "TMPDIR",
    "_",
];

/// Search paths.
const SEARCH_PATHS: &[&str] = &["PATH", "XDG_DATA_DIRS"];

/// What happens to a variable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// It gets a value.
    Set(String),
    /// Its value gets a beginning.
    Prepend(String),
    /// It goes.
    Unset,
}

/// What entering an environment alters.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes(pub BTreeMap<String, Change>);

/// What was altered: for each variable the value before and after.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Undo(BTreeMap<String, (Option<String>, Option<String>)>);

/// Assignments for a shell: a value, or nothing for a variable that goes.
pub type Assignments = BTreeMap<String, Option<String>>;

impl Changes {
    /// The difference between an environment before and after it was entered.
    pub fn between(before: &Variables, after: &Variables) -> Self {
        let mut changes = BTreeMap::new();
        let ours = |name: &str| !PERSONAL.contains(&name) && !name.starts_with("FIRN_");
        for (name, value) in after.iter().filter(|it| ours(it.0)) {
            let old = before.get(name);
            if old == Some(value) {
                continue;
            }
            let beginning = old
                .filter(|_| SEARCH_PATHS.contains(&name.as_str()))
                .and_then(|old| value.strip_suffix(old.as_str()))
                .and_then(|it| it.strip_suffix(':'));
            let change = match beginning {
                Some(beginning) => Change::Prepend(beginning.to_owned()),
                None => Change::Set(value.clone()),
            };
            changes.insert(name.clone(), change);
        }
        for name in before.keys().filter(|it| ours(it)) {
            if !after.contains_key(name) {
                changes.insert(name.clone(), Change::Unset);
            }
        }
        Self(changes)
    }

    /// What is to be assigned in a shell with these variables, and how it is undone.
    pub fn apply(&self, current: &Variables) -> (Assignments, Undo) {
        let mut assignments = Assignments::new();
        let mut undo = Undo::default();
        for (name, change) in &self.0 {
            let old = current.get(name).cloned();
            let new = match change {
                Change::Set(value) => Some(value.clone()),
                Change::Unset => None,
                Change::Prepend(beginning) => Some(match old.as_deref() {
                    None | Some("") => beginning.clone(),
                    Some(old) => format!("{beginning}:{old}"),
                }),
            };
            assignments.insert(name.clone(), new.clone());
            undo.0.insert(name.clone(), (old, new));
        }
        (assignments, undo)
    }

    /// As JSON.
    pub fn to_json(&self) -> Value {
        let changes = self.0.iter().map(|(name, change)| {
            let change = match change {
                Change::Set(value) => json!({"set": value}),
                Change::Prepend(value) => json!({"prepend": value}),
                Change::Unset => json!({}),
            };
            (name.clone(), change)
        });
        Value::Object(changes.collect())
    }

    /// From JSON; what makes no sense is left out.
    pub fn from_json(value: &Value) -> Self {
        let empty = Map::new();
        let changes = value.as_object().unwrap_or(&empty).iter();
        let changes = changes.map(|(name, change)| {
            let text = |key: &str| Some(change.get(key)?.as_str()?.to_owned());
            let change = text("set").map(Change::Set);
            let change = change.or_else(|| text("prepend").map(Change::Prepend));
            (name.clone(), change.unwrap_or(Change::Unset))
        });
        Self(changes.collect())
    }
}

impl Undo {
    /// What is to be assigned so that the variables are as they were.
    pub fn assignments(&self, current: &Variables) -> Assignments {
        let mut assignments = Assignments::new();
        for (name, (old, new)) in &self.0 {
            let now = current.get(name);
            if now == new.as_ref() {
                assignments.insert(name.clone(), old.clone());
                continue;
            }
            // The user has changed it. Of a search path our part goes; anything else is theirs.
            let ours = new.as_deref().zip(old.as_deref());
            let ours = ours.and_then(|(new, old)| new.strip_suffix(old));
            if let (Some(now), Some(ours)) = (now, ours.filter(|it| it.ends_with(':')))
                && SEARCH_PATHS.contains(&name.as_str())
            {
                let rest = now.replacen(ours, "", 1);
                assignments.insert(name.clone(), Some(rest));
            }
        }
        assignments
    }

    /// The variables as they were before.
    pub fn before(&self, current: &Variables) -> Variables {
        let mut before = current.clone();
        for (name, value) in self.assignments(current) {
            match value {
                Some(value) => before.insert(name, value),
                None => before.remove(&name),
            };
        }
        before
    }

    /// As one word that a variable can hold.
    pub fn encode(&self) -> String {
        let pairs: Map<String, Value> = self
            .0
            .iter()
            .map(|(name, pair)| (name.clone(), json!([pair.0, pair.1])))
            .collect();
        let text = Value::Object(pairs).to_string();
        text.bytes()
            .map(|it| format!("{it:02x}"))
            .collect::<Vec<_>>()
            .concat()
    }

    /// From such a word; `None` if it is none.
    pub fn decode(word: &str) -> Option<Self> {
        let digits = word.as_bytes().chunks(2);
        let bytes = digits.map(|it| u8::from_str_radix(std::str::from_utf8(it).ok()?, 16).ok());
        let bytes: Vec<u8> = bytes.collect::<Option<_>>()?;
        let value: Value = serde_json::from_slice(&bytes).ok()?;
        let text = |value: Option<&Value>| Some(value?.as_str()?.to_owned());
        let pairs = value.as_object()?.iter();
        let pairs =
            pairs.map(|(name, pair)| (name.clone(), (text(pair.get(0)), text(pair.get(1)))));
        Some(Self(pairs.collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variables(pairs: &[(&str, &str)]) -> Variables {
        let pairs = pairs.iter();
        pairs.map(|it| (it.0.to_owned(), it.1.to_owned())).collect()
    }

    #[test]
    fn leaving_gives_back_what_was_there() {
        let before = variables(&[
            ("PATH", "/bin"),
            ("A", "1"),
            ("GONE", "x"),
            ("TMPDIR", "/t"),
        ]);
        let after = variables(&[
            ("PATH", "/s/bin:/bin"),
            ("A", "2"),
            ("NEW", "n"),
            ("TMPDIR", "/u"),
        ]);
        let changes = Changes::between(&before, &after);
        assert_eq!(Changes::from_json(&changes.to_json()), changes);
        assert_eq!(changes.0["PATH"], Change::Prepend("/s/bin".to_owned()));
        assert!(!changes.0.contains_key("TMPDIR"));
        // Another shell, with another search path.
        let mut shell = variables(&[("PATH", "/usr/bin:/bin"), ("A", "1"), ("GONE", "y")]);
        let original = shell.clone();
        let (assignments, undo) = changes.apply(&shell);
        for (name, value) in assignments {
            match value {
                Some(value) => shell.insert(name, value),
                None => shell.remove(&name),
            };
        }
        assert_eq!(shell["PATH"], "/s/bin:/usr/bin:/bin");
        assert_eq!(shell.get("GONE"), None);
        let undo = Undo::decode(&undo.encode()).expect("it was encoded");
        assert_eq!(undo.before(&shell), original);
        // What the user changes stays.
        shell.insert("A".to_owned(), "mine".to_owned());
        shell.insert("PATH".to_owned(), "/mine:/s/bin:/usr/bin:/bin".to_owned());
        let left = undo.before(&shell);
        assert_eq!(left["A"], "mine");
        assert_eq!(left["PATH"], "/mine:/usr/bin:/bin");
    }
}

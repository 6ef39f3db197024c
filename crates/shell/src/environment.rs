//! An environment as bash knows it: variables, arrays and functions.
//!
//! It is read from the records that `dump.sh` writes, or from the JSON that other tools of the
//! field write and that `print-dev-env --json` prints.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::bash::parse_declarations;

/// The first record of a dump.
const MAGIC: &str = "firn-environment";

/// Variables that bash sets itself, or that say how the dump was made.
const NOT_OURS: &[&str] = &[
    "_",
    "COMP_WORDBREAKS",
    "DIRSTACK",
    "EPOCHREALTIME",
    "EPOCHSECONDS",
    "FUNCNAME",
    "GROUPS",
    "HOSTNAME",
    "PIPESTATUS",
    "PWD",
    "RANDOM",
    "SECONDS",
    "SHLVL",
    "SRANDOM",
];

/// A variable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Variable {
    /// Seen by programs.
    Exported(String),
    /// Seen by the shell alone.
    Plain(String),
    /// A list.
    Array(Vec<String>),
    /// A map.
    Associative(BTreeMap<String, String>),
}

/// What bash knows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Environment {
    /// Variables by name.
    pub variables: BTreeMap<String, Variable>,
    /// Bodies of functions by name.
    pub functions: BTreeMap<String, String>,
    /// The files `.attrs.json` and `.attrs.sh` of a derivation with structured attributes.
    pub structured: Option<(String, String)>,
}

impl Environment {
    /// Reads what a captured derivation left; `None` if it is something else.
    pub fn parse(contents: &[u8]) -> Option<Self> {
        let text = String::from_utf8_lossy(contents);
        if text.starts_with('{') {
            return Self::from_json(&serde_json::from_str(&text).ok()?);
        }
        let mut records = text.split('\0');
        if records.next() != Some(MAGIC) {
            return None;
        }
        let mut environment = Self::default();
        let (mut json, mut sh) = (None, None);
        while let Some(kind) = records.next() {
            match kind {
                "variables" => {
                    let found = parse_declarations(records.next()?)?;
                    environment.variables = found.into_iter().filter(|it| is_ours(&it.0)).collect();
                }
                "function" => {
                    let (name, text) = (records.next()?, records.next()?);
                    if let (Some(start), Some(end)) = (text.find('{'), text.rfind('}')) {
                        let body = text[start + 1..end].to_owned();
                        environment.functions.insert(name.to_owned(), body);
                    }
                }
                ".attrs.json" => json = records.next(),
                ".attrs.sh" => sh = records.next(),
                "" => {}
                _ => return None,
            }
        }
        environment.structured = json.zip(sh).map(|it| (it.0.to_owned(), it.1.to_owned()));
        Some(environment)
    }

    fn from_json(value: &Value) -> Option<Self> {
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let mut environment = Self::default();
        for (name, variable) in value.get("variables")?.as_object()? {
            let value = variable.get("value")?;
            let variable = match variable.get("type")?.as_str()? {
                "exported" => Variable::Exported(text(value)?),
                "var" => Variable::Plain(text(value)?),
                "array" => {
                    let items = value.as_array()?.iter().map(text);
                    Variable::Array(items.collect::<Option<_>>()?)
                }
                "associative" => {
                    let pairs = value.as_object()?.iter();
                    let pairs = pairs.map(|(key, value)| Some((key.clone(), text(value)?)));
                    Variable::Associative(pairs.collect::<Option<_>>()?)
                }
                _ => continue,
            };
            environment.variables.insert(name.clone(), variable);
        }
        for (name, body) in value.get("bashFunctions")?.as_object()? {
            environment.functions.insert(name.clone(), text(body)?);
        }
        if let Some(files) = value.get("structuredAttrs") {
            let file = |name: &str| text(files.get(name)?);
            environment.structured = file(".attrs.json").zip(file(".attrs.sh"));
        }
        Some(environment)
    }

    /// As `print-dev-env --json` prints it.
    pub fn to_json(&self) -> Value {
        let variables: Map<String, Value> = self
            .variables
            .iter()
            .map(|(name, variable)| {
                let (kind, value) = match variable {
                    Variable::Exported(value) => ("exported", json!(value)),
                    Variable::Plain(value) => ("var", json!(value)),
                    Variable::Array(items) => ("array", json!(items)),
                    Variable::Associative(pairs) => ("associative", json!(pairs)),
                };
                (name.clone(), json!({"type": kind, "value": value}))
            })
            .collect();
        let mut shown = json!({"bashFunctions": self.functions});
        if let Some((json, sh)) = &self.structured {
            shown["structuredAttrs"] = json!({".attrs.json": json, ".attrs.sh": sh});
        }
        shown["variables"] = Value::Object(variables);
        shown
    }

    /// The text of a variable that is no array.
    pub fn text(&self, name: &str) -> Option<&str> {
        match self.variables.get(name)? {
            Variable::Exported(text) | Variable::Plain(text) => Some(text),
            Variable::Array(_) | Variable::Associative(_) => None,
        }
    }

    /// The outputs of the derivation by name.
    pub fn outputs(&self) -> BTreeMap<String, String> {
        match self.variables.get("outputs") {
            Some(Variable::Associative(outputs)) => outputs.clone(),
            Some(Variable::Exported(names) | Variable::Plain(names)) => {
                let names = names.split_whitespace();
                let known = names.filter_map(|it| Some((it.to_owned(), self.text(it)?.to_owned())));
                known.collect()
            }
            _ => {
                let out = self.text("out");
                out.map(|it| ("out".to_owned(), it.to_owned()))
                    .into_iter()
                    .collect()
            }
        }
    }

    /// The system that the derivation is for.
    pub fn system(&self) -> Option<&str> {
        self.text("system")
    }
}

fn is_ours(name: &str) -> bool {
    !name.starts_with("BASH_") && !name.starts_with("__firn_") && !NOT_OURS.contains(&name)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DUMP: &str = "firn-environment\0variables\0declare -x out=\"/o\"\ndeclare -x outputs=\"out\"\n\
        declare -- BASH_VERSION=\"5\"\n\0function\0f\0f () \n{ \n    echo hi\n}\n\0";

    #[test]
    fn records_become_an_environment_and_json_the_same_one() {
        let environment = Environment::parse(DUMP.as_bytes()).expect("a dump");
        assert_eq!(environment.text("out"), Some("/o"));
        assert_eq!(environment.variables.len(), 2);
        assert_eq!(environment.functions["f"], " \n    echo hi\n");
        assert_eq!(environment.outputs()["out"], "/o");
        let shown = environment.to_json().to_string();
        assert_eq!(Environment::parse(shown.as_bytes()), Some(environment));
        assert_eq!(Environment::parse(b"#!/bin/sh\n"), None);
    }
}

//! Attributes of a derivation that are instructions to whoever builds it.
//!
//! They are read from the environment, or from the structured attributes where the derivation has
//! them. Texts are as the derivation has them: paths of inputs that are not known yet are
//! placeholders, and replaced before anyone looks here.

use std::collections::{BTreeMap, BTreeSet};

use firn_store::BuildStatus;
use firn_store_model::Derivation;
use serde_json::{Map, Value};

use crate::BuildError;

/// The instructions.
#[derive(Clone, Debug, Default)]
// Each is an attribute of its own.
#[allow(clippy::struct_excessive_bools)]
pub struct DerivationOptions {
    /// Demands on outputs.
    pub output_checks: OutputChecks,
    /// Outputs whose references are not looked for.
    pub discard_references: BTreeSet<String>,
    /// Variables that are passed as files.
    pub pass_as_file: BTreeSet<Vec<u8>>,
    /// Files (or attributes) that describe a closure, with what that closure starts from.
    pub export_references_graph: BTreeMap<String, BTreeSet<Vec<u8>>>,
    /// Variables that a fixed-output builder gets from the caller.
    pub impure_env_vars: BTreeSet<Vec<u8>>,
    /// Parts of the host that it wants to see.
    pub impure_host_deps: BTreeSet<Vec<u8>>,
    /// Whether it wants to run without a sandbox.
    pub no_chroot: bool,
    /// Features that the building machine must have.
    pub required_system_features: BTreeSet<String>,
    /// Whether it is better built here than sent elsewhere.
    pub prefer_local_build: bool,
    /// Whether its outputs may come from a substituter.
    pub allow_substitutes: bool,
}

/// Demands on outputs: one set for all, or one for each.
#[derive(Clone, Debug)]
pub enum OutputChecks {
    /// The same for all outputs.
    ForAll(Checks),
    /// By output.
    PerOutput(BTreeMap<String, Checks>),
}

impl Default for OutputChecks {
    fn default() -> Self {
        OutputChecks::ForAll(Checks::default())
    }
}

/// Demands on an output. A reference is a full store path or the name of an output.
#[derive(Clone, Debug, Default)]
pub struct Checks {
    /// Whether a closure is looked at without the path itself.
    pub ignore_self_references: bool,
    /// The largest archive.
    pub max_size: Option<u64>,
    /// The largest closure.
    pub max_closure_size: Option<u64>,
    /// What it may refer to.
    pub allowed_references: Option<BTreeSet<Vec<u8>>>,
    /// What it must not refer to.
    pub disallowed_references: BTreeSet<Vec<u8>>,
    /// What its closure may contain.
    pub allowed_requisites: Option<BTreeSet<Vec<u8>>>,
    /// What its closure must not contain.
    pub disallowed_requisites: BTreeSet<Vec<u8>>,
}

impl DerivationOptions {
    /// Reads the instructions of a derivation.
    pub fn of(derivation: &Derivation) -> Result<DerivationOptions, BuildError> {
        let structured = match derivation.structured_attrs() {
            None => None,
            Some(text) => match serde_json::from_slice(text) {
                Ok(Value::Object(attrs)) => Some(attrs),
                _ => {
                    return Err(rejected(
                        "cannot process __json attribute: not a JSON object",
                    ));
                }
            },
        };
        let reader = Reader {
            env: &derivation.env,
            structured: structured.as_ref(),
        };
        let mut required_system_features = reader.strings("requiredSystemFeatures")?;
        if derivation
            .derivation_type()
            .is_ok_and(|kind| !kind.has_known_output_paths() && !kind.is_impure())
        {
            required_system_features.insert(b"ca-derivations".to_vec());
        }
        Ok(DerivationOptions {
            output_checks: reader.output_checks()?,
            discard_references: reader.discard_references()?,
            pass_as_file: match structured {
                Some(_) => BTreeSet::new(),
                None => reader.strings("passAsFile")?,
            },
            export_references_graph: reader.export_references_graph()?,
            impure_env_vars: reader.strings("impureEnvVars")?,
            impure_host_deps: reader.strings("__impureHostDeps")?,
            no_chroot: reader.boolean("__noChroot", false)?,
            required_system_features: required_system_features
                .into_iter()
                .map(|feature| String::from_utf8_lossy(&feature).into_owned())
                .collect(),
            prefer_local_build: reader.boolean("preferLocalBuild", false)?,
            allow_substitutes: reader.boolean("allowSubstitutes", true)?,
        })
    }
}

fn rejected(message: impl Into<String>) -> BuildError {
    BuildError::new(BuildStatus::InputRejected, message)
}

/// The words of a text.
pub(crate) fn words(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.split(|byte| matches!(byte, b' ' | b'\t' | b'\n' | b'\r'))
        .filter(|word| !word.is_empty())
}

struct Reader<'a> {
    env: &'a BTreeMap<Vec<u8>, Vec<u8>>,
    structured: Option<&'a Map<String, Value>>,
}

impl Reader<'_> {
    fn boolean(&self, name: &str, default: bool) -> Result<bool, BuildError> {
        match self.structured {
            Some(attrs) => match attrs.get(name) {
                None => Ok(default),
                Some(Value::Bool(value)) => Ok(*value),
                Some(_) => Err(rejected(format!(
                    "while parsing attribute \"{name}\": expected a Boolean"
                ))),
            },
            None => Ok(self
                .env
                .get(name.as_bytes())
                .map_or(default, |value| value == b"1")),
        }
    }

    fn strings(&self, name: &str) -> Result<BTreeSet<Vec<u8>>, BuildError> {
        Ok(self.optional_strings(name)?.unwrap_or_default())
    }

    fn optional_strings(&self, name: &str) -> Result<Option<BTreeSet<Vec<u8>>>, BuildError> {
        match self.structured {
            Some(attrs) => attrs
                .get(name)
                .map(|value| string_set(value, name))
                .transpose(),
            None => Ok(self
                .env
                .get(name.as_bytes())
                .map(|text| words(text).map(<[u8]>::to_vec).collect())),
        }
    }

    fn output_checks(&self) -> Result<OutputChecks, BuildError> {
        let Some(attrs) = self.structured else {
            return Ok(OutputChecks::ForAll(Checks {
                ignore_self_references: true,
                max_size: None,
                max_closure_size: None,
                allowed_references: self.optional_strings("allowedReferences")?,
                disallowed_references: self.strings("disallowedReferences")?,
                allowed_requisites: self.optional_strings("allowedRequisites")?,
                disallowed_requisites: self.strings("disallowedRequisites")?,
            }));
        };
        let mut checks = BTreeMap::new();
        let outputs = match attrs.get("outputChecks") {
            None => return Ok(OutputChecks::PerOutput(checks)),
            Some(Value::Object(outputs)) => outputs,
            Some(_) => return Err(rejected("attribute 'outputChecks' must be a JSON object")),
        };
        for (output, demands) in outputs {
            let get = |name: &str| demands.get(name).filter(|value| !value.is_null());
            let set = |name: &str| -> Result<Option<BTreeSet<Vec<u8>>>, BuildError> {
                get(name)
                    .map(|value| string_set(value, &format!("outputChecks.\"{output}\".{name}")))
                    .transpose()
            };
            checks.insert(
                output.clone(),
                Checks {
                    ignore_self_references: false,
                    max_size: get("maxSize").and_then(Value::as_u64),
                    max_closure_size: get("maxClosureSize").and_then(Value::as_u64),
                    allowed_references: set("allowedReferences")?,
                    disallowed_references: set("disallowedReferences")?.unwrap_or_default(),
                    allowed_requisites: set("allowedRequisites")?,
                    disallowed_requisites: set("disallowedRequisites")?.unwrap_or_default(),
                },
            );
        }
        Ok(OutputChecks::PerOutput(checks))
    }

    fn discard_references(&self) -> Result<BTreeSet<String>, BuildError> {
        let Some(value) = self
            .structured
            .and_then(|attrs| attrs.get("unsafeDiscardReferences"))
        else {
            return Ok(BTreeSet::new());
        };
        let Value::Object(outputs) = value else {
            return Err(rejected(
                "attribute 'unsafeDiscardReferences' must be a JSON object",
            ));
        };
        outputs
            .iter()
            .filter_map(|(output, value)| match value {
                Value::Bool(true) => Some(Ok(output.clone())),
                Value::Bool(false) => None,
                _ => Some(Err(rejected(format!(
                    "attribute 'unsafeDiscardReferences.\"{output}\"' must be a Boolean"
                )))),
            })
            .collect()
    }

    fn export_references_graph(&self) -> Result<BTreeMap<String, BTreeSet<Vec<u8>>>, BuildError> {
        let mut graph = BTreeMap::new();
        if let Some(attrs) = self.structured {
            if let Some(Value::Object(exports)) = attrs.get("exportReferencesGraph") {
                for (key, value) in exports {
                    let mut paths = BTreeSet::new();
                    flatten(value, &mut paths)?;
                    graph.insert(key.clone(), paths);
                }
            }
            return Ok(graph);
        }
        let text = self
            .env
            .get(&b"exportReferencesGraph"[..])
            .map_or(&[][..], Vec::as_slice);
        let mut tokens = words(text);
        while let Some(name) = tokens.next() {
            let name = String::from_utf8_lossy(name).into_owned();
            let Some(path) = tokens.next() else {
                return Err(rejected(format!(
                    "odd number of tokens in 'exportReferencesGraph': '{}'",
                    String::from_utf8_lossy(text)
                )));
            };
            if !is_file_name(&name) {
                return Err(rejected(format!(
                    "invalid file name '{name}' in 'exportReferencesGraph'"
                )));
            }
            graph.insert(name, BTreeSet::from([path.to_vec()]));
        }
        Ok(graph)
    }
}

fn is_file_name(name: &str) -> bool {
    let mut bytes = name.bytes();
    bytes
        .next()
        .is_some_and(|first| first.is_ascii_alphabetic() || first == b'_')
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte))
}

fn flatten(value: &Value, into: &mut BTreeSet<Vec<u8>>) -> Result<(), BuildError> {
    match value {
        Value::String(text) => {
            into.insert(text.as_bytes().to_vec());
            Ok(())
        }
        Value::Array(values) => values.iter().try_for_each(|value| flatten(value, into)),
        _ => Err(rejected(
            "'exportReferencesGraph' value is not an array or a string",
        )),
    }
}

fn string_set(value: &Value, name: &str) -> Result<BTreeSet<Vec<u8>>, BuildError> {
    let wrong = || rejected(format!("attribute '{name}' must be a list of strings"));
    value
        .as_array()
        .ok_or_else(wrong)?
        .iter()
        .map(|value| {
            value
                .as_str()
                .map(|text| text.as_bytes().to_vec())
                .ok_or_else(wrong)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn derivation(env: &[(&str, &str)]) -> Derivation {
        Derivation {
            env: env
                .iter()
                .map(|(name, value)| (name.as_bytes().to_vec(), value.as_bytes().to_vec()))
                .collect(),
            ..Derivation::default()
        }
    }

    #[test]
    fn plain_attributes_are_words_and_ones() {
        let options = DerivationOptions::of(&derivation(&[
            ("__noChroot", "1"),
            ("preferLocalBuild", "true"),
            ("passAsFile", "text  other\n"),
            ("exportReferencesGraph", "graph /store/x other /store/y"),
            ("allowedReferences", ""),
        ]))
        .expect("sound");
        assert!(options.no_chroot && !options.prefer_local_build && options.allow_substitutes);
        assert_eq!(options.pass_as_file.len(), 2);
        assert_eq!(options.export_references_graph.len(), 2);
        let OutputChecks::ForAll(checks) = options.output_checks else {
            panic!("one set of checks");
        };
        assert_eq!(checks.allowed_references, Some(BTreeSet::new()));
        assert_eq!(checks.allowed_requisites, None);
    }

    #[test]
    fn structured_attributes_take_over() {
        let options = DerivationOptions::of(&derivation(&[
            ("passAsFile", "x"),
            (
                "__json",
                r#"{"preferLocalBuild": true, "requiredSystemFeatures": ["kvm"],
                    "outputChecks": {"out": {"maxSize": 5, "allowedReferences": ["out"]}},
                    "exportReferencesGraph": {"closure": ["/s/a", ["/s/b"]]},
                    "unsafeDiscardReferences": {"out": true, "dev": false}}"#,
            ),
        ]))
        .expect("sound");
        assert!(options.prefer_local_build && options.pass_as_file.is_empty());
        assert!(options.required_system_features.contains("kvm"));
        assert_eq!(options.export_references_graph["closure"].len(), 2);
        assert_eq!(options.discard_references.len(), 1);
        let OutputChecks::PerOutput(checks) = options.output_checks else {
            panic!("checks by output");
        };
        assert_eq!(checks["out"].max_size, Some(5));
    }

    #[test]
    fn nonsense_is_refused_in_known_words() {
        for (name, value, expected) in [
            (
                "exportReferencesGraph",
                "one",
                "odd number of tokens in 'exportReferencesGraph': 'one'",
            ),
            (
                "exportReferencesGraph",
                "a/b /x",
                "invalid file name 'a/b' in 'exportReferencesGraph'",
            ),
            (
                "__json",
                r#"{"exportReferencesGraph": {"a": 1}}"#,
                "'exportReferencesGraph' value is not an array or a string",
            ),
        ] {
            let error =
                DerivationOptions::of(&derivation(&[(name, value)])).expect_err("must be refused");
            assert_eq!(error.message, expected);
        }
    }
}

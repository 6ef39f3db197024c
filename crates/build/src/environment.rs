//! What a builder finds: its environment, and the files that stand for parts of it.
//!
//! The rules are the field's, to the letter, because builders of thousands of packages rely on
//! them: which variables exist, which are overridden, what `passAsFile`, `exportReferencesGraph`
//! and structured attributes turn into. Texts still contain placeholders and final paths; the
//! caller replaces them by scratch paths with [`rewrite`].

use std::collections::{BTreeMap, BTreeSet};

use firn_hash::Hasher;
use firn_store::{BuildStatus, Store};
use firn_store_model::{Derivation, DerivationType, StorePath, output_placeholder};
use serde_json::{Map, Value, json};

use crate::closure::Closures;
use crate::options::DerivationOptions;
use crate::{BuildError, BuildSettings, structured};

/// Environment and files of a builder.
#[derive(Debug, Default)]
pub(crate) struct BuilderEnvironment {
    pub(crate) variables: BTreeMap<Vec<u8>, Vec<u8>>,
    /// Files in the build directory, by name.
    pub(crate) files: BTreeMap<String, Vec<u8>>,
}

/// What the environment of a builder is made from.
pub(crate) struct EnvironmentInputs<'a> {
    pub(crate) store: &'a dyn Store,
    pub(crate) settings: &'a BuildSettings,
    pub(crate) derivation: &'a Derivation,
    pub(crate) kind: DerivationType,
    pub(crate) options: &'a DerivationOptions,
    pub(crate) input_paths: &'a BTreeSet<StorePath>,
    /// The build directory as the builder sees it.
    pub(crate) build_dir: &'a [u8],
}

impl BuilderEnvironment {
    /// Makes the environment of a builder.
    pub(crate) fn of(
        inputs: &EnvironmentInputs<'_>,
        closures: &mut Closures,
    ) -> Result<BuilderEnvironment, BuildError> {
        let mut environment = BuilderEnvironment::default();
        environment.set_defaults(inputs);
        match inputs.derivation.structured_attrs() {
            Some(text) => environment.add_structured(inputs, text, closures)?,
            None => environment.add_plain(inputs, closures)?,
        }
        environment.set_overrides(inputs);
        Ok(environment)
    }

    fn set(&mut self, name: &str, value: impl Into<Vec<u8>>) {
        self.variables
            .insert(name.as_bytes().to_vec(), value.into());
    }

    /// What a derivation may override.
    fn set_defaults(&mut self, inputs: &EnvironmentInputs<'_>) {
        // A shell without PATH would make one up.
        self.set("PATH", "/path-not-set");
        // Programs look into the password file when HOME is unset, but not when it does not exist.
        self.set("HOME", "/homeless-shelter");
        self.set("NIX_STORE", inputs.store.store_dir().as_str());
        let cores = match inputs.settings.cores {
            0 => firn_sys::support::n_cores(),
            cores => cores,
        };
        self.set("NIX_BUILD_CORES", cores.to_string());
    }

    fn add_file(
        &mut self,
        inputs: &EnvironmentInputs<'_>,
        variable: &[u8],
        name: String,
        contents: Vec<u8>,
    ) {
        let path = [inputs.build_dir, b"/", name.as_bytes()].concat();
        self.variables.insert(variable.to_vec(), path);
        self.files.insert(name, contents);
    }

    fn add_plain(
        &mut self,
        inputs: &EnvironmentInputs<'_>,
        closures: &mut Closures,
    ) -> Result<(), BuildError> {
        for (name, value) in &inputs.derivation.env {
            if inputs.options.pass_as_file.contains(name) {
                let file = format!(".attr-{}", Hasher::sha256(name).to_nix32());
                let variable = [&name[..], b"Path"].concat();
                self.add_file(inputs, &variable, file, value.clone());
            } else {
                self.variables.insert(name.clone(), value.clone());
            }
        }
        for (file, starts) in &inputs.options.export_references_graph {
            let paths = exported_paths(inputs, starts, closures)?;
            let text = registration_text(inputs.store, &paths, closures)?;
            self.files.insert(file.clone(), text.into_bytes());
        }
        Ok(())
    }

    fn add_structured(
        &mut self,
        inputs: &EnvironmentInputs<'_>,
        text: &[u8],
        closures: &mut Closures,
    ) -> Result<(), BuildError> {
        let Ok(Value::Object(mut attrs)) = serde_json::from_slice(text) else {
            return Err(BuildError::new(
                BuildStatus::InputRejected,
                "cannot process __json attribute: not a JSON object",
            ));
        };
        let outputs: Map<String, Value> = inputs
            .derivation
            .outputs
            .keys()
            .map(|output| (output.to_string(), json!(output_placeholder(output))))
            .collect();
        attrs.insert("outputs".to_owned(), Value::Object(outputs));
        for (key, starts) in &inputs.options.export_references_graph {
            let paths = exported_paths(inputs, starts, closures)?;
            let description = closure_description(inputs.store, &paths, closures)?;
            attrs.insert(key.clone(), description);
        }
        let shell = structured::shell_text(&attrs).into_bytes();
        let json = structured::json_text(&attrs).into_bytes();
        self.add_file(inputs, b"NIX_ATTRS_SH_FILE", ".attrs.sh".to_owned(), shell);
        self.add_file(
            inputs,
            b"NIX_ATTRS_JSON_FILE",
            ".attrs.json".to_owned(),
            json,
        );
        Ok(())
    }

    /// What a derivation cannot override.
    fn set_overrides(&mut self, inputs: &EnvironmentInputs<'_>) {
        for name in ["NIX_BUILD_TOP", "TMPDIR", "TEMPDIR", "TMP", "TEMP", "PWD"] {
            self.set(name, inputs.build_dir);
        }
        if inputs.kind.is_fixed() {
            // Tells old fetchers that they need not check the hash themselves.
            self.set("NIX_OUTPUT_CHECKED", "1");
        }
        if !inputs.kind.is_sandboxed() {
            for name in &inputs.options.impure_env_vars {
                let value = std::str::from_utf8(name)
                    .ok()
                    .and_then(|name| inputs.settings.impure_env.get(name))
                    .map(|value| value.clone().into_bytes())
                    .or_else(|| inputs.settings.host_env.get(name).cloned());
                self.variables
                    .insert(name.clone(), value.unwrap_or_default());
            }
        }
        self.set("NIX_LOG_FD", "2");
        self.set("TERM", "xterm-256color");
    }
}

/// The closure to be described; all of it must be among the inputs. A derivation in it stands for
/// its outputs too.
fn exported_paths(
    inputs: &EnvironmentInputs<'_>,
    starts: &BTreeSet<Vec<u8>>,
    closures: &mut Closures,
) -> Result<BTreeSet<StorePath>, BuildError> {
    let store_dir = inputs.store.store_dir();
    let mut paths = BTreeSet::new();
    for start in starts {
        let rejected = |message: String| BuildError::new(BuildStatus::InputRejected, message);
        let (path, _) = store_dir
            .split(start)
            .map_err(|error| rejected(error.to_string()))?;
        if !inputs.input_paths.contains(&path) {
            return Err(rejected(format!(
                "cannot export references of path '{}' because it is not in the input closure of \
                 the derivation",
                store_dir.print(&path)
            )));
        }
        closures.add(inputs.store, &path, &mut paths)?;
    }
    let derivations: Vec<_> = paths
        .iter()
        .filter(|path| path.is_derivation())
        .cloned()
        .collect();
    for path in derivations {
        for output in inputs
            .store
            .query_derivation_output_map(&path)?
            .into_values()
            .flatten()
        {
            if inputs.store.is_valid_path(&output)? {
                closures.add(inputs.store, &output, &mut paths)?;
            }
        }
    }
    Ok(paths)
}

/// Paths, derivers left out, and references, as `nix-store --load-db` takes them.
fn registration_text(
    store: &dyn Store,
    paths: &BTreeSet<StorePath>,
    closures: &mut Closures,
) -> Result<String, BuildError> {
    let store_dir = store.store_dir();
    let mut text = String::new();
    for path in paths {
        let info = closures.info(store, path)?;
        let mut line = |words: &str| {
            text.push_str(words);
            text.push('\n');
        };
        line(&store_dir.print(path));
        line("");
        line(&info.references.len().to_string());
        for reference in &info.references {
            line(&store_dir.print(reference));
        }
    }
    Ok(text)
}

fn closure_description(
    store: &dyn Store,
    paths: &BTreeSet<StorePath>,
    closures: &mut Closures,
) -> Result<Value, BuildError> {
    let store_dir = store.store_dir();
    let mut list = Vec::new();
    for path in paths {
        let info = closures.info(store, path)?;
        let mut closure = BTreeSet::new();
        closures.add(store, path, &mut closure)?;
        let mut closure_size = 0;
        for path in &closure {
            closure_size += closures.info(store, path)?.nar_size;
        }
        let references: Vec<_> = info
            .references
            .iter()
            .map(|path| store_dir.print(path))
            .collect();
        let mut entry = Map::new();
        if let Some(address) = &info.content_address {
            entry.insert("ca".into(), json!(address.to_string()));
        }
        entry.insert("closureSize".into(), json!(closure_size));
        entry.insert(
            "narHash".into(),
            json!(format!(
                "{}:{}",
                info.nar_hash.algorithm(),
                info.nar_hash.to_nix32()
            )),
        );
        entry.insert("narSize".into(), json!(info.nar_size));
        entry.insert("path".into(), json!(store_dir.print(path)));
        entry.insert("references".into(), json!(references));
        entry.insert("valid".into(), json!(true));
        list.push(Value::Object(entry));
    }
    Ok(Value::Array(list))
}

/// Replaces strings in a text, one after the other.
pub(crate) fn rewrite(text: &[u8], rewrites: &BTreeMap<Vec<u8>, Vec<u8>>) -> Vec<u8> {
    let mut text = std::borrow::Cow::Borrowed(text);
    for (from, to) in rewrites {
        if from.is_empty() || from == to {
            continue;
        }
        let finder = memchr::memmem::Finder::new(from);
        let mut found = finder.find_iter(&text).peekable();
        if found.peek().is_none() {
            continue;
        }
        let mut result = Vec::with_capacity(text.len());
        let mut end = 0;
        for start in found {
            result.extend_from_slice(&text[end..start]);
            result.extend_from_slice(to);
            end = start + from.len();
        }
        result.extend_from_slice(&text[end..]);
        text = std::borrow::Cow::Owned(result);
    }
    text.into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rewriting_replaces_every_occurrence() {
        let rewrites = BTreeMap::from([
            (b"ab".to_vec(), b"1234".to_vec()),
            (b"c".to_vec(), b"d".to_vec()),
        ]);
        assert_eq!(rewrite(b"abxabc", &rewrites), b"1234x1234d");
        assert_eq!(rewrite(b"none", &rewrites), b"none");
    }
}

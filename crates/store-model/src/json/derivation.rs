//! Derivations as JSON: the form without a version number that Nix 2.8 shows, and version 4.

use serde_json::{Map, Value, json};

use super::{JsonError, as_array, as_number, as_object, as_str, at, invalid, parsed, text};
use crate::{
    ContentAddress, ContentAddressMethod, Derivation, DerivationOutput, InputNode, OutputName,
    STRUCTURED_ATTRS_VARIABLE, StoreDir, StorePath,
};
use firn_hash::{Algorithm, Hash};

/// A version of the JSON form of derivations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DerivationJsonVersion {
    /// The form without a number: full paths, structured attributes as text. Nix 2.8.
    Unversioned,
    /// Base names, nested inputs, structured attributes as JSON. Nix 2.33 and newer.
    V4,
}

impl Derivation {
    /// The JSON form.
    pub fn to_json(
        &self,
        store_dir: &StoreDir,
        version: DerivationJsonVersion,
    ) -> Result<Value, JsonError> {
        let mut value = match version {
            DerivationJsonVersion::Unversioned => self.to_unversioned_json(store_dir)?,
            DerivationJsonVersion::V4 => self.to_json_v4()?,
        };
        value.sort_all_objects();
        Ok(value)
    }

    fn to_json_v4(&self) -> Result<Value, JsonError> {
        let mut env = self.env_json()?;
        let structured = env.remove(STRUCTURED_ATTRS_VARIABLE);
        let outputs: Map<_, _> = self
            .outputs
            .iter()
            .map(|(name, output)| (name.to_string(), output_json(output)))
            .collect();
        let drvs: Map<_, _> = self
            .input_drvs
            .iter()
            .map(|(path, node)| (path.to_string(), node_json(node)))
            .collect();
        let srcs: Vec<_> = self.input_srcs.iter().map(StorePath::as_str).collect();
        let mut value = json!({
            "args": self.args_json()?,
            "builder": text(&self.builder)?,
            "env": env,
            "inputs": { "drvs": drvs, "srcs": srcs },
            "name": self.name,
            "outputs": outputs,
            "system": text(&self.platform)?,
            "version": 4,
        });
        if let Some(structured) = structured {
            value["structuredAttrs"] = parsed(&structured, "structuredAttrs", str::parse::<Value>)?;
        }
        Ok(value)
    }

    fn to_unversioned_json(&self, store_dir: &StoreDir) -> Result<Value, JsonError> {
        let mut outputs = Map::new();
        for (name, output) in &self.outputs {
            let path = output
                .path(store_dir, &self.name, name)
                .map_err(|error| invalid("outputs")(&error))?;
            let mut fields = Map::new();
            if let Some(path) = path {
                fields.insert("path".into(), store_dir.print(&path).into());
            }
            match output {
                DerivationOutput::Fixed(address) => {
                    fields.insert("hashAlgo".into(), address.method_and_algorithm().into());
                    fields.insert("hash".into(), address.hash.to_base16().into());
                }
                DerivationOutput::Floating { method, algorithm } => {
                    fields.insert(
                        "hashAlgo".into(),
                        format!("{}{algorithm}", method.prefix()).into(),
                    );
                }
                DerivationOutput::Impure { method, algorithm } => {
                    fields.insert(
                        "hashAlgo".into(),
                        format!("{}{algorithm}", method.prefix()).into(),
                    );
                    fields.insert("impure".into(), true.into());
                }
                DerivationOutput::InputAddressed(_) | DerivationOutput::Deferred => {}
            }
            outputs.insert(name.to_string(), Value::Object(fields));
        }
        let drvs: Map<_, _> = self
            .input_drvs
            .iter()
            .map(|(path, node)| (store_dir.print(path), names_json(node)))
            .collect();
        let srcs: Vec<_> = self
            .input_srcs
            .iter()
            .map(|path| store_dir.print(path))
            .collect();
        Ok(json!({
            "args": self.args_json()?,
            "builder": text(&self.builder)?,
            "env": self.env_json()?,
            "inputDrvs": drvs,
            "inputSrcs": srcs,
            "outputs": outputs,
            "system": text(&self.platform)?,
        }))
    }

    fn args_json(&self) -> Result<Vec<Value>, JsonError> {
        self.args.iter().map(|arg| text(arg)).collect()
    }

    fn env_json(&self) -> Result<Map<String, Value>, JsonError> {
        let mut env = Map::new();
        for (name, value) in &self.env {
            let name = text(name)?;
            env.insert(as_str(&name, "env")?.into(), text(value)?);
        }
        Ok(env)
    }

    /// Reads the JSON form of version 4. Output paths are taken as they stand; see
    /// [`Derivation::fill_output_paths`].
    pub fn from_json(value: &Value) -> Result<Derivation, JsonError> {
        let object = as_object(value, "derivation")?;
        let version = as_number(at(object, "version")?, "version")?;
        if version != 4 {
            return Err(JsonError::UnsupportedVersion(format!(
                "Unsupported derivation JSON format version {version}, only format version 4 is currently supported."
            )));
        }
        let mut drv = Derivation {
            name: as_str(at(object, "name")?, "name")?.into(),
            platform: as_str(at(object, "system")?, "system")?.into(),
            builder: as_str(at(object, "builder")?, "builder")?.into(),
            ..Derivation::default()
        };
        for (name, output) in as_object(at(object, "outputs")?, "outputs")? {
            let name = OutputName::parse(name).map_err(|error| invalid("outputs")(&error))?;
            drv.outputs.insert(name, output_from_json(output)?);
        }
        let inputs = as_object(at(object, "inputs")?, "inputs")?;
        for path in as_array(at(inputs, "srcs")?, "srcs")? {
            drv.input_srcs
                .insert(parsed(path, "srcs", |path| StorePath::parse(path))?);
        }
        for (path, node) in as_object(at(inputs, "drvs")?, "drvs")? {
            let path = StorePath::parse(path).map_err(|error| invalid("drvs")(&error))?;
            drv.input_drvs.insert(path, node_from_json(node)?);
        }
        for arg in as_array(at(object, "args")?, "args")? {
            drv.args.push(as_str(arg, "args")?.into());
        }
        for (name, value) in as_object(at(object, "env")?, "env")? {
            drv.env
                .insert(name.as_bytes().to_vec(), as_str(value, "env")?.into());
        }
        if let Some(structured) = object.get("structuredAttrs") {
            as_object(structured, "structuredAttrs")?;
            let mut structured = structured.clone();
            structured.sort_all_objects();
            drv.env.insert(
                STRUCTURED_ATTRS_VARIABLE.into(),
                structured.to_string().into(),
            );
        }
        Ok(drv)
    }
}

fn names_json(node: &InputNode) -> Value {
    node.outputs.iter().map(OutputName::as_str).collect()
}

fn node_json(node: &InputNode) -> Value {
    let dynamic: Map<_, _> = node
        .dynamic
        .iter()
        .map(|(output, child)| (output.to_string(), node_json(child)))
        .collect();
    json!({ "dynamicOutputs": dynamic, "outputs": names_json(node) })
}

/// Recurses no deeper than the JSON parser let the value be.
fn node_from_json(value: &Value) -> Result<InputNode, JsonError> {
    let object = as_object(value, "drvs")?;
    let mut node = InputNode::default();
    for output in as_array(at(object, "outputs")?, "outputs")? {
        node.outputs
            .insert(parsed(output, "outputs", |name| OutputName::parse(name))?);
    }
    for (output, child) in as_object(at(object, "dynamicOutputs")?, "dynamicOutputs")? {
        let output =
            OutputName::parse(output).map_err(|error| invalid("dynamicOutputs")(&error))?;
        node.dynamic.insert(output, node_from_json(child)?);
    }
    Ok(node)
}

fn output_json(output: &DerivationOutput) -> Value {
    match output {
        DerivationOutput::InputAddressed(path) => json!({ "path": path.as_str() }),
        DerivationOutput::Fixed(address) => address_json(address),
        DerivationOutput::Floating { method, algorithm } => {
            json!({ "hashAlgo": algorithm.name(), "method": method.name() })
        }
        DerivationOutput::Deferred => json!({}),
        DerivationOutput::Impure { method, algorithm } => {
            json!({ "hashAlgo": algorithm.name(), "impure": true, "method": method.name() })
        }
    }
}

pub(super) fn address_json(address: &ContentAddress) -> Value {
    json!({ "hash": address.hash.to_sri(), "method": address.method.name() })
}

pub(super) fn address_from_json(value: &Value) -> Result<ContentAddress, JsonError> {
    let object = as_object(value, "ca")?;
    Ok(ContentAddress {
        method: parsed(at(object, "method")?, "method", ContentAddressMethod::parse)?,
        hash: parsed(at(object, "hash")?, "hash", Hash::parse_sri)?,
    })
}

fn output_from_json(value: &Value) -> Result<DerivationOutput, JsonError> {
    let object = as_object(value, "outputs")?;
    let mut keys: Vec<&str> = object.keys().map(String::as_str).collect();
    keys.sort_unstable();
    let method_and_algorithm = || -> Result<_, JsonError> {
        Ok((
            parsed(at(object, "method")?, "method", ContentAddressMethod::parse)?,
            parsed(at(object, "hashAlgo")?, "hashAlgo", Algorithm::parse)?,
        ))
    };
    match keys[..] {
        [] => Ok(DerivationOutput::Deferred),
        ["path"] => {
            let path = parsed(&object["path"], "path", |path| StorePath::parse(path))?;
            Ok(DerivationOutput::InputAddressed(path))
        }
        ["hash", "method"] => Ok(DerivationOutput::Fixed(address_from_json(value)?)),
        ["hashAlgo", "method"] => {
            let (method, algorithm) = method_and_algorithm()?;
            Ok(DerivationOutput::Floating { method, algorithm })
        }
        ["hashAlgo", "impure", "method"] => {
            let (method, algorithm) = method_and_algorithm()?;
            Ok(DerivationOutput::Impure { method, algorithm })
        }
        _ => Err(JsonError::InvalidOutput),
    }
}

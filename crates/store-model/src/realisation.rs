//! Realisations: which store path an output of a content-addressed derivation turned out to be.
//!
//! The derivation is known by its hash modulo, so that a realisation holds for every derivation
//! that must give the same result. The text forms are JSON; the fingerprint that signatures sign
//! is the JSON text without the signatures, its keys sorted.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use firn_hash::{Hash, HashError};
use serde_json::{Map, Value};

use crate::{NameError, OutputName, Signature, SignatureError, StorePath, StorePathError};

/// An output of a derivation known by its hash modulo, written `sha256:<base16>!out`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DrvOutput {
    /// The derivation's hash modulo fixed outputs.
    pub drv_hash: Hash,
    /// The output.
    pub output: OutputName,
}

impl DrvOutput {
    /// Parses `sha256:<digest>!<output>`.
    pub fn parse(text: &str) -> Result<DrvOutput, RealisationError> {
        let (hash, output) = text
            .split_once('!')
            .ok_or_else(|| RealisationError::InvalidId(text.into()))?;
        Ok(DrvOutput {
            drv_hash: Hash::parse_prefixed(hash)?,
            output: OutputName::parse(output)?,
        })
    }
}

impl fmt::Display for DrvOutput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}:{}!{}",
            self.drv_hash.algorithm(),
            self.drv_hash.to_base16(),
            self.output
        )
    }
}

/// What an output turned out to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Realisation {
    /// The output.
    pub id: DrvOutput,
    /// The path it was given.
    pub out_path: StorePath,
    /// Who vouches for it.
    pub signatures: BTreeSet<Signature>,
    /// The realisations that this one was built from. Newer tools leave it empty.
    pub dependent_realisations: BTreeMap<DrvOutput, StorePath>,
}

impl Realisation {
    /// The text that signatures sign.
    pub fn fingerprint(&self) -> String {
        Value::Object(self.unsigned_json()).to_string()
    }

    /// The JSON form.
    pub fn to_json(&self) -> Value {
        let mut object = self.unsigned_json();
        let signatures = self
            .signatures
            .iter()
            .map(|signature| signature.to_string().into())
            .collect();
        object.insert("signatures".into(), Value::Array(signatures));
        Value::Object(object)
    }

    /// Keys are inserted in their order, which is the order in which they are printed.
    fn unsigned_json(&self) -> Map<String, Value> {
        let dependent = self
            .dependent_realisations
            .iter()
            .map(|(id, path)| (id.to_string(), path.as_str().into()))
            .collect();
        let mut object = Map::new();
        object.insert("dependentRealisations".into(), Value::Object(dependent));
        object.insert("id".into(), self.id.to_string().into());
        object.insert("outPath".into(), self.out_path.as_str().into());
        object
    }

    /// Reads the JSON form.
    pub fn from_json(json: &Value) -> Result<Realisation, RealisationError> {
        let text = |value: &Value| {
            value
                .as_str()
                .map(String::from)
                .ok_or(RealisationError::Shape)
        };
        let field = |name: &str| json.get(name).ok_or(RealisationError::Shape).and_then(text);
        let mut realisation = Realisation {
            id: DrvOutput::parse(&field("id")?)?,
            out_path: StorePath::parse(field("outPath")?)?,
            signatures: BTreeSet::new(),
            dependent_realisations: BTreeMap::new(),
        };
        for signature in json
            .get("signatures")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
        {
            realisation
                .signatures
                .insert(Signature::parse(&text(signature)?)?);
        }
        for (id, path) in json
            .get("dependentRealisations")
            .and_then(Value::as_object)
            .into_iter()
            .flatten()
        {
            realisation
                .dependent_realisations
                .insert(DrvOutput::parse(id)?, StorePath::parse(text(path)?)?);
        }
        Ok(realisation)
    }

    /// Parses the text of the JSON form of the realisation of a known output, which the text need
    /// not repeat.
    pub fn parse_for(id: &DrvOutput, text: &[u8]) -> Result<Realisation, RealisationError> {
        let mut json: Value = serde_json::from_slice(text).map_err(|_| RealisationError::Shape)?;
        json.as_object_mut()
            .ok_or(RealisationError::Shape)?
            .insert("id".into(), id.to_string().into());
        Realisation::from_json(&json)
    }

    /// Parses the text of the JSON form.
    pub fn parse(text: &[u8]) -> Result<Realisation, RealisationError> {
        let json = serde_json::from_slice(text).map_err(|_| RealisationError::Shape)?;
        Realisation::from_json(&json)
    }
}

/// What is wrong with a realisation or its id.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RealisationError {
    /// The id has no `!`.
    InvalidId(String),
    /// The JSON is not that of a realisation.
    Shape,
    /// The hash in the id.
    Hash(HashError),
    /// The output in the id.
    Output(NameError),
    /// The path.
    Path(StorePathError),
    /// A signature.
    Signature(SignatureError),
}

impl fmt::Display for RealisationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RealisationError::InvalidId(text) => write!(f, "Invalid derivation output id {text}"),
            RealisationError::Shape => f.write_str("JSON is not that of a realisation"),
            RealisationError::Hash(error) => error.fmt(f),
            RealisationError::Output(error) => error.fmt(f),
            RealisationError::Path(error) => error.fmt(f),
            RealisationError::Signature(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for RealisationError {}

impl From<HashError> for RealisationError {
    fn from(error: HashError) -> RealisationError {
        RealisationError::Hash(error)
    }
}

impl From<NameError> for RealisationError {
    fn from(error: NameError) -> RealisationError {
        RealisationError::Output(error)
    }
}

impl From<StorePathError> for RealisationError {
    fn from(error: StorePathError) -> RealisationError {
        RealisationError::Path(error)
    }
}

impl From<SignatureError> for RealisationError {
    fn from(error: SignatureError) -> RealisationError {
        RealisationError::Signature(error)
    }
}

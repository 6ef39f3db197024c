//! Path infos as JSON: version 1 with full paths and content addresses as text, version 2 with
//! base names and content addresses as objects.

use std::collections::BTreeSet;

use firn_hash::Hash;
use serde_json::{Value, json};

use super::derivation::{address_from_json, address_json};
use super::{JsonError, as_array, as_number, as_object, at, parsed};
use crate::{ContentAddress, NarInfo, PathInfo, Signature, StoreDir, StorePath};

/// A version of the JSON form of path infos.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PathInfoJsonVersion {
    /// Full paths.
    V1,
    /// Base names.
    V2,
}

impl PathInfoJsonVersion {
    /// The version with a number.
    pub fn new(number: u64) -> Result<PathInfoJsonVersion, JsonError> {
        match number {
            1 => Ok(PathInfoJsonVersion::V1),
            2 => Ok(PathInfoJsonVersion::V2),
            _ => Err(JsonError::UnsupportedVersion(format!(
                "unsupported path info JSON format version {number}; supported versions are 1 and 2"
            ))),
        }
    }

    /// The version's number.
    pub fn number(self) -> u64 {
        match self {
            PathInfoJsonVersion::V1 => 1,
            PathInfoJsonVersion::V2 => 2,
        }
    }

    fn path(self, store_dir: &StoreDir, path: &StorePath) -> Value {
        match self {
            PathInfoJsonVersion::V1 => store_dir.print(path).into(),
            PathInfoJsonVersion::V2 => path.as_str().into(),
        }
    }

    fn parse_path(
        self,
        store_dir: &StoreDir,
        value: &Value,
        key: &str,
    ) -> Result<StorePath, JsonError> {
        parsed(value, key, |text| match self {
            PathInfoJsonVersion::V1 => store_dir.parse(text),
            PathInfoJsonVersion::V2 => StorePath::parse(text),
        })
    }
}

impl PathInfo {
    /// The JSON form. With `include_impure`, what depends on the store and not on the object is
    /// in it too.
    pub fn to_json(
        &self,
        store_dir: &StoreDir,
        version: PathInfoJsonVersion,
        include_impure: bool,
    ) -> Value {
        let references: Vec<_> = self
            .references
            .iter()
            .map(|path| version.path(store_dir, path))
            .collect();
        let address = self.content_address.as_ref().map(|address| match version {
            PathInfoJsonVersion::V1 => address.to_string().into(),
            PathInfoJsonVersion::V2 => address_json(address),
        });
        let mut value = json!({
            "ca": address,
            "narHash": self.nar_hash.to_sri(),
            "narSize": self.nar_size,
            "references": references,
            "storeDir": store_dir.as_str(),
            "version": version.number(),
        });
        if include_impure {
            let signatures: Vec<_> = self.signatures.iter().map(Signature::to_string).collect();
            value["deriver"] = self
                .deriver
                .as_ref()
                .map(|path| version.path(store_dir, path))
                .into();
            value["registrationTime"] = (self.registration_time != 0)
                .then_some(self.registration_time)
                .into();
            value["signatures"] = signatures.into();
            value["ultimate"] = self.ultimate.into();
        }
        value.sort_all_objects();
        value
    }

    /// Reads either version.
    pub fn from_json(store_dir: &StoreDir, value: &Value) -> Result<PathInfo, JsonError> {
        let object = as_object(value, "path info")?;
        let version = match object.get("version") {
            Some(version) => PathInfoJsonVersion::new(as_number(version, "version")?)?,
            None => PathInfoJsonVersion::V1,
        };
        let given = |key: &str| object.get(key).filter(|value| !value.is_null());
        let mut info = PathInfo::new(
            parsed(at(object, "narHash")?, "narHash", Hash::parse_sri)?,
            as_number(at(object, "narSize")?, "narSize")?,
        );
        info.references = as_array(at(object, "references")?, "references")?
            .iter()
            .map(|path| version.parse_path(store_dir, path, "references"))
            .collect::<Result<BTreeSet<_>, _>>()?;
        if let Some(address) = given("ca") {
            info.content_address = Some(match version {
                PathInfoJsonVersion::V1 => parsed(address, "ca", ContentAddress::parse)?,
                PathInfoJsonVersion::V2 => address_from_json(address)?,
            });
        }
        if let Some(deriver) = given("deriver") {
            info.deriver = Some(version.parse_path(store_dir, deriver, "deriver")?);
        }
        if let Some(time) = given("registrationTime") {
            info.registration_time = as_number(time, "registrationTime")?;
        }
        if let Some(ultimate) = given("ultimate") {
            info.ultimate = ultimate == &Value::Bool(true);
        }
        if let Some(signatures) = given("signatures") {
            for signature in as_array(signatures, "signatures")? {
                info.signatures
                    .insert(parsed(signature, "signatures", Signature::parse)?);
            }
        }
        Ok(info)
    }
}

impl NarInfo {
    /// The JSON form: that of the path info, and where the archive is.
    pub fn to_json(
        &self,
        store_dir: &StoreDir,
        version: PathInfoJsonVersion,
        include_impure: bool,
    ) -> Value {
        let mut value = self.info.to_json(store_dir, version, include_impure);
        if include_impure {
            value["url"] = self.url.as_str().into();
            value["compression"] = self.compression.as_str().into();
            if let Some(hash) = &self.file_hash {
                value["downloadHash"] = hash.to_sri().into();
            }
            if self.file_size != 0 {
                value["downloadSize"] = self.file_size.into();
            }
            value.sort_all_objects();
        }
        value
    }
}

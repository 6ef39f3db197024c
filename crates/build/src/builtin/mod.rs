//! Builders of our own: `builtin:…` instead of a program.
//!
//! They run on a thread of this process. What they do to untrusted data (unpacking archives) never
//! follows a link that came out of it. Output paths are where the store physically lies; texts and
//! links that they write name logical paths.

mod archive;
mod buildenv;
mod fetchurl;
mod mirrors;
mod registries;

use std::path::{Path, PathBuf};

use firn_events::ActivityGuard;
use firn_store::LocalStore;
use firn_store::Store as _;

use crate::BuildSettings;
use crate::prepare::PreparedBuild;

/// What a builder of our own works with.
pub(crate) struct Builtin<'a> {
    pub(crate) store: &'a LocalStore,
    pub(crate) settings: &'a BuildSettings,
    pub(crate) build: &'a PreparedBuild,
    pub(crate) activity: &'a ActivityGuard,
}

/// Runs the builder that the derivation names. The error is what its log ends with.
pub(crate) fn run(
    store: &LocalStore,
    settings: &BuildSettings,
    build: &PreparedBuild,
    activity: &ActivityGuard,
) -> Result<(), String> {
    let builtin = Builtin {
        store,
        settings,
        build,
        activity,
    };
    let name = &build.inputs.derivation.builder[b"builtin:".len()..];
    match name {
        b"fetchurl" => builtin.fetchurl(),
        b"buildenv" => builtin.buildenv(),
        b"unpack-channel" => builtin.unpack_channel(),
        b"unpack-deb" => builtin.unpack_deb(),
        _ => Err(format!(
            "unsupported builtin builder '{}'",
            String::from_utf8_lossy(name)
        )),
    }
}

impl Builtin<'_> {
    /// An attribute that must be there.
    fn attribute(&self, name: &str) -> Result<String, String> {
        self.optional_attribute(name)
            .ok_or_else(|| format!("attribute '{name}' missing"))
    }

    fn optional_attribute(&self, name: &str) -> Option<String> {
        let derivation = &self.build.inputs.derivation;
        if let Some(text) = derivation.structured_attrs() {
            let value: serde_json::Value = serde_json::from_slice(text).ok()?;
            return match value.get(name)? {
                serde_json::Value::String(text) => Some(text.clone()),
                serde_json::Value::Bool(true) => Some("1".to_owned()),
                serde_json::Value::Bool(false) => Some(String::new()),
                other => Some(other.to_string()),
            };
        }
        derivation
            .env
            .get(name.as_bytes())
            .map(|value| String::from_utf8_lossy(value).into_owned())
    }

    /// Where the output `out` is to be made.
    fn out(&self) -> Result<&Path, String> {
        self.build
            .actual
            .iter()
            .find(|(name, _)| name.is_out())
            .map(|(_, path)| path.as_path())
            .ok_or_else(|| {
                format!(
                    "'{}' requires an 'out' output",
                    String::from_utf8_lossy(&self.build.inputs.derivation.builder)
                )
            })
    }

    /// Where a path lies, which may be one of the store.
    fn physical(&self, path: &Path) -> PathBuf {
        let store_dir = self.store.store_dir().as_str();
        match path.strip_prefix(store_dir) {
            Ok(inside) => self.store.location().physical_dir.join(inside),
            Err(_) => path.to_owned(),
        }
    }
}

/// For `map_err`: what was done to which path.
fn failed<'a>(what: &'a str, path: &'a Path) -> impl FnOnce(std::io::Error) -> String + 'a {
    move |error| {
        format!(
            "{what} '{}': {}",
            path.display(),
            crate::error::plain(&error)
        )
    }
}

//! Capturing: a build that sets a derivation's environment up and writes down what it is.
//!
//! The derivation is changed as little as possible: another argument for its bash, `-env` after
//! its name, new outputs. So it has the same inputs and sees the same variables, and its result is
//! kept by the store like any other, to be found again by its path.

use std::fmt;
use std::path::PathBuf;

use firn_store::derivation::HashModulos;
use firn_store::{BuildMode, DerivationText, Store, StoreError, StorePathSet};
use firn_store_model::STRUCTURED_ATTRS_VARIABLE;
use firn_store_model::{
    Derivation, DerivationError, DerivationOutput, DerivedPath, OutputsSpec, SingleDerivedPath,
    StorePath,
};
use serde_json::Value;

use crate::Environment;

const DUMP: &[u8] = include_bytes!("dump.sh");

/// Why an environment cannot be captured.
#[derive(Debug)]
#[non_exhaustive]
pub enum CaptureError {
    /// The builder is no bash, so there is nothing to ask.
    NotBash,
    /// The derivation cannot be changed as needed.
    Derivation(DerivationError),
    /// The store failed, or the set-up did.
    Store(StoreError),
    /// The set-up wrote nothing that can be read.
    NoEnvironment(String),
}

impl fmt::Display for CaptureError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotBash => f.write_str(
                "'nix develop' only works on derivations that use 'bash' as their builder",
            ),
            Self::Derivation(error) => error.fmt(f),
            Self::Store(error) => error.fmt(f),
            Self::NoEnvironment(path) => {
                write!(f, "'{path}' does not hold the environment of a derivation")
            }
        }
    }
}

impl std::error::Error for CaptureError {}

impl From<StoreError> for CaptureError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<DerivationError> for CaptureError {
    fn from(error: DerivationError) -> Self {
        Self::Derivation(error)
    }
}

/// The store object that holds the environment of a derivation; built unless it is there.
pub fn capture(store: &dyn Store, drv_path: &StorePath) -> Result<StorePath, CaptureError> {
    let dump = store.add_text("firn-dump-environment.sh", DUMP, &StorePathSet::new())?;
    let derivation = changed(store, &*store.read_derivation(drv_path)?, dump)?;
    let env_drv = write(store, &derivation)?;
    let built = DerivedPath::Built {
        drv: SingleDerivedPath::Opaque(env_drv.clone()).into(),
        outputs: OutputsSpec::All,
    };
    store.build_paths(&[built], BuildMode::Normal)?;
    for output in store.query_derivation_output_map(&env_drv)?.into_values() {
        let Some(output) = output else { continue };
        let length = std::fs::metadata(physical(store, &output)).map_or(0, |it| it.len());
        if length > 0 {
            return Ok(output);
        }
    }
    let shown = store.store_dir().print(&env_drv);
    Err(CaptureError::NoEnvironment(shown))
}

/// Reads what [`capture`] made.
pub fn read(store: &dyn Store, path: &StorePath) -> Result<Environment, CaptureError> {
    let contents = std::fs::read(physical(store, path)).ok();
    let environment = contents.and_then(|it| Environment::parse(&it));
    environment.ok_or_else(|| CaptureError::NoEnvironment(store.store_dir().print(path)))
}

fn physical(store: &dyn Store, path: &StorePath) -> PathBuf {
    let physical = store.physical_path(path);
    physical.unwrap_or_else(|| store.store_dir().print(path).into())
}

/// The derivation whose build writes the environment of another.
fn changed(
    store: &dyn Store,
    original: &Derivation,
    dump: StorePath,
) -> Result<Derivation, CaptureError> {
    let mut changed = original.clone();
    let builder = changed.builder.rsplit(|&it| it == b'/').next();
    if builder != Some(b"bash") {
        return Err(CaptureError::NotBash);
    }
    let store_dir = store.store_dir();
    changed.args = vec![store_dir.print(&dump).into_bytes()];
    changed.input_srcs.insert(dump);
    changed.name.push_str("-env");
    // What the real outputs must not refer to says nothing of this one.
    for check in [
        "allowedReferences",
        "allowedRequisites",
        "disallowedReferences",
        "disallowedRequisites",
        "outputHash",
        "outputHashAlgo",
        "outputHashMode",
    ] {
        changed.env.remove(check.as_bytes());
    }
    if let Some(text) = changed.env.get_mut(STRUCTURED_ATTRS_VARIABLE.as_bytes())
        && let Ok(Value::Object(mut attrs)) = serde_json::from_slice(text)
    {
        attrs.remove("outputChecks");
        *text = Value::Object(attrs).to_string().into_bytes();
    }
    if let Some(name) = changed.env.get_mut(&b"name"[..]) {
        *name = changed.name.clone().into_bytes();
    }
    for (name, output) in &mut changed.outputs {
        *output = DerivationOutput::Deferred;
        changed.env.insert(name.as_bytes().to_vec(), Vec::new());
    }
    let modulos = HashModulos::default();
    changed
        .fill_output_paths::<CaptureError>(store_dir, &mut |input| Ok(modulos.of(store, input)?))?;
    Ok(changed)
}

fn write(store: &dyn Store, derivation: &Derivation) -> Result<StorePath, CaptureError> {
    let store_dir = store.store_dir();
    let failed = |error: firn_store_model::MakePathError| DerivationError::Path(error);
    let contents = derivation.print(store_dir).map_err(failed)?;
    let path = derivation
        .store_path(store_dir, &contents)
        .map_err(failed)?;
    let outputs = derivation.output_paths(store_dir).map_err(failed)?;
    store.add_derivations(&[DerivationText {
        path: path.clone(),
        contents,
        references: derivation.references().into_iter().collect(),
        outputs: outputs.into_iter().collect(),
    }])?;
    Ok(path)
}

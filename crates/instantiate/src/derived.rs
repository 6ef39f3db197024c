//! Outputs of derivations as contexts of strings name them.
//!
//! In a context an output is its derivation and its name. Where the derivation is itself an output,
//! not built yet, what stands for it is that output's name, an exclamation mark, and the derivation
//! that makes it, as often as needed; the reference writes contexts in the same way.

use std::sync::Arc;

use firn_heap::ContextElement;
use firn_store::{Store, StoreError};
use firn_store_model::{OutputName, SingleDerivedPath, StoreDir, StorePath};

/// What the derivation of a context element is.
pub(crate) fn derivation_of(
    store_dir: &StoreDir,
    text: &[u8],
) -> Result<SingleDerivedPath, StoreError> {
    let failed = |error: &dyn std::fmt::Display| StoreError::other(error.to_string());
    match text.iter().position(|byte| *byte == b'!') {
        None => store_dir
            .parse(text)
            .map(SingleDerivedPath::Opaque)
            .map_err(|error| failed(&error)),
        Some(end) => Ok(SingleDerivedPath::Built {
            output: OutputName::parse(&text[..end]).map_err(|error| failed(&error))?,
            drv: Arc::new(derivation_of(store_dir, &text[end + 1..])?),
        }),
    }
}

/// The words of a context for a derivation.
fn derivation_text(store_dir: &StoreDir, drv: &SingleDerivedPath) -> Vec<u8> {
    match drv {
        SingleDerivedPath::Opaque(path) => store_dir.print(path).into_bytes(),
        SingleDerivedPath::Built { drv, output } => {
            let inner = derivation_text(store_dir, drv);
            [output.as_str().as_bytes(), b"!", &inner].concat()
        }
    }
}

/// The context element for an output of a derivation.
pub(crate) fn element_of(
    store_dir: &StoreDir,
    drv: &SingleDerivedPath,
    output: &OutputName,
) -> ContextElement {
    ContextElement::Built {
        drv: derivation_text(store_dir, drv).into(),
        output: output.as_str().as_bytes().into(),
    }
}

/// What a context element names, unless it is a derivation with all that it is made from.
pub fn single_path_of(
    store_dir: &StoreDir,
    element: &ContextElement,
) -> Result<Option<SingleDerivedPath>, StoreError> {
    Ok(match element {
        ContextElement::DrvDeep(_) => None,
        ContextElement::Opaque(path) => Some(derivation_of(store_dir, path)?),
        ContextElement::Built { drv, output } => Some(SingleDerivedPath::Built {
            drv: Arc::new(derivation_of(store_dir, drv)?),
            output: OutputName::parse(output)
                .map_err(|error| StoreError::other(error.to_string()))?,
        }),
    })
}

/// The store path of something that has been built; `None` where nobody knows it.
pub(crate) fn resolve(
    store: &dyn Store,
    path: &SingleDerivedPath,
) -> Result<Option<StorePath>, StoreError> {
    let (drv, output) = match path {
        SingleDerivedPath::Opaque(path) => return Ok(Some(path.clone())),
        SingleDerivedPath::Built { drv, output } => (drv, output),
    };
    let Some(drv) = resolve(store, drv)? else {
        return Ok(None);
    };
    let outputs = store.query_derivation_output_map(&drv)?;
    Ok(outputs.get(output).cloned().flatten())
}

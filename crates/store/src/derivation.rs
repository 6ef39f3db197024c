//! Derivations as they lie in stores: reading them, their output paths, and the hash modulo fixed
//! outputs over a whole graph of them.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

use firn_hash::Hash;
use firn_store_model::{
    Derivation, DerivationError, DrvOutput, HashModulo, OutputName, StoreDir, StorePath,
};

use crate::error::StoreError;
use crate::store::Store;

/// Parses the contents of a derivation file.
pub(crate) fn parse(
    store_dir: &StoreDir,
    drv_path: &StorePath,
    text: &[u8],
) -> Result<Derivation, StoreError> {
    let failed = |error: &dyn std::fmt::Display| {
        StoreError::format(format!(
            "error parsing derivation '{}': {error}",
            store_dir.print(drv_path)
        ))
    };
    let name = drv_path.derivation_name().map_err(|error| failed(&error))?;
    Derivation::parse(store_dir, text, name).map_err(|error| failed(&error))
}

/// Reads a derivation through its archive, for stores that have no files here.
pub(crate) fn read_from_nar(
    store: &dyn Store,
    drv_path: &StorePath,
) -> Result<Arc<Derivation>, StoreError> {
    let mut nar = Vec::new();
    store.nar_from_path(drv_path, &mut nar)?;
    let text = single_file(&nar).ok_or_else(|| {
        StoreError::format(format!(
            "error parsing derivation '{}': it is not a file",
            store.store_dir().print(drv_path)
        ))
    })?;
    parse(store.store_dir(), drv_path, text).map(Arc::new)
}

/// The contents of an archive that holds a single file.
pub(crate) fn single_file(nar: &[u8]) -> Option<&[u8]> {
    let mut rest = nar;
    for expected in ["nix-archive-1", "(", "type", "regular", "contents"] {
        if take_string(&mut rest)? != expected.as_bytes() {
            return None;
        }
    }
    take_string(&mut rest)
}

fn take_string<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let (length, tail) = rest.split_first_chunk::<8>()?;
    let length = usize::try_from(u64::from_le_bytes(*length)).ok()?;
    let padded = length.checked_next_multiple_of(8)?;
    if padded > tail.len() {
        return None;
    }
    *rest = &tail[padded..];
    Some(&tail[..length])
}

/// Output paths that are known without a build.
pub(crate) fn known_outputs(
    store_dir: &StoreDir,
    derivation: &Derivation,
) -> Result<Vec<(OutputName, StorePath)>, StoreError> {
    let paths = derivation
        .output_paths(store_dir)
        .map_err(StoreError::format)?;
    Ok(paths
        .into_iter()
        .filter_map(|(name, path)| Some((name, path?)))
        .collect())
}

/// The outputs of a derivation, those of content-addressed ones from their realisations.
pub(crate) fn output_map(
    store: &dyn Store,
    modulos: &HashModulos,
    drv_path: &StorePath,
) -> Result<BTreeMap<OutputName, Option<StorePath>>, StoreError> {
    let derivation = store.read_derivation(drv_path)?;
    let mut outputs = derivation
        .output_paths(store.store_dir())
        .map_err(StoreError::format)?;
    if outputs.values().all(Option::is_some) {
        return Ok(outputs);
    }
    let drv_hash = modulos.of_outputs(store, drv_path)?;
    for (name, path) in &mut outputs {
        if path.is_none() {
            let id = DrvOutput {
                drv_hash,
                output: name.clone(),
            };
            *path = store
                .query_realisation(&id)?
                .map(|realisation| realisation.out_path);
        }
    }
    Ok(outputs)
}

/// Checks that the output paths of a derivation follow from it.
pub(crate) fn check(
    store: &dyn Store,
    modulos: &HashModulos,
    drv_path: &StorePath,
    derivation: &Derivation,
) -> Result<(), StoreError> {
    let failed = |error: &dyn std::fmt::Display| {
        StoreError::format(format!(
            "derivation '{}' is not valid: {error}",
            store.store_dir().print(drv_path)
        ))
    };
    let mut looked_up = HashMap::new();
    for input in derivation.input_drvs.keys() {
        looked_up.insert(input.clone(), modulos.of(store, input)?);
    }
    derivation
        .check_output_paths::<DerivationError>(store.store_dir(), &mut |path| {
            Ok(looked_up[path].clone())
        })
        .map(drop)
        .map_err(|error| failed(&error))
}

/// Remembers the hash modulo of each derivation it was asked for. Derivations never change, so
/// the memory is never wrong.
#[derive(Default)]
pub struct HashModulos {
    memo: Mutex<HashMap<StorePath, HashModulo>>,
}

impl HashModulos {
    /// The hash modulo of a derivation and, on the way, of everything it is built from. Graphs
    /// may be deeper than the native stack, so the way is kept in a list.
    pub fn of(&self, store: &dyn Store, drv_path: &StorePath) -> Result<HashModulo, StoreError> {
        let mut pending: Vec<(StorePath, Option<Arc<Derivation>>)> = vec![(drv_path.clone(), None)];
        // Those that wait for their inputs.
        let mut open: HashSet<StorePath> = HashSet::new();
        while let Some((path, read)) = pending.pop() {
            if self.known(&path).is_some() {
                continue;
            }
            let derivation = match read {
                Some(derivation) => derivation,
                None => store.read_derivation(&path)?,
            };
            let missing: Vec<StorePath> = derivation
                .input_drvs
                .keys()
                .filter(|input| self.known(input).is_none())
                .cloned()
                .collect();
            if !missing.is_empty() {
                open.insert(path.clone());
                if missing.iter().any(|input| open.contains(input)) {
                    return Err(StoreError::format(format!(
                        "derivation '{}' depends on itself",
                        store.store_dir().print(&path)
                    )));
                }
                pending.push((path, Some(derivation)));
                pending.extend(missing.into_iter().map(|path| (path, None)));
                continue;
            }
            let modulo = derivation
                .hash_modulo::<DerivationError>(store.store_dir(), false, &mut |input| {
                    Ok(self.known(input).expect("inputs were computed before"))
                })
                .map_err(StoreError::format)?;
            open.remove(&path);
            self.insert(path, modulo);
        }
        Ok(self
            .known(drv_path)
            .expect("the requested one was computed"))
    }

    /// The hash by which realisations know the outputs of a derivation: its hash modulo without the
    /// variables that name its own outputs.
    pub fn of_outputs(&self, store: &dyn Store, drv_path: &StorePath) -> Result<Hash, StoreError> {
        let derivation = store.read_derivation(drv_path)?;
        for input in derivation.input_drvs.keys() {
            self.of(store, input)?;
        }
        derivation
            .hash_modulo::<DerivationError>(store.store_dir(), true, &mut |input| {
                Ok(self.known(input).expect("inputs were computed before"))
            })
            .map(|modulo| modulo.hash)
            .map_err(StoreError::format)
    }

    /// What is remembered of a derivation.
    pub fn known(&self, drv_path: &StorePath) -> Option<HashModulo> {
        self.memo
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(drv_path)
            .cloned()
    }

    /// Remembers what someone else computed.
    pub fn insert(&self, drv_path: StorePath, modulo: HashModulo) {
        self.memo
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(drv_path, modulo);
    }
}

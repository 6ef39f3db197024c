//! Derivations whose outputs are named by contents, and those that use them.
//!
//! Where the path of an input is only known once it has been built, the derivation holds a
//! placeholder for it. *Resolving* puts the paths in and turns input derivations into input
//! sources. Two derivations that resolve to the same one share its outputs: that is the early
//! cut-off. The resolved derivation is written to the store like any other.

use std::collections::{BTreeMap, BTreeSet};

use firn_store::derivation::HashModulos;
use firn_store::{DerivationText, LocalStore, Store};
use firn_store_model::{
    Derivation, DerivationError, DerivationOutput, DerivationType, DrvOutput, InputNode,
    OutputName, Realisation, SingleDerivedPath, StoreDir, StorePath, downstream_placeholder,
};

use crate::BuildError;
use crate::derivation_goal::Loaded;
use crate::environment::rewrite;
use crate::goal::{GoalKey, ModeKey};
use crate::scheduler::Scheduler;

impl Scheduler {
    /// The outputs of a derivation whose goal is done.
    pub(crate) fn output_map(&self, drv_path: &StorePath) -> Result<OutputMap, BuildError> {
        if let Some(outputs) = self.realised.get(drv_path) {
            return Ok(outputs
                .iter()
                .map(|(name, path)| (name.clone(), Some(path.clone())))
                .collect());
        }
        let key = GoalKey::Derivation(drv_path.clone(), ModeKey::Normal);
        if let Some(Ok(success)) = self.graph.get(&key).and_then(|goal| goal.outcome.as_ref()) {
            let outputs = success.outputs.iter();
            return Ok(outputs
                .map(|(name, path)| (name.clone(), Some(path.clone())))
                .collect());
        }
        Ok(self.store.query_derivation_output_map(drv_path)?)
    }

    /// Remembers what a derivation was realised to, for this run and for later ones.
    pub(crate) fn note_outputs(
        &mut self,
        drv_path: &StorePath,
        outputs: &BTreeMap<OutputName, StorePath>,
    ) -> Result<(), BuildError> {
        note_outputs(&self.store, &self.modulos, drv_path, outputs)
    }

    /// Whether a derivation cannot be built as it is.
    pub(crate) fn must_resolve(&self, loaded: &Loaded) -> bool {
        let derivation = &loaded.derivation;
        if derivation.input_drvs.is_empty() {
            return false;
        }
        match loaded.kind {
            DerivationType::InputAddressed { deferred } => {
                deferred || derivation.has_dynamic_inputs()
            }
            DerivationType::Fixed => {
                derivation.has_dynamic_inputs()
                    || derivation
                        .input_drvs
                        .keys()
                        .any(|input| self.has_unknown_outputs(input))
            }
            DerivationType::Floating | DerivationType::Impure => true,
        }
    }

    fn has_unknown_outputs(&self, drv_path: &StorePath) -> bool {
        self.store
            .read_derivation(drv_path)
            .and_then(|derivation| {
                derivation
                    .derivation_type()
                    .map_err(|error| firn_store::StoreError::other(error.to_string()))
            })
            .is_ok_and(|kind| !kind.has_known_output_paths())
    }

    /// Resolves a derivation whose inputs are all there, and writes the result to the store.
    pub(crate) fn resolve(
        &mut self,
        drv_path: &StorePath,
        derivation: &Derivation,
    ) -> Result<StorePath, BuildError> {
        let (path, text) = resolved(self.store.store_dir(), drv_path, derivation, &|input| {
            self.output_map(input)
        })?;
        self.store.add_derivations(&[text])?;
        Ok(path)
    }
}

/// What the outputs of a derivation are, as far as that is known.
type OutputMap = BTreeMap<OutputName, Option<StorePath>>;

/// What a derivation resolves to.
///
/// # Errors
///
/// Where `output_map` does not know an output that the derivation uses.
pub(crate) fn resolved(
    store_dir: &StoreDir,
    drv_path: &StorePath,
    derivation: &Derivation,
    output_map: &dyn Fn(&StorePath) -> Result<OutputMap, BuildError>,
) -> Result<(StorePath, DerivationText), BuildError> {
    let failed = |error: &dyn std::fmt::Display| {
        BuildError::misc(format!(
            "cannot resolve derivation '{}': {error}",
            store_dir.print(drv_path)
        ))
    };
    let mut resolved = with_known_inputs(store_dir, derivation, output_map)?;
    if resolved
        .outputs
        .values()
        .any(|output| *output == DerivationOutput::Deferred)
    {
        resolved
            .fill_output_paths::<DerivationError>(store_dir, &mut |_| {
                unreachable!("a resolved derivation has no input derivations")
            })
            .map_err(|error| failed(&error))?;
    }
    let contents = resolved.print(store_dir).map_err(|error| failed(&error))?;
    let path = resolved
        .store_path(store_dir, &contents)
        .map_err(|error| failed(&error))?;
    let outputs = resolved
        .output_paths(store_dir)
        .map_err(|error| failed(&error))?;
    let text = DerivationText {
        path: path.clone(),
        references: resolved.references().into_iter().collect(),
        contents,
        outputs: outputs.into_iter().collect(),
    };
    Ok((path, text))
}

/// A derivation with the outputs of its inputs in the place of what stands for them: what a builder
/// sees. All of them have to be built.
///
/// # Errors
///
/// Where the store does not know an output.
pub fn with_built_inputs(
    store: &dyn Store,
    derivation: &Derivation,
) -> Result<Derivation, BuildError> {
    let output_map = |input: &StorePath| Ok(store.query_derivation_output_map(input)?);
    with_known_inputs(store.store_dir(), derivation, &output_map)
}

/// A derivation with given outputs in the place of its input derivations.
pub(crate) fn with_known_inputs(
    store_dir: &StoreDir,
    derivation: &Derivation,
    output_map: &dyn Fn(&StorePath) -> Result<OutputMap, BuildError>,
) -> Result<Derivation, BuildError> {
    let mut resolver = Resolver {
        store_dir,
        output_map,
        resolved: derivation.clone(),
        rewrites: BTreeMap::new(),
    };
    for (input, node) in &derivation.input_drvs {
        let start = SingleDerivedPath::Opaque(input.clone());
        resolver.take_inputs(&start, input, node)?;
    }
    let Resolver {
        mut resolved,
        rewrites,
        ..
    } = resolver;
    resolved.input_drvs.clear();
    resolved.builder = rewrite(&resolved.builder, &rewrites);
    for arg in &mut resolved.args {
        *arg = rewrite(arg, &rewrites);
    }
    resolved.env = resolved
        .env
        .iter()
        .map(|(name, value)| (rewrite(name, &rewrites), rewrite(value, &rewrites)))
        .collect();
    Ok(resolved)
}

/// A derivation whose inputs are being put in.
struct Resolver<'a> {
    store_dir: &'a StoreDir,
    output_map: &'a dyn Fn(&StorePath) -> Result<OutputMap, BuildError>,
    resolved: Derivation,
    /// From placeholders to paths.
    rewrites: BTreeMap<Vec<u8>, Vec<u8>>,
}

impl Resolver<'_> {
    fn take_inputs(
        &mut self,
        derivation: &SingleDerivedPath,
        drv_path: &StorePath,
        node: &InputNode,
    ) -> Result<(), BuildError> {
        let outputs = (self.output_map)(drv_path)?;
        let known = |name: &OutputName| match outputs.get(name) {
            Some(Some(path)) => Ok(path.clone()),
            _ => Err(BuildError::misc(format!(
                "the path of output '{name}' of derivation '{}' is not known",
                self.store_dir.print(drv_path)
            ))),
        };
        for name in &node.outputs {
            let path = known(name)?;
            let placeholder = downstream_placeholder(derivation, name)
                .map_err(|error| BuildError::misc(error.to_string()))?;
            self.rewrites.insert(
                placeholder.into_bytes(),
                self.store_dir.print(&path).into_bytes(),
            );
            self.resolved.input_srcs.insert(path);
        }
        for (name, inner) in &node.dynamic {
            let path = known(name)?;
            let inner_path = SingleDerivedPath::Built {
                drv: std::sync::Arc::new(derivation.clone()),
                output: name.clone(),
            };
            self.take_inputs(&inner_path, &path, inner)?;
        }
        Ok(())
    }
}

/// The derivation that the log of another's build belongs to: what it resolves to, where that is
/// another one and its inputs are known.
pub(crate) fn logged_as(store: &LocalStore, path: &StorePath) -> Option<StorePath> {
    if !path.is_derivation() || !store.is_valid_path(path).ok()? {
        return None;
    }
    let derivation = store.read_derivation(path).ok()?;
    if derivation.derivation_type().ok()?.has_known_output_paths() {
        return None;
    }
    let output_map = |input: &StorePath| Ok(store.query_derivation_output_map(input)?);
    let (resolved, _) = resolved(store.store_dir(), path, &derivation, &output_map).ok()?;
    Some(resolved).filter(|resolved| resolved != path)
}

/// Writes down what a derivation was realised to.
pub(crate) fn note_outputs(
    store: &LocalStore,
    modulos: &HashModulos,
    drv_path: &StorePath,
    outputs: &BTreeMap<OutputName, StorePath>,
) -> Result<(), BuildError> {
    let drv_hash = if store.options().ca_derivations {
        Some(modulos.of_outputs(store, drv_path)?)
    } else {
        None
    };
    let is_here = store.is_valid_path(drv_path)?;
    for (name, path) in outputs {
        if is_here {
            store.register_derivation_output(drv_path, name, path)?;
        }
        if let Some(drv_hash) = drv_hash {
            let mut realisation = Realisation {
                id: DrvOutput {
                    drv_hash,
                    output: name.clone(),
                },
                out_path: path.clone(),
                signatures: BTreeSet::new(),
                dependent_realisations: BTreeMap::new(),
            };
            store.sign_realisation(&mut realisation);
            store.register_realisation(&realisation, false)?;
        }
    }
    Ok(())
}

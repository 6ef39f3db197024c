//! Derivations whose outputs are named by contents, and those that use them.
//!
//! Where the path of an input is only known once it has been built, the derivation holds a
//! placeholder for it. *Resolving* puts the paths in and turns input derivations into input
//! sources. Two derivations that resolve to the same one share its outputs: that is the early
//! cut-off. The resolved derivation is written to the store like any other.

use std::collections::{BTreeMap, BTreeSet};

use firn_store::{DerivationText, Store as _};
use firn_store_model::{
    Derivation, DerivationError, DerivationOutput, DerivationType, DrvOutput, InputNode,
    OutputName, Realisation, SingleDerivedPath, StorePath, downstream_placeholder,
};

use crate::BuildError;
use crate::derivation_goal::Loaded;
use crate::environment::rewrite;
use crate::scheduler::Scheduler;

impl Scheduler {
    /// The outputs of a derivation whose goal is done.
    pub(crate) fn output_map(
        &self,
        drv_path: &StorePath,
    ) -> Result<BTreeMap<OutputName, Option<StorePath>>, BuildError> {
        if let Some(outputs) = self.realised.get(drv_path) {
            return Ok(outputs
                .iter()
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
        let drv_hash = if self.store.options().ca_derivations {
            Some(self.modulos.of_outputs(&*self.store, drv_path)?)
        } else {
            None
        };
        let is_here = self.store.is_valid_path(drv_path)?;
        for (name, path) in outputs {
            if is_here {
                self.store
                    .register_derivation_output(drv_path, name, path)?;
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
                self.store.sign_realisation(&mut realisation);
                self.store.register_realisation(&realisation, false)?;
            }
        }
        Ok(())
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
        let failed = |error: &dyn std::fmt::Display| {
            BuildError::misc(format!(
                "cannot resolve derivation '{}': {error}",
                self.store.store_dir().print(drv_path)
            ))
        };
        let mut resolved = derivation.clone();
        let mut rewrites = BTreeMap::new();
        for (input, node) in &derivation.input_drvs {
            let start = SingleDerivedPath::Opaque(input.clone());
            self.resolve_node(&start, input, node, &mut resolved, &mut rewrites)?;
        }
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
        let store_dir = self.store.store_dir();
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
        self.store.add_derivations(&[DerivationText {
            path: path.clone(),
            references: resolved.references().into_iter().collect(),
            contents,
            outputs: outputs.into_iter().collect(),
        }])?;
        Ok(path)
    }

    fn resolve_node(
        &self,
        derivation: &SingleDerivedPath,
        drv_path: &StorePath,
        node: &InputNode,
        resolved: &mut Derivation,
        rewrites: &mut BTreeMap<Vec<u8>, Vec<u8>>,
    ) -> Result<(), BuildError> {
        let outputs = self.output_map(drv_path)?;
        let known = |name: &OutputName| match outputs.get(name) {
            Some(Some(path)) => Ok(path.clone()),
            _ => Err(BuildError::misc(format!(
                "the path of output '{name}' of derivation '{}' is not known",
                self.store.store_dir().print(drv_path)
            ))),
        };
        for name in &node.outputs {
            let path = known(name)?;
            let placeholder = downstream_placeholder(derivation, name)
                .map_err(|error| BuildError::misc(error.to_string()))?;
            rewrites.insert(
                placeholder.into_bytes(),
                self.store.store_dir().print(&path).into_bytes(),
            );
            resolved.input_srcs.insert(path);
        }
        for (name, inner) in &node.dynamic {
            let path = known(name)?;
            let inner_path = SingleDerivedPath::Built {
                drv: std::sync::Arc::new(derivation.clone()),
                output: name.clone(),
            };
            self.resolve_node(&inner_path, &path, inner, resolved, rewrites)?;
        }
        Ok(())
    }
}

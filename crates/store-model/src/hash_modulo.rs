//! The hash of a derivation modulo fixed outputs.
//!
//! Two derivations that differ only in *how* some fixed-output input is fetched yield the same
//! outputs, so the output paths must not depend on it. Therefore the hash from which output paths
//! follow is taken over a form of the derivation in which every input derivation is replaced by
//! its own hash modulo, and that of a fixed-output derivation depends on its contents alone.
//!
//! The recursion over inputs is the caller's: it passes a look-up that answers from its memo or
//! reads the input derivation and calls back here. That keeps this crate free of any store, and
//! lets the caller share the memo between threads.

use std::sync::Arc;

use firn_hash::{Hash, Hasher};

use crate::aterm::{self, Inputs};
use crate::{
    Derivation, DerivationError, DerivationOutput, DerivationType, OutputName, StoreDir, StorePath,
    StoreReferences,
};

/// A derivation's hash modulo fixed outputs, cheap to copy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HashModulo {
    /// The hash, the same for all outputs.
    pub hash: Hash,
    /// Whether the hash cannot be used to name outputs yet, because the path of some output
    /// among the inputs is not known before it is built.
    pub deferred: bool,
    /// The outputs that the derivation has, in order.
    pub outputs: Arc<[OutputName]>,
}

impl Derivation {
    /// Computes the hash modulo fixed outputs.
    ///
    /// `mask_outputs` leaves out the derivation's own output paths: that is the form from which
    /// these paths are computed. Without it, the result is what stands for this derivation in the
    /// derivations that use it. `look_up` yields the latter for each input derivation.
    pub fn hash_modulo<E: From<DerivationError>>(
        &self,
        store_dir: &StoreDir,
        mask_outputs: bool,
        look_up: &mut dyn FnMut(&StorePath) -> Result<HashModulo, E>,
    ) -> Result<HashModulo, E> {
        let kind = self.derivation_type()?;
        let outputs: Arc<[OutputName]> = self.outputs.keys().cloned().collect();
        if kind == DerivationType::Fixed {
            let hash = self.fixed_hash_modulo(store_dir)?;
            return Ok(HashModulo {
                hash,
                deferred: false,
                outputs,
            });
        }

        let mut deferred = matches!(kind, DerivationType::Floating | DerivationType::Impure);
        let mut inputs: Vec<([u8; 32], &OutputName)> = Vec::with_capacity(self.input_drvs.len());
        for (path, node) in &self.input_drvs {
            let input = look_up(path)?;
            deferred |= input.deferred;
            let digest = input
                .hash
                .digest()
                .try_into()
                .expect("hashes modulo are SHA-256");
            for output in &node.outputs {
                if !input.outputs.contains(output) {
                    let missing = DerivationError::NoSuchOutput {
                        output: output.to_string(),
                        derivation: self.name.clone(),
                    };
                    return Err(missing.into());
                }
                inputs.push((digest, output));
            }
        }
        inputs.sort_unstable();
        inputs.dedup();

        let mut digest = aterm::Digest::new();
        aterm::write(
            self,
            store_dir,
            mask_outputs,
            &Inputs::Hashes(&inputs),
            &mut digest,
        )
        .map_err(DerivationError::from)?;
        Ok(HashModulo {
            hash: digest.finish(),
            deferred,
            outputs,
        })
    }

    /// The hash modulo of a fixed-output derivation: a function of contents and path only.
    fn fixed_hash_modulo(&self, store_dir: &StoreDir) -> Result<Hash, DerivationError> {
        let (name, output) = self
            .outputs
            .first_key_value()
            .ok_or(DerivationError::NoOutputs)?;
        let DerivationOutput::Fixed(address) = output else {
            return Err(DerivationError::MixedOutputs);
        };
        let path = store_dir.make_content_addressed_path(
            &crate::output_path_name(&self.name, name),
            address,
            &StoreReferences::default(),
        )?;
        let text = format!(
            "fixed:out:{}:{}:{}",
            address.method_and_algorithm(),
            address.hash.to_base16(),
            store_dir.display(&path)
        );
        Ok(Hasher::sha256(text.as_bytes()))
    }
}

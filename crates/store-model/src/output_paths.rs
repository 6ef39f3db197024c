//! Filling in and checking the output paths of a derivation: in its list of outputs and in the
//! environment variables named like them.

use crate::{
    Derivation, DerivationError, DerivationOutput, HashModulo, MakePathError, OutputName, StoreDir,
    StorePath,
};

impl Derivation {
    /// Gives every deferred output its path if that can be known, and fills the environment
    /// variables of outputs that are missing or empty.
    ///
    /// `look_up` yields the hash modulo of each input derivation; see [`Derivation::hash_modulo`].
    /// A path or variable that is already there must be the right one.
    pub fn fill_output_paths<E: From<DerivationError>>(
        &mut self,
        store_dir: &StoreDir,
        look_up: &mut dyn FnMut(&StorePath) -> Result<HashModulo, E>,
    ) -> Result<(), E> {
        for (output, path) in self.expected_output_paths(store_dir, look_up)? {
            if self.outputs.get(&output) == Some(&DerivationOutput::Deferred) {
                self.outputs.insert(
                    output.clone(),
                    DerivationOutput::InputAddressed(path.clone()),
                );
            }
            let variable = self.env.entry(output.as_bytes().to_vec()).or_default();
            if variable.is_empty() {
                *variable = store_dir.print(&path).into_bytes();
            }
            self.check_variable(store_dir, &output, &path)?;
        }
        Ok(())
    }

    /// Checks that every output path, and the environment variable that states it, is the one
    /// that follows from the derivation.
    ///
    /// Outputs left deferred although their path is known are not an error; their names are
    /// returned with the path, for the caller to warn about.
    pub fn check_output_paths<E: From<DerivationError>>(
        &self,
        store_dir: &StoreDir,
        look_up: &mut dyn FnMut(&StorePath) -> Result<HashModulo, E>,
    ) -> Result<Vec<(OutputName, StorePath)>, E> {
        let mut needlessly_deferred = Vec::new();
        for (output, path) in self.expected_output_paths(store_dir, look_up)? {
            if self.outputs.get(&output) == Some(&DerivationOutput::Deferred) {
                needlessly_deferred.push((output, path));
            } else {
                self.check_variable(store_dir, &output, &path)?;
            }
        }
        Ok(needlessly_deferred)
    }

    /// The path that each output must have, as far as that is known; refuses stated paths that
    /// differ.
    fn expected_output_paths<E: From<DerivationError>>(
        &self,
        store_dir: &StoreDir,
        look_up: &mut dyn FnMut(&StorePath) -> Result<HashModulo, E>,
    ) -> Result<Vec<(OutputName, StorePath)>, E> {
        self.derivation_type()?;
        let mut modulo = None;
        let mut expected = Vec::with_capacity(self.outputs.len());
        for (name, output) in &self.outputs {
            match output {
                DerivationOutput::Floating { .. } | DerivationOutput::Impure { .. } => {}
                DerivationOutput::Fixed(_) => {
                    let path = output
                        .path(store_dir, &self.name, name)
                        .map_err(DerivationError::from)?
                        .expect("the path of a fixed output is known");
                    expected.push((name.clone(), path));
                }
                DerivationOutput::InputAddressed(_) | DerivationOutput::Deferred => {
                    if modulo.is_none() {
                        modulo = Some(self.hash_modulo(store_dir, true, look_up)?);
                    }
                    let modulo = modulo.as_ref().expect("just computed");
                    let path = if modulo.deferred {
                        None
                    } else {
                        let path = store_dir
                            .make_output_path(name, &modulo.hash, &self.name)
                            .map_err(|error| DerivationError::from(MakePathError::from(error)))?;
                        Some(path)
                    };
                    if let DerivationOutput::InputAddressed(found) = output
                        && Some(found) != path.as_ref()
                    {
                        let error = DerivationError::IncorrectOutput {
                            found: store_dir.print(found),
                            expected: path.map(|path| store_dir.print(&path)),
                        };
                        return Err(error.into());
                    }
                    expected.extend(path.map(|path| (name.clone(), path)));
                }
            }
        }
        Ok(expected)
    }

    fn check_variable(
        &self,
        store_dir: &StoreDir,
        output: &OutputName,
        path: &StorePath,
    ) -> Result<(), DerivationError> {
        let expected = store_dir.print(path);
        match self.env.get(output.as_bytes()) {
            None => Err(DerivationError::MissingVariable {
                output: output.to_string(),
                expected,
            }),
            Some(found) if *found != expected.as_bytes() => {
                Err(DerivationError::IncorrectVariable {
                    output: output.to_string(),
                    expected,
                    found: String::from_utf8_lossy(found).into_owned(),
                })
            }
            Some(_) => Ok(()),
        }
    }
}

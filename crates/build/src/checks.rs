//! Demands that a derivation makes on its outputs: the hash of a fixed output, sizes, and what may
//! be referred to.

use std::collections::{BTreeMap, BTreeSet};

use firn_store::{BuildStatus, LocalStore, Store as _};
use firn_store_model::{Derivation, DerivationOutput, OutputName, StorePath, ValidPathInfo};

use crate::BuildError;
use crate::closure::Closures;
use crate::options::{Checks, OutputChecks};

/// The outputs of a build, about to be registered.
pub(crate) struct CheckedOutputs<'a> {
    pub(crate) store: &'a LocalStore,
    pub(crate) drv_path: &'a StorePath,
    pub(crate) derivation: &'a Derivation,
    pub(crate) infos: &'a BTreeMap<OutputName, ValidPathInfo>,
}

impl CheckedOutputs<'_> {
    /// Applies all demands.
    pub(crate) fn check(&self, checks: &OutputChecks) -> Result<(), BuildError> {
        let mut closures = Closures::default();
        for (name, info) in self.infos {
            if let Some(DerivationOutput::Fixed(wanted)) = self.derivation.outputs.get(name) {
                self.check_fixed(wanted, info)?;
            }
            let demands = match checks {
                OutputChecks::ForAll(demands) => demands,
                OutputChecks::PerOutput(by_output) => match by_output.get(name.as_str()) {
                    Some(demands) => demands,
                    None => continue,
                },
            };
            self.check_output(name, info, demands, &mut closures)?;
        }
        Ok(())
    }

    fn print(&self, path: &StorePath) -> String {
        self.store.store_dir().print(path)
    }

    fn check_fixed(
        &self,
        wanted: &firn_store_model::ContentAddress,
        info: &ValidPathInfo,
    ) -> Result<(), BuildError> {
        let mismatch = |message| BuildError::new(BuildStatus::HashMismatch, message);
        let got = info.content_address.as_ref().map(|address| address.hash);
        if got != Some(wanted.hash) {
            return Err(mismatch(format!(
                "hash mismatch in fixed-output derivation '{}':\n  specified: {}\n     got:    {}",
                self.print(self.drv_path),
                wanted.hash.to_sri(),
                got.map_or_else(String::new, |hash| hash.to_sri())
            )));
        }
        if let Some(first) = info.references.first() {
            return Err(mismatch(format!(
                "fixed-output derivations must not reference store paths: '{}' references {} \
                 distinct paths, e.g. '{}'",
                self.print(self.drv_path),
                info.references.len(),
                self.print(first)
            )));
        }
        Ok(())
    }

    /// The closure of a path, other outputs included although they are not valid yet, and its
    /// size.
    fn closure(
        &self,
        path: &StorePath,
        closures: &mut Closures,
    ) -> Result<(BTreeSet<StorePath>, u64), BuildError> {
        let mut closure = BTreeSet::new();
        let mut size = 0;
        let mut waiting = vec![path.clone()];
        while let Some(path) = waiting.pop() {
            if !closure.insert(path.clone()) {
                continue;
            }
            let mut visit = |info: &ValidPathInfo| {
                size += info.nar_size;
                waiting.extend(info.references.iter().cloned());
            };
            match self.infos.values().find(|info| info.path == path) {
                Some(info) => visit(info),
                None => visit(&*closures.info(self.store, &path)?),
            }
        }
        Ok((closure, size))
    }

    fn check_output(
        &self,
        name: &OutputName,
        info: &ValidPathInfo,
        checks: &Checks,
        closures: &mut Closures,
    ) -> Result<(), BuildError> {
        let rejected = |message| Err(BuildError::new(BuildStatus::OutputRejected, message));
        if let Some(limit) = checks.max_size
            && info.nar_size > limit
        {
            return rejected(format!(
                "path '{}' is too large at {} bytes; limit is {limit} bytes",
                self.print(&info.path),
                info.nar_size
            ));
        }
        if let Some(limit) = checks.max_closure_size {
            let (_, size) = self.closure(&info.path, closures)?;
            if size > limit {
                return rejected(format!(
                    "closure of path '{}' is too large at {size} bytes; limit is {limit} bytes",
                    self.print(&info.path)
                ));
            }
        }
        let requisites = |closures: &mut Closures| -> Result<BTreeSet<StorePath>, BuildError> {
            let (mut closure, _) = self.closure(&info.path, closures)?;
            if checks.ignore_self_references {
                closure.remove(&info.path);
            }
            Ok(closure)
        };
        if let Some(allowed) = &checks.allowed_references {
            self.check_references(name, info, &info.references, allowed, true)?;
        }
        if let Some(allowed) = &checks.allowed_requisites {
            let used = requisites(closures)?;
            self.check_references(name, info, &used, allowed, true)?;
        }
        if !checks.disallowed_references.is_empty() {
            let disallowed = &checks.disallowed_references;
            self.check_references(name, info, &info.references, disallowed, false)?;
        }
        if !checks.disallowed_requisites.is_empty() {
            let used = requisites(closures)?;
            self.check_references(name, info, &used, &checks.disallowed_requisites, false)?;
        }
        Ok(())
    }

    fn check_references(
        &self,
        name: &OutputName,
        info: &ValidPathInfo,
        used: &BTreeSet<StorePath>,
        listed: &BTreeSet<Vec<u8>>,
        allowed: bool,
    ) -> Result<(), BuildError> {
        let rejected = |message| Err(BuildError::new(BuildStatus::OutputRejected, message));
        let mut paths = BTreeSet::new();
        for item in listed {
            if let Ok((path, _)) = self.store.store_dir().split(item) {
                paths.insert(path);
                continue;
            }
            let output = self
                .infos
                .iter()
                .find(|(name, _)| name.as_str().as_bytes() == item);
            let Some((_, output)) = output else {
                let valid: Vec<_> = self.infos.keys().map(OutputName::as_str).collect();
                return rejected(format!(
                    "derivation '{}' output check for '{name}' contains output name '{}', but this \
                     is not a valid output of this derivation. (Valid outputs are [{}].)",
                    self.print(self.drv_path),
                    String::from_utf8_lossy(item),
                    valid.join(", ")
                ));
            };
            paths.insert(output.path.clone());
        }
        let mut bad = String::new();
        for path in used {
            if paths.contains(path) != allowed {
                bad.push_str("\n  ");
                bad.push_str(&self.print(path));
            }
        }
        if bad.is_empty() {
            return Ok(());
        }
        rejected(format!(
            "output '{}' is not allowed to refer to the following paths:{bad}",
            self.print(&info.path)
        ))
    }
}

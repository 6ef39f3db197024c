//! What is missing: the answer of stores that cannot build, and the part of the question that
//! every store shares.
//!
//! A path that is not valid may come from a substituter; a derivation whose outputs are neither
//! valid nor substitutable would have to be built, and its inputs with it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use firn_store_model::{
    Derivation, DerivedPath, DrvOutput, OutputName, OutputsSpec, SingleDerivedPath, StorePath,
};

use crate::derivation::HashModulos;
use crate::error::StoreError;
use crate::store::Store;
use crate::types::{BuildMode, BuildResult, BuildStatus, MissingPaths};

/// Where paths may come from instead of being built.
pub struct Substitution<'a> {
    /// The substituters in the order they are asked; called when the first one is needed.
    pub substituters: &'a dyn Fn() -> Arc<[Arc<dyn Store>]>,
    /// Whether the outputs of a derivation may come from them.
    pub allows: &'a dyn Fn(&Derivation) -> bool,
}

/// What building the paths would entail.
pub fn query_missing(
    store: &dyn Store,
    substitution: Option<&Substitution<'_>>,
    paths: &[DerivedPath],
) -> Result<MissingPaths, StoreError> {
    let mut walk = Walk {
        store,
        substitution,
        missing: MissingPaths::default(),
        seen: BTreeSet::new(),
        modulos: HashModulos::default(),
    };
    let mut pending: Vec<DerivedPath> = paths.to_vec();
    while let Some(path) = pending.pop() {
        walk.visit(&path, &mut pending)?;
    }
    Ok(walk.missing)
}

struct Walk<'a> {
    store: &'a dyn Store,
    substitution: Option<&'a Substitution<'a>>,
    missing: MissingPaths,
    seen: BTreeSet<DerivedPath>,
    modulos: HashModulos,
}

impl Walk<'_> {
    fn visit(
        &mut self,
        path: &DerivedPath,
        pending: &mut Vec<DerivedPath>,
    ) -> Result<(), StoreError> {
        if !self.seen.insert(path.clone()) {
            return Ok(());
        }
        match path {
            DerivedPath::Opaque(path) => {
                if self.store.is_within_reach(path)? || self.substitute(path, pending)? {
                    return Ok(());
                }
                self.missing.unknown.insert(path.clone());
                Ok(())
            }
            DerivedPath::Built { drv, outputs } => self.visit_built(drv, outputs, pending),
        }
    }

    fn visit_built(
        &mut self,
        drv: &SingleDerivedPath,
        outputs: &OutputsSpec,
        pending: &mut Vec<DerivedPath>,
    ) -> Result<(), StoreError> {
        // A derivation that is itself still to be built tells nothing about its outputs.
        let SingleDerivedPath::Opaque(drv_path) = drv else {
            if let SingleDerivedPath::Built { drv, output } = drv {
                pending.push(DerivedPath::Built {
                    drv: Arc::clone(drv),
                    outputs: OutputsSpec::one(output.clone()),
                });
            }
            return Ok(());
        };
        if !self.store.is_within_reach(drv_path)? && !self.substitute(drv_path, pending)? {
            self.missing.unknown.insert(drv_path.clone());
            return Ok(());
        }
        if !self.store.is_within_reach(drv_path)? {
            // It would have to be fetched before more could be said.
            return Ok(());
        }
        let (mut wanted, mut unknown) = (Vec::new(), Vec::new());
        for (name, path) in self.store.query_derivation_output_map(drv_path)? {
            if !outputs.contains(name.as_str()) {
                continue;
            }
            match path {
                Some(path) if self.store.is_valid_path(&path)? => {}
                Some(path) => wanted.push(path),
                None => unknown.push(name),
            }
        }
        if wanted.is_empty() && unknown.is_empty() {
            return Ok(());
        }
        let derivation = self.store.read_derivation(drv_path)?;
        let may_substitute = self.substitution.is_some_and(|it| (it.allows)(&derivation));
        let mut must_build = !may_substitute;
        for name in unknown.iter().filter(|_| may_substitute) {
            match self.realised_elsewhere(drv_path, name)? {
                Some(path) => wanted.push(path),
                None => must_build = true,
            }
        }
        if !must_build {
            let mut all = true;
            for path in &wanted {
                all = all && self.is_substitutable(path)?;
            }
            if all {
                for path in &wanted {
                    self.substitute(path, pending)?;
                }
                return Ok(());
            }
        }
        self.missing.will_build.insert(drv_path.clone());
        for (input, node) in &derivation.input_drvs {
            let makers = node.dynamic.keys();
            pending.push(DerivedPath::Built {
                drv: Arc::new(SingleDerivedPath::Opaque(input.clone())),
                outputs: OutputsSpec::Names(node.outputs.iter().chain(makers).cloned().collect()),
            });
        }
        pending.extend(
            derivation
                .input_srcs
                .iter()
                .cloned()
                .map(DerivedPath::Opaque),
        );
        Ok(())
    }

    /// What an output that follows from contents turned out to be, where a substituter knows.
    fn realised_elsewhere(
        &self,
        drv_path: &StorePath,
        output: &OutputName,
    ) -> Result<Option<StorePath>, StoreError> {
        let substituters = self.substituters();
        if substituters.is_empty() {
            return Ok(None);
        }
        let id = DrvOutput {
            drv_hash: self.modulos.of_outputs(self.store, drv_path)?,
            output: output.clone(),
        };
        for substituter in substituters.iter() {
            if let Some(realisation) = substituter.query_realisation(&id)? {
                return Ok(Some(realisation.out_path));
            }
        }
        Ok(None)
    }

    fn substituters(&self) -> Arc<[Arc<dyn Store>]> {
        self.substitution
            .map_or_else(|| Arc::from([]), |it| (it.substituters)())
    }

    fn is_substitutable(&self, path: &StorePath) -> Result<bool, StoreError> {
        for substituter in self.substituters().iter() {
            if substituter.store_dir() == self.store.store_dir()
                && substituter.query_path_info(path)?.is_some()
            {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Notes a path as one to be substituted, with its references to follow.
    fn substitute(
        &mut self,
        path: &StorePath,
        pending: &mut Vec<DerivedPath>,
    ) -> Result<bool, StoreError> {
        for substituter in self.substituters().iter() {
            if substituter.store_dir() != self.store.store_dir() {
                continue;
            }
            let Some(info) = substituter.query_path_info(path)? else {
                continue;
            };
            if self.missing.will_substitute.insert(path.clone()) {
                self.missing.nar_size += info.nar_size;
                self.missing.download_size += substituter.download_size(path)?;
                let others = info
                    .references
                    .iter()
                    .filter(|reference| *reference != path);
                pending.extend(others.cloned().map(DerivedPath::Opaque));
            }
            return Ok(true);
        }
        Ok(false)
    }
}

/// For a store that cannot build: fails unless everything asked for is valid.
pub(crate) fn require_all(
    store: &dyn Store,
    paths: &[DerivedPath],
    mode: BuildMode,
) -> Result<(), StoreError> {
    for result in results_of_valid(store, paths, mode)? {
        if !result.status.is_success() {
            return Err(StoreError::Build {
                message: result.error,
                exit_status: 1,
            });
        }
    }
    Ok(())
}

/// For a store that cannot build: what is valid succeeds, everything else fails.
pub(crate) fn results_of_valid(
    store: &dyn Store,
    paths: &[DerivedPath],
    mode: BuildMode,
) -> Result<Vec<BuildResult>, StoreError> {
    if mode != BuildMode::Normal {
        return Err(store.unsupported("building"));
    }
    paths
        .iter()
        .map(|path| result_of_valid(store, path))
        .collect()
}

fn result_of_valid(store: &dyn Store, path: &DerivedPath) -> Result<BuildResult, StoreError> {
    let missing = query_missing(store, None, std::slice::from_ref(path))?;
    let is_there = missing == MissingPaths::default();
    let error = if is_there {
        String::new()
    } else if let Some(path) = missing.unknown.first() {
        StoreError::Unobtainable {
            path: store.store_dir().print(path),
        }
        .to_string()
    } else {
        store.unsupported("building").to_string()
    };
    Ok(BuildResult {
        path: path.clone(),
        status: if is_there {
            BuildStatus::AlreadyValid
        } else {
            BuildStatus::NoSubstituters
        },
        error,
        times_built: 0,
        time: (0, 0),
        cpu_time: None,
        outputs: BTreeMap::new(),
    })
}

//! A store as a build sees it: nothing but what is within its reach.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use firn_store::closure::{ClosureOptions, closure};
use firn_store::{
    AddOptions, BuildMode, BuildResult, DumpFormat, GcOptions, GcResult, MissingPaths, NarOptions,
    Roots, Store, StoreError, StorePathSet, StoreTraits,
};
use firn_store_model::{
    Derivation, DerivedPath, DrvOutput, OutputName, Realisation, StoreDir, StorePath, ValidPathInfo,
};

use crate::nested::Reach;

/// A store that shows what a build may see, and notes what the build brings forth.
pub struct RestrictedStore {
    store: Arc<dyn Store>,
    reach: Arc<Reach>,
}

impl RestrictedStore {
    /// Restricts a store to a build's reach.
    pub fn new(store: Arc<dyn Store>, reach: Arc<Reach>) -> RestrictedStore {
        RestrictedStore { store, reach }
    }

    /// Fails for a path that is out of reach.
    fn require(&self, doing: &'static str, path: &StorePath) -> Result<(), StoreError> {
        if self.reach.has(path) {
            return Ok(());
        }
        Err(StoreError::other(format!(
            "cannot {doing} unknown path '{}' in recursive Nix",
            self.store_dir().print(path)
        )))
    }

    /// Brings what was built into reach, with everything it refers to.
    fn note_results(&self, results: &[BuildResult]) -> Result<(), StoreError> {
        let realisations = results.iter().flat_map(|result| result.outputs.values());
        let realisations: Vec<_> = realisations.collect();
        let new = realisations.iter().map(|it| it.out_path.clone());
        let all = closure(&*self.store, new, ClosureOptions::default())?;
        for path in &all {
            self.reach.add(path)?;
        }
        for realisation in realisations {
            self.reach.add_output(realisation.id.clone());
        }
        Ok(())
    }
}

impl Store for RestrictedStore {
    fn url(&self) -> String {
        self.store.url()
    }

    fn store_dir(&self) -> &StoreDir {
        self.store.store_dir()
    }

    fn traits(&self) -> StoreTraits {
        StoreTraits {
            trusts_us: Some(false),
            ..self.store.traits()
        }
    }

    fn physical_path(&self, path: &StorePath) -> Option<PathBuf> {
        self.store.physical_path(path)
    }

    fn query_path_info(&self, path: &StorePath) -> Result<Option<Arc<ValidPathInfo>>, StoreError> {
        if !self.reach.has(path) {
            return Ok(None);
        }
        let Some(info) = self.store.query_path_info(path)? else {
            return Ok(None);
        };
        // What does not follow from the inputs is not for a build to know.
        let mut info = ValidPathInfo::clone(&info);
        info.info.deriver = None;
        info.info.registration_time = 0;
        info.info.ultimate = false;
        info.info.signatures.clear();
        Ok(Some(Arc::new(info)))
    }

    fn query_all_valid_paths(&self) -> Result<StorePathSet, StoreError> {
        Ok(self.reach.paths())
    }

    fn query_referrers(&self, _: &StorePath) -> Result<StorePathSet, StoreError> {
        Ok(StorePathSet::new())
    }

    fn query_path_from_hash_part(&self, hash_part: &str) -> Result<Option<StorePath>, StoreError> {
        let mut paths = self.reach.paths().into_iter();
        Ok(paths.find(|path| path.hash_part() == hash_part))
    }

    fn query_derivation_output_map(
        &self,
        drv_path: &StorePath,
    ) -> Result<BTreeMap<OutputName, Option<StorePath>>, StoreError> {
        self.require("query output map for", drv_path)?;
        self.store.query_derivation_output_map(drv_path)
    }

    fn read_derivation(&self, drv_path: &StorePath) -> Result<Arc<Derivation>, StoreError> {
        self.require("read", drv_path)?;
        self.store.read_derivation(drv_path)
    }

    fn query_realisation(&self, id: &DrvOutput) -> Result<Option<Realisation>, StoreError> {
        if !self.reach.has_output(id) {
            return Ok(None);
        }
        self.store.query_realisation(id)
    }

    fn nar_from_path(&self, path: &StorePath, sink: &mut dyn Write) -> Result<(), StoreError> {
        self.require("dump", path)?;
        self.store.nar_from_path(path, sink)
    }

    fn add_dump(
        &self,
        name: &str,
        source: &mut dyn Read,
        format: DumpFormat,
        options: &AddOptions,
    ) -> Result<StorePath, StoreError> {
        let path = self.store.add_dump(name, source, format, options)?;
        self.reach.add(&path)?;
        Ok(path)
    }

    fn add_nar(
        &self,
        info: &ValidPathInfo,
        source: &mut dyn Read,
        options: NarOptions,
    ) -> Result<(), StoreError> {
        self.store.add_nar(info, source, options)?;
        self.reach.add(&info.path)
    }

    // --- Roots: what a build makes is kept while it runs, and no longer ---------------------------

    fn add_perm_root(&self, _: &StorePath, link: &Path) -> Result<PathBuf, StoreError> {
        Ok(link.to_owned())
    }

    fn add_indirect_root(&self, _: &Path) -> Result<(), StoreError> {
        Ok(())
    }

    fn find_roots(&self, _: bool) -> Result<Roots, StoreError> {
        Ok(Roots::new())
    }

    fn collect_garbage(&self, _: &GcOptions) -> Result<GcResult, StoreError> {
        Ok(GcResult::default())
    }

    // --- Realising -----------------------------------------------------------------------------

    fn query_missing(&self, paths: &[DerivedPath]) -> Result<MissingPaths, StoreError> {
        let is_known = |path: &&DerivedPath| self.reach.has(path.base_path());
        let (known, unknown): (Vec<_>, Vec<_>) = paths.iter().partition(is_known);
        let known: Vec<DerivedPath> = known.into_iter().cloned().collect();
        let mut missing = self.store.query_missing(&known)?;
        missing
            .unknown
            .extend(unknown.into_iter().map(|path| path.base_path().clone()));
        Ok(missing)
    }

    fn build_paths(&self, paths: &[DerivedPath], mode: BuildMode) -> Result<(), StoreError> {
        let results = self.build_paths_with_results(paths, mode)?;
        let failed = results.into_iter().find(|it| !it.status.is_success());
        match failed {
            None => Ok(()),
            Some(result) => Err(StoreError::Build {
                message: result.error,
                exit_status: 1,
            }),
        }
    }

    fn build_paths_with_results(
        &self,
        paths: &[DerivedPath],
        mode: BuildMode,
    ) -> Result<Vec<BuildResult>, StoreError> {
        if mode != BuildMode::Normal {
            return Err(StoreError::other("unsupported build mode"));
        }
        let unknown = paths.iter().find(|path| !self.reach.has(path.base_path()));
        if let Some(path) = unknown {
            return Err(StoreError::other(format!(
                "cannot build '{}' in recursive Nix because path is unknown",
                path.print(self.store_dir())
            )));
        }
        let results = self.store.build_paths_with_results(paths, mode)?;
        self.note_results(&results)?;
        Ok(results)
    }

    fn ensure_path(&self, path: &StorePath) -> Result<(), StoreError> {
        // Whatever is within reach is valid.
        self.require("substitute", path)
    }

    fn interrupt(&self) {
        self.store.interrupt();
    }

    fn as_dyn(&self) -> &dyn Store {
        self
    }
}

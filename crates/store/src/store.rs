//! The [`Store`] interface: everything above this crate speaks to stores through it.
//!
//! A local store, a binary cache, a daemon, another machine: all are the same to the evaluator,
//! the builder and the commands. The trait is object-safe and synchronous; a store may be used
//! from many threads at once. Operations that a kind of store cannot offer answer
//! [`StoreError::Unsupported`], which is also what their default bodies do.
//!
//! Building is part of the trait, so that import-from-derivation and recursive builds need nothing
//! above this crate; a store that cannot build answers only for what is valid or can be
//! substituted.
//!
//! Rules for implementers: a path is never valid before its contents and its whole closure are;
//! `add_…` on a valid path costs no writing; every path that an `add_…` returns is a temporary
//! root of this process.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use firn_store_model::{
    ContentAddressMethod, Derivation, DerivedPath, DrvOutput, OutputName, Realisation, Signature,
    StoreDir, StorePath, ValidPathInfo,
};

use crate::derivation::HashModulos;
use crate::error::StoreError;
use crate::tree::{Filter, SourceTree};
use crate::types::{
    AddOptions, AliveBecause, BuildMode, BuildResult, DerivationText, DumpFormat, GcOptions,
    GcResult, MissingPaths, NarOptions, OptimiseStats, RootHold, Roots, StorePathSet, StoreTraits,
    VerifyOptions,
};

/// A collection of store objects.
pub trait Store: Send + Sync {
    /// The address by which it was opened, as messages show it.
    fn url(&self) -> String;

    /// The directory that its paths begin with.
    fn store_dir(&self) -> &StoreDir;

    /// Properties that others decide by.
    fn traits(&self) -> StoreTraits {
        StoreTraits::default()
    }

    /// Makes sure that the store can be asked, and finds out what it says of itself, where that
    /// has been put off. Whoever does not call this gets the error with a later question.
    fn introduce(&self) -> Result<(), StoreError> {
        Ok(())
    }

    /// Where a path of this store lies on this machine's file system, whether it is valid or not.
    /// `None` for stores that have no files here.
    fn physical_path(&self, path: &StorePath) -> Option<PathBuf> {
        let _ = path;
        None
    }

    /// Another store that has the derivations to build, and the sources that they name, where this
    /// one does not (`--eval-store`). Derivations are read there; sources are copied when a build
    /// needs them.
    fn derivation_source(&self) -> Option<&Arc<dyn Store>> {
        None
    }

    /// Whether a path is valid here or in the [store of derivations](Self::derivation_source).
    fn is_within_reach(&self, path: &StorePath) -> Result<bool, StoreError> {
        if self.is_valid_path(path)? {
            return Ok(true);
        }
        self.derivation_source()
            .map_or(Ok(false), |store| store.is_valid_path(path))
    }

    // --- Questions -----------------------------------------------------------------------------

    /// What the store knows of a path; `None` when the path is not valid.
    fn query_path_info(&self, path: &StorePath) -> Result<Option<Arc<ValidPathInfo>>, StoreError>;

    /// What the store knows of those among some paths that are valid.
    fn query_path_infos(
        &self,
        paths: &StorePathSet,
    ) -> Result<BTreeMap<StorePath, Arc<ValidPathInfo>>, StoreError> {
        let mut infos = BTreeMap::new();
        for path in paths {
            if let Some(info) = self.query_path_info(path)? {
                infos.insert(path.clone(), info);
            }
        }
        Ok(infos)
    }

    /// Whether a path is valid.
    fn is_valid_path(&self, path: &StorePath) -> Result<bool, StoreError> {
        Ok(self.query_path_info(path)?.is_some())
    }

    /// Which of the paths are valid.
    fn query_valid_paths(&self, paths: &StorePathSet) -> Result<StorePathSet, StoreError> {
        let mut valid = StorePathSet::new();
        for path in paths {
            if self.is_valid_path(path)? {
                valid.insert(path.clone());
            }
        }
        Ok(valid)
    }

    /// All valid paths.
    fn query_all_valid_paths(&self) -> Result<StorePathSet, StoreError> {
        Err(self.unsupported("listing all paths"))
    }

    /// The valid paths that refer to a path, itself included if it does.
    fn query_referrers(&self, path: &StorePath) -> Result<StorePathSet, StoreError> {
        let _ = path;
        Err(self.unsupported("asking for referrers"))
    }

    /// The valid path with a hash part.
    fn query_path_from_hash_part(&self, hash_part: &str) -> Result<Option<StorePath>, StoreError>;

    /// The outputs of a valid derivation; those whose path is not known yet have none.
    fn query_derivation_output_map(
        &self,
        drv_path: &StorePath,
    ) -> Result<BTreeMap<OutputName, Option<StorePath>>, StoreError> {
        crate::derivation::output_map(self.as_dyn(), &HashModulos::default(), drv_path)
    }

    /// How many bytes getting a path from here takes; zero where that is not known.
    fn download_size(&self, path: &StorePath) -> Result<u64, StoreError> {
        let _ = path;
        Ok(0)
    }

    /// The valid derivations that have a path among their outputs.
    fn valid_derivers(&self, path: &StorePath) -> Result<StorePathSet, StoreError> {
        let _ = path;
        Ok(StorePathSet::new())
    }

    /// Reads a derivation.
    fn read_derivation(&self, drv_path: &StorePath) -> Result<Arc<Derivation>, StoreError> {
        crate::derivation::read_from_nar(self.as_dyn(), drv_path)
    }

    /// What a derivation output was realised to.
    fn query_realisation(&self, id: &DrvOutput) -> Result<Option<Realisation>, StoreError> {
        let _ = id;
        Ok(None)
    }

    // --- Contents ------------------------------------------------------------------------------

    /// Writes the archive of a valid path.
    fn nar_from_path(&self, path: &StorePath, sink: &mut dyn Write) -> Result<(), StoreError>;

    /// Adds a tree under a name; the path follows from the contents. The filter decides what
    /// belongs to the tree.
    fn add_tree(
        &self,
        name: &str,
        tree: &dyn SourceTree,
        filter: Option<Filter<'_>>,
        options: &AddOptions,
    ) -> Result<StorePath, StoreError> {
        let _ = (name, tree, filter, options);
        Err(self.unsupported("adding a path"))
    }

    /// Adds a stream of contents under a name; the path follows from the contents.
    fn add_dump(
        &self,
        name: &str,
        source: &mut dyn Read,
        format: DumpFormat,
        options: &AddOptions,
    ) -> Result<StorePath, StoreError> {
        let _ = (name, source, format, options);
        Err(self.unsupported("adding a path"))
    }

    /// Adds a text file with references.
    fn add_text(
        &self,
        name: &str,
        contents: &[u8],
        references: &StorePathSet,
    ) -> Result<StorePath, StoreError> {
        let options = AddOptions {
            method: ContentAddressMethod::Text,
            references: references.clone(),
            ..AddOptions::default()
        };
        let mut source = contents;
        self.add_dump(name, &mut source, DumpFormat::Flat, &options)
    }

    /// Adds derivation files, each after those it refers to.
    fn add_derivations(&self, derivations: &[DerivationText]) -> Result<(), StoreError> {
        for derivation in derivations {
            let references = derivation.references.iter().cloned().collect();
            self.add_text(derivation.path.name(), &derivation.contents, &references)?;
        }
        Ok(())
    }

    /// Adds an object of which everything is known. The archive is read to its end in any case.
    fn add_nar(
        &self,
        info: &ValidPathInfo,
        source: &mut dyn Read,
        options: NarOptions,
    ) -> Result<(), StoreError>;

    /// Adds signatures to a valid path.
    fn add_signatures(&self, path: &StorePath, signatures: &[Signature]) -> Result<(), StoreError> {
        let _ = (path, signatures);
        Err(self.unsupported("adding signatures"))
    }

    /// Notes what a derivation output was realised to. With `check_signatures`, a store that is
    /// set up to demand a signature does.
    fn register_realisation(
        &self,
        realisation: &Realisation,
        check_signatures: bool,
    ) -> Result<(), StoreError> {
        let _ = (realisation, check_signatures);
        Err(self.unsupported("registering a realisation"))
    }

    // --- Keeping and collecting ----------------------------------------------------------------

    /// Keeps paths, valid or not, from being collected while this process lives.
    fn add_temp_roots(&self, paths: &[StorePath]) -> Result<(), StoreError> {
        let _ = paths;
        Ok(())
    }

    /// Makes `link` a symbolic link to a path, and a root. Returns the link's full path.
    fn add_perm_root(&self, path: &StorePath, link: &Path) -> Result<PathBuf, StoreError> {
        let _ = (path, link);
        Err(self.unsupported("making a root"))
    }

    /// Makes a link somewhere on this machine a root, whatever it leads to from time to time.
    fn add_indirect_root(&self, link: &Path) -> Result<(), StoreError> {
        let _ = link;
        Err(self.unsupported("making a root"))
    }

    /// All roots. With `censor`, those of other users' processes lose their names.
    fn find_roots(&self, censor: bool) -> Result<Roots, StoreError> {
        let _ = censor;
        Err(self.unsupported("finding roots"))
    }

    /// Collects garbage, or tells what it would be.
    fn collect_garbage(&self, options: &GcOptions) -> Result<GcResult, StoreError> {
        let _ = options;
        Err(self.unsupported("collecting garbage"))
    }

    /// What each root keeps alive, the largest first.
    fn root_holds(&self) -> Result<Vec<RootHold>, StoreError> {
        Err(self.unsupported("finding roots"))
    }

    /// Why a path is alive: for each root that leads to it, a shortest way.
    fn why_alive(&self, path: &StorePath) -> Result<Vec<AliveBecause>, StoreError> {
        let _ = path;
        Err(self.unsupported("finding roots"))
    }

    /// Hard-links equal files.
    fn optimise(&self) -> Result<OptimiseStats, StoreError> {
        Err(self.unsupported("optimising"))
    }

    /// Checks that what is valid is there. Returns whether errors remain; they are told as
    /// messages when they are found.
    fn verify(&self, options: VerifyOptions) -> Result<bool, StoreError> {
        let _ = options;
        Err(self.unsupported("verifying"))
    }

    // --- Realising -----------------------------------------------------------------------------

    /// What building the paths would entail.
    fn query_missing(&self, paths: &[DerivedPath]) -> Result<MissingPaths, StoreError>;

    /// Builds or substitutes; all that can be made is made before an error is returned.
    fn build_paths(&self, paths: &[DerivedPath], mode: BuildMode) -> Result<(), StoreError>;

    /// Builds or substitutes, and tells what became of each.
    fn build_paths_with_results(
        &self,
        paths: &[DerivedPath],
        mode: BuildMode,
    ) -> Result<Vec<BuildResult>, StoreError>;

    /// Builds a derivation that need not be in the store; its inputs are, and all of them are store
    /// paths. The result has no realisations but those of the outputs.
    fn build_derivation(
        &self,
        drv_path: &StorePath,
        derivation: &Derivation,
        mode: BuildMode,
    ) -> Result<BuildResult, StoreError> {
        let _ = (drv_path, derivation, mode);
        Err(self.unsupported("building a derivation that is not in the store"))
    }

    /// What substituting paths would bring, and how many bytes would be downloaded for it; those
    /// that nobody offers are not there.
    fn query_substitutable(
        &self,
        paths: &StorePathSet,
    ) -> Result<BTreeMap<StorePath, (Arc<ValidPathInfo>, u64)>, StoreError> {
        let _ = paths;
        Ok(BTreeMap::new())
    }

    /// Which of many paths substituters offer. Those that do not want to be asked about many paths
    /// at once (`WantMassQuery` of a binary cache) are not asked.
    fn query_many_substitutable(&self, paths: &StorePathSet) -> Result<StorePathSet, StoreError> {
        Ok(self.query_substitutable(paths)?.into_keys().collect())
    }

    /// Substitutes as many of some paths as it can; that others remain is no error.
    fn substitute_paths(&self, paths: &StorePathSet) -> Result<(), StoreError> {
        let _ = paths;
        Ok(())
    }

    /// Makes a path valid, by substitution if it is not.
    fn ensure_path(&self, path: &StorePath) -> Result<(), StoreError>;

    /// Replaces the contents of a damaged path by sound ones.
    fn repair_path(&self, path: &StorePath) -> Result<(), StoreError> {
        let _ = path;
        Err(self.unsupported("repairing a path"))
    }

    /// The log of the build of a derivation, or of the deriver of another path.
    fn build_log(&self, path: &StorePath) -> Result<Option<Vec<u8>>, StoreError> {
        let _ = path;
        Ok(None)
    }

    /// Keeps the log of a build.
    fn add_build_log(&self, drv_path: &StorePath, log: &[u8]) -> Result<(), StoreError> {
        let _ = (drv_path, log);
        Err(self.unsupported("keeping build logs"))
    }

    /// Makes requests that other threads wait for end soon, with an error, as far as they can be
    /// ended.
    fn interrupt(&self) {}

    /// The error for an operation that this store does not offer.
    fn unsupported(&self, operation: &'static str) -> StoreError {
        StoreError::Unsupported {
            operation,
            store: self.url(),
        }
    }

    /// This store as a trait object, for the default methods.
    fn as_dyn(&self) -> &dyn Store;
}

/// Builds on behalf of a store that cannot do so itself.
pub trait Realiser: Send + Sync {
    /// Makes paths valid in the store, and tells what became of each.
    fn realise(
        &self,
        store: &dyn Store,
        paths: &[DerivedPath],
    ) -> Result<Vec<BuildResult>, StoreError>;
}

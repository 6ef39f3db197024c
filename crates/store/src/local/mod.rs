//! The store on this machine: a directory of paths, a database of what is valid, roots and locks.
//!
//! Its layout, its database and its locks are those of the field, so that any other tool may work
//! on the same store at the same time. The parts: [`Location`] and [`LocalOptions`] say where it
//! is and how it behaves; `open` brings it into being; `db` holds what is valid; `add`, `add_nar`
//! and `add_derivations` bring things in; `gc` takes them out; `temp_roots` stands between the
//! two; `verify` and `optimise` go over everything; `overlay` puts a store over another one.
//!
//! What must hold at every instant, and after a crash at any instant: a path is valid only if its
//! contents are complete and canonical and its references are valid. Whatever else lies in the
//! store directory is a leftover that anybody may remove under the path's lock.

mod add;
mod add_derivations;
mod add_nar;
mod config;
pub(crate) mod db;
mod gc;
mod logs;
mod open;
mod optimise;
mod overlay;
mod repair;
mod roots;
mod temp_roots;
mod verify;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use firn_events::SharedSink;
use firn_store_model::{
    Derivation, DerivedPath, DrvOutput, OutputName, Realisation, Signature, StoreDir, StorePath,
    ValidPathInfo,
};

pub use config::{GcTestHooks, LocalOptions, Location};
use db::{Database, Registration};
pub(crate) use logs::read_log;
use overlay::Overlay;
pub use overlay::OverlayOptions;
pub(crate) use roots::make_link_to;
use temp_roots::TempRoots;

use crate::derivation::HashModulos;
use crate::error::{StoreError, path_error};
use crate::store::Store;
use crate::tree::{Filter, Listing, SourceTree, stream};
use crate::types::{
    AddOptions, AliveBecause, BuildMode, BuildResult, DerivationText, DumpFormat, GcOptions,
    GcResult, MissingPaths, NarOptions, OptimiseStats, RootHold, Roots, StorePathSet, StoreTraits,
    VerifyOptions,
};

/// A store on this machine's file system.
pub struct LocalStore {
    location: Location,
    options: LocalOptions,
    db: Database,
    temp_roots: Arc<TempRoots>,
    auto_gc: Mutex<gc::AutoGc>,
    modulos: HashModulos,
    /// The layers that the store directory is made of, if it is.
    overlay: Option<Overlay>,
    /// Shared while the database is open; says that nobody may change the schema.
    _big_lock: Option<File>,
}

impl LocalStore {
    /// Opens a store, making it if there is none.
    pub fn open(location: Location, options: LocalOptions) -> Result<Self, StoreError> {
        let overlay = options.overlay.clone();
        let overlay = overlay.map(|it| Overlay::new(it, &location.physical_dir));
        let overlay = overlay.transpose()?;
        let opened = open::open(&location, &options)?;
        let temp_roots = TempRoots::shared(&location.state_dir, &location.store_dir);
        Ok(Self {
            location,
            options,
            db: opened.db,
            temp_roots,
            auto_gc: Mutex::default(),
            modulos: HashModulos::default(),
            overlay,
            _big_lock: opened.big_lock,
        })
    }

    /// Where it lies.
    pub fn location(&self) -> &Location {
        &self.location
    }

    /// How it behaves.
    pub fn options(&self) -> &LocalOptions {
        &self.options
    }

    /// Who is told what happens.
    pub fn events(&self) -> &SharedSink {
        &self.options.events
    }

    fn require_writable(&self, operation: &'static str) -> Result<(), StoreError> {
        if !self.options.read_only {
            return Ok(());
        }
        let directory = &self.location.physical_dir;
        firn_sys::file::check_writable(directory).map_err(path_error("writing to", directory))?;
        Err(StoreError::ReadOnly { operation })
    }

    fn invalid(&self, path: &StorePath) -> StoreError {
        StoreError::InvalidPath {
            path: self.location.store_dir.print(path),
        }
    }

    /// Registers objects whose contents are in place, with their closures complete: what a
    /// builder does with its outputs. All become valid together. What was built here is signed.
    pub fn register_valid_paths(&self, infos: Vec<ValidPathInfo>) -> Result<(), StoreError> {
        let registrations = infos
            .into_iter()
            .map(|mut info| {
                if info.ultimate {
                    self.sign(&mut info);
                }
                let outputs = self.outputs_to_register(&info.path)?;
                Ok(Registration { info, outputs })
            })
            .collect::<Result<Vec<_>, StoreError>>()?;
        self.register_all(&registrations)
    }

    fn sign(&self, info: &mut ValidPathInfo) {
        if self.options.secret_keys.is_empty() {
            return;
        }
        if let Some(fingerprint) = info.fingerprint(&self.location.store_dir) {
            let keys = self.options.secret_keys.iter();
            let signatures: Vec<_> = keys.map(|key| key.sign(fingerprint.as_bytes())).collect();
            info.info.signatures.extend(signatures);
        }
    }

    /// Signs what a derivation output was realised to here.
    pub fn sign_realisation(&self, realisation: &mut Realisation) {
        let fingerprint = realisation.fingerprint();
        let keys = self.options.secret_keys.iter();
        let signatures: Vec<_> = keys.map(|key| key.sign(fingerprint.as_bytes())).collect();
        realisation.signatures.extend(signatures);
    }

    fn register_all(&self, registrations: &[Registration]) -> Result<(), StoreError> {
        self.require_writable("registering a path")?;
        for registration in registrations {
            let info = &registration.info;
            if info.content_address.is_some()
                && !info.is_content_addressed(&self.location.store_dir)
            {
                return Err(StoreError::other(format!(
                    "cannot add path '{}' to the Nix store because it claims to be \
                     content-addressed but isn't",
                    self.location.store_dir.print(&info.path)
                )));
            }
        }
        if self.options.sync_before_registering {
            firn_sys::file::sync_everything();
        }
        self.adopt_for(registrations)?;
        self.db.register(registrations)
    }

    /// Replaces what is known of a valid path, apart from its references and deriver.
    pub fn update_path_info(&self, info: &ValidPathInfo) -> Result<(), StoreError> {
        self.require_writable("changing a path's info")?;
        self.db.update(info)
    }

    /// Notes the path of an output that its derivation did not foretell.
    pub fn register_derivation_output(
        &self,
        drv_path: &StorePath,
        name: &OutputName,
        output: &StorePath,
    ) -> Result<(), StoreError> {
        self.db.register_output(drv_path, name, output)
    }

    /// Forgets a path that nothing else refers to; its contents become a leftover.
    pub fn invalidate(&self, path: &StorePath) -> Result<(), StoreError> {
        self.require_writable("invalidating a path")?;
        self.db.invalidate_checked(path)
    }

    /// Whether a path needs no further proof: it follows from its contents, or someone trusted
    /// signed it, or nobody demands that.
    pub fn is_trusted(&self, info: &ValidPathInfo) -> bool {
        if !self.options.require_signatures || info.is_content_addressed(&self.location.store_dir) {
            return true;
        }
        let Some(fingerprint) = info.fingerprint(&self.location.store_dir) else {
            return false;
        };
        let signatures = &info.info.signatures;
        self.options
            .trusted_keys
            .count_good(fingerprint.as_bytes(), signatures)
            > 0
    }

    /// Rewrites the database without its free pages.
    pub fn vacuum(&self) -> Result<(), StoreError> {
        self.db.vacuum()
    }

    /// Reads a derivation whose file is in place, whether or not it is valid.
    pub fn read_invalid_derivation(&self, drv_path: &StorePath) -> Result<Derivation, StoreError> {
        let real_path = self.location.physical_path(drv_path);
        let text = std::fs::read(&real_path).map_err(path_error("reading", &real_path))?;
        crate::derivation::parse(&self.location.store_dir, drv_path, &text)
    }

    /// For a derivation: its outputs with known paths, after checking that they are what they
    /// have to be.
    fn outputs_to_register(
        &self,
        path: &StorePath,
    ) -> Result<Vec<(OutputName, StorePath)>, StoreError> {
        if !path.is_derivation() {
            return Ok(Vec::new());
        }
        let derivation = self.read_invalid_derivation(path)?;
        crate::derivation::check(self, &self.modulos, path, &derivation)?;
        crate::derivation::known_outputs(&self.location.store_dir, &derivation)
    }
}

/// Puts a finished tree in its place; whatever was there takes its old place. A read-only directory
/// may not be moved by an ordinary user (its `..` changes), so that is lifted for the moment.
fn move_tree(from: &Path, to: &Path) -> Result<(), StoreError> {
    let failed = |error| path_error("moving", from)(error);
    let is_directory =
        |path: &Path| std::fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_dir());
    if firn_sys::file::effective_ids().0 == 0 {
        return firn_sys::file::exchange(from, to).map_err(failed);
    }
    for path in [from, to] {
        if is_directory(path) {
            firn_sys::file::set_mode(path, 0o755).map_err(failed)?;
        }
    }
    firn_sys::file::exchange(from, to).map_err(failed)?;
    if is_directory(to) {
        firn_sys::file::set_mode(to, 0o555).map_err(failed)?;
    }
    Ok(())
}

impl Store for LocalStore {
    fn url(&self) -> String {
        if self.overlay.is_some() {
            return "local-overlay://".to_owned();
        }
        match &self.location.root {
            Some(root) => root.to_string_lossy().into_owned(),
            None => "local".to_owned(),
        }
    }

    fn store_dir(&self) -> &StoreDir {
        &self.location.store_dir
    }

    fn traits(&self) -> StoreTraits {
        StoreTraits {
            priority: self.options.priority,
            want_mass_query: self.options.want_mass_query,
            trusts_us: Some(true),
            is_trusted: self.options.is_trusted,
            version: None,
            protocol: None,
        }
    }

    fn derivation_source(&self) -> Option<&Arc<dyn Store>> {
        self.options.derivation_source.as_ref()
    }

    fn physical_path(&self, path: &StorePath) -> Option<PathBuf> {
        Some(self.location.physical_path(path))
    }

    fn query_path_info(&self, path: &StorePath) -> Result<Option<Arc<ValidPathInfo>>, StoreError> {
        match (self.db.path_info(path)?, self.lower()) {
            (None, Some(lower)) => lower.query_path_info(path),
            (info, _) => Ok(info.map(Arc::new)),
        }
    }

    fn is_valid_path(&self, path: &StorePath) -> Result<bool, StoreError> {
        self.has(path)
    }

    fn query_valid_paths(&self, paths: &StorePathSet) -> Result<StorePathSet, StoreError> {
        self.valid_among(paths)
    }

    fn query_all_valid_paths(&self) -> Result<StorePathSet, StoreError> {
        self.db.all_valid()
    }

    fn query_referrers(&self, path: &StorePath) -> Result<StorePathSet, StoreError> {
        let mut referrers = self.db.referrers(path)?;
        if let Some(lower) = self.lower() {
            referrers.extend(lower.query_referrers(path)?);
        }
        Ok(referrers)
    }

    fn query_path_from_hash_part(&self, hash_part: &str) -> Result<Option<StorePath>, StoreError> {
        if hash_part.len() != StorePath::HASH_PART_LEN {
            return Err(StoreError::other("invalid hash part"));
        }
        match (self.db.path_from_hash_part(hash_part)?, self.lower()) {
            (None, Some(lower)) => lower.query_path_from_hash_part(hash_part),
            (path, _) => Ok(path),
        }
    }

    fn query_derivation_output_map(
        &self,
        drv_path: &StorePath,
    ) -> Result<BTreeMap<OutputName, Option<StorePath>>, StoreError> {
        if self.overlay.is_some() {
            // The outputs are known of what is entered here.
            self.has(drv_path)?;
        }
        let is_elsewhere = self.options.derivation_source.is_some() && !self.has(drv_path)?;
        if is_elsewhere {
            return crate::derivation::output_map(self, &self.modulos, drv_path);
        }
        let known = self.db.derivation_outputs(drv_path)?;
        if !self.options.ca_derivations {
            return Ok(known
                .into_iter()
                .map(|(name, path)| (name, Some(path)))
                .collect());
        }
        crate::derivation::output_map(self, &self.modulos, drv_path)
    }

    fn valid_derivers(&self, path: &StorePath) -> Result<StorePathSet, StoreError> {
        let mut derivers = self.db.valid_derivers(path)?;
        if let Some(lower) = self.lower() {
            derivers.extend(lower.valid_derivers(path)?);
        }
        Ok(derivers)
    }

    fn read_derivation(&self, drv_path: &StorePath) -> Result<Arc<Derivation>, StoreError> {
        match self.read_invalid_derivation(drv_path) {
            Ok(derivation) => Ok(Arc::new(derivation)),
            Err(StoreError::Io { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => {
                match &self.options.derivation_source {
                    Some(store) => store.read_derivation(drv_path),
                    None => Err(self.invalid(drv_path)),
                }
            }
            Err(error) => Err(error),
        }
    }

    fn query_realisation(&self, id: &DrvOutput) -> Result<Option<Realisation>, StoreError> {
        if !self.options.ca_derivations {
            return Ok(None);
        }
        match (self.db.realisation(id)?, self.lower()) {
            (None, Some(lower)) => lower.query_realisation(id),
            (realisation, _) => Ok(realisation),
        }
    }

    fn register_realisation(
        &self,
        realisation: &Realisation,
        check_signatures: bool,
    ) -> Result<(), StoreError> {
        self.require_writable("registering a realisation")?;
        if !self.options.ca_derivations {
            return Err(self.unsupported("registering a realisation"));
        }
        let options = &self.options;
        if check_signatures && options.require_signatures {
            let fingerprint = realisation.fingerprint();
            let signatures = &realisation.signatures;
            if options
                .trusted_keys
                .count_good(fingerprint.as_bytes(), signatures)
                == 0
            {
                return Err(StoreError::UntrustedRealisation {
                    path: realisation.out_path.to_string(),
                });
            }
        }
        if let Some(lower) = self.lower() {
            self.has(&realisation.out_path)?;
            // What is known below must not be contradicted here.
            if let Some(known) = lower.query_realisation(&realisation.id)? {
                self.has(&known.out_path)?;
                self.db.register_realisation(&known)?;
            }
        }
        self.db.register_realisation(realisation)
    }

    fn nar_from_path(&self, path: &StorePath, sink: &mut dyn Write) -> Result<(), StoreError> {
        if !self.has(path)? {
            return Err(self.invalid(path));
        }
        let tree = &*self.tree_at(self.location.physical_path(path));
        let listing = Listing::walk(tree, None)?;
        stream(tree, &listing, None, &mut |bytes| {
            sink.write_all(bytes).map_err(|source| StoreError::Io {
                operation: "writing the archive of",
                path: self.location.store_dir.print(path),
                source,
            })
        })
    }

    fn add_tree(
        &self,
        name: &str,
        tree: &dyn SourceTree,
        filter: Option<Filter<'_>>,
        options: &AddOptions,
    ) -> Result<StorePath, StoreError> {
        self.add_source(name, tree, filter, options)
    }

    fn add_dump(
        &self,
        name: &str,
        source: &mut dyn Read,
        format: DumpFormat,
        options: &AddOptions,
    ) -> Result<StorePath, StoreError> {
        self.add_stream(name, source, format, options)
    }

    fn add_text(
        &self,
        name: &str,
        contents: &[u8],
        references: &StorePathSet,
    ) -> Result<StorePath, StoreError> {
        let options = AddOptions {
            method: firn_store_model::ContentAddressMethod::Text,
            references: references.clone(),
            ..AddOptions::default()
        };
        self.add_source(
            name,
            &crate::tree::MemoryFile { contents, name },
            None,
            &options,
        )
    }

    fn add_derivations(&self, derivations: &[DerivationText]) -> Result<(), StoreError> {
        self.write_derivations(derivations)
    }

    fn add_nar(
        &self,
        info: &ValidPathInfo,
        source: &mut dyn Read,
        options: NarOptions,
    ) -> Result<(), StoreError> {
        self.add_archive(info, source, options)
    }

    fn add_signatures(&self, path: &StorePath, signatures: &[Signature]) -> Result<(), StoreError> {
        self.require_writable("adding signatures")?;
        self.db.add_signatures(path, signatures)
    }

    fn add_temp_roots(&self, paths: &[StorePath]) -> Result<(), StoreError> {
        if self.options.read_only {
            return Ok(());
        }
        self.temp_roots.add(paths)
    }

    fn add_perm_root(&self, path: &StorePath, link: &Path) -> Result<PathBuf, StoreError> {
        self.make_perm_root(path, link)
    }

    fn add_indirect_root(&self, link: &Path) -> Result<(), StoreError> {
        self.make_indirect_root(link)
    }

    fn find_roots(&self, censor: bool) -> Result<Roots, StoreError> {
        let mut roots = self.permanent_roots(censor)?;
        for (path, names) in self.temporary_roots()? {
            roots.entry(path).or_default().extend(names);
        }
        Ok(roots)
    }

    fn collect_garbage(&self, options: &GcOptions) -> Result<GcResult, StoreError> {
        self.collect(options)
    }

    fn root_holds(&self) -> Result<Vec<RootHold>, StoreError> {
        self.explain_roots()
    }

    fn why_alive(&self, path: &StorePath) -> Result<Vec<AliveBecause>, StoreError> {
        self.explain_path(path)
    }

    fn optimise(&self) -> Result<OptimiseStats, StoreError> {
        if self.overlay.is_some() {
            return self.optimise_overlay();
        }
        self.optimise_all()
    }

    fn verify(&self, options: VerifyOptions) -> Result<bool, StoreError> {
        self.verify_with(options, self)
    }

    fn query_missing(&self, paths: &[DerivedPath]) -> Result<MissingPaths, StoreError> {
        crate::missing::query_missing(self, None, paths)
    }

    fn build_paths(&self, paths: &[DerivedPath], mode: BuildMode) -> Result<(), StoreError> {
        crate::missing::require_all(self, paths, mode)
    }

    fn build_paths_with_results(
        &self,
        paths: &[DerivedPath],
        mode: BuildMode,
    ) -> Result<Vec<BuildResult>, StoreError> {
        crate::missing::results_of_valid(self, paths, mode)
    }

    fn ensure_path(&self, path: &StorePath) -> Result<(), StoreError> {
        if self.is_valid_path(path)? {
            return Ok(());
        }
        Err(StoreError::Unobtainable {
            path: self.location.store_dir.print(path),
        })
    }

    fn build_log(&self, path: &StorePath) -> Result<Option<Vec<u8>>, StoreError> {
        self.read_build_log(path)
    }

    fn add_build_log(&self, drv_path: &StorePath, log: &[u8]) -> Result<(), StoreError> {
        self.write_build_log(drv_path, log)
    }

    fn as_dyn(&self) -> &dyn Store {
        self
    }
}

//! The local store that can build.
//!
//! [`BuildingStore`] passes everything on to the [`LocalStore`] it wraps, except what takes
//! building or substituting. Requests may come from many threads at once; one scheduler serves
//! them all, so that they share work and slots. It starts with the first request.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use firn_hash::Hash;
use firn_store::closure::{ClosureOptions, closure, path_info};
use firn_store::derivation::HashModulos;
use firn_store::hash_tree::nar_hash;
use firn_store::tree::{Filter, Listing, LocalTree, SourceTree};
use firn_store::{
    AddOptions, AliveBecause, BuildMode, BuildResult, BuildStatus, DerivationText, DumpFormat,
    GcOptions, GcResult, LocalStore, MissingPaths, NarOptions, OptimiseStats, RootHold, Roots,
    Store, StoreError, StorePathSet, StoreTraits, VerifyOptions, missing,
};
use firn_store_model::{
    Derivation, DerivationError, DerivedPath, DrvOutput, OutputName, OutputsSpec, Realisation,
    Signature, SingleDerivedPath, StoreDir, StorePath, ValidPathInfo,
};

use crate::BuildSettings;
use crate::goal::Outcome;
use crate::options::DerivationOptions;
use crate::scheduler::{Message, Reply, Request, Scheduler, SchedulerParts, render_error, wake_up};
use crate::substituters::Substituters;

/// A local store with a builder and substituters.
pub struct BuildingStore {
    store: Arc<LocalStore>,
    settings: Arc<BuildSettings>,
    substituters: Arc<Substituters>,
    scheduler: Mutex<Option<Handle>>,
    /// Requests that have no answer yet.
    n_open: AtomicUsize,
    is_cancelled: AtomicBool,
}

/// The way to a running scheduler.
struct Handle {
    sender: Sender<Message>,
    wake: Arc<OwnedFd>,
    thread: Option<JoinHandle<()>>,
}

impl Handle {
    fn send(&self, message: Message) -> bool {
        let sent = self.sender.send(message).is_ok();
        wake_up(&self.wake);
        sent
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.send(Message::Shutdown);
        if let Some(thread) = self.thread.take() {
            // A panic of the scheduler was told when it happened.
            drop(thread.join());
        }
    }
}

impl BuildingStore {
    /// Wraps a store. Substituters are asked by their priority, and then in the order given.
    pub fn new(
        store: Arc<LocalStore>,
        settings: BuildSettings,
        substituters: Vec<Arc<dyn Store>>,
    ) -> BuildingStore {
        let substituters = Substituters::new(substituters, Arc::clone(store.events()));
        BuildingStore {
            store,
            settings: Arc::new(settings),
            substituters: Arc::new(substituters),
            scheduler: Mutex::new(None),
            n_open: AtomicUsize::new(0),
            is_cancelled: AtomicBool::new(false),
        }
    }

    /// The store without the builder.
    pub fn local(&self) -> &Arc<LocalStore> {
        &self.store
    }

    /// How it builds.
    pub fn settings(&self) -> &BuildSettings {
        &self.settings
    }

    /// Ends all requests, those to come included; their builders are killed. Tells whether there
    /// were any. Callable from any thread.
    pub fn cancel(&self) -> bool {
        self.is_cancelled.store(true, Ordering::Release);
        let handle = self
            .scheduler
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(handle) = &*handle {
            handle.send(Message::Cancel);
        }
        self.n_open.load(Ordering::Acquire) > 0
    }

    /// Accepts requests again after [`Self::cancel`].
    pub fn resume(&self) {
        self.is_cancelled.store(false, Ordering::Release);
    }

    fn realise(
        &self,
        paths: &[DerivedPath],
        mode: BuildMode,
        given: Option<(StorePath, Arc<Derivation>)>,
    ) -> Result<Reply, StoreError> {
        if self.is_cancelled.load(Ordering::Acquire) {
            return Err(cancelled());
        }
        self.n_open.fetch_add(1, Ordering::AcqRel);
        let reply = self.request(paths, mode, given);
        self.n_open.fetch_sub(1, Ordering::AcqRel);
        reply
    }

    fn request(
        &self,
        paths: &[DerivedPath],
        mode: BuildMode,
        given: Option<(StorePath, Arc<Derivation>)>,
    ) -> Result<Reply, StoreError> {
        let (reply, answer) = channel();
        let request = Request {
            paths: paths.to_vec(),
            mode,
            given,
            reply,
        };
        {
            let mut handle = self
                .scheduler
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            let is_alive = handle
                .as_ref()
                .is_some_and(|handle| handle.thread.as_ref().is_some_and(|it| !it.is_finished()));
            if !is_alive {
                *handle = Some(self.start_scheduler()?);
            }
            if let Some(handle) = &*handle {
                handle.send(Message::Request(request));
            }
        }
        answer
            .recv()
            .map_err(|_| StoreError::other("the scheduler of builds died unexpectedly"))
    }

    fn start_scheduler(&self) -> Result<Handle, StoreError> {
        let failed = |error: std::io::Error| {
            StoreError::other(format!("cannot start the scheduler of builds: {error}"))
        };
        let wake = rustix::event::eventfd(
            0,
            rustix::event::EventfdFlags::CLOEXEC | rustix::event::EventfdFlags::NONBLOCK,
        )
        .map_err(|error| failed(error.into()))?;
        let wake = Arc::new(wake);
        let (sender, inbox) = channel();
        let parts = SchedulerParts {
            store: Arc::clone(&self.store),
            settings: Arc::clone(&self.settings),
            substituters: Arc::clone(&self.substituters),
            sender: sender.clone(),
            inbox,
            wake: Arc::clone(&wake),
        };
        let thread = std::thread::Builder::new()
            .name("scheduler".to_owned())
            .spawn(move || Scheduler::new(parts).run())
            .map_err(failed)?;
        Ok(Handle {
            sender,
            wake,
            thread: Some(thread),
        })
    }

    /// Makes anew what is damaged of everything that some outputs refer to.
    fn repair_closures(&self, paths: &[DerivedPath]) -> Result<(), StoreError> {
        let mut outputs = StorePathSet::new();
        for path in paths {
            match path {
                DerivedPath::Opaque(path) => drop(outputs.insert(path.clone())),
                DerivedPath::Built {
                    drv,
                    outputs: wanted,
                } => {
                    let SingleDerivedPath::Opaque(drv) = &**drv else {
                        continue;
                    };
                    let known = self.store.query_derivation_output_map(drv)?;
                    let known = known.into_iter().filter(|it| wanted.contains(&it.0));
                    outputs.extend(known.filter_map(|it| it.1));
                }
            }
        }
        let valid = self.store.query_valid_paths(&outputs)?;
        let all = closure(&*self.store, valid, ClosureOptions::default())?;
        // What is asked for itself is looked at by its own goal.
        for path in all.difference(&outputs) {
            let info = path_info(&*self.store, path)?;
            let tree = LocalTree::new(self.store.location().physical_path(path));
            let hash = Listing::walk(&tree, None)
                .and_then(|listing| nar_hash(&tree, &listing, info.nar_hash.algorithm()));
            if !hash.is_ok_and(|(hash, _)| hash == info.nar_hash) {
                let text = format!(
                    "found corrupted or missing path '{}'",
                    self.store.store_dir().print(path)
                );
                self.store.events().message(firn_events::Level::Info, &text);
                self.repair_path(path)?;
            }
        }
        Ok(())
    }

    /// All that failed, as one error.
    fn first_error(&self, paths: &[DerivedPath], reply: &Reply) -> Result<(), StoreError> {
        let store_dir = self.store.store_dir();
        let mut failed = Vec::new();
        let mut errors = Vec::new();
        for (path, outcome) in paths.iter().zip(&reply.outcomes) {
            match outcome {
                Some(Ok(_)) => {}
                Some(Err(error)) => {
                    failed.push(format!("'{}'", path.print(store_dir)));
                    errors.push(error);
                }
                None => failed.push(format!("'{}'", path.print(store_dir))),
            }
        }
        let Some((first, others)) = errors.split_first() else {
            if failed.is_empty() {
                return Ok(());
            }
            return Err(cancelled());
        };
        let exit_status = reply.flags.exit_status();
        if failed.len() == 1 {
            return Err(StoreError::Build {
                message: first.message.clone(),
                exit_status,
            });
        }
        for error in others.iter().chain([first]) {
            self.store.events().emit(firn_events::Event::Message {
                level: firn_events::Level::Error,
                text: render_error(&error.message),
                raw: Some(error.message.clone()),
            });
        }
        Err(StoreError::Build {
            message: format!("build of {} failed", failed.join(", ")),
            exit_status,
        })
    }
}

impl Store for BuildingStore {
    fn url(&self) -> String {
        self.store.url()
    }

    fn store_dir(&self) -> &StoreDir {
        self.store.store_dir()
    }

    fn introduce(&self) -> Result<(), StoreError> {
        self.store.introduce()
    }

    fn traits(&self) -> StoreTraits {
        self.store.traits()
    }

    fn derivation_source(&self) -> Option<&Arc<dyn Store>> {
        self.store.derivation_source()
    }

    fn physical_path(&self, path: &StorePath) -> Option<PathBuf> {
        self.store.physical_path(path)
    }

    fn query_path_info(&self, path: &StorePath) -> Result<Option<Arc<ValidPathInfo>>, StoreError> {
        self.store.query_path_info(path)
    }

    fn is_valid_path(&self, path: &StorePath) -> Result<bool, StoreError> {
        self.store.is_valid_path(path)
    }

    fn query_valid_paths(&self, paths: &StorePathSet) -> Result<StorePathSet, StoreError> {
        self.store.query_valid_paths(paths)
    }

    fn query_all_valid_paths(&self) -> Result<StorePathSet, StoreError> {
        self.store.query_all_valid_paths()
    }

    fn query_referrers(&self, path: &StorePath) -> Result<StorePathSet, StoreError> {
        self.store.query_referrers(path)
    }

    fn query_path_from_hash_part(&self, hash_part: &str) -> Result<Option<StorePath>, StoreError> {
        self.store.query_path_from_hash_part(hash_part)
    }

    fn query_derivation_output_map(
        &self,
        drv_path: &StorePath,
    ) -> Result<BTreeMap<OutputName, Option<StorePath>>, StoreError> {
        self.store.query_derivation_output_map(drv_path)
    }

    fn valid_derivers(&self, path: &StorePath) -> Result<StorePathSet, StoreError> {
        self.store.valid_derivers(path)
    }

    fn read_derivation(&self, drv_path: &StorePath) -> Result<Arc<Derivation>, StoreError> {
        self.store.read_derivation(drv_path)
    }

    fn query_realisation(&self, id: &DrvOutput) -> Result<Option<Realisation>, StoreError> {
        self.store.query_realisation(id)
    }

    fn register_realisation(
        &self,
        realisation: &Realisation,
        check_signatures: bool,
    ) -> Result<(), StoreError> {
        self.store
            .register_realisation(realisation, check_signatures)
    }

    fn nar_from_path(&self, path: &StorePath, sink: &mut dyn Write) -> Result<(), StoreError> {
        self.store.nar_from_path(path, sink)
    }

    fn add_tree(
        &self,
        name: &str,
        tree: &dyn SourceTree,
        filter: Option<Filter<'_>>,
        options: &AddOptions,
    ) -> Result<StorePath, StoreError> {
        self.store.add_tree(name, tree, filter, options)
    }

    fn add_dump(
        &self,
        name: &str,
        source: &mut dyn Read,
        format: DumpFormat,
        options: &AddOptions,
    ) -> Result<StorePath, StoreError> {
        self.store.add_dump(name, source, format, options)
    }

    fn add_text(
        &self,
        name: &str,
        contents: &[u8],
        references: &StorePathSet,
    ) -> Result<StorePath, StoreError> {
        self.store.add_text(name, contents, references)
    }

    fn add_derivations(&self, derivations: &[DerivationText]) -> Result<(), StoreError> {
        self.store.add_derivations(derivations)
    }

    fn add_nar(
        &self,
        info: &ValidPathInfo,
        source: &mut dyn Read,
        options: NarOptions,
    ) -> Result<(), StoreError> {
        self.store.add_nar(info, source, options)
    }

    fn add_signatures(&self, path: &StorePath, signatures: &[Signature]) -> Result<(), StoreError> {
        self.store.add_signatures(path, signatures)
    }

    fn add_temp_roots(&self, paths: &[StorePath]) -> Result<(), StoreError> {
        self.store.add_temp_roots(paths)
    }

    fn add_perm_root(&self, path: &StorePath, link: &Path) -> Result<PathBuf, StoreError> {
        self.store.add_perm_root(path, link)
    }

    fn add_indirect_root(&self, link: &Path) -> Result<(), StoreError> {
        self.store.add_indirect_root(link)
    }

    fn find_roots(&self, censor: bool) -> Result<Roots, StoreError> {
        self.store.find_roots(censor)
    }

    fn collect_garbage(&self, options: &GcOptions) -> Result<GcResult, StoreError> {
        self.store.collect_garbage(options)
    }

    fn root_holds(&self) -> Result<Vec<RootHold>, StoreError> {
        self.store.root_holds()
    }

    fn why_alive(&self, path: &StorePath) -> Result<Vec<AliveBecause>, StoreError> {
        self.store.why_alive(path)
    }

    fn optimise(&self) -> Result<OptimiseStats, StoreError> {
        self.store.optimise()
    }

    fn verify(&self, options: VerifyOptions) -> Result<bool, StoreError> {
        self.store.verify_with(options, self)
    }

    fn query_missing(&self, paths: &[DerivedPath]) -> Result<MissingPaths, StoreError> {
        if self.settings.substitute && !self.substituters.is_empty() {
            let substitution = missing::Substitution {
                substituters: &|| self.substituters.in_order(),
                allows: &|derivation| {
                    self.settings.always_allow_substitutes
                        || DerivationOptions::of(derivation)
                            .map_or(true, |options| options.allow_substitutes)
                },
            };
            return missing::query_missing(&*self.store, Some(&substitution), paths);
        }
        missing::query_missing(&*self.store, None, paths)
    }

    fn build_paths(&self, paths: &[DerivedPath], mode: BuildMode) -> Result<(), StoreError> {
        if paths.is_empty() {
            return Ok(());
        }
        if mode == BuildMode::Repair {
            self.repair_closures(paths)?;
        }
        let reply = self.realise(paths, mode, None)?;
        self.first_error(paths, &reply)
    }

    fn build_paths_with_results(
        &self,
        paths: &[DerivedPath],
        mode: BuildMode,
    ) -> Result<Vec<BuildResult>, StoreError> {
        if paths.is_empty() {
            return Ok(Vec::new());
        }
        let reply = self.realise(paths, mode, None)?;
        let modulos = HashModulos::default();
        let results = paths.iter().zip(reply.outcomes).map(|(path, outcome)| {
            let (outputs, result) = result_of(path, outcome);
            Ok(BuildResult {
                outputs: realisations(self, &modulos, path, outputs)?,
                ..result
            })
        });
        results.collect()
    }

    fn build_derivation(
        &self,
        drv_path: &StorePath,
        derivation: &Derivation,
        mode: BuildMode,
    ) -> Result<BuildResult, StoreError> {
        let path = DerivedPath::Built {
            drv: Arc::new(SingleDerivedPath::Opaque(drv_path.clone())),
            outputs: OutputsSpec::All,
        };
        if !derivation.input_drvs.is_empty() {
            return Err(StoreError::other(
                "a derivation that is not in the store cannot have derivations as inputs",
            ));
        }
        let given = (drv_path.clone(), Arc::new(derivation.clone()));
        let reply = self.realise(std::slice::from_ref(&path), mode, Some(given))?;
        let outcome = reply.outcomes.into_iter().next().flatten();
        let (outputs, result) = result_of(&path, outcome);
        let drv_hash = derivation
            .hash_modulo::<DerivationError>(self.store_dir(), true, &mut |_| {
                unreachable!("it has no input derivations")
            })
            .map_err(StoreError::format)?
            .hash;
        Ok(BuildResult {
            outputs: outputs
                .into_iter()
                .map(|(output, out_path)| (output.clone(), realisation(drv_hash, output, out_path)))
                .collect(),
            ..result
        })
    }

    fn ensure_path(&self, path: &StorePath) -> Result<(), StoreError> {
        if self.store.is_valid_path(path)? {
            return Ok(());
        }
        self.build_paths(&[DerivedPath::Opaque(path.clone())], BuildMode::Normal)
    }

    fn repair_path(&self, path: &StorePath) -> Result<(), StoreError> {
        let shown = self.store.store_dir().print(path);
        if self.settings.substitute
            && !self.substituters.is_empty()
            && self
                .store
                .repair_from(path, &self.substituters.in_order())?
        {
            return Ok(());
        }
        // Since nobody else has it, it is made anew.
        let info = self.store.query_path_info(path)?;
        let deriver = match info.and_then(|info| info.deriver.clone()) {
            Some(deriver) if self.store.is_valid_path(&deriver)? => deriver,
            _ => return Err(StoreError::other(format!("cannot repair path '{shown}'"))),
        };
        let wanted = DerivedPath::Built {
            drv: Arc::new(SingleDerivedPath::Opaque(deriver)),
            outputs: OutputsSpec::All,
        };
        self.build_paths(&[wanted], BuildMode::Repair)
    }

    fn query_substitutable(
        &self,
        paths: &StorePathSet,
    ) -> Result<BTreeMap<StorePath, (Arc<ValidPathInfo>, u64)>, StoreError> {
        let mut found = BTreeMap::new();
        if !self.settings.substitute || self.substituters.is_empty() {
            return Ok(found);
        }
        for path in paths {
            for substituter in self.substituters.in_order().iter() {
                if substituter.store_dir() != self.store.store_dir() {
                    continue;
                }
                // One that fails has nothing; another may.
                if let Ok(Some(info)) = substituter.query_path_info(path) {
                    let size = substituter.download_size(path).unwrap_or(0);
                    found.insert(path.clone(), (info, size));
                    break;
                }
            }
        }
        Ok(found)
    }

    fn query_many_substitutable(&self, paths: &StorePathSet) -> Result<StorePathSet, StoreError> {
        let mut found = StorePathSet::new();
        if !self.settings.substitute || self.substituters.is_empty() {
            return Ok(found);
        }
        for substituter in self.substituters.in_order().iter() {
            if found.len() == paths.len() {
                break;
            }
            let is_asked = substituter.store_dir() == self.store.store_dir()
                && substituter.introduce().is_ok()
                && substituter.traits().want_mass_query;
            if !is_asked {
                continue;
            }
            for path in paths.difference(&found.clone()) {
                // One that fails has nothing; another may.
                if let Ok(true) = substituter.is_valid_path(path) {
                    found.insert(path.clone());
                }
            }
        }
        Ok(found)
    }

    fn substitute_paths(&self, paths: &StorePathSet) -> Result<(), StoreError> {
        if !self.settings.substitute || self.substituters.is_empty() {
            return Ok(());
        }
        let wanted: Vec<DerivedPath> = paths.iter().cloned().map(DerivedPath::Opaque).collect();
        // What cannot be had is no error here; it was told when it was found out.
        self.build_paths_with_results(&wanted, BuildMode::Normal)
            .map(drop)
    }

    fn interrupt(&self) {
        self.cancel();
    }

    fn build_log(&self, path: &StorePath) -> Result<Option<Vec<u8>>, StoreError> {
        if let Some(log) = self.store.build_log(path)? {
            return Ok(Some(log));
        }
        let info = if path.is_derivation() {
            None
        } else {
            self.store.query_path_info(path)?
        };
        let deriver = info.as_ref().and_then(|info| info.deriver.as_ref());
        let drv_path = deriver.unwrap_or(path);
        match crate::resolve::logged_as(&self.store, drv_path) {
            Some(resolved) => self.store.build_log(&resolved),
            None => Ok(None),
        }
    }

    fn add_build_log(&self, drv_path: &StorePath, log: &[u8]) -> Result<(), StoreError> {
        self.store.add_build_log(drv_path, log)
    }

    fn as_dyn(&self) -> &dyn Store {
        self
    }
}

fn cancelled() -> StoreError {
    StoreError::Build {
        message: "the build was cancelled".to_owned(),
        exit_status: 1,
    }
}

/// The wanted outputs as realisations.
pub(crate) fn realisations(
    store: &dyn Store,
    modulos: &HashModulos,
    path: &DerivedPath,
    outputs: BTreeMap<OutputName, StorePath>,
) -> Result<BTreeMap<OutputName, Realisation>, StoreError> {
    let DerivedPath::Built {
        drv,
        outputs: wanted,
    } = path
    else {
        return Ok(BTreeMap::new());
    };
    // Nobody can know a derivation by its hash that only exists since this request.
    let SingleDerivedPath::Opaque(drv_path) = &**drv else {
        return Ok(BTreeMap::new());
    };
    let drv_hash = modulos.of_outputs(store, drv_path)?;
    Ok(outputs
        .into_iter()
        .filter(|(name, _)| wanted.contains(name.as_str()))
        .map(|(output, out_path)| (output.clone(), realisation(drv_hash, output, out_path)))
        .collect())
}

fn realisation(drv_hash: Hash, output: OutputName, out_path: StorePath) -> Realisation {
    Realisation {
        id: DrvOutput { drv_hash, output },
        out_path,
        signatures: BTreeSet::new(),
        dependent_realisations: BTreeMap::new(),
    }
}

/// What became of a path as the field tells it, and its outputs apart.
fn result_of(
    path: &DerivedPath,
    outcome: Option<Outcome>,
) -> (BTreeMap<OutputName, StorePath>, BuildResult) {
    let empty = BuildResult {
        path: path.clone(),
        status: BuildStatus::Cancelled,
        error: String::new(),
        times_built: 0,
        time: (0, 0),
        cpu_time: None,
        outputs: BTreeMap::new(),
    };
    match outcome {
        Some(Ok(success)) => {
            let result = BuildResult {
                status: success.status,
                times_built: u64::from(success.status == BuildStatus::Built),
                time: success.time,
                cpu_time: success.cpu_time,
                ..empty
            };
            (Arc::unwrap_or_clone(success.outputs), result)
        }
        Some(Err(error)) => {
            let result = BuildResult {
                status: error.status,
                error: error.message,
                ..empty
            };
            (BTreeMap::new(), result)
        }
        None => {
            let result = BuildResult {
                error: "the build was cancelled".to_owned(),
                ..empty
            };
            (BTreeMap::new(), result)
        }
    }
}

//! A store behind a daemon.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use firn_events::SharedSink;
use firn_hash::{Algorithm, Hasher};
use firn_store_model::wire::{MAX_STRING_LEN, ReadWire as _, WireError, WriteWire as _};
use firn_store_model::worker::reply::{self, BuildOutcome};
use firn_store_model::worker::{
    ArchiveRequest, ClientOptions, CollectRequest, ProtocolVersion, Request,
};
use firn_store_model::{
    ContentAddress, ContentAddressMethod, Derivation, DerivedPath, DrvOutput, OutputName, PathInfo,
    Realisation, Signature, SingleDerivedPath, StoreDir, StorePath, ValidPathInfo,
};

use super::connection::{CallError, Connection, Introduction, into_store_error};
use super::pool::{Pool, Taken};
use super::transport::Transport;
use crate::copy::{CopyOptions, copy_closure};
use crate::derivation::HashModulos;
use crate::error::StoreError;
use crate::hash_tree::{content_address, content_path};
use crate::local::{Location, make_link_to, read_log};
use crate::store::Store;
use crate::tree::{ContentsOnly, Filter, Listing, LocalTree, SourceTree, stream};
use crate::types::{
    AddOptions, BuildMode, BuildResult, BuildStatus, DerivationText, DumpFormat, GcAction,
    GcOptions, GcResult, MissingPaths, NarOptions, OptimiseStats, Roots, StorePathSet, StoreTraits,
    VerifyOptions,
};

/// How many requests are sent before the first reply is read.
const PIPELINE: usize = 64;

/// How a store behind a daemon is opened.
pub struct RemoteStoreOptions {
    /// Its address, as messages show it.
    pub url: String,
    /// What its paths begin with.
    pub store_dir: StoreDir,
    /// How the daemon is reached.
    pub transport: Transport,
    /// Where the files of the store are on this machine, if they are.
    pub files: Option<Location>,
    /// Whether roots are made by the daemon, because they would not be seen from there otherwise.
    pub remote_roots: bool,
    /// Where derivations, and sources that they name, are that the store does not have; they are
    /// copied when something is to be built.
    pub derivation_source: Option<Arc<dyn Store>>,
    /// Settings that the daemon is told; `None` leaves it to its own.
    pub client_options: Option<ClientOptions>,
    /// How many conversations there may be at once.
    pub max_connections: usize,
    /// Its rank among substituters, whether it may be asked for many paths at once, whether its
    /// paths need no signature.
    pub traits: StoreTraits,
    /// Who is told what happens.
    pub events: SharedSink,
}

/// A store behind a daemon.
pub struct RemoteStore {
    options: RemoteStoreOptions,
    pool: Pool<Connection>,
    introduction: OnceLock<Introduction>,
}

impl RemoteStore {
    /// A store behind a daemon, which is spoken to when there is something to ask.
    pub fn new(options: RemoteStoreOptions) -> RemoteStore {
        RemoteStore {
            pool: Pool::new(options.max_connections),
            options,
            introduction: OnceLock::new(),
        }
    }

    fn take(&self) -> Result<Taken<'_, Connection>, StoreError> {
        let options = &self.options;
        self.pool.take(|| {
            let link = options.transport.connect(false)?;
            let connection = Connection::open(
                link,
                &options.store_dir,
                &options.events,
                options.client_options.as_ref(),
            )
            .map_err(|error| {
                StoreError::other(format!(
                    "cannot open connection to remote store '{}': {error}",
                    options.url
                ))
            })?;
            self.introduction
                .get_or_init(|| connection.introduction.clone());
            Ok(connection)
        })
    }

    /// Has a conversation.
    fn talk<T>(
        &self,
        talk: impl FnOnce(&mut Connection) -> Result<T, CallError>,
    ) -> Result<T, StoreError> {
        let mut taken = self.take()?;
        let result = talk(taken.get());
        if let Err(CallError::Broken(_)) = result {
            taken.give_up();
        }
        result.map_err(into_store_error)
    }

    /// Asks something and reads the reply.
    fn ask<T>(
        &self,
        request: &Request,
        reply: impl FnOnce(&mut dyn Read, &StoreDir) -> Result<T, WireError>,
    ) -> Result<T, StoreError> {
        self.talk(|connection| {
            connection.call(request)?;
            Ok(reply(&mut connection.input, &connection.store_dir)?)
        })
    }

    /// Asks for something to be done.
    fn order(&self, request: &Request) -> Result<(), StoreError> {
        self.ask(request, |input, _| input.read_number().map(drop))
    }

    /// Asks many things of one kind, a few ahead of the replies.
    fn ask_all<T>(
        &self,
        requests: &[Request],
        mut reply: impl FnMut(usize, &mut dyn Read, &StoreDir) -> Result<T, WireError>,
    ) -> Result<Vec<T>, StoreError> {
        self.talk(|connection| {
            let mut replies = Vec::with_capacity(requests.len());
            for (chunk_idx, chunk) in requests.chunks(PIPELINE).enumerate() {
                for request in chunk {
                    connection.send(request)?;
                }
                for idx in 0..chunk.len() {
                    connection.finish_call().map_err(|error| match error {
                        // The replies to the others are still on their way.
                        CallError::Refused(error) if idx + 1 < chunk.len() => {
                            CallError::Broken(WireError::invalid(error))
                        }
                        other => other,
                    })?;
                    replies.push(reply(
                        chunk_idx * PIPELINE + idx,
                        &mut connection.input,
                        &connection.store_dir,
                    )?);
                }
            }
            Ok(replies)
        })
    }

    /// Adds contents whose path the daemon finds out.
    fn add(
        &self,
        name: &str,
        options: &AddOptions,
        produce: &mut dyn FnMut(&mut dyn Write) -> Result<(), StoreError>,
    ) -> Result<StorePath, StoreError> {
        self.talk(|connection| {
            if connection.version().has(25) {
                let request = Request::AddToStore {
                    name: name.to_owned(),
                    method: options.method,
                    algorithm: options.algorithm,
                    references: options.references.clone(),
                    repair: options.repair,
                };
                connection.call_with_data(&request, produce)?;
                let path = connection.input.read_path(&connection.store_dir)?;
                let store_dir = &connection.store_dir;
                return Ok(reply::decode_path_info(path, store_dir, &mut connection.input)?.path);
            }
            let mut contents = Vec::new();
            match options.method {
                ContentAddressMethod::Text => {
                    produce(&mut contents).map_err(CallError::Own)?;
                    connection.call(&Request::AddText {
                        name: name.to_owned(),
                        contents,
                        references: options.references.clone(),
                    })?;
                }
                method => {
                    let request = Request::AddArchive {
                        name: name.to_owned(),
                        method,
                        algorithm: options.algorithm,
                    };
                    // A file is sent as an archive of itself.
                    connection.call_with_plain_data(&request, &mut |out| match method {
                        ContentAddressMethod::Flat => {
                            produce(&mut contents)?;
                            write_file_archive(&contents, out)
                        }
                        _ => produce(out),
                    })?;
                }
            }
            Ok(connection.input.read_path(&connection.store_dir)?)
        })
    }

    fn result_of(path: DerivedPath, outcome: BuildOutcome) -> BuildResult {
        let outputs = outcome.outputs.into_iter();
        BuildResult {
            path,
            status: BuildStatus::from_number(outcome.status),
            error: outcome.error,
            times_built: outcome.times_built,
            time: outcome.time,
            cpu_time: outcome.cpu_time.0.zip(outcome.cpu_time.1),
            outputs: outputs.map(|(id, it)| (id.output, it)).collect(),
        }
    }

    /// Results for a daemon that only tells of failures.
    fn results_of_old(
        &self,
        paths: &[DerivedPath],
        mode: BuildMode,
    ) -> Result<Vec<BuildResult>, StoreError> {
        self.build_paths(paths, mode)?;
        let modulos = HashModulos::default();
        let mut results = Vec::new();
        for path in paths {
            let mut result = Self::result_of(path.clone(), BuildOutcome::default());
            if let DerivedPath::Built { drv, outputs } = path
                && let SingleDerivedPath::Opaque(drv_path) = &**drv
            {
                let drv_hash = modulos.of_outputs(self, drv_path)?;
                for (output, out_path) in self.query_derivation_output_map(drv_path)? {
                    let Some(out_path) = out_path.filter(|_| outputs.contains(&output)) else {
                        continue;
                    };
                    let id = DrvOutput {
                        drv_hash,
                        output: output.clone(),
                    };
                    let realisation = Realisation {
                        id,
                        out_path,
                        signatures: BTreeSet::new(),
                        dependent_realisations: BTreeMap::new(),
                    };
                    result.outputs.insert(output, realisation);
                }
            } else {
                result.status = BuildStatus::Substituted;
            }
            results.push(result);
        }
        Ok(results)
    }

    /// Copies what is to be built from the store that has the derivations: a daemon cannot ask it.
    fn bring_derivations(&self, paths: &[DerivedPath]) -> Result<(), StoreError> {
        let Some(from) = &self.options.derivation_source else {
            return Ok(());
        };
        let wanted: StorePathSet = paths.iter().map(|it| it.base_path().clone()).collect();
        let brought = from.query_valid_paths(&wanted)?;
        let options = CopyOptions {
            repair: false,
            check_signatures: true,
            substitute: false,
            n_jobs: self.options.max_connections,
            events: Arc::clone(&self.options.events),
        };
        copy_closure(&**from, self, &brought, &options).map(drop)
    }

    fn has(&self, minor: u8) -> Result<bool, StoreError> {
        if self.introduction.get().is_none() {
            drop(self.take()?);
        }
        Ok(self
            .introduction
            .get()
            .is_some_and(|it| it.version.has(minor)))
    }
}

fn mode_number(mode: BuildMode) -> u64 {
    match mode {
        BuildMode::Normal => 0,
        BuildMode::Repair => 1,
        BuildMode::Check => 2,
    }
}

#[allow(clippy::needless_pass_by_value, reason = "the argument of `map_err`")]
fn sending(error: std::io::Error) -> StoreError {
    StoreError::other(format!("sending to the daemon: {error}"))
}

fn write_file_archive(contents: &[u8], out: &mut dyn Write) -> Result<(), StoreError> {
    firn_store_model::nar::write_nar_file(contents, out)
        .map(drop)
        .map_err(StoreError::format)
}

impl Store for RemoteStore {
    fn url(&self) -> String {
        self.options.url.clone()
    }

    fn store_dir(&self) -> &StoreDir {
        &self.options.store_dir
    }

    fn introduce(&self) -> Result<(), StoreError> {
        self.take().map(drop)
    }

    fn traits(&self) -> StoreTraits {
        let introduction = self.introduction.get();
        StoreTraits {
            trusts_us: introduction.and_then(|it| it.trusts_us),
            version: introduction.and_then(|it| it.program_version.clone()),
            protocol: introduction
                .map(|it| (ProtocolVersion::LATEST.to_string(), it.version.to_string())),
            ..self.options.traits.clone()
        }
    }

    fn derivation_source(&self) -> Option<&Arc<dyn Store>> {
        self.options.derivation_source.as_ref()
    }

    fn physical_path(&self, path: &StorePath) -> Option<PathBuf> {
        let files = self.options.files.as_ref()?;
        Some(files.physical_path(path))
    }

    fn query_path_info(&self, path: &StorePath) -> Result<Option<Arc<ValidPathInfo>>, StoreError> {
        let request = Request::QueryPathInfo(path.clone());
        self.ask(&request, |input, store_dir| {
            if !input.read_bool()? {
                return Ok(None);
            }
            reply::decode_path_info(path.clone(), store_dir, input).map(|info| Some(Arc::new(info)))
        })
    }

    fn query_path_infos(
        &self,
        paths: &StorePathSet,
    ) -> Result<BTreeMap<StorePath, Arc<ValidPathInfo>>, StoreError> {
        let order: Vec<&StorePath> = paths.iter().collect();
        let requests: Vec<Request> = paths.iter().cloned().map(Request::QueryPathInfo).collect();
        let infos = self.ask_all(&requests, |idx, input, store_dir| {
            if !input.read_bool()? {
                return Ok(None);
            }
            let info = reply::decode_path_info(order[idx].clone(), store_dir, input)?;
            Ok(Some((order[idx].clone(), Arc::new(info))))
        })?;
        Ok(infos.into_iter().flatten().collect())
    }

    fn is_valid_path(&self, path: &StorePath) -> Result<bool, StoreError> {
        self.ask(&Request::IsValidPath(path.clone()), |input, _| {
            input.read_bool()
        })
    }

    fn query_valid_paths(&self, paths: &StorePathSet) -> Result<StorePathSet, StoreError> {
        let request = Request::QueryValidPaths {
            paths: paths.clone(),
            substitute: false,
        };
        self.ask(&request, |input, store_dir| input.read_paths(store_dir))
    }

    fn substitute_paths(&self, paths: &StorePathSet) -> Result<(), StoreError> {
        let request = Request::QueryValidPaths {
            paths: paths.clone(),
            substitute: true,
        };
        self.ask(&request, |input, store_dir| {
            input.read_paths(store_dir).map(drop)
        })
    }

    fn query_all_valid_paths(&self) -> Result<StorePathSet, StoreError> {
        self.ask(&Request::QueryAllValidPaths, |input, store_dir| {
            input.read_paths(store_dir)
        })
    }

    fn query_referrers(&self, path: &StorePath) -> Result<StorePathSet, StoreError> {
        self.ask(
            &Request::QueryReferrers(path.clone()),
            |input, store_dir| input.read_paths(store_dir),
        )
    }

    fn query_path_from_hash_part(&self, hash_part: &str) -> Result<Option<StorePath>, StoreError> {
        let request = Request::QueryPathFromHashPart(hash_part.to_owned());
        self.ask(&request, |input, store_dir| {
            input.read_optional_path(store_dir)
        })
    }

    fn query_derivation_output_map(
        &self,
        drv_path: &StorePath,
    ) -> Result<BTreeMap<OutputName, Option<StorePath>>, StoreError> {
        if !self.has(22)? || self.options.derivation_source.is_some() {
            return crate::derivation::output_map(self, &HashModulos::default(), drv_path);
        }
        let request = Request::QueryDerivationOutputMap(drv_path.clone());
        self.ask(&request, |input, store_dir| {
            reply::decode_output_map(store_dir, input)
        })
    }

    fn valid_derivers(&self, path: &StorePath) -> Result<StorePathSet, StoreError> {
        let request = Request::QueryValidDerivers(path.clone());
        self.ask(&request, |input, store_dir| input.read_paths(store_dir))
    }

    fn read_derivation(&self, drv_path: &StorePath) -> Result<Arc<Derivation>, StoreError> {
        if let Some(store) = &self.options.derivation_source
            && store.is_valid_path(drv_path)?
        {
            return store.read_derivation(drv_path);
        }
        let text = self
            .physical_path(drv_path)
            .and_then(|path| std::fs::read(path).ok());
        match text {
            Some(text) => crate::derivation::parse(self.store_dir(), drv_path, &text).map(Arc::new),
            None => crate::derivation::read_from_nar(self, drv_path),
        }
    }

    fn query_realisation(&self, id: &DrvOutput) -> Result<Option<Realisation>, StoreError> {
        if !self.has(27)? {
            return Ok(None);
        }
        let is_new = self.has(31)?;
        let request = Request::QueryRealisation(id.clone());
        self.ask(&request, |input, _| {
            let mut found = None;
            for _ in 0..input.read_count()? {
                let realisation = if is_new {
                    reply::decode_realisation(input)?
                } else {
                    Realisation {
                        id: id.clone(),
                        out_path: StorePath::parse(input.read_text()?)?,
                        signatures: BTreeSet::new(),
                        dependent_realisations: BTreeMap::new(),
                    }
                };
                found.get_or_insert(realisation);
            }
            Ok(found)
        })
    }

    fn nar_from_path(&self, path: &StorePath, sink: &mut dyn Write) -> Result<(), StoreError> {
        if let Some(place) = self.physical_path(path) {
            if !self.is_valid_path(path)? {
                return Err(StoreError::InvalidPath {
                    path: self.store_dir().print(path),
                });
            }
            let tree = LocalTree::new(place);
            let listing = Listing::walk(&tree, None)?;
            return stream(&tree, &listing, None, &mut |bytes| {
                sink.write_all(bytes)
                    .map_err(|error| StoreError::other(format!("writing a Nix archive: {error}")))
            });
        }
        let mut taken = self.take()?;
        let connection = taken.get();
        let called = connection.call(&Request::NarFromPath(path.clone()));
        let copied = called
            .map_err(|error| {
                (
                    matches!(error, CallError::Broken(_)),
                    into_store_error(error),
                )
            })
            .and_then(|()| {
                crate::export::copy_archive(&mut connection.input, sink).map_err(|it| (true, it))
            });
        copied.map_err(|(is_broken, error)| {
            // What is left of an archive would be taken for the next reply.
            if is_broken {
                taken.give_up();
            }
            error
        })
    }

    fn add_tree(
        &self,
        name: &str,
        tree: &dyn SourceTree,
        filter: Option<Filter<'_>>,
        options: &AddOptions,
    ) -> Result<StorePath, StoreError> {
        let listing = Listing::walk(tree, filter)?;
        let address = content_address(tree, &listing, options.method, options.algorithm)?;
        let path = content_path(self.store_dir(), name, &address, options)?;
        if !options.repair {
            self.add_temp_roots(std::slice::from_ref(&path))?;
            if self.is_valid_path(&path)? {
                return Ok(path);
            }
        }
        self.add(name, options, &mut |out| match options.method {
            ContentAddressMethod::Flat | ContentAddressMethod::Text => {
                let file = ContentsOnly(tree);
                let mut file = file.open(&[]).map_err(sending)?;
                std::io::copy(&mut file.reader, out)
                    .map(drop)
                    .map_err(sending)
            }
            ContentAddressMethod::Nar | ContentAddressMethod::Git => {
                stream(tree, &listing, None, &mut |bytes| {
                    out.write_all(bytes).map_err(sending)
                })
            }
        })
    }

    fn add_dump(
        &self,
        name: &str,
        source: &mut dyn Read,
        format: DumpFormat,
        options: &AddOptions,
    ) -> Result<StorePath, StoreError> {
        let wanted = match options.method {
            ContentAddressMethod::Flat | ContentAddressMethod::Text => DumpFormat::Flat,
            ContentAddressMethod::Nar | ContentAddressMethod::Git => DumpFormat::Nar,
        };
        self.add(name, options, &mut |out| match (format, wanted) {
            (DumpFormat::Flat, DumpFormat::Flat) => {
                std::io::copy(source, out).map(drop).map_err(sending)
            }
            (DumpFormat::Nar, DumpFormat::Nar) => crate::export::copy_archive(source, out),
            (DumpFormat::Flat, DumpFormat::Nar) => {
                let mut contents = Vec::new();
                source.read_to_end(&mut contents).map_err(sending)?;
                write_file_archive(&contents, out)
            }
            (DumpFormat::Nar, DumpFormat::Flat) => {
                let mut nar = Vec::new();
                crate::export::copy_archive(source, &mut nar)?;
                let contents = crate::derivation::single_file(&nar)
                    .ok_or_else(|| StoreError::format("the archive is not that of a file"))?;
                out.write_all(contents).map_err(sending)
            }
        })
    }

    fn add_derivations(&self, derivations: &[DerivationText]) -> Result<(), StoreError> {
        let paths: StorePathSet = derivations.iter().map(|it| it.path.clone()).collect();
        let roots: Vec<StorePath> = paths.iter().cloned().collect();
        self.add_temp_roots(&roots)?;
        let valid = self.query_valid_paths(&paths)?;
        let missing: Vec<&DerivationText> = derivations
            .iter()
            .filter(|derivation| !valid.contains(&derivation.path))
            .collect();
        if missing.is_empty() {
            return Ok(());
        }
        if !self.has(32)? {
            for derivation in missing {
                let references = derivation.references.iter().cloned().collect();
                self.add_text(derivation.path.name(), &derivation.contents, &references)?;
            }
            return Ok(());
        }
        let request = Request::AddMultipleToStore {
            repair: false,
            skip_signatures: false,
        };
        let store_dir = self.store_dir();
        self.talk(|connection| {
            connection.call_with_data(&request, &mut |out| {
                out.write_number(missing.len() as u64).map_err(sending)?;
                for derivation in &missing {
                    let mut nar = Vec::with_capacity(derivation.contents.len() + 128);
                    write_file_archive(&derivation.contents, &mut nar)?;
                    let mut info = PathInfo::new(Hasher::sha256(&nar), nar.len() as u64);
                    info.references = derivation.references.iter().cloned().collect();
                    info.content_address = Some(ContentAddress {
                        method: ContentAddressMethod::Text,
                        hash: Hasher::hash(Algorithm::Sha256, &derivation.contents),
                    });
                    out.write_path(store_dir, &derivation.path)
                        .map_err(sending)?;
                    reply::encode_path_info(&info, store_dir, out).map_err(sending)?;
                    out.write_all(&nar).map_err(sending)?;
                }
                Ok(())
            })
        })
    }

    fn add_nar(
        &self,
        info: &ValidPathInfo,
        source: &mut dyn Read,
        options: NarOptions,
    ) -> Result<(), StoreError> {
        let request = Request::AddToStoreNar(Box::new(ArchiveRequest {
            info: info.clone(),
            repair: options.repair,
            skip_signatures: !options.check_signatures,
        }));
        self.talk(|connection| {
            let version = connection.version();
            if version.has(23) {
                return connection.call_with_data(&request, &mut |out| {
                    crate::export::copy_archive(source, out)
                });
            }
            if version.has(21) {
                return connection.call_with_asked_data(&request, source);
            }
            connection.call_with_plain_data(&request, &mut |out| {
                crate::export::copy_archive(source, out)
            })
        })
    }

    fn add_signatures(&self, path: &StorePath, signatures: &[Signature]) -> Result<(), StoreError> {
        self.order(&Request::AddSignatures {
            path: path.clone(),
            signatures: signatures.iter().cloned().collect(),
        })
    }

    fn register_realisation(&self, realisation: &Realisation, _: bool) -> Result<(), StoreError> {
        self.ask(&Request::RegisterDrvOutput(realisation.clone()), |_, _| {
            Ok(())
        })
    }

    fn add_temp_roots(&self, paths: &[StorePath]) -> Result<(), StoreError> {
        let requests: Vec<Request> = paths.iter().cloned().map(Request::AddTempRoot).collect();
        self.ask_all(&requests, |_, input, _| input.read_number())
            .map(drop)
    }

    fn add_perm_root(&self, path: &StorePath, link: &Path) -> Result<PathBuf, StoreError> {
        if self.options.remote_roots {
            use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
            let request = Request::AddPermRoot {
                path: path.clone(),
                link: link.as_os_str().as_bytes().to_vec(),
            };
            return self.ask(&request, |input, _| {
                let link = input.read_bytes(MAX_STRING_LEN)?;
                Ok(PathBuf::from(std::ffi::OsString::from_vec(link)))
            });
        }
        let Some(files) = &self.options.files else {
            return Err(self.unsupported("making a root"));
        };
        self.add_temp_roots(std::slice::from_ref(path))?;
        let link = make_link_to(files, path, link, false)?;
        self.add_indirect_root(&link)?;
        Ok(link)
    }

    fn add_indirect_root(&self, link: &Path) -> Result<(), StoreError> {
        use std::os::unix::ffi::OsStrExt as _;
        let link = link.as_os_str().as_bytes().to_vec();
        self.order(&Request::AddIndirectRoot(link))
    }

    fn find_roots(&self, _censor: bool) -> Result<Roots, StoreError> {
        self.ask(&Request::FindRoots, |input, store_dir| {
            let mut roots = Roots::new();
            for _ in 0..input.read_count()? {
                let link = input.read_bytes(MAX_STRING_LEN)?;
                let path = input.read_path(store_dir)?;
                roots.entry(path).or_default().insert(link);
            }
            Ok(roots)
        })
    }

    fn collect_garbage(&self, options: &GcOptions) -> Result<GcResult, StoreError> {
        let (action, paths) = match &options.action {
            GcAction::ReturnLive => (0, BTreeSet::new()),
            GcAction::ReturnDead => (1, BTreeSet::new()),
            GcAction::DeleteDead => (2, BTreeSet::new()),
            GcAction::DeleteSpecific(paths) => (3, paths.clone()),
        };
        let request = Request::CollectGarbage(CollectRequest {
            action,
            paths,
            ignore_liveness: options.ignore_liveness,
            max_freed: options.max_freed,
        });
        self.ask(&request, |input, _| {
            let mut result = GcResult::default();
            for _ in 0..input.read_count()? {
                result.paths.insert(input.read_bytes(MAX_STRING_LEN)?);
            }
            result.bytes_freed = input.read_number()?;
            input.read_number()?;
            Ok(result)
        })
    }

    fn optimise(&self) -> Result<OptimiseStats, StoreError> {
        self.order(&Request::OptimiseStore)?;
        Ok(OptimiseStats::default())
    }

    fn verify(&self, options: VerifyOptions) -> Result<bool, StoreError> {
        let request = Request::VerifyStore {
            check_contents: options.check_contents,
            repair: options.repair,
        };
        self.ask(&request, |input, _| input.read_bool())
    }

    fn query_missing(&self, paths: &[DerivedPath]) -> Result<MissingPaths, StoreError> {
        if !self.has(19)? {
            return crate::missing::query_missing(self, None, paths);
        }
        self.bring_derivations(paths)?;
        let request = Request::QueryMissing(paths.to_vec());
        self.ask(&request, |input, store_dir| {
            Ok(MissingPaths {
                will_build: input.read_paths(store_dir)?,
                will_substitute: input.read_paths(store_dir)?,
                unknown: input.read_paths(store_dir)?,
                download_size: input.read_number()?,
                nar_size: input.read_number()?,
            })
        })
    }

    fn build_paths(&self, paths: &[DerivedPath], mode: BuildMode) -> Result<(), StoreError> {
        self.bring_derivations(paths)?;
        self.order(&Request::BuildPaths {
            paths: paths.to_vec(),
            mode: mode_number(mode),
        })
    }

    fn build_paths_with_results(
        &self,
        paths: &[DerivedPath],
        mode: BuildMode,
    ) -> Result<Vec<BuildResult>, StoreError> {
        if !self.has(34)? {
            return self.results_of_old(paths, mode);
        }
        self.bring_derivations(paths)?;
        let request = Request::BuildPathsWithResults {
            paths: paths.to_vec(),
            mode: mode_number(mode),
        };
        self.talk(|connection| {
            connection.call(&request)?;
            let version = connection.version();
            let (input, store_dir) = (&mut connection.input, &connection.store_dir);
            let mut results = Vec::new();
            for _ in 0..input.read_count()? {
                let path = reply::decode_derived_path(version, store_dir, input)?;
                results.push(Self::result_of(path, BuildOutcome::decode(version, input)?));
            }
            Ok(results)
        })
    }

    fn build_derivation(
        &self,
        drv_path: &StorePath,
        derivation: &Derivation,
        mode: BuildMode,
    ) -> Result<BuildResult, StoreError> {
        let request = Request::BuildDerivation {
            path: drv_path.clone(),
            derivation: Box::new(derivation.clone()),
            mode: mode_number(mode),
        };
        self.talk(|connection| {
            connection.call(&request)?;
            let outcome = BuildOutcome::decode(connection.version(), &mut connection.input)?;
            Ok(Self::result_of(
                DerivedPath::Opaque(drv_path.clone()),
                outcome,
            ))
        })
    }

    fn ensure_path(&self, path: &StorePath) -> Result<(), StoreError> {
        self.order(&Request::EnsurePath(path.clone()))
    }

    fn build_log(&self, path: &StorePath) -> Result<Option<Vec<u8>>, StoreError> {
        let Some(files) = &self.options.files else {
            return Err(self.unsupported("reading build logs"));
        };
        let drv_path = if path.is_derivation() {
            path.clone()
        } else {
            let info = self.query_path_info(path)?;
            match info.and_then(|info| info.deriver.clone()) {
                Some(deriver) => deriver,
                None => return Ok(None),
            }
        };
        read_log(&files.log_path(&drv_path))
    }

    fn add_build_log(&self, drv_path: &StorePath, log: &[u8]) -> Result<(), StoreError> {
        let request = Request::AddBuildLog(drv_path.clone());
        self.talk(|connection| {
            connection.call_with_data(&request, &mut |out| out.write_all(log).map_err(sending))?;
            connection.input.read_number()?;
            Ok(())
        })
    }

    fn as_dyn(&self) -> &dyn Store {
        self
    }
}

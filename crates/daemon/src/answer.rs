//! What each request of the worker protocol comes to.
//!
//! The work of a request is done while the client listens to the log. A reply is put together before
//! the log ends, and goes out after it; the one exception is an archive, which is streamed.

use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::os::unix::ffi::OsStrExt as _;
use std::path::PathBuf;

use firn_store::export::copy_archive;
use firn_store::{
    AddOptions, BuildMode, BuildResult, DumpFormat, GcAction, GcOptions, NarOptions, Roots,
    StoreError, StorePathSet, VerifyOptions,
};
use firn_store_model::wire::{MAX_STRING_LEN, ReadWire as _, WireError, WriteWire as _};
use firn_store_model::worker::framed::FramedReader;
use firn_store_model::worker::reply::{self, BuildOutcome, SubstitutableInfo};
use firn_store_model::worker::{ArchiveRequest, CollectRequest, LogMessage, Request};
use firn_store_model::{ContentAddressMethod, Derivation, DrvOutput, StorePath};

use crate::ClientLog;
use crate::session::Session;

type Reply = Result<Vec<u8>, StoreError>;

impl Session<'_> {
    /// Does what is asked for and replies.
    pub(crate) fn answer(&mut self, request: Request) -> Result<(), WireError> {
        // Archives of old versions come before anyone listens.
        let mut brought = Vec::new();
        match &request {
            Request::AddArchive { .. } => self.read_archive(&mut brought)?,
            Request::AddToStoreNar(_) if !self.version.has(21) => {
                self.read_archive(&mut brought)?;
            }
            _ => {}
        }
        self.log.begin_work()?;
        if let Request::NarFromPath(path) = &request {
            return self.send_archive(path);
        }
        let has_frames = match &request {
            Request::AddToStore { .. }
            | Request::AddMultipleToStore { .. }
            | Request::AddBuildLog(_) => true,
            Request::AddToStoreNar(_) => self.version.has(23),
            _ => false,
        };
        if !has_frames {
            let reply = self.perform(request, &brought);
            return self.reply(reply);
        }
        // The frames are read from a borrowed stream, so that the rest of the session is free.
        let mut frames = FramedReader::new(std::mem::replace(
            &mut self.input,
            io::BufReader::new(Box::new(io::empty())),
        ));
        let reply = self.perform_with_data(request, &mut frames);
        let replied = self.reply(reply);
        // What was refused is sent to its end all the same.
        let drained = frames.drain();
        self.input = frames.into_inner();
        replied?;
        Ok(drained?)
    }

    fn reply(&mut self, reply: Reply) -> Result<(), WireError> {
        match reply {
            Ok(reply) => {
                self.log.end_work(None)?;
                if !reply.is_empty() {
                    self.log.write(|output| output.write_all(&reply))?;
                }
            }
            Err(error) => self.log.end_work(Some(&error.to_string()))?,
        }
        Ok(())
    }

    fn read_archive(&mut self, into: &mut Vec<u8>) -> Result<(), WireError> {
        copy_archive(&mut self.input, into).map_err(WireError::invalid)
    }

    fn send_archive(&mut self, path: &StorePath) -> Result<(), WireError> {
        let store = &self.store;
        let valid = store.is_valid_path(path).and_then(|is_valid| {
            if is_valid {
                return Ok(Vec::new());
            }
            Err(StoreError::InvalidPath {
                path: store.store_dir().print(path),
            })
        });
        let is_valid = valid.is_ok();
        self.reply(valid)?;
        if !is_valid {
            return Ok(());
        }
        let mut result = Ok(());
        self.log.write(|output| {
            result = self.store.nar_from_path(path, output);
            Ok(())
        })?;
        // Half an archive cannot be taken back; the conversation has to end.
        result.map_err(WireError::invalid)
    }

    /// Requests that are followed by data in frames.
    fn perform_with_data(&mut self, request: Request, data: &mut dyn Read) -> Reply {
        let store_dir = self.store.store_dir().clone();
        match request {
            Request::AddToStore {
                name,
                method,
                algorithm,
                references,
                repair,
            } => {
                let options = AddOptions {
                    method,
                    algorithm,
                    references,
                    repair: self.may_repair(repair)?,
                };
                let format = dump_format(method);
                let path = self.store.add_dump(&name, data, format, &options)?;
                let info = firn_store::closure::path_info(&*self.store, &path)?;
                written(|out| {
                    out.write_path(&store_dir, &path)?;
                    reply::encode_path_info(&info, &store_dir, out)
                })
            }
            Request::AddToStoreNar(archive) => {
                self.add_nar(*archive, data)?;
                Ok(Vec::new())
            }
            Request::AddMultipleToStore {
                repair,
                skip_signatures,
            } => {
                for _ in 0..data.read_count().map_err(StoreError::format)? {
                    let path = data.read_path(&store_dir).map_err(StoreError::format)?;
                    let info = reply::decode_path_info(path, &store_dir, data)
                        .map_err(StoreError::format)?;
                    let archive = ArchiveRequest {
                        info,
                        repair,
                        skip_signatures,
                    };
                    self.add_nar(archive, data)?;
                }
                Ok(Vec::new())
            }
            Request::AddBuildLog(path) => {
                if !self.is_trusted() {
                    return Err(StoreError::other("you are not privileged to add logs"));
                }
                let mut log = Vec::new();
                data.read_to_end(&mut log)
                    .map_err(|error| StoreError::other(format!("reading a build log: {error}")))?;
                self.store.add_build_log(&path, &log)?;
                done()
            }
            _ => unreachable!("the others bring no data"),
        }
    }

    /// All other requests.
    fn perform(&mut self, request: Request, brought: &[u8]) -> Reply {
        let store_dir = self.store.store_dir().clone();
        let paths_reply = |paths: StorePathSet| written(|out| out.write_paths(&store_dir, &paths));
        let store = std::sync::Arc::clone(&self.store);
        match request {
            Request::IsValidPath(path) => {
                let is_valid = store.is_valid_path(&path)?;
                written(|out| out.write_bool(is_valid))
            }
            Request::QueryReferrers(path) => paths_reply(store.query_referrers(&path)?),
            Request::QueryValidDerivers(path) => paths_reply(store.valid_derivers(&path)?),
            Request::QueryDerivationOutputs(path) => {
                let outputs = store.query_derivation_output_map(&path)?;
                paths_reply(outputs.into_values().flatten().collect())
            }
            Request::QueryDerivationOutputNames(path) => {
                let derivation = store.read_derivation(&path)?;
                let names: Vec<&str> = derivation
                    .outputs
                    .keys()
                    .map(firn_store_model::OutputName::as_str)
                    .collect();
                written(|out| out.write_texts(&names))
            }
            Request::QueryDerivationOutputMap(path) => {
                let outputs = store.query_derivation_output_map(&path)?;
                written(|out| reply::encode_output_map(&outputs, &store_dir, out))
            }
            Request::QueryDeriver(path) => {
                let info = firn_store::closure::path_info(&*store, &path)?;
                written(|out| out.write_optional_path(&store_dir, info.deriver.as_ref()))
            }
            Request::QueryPathFromHashPart(hash_part) => {
                let path = store.query_path_from_hash_part(&hash_part)?;
                written(|out| out.write_optional_path(&store_dir, path.as_ref()))
            }
            Request::QueryPathInfo(path) => {
                let info = store.query_path_info(&path)?;
                written(|out| {
                    out.write_bool(info.is_some())?;
                    info.map_or(Ok(()), |info| {
                        reply::encode_path_info(&info, &store_dir, out)
                    })
                })
            }
            Request::QueryValidPaths { paths, substitute } => {
                if substitute {
                    store.substitute_paths(&paths)?;
                }
                paths_reply(store.query_valid_paths(&paths)?)
            }
            Request::QueryAllValidPaths => paths_reply(store.query_all_valid_paths()?),
            Request::QuerySubstitutablePaths(paths) => {
                paths_reply(store.query_many_substitutable(&paths)?)
            }
            Request::QuerySubstitutablePathInfo(path) => {
                let found = self.substitutable(&[path.clone()].into())?;
                written(|out| {
                    out.write_bool(!found.is_empty())?;
                    found
                        .values()
                        .try_for_each(|info| info.encode(&store_dir, out))
                })
            }
            Request::QuerySubstitutablePathInfos(paths) => {
                let found = self.substitutable(&paths.into_keys().collect())?;
                written(|out| {
                    out.write_number(found.len() as u64)?;
                    found.iter().try_for_each(|(path, info)| {
                        out.write_path(&store_dir, path)?;
                        info.encode(&store_dir, out)
                    })
                })
            }
            Request::QueryMissing(paths) => {
                let missing = store.query_missing(&paths)?;
                written(|out| {
                    out.write_paths(&store_dir, &missing.will_build)?;
                    out.write_paths(&store_dir, &missing.will_substitute)?;
                    out.write_paths(&store_dir, &missing.unknown)?;
                    out.write_number(missing.download_size)?;
                    out.write_number(missing.nar_size)
                })
            }
            Request::AddText {
                name,
                contents,
                references,
            } => {
                let path = store.add_text(&name, &contents, &references)?;
                written(|out| out.write_path(&store_dir, &path))
            }
            Request::AddArchive {
                name,
                method,
                algorithm,
            } => {
                let options = AddOptions {
                    method,
                    algorithm,
                    ..AddOptions::default()
                };
                // A file comes as an archive of itself, too.
                let mut brought = brought;
                let path = store.add_dump(&name, &mut brought, DumpFormat::Nar, &options)?;
                written(|out| out.write_path(&store_dir, &path))
            }
            Request::AddToStoreNar(archive) => {
                if self.version.has(21) {
                    let log = std::sync::Arc::clone(&self.log);
                    let input = std::mem::replace(
                        &mut self.input,
                        io::BufReader::new(Box::new(io::empty())),
                    );
                    let mut asked = AskedData {
                        input,
                        log: &log,
                        piece: io::Cursor::default(),
                    };
                    let added = self.add_nar(*archive, &mut asked);
                    self.input = asked.input;
                    added?;
                } else {
                    let mut brought = brought;
                    self.add_nar(*archive, &mut brought)?;
                }
                Ok(Vec::new())
            }
            Request::AddSignatures { path, signatures } => {
                let signatures: Vec<_> = signatures.into_iter().collect();
                store.add_signatures(&path, &signatures)?;
                done()
            }
            Request::RegisterDrvOutput(realisation) => {
                store.register_realisation(&realisation, !self.is_trusted())?;
                Ok(Vec::new())
            }
            Request::QueryRealisation(id) => {
                let realisation = store.query_realisation(&id)?;
                let is_new = self.version.has(31);
                written(|out| {
                    out.write_number(u64::from(realisation.is_some()))?;
                    match realisation {
                        Some(realisation) if is_new => reply::encode_realisation(&realisation, out),
                        Some(realisation) => out.write_text(realisation.out_path.as_str()),
                        None => Ok(()),
                    }
                })
            }
            Request::AddTempRoot(path) => {
                store.add_temp_roots(&[path])?;
                done()
            }
            Request::AddIndirectRoot(link) => {
                store.add_indirect_root(&as_path(link))?;
                done()
            }
            Request::AddPermRoot { path, link } => {
                if !self.is_trusted() {
                    return Err(StoreError::other(
                        "you are not privileged to create perm roots\n\nhint: you can just do \
                         this client-side without special privileges, and probably want to do \
                         that instead.",
                    ));
                }
                let link = store.add_perm_root(&path, &as_path(link))?;
                written(|out| out.write_bytes(link.as_os_str().as_bytes()))
            }
            Request::SyncWithGc => done(),
            Request::FindRoots => {
                let roots = store.find_roots(!self.is_trusted())?;
                written(|out| encode_roots(&roots, &store_dir, out))
            }
            Request::CollectGarbage(collect) => self.collect(collect),
            Request::OptimiseStore => {
                store.optimise()?;
                done()
            }
            Request::VerifyStore {
                check_contents,
                repair,
            } => {
                if repair && !self.is_trusted() {
                    return Err(StoreError::other("you are not privileged to repair paths"));
                }
                let has_errors = store.verify(VerifyOptions {
                    check_contents,
                    repair,
                })?;
                written(|out| out.write_bool(has_errors))
            }
            Request::SetOptions(options) => {
                self.set_options(&options)?;
                Ok(Vec::new())
            }
            Request::EnsurePath(path) => {
                store.ensure_path(&path)?;
                done()
            }
            Request::BuildPaths { paths, mode } => {
                store.build_paths(&paths, self.build_mode(mode)?)?;
                done()
            }
            Request::BuildPathsWithResults { paths, mode } => {
                let results = store.build_paths_with_results(&paths, self.build_mode(mode)?)?;
                let version = self.version;
                written(|out| {
                    out.write_number(results.len() as u64)?;
                    results.into_iter().try_for_each(|result| {
                        reply::encode_derived_path(&result.path, version, &store_dir, out)?;
                        outcome_of(result).encode(version, out)
                    })
                })
            }
            Request::BuildDerivation {
                path,
                derivation,
                mode,
            } => {
                let mode = self.build_mode(mode)?;
                self.may_build(&derivation)?;
                let result = store.build_derivation(&path, &derivation, mode)?;
                let version = self.version;
                written(|out| outcome_of(result).encode(version, out))
            }
            Request::NarFromPath(_)
            | Request::AddToStore { .. }
            | Request::AddMultipleToStore { .. }
            | Request::AddBuildLog(_) => unreachable!("handled before"),
        }
    }

    fn add_nar(
        &mut self,
        archive: ArchiveRequest,
        source: &mut dyn Read,
    ) -> Result<(), StoreError> {
        let ArchiveRequest {
            mut info,
            repair,
            skip_signatures,
        } = archive;
        let is_trusted = self.is_trusted();
        // Only the store that built a path knows that it did.
        info.ultimate &= is_trusted;
        let options = NarOptions {
            repair: self.may_repair(repair)?,
            check_signatures: !(skip_signatures && is_trusted),
        };
        self.store.add_nar(&info, source, options)
    }

    fn may_repair(&self, repair: bool) -> Result<bool, StoreError> {
        if repair && !self.is_trusted() {
            return Err(StoreError::other(
                "repairing is not allowed because you are not in 'trusted-users'",
            ));
        }
        Ok(repair)
    }

    fn build_mode(&self, number: u64) -> Result<BuildMode, StoreError> {
        match number {
            0 => Ok(BuildMode::Normal),
            1 => self.may_repair(true).map(|_| BuildMode::Repair),
            2 => Ok(BuildMode::Check),
            _ => Err(StoreError::other("Invalid build mode")),
        }
    }

    /// The outputs of a derivation that is not in the store are what the client says they are,
    /// unless they follow from their contents.
    fn may_build(&self, derivation: &Derivation) -> Result<(), StoreError> {
        let kind = derivation.derivation_type().map_err(StoreError::format)?;
        if kind.is_content_addressed() || self.is_trusted() {
            return Ok(());
        }
        Err(StoreError::other(
            "you are not privileged to build input-addressed derivations",
        ))
    }

    fn collect(&mut self, collect: CollectRequest) -> Reply {
        let action = match collect.action {
            0 => GcAction::ReturnLive,
            1 => GcAction::ReturnDead,
            2 => GcAction::DeleteDead,
            3 => GcAction::DeleteSpecific(collect.paths),
            _ => return Err(StoreError::other("Invalid GC action")),
        };
        if collect.ignore_liveness {
            return Err(StoreError::other("you are not allowed to ignore liveness"));
        }
        let result = self.store.collect_garbage(&GcOptions {
            action,
            ignore_liveness: false,
            max_freed: collect.max_freed,
        })?;
        written(|out| {
            out.write_number(result.paths.len() as u64)?;
            for path in &result.paths {
                out.write_bytes(path)?;
            }
            out.write_number(result.bytes_freed)?;
            out.write_number(0)
        })
    }

    fn substitutable(
        &self,
        paths: &StorePathSet,
    ) -> Result<BTreeMap<StorePath, SubstitutableInfo>, StoreError> {
        let found = self.store.query_substitutable(paths)?;
        let infos = found.into_iter().map(|(path, (info, download_size))| {
            let info = SubstitutableInfo {
                deriver: info.deriver.clone(),
                references: info.references.clone(),
                download_size,
                nar_size: info.nar_size,
            };
            (path, info)
        });
        Ok(infos.collect())
    }
}

/// Data that the client sends when it is asked for them, as versions 1.21 and 1.22 have it.
struct AskedData<'a> {
    input: io::BufReader<Box<dyn Read + Send>>,
    log: &'a ClientLog,
    piece: io::Cursor<Vec<u8>>,
}

impl Read for AskedData<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let n_read = self.piece.read(into)?;
        if n_read > 0 || into.is_empty() {
            return Ok(n_read);
        }
        self.log.say(&LogMessage::Read(64 * 1024))?;
        let piece = self
            .input
            .read_bytes(MAX_STRING_LEN)
            .map_err(io::Error::other)?;
        if piece.is_empty() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.piece = io::Cursor::new(piece);
        self.piece.read(into)
    }
}

/// What a build came to, as the protocols tell it.
pub(crate) fn outcome_of(result: BuildResult) -> BuildOutcome {
    let outputs = result.outputs.into_values();
    BuildOutcome {
        status: result.status as u64,
        not_deterministic: result.status == firn_store::BuildStatus::NotDeterministic,
        error: result.error,
        times_built: result.times_built,
        time: result.time,
        cpu_time: match result.cpu_time {
            Some((user, system)) => (Some(user), Some(system)),
            None => (None, None),
        },
        outputs: outputs
            .map(|realisation| -> (DrvOutput, _) { (realisation.id.clone(), realisation) })
            .collect(),
    }
}

fn dump_format(method: ContentAddressMethod) -> DumpFormat {
    match method {
        ContentAddressMethod::Flat | ContentAddressMethod::Text => DumpFormat::Flat,
        ContentAddressMethod::Nar | ContentAddressMethod::Git => DumpFormat::Nar,
    }
}

fn encode_roots(
    roots: &Roots,
    store_dir: &firn_store_model::StoreDir,
    out: &mut dyn Write,
) -> io::Result<()> {
    let n_links: usize = roots.values().map(std::collections::BTreeSet::len).sum();
    out.write_number(n_links as u64)?;
    for (path, links) in roots {
        for link in links {
            out.write_bytes(link)?;
            out.write_path(store_dir, path)?;
        }
    }
    Ok(())
}

fn as_path(bytes: Vec<u8>) -> PathBuf {
    use std::os::unix::ffi::OsStringExt as _;
    PathBuf::from(std::ffi::OsString::from_vec(bytes))
}

fn written(write: impl FnOnce(&mut Vec<u8>) -> io::Result<()>) -> Reply {
    let mut reply = Vec::new();
    write(&mut reply).map_err(|error| StoreError::other(error.to_string()))?;
    Ok(reply)
}

/// The reply to a request that has no other.
fn done() -> Reply {
    written(|out| out.write_number(1))
}

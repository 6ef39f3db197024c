//! What a client may ask of a daemon.
//!
//! A request is its number and its arguments. A few are followed by data, in frames
//! ([`super::framed`]) since the version in which each of them got that; older forms are read and
//! written too, as far as peers that speak them are still about.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Read, Write};

use firn_hash::{Algorithm, Hash};

use super::{ProtocolVersion, reply};
use crate::wire::{MAX_STRING_LEN, ReadWire as _, WireError, WriteWire as _};
use crate::{
    ContentAddress, ContentAddressMethod, Derivation, DerivedPath, DrvOutput, OutputsSpec,
    Realisation, Signature, SingleDerivedPath, StoreDir, StorePath, ValidPathInfo,
};

/// A request.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the fields are what their names say")]
pub enum Request {
    /// Is a path valid?
    IsValidPath(StorePath),
    /// What refers to a path?
    QueryReferrers(StorePath),
    /// Add contents under a name; the contents follow in frames.
    AddToStore {
        name: String,
        method: ContentAddressMethod,
        algorithm: Algorithm,
        references: BTreeSet<StorePath>,
        repair: bool,
    },
    /// The same before version 1.25; an archive follows as it is.
    AddArchive {
        name: String,
        method: ContentAddressMethod,
        algorithm: Algorithm,
    },
    /// Add a text.
    AddText {
        name: String,
        contents: Vec<u8>,
        references: BTreeSet<StorePath>,
    },
    /// Build or substitute; fails with what failed.
    BuildPaths { paths: Vec<DerivedPath>, mode: u64 },
    /// Make a path valid.
    EnsurePath(StorePath),
    /// Keep a path while the conversation lasts.
    AddTempRoot(StorePath),
    /// Make a link a root.
    AddIndirectRoot(Vec<u8>),
    /// Does nothing any more.
    SyncWithGc,
    /// What are the roots?
    FindRoots,
    /// What is the deriver of a path?
    QueryDeriver(StorePath),
    /// Work with other settings from now on.
    SetOptions(ClientOptions),
    /// Collect garbage.
    CollectGarbage(CollectRequest),
    /// What would substituting a path take?
    QuerySubstitutablePathInfo(StorePath),
    /// The outputs of a derivation.
    QueryDerivationOutputs(StorePath),
    /// All valid paths.
    QueryAllValidPaths,
    /// What is known of a path?
    QueryPathInfo(StorePath),
    /// The names of the outputs of a derivation.
    QueryDerivationOutputNames(StorePath),
    /// Which path has a hash part?
    QueryPathFromHashPart(String),
    /// What would substituting paths take?
    QuerySubstitutablePathInfos(BTreeMap<StorePath, Option<ContentAddress>>),
    /// Which of these are valid, if need be after substituting them?
    QueryValidPaths {
        paths: BTreeSet<StorePath>,
        substitute: bool,
    },
    /// Which of these could be substituted?
    QuerySubstitutablePaths(BTreeSet<StorePath>),
    /// Which valid derivations have a path as an output?
    QueryValidDerivers(StorePath),
    /// Hard-link equal files.
    OptimiseStore,
    /// Check the store.
    VerifyStore { check_contents: bool, repair: bool },
    /// Build a derivation that need not be in the store.
    BuildDerivation {
        path: StorePath,
        derivation: Box<Derivation>,
        mode: u64,
    },
    /// Add signatures to a path.
    AddSignatures {
        path: StorePath,
        signatures: BTreeSet<Signature>,
    },
    /// Send the archive of a path; it follows the last log message as it is.
    NarFromPath(StorePath),
    /// Add an object of which everything is known; its archive follows in frames (before 1.23, the
    /// daemon asks for it).
    AddToStoreNar(Box<ArchiveRequest>),
    /// What would building take?
    QueryMissing(Vec<DerivedPath>),
    /// The outputs of a derivation, as far as their paths are known.
    QueryDerivationOutputMap(StorePath),
    /// Note what an output was realised to.
    RegisterDrvOutput(Realisation),
    /// What was an output realised to?
    QueryRealisation(DrvOutput),
    /// Add many objects; their number, and what is known of each before its archive, follow in
    /// frames.
    AddMultipleToStore { repair: bool, skip_signatures: bool },
    /// Keep a build log, which follows in frames. The derivation is named without its directory.
    AddBuildLog(StorePath),
    /// Build or substitute; tells what became of each.
    BuildPathsWithResults { paths: Vec<DerivedPath>, mode: u64 },
    /// Make a link to a path that is a root.
    AddPermRoot { path: StorePath, link: Vec<u8> },
}

/// An object to be added of which everything is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArchiveRequest {
    /// The object.
    pub info: ValidPathInfo,
    /// Write it anew even if it is valid.
    pub repair: bool,
    /// Do without signatures, which only trusted clients may ask for.
    pub skip_signatures: bool,
}

/// A garbage collection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CollectRequest {
    /// 0 to return what is alive, 1 what is dead, 2 to delete that, 3 to delete `paths`.
    pub action: u64,
    /// What is to be deleted.
    pub paths: BTreeSet<StorePath>,
    /// Delete in spite of roots, which no client may ask for.
    pub ignore_liveness: bool,
    /// Stop after this many bytes.
    pub max_freed: u64,
}

/// The settings of a client that matter to the daemon.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[allow(
    clippy::struct_excessive_bools,
    reason = "each is a setting of the protocol's message"
)]
pub struct ClientOptions {
    /// `keep-failed`.
    pub keep_failed: bool,
    /// `keep-going`.
    pub keep_going: bool,
    /// `fallback`.
    pub fallback: bool,
    /// The level up to which it wants to be told.
    pub verbosity: u64,
    /// `max-jobs`.
    pub max_jobs: u64,
    /// `max-silent-time`.
    pub max_silent_time: u64,
    /// The level at which it wants logs of builds.
    pub build_verbosity: u64,
    /// `cores`.
    pub cores: u64,
    /// `substitute`.
    pub substitute: bool,
    /// All others that differ from their defaults.
    pub overrides: BTreeMap<String, String>,
}

impl Request {
    /// The number that stands for the request.
    pub fn number(&self) -> u64 {
        match self {
            Request::IsValidPath(_) => 1,
            Request::QueryReferrers(_) => 6,
            Request::AddToStore { .. } | Request::AddArchive { .. } => 7,
            Request::AddText { .. } => 8,
            Request::BuildPaths { .. } => 9,
            Request::EnsurePath(_) => 10,
            Request::AddTempRoot(_) => 11,
            Request::AddIndirectRoot(_) => 12,
            Request::SyncWithGc => 13,
            Request::FindRoots => 14,
            Request::QueryDeriver(_) => 18,
            Request::SetOptions(_) => 19,
            Request::CollectGarbage(_) => 20,
            Request::QuerySubstitutablePathInfo(_) => 21,
            Request::QueryDerivationOutputs(_) => 22,
            Request::QueryAllValidPaths => 23,
            Request::QueryPathInfo(_) => 26,
            Request::QueryDerivationOutputNames(_) => 28,
            Request::QueryPathFromHashPart(_) => 29,
            Request::QuerySubstitutablePathInfos(_) => 30,
            Request::QueryValidPaths { .. } => 31,
            Request::QuerySubstitutablePaths(_) => 32,
            Request::QueryValidDerivers(_) => 33,
            Request::OptimiseStore => 34,
            Request::VerifyStore { .. } => 35,
            Request::BuildDerivation { .. } => 36,
            Request::AddSignatures { .. } => 37,
            Request::NarFromPath(_) => 38,
            Request::AddToStoreNar(_) => 39,
            Request::QueryMissing(_) => 40,
            Request::QueryDerivationOutputMap(_) => 41,
            Request::RegisterDrvOutput(_) => 42,
            Request::QueryRealisation(_) => 43,
            Request::AddMultipleToStore { .. } => 44,
            Request::AddBuildLog(_) => 45,
            Request::BuildPathsWithResults { .. } => 46,
            Request::AddPermRoot { .. } => 47,
        }
    }

    /// Writes number and arguments.
    pub fn encode(
        &self,
        version: ProtocolVersion,
        store_dir: &StoreDir,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        out.write_number(self.number())?;
        match self {
            Request::IsValidPath(path)
            | Request::QueryReferrers(path)
            | Request::EnsurePath(path)
            | Request::AddTempRoot(path)
            | Request::QueryDeriver(path)
            | Request::QuerySubstitutablePathInfo(path)
            | Request::QueryDerivationOutputs(path)
            | Request::QueryPathInfo(path)
            | Request::QueryDerivationOutputNames(path)
            | Request::QueryValidDerivers(path)
            | Request::NarFromPath(path)
            | Request::QueryDerivationOutputMap(path) => out.write_path(store_dir, path),
            Request::SyncWithGc
            | Request::FindRoots
            | Request::QueryAllValidPaths
            | Request::OptimiseStore => Ok(()),
            Request::AddToStore {
                name,
                method,
                algorithm,
                references,
                repair,
            } => {
                out.write_text(name)?;
                out.write_text(&method.with_algorithm(*algorithm))?;
                out.write_paths(store_dir, references)?;
                out.write_bool(*repair)
            }
            Request::AddArchive {
                name,
                method,
                algorithm,
            } => {
                let is_tree = *method == ContentAddressMethod::Nar;
                out.write_text(name)?;
                out.write_bool(!(is_tree && *algorithm == Algorithm::Sha256))?;
                out.write_bool(is_tree)?;
                out.write_text(algorithm.name())
            }
            Request::AddText {
                name,
                contents,
                references,
            } => {
                out.write_text(name)?;
                out.write_bytes(contents)?;
                out.write_paths(store_dir, references)
            }
            Request::BuildPaths { paths, mode }
            | Request::BuildPathsWithResults { paths, mode } => {
                encode_derived_paths(paths, version, store_dir, out)?;
                out.write_number(*mode)
            }
            Request::AddIndirectRoot(link) => out.write_bytes(link),
            Request::SetOptions(options) => options.encode(out),
            Request::CollectGarbage(collect) => {
                out.write_number(collect.action)?;
                out.write_paths(store_dir, &collect.paths)?;
                out.write_bool(collect.ignore_liveness)?;
                out.write_number(collect.max_freed)?;
                (0..3).try_for_each(|_| out.write_number(0))
            }
            Request::QueryPathFromHashPart(hash_part) => out.write_text(hash_part),
            Request::QuerySubstitutablePathInfos(paths) => {
                out.write_number(paths.len() as u64)?;
                for (path, address) in paths {
                    out.write_path(store_dir, path)?;
                    if version.has(22) {
                        out.write_text(&reply::optional_address(address.as_ref()))?;
                    }
                }
                Ok(())
            }
            Request::QueryValidPaths { paths, substitute } => {
                out.write_paths(store_dir, paths)?;
                if version.has(27) {
                    out.write_bool(*substitute)?;
                }
                Ok(())
            }
            Request::QuerySubstitutablePaths(paths) => out.write_paths(store_dir, paths),
            Request::VerifyStore {
                check_contents,
                repair,
            } => {
                out.write_bool(*check_contents)?;
                out.write_bool(*repair)
            }
            Request::BuildDerivation {
                path,
                derivation,
                mode,
            } => {
                out.write_path(store_dir, path)?;
                reply::encode_derivation(derivation, store_dir, out)?;
                out.write_number(*mode)
            }
            Request::AddSignatures { path, signatures } => {
                out.write_path(store_dir, path)?;
                reply::encode_signatures(signatures, out)
            }
            Request::AddToStoreNar(archive) => {
                let ArchiveRequest {
                    info,
                    repair,
                    skip_signatures,
                } = &**archive;
                out.write_path(store_dir, &info.path)?;
                reply::encode_path_info(info, store_dir, out)?;
                out.write_bool(*repair)?;
                out.write_bool(*skip_signatures)
            }
            Request::QueryMissing(paths) => encode_derived_paths(paths, version, store_dir, out),
            Request::RegisterDrvOutput(realisation) => {
                if version.has(31) {
                    return out.write_text(&realisation.to_json().to_string());
                }
                out.write_text(&realisation.id.to_string())?;
                out.write_text(realisation.out_path.as_str())
            }
            Request::QueryRealisation(id) => out.write_text(&id.to_string()),
            Request::AddMultipleToStore {
                repair,
                skip_signatures,
            } => {
                out.write_bool(*repair)?;
                out.write_bool(*skip_signatures)
            }
            Request::AddBuildLog(path) => out.write_text(path.as_str()),
            Request::AddPermRoot { path, link } => {
                out.write_path(store_dir, path)?;
                out.write_bytes(link)
            }
        }
    }

    /// Reads the arguments of a request whose number has been read.
    pub fn decode(
        number: u64,
        version: ProtocolVersion,
        store_dir: &StoreDir,
        input: &mut dyn Read,
    ) -> Result<Request, WireError> {
        Ok(match number {
            1 => Request::IsValidPath(input.read_path(store_dir)?),
            6 => Request::QueryReferrers(input.read_path(store_dir)?),
            7 => decode_add(version, store_dir, input)?,
            8 => Request::AddText {
                name: input.read_text()?,
                contents: input.read_bytes(MAX_STRING_LEN)?,
                references: input.read_paths(store_dir)?,
            },
            9 => Request::BuildPaths {
                paths: decode_derived_paths(version, store_dir, input)?,
                mode: input.read_number()?,
            },
            10 => Request::EnsurePath(input.read_path(store_dir)?),
            11 => Request::AddTempRoot(input.read_path(store_dir)?),
            12 => Request::AddIndirectRoot(input.read_bytes(MAX_STRING_LEN)?),
            13 => Request::SyncWithGc,
            14 => Request::FindRoots,
            18 => Request::QueryDeriver(input.read_path(store_dir)?),
            19 => Request::SetOptions(ClientOptions::decode(input)?),
            20 => {
                let collect = CollectRequest {
                    action: input.read_number()?,
                    paths: input.read_paths(store_dir)?,
                    ignore_liveness: input.read_bool()?,
                    max_freed: input.read_number()?,
                };
                for _ in 0..3 {
                    input.read_number()?;
                }
                Request::CollectGarbage(collect)
            }
            21 => Request::QuerySubstitutablePathInfo(input.read_path(store_dir)?),
            22 => Request::QueryDerivationOutputs(input.read_path(store_dir)?),
            23 => Request::QueryAllValidPaths,
            26 => Request::QueryPathInfo(input.read_path(store_dir)?),
            28 => Request::QueryDerivationOutputNames(input.read_path(store_dir)?),
            29 => Request::QueryPathFromHashPart(input.read_text()?),
            30 => {
                let mut paths = BTreeMap::new();
                for _ in 0..input.read_count()? {
                    let path = input.read_path(store_dir)?;
                    let address = if version.has(22) {
                        ContentAddress::parse_optional(&input.read_text()?)
                            .map_err(WireError::invalid)?
                    } else {
                        None
                    };
                    paths.insert(path, address);
                }
                Request::QuerySubstitutablePathInfos(paths)
            }
            31 => Request::QueryValidPaths {
                paths: input.read_paths(store_dir)?,
                substitute: version.has(27) && input.read_bool()?,
            },
            32 => Request::QuerySubstitutablePaths(input.read_paths(store_dir)?),
            33 => Request::QueryValidDerivers(input.read_path(store_dir)?),
            34 => Request::OptimiseStore,
            35 => Request::VerifyStore {
                check_contents: input.read_bool()?,
                repair: input.read_bool()?,
            },
            36 => {
                let path = input.read_path(store_dir)?;
                let derivation = Box::new(reply::decode_derivation(&path, store_dir, input)?);
                Request::BuildDerivation {
                    path,
                    derivation,
                    mode: input.read_number()?,
                }
            }
            37 => Request::AddSignatures {
                path: input.read_path(store_dir)?,
                signatures: reply::decode_signatures(input)?,
            },
            38 => Request::NarFromPath(input.read_path(store_dir)?),
            39 => {
                let path = input.read_path(store_dir)?;
                Request::AddToStoreNar(Box::new(ArchiveRequest {
                    info: reply::decode_path_info(path, store_dir, input)?,
                    repair: input.read_bool()?,
                    skip_signatures: input.read_bool()?,
                }))
            }
            40 => Request::QueryMissing(decode_derived_paths(version, store_dir, input)?),
            41 => Request::QueryDerivationOutputMap(input.read_path(store_dir)?),
            42 if version.has(31) => Request::RegisterDrvOutput(reply::decode_realisation(input)?),
            42 => Request::RegisterDrvOutput(Realisation {
                id: decode_drv_output(input)?,
                out_path: StorePath::parse(input.read_text()?)?,
                signatures: BTreeSet::new(),
                dependent_realisations: BTreeMap::new(),
            }),
            43 => Request::QueryRealisation(decode_drv_output(input)?),
            44 => Request::AddMultipleToStore {
                repair: input.read_bool()?,
                skip_signatures: input.read_bool()?,
            },
            45 => Request::AddBuildLog(StorePath::parse(input.read_text()?)?),
            46 => Request::BuildPathsWithResults {
                paths: decode_derived_paths(version, store_dir, input)?,
                mode: input.read_number()?,
            },
            47 => Request::AddPermRoot {
                path: input.read_path(store_dir)?,
                link: input.read_bytes(MAX_STRING_LEN)?,
            },
            other => return Err(WireError::invalid(format!("invalid operation {other}"))),
        })
    }
}

fn decode_add(
    version: ProtocolVersion,
    store_dir: &StoreDir,
    input: &mut dyn Read,
) -> Result<Request, WireError> {
    let name = input.read_text()?;
    if version.has(25) {
        let (method, algorithm) = ContentAddressMethod::parse_with_algorithm(&input.read_text()?)
            .map_err(WireError::invalid)?;
        return Ok(Request::AddToStore {
            name,
            method,
            algorithm,
            references: input.read_paths(store_dir)?,
            repair: input.read_bool()?,
        });
    }
    let is_fixed = input.read_bool()?;
    let is_tree = input.read_bool()?;
    let algorithm = Algorithm::parse(&input.read_text()?).map_err(WireError::invalid)?;
    // What is not fixed is a tree hashed the usual way, whatever else is said.
    Ok(Request::AddArchive {
        name,
        method: if is_tree || !is_fixed {
            ContentAddressMethod::Nar
        } else {
            ContentAddressMethod::Flat
        },
        algorithm: if is_fixed {
            algorithm
        } else {
            Algorithm::Sha256
        },
    })
}

fn decode_drv_output(input: &mut dyn Read) -> Result<DrvOutput, WireError> {
    DrvOutput::parse(&input.read_text()?).map_err(WireError::invalid)
}

/// Writes what is asked to be built. Older versions know outputs of derivations only.
fn encode_derived_paths(
    paths: &[DerivedPath],
    version: ProtocolVersion,
    store_dir: &StoreDir,
    out: &mut dyn Write,
) -> io::Result<()> {
    out.write_number(paths.len() as u64)?;
    for path in paths {
        reply::encode_derived_path(path, version, store_dir, out)?;
    }
    Ok(())
}

fn decode_derived_paths(
    version: ProtocolVersion,
    store_dir: &StoreDir,
    input: &mut dyn Read,
) -> Result<Vec<DerivedPath>, WireError> {
    (0..input.read_count()?)
        .map(|_| reply::decode_derived_path(version, store_dir, input))
        .collect()
}

impl ClientOptions {
    fn encode(&self, out: &mut dyn Write) -> io::Result<()> {
        let numbers = [
            u64::from(self.keep_failed),
            u64::from(self.keep_going),
            u64::from(self.fallback),
            self.verbosity,
            self.max_jobs,
            self.max_silent_time,
            // Three that no longer mean anything are among them.
            1,
            self.build_verbosity,
            0,
            0,
            self.cores,
            u64::from(self.substitute),
        ];
        for number in numbers {
            out.write_number(number)?;
        }
        out.write_number(self.overrides.len() as u64)?;
        for (name, value) in &self.overrides {
            out.write_text(name)?;
            out.write_text(value)?;
        }
        Ok(())
    }

    fn decode(input: &mut dyn Read) -> Result<ClientOptions, WireError> {
        let mut options = ClientOptions {
            keep_failed: input.read_bool()?,
            keep_going: input.read_bool()?,
            fallback: input.read_bool()?,
            verbosity: input.read_number()?,
            max_jobs: input.read_number()?,
            max_silent_time: input.read_number()?,
            ..ClientOptions::default()
        };
        input.read_number()?;
        options.build_verbosity = input.read_number()?;
        input.read_number()?;
        input.read_number()?;
        options.cores = input.read_number()?;
        options.substitute = input.read_bool()?;
        for _ in 0..input.read_count()? {
            let name = input.read_text()?;
            options.overrides.insert(name, input.read_text()?);
        }
        Ok(options)
    }
}

/// Reads `path` or `path!out,dev` in the way of versions before 1.30, where a derivation stands for
/// all of its outputs.
pub(crate) fn decode_path_with_outputs(
    store_dir: &StoreDir,
    text: &str,
) -> Result<DerivedPath, WireError> {
    let derived = DerivedPath::parse_legacy(store_dir, text).map_err(WireError::invalid)?;
    Ok(match derived {
        DerivedPath::Opaque(path) if path.is_derivation() => DerivedPath::Built {
            drv: std::sync::Arc::new(SingleDerivedPath::Opaque(path)),
            outputs: OutputsSpec::All,
        },
        other => other,
    })
}

/// The hash in the form of the protocol: digits alone, of SHA-256.
pub(super) fn decode_hash(text: &str) -> Result<Hash, WireError> {
    Hash::parse_any(text, Some(Algorithm::Sha256)).map_err(WireError::invalid)
}

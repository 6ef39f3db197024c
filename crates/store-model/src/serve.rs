//! The serve protocol, which `nix-store --serve` speaks over a pair of pipes: versions 2.5 to 2.7.
//!
//! A command is a number and its arguments; there are no log messages (those go to standard error)
//! and no errors: where something fails, the conversation ends.

use std::io::{self, Read, Write};

use firn_hash::{Algorithm, Hash, HashFormat};

use crate::wire::{MAX_STRING_LEN, ReadWire as _, WireError, WriteWire as _};
use crate::worker::reply::{
    BuildOutcome, decode_realisations, decode_signatures, encode_realisations, encode_signatures,
    path_with_outputs,
};
use crate::{ContentAddress, DerivedPath, PathInfo, StoreDir, StorePath, ValidPathInfo};

/// What a client says first.
pub const SERVE_CLIENT_MAGIC: u64 = 0x390c_9deb;

/// What the other end answers to that.
pub const SERVE_SERVER_MAGIC: u64 = 0x5452_eecb;

/// The newest version that is spoken here: 2.7.
pub const SERVE_VERSION: u64 = 0x207;

/// The oldest one: 2.5.
pub const OLDEST_SERVE_VERSION: u64 = 0x205;

/// What can be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u64)]
pub enum ServeCommand {
    /// Which paths are valid?
    QueryValidPaths = 1,
    /// What is known of paths?
    QueryPathInfos = 2,
    /// Send an archive.
    DumpStorePath = 3,
    /// Take an export.
    ImportPaths = 4,
    /// Build or substitute.
    BuildPaths = 6,
    /// What do paths need?
    QueryClosure = 7,
    /// Build a derivation that need not be in the store.
    BuildDerivation = 8,
    /// Take an object of which everything is known.
    AddToStoreNar = 9,
}

impl ServeCommand {
    /// The command with a number.
    pub fn from_number(number: u64) -> Option<ServeCommand> {
        use ServeCommand::*;
        [
            QueryValidPaths,
            QueryPathInfos,
            DumpStorePath,
            ImportPaths,
            BuildPaths,
            QueryClosure,
            BuildDerivation,
            AddToStoreNar,
        ]
        .into_iter()
        .find(|command| *command as u64 == number)
    }
}

/// The settings that go with a request to build.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ServeBuildOptions {
    /// `max-silent-time`.
    pub max_silent_time: u64,
    /// `timeout`.
    pub timeout: u64,
    /// `max-build-log-size`.
    pub max_log_size: u64,
    /// Build this many times more, which nobody does any more.
    pub n_repeats: u64,
    /// Whether repeated builds have to agree.
    pub enforce_determinism: bool,
    /// `keep-failed`.
    pub keep_failed: bool,
}

impl ServeBuildOptions {
    /// Writes the settings.
    pub fn encode(&self, version: u64, out: &mut dyn Write) -> io::Result<()> {
        for number in [
            self.max_silent_time,
            self.timeout,
            self.max_log_size,
            self.n_repeats,
            u64::from(self.enforce_determinism),
        ] {
            out.write_number(number)?;
        }
        if version >= 0x207 {
            out.write_bool(self.keep_failed)?;
        }
        Ok(())
    }

    /// Reads the settings.
    pub fn decode(version: u64, input: &mut dyn Read) -> Result<ServeBuildOptions, WireError> {
        Ok(ServeBuildOptions {
            max_silent_time: input.read_number()?,
            timeout: input.read_number()?,
            max_log_size: input.read_number()?,
            n_repeats: input.read_number()?,
            enforce_determinism: input.read_bool()?,
            keep_failed: version >= 0x207 && input.read_bool()?,
        })
    }
}

/// Writes what is known of an object, without its path.
pub fn encode_serve_info(
    info: &PathInfo,
    store_dir: &StoreDir,
    out: &mut dyn Write,
) -> io::Result<()> {
    out.write_optional_path(store_dir, info.deriver.as_ref())?;
    out.write_paths(store_dir, &info.references)?;
    // The first number was once a size to be downloaded.
    out.write_number(info.nar_size)?;
    out.write_number(info.nar_size)?;
    out.write_text(&info.nar_hash.format(HashFormat::Nix32, true))?;
    let address = info.content_address.as_ref();
    out.write_text(&address.map(ToString::to_string).unwrap_or_default())?;
    encode_signatures(&info.signatures, out)
}

/// Reads what is known of an object whose path has been read.
pub fn decode_serve_info(
    path: StorePath,
    store_dir: &StoreDir,
    input: &mut dyn Read,
) -> Result<ValidPathInfo, WireError> {
    let deriver = input.read_optional_path(store_dir)?;
    let references = input.read_paths(store_dir)?;
    input.read_number()?;
    let nar_size = input.read_number()?;
    let nar_hash = Hash::parse_any(&input.read_text()?, Some(Algorithm::Sha256))
        .map_err(WireError::invalid)?;
    let mut info = PathInfo::new(nar_hash, nar_size);
    info.deriver = deriver;
    info.references = references;
    info.content_address =
        ContentAddress::parse_optional(&input.read_text()?).map_err(WireError::invalid)?;
    info.signatures = decode_signatures(input)?;
    Ok(ValidPathInfo { path, info })
}

/// Writes an object to be added: all that is known of it before its archive.
pub fn encode_serve_archive(
    info: &ValidPathInfo,
    store_dir: &StoreDir,
    out: &mut dyn Write,
) -> io::Result<()> {
    out.write_path(store_dir, &info.path)?;
    crate::worker::reply::encode_path_info(info, store_dir, out)
}

/// Writes the outcome of a build.
pub fn encode_serve_outcome(
    outcome: &BuildOutcome,
    version: u64,
    out: &mut dyn Write,
) -> io::Result<()> {
    out.write_number(outcome.status)?;
    out.write_text(&outcome.error)?;
    outcome.encode_times(out)?;
    if version >= 0x206 {
        encode_realisations(&outcome.outputs, out)?;
    }
    Ok(())
}

/// Reads the outcome of a build.
pub fn decode_serve_outcome(version: u64, input: &mut dyn Read) -> Result<BuildOutcome, WireError> {
    let mut outcome = BuildOutcome {
        status: input.read_number()?,
        error: String::from_utf8_lossy(&input.read_bytes(MAX_STRING_LEN)?).into_owned(),
        ..BuildOutcome::default()
    };
    outcome.decode_times(input)?;
    if version >= 0x206 {
        outcome.outputs = decode_realisations(input)?;
    }
    Ok(outcome)
}

/// What is to be built, as the protocol writes it; `None` for what it cannot say.
pub fn serve_path(path: &DerivedPath, store_dir: &StoreDir) -> Option<String> {
    path_with_outputs(path, store_dir)
}

/// Reads what is to be built; a derivation stands for all of its outputs.
pub fn parse_serve_path(store_dir: &StoreDir, text: &str) -> Result<DerivedPath, WireError> {
    crate::worker::parse_path_with_outputs(store_dir, text)
}

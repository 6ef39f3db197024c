//! Plain data that crosses the [`Store`](crate::Store) interface: options that go in and results
//! that come out. Nothing here does anything.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use firn_hash::Algorithm;
use firn_store_model::{ContentAddressMethod, DerivedPath, OutputName, Realisation, StorePath};

/// A set of store paths in the order of their names.
pub type StorePathSet = BTreeSet<StorePath>;

/// How contents become a store object.
#[derive(Clone, Debug)]
pub struct AddOptions {
    /// What is hashed.
    pub method: ContentAddressMethod,
    /// With which algorithm.
    pub algorithm: Algorithm,
    /// What the object refers to.
    pub references: StorePathSet,
    /// Write the contents anew even if the path is valid.
    pub repair: bool,
}

impl Default for AddOptions {
    /// A tree without references, as most sources are added.
    fn default() -> Self {
        Self {
            method: ContentAddressMethod::Nar,
            algorithm: Algorithm::Sha256,
            references: StorePathSet::new(),
            repair: false,
        }
    }
}

/// What a stream of contents is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DumpFormat {
    /// The contents of a single file that is not executable.
    Flat,
    /// An archive.
    Nar,
}

/// How an archive whose path is known comes in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NarOptions {
    /// Write the contents anew even if the path is valid.
    pub repair: bool,
    /// Demand a signature by a trusted key, where the store is set up to demand one.
    pub check_signatures: bool,
}

/// A derivation file, ready to be written.
#[derive(Clone, Debug)]
pub struct DerivationText {
    /// Its path; must be the text path of `contents` with `references`.
    pub path: StorePath,
    /// Its ATerm form.
    pub contents: Vec<u8>,
    /// Its input derivations and input sources.
    pub references: Vec<StorePath>,
    /// Its outputs, with their paths where these are known before the build.
    pub outputs: Vec<(OutputName, Option<StorePath>)>,
}

/// Why a path is a root: links, or words in braces such as `{temp:42}`, by store path.
pub type Roots = BTreeMap<StorePath, BTreeSet<Vec<u8>>>;

/// What a garbage collection does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GcAction {
    /// Tells which paths are alive.
    ReturnLive,
    /// Tells which paths are dead.
    ReturnDead,
    /// Deletes what is dead.
    DeleteDead,
    /// Deletes these paths, if they are dead.
    DeleteSpecific(StorePathSet),
}

/// A garbage collection.
#[derive(Clone, Debug)]
pub struct GcOptions {
    /// What to do.
    pub action: GcAction,
    /// Delete specific paths even if a root leads to them (never if something refers to them).
    pub ignore_liveness: bool,
    /// Stop after freeing more than this many bytes.
    pub max_freed: u64,
}

impl GcOptions {
    /// Everything the action applies to.
    pub fn new(action: GcAction) -> Self {
        Self {
            action,
            ignore_liveness: false,
            max_freed: u64::MAX,
        }
    }
}

/// What a garbage collection did or found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GcResult {
    /// Full logical paths, deleted or found. Deleted ones need not be store paths.
    pub paths: BTreeSet<Vec<u8>>,
    /// Bytes that became free on disk.
    pub bytes_freed: u64,
}

/// What a root keeps alive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RootHold {
    /// The store path it leads to.
    pub path: StorePath,
    /// The root itself: a link, or a word in braces.
    pub roots: BTreeSet<Vec<u8>>,
    /// Paths it keeps alive.
    pub n_paths: usize,
    /// Their size.
    pub size: u64,
    /// Size of what no other root keeps alive.
    pub exclusive_size: u64,
}

/// The steps from a root to a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AliveBecause {
    /// The root itself.
    pub roots: BTreeSet<Vec<u8>>,
    /// From the path that the root leads to, down to the path in question.
    pub chain: Vec<(StorePath, AliveEdge)>,
}

/// Why one path keeps the next one alive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AliveEdge {
    /// It is the path that a root leads to.
    Root,
    /// The previous path refers to it.
    Reference,
    /// It is an output of the previous path (`keep-outputs`).
    Output,
    /// It is the deriver of the previous path (`keep-derivations`).
    Deriver,
}

/// What hard-linking equal files gained.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OptimiseStats {
    /// Files that became links.
    pub n_linked: u64,
    /// Bytes that became free.
    pub bytes_freed: u64,
}

/// What verification looks at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct VerifyOptions {
    /// Hash all contents.
    pub check_contents: bool,
    /// Fetch or build damaged paths anew.
    pub repair: bool,
}

/// How a request to build treats what is there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BuildMode {
    /// Makes what is missing.
    #[default]
    Normal,
    /// Makes anew what is damaged.
    Repair,
    /// Makes again and compares.
    Check,
}

/// What a request would entail.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MissingPaths {
    /// Derivations that would be built.
    pub will_build: StorePathSet,
    /// Paths that would be substituted.
    pub will_substitute: StorePathSet,
    /// Paths that are not to be had.
    pub unknown: StorePathSet,
    /// Bytes to be downloaded.
    pub download_size: u64,
    /// Bytes of archives to be unpacked.
    pub nar_size: u64,
}

/// How a build ended; the numbers are those of the worker protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum BuildStatus {
    /// Built.
    Built = 0,
    /// Substituted.
    Substituted = 1,
    /// Was there already.
    AlreadyValid = 2,
    /// The builder failed.
    PermanentFailure = 3,
    /// The derivation asks for something this store refuses.
    InputRejected = 4,
    /// The outputs are not acceptable.
    OutputRejected = 5,
    /// Failed for a reason that may go away.
    TransientFailure = 6,
    /// Was remembered as failed; no longer used.
    CachedFailure = 7,
    /// Took too long, or was silent too long.
    TimedOut = 8,
    /// Something else went wrong.
    MiscFailure = 9,
    /// A dependency failed.
    DependencyFailed = 10,
    /// Wrote too much log.
    LogLimitExceeded = 11,
    /// Built again with a different result.
    NotDeterministic = 12,
    /// Resolved to a derivation that was there already.
    ResolvesToAlreadyValid = 13,
    /// No substituter has it, and nothing can build it.
    NoSubstituters = 14,
    /// A fixed output does not have its hash.
    HashMismatch = 15,
    /// The request was cancelled.
    Cancelled = 16,
}

impl BuildStatus {
    /// The status with a number of the worker protocol; a number of a later time is a failure of
    /// no particular kind.
    pub fn from_number(number: u64) -> Self {
        use BuildStatus::*;
        [
            Built,
            Substituted,
            AlreadyValid,
            PermanentFailure,
            InputRejected,
            OutputRejected,
            TransientFailure,
            CachedFailure,
            TimedOut,
            MiscFailure,
            DependencyFailed,
            LogLimitExceeded,
            NotDeterministic,
            ResolvesToAlreadyValid,
            NoSubstituters,
            HashMismatch,
            Cancelled,
        ]
        .into_iter()
        .find(|status| *status as u64 == number)
        .unwrap_or(MiscFailure)
    }

    /// Whether the outputs are there now.
    pub fn is_success(self) -> bool {
        matches!(
            self,
            Self::Built | Self::Substituted | Self::AlreadyValid | Self::ResolvesToAlreadyValid
        )
    }
}

/// What became of one requested path.
#[derive(Clone, Debug)]
pub struct BuildResult {
    /// What was requested.
    pub path: DerivedPath,
    /// How it ended.
    pub status: BuildStatus,
    /// Why it failed; empty when it did not.
    pub error: String,
    /// How many times it was built.
    pub times_built: u64,
    /// When building began and ended, in seconds since 1970; zero when nothing was built.
    pub time: (u64, u64),
    /// Processor time of the builder, user and system, in microseconds.
    pub cpu_time: Option<(u64, u64)>,
    /// What the outputs are.
    pub outputs: BTreeMap<OutputName, Realisation>,
}

/// Properties of a store that others decide by.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct StoreTraits {
    /// Among substituters, the lower number is asked first.
    pub priority: i64,
    /// Whether it can answer for many paths at once.
    pub want_mass_query: bool,
    /// Whether it believes what we tell it; `None` where it does not say.
    pub trusts_us: Option<bool>,
    /// Whether its paths need no signature.
    pub is_trusted: bool,
    /// The version of the program that answers for it, where there is one and it has been asked.
    pub version: Option<String>,
    /// The version of the protocol that we speak, and the one that it speaks.
    pub protocol: Option<(String, String)>,
}

/// A profile generation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Generation {
    /// Its number.
    pub number: u64,
    /// The link that is the generation.
    pub link: PathBuf,
    /// When it was made, in seconds since 1970.
    pub created: i64,
}

/// A number of bytes as messages show it: `1.5 MiB`.
pub fn render_size(bytes: i64) -> String {
    let mut size = bytes as f64 / 1024.0;
    let mut unit = 0;
    while size.abs() >= 1024.0 && unit < 7 {
        size /= 1024.0;
        unit += 1;
    }
    format!("{size:.1} {}iB", char::from(b"KMGTPEZY"[unit]))
}

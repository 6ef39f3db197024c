//! The vocabulary: what can be said in the stream.
//!
//! The numbers behind [`ActivityType`] and [`Level`] are those of the field's `internal-json`
//! format and of the worker protocol, so both can be spoken from these types alone. An event's
//! payload is in bytes where it comes from a builder or names a path.

use crate::ActivityId;

/// How important something is. Lower is more important.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Level {
    /// Something failed.
    Error = 0,
    /// Something is probably not what the user wants.
    Warn = 1,
    /// Always shown unless told to be quiet.
    Notice = 2,
    /// What happens, in large steps.
    Info = 3,
    /// What happens, in smaller steps (`-v`).
    Talkative = 4,
    /// `-vv`.
    Chatty = 5,
    /// `-vvv`.
    Debug = 6,
    /// Everything.
    Vomit = 7,
}

impl Level {
    /// The level with a number of the wire formats; numbers beyond the last mean the last.
    pub fn from_number(number: u64) -> Level {
        match number {
            0 => Level::Error,
            1 => Level::Warn,
            2 => Level::Notice,
            3 => Level::Info,
            4 => Level::Talkative,
            5 => Level::Chatty,
            6 => Level::Debug,
            _ => Level::Vomit,
        }
    }
}

/// What sort of thing an activity is, without its particulars.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u16)]
pub enum ActivityType {
    /// Something that has no type of its own.
    Unknown = 0,
    /// One store path is copied between stores.
    CopyPath = 100,
    /// A file is downloaded or uploaded.
    FileTransfer = 101,
    /// Derivations are being realised: the parent of all builds and substitutions.
    Realise = 102,
    /// Several store paths are copied: counts of paths.
    CopyPaths = 103,
    /// All builds: counts of derivations.
    Builds = 104,
    /// One derivation is built.
    Build = 105,
    /// Files of the store are hard-linked together.
    OptimiseStore = 106,
    /// Store paths are verified.
    VerifyPaths = 107,
    /// One store path comes from a substituter.
    Substitute = 108,
    /// A store is asked about a path.
    QueryPathInfo = 109,
    /// The post-build hook runs.
    PostBuildHook = 110,
    /// A build waits, for example for a lock.
    BuildWaiting = 111,
    /// A source tree is fetched.
    FetchTree = 112,
}

impl ActivityType {
    /// The type with a number of the wire formats; an unknown number is [`ActivityType::Unknown`].
    pub fn from_number(number: u64) -> ActivityType {
        use ActivityType::*;
        [
            CopyPath,
            FileTransfer,
            Realise,
            CopyPaths,
            Builds,
            Build,
            OptimiseStore,
            VerifyPaths,
            Substitute,
            QueryPathInfo,
            PostBuildHook,
            BuildWaiting,
            FetchTree,
        ]
        .into_iter()
        .find(|kind| *kind as u64 == number)
        .unwrap_or(Unknown)
    }
}

/// What an activity is about.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ActivityKind {
    /// Something that has no type of its own.
    Unknown,
    /// One store path is copied between stores.
    CopyPath {
        /// The store path.
        path: Vec<u8>,
        /// Address of the source store.
        from: String,
        /// Address of the destination store.
        to: String,
    },
    /// A file is downloaded or uploaded.
    FileTransfer {
        /// Its address.
        url: String,
    },
    /// Derivations are being realised.
    Realise,
    /// Several store paths are copied.
    CopyPaths,
    /// All builds of a request.
    Builds,
    /// One derivation is built.
    Build {
        /// The derivation's store path.
        drv_path: Vec<u8>,
        /// The machine it is built on; empty for this one.
        machine: String,
        /// The current round of a repeated build, from 1.
        round: u64,
        /// How many rounds there will be.
        n_rounds: u64,
    },
    /// Files of the store are hard-linked together.
    OptimiseStore,
    /// Store paths are verified.
    VerifyPaths,
    /// One store path comes from a substituter.
    Substitute {
        /// The store path.
        path: Vec<u8>,
        /// The substituter's address.
        substituter: String,
    },
    /// A store is asked about a path.
    QueryPathInfo {
        /// The store path.
        path: Vec<u8>,
        /// The store's address.
        store: String,
    },
    /// The post-build hook runs for a derivation.
    PostBuildHook {
        /// The derivation's store path.
        drv_path: Vec<u8>,
    },
    /// A build waits.
    BuildWaiting {
        /// The derivation's store path.
        drv_path: Vec<u8>,
        /// What it resolved to, where that is the reason for waiting.
        resolved: Option<Vec<u8>>,
    },
    /// A source tree is fetched.
    FetchTree,
    /// An activity that came over a wire, with fields we do not interpret.
    Foreign {
        /// Its type.
        kind: ActivityType,
        /// Its fields.
        fields: Vec<LogField>,
    },
}

impl ActivityKind {
    /// The sort of this activity.
    pub fn activity_type(&self) -> ActivityType {
        match self {
            ActivityKind::Unknown => ActivityType::Unknown,
            ActivityKind::CopyPath { .. } => ActivityType::CopyPath,
            ActivityKind::FileTransfer { .. } => ActivityType::FileTransfer,
            ActivityKind::Realise => ActivityType::Realise,
            ActivityKind::CopyPaths => ActivityType::CopyPaths,
            ActivityKind::Builds => ActivityType::Builds,
            ActivityKind::Build { .. } => ActivityType::Build,
            ActivityKind::OptimiseStore => ActivityType::OptimiseStore,
            ActivityKind::VerifyPaths => ActivityType::VerifyPaths,
            ActivityKind::Substitute { .. } => ActivityType::Substitute,
            ActivityKind::QueryPathInfo { .. } => ActivityType::QueryPathInfo,
            ActivityKind::PostBuildHook { .. } => ActivityType::PostBuildHook,
            ActivityKind::BuildWaiting { .. } => ActivityType::BuildWaiting,
            ActivityKind::FetchTree => ActivityType::FetchTree,
            ActivityKind::Foreign { kind, .. } => *kind,
        }
    }

    /// The fields of this activity in the order of the wire formats.
    pub fn fields(&self) -> Vec<LogField> {
        match self {
            ActivityKind::CopyPath { path, from, to } => vec![
                LogField::Text(path.clone()),
                LogField::from(from.as_str()),
                LogField::from(to.as_str()),
            ],
            ActivityKind::FileTransfer { url } => vec![LogField::from(url.as_str())],
            ActivityKind::Build {
                drv_path,
                machine,
                round,
                n_rounds,
            } => vec![
                LogField::Text(drv_path.clone()),
                LogField::from(machine.as_str()),
                LogField::Number(*round),
                LogField::Number(*n_rounds),
            ],
            ActivityKind::Substitute { path, substituter } => vec![
                LogField::Text(path.clone()),
                LogField::from(substituter.as_str()),
            ],
            ActivityKind::QueryPathInfo { path, store } => {
                vec![LogField::Text(path.clone()), LogField::from(store.as_str())]
            }
            ActivityKind::PostBuildHook { drv_path } => vec![LogField::Text(drv_path.clone())],
            ActivityKind::BuildWaiting { drv_path, resolved } => {
                let mut fields = vec![LogField::Text(drv_path.clone())];
                fields.extend(resolved.clone().map(LogField::Text));
                fields
            }
            ActivityKind::Foreign { fields, .. } => fields.clone(),
            _ => Vec::new(),
        }
    }
}

/// A field of an activity or result in the wire formats.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LogField {
    /// An integer.
    Number(u64),
    /// A string.
    Text(Vec<u8>),
}

impl From<&str> for LogField {
    fn from(text: &str) -> LogField {
        LogField::Text(text.as_bytes().to_vec())
    }
}

/// How far an activity has come. Units are those of the activity: bytes, paths or builds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// How much is done.
    pub done: u64,
    /// How much there will be in all, as far as is known.
    pub expected: u64,
    /// How much is being worked on now.
    pub running: u64,
    /// How much has failed.
    pub failed: u64,
}

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// An activity begins.
    Start {
        /// Its name from now on.
        id: ActivityId,
        /// The activity it is a part of.
        parent: Option<ActivityId>,
        /// How important it is.
        level: Level,
        /// What is being done, for a person to read; may be empty.
        text: String,
        /// What is being done, for a program to read.
        kind: ActivityKind,
    },
    /// An activity is over, well or not.
    Stop {
        /// The activity.
        id: ActivityId,
    },
    /// An activity has come this far.
    Progress {
        /// The activity.
        id: ActivityId,
        /// How far.
        progress: Progress,
    },
    /// An activity foresees this much work of another type (bytes of all transfers, say).
    SetExpected {
        /// The activity.
        id: ActivityId,
        /// The type of work.
        of: ActivityType,
        /// How much.
        expected: u64,
    },
    /// A builder wrote a line; without its line feed.
    BuildLogLine {
        /// The build.
        id: ActivityId,
        /// The line.
        line: Vec<u8>,
    },
    /// The post-build hook wrote a line.
    PostBuildLogLine {
        /// The hook's activity.
        id: ActivityId,
        /// The line.
        line: Vec<u8>,
    },
    /// A build entered a phase.
    SetPhase {
        /// The build.
        id: ActivityId,
        /// The phase's name.
        phase: String,
    },
    /// Two files of the store were linked together.
    FileLinked {
        /// The optimisation.
        id: ActivityId,
        /// Bytes saved.
        bytes: u64,
        /// Blocks saved.
        blocks: u64,
    },
    /// A path has no trusted signature.
    UntrustedPath {
        /// The verification.
        id: ActivityId,
        /// The store path.
        path: Vec<u8>,
    },
    /// A path's contents are not what was registered.
    CorruptedPath {
        /// The verification.
        id: ActivityId,
        /// The store path.
        path: Vec<u8>,
    },
    /// A fetcher says what it is doing.
    FetchStatus {
        /// The fetch.
        id: ActivityId,
        /// What it says.
        text: String,
    },
    /// How long what is left of a request may take, going by earlier builds.
    Forecast {
        /// The builds of the request.
        id: ActivityId,
        /// The time.
        remaining: std::time::Duration,
    },
    /// Something is said once.
    Message {
        /// How important it is.
        level: Level,
        /// The text, possibly of several lines, without a final line feed.
        text: String,
        /// The first line alone, without position and traces, where there is such a thing.
        raw: Option<String>,
    },
}

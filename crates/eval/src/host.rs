//! Everything an evaluation does to the world or learns from it.
//!
//! The machine opens no file and knows no store: it asks the [`Host`], which can restrict, record,
//! and replace every answer. Paths are source paths, store paths are plain bytes, and errors are
//! plain data.

use std::any::Any;
use std::sync::Arc;

use firn_heap::ContextElement;
use firn_source::SourcePath;

use crate::error::ErrorKind;

/// What a directory entry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FileType {
    /// A regular file.
    Regular,
    /// A directory.
    Directory,
    /// A symbolic link, which is not followed.
    Symlink,
    /// Anything else.
    Unknown,
}

impl FileType {
    /// The word that `builtins.readFileType` gives.
    pub fn name(self) -> &'static str {
        match self {
            Self::Regular => "regular",
            Self::Directory => "directory",
            Self::Symlink => "symlink",
            Self::Unknown => "unknown",
        }
    }
}

/// Why the host could not do what was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostError {
    /// How the evaluation sees it: [`ErrorKind::Thrown`] can be caught, [`ErrorKind::Host`] cannot.
    pub kind: ErrorKind,
    /// What went wrong, in the field's own words.
    pub message: String,
    /// The exit status that the program should end with, if it is not the usual one.
    pub exit_status: Option<u8>,
}

impl HostError {
    /// An error that cannot be caught.
    pub fn new(message: impl Into<String>) -> Self {
        Self {
            kind: ErrorKind::Host,
            message: message.into(),
            exit_status: None,
        }
    }

    /// An access that is forbidden.
    pub fn restricted(message: impl Into<String>) -> Self {
        Self {
            kind: ErrorKind::Restricted,
            ..Self::new(message)
        }
    }
}

impl std::fmt::Display for HostError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for HostError {}

/// What evaluation wants to tell the user while it runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// `builtins.trace`: the text as it is to be shown, without the leading word.
    Trace(Vec<u8>),
    /// A warning of the program: `builtins.warn`.
    Warning(Vec<u8>),
    /// A remark of the parser, laid out with its place.
    Remark(Vec<u8>),
    /// Anything else, for the terse level of verbosity above it.
    Info(Vec<u8>),
}

/// One entry of the search path as `builtins.nixPath` shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SearchPathEntry {
    /// What a looked-up name has to begin with; may be empty.
    pub prefix: Vec<u8>,
    /// A path or an address.
    pub path: Vec<u8>,
}

/// The effects of evaluation. Everything may be called from any thread.
///
/// Builtins that need more of their host than this ask for its type, which is why it is [`Any`].
pub trait Host: Any + Send + Sync {
    /// The contents of a file, links followed.
    fn read_file(&self, path: &SourcePath) -> Result<Arc<[u8]>, HostError>;

    /// What is at a path itself, links not followed; `None` if nothing is.
    fn file_type(&self, path: &SourcePath) -> Result<Option<FileType>, HostError>;

    /// The entries of a directory in the order of names; a type may be left for later.
    #[expect(clippy::type_complexity, reason = "a name and maybe a type")]
    fn read_dir(&self, path: &SourcePath) -> Result<Vec<(Vec<u8>, Option<FileType>)>, HostError>;

    /// The target of a symbolic link.
    fn read_link(&self, path: &SourcePath) -> Result<Vec<u8>, HostError>;

    /// The path with all links resolved, including the last component if `last`.
    fn resolve_symlinks(&self, path: &SourcePath, last: bool) -> Result<SourcePath, HostError>;

    /// Whether the path may be read; an error if not.
    fn check_access(&self, path: &SourcePath) -> Result<(), HostError>;

    /// The path as it is shown to users.
    fn display_path(&self, path: &SourcePath) -> Vec<u8>;

    /// An environment variable; nothing in pure evaluation.
    fn env_var(&self, name: &[u8]) -> Option<Vec<u8>>;

    /// The user's home directory, for `~/` paths.
    fn home_dir(&self) -> Result<Vec<u8>, HostError>;

    /// Seconds since the epoch, the same throughout one evaluation.
    fn current_time(&self) -> i64;

    /// The system that is built for, such as `x86_64-linux`.
    fn current_system(&self) -> Vec<u8>;

    /// The store directory.
    fn store_dir(&self) -> Vec<u8>;

    /// Whether evaluation is pure, and whether it is restricted.
    fn purity(&self) -> Purity {
        Purity::default()
    }

    /// The search path.
    fn search_path(&self) -> Vec<SearchPathEntry>;

    /// Looks a name up in a search path; `Ok(None)` if no entry has it. Entries may have to be
    /// fetched first.
    fn find_file(
        &self,
        search_path: &[SearchPathEntry],
        name: &[u8],
    ) -> Result<Option<SourcePath>, HostError>;

    /// The store path that a source has when it is used as a string; added to the store if that is
    /// wanted.
    fn path_to_store(&self, path: &SourcePath) -> Result<Vec<u8>, HostError>;

    #[expect(clippy::type_complexity, reason = "what is replaced and by what")]
    /// Makes what a context refers to exist, building it if necessary and allowed. Gives what
    /// placeholders of outputs stand for, as pairs.
    fn realise_context(
        &self,
        context: &[ContextElement],
    ) -> Result<Vec<(Vec<u8>, Vec<u8>)>, HostError>;

    /// What the contents of a file refer to: only a file in the store can.
    fn references_in(
        &self,
        _path: &SourcePath,
        _contents: &[u8],
    ) -> Result<Vec<ContextElement>, HostError> {
        Ok(Vec::new())
    }

    /// Tells the user something.
    fn emit(&self, message: Message);

    /// Where written forms of texts are kept between runs, if anywhere.
    fn forms(&self) -> Option<&dyn crate::Forms> {
        None
    }

    /// Whether a user wants evaluation to stop.
    fn interrupted(&self) -> bool {
        false
    }
}

/// How much of the world an evaluation may see.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Purity {
    /// `pure-eval`.
    pub pure_eval: bool,
    /// `restrict-eval`.
    pub restricted: bool,
}

//! Texts that commands are pointed at: files, words of the command line, standard input.

use std::io::Read;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use firn_parser::{Lint, ParseOptions};
use firn_settings::{EvalSettings, Feature, LintLevel, Settings};
use firn_source::{FileOrigin, SourcePath};
use firn_store::tree::{CaseHackedTree, LocalTree, SourceTree};

use crate::commands::hash::error_words;
use crate::{Failure, surroundings};

/// A text with its origin and the directory that its relative paths start at.
#[derive(Clone, Debug)]
pub struct Text {
    /// Where it came from.
    pub origin: FileOrigin,
    /// The bytes.
    pub bytes: Arc<[u8]>,
    /// The directory.
    pub base: SourcePath,
}

/// The working directory.
pub fn here() -> SourcePath {
    let path = std::env::current_dir().unwrap_or_else(|_| Path::new("/").to_owned());
    SourcePath::host(path.as_os_str().as_encoded_bytes())
}

/// A path given on the command line, absolute.
pub fn absolute(path: &str) -> SourcePath {
    here().join(path.as_bytes())
}

/// A path of the host's file system as the system takes it.
pub fn on_disk(path: &SourcePath) -> PathBuf {
    PathBuf::from(std::ffi::OsStr::from_bytes(path.path.as_bytes()))
}

/// The tree at a path of this machine, its names as archives have them.
pub fn tree_at(settings: &Settings, path: impl Into<PathBuf>) -> Box<dyn SourceTree> {
    let tree = LocalTree::new(path);
    if settings.store.use_case_hack {
        Box::new(CaseHackedTree::new(tree))
    } else {
        Box::new(tree)
    }
}

impl Text {
    /// An expression on the command line.
    pub fn of_words(text: &str) -> Self {
        Self {
            origin: FileOrigin::String,
            bytes: Arc::from(text.as_bytes()),
            base: here(),
        }
    }

    /// What a file holds.
    pub fn read(path: &SourcePath) -> Result<Vec<u8>, Failure> {
        std::fs::read(on_disk(path)).map_err(|it| {
            let words = error_words(&it);
            Failure::message(format!("opening file \"{}\": {words}", path.path))
        })
    }

    /// Standard input.
    pub fn of_stdin() -> Result<Self, Failure> {
        let mut bytes = Vec::new();
        std::io::stdin()
            .lock()
            .read_to_end(&mut bytes)
            .map_err(|it| Failure::message(format!("reading from file: {}", error_words(&it))))?;
        Ok(Self {
            origin: FileOrigin::Stdin,
            bytes: bytes.into(),
            base: here(),
        })
    }
}

/// How texts are to be read, by the settings.
pub fn parse_options(settings: &Settings) -> ParseOptions {
    let lint = |level: LintLevel| match level {
        LintLevel::Ignore => Lint::Ignore,
        LintLevel::Warn => Lint::Warn,
        LintLevel::Fatal => Lint::Fatal,
    };
    let eval: &EvalSettings = &settings.eval;
    ParseOptions {
        pipe_operators: settings.is_enabled(Feature::PipeOperators),
        url_literals: lint(eval.lint_url_literals),
        short_path_literals: lint(eval.lint_short_path_literals),
        absolute_path_literals: lint(eval.lint_absolute_path_literals),
        ..ParseOptions::default()
    }
}

/// The home directory as bytes.
pub fn home() -> Vec<u8> {
    surroundings::home().into_os_string().into_encoded_bytes()
}

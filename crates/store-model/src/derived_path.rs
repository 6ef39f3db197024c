//! Derived paths: store paths that exist, or will once something is built.
//!
//! A [`SingleDerivedPath`] is one path: an opaque store path, or an output of a derivation that
//! is itself a single derived path (so that a derivation may come out of a build). A
//! [`DerivedPath`] may name several outputs of its last step. Written `path^out`; the older
//! separator `!` is that of the worker protocol.

use std::fmt;
use std::sync::Arc;

use crate::{NameError, OutputName, OutputsSpec, StoreDir, StorePath, StorePathError};

/// How many steps a path may have. Each stands for a build that yields the next derivation, so
/// real paths have one or two; the bound keeps hostile texts from exhausting the stack.
const MAX_DEPTH: usize = 128;

/// One store path, existing or to be built.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SingleDerivedPath {
    /// A store path.
    Opaque(StorePath),
    /// An output of a derivation.
    Built {
        /// Where the derivation is.
        drv: Arc<SingleDerivedPath>,
        /// The output.
        output: OutputName,
    },
}

/// A store path, or outputs of a derivation.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DerivedPath {
    /// A store path.
    Opaque(StorePath),
    /// Outputs of a derivation.
    Built {
        /// Where the derivation is.
        drv: Arc<SingleDerivedPath>,
        /// The outputs.
        outputs: OutputsSpec,
    },
}

impl SingleDerivedPath {
    /// Parses `path`, `path^out`, `path^out^out`, …
    pub fn parse(store_dir: &StoreDir, text: &str) -> Result<SingleDerivedPath, DerivedPathError> {
        SingleDerivedPath::parse_with(store_dir, text, '^')
    }

    /// Like [`SingleDerivedPath::parse`], with `!` between the parts.
    pub fn parse_legacy(
        store_dir: &StoreDir,
        text: &str,
    ) -> Result<SingleDerivedPath, DerivedPathError> {
        SingleDerivedPath::parse_with(store_dir, text, '!')
    }

    fn parse_with(
        store_dir: &StoreDir,
        text: &str,
        separator: char,
    ) -> Result<SingleDerivedPath, DerivedPathError> {
        if text.matches(separator).count() > MAX_DEPTH {
            return Err(DerivedPathError::TooDeep);
        }
        let mut parts = text.split(separator);
        let path = store_dir.parse(parts.next().unwrap_or(""))?;
        let mut single = SingleDerivedPath::Opaque(path);
        for part in parts {
            single = SingleDerivedPath::Built {
                drv: Arc::new(single),
                output: OutputName::parse(part)?,
            };
        }
        Ok(single)
    }

    /// The store path everything starts from.
    pub fn base_path(&self) -> &StorePath {
        let mut single = self;
        loop {
            match single {
                SingleDerivedPath::Opaque(path) => return path,
                SingleDerivedPath::Built { drv, .. } => single = drv,
            }
        }
    }

    /// The text with full paths and `^` between the parts.
    pub fn print(&self, store_dir: &StoreDir) -> String {
        self.print_with(store_dir, '^')
    }

    /// The text with `!` between the parts.
    pub fn print_legacy(&self, store_dir: &StoreDir) -> String {
        self.print_with(store_dir, '!')
    }

    fn print_with(&self, store_dir: &StoreDir, separator: char) -> String {
        match self {
            SingleDerivedPath::Opaque(path) => store_dir.print(path),
            SingleDerivedPath::Built { drv, output } => {
                format!(
                    "{}{separator}{output}",
                    drv.print_with(store_dir, separator)
                )
            }
        }
    }
}

impl DerivedPath {
    /// Parses `path`, `path^out,dev`, `path^*`, `path^out^*`, …
    pub fn parse(store_dir: &StoreDir, text: &str) -> Result<DerivedPath, DerivedPathError> {
        DerivedPath::parse_with(store_dir, text, '^')
    }

    /// Like [`DerivedPath::parse`], with `!` between the parts.
    pub fn parse_legacy(store_dir: &StoreDir, text: &str) -> Result<DerivedPath, DerivedPathError> {
        DerivedPath::parse_with(store_dir, text, '!')
    }

    fn parse_with(
        store_dir: &StoreDir,
        text: &str,
        separator: char,
    ) -> Result<DerivedPath, DerivedPathError> {
        match text.rsplit_once(separator) {
            None => Ok(DerivedPath::Opaque(store_dir.parse(text)?)),
            Some((drv, outputs)) => Ok(DerivedPath::Built {
                drv: Arc::new(SingleDerivedPath::parse_with(store_dir, drv, separator)?),
                outputs: OutputsSpec::parse(outputs)?,
            }),
        }
    }

    /// The store path everything starts from.
    pub fn base_path(&self) -> &StorePath {
        match self {
            DerivedPath::Opaque(path) => path,
            DerivedPath::Built { drv, .. } => drv.base_path(),
        }
    }

    /// The text with full paths and `^` between the parts.
    pub fn print(&self, store_dir: &StoreDir) -> String {
        self.print_with(store_dir, '^')
    }

    /// The text with `!` between the parts.
    pub fn print_legacy(&self, store_dir: &StoreDir) -> String {
        self.print_with(store_dir, '!')
    }

    fn print_with(&self, store_dir: &StoreDir, separator: char) -> String {
        match self {
            DerivedPath::Opaque(path) => store_dir.print(path),
            DerivedPath::Built { drv, outputs } => {
                format!(
                    "{}{separator}{outputs}",
                    drv.print_with(store_dir, separator)
                )
            }
        }
    }
}

impl From<SingleDerivedPath> for DerivedPath {
    fn from(single: SingleDerivedPath) -> DerivedPath {
        match single {
            SingleDerivedPath::Opaque(path) => DerivedPath::Opaque(path),
            SingleDerivedPath::Built { drv, output } => DerivedPath::Built {
                drv,
                outputs: OutputsSpec::one(output),
            },
        }
    }
}

/// What is wrong with a derived path.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DerivedPathError {
    /// The store path.
    Path(StorePathError),
    /// An output's name.
    Output(NameError),
    /// More steps than any real path has.
    TooDeep,
}

impl fmt::Display for DerivedPathError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DerivedPathError::Path(error) => error.fmt(f),
            DerivedPathError::Output(error) => error.fmt(f),
            DerivedPathError::TooDeep => {
                write!(f, "derived path has more than {MAX_DEPTH} steps")
            }
        }
    }
}

impl std::error::Error for DerivedPathError {}

impl From<StorePathError> for DerivedPathError {
    fn from(error: StorePathError) -> DerivedPathError {
        DerivedPathError::Path(error)
    }
}

impl From<NameError> for DerivedPathError {
    fn from(error: NameError) -> DerivedPathError {
        DerivedPathError::Output(error)
    }
}

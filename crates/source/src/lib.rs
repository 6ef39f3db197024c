//! Sources and what can be said about them: where a text came from ([`SourcePath`]), which file
//! and bytes a thing occupies ([`FileId`], [`Span`]), which line and column that is
//! ([`LineIndex`]), and what a user should be told ([`Diagnostic`]).
//!
//! Everything here is plain data. The crate opens no file, prints nothing and knows neither the
//! language nor the store. A source path is a pair of *root* and *path inside it*, never a bare
//! string: a root may be the host's file system, a store object mounted under its logical path, a
//! fetched tree that has no store path yet, or a text typed at a prompt. That is what allows a
//! source tree to be hashed only when it is first turned into a string.

mod diagnostic;
mod file;
mod line_index;
mod path;
mod span;

pub use diagnostic::{Diagnostic, Label, LabelKind, Severity};
pub use file::{File, FileId, FileOrigin, FileTable};
pub use line_index::{LineColumn, LineIndex};
pub use path::{CanonicalPath, RootId, SourcePath};
pub use span::{ByteOffset, Span};

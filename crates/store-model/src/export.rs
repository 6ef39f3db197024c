//! The export format: archives one after the other, each followed by what is known of the object.
//!
//! An exported stream is `1`, archive, trailer, for each object, and `0` at the end. Objects come
//! after those they refer to, so that a stream can be imported as it arrives. Since the trailer
//! follows the archive, an importer does not know the path before it has read all of it.

use std::collections::BTreeSet;
use std::io::{self, Read, Write};

use crate::wire::{ReadWire, WireError, WriteWire};
use crate::{StoreDir, StorePath, ValidPathInfo};

const EXPORT_MAGIC: u64 = 0x4558_494e;

/// What follows an archive in an exported stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExportTrailer {
    /// The path.
    pub path: StorePath,
    /// What it refers to.
    pub references: BTreeSet<StorePath>,
    /// The derivation that made it, if known.
    pub deriver: Option<StorePath>,
}

impl ExportTrailer {
    /// The trailer for an object.
    pub fn new(info: &ValidPathInfo) -> ExportTrailer {
        ExportTrailer {
            path: info.path.clone(),
            references: info.references.clone(),
            deriver: info.deriver.clone(),
        }
    }

    /// Writes the trailer after an archive.
    pub fn encode(&self, store_dir: &StoreDir, out: &mut dyn Write) -> io::Result<()> {
        out.write_number(EXPORT_MAGIC)?;
        out.write_path(store_dir, &self.path)?;
        out.write_paths(store_dir, &self.references)?;
        out.write_optional_path(store_dir, self.deriver.as_ref())?;
        out.write_number(0)
    }

    /// Reads the trailer after an archive.
    pub fn decode(store_dir: &StoreDir, input: &mut dyn Read) -> Result<ExportTrailer, WireError> {
        if input.read_number()? != EXPORT_MAGIC {
            return Err(WireError::invalid(
                "Nix archive cannot be imported; wrong format",
            ));
        }
        let path = input.read_path(store_dir)?;
        let references = input.read_paths(store_dir)?;
        let deriver = input.read_optional_path(store_dir)?;
        if input.read_number()? == 1 {
            // A signature of a kind long out of use.
            input.read_text()?;
        }
        Ok(ExportTrailer {
            path,
            references,
            deriver,
        })
    }
}

/// Writes the mark before an archive, or at the end of the stream.
pub fn encode_export_mark(has_more: bool, out: &mut dyn Write) -> io::Result<()> {
    out.write_bool(has_more)
}

/// Reads the mark before an archive: whether there is one, or the stream ends.
pub fn decode_export_mark(input: &mut dyn Read) -> Result<bool, WireError> {
    match input.read_number()? {
        0 => Ok(false),
        1 => Ok(true),
        _ => Err(WireError::invalid(
            "input doesn't look like something created by 'nix-store --export'",
        )),
    }
}

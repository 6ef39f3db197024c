//! Exporting objects into one stream, and importing them from it.
//!
//! An exporter hashes what it sends and refuses to spread an object that is not what it was. An
//! importer learns an object's path only after its archive, which is therefore kept in memory
//! until the trailer has been read.

use std::io::{self, Read, Write};

use firn_hash::{Algorithm, Hash, HashFormat, Hasher, HashingWriter};
use firn_store_model::export::{ExportTrailer, decode_export_mark, encode_export_mark};
use firn_store_model::{PathInfo, StorePath, ValidPathInfo};

use crate::closure::{path_info, sort_topologically};
use crate::error::StoreError;
use crate::store::Store;
use crate::types::{NarOptions, StorePathSet};

/// Writes objects, references first.
pub fn export_paths(
    store: &dyn Store,
    paths: &StorePathSet,
    out: &mut dyn Write,
) -> Result<(), StoreError> {
    let failed = |error: io::Error| StoreError::other(format!("writing an export: {error}"));
    for path in sort_topologically(store, paths)?.iter().rev() {
        let info = path_info(store, path)?;
        encode_export_mark(true, out).map_err(failed)?;
        let mut hashed = HashingWriter::new(Algorithm::Sha256, &mut *out);
        store.nar_from_path(path, &mut hashed)?;
        let (hash, _, out) = hashed.finish();
        if hash != info.nar_hash && info.nar_hash != Hash::zero(info.nar_hash.algorithm()) {
            return Err(StoreError::other(format!(
                "hash of path '{}' has changed from '{}' to '{}'!",
                store.store_dir().print(path),
                info.nar_hash.format(HashFormat::Nix32, true),
                hash.format(HashFormat::Nix32, true)
            )));
        }
        ExportTrailer::new(&info)
            .encode(store.store_dir(), out)
            .map_err(failed)?;
    }
    encode_export_mark(false, out).map_err(failed)
}

/// Adds the objects of a stream; returns their paths in its order.
pub fn import_paths(
    store: &dyn Store,
    source: &mut dyn Read,
    options: NarOptions,
) -> Result<Vec<StorePath>, StoreError> {
    let mut paths = Vec::new();
    while decode_export_mark(source).map_err(StoreError::format)? {
        let mut nar = Vec::new();
        copy_archive(source, &mut nar)?;
        let trailer =
            ExportTrailer::decode(store.store_dir(), source).map_err(StoreError::format)?;
        let mut info = PathInfo::new(Hasher::sha256(&nar), nar.len() as u64);
        info.references = trailer.references;
        info.deriver = trailer.deriver;
        let info = ValidPathInfo {
            path: trailer.path,
            info,
        };
        store.add_nar(&info, &mut nar.as_slice(), options)?;
        paths.push(info.path);
    }
    Ok(paths)
}

/// Copies one archive, no byte more. Only as much of the framing is looked at as it takes to find
/// the end, and no more is held in memory.
pub fn copy_archive(source: &mut dyn Read, into: &mut dyn Write) -> Result<(), StoreError> {
    if token(source, into)? != b"nix-archive-1" {
        return Err(StoreError::format("input doesn't look like a Nix archive"));
    }
    let mut depth = 0_usize;
    loop {
        match token(source, into)?.as_slice() {
            b"(" => depth += 1,
            b")" => {
                depth = depth
                    .checked_sub(1)
                    .ok_or_else(|| StoreError::format("bad Nix archive: unexpected tag ')'"))?;
                if depth == 0 {
                    return Ok(());
                }
            }
            // What follows is a value, whatever it looks like.
            b"contents" | b"target" | b"name" => value(source, into)?,
            b"type" | b"regular" | b"executable" | b"" | b"directory" | b"symlink" | b"entry"
            | b"node" => {}
            other => {
                return Err(StoreError::format(format!(
                    "bad Nix archive: unexpected tag '{}'",
                    String::from_utf8_lossy(other)
                )));
            }
        }
    }
}

fn length(source: &mut dyn Read, into: &mut dyn Write) -> Result<u64, StoreError> {
    let mut bytes = [0; 8];
    source.read_exact(&mut bytes).map_err(cut_short)?;
    into.write_all(&bytes).map_err(not_taken)?;
    Ok(u64::from_le_bytes(bytes))
}

fn token(source: &mut dyn Read, into: &mut dyn Write) -> Result<Vec<u8>, StoreError> {
    let length = length(source, into)?;
    if length > 64 {
        return Err(StoreError::format("bad Nix archive: tag is too long"));
    }
    let mut text = vec![0; length.next_multiple_of(8) as usize];
    source.read_exact(&mut text).map_err(cut_short)?;
    into.write_all(&text).map_err(not_taken)?;
    text.truncate(length as usize);
    Ok(text)
}

fn value(source: &mut dyn Read, into: &mut dyn Write) -> Result<(), StoreError> {
    let length = length(source, into)?;
    let mut left = length
        .checked_next_multiple_of(8)
        .ok_or_else(|| StoreError::format("bad Nix archive: a string is too long"))?;
    let mut buffer = vec![0; usize::try_from(left).unwrap_or(usize::MAX).min(64 * 1024)];
    while left > 0 {
        let wanted = buffer
            .len()
            .min(usize::try_from(left).unwrap_or(usize::MAX));
        source
            .read_exact(&mut buffer[..wanted])
            .map_err(cut_short)?;
        into.write_all(&buffer[..wanted]).map_err(not_taken)?;
        left -= wanted as u64;
    }
    Ok(())
}

#[allow(clippy::needless_pass_by_value, reason = "made for map_err")]
fn not_taken(error: io::Error) -> StoreError {
    StoreError::other(format!("writing a Nix archive: {error}"))
}

#[allow(clippy::needless_pass_by_value, reason = "made for map_err")]
fn cut_short(error: io::Error) -> StoreError {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => {
            StoreError::format("bad Nix archive: unexpected end of the archive")
        }
        _ => StoreError::other(format!("reading a Nix archive: {error}")),
    }
}

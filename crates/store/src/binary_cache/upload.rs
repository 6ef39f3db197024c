//! Adding to a binary cache: one pass compresses, hashes and lists an archive into a temporary
//! file; then it takes its place under its hash, and the narinfo follows.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek as _, SeekFrom, Write};
use std::sync::Arc;

use firn_hash::{Algorithm, Hash, HashingReader, HashingWriter};
use firn_store_model::nar::{check_nar, list_nar};
use firn_store_model::{NarInfo, ValidPathInfo};
use firn_transfer::{Compression, Compressor, Upload};
use serde_json::{Value, json};
use tempfile::NamedTempFile;

use super::BinaryCacheStore;
use super::s3::Method;
use crate::error::StoreError;
use crate::fault;
use crate::store::Store as _;

/// A compressed archive, ready to take its place.
struct Prepared {
    file: NamedTempFile,
    file_hash: Hash,
    file_size: u64,
    nar_hash: Hash,
    nar_size: u64,
    listing: Value,
}

/// Passes on what is read, compressed.
struct Tee<'a, W: Write> {
    source: &'a mut dyn Read,
    out: &'a mut Compressor<W>,
}

impl<W: Write> Read for Tee<'_, W> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n_bytes = self.source.read(buffer)?;
        self.out.write_all(&buffer[..n_bytes])?;
        Ok(n_bytes)
    }
}

impl BinaryCacheStore {
    pub(super) fn add_archive(
        &self,
        info: &ValidPathInfo,
        source: &mut dyn Read,
        repair: bool,
    ) -> Result<(), StoreError> {
        // The sender sends the archive whether it is wanted or not.
        let mut source = source.take(info.nar_size);
        if !repair && self.is_valid_path(&info.path)? {
            io::copy(&mut source, &mut io::sink()).map_err(unreadable)?;
            return Ok(());
        }
        for reference in info
            .references
            .iter()
            .filter(|reference| **reference != info.path)
        {
            if !self.is_valid_path(reference)? {
                return Err(StoreError::other(format!(
                    "cannot add '{}' to the binary cache because the reference '{}' is not valid",
                    self.store_dir.print(&info.path),
                    self.store_dir.print(reference)
                )));
            }
        }
        let prepared = self.prepare(&mut source)?;
        let path = || self.store_dir.print(&info.path);
        if prepared.nar_hash != info.nar_hash {
            return Err(StoreError::HashMismatch {
                path: path(),
                specified: info.nar_hash.to_string(),
                got: prepared.nar_hash.to_string(),
                content_address: false,
            });
        }
        if prepared.nar_size != info.nar_size {
            return Err(StoreError::SizeMismatch {
                path: path(),
                specified: info.nar_size,
                got: prepared.nar_size,
            });
        }
        self.publish(info.clone(), prepared, repair)
    }

    /// Reads an archive to its end and compresses it into a temporary file.
    fn prepare(&self, source: &mut dyn Read) -> Result<Prepared, StoreError> {
        let directory = match self.url.strip_prefix("file://") {
            // In its own directory the file can simply be moved to its place.
            Some(directory) => {
                let directory = std::path::Path::new(directory).join("nar");
                std::fs::create_dir_all(&directory).map_err(unwritable)?;
                directory
            }
            None => self.options.temporary_dir.clone(),
        };
        fault::point("compress an archive");
        let mut file = tempfile::Builder::new()
            .prefix(".tmp-")
            .tempfile_in(directory)
            .map_err(unwritable)?;
        let writer = HashingWriter::new(Algorithm::Sha256, file.as_file_mut());
        let mut compressor = self
            .options
            .compression
            .threaded_writer(
                writer,
                self.options.compression_level,
                self.options.compression_threads,
            )
            .map_err(unwritable)?;
        let hashing = HashingReader::new(
            Algorithm::Sha256,
            Tee {
                source,
                out: &mut compressor,
            },
        );
        let mut reader = BufReader::with_capacity(256 << 10, hashing);
        let listing = if self.options.write_listings || self.options.index_debug_info {
            list_nar(&mut reader)
        } else {
            check_nar(&mut reader).map(|()| Value::Null)
        };
        let listing = listing.map_err(|error| unreadable(error.into()))?;
        let n_surplus = io::copy(&mut reader, &mut io::sink()).map_err(unreadable)?;
        if n_surplus > 0 {
            return Err(StoreError::other(
                "reading a Nix archive: there is something after its end",
            ));
        }
        let (nar_hash, nar_size, _) = reader.into_inner().finish();
        let mut writer = compressor.finish().map_err(unwritable)?;
        writer.flush().map_err(unwritable)?;
        let (file_hash, file_size, _) = writer.finish();
        Ok(Prepared {
            file,
            file_hash,
            file_size,
            nar_hash,
            nar_size,
            listing,
        })
    }

    /// Brings an archive to its place, then what describes it.
    fn publish(
        &self,
        info: ValidPathInfo,
        prepared: Prepared,
        repair: bool,
    ) -> Result<(), StoreError> {
        let compression = self.options.compression;
        let url = format!(
            "nar/{}.nar{}",
            prepared.file_hash.to_nix32(),
            compression.extension()
        );
        if self.options.write_listings {
            let listing = json!({ "root": prepared.listing, "version": 1 }).to_string();
            let name = format!("{}.ls", info.path.hash_part());
            self.put(
                &name,
                listing.as_bytes(),
                "application/json",
                self.options.listing_compression,
            )?;
        }
        if repair || !self.exists(&url)? {
            self.place(&url, prepared.file, prepared.file_size)?;
        }
        if self.options.index_debug_info {
            self.index_debug_info(&prepared.listing, &url, repair)?;
        }
        self.put_narinfo(NarInfo {
            info,
            url,
            compression: compression.name().to_owned(),
            file_hash: Some(prepared.file_hash),
            file_size: prepared.file_size,
        })
    }

    /// Writes for each file of debug information in an archive where it is, by the id of the
    /// program that it is about, for debuggers to find.
    fn index_debug_info(&self, listing: &Value, url: &str, repair: bool) -> Result<(), StoreError> {
        for (id, member) in debug_files(listing) {
            let name = format!("debuginfo/{id}.debug");
            if !repair && self.exists(&name)? {
                continue;
            }
            let text = json!({ "archive": format!("../{url}"), "member": member }).to_string();
            self.put(
                &name,
                text.as_bytes(),
                "application/json",
                Compression::None,
            )?;
        }
        Ok(())
    }

    fn require_uploads(&self, name: &str) -> Result<(), StoreError> {
        if self.options.is_read_only {
            return Err(StoreError::other(format!(
                "uploading to '{}/{name}' is not supported",
                self.url
            )));
        }
        Ok(())
    }

    fn place(&self, name: &str, file: NamedTempFile, size: u64) -> Result<(), StoreError> {
        self.require_uploads(name)?;
        if let Some(directory) = self.url.strip_prefix("file://") {
            let place = std::path::Path::new(directory).join(name);
            fault::point("move an archive into a cache");
            firn_sys::file::set_mode(file.path(), 0o644).map_err(unwritable)?;
            file.persist(place)
                .map_err(|error| unwritable(error.error))?;
            return Ok(());
        }
        let reopen = || -> io::Result<File> {
            let mut file = file.reopen()?;
            file.seek(SeekFrom::Start(0))?;
            Ok(file)
        };
        let upload = Upload {
            size,
            content_type: "application/x-nix-nar",
            content_encoding: Compression::None,
            headers: Vec::new(),
            open: &|| Ok(Box::new(reopen()?)),
        };
        self.client
            .put(&self.url_of(Method::Put, name), &upload)
            .map_err(|error| self.upload_failed(&error))
    }

    /// Signs and writes a narinfo.
    pub(super) fn put_narinfo(&self, mut narinfo: NarInfo) -> Result<(), StoreError> {
        self.sign(&mut narinfo.info);
        let text = narinfo.print(&self.store_dir);
        let hash_part = narinfo.info.path.hash_part().to_owned();
        let name = format!("{hash_part}.narinfo");
        self.put(
            &name,
            text.as_bytes(),
            "text/x-nix-narinfo",
            self.options.narinfo_compression,
        )?;
        if let Some(disk_cache) = self.disk_cache() {
            disk_cache.remember_narinfo(&self.url, &hash_part, Some(&narinfo))?;
        }
        self.note(&hash_part, Some(Arc::new(narinfo)));
        Ok(())
    }

    /// Writes a small file. Files on this machine are not compressed: nobody would undo it.
    pub(super) fn put(
        &self,
        name: &str,
        contents: &[u8],
        content_type: &str,
        compression: Compression,
    ) -> Result<(), StoreError> {
        self.require_uploads(name)?;
        let compression = if self.is_local() {
            Compression::None
        } else {
            compression
        };
        let mut compressor = compression.writer(Vec::new(), None).map_err(unwritable)?;
        compressor.write_all(contents).map_err(unwritable)?;
        let body = compressor.finish().map_err(unwritable)?;
        fault::point("write a file of a cache");
        let upload = Upload {
            size: body.len() as u64,
            content_type,
            content_encoding: compression,
            headers: Vec::new(),
            open: &|| Ok(Box::new(&body[..])),
        };
        self.client
            .put(&self.url_of(Method::Put, name), &upload)
            .map_err(|error| self.upload_failed(&error))
    }

    fn upload_failed(&self, error: &firn_transfer::TransferError) -> StoreError {
        StoreError::other(format!(
            "while uploading to binary cache at '{}': {error}",
            self.url
        ))
    }
}

/// The files below `lib/debug/.build-id` in a listing, with the ids that they are about: of each id
/// the first byte is the name of a folder, the rest that of a file.
fn debug_files(listing: &Value) -> Vec<(String, String)> {
    let entries = |node: &Value| node["entries"].as_object().cloned().unwrap_or_default();
    let is_id = |text: &str, n_digits: usize| {
        let is_digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        text.len() == n_digits && text.bytes().all(is_digit)
    };
    let mut found = Vec::new();
    let folders = ["lib", "debug", ".build-id"]
        .iter()
        .fold(listing, |node, name| &node["entries"][*name]);
    for (folder, node) in entries(folders) {
        for (file, node) in entries(&node) {
            let Some(rest) = file.strip_suffix(".debug") else {
                continue;
            };
            if is_id(&folder, 2) && is_id(rest, 38) && node["type"] == "regular" {
                let member = format!("lib/debug/.build-id/{folder}/{file}");
                found.push((format!("{folder}{rest}"), member));
            }
        }
    }
    found
}

#[allow(
    clippy::needless_pass_by_value,
    reason = "the shape that `map_err` wants"
)]
fn unreadable(error: io::Error) -> StoreError {
    StoreError::other(format!("reading a Nix archive: {error}"))
}

#[allow(
    clippy::needless_pass_by_value,
    reason = "the shape that `map_err` wants"
)]
fn unwritable(error: io::Error) -> StoreError {
    StoreError::other(format!("writing to a binary cache: {error}"))
}

//! `file://` addresses: the same operations on this machine's files.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::os::unix::ffi::OsStringExt as _;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::{TransferError, TransferErrorKind, Upload};

/// The path that a `file://` address means, or `None` for other addresses.
pub(crate) fn path_of(url: &str) -> Option<PathBuf> {
    let rest = url.strip_prefix("file://")?;
    let rest = rest
        .strip_prefix("localhost")
        .filter(|rest| rest.starts_with('/'))
        .unwrap_or(rest);
    let end = rest.find(['?', '#']).unwrap_or(rest.len());
    Some(PathBuf::from(std::ffi::OsString::from_vec(
        crate::url::percent_decode(&rest[..end]),
    )))
}

pub(crate) fn open(url: &str, path: &PathBuf) -> Result<(File, u64), TransferError> {
    let failed = |error: io::Error| TransferError::from_io(url, &error);
    let file = File::open(path).map_err(failed)?;
    let metadata = file.metadata().map_err(failed)?;
    if metadata.is_dir() {
        return Err(TransferError::new(
            url,
            TransferErrorKind::Other,
            "is a directory",
        ));
    }
    Ok((file, metadata.len()))
}

/// Writes a file beside its place and moves it there, so that nobody sees half of it.
pub(crate) fn put(url: &str, path: &PathBuf, upload: &Upload<'_>) -> Result<(), TransferError> {
    static COUNTER: AtomicU64 = AtomicU64::new(0);
    let mut temporary = path.clone().into_os_string();
    temporary.push(format!(
        ".tmp.{}.{}",
        std::process::id(),
        COUNTER.fetch_add(1, Ordering::Relaxed)
    ));
    let temporary = PathBuf::from(temporary);
    let write = || -> io::Result<()> {
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
        }
        let mut body = (upload.open)()?;
        let mut file = File::create_new(&temporary)?;
        let n_bytes = io::copy(&mut body.by_ref().take(upload.size + 1), &mut file)?;
        if n_bytes != upload.size {
            return Err(io::Error::new(
                io::ErrorKind::UnexpectedEof,
                "the size has changed meanwhile",
            ));
        }
        drop(file);
        fs::rename(&temporary, path)
    };
    write().map_err(|error| {
        // The first error is the one to be told; a leftover is harmless.
        let _removed = fs::remove_file(&temporary);
        TransferError {
            is_upload: true,
            ..TransferError::from_io(url, &error)
        }
    })
}

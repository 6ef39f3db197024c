//! Archives of a binary cache, kept in a folder of the user's for looking into objects again.
//!
//! A file is named after the hash of the archive, uncompressed, that it holds; it gets its name
//! once it is complete and found to have that hash. The setting of a store is `local-nar-cache`.

use std::fs::File;
use std::io::{Read, Write as _};
use std::path::{Path, PathBuf};

use firn_hash::Hasher;
use firn_store_model::PathInfo;

use crate::error::{StoreError, path_error};

/// Opens the archive that an info is about, and first fetches it if the folder does not have it.
pub(super) fn open(
    folder: &Path,
    info: &PathInfo,
    fetch: impl FnOnce() -> Result<Box<dyn Read + Send>, StoreError>,
) -> Result<File, StoreError> {
    let file = folder.join(format!("{}.nar", info.nar_hash.to_nix32()));
    let has_size = |file: &File| file.metadata().is_ok_and(|it| it.len() == info.nar_size);
    if let Ok(kept) = File::open(&file)
        && has_size(&kept)
    {
        return Ok(kept);
    }
    std::fs::create_dir_all(folder).map_err(path_error("creating directory", folder))?;
    let mut unfinished = Unfinished(Some(firn_sys::file::sibling_name(&file, ".tmp-")));
    let path = unfinished.0.clone().unwrap_or_default();
    let failed = || path_error("writing", &path);
    let mut output = File::create_new(&path).map_err(failed())?;
    let mut reader = fetch()?;
    let mut hasher = Hasher::new(info.nar_hash.algorithm());
    let mut buffer = vec![0; 256 << 10];
    loop {
        let n_bytes = reader.read(&mut buffer).map_err(failed())?;
        if n_bytes == 0 {
            break;
        }
        hasher.update(&buffer[..n_bytes]);
        output.write_all(&buffer[..n_bytes]).map_err(failed())?;
    }
    let hash = hasher.finish();
    if hash != info.nar_hash {
        return Err(StoreError::other(format!(
            "the archive that was fetched has the hash '{}' instead of '{}'",
            hash.to_sri(),
            info.nar_hash.to_sri()
        )));
    }
    std::fs::rename(&path, &file).map_err(failed())?;
    unfinished.0 = None;
    File::open(&file).map_err(path_error("opening", &file))
}

/// A file that is removed unless it was finished.
struct Unfinished(Option<PathBuf>);

impl Drop for Unfinished {
    fn drop(&mut self) {
        if let Some(path) = &self.0 {
            drop(std::fs::remove_file(path));
        }
    }
}

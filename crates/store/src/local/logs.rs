//! Build logs: `drvs/<first two characters>/<the rest>` below the log directory, named after the
//! derivation, as they are or compressed (`.bz2`).

use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};

use firn_store_model::StorePath;
use firn_sys::file::sibling_name;

use super::{LocalStore, Location};
use crate::error::{StoreError, path_error};
use crate::store::Store as _;

impl LocalStore {
    /// Where the log of a derivation's build goes, without the extension of a compressed one.
    pub fn log_path(&self, drv_path: &StorePath) -> PathBuf {
        self.location.log_path(drv_path)
    }

    pub(super) fn read_build_log(&self, path: &StorePath) -> Result<Option<Vec<u8>>, StoreError> {
        let drv_path = if path.is_derivation() {
            path.clone()
        } else {
            match self
                .query_path_info(path)?
                .and_then(|info| info.deriver.clone())
            {
                Some(deriver) => deriver,
                None => return Ok(None),
            }
        };
        read_log(&self.log_path(&drv_path))
    }

    pub(super) fn write_build_log(
        &self,
        drv_path: &StorePath,
        log: &[u8],
    ) -> Result<(), StoreError> {
        let mut path = self.log_path(drv_path).into_os_string();
        path.push(".bz2");
        let path = PathBuf::from(path);
        if path.exists() {
            return Ok(());
        }
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent).map_err(path_error("creating directory", parent))?;
        }
        let temporary = sibling_name(&path, ".tmp.");
        let written = (|| {
            let file = std::fs::File::create(&temporary)?;
            let mut encoder = bzip2::write::BzEncoder::new(file, bzip2::Compression::best());
            encoder.write_all(log)?;
            drop(encoder.finish()?);
            std::fs::rename(&temporary, &path)
        })();
        written.map_err(path_error("writing", &path))
    }
}

impl Location {
    /// Where the log of a derivation's build goes, without the extension of a compressed one.
    pub fn log_path(&self, drv_path: &StorePath) -> PathBuf {
        let (directory, name) = drv_path.as_str().split_at(2);
        self.log_dir.join("drvs").join(directory).join(name)
    }
}

/// Reads a log, as it is or compressed.
pub(crate) fn read_log(plain: &Path) -> Result<Option<Vec<u8>>, StoreError> {
    match std::fs::read(plain) {
        Ok(log) => return Ok(Some(log)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) => return Err(path_error("reading", plain)(error)),
    }
    let mut compressed = plain.as_os_str().to_owned();
    compressed.push(".bz2");
    let compressed = PathBuf::from(compressed);
    match std::fs::File::open(&compressed) {
        Ok(file) => {
            let mut log = Vec::new();
            // A log that was cut short is still worth reading.
            match bzip2::read::MultiBzDecoder::new(file).read_to_end(&mut log) {
                Err(error) if log.is_empty() => {
                    Err(path_error("decompressing", &compressed)(error))
                }
                _ => Ok(Some(log)),
            }
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(path_error("reading", &compressed)(error)),
    }
}

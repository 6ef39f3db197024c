//! Directories of this machine: the input of the kind `path`.

use std::path::{Path, PathBuf};

use firn_store::tree::LocalTree;

use crate::fetcher::{Found, MAX_WATCHED};
use crate::{FetchError, Fetcher, Input, Result};

impl Fetcher {
    pub(crate) fn fetch_path(&self, input: &Input) -> Result<Found> {
        let place = crate::scheme::path::absolute(input)?;
        let text = place.to_string_lossy();
        let in_store = self.store().store_dir().parse(text.as_bytes()).ok();
        let valid = match in_store {
            Some(path) if path.name() == "source" && self.store().is_valid_path(&path)? => {
                Some(path)
            }
            _ => None,
        };
        let mut input = input.clone();
        let mut watched = Vec::new();
        let path = if let Some(path) = valid {
            self.store().add_temp_roots(std::slice::from_ref(&path))?;
            if input.last_modified().is_none() {
                input.set("lastModified", 0_u64);
            }
            path
        } else {
            let place = self.on_disk(&place);
            if input.last_modified().is_none() {
                let latest = latest_change(&place, &mut watched)
                    .map_err(|it| FetchError::io("getting status of", &place, &it))?;
                input.set("lastModified", latest);
            }
            self.add_tree("source", &LocalTree::new(place))?.0
        };
        let hash = self.hash_of(&path)?;
        Ok(Found {
            input,
            path,
            hash,
            display: None,
            working_tree: None,
            watched: Some(watched).filter(|it| !it.is_empty() && it.len() < MAX_WATCHED),
        })
    }

    /// Where a path really lies: objects of the store may be somewhere else.
    fn on_disk(&self, place: &Path) -> PathBuf {
        let bytes = place.as_os_str().as_encoded_bytes();
        if let Ok((object, rest)) = self.store().store_dir().split(bytes)
            && let Some(physical) = self.store().physical_path(&object)
        {
            let rest = String::from_utf8_lossy(rest).into_owned();
            return physical.join(rest.trim_start_matches('/'));
        }
        place.to_path_buf()
    }
}

/// The latest time at which anything in a tree was changed, in seconds since 1970. Names all that is
/// in it, up to a limit.
fn latest_change(path: &Path, seen: &mut Vec<PathBuf>) -> std::io::Result<u64> {
    use std::os::unix::fs::MetadataExt as _;
    let metadata = std::fs::symlink_metadata(path)?;
    if seen.len() < MAX_WATCHED {
        seen.push(path.to_owned());
    }
    let mut latest = metadata.mtime().max(0).unsigned_abs();
    if metadata.is_dir() {
        for entry in std::fs::read_dir(path)? {
            latest = latest.max(latest_change(&entry?.path(), seen)?);
        }
    }
    Ok(latest)
}

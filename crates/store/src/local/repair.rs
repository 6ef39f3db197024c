//! Making the contents of a damaged path anew from a store that has it.

use std::io;
use std::sync::Arc;

use firn_events::{ActivityGuard, ActivityKind, Level};
use firn_store_model::StorePath;

use super::LocalStore;
use crate::closure::path_info;
use crate::error::StoreError;
use crate::store::Store;
use crate::types::NarOptions;

impl LocalStore {
    /// Replaces a path's contents by those that the first of some stores has; tells whether any
    /// had it. What is registered stays: only contents that have its hash are accepted.
    pub fn repair_from(
        &self,
        path: &StorePath,
        sources: &[Arc<dyn Store>],
    ) -> Result<bool, StoreError> {
        for source in sources {
            if source.store_dir() != self.store_dir() {
                continue;
            }
            match self.repair_from_one(path, source.as_ref()) {
                Ok(true) => return Ok(true),
                Ok(false) => {}
                // Another store may have sound contents.
                Err(error) => self.events().message(Level::Warn, &error.to_string()),
            }
        }
        Ok(false)
    }

    fn repair_from_one(&self, path: &StorePath, source: &dyn Store) -> Result<bool, StoreError> {
        let Some(theirs) = source.query_path_info(path)? else {
            return Ok(false);
        };
        let mut info = (*path_info(self, path)?).clone();
        if info.nar_hash != theirs.nar_hash {
            return Ok(false);
        }
        info.info.nar_size = theirs.nar_size;
        let (mut reader, mut writer) = io::pipe().map_err(|error| StoreError::Io {
            operation: "making a pipe for",
            path: self.url(),
            source: error,
        })?;
        let options = NarOptions {
            repair: true,
            check_signatures: false,
        };
        let shown = self.store_dir().print(path);
        let url = source.url();
        let _activity = ActivityGuard::start(
            self.events(),
            None,
            Level::Info,
            format!("copying path '{shown}' from '{url}'"),
            ActivityKind::CopyPath {
                path: shown.into_bytes(),
                from: url,
                to: self.url(),
            },
        );
        std::thread::scope(|scope| {
            let sender = scope.spawn(move || source.nar_from_path(path, &mut writer));
            let added = self.add_nar(&info, &mut reader, options);
            // A sender must not wait for a reader that has given up.
            drop(reader);
            let sent = sender.join().unwrap_or_else(|_| {
                Err(StoreError::other(
                    "reading from a store failed unexpectedly",
                ))
            });
            // The reader's error says more than the broken pipe that follows from it.
            added.and(sent)
        })?;
        Ok(true)
    }
}

//! The database of valid paths.
//!
//! One connection behind a lock: statements take microseconds, and SQLite itself admits one writer
//! at a time. Every write is one transaction, begun as a writing one (a transaction that turns
//! from reading to writing can fail at that moment for no better reason than bad luck).
//!
//! What must hold: a path is registered in the same transaction as its references, which must be
//! valid; so the valid paths are closed under reference at every instant, and after every crash.

mod paths;
mod realisations;
mod register;
pub(crate) mod schema;

use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use firn_store_model::{StoreDir, StorePath};
use rusqlite::{Connection, TransactionBehavior};

pub(crate) use paths::Graph;
pub(crate) use register::Registration;
use schema::{DbOptions, OpenMode};

use crate::error::{StoreError, db_error};
use crate::fault;

/// An open database.
pub(crate) struct Database {
    connection: Mutex<Connection>,
    store_dir: StoreDir,
}

impl Database {
    /// Opens a database whose schema is current, and applies recorded migrations.
    pub(crate) fn open(
        path: &Path,
        mode: OpenMode,
        options: DbOptions,
        store_dir: StoreDir,
    ) -> Result<Self, StoreError> {
        fault::point("db: open");
        let mut connection = schema::open(path, mode, options)?;
        if mode != OpenMode::Immutable {
            fault::point("db: migrate");
            schema::apply_migrations(&mut connection, options)?;
        }
        Ok(Self {
            connection: Mutex::new(connection),
            store_dir,
        })
    }

    fn lock(&self) -> MutexGuard<'_, Connection> {
        // A panic elsewhere rolled its transaction back; the connection itself is sound.
        self.connection
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs `work` in one transaction.
    fn write<T>(
        &self,
        operation: &'static str,
        work: impl FnOnce(&Connection) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let mut connection = self.lock();
        let transaction = connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(db_error(operation))?;
        let result = work(&transaction)?;
        fault::point("db: commit");
        transaction.commit().map_err(db_error(operation))?;
        fault::point("db: committed");
        Ok(result)
    }

    /// The text of a path in the database.
    fn text(&self, path: &StorePath) -> String {
        self.store_dir.print(path)
    }

    fn parse(&self, text: &str) -> Result<StorePath, StoreError> {
        self.store_dir.parse(text).map_err(StoreError::format)
    }

    fn parse_all(
        &self,
        texts: impl IntoIterator<Item = rusqlite::Result<String>>,
        operation: &'static str,
    ) -> Result<std::collections::BTreeSet<StorePath>, StoreError> {
        texts
            .into_iter()
            .map(|text| self.parse(&text.map_err(db_error(operation))?))
            .collect()
    }

    /// Rewrites the file without its free pages.
    pub(crate) fn vacuum(&self) -> Result<(), StoreError> {
        self.lock()
            .execute_batch("vacuum")
            .map_err(db_error("vacuuming the database"))
    }
}

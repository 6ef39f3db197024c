//! What fetching found out, remembered between runs: for a key (a domain and attributes) some
//! attributes and when they were noted. A damaged or unwritable cache is no error; everything is
//! then found out anew.

use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rusqlite::{Connection, OptionalExtension as _};

use crate::attrs::{self, Attrs};

const SCHEMA: &str = "create table if not exists Cache (
    domain text not null, key text not null, value text not null, timestamp integer not null,
    primary key (domain, key))";

/// The cache's file in the directory of caches.
const FILE: &str = "fetcher-cache-firn-v1.sqlite";

/// What is remembered.
pub(crate) struct Cache {
    connection: Mutex<Option<Connection>>,
}

/// Something remembered, and its age in seconds.
pub(crate) struct Entry {
    pub(crate) attrs: Attrs,
    pub(crate) age: u64,
}

impl Cache {
    pub(crate) fn open(directory: &Path) -> Self {
        let open = || -> Option<Connection> {
            std::fs::create_dir_all(directory).ok()?;
            let connection = Connection::open(directory.join(FILE)).ok()?;
            connection.busy_timeout(Duration::from_secs(10)).ok()?;
            // What is lost in a crash is fetched again.
            connection.pragma_update(None, "journal_mode", "wal").ok()?;
            connection.pragma_update(None, "synchronous", "off").ok()?;
            connection.execute(SCHEMA, []).ok()?;
            Some(connection)
        };
        Self {
            connection: Mutex::new(open()),
        }
    }

    pub(crate) fn get(&self, domain: &str, key: &Attrs) -> Option<Entry> {
        let guard = self
            .connection
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let connection = guard.as_ref()?;
        let mut statement = connection
            .prepare_cached("select value, timestamp from Cache where domain = ? and key = ?")
            .ok()?;
        let row: Option<(String, i64)> = statement
            .query_row((domain, attrs::show(key)), |row| {
                Ok((row.get(0)?, row.get(1)?))
            })
            .optional()
            .ok()?;
        let (value, timestamp) = row?;
        let value = serde_json::from_str(&value).ok()?;
        Some(Entry {
            attrs: attrs::from_json(&value).ok()?,
            age: now().saturating_sub(timestamp.max(0).unsigned_abs()),
        })
    }

    pub(crate) fn put(&self, domain: &str, key: &Attrs, value: &Attrs) {
        let guard = self
            .connection
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let Some(connection) = guard.as_ref() else {
            return;
        };
        // Not to remember costs time, nothing else.
        connection
            .execute(
                "insert or replace into Cache(domain, key, value, timestamp) values (?, ?, ?, ?)",
                (domain, attrs::show(key), attrs::show(value), now() as i64),
            )
            .ok();
    }
}

/// Seconds since 1970.
pub(crate) fn now() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |it| it.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_noted_is_found_again() {
        let dir = tempfile::tempdir().expect("a directory");
        let key = Attrs::from([("url".to_owned(), "x".into())]);
        let value = Attrs::from([
            ("n".to_owned(), 7_u64.into()),
            ("b".to_owned(), true.into()),
        ]);
        Cache::open(dir.path()).put("d", &key, &value);
        let cache = Cache::open(dir.path());
        assert_eq!(cache.get("d", &key).map(|it| it.attrs), Some(value));
        assert!(cache.get("e", &key).is_none());
    }
}

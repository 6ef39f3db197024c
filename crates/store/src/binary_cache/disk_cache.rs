//! What binary caches said in earlier runs, absences included: a small database that the
//! reference shares (`binary-cache-v7.sqlite`), with its tables and its rules for age.
//!
//! It is a cache and nothing else: it is not synced, a damaged one is thrown away, and whatever
//! cannot be read from it is asked for again.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use firn_hash::Hash;
use firn_store_model::{
    CacheInfo, ContentAddress, NarInfo, PathInfo, Signature, StoreDir, StorePath, ValidPathInfo,
};
use rusqlite::{Connection, ErrorCode, OptionalExtension as _, Row, params};

use crate::error::StoreError;

const SCHEMA: &str = "
    create table if not exists BinaryCaches (
        id integer primary key autoincrement not null,
        url text unique not null,
        timestamp integer not null,
        storeDir text not null,
        wantMassQuery integer not null,
        priority integer not null
    );
    create table if not exists NARs (
        cache integer not null,
        hashPart text not null,
        namePart text,
        url text,
        compression text,
        fileHash text,
        fileSize integer,
        narHash text,
        narSize integer,
        refs text,
        deriver text,
        sigs text,
        ca text,
        timestamp integer not null,
        present integer not null,
        primary key (cache, hashPart),
        foreign key (cache) references BinaryCaches(id) on delete cascade
    );
    create table if not exists Realisations (
        cache integer not null,
        outputId text not null,
        content blob,
        timestamp integer not null,
        primary key (cache, outputId),
        foreign key (cache) references BinaryCaches(id) on delete cascade
    );
    create table if not exists LastPurge (
        dummy text primary key,
        value integer
    );
";

/// How often what is too old is removed.
const PURGE_INTERVAL: i64 = 24 * 3600;

/// How old what is there may become before it is removed, whatever the settings say.
const MIN_POSITIVE_AGE: i64 = 30 * 24 * 3600;

/// The same for absences.
const MIN_NEGATIVE_AGE: i64 = 3600;

/// How long answers are good.
#[derive(Clone, Copy, Debug)]
pub struct DiskCacheOptions {
    /// `narinfo-cache-positive-ttl`: that a cache has a path.
    pub positive_ttl: Duration,
    /// `narinfo-cache-negative-ttl`: that it does not.
    pub negative_ttl: Duration,
    /// What a cache says of itself.
    pub meta_ttl: Duration,
}

impl Default for DiskCacheOptions {
    fn default() -> DiskCacheOptions {
        DiskCacheOptions {
            positive_ttl: Duration::from_hours(30 * 24),
            negative_ttl: Duration::from_hours(1),
            meta_ttl: Duration::from_hours(7 * 24),
        }
    }
}

/// What is remembered about a digest or an output.
pub(super) enum Remembered<T> {
    /// Nothing, or nothing lately.
    Nothing,
    /// The cache did not have it.
    Absent,
    /// The cache had it.
    Present(T),
}

/// Remembers what binary caches said.
pub struct NarInfoDiskCache {
    connection: Mutex<Connection>,
    options: DiskCacheOptions,
    path: PathBuf,
}

impl NarInfoDiskCache {
    /// Opens the database at `path`, making it if there is none, and anew if it is damaged.
    pub fn open(path: &Path, options: DiskCacheOptions) -> Result<NarInfoDiskCache, StoreError> {
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent).map_err(|error| {
                crate::error::io_error("creating", parent.display().to_string(), error)
            })?;
        }
        let connection = match connect(path, options) {
            Err(error) if is_damage(&error) => {
                std::fs::remove_file(path).map_err(|error| {
                    crate::error::io_error("removing", path.display().to_string(), error)
                })?;
                connect(path, options)
            }
            result => result,
        };
        let connection = connection.map_err(database_error)?;
        Ok(NarInfoDiskCache {
            connection: Mutex::new(connection),
            options,
            path: path.to_owned(),
        })
    }

    /// Where the database is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What a cache said of itself, if that is not too long ago.
    pub(super) fn cache_info(
        &self,
        url: &str,
        store_dir: &StoreDir,
    ) -> Result<Option<CacheInfo>, StoreError> {
        let oldest = now() - seconds(self.options.meta_ttl);
        self.connection()
            .prepare_cached(
                "select storeDir, wantMassQuery, priority from BinaryCaches where url = ? and timestamp > ?",
            )
            .and_then(|mut statement| {
                statement
                    .query_row(params![url, oldest], |row| {
                        Ok(CacheInfo {
                            store_dir: Some(row.get(0)?),
                            want_mass_query: Some(row.get::<_, i64>(1)? != 0),
                            priority: Some(row.get(2)?),
                        })
                    })
                    .optional()
            })
            .map(|found| found.filter(|info| info.store_dir.as_deref() == Some(store_dir.as_str())))
            .map_err(database_error)
    }

    /// Keeps what a cache said of itself.
    pub(super) fn remember_cache(
        &self,
        url: &str,
        store_dir: &StoreDir,
        info: &CacheInfo,
    ) -> Result<(), StoreError> {
        self.connection()
            .execute(
                "insert into BinaryCaches(url, timestamp, storeDir, wantMassQuery, priority) \
                 values (?1, ?2, ?3, ?4, ?5) on conflict (url) do update \
                 set timestamp = ?2, storeDir = ?3, wantMassQuery = ?4, priority = ?5",
                params![
                    url,
                    now(),
                    store_dir.as_str(),
                    info.want_mass_query.unwrap_or(false),
                    info.priority.unwrap_or(50)
                ],
            )
            .map(drop)
            .map_err(database_error)
    }

    /// What a cache said of a digest.
    pub(super) fn narinfo(
        &self,
        url: &str,
        hash_part: &str,
    ) -> Result<Remembered<Box<NarInfo>>, StoreError> {
        let now = now();
        let found = self
            .connection()
            .prepare_cached(
                "select present, namePart, NARs.url, compression, fileHash, fileSize, narHash, narSize, refs, \
                 deriver, sigs, ca from NARs join BinaryCaches on cache = BinaryCaches.id \
                 where BinaryCaches.url = ? and hashPart = ? \
                 and ((present = 0 and NARs.timestamp > ?) or (present = 1 and NARs.timestamp > ?))",
            )
            .and_then(|mut statement| {
                let times = (
                    now - seconds(self.options.negative_ttl),
                    now - seconds(self.options.positive_ttl),
                );
                statement
                    .query_row(params![url, hash_part, times.0, times.1], |row| {
                        if row.get::<_, i64>(0)? == 0 {
                            return Ok(Remembered::Absent);
                        }
                        // A row that makes no sense is as good as none.
                        let narinfo = narinfo_of_row(hash_part, row)?;
                        Ok(narinfo.map_or(Remembered::Nothing, |narinfo| Remembered::Present(Box::new(narinfo))))
                    })
                    .optional()
            })
            .map_err(database_error)?;
        Ok(found.unwrap_or(Remembered::Nothing))
    }

    /// Keeps what a cache said of a digest.
    pub(super) fn remember_narinfo(
        &self,
        url: &str,
        hash_part: &str,
        narinfo: Option<&NarInfo>,
    ) -> Result<(), StoreError> {
        let connection = self.connection();
        let result = match narinfo {
            None => connection
                .prepare_cached(
                    "insert or replace into NARs(cache, hashPart, timestamp, present) \
                     select id, ?2, ?3, 0 from BinaryCaches where url = ?1",
                )
                .and_then(|mut statement| statement.execute(params![url, hash_part, now()])),
            Some(narinfo) => connection
                .prepare_cached(
                    "insert or replace into NARs(cache, hashPart, namePart, url, compression, fileHash, fileSize, \
                     narHash, narSize, refs, deriver, sigs, ca, timestamp, present) \
                     select id, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, 1 \
                     from BinaryCaches where url = ?1",
                )
                .and_then(|mut statement| {
                    let info = &narinfo.info;
                    let references: Vec<&str> = info.references.iter().map(StorePath::as_str).collect();
                    let signatures: Vec<String> = info.signatures.iter().map(Signature::to_string).collect();
                    statement.execute(params![
                        url,
                        hash_part,
                        info.path.name(),
                        narinfo.url,
                        narinfo.compression,
                        narinfo.file_hash.map(|hash| hash.to_string()),
                        (narinfo.file_size != 0).then_some(narinfo.file_size as i64),
                        info.nar_hash.to_string(),
                        info.nar_size as i64,
                        references.join(" "),
                        info.deriver.as_ref().map(StorePath::as_str),
                        signatures.join(" "),
                        info.content_address.map(|address| address.to_string()).unwrap_or_default(),
                        now()
                    ])
                }),
        };
        result.map(drop).map_err(database_error)
    }

    /// What a cache said of an output: the text of the realisation.
    pub(super) fn realisation(
        &self,
        url: &str,
        output: &str,
    ) -> Result<Remembered<Vec<u8>>, StoreError> {
        let now = now();
        self.connection()
            .prepare_cached(
                "select content from Realisations join BinaryCaches on cache = BinaryCaches.id \
                 where url = ? and outputId = ? \
                 and Realisations.timestamp > iif(content is null, ?, ?)",
            )
            .and_then(|mut statement| {
                let times = (
                    now - seconds(self.options.negative_ttl),
                    now - seconds(self.options.positive_ttl),
                );
                statement
                    .query_row(params![url, output, times.0, times.1], |row| {
                        row.get::<_, Option<String>>(0)
                    })
                    .optional()
            })
            .map(|found| match found {
                None => Remembered::Nothing,
                Some(None) => Remembered::Absent,
                Some(Some(text)) => Remembered::Present(text.into_bytes()),
            })
            .map_err(database_error)
    }

    /// Keeps what a cache said of an output.
    pub(super) fn remember_realisation(
        &self,
        url: &str,
        output: &str,
        text: Option<&[u8]>,
    ) -> Result<(), StoreError> {
        let text = text.map(String::from_utf8_lossy);
        self.connection()
            .prepare_cached(
                "insert or replace into Realisations(cache, outputId, content, timestamp) \
                 select id, ?2, ?3, ?4 from BinaryCaches where url = ?1",
            )
            .and_then(|mut statement| statement.execute(params![url, output, text, now()]))
            .map(drop)
            .map_err(database_error)
    }

    fn connection(&self) -> MutexGuard<'_, Connection> {
        self.connection
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// The row as a narinfo, or `None` if it makes no sense.
fn narinfo_of_row(hash_part: &str, row: &Row<'_>) -> rusqlite::Result<Option<NarInfo>> {
    let number = |idx: usize| -> rusqlite::Result<u64> {
        Ok(row
            .get::<_, Option<i64>>(idx)?
            .and_then(|number| u64::try_from(number).ok())
            .unwrap_or(0))
    };
    let mut texts: [String; 12] = Default::default();
    for idx in [1, 2, 3, 4, 6, 8, 9, 10, 11] {
        texts[idx] = row.get::<_, Option<String>>(idx)?.unwrap_or_default();
    }
    let [
        _,
        name,
        url,
        compression,
        file_hash,
        _,
        nar_hash,
        _,
        references,
        deriver,
        signatures,
        address,
    ] = texts;
    let parse_info = || -> Option<ValidPathInfo> {
        let mut info = PathInfo::new(Hash::parse_prefixed(&nar_hash).ok()?, 0);
        for reference in references.split_whitespace() {
            info.references.insert(StorePath::parse(reference).ok()?);
        }
        if !deriver.is_empty() {
            info.deriver = Some(StorePath::parse(&deriver).ok()?);
        }
        for signature in signatures.split_whitespace() {
            info.signatures.insert(Signature::parse(signature).ok()?);
        }
        info.content_address = ContentAddress::parse_optional(&address).ok()?;
        Some(ValidPathInfo {
            path: StorePath::parse(format!("{hash_part}-{name}")).ok()?,
            info,
        })
    };
    let Some(mut info) = parse_info() else {
        return Ok(None);
    };
    info.nar_size = number(7)?;
    let file_hash = Hash::parse_prefixed(&file_hash).ok();
    Ok(Some(NarInfo {
        info,
        url,
        compression,
        file_hash,
        file_size: number(5)?,
    }))
}

fn connect(path: &Path, options: DiskCacheOptions) -> rusqlite::Result<Connection> {
    let connection = Connection::open(path)?;
    connection.busy_timeout(Duration::from_secs(10))?;
    connection.pragma_update(None, "synchronous", "off")?;
    connection.pragma_update(None, "journal_mode", "truncate")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.execute_batch(SCHEMA)?;
    purge(&connection, options)?;
    Ok(connection)
}

/// Now and then removes what is too old to be of use.
fn purge(connection: &Connection, options: DiskCacheOptions) -> rusqlite::Result<()> {
    let now = now();
    let last: Option<i64> = connection
        .query_row("select value from LastPurge", [], |row| row.get(0))
        .optional()?;
    if last.is_some_and(|last| last >= now - PURGE_INTERVAL) {
        return Ok(());
    }
    connection.execute(
        "delete from NARs where (present = 0 and timestamp < ?) or (present = 1 and timestamp < ?)",
        params![
            now - seconds(options.negative_ttl).max(MIN_NEGATIVE_AGE),
            now - seconds(options.positive_ttl).max(MIN_POSITIVE_AGE)
        ],
    )?;
    connection.execute(
        "insert or replace into LastPurge(dummy, value) values ('', ?)",
        params![now],
    )?;
    Ok(())
}

fn is_damage(error: &rusqlite::Error) -> bool {
    matches!(
        error.sqlite_error_code(),
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase)
    )
}

fn database_error(source: rusqlite::Error) -> StoreError {
    StoreError::Database {
        operation: "using the cache of narinfo files",
        source,
    }
}

fn seconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_secs()).unwrap_or(i64::MAX / 2)
}

fn now() -> i64 {
    SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .map_or(0, |elapsed| {
            i64::try_from(elapsed.as_secs()).unwrap_or(i64::MAX / 2)
        })
}

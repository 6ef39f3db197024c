//! Questions about valid paths, and their removal.

use std::collections::{BTreeMap, BTreeSet};

use firn_hash::Hash;
use firn_store_model::{ContentAddress, OutputName, PathInfo, Signature, StorePath, ValidPathInfo};
use rusqlite::{Connection, OptionalExtension as _, Row};

use super::Database;
use crate::error::{StoreError, db_error};
use crate::fault;

const QUERYING: &str = "querying the database";

impl Database {
    pub(crate) fn path_info(&self, path: &StorePath) -> Result<Option<ValidPathInfo>, StoreError> {
        let connection = self.lock();
        self.path_info_in(&connection, path)
    }

    pub(super) fn path_info_in(
        &self,
        connection: &Connection,
        path: &StorePath,
    ) -> Result<Option<ValidPathInfo>, StoreError> {
        let mut statement = connection
            .prepare_cached(
                "select id, hash, registrationTime, deriver, narSize, ultimate, sigs, ca \
                 from ValidPaths where path = ?1",
            )
            .map_err(db_error(QUERYING))?;
        let row = statement
            .query_row([self.text(path)], InfoRow::read)
            .optional()
            .map_err(db_error(QUERYING))?;
        let Some(row) = row else { return Ok(None) };
        let mut references = connection
            .prepare_cached(
                "select path from Refs join ValidPaths on reference = id where referrer = ?1",
            )
            .map_err(db_error(QUERYING))?;
        let texts = references
            .query_map([row.id], |row| row.get(0))
            .map_err(db_error(QUERYING))?;
        let mut info = self.decode(path, row)?;
        info.info.references = self.parse_all(texts, QUERYING)?;
        Ok(Some(info))
    }

    fn decode(&self, path: &StorePath, row: InfoRow) -> Result<ValidPathInfo, StoreError> {
        let damaged = |what: &dyn std::fmt::Display| {
            StoreError::format(format!(
                "invalid-path entry for '{}': {what}",
                self.text(path)
            ))
        };
        let hash = Hash::parse_prefixed(&row.hash).map_err(|error| damaged(&error))?;
        let mut info = PathInfo::new(hash, row.nar_size.unwrap_or(0) as u64);
        info.registration_time = row.registration_time as u64;
        info.deriver = match row.deriver.filter(|deriver| !deriver.is_empty()) {
            Some(deriver) => Some(self.parse(&deriver)?),
            None => None,
        };
        info.ultimate = row.ultimate == Some(1);
        info.signatures = parse_signatures(row.signatures.as_deref())?;
        info.content_address =
            ContentAddress::parse_optional(row.content_address.as_deref().unwrap_or_default())
                .map_err(|error| damaged(&error))?;
        Ok(ValidPathInfo {
            path: path.clone(),
            info,
        })
    }

    pub(crate) fn is_valid(&self, path: &StorePath) -> Result<bool, StoreError> {
        let connection = self.lock();
        Ok(self.id_of(&connection, path)?.is_some())
    }

    pub(super) fn id_of(
        &self,
        connection: &Connection,
        path: &StorePath,
    ) -> Result<Option<i64>, StoreError> {
        connection
            .prepare_cached("select id from ValidPaths where path = ?1")
            .and_then(|mut statement| {
                statement
                    .query_row([self.text(path)], |row| row.get(0))
                    .optional()
            })
            .map_err(db_error(QUERYING))
    }

    pub(crate) fn valid_among<'a>(
        &self,
        paths: impl IntoIterator<Item = &'a StorePath>,
    ) -> Result<BTreeSet<StorePath>, StoreError> {
        let connection = self.lock();
        let mut valid = BTreeSet::new();
        for path in paths {
            if self.id_of(&connection, path)?.is_some() {
                valid.insert(path.clone());
            }
        }
        Ok(valid)
    }

    pub(crate) fn all_valid(&self) -> Result<BTreeSet<StorePath>, StoreError> {
        self.path_set("select path from ValidPaths", [])
    }

    pub(crate) fn referrers(&self, path: &StorePath) -> Result<BTreeSet<StorePath>, StoreError> {
        self.path_set(
            "select path from Refs join ValidPaths on referrer = id \
             where reference = (select id from ValidPaths where path = ?1)",
            [self.text(path)],
        )
    }

    pub(crate) fn valid_derivers(
        &self,
        path: &StorePath,
    ) -> Result<BTreeSet<StorePath>, StoreError> {
        self.path_set(
            "select v.path from DerivationOutputs d join ValidPaths v on d.drv = v.id \
             where d.path = ?1",
            [self.text(path)],
        )
    }

    fn path_set(
        &self,
        sql: &str,
        parameters: impl rusqlite::Params,
    ) -> Result<BTreeSet<StorePath>, StoreError> {
        let connection = self.lock();
        let mut statement = connection.prepare_cached(sql).map_err(db_error(QUERYING))?;
        let texts = statement
            .query_map(parameters, |row| row.get::<_, String>(0))
            .map_err(db_error(QUERYING))?;
        self.parse_all(texts, QUERYING)
    }

    /// The first path not before `<store dir>/<hash part>`, if it has that hash part.
    pub(crate) fn path_from_hash_part(
        &self,
        hash_part: &str,
    ) -> Result<Option<StorePath>, StoreError> {
        let prefix = format!("{}/{hash_part}", self.store_dir.as_str());
        let connection = self.lock();
        let text: Option<String> = connection
            .prepare_cached("select path from ValidPaths where path >= ?1 limit 1")
            .and_then(|mut statement| statement.query_row([&prefix], |row| row.get(0)).optional())
            .map_err(db_error(QUERYING))?;
        match text.filter(|text| text.starts_with(&prefix)) {
            Some(text) => self.parse(&text).map(Some),
            None => Ok(None),
        }
    }

    /// Output paths that were registered with a derivation.
    pub(crate) fn derivation_outputs(
        &self,
        drv_path: &StorePath,
    ) -> Result<BTreeMap<OutputName, StorePath>, StoreError> {
        let connection = self.lock();
        let Some(id) = self.id_of(&connection, drv_path)? else {
            return Err(StoreError::InvalidPath {
                path: self.text(drv_path),
            });
        };
        let mut statement = connection
            .prepare_cached("select id, path from DerivationOutputs where drv = ?1")
            .map_err(db_error(QUERYING))?;
        let rows = statement
            .query_map([id], |row| {
                Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?))
            })
            .map_err(db_error(QUERYING))?;
        rows.map(|row| {
            let (name, path) = row.map_err(db_error(QUERYING))?;
            Ok((
                OutputName::parse(&name).map_err(StoreError::format)?,
                self.parse(&path)?,
            ))
        })
        .collect()
    }

    /// Removes a path if it is valid and nothing but itself refers to it.
    pub(crate) fn invalidate_checked(&self, path: &StorePath) -> Result<(), StoreError> {
        let mut referrers = self.referrers(path)?;
        referrers.remove(path);
        if !referrers.is_empty() {
            return Err(StoreError::PathInUse {
                path: self.text(path),
                referrers: referrers.iter().map(|path| self.text(path)).collect(),
            });
        }
        let in_use = self.invalidate_unused(std::slice::from_ref(path))?;
        match in_use.into_iter().next() {
            None => Ok(()),
            Some(path) => {
                let referrers = self.referrers(&path)?;
                let referrers = referrers.iter().map(|path| self.text(path)).collect();
                Err(StoreError::PathInUse {
                    path: self.text(&path),
                    referrers,
                })
            }
        }
    }

    /// Forgets paths in one transaction; every referrer comes before what it refers to. Paths
    /// that something else still refers to stay, and are returned.
    pub(crate) fn invalidate_unused(
        &self,
        paths: &[StorePath],
    ) -> Result<BTreeSet<StorePath>, StoreError> {
        let operation = "invalidating a path";
        self.write(operation, |connection| {
            let mut in_use = BTreeSet::new();
            let mut delete = connection
                .prepare_cached("delete from ValidPaths where path = ?1")
                .map_err(db_error(operation))?;
            for path in paths {
                fault::point("db: invalidate");
                match delete.execute([self.text(path)]) {
                    Ok(_) => {}
                    // The failed statement changed nothing; the transaction goes on.
                    Err(rusqlite::Error::SqliteFailure(error, _))
                        if error.code == rusqlite::ErrorCode::ConstraintViolation =>
                    {
                        in_use.insert(path.clone());
                    }
                    Err(error) => return Err(db_error(operation)(error)),
                }
            }
            Ok(in_use)
        })
    }

    /// Everything the collector needs, in one consistent picture.
    pub(crate) fn graph(&self) -> Result<Graph, StoreError> {
        let mut connection = self.lock();
        let transaction = connection.transaction().map_err(db_error(QUERYING))?;
        let mut graph = Graph::default();
        {
            let mut statement = transaction
                .prepare("select id, path, deriver, narSize from ValidPaths")
                .map_err(db_error(QUERYING))?;
            let mut rows = statement.query([]).map_err(db_error(QUERYING))?;
            while let Some(row) = rows.next().map_err(db_error(QUERYING))? {
                let (id, path, deriver, size): (i64, String, Option<String>, Option<i64>) =
                    (|| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)))()
                        .map_err(db_error(QUERYING))?;
                graph.nodes.push(GraphNode {
                    id,
                    path: self.parse(&path)?,
                    deriver: match deriver.filter(|deriver| !deriver.is_empty()) {
                        Some(deriver) => Some(self.parse(&deriver)?),
                        None => None,
                    },
                    nar_size: size.unwrap_or(0) as u64,
                });
            }
            graph.references = pairs(&transaction, "select referrer, reference from Refs")?;
            let mut statement = transaction
                .prepare("select drv, path from DerivationOutputs")
                .map_err(db_error(QUERYING))?;
            let mut rows = statement.query([]).map_err(db_error(QUERYING))?;
            while let Some(row) = rows.next().map_err(db_error(QUERYING))? {
                let drv: i64 = row.get(0).map_err(db_error(QUERYING))?;
                let path: String = row.get(1).map_err(db_error(QUERYING))?;
                graph.outputs.push((drv, self.parse(&path)?));
            }
        }
        transaction.finish().map_err(db_error(QUERYING))?;
        Ok(graph)
    }
}

fn pairs(connection: &Connection, sql: &str) -> Result<Vec<(i64, i64)>, StoreError> {
    let mut statement = connection.prepare(sql).map_err(db_error(QUERYING))?;
    let rows = statement
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))
        .map_err(db_error(QUERYING))?;
    rows.collect::<Result<_, _>>().map_err(db_error(QUERYING))
}

pub(super) fn parse_signatures(text: Option<&str>) -> Result<BTreeSet<Signature>, StoreError> {
    text.unwrap_or_default()
        .split_ascii_whitespace()
        .map(|text| Signature::parse(text).map_err(StoreError::format))
        .collect()
}

/// The valid paths and what connects them, by the numbers of the database.
#[derive(Debug, Default)]
pub(crate) struct Graph {
    pub(crate) nodes: Vec<GraphNode>,
    /// (referrer, reference).
    pub(crate) references: Vec<(i64, i64)>,
    /// (derivation, output path), valid or not.
    pub(crate) outputs: Vec<(i64, StorePath)>,
}

/// A valid path.
#[derive(Debug)]
pub(crate) struct GraphNode {
    pub(crate) id: i64,
    pub(crate) path: StorePath,
    pub(crate) deriver: Option<StorePath>,
    pub(crate) nar_size: u64,
}

struct InfoRow {
    id: i64,
    hash: String,
    registration_time: i64,
    deriver: Option<String>,
    nar_size: Option<i64>,
    ultimate: Option<i64>,
    signatures: Option<String>,
    content_address: Option<String>,
}

impl InfoRow {
    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            id: row.get(0)?,
            hash: row.get(1)?,
            registration_time: row.get(2)?,
            deriver: row.get(3)?,
            nar_size: row.get(4)?,
            ultimate: row.get(5)?,
            signatures: row.get(6)?,
            content_address: row.get(7)?,
        })
    }
}

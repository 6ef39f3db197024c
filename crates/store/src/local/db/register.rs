//! Registration: how paths become valid.
//!
//! All paths of one call become valid together or not at all. Each reference must be valid before
//! or be among them, and they may not refer to each other in a circle (to itself, a path may).

use std::collections::HashMap;

use firn_hash::HashFormat;
use firn_store_model::{OutputName, StorePath, ValidPathInfo};
use rusqlite::{Connection, params};

use super::Database;
use crate::error::{StoreError, db_error};
use crate::fault;

const REGISTERING: &str = "registering a valid path";

/// A path about to become valid.
#[derive(Clone, Debug)]
pub(crate) struct Registration {
    pub(crate) info: ValidPathInfo,
    /// For a derivation: its outputs whose paths are known.
    pub(crate) outputs: Vec<(OutputName, StorePath)>,
}

impl Database {
    /// Makes paths valid, or updates what is known of those that are.
    pub(crate) fn register(&self, registrations: &[Registration]) -> Result<(), StoreError> {
        self.check_acyclic(registrations)?;
        let now = std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .map_or(0, |elapsed| elapsed.as_secs());
        self.write(REGISTERING, |connection| {
            let mut ids: HashMap<&StorePath, i64> = HashMap::with_capacity(registrations.len() * 2);
            for registration in registrations {
                let path = &registration.info.path;
                fault::point("db: insert path");
                let id = match self.id_of(connection, path)? {
                    Some(id) => {
                        self.update_info(connection, &registration.info)?;
                        id
                    }
                    None => self.insert(connection, registration, now)?,
                };
                ids.insert(path, id);
            }
            let mut insert = connection
                .prepare_cached("insert or replace into Refs (referrer, reference) values (?1, ?2)")
                .map_err(db_error(REGISTERING))?;
            for registration in registrations {
                let referrer = ids[&registration.info.path];
                fault::point("db: insert references");
                for reference in &registration.info.references {
                    let id = if let Some(id) = ids.get(reference) {
                        *id
                    } else {
                        let id = self.id_of(connection, reference)?.ok_or_else(|| {
                            StoreError::InvalidPath {
                                path: self.text(reference),
                            }
                        })?;
                        ids.insert(reference, id);
                        id
                    };
                    insert
                        .execute([referrer, id])
                        .map_err(db_error(REGISTERING))?;
                }
            }
            Ok(())
        })
    }

    fn insert(
        &self,
        connection: &Connection,
        registration: &Registration,
        now: u64,
    ) -> Result<i64, StoreError> {
        let info = &registration.info;
        let time = if info.registration_time == 0 {
            now
        } else {
            info.registration_time
        };
        connection
            .prepare_cached(
                "insert into ValidPaths \
                 (path, hash, registrationTime, deriver, narSize, ultimate, sigs, ca) \
                 values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
            )
            .and_then(|mut statement| {
                statement.execute(params![
                    self.text(&info.path),
                    info.nar_hash.format(HashFormat::Base16, true),
                    time as i64,
                    info.deriver.as_ref().map(|deriver| self.text(deriver)),
                    (info.nar_size != 0).then_some(info.nar_size as i64),
                    info.ultimate.then_some(1_i64),
                    signature_text(info),
                    info.content_address.as_ref().map(ToString::to_string),
                ])
            })
            .map_err(db_error(REGISTERING))?;
        let id = connection.last_insert_rowid();
        for (name, path) in &registration.outputs {
            connection
                .prepare_cached(
                    "insert or replace into DerivationOutputs (drv, id, path) values (?1, ?2, ?3)",
                )
                .and_then(|mut statement| {
                    statement.execute(params![id, name.as_str(), self.text(path)])
                })
                .map_err(db_error(REGISTERING))?;
        }
        Ok(id)
    }

    /// Adds an output that became known after its derivation was registered.
    pub(crate) fn register_output(
        &self,
        drv_path: &StorePath,
        name: &OutputName,
        output: &StorePath,
    ) -> Result<(), StoreError> {
        self.write(REGISTERING, |connection| {
            let id = self
                .id_of(connection, drv_path)?
                .ok_or_else(|| StoreError::InvalidPath {
                    path: self.text(drv_path),
                })?;
            connection
                .execute(
                    "insert or replace into DerivationOutputs (drv, id, path) values (?1, ?2, ?3)",
                    params![id, name.as_str(), self.text(output)],
                )
                .map_err(db_error(REGISTERING))?;
            Ok(())
        })
    }

    /// Replaces what is known of a valid path, apart from its references and deriver.
    pub(crate) fn update(&self, info: &ValidPathInfo) -> Result<(), StoreError> {
        self.write(REGISTERING, |connection| self.update_info(connection, info))
    }

    fn update_info(&self, connection: &Connection, info: &ValidPathInfo) -> Result<(), StoreError> {
        connection
            .prepare_cached(
                "update ValidPaths set narSize = ?1, hash = ?2, ultimate = ?3, sigs = ?4, ca = ?5 \
                 where path = ?6",
            )
            .and_then(|mut statement| {
                statement.execute(params![
                    (info.nar_size != 0).then_some(info.nar_size as i64),
                    info.nar_hash.format(HashFormat::Base16, true),
                    info.ultimate.then_some(1_i64),
                    signature_text(info),
                    info.content_address.as_ref().map(ToString::to_string),
                    self.text(&info.path),
                ])
            })
            .map_err(db_error(REGISTERING))?;
        Ok(())
    }

    /// Adds signatures to a valid path.
    pub(crate) fn add_signatures(
        &self,
        path: &StorePath,
        signatures: &[firn_store_model::Signature],
    ) -> Result<(), StoreError> {
        self.write("adding signatures", |connection| {
            let mut info =
                self.path_info_in(connection, path)?
                    .ok_or_else(|| StoreError::InvalidPath {
                        path: self.text(path),
                    })?;
            info.info.signatures.extend(signatures.iter().cloned());
            self.update_info(connection, &info)
        })
    }

    fn check_acyclic(&self, registrations: &[Registration]) -> Result<(), StoreError> {
        if registrations.len() < 2 {
            return Ok(());
        }
        let index: HashMap<&StorePath, usize> = registrations
            .iter()
            .enumerate()
            .map(|(idx, it)| (&it.info.path, idx))
            .collect();
        let edges = |idx: usize| -> Vec<usize> {
            let references = &registrations[idx].info.references;
            let inside = references
                .iter()
                .filter_map(|path| index.get(path).copied());
            inside.filter(|other| *other != idx).collect()
        };
        match crate::closure::find_cycle(registrations.len(), edges) {
            None => Ok(()),
            Some((node, parent)) => Err(StoreError::Cycle {
                path: self.text(&registrations[node].info.path),
                parent: self.text(&registrations[parent].info.path),
            }),
        }
    }
}

fn signature_text(info: &ValidPathInfo) -> Option<String> {
    if info.signatures.is_empty() {
        return None;
    }
    let texts: Vec<String> = info.signatures.iter().map(ToString::to_string).collect();
    Some(texts.join(" "))
}

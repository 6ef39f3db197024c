//! Realisations: what outputs of content-addressed derivations turned out to be.
//!
//! The column `drvPath` holds the hash modulo of the derivation (`sha256:<base16>`), whatever its
//! name says.

use firn_store_model::{DrvOutput, Realisation};
use rusqlite::{OptionalExtension as _, params};

use super::Database;
use super::paths::parse_signatures;
use crate::error::{StoreError, db_error};

const QUERYING: &str = "querying a realisation";
const REGISTERING: &str = "registering a realisation";

impl Database {
    pub(crate) fn realisation(&self, id: &DrvOutput) -> Result<Option<Realisation>, StoreError> {
        let connection = self.lock();
        self.realisation_in(&connection, id)
    }

    fn realisation_in(
        &self,
        connection: &rusqlite::Connection,
        id: &DrvOutput,
    ) -> Result<Option<Realisation>, StoreError> {
        let row: Option<(String, Option<String>)> = connection
            .prepare_cached(
                "select Output.path, Realisations.signatures from Realisations \
                 inner join ValidPaths as Output on Output.id = Realisations.outputPath \
                 where drvPath = ?1 and outputName = ?2",
            )
            .and_then(|mut statement| {
                statement
                    .query_row(params![hash_text(id), id.output.as_str()], |row| {
                        Ok((row.get(0)?, row.get(1)?))
                    })
                    .optional()
            })
            .map_err(db_error(QUERYING))?;
        let Some((path, signatures)) = row else {
            return Ok(None);
        };
        Ok(Some(Realisation {
            id: id.clone(),
            out_path: self.parse(&path)?,
            signatures: parse_signatures(signatures.as_deref())?,
            dependent_realisations: std::collections::BTreeMap::default(),
        }))
    }

    /// Notes a realisation, or adds its signatures to the one that is there.
    pub(crate) fn register_realisation(&self, realisation: &Realisation) -> Result<(), StoreError> {
        let id = &realisation.id;
        self.write(REGISTERING, |connection| {
            let Some(known) = self.realisation_in(connection, id)? else {
                let output = self
                    .id_of(connection, &realisation.out_path)?
                    .ok_or_else(|| StoreError::InvalidPath {
                        path: self.text(&realisation.out_path),
                    })?;
                connection
                    .prepare_cached(
                        "insert into Realisations (drvPath, outputName, outputPath, signatures) \
                         values (?1, ?2, ?3, ?4)",
                    )
                    .and_then(|mut statement| {
                        statement.execute(params![
                            hash_text(id),
                            id.output.as_str(),
                            output,
                            signature_text(&realisation.signatures),
                        ])
                    })
                    .map_err(db_error(REGISTERING))?;
                return Ok(());
            };
            if known.out_path != realisation.out_path {
                return Err(StoreError::ConflictingRealisation {
                    id: id.to_string(),
                    local: self.text(&known.out_path),
                    remote: self.text(&realisation.out_path),
                });
            }
            let mut signatures = known.signatures;
            signatures.extend(realisation.signatures.iter().cloned());
            connection
                .prepare_cached(
                    "update Realisations set signatures = ?1 \
                     where drvPath = ?2 and outputName = ?3",
                )
                .and_then(|mut statement| {
                    statement.execute(params![
                        signature_text(&signatures),
                        hash_text(id),
                        id.output.as_str(),
                    ])
                })
                .map_err(db_error(REGISTERING))?;
            Ok(())
        })
    }
}

fn hash_text(id: &DrvOutput) -> String {
    id.drv_hash.format(firn_hash::HashFormat::Base16, true)
}

fn signature_text(signatures: &std::collections::BTreeSet<firn_store_model::Signature>) -> String {
    let texts: Vec<String> = signatures.iter().map(ToString::to_string).collect();
    texts.join(" ")
}

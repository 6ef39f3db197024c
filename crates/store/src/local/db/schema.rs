//! The database's schema, and how a database is opened, made and brought up to date.
//!
//! The tables are the field's schema 10; its number stands in the file `schema` beside the
//! database. Later changes are recorded by name in the table `SchemaMigrations`; the only one is
//! the tables for realisations, made when content-addressed derivations are switched on. Whoever
//! changes the schema holds the big lock exclusively; everyone else holds it shared while they
//! have the database open.

use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

use crate::error::{StoreError, db_error};

/// The schema that this program reads and writes.
pub(crate) const SCHEMA_VERSION: u32 = 10;

/// The name of the migration that brings the tables for realisations.
const CA_MIGRATION: &str = "20220326-ca-derivations";

const SCHEMA: &str = "
create table if not exists ValidPaths (
    id               integer primary key autoincrement not null,
    path             text unique not null,
    hash             text not null,
    registrationTime integer not null,
    deriver          text,
    narSize          integer,
    ultimate         integer,
    sigs             text,
    ca               text
);
create table if not exists Refs (
    referrer  integer not null,
    reference integer not null,
    primary key (referrer, reference),
    foreign key (referrer) references ValidPaths(id) on delete cascade,
    foreign key (reference) references ValidPaths(id) on delete restrict
);
create index if not exists IndexReferrer on Refs(referrer);
create index if not exists IndexReference on Refs(reference);
create trigger if not exists DeleteSelfRefs before delete on ValidPaths
begin
    delete from Refs where referrer = old.id and reference = old.id;
end;
create table if not exists DerivationOutputs (
    drv  integer not null,
    id   text not null,
    path text not null,
    primary key (drv, id),
    foreign key (drv) references ValidPaths(id) on delete cascade
);
create index if not exists IndexDerivationOutputs on DerivationOutputs(path);
";

const CA_SCHEMA: &str = "
create table if not exists Realisations (
    id         integer primary key autoincrement not null,
    drvPath    text not null,
    outputName text not null,
    outputPath integer not null,
    signatures text,
    foreign key (outputPath) references ValidPaths(id) on delete cascade
);
create index if not exists IndexRealisations on Realisations(drvPath, outputName);
create trigger if not exists DeleteSelfRefsViaRealisations before delete on ValidPaths
begin
    delete from RealisationsRefs where realisationReference in (
        select id from Realisations where outputPath = old.id
    );
end;
create table if not exists RealisationsRefs (
    referrer             integer not null,
    realisationReference integer,
    foreign key (referrer) references Realisations(id) on delete cascade,
    foreign key (realisationReference) references Realisations(id) on delete restrict
);
create index if not exists IndexRealisationsRefsRealisationReference on RealisationsRefs(realisationReference);
create index if not exists IndexRealisationsRefs on RealisationsRefs(referrer);
create index if not exists IndexRealisationsRefsOnOutputPath on Realisations(outputPath);
";

/// How a database is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OpenMode {
    /// It is there.
    Existing,
    /// It is made if absent.
    Create,
    /// It is there, and nobody changes it.
    Immutable,
}

/// What the settings say about the database.
#[derive(Clone, Copy, Debug)]
pub(crate) struct DbOptions {
    pub(crate) use_wal: bool,
    pub(crate) fsync: bool,
    pub(crate) ca_derivations: bool,
}

/// Opens the database file with everything set as other tools set it.
pub(crate) fn open(
    path: &Path,
    mode: OpenMode,
    options: DbOptions,
) -> Result<Connection, StoreError> {
    let mut flags = OpenFlags::SQLITE_OPEN_URI | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    flags |= match mode {
        OpenMode::Existing => OpenFlags::SQLITE_OPEN_READ_WRITE,
        OpenMode::Create => OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE,
        OpenMode::Immutable => OpenFlags::SQLITE_OPEN_READ_ONLY,
    };
    let immutable = u8::from(mode == OpenMode::Immutable);
    let uri = format!("file:{}?immutable={immutable}", percent_encode(path));
    // Without a log that several processes can map, locks are files of their own.
    let opened = if options.use_wal {
        Connection::open_with_flags(&uri, flags)
    } else {
        Connection::open_with_flags_and_vfs(&uri, flags, "unix-dotfile")
    };
    let connection = opened.map_err(db_error("cannot open SQLite database"))?;
    connection
        .busy_timeout(Duration::from_hours(1))
        .map_err(db_error("setting the timeout of the database"))?;
    connection.set_prepared_statement_cache_capacity(64);
    let setting = "setting up the database";
    connection
        .pragma_update(None, "foreign_keys", true)
        .map_err(db_error(setting))?;
    if mode == OpenMode::Immutable {
        return Ok(connection);
    }
    let synchronous = if options.fsync { "normal" } else { "off" };
    connection
        .pragma_update(None, "synchronous", synchronous)
        .map_err(db_error(setting))?;
    let wanted = if options.use_wal { "wal" } else { "truncate" };
    let current: String = connection
        .pragma_query_value(None, "journal_mode", |row| row.get(0))
        .map_err(db_error("querying journal mode"))?;
    if current != wanted {
        connection
            .pragma_update_and_check(None, "journal_mode", wanted, |_| Ok(()))
            .map_err(db_error("setting journal mode"))?;
    }
    if options.use_wal {
        // The log survives the last connection, so that users who cannot write the directory can
        // still read the database; it is cut to nothing instead.
        connection
            .pragma_update_and_check(None, "journal_size_limit", 1_i64 << 40, |_| Ok(()))
            .map_err(db_error(setting))?;
        let mut persist = 1;
        drop(connection.file_control(
            None::<&str>,
            rusqlite::FileControl::PersistWal(&mut persist),
        ));
        connection
            .pragma_update_and_check(None, "wal_autocheckpoint", 40000, |_| Ok(()))
            .map_err(db_error(setting))?;
    }
    if mode == OpenMode::Create {
        connection
            .execute_batch(SCHEMA)
            .map_err(db_error("creating the database schema"))?;
    }
    Ok(connection)
}

/// Steps from older numbered schemas.
pub(crate) fn upgrade_from(connection: &Connection, version: u32) -> Result<(), StoreError> {
    let steps = [
        (
            8,
            "alter table ValidPaths add column ultimate integer; \
             alter table ValidPaths add column sigs text",
        ),
        (9, "drop table FailedPaths"),
        (10, "alter table ValidPaths add column ca text"),
    ];
    for (to, sql) in steps {
        if version < to {
            connection
                .execute_batch(&format!("begin; {sql}; commit"))
                .map_err(db_error("upgrading the database schema"))?;
        }
    }
    Ok(())
}

/// Changes that are recorded by name.
pub(crate) fn apply_migrations(
    connection: &mut Connection,
    options: DbOptions,
) -> Result<(), StoreError> {
    let migrating = "upgrading the database schema";
    connection
        .execute_batch(
            "create table if not exists SchemaMigrations (migration text primary key not null)",
        )
        .map_err(db_error(migrating))?;
    if !options.ca_derivations || has_ca_tables(connection)? {
        return Ok(());
    }
    let transaction = connection
        .transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)
        .map_err(db_error(migrating))?;
    // Another process may have been faster.
    if !has_ca_tables(&transaction)? {
        transaction
            .execute_batch(CA_SCHEMA)
            .map_err(db_error(migrating))?;
        transaction
            .execute("insert into SchemaMigrations values (?1)", [CA_MIGRATION])
            .map_err(db_error(migrating))?;
    }
    transaction.commit().map_err(db_error(migrating))
}

/// Whether the tables for realisations are there.
pub(crate) fn has_ca_tables(connection: &Connection) -> Result<bool, StoreError> {
    connection
        .query_row(
            "select count(*) from SchemaMigrations where migration = ?1",
            [CA_MIGRATION],
            |row| row.get::<_, i64>(0),
        )
        .map(|count| count > 0)
        .map_err(db_error("reading the database schema"))
}

/// A path as part of a URI.
fn percent_encode(path: &Path) -> String {
    use std::fmt::Write as _;
    use std::os::unix::ffi::OsStrExt as _;
    let mut text = String::new();
    for byte in path.as_os_str().as_bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(byte) {
            text.push(char::from(*byte));
        } else {
            write!(text, "%{byte:02X}").expect("a string takes any text");
        }
    }
    text
}

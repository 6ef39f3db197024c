//! Opening a local store: its directories, the big lock, the schema.
//!
//! Every process that has the database open holds the lock file `db/big-lock` shared. A process
//! that has to change the numbered schema turns its lock into an exclusive one, and looks again
//! before it does anything. A new store gets its schema file last, synced: a store whose making
//! was interrupted is simply made again.

use std::fs::File;
use std::io;
use std::path::Path;

use firn_events::Level;
use firn_sys::file::{
    is_on_read_only_mount, reserve_space, set_mode, set_owner, write_file_atomically,
};
use firn_sys::file_lock::{LockKind, lock_file, open_lock_file, try_lock_file, unlock_file};

use super::db::Database;
use super::db::schema::{self, DbOptions, OpenMode, SCHEMA_VERSION};
use super::{LocalOptions, Location};
use crate::error::{StoreError, path_error};
use crate::fault;

/// What opening a store gives besides its parts.
pub(super) struct Opened {
    pub(super) db: Database,
    /// The big lock, held shared; none for a store that is opened read-only.
    pub(super) big_lock: Option<File>,
}

pub(super) fn open(location: &Location, options: &LocalOptions) -> Result<Opened, StoreError> {
    if !options.read_only {
        make_directories(location, options).map_err(explain_refusal)?;
    }
    if !options.allow_symlinked_store {
        refuse_links(&location.physical_dir)?;
    }
    let db_dir = location.state_dir.join("db");
    let db_options = DbOptions {
        use_wal: options.use_wal,
        fsync: options.fsync_metadata,
        ca_derivations: options.ca_derivations,
    };
    let db_path = db_dir.join("db.sqlite");
    let open_db = |mode| Database::open(&db_path, mode, db_options, location.store_dir.clone());
    if options.read_only {
        let version = read_schema_version(&db_dir)?;
        check_supported(version)?;
        if version < SCHEMA_VERSION {
            return Err(StoreError::Schema {
                message: if version == 0 {
                    "database does not exist, and cannot be created in read-only mode".to_owned()
                } else {
                    "database schema needs migrating, but this cannot be done in read-only mode"
                        .to_owned()
                },
            });
        }
        return Ok(Opened {
            db: open_db(OpenMode::Immutable)?,
            big_lock: None,
        });
    }
    let lock_path = db_dir.join("big-lock");
    let lock = open_lock_file(&lock_path)
        .map_err(path_error("opening lock file", &lock_path))
        .map_err(explain_refusal)?;
    let wait = |kind, message: &str| -> Result<(), StoreError> {
        if !try_lock_file(&lock, kind).map_err(path_error("locking", &lock_path))? {
            options.events.message(Level::Info, message);
            if kind == LockKind::Exclusive {
                // Two processes that wait for each other's shared lock to go would wait for ever.
                unlock_file(&lock).map_err(path_error("unlocking", &lock_path))?;
            }
            lock_file(&lock, kind).map_err(path_error("locking", &lock_path))?;
        }
        Ok(())
    };
    wait(LockKind::Shared, "waiting for the big Nix store lock...")?;
    let mut version = read_schema_version(&db_dir)?;
    check_supported(version)?;
    let write_version = || {
        let path = db_dir.join("schema");
        fault::point("open: write schema version");
        write_file_atomically(&path, SCHEMA_VERSION.to_string().as_bytes(), 0o644, true)
            .map_err(path_error("writing", &path))
    };
    let db = if version == 0 {
        let db = open_db(OpenMode::Create)?;
        write_version()?;
        db
    } else if version < SCHEMA_VERSION {
        refuse_ancient(version)?;
        wait(
            LockKind::Exclusive,
            "waiting for exclusive access to the Nix store...",
        )?;
        version = read_schema_version(&db_dir)?;
        let connection = schema::open(&db_path, OpenMode::Existing, db_options)?;
        schema::upgrade_from(&connection, version)?;
        drop(connection);
        write_version()?;
        lock_file(&lock, LockKind::Shared).map_err(path_error("locking", &lock_path))?;
        open_db(OpenMode::Existing)?
    } else {
        open_db(OpenMode::Existing)?
    };
    Ok(Opened {
        db,
        big_lock: Some(lock),
    })
}

/// Says what is most likely the matter with a store that is there but may not be written.
fn explain_refusal(error: StoreError) -> StoreError {
    match &error {
        StoreError::Io { source, .. } if source.kind() == io::ErrorKind::PermissionDenied => {
            StoreError::other(format!(
                "{error}\nThis command may have been run as non-root in a single-user Nix \
                 installation,\nor the Nix daemon may have crashed."
            ))
        }
        _ => error,
    }
}

fn make_directories(location: &Location, options: &LocalOptions) -> Result<(), StoreError> {
    let physical = &location.physical_dir;
    let state = &location.state_dir;
    make_dir(physical)?;
    if is_on_read_only_mount(physical).map_err(path_error("getting status of", physical))?
        && firn_sys::file::effective_ids().0 == 0
    {
        firn_sys::file::remount_writable(physical)
            .map_err(path_error("remounting writable", physical))?;
    }
    for path in [
        physical.join(".links"),
        state.join("profiles"),
        state.join("temproots"),
        state.join("db"),
        state.join("gcroots"),
    ] {
        make_dir(&path)?;
    }
    for path in [
        state.join("profiles/per-user"),
        state.join("gcroots/per-user"),
    ] {
        make_dir(&path)?;
        let mode = mode_of(&path)?;
        if mode != 0o755 {
            set_mode(&path, 0o755).map_err(path_error("changing mode of", &path))?;
        }
    }
    if let Some(group) = options
        .build_group
        .filter(|_| firn_sys::file::effective_ids().0 == 0)
    {
        use std::os::unix::fs::MetadataExt as _;
        let metadata =
            std::fs::metadata(physical).map_err(path_error("getting status of", physical))?;
        if metadata.uid() != 0 || metadata.gid() != group || metadata.mode() & 0o7777 != 0o1775 {
            set_owner(physical, 0, group)
                .map_err(path_error("changing ownership of path", physical))?;
            set_mode(physical, 0o1775).map_err(path_error("changing mode of", physical))?;
        }
    }
    reserve(&state.join("db/reserved"), options.reserved_space);
    Ok(())
}

fn mode_of(path: &Path) -> Result<u32, StoreError> {
    use std::os::unix::fs::MetadataExt as _;
    let metadata = std::fs::metadata(path).map_err(path_error("getting status of", path))?;
    Ok(metadata.mode() & 0o7777)
}

fn make_dir(path: &Path) -> Result<(), StoreError> {
    fault::point("open: create directory");
    match std::fs::create_dir_all(path) {
        Ok(()) => Ok(()),
        // A directory on a read-only file system is as good as made when it is there.
        Err(_) if path.is_dir() => Ok(()),
        Err(error) => Err(path_error("creating directory", path)(error)),
    }
}

/// Keeps some space back. The database cannot be written when the disk is full, and a collection,
/// which frees space, has to write it; so it first gives this up.
fn reserve(path: &Path, size: u64) {
    if std::fs::metadata(path).is_ok_and(|metadata| metadata.len() == size) {
        return;
    }
    // Doing without is no reason not to open the store.
    drop((|| -> io::Result<()> {
        use std::os::unix::fs::OpenOptionsExt as _;
        let mut file = std::fs::OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(path)?;
        file.set_len(size)?;
        reserve_space(&mut file, size)
    })());
}

fn refuse_links(physical_dir: &Path) -> Result<(), StoreError> {
    for path in physical_dir.ancestors() {
        let is_link =
            std::fs::symlink_metadata(path).is_ok_and(|metadata| metadata.file_type().is_symlink());
        if is_link {
            return Err(StoreError::other(format!(
                "the path \"{}\" is a symlink; this is not allowed for the Nix store and its \
                 parent directories",
                path.display()
            )));
        }
    }
    Ok(())
}

/// The number in the schema file; zero when there is none.
fn read_schema_version(db_dir: &Path) -> Result<u32, StoreError> {
    let path = db_dir.join("schema");
    match std::fs::read_to_string(&path) {
        Ok(text) => text.trim().parse().map_err(|_| StoreError::Schema {
            message: format!("\"{}\" is corrupt", path.display()),
        }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(0),
        Err(error) => Err(path_error("reading", &path)(error)),
    }
}

fn check_supported(version: u32) -> Result<(), StoreError> {
    if version <= SCHEMA_VERSION {
        return Ok(());
    }
    Err(StoreError::Schema {
        message: format!(
            "current Nix store schema is version {version}, but I only support {SCHEMA_VERSION}"
        ),
    })
}

fn refuse_ancient(version: u32) -> Result<(), StoreError> {
    let (format, upgrade) = match version {
        0..5 => ("Berkeley DB", "0.12"),
        5 => ("flat file", "1.11"),
        _ => return Ok(()),
    };
    Err(StoreError::Schema {
        message: format!(
            "Your Nix store has a database in {format} format,\nwhich is no longer supported. To \
             convert to the new format,\nplease upgrade Nix to version {upgrade} first."
        ),
    })
}

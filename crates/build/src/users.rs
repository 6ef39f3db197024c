//! Users of the host that builders run as.
//!
//! Root never lets a builder run as root. With `build-users-group` a builder gets one of its
//! members; otherwise one of a range of numbers that belong to nobody. One builder, one user at a
//! time: each user is guarded by a lock file in `userpool` (by number) below the state directory,
//! which other tools of the field use as well. An ordinary user's builders run as that user.

use std::path::Path;

use firn_sys::file_lock::{FileLock, LockKind};
use firn_sys::launcher::User;
use firn_sys::support;

use crate::{BuildError, BuildSettings};

/// A user taken for the time of a build.
pub(crate) struct BuildUser {
    pub(crate) user: User,
    _lock: FileLock,
}

/// Whether builders run as someone else than the caller. Outside a sandbox only the members of a
/// group will do, since the store directory can be opened to a group but not to a number.
pub(crate) fn are_used(settings: &BuildSettings, sandboxed: bool) -> bool {
    support::is_privileged()
        && (settings.build_users_group.is_some()
            || (sandboxed && support::is_mapped_uid(settings.start_id)))
}

/// Takes a free user; `None` while all are taken.
pub(crate) fn acquire(
    settings: &BuildSettings,
    state_dir: &Path,
) -> Result<Option<BuildUser>, BuildError> {
    match &settings.build_users_group {
        Some(group) => acquire_member(group, state_dir),
        None => acquire_number(settings, state_dir),
    }
}

fn acquire_member(group: &str, state_dir: &Path) -> Result<Option<BuildUser>, BuildError> {
    let (gid, members) = firn_sys::accounts::group_members(group).ok_or_else(|| {
        BuildError::misc(format!(
            "the group '{group}' specified in 'build-users-group' does not exist"
        ))
    })?;
    if members.is_empty() {
        return Err(BuildError::misc(format!(
            "the build users group '{group}' has no members"
        )));
    }
    let pool = state_dir.join("userpool");
    for member in members {
        let uid = firn_sys::accounts::user_id(&member).ok_or_else(|| {
            BuildError::misc(format!(
                "the user '{member}' in the group '{group}' does not exist"
            ))
        })?;
        if uid == 0 || uid == firn_sys::file::effective_ids().0 {
            return Err(BuildError::misc(format!(
                "the Nix user should not be a member of '{group}'"
            )));
        }
        if let Some(lock) = try_lock(&pool, &uid.to_string())? {
            return Ok(Some(BuildUser {
                user: User {
                    uid,
                    gid,
                    groups: Vec::new(),
                },
                _lock: lock,
            }));
        }
    }
    Ok(None)
}

/// How many numbers of the range one user takes, where the field hands out whole ranges.
const IDS_PER_SLOT: u32 = 65_536;

fn acquire_number(
    settings: &BuildSettings,
    state_dir: &Path,
) -> Result<Option<BuildUser>, BuildError> {
    let pool = state_dir.join("userpool2");
    for slot in 0..(settings.id_count / IDS_PER_SLOT).max(1) {
        if let Some(lock) = try_lock(&pool, &format!("slot-{slot}"))? {
            let uid = settings.start_id + slot * IDS_PER_SLOT;
            return Ok(Some(BuildUser {
                user: User {
                    uid,
                    gid: uid,
                    groups: Vec::new(),
                },
                _lock: lock,
            }));
        }
    }
    Ok(None)
}

fn try_lock(pool: &Path, name: &str) -> Result<Option<FileLock>, BuildError> {
    std::fs::create_dir_all(pool).map_err(BuildError::io("creating directory", pool))?;
    let path = pool.join(name);
    FileLock::try_acquire(&path, LockKind::Exclusive).map_err(BuildError::io("locking", &path))
}

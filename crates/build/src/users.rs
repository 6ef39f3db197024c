//! Users of the host that builders run as.
//!
//! Root never lets a builder run as root. With `build-users-group` a builder gets one of its
//! members; without, or with `auto-allocate-uids`, one of a range of numbers that belong to nobody,
//! or a whole stretch of them where the derivation requires `uid-range`. One builder, one user at a
//! time: each user is guarded by a lock file in `userpool` (by number) below the state directory,
//! which other tools of the field use as well. An ordinary user's builders run as that user.

use std::collections::BTreeSet;
use std::path::Path;

use firn_sys::file_lock::{FileLock, LockKind};
use firn_sys::launcher::User;
use firn_sys::support;

use crate::{BuildError, BuildSettings};

/// A user taken for the time of a build.
pub(crate) struct BuildUser {
    pub(crate) user: User,
    /// Whether the numbers after it belong to it as well, [`IDS_PER_SLOT`] in all.
    pub(crate) has_range: bool,
    _lock: FileLock,
}

/// Whether builders run as someone else than the caller. Outside a sandbox they have to belong to a
/// group, since the store directory can be opened to a group but not to a number.
pub(crate) fn are_used(settings: &BuildSettings, sandboxed: bool) -> bool {
    support::is_privileged()
        && (settings.build_users_group.is_some()
            || settings.auto_allocate_uids
            || (sandboxed && support::is_mapped_uid(settings.start_id)))
}

/// Takes a free user; `None` while all are taken.
pub(crate) fn acquire(
    settings: &BuildSettings,
    state_dir: &Path,
    sandboxed: bool,
    has_range: bool,
) -> Result<Option<BuildUser>, BuildError> {
    match &settings.build_users_group {
        Some(group) if !settings.auto_allocate_uids => acquire_member(group, state_dir),
        group if !sandboxed => {
            let group = group.as_deref().unwrap_or_default();
            let (gid, _) = firn_sys::accounts::group_members(group).ok_or_else(|| {
                BuildError::misc(format!(
                    "the group '{group}' specified in 'build-users-group' does not exist\n\
                     note: with 'auto-allocate-uids', builders outside a sandbox need it to write to the store"
                ))
            })?;
            acquire_number(settings, state_dir, Some(gid), has_range)
        }
        _ => acquire_number(settings, state_dir, None, has_range),
    }
}

/// Whether a derivation requires a stretch of users, or why it cannot have one here.
pub(crate) fn wants_range(
    settings: &BuildSettings,
    required_features: &BTreeSet<String>,
    sandboxed: bool,
) -> Result<bool, BuildError> {
    if !required_features.contains(RANGE_FEATURE) {
        return Ok(false);
    }
    let refused = |why: &str| Err(BuildError::misc(format!("feature '{RANGE_FEATURE}' {why}")));
    if !sandboxed {
        return refused("is only supported in sandboxed builds");
    }
    if !settings.auto_allocate_uids {
        return refused("requires the setting 'auto-allocate-uids' to be enabled");
    }
    if !support::is_privileged() {
        return refused("requires that root builds: an ordinary user has no ids to give away");
    }
    if !support::has_user_namespaces() {
        let why = support::why_no_user_namespaces();
        return refused(&format!("requires user namespaces, but {why}"));
    }
    let last = settings.start_id.saturating_add(IDS_PER_SLOT - 1);
    if !support::is_mapped_uid(settings.start_id) || !support::is_mapped_uid(last) {
        return refused(&format!(
            "requires the user ids {} to {last}, which this process cannot take: it runs in a user namespace without them",
            settings.start_id
        ));
    }
    match &settings.range_cgroup {
        Ok(_) => Ok(true),
        Err(why) => refused(&format!("requires control groups: {why}")),
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
                    groups: firn_sys::accounts::supplementary_groups(&member, gid),
                },
                has_range: false,
                _lock: lock,
            }));
        }
    }
    Ok(None)
}

/// The system feature of builds that need many users.
const RANGE_FEATURE: &str = "uid-range";

/// How many numbers of the range one build takes; it uses the first of them, or all.
pub(crate) const IDS_PER_SLOT: u32 = 65_536;

fn acquire_number(
    settings: &BuildSettings,
    state_dir: &Path,
    group: Option<u32>,
    has_range: bool,
) -> Result<Option<BuildUser>, BuildError> {
    let pool = state_dir.join("userpool2");
    for slot in 0..(settings.id_count / IDS_PER_SLOT).max(1) {
        if let Some(lock) = try_lock(&pool, &format!("slot-{slot}"))? {
            let uid = settings
                .start_id
                .saturating_add(slot.saturating_mul(IDS_PER_SLOT));
            if let Some(name) = firn_sys::accounts::user_name(uid) {
                return Err(BuildError::misc(format!(
                    "auto-allocated UID {uid} clashes with existing user account '{name}'"
                )));
            }
            return Ok(Some(BuildUser {
                user: User {
                    uid,
                    gid: group.unwrap_or(uid),
                    groups: Vec::new(),
                },
                has_range,
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

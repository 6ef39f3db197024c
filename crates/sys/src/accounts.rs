//! Users and groups of the host by name, as its name service knows them.
#![allow(unsafe_code)]

use std::ffi::{CStr, CString};

/// The number of a user.
pub fn user_id(name: &str) -> Option<u32> {
    let name = CString::new(name).ok()?;
    let mut buffer = vec![0; 1 << 14];
    // SAFETY: all-zero is a valid `passwd`; it is filled in below before it is read.
    let mut entry: libc::passwd = unsafe { std::mem::zeroed() };
    let mut found = std::ptr::null_mut();
    // SAFETY: the name is a live string, the buffer is as long as is said, and both results go to
    // live local values.
    let status = unsafe {
        libc::getpwnam_r(
            name.as_ptr(),
            &raw mut entry,
            buffer.as_mut_ptr(),
            buffer.len(),
            &raw mut found,
        )
    };
    (status == 0 && !found.is_null()).then_some(entry.pw_uid)
}

/// The groups that a user belongs to beside a given one.
pub fn supplementary_groups(name: &str, primary: u32) -> Vec<u32> {
    let Ok(name) = CString::new(name) else {
        return Vec::new();
    };
    let mut groups: Vec<libc::gid_t> = vec![0; 32];
    loop {
        let mut n_groups = libc::c_int::try_from(groups.len()).unwrap_or(libc::c_int::MAX);
        // SAFETY: the name is a live string, and the array is as long as is said.
        let status = unsafe {
            libc::getgrouplist(
                name.as_ptr(),
                primary,
                groups.as_mut_ptr(),
                &raw mut n_groups,
            )
        };
        let needed = usize::try_from(n_groups).unwrap_or(0);
        if status == -1 && needed > groups.len() {
            groups.resize(needed, 0);
            continue;
        }
        groups.truncate(if status == -1 { 0 } else { needed });
        groups.retain(|group| *group != primary);
        return groups;
    }
}

/// The name of a user.
pub fn user_name(uid: u32) -> Option<String> {
    let mut buffer = vec![0; 1 << 14];
    // SAFETY: as in `user_id`.
    let mut entry: libc::passwd = unsafe { std::mem::zeroed() };
    let mut found = std::ptr::null_mut();
    // SAFETY: as in `user_id`, without a name to pass.
    let status = unsafe {
        libc::getpwuid_r(
            uid,
            &raw mut entry,
            buffer.as_mut_ptr(),
            buffer.len(),
            &raw mut found,
        )
    };
    if status != 0 || found.is_null() {
        return None;
    }
    // SAFETY: the call filled in a string that lives in the buffer.
    Some(
        unsafe { CStr::from_ptr(entry.pw_name) }
            .to_string_lossy()
            .into_owned(),
    )
}

/// The name of a group.
pub fn group_name(gid: u32) -> Option<String> {
    let mut buffer = vec![0; 1 << 18];
    // SAFETY: as in `group_members`.
    let mut entry: libc::group = unsafe { std::mem::zeroed() };
    let mut found = std::ptr::null_mut();
    // SAFETY: as in `group_members`, without a name to pass.
    let status = unsafe {
        libc::getgrgid_r(
            gid,
            &raw mut entry,
            buffer.as_mut_ptr(),
            buffer.len(),
            &raw mut found,
        )
    };
    if status != 0 || found.is_null() {
        return None;
    }
    // SAFETY: the call filled in a string that lives in the buffer.
    Some(
        unsafe { CStr::from_ptr(entry.gr_name) }
            .to_string_lossy()
            .into_owned(),
    )
}

/// The number of a group and the names of its members.
pub fn group_members(name: &str) -> Option<(u32, Vec<String>)> {
    let name = CString::new(name).ok()?;
    let mut buffer = vec![0; 1 << 18];
    // SAFETY: all-zero is a valid `group`; it is filled in below before it is read.
    let mut entry: libc::group = unsafe { std::mem::zeroed() };
    let mut found = std::ptr::null_mut();
    // SAFETY: as in `user_id`.
    let status = unsafe {
        libc::getgrnam_r(
            name.as_ptr(),
            &raw mut entry,
            buffer.as_mut_ptr(),
            buffer.len(),
            &raw mut found,
        )
    };
    if status != 0 || found.is_null() {
        return None;
    }
    let mut members = Vec::new();
    let mut member = entry.gr_mem;
    // SAFETY: the call filled in an array of strings that ends with a null pointer; array and
    // strings live in the buffer.
    unsafe {
        while !(*member).is_null() {
            members.push(CStr::from_ptr(*member).to_string_lossy().into_owned());
            member = member.add(1);
        }
    }
    Some((entry.gr_gid, members))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn root_is_known_and_nonsense_is_not() {
        assert_eq!(user_id("root"), Some(0));
        assert_eq!(group_members("root").map(|(gid, _)| gid), Some(0));
        assert_eq!(user_name(0).as_deref(), Some("root"));
        assert_eq!(group_name(0).as_deref(), Some("root"));
        assert_eq!(user_id("no such user"), None);
        assert!(!supplementary_groups("root", 0).contains(&0));
        assert!(group_members("no such group").is_none());
    }
}

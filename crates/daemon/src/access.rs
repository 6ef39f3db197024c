//! Who may connect, and who is trusted: `allowed-users` and `trusted-users`.
//!
//! An entry is the name of a user, `@` and the name of a group, or `*` for everybody.

use firn_sys::accounts;
use firn_sys::socket::Peer;

/// Whether what a client says is believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trust {
    /// It is as good as the owner of the store.
    Trusted,
    /// It is not.
    Untrusted,
}

impl Trust {
    /// Whether the client is trusted.
    pub fn is_trusted(self) -> bool {
        self == Trust::Trusted
    }
}

/// The rules for connecting.
#[derive(Clone, Debug, Default)]
pub struct Access {
    /// `trusted-users`.
    pub trusted_users: Vec<String>,
    /// `allowed-users`.
    pub allowed_users: Vec<String>,
    /// The group that builders run as, whose members must not connect.
    pub build_group: Option<String>,
}

impl Access {
    /// Decides about a peer: its name, and whether it is trusted, or why it may not connect.
    pub fn decide(&self, peer: &Peer) -> Result<(String, Trust), String> {
        let user = accounts::user_name(peer.uid).unwrap_or_else(|| peer.uid.to_string());
        let group = accounts::group_name(peer.gid).unwrap_or_else(|| peer.gid.to_string());
        let trust = if matches_any(&self.trusted_users, &user, &group) {
            Trust::Trusted
        } else {
            Trust::Untrusted
        };
        let is_allowed = trust.is_trusted() || matches_any(&self.allowed_users, &user, &group);
        let is_builder = self.build_group.as_deref() == Some(group.as_str());
        if !is_allowed || is_builder {
            return Err(format!(
                "user '{user}' is not allowed to connect to the Nix daemon"
            ));
        }
        Ok((user, trust))
    }
}

fn matches_any(entries: &[String], user: &str, group: &str) -> bool {
    entries.iter().any(|entry| match entry.strip_prefix('@') {
        Some(name) => {
            name == group
                || accounts::group_members(name)
                    .is_some_and(|(_, members)| members.iter().any(|member| member == user))
        }
        None => entry == "*" || entry == user,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(trusted: &[&str], allowed: &[&str], expected: Option<Trust>) {
        let list = |words: &[&str]| words.iter().map(|&it| it.to_owned()).collect();
        let access = Access {
            trusted_users: list(trusted),
            allowed_users: list(allowed),
            build_group: None,
        };
        let peer = Peer {
            pid: None,
            uid: 0,
            gid: 0,
        };
        let decided = access.decide(&peer).ok();
        assert_eq!(decided.map(|it| it.1), expected, "{trusted:?} {allowed:?}");
    }

    #[test]
    fn users_and_groups_are_matched() {
        check(&["root"], &[], Some(Trust::Trusted));
        check(&["@root"], &[], Some(Trust::Trusted));
        check(&[], &["*"], Some(Trust::Untrusted));
        check(&["*"], &[], Some(Trust::Trusted));
        check(&["somebody"], &["@nogroup"], None);
    }
}

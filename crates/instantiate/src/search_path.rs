//! The search path, `NIX_PATH` and `-I`: which words stand for which place.
//!
//! An entry is `prefix=place` or a bare place whose children can be named. A place is a path, an
//! address of an archive (`http://…`, `channel:name`), or a flake (`flake:…`). The rules are those
//! of the Nix manual, "Lookup path". This module only takes words apart; places are resolved by
//! the host, which may have to download them.

/// One entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// What a name must begin with; empty for a bare place.
    pub prefix: Vec<u8>,
    /// Where it leads, as written.
    pub place: Vec<u8>,
}

impl Entry {
    /// Takes one entry apart.
    pub fn parse(text: &[u8]) -> Self {
        match text.iter().position(|&byte| byte == b'=') {
            Some(at) => Self {
                prefix: text[..at].to_vec(),
                place: text[at + 1..].to_vec(),
            },
            None => Self {
                prefix: Vec::new(),
                place: text.to_vec(),
            },
        }
    }

    /// What is left of `name` below this entry's place, or `None` if the entry is not about it.
    /// An entry named `a` answers for `a` and `a/b`, not for `ab`.
    pub fn suffix<'a>(&self, name: &'a [u8]) -> Option<&'a [u8]> {
        if self.prefix.is_empty() {
            return Some(name);
        }
        let rest = name.strip_prefix(self.prefix.as_slice())?;
        match rest.first() {
            None => Some(rest),
            Some(b'/') => Some(&rest[1..]),
            Some(_) => None,
        }
    }
}

/// Whether a place is an address rather than a path.
pub fn is_address(place: &[u8]) -> bool {
    if place.starts_with(b"channel:") {
        return true;
    }
    let Some(at) = place.windows(3).position(|window| window == b"://") else {
        return false;
    };
    let schemes: [&[u8]; 7] = [
        b"http", b"https", b"file", b"channel", b"git", b"s3", b"ssh",
    ];
    schemes.contains(&&place[..at])
}

/// Splits `NIX_PATH` at its colons; a colon inside an address does not count.
pub fn split(text: &[u8]) -> Vec<&[u8]> {
    let mut entries = Vec::new();
    let mut start = 0;
    // Where the place of the current entry begins: after its last `=`.
    let mut place = 0;
    let mut at = 0;
    while at < text.len() {
        match text[at] {
            b'=' => place = at + 1,
            b':' => {
                if is_address(&text[place..]) || text[place..].starts_with(b"flake:") {
                    let colon = text[at + 1..].iter().position(|&byte| byte == b':');
                    at = colon.map_or(text.len(), |offset| at + 1 + offset);
                }
                entries.push(&text[start..at]);
                start = at + 1;
                place = start;
            }
            _ => {}
        }
        at += 1;
    }
    if start < text.len() {
        entries.push(&text[start..]);
    }
    entries
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &[&str]) {
        let entries: Vec<_> = split(text.as_bytes())
            .into_iter()
            .map(|entry| String::from_utf8_lossy(entry).into_owned())
            .collect();
        assert_eq!(entries, expected);
    }

    #[test]
    fn splits_at_colons_outside_of_addresses() {
        check("", &[]);
        check("/a:/b", &["/a", "/b"]);
        check("a=/x:/b", &["a=/x", "/b"]);
        check(
            "a=http://x.org/y.tar.gz:/b",
            &["a=http://x.org/y.tar.gz", "/b"],
        );
        check("a=flake:nixpkgs:/b", &["a=flake:nixpkgs", "/b"]);
        check("channel:nixos-24.05:b=c", &["channel:nixos-24.05", "b=c"]);
    }

    #[test]
    fn a_prefix_is_whole_components() {
        let entry = Entry::parse(b"nixpkgs=/x");
        assert_eq!(entry.suffix(b"nixpkgs"), Some(&b""[..]));
        assert_eq!(entry.suffix(b"nixpkgs/lib"), Some(&b"lib"[..]));
        assert_eq!(entry.suffix(b"nixpkgsx"), None);
        assert_eq!(Entry::parse(b"/x").suffix(b"lib"), Some(&b"lib"[..]));
    }
}

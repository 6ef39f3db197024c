//! Subscriptions to package collections: a list of addresses with names, one a line.

use std::collections::BTreeMap;
use std::path::Path;

use crate::error::{ProfileError, io_error};

/// The expression that makes a package of an archive, as `nix-channel` passes it to `nix-env`.
pub const UNPACK: &[u8] = include_bytes!("unpack-channel.nix");

/// Channels: addresses by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Channels(pub BTreeMap<String, String>);

impl Channels {
    /// Reads the list at a path; one that does not exist is empty.
    pub fn read(path: &Path) -> Result<Self, ProfileError> {
        match std::fs::read_to_string(path) {
            Ok(text) => Ok(Self::parse(&text)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(io_error("reading", path)(error)),
        }
    }

    fn parse(text: &str) -> Self {
        let mut channels = BTreeMap::new();
        for line in text.lines() {
            if line.trim_start().starts_with('#') {
                continue;
            }
            let mut words = line.split(' ').filter(|it| !it.is_empty());
            let Some(url) = words.next() else {
                continue;
            };
            let url = url.trim_end_matches('/');
            let name = words.next().unwrap_or_else(|| base_name(url));
            channels.insert(name.to_owned(), url.to_owned());
        }
        Self(channels)
    }

    /// Writes the list to a path.
    pub fn write(&self, path: &Path) -> Result<(), ProfileError> {
        let lines = self.0.iter().map(|(name, url)| format!("{url} {name}\n"));
        std::fs::write(path, lines.collect::<String>()).map_err(io_error("writing", path))
    }

    /// Adds a channel, under the name that its address suggests if it is given none.
    pub fn add(&mut self, url: &str, name: Option<&str>) -> Result<(), ProfileError> {
        let is_known = ["file://", "http://", "https://"];
        if !is_known.iter().any(|it| url.starts_with(it)) {
            return Err(ProfileError::other(format!("invalid channel URL '{url}'")));
        }
        let name = name.unwrap_or_else(|| suggested_name(url));
        if !is_name(name) {
            return Err(ProfileError::other(format!(
                "invalid channel identifier '{name}'"
            )));
        }
        self.0.insert(name.to_owned(), url.to_owned());
        Ok(())
    }
}

/// What stands behind the last slash, slashes at the end left out.
pub fn base_name(url: &str) -> &str {
    let url = url.trim_end_matches('/');
    url.rsplit_once('/').map_or(url, |it| it.1)
}

fn suggested_name(url: &str) -> &str {
    let name = base_name(url);
    let name = name.strip_suffix("-unstable").unwrap_or(name);
    name.strip_suffix("-stable").unwrap_or(name)
}

fn is_name(name: &str) -> bool {
    let mut letters = name.bytes();
    let is_letter = |it: u8| it.is_ascii_alphanumeric() || it == b'_';
    letters.next().is_some_and(is_letter) && letters.all(|it| is_letter(it) || b".-".contains(&it))
}

/// The name of the package of a channel: that of the channel, with the version that its address
/// ends with.
pub fn package_name(name: &str, url: &str) -> String {
    let end = base_name(url);
    let version = end
        .as_bytes()
        .windows(2)
        .position(|pair| pair[0] == b'-' && pair[1].is_ascii_digit());
    format!("{name}{}", version.map_or("", |at| &end[at..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_read_and_written() {
        let channels = Channels::parse(
            "# none\nhttps://a.org/nixos-unstable/ nixos\n\nfile:///srv/mine-21.05\n",
        );
        let expected = [
            ("mine-21.05", "file:///srv/mine-21.05"),
            ("nixos", "https://a.org/nixos-unstable"),
        ];
        let expected = expected.map(|(name, url)| (name.to_owned(), url.to_owned()));
        assert_eq!(channels.0, BTreeMap::from(expected));
        let folder = tempfile::tempdir().expect("a scratch folder");
        let path = folder.path().join("list");
        assert_eq!(Channels::read(&path).expect("none"), Channels::default());
        channels.write(&path).expect("writable");
        assert_eq!(Channels::read(&path).expect("written"), channels);
    }

    #[test]
    fn names_are_checked_and_suggested() {
        let mut channels = Channels::default();
        assert!(channels.add("ftp://x/y", None).is_err());
        assert!(channels.add("https://x/y", Some("-y")).is_err());
        channels
            .add("https://x/nixpkgs-unstable", None)
            .expect("sound");
        assert_eq!(channels.0["nixpkgs"], "https://x/nixpkgs-unstable");
        assert_eq!(
            package_name("n", "https://x/nixos-21.05pre1"),
            "n-21.05pre1"
        );
        assert_eq!(package_name("n", "https://x/nixos"), "n");
    }
}

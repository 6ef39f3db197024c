//! The netrc file: credentials by host, one `machine` after the other, as `curl` and `ftp` read it.

use std::fmt;

/// A login and its password.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// The login.
    pub login: String,
    /// The password.
    pub password: String,
}

/// The password is not shown.
impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials")
            .field("login", &self.login)
            .finish_non_exhaustive()
    }
}

/// What a netrc file says.
#[derive(Clone, Debug, Default)]
pub struct Netrc {
    /// Hosts in the order of the file; `None` is the default for all others.
    entries: Vec<(Option<String>, Credentials)>,
}

impl Netrc {
    /// Parses a netrc file. Words that make no sense are skipped, as are macro definitions.
    pub fn parse(text: &str) -> Netrc {
        let mut entries: Vec<(Option<String>, Credentials)> = Vec::new();
        let mut lines = text.lines();
        while let Some(line) = lines.next() {
            let mut words = line.split_whitespace();
            while let Some(word) = words.next() {
                if word.starts_with('#') {
                    break;
                }
                if word == "macdef" {
                    // A macro lasts until an empty line.
                    for line in lines.by_ref() {
                        if line.trim().is_empty() {
                            break;
                        }
                    }
                    break;
                }
                if word == "default" {
                    entries.push((
                        None,
                        Credentials {
                            login: String::new(),
                            password: String::new(),
                        },
                    ));
                    continue;
                }
                let mut value = || {
                    words.next().or_else(|| {
                        words = lines.next()?.split_whitespace();
                        words.next()
                    })
                };
                match (word, entries.last_mut()) {
                    ("machine", _) => {
                        if let Some(host) = value() {
                            let blank = Credentials {
                                login: String::new(),
                                password: String::new(),
                            };
                            entries.push((Some(host.into()), blank));
                        }
                    }
                    ("login", Some((_, entry))) => entry.login = value().unwrap_or_default().into(),
                    ("password", Some((_, entry))) => {
                        entry.password = value().unwrap_or_default().trim_matches('"').into();
                    }
                    _ => {}
                }
            }
        }
        Netrc { entries }
    }

    /// The credentials for a host: the first entry that names it, or the default.
    pub fn find(&self, host: &str) -> Option<&Credentials> {
        self.entries
            .iter()
            .find(|(name, _)| {
                name.as_ref()
                    .is_none_or(|name| name.eq_ignore_ascii_case(host))
            })
            .map(|(_, credentials)| credentials)
    }
}

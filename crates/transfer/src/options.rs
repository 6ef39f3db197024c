//! How transfers behave; plain data that the front end makes of settings and environment.

use std::path::PathBuf;
use std::time::Duration;

use crate::Netrc;

/// Which proxies to go through.
#[derive(Clone, Debug, Default)]
pub struct Proxies {
    /// For `http://`.
    pub http: Option<String>,
    /// For `https://`.
    pub https: Option<String>,
    /// Hosts to reach directly: names, `.domain` suffixes, or `*` for all.
    pub direct: Vec<String>,
}

impl Proxies {
    /// The proxy for an address.
    pub fn find(&self, url: &str) -> Option<&str> {
        let host = crate::url::host(url)?;
        let is_direct = self.direct.iter().map(|entry| entry.trim()).any(|entry| {
            let domain = entry.trim_start_matches('.');
            entry == "*"
                || host.eq_ignore_ascii_case(domain)
                || (!domain.is_empty()
                    && host.len() > domain.len()
                    && host
                        .to_ascii_lowercase()
                        .ends_with(&format!(".{}", domain.to_ascii_lowercase())))
        });
        if is_direct {
            return None;
        }
        let proxy = if url.starts_with("https://") {
            &self.https
        } else {
            &self.http
        };
        proxy.as_deref().filter(|proxy| !proxy.is_empty())
    }
}

/// How a [`Client`](crate::Client) behaves.
#[derive(Clone, Debug)]
pub struct TransferOptions {
    /// How it introduces itself.
    pub user_agent: String,
    /// How long to wait for a connection; zero means as long as the system waits.
    pub connect_timeout: Duration,
    /// How long a transfer may make no progress; zero means for ever.
    pub stall_timeout: Duration,
    /// How often a transfer is tried.
    pub attempts: u32,
    /// The pause after the first failure; it doubles with each further one.
    pub first_pause: Duration,
    /// The longest pause, also when a server asks for a longer one.
    pub max_pause: Duration,
    /// How many idle connections are kept for further requests.
    pub max_idle_connections: usize,
    /// Proxies.
    pub proxies: Proxies,
    /// A file of trusted certificates in PEM form; without one, a built-in list is used.
    pub ca_file: Option<PathBuf>,
    /// Credentials by host.
    pub netrc: Netrc,
    /// Refuse everything but `file://`.
    pub offline: bool,
}

impl Default for TransferOptions {
    fn default() -> TransferOptions {
        TransferOptions {
            user_agent: String::from("firn"),
            connect_timeout: Duration::from_secs(15),
            stall_timeout: Duration::from_mins(5),
            attempts: 5,
            first_pause: Duration::from_millis(250),
            max_pause: Duration::from_mins(1),
            max_idle_connections: 50,
            proxies: Proxies::default(),
            ca_file: None,
            netrc: Netrc::default(),
            offline: false,
        }
    }
}

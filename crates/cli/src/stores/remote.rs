//! Stores behind a protocol: which URL means which way to the other end.

use std::path::PathBuf;

use std::sync::Arc;

use firn_store::{
    Location, RemoteStore, RemoteStoreOptions, ServeStore, ServeStoreOptions, SshOptions,
    SshTransport, Store, StoreTraits, Transport,
};
use firn_store_model::serve::ServeBuildOptions;
use firn_store_model::worker::ClientOptions;

use super::{DEFAULT_LOG_DIR, DEFAULT_STATE_DIR, StoreUrl, store_dir_of};
use crate::log_sink::ConsoleSink;
use crate::surroundings::filled;
use crate::{Context, Failure, sources};

/// Settings that go to a daemon in a place of their own, or not at all.
const TOLD_APART: [&str; 11] = [
    "keep-failed",
    "keep-going",
    "fallback",
    "max-jobs",
    "max-silent-time",
    "cores",
    "substitute",
    "show-trace",
    "experimental-features",
    "plugin-files",
    "store",
];

impl StoreUrl {
    fn text(&self, name: &str) -> Option<&str> {
        let value = self.params.get(name)?;
        Some(value.as_str()).filter(|it| !it.is_empty())
    }

    fn traits(&self) -> StoreTraits {
        StoreTraits {
            priority: self.number("priority").unwrap_or(0),
            want_mass_query: self.flag("want-mass-query").unwrap_or(false),
            is_trusted: self.flag("trusted").unwrap_or(false),
            ..StoreTraits::default()
        }
    }

    fn max_connections(&self) -> usize {
        let given = self.number("max-connections");
        given.map_or(1, |n| usize::try_from(n).unwrap_or(1).clamp(1, 64))
    }

    fn ssh(&self, program: &str, arguments: &[&str]) -> Result<Transport, Failure> {
        let (user, place) = match self.authority.rsplit_once('@') {
            Some((user, place)) => (Some(user.to_owned()), place),
            None => (None, self.authority.as_str()),
        };
        let (host, port) = split_port(place);
        let program = self.text("remote-program").unwrap_or(program);
        let words = program.split_whitespace().chain(arguments.iter().copied());
        let mut command: Vec<String> = words.map(str::to_owned).collect();
        if let Some(store) = self.text("remote-store") {
            command.extend(["--store".to_owned(), store.to_owned()]);
        }
        let options = SshOptions {
            user,
            host,
            port,
            key_file: self.text("ssh-key").map(PathBuf::from),
            host_key: self.text("base64-ssh-public-host-key").map(str::to_owned),
            compress: self.flag("compress").unwrap_or(false),
            extra_args: split_words(&filled("NIX_SSHOPTS").unwrap_or_default()),
            share: self.max_connections() > 1,
        };
        Ok(Transport::Ssh(Box::new(SshTransport::new(
            options, command,
        )?)))
    }
}

/// `host:22`, `[::1]:22`, `host`.
fn split_port(place: &str) -> (String, Option<u16>) {
    let (host, port) = match place.rsplit_once(':') {
        Some((host, port)) if host.ends_with(']') || !host.contains(':') => {
            (host, port.parse().ok())
        }
        _ => (place, None),
    };
    let host = host
        .strip_prefix('[')
        .and_then(|it| it.strip_suffix(']'))
        .unwrap_or(host);
    (host.to_owned(), port)
}

/// Words as a shell reads them, with quotes and backslashes but nothing else.
fn split_words(text: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut current: Option<String> = None;
    let mut quote = None;
    let mut chars = text.chars();
    while let Some(char) = chars.next() {
        match (quote, char) {
            (None, ' ' | '\t' | '\n') => words.extend(current.take()),
            (None, '\'' | '"') => {
                quote = Some(char);
                current.get_or_insert_default();
            }
            (Some(open), _) if open == char => quote = None,
            (None | Some('"'), '\\') => {
                current.get_or_insert_default().extend(chars.next());
            }
            _ => current.get_or_insert_default().push(char),
        }
    }
    words.extend(current);
    words
}

impl Context {
    /// Where the daemon of this machine listens.
    pub fn daemon_socket(&self) -> PathBuf {
        if let Some(path) = filled("NIX_DAEMON_SOCKET_PATH") {
            return PathBuf::from(path);
        }
        let state_dir = filled("NIX_STATE_DIR").unwrap_or_else(|| DEFAULT_STATE_DIR.to_owned());
        PathBuf::from(state_dir).join("daemon-socket/socket")
    }

    /// What a daemon is told of our settings.
    fn client_options(&self) -> ClientOptions {
        let settings = &self.settings;
        let build = &settings.build;
        let overridden = settings.overridden().into_iter();
        let overrides = overridden.filter(|(name, _)| !TOLD_APART.contains(name));
        ClientOptions {
            keep_failed: build.keep_failed,
            keep_going: build.keep_going,
            fallback: build.fallback,
            verbosity: self.console.level() as u64,
            max_jobs: u64::from(build.max_jobs.count),
            max_silent_time: u64::try_from(build.max_silent_time).unwrap_or(0),
            build_verbosity: if self.print_build_logs { 0 } else { 7 },
            cores: u64::from(build.cores),
            substitute: settings.store.substitute,
            overrides: overrides
                .map(|(name, value)| (name.to_owned(), value))
                .collect(),
        }
    }

    /// Opens a store behind a protocol; `None` for other URLs.
    pub(super) fn open_remote(
        &self,
        url: &StoreUrl,
        derivations: Option<&Arc<dyn Store>>,
    ) -> Result<Option<Arc<dyn Store>>, Failure> {
        let with_derivations = |options: RemoteStoreOptions| {
            Arc::new(RemoteStore::new(RemoteStoreOptions {
                derivation_source: derivations.cloned(),
                ..options
            }))
        };
        Ok(Some(match url.scheme.as_str() {
            "daemon" | "unix" => with_derivations(self.daemon_options(url)?),
            "ssh-ng" => with_derivations(self.ssh_options(url, false)?),
            "mounted-ssh-ng" => with_derivations(self.ssh_options(url, true)?),
            "ssh" if derivations.is_some() => {
                return Err(Failure::message(
                    "building on an SSH store is incompatible with '--eval-store'",
                ));
            }
            "ssh" => Arc::new(self.open_legacy_ssh(url)?),
            _ => return Ok(None),
        }))
    }

    fn daemon_options(&self, url: &StoreUrl) -> Result<RemoteStoreOptions, Failure> {
        let default = self.daemon_socket();
        let socket = if url.authority.is_empty() {
            default.clone()
        } else {
            PathBuf::from(sources::absolute(&url.authority).path.to_string())
        };
        let shown = if socket == default {
            "daemon".to_owned()
        } else {
            format!("unix://{}", socket.display())
        };
        Ok(RemoteStoreOptions {
            url: shown,
            store_dir: store_dir_of(url)?,
            transport: Transport::Socket(socket),
            files: Some(files_of(url)?),
            remote_roots: false,
            client_options: Some(self.client_options()),
            max_connections: url.max_connections(),
            derivation_source: None,
            traits: url.traits(),
            events: ConsoleSink::shared(self),
        })
    }

    fn ssh_options(&self, url: &StoreUrl, is_mounted: bool) -> Result<RemoteStoreOptions, Failure> {
        let mut arguments = vec!["--stdio"];
        if is_mounted {
            arguments.push("--process-ops");
        }
        Ok(RemoteStoreOptions {
            url: format!("{}://{}", url.scheme, url.authority),
            store_dir: store_dir_of(url)?,
            transport: url.ssh("nix-daemon", &arguments)?,
            files: is_mounted.then(|| files_of(url)).transpose()?,
            remote_roots: is_mounted,
            // Another machine knows best how many processors it has.
            client_options: None,
            max_connections: url.max_connections(),
            derivation_source: None,
            traits: url.traits(),
            events: ConsoleSink::shared(self),
        })
    }

    fn open_legacy_ssh(&self, url: &StoreUrl) -> Result<ServeStore, Failure> {
        let build = &self.settings.build;
        let seconds = |it: i64| u64::try_from(it).unwrap_or(0);
        Ok(ServeStore::new(ServeStoreOptions {
            url: format!("ssh://{}", url.authority),
            host: url.authority.clone(),
            store_dir: store_dir_of(url)?,
            transport: url.ssh("nix-store", &["--serve", "--write"])?,
            build: ServeBuildOptions {
                max_silent_time: seconds(build.max_silent_time),
                timeout: seconds(build.timeout),
                max_log_size: build.max_build_log_size,
                n_repeats: 0,
                enforce_determinism: false,
                keep_failed: build.keep_failed,
            },
            max_connections: url.max_connections(),
            traits: url.traits(),
            events: ConsoleSink::shared(self),
            // A store that was opened to build has someone who listens to that alone.
            hears_builders: self.events.is_some(),
        }))
    }
}

/// Where the files of a store are that someone else writes.
fn files_of(url: &StoreUrl) -> Result<Location, Failure> {
    let store_dir = store_dir_of(url)?;
    let root = url.text("root").map(PathBuf::from);
    let place = |name: &str, below: &str, default: PathBuf| {
        let given = url.text(name).map(PathBuf::from);
        given.unwrap_or_else(|| root.as_ref().map_or(default, |root| root.join(below)))
    };
    let from_env = |name: &str, default: &str| {
        PathBuf::from(filled(name).unwrap_or_else(|| default.to_owned()))
    };
    Ok(Location {
        physical_dir: place("real", "nix/store", PathBuf::from(store_dir.as_str())),
        state_dir: place(
            "state",
            "nix/var/nix",
            from_env("NIX_STATE_DIR", DEFAULT_STATE_DIR),
        ),
        log_dir: place(
            "log",
            "nix/var/log/nix",
            from_env("NIX_LOG_DIR", DEFAULT_LOG_DIR),
        ),
        store_dir,
        root: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_and_words_are_split() {
        assert_eq!(split_port("host"), ("host".to_owned(), None));
        assert_eq!(split_port("host:22"), ("host".to_owned(), Some(22)));
        assert_eq!(split_port("[::1]:22"), ("::1".to_owned(), Some(22)));
        assert_eq!(split_port("::1"), ("::1".to_owned(), None));
        assert_eq!(
            split_words(r#"-i 'a b' -o"x y" c\ d ''"#),
            ["-i", "a b", "-ox y", "c d", ""]
        );
    }
}

//! Which store a command works on, and how it is opened.
//!
//! A store is named by a URL, a path, or one of the words `auto`, `daemon` and `local`. `auto` is
//! the store of this machine if we may write it, and otherwise, without privileges and without
//! one, a store of the user's own below a directory of their data. The places that a URL leaves
//! open come from the environment (`NIX_STORE_DIR`, `NIX_STATE_DIR`, `NIX_LOG_DIR`).

mod caches;
mod overlay;
mod remote;

pub use caches::read_secret_key;
use overlay::OVERLAY;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use firn_build::BuildingStore;
use firn_settings::{Feature, Settings};
use firn_store::{DummyStore, GcTestHooks, LocalOptions, LocalStore, Location, Store, StoreError};
use firn_store_model::{PublicKey, PublicKeys, SecretKey, StoreDir};

use crate::failure::EXIT_ERROR;
use crate::log_sink::ConsoleSink;
use crate::surroundings::{self, filled};
use crate::{Context, Failure, interruption, sources};

/// The store directory where nothing says otherwise.
const DEFAULT_STORE_DIR: &str = "/nix/store";
/// Its state directory.
const DEFAULT_STATE_DIR: &str = "/nix/var/nix";
/// Its log directory.
const DEFAULT_LOG_DIR: &str = "/nix/var/log/nix";

/// The store that evaluations write their derivations and sources to (`--eval-store`), where it is
/// not the one that builds.
#[derive(Default)]
pub struct EvalStore {
    /// Its address.
    pub url: Option<String>,
    /// The store, once it was needed: one that lives in memory must not be opened twice.
    opened: OnceLock<Arc<dyn Store>>,
}

/// A store URL, taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreUrl {
    /// `auto`, `daemon`, `local`, or the scheme of a URL.
    pub scheme: String,
    /// What stands between the scheme and the parameters.
    pub authority: String,
    /// The parameters.
    pub params: BTreeMap<String, String>,
}

impl StoreUrl {
    /// Takes a store URL apart.
    pub fn parse(text: &str) -> Self {
        let (base, query) = text.split_once('?').unwrap_or((text, ""));
        let params = query
            .split('&')
            .filter(|it| !it.is_empty())
            .map(|it| {
                let (key, value) = it.split_once('=').unwrap_or((it, ""));
                (percent_decode(key), percent_decode(value))
            })
            .collect();
        let (scheme, authority) = if let Some((scheme, rest)) = base.split_once("://") {
            // Paths of this machine may hold anything; other addresses are left as they are.
            let rest = match scheme {
                "local" | "unix" | OVERLAY => percent_decode(rest),
                _ => rest.to_owned(),
            };
            (scheme.to_owned(), rest)
        } else if let Some((scheme, path)) = split_scheme(base) {
            (scheme.to_owned(), percent_decode(path))
        } else if base.is_empty() {
            ("auto".to_owned(), String::new())
        } else if base.contains('/') {
            let path = sources::absolute(base).path.to_string();
            ("local".to_owned(), path)
        } else {
            (base.to_owned(), String::new())
        };
        Self {
            scheme,
            authority,
            params,
        }
    }
}

/// A URL without a host: `file:/a/path`.
fn split_scheme(text: &str) -> Option<(&str, &str)> {
    let (scheme, path) = text.split_once(':')?;
    let is_scheme = scheme.starts_with(|it: char| it.is_ascii_lowercase())
        && scheme
            .bytes()
            .all(|it| it.is_ascii_alphanumeric() || b"+.-".contains(&it));
    (is_scheme && path.starts_with('/')).then_some((scheme, path))
}

impl StoreUrl {
    /// The URL as it is shown: words without parameters stand alone.
    pub fn render(&self) -> String {
        let word = match self.scheme.as_str() {
            "auto" => "local",
            other => other,
        };
        if self.params.is_empty() && self.authority.is_empty() {
            return word.to_owned();
        }
        let params: Vec<_> = self
            .params
            .iter()
            .map(|(key, value)| format!("{}={}", percent_encode(key), percent_encode(value)))
            .collect();
        let query = if params.is_empty() { "" } else { "?" };
        format!("{word}://{}{query}{}", self.authority, params.join("&"))
    }
}

/// Everything but what a query may hold as it is becomes a percent sign and two digits.
fn percent_encode(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~!$'()*+,;:@/?".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

fn percent_decode(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let code = (first == b'%')
            .then(|| std::str::from_utf8(after.get(..2)?).ok())
            .flatten()
            .and_then(|it| u8::from_str_radix(it, 16).ok());
        if let Some(code) = code {
            bytes.push(code);
            rest = &after[2..];
        } else {
            bytes.push(first);
            rest = after;
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        let code = match &error {
            StoreError::Build { exit_status, .. } => *exit_status,
            _ => EXIT_ERROR,
        };
        Self::with_code(code, error.to_string())
    }
}

impl Context {
    /// Opens the store that the settings name.
    pub fn open_store(&self) -> Result<Arc<dyn Store>, Failure> {
        let derivations = self.eval_store()?;
        self.open_store_with(&self.settings.store.store, derivations)
    }

    /// The store of evaluations, if it is another one than [`Self::open_store`] opens.
    pub fn eval_store(&self) -> Result<Option<Arc<dyn Store>>, Failure> {
        let Some(url) = &self.eval_store.url else {
            return Ok(None);
        };
        if self.eval_store.opened.get().is_none() {
            let opened = self.open_store_url(url)?;
            // Whoever was first wins.
            self.eval_store.opened.set(opened).ok();
        }
        Ok(self.eval_store.opened.get().cloned())
    }

    /// Opens the store for an evaluation that only reads: where there is none yet, or none that may
    /// be written, that is no reason not to evaluate.
    pub fn open_store_for_reading(&self) -> Result<Arc<dyn Store>, Failure> {
        self.open_store()
    }

    /// Opens a store by its URL.
    pub fn open_store_url(&self, url: &str) -> Result<Arc<dyn Store>, Failure> {
        self.open_store_with(url, None)
    }

    /// Opens a store by its URL; another one may have the derivations that it builds.
    fn open_store_with(
        &self,
        url: &str,
        derivations: Option<Arc<dyn Store>>,
    ) -> Result<Arc<dyn Store>, Failure> {
        let parsed = StoreUrl::parse(url);
        if parsed.is_binary_cache() {
            return Ok(Arc::new(self.open_binary_cache(&parsed)?));
        }
        if let Some(store) = self.open_elsewhere(&parsed, derivations.as_ref())? {
            return Ok(store);
        }
        let local = Arc::new(self.open_local_store_url(url, derivations)?);
        let mut build = self.build_settings();
        build.nested_server = self.nested_server(url);
        if let Some(features) = parsed.params.get("system-features") {
            build.system_features = features.split_whitespace().map(str::to_owned).collect();
        }
        let store = BuildingStore::new(local, build, self.open_substituters());
        let store = Arc::new(store);
        interruption::ends_builds_of(&store);
        Ok(store)
    }

    /// Opens a store that is neither a binary cache nor one of this machine; `None` if it is one
    /// of these.
    fn open_elsewhere(
        &self,
        url: &StoreUrl,
        derivations: Option<&Arc<dyn Store>>,
    ) -> Result<Option<Arc<dyn Store>>, Failure> {
        if url.scheme == "dummy" {
            let is_read_only = url.flag("read-only").unwrap_or(true);
            let store = DummyStore::new(store_dir_of(url)?, is_read_only);
            return Ok(Some(Arc::new(store)));
        }
        if url.scheme == "auto" && self.has_only_daemon() {
            let url = StoreUrl {
                scheme: "daemon".to_owned(),
                ..url.clone()
            };
            return self.open_remote(&url, derivations);
        }
        self.open_remote(url, derivations)
    }

    /// Opens the store that the settings name, if it is one of this machine.
    pub fn open_local_store(&self) -> Result<LocalStore, Failure> {
        self.open_local_store_url(&self.settings.store.store, None)
    }

    fn open_local_store_url(
        &self,
        url: &str,
        derivation_source: Option<Arc<dyn Store>>,
    ) -> Result<LocalStore, Failure> {
        let location = self.local_location(url)?;
        let parsed = StoreUrl::parse(url);
        let options = LocalOptions {
            physical_links: self.program.is_firn(),
            build_group: self.build_group(),
            require_signatures: parsed
                .flag("require-sigs")
                .unwrap_or(self.settings.store.require_sigs),
            trusted_keys: self.trusted_keys()?,
            secret_keys: self.secret_keys()?,
            overlay: self.overlay_options(&parsed)?,
            derivation_source,
            ..self.local_options(url)
        };
        Ok(LocalStore::open(location, options)?)
    }

    /// The group that root's builders share: the store directory has to be open to it, or they could
    /// not write there outside a sandbox.
    fn build_group(&self) -> Option<u32> {
        let group = self.build_settings().build_users_group?;
        firn_sys::accounts::group_members(&group).map(|(gid, _)| gid)
    }

    /// Where the store of the settings keeps its state; that of a daemon's store is this machine's.
    pub fn state_dir(&self) -> PathBuf {
        let location = self.local_location(&self.settings.store.store);
        location.map_or_else(
            |_| {
                let given = filled("NIX_STATE_DIR");
                PathBuf::from(given.unwrap_or_else(|| DEFAULT_STATE_DIR.to_owned()))
            },
            |location| location.state_dir,
        )
    }

    /// What the paths of the store of the settings begin with.
    pub fn store_dir_of_settings(&self) -> String {
        let location = self.local_location(&self.settings.store.store);
        location.map_or_else(
            |_| {
                let given = filled("NIX_STORE_DIR");
                given.unwrap_or_else(|| "/nix/store".to_owned())
            },
            |location| location.store_dir.as_str().to_owned(),
        )
    }

    /// Where the parts of a local store lie.
    fn local_location(&self, text: &str) -> Result<Location, Failure> {
        let mut url = StoreUrl::parse(text);
        match url.scheme.as_str() {
            "auto" => {
                if let Some(root) = self.own_root(&url)? {
                    url.authority = root.to_string_lossy().into_owned();
                }
            }
            "local" | OVERLAY => {}
            other => {
                return Err(Failure::message(format!(
                    "don't know how to open Nix store with scheme '{other}'"
                )));
            }
        }
        let path = |name: &str| {
            let value = url.params.get(name).filter(|it| !it.is_empty());
            value.map(|it| PathBuf::from(sources::absolute(it).path.to_string()))
        };
        let root = path("root").or_else(|| {
            let given = !url.authority.is_empty();
            given.then(|| PathBuf::from(&url.authority))
        });
        let store_dir = store_dir_of(&url)?;
        let from_env = |name: &str, default: &str| {
            PathBuf::from(filled(name).unwrap_or_else(|| default.to_owned()))
        };
        let (physical, state, log) = match &root {
            Some(root) => (
                root.join("nix/store"),
                root.join("nix/var/nix"),
                root.join("nix/var/log/nix"),
            ),
            None => (
                PathBuf::from(store_dir.as_str()),
                from_env("NIX_STATE_DIR", DEFAULT_STATE_DIR),
                from_env("NIX_LOG_DIR", DEFAULT_LOG_DIR),
            ),
        };
        Ok(Location {
            physical_dir: path("real").unwrap_or(physical),
            state_dir: path("state").unwrap_or(state),
            log_dir: path("log").unwrap_or(log),
            store_dir,
            root,
        })
    }

    /// Whether the store of this machine cannot be written, but someone listens who can.
    fn has_only_daemon(&self) -> bool {
        let state_dir = filled("NIX_STATE_DIR").unwrap_or_else(|| DEFAULT_STATE_DIR.to_owned());
        !is_writable(Path::new(&state_dir)) && self.daemon_socket().exists()
    }

    /// The root of a store of the user's own, where `auto` means that.
    fn own_root(&self, url: &StoreUrl) -> Result<Option<PathBuf>, Failure> {
        let machine = self.settings.machine();
        let is_placed = !url.params.is_empty()
            || ["NIX_STORE_DIR", "NIX_STATE_DIR"]
                .iter()
                .any(|it| surroundings::variable(it).is_some());
        if machine.is_root || is_placed || is_writable(Path::new(DEFAULT_STATE_DIR)) {
            return Ok(None);
        }
        if Path::new(DEFAULT_STATE_DIR).exists() && !self.program.is_firn() {
            return Ok(None);
        }
        let root = if self.program.is_firn() {
            surroundings::firn_data_dir().join("root")
        } else {
            surroundings::data_dir().join("root")
        };
        if !root.exists() {
            std::fs::create_dir_all(&root).map_err(|it| {
                Failure::message(format!("creating directory \"{}\": {it}", root.display()))
            })?;
            if !self.program.is_firn() {
                self.console.warn(&format!(
                    "{DEFAULT_STATE_DIR} does not exist, so Nix will use \"{}\" as a chroot store",
                    root.display()
                ));
            }
        }
        Ok(Some(root))
    }

    fn local_options(&self, url: &str) -> LocalOptions {
        let url = StoreUrl::parse(url);
        let hook = |name: &str| filled(name).map(PathBuf::from);
        let settings: &Settings = &self.settings;
        let store = &settings.store;
        LocalOptions {
            read_only: url.flag("read-only").unwrap_or(false),
            ca_derivations: settings.is_enabled(Feature::CaDerivations),
            use_wal: store.use_sqlite_wal,
            fsync_metadata: store.fsync_metadata,
            fsync_store_paths: store.fsync_store_paths,
            use_case_hack: store.use_case_hack,
            sync_before_registering: store.sync_before_registering,
            auto_optimise: store.auto_optimise_store,
            allow_symlinked_store: store.allow_symlinked_store,
            ignored_attributes: store
                .ignored_acls
                .iter()
                .map(|it| it.as_bytes().to_vec())
                .collect(),
            keep_outputs: store.keep_outputs,
            keep_derivations: store.keep_derivations,
            reserved_space: u64::try_from(store.gc_reserved_space).unwrap_or(0),
            min_free: store.min_free,
            max_free: store.max_free,
            min_free_check_interval: store.min_free_check_interval,
            require_signatures: store.require_sigs,
            trusted_keys: trusted_keys(settings),
            compress_build_log: settings.build.compress_build_log,
            priority: url.number("priority").unwrap_or(0),
            want_mass_query: url.flag("want-mass-query").unwrap_or(false),
            is_trusted: url.flag("trusted").unwrap_or(false),
            gc_test_hooks: GcTestHooks {
                locked: hook("_NIX_TEST_GC_SYNC_1"),
                rooted: hook("_NIX_TEST_GC_SYNC_2"),
                free_space: hook("_NIX_TEST_FREE_SPACE_FILE"),
            },
            events: ConsoleSink::shared(self),
            ..LocalOptions::default()
        }
    }
}

/// The directory that the paths of a store begin with.
fn store_dir_of(url: &StoreUrl) -> Result<StoreDir, Failure> {
    let from_env = || filled("NIX_STORE_DIR").or_else(|| filled("NIX_STORE"));
    let store_dir = url.params.get("store").cloned().or_else(from_env);
    let store_dir = store_dir.unwrap_or_else(|| DEFAULT_STORE_DIR.to_owned());
    StoreDir::new(store_dir).map_err(|it| Failure::message(it.to_string()))
}

/// The keys that `trusted-public-keys` names, and those of our own secret ones. A key that cannot
/// be read trusts nobody.
fn trusted_keys(settings: &Settings) -> PublicKeys {
    let store = &settings.store;
    let named = store.trusted_public_keys.iter();
    let named = named.filter_map(|text| PublicKey::parse(text).ok());
    let own = store.secret_key_files.iter().filter_map(|file| {
        let text = std::fs::read_to_string(file).ok()?;
        Some(SecretKey::parse(&text).ok()?.public_key())
    });
    named.chain(own).collect()
}

fn is_writable(path: &Path) -> bool {
    let access = rustix::fs::Access::READ_OK | rustix::fs::Access::WRITE_OK;
    rustix::fs::access(path, access).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, scheme: &str, authority: &str, params: &[(&str, &str)]) {
        let url = StoreUrl::parse(text);
        assert_eq!(
            (&*url.scheme, &*url.authority),
            (scheme, authority),
            "{text}"
        );
        let expected: BTreeMap<_, _> = params
            .iter()
            .map(|it| (it.0.to_owned(), it.1.to_owned()))
            .collect();
        assert_eq!(url.params, expected, "{text}");
    }

    #[test]
    fn urls_are_taken_apart() {
        check("", "auto", "", &[]);
        check("daemon", "daemon", "", &[]);
        check("/a/b", "local", "/a/b", &[]);
        check(
            "local?root=/x%20y&read-only=true",
            "local",
            "",
            &[("read-only", "true"), ("root", "/x y")],
        );
        check("https://h/p?k=v", "https", "h/p", &[("k", "v")]);
        check("file:///x", "file", "/x", &[]);
        check("file:/x/y?k=v", "file", "/x/y", &[("k", "v")]);
        check(
            "./file:/x",
            "local",
            &sources::absolute("./file:/x").path.to_string(),
            &[],
        );
        let shown = |text: &str| StoreUrl::parse(text).render();
        assert_eq!(shown("auto"), "local");
        assert_eq!(shown("local?root=/x y"), "local://?root=/x%20y");
        assert_eq!(shown("/a"), "local:///a");
    }
}

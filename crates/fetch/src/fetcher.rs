//! The fetcher: makes the tree of an input a store object and tells what it found out on the way.
//!
//! An input is fetched once, however many threads ask; what several processes share (clones of
//! repositories) is locked. A tree that was in the store before under the hash that a lock file
//! states is not fetched at all, so that what succeeded once needs no network again.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use firn_events::{Level, SharedSink};
use firn_hash::Hash;
use firn_settings::{Feature, FeatureSet, SourceSettings};
use firn_store::Store;
use firn_store_model::StorePath;
use firn_transfer::Client;

use crate::attrs::Attrs;
use crate::cache::Cache;
use crate::input::FINAL;
use crate::{FetchError, Input, Registry, RegistryKind, Result, Scheme, UseRegistries};

/// What a fetcher works with.
pub struct FetchOptions {
    /// Settings of sources.
    pub settings: SourceSettings,
    /// Experimental features that are on.
    pub features: FeatureSet,
    /// Where to keep what is worth keeping.
    pub cache_dir: PathBuf,
    /// The system's registry.
    pub system_registry: PathBuf,
    /// The user's registry.
    pub user_registry: PathBuf,
    /// What relative paths are meant from.
    pub current_dir: PathBuf,
    /// Whether repositories on this machine are treated as if they were far away.
    pub force_remote: bool,
    /// Addresses that stand for `https://HOST`, by host: forges are asked there.
    pub origins: BTreeMap<String, String>,
    /// Whether the network is not to be used.
    pub offline: bool,
    /// Where messages and progress go.
    pub events: SharedSink,
}

/// A fetched input.
#[derive(Clone, Debug)]
pub struct Fetched {
    /// The input with everything that is known of it now.
    pub input: Input,
    /// The input that a registry named, or the one that was asked for.
    pub resolved: Input,
    /// What a registry said besides: a directory.
    pub extra: Attrs,
    /// Its tree.
    pub path: StorePath,
    /// What stands for the tree's root in messages; nothing if that is its store path.
    pub display: Option<String>,
    /// The working tree that it was taken from.
    pub working_tree: Option<PathBuf>,
    /// Whether asking again will always give the same tree.
    pub is_fixed: bool,
    /// Files and directories of this machine: as long as they have their status, asking again gives
    /// the same. Nothing if there is more to it than that.
    pub watched: Option<Arc<Vec<PathBuf>>>,
}

/// What a scheme found.
pub(crate) struct Found {
    pub(crate) input: Input,
    pub(crate) path: StorePath,
    pub(crate) hash: Hash,
    pub(crate) display: Option<String>,
    pub(crate) working_tree: Option<PathBuf>,
    pub(crate) watched: Option<Vec<PathBuf>>,
}

impl Found {
    /// A tree of a repository or an archive, which messages name by the input.
    pub(crate) fn named(input: Input, path: StorePath, hash: Hash) -> Self {
        Self {
            display: Some(format!("«{}»", input.show())),
            input,
            path,
            hash,
            working_tree: None,
            watched: None,
        }
    }
}

/// Is told what a fetcher does.
pub trait FetchListener: Send + Sync {
    /// An input was fetched, or found to be there: what was asked for, which registries could
    /// answer, what came of it.
    fn fetched(&self, asked: &Input, registries: UseRegistries, fetched: &Fetched);
    /// The user was warned.
    fn warned(&self, text: &str);
}

/// A tree with more files than this is not watched: looking at each would take longer than asking
/// again.
pub(crate) const MAX_WATCHED: usize = 20_000;

/// The slot of an input that is being fetched or has been.
type Slot = Arc<Mutex<Option<Fetched>>>;

/// Fetches inputs into a store.
pub struct Fetcher {
    store: Arc<dyn Store>,
    client: Client,
    options: FetchOptions,
    cache: OnceLock<Cache>,
    seen: Mutex<BTreeMap<Attrs, Slot>>,
    registries: Mutex<Vec<Registry>>,
    flake_registry: Mutex<String>,
    listener: OnceLock<Box<dyn FetchListener>>,
}

impl Fetcher {
    /// Forgets what was fetched in this run, so that sources that have changed are seen anew.
    pub fn forget_all(&self) {
        lock(&self.seen).clear();
    }

    /// A fetcher for a store.
    pub fn new(store: Arc<dyn Store>, options: FetchOptions, client: Client) -> Self {
        Self {
            store,
            client,
            cache: OnceLock::new(),
            seen: Mutex::default(),
            registries: Mutex::new(vec![Registry::new(RegistryKind::Flag)]),
            flake_registry: Mutex::new(options.settings.flake_registry.clone()),
            listener: OnceLock::new(),
            options,
        }
    }

    /// Who is told of what was fetched; the first one stays.
    pub fn tell(&self, listener: Box<dyn FetchListener>) {
        // Only one evaluation listens to its fetcher.
        drop(self.listener.set(listener));
    }

    /// The store.
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.store
    }

    /// What the fetcher works with.
    pub fn options(&self) -> &FetchOptions {
        &self.options
    }

    /// Settings of sources.
    pub fn settings(&self) -> &SourceSettings {
        &self.options.settings
    }

    /// Warns.
    pub fn warn(&self, text: &str) {
        if let Some(listener) = self.listener.get() {
            listener.warned(text);
        }
        self.options.events.message(Level::Warn, text);
    }

    /// Says something that the user should know and that is no warning.
    pub fn notice(&self, text: &str) {
        self.say(Level::Notice, text);
    }

    /// Says something for those who look for an error.
    pub fn debug(&self, text: &str) {
        self.say(Level::Debug, text);
    }

    /// Says something that is no warning.
    pub fn say(&self, level: Level, text: &str) {
        self.options.events.message(level, text);
    }

    /// Fails unless a feature is on.
    pub fn require(&self, feature: Feature) -> Result<()> {
        if self.options.features.contains(feature) {
            return Ok(());
        }
        Err(firn_settings::Error::FeatureDisabled { feature }.into())
    }

    pub(crate) fn require_scheme(&self, scheme: Scheme) -> Result<()> {
        if scheme.needs_flakes() {
            self.require(Feature::Flakes)?;
        }
        Ok(())
    }

    /// The client for transfers.
    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    pub(crate) fn cache(&self) -> &Cache {
        self.cache
            .get_or_init(|| Cache::open(&self.options.cache_dir))
    }

    /// Whether something noted that long ago still counts.
    pub(crate) fn is_fresh(&self, age: u64) -> bool {
        let ttl = u64::from(self.options.settings.tarball_ttl);
        ttl != 0 && age <= ttl
    }

    /// Where the files of a store object lie.
    pub(crate) fn physical(&self, path: &StorePath) -> Result<PathBuf> {
        self.store.physical_path(path).ok_or_else(|| {
            FetchError::new(format!(
                "store '{}' keeps no files on this machine, so that fetched sources cannot be read",
                self.store.url()
            ))
        })
    }

    // Registries.

    /// The address of the global registry.
    pub fn flake_registry(&self) -> String {
        lock(&self.flake_registry).clone()
    }

    /// Sets the address of the global registry, for a flake that brings its own.
    pub fn set_flake_registry(&self, place: &str) {
        place.clone_into(&mut lock(&self.flake_registry));
        lock(&self.registries).retain(|it| it.kind != RegistryKind::Global);
    }

    /// Adds to the registry of flags.
    pub fn override_registry(&self, from: Input, to: Input, extra: Attrs) {
        if let Some(flags) = lock(&self.registries)
            .iter_mut()
            .find(|it| it.kind == RegistryKind::Flag)
        {
            flags.add(from, to, extra);
        }
    }

    pub(crate) fn known_registry(&self, kind: RegistryKind) -> Option<Registry> {
        lock(&self.registries)
            .iter()
            .find(|it| it.kind == kind)
            .cloned()
    }

    pub(crate) fn remember_registry(&self, registry: Registry) {
        lock(&self.registries).push(registry);
    }

    // Fetching.

    /// Fetches an input, which may be a name that registries know.
    pub fn fetch(&self, input: &Input, registries: UseRegistries) -> Result<Fetched> {
        let slot = self.slot(input);
        let mut fetched = lock(&slot);
        if let Some(fetched) = &*fetched {
            return Ok(fetched.clone());
        }
        let result = if input.is_direct() {
            self.fetch_direct(input)?
        } else if registries == UseRegistries::No {
            return Err(FetchError::new(format!(
                "'{}' is an indirect flake reference, but registry lookups are not allowed",
                input.show()
            )));
        } else {
            let (resolved, extra) = self.look_up(input, registries)?;
            Fetched {
                extra,
                is_fixed: false,
                ..self.fetch(&resolved, UseRegistries::No)?
            }
        };
        if let Some(listener) = self.listener.get() {
            listener.fetched(input, registries, &result);
        }
        *fetched = Some(result.clone());
        Ok(result)
    }

    /// Forgets that an input was fetched, because its files have been changed.
    pub fn forget(&self, input: &Input) {
        lock(&self.seen).remove(&input.attrs);
    }

    fn slot(&self, input: &Input) -> Slot {
        Arc::clone(lock(&self.seen).entry(input.attrs.clone()).or_default())
    }

    fn fetch_direct(&self, input: &Input) -> Result<Fetched> {
        let fetch = || -> Result<Fetched> {
            input.known_scheme()?;
            let found = match self.already_there(input)? {
                Some(found) => found,
                None => self.fetch_by_scheme(input)?,
            };
            let mut result = found.input;
            result.set(FINAL, true);
            result.set("narHash", found.hash.to_sri());
            let mut locked = input.check_locks(result)?;
            locked.set("narHash", found.hash.to_sri());
            Ok(Fetched {
                input: locked,
                resolved: input.clone(),
                extra: Attrs::new(),
                path: found.path,
                display: found.display,
                working_tree: found.working_tree,
                is_fixed: input.is_locked(self),
                watched: found.watched.map(Arc::new),
            })
        };
        fetch().map_err(|error| {
            error.while_doing(format!("while fetching the input '{}'", input.show()))
        })
    }

    /// What a lock file states completely may be in the store, or to be had from a cache.
    fn already_there(&self, input: &Input) -> Result<Option<Found>> {
        let Some(hash) = input.nar_hash()?.filter(|_| input.is_final()) else {
            return Ok(None);
        };
        let path = input.store_path(self.store.store_dir())?;
        if self.store.ensure_path(&path).is_err() {
            return Ok(None);
        }
        Ok(Some(Found::named(input.clone(), path, hash)))
    }

    fn fetch_by_scheme(&self, input: &Input) -> Result<Found> {
        match input.known_scheme()? {
            Scheme::Path => self.fetch_path(input),
            Scheme::File => self.fetch_file(input),
            Scheme::Tarball => self.fetch_tarball(input),
            Scheme::Git => self.fetch_git(input),
            Scheme::GitHub | Scheme::GitLab | Scheme::SourceHut => self.fetch_forge(input),
            Scheme::Mercurial => self.fetch_mercurial(input),
            Scheme::Indirect => Err(FetchError::new(format!(
                "indirect input '{}' cannot be fetched directly",
                input.show()
            ))),
        }
    }
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

//! The evaluator's host over a store: files, environment, search path, sources, and builds that an
//! evaluation asks for.
//!
//! What belongs to the process (environment, home directory, clock, terminal) is passed in as
//! [`Surroundings`]; nothing here reads it. A source is hashed when its path is first turned into a
//! string; it and every derivation are queued, and written before anything is built.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use firn_eval::{FileType, Forms, Host, HostError, Message, Purity, SearchPathEntry};
use firn_events::NullSink;
use firn_fetch::{Fetched, Fetcher};
use firn_heap::ContextElement;
use firn_source::{CanonicalPath, RootId, SourcePath};
use firn_store::derivation::HashModulos;
use firn_store::hash_tree::hash_tree;
use firn_store::types::AddOptions;
use firn_store::{BuildMode, CopyOptions, Store, StoreError, StorePathSet, copy_closure};
use firn_store_model::{
    DERIVATION_EXTENSION, DerivedPath, OutputName, OutputsSpec, ReferenceScanner,
    SingleDerivedPath, StorePath, downstream_placeholder,
};

use crate::allowed::Allowed;
use crate::derived;
use crate::embedded::EmbeddedFiles;
use crate::files::{Files, missing};
use crate::mounts::Mounts;
use crate::observer::Observer;
use crate::pending::Pending;
use crate::search_path;
use crate::source_tree::Source;

/// Looks an environment variable up.
pub type Environment = Box<dyn Fn(&[u8]) -> Option<Vec<u8>> + Send + Sync>;
/// Tells the user something.
pub type Messages = Box<dyn Fn(Message) + Send + Sync>;
/// Fetches what an address of the search path stands for, and gives the place on this machine.
pub type FetchPlace = Box<dyn Fn(&[u8]) -> Result<Vec<u8>, HostError> + Send + Sync>;

/// Opens a binary cache by its address.
pub type OpenCache = Box<dyn Fn(&str) -> Result<Arc<dyn Store>, HostError> + Send + Sync>;

/// The standard library, which `<firn>` names.
#[derive(Clone, Debug)]
pub enum Library {
    /// There is none.
    Absent,
    /// The one in the program, below its root.
    Embedded(EmbeddedFiles, &'static str),
    /// A directory of this machine.
    Directory(Vec<u8>),
}

impl Library {
    /// Where it lies.
    pub fn place(&self) -> Option<SourcePath> {
        match self {
            Self::Absent => None,
            Self::Embedded(_, root) => Some(SourcePath {
                root: RootId::EMBEDDED,
                path: CanonicalPath::new(root.as_bytes()),
            }),
            Self::Directory(directory) => Some(SourcePath::host(directory)),
        }
    }
}

/// What an evaluation may know of the process around it.
pub struct Surroundings {
    /// The environment; not asked in pure evaluation.
    pub environment: Environment,
    /// The user's home directory, if there is one.
    pub home: Option<Vec<u8>>,
    /// Seconds since the epoch.
    pub current_time: i64,
    /// The system that is built for.
    pub current_system: Vec<u8>,
    /// How much of the world may be seen.
    pub purity: Purity,
    /// Entries of `-I` and `NIX_PATH`, as written.
    pub search_path: Vec<SearchPathEntry>,
    /// What `<firn>` names, and `<nixpkgs>` where the search path does not say.
    pub library: Library,
    /// Where outputs are built that the evaluation reads, if not in the evaluation's own store.
    pub build_store: Option<Arc<dyn Store>>,
    /// Whether the store must not be written to.
    pub read_only: bool,
    /// Whether building during evaluation is allowed.
    pub allow_import_from_derivation: bool,
    /// Whether building during evaluation is told.
    pub trace_import_from_derivation: bool,
    /// Experimental features that are on.
    pub features: Vec<String>,
    /// Where messages go.
    pub messages: Messages,
    /// Fetches addresses of the search path.
    pub fetch_place: FetchPlace,
    /// Is told what the evaluation depends on.
    pub observer: Option<Arc<dyn Observer>>,
    /// Opens a binary cache by its address.
    pub open_cache: OpenCache,
    /// Fetches what expressions name; without it nothing may be fetched.
    pub fetcher: Option<Arc<Fetcher>>,
    /// How addresses begin that a restricted evaluation may fetch from.
    pub allowed_uris: Vec<String>,
    /// Set when the user wants evaluation to stop.
    pub interrupted: Arc<AtomicBool>,
    /// Where written forms of texts are kept between runs.
    pub forms: Option<Arc<dyn Forms>>,
}

/// Places of the search path that were addresses, with what was fetched.
type Places = HashMap<Vec<u8>, Result<Vec<u8>, HostError>>;
/// Texts with what stands in their place.
type Rewrites = Vec<(Vec<u8>, Vec<u8>)>;

/// The host of an evaluation whose paths live in a store. Copies are the same host.
#[derive(Clone)]
pub struct StoreHost(Arc<Inner>);

impl std::ops::Deref for StoreHost {
    type Target = Inner;

    fn deref(&self) -> &Inner {
        &self.0
    }
}

/// What the copies of a host share.
pub struct Inner {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) pending: Pending,
    pub(crate) modulos: HashModulos,
    pub(crate) surroundings: Surroundings,
    pub(crate) files: Files,
    sources: Mutex<HashMap<SourcePath, StorePath>>,
    /// Below what a restricted or pure evaluation may look; `None` is everywhere.
    allowed: Option<Allowed>,
    places: Mutex<Places>,
    search_path: OnceLock<Vec<SearchPathEntry>>,
    mounts: Mounts,
    /// Whether it has been said that the library stands in for nixpkgs.
    said_stand_in: AtomicBool,
}

impl StoreHost {
    /// A host over `store`.
    pub fn new(store: Arc<dyn Store>, surroundings: Surroundings) -> Self {
        let Purity {
            pure_eval,
            restricted,
        } = surroundings.purity;
        let library: EmbeddedFiles = match surroundings.library {
            Library::Embedded(files, _) => files,
            _ => &[],
        };
        let host = Self(Arc::new(Inner {
            files: Files::new(Arc::clone(&store), library, surroundings.observer.clone()),
            pending: Pending::new(
                Arc::clone(&store),
                surroundings.read_only,
                surroundings.observer.clone(),
            ),
            modulos: HashModulos::default(),
            sources: Mutex::default(),
            allowed: (pure_eval || restricted).then(Allowed::default),
            places: Mutex::default(),
            search_path: OnceLock::new(),
            mounts: Mounts::default(),
            said_stand_in: AtomicBool::new(false),
            store,
            surroundings,
        }));
        if let Library::Directory(directory) = &host.surroundings.library {
            host.allow(&CanonicalPath::new(directory));
        }
        if restricted {
            for entry in &host.surroundings.search_path {
                if let Ok(place) = host.resolve_place(&entry.path) {
                    host.allow(&CanonicalPath::new(&place));
                }
            }
        }
        host
    }

    /// The host of an evaluation that was made with one.
    ///
    /// # Panics
    /// If the evaluation has another host: the builtins of this crate need this one.
    pub fn of(ctx: &firn_eval::Ctx<'_>) -> Self {
        let host: &dyn std::any::Any = ctx.host();
        let host = host.downcast_ref::<Self>();
        host.expect("builtins of the store are registered with a host over a store")
            .clone()
    }

    /// The store.
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.store
    }

    /// Writes every derivation and source that was named so far.
    ///
    /// # Errors
    /// What the store says.
    pub fn flush(&self) -> Result<(), StoreError> {
        self.pending.flush()
    }

    /// Lets a restricted evaluation look below `path`.
    pub fn allow(&self, path: &CanonicalPath) {
        if let Some(allowed) = &self.allowed {
            allowed.insert(path);
        }
    }

    /// Forgets what was seen of files, so that those that have changed are seen anew.
    pub fn forget_files(&self) {
        self.lock_sources().clear();
        self.files.forget();
        if let Some(fetcher) = &self.surroundings.fetcher {
            fetcher.forget_all();
        }
    }

    /// What fetches for this evaluation.
    ///
    /// # Panics
    /// If the host was made without: programs that fetch need one that can.
    pub fn fetcher(&self) -> &Arc<Fetcher> {
        let fetcher = self.surroundings.fetcher.as_ref();
        fetcher.expect("front ends give their hosts a fetcher")
    }

    /// Notes that the result depends on a source that may be another one next time.
    pub(crate) fn depends_on_change(&self) {
        if let Some(observer) = &self.surroundings.observer {
            observer.loses_track("a source was fetched that may change");
        }
    }

    /// Makes a fetched tree known: it may be looked at, and messages name it as its user does.
    pub fn mount(&self, fetched: &Fetched) {
        if let Some(observer) = &self.surroundings.observer {
            observer.uses(&fetched.path);
        }
        self.allow_store_path(&fetched.path);
        self.mounts.add(
            self.store.store_dir().print(&fetched.path).into_bytes(),
            fetched,
        );
    }

    /// Where a file can be edited: in the working tree that a fetched tree was taken from, or where
    /// it lies.
    pub fn original_place(&self, path: &CanonicalPath) -> PathBuf {
        self.mounts
            .in_working_tree(path)
            .unwrap_or_else(|| self.files.place(path))
    }

    /// Whether a restricted evaluation may fetch from an address; an error if not.
    pub(crate) fn check_uri(&self, uri: &str) -> Result<(), HostError> {
        if !self.surroundings.purity.restricted {
            return Ok(());
        }
        let allowed = &self.surroundings.allowed_uris;
        if allowed.iter().any(|prefix| is_below(uri, prefix)) {
            return Ok(());
        }
        let path = uri.strip_prefix("file://").unwrap_or(uri);
        if path.starts_with('/') {
            return self.check_access(&SourcePath::host(path.as_bytes()));
        }
        Err(HostError::restricted(format!(
            "access to URI '{uri}' is forbidden in restricted mode"
        )))
    }

    /// Lets a restricted evaluation look into a store object that it has made or named.
    pub(crate) fn allow_store_path(&self, path: &StorePath) {
        if self.allowed.is_some() {
            self.allow(&CanonicalPath::new(
                self.store.store_dir().print(path).as_bytes(),
            ));
        }
    }

    /// Lets a restricted evaluation look into what it has built and all that this refers to.
    fn allow_closure(&self, path: &StorePath) -> Result<(), StoreError> {
        if self.allowed.is_some() {
            let options = firn_store::closure::ClosureOptions::default();
            let store = self.store.as_ref();
            for path in firn_store::closure::closure(store, [path.clone()], options)? {
                self.allow_store_path(&path);
            }
        }
        Ok(())
    }

    /// The tree that a path names.
    pub(crate) fn source(&self, path: &SourcePath) -> Source {
        self.files.source(path)
    }

    /// Tells that the result depends on something that cannot be checked again.
    pub fn loses_track(&self, reason: &'static str) {
        if let Some(observer) = &self.surroundings.observer {
            observer.loses_track(reason);
        }
    }

    /// The store path of a source under its own name, computed once.
    pub(crate) fn source_path(&self, path: &SourcePath) -> Result<StorePath, HostError> {
        if path
            .path
            .as_bytes()
            .ends_with(DERIVATION_EXTENSION.as_bytes())
        {
            return Err(HostError::new(format!(
                "file names are not allowed to end in '{DERIVATION_EXTENSION}'"
            )));
        }
        if let Some(known) = self.lock_sources().get(path) {
            return Ok(known.clone());
        }
        self.check_access(path)?;
        let resolved = self.resolve_symlinks(path, false)?;
        if self.files.file_type(&resolved)?.is_none() {
            return Err(missing(path));
        }
        let name = path.path.file_name().unwrap_or(b"source");
        let name = firn_store_model::check_name(name)
            .map_err(|error| HostError::new(error.to_string()))?;
        let source = self.source(&resolved);
        let options = AddOptions::default();
        let store_dir = self.store.store_dir();
        let hashed = source.with_tree(|tree| hash_tree(store_dir, name, tree, None, &options));
        let (_, store_path) = hashed.map_err(|error| store_error(&error))?;
        self.pending.source(store_path.clone(), source);
        self.allow_store_path(&store_path);
        self.lock_sources().insert(path.clone(), store_path.clone());
        Ok(store_path)
    }

    fn lock_sources(&self) -> std::sync::MutexGuard<'_, HashMap<SourcePath, StorePath>> {
        self.sources.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A place of the search path as a path on this machine; fetched where it is an address.
    fn resolve_place(&self, place: &[u8]) -> Result<Vec<u8>, HostError> {
        if !search_path::is_address(place) && !place.starts_with(b"flake:") {
            return Ok(place.to_vec());
        }
        let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = places.get(place) {
            return known.clone();
        }
        let fetched = (self.surroundings.fetch_place)(place);
        if fetched.is_err() {
            self.loses_track("an entry of the search path cannot be fetched");
        }
        places.insert(place.to_vec(), fetched.clone());
        fetched
    }

    /// A text that is the path of a store object, and refers to it.
    pub(crate) fn new_store_path<'h>(
        &self,
        ctx: &mut firn_eval::Ctx<'h>,
        path: &StorePath,
    ) -> firn_eval::Val<'h> {
        self.allow_store_path(path);
        let text = self.store.store_dir().print(path).into_bytes();
        let element = ContextElement::Opaque(text[..].into());
        let context = ctx.heap().contexts().single(&element);
        ctx.new_str_with(&text, context)
    }

    /// Whether an experimental feature is on.
    pub(crate) fn has_feature(&self, name: &str) -> bool {
        self.surroundings.features.iter().any(|on| on == name)
    }
}

/// Whether an address is one that a prefix allows: the same, or below it.
fn is_below(uri: &str, prefix: &str) -> bool {
    let Some(rest) = uri.strip_prefix(prefix).filter(|_| !prefix.is_empty()) else {
        return false;
    };
    rest.is_empty()
        || rest.starts_with('/')
        || (prefix.len() > 1 && prefix.ends_with('/'))
        || (prefix.ends_with(':') && !prefix.contains('/'))
}

/// How what was built elsewhere comes into the evaluation's store.
fn copying() -> CopyOptions {
    CopyOptions {
        repair: false,
        check_signatures: true,
        substitute: false,
        n_jobs: 1,
        events: NullSink::shared(),
    }
}

/// A store's error as the evaluation reports it.
pub(crate) fn store_error(error: &StoreError) -> HostError {
    HostError::new(error.to_string())
}

impl Host for StoreHost {
    fn forms(&self) -> Option<&dyn Forms> {
        self.surroundings.forms.as_deref()
    }

    fn read_file(&self, path: &SourcePath) -> Result<Arc<[u8]>, HostError> {
        self.check_access(path)?;
        let read = self.files.read(path);
        read.map_err(|error| self.mounts.explain(&self.files, path, error))
    }

    fn file_type(&self, path: &SourcePath) -> Result<Option<FileType>, HostError> {
        self.check_access(path)?;
        self.files.file_type(path)
    }

    fn read_dir(&self, path: &SourcePath) -> Result<Vec<(Vec<u8>, Option<FileType>)>, HostError> {
        self.check_access(path)?;
        let listed = self.files.read_dir(path);
        let mut entries = listed.map_err(|error| self.mounts.explain(&self.files, path, error))?;
        if let Some(allowed) = &self.allowed
            && path.root == RootId::HOST
        {
            entries.retain(|(name, _)| allowed.contains(&path.path.join(name)));
        }
        Ok(entries)
    }

    fn read_link(&self, path: &SourcePath) -> Result<Vec<u8>, HostError> {
        self.check_access(path)?;
        self.files.read_link(path)
    }

    fn resolve_symlinks(&self, path: &SourcePath, last: bool) -> Result<SourcePath, HostError> {
        // A link may lead out of what may be looked at.
        self.files
            .resolve(path, last, &|step| self.check_access(step))
    }

    fn check_access(&self, path: &SourcePath) -> Result<(), HostError> {
        let Some(allowed) = &self.allowed else {
            return Ok(());
        };
        if path.root != RootId::HOST {
            return Ok(());
        }
        if allowed.contains(&path.path) {
            return Ok(());
        }
        let shown = Files::display(path);
        Err(HostError::restricted(
            if self.surroundings.purity.pure_eval {
                format!(
                    "access to absolute path '{shown}' is forbidden in pure evaluation mode (use '--impure' to override)"
                )
            } else {
                format!("access to absolute path '{shown}' is forbidden in restricted mode")
            },
        ))
    }

    fn display_path(&self, path: &SourcePath) -> Vec<u8> {
        if path.root == RootId::EMBEDDED {
            return Files::display(path).into_bytes();
        }
        self.mounts
            .display(&path.path)
            .unwrap_or_else(|| path.path.as_bytes().to_vec())
    }

    fn env_var(&self, name: &[u8]) -> Option<Vec<u8>> {
        let Purity {
            pure_eval,
            restricted,
        } = self.surroundings.purity;
        if pure_eval || restricted {
            return None;
        }
        let value = (self.surroundings.environment)(name);
        if let Some(observer) = &self.surroundings.observer {
            observer.variable(name, value.as_deref());
        }
        value
    }

    fn home_dir(&self) -> Result<Vec<u8>, HostError> {
        let home = self.surroundings.home.clone();
        if let Some(observer) = &self.surroundings.observer {
            observer.variable(b"HOME", home.as_deref());
        }
        home.ok_or_else(|| HostError::new("cannot determine user's home directory"))
    }

    fn current_time(&self) -> i64 {
        self.loses_track("the expression asks for the time");
        self.surroundings.current_time
    }

    fn current_system(&self) -> Vec<u8> {
        self.surroundings.current_system.clone()
    }

    fn store_dir(&self) -> Vec<u8> {
        self.store.store_dir().as_str().as_bytes().to_vec()
    }

    fn purity(&self) -> Purity {
        self.surroundings.purity
    }

    fn search_path(&self) -> Vec<SearchPathEntry> {
        let entries = self.search_path.get_or_init(|| {
            if self.surroundings.purity.pure_eval {
                return Vec::new();
            }
            self.surroundings.search_path.clone()
        });
        entries.clone()
    }

    fn find_file(
        &self,
        entries: &[SearchPathEntry],
        name: &[u8],
    ) -> Result<Option<SourcePath>, HostError> {
        for entry in entries {
            let parsed = search_path::Entry {
                prefix: entry.prefix.clone(),
                place: entry.path.clone(),
            };
            let Some(suffix) = parsed.suffix(name) else {
                continue;
            };
            let Ok(place) = self.resolve_place(&entry.path) else {
                continue;
            };
            let path = SourcePath::host(&place).join(suffix);
            if self
                .resolve_symlinks(&path, true)
                .and_then(|path| self.file_type(&path))?
                .is_some()
            {
                return Ok(Some(path));
            }
        }
        if let Some(rest) = name.strip_prefix(b"nix/") {
            let path = SourcePath {
                root: RootId::EMBEDDED,
                path: CanonicalPath::new(&[b"/nix/", rest].concat()),
            };
            if self.files.file_type(&path)?.is_some() {
                return Ok(Some(path));
            }
        }
        self.find_in_library(name)
    }

    fn path_to_store(&self, path: &SourcePath) -> Result<Vec<u8>, HostError> {
        let store_path = self.source_path(path)?;
        Ok(self.store.store_dir().print(&store_path).into_bytes())
    }

    fn realise_context(
        &self,
        context: &[ContextElement],
    ) -> Result<Vec<(Vec<u8>, Vec<u8>)>, HostError> {
        self.pending.flush().map_err(|error| store_error(&error))?;
        let store_dir = self.store.store_dir();
        let parse = |path: &[u8]| {
            store_dir
                .parse(path)
                .map_err(|error| HostError::new(error.to_string()))
        };
        let mut wanted: Vec<(SingleDerivedPath, OutputName)> = Vec::new();
        for element in context {
            let path = match element {
                ContextElement::Opaque(path) | ContextElement::DrvDeep(path) => parse(path)?,
                ContextElement::Built { drv, output } => {
                    let drv = derived::derivation_of(store_dir, drv);
                    let drv = drv.map_err(|error| store_error(&error))?;
                    let output = OutputName::parse(output);
                    let output = output.map_err(|error| HostError::new(error.to_string()))?;
                    let base = drv.base_path().clone();
                    wanted.push((drv, output));
                    base
                }
            };
            if !self
                .store
                .is_valid_path(&path)
                .map_err(|error| store_error(&error))?
            {
                return Err(HostError::new(format!(
                    "path '{}' is not valid",
                    store_dir.print(&path)
                )));
            }
            self.allow_store_path(&path);
            if let Some(observer) = &self.surroundings.observer {
                observer.uses(&path);
            }
        }
        if wanted.is_empty() {
            return Ok(Vec::new());
        }
        self.realise(&wanted)
    }

    fn references_in(
        &self,
        path: &SourcePath,
        contents: &[u8],
    ) -> Result<Vec<ContextElement>, HostError> {
        let store_dir = self.store.store_dir();
        if path.root != RootId::HOST || !store_dir.contains(path.path.as_bytes()) {
            return Ok(Vec::new());
        }
        let Ok((object, _)) = store_dir.split(path.path.as_bytes()) else {
            return Ok(Vec::new());
        };
        let info = self.store.query_path_info(&object);
        let Some(info) = info.map_err(|error| store_error(&error))? else {
            return Ok(Vec::new());
        };
        // The object may refer to things that this file does not.
        let mut scanner = ReferenceScanner::new(info.references.iter().cloned());
        scanner.update(contents);
        let found = scanner.finish().into_iter();
        Ok(found
            .map(|path| ContextElement::Opaque(store_dir.print(&path).into_bytes().into()))
            .collect())
    }

    fn emit(&self, message: Message) {
        if let Some(observer) = &self.surroundings.observer {
            observer.said(&message);
        }
        (self.surroundings.messages)(message);
    }

    fn interrupted(&self) -> bool {
        self.surroundings.interrupted.load(Ordering::Relaxed)
    }
}

impl StoreHost {
    /// Looks a name up in the library: `firn`, or `nixpkgs` if the search path says nothing of it.
    fn find_in_library(&self, name: &[u8]) -> Result<Option<SourcePath>, HostError> {
        let Some(place) = self.surroundings.library.place() else {
            return Ok(None);
        };
        let below = |prefix: &str| {
            let rest = name.strip_prefix(prefix.as_bytes())?;
            (rest.is_empty() || rest[0] == b'/').then(|| rest.strip_prefix(b"/").unwrap_or(rest))
        };
        let (rest, stands_in) = match (below("firn"), below("nixpkgs")) {
            (Some(rest), _) => (rest, false),
            (None, Some(rest)) if !self.names_nixpkgs() => (rest, true),
            _ => return Ok(None),
        };
        let path = place.join(rest);
        if self.files.file_type(&path)?.is_none() {
            return Ok(None);
        }
        if stands_in && !self.said_stand_in.swap(true, Ordering::Relaxed) {
            self.emit(Message::Remark(
                b"nothing says where <nixpkgs> is; <firn>, the library in this program, stands in for it".to_vec(),
            ));
        }
        Ok(Some(path))
    }

    /// Whether the search path says where nixpkgs is, even if it is not there.
    fn names_nixpkgs(&self) -> bool {
        let mut entries = self.surroundings.search_path.iter();
        entries.any(|entry| entry.prefix == b"nixpkgs")
    }

    /// Builds outputs that an evaluation wants to read.
    fn realise(&self, wanted: &[(SingleDerivedPath, OutputName)]) -> Result<Rewrites, HostError> {
        let store_dir = self.store.store_dir();
        let first = || SingleDerivedPath::Built {
            drv: Arc::new(wanted[0].0.clone()),
            output: wanted[0].1.clone(),
        };
        if !self.surroundings.allow_import_from_derivation {
            return Err(HostError::new(format!(
                "cannot build '{}' during evaluation because the option 'allow-import-from-derivation' is disabled",
                first().print(store_dir)
            )));
        }
        if self.surroundings.trace_import_from_derivation {
            let text = format!(
                "built '{}' during evaluation due to an import from derivation",
                first().print(store_dir)
            );
            self.emit(Message::Remark(text.into_bytes()));
        }
        let paths: Vec<DerivedPath> = wanted
            .iter()
            .map(|(drv, output)| DerivedPath::Built {
                drv: Arc::new(drv.clone()),
                outputs: OutputsSpec::Names([output.clone()].into()),
            })
            .collect();
        let failed = |error: StoreError| store_error(&error);
        let build_store = self.surroundings.build_store.as_ref();
        let build_store = build_store.unwrap_or(&self.store);
        build_store
            .build_paths(&paths, BuildMode::Normal)
            .map_err(failed)?;
        let mut rewrites = Vec::new();
        for (drv, output) in wanted {
            let path = SingleDerivedPath::Built {
                drv: Arc::new(drv.clone()),
                output: output.clone(),
            };
            let built = derived::resolve(build_store.as_ref(), &path).map_err(failed)?;
            let Some(built) = built else {
                return Err(HostError::new(format!(
                    "derivation '{}' does not have output '{output}'",
                    drv.print(store_dir)
                )));
            };
            if self.surroundings.build_store.is_some() {
                let wanted = StorePathSet::from([built.clone()]);
                copy_closure(&**build_store, &*self.store, &wanted, &copying()).map_err(failed)?;
            }
            self.allow_closure(&built).map_err(failed)?;
            if let Some(observer) = &self.surroundings.observer {
                observer.uses(&built);
            }
            let placeholder = downstream_placeholder(drv, output.as_str());
            let placeholder = placeholder.map_err(|error| HostError::new(error.to_string()))?;
            rewrites.push((
                placeholder.into_bytes(),
                store_dir.print(&built).into_bytes(),
            ));
        }
        Ok(rewrites)
    }
}

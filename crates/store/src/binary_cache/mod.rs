//! Binary caches: directories of archives and narinfo files, on this machine or behind HTTP.
//!
//! A cache is files by name, nothing more: `nix-cache-info` introduces it, `<digest>.narinfo`
//! describes an object, `nar/…` holds its compressed archive, `realisations/…`, `log/…` and
//! `<digest>.ls` the rest. One implementation serves every kind of address that
//! [`firn_transfer::Client`] can reach; `upload` is the writing half, [`NarInfoDiskCache`]
//! remembers answers, absent ones too, between runs.
//!
//! What must hold: an archive is complete in its place before the narinfo that names it appears,
//! and a narinfo appears only after those of its references. What a cache says is believed by
//! nobody: receivers check hash, size and signatures of what they add.
//!
//! A cache that does not answer is left alone for a while, so that it costs seconds once and not
//! once for each path.

mod disk_cache;
mod nar_cache;
mod s3;
mod upload;

use std::collections::{BTreeMap, HashMap};
use std::io::{self, Read, Write};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use firn_events::{Level, NullSink, SharedSink};
use firn_store_model::{
    CACHE_INFO_FILE, CacheInfo, DerivedPath, DrvOutput, NarInfo, Realisation, SecretKey, Signature,
    StoreDir, StorePath, ValidPathInfo,
};
use firn_transfer::{Client, Compression, Request, TransferError};

pub use disk_cache::{DiskCacheOptions, NarInfoDiskCache};
pub use s3::{S3Bucket, S3Options};

use disk_cache::Remembered;
use s3::Method;

use crate::error::StoreError;
use crate::parallel::for_each;
use crate::store::{Realiser, Store};
use crate::tree::{Filter, SourceTree};
use crate::types::{
    AddOptions, BuildMode, BuildResult, BuildStatus, DumpFormat, MissingPaths, NarOptions,
    StorePathSet, StoreTraits,
};

/// No narinfo, realisation or cache info is larger than this.
const MAX_META_SIZE: u64 = 16 << 20;

/// How many questions are asked at once.
const N_QUESTIONS: usize = 32;

/// How a binary cache behaves; most of it matters for writing only.
#[derive(Clone)]
#[allow(
    clippy::struct_excessive_bools,
    reason = "each is a parameter of the address of a cache"
)]
pub struct BinaryCacheOptions {
    /// How archives are compressed.
    pub compression: Compression,
    /// How hard; `None` for the usual.
    pub compression_level: Option<u32>,
    /// On how many threads an archive is compressed, where that can be divided.
    pub compression_threads: u32,
    /// How narinfo files are compressed on their way up.
    pub narinfo_compression: Compression,
    /// How listings are compressed on their way up.
    pub listing_compression: Compression,
    /// How build logs are compressed on their way up.
    pub log_compression: Compression,
    /// Write a listing beside each archive.
    pub write_listings: bool,
    /// Write where files of debug information are, for debuggers.
    pub index_debug_info: bool,
    /// Keys that sign what is added.
    pub secret_keys: Vec<SecretKey>,
    /// Its rank, whatever it says itself.
    pub priority: Option<i64>,
    /// Whether to ask for many paths at once, whatever it says itself.
    pub want_mass_query: Option<bool>,
    /// Whether its paths need no signature.
    pub is_trusted: bool,
    /// Whether it takes no uploads.
    pub is_read_only: bool,
    /// The bucket that the cache is in, if it is in one.
    pub bucket: Option<Arc<S3Bucket>>,
    /// Where archives for upload are prepared.
    pub temporary_dir: PathBuf,
    /// Where archives are kept that were read once.
    pub local_nar_cache: Option<PathBuf>,
    /// What is remembered between runs.
    pub disk_cache: Option<Arc<NarInfoDiskCache>>,
    /// How long a cache that failed is left alone; zero for not at all.
    pub disable_for: Duration,
    /// Who builds what is to be in it.
    pub realiser: Option<Arc<dyn Realiser>>,
    /// Who is told what happens.
    pub events: SharedSink,
}

impl BinaryCacheOptions {
    /// The usual behaviour; archives for upload are prepared in `temporary_dir`.
    pub fn new(temporary_dir: PathBuf) -> BinaryCacheOptions {
        BinaryCacheOptions {
            compression: Compression::Xz,
            compression_level: None,
            compression_threads: 1,
            narinfo_compression: Compression::None,
            listing_compression: Compression::None,
            log_compression: Compression::None,
            write_listings: false,
            index_debug_info: false,
            secret_keys: Vec::new(),
            priority: None,
            want_mass_query: None,
            is_trusted: false,
            is_read_only: false,
            bucket: None,
            temporary_dir,
            local_nar_cache: None,
            disk_cache: None,
            disable_for: Duration::ZERO,
            realiser: None,
            events: NullSink::shared(),
        }
    }
}

/// A binary cache.
pub struct BinaryCacheStore {
    /// Without a slash at the end and without parameters.
    pub(crate) url: String,
    store_dir: StoreDir,
    client: Client,
    options: BinaryCacheOptions,
    /// What it says of itself, or why it says nothing; empty before it was asked.
    introduction: OnceLock<Result<CacheInfo, String>>,
    /// Whether that it says nothing was told.
    has_complained: AtomicBool,
    /// What was learnt in this run, by digest.
    known: Mutex<HashMap<String, Option<Arc<NarInfo>>>>,
    disabled_until: Mutex<Option<Instant>>,
}

impl BinaryCacheStore {
    /// Opens the cache at a `file://`, `http://` or `https://` address, or in the bucket of the
    /// options. One that does not exist
    /// yet is made, if it can be written.
    pub fn open(
        url: &str,
        store_dir: &StoreDir,
        client: Client,
        options: BinaryCacheOptions,
    ) -> Result<BinaryCacheStore, StoreError> {
        let store = BinaryCacheStore::open_lazily(url, store_dir, client, options)?;
        if store.introduction.get().is_none() {
            let info = store.ask_for_introduction()?;
            store.introduction.get_or_init(|| Ok(info));
        }
        Ok(store)
    }

    /// Opens a cache that is only read, without asking it anything before it is needed: what a
    /// substituter wants to be. One that then turns out to be out of reach says so once, and has
    /// nothing from then on.
    pub fn open_lazily(
        url: &str,
        store_dir: &StoreDir,
        client: Client,
        options: BinaryCacheOptions,
    ) -> Result<BinaryCacheStore, StoreError> {
        let store = BinaryCacheStore {
            url: url.trim_end_matches('/').to_owned(),
            store_dir: store_dir.clone(),
            client,
            options,
            introduction: OnceLock::new(),
            has_complained: AtomicBool::new(false),
            known: Mutex::default(),
            disabled_until: Mutex::new(None),
        };
        if let Some(disk_cache) = store.disk_cache()
            && let Some(info) = disk_cache.cache_info(&store.url, &store.store_dir)?
        {
            store.introduction.get_or_init(|| Ok(info));
        }
        Ok(store)
    }

    /// Whether the cache can be asked; the first answer may be an error that says why not.
    fn is_usable(&self) -> Result<bool, StoreError> {
        match self.introduction.get_or_init(|| {
            self.ask_for_introduction()
                .map_err(|error| error.to_string())
        }) {
            Ok(_) => Ok(true),
            Err(_) if self.has_complained.swap(true, Ordering::Relaxed) => Ok(false),
            Err(message) => Err(StoreError::other(message.clone())),
        }
    }

    /// Finds out what the cache says of itself, or makes it say something.
    fn ask_for_introduction(&self) -> Result<CacheInfo, StoreError> {
        let info = if let Some(text) = self.get(CACHE_INFO_FILE)? {
            CacheInfo::parse(&String::from_utf8_lossy(&text))
        } else {
            let info = CacheInfo {
                store_dir: Some(self.store_dir.to_string()),
                ..CacheInfo::default()
            };
            let text = info.to_string();
            self.put(
                CACHE_INFO_FILE,
                text.as_bytes(),
                "text/x-nix-cache-info",
                Compression::None,
            )
            .map_err(|error| {
                StoreError::other(format!(
                    "'{}' does not appear to be a binary cache: {error}",
                    self.url
                ))
            })?;
            info
        };
        if let Some(store_dir) = info
            .store_dir
            .as_deref()
            .filter(|dir| *dir != self.store_dir.as_str())
        {
            return Err(StoreError::other(format!(
                "binary cache '{}' is for Nix stores with prefix '{store_dir}', not '{}'",
                self.url, self.store_dir
            )));
        }
        if let Some(disk_cache) = self.disk_cache() {
            disk_cache.remember_cache(&self.url, &self.store_dir, &info)?;
        }
        Ok(info)
    }

    fn disk_cache(&self) -> Option<&NarInfoDiskCache> {
        self.options.disk_cache.as_deref()
    }

    fn is_local(&self) -> bool {
        self.url.starts_with("file://")
    }

    /// The address of a file of the cache. A narinfo may also name a file elsewhere.
    fn url_of(&self, method: Method, name: &str) -> String {
        if ["https://", "http://", "file://"]
            .iter()
            .any(|scheme| name.starts_with(scheme))
        {
            return name.to_owned();
        }
        if let Some(bucket) = &self.options.bucket {
            return bucket.address(method, name);
        }
        format!(
            "{}/{}",
            self.url,
            firn_transfer::percent_encode_path(name.as_bytes())
        )
    }

    fn request(&self, method: Method, name: &str) -> Result<Request, StoreError> {
        // Names come from narinfo files, and must not lead out of a directory of files.
        if name.split('/').any(|part| part == "..") {
            return Err(StoreError::other(format!(
                "binary cache '{}' names the file '{name}', which lies outside of it",
                self.url
            )));
        }
        let disabled_until = *self
            .disabled_until
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if disabled_until.is_some_and(|until| Instant::now() < until) {
            return Err(StoreError::other(format!(
                "substituter '{}' is disabled",
                self.url
            )));
        }
        Ok(Request::new(self.url_of(method, name)))
    }

    /// Takes note of a failure: the cache is left alone for a while.
    fn failed(&self, error: &TransferError) -> StoreError {
        if error.is_transient() && !self.options.disable_for.is_zero() {
            let seconds = self.options.disable_for.as_secs();
            self.options.events.message(
                Level::Error,
                &format!(
                    "disabling binary cache '{}' for {seconds} seconds",
                    self.url
                ),
            );
            let until = Instant::now() + self.options.disable_for;
            *self
                .disabled_until
                .lock()
                .unwrap_or_else(PoisonError::into_inner) = Some(until);
        }
        StoreError::other(error.to_string())
    }

    /// Reads a small file; `None` if there is none.
    fn get(&self, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
        match self
            .client
            .get(&self.request(Method::Get, name)?, MAX_META_SIZE)
        {
            Ok((bytes, _)) => Ok(Some(bytes)),
            Err(error) if error.is_absence() => Ok(None),
            Err(error) => Err(self.failed(&error)),
        }
    }

    fn exists(&self, name: &str) -> Result<bool, StoreError> {
        self.client
            .exists(&self.request(Method::Head, name)?)
            .map_err(|error| self.failed(&error))
    }

    /// What the cache says of the object with a digest.
    fn narinfo(&self, hash_part: &str) -> Result<Option<Arc<NarInfo>>, StoreError> {
        if !self.is_usable()? {
            return Ok(None);
        }
        if let Some(known) = self
            .known
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(hash_part)
        {
            return Ok(known.clone());
        }
        let remembered = match self.disk_cache() {
            Some(disk_cache) => disk_cache.narinfo(&self.url, hash_part)?,
            None => Remembered::Nothing,
        };
        let found = match remembered {
            Remembered::Present(narinfo) => Some(Arc::from(narinfo)),
            Remembered::Absent => None,
            Remembered::Nothing => self.ask(hash_part)?,
        };
        self.note(hash_part, found.clone());
        Ok(found)
    }

    /// Asks the cache itself, and keeps the answer.
    fn ask(&self, hash_part: &str) -> Result<Option<Arc<NarInfo>>, StoreError> {
        let name = format!("{hash_part}.narinfo");
        let found = match self.get(&name)? {
            Some(text) => {
                let narinfo =
                    NarInfo::parse(&self.store_dir, &text, &name).map_err(StoreError::format)?;
                if narinfo.info.path.hash_part() != hash_part {
                    return Err(StoreError::other(format!(
                        "NAR info file '{name}' of binary cache '{}' is about '{}'",
                        self.url, narinfo.info.path
                    )));
                }
                Some(Arc::new(narinfo))
            }
            None => None,
        };
        if let Some(disk_cache) = self.disk_cache() {
            disk_cache.remember_narinfo(&self.url, hash_part, found.as_deref())?;
        }
        Ok(found)
    }

    fn note(&self, hash_part: &str, narinfo: Option<Arc<NarInfo>>) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.insert(hash_part.to_owned(), narinfo);
    }

    /// What the cache says of a path, name included.
    fn narinfo_of(&self, path: &StorePath) -> Result<Option<Arc<NarInfo>>, StoreError> {
        Ok(self
            .narinfo(path.hash_part())?
            .filter(|narinfo| narinfo.info.path == *path))
    }

    fn require(&self, path: &StorePath) -> Result<Arc<NarInfo>, StoreError> {
        self.narinfo_of(path)?
            .ok_or_else(|| StoreError::InvalidPath {
                path: self.store_dir.print(path),
            })
    }

    /// A reader of an object's archive.
    pub fn open_nar(&self, path: &StorePath) -> Result<Box<dyn Read + Send>, StoreError> {
        let narinfo = self.require(path)?;
        let compression = Compression::parse(&narinfo.compression).map_err(StoreError::format)?;
        let failed = |error: TransferError| {
            if error.is_absence() {
                return StoreError::Gone {
                    file: narinfo.url.clone(),
                    cache: self.url.clone(),
                };
            }
            self.failed(&error)
        };
        let download = self
            .client
            .download(&self.request(Method::Get, &narinfo.url)?)
            .map_err(failed)?;
        let body = download.decoded().map_err(failed)?;
        let reader = compression
            .reader(body)
            .map_err(|error| StoreError::other(error.to_string()))?;
        // An archive that goes on for ever is cut off where the narinfo says it ends; one byte
        // more lets the receiver notice.
        Ok(Box::new(
            reader.take(narinfo.info.nar_size.saturating_add(1)),
        ))
    }

    /// The signatures of this store's keys on an object, besides those it has.
    fn sign(&self, info: &mut ValidPathInfo) {
        if let Some(fingerprint) = info.fingerprint(&self.store_dir) {
            let signatures: Vec<Signature> = self
                .options
                .secret_keys
                .iter()
                .map(|key| key.sign(fingerprint.as_bytes()))
                .collect();
            info.signatures.extend(signatures);
        }
    }
}

impl Store for BinaryCacheStore {
    fn url(&self) -> String {
        self.url.clone()
    }

    fn store_dir(&self) -> &StoreDir {
        &self.store_dir
    }

    fn introduce(&self) -> Result<(), StoreError> {
        self.is_usable().map(|_| ())
    }

    fn traits(&self) -> StoreTraits {
        let info = self.introduction.get().and_then(|info| info.as_ref().ok());
        StoreTraits {
            priority: self
                .options
                .priority
                .or(info.and_then(|info| info.priority))
                .unwrap_or(50),
            want_mass_query: self
                .options
                .want_mass_query
                .or(info.and_then(|info| info.want_mass_query))
                .unwrap_or(false),
            is_trusted: self.options.is_trusted,
            ..StoreTraits::default()
        }
    }

    fn query_path_info(&self, path: &StorePath) -> Result<Option<Arc<ValidPathInfo>>, StoreError> {
        Ok(self
            .narinfo_of(path)?
            .map(|narinfo| Arc::new(narinfo.info.clone())))
    }

    fn query_path_infos(
        &self,
        paths: &StorePathSet,
    ) -> Result<BTreeMap<StorePath, Arc<ValidPathInfo>>, StoreError> {
        let paths: Vec<&StorePath> = paths.iter().collect();
        let infos = Mutex::new(BTreeMap::new());
        for_each(&paths, N_QUESTIONS, |path| {
            if let Some(info) = self.query_path_info(path)? {
                infos
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .insert((*path).clone(), info);
            }
            Ok(())
        })?;
        Ok(infos.into_inner().unwrap_or_else(PoisonError::into_inner))
    }

    fn query_valid_paths(&self, paths: &StorePathSet) -> Result<StorePathSet, StoreError> {
        let paths: Vec<&StorePath> = paths.iter().collect();
        let valid = Mutex::new(StorePathSet::new());
        for_each(&paths, N_QUESTIONS, |path| {
            if self.is_valid_path(path)? {
                valid
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .insert((*path).clone());
            }
            Ok(())
        })?;
        Ok(valid.into_inner().unwrap_or_else(PoisonError::into_inner))
    }

    fn query_all_valid_paths(&self) -> Result<StorePathSet, StoreError> {
        let Some(directory) = self.url.strip_prefix("file://") else {
            return Err(self.unsupported("listing all paths"));
        };
        let failed =
            |error: io::Error| crate::error::io_error("reading", directory.to_owned(), error);
        let mut paths = StorePathSet::new();
        for entry in std::fs::read_dir(directory).map_err(failed)? {
            let name = entry.map_err(failed)?.file_name();
            let hash_part = name.to_str().and_then(|name| name.strip_suffix(".narinfo"));
            if let Some(narinfo) = hash_part
                .map(|hash_part| self.narinfo(hash_part))
                .transpose()?
                .flatten()
            {
                paths.insert(narinfo.info.path.clone());
            }
        }
        Ok(paths)
    }

    fn query_path_from_hash_part(&self, hash_part: &str) -> Result<Option<StorePath>, StoreError> {
        Ok(self
            .narinfo(hash_part)?
            .map(|narinfo| narinfo.info.path.clone()))
    }

    fn query_realisation(&self, id: &DrvOutput) -> Result<Option<Realisation>, StoreError> {
        let name = format!("realisations/{id}.doi");
        let output = id.to_string();
        let remembered = match self.disk_cache() {
            Some(disk_cache) => disk_cache.realisation(&self.url, &output)?,
            None => Remembered::Nothing,
        };
        let text = match remembered {
            Remembered::Present(text) => Some(text),
            Remembered::Absent => None,
            Remembered::Nothing => {
                let text = self.get(&name)?;
                if let Some(disk_cache) = self.disk_cache() {
                    disk_cache.remember_realisation(&self.url, &output, text.as_deref())?;
                }
                text
            }
        };
        let Some(text) = text else {
            return Ok(None);
        };
        let realisation = Realisation::parse_for(id, &text).map_err(|error| {
            StoreError::other(format!(
                "while parsing file '{name}' as a realisation for key '{id}': {error}"
            ))
        })?;
        Ok(Some(realisation))
    }

    fn register_realisation(
        &self,
        realisation: &Realisation,
        _check: bool,
    ) -> Result<(), StoreError> {
        let name = format!("realisations/{}.doi", realisation.id);
        let text = realisation.to_json().to_string();
        if let Some(disk_cache) = self.disk_cache() {
            let output = realisation.id.to_string();
            disk_cache.remember_realisation(&self.url, &output, Some(text.as_bytes()))?;
        }
        self.put(
            &name,
            text.as_bytes(),
            "application/json",
            Compression::None,
        )
    }

    fn download_size(&self, path: &StorePath) -> Result<u64, StoreError> {
        Ok(self
            .narinfo_of(path)?
            .map_or(0, |narinfo| narinfo.file_size))
    }

    fn nar_from_path(&self, path: &StorePath, sink: &mut dyn Write) -> Result<(), StoreError> {
        let mut reader: Box<dyn Read> = match &self.options.local_nar_cache {
            None => self.open_nar(path)?,
            Some(folder) => {
                let narinfo = self.require(path)?;
                let fetch = || self.open_nar(path);
                Box::new(nar_cache::open(folder, &narinfo.info, fetch)?)
            }
        };
        let mut buffer = vec![0; 256 << 10];
        let failed = |error: io::Error| match error.downcast::<TransferError>() {
            Ok(error) => self.failed(&error),
            Err(error) => StoreError::other(format!(
                "reading the archive of '{}' from '{}': {error}",
                self.store_dir.print(path),
                self.url
            )),
        };
        loop {
            match reader.read(&mut buffer) {
                Ok(0) => return Ok(()),
                Ok(n_bytes) => sink.write_all(&buffer[..n_bytes]).map_err(|error| {
                    StoreError::other(format!("writing a Nix archive: {error}"))
                })?,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(failed(error)),
            }
        }
    }

    fn add_tree(
        &self,
        name: &str,
        tree: &dyn SourceTree,
        filter: Option<Filter<'_>>,
        options: &AddOptions,
    ) -> Result<StorePath, StoreError> {
        crate::describe::add_tree(self, name, tree, filter, options)
    }

    fn add_dump(
        &self,
        name: &str,
        source: &mut dyn Read,
        format: DumpFormat,
        options: &AddOptions,
    ) -> Result<StorePath, StoreError> {
        crate::describe::add_dump(self, name, source, format, options)
    }

    fn add_nar(
        &self,
        info: &ValidPathInfo,
        source: &mut dyn Read,
        options: NarOptions,
    ) -> Result<(), StoreError> {
        self.add_archive(info, source, options.repair)
    }

    fn add_signatures(&self, path: &StorePath, signatures: &[Signature]) -> Result<(), StoreError> {
        let mut narinfo = NarInfo::clone(&*self.require(path)?);
        narinfo.info.signatures.extend(signatures.iter().cloned());
        self.put_narinfo(narinfo)
    }

    fn query_missing(&self, paths: &[DerivedPath]) -> Result<MissingPaths, StoreError> {
        crate::missing::query_missing(self, None, paths)
    }

    fn build_paths(&self, paths: &[DerivedPath], mode: BuildMode) -> Result<(), StoreError> {
        for result in self.build_paths_with_results(paths, mode)? {
            if !result.status.is_success() {
                return Err(StoreError::Build {
                    exit_status: match result.status {
                        BuildStatus::PermanentFailure => 100,
                        BuildStatus::TimedOut => 101,
                        _ => 1,
                    },
                    message: result.error,
                });
            }
        }
        Ok(())
    }

    fn build_paths_with_results(
        &self,
        paths: &[DerivedPath],
        mode: BuildMode,
    ) -> Result<Vec<BuildResult>, StoreError> {
        let results = crate::missing::results_of_valid(self, paths, mode)?;
        match &self.options.realiser {
            Some(realiser) if results.iter().any(|result| !result.status.is_success()) => {
                realiser.realise(self, paths)
            }
            _ => Ok(results),
        }
    }

    fn ensure_path(&self, path: &StorePath) -> Result<(), StoreError> {
        self.require(path).map(drop)
    }

    fn build_log(&self, path: &StorePath) -> Result<Option<Vec<u8>>, StoreError> {
        let drv_path = if path.is_derivation() {
            path.clone()
        } else {
            match self
                .narinfo_of(path)?
                .and_then(|narinfo| narinfo.info.deriver.clone())
            {
                Some(deriver) => deriver,
                None => return Ok(None),
            }
        };
        match self.client.get(
            &self.request(Method::Get, &format!("log/{drv_path}"))?,
            u64::MAX - 1,
        ) {
            Ok((log, _)) => Ok(Some(log)),
            Err(error) if error.is_absence() => Ok(None),
            Err(error) => Err(self.failed(&error)),
        }
    }

    fn add_build_log(&self, drv_path: &StorePath, log: &[u8]) -> Result<(), StoreError> {
        let name = format!("log/{drv_path}");
        self.put(
            &name,
            log,
            "text/plain; charset=utf-8",
            self.options.log_compression,
        )
    }

    fn as_dyn(&self) -> &dyn Store {
        self
    }
}

//! Binary caches and transfers as the settings describe them, and the substituters.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use firn_build::MachinesOnBehalf;
use firn_events::SharedSink;
use firn_store::{
    BinaryCacheOptions, BinaryCacheStore, DiskCacheOptions, NarInfoDiskCache, S3Bucket, S3Options,
    Store,
};
use firn_store_model::{PublicKeys, SecretKey};
use firn_transfer::{Client, Compression};

use super::{StoreUrl, store_dir_of};
use crate::log_sink::ConsoleSink;
use crate::surroundings::{self, filled};
use crate::{Context, Failure};

/// The database of answers of binary caches, which the reference shares.
const DISK_CACHE: &str = "binary-cache-v7.sqlite";

/// Opens a binary cache.
pub(crate) type CacheOpener =
    Box<dyn Fn(&StoreUrl) -> Result<Arc<dyn Store>, Failure> + Send + Sync>;

/// How long a cache that failed is left alone.
const DISABLE_SECONDS: u64 = 60;

impl StoreUrl {
    /// Whether it names a binary cache.
    pub fn is_binary_cache(&self) -> bool {
        matches!(self.scheme.as_str(), "file" | "http" | "https" | "s3")
    }

    pub(super) fn number(&self, name: &str) -> Option<i64> {
        self.params.get(name)?.parse().ok()
    }

    pub(super) fn flag(&self, name: &str) -> Option<bool> {
        let value = self.params.get(name)?;
        Some(matches!(value.as_str(), "true" | "1" | "yes"))
    }
}

impl Context {
    /// What gets and brings files.
    pub fn transfer_client(&self) -> Client {
        Client::new(self.transfer_options(), ConsoleSink::shared(self))
    }

    /// The keys whose signatures are believed: those the settings name, and our own.
    pub fn trusted_keys(&self) -> Result<PublicKeys, Failure> {
        let wrong = |error: firn_store_model::SignatureError| Failure::message(error.to_string());
        let store = &self.settings.store;
        let mut keys = Vec::new();
        for text in &store.trusted_public_keys {
            keys.push(firn_store_model::PublicKey::parse(text).map_err(wrong)?);
        }
        for file in &store.secret_key_files {
            keys.push(read_secret_key(file)?.public_key());
        }
        Ok(keys.into_iter().collect())
    }

    /// The keys that sign what is built here.
    pub fn secret_keys(&self) -> Result<Vec<SecretKey>, Failure> {
        let files = &self.settings.store.secret_key_files;
        files.iter().map(|file| read_secret_key(file)).collect()
    }

    /// Opens a binary cache.
    pub fn open_binary_cache(&self, url: &StoreUrl) -> Result<BinaryCacheStore, Failure> {
        let machines = MachinesOnBehalf::new(
            self.machines(),
            self.machine_opener(),
            ConsoleSink::shared(self),
        );
        let options = BinaryCacheOptions {
            realiser: Some(Arc::new(machines)),
            ..self.binary_cache_options(url)?
        };
        let address = format!("{}://{}", url.scheme, url.authority);
        Ok(BinaryCacheStore::open(
            &address,
            &store_dir_of(url)?,
            self.transfer_client(),
            options,
        )?)
    }

    /// Opens binary caches later, when this context is not at hand.
    pub(crate) fn cache_openers(&self) -> CacheOpener {
        let transfer = self.transfer_options();
        let events = ConsoleSink::shared(self);
        let template = self.binary_cache_options(&StoreUrl::parse("https://template"));
        Box::new(move |url| {
            let options = match &template {
                Ok(options) => options.clone(),
                Err(failure) => return Err(Failure::message(failure.to_string())),
            };
            let client = Client::new(transfer.clone(), SharedSink::clone(&events));
            let address = format!("{}://{}", url.scheme, url.authority);
            let store_dir = store_dir_of(url)?;
            let cache = BinaryCacheStore::open(&address, &store_dir, client, options)?;
            Ok(Arc::new(cache))
        })
    }

    fn open_lazily(&self, url: &StoreUrl) -> Result<BinaryCacheStore, Failure> {
        let options = self.binary_cache_options(url)?;
        let address = format!("{}://{}", url.scheme, url.authority);
        Ok(BinaryCacheStore::open_lazily(
            &address,
            &store_dir_of(url)?,
            self.transfer_client(),
            options,
        )?)
    }

    fn binary_cache_options(&self, url: &StoreUrl) -> Result<BinaryCacheOptions, Failure> {
        let param = |name: &str| {
            url.params
                .get(name)
                .map(String::as_str)
                .filter(|it| !it.is_empty())
        };
        let compression = |name: &str, default| match param(name) {
            Some(value) => {
                Compression::parse(value).map_err(|error| Failure::message(error.to_string()))
            }
            None => Ok(default),
        };
        let number = |name: &str| {
            param(name)
                .map(|value| {
                    value.parse::<i64>().map_err(|_| {
                        Failure::message(format!("setting '{name}' has invalid value '{value}'"))
                    })
                })
                .transpose()
        };
        let mut secret_keys = Vec::new();
        let key_files = param("secret-keys")
            .into_iter()
            .flat_map(|files| files.split(','));
        for file in param("secret-key").into_iter().chain(key_files) {
            secret_keys.push(read_secret_key(file)?);
        }
        Ok(BinaryCacheOptions {
            compression: compression("compression", Compression::Xz)?,
            compression_level: number("compression-level")?
                .and_then(|level| u32::try_from(level).ok()),
            compression_threads: if url.flag("parallel-compression").unwrap_or(false) {
                u32::try_from(firn_sys::support::n_cores()).unwrap_or(1)
            } else {
                1
            },
            narinfo_compression: compression("narinfo-compression", Compression::None)?,
            listing_compression: compression("ls-compression", Compression::None)?,
            log_compression: compression("log-compression", Compression::None)?,
            write_listings: url.flag("write-nar-listing").unwrap_or(false),
            index_debug_info: url.flag("index-debug-info").unwrap_or(false),
            secret_keys,
            priority: number("priority")?,
            want_mass_query: url.flag("want-mass-query"),
            is_trusted: url.flag("trusted").unwrap_or(false),
            is_read_only: url.scheme == "file" && filled("_NIX_FORCE_HTTP").is_some(),
            bucket: if url.scheme == "s3" {
                Some(Arc::new(bucket_of(url)?))
            } else {
                None
            },
            local_nar_cache: param("local-nar-cache").map(PathBuf::from),
            disk_cache: self.disk_cache(url),
            disable_for: if self.settings.build.fallback {
                Duration::from_secs(DISABLE_SECONDS)
            } else {
                Duration::ZERO
            },
            events: ConsoleSink::shared(self),
            ..BinaryCacheOptions::new(
                filled("TMPDIR").map_or_else(|| PathBuf::from("/tmp"), PathBuf::from),
            )
        })
    }

    /// What is remembered between runs; without it everything is asked anew, which is no error.
    fn disk_cache(&self, url: &StoreUrl) -> Option<Arc<NarInfoDiskCache>> {
        if url.scheme == "file" && filled("_NIX_FORCE_HTTP").is_none() {
            return None;
        }
        let store = &self.settings.store;
        let options = DiskCacheOptions {
            positive_ttl: Duration::from_secs(store.narinfo_cache_positive_ttl.into()),
            negative_ttl: Duration::from_secs(store.narinfo_cache_negative_ttl.into()),
            meta_ttl: Duration::from_secs(store.narinfo_cache_meta_ttl.into()),
        };
        NarInfoDiskCache::open(&surroundings::cache_dir().join(DISK_CACHE), options)
            .map(Arc::new)
            .ok()
    }

    /// The substituters as the settings list them. Nothing is asked before it is needed; one that
    /// makes no sense is told of and left out.
    pub fn open_substituters(&self) -> Vec<Arc<dyn Store>> {
        if !self.settings.store.substitute {
            return Vec::new();
        }
        let mut seen = std::collections::BTreeSet::new();
        let mut substituters: Vec<Arc<dyn Store>> = Vec::new();
        for text in self
            .settings
            .store
            .substituters
            .iter()
            .filter(|text| seen.insert(text.as_str()))
        {
            match self.open_substituter(text) {
                Ok(substituter) => substituters.push(substituter),
                Err(failure) => self.console.warn(&failure.to_string()),
            }
        }
        substituters
    }

    /// A substituter of the store of this machine must not have substituters itself.
    fn open_substituter(&self, text: &str) -> Result<Arc<dyn Store>, Failure> {
        let url = StoreUrl::parse(text);
        if url.is_binary_cache() {
            return Ok(Arc::new(self.open_lazily(&url)?));
        }
        if let Some(store) = self.open_elsewhere(&url, None)? {
            return Ok(store);
        }
        Ok(Arc::new(self.open_local_store_url(text, None)?))
    }
}

/// Reads a key that signs.
pub fn read_secret_key(file: &str) -> Result<SecretKey, Failure> {
    let text = std::fs::read_to_string(file)
        .map_err(|error| Failure::message(format!("reading the secret key \"{file}\": {error}")))?;
    SecretKey::parse(&text).map_err(|error| Failure::message(error.to_string()))
}

/// The bucket that an address `s3://BUCKET/PREFIX?…` names.
fn bucket_of(url: &StoreUrl) -> Result<S3Bucket, Failure> {
    let param = |name: &str| url.params.get(name).filter(|it| !it.is_empty()).cloned();
    let (bucket, prefix) = url
        .authority
        .split_once('/')
        .unwrap_or((url.authority.as_str(), ""));
    let scheme = param("scheme").unwrap_or_else(|| "https".to_owned());
    let endpoint = param("endpoint").map(|endpoint| {
        if endpoint.contains("://") {
            endpoint
        } else {
            format!("{scheme}://{endpoint}")
        }
    });
    let region = param("region")
        .or_else(|| filled("AWS_REGION"))
        .or_else(|| filled("AWS_DEFAULT_REGION"));
    Ok(S3Bucket::new(&S3Options {
        bucket: bucket.to_owned(),
        prefix: prefix.to_owned(),
        region: region.unwrap_or_else(|| "us-east-1".to_owned()),
        endpoint,
        virtual_host: match param("addressing-style").as_deref() {
            Some("virtual") => Some(true),
            Some("path") => Some(false),
            _ => None,
        },
        credentials: bucket_credentials(param("profile").as_deref()),
    })?)
}

/// The credentials of the environment, or of a profile in the file that tools for S3 share.
fn bucket_credentials(profile: Option<&str>) -> Option<(String, String, Option<String>)> {
    if profile.is_none()
        && let (Some(id), Some(secret)) =
            (filled("AWS_ACCESS_KEY_ID"), filled("AWS_SECRET_ACCESS_KEY"))
    {
        return Some((id, secret, filled("AWS_SESSION_TOKEN")));
    }
    let file = filled("AWS_SHARED_CREDENTIALS_FILE").map_or_else(
        || surroundings::home().join(".aws/credentials"),
        PathBuf::from,
    );
    let text = std::fs::read_to_string(file).ok()?;
    let wanted = profile.map_or_else(
        || filled("AWS_PROFILE").unwrap_or_else(|| "default".to_owned()),
        str::to_owned,
    );
    let values = section(&text, &wanted);
    let value = |name: &str| values.get(name).cloned();
    Some((
        value("aws_access_key_id")?,
        value("aws_secret_access_key")?,
        value("aws_session_token"),
    ))
}

/// The values of a section of a file of sections.
fn section(text: &str, wanted: &str) -> BTreeMap<String, String> {
    let mut values = BTreeMap::new();
    let mut is_wanted = false;
    for line in text.lines().map(str::trim) {
        if let Some(name) = line.strip_prefix('[').and_then(|it| it.strip_suffix(']')) {
            is_wanted = name.trim() == wanted;
        } else if let (true, Some((name, value))) = (is_wanted, line.split_once('=')) {
            values.insert(name.trim().to_owned(), value.trim().to_owned());
        }
    }
    values
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sections_are_told_apart() {
        let text = "[default]\na = 1\n# b = 3\n[ other ]\na=2\n";
        assert_eq!(section(text, "default")["a"], "1");
        assert_eq!(section(text, "other")["a"], "2");
        assert!(section(text, "none").is_empty());
    }
}

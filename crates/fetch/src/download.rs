//! Files and archives behind addresses, with what servers say about them remembered: within
//! `tarball-ttl` nothing is asked, later the server is asked whether its entity tag still holds.

use std::io::Read as _;

use firn_events::{ActivityGuard, ActivityKind, Level};
use firn_hash::Hash;
use firn_store::types::{AddOptions, DumpFormat};
use firn_store_model::{ContentAddressMethod, StorePath};
use firn_transfer::{Request, ResponseInfo};

use crate::attrs::{self, Attrs};
use crate::fetcher::Found;
use crate::input::tree_path;
use crate::{FetchError, Fetcher, Input, Result, Scheme, Url, archive};

/// A header of a request.
pub type Header = (String, String);

/// A downloaded file.
#[derive(Clone, Debug)]
pub struct DownloadedFile {
    /// Where it is in the store.
    pub path: StorePath,
    /// Its entity tag; may be empty.
    pub etag: String,
    /// Where it really came from.
    pub effective_url: String,
}

/// An archive whose tree is in the store.
#[derive(Clone, Debug)]
pub struct DownloadedTree {
    /// The tree, under the name that was wanted.
    pub path: StorePath,
    /// Its hash.
    pub hash: Hash,
    /// The latest time of any entry.
    pub last_modified: u64,
    /// An address that will always have these contents.
    pub immutable_url: Option<String>,
}

impl Fetcher {
    /// Downloads a file into the store.
    pub fn download_file(
        &self,
        url: &str,
        name: &str,
        headers: &[Header],
    ) -> Result<DownloadedFile> {
        let key = self.file_key(url, name);
        let known = self.cache().get("file", &key).and_then(|entry| {
            let path = StorePath::parse(attrs::str(&entry.attrs, "storePath").ok()?).ok()?;
            self.store()
                .add_temp_roots(std::slice::from_ref(&path))
                .ok()?;
            let is_valid = self.store().is_valid_path(&path).ok()?;
            let etag = attrs::str(&entry.attrs, "etag").ok()?.to_owned();
            let effective_url = attrs::str(&entry.attrs, "url").ok()?.to_owned();
            let file = DownloadedFile {
                path,
                etag,
                effective_url,
            };
            is_valid.then_some((file, entry.age))
        });
        if let Some((file, age)) = &known
            && self.is_fresh(*age)
        {
            return Ok(file.clone());
        }
        match self.download_anew(url, name, headers, known.as_ref().map(|it| &it.0)) {
            Ok(file) => {
                let mut value = Attrs::from([
                    ("etag".to_owned(), file.etag.as_str().into()),
                    ("url".to_owned(), file.effective_url.as_str().into()),
                ]);
                value.insert("storePath".to_owned(), file.path.as_str().into());
                self.cache().put("file", &key, &value);
                if file.effective_url != url {
                    let key = self.file_key(&file.effective_url, name);
                    self.cache().put("file", &key, &value);
                }
                Ok(file)
            }
            Err(error) => match known {
                Some((file, _)) => {
                    self.warn(&format!("{error}; using cached version"));
                    Ok(file)
                }
                None => Err(error),
            },
        }
    }

    fn file_key(&self, url: &str, name: &str) -> Attrs {
        Attrs::from([
            ("name".to_owned(), name.into()),
            ("store".to_owned(), self.store().store_dir().as_str().into()),
            ("url".to_owned(), url.into()),
        ])
    }

    fn download_anew(
        &self,
        url: &str,
        name: &str,
        headers: &[Header],
        known: Option<&DownloadedFile>,
    ) -> Result<DownloadedFile> {
        let request = Request {
            url: url.to_owned(),
            headers: headers.to_vec(),
            known_etag: known.map(|it| it.etag.clone()).filter(|it| !it.is_empty()),
        };
        let _activity = self.transfer_activity(url);
        let download = self.client().download(&request)?;
        let info = download.info().clone();
        if let Some(known) = known.filter(|_| info.not_modified) {
            return Ok(known.clone());
        }
        let options = AddOptions {
            method: ContentAddressMethod::Flat,
            ..AddOptions::default()
        };
        let mut contents = download.decoded()?;
        let path = self
            .store()
            .add_dump(name, &mut contents, DumpFormat::Flat, &options)?;
        Ok(DownloadedFile {
            path,
            etag: info.etag.unwrap_or_default(),
            effective_url: info.effective_url,
        })
    }

    pub(crate) fn transfer_activity(&self, url: &str) -> ActivityGuard {
        ActivityGuard::start(
            &self.options().events,
            None,
            Level::Talkative,
            format!("downloading '{url}'"),
            ActivityKind::FileTransfer {
                url: url.to_owned(),
            },
        )
    }

    /// Downloads and unpacks an archive into the store.
    pub fn download_tree(
        &self,
        url: &str,
        name: &str,
        headers: &[Header],
    ) -> Result<DownloadedTree> {
        let parsed = Url::parse(url)?;
        if parsed.scheme == "file" {
            check_local_archive(&parsed)?;
        }
        let key = Attrs::from([("url".to_owned(), url.into())]);
        let known = self.cache().get("tarball", &key).and_then(|entry| {
            let hash = Hash::parse_sri(attrs::str(&entry.attrs, "narHash").ok()?).ok()?;
            let etag = attrs::str(&entry.attrs, "etag").ok()?.to_owned();
            let tree = DownloadedTree {
                path: self.tree_named(name, hash).ok()??,
                hash,
                last_modified: attrs::int(&entry.attrs, "lastModified").ok()?,
                immutable_url: attrs::maybe_str(&entry.attrs, "immutableUrl")
                    .ok()?
                    .map(str::to_owned),
            };
            Some((tree, etag, entry.age))
        });
        if let Some((tree, _, age)) = &known
            && self.is_fresh(*age)
        {
            return Ok(tree.clone());
        }
        let etag = known.as_ref().map(|it| it.1.clone());
        let (fresh, info) = match self.unpack_anew(url, &parsed, headers, etag) {
            Ok(found) => found,
            Err(error) => {
                if let (Some((tree, ..)), false) = (known, parsed.scheme == "file") {
                    self.warn(&format!("{error}; using cached version"));
                    return Ok(tree);
                }
                return Err(error);
            }
        };
        let (tree, etag) = match (fresh, known) {
            (None, Some((tree, etag, _))) => (tree, etag),
            (None, None) => {
                return Err(FetchError::new(format!(
                    "'{url}' is said not to have changed, but it was never fetched"
                )));
            }
            (Some(unpacked), _) => {
                let (path, hash) = self.add_tree(name, &unpacked.tree)?;
                let tree = DownloadedTree {
                    path,
                    hash,
                    last_modified: unpacked.last_modified,
                    immutable_url: info.immutable_url.clone(),
                };
                (tree, info.etag.clone().unwrap_or_default())
            }
        };
        let mut value = Attrs::from([
            ("etag".to_owned(), etag.into()),
            ("lastModified".to_owned(), tree.last_modified.into()),
            ("narHash".to_owned(), tree.hash.to_sri().into()),
        ]);
        if let Some(url) = &tree.immutable_url {
            value.insert("immutableUrl".to_owned(), url.as_str().into());
        }
        for url in [url, info.effective_url.as_str()] {
            let key = Attrs::from([("url".to_owned(), url.into())]);
            self.cache().put("tarball", &key, &value);
        }
        Ok(tree)
    }

    fn unpack_anew(
        &self,
        url: &str,
        parsed: &Url,
        headers: &[Header],
        etag: Option<String>,
    ) -> Result<(Option<archive::Unpacked>, ResponseInfo)> {
        let request = Request {
            url: url.to_owned(),
            headers: headers.to_vec(),
            known_etag: etag.filter(|it| !it.is_empty()),
        };
        let _activity = self.transfer_activity(url);
        let download = self.client().download(&request)?;
        let info = download.info().clone();
        if info.not_modified {
            return Ok((None, info));
        }
        let last = parsed
            .path
            .last()
            .map_or(String::new(), |it| it.to_ascii_lowercase());
        let unpacked = archive::unpack(
            url,
            download.decoded()?,
            last.rsplit_once('.')
                .is_some_and(|(_, ending)| ending == "zip"),
        )?;
        Ok((Some(unpacked), info))
    }

    /// The store path of a tree under a name, if the tree is in the store, under whichever name.
    pub(crate) fn tree_named(&self, name: &str, hash: Hash) -> Result<Option<StorePath>> {
        let path = tree_path(self.store().store_dir(), name, hash)?;
        self.store().add_temp_roots(std::slice::from_ref(&path))?;
        if self.store().is_valid_path(&path)? {
            return Ok(Some(path));
        }
        let usual = tree_path(self.store().store_dir(), "source", hash)?;
        if !self.store().is_valid_path(&usual)? {
            return Ok(None);
        }
        let tree = firn_store::tree::LocalTree::new(self.physical(&usual)?);
        Ok(Some(self.add_tree(name, &tree)?.0))
    }

    pub(crate) fn fetch_file(&self, input: &Input) -> Result<Found> {
        let url = attrs::str(&input.attrs, "url")?;
        let file = self.download_file(url, input.name(), &[])?;
        let mut input = input.clone();
        let hash = self.hash_of(&file.path)?;
        input.set("narHash", hash.to_sri());
        // A file keeps the address that follows from its contents alone only where it is read by that name.
        let path = self.file_as_tree(&file.path, input.name(), hash)?;
        Ok(Found::named(input, path, hash))
    }

    /// A downloaded file under the name that the hash of its archive gives.
    fn file_as_tree(&self, path: &StorePath, name: &str, hash: Hash) -> Result<StorePath> {
        let wanted = tree_path(self.store().store_dir(), name, hash)?;
        if self.store().is_valid_path(&wanted)? {
            return Ok(wanted);
        }
        let tree = firn_store::tree::LocalTree::new(self.physical(path)?);
        Ok(self.add_tree(name, &tree)?.0)
    }

    pub(crate) fn fetch_tarball(&self, input: &Input) -> Result<Found> {
        let url = attrs::str(&input.attrs, "url")?;
        let tree = self.download_tree(url, input.name(), &[])?;
        let mut input = input.clone();
        if let Some(url) = &tree.immutable_url {
            input = Input::from_url_text(self, url)?;
            if input.scheme != Some(Scheme::Tarball) {
                return Err(FetchError::new(
                    "tarball 'Link' headers that redirect to non-tarball URLs are not supported",
                ));
            }
        }
        if tree.last_modified != 0 && input.last_modified().is_none() {
            input.set("lastModified", tree.last_modified);
        }
        let display = Some(format!("«{}»", input.show()));
        input.set("narHash", tree.hash.to_sri());
        Ok(Found {
            display,
            ..Found::named(input, tree.path, tree.hash)
        })
    }

    /// The contents of a small downloaded file.
    pub(crate) fn read_downloaded(&self, path: &StorePath) -> Result<Vec<u8>> {
        let place = self.physical(path)?;
        let mut contents = Vec::new();
        std::fs::File::open(&place)
            .and_then(|mut it| it.read_to_end(&mut contents))
            .map_err(|it| FetchError::io("reading", &place, &it))?;
        Ok(contents)
    }
}

/// Tells apart what people mistake for archives.
fn check_local_archive(url: &Url) -> Result<()> {
    let path = url.file_path()?;
    let shown = path.display();
    let problem = if !path.is_absolute() {
        format!(
            "tarball '{url}' must use an absolute path. The 'file' scheme does not support relative paths."
        )
    } else if !path.exists() {
        format!("tarball \"{shown}\" does not exist.")
    } else if path.join(".git").exists() {
        format!(
            "tarball \"{shown}\" is a git repository, not a tarball. Please use `git+file` as the scheme."
        )
    } else if path.is_dir() {
        format!("tarball \"{shown}\" is a directory, not a file.")
    } else {
        return Ok(());
    };
    Err(FetchError::new(problem))
}

//! A file behind an address, made a store object of fixed contents, once and by hand: what
//! `nix-prefetch-url` does, so that the hash can be written down.

use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use firn_hash::{Algorithm, Hash};
use firn_store::hash_tree;
use firn_store::tree::{LocalTree, SourceTree};
use firn_store::types::AddOptions;
use firn_store_model::{
    ContentAddress, ContentAddressMethod, StorePath, StoreReferences, check_name,
};
use firn_transfer::Request;

use crate::{FetchError, Fetcher, Result, archive};

/// What is wanted of a file.
#[derive(Clone, Debug)]
pub struct Prefetch<'a> {
    /// Its address.
    pub url: &'a str,
    /// The name of the store object; that of the file if it is not given.
    pub name: Option<&'a str>,
    /// How it is hashed, if no hash says so.
    pub algorithm: Algorithm,
    /// The hash that it must have.
    pub expected: Option<Hash>,
    /// Whether it is an archive whose tree is wanted.
    pub unpack: bool,
    /// Whether it is to be executable, which makes its hash one of an archive.
    pub executable: bool,
}

impl Fetcher {
    /// Downloads a file into the store, unless the store has what the expected hash says. Returns
    /// the object and its hash. `temporary` is a directory for temporary files.
    pub fn prefetch(&self, wanted: &Prefetch<'_>, temporary: &Path) -> Result<(StorePath, Hash)> {
        let name = match wanted.name {
            Some(name) => name.to_owned(),
            None => last_segment(wanted.url)?,
        };
        check_name(name.as_bytes()).map_err(|error| {
            let error = FetchError::new(error.to_string());
            if wanted.name.is_some() {
                return error;
            }
            let url = wanted.url;
            error.while_doing(format!("file name '{name}' was extracted from URL '{url}'"))
        })?;
        let method = if wanted.unpack || wanted.executable {
            ContentAddressMethod::Nar
        } else {
            ContentAddressMethod::Flat
        };
        let options = AddOptions {
            method,
            algorithm: wanted
                .expected
                .map_or(wanted.algorithm, |it| it.algorithm()),
            ..AddOptions::default()
        };
        if let Some(hash) = wanted.expected {
            let address = ContentAddress { method, hash };
            let path = self.store().store_dir().make_content_addressed_path(
                &name,
                &address,
                &StoreReferences::default(),
            );
            let path = path.map_err(|it| FetchError::new(it.to_string()))?;
            self.store().add_temp_roots(std::slice::from_ref(&path))?;
            if self.store().is_valid_path(&path)? {
                return Ok((path, hash));
            }
        }
        let download = self.client().download(&Request::new(wanted.url))?;
        if wanted.unpack {
            let is_zip = Path::new(wanted.url)
                .extension()
                .is_some_and(|it| it.eq_ignore_ascii_case("zip"));
            let unpacked = archive::unpack(wanted.url, download, is_zip)?;
            if unpacked.tree.is_empty() {
                let message = format!("archive '{}' is empty", wanted.url);
                return Err(FetchError::new(message));
            }
            return self.add_prefetched(wanted, &name, &unpacked.tree, &options);
        }
        let mut download = download;
        let broken = |error: std::io::Error| {
            FetchError::new(format!("cannot keep '{}': {error}", wanted.url))
        };
        let scratch = tempfile::tempdir_in(temporary).map_err(broken)?;
        let file = scratch.path().join("file");
        let mut output = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(if wanted.executable { 0o700 } else { 0o600 })
            .open(&file)
            .map_err(broken)?;
        std::io::copy(&mut download, &mut output).map_err(broken)?;
        drop(output);
        self.add_prefetched(wanted, &name, &LocalTree::new(file), &options)
    }

    fn add_prefetched(
        &self,
        wanted: &Prefetch<'_>,
        name: &str,
        tree: &dyn SourceTree,
        options: &AddOptions,
    ) -> Result<(StorePath, Hash)> {
        let store_dir = self.store().store_dir();
        let (address, _) = hash_tree::hash_tree(store_dir, name, tree, None, options)?;
        if let Some(expected) = wanted.expected
            && expected != address.hash
        {
            return Err(FetchError::new(format!(
                "hash mismatch for '{}':\n  specified: {}\n  got:       {}",
                wanted.url,
                expected.to_sri(),
                address.hash.to_sri()
            )));
        }
        let path = self.store().add_tree(name, tree, None, options)?;
        Ok((path, address.hash))
    }
}

/// The name of the file that an address leads to.
fn last_segment(url: &str) -> Result<String> {
    let path = url.split(['?', '#']).next().unwrap_or(url);
    let path = path.trim_end_matches('/');
    let name = path.rsplit_once('/').map_or("", |it| it.1);
    let name = crate::url::decode(name)?;
    if name.is_empty() {
        let message = format!("cannot figure out file name for '{url}'");
        return Err(FetchError::new(message));
    }
    Ok(name)
}

#[cfg(test)]
mod tests {
    use super::last_segment;

    #[test]
    fn addresses_end_with_a_name() {
        let check = |url: &str, expected: Option<&str>| {
            assert_eq!(last_segment(url).ok().as_deref(), expected, "{url}");
        };
        check(
            "https://x.org/a/b%20c-1.0.tar.gz?token=1",
            Some("b c-1.0.tar.gz"),
        );
        check("file:///srv/x", Some("x"));
        check("https://x.org/dir/", Some("dir"));
        check("https:", None);
    }
}

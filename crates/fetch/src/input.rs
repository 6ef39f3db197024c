//! An input: where a source comes from, as attributes, and what is known of it once fetched.
//!
//! Inputs come from URLs, from attributes of expressions and lock files, and from registries. What
//! an attribute means belongs to the input's [`Scheme`]; an input of an unknown scheme can be
//! carried around and compared, but not fetched.

use std::path::{Path, PathBuf};

use firn_hash::{Algorithm, Hash};
use firn_store_model::{
    ContentAddress, ContentAddressMethod, StoreDir, StorePath, StoreReferences,
};

use crate::attrs::{self, Attr, Attrs};
use crate::{FetchError, Fetcher, Result, Scheme, Url, url};

/// The attribute that says that everything is known which fetching would tell.
pub const FINAL: &str = "__final";

/// Where a source comes from.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Input {
    /// What is said about it.
    pub attrs: Attrs,
    /// How it is fetched; `None` where that is not known.
    pub scheme: Option<Scheme>,
}

impl Input {
    /// The input of a URL. With `require_tree` it is to be a tree of files, so that a plain address
    /// means an archive.
    pub fn from_url(fetcher: &Fetcher, url: &Url, require_tree: bool) -> Result<Self> {
        for dubious in &url.dubious {
            fetcher.warn(&format!(
                "dubious URI query '{dubious}' is missing equal sign '=', ignoring"
            ));
        }
        for scheme in Scheme::ALL {
            if let Some(attrs) = scheme.attrs_of_url(fetcher, url, require_tree)? {
                fetcher.require_scheme(*scheme)?;
                return Self::checked(attrs, Some(*scheme));
            }
        }
        let hint = if url::application(&url.scheme) == Some("file")
            && url::transport(&url.scheme) == "git"
        {
            "; did you mean 'git+file' instead of 'file+git'?"
        } else {
            ""
        };
        Err(FetchError::new(format!(
            "input '{url}' is unsupported{hint}"
        )))
    }

    /// The input of a text that is a URL.
    pub fn from_url_text(fetcher: &Fetcher, text: &str) -> Result<Self> {
        Self::from_url(fetcher, &Url::parse(text)?, true)
    }

    /// The input of attributes.
    pub fn from_attrs(fetcher: &Fetcher, attrs: Attrs) -> Result<Self> {
        let Some(kind) = attrs::maybe_str(&attrs, "type")? else {
            return Err(FetchError::new(
                "'type' attribute to specify input scheme is required but not provided",
            ));
        };
        let Some(scheme) = Scheme::named(kind) else {
            return Self::checked(attrs, None);
        };
        fetcher.require_scheme(scheme)?;
        for name in attrs.keys() {
            if name != "type" && name != FINAL && !scheme.allowed_attrs().contains(&name.as_str()) {
                return Err(FetchError::new(format!(
                    "input attribute '{name}' not supported by scheme '{scheme}'"
                )));
            }
        }
        let attrs = scheme.checked_attrs(fetcher, attrs)?;
        Self::checked(attrs, Some(scheme))
    }

    fn checked(attrs: Attrs, scheme: Option<Scheme>) -> Result<Self> {
        let input = Self { attrs, scheme };
        input.kind()?;
        attrs::maybe_str(&input.attrs, "ref")?;
        attrs::maybe_int(&input.attrs, "revCount")?;
        attrs::maybe_int(&input.attrs, "lastModified")?;
        Ok(input)
    }

    /// The `type` attribute.
    pub fn kind(&self) -> Result<&str> {
        attrs::str(&self.attrs, "type")
    }

    /// The scheme, which has to be known to do anything with the input.
    pub fn known_scheme(&self) -> Result<Scheme> {
        self.scheme.ok_or_else(|| {
            FetchError::new(format!(
                "cannot fetch unsupported input '{}'",
                attrs::show(&self.attrs)
            ))
        })
    }

    /// The input as a URL.
    pub fn to_url(&self) -> Result<Url> {
        match self.scheme {
            Some(scheme) => scheme.to_url(self),
            None => Err(FetchError::new(format!(
                "cannot show unsupported input '{}'",
                attrs::show(&self.attrs)
            ))),
        }
    }

    /// The input as messages show it.
    pub fn show(&self) -> String {
        match self.to_url() {
            Ok(url) => url.to_string(),
            Err(_) => attrs::show(&self.attrs),
        }
    }

    /// Whether it can be fetched without asking a registry.
    pub fn is_direct(&self) -> bool {
        self.scheme != Some(Scheme::Indirect)
    }

    /// Whether it always means the same source.
    pub fn is_locked(&self, fetcher: &Fetcher) -> bool {
        self.scheme.is_some_and(|it| it.is_locked(fetcher, self))
    }

    /// Whether everything is known that fetching would tell.
    pub fn is_final(&self) -> bool {
        attrs::flag(&self.attrs, FINAL).unwrap_or(false)
    }

    /// The path of an input that is meant relative to whoever names it.
    pub fn relative_path(&self) -> Option<&str> {
        if self.scheme != Some(Scheme::Path) {
            return None;
        }
        let path = attrs::str(&self.attrs, "path").ok()?;
        (!path.starts_with('/')).then_some(path)
    }

    /// The name that its tree gets in the store.
    pub fn name(&self) -> &str {
        attrs::maybe_str(&self.attrs, "name")
            .ok()
            .flatten()
            .unwrap_or("source")
    }

    /// The hash of its tree, if that is known.
    pub fn nar_hash(&self) -> Result<Option<Hash>> {
        let Some(text) = attrs::maybe_str(&self.attrs, "narHash")? else {
            return Ok(None);
        };
        if text.is_empty() {
            return Ok(Hash::from_bytes(Algorithm::Sha256, &[0; 32]));
        }
        let hash = Hash::parse_sri(text).map_err(|error| FetchError::new(error.to_string()))?;
        if hash.algorithm() != Algorithm::Sha256 {
            return Err(FetchError::new("narHash must use SHA-256"));
        }
        Ok(Some(hash))
    }

    /// The branch or tag.
    pub fn git_ref(&self) -> Option<&str> {
        attrs::maybe_str(&self.attrs, "ref").ok().flatten()
    }

    /// The revision, as a hash.
    pub fn rev(&self) -> Result<Option<Hash>> {
        let Some(text) = attrs::maybe_str(&self.attrs, "rev")? else {
            return Ok(None);
        };
        let hash =
            Hash::parse_any(text, None).or_else(|_| Hash::parse_any(text, Some(Algorithm::Sha1)));
        hash.map(Some)
            .map_err(|error| FetchError::new(error.to_string()))
    }

    /// The revision as Git writes it.
    pub fn rev_text(&self) -> Option<String> {
        self.rev().ok().flatten().map(|it| it.to_base16())
    }

    /// How many revisions led to it.
    pub fn rev_count(&self) -> Option<u64> {
        attrs::maybe_int(&self.attrs, "revCount").ok().flatten()
    }

    /// When it was changed last.
    pub fn last_modified(&self) -> Option<u64> {
        attrs::maybe_int(&self.attrs, "lastModified").ok().flatten()
    }

    /// Sets an attribute.
    pub fn set(&mut self, name: &str, value: impl Into<Attr>) {
        self.attrs.insert(name.to_owned(), value.into());
    }

    /// Whether `other` is this input, or this input at some branch or revision.
    pub fn contains(&self, other: &Self) -> bool {
        if self == other {
            return true;
        }
        let mut plain = other.clone();
        plain.attrs.remove("ref");
        plain.attrs.remove("rev");
        *self == plain
    }

    /// The input at another branch or revision.
    pub fn with_overrides(&self, git_ref: Option<&str>, rev: Option<&str>) -> Result<Self> {
        match self.scheme {
            None => Ok(self.clone()),
            Some(scheme) => scheme.with_overrides(self, git_ref, rev),
        }
    }

    /// The store path that follows from its hash.
    pub fn store_path(&self, store_dir: &StoreDir) -> Result<StorePath> {
        let Some(hash) = self.nar_hash()? else {
            return Err(FetchError::new(format!(
                "cannot compute store path for unlocked input '{}'",
                self.show()
            )));
        };
        tree_path(store_dir, self.name(), hash)
    }

    /// Where on this machine its files can be edited.
    pub fn source_path(&self, fetcher: &Fetcher) -> Result<Option<PathBuf>> {
        match self.scheme {
            Some(Scheme::Path) => Ok(Some(crate::scheme::path::absolute(self)?)),
            Some(Scheme::Git) => crate::scheme::git::local_path(fetcher, self),
            Some(Scheme::Mercurial) => crate::mercurial::local_path(self),
            _ => Ok(None),
        }
    }

    /// Checks what fetching found against what was said before, and gives what is to be kept.
    pub(crate) fn check_locks(&self, mut result: Self) -> Result<Self> {
        let mut specified = self.clone();
        if specified.is_final() {
            for input in [&mut specified, &mut result] {
                if let Some(hash) = input.nar_hash()? {
                    input.set("narHash", hash.to_sri());
                }
            }
            for (name, value) in &specified.attrs {
                if result.attrs.get(name).is_some_and(|it| it != value) {
                    return Err(FetchError::new(format!(
                        "mismatch in field '{name}' of input '{}', got '{}'",
                        attrs::show(&specified.attrs),
                        attrs::show(&result.attrs)
                    )));
                }
            }
            result.attrs = specified.attrs;
            return Ok(result);
        }
        if let Some(expected) = self.nar_hash()? {
            let got = result.nar_hash()?;
            if got.as_ref() != Some(&expected) {
                let got = got.map_or_else(|| "none".to_owned(), |it| format!("'{}'", it.to_sri()));
                return Err(FetchError::hash_mismatch(format!(
                    "NAR hash mismatch in input '{}', expected '{}' but got {got}",
                    self.show(),
                    expected.to_sri(),
                )));
            }
        }
        if let Some(expected) = self.last_modified()
            && result.last_modified() != Some(expected)
        {
            let got = result.last_modified().map_or(-1, |it| it as i64);
            return Err(FetchError::new(format!(
                "'lastModified' attribute mismatch in input '{}', expected {expected}, got {got}",
                result.show()
            )));
        }
        if let Some(expected) = self.rev()?
            && result.rev()?.as_ref() != Some(&expected)
        {
            return Err(FetchError::new(format!(
                "'rev' attribute mismatch in input '{}', expected {}",
                result.show(),
                expected.to_base16()
            )));
        }
        if let Some(expected) = self.rev_count()
            && result.rev_count() != Some(expected)
        {
            return Err(FetchError::new(format!(
                "'revCount' attribute mismatch in input '{}', expected {expected}",
                result.show()
            )));
        }
        Ok(result)
    }
}

/// The store path of a tree with this hash.
pub(crate) fn tree_path(store_dir: &StoreDir, name: &str, hash: Hash) -> Result<StorePath> {
    let address = ContentAddress {
        method: ContentAddressMethod::Nar,
        hash,
    };
    let path = store_dir.make_content_addressed_path(name, &address, &StoreReferences::default());
    path.map_err(|error| FetchError::new(error.to_string()))
}

/// A path without `.` and `..`, as text.
pub(crate) fn canonical(path: &Path) -> PathBuf {
    let mut out = PathBuf::from("/");
    for component in path.components() {
        match component {
            std::path::Component::Normal(name) => out.push(name),
            std::path::Component::ParentDir => {
                out.pop();
            }
            _ => {}
        }
    }
    out
}

//! `git:` and `git+…:`: a Git repository, at a commit or as it lies in a working tree.

use std::path::{Path, PathBuf};

use firn_hash::Hash;
use firn_settings::Feature;

use crate::attrs::{self, Attr, Attrs};
use crate::scheme::is_ref_name;
use crate::{FetchError, Fetcher, Input, Result, Url, url};

pub(crate) const ATTRS: &[&str] = &[
    "url",
    "ref",
    "rev",
    "shallow",
    "submodules",
    "lfs",
    "exportIgnore",
    "lastModified",
    "revCount",
    "narHash",
    "allRefs",
    "name",
    "dirtyRev",
    "dirtyShortRev",
    "verifyCommit",
    "keytype",
    "publicKey",
    "publicKeys",
];

const FLAGS: &[&str] = &[
    "shallow",
    "submodules",
    "lfs",
    "exportIgnore",
    "allRefs",
    "verifyCommit",
];

/// A key that may have signed a commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PublicKey {
    pub(crate) kind: String,
    pub(crate) key: String,
}

pub(crate) fn attrs_of_url(fetcher: &Fetcher, url: &Url) -> Result<Option<Attrs>> {
    if url.scheme != "git" && url::application(&url.scheme) != Some("git") {
        return Ok(None);
    }
    let mut plain = url.clone();
    plain.query.clear();
    let mut attrs = Attrs::from([("type".to_owned(), "git".into())]);
    for (name, value) in &url.query {
        match name.as_str() {
            "rev" | "ref" | "keytype" | "publicKey" | "publicKeys" => {
                attrs.insert(name.clone(), value.as_str().into());
            }
            flag if FLAGS.contains(&flag) => {
                attrs.insert(name.clone(), Attr::Bool(value == "1"));
            }
            _ => {
                plain.query.insert(name.clone(), value.clone());
            }
        }
    }
    attrs.insert("url".to_owned(), plain.to_string().into());
    checked(fetcher, attrs).map(Some)
}

pub(crate) fn checked(fetcher: &Fetcher, mut attrs: Attrs) -> Result<Attrs> {
    let verifies = ["verifyCommit", "keytype", "publicKey", "publicKeys"];
    if verifies.iter().any(|it| attrs.contains_key(*it)) {
        fetcher.require(Feature::VerifiedFetches)?;
    }
    attrs::maybe_bool(&attrs, "verifyCommit")?;
    if let Some(git_ref) = attrs::maybe_str(&attrs, "ref")?
        && !is_ref_name(git_ref)
    {
        return Err(FetchError::bad_url(format!(
            "invalid Git branch/tag name '{git_ref}'"
        )));
    }
    let fixed = fix_url(attrs::str(&attrs, "url")?)?.to_string();
    attrs.insert("url".to_owned(), fixed.into());
    for name in ["shallow", "submodules", "allRefs"] {
        attrs::maybe_bool(&attrs, name)?;
    }
    Ok(attrs)
}

/// An address as Git takes it, as a URL: `user@host:path` and paths of this machine included.
pub fn fix_url(text: &str) -> Result<Url> {
    let mut text = text.to_owned();
    if !text.starts_with('/')
        && let Some((user, rest)) = text.split_once('@')
        && !user.contains('/')
        && let Some((host, path)) = rest.rsplit_once(':')
    {
        text = format!("ssh://{user}@{host}/{path}");
    }
    if !text.starts_with("file:") && !text.starts_with("git+file:") && !text.contains("://") {
        let path: Vec<String> = text.split('/').map(str::to_owned).collect();
        if path[0].contains(':') {
            return Err(FetchError::bad_url(format!(
                "SCP-like URL '{text}' is not supported; use SSH URL syntax instead (ssh://...)"
            )));
        }
        return Ok(Url {
            scheme: "file".to_owned(),
            authority: text.starts_with('/').then(Default::default),
            path,
            ..Url::default()
        });
    }
    let mut url = Url::parse(&text)?;
    if url::application(&url.scheme) == Some("git") {
        url.scheme = url::transport(&url.scheme).to_owned();
    }
    Ok(url)
}

pub(crate) fn to_url(input: &Input) -> Result<Url> {
    let mut url = Url::parse(attrs::str(&input.attrs, "url")?)?;
    if url.scheme != "git" {
        url.scheme = format!("git+{}", url.scheme);
    }
    let mut set = |name: &str, value: String| {
        url.query.insert(name.to_owned(), value);
    };
    if let Some(rev) = input.rev_text() {
        set("rev", rev);
    }
    if let Some(git_ref) = input.git_ref() {
        set("ref", git_ref.to_owned());
    }
    for name in [
        "shallow",
        "lfs",
        "submodules",
        "exportIgnore",
        "verifyCommit",
    ] {
        if attrs::flag(&input.attrs, name)? {
            set(name, "1".to_owned());
        }
    }
    match public_keys(&input.attrs)?.as_slice() {
        [] => {}
        [only] => {
            set("keytype", only.kind.clone());
            set("publicKey", only.key.clone());
        }
        several => {
            let keys: Vec<_> = several
                .iter()
                .map(|it| serde_json::json!({"key": it.key, "type": it.kind}))
                .collect();
            set("publicKeys", serde_json::Value::from(keys).to_string());
        }
    }
    Ok(url)
}

/// The keys of which one must have signed the commit.
pub(crate) fn public_keys(attrs: &Attrs) -> Result<Vec<PublicKey>> {
    let mut keys = Vec::new();
    if let Some(text) = attrs::maybe_str(attrs, "publicKeys")? {
        let bad = || FetchError::new(format!("'{text}' is no list of public keys"));
        let value: serde_json::Value = serde_json::from_str(text).map_err(|_| bad())?;
        for key in value.as_array().ok_or_else(bad)? {
            let field = |name: &str| key.get(name).and_then(|it| it.as_str());
            keys.push(PublicKey {
                kind: field("type").unwrap_or("ssh-ed25519").to_owned(),
                key: field("key").ok_or_else(bad)?.to_owned(),
            });
        }
    }
    if let Some(key) = attrs::maybe_str(attrs, "publicKey")? {
        let kind = attrs::maybe_str(attrs, "keytype")?.unwrap_or("ssh-ed25519");
        keys.push(PublicKey {
            kind: kind.to_owned(),
            key: key.to_owned(),
        });
    }
    Ok(keys)
}

/// The revision of a repository without commits.
pub(crate) fn is_null(rev: &Hash) -> bool {
    rev.digest().iter().all(|&byte| byte == 0)
}

/// Where a repository is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Location {
    /// In a working tree of this machine.
    Local(PathBuf),
    /// Somewhere that Git has to fetch from.
    Remote(Url),
}

impl Location {
    /// As Git takes it.
    pub(crate) fn show(&self) -> String {
        match self {
            Self::Local(path) => path.display().to_string(),
            Self::Remote(url) => url.to_string(),
        }
    }
}

/// Where an input's repository is.
pub(crate) fn location(fetcher: &Fetcher, input: &Input) -> Result<Location> {
    let mut url = Url::parse(attrs::str(&input.attrs, "url")?)?;
    if url.scheme == "file" {
        let path = url.file_path()?;
        let is_bare = path.exists() && !path.join(".git").exists();
        if !fetcher.options().force_remote && !is_bare {
            if !path.is_absolute() {
                fetcher.warn(&format!(
                    "Fetching Git repository '{url}', which uses a path relative to the current directory. This is not supported and will stop working in a future release. See https://github.com/NixOS/nix/issues/12281 for details."
                ));
            }
            return Ok(Location::Local(fetcher.options().current_dir.join(path)));
        }
        url.query.clear();
    }
    url.query.remove("dir");
    Ok(Location::Remote(url))
}

/// The working tree of an input, if it has one here.
pub(crate) fn local_path(fetcher: &Fetcher, input: &Input) -> Result<Option<PathBuf>> {
    match location(fetcher, input)? {
        Location::Local(path) => Ok(Some(without_trailing_slash(&path))),
        Location::Remote(_) => Ok(None),
    }
}

fn without_trailing_slash(path: &Path) -> PathBuf {
    path.components().collect()
}

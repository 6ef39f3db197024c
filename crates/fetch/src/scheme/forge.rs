//! `github:`, `gitlab:` and `sourcehut:`: archives of repositories at a forge, by owner and name.

use firn_hash::{Algorithm, Hash};

use crate::attrs::{self, Attrs};
use crate::scheme::{is_ref_name, is_revision};
use crate::{FetchError, Input, Result, Scheme, Url};

pub(crate) const ATTRS: &[&str] = &[
    "owner",
    "repo",
    "ref",
    "rev",
    "narHash",
    "lastModified",
    "host",
    "treeHash",
];

pub(crate) fn attrs_of_url(scheme: Scheme, url: &Url) -> Result<Option<Attrs>> {
    if url.scheme != scheme.name() {
        return Ok(None);
    }
    let path = url.segments();
    let [owner, repo, rest @ ..] = path.as_slice() else {
        return Err(FetchError::bad_url(format!("URL '{url}' is invalid")));
    };
    let (mut git_ref, mut rev, mut host) = (None, None, None);
    match rest {
        [] => {}
        [only] if is_revision(only) => rev = Some((*only).to_owned()),
        several => git_ref = Some(several.join("/")),
    }
    for (name, value) in &url.query {
        match name.as_str() {
            "rev" if rev.is_some() => {
                return Err(FetchError::bad_url(format!(
                    "URL '{url}' contains multiple commit hashes"
                )));
            }
            "ref" if git_ref.is_some() => {
                return Err(FetchError::bad_url(format!(
                    "URL '{url}' contains multiple branch/tag names"
                )));
            }
            "rev" => rev = Some(value.clone()),
            "ref" => git_ref = Some(value.clone()),
            "host" => host = Some(value.clone()),
            _ => {}
        }
    }
    let mut attrs = Attrs::from([
        ("type".to_owned(), scheme.name().into()),
        ("owner".to_owned(), (*owner).into()),
        ("repo".to_owned(), (*repo).into()),
    ]);
    let hash = url.query.get("narHash").cloned();
    for (name, value) in [
        ("rev", rev),
        ("ref", git_ref),
        ("host", host),
        ("narHash", hash),
    ] {
        if let Some(value) = value {
            attrs.insert(name.to_owned(), value.into());
        }
    }
    checked(attrs).map(Some)
}

pub(crate) fn checked(attrs: Attrs) -> Result<Attrs> {
    attrs::str(&attrs, "owner")?;
    attrs::str(&attrs, "repo")?;
    let git_ref = attrs::maybe_str(&attrs, "ref")?;
    let rev = attrs::maybe_str(&attrs, "rev")?;
    if let (Some(git_ref), Some(rev)) = (git_ref, rev) {
        return Err(FetchError::bad_url(format!(
            "input {} contains both a commit hash ('{rev}') and a branch/tag name ('{git_ref}')",
            attrs::show(&attrs)
        )));
    }
    if let Some(rev) = rev {
        Hash::parse_any(rev, Some(Algorithm::Sha1))
            .map_err(|it| FetchError::bad_url(it.to_string()))?;
    }
    if git_ref.is_some_and(|it| !is_ref_name(it)) {
        return Err(FetchError::bad_url(format!(
            "input {} contains an invalid branch/tag name",
            attrs::show(&attrs)
        )));
    }
    let is_host = |text: &str| {
        text.bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'.' || byte == b'-')
    };
    if attrs::maybe_str(&attrs, "host")?.is_some_and(|it| !is_host(it)) {
        return Err(FetchError::bad_url(format!(
            "input {} contains an invalid instance host",
            attrs::show(&attrs)
        )));
    }
    Ok(attrs)
}

pub(crate) fn to_url(scheme: Scheme, input: &Input) -> Result<Url> {
    let mut path = vec![
        attrs::str(&input.attrs, "owner")?.to_owned(),
        attrs::str(&input.attrs, "repo")?.to_owned(),
    ];
    path.extend(input.git_ref().map(str::to_owned));
    path.extend(input.rev_text());
    let mut url = Url {
        scheme: scheme.name().to_owned(),
        path,
        ..Url::default()
    };
    if let Some(hash) = input.nar_hash()? {
        url.query.insert("narHash".to_owned(), hash.to_sri());
    }
    if let Some(host) = attrs::maybe_str(&input.attrs, "host")? {
        url.query.insert("host".to_owned(), host.to_owned());
    }
    Ok(url)
}

/// Where a forge is, unless the input says otherwise.
pub(crate) fn host(scheme: Scheme, input: &Input) -> Result<String> {
    let default = match scheme {
        Scheme::GitLab => "gitlab.com",
        Scheme::SourceHut => "git.sr.ht",
        _ => "github.com",
    };
    Ok(attrs::maybe_str(&input.attrs, "host")?
        .unwrap_or(default)
        .to_owned())
}

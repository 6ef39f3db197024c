//! `file+…:` and `tarball+…:`: a file or an archive behind an address. A plain `http(s)` or `file`
//! address is one or the other by its ending, or by what is wanted.

use crate::attrs::{self, Attrs};
use crate::{Input, Result, Scheme, Url, url};

pub(crate) const ATTRS: &[&str] = &[
    "url",
    "narHash",
    "name",
    "unpack",
    "rev",
    "revCount",
    "lastModified",
];

const TRANSPORTS: &[&str] = &["file", "http", "https"];
const ARCHIVES: &[&str] = &[
    ".zip", ".tar", ".tgz", ".tar.gz", ".tar.xz", ".tar.bz2", ".tar.zst",
];

fn is_of_scheme(scheme: Scheme, url: &Url, require_tree: bool) -> bool {
    if !TRANSPORTS.contains(&url::transport(&url.scheme)) {
        return false;
    }
    if let Some(application) = url::application(&url.scheme) {
        return application == scheme.name();
    }
    let last = url.path.last().map_or("", String::as_str);
    let is_archive = require_tree || ARCHIVES.iter().any(|it| last.ends_with(it));
    is_archive == (scheme == Scheme::Tarball)
}

pub(crate) fn attrs_of_url(scheme: Scheme, url: &Url, require_tree: bool) -> Option<Attrs> {
    if !is_of_scheme(scheme, url, require_tree) {
        return None;
    }
    let mut plain = url.clone();
    url::transport(&url.scheme).clone_into(&mut plain.scheme);
    let mut attrs = Attrs::new();
    for name in ["narHash", "rev"] {
        if let Some(value) = url.query.get(name) {
            attrs.insert(name.to_owned(), value.as_str().into());
        }
    }
    for name in ["revCount", "lastModified"] {
        if let Some(number) = url.query.get(name).and_then(|it| it.parse::<u64>().ok()) {
            attrs.insert(name.to_owned(), number.into());
        }
    }
    plain
        .query
        .retain(|name, _| !ATTRS.contains(&name.as_str()));
    attrs.insert("type".to_owned(), scheme.name().into());
    attrs.insert("url".to_owned(), plain.to_string().into());
    Some(attrs)
}

pub(crate) fn to_url(input: &Input) -> Result<Url> {
    let mut url = Url::parse(attrs::str(&input.attrs, "url")?)?;
    if let Some(hash) = input.nar_hash()? {
        url.query.insert("narHash".to_owned(), hash.to_sri());
    }
    Ok(url)
}

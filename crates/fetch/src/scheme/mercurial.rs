//! `hg+…:`: Mercurial repositories.

use crate::attrs::{self, Attrs};
use crate::scheme::{is_ref_name, is_revision};
use crate::{FetchError, Input, Result, Url, url};

pub(crate) const ATTRS: &[&str] = &["url", "ref", "rev", "revCount", "narHash", "name"];

pub(crate) fn attrs_of_url(url: &Url) -> Result<Option<Attrs>> {
    if url::application(&url.scheme) != Some("hg") {
        return Ok(None);
    }
    let mut plain = url.clone();
    url::transport(&url.scheme).clone_into(&mut plain.scheme);
    plain.query.clear();
    let mut attrs = Attrs::from([("type".to_owned(), "hg".into())]);
    for (name, value) in &url.query {
        if name == "rev" || name == "ref" {
            attrs.insert(name.clone(), value.as_str().into());
        } else {
            plain.query.insert(name.clone(), value.clone());
        }
    }
    attrs.insert("url".to_owned(), plain.to_string().into());
    checked(attrs).map(Some)
}

pub(crate) fn checked(attrs: Attrs) -> Result<Attrs> {
    Url::parse(attrs::str(&attrs, "url")?)?;
    if let Some(git_ref) = attrs::maybe_str(&attrs, "ref")?
        && !is_revision(git_ref)
        && !is_ref_name(git_ref)
    {
        return Err(FetchError::bad_url(format!(
            "invalid Mercurial branch/tag name '{git_ref}'"
        )));
    }
    Ok(attrs)
}

pub(crate) fn to_url(input: &Input) -> Result<Url> {
    let mut url = Url::parse(attrs::str(&input.attrs, "url")?)?;
    url.scheme = format!("hg+{}", url.scheme);
    if let Some(rev) = input.rev_text() {
        url.query.insert("rev".to_owned(), rev);
    }
    if let Some(git_ref) = input.git_ref() {
        url.query.insert("ref".to_owned(), git_ref.to_owned());
    }
    Ok(url)
}

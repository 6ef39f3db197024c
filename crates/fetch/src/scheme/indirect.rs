//! `flake:`: a name that a registry resolves.

use crate::attrs::{self, Attrs};
use crate::scheme::{is_ref_name, is_revision};
use crate::{FetchError, Input, Result, Url};

pub(crate) const ATTRS: &[&str] = &["id", "ref", "rev", "narHash"];

/// Whether a text can be the name of a flake or of an input.
pub fn is_flake_id(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_alphabetic())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-')
}

pub(crate) fn attrs_of_url(url: &Url) -> Result<Option<Attrs>> {
    if url.scheme != "flake" {
        return Ok(None);
    }
    let path = url.segments();
    let (mut git_ref, mut rev) = (None, None);
    match path.as_slice() {
        [_] => {}
        [_, second] if is_revision(second) => rev = Some(*second),
        [_, second] if is_ref_name(second) => git_ref = Some(*second),
        [_, second] => {
            return Err(FetchError::bad_url(format!(
                "in flake URL '{url}', '{second}' is not a commit hash or branch/tag name"
            )));
        }
        [_, second, third] => {
            if !is_ref_name(second) {
                return Err(FetchError::bad_url(format!(
                    "in flake URL '{url}', '{second}' is not a branch/tag name"
                )));
            }
            if !is_revision(third) {
                return Err(FetchError::bad_url(format!(
                    "in flake URL '{url}', '{third}' is not a commit hash"
                )));
            }
            (git_ref, rev) = (Some(*second), Some(*third));
        }
        _ => {
            return Err(FetchError::bad_url(format!(
                "GitHub URL '{url}' is invalid"
            )));
        }
    }
    let id = path[0];
    check_id(id)?;
    let mut attrs = Attrs::from([
        ("type".to_owned(), "indirect".into()),
        ("id".to_owned(), id.into()),
    ]);
    if let Some(rev) = rev {
        attrs.insert("rev".to_owned(), rev.to_ascii_lowercase().into());
    }
    if let Some(git_ref) = git_ref {
        attrs.insert("ref".to_owned(), git_ref.into());
    }
    Ok(Some(attrs))
}

fn check_id(id: &str) -> Result<()> {
    if is_flake_id(id) {
        return Ok(());
    }
    Err(FetchError::bad_url(format!(
        "'{id}' is not a valid flake ID"
    )))
}

pub(crate) fn checked(attrs: Attrs) -> Result<Attrs> {
    check_id(attrs::str(&attrs, "id")?)?;
    Ok(attrs)
}

pub(crate) fn to_url(input: &Input) -> Result<Url> {
    let mut path = vec![attrs::str(&input.attrs, "id")?.to_owned()];
    path.extend(input.git_ref().map(str::to_owned));
    path.extend(input.rev_text());
    Ok(Url {
        scheme: "flake".to_owned(),
        path,
        ..Url::default()
    })
}

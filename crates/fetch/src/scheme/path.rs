//! `path:`: a tree on this machine.

use std::path::{Path, PathBuf};

use crate::attrs::{self, Attrs};
use crate::{FetchError, Input, Result, Url};

pub(crate) const ATTRS: &[&str] = &["path", "rev", "revCount", "lastModified", "narHash"];

pub(crate) fn attrs_of_url(url: &Url) -> Result<Option<Attrs>> {
    if url.scheme != "path" {
        return Ok(None);
    }
    if let Some(authority) = url.authority.as_ref().filter(|it| !it.host.is_empty()) {
        return Err(FetchError::new(format!(
            "path URL '{url}' should not have an authority ('{authority}')"
        )));
    }
    let path = url.file_path()?.to_string_lossy().into_owned();
    let mut attrs = Attrs::from([
        ("type".to_owned(), "path".into()),
        ("path".to_owned(), path.into()),
    ]);
    for (name, value) in &url.query {
        let attr = match name.as_str() {
            "rev" | "narHash" => value.as_str().into(),
            "revCount" | "lastModified" => match value.parse::<u64>() {
                Ok(number) => number.into(),
                Err(_) => {
                    return Err(FetchError::new(format!(
                        "path URL '{url}' has invalid parameter '{name}'"
                    )));
                }
            },
            _ => {
                return Err(FetchError::new(format!(
                    "path URL '{url}' has unsupported parameter '{name}'"
                )));
            }
        };
        attrs.insert(name.clone(), attr);
    }
    Ok(Some(attrs))
}

pub(crate) fn to_url(input: &Input) -> Result<Url> {
    let mut query = attrs::to_query(&input.attrs);
    for name in ["path", "type", crate::input::FINAL] {
        query.remove(name);
    }
    let path = attrs::str(&input.attrs, "path")?;
    Ok(Url {
        scheme: "path".to_owned(),
        path: path.split('/').map(str::to_owned).collect(),
        query,
        ..Url::default()
    })
}

/// The tree's place.
pub(crate) fn absolute(input: &Input) -> Result<PathBuf> {
    let path = attrs::str(&input.attrs, "path")?;
    if !path.starts_with('/') {
        return Err(FetchError::new(format!(
            "cannot fetch input '{}' because it uses a relative path",
            input.show()
        )));
    }
    Ok(crate::input::canonical(Path::new(path)))
}

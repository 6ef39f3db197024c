//! The store directory, a value that every conversion between paths and texts needs.

use std::fmt;
use std::sync::Arc;

use crate::{StorePath, StorePathError};

/// The logical directory of a store, such as `/nix/store`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StoreDir(Arc<str>);

impl StoreDir {
    /// Takes an absolute path as store directory, made canonical in text only.
    pub fn new(path: impl AsRef<str>) -> Result<StoreDir, StorePathError> {
        let path = path.as_ref();
        let canonical = canonicalise(path.as_bytes())?;
        Ok(StoreDir(
            String::from_utf8(canonical)
                .expect("parts of a text at slashes")
                .into(),
        ))
    }

    /// The directory as text, without a slash at the end.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The full path of a store object.
    pub fn print(&self, path: &StorePath) -> String {
        let mut text = String::with_capacity(self.0.len() + 1 + path.as_str().len());
        text.push_str(&self.0);
        text.push('/');
        text.push_str(path.as_str());
        text
    }

    /// The full path of a store object, for use in messages.
    pub fn display<'a>(&'a self, path: &'a StorePath) -> impl fmt::Display + 'a {
        struct Full<'a>(&'a StoreDir, &'a StorePath);
        impl fmt::Display for Full<'_> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}/{}", self.0, self.1)
            }
        }
        Full(self, path)
    }

    /// Appends the full path of a store object to `out`.
    pub fn print_to(&self, path: &StorePath, out: &mut Vec<u8>) {
        out.extend_from_slice(self.0.as_bytes());
        out.push(b'/');
        out.extend_from_slice(path.as_str().as_bytes());
    }

    /// Parses the full path of a store object.
    pub fn parse(&self, path: impl AsRef<[u8]>) -> Result<StorePath, StorePathError> {
        let path = path.as_ref();
        // Nearly every path is already canonical: no copy is made then.
        if let Some(base_name) = self.strip(path)
            && let Ok(found) = StorePath::parse(base_name)
        {
            return Ok(found);
        }
        let canonical = canonicalise(path)?;
        let base_name = self
            .strip(&canonical)
            .filter(|rest| !rest.is_empty() && !rest.contains(&b'/'))
            .ok_or_else(|| {
                StorePathError::NotInStore(String::from_utf8_lossy(&canonical).into_owned())
            })?;
        StorePath::parse(base_name)
    }

    /// Splits a path at or below a store object into that object and the rest, which is empty or
    /// begins with a slash.
    pub fn split<'a>(&self, path: &'a [u8]) -> Result<(StorePath, &'a [u8]), StorePathError> {
        let inside = self
            .strip(path)
            .filter(|rest| !rest.is_empty())
            .ok_or_else(|| {
                StorePathError::NotInStore(String::from_utf8_lossy(path).into_owned())
            })?;
        let end = memchr::memchr(b'/', inside).unwrap_or(inside.len());
        Ok((StorePath::parse(&inside[..end])?, &inside[end..]))
    }

    /// Whether a canonical path lies below the store directory.
    pub fn contains(&self, path: &[u8]) -> bool {
        self.strip(path).is_some_and(|rest| !rest.is_empty())
    }

    fn strip<'a>(&self, path: &'a [u8]) -> Option<&'a [u8]> {
        path.strip_prefix(self.0.as_bytes())?.strip_prefix(b"/")
    }
}

impl fmt::Display for StoreDir {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for StoreDir {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StoreDir({})", self.0)
    }
}

/// Removes empty, `.` and `..` components from an absolute path, without asking any file system.
fn canonicalise(path: &[u8]) -> Result<Vec<u8>, StorePathError> {
    if path.first() != Some(&b'/') {
        return Err(StorePathError::NotAbsolute(
            String::from_utf8_lossy(path).into_owned(),
        ));
    }
    let mut canonical: Vec<u8> = Vec::with_capacity(path.len());
    for component in path.split(|&byte| byte == b'/') {
        match component {
            b"" | b"." => {}
            b".." => {
                let parent = canonical
                    .iter()
                    .rposition(|&byte| byte == b'/')
                    .unwrap_or(0);
                canonical.truncate(parent);
            }
            _ => {
                canonical.push(b'/');
                canonical.extend_from_slice(component);
            }
        }
    }
    if canonical.is_empty() {
        canonical.push(b'/');
    }
    Ok(canonical)
}

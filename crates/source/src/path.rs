//! Source paths: a root and a canonical path inside it.
//!
//! [`CanonicalPath`] is the absolute, slash-separated, dot-free form used for every path value of
//! the language. It is bytes, because file names are.

use std::fmt;
use std::sync::Arc;

/// Names one root of source paths. The meaning of an id belongs to whoever hands it out (the
/// evaluator's host); [`RootId::HOST`] is always the host's own file system.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RootId(pub u32);

impl RootId {
    /// The file system of the host, seen from `/`.
    pub const HOST: Self = Self(0);
    /// Files that live inside the program itself, such as `<nix/fetchurl.nix>`.
    pub const EMBEDDED: Self = Self(1);
    /// The first id that a host may hand out for trees of its own.
    pub const FIRST_FREE: Self = Self(16);
}

/// An absolute path without `.`, `..`, empty components or trailing slash, as bytes.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CanonicalPath(Arc<[u8]>);

impl CanonicalPath {
    /// `/` itself.
    pub fn root() -> Self {
        Self(Arc::from(&b"/"[..]))
    }

    /// Canonicalises `path` as if it stood at `/`: `..` at the top stays at the top.
    pub fn new(path: &[u8]) -> Self {
        let mut out: Vec<u8> = Vec::with_capacity(path.len() + 1);
        for component in path.split(|&byte| byte == b'/') {
            match component {
                b"" | b"." => {}
                b".." => {
                    let parent = out.iter().rposition(|&byte| byte == b'/').unwrap_or(0);
                    out.truncate(parent);
                }
                name => {
                    out.push(b'/');
                    out.extend_from_slice(name);
                }
            }
        }
        if out.is_empty() {
            out.push(b'/');
        }
        Self(Arc::from(out))
    }

    /// Resolves `relative` against this path; an absolute `relative` replaces it.
    #[must_use]
    pub fn join(&self, relative: &[u8]) -> Self {
        if relative.starts_with(b"/") {
            return Self::new(relative);
        }
        let mut joined = self.0.to_vec();
        joined.push(b'/');
        joined.extend_from_slice(relative);
        Self::new(&joined)
    }

    /// The directory that holds this path, or `None` for `/`.
    #[must_use]
    pub fn parent(&self) -> Option<Self> {
        if self.is_root() {
            return None;
        }
        let slash = self.0.iter().rposition(|&byte| byte == b'/')?;
        Some(Self(Arc::from(&self.0[..slash.max(1)])))
    }

    /// The last component, or `None` for `/`.
    pub fn file_name(&self) -> Option<&[u8]> {
        if self.is_root() {
            return None;
        }
        self.0.rsplit(|&byte| byte == b'/').next()
    }

    /// Whether this is `/`.
    pub fn is_root(&self) -> bool {
        self.0.len() == 1
    }

    /// Whether this path is `ancestor` or lies below it.
    pub fn is_within(&self, ancestor: &Self) -> bool {
        ancestor.is_root()
            || self.0 == ancestor.0
            || (self.0.starts_with(&ancestor.0) && self.0.get(ancestor.0.len()) == Some(&b'/'))
    }

    /// The path as bytes, always beginning with `/`.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The components from the root downwards.
    pub fn components(&self) -> impl DoubleEndedIterator<Item = &[u8]> {
        self.0
            .split(|&byte| byte == b'/')
            .filter(|component| !component.is_empty())
    }
}

impl fmt::Display for CanonicalPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", String::from_utf8_lossy(&self.0))
    }
}

impl fmt::Debug for CanonicalPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// A path value: where it is rooted, and the path inside that root.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SourcePath {
    /// The tree the path lives in.
    pub root: RootId,
    /// The path inside that tree.
    pub path: CanonicalPath,
}

impl SourcePath {
    /// A path of the host's file system.
    pub fn host(path: &[u8]) -> Self {
        Self {
            root: RootId::HOST,
            path: CanonicalPath::new(path),
        }
    }

    /// Resolves `relative` against this path inside the same root.
    #[must_use]
    pub fn join(&self, relative: &[u8]) -> Self {
        Self {
            root: self.root,
            path: self.path.join(relative),
        }
    }

    /// The directory that holds this path.
    #[must_use]
    pub fn parent(&self) -> Option<Self> {
        Some(Self {
            root: self.root,
            path: self.path.parent()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(input: &str, expected: &str) {
        assert_eq!(
            CanonicalPath::new(input.as_bytes()).as_bytes(),
            expected.as_bytes()
        );
    }

    #[test]
    fn canonicalises_lexically() {
        check("", "/");
        check("/", "/");
        check("/a//b/./c/", "/a/b/c");
        check("/a/../../b", "/b");
        check("a/..", "/");
        check("/a/b/..", "/a");
    }

    #[test]
    fn joins_and_takes_parents() {
        let base = CanonicalPath::new(b"/a/b");
        assert_eq!(base.join(b"../c").as_bytes(), b"/a/c");
        assert_eq!(base.join(b"/x").as_bytes(), b"/x");
        assert_eq!(
            base.parent().map(|p| p.as_bytes().to_vec()),
            Some(b"/a".to_vec())
        );
        assert_eq!(
            CanonicalPath::new(b"/a").parent(),
            Some(CanonicalPath::root())
        );
        assert_eq!(CanonicalPath::root().parent(), None);
        assert_eq!(base.file_name(), Some(&b"b"[..]));
    }

    #[test]
    fn knows_what_lies_within() {
        let dir = CanonicalPath::new(b"/a/b");
        assert!(CanonicalPath::new(b"/a/b/c").is_within(&dir));
        assert!(dir.is_within(&dir));
        assert!(!CanonicalPath::new(b"/a/bc").is_within(&dir));
        assert!(dir.is_within(&CanonicalPath::root()));
    }
}

//! Where a pure or restricted evaluation may look.

use std::collections::HashSet;
use std::sync::{PoisonError, RwLock};

use firn_source::CanonicalPath;

/// The places that may be looked into, with all below them.
#[derive(Default)]
pub(crate) struct Allowed(RwLock<Places>);

#[derive(Default)]
struct Places {
    open: HashSet<Box<[u8]>>,
    /// The directories on the way to them, which may be looked at, or the way could not be resolved.
    ways: HashSet<Box<[u8]>>,
}

impl Allowed {
    /// Opens a place.
    pub(crate) fn insert(&self, path: &CanonicalPath) {
        let bytes = path.as_bytes();
        let mut places = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if places.open.contains(bytes) {
            return;
        }
        for ancestor in ancestors(bytes) {
            places.ways.insert(ancestor.into());
        }
        places.open.insert(bytes.into());
    }

    /// Whether a path lies in such a place, or on the way to one.
    pub(crate) fn contains(&self, path: &CanonicalPath) -> bool {
        let bytes = path.as_bytes();
        let places = self.0.read().unwrap_or_else(PoisonError::into_inner);
        places.ways.contains(bytes) || ancestors(bytes).any(|at| places.open.contains(at))
    }
}

/// A path and all above it, the root last.
fn ancestors(path: &[u8]) -> impl Iterator<Item = &[u8]> {
    let slashes = (1..path.len()).rev().filter(|&at| path[at] == b'/');
    let above = slashes.map(|at| &path[..at]);
    std::iter::once(path).chain(above).chain([&b"/"[..]])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_opens_what_lies_below_and_the_way_to_it() {
        let allowed = Allowed::default();
        allowed.insert(&CanonicalPath::new(b"/a/b"));
        for (path, expected) in [
            ("/", true),
            ("/a", true),
            ("/a/b", true),
            ("/a/b/c/d", true),
            ("/a/bc", false),
            ("/a/c", false),
            ("/b", false),
        ] {
            let path = CanonicalPath::new(path.as_bytes());
            assert_eq!(allowed.contains(&path), expected, "{path}");
        }
    }

    #[test]
    fn the_root_opens_everything() {
        let allowed = Allowed::default();
        allowed.insert(&CanonicalPath::root());
        assert!(allowed.contains(&CanonicalPath::new(b"/etc/passwd")));
    }
}

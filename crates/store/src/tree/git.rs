//! The identity of a tree as Git computes it: blobs and trees, hashed with SHA-1 or SHA-256.
//!
//! A blob is `blob <size>\0<contents>`; a tree is `tree <size>\0` followed by `<mode> <name>\0<raw
//! digest>` for each entry, sorted as if the names of directories ended in `/`. Empty directories
//! count, unlike in a Git index, because a store tree can hold them.

use firn_hash::{Algorithm, Hash, Hasher};
use rayon::iter::{IntoParallelRefIterator as _, ParallelIterator as _};

use super::listing::unreadable;
use super::{FileKind, Listing, Node, SourceTree};
use crate::error::StoreError;

/// An entry that is finished and waits for its directory.
struct Object {
    depth: u32,
    mode: &'static str,
    name: Box<[u8]>,
    hash: Hash,
}

/// Hashes a tree as a Git object.
pub fn git_hash(
    tree: &dyn SourceTree,
    listing: &Listing,
    algorithm: Algorithm,
) -> Result<Hash, StoreError> {
    let nodes = listing.nodes();
    let leaves: Vec<Result<Option<(&'static str, Hash)>, StoreError>> = nodes
        .par_iter()
        .map(|node| leaf(tree, node, algorithm))
        .collect();
    // Backwards, so that the children of a directory are complete when it is met.
    let mut finished: Vec<Object> = Vec::new();
    for (node, leaf) in nodes.iter().zip(leaves).rev() {
        let (mode, hash) = if let Some(leaf) = leaf? {
            leaf
        } else {
            let first = finished
                .iter()
                .rposition(|it| it.depth <= node.depth)
                .map_or(0, |idx| idx + 1);
            let children = finished.split_off(first);
            ("40000", directory(children, algorithm))
        };
        finished.push(Object {
            depth: node.depth,
            mode,
            name: node.name().into(),
            hash,
        });
    }
    let root = finished.pop().expect("a listing has a root");
    Ok(root.hash)
}

fn leaf(
    tree: &dyn SourceTree,
    node: &Node,
    algorithm: Algorithm,
) -> Result<Option<(&'static str, Hash)>, StoreError> {
    let failed = |error| unreadable(tree, &node.path, error);
    match node.kind {
        FileKind::Directory => Ok(None),
        FileKind::Symlink => {
            let target = tree.read_link(&node.path).map_err(failed)?;
            let mut hasher = Hasher::new(algorithm);
            hasher.update(format!("blob {}\0", target.len()).as_bytes());
            hasher.update(&target);
            Ok(Some(("120000", hasher.finish())))
        }
        FileKind::Regular => {
            let mut file = tree.open(&node.path).map_err(failed)?;
            let mut hasher = Hasher::new(algorithm);
            hasher.update(format!("blob {}\0", file.size).as_bytes());
            let mut buffer = vec![0; (file.size as usize).clamp(1, 1 << 20)];
            let mut left = file.size;
            while left > 0 {
                let want = left.min(buffer.len() as u64) as usize;
                file.reader
                    .read_exact(&mut buffer[..want])
                    .map_err(failed)?;
                hasher.update(&buffer[..want]);
                left -= want as u64;
            }
            Ok(Some((
                if file.executable { "100755" } else { "100644" },
                hasher.finish(),
            )))
        }
        FileKind::Special => Err(StoreError::UnsupportedFile {
            path: tree.display(&node.path),
        }),
    }
}

fn directory(mut children: Vec<Object>, algorithm: Algorithm) -> Hash {
    let key = |object: &Object| {
        let mut key = object.name.to_vec();
        if object.mode == "40000" {
            key.push(b'/');
        }
        key
    };
    children.sort_by_cached_key(key);
    let mut body = Vec::new();
    for child in &children {
        body.extend_from_slice(child.mode.as_bytes());
        body.push(b' ');
        body.extend_from_slice(&child.name);
        body.push(0);
        body.extend_from_slice(child.hash.digest());
    }
    let mut hasher = Hasher::new(algorithm);
    hasher.update(format!("tree {}\0", body.len()).as_bytes());
    hasher.update(&body);
    hasher.finish()
}

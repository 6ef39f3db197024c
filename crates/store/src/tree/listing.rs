//! One walk over a source tree: every node, parents before children, children sorted by the bytes
//! of their names. That is the order of the archive format, so later passes are plain loops.
//!
//! The walk asks for names and kinds only. Sizes and the executable bit come from the opened file
//! when it is read, which saves a call per file and cannot disagree with what was read.

use super::{FileKind, SourceTree};
use crate::error::{StoreError, io_error};

/// Decides whether a path (relative to the root) belongs to the tree. Asked for every path
/// except the root in the order of the archive, which a filter with effects can show; a directory
/// that is left out is not entered.
pub type Filter<'a> = &'a mut dyn FnMut(&[u8], FileKind) -> Result<bool, StoreError>;

/// One node of a [`Listing`].
#[derive(Clone, Debug)]
pub struct Node {
    /// Path relative to the root; empty for the root.
    pub path: Box<[u8]>,
    /// Where the last component of `path` begins.
    pub name_start: u32,
    /// How many directories above it belong to the tree.
    pub depth: u32,
    /// What it is.
    pub kind: FileKind,
}

impl Node {
    /// The last component of the path.
    pub fn name(&self) -> &[u8] {
        &self.path[self.name_start as usize..]
    }
}

/// All nodes of a tree in archive order; the first is the root.
#[derive(Clone, Debug)]
pub struct Listing {
    nodes: Vec<Node>,
}

impl Listing {
    /// Walks a tree.
    pub fn walk(tree: &dyn SourceTree, filter: Option<Filter<'_>>) -> Result<Self, StoreError> {
        let kind = tree
            .kind(&[])
            .map_err(|error| unreadable(tree, &[], error))?;
        if kind == FileKind::Special {
            return Err(StoreError::UnsupportedFile {
                path: tree.display(&[]),
            });
        }
        let root = Node {
            path: Box::default(),
            name_start: 0,
            depth: 0,
            kind,
        };
        let mut walk = Walk {
            tree,
            filter,
            nodes: vec![root],
        };
        if kind == FileKind::Directory {
            walk.run()?;
        }
        Ok(Self { nodes: walk.nodes })
    }

    /// The nodes, root first.
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// What the root is.
    pub fn root_kind(&self) -> FileKind {
        self.nodes[0].kind
    }
}

struct Walk<'a, 'f> {
    tree: &'a dyn SourceTree,
    filter: Option<Filter<'f>>,
    nodes: Vec<Node>,
}

impl Walk<'_, '_> {
    /// Depth first with a stack of its own: a hostile tree may be deeper than the native stack.
    fn run(&mut self) -> Result<(), StoreError> {
        let mut pending = self.children(&[], 1)?;
        pending.reverse();
        while let Some(node) = pending.pop() {
            if let Some(filter) = &mut self.filter
                && !filter(&node.path, node.kind)?
            {
                continue;
            }
            if node.kind == FileKind::Special {
                return Err(StoreError::UnsupportedFile {
                    path: self.tree.display(&node.path),
                });
            }
            let children = match node.kind {
                FileKind::Directory => self.children(&node.path, node.depth + 1)?,
                _ => Vec::new(),
            };
            self.nodes.push(node);
            pending.extend(children.into_iter().rev());
        }
        Ok(())
    }

    fn children(&mut self, parent: &[u8], depth: u32) -> Result<Vec<Node>, StoreError> {
        let entries = self
            .tree
            .read_dir(parent)
            .map_err(|error| unreadable(self.tree, parent, error))?;
        let mut nodes = Vec::with_capacity(entries.len());
        for (name, kind) in entries {
            let mut path = Vec::with_capacity(parent.len() + name.len() + 1);
            path.extend_from_slice(parent);
            if !parent.is_empty() {
                path.push(b'/');
            }
            let name_start = path.len() as u32;
            path.extend_from_slice(&name);
            nodes.push(Node {
                path: path.into_boxed_slice(),
                name_start,
                depth,
                kind,
            });
        }
        nodes.sort_unstable_by(|a, b| a.path.cmp(&b.path));
        Ok(nodes)
    }
}

/// What a failure to look at or read `path` means.
pub(super) fn unreadable(tree: &dyn SourceTree, path: &[u8], error: std::io::Error) -> StoreError {
    if error.kind() == std::io::ErrorKind::Unsupported {
        StoreError::UnsupportedFile {
            path: tree.display(path),
        }
    } else {
        io_error("reading", tree.display(path), error)
    }
}

//! A tree as archive bytes: files are read (and copied) by many threads, the bytes come out in
//! order on the calling thread.
//!
//! Nodes are cut into windows and windows into batches. The batches of the next window are read
//! by the thread pool while the calling thread consumes the current one. A batch holds finished
//! archive bytes, framing included: the framing of a node depends only on the node before it. A
//! file that is large, or does not fit the window's share of memory any more, is left to the
//! consumer's side, which streams it in pieces; so memory stays flat whatever the tree is.
//!
//! What must hold: the bytes are the same for any number of threads, and a copy placed in the
//! same pass holds exactly the bytes that came out.

use std::io::{self, Read};
use std::sync::atomic::{AtomicUsize, Ordering};

use rayon::iter::{IntoParallelRefIterator as _, ParallelIterator as _};

use super::listing::unreadable;
use super::{FileKind, Listing, Node, OpenFile, Placement, SourceTree};
use crate::error::StoreError;

/// Takes the bytes, in order.
pub type Consumer<'a> = &'a mut dyn FnMut(&[u8]) -> Result<(), StoreError>;

/// Nodes that one task reads.
const BATCH: usize = 32;
/// Nodes that are read ahead of the consumer.
const WINDOW: usize = 1024;
/// Bytes of file contents that one window may hold.
const WINDOW_BYTES: usize = 12 << 20;
/// Files from this size on are streamed.
const LARGE: u64 = 512 << 10;
/// How much of a streamed file is held at once.
const CHUNK: usize = 1 << 20;

/// Writes a tree as an archive, and copies it to `placement` in the same pass.
pub fn stream(
    tree: &dyn SourceTree,
    listing: &Listing,
    placement: Option<&Placement>,
    consumer: Consumer<'_>,
) -> Result<(), StoreError> {
    let nodes = listing.nodes();
    let pass = Pass {
        tree,
        nodes,
        placement,
    };
    if let Some(placement) = placement {
        placement.begin(listing)?;
    }
    let mut magic = Vec::with_capacity(32);
    put(&mut magic, b"nix-archive-1");
    consumer(&magic)?;
    if nodes.len() <= BATCH {
        let budget = AtomicUsize::new(WINDOW_BYTES);
        pass.consume(pass.read(0..nodes.len(), &budget)?, consumer)?;
    } else {
        let mut current = pass.read_window(0)?;
        let mut start = WINDOW;
        loop {
            if start >= nodes.len() {
                pass.consume(current, consumer)?;
                break;
            }
            let mut next = Ok(Vec::new());
            let consumed = rayon::in_place_scope(|scope| {
                scope.spawn(|_| next = pass.read_window(start));
                pass.consume(std::mem::take(&mut current), consumer)
            });
            consumed?;
            current = next?;
            start += WINDOW;
        }
    }
    let last = &nodes[nodes.len() - 1];
    let mut end = Vec::new();
    let n_open = last.depth + u32::from(last.kind == FileKind::Directory);
    for level in (0..n_open).rev() {
        close_directory(&mut end, level);
    }
    consumer(&end)?;
    if let Some(placement) = placement {
        placement.finish(listing)?;
    }
    Ok(())
}

/// What a batch turned into.
enum Piece {
    Bytes(Vec<u8>),
    /// A file to be streamed; everything before it has been framed.
    Large(usize),
}

struct Pass<'a> {
    tree: &'a dyn SourceTree,
    nodes: &'a [Node],
    placement: Option<&'a Placement>,
}

impl Pass<'_> {
    fn read_window(&self, start: usize) -> Result<Vec<Piece>, StoreError> {
        let end = (start + WINDOW).min(self.nodes.len());
        let budget = AtomicUsize::new(WINDOW_BYTES);
        let starts: Vec<usize> = (start..end).step_by(BATCH).collect();
        let pieces: Vec<Result<Vec<Piece>, StoreError>> = starts
            .par_iter()
            .map(|start| self.read(*start..(start + BATCH).min(end), &budget))
            .collect();
        // The first error in tree order, whichever thread met one first.
        let mut all = Vec::with_capacity(pieces.len());
        for batch in pieces {
            all.extend(batch?);
        }
        Ok(all)
    }

    fn read(
        &self,
        range: std::ops::Range<usize>,
        budget: &AtomicUsize,
    ) -> Result<Vec<Piece>, StoreError> {
        let mut pieces = Vec::new();
        let mut out = Vec::new();
        for idx in range {
            let node = &self.nodes[idx];
            self.frame(idx, &mut out);
            match node.kind {
                FileKind::Directory => {
                    put(&mut out, b"directory");
                }
                FileKind::Symlink => {
                    let target = self
                        .tree
                        .read_link(&node.path)
                        .map_err(|error| unreadable(self.tree, &node.path, error))?;
                    if let Some(placement) = self.placement {
                        placement.symlink(node, &target)?;
                    }
                    put(&mut out, b"symlink");
                    put(&mut out, b"target");
                    put(&mut out, &target);
                    close_leaf(&mut out, node);
                }
                FileKind::Regular => {
                    let file = self.open(node)?;
                    let size = file.size as usize;
                    let fits = file.size < LARGE
                        && budget
                            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| {
                                left.checked_sub(size)
                            })
                            .is_ok();
                    if fits {
                        self.read_small(node, file, &mut out)?;
                    } else {
                        pieces.push(Piece::Bytes(std::mem::take(&mut out)));
                        pieces.push(Piece::Large(idx));
                    }
                }
                FileKind::Special => {
                    return Err(StoreError::UnsupportedFile {
                        path: self.tree.display(&node.path),
                    });
                }
            }
        }
        pieces.push(Piece::Bytes(out));
        Ok(pieces)
    }

    fn open(&self, node: &Node) -> Result<OpenFile<'_>, StoreError> {
        self.tree
            .open(&node.path)
            .map_err(|error| unreadable(self.tree, &node.path, error))
    }

    fn read_small(
        &self,
        node: &Node,
        mut file: OpenFile<'_>,
        out: &mut Vec<u8>,
    ) -> Result<(), StoreError> {
        let size = file.size as usize;
        regular_header(out, file.executable, file.size);
        let start = out.len();
        out.resize(start + size, 0);
        file.reader
            .read_exact(&mut out[start..])
            .map_err(|error| unreadable(self.tree, &node.path, error))?;
        if let Some(placement) = self.placement {
            placement.file(node, file.executable, &out[start..])?;
        }
        pad(out, size);
        close_leaf(out, node);
        Ok(())
    }

    fn consume(&self, pieces: Vec<Piece>, consumer: Consumer<'_>) -> Result<(), StoreError> {
        for piece in pieces {
            match piece {
                Piece::Bytes(bytes) => {
                    if !bytes.is_empty() {
                        consumer(&bytes)?;
                    }
                }
                Piece::Large(idx) => self.stream_large(&self.nodes[idx], consumer)?,
            }
        }
        Ok(())
    }

    /// Reads the next chunk in the pool while the current one is consumed here.
    fn stream_large(&self, node: &Node, consumer: Consumer<'_>) -> Result<(), StoreError> {
        let mut file = self.open(node)?;
        let size = file.size;
        let mut header = Vec::new();
        regular_header(&mut header, file.executable, file.size);
        consumer(&header)?;
        let mut target = match self.placement {
            Some(placement) => Some(placement.create(node, file.executable)?),
            None => None,
        };
        let mut left = file.size;
        let mut spare = Vec::new();
        let mut chunk = Vec::new();
        let mut read = |left: &mut u64, into: &mut Vec<u8>| -> io::Result<()> {
            let want = (*left).min(CHUNK as u64) as usize;
            into.resize(want, 0);
            *left -= want as u64;
            file.reader.read_exact(into)
        };
        read(&mut left, &mut chunk).map_err(|error| unreadable(self.tree, &node.path, error))?;
        while !chunk.is_empty() {
            let mut outcome = Ok(());
            let consumed = if left == 0 {
                spare.clear();
                consumer(&chunk)
            } else {
                rayon::in_place_scope(|scope| {
                    scope.spawn(|_| outcome = read(&mut left, &mut spare));
                    consumer(&chunk)
                })
            };
            if let Some(target) = &mut target {
                target.write(&chunk)?;
            }
            consumed?;
            outcome.map_err(|error| unreadable(self.tree, &node.path, error))?;
            std::mem::swap(&mut chunk, &mut spare);
        }
        if let Some(target) = target {
            target.finish()?;
        }
        let mut end = Vec::new();
        pad(&mut end, size as usize);
        close_leaf(&mut end, node);
        consumer(&end)
    }

    /// Everything between the previous node's own bytes and this node's type.
    fn frame(&self, idx: usize, out: &mut Vec<u8>) {
        let node = &self.nodes[idx];
        if idx > 0 {
            let previous = &self.nodes[idx - 1];
            let n_open = previous.depth + u32::from(previous.kind == FileKind::Directory);
            for level in (node.depth..n_open).rev() {
                close_directory(out, level);
            }
            put(out, b"entry");
            put(out, b"(");
            put(out, b"name");
            put(out, node.name());
            put(out, b"node");
        }
        put(out, b"(");
        put(out, b"type");
    }
}

fn regular_header(out: &mut Vec<u8>, executable: bool, size: u64) {
    put(out, b"regular");
    if executable {
        put(out, b"executable");
        put(out, b"");
    }
    put(out, b"contents");
    out.extend_from_slice(&size.to_le_bytes());
}

/// Ends a file or link, and the entry that holds it unless it is the root.
fn close_leaf(out: &mut Vec<u8>, node: &Node) {
    put(out, b")");
    if node.depth > 0 {
        put(out, b")");
    }
}

fn close_directory(out: &mut Vec<u8>, level: u32) {
    put(out, b")");
    if level > 0 {
        put(out, b")");
    }
}

fn put(out: &mut Vec<u8>, bytes: &[u8]) {
    out.extend_from_slice(&(bytes.len() as u64).to_le_bytes());
    out.extend_from_slice(bytes);
    pad(out, bytes.len());
}

fn pad(out: &mut Vec<u8>, length: usize) {
    out.extend_from_slice(&[0; 8][..(8 - length % 8) % 8]);
}

//! Replacing digests of store paths in passing bytes, and hashing an object as if it did not
//! contain its own digest.
//!
//! The path of a content-addressed object follows from its contents, which may contain that very
//! path. Its builder was given some other path to begin with; the hash is therefore taken over the
//! contents with the digest of that first path replaced by zeros, and the object is then
//! rewritten to contain the digest it got.

use std::io::{self, Write};

use firn_hash::{Algorithm, Hash, HashingWriter};
use memchr::memmem::Finder;

/// A writer that replaces strings by others of the same length. What it holds back at the end
/// (less than the longest string) comes out with [`RewritingWriter::finish`].
pub struct RewritingWriter<W> {
    out: W,
    rewrites: Vec<(Finder<'static>, Vec<u8>)>,
    /// One less than the length of the longest string: what may still become part of a match.
    n_held_back: usize,
    buffer: Vec<u8>,
}

impl<W: Write> RewritingWriter<W> {
    /// Replaces each first string by its second; both must be of one length.
    pub fn new<'a>(
        rewrites: impl IntoIterator<Item = (&'a [u8], &'a [u8])>,
        out: W,
    ) -> RewritingWriter<W> {
        let mut n_held_back = 0;
        let rewrites = rewrites
            .into_iter()
            .filter(|(from, to)| {
                assert_eq!(from.len(), to.len(), "a rewrite keeps the length");
                from != to
            })
            .map(|(from, to)| {
                n_held_back = n_held_back.max(from.len() - 1);
                (Finder::new(from).into_owned(), to.to_vec())
            })
            .collect();
        RewritingWriter {
            out,
            rewrites,
            n_held_back,
            buffer: Vec::new(),
        }
    }

    /// Writes what was held back and gives the output back.
    pub fn finish(mut self) -> io::Result<W> {
        self.out.write_all(&self.buffer)?;
        Ok(self.out)
    }

    fn rewrite_buffer(&mut self) {
        for (finder, replacement) in &self.rewrites {
            let mut start = 0;
            while let Some(found) = finder.find(&self.buffer[start..]) {
                let position = start + found;
                let end = position + replacement.len();
                self.buffer[position..end].copy_from_slice(replacement);
                start = position + 1;
            }
        }
    }
}

impl<W: Write> Write for RewritingWriter<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.buffer.extend_from_slice(bytes);
        self.rewrite_buffer();
        let n_ready = self.buffer.len().saturating_sub(self.n_held_back);
        self.out.write_all(&self.buffer[..n_ready])?;
        self.buffer.drain(..n_ready);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// Makes the hash of passing bytes in which a digest counts as zeros.
pub struct SelfReferenceHasher {
    inner: RewritingWriter<HashingWriter<io::Sink>>,
}

impl SelfReferenceHasher {
    /// Starts a hash that leaves out `hash_part`, the digest of the object's first path.
    pub fn new(algorithm: Algorithm, hash_part: &str) -> SelfReferenceHasher {
        let zeros = vec![0; hash_part.len()];
        let hasher = HashingWriter::new(algorithm, io::sink());
        SelfReferenceHasher {
            inner: RewritingWriter::new([(hash_part.as_bytes(), &zeros[..])], hasher),
        }
    }

    /// Ends the hash; tells also how many bytes it is over.
    pub fn finish(self) -> (Hash, u64) {
        let hasher = self.inner.finish().expect("a hasher never fails");
        let (hash, n_bytes, _) = hasher.finish();
        (hash, n_bytes)
    }
}

impl Write for SelfReferenceHasher {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.inner.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

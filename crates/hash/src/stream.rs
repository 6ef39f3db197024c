//! Hashing of streams: the incremental [`Hasher`], and a reader and a writer that hash what passes
//! through them.

use std::fmt;
use std::io::{self, Read, Write};

use sha2::Digest as _;

use crate::{Algorithm, Hash};

#[derive(Clone)]
enum State {
    Md5(md5::Md5),
    Sha1(sha1::Sha1),
    Sha256(sha2::Sha256),
    Sha512(Box<sha2::Sha512>),
    Blake3(Box<blake3::Hasher>),
}

/// A digest in the making.
#[derive(Clone)]
pub struct Hasher {
    state: State,
    n_bytes: u64,
}

impl Hasher {
    /// Starts a digest.
    pub fn new(algorithm: Algorithm) -> Hasher {
        let state = match algorithm {
            Algorithm::Md5 => State::Md5(md5::Md5::new()),
            Algorithm::Sha1 => State::Sha1(sha1::Sha1::new()),
            Algorithm::Sha256 => State::Sha256(sha2::Sha256::new()),
            Algorithm::Sha512 => State::Sha512(Box::new(sha2::Sha512::new())),
            Algorithm::Blake3 => State::Blake3(Box::new(blake3::Hasher::new())),
        };
        Hasher { state, n_bytes: 0 }
    }

    /// Adds bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        self.n_bytes += bytes.len() as u64;
        match &mut self.state {
            State::Md5(state) => state.update(bytes),
            State::Sha1(state) => state.update(bytes),
            State::Sha256(state) => state.update(bytes),
            State::Sha512(state) => state.update(bytes),
            State::Blake3(state) => {
                state.update(bytes);
            }
        }
    }

    /// Number of bytes seen so far.
    pub fn n_bytes(&self) -> u64 {
        self.n_bytes
    }

    /// Ends the digest.
    pub fn finish(self) -> Hash {
        let hash = match self.state {
            State::Md5(state) => Hash::from_bytes(Algorithm::Md5, &state.finalize()),
            State::Sha1(state) => Hash::from_bytes(Algorithm::Sha1, &state.finalize()),
            State::Sha256(state) => return Hash::from_sha256(state.finalize().into()),
            State::Sha512(state) => Hash::from_bytes(Algorithm::Sha512, &state.finalize()),
            State::Blake3(state) => {
                Hash::from_bytes(Algorithm::Blake3, state.finalize().as_bytes())
            }
        };
        hash.expect("a hasher yields a digest of its algorithm's size")
    }

    /// The digest of `bytes`.
    pub fn hash(algorithm: Algorithm, bytes: &[u8]) -> Hash {
        let mut hasher = Hasher::new(algorithm);
        hasher.update(bytes);
        hasher.finish()
    }

    /// The SHA-256 digest of `bytes`.
    pub fn sha256(bytes: &[u8]) -> Hash {
        Hasher::hash(Algorithm::Sha256, bytes)
    }

    /// The digest of everything `reader` yields, and how many bytes that was.
    pub fn hash_reader(algorithm: Algorithm, reader: &mut dyn Read) -> io::Result<(Hash, u64)> {
        let mut hasher = Hasher::new(algorithm);
        let mut buffer = vec![0; 64 * 1024];
        loop {
            match reader.read(&mut buffer) {
                Ok(0) => break,
                Ok(n) => hasher.update(&buffer[..n]),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        let n_bytes = hasher.n_bytes();
        Ok((hasher.finish(), n_bytes))
    }
}

impl fmt::Debug for Hasher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hasher")
            .field("n_bytes", &self.n_bytes)
            .finish_non_exhaustive()
    }
}

/// A hasher takes bytes as a writer that never fails.
impl Write for Hasher {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A reader that hashes what is read through it.
#[derive(Debug)]
pub struct HashingReader<R> {
    inner: R,
    hasher: Hasher,
}

impl<R: Read> HashingReader<R> {
    /// Wraps `inner`.
    pub fn new(algorithm: Algorithm, inner: R) -> HashingReader<R> {
        HashingReader {
            inner,
            hasher: Hasher::new(algorithm),
        }
    }

    /// Number of bytes read so far.
    pub fn n_bytes(&self) -> u64 {
        self.hasher.n_bytes()
    }

    /// Ends the digest and gives the reader back.
    pub fn finish(self) -> (Hash, u64, R) {
        let n_bytes = self.hasher.n_bytes();
        (self.hasher.finish(), n_bytes, self.inner)
    }
}

impl<R: Read> Read for HashingReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(buffer)?;
        self.hasher.update(&buffer[..n]);
        Ok(n)
    }
}

/// A writer that hashes what is written through it.
#[derive(Debug)]
pub struct HashingWriter<W> {
    inner: W,
    hasher: Hasher,
}

impl<W: Write> HashingWriter<W> {
    /// Wraps `inner`.
    pub fn new(algorithm: Algorithm, inner: W) -> HashingWriter<W> {
        HashingWriter {
            inner,
            hasher: Hasher::new(algorithm),
        }
    }

    /// Number of bytes written so far.
    pub fn n_bytes(&self) -> u64 {
        self.hasher.n_bytes()
    }

    /// Ends the digest and gives the writer back.
    pub fn finish(self) -> (Hash, u64, W) {
        let n_bytes = self.hasher.n_bytes();
        (self.hasher.finish(), n_bytes, self.inner)
    }
}

impl<W: Write> Write for HashingWriter<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let n = self.inner.write(bytes)?;
        self.hasher.update(&bytes[..n]);
        Ok(n)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

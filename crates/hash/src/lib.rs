//! Digests and the texts they are written in.
//!
//! [`struct@Hash`] is a digest together with its [`Algorithm`]; [`Hasher`] makes one from a stream of
//! bytes, and [`HashingReader`] and [`HashingWriter`] do so while the bytes pass by on their way
//! elsewhere. The modules [`base16`], [`base32`] and [`base64`] are the encodings of the field;
//! `base32` is the one with the alphabet that lacks `e`, `o`, `t` and `u` and runs from the last
//! digit to the first.
//!
//! Parsing accepts exactly what the reference accepts, its quirks included (base-64 stops at the
//! first `=`, an undecodable digest is reported by its length), and its errors carry the same
//! words. Which algorithms a user may ask for is a matter of settings: [`Algorithm::feature`]
//! names the experimental feature that the front end must check.
//!
//! Digests come from the RustCrypto crates and `blake3`, which choose the processor's own
//! instructions at run time.

mod algorithm;
pub mod base16;
pub mod base32;
pub mod base64;
mod digest;
mod error;
mod parse;
mod stream;

pub use algorithm::{Algorithm, HashFormat};
pub use digest::{Hash, compress_hash};
pub use error::HashError;
pub use stream::{Hasher, HashingReader, HashingWriter};

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may fail by panicking")]
mod tests;

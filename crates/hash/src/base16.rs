//! Hexadecimal digits: written in lower case, read in either.

use crate::HashError;

const DIGITS: &[u8; 16] = b"0123456789abcdef";

/// Number of digits for `n_bytes` bytes.
pub const fn encoded_len(n_bytes: usize) -> usize {
    n_bytes * 2
}

/// Appends the digits of `bytes` to `out`.
pub fn encode_to(bytes: &[u8], out: &mut Vec<u8>) {
    let start = out.len();
    out.resize(start + encoded_len(bytes.len()), 0);
    for (pair, byte) in out[start..].chunks_exact_mut(2).zip(bytes) {
        pair[0] = DIGITS[usize::from(byte >> 4)];
        pair[1] = DIGITS[usize::from(byte & 15)];
    }
}

/// The digits of `bytes`.
pub fn encode(bytes: &[u8]) -> String {
    let mut out = Vec::new();
    encode_to(bytes, &mut out);
    String::from_utf8(out).expect("hexadecimal digits are ASCII")
}

/// The bytes that `text` writes.
pub fn decode(text: &[u8]) -> Result<Vec<u8>, HashError> {
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Ok(byte - b'0'),
        b'a'..=b'f' => Ok(byte - b'a' + 10),
        b'A'..=b'F' => Ok(byte - b'A' + 10),
        _ => Err(HashError::InvalidCharacter {
            encoding: "Base16",
            byte,
        }),
    };
    if !text.len().is_multiple_of(2) {
        return Err(HashError::OddLength);
    }
    text.chunks_exact(2)
        .map(|pair| Ok(digit(pair[0])? << 4 | digit(pair[1])?))
        .collect()
}

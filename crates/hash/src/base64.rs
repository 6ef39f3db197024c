//! Base-64 with the standard alphabet: written with padding, read as the reference reads it, that
//! is, up to the first `=`, skipping line ends and dropping bits that make no whole byte.

use crate::HashError;

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

const NONE: u8 = 0xff;

static VALUES: [u8; 256] = {
    let mut values = [NONE; 256];
    let mut value = 0;
    while value < 64 {
        values[ALPHABET[value] as usize] = value as u8;
        value += 1;
    }
    values
};

/// Number of characters for `n_bytes` bytes, padding included.
pub const fn encoded_len(n_bytes: usize) -> usize {
    n_bytes.div_ceil(3) * 4
}

/// The text of `bytes`, padded with `=` to a multiple of four characters.
pub fn encode(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(encoded_len(bytes.len()));
    for group in bytes.chunks(3) {
        let mut number = 0u32;
        for position in 0..3 {
            number = number << 8 | u32::from(group.get(position).copied().unwrap_or(0));
        }
        for position in 0..4 {
            if position <= group.len() {
                let value = number >> (18 - 6 * position) & 63;
                out.push(char::from(ALPHABET[value as usize]));
            } else {
                out.push('=');
            }
        }
    }
    out
}

/// The bytes that `text` writes.
pub fn decode(text: &[u8]) -> Result<Vec<u8>, HashError> {
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3 + 3);
    let mut number = 0u32;
    let mut n_bits = 0;
    for &byte in text {
        match byte {
            b'=' => break,
            b'\n' => continue,
            _ => {}
        }
        let value = VALUES[usize::from(byte)];
        if value == NONE {
            return Err(HashError::InvalidCharacter {
                encoding: "Base64",
                byte,
            });
        }
        number = number << 6 | u32::from(value);
        n_bits += 6;
        if n_bits >= 8 {
            n_bits -= 8;
            bytes.push((number >> n_bits) as u8);
        }
    }
    Ok(bytes)
}

//! The field's base-32: 32 characters without `e`, `o`, `t`, `u`, most significant digit first,
//! where the bytes are one little-endian number.
//!
//! Five bytes are eight digits, so both directions work on such groups from the end of the text;
//! what is left at the front is a shorter group. A text of the proper length may still write more
//! bits than the bytes have; [`decode`] then yields one byte too many, which is how the reference
//! sees it too.

use crate::HashError;

/// The digits, by value.
pub const ALPHABET: &[u8; 32] = b"0123456789abcdfghijklmnpqrsvwxyz";

const NONE: u8 = 0xff;

/// The value of each byte as a digit, or [`NONE`].
static VALUES: [u8; 256] = {
    let mut values = [NONE; 256];
    let mut value = 0;
    while value < 32 {
        values[ALPHABET[value] as usize] = value as u8;
        value += 1;
    }
    values
};

/// Number of digits for `n_bytes` bytes.
pub const fn encoded_len(n_bytes: usize) -> usize {
    (n_bytes * 8).div_ceil(5)
}

/// Whether `byte` is a digit.
pub fn is_digit(byte: u8) -> bool {
    VALUES[usize::from(byte)] != NONE
}

/// Writes the digits of `bytes` into `out`, which must have the length [`encoded_len`] says.
pub fn encode_into(bytes: &[u8], out: &mut [u8]) {
    assert_eq!(
        out.len(),
        encoded_len(bytes.len()),
        "room for exactly the digits"
    );
    let mut end = out.len();
    for group in bytes.chunks(5) {
        let mut bits = [0u8; 8];
        bits[..group.len()].copy_from_slice(group);
        let mut number = u64::from_le_bytes(bits);
        let start = end.saturating_sub(8);
        for digit in out[start..end].iter_mut().rev() {
            *digit = ALPHABET[(number & 31) as usize];
            number >>= 5;
        }
        end = start;
    }
}

/// The digits of `bytes`.
pub fn encode(bytes: &[u8]) -> String {
    let mut out = vec![0; encoded_len(bytes.len())];
    encode_into(bytes, &mut out);
    String::from_utf8(out).expect("base-32 digits are ASCII")
}

/// The bytes that `text` writes.
pub fn decode(text: &[u8]) -> Result<Vec<u8>, HashError> {
    let mut bytes = Vec::with_capacity((text.len() * 5).div_ceil(8));
    for group in text.rchunks(8) {
        let mut number = 0u64;
        for &byte in group {
            let value = VALUES[usize::from(byte)];
            if value == NONE {
                return Err(invalid(text));
            }
            number = number << 5 | u64::from(value);
        }
        let n_sure = ((group.len() - 1) * 5) / 8 + 1;
        let n_bytes = if number >> (n_sure * 8) == 0 {
            n_sure
        } else {
            n_sure + 1
        };
        bytes.extend_from_slice(&number.to_le_bytes()[..n_bytes]);
    }
    Ok(bytes)
}

/// Decodes a digest of exactly `N` bytes, or `None` if `text` is not one.
pub fn decode_exact<const N: usize>(text: &[u8]) -> Option<[u8; N]> {
    if text.len() != encoded_len(N) {
        return None;
    }
    let mut bytes = [0; N];
    for (group, out) in text.rchunks(8).zip(bytes.chunks_mut(5)) {
        let mut number = 0u64;
        let mut seen = 0;
        for &byte in group {
            let value = VALUES[usize::from(byte)];
            seen |= value;
            number = number << 5 | u64::from(value & 31);
        }
        if seen == NONE
            || number
                .checked_shr(out.len() as u32 * 8)
                .is_some_and(|rest| rest != 0)
        {
            return None;
        }
        out.copy_from_slice(&number.to_le_bytes()[..out.len()]);
    }
    Some(bytes)
}

/// The error for the character that the reference, reading from the end, meets first.
fn invalid(text: &[u8]) -> HashError {
    let byte = text
        .iter()
        .rev()
        .copied()
        .find(|&byte| !is_digit(byte))
        .unwrap_or(0);
    HashError::InvalidCharacter {
        encoding: "Nix32 (Nix's Base32 variation)",
        byte,
    }
}

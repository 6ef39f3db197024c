//! Bytes that are no UTF-8, in texts that are.
//!
//! Sources are bytes, and a message quotes their lines as they are. A byte that no character has is
//! carried by one of the last private characters, and becomes itself again when it is written.

/// The character that carries the byte zero; those of the other bytes follow.
const FIRST: u32 = 0x10_ff00;

/// Bytes as a text.
pub(crate) fn carry(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        let carriers = chunk.invalid().iter().map(|&byte| FIRST + u32::from(byte));
        text.extend(carriers.filter_map(char::from_u32));
    }
    text
}

/// The bytes of a text, those that were carried among them.
pub(crate) fn bytes_of(text: &str) -> Vec<u8> {
    if !text.contains(is_carrier) {
        return text.as_bytes().to_vec();
    }
    let mut bytes = Vec::with_capacity(text.len());
    for character in text.chars() {
        if is_carrier(character) {
            bytes.push((u32::from(character) - FIRST) as u8);
        } else {
            bytes.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
        }
    }
    bytes
}

fn is_carrier(character: char) -> bool {
    (FIRST + 0x80..=FIRST + 0xff).contains(&u32::from(character))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_come_back() {
        let all: Vec<u8> = (0..=255).collect();
        for bytes in [&b"plain"[..], "größe €".as_bytes(), b"a\xffb\xc3", &all] {
            assert_eq!(bytes_of(&carry(bytes)), bytes);
        }
    }
}

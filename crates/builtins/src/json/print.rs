//! Writing JSON strings.

/// A string that is not UTF-8 and so has no JSON form; the text is the reference's message.
#[derive(PartialEq, Eq, Debug)]
pub struct InvalidUtf8(pub String);

/// Appends `text` as a JSON string.
pub fn write_string(text: &[u8], out: &mut Vec<u8>) -> Result<(), InvalidUtf8> {
    if let Err(error) = std::str::from_utf8(text) {
        return Err(invalid(text, error.valid_up_to()));
    }
    out.push(b'"');
    let mut rest = text;
    loop {
        let n_plain = rest
            .iter()
            .position(|&byte| byte < 0x20 || byte == b'"' || byte == b'\\')
            .unwrap_or(rest.len());
        out.extend_from_slice(&rest[..n_plain]);
        let Some(&byte) = rest.get(n_plain) else {
            break;
        };
        rest = &rest[n_plain + 1..];
        let short = match byte {
            8 => b'b',
            9 => b't',
            10 => b'n',
            12 => b'f',
            13 => b'r',
            b'"' | b'\\' => byte,
            _ => {
                out.extend_from_slice(format!("\\u{byte:04x}").as_bytes());
                continue;
            }
        };
        out.extend_from_slice(&[b'\\', short]);
    }
    out.push(b'"');
    Ok(())
}

/// The message for the bad sequence at `start`. The reference names the byte that cannot continue
/// the sequence, not the one that began it.
fn invalid(text: &[u8], start: usize) -> InvalidUtf8 {
    let rest = &text[start..];
    let mut n_good = 1;
    while n_good <= rest.len() {
        match std::str::from_utf8(&rest[..n_good]) {
            Err(error) if error.error_len().is_none() => n_good += 1,
            _ => break,
        }
    }
    if n_good > rest.len() {
        let last = text[text.len() - 1];
        return InvalidUtf8(format!(
            "[json.exception.type_error.316] incomplete UTF-8 string; last byte: 0x{last:02X}"
        ));
    }
    let at = start + n_good - 1;
    InvalidUtf8(format!(
        "[json.exception.type_error.316] invalid UTF-8 byte at index {at}: 0x{:02X}",
        text[at]
    ))
}

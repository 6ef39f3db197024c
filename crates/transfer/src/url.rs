//! The little that has to be known of an address here: its parts, and percent signs in them.

/// The parts of an address with an authority.
pub(crate) struct Parts<'a> {
    pub(crate) scheme: &'a str,
    /// `user:password`, still encoded.
    pub(crate) user_info: Option<&'a str>,
    /// Host and port.
    pub(crate) host_port: &'a str,
    /// From the first slash on.
    pub(crate) rest: &'a str,
}

pub(crate) fn split(url: &str) -> Option<Parts<'_>> {
    let (scheme, after) = url.split_once("://")?;
    let end = after.find(['/', '?', '#']).unwrap_or(after.len());
    let (authority, rest) = after.split_at(end);
    let (user_info, host_port) = match authority.rsplit_once('@') {
        Some((user_info, host_port)) => (Some(user_info), host_port),
        None => (None, authority),
    };
    Some(Parts {
        scheme,
        user_info,
        host_port,
        rest,
    })
}

/// The host, without port.
pub(crate) fn host(url: &str) -> Option<&str> {
    let host_port = split(url)?.host_port;
    if let Some(inner) = host_port.strip_prefix('[') {
        return Some(inner.split_once(']')?.0);
    }
    Some(
        host_port
            .split_once(':')
            .map_or(host_port, |(host, _)| host),
    )
}

/// The address as messages may show it.
pub(crate) fn without_credentials(url: &str) -> String {
    match split(url) {
        Some(Parts {
            scheme,
            user_info: Some(_),
            host_port,
            rest,
        }) => {
            format!("{scheme}://{host_port}{rest}")
        }
        _ => url.into(),
    }
}

/// Replaces `%41` and the like by the bytes they stand for. What is no such triple stays.
pub fn percent_decode(text: &str) -> Vec<u8> {
    let bytes = text.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut position = 0;
    while position < bytes.len() {
        let triple = (bytes[position] == b'%')
            .then(|| bytes.get(position + 1..position + 3))
            .flatten();
        if let Some(byte) = triple.and_then(|digits| firn_hash::base16::decode(digits).ok()) {
            decoded.extend_from_slice(&byte);
            position += 3;
        } else {
            decoded.push(bytes[position]);
            position += 1;
        }
    }
    decoded
}

/// Encodes what may not stand in the path of an address; slashes stay.
pub fn percent_encode_path(path: &[u8]) -> String {
    let mut encoded = String::with_capacity(path.len());
    for &byte in path {
        match byte {
            b'a'..=b'z'
            | b'A'..=b'Z'
            | b'0'..=b'9'
            | b'-'
            | b'.'
            | b'_'
            | b'~'
            | b'/'
            | b'!'
            | b'$'
            | b'&'
            | b'\''
            | b'('
            | b')'
            | b'*'
            | b'+'
            | b','
            | b';'
            | b'='
            | b':'
            | b'@' => {
                encoded.push(char::from(byte));
            }
            _ => {
                encoded.push('%');
                encoded.push_str(&firn_hash::base16::encode(&[byte]).to_uppercase());
            }
        }
    }
    encoded
}

//! URLs as fetchers take them: parsed, changed and put together again, byte for byte as the
//! reference does, since lock files hold the result.
//!
//! Paths are kept as decoded segments, so that `/` inside a segment stays encoded. A lenient parse
//! takes blanks and quotes in parameters and fragments, which people write on command lines.

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};
use std::path::{Component, Path, PathBuf};

use crate::{FetchError, Result};

/// Who a URL is addressed to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Authority {
    /// User name.
    pub user: Option<String>,
    /// Password.
    pub password: Option<String>,
    /// Host, decoded; may be empty.
    pub host: String,
    /// Whether the host is written in brackets.
    pub is_bracketed: bool,
    /// Port.
    pub port: Option<u16>,
}

/// A URL, taken apart.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Url {
    /// What stands before the colon.
    pub scheme: String,
    /// What stands behind `//`, if that is there.
    pub authority: Option<Authority>,
    /// Decoded segments; an absolute path begins with an empty one.
    pub path: Vec<String>,
    /// Decoded parameters.
    pub query: BTreeMap<String, String>,
    /// Decoded fragment.
    pub fragment: String,
    /// Parameters without `=`, which were left out.
    pub dubious: Vec<String>,
}

impl Url {
    /// Parses strictly.
    pub fn parse(text: &str) -> Result<Self> {
        Self::parse_as(text, false)
    }

    /// Parses; blanks and quotes may stand in parameters and fragment.
    pub fn parse_lenient(text: &str) -> Result<Self> {
        Self::parse_as(text, true)
    }

    fn parse_as(text: &str, lenient: bool) -> Result<Self> {
        let invalid = || FetchError::bad_url(format!("'{text}' is not a valid URL: leftover"));
        let no_scheme = || FetchError::bad_url(format!("'{text}' doesn't have a scheme"));
        let (scheme, rest) = text.split_once(':').ok_or_else(no_scheme)?;
        if !is_scheme(scheme) {
            return Err(no_scheme());
        }
        let (rest, fragment) = match rest.split_once('#') {
            Some((rest, fragment)) => (rest, Some(fragment)),
            None => (rest, None),
        };
        let (rest, query) = match rest.split_once('?') {
            Some((rest, query)) => (rest, Some(query)),
            None => (rest, None),
        };
        let fragment = fragment.unwrap_or("");
        let extra = if lenient { " \"^" } else { "" };
        if !is_encoded(fragment, &format!("/?{extra}")) {
            return Err(invalid());
        }
        let (authority, path) = match rest.strip_prefix("//") {
            Some(rest) => {
                let end = rest.find('/').unwrap_or(rest.len());
                (Some(Authority::parse(&rest[..end])?), &rest[end..])
            }
            None => (None, rest),
        };
        if !is_encoded(path, "/") {
            return Err(invalid());
        }
        let transport_is_file = transport(scheme) == "file";
        if let Some(authority) = authority
            .as_ref()
            .filter(|it| transport_is_file && !it.host.is_empty())
        {
            return Err(FetchError::bad_url(format!(
                "file:// URL '{text}' has unexpected authority '{authority}'"
            )));
        }
        let path = if transport_is_file && path.is_empty() {
            "/"
        } else {
            path
        };
        let mut url = Self {
            scheme: scheme.to_owned(),
            authority,
            path: path.split('/').map(decode).collect::<Result<_>>()?,
            query: BTreeMap::new(),
            fragment: decode(fragment)?,
            dubious: Vec::new(),
        };
        if let Some(query) = query {
            let (parsed, dubious) = decode_query(query, lenient)?;
            url.query = parsed;
            url.dubious = dubious;
        }
        Ok(url)
    }

    /// The path as one text, nothing encoded.
    pub fn plain_path(&self) -> String {
        self.path.join("/")
    }

    /// The segments that are not empty.
    pub fn segments(&self) -> Vec<&str> {
        let all = self.path.iter().map(String::as_str);
        all.filter(|it| !it.is_empty()).collect()
    }

    /// The path as one of the file system.
    pub fn file_path(&self) -> Result<PathBuf> {
        for segment in &self.path {
            if segment.contains('/') {
                return Err(FetchError::bad_url(format!(
                    "URL path component '{segment}' contains '/', which is not allowed in file names"
                )));
            }
            if segment.contains('\0') {
                return Err(FetchError::bad_url(format!(
                    "URL path component '{}' contains NUL byte which is not allowed",
                    segment.replace('\0', "␀")
                )));
            }
        }
        let mut segments = self.path.iter();
        let mut path = PathBuf::new();
        match segments.next() {
            None => return Ok(path),
            Some(first) if first.is_empty() => path.push("/"),
            Some(first) => path.push(first),
        }
        for segment in segments {
            if segment.is_empty() {
                let mut text = path.into_os_string();
                if !text.to_string_lossy().ends_with('/') {
                    text.push("/");
                }
                path = text.into();
            } else {
                path.push(segment);
            }
        }
        Ok(path)
    }

    /// The segments of a path of the file system.
    pub fn segments_of(path: &Path) -> Vec<String> {
        let mut segments = Vec::new();
        for component in path.components() {
            match component {
                Component::RootDir => segments.push(String::new()),
                other => segments.push(other.as_os_str().to_string_lossy().into_owned()),
            }
        }
        if path.as_os_str().to_string_lossy().ends_with('/') {
            segments.push(String::new());
        }
        segments
    }

    /// A URL for a path of this machine.
    pub fn of_path(scheme: &str, path: &Path) -> Self {
        Self {
            scheme: scheme.to_owned(),
            authority: path.is_absolute().then(Authority::default),
            path: Self::segments_of(path),
            ..Self::default()
        }
    }
}

/// The part of a scheme behind `+`: how bytes get here.
pub fn transport(scheme: &str) -> &str {
    scheme.split_once('+').map_or(scheme, |it| it.1)
}

/// The part of a scheme before `+`: what is done with them.
pub fn application(scheme: &str) -> Option<&str> {
    scheme.split_once('+').map(|it| it.0)
}

fn is_scheme(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_alphabetic())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"+.-".contains(&byte))
}

fn is_encoded(text: &str, extra: &str) -> bool {
    let bytes = text.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        match bytes[at] {
            b'%' => {
                let digits = bytes.get(at + 1..at + 3);
                if !digits.is_some_and(|it| it.iter().all(u8::is_ascii_hexdigit)) {
                    return false;
                }
                at += 3;
            }
            byte if byte.is_ascii_alphanumeric()
                || b"-._~!$&'()*+,;=:@".contains(&byte)
                || extra.as_bytes().contains(&byte) =>
            {
                at += 1;
            }
            _ => return false,
        }
    }
    true
}

/// Undoes percent encoding.
pub fn decode(text: &str) -> Result<String> {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        if bytes[at] == b'%' {
            let digits = bytes
                .get(at + 1..at + 3)
                .and_then(|it| std::str::from_utf8(it).ok());
            let Some(byte) = digits.and_then(|it| u8::from_str_radix(it, 16).ok()) else {
                return Err(FetchError::bad_url(format!(
                    "invalid URI parameter '{text}': incomplete percent-encoding"
                )));
            };
            out.push(byte);
            at += 3;
        } else {
            out.push(bytes[at]);
            at += 1;
        }
    }
    Ok(String::from_utf8_lossy(&out).into_owned())
}

/// Percent-encodes everything but unreserved characters and `keep`.
pub fn encode(text: &str, keep: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric()
            || b"-._~".contains(&byte)
            || keep.as_bytes().contains(&byte)
        {
            out.push(char::from(byte));
        } else {
            write!(out, "%{byte:02X}").expect("a string takes any text");
        }
    }
    out
}

/// Parameters, and those that lack a `=`.
pub fn decode_query(query: &str, lenient: bool) -> Result<(BTreeMap<String, String>, Vec<String>)> {
    let extra = if lenient { "/? \"" } else { "/?" };
    if !is_encoded(query, extra) {
        return Err(FetchError::bad_url(format!(
            "invalid URI query '{query}': leftover"
        )));
    }
    let (mut parsed, mut dubious) = (BTreeMap::new(), Vec::new());
    if query.is_empty() {
        return Ok((parsed, dubious));
    }
    for part in query.split('&') {
        match part.split_once('=') {
            Some((name, value)) => {
                let value = decode(value)?;
                parsed.entry(decode(name)?).or_insert(value);
            }
            None => dubious.push(part.to_owned()),
        }
    }
    Ok((parsed, dubious))
}

impl Authority {
    fn parse(text: &str) -> Result<Self> {
        let invalid = || FetchError::bad_url(format!("invalid URL authority: '{text}': leftover"));
        let (user_info, host_port) = match text.rsplit_once('@') {
            Some((user, rest)) => (Some(user), rest),
            None => (None, text),
        };
        let mut authority = Self::default();
        if let Some(user_info) = user_info {
            let (user, password) = match user_info.split_once(':') {
                Some((user, password)) => (user, Some(password)),
                None => (user_info, None),
            };
            authority.user = Some(decode(user)?);
            authority.password = password.map(decode).transpose()?;
        }
        let (host, port) = if let Some(inner) = host_port.strip_prefix('[') {
            let (host, rest) = inner.split_once(']').ok_or_else(invalid)?;
            authority.is_bracketed = true;
            (host, rest.strip_prefix(':'))
        } else {
            match host_port.split_once(':') {
                Some((host, port)) => (host, Some(port)),
                None => (host_port, None),
            }
        };
        if !is_encoded(host, if authority.is_bracketed { ":" } else { "" }) {
            return Err(invalid());
        }
        authority.host = decode(host)?;
        authority.port = match port.filter(|it| !it.is_empty()) {
            None => None,
            Some(port) => Some(
                port.parse()
                    .map_err(|_| FetchError::bad_url(format!("port '{port}' is invalid")))?,
            ),
        };
        Ok(authority)
    }
}

impl fmt::Display for Authority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(user) = &self.user {
            f.write_str(&encode(user, ""))?;
            if let Some(password) = &self.password {
                write!(f, ":{}", encode(password, ""))?;
            }
            f.write_str("@")?;
        }
        if self.is_bracketed {
            write!(f, "[{}]", encode(&self.host, ":"))?;
        } else {
            f.write_str(&encode(&self.host, ""))?;
        }
        match self.port {
            Some(port) => write!(f, ":{port}"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:", self.scheme)?;
        if let Some(authority) = &self.authority {
            write!(f, "//{authority}")?;
        }
        for (number, segment) in self.path.iter().enumerate() {
            if number > 0 {
                f.write_str("/")?;
            }
            f.write_str(&encode(segment, ":@"))?;
        }
        for (number, (name, value)) in self.query.iter().enumerate() {
            let mark = if number == 0 { '?' } else { '&' };
            write!(
                f,
                "{mark}{}={}",
                encode(name, ":@/?"),
                encode(value, ":@/?")
            )?;
        }
        if !self.fragment.is_empty() {
            write!(f, "#{}", encode(&self.fragment, ""))?;
        }
        Ok(())
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may fail by panicking")]
mod tests {
    use super::*;

    #[test]
    fn urls_come_out_as_they_went_in() {
        for text in [
            "git+file:///a/b?dir=c&rev=d",
            "path:./x",
            "https://user:pw@host:8080/a%2Fb/c.tar.gz?x=y",
            "flake:nixpkgs/nixos",
            "file:///",
            "http://[::1]:80/x",
        ] {
            assert_eq!(Url::parse(text).unwrap().to_string(), text);
        }
    }

    #[test]
    fn what_is_no_url_is_told_apart() {
        for text in [
            "./x",
            "/a/b",
            "a b:c",
            "file://host/x",
            "x:%zz",
            "https://h:99999/",
        ] {
            assert!(Url::parse(text).unwrap_err().is_bad_url, "{text}");
        }
        assert!(Url::parse("x:y?a=b c").is_err());
        assert_eq!(Url::parse_lenient("x:y?a=b c").unwrap().query["a"], "b c");
        assert_eq!(Url::parse("x:y?a").unwrap().dubious, ["a"]);
    }
}

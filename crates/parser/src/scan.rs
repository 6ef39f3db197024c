//! Hand-written scans over bytes: strings, paths, URLs, comments.
//!
//! Each function looks at the text from one place and says how far something reaches; none keeps
//! state. The character classes and the order of alternatives are those of the reference's lexer.

use crate::TokenKind;

const PATH: u8 = 1;
const SCHEME: u8 = 2;
const URI: u8 = 4;
/// Ends a run of plain text inside quotes.
const STRING_STOP: u8 = 8;
/// Ends a run of plain text inside an indented string.
const INDENT_STOP: u8 = 16;

static CLASSES: [u8; 256] = classes();

const fn classes() -> [u8; 256] {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let c = byte as u8;
        if c.is_ascii_alphanumeric() {
            table[byte] |= PATH | SCHEME | URI;
        }
        byte += 1;
    }
    set(&mut table, b"._-+", PATH);
    set(&mut table, b"+-.", SCHEME);
    set(&mut table, b"%/?:@&=+$,-_.!~*'", URI);
    set(&mut table, b"\"$\\\0", STRING_STOP);
    set(&mut table, b"'$\0", INDENT_STOP);
    table
}

const fn set(table: &mut [u8; 256], bytes: &[u8], class: u8) {
    let mut idx = 0;
    while idx < bytes.len() {
        table[bytes[idx] as usize] |= class;
        idx += 1;
    }
}

#[inline]
fn has_class(byte: u8, class: u8) -> bool {
    CLASSES[byte as usize] & class != 0
}

/// Whether a byte may stand in a path between slashes.
#[inline]
pub(crate) fn is_path_char(byte: u8) -> bool {
    has_class(byte, PATH)
}

/// The end of the run of bytes of one class that begins at `from`.
#[inline]
fn run_end(text: &[u8], from: usize, class: u8) -> usize {
    text[from..]
        .iter()
        .position(|&byte| !has_class(byte, class))
        .map_or(text.len(), |length| from + length)
}

/// What was found where a path could begin.
pub(crate) enum PathStep {
    /// The first piece of a path, up to this offset.
    Until(usize),
    /// No path begins anywhere in the run of path characters that ends at `checked`.
    None {
        /// The end of that run.
        checked: usize,
    },
}

/// The first piece of a path at `from`: a whole literal, or one segment up to an interpolation.
pub(crate) fn path_start(text: &[u8], from: usize) -> PathStep {
    let run = run_end(text, from, PATH);
    if text[run..].starts_with(b"/${") {
        return PathStep::Until(run + 1);
    }
    match segments_end(text, run) {
        Some(end) => PathStep::Until(end),
        None => PathStep::None { checked: run },
    }
}

/// `(/CHAR+)+/?` at `from`: its end, if there is at least one segment.
fn segments_end(text: &[u8], from: usize) -> Option<usize> {
    let mut at = from;
    loop {
        if text.get(at) != Some(&b'/') {
            return (at > from).then_some(at);
        }
        let end = run_end(text, at + 1, PATH);
        if end == at + 1 {
            return (at > from).then_some(end);
        }
        at = end;
    }
}

/// The length of the first piece of a path that begins with `~/`.
pub(crate) fn home_path(text: &[u8]) -> Option<usize> {
    if text[1..].starts_with(b"/${") {
        return Some(2);
    }
    segments_end(text, 1)
}

/// The length of a further piece of a path; 0 if the path ends here.
pub(crate) fn path_piece(text: &[u8]) -> usize {
    let run = run_end(text, 0, PATH);
    if let Some(end) = segments_end(text, run) {
        return end;
    }
    if text.get(run) == Some(&b'/') {
        return run + 1;
    }
    run
}

/// The end of the URL at `from`, which holds a letter or underscore; otherwise how far no URL
/// begins.
pub(crate) fn uri(text: &[u8], from: usize) -> Result<usize, usize> {
    if text[from] == b'_' {
        return Err(from + 1);
    }
    let scheme = run_end(text, from, SCHEME);
    if text.get(scheme) != Some(&b':') {
        return Err(scheme);
    }
    let end = run_end(text, scheme + 1, URI);
    if end == scheme + 1 {
        return Err(scheme);
    }
    Ok(end)
}

/// Tells documentation comments from others. `/**/` and `/***` open ordinary ones.
pub(crate) fn comment_kind(comment: &[u8]) -> TokenKind {
    let documents =
        comment.len() >= 6 && comment[2] == b'*' && comment[3] != b'*' && comment[3] != b'/';
    if documents {
        TokenKind::DocComment
    } else {
        TokenKind::BlockComment
    }
}

/// A run of text inside a string.
pub(crate) struct Run {
    pub(crate) length: usize,
    pub(crate) has_nul: bool,
}

/// Text inside quotes, up to the closing quote, an interpolation or the end.
pub(crate) fn string_run(text: &[u8]) -> Run {
    let mut at = 0;
    let mut has_nul = false;
    while at < text.len() {
        if !has_class(text[at], STRING_STOP) {
            at += 1;
            continue;
        }
        match (text[at], text.get(at + 1)) {
            (b'"', _) | (b'$', Some(b'{')) => break,
            (b'\\', escaped) => {
                has_nul |= escaped == Some(&0);
                at += 2;
            }
            // The next byte may be a quote or an escape of its own.
            (b'$', Some(b'"' | b'\\') | None) => at += 1,
            (b'$', Some(_)) => {
                has_nul |= text[at + 1] == 0;
                at += 2;
            }
            _ => {
                has_nul = true;
                at += 1;
            }
        }
    }
    Run {
        length: at.min(text.len()),
        has_nul,
    }
}

/// Text of an indented string, escapes included, up to the closing quotes, an interpolation or the
/// end.
pub(crate) fn indented_run(text: &[u8]) -> Run {
    let mut at = 0;
    let mut has_nul = false;
    while at < text.len() {
        if !has_class(text[at], INDENT_STOP) {
            at += 1;
            continue;
        }
        match (text[at], text.get(at + 1), text.get(at + 2)) {
            (b'\'', Some(b'\''), Some(b'$' | b'\'')) => at += 3,
            (b'\'', Some(b'\''), Some(b'\\')) if at + 3 < text.len() => {
                has_nul |= text[at + 3] == 0;
                at += 4;
            }
            (b'\'', Some(b'\''), _) | (b'$', Some(b'{'), _) => break,
            (b'\'', Some(b'$') | None, _) | (b'$', Some(b'\'') | None, _) => at += 1,
            (b'\'' | b'$', Some(&next), _) => {
                has_nul |= next == 0;
                at += 2;
            }
            _ => {
                has_nul = true;
                at += 1;
            }
        }
    }
    Run {
        length: at,
        has_nul,
    }
}

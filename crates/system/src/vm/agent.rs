//! The line to the agent in a machine.
//!
//! A request is a script, an answer its exit code and output; each is one line, scripts and outputs
//! in base64, since what goes over a serial line must not look like control characters. The agent
//! says `ready` once the machine is up.

use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::time::Duration;

/// A connection to an agent.
pub(super) struct Agent {
    stream: UnixStream,
    pending: Vec<u8>,
}

/// What the agent says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Said {
    /// The machine is up.
    Ready,
    /// A script ended.
    Ended { code: u8, output: String },
}

/// How long one look for an answer takes.
const LOOK: Duration = Duration::from_millis(50);

impl Agent {
    pub(super) fn new(stream: UnixStream) -> io::Result<Self> {
        stream.set_read_timeout(Some(LOOK))?;
        Ok(Self {
            stream,
            pending: Vec::new(),
        })
    }

    /// Has a script run.
    pub(super) fn send(&mut self, script: &str) -> io::Result<()> {
        let line = format!("{}\n", encode(script.as_bytes()));
        self.stream.write_all(line.as_bytes())
    }

    /// What was said, if anything was within a moment.
    pub(super) fn hear(&mut self) -> io::Result<Option<Said>> {
        if let Some(said) = self.take_line() {
            return Ok(Some(said));
        }
        let mut buffer = [0; 4096];
        match self.stream.read(&mut buffer) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(n) => self.pending.extend(&buffer[..n]),
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut
                ) => {}
            Err(error) => return Err(error),
        }
        Ok(self.take_line())
    }

    /// The next line that is one of ours; firmware and kernel may have said something, too.
    fn take_line(&mut self) -> Option<Said> {
        while let Some(end) = self.pending.iter().position(|&it| it == b'\n') {
            let line: Vec<u8> = self.pending.drain(..=end).collect();
            if let Some(said) = parse(&String::from_utf8_lossy(&line)) {
                return Some(said);
            }
        }
        None
    }
}

fn parse(line: &str) -> Option<Said> {
    let line = line.trim();
    if line.ends_with("firn-test-agent ready") {
        return Some(Said::Ready);
    }
    let (code, output) = line.split_once(' ').unwrap_or((line, ""));
    Some(Said::Ended {
        code: code.parse().ok()?,
        output: String::from_utf8_lossy(&decode(output)?).into_owned(),
    })
}

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

fn encode(bytes: &[u8]) -> String {
    let mut out = String::new();
    for chunk in bytes.chunks(3) {
        let mut group = [0; 3];
        group[..chunk.len()].copy_from_slice(chunk);
        let bits = u32::from_be_bytes([0, group[0], group[1], group[2]]);
        for place in 0..4 {
            if place <= chunk.len() {
                let index = (bits >> (18 - 6 * place)) & 63;
                out.push(char::from(ALPHABET[index as usize]));
            } else {
                out.push('=');
            }
        }
    }
    out
}

fn decode(text: &str) -> Option<Vec<u8>> {
    let text = text.trim_end_matches('=');
    let mut out = Vec::new();
    let (mut bits, mut count) = (0u32, 0);
    for byte in text.bytes() {
        let value = ALPHABET.iter().position(|&it| it == byte)?;
        bits = bits << 6 | value as u32;
        count += 6;
        if count >= 8 {
            count -= 8;
            out.push((bits >> count) as u8);
        }
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_survive() {
        for text in ["", "a", "ab", "abc", "abcd", "\0\u{ff}é"] {
            assert_eq!(
                decode(&encode(text.as_bytes())).expect("decoded"),
                text.as_bytes()
            );
        }
        assert_eq!(encode(b"hello"), "aGVsbG8=");
        assert_eq!(decode("a\u{1}"), None);
    }

    #[test]
    fn lines_are_answers() {
        assert_eq!(parse("firn-test-agent ready\r\n"), Some(Said::Ready));
        let ended = |code, output: &str| {
            Some(Said::Ended {
                code,
                output: output.to_owned(),
            })
        };
        assert_eq!(parse("0 aGVsbG8="), ended(0, "hello"));
        assert_eq!(parse("1 "), ended(1, ""));
        assert_eq!(parse("BdsDxe: starting"), None);
    }
}

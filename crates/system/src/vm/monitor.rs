//! The line to QEMU itself, which tells why a machine went off.
//!
//! It speaks QMP: objects of JSON, one a line. QEMU greets, takes one command that ends the greeting,
//! and says from then on what happens (section "QMP" of QEMU's documentation on interoperability).

use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use serde_json::Value;

/// A connection to the QEMU of a machine.
pub(super) struct Monitor {
    stream: UnixStream,
}

/// How a machine went off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// It asked for a reset; whoever started it starts it again.
    Reset,
    /// It turned itself off.
    PowerOff,
    /// QEMU ended without the machine's having asked for it.
    Other,
}

impl Monitor {
    pub(super) fn new(mut stream: UnixStream) -> io::Result<Self> {
        stream.write_all(b"{\"execute\": \"qmp_capabilities\"}\n")?;
        Ok(Self { stream })
    }

    /// What was said of the machine's end, once QEMU ended.
    pub(super) fn end(mut self) -> End {
        // All has been said by now.
        self.stream
            .set_read_timeout(Some(Duration::from_secs(1)))
            .ok();
        let mut said = Vec::new();
        // What came before a failure to read counts.
        self.stream.read_to_end(&mut said).ok();
        end_in(&String::from_utf8_lossy(&said))
    }
}

fn end_in(said: &str) -> End {
    // The last word counts.
    let lines = said.lines().rev();
    let last = lines
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .filter(|it| it["event"] == "SHUTDOWN")
        .find_map(|it| it["data"]["reason"].as_str().map(str::to_owned));
    match last.as_deref() {
        Some("guest-reset") => End::Reset,
        Some("guest-shutdown") => End::PowerOff,
        _ => End::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_are_told_apart() {
        let greeting = "{\"QMP\": {\"capabilities\": []}}\r\n{\"return\": {}}\r\n";
        let end = |reason: &str| {
            end_in(&format!(
                "{greeting}{{\"event\": \"SHUTDOWN\", \"data\": {{\"guest\": true, \"reason\": \"{reason}\"}}}}\r\n"
            ))
        };
        assert_eq!(end("guest-reset"), End::Reset);
        assert_eq!(end("guest-shutdown"), End::PowerOff);
        assert_eq!(end("host-signal"), End::Other);
        assert_eq!(end_in(greeting), End::Other);
        assert_eq!(end_in("{\"event\": \"SHUTD"), End::Other);
    }
}

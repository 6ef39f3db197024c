//! Pseudoterminals that carry what a builder writes.
//!
//! Programs write line by line when they believe to talk to a terminal, so a log can be followed
//! while it grows. The terminal is raw: bytes arrive as they were written.

use std::io;
use std::os::fd::OwnedFd;

use rustix::fs::{Mode, OFlags};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{OptionalActions, tcgetattr, tcsetattr};

/// Both ends of a pseudoterminal.
#[derive(Debug)]
pub struct PseudoTerminal {
    /// The end that is read.
    pub reader: OwnedFd,
    /// The end that a program writes to. The reader sees the end of input when every copy of it
    /// is closed.
    pub writer: OwnedFd,
}

impl PseudoTerminal {
    /// Opens a raw pseudoterminal; its writing end belongs to `owner` when one is given.
    pub fn open(owner: Option<u32>) -> io::Result<PseudoTerminal> {
        let reader = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC)?;
        grantpt(&reader)?;
        unlockpt(&reader)?;
        let name = ptsname(&reader, Vec::new())?;
        let writer = rustix::fs::open(
            &name,
            OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC,
            Mode::empty(),
        )?;
        let mut attributes = tcgetattr(&writer)?;
        attributes.make_raw();
        tcsetattr(&writer, OptionalActions::Now, &attributes)?;
        if let Some(owner) = owner {
            rustix::fs::fchmod(&writer, Mode::RUSR | Mode::WUSR)?;
            rustix::fs::fchown(&writer, Some(rustix::fs::Uid::from_raw(owner)), None)?;
        }
        Ok(PseudoTerminal { reader, writer })
    }
}

/// Reads what is there. Zero bytes mean the end, which a terminal reports as an error of its own
/// once its last writer is gone.
pub fn read_some(reader: &OwnedFd, buffer: &mut [u8]) -> io::Result<usize> {
    loop {
        match rustix::io::read(reader, &mut *buffer) {
            Err(rustix::io::Errno::INTR) => {}
            Err(rustix::io::Errno::IO) => return Ok(0),
            read => return Ok(read?),
        }
    }
}

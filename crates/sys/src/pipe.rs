//! What waits in a pipe.

use std::io;
use std::os::fd::AsFd;

use rustix::event::{PollFd, PollFlags};
use rustix::io::Errno;

/// Waits until something can be read or the other end is closed.
pub fn wait_readable(pipe: &impl AsFd) -> io::Result<()> {
    loop {
        let mut waited = [PollFd::new(pipe, PollFlags::IN)];
        match rustix::event::poll(&mut waited, None) {
            Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
            Ok(_) => return Ok(()),
        }
    }
}

/// How many bytes can be read at once.
pub fn n_waiting(pipe: &impl AsFd) -> io::Result<u64> {
    Ok(rustix::io::ioctl_fionread(pipe)?)
}

//! How a launcher and its client speak: frames over a stream socket, descriptors beside them.
//!
//! A frame is its length (four bytes, little endian) and a serialized message. The descriptors of
//! a frame travel with its first byte. Both ends are the same executable, so there is no version.

use std::io::{self, IoSlice, IoSliceMut, Read as _, Write as _};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;

use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, recvmsg, sendmsg,
};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::LaunchSpec;

/// What a client asks for.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Request {
    /// Run this; the descriptors are where it writes and where a failure to start is described.
    Launch { id: u64, spec: Box<LaunchSpec> },
    /// Kill it and everything it started.
    Kill { id: u64 },
    /// Show a part of the host, read-only, at a place of the sandbox it runs in.
    Show {
        id: u64,
        token: u64,
        source: Vec<u8>,
        target: Vec<u8>,
    },
}

/// What a launcher reports.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Report {
    /// The program and everything it started is gone; a wait status of the system.
    Exited { id: u64, status: i32 },
    /// A part of the host is shown, or why not.
    Shown { token: u64, error: Option<String> },
}

/// The most descriptors that travel with one frame.
const MAX_DESCRIPTORS: usize = 4;

/// Sends a message and descriptors.
pub(super) fn send(
    stream: &UnixStream,
    message: &impl Serialize,
    descriptors: &[BorrowedFd<'_>],
) -> io::Result<()> {
    let body = postcard::to_allocvec(message).map_err(io::Error::other)?;
    let length = u32::try_from(body.len()).map_err(io::Error::other)?;
    let mut frame = Vec::with_capacity(4 + body.len());
    frame.extend_from_slice(&length.to_le_bytes());
    frame.extend_from_slice(&body);
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MAX_DESCRIPTORS))];
    let mut ancillary = SendAncillaryBuffer::new(&mut space);
    if !descriptors.is_empty() && !ancillary.push(SendAncillaryMessage::ScmRights(descriptors)) {
        return Err(io::Error::from(io::ErrorKind::InvalidInput));
    }
    let sent = loop {
        match sendmsg(
            stream.as_fd(),
            &[IoSlice::new(&frame)],
            &mut ancillary,
            SendFlags::NOSIGNAL,
        ) {
            Err(rustix::io::Errno::INTR) => {}
            sent => break sent?,
        }
    };
    (&mut &*stream).write_all(&frame[sent..])
}

/// Receives a message and its descriptors; `None` when the other end is gone.
pub(super) fn receive<T: DeserializeOwned>(
    stream: &UnixStream,
) -> io::Result<Option<(T, Vec<OwnedFd>)>> {
    let mut length = [0; 4];
    let mut descriptors = Vec::new();
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MAX_DESCRIPTORS))];
    let mut ancillary = RecvAncillaryBuffer::new(&mut space);
    let received = loop {
        match recvmsg(
            stream.as_fd(),
            &mut [IoSliceMut::new(&mut length)],
            &mut ancillary,
            RecvFlags::CMSG_CLOEXEC,
        ) {
            Err(rustix::io::Errno::INTR) => {}
            Err(rustix::io::Errno::CONNRESET) => return Ok(None),
            received => break received?.bytes,
        }
    };
    if received == 0 {
        return Ok(None);
    }
    for message in ancillary.drain() {
        if let RecvAncillaryMessage::ScmRights(received) = message {
            descriptors.extend(received);
        }
    }
    let mut reader = stream;
    reader.read_exact(&mut length[received..])?;
    let mut body = vec![0; u32::from_le_bytes(length) as usize];
    reader.read_exact(&mut body)?;
    let message = postcard::from_bytes(&body).map_err(io::Error::other)?;
    Ok(Some((message, descriptors)))
}

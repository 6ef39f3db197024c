//! Sockets in the file system: addresses longer than the system allows, who is at the other end,
//! sockets that were handed over by whoever started this process, and a peer that goes away.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, FromRawFd as _, OwnedFd};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

use rustix::event::{PollFd, PollFlags, poll};

/// The longest address a socket may have, with the byte after it.
const MAX_ADDRESS: usize = 108;

/// Connects to a socket. An address that is too long is reached by way of an open directory.
pub fn connect(path: &Path) -> io::Result<UnixStream> {
    by_short_name(path, |path| UnixStream::connect(path))
}

/// Makes a socket and listens; one that is there already is replaced. Everyone may connect.
pub fn listen(path: &Path) -> io::Result<UnixListener> {
    if let Some(parent) = path.parent() {
        std::fs::create_dir_all(parent)?;
    }
    // The socket appears with its final mode or not at all.
    let temporary = crate::file::sibling_name(path, ".new.");
    let listener = by_short_name(&temporary, |path| UnixListener::bind(path))?;
    crate::file::set_mode(&temporary, 0o666)?;
    std::fs::rename(&temporary, path)?;
    Ok(listener)
}

fn by_short_name<T>(path: &Path, open: impl FnOnce(&Path) -> io::Result<T>) -> io::Result<T> {
    if path.as_os_str().len() < MAX_ADDRESS {
        return open(path);
    }
    let too_long = || io::Error::new(io::ErrorKind::InvalidInput, "the address is too long");
    let (parent, name) = path.parent().zip(path.file_name()).ok_or_else(too_long)?;
    let directory = std::fs::File::open(parent)?;
    let descriptor = std::os::fd::AsRawFd::as_raw_fd(&directory);
    let short = PathBuf::from(format!("/proc/self/fd/{descriptor}")).join(name);
    if short.as_os_str().len() >= MAX_ADDRESS {
        return Err(too_long());
    }
    open(&short)
}

/// Who is at the other end of a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer {
    /// The process, as far as it can be seen from here.
    pub pid: Option<u32>,
    /// The user.
    pub uid: u32,
    /// The group.
    pub gid: u32,
}

/// Who is at the other end of a socket.
pub fn peer(socket: &UnixStream) -> io::Result<Peer> {
    let credentials = rustix::net::sockopt::socket_peercred(socket)?;
    Ok(Peer {
        pid: u32::try_from(credentials.pid.as_raw_nonzero().get()).ok(),
        uid: credentials.uid.as_raw(),
        gid: credentials.gid.as_raw(),
    })
}

/// The listening sockets that were handed over, by the convention of `LISTEN_PID` and
/// `LISTEN_FDS`, whose values are passed in. May be called once.
#[allow(unsafe_code)]
pub fn handed_over(pid: &str, count: &str) -> Vec<UnixListener> {
    const FIRST: i32 = 3;
    if pid.parse() != Ok(std::process::id()) {
        return Vec::new();
    }
    let count: i32 = count.parse().unwrap_or(0);
    (FIRST..FIRST.saturating_add(count.clamp(0, 64)))
        .map(|descriptor| {
            // SAFETY: whoever set the variables for this process left these descriptors open for
            // it, and nothing else in it knows of them.
            let owned = unsafe { OwnedFd::from_raw_fd(descriptor) };
            rustix::io::fcntl_setfd(&owned, rustix::io::FdFlags::CLOEXEC).ok();
            UnixListener::from(owned)
        })
        .collect()
}

/// Waits until one of some listening sockets has a caller; gives its place.
pub fn wait_for_caller(listeners: &[UnixListener]) -> io::Result<usize> {
    let mut fds: Vec<_> = listeners
        .iter()
        .map(|listener| PollFd::new(listener, PollFlags::IN))
        .collect();
    loop {
        match poll(&mut fds, None) {
            Ok(_) => {
                let ready = fds.iter().position(|fd| !fd.revents().is_empty());
                if let Some(ready) = ready {
                    return Ok(ready);
                }
            }
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

/// Waits until the other end of a pipe or socket has gone away for good; that there is something to
/// read does not count. The file must be open for as long as this lasts.
pub fn wait_for_hang_up(file: impl AsFd) -> io::Result<()> {
    let file: BorrowedFd<'_> = file.as_fd();
    loop {
        // Without asking for anything, only the end of the connection is told.
        match poll(
            &mut [PollFd::from_borrowed_fd(file, PollFlags::empty())],
            None,
        ) {
            Ok(_) => return Ok(()),
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read as _;

    #[test]
    fn long_addresses_and_peers_work() {
        let root = tempfile::tempdir().expect("a directory");
        let directory = root.path().join("d".repeat(120));
        let path = directory.join("socket");
        let listener = listen(&path).expect("listening");
        let client = connect(&path).expect("connected");
        assert_eq!(
            wait_for_caller(&[listener.try_clone().expect("cloned")]).ok(),
            Some(0)
        );
        let (mut server, _) = listener.accept().expect("accepted");
        let peer = peer(&server).expect("a peer");
        assert_eq!(peer.pid, Some(std::process::id()));
        drop(client);
        wait_for_hang_up(&server).expect("noticed");
        let mut rest = Vec::new();
        assert_eq!(server.read_to_end(&mut rest).expect("read"), 0);
    }

    #[test]
    fn sockets_for_someone_else_are_left_alone() {
        assert!(handed_over("1", "3").is_empty());
        assert!(handed_over("", "").is_empty());
    }
}

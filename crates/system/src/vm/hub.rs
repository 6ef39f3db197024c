//! The network of a test: a hub that passes every frame on to all other machines.
//!
//! Machines connect to a socket in the file system and send frames with their length before them
//! (QEMU's `stream` network). This needs no privileges, no ports and no multicast, so that it works
//! inside a sandbox as well.

use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use crate::error::{SystemError, io_error};

/// The hub.
pub(super) struct Hub {
    socket: PathBuf,
}

/// Who is connected, each under a number.
type Ports = Arc<Mutex<Vec<(u64, UnixStream)>>>;

/// Longer frames than any network card sends are nonsense.
const MAX_FRAME: usize = 1 << 17;

impl Hub {
    /// A hub with its socket in a directory. It ends with the process.
    pub(super) fn start(directory: &Path) -> Result<Self, SystemError> {
        let socket = directory.join("network");
        let listener = UnixListener::bind(&socket).map_err(io_error("listening at", &socket))?;
        thread::spawn(move || {
            let ports = Ports::default();
            for (number, stream) in (0..).zip(listener.incoming().map_while(Result::ok)) {
                let Ok(writer) = stream.try_clone() else {
                    continue;
                };
                lock(&ports).push((number, writer));
                let ports = Arc::clone(&ports);
                thread::spawn(move || pass_on(number, stream, &ports));
            }
        });
        Ok(Self { socket })
    }

    /// The network card of a machine.
    pub(super) fn arguments(&self, number: usize) -> [String; 4] {
        [
            "-netdev".to_owned(),
            format!(
                "stream,id=net0,server=off,addr.type=unix,addr.path={}",
                self.socket.display()
            ),
            "-device".to_owned(),
            format!("virtio-net-pci,netdev=net0,mac=52:54:00:12:01:{number:02x}"),
        ]
    }
}

fn lock(ports: &Ports) -> std::sync::MutexGuard<'_, Vec<(u64, UnixStream)>> {
    ports.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Passes on what one machine sends until it is gone.
fn pass_on(number: u64, mut stream: UnixStream, ports: &Ports) {
    let mut frame = Vec::new();
    while read_frame(&mut stream, &mut frame).is_ok() {
        // Who cannot be written to is gone.
        lock(ports)
            .retain_mut(|(port, writer)| *port == number || writer.write_all(&frame).is_ok());
    }
    lock(ports).retain(|it| it.0 != number);
}

/// Reads a frame with its length.
fn read_frame(stream: &mut UnixStream, frame: &mut Vec<u8>) -> std::io::Result<()> {
    frame.resize(4, 0);
    stream.read_exact(frame)?;
    let length = u32::from_be_bytes([frame[0], frame[1], frame[2], frame[3]]) as usize;
    if length > MAX_FRAME {
        return Err(std::io::ErrorKind::InvalidData.into());
    }
    frame.resize(4 + length, 0);
    stream.read_exact(&mut frame[4..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everyone_else_hears() {
        let directory = tempfile::tempdir().expect("made");
        let hub = Hub::start(directory.path()).expect("started");
        let connect = || UnixStream::connect(&hub.socket).expect("connected");
        let (mut a, mut b, mut c) = (connect(), connect(), connect());
        // A frame from each makes sure that all three are known.
        let frame = |text: &str| {
            let mut frame = (text.len() as u32).to_be_bytes().to_vec();
            frame.extend(text.as_bytes());
            frame
        };
        let mut heard = Vec::new();
        for _ in 0..100 {
            a.write_all(&frame("hello")).expect("sent");
            b.set_nonblocking(true).expect("set");
            if read_frame(&mut b, &mut heard).is_ok() {
                break;
            }
            thread::sleep(std::time::Duration::from_millis(10));
        }
        assert_eq!(&heard[4..], b"hello");
        read_frame(&mut c, &mut heard).expect("heard");
        assert_eq!(&heard[4..], b"hello");
    }
}

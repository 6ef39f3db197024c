//! A small HTTP server whose answers a test writes down byte for byte.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

/// A request as it came in.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    pub(super) line: String,
    pub(super) headers: BTreeMap<String, String>,
    pub(super) body: Vec<u8>,
}

impl Seen {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }
}

/// What is sent back, and whether the connection is closed then.
pub(super) struct Answer {
    pub(super) bytes: Vec<u8>,
    pub(super) close: bool,
    /// Keep silent afterwards instead of reading the next request.
    pub(super) stall: bool,
}

pub(super) fn answer(status: &str, headers: &str, body: &[u8]) -> Answer {
    let mut bytes = format!(
        "HTTP/1.1 {status}\r\nContent-Length: {}\r\n{headers}\r\n",
        body.len()
    )
    .into_bytes();
    bytes.extend_from_slice(body);
    Answer {
        bytes,
        close: false,
        stall: false,
    }
}

pub(super) struct Server {
    pub(super) url: String,
    pub(super) seen: Arc<Mutex<Vec<Seen>>>,
    pub(super) n_connections: Arc<AtomicUsize>,
}

impl Server {
    /// Serves until the test process ends. The closure is told how many requests came before.
    pub(super) fn start(handle: impl Fn(usize, &Seen) -> Answer + Send + Sync + 'static) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let seen: Arc<Mutex<Vec<Seen>>> = Arc::default();
        let n_connections: Arc<AtomicUsize> = Arc::default();
        let server = Server {
            url,
            seen: Arc::clone(&seen),
            n_connections: Arc::clone(&n_connections),
        };
        let handle = Arc::new(handle);
        thread::spawn(move || {
            for stream in listener.incoming() {
                n_connections.fetch_add(1, Ordering::SeqCst);
                let (seen, handle) = (Arc::clone(&seen), Arc::clone(&handle));
                thread::spawn(move || serve(stream.unwrap(), &seen, &*handle));
            }
        });
        server
    }

    pub(super) fn n_requests(&self) -> usize {
        self.seen.lock().unwrap().len()
    }
}

fn serve(stream: TcpStream, seen: &Mutex<Vec<Seen>>, handle: &dyn Fn(usize, &Seen) -> Answer) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut stream = stream;
    while let Some(request) = read_request(&mut reader) {
        let n_before = {
            let mut seen = seen.lock().unwrap();
            seen.push(request.clone());
            seen.len() - 1
        };
        let answer = handle(n_before, &request);
        if stream.write_all(&answer.bytes).is_err() || answer.close {
            return;
        }
        if answer.stall {
            // Until the client hangs up.
            let _ended = reader.read(&mut [0]);
            return;
        }
    }
}

fn read_request(reader: &mut BufReader<TcpStream>) -> Option<Seen> {
    let mut line = String::new();
    reader
        .read_line(&mut line)
        .ok()
        .filter(|&n_bytes| n_bytes > 0)?;
    let mut headers = BTreeMap::new();
    loop {
        let mut header = String::new();
        reader.read_line(&mut header).ok()?;
        let Some((name, value)) = header.split_once(':') else {
            break;
        };
        headers.insert(name.to_ascii_lowercase(), value.trim().to_string());
    }
    let size = headers
        .get("content-length")
        .map_or(0, |size| size.parse().unwrap());
    let mut body = vec![0; size];
    reader.read_exact(&mut body).ok()?;
    Some(Seen {
        line: line.trim_end().into(),
        headers,
        body,
    })
}

//! A small HTTP server over a directory: what a static web server does, and uploads.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::thread;

pub(super) struct FileServer {
    pub(super) url: String,
    /// The first line of each request.
    requests: Arc<Mutex<Vec<String>>>,
}

impl FileServer {
    /// Serves a directory until the test process ends.
    pub(super) fn start(directory: &Path) -> FileServer {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let requests: Arc<Mutex<Vec<String>>> = Arc::default();
        let server = FileServer {
            url,
            requests: Arc::clone(&requests),
        };
        let directory = directory.to_owned();
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (directory, requests) = (directory.clone(), Arc::clone(&requests));
                thread::spawn(move || serve(stream.unwrap(), &directory, &requests));
            }
        });
        server
    }

    /// The requests since the last call.
    pub(super) fn take_requests(&self) -> Vec<String> {
        let mut requests = std::mem::take(&mut *self.requests.lock().unwrap());
        requests.sort();
        requests
    }
}

fn serve(mut stream: TcpStream, directory: &Path, requests: &Mutex<Vec<String>>) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).unwrap_or(0) == 0 {
            return;
        }
        let mut size = 0;
        loop {
            let mut header = String::new();
            reader.read_line(&mut header).unwrap();
            let Some((name, value)) = header.split_once(':') else {
                break;
            };
            if name.eq_ignore_ascii_case("content-length") {
                size = value.trim().parse().unwrap();
            }
        }
        let mut body = vec![0; size];
        reader.read_exact(&mut body).unwrap();
        let line = line.trim_end().trim_end_matches(" HTTP/1.1").to_owned();
        let (method, path) = line.split_once(' ').unwrap();
        let file: PathBuf = directory.join(path.trim_start_matches('/'));
        let (status, contents) = match method {
            "PUT" => {
                std::fs::create_dir_all(file.parent().unwrap()).unwrap();
                std::fs::write(&file, &body).unwrap();
                ("201 Created", Vec::new())
            }
            _ => match std::fs::read(&file) {
                Ok(contents) => ("200 OK", contents),
                Err(_) => ("404 Not Found", Vec::new()),
            },
        };
        requests.lock().unwrap().push(line.clone());
        let mut answer = format!(
            "HTTP/1.1 {status}\r\nContent-Length: {}\r\n\r\n",
            contents.len()
        )
        .into_bytes();
        if method != "HEAD" {
            answer.extend_from_slice(&contents);
        }
        if stream.write_all(&answer).is_err() {
            return;
        }
    }
}

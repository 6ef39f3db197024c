//! Downloads and uploads over HTTP and to files.

use std::fmt::Write as _;
use std::io::Read as _;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use firn_events::{Event, NullSink, RecordingSink};

use super::server::{Answer, Server, answer};
use crate::{Client, Compression, Netrc, Request, TransferErrorKind, TransferOptions, Upload};

fn options() -> TransferOptions {
    TransferOptions {
        first_pause: Duration::from_millis(1),
        attempts: 3,
        ..TransferOptions::default()
    }
}

fn client() -> Client {
    Client::new(options(), NullSink::shared())
}

fn get(client: &Client, url: &str) -> Vec<u8> {
    client.get(&Request::new(url), 1 << 20).unwrap().0
}

#[track_caller]
fn check_error(client: &Client, url: &str, kind: TransferErrorKind, message: &str) {
    let error = client.get(&Request::new(url), 1 << 20).unwrap_err();
    assert_eq!((error.kind, error.to_string().as_str()), (kind, message));
}

#[test]
fn connections_are_kept_alive() {
    let server = Server::start(|_, _| answer("200 OK", "", b"hello"));
    let client = client();
    for _ in 0..5 {
        assert_eq!(get(&client, &format!("{}/x", server.url)), b"hello");
    }
    assert_eq!(server.n_connections.load(Ordering::SeqCst), 1);
}

#[test]
fn absence_and_refusal_are_told_at_once() {
    let server = Server::start(|_, seen| {
        if seen.line.contains("secret") {
            answer("403 Forbidden", "", b"not for you\n")
        } else {
            answer("404 Not Found", "", b"<html>")
        }
    });
    let url = |path: &str| format!("{}/{path}", server.url);
    let client = client();
    let message = format!(
        "unable to download '{}': HTTP error 404 (Not Found)",
        url("x")
    );
    check_error(&client, &url("x"), TransferErrorKind::NotFound, &message);
    let message = format!(
        "unable to download '{}': HTTP error 403 (Forbidden)\n\nresponse body:\n\nnot for you",
        url("secret")
    );
    check_error(
        &client,
        &url("secret"),
        TransferErrorKind::Forbidden,
        &message,
    );
    assert_eq!(client.exists(&Request::new(url("x"))), Ok(false));
    assert_eq!(client.exists(&Request::new(url("secret"))), Ok(false));
    assert_eq!(server.n_requests(), 4);
}

#[test]
fn passing_failures_are_tried_again_and_told() {
    let server = Server::start(|n_before, _| match n_before {
        0 => answer("503 Service Unavailable", "Retry-After: 0\r\n", b""),
        1 => Answer {
            bytes: b"HTTP/1.1 2".to_vec(),
            close: true,
            stall: false,
        },
        _ => answer("200 OK", "", b"at last"),
    });
    let events = Arc::new(RecordingSink::default());
    let client = Client::new(options(), events.clone());
    assert_eq!(get(&client, &format!("{}/x", server.url)), b"at last");
    let texts: Vec<String> = events
        .take()
        .into_iter()
        .filter_map(|event| {
            if let Event::Message { text, .. } = event {
                Some(text)
            } else {
                None
            }
        })
        .collect();
    assert_eq!(texts.len(), 2);
    let expected = format!(
        "unable to download '{}/x': HTTP error 503 (Service Unavailable); retrying in 0 ms (attempt 1/3)",
        server.url
    );
    assert_eq!(texts[0], expected);
}

#[test]
fn failures_that_last_are_given_up() {
    let server = Server::start(|_, _| answer("500 Internal Server Error", "", b"sorry"));
    let url = format!("{}/x", server.url);
    let message = format!(
        "unable to download '{url}': HTTP error 500 (Internal Server Error)\n\nresponse body:\n\nsorry"
    );
    check_error(&client(), &url, TransferErrorKind::Transient, &message);
    assert_eq!(server.n_requests(), 3);
}

#[test]
fn nobody_there() {
    let url = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        format!("http://{}/x", listener.local_addr().unwrap())
    };
    let error = client().get(&Request::new(&url), 10).unwrap_err();
    assert_eq!(error.kind, TransferErrorKind::Transient);
    assert!(
        error
            .to_string()
            .starts_with(&format!("unable to download '{url}': ")),
        "{error}"
    );
    assert!(error.hint().is_some());
}

fn contents() -> Vec<u8> {
    (0..100_000u32).flat_map(u32::to_le_bytes).collect()
}

/// Serves `contents`, breaking off after each 150,000 bytes; `etag` may change with the request.
fn breaking_server(etag: impl Fn(usize) -> &'static str + Send + Sync + 'static) -> Server {
    Server::start(move |n_before, seen| {
        let all = contents();
        let etag = etag(n_before);
        let is_same = seen.header("if-range").is_none_or(|known| known == etag);
        let start: usize = seen
            .header("range")
            .filter(|_| is_same)
            .and_then(|range| {
                range
                    .strip_prefix("bytes=")?
                    .strip_suffix('-')?
                    .parse()
                    .ok()
            })
            .unwrap_or(0);
        let status = if start > 0 {
            "206 Partial Content"
        } else {
            "200 OK"
        };
        let mut headers = format!("Accept-Ranges: bytes\r\nETag: {etag}\r\n");
        if start > 0 {
            let last = all.len() - 1;
            write!(
                headers,
                "Content-Range: bytes {start}-{last}/{}\r\n",
                all.len()
            )
            .unwrap();
        }
        let mut answer = answer(status, &headers, &all[start..]);
        let head = answer.bytes.len() - (all.len() - start);
        answer.bytes.truncate(head + 150_000);
        answer.close = true;
        answer
    })
}

#[test]
fn broken_downloads_are_taken_up_where_they_stopped() {
    let server = breaking_server(|_| "\"one\"");
    assert!(get(&client(), &format!("{}/x", server.url)) == contents());
    let ranges: Vec<_> = server
        .seen
        .lock()
        .unwrap()
        .iter()
        .map(|seen| seen.header("range").map(String::from))
        .collect();
    assert_eq!(ranges.len(), 3);
    assert!(
        ranges[0].is_none() && ranges[1..].iter().all(Option::is_some),
        "{ranges:?}"
    );
}

#[test]
fn contents_that_change_meanwhile_are_noticed() {
    let server = breaking_server(|n_before| if n_before == 0 { "\"one\"" } else { "\"two\"" });
    let url = format!("{}/x", server.url);
    let message =
        format!("unable to download '{url}': the contents have changed during the transfer");
    check_error(&client(), &url, TransferErrorKind::Other, &message);
}

#[test]
fn credentials_come_from_address_or_netrc_and_are_not_shown() {
    let server = Server::start(|_, _| answer("403 Forbidden", "", b""));
    let netrc = Netrc::parse(
        "machine other login x password y\nmachine 127.0.0.1\n login me password secret\n",
    );
    let client = Client::new(TransferOptions { netrc, ..options() }, NullSink::shared());
    let authority = server.url.strip_prefix("http://").unwrap();
    let message = format!("unable to download 'http://{authority}/x': HTTP error 403 (Forbidden)");
    check_error(
        &client,
        &format!("http://{authority}/x"),
        TransferErrorKind::Forbidden,
        &message,
    );
    check_error(
        &client,
        &format!("http://us%65r:pw@{authority}/x"),
        TransferErrorKind::Forbidden,
        &message,
    );
    let mut own = Request::new(&server.url);
    own.headers
        .push(("Authorization".into(), "Bearer token".into()));
    assert!(client.get(&own, 10).is_err());
    let seen = server.seen.lock().unwrap();
    let sent: Vec<_> = seen
        .iter()
        .map(|seen| seen.header("authorization").unwrap())
        .collect();
    assert_eq!(
        sent,
        ["Basic bWU6c2VjcmV0", "Basic dXNlcjpwdw==", "Bearer token"]
    );
}

#[test]
fn entity_tags_redirections_and_immutable_addresses() {
    let server = Server::start(|_, seen| {
        if seen.line.contains("/old") {
            answer("302 Found", "Location: /new\r\n", b"")
        } else if seen.header("if-none-match") == Some("\"tag\"") {
            Answer {
                bytes: b"HTTP/1.1 304 Not Modified\r\nETag: \"tag\"\r\n\r\n".to_vec(),
                close: false,
                stall: false,
            }
        } else {
            answer(
                "200 OK",
                "ETag: \"tag\"\r\nLink: <https://x/y>; rel=\"immutable\"\r\n",
                b"new",
            )
        }
    });
    let client = client();
    let mut request = Request::new(format!("{}/old", server.url));
    let (bytes, info) = client.get(&request, 10).unwrap();
    assert_eq!(
        (&*bytes, info.effective_url),
        (&b"new"[..], format!("{}/new", server.url))
    );
    assert_eq!(
        (info.etag.as_deref(), info.immutable_url.as_deref()),
        (Some("\"tag\""), Some("https://x/y"))
    );
    request.known_etag = info.etag;
    let (bytes, info) = client.get(&request, 10).unwrap();
    assert!(bytes.is_empty() && info.not_modified);
}

#[test]
fn compressed_transfers_are_undone() {
    let server = Server::start(|_, seen| {
        assert_eq!(
            seen.header("accept-encoding"),
            Some("zstd, br, gzip, bzip2, xz")
        );
        let mut compressor = Compression::Gzip.writer(Vec::new(), None).unwrap();
        std::io::Write::write_all(&mut compressor, b"plain").unwrap();
        answer(
            "200 OK",
            "Content-Encoding: gzip\r\n",
            &compressor.finish().unwrap(),
        )
    });
    assert_eq!(get(&client(), &server.url), b"plain");
}

type Open<'a> = dyn Fn() -> std::io::Result<Box<dyn std::io::Read + 'a>> + 'a;

fn upload<'a>(open: &'a Open<'a>) -> Upload<'a> {
    Upload {
        size: 8,
        content_type: "text/x-nix-narinfo",
        content_encoding: Compression::None,
        headers: Vec::new(),
        open,
    }
}

#[test]
fn uploads_are_repeated_whole() {
    let server = Server::start(|n_before, _| {
        if n_before == 0 {
            answer("502 Bad Gateway", "", b"")
        } else {
            answer("201 Created", "", b"")
        }
    });
    let open = || Ok(Box::new(&b"contents"[..]) as Box<dyn std::io::Read>);
    client()
        .put(&format!("{}/x", server.url), &upload(&open))
        .unwrap();
    let seen = server.seen.lock().unwrap();
    assert_eq!(seen.len(), 2);
    for seen in seen.iter() {
        assert_eq!(
            (&*seen.line, &*seen.body),
            ("PUT /x HTTP/1.1", &b"contents"[..])
        );
        assert_eq!(seen.header("content-type"), Some("text/x-nix-narinfo"));
        assert_eq!(seen.header("content-length"), Some("8"));
    }
    let error = client()
        .put("http://127.0.0.1:1/x", &upload(&open))
        .unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("unable to upload 'http://127.0.0.1:1/x'"),
        "{error}"
    );
}

#[test]
fn files() {
    let directory = tempfile::tempdir().unwrap();
    let url = format!("file://{}/a%20b/c", directory.path().display());
    let client = Client::new(
        TransferOptions {
            offline: true,
            ..options()
        },
        NullSink::shared(),
    );
    assert_eq!(client.exists(&Request::new(&url)), Ok(false));
    let error = client.get(&Request::new(&url), 10).unwrap_err();
    assert_eq!(error.kind, TransferErrorKind::NotFound);
    let open = || Ok(Box::new(&b"contents"[..]) as Box<dyn std::io::Read>);
    client.put(&url, &upload(&open)).unwrap();
    assert_eq!(get(&client, &url), b"contents");
    assert_eq!(
        std::fs::read(directory.path().join("a b/c")).unwrap(),
        b"contents"
    );
    assert_eq!(
        std::fs::read_dir(directory.path().join("a b"))
            .unwrap()
            .count(),
        1
    );
    let message = format!("unable to download '{url}': larger than 3 bytes");
    assert_eq!(
        client.get(&Request::new(&url), 3).unwrap_err().to_string(),
        message
    );
}

#[test]
fn offline_means_no_connection() {
    let server = Server::start(|_, _| answer("200 OK", "", b""));
    let client = Client::new(
        TransferOptions {
            offline: true,
            ..options()
        },
        NullSink::shared(),
    );
    let message = format!(
        "unable to download '{}': the network is not to be used",
        server.url
    );
    check_error(&client, &server.url, TransferErrorKind::Offline, &message);
    assert_eq!(server.n_connections.load(Ordering::SeqCst), 0);
}

fn stalling_server() -> Server {
    Server::start(|_, _| Answer {
        bytes: b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nbegin".to_vec(),
        close: false,
        stall: true,
    })
}

#[test]
fn stalled_transfers_end() {
    let server = stalling_server();
    let options = TransferOptions {
        stall_timeout: Duration::from_millis(50),
        attempts: 1,
        ..options()
    };
    let client = Client::new(options, NullSink::shared());
    let error = client.get(&Request::new(&server.url), 1000).unwrap_err();
    assert_eq!(error.kind, TransferErrorKind::Transient);
}

#[test]
fn cancelling_ends_what_is_under_way() {
    let server = stalling_server();
    let client = client();
    let mut download = client.download(&Request::new(&server.url)).unwrap();
    let mut begin = [0; 5];
    download.read_exact(&mut begin).unwrap();
    let started = Instant::now();
    let canceller = client.clone();
    std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(50));
        canceller.cancel();
    });
    assert!(download.read(&mut begin).is_err());
    assert!(started.elapsed() < Duration::from_secs(20));
    let error = client.get(&Request::new(&server.url), 10).unwrap_err();
    assert_eq!(error.kind, TransferErrorKind::Cancelled);
}

#[test]
fn many_threads_share_a_client() {
    let server = Server::start(|_, seen| answer("200 OK", "", seen.line.as_bytes()));
    let client = client();
    std::thread::scope(|scope| {
        for thread in 0..16 {
            let (client, url) = (&client, &server.url);
            scope.spawn(move || {
                for count in 0..20 {
                    let found = get(client, &format!("{url}/{thread}/{count}"));
                    assert_eq!(
                        found,
                        format!("GET /{thread}/{count} HTTP/1.1").into_bytes()
                    );
                }
            });
        }
    });
    assert!(server.n_connections.load(Ordering::SeqCst) <= 16);
    assert_eq!(server.n_requests(), 320);
}

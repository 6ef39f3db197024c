//! A bucket behind a small server that lets in only requests signed as they should be.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::Arc;

use firn_events::NullSink;
use firn_transfer::{Client, TransferOptions};

use super::support::{TestStore, sample_tree};
use crate::{
    BinaryCacheOptions, BinaryCacheStore, CopyOptions, S3Bucket, S3Options, Store as _,
    copy_closure,
};

const ID: &str = "an-id";
const SECRET: &str = "a secret";

/// Serves a directory as a bucket; returns its address.
fn serve(directory: &Path) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let (directory, endpoint) = (directory.to_owned(), address.clone());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let (directory, endpoint) = (directory.clone(), endpoint.clone());
            std::thread::spawn(move || answer(stream.unwrap(), &directory, &endpoint));
        }
    });
    address
}

/// Whether an address is signed with our secret for a method: the signature is made again, for the
/// time that the address names.
fn is_signed(endpoint: &str, method: &str, target: &str) -> bool {
    use rusty_s3::{Bucket, Credentials, S3Action as _, UrlStyle};
    let Some((path, query)) = target.split_once('?') else {
        return false;
    };
    let param = |name: &str| {
        let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
        pairs.find(|it| it.0 == name).map(|it| it.1.to_owned())
    };
    let (Some(date), Some(expires)) = (param("X-Amz-Date"), param("X-Amz-Expires")) else {
        return false;
    };
    let digits: Vec<u8> = date.bytes().filter(u8::is_ascii_digit).collect();
    let digits = String::from_utf8(digits).unwrap();
    let time = format!(
        "{}-{}-{}T{}:{}:{}Z",
        &digits[..4],
        &digits[4..6],
        &digits[6..8],
        &digits[8..10],
        &digits[10..12],
        &digits[12..14]
    );
    let time = time.parse().unwrap();
    let bucket = Bucket::new(
        endpoint.parse().unwrap(),
        UrlStyle::Path,
        "cache",
        "us-east-1",
    )
    .unwrap();
    let credentials = Credentials::new(ID, SECRET);
    let key = path.strip_prefix("/cache/").unwrap();
    let expires = std::time::Duration::from_secs(expires.parse().unwrap());
    let expected = match method {
        "GET" => bucket
            .get_object(Some(&credentials), key)
            .sign_with_time(expires, &time),
        "HEAD" => bucket
            .head_object(Some(&credentials), key)
            .sign_with_time(expires, &time),
        _ => bucket
            .put_object(Some(&credentials), key)
            .sign_with_time(expires, &time),
    };
    let signature = expected
        .query_pairs()
        .find(|it| it.0 == "X-Amz-Signature")
        .map(|it| it.1.into_owned());
    signature.is_some() && signature == param("X-Amz-Signature")
}

fn answer(mut stream: TcpStream, directory: &Path, endpoint: &str) {
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
        let mut words = line.split(' ');
        let (method, target) = (words.next().unwrap(), words.next().unwrap());
        let path = target.split('?').next().unwrap();
        let file = directory.join(path.trim_start_matches('/'));
        let (status, contents) = if !is_signed(endpoint, method, target) {
            ("403 Forbidden", Vec::new())
        } else if method == "PUT" {
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            std::fs::write(&file, &body).unwrap();
            ("200 OK", Vec::new())
        } else {
            match std::fs::read(&file) {
                Ok(contents) => ("200 OK", contents),
                Err(_) => ("404 Not Found", Vec::new()),
            }
        };
        let length = contents.len();
        let mut answer =
            format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\n\r\n").into_bytes();
        if method != "HEAD" {
            answer.extend_from_slice(&contents);
        }
        if stream.write_all(&answer).is_err() {
            return;
        }
    }
}

fn cache(
    test: &TestStore,
    endpoint: &str,
    secret: &str,
) -> Result<BinaryCacheStore, crate::StoreError> {
    let bucket = S3Bucket::new(&S3Options {
        bucket: "cache".to_owned(),
        region: "us-east-1".to_owned(),
        endpoint: Some(endpoint.to_owned()),
        credentials: Some((ID.to_owned(), secret.to_owned(), None)),
        ..S3Options::default()
    })?;
    let transfer = TransferOptions {
        attempts: 1,
        ..TransferOptions::default()
    };
    let client = Client::new(transfer, NullSink::shared());
    let options = BinaryCacheOptions {
        bucket: Some(Arc::new(bucket)),
        ..BinaryCacheOptions::new(test.dir.path().to_owned())
    };
    BinaryCacheStore::open("s3://cache", test.store.store_dir(), client, options)
}

#[test]
fn a_closure_goes_to_a_bucket_and_comes_back() {
    let test = TestStore::new();
    let directory = tempfile::tempdir().unwrap();
    let endpoint = serve(directory.path());
    let tree = test.tree(&sample_tree(test.dir.path()));
    let user = test.text("user", &[&tree]);
    let options = CopyOptions {
        repair: false,
        check_signatures: true,
        substitute: false,
        n_jobs: 4,
        events: NullSink::shared(),
    };
    let there = cache(&test, &endpoint, SECRET).unwrap();
    assert_eq!(there.url(), "s3://cache");
    let wanted = [user.clone()].into();
    copy_closure(&test.store, &there, &wanted, &options).unwrap();
    let back = TestStore::new();
    let there = cache(&back, &endpoint, SECRET).unwrap();
    copy_closure(&there, &back.store, &wanted, &options).unwrap();
    assert!(back.store.is_valid_path(&tree).unwrap());
    // Who does not know the secret is not let in.
    assert!(cache(&test, &endpoint, "another").is_err());
}

//! A store, a cache and a server of a test's own.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex};

use firn_events::NullSink;
use firn_settings::{Feature, FeatureSet, Machine, Settings};
use firn_store::{LocalOptions, LocalStore, Location};
use firn_store_model::StoreDir;
use firn_transfer::{Client, TransferOptions};

use crate::{FetchOptions, Fetched, Fetcher, Input, Result, UseRegistries};

/// A request as it came in.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    /// The method and the path, as in `GET /x`.
    pub(super) line: String,
    pub(super) headers: BTreeMap<String, String>,
    pub(super) body: Vec<u8>,
}

impl Asked {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }
}

/// A status line and the contents.
pub(super) type Answer = (&'static str, Vec<u8>);

/// A server that answers until the test ends.
pub(super) struct Server {
    pub(super) url: String,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl Server {
    pub(super) fn start(answer: impl Fn(&Asked) -> Answer + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::<Mutex<Vec<Asked>>>::default();
        let log = Arc::clone(&asked);
        let answer = Arc::new(answer);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (log, answer) = (Arc::clone(&log), Arc::clone(&answer));
                std::thread::spawn(move || serve(stream, &log, &*answer));
            }
        });
        Self { url, asked }
    }

    /// The requests since the last time.
    pub(super) fn take_asked(&self) -> Vec<Asked> {
        std::mem::take(&mut self.asked.lock().unwrap())
    }

    /// What was asked for since the last time.
    pub(super) fn take_lines(&self) -> Vec<String> {
        self.take_asked().into_iter().map(|it| it.line).collect()
    }
}

fn serve(stream: TcpStream, log: &Mutex<Vec<Asked>>, answer: &dyn Fn(&Asked) -> Answer) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut line = String::new();
    reader.read_line(&mut line).unwrap();
    let mut headers = BTreeMap::new();
    loop {
        let mut header = String::new();
        reader.read_line(&mut header).unwrap();
        let Some((name, value)) = header.split_once(':') else {
            break;
        };
        headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
    }
    let size = headers.get("content-length");
    let mut body = vec![0; size.map_or(0, |it| it.parse().unwrap())];
    reader.read_exact(&mut body).unwrap();
    let line = line.trim_end().trim_end_matches(" HTTP/1.1").to_owned();
    let asked = Asked {
        line,
        headers,
        body,
    };
    log.lock().unwrap().push(asked.clone());
    let (status, contents) = answer(&asked);
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        contents.len()
    );
    let mut stream = stream;
    // Whoever asked may be gone.
    drop(stream.write_all(&[head.into_bytes(), contents].concat()));
}

/// A scratch folder with a store in it.
pub(super) struct World {
    folder: tempfile::TempDir,
    store: Arc<LocalStore>,
    pub(super) origins: BTreeMap<String, String>,
    pub(super) tokens: BTreeMap<String, String>,
    pub(super) transfers: TransferOptions,
}

impl World {
    pub(super) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let place = Location::below(
            &folder.path().join("root"),
            StoreDir::new("/nix/store").unwrap(),
        );
        let options = LocalOptions {
            proc_dir: None,
            fsync_metadata: false,
            ..LocalOptions::default()
        };
        Self {
            store: Arc::new(LocalStore::open(place, options).unwrap()),
            folder,
            origins: BTreeMap::new(),
            tokens: BTreeMap::new(),
            transfers: TransferOptions {
                attempts: 1,
                ..TransferOptions::default()
            },
        }
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A fetcher as a new process would make it.
    pub(super) fn fetcher(&self) -> Fetcher {
        let mut settings = Settings::new(&Machine::detect(&|_| None)).sources;
        settings.access_tokens = self.tokens.clone();
        let options = FetchOptions {
            settings,
            features: FeatureSet::of(&[Feature::Flakes]),
            cache_dir: self.path("cache"),
            system_registry: self.path("system-registry.json"),
            user_registry: self.path("user-registry.json"),
            current_dir: self.path(""),
            force_remote: true,
            origins: self.origins.clone(),
            offline: self.transfers.offline,
            events: NullSink::shared(),
        };
        let client = Client::new(self.transfers.clone(), NullSink::shared());
        Fetcher::new(self.store.clone(), options, client)
    }

    pub(super) fn fetch(&self, url: &str) -> Result<Fetched> {
        let fetcher = self.fetcher();
        let input = Input::from_url_text(&fetcher, url)?;
        fetcher.fetch(&input, UseRegistries::No)
    }

    /// The message with which fetching fails.
    pub(super) fn failure(&self, url: &str) -> String {
        self.fetch(url).unwrap_err().message
    }

    /// Where a fetched tree lies.
    pub(super) fn tree(&self, fetched: &Fetched) -> PathBuf {
        use firn_store::Store as _;
        self.store.physical_path(&fetched.path).unwrap()
    }

    pub(super) fn git(&self, directory: &Path, words: &[&str]) {
        let mut command = Command::new("git");
        command
            .args(["-c", "user.name=a", "-c", "user.email=a@example.org"])
            .args(words)
            .current_dir(directory)
            .env("HOME", self.folder.path())
            .env("GIT_CONFIG_NOSYSTEM", "1");
        let output = command.output().unwrap();
        assert!(output.status.success(), "git {words:?}: {output:?}");
    }
}

/// A compressed archive of one file in a directory.
pub(super) fn archive(contents: &str) -> Vec<u8> {
    let encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    let mut archive = tar::Builder::new(encoder);
    let mut header = tar::Header::new_gnu();
    header.set_size(contents.len() as u64);
    header.set_mode(0o644);
    header.set_mtime(1_600_000_000);
    archive
        .append_data(&mut header, "top/file", contents.as_bytes())
        .unwrap();
    archive.into_inner().unwrap().finish().unwrap()
}

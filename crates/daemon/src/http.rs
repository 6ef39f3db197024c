//! A store as a binary cache over HTTP: what `firn serve` runs.
//!
//! Nothing is written down: narinfo files are made from what the store knows, archives as they are
//! asked for, compressed or not. Paths are found by their hash part, as binary caches have it, and
//! only by that, so that nobody can list the store.

use std::io::{self, Read, Write as _};
use std::sync::Arc;

use firn_store::{Store, StoreError};
use firn_store_model::{
    CACHE_INFO_FILE, CacheInfo, DrvOutput, NarInfo, SecretKey, StorePath, ValidPathInfo,
};
use firn_transfer::Compression;
use tiny_http::{Header, Method, Request, Response, Server};

/// How a store is served.
#[derive(Clone)]
pub struct HttpOptions {
    /// The rank that the cache claims.
    pub priority: i64,
    /// How archives are compressed on the way.
    pub compression: Compression,
    /// Keys that sign what is served, beside the signatures that it has.
    pub secret_keys: Vec<SecretKey>,
    /// How many requests are answered at once.
    pub n_threads: usize,
}

/// A server for one store.
pub struct HttpServer {
    server: Server,
    store: Arc<dyn Store>,
    options: HttpOptions,
}

/// What a request comes to.
enum Answer {
    Text(&'static str, Vec<u8>),
    Archive(ValidPathInfo),
    Absent,
}

impl HttpServer {
    /// Listens at an address.
    pub fn listen(
        address: &str,
        store: Arc<dyn Store>,
        options: HttpOptions,
    ) -> Result<HttpServer, StoreError> {
        let server = Server::http(address)
            .map_err(|error| StoreError::other(format!("cannot listen on '{address}': {error}")))?;
        Ok(HttpServer {
            server,
            store,
            options,
        })
    }

    /// Where it listens, as an address for clients.
    pub fn url(&self) -> String {
        format!("http://{}", self.server.server_addr())
    }

    /// Answers until the process ends, or someone stops it.
    pub fn run(&self) {
        std::thread::scope(|scope| {
            for _ in 0..self.options.n_threads.max(1) {
                scope.spawn(|| {
                    while let Ok(request) = self.server.recv() {
                        // A client that went away needs no answer.
                        self.handle(request).ok();
                    }
                });
            }
        });
    }

    /// Lets [`HttpServer::run`] return.
    pub fn stop(&self) {
        for _ in 0..self.options.n_threads.max(1) {
            self.server.unblock();
        }
    }

    fn handle(&self, request: Request) -> io::Result<()> {
        let is_read = matches!(request.method(), Method::Get | Method::Head);
        if !is_read {
            return request.respond(Response::empty(405));
        }
        let name = request.url().trim_start_matches('/').to_owned();
        let name = name.split('?').next().unwrap_or_default();
        match self.answer(name) {
            Ok(Answer::Text(kind, text)) => {
                request.respond(Response::from_data(text).with_header(content_type(kind)))
            }
            Ok(Answer::Absent) => request.respond(Response::empty(404)),
            Ok(Answer::Archive(info)) => self.send_archive(request, &info),
            Err(error) => {
                request.respond(Response::from_string(format!("{error}\n")).with_status_code(500))
            }
        }
    }

    fn answer(&self, name: &str) -> Result<Answer, StoreError> {
        let store = &self.store;
        if name == CACHE_INFO_FILE {
            let info = CacheInfo {
                store_dir: Some(store.store_dir().to_string()),
                want_mass_query: Some(true),
                priority: Some(self.options.priority),
            };
            return Ok(Answer::Text(
                "text/x-nix-cache-info",
                info.to_string().into_bytes(),
            ));
        }
        if let Some(hash_part) = name.strip_suffix(".narinfo") {
            return Ok(match self.info(hash_part)? {
                Some(info) => Answer::Text("text/x-nix-narinfo", self.narinfo(info)),
                None => Answer::Absent,
            });
        }
        if let Some(rest) = name.strip_prefix("nar/") {
            // The hash of the archive is part of the name, so that what is fetched is what the
            // narinfo spoke of.
            let (hash_part, rest) = rest.split_once('-').unwrap_or((rest, ""));
            let hash = rest.split('.').next().unwrap_or_default();
            let info = self.info(hash_part)?;
            return Ok(match info.filter(|info| info.nar_hash.to_nix32() == hash) {
                Some(info) => Answer::Archive(info),
                None => Answer::Absent,
            });
        }
        if let Some(path) = name.strip_prefix("log/") {
            let Ok(path) = StorePath::parse(path) else {
                return Ok(Answer::Absent);
            };
            return Ok(match store.build_log(&path)? {
                Some(log) => Answer::Text("text/plain; charset=utf-8", log),
                None => Answer::Absent,
            });
        }
        let id = name
            .strip_prefix("realisations/")
            .and_then(|name| name.strip_suffix(".doi"))
            .and_then(|id| DrvOutput::parse(id).ok());
        if let Some(id) = id {
            return Ok(match store.query_realisation(&id)? {
                Some(realisation) => Answer::Text(
                    "application/json",
                    realisation.to_json().to_string().into_bytes(),
                ),
                None => Answer::Absent,
            });
        }
        Ok(Answer::Absent)
    }

    fn info(&self, hash_part: &str) -> Result<Option<ValidPathInfo>, StoreError> {
        let is_sound = hash_part.len() == StorePath::HASH_PART_LEN
            && hash_part.bytes().all(|it| it.is_ascii_alphanumeric());
        if !is_sound {
            return Ok(None);
        }
        let Some(path) = self.store.query_path_from_hash_part(hash_part)? else {
            return Ok(None);
        };
        let info = self.store.query_path_info(&path)?;
        Ok(info.map(|info| (*info).clone()))
    }

    fn narinfo(&self, mut info: ValidPathInfo) -> Vec<u8> {
        let store_dir = self.store.store_dir();
        if let Some(fingerprint) = info.fingerprint(store_dir) {
            let keys = self.options.secret_keys.iter();
            let signatures: Vec<_> = keys.map(|key| key.sign(fingerprint.as_bytes())).collect();
            info.info.signatures.extend(signatures);
        }
        let is_plain = self.options.compression == Compression::None;
        let narinfo = NarInfo {
            url: format!(
                "nar/{}-{}.nar{}",
                info.path.hash_part(),
                info.nar_hash.to_nix32(),
                self.options.compression.extension()
            ),
            compression: self.options.compression.name().to_owned(),
            file_hash: is_plain.then_some(info.nar_hash),
            file_size: if is_plain { info.nar_size } else { 0 },
            info,
        };
        narinfo.print(store_dir).into_bytes()
    }

    fn send_archive(&self, request: Request, info: &ValidPathInfo) -> io::Result<()> {
        let compression = self.options.compression;
        let kind = content_type("application/x-nix-nar");
        let size = (compression == Compression::None)
            .then(|| usize::try_from(info.nar_size).ok())
            .flatten();
        if *request.method() == Method::Head {
            return request.respond(Response::new(
                200.into(),
                vec![kind],
                io::empty(),
                size,
                None,
            ));
        }
        let (reader, writer) = io::pipe()?;
        std::thread::scope(|scope| {
            scope.spawn(move || {
                // A client that went away closes the pipe, and an archive that cannot be read ends
                // too early, which the client notices by its hash.
                let mut out = compression.writer(writer, None).ok()?;
                self.store.nar_from_path(&info.path, &mut out).ok()?;
                out.finish().ok()?.flush().ok()
            });
            let body: Box<dyn Read + Send> = Box::new(reader);
            request.respond(Response::new(200.into(), vec![kind], body, size, None))
        })
    }
}

fn content_type(kind: &str) -> Header {
    Header::from_bytes("Content-Type", kind).expect("a header of plain text")
}

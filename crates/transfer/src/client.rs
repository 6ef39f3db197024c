//! The client: requests, repetition of failed ones, uploads.

use std::collections::HashMap;
use std::hash::{BuildHasher as _, RandomState};
use std::io::{self, Read};
use std::sync::{Arc, Condvar, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use firn_events::{Level, SharedSink};
use firn_hash::base64;
use ureq::http::Response;
use ureq::tls::{PemItem, RootCerts, TlsConfig, parse_pem};
use ureq::{Agent, Body, Proxy, SendBody};

use crate::download::{Download, ResponseInfo};
use crate::{Compression, TransferError, TransferErrorKind, TransferOptions, file, url};

/// How much of an error page is worth telling.
const MAX_ERROR_BODY: u64 = 1024;

/// What to get.
#[derive(Clone, Debug, Default)]
pub struct Request {
    /// The address.
    pub url: String,
    /// Further headers, such as an authorisation.
    pub headers: Vec<(String, String)>,
    /// What the entity tag was last time: if it still is, nothing is transferred.
    pub known_etag: Option<String>,
}

impl Request {
    /// A plain request.
    pub fn new(url: impl Into<String>) -> Request {
        Request {
            url: url.into(),
            ..Request::default()
        }
    }
}

/// What to bring.
pub struct Upload<'a> {
    /// Its size.
    pub size: u64,
    /// What it is.
    pub content_type: &'a str,
    /// How it is compressed on the way, for the receiver to undo.
    pub content_encoding: Compression,
    /// Further headers.
    pub headers: Vec<(String, String)>,
    /// Starts reading it; called again for each attempt.
    pub open: &'a dyn Fn() -> io::Result<Box<dyn Read + 'a>>,
}

/// Gets and brings things. Copies share connections and cancellation.
#[derive(Clone)]
pub struct Client {
    shared: Arc<Shared>,
}

struct Shared {
    options: TransferOptions,
    events: SharedSink,
    root_certs: OnceLock<RootCerts>,
    /// One agent per proxy, since the connections it keeps go through that.
    agents: Mutex<HashMap<Option<String>, Agent>>,
    is_cancelled: Mutex<bool>,
    cancelled: Condvar,
}

impl Client {
    /// Makes a client. The file of certificates, if one is set, is read before the first transfer.
    pub fn new(options: TransferOptions, events: SharedSink) -> Client {
        let shared = Shared {
            options,
            events,
            root_certs: OnceLock::new(),
            agents: Mutex::default(),
            is_cancelled: Mutex::new(false),
            cancelled: Condvar::new(),
        };
        Client {
            shared: Arc::new(shared),
        }
    }

    /// The certificates of authorities that servers are checked against. Reading them takes longer
    /// than many a command that transfers nothing.
    fn root_certs(&self) -> Result<RootCerts, TransferError> {
        if let Some(known) = self.shared.root_certs.get() {
            return Ok(known.clone());
        }
        let read = match &self.shared.options.ca_file {
            None => RootCerts::WebPki,
            Some(path) => {
                let failed = |error: &dyn std::fmt::Display| {
                    let url = format!("file://{}", path.display());
                    let reason = format!("reading certificates: {error}");
                    TransferError::new(&url, TransferErrorKind::Other, reason)
                };
                let pem = std::fs::read(path).map_err(|error| failed(&error))?;
                let mut certificates = Vec::new();
                for item in parse_pem(&pem) {
                    if let PemItem::Certificate(certificate) =
                        item.map_err(|error| failed(&error))?
                    {
                        certificates.push(certificate);
                    }
                }
                RootCerts::new_with_certs(&certificates)
            }
        };
        Ok(self.shared.root_certs.get_or_init(|| read).clone())
    }

    /// How the client behaves.
    pub fn options(&self) -> &TransferOptions {
        &self.shared.options
    }

    /// Ends every transfer under way, and all later ones, with an error.
    pub fn cancel(&self) {
        *self
            .shared
            .is_cancelled
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = true;
        self.shared.cancelled.notify_all();
        let agents = std::mem::take(
            &mut *self
                .shared
                .agents
                .lock()
                .unwrap_or_else(PoisonError::into_inner),
        );
        for agent in agents.into_values() {
            agent.shutdown();
        }
    }

    pub(crate) fn is_cancelled(&self) -> bool {
        *self
            .shared
            .is_cancelled
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Starts a download; its contents are read from the result.
    pub fn download(&self, request: &Request) -> Result<Download, TransferError> {
        if let Some(path) = file::path_of(&request.url) {
            let (file, size) = file::open(&request.url, &path)?;
            return Ok(Download::of_file(&request.url, file, size));
        }
        let response = self.repeat(&request.url, || self.get_once(request, 0, None))?;
        Download::of_response(self.clone(), request.clone(), response)
    }

    /// Downloads something small; more than `max_size` bytes are an error.
    pub fn get(
        &self,
        request: &Request,
        max_size: u64,
    ) -> Result<(Vec<u8>, ResponseInfo), TransferError> {
        let download = self.download(request)?;
        let info = download.info().clone();
        let mut bytes = Vec::new();
        let failed = |error: io::Error| match error.downcast::<TransferError>() {
            Ok(error) => error,
            Err(error) => TransferError::from_io(&request.url, &error),
        };
        download
            .decoded()?
            .take(max_size + 1)
            .read_to_end(&mut bytes)
            .map_err(failed)?;
        if bytes.len() as u64 > max_size {
            let reason = format!("larger than {max_size} bytes");
            return Err(TransferError::new(
                &request.url,
                TransferErrorKind::Other,
                reason,
            ));
        }
        Ok((bytes, info))
    }

    /// Asks whether there is something at an address.
    pub fn exists(&self, request: &Request) -> Result<bool, TransferError> {
        if let Some(path) = file::path_of(&request.url) {
            return match std::fs::symlink_metadata(path) {
                Ok(_) => Ok(true),
                Err(error) => match TransferError::from_io(&request.url, &error) {
                    error if error.is_absence() => Ok(false),
                    error => Err(error),
                },
            };
        }
        match self.repeat(&request.url, || self.head_once(request)) {
            Ok(()) => Ok(true),
            Err(error) if error.is_absence() => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Brings something to an address.
    pub fn put(&self, url: &str, upload: &Upload<'_>) -> Result<(), TransferError> {
        if let Some(path) = file::path_of(url) {
            return file::put(url, &path, upload);
        }
        let failed = |error| TransferError {
            is_upload: true,
            ..error
        };
        self.repeat(url, || self.put_once(url, upload).map_err(failed))
            .map_err(failed)
    }

    /// Asks a question that is a small document; the answer has at most `max_size` bytes.
    pub fn post(
        &self,
        request: &Request,
        content_type: &str,
        question: &[u8],
        max_size: u64,
    ) -> Result<Vec<u8>, TransferError> {
        let url = &request.url;
        let mut response = self.repeat(url, || {
            let mut post = self.agent(url)?.post(bare_url(url));
            for (name, value) in self.headers(url, &request.headers) {
                post = post.header(name, value);
            }
            check_status(url, post.content_type(content_type).send(question))
        })?;
        let body = response.body_mut().with_config().limit(max_size);
        body.read_to_vec()
            .map_err(|error| TransferError::from_ureq(url, &error))
    }

    /// Tries until it works, fails for good, or has been tried often enough.
    pub(crate) fn repeat<T>(
        &self,
        url: &str,
        mut attempt: impl FnMut() -> Result<T, TransferError>,
    ) -> Result<T, TransferError> {
        if self.shared.options.offline {
            return Err(TransferError::new(
                url,
                TransferErrorKind::Offline,
                "the network is not to be used",
            ));
        }
        let mut n_failures = 0;
        loop {
            if self.is_cancelled() {
                return Err(cancellation(url));
            }
            match attempt() {
                Ok(result) => return Ok(result),
                Err(_) if self.is_cancelled() => return Err(cancellation(url)),
                Err(error) => {
                    n_failures += 1;
                    self.pause_before_next_attempt(error, n_failures)?;
                }
            }
        }
    }

    /// Waits, or gives the error back if there is to be no further attempt.
    pub(crate) fn pause_before_next_attempt(
        &self,
        error: TransferError,
        n_failures: u32,
    ) -> Result<(), TransferError> {
        let options = &self.shared.options;
        if !error.is_transient() || n_failures >= options.attempts {
            return Err(error);
        }
        let pause = match error.retry_after {
            Some(seconds) => Duration::from_secs(seconds),
            // Doubling pauses, up to half longer at random, so that many clients do not come back
            // all at once.
            None => options
                .first_pause
                .saturating_mul(1 << (n_failures - 1).min(16))
                .mul_f64(1.0 + (random() % 512) as f64 / 1024.0),
        };
        let pause = pause.min(options.max_pause);
        self.shared.events.message(
            Level::Warn,
            &format!(
                "{error}; retrying in {} ms (attempt {n_failures}/{})",
                pause.as_millis(),
                options.attempts
            ),
        );
        let guard = self
            .shared
            .is_cancelled
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let waited = self
            .shared
            .cancelled
            .wait_timeout_while(guard, pause, |is_cancelled| !*is_cancelled);
        drop(waited);
        Ok(())
    }

    /// One attempt at getting something, from an offset on.
    pub(crate) fn get_once(
        &self,
        request: &Request,
        offset: u64,
        etag: Option<&str>,
    ) -> Result<Response<Body>, TransferError> {
        let mut get = self.agent(&request.url)?.get(bare_url(&request.url));
        for (name, value) in self.headers(&request.url, &request.headers) {
            get = get.header(name, value);
        }
        if offset == 0 {
            get = get.header("Accept-Encoding", "zstd, br, gzip, bzip2, xz");
            if let Some(etag) = &request.known_etag {
                get = get.header("If-None-Match", etag);
            }
        } else {
            get = get.header("Range", format!("bytes={offset}-"));
            if let Some(etag) = etag {
                get = get.header("If-Range", etag);
            }
        }
        check_status(&request.url, get.call())
    }

    fn head_once(&self, request: &Request) -> Result<(), TransferError> {
        let mut head = self.agent(&request.url)?.head(bare_url(&request.url));
        for (name, value) in self.headers(&request.url, &request.headers) {
            head = head.header(name, value);
        }
        check_status(&request.url, head.call()).map(drop)
    }

    fn put_once(&self, url: &str, upload: &Upload<'_>) -> Result<(), TransferError> {
        let mut put = self.agent(url)?.put(bare_url(url));
        for (name, value) in self.headers(url, &upload.headers) {
            put = put.header(name, value);
        }
        put = put
            .header("Content-Type", upload.content_type)
            .header("Content-Length", upload.size.to_string());
        if upload.content_encoding != Compression::None {
            put = put.header("Content-Encoding", upload.content_encoding.name());
        }
        let mut body = (upload.open)().map_err(|error| TransferError::from_io(url, &error))?;
        check_status(url, put.send(SendBody::from_reader(&mut body))).map(drop)
    }

    /// The caller's headers, and credentials unless these are among them.
    fn headers(&self, url: &str, own: &[(String, String)]) -> Vec<(String, String)> {
        let mut headers = own.to_vec();
        if own
            .iter()
            .any(|(name, _)| name.eq_ignore_ascii_case("authorization"))
        {
            return headers;
        }
        let user_info = url::split(url)
            .and_then(|parts| parts.user_info)
            .map(url::percent_decode);
        let netrc = || {
            let credentials = self.shared.options.netrc.find(url::host(url)?)?;
            Some(format!("{}:{}", credentials.login, credentials.password).into_bytes())
        };
        if let Some(user_info) = user_info.or_else(netrc) {
            headers.push((
                "Authorization".into(),
                format!("Basic {}", base64::encode(&user_info)),
            ));
        }
        headers
    }

    fn agent(&self, url: &str) -> Result<Agent, TransferError> {
        let options = &self.shared.options;
        let proxy = options.proxies.find(url).map(String::from);
        let mut agents = self
            .shared
            .agents
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(agent) = agents.get(&proxy) {
            return Ok(agent.clone());
        }
        let invalid = |error: ureq::Error| {
            TransferError::new(
                url,
                TransferErrorKind::Other,
                format!("proxy is not valid: {error}"),
            )
        };
        let limit = |time: Duration| (!time.is_zero()).then_some(time);
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .user_agent(options.user_agent.clone())
            .proxy(
                proxy
                    .as_deref()
                    .map(Proxy::new)
                    .transpose()
                    .map_err(invalid)?,
            )
            .tls_config(TlsConfig::builder().root_certs(self.root_certs()?).build())
            .timeout_connect(limit(options.connect_timeout))
            .timeout_per_read(limit(options.stall_timeout))
            .timeout_per_write(limit(options.stall_timeout))
            .max_idle_connections(options.max_idle_connections)
            .max_idle_connections_per_host(options.max_idle_connections)
            .input_buffer_size(64 * 1024)
            .build();
        let agent = Agent::new_with_config(config);
        agents.insert(proxy, agent.clone());
        Ok(agent)
    }
}

/// The address without credentials, which go into a header.
fn bare_url(url: &str) -> String {
    let url = url::without_credentials(url);
    url.split_once('#')
        .map_or(url.clone(), |(url, _)| url.into())
}

/// Makes an error of an answer that means failure.
fn check_status(
    url: &str,
    answer: Result<Response<Body>, ureq::Error>,
) -> Result<Response<Body>, TransferError> {
    let mut response = answer.map_err(|error| TransferError::from_ureq(url, &error))?;
    let status = response.status();
    if status.is_success() || status.as_u16() == 304 {
        return Ok(response);
    }
    let mut error = TransferError::from_status(
        url,
        status.as_u16(),
        status.canonical_reason().unwrap_or_default(),
    );
    error.retry_after = response
        .headers()
        .get("Retry-After")
        .and_then(|value| value.to_str().ok()?.trim().parse().ok());
    let mut body = Vec::new();
    // The page is of interest only as far as it can be read.
    let _read = response
        .body_mut()
        .as_reader()
        .take(MAX_ERROR_BODY)
        .read_to_end(&mut body);
    if !matches!(error.kind, TransferErrorKind::NotFound) && !body.contains(&0) {
        error.body = String::from_utf8_lossy(&body).into_owned();
    }
    Err(error)
}

/// A number nobody can foresee, without a generator of our own: the standard library seeds its
/// hash tables at random.
fn random() -> u64 {
    RandomState::new().hash_one(0)
}

fn cancellation(url: &str) -> TransferError {
    TransferError::new(url, TransferErrorKind::Cancelled, "interrupted by the user")
}

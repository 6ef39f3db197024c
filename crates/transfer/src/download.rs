//! A download under way: a reader that takes up again where a connection broke.

use std::fs::File;
use std::io::{self, Read};

use ureq::http::Response;
use ureq::{Body, BodyReader, ResponseExt as _};

use crate::{Client, Compression, Request, TransferError, TransferErrorKind};

/// What an answer says apart from its contents.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ResponseInfo {
    /// Where the contents really came from, after redirections.
    pub effective_url: String,
    /// The entity tag.
    pub etag: Option<String>,
    /// An address that will always have these very contents.
    pub immutable_url: Option<String>,
    /// When the contents were changed last, as the server writes it.
    pub last_modified: Option<String>,
    /// The size of what is transferred, if it is known.
    pub size: Option<u64>,
    /// Whether the contents are those of the entity tag that was asked with.
    pub not_modified: bool,
    /// How the contents are compressed on the way.
    pub content_encoding: Compression,
}

enum Source {
    File(File),
    Response(BodyReader<'static>),
}

/// Contents on their way here, as they are on the wire. See [`Download::decoded`].
pub struct Download {
    info: ResponseInfo,
    source: Source,
    /// Who asked for what, for asking again.
    origin: Option<(Client, Request)>,
    accepts_ranges: bool,
    offset: u64,
    n_failures: u32,
}

impl Download {
    pub(crate) fn of_file(url: &str, file: File, size: u64) -> Download {
        let info = ResponseInfo {
            effective_url: url.into(),
            size: Some(size),
            ..ResponseInfo::default()
        };
        Download {
            info,
            source: Source::File(file),
            origin: None,
            accepts_ranges: false,
            offset: 0,
            n_failures: 0,
        }
    }

    pub(crate) fn of_response(
        client: Client,
        request: Request,
        response: Response<Body>,
    ) -> Result<Download, TransferError> {
        let header = |name: &str| {
            response
                .headers()
                .get(name)
                .and_then(|value| value.to_str().ok())
        };
        let content_encoding = match header("Content-Encoding") {
            None => Compression::None,
            Some(name) => Compression::of_content_encoding(name).map_err(|error| {
                TransferError::new(&request.url, TransferErrorKind::Other, error.to_string())
            })?,
        };
        let immutable_url = header("Link").and_then(|link| {
            let (target, parameters) = link.strip_prefix('<')?.split_once('>')?;
            parameters
                .contains("rel=\"immutable\"")
                .then(|| target.to_string())
        });
        let info = ResponseInfo {
            effective_url: response.get_uri().to_string(),
            etag: header("ETag").map(String::from),
            immutable_url,
            last_modified: header("Last-Modified").map(String::from),
            size: header("Content-Length").and_then(|size| size.trim().parse().ok()),
            not_modified: response.status().as_u16() == 304,
            content_encoding,
        };
        let accepts_ranges = header("Accept-Ranges").is_some_and(|unit| unit.trim() == "bytes");
        Ok(Download {
            info,
            source: Source::Response(response.into_body().into_reader()),
            origin: Some((client, request)),
            accepts_ranges,
            offset: 0,
            n_failures: 0,
        })
    }

    /// What the answer says apart from its contents.
    pub fn info(&self) -> &ResponseInfo {
        &self.info
    }

    /// A reader of the contents proper: undoes the compression of the way here.
    pub fn decoded(self) -> Result<Box<dyn Read + Send>, TransferError> {
        let url = self.info.effective_url.clone();
        let encoding = self.info.content_encoding;
        encoding
            .reader(self)
            .map_err(|error| TransferError::from_io(&url, &error))
    }

    /// Asks again for what is missing. The entity tag guards against contents that have changed.
    fn resume(&mut self, failure: TransferError) -> Result<(), TransferError> {
        let Some((client, request)) = &self.origin else {
            return Err(failure);
        };
        if client.is_cancelled() {
            return Err(TransferError {
                kind: TransferErrorKind::Cancelled,
                ..failure
            });
        }
        let can_resume = self.offset == 0
            || (self.accepts_ranges && self.info.content_encoding == Compression::None);
        if !can_resume {
            return Err(failure);
        }
        let mut failure = failure;
        loop {
            self.n_failures += 1;
            client.pause_before_next_attempt(failure, self.n_failures)?;
            match client.get_once(request, self.offset, self.info.etag.as_deref()) {
                Ok(response) => {
                    let is_partial = response.status().as_u16() == 206;
                    let begins_at = response
                        .headers()
                        .get("Content-Range")
                        .and_then(|range| {
                            range.to_str().ok()?.strip_prefix("bytes ")?.split_once('-')
                        })
                        .and_then(|(start, _)| start.trim().parse::<u64>().ok());
                    if self.offset > 0 && (!is_partial || begins_at != Some(self.offset)) {
                        let reason = "the contents have changed during the transfer";
                        return Err(TransferError::new(
                            &request.url,
                            TransferErrorKind::Other,
                            reason,
                        ));
                    }
                    self.source = Source::Response(response.into_body().into_reader());
                    return Ok(());
                }
                Err(error) => failure = error,
            }
        }
    }
}

impl Read for Download {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        loop {
            let result = match &mut self.source {
                Source::File(file) => return file.read(buffer),
                Source::Response(reader) => reader.read(buffer),
            };
            let reason = match result {
                Ok(0) => match self.info.size {
                    Some(size) if self.offset < size && !self.info.not_modified => {
                        format!(
                            "the connection was closed after {} of {size} bytes",
                            self.offset
                        )
                    }
                    _ => return Ok(0),
                },
                Ok(n_bytes) => {
                    self.offset += n_bytes as u64;
                    return Ok(n_bytes);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => return Err(error),
                Err(error) => error.to_string(),
            };
            let failure = TransferError::new(
                &self.info.effective_url,
                TransferErrorKind::Transient,
                reason,
            );
            self.resume(failure)?;
        }
    }
}

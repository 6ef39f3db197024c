//! Compression of archives and transfers, under the names of the field.

use std::fmt;
use std::io::{self, BufReader, Read, Write};

/// A way of compressing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Compression {
    /// Not at all.
    #[default]
    None,
    /// XZ, the usual one of binary caches.
    Xz,
    /// Zstandard, much faster at nearly the same size.
    Zstd,
    /// Gzip.
    Gzip,
    /// Bzip2.
    Bzip2,
    /// Brotli.
    Brotli,
}

/// What a thread that compresses takes at once, in bytes. There are a few of these in memory for
/// each thread.
const ZSTD_JOB_SIZE: u32 = 2 << 20;

/// How hard to compress; the default is that of each algorithm.
pub type CompressionLevel = Option<u32>;

/// A name that is no compression known here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownCompression(pub String);

impl fmt::Display for UnknownCompression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "unknown compression method '{}'", self.0)
    }
}

impl std::error::Error for UnknownCompression {}

impl Compression {
    /// Parses the name in settings and narinfo files; the empty name means none.
    pub fn parse(name: &str) -> Result<Compression, UnknownCompression> {
        match name {
            "" | "none" => Ok(Compression::None),
            "xz" => Ok(Compression::Xz),
            "zstd" => Ok(Compression::Zstd),
            "gzip" => Ok(Compression::Gzip),
            "bzip2" => Ok(Compression::Bzip2),
            "br" => Ok(Compression::Brotli),
            _ => Err(UnknownCompression(name.into())),
        }
    }

    /// The name in settings and narinfo files, which is also that of the HTTP content encoding.
    pub const fn name(self) -> &'static str {
        match self {
            Compression::None => "none",
            Compression::Xz => "xz",
            Compression::Zstd => "zstd",
            Compression::Gzip => "gzip",
            Compression::Bzip2 => "bzip2",
            Compression::Brotli => "br",
        }
    }

    /// How names of compressed files end.
    pub const fn extension(self) -> &'static str {
        match self {
            Compression::None => "",
            Compression::Xz => ".xz",
            Compression::Zstd => ".zst",
            Compression::Gzip => ".gz",
            Compression::Bzip2 => ".bz2",
            Compression::Brotli => ".br",
        }
    }

    /// The compression of an HTTP content encoding.
    pub(crate) fn of_content_encoding(name: &str) -> Result<Compression, UnknownCompression> {
        match name.trim() {
            "identity" => Ok(Compression::None),
            "x-gzip" => Ok(Compression::Gzip),
            name => Compression::parse(name),
        }
    }

    /// A reader of what `input` holds compressed. Several streams one after the other are read as
    /// one.
    pub fn reader<'a>(self, input: impl Read + Send + 'a) -> io::Result<Box<dyn Read + Send + 'a>> {
        Ok(match self {
            Compression::None => Box::new(input),
            Compression::Xz => {
                // The bound keeps a hostile stream from asking for any amount of memory.
                let stream = liblzma::stream::Stream::new_auto_decoder(
                    1 << 30,
                    liblzma::stream::CONCATENATED,
                )?;
                Box::new(liblzma::read::XzDecoder::new_stream(input, stream))
            }
            Compression::Zstd => Box::new(zstd::stream::read::Decoder::new(input)?),
            Compression::Gzip => {
                Box::new(flate2::bufread::MultiGzDecoder::new(BufReader::new(input)))
            }
            Compression::Bzip2 => Box::new(bzip2::read::MultiBzDecoder::new(input)),
            Compression::Brotli => Box::new(brotli::Decompressor::new(input, 64 * 1024)),
        })
    }

    /// A writer that compresses into `out` on `n_threads` other threads, where the algorithm can be
    /// divided: as Zstandard always, as XZ for more than one. The others do without.
    pub fn threaded_writer<W: Write>(
        self,
        out: W,
        level: CompressionLevel,
        n_threads: u32,
    ) -> io::Result<Compressor<W>> {
        let mut compressor = match self {
            Compression::Xz if n_threads > 1 => {
                let stream = liblzma::stream::MtStreamBuilder::new()
                    .threads(n_threads)
                    .preset(level.unwrap_or(6).min(9))
                    .check(liblzma::stream::Check::Crc64)
                    .encoder()?;
                let encoder = liblzma::write::XzEncoder::new_stream(out, stream);
                let inner = Inner::Xz(Box::new(encoder));
                return Ok(Compressor { inner });
            }
            _ => self.writer(out, level)?,
        };
        if let Inner::Zstd(encoder) = &mut compressor.inner {
            encoder.multithread(n_threads.max(1))?;
            let job_size = zstd::zstd_safe::CParameter::JobSize(ZSTD_JOB_SIZE);
            encoder.set_parameter(job_size)?;
        }
        Ok(compressor)
    }

    /// A writer that compresses into `out`.
    pub fn writer<W: Write>(self, out: W, level: CompressionLevel) -> io::Result<Compressor<W>> {
        let inner = match self {
            Compression::None => Inner::None(out),
            Compression::Xz => Inner::Xz(Box::new(liblzma::write::XzEncoder::new(
                out,
                level.unwrap_or(6).min(9),
            ))),
            Compression::Zstd => {
                let level = i32::try_from(level.unwrap_or(3))
                    .unwrap_or(i32::MAX)
                    .min(22);
                Inner::Zstd(zstd::stream::write::Encoder::new(out, level)?)
            }
            Compression::Gzip => {
                let level = flate2::Compression::new(level.unwrap_or(6).min(9));
                Inner::Gzip(flate2::write::GzEncoder::new(out, level))
            }
            Compression::Bzip2 => {
                let level = bzip2::Compression::new(level.unwrap_or(6).clamp(1, 9));
                Inner::Bzip2(bzip2::write::BzEncoder::new(out, level))
            }
            Compression::Brotli => {
                let quality = level.unwrap_or(6).min(11);
                Inner::Brotli(Box::new(brotli::CompressorWriter::new(
                    out,
                    64 * 1024,
                    quality,
                    22,
                )))
            }
        };
        Ok(Compressor { inner })
    }
}

impl fmt::Display for Compression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

enum Inner<W: Write> {
    None(W),
    Xz(Box<liblzma::write::XzEncoder<W>>),
    Zstd(zstd::stream::write::Encoder<'static, W>),
    Gzip(flate2::write::GzEncoder<W>),
    Bzip2(bzip2::write::BzEncoder<W>),
    Brotli(Box<brotli::CompressorWriter<W>>),
}

/// A writer that compresses. What it wrote is complete only after [`Compressor::finish`].
pub struct Compressor<W: Write> {
    inner: Inner<W>,
}

impl<W: Write> Compressor<W> {
    /// Writes what is left and gives the output back.
    pub fn finish(self) -> io::Result<W> {
        match self.inner {
            Inner::None(out) => Ok(out),
            Inner::Xz(encoder) => encoder.finish(),
            Inner::Zstd(encoder) => encoder.finish(),
            Inner::Gzip(encoder) => encoder.finish(),
            Inner::Bzip2(encoder) => encoder.finish(),
            Inner::Brotli(encoder) => Ok(encoder.into_inner()),
        }
    }

    fn writer(&mut self) -> &mut dyn Write {
        match &mut self.inner {
            Inner::None(out) => out,
            Inner::Xz(encoder) => encoder,
            Inner::Zstd(encoder) => encoder,
            Inner::Gzip(encoder) => encoder,
            Inner::Bzip2(encoder) => encoder,
            Inner::Brotli(encoder) => encoder,
        }
    }
}

impl<W: Write> Write for Compressor<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.writer().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.writer().flush()
    }
}

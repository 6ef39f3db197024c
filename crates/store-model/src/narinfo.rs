//! The narinfo file, by which a binary cache describes an object and where its archive is.
//!
//! Lines of `Name: value`. Unknown names are skipped, so that old readers understand new caches.

use std::fmt::{self, Write as _};

use firn_hash::Hash;

use crate::{ContentAddress, PathInfo, Signature, StoreDir, StorePath, ValidPathInfo};

/// What a binary cache says of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NarInfo {
    /// What any store knows of an object.
    pub info: ValidPathInfo,
    /// Where the archive is, relative to the cache.
    pub url: String,
    /// How the archive is compressed: `none`, `xz`, `zstd`, `bzip2`, `gzip`, `br`, …
    pub compression: String,
    /// The hash of the compressed archive.
    pub file_hash: Option<Hash>,
    /// The size of the compressed archive; 0 means not known.
    pub file_size: u64,
}

impl NarInfo {
    /// The name of the narinfo file for a path.
    pub fn file_name(path: &StorePath) -> String {
        format!("{}.narinfo", path.hash_part())
    }

    /// Parses a narinfo file; `whence` names it in errors.
    pub fn parse(store_dir: &StoreDir, text: &[u8], whence: &str) -> Result<NarInfo, NarInfoError> {
        parse(store_dir, text).map_err(|(reason, line)| NarInfoError {
            whence: whence.into(),
            reason,
            line,
        })
    }

    /// The contents of the narinfo file.
    pub fn print(&self, store_dir: &StoreDir) -> String {
        let info = &self.info;
        let mut text = String::with_capacity(512);
        let mut line = |name: &str, value: &dyn fmt::Display| {
            writeln!(text, "{name}: {value}").expect("a string takes any text");
        };
        line("StorePath", &store_dir.display(&info.path));
        line("URL", &self.url);
        line("Compression", &self.compression);
        if let Some(hash) = &self.file_hash {
            line("FileHash", hash);
        }
        if self.file_size != 0 {
            line("FileSize", &self.file_size);
        }
        line("NarHash", &info.nar_hash);
        line("NarSize", &info.nar_size);
        let references: Vec<&str> = info.references.iter().map(StorePath::as_str).collect();
        line("References", &references.join(" "));
        if let Some(deriver) = &info.deriver {
            line("Deriver", deriver);
        }
        for signature in &info.signatures {
            line("Sig", signature);
        }
        if let Some(address) = &info.content_address {
            line("CA", address);
        }
        text
    }
}

/// Why a line is wrong, and which; line 0 is the file as a whole.
type Flaw = (String, usize);

fn parse(store_dir: &StoreDir, text: &[u8]) -> Result<NarInfo, Flaw> {
    let text = std::str::from_utf8(text).map_err(|_| ("not UTF-8".into(), 0))?;
    let mut path = None;
    let mut nar_hash = None;
    let mut info = PathInfo::new(Hash::zero(firn_hash::Algorithm::Sha256), 0);
    let (mut url, mut compression) = (String::new(), String::new());
    let (mut file_hash, mut file_size) = (None, 0);

    let mut rest = text;
    let mut line_number = 0;
    while !rest.is_empty() {
        line_number += 1;
        let flaw = |reason: &dyn fmt::Display| (reason.to_string(), line_number);
        let (name, after) = rest.split_once(':').ok_or_else(|| flaw(&"expecting ':'"))?;
        let (value, after) = after
            .split_once('\n')
            .ok_or_else(|| flaw(&"expecting '\\n'"))?;
        if name.contains('\n') {
            return Err(flaw(&"expecting ':'"));
        }
        rest = after;
        let value = value.strip_prefix(' ').unwrap_or(value);
        let hash = || Hash::parse_prefixed(value).map_err(|_| flaw(&"bad hash"));
        let size = |what: &str| {
            value
                .parse::<u64>()
                .map_err(|_| flaw(&format_args!("invalid {what}")))
        };
        match name {
            "StorePath" => path = Some(store_dir.parse(value).map_err(|error| flaw(&error))?),
            "URL" => url = value.into(),
            "Compression" => compression = value.into(),
            "FileHash" => file_hash = Some(hash()?),
            "FileSize" => file_size = size("FileSize")?,
            "NarHash" => nar_hash = Some(hash()?),
            "NarSize" => info.nar_size = size("NarSize")?,
            "References" => {
                if !info.references.is_empty() {
                    return Err(flaw(&"extra References"));
                }
                for reference in value.split(' ').filter(|reference| !reference.is_empty()) {
                    info.references
                        .insert(StorePath::parse(reference).map_err(|error| flaw(&error))?);
                }
            }
            "Deriver" if value != "unknown-deriver" => {
                info.deriver = Some(StorePath::parse(value).map_err(|error| flaw(&error))?);
            }
            "Sig" => {
                info.signatures
                    .insert(Signature::parse(value).map_err(|error| flaw(&error))?);
            }
            "CA" => {
                if info.content_address.is_some() {
                    return Err(flaw(&"extra CA"));
                }
                info.content_address =
                    ContentAddress::parse_optional(value).map_err(|error| flaw(&error))?;
            }
            _ => {}
        }
    }

    let missing = |what: &str| (what.to_string(), 0);
    let path = path.ok_or_else(|| missing("StorePath missing"))?;
    info.nar_hash = nar_hash.ok_or_else(|| missing("NarHash missing"))?;
    if url.is_empty() {
        return Err(missing("URL missing"));
    }
    if info.nar_size == 0 {
        return Err(missing("NarSize missing or zero"));
    }
    if compression.is_empty() {
        compression = "bzip2".into();
    }
    Ok(NarInfo {
        info: ValidPathInfo { path, info },
        url,
        compression,
        file_hash,
        file_size,
    })
}

/// A narinfo file that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NarInfoError {
    /// The file.
    pub whence: String,
    /// What is wrong.
    pub reason: String,
    /// The line, counted from 1; 0 if it is about the whole file.
    pub line: usize,
}

impl fmt::Display for NarInfoError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "NAR info file '{}' is corrupt: {}",
            self.whence, self.reason
        )?;
        if self.line > 0 {
            write!(f, " at line {}", self.line)
        } else {
            Ok(())
        }
    }
}

impl std::error::Error for NarInfoError {}

//! The text form in which valid paths are dumped and registered: for each, a line with the path,
//! then (where they are given) its hash and size, its deriver or an empty line, the number of its
//! references, and these.

use std::fmt::Write as _;
use std::io::BufRead;

use firn_hash::{Algorithm, Hash};
use firn_store_model::{PathInfo, StoreDir, StorePath, ValidPathInfo};

use crate::error::StoreError;

/// Appends an object, with hash and size.
pub fn print_registration(store_dir: &StoreDir, info: &ValidPathInfo, out: &mut String) {
    let deriver = info
        .deriver
        .as_ref()
        .map(|path| store_dir.print(path))
        .unwrap_or_default();
    write!(
        out,
        "{}\n{}\n{}\n{deriver}\n{}\n",
        store_dir.display(&info.path),
        info.nar_hash.to_base16(),
        info.nar_size,
        info.references.len()
    )
    .expect("a string takes any text");
    for reference in &info.references {
        writeln!(out, "{}", store_dir.display(reference)).expect("a string takes any text");
    }
}

/// Reads the next object; `None` at the end. Without hashes in the text, hash and size are left
/// unknown.
pub fn parse_registration(
    store_dir: &StoreDir,
    input: &mut dyn BufRead,
    with_hash: bool,
) -> Result<Option<ValidPathInfo>, StoreError> {
    let Some(path) = line(input)? else {
        return Ok(None);
    };
    let path = parse(store_dir, &path)?;
    let mut next = || line(input)?.ok_or_else(|| StoreError::other("missing input"));
    let mut info = PathInfo::new(Hash::zero(Algorithm::Sha256), 0);
    if with_hash {
        info.nar_hash =
            Hash::parse_any(&next()?, Some(Algorithm::Sha256)).map_err(StoreError::format)?;
        info.nar_size = number(&next()?)?;
    }
    let deriver = next()?;
    if !deriver.is_empty() {
        info.deriver = Some(parse(store_dir, &deriver)?);
    }
    for _ in 0..number(&next()?)? {
        info.references.insert(parse(store_dir, &next()?)?);
    }
    Ok(Some(ValidPathInfo { path, info }))
}

fn parse(store_dir: &StoreDir, text: &str) -> Result<StorePath, StoreError> {
    store_dir.parse(text).map_err(StoreError::format)
}

fn number(text: &str) -> Result<u64, StoreError> {
    text.parse()
        .map_err(|_| StoreError::other("number expected"))
}

fn line(input: &mut dyn BufRead) -> Result<Option<String>, StoreError> {
    let mut line = String::new();
    let n_read = input
        .read_line(&mut line)
        .map_err(|error| StoreError::other(format!("reading a registration: {error}")))?;
    if n_read == 0 || !line.ends_with('\n') {
        return Ok(None);
    }
    line.pop();
    Ok(Some(line))
}

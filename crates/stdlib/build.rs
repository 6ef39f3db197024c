//! Writes the table of the standard library's files: path, whether it may be executed, contents.
//!
//! The contents are named, not copied, so that the compiler reads them in place. Hidden files and
//! links are no part of the library.

use std::fmt::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

fn main() -> io::Result<()> {
    let manifest = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default());
    let root = manifest.join("../../stdlib").canonicalize()?;
    println!("cargo::rerun-if-changed={}", root.display());
    let mut files = Vec::new();
    collect(&root, "/stdlib", &mut files)?;
    files.sort();
    let mut table = String::from("&[\n");
    for (name, executable, path) in &files {
        let path = path.to_string_lossy();
        let row = writeln!(table, "({name:?}, {executable}, include_bytes!({path:?})),");
        row.map_err(io::Error::other)?;
    }
    table.push(']');
    let out = PathBuf::from(env::var_os("OUT_DIR").unwrap_or_default());
    fs::write(out.join("files.rs"), table)
}

fn collect(
    directory: &Path,
    name: &str,
    files: &mut Vec<(String, bool, PathBuf)>,
) -> io::Result<()> {
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        let own = entry.file_name().to_string_lossy().into_owned();
        let metadata = entry.metadata()?;
        if own.starts_with('.') || metadata.is_symlink() {
            continue;
        }
        let name = format!("{name}/{own}");
        if metadata.is_dir() {
            collect(&entry.path(), &name, files)?;
        } else {
            let executable = metadata.permissions().mode() & 0o100 != 0;
            files.push((name, executable, entry.path()));
        }
    }
    Ok(())
}

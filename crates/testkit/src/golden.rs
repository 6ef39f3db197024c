//! Comparison with a golden file, and its renewal.

use std::path::Path;

use crate::difference;

/// The variable that turns a comparison into a renewal.
pub const ACCEPT: &str = "FIRN_ACCEPT";

/// Whether golden files are being renewed in this run.
pub fn accepting() -> bool {
    std::env::var_os(ACCEPT).is_some_and(|value| value == "1")
}

/// Compares `actual` with the file at `path`; a missing file stands for nothing at all.
///
/// When renewing, writes the file instead, or removes it where there is nothing to hold.
///
/// # Errors
/// A readable difference, or why the file could not be read or written.
pub fn check(path: &Path, actual: &[u8]) -> Result<(), String> {
    let shown = path.display();
    let expected = match std::fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Vec::new(),
        Err(error) => return Err(format!("cannot read {shown}: {error}")),
    };
    let Some(difference) = difference(&expected, actual) else {
        return Ok(());
    };
    if !accepting() {
        return Err(format!("{shown}: {difference}"));
    }
    let renewed = if actual.is_empty() {
        std::fs::remove_file(path)
    } else {
        std::fs::write(path, actual)
    };
    renewed.map_err(|error| format!("cannot renew {shown}: {error}"))
}

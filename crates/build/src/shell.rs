//! The shell that sandboxes have at `/bin/sh`.
//!
//! It must be the same program whatever the host has installed, and must run where none of the
//! host's libraries are visible: so it is a static one, either the one that the settings name or
//! a static busybox or bash found on the host, never the host's own `/bin/sh`.

use std::fs::File;
use std::os::unix::fs::{FileExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

/// Where a static shell may be found.
const CANDIDATES: [&str; 8] = [
    "/bin/busybox",
    "/usr/bin/busybox",
    "/bin/busybox-static",
    "/usr/bin/busybox-static",
    "/usr/local/bin/busybox",
    "/bin/bash-static",
    "/usr/bin/bash-static",
    "/sbin/busybox",
];

/// The shell to use, or why there is none.
pub(crate) fn find(configured: Option<&Path>) -> Result<PathBuf, String> {
    if let Some(path) = configured {
        let real = std::fs::canonicalize(path).map_err(|error| {
            format!(
                "the sandbox shell '{}' cannot be used: {}",
                path.display(),
                crate::error::plain(&error)
            )
        })?;
        return Ok(real);
    }
    CANDIDATES
        .iter()
        .filter_map(|path| std::fs::canonicalize(path).ok())
        .find(|path| is_static_program(path))
        .ok_or_else(|| {
            "no shell for the sandbox: there is no static busybox or bash on this machine; install \
             one (on Debian the package 'busybox-static'), or name one by the setting \
             'sandbox-shell' or as '/bin/sh=PATH' in 'sandbox-paths'"
                .to_owned()
        })
}

/// Whether a file is an executable ELF program that needs no interpreter.
fn is_static_program(path: &Path) -> bool {
    const INTERPRETER: u32 = 3;
    let Ok(file) = File::open(path) else {
        return false;
    };
    let executable = file
        .metadata()
        .is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o111 != 0);
    let mut header = [0; 64];
    if !executable || file.read_exact_at(&mut header, 0).is_err() || header[..4] != *b"\x7fELF" {
        return false;
    }
    if header[5] != 1 {
        // Big-endian machines are not read here.
        return false;
    }
    let is_64_bit = header[4] == 2;
    let half = |at: usize| u64::from(u16::from_le_bytes([header[at], header[at + 1]]));
    let word = |at: usize| {
        u64::from(u32::from_le_bytes([
            header[at],
            header[at + 1],
            header[at + 2],
            header[at + 3],
        ]))
    };
    let (offset, size, count) = if is_64_bit {
        (word(32) | word(36) << 32, half(54), half(56))
    } else {
        (word(28), half(42), half(44))
    };
    (0..count).all(|idx| {
        let mut kind = [0; 4];
        file.read_exact_at(&mut kind, offset + idx * size).is_ok()
            && u32::from_le_bytes(kind) != INTERPRETER
    }) && count > 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dynamic_program_is_not_taken_for_a_static_one() {
        assert!(!is_static_program(Path::new("/bin/sh")));
        assert!(!is_static_program(Path::new("/etc/passwd")));
        assert!(!is_static_program(Path::new("/nowhere")));
        if let Ok(found) = find(None) {
            assert!(is_static_program(&found));
        }
    }

    #[test]
    fn a_configured_shell_must_exist() {
        let error = find(Some(Path::new("/nowhere/sh"))).expect_err("not there");
        assert!(error.contains("'/nowhere/sh'"), "{error}");
    }
}

//! Files as slices of memory.
#![allow(unsafe_code, reason = "mapping has no safe wrapper")]

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd as _;
use std::ptr::NonNull;

/// The contents of a file, mapped for reading.
///
/// For files that are written once, under another name, and then only replaced or removed: while
/// one is mapped, nobody may change or shorten it in place. Who maps a file makes sure that only
/// this user could.
#[derive(Debug)]
pub struct Mapping {
    start: NonNull<u8>,
    len: usize,
}

// SAFETY: the range is mapped for reading only, and unmapped by its one owner.
unsafe impl Send for Mapping {}
// SAFETY: as above.
unsafe impl Sync for Mapping {}

impl Mapping {
    /// Maps a whole file.
    pub fn of(file: &File) -> io::Result<Self> {
        let len = usize::try_from(file.metadata()?.len()).map_err(io::Error::other)?;
        if len == 0 {
            let start = NonNull::dangling();
            return Ok(Self { start, len });
        }
        // SAFETY: a new mapping at a place of the kernel's choice, of an open file.
        let start = unsafe {
            libc::mmap(
                std::ptr::null_mut(),
                len,
                libc::PROT_READ,
                libc::MAP_PRIVATE,
                file.as_raw_fd(),
                0,
            )
        };
        if start == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        NonNull::new(start.cast())
            .map(|start| Self { start, len })
            .ok_or_else(|| io::Error::other("a file was mapped at address zero"))
    }
}

impl AsRef<[u8]> for Mapping {
    fn as_ref(&self) -> &[u8] {
        // SAFETY: the range is mapped as long as this lives, and nobody writes to it.
        unsafe { std::slice::from_raw_parts(self.start.as_ptr(), self.len) }
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        if self.len > 0 {
            // SAFETY: the range was mapped by `of`, and no reference to it is left.
            unsafe {
                libc::munmap(self.start.as_ptr().cast(), self.len);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shows_what_a_file_holds() -> io::Result<()> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("file");
        for contents in [&b""[..], b"some bytes"] {
            std::fs::write(&path, contents)?;
            let mapping = Mapping::of(&File::open(&path)?)?;
            std::fs::remove_file(&path)?;
            assert_eq!(mapping.as_ref(), contents);
        }
        Ok(())
    }
}

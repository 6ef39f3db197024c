//! `builtin:unpack-channel` and `builtin:unpack-deb`: archives as trees.
//!
//! Archives are not trusted: an entry that would land outside the tree, through a link or `..`, is
//! refused, devices are refused, owners and setuid bits are left out. A compressed archive is
//! recognised by its first bytes, whatever it is called.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek as _, SeekFrom};
use std::path::Path;

use firn_transfer::Compression;

use super::{Builtin, failed};

impl Builtin<'_> {
    /// A channel's tarball: one directory, which gets the channel's name.
    pub(super) fn unpack_channel(&self) -> Result<(), String> {
        let out = self.out()?;
        let channel = self.attribute("channelName")?;
        if channel.contains('/') || matches!(&*channel, "" | "." | "..") {
            return Err(format!(
                "channelName is not allowed to contain filesystem separators, got {channel}"
            ));
        }
        let src = self.attribute("src")?;
        let source = self.physical(Path::new(&src));
        let file = File::open(&source).map_err(failed("opening", &source))?;
        std::fs::create_dir_all(out).map_err(failed("creating directory", out))?;
        unpack_tar(decompressed(file)?, out)?;
        let mut entries = std::fs::read_dir(out)
            .and_then(Iterator::collect::<Result<Vec<_>, _>>)
            .map_err(failed("reading directory", out))?;
        let Some(entry) = entries.pop() else {
            return Err(format!("channel tarball '{src}' is empty"));
        };
        if !entries.is_empty() {
            return Err(format!(
                "channel tarball '{src}' contains more than one file"
            ));
        }
        std::fs::rename(entry.path(), out.join(channel)).map_err(failed("renaming", &entry.path()))
    }

    /// A Debian package's files.
    pub(super) fn unpack_deb(&self) -> Result<(), String> {
        let out = self.out()?;
        let src = self.attribute("src")?;
        let source = self.physical(Path::new(&src));
        let mut file = File::open(&source).map_err(failed("opening", &source))?;
        let size = find_member(&mut file, b"data.tar")
            .map_err(failed("reading", &source))?
            .ok_or_else(|| {
                format!("'{src}' is not a Debian package: it has no member 'data.tar'")
            })?;
        std::fs::create_dir_all(out).map_err(failed("creating directory", out))?;
        unpack_tar(decompressed(file.take(size))?, out)
    }
}

/// Goes to the contents of the first member of an `ar` archive whose name begins like this, and
/// tells their size.
fn find_member(file: &mut File, name: &[u8]) -> io::Result<Option<u64>> {
    let mut magic = [0; 8];
    file.read_exact(&mut magic)?;
    if magic != *b"!<arch>\n" {
        return Ok(None);
    }
    loop {
        let mut header = [0; 60];
        match file.read_exact(&mut header) {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
            read => read?,
        }
        let size: u64 = std::str::from_utf8(&header[48..58])
            .ok()
            .and_then(|size| size.trim_end().parse().ok())
            .ok_or_else(|| io::Error::from(io::ErrorKind::InvalidData))?;
        if header.starts_with(name) {
            return Ok(Some(size));
        }
        // Members begin at even offsets.
        let skip = i64::try_from(size + size % 2).map_err(io::Error::other)?;
        file.seek(SeekFrom::Current(skip))?;
    }
}

/// What an archive holds, whichever way it is compressed.
fn decompressed(input: impl Read + Send + 'static) -> Result<Box<dyn Read + Send>, String> {
    use std::io::BufRead as _;
    let mut input = BufReader::with_capacity(1 << 16, input);
    let start = input
        .fill_buf()
        .map_err(|error| format!("reading an archive: {error}"))?;
    let compression = match start {
        [0x1f, 0x8b, ..] => Compression::Gzip,
        [0xfd, b'7', b'z', b'X', b'Z', ..] => Compression::Xz,
        [b'B', b'Z', b'h', ..] => Compression::Bzip2,
        [0x28, 0xb5, 0x2f, 0xfd, ..] => Compression::Zstd,
        _ => Compression::None,
    };
    compression
        .reader(input)
        .map_err(|error| format!("decompressing an archive: {error}"))
}

fn unpack_tar(input: impl Read, out: &Path) -> Result<(), String> {
    let broken = |error: io::Error| format!("unpacking an archive: {error}");
    let mut archive = tar::Archive::new(input);
    archive.set_preserve_mtime(false);
    for entry in archive.entries().map_err(broken)? {
        let mut entry = entry.map_err(broken)?;
        let kind = entry.header().entry_type();
        let shown = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        if kind.is_character_special() || kind.is_block_special() || kind.is_fifo() {
            return Err(format!("archive entry '{shown}' is a special file"));
        }
        if !entry.unpack_in(out).map_err(broken)? {
            return Err(format!("archive entry '{shown}' leads out of the tree"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tarball(entries: &[(&str, &str)]) -> Vec<u8> {
        let mut builder = tar::Builder::new(Vec::new());
        for (name, contents) in entries {
            let mut header = tar::Header::new_gnu();
            header.set_size(contents.len() as u64);
            header.set_mode(0o6755);
            // A hostile name is written past the checks that the library makes.
            header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
            header.set_cksum();
            builder
                .append(&header, contents.as_bytes())
                .expect("appended");
        }
        builder.into_inner().expect("finished")
    }

    #[test]
    fn trees_come_out_and_nothing_gets_outside() {
        use std::os::unix::fs::PermissionsExt as _;
        let dir = tempfile::tempdir().expect("a directory");
        let out = dir.path().join("out");
        std::fs::create_dir(&out).expect("made");
        unpack_tar(&tarball(&[("./bin/x", "hello")])[..], &out).expect("unpacked");
        let file = out.join("bin/x");
        assert_eq!(std::fs::read(&file).expect("there"), b"hello");
        let mode = std::fs::metadata(&file)
            .expect("there")
            .permissions()
            .mode();
        assert_eq!(mode & 0o6000, 0);
        unpack_tar(&tarball(&[("../evil", "x")])[..], &out).expect_err("refused");
        assert!(!dir.path().join("evil").exists());
    }

    #[test]
    fn members_are_found_by_name() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("x.deb");
        let mut bytes = b"!<arch>\n".to_vec();
        for (name, contents) in [("debian-binary", "2.0\n!"), ("data.tar.xz", "DATA")] {
            bytes.extend(format!("{name:<16}{:<32}{:<10}`\n", "", contents.len()).as_bytes());
            bytes.extend(contents.as_bytes());
            if contents.len() % 2 == 1 {
                bytes.push(b'\n');
            }
        }
        std::fs::write(&path, bytes).expect("written");
        let mut file = File::open(&path).expect("there");
        assert_eq!(find_member(&mut file, b"data.tar").expect("sound"), Some(4));
        let mut contents = String::new();
        file.read_to_string(&mut contents).expect("readable");
        assert_eq!(contents, "DATA");
    }
}

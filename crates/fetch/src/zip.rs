//! The part of the zip format that archives of sources use: the directory at the end of the file,
//! stored and deflated members, modes and times as Unix tools write them.
//!
//! Sizes and places come from that directory, never from what stands before a member, so that both
//! cannot disagree. Encrypted members, other methods and archives over 4 GiB are refused.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt as _;

use flate2::read::DeflateDecoder;

const END: &[u8] = b"PK\x05\x06";
const MEMBER: &[u8] = b"PK\x01\x02";
const END_SIZE: u64 = 22;
const MEMBER_SIZE: usize = 46;
const LOCAL_SIZE: u64 = 30;
const MAX_COMMENT: u64 = 65_535;
/// The extra field with times in seconds.
const EXTENDED_TIME: u16 = 0x5455;

/// A member.
pub(crate) struct Entry {
    pub(crate) name: Vec<u8>,
    /// Kind and permissions; zero where the archive does not say.
    pub(crate) mode: u32,
    /// When it was changed, in seconds since 1970.
    pub(crate) time: u64,
    pub(crate) is_directory: bool,
    method: u16,
    packed: u64,
    size: u64,
    local: u64,
}

fn broken(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("zip archive: {what}"))
}

fn u16_at(bytes: &[u8], at: usize) -> io::Result<u16> {
    let field = bytes
        .get(at..at + 2)
        .ok_or_else(|| broken("a record is cut off"))?;
    Ok(u16::from_le_bytes([field[0], field[1]]))
}

fn u32_at(bytes: &[u8], at: usize) -> io::Result<u32> {
    Ok(u32::from(u16_at(bytes, at)?) | u32::from(u16_at(bytes, at + 2)?) << 16)
}

/// What an archive holds.
pub(crate) fn entries(file: &File) -> io::Result<Vec<Entry>> {
    let len = file.metadata()?.len();
    let tail_len = len.min(END_SIZE + MAX_COMMENT);
    let mut tail = vec![0; tail_len as usize];
    file.read_exact_at(&mut tail, len - tail_len)?;
    let at = tail.windows(END.len()).rposition(|it| it == END);
    let end = &tail[at.ok_or_else(|| broken("it has no directory"))?..];
    let size = u64::from(u32_at(end, 12)?);
    let offset = u64::from(u32_at(end, 16)?);
    if offset + size > len {
        return Err(broken("its directory lies outside of it"));
    }
    let mut directory = vec![0; size as usize];
    file.read_exact_at(&mut directory, offset)?;
    let mut rest = directory.as_slice();
    let mut entries = Vec::new();
    while rest.starts_with(MEMBER) {
        let (entry, len) = entry(rest)?;
        entries.push(entry);
        rest = rest
            .get(len..)
            .ok_or_else(|| broken("a record is cut off"))?;
    }
    Ok(entries)
}

fn entry(record: &[u8]) -> io::Result<(Entry, usize)> {
    let name_len = usize::from(u16_at(record, 28)?);
    let extra_len = usize::from(u16_at(record, 30)?);
    let comment_len = usize::from(u16_at(record, 32)?);
    let cut_off = || broken("a record is cut off");
    let name = record
        .get(MEMBER_SIZE..MEMBER_SIZE + name_len)
        .ok_or_else(cut_off)?;
    let extra_at = MEMBER_SIZE + name_len;
    let extra = record
        .get(extra_at..extra_at + extra_len)
        .ok_or_else(cut_off)?;
    if u16_at(record, 8)? & 1 != 0 {
        return Err(broken("members are encrypted"));
    }
    let made_by_unix = record[5] == 3;
    let mode = if made_by_unix {
        u32_at(record, 38)? >> 16
    } else {
        0
    };
    let entry = Entry {
        is_directory: name.ends_with(b"/"),
        name: name.to_vec(),
        mode,
        time: extended_time(extra).map_or_else(|| coarse_time(record), Ok)?,
        method: u16_at(record, 10)?,
        packed: u64::from(u32_at(record, 20)?),
        size: u64::from(u32_at(record, 24)?),
        local: u64::from(u32_at(record, 42)?),
    };
    Ok((entry, extra_at + extra_len + comment_len))
}

/// A time in seconds, if one is given.
fn extended_time(mut extra: &[u8]) -> Option<u64> {
    loop {
        let kind = u16_at(extra, 0).ok()?;
        let len = usize::from(u16_at(extra, 2).ok()?);
        let field = extra.get(4..4 + len)?;
        if kind == EXTENDED_TIME && field.first().is_some_and(|flags| flags & 1 != 0) {
            return u32_at(field, 1).ok().map(u64::from);
        }
        extra = &extra[4 + len..];
    }
}

/// A time in steps of two seconds, as if it had been written in Greenwich.
fn coarse_time(record: &[u8]) -> io::Result<u64> {
    let (time, date) = (
        u64::from(u16_at(record, 12)?),
        u64::from(u16_at(record, 14)?),
    );
    let (year, month, day) = (1980 + (date >> 9), (date >> 5) & 15, date & 31);
    let days = days_since_1970(year, month.max(1), day.max(1));
    Ok(days * 86_400 + (time >> 11) * 3600 + ((time >> 5) & 63) * 60 + (time & 31) * 2)
}

/// Days from the first of 1970 to a date of the Gregorian calendar.
fn days_since_1970(year: u64, month: u64, day: u64) -> u64 {
    // Years begin in March, so that the odd day is their last.
    let (year, month) = if month <= 2 {
        (year - 1, month + 12)
    } else {
        (year, month)
    };
    365 * year + year / 4 - year / 100 + year / 400 + (153 * (month - 3) + 2) / 5 + day
        - 1
        - 719_468
}

/// A part of a file, read without moving anybody's position.
struct Part<'a> {
    file: &'a File,
    at: u64,
    left: u64,
}

impl Read for Part<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let want = buffer
            .len()
            .min(usize::try_from(self.left).unwrap_or(usize::MAX));
        let got = self.file.read_at(&mut buffer[..want], self.at)?;
        self.at += got as u64;
        self.left -= got as u64;
        Ok(got)
    }
}

/// The contents of a member.
pub(crate) fn open<'a>(file: &'a File, entry: &Entry) -> io::Result<Box<dyn Read + 'a>> {
    let mut local = [0; LOCAL_SIZE as usize];
    file.read_exact_at(&mut local, entry.local)?;
    let skip = LOCAL_SIZE + u64::from(u16_at(&local, 26)?) + u64::from(u16_at(&local, 28)?);
    let part = Part {
        file,
        at: entry.local + skip,
        left: entry.packed,
    };
    match entry.method {
        0 => Ok(Box::new(part)),
        8 => Ok(Box::new(DeflateDecoder::new(part).take(entry.size))),
        other => Err(broken(&format!("compression method {other} is not known"))),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    /// An archive with one stored member, put together by hand.
    fn archive(name: &str, contents: &[u8], mode: u32) -> File {
        let mut bytes = Vec::new();
        let mut local = vec![0; LOCAL_SIZE as usize];
        local[..4].copy_from_slice(b"PK\x03\x04");
        local[26..28].copy_from_slice(&(name.len() as u16).to_le_bytes());
        bytes.extend(&local);
        bytes.extend(name.as_bytes());
        bytes.extend(contents);
        let offset = bytes.len() as u32;
        let mut member = vec![0; MEMBER_SIZE];
        member[..4].copy_from_slice(MEMBER);
        member[5] = 3;
        member[14..16].copy_from_slice(&((46_u16 << 9) | (7 << 5) | 1).to_le_bytes());
        for at in [20, 24] {
            member[at..at + 4].copy_from_slice(&(contents.len() as u32).to_le_bytes());
        }
        member[28..30].copy_from_slice(&(name.len() as u16).to_le_bytes());
        member[38..42].copy_from_slice(&(mode << 16).to_le_bytes());
        bytes.extend(&member);
        bytes.extend(name.as_bytes());
        let size = bytes.len() as u32 - offset;
        let mut end = vec![0; END_SIZE as usize];
        end[..4].copy_from_slice(END);
        end[12..16].copy_from_slice(&size.to_le_bytes());
        end[16..20].copy_from_slice(&offset.to_le_bytes());
        bytes.extend(&end);
        let mut file = tempfile::tempfile().expect("a file");
        file.write_all(&bytes).expect("written");
        file
    }

    #[test]
    fn a_member_is_found_with_its_mode_and_time() {
        let file = archive("bin/x", b"hello", 0o100_755);
        let entries = entries(&file).expect("sound");
        let [entry] = entries.as_slice() else {
            panic!("one member")
        };
        assert_eq!((&*entry.name, entry.mode), (&b"bin/x"[..], 0o100_755));
        assert_eq!(entry.time, 20_635 * 86_400);
        let mut contents = Vec::new();
        open(&file, entry)
            .expect("there")
            .read_to_end(&mut contents)
            .expect("readable");
        assert_eq!(contents, b"hello");
    }

    #[test]
    fn what_is_no_archive_is_refused() {
        let mut file = tempfile::tempfile().expect("a file");
        file.write_all(b"no archive").expect("written");
        assert!(entries(&file).is_err());
    }
}

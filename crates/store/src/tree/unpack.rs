//! Unpacking an archive onto the disk as it streams in.
//!
//! The reader's thread checks the framing and hands finished small files to the thread pool;
//! large files it writes itself, piece by piece, so memory stays flat. Archives come from
//! strangers: names are checked (not empty, `.`, `..`, no slash, no zero byte), must be strictly
//! ascending, nesting is bounded by nothing but the disk because nothing recurses, and every file
//! is created new, never followed to.

use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, PoisonError};

use super::Placement;
use super::case_hack::Names;
use crate::error::{StoreError, path_error};
use crate::fault;

/// Files below this size are written by the pool.
const SMALL: u64 = 256 << 10;
/// Bytes that may wait to be written.
const IN_FLIGHT: usize = 16 << 20;
/// The longest name or link target that is believed.
const MAX_NAME: u64 = 4096;
const CHUNK: usize = 256 << 10;

/// Reads one archive, no byte more, and makes it a tree at `root` in canonical form.
pub fn unpack(source: &mut dyn Read, root: &Path, sync: bool) -> Result<(), StoreError> {
    unpack_at(source, root, &Placement::new(root, sync), false)
}

/// The same where `case_hack` tells whether names that differ in case alone are told apart by
/// numbers; such a tree is to be read as a [`super::CaseHackedTree`].
pub(crate) fn unpack_stored(
    source: &mut dyn Read,
    root: &Path,
    sync: bool,
    case_hack: bool,
) -> Result<(), StoreError> {
    unpack_at(source, root, &Placement::new(root, sync), case_hack)
}

fn unpack_at(
    source: &mut dyn Read,
    root: &Path,
    placement: &Placement,
    case_hack: bool,
) -> Result<(), StoreError> {
    let writers = Writers::default();
    let outcome = rayon::in_place_scope(|scope| {
        let mut unpacker = Unpacker {
            source,
            placement,
            writers: &writers,
            scope,
            directories: Vec::new(),
            case_hack,
        };
        unpacker.run(root)?;
        Ok(unpacker.directories)
    });
    let directories = outcome?;
    writers.result()?;
    for path in directories.iter().rev() {
        fault::point("unpack: finish directory");
        placement.finish_directory(path)?;
    }
    Ok(())
}

/// Unpacks an archive outside of any store: modes as a user would have made them, times as they
/// come.
pub fn restore(source: &mut dyn Read, root: &Path) -> Result<(), StoreError> {
    unpack_at(source, root, &Placement::for_user(root), false)
}

/// The same for a file system that takes names for equal which differ in case alone: the second
/// and further of such names are changed, and [`super::CaseHackedTree`] changes them back.
pub fn restore_with_case_hack(source: &mut dyn Read, root: &Path) -> Result<(), StoreError> {
    unpack_at(source, root, &Placement::for_user(root), true)
}

/// Bounds what waits for the pool, and keeps the first failure.
#[derive(Default)]
struct Writers {
    in_flight: AtomicUsize,
    failure: Mutex<Option<StoreError>>,
    freed: Condvar,
}

impl Writers {
    fn result(&self) -> Result<(), StoreError> {
        match self
            .failure
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take()
        {
            Some(error) => Err(error),
            None => Ok(()),
        }
    }

    fn reserve(&self, size: usize) {
        let mut guard = self.failure.lock().unwrap_or_else(PoisonError::into_inner);
        while self.in_flight.load(Ordering::Acquire) > IN_FLIGHT && guard.is_none() {
            guard = self
                .freed
                .wait(guard)
                .unwrap_or_else(PoisonError::into_inner);
        }
        drop(guard);
        self.in_flight.fetch_add(size, Ordering::AcqRel);
    }

    fn release(&self, size: usize, outcome: Result<(), StoreError>) {
        let mut guard = self.failure.lock().unwrap_or_else(PoisonError::into_inner);
        self.in_flight.fetch_sub(size, Ordering::AcqRel);
        if let Err(error) = outcome {
            guard.get_or_insert(error);
        }
        self.freed.notify_all();
    }
}

struct Unpacker<'a, 'scope> {
    source: &'a mut dyn Read,
    placement: &'scope Placement,
    writers: &'scope Writers,
    scope: &'a rayon::Scope<'scope>,
    /// Every directory made, parents first.
    directories: Vec<PathBuf>,
    case_hack: bool,
}

/// A directory whose entries are being read.
struct Open {
    path: PathBuf,
    last_name: Vec<u8>,
    names: Names,
}

impl Unpacker<'_, '_> {
    fn run(&mut self, root: &Path) -> Result<(), StoreError> {
        self.expect(b"nix-archive-1")?;
        let mut open: Vec<Open> = Vec::new();
        if let Some(directory) = self.node(root.to_owned())? {
            open.push(directory);
        }
        while let Some(directory) = open.last_mut() {
            let token = self.string(MAX_NAME)?;
            match token.as_slice() {
                b")" => {
                    open.pop();
                    if !open.is_empty() {
                        self.expect(b")")?;
                    }
                }
                b"entry" => {
                    self.expect(b"(")?;
                    self.expect(b"name")?;
                    let name = self.string(MAX_NAME)?;
                    check_name(&name, &directory.last_name)?;
                    self.expect(b"node")?;
                    let place = if self.case_hack {
                        directory.names.place(&name).map_err(StoreError::format)?
                    } else {
                        name.clone()
                    };
                    let path = directory.path.join(std::ffi::OsStr::from_bytes(&place));
                    directory.last_name = name;
                    match self.node(path)? {
                        Some(directory) => open.push(directory),
                        None => self.expect(b")")?,
                    }
                }
                _ => return Err(bad("expected an entry or the end of a directory")),
            }
        }
        Ok(())
    }

    /// Reads a node up to its end, or to the first entry if it is a directory.
    fn node(&mut self, path: PathBuf) -> Result<Option<Open>, StoreError> {
        self.expect(b"(")?;
        self.expect(b"type")?;
        let kind = self.string(MAX_NAME)?;
        match kind.as_slice() {
            b"directory" => {
                fault::point("unpack: create directory");
                std::fs::create_dir(&path).map_err(|error| match error.kind() {
                    io::ErrorKind::AlreadyExists => StoreError::other(format!(
                        "path '{}' already exists: File exists",
                        path.display()
                    )),
                    _ => path_error("creating directory", &path)(error),
                })?;
                self.directories.push(path.clone());
                Ok(Some(Open {
                    path,
                    last_name: Vec::new(),
                    names: Names::default(),
                }))
            }
            b"symlink" => {
                self.expect(b"target")?;
                let target = self.string(MAX_NAME)?;
                if target.is_empty() || target.contains(&0) {
                    return Err(bad("a symlink has an impossible target"));
                }
                self.placement.symlink_at(&path, &target)?;
                self.expect(b")")?;
                Ok(None)
            }
            b"regular" => {
                let mut token = self.string(MAX_NAME)?;
                let executable = token == b"executable";
                if executable {
                    self.expect(b"")?;
                    token = self.string(MAX_NAME)?;
                }
                match token.as_slice() {
                    b"contents" => {
                        self.file(path, executable)?;
                        self.expect(b")")?;
                    }
                    // A file without contents, as some old archives have it.
                    b")" => self.placement.create_at(path, executable)?.finish()?,
                    _ => return Err(bad("expected the contents of a file")),
                }
                Ok(None)
            }
            _ => Err(bad("unknown file type")),
        }
    }

    fn file(&mut self, path: PathBuf, executable: bool) -> Result<(), StoreError> {
        let size = self.number()?;
        if size < SMALL {
            let mut contents = vec![0; size as usize];
            self.read(&mut contents)?;
            self.padding(size)?;
            self.writers.reserve(contents.len());
            let (placement, writers) = (self.placement, self.writers);
            self.scope.spawn(move |_| {
                let written = placement.create_at(path, executable).and_then(|mut file| {
                    file.write(&contents)?;
                    file.finish()
                });
                writers.release(contents.len(), written);
            });
            return self.writers.result();
        }
        let mut file = self.placement.create_at(path, executable)?;
        let mut buffer = vec![0; CHUNK];
        let mut left = size;
        while left > 0 {
            let want = left.min(CHUNK as u64) as usize;
            self.read(&mut buffer[..want])?;
            file.write(&buffer[..want])?;
            left -= want as u64;
        }
        self.padding(size)?;
        file.finish()
    }

    fn read(&mut self, into: &mut [u8]) -> Result<(), StoreError> {
        self.source
            .read_exact(into)
            .map_err(|error| match error.kind() {
                io::ErrorKind::UnexpectedEof => bad("unexpected end of the archive"),
                _ => StoreError::other(format!("reading a Nix archive: {error}")),
            })
    }

    fn number(&mut self) -> Result<u64, StoreError> {
        let mut bytes = [0; 8];
        self.read(&mut bytes)?;
        Ok(u64::from_le_bytes(bytes))
    }

    fn string(&mut self, limit: u64) -> Result<Vec<u8>, StoreError> {
        let length = self.number()?;
        if length > limit {
            return Err(bad("a string is too long"));
        }
        let mut text = vec![0; length as usize];
        self.read(&mut text)?;
        self.padding(length)?;
        Ok(text)
    }

    fn padding(&mut self, length: u64) -> Result<(), StoreError> {
        let mut padding = [0; 8];
        let padding = &mut padding[..((8 - length % 8) % 8) as usize];
        self.read(padding)?;
        if padding.iter().any(|byte| *byte != 0) {
            return Err(bad("non-zero padding"));
        }
        Ok(())
    }

    fn expect(&mut self, expected: &[u8]) -> Result<(), StoreError> {
        let found = self.string(MAX_NAME)?;
        if found == expected {
            return Ok(());
        }
        if expected == b"nix-archive-1" {
            return Err(StoreError::format("input doesn't look like a Nix archive"));
        }
        Err(bad(&format!(
            "expected tag '{}', got '{}'",
            String::from_utf8_lossy(expected),
            String::from_utf8_lossy(&found)
        )))
    }
}

fn check_name(name: &[u8], last: &[u8]) -> Result<(), StoreError> {
    let shown = String::from_utf8_lossy(name);
    if name.is_empty() || name == b"." || name == b".." || name.contains(&b'/') || name.contains(&0)
    {
        return Err(StoreError::format(format!(
            "NAR contains invalid file name '{shown}'"
        )));
    }
    if name <= last {
        return Err(StoreError::format("NAR directory is not sorted"));
    }
    Ok(())
}

fn bad(what: &str) -> StoreError {
    StoreError::format(format!("bad Nix archive: {what}"))
}

//! Archives: known answers from `nix-store --dump` and `nix hash path --mode git`, refusals, and
//! round trips of arbitrary trees.

use std::collections::BTreeMap;
use std::io::BufReader;

use firn_hash::{Algorithm, Hasher};
use proptest::prelude::*;

use crate::GitHasher;
use crate::nar::{
    ArchiveSink, NAR_MAX_DEPTH, NarError, NarWriter, decode, list_nar, write_nar_file,
};

/// A tree in memory.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Tree {
    File { executable: bool, contents: Vec<u8> },
    Symlink(Vec<u8>),
    Directory(Entries),
}

impl Tree {
    fn send(&self, name: &[u8], sink: &mut dyn ArchiveSink) -> Result<(), NarError> {
        match self {
            Tree::File {
                executable,
                contents,
            } => {
                sink.file(name, *executable, contents.len() as u64)?;
                contents
                    .chunks(7)
                    .try_for_each(|chunk| sink.contents(chunk))
            }
            Tree::Symlink(target) => sink.symlink(name, target),
            Tree::Directory(entries) => {
                sink.directory(name)?;
                entries
                    .iter()
                    .try_for_each(|(name, tree)| tree.send(name, sink))?;
                sink.end_directory()
            }
        }
    }

    fn archive(&self) -> Vec<u8> {
        let mut writer = NarWriter::new(Vec::new());
        self.send(b"", &mut writer).unwrap();
        writer.finish().unwrap()
    }
}

type Entries = BTreeMap<Vec<u8>, Tree>;

/// Collects a tree back from its pieces.
#[derive(Default)]
struct Collector {
    open: Vec<(Vec<u8>, Entries)>,
    file: Option<(Vec<u8>, bool, u64, Vec<u8>)>,
    root: Option<Tree>,
}

impl Collector {
    fn add(&mut self, name: &[u8], tree: Tree) {
        match self.open.last_mut() {
            Some((_, entries)) => {
                entries.insert(name.into(), tree);
            }
            None => self.root = Some(tree),
        }
    }
}

impl ArchiveSink for Collector {
    fn directory(&mut self, name: &[u8]) -> Result<(), NarError> {
        self.open.push((name.into(), BTreeMap::new()));
        Ok(())
    }

    fn end_directory(&mut self) -> Result<(), NarError> {
        let (name, entries) = self.open.pop().unwrap();
        self.add(&name, Tree::Directory(entries));
        Ok(())
    }

    fn file(&mut self, name: &[u8], executable: bool, size: u64) -> Result<(), NarError> {
        self.file = Some((name.into(), executable, size, Vec::new()));
        self.contents(b"")
    }

    fn contents(&mut self, bytes: &[u8]) -> Result<(), NarError> {
        let (name, executable, size, mut contents) = self.file.take().unwrap();
        contents.extend_from_slice(bytes);
        if contents.len() as u64 == size {
            self.add(
                &name,
                Tree::File {
                    executable,
                    contents,
                },
            );
        } else {
            self.file = Some((name, executable, size, contents));
        }
        Ok(())
    }

    fn symlink(&mut self, name: &[u8], target: &[u8]) -> Result<(), NarError> {
        self.add(name, Tree::Symlink(target.into()));
        Ok(())
    }
}

fn collect(archive: &[u8], buffer_size: usize) -> Result<Tree, NarError> {
    let mut collector = Collector::default();
    let n_bytes = decode(
        BufReader::with_capacity(buffer_size, archive),
        &mut collector,
    )?;
    assert!(n_bytes <= archive.len() as u64);
    Ok(collector.root.unwrap())
}

fn file(contents: &[u8]) -> Tree {
    Tree::File {
        executable: false,
        contents: contents.into(),
    }
}

fn directory<const N: usize>(entries: [(&str, Tree); N]) -> Tree {
    Tree::Directory(
        entries
            .into_iter()
            .map(|(name, tree)| (name.into(), tree))
            .collect(),
    )
}

/// The tree that the known answers are of.
fn sample() -> Tree {
    directory([
        ("a", file(b"")),
        (
            "bin",
            directory([(
                "run",
                Tree::File {
                    executable: true,
                    contents: b"#!/bin/sh\n".to_vec(),
                },
            )]),
        ),
        (
            "bin.txt",
            file(b"after bin in an archive, before it in a tree"),
        ),
        ("empty", directory([])),
        ("link", Tree::Symlink(b"../bin/run".to_vec())),
    ])
}

#[test]
fn known_archive() {
    let archive = sample().archive();
    assert_eq!(
        Hasher::sha256(&archive).to_string(),
        "sha256:1mgbq767xir1c1ynss7dyz8rk01fjncnbwyavzj9qcf9sy44wa1v"
    );
    assert_eq!(archive.len(), 1280);
    assert_eq!(
        Hasher::sha256(&write_nar_file(b"hello", Vec::new()).unwrap()).to_string(),
        "sha256:0sg9f58l1jj88w6pdrfdpj5x9b1zrwszk84j81zvby36q9whhhqa"
    );
}

#[track_caller]
fn check_git(tree: &Tree, algorithm: Algorithm, expected: &str) {
    let mut hasher = GitHasher::new(algorithm);
    tree.send(b"", &mut hasher).unwrap();
    assert_eq!(hasher.finish().unwrap().to_base16(), expected);
}

#[test]
fn known_git_hashes() {
    check_git(
        &sample(),
        Algorithm::Sha1,
        "e7250f7b3c0bc37decd6b9436b5198d9c9e95a63",
    );
    check_git(
        &sample(),
        Algorithm::Sha256,
        "d55153eb16cc4bbb45a7f2998213a0183eb83e59b673c49009a9d2cfc2af40a5",
    );
    check_git(
        &file(b"hello"),
        Algorithm::Sha1,
        "b6fc4c620b67d95f953a5c1c1230aaab5db5a1b0",
    );
}

/// An archive of the given strings, each padded.
fn strings(parts: &[&[u8]]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for part in parts {
        bytes.extend_from_slice(&(part.len() as u64).to_le_bytes());
        bytes.extend_from_slice(part);
        bytes.resize(bytes.len().next_multiple_of(8), 0);
    }
    bytes
}

#[track_caller]
fn check_refused(parts: &[&[u8]], message: &str) {
    let mut all = vec![&b"nix-archive-1"[..]];
    all.extend_from_slice(parts);
    assert_eq!(
        collect(&strings(&all), 64).unwrap_err().to_string(),
        message
    );
}

#[test]
fn malformed_archives_are_refused() {
    assert_eq!(
        collect(b"something else entirely", 8)
            .unwrap_err()
            .to_string(),
        "bad archive: input doesn't look like a Nix archive"
    );
    check_refused(&[], "unexpected end-of-file");
    check_refused(&[b"x"], "bad archive: expected tag '(', got 'x'");
    check_refused(
        &[b"(", b"type", b"device"],
        "bad archive: unknown file type 'device'",
    );
    check_refused(
        &[b"(", b"type", b"regular", b"executable", b"x"],
        "bad archive: executable marker has non-empty value",
    );
    check_refused(
        &[b"(", b"type", b"regular", b"x"],
        "bad archive: expected tag 'contents', got 'x'",
    );
    check_refused(
        &[b"(", b"type", b"directory", b"x"],
        "bad archive: expected tag 'entry' or ')', got 'x'",
    );
    check_refused(&[b"(", b"type", &[b'x'; 33]], "string is too long");
    check_refused(
        &[b"(", b"type", b"symlink", b"target", b""],
        "bad archive: NAR contains invalid symlink target",
    );
    check_refused(
        &[b"(", b"type", b"symlink", b"target", &[b'x'; 4096]],
        "string is too long",
    );
    let entry: [&[u8]; 6] = [b"(", b"type", b"directory", b"entry", b"(", b"name"];
    for name in [&b""[..], b".", b"..", b"a/b", b"a\0b"] {
        let message = format!(
            "bad archive: NAR contains invalid file name '{}'",
            String::from_utf8_lossy(name)
        );
        check_refused(&[&entry[..], &[name]].concat(), &message);
    }
    let node: [&[u8]; 8] = [
        b"node", b"(", b"type", b"symlink", b"target", b"t", b")", b")",
    ];
    for name in [&b"a"[..], b"b"] {
        check_refused(
            &[&entry[..], &[b"b"], &node[..], &entry[3..], &[name]].concat(),
            "bad archive: NAR directory is not sorted",
        );
    }
}

#[test]
fn padding_must_be_zero() {
    let mut archive = write_nar_file(b"hello", Vec::new()).unwrap();
    let position = archive.len() - 17;
    archive[position] = 1;
    assert_eq!(
        collect(&archive, 64).unwrap_err().to_string(),
        "non-zero padding"
    );
}

#[test]
fn every_truncation_is_noticed() {
    let archive = sample().archive();
    for size in 0..archive.len() {
        assert!(collect(&archive[..size], 64).is_err(), "{size}");
    }
}

#[test]
fn nothing_after_the_archive_is_consumed() {
    let mut bytes = sample().archive();
    let size = bytes.len();
    bytes.extend_from_slice(b"rest");
    let mut input = &bytes[..];
    assert_eq!(
        decode(&mut input, &mut Collector::default()).unwrap(),
        size as u64
    );
    assert_eq!(input, b"rest");
}

#[test]
fn depth_is_bounded_both_ways() {
    let nest = |depth| (0..depth).fold(file(b""), |tree, _| directory([("d", tree)]));
    assert!(collect(&nest(NAR_MAX_DEPTH - 1).archive(), 64).is_ok());
    let mut writer = NarWriter::new(Vec::new());
    let error = nest(NAR_MAX_DEPTH).send(b"", &mut writer).unwrap_err();
    assert_eq!(
        error.to_string(),
        "bad archive: NAR directory nesting exceeds maximum depth of 64"
    );
    let mut parts: Vec<&[u8]> = Vec::new();
    for _ in 0..100_000 {
        parts.extend([
            &b"("[..],
            b"type",
            b"directory",
            b"entry",
            b"(",
            b"name",
            b"d",
            b"node",
        ]);
    }
    check_refused(
        &parts,
        "bad archive: NAR directory nesting exceeds maximum depth of 64",
    );
}

#[test]
fn writers_refuse_what_readers_refuse() {
    let mut writer = NarWriter::new(Vec::new());
    writer.directory(b"").unwrap();
    writer.file(b"b", false, 1).unwrap();
    assert!(
        writer.symlink(b"c", b"x").is_err(),
        "the file is not complete"
    );
    assert!(writer.contents(b"xy").is_err(), "more than announced");
    let mut writer = NarWriter::new(Vec::new());
    writer.directory(b"").unwrap();
    writer.symlink(b"b", b"x").unwrap();
    assert!(writer.symlink(b"a", b"x").is_err(), "not sorted");
    assert!(writer.finish().is_err(), "not complete");
}

fn trees() -> impl Strategy<Value = Tree> {
    let leaf = prop_oneof![
        (any::<bool>(), proptest::collection::vec(any::<u8>(), 0..40)).prop_map(
            |(executable, contents)| Tree::File {
                executable,
                contents
            }
        ),
        proptest::collection::vec(1u8.., 1..20).prop_map(Tree::Symlink),
    ];
    leaf.prop_recursive(4, 40, 6, |inner| {
        proptest::collection::btree_map("[a-zA-Z0-9 .é]{1,6}", inner, 0..6).prop_map(|entries| {
            Tree::Directory(
                entries
                    .into_iter()
                    .filter(|(name, _)| name != "." && name != "..")
                    .map(|(name, tree)| (name.into_bytes(), tree))
                    .collect(),
            )
        })
    })
}

proptest! {
    #[test]
    fn trees_round_trip(tree in trees(), buffer_size in 1usize..200) {
        prop_assert_eq!(collect(&tree.archive(), buffer_size).unwrap(), tree);
    }

    #[test]
    fn damage_never_panics(tree in trees(), position: prop::sample::Index, byte: u8) {
        let mut archive = tree.archive();
        let position = position.index(archive.len());
        archive[position] = byte;
        let mut writer = NarWriter::new(Vec::new());
        if decode(&archive[..], &mut writer).is_ok() {
            prop_assert_eq!(writer.finish().unwrap(), archive);
        }
    }
}

/// What `nix nar ls --json -R` says of the sample.
const LISTING: &str = concat!(
    r#"{"entries":{"a":{"narOffset":232,"size":0,"type":"regular"},"#,
    r#""bin":{"entries":{"run":{"executable":true,"narOffset":584,"size":10,"type":"regular"}},"type":"directory"},"#,
    r#""bin.txt":{"narOffset":816,"size":44,"type":"regular"},"empty":{"entries":{},"type":"directory"},"#,
    r#""link":{"target":"../bin/run","type":"symlink"}},"type":"directory"}"#,
);

#[test]
fn listings() {
    let listing = list_nar(&sample().archive()[..]).unwrap();
    assert_eq!(listing.to_string(), LISTING);
}

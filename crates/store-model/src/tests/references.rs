//! The reference scanner and the rewriter, against simple definitions of what they do.

use std::collections::BTreeSet;
use std::io::Write as _;

use firn_hash::{Algorithm, Hasher};
use proptest::prelude::*;

use crate::{ReferenceScanner, RewritingWriter, SelfReferenceHasher, StorePath};

fn path(digest: char) -> StorePath {
    StorePath::parse(format!("{}-x", String::from(digest).repeat(32))).unwrap()
}

fn candidates() -> Vec<StorePath> {
    vec![
        path('a'),
        path('b'),
        StorePath::parse("0123456789abcdfghijklmnpqrsvwxyz-all").unwrap(),
        StorePath::parse("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab-end").unwrap(),
    ]
}

fn scan(text: &[u8], piece: usize) -> BTreeSet<StorePath> {
    let mut scanner = ReferenceScanner::new(candidates());
    for piece in text.chunks(piece) {
        scanner.update(piece);
    }
    scanner.finish()
}

#[test]
fn references_are_found_anywhere() {
    for before in 0..70 {
        for piece in [1, 2, 30, 31, 32, 33, 64, 1000] {
            let mut text = vec![b'-'; before];
            text.extend_from_slice(b"0123456789abcdfghijklmnpqrsvwxyz");
            assert_eq!(scan(&text, piece).len(), 1, "{before} {piece}");
            text.pop();
            assert_eq!(scan(&text, piece).len(), 0, "{before} {piece}");
        }
    }
}

#[test]
fn overlapping_references_are_all_found() {
    let mut text = "a".repeat(33);
    text.push_str(&"b".repeat(32));
    assert_eq!(
        scan(text.as_bytes(), 1000),
        BTreeSet::from([path('a'), path('b'), candidates()[3].clone()])
    );
}

#[test]
fn self_references_count_as_zeros() {
    let digest = "0123456789abcdfghijklmnpqrsvwxyz";
    let mut hasher = SelfReferenceHasher::new(Algorithm::Sha256, digest);
    let text = format!("before {digest} after {digest}");
    for piece in text.as_bytes().chunks(5) {
        hasher.write_all(piece).unwrap();
    }
    let zeros = text.replace(digest, &"\0".repeat(32));
    assert_eq!(
        hasher.finish(),
        (Hasher::sha256(zeros.as_bytes()), text.len() as u64)
    );
}

fn texts() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        proptest::collection::vec(any::<u8>(), 0..40),
        "[0-9a-df-np-sv-z]{0,80}".prop_map(String::into_bytes),
        (0usize..4).prop_map(|which| candidates()[which].hash_part().into()),
        "[ab]{0,50}".prop_map(String::into_bytes),
    ];
    proptest::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn scanning_is_searching(text in texts(), piece in 1usize..100) {
        let expected: BTreeSet<_> = candidates()
            .into_iter()
            .filter(|path| text.windows(32).any(|window| window == path.hash_part().as_bytes()))
            .collect();
        prop_assert_eq!(scan(&text, piece), expected);
    }

    #[test]
    fn rewriting_does_not_depend_on_pieces(text in texts(), piece in 1usize..100) {
        let paths = candidates();
        let (from, to) = (paths[2].hash_part().as_bytes(), paths[1].hash_part().as_bytes());
        let rewrite = |piece: usize| {
            let mut writer = RewritingWriter::new([(from, to)], Vec::new());
            for piece in text.chunks(piece) {
                writer.write_all(piece).unwrap();
            }
            writer.finish().unwrap()
        };
        let rewritten = rewrite(piece);
        prop_assert_eq!(&rewritten, &rewrite(text.len().max(1)));
        prop_assert_eq!(rewritten.len(), text.len());
        prop_assert!(!rewritten.windows(32).any(|window| window == from));
    }
}

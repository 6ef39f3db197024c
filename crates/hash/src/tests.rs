//! Known answers (made with `nix-hash` and `nix hash convert`), error texts, and round trips.

use std::io::{Read as _, Write as _};

use proptest::prelude::*;

use crate::{
    Algorithm, Hash, HashFormat, Hasher, HashingReader, HashingWriter, base16, base32, base64,
    compress_hash,
};

#[track_caller]
fn check_digest(algorithm: Algorithm, text: &str, base16: &str, nix32: &str, sri: &str) {
    let hash = Hasher::hash(algorithm, text.as_bytes());
    assert_eq!(hash.to_base16(), base16);
    assert_eq!(hash.to_nix32(), nix32);
    assert_eq!(hash.to_sri(), sri);
    for written in [
        format!("{algorithm}:{base16}"),
        format!("{algorithm}:{nix32}"),
        format!("{algorithm}:{}", hash.to_base64()),
        sri.into(),
    ] {
        assert_eq!(Hash::parse_any(&written, None), Ok(hash), "{written}");
        assert_eq!(
            Hash::parse_any(&written, Some(algorithm)),
            Ok(hash),
            "{written}"
        );
        assert_eq!(Hash::parse_prefixed(&written), Ok(hash), "{written}");
    }
    assert_eq!(
        Hash::parse_digest(&base16.to_uppercase(), algorithm),
        Ok(hash)
    );
}

#[test]
fn digests() {
    check_digest(
        Algorithm::Md5,
        "hello",
        "5d41402abc4b2a76b9719d911017c592",
        "4jqlbi14cxf6wpcajbphm40hax",
        "md5-XUFAKrxLKna5cZ2REBfFkg==",
    );
    check_digest(
        Algorithm::Sha1,
        "hello",
        "aaf4c61ddcc5e8a2dabede0f3b482cd9aea9434d",
        "9m1skbnr5i43n3yypvda5s65vhfwdx5a",
        "sha1-qvTGHdzF6KLavt4PO0gs2a6pQ00=",
    );
    check_digest(
        Algorithm::Sha256,
        "hello",
        "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824",
        "094qif9n4cq4fdg459qzbhg1c6wywawwaaivx0k0x8xhbyx4vwic",
        "sha256-LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=",
    );
}

#[track_caller]
fn check_error(text: &str, algorithm: Option<Algorithm>, message: &str) {
    let error = Hash::parse_any(text, algorithm).expect_err("must not parse");
    assert_eq!(error.to_string(), message);
}

#[test]
fn errors_have_the_words_of_the_field() {
    let sha256 = Some(Algorithm::Sha256);
    check_error(
        &"z".repeat(64),
        sha256,
        &format!(
            "invalid base16 hash '{}', length 0 != expected length 32",
            "z".repeat(64)
        ),
    );
    check_error(
        &"z".repeat(52),
        sha256,
        &format!(
            "invalid nix32 hash '{}', length 33 != expected length 32",
            "z".repeat(52)
        ),
    );
    check_error(
        "sha256-@@",
        None,
        "invalid SRI hash '@@', length 0 != expected length 32",
    );
    check_error(
        "sha1:aa",
        None,
        "hash 'aa' has wrong length for hash algorithm 'sha1'",
    );
    check_error(
        "sha3-aa",
        None,
        "unknown hash algorithm 'sha3', expect 'blake3', 'md5', 'sha1', 'sha256', or 'sha512'",
    );
    check_error(
        "aa",
        None,
        "hash 'aa' does not include a type, nor is the type otherwise known from context",
    );
    check_error(
        "sha256:aa",
        Some(Algorithm::Sha1),
        "hash 'sha256:aa' should have type 'sha1'",
    );
    assert_eq!(
        Hash::parse_sri("aa").unwrap_err().to_string(),
        "hash 'aa' is not SRI"
    );
    assert_eq!(
        Hash::parse_prefixed("aa").unwrap_err().to_string(),
        "hash 'aa' does not include a type"
    );
}

#[test]
fn empty_hash_is_zero() {
    let (hash, was_empty) = Hash::parse_any_or_empty("", Some(Algorithm::Sha256)).unwrap();
    assert!(was_empty);
    assert_eq!(
        hash.to_sri(),
        "sha256-AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
    );
    assert!(Hash::parse_any_or_empty("", None).is_err());
}

#[test]
fn format_names() {
    for format in [
        HashFormat::Base16,
        HashFormat::Nix32,
        HashFormat::Base64,
        HashFormat::Sri,
    ] {
        assert_eq!(HashFormat::parse(format.name()), Ok(format));
    }
    assert_eq!(HashFormat::parse("base32"), Ok(HashFormat::Nix32));
    assert_eq!(
        HashFormat::parse("hex").unwrap_err().to_string(),
        "unknown hash format 'hex', expect 'base16', 'base32', 'base64', or 'sri'"
    );
}

#[test]
fn compression_folds_by_exclusive_or() {
    assert_eq!(compress_hash::<2>(&[1, 2, 4, 8, 16]), [21, 10]);
}

#[test]
fn readers_and_writers_hash_what_passes() {
    let expected = Hasher::sha256(b"some bytes");
    let mut reader = HashingReader::new(Algorithm::Sha256, &b"some bytes"[..]);
    let mut seen = Vec::new();
    reader.read_to_end(&mut seen).unwrap();
    let (hash, n_bytes, _) = reader.finish();
    assert_eq!((hash, n_bytes), (expected, 10));

    let mut writer = HashingWriter::new(Algorithm::Sha256, Vec::new());
    writer.write_all(b"some ").unwrap();
    writer.write_all(b"bytes").unwrap();
    let (hash, n_bytes, written) = writer.finish();
    assert_eq!((hash, n_bytes, written), (expected, 10, seen));

    assert_eq!(
        Hasher::hash_reader(Algorithm::Sha256, &mut &b"some bytes"[..]).unwrap(),
        (expected, 10)
    );
}

proptest! {
    #[test]
    fn encodings_round_trip(bytes: Vec<u8>) {
        prop_assert_eq!(&base16::decode(base16::encode(&bytes).as_bytes()).unwrap(), &bytes);
        prop_assert_eq!(&base32::decode(base32::encode(&bytes).as_bytes()).unwrap(), &bytes);
        prop_assert_eq!(&base64::decode(base64::encode(&bytes).as_bytes()).unwrap(), &bytes);
    }

    #[test]
    fn exact_base32_agrees_with_the_general_one(bytes: [u8; 20], text in "[0-9a-z]{32}") {
        prop_assert_eq!(base32::decode_exact(base32::encode(&bytes).as_bytes()), Some(bytes));
        let general = base32::decode(text.as_bytes()).ok().and_then(|found| found.try_into().ok());
        prop_assert_eq!(base32::decode_exact::<20>(text.as_bytes()), general);
    }

    #[test]
    fn exact_base32_refuses_surplus_bits(text in "[0-9a-df-np-sv-z]{26}") {
        let general = base32::decode(text.as_bytes()).ok().and_then(|found| found.try_into().ok());
        prop_assert_eq!(base32::decode_exact::<16>(text.as_bytes()), general);
    }

    #[test]
    fn parsing_never_panics(text: String) {
        if let Ok(hash) = Hash::parse_any(&text, Some(Algorithm::Sha1)) {
            prop_assert_eq!(hash.algorithm(), Algorithm::Sha1);
        }
    }
}

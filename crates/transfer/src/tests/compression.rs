//! Every compression, there and back.

use std::io::{Read as _, Write as _};

use proptest::prelude::*;

use crate::Compression;

const ALL: [Compression; 6] = [
    Compression::None,
    Compression::Xz,
    Compression::Zstd,
    Compression::Gzip,
    Compression::Bzip2,
    Compression::Brotli,
];

fn compress(compression: Compression, bytes: &[u8], level: Option<u32>) -> Vec<u8> {
    let mut compressor = compression.writer(Vec::new(), level).unwrap();
    compressor.write_all(bytes).unwrap();
    compressor.finish().unwrap()
}

fn compress_on(compression: Compression, bytes: &[u8], n_threads: u32) -> Vec<u8> {
    let mut compressor = compression
        .threaded_writer(Vec::new(), None, n_threads)
        .unwrap();
    compressor.write_all(bytes).unwrap();
    compressor.finish().unwrap()
}

fn decompress(compression: Compression, bytes: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut plain = Vec::new();
    compression.reader(bytes)?.read_to_end(&mut plain)?;
    Ok(plain)
}

#[test]
fn names() {
    for compression in ALL {
        assert_eq!(Compression::parse(compression.name()), Ok(compression));
    }
    assert_eq!(Compression::parse(""), Ok(Compression::None));
    assert_eq!(
        Compression::parse("rar").unwrap_err().to_string(),
        "unknown compression method 'rar'"
    );
    assert_eq!(
        Compression::of_content_encoding("identity"),
        Ok(Compression::None)
    );
}

#[test]
fn threads_make_no_difference_to_what_is_read() {
    // More than one thread's share.
    let plain: Vec<u8> = (0..2_500_000u32)
        .map(|number| ((number / 97) ^ (number >> 11)) as u8)
        .collect();
    for (compression, plain) in [
        (Compression::Zstd, &plain[..]),
        (Compression::Xz, &plain[..100_000]),
    ] {
        let one = compress_on(compression, plain, 1);
        for n_threads in [0, 3] {
            let compressed = compress_on(compression, plain, n_threads);
            let read = decompress(compression, &compressed).unwrap();
            assert!(read == plain, "{compression}, {n_threads}");
        }
        // The same input makes the same file, however the threads take turns.
        assert!(compress_on(compression, plain, 1) == one, "{compression}");
    }
}

#[test]
fn truncation_is_noticed() {
    let plain: Vec<u8> = (0..50_000u32)
        .map(|number| ((number * number) >> 7) as u8)
        .collect();
    for compression in &ALL[1..] {
        let compressed = compress(*compression, &plain, None);
        assert!(
            decompress(*compression, &compressed[..compressed.len() / 2]).is_err(),
            "{compression}"
        );
        assert!(
            decompress(*compression, b"no such thing at all").is_err(),
            "{compression}"
        );
    }
}

#[test]
fn streams_one_after_the_other_are_one() {
    for compression in [
        Compression::Xz,
        Compression::Zstd,
        Compression::Gzip,
        Compression::Bzip2,
    ] {
        let both = [
            compress(compression, b"one ", None),
            compress(compression, b"two", None),
        ]
        .concat();
        assert_eq!(
            decompress(compression, &both).unwrap(),
            b"one two",
            "{compression}"
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn round_trip(bytes: Vec<u8>, level in proptest::option::of(0u32..30), which in 0..ALL.len()) {
        let compressed = compress(ALL[which], &bytes, level.map(|level| level.min(9)));
        prop_assert_eq!(decompress(ALL[which], &compressed).unwrap(), bytes);
    }
}

//! A moment of every property in each test run.

use proptest::prelude::*;

use crate::{language, store};

/// Text made of pieces that mean something, so that deep parts of the grammar are reached.
fn nixish() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop::sample::select(vec![
        "a", "b", "or", "1", "1.5", "if ", "then ", "else ", "let ", "in ", "rec ", "with ",
        "assert ", "inherit ", "{", "}", "(", ")", "[", "]", "\"", "''", "${", "./a", "a/b", "~/",
        "<x>", "a:b", ":", ";", ",", ".", "...", "@", "=", "==", "!", "-", "->", "++", "//", "?",
        "<", "|>", "<|", "#c\n", "/*", "*/", "/**", " ", "\n", "\r", "\\", "'", "$", "\u{e9}",
        "\0", "a = 1;", "a.b = {", "{ a }:", "\"a\"",
    ]);
    let text = prop::collection::vec(piece, 0..60).prop_map(|pieces| pieces.concat().into_bytes());
    prop_oneof![4 => text, 1 => prop::collection::vec(any::<u8>(), 0..80)]
}

/// Sound texts with a few bytes changed.
fn damaged(samples: &'static [&'static [u8]]) -> impl Strategy<Value = Vec<u8>> {
    let changes = prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4);
    (prop::sample::select(samples), changes).prop_map(|(sample, changes)| {
        let mut bytes = sample.to_vec();
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        bytes
    })
}

const DERIVATIONS: &[&[u8]] = &[
    br#"Derive([("out","/nix/store/wj4p79ls800qifx5mdfrxj55nd5srp8y-plain","","")],[],[],"s","b",["a\n"],[("k","v")])"#,
    br#"Derive([("out","","r:sha256","")],[("/nix/store/i7864rp2cdbbif8dy639hbjpxv46lsrp-p.drv",["a","b"])],[],"","",[],[])"#,
    br#"DrvWithVersion("xp-dyn-drv",[("o","","sha512","impure")],[("/nix/store/i7864rp2cdbbif8dy639hbjpxv46lsrp-p.drv",([],[("o",["o"])]))],[],"","",[],[])"#,
];

const ARCHIVES: &[&[u8]] = &[
    b"\x0d\0\0\0\0\0\0\0nix-archive-1\0\0\0\x01\0\0\0\0\0\0\0(\0\0\0\0\0\0\0\
      \x04\0\0\0\0\0\0\0type\0\0\0\0\x07\0\0\0\0\0\0\0regular\0\
      \x08\0\0\0\0\0\0\0contents\x05\0\0\0\0\0\0\0hello\0\0\0\x01\0\0\0\0\0\0\0)\0\0\0\0\0\0\0",
    b"\x0d\0\0\0\0\0\0\0nix-archive-1\0\0\0\x01\0\0\0\0\0\0\0(\0\0\0\0\0\0\0\
      \x04\0\0\0\0\0\0\0type\0\0\0\0\x09\0\0\0\0\0\0\0directory\0\0\0\0\0\0\0\
      \x05\0\0\0\0\0\0\0entry\0\0\0\x01\0\0\0\0\0\0\0(\0\0\0\0\0\0\0\
      \x04\0\0\0\0\0\0\0name\0\0\0\0\x01\0\0\0\0\0\0\0a\0\0\0\0\0\0\0\
      \x04\0\0\0\0\0\0\0node\0\0\0\0\x01\0\0\0\0\0\0\0(\0\0\0\0\0\0\0\
      \x04\0\0\0\0\0\0\0type\0\0\0\0\x07\0\0\0\0\0\0\0symlink\0\
      \x06\0\0\0\0\0\0\0target\0\0\x01\0\0\0\0\0\0\0b\0\0\0\0\0\0\0\
      \x01\0\0\0\0\0\0\0)\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0)\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0)\0\0\0\0\0\0\0",
];

const NARINFOS: &[&[u8]] = &[
    b"StorePath: /nix/store/z8yym21709560nwcz0x4xjsgll5mssab-x\nURL: u\nCompression: xz\n\
      NarHash: sha256:03x16jw3bnwbksyahzgb49jnlcjgybrd4x1apwdmfpjvzd7rc571\nNarSize: 1128\n\
      References: i7864rp2cdbbif8dy639hbjpxv46lsrp-p\nSig: k:AAEC\n",
];

#[test]
fn verdicts_agree_on_what_fuzzing_found() {
    language::grammar(b"{ x = 123;\n  y = 456;\n  x = 789;\n}\n");
    language::grammar(b"{ ${''a''$''} = 1; a = { b = 1; }; a.b = 2; }");
}

proptest! {
    #[test]
    fn lexer_holds(text in nixish()) {
        language::lexer(&text);
    }

    #[test]
    fn grammar_holds(text in nixish()) {
        language::grammar(&text);
    }

    #[test]
    fn strings_hold(text in nixish()) {
        language::strings(&text);
    }

    #[test]
    fn aterm_holds(text in damaged(DERIVATIONS)) {
        store::aterm(&text);
    }

    #[test]
    fn nar_holds(bytes in damaged(ARCHIVES)) {
        store::nar(&bytes);
    }

    #[test]
    fn narinfo_holds(text in damaged(NARINFOS)) {
        store::narinfo(&text);
    }
}

#[test]
fn samples_are_sound() {
    let store_dir = firn_store_model::StoreDir::new("/nix/store").expect("an absolute path");
    for text in DERIVATIONS {
        firn_store_model::Derivation::parse(&store_dir, text, "x").expect("a derivation");
    }
    for bytes in ARCHIVES {
        firn_store_model::nar::list_nar(*bytes).expect("an archive");
    }
    for text in NARINFOS {
        firn_store_model::NarInfo::parse(&store_dir, text, "x").expect("a narinfo");
    }
}

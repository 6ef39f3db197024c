//! Narinfo files, keys, realisations and export streams. The narinfo was written by `nix copy`,
//! its signature made by `nix store sign`, the export trailer by `nix-store --export`.

use firn_hash::Hasher;
use proptest::prelude::*;

use crate::export::{ExportTrailer, decode_export_mark};
use crate::wire::{ReadWire, WriteWire};
use crate::{
    CacheInfo, DrvOutput, NarInfo, OutputName, PublicKey, PublicKeys, Realisation, SecretKey,
    StoreDir, StorePath,
};

pub(super) const NARINFO: &str = "\
StorePath: /nix/store/z8yym21709560nwcz0x4xjsgll5mssab-user.drv
URL: nar/1iipib345qadxs5hl0djcc71hdi1cwi17brwxis9r3pjqjdqv9jc.nar.xz
Compression: xz
FileHash: sha256:1iipib345qadxs5hl0djcc71hdi1cwi17brwxis9r3pjqjdqv9jc
FileSize: 604
NarHash: sha256:03x16jw3bnwbksyahzgb49jnlcjgybrd4x1apwdmfpjvzd7rc571
NarSize: 1128
References: gbfc0wsg9fw7zkxm7aflgcv7pygyizd3-tree.drv i7864rp2cdbbif8dy639hbjpxv46lsrp-plain.drv lvz7syi5q8cqhkpw7rng4wk3l500yvx1-script.sh n4v4dyg9wxwk8mxl8nsx2n3p95pj6g96-flat.tar.gz.drv
Sig: test.example-1:9veKgyinNmQRrfjtOufji28mLHKyn5IGSs51i79W4sC+p6G/XtFdVkv3V7eEmV4whTBEoZmAup54lzcQI8zHDw==
CA: text:sha256:1wcaw1lk1k6v1isjn9fin7c802bhh2y11x3kvjaa8qvacmsjm5n9
";

const SECRET_KEY: &str = "test.example-1:Ppw5XRZPGpXkgxJowkpEbelZ4AKuGujSiXdhAF2QBsmvqpB2olhOWsxJWmEDKN6GsmDZ3MDYvKxQNwI4t2d2UA==";
const PUBLIC_KEY: &str = "test.example-1:r6qQdqJYTlrMSVphAyjehrJg2dzA2LysUDcCOLdndlA=";

pub(super) fn store_dir() -> StoreDir {
    StoreDir::new("/nix/store").unwrap()
}

pub(super) fn narinfo() -> NarInfo {
    NarInfo::parse(&store_dir(), NARINFO.as_bytes(), "x.narinfo").unwrap()
}

#[test]
fn narinfo_round_trips() {
    let narinfo = narinfo();
    assert_eq!(narinfo.print(&store_dir()), NARINFO);
    assert!(narinfo.info.is_content_addressed(&store_dir()));
    assert_eq!(
        NarInfo::file_name(&narinfo.info.path),
        "z8yym21709560nwcz0x4xjsgll5mssab.narinfo"
    );
}

#[track_caller]
fn check_corrupt(text: &str, message: &str) {
    let error = NarInfo::parse(&store_dir(), text.as_bytes(), "x.narinfo").unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("NAR info file 'x.narinfo' is corrupt: {message}")
    );
}

#[test]
fn corrupt_narinfos_are_refused() {
    check_corrupt("", "StorePath missing");
    check_corrupt("StorePath", "expecting ':' at line 1");
    check_corrupt("URL: a\nStorePath\nURL: b\n", "expecting ':' at line 2");
    check_corrupt("URL: a\nStorePath: x", "expecting '\\n' at line 2");
    check_corrupt("NarHash: x\n", "bad hash at line 1");
    check_corrupt("NarSize: -1\n", "invalid NarSize at line 1");
    check_corrupt(
        "StorePath: /etc/passwd\n",
        "path \"/etc/passwd\" is not in the Nix store at line 1",
    );
    check_corrupt(
        &NARINFO.replace("NarSize: 1128\n", ""),
        "NarSize missing or zero",
    );
    check_corrupt(&NARINFO.replace("URL: ", "Url: "), "URL missing");
    check_corrupt(&NARINFO.replace("NarHash", "Nar"), "NarHash missing");
    let twice = format!("{NARINFO}{}", NARINFO.lines().last().unwrap());
    check_corrupt(&format!("{twice}\n"), "extra CA at line 11");
}

#[test]
fn unknown_lines_are_skipped_and_old_caches_mean_bzip2() {
    let text = NARINFO.replace("Compression: xz\n", "Later: invention\n");
    let narinfo = NarInfo::parse(&store_dir(), text.as_bytes(), "x").unwrap();
    assert_eq!(narinfo.compression, "bzip2");
}

#[test]
fn signatures_of_the_reference_verify_and_ours_are_the_same() {
    let secret = SecretKey::parse(&format!("{SECRET_KEY}\n")).unwrap();
    assert_eq!(secret.to_secret_text(), SECRET_KEY);
    assert_eq!(secret.public_key().to_string(), PUBLIC_KEY);
    assert_eq!(format!("{secret:?}"), "SecretKey(test.example-1)");
    let narinfo = narinfo();
    let fingerprint = narinfo.info.fingerprint(&store_dir()).unwrap();
    let signature = secret.sign(fingerprint.as_bytes());
    assert_eq!(narinfo.info.signatures.first(), Some(&signature));

    let keys = PublicKeys::parse([PUBLIC_KEY]).unwrap();
    assert_eq!(
        keys.count_good(fingerprint.as_bytes(), &narinfo.info.signatures),
        1
    );
    assert!(!keys.verify(b"something else", &signature));
    let other = SecretKey::from_seed("test.example-1", [7; 32]);
    assert!(
        !other
            .public_key()
            .verify(fingerprint.as_bytes(), &signature)
    );
    let renamed = PublicKey::parse(&PUBLIC_KEY.replace("example-1", "example-2")).unwrap();
    assert!(!renamed.verify(fingerprint.as_bytes(), &signature));
}

#[test]
fn wrong_keys_are_refused() {
    assert_eq!(
        SecretKey::parse("x").unwrap_err().to_string(),
        "key is corrupt"
    );
    assert_eq!(
        SecretKey::parse(PUBLIC_KEY).unwrap_err().to_string(),
        "secret key is not valid"
    );
    assert_eq!(
        PublicKey::parse(SECRET_KEY).unwrap_err().to_string(),
        "public key is not valid"
    );
    assert_eq!(
        PublicKey::parse(":AAAA").unwrap_err().to_string(),
        "key is corrupt"
    );
}

#[test]
fn cache_info() {
    let text = "StoreDir: /nix/store\nWantMassQuery: 1\nPriority: 40\n";
    let info = CacheInfo::parse(text);
    assert_eq!(
        (info.want_mass_query, info.priority),
        (Some(true), Some(40))
    );
    assert_eq!(info.to_string(), text);
    assert_eq!(
        CacheInfo::parse("Priority: x\nnonsense\n"),
        CacheInfo::default()
    );
}

#[test]
fn realisations() {
    let hash = Hasher::sha256(b"hello").to_base16();
    let text = format!(
        "{{\"dependentRealisations\":{{}},\"id\":\"sha256:{hash}!out\",\"outPath\":\
         \"i4f75pn3bxkxdk2kld86k5qazq4cqj8i-hello\",\"signatures\":[\"a:AAEC\"]}}"
    );
    let realisation = Realisation::parse(text.as_bytes()).unwrap();
    assert_eq!(realisation.to_json().to_string(), text);
    assert_eq!(
        realisation.fingerprint(),
        text.replace(",\"signatures\":[\"a:AAEC\"]", "")
    );
    assert_eq!(realisation.id.output, OutputName::out());
    assert_eq!(
        DrvOutput::parse("x").unwrap_err().to_string(),
        "Invalid derivation output id x"
    );
    assert!(Realisation::parse(b"[]").is_err());
}

#[test]
fn export_trailer() {
    let narinfo = narinfo();
    let trailer = ExportTrailer::new(&narinfo.info);
    let mut bytes = Vec::new();
    trailer.encode(&store_dir(), &mut bytes).unwrap();
    let known: &[u8] = b"NIXE\0\0\0\0\x34\0\0\0\0\0\0\0/nix/store/z8yym21709560nwcz0x4xjsgll5mssab-user.drv\0\0\0\0\
        \x04\0\0\0\0\0\0\0\x34\0\0\0\0\0\0\0/nix/store/gbfc0wsg9fw7zkxm7aflgcv7pygyizd3-tree.drv\0\0\0\0\
        \x35\0\0\0\0\0\0\0/nix/store/i7864rp2cdbbif8dy639hbjpxv46lsrp-plain.drv\0\0\0\
        \x35\0\0\0\0\0\0\0/nix/store/lvz7syi5q8cqhkpw7rng4wk3l500yvx1-script.sh\0\0\0\
        \x3b\0\0\0\0\0\0\0/nix/store/n4v4dyg9wxwk8mxl8nsx2n3p95pj6g96-flat.tar.gz.drv\0\0\0\0\0\
        \0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0";
    assert_eq!(bytes, known);
    assert_eq!(
        ExportTrailer::decode(&store_dir(), &mut &bytes[..]).unwrap(),
        trailer
    );
    assert_eq!(
        ExportTrailer::decode(&store_dir(), &mut &bytes[8..])
            .unwrap_err()
            .to_string(),
        "Nix archive cannot be imported; wrong format"
    );
    assert!(!decode_export_mark(&mut &[0; 8][..]).unwrap());
    assert_eq!(
        decode_export_mark(&mut &[2; 8][..])
            .unwrap_err()
            .to_string(),
        "input doesn't look like something created by 'nix-store --export'"
    );
}

#[test]
fn lying_lengths_cost_no_memory() {
    let mut bytes = Vec::new();
    bytes.write_number(60_000_000).unwrap();
    bytes.extend_from_slice(b"short");
    assert_eq!(
        (&bytes[..]).read_text().unwrap_err().to_string(),
        "unexpected end-of-file"
    );
    bytes[..8].fill(0xff);
    assert_eq!(
        (&bytes[..]).read_text().unwrap_err().to_string(),
        "string is too long"
    );
    assert_eq!(
        (&bytes[..]).read_texts().unwrap_err().to_string(),
        "list is too long"
    );
}

proptest! {
    #[test]
    fn primitives_round_trip(texts: Vec<String>, bytes: Vec<u8>, number: u64) {
        let mut out = Vec::new();
        out.write_texts(&texts).unwrap();
        out.write_bytes(&bytes).unwrap();
        out.write_number(number).unwrap();
        let mut input = &out[..];
        prop_assert_eq!(input.read_texts().unwrap(), texts);
        prop_assert_eq!(input.read_bytes(1 << 20).unwrap(), bytes);
        prop_assert_eq!(input.read_number().unwrap(), number);
        prop_assert!(input.is_empty());
    }

    #[test]
    fn damaged_narinfos_never_panic(position: prop::sample::Index, byte: u8) {
        let mut text = NARINFO.as_bytes().to_vec();
        let position = position.index(text.len());
        text[position] = byte;
        if let Ok(narinfo) = NarInfo::parse(&store_dir(), &text, "x") {
            let again = NarInfo::parse(&store_dir(), narinfo.print(&store_dir()).as_bytes(), "x").unwrap();
            prop_assert_eq!(again, narinfo);
        }
    }

    #[test]
    fn paths_round_trip(digests: std::collections::BTreeSet<[u8; 20]>) {
        let paths: std::collections::BTreeSet<_> = digests.iter().map(|digest| StorePath::new(digest, "x").unwrap()).collect();
        let mut out = Vec::new();
        out.write_paths(&store_dir(), &paths).unwrap();
        out.write_optional_path(&store_dir(), paths.first()).unwrap();
        let mut input = &out[..];
        prop_assert_eq!(&input.read_paths(&store_dir()).unwrap(), &paths);
        prop_assert_eq!(input.read_optional_path(&store_dir()).unwrap(), paths.first().cloned());
    }
}

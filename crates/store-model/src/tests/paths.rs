//! Store paths, content addresses, derived paths and path infos. Known answers come from
//! `nix-store --add`, `nix-store --add-fixed`, `nix store add` and `builtins.toFile`.

use std::collections::BTreeSet;

use firn_hash::{Algorithm, Hash, Hasher};
use proptest::prelude::*;

use crate::{
    ContentAddress, ContentAddressMethod, DerivedPath, OutputName, OutputsSpec, PathInfo,
    Signature, SingleDerivedPath, StoreDir, StorePath, StoreReferences, ValidPathInfo,
    output_placeholder,
};

/// `builtins.toFile "hello" "hello"`.
const KNOWN_TEXT: &str = "i4f75pn3bxkxdk2kld86k5qazq4cqj8i-hello";
/// `builtins.toFile "hello" "hello ${…}"`, with the path above.
const KNOWN_TEXT_REFERENCE: &str = "yjrykqf9zsngxgs6rnf1aragnxq1jjzw-hello";
/// `nix-store --add-fixed sha256 hello`, and so on, on a file that contains `hello`.
const KNOWN_FLAT: &str = "3fhdhfqli6qm669f7sz8d8v6xz24zrqc-hello";
const KNOWN_FLAT_SHA1: &str = "v0nrf1zmxrpzqx6hw27z2qp9glpisrpz-hello";
const KNOWN_NAR: &str = "yqi18hzk6wxzj2ksv7x9k8rnnzwirzz9-hello";
const KNOWN_NAR_SHA1: &str = "9yw8zg8zabkb6xrhdxm7shpq2cjcx9ky-hello";
const KNOWN_GIT: &str = "k4dcl5c78plk6xq4yib0cjacmicc4j9w-hello";
const NAR_SHA256: &str = "sha256:0sg9f58l1jj88w6pdrfdpj5x9b1zrwszk84j81zvby36q9whhhqa";
const NAR_SHA1: &str = "sha1:x5zjnshbjrrhpg88n2da87884cmn2i2i";
const GIT_SHA1: &str = "sha1:n2hvapdbm8q1472w7aamznb71di4rz5n";

fn store_dir() -> StoreDir {
    StoreDir::new("/nix/store").unwrap()
}

#[track_caller]
fn check_path_error(path: &str, message: &str) {
    assert_eq!(store_dir().parse(path).unwrap_err().to_string(), message);
}

#[test]
fn path_errors_have_the_words_of_the_field() {
    let digest = "f".repeat(32);
    check_path_error("/foo", "path \"/foo\" is not in the Nix store");
    check_path_error("/nix/store", "path \"/nix/store\" is not in the Nix store");
    check_path_error("/nix/store/../x", "path \"/nix/x\" is not in the Nix store");
    check_path_error("foo", "not an absolute path: \"foo\"");
    check_path_error(
        "/nix/store/abc",
        "'abc' is too short to be a valid store path",
    );
    check_path_error(
        &format!("/nix/store/{digest}-.."),
        &format!("path '{digest}-..' is not a valid store path: name '..' is not valid"),
    );
    check_path_error(
        &format!("/nix/store/{digest}-.-a"),
        &format!(
            "path '{digest}-.-a' is not a valid store path: name '.-a' is not valid: first dash-separated \
             component must not be '.'"
        ),
    );
    check_path_error(
        &format!("/nix/store/e{}-x", &digest[1..]),
        &format!(
            "store path 'e{}-x' contains illegal base-32 character 'e'",
            &digest[1..]
        ),
    );
    check_path_error(
        &format!("/nix/store/{digest}-a b"),
        &format!(
            "path '{digest}-a b' is not a valid store path: name 'a b' contains illegal character ' '"
        ),
    );
    check_path_error(
        &format!("/nix/store/{digest}-"),
        &format!("path '{digest}-' is not a valid store path: name must not be empty"),
    );
    check_path_error(
        &format!("/nix/store/{digest}x"),
        &format!("store path '{digest}x' has no dash after its digest"),
    );
    let long = "a".repeat(212);
    check_path_error(
        &format!("/nix/store/{digest}-{long}"),
        &format!(
            "path '{digest}-{long}' is not a valid store path: name '{long}' must be no longer than 211 characters"
        ),
    );
}

#[test]
fn paths_are_made_canonical_before_they_are_read() {
    let path = store_dir()
        .parse("/nix//store/./x/../w1pzy7dlps61vvs3qpc1smc09q7zkkdz-tree/")
        .unwrap();
    assert_eq!(path.name(), "tree");
    assert_eq!(path.hash_part(), "w1pzy7dlps61vvs3qpc1smc09q7zkkdz");
    assert_eq!(StorePath::new(&path.digest(), path.name()).unwrap(), path);
    assert_eq!(
        store_dir().print(&path),
        "/nix/store/w1pzy7dlps61vvs3qpc1smc09q7zkkdz-tree"
    );
    let (found, rest) = store_dir()
        .split(b"/nix/store/w1pzy7dlps61vvs3qpc1smc09q7zkkdz-tree/bin/sh")
        .unwrap();
    assert_eq!((found, rest), (path, &b"/bin/sh"[..]));
}

#[track_caller]
fn check_address(text: &str, address: &str, references: &[&str], expected: &str) {
    let address = ContentAddress::parse(address).unwrap();
    let references = StoreReferences {
        others: references
            .iter()
            .map(|path| store_dir().parse(path).unwrap())
            .collect(),
        itself: false,
    };
    let path = store_dir()
        .make_content_addressed_path(text, &address, &references)
        .unwrap();
    assert_eq!(path.as_str(), expected);
    assert_eq!(ContentAddress::parse(&address.to_string()), Ok(address));
    let with_algorithm = address.method.with_algorithm(address.hash.algorithm());
    assert_eq!(
        ContentAddressMethod::parse_with_algorithm(&with_algorithm),
        Ok((address.method, address.hash.algorithm()))
    );
}

#[test]
fn paths_follow_from_contents() {
    let hello = Hasher::sha256(b"hello");
    let sha1 = Hasher::hash(Algorithm::Sha1, b"hello");
    check_address("hello", &format!("text:{hello}"), &[], KNOWN_TEXT);
    check_address(
        "hello",
        &format!(
            "text:{}",
            Hasher::sha256(b"hello /nix/store/i4f75pn3bxkxdk2kld86k5qazq4cqj8i-hello")
        ),
        &["/nix/store/i4f75pn3bxkxdk2kld86k5qazq4cqj8i-hello"],
        KNOWN_TEXT_REFERENCE,
    );
    check_address("hello", &format!("fixed:{hello}"), &[], KNOWN_FLAT);
    check_address("hello", &format!("fixed:{sha1}"), &[], KNOWN_FLAT_SHA1);
    check_address("hello", &format!("fixed:r:{NAR_SHA256}"), &[], KNOWN_NAR);
    check_address("hello", &format!("fixed:r:{NAR_SHA1}"), &[], KNOWN_NAR_SHA1);
    check_address("hello", &format!("fixed:git:{GIT_SHA1}"), &[], KNOWN_GIT);
}

#[test]
fn impossible_paths_are_refused() {
    let references = StoreReferences {
        itself: true,
        ..StoreReferences::default()
    };
    let hash = Hasher::sha256(b"");
    let make = |method, hash, references| {
        let address = ContentAddress { method, hash };
        store_dir()
            .make_content_addressed_path("x", &address, references)
            .map_err(|error| error.to_string())
    };
    assert_eq!(
        make(ContentAddressMethod::Text, hash, &references),
        Err("self-reference not allowed with text hashing".into())
    );
    assert!(make(ContentAddressMethod::Nar, hash, &references).is_ok());
    assert_eq!(
        make(ContentAddressMethod::Flat, hash, &references),
        Err("fixed output derivation 'x' is not allowed to refer to other store paths.\nYou may need to use \
             the 'unsafeDiscardReferences' derivation attribute, see the manual for more details."
            .into())
    );
    assert_eq!(
        make(
            ContentAddressMethod::Git,
            Hasher::hash(Algorithm::Md5, b""),
            &StoreReferences::default()
        ),
        Err("Git file ingestion must use SHA-1 or SHA-256 hash, but instead using: md5".into())
    );
}

#[track_caller]
fn check_address_error(text: &str, message: &str) {
    assert_eq!(
        ContentAddress::parse(text).unwrap_err().to_string(),
        message
    );
}

#[test]
fn address_errors_have_the_words_of_the_field() {
    check_address_error(
        "x",
        "not a content address because it is not in the form '<prefix>:<rest>': x",
    );
    check_address_error(
        "x:y",
        "content address prefix 'x' is unrecognized. Recogonized prefixes are 'text' or 'fixed'",
    );
    check_address_error(
        "fixed:r:y",
        "content address hash must be in form '<algo>:<hash>', but found: y",
    );
    assert_eq!(ContentAddress::parse_optional(""), Ok(None));
}

#[test]
fn placeholders() {
    assert_eq!(
        output_placeholder("out"),
        "/1rz4g4znpzjwh1xymhjpm42vipw92pr73vdgl6xs1hycac8kf2n9"
    );
    assert_eq!(
        output_placeholder("man"),
        "/13w3w5jxr32cwlhkkhgz7w65fffzgv7fkd48zi7ncz9ghqzhnqpw"
    );
}

#[track_caller]
fn check_derived(text: &str) -> DerivedPath {
    let derived = DerivedPath::parse(&store_dir(), text).unwrap();
    assert_eq!(derived.print(&store_dir()), text);
    let legacy = text.replace('^', "!");
    assert_eq!(derived.print_legacy(&store_dir()), legacy);
    assert_eq!(
        DerivedPath::parse_legacy(&store_dir(), &legacy).as_ref(),
        Ok(&derived)
    );
    derived
}

#[test]
fn derived_paths() {
    let drv = "/nix/store/i7864rp2cdbbif8dy639hbjpxv46lsrp-plain.drv";
    assert!(matches!(check_derived(drv), DerivedPath::Opaque(_)));
    check_derived(&format!("{drv}^*"));
    check_derived(&format!("{drv}^dev,out"));
    let nested = check_derived(&format!("{drv}^out^dev,out"));
    assert_eq!(store_dir().print(nested.base_path()), drv);
    let single = SingleDerivedPath::parse(&store_dir(), &format!("{drv}^out^dev")).unwrap();
    assert_eq!(
        DerivedPath::from(single.clone()).print(&store_dir()),
        single.print(&store_dir())
    );
    assert!(SingleDerivedPath::parse(&store_dir(), &format!("{drv}^*")).is_err());
    assert!(DerivedPath::parse(&store_dir(), &format!("{drv}{}", "^a".repeat(100_000))).is_err());
}

#[test]
fn output_choices() {
    let parse = |text| OutputsSpec::parse(text).unwrap();
    assert_eq!(parse("a,b").union(&parse("c")).to_string(), "a,b,c");
    assert_eq!(parse("a").union(&parse("*")), OutputsSpec::All);
    assert!(parse("a").is_subset(&parse("a,b")));
    assert!(!parse("a,c").is_subset(&parse("a,b")));
    assert!(!parse("*").is_subset(&parse("a")));
    assert!(parse("*").contains("x") && !parse("a").contains("x"));
    assert_eq!(
        OutputsSpec::parse("").unwrap_err().to_string(),
        "name must not be empty"
    );
    assert!(OutputName::parse("out").unwrap().is_out());
}

#[test]
fn fingerprint_and_claim() {
    let nar_hash = Hash::parse_prefixed(NAR_SHA256).unwrap();
    let mut info = ValidPathInfo {
        path: StorePath::parse(KNOWN_NAR).unwrap(),
        info: PathInfo::new(nar_hash, 0),
    };
    assert_eq!(info.fingerprint(&store_dir()), None);
    assert!(!info.is_content_addressed(&store_dir()));
    info.nar_size = 120;
    info.content_address = Some(ContentAddress {
        method: ContentAddressMethod::Nar,
        hash: nar_hash,
    });
    assert!(info.is_content_addressed(&store_dir()));
    info.references = BTreeSet::from([info.path.clone(), StorePath::parse(KNOWN_TEXT).unwrap()]);
    assert!(!info.is_content_addressed(&store_dir()));
    assert!(info.store_references().itself);
    assert_eq!(
        info.fingerprint(&store_dir()).unwrap(),
        format!(
            "1;/nix/store/{KNOWN_NAR};{NAR_SHA256};120;/nix/store/{KNOWN_TEXT},/nix/store/{KNOWN_NAR}"
        )
    );
}

#[test]
fn signatures() {
    let text = "cache.example.org-1:AAEC";
    let signature = Signature::parse(text).unwrap();
    assert_eq!(
        (signature.key_name.as_str(), &*signature.bytes),
        ("cache.example.org-1", &[0, 1, 2][..])
    );
    assert_eq!(signature.to_string(), text);
    for corrupt in ["", "x", ":AAEC", "x:", "x:!"] {
        assert_eq!(
            Signature::parse(corrupt).unwrap_err().to_string(),
            "signature is corrupt"
        );
    }
}

proptest! {
    #[test]
    fn base_names_round_trip(digest: [u8; 20], name in "[a-z0-9+_?=][a-zA-Z0-9+._?=-]{0,40}") {
        let path = StorePath::new(&digest, &name).unwrap();
        prop_assert_eq!(path.digest(), digest);
        prop_assert_eq!(path.name(), &name);
        prop_assert_eq!(store_dir().parse(store_dir().print(&path)), Ok(path));
    }

    #[test]
    fn parsing_never_panics(bytes: Vec<u8>, text: String) {
        if let Ok(path) = store_dir().parse(&bytes) {
            prop_assert!(store_dir().contains(store_dir().print(&path).as_bytes()));
        }
        if let Ok(address) = ContentAddress::parse(&text) {
            prop_assert!(ContentAddress::parse(&address.to_string()).is_ok());
        }
    }
}

//! Derivations of every kind, as the reference instantiates them: read, written again, hashed.

use std::collections::BTreeMap;

use proptest::prelude::*;

use crate::{
    Derivation, DerivationError, DerivationOutput, DerivationType, HashModulo, SingleDerivedPath,
    StoreDir, StorePath, downstream_placeholder,
};

const FILES: [(&str, &[u8]); 13] = [
    file(
        "4yrwzv5jpqj6z5ng5l2dqlfbrain0ziq-deferred.drv",
        include_bytes!("derivations/4yrwzv5jpqj6z5ng5l2dqlfbrain0ziq-deferred.drv"),
    ),
    file(
        "9kq1rdnhm9vlri4imfgy6idzbxax15v2-floating.drv",
        include_bytes!("derivations/9kq1rdnhm9vlri4imfgy6idzbxax15v2-floating.drv"),
    ),
    file(
        "gbfc0wsg9fw7zkxm7aflgcv7pygyizd3-tree.drv",
        include_bytes!("derivations/gbfc0wsg9fw7zkxm7aflgcv7pygyizd3-tree.drv"),
    ),
    file(
        "i7864rp2cdbbif8dy639hbjpxv46lsrp-plain.drv",
        include_bytes!("derivations/i7864rp2cdbbif8dy639hbjpxv46lsrp-plain.drv"),
    ),
    file(
        "ja1ks6jrs1rgkllprw7cr2rimdbq32w9-user.drv",
        include_bytes!("derivations/ja1ks6jrs1rgkllprw7cr2rimdbq32w9-user.drv"),
    ),
    file(
        "n4v4dyg9wxwk8mxl8nsx2n3p95pj6g96-flat.tar.gz.drv",
        include_bytes!("derivations/n4v4dyg9wxwk8mxl8nsx2n3p95pj6g96-flat.tar.gz.drv"),
    ),
    file(
        "qamxg8i86c6n52girb6krvxfm082i313-tree.drv",
        include_bytes!("derivations/qamxg8i86c6n52girb6krvxfm082i313-tree.drv"),
    ),
    file(
        "qkildl8ak9h4kp1kzb4p0l8vp5wvxhb5-structured.drv",
        include_bytes!("derivations/qkildl8ak9h4kp1kzb4p0l8vp5wvxhb5-structured.drv"),
    ),
    file(
        "sccggs2pwcyy10f55pb29ypa6132f39s-text.drv.drv",
        include_bytes!("derivations/sccggs2pwcyy10f55pb29ypa6132f39s-text.drv.drv"),
    ),
    file(
        "ym6cp8mfi813hyi8gfcdlfkywc9p8w06-dynamic.drv",
        include_bytes!("derivations/ym6cp8mfi813hyi8gfcdlfkywc9p8w06-dynamic.drv"),
    ),
    file(
        "z8yym21709560nwcz0x4xjsgll5mssab-user.drv",
        include_bytes!("derivations/z8yym21709560nwcz0x4xjsgll5mssab-user.drv"),
    ),
    file(
        "zmdz86jklriwi476mim7mm1ishwkxhg0-top.drv",
        include_bytes!("derivations/zmdz86jklriwi476mim7mm1ishwkxhg0-top.drv"),
    ),
    file(
        "zsi72jbq26i24wbmmqcia3gkhx9h462r-impure.drv",
        include_bytes!("derivations/zsi72jbq26i24wbmmqcia3gkhx9h462r-impure.drv"),
    ),
];

const fn file(name: &'static str, text: &'static [u8]) -> (&'static str, &'static [u8]) {
    (name, text)
}

fn store_dir() -> StoreDir {
    StoreDir::new("/nix/store").unwrap()
}

fn parse(path: &StorePath, text: &[u8]) -> Derivation {
    Derivation::parse(&store_dir(), text, path.derivation_name().unwrap()).unwrap()
}

pub(super) fn all() -> BTreeMap<StorePath, Derivation> {
    FILES
        .iter()
        .map(|(name, text)| {
            let path = StorePath::parse(name).unwrap();
            let drv = parse(&path, text);
            (path, drv)
        })
        .collect()
}

pub(super) fn named<'a>(
    drvs: &'a BTreeMap<StorePath, Derivation>,
    name: &str,
) -> (&'a StorePath, &'a Derivation) {
    drvs.iter().find(|(_, drv)| drv.name == name).unwrap()
}

fn modulo(
    drvs: &BTreeMap<StorePath, Derivation>,
    path: &StorePath,
) -> Result<HashModulo, DerivationError> {
    drvs[path].hash_modulo(&store_dir(), false, &mut |input| modulo(drvs, input))
}

#[test]
fn printing_gives_back_the_file_and_its_path() {
    for (name, text) in FILES {
        let path = StorePath::parse(name).unwrap();
        let drv = parse(&path, text);
        assert_eq!(drv.print(&store_dir()).unwrap(), text, "{name}");
        assert_eq!(drv.store_path(&store_dir(), text).unwrap(), path);
    }
}

#[test]
fn output_paths_follow_from_the_derivation() {
    let drvs = all();
    for drv in drvs.values() {
        let warnings = drv
            .check_output_paths(&store_dir(), &mut |input| modulo(&drvs, input))
            .unwrap();
        assert_eq!(warnings, []);

        let mut blank = drv.clone();
        for (name, output) in &mut blank.outputs {
            if let DerivationOutput::InputAddressed(_) = output {
                *output = DerivationOutput::Deferred;
                blank.env.insert(name.as_bytes().to_vec(), Vec::new());
            }
        }
        blank
            .fill_output_paths(&store_dir(), &mut |input| modulo(&drvs, input))
            .unwrap();
        assert_eq!(&blank, drv);
    }
}

#[test]
fn wrong_output_paths_are_refused() {
    let drvs = all();
    let (_, plain) = named(&drvs, "plain");
    let (_, top) = named(&drvs, "top");
    let mut wrong = plain.clone();
    wrong.outputs = top.outputs.clone();
    let error = wrong
        .check_output_paths(&store_dir(), &mut |input| modulo(&drvs, input))
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "derivation has incorrect output '/nix/store/qs34dvcm8ig82hxhlm0fyyk80w5xhq9n-top', should be \
         '/nix/store/wj4p79ls800qifx5mdfrxj55nd5srp8y-plain'"
    );
    let mut wrong = plain.clone();
    wrong.env.insert(b"out".to_vec(), b"elsewhere".to_vec());
    let error = wrong
        .check_output_paths(&store_dir(), &mut |input| modulo(&drvs, input))
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "derivation has incorrect environment variable 'out', should be \
         '/nix/store/wj4p79ls800qifx5mdfrxj55nd5srp8y-plain' but is actually 'elsewhere'"
    );
}

#[test]
fn kinds() {
    let drvs = all();
    for (name, kind) in [
        ("plain", DerivationType::InputAddressed { deferred: false }),
        (
            "deferred",
            DerivationType::InputAddressed { deferred: true },
        ),
        ("dynamic", DerivationType::InputAddressed { deferred: true }),
        ("tree", DerivationType::Fixed),
        ("floating", DerivationType::Floating),
        ("text.drv", DerivationType::Floating),
        ("impure", DerivationType::Impure),
    ] {
        assert_eq!(named(&drvs, name).1.derivation_type(), Ok(kind), "{name}");
    }
    assert!(modulo(&drvs, named(&drvs, "deferred").0).unwrap().deferred);
    assert!(modulo(&drvs, named(&drvs, "dynamic").0).unwrap().deferred);
    assert!(
        !modulo(&drvs, named(&drvs, "structured").0)
            .unwrap()
            .deferred
    );
    assert!(named(&drvs, "structured").1.structured_attrs().is_some());
    assert!(named(&drvs, "plain").1.structured_attrs().is_none());
    let features: Vec<_> = named(&drvs, "text.drv").1.features().into_iter().collect();
    assert_eq!(features, ["ca-derivations", "dynamic-derivations"]);
}

#[test]
fn placeholders_for_outputs_not_yet_known() {
    let drvs = all();
    let (_, deferred) = named(&drvs, "deferred");
    let floating = SingleDerivedPath::Opaque(named(&drvs, "floating").0.clone());
    for (variable, output) in [("floating", "out"), ("man", "man")] {
        assert_eq!(
            deferred.env[variable.as_bytes()],
            downstream_placeholder(&floating, output)
                .unwrap()
                .into_bytes()
        );
    }
    let (_, dynamic) = named(&drvs, "dynamic");
    let text = store_dir().print(named(&drvs, "text.drv").0);
    let inner = SingleDerivedPath::parse(&store_dir(), &format!("{text}^out")).unwrap();
    assert_eq!(
        dynamic.env[&b"inner"[..]],
        downstream_placeholder(&inner, "out").unwrap().into_bytes()
    );
}

#[track_caller]
fn check_error(text: &str, message: &str) {
    let error = Derivation::parse(&store_dir(), text.as_bytes(), "x").unwrap_err();
    assert_eq!(error.to_string(), message);
}

#[test]
fn errors_have_the_words_of_the_field() {
    check_error("", "expected string 'D'");
    check_error(
        "Dx",
        "derivation does not start with 'Derive' or 'DrvWithVersion'",
    );
    check_error(
        "DrvWithVersion(\"2\",",
        "Unknown derivation ATerm format version '2'",
    );
    check_error("Derive([(\"out", "unterminated string in derivation");
    check_error("Derive([],[(\"a\"", "bad path 'a' in derivation");
    check_error(
        "Derive([(\"out\",\"/a\",\"\",\"\")]",
        "path \"/a\" is not in the Nix store",
    );
    check_error(
        "Derive([(\"out\",\"/a\",\"sha256\",\"impure\")]",
        "impure derivation output should not specify output path",
    );
    check_error(
        "Derive([(\"out\",\"/a\",\"sha256\",\"\")]",
        "content-addressing derivation output should not specify output path",
    );
}

#[test]
fn deep_nesting_is_an_error() {
    let mut text = String::from(
        "DrvWithVersion(\"xp-dyn-drv\",[],[(\"/nix/store/ffffffffffffffffffffffffffffffff-x.drv\",",
    );
    text.push_str(&"([],[(\"out\",".repeat(100_000));
    check_error(
        &text,
        "inputs of a derivation are nested deeper than 128 levels",
    );
}

proptest! {
    #[test]
    fn any_environment_survives(env: BTreeMap<Vec<u8>, Vec<u8>>, args: Vec<Vec<u8>>, builder: Vec<u8>) {
        let (_, text) = FILES[3];
        let path = StorePath::parse(FILES[3].0).unwrap();
        let drv = Derivation { builder, args, env, ..parse(&path, text) };
        let printed = drv.print(&store_dir()).unwrap();
        prop_assert_eq!(Derivation::parse(&store_dir(), &printed, "plain").unwrap(), drv);
    }

    #[test]
    fn parsing_never_panics(position: prop::sample::Index, byte: u8, which: prop::sample::Index) {
        let (_, text) = FILES[which.index(FILES.len())];
        let mut text = text.to_vec();
        let position = position.index(text.len());
        text[position] = byte;
        if let Ok(drv) = Derivation::parse(&store_dir(), &text, "x") {
            prop_assert!(drv.print(&store_dir()).is_ok());
        }
        text.truncate(position);
        prop_assert!(Derivation::parse(&store_dir(), &text, "x").is_err());
    }
}

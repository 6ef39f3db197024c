//! JSON forms, as `nix derivation show`, `nix show-derivation` (2.8) and `nix path-info` print them.

use serde_json::Value;

use super::caches::{narinfo, store_dir};
use super::derivations::{all, named};
use crate::{Derivation, DerivationJsonVersion, PathInfo, PathInfoJsonVersion};

#[track_caller]
fn check_v4(name: &str, expected: &str) {
    let drvs = all();
    let (_, drv) = named(&drvs, name);
    let json = drv
        .to_json(&store_dir(), DerivationJsonVersion::V4)
        .unwrap();
    assert_eq!(json.to_string(), expected);
    assert_eq!(&Derivation::from_json(&json).unwrap(), drv);
}

#[test]
fn derivations_version_4() {
    check_v4(
        "structured",
        r#"{"args":[],"builder":"/bin/sh","env":{"doc":"/nix/store/id47bd4vhqz78r8k9ghfyy0gzp20krqn-structured-doc","out":"/nix/store/rbk5lfysvbsnp4z8b72qif4wv4sw5j4v-structured"},"inputs":{"drvs":{"z8yym21709560nwcz0x4xjsgll5mssab-user.drv":{"dynamicOutputs":{},"outputs":["out"]}},"srcs":[]},"name":"structured","outputs":{"doc":{"path":"id47bd4vhqz78r8k9ghfyy0gzp20krqn-structured-doc"},"out":{"path":"rbk5lfysvbsnp4z8b72qif4wv4sw5j4v-structured"}},"structuredAttrs":{"builder":"/bin/sh","list":[1,"two",{"three":3.5},null],"name":"structured","outputs":["out","doc"],"system":"x86_64-linux","user":"/nix/store/pxnrjbm5x7rsabm22adfybmlwbwmz5yx-user"},"system":"x86_64-linux","version":4}"#,
    );
    check_v4(
        "dynamic",
        r#"{"args":[],"builder":"/bin/sh","env":{"builder":"/bin/sh","inner":"/01hdr8j8imla95bw3lq70gsc2pl6jjxcjmjlr22lw1w0s0xsm1mg","name":"dynamic","out":"","system":"x86_64-linux"},"inputs":{"drvs":{"sccggs2pwcyy10f55pb29ypa6132f39s-text.drv.drv":{"dynamicOutputs":{"out":{"dynamicOutputs":{},"outputs":["out"]}},"outputs":[]}},"srcs":[]},"name":"dynamic","outputs":{"out":{}},"system":"x86_64-linux","version":4}"#,
    );
    check_v4(
        "impure",
        r#"{"args":[],"builder":"/bin/sh","env":{"builder":"/bin/sh","name":"impure","out":"/1rz4g4znpzjwh1xymhjpm42vipw92pr73vdgl6xs1hycac8kf2n9","outputHashAlgo":"sha512","outputHashMode":"flat","system":"x86_64-linux"},"inputs":{"drvs":{},"srcs":[]},"name":"impure","outputs":{"out":{"hashAlgo":"sha512","impure":true,"method":"flat"}},"system":"x86_64-linux","version":4}"#,
    );
    check_v4(
        "flat.tar.gz",
        r#"{"args":[],"builder":"/bin/sh","env":{"builder":"/bin/sh","name":"flat.tar.gz","out":"/nix/store/q5sfl62042x64g4670gasidk1zshib5g-flat.tar.gz","outputHash":"aaf4c61ddcc5e8a2dabede0f3b482cd9aea9434d","outputHashAlgo":"sha1","outputHashMode":"flat","system":"x86_64-linux","url":"https://example.org/flat.tar.gz"},"inputs":{"drvs":{},"srcs":[]},"name":"flat.tar.gz","outputs":{"out":{"hash":"sha1-qvTGHdzF6KLavt4PO0gs2a6pQ00=","method":"flat"}},"system":"x86_64-linux","version":4}"#,
    );
}

#[test]
fn every_derivation_comes_back_from_version_4() {
    for drv in all().values() {
        let json = drv
            .to_json(&store_dir(), DerivationJsonVersion::V4)
            .unwrap();
        assert_eq!(&Derivation::from_json(&json).unwrap(), drv);
    }
}

#[track_caller]
fn check_unversioned(name: &str, expected: &str) {
    let drvs = all();
    let json = named(&drvs, name)
        .1
        .to_json(&store_dir(), DerivationJsonVersion::Unversioned)
        .unwrap();
    assert_eq!(json, expected.parse::<Value>().unwrap());
}

#[test]
fn derivations_without_version() {
    check_unversioned(
        "floating",
        r#"{"outputs": {"man": {"hashAlgo": "r:sha256"}, "out": {"hashAlgo": "r:sha256"}}, "inputSrcs": [], "inputDrvs": {"/nix/store/i7864rp2cdbbif8dy639hbjpxv46lsrp-plain.drv": ["out"]}, "system": "x86_64-linux", "builder": "/bin/sh", "args": [], "env": {"builder": "/bin/sh", "man": "/13w3w5jxr32cwlhkkhgz7w65fffzgv7fkd48zi7ncz9ghqzhnqpw", "name": "floating", "out": "/1rz4g4znpzjwh1xymhjpm42vipw92pr73vdgl6xs1hycac8kf2n9", "outputHashAlgo": "sha256", "outputHashMode": "recursive", "outputs": "out man", "plain": "/nix/store/wj4p79ls800qifx5mdfrxj55nd5srp8y-plain", "system": "x86_64-linux"}}"#,
    );
    check_unversioned(
        "flat.tar.gz",
        r#"{"outputs": {"out": {"path": "/nix/store/q5sfl62042x64g4670gasidk1zshib5g-flat.tar.gz", "hashAlgo": "sha1", "hash": "aaf4c61ddcc5e8a2dabede0f3b482cd9aea9434d"}}, "inputSrcs": [], "inputDrvs": {}, "system": "x86_64-linux", "builder": "/bin/sh", "args": [], "env": {"builder": "/bin/sh", "name": "flat.tar.gz", "out": "/nix/store/q5sfl62042x64g4670gasidk1zshib5g-flat.tar.gz", "outputHash": "aaf4c61ddcc5e8a2dabede0f3b482cd9aea9434d", "outputHashAlgo": "sha1", "outputHashMode": "flat", "system": "x86_64-linux", "url": "https://example.org/flat.tar.gz"}}"#,
    );
}

#[test]
fn derivations_that_are_no_json() {
    let drvs = all();
    let mut drv = named(&drvs, "plain").1.clone();
    drv.args.push(vec![0xff]);
    assert!(
        drv.to_json(&store_dir(), DerivationJsonVersion::V4)
            .is_err()
    );
    let error = Derivation::from_json(&serde_json::json!({ "version": 3 })).unwrap_err();
    assert_eq!(
        error.to_string(),
        "Unsupported derivation JSON format version 3, only format version 4 is currently supported."
    );
    let error = Derivation::from_json(&serde_json::json!({})).unwrap_err();
    assert_eq!(
        error.to_string(),
        "Expected JSON object to contain key 'version' but it doesn't"
    );
}

#[track_caller]
fn check_path_info(version: PathInfoJsonVersion, expected: &str) {
    let mut info = narinfo().info.info;
    info.registration_time = 1_795_183_155;
    let json = info.to_json(&store_dir(), version, true);
    assert_eq!(json.to_string(), expected);
    assert_eq!(PathInfo::from_json(&store_dir(), &json).unwrap(), info);
    let pure = info.to_json(&store_dir(), version, false);
    assert!(pure.get("signatures").is_none());
    assert!(
        PathInfo::from_json(&store_dir(), &pure)
            .unwrap()
            .signatures
            .is_empty()
    );
}

#[test]
fn path_infos() {
    check_path_info(
        PathInfoJsonVersion::V1,
        r#"{"ca":"text:sha256:1wcaw1lk1k6v1isjn9fin7c802bhh2y11x3kvjaa8qvacmsjm5n9","deriver":null,"narHash":"sha256-4RSWT/tbXlcbvyp00vLyTzJqZSLrfai8novbNbg0oQ8=","narSize":1128,"references":["/nix/store/gbfc0wsg9fw7zkxm7aflgcv7pygyizd3-tree.drv","/nix/store/i7864rp2cdbbif8dy639hbjpxv46lsrp-plain.drv","/nix/store/lvz7syi5q8cqhkpw7rng4wk3l500yvx1-script.sh","/nix/store/n4v4dyg9wxwk8mxl8nsx2n3p95pj6g96-flat.tar.gz.drv"],"registrationTime":1795183155,"signatures":["test.example-1:9veKgyinNmQRrfjtOufji28mLHKyn5IGSs51i79W4sC+p6G/XtFdVkv3V7eEmV4whTBEoZmAup54lzcQI8zHDw=="],"storeDir":"/nix/store","ultimate":false,"version":1}"#,
    );
    check_path_info(
        PathInfoJsonVersion::V2,
        r#"{"ca":{"hash":"sha256-yZYqdWVqY6SU3HP0ELyAcAmA2LHRJSt1DNvMMGngivE=","method":"text"},"deriver":null,"narHash":"sha256-4RSWT/tbXlcbvyp00vLyTzJqZSLrfai8novbNbg0oQ8=","narSize":1128,"references":["gbfc0wsg9fw7zkxm7aflgcv7pygyizd3-tree.drv","i7864rp2cdbbif8dy639hbjpxv46lsrp-plain.drv","lvz7syi5q8cqhkpw7rng4wk3l500yvx1-script.sh","n4v4dyg9wxwk8mxl8nsx2n3p95pj6g96-flat.tar.gz.drv"],"registrationTime":1795183155,"signatures":["test.example-1:9veKgyinNmQRrfjtOufji28mLHKyn5IGSs51i79W4sC+p6G/XtFdVkv3V7eEmV4whTBEoZmAup54lzcQI8zHDw=="],"storeDir":"/nix/store","ultimate":false,"version":2}"#,
    );
    assert!(PathInfoJsonVersion::new(3).is_err());
    let narinfo = narinfo().to_json(&store_dir(), PathInfoJsonVersion::V2, true);
    assert_eq!(
        (&narinfo["compression"], &narinfo["downloadSize"]),
        (&"xz".into(), &604.into())
    );
}

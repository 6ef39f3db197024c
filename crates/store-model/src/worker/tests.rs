//! Requests, replies and log messages survive the way there and back in every version, and the
//! bytes of a few are known.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read as _, Write as _};

use firn_hash::{Algorithm, Hash};

use super::framed::{FramedReader, FramedWriter};
use super::reply::{self, BuildOutcome};
use super::*;
use crate::{
    ContentAddressMethod, Derivation, DerivationOutput, DerivedPath, DrvOutput, OutputName,
    PathInfo, Realisation, Signature, StoreDir, StorePath, ValidPathInfo,
};

fn store_dir() -> StoreDir {
    StoreDir::new("/nix/store").unwrap()
}

fn path(name: &str) -> StorePath {
    StorePath::parse(format!("00000000000000000000000000000000-{name}")).unwrap()
}

fn info() -> ValidPathInfo {
    let mut info = PathInfo::new(Hash::zero(Algorithm::Sha256), 96);
    info.references.insert(path("other"));
    info.deriver = Some(path("x.drv"));
    info.registration_time = 12;
    info.signatures
        .insert(Signature::parse("key:c2ln").unwrap());
    ValidPathInfo {
        path: path("x"),
        info,
    }
}

fn derivation() -> Derivation {
    Derivation {
        name: "x".to_owned(),
        outputs: [(
            OutputName::parse("out").unwrap(),
            DerivationOutput::Floating {
                method: ContentAddressMethod::Nar,
                algorithm: Algorithm::Sha256,
            },
        )]
        .into(),
        input_srcs: [path("src")].into(),
        platform: b"x86_64-linux".to_vec(),
        builder: b"/bin/sh".to_vec(),
        args: vec![b"-c".to_vec(), b"\xff".to_vec()],
        env: [(b"a".to_vec(), b"b".to_vec())].into(),
        ..Derivation::default()
    }
}

fn derived(text: &str) -> DerivedPath {
    DerivedPath::parse(&store_dir(), text).unwrap()
}

fn requests() -> Vec<Request> {
    let id = DrvOutput {
        drv_hash: Hash::zero(Algorithm::Sha256),
        output: OutputName::parse("out").unwrap(),
    };
    let realisation = Realisation {
        id: id.clone(),
        out_path: path("x"),
        signatures: BTreeSet::new(),
        dependent_realisations: BTreeMap::new(),
    };
    let paths = vec![
        derived("/nix/store/00000000000000000000000000000000-x"),
        derived("/nix/store/00000000000000000000000000000000-x.drv^out,dev"),
        derived("/nix/store/00000000000000000000000000000000-x.drv^*"),
    ];
    vec![
        Request::IsValidPath(path("x")),
        Request::AddText {
            name: "t".to_owned(),
            contents: b"\0\xff".to_vec(),
            references: [path("x")].into(),
        },
        Request::BuildPaths {
            paths: paths.clone(),
            mode: 2,
        },
        Request::FindRoots,
        Request::SetOptions(ClientOptions {
            verbosity: 3,
            max_jobs: 4,
            overrides: [("a".to_owned(), "b".to_owned())].into(),
            ..ClientOptions::default()
        }),
        Request::CollectGarbage(CollectRequest {
            action: 3,
            paths: [path("x")].into(),
            ignore_liveness: false,
            max_freed: u64::MAX,
        }),
        Request::BuildDerivation {
            path: path("x.drv"),
            derivation: Box::new(derivation()),
            mode: 0,
        },
        Request::AddToStoreNar(Box::new(ArchiveRequest {
            info: info(),
            repair: false,
            skip_signatures: true,
        })),
        Request::QueryMissing(paths),
        Request::RegisterDrvOutput(realisation),
        Request::QueryRealisation(id),
        Request::AddBuildLog(path("x.drv")),
        Request::AddPermRoot {
            path: path("x"),
            link: b"/tmp/link".to_vec(),
        },
    ]
}

#[test]
fn requests_survive_in_every_version() {
    for minor in ProtocolVersion::OLDEST.minor..=ProtocolVersion::LATEST.minor {
        let version = ProtocolVersion::new(minor);
        for request in requests() {
            let mut bytes = Vec::new();
            request.encode(version, &store_dir(), &mut bytes).unwrap();
            let (number, mut rest) = bytes.split_first_chunk::<8>().unwrap();
            let number = u64::from_le_bytes(*number);
            let decoded = Request::decode(number, version, &store_dir(), &mut rest).unwrap();
            assert_eq!(decoded, request, "version {version}");
            assert!(rest.is_empty(), "{request:?} leaves bytes");
        }
    }
}

#[test]
fn additions_take_the_form_of_their_time() {
    let old = Request::AddArchive {
        name: "x".to_owned(),
        method: ContentAddressMethod::Flat,
        algorithm: Algorithm::Sha1,
    };
    let new = Request::AddToStore {
        name: "x".to_owned(),
        method: ContentAddressMethod::Nar,
        algorithm: Algorithm::Sha256,
        references: BTreeSet::new(),
        repair: true,
    };
    for (request, minor) in [(old, 24), (new, 25)] {
        let version = ProtocolVersion::new(minor);
        let mut bytes = Vec::new();
        request.encode(version, &store_dir(), &mut bytes).unwrap();
        let decoded = Request::decode(7, version, &store_dir(), &mut &bytes[8..]).unwrap();
        assert_eq!(decoded, request);
    }
}

#[test]
fn a_truncated_request_is_an_error() {
    let version = ProtocolVersion::LATEST;
    for request in requests() {
        let mut bytes = Vec::new();
        request.encode(version, &store_dir(), &mut bytes).unwrap();
        for end in 8..bytes.len() {
            let decoded =
                Request::decode(request.number(), version, &store_dir(), &mut &bytes[8..end]);
            assert!(decoded.is_err(), "{request:?} cut at {end}");
        }
    }
}

#[test]
fn log_messages_survive() {
    let messages = [
        LogMessage::Line(b"a line\n".to_vec()),
        LogMessage::Last,
        LogMessage::Error(LogError {
            level: 0,
            message: "no".to_owned(),
            traces: vec!["while".to_owned()],
            status: 1,
        }),
        LogMessage::StartActivity {
            id: 7,
            level: 3,
            kind: 105,
            text: b"building".to_vec(),
            fields: vec![LogField::Text(b"x".to_vec()), LogField::Number(1)],
            parent: 0,
        },
        LogMessage::Result {
            id: 7,
            kind: 101,
            fields: vec![LogField::Text(b"line".to_vec())],
        },
        LogMessage::StopActivity(7),
    ];
    for message in messages {
        let mut bytes = Vec::new();
        message.encode(ProtocolVersion::LATEST, &mut bytes).unwrap();
        let decoded = LogMessage::decode(ProtocolVersion::LATEST, &mut bytes.as_slice()).unwrap();
        assert_eq!(decoded, message);
    }
}

#[test]
fn outcomes_survive_as_far_as_a_version_tells_them() {
    let outcome = BuildOutcome {
        status: 3,
        error: "failed".to_owned(),
        times_built: 1,
        time: (5, 9),
        cpu_time: (Some(10), None),
        ..BuildOutcome::default()
    };
    let there_and_back = |minor| {
        let version = ProtocolVersion::new(minor);
        let mut bytes = Vec::new();
        outcome.encode(version, &mut bytes).unwrap();
        BuildOutcome::decode(version, &mut bytes.as_slice()).unwrap()
    };
    assert_eq!(there_and_back(38), outcome);
    assert_eq!(there_and_back(29).time, (5, 9));
    assert_eq!(there_and_back(28).time, (0, 0));
}

#[test]
fn path_infos_survive() {
    let mut bytes = Vec::new();
    reply::encode_path_info(&info(), &store_dir(), &mut bytes).unwrap();
    let decoded = reply::decode_path_info(path("x"), &store_dir(), &mut bytes.as_slice()).unwrap();
    assert_eq!(decoded, info());
}

#[test]
fn frames_end_where_they_end() {
    let mut bytes = Vec::new();
    let mut writer = FramedWriter::new(&mut bytes);
    let data: Vec<u8> = (0..300_000_u32).map(|it| it as u8).collect();
    for piece in data.chunks(70_001) {
        writer.write_all(piece).unwrap();
    }
    writer.finish().unwrap();
    bytes.extend_from_slice(b"next");
    let mut input = bytes.as_slice();
    let mut read = Vec::new();
    FramedReader::new(&mut input)
        .read_to_end(&mut read)
        .unwrap();
    assert!(read == data);
    assert_eq!(input, b"next");
    let mut cut = &bytes[..1000];
    assert!(FramedReader::new(&mut cut).drain().is_err());
}

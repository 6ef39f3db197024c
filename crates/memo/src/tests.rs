//! The property that matters: after any edits to a tree, what memory answers is what an evaluation
//! answers.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use firn_eval::{
    Coercion, Ctx, EvalOptions, Heap, HostError, Purity, Registry, Scope, on_large_stack,
};
use firn_instantiate::{Library, Observer, StoreHost, Surroundings};
use firn_source::{FileOrigin, FileTable, SourcePath};
use firn_store::{DummyStore, Store};
use firn_store_model::StoreDir;

use crate::{Entry, Memory, Recorder};

/// Asks for files, listings, links, absent paths and whole sources.
const EXPRESSION: &str = r#"
    let
      names = builtins.attrNames (builtins.readDir ./.);
      isFile = name: (builtins.readDir ./.).${name} == "regular";
      one = name: "${name}=${if isFile name then builtins.readFile (./. + "/${name}") else "dir"}";
    in builtins.concatStringsSep ";" (map one names)
      + (if builtins.pathExists ./d/a then "yes" else "no")
      + (if builtins.pathExists ./d then "${./d}" else "")
      + builtins.getEnv "V"
"#;

fn store() -> Arc<dyn Store> {
    Arc::new(DummyStore::new(StoreDir::new("/nix/store").unwrap(), true))
}

fn evaluate(root: &Path, variable: &str, observer: Option<Arc<dyn Observer>>) -> Option<Vec<u8>> {
    let value = variable.as_bytes().to_vec();
    let surroundings = Surroundings {
        build_store: None,
        environment: Box::new(move |name| (name == b"V").then(|| value.clone())),
        home: None,
        current_time: 0,
        current_system: b"x86_64-linux".to_vec(),
        purity: Purity::default(),
        search_path: Vec::new(),
        library: Library::Absent,
        read_only: true,
        allow_import_from_derivation: false,
        trace_import_from_derivation: false,
        features: Vec::new(),
        messages: Box::new(|_| {}),
        fetch_place: Box::new(|_| Err(HostError::new("no network"))),
        observer,
        open_cache: Box::new(|_| Err(HostError::new("no caches"))),
        fetcher: None,
        allowed_uris: Vec::new(),
        interrupted: Arc::default(),
        forms: None,
    };
    let host = Arc::new(StoreHost::new(store(), surroundings));
    let files = Arc::new(FileTable::new());
    on_large_stack(|| {
        let heap = Heap::new();
        let registry = Registry::new()
            .with(firn_builtins::all())
            .with(&firn_instantiate::builtins());
        let mut ctx = Ctx::with_files(&heap, host, &registry, EvalOptions::default(), files);
        let file = ctx.add_source(FileOrigin::String, EXPRESSION.as_bytes().into());
        let base = SourcePath::host(root.as_os_str().as_encoded_bytes());
        let value = ctx.eval_source(file, &base, &Scope::new()).ok()?;
        Some(ctx.coerce(value, Coercion::default(), "").ok()?.0.clone())
    })
}

/// The answer of memory, or of an evaluation that is then remembered.
fn remembered(root: &Path, variable: &str, memory: &Memory) -> (Option<Vec<u8>>, bool) {
    let environment = |name: &[u8]| (name == b"V").then(|| variable.as_bytes().to_vec());
    if let Some(mut entry) = memory.recall("k")
        && let Ok(noted) = entry.trace.check(&environment, store().as_ref(), &|| None)
    {
        if noted {
            memory.keep("k", &entry).unwrap();
        }
        return (Some(entry.result), true);
    }
    let recorder = Arc::new(Recorder::default());
    let observer = Arc::clone(&recorder) as Arc<dyn Observer>;
    let result = evaluate(root, variable, Some(observer));
    if let (Some(result), Ok(trace)) = (&result, recorder.finish(store().as_ref())) {
        let result = result.clone();
        memory.keep("k", &Entry { trace, result }).unwrap();
    }
    (result, false)
}

/// Numbers that look random and are always the same.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (self.0 >> 33) % limit
    }
}

/// Changes something, or nothing, in a tree of few names, so that edits meet.
fn edit(root: &Path, numbers: &mut Numbers) {
    let names = ["a", "b", "d/a", "d/b", "d/e/f", "g"];
    let path: PathBuf = root.join(names[numbers.below(6) as usize]);
    // What an edit meets may forbid it; then it is none.
    match numbers.below(9) {
        0..=2 => {
            fs::create_dir_all(path.parent().unwrap()).ok();
            fs::write(&path, format!("{}", numbers.below(10))).ok();
        }
        3 => drop(fs::remove_file(&path)),
        4 => drop(fs::remove_dir_all(root.join("d"))),
        5 => drop(fs::rename(
            &path,
            root.join(names[numbers.below(6) as usize]),
        )),
        6 => drop(std::os::unix::fs::symlink("b", &path)),
        7 => {
            // The same contents again: another status only.
            if let Ok(contents) = fs::read(&path) {
                fs::write(&path, contents).ok();
            }
        }
        _ => {}
    }
}

#[test]
fn memory_answers_what_an_evaluation_does() {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path().join("tree");
    fs::create_dir(&root).unwrap();
    let memory = Memory::new(directory.path().join("memory"));
    let mut numbers = Numbers(7);
    let (mut n_remembered, mut n_good) = (0, 0);
    for _ in 0..100 {
        edit(&root, &mut numbers);
        let variable = if numbers.below(8) == 0 { "x" } else { "" };
        let cold = evaluate(&root, variable, None);
        let (answer, was_remembered) = remembered(&root, variable, &memory);
        assert_eq!(answer, cold);
        let (again, is_remembered) = remembered(&root, variable, &memory);
        assert_eq!(again, cold);
        n_good += u32::from(cold.is_some());
        n_remembered += u32::from(was_remembered) + u32::from(is_remembered);
    }
    assert!(n_remembered > 50, "{n_remembered}");
    assert!(n_good > 60, "{n_good}");
}

#[test]
fn what_changed_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path().join("tree");
    fs::create_dir(&root).unwrap();
    fs::write(root.join("a"), "1").unwrap();
    let recorder = Arc::new(Recorder::default());
    let observer = Arc::clone(&recorder) as Arc<dyn Observer>;
    evaluate(&root, "", Some(observer)).unwrap();
    let trace = recorder.finish(store().as_ref()).unwrap();
    let check = |variable: &str| {
        let environment = |_: &[u8]| Some(variable.as_bytes().to_vec());
        let outcome = trace
            .clone()
            .check(&environment, store().as_ref(), &|| None);
        outcome.err().map(|it| it.to_string())
    };
    let shown = |name: &str| root.join(name).display().to_string();
    assert_eq!(check(""), None);
    assert_eq!(
        check("x").as_deref(),
        Some("variable 'V' has another value")
    );
    fs::write(root.join("a"), "2").unwrap();
    assert_eq!(
        check(""),
        Some(format!("file '{}' has changed", shown("a")))
    );
    fs::write(root.join("a"), "1").unwrap();
    assert_eq!(check(""), None);
    fs::create_dir(root.join("d")).unwrap();
    let other = format!("directory '{}' has other entries", root.display());
    assert_eq!(check(""), Some(other));
}

#[test]
fn the_clock_is_not_remembered() {
    let recorder = Recorder::default();
    recorder.loses_track("the expression asks for the time");
    let outcome = recorder.finish(store().as_ref());
    assert_eq!(outcome.err(), Some("the expression asks for the time"));
}

//! Both ends speak with each other, and with those of another implementation where it is installed.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex};

use firn_events::{NullSink, RecordingSink, SharedSink};
use firn_store::tree::LocalTree;
use firn_store::{
    AddOptions, CopyOptions, DumpFormat, GcAction, GcOptions, LocalOptions, LocalStore, Location,
    NarOptions, RemoteStore, RemoteStoreOptions, ServeStore, ServeStoreOptions, Store, StoreError,
    StoreTraits, Transport, VerifyOptions, copy_closure,
};
use firn_store_model::serve::ServeBuildOptions;
use firn_store_model::worker::ClientOptions;
use firn_store_model::{
    ContentAddressMethod, PublicKeys, SecretKey, Signature, StoreDir, StorePath,
};
use firn_sys::socket;
use tempfile::TempDir;

use crate::{
    Backend, ClientLog, LegacyServer, ServeOptions, Trust, serve_client, serve_legacy_client,
};

/// A store below a temporary root.
struct World {
    dir: TempDir,
    store: Arc<LocalStore>,
    keys: Mutex<Vec<ClientOptions>>,
}

fn store_dir() -> StoreDir {
    StoreDir::new("/nix/store").unwrap()
}

fn local(root: &Path, trusted_keys: PublicKeys) -> Arc<LocalStore> {
    let options = LocalOptions {
        proc_dir: None,
        fsync_metadata: false,
        trusted_keys,
        ..LocalOptions::default()
    };
    Arc::new(LocalStore::open(Location::below(root, store_dir()), options).unwrap())
}

impl World {
    fn new() -> Arc<World> {
        World::trusting(PublicKeys::default())
    }

    fn trusting(keys: PublicKeys) -> Arc<World> {
        let dir = tempfile::tempdir().unwrap();
        let store = local(&dir.path().join("root"), keys);
        Arc::new(World {
            dir,
            store,
            keys: Mutex::default(),
        })
    }

    /// Serves as many clients as come.
    fn serve(self: &Arc<World>, trust: Trust) -> PathBuf {
        let path = self.dir.path().join("socket");
        let listener = socket::listen(&path).unwrap();
        let world = Arc::clone(self);
        std::thread::spawn(move || {
            while let Ok((stream, _)) = listener.accept() {
                let world = Arc::clone(&world);
                std::thread::spawn(move || {
                    let log = Arc::new(ClientLog::new(Box::new(stream.try_clone().unwrap())));
                    let options = ServeOptions {
                        trust,
                        version: "test".to_owned(),
                        fixed_settings: false,
                    };
                    let mut backend = Shared(world);
                    serve_client(&mut backend, Box::new(stream), log, options).ok();
                });
            }
        });
        path
    }
}

struct Shared(Arc<World>);

impl Backend for Shared {
    fn open(
        &mut self,
        options: Option<&ClientOptions>,
        _log: SharedSink,
    ) -> Result<Arc<dyn Store>, StoreError> {
        self.0.keys.lock().unwrap().extend(options.cloned());
        Ok(Arc::clone(&self.0.store) as Arc<dyn Store>)
    }
}

fn client_with(transport: Transport, events: SharedSink) -> RemoteStore {
    RemoteStore::new(RemoteStoreOptions {
        derivation_source: None,
        url: "daemon".to_owned(),
        store_dir: store_dir(),
        transport,
        files: None,
        remote_roots: false,
        client_options: Some(ClientOptions {
            max_jobs: 3,
            ..ClientOptions::default()
        }),
        max_connections: 2,
        traits: StoreTraits::default(),
        events,
    })
}

fn client(socket: PathBuf) -> RemoteStore {
    client_with(Transport::Socket(socket), NullSink::shared())
}

fn sample(parent: &Path) -> PathBuf {
    let root = parent.join("sample");
    std::fs::create_dir_all(root.join("dir")).unwrap();
    std::fs::write(root.join("big"), vec![7; 3_000_000]).unwrap();
    std::fs::write(root.join("dir/small"), "small").unwrap();
    std::os::unix::fs::symlink("big", root.join("link")).unwrap();
    root
}

fn copy_options(check_signatures: bool) -> CopyOptions {
    CopyOptions {
        repair: false,
        check_signatures,
        substitute: false,
        n_jobs: 3,
        events: NullSink::shared(),
    }
}

#[test]
fn a_client_sees_and_changes_the_store() {
    let world = World::new();
    let client = client(world.serve(Trust::Trusted));
    client.introduce().unwrap();
    assert_eq!(client.traits().trusts_us, Some(true));
    assert_eq!(client.traits().version.as_deref(), Some("test"));
    assert_eq!(world.keys.lock().unwrap()[0].max_jobs, 3);

    let text = client.add_text("text", b"words", &[].into()).unwrap();
    assert!(world.store.is_valid_path(&text).unwrap());
    let source = sample(world.dir.path());
    let tree = client
        .add_tree(
            "sample",
            &LocalTree::new(&source),
            None,
            &AddOptions::default(),
        )
        .unwrap();
    let here = world
        .store
        .add_tree(
            "sample",
            &LocalTree::new(&source),
            None,
            &AddOptions::default(),
        )
        .unwrap();
    assert_eq!(tree, here);
    let flat = AddOptions {
        method: ContentAddressMethod::Flat,
        ..AddOptions::default()
    };
    let mut contents = &b"flat"[..];
    let file = client
        .add_dump("file", &mut contents, DumpFormat::Flat, &flat)
        .unwrap();
    let user = client
        .add_text("user", b"uses", &[text.clone(), tree.clone()].into())
        .unwrap();

    let info = client.query_path_info(&user).unwrap().unwrap();
    assert_eq!(info, world.store.query_path_info(&user).unwrap().unwrap());
    let absent = StorePath::parse("00000000000000000000000000000000-absent").unwrap();
    assert!(client.query_path_info(&absent).unwrap().is_none());
    let all = [text.clone(), tree.clone(), file, user.clone()];
    let infos = client
        .query_path_infos(&all.iter().cloned().chain([absent.clone()]).collect())
        .unwrap();
    assert_eq!(infos.len(), 4);
    assert_eq!(client.query_all_valid_paths().unwrap().len(), 4);
    assert_eq!(
        client.query_referrers(&text).unwrap(),
        [user.clone()].into()
    );
    assert_eq!(
        client.query_path_from_hash_part(text.hash_part()).unwrap(),
        Some(text.clone())
    );

    let (mut theirs, mut ours) = (Vec::new(), Vec::new());
    client.nar_from_path(&tree, &mut theirs).unwrap();
    world.store.nar_from_path(&tree, &mut ours).unwrap();
    assert!(theirs == ours);
    // A refusal leaves the conversation as it was.
    let error = client.nar_from_path(&absent, &mut Vec::new()).unwrap_err();
    assert!(error.to_string().contains("is not valid"), "{error}");
    assert!(client.is_valid_path(&tree).unwrap());

    let live = client
        .collect_garbage(&GcOptions::new(GcAction::ReturnLive))
        .unwrap();
    assert_eq!(live.paths.len(), 4);
    let options = VerifyOptions {
        check_contents: true,
        repair: false,
    };
    assert!(!client.verify(options).unwrap());
    client.optimise().unwrap();
}

#[test]
fn closures_go_through_in_both_directions() {
    let (near, far) = (World::new(), World::new());
    let source = sample(near.dir.path());
    let tree = near
        .store
        .add_tree(
            "sample",
            &LocalTree::new(&source),
            None,
            &AddOptions::default(),
        )
        .unwrap();
    let user = near
        .store
        .add_text("user", b"uses", &[tree.clone()].into())
        .unwrap();
    let client = client(far.serve(Trust::Untrusted));
    let wanted = [user.clone()].into();
    copy_closure(&*near.store, &client, &wanted, &copy_options(true)).unwrap();
    assert!(far.store.is_valid_path(&tree).unwrap());
    let back = World::new();
    copy_closure(&client, &*back.store, &wanted, &copy_options(true)).unwrap();
    assert!(back.store.is_valid_path(&user).unwrap());
}

#[test]
fn who_is_not_trusted_may_only_bring_what_is_proven() {
    let key = SecretKey::from_seed("key", [7; 32]);
    let world = World::trusting([key.public_key()].into_iter().collect());
    let origin = World::new();
    let path = origin.store.add_text("x", b"x", &[].into()).unwrap();
    let mut info = (*origin.store.query_path_info(&path).unwrap().unwrap()).clone();
    // Without the claim that its path follows from its contents, someone has to vouch for it.
    info.content_address = None;
    info.ultimate = true;
    let mut nar = Vec::new();
    origin.store.nar_from_path(&path, &mut nar).unwrap();
    let unchecked = NarOptions::default();

    let untrusted = client(world.serve(Trust::Untrusted));
    untrusted.introduce().unwrap();
    assert_eq!(untrusted.traits().trusts_us, Some(false));
    let error = untrusted
        .add_nar(&info, &mut nar.as_slice(), unchecked)
        .unwrap_err();
    assert!(error.to_string().contains("lacks a signature"), "{error}");
    let repair = VerifyOptions {
        check_contents: false,
        repair: true,
    };
    assert!(untrusted.verify(repair).is_err());
    assert!(untrusted.add_build_log(&path, b"log").is_err());
    // A refusal of something large comes before all of it is sent, and harms nothing.
    let source = sample(world.dir.path());
    let large = origin
        .store
        .add_tree(
            "sample",
            &LocalTree::new(&source),
            None,
            &AddOptions::default(),
        )
        .unwrap();
    let mut large_info = (*origin.store.query_path_info(&large).unwrap().unwrap()).clone();
    large_info.content_address = None;
    let mut large_nar = Vec::new();
    origin.store.nar_from_path(&large, &mut large_nar).unwrap();
    let refused = untrusted.add_nar(&large_info, &mut large_nar.as_slice(), unchecked);
    assert!(refused.is_err());
    assert!(!untrusted.is_valid_path(&large).unwrap());

    let fingerprint = info.fingerprint(&store_dir()).unwrap();
    let signature: Signature = key.sign(fingerprint.as_bytes());
    info.signatures.insert(signature);
    untrusted
        .add_nar(&info, &mut nar.as_slice(), unchecked)
        .unwrap();
    let registered = world.store.query_path_info(&path).unwrap().unwrap();
    assert!(
        !registered.ultimate,
        "that it was built here was not believed"
    );

    let trusting = World::new();
    let trusted = client(trusting.serve(Trust::Trusted));
    info.signatures.clear();
    trusted
        .add_nar(&info, &mut nar.as_slice(), unchecked)
        .unwrap();
    trusted.add_build_log(&path, b"log").unwrap();
}

#[test]
fn what_is_not_the_protocol_is_quoted() {
    let transport =
        |script: &str| Transport::Program(vec!["/bin/sh".into(), "-c".into(), script.into()]);
    let store = client_with(
        transport("echo Welcome to the machine; cat > /dev/null"),
        NullSink::shared(),
    );
    let error = store.introduce().unwrap_err().to_string();
    assert!(
        error.contains("protocol mismatch, got 'Welcome to the machine'"),
        "{error}"
    );
    let store = client_with(transport("exit 1"), NullSink::shared());
    let error = store.introduce().unwrap_err().to_string();
    assert!(error.contains("disconnected unexpectedly"), "{error}");
}

#[test]
fn nonsense_ends_the_conversation_and_nothing_else() {
    let world = World::new();
    let path = world.serve(Trust::Trusted);
    for nonsense in [&b"GET / HTTP/1.1\r\n\r\n"[..], &[0xff; 64], b""] {
        let mut socket = socket::connect(&path).unwrap();
        socket.write_all(nonsense).unwrap();
    }
    client(path).introduce().unwrap();
}

struct OneStore(Arc<LocalStore>);

impl LegacyServer for OneStore {
    fn store(&mut self) -> Result<Arc<dyn Store>, StoreError> {
        Ok(Arc::clone(&self.0) as Arc<dyn Store>)
    }

    fn store_for_build(&mut self, _: &ServeBuildOptions) -> Result<Arc<dyn Store>, StoreError> {
        self.store()
    }
}

#[test]
fn the_older_protocol_carries_closures_too() {
    let (near, far) = (World::new(), World::new());
    let path = far.dir.path().join("serve");
    let listener = socket::listen(&path).unwrap();
    let store = Arc::clone(&far.store);
    std::thread::spawn(move || {
        while let Ok((stream, _)) = listener.accept() {
            let mut server = OneStore(Arc::clone(&store));
            let (mut input, mut output) = (stream.try_clone().unwrap(), stream);
            serve_legacy_client(&mut server, &mut input, &mut output, true).ok();
        }
    });
    let client = ServeStore::new(ServeStoreOptions {
        url: "ssh://there".to_owned(),
        host: "there".to_owned(),
        store_dir: store_dir(),
        transport: Transport::Socket(path),
        build: ServeBuildOptions::default(),
        max_connections: 1,
        traits: StoreTraits::default(),
        events: NullSink::shared(),
        hears_builders: false,
    });
    let base = near.store.add_text("base", b"b", &[].into()).unwrap();
    let user = near
        .store
        .add_text("user", b"u", &[base.clone()].into())
        .unwrap();
    let wanted = [user.clone()].into();
    copy_closure(&*near.store, &client, &wanted, &copy_options(false)).unwrap();
    assert!(far.store.is_valid_path(&base).unwrap());
    let info = client.query_path_info(&user).unwrap().unwrap();
    assert_eq!(info.references, [base].into());
    let back = World::new();
    copy_closure(&client, &*back.store, &wanted, &copy_options(false)).unwrap();
    assert!(back.store.is_valid_path(&user).unwrap());
}

/// Runs a program of another implementation, if it is installed.
fn other(program: &str, home: &Path) -> Option<Command> {
    let found = Command::new(program).arg("--version").output().ok()?;
    if !found.status.success() {
        return None;
    }
    let mut command = Command::new(program);
    command
        .env_remove("NIX_REMOTE")
        .env("HOME", home)
        .env("NIX_CONF_DIR", "/nonexistent");
    Some(command)
}

#[test]
fn a_client_of_another_implementation_works_on_our_daemon() {
    let world = World::new();
    let socket = world.serve(Trust::Trusted);
    let Some(mut command) = other("nix-store", world.dir.path()) else {
        return;
    };
    let url = format!(
        "unix://{}?root={}",
        socket.display(),
        world.dir.path().join("root").display()
    );
    let file = world.dir.path().join("file");
    std::fs::write(&file, "contents").unwrap();
    let added = command
        .args(["--store", &url, "--add"])
        .arg(&file)
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&added.stdout).into_owned();
    assert!(
        added.status.success(),
        "{}",
        String::from_utf8_lossy(&added.stderr)
    );
    let path = store_dir().parse(text.trim()).unwrap();
    assert!(world.store.is_valid_path(&path).unwrap());
    for args in [
        &["-q", "--hash", text.trim()][..],
        &["--verify", "--check-contents"],
        &["--gc", "--print-live"],
    ] {
        let mut command = other("nix-store", world.dir.path()).unwrap();
        let output = command.args(["--store", &url]).args(args).output().unwrap();
        assert!(
            output.status.success(),
            "{args:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
}

#[test]
fn our_client_works_on_a_daemon_of_another_implementation() {
    let world = World::new();
    if other("nix-daemon", world.dir.path()).is_none() {
        return;
    }
    let root = world.dir.path().join("theirs");
    let transport = Transport::Program(
        [
            "env",
            "-u",
            "NIX_REMOTE",
            "NIX_CONF_DIR=/nonexistent",
            "nix-daemon",
            "--stdio",
            "--store",
        ]
        .into_iter()
        .map(Into::into)
        .chain([root.clone().into_os_string()])
        .collect(),
    );
    let recording = Arc::new(RecordingSink::default());
    let client = client_with(transport, Arc::clone(&recording) as SharedSink);
    let source = sample(world.dir.path());
    let tree = client
        .add_tree(
            "sample",
            &LocalTree::new(&source),
            None,
            &AddOptions::default(),
        )
        .unwrap();
    let user = client
        .add_text("user", b"u", &[tree.clone()].into())
        .unwrap();
    let wanted = [user.clone()].into();
    copy_closure(&client, &*world.store, &wanted, &copy_options(true)).unwrap();
    assert!(world.store.is_valid_path(&tree).unwrap());
    let text = world.store.add_text("ours", b"o", &[].into()).unwrap();
    let ours = [text.clone()].into();
    copy_closure(&*world.store, &client, &ours, &copy_options(true)).unwrap();
    assert!(client.is_valid_path(&text).unwrap());
    let live = client
        .collect_garbage(&GcOptions::new(GcAction::ReturnLive))
        .unwrap();
    assert!(live.paths.len() >= 3);
}

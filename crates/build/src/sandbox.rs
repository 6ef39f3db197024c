//! What the sandbox of a build contains. Policy only; [`firn_sys::launcher`] makes it.
//!
//! The root is an empty file system in memory. In it: the store directory, a fresh directory on
//! the store's own file system so that outputs can be moved out of it, with each path of the input
//! closure mounted read-only; the build directory; a private `/tmp`; a minimal `/dev`; `/proc`; an
//! `/etc` with the builder's user, hosts, and for builds with network what is needed to resolve
//! names; a static `/bin/sh`; and what `sandbox-paths` adds.

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use firn_store::{LocalStore, Store as _};
use firn_store_model::StorePath;
use firn_sys::launcher::{Access, Entry, Identity, SandboxSpec};

use crate::settings::SandboxPath;
use crate::{BuildError, BuildSettings, shell};

/// Who a builder is in its own eyes.
pub(crate) const BUILDER: Identity = Identity {
    uid: 1000,
    gid: 100,
    count: 1,
};

/// Who a builder with a range of users is: root of all of them.
pub(crate) const RANGE: Identity = Identity {
    uid: 0,
    gid: 0,
    count: crate::users::IDS_PER_SLOT,
};

/// The directories of the host that a sandbox is made of.
pub(crate) struct SandboxDirs<'a> {
    /// Empty; the root is mounted here.
    pub(crate) root: &'a Path,
    /// The builder's own directory.
    pub(crate) build: &'a Path,
    /// Its `/tmp`.
    pub(crate) tmp: &'a Path,
    /// Becomes the store directory.
    pub(crate) store: &'a Path,
}

/// What differs from build to build.
pub(crate) struct SandboxInputs<'a> {
    pub(crate) store: &'a LocalStore,
    pub(crate) settings: &'a BuildSettings,
    pub(crate) dirs: SandboxDirs<'a>,
    /// The closure of the inputs, without the outputs.
    pub(crate) input_paths: &'a BTreeSet<StorePath>,
    /// Further parts of the host, by where they are shown.
    pub(crate) host_paths: &'a BTreeMap<PathBuf, SandboxPath>,
    /// Whether the host's network is shared.
    pub(crate) network: bool,
    /// The identity inside; `None` shows the host's user.
    pub(crate) identity: Option<Identity>,
    /// The ids that the password file names.
    pub(crate) ids: (u32, u32),
    /// Who owns the root and `/etc`, where the builder may change them.
    pub(crate) root_owner: Option<(u32, u32)>,
}

/// The sandbox of a build.
pub(crate) fn spec(inputs: &SandboxInputs<'_>) -> Result<SandboxSpec, BuildError> {
    let mut contents = Contents::default();
    contents.bind("/tmp", inputs.dirs.tmp, Access::Writable);
    let store_dir = inputs.store.store_dir().as_str();
    contents.bind(store_dir, inputs.dirs.store, Access::Writable);
    for path in inputs.input_paths {
        let shown = inputs.store.store_dir().print(path);
        contents.bind(
            shown,
            &inputs.store.location().physical_path(path),
            Access::ReadOnly,
        );
    }
    contents.add_devices(inputs.settings, inputs.host_paths);
    contents.add_etc(inputs);
    if !inputs.host_paths.contains_key(Path::new("/bin/sh")) {
        let shell =
            shell::find(inputs.settings.sandbox_shell.as_deref()).map_err(BuildError::misc)?;
        contents.bind("/bin/sh", &shell, Access::ReadOnly);
    }
    for (shown, path) in inputs.host_paths {
        // A builder has its own.
        if shown == Path::new("/proc") {
            continue;
        }
        let source = std::fs::canonicalize(&path.source).unwrap_or_else(|_| path.source.clone());
        let inside_store = inputs
            .store
            .store_dir()
            .contains(shown.as_os_str().as_bytes());
        contents.entries.push(Entry::Bind {
            path: shown.as_os_str().as_bytes().to_vec(),
            source: source.as_os_str().as_bytes().to_vec(),
            access: if inside_store {
                Access::ReadOnly
            } else {
                Access::AsOnHost
            },
            optional: path.optional,
        });
    }
    contents.bind(
        inputs.settings.sandbox_build_dir.as_os_str().as_bytes(),
        inputs.dirs.build,
        Access::Writable,
    );
    contents.entries.push(Entry::Proc {
        path: b"/proc".to_vec(),
    });
    if let Some((uid, gid)) = inputs.root_owner {
        contents.entries.push(Entry::Sys {
            path: b"/sys".to_vec(),
        });
        for path in ["/", "/etc"] {
            let path = path.into();
            contents.entries.push(Entry::Owner { path, uid, gid });
        }
    }
    Ok(SandboxSpec {
        root: inputs.dirs.root.as_os_str().as_bytes().to_vec(),
        entries: contents.entries,
        private_network: !inputs.network,
        identity: inputs.identity,
        writable_root: inputs.root_owner.is_some(),
    })
}

#[derive(Default)]
struct Contents {
    entries: Vec<Entry>,
}

impl Contents {
    fn bind(&mut self, path: impl Into<Vec<u8>>, source: &Path, access: Access) {
        self.entries.push(Entry::Bind {
            path: path.into(),
            source: source.as_os_str().as_bytes().to_vec(),
            access,
            optional: false,
        });
    }

    fn file(&mut self, path: &str, contents: impl Into<Vec<u8>>) {
        self.entries.push(Entry::File {
            path: path.into(),
            contents: contents.into(),
            mode: 0o444,
        });
    }

    fn symlink(&mut self, path: &str, target: &str) {
        self.entries.push(Entry::Symlink {
            path: path.into(),
            target: target.into(),
        });
    }

    fn add_devices(
        &mut self,
        settings: &BuildSettings,
        host_paths: &BTreeMap<PathBuf, SandboxPath>,
    ) {
        let taken = |path: &str| host_paths.contains_key(Path::new(path));
        if taken("/dev") {
            return;
        }
        let mut devices = vec!["full", "null", "random", "tty", "urandom", "zero"];
        if settings.system_features.contains("kvm") && Path::new("/dev/kvm").exists() {
            devices.push("kvm");
        }
        for device in devices {
            let path = format!("/dev/{device}");
            if !taken(&path) {
                self.entries.push(Entry::Bind {
                    path: path.clone().into_bytes(),
                    source: path.into_bytes(),
                    access: Access::Device,
                    optional: false,
                });
            }
        }
        for (name, target) in [
            ("/dev/fd", "/proc/self/fd"),
            ("/dev/stdin", "/proc/self/fd/0"),
            ("/dev/stdout", "/proc/self/fd/1"),
            ("/dev/stderr", "/proc/self/fd/2"),
        ] {
            self.symlink(name, target);
        }
        if !taken("/dev/shm") {
            self.entries.push(Entry::Tmpfs {
                path: b"/dev/shm".to_vec(),
                options: format!("mode=1777,size={}", settings.sandbox_shm_size).into_bytes(),
            });
        }
        if !taken("/dev/pts") {
            self.entries.push(Entry::DevPts {
                path: b"/dev/pts".to_vec(),
            });
            self.symlink("/dev/ptmx", "/dev/pts/ptmx");
        }
    }

    fn add_etc(&mut self, inputs: &SandboxInputs<'_>) {
        let (uid, gid) = inputs.ids;
        let home = inputs.settings.sandbox_build_dir.display();
        self.file(
            "/etc/passwd",
            format!(
                "root:x:0:0:Nix build user:{home}:/noshell\n\
                 nixbld:x:{uid}:{gid}:Nix build user:{home}:/noshell\n\
                 nobody:x:65534:65534:Nobody:/:/noshell\n"
            ),
        );
        self.file(
            "/etc/group",
            format!("root:x:0:\nnixbld:!:{gid}:\nnogroup:x:65534:\n"),
        );
        if !inputs.network {
            self.file("/etc/hosts", "127.0.0.1 localhost\n::1 localhost\n");
            return;
        }
        // Names are resolved by files and servers, whatever else the host asks.
        self.file("/etc/nsswitch.conf", "hosts: files dns\nservices: files\n");
        for path in ["/etc/resolv.conf", "/etc/services", "/etc/hosts"] {
            self.host_file(path, Path::new(path));
        }
        if let Some(ca_file) = &inputs.settings.ca_file {
            self.host_file("/etc/ssl/certs/ca-certificates.crt", ca_file);
        }
    }

    /// A file of the host, if it has it.
    fn host_file(&mut self, path: &str, source: &Path) {
        if let Ok(source) = std::fs::canonicalize(source) {
            self.bind(path, &source, Access::ReadOnly);
        }
    }
}

//! What the settings say about building, as plain data. Nothing is read from files or the
//! environment here; the front end fills this in.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

use firn_sys::launcher::StartMethod;
use firn_transfer::TransferOptions;

use crate::debug::Debugger;
use crate::external::ExternalBuilder;
use crate::machines::Machine;
use crate::nested::NestedServer;
use crate::remote::MachineOpener;

/// Whether builders are shut in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SandboxMode {
    /// Always.
    #[default]
    Enabled,
    /// Unless the derivation has a fixed output or asks not to be.
    Relaxed,
    /// Never.
    Disabled,
}

/// A part of the host that every sandbox shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SandboxPath {
    /// Where it is on the host.
    pub source: PathBuf,
    /// Whether it is left out where the host does not have it.
    pub optional: bool,
}

/// How derivations are built on this machine.
#[derive(Clone, Debug)]
// Each switch is a setting of its own.
#[allow(clippy::struct_excessive_bools)]
pub struct BuildSettings {
    /// `max-jobs`: builds at once; zero forbids building here.
    pub max_jobs: usize,
    /// `cores`: what a builder is told it may use; zero for all there are.
    pub cores: usize,
    /// `max-substitution-jobs`.
    pub max_substitution_jobs: usize,
    /// `keep-going`: a failure does not stop what does not depend on it.
    pub keep_going: bool,
    /// `keep-failed`: the directory of a failed build stays.
    pub keep_failed: bool,
    /// `fallback`: build what could not be substituted although it should.
    pub fallback: bool,
    /// `substitute`.
    pub substitute: bool,
    /// `always-allow-substitutes`.
    pub always_allow_substitutes: bool,
    /// `timeout`, in seconds; zero for none.
    pub timeout: u64,
    /// `max-silent-time`, in seconds; zero for none.
    pub max_silent_time: u64,
    /// `max-build-log-size`, in bytes; zero for no limit.
    pub max_log_size: u64,
    /// `log-lines`: how many last lines of a log an error shows.
    pub log_lines: usize,
    /// `keep-build-log`.
    pub keep_log: bool,
    /// `compress-build-log`.
    pub compress_log: bool,
    /// The command that shows a whole log, as an error names it.
    pub log_command: String,
    /// Whether an error shows no lines of the log, because all of them were shown already.
    pub logs_are_shown: bool,
    /// `system`.
    pub system: String,
    /// `extra-platforms`.
    pub extra_platforms: BTreeSet<String>,
    /// `system-features`.
    pub system_features: BTreeSet<String>,
    /// `sandbox`.
    pub sandbox: SandboxMode,
    /// `sandbox-fallback`: build without a sandbox where none is possible.
    pub sandbox_fallback: bool,
    /// `sandbox-paths`, by where the sandbox shows them.
    pub sandbox_paths: BTreeMap<PathBuf, SandboxPath>,
    /// The shell that sandboxes have at `/bin/sh`, unless `sandbox-paths` names one.
    pub sandbox_shell: Option<PathBuf>,
    /// `sandbox-build-dir`.
    pub sandbox_build_dir: PathBuf,
    /// `sandbox-dev-shm-size`.
    pub sandbox_shm_size: String,
    /// `filter-syscalls`.
    pub filter_syscalls: bool,
    /// `allow-new-privileges`.
    pub allow_new_privileges: bool,
    /// `require-drop-supplementary-groups`.
    pub must_drop_groups: bool,
    /// `impersonate-linux-26`.
    pub impersonate_linux26: bool,
    /// `build-users-group`: its members are who builders run as. Only root can use it.
    pub build_users_group: Option<String>,
    /// `auto-allocate-uids`: builders get numbers even where there is a group for them.
    pub auto_allocate_uids: bool,
    /// The control group in which builders with many users get groups of their own, or why they
    /// cannot.
    pub range_cgroup: Result<PathBuf, String>,
    /// `start-id`: the first of the user ids that belong to nobody but builders.
    pub start_id: u32,
    /// `id-count`: how many there are.
    pub id_count: u32,
    /// `use-cgroups`: the control group in which builders get groups of their own.
    pub cgroup: Option<PathBuf>,
    /// `build-dir`: where builds have their directories; below the state directory if not given.
    pub build_dir: Option<PathBuf>,
    /// `external-builders`.
    pub external_builders: Vec<ExternalBuilder>,
    /// `builders`: machines that build for this one.
    pub machines: Arc<[Machine]>,
    /// The way to them.
    pub machine_opener: Option<Arc<dyn MachineOpener>>,
    /// `builders-use-substitutes`.
    pub builders_use_substitutes: bool,
    /// `impure-env`.
    pub impure_env: BTreeMap<String, String>,
    /// The environment that `impureEnvVars` refers to.
    pub host_env: BTreeMap<Vec<u8>, Vec<u8>>,
    /// `allowed-impure-host-deps`.
    pub allowed_impure_host_deps: Vec<PathBuf>,
    /// `ssl-cert-file`.
    pub ca_file: Option<PathBuf>,
    /// `hashed-mirrors`.
    pub hashed_mirrors: Vec<String>,
    /// `mirrors.<scheme>`: base addresses that stand for `mirror://<scheme>/`.
    pub mirrors: BTreeMap<String, Vec<String>>,
    /// Where the host's package client has its configuration.
    pub apt_directory: PathBuf,
    /// How files are fetched.
    pub transfer: TransferOptions,
    /// `diff-hook`, when `run-diff-hook` is on.
    pub diff_hook: Option<PathBuf>,
    /// `pre-build-hook`.
    pub pre_build_hook: Option<PathBuf>,
    /// `post-build-hook`.
    pub post_build_hook: Option<PathBuf>,
    /// All settings as text, for hooks (`NIX_CONFIG`).
    pub hook_config: String,
    /// Who serves builders that use the store, when the feature `recursive-nix` is on.
    pub nested_server: Option<Arc<dyn NestedServer>>,
    /// Who looks at failed builds before they are cleared away.
    pub debugger: Option<Arc<dyn Debugger>>,
    /// How the process that launches builders is started.
    pub launcher: StartMethod,
}

impl Default for BuildSettings {
    fn default() -> Self {
        BuildSettings {
            max_jobs: 1,
            cores: 0,
            max_substitution_jobs: 16,
            keep_going: false,
            keep_failed: false,
            fallback: false,
            substitute: true,
            always_allow_substitutes: false,
            timeout: 0,
            max_silent_time: 0,
            max_log_size: 0,
            log_lines: 25,
            keep_log: true,
            compress_log: true,
            log_command: "nix log".to_owned(),
            logs_are_shown: false,
            system: host_system(),
            extra_platforms: extra_platforms(),
            system_features: ["nixos-test", "benchmark", "big-parallel"]
                .map(str::to_owned)
                .into(),
            sandbox: SandboxMode::Enabled,
            sandbox_fallback: false,
            sandbox_paths: BTreeMap::new(),
            sandbox_shell: None,
            sandbox_build_dir: PathBuf::from("/build"),
            sandbox_shm_size: "50%".to_owned(),
            filter_syscalls: true,
            allow_new_privileges: false,
            must_drop_groups: false,
            impersonate_linux26: false,
            build_users_group: None,
            start_id: 872_415_232,
            id_count: 8_388_608,
            cgroup: None,
            auto_allocate_uids: false,
            range_cgroup: Err("none was given".to_owned()),
            build_dir: None,
            external_builders: Vec::new(),
            machines: Arc::from([]),
            machine_opener: None,
            builders_use_substitutes: false,
            impure_env: BTreeMap::new(),
            host_env: BTreeMap::new(),
            allowed_impure_host_deps: Vec::new(),
            ca_file: None,
            hashed_mirrors: Vec::new(),
            mirrors: BTreeMap::new(),
            apt_directory: PathBuf::from("/etc/apt"),
            transfer: TransferOptions::default(),
            diff_hook: None,
            pre_build_hook: None,
            post_build_hook: None,
            hook_config: String::new(),
            nested_server: None,
            debugger: None,
            launcher: StartMethod::Fork,
        }
    }
}

/// The system this program was made for, as derivations name it.
pub fn host_system() -> String {
    let arch = match std::env::consts::ARCH {
        "x86" => "i686",
        "arm" => "armv7l",
        "powerpc64" => "powerpc64le",
        arch => arch,
    };
    format!("{arch}-{}", std::env::consts::OS)
}

/// Systems whose programs this machine runs besides its own.
pub fn extra_platforms() -> BTreeSet<String> {
    match std::env::consts::ARCH {
        "x86_64" => ["i686-linux", "x86_64-v1-linux"].map(str::to_owned).into(),
        _ => BTreeSet::new(),
    }
}

//! Settings of the isolation of builds and of the users they run as.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use crate::table::theme;
use crate::{SandboxMode, SandboxPaths};

theme! {
    /// What a build sees and as whom it runs.
    SandboxSettings in sandbox, shared true, from machine;

    /// Whether builders may gain privileges by set-user-id programs.
    "allow-new-privileges" allow_new_privileges: bool = false;
    /// Prefixes of host paths that a derivation may ask for by `__impureHostDeps`.
    "allowed-impure-host-deps" allowed_impure_host_deps: BTreeSet<String> = BTreeSet::new();
    /// Whether user ids for builds are taken from a range instead of from `build-users-group`.
    "auto-allocate-uids" auto_allocate_uids: bool = false, feature AutoAllocateUids;
    /// The directory in which build directories are made.
    "build-dir" build_dir: Option<PathBuf> = None;
    /// The group whose members' accounts builds run under when the store belongs to root. If empty,
    /// builds run as the calling user.
    "build-users-group" build_users_group: String = String::new(), default varies;
    /// Whether system calls that make set-user-id files or extended attributes are refused.
    "filter-syscalls" filter_syscalls: bool = true;
    /// How many user ids the range for builds has.
    "id-count" id_count: u32 = 1 << 23;
    /// Whether builds see the version number of Linux 2.6.
    "impersonate-linux-26" impersonate_linux_26: bool = false, aliases ["build-impersonate-linux-26"];
    /// Variables, as `name=value`, for fixed-output derivations that list them in `impureEnvVars`.
    "impure-env" impure_env: BTreeMap<String, String> = BTreeMap::new(), feature ConfigurableImpureEnv;
    /// Whether a sandboxed build must drop all supplementary groups.
    "require-drop-supplementary-groups" require_drop_supplementary_groups: bool = machine.is_root;
    /// Whether builds see only what they declare: `true`, `false`, or `relaxed` to let derivations
    /// with `__noChroot` out.
    "sandbox" sandbox: SandboxMode = SandboxMode::Enabled, aliases ["build-use-chroot", "build-use-sandbox"];
    /// The build directory as seen inside the sandbox.
    "sandbox-build-dir" sandbox_build_dir: PathBuf = PathBuf::from("/build");
    /// The size limit of `/dev/shm` in the sandbox, as tmpfs takes it.
    "sandbox-dev-shm-size" sandbox_dev_shm_size: String = "50%".to_owned();
    /// Whether builds run without a sandbox where the kernel refuses one.
    "sandbox-fallback" sandbox_fallback: bool = true;
    /// Paths mounted into the sandbox, `inside=outside` if they differ, with `?` at the end if they
    /// may be absent. Store paths bring their closure.
    "sandbox-paths" sandbox_paths: SandboxPaths = SandboxPaths::default(), aliases ["build-chroot-dirs", "build-sandbox-paths"];
    /// The first user id of the range for builds.
    "start-id" start_id: u32 = 0x3400_0000;
    /// Whether builds run inside control groups.
    "use-cgroups" use_cgroups: bool = false;
}

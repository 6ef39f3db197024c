//! Settings as the builder takes them, and what is said before something is built.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use firn_build::{BuildSettings, ExternalBuilder, SandboxMode, SandboxPath};
use firn_events::Level;
use firn_settings::Feature;
use firn_store::closure::sort_topologically;
use firn_store::{MissingPaths, Store};
use firn_store_model::{DerivedPath, StorePath};
use firn_sys::launcher::StartMethod;
use firn_transfer::{Netrc, Proxies, TransferOptions};

use crate::debugging::ShellDebugger;
use crate::log_sink::BuildLog;
use crate::size::render_size;
use crate::{Context, Failure, surroundings};

/// The first argument of the process that launches builders.
pub const LAUNCHER: &str = "__launch-builders";

impl Context {
    /// What the settings say about building.
    pub fn build_settings(&self) -> BuildSettings {
        let settings = &self.settings;
        let build = &settings.build;
        let sandbox = &settings.sandbox;
        let seconds = |it: i64| u64::try_from(it).unwrap_or(0);
        let program = |text: &str| (!text.is_empty()).then(|| PathBuf::from(text));
        let defaults = BuildSettings::default();
        let machines = self.machines();
        BuildSettings {
            max_jobs: build.max_jobs.count as usize,
            cores: build.cores as usize,
            max_substitution_jobs: build.max_substitution_jobs.max(1) as usize,
            keep_going: build.keep_going,
            keep_failed: build.keep_failed,
            fallback: build.fallback,
            substitute: settings.store.substitute,
            always_allow_substitutes: settings.store.always_allow_substitutes,
            timeout: seconds(build.timeout),
            max_silent_time: seconds(build.max_silent_time),
            max_log_size: build.max_build_log_size,
            log_lines: usize::try_from(build.log_lines).unwrap_or(usize::MAX),
            keep_log: build.keep_build_log,
            compress_log: build.compress_build_log,
            log_command: if self.program.is_firn() {
                "firn log".to_owned()
            } else if settings.is_enabled(Feature::NixCommand) {
                "nix log".to_owned()
            } else {
                "nix-store -l".to_owned()
            },
            logs_are_shown: self.build_log() != BuildLog::Hidden,
            system: build.system.clone(),
            extra_platforms: build.extra_platforms.clone(),
            system_features: self.system_features(),
            sandbox: match sandbox.sandbox {
                firn_settings::SandboxMode::Enabled => SandboxMode::Enabled,
                firn_settings::SandboxMode::Relaxed => SandboxMode::Relaxed,
                firn_settings::SandboxMode::Disabled => SandboxMode::Disabled,
            },
            sandbox_fallback: sandbox.sandbox_fallback,
            sandbox_paths: sandbox
                .sandbox_paths
                .0
                .iter()
                .map(|(inside, from)| {
                    let path = SandboxPath {
                        source: PathBuf::from(&from.source),
                        optional: from.optional,
                    };
                    (PathBuf::from(inside), path)
                })
                .collect(),
            sandbox_shell: settings.firn.sandbox_shell.clone(),
            sandbox_build_dir: sandbox.sandbox_build_dir.clone(),
            sandbox_shm_size: sandbox.sandbox_dev_shm_size.clone(),
            filter_syscalls: sandbox.filter_syscalls,
            allow_new_privileges: sandbox.allow_new_privileges,
            must_drop_groups: sandbox.require_drop_supplementary_groups,
            impersonate_linux26: sandbox.impersonate_linux_26,
            build_users_group: self.build_users_group(),
            auto_allocate_uids: sandbox.auto_allocate_uids,
            range_cgroup: if sandbox.auto_allocate_uids {
                self.range_cgroup()
            } else {
                defaults.range_cgroup
            },
            start_id: sandbox.start_id,
            id_count: sandbox.id_count,
            cgroup: if sandbox.use_cgroups {
                firn_sys::support::writable_cgroup()
            } else {
                None
            },
            build_dir: sandbox.build_dir.clone(),
            external_builders: if settings.is_enabled(Feature::ExternalBuilders) {
                let builders = build.external_builders.0.iter();
                builders.map(external_builder).collect()
            } else {
                Vec::new()
            },
            machine_opener: (!machines.is_empty()).then(|| self.machine_opener()),
            machines,
            builders_use_substitutes: build.builders_use_substitutes,
            impure_env: sandbox.impure_env.clone(),
            host_env: std::env::vars_os()
                .map(|(name, value)| (name.into_vec(), value.into_vec()))
                .collect(),
            allowed_impure_host_deps: sandbox
                .allowed_impure_host_deps
                .iter()
                .map(PathBuf::from)
                .collect(),
            ca_file: settings.transfer.ssl_cert_file.clone(),
            hashed_mirrors: settings.sources.hashed_mirrors.clone(),
            mirrors: settings.mirrors.clone(),
            transfer: self.transfer_options(),
            apt_directory: defaults.apt_directory,
            diff_hook: build.diff_hook.clone().filter(|_| build.run_diff_hook),
            pre_build_hook: program(&build.pre_build_hook),
            post_build_hook: program(&build.post_build_hook),
            hook_config: settings.show_text(false),
            nested_server: None,
            debugger: self.debug_on_failure.then(|| {
                Arc::new(ShellDebugger::new(self.console)) as Arc<dyn firn_build::Debugger>
            }),
            launcher: std::env::current_exe().map_or(defaults.launcher, |program| {
                StartMethod::Execute(program, vec![OsString::from(LAUNCHER)])
            }),
        }
    }

    /// The features that builds may require: those of the machine, and what is switched on.
    fn system_features(&self) -> BTreeSet<String> {
        let mut features = self.settings.build.system_features.clone();
        if self.settings.is_enabled(Feature::RecursiveNix) {
            features.insert(Feature::RecursiveNix.name().to_owned());
        }
        features
    }

    /// Where builders with many users get control groups, or why they cannot.
    fn range_cgroup(&self) -> Result<PathBuf, String> {
        let required = self.settings.require(Feature::Cgroups);
        required.map_err(|error| error.to_string())?;
        firn_sys::support::writable_cgroup().ok_or_else(|| {
            "there is no group of the unified hierarchy that this process may make groups in"
                .to_owned()
        })
    }

    /// The group whose members root's builders run as. Its usual name is a default for machines that an
    /// installer prepared; where nobody made such a group, `firn` takes numbers that belong to no one.
    fn build_users_group(&self) -> Option<String> {
        const NAME: &str = "build-users-group";
        let group = self.settings.sandbox.build_users_group.clone();
        if group.is_empty() || !self.settings.machine().is_root {
            return None;
        }
        let is_prepared = || firn_sys::accounts::group_members(&group).is_some();
        let keeps = !self.program.is_firn() || self.settings.is_overridden(NAME) || is_prepared();
        keeps.then_some(group)
    }

    /// Whether the network is not to be used: `--offline` leaves no attempt.
    pub fn is_offline(&self) -> bool {
        self.settings.transfer.download_attempts == 0
    }

    /// What the settings say about transfers.
    pub fn transfer_options(&self) -> TransferOptions {
        let transfer = &self.settings.transfer;
        let netrc = std::fs::read_to_string(&transfer.netrc_file);
        TransferOptions {
            connect_timeout: Duration::from_secs(transfer.connect_timeout),
            stall_timeout: Duration::from_secs(transfer.stalled_download_timeout),
            attempts: transfer.download_attempts,
            proxies: proxies(),
            ca_file: transfer.ssl_cert_file.clone(),
            netrc: netrc.map(|it| Netrc::parse(&it)).unwrap_or_default(),
            offline: self.is_offline(),
            ..TransferOptions::default()
        }
    }

    /// Says what a request will build and fetch.
    pub fn say_missing(
        &self,
        store: &dyn Store,
        paths: &[DerivedPath],
        level: Level,
    ) -> Result<(), Failure> {
        if level > self.console.level() {
            return Ok(());
        }
        let missing = store.query_missing(paths)?;
        for line in missing_lines(store, &missing, None)? {
            self.console.log(level, &line);
        }
        Ok(())
    }

    /// Says what a request would build and fetch, and why.
    pub fn explain_missing(&self, store: &dyn Store, paths: &[DerivedPath]) -> Result<(), Failure> {
        let missing = store.query_missing(paths)?;
        let reasons = reasons(store, &missing, paths)?;
        for line in missing_lines(store, &missing, Some(&reasons))? {
            self.console.log(Level::Error, &line);
        }
        Ok(())
    }
}

fn external_builder(builder: &firn_settings::ExternalBuilder) -> ExternalBuilder {
    ExternalBuilder {
        systems: builder.systems.clone(),
        program: PathBuf::from(&builder.program),
        args: builder.args.clone(),
    }
}

/// Why each derivation has to be built: which of its outputs are missing, and who wants them.
fn reasons(
    store: &dyn Store,
    missing: &MissingPaths,
    wanted: &[DerivedPath],
) -> Result<BTreeMap<StorePath, String>, Failure> {
    let mut users: BTreeMap<StorePath, StorePath> = BTreeMap::new();
    for drv in &missing.will_build {
        for input in store.read_derivation(drv)?.input_drvs.keys() {
            users.entry(input.clone()).or_insert_with(|| drv.clone());
        }
    }
    let mut reasons = BTreeMap::new();
    for drv in &missing.will_build {
        let mut absent = Vec::new();
        for (name, path) in store.query_derivation_output_map(drv)? {
            let is_there = path.map_or(Ok(false), |it| store.is_valid_path(&it))?;
            if !is_there {
                absent.push(name.to_string());
            }
        }
        let what = match absent.as_slice() {
            [only] => format!("its output '{only}' is neither here nor at a substituter"),
            several => format!(
                "its outputs {} are neither here nor at a substituter",
                several.join(", ")
            ),
        };
        let who = if wanted.iter().any(|it| it.base_path() == drv) {
            "you asked for it".to_owned()
        } else if let Some(user) = users.get(drv) {
            format!("'{}' needs it", user.name().trim_end_matches(".drv"))
        } else {
            "something asked for needs it".to_owned()
        };
        reasons.insert(drv.clone(), format!("{who}; {what}"));
    }
    Ok(reasons)
}

/// The proxies that the environment names.
fn proxies() -> Proxies {
    let any = |names: [&str; 2]| names.iter().find_map(|it| surroundings::filled(it));
    let all = any(["all_proxy", "ALL_PROXY"]);
    Proxies {
        http: surroundings::filled("http_proxy").or_else(|| all.clone()),
        https: any(["https_proxy", "HTTPS_PROXY"]).or(all),
        direct: any(["no_proxy", "NO_PROXY"])
            .map(|it| it.split(',').map(str::to_owned).collect())
            .unwrap_or_default(),
    }
}

fn missing_lines(
    store: &dyn Store,
    missing: &MissingPaths,
    reasons: Option<&BTreeMap<StorePath, String>>,
) -> Result<Vec<String>, Failure> {
    let shown = |path: &StorePath| format!("  {}", store.store_dir().print(path));
    let mut lines = Vec::new();
    match missing.will_build.len() {
        0 => {}
        1 => lines.push("this derivation will be built:".to_owned()),
        n => lines.push(format!("these {n} derivations will be built:")),
    }
    lines.extend(
        sort_topologically(store, &missing.will_build)?
            .iter()
            .map(|path| match reasons.and_then(|it| it.get(path)) {
                Some(reason) => format!("{}\n    because {reason}", shown(path)),
                None => shown(path),
            }),
    );
    let sizes = format!(
        "({} download, {} unpacked):",
        render_size(missing.download_size),
        render_size(missing.nar_size)
    );
    match missing.will_substitute.len() {
        0 => {}
        1 => lines.push(format!("this path will be fetched {sizes}")),
        n => lines.push(format!("these {n} paths will be fetched {sizes}")),
    }
    let by_name: BTreeSet<_> = missing
        .will_substitute
        .iter()
        .map(|it| (it.name(), it))
        .collect();
    lines.extend(by_name.into_iter().map(|it| shown(it.1)));
    if !missing.unknown.is_empty() {
        lines.push("don't know how to build these paths:".to_owned());
        lines.extend(missing.unknown.iter().map(shown));
    }
    Ok(lines)
}

//! Getting a build ready: its directories, its scratch output paths, its environment, and the
//! launch spec that comes of it all.
//!
//! A builder writes to *scratch* paths. In a sandbox these are the final paths wherever they are
//! known, because the sandbox has a store directory of its own; elsewhere a final path that is
//! already valid must not be touched, and an unknown one has to be invented. What was invented is
//! replaced in the outputs afterwards.
//!
//! Everything on disk that belongs to a build is in [`BuildDirectories`], which go when the
//! [`PreparedBuild`] is dropped.

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use firn_hash::{Algorithm, Hash};
use firn_store::{BuildMode, BuildStatus, LocalStore, Store as _};
use firn_store_model::{
    Derivation, DerivationType, OutputName, StorePath, output_path_name, output_placeholder,
};
use firn_sys::launcher::LaunchSpec;
use firn_sys::support;

use crate::closure::Closures;
use crate::directories::{BuildDirectories, DirectoryPool, Owner, give_to};
use crate::environment::{BuilderEnvironment, EnvironmentInputs, rewrite};
use crate::nested::NestedDaemon;
use crate::options::DerivationOptions;
use crate::sandbox::{self, SandboxDirs, SandboxInputs};
use crate::settings::{SandboxMode, SandboxPath};
use crate::users::BuildUser;
use crate::{BuildError, BuildSettings, hooks};

/// What is known of an output before it is built.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct InitialOutput {
    pub(crate) path: Option<StorePath>,
    pub(crate) valid: bool,
}

/// A derivation about to be built, with everything that was found out about it.
pub(crate) struct BuildInputs {
    pub(crate) drv_path: StorePath,
    pub(crate) derivation: Arc<Derivation>,
    pub(crate) kind: DerivationType,
    pub(crate) options: DerivationOptions,
    pub(crate) mode: BuildMode,
    /// The closure of the inputs and, once it has been built, what it added to the store.
    pub(crate) input_paths: BTreeSet<StorePath>,
    pub(crate) outputs: BTreeMap<OutputName, InitialOutput>,
}

/// Where a builder runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Surroundings {
    /// In a world of its own.
    Sandbox,
    /// On this machine as it is.
    Host,
    /// Where a program of the user's puts it.
    Elsewhere,
}

impl BuildInputs {
    /// The name of what is built.
    pub(crate) fn derivation_name(&self) -> String {
        String::from_utf8_lossy(self.derivation.name.as_ref()).into_owned()
    }
}

/// A build that only has to be launched.
pub(crate) struct PreparedBuild {
    pub(crate) inputs: BuildInputs,
    pub(crate) spec: LaunchSpec,
    /// Where each output is to be written, as the builder sees it.
    pub(crate) scratch: BTreeMap<OutputName, StorePath>,
    /// Where that is on this machine.
    pub(crate) actual: BTreeMap<OutputName, PathBuf>,
    /// The builder's directory on this machine.
    pub(crate) build_dir: PathBuf,
    /// The user whose files outputs must consist of.
    pub(crate) owner: Option<u32>,
    /// That user and its group, where all numbers after them are the builder's as well.
    pub(crate) range: Owner,
    /// Serves processes of the build that use the store.
    pub(crate) nested: Option<NestedDaemon>,
    user: Option<BuildUser>,
    directories: BuildDirectories,
}

impl PreparedBuild {
    /// Gets a build ready.
    pub(crate) fn new(
        store: &LocalStore,
        settings: &BuildSettings,
        inputs: BuildInputs,
        user: Option<BuildUser>,
        place: Surroundings,
        closures: &mut Closures,
        pool: &Arc<DirectoryPool>,
    ) -> Result<PreparedBuild, BuildError> {
        let sandboxed = place == Surroundings::Sandbox;
        let owner = user.as_ref().map(|user| (user.user.uid, user.user.gid));
        let range = owner.filter(|_| user.as_ref().is_some_and(|user| user.has_range));
        let mut directories =
            BuildDirectories::new(store, settings, &inputs.drv_path, place, owner, pool)?;
        let build_dir = directories.build(place);
        let build_dir_inside = if place == Surroundings::Host {
            build_dir.as_os_str().as_bytes().to_vec()
        } else {
            settings.sandbox_build_dir.as_os_str().as_bytes().to_vec()
        };
        let (scratch, mut rewrites) = scratch_paths(store, &inputs, sandboxed)?;
        let environment = BuilderEnvironment::of(
            &EnvironmentInputs {
                store,
                settings,
                derivation: &inputs.derivation,
                kind: inputs.kind,
                options: &inputs.options,
                input_paths: &inputs.input_paths,
                build_dir: &build_dir_inside,
            },
            closures,
        )?;
        rewrites.retain(|from, to| from != to);
        write_files(&build_dir, &environment.files, &rewrites, owner)?;
        let mut spec = launch_spec(settings, &inputs, &environment, &rewrites);
        spec.directory = build_dir_inside;
        spec.user = user.as_ref().map(|user| user.user.clone());
        let mut store_inside = store.location().physical_dir.clone();
        if let Some(inside) = directories.store_inside() {
            let (sandbox, is_sealed) = sandbox_spec(
                store,
                settings,
                &inputs,
                &directories,
                (owner, range),
                closures,
            )?;
            spec.sandbox = Some(sandbox);
            store_inside = inside;
            if is_sealed {
                directories.seal(pool);
            }
        }
        let actual: BTreeMap<_, _> = scratch
            .iter()
            .map(|(name, path)| (name.clone(), store_inside.join(path.as_str())))
            .collect();
        if !sandboxed {
            let invented = scratch
                .iter()
                .filter(|(name, path)| inputs.outputs[*name].path.as_ref() != Some(*path));
            directories.scratch = invented.map(|(name, _)| actual[name].clone()).collect();
        }
        Ok(PreparedBuild {
            inputs,
            spec,
            scratch,
            actual,
            build_dir,
            owner: owner.map(|(uid, _)| uid),
            range,
            nested: None,
            user,
            directories,
        })
    }

    /// Where the sandbox's store directory is on this machine, if there is a sandbox.
    pub(crate) fn store_inside(&self) -> Option<PathBuf> {
        self.directories.store_inside()
    }

    /// Keeps the builder's directory, for somebody to look at.
    pub(crate) fn keep_build_dir(&mut self) -> PathBuf {
        self.directories.keep_top();
        self.build_dir.clone()
    }

    /// Lets somebody else have the user.
    pub(crate) fn release_user(&mut self) {
        self.user = None;
    }
}

/// Whether a build happens in a sandbox, or why it must not happen at all.
pub(crate) fn use_sandbox(
    store: &LocalStore,
    settings: &BuildSettings,
    inputs: &BuildInputs,
) -> Result<bool, BuildError> {
    // Builders of our own are not shut in.
    if inputs.derivation.is_builtin() {
        return Ok(false);
    }
    let store_dir = store.store_dir().as_str();
    if settings.sandbox != SandboxMode::Disabled
        && Path::new(store_dir).starts_with(&settings.sandbox_build_dir)
    {
        return Err(BuildError::misc(
            "`sandbox-build-dir` must not contain the storeDir",
        ));
    }
    let diverted = store.location().physical_dir != Path::new(store.store_dir().as_str());
    let wanted = match settings.sandbox {
        SandboxMode::Enabled if inputs.options.no_chroot => {
            return Err(BuildError::new(
                BuildStatus::InputRejected,
                format!(
                    "derivation '{}' has '__noChroot' set, but that's not allowed when 'sandbox' is 'true'",
                    store.store_dir().print(&inputs.drv_path)
                ),
            ));
        }
        SandboxMode::Enabled => true,
        SandboxMode::Relaxed => inputs.kind.is_sandboxed() && !inputs.options.no_chroot,
        SandboxMode::Disabled => false,
    };
    // Only a sandbox can show a store at a place where it is not.
    if !wanted && !diverted {
        return Ok(false);
    }
    if support::has_sandbox() {
        return Ok(true);
    }
    if settings.sandbox_fallback && !diverted {
        return Ok(false);
    }
    Err(BuildError::misc(format!(
        "this system does not support the kernel namespaces that are required for sandboxing; use \
         '--no-sandbox' to disable sandboxing\nReason: {}.",
        support::why_no_user_namespaces()
    )))
}

fn write_files(
    directory: &Path,
    files: &BTreeMap<String, Vec<u8>>,
    rewrites: &BTreeMap<Vec<u8>, Vec<u8>>,
    owner: Owner,
) -> Result<(), BuildError> {
    for (name, contents) in files {
        let path = directory.join(name);
        std::fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o644)
            .open(&path)
            .and_then(|mut file| std::io::Write::write_all(&mut file, &rewrite(contents, rewrites)))
            .map_err(BuildError::io("creating file", &path))?;
        give_to(&path, owner)?;
    }
    Ok(())
}

/// Scratch paths, and the strings to replace in everything the builder gets.
#[allow(clippy::type_complexity)]
fn scratch_paths(
    store: &LocalStore,
    inputs: &BuildInputs,
    sandboxed: bool,
) -> Result<(BTreeMap<OutputName, StorePath>, BTreeMap<Vec<u8>, Vec<u8>>), BuildError> {
    let store_dir = store.store_dir();
    let mut scratch = BTreeMap::new();
    let mut rewrites = BTreeMap::new();
    for (name, output) in &inputs.outputs {
        let path = match &output.path {
            None => {
                let kind = format!("rewrite:{}:name:{name}", inputs.drv_path);
                let file_name = output_path_name(&inputs.derivation.name, name);
                invented_path(store, &kind, &file_name)?
            }
            Some(path) if sandboxed || (!output.valid && inputs.mode == BuildMode::Normal) => {
                path.clone()
            }
            Some(path) => {
                let kind = format!("rewrite:{}:{path}", inputs.drv_path);
                let invented = invented_path(store, &kind, path.name())?;
                rewrites.insert(
                    path.hash_part().as_bytes().to_vec(),
                    invented.hash_part().as_bytes().to_vec(),
                );
                invented
            }
        };
        if !sandboxed {
            let real_path = store.location().physical_path(&path);
            firn_sys::file::remove_tree(&real_path)
                .map_err(BuildError::io("deleting", &real_path))?;
        }
        rewrites.insert(
            output_placeholder(name).into_bytes(),
            store_dir.print(&path).into_bytes(),
        );
        scratch.insert(name.clone(), path);
    }
    Ok((scratch, rewrites))
}

fn invented_path(store: &LocalStore, kind: &str, name: &str) -> Result<StorePath, BuildError> {
    let nothing = Hash::zero(Algorithm::Sha256);
    store
        .store_dir()
        .make_store_path(kind, &format!("sha256:{}", nothing.to_base16()), name)
        .map_err(|error| BuildError::misc(error.to_string()))
}

fn launch_spec(
    settings: &BuildSettings,
    inputs: &BuildInputs,
    environment: &BuilderEnvironment,
    rewrites: &BTreeMap<Vec<u8>, Vec<u8>>,
) -> LaunchSpec {
    let derivation = &inputs.derivation;
    let base_name = derivation
        .builder
        .rsplit(|byte| *byte == b'/')
        .next()
        .unwrap_or(&[])
        .to_vec();
    LaunchSpec {
        program: derivation.builder.clone(),
        args: std::iter::once(base_name)
            .chain(derivation.args.iter().map(|arg| rewrite(arg, rewrites)))
            .collect(),
        env: environment
            .variables
            .iter()
            .map(|(name, value)| (rewrite(name, rewrites), rewrite(value, rewrites)))
            .collect(),
        filter_syscalls: settings.filter_syscalls,
        allow_new_privileges: settings.allow_new_privileges,
        must_drop_groups: settings.must_drop_groups,
        linux32: settings.system == "x86_64-linux" && derivation.platform == b"i686-linux"
            || settings.system == "aarch64-linux"
                && (derivation.platform == b"armv7l-linux"
                    || derivation.platform == b"armv6l-linux"),
        linux26: settings.impersonate_linux26,
        ..LaunchSpec::default()
    }
}

/// The sandbox of a build, and whether nothing in it leads out.
fn sandbox_spec(
    store: &LocalStore,
    settings: &BuildSettings,
    inputs: &BuildInputs,
    directories: &BuildDirectories,
    (owner, range): (Owner, Owner),
    closures: &mut Closures,
) -> Result<(firn_sys::launcher::SandboxSpec, bool), BuildError> {
    let (root, tmp) = (directories.root(), directories.tmp());
    let identity = if range.is_some() {
        Some(sandbox::RANGE)
    } else {
        (owner.is_none() || support::has_user_namespaces()).then_some(sandbox::BUILDER)
    };
    let ids = match (identity, owner) {
        (Some(identity), _) => (identity.uid, identity.gid),
        (None, owner) => owner.unwrap_or((0, 0)),
    };
    let mut host_paths = host_paths(store, settings, inputs, closures)?;
    if let Some(hook) = &settings.pre_build_hook {
        let drv_path = store.store_dir().print(&inputs.drv_path);
        host_paths.extend(hooks::run_pre_build_hook(hook, &drv_path, &root)?);
    }
    let mut input_paths = inputs.input_paths.clone();
    for output in inputs.outputs.values() {
        if let Some(path) = &output.path {
            input_paths.remove(path);
        }
    }
    let is_sealed = inputs.kind.is_sandboxed()
        && range.is_none()
        && settings.pre_build_hook.is_none()
        && host_paths.values().all(|path| is_harmless(store, path));
    let build = directories.build(Surroundings::Sandbox);
    let store_inside = directories.store_inside().unwrap_or_default();
    let spec = sandbox::spec(&SandboxInputs {
        store,
        settings,
        dirs: SandboxDirs {
            root: &root,
            build: &build,
            tmp: &tmp,
            store: &store_inside,
        },
        input_paths: &input_paths,
        host_paths: &host_paths,
        network: !inputs.kind.is_sandboxed(),
        identity,
        ids,
        root_owner: range,
    })?;
    Ok((spec, is_sealed))
}

/// Whether nothing can be handed to others by way of a path of the host: a store path, or a file
/// that is no socket.
fn is_harmless(store: &LocalStore, path: &SandboxPath) -> bool {
    let inside = path.source.strip_prefix(&store.location().physical_dir);
    inside.is_ok_and(|rest| !rest.as_os_str().is_empty())
        || std::fs::metadata(&path.source).map_or(path.optional, |it| it.is_file())
}

/// `sandbox-paths`, with the closures of those that are in the store, and what the derivation
/// asks for and is allowed.
fn host_paths(
    store: &LocalStore,
    settings: &BuildSettings,
    inputs: &BuildInputs,
    closures: &mut Closures,
) -> Result<BTreeMap<PathBuf, SandboxPath>, BuildError> {
    let mut paths = settings.sandbox_paths.clone();
    let mut closure = BTreeSet::new();
    for path in settings.sandbox_paths.values() {
        if let Ok((store_path, _)) = store.store_dir().split(path.source.as_os_str().as_bytes())
            && store.is_valid_path(&store_path)?
        {
            closures.add(store, &store_path, &mut closure)?;
        }
    }
    for path in closure {
        let own = inputs
            .outputs
            .values()
            .any(|output| output.path.as_ref() == Some(&path));
        if !own && !inputs.input_paths.contains(&path) {
            paths.insert(
                PathBuf::from(store.store_dir().print(&path)),
                SandboxPath {
                    source: store.location().physical_path(&path),
                    optional: false,
                },
            );
        }
    }
    for wanted in &inputs.options.impure_host_deps {
        let path = PathBuf::from(std::ffi::OsStr::from_bytes(wanted));
        let allowed = settings
            .allowed_impure_host_deps
            .iter()
            .any(|prefix| path.starts_with(prefix));
        if !allowed {
            return Err(BuildError::new(
                BuildStatus::InputRejected,
                format!(
                    "derivation '{}' requested impure path '{}', but it was not in allowed-impure-host-deps",
                    store.store_dir().print(&inputs.drv_path),
                    path.display()
                ),
            ));
        }
        paths.insert(
            path.clone(),
            SandboxPath {
                source: path,
                optional: true,
            },
        );
    }
    Ok(paths)
}

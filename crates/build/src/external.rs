//! Programs of the user that build in place of this one, for systems that this machine cannot run:
//! in an emulator, say.
//!
//! Such a program gets the name of a file that describes the build: what to run, with which
//! environment, which paths it may see and where the outputs go. It runs outside a sandbox; shutting
//! the builder in is its business. What it leaves is registered like any builder's work.

use std::collections::BTreeMap;
use std::os::unix::ffi::OsStrExt as _;
use std::path::PathBuf;

use firn_store::{LocalStore, Store as _};
use serde_json::{Map, Value, json};

use crate::prepare::PreparedBuild;
use crate::{BuildError, BuildSettings};

/// A program that builds for some systems.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExternalBuilder {
    /// The systems.
    pub systems: Vec<String>,
    /// The program.
    pub program: PathBuf,
    /// Its leading arguments.
    pub args: Vec<String>,
}

/// The program that builds for a system.
pub(crate) fn builder_for<'a>(
    settings: &'a BuildSettings,
    platform: &[u8],
) -> Option<&'a ExternalBuilder> {
    settings.external_builders.iter().find(|it| {
        it.systems
            .iter()
            .any(|system| system.as_bytes() == platform)
    })
}

/// Has a prepared build done by such a program.
pub(crate) fn hand_over(
    build: &mut PreparedBuild,
    builder: &ExternalBuilder,
    store: &LocalStore,
    settings: &BuildSettings,
) -> Result<(), BuildError> {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let top = build.build_dir.parent().unwrap_or(&build.build_dir);
    let store_dir = store.store_dir();
    let env: Map<String, Value> = build
        .spec
        .env
        .iter()
        .map(|(name, value)| (text(name), json!(text(value))))
        .collect();
    let outputs: BTreeMap<String, String> = build
        .scratch
        .iter()
        .map(|(name, path)| (name.to_string(), store_dir.print(path)))
        .collect();
    let inputs: Vec<String> = build
        .inputs
        .input_paths
        .iter()
        .map(|path| store_dir.print(path))
        .collect();
    let args: Vec<String> = build
        .spec
        .args
        .iter()
        .skip(1)
        .map(|arg| text(arg))
        .collect();
    let description = json!({
        "args": args,
        "builder": text(&build.spec.program),
        "env": env,
        "inputPaths": inputs,
        "outputs": outputs,
        "realStoreDir": store.location().physical_dir.to_string_lossy(),
        "storeDir": store_dir.as_str(),
        "system": text(&build.inputs.derivation.platform),
        "tmpDir": build.build_dir.to_string_lossy(),
        "tmpDirInSandbox": settings.sandbox_build_dir.to_string_lossy(),
        "topTmpDir": top.to_string_lossy(),
        "version": 1,
    });
    let file = top.join("build.json");
    std::fs::write(&file, description.to_string()).map_err(BuildError::io("writing", &file))?;
    let program = builder.program.as_os_str().as_bytes().to_vec();
    build.spec.args = std::iter::once(program.clone())
        .chain(builder.args.iter().map(|arg| arg.clone().into_bytes()))
        .chain([file.as_os_str().as_bytes().to_vec()])
        .collect();
    build.spec.program = program;
    build.spec.env = settings.host_env.clone().into_iter().collect();
    build.spec.directory = build.build_dir.as_os_str().as_bytes().to_vec();
    build.spec.filter_syscalls = false;
    Ok(())
}

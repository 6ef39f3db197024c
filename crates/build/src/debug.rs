//! A failed build, entered: a shell where the builder was, with what the builder had.
//!
//! The sandbox is made once more over the same directories, for the same user, so that everything
//! the builder left is there; the derivation is what it was, and nothing is registered. The shell
//! is the builder's own where the builder is a shell, and that of the sandbox otherwise. A file of
//! commands takes it to the phase that failed: variables as `stdenv` last wrote them down, its
//! functions, its directory.

use std::fmt;
use std::fmt::Write as _;
use std::os::unix::ffi::OsStrExt as _;

use firn_sys::launcher::LaunchSpec;

use crate::BuildError;
use crate::prepare::PreparedBuild;

/// The file of commands, in the build directory.
const COMMANDS: &str = ".firn-debug.sh";

/// A build that somebody can look at before it is cleared away.
#[derive(Clone, Debug)]
pub struct FailedBuild {
    /// The derivation's store path.
    pub drv_path: String,
    /// Why it failed, as it is told in the end.
    pub message: String,
    /// The phase that failed, where the builder says.
    pub phase: Option<String>,
    /// Opens the shell, for [`firn_sys::launcher::run_in_foreground`].
    pub shell: LaunchSpec,
}

/// Whoever looks at failed builds.
pub trait Debugger: fmt::Debug + Send + Sync {
    /// Looks at a failed build; its directories go when this returns.
    fn look_at(&self, build: &FailedBuild);
}

/// A build as a debugger gets it.
pub(crate) fn failed_build(
    build: &PreparedBuild,
    drv_path: String,
    error: &BuildError,
    phase: Option<&str>,
) -> Result<FailedBuild, BuildError> {
    let commands = build.build_dir.join(COMMANDS);
    std::fs::write(&commands, commands_for(phase)).map_err(BuildError::io("writing", &commands))?;
    // Whoever the builder is, this is for it to read.
    firn_sys::file::set_mode(&commands, 0o644)
        .map_err(BuildError::io("changing mode of", &commands))?;
    let mut spec = build.spec.clone();
    let inside = [&spec.directory[..], b"/", COMMANDS.as_bytes()].concat();
    let name = spec.args.first().cloned().unwrap_or_default();
    let is_bash = name.ends_with(b"bash");
    if !is_bash && !name.ends_with(b"sh") {
        spec.program = b"/bin/sh".to_vec();
    }
    spec.args = if is_bash {
        let words = [&b"bash"[..], b"--noprofile", b"--rcfile", &inside, b"-i"];
        words.map(<[u8]>::to_vec).into()
    } else {
        spec.env.retain(|(name, _)| name != b"ENV");
        spec.env.push((b"ENV".to_vec(), inside));
        [&b"sh"[..], b"-i"].map(<[u8]>::to_vec).into()
    };
    let prompt = format!("[{}]$ ", build.inputs.derivation_name());
    spec.env.retain(|(name, _)| name != b"PS1");
    spec.env.push((b"PS1".to_vec(), prompt.into_bytes()));
    spec.interactive = true;
    if let Some(sandbox) = &mut spec.sandbox {
        let top = build.build_dir.parent().unwrap_or(&build.build_dir);
        sandbox.root = top.join("root").as_os_str().as_bytes().to_vec();
    }
    Ok(FailedBuild {
        drv_path,
        message: error.message.clone(),
        phase: phase.map(str::to_owned),
        shell: spec,
    })
}

/// What takes a shell to where the builder was.
fn commands_for(phase: Option<&str>) -> String {
    let mut text = String::from(
        "cd \"$NIX_BUILD_TOP\"\n\
         if [ -e env-vars ]; then . ./env-vars; fi\n\
         if [ -n \"${stdenv-}\" ] && [ -e \"$stdenv/setup\" ]; then\n\
         \x20   . \"$stdenv/setup\"\n\
         \x20   trap - EXIT\n\
         fi\n\
         set +e +u\n\
         if [ -n \"${sourceRoot-}\" ] && [ -d \"$sourceRoot\" ]; then cd \"$sourceRoot\"; else\n\
         \x20   for directory in ./*/; do\n\
         \x20       if [ -d \"$directory\" ]; then cd \"$directory\"; break; fi\n\
         \x20   done\n\
         fi\n",
    );
    if let Some(phase) = phase {
        let phase: String = phase
            .chars()
            .filter(|it| it.is_ascii_alphanumeric() || *it == '_')
            .collect();
        let _ = write!(
            text,
            "phase={phase}\n\
             echo \"Phase '{phase}' failed. To run it again: eval \\\"\\${{{phase}:-{phase}}}\\\"\" >&2\n"
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_phase_is_named_with_the_command_that_runs_it() {
        let text = commands_for(Some("build$(rm)Phase"));
        assert!(
            text.contains("eval \\\"\\${buildrmPhase:-buildrmPhase}\\\""),
            "{text}"
        );
        assert!(!commands_for(None).contains("failed"));
    }
}

//! Programs of the user that run around builds: before one, after one, and when two results of one
//! derivation differ.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use firn_events::{ActivityGuard, ActivityKind, Event, Level, SharedSink};

use crate::{BuildError, BuildSettings, SandboxPath};

/// Two results of one derivation.
pub(crate) struct Difference<'a> {
    pub(crate) before: &'a Path,
    pub(crate) after: &'a Path,
    pub(crate) drv_path: &'a str,
    pub(crate) build_dir: &'a Path,
}

/// Shows a difference to the diff hook. Its failure is told and changes nothing.
pub(crate) fn run_diff_hook(hook: &Path, difference: &Difference<'_>, events: &SharedSink) {
    let output = Command::new(hook)
        .arg(difference.before)
        .arg(difference.after)
        .arg(difference.drv_path)
        .arg(difference.build_dir)
        .current_dir("/")
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output();
    let failure = match output {
        Ok(output) => {
            let text = String::from_utf8_lossy(&output.stdout);
            if !text.trim().is_empty() {
                events.message(Level::Error, text.trim_end());
            }
            if output.status.success() {
                return;
            }
            format!(
                "diff-hook program '{}' failed with {}",
                hook.display(),
                output.status
            )
        }
        Err(error) => format!(
            "executing '{}': {}",
            hook.display(),
            crate::error::plain(&error)
        ),
    };
    events.message(
        Level::Error,
        &format!("error: diff hook execution failed: {failure}"),
    );
}

/// Runs the post-build hook for a finished derivation; its failure is the build's.
pub(crate) fn run_post_build_hook(
    settings: &BuildSettings,
    drv_path: &str,
    out_paths: &BTreeSet<String>,
    events: &SharedSink,
) -> Result<(), BuildError> {
    let Some(hook) = &settings.post_build_hook else {
        return Ok(());
    };
    let activity = ActivityGuard::start(
        events,
        None,
        Level::Talkative,
        format!("running post-build-hook '{}'", hook.display()),
        ActivityKind::PostBuildHook {
            drv_path: drv_path.as_bytes().to_vec(),
        },
    );
    let failed = BuildError::io("executing", hook);
    let (reader, writer) = match std::io::pipe() {
        Ok(pipe) => pipe,
        Err(error) => return Err(failed(error)),
    };
    let started = writer.try_clone().and_then(|errors| {
        let out_paths: Vec<_> = out_paths.iter().map(String::as_str).collect();
        Command::new(hook)
            .env("DRV_PATH", drv_path)
            .env("OUT_PATHS", out_paths.join(" "))
            .env("NIX_CONFIG", &settings.hook_config)
            .stdin(Stdio::null())
            .stdout(writer)
            .stderr(errors)
            .spawn()
    });
    let mut child = match started {
        Ok(child) => child,
        Err(error) => return Err(failed(error)),
    };
    for line in BufReader::new(reader).split(b'\n') {
        let Ok(line) = line else { break };
        events.emit(Event::PostBuildLogLine {
            id: activity.id(),
            line,
        });
    }
    let status = child.wait().map_err(BuildError::io("waiting for", hook))?;
    if status.success() {
        return Ok(());
    }
    Err(BuildError::misc(format!(
        "program '{}' {}",
        hook.display(),
        describe_status(status)
    )))
}

/// Asks the pre-build hook what else a sandbox is to show: lines `inside=outside` or just a path
/// after the line `extra-sandbox-paths`, up to an empty line.
pub(crate) fn run_pre_build_hook(
    hook: &Path,
    drv_path: &str,
    root: &Path,
) -> Result<BTreeMap<PathBuf, SandboxPath>, BuildError> {
    let output = Command::new(hook)
        .arg(drv_path)
        .arg(root)
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .map_err(BuildError::io("executing", hook))?;
    if !output.status.success() {
        return Err(BuildError::misc(format!(
            "program '{}' {}",
            hook.display(),
            describe_status(output.status)
        )));
    }
    parse_extra_paths(&String::from_utf8_lossy(&output.stdout)).map_err(BuildError::misc)
}

fn parse_extra_paths(text: &str) -> Result<BTreeMap<PathBuf, SandboxPath>, String> {
    let mut paths = BTreeMap::new();
    let mut in_paths = false;
    for line in text.lines() {
        match (in_paths, line) {
            (false, "extra-sandbox-paths" | "extra-chroot-dirs") => in_paths = true,
            (false, other) => return Err(format!("unknown pre-build hook command '{other}'")),
            (true, "") => in_paths = false,
            (true, line) => {
                let (inside, source) = line.split_once('=').unwrap_or((line, line));
                let path = SandboxPath {
                    source: PathBuf::from(source),
                    optional: false,
                };
                paths.insert(PathBuf::from(inside), path);
            }
        }
    }
    Ok(paths)
}

/// How a program ended, in the field's words.
pub(crate) fn describe_status(status: std::process::ExitStatus) -> String {
    use std::os::unix::process::ExitStatusExt as _;
    match (status.code(), status.signal()) {
        (Some(0), _) => "succeeded".to_owned(),
        (Some(code), _) => format!("failed with exit code {code}"),
        (None, Some(signal)) => format!(
            "failed due to signal {signal} ({})",
            firn_sys::signals::describe(signal)
        ),
        (None, None) => "died abnormally".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pre_build_hook_speaks_in_lines() {
        let paths = parse_extra_paths("extra-sandbox-paths\n/a\n/b=/c\n\n").expect("sound");
        assert_eq!(paths[Path::new("/a")].source, Path::new("/a"));
        assert_eq!(paths[Path::new("/b")].source, Path::new("/c"));
        let error = parse_extra_paths("nonsense").expect_err("unknown");
        assert_eq!(error, "unknown pre-build hook command 'nonsense'");
    }
}

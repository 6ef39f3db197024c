//! The program as a whole, in surroundings that unit tests cannot have: a terminal with shells, a
//! network that is cut, a project with a history.
//!
//! A trial whose surroundings are missing on a machine is reported as ignored, and its name says
//! what is missing; continuous integration installs everything.

mod debugger;
mod offline;
mod prompt;
mod remembered;
mod services;
mod world;

use std::process::{Command, ExitCode, Stdio};

use libtest_mimic::{Arguments, Failed, Trial};

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let mut trials = vec![trial("remembered/flakes", &["git"], remembered::flakes)];
    trials.push(trial("remembered/outputs", &["git"], remembered::outputs));
    for shell in prompt::SHELLS {
        let name = format!("prompt/{}", shell.name);
        trials.push(trial(&name, &["tmux", shell.name, "bash"], || {
            prompt::whole_visit(shell)
        }));
    }
    trials.push(trial("debugger/prompt", &[], debugger::prompt));
    trials.push(trial(
        "services/run-and-end",
        &["bash"],
        services::run_and_end,
    ));
    trials.push(trial(
        "services/ended-badly",
        &["bash"],
        services::ended_badly,
    ));
    let cut = if can_cut_the_network() {
        "unshare"
    } else {
        "the right to make network namespaces"
    };
    trials.push(trial("offline/again", &[cut, "git", "tar"], offline::again));
    trials.push(trial(
        "offline/no-socket",
        &["strace", "git", "tar"],
        offline::no_socket,
    ));
    libtest_mimic::run(&arguments, trials).exit_code()
}

/// A trial that needs programs.
fn trial(
    name: &str,
    needed: &[&str],
    run: impl FnOnce() -> Result<(), Failed> + Send + 'static,
) -> Trial {
    let missing: Vec<&str> = needed.iter().copied().filter(|it| !is_there(it)).collect();
    if missing.is_empty() {
        return Trial::test(name, run);
    }
    let name = format!("{name} (not run: {} missing)", missing.join(", "));
    Trial::test(name, run).with_ignored_flag(true)
}

fn is_there(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|it| it.join(program).is_file())
}

fn can_cut_the_network() -> bool {
    let mut command = Command::new("unshare");
    command.args(["--net", "true"]).stderr(Stdio::null());
    command.status().is_ok_and(|it| it.success())
}

//! Builds many trivial derivations under Firn and under another builder and prints a table.
//!
//! Each builder gets a store of its own in a scratch folder, fresh for every run; the two run in
//! turn. Three things are timed: building everything with the sandbox, building everything without
//! it, and asking once more for what has just been built. What is reported is the time on the
//! clock, and the processor time of the whole tree of processes, builders included.
//!
//! ```text
//! cargo build --release
//! cargo run --release -p firn-benches --bin builds -- --peer env
//! ```
//!
//! A static shell is needed for the sandbox; both get the same one, so it has to lie where both
//! find it. The scratch folder should not lie below `/tmp`, which a sandbox has its own of.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "the table is what this program is for"
)]

#[path = "../contest.rs"]
mod contest;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser;
use contest::{Contender, Cost, head, remove, report};

/// Compare building under Firn with another builder, side by side.
#[derive(Parser)]
struct Arguments {
    /// Our binary
    #[arg(long, default_value = "target/release/firn")]
    firn: PathBuf,
    /// What stands before a command of the other builder, such as `env`; none to run Firn alone
    #[arg(long)]
    peer: Option<String>,
    /// How many derivations
    #[arg(short = 'n', long, default_value_t = 500)]
    count: usize,
    /// Builds at once
    #[arg(short = 'j', long, default_value_t = 2)]
    jobs: usize,
    /// Counted runs of each
    #[arg(long, default_value_t = 1)]
    runs: usize,
    /// The static shell
    #[arg(long, default_value = "/bin/busybox")]
    shell: PathBuf,
    /// Where scratch folders are made
    #[arg(long, default_value = "/var/tmp")]
    scratch: PathBuf,
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("builds: {message}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Result<(), String> {
    let scratch = arguments
        .scratch
        .join(format!("firn-builds-{}", std::process::id()));
    let mut contenders = vec![Contender::ours(&arguments.firn, scratch.join("bin"))?];
    contenders.extend(arguments.peer.as_deref().map(Contender::peer));
    println!(
        "{} derivations, {} at once, medians of {}",
        arguments.count, arguments.jobs, arguments.runs
    );
    head();
    for sandbox in [true, false] {
        let mut building = vec![Vec::new(); contenders.len()];
        let mut asking = vec![Vec::new(); contenders.len()];
        for round in 0..arguments.runs {
            for (idx, contender) in contenders.iter().enumerate() {
                let folder = scratch.join(format!("{}-{sandbox}-{round}", contender.name));
                building[idx].push(build(arguments, contender, &folder, sandbox)?);
                asking[idx].push(build(arguments, contender, &folder, sandbox)?);
                remove(&folder);
            }
        }
        let what = if sandbox { "sandbox on" } else { "sandbox off" };
        report(what, &contenders, &building, Some(arguments.count));
        report("nothing to do", &contenders, &asking, None);
    }
    remove(&scratch);
    Ok(())
}

fn build(
    arguments: &Arguments,
    contender: &Contender,
    folder: &Path,
    sandbox: bool,
) -> Result<Cost, String> {
    let count = arguments.count;
    let expression = format!(
        "builtins.genList (n: derivation {{ name = \"trivial-${{toString n}}\"; system = builtins.currentSystem; \
         builder = \"/bin/sh\"; args = [ \"-c\" \"echo ${{toString n}} > $out\" ]; }}) {count}"
    );
    std::fs::create_dir_all(folder).map_err(|error| error.to_string())?;
    let jobs = arguments.jobs.to_string();
    let shell = format!("/bin/sh={}", arguments.shell.display());
    let mut command = contender.command("nix-build", folder);
    command
        .args(["--no-out-link", "--quiet", "-j", &jobs, "-E", &expression])
        .args(["--option", "sandbox"])
        .arg(if sandbox { "true" } else { "false" })
        // Nobody wins by doing without.
        .args(["--option", "sandbox-fallback", "false"])
        .args(["--option", "sandbox-paths", &shell])
        .args(["--option", "substitute", "false"])
        .args(["--option", "build-users-group", ""]);
    contender.run(&mut command)
}

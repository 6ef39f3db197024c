//! Works in a project as people do, under Firn and under another implementation, and prints a table.
//!
//! The project is a flake in Git that declares two machines of a given nixpkgs, which it locks. What
//! is timed is what is asked again and again: an evaluation, a build and a development shell while
//! nothing has changed, the prompt's hook, and an evaluation after each edit of one line
//! in the first machine's module, for that machine and for the other. All answers are compared.
//! Both sides start with empty caches of their own; the store is the one that each of them uses.
//!
//! ```text
//! cargo build --release
//! cargo run --release -p firn-benches --bin projects -- --nixpkgs DIR --peer nix
//! ```
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "the table is what this program is for"
)]

#[path = "../cost.rs"]
mod cost;

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use clap::Parser;
use cost::{Cost, timed};

/// Compare daily work in a project under Firn with another implementation, side by side.
#[derive(Parser)]
struct Arguments {
    /// Our binary
    #[arg(long, default_value = "target/release/firn")]
    firn: PathBuf,
    /// The other implementation's `nix`, with what has to stand before it; none to run Firn alone
    #[arg(long)]
    peer: Option<String>,
    /// A tree of nixpkgs, locked by its revision if it is a repository, otherwise by its contents
    #[arg(long)]
    nixpkgs: PathBuf,
    /// Counted runs of what is unchanged
    #[arg(long, default_value_t = 5)]
    runs: usize,
    /// Of these, with the other implementation: where it looks at all of nixpkgs again, they take long
    #[arg(long, default_value_t = 1)]
    peer_runs: usize,
    /// Edits, each followed by an evaluation of both machines
    #[arg(long, default_value_t = 1)]
    edits: usize,
    /// Where the scratch folder is made
    #[arg(long, default_value = "/tmp")]
    scratch: PathBuf,
}

const FLAKE: &str = r#"{
  inputs.nixpkgs.url = "@nixpkgs@";
  outputs = { self, nixpkgs }:
    let
      system = "x86_64-linux";
      toplevel = builtins.unsafeDiscardStringContext self.nixosConfigurations.first.config.system.build.toplevel.drvPath;
      made = name: derivation {
        inherit name system toplevel;
        builder = "/bin/sh";
        args = [ "-c" "echo $toplevel > $out" ];
      };
    in
    {
      nixosConfigurations = nixpkgs.lib.genAttrs [ "first" "second" ] (
        name: nixpkgs.lib.nixosSystem { inherit system; modules = [ ./common.nix ./${name}.nix ]; }
      );
      packages.${system}.default = made "report";
      devShells.${system}.default = derivation {
        inherit system toplevel;
        name = "shell";
        builder = "/bin/bash";
        # The other implementation's capture asks the environment for it.
        outputs = [ "out" ];
      };
    };
}
"#;

const COMMON: &str = r#"{
  boot.loader.grub.device = "nodev";
  fileSystems."/" = { device = "/dev/vda"; fsType = "ext4"; };
  services.openssh.enable = true;
  services.nginx.enable = true;
  networking.firewall.allowedTCPPorts = [ 80 443 ];
  system.stateVersion = "26.05";
}
"#;

/// One side: the words that start it, and its own caches.
struct Contender {
    name: &'static str,
    words: Vec<String>,
    caches: PathBuf,
}

impl Contender {
    fn new(name: &'static str, words: Vec<String>, caches: PathBuf) -> Result<Self, String> {
        std::fs::create_dir_all(&caches).map_err(|it| it.to_string())?;
        Ok(Self {
            name,
            words,
            caches,
        })
    }

    /// Runs a command in the project; gives what it prints.
    fn run(&self, project: &Path, arguments: &[&str]) -> Result<(String, Cost), String> {
        let (program, rest) = self.words.split_first().ok_or("no command given")?;
        let mut command = Command::new(program);
        command
            .args(rest)
            .args(arguments)
            .current_dir(project)
            .env("XDG_CACHE_HOME", &self.caches)
            .stdin(Stdio::null())
            .stderr(Stdio::null());
        let ran = timed(&mut command, self.name)?;
        // Some runs take minutes; whoever waits sees that it goes on.
        eprintln!(
            "{}: {} took {:.2} s, {:.2} s of a processor, {} MiB",
            self.name,
            arguments.join(" "),
            ran.1.wall.as_secs_f64(),
            ran.1.processor.as_secs_f64(),
            ran.1.memory
        );
        Ok(ran)
    }
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("projects: {message}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Result<(), String> {
    let name = format!("firn-projects-{}", std::process::id());
    let scratch = arguments.scratch.join(name);
    let outcome = compare(arguments, &scratch);
    // It lies in a scratch folder of this process.
    drop(std::fs::remove_dir_all(&scratch));
    outcome
}

fn compare(arguments: &Arguments, scratch: &Path) -> Result<(), String> {
    let firn = arguments.firn.canonicalize().map_err(|error| {
        format!(
            "{}: {error}; build it first with `cargo build --release`",
            arguments.firn.display()
        )
    })?;
    let project = scratch.join("project");
    make_project(&project, &arguments.nixpkgs)?;
    let ours = [firn.display().to_string()];
    let mut sides = vec![Contender::new("firn", ours.to_vec(), scratch.join("ours"))?];
    if let Some(peer) = &arguments.peer {
        let words = peer.split_whitespace().map(ToOwned::to_owned).collect();
        sides.push(Contender::new("peer", words, scratch.join("peer"))?);
    }
    println!(
        "| | wall (s), peer → Firn | processor (s), peer → Firn | memory (MiB) |\n|---|---:|---:|---:|"
    );
    let evaluate = |machine: &str| {
        let attribute =
            format!(".#nixosConfigurations.{machine}.config.system.build.toplevel.drvPath");
        ["eval".to_owned(), "--raw".to_owned(), attribute]
    };
    let (first, second) = (evaluate("first"), evaluate("second"));
    let first: Vec<&str> = first.iter().map(String::as_str).collect();
    let second: Vec<&str> = second.iter().map(String::as_str).collect();
    let build = ["build", "--no-link", "--print-out-paths"];
    let develop = ["develop", "-c", "sh", "-c", "echo $toplevel"];
    for (what, words) in [
        ("`eval`", first.as_slice()),
        ("`build`", &build),
        ("`develop -c`", &develop),
    ] {
        let fresh = each(&sides, &project, words)?;
        row(&format!("{what}, the first time"), &fresh);
        // Files that are a moment old prove nothing by their status.
        std::thread::sleep(Duration::from_millis(50));
        each(&sides[..1], &project, words)?;
        let mut costs = Vec::new();
        for run in 0..arguments.runs {
            let n_sides = if run < arguments.peer_runs {
                sides.len()
            } else {
                1
            };
            costs.push(each(&sides[..n_sides], &project, words)?);
        }
        row(&format!("{what}, nothing changed"), &least(&costs));
    }
    let (mut same, mut other) = (Vec::new(), Vec::new());
    for edit in 0..arguments.edits {
        write_machine(&project, "first", edit + 1)?;
        same.push(each(&sides, &project, &first)?);
        other.push(each(&sides, &project, &second)?);
    }
    if arguments.edits > 0 {
        row(
            "`eval`, a line changed in the machine's module",
            &least(&same),
        );
        row(
            "`eval`, a line changed in another machine's",
            &least(&other),
        );
    }
    hook(&firn, &project, &sides[0].caches, arguments.runs)
}

/// The same under all contenders, whose answers have to be the same.
fn each(sides: &[Contender], project: &Path, words: &[&str]) -> Result<Vec<Cost>, String> {
    let mut costs = Vec::new();
    let mut answer: Option<String> = None;
    for side in sides {
        let (output, cost) = side.run(project, words)?;
        if answer.get_or_insert_with(|| output.clone()) != &output {
            return Err(format!("{words:?}: the answers differ"));
        }
        costs.push(cost);
    }
    Ok(costs)
}

/// The least that each side has needed.
fn least(runs: &[Vec<Cost>]) -> Vec<Cost> {
    let sides = runs.first().map_or(0, Vec::len);
    let memories = |side: usize| runs.iter().filter_map(move |it| Some(it.get(side)?.memory));
    let least = |side: usize| {
        let of = |pick: fn(&Cost) -> Duration| {
            let costs = runs.iter().filter_map(|it| it.get(side));
            costs.map(pick).min().unwrap_or_default()
        };
        Cost {
            wall: of(|it| it.wall),
            processor: of(|it| it.processor),
            memory: memories(side).min().unwrap_or_default(),
        }
    };
    (0..sides).map(least).collect()
}

fn row(what: &str, costs: &[Cost]) {
    let shown = |pick: &dyn Fn(&Cost) -> String| {
        let each: Vec<String> = costs.iter().rev().map(pick).collect();
        each.join(" → ")
    };
    println!(
        "| {what} | {} | {} | {} |",
        shown(&|it| format!("{:.3}", it.wall.as_secs_f64())),
        shown(&|it| format!("{:.3}", it.processor.as_secs_f64())),
        shown(&|it| it.memory.to_string())
    );
}

/// The prompt: what the hook costs in each shell that is there, once the environment is made.
fn hook(firn: &Path, project: &Path, caches: &Path, runs: usize) -> Result<(), String> {
    let data = caches.join("data");
    let command = |program: &Path, words: &[&str]| {
        let output = Command::new(program)
            .args(words)
            .current_dir(project)
            .env("XDG_CACHE_HOME", caches)
            .env("XDG_DATA_HOME", &data)
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .output()
            .map_err(|it| format!("{}: {it}", program.display()))?;
        Ok::<_, String>(String::from_utf8_lossy(&output.stdout).into_owned())
    };
    command(firn, &["allow"])?;
    let start = Instant::now();
    while !command(firn, &["hook", "export", "bash"])?.contains("FIRN_ENVIRONMENT") {
        if start.elapsed() > Duration::from_mins(5) {
            return Err("the environment of the project is not made".to_owned());
        }
        std::thread::sleep(Duration::from_millis(200));
    }
    let firn = firn.display();
    for shell in ["bash", "zsh", "fish"] {
        let (name, emit) = match shell {
            "fish" => ("__firn_hook", "emit fish_prompt"),
            _ => ("_firn_hook", "_firn_hook"),
        };
        let prompts = format!("{emit}\n").repeat(10);
        let load = match shell {
            "fish" => format!("'{firn}' hook fish | source"),
            _ => format!("eval \"$('{firn}' hook {shell})\""),
        };
        // The first one enters; the shell says itself how long each of the others took.
        let clock = "date +%s%N";
        let text = format!("{load}\n{emit}\n{emit}\n{clock}\n{prompts}{clock}\necho $toplevel\n");
        let mut best = Duration::MAX;
        for _ in 0..runs {
            let Ok(output) = command(Path::new(shell), &["-c", &text]) else {
                println!("| prompt in {shell} | not there | |");
                break;
            };
            // Fish writes control codes before them.
            let moments: Vec<u64> = output.lines().filter_map(number_at_end).collect();
            let &[begin, end] = moments.as_slice() else {
                return Err(format!("'{name}' in {shell} is not timed: {output}"));
            };
            if !output.contains("nixos-system-first") {
                return Err(format!(
                    "'{name}' in {shell} brings no environment: {output}"
                ));
            }
            best = best.min(Duration::from_nanos((end - begin) / 10));
        }
        if best < Duration::MAX {
            println!(
                "| prompt in {shell}, nothing changed | {:.4} | | |",
                best.as_secs_f64()
            );
        }
    }
    Ok(())
}

/// The nanoseconds that a line ends with.
fn number_at_end(line: &str) -> Option<u64> {
    let from = line
        .rfind(|it: char| !it.is_ascii_digit())
        .map_or(0, |it| it + 1);
    line[from..].parse().ok().filter(|&it| it > 1_000_000_000)
}

fn make_project(project: &Path, nixpkgs: &Path) -> Result<(), String> {
    std::fs::create_dir_all(project).map_err(|it| it.to_string())?;
    let nixpkgs = nixpkgs
        .canonicalize()
        .map_err(|it| format!("{}: {it}", nixpkgs.display()))?;
    let scheme = if nixpkgs.join(".git").exists() {
        "git+file://"
    } else {
        "path:"
    };
    let flake = FLAKE.replace("@nixpkgs@", &format!("{scheme}{}", nixpkgs.display()));
    write(&project.join("flake.nix"), &flake)?;
    write(&project.join("common.nix"), COMMON)?;
    write_machine(project, "first", 0)?;
    write_machine(project, "second", 0)?;
    let identity = ["-c", "user.name=bench", "-c", "user.email=bench@localhost"];
    for words in [
        ["init", "--quiet"].as_slice(),
        &["add", "--all"],
        &["commit", "--quiet", "--message", "Begin"],
    ] {
        let status = Command::new("git")
            .args(identity)
            .args(words)
            .current_dir(project)
            .status();
        if !status.is_ok_and(|it| it.success()) {
            return Err(format!("git {words:?} failed"));
        }
    }
    Ok(())
}

fn write_machine(project: &Path, name: &str, number: usize) -> Result<(), String> {
    let text = format!(
        "{{\n  networking.hostName = \"{name}\";\n  environment.etc.motd.text = \"{number}\";\n}}\n"
    );
    write(&project.join(format!("{name}.nix")), &text)
}

fn write(place: &Path, text: &str) -> Result<(), String> {
    std::fs::write(place, text).map_err(|it| format!("{}: {it}", place.display()))
}

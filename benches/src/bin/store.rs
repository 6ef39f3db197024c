//! Works on stores with Firn and with another implementation and prints a table.
//!
//! Each gets stores of its own in a scratch folder and does the same, in turn: add a large tree,
//! add it again, dump it, copy it to a binary cache and from there to another store; write many
//! derivations, verify them with their contents, find them to be garbage and delete them. With
//! `--big` also: copy one large file from store to store, where what counts is memory.
//!
//! ```text
//! cargo build --release
//! cargo run --release -p firn-benches --bin store -- --peer env
//! ```
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "the table is what this program is for"
)]

#[path = "../contest.rs"]
mod contest;

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use clap::Parser;
use contest::{Contender, Cost, head, remove, report};

/// Compare work on stores with another implementation, side by side.
#[derive(Parser)]
struct Arguments {
    /// Our binary
    #[arg(long, default_value = "target/release/firn")]
    firn: PathBuf,
    /// What stands before a command of the other one, such as `env`; none to run Firn alone
    #[arg(long)]
    peer: Option<String>,
    /// Files of the tree
    #[arg(long, default_value_t = 22_000)]
    files: usize,
    /// Derivations
    #[arg(long, default_value_t = 3_600)]
    derivations: usize,
    /// Size of the large file, in MiB; none without it
    #[arg(long, default_value_t = 0)]
    big: usize,
    /// Counted runs of each
    #[arg(long, default_value_t = 1)]
    runs: usize,
    /// Where scratch folders are made
    #[arg(long, default_value = "/var/tmp")]
    scratch: PathBuf,
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("store: {message}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Result<(), String> {
    let scratch = arguments
        .scratch
        .join(format!("firn-store-{}", std::process::id()));
    let mut contenders = vec![Contender::ours(&arguments.firn, scratch.join("bin"))?];
    contenders.extend(arguments.peer.as_deref().map(Contender::peer));
    let tree = scratch.join("tree");
    let size = make_tree(&tree, arguments.files).map_err(|error| error.to_string())?;
    let big = scratch.join("big");
    if arguments.big > 0 {
        make_file(&big, arguments.big << 20, 1).map_err(|error| error.to_string())?;
    }
    println!(
        "a tree of {} files and {} MB, {} derivations, medians of {}",
        arguments.files,
        size / 1_000_000,
        arguments.derivations,
        arguments.runs
    );
    head();
    let mut costs: Vec<(&str, Vec<Vec<Cost>>)> = Vec::new();
    for _ in 0..arguments.runs {
        for (idx, contender) in contenders.iter().enumerate() {
            let folder = scratch.join(contender.name);
            std::fs::create_dir_all(&folder).map_err(|error| error.to_string())?;
            let mut run = works(contender, &folder, &tree)?;
            run.extend(many_paths(contender, &folder, arguments.derivations)?);
            if arguments.big > 0 {
                run.push(copy_file(contender, &folder, &big)?);
            }
            for (at, (what, cost)) in run.into_iter().enumerate() {
                if costs.len() <= at {
                    costs.push((what, vec![Vec::new(); contenders.len()]));
                }
                costs[at].1[idx].push(cost);
            }
            remove(&folder);
        }
    }
    for (what, costs) in &costs {
        report(what, &contenders, costs, None);
    }
    remove(&scratch);
    Ok(())
}

/// The works on the tree.
fn works(
    contender: &Contender,
    folder: &Path,
    tree: &Path,
) -> Result<Vec<(&'static str, Cost)>, String> {
    let nix_store = |words: &[&str]| {
        let mut command = contender.command("nix-store", folder);
        command.args(words).arg(tree);
        command
    };
    let mut done = Vec::new();
    done.push(("add a tree", contender.run(&mut nix_store(&["--add"]))?));
    done.push(("add it again", contender.run(&mut nix_store(&["--add"]))?));
    done.push(("dump it", contender.run(&mut nix_store(&["--dump"]))?));
    let path = text_of(&mut nix_store(&["--add"]))?;
    let cache = format!("file://{}?compression=zstd", folder.join("cache").display());
    let mut command = nix(contender, folder);
    command.args(["copy", "--to", &cache, &path]);
    done.push(("copy it to a zstd cache", contender.run(&mut command)?));
    let other = folder.join("other");
    std::fs::create_dir_all(&other).map_err(|error| error.to_string())?;
    let mut command = nix(contender, &other);
    command
        // The same logical paths in another place.
        .env("NIX_STORE_DIR", folder.join("store"))
        .args(["copy", "--no-check-sigs", "--from", &cache, &path, "--to"])
        .arg(format!("local?root={}", other.display()));
    done.push(("copy it from there", contender.run(&mut command)?));
    Ok(done)
}

/// The works on many small paths.
fn many_paths(
    contender: &Contender,
    folder: &Path,
    count: usize,
) -> Result<Vec<(&'static str, Cost)>, String> {
    let folder = folder.join("many");
    std::fs::create_dir_all(&folder).map_err(|error| error.to_string())?;
    let expression = format!(
        "builtins.genList (n: derivation {{ name = \"many-${{toString n}}\"; system = \"none\"; \
         builder = \"/bin/sh\"; args = [ (toString n) ]; }}) {count}"
    );
    let mut command = contender.command("nix-instantiate", &folder);
    command.args(["--quiet", "-E", &expression]);
    let mut done = vec![("write derivations", contender.run(&mut command)?)];
    for (what, words) in [
        ("verify them", &["--verify", "--check-contents"][..]),
        ("find garbage", &["--gc", "--print-dead"]),
        ("delete it", &["--gc", "--quiet"]),
    ] {
        let mut command = contender.command("nix-store", &folder);
        done.push((what, contender.run(command.args(words))?));
    }
    Ok(done)
}

/// Copies a large file from one store to another.
fn copy_file(
    contender: &Contender,
    folder: &Path,
    file: &Path,
) -> Result<(&'static str, Cost), String> {
    let mut add = contender.command("nix-store", folder);
    let path = text_of(add.arg("--add").arg(file))?;
    let other = folder.join("big");
    let mut command = nix(contender, folder);
    command
        .args(["copy", "--no-check-sigs", &path, "--to"])
        .arg(format!("local?root={}", other.display()));
    Ok(("copy a large file", contender.run(&mut command)?))
}

fn nix(contender: &Contender, folder: &Path) -> Command {
    let mut command = contender.command("nix", folder);
    command.args(["--extra-experimental-features", "nix-command"]);
    command
}

/// What a command prints.
fn text_of(command: &mut Command) -> Result<String, String> {
    let output = command.output().map_err(|error| error.to_string())?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// Makes a tree of files like those of sources, some hundred a folder; tells its size.
fn make_tree(tree: &Path, n_files: usize) -> std::io::Result<usize> {
    let mut size = 0;
    for idx in 0..n_files {
        let folder = tree.join(format!("{:03}", idx / 100));
        if idx % 100 == 0 {
            std::fs::create_dir_all(&folder)?;
        }
        // From nothing to 10 kB, as it comes.
        let length = idx * 7919 % 10_267;
        size += length;
        make_file(&folder.join(format!("file-{idx}.c")), length, idx as u64)?;
    }
    Ok(size)
}

/// Writes a file that compresses about as well as text does.
fn make_file(path: &Path, length: usize, seed: u64) -> std::io::Result<()> {
    let mut file = BufWriter::with_capacity(1 << 16, File::create(path)?);
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut written = 0;
    while written < length {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        let line = format!("    int value_{:04x} = {};\n", state & 0xffff, state >> 40);
        let part = &line.as_bytes()[..line.len().min(length - written)];
        file.write_all(part)?;
        written += part.len();
    }
    file.flush()
}

//! Without a network, everything that succeeded once succeeds again; and told not to use it, the
//! program opens no socket.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;

use libtest_mimic::Failed;

use crate::world::{FIRN, World, succeed};

/// A project with an input of each kind that comes from elsewhere.
struct Project {
    world: World,
    flake: PathBuf,
    server: String,
}

/// Answers every request with the same bytes, until the test ends; but `/registry.json` is a registry
/// in which `far` is what else is there.
fn serve(contents: Vec<u8>) -> std::io::Result<u16> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let port = listener.local_addr()?.port();
    let registry = format!(
        r#"{{"version":2,"flakes":[{{"from":{{"type":"indirect","id":"far"}},"to":{{"type":"tarball","url":"http://127.0.0.1:{port}/source.tar.gz"}}}}]}}"#
    );
    let contents = Arc::new(contents);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let contents = Arc::clone(&contents);
            let registry = registry.clone();
            std::thread::spawn(move || answer(stream, &contents, registry.as_bytes()));
        }
    });
    Ok(port)
}

fn answer(
    mut stream: std::net::TcpStream,
    contents: &[u8],
    registry: &[u8],
) -> std::io::Result<()> {
    let mut request = Vec::new();
    let mut byte = [0];
    while !request.ends_with(b"\r\n\r\n") && stream.read(&mut byte)? == 1 {
        request.push(byte[0]);
    }
    let contents = if request.starts_with(b"GET /registry.json ") {
        registry
    } else {
        contents
    };
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        contents.len()
    );
    stream.write_all(head.as_bytes())?;
    if request.starts_with(b"GET") {
        stream.write_all(contents)?;
    }
    Ok(())
}

impl Project {
    fn new() -> Result<Self, Failed> {
        let world = World::new()?;
        let (far, flake) = (world.path("work/far"), world.path("work/flake"));
        fs::create_dir_all(far.join("source"))?;
        fs::create_dir(&flake)?;
        fs::write(far.join("source/value"), "archive")?;
        succeed(
            world
                .command("tar", &far)
                .args(["czf", "source.tar.gz", "source"]),
        )?;
        let port = serve(fs::read(far.join("source.tar.gz"))?)?;
        let origin = world.path("work/origin");
        fs::create_dir(&origin)?;
        fs::write(origin.join("value"), "repository")?;
        world.git(&origin, &["init", "--quiet"])?;
        world.git(&origin, &["add", "value"])?;
        world.git(&origin, &["commit", "--quiet", "-m", "x"])?;
        world.git(
            &world.path("work"),
            &["clone", "--quiet", "--bare", "origin", "bare"],
        )?;
        let bare = world.path("work/bare");
        let text = format!(
            r#"{{
  inputs.archive = {{ url = "http://127.0.0.1:{port}/source.tar.gz"; flake = false; }};
  inputs.repository = {{ url = "git+file://{}"; flake = false; }};
  outputs = {{ archive, repository, ... }}: {{
    text = builtins.readFile (archive + "/value") + builtins.readFile (repository + "/value");
    packages.x86_64-linux.default = derivation {{
      name = "made"; system = "x86_64-linux"; builder = "/bin/sh"; VALUE = archive;
      args = [ "-c" "echo $VALUE > $out" ];
    }};
    devShells.x86_64-linux.default = derivation {{
      name = "shell"; system = "x86_64-linux"; builder = "/bin/bash"; VALUE = repository;
    }};
  }};
}}
"#,
            bare.display()
        );
        fs::write(flake.join("flake.nix"), text)?;
        world.git(&flake, &["init", "--quiet"])?;
        world.git(&flake, &["add", "flake.nix"])?;
        let server = format!("http://127.0.0.1:{port}");
        Ok(Self {
            world,
            flake,
            server,
        })
    }

    /// Command lines that succeed while there is a network.
    fn lines(&self) -> Vec<Vec<String>> {
        let words = |line: &str| line.split(' ').map(str::to_owned).collect::<Vec<_>>();
        let fetched = |builtin: &str| {
            let mut line = words("eval --impure --raw --expr");
            line.push(format!("builtins.{builtin} \"{}/file\"", self.server));
            line
        };
        vec![
            words("eval --raw .#text"),
            words("eval --raw .#text --no-eval-cache"),
            words("build --no-link --print-out-paths"),
            words("develop -c true"),
            words("flake metadata --json"),
            words("flake archive --json"),
            words("flake show"),
            fetched("fetchurl"),
            fetched("fetchTarball"),
            words("flake lock"),
            words("flake check"),
            words("flake prefetch-inputs"),
            words(&format!(
                "flake prefetch --json far --option flake-registry {}/registry.json",
                self.server
            )),
            words("search . made"),
            words("search hel+o"),
            words("shell -c true"),
            words("print-dev-env"),
            words("path-info .#default"),
            words("derivation show .#default"),
        ]
    }

    /// Runs a command line, by another program if one is named.
    fn run(&self, around: &[&str], line: &[String]) -> Result<String, Failed> {
        let mut command = match around {
            [] => self.world.command(FIRN, &self.flake),
            [program, words @ ..] => {
                let mut command: Command = self.world.command(program, &self.flake);
                command.args(words).arg(FIRN);
                command
            }
        };
        succeed(command.args(line))
    }
}

pub(crate) fn again() -> Result<(), Failed> {
    let project = Project::new()?;
    for line in project.lines() {
        let first = project.run(&[], &line)?;
        let second = project.run(&["unshare", "--net"], &line)?;
        if first != second {
            return Err(format!("{line:?}: {first}\nand without a network\n{second}").into());
        }
        // What was downloaded counts as fresh for a while; afterwards it still is all there is.
        let stale = [line.clone(), vec!["--tarball-ttl".into(), "0".into()]].concat();
        let third = project.run(&["unshare", "--net"], &with_flags_first(&line, &stale))?;
        if first != third {
            return Err(format!("{stale:?}: {first}\nand without a network\n{third}").into());
        }
    }
    Ok(())
}

/// Flags of the program go before a command that takes the rest of the line.
fn with_flags_first(line: &[String], longer: &[String]) -> Vec<String> {
    let (verb, rest) = line.split_at(1);
    [verb, &longer[line.len()..], rest].concat()
}

pub(crate) fn no_socket() -> Result<(), Failed> {
    let project = Project::new()?;
    let log = project.world.path("trace");
    let log = log.display().to_string();
    let around = ["strace", "-f", "-e", "trace=socket", "-o", &log];
    for line in project.lines() {
        let first = project.run(&[], &line)?;
        let offline = [&line[..1], &["--offline".to_owned()], &line[1..]].concat();
        let second = project.run(&around, &offline)?;
        if first != second {
            return Err(format!("{line:?}: {first}\nand offline\n{second}").into());
        }
        let trace = fs::read_to_string(&log)?;
        if let Some(opened) = trace.lines().find(|it| it.contains("AF_INET")) {
            return Err(format!("{offline:?} opens a socket: {opened}").into());
        }
    }
    // The same look shows a socket where one is to be expected.
    let mut asked_again = project.lines().remove(7);
    asked_again.push("--refresh".to_owned());
    project.run(&around, &asked_again)?;
    if !fs::read_to_string(&log)?.contains("AF_INET") {
        return Err("a download opens no socket, so that none is seen anywhere".into());
    }
    Ok(())
}

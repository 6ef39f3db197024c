//! Builds on a machine that is reached by ssh: this one, by a server of the test's own on the
//! loopback interface, with keys of its own. At the remote end is once the product and once the
//! `nix-bin` package of Debian, each by both protocols.
//!
//! A machine without an ssh server, or a root who may not act as an ordinary user, says so and passes.

use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use libtest_mimic::{Failed, Trial};

use crate::interop::{World, say, text, users};

const SSHD: &str = "/usr/sbin/sshd";
const PATH: &str = "/usr/sbin:/usr/bin:/sbin:/bin";

/// The trials of this module.
pub(crate) fn trials(world: &Arc<World>) -> Vec<Trial> {
    let trial = |name: &str, scheme: &'static str, program: PathBuf| {
        let (world, label) = (Arc::clone(world), name.to_owned());
        Trial::test(format!("remote/{name}"), move || {
            build_there(&world, &label, scheme, &program)
        })
    };
    let peer = |name: &str| PathBuf::from(format!("/usr/bin/{name}"));
    vec![
        trial("built-by-the-product", "ssh-ng", world.path("nix-daemon")),
        trial("built-by-nix-bin", "ssh-ng", peer("nix-daemon")),
        trial(
            "built-by-the-product-serving",
            "ssh",
            world.path("nix-store"),
        ),
        trial("built-by-nix-bin-serving", "ssh", peer("nix-store")),
    ]
}

/// An ssh server that ends with this value.
struct Server {
    process: Child,
    port: u16,
    key: PathBuf,
}

impl Drop for Server {
    fn drop(&mut self) {
        // Its children end when their connections do.
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

/// A command of the user who serves and builds.
fn command_of(user: Option<&str>, program: &Path) -> Command {
    let mut command = match user {
        Some(user) => {
            // Unlike `runuser` it stays no process of its own, so the server can be killed.
            let mut command = Command::new("setpriv");
            command.args([
                &format!("--reuid={user}"),
                &format!("--regid={user}"),
                "--init-groups",
            ]);
            command.arg(program);
            command
        }
        None => Command::new(program),
    };
    command.env_clear().env("PATH", PATH).current_dir("/");
    command
}

fn serve(user: Option<&str>, directory: &Path) -> Result<Server, Failed> {
    std::fs::create_dir_all(directory)?;
    std::fs::set_permissions(directory, std::fs::Permissions::from_mode(0o777))?;
    for name in ["host", "client"] {
        let mut keygen = command_of(user, Path::new("ssh-keygen"));
        keygen.args(["-q", "-t", "ed25519", "-N", "", "-f"]);
        text({
            keygen.arg(directory.join(name));
            keygen
        })?;
    }
    let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
    let shown = directory.display();
    let config = directory.join("config");
    std::fs::write(
        &config,
        format!(
            "Port {port}\nListenAddress 127.0.0.1\nHostKey {shown}/host\n\
             AuthorizedKeysFile {shown}/client.pub\nPidFile none\nStrictModes no\nUsePAM no\n\
             PasswordAuthentication no\nKbdInteractiveAuthentication no\n"
        ),
    )?;
    let mut command = command_of(user, Path::new(SSHD));
    command.args(["-D", "-e", "-f"]).arg(&config);
    let log = std::fs::File::create(directory.join("log"))?;
    let process = command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::from(log))
        .spawn()?;
    let server = Server {
        process,
        port,
        key: directory.join("client"),
    };
    let deadline = Instant::now() + Duration::from_secs(30);
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        if Instant::now() > deadline {
            let log = std::fs::read_to_string(directory.join("log"))?;
            return Err(format!("the ssh server does not answer: {log}").into());
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    Ok(server)
}

fn build_there(world: &World, label: &str, scheme: &str, program: &Path) -> Result<(), Failed> {
    for needed in [Path::new(SSHD), Path::new("/usr/bin/ssh")] {
        if !needed.exists() {
            say(&format!("'{}' is not installed", needed.display()));
            return Ok(());
        }
    }
    if !program.exists() {
        say(&format!("'{}' is not installed", program.display()));
        return Ok(());
    }
    let users = users();
    let is_root = std::fs::metadata("/proc/self")?.uid() == 0;
    let user = users.last().copied().flatten();
    if is_root && user.is_none() {
        // A server of root's needs a directory that only an installation makes.
        return Ok(());
    }
    let place = world.home(user)?.join(label);
    let server = serve(user, &place)?;
    let there = place.join("there");
    let script = place.join("remote-program");
    let settings = "build-users-group =\nsubstituters =\nsandbox-paths = /bin/sh=/bin/busybox";
    std::fs::write(
        &script,
        format!(
            "#!/bin/sh\nexport NIX_CONFIG='{settings}' NIX_CONF_DIR=/nowhere\nexec {} \"$@\"\n",
            program.display()
        ),
    )?;
    std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o755))?;
    let url = format!(
        "{scheme}://127.0.0.1:{}?remote-program={}&remote-store={}",
        server.port,
        script.display(),
        there.display()
    );
    let expression = format!(
        r#"let
             source = builtins.toFile "source" "text\n";
             sh = name: args: derivation ({{
               inherit name; system = "x86_64-linux"; builder = "/bin/sh";
             }} // args);
             first = sh "first-{label}" {{ args = [ "-c" "read x < ${{source}}; echo first $x > $out" ]; }};
           in sh "second-{label}" {{ args = [ "-c" "read x < ${{first}}; echo second $x > $out" ]; }}"#
    );
    let here = place.join("here");
    let mut client = command_of(user, &world.path("nix-build"));
    client
        .env("HOME", &place)
        .env("NIX_CONFIG", "build-users-group =\nsubstituters =")
        .env(
            "NIX_SSHOPTS",
            "-o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o BatchMode=yes",
        )
        .arg("--store")
        .arg(&here)
        .args(["--no-out-link", "-j0", "--builders"])
        .arg(format!("{url} x86_64-linux {} 1 1", server.key.display()))
        .args(["-E", &expression]);
    let path = text(client)?;
    for store in [&here, &there] {
        let built = store.join(path.trim().trim_start_matches('/'));
        let contents = std::fs::read_to_string(&built)?;
        if contents != "second first text\n" {
            return Err(format!("'{}' holds {contents:?}", built.display()).into());
        }
    }
    Ok(())
}

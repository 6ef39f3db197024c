//! Whole ways through the product, compared with another implementation and between users.
//!
//! * The same expression is instantiated by Firn and by the `nix-bin` package of Debian, each in a
//!   store of its own: same paths, same bytes in every file.
//! * It is built in the sandbox as root and as an ordinary user: same outputs.
//!
//! The other implementation, and root's right to become someone else, are not there on every
//! machine. A case that lacks them says so and passes; continuous integration has both.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use libtest_mimic::{Failed, Trial};

/// Where Debian's package puts the other implementation.
const PEER: &str = "/usr/bin/nix-instantiate";
/// The ordinary user of continuous integration.
const USER: &str = "firn-test";
/// The attributes of `interop/whole.nix`.
const ATTRIBUTES: &[&str] = &["source", "library", "program", "structured"];

/// The trials of this module.
pub(crate) fn trials(root: &Path, world: &Arc<World>) -> Vec<Trial> {
    let file = root.join("interop/whole.nix");
    let trial = |name: &str, run: fn(&World, &Path) -> Result<(), Failed>| {
        let (world, file) = (Arc::clone(world), file.clone());
        Trial::test(format!("interop/{name}"), move || run(&world, &file))
    };
    vec![
        trial("same-derivations", same_derivations),
        trial("same-outputs-as-every-user", same_outputs),
    ]
}

/// A scratch world: a folder everyone may enter, with the product in it.
///
/// The product is copied before any other thread runs: a thread that forks while the copy is open
/// for writing would keep it from being executed.
pub(crate) struct World {
    folder: tempfile::TempDir,
}

impl World {
    pub(crate) fn new() -> std::io::Result<Self> {
        let folder = tempfile::tempdir()?;
        std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o777))?;
        // An ordinary user may not be able to reach the build directory.
        let product = folder.path().join("product");
        std::fs::copy(std::env::current_exe()?, &product)?;
        for name in ["nix-build", "nix-daemon", "nix-instantiate", "nix-store"] {
            std::os::unix::fs::symlink("product", folder.path().join(name))?;
        }
        Ok(Self { folder })
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The home directory of `user`, or of whoever runs the tests.
    pub(crate) fn home(&self, user: Option<&str>) -> Result<PathBuf, Failed> {
        let home = self.path(&format!("home-{}", user.unwrap_or("own")));
        std::fs::create_dir_all(&home)?;
        std::fs::set_permissions(&home, std::fs::Permissions::from_mode(0o777))?;
        Ok(home)
    }

    /// Runs a command of the product as `user`, or as whoever runs the tests.
    pub(crate) fn run(
        &self,
        user: Option<&str>,
        name: &str,
        arguments: &[&str],
    ) -> Result<String, Failed> {
        let program = self.path(name);
        let mut command = match user {
            Some(user) => {
                let mut command = Command::new("runuser");
                command.args(["-u", user, "--"]).arg(&program);
                command
            }
            None => Command::new(&program),
        };
        let home = self.home(user)?;
        command.args(arguments).current_dir("/").env_clear();
        command
            .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
            // Whether anybody made the usual group of build users is the machine's affair.
            .env("NIX_CONFIG", "build-users-group =")
            .env("HOME", home);
        text(command)
    }
}

/// Says why something was not compared; the runner shows it with the case.
#[allow(
    clippy::print_stderr,
    reason = "a test tells its reader what it could not do"
)]
pub(crate) fn say(why: &str) {
    eprintln!("not compared: {why}");
}

/// Whoever runs the tests and, where there is a right to act as it, an ordinary user.
pub(crate) fn users() -> Vec<Option<&'static str>> {
    let has_user = Command::new("runuser")
        .args(["-u", USER, "--", "true"])
        .output();
    if has_user.is_ok_and(|output| output.status.success()) {
        return vec![None, Some(USER)];
    }
    say(&format!("no right to act as the user {USER}"));
    vec![None]
}

pub(crate) fn text(mut command: Command) -> Result<String, Failed> {
    let output = command.output()?;
    if !output.status.success() {
        let stderr = String::from_utf8_lossy(&output.stderr);
        return Err(format!("{command:?}: {}\n{stderr}", output.status).into());
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

fn same_derivations(world: &World, file: &Path) -> Result<(), Failed> {
    if !Path::new(PEER).exists() {
        say("the package nix-bin is not installed");
        return Ok(());
    }
    let file = file.to_string_lossy();
    let mut listings = Vec::new();
    for (program, store) in [
        (world.path("nix-instantiate"), "ours"),
        (PEER.into(), "theirs"),
    ] {
        let root = world.path(store);
        let mut command = Command::new(program);
        command.arg("--store").arg(&root).arg(&*file);
        for attribute in ATTRIBUTES {
            command.args(["-A", attribute]);
        }
        command
            .env_clear()
            .env("HOME", world.path("."))
            .env("PATH", "/usr/bin:/bin");
        listings.push((text(command)?, objects(&root.join("nix/store"))?));
    }
    let (ours, theirs) = (&listings[0], &listings[1]);
    if ours.0 != theirs.0 {
        return Err(format!("the paths differ:\n{}\n{}", ours.0, theirs.0).into());
    }
    if ours.0.lines().count() != ATTRIBUTES.len() {
        return Err(format!("not one path per attribute:\n{}", ours.0).into());
    }
    compare(&ours.1, &theirs.1)
}

fn same_outputs(world: &World, file: &Path) -> Result<(), Failed> {
    let file = file.to_string_lossy().into_owned();
    let mut built: Vec<BTreeMap<String, Vec<u8>>> = Vec::new();
    for user in users() {
        let store = world
            .path(&format!("home-{}", user.unwrap_or("own")))
            .join("store");
        let store = store.to_string_lossy().into_owned();
        // A private copy that everyone can read.
        let sources = world.path("sources");
        copy_tree(
            Path::new(&file).parent().expect("a file lies in a folder"),
            &sources,
        )?;
        let whole = sources.join("whole.nix").to_string_lossy().into_owned();
        let mut arguments = vec!["--store", &store, "--no-out-link", &whole];
        for attribute in ATTRIBUTES {
            arguments.extend(["-A", attribute]);
        }
        let paths = world.run(user, "nix-build", &arguments)?;
        if paths.lines().count() != ATTRIBUTES.len() {
            return Err(format!("not one path per attribute:\n{paths}").into());
        }
        built.push(objects(&Path::new(&store).join("nix/store"))?);
    }
    for other in &built[1..] {
        compare(&built[0], other)?;
    }
    let program = built[0].iter().find(|(name, _)| name.ends_with("-program"));
    let program = program.ok_or("the program was not built")?.1;
    let expected = b"source\nhello, you there\n/nix/store/";
    if !program.starts_with(expected) {
        return Err(format!("it reads {:?}", String::from_utf8_lossy(program)).into());
    }
    Ok(())
}

fn copy_tree(from: &Path, to: &Path) -> Result<(), Failed> {
    std::fs::create_dir_all(to)?;
    std::fs::set_permissions(to, std::fs::Permissions::from_mode(0o755))?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_tree(&entry.path(), &target)?;
        } else {
            std::fs::copy(entry.path(), &target)?;
            std::fs::set_permissions(&target, std::fs::Permissions::from_mode(0o644))?;
        }
    }
    Ok(())
}

/// Every file of a store directory by its path inside it; hidden bookkeeping and locks left out.
fn objects(store: &Path) -> Result<BTreeMap<String, Vec<u8>>, Failed> {
    let mut files = BTreeMap::new();
    let mut todo = vec![store.to_path_buf()];
    while let Some(folder) = todo.pop() {
        for entry in std::fs::read_dir(&folder)? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let top = folder == store;
            let lock = Path::new(&name)
                .extension()
                .is_some_and(|extension| extension == "lock");
            if top && (name.starts_with('.') || lock) {
                continue;
            }
            let path = entry.path();
            let inside = path
                .strip_prefix(store)
                .expect("found below it")
                .display()
                .to_string();
            let kind = entry.file_type()?;
            if kind.is_dir() {
                todo.push(path);
            } else if kind.is_symlink() {
                files.insert(
                    inside,
                    std::fs::read_link(&path)?
                        .into_os_string()
                        .into_encoded_bytes(),
                );
            } else {
                files.insert(inside, std::fs::read(&path)?);
            }
        }
    }
    Ok(files)
}

fn compare(
    one: &BTreeMap<String, Vec<u8>>,
    other: &BTreeMap<String, Vec<u8>>,
) -> Result<(), Failed> {
    let names =
        |files: &BTreeMap<String, Vec<u8>>| files.keys().cloned().collect::<Vec<_>>().join("\n");
    if let Some(difference) =
        firn_testkit::difference(names(one).as_bytes(), names(other).as_bytes())
    {
        return Err(format!("the objects differ: {difference}").into());
    }
    for (name, contents) in one {
        if let Some(difference) = firn_testkit::difference(contents, &other[name]) {
            return Err(format!("{name}: {difference}").into());
        }
    }
    Ok(())
}

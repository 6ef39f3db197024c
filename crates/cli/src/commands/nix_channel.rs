//! `nix-channel`: subscriptions to package collections, kept as a profile.
//!
//! Each channel is a package: its archive, unpacked. The packages are installed together as
//! `nix-env` does it, so that an update is one new generation, and can be rolled back.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use firn_fetch::{DownloadedFile, Fetcher};
use firn_profile::channels::{Channels, UNPACK, base_name, package_name};
use firn_profile::in_environment;
use firn_store::Store;
use firn_store::profile::Profile;

use super::nix_env;
use crate::profiles::{cannot, channel_list, channels_profile, default_expressions, replace_link};
use crate::{Arg, Args, Context, Failure, Program};

#[derive(Clone, Copy, PartialEq, Eq)]
enum Operation {
    Add,
    Remove,
    List,
    Update,
    ListGenerations,
    Rollback,
}

impl Operation {
    fn named(flag: &str) -> Option<Self> {
        Some(match flag {
            "--add" => Self::Add,
            "--remove" => Self::Remove,
            "--list" => Self::List,
            "--update" => Self::Update,
            "--list-generations" => Self::ListGenerations,
            "--rollback" => Self::Rollback,
            _ => return None,
        })
    }
}

/// Runs `nix-channel`.
pub fn run(context: &mut Context, args: &mut Args) -> Result<u8, Failure> {
    let mut operation = None;
    let mut words = Vec::new();
    while let Some(arg) = args.next() {
        match arg {
            Arg::Word(word) => words.push(word),
            Arg::Flag(flag) if context.took_version(&flag)? => return Ok(0),
            Arg::Flag(flag) => match Operation::named(&flag) {
                Some(named) => operation = Some(named),
                None if context.try_common(&flag, args)? => {}
                None => {
                    return Err(Failure::usage(format!("unsupported argument '{flag}'")));
                }
            },
        }
    }
    context.settle();
    let Some(operation) = operation else {
        return Err(Failure::usage("no command specified"));
    };
    let list = channel_list(context);
    let profile = channels_profile(context)?;
    match (operation, words.as_slice()) {
        (Operation::Add, [url]) => add(&list, url, None),
        (Operation::Add, [url, name]) => add(&list, url, Some(name)),
        (Operation::Add, _) => Err(Failure::usage("'--add' requires one or two arguments")),
        (Operation::Remove, [name]) => {
            let mut channels = read(&list)?;
            channels.0.remove(name);
            write(&channels, &list)?;
            in_profile(context, &profile, &["--uninstall", name])
        }
        (Operation::Remove, _) => Err(Failure::usage("'--remove' requires one argument")),
        (Operation::List, []) => {
            for (name, url) in read(&list)?.0 {
                context.console.print_line(format!("{name} {url}"))?;
            }
            Ok(0)
        }
        (Operation::List, _) => Err(Failure::usage("'--list' expects no arguments")),
        (Operation::Update, names) => {
            let channels = read(&list)?;
            update(context, &profile, &channels, names)
        }
        (Operation::ListGenerations, []) => in_profile(context, &profile, &["--list-generations"]),
        (Operation::ListGenerations, _) => {
            Err(Failure::usage("'--list-generations' expects no arguments"))
        }
        (Operation::Rollback, []) => in_profile(context, &profile, &["--rollback"]),
        (Operation::Rollback, [number]) => {
            in_profile(context, &profile, &["--switch-generation", number])
        }
        (Operation::Rollback, _) => Err(Failure::usage("'--rollback' has at most one argument")),
    }
}

fn read(list: &Path) -> Result<Channels, Failure> {
    Channels::read(list).map_err(|it| Failure::message(it.to_string()))
}

fn write(channels: &Channels, list: &Path) -> Result<(), Failure> {
    if let Some(directory) = list.parent() {
        std::fs::create_dir_all(directory).map_err(cannot("creating directory", directory))?;
    }
    let written = channels.write(list);
    written.map_err(|it| Failure::message(it.to_string()))
}

fn add(list: &Path, url: &str, name: Option<&str>) -> Result<u8, Failure> {
    let mut channels = read(list)?;
    let added = channels.add(url, name);
    added.map_err(|it| Failure::message(it.to_string()))?;
    write(&channels, list)?;
    Ok(0)
}

/// Does with a profile what `nix-env` does.
fn in_profile(context: &mut Context, profile: &Profile, words: &[&str]) -> Result<u8, Failure> {
    let link = profile.link().to_string_lossy();
    let words = ["--profile", &link]
        .into_iter()
        .chain(words.iter().copied());
    let mut args = Args::new(words.map(str::to_owned).collect());
    context.program = Program::NixEnv;
    nix_env::run(context, &mut args)
}

fn update(
    context: &mut Context,
    profile: &Profile,
    channels: &Channels,
    names: &[String],
) -> Result<u8, Failure> {
    let store = context.open_store()?;
    let fetcher = context.fetcher(&store);
    let mut functions = Vec::new();
    for (name, url) in &channels.0 {
        let package = package_name(name, url);
        let is_wanted = names.is_empty() || names.contains(name);
        functions.push(if is_wanted {
            let file = archive_of(&fetcher, url)?;
            let place = store.store_dir().print(&file.path);
            format!(
                "f: f {{ name = \"{package}\"; channelName = \"{name}\"; src = builtins.storePath \"{place}\"; }}"
            )
        } else {
            let place = unpacked_already(&store, profile, name)?;
            let place = place.display();
            format!(
                "f: rec {{ name = \"{package}\"; type = \"derivation\"; outputs = [ \"out\" ]; system = \"builtin\"; outPath = builtins.storePath \"{place}\"; out = {{ inherit outPath; }}; }}"
            )
        });
    }
    let text = format!("unpacking {} channels...", functions.len());
    context.console.line(&text);
    let unpack = Expression::write()?;
    let file = unpack.0.to_string_lossy();
    let mut words = vec![
        "--file",
        &file,
        "--install",
        "--remove-all",
        "--from-expression",
    ];
    words.extend(functions.iter().map(String::as_str));
    words.push("--quiet");
    in_profile(context, profile, &words)?;
    // The channels are what packages are looked for in.
    let expressions = default_expressions(context);
    if std::fs::symlink_metadata(&expressions).is_ok_and(|it| it.is_symlink()) {
        std::fs::remove_file(&expressions).map_err(cannot("deleting", &expressions))?;
    }
    std::fs::create_dir_all(&expressions).map_err(cannot("creating directory", &expressions))?;
    replace_link(profile.link(), &expressions.join("channels"))?;
    Ok(0)
}

/// The archive of a channel: what its address leads to if that is one, or what lies beside.
fn archive_of(fetcher: &Fetcher, url: &str) -> Result<DownloadedFile, Failure> {
    let directory = url.strip_prefix("file://").map(Path::new);
    let base = if directory.is_some_and(Path::is_dir) {
        url.to_owned()
    } else {
        let file = fetcher.download_file(url, base_name(url), &[])?;
        let name = file.path.name();
        let endings = [".tar.gz", ".tar.bz2", ".tar.xz"];
        if endings.iter().any(|it| name.ends_with(it)) {
            return Ok(file);
        }
        // A redirection leads to where the parts of one version lie together.
        file.effective_url
    };
    let beside = |name: &str| fetcher.download_file(&format!("{base}/{name}"), name, &[]);
    Ok(beside("nixexprs.tar.xz").or_else(|_| beside("nixexprs.tar.bz2"))?)
}

/// The store path of a channel as the profile has it.
fn unpacked_already(
    store: &Arc<dyn Store>,
    profile: &Profile,
    name: &str,
) -> Result<PathBuf, Failure> {
    let absent = || Failure::message(format!("channel '{name}' has never been updated"));
    let environment = in_environment(store.as_ref(), profile.link(), "").ok_or_else(absent)?;
    let target = std::fs::read_link(environment.join(name)).map_err(|_| absent())?;
    target.parent().map(Path::to_owned).ok_or_else(absent)
}

/// The expression that unpacks channels, in a file of its own while it is needed.
struct Expression(PathBuf);

impl Expression {
    fn write() -> Result<Self, Failure> {
        let name = format!("nix-channel-{}.nix", std::process::id());
        let path = std::env::temp_dir().join(name);
        let mut file = std::fs::File::create_new(&path).map_err(cannot("creating", &path))?;
        let file_of_ours = Self(path);
        file.write_all(UNPACK)
            .map_err(cannot("writing", &file_of_ours.0))?;
        Ok(file_of_ours)
    }
}

impl Drop for Expression {
    fn drop(&mut self) {
        // Another file in a directory for temporary ones does no harm.
        drop(std::fs::remove_file(&self.0));
    }
}

//! `flake init`, `flake new` and `flake clone`: directories made from flakes.

use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;

use firn_eval::{FileType, Symbol, Val};
use firn_events::Level;
use firn_fetch::UseRegistries;
use firn_source::SourcePath;

use super::FlakeArgs;
use crate::evaluation::{Evaluation, Stop, evaluate};
use crate::flakes::{Role, parse_here};
use crate::sources::Text;
use crate::verbs::Verb;
use crate::{Args, Context, Failure, Report, sources};

/// `flake init [-t TEMPLATE]`.
pub static INIT: Verb = Verb {
    path: &["flake", "init"],
    about: "make a flake in the working directory from a template",
    usage: "[-t TEMPLATE]",
    only_firn: false,
    run: init,
};

/// `flake new [-t TEMPLATE] DIRECTORY`.
pub static NEW: Verb = Verb {
    path: &["flake", "new"],
    about: "make a flake in a directory from a template",
    usage: "[-t TEMPLATE] DIRECTORY",
    only_firn: false,
    run: new,
};

/// `flake clone --dest DIRECTORY [FLAKE]`.
pub static CLONE: Verb = Verb {
    path: &["flake", "clone"],
    about: "make a working copy of a flake's repository",
    usage: "-f DIRECTORY [FLAKE]",
    only_firn: false,
    run: clone,
};

fn init(context: &mut Context, args: &mut Args) -> Result<u8, Failure> {
    let (wanted, template) = parse(context, args)?;
    if let Some(word) = wanted.word {
        return Err(Failure::unexpected(&word));
    }
    make(context, &wanted, &template, ".")
}

fn new(context: &mut Context, args: &mut Args) -> Result<u8, Failure> {
    let (wanted, template) = parse(context, args)?;
    let Some(directory) = wanted.word.clone() else {
        return Err(Failure::usage("more arguments are required"));
    };
    make(context, &wanted, &template, &directory)
}

fn parse(context: &mut Context, args: &mut Args) -> Result<(FlakeArgs, String), Failure> {
    let mut template = "templates".to_owned();
    let wanted = FlakeArgs::parse(context, args, |flag, args, _| {
        let is_it = matches!(flag, "-t" | "--template");
        if is_it {
            template = args.value(flag)?;
        }
        Ok(is_it)
    })?;
    Ok((wanted, template))
}

/// What has been copied.
#[derive(Default)]
struct Copied {
    changed: Vec<PathBuf>,
    n_conflicts: usize,
}

fn make(
    context: &Context,
    wanted: &FlakeArgs,
    template: &str,
    directory: &str,
) -> Result<u8, Failure> {
    let store = context.open_store()?;
    let target = sources::on_disk(&sources::absolute(directory));
    let (copied, welcome) = evaluate(context, &wanted.eval, &store, |evaluation| {
        let value = match of_library(context, template) {
            Some(name) => library_template(evaluation, name)?,
            None => evaluation.flake_output(template, Role::Template)?.value,
        };
        let ctx = &mut *evaluation.ctx;
        let doing = "while evaluating a template";
        let set = ctx.attrs(value, doing)?;
        let path = ctx.attr(set, Symbol::intern(b"path"), doing)?;
        let from = ctx.realise_path(path, doing)?;
        let welcome = match set.get(Symbol::intern(b"welcomeText")) {
            Some(text) => Some(String::from_utf8_lossy(ctx.str(text, doing)?.bytes()).into_owned()),
            None => None,
        };
        let mut copied = Copied::default();
        copy(evaluation, &from, &target, &mut copied)?;
        Ok((copied, welcome))
    })?;
    if !copied.changed.is_empty() && target.join(".git").exists() {
        let added = Command::new("git")
            .arg("-C")
            .arg(&target)
            .args(["add", "--intent-to-add", "--force", "--"])
            .args(&copied.changed)
            .stdout(Stdio::null())
            .status()?;
        if !added.success() {
            return Err(Failure::message("'git add --intent-to-add' failed"));
        }
    }
    if let Some(text) = welcome {
        context.console.log(Level::Notice, "\n");
        context.console.log(Level::Notice, &text);
    }
    if copied.n_conflicts > 0 {
        return Err(Failure::message(format!(
            "encountered {} conflicts - see above",
            copied.n_conflicts
        )));
    }
    Ok(0)
}

/// The template of the standard library that a word names: `firn#c`, and `firn` for the default.
fn of_library<'w>(context: &Context, word: &'w str) -> Option<&'w str> {
    let (flake, name) = word.split_once('#').unwrap_or((word, ""));
    let is_library = context.program.is_firn() && matches!(flake, "firn" | "stdlib");
    is_library.then_some(if name.is_empty() { "default" } else { name })
}

/// A template of the standard library. Its files may be in the program, where no fetcher finds them,
/// so its flake is called without being locked.
fn library_template<'h>(evaluation: &mut Evaluation<'_, 'h>, name: &str) -> Result<Val<'h>, Stop> {
    let place = evaluation.library().join(b"flake.nix");
    let flake = evaluation.ctx.eval_file(&place)?;
    let text = Text::of_words("flake: (flake.outputs { self = flake; }).templates");
    let function = evaluation.value_of_text(&text)?;
    let templates = evaluation.ctx.call(function, &[flake])?;
    evaluation.along(templates, name)?.map_err(|meant| {
        let mut report = Report::error(format!("the standard library has no template '{name}'"));
        report.suggestions = meant;
        Failure::reported(report, Arc::default()).into()
    })
}

fn copy(
    evaluation: &mut Evaluation<'_, '_>,
    from: &SourcePath,
    to: &Path,
    copied: &mut Copied,
) -> Result<(), Stop> {
    let failed = |path: &Path, error: &std::io::Error| {
        Failure::message(format!("writing \"{}\": {error}", path.display()))
    };
    let console = evaluation.context.console;
    std::fs::create_dir_all(to).map_err(|it| failed(to, &it))?;
    let entries = evaluation.ctx.host_result(|host| host.read_dir(from))?;
    for (name, _) in entries {
        let source = from.join(&name);
        let target = to.join(std::ffi::OsStr::from_bytes(&name));
        let shown =
            String::from_utf8_lossy(&evaluation.ctx.host().display_path(&source)).into_owned();
        let kind = evaluation.ctx.host_result(|host| host.file_type(&source))?;
        let exists = std::fs::symlink_metadata(&target).is_ok();
        let same = match kind {
            Some(FileType::Directory) => {
                copy(evaluation, &source, &target, copied)?;
                continue;
            }
            Some(FileType::Symlink) => {
                let link = evaluation.ctx.host_result(|host| host.read_link(&source))?;
                if !exists {
                    std::os::unix::fs::symlink(std::ffi::OsStr::from_bytes(&link), &target)
                        .map_err(|it| failed(&target, &it))?;
                }
                std::fs::read_link(&target).is_ok_and(|it| it.as_os_str().as_bytes() == link)
            }
            _ => {
                let contents = evaluation.ctx.host_result(|host| host.read_file(&source))?;
                if !exists {
                    std::fs::write(&target, &contents).map_err(|it| failed(&target, &it))?;
                }
                std::fs::read(&target).is_ok_and(|it| it[..] == contents[..])
            }
        };
        if !exists {
            console.log(Level::Notice, &format!("wrote: \"{}\"", target.display()));
            copied.changed.push(target);
        } else if same {
            console.log(Level::Notice, &format!("skipping identical file: {shown}"));
        } else {
            console.log(
                Level::Error,
                &format!(
                    "refusing to overwrite existing file \"{}\"\n please merge it manually with '{shown}'",
                    target.display()
                ),
            );
            copied.n_conflicts += 1;
        }
    }
    Ok(())
}

fn clone(context: &mut Context, args: &mut Args) -> Result<u8, Failure> {
    let mut destination = None;
    let wanted = FlakeArgs::parse(context, args, |flag, args, _| {
        let is_it = matches!(flag, "-f" | "--dest");
        if is_it {
            destination = Some(args.value(flag)?);
        }
        Ok(is_it)
    })?;
    let Some(destination) = destination else {
        return Err(Failure::message("missing flag '--dest'"));
    };
    let context = &*context;
    let store = context.open_store()?;
    let fetcher = context.fetcher(&store);
    let reference = parse_here(&fetcher, wanted.word(), false)?;
    let resolved = reference.resolve(&fetcher, UseRegistries::All)?;
    let destination = sources::on_disk(&sources::absolute(&destination));
    firn_fetch::clone(&fetcher, &resolved.input, &destination)?;
    Ok(0)
}

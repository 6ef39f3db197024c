//! Which system a command is about: words and flags, and what they evaluate to.
//!
//! A word is a file or directory: one with a system, a module, or a set of hosts. Without one it is
//! what lies in this directory, and otherwise the configuration of this machine. `modules/from.nix`
//! of the library says what a value means.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use firn_eval::{SetBuilder, Symbol, Val};
use firn_store::{BuildMode, Store};
use firn_store_model::{DerivedPath, StorePath};
use firn_system::generations::Note;

use crate::commands::build::{build, outputs_of};
use crate::evaluation::{Evaluation, Stop, evaluate};
use crate::installables::{Installables, built_by, follow_links};
use crate::remembering::Question;
use crate::{Args, Context, Failure, sources};

/// Where configurations are looked for when none is named, the last two on the machine itself.
const PLACES: &[&str] = &[
    "./configuration.nix",
    "/etc/firn/configuration.nix",
    "/etc/nixos/configuration.nix",
];

/// The same for users' environments, in the home directory.
const HOME_PLACES: &[&str] = &[".config/firn/home.nix", ".config/home-manager/home.nix"];

/// What a command is about.
#[derive(Clone, Debug, Default)]
pub struct Target {
    /// Whether it is a user's environment rather than a machine.
    pub is_home: bool,
    /// `-f`, `--expr`, and words.
    pub installables: Installables,
    /// `--host`: which of several.
    pub host: Option<String>,
    /// `--store-path`: a system that is built already.
    pub store_path: Option<String>,
}

impl Target {
    /// Handles a flag if it belongs here.
    pub fn take(
        &mut self,
        flag: &str,
        args: &mut Args,
        context: &mut Context,
    ) -> Result<bool, Failure> {
        match flag {
            "--host" => self.host = Some(args.value(flag)?),
            "--store-path" => self.store_path = Some(args.value(flag)?),
            _ => return self.installables.take(flag, args, context),
        }
        Ok(true)
    }

    /// Takes flags and words until the end; flags that are not known here are offered to `other`.
    pub fn take_all(
        &mut self,
        args: &mut Args,
        context: &mut Context,
        mut other: impl FnMut(&str, &mut Args) -> Result<bool, Failure>,
    ) -> Result<(), Failure> {
        // Configurations are files outside the store.
        context.settings.set("pure-eval", "false")?;
        while let Some(arg) = args.next() {
            match arg {
                crate::Arg::Word(word) => self.installables.words.push(word),
                crate::Arg::Flag(flag) => {
                    if !other(&flag, args)? && !self.take(&flag, args, context)? {
                        context.take_common(&flag, args)?;
                    }
                }
            }
        }
        context.settle();
        Ok(())
    }

    /// Evaluates the system and works with what `modules/from.nix` makes of it.
    pub fn with<R: Send>(
        &self,
        context: &Context,
        store: &Arc<dyn Store>,
        work: impl for<'h> FnOnce(&mut Evaluation<'_, 'h>, Val<'h>) -> Result<R, Stop> + Send,
    ) -> Result<R, Failure> {
        evaluate(context, &self.installables.eval, store, |evaluation| {
            let system = self.system(evaluation)?;
            work(evaluation, system)
        })
    }

    fn system<'h>(&self, evaluation: &mut Evaluation<'_, 'h>) -> Result<Val<'h>, Stop> {
        let (value, file) = self.value(evaluation)?;
        let mut args = SetBuilder::default();
        args.push(Symbol::intern(b"value"), value);
        if let Some(file) = &file {
            let file = evaluation.ctx.new_str(file.as_os_str().as_encoded_bytes());
            args.push(Symbol::intern(b"file"), file);
        }
        if let Some(host) = &self.host {
            let host = evaluation.ctx.new_str(host.as_bytes());
            args.push(Symbol::intern(b"host"), host);
        }
        if !self.is_home {
            let program = std::env::current_exe()?;
            let program = program.as_os_str().as_encoded_bytes();
            args.push(Symbol::intern(b"program"), evaluation.ctx.new_str(program));
        }
        let args = evaluation.ctx.new_set(args);
        let from: &[u8] = if self.is_home {
            b"home/from.nix"
        } else {
            b"modules/from.nix"
        };
        let from = evaluation.library().join(from);
        let from = evaluation.ctx.eval_file(&from)?;
        let system = evaluation.ctx.call(from, &[args])?;
        Ok(evaluation.ctx.force(system)?)
    }

    /// The value that is named, and the file it came from.
    fn value<'h>(
        &self,
        evaluation: &mut Evaluation<'_, 'h>,
    ) -> Result<(Val<'h>, Option<PathBuf>), Stop> {
        if self.is_attribute() {
            let values = self.installables.values(evaluation)?;
            let value = values.first().expect("no words stand for the root value");
            let text = self.installables.expression.as_ref();
            let file = text.map(|_| PathBuf::from("«string»"));
            return Ok((*value, file.or_else(|| self.named_file())));
        }
        let file = self.file()?;
        let path = sources::absolute(&file.to_string_lossy());
        let value = evaluation.ctx.eval_file(&path)?;
        Ok((value, Some(sources::on_disk(&path))))
    }

    /// The derivation of an attribute of the system.
    pub fn instantiate(
        &self,
        context: &Context,
        store: &Arc<dyn Store>,
        attribute: &str,
    ) -> Result<Vec<DerivedPath>, Failure> {
        let store_dir = store.store_dir().clone();
        let work = |evaluation: &mut Evaluation<'_, '_>| {
            let system = self.system(evaluation)?;
            let value = member(evaluation, system, attribute)?;
            let args = evaluation.auto_args()?;
            let paths = built_by(evaluation, value, args, None)?;
            let shown = paths.iter().map(|it| it.print(&store_dir) + "\n");
            Ok(shown.collect::<String>().into_bytes())
        };
        let shown = match self.question(context, store, attribute) {
            Some(question) => question.answer(context, store, work)?,
            None => evaluate(context, &self.installables.eval, store, work)?,
        };
        let shown = String::from_utf8_lossy(&shown);
        let paths = shown.lines().map(|it| DerivedPath::parse(&store_dir, it));
        let paths: Result<_, _> = paths.collect();
        paths.map_err(|error| Failure::message(error.to_string()))
    }

    /// An attribute of the system as a question whose answer can be remembered.
    fn question<'a>(
        &'a self,
        context: &Context,
        store: &Arc<dyn Store>,
        attribute: &'a str,
    ) -> Option<Question<'a>> {
        let mut words = vec![format!("{} {:?}", self.is_home, self.host)];
        if self.is_attribute() {
            words.extend(self.installables.question(context, store, "")?.words);
        } else {
            words.push(self.file().ok()?.display().to_string());
        }
        Some(Question {
            kind: attribute,
            words,
            eval: &self.installables.eval,
        })
    }

    /// Whether words are attribute paths or outputs of flakes rather than files.
    fn is_attribute(&self) -> bool {
        let words = &self.installables.words;
        let is_flake = words.first().is_some_and(|it| it.contains('#'));
        self.installables.are_attributes() || is_flake
    }

    /// The file that `-f` names, as it is on this machine.
    fn named_file(&self) -> Option<PathBuf> {
        let file = self.installables.file.as_ref();
        let file = file.filter(|it| *it != "-" && !it.starts_with('<'))?;
        let path = sources::on_disk(&sources::absolute(file));
        path.exists().then_some(path)
    }

    /// What is known of where the system comes from: the revision of the repository that its file is
    /// in, and what the author of that says, unless something was changed since.
    pub fn origin(&self) -> Note {
        let words = &self.installables.words;
        let place = if self.store_path.is_some() || self.installables.expression.is_some() {
            None
        } else if let Some(file) = self.named_file() {
            Some(file)
        } else if let Some((flake, _)) = words.first().and_then(|it| it.split_once('#')) {
            let path = flake.strip_prefix("path:").unwrap_or(flake);
            Some(PathBuf::from(if path.is_empty() { "." } else { path }))
        } else if self.installables.file.is_some() {
            // Modules of the search path find the machine's configuration by themselves.
            default_file().ok()
        } else {
            self.file().ok()
        };
        let Some(head) = place.and_then(|it| firn_fetch::head_of(&it)) else {
            return Note::default();
        };
        if head.is_dirty {
            return Note {
                revision: Some(format!("{}-dirty", head.rev)),
                message: None,
            };
        }
        Note {
            revision: Some(head.rev),
            message: Some(head.subject),
        }
    }

    /// The file that is meant.
    pub(super) fn file(&self) -> Result<PathBuf, Failure> {
        match self.installables.words.as_slice() {
            [] if self.is_home => default_home(),
            [] => default_file(),
            [word] => file_of(word),
            [_, word, ..] => Err(Failure::unexpected(word)),
        }
    }

    /// Builds an attribute of the system.
    pub fn build(
        &self,
        context: &Context,
        store: &Arc<dyn Store>,
        attribute: &str,
    ) -> Result<StorePath, Failure> {
        if let Some(word) = &self.store_path {
            return built_already(store.as_ref(), word);
        }
        let paths = self.instantiate(context, store, attribute)?;
        realise_one(context, store.as_ref(), &paths)
    }
}

/// Builds what has one output.
pub(super) fn realise_one(
    context: &Context,
    store: &dyn Store,
    paths: &[DerivedPath],
) -> Result<StorePath, Failure> {
    if context.settings.interface.print_missing {
        context.say_missing(store, paths, firn_events::Level::Info)?;
    }
    let results = build(context, store, paths, BuildMode::Normal)?;
    let outputs = results.iter().flat_map(outputs_of).next();
    let output = outputs.ok_or_else(|| Failure::message("nothing was built"))?;
    Ok(output.1.clone())
}

/// A system that is built already.
pub(super) fn built_already(store: &dyn Store, word: &str) -> Result<StorePath, Failure> {
    let path = follow_links(store, word)?
        .ok_or_else(|| Failure::message(format!("path '{word}' is not in the Nix store")))?;
    store.ensure_path(&path)?;
    Ok(path)
}

/// An attribute of a set that has it.
pub(super) fn member<'h>(
    evaluation: &mut Evaluation<'_, 'h>,
    set: Val<'h>,
    name: &str,
) -> Result<Val<'h>, Stop> {
    let found = set
        .as_set()
        .and_then(|it| it.get(Symbol::intern(name.as_bytes())));
    let found = found.ok_or_else(|| Failure::message(format!("there is no '{name}'")))?;
    Ok(evaluation.ctx.force(found)?)
}

fn default_file() -> Result<PathBuf, Failure> {
    // A directory may say with which packages its configuration is meant.
    if Path::new("./configuration.nix").exists() && Path::new("./default.nix").exists() {
        return Ok(PathBuf::from("./default.nix"));
    }
    let found = PLACES.iter().find(|it| Path::new(it).exists());
    found.map(PathBuf::from).ok_or_else(|| {
        Failure::message(format!(
            "there is no configuration: none was named, and there is none of {}",
            PLACES.join(", ")
        ))
    })
}

fn default_home() -> Result<PathBuf, Failure> {
    let in_home = |it: &&str| crate::surroundings::home().join(it);
    let mut places = vec![PathBuf::from("./home.nix")];
    places.extend(HOME_PLACES.iter().map(in_home));
    let found = places.iter().find(|it| it.exists());
    found.cloned().ok_or_else(|| {
        let places: Vec<_> = places.iter().map(|it| it.display().to_string()).collect();
        Failure::message(format!(
            "there is no configuration: none was named, and there is none of {}",
            places.join(", ")
        ))
    })
}

fn file_of(word: &str) -> Result<PathBuf, Failure> {
    let path = PathBuf::from(word);
    if path.is_file() {
        return Ok(path);
    }
    let inside = ["default.nix", "configuration.nix", "home.nix"].map(|it| path.join(it));
    let found = inside.into_iter().find(|it| it.is_file());
    found.ok_or_else(|| {
        Failure::message(format!(
            "'{word}' is neither a file nor a directory with default.nix, configuration.nix or home.nix"
        ))
    })
}

//! Flakes on a command line: flags about lock files, and what a word such as `nixpkgs#hello` means.
//!
//! Without a `#` a word means the default output of the verb; what stands behind it is looked for
//! among the outputs that the verb is about, and then as it stands.

use std::path::PathBuf;

use firn_eval::{Symbol, Val, suggestions};
use firn_fetch::{Attrs, Fetcher};
use firn_flake::{
    FlakeRef, LockFlags, LockedFlake, RefOptions, call_flake, lock_flake, parse_path,
};

use crate::evaluation::{Evaluation, Stop};
use crate::{Args, Context, Failure, Report, sources};

/// What the command line says about flakes.
#[derive(Clone, Debug, Default)]
#[allow(
    clippy::struct_excessive_bools,
    reason = "each is a flag of the command line"
)]
pub struct FlakeFlags {
    recreate: bool,
    no_update: bool,
    no_write: bool,
    no_registries: bool,
    commit: bool,
    updates: Vec<String>,
    overrides: Vec<(String, String)>,
    inputs_from: Vec<String>,
    override_flakes: Vec<(String, String)>,
    reference_file: Option<String>,
    output_file: Option<String>,
}

impl FlakeFlags {
    /// Handles a flag if it is one of these.
    pub fn take(
        &mut self,
        flag: &str,
        args: &mut Args,
        context: &mut Context,
    ) -> Result<bool, Failure> {
        if !context.program.has_verbs() && flag != "--override-flake" {
            return Ok(false);
        }
        match flag {
            "--recreate-lock-file" => {
                self.recreate = true;
                context.console.warn(
                    "'--recreate-lock-file' is deprecated and will be removed in a future version; use 'nix flake update' instead.",
                );
            }
            "--no-update-lock-file" => self.no_update = true,
            "--no-write-lock-file" => self.no_write = true,
            "--no-registries" => {
                self.no_registries = true;
                let advice = "'--no-registries' is deprecated; use '--no-use-registries'";
                context.console.warn(advice);
            }
            "--commit-lock-file" => self.commit = true,
            "--update-input" => {
                context.console.warn(
                    "'--update-input' is a deprecated alias for 'flake update' and will be removed in a future version.",
                );
                self.updates.push(args.value(flag)?);
            }
            "--override-input" => {
                let [path, reference] = args.values(flag)?;
                self.no_write = true;
                self.overrides.push((path, reference));
            }
            "--inputs-from" => self.inputs_from.push(args.value(flag)?),
            "--override-flake" => {
                let [from, to] = args.values(flag)?;
                self.override_flakes.push((from, to));
            }
            "--reference-lock-file" => self.reference_file = Some(args.value(flag)?),
            "--output-lock-file" => self.output_file = Some(args.value(flag)?),
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// Whether something is to be written besides the flake's own lock file.
    pub fn writes_elsewhere(&self) -> bool {
        self.output_file.is_some()
    }

    /// How to lock.
    pub fn lock_flags(&self, fetcher: &Fetcher) -> Result<LockFlags, Failure> {
        let path_of = |text: &str, flag: &str| {
            let path = parse_path(text).map_err(|it| Failure::usage(it.to_string()))?;
            if path.is_empty() {
                return Err(Failure::usage(format!(
                    "{flag} was passed a zero-length input path, which would refer to the flake itself, not an input"
                )));
            }
            Ok(path)
        };
        let mut flags = LockFlags {
            recreate: self.recreate,
            update: !self.no_update,
            write: !self.no_write,
            use_registries: self.no_registries.then_some(false),
            commit: self.commit,
            reference_file: self.reference_file.as_deref().map(place),
            output_file: self.output_file.as_deref().map(place),
            ..LockFlags::default()
        };
        for text in &self.updates {
            flags.updates.insert(path_of(text, "--update-input")?);
        }
        for (text, reference) in &self.overrides {
            let reference = parse_here(fetcher, reference, true)?;
            flags
                .overrides
                .insert(path_of(text, "--override-input")?, reference);
        }
        Ok(flags)
    }
}

fn place(text: &str) -> PathBuf {
    sources::on_disk(&sources::absolute(text))
}

/// A reference seen from the working directory.
pub fn parse_here(fetcher: &Fetcher, text: &str, allow_missing: bool) -> Result<FlakeRef, Failure> {
    let (reference, fragment) = parse_with_fragment(fetcher, text, allow_missing)?;
    if fragment.is_empty() {
        return Ok(reference);
    }
    Err(Failure::message(format!(
        "unexpected fragment '{fragment}' in flake reference '{text}'"
    )))
}

/// A reference seen from the working directory, and its fragment.
pub fn parse_with_fragment(
    fetcher: &Fetcher,
    text: &str,
    allow_missing: bool,
) -> Result<(FlakeRef, String), Failure> {
    let here = sources::on_disk(&sources::here());
    let options = RefOptions {
        base: Some(&here),
        allow_missing,
        ..RefOptions::default()
    };
    Ok(FlakeRef::parse_with_fragment(fetcher, text, options)?)
}

/// Fills the registry of flags; done once for each evaluation.
pub fn prepare(evaluation: &mut Evaluation<'_, '_>) -> Result<(), Stop> {
    let flags = &evaluation.flags.flakes;
    let host = (**evaluation.host).clone();
    let fetcher = host.fetcher();
    for (from, to) in &flags.override_flakes {
        let from = parse_here(fetcher, from, true)?;
        let to = parse_here(fetcher, to, true)?;
        let mut extra = Attrs::new();
        if !to.subdir.is_empty() {
            extra.insert("dir".to_owned(), to.subdir.as_str().into());
        }
        fetcher.override_registry(from.input, to.input, extra);
    }
    for text in &flags.inputs_from {
        let reference = parse_here(fetcher, text, false)?;
        let lock_flags = LockFlags {
            write: false,
            ..LockFlags::default()
        };
        let locked = lock_flake(evaluation.ctx, &host, &reference, &lock_flags)?;
        let file = &locked.lock_file;
        for name in file.nodes[0].inputs.keys() {
            let node = file
                .find(std::slice::from_ref(name))
                .map_err(Failure::from)?;
            let Some(locked) = node.and_then(|it| file.nodes[it].locked.as_ref()) else {
                continue;
            };
            let mut extra = Attrs::new();
            if !locked.locked.subdir.is_empty() {
                extra.insert("dir".to_owned(), locked.locked.subdir.as_str().into());
            }
            let from = FlakeRef::named(fetcher, name).map_err(Failure::from)?;
            fetcher.override_registry(from.input, locked.locked.input.clone(), extra);
        }
    }
    Ok(())
}

/// What a verb does with an output.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Role {
    /// Builds or evaluates it.
    #[default]
    Package,
    /// Runs it.
    App,
    /// Opens a shell in its environment.
    DevShell,
    /// Formats with it.
    Formatter,
    /// Makes something of a package with it.
    Bundler,
    /// Copies it into a directory.
    Template,
    /// Looks at it at the prompt.
    Prompt,
}

impl Role {
    /// The outputs that are meant without a fragment, and what goes before a fragment.
    pub fn outputs(self, system: &str) -> (Vec<String>, Vec<String>) {
        let of = |names: &[&str]| -> Vec<String> {
            names
                .iter()
                .map(|it| it.replace("SYSTEM", system))
                .collect()
        };
        let packages = ["packages.SYSTEM.", "legacyPackages.SYSTEM."];
        match self {
            Self::Package => (
                of(&["packages.SYSTEM.default", "defaultPackage.SYSTEM"]),
                of(&packages),
            ),
            Self::App => (
                of(&[
                    "apps.SYSTEM.default",
                    "defaultApp.SYSTEM",
                    "packages.SYSTEM.default",
                    "defaultPackage.SYSTEM",
                ]),
                of(&["apps.SYSTEM.", packages[0], packages[1]]),
            ),
            Self::DevShell => (
                of(&[
                    "devShells.SYSTEM.default",
                    "devShell.SYSTEM",
                    "packages.SYSTEM.default",
                    "defaultPackage.SYSTEM",
                ]),
                of(&["devShells.SYSTEM.", packages[0], packages[1]]),
            ),
            Self::Formatter => (of(&["formatter.SYSTEM"]), Vec::new()),
            Self::Bundler => (
                of(&["bundlers.SYSTEM.default", "defaultBundler.SYSTEM"]),
                of(&["bundlers.SYSTEM."]),
            ),
            Self::Prompt => (vec![String::new()], of(&packages)),
            Self::Template => (
                of(&["templates.default", "defaultTemplate"]),
                of(&["templates."]),
            ),
        }
    }
}

/// An output of a flake.
pub struct FlakeOutput<'h> {
    /// Its value.
    pub value: Val<'h>,
    /// Where it is among the outputs.
    pub attr_path: String,
    /// The flake.
    pub reference: FlakeRef,
    /// The flake, locked.
    pub locked: LockedFlake,
}

/// Splits `a."b.c".d`.
fn split(path: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut quoted = false;
    for letter in path.chars() {
        match letter {
            '"' => quoted = !quoted,
            '.' if !quoted => parts.push(String::new()),
            other => parts.last_mut().expect("there is one").push(other),
        }
    }
    parts
}

fn show_paths(paths: &[String]) -> String {
    let quoted: Vec<_> = paths.iter().map(|it| format!("'{it}'")).collect();
    match quoted.as_slice() {
        [] => String::new(),
        [only] => only.clone(),
        [init @ .., last] => format!("{} or {last}", init.join(", ")),
    }
}

impl<'h> Evaluation<'_, 'h> {
    /// Locks a flake as the command line says.
    pub fn lock(&mut self, reference: &FlakeRef) -> Result<LockedFlake, Stop> {
        let host = (**self.host).clone();
        let flags = self.flags.flakes.lock_flags(host.fetcher())?;
        Ok(lock_flake(self.ctx, &host, reference, &flags)?)
    }

    /// The value of a locked flake.
    pub fn flake_value(&mut self, locked: &LockedFlake) -> Result<Val<'h>, Stop> {
        let host = (**self.host).clone();
        let value = call_flake(self.ctx, &host, locked)?;
        Ok(self.ctx.force(value)?)
    }

    /// The outputs of a locked flake.
    pub fn outputs(&mut self, locked: &LockedFlake) -> Result<Val<'h>, Stop> {
        let value = self.flake_value(locked)?;
        let outputs = value
            .as_set()
            .and_then(|it| it.get(Symbol::intern(b"outputs")));
        let outputs = outputs.expect("a flake has outputs");
        Ok(self.ctx.force(outputs)?)
    }

    /// What an attribute path leads to, and otherwise names that may have been meant.
    pub fn along(
        &mut self,
        from: Val<'h>,
        path: &str,
    ) -> Result<Result<Val<'h>, Vec<String>>, Stop> {
        let mut value = from;
        if path.is_empty() {
            return Ok(Ok(value));
        }
        for part in split(path) {
            value = self.ctx.force(value)?;
            let Some(set) = value.as_set() else {
                return Ok(Err(Vec::new()));
            };
            let found = Symbol::find(part.as_bytes()).and_then(|it| set.get(it));
            let Some(found) = found else {
                let names = self.ctx.attrs_by_name(set);
                let names: Vec<Vec<u8>> = names.iter().map(|it| it.0.as_bytes().to_vec()).collect();
                let names = suggestions(names.iter().map(Vec::as_slice), part.as_bytes());
                return Ok(Err(names));
            };
            value = found;
        }
        Ok(Ok(self.ctx.force(value)?))
    }

    /// The output that a word names.
    pub fn flake_output(&mut self, word: &str, role: Role) -> Result<FlakeOutput<'h>, Stop> {
        if !self.flags.auto_args.is_empty() {
            let message = "'--arg' and '--argstr' are incompatible with flakes";
            return Err(Failure::usage(message).into());
        }
        let host = (**self.host).clone();
        let (reference, fragment) = parse_with_fragment(host.fetcher(), word, false)?;
        self.output_of(reference, &fragment, role)
    }

    /// The output of a flake that a fragment names.
    pub fn output_of(
        &mut self,
        reference: FlakeRef,
        fragment: &str,
        role: Role,
    ) -> Result<FlakeOutput<'h>, Stop> {
        let locked = self.lock(&reference)?;
        let outputs = self.outputs(&locked)?;
        let (defaults, prefixes) = role.outputs(&self.context.settings.build.system);
        let paths = if fragment.is_empty() {
            defaults
        } else if let Some(absolute) = fragment.strip_prefix('.') {
            vec![absolute.to_owned()]
        } else {
            let prefixed = prefixes.iter().map(|it| format!("{it}{fragment}"));
            prefixed.chain([fragment.to_owned()]).collect()
        };
        let mut meant: Vec<String> = Vec::new();
        for path in &paths {
            let found = if path.is_empty() {
                Ok(outputs)
            } else {
                self.along(outputs, path)?
            };
            match found {
                Ok(value) => {
                    return Ok(FlakeOutput {
                        value,
                        attr_path: path.clone(),
                        reference,
                        locked,
                    });
                }
                Err(names) => meant.extend(names),
            }
        }
        meant.dedup();
        let mut report = Report::error(format!(
            "flake '{reference}' does not provide attribute {}",
            show_paths(&paths)
        ));
        report.suggestions = meant;
        Err(Failure::reported(report, std::sync::Arc::default()).into())
    }
}

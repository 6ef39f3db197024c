//! `nix-shell`: a shell with the environment of a derivation's builder, for people and as the
//! interpreter of scripts.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::IsTerminal as _;
use std::os::unix::ffi::OsStringExt as _;
use std::path::{Path, PathBuf};

use firn_eval::{Symbol, Val};
use firn_shell::classic::{KEPT, Start, prepare};
use firn_shell::quoted;
use firn_source::SourcePath;
use firn_store::{BuildMode, Store};
use firn_store_model::{DerivedPath, OutputsSpec, SingleDerivedPath, StorePath};
use rustix::fs::CWD;

use crate::entering::{replace, resolved, viewed, with_environment};
use crate::eval_flags::EvalFlags;
use crate::evaluation::{AutoArgs, Evaluation, Stop, evaluate};
use crate::installables::follow_links;
use crate::packages::derivations_in;
use crate::sources::{self, Text};
use crate::surroundings::filled;
use crate::{Arg, Args, Context, Failure};

#[expect(clippy::struct_excessive_bools, reason = "one for each flag")]
struct Wanted {
    eval: EvalFlags,
    words: Vec<String>,
    attr_paths: Vec<String>,
    from_words: bool,
    packages: bool,
    pure: bool,
    keep: Vec<String>,
    excluded: Vec<String>,
    command: Option<Command>,
    dry_run: bool,
    script: Option<Script>,
}

/// What is run instead of asking the user.
enum Command {
    /// `--run`: in a shell that is not interactive.
    Run(String),
    /// `--command`: in an interactive one.
    Interactive(String),
}

/// A script that names this program as its interpreter.
struct Script {
    path: String,
    arguments: Vec<String>,
}

/// Runs `nix-shell`.
pub fn run(context: &mut Context, args: &mut Args) -> Result<u8, Failure> {
    let mut wanted = Wanted {
        eval: EvalFlags::default(),
        words: Vec::new(),
        attr_paths: Vec::new(),
        from_words: false,
        packages: false,
        pure: false,
        keep: Vec::new(),
        excluded: Vec::new(),
        command: None,
        dry_run: false,
        script: None,
    };
    if let Some((script, words)) = script_of(args) {
        wanted.script = Some(script);
        *args = Args::new(words);
    }
    while let Some(arg) = args.next() {
        match arg {
            Arg::Word(word) => wanted.words.push(word),
            Arg::Flag(flag) if context.took_version(&flag)? => return Ok(0),
            Arg::Flag(flag) => wanted.take(&flag, args, context)?,
        }
    }
    context.settle();
    wanted.settle(context)?;
    wanted.eval.base = Some(wanted.base(context));
    let kind = if wanted.pure { "pure" } else { "impure" };
    // Expressions may ask for it.
    context.variables.insert("IN_NIX_SHELL", kind.to_owned());
    let context = &*context;
    let store = context.open_store()?;
    let found = evaluate(context, &wanted.eval, &store, |evaluation| {
        wanted.derivations(evaluation)
    })?;
    let [drv_path] = found.as_slice() else {
        return Err(Failure::usage("nix-shell requires a single derivation"));
    };
    wanted.build_inputs(context, store.as_ref(), drv_path)?;
    if wanted.dry_run {
        return Ok(0);
    }
    let shell = wanted.shell(context, &store);
    wanted.enter(context, store.as_ref(), drv_path, &shell)
}

/// The script that is being run, if the first word is one, and the words on its lines that are for
/// this program.
fn script_of(args: &mut Args) -> Option<(Script, Vec<String>)> {
    let path = args.peek()?.to_owned();
    let text = std::fs::read(&path).ok()?;
    let text = String::from_utf8_lossy(&text);
    let mut lines = text.lines();
    if !lines.next()?.starts_with("#!") {
        return None;
    }
    let own = lines.filter_map(|line| {
        let line = line.strip_prefix("#!")?.trim_start();
        let rest = line.strip_prefix("nix-shell")?;
        rest.starts_with(char::is_whitespace)
            .then(|| shell_words(rest))
    });
    let words = own.flatten().collect();
    let mut arguments = args.rest();
    arguments.remove(0);
    Some((Script { path, arguments }, words))
}

/// Splits a line at blanks outside of quotes, as a shell does.
fn shell_words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut letters = line.chars();
    let mut quote = None;
    while let Some(letter) = letters.next() {
        match (quote, letter) {
            (None, it) if it.is_whitespace() => words.extend(word.take()),
            (None, '\'' | '"') => {
                quote = Some(letter);
                word.get_or_insert_default();
            }
            (Some(open), it) if it == open => quote = None,
            (None | Some('"'), '\\') => {
                word.get_or_insert_default().extend(letters.next());
            }
            (_, it) => word.get_or_insert_default().push(it),
        }
    }
    words.extend(word);
    words
}

impl Wanted {
    fn take(&mut self, flag: &str, args: &mut Args, context: &mut Context) -> Result<(), Failure> {
        match flag {
            "-" => self.words.push("-".to_owned()),
            "-A" | "--attr" => self.attr_paths.push(args.plain_value(flag)?),
            "-E" | "--expr" => self.from_words = true,
            "-p" | "--packages" => self.packages = true,
            "--pure" => self.pure = true,
            "--impure" => self.pure = false,
            "--keep" => self.keep.push(args.plain_value(flag)?),
            "--exclude" => self.excluded.push(args.plain_value(flag)?),
            "--run" => self.command = Some(Command::Run(args.plain_value(flag)? + "\nexit")),
            "--command" => {
                let command = args.plain_value(flag)? + "\nexit";
                self.command = Some(Command::Interactive(command));
            }
            "-i" => {
                let interpreter = args.plain_value(flag)?;
                if let Some(script) = &self.script {
                    self.command = Some(Command::Run(script.run_by(&interpreter)));
                }
            }
            "--dry-run" => self.dry_run = true,
            "--add-drv-link" | "--indirect" | "--no-out-link" | "--no-link" => {}
            "--drv-link" | "-o" | "--out-link" | "--add-root" => drop(args.plain_value(flag)?),
            _ => {
                if !self.eval.take(flag, args, context)? {
                    context.take_common(flag, args)?;
                }
            }
        }
        Ok(())
    }

    /// Decides what is evaluated where the command line does not say.
    fn settle(&mut self, context: &Context) -> Result<(), Failure> {
        if self.packages {
            let packages: Vec<_> = self.words.iter().map(|it| format!("({it}) ")).collect();
            let packages = packages.concat();
            self.words = vec![format!(
                "{{...}}@args: with import <nixpkgs> args; (pkgs.runCommandCC or pkgs.runCommand) \"shell\" {{ buildInputs = [ {packages}]; }} \"\""
            )];
            self.from_words = true;
        } else if self.words.is_empty() && !self.from_words {
            let exists = |name: &str| Path::new(name).exists();
            let settings = &context.settings.interface;
            if exists("shell.nix") && !settings.nix_shell_always_looks_for_shell_nix {
                self.words.push("shell.nix".to_owned());
            } else if exists("shell.nix") || exists("default.nix") || self.script.is_some() {
                self.words.push(".".to_owned());
            } else {
                return Err(Failure::message(
                    "no argument specified and no 'shell.nix' or 'default.nix' file found in the working directory",
                ));
            }
        }
        if self.attr_paths.is_empty() {
            self.attr_paths.push(String::new());
        }
        Ok(())
    }

    /// Where relative paths start.
    fn base(&self, context: &Context) -> SourcePath {
        let settings = &context.settings.interface;
        match &self.script {
            Some(script) if settings.nix_shell_shebang_arguments_relative_to_script => {
                let path = sources::absolute(&script.path);
                path.parent().unwrap_or_else(sources::here)
            }
            _ => sources::here(),
        }
    }

    fn derivations(&self, evaluation: &mut Evaluation<'_, '_>) -> Result<Vec<StorePath>, Stop> {
        let store = std::sync::Arc::clone(evaluation.host.store());
        let mut found = Vec::new();
        for word in &self.words {
            let text = if self.from_words {
                Text {
                    base: self.base(evaluation.context),
                    ..Text::of_words(word)
                }
            } else if word == "-" {
                Text::of_stdin()?
            } else if let Some(drv) =
                follow_links(store.as_ref(), word.split_once('!').map_or(word, |it| it.0))?
                && drv.is_derivation()
            {
                found.push(drv);
                continue;
            } else {
                self.file(evaluation, word)?
            };
            let root = evaluation.value_of_text(&text)?;
            let args = evaluation.auto_args()?;
            for path in &self.attr_paths {
                let for_root = with_shell_arg(evaluation, root, args);
                let ctx = &mut *evaluation.ctx;
                let (value, _) = ctx.find_along_path(path.as_bytes(), for_root, root)?;
                let value = ctx.force(value)?;
                let for_value = with_shell_arg(evaluation, value, args);
                for package in derivations_in(evaluation.ctx, value, for_value)? {
                    let path = package.required_drv_path(evaluation.ctx)?;
                    let path = store.store_dir().parse(&path);
                    found.push(path.map_err(|it| Failure::message(it.to_string()))?);
                }
            }
        }
        Ok(found)
    }

    /// The text of the file that a word means: in a directory, `shell.nix` before `default.nix`.
    fn file(&self, evaluation: &mut Evaluation<'_, '_>, word: &str) -> Result<Text, Stop> {
        let base = self.base(evaluation.context);
        let path = if word.starts_with(['<', '/']) || word.contains("://") {
            evaluation.lookup_file(word)?
        } else {
            base.join(word.as_bytes())
        };
        let mut path = evaluation
            .ctx
            .host_result(|host| host.resolve_symlinks(&path, true))?;
        let kind = evaluation.ctx.host_result(|host| host.file_type(&path))?;
        if kind == Some(firn_eval::FileType::Directory) {
            path = file_in(evaluation, &path)?;
        }
        let bytes = evaluation.ctx.host_result(|host| host.read_file(&path))?;
        Ok(Text {
            base: path.parent().unwrap_or_else(sources::here),
            origin: firn_source::FileOrigin::Path(path),
            bytes,
        })
    }

    /// Builds what the derivation is built from.
    fn build_inputs(
        &self,
        context: &Context,
        store: &dyn Store,
        drv_path: &StorePath,
    ) -> Result<(), Failure> {
        let derivation = store.read_derivation(drv_path)?;
        let store_dir = store.store_dir();
        let excluded = |path: &StorePath| {
            let path = store_dir.print(path);
            self.excluded.iter().any(|it| path.contains(it))
        };
        let mut wanted: Vec<DerivedPath> = Vec::new();
        for (input, node) in &derivation.input_drvs {
            if !excluded(input) {
                wanted.push(DerivedPath::Built {
                    drv: SingleDerivedPath::Opaque(input.clone()).into(),
                    outputs: OutputsSpec::Names(node.outputs.clone()),
                });
            }
        }
        wanted.extend(
            derivation
                .input_srcs
                .iter()
                .cloned()
                .map(DerivedPath::Opaque),
        );
        if context.settings.interface.print_missing {
            context.say_missing(store, &wanted, firn_events::Level::Info)?;
        }
        if !self.dry_run {
            store.build_paths(&wanted, BuildMode::Normal)?;
        }
        Ok(())
    }

    /// The shell: what the user says, an interactive bash of the package set, or the machine's.
    fn shell(&self, context: &Context, store: &std::sync::Arc<dyn Store>) -> String {
        if let Some(shell) = filled("NIX_BUILD_SHELL") {
            return shell;
        }
        if context.program.is_firn() {
            return "bash".to_owned();
        }
        match self.bash_of_packages(context, store) {
            Ok(shell) => shell,
            Err(failure) => {
                failure.show(&context.console, &context.called_as);
                context.console.say(
                    firn_events::Level::Notice,
                    "will use bash from your environment",
                );
                "bash".to_owned()
            }
        }
    }

    fn bash_of_packages(
        &self,
        context: &Context,
        store: &std::sync::Arc<dyn Store>,
    ) -> Result<String, Failure> {
        let drv_path = evaluate(context, &self.eval, store, |evaluation| {
            let text = Text::of_words("(import <nixpkgs> {}).bashInteractive");
            let value = evaluation.value_of_text(&text)?;
            let args = evaluation.auto_args()?;
            let packages = derivations_in(evaluation.ctx, value, args)?;
            let [package] = packages.as_slice() else {
                let message =
                    "the 'bashInteractive' attribute in <nixpkgs> did not evaluate to a derivation";
                return Err(Failure::message(message).into());
            };
            Ok(package.required_drv_path(evaluation.ctx)?)
        })?;
        let store_dir = store.store_dir();
        let drv_path = store_dir.parse(&drv_path);
        let drv_path = drv_path.map_err(|it| Failure::message(it.to_string()))?;
        let out = firn_store_model::OutputName::out();
        store.build_paths(
            &[DerivedPath::Built {
                drv: SingleDerivedPath::Opaque(drv_path.clone()).into(),
                outputs: OutputsSpec::one(out.clone()),
            }],
            BuildMode::Normal,
        )?;
        let outputs = store.query_derivation_output_map(&drv_path)?;
        let path = outputs.get(&out).cloned().flatten();
        let path = path.ok_or_else(|| Failure::message("the bash of <nixpkgs> has no output"))?;
        Ok(format!("{}/bin/bash", store_dir.print(&path)))
    }

    /// Becomes the shell.
    fn enter(
        &self,
        context: &Context,
        store: &dyn Store,
        drv_path: &StorePath,
        shell: &str,
    ) -> Result<u8, Failure> {
        let directory = temporary_directory()?;
        let derivation = store.read_derivation(drv_path)?;
        // An input that was left out has no outputs to be put in.
        let derivation = firn_build::with_built_inputs(store, &derivation)
            .map_or(derivation, std::sync::Arc::new);
        let prepared = prepare(store.store_dir(), &derivation, &directory);
        for (name, contents) in &prepared.files {
            let path = directory.join(name);
            std::fs::write(&path, contents).map_err(|it| cannot_write(&path, &it))?;
        }
        let mut environment: BTreeMap<OsString, OsString> = std::env::vars_os()
            .filter(|(name, _)| {
                let name = name.to_string_lossy();
                !self.pure || KEPT.contains(&&*name) || self.keep.iter().any(|it| *it == name)
            })
            .collect();
        for (name, value) in &context.variables {
            environment.insert((*name).into(), value.into());
        }
        if self.pure {
            environment.insert("__ETC_PROFILE_SOURCED".into(), "1".into());
        }
        let cores = match context.settings.build.cores {
            0 => firn_sys::support::n_cores() as u64,
            cores => cores.into(),
        };
        environment.insert("NIX_BUILD_CORES".into(), cores.to_string().into());
        for (name, value) in prepared.variables {
            environment.insert(OsString::from_vec(name), OsString::from_vec(value));
        }
        let has_terminal = std::io::stdin().is_terminal() && std::io::stderr().is_terminal();
        let (is_interactive, command) = match &self.command {
            Some(Command::Run(command)) => (false, command.as_str()),
            Some(Command::Interactive(command)) => (has_terminal, command.as_str()),
            None => (has_terminal, ""),
        };
        let rc = directory.join("rc");
        let text = Start {
            directory: &directory.to_string_lossy(),
            remove: &resolved("rm").to_string_lossy(),
            pure: self.pure,
            keep_directory: false,
            declarations: &prepared.declarations,
            shell,
            time_zone: filled("TZ").as_deref(),
            is_root: rustix::process::getuid().is_root(),
            command,
        }
        .script();
        std::fs::write(&rc, text).map_err(|it| cannot_write(&rc, &it))?;
        let mut program = viewed(store, shell);
        if is_interactive {
            program.arg("--rcfile");
        }
        program.arg(&rc);
        with_environment(&mut program, environment);
        replace(program)
    }
}

impl Script {
    /// The command by which an interpreter runs the script.
    fn run_by(&self, interpreter: &str) -> String {
        let arguments: Vec<_> = self.arguments.iter().map(|it| quoted(it) + " ").collect();
        let (path, arguments) = (quoted(&self.path), arguments.concat());
        // perl and ruby look at the first line themselves, and would start us again.
        let name = if interpreter.contains("perl") {
            "-a PERL"
        } else {
            ""
        };
        if interpreter.contains("ruby") {
            return format!(
                "exec {name} {interpreter} -e 'load(ARGV.shift)' -- {path} {arguments}"
            );
        }
        format!("exec {name} {interpreter} {path} {arguments}")
    }
}

/// The file that a directory stands for.
fn file_in(
    evaluation: &mut Evaluation<'_, '_>,
    directory: &SourcePath,
) -> Result<SourcePath, Stop> {
    let shown =
        String::from_utf8_lossy(&evaluation.ctx.host().display_path(directory)).into_owned();
    let context = evaluation.context;
    for name in ["shell.nix", "default.nix"] {
        let path = directory.join(name.as_bytes());
        if evaluation
            .ctx
            .host_result(|host| host.file_type(&path))?
            .is_none()
        {
            continue;
        }
        let setting = "nix-shell-always-looks-for-shell-nix";
        let settings = &context.settings.interface;
        if name == "shell.nix" && !settings.nix_shell_always_looks_for_shell_nix {
            context.console.warn(&format!(
                "Skipping '{shown}/{name}', because the setting '{setting}' is disabled. This is a deprecated behavior. Consider enabling '{setting}'."
            ));
            continue;
        }
        return Ok(evaluation
            .ctx
            .host_result(|host| host.resolve_symlinks(&path, true))?);
    }
    let message = format!("neither 'shell.nix' nor 'default.nix' found in '{shown}'");
    Err(Failure::message(message).into())
}

/// Arguments for a function, with `inNixShell` if it takes that.
fn with_shell_arg<'h>(
    evaluation: &mut Evaluation<'_, 'h>,
    value: Val<'h>,
    args: AutoArgs<'h>,
) -> AutoArgs<'h> {
    let name = Symbol::intern(b"inNixShell");
    let view = evaluation.ctx.lambda_view(value);
    let formals = view.and_then(|it| it.formals).unwrap_or_default();
    if !formals.iter().any(|it| it.name == name) {
        return args;
    }
    let mut more = firn_eval::SetBuilder::default();
    for (key, value) in evaluation.ctx.attrs_by_name(args) {
        if key != name {
            more.push(key, value);
        }
    }
    more.push(name, Val::bool(true));
    let more = evaluation.ctx.new_set(more);
    more.as_set().expect("a set was made")
}

fn temporary_directory() -> Result<PathBuf, Failure> {
    let parent = std::env::temp_dir();
    let process = std::process::id();
    for number in 0..1000 {
        let path = parent.join(format!("nix-shell.{process}-{number}"));
        match rustix::fs::mkdirat(CWD, &path, rustix::fs::Mode::RWXU) {
            Ok(()) => {
                // From the start of the shell on, that removes it.
                crate::interruption::removes(path.clone());
                return Ok(path);
            }
            Err(rustix::io::Errno::EXIST) => {}
            Err(error) => return Err(cannot_write(&path, &error.into())),
        }
    }
    Err(Failure::message(format!(
        "cannot make a directory in '{}'",
        parent.display()
    )))
}

fn cannot_write(path: &Path, error: &std::io::Error) -> Failure {
    let words = crate::commands::hash::error_words(error);
    Failure::message(format!("creating '{}': {words}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::shell_words;

    #[test]
    fn words_are_split_as_a_shell_does() {
        let check = |line: &str, expected: &[&str]| assert_eq!(shell_words(line), expected);
        check(" -i bash  -p a", &["-i", "bash", "-p", "a"]);
        check(
            "-p 'a b' \"c 'd\" e\\ f ''",
            &["-p", "a b", "c 'd", "e f", ""],
        );
    }
}

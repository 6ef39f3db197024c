//! `print-dev-env` and `develop`: the environment that a derivation is built in, for people.
//!
//! The environment is captured by a build ([`firn_shell::capture()`]), so that the second entry finds
//! it in the store. `develop` starts the user's bash with a script that becomes that environment;
//! other shells get the variables it exports, and commands for the phases.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::process::Command;
use std::sync::Arc;

use firn_shell::script::{Entry, script};
use firn_shell::{CaptureError, Environment, capture, quoted};
use firn_store::Store;
use firn_store_model::{DerivedPath, StorePath};

use super::profile::switch_to;
use crate::entering::{
    EnvironmentFlags, replace, resolved, viewed, with_environment, write_private,
};
use crate::flakes::Role;
use crate::installables::Installables;
use crate::profiles::profile_at;
use crate::services::Services;
use crate::verbs::Verb;
use crate::{Arg, Args, Context, Failure, interruption, sources};

/// `print-dev-env INSTALLABLE`.
pub static PRINT_DEV_ENV: Verb = Verb {
    path: &["print-dev-env"],
    about: "print shell code that sets a derivation's environment up",
    usage: "[-f FILE | --expr EXPR] [--json] [--profile PATH] [--redirect INSTALLABLE DIRECTORY] [INSTALLABLE]",
    only_firn: false,
    run: print_dev_env,
};

/// `develop INSTALLABLE`.
pub static DEVELOP: Verb = Verb {
    path: &["develop"],
    about: "start a shell, or a command, in a derivation's environment",
    usage: "[-f FILE | --expr EXPR] [--services] [--print-hash] [-c COMMAND ARGUMENT…] [--phase NAME | --unpack | --configure | --build | --check | --install | --installcheck] [-i] [-k NAME] [-s NAME VALUE] [-u NAME] [--profile PATH] [--redirect INSTALLABLE DIRECTORY] [INSTALLABLE]",
    only_firn: false,
    run: develop,
};

/// What both verbs take.
#[derive(Default)]
pub(super) struct Wanted {
    installables: Installables,
    profile: Option<String>,
    redirects: Vec<(String, String)>,
}

/// A captured environment and where it is kept.
pub(super) struct Captured {
    path: StorePath,
    /// What was captured.
    pub(super) environment: Environment,
    redirects: Vec<(String, String)>,
}

impl Wanted {
    pub(super) fn take(
        &mut self,
        flag: &str,
        args: &mut Args,
        context: &mut Context,
    ) -> Result<(), Failure> {
        match flag {
            "--profile" => self.profile = Some(args.value(flag)?),
            "--redirect" => {
                let [installable, directory] = args.values(flag)?;
                self.redirects.push((installable, directory));
            }
            _ => {
                if !self.installables.take(flag, args, context)? {
                    context.take_common(flag, args)?;
                }
            }
        }
        Ok(())
    }

    pub(super) fn word(&mut self, word: String) -> Result<(), Failure> {
        if self.installables.words.is_empty() {
            self.installables.words.push(word);
            return Ok(());
        }
        Err(Failure::unexpected(&word))
    }

    pub(super) fn captured(
        &self,
        context: &Context,
        store: &Arc<dyn Store>,
    ) -> Result<Captured, Failure> {
        let installables = Installables {
            role: Role::DevShell,
            ..self.installables.clone()
        };
        let paths = installables.derived_paths(context, store)?;
        let [path] = paths.as_slice() else {
            return Err(Failure::message(
                "this takes one derivation; name an attribute of this set",
            ));
        };
        let path = match path {
            DerivedPath::Opaque(path) if !path.is_derivation() => path.clone(),
            path => capture(store.as_ref(), path.base_path())?,
        };
        let environment = capture::read(store.as_ref(), &path)?;
        if let Some(link) = &self.profile {
            switch_to(context, store.as_ref(), &profile_at(link), &path)?;
        }
        Ok(Captured {
            redirects: self.redirected(context, store, &environment)?,
            path,
            environment,
        })
    }

    /// Store paths to be replaced, by the places that the user has for them.
    fn redirected(
        &self,
        context: &Context,
        store: &Arc<dyn Store>,
        environment: &Environment,
    ) -> Result<Vec<(String, String)>, Failure> {
        let mut redirects = Vec::new();
        for (word, directory) in &self.redirects {
            let installables = Installables {
                words: vec![word.clone()],
                ..self.installables.clone()
            };
            let directory = sources::absolute(directory).path.to_string();
            for derived in installables.derived_paths(context, store)? {
                let outputs = match &derived {
                    DerivedPath::Opaque(path) => vec![path.clone()],
                    DerivedPath::Built { .. } => {
                        let map = store.query_derivation_output_map(derived.base_path())?;
                        map.into_values().flatten().collect()
                    }
                };
                let uses = |path: &StorePath| {
                    let path = store.store_dir().print(path);
                    environment.to_json().to_string().contains(&path)
                };
                if !outputs.iter().any(uses) {
                    context
                        .console
                        .warn(&format!("'{word}' is not used by the build environment"));
                }
                redirects.extend(
                    outputs
                        .iter()
                        .map(|output| (store.store_dir().print(output), directory.clone())),
                );
            }
        }
        Ok(redirects)
    }
}

impl From<CaptureError> for Failure {
    fn from(error: CaptureError) -> Self {
        match error {
            CaptureError::Store(error) => error.into(),
            other => Self::message(other.to_string()),
        }
    }
}

impl Captured {
    /// The hash in its store path. It follows from everything that the environment is made of, so
    /// two machines that print the same have the same environment.
    fn hash(&self) -> String {
        let name = self.path.as_str();
        let hash = name.split_once('-').map_or(name, |it| it.0);
        hash.to_owned()
    }

    fn script(&self) -> String {
        let outputs_dir = sources::absolute("outputs").path.to_string();
        script(
            &self.environment,
            &Entry {
                outputs_dir: &outputs_dir,
                redirects: self.redirects.clone(),
            },
        )
    }
}

fn print_dev_env(context: &mut Context, args: &mut Args) -> Result<u8, Failure> {
    let mut wanted = Wanted::default();
    let mut as_json = false;
    while let Some(arg) = args.next() {
        match arg {
            Arg::Word(word) => wanted.word(word)?,
            Arg::Flag(flag) if flag == "--json" => as_json = true,
            Arg::Flag(flag) if matches!(&*flag, "--pretty" | "--no-pretty") => {}
            Arg::Flag(flag) => wanted.take(&flag, args, context)?,
        }
    }
    context.settle();
    let context = &*context;
    let store = context.open_store()?;
    let captured = wanted.captured(context, &store)?;
    if as_json {
        let shown = captured.environment.to_json();
        context.console.print_line(shown.to_string())?;
    } else {
        context.console.print(captured.script())?;
    }
    Ok(0)
}

/// What is to be done in the environment.
enum Purpose {
    /// Let the user work.
    Interactive,
    /// Run a command.
    Command(Vec<String>),
    /// Run a phase.
    Phase(String),
}

fn develop(context: &mut Context, args: &mut Args) -> Result<u8, Failure> {
    let mut wanted = Wanted::default();
    let mut flags = EnvironmentFlags::default();
    let mut command = Vec::new();
    let mut phase = None;
    let mut with_services = false;
    let mut with_hash = false;
    while let Some(arg) = args.next() {
        match arg {
            Arg::Word(word) => wanted.word(word)?,
            Arg::Flag(flag) => match flag.as_str() {
                "-c" | "--command" => command = args.rest(),
                "--phase" => phase = Some(args.value(&flag)?),
                "--unpack" | "--configure" | "--build" | "--check" | "--install" => {
                    phase = Some(flag[2..].to_owned());
                }
                "--services" if context.program.is_firn() => with_services = true,
                "--print-hash" if context.program.is_firn() => with_hash = true,
                "--installcheck" => phase = Some("installCheck".to_owned()),
                _ if flags.take(&flag, args)? => {}
                _ => wanted.take(&flag, args, context)?,
            },
        }
    }
    context.settle();
    flags.check()?;
    let purpose = match (phase, command.is_empty()) {
        (None, true) => Purpose::Interactive,
        (None, false) => Purpose::Command(command),
        (Some(phase), true) => Purpose::Phase(phase),
        (Some(_), false) => {
            return Err(Failure::usage(
                "you cannot use both '--command' and '--phase'",
            ));
        }
    };
    let context = &*context;
    let store = context.open_store()?;
    let captured = wanted.captured(context, &store)?;
    if with_hash {
        let hash = captured.hash();
        if matches!(purpose, Purpose::Interactive) {
            context.console.print_line(hash)?;
            return Ok(0);
        }
        // Standard output is the command's.
        let text = format!("environment {hash}");
        context.console.log(firn_events::Level::Error, &text);
    }
    let shell = shell_in(context, store.as_ref(), &captured, &purpose, &flags)?;
    if !with_services {
        return replace(shell);
    }
    let mut services = Services::start(context, store.as_ref(), &captured.environment)?;
    let outcome = beside(shell, &purpose, &services.variables);
    services.stop(context);
    outcome
}

/// Runs the shell while services run, and gives its exit code.
fn beside(
    mut shell: Command,
    purpose: &Purpose,
    variables: &BTreeMap<String, String>,
) -> Result<u8, Failure> {
    use std::os::unix::process::ExitStatusExt as _;
    crate::voice::end();
    let _ignoring = matches!(purpose, Purpose::Interactive).then(interruption::leave_to_others);
    let mut shell = shell.envs(variables).spawn()?;
    let mut is_told = false;
    let status = loop {
        if let Some(status) = shell.try_wait()? {
            break status;
        }
        // Ctrl-C reaches it by itself.
        let signal = interruption::signal().filter(|it| *it != firn_sys::signals::INTERRUPT);
        if signal.is_some() && !is_told {
            is_told = true;
            interruption::hang_up(&shell);
        }
        std::thread::sleep(std::time::Duration::from_millis(20));
    };
    let code = status.code().or_else(|| Some(128 + status.signal()?));
    Ok(code.and_then(|it| u8::try_from(it).ok()).unwrap_or(u8::MAX))
}

/// Bash in the environment, to be started.
fn shell_in(
    context: &Context,
    store: &dyn Store,
    captured: &Captured,
    purpose: &Purpose,
    flags: &EnvironmentFlags,
) -> Result<Command, Failure> {
    let shell = resolved("bash");
    let rc = std::env::temp_dir().join(format!("firn-shell.{}", std::process::id()));
    let setup = format!(
        "{}SHELL={}\n",
        captured.script(),
        quoted(&shell.to_string_lossy())
    );
    let body = match purpose {
        Purpose::Interactive => {
            let prompt = prompt_settings(context);
            format!(
                "[ -n \"$PS1\" ] && [ -e ~/.bashrc ] && source ~/.bashrc;\nshopt -u expand_aliases\n{setup}\nshopt -s expand_aliases\n{prompt}"
            )
        }
        Purpose::Phase(phase) => format!("{setup}foundMakefile=1\nrunHook {phase}Phase\n"),
        Purpose::Command(command) => {
            let words: Vec<_> = command.iter().map(|it| quoted(it)).collect();
            format!("{setup}exec {}\n", words.join(" "))
        }
    };
    let own_path = quoted(&rc.to_string_lossy());
    let text = format!("command rm -f {own_path}\n{body}");
    write_private(&rc, &text)?;
    let mut environment: BTreeMap<OsString, OsString> = flags.apply();
    let kept = store.store_dir().print(&captured.path);
    environment.insert("NIX_GCROOT".into(), kept.into());
    environment.insert("SHELL".into(), shell.clone().into_os_string());
    let mut program = viewed(store, &shell);
    if matches!(purpose, Purpose::Interactive) {
        program.arg("--rcfile");
    }
    program.arg(&rc);
    with_environment(&mut program, environment);
    Ok(program)
}

/// Lines that change the prompt as the settings say.
fn prompt_settings(context: &Context) -> String {
    let settings = &context.settings.interface;
    let mut lines = String::new();
    if !settings.bash_prompt.is_empty() {
        let prompt = quoted(&settings.bash_prompt);
        lines.push_str(&format!("[ -n \"$PS1\" ] && PS1={prompt};\n"));
    }
    if !settings.bash_prompt_prefix.is_empty() {
        let prefix = quoted(&settings.bash_prompt_prefix);
        lines.push_str(&format!("[ -n \"$PS1\" ] && PS1={prefix}\"$PS1\";\n"));
    }
    if !settings.bash_prompt_suffix.is_empty() {
        let suffix = quoted(&settings.bash_prompt_suffix);
        lines.push_str(&format!("[ -n \"$PS1\" ] && PS1+={suffix};\n"));
    }
    lines
}

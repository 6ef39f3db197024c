//! `hook`, `allow`, `deny`: the environment of a project at the prompt.
//!
//! Before each prompt the shell evaluates what `hook export` prints. That is nothing as long as
//! nothing has changed, which costs a few file statuses. Otherwise the environment is made in the
//! background (`hook make`) and swapped in at a later prompt; while it is made, and if that fails,
//! the last good one stays.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use firn_instantiate::Observer;
use firn_memo::Recorder;
use firn_shell::capture;
use firn_shell::changes::{Assignments, Changes, Undo, Variables};
use firn_shell::script::{Entry, script};
use firn_store::Store;
use firn_store_model::{DerivedPath, StorePath};

use crate::flakes::Role;
use crate::hooks::project::Made;
use crate::hooks::shells::SHELLS;
use crate::hooks::{Project, Shell};
use crate::installables::Installables;
use crate::verbs::Verb;
use crate::{Arg, Args, Context, Failure};

/// `hook SHELL`.
pub static HOOK: Verb = Verb {
    path: &["hook"],
    about: "print what makes a shell bring the environment of the project it is in",
    usage: "bash|zsh|fish|nu|elvish|direnv",
    only_firn: true,
    run: hook,
};

/// `allow [DIRECTORY]`.
pub static ALLOW: Verb = Verb {
    path: &["allow"],
    about: "trust a project, so that its environment comes when you enter it",
    usage: "[DIRECTORY]",
    only_firn: true,
    run: |context, args| trust(context, args, true),
};

/// `deny [DIRECTORY]`.
pub static DENY: Verb = Verb {
    path: &["deny"],
    about: "trust a project no longer",
    usage: "[DIRECTORY]",
    only_firn: true,
    run: |context, args| trust(context, args, false),
};

/// The directory whose environment is active.
const PROJECT: &str = "FIRN_PROJECT";
/// Which environment of it.
const ENVIRONMENT: &str = "FIRN_ENVIRONMENT";
/// How it is left.
const UNDO: &str = "FIRN_UNDO";
/// What the user was told last.
const TOLD: &str = "FIRN_TOLD";

/// How long a prompt waits for an environment that is made for the first time.
const PATIENCE: Duration = Duration::from_millis(400);

fn trust(context: &mut Context, args: &mut Args, trusted: bool) -> Result<u8, Failure> {
    let mut word = None;
    while let Some(arg) = args.next() {
        match arg {
            Arg::Word(it) if word.is_none() => word = Some(it),
            Arg::Word(it) => return Err(Failure::unexpected(&it)),
            Arg::Flag(flag) => context.take_common(&flag, args)?,
        }
    }
    context.settle();
    let shown = word.unwrap_or_else(|| ".".to_owned());
    let directory =
        std::fs::canonicalize(&shown).map_err(|it| Failure::message(format!("'{shown}': {it}")))?;
    let project = Project::at(&directory);
    if trusted && project.file().is_none() {
        return Err(Failure::message(format!(
            "'{}' is no project: it has no shell.nix, flake.nix or default.nix",
            directory.display()
        )));
    }
    project.trust(trusted)?;
    Ok(0)
}

fn hook(context: &mut Context, args: &mut Args) -> Result<u8, Failure> {
    let mut words = Vec::new();
    while let Some(arg) = args.next() {
        match arg {
            Arg::Word(word) => words.push(word),
            Arg::Flag(flag) => context.take_common(&flag, args)?,
        }
    }
    context.settle();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["export", shell] => export(context, shell_named(shell)?),
        ["make", directory, reason] => make(context, &Project::at(Path::new(directory)), reason),
        [shell] => {
            let program = std::env::current_exe().unwrap_or_else(|_| PathBuf::from("firn"));
            let text = shell_named(shell)?.hook(&program.to_string_lossy());
            context.console.print(text)?;
            Ok(0)
        }
        _ => Err(Failure::usage("'hook' takes the name of a shell")),
    }
}

fn shell_named(name: &str) -> Result<Shell, Failure> {
    Shell::named(name).ok_or_else(|| {
        let names: Vec<_> = SHELLS.iter().map(|it| it.0).collect();
        Failure::usage(format!(
            "'{name}' is no shell that can be hooked; these can: {}",
            names.join(", ")
        ))
    })
}

/// What is seen at a prompt.
struct Prompt<'a> {
    context: &'a Context,
    variables: Variables,
    undo: Undo,
    /// What is to be assigned at the end.
    assignments: Assignments,
}

fn own_variables() -> Variables {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect()
}

/// The mark of the message about a project that is not trusted.
fn untrusted_told(project: &Project) -> String {
    format!("untrusted {}", project.directory.display())
}

/// Whether `hook export` has nothing to do at this prompt, as far as the status of files says. This
/// is asked at every prompt, so it does without settings and whatever else a command has.
pub fn has_nothing_to_do() -> bool {
    let Ok(here) = std::env::current_dir() else {
        return false;
    };
    let variables = own_variables();
    let active = variables.get(PROJECT);
    let (project, untrusted) = Project::around(&here);
    let told = variables.get(TOLD);
    if untrusted.is_some_and(|it| told != Some(&untrusted_told(&it))) {
        return false;
    }
    let Some(project) = project else {
        return active.is_none();
    };
    if active.is_none_or(|it| Path::new(it) != project.directory) {
        return false;
    }
    let Some((mut entry, made)) = project.made() else {
        return false;
    };
    if variables.get(ENVIRONMENT) != Some(&made.id) {
        return false;
    }
    let undo = variables.get(UNDO).and_then(|it| Undo::decode(it));
    let before = undo.unwrap_or_default().before(&variables);
    let environment = |name: &[u8]| {
        let name = std::str::from_utf8(name).ok()?;
        before.get(name).map(|it| it.clone().into_bytes())
    };
    // Whatever was noted or has to be fetched again is for the whole command.
    entry.trace.check_outside(&environment, &|| None) == Ok(false)
}

fn export(context: &Context, shell: Shell) -> Result<u8, Failure> {
    let variables = own_variables();
    let undo = variables.get(UNDO).and_then(|it| Undo::decode(it));
    let mut prompt = Prompt {
        context,
        undo: undo.unwrap_or_default(),
        variables,
        assignments: Assignments::new(),
    };
    let here = std::env::current_dir()?;
    let (project, untrusted) = Project::around(&here);
    if let Some(untrusted) = untrusted {
        let shown = untrusted.directory.display();
        let text = format!("'{shown}' has an environment; 'firn allow' brings it");
        prompt.tell(&untrusted_told(&untrusted), &text);
    }
    match project {
        Some(project) => prompt.inside(&project),
        None => prompt.leave(),
    }
    if !prompt.assignments.is_empty() || !shell.takes_nothing() {
        context
            .console
            .print(shell.assignments(&prompt.assignments))?;
    }
    Ok(0)
}

impl Prompt<'_> {
    fn is_in(&self, project: &Project) -> bool {
        let active = self.variables.get(PROJECT);
        active.is_some_and(|it| Path::new(it) == project.directory)
    }

    /// Says something, unless it was the last thing that was said.
    fn tell(&mut self, what: &str, text: &str) {
        if self.variables.get(TOLD).is_some_and(|it| it == what) {
            return;
        }
        self.say(text);
        self.assignments
            .insert(TOLD.to_owned(), Some(what.to_owned()));
    }

    fn say(&self, text: &str) {
        let text = format!("firn: {text}");
        self.context.console.log(firn_events::Level::Error, &text);
    }

    fn leave(&mut self) {
        if !self.variables.contains_key(PROJECT) {
            return;
        }
        self.assignments
            .extend(self.undo.assignments(&self.variables));
        for name in [PROJECT, ENVIRONMENT, UNDO, TOLD] {
            self.assignments.insert(name.to_owned(), None);
        }
    }

    /// In a trusted project.
    fn inside(&mut self, project: &Project) {
        let before = self.undo.before(&self.variables);
        let environment = |name: &[u8]| {
            let name = std::str::from_utf8(name).ok()?;
            before.get(name).map(|it| it.clone().into_bytes())
        };
        let context = self.context;
        let refetch = || {
            // Files that were edited a moment ago say nothing by their status.
            let store = context.open_store().ok()?;
            Some(context.quiet_fetcher(&store))
        };
        let mut reason = "it is new".to_owned();
        if let Some((mut entry, made)) = project.made() {
            let outcome = entry.trace.check_outside(&environment, &refetch);
            if !self.is_in(project) || self.variables.get(ENVIRONMENT) != Some(&made.id) {
                self.enter(project, &made, &before);
            }
            match outcome {
                Ok(noted) => {
                    if noted {
                        // Without it the next prompt compares contents again.
                        project.keep_entry(&entry).ok();
                    }
                    return;
                }
                Err(change) => reason = change.to_string(),
            }
        } else if !self.is_in(project) {
            self.leave();
        }
        if let Some(mut failure) = project.failure()
            && failure.trace.check_outside(&environment, &refetch).is_ok()
        {
            self.tell_failure(project, &failure.result);
            return;
        }
        if !project.is_being_made()
            && let Err(error) = start_making(project, &before, &reason)
        {
            self.tell(
                "cannot start",
                &format!("cannot make the environment: {error}"),
            );
            return;
        }
        if project.made().is_some() {
            return;
        }
        let start = Instant::now();
        while start.elapsed() < PATIENCE && project.is_being_made() {
            std::thread::sleep(Duration::from_millis(10));
        }
        if let Some((_, made)) = project.made() {
            self.enter(project, &made, &before);
        } else if let Some(failure) = project.failure().filter(|_| !project.is_being_made()) {
            self.tell_failure(project, &failure.result);
        } else {
            let shown = project.directory.display().to_string();
            let text = format!("making the environment of '{shown}' in the background");
            self.tell(&format!("making {shown}"), &text);
        }
    }

    fn tell_failure(&mut self, project: &Project, message: &[u8]) {
        let message = String::from_utf8_lossy(message);
        let first = message.lines().next().unwrap_or_default();
        let kept = if self.is_in(project) || project.made().is_some() {
            "; the last good one stays"
        } else {
            ""
        };
        let what = format!("failed {}", firn_memo::key([message.as_bytes()]));
        let log = project.log();
        let text = format!(
            "the environment cannot be made: {first}{kept} (all of it: {})",
            log.display()
        );
        self.tell(&what, &text);
    }

    /// Brings an environment, in place of the one that is active.
    fn enter(&mut self, project: &Project, made: &Made, before: &Variables) {
        let was_in = self.is_in(project);
        self.assignments
            .extend(self.undo.assignments(&self.variables));
        let (assignments, undo) = made.changes.apply(before);
        self.assignments.extend(assignments);
        let own = [
            (
                PROJECT,
                Some(project.directory.to_string_lossy().into_owned()),
            ),
            (ENVIRONMENT, Some(made.id.clone())),
            (UNDO, Some(undo.encode())),
            (TOLD, None),
        ];
        let own = own
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value));
        self.assignments.extend(own);
        if was_in {
            self.say(&format!("the environment is a new one: {}", made.reason));
        } else {
            let name = project.directory.file_name().unwrap_or_default();
            self.say(&format!("environment of '{}'", name.display()));
        }
        self.undo = undo;
    }
}

/// Starts the process that makes the environment.
fn start_making(project: &Project, before: &Variables, reason: &str) -> std::io::Result<()> {
    use std::os::unix::process::CommandExt as _;
    let log = std::fs::File::create(project.log())?;
    let own: Variables = before
        .iter()
        .filter(|it| !it.0.starts_with("FIRN_"))
        .map(|it| (it.0.clone(), it.1.clone()))
        .collect();
    let mut command = Command::new(std::env::current_exe()?);
    command
        .args(["hook", "make"])
        .arg(&project.directory)
        .arg(reason)
        .env_clear()
        .envs(own)
        .current_dir(&project.directory)
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log)
        // Its own group: what interrupts the shell does not interrupt it.
        .process_group(0);
    let child = command.spawn()?;
    project.begin(child.id())
}

/// Makes the environment of a project. What goes wrong is kept for the prompt to say.
fn make(context: &mut Context, project: &Project, reason: &str) -> Result<u8, Failure> {
    Project::forget_vanished();
    let recorder = Arc::new(Recorder::default());
    // Files that say what the environment is are read outside of evaluations too.
    for name in ["shell.nix", "flake.nix", "flake.lock", "default.nix"] {
        watch(&recorder, &project.directory.join(name));
    }
    context.settings.set("pure-eval", "false")?;
    let context = &*context;
    let outcome = make_observed(context, project, &recorder);
    let store = context.open_store()?;
    let trace = recorder.finish(store.as_ref());
    let kept = match outcome {
        Ok((id, changes)) => {
            let made = Made {
                id,
                reason: reason.to_owned(),
                changes,
            };
            // Without a trace it counts as changed at once, and is made again.
            project.keep(&made, trace.unwrap_or_default())
        }
        Err(failure) => {
            let code = failure.show(&context.console, "firn");
            let message = failure.to_string();
            project.keep_failure(&message, trace.unwrap_or_default())?;
            project.end()?;
            return Ok(code);
        }
    };
    kept?;
    project.end()?;
    Ok(0)
}

/// Notes a file and what is in it.
fn watch(recorder: &Recorder, path: &Path) {
    recorder.reads(path);
    match std::fs::read(path) {
        Ok(contents) => recorder.read(path, &contents),
        Err(_) => recorder.saw(path, None),
    }
}

fn make_observed(
    context: &Context,
    project: &Project,
    recorder: &Arc<Recorder>,
) -> Result<(String, Changes), Failure> {
    let file = project.file();
    let file = file.ok_or_else(|| Failure::message("nothing says what the environment is"))?;
    let mut installables = Installables::default();
    if file == "flake.nix" {
        installables.words.push(".".to_owned());
        installables.role = Role::DevShell;
    } else {
        installables.file = Some(file.to_owned());
    }
    let store = context.open_store()?;
    let observer = Arc::clone(recorder) as Arc<dyn Observer>;
    let paths = installables.observed_paths(context, &store, observer)?;
    let [path] = paths.as_slice() else {
        return Err(Failure::message(format!("'{file}' is not one derivation")));
    };
    let path = match path {
        DerivedPath::Opaque(path) if !path.is_derivation() => path.clone(),
        path => capture(store.as_ref(), path.base_path())?,
    };
    store.add_perm_root(&path, &project.root())?;
    let changes = entered(store.as_ref(), project, &path)?;
    let id = firn_memo::key([
        path.as_str().as_bytes(),
        changes.to_json().to_string().as_bytes(),
    ]);
    Ok((id, changes))
}

/// What bash's environment is changed by when it enters.
fn entered(store: &dyn Store, project: &Project, path: &StorePath) -> Result<Changes, Failure> {
    let environment = capture::read(store, path)?;
    let outputs_dir = project.directory.join("outputs");
    let entry = Entry {
        outputs_dir: &outputs_dir.to_string_lossy(),
        redirects: Vec::new(),
    };
    // The hook may print; only what comes after the mark counts.
    let text = format!(
        "{}\nrmdir \"$NIX_BUILD_TOP\" 2>/dev/null\nexec 1>&3 3>&-\nexec env -0\n",
        script(&environment, &entry)
    );
    let before: BTreeMap<String, String> = std::env::vars().collect();
    let mut command = crate::entering::viewed(store, crate::entering::resolved("bash"));
    command
        .args([
            "--norc",
            "--noprofile",
            "-c",
            "exec 3>&1 1>&2; source /dev/stdin",
        ])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    let failed = |it: std::io::Error| Failure::message(format!("starting bash: {it}"));
    let mut child = command.spawn().map_err(failed)?;
    let mut input = child.stdin.take().expect("it was asked for");
    let writer = std::thread::spawn(move || {
        use std::io::Write as _;
        input.write_all(text.as_bytes())
    });
    let output = child.wait_with_output().map_err(failed)?;
    // A hook that ends the shell early leaves the rest unread; the status says so.
    drop(writer.join());
    if !output.status.success() {
        return Err(Failure::message(
            "the environment's set-up or its shellHook failed",
        ));
    }
    let text = String::from_utf8_lossy(&output.stdout);
    let after = text.split('\0').filter_map(|it| it.split_once('='));
    let after = after.map(|it| (it.0.to_owned(), it.1.to_owned())).collect();
    Ok(Changes::between(&before, &after))
}

//! `nix-env`: packages installed for a user, and the generations of profiles.
//!
//! One operation is asked for on the command line; flags and words that are nobody else's are
//! collected and read by it, since it may stand behind them.

mod change;
mod choose;
mod generations;
mod query;

use std::collections::VecDeque;
use std::sync::Arc;

use firn_events::{Level, SharedSink};
use firn_source::SourcePath;
use firn_store::profile::Profile;
use firn_store::{BuildMode, Store};

use crate::eval_flags::EvalFlags;
use crate::evaluation::{Evaluation, Stop, evaluate};
use crate::log_sink::ConsoleSink;
use crate::profiles::{
    default_expressions, default_profile, prepare_default_expressions, profile_at,
};
use crate::{Arg, Args, Context, Failure, surroundings};

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operation {
    Install,
    Upgrade,
    Uninstall,
    Set,
    SetFlag,
    Query,
    SwitchProfile,
    SwitchGeneration,
    Rollback,
    ListGenerations,
    DeleteGenerations,
}

impl Operation {
    fn named(flag: &str) -> Option<Self> {
        Some(match flag {
            "--install" | "-i" => Self::Install,
            "--upgrade" | "-u" => Self::Upgrade,
            "--uninstall" | "-e" => Self::Uninstall,
            "--set" => Self::Set,
            "--set-flag" => Self::SetFlag,
            "--query" | "-q" => Self::Query,
            "--switch-profile" | "-S" => Self::SwitchProfile,
            "--switch-generation" | "-G" => Self::SwitchGeneration,
            "--rollback" => Self::Rollback,
            "--list-generations" => Self::ListGenerations,
            "--delete-generations" => Self::DeleteGenerations,
            _ => return None,
        })
    }
}

/// The command line.
struct Request {
    operation: Operation,
    profile: Profile,
    file: Option<String>,
    is_dry_run: bool,
    system_filter: String,
    only_prebuilt: bool,
    forced_name: String,
    mode: BuildMode,
    flags: VecDeque<String>,
    words: Vec<String>,
    eval: EvalFlags,
}

/// Runs `nix-env`.
pub fn run(context: &mut Context, args: &mut Args) -> Result<u8, Failure> {
    let Some(mut request) = Request::read(context, args)? else {
        return Ok(0);
    };
    context.settle();
    // Where the home directory cannot be written, expressions have to be named.
    drop(prepare_default_expressions(context));
    match request.operation {
        Operation::SwitchProfile
        | Operation::SwitchGeneration
        | Operation::Rollback
        | Operation::ListGenerations
        | Operation::DeleteGenerations => generations::run(context, &request)?,
        Operation::Query => {
            context.read_only = true;
            let wanted = query::Wanted::read(&mut request)?;
            with_work(context, &request, |work| query::run(work, &wanted))?;
        }
        Operation::Install => {
            let wanted = change::Install::read(&mut request)?;
            with_work(context, &request, |work| wanted.run(work))?;
        }
        Operation::Upgrade => {
            let wanted = change::Upgrade::read(&mut request)?;
            with_work(context, &request, |work| wanted.run(work))?;
        }
        Operation::Set => {
            let source = choose::Source::read_all(&mut request.flags)?;
            with_work(context, &request, |work| change::set(work, &source))?;
        }
        Operation::Uninstall => {
            no_flags(&request)?;
            with_work(context, &request, change::uninstall)?;
        }
        Operation::SetFlag => {
            no_flags(&request)?;
            let [name, value, selectors @ ..] = request.words.as_slice() else {
                return Err(Failure::usage("not enough arguments to '--set-flag'"));
            };
            with_work(context, &request, |work| {
                change::set_flag(work, name, value, selectors)
            })?;
        }
    }
    Ok(0)
}

/// The failure that a flag is which the operation does not have.
fn unknown_flag(flag: &str) -> Failure {
    Failure::usage(format!("unknown flag '{flag}'"))
}

fn no_flags(request: &Request) -> Result<(), Failure> {
    match request.flags.front() {
        Some(flag) => Err(unknown_flag(flag)),
        None => Ok(()),
    }
}

/// The value of a flag of an operation.
fn flag_value(flags: &mut VecDeque<String>, flag: &str) -> Result<String, Failure> {
    let value = flags.pop_front();
    value.ok_or_else(|| Failure::usage(format!("'{flag}' requires an argument")))
}

impl Request {
    /// Reads the command line; nothing if it only asked for the version.
    fn read(context: &mut Context, args: &mut Args) -> Result<Option<Self>, Failure> {
        let mut operation = None;
        let mut profile = None;
        let mut request = Self {
            operation: Operation::Query,
            profile: Profile::new(""),
            file: None,
            is_dry_run: false,
            system_filter: "*".to_owned(),
            only_prebuilt: false,
            forced_name: String::new(),
            mode: BuildMode::Normal,
            flags: VecDeque::new(),
            words: Vec::new(),
            eval: EvalFlags::default(),
        };
        while let Some(arg) = args.next() {
            let flag = match arg {
                Arg::Word(word) => {
                    request.words.push(word);
                    continue;
                }
                Arg::Flag(flag) => flag,
            };
            if context.took_version(&flag)? {
                return Ok(None);
            }
            if let Some(named) = Operation::named(&flag) {
                if operation.is_some_and(|it| it != named) {
                    return Err(Failure::usage("only one operation may be specified"));
                }
                operation = Some(named);
                continue;
            }
            match flag.as_str() {
                "--force-name" => request.forced_name = args.plain_value(&flag)?,
                "--profile" | "-p" => profile = Some(profile_at(&args.plain_value(&flag)?)),
                "--file" | "-f" => request.file = Some(args.plain_value(&flag)?),
                "--dry-run" => {
                    let text = "(dry run; not doing anything)";
                    context.console.say(Level::Info, text);
                    request.is_dry_run = true;
                }
                "--system-filter" => request.system_filter = args.plain_value(&flag)?,
                "--prebuilt-only" | "-b" => request.only_prebuilt = true,
                "--repair" => request.mode = BuildMode::Repair,
                // A setting has this name too.
                "--system" => request.flags.push_back(flag),
                _ => {
                    let is_shared = request.eval.take(&flag, args, context)?
                        || context.try_common(&flag, args)?;
                    if is_shared {
                        continue;
                    }
                    let has_value = match flag.as_str() {
                        "--from-profile" => true,
                        "--attr" | "-A" => operation == Some(Operation::Query),
                        "--priority" => operation == Some(Operation::Install),
                        _ => false,
                    };
                    let value = has_value.then(|| args.plain_value(&flag)).transpose()?;
                    request.flags.push_back(flag);
                    request.flags.extend(value);
                }
            }
        }
        let Some(operation) = operation else {
            return Err(Failure::usage("no operation specified"));
        };
        request.operation = operation;
        let from_environment = || Some(Profile::new(surroundings::filled("NIX_PROFILE")?));
        let profile = profile.or_else(from_environment);
        request.profile = profile.unwrap_or_else(|| default_profile(context));
        Ok(Some(request))
    }
}

/// What an operation on packages works with.
struct Work<'a, 'e, 'h> {
    request: &'a Request,
    evaluation: &'a mut Evaluation<'e, 'h>,
    store: Arc<dyn Store>,
    events: SharedSink,
    /// Where packages come from.
    expressions: SourcePath,
}

fn with_work(
    context: &Context,
    request: &Request,
    work: impl FnOnce(&mut Work<'_, '_, '_>) -> Result<(), Stop> + Send,
) -> Result<(), Failure> {
    let store = context.open_store()?;
    evaluate(context, &request.eval, &store, |evaluation| {
        let expressions = if let Some(file) = &request.file {
            evaluation.lookup_file(file)?
        } else {
            let place = default_expressions(context);
            SourcePath::host(place.as_os_str().as_encoded_bytes())
        };
        let store = Arc::clone(evaluation.host.store());
        work(&mut Work {
            request,
            evaluation,
            store,
            events: ConsoleSink::shared(context),
            expressions,
        })
    })
}

impl Work<'_, '_, '_> {
    fn inform(&self, text: &str) {
        self.events.message(Level::Info, text);
    }
}

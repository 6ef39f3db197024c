//! All commands: one file each, one line here.

pub mod build;
pub mod bundle;
pub mod config;
pub mod copy;
pub mod daemon;
pub mod debug;
pub mod derivation;
pub mod develop;
pub mod enter;
pub mod eval;
pub mod flake;
pub mod fmt;
pub mod hash;
pub mod home;
pub mod hook;
pub mod key;
pub mod log;
pub mod nix_build;
pub mod nix_channel;
pub mod nix_collect_garbage;
pub mod nix_copy_closure;
pub mod nix_env;
pub mod nix_hash;
pub mod nix_instantiate;
pub mod nix_prefetch_url;
pub mod nix_shell;
pub mod nix_store;
pub mod path_info;
pub mod profile;
pub mod ps;
pub mod realisation;
pub mod registry;
pub mod repl;
pub mod run;
pub mod search;
pub mod serve;
pub mod store;
pub mod system;
pub mod up;
pub mod upgrade;
pub mod why_depends;

use crate::completions;
use crate::program::NIX_VERSION;
use crate::verbs::{self, Verb};
use crate::{Args, Context, Failure, Program, surroundings};

/// The verbs of `firn` and `nix`, sorted.
static VERBS: &[&Verb] = &[
    &hook::ALLOW,
    &build::BUILD,
    &bundle::BUNDLE,
    &crate::completions::scripts::COMPLETIONS,
    &config::CHECK,
    &config::SHOW,
    &copy::COPY,
    &debug::DEBUG,
    &daemon::DAEMON,
    &hook::DENY,
    &derivation::ADD,
    &derivation::SHOW,
    &enter::ENTER,
    &develop::DEVELOP,
    &run::ENV_SHELL,
    &bundle::EDIT,
    &eval::EVAL,
    &flake::archive::ARCHIVE,
    &flake::check::CHECK,
    &flake::template::CLONE,
    &flake::metadata::INFO,
    &flake::template::INIT,
    &flake::lock::LOCK,
    &flake::metadata::METADATA,
    &flake::template::NEW,
    &flake::archive::PREFETCH,
    &flake::archive::PREFETCH_INPUTS,
    &flake::show::SHOW,
    &flake::lock::UPDATE,
    &fmt::FMT,
    &fmt::FORMATTER_BUILD,
    &fmt::FORMATTER_RUN,
    &hash::CONVERT,
    &hash::FILE,
    &hash::PATH,
    &hash::TO_BASE16,
    &hash::TO_BASE32,
    &hash::TO_BASE64,
    &hash::TO_SRI,
    &home::BUILD,
    &home::GENERATIONS,
    &system::options::HOME_OPTIONS,
    &home::ROLLBACK,
    &home::SWITCH,
    &hook::HOOK,
    &key::CONVERT_SECRET_TO_PUBLIC,
    &key::GENERATE_SECRET,
    &log::LOG,
    &store::list::NAR_CAT,
    &store::read::NAR_DUMP_PATH,
    &store::list::NAR_LS,
    &store::read::NAR_PACK,
    &path_info::PATH_INFO,
    &profile::change::ADD,
    &profile::show::DIFF_CLOSURES,
    &profile::show::HISTORY,
    &profile::change::INSTALL,
    &profile::show::LIST,
    &profile::change::REMOVE,
    &profile::generations::ROLLBACK,
    &profile::change::UPGRADE,
    &profile::generations::WIPE_HISTORY,
    &ps::PS,
    &develop::PRINT_DEV_ENV,
    &realisation::INFO,
    &registry::ADD,
    &registry::LIST,
    &registry::PIN,
    &registry::REMOVE,
    &registry::RESOLVE,
    &repl::REPL,
    &run::RUN,
    &search::SEARCH,
    &run::SHELL,
    &serve::SERVE,
    &store::add::ADD,
    &store::add::ADD_FILE,
    &store::add::ADD_PATH,
    &store::list::STORE_CAT,
    &store::exchange::COPY_LOG,
    &store::exchange::COPY_SIGS,
    &store::collect::DELETE,
    &profile::show::STORE_DIFF_CLOSURES,
    &store::read::DUMP_PATH,
    &store::collect::GC,
    &store::read::INFO,
    &store::list::STORE_LS,
    &store::exchange::MAKE_CONTENT_ADDRESSED,
    &store::collect::OPTIMISE,
    &store::read::PATH_FROM_HASH_PART,
    &store::read::PING,
    &nix_prefetch_url::PREFETCH_FILE,
    &store::verify::REPAIR,
    &store::verify::SIGN,
    &store::verify::VERIFY,
    &system::switch::BOOT,
    &system::build::BUILD,
    &system::compare::DIFF,
    &system::switch::DRY_ACTIVATE,
    &system::history::GENERATIONS,
    &system::options::OPTIONS,
    &system::switch::ROLLBACK,
    &system::switch::SWITCH,
    &system::switch::SWITCH_TO_CONFIGURATION,
    &system::machines::TEST,
    &system::machines::VM,
    &up::UP,
    &upgrade::UPGRADE_NIX,
    &why_depends::WHY_DEPENDS,
];

/// Runs what the program's name asks for.
pub fn dispatch(context: &mut Context, args: &mut Args) -> Result<u8, Failure> {
    if args.peek() == Some(daemon::CONNECTION) {
        args.next();
        return daemon::serve_connection(context, args);
    }
    if context.program.has_verbs()
        && let Some(at) = completions::requested()
    {
        return completions::answer(VERBS, context, args.rest(), at);
    }
    if !context.program.has_verbs() && args.has_flag("--help") {
        return help_of_older(context);
    }
    match context.program {
        Program::Firn | Program::Nix => verbs::run(VERBS, context, args),
        Program::NixBuild => nix_build::run(context, args),
        Program::NixInstantiate => nix_instantiate::run(context, args),
        Program::NixShell => nix_shell::run(context, args),
        Program::NixChannel => nix_channel::run(context, args),
        Program::NixPrefetchUrl => nix_prefetch_url::run(context, args),
        Program::NixEnv => nix_env::run(context, args),
        Program::NixHash => nix_hash::run(context, args),
        Program::NixStore => nix_store::run(context, args),
        Program::NixCopyClosure => nix_copy_closure::run(context, args),
        Program::NixDaemon => daemon::run(context, args),
        Program::NixCollectGarbage => nix_collect_garbage::run(context, args),
        Program::NixosRebuild => system::rebuild::run(context, args),
    }
}

/// What an older command says of itself: its flags are those of the reference's.
fn help_of_older(context: &Context) -> Result<u8, Failure> {
    let name = context.program.name();
    let path = surroundings::variable("PATH").unwrap_or_default();
    if !std::env::split_paths(&path).any(|it| it.join("man").is_file()) {
        return Err(Failure::message(format!(
            "The 'man' command was not found, but it is needed for '{name}' and some other 'nix-*' commands' help text. Perhaps you could install the 'man' command?"
        )));
    }
    let text = format!(
        "{name}: works as the command of this name in Nix {NIX_VERSION}; its manual page holds here too.\n'firn help' lists the commands of Firn."
    );
    context.console.print_line(text)?;
    Ok(0)
}

//! `serve`: the store as a binary cache over HTTP.

use firn_daemon::{HttpOptions, HttpServer};
use firn_events::Level;
use firn_transfer::Compression;

use crate::stores::read_secret_key;
use crate::verbs::Verb;
use crate::{Arg, Args, Context, Failure};

/// `serve [--listen ADDRESS:PORT]`.
pub static SERVE: Verb = Verb {
    path: &["serve"],
    about: "serve the store as a binary cache over HTTP",
    usage: "[--listen ADDRESS:PORT] [--priority N] [--compression KIND] [--key-file FILE]…",
    only_firn: true,
    run,
};

/// Where it listens if nothing is said: on this machine only.
const DEFAULT_ADDRESS: &str = "127.0.0.1:5000";

/// The rank that a cache claims if nothing is said: before those of the whole world.
const DEFAULT_PRIORITY: i64 = 30;

fn run(context: &mut Context, args: &mut Args) -> Result<u8, Failure> {
    let mut address = DEFAULT_ADDRESS.to_owned();
    let mut options = HttpOptions {
        priority: DEFAULT_PRIORITY,
        compression: Compression::Zstd,
        secret_keys: Vec::new(),
        n_threads: 16,
    };
    while let Some(arg) = args.next() {
        match arg {
            Arg::Word(word) => return Err(Failure::unexpected(&word)),
            Arg::Flag(flag) => match flag.as_str() {
                "-l" | "--listen" => address = args.value(&flag)?,
                "--priority" => {
                    let text = args.value(&flag)?;
                    options.priority = text
                        .parse()
                        .map_err(|_| Failure::usage(format!("'{text}' is not an integer")))?;
                }
                "--compression" => {
                    options.compression = Compression::parse(&args.value(&flag)?)
                        .map_err(|error| Failure::usage(error.to_string()))?;
                }
                "-k" | "--key-file" => {
                    options
                        .secret_keys
                        .push(read_secret_key(&args.value(&flag)?)?);
                }
                _ => context.take_common(&flag, args)?,
            },
        }
    }
    context.settle();
    for file in &context.settings.store.secret_key_files {
        options.secret_keys.push(read_secret_key(file)?);
    }
    let store = context.open_store()?;
    let server = HttpServer::listen(&address, store, options)?;
    let text = format!("serving at {}", server.url());
    context.console.log(Level::Notice, &text);
    server.run();
    Ok(0)
}

//! `nix-prefetch-url` and `store prefetch-file`: a download into the store, for its hash.

use firn_eval::{Symbol, Val};
use firn_events::Level;
use firn_fetch::Prefetch;
use firn_hash::{Algorithm, Hash, HashFormat};
use serde_json::json;

use crate::commands::hash::algorithm;
use crate::eval_flags::EvalFlags;
use crate::evaluation::{Evaluation, Stop, evaluate};
use crate::sources::Text;
use crate::surroundings::variable;
use crate::verbs::Verb;
use crate::{Arg, Args, Context, Failure};

/// `store prefetch-file URL`.
pub static PREFETCH_FILE: Verb = Verb {
    path: &["store", "prefetch-file"],
    about: "download a file into the store",
    usage: "[--name NAME] [--expected-hash HASH] [--hash-type ALGORITHM] [--executable] [--unpack] [--json] URL",
    only_firn: false,
    run: prefetch_file,
};

/// The scheme of addresses that stand for one of several servers.
const MIRROR: &str = "mirror://";
/// Which servers these are.
const MIRRORS: &str = "import <nixpkgs/pkgs/build-support/fetchurl/mirrors.nix>";

#[derive(Default)]
struct Wanted {
    words: Vec<String>,
    name: Option<String>,
    algorithm: Option<Algorithm>,
    expected: Option<String>,
    unpack: bool,
    executable: bool,
}

impl Wanted {
    fn prefetch(
        &self,
        context: &Context,
        store: &std::sync::Arc<dyn firn_store::Store>,
        url: &str,
    ) -> Result<(firn_store_model::StorePath, Hash), Failure> {
        let algorithm = self.algorithm.unwrap_or(Algorithm::Sha256);
        let expected = self.expected.as_ref().map(|text| {
            let hash = Hash::parse_any(text, Some(algorithm));
            hash.map_err(|it| Failure::message(it.to_string()))
        });
        let wanted = Prefetch {
            url,
            name: self.name.as_deref(),
            algorithm,
            expected: expected.transpose()?,
            unpack: self.unpack,
            executable: self.executable,
        };
        let fetcher = context.fetcher(store);
        Ok(fetcher.prefetch(&wanted, &std::env::temp_dir())?)
    }
}

/// Runs `nix-prefetch-url`.
pub fn run(context: &mut Context, args: &mut Args) -> Result<u8, Failure> {
    let mut wanted = Wanted::default();
    let mut eval = EvalFlags::default();
    let mut attribute = None;
    let mut print_path = variable("PRINT_PATH").is_some_and(|it| it == "1");
    while let Some(arg) = args.next() {
        match arg {
            Arg::Word(word) => wanted.words.push(word),
            Arg::Flag(flag) if context.took_version(&flag)? => return Ok(0),
            Arg::Flag(flag) => match flag.as_str() {
                "--type" => wanted.algorithm = Some(algorithm(&args.plain_value(&flag)?)?),
                "--print-path" => print_path = true,
                "--attr" | "-A" => attribute = Some(args.plain_value(&flag)?),
                "--unpack" => wanted.unpack = true,
                "--executable" => wanted.executable = true,
                "--name" => wanted.name = Some(args.plain_value(&flag)?),
                _ => {
                    if !eval.take(&flag, args, context)? {
                        context.take_common(&flag, args)?;
                    }
                }
            },
        }
    }
    context.settle();
    if wanted.words.len() > 2 {
        return Err(Failure::usage("too many arguments"));
    }
    wanted.expected = wanted.words.get(1).cloned();
    let context = &*context;
    let store = context.open_store()?;
    let url = match (&attribute, wanted.words.first()) {
        (None, None) => return Err(Failure::usage("you must specify a URL")),
        (None, Some(url)) if !url.starts_with(MIRROR) => url.clone(),
        (attribute, word) => {
            let word = word.cloned().unwrap_or_else(|| ".".to_owned());
            let (url, changed) = evaluate(context, &eval, &store, |evaluation| {
                let mut source = Source::default();
                match attribute {
                    None => source.url = word,
                    Some(path) => source.read(evaluation, &word, path)?,
                }
                let url = resolve_mirror(evaluation, &source.url)?;
                Ok((url, source))
            })?;
            if let Some(unpack) = changed.unpack {
                wanted.unpack = unpack;
            }
            url
        }
    };
    let (path, hash) = wanted.prefetch(context, &store, &url)?;
    let path = store.store_dir().print(&path);
    if !print_path {
        context
            .console
            .log(Level::Info, &format!("path is '{path}'"));
    }
    let format = if hash.algorithm() == Algorithm::Md5 {
        HashFormat::Base16
    } else {
        HashFormat::Nix32
    };
    context.console.print_line(hash.format(format, false))?;
    if print_path {
        context.console.print_line(path)?;
    }
    Ok(0)
}

/// What a call of a fetcher in an expression says. Its name does not count, as it does not for the
/// reference: the object is named after the address.
#[derive(Default)]
struct Source {
    url: String,
    unpack: Option<bool>,
}

impl Source {
    fn read(
        &mut self,
        evaluation: &mut Evaluation<'_, '_>,
        file: &str,
        path: &str,
    ) -> Result<(), Stop> {
        let args = evaluation.auto_args()?;
        let root = evaluation.value_of_file(file)?;
        let context = evaluation.context;
        let ctx = &mut *evaluation.ctx;
        let (value, _) = ctx.find_along_path(path.as_bytes(), args, root)?;
        let doing = "while evaluating the source attribute to prefetch";
        let set = ctx.attrs(value, doing)?;
        let Some(urls) = set.get(Symbol::intern(b"urls")) else {
            return Err(Failure::message("attribute 'urls' missing").into());
        };
        let urls = ctx.list(urls, "while evaluating the urls to prefetch")?;
        let Some(&url) = urls.first() else {
            return Err(Failure::message("'urls' list is empty").into());
        };
        let doing = "while evaluating the first url from the urls list";
        self.url = text(evaluation, url, doing)?;
        match set.get(Symbol::intern(b"outputHashMode")) {
            None => {
                let words = "warning: this does not look like a fetchurl call";
                context.console.log(Level::Info, words);
            }
            Some(mode) => {
                let doing = "while evaluating the outputHashMode of the source to prefetch";
                self.unpack = Some(text(evaluation, mode, doing)? == "recursive");
            }
        }
        Ok(())
    }
}

fn text<'h>(
    evaluation: &mut Evaluation<'_, 'h>,
    value: Val<'h>,
    doing: &'static str,
) -> Result<String, Stop> {
    let text = evaluation.ctx.str(value, doing)?;
    Ok(String::from_utf8_lossy(text.bytes()).into_owned())
}

/// The address at the first of the servers that one with a mirror's name stands for.
fn resolve_mirror(evaluation: &mut Evaluation<'_, '_>, url: &str) -> Result<String, Stop> {
    let Some(rest) = url.strip_prefix(MIRROR) else {
        return Ok(url.to_owned());
    };
    let Some((name, path)) = rest.split_once('/') else {
        return Err(Failure::message(format!("invalid mirror URL '{url}'")).into());
    };
    let mirrors = evaluation.value_of_text(&Text::of_words(MIRRORS))?;
    let ctx = &mut *evaluation.ctx;
    let mirrors = ctx.attrs(mirrors, "while evaluating the set of all mirrors")?;
    let Some(mirror) = mirrors.get(Symbol::intern(name.as_bytes())) else {
        return Err(Failure::message(format!("unknown mirror name '{name}'")).into());
    };
    let servers = ctx.list(mirror, "while evaluating one mirror configuration")?;
    let Some(&server) = servers.first() else {
        let message = format!("mirror URL '{url}' did not expand to anything");
        return Err(Failure::message(message).into());
    };
    let doing = "while evaluating the first available mirror";
    let server = text(evaluation, server, doing)?;
    let separator = if server.ends_with('/') { "" } else { "/" };
    Ok(format!("{server}{separator}{path}"))
}

fn prefetch_file(context: &mut Context, args: &mut Args) -> Result<u8, Failure> {
    let mut wanted = Wanted::default();
    let mut as_json = false;
    while let Some(arg) = args.next() {
        match arg {
            Arg::Word(word) if wanted.words.is_empty() => wanted.words.push(word),
            Arg::Word(word) => return Err(Failure::unexpected(&word)),
            Arg::Flag(flag) => match flag.as_str() {
                "--name" => wanted.name = Some(args.value(&flag)?),
                "--expected-hash" => wanted.expected = Some(args.value(&flag)?),
                "--hash-type" => wanted.algorithm = Some(algorithm(&args.value(&flag)?)?),
                "--executable" => wanted.executable = true,
                "--unpack" => wanted.unpack = true,
                "--json" => as_json = true,
                _ => context.take_common(&flag, args)?,
            },
        }
    }
    context.settle();
    let Some(url) = wanted.words.first() else {
        return Err(Failure::usage("more arguments are required"));
    };
    let store = context.open_store()?;
    let (path, hash) = wanted.prefetch(context, &store, url)?;
    let (path, hash) = (store.store_dir().print(&path), hash.to_sri());
    if as_json {
        let shown = json!({"hash": hash, "storePath": path});
        context.console.print_line(shown.to_string())?;
    } else {
        let text = format!("Downloaded '{url}' to '{path}' (hash '{hash}').");
        context.console.log(Level::Notice, &text);
    }
    Ok(0)
}

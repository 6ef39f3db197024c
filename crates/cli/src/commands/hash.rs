//! `hash convert`, `hash file`, `hash path`, `hash to-…`; `nix-hash` uses the same functions.

use std::fs::File;

use firn_hash::{Algorithm, Hash, HashError, HashFormat, Hasher, compress_hash};

use firn_settings::Feature;
use firn_store::hash_tree;
use firn_store::tree::{Listing, LocalTree, git_hash};
use firn_store_model::ContentAddressMethod;

use crate::verbs::Verb;
use crate::{Arg, Args, Context, Failure, sources};

/// `hash convert [--from FORMAT] [--to FORMAT] [--hash-algo ALGORITHM] HASH…`.
pub static CONVERT: Verb = Verb {
    path: &["hash", "convert"],
    about: "convert hashes between formats",
    usage: "[--from FORMAT] [--to FORMAT] [--hash-algo ALGORITHM] HASH…",
    only_firn: false,
    run: convert,
};

/// `hash file FILE…`.
pub static FILE: Verb = Verb {
    path: &["hash", "file"],
    about: "print the hash of the contents of files",
    usage: "[--type ALGORITHM] [--base16|--base32|--base64|--sri] FILE…",
    only_firn: false,
    run: |context, args| of_paths(context, args, ContentAddressMethod::Flat),
};

/// `hash path [--mode MODE] PATH…`.
pub static PATH: Verb = Verb {
    path: &["hash", "path"],
    about: "print the hash of the archive of files and directories",
    usage: "[--mode flat|nar|git] [--algo ALGORITHM] [--format FORMAT] PATH…",
    only_firn: false,
    run: |context, args| of_paths(context, args, ContentAddressMethod::Nar),
};

/// `hash to-base16 HASH…`.
pub static TO_BASE16: Verb = to_verb(&["hash", "to-base16"], |context, args| {
    to_format(context, args, HashFormat::Base16)
});

/// `hash to-base32 HASH…`.
pub static TO_BASE32: Verb = to_verb(&["hash", "to-base32"], |context, args| {
    to_format(context, args, HashFormat::Nix32)
});

/// `hash to-base64 HASH…`.
pub static TO_BASE64: Verb = to_verb(&["hash", "to-base64"], |context, args| {
    to_format(context, args, HashFormat::Base64)
});

/// `hash to-sri HASH…`.
pub static TO_SRI: Verb = to_verb(&["hash", "to-sri"], |context, args| {
    to_format(context, args, HashFormat::Sri)
});

const fn to_verb(
    path: &'static [&'static str],
    run: fn(&mut Context, &mut Args) -> Result<u8, Failure>,
) -> Verb {
    Verb {
        path,
        about: "convert hashes; 'hash convert' does the same",
        usage: "[--type ALGORITHM] HASH…",
        only_firn: false,
        run,
    }
}

impl From<HashError> for Failure {
    fn from(error: HashError) -> Self {
        Self::message(error.to_string())
    }
}

pub(super) fn algorithm(name: &str) -> Result<Algorithm, Failure> {
    Algorithm::parse(name).map_err(|it| Failure::usage(it.to_string()))
}

fn format(name: &str) -> Result<HashFormat, Failure> {
    HashFormat::parse(name).map_err(|it| Failure::usage(it.to_string()))
}

fn show(hash: &Hash, format: HashFormat) -> String {
    hash.format(format, format == HashFormat::Sri)
}

fn convert(context: &mut Context, args: &mut Args) -> Result<u8, Failure> {
    let (mut from, mut to, mut kind) = (None, HashFormat::Sri, None);
    let mut hashes = Vec::new();
    while let Some(arg) = args.next() {
        match arg {
            Arg::Word(word) => hashes.push(word),
            Arg::Flag(flag) => match flag.as_str() {
                "--from" => from = Some(format(&args.value(&flag)?)?),
                "--to" => to = format(&args.value(&flag)?)?,
                "--hash-algo" | "--algo" => kind = Some(algorithm(&args.value(&flag)?)?),
                _ => context.take_common(&flag, args)?,
            },
        }
    }
    context.settle();
    for text in hashes {
        let (hash, found) = Hash::parse_any_with_format(&text, kind)?;
        if let Some(from) = from.filter(|it| *it != found) {
            return Err(Failure::message(format!(
                "input hash '{text}' has format '{found}', but '--from {from}' was specified"
            )));
        }
        context.console.print_line(show(&hash, to))?;
    }
    Ok(0)
}

fn to_format(context: &mut Context, args: &mut Args, to: HashFormat) -> Result<u8, Failure> {
    let mut kind = None;
    let mut hashes = Vec::new();
    while let Some(arg) = args.next() {
        match arg {
            Arg::Word(word) => hashes.push(word),
            Arg::Flag(flag) if flag == "--type" => kind = Some(algorithm(&args.value(&flag)?)?),
            Arg::Flag(flag) => context.take_common(&flag, args)?,
        }
    }
    context.settle();
    context.console.warn(
        "The old format conversion subcommands of `nix hash` were deprecated in favor of `nix hash convert`.",
    );
    print_converted(context, &hashes, kind, to)
}

/// Prints hashes in another format.
pub fn print_converted(
    context: &Context,
    hashes: &[String],
    kind: Option<Algorithm>,
    to: HashFormat,
) -> Result<u8, Failure> {
    for text in hashes {
        let hash = Hash::parse_any(text, kind)?;
        context.console.print_line(show(&hash, to))?;
    }
    Ok(0)
}

fn of_paths(
    context: &mut Context,
    args: &mut Args,
    method: ContentAddressMethod,
) -> Result<u8, Failure> {
    let is_path = method == ContentAddressMethod::Nar;
    let mut wanted = Wanted {
        method,
        algorithm: Algorithm::Sha256,
        format: HashFormat::Sri,
        truncate: false,
    };
    let mut files = Vec::new();
    while let Some(arg) = args.next() {
        match arg {
            Arg::Word(word) => files.push(word),
            Arg::Flag(flag) => match flag.as_str() {
                "--sri" => wanted.format = HashFormat::Sri,
                "--base64" => wanted.format = HashFormat::Base64,
                "--base32" => wanted.format = HashFormat::Nix32,
                "--base16" => wanted.format = HashFormat::Base16,
                "--type" => wanted.algorithm = algorithm(&args.value(&flag)?)?,
                "--algo" if is_path => wanted.algorithm = algorithm(&args.value(&flag)?)?,
                "--format" if is_path => wanted.format = format(&args.value(&flag)?)?,
                "--mode" if is_path => wanted.method = mode(&args.value(&flag)?)?,
                _ => context.take_common(&flag, args)?,
            },
        }
    }
    context.settle();
    if wanted.method == ContentAddressMethod::Git {
        context.require(Feature::GitHashing)?;
    }
    print_of_paths(context, &files, wanted)
}

fn mode(name: &str) -> Result<ContentAddressMethod, Failure> {
    match name {
        "flat" => Ok(ContentAddressMethod::Flat),
        "nar" | "recursive" => Ok(ContentAddressMethod::Nar),
        "git" => Ok(ContentAddressMethod::Git),
        _ => Err(Failure::usage(format!(
            "Unknown file ingestion method '{name}', expect `flat`, `nar`, or `git`"
        ))),
    }
}

/// How hashes are to be made and shown.
#[derive(Clone, Copy, Debug)]
pub struct Wanted {
    /// What is hashed.
    pub method: ContentAddressMethod,
    /// By which algorithm.
    pub algorithm: Algorithm,
    /// In which format.
    pub format: HashFormat,
    /// Whether they are folded to 20 bytes.
    pub truncate: bool,
}

/// Prints the hashes of files and directories.
pub fn print_of_paths(context: &Context, paths: &[String], wanted: Wanted) -> Result<u8, Failure> {
    for name in paths {
        let is_archive = wanted.method != ContentAddressMethod::Flat;
        if is_archive && std::fs::symlink_metadata(name).is_err() {
            let path = sources::absolute(name).path;
            return Err(Failure::message(format!("path '{path}' does not exist")));
        }
        let hash = match wanted.method {
            ContentAddressMethod::Flat | ContentAddressMethod::Text => of_contents(name, wanted)?,
            ContentAddressMethod::Nar => {
                let path = sources::absolute(name).path.to_string();
                let tree = sources::tree_at(&context.settings, path);
                let listing = Listing::walk(&*tree, None)?;
                hash_tree::nar_hash(&*tree, &listing, wanted.algorithm)?.0
            }
            ContentAddressMethod::Git => {
                let tree = LocalTree::new(sources::absolute(name).path.to_string());
                git_hash(&tree, &Listing::walk(&tree, None)?, wanted.algorithm)?
            }
        };
        context.console.print_line(shown(&hash, wanted))?;
    }
    Ok(0)
}

/// The hash of what a file holds; it may be a pipe.
fn of_contents(name: &str, wanted: Wanted) -> Result<Hash, Failure> {
    let failed = |doing: &str, error: &std::io::Error| {
        let error = error_words(error);
        Failure::message(format!("{doing} file \"{name}\": {error}"))
    };
    let mut file = File::open(name).map_err(|it| failed("opening", &it))?;
    let read = Hasher::hash_reader(wanted.algorithm, &mut file);
    Ok(read.map_err(|it| failed("reading from", &it))?.0)
}

/// A hash as it was asked for.
pub fn shown(hash: &Hash, wanted: Wanted) -> String {
    if wanted.truncate && hash.digest().len() > 20 {
        let folded: [u8; 20] = compress_hash(hash.digest());
        return match wanted.format {
            HashFormat::Base16 => firn_hash::base16::encode(&folded),
            HashFormat::Nix32 => firn_hash::base32::encode(&folded),
            HashFormat::Base64 => firn_hash::base64::encode(&folded),
            HashFormat::Sri => format!(
                "{}-{}",
                wanted.algorithm,
                firn_hash::base64::encode(&folded)
            ),
        };
    }
    show(hash, wanted.format)
}

/// What the system says of an error, without the number that Rust adds.
pub fn error_words(error: &std::io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or(&text).to_owned()
}

//! `key generate-secret`, `key convert-secret-to-public`: keys that sign store paths.

use std::io::Read as _;

use firn_store_model::SecretKey;

use crate::verbs::Verb;
use crate::{Arg, Args, Context, Failure};

/// `key generate-secret --key-name NAME`.
pub static GENERATE_SECRET: Verb = Verb {
    path: &["key", "generate-secret"],
    about: "make a secret key for signing",
    usage: "--key-name NAME",
    only_firn: false,
    run: generate,
};

/// `key convert-secret-to-public`.
pub static CONVERT_SECRET_TO_PUBLIC: Verb = Verb {
    path: &["key", "convert-secret-to-public"],
    about: "print the public key of the secret one on stdin",
    usage: "",
    only_firn: false,
    run: convert,
};

fn generate(context: &mut Context, args: &mut Args) -> Result<u8, Failure> {
    let mut name = None;
    while let Some(arg) = args.next() {
        match arg {
            Arg::Word(word) => return Err(Failure::unexpected(&word)),
            Arg::Flag(flag) if flag == "--key-name" => name = Some(args.value(&flag)?),
            Arg::Flag(flag) => context.take_common(&flag, args)?,
        }
    }
    context.settle();
    let name = name.ok_or_else(|| Failure::usage("required argument '--key-name' is missing"))?;
    let key = SecretKey::from_seed(&name, random_seed()?);
    context.console.print(key.to_secret_text())?;
    Ok(0)
}

fn convert(context: &mut Context, args: &mut Args) -> Result<u8, Failure> {
    context.no_more_arguments(args)?;
    let mut text = String::new();
    std::io::stdin()
        .read_to_string(&mut text)
        .map_err(|it| Failure::message(format!("reading from file: {it}")))?;
    let key = SecretKey::parse(text.trim()).map_err(|it| Failure::message(it.to_string()))?;
    context.console.print(key.public_key().to_string())?;
    Ok(0)
}

/// Random bytes for a new key.
pub(crate) fn random_seed() -> Result<[u8; 32], Failure> {
    let mut seed = [0; 32];
    let mut random = std::fs::File::open("/dev/urandom")
        .map_err(|it| Failure::message(format!("opening file \"/dev/urandom\": {it}")))?;
    random
        .read_exact(&mut seed)
        .map_err(|it| Failure::message(format!("reading random bytes: {it}")))?;
    Ok(seed)
}

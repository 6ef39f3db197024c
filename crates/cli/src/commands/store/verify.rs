//! `store verify`, `store sign`, `store repair`: whether paths are what they say, and who says so.

use std::collections::BTreeSet;

use firn_events::Level;
use firn_hash::{HashFormat, Hasher};
use firn_store::Store;
use firn_store::closure::path_info;
use firn_store_model::{PublicKeys, SecretKey, StorePath};

use crate::installables::PathSelection;
use crate::verbs::Verb;
use crate::{Arg, Args, Context, Failure};

/// `store verify PATH…`.
pub static VERIFY: Verb = Verb {
    path: &["store", "verify"],
    about: "check contents and signatures of paths",
    usage: "[--no-contents] [--no-trust] [--sigs-needed N] [--all] [-r] PATH…",
    only_firn: false,
    run: verify,
};

/// `store sign PATH…`.
pub static SIGN: Verb = Verb {
    path: &["store", "sign"],
    about: "sign paths with a secret key",
    usage: "--key-file FILE [--all] [-r] PATH…",
    only_firn: false,
    run: sign,
};

/// `store repair PATH…`.
pub static REPAIR: Verb = Verb {
    path: &["store", "repair"],
    about: "replace damaged paths by sound ones",
    usage: "PATH…",
    only_firn: false,
    run: repair,
};

#[derive(Clone, Copy, Debug)]
struct Checks {
    contents: bool,
    trust: bool,
    n_signatures: usize,
}

fn verify(context: &mut Context, args: &mut Args) -> Result<u8, Failure> {
    let mut selection = PathSelection::default();
    let mut checks = Checks {
        contents: true,
        trust: true,
        n_signatures: 0,
    };
    while let Some(arg) = args.next() {
        match arg {
            Arg::Word(word) => selection.installables.words.push(word),
            Arg::Flag(flag) => match flag.as_str() {
                "--no-contents" => checks.contents = false,
                "--no-trust" => checks.trust = false,
                "-n" | "--sigs-needed" => {
                    let text = args.value(&flag)?;
                    checks.n_signatures = text
                        .parse()
                        .map_err(|_| Failure::usage(format!("'{text}' is not an integer")))?;
                }
                _ => {
                    if !selection.take(&flag, args, context)? {
                        context.take_common(&flag, args)?;
                    }
                }
            },
        }
    }
    context.settle();
    let store = context.open_store()?;
    let keys = &context.settings.store.trusted_public_keys;
    let keys = PublicKeys::parse(keys.iter().map(String::as_str))
        .map_err(|it| Failure::message(it.to_string()))?;
    let mut code = 0;
    for path in selection.store_paths(context, &store)? {
        code |= match verify_path(context, store.as_ref(), &path, &keys, checks) {
            Ok(code) => code,
            Err(error) => {
                context.console.say(Level::Error, &error.to_string());
                4
            }
        };
    }
    Ok(code)
}

fn verify_path(
    context: &Context,
    store: &dyn Store,
    path: &StorePath,
    keys: &PublicKeys,
    checks: Checks,
) -> Result<u8, Failure> {
    let info = path_info(store, path)?;
    let shown = store.store_dir().print(path);
    context
        .console
        .log(Level::Info, &format!("checking '{shown}'..."));
    let mut code = 0;
    if checks.contents {
        let mut hasher = Hasher::new(info.nar_hash.algorithm());
        store.nar_from_path(path, &mut hasher)?;
        let got = hasher.finish();
        if got != info.nar_hash {
            code |= 1;
            context.console.line(&format!(
                "path '{shown}' was modified! expected hash '{}', got '{}'",
                info.nar_hash.format(HashFormat::Nix32, true),
                got.format(HashFormat::Nix32, true)
            ));
        }
    }
    if checks.trust && !is_trusted(store, &info, keys, checks.n_signatures) {
        code |= 2;
        context
            .console
            .line(&format!("path '{shown}' is untrusted"));
    }
    Ok(code)
}

fn is_trusted(
    store: &dyn Store,
    info: &firn_store_model::ValidPathInfo,
    keys: &PublicKeys,
    n_signatures: usize,
) -> bool {
    if info.ultimate && n_signatures == 0 {
        return true;
    }
    if info.is_content_addressed(store.store_dir()) {
        return true;
    }
    let Some(fingerprint) = info.fingerprint(store.store_dir()) else {
        return false;
    };
    keys.count_good(fingerprint.as_bytes(), info.signatures.iter()) >= n_signatures.max(1)
}

fn sign(context: &mut Context, args: &mut Args) -> Result<u8, Failure> {
    let mut selection = PathSelection::default();
    let mut key_file = None;
    while let Some(arg) = args.next() {
        match arg {
            Arg::Word(word) => selection.installables.words.push(word),
            Arg::Flag(flag) if flag == "-k" || flag == "--key-file" => {
                key_file = Some(args.value(&flag)?);
            }
            Arg::Flag(flag) => {
                if !selection.take(&flag, args, context)? {
                    context.take_common(&flag, args)?;
                }
            }
        }
    }
    context.settle();
    let key_file =
        key_file.ok_or_else(|| Failure::usage("required argument '--key-file' is missing"))?;
    let text = std::fs::read_to_string(&key_file)
        .map_err(|it| Failure::message(format!("opening file \"{key_file}\": {it}")))?;
    let key = SecretKey::parse(text.trim()).map_err(|it| Failure::message(it.to_string()))?;
    let store = context.open_store()?;
    let mut added = 0;
    for path in selection.store_paths(context, &store)? {
        let info = path_info(store.as_ref(), &path)?;
        let Some(fingerprint) = info.fingerprint(store.store_dir()) else {
            continue;
        };
        let signature = key.sign(fingerprint.as_bytes());
        if !info.signatures.contains(&signature) {
            let signatures: BTreeSet<_> = [signature].into();
            let signatures: Vec<_> = signatures.into_iter().collect();
            store.add_signatures(&path, &signatures)?;
            added += 1;
        }
    }
    context
        .console
        .log(Level::Info, &format!("added {added} signatures"));
    Ok(0)
}

fn repair(context: &mut Context, args: &mut Args) -> Result<u8, Failure> {
    let mut selection = PathSelection::default();
    while let Some(arg) = args.next() {
        match arg {
            Arg::Word(word) => selection.installables.words.push(word),
            Arg::Flag(flag) => {
                if !selection.take(&flag, args, context)? {
                    context.take_common(&flag, args)?;
                }
            }
        }
    }
    context.settle();
    let store = context.open_store()?;
    for path in selection.store_paths(context, &store)? {
        store.repair_path(&path)?;
    }
    Ok(0)
}

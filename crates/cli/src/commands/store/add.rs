//! `store add`, `store add-path`, `store add-file`: files and directories into the store.

use firn_store::tree::LocalTree;
use firn_store::{AddOptions, hash_tree};
use firn_store_model::ContentAddressMethod;

use crate::commands::hash;
use crate::verbs::Verb;
use crate::{Arg, Args, Context, Failure, sources};

const USAGE: &str =
    "[--name NAME] [--mode flat|nar|text|git] [--hash-algo ALGORITHM] [--dry-run] PATH";

/// `store add PATH`.
pub static ADD: Verb = Verb {
    path: &["store", "add"],
    about: "add a file or directory to the store",
    usage: USAGE,
    only_firn: false,
    run: |context, args| add(context, args, ContentAddressMethod::Nar),
};

/// `store add-path PATH`.
pub static ADD_PATH: Verb = Verb {
    path: &["store", "add-path"],
    about: "the same as 'store add'",
    usage: USAGE,
    only_firn: false,
    run: |context, args| add(context, args, ContentAddressMethod::Nar),
};

/// `store add-file PATH`.
pub static ADD_FILE: Verb = Verb {
    path: &["store", "add-file"],
    about: "the same as 'store add --mode flat'",
    usage: USAGE,
    only_firn: false,
    run: |context, args| add(context, args, ContentAddressMethod::Flat),
};

fn add(
    context: &mut Context,
    args: &mut Args,
    method: ContentAddressMethod,
) -> Result<u8, Failure> {
    let mut options = AddOptions {
        method,
        ..AddOptions::default()
    };
    let (mut name, mut path, mut dry_run) = (None, None, false);
    while let Some(arg) = args.next() {
        match arg {
            Arg::Word(word) if path.is_none() => path = Some(word),
            Arg::Word(word) => return Err(Failure::unexpected(&word)),
            Arg::Flag(flag) => match flag.as_str() {
                "-n" | "--name" => name = Some(args.value(&flag)?),
                "--mode" => options.method = mode(&args.value(&flag)?)?,
                "--hash-algo" => options.algorithm = hash::algorithm(&args.value(&flag)?)?,
                "--dry-run" => dry_run = true,
                _ => context.take_common(&flag, args)?,
            },
        }
    }
    context.settle();
    let path = path.ok_or_else(|| Failure::usage("more arguments are required"))?;
    let source = sources::absolute(&path);
    if std::fs::symlink_metadata(sources::on_disk(&source)).is_err() {
        return Err(Failure::message(format!(
            "path '{}' does not exist",
            source.path
        )));
    }
    let name = name.unwrap_or_else(|| {
        let name = source.path.file_name().unwrap_or_default();
        String::from_utf8_lossy(name).into_owned()
    });
    let store = context.open_store()?;
    let tree = LocalTree::new(sources::on_disk(&source));
    let added = if dry_run {
        hash_tree::hash_tree(store.store_dir(), &name, &tree, None, &options)?.1
    } else {
        store.add_tree(&name, &tree, None, &options)?
    };
    context
        .console
        .print_line(store.store_dir().print(&added))?;
    Ok(0)
}

fn mode(name: &str) -> Result<ContentAddressMethod, Failure> {
    match name {
        "flat" => Ok(ContentAddressMethod::Flat),
        "nar" | "recursive" => Ok(ContentAddressMethod::Nar),
        "text" => Ok(ContentAddressMethod::Text),
        "git" => Ok(ContentAddressMethod::Git),
        _ => Err(Failure::usage(format!(
            "Unknown content-address method '{name}', expect `flat`, `nar`, `text`, or `git`"
        ))),
    }
}

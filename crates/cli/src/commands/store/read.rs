//! `store info`, `store cat`, `store dump-path`, `store path-from-hash-part`, `nar pack`: looking
//! at a store and taking things out of it.

use std::io::{IsTerminal as _, Write as _};

use firn_events::Level;
use firn_store::tree::{Listing, LocalTree, stream};
use serde_json::json;

use crate::installables::one_path;
use crate::program::NIX_VERSION;
use crate::stores::StoreUrl;
use crate::verbs::Verb;
use crate::{Arg, Args, Context, Failure, sources};

/// `store info [--json]`.
pub static INFO: Verb = Verb {
    path: &["store", "info"],
    about: "tell whether a store can be reached, and what it is",
    usage: "[--json]",
    only_firn: false,
    run: info,
};

/// `store cat PATH`.
pub static CAT: Verb = Verb {
    path: &["store", "cat"],
    about: "print a file of the store",
    usage: "PATH",
    only_firn: false,
    run: cat,
};

/// `store dump-path PATH`.
pub static DUMP_PATH: Verb = Verb {
    path: &["store", "dump-path"],
    about: "write a store path as an archive to stdout",
    usage: "PATH",
    only_firn: false,
    run: dump_path,
};

/// `store path-from-hash-part HASH`.
pub static PATH_FROM_HASH_PART: Verb = Verb {
    path: &["store", "path-from-hash-part"],
    about: "print the store path with a hash",
    usage: "HASH",
    only_firn: false,
    run: path_from_hash_part,
};

/// `nar pack PATH`.
pub static NAR_PACK: Verb = Verb {
    path: &["nar", "pack"],
    about: "write a file or directory as an archive to stdout",
    usage: "PATH",
    only_firn: false,
    run: nar_pack,
};

/// `nar dump-path PATH`.
pub static NAR_DUMP_PATH: Verb = Verb {
    path: &["nar", "dump-path"],
    about: "the same as 'nar pack'",
    usage: "PATH",
    only_firn: false,
    run: |context, args| {
        context
            .console
            .warn("'nix nar dump-path' is a deprecated alias for 'nix nar pack'");
        nar_pack(context, args)
    },
};

fn info(context: &mut Context, args: &mut Args) -> Result<u8, Failure> {
    let mut as_json = false;
    while let Some(arg) = args.next() {
        match arg {
            Arg::Word(word) => return Err(Failure::unexpected(&word)),
            Arg::Flag(flag) if flag == "--json" => as_json = true,
            Arg::Flag(flag) => context.take_common(&flag, args)?,
        }
    }
    context.settle();
    context.open_store()?;
    let url = StoreUrl::parse(&context.settings.store.store).render();
    let version = if context.program.is_firn() {
        env!("CARGO_PKG_VERSION")
    } else {
        NIX_VERSION
    };
    if as_json {
        let shown = json!({"trusted": true, "url": url, "version": version});
        context.console.print_line(shown.to_string())?;
        return Ok(0);
    }
    let console = context.console;
    console.log(Level::Notice, &format!("Store URL: {url}"));
    console.log(Level::Notice, &format!("Version: {version}"));
    console.log(Level::Notice, "Trusted: 1");
    Ok(0)
}

fn cat(context: &mut Context, args: &mut Args) -> Result<u8, Failure> {
    let word = context.one_word(args)?;
    let store = context.open_store()?;
    let absolute = sources::absolute(&word);
    let (path, rest) = store
        .store_dir()
        .split(absolute.path.as_bytes())
        .map_err(|it| Failure::message(it.to_string()))?;
    if !store.is_valid_path(&path)? {
        let path = store.store_dir().print(&path);
        return Err(Failure::message(format!("path '{path}' is not valid")));
    }
    let missing = || Failure::message(format!("path '{}' does not exist", absolute.path));
    let place = store.physical_path(&path).ok_or_else(missing)?;
    let rest = String::from_utf8_lossy(rest).into_owned();
    let place = match rest.trim_start_matches('/') {
        "" => place,
        rest => place.join(rest),
    };
    let metadata = std::fs::symlink_metadata(&place).map_err(|_| missing())?;
    if !metadata.is_file() {
        return Err(Failure::message(format!(
            "path '{}' is not a regular file",
            absolute.path
        )));
    }
    let mut file = std::fs::File::open(&place).map_err(|_| missing())?;
    let mut stdout = std::io::stdout().lock();
    std::io::copy(&mut file, &mut stdout)?;
    stdout.flush()?;
    Ok(0)
}

/// Standard output for an archive; a terminal would not like it.
fn archive_output() -> Result<std::io::StdoutLock<'static>, Failure> {
    let stdout = std::io::stdout();
    if stdout.is_terminal() {
        return Err(Failure::usage("refusing to write NAR to a terminal"));
    }
    Ok(stdout.lock())
}

fn dump_path(context: &mut Context, args: &mut Args) -> Result<u8, Failure> {
    let word = context.one_word(args)?;
    let store = context.open_store()?;
    let path = one_path(store.as_ref(), &word)?;
    let mut output = archive_output()?;
    store.nar_from_path(&path, &mut output)?;
    output.flush()?;
    Ok(0)
}

fn nar_pack(context: &mut Context, args: &mut Args) -> Result<u8, Failure> {
    let word = context.one_word(args)?;
    let mut output = archive_output()?;
    let tree = LocalTree::new(sources::on_disk(&sources::absolute(&word)));
    let listing = Listing::walk(&tree, None)?;
    let mut written = Ok(());
    stream(&tree, &listing, None, &mut |bytes| {
        if written.is_ok() {
            written = output.write_all(bytes);
        }
        Ok(())
    })?;
    written?;
    output.flush()?;
    Ok(0)
}

fn path_from_hash_part(context: &mut Context, args: &mut Args) -> Result<u8, Failure> {
    let hash = context.one_word(args)?;
    let store = context.open_store()?;
    let path = store.query_path_from_hash_part(&hash)?.ok_or_else(|| {
        Failure::message(format!("there is no store path corresponding to '{hash}'"))
    })?;
    context.console.print_line(store.store_dir().print(&path))?;
    Ok(0)
}

//! `store info`, `store dump-path`, `store path-from-hash-part`, `nar pack`: looking
//! at a store and taking things out of it.

use std::io::{IsTerminal as _, Write as _};

use firn_events::Level;
use firn_store::tree::{Listing, stream};

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

/// `store ping`, the old name.
pub static PING: Verb = Verb {
    path: &["store", "ping"],
    about: "the same as 'store info'",
    usage: "[--json]",
    only_firn: false,
    run: |context, args| {
        context
            .console
            .warn("'store ping' is a deprecated alias for 'store info'");
        info(context, args)
    },
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
    let store = context.open_store()?;
    let traits = store.introduce().map(|()| store.traits());
    // A store that is not reached is shown as what was asked for.
    let url = match store.url() {
        url if url == "daemon" => url,
        _ => StoreUrl::parse(&context.settings.store.store).render(),
    };
    let traits = traits.inspect_err(|_| {
        let text = format!("Store URL: {url}");
        context.console.log(Level::Notice, &text);
    })?;
    let own_version = if context.program.is_firn() {
        env!("CARGO_PKG_VERSION")
    } else {
        NIX_VERSION
    };
    let is_local = traits.protocol.is_none() && traits.trusts_us == Some(true);
    let version = traits
        .version
        .or_else(|| is_local.then(|| own_version.to_owned()));
    if as_json {
        let mut shown = serde_json::Map::new();
        if let Some(trusts_us) = traits.trusts_us {
            shown.insert("trusted".to_owned(), trusts_us.into());
        }
        shown.insert("url".to_owned(), url.into());
        if let Some(version) = version {
            shown.insert("version".to_owned(), version.into());
        }
        let shown = serde_json::Value::Object(shown);
        context.console.print_line(shown.to_string())?;
        return Ok(0);
    }
    let console = context.console;
    console.log(Level::Notice, &format!("Store URL: {url}"));
    if let Some(version) = version {
        console.log(Level::Notice, &format!("Version: {version}"));
    }
    if let Some(trusts_us) = traits.trusts_us {
        let text = format!("Trusted: {}", u8::from(trusts_us));
        console.log(Level::Notice, &text);
    }
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
    let path = sources::on_disk(&sources::absolute(&word));
    let tree = sources::tree_at(&context.settings, path);
    let listing = Listing::walk(&*tree, None)?;
    let mut written = Ok(());
    stream(&*tree, &listing, None, &mut |bytes| {
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

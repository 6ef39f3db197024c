//! `fetchMercurial`: the tree of a Mercurial repository.

use firn_eval::{
    Builtin, Coercion, Ctx, ErrorKind, Fail, Kind, Res, SetBuilder, Symbol, Val, name_text,
};
use firn_fetch::{Attrs, Input, UseRegistries, is_revision};

use crate::builtins::fetchers::fetch_failed;
use crate::host::StoreHost;

pub(super) const BUILTINS: &[Builtin] = &[Builtin::new(
    "fetchMercurial",
    &["args"],
    FETCH_MERCURIAL_DOC,
    fetch_mercurial,
)];

const FETCH_MERCURIAL_DOC: &str = "\
Fetches a Mercurial repository with the program `hg`. The argument is its address, or a set of `url` and, where wanted, `rev` (a
revision, or the name of a branch, bookmark or tag) and `name`. A repository on this machine with changes is taken as it lies there:
what Mercurial tracks, with its present contents. In pure evaluation `rev` has to be a whole revision.";

/// The argument of a call.
struct Wanted {
    url: String,
    name: String,
    rev: Option<String>,
}

fn wanted<'h>(ctx: &mut Ctx<'h>, arg: Val<'h>) -> Result<Wanted, Fail> {
    let mut wanted = Wanted {
        url: String::new(),
        name: "source".to_owned(),
        rev: None,
    };
    let lossy = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let arg = ctx.force(arg)?;
    if arg.kind() != Kind::Set {
        let doing = "while evaluating the first argument passed to builtins.fetchMercurial";
        wanted.url = lossy(&ctx.coerce(arg, Coercion::default(), doing)?.0);
        return Ok(wanted);
    }
    let set = ctx.attrs(arg, "")?;
    for (symbol, value) in ctx.attrs_by_name(set) {
        match symbol.as_bytes() {
            b"url" => {
                let doing =
                    "while evaluating the `url` attribute passed to builtins.fetchMercurial";
                wanted.url = lossy(&ctx.coerce(value, Coercion::default(), doing)?.0);
            }
            b"rev" => {
                let doing =
                    "while evaluating the `rev` attribute passed to builtins.fetchMercurial";
                wanted.rev = Some(lossy(ctx.str_no_context(value, doing)?.bytes()));
            }
            b"name" => {
                let doing =
                    "while evaluating the `name` attribute passed to builtins.fetchMercurial";
                wanted.name = lossy(ctx.str_no_context(value, doing)?.bytes());
            }
            _ => {
                let name = name_text(symbol);
                let message = format!("unsupported argument '{name}' to 'fetchMercurial'");
                return Err(ctx.error(ErrorKind::Eval, message));
            }
        }
    }
    if wanted.url.is_empty() {
        return Err(ctx.error(ErrorKind::Eval, "'url' argument required"));
    }
    Ok(wanted)
}

fn fetch_mercurial<'h>(ctx: &mut Ctx<'h>, args: &[Val<'h>]) -> Res<'h> {
    let wanted = wanted(ctx, args[0])?;
    ctx.in_order()?;
    let host = StoreHost::of(ctx);
    ctx.host_result(|_| host.check_uri(&wanted.url))?;
    let is_whole = wanted.rev.as_deref().is_some_and(is_revision);
    if ctx.purity().pure_eval && !is_whole {
        let message = "in pure evaluation mode, 'fetchMercurial' requires a Mercurial revision";
        return Err(ctx.error(ErrorKind::Eval, message));
    }
    let url = if wanted.url.contains("://") {
        wanted.url
    } else {
        format!("file://{}", wanted.url)
    };
    let mut attrs = Attrs::from([
        ("type".to_owned(), "hg".into()),
        ("url".to_owned(), url.into()),
        ("name".to_owned(), wanted.name.into()),
    ]);
    if let Some(rev) = wanted.rev {
        let name = if is_whole { "rev" } else { "ref" };
        attrs.insert(name.to_owned(), rev.into());
    }
    let fetcher = host.fetcher();
    let fetched = Input::from_attrs(fetcher, attrs)
        .and_then(|input| fetcher.fetch(&input, UseRegistries::No));
    let fetched = fetched.map_err(|error| fetch_failed(ctx, error))?;
    host.mount(&fetched);
    let input = &fetched.input;
    let mut set = SetBuilder::default();
    let mut add = |name: &str, value: Val<'h>| set.push(Symbol::intern(name.as_bytes()), value);
    add("outPath", host.new_store_path(ctx, &fetched.path));
    if let Some(branch) = input.git_ref() {
        add("branch", ctx.new_str(branch.as_bytes()));
    }
    // A working tree with changes has a revision of zeros.
    let rev = input.rev_text().unwrap_or_else(|| "0".repeat(40));
    add("rev", ctx.new_str(rev.as_bytes()));
    add("shortRev", ctx.new_str(&rev.as_bytes()[..12]));
    if let Some(count) = input.rev_count() {
        add("revCount", ctx.new_int(count as i64));
    }
    Ok(ctx.new_set(set))
}

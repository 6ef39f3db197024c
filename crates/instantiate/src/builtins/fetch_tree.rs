//! `fetchTree` and `fetchGit`: a tree of files from wherever it is.

use firn_eval::{
    Builtin, Coercion, Ctx, ErrorKind, Fail, Kind, Res, SetBuilder, Symbol, Val, name_text,
};
use firn_fetch::{Attr, Attrs, FINAL, Input, UseRegistries, attrs, fix_git_url};
use firn_store_model::StorePath;

use crate::builtins::fetchers::fetch_failed;
use crate::host::StoreHost;

/// The builtin that fetches what a lock file states.
pub const FETCH_FINAL_TREE: &str = "fetchFinalTree";

pub(super) const BUILTINS: &[Builtin] = &[
    Builtin::new("fetchTree", &["input"], FETCH_TREE_DOC, fetch_tree),
    Builtin::new("fetchGit", &["args"], FETCH_GIT_DOC, fetch_git),
    Builtin::new(
        FETCH_FINAL_TREE,
        &["input"],
        FETCH_TREE_DOC,
        fetch_final_tree,
    )
    .hidden(),
];

const FETCH_TREE_DOC: &str = "\
Fetches a tree of files, or a file, and gives a set of its path in the store (`outPath`), the hash of its archive (`narHash`), and what is
known of it: `rev`, `shortRev`, `revCount`, `lastModified`, `lastModifiedDate`. The argument is a set with a `type` (`git`, `github`, `gitlab`,
`sourcehut`, `tarball`, `file`, `path`, `indirect`) and the attributes of that type, or a URL. In pure evaluation it has to name one
source for ever: by a revision or by `narHash`.";

const FETCH_GIT_DOC: &str = "\
Fetches a Git repository. The argument is its address, or a set of `url` and, where wanted, `ref`, `rev`, `name`, `submodules`, `shallow`,
`allRefs`, `lfs`, `exportIgnore`. A repository on this machine without `ref` and `rev` is taken as it lies there: what Git tracks, with its
present contents.";

/// How the builtins differ.
#[derive(Clone, Copy)]
struct Params {
    name: &'static str,
    /// What argument is being evaluated.
    doing: &'static str,
    is_git: bool,
    is_final: bool,
}

const TREE: Params = Params {
    name: "fetchTree",
    doing: "while evaluating the first argument passed to 'fetchTree'",
    is_git: false,
    is_final: false,
};

fn fetch_tree<'h>(ctx: &mut Ctx<'h>, args: &[Val<'h>]) -> Res<'h> {
    fetch(ctx, args[0], TREE)
}

fn fetch_final_tree<'h>(ctx: &mut Ctx<'h>, args: &[Val<'h>]) -> Res<'h> {
    fetch(
        ctx,
        args[0],
        Params {
            is_final: true,
            ..TREE
        },
    )
}

fn fetch_git<'h>(ctx: &mut Ctx<'h>, args: &[Val<'h>]) -> Res<'h> {
    let params = Params {
        name: "fetchGit",
        doing: "while evaluating the first argument passed to 'fetchGit'",
        is_git: true,
        is_final: false,
    };
    fetch(ctx, args[0], params)
}

fn fetch<'h>(ctx: &mut Ctx<'h>, arg: Val<'h>, params: Params) -> Res<'h> {
    let host = StoreHost::of(ctx);
    let mut input = input_of(ctx, &host, arg, params)?;
    ctx.in_order()?;
    let fetcher = host.fetcher();
    let fetcher_name = params.name;
    let purity = ctx.purity();
    if !purity.pure_eval && !input.is_direct() && host.has_feature("flakes") {
        host.loses_track("a registry is asked for a source");
        let found = fetcher.look_up(&input, UseRegistries::Limited);
        input = found.map_err(|error| fetch_failed(ctx, error))?.0;
    }
    if purity.pure_eval && !input.is_locked(fetcher) {
        let hash = input.nar_hash().map_err(|error| fetch_failed(ctx, error))?;
        if hash.is_none() {
            let message = format!(
                "in pure evaluation mode, '{fetcher_name}' doesn't fetch unlocked input '{}'",
                input.show()
            );
            return Err(ctx.error(ErrorKind::Eval, message));
        }
        fetcher.warn(&format!(
            "Input '{}' is unlocked (e.g. lacks a Git revision) but is checked by NAR hash. This is not reproducible and will break after garbage collection or when shared.",
            input.show()
        ));
    }
    let url = input
        .to_url()
        .map_err(|error| fetch_failed(ctx, error))?
        .to_string();
    ctx.host_result(|_| host.check_uri(&url))?;
    if params.is_final {
        input.set(FINAL, true);
    } else if input.is_final() {
        let message = format!(
            "input '{}' is not allowed to use the '__final' attribute",
            input.show()
        );
        return Err(ctx.error(ErrorKind::Eval, message));
    }
    let fetched = fetcher.fetch(&input, UseRegistries::No);
    let fetched = fetched.map_err(|error| fetch_failed(ctx, error))?;
    host.mount(&fetched);
    Ok(tree_attrs(
        ctx,
        &host,
        &fetched.path,
        &fetched.input,
        params.is_git,
        false,
    ))
}

/// The input that an argument describes.
fn input_of<'h>(
    ctx: &mut Ctx<'h>,
    host: &StoreHost,
    arg: Val<'h>,
    params: Params,
) -> Result<Input, Fail> {
    let fetcher = host.fetcher();
    let arg = ctx.force(arg)?;
    let made = if arg.kind() == Kind::Set {
        let attrs = attrs_of(ctx, arg, params)?;
        Input::from_attrs(fetcher, attrs)
    } else {
        let (text, _) = ctx.coerce(arg, Coercion::default(), params.doing)?;
        let text = String::from_utf8_lossy(&text).into_owned();
        if params.is_git {
            let url = fix_git_url(&text).map_err(|error| fetch_failed(ctx, error))?;
            let attrs = Attrs::from([
                ("type".to_owned(), "git".into()),
                ("url".to_owned(), url.to_string().into()),
                ("exportIgnore".to_owned(), true.into()),
            ]);
            Input::from_attrs(fetcher, attrs)
        } else {
            if !host.has_feature("flakes") {
                let message = "passing a string argument to 'fetchTree' requires the 'flakes' experimental feature";
                return Err(ctx.error(ErrorKind::Eval, message));
            }
            Input::from_url_text(fetcher, &text)
        }
    };
    made.map_err(|error| fetch_failed(ctx, error))
}

/// The attributes of an argument that is a set, with what the builtins assume.
fn attrs_of<'h>(ctx: &mut Ctx<'h>, arg: Val<'h>, params: Params) -> Result<Attrs, Fail> {
    let Params {
        name: fetcher,
        is_git,
        ..
    } = params;
    let set = ctx.attrs(arg, params.doing)?;
    let mut attrs = Attrs::new();
    let kind = match (set.get(Symbol::intern(b"type")), is_git) {
        (Some(_), true) => return Err(ctx.error(ErrorKind::Eval, "unexpected argument 'type'")),
        (None, true) => "git".to_owned(),
        (None, false) => {
            let message = format!("argument 'type' is missing in call to '{fetcher}'");
            return Err(ctx.error(ErrorKind::Eval, message));
        }
        (Some(value), false) => {
            let doing = "while evaluating the `type` argument passed to 'fetchTree'";
            let text = ctx.str_no_context(value, doing)?;
            String::from_utf8_lossy(text.bytes()).into_owned()
        }
    };
    attrs.insert("type".to_owned(), kind.as_str().into());
    for (symbol, value) in ctx.attrs_by_name(set) {
        let name = String::from_utf8_lossy(symbol.as_bytes()).into_owned();
        if name == "type" {
            continue;
        }
        let value = ctx.force(value)?;
        let attr = attr_of(ctx, &name, value, params)?;
        attrs.insert(name, attr);
    }
    let is_false =
        |attrs: &Attrs, name: &str| attrs.get(name).is_none_or(|it| *it == Attr::Bool(false));
    if is_git && !attrs.contains_key("exportIgnore") && is_false(&attrs, "submodules") {
        attrs.insert("exportIgnore".to_owned(), true.into());
    }
    if kind == "git" && !is_git && !attrs.contains_key("shallow") {
        attrs.insert("shallow".to_owned(), true.into());
    }
    if !is_git && attrs.contains_key("name") {
        let message = format!("argument 'name' isn’t supported in call to '{fetcher}'");
        return Err(ctx.error(ErrorKind::Eval, message));
    }
    Ok(attrs)
}

fn attr_of<'h>(
    ctx: &mut Ctx<'h>,
    name: &str,
    value: Val<'h>,
    params: Params,
) -> Result<Attr, Fail> {
    let fetcher = params.name;
    match value.kind() {
        Kind::String | Kind::Path => {
            let (text, _) = ctx.coerce(value, Coercion::default(), "")?;
            let text = String::from_utf8_lossy(&text).into_owned();
            if params.is_git && name == "url" {
                let url = fix_git_url(&text).map_err(|error| fetch_failed(ctx, error))?;
                return Ok(url.to_string().into());
            }
            Ok(text.into())
        }
        Kind::Bool => Ok((value.as_bool() == Some(true)).into()),
        Kind::Int => {
            let number = value.as_int().unwrap_or_default();
            u64::try_from(number).map(Attr::Int).map_err(|_| {
                let message =
                    format!("negative value given for '{fetcher}' argument '{name}': {number}");
                ctx.error(ErrorKind::Eval, message)
            })
        }
        _ if name == "publicKeys" => public_keys(ctx, value),
        _ => {
            let message = format!(
                "argument '{name}' to '{fetcher}' is {} while a string, Boolean or integer is expected",
                ctx.type_name(value)
            );
            Err(ctx.error(ErrorKind::Type, message))
        }
    }
}

/// A list of keys, as the JSON that inputs keep it in.
pub fn public_keys<'h>(ctx: &mut Ctx<'h>, value: Val<'h>) -> Result<Attr, Fail> {
    let doing = "while evaluating the public keys of a Git repository";
    let mut keys = Vec::new();
    for &item in ctx.list(value, doing)? {
        let set = ctx.attrs(item, doing)?;
        let mut key = serde_json::Map::new();
        for (symbol, value) in ctx.attrs_by_name(set) {
            let text = ctx.str_no_context(value, doing)?;
            let text = String::from_utf8_lossy(text.bytes()).into_owned();
            key.insert(name_text(symbol), text.into());
        }
        keys.push(serde_json::Value::Object(key));
    }
    Ok(serde_json::Value::from(keys).to_string().into())
}

/// What a fetched tree looks like to a program. `fetchGit` gives a revision of zeros to a working
/// tree with changes.
pub fn tree_attrs<'h>(
    ctx: &mut Ctx<'h>,
    host: &StoreHost,
    path: &StorePath,
    input: &Input,
    zero_rev: bool,
    is_dirty: bool,
) -> Val<'h> {
    let mut set = SetBuilder::default();
    let mut add = |name: &str, value: Val<'h>| set.push(Symbol::intern(name.as_bytes()), value);
    add("outPath", host.new_store_path(ctx, path));
    if let Ok(Some(hash)) = input.nar_hash() {
        add("narHash", ctx.new_str(hash.to_sri().as_bytes()));
    }
    if input.kind().is_ok_and(|it| it == "git") {
        let submodules = attrs::flag(&input.attrs, "submodules").unwrap_or(false);
        add("submodules", ctx.new_bool(submodules));
    }
    if !is_dirty {
        let rev = input
            .rev_text()
            .or_else(|| zero_rev.then(|| "0".repeat(40)));
        if let Some(rev) = rev {
            add("rev", ctx.new_str(rev.as_bytes()));
            add("shortRev", ctx.new_str(&rev.as_bytes()[..7]));
        }
        let count = input.rev_count().or(zero_rev.then_some(0));
        if let Some(count) = count {
            add("revCount", ctx.new_int(count as i64));
        }
    }
    for name in ["dirtyRev", "dirtyShortRev"] {
        if let Ok(Some(text)) = attrs::maybe_str(&input.attrs, name) {
            add(name, ctx.new_str(text.as_bytes()));
        }
    }
    if let Some(time) = input.last_modified() {
        add("lastModified", ctx.new_int(time as i64));
        add("lastModifiedDate", ctx.new_str(date_text(time).as_bytes()));
    }
    ctx.new_set(set)
}

/// A time of Greenwich as one number: year, month, day, hour, minute, second.
fn date_text(seconds: u64) -> String {
    let date = firn_fetch::date_of(seconds);
    let (hours, minutes) = (seconds / 3600 % 24, seconds / 60 % 60);
    format!(
        "{:04}{:02}{:02}{hours:02}{minutes:02}{:02}",
        date.0,
        date.1,
        date.2,
        seconds % 60
    )
}

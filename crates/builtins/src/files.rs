//! Files, by way of the host, and the import of expressions.

use firn_eval::{
    Builtin, Ctx, ErrorKind, EvalError, Fail, FileType, Res, SearchPathEntry, SetBuilder, Symbol,
    Val,
};
use firn_source::SourcePath;

use crate::strings::PLAIN;

pub(crate) const BUILTINS: &[Builtin] = &[
    Builtin::new(
        "import",
        &["path"],
        "The value of the expression in the file *path*, or in `default.nix` if *path* is a \
         directory. A file is evaluated once, however often it is imported.",
        import,
    )
    .strict(1),
    Builtin::new(
        "scopedImport",
        &["scope", "path"],
        "Like `import`, with the attributes of *scope* as variables that the file can use. Each \
         call evaluates the file anew.",
        scoped_import,
    ),
    Builtin::new(
        "__readFile",
        &["path"],
        "The contents of the file *path* as a string.",
        read_file,
    )
    .strict(1),
    Builtin::new(
        "__readDir",
        &["path"],
        "The entries of the directory *path*: a set of names, each with the kind of file, as \
         `readFileType` gives it.",
        read_dir,
    )
    .strict(1),
    Builtin::new(
        "__readFileType",
        &["p"],
        "What is at the path *p*: `\"regular\"`, `\"directory\"`, `\"symlink\"` or `\"unknown\"`.",
        read_file_type,
    )
    .strict(1),
    Builtin::new(
        "__pathExists",
        &["path"],
        "Whether something is at *path*. A string that ends in a slash asks for a directory.",
        path_exists,
    )
    .strict(1),
    Builtin::new(
        "__findFile",
        &["search-path", "lookup-path"],
        "The file that *lookup-path* stands for in *search-path*, a list of sets of `path` and \
         `prefix`. `<name>` is `findFile nixPath \"name\"`.",
        find_file,
    )
    .strict(1),
    Builtin::new(
        "__toPath",
        &["s"],
        "The string *s*, which has to be an absolute path, in canonical form. `/. + s` makes a \
         path of it.",
        to_path,
    )
    .strict(1),
];

const REALISE: &str = "while realising the context of a path";

fn import<'h>(ctx: &mut Ctx<'h>, args: &[Val<'h>]) -> Res<'h> {
    let path = ctx.realise_path(args[0], REALISE)?;
    ctx.eval_file(&path)
}

fn scoped_import<'h>(ctx: &mut Ctx<'h>, args: &[Val<'h>]) -> Res<'h> {
    let path = ctx.realise_path(args[1], REALISE)?;
    let scope = ctx.attrs(
        args[0],
        "while evaluating the first argument passed to builtins.scopedImport",
    )?;
    ctx.eval_file_in(&path, scope)
}

/// A path that can be read, its links followed.
fn resolved_path<'h>(ctx: &mut Ctx<'h>, arg: Val<'h>) -> Result<SourcePath, Fail> {
    let path = ctx.realise_path(arg, REALISE)?;
    ctx.host_result(|host| {
        host.check_access(&path)?;
        host.resolve_symlinks(&path, true)
    })
}

fn shown(ctx: &Ctx<'_>, path: &SourcePath) -> String {
    String::from_utf8_lossy(&ctx.host().display_path(path)).into_owned()
}

fn read_file<'h>(ctx: &mut Ctx<'h>, args: &[Val<'h>]) -> Res<'h> {
    let path = resolved_path(ctx, args[0])?;
    let contents = ctx.host_result(|host| host.read_file(&path))?;
    if contents.contains(&0) {
        let message = format!(
            "the contents of the file '{}' cannot be represented as a Nix string",
            shown(ctx, &path)
        );
        return Err(ctx.error(ErrorKind::Eval, message));
    }
    let references = ctx.host_result(|host| host.references_in(&path, &contents))?;
    if references.is_empty() {
        return Ok(ctx.new_str(&contents));
    }
    let context = ctx.heap().contexts().of(&references);
    Ok(ctx.new_str_with(&contents, context))
}

fn file_type_value<'h>(ctx: &mut Ctx<'h>, kind: FileType) -> Val<'h> {
    ctx.symbol_str(Symbol::intern(kind.name().as_bytes()))
}

fn read_dir<'h>(ctx: &mut Ctx<'h>, args: &[Val<'h>]) -> Res<'h> {
    let path = resolved_path(ctx, args[0])?;
    let entries = ctx.host_result(|host| host.read_dir(&path))?;
    let mut attrs = SetBuilder::with_capacity(entries.len());
    for (name, kind) in entries {
        let value = match kind {
            Some(kind) => file_type_value(ctx, kind),
            // Some file systems do not tell in passing; ask when somebody wants to know.
            None => match ctx.builtin("__readFileType") {
                Some(function) => {
                    let entry = ctx.new_path(&path.join(&name));
                    ctx.lazy_apply(function, &[entry])
                }
                None => file_type_value(ctx, FileType::Unknown),
            },
        };
        attrs.push(Symbol::intern(&name), value);
    }
    Ok(ctx.new_set(attrs))
}

fn read_file_type<'h>(ctx: &mut Ctx<'h>, args: &[Val<'h>]) -> Res<'h> {
    let path = ctx.realise_path(args[0], REALISE)?;
    let kind = ctx.host_result(|host| {
        host.check_access(&path)?;
        host.file_type(&host.resolve_symlinks(&path, false)?)
    })?;
    if let Some(kind) = kind {
        return Ok(file_type_value(ctx, kind));
    }
    let message = format!("path '{}' does not exist", shown(ctx, &path));
    Err(ctx.error(ErrorKind::Host, message))
}

fn path_exists<'h>(ctx: &mut Ctx<'h>, args: &[Val<'h>]) -> Res<'h> {
    let value = ctx.force(args[0])?;
    let must_be_dir = value
        .as_str()
        .is_some_and(|text| text.bytes().ends_with(b"/") || text.bytes().ends_with(b"/."));
    let kind = ctx.catch(|ctx| {
        let path = ctx.realise_path(value, REALISE)?;
        ctx.host_result(|host| {
            host.check_access(&path)?;
            host.file_type(&host.resolve_symlinks(&path, must_be_dir)?)
        })
    });
    match kind {
        Ok(Some(kind)) => Ok(Val::bool(!must_be_dir || kind == FileType::Directory)),
        Ok(None) => Ok(Val::bool(false)),
        Err(error) if error.kind == ErrorKind::Restricted => Ok(Val::bool(false)),
        Err(error) => Err(ctx.rethrow(error)),
    }
}

fn find_file<'h>(ctx: &mut Ctx<'h>, args: &[Val<'h>]) -> Res<'h> {
    let items = ctx.list(
        args[0],
        "while evaluating the first argument passed to builtins.findFile",
    )?;
    let mut entries = Vec::with_capacity(items.len());
    for &item in items {
        entries.push(search_path_entry(ctx, item)?);
    }
    let name = ctx.str_no_context(
        args[1],
        "while evaluating the second argument passed to builtins.findFile",
    )?;
    // Entries may have to be fetched, and something may be said of them.
    ctx.in_order()?;
    let found = ctx.host_result(|host| host.find_file(&entries, name.bytes()))?;
    if let Some(path) = found {
        return Ok(ctx.new_path(&path));
    }
    let name = String::from_utf8_lossy(name.bytes());
    let message = if ctx.purity().pure_eval {
        format!("cannot look up '<{name}>' in pure evaluation mode (use '--impure' to override)")
    } else {
        format!("file '{name}' was not found in the Nix search path (add it using $NIX_PATH or -I)")
    };
    Err(ctx.fail(EvalError::new(ErrorKind::Thrown, message)))
}

fn search_path_entry<'h>(ctx: &mut Ctx<'h>, item: Val<'h>) -> Result<SearchPathEntry, Fail> {
    let set = ctx.attrs(
        item,
        "while evaluating an element of the list passed to builtins.findFile",
    )?;
    let prefix = match set.get(Symbol::intern(b"prefix")) {
        Some(prefix) => {
            let text = "while evaluating the `prefix` attribute of an element of the list passed \
                        to builtins.findFile";
            ctx.str_no_context(prefix, text)?.bytes().to_vec()
        }
        None => Vec::new(),
    };
    let path = ctx.attr(
        set,
        Symbol::intern(b"path"),
        "in an element of the __nixPath",
    )?;
    let (path, context) = ctx.coerce(
        path,
        PLAIN,
        "while evaluating the `path` attribute of an element of the list passed to \
         builtins.findFile",
    )?;
    let path = ctx.realise(&path, context)?;
    Ok(SearchPathEntry { prefix, path })
}

fn to_path<'h>(ctx: &mut Ctx<'h>, args: &[Val<'h>]) -> Res<'h> {
    let (path, context) = ctx.coerce_path(
        args[0],
        "while evaluating the first argument passed to builtins.toPath",
    )?;
    Ok(ctx.new_str_with(path.path.as_bytes(), context))
}

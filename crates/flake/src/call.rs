//! From a lock file to the value of a flake.
//!
//! The lock file becomes a set of nodes in which every reference is already resolved; an expression
//! of a few lines ties them together, so that an input is fetched and evaluated only when something
//! needs it.

use firn_eval::{Ctx, ErrorKind, Fail, Res, Scope, SetBuilder, Symbol, Val};
use firn_fetch::{Attr, FINAL};
use firn_instantiate::{FETCH_FINAL_TREE, StoreHost, fetch_failed, tree_attrs};
use firn_source::{CanonicalPath, FileOrigin, RootId, SourcePath};

use crate::lock::LockedFlake;
use crate::lock_file::Edge;

const TIE: &[u8] = include_bytes!("tie.nix");

/// The value of a flake: its outputs, and what is known of its source.
pub fn call_flake<'h>(ctx: &mut Ctx<'h>, host: &StoreHost, locked: &LockedFlake) -> Res<'h> {
    let (_, keys) = locked.lock_file.to_json();
    let mut nodes = SetBuilder::default();
    for (number, key) in &keys {
        let node = node_value(ctx, host, locked, *number, &keys)?;
        nodes.push(Symbol::intern(key.as_bytes()), node);
    }
    let nodes = ctx.new_set(nodes);
    let path = SourcePath {
        root: RootId::EMBEDDED,
        path: CanonicalPath::new(b"/flakes/tie.nix"),
    };
    let file = ctx.add_source(FileOrigin::Path(path.clone()), TIE.into());
    let function = ctx.eval_source(file, &path, &Scope::new())?;
    let root = ctx.new_str(keys.get(&0).map_or("root", String::as_str).as_bytes());
    ctx.call(function, &[nodes, root])
}

fn node_value<'h>(
    ctx: &mut Ctx<'h>,
    host: &StoreHost,
    locked: &LockedFlake,
    number: usize,
    keys: &crate::lock_file::Keys,
) -> Res<'h> {
    let file = &locked.lock_file;
    let node = &file.nodes[number];
    let mut inputs = SetBuilder::default();
    for (name, edge) in &node.inputs {
        let target = match edge {
            Edge::Node(child) => Some(*child),
            Edge::Follows(path) => file.find(path).map_err(|error| fetch_failed(ctx, error))?,
        };
        let Some(key) = target.and_then(|it| keys.get(&it)) else {
            let message = format!("input '{name}' follows an input that is not there");
            return Err(ctx.error(ErrorKind::Eval, message));
        };
        inputs.push(Symbol::intern(name.as_bytes()), ctx.new_str(key.as_bytes()));
    }
    let inputs = ctx.new_set(inputs);
    let mut set = SetBuilder::default();
    let mut add = |name: &str, value: Val<'h>| set.push(Symbol::intern(name.as_bytes()), value);
    add("inputs", inputs);
    let is_flake = node.locked.as_ref().is_none_or(|it| it.is_flake);
    add("isFlake", ctx.new_bool(is_flake));
    let mut parent = None;
    let (source, inside) = if let Some(path) = locked.node_paths.get(&number) {
        given(ctx, host, locked, number, path)?
    } else {
        let locked = node.locked.as_ref();
        let reference = locked.map(|it| &it.locked);
        if let Some(path) = reference.and_then(|it| it.input.relative_path()) {
            let way = locked.and_then(|it| it.parent.clone()).unwrap_or_default();
            let found = file.find(&way).map_err(|error| fetch_failed(ctx, error))?;
            parent = found.and_then(|it| keys.get(&it));
            (ctx.null(), path.to_owned())
        } else {
            let source = fetched(ctx, reference);
            (
                source,
                reference.map_or(String::new(), |it| it.subdir.clone()),
            )
        }
    };
    let parent = parent.map_or(ctx.null(), |it| ctx.new_str(it.as_bytes()));
    add("parent", parent);
    add("source", source);
    add("path", ctx.new_str(inside.as_bytes()));
    Ok(ctx.new_set(set))
}

/// A tree that was fetched while locking, and the directory in it.
fn given<'h>(
    ctx: &mut Ctx<'h>,
    host: &StoreHost,
    locked: &LockedFlake,
    number: usize,
    path: &SourcePath,
) -> Result<(Val<'h>, String), Fail> {
    let split = host.store().store_dir().split(path.path.as_bytes());
    let (store_path, rest) =
        split.map_err(|error| ctx.error(ErrorKind::Eval, error.to_string()))?;
    let node = locked.lock_file.nodes[number].locked.as_ref();
    let input = node.map_or(&locked.flake.locked.input, |it| &it.locked.input);
    let is_dirty = node.is_none() && locked.flake.is_dirty;
    let source = tree_attrs(ctx, host, &store_path, input, false, is_dirty);
    let inside = String::from_utf8_lossy(rest).into_owned();
    Ok((source, inside.trim_start_matches('/').to_owned()))
}

/// A tree that is fetched when it is needed.
fn fetched<'h>(ctx: &mut Ctx<'h>, reference: Option<&crate::FlakeRef>) -> Val<'h> {
    let mut attrs = SetBuilder::default();
    let stated = reference.into_iter().flat_map(|it| &it.input.attrs);
    for (name, attr) in stated.filter(|it| it.0 != FINAL) {
        let value = match attr {
            Attr::Str(text) => ctx.new_str(text.as_bytes()),
            Attr::Int(number) => ctx.new_int(*number as i64),
            Attr::Bool(value) => ctx.new_bool(*value),
        };
        attrs.push(Symbol::intern(name.as_bytes()), value);
    }
    let attrs = ctx.new_set(attrs);
    let fetch = ctx
        .hidden_builtin(FETCH_FINAL_TREE)
        .expect("it is registered together with the builtins of flakes");
    ctx.lazy_apply(fetch, &[attrs])
}

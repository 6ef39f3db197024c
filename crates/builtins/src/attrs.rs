//! Attribute sets: looking at them, and making new ones from them. Those that make sets out of
//! lists are in `gather`.

use firn_eval::{Builtin, Ctx, Res, SetBuilder, Symbol, Val};

pub(crate) const BUILTINS: &[Builtin] = &[
    Builtin::new(
        "__attrNames",
        &["set"],
        "The names of the attributes of *set*, as a list in alphabetical order.",
        attr_names,
    )
    .strict(1),
    Builtin::new(
        "__attrValues",
        &["set"],
        "The values of the attributes of *set*, in the order of their names.",
        attr_values,
    )
    .strict(1),
    Builtin::new(
        "__getAttr",
        &["s", "set"],
        "The attribute of *set* whose name is the string *s*; like `set.${s}`.",
        get_attr,
    )
    .strict(1),
    Builtin::new(
        "__hasAttr",
        &["s", "set"],
        "Whether *set* has an attribute whose name is the string *s*; like `set ? ${s}`.",
        has_attr,
    )
    .strict(3),
    Builtin::new(
        "__unsafeGetAttrPos",
        &["s", "set"],
        "Where the attribute *s* of *set* was written, as a set of `file`, `line` and `column`; \
         `null` if that is not known. It breaks the rule that equal values cannot be told apart.",
        unsafe_get_attr_pos,
    )
    .strict(3),
    Builtin::new(
        "removeAttrs",
        &["set", "list"],
        "*set* without the attributes whose names are in *list*; names that *set* does not have \
         are ignored.",
        remove_attrs,
    )
    .strict(3),
    Builtin::new(
        "__intersectAttrs",
        &["e1", "e2"],
        "The attributes of the set *e2* whose names the set *e1* has too.",
        intersect_attrs,
    )
    .strict(3),
    Builtin::new(
        "__mapAttrs",
        &["f", "attrset"],
        "*attrset* with each value replaced by the result of calling *f* on the name and the \
         value. No call happens before its result is needed.",
        map_attrs,
    )
    .strict(2),
];

fn attr_names<'h>(ctx: &mut Ctx<'h>, args: &[Val<'h>]) -> Res<'h> {
    let set = ctx.attrs(
        args[0],
        "while evaluating the argument passed to builtins.attrNames",
    )?;
    let flat = set.flat(ctx.alloc());
    if flat.is_empty() {
        return Ok(ctx.new_list(&[]));
    }
    let keys = flat.shape.keys();
    let order = flat.shape.by_name(ctx.alloc());
    let names: Vec<Val<'h>> = order
        .iter()
        .map(|&slot| ctx.symbol_str(keys[slot as usize]))
        .collect();
    Ok(ctx.new_list(&names))
}

fn attr_values<'h>(ctx: &mut Ctx<'h>, args: &[Val<'h>]) -> Res<'h> {
    let set = ctx.attrs(
        args[0],
        "while evaluating the argument passed to builtins.attrValues",
    )?;
    let flat = set.flat(ctx.alloc());
    if flat.is_empty() {
        return Ok(ctx.new_list(&[]));
    }
    let order = flat.shape.by_name(ctx.alloc());
    Ok(Val::list_from(ctx.alloc(), order.len(), |idx| {
        flat.values[order[idx] as usize]
    }))
}

fn get_attr<'h>(ctx: &mut Ctx<'h>, args: &[Val<'h>]) -> Res<'h> {
    let name = ctx.str_no_context(
        args[0],
        "while evaluating the first argument passed to builtins.getAttr",
    )?;
    let doing = "while evaluating the second argument passed to builtins.getAttr";
    let set = if args[1].resolved().is_some() {
        ctx.attrs(args[1], doing)?
    } else {
        // The call counts where a whole derivation is made for it.
        ctx.nested(|ctx| ctx.attrs(args[1], doing))?
    };
    ctx.attr(
        set,
        name.symbol(),
        "in the attribute set under consideration",
    )
}

fn has_attr<'h>(ctx: &mut Ctx<'h>, args: &[Val<'h>]) -> Res<'h> {
    let name = ctx.str_no_context(
        args[0],
        "while evaluating the first argument passed to builtins.hasAttr",
    )?;
    let set = ctx.attrs(
        args[1],
        "while evaluating the second argument passed to builtins.hasAttr",
    )?;
    let found = name.known_symbol().and_then(|name| set.get(name));
    Ok(Val::bool(found.is_some()))
}

fn unsafe_get_attr_pos<'h>(ctx: &mut Ctx<'h>, args: &[Val<'h>]) -> Res<'h> {
    let name = ctx.str_no_context(
        args[0],
        "while evaluating the first argument passed to builtins.unsafeGetAttrPos",
    )?;
    let set = ctx.attrs(
        args[1],
        "while evaluating the second argument passed to builtins.unsafeGetAttrPos",
    )?;
    let name = name.symbol();
    if set.get(name).is_none() {
        return Ok(Val::null());
    }
    Ok(ctx.attr_pos_value(set.position(name)))
}

fn remove_attrs<'h>(ctx: &mut Ctx<'h>, args: &[Val<'h>]) -> Res<'h> {
    let set = ctx.attrs(
        args[0],
        "while evaluating the first argument passed to builtins.removeAttrs",
    )?;
    let items = ctx.list(
        args[1],
        "while evaluating the second argument passed to builtins.removeAttrs",
    )?;
    let mut names: Vec<Symbol> = Vec::with_capacity(items.len());
    for &item in items {
        let name = ctx.str_no_context(
            item,
            "while evaluating the values of the second argument passed to builtins.removeAttrs",
        )?;
        // A name that nobody has used is the name of no attribute.
        names.extend(name.known_symbol());
    }
    let flat = set.flat(ctx.alloc());
    names.retain(|&name| flat.shape.find(name).is_some());
    if names.is_empty() {
        return Ok(set.word());
    }
    names.sort_unstable();
    let keys = flat.shape.keys();
    Ok(flat.filter(ctx.alloc(), |slot| {
        names.binary_search(&keys[slot]).is_err()
    }))
}

fn intersect_attrs<'h>(ctx: &mut Ctx<'h>, args: &[Val<'h>]) -> Res<'h> {
    let left = ctx.attrs(
        args[0],
        "while evaluating the first argument passed to builtins.intersectAttrs",
    )?;
    let right = ctx.attrs(
        args[1],
        "while evaluating the second argument passed to builtins.intersectAttrs",
    )?;
    if left.is_empty() || right.is_empty() {
        return Ok(ctx.new_empty_set());
    }
    // A few look-ups in a large layered set are cheaper than making it flat.
    let left = left.flat(ctx.alloc());
    let mut attrs = SetBuilder::with_capacity(left.len().min(64));
    if let Some(right) = right.as_flat()
        && right.len() <= left.len()
    {
        let keys = right.shape.keys();
        return Ok(right.filter(ctx.alloc(), |slot| left.shape.find(keys[slot]).is_some()));
    }
    for &name in left.shape.keys() {
        if let Some(value) = right.get(name) {
            attrs.push_at(name, value, right.position(name));
        }
    }
    Ok(ctx.new_set(attrs))
}

fn map_attrs<'h>(ctx: &mut Ctx<'h>, args: &[Val<'h>]) -> Res<'h> {
    let set = ctx.attrs(
        args[1],
        "while evaluating the second argument passed to builtins.mapAttrs",
    )?;
    let flat = set.flat(ctx.alloc());
    if flat.is_empty() {
        return Ok(ctx.new_empty_set());
    }
    let shape = flat.shape.bare(ctx.alloc());
    let mut values = ctx.lazy_apply_each(args[0], flat.word(), flat.len());
    Ok(Val::set_from(ctx.alloc(), shape, || {
        values.next().expect("one for each attribute")
    }))
}

//! Lists.

use firn_eval::{Ahead, Builtin, Calls, Ctx, Errand, ErrorKind, Fail, Res, SetBuilder, Val};

pub(crate) const BUILTINS: &[Builtin] = &[
    Builtin::new(
        "__length",
        &["e"],
        "The number of elements of the list *e*.",
        length,
    )
    .strict(1),
    Builtin::new(
        "__head",
        &["list"],
        "The first element of *list*, which must not be empty.",
        head,
    )
    .strict(1),
    Builtin::new(
        "__tail",
        &["list"],
        "*list* without its first element. Each call copies the list: walking a long list this \
         way takes quadratic time.",
        tail,
    )
    .strict(1),
    Builtin::new(
        "__elemAt",
        &["xs", "n"],
        "Element *n* of the list *xs*, counted from zero.",
        elem_at,
    )
    .strict(2),
    Builtin::new(
        "__elem",
        &["x", "xs"],
        "Whether some element of the list *xs* is equal to *x*.",
        elem,
    )
    .strict(2),
    Builtin::new(
        "map",
        &["f", "list"],
        "The list of the results of calling *f* on each element of *list*. No call happens before \
         its result is needed.",
        map,
    )
    .strict(2),
    Builtin::new(
        "__filter",
        &["f", "list"],
        "The elements of *list* for which *f* returns `true`.",
        filter,
    )
    .strict(2),
    Builtin::new(
        "__partition",
        &["pred", "list"],
        "A set of two lists: `right`, the elements of *list* for which *pred* returns `true`, and \
         `wrong`, the others.",
        partition,
    )
    .strict(3),
    Builtin::new(
        "__any",
        &["pred", "list"],
        "Whether *pred* returns `true` for some element of *list*.",
        any,
    )
    .strict(3),
    Builtin::new(
        "__all",
        &["pred", "list"],
        "Whether *pred* returns `true` for every element of *list*.",
        all,
    )
    .strict(3),
    Builtin::new(
        "__foldl'",
        &["op", "nul", "list"],
        "Combines the elements of *list* from the left with the function *op* of two arguments, \
         beginning with *nul*: `op (op (op nul x0) x1) x2`. Each result is evaluated before the \
         next call.",
        foldl_strict,
    )
    .strict(5),
    Builtin::new(
        "__concatLists",
        &["lists"],
        "The concatenation of a list of lists.",
        concat_lists,
    )
    .strict(1),
    Builtin::new(
        "__concatMap",
        &["f", "list"],
        "The concatenation of the lists that *f* returns for the elements of *list*.",
        concat_map,
    )
    .strict(3),
    Builtin::new(
        "__genList",
        &["generator", "length"],
        "A list of *length* elements, the one at index *i* being `generator i`.",
        gen_list,
    )
    .strict(2),
];

fn length<'h>(ctx: &mut Ctx<'h>, args: &[Val<'h>]) -> Res<'h> {
    let items = ctx.list(
        args[0],
        "while evaluating the first argument passed to builtins.length",
    )?;
    Ok(ctx.new_int(items.len() as i64))
}

fn head<'h>(ctx: &mut Ctx<'h>, args: &[Val<'h>]) -> Res<'h> {
    let items = ctx.list(
        args[0],
        "while evaluating the first argument passed to 'builtins.head'",
    )?;
    match items.first() {
        Some(&first) => Ok(first),
        None => Err(ctx.error(ErrorKind::Eval, "'builtins.head' called on an empty list")),
    }
}

fn tail<'h>(ctx: &mut Ctx<'h>, args: &[Val<'h>]) -> Res<'h> {
    let items = ctx.list(
        args[0],
        "while evaluating the first argument passed to 'builtins.tail'",
    )?;
    match items.split_first() {
        Some((_, rest)) => Ok(ctx.new_list(rest)),
        None => Err(ctx.error(ErrorKind::Eval, "'builtins.tail' called on an empty list")),
    }
}

fn elem_at<'h>(ctx: &mut Ctx<'h>, args: &[Val<'h>]) -> Res<'h> {
    let idx = ctx.int(
        args[1],
        "while evaluating the second argument passed to 'builtins.elemAt'",
    )?;
    let items = ctx.list(
        args[0],
        "while evaluating the first argument passed to 'builtins.elemAt'",
    )?;
    if let Some(&item) = usize::try_from(idx).ok().and_then(|idx| items.get(idx)) {
        return Ok(item);
    }
    let message = format!(
        "'builtins.elemAt' called with index {idx} on a list of size {}",
        items.len()
    );
    Err(ctx.error(ErrorKind::Eval, message))
}

fn elem<'h>(ctx: &mut Ctx<'h>, args: &[Val<'h>]) -> Res<'h> {
    let items = ctx.list(
        args[1],
        "while evaluating the second argument passed to builtins.elem",
    )?;
    for &item in items {
        if ctx.equal(args[0], item)? {
            return Ok(Val::bool(true));
        }
    }
    Ok(Val::bool(false))
}

fn map<'h>(ctx: &mut Ctx<'h>, args: &[Val<'h>]) -> Res<'h> {
    let items = ctx.list(
        args[1],
        "while evaluating the second argument passed to builtins.map",
    )?;
    if items.is_empty() {
        return Ok(args[1]);
    }
    let function = ctx.function(
        args[0],
        "while evaluating the first argument passed to builtins.map",
    )?;
    if let &[item] = items {
        let value = ctx.lazy_apply(function, &[item]);
        return Ok(ctx.new_list(&[value]));
    }
    let list = ctx.force(args[1])?;
    let mut values = ctx.lazy_apply_each(function, list, items.len());
    Ok(Val::list_from(ctx.alloc(), items.len(), |_| {
        values.next().expect("one for each element")
    }))
}

fn filter<'h>(ctx: &mut Ctx<'h>, args: &[Val<'h>]) -> Res<'h> {
    let items = ctx.list(
        args[1],
        "while evaluating the second argument passed to builtins.filter",
    )?;
    if items.is_empty() {
        return Ok(args[1]);
    }
    let function = ctx.function(
        args[0],
        "while evaluating the first argument passed to builtins.filter",
    )?;
    let mut kept = Vec::with_capacity(items.len());
    let mut calls = Calls::new(function, items);
    for (idx, &item) in items.iter().enumerate() {
        let verdict = calls.call(ctx, idx)?;
        let text = "while evaluating the return value of the filtering function passed to \
                    builtins.filter";
        if ctx.bool(verdict, text)? {
            kept.push(item);
        }
    }
    if kept.len() == items.len() {
        return Ok(args[1]);
    }
    Ok(ctx.new_list(&kept))
}

fn partition<'h>(ctx: &mut Ctx<'h>, args: &[Val<'h>]) -> Res<'h> {
    let function = ctx.function(
        args[0],
        "while evaluating the first argument passed to builtins.partition",
    )?;
    let items = ctx.list(
        args[1],
        "while evaluating the second argument passed to builtins.partition",
    )?;
    let mut right = Vec::new();
    let mut wrong = Vec::new();
    for &item in items {
        ctx.force(item)?;
        let verdict = ctx.call(function, &[item])?;
        let text = "while evaluating the return value of the partition function passed to \
                    builtins.partition";
        if ctx.bool(verdict, text)? {
            right.push(item);
        } else {
            wrong.push(item);
        }
    }
    let mut attrs = SetBuilder::with_capacity(2);
    attrs.push(ctx.names().right, ctx.new_list(&right));
    attrs.push(ctx.names().wrong, ctx.new_list(&wrong));
    Ok(ctx.new_set(attrs))
}

/// The trace texts of `any` or `all`.
struct Quantifier {
    function: &'static str,
    list: &'static str,
    verdict: &'static str,
    /// The verdict that ends the search.
    sought: bool,
}

fn quantify<'h>(ctx: &mut Ctx<'h>, args: &[Val<'h>], quantifier: &Quantifier) -> Res<'h> {
    let function = ctx.function(args[0], quantifier.function)?;
    let items = ctx.list(args[1], quantifier.list)?;
    for &item in items {
        let verdict = ctx.call(function, &[item])?;
        if ctx.bool(verdict, quantifier.verdict)? == quantifier.sought {
            return Ok(Val::bool(quantifier.sought));
        }
    }
    Ok(Val::bool(!quantifier.sought))
}

fn any<'h>(ctx: &mut Ctx<'h>, args: &[Val<'h>]) -> Res<'h> {
    const ANY: Quantifier = Quantifier {
        function: "while evaluating the first argument passed to builtins.any",
        list: "while evaluating the second argument passed to builtins.any",
        verdict: "while evaluating the return value of the function passed to builtins.any",
        sought: true,
    };
    quantify(ctx, args, &ANY)
}

fn all<'h>(ctx: &mut Ctx<'h>, args: &[Val<'h>]) -> Res<'h> {
    const ALL: Quantifier = Quantifier {
        function: "while evaluating the first argument passed to builtins.all",
        list: "while evaluating the second argument passed to builtins.all",
        verdict: "while evaluating the return value of the function passed to builtins.all",
        sought: false,
    };
    quantify(ctx, args, &ALL)
}

fn foldl_strict<'h>(ctx: &mut Ctx<'h>, args: &[Val<'h>]) -> Res<'h> {
    let function = ctx.function(
        args[0],
        "while evaluating the first argument passed to builtins.foldlStrict",
    )?;
    let items = ctx.list(
        args[2],
        "while evaluating the third argument passed to builtins.foldlStrict",
    )?;
    let mut result = args[1];
    for &item in items {
        result = ctx.call(function, &[result, item])?;
    }
    Ok(result)
}

fn concat_lists<'h>(ctx: &mut Ctx<'h>, args: &[Val<'h>]) -> Res<'h> {
    let lists = ctx.list(
        args[0],
        "while evaluating the first argument passed to builtins.concatLists",
    )?;
    let mut parts = Vec::with_capacity(lists.len());
    let mut ahead = Ahead::new(Errand::Value);
    for (idx, &list) in lists.iter().enumerate() {
        ahead.reach(ctx, idx, lists.len(), |from| lists[from..].into());
        parts.push(ctx.list(
            list,
            "while evaluating a value of the list passed to builtins.concatLists",
        )?);
    }
    Ok(concat(ctx, &parts))
}

fn concat_map<'h>(ctx: &mut Ctx<'h>, args: &[Val<'h>]) -> Res<'h> {
    let function = ctx.function(
        args[0],
        "while evaluating the first argument passed to builtins.concatMap",
    )?;
    let items = ctx.list(
        args[1],
        "while evaluating the second argument passed to builtins.concatMap",
    )?;
    let mut parts = Vec::with_capacity(items.len());
    let mut calls = Calls::new(function, items);
    for idx in 0..items.len() {
        let list = calls.call(ctx, idx)?;
        match list.as_list() {
            Some(part) => {
                ctx.keep(list)?;
                parts.push(part);
            }
            None => return Err(no_list(ctx, function, list)),
        }
    }
    Ok(concat(ctx, &parts))
}

/// The complaint about what a function passed to `concatMap` returned; it names the function.
#[cold]
fn no_list<'h>(ctx: &mut Ctx<'h>, function: Val<'h>, found: Val<'h>) -> Fail {
    let place = ctx.lambda_view(function).and_then(|view| view.place);
    let fail = ctx.expected("a list", found, None);
    let text = "while evaluating the return value of the function passed to builtins.concatMap";
    ctx.trace(fail, place, text)
}

fn concat<'h>(ctx: &mut Ctx<'h>, parts: &[&[Val<'h>]]) -> Val<'h> {
    if parts.iter().all(|part| part.is_empty()) {
        return ctx.new_list(&[]);
    }
    Val::list_concat(ctx.alloc(), parts)
}

fn gen_list<'h>(ctx: &mut Ctx<'h>, args: &[Val<'h>]) -> Res<'h> {
    let n = ctx.int(
        args[1],
        "while evaluating the second argument passed to builtins.genList",
    )?;
    let n = usize::try_from(n).map_err(|_| impossible_size(ctx, n))?;
    let function = ctx.function(
        args[0],
        "while evaluating the first argument passed to builtins.genList",
    )?;
    if n == 0 {
        return Ok(ctx.new_list(&[]));
    }
    // Larger lists cannot be had; to say so beats dying of it.
    if n >= 1 << 32 {
        return Err(impossible_size(ctx, n as i64));
    }
    let mut values = ctx.lazy_apply_each(function, Val::null(), n);
    Ok(Val::list_from(ctx.alloc(), n, |_| {
        values.next().expect("one for each number")
    }))
}

#[cold]
fn impossible_size(ctx: &mut Ctx<'_>, n: i64) -> Fail {
    ctx.error(ErrorKind::Eval, format!("cannot create list of size {n}"))
}

//! `sort`.
//!
//! The comparison is mostly one of two: the builtin `lessThan`, or a function of the program. For
//! the first and elements that are all integers or all strings, comparing can neither fail nor be
//! observed, and the sort needs no evaluator.

use firn_eval::{Builtin, Ctx, Fail, Function, Kind, Res, Str, Val};

use crate::merge_sort;

pub(crate) const BUILTINS: &[Builtin] = &[Builtin::new(
    "__sort",
    &["comparator", "list"],
    "*list* in the order that *comparator* gives: a function of two arguments that returns `true` \
     if the first belongs before the second. Elements of which neither belongs before the other \
     keep their order.",
    sort,
)
.strict(2)];

fn sort<'h>(ctx: &mut Ctx<'h>, args: &[Val<'h>]) -> Res<'h> {
    let items = ctx.list(
        args[1],
        "while evaluating the second argument passed to builtins.sort",
    )?;
    if items.is_empty() {
        return Ok(args[1]);
    }
    let function = ctx.function(
        args[0],
        "while evaluating the first argument passed to builtins.sort",
    )?;
    let mut sorted = Vec::with_capacity(items.len());
    for &item in items {
        sorted.push(ctx.force(item)?);
    }
    if is_less_than(ctx, function) {
        if !sort_plain(&mut sorted) {
            let mut buffer = sorted.clone();
            merge_sort::sort(&mut sorted, &mut buffer, |left, right| {
                ctx.less_than(left, right).map_err(|fail| {
                    let text = "while evaluating the ordering function passed to builtins.sort";
                    ctx.trace(fail, None, text)
                })
            })?;
        }
        return Ok(ctx.new_list(&sorted));
    }
    let mut buffer = sorted.clone();
    merge_sort::sort(
        &mut sorted,
        &mut buffer,
        |left, right| -> Result<bool, Fail> {
            let verdict = ctx.call(function, &[left, right])?;
            let text =
                "while evaluating the return value of the sorting function passed to builtins.sort";
            ctx.bool(verdict, text)
        },
    )?;
    Ok(ctx.new_list(&sorted))
}

/// Whether a function is the builtin `lessThan`.
fn is_less_than<'h>(ctx: &Ctx<'h>, function: Val<'h>) -> bool {
    match function.as_function() {
        Some(Function::Builtin(number)) => ctx.builtin_info(number).name == "__lessThan",
        _ => false,
    }
}

/// Sorts integers or strings; `false` for anything else.
fn sort_plain(items: &mut [Val<'_>]) -> bool {
    if items.iter().all(|item| item.kind() == Kind::Int) {
        items.sort_by_key(|item| item.as_int());
        return true;
    }
    if items.iter().all(|item| item.kind() == Kind::String) {
        // Most strings differ in their first eight bytes.
        let mut keyed: Vec<(u64, Val<'_>)> = items
            .iter()
            .map(|item| (leading_bytes(bytes(*item)), *item))
            .collect();
        keyed.sort_by(|left, right| {
            left.0
                .cmp(&right.0)
                .then_with(|| bytes(left.1).cmp(bytes(right.1)))
        });
        for (item, (_, sorted)) in items.iter_mut().zip(keyed) {
            *item = sorted;
        }
        return true;
    }
    false
}

fn bytes(item: Val<'_>) -> &[u8] {
    item.as_str().map_or(b"", Str::bytes)
}

/// The first eight bytes as a number that orders as they do.
fn leading_bytes(bytes: &[u8]) -> u64 {
    let mut leading = [0; 8];
    let n = bytes.len().min(8);
    leading[..n].copy_from_slice(&bytes[..n]);
    u64::from_be_bytes(leading)
}

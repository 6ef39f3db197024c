//! `genericClosure`.

use std::collections::HashSet;
use std::collections::VecDeque;

use firn_eval::{Builtin, Ctx, Fail, Kind, Res, Symbol, Val};

pub(crate) const BUILTINS: &[Builtin] = &[Builtin::new(
    "__genericClosure",
    &["attrset"],
    "All that can be reached: beginning with the sets of the list `startSet`, the function \
     `operator` is called on each and returns a list of further sets. Of sets with equal `key`s \
     only the first counts. The result is a list in the order of discovery.",
    generic_closure,
)
.strict(1)];

/// The keys seen so far. Keys have to be comparable with each other; the two usual kinds are
/// hashed, anything else is kept in order.
enum Keys<'h> {
    Nothing,
    Strings(HashSet<&'h [u8]>),
    Ints(HashSet<i64>),
    Sorted(Vec<Val<'h>>),
}

impl<'h> Keys<'h> {
    /// Adds a key; `false` if it was there.
    fn insert(&mut self, ctx: &mut Ctx<'h>, key: Val<'h>) -> Result<bool, Fail> {
        if let Keys::Nothing = self {
            *self = match key.kind() {
                Kind::String => Keys::Strings(HashSet::new()),
                Kind::Int => Keys::Ints(HashSet::new()),
                _ => Keys::Sorted(Vec::new()),
            };
        }
        match (&mut *self, key.as_str(), key.as_int()) {
            (Keys::Strings(seen), Some(key), _) => return Ok(seen.insert(key.bytes())),
            (Keys::Ints(seen), _, Some(key)) => return Ok(seen.insert(key)),
            _ => {}
        }
        self.sort(ctx)?;
        let Keys::Sorted(seen) = self else {
            return Ok(true);
        };
        let (mut low, mut high) = (0, seen.len());
        while low < high {
            let middle = usize::midpoint(low, high);
            if ctx.less_than(key, seen[middle])? {
                high = middle;
            } else if ctx.less_than(seen[middle], key)? {
                low = middle + 1;
            } else {
                return Ok(false);
            }
        }
        seen.insert(low, key);
        Ok(true)
    }

    /// Gives up hashing: a key of another kind has come.
    fn sort(&mut self, ctx: &mut Ctx<'h>) -> Result<(), Fail> {
        let sorted: Vec<Val<'h>> = match self {
            Keys::Strings(seen) => {
                let mut keys: Vec<_> = seen.drain().collect();
                keys.sort_unstable();
                keys.into_iter().map(|key| ctx.new_str(key)).collect()
            }
            Keys::Ints(seen) => {
                let mut keys: Vec<_> = seen.drain().collect();
                keys.sort_unstable();
                keys.into_iter().map(|key| ctx.new_int(key)).collect()
            }
            Keys::Nothing | Keys::Sorted(_) => return Ok(()),
        };
        for &key in &sorted {
            ctx.keep(key)?;
        }
        *self = Keys::Sorted(sorted);
        Ok(())
    }
}

fn generic_closure<'h>(ctx: &mut Ctx<'h>, args: &[Val<'h>]) -> Res<'h> {
    let set = ctx.attrs(
        args[0],
        "while evaluating the first argument passed to builtins.genericClosure",
    )?;
    let text = "in the attrset passed as argument to builtins.genericClosure";
    let start = ctx.attr(set, Symbol::intern(b"startSet"), text)?;
    let items = ctx.list(
        start,
        "while evaluating the 'startSet' attribute passed as argument to builtins.genericClosure",
    )?;
    if items.is_empty() {
        return Ok(start);
    }
    let operator = ctx.attr(set, Symbol::intern(b"operator"), text)?;
    let operator = ctx.function(
        operator,
        "while evaluating the 'operator' attribute passed as argument to builtins.genericClosure",
    )?;
    let key_name = Symbol::intern(b"key");
    let mut pending: VecDeque<Val<'h>> = items.iter().copied().collect();
    let mut found: Vec<(Val<'h>, Val<'h>)> = Vec::new();
    let mut keys = Keys::Nothing;
    while let Some(element) = pending.pop_front() {
        let key = ctx
            .attrs(element, "")
            .and_then(|set| ctx.attr(set, key_name, ""));
        let key = match key {
            Ok(key) => ctx.force(key)?,
            Err(fail) => {
                return Err(about_element(
                    ctx,
                    fail,
                    "in genericClosure element",
                    element,
                ));
            }
        };
        match keys.insert(ctx, key) {
            Ok(true) => {}
            Ok(false) => continue,
            Err(fail) => return Err(about_comparison(ctx, fail, element, key, &found)),
        }
        found.push((element, key));
        if let Err(fail) = expand(ctx, operator, element, &mut pending) {
            let text = "while calling operator on genericClosure element";
            return Err(about_element(ctx, fail, text, element));
        }
    }
    Ok(Val::list_from(ctx.alloc(), found.len(), |idx| found[idx].0))
}

/// Calls the operator and queues what it gives.
fn expand<'h>(
    ctx: &mut Ctx<'h>,
    operator: Val<'h>,
    element: Val<'h>,
    pending: &mut VecDeque<Val<'h>>,
) -> Result<(), Fail> {
    let list = ctx.call(operator, &[element])?;
    let new = ctx.list(
        list,
        "while evaluating the return value of the `operator` passed to builtins.genericClosure",
    )?;
    for &element in new {
        ctx.force(element)?;
        ctx.keep(element)?;
        pending.push_back(element);
    }
    Ok(())
}

#[cold]
fn about_element<'h>(ctx: &mut Ctx<'h>, fail: Fail, text: &str, element: Val<'h>) -> Fail {
    let error = ctx.take_error(fail);
    let shown = ctx.short_text(element);
    let fail = ctx.rethrow(error);
    ctx.trace(fail, None, format!("{text} {shown}"))
}

/// Says which two elements could not be compared.
#[cold]
fn about_comparison<'h>(
    ctx: &mut Ctx<'h>,
    fail: Fail,
    element: Val<'h>,
    key: Val<'h>,
    found: &[(Val<'h>, Val<'h>)],
) -> Fail {
    let error = ctx.take_error(fail);
    let other = found
        .iter()
        .find(|(_, other)| ctx.catch(|ctx| ctx.less_than(key, *other)).is_err());
    let fail = ctx.rethrow(error);
    match other {
        Some(&(other, _)) => {
            let fail = about_element(ctx, fail, "with element", other);
            about_element(ctx, fail, "while comparing element", element)
        }
        None => about_element(ctx, fail, "while checking key of element", element),
    }
}

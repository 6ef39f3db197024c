//! Sets out of lists, and lists out of lists of sets.

use firn_eval::{
    Builtin, Code, Ctx, Duplicates, Fail, FastMap, InlineCache, Place, Res, Set, SetBuilder, Str,
    Symbol, Val,
};
use firn_source::FileId;

pub(crate) const BUILTINS: &[Builtin] = &[
    Builtin::new(
        "__listToAttrs",
        &["e"],
        "The set that the list *e* of sets `{ name = …; value = …; }` describes. Of two with the \
         same name the first counts.",
        list_to_attrs,
    )
    .strict(1),
    Builtin::new(
        "__catAttrs",
        &["attr", "list"],
        "The attribute named *attr* of each set in *list* that has it.",
        cat_attrs,
    )
    .strict(3),
    Builtin::new(
        "__groupBy",
        &["f", "list"],
        "The elements of *list* as a set of lists: each element is in the list named by the \
         string that *f* returns for it.",
        group_by,
    )
    .strict(3),
    Builtin::new(
        "__zipAttrsWith",
        &["f", "list"],
        "The union of the sets in *list*: each name has the result of calling *f* on the name and \
         on the list of its values, in order.",
        zip_attrs_with,
    )
    .strict(3),
];

fn list_to_attrs<'h>(ctx: &mut Ctx<'h>, args: &[Val<'h>]) -> Res<'h> {
    let items = ctx.list(
        args[0],
        "while evaluating the argument passed to builtins.listToAttrs",
    )?;
    let (name_key, value_key) = (ctx.names().name, ctx.names().value);
    let (name_cache, value_cache) = (InlineCache::default(), InlineCache::default());
    let mut attrs = SetBuilder::with_capacity(items.len());
    let mut incomplete = Vec::new();
    for &item in items {
        let set = ctx.attrs(
            item,
            "while evaluating an element of the list passed to builtins.listToAttrs",
        )?;
        let name = match set.get_cached(name_key, &name_cache, ctx.alloc()) {
            Some(name) => name,
            None => ctx.attr(set, name_key, "in a {name=...; value=...;} pair")?,
        };
        let name = match name.resolved().and_then(Val::as_str) {
            Some(name) if name.context().is_empty() => name,
            _ => pair_name(ctx, set, name)?,
        };
        let symbol = name.symbol();
        let value = set.get_cached(value_key, &value_cache, ctx.alloc());
        if value.is_none() {
            incomplete.push((attrs.len(), symbol, set));
        }
        let value = value.unwrap_or_else(Val::null);
        attrs.push_at(symbol, value, set.position(value_key));
    }
    // A pair without value is an error unless an earlier one has its name.
    for (idx, symbol, set) in incomplete {
        if !attrs.names().take(idx).any(|earlier| earlier == symbol) {
            ctx.attr(set, value_key, "in a {name=...; value=...;} pair")?;
        }
    }
    if attrs.is_empty() {
        return Ok(ctx.new_empty_set());
    }
    Ok(attrs.finish(ctx.alloc(), Duplicates::KeepFirst))
}

/// The name of a pair, where it still has to be evaluated or is no plain string.
fn pair_name<'h>(
    ctx: &mut Ctx<'h>,
    set: Set<'h, Code<'h>>,
    name: Val<'h>,
) -> Result<Str<'h>, Fail> {
    let position = set.position(ctx.names().name);
    let place = position.get().map(|(file, offset)| Place {
        file: FileId(file),
        offset,
    });
    ctx.str_no_context_at(
        name,
        place,
        "while evaluating the `name` attribute of an element of the list passed to \
         builtins.listToAttrs",
    )
}

fn cat_attrs<'h>(ctx: &mut Ctx<'h>, args: &[Val<'h>]) -> Res<'h> {
    let name = ctx.str_no_context(
        args[0],
        "while evaluating the first argument passed to builtins.catAttrs",
    )?;
    let items = ctx.list(
        args[1],
        "while evaluating the second argument passed to builtins.catAttrs",
    )?;
    let name = name.symbol();
    let cache = InlineCache::default();
    let mut found = Vec::with_capacity(items.len());
    for &item in items {
        let set = ctx.attrs(
            item,
            "while evaluating an element in the list passed as second argument to \
             builtins.catAttrs",
        )?;
        found.extend(set.get_cached(name, &cache, ctx.alloc()));
    }
    Ok(ctx.new_list(&found))
}

/// Lists of values by name, in the order of first appearance.
#[derive(Default)]
struct Groups<'h> {
    by_name: FastMap<Symbol, u32>,
    /// Each name and how many members it has.
    names: Vec<(Symbol, u32)>,
    /// The group of each member, and the member.
    members: Vec<(u32, Val<'h>)>,
}

impl<'h> Groups<'h> {
    fn add(&mut self, name: Symbol, member: Val<'h>) {
        let group = *self.by_name.entry(name).or_insert_with(|| {
            self.names.push((name, 0));
            self.names.len() as u32 - 1
        });
        self.names[group as usize].1 += 1;
        self.members.push((group, member));
    }

    /// The names and the members of each, in order.
    fn lists(&self) -> (Vec<Val<'h>>, Vec<(Symbol, std::ops::Range<usize>)>) {
        let mut starts = Vec::with_capacity(self.names.len());
        let mut n = 0;
        for &(_, n_members) in &self.names {
            starts.push(n);
            n += n_members as usize;
        }
        let mut sorted = vec![Val::null(); n];
        let mut next = starts.clone();
        for &(group, member) in &self.members {
            sorted[next[group as usize]] = member;
            next[group as usize] += 1;
        }
        let ranges = self
            .names
            .iter()
            .zip(&starts)
            .map(|(&(name, n_members), &start)| (name, start..start + n_members as usize))
            .collect();
        (sorted, ranges)
    }
}

fn group_by<'h>(ctx: &mut Ctx<'h>, args: &[Val<'h>]) -> Res<'h> {
    let function = ctx.function(
        args[0],
        "while evaluating the first argument passed to builtins.groupBy",
    )?;
    let items = ctx.list(
        args[1],
        "while evaluating the second argument passed to builtins.groupBy",
    )?;
    let mut groups = Groups::default();
    for &item in items {
        let name = ctx.call(function, &[item])?;
        let name = ctx.str_no_context(
            name,
            "while evaluating the return value of the grouping function passed to \
             builtins.groupBy",
        )?;
        groups.add(name.symbol(), item);
    }
    let (members, ranges) = groups.lists();
    let mut attrs = SetBuilder::with_capacity(ranges.len());
    for (name, range) in ranges {
        attrs.push(name, ctx.new_list(&members[range]));
    }
    Ok(ctx.new_set(attrs))
}

fn zip_attrs_with<'h>(ctx: &mut Ctx<'h>, args: &[Val<'h>]) -> Res<'h> {
    let function = ctx.function(
        args[0],
        "while evaluating the first argument passed to builtins.zipAttrsWith",
    )?;
    let items = ctx.list(
        args[1],
        "while evaluating the second argument passed to builtins.zipAttrsWith",
    )?;
    let mut sets = Vec::with_capacity(items.len());
    for &item in items {
        sets.push(ctx.attrs(
            item,
            "while evaluating a value of the list passed as second argument to \
             builtins.zipAttrsWith",
        )?);
    }
    let mut groups = Groups::default();
    for set in sets {
        for (name, value) in set.flat(ctx.alloc()).iter() {
            groups.add(name, value);
        }
    }
    let (members, ranges) = groups.lists();
    let mut attrs = SetBuilder::with_capacity(ranges.len());
    for (name, range) in ranges {
        let values = ctx.new_list(&members[range]);
        let shown = ctx.symbol_str(name);
        attrs.push(name, ctx.lazy_apply(function, &[shown, values]));
    }
    Ok(ctx.new_set(attrs))
}

//! Derivations in a value: the value itself, the members of a list, the attributes of a set, and of
//! those sets in it that ask to be looked into.
//!
//! The rules are those of the reference: attributes in the order of their names and only those that
//! could be typed as identifiers; the same set is taken once; sets below the first are entered if
//! they say `recurseForDerivations`. A set with `_combineChannels`, which is how a directory of
//! expressions is presented, has all its members searched as if each were the first.

use std::collections::HashSet;

use firn_eval::{Code, Ctx, ErrorKind, Fail, Set, Symbol, Val};

use crate::element::Element;

/// A derivation that was found.
#[derive(Clone)]
pub struct Found<'h> {
    /// Where, from the value that was searched.
    pub attr_path: String,
    /// Its name.
    pub name: String,
    /// Its set.
    pub set: Val<'h>,
}

/// Finds derivations. With `pass_over_failures`, what ends with `throw` or a failed `assert` is
/// none.
pub fn derivations_in<'h>(
    ctx: &mut Ctx<'h>,
    value: Val<'h>,
    prefix: &str,
    args: Set<'h, Code<'h>>,
    pass_over_failures: bool,
) -> Result<Vec<Found<'h>>, Fail> {
    let mut search = Search {
        ctx,
        args,
        pass_over_failures,
        seen: HashSet::new(),
        found: Vec::new(),
    };
    search.look_into(value, prefix)?;
    Ok(search.found)
}

/// Finds packages in what someone may want to install: failures are passed over.
pub fn elements_in<'h>(
    ctx: &mut Ctx<'h>,
    value: Val<'h>,
    prefix: &str,
    args: Set<'h, Code<'h>>,
) -> Result<Vec<Element<'h>>, Fail> {
    let found = derivations_in(ctx, value, prefix, args, true)?;
    Ok(found.into_iter().map(Found::into_element).collect())
}

impl<'h> Found<'h> {
    /// It as a package.
    pub fn into_element(self) -> Element<'h> {
        Element::of_set(self.attr_path, self.name, self.set)
    }
}

struct Search<'a, 'h> {
    ctx: &'a mut Ctx<'h>,
    args: Set<'h, Code<'h>>,
    pass_over_failures: bool,
    seen: HashSet<u64>,
    found: Vec<Found<'h>>,
}

impl<'h> Search<'_, 'h> {
    fn look_into(&mut self, value: Val<'h>, prefix: &str) -> Result<(), Fail> {
        // A set may contain itself.
        self.ctx.descend()?;
        let looked = self.look_at_members(value, prefix);
        self.ctx.ascend();
        looked
    }

    fn look_at_members(&mut self, value: Val<'h>, prefix: &str) -> Result<(), Fail> {
        let value = self.ctx.auto_call(value, self.args)?;
        if !self.may_contain(value, prefix)? {
            return Ok(());
        }
        if let Some(set) = value.as_set() {
            let combines = set.get(Symbol::intern(b"_combineChannels")).is_some();
            for (name, member) in self.ctx.attrs_by_name(set) {
                if !is_plain_name(name.as_bytes()) {
                    continue;
                }
                let name = String::from_utf8_lossy(name.as_bytes());
                let path = extend(prefix, &name);
                let looked = self.look_at_member(member, &path, combines);
                if let Err(fail) = looked {
                    let doing = format!("while evaluating the attribute '{name}'");
                    return Err(self.ctx.trace(fail, None, doing));
                }
            }
            return Ok(());
        }
        if let Some(items) = value.as_list() {
            for (number, &item) in items.iter().enumerate() {
                let path = extend(prefix, &number.to_string());
                if self.may_contain(item, &path)? {
                    self.look_into(item, &path)?;
                }
            }
            return Ok(());
        }
        Err(self.ctx.error(
            ErrorKind::Type,
            "expression does not evaluate to a derivation (or a set or list of those)",
        ))
    }

    fn look_at_member(&mut self, member: Val<'h>, path: &str, combines: bool) -> Result<(), Fail> {
        if combines {
            return self.look_into(member, path);
        }
        if !self.may_contain(member, path)? {
            return Ok(());
        }
        let member = self.ctx.force(member)?;
        if self.wants_recursion(member)? {
            self.look_into(member, path)?;
        }
        Ok(())
    }

    /// Takes a value if it is a derivation; tells whether it may contain others instead.
    fn may_contain(&mut self, value: Val<'h>, path: &str) -> Result<bool, Fail> {
        match self.take(value, path) {
            Ok(taken) => Ok(!taken),
            Err(fail) if self.pass_over_failures => {
                let error = self.ctx.take_error(fail);
                if error.kind.is_catchable() {
                    Ok(false)
                } else {
                    Err(self.ctx.rethrow(error))
                }
            }
            Err(fail) => Err(fail),
        }
    }

    /// Takes a value if it is a derivation; tells whether it is.
    fn take(&mut self, value: Val<'h>, path: &str) -> Result<bool, Fail> {
        let value = self.ctx.force(value)?;
        if !self.ctx.is_derivation(value)? {
            return Ok(false);
        }
        if self.seen.insert(value.identity()) {
            let name = name_of(self.ctx, value)?;
            self.ctx.pin(value);
            self.found.push(Found {
                attr_path: path.to_owned(),
                name,
                set: value,
            });
        }
        Ok(true)
    }

    fn wants_recursion(&mut self, value: Val<'h>) -> Result<bool, Fail> {
        let name = Symbol::intern(b"recurseForDerivations");
        let Some(flag) = value.as_set().and_then(|set| set.get(name)) else {
            return Ok(false);
        };
        self.ctx.bool(
            flag,
            "while evaluating the attribute `recurseForDerivations`",
        )
    }
}

/// The name of a derivation, which it must have.
fn name_of<'h>(ctx: &mut Ctx<'h>, value: Val<'h>) -> Result<String, Fail> {
    let name = value
        .as_set()
        .and_then(|set| set.get(Symbol::intern(b"name")));
    let Some(name) = name else {
        return Err(ctx.error(ErrorKind::Type, "derivation name missing"));
    };
    let doing = "while evaluating the 'name' attribute of a derivation";
    let name = ctx.str_no_context(name, doing)?;
    Ok(String::from_utf8_lossy(name.bytes()).into_owned())
}

fn extend(prefix: &str, name: &str) -> String {
    if prefix.is_empty() {
        return name.to_owned();
    }
    format!("{prefix}.{name}")
}

/// Names that can be part of an attribute path without quotes.
fn is_plain_name(name: &[u8]) -> bool {
    let Some((first, rest)) = name.split_first() else {
        return false;
    };
    (first.is_ascii_alphabetic() || *first == b'_')
        && rest
            .iter()
            .all(|it| it.is_ascii_alphanumeric() || b"-_+".contains(it))
}

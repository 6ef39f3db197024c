//! `match` and `split`.
//!
//! Each thread keeps the patterns it has compiled and the memory that matching needs.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use firn_eval::{Builtin, Ctx, ErrorKind, Fail, Res, Val};

use crate::regex::{Match, Regex, RegexError, Scratch};

pub(crate) const BUILTINS: &[Builtin] = &[
    Builtin::new(
        "__match",
        &["regex", "str"],
        "What the groups of the extended POSIX regular expression *regex* match if it matches all \
         of the string *str*, as a list with `null` for groups that take no part; `null` if it \
         does not match.",
        match_,
    )
    .strict(1),
    Builtin::new(
        "__split",
        &["regex", "str"],
        "The string *str* cut at each match of the extended POSIX regular expression *regex*: a \
         list of the strings between the matches, and between these, for each match, the list of \
         what its groups match.",
        split,
    )
    .strict(1),
];

#[derive(Default)]
struct Workshop {
    compiled: HashMap<Box<[u8]>, Rc<Regex>>,
    scratch: Scratch,
}

/// More patterns than any program writes down; those that a program makes up must not pile up.
const MAX_COMPILED: usize = 4096;

thread_local! {
    static WORKSHOP: RefCell<Workshop> = RefCell::default();
}

impl Workshop {
    fn regex(&mut self, pattern: &[u8]) -> Result<Rc<Regex>, RegexError> {
        if let Some(known) = self.compiled.get(pattern) {
            return Ok(Rc::clone(known));
        }
        let regex = Rc::new(Regex::new(pattern)?);
        if self.compiled.len() >= MAX_COMPILED {
            self.compiled.clear();
        }
        self.compiled.insert(pattern.into(), Rc::clone(&regex));
        Ok(regex)
    }
}

fn compile(ctx: &mut Ctx<'_>, pattern: &[u8]) -> Result<Rc<Regex>, Fail> {
    let compiled = WORKSHOP.with_borrow_mut(|workshop| workshop.regex(pattern));
    compiled.map_err(|error| {
        let shown = String::from_utf8_lossy(pattern);
        let message = match error {
            RegexError::Invalid => format!("invalid regular expression '{shown}'"),
            RegexError::TooLarge => {
                format!("memory limit exceeded by regular expression '{shown}'")
            }
        };
        ctx.error(ErrorKind::Eval, message)
    })
}

fn groups<'h>(ctx: &Ctx<'h>, found: Match<'_, '_>, n_groups: usize) -> Val<'h> {
    if n_groups == 0 {
        return ctx.new_list(&[]);
    }
    Val::list_from(ctx.alloc(), n_groups, |group| match found.group(group) {
        Some(text) => ctx.new_str(text),
        None => Val::null(),
    })
}

fn match_<'h>(ctx: &mut Ctx<'h>, args: &[Val<'h>]) -> Res<'h> {
    let pattern = ctx.str_no_context(
        args[0],
        "while evaluating the first argument passed to builtins.match",
    )?;
    let regex = compile(ctx, pattern.bytes())?;
    let text = ctx.str(
        args[1],
        "while evaluating the second argument passed to builtins.match",
    )?;
    Ok(WORKSHOP.with_borrow_mut(|workshop| {
        let found = regex.match_whole(text.bytes(), &mut workshop.scratch);
        found.map_or_else(Val::null, |found| groups(ctx, found, regex.n_groups()))
    }))
}

fn split<'h>(ctx: &mut Ctx<'h>, args: &[Val<'h>]) -> Res<'h> {
    let pattern = ctx.str_no_context(
        args[0],
        "while evaluating the first argument passed to builtins.split",
    )?;
    let regex = compile(ctx, pattern.bytes())?;
    let text = ctx.str(
        args[1],
        "while evaluating the second argument passed to builtins.split",
    )?;
    let bytes = text.bytes();
    let parts = WORKSHOP.with_borrow_mut(|workshop| {
        let mut parts = Vec::new();
        let mut from = 0;
        let mut matches = regex.matches(bytes, &mut workshop.scratch);
        while let Some(found) = matches.next() {
            parts.push(ctx.new_str(&bytes[from..found.start()]));
            parts.push(groups(ctx, found, regex.n_groups()));
            from = found.end();
        }
        if !parts.is_empty() {
            parts.push(ctx.new_str(&bytes[from..]));
        }
        parts
    });
    if parts.is_empty() {
        // Untouched, and so with its context.
        return Ok(ctx.new_list(&[args[1]]));
    }
    Ok(ctx.new_list(&parts))
}

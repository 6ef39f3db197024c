//! Strings as bytes: parts, joins and replacements. Patterns are in `patterns`.

use firn_eval::{Builtin, Coercion, ContextId, Ctx, ErrorKind, Kind, Res, Val};

pub(crate) const BUILTINS: &[Builtin] = &[
    Builtin::new(
        "toString",
        &["e"],
        "*e* as a string. A path gives its text without being copied to the store; a set gives \
         what its `__toString` returns or what its `outPath` is; numbers give decimal digits, \
         `true` gives `\"1\"`, `false` and `null` the empty string, and a list its elements \
         with blanks between them.",
        to_string,
    )
    .strict(1),
    Builtin::new(
        "__stringLength",
        &["e"],
        "The number of bytes of the string *e*.",
        string_length,
    )
    .strict(1),
    Builtin::new(
        "__substring",
        &["start", "len", "s"],
        "The part of the string *s* from byte *start*, counted from zero, *len* bytes long, or \
         shorter if *s* ends before. A negative *len* means the rest of *s*.",
        substring,
    )
    .strict(1),
    Builtin::new(
        "__concatStringsSep",
        &["separator", "list"],
        "The strings of *list*, joined with *separator* between them.",
        concat_strings_sep,
    )
    .strict(3),
    Builtin::new(
        "__replaceStrings",
        &["from", "to", "s"],
        "*s* with each occurrence of a string of the list *from* replaced by the string at the \
         same place of the list *to*. Where several would fit, the first counts. What was put in \
         is not looked at again.",
        replace_strings,
    )
    .strict(3),
    Builtin::new(
        "baseNameOf",
        &["x"],
        "What follows the last slash of the string or path *x*; one slash at the very end does \
         not count.",
        base_name_of,
    )
    .strict(1),
    Builtin::new(
        "dirOf",
        &["s"],
        "What comes before the last slash of *s*: a path for a path, a string for a string.",
        dir_of,
    )
    .strict(1),
];

/// As for interpolation: paths are copied to the store.
pub(crate) const INTERPOLATION: Coercion = Coercion {
    more: false,
    copy_to_store: true,
};

/// Strings and paths, and sets that stand for one, as they are.
pub(crate) const PLAIN: Coercion = Coercion {
    more: false,
    copy_to_store: false,
};

fn to_string<'h>(ctx: &mut Ctx<'h>, args: &[Val<'h>]) -> Res<'h> {
    let coercion = Coercion {
        more: true,
        copy_to_store: false,
    };
    ctx.coerce_value(
        args[0],
        coercion,
        "while evaluating the first argument passed to builtins.toString",
    )
}

fn string_length<'h>(ctx: &mut Ctx<'h>, args: &[Val<'h>]) -> Res<'h> {
    let value = ctx.coerce_value(
        args[0],
        INTERPOLATION,
        "while evaluating the argument passed to builtins.stringLength",
    )?;
    let n = value.as_str().map_or(0, |text| text.bytes().len());
    Ok(ctx.new_int(n as i64))
}

fn substring<'h>(ctx: &mut Ctx<'h>, args: &[Val<'h>]) -> Res<'h> {
    let start = ctx.int(
        args[0],
        "while evaluating the first argument (the start offset) passed to builtins.substring",
    )?;
    let Ok(start) = usize::try_from(start) else {
        return Err(ctx.error(ErrorKind::Eval, "negative start position in 'substring'"));
    };
    let len = ctx.int(
        args[1],
        "while evaluating the second argument (the substring length) passed to builtins.substring",
    )?;
    if len == 0 {
        // Used to get hold of the context alone; what is no string is coerced below.
        let value = ctx.force(args[2])?;
        if let Some(text) = value.as_str() {
            return Ok(ctx.new_str_with(b"", text.context()));
        }
    }
    let value = ctx.coerce_value(
        args[2],
        INTERPOLATION,
        "while evaluating the third argument (the string) passed to builtins.substring",
    )?;
    let Some(text) = value.as_str() else {
        return Ok(value);
    };
    let bytes = text.bytes();
    let start = start.min(bytes.len());
    let end = match usize::try_from(len) {
        Ok(len) => start.saturating_add(len).min(bytes.len()),
        Err(_) => bytes.len(),
    };
    if (start, end) == (0, bytes.len()) {
        return Ok(value);
    }
    Ok(ctx.new_str_with(&bytes[start..end], text.context()))
}

fn concat_strings_sep<'h>(ctx: &mut Ctx<'h>, args: &[Val<'h>]) -> Res<'h> {
    let separator = ctx.str(
        args[0],
        "while evaluating the first argument (the separator string) passed to \
         builtins.concatStringsSep",
    )?;
    let items = ctx.list(
        args[1],
        "while evaluating the second argument (the list of strings to concat) passed to \
         builtins.concatStringsSep",
    )?;
    let mut context = separator.context();
    let mut joined = Vec::with_capacity(items.len() * (separator.bytes().len() + 16));
    for (idx, &item) in items.iter().enumerate() {
        if idx > 0 {
            joined.extend_from_slice(separator.bytes());
        }
        if let Some(text) = item.resolved().and_then(Val::as_str) {
            joined.extend_from_slice(text.bytes());
            if !text.context().is_empty() {
                context = ctx.heap().contexts().union(context, text.context());
            }
            continue;
        }
        ctx.coerce_into(
            item,
            INTERPOLATION,
            None,
            "while evaluating one element of the list of strings to concat passed to \
             builtins.concatStringsSep",
            &mut joined,
            &mut context,
        )?;
    }
    Ok(ctx.new_str_with(&joined, context))
}

fn replace_strings<'h>(ctx: &mut Ctx<'h>, args: &[Val<'h>]) -> Res<'h> {
    let from = ctx.list(
        args[0],
        "while evaluating the first argument passed to builtins.replaceStrings",
    )?;
    let to = ctx.list(
        args[1],
        "while evaluating the second argument passed to builtins.replaceStrings",
    )?;
    if from.len() != to.len() {
        return Err(ctx.error(
            ErrorKind::Eval,
            "'from' and 'to' arguments passed to builtins.replaceStrings have different lengths",
        ));
    }
    let mut patterns: Vec<&'h [u8]> = Vec::with_capacity(from.len());
    for &pattern in from {
        let pattern = ctx.str(
            pattern,
            "while evaluating one of the strings to replace passed to builtins.replaceStrings",
        )?;
        patterns.push(pattern.bytes());
    }
    let text = ctx.str(
        args[2],
        "while evaluating the third argument passed to builtins.replaceStrings",
    )?;
    let finder = Finder::new(&patterns);
    let mut replacements: Vec<Option<&'h [u8]>> = vec![None; to.len()];
    let mut context = text.context();
    let bytes = text.bytes();
    let mut replaced = Vec::with_capacity(bytes.len());
    let mut at = 0;
    let mut is_same = true;
    // One past the last byte an empty pattern still matches.
    while at <= bytes.len() {
        let n_skipped = finder.skip(&bytes[at..]);
        replaced.extend_from_slice(&bytes[at..at + n_skipped]);
        at += n_skipped;
        let Some(idx) = finder.find(&bytes[at..]) else {
            replaced.extend(bytes.get(at));
            at += 1;
            continue;
        };
        is_same = false;
        let replacement = if let Some(known) = replacements[idx] {
            known
        } else {
            let replacement = ctx.str(
                to[idx],
                "while evaluating one of the replacement strings passed to \
                 builtins.replaceStrings",
            )?;
            context = ctx.heap().contexts().union(context, replacement.context());
            replacements[idx] = Some(replacement.bytes());
            replacement.bytes()
        };
        replaced.extend_from_slice(replacement);
        if patterns[idx].is_empty() {
            replaced.extend(bytes.get(at));
            at += 1;
        } else {
            at += patterns[idx].len();
        }
    }
    if is_same {
        return ctx.force(args[2]);
    }
    Ok(ctx.new_str_with(&replaced, context))
}

/// Finds the first of several patterns that a text begins with.
struct Finder<'p, 'h> {
    patterns: &'p [&'h [u8]],
    /// For each byte, the first pattern that begins with it, plus one.
    first: [u32; 256],
    /// For each pattern, the next one that begins with the same byte, plus one.
    next: Vec<u32>,
    /// The first empty pattern.
    empty: Option<usize>,
}

impl<'p, 'h> Finder<'p, 'h> {
    fn new(patterns: &'p [&'h [u8]]) -> Self {
        let empty = patterns.iter().position(|pattern| pattern.is_empty());
        // What comes after an empty pattern never has its turn.
        let n_used = empty.unwrap_or(patterns.len());
        let mut first = [0; 256];
        let mut next = vec![0; n_used];
        for (idx, pattern) in patterns[..n_used].iter().enumerate().rev() {
            next[idx] = std::mem::replace(&mut first[usize::from(pattern[0])], idx as u32 + 1);
        }
        Self {
            patterns,
            first,
            next,
            empty,
        }
    }

    /// How many bytes nothing can begin with.
    fn skip(&self, text: &[u8]) -> usize {
        if self.empty.is_some() {
            return 0;
        }
        text.iter()
            .position(|&byte| self.first[usize::from(byte)] != 0)
            .unwrap_or(text.len())
    }

    fn find(&self, text: &[u8]) -> Option<usize> {
        let mut candidate = text
            .first()
            .map_or(0, |&byte| self.first[usize::from(byte)]);
        while let Some(idx) = candidate.checked_sub(1) {
            let idx = idx as usize;
            if text.starts_with(self.patterns[idx]) {
                return Some(idx);
            }
            candidate = self.next[idx];
        }
        self.empty
    }
}

fn base_name_of<'h>(ctx: &mut Ctx<'h>, args: &[Val<'h>]) -> Res<'h> {
    let (bytes, context) = ctx.coerce(
        args[0],
        PLAIN,
        "while evaluating the first argument passed to builtins.baseNameOf",
    )?;
    let trimmed = match bytes.as_slice() {
        [head @ .., b'/'] if !head.is_empty() => head,
        whole => whole,
    };
    let name = match trimmed.iter().rposition(|&byte| byte == b'/') {
        Some(slash) => &trimmed[slash + 1..],
        None => trimmed,
    };
    Ok(ctx.new_str_with(name, context))
}

fn dir_of<'h>(ctx: &mut Ctx<'h>, args: &[Val<'h>]) -> Res<'h> {
    let value = ctx.force(args[0])?;
    if value.kind() == Kind::Path {
        let (path, _) = ctx.coerce_path(value, "")?;
        let parent = path.parent().unwrap_or(path);
        return Ok(ctx.new_path(&parent));
    }
    let (bytes, context): (Vec<u8>, ContextId) = ctx.coerce(
        value,
        PLAIN,
        "while evaluating the first argument passed to 'builtins.dirOf'",
    )?;
    let dir = match bytes.iter().rposition(|&byte| byte == b'/') {
        None => b".",
        Some(0) => b"/",
        Some(slash) => &bytes[..slash],
    };
    Ok(ctx.new_str_with(dir, context))
}

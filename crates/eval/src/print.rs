//! Values as text.
//!
//! Two forms, as in the reference. [`Ctx::print_plain`] is what `nix-instantiate --eval` writes:
//! one line, `<CODE>` for what is not evaluated. [`Ctx::print`] is what `nix eval`, the REPL and
//! error messages show: optionally forced, indented, limited in depth and length.

use std::collections::HashSet;

use firn_heap::{Function, Kind};
use firn_ir::{float_with_six_digits, show_string, show_symbol};
use firn_symbol::Symbol;

use crate::ctx::{Ctx, Val};
use crate::error::{ErrorKind, Fail};

/// What to do about an error met while printing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PrintErrors {
    /// Print it in place of the value.
    Print,
    /// Fail.
    Throw,
    /// Fail if the whole value is at fault, otherwise print it.
    ThrowTopLevel,
}

/// How to print a value.
#[derive(Clone, Copy, Debug)]
pub struct PrintOptions {
    /// Evaluate what is not evaluated.
    pub force: bool,
    /// Show derivations by their path.
    pub derivation_paths: bool,
    /// Show sets and lists that appear again as `«repeated»`.
    pub track_repeated: bool,
    /// Levels shown.
    pub max_depth: usize,
    /// Attributes shown, over all sets.
    pub max_attrs: usize,
    /// Elements shown, over all lists.
    pub max_items: usize,
    /// Bytes shown of a string.
    pub max_string: usize,
    /// Columns of a level, if sets and lists take several lines.
    pub indent: usize,
    /// What to do about errors.
    pub errors: PrintErrors,
}

impl Default for PrintOptions {
    fn default() -> Self {
        Self {
            force: false,
            derivation_paths: false,
            track_repeated: true,
            max_depth: usize::MAX,
            max_attrs: usize::MAX,
            max_items: usize::MAX,
            max_string: usize::MAX,
            indent: 0,
            errors: PrintErrors::Print,
        }
    }
}

impl PrintOptions {
    /// How values appear in error messages.
    pub const IN_ERRORS: Self = Self {
        force: false,
        derivation_paths: false,
        track_repeated: true,
        max_depth: 10,
        max_attrs: 10,
        max_items: 10,
        max_string: 1024,
        indent: 0,
        errors: PrintErrors::Print,
    };
}

/// A name as it is written, in quotes if it needs them.
pub fn name_text(name: Symbol) -> String {
    let mut out = Vec::new();
    show_symbol(name, &mut out);
    String::from_utf8_lossy(&out).into_owned()
}

impl<'h> Ctx<'h> {
    /// The kind of a value with its article, as messages name it.
    pub fn type_name(&self, value: Val<'h>) -> String {
        match value.kind() {
            Kind::Int => "an integer",
            Kind::Bool => "a Boolean",
            Kind::String => {
                if value.as_str().is_some_and(|str| !str.context().is_empty()) {
                    "a string with context"
                } else {
                    "a string"
                }
            }
            Kind::Path => "a path",
            Kind::Null => "null",
            Kind::Set => "a set",
            Kind::List => "a list",
            Kind::Float => "a float",
            Kind::Frame | Kind::Thunk => "a thunk",
            Kind::Function => return self.function_type_name(value),
        }
        .to_owned()
    }

    /// The builtin behind a function, and whether it has arguments already.
    fn builtin_of(&self, value: Val<'h>) -> Option<(&'static str, bool)> {
        let mut function = value.as_function()?;
        let mut partial = false;
        while let Function::Partial(inner) = function {
            partial = true;
            function = inner.function.as_function()?;
        }
        match function {
            Function::Builtin(id) => Some((self.builtins[id as usize].plain_name(), partial)),
            _ => None,
        }
    }

    fn function_type_name(&self, value: Val<'h>) -> String {
        match self.builtin_of(value) {
            Some((name, false)) => format!("the built-in function '{name}'"),
            Some((name, true)) => format!("the partially applied built-in function '{name}'"),
            None => "a function".to_owned(),
        }
    }

    /// A value as error messages show it.
    pub fn short_text(&mut self, value: Val<'h>) -> String {
        let mut out = Vec::new();
        if let Err(fail) = self.print(value, PrintOptions::IN_ERRORS, &mut out) {
            self.take_error(fail);
        }
        String::from_utf8_lossy(&out).into_owned()
    }

    /// Appends a value the way `nix-instantiate --eval` writes it. Nothing is evaluated.
    pub fn print_plain(&mut self, word: Val<'h>, out: &mut Vec<u8>) -> Result<(), Fail> {
        let mut seen = Some(HashSet::new());
        self.print_plain_at(word, out, &mut seen, 0)
    }

    /// The same, but what appears again is written out again: a text to be read back.
    pub fn print_whole(&mut self, word: Val<'h>, out: &mut Vec<u8>) -> Result<(), Fail> {
        self.print_plain_at(word, out, &mut None, 0)
    }

    fn too_deep(&mut self, depth: usize) -> Result<(), Fail> {
        self.check_native_stack()?;
        if depth > self.max_calls {
            return Err(self.stack_overflow(None));
        }
        Ok(())
    }

    fn print_plain_at(
        &mut self,
        word: Val<'h>,
        out: &mut Vec<u8>,
        seen: &mut Option<HashSet<u64>>,
        depth: usize,
    ) -> Result<(), Fail> {
        self.too_deep(depth)?;
        let mut is_new = |word: Val<'h>| match seen.as_mut() {
            Some(seen) => seen.insert(word.identity()),
            None => true,
        };
        let Some(value) = word.resolved() else {
            out.extend_from_slice(if word.owner() == Some(self.task) {
                "«potential infinite recursion»".as_bytes()
            } else {
                b"<CODE>"
            });
            return Ok(());
        };
        match value.kind() {
            Kind::Set => {
                let Some(set) = value.as_set() else {
                    return Ok(());
                };
                let flat = set.flat(&self.alloc);
                if !flat.is_empty() && !is_new(value) {
                    out.extend_from_slice("«repeated»".as_bytes());
                    return Ok(());
                }
                out.extend_from_slice(b"{ ");
                for (name, item) in flat.by_name(&self.alloc) {
                    show_symbol(name, out);
                    out.extend_from_slice(b" = ");
                    self.print_plain_at(item, out, seen, depth + 1)?;
                    out.extend_from_slice(b"; ");
                }
                out.push(b'}');
            }
            Kind::List => {
                let items = value.as_list().unwrap_or_default();
                if !items.is_empty() && !is_new(word) {
                    out.extend_from_slice("«repeated»".as_bytes());
                    return Ok(());
                }
                out.extend_from_slice(b"[ ");
                for &item in items {
                    self.print_plain_at(item, out, seen, depth + 1)?;
                    out.push(b' ');
                }
                out.push(b']');
            }
            Kind::Function => {
                let text: &[u8] = match self.builtin_of(value) {
                    None => b"<LAMBDA>",
                    Some((_, false)) => b"<PRIMOP>",
                    Some((_, true)) => b"<PRIMOP-APP>",
                };
                out.extend_from_slice(text);
            }
            _ => self.print_leaf(value, usize::MAX, out),
        }
        Ok(())
    }

    fn print_leaf(&mut self, value: Val<'h>, max_string: usize, out: &mut Vec<u8>) {
        match value.kind() {
            Kind::Null => out.extend_from_slice(b"null"),
            Kind::Bool => {
                let text: &[u8] = if value.as_bool() == Some(true) {
                    b"true"
                } else {
                    b"false"
                };
                out.extend_from_slice(text);
            }
            Kind::Int => {
                let int = value.as_int().unwrap_or_default();
                out.extend_from_slice(int.to_string().as_bytes());
            }
            Kind::Float => {
                let float = value.as_float().unwrap_or_default();
                out.extend_from_slice(float_with_six_digits(float).as_bytes());
            }
            Kind::String => {
                let bytes = value
                    .as_str()
                    .map(firn_heap::Str::bytes)
                    .unwrap_or_default();
                if bytes.len() <= max_string {
                    show_string(bytes, out);
                } else {
                    show_string(&bytes[..max_string], out);
                    out.push(b' ');
                    elided(bytes.len() - max_string, "byte", "bytes", out);
                }
            }
            Kind::Path => {
                let path = Self::path_of(value);
                out.extend_from_slice(&self.shared.host.display_path(&path));
            }
            _ => {}
        }
    }

    /// Appends a value.
    pub fn print(
        &mut self,
        word: Val<'h>,
        options: PrintOptions,
        out: &mut Vec<u8>,
    ) -> Result<(), Fail> {
        let mut printer = Printer {
            options,
            seen: HashSet::new(),
            n_attrs: 0,
            n_items: 0,
            indent: 0,
        };
        printer.print(self, word, out, 0)
    }

    /// A function as text: `«lambda f @ /file.nix:1:2»`, `«primop map»`.
    pub fn function_text(&self, value: Val<'h>) -> String {
        if let Some((name, partial)) = self.builtin_of(value) {
            return if partial {
                format!("«partially applied primop {name}»")
            } else {
                format!("«primop {name}»")
            };
        }
        let Some((code, lambda, n_args)) = Self::lambda_of(value) else {
            return "«lambda»".to_owned();
        };
        let name = code
            .lambda_name(lambda)
            .map_or_else(String::new, |name| format!(" {}", name_text(name)));
        let place = code.param_place(lambda, n_args);
        let place = place.map_or_else(String::new, |place| {
            format!(" @ {}", self.place_text(place))
        });
        format!("«lambda{name}{place}»")
    }

    /// The lambda behind a function that is no builtin, and how many arguments it has already.
    pub(crate) fn lambda_of(value: Val<'h>) -> Option<(&'h crate::code::Code<'h>, u32, usize)> {
        let mut function = value.as_function()?;
        let mut n_args = 0;
        while let Function::Partial(inner) = function {
            n_args += inner.args.len();
            function = inner.function.as_function()?;
        }
        match function {
            Function::Closure(closure) => Some((closure.unit.code(), closure.unit.lambda, n_args)),
            _ => None,
        }
    }
}

fn elided(n: usize, one: &str, many: &str, out: &mut Vec<u8>) {
    let unit = if n == 1 { one } else { many };
    out.extend_from_slice(format!("«{n} {unit} elided»").as_bytes());
}

struct Printer {
    options: PrintOptions,
    seen: HashSet<u64>,
    n_attrs: usize,
    n_items: usize,
    indent: usize,
}

impl Printer {
    fn space(&self, pretty: bool, out: &mut Vec<u8>) {
        if pretty {
            out.push(b'\n');
            out.extend(std::iter::repeat_n(b' ', self.indent));
        } else {
            out.push(b' ');
        }
    }

    fn print<'h>(
        &mut self,
        ctx: &mut Ctx<'h>,
        word: Val<'h>,
        out: &mut Vec<u8>,
        depth: usize,
    ) -> Result<(), Fail> {
        ctx.too_deep(depth)?;
        let Err(fail) = self.print_value(ctx, word, out, depth) else {
            return Ok(());
        };
        let error = ctx.take_error(fail);
        let throws = match self.options.errors {
            PrintErrors::Print => false,
            PrintErrors::Throw => true,
            PrintErrors::ThrowTopLevel => depth == 0,
        };
        if throws
            || matches!(
                error.kind,
                ErrorKind::StackOverflow | ErrorKind::Interrupted | ErrorKind::GaveUp
            )
        {
            return Err(ctx.rethrow(error));
        }
        out.extend_from_slice(format!("«error: {}»", error.message).as_bytes());
        Ok(())
    }

    fn print_value<'h>(
        &mut self,
        ctx: &mut Ctx<'h>,
        word: Val<'h>,
        out: &mut Vec<u8>,
        depth: usize,
    ) -> Result<(), Fail> {
        let value = if self.options.force {
            ctx.force(word)?
        } else {
            let Some(value) = word.resolved() else {
                out.extend_from_slice(if word.owner() == Some(ctx.task) {
                    "«potential infinite recursion»".as_bytes()
                } else {
                    "«thunk»".as_bytes()
                });
                return Ok(());
            };
            value
        };
        match value.kind() {
            Kind::Set => self.print_set(ctx, value, out, depth),
            Kind::List => self.print_list(ctx, word, value, out, depth),
            Kind::Function => {
                out.extend_from_slice(ctx.function_text(value).as_bytes());
                Ok(())
            }
            _ => {
                ctx.print_leaf(value, self.options.max_string, out);
                Ok(())
            }
        }
    }

    /// Whether one element alone deserves lines of its own.
    fn is_nested<'h>(&self, ctx: &mut Ctx<'h>, items: &[Val<'h>]) -> Result<bool, Fail> {
        if self.options.indent == 0 || items.is_empty() {
            return Ok(false);
        }
        if items.len() > 1 {
            return Ok(true);
        }
        let value = ctx.force(items[0])?;
        Ok(matches!(value.kind(), Kind::List | Kind::Set))
    }

    fn print_set<'h>(
        &mut self,
        ctx: &mut Ctx<'h>,
        value: Val<'h>,
        out: &mut Vec<u8>,
        depth: usize,
    ) -> Result<(), Fail> {
        let Some(set) = value.as_set() else {
            return Ok(());
        };
        if self.options.track_repeated && !set.is_empty() && !self.seen.insert(value.identity()) {
            out.extend_from_slice("«repeated»".as_bytes());
            return Ok(());
        }
        if self.options.force && self.options.derivation_paths && ctx.is_derivation(value)? {
            return Self::print_derivation(ctx, value, out);
        }
        if depth >= self.options.max_depth {
            out.extend_from_slice(b"{ ... }");
            return Ok(());
        }
        let mut attrs = ctx.attrs_by_name(set);
        if self.options.max_attrs != usize::MAX {
            attrs.sort_by_key(|(name, _)| !matches!(name.as_bytes(), b"type" | b"_type"));
        }
        self.indent += self.options.indent;
        out.push(b'{');
        let values: Vec<Val<'h>> = attrs.iter().map(|attr| attr.1).collect();
        let pretty = self.is_nested(ctx, &values)?;
        for (idx, (name, item)) in attrs.iter().enumerate() {
            self.space(pretty, out);
            if self.n_attrs >= self.options.max_attrs {
                elided(attrs.len() - idx, "attribute", "attributes", out);
                break;
            }
            show_symbol(*name, out);
            out.extend_from_slice(b" = ");
            self.print(ctx, *item, out, depth + 1)?;
            out.push(b';');
            self.n_attrs += 1;
        }
        self.indent -= self.options.indent;
        self.space(pretty, out);
        out.push(b'}');
        Ok(())
    }

    fn print_derivation<'h>(
        ctx: &mut Ctx<'h>,
        value: Val<'h>,
        out: &mut Vec<u8>,
    ) -> Result<(), Fail> {
        out.extend_from_slice("«derivation".as_bytes());
        let path = value.as_set().and_then(|set| set.get(ctx.names.drv_path));
        if let Some(path) = path {
            let text = "while evaluating the drvPath of a derivation";
            let (path, _) = ctx.coerce(path, crate::coerce::Coercion::default(), text)?;
            out.push(b' ');
            out.extend_from_slice(&path);
        }
        out.extend_from_slice("»".as_bytes());
        Ok(())
    }

    fn print_list<'h>(
        &mut self,
        ctx: &mut Ctx<'h>,
        word: Val<'h>,
        value: Val<'h>,
        out: &mut Vec<u8>,
        depth: usize,
    ) -> Result<(), Fail> {
        let items = value.as_list().unwrap_or_default();
        if self.options.track_repeated && !items.is_empty() && !self.seen.insert(word.identity()) {
            out.extend_from_slice("«repeated»".as_bytes());
            return Ok(());
        }
        if depth >= self.options.max_depth {
            out.extend_from_slice(b"[ ... ]");
            return Ok(());
        }
        self.indent += self.options.indent;
        out.push(b'[');
        let pretty = self.is_nested(ctx, items)?;
        for (idx, &item) in items.iter().enumerate() {
            self.space(pretty, out);
            if self.n_items >= self.options.max_items {
                elided(items.len() - idx, "item", "items", out);
                break;
            }
            self.print(ctx, item, out, depth + 1)?;
            self.n_items += 1;
        }
        self.indent -= self.options.indent;
        self.space(pretty, out);
        out.push(b']');
        Ok(())
    }
}

//! Builtins: how they are described and collected.
//!
//! A crate contributes a slice of [`Builtin`]s; the front end puts the slices together in a
//! [`Registry`] and hands it to the evaluator. A name that begins with `__` is an attribute of
//! `builtins` without the underscores and a global with them; any other name is both as it is.

use crate::ctx::{Ctx, Res, Val};

/// What a builtin does. It gets exactly as many arguments as it has, unevaluated unless its strict
/// mask says otherwise.
pub type BuiltinFn = for<'h> fn(&mut Ctx<'h>, &[Val<'h>]) -> Res<'h>;

/// The most arguments that a builtin takes.
pub(crate) const MAX_ARITY: usize = 4;

/// One builtin.
#[derive(Clone, Copy, Debug)]
pub struct Builtin {
    /// Its name, with leading underscores where the reference has them.
    pub name: &'static str,
    /// Names of the arguments; their number is the arity. Without any it is a constant, made when
    /// it is first looked at.
    pub args: &'static [&'static str],
    /// Documentation in Markdown.
    pub doc: &'static str,
    /// Bit i says that the builtin forces argument i before anything else, in the order of the
    /// bits, whatever the other arguments are. The machine may then evaluate it right away; an
    /// error in it is still met when the builtin forces the argument.
    pub strict: u32,
    /// The experimental feature that it belongs to.
    pub feature: Option<&'static str>,
    /// Whether errors say `while calling the '…' builtin`.
    pub trace: bool,
    /// Whether it exists only in impure evaluation.
    pub impure: bool,
    /// Whether programs cannot name it: front ends pass it to expressions of their own.
    pub hidden: bool,
    /// What it does.
    pub run: BuiltinFn,
}

impl Builtin {
    /// A builtin with the usual properties: nothing strict, no feature, named in traces.
    pub const fn new(
        name: &'static str,
        args: &'static [&'static str],
        doc: &'static str,
        run: BuiltinFn,
    ) -> Self {
        Self {
            name,
            args,
            doc,
            strict: 0,
            feature: None,
            trace: true,
            impure: false,
            hidden: false,
            run,
        }
    }

    /// Sets the strict mask.
    #[must_use]
    pub const fn strict(mut self, mask: u32) -> Self {
        self.strict = mask;
        self
    }

    /// Puts it behind an experimental feature.
    #[must_use]
    pub const fn feature(mut self, feature: &'static str) -> Self {
        self.feature = Some(feature);
        self
    }

    /// Leaves it out of traces.
    #[must_use]
    pub const fn untraced(mut self) -> Self {
        self.trace = false;
        self
    }

    /// Leaves it out of pure evaluation.
    #[must_use]
    pub const fn impure(mut self) -> Self {
        self.impure = true;
        self
    }

    /// Keeps its name from programs.
    #[must_use]
    pub const fn hidden(mut self) -> Self {
        self.hidden = true;
        self
    }

    /// Number of arguments.
    pub fn arity(&self) -> usize {
        self.args.len()
    }

    /// The name under `builtins`.
    pub fn plain_name(&self) -> &'static str {
        self.name.strip_prefix("__").unwrap_or(self.name)
    }
}

/// The builtins of one evaluator. Of two with the same name the later one counts.
#[derive(Clone, Debug, Default)]
pub struct Registry {
    builtins: Vec<Builtin>,
}

impl Registry {
    /// An empty registry.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds builtins.
    ///
    /// # Panics
    /// If one takes more arguments than calls have room for.
    #[must_use]
    pub fn with(mut self, builtins: &[Builtin]) -> Self {
        for builtin in builtins {
            assert!(
                builtin.arity() <= MAX_ARITY,
                "at most {MAX_ARITY} arguments"
            );
            match self
                .builtins
                .iter_mut()
                .find(|known| known.name == builtin.name)
            {
                Some(known) => *known = *builtin,
                None => self.builtins.push(*builtin),
            }
        }
        self
    }

    /// All builtins; their numbers are positions in this slice.
    pub fn builtins(&self) -> &[Builtin] {
        &self.builtins
    }
}

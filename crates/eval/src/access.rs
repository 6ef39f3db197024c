//! Typed access for builtins: force, check the kind, and say what was being done if either fails.
//!
//! `text` is what the trace says, such as `while evaluating the first argument passed to
//! builtins.length`; an empty text adds nothing.

use firn_heap::{Kind, Set, Str};
use firn_symbol::Symbol;

use crate::code::Code;
use crate::ctx::{Ctx, Res, Val};
use crate::error::{ErrorKind, Fail, Place};

impl<'h> Ctx<'h> {
    /// Fails because a value is of the wrong kind; `what` is what was expected, with article.
    #[cold]
    pub fn expected(&mut self, what: &str, found: Val<'h>, place: Option<Place>) -> Fail {
        let message = format!("expected {what} but found {}", self.describe(found));
        self.error_at(place, ErrorKind::Type, message)
    }

    /// The kind of a value and the value, as messages show them: `a list: [ 1 ]`.
    pub fn describe(&mut self, value: Val<'h>) -> String {
        format!("{}: {}", self.type_name(value), self.short_text(value))
    }

    #[cold]
    pub(crate) fn traced<T>(
        &mut self,
        fail: Fail,
        place: Option<Place>,
        text: &'static str,
    ) -> Result<T, Fail> {
        if text.is_empty() {
            return Err(fail);
        }
        Err(self.trace(fail, place, text))
    }

    #[inline]
    fn typed<T>(
        &mut self,
        word: Val<'h>,
        place: Option<Place>,
        text: &'static str,
        what: &'static str,
        get: impl FnOnce(Val<'h>) -> Option<T>,
    ) -> Result<T, Fail> {
        let fail = match self.force_at(word, place) {
            Ok(value) => match get(value) {
                Some(result) => return Ok(result),
                None => self.expected(what, value, place),
            },
            Err(fail) => fail,
        };
        self.traced(fail, place, text)
    }

    /// An integer.
    pub fn int(&mut self, word: Val<'h>, text: &'static str) -> Result<i64, Fail> {
        self.typed(word, None, text, "an integer", Val::as_int)
    }

    /// A number as a float.
    pub fn float(&mut self, word: Val<'h>, text: &'static str) -> Result<f64, Fail> {
        self.typed(word, None, text, "a float", |value| {
            value
                .as_float()
                .or_else(|| value.as_int().map(|int| int as f64))
        })
    }

    /// A truth value.
    pub fn bool(&mut self, word: Val<'h>, text: &'static str) -> Result<bool, Fail> {
        self.typed(word, None, text, "a Boolean", Val::as_bool)
    }

    /// A truth value that was written at a place.
    pub fn bool_at(
        &mut self,
        word: Val<'h>,
        place: Option<Place>,
        text: &'static str,
    ) -> Result<bool, Fail> {
        self.typed(word, place, text, "a Boolean", Val::as_bool)
    }

    /// A string with whatever context it has.
    pub fn str(&mut self, word: Val<'h>, text: &'static str) -> Result<Str<'h>, Fail> {
        self.typed(word, None, text, "a string", Val::as_str)
    }

    /// The elements of a list, not evaluated.
    pub fn list(&mut self, word: Val<'h>, text: &'static str) -> Result<&'h [Val<'h>], Fail> {
        self.list_at(word, None, text)
    }

    /// Like [`Ctx::typed`] for lists and sets, which say what was being done only if the value is
    /// of the wrong kind.
    #[inline]
    fn collection<T>(
        &mut self,
        word: Val<'h>,
        place: Option<Place>,
        text: &'static str,
        what: &'static str,
        get: impl FnOnce(Val<'h>) -> Option<T>,
    ) -> Result<T, Fail> {
        let value = self.force_at(word, place)?;
        if let Some(result) = get(value) {
            Ok(result)
        } else {
            let fail = self.expected(what, value, None);
            self.traced(fail, place, text)
        }
    }

    pub(crate) fn list_at(
        &mut self,
        word: Val<'h>,
        place: Option<Place>,
        text: &'static str,
    ) -> Result<&'h [Val<'h>], Fail> {
        self.collection(word, place, text, "a list", Val::as_list)
    }

    /// A set.
    pub fn attrs(&mut self, word: Val<'h>, text: &'static str) -> Result<Set<'h, Code<'h>>, Fail> {
        self.collection(word, None, text, "a set", Val::as_set)
    }

    /// A function, or a set that can be called.
    pub fn function(&mut self, word: Val<'h>, text: &'static str) -> Res<'h> {
        let functor = self.names.functor;
        self.typed(word, None, text, "a function", |value| {
            let callable = value.kind() == Kind::Function
                || value.as_set().is_some_and(|set| set.get(functor).is_some());
            callable.then_some(value)
        })
    }

    /// A string that refers to no store path.
    pub fn str_no_context(&mut self, word: Val<'h>, text: &'static str) -> Result<Str<'h>, Fail> {
        self.str_no_context_at(word, None, text)
    }

    /// The same for a value that was written at a place.
    pub fn str_no_context_at(
        &mut self,
        word: Val<'h>,
        place: Option<Place>,
        text: &'static str,
    ) -> Result<Str<'h>, Fail> {
        let str = self.typed(word, place, text, "a string", Val::as_str)?;
        if str.context().is_empty() {
            return Ok(str);
        }
        let elements = self.heap().contexts().elements(str.context());
        let first = elements
            .first()
            .map(crate::coerce::context_shown)
            .unwrap_or_default();
        let message = format!(
            "the string '{}' is not allowed to refer to a store path (such as '{first}')",
            String::from_utf8_lossy(str.bytes()),
        );
        let fail = self.error(ErrorKind::Eval, message);
        self.traced(fail, place, text)
    }

    /// An attribute that has to be there; not evaluated.
    pub fn attr(&mut self, set: Set<'h, Code<'h>>, name: Symbol, text: &'static str) -> Res<'h> {
        if let Some(word) = set.get(name) {
            return Ok(word);
        }
        let message = format!("attribute '{}' missing", crate::print::name_text(name));
        let fail = self.error(ErrorKind::Type, message);
        self.traced(fail, None, text)
    }

    /// The attributes of a set in the order of names; values not evaluated.
    pub fn attrs_by_name(&self, set: Set<'h, Code<'h>>) -> Vec<(Symbol, Val<'h>)> {
        set.flat(&self.alloc).by_name(&self.alloc).collect()
    }

    /// Fails if a builtin that recurses has come too deep: `depth` levels of its own, on top of the
    /// calls in progress.
    #[inline]
    pub fn check_depth(&mut self, depth: usize) -> Result<(), Fail> {
        if depth + self.calls.len() > self.max_calls {
            return Err(self.stack_overflow(None));
        }
        self.check_native_stack()
    }

    /// Goes one level deeper into data; levels are limited together with calls.
    pub fn nested<T>(
        &mut self,
        work: impl FnOnce(&mut Self) -> Result<T, Fail>,
    ) -> Result<T, Fail> {
        self.descend()?;
        let result = work(self);
        self.ascend();
        result
    }

    /// Does something so many levels deeper. Whether that is too deep is noticed further in.
    pub(crate) fn deeper<T>(&mut self, levels: usize, work: impl FnOnce(&mut Self) -> T) -> T {
        let levels = levels.min(self.max_calls);
        self.max_calls -= levels;
        let result = work(self);
        self.max_calls += levels;
        result
    }

    /// Begins a level of data; [`Ctx::ascend`] ends it.
    pub fn descend(&mut self) -> Result<(), Fail> {
        self.check_depth(0)?;
        if self.max_calls == 0 {
            return Err(self.stack_overflow(None));
        }
        self.max_calls -= 1;
        Ok(())
    }

    /// Ends a level that was begun.
    pub fn ascend(&mut self) {
        self.max_calls += 1;
    }

    /// What a path of attributes leads to, evaluated; nothing if one is missing.
    pub fn select_optional(
        &mut self,
        value: Val<'h>,
        path: &[&str],
    ) -> Result<Option<Val<'h>>, Fail> {
        let mut value = self.force(value)?;
        for name in path {
            let found = Symbol::find(name.as_bytes())
                .and_then(|name| value.as_set().and_then(|set| set.get(name)));
            let Some(found) = found else {
                return Ok(None);
            };
            value = self.force(found)?;
        }
        Ok(Some(value))
    }

    /// Runs something and gives its error as data.
    pub fn catch<T>(
        &mut self,
        work: impl FnOnce(&mut Self) -> Result<T, Fail>,
    ) -> Result<T, Box<crate::error::EvalError>> {
        work(self).map_err(|fail| self.take_error(fail))
    }

    /// Whether a set is a derivation: its `type` says so.
    pub fn is_derivation(&mut self, value: Val<'h>) -> Result<bool, Fail> {
        let Some(word) = value.as_set().and_then(|set| set.get(self.names.kind)) else {
            return Ok(false);
        };
        let kind = self.force(word)?;
        Ok(kind
            .as_str()
            .is_some_and(|kind| kind.bytes() == b"derivation"))
    }
}

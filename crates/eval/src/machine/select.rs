//! Selection of attributes and the question whether there are any.

use firn_ir::{NONE, Node, NodeId};
use firn_symbol::Symbol;

use super::Env;
use crate::ctx::{Ctx, Res, Val};
use crate::error::{ErrorKind, EvalError, Fail, Place};
use crate::suggest::suggestions;

impl<'h> Ctx<'h> {
    /// `base.name`, when the shortcut did not do.
    #[inline(never)]
    pub(super) fn select(&mut self, env: &Env<'h>, node: &Node, base: Val<'h>) -> Res<'h> {
        let place = env.place(node.pos);
        let name = env.code.symbol(node.b);
        let Some(set) = base.as_set() else {
            let fail = self.expected("a set", base, None);
            return Err(self.trace(fail, place, "while selecting an attribute"));
        };
        let Some(word) = set.get_cached(name, &env.code.caches[node.c as usize], &self.alloc)
        else {
            return Err(self.missing(set, name, place));
        };
        if let Some(value) = word.resolved() {
            return Ok(value);
        }
        self.force(word).map_err(|fail| {
            let attr_place = Self::attr_place(set, name);
            let fail = self.place_recursion(fail, attr_place.or(place));
            self.trace_attr(fail, attr_place, || crate::print::name_text(name))
        })
    }

    /// Where an attribute of a set was written.
    pub fn attr_place(
        set: firn_heap::Set<'h, crate::code::Code<'h>>,
        name: Symbol,
    ) -> Option<Place> {
        let (file, offset) = set.position(name).get()?;
        Some(Place {
            file: firn_source::FileId(file),
            offset,
        })
    }

    #[cold]
    fn trace_attr(
        &mut self,
        fail: Fail,
        place: Option<Place>,
        path: impl FnOnce() -> String,
    ) -> Fail {
        if place.is_none() || self.is_internal_place(place) {
            return fail;
        }
        let text = format!("while evaluating the attribute '{}'", path());
        self.trace(fail, place, text)
    }

    #[cold]
    pub(crate) fn missing(
        &mut self,
        set: firn_heap::Set<'h, crate::code::Code<'h>>,
        name: Symbol,
        place: Option<Place>,
    ) -> Fail {
        let mut error = EvalError::new(
            ErrorKind::MissingAttribute,
            format!("attribute '{}' missing", crate::print::name_text(name)),
        );
        error.place = place;
        let keys = set.flat(&self.alloc).shape.keys();
        error.suggestions = suggestions(keys.iter().map(|key| key.as_bytes()), name.as_bytes());
        self.fail(error)
    }

    /// The name that one component of a path stands for.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "most names are written down")]
    fn component(&mut self, env: &Env<'h>, triple: &[u32]) -> Result<Symbol, Fail> {
        if triple[0] == 1 {
            return Ok(env.code.symbol(triple[1]));
        }
        self.computed_component(env, triple[1])
    }

    #[inline(never)]
    fn computed_component(&mut self, env: &Env<'h>, id: NodeId) -> Result<Symbol, Fail> {
        let value = self.operand(env, id)?;
        let place = env.place(env.node(id).pos);
        let str = self.str_no_context_at(value, place, "while evaluating an attribute name")?;
        Ok(str.symbol())
    }

    /// What a component of a path finds in a set.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "most of what there is to do")]
    fn find_component(
        &self,
        env: &Env<'h>,
        set: firn_heap::Set<'h, crate::code::Code<'h>>,
        name: Symbol,
        triple: &[u32],
    ) -> Option<Val<'h>> {
        if triple[0] == 1 {
            set.get_cached(name, &env.code.caches[triple[2] as usize], &self.alloc)
        } else {
            set.get(name)
        }
    }

    /// `base.a.b`, with a default or with computed names. Nothing if the default is to be evaluated.
    #[inline(never)]
    pub(super) fn select_path(
        &mut self,
        env: &Env<'h>,
        node: &Node,
    ) -> Result<Option<Val<'h>>, Fail> {
        let mut word = self.operand(env, node.a)?;
        let mut last = None;
        let path = env.code.list(node.b, node.n as usize * 3);
        for triple in path.chunks_exact(3) {
            let name = match self.component(env, triple) {
                Ok(name) => name,
                Err(fail) => return Err(self.trace_path(fail, env, node, path)),
            };
            let value = match word.resolved() {
                Some(value) => value,
                None => match self.force_thunk(word) {
                    Ok(value) => value,
                    Err(fail) => {
                        let fail = self.place_recursion(fail, env.place(node.pos));
                        return Err(self.trace_path(fail, env, node, path));
                    }
                },
            };
            let Some(set) = value.as_set() else {
                if node.c != NONE {
                    return Ok(None);
                }
                let fail = self.expected("a set", value, None);
                let fail = self.trace(fail, env.place(node.pos), "while selecting an attribute");
                return Err(self.trace_path(fail, env, node, path));
            };
            let Some(found) = self.find_component(env, set, name, triple) else {
                if node.c != NONE {
                    return Ok(None);
                }
                let fail = self.missing(set, name, env.place(node.pos));
                return Err(self.trace_path(fail, env, node, path));
            };
            word = found;
            last = Some((set, name));
        }
        if let Some(value) = word.resolved() {
            return Ok(Some(value));
        }
        match self.force_thunk(word) {
            Ok(value) => Ok(Some(value)),
            Err(fail) => {
                let attr_place = last.and_then(|(set, name)| Self::attr_place(set, name));
                let fail = self.place_recursion(fail, attr_place.or(env.place(node.pos)));
                Err(self.trace_path(fail, env, node, path))
            }
        }
    }

    /// Adds which attribute was being evaluated, with the place of the last one that was found.
    #[cold]
    #[inline(never)]
    fn trace_path(&mut self, fail: Fail, env: &Env<'h>, node: &Node, path: &[u32]) -> Fail {
        let error = self.take_error(fail);
        let mut place = None;
        let mut word = self.operand(env, node.a);
        let mut text = String::new();
        for (idx, triple) in path.chunks_exact(3).enumerate() {
            if idx > 0 {
                text.push('.');
            }
            let name = match self.component(env, triple) {
                Ok(name) => name,
                Err(fail) => {
                    self.take_error(fail);
                    let shown = env.code.consts[triple[2] as usize].get().as_str();
                    let shown = shown.map(firn_heap::Str::bytes).unwrap_or_default();
                    text.push_str(&String::from_utf8_lossy(shown));
                    continue;
                }
            };
            text.push_str(&crate::print::name_text(name));
            let found = match word {
                Ok(value) => value
                    .resolved()
                    .and_then(Val::as_set)
                    .and_then(|set| set.get(name).map(|found| (set, found))),
                Err(fail) => {
                    self.take_error(fail);
                    None
                }
            };
            word = match found {
                Some((set, found)) => {
                    place = Self::attr_place(set, name);
                    Ok(found)
                }
                None => Ok(Val::null()),
            };
        }
        let fail = self.rethrow(error);
        self.trace_attr(fail, place, || text)
    }

    /// `base ? a.b`.
    #[inline(never)]
    pub(super) fn has_attr(&mut self, env: &Env<'h>, node: &Node) -> Res<'h> {
        let mut word = self.operand(env, node.a)?;
        for triple in env.code.list(node.b, node.n as usize * 3).chunks_exact(3) {
            let value = match word.resolved() {
                Some(value) => value,
                None => self.force_at(word, env.place(node.pos))?,
            };
            let name = self.component(env, triple)?;
            let Some(set) = value.as_set() else {
                return Ok(Val::bool(false));
            };
            match self.find_component(env, set, name, triple) {
                Some(found) => word = found,
                None => return Ok(Val::bool(false)),
            }
        }
        Ok(Val::bool(true))
    }
}

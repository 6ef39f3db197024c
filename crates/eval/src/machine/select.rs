//! Selection of attributes and the question whether there are any.

use firn_ir::{NONE, Node, NodeId};
use firn_symbol::Symbol;

use super::Env;
use crate::ctx::{Ctx, Res, Val};
use crate::error::{ErrorKind, EvalError, Fail, Place};
use crate::suggest::suggestions;

/// What a selection leads to.
pub(super) enum Selected<'h> {
    Value(Val<'h>),
    /// The default is to be evaluated.
    Default(NodeId),
}

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
    fn component(&mut self, env: &Env<'h>, triple: &[u32]) -> Result<Symbol, Fail> {
        if triple[0] == 1 {
            return Ok(env.code.symbol(triple[1]));
        }
        let value = self.operand(env, triple[1])?;
        let place = env.place(env.node(triple[1]).pos);
        let str = self.str_no_context_at(value, place, "while evaluating an attribute name")?;
        Ok(str.symbol())
    }

    /// `base.a.b`, with a default or with computed names.
    #[inline(never)]
    pub(super) fn select_path(&mut self, env: &Env<'h>, node: &Node) -> Result<Selected<'h>, Fail> {
        let mut word = self.operand(env, node.a)?;
        let place = env.place(node.pos);
        let mut last = None;
        let path = env.code.list(node.b, node.n as usize * 3);
        let result = 'path: {
            for triple in path.chunks_exact(3) {
                let name = match self.component(env, triple) {
                    Ok(name) => name,
                    Err(fail) => break 'path Err(fail),
                };
                let value = match self.force_at(word, place) {
                    Ok(value) => value,
                    Err(fail) => break 'path Err(fail),
                };
                let found = value.as_set().and_then(|set| {
                    let found = if triple[0] == 1 {
                        set.get_cached(name, &env.code.caches[triple[2] as usize], &self.alloc)
                    } else {
                        set.get(name)
                    };
                    found.map(|found| (set, found))
                });
                let Some((set, found)) = found else {
                    if node.c != NONE {
                        return Ok(Selected::Default(node.c));
                    }
                    if let Some(set) = value.as_set() {
                        break 'path Err(self.missing(set, name, place));
                    }
                    let fail = self.expected("a set", value, None);
                    break 'path Err(self.trace(fail, place, "while selecting an attribute"));
                };
                word = found;
                last = Some((set, name));
            }
            self.force(word).map_err(|fail| {
                let attr_place = last.and_then(|(set, name)| Self::attr_place(set, name));
                self.place_recursion(fail, attr_place.or(place))
            })
        };
        match result {
            Ok(value) => Ok(Selected::Value(value)),
            Err(fail) => Err(self.trace_path(fail, env, node, path)),
        }
    }

    /// Adds which attribute was being evaluated, with the place of the last one that was found.
    #[cold]
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
        let place = env.place(node.pos);
        for triple in env.code.list(node.b, node.n as usize * 3).chunks_exact(3) {
            let value = self.force_at(word, place)?;
            let name = self.component(env, triple)?;
            let found = value.as_set().and_then(|set| {
                if triple[0] == 1 {
                    set.get_cached(name, &env.code.caches[triple[2] as usize], &self.alloc)
                } else {
                    set.get(name)
                }
            });
            match found {
                Some(found) => word = found,
                None => return Ok(Val::bool(false)),
            }
        }
        Ok(Val::bool(true))
    }
}

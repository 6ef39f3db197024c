//! Sets, lists and groups of bindings.

use firn_heap::{AttrPos, SetBuilder};
use firn_ir::{CAPTURES_LATER, Node, Op, Pos};
use firn_symbol::Symbol;

use super::Env;
use crate::code::{Code, Site};
use crate::ctx::{Ctx, Res, Val};
use crate::error::{ErrorKind, Fail};

impl<'h> Ctx<'h> {
    /// A set literal without computed names.
    #[inline(never)]
    pub(super) fn set_literal(&mut self, env: &Env<'h>, node: &Node) -> Val<'h> {
        let site = match env.code.sites[node.c as usize].get() {
            Some(site) => *site,
            None => self.make_site(env, node),
        };
        let list = env.code.list(node.a, node.b as usize * 3);
        let mut items = site.order.iter();
        Val::set_from(&self.alloc, site.shape, || {
            let item = *items.next().expect("an item for each key");
            self.delay(env, list[item as usize * 3 + 1])
        })
    }

    /// A list literal.
    #[inline(never)]
    pub(super) fn list_literal(&self, env: &Env<'h>, node: &Node) -> Val<'h> {
        let items = env.code.list(node.a, node.b as usize);
        Val::list_from(&self.alloc, items.len(), |idx| self.delay(env, items[idx]))
    }

    #[cold]
    fn make_site(&mut self, env: &Env<'h>, node: &Node) -> Site<'h> {
        let list = env.code.list(node.a, node.b as usize * 3);
        let mut items: Vec<(Symbol, u32, u32)> = list
            .chunks_exact(3)
            .enumerate()
            .map(|(idx, item)| (env.code.symbol(item[0]), idx as u32, item[2]))
            .collect();
        items.sort_unstable_by_key(|item| item.0);
        let keys: Vec<Symbol> = items.iter().map(|item| item.0).collect();
        let order: Vec<u32> = items.iter().map(|item| item.1).collect();
        let shape = match env.code.file {
            Some(file) => {
                let offsets: Vec<u32> = items.iter().map(|item| item.2).collect();
                self.alloc.literal_shape(&keys, file.0, &offsets)
            }
            None => self.alloc.shared_shape(&keys),
        };
        let site = Site {
            shape,
            order: self.alloc.slice(&order),
        };
        *env.code.sites[node.c as usize].get_or_init(|| site)
    }

    /// A set literal with computed names; `overrides` replace and add attributes before those.
    #[inline(never)]
    pub(super) fn dynamic_set(
        &mut self,
        env: &Env<'h>,
        node: &Node,
        overrides: Option<Val<'h>>,
    ) -> Res<'h> {
        let top = self.stack.top();
        let mut entries: Vec<(Symbol, Val<'h>, AttrPos)> = Vec::new();
        for item in env.code.list(node.a, node.b as usize * 3).chunks_exact(3) {
            let value = self.delay(env, item[1]);
            self.keep(value)?;
            let pos = env.code.attr_pos(Pos(item[2]));
            entries.push((env.code.symbol(item[0]), value, pos));
        }
        if let Some(set) = overrides.and_then(Val::as_set) {
            for (name, value) in set.flat(&self.alloc).iter() {
                let pos = set.position(name);
                match entries.iter_mut().find(|entry| entry.0 == name) {
                    Some(entry) => *entry = (name, value, pos),
                    None => entries.push((name, value, pos)),
                }
            }
        }
        if node.op == Op::DynamicSet {
            let n = env.code.list(node.c, 1)[0] as usize;
            for item in env.code.list(node.c + 1, n * 3).chunks_exact(3) {
                let place = env.place(Pos(item[2]));
                let name = self.operand(env, item[0])?;
                if name.is_null() {
                    continue;
                }
                let text = "while evaluating the name of a dynamic attribute";
                let name = self.str_no_context_at(name, place, text)?.symbol();
                if let Some(known) = entries.iter().find(|entry| entry.0 == name) {
                    let message = format!(
                        "dynamic attribute '{}' already defined at {}",
                        crate::print::name_text(name),
                        self.attr_pos_text(known.2)
                    );
                    return Err(self.error_at(place, ErrorKind::Eval, message));
                }
                let value = self.delay(env, item[1]);
                self.keep(value)?;
                entries.push((name, value, env.code.attr_pos(Pos(item[2]))));
            }
        }
        let mut attrs = SetBuilder::with_capacity(entries.len());
        for (name, value, pos) in entries {
            attrs.push_at(name, value, pos);
        }
        let set = self.new_set(attrs);
        self.stack.truncate(top);
        Ok(set)
    }

    /// A recursive set with `__overrides`: its attributes are in a frame, so that what is
    /// overridden is seen by all of them.
    #[inline(never)]
    pub(super) fn override_set(&mut self, env: &Env<'h>, node: &Node) -> Res<'h> {
        let set_node = env.node(node.a);
        let frame = self
            .stack
            .get(env.base, node.b)
            .as_frame()
            .expect("the attributes of such a set are in a frame");
        let own = frame[node.c as usize].get();
        let overrides = match self.force(own) {
            Ok(value) if value.as_set().is_some() => value,
            Ok(value) => {
                let fail = self.expected("a set", value, None);
                return Err(self.trace_overrides(fail));
            }
            Err(fail) => return Err(self.trace_overrides(fail)),
        };
        if let Some(set) = overrides.as_set() {
            let list = env.code.list(set_node.a, set_node.b as usize * 3);
            for (idx, item) in list.chunks_exact(3).enumerate() {
                if let Some(value) = set.get(env.code.symbol(item[0])) {
                    frame[idx].set(value);
                }
            }
        }
        self.dynamic_set(env, set_node, Some(overrides))
    }

    #[cold]
    fn trace_overrides(&mut self, fail: Fail) -> Fail {
        self.trace(fail, None, "while evaluating the `__overrides` attribute")
    }

    /// Makes the bindings of a `let` or recursive set: cells first, then the captures that come
    /// later.
    #[inline(never)]
    pub(super) fn bind_group(&mut self, env: &Env<'h>, node: &Node) {
        let n = node.b as usize;
        let framed = node.n != 0;
        let start = if framed { node.a + 2 } else { node.a };
        let list = env.code.list(start, n * 2);
        let frame = framed.then(|| {
            let header = env.code.list(node.a, 2);
            let frame = Val::frame(&self.alloc, header[1] as usize);
            self.stack.set(env.base, header[0], frame);
            frame.as_frame().expect("just made")
        });
        for item in list.chunks_exact(2) {
            let value = env.node(item[1]);
            let (word, caps) = match value.op {
                Op::Thunk => Val::thunk(&self.alloc, &env.code.units[value.a as usize]),
                Op::Closure => Val::closure(&self.alloc, &env.code.units[value.a as usize]),
                _ => (self.delay(env, item[1]), &[][..]),
            };
            match frame {
                Some(frame) => frame[item[0] as usize].set(word),
                None => self.stack.set(env.base, item[0], word),
            }
            if value.k != CAPTURES_LATER {
                self.fill(env, value.b, caps);
            }
        }
        if node.k != CAPTURES_LATER {
            return;
        }
        for item in list.chunks_exact(2) {
            let value = env.node(item[1]);
            if matches!(value.op, Op::Thunk | Op::Closure) && value.k == CAPTURES_LATER {
                let cell = match frame {
                    Some(frame) => frame[item[0] as usize].get(),
                    None => self.stack.get(env.base, item[0]),
                };
                self.fill_cell(env, value, cell);
            }
        }
    }

    /// `a // b`. The right operand is evaluated first.
    #[inline(never)]
    pub(super) fn update(&mut self, env: &Env<'h>, node: &Node) -> Res<'h> {
        let right = self.update_operand(
            env,
            node.b,
            "in the right operand of the update (//) operator",
        )?;
        let left = self.update_operand(
            env,
            node.a,
            "in the left operand of the update (//) operator",
        )?;
        Ok(left.update(&self.alloc, right))
    }

    #[inline]
    fn update_operand(
        &mut self,
        env: &Env<'h>,
        id: u32,
        text: &'static str,
    ) -> Result<firn_heap::Set<'h, Code<'h>>, Fail> {
        let fail = match self.operand(env, id) {
            Ok(value) => match value.as_set() {
                Some(set) => return Ok(set),
                None => self.expected("a set", value, None),
            },
            // An operand that is itself `//` has said already which side failed.
            Err(fail) if env.node(id).op == Op::Update => return Err(fail),
            Err(fail) => fail,
        };
        let place = env.place(env.node(id).pos);
        Err(self.trace(fail, place, text))
    }

    /// `a ++ b`.
    #[inline(never)]
    pub(super) fn concat(&mut self, env: &Env<'h>, node: &Node) -> Res<'h> {
        let left = self.operand(env, node.a)?;
        let right = self.operand(env, node.b)?;
        let place = env.place(node.pos);
        let text = "while evaluating one of the elements to concatenate";
        let left_items = self.list_at(left, place, text)?;
        let right_items = self.list_at(right, place, text)?;
        if left_items.is_empty() {
            return Ok(right);
        }
        if right_items.is_empty() {
            return Ok(left);
        }
        Ok(Val::list_concat(&self.alloc, &[left_items, right_items]))
    }
}

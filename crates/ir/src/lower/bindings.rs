//! Sets and `let`: groups of bindings, recursive or not.
//!
//! The bindings of a `let` or recursive set are made in two steps at run time where they have to:
//! first a cell for each thunk and function, with the captures that are there, then the captures that come
//! later, so that each may capture every other. An inherited
//! name is resolved outside the group. A source of `inherit (e)` that is not a plain variable gets
//! a hidden place in the group, and each attribute taken from it is a thunk that selects.

use firn_symbol::Symbol;

use super::{Binding, Lower, Place};
use crate::ast::{AstId, AttrDef, Expr, Origin, Pos, SetDef};
use crate::code::{CAPTURES_LATER, Const, Node, NodeId, Op};
use crate::merge::overrides;

/// How the attributes of `inherit (e) …` reach the value of `e`.
#[derive(Clone, Copy)]
enum Source {
    /// Read the variable again.
    Variable(Symbol, Pos),
    /// A hidden place.
    Hidden(Binding),
}

/// Where the values of a group go.
struct Group {
    first_slot: u32,
    framed: bool,
    id: u32,
    /// Where its list begins in [`Lower::pending`]: slot or frame index and delayed value, in
    /// order.
    list: usize,
}

impl Lower<'_> {
    fn begin_group(&mut self, n: usize, framed: bool) -> Group {
        let n = n as u32;
        let first_slot = self.scopes.take_slots(if framed { 1 } else { n });
        let list = self.pending.len();
        if framed {
            self.pending.extend([first_slot, n]);
        }
        Group {
            first_slot,
            framed,
            id: self.scopes.begin_group(),
            list,
        }
    }

    fn place(group: &Group, idx: u32) -> Place {
        if group.framed {
            Place::Frame {
                slot: group.first_slot,
                idx,
            }
        } else {
            Place::Slot(group.first_slot + idx)
        }
    }

    fn member(&self, group: &Group, idx: u32) -> Binding {
        self.scopes.in_group(Self::place(group, idx), group.id, idx)
    }

    fn define(&mut self, group: &Group, idx: u32, value: NodeId) {
        let at = if group.framed {
            idx
        } else {
            group.first_slot + idx
        };
        self.pending.extend([at, value]);
    }

    fn finish_group(&mut self, group: &Group, body: NodeId, pos: Pos) -> NodeId {
        let n_words = self.pending.len() - group.list;
        let k = self.mark_later_captures(group);
        let start = self.list_from(group.list);
        self.scopes.free_slots(group.first_slot);
        self.emit(Node {
            op: Op::Let,
            k,
            n: u16::from(group.framed),
            a: start,
            b: n_words as u32 / 2 - u32::from(group.framed),
            c: body,
            pos,
        })
    }

    /// Finds the members that capture one which is made after them: when they are made, its slot
    /// holds something else. A frame is there from the start, whatever is in it.
    fn mark_later_captures(&mut self, group: &Group) -> u8 {
        if group.framed {
            return 0;
        }
        let members = &self.pending[group.list..];
        let mut any = 0;
        for (idx, member) in members.chunks_exact(2).enumerate() {
            let value = self.code.nodes[member[1] as usize];
            if !matches!(value.op, Op::Thunk | Op::Closure) {
                continue;
            }
            let n_caps = self.code.units[value.a as usize].n_caps as usize;
            let mut later = members[idx * 2 + 2..].chunks_exact(2);
            if later.any(|later| self.code.list(value.b, n_caps).contains(&later[0])) {
                self.code.nodes[member[1] as usize].k = CAPTURES_LATER;
                any = CAPTURES_LATER;
            }
        }
        any
    }

    /// The sources that can be read as variables, and how many others there are.
    fn sources(&self, set: &SetDef) -> (Vec<Option<Source>>, usize) {
        let sources: Vec<Option<Source>> = set
            .sources
            .iter()
            .map(|&source| match self.ast.expr(source) {
                Expr::Var(name) => Some(Source::Variable(name, self.ast.pos(source))),
                _ => None,
            })
            .collect();
        let hidden = sources.iter().filter(|source| source.is_none()).count();
        (sources, hidden)
    }

    /// Gives the remaining sources hidden places from `next` on.
    fn hide_sources(
        &mut self,
        group: &Group,
        sources: Vec<Option<Source>>,
        exprs: &[AstId],
        mut next: u32,
    ) -> Vec<Source> {
        sources
            .into_iter()
            .zip(exprs)
            .map(|(source, &expr)| {
                source.unwrap_or_else(|| {
                    let value = self.delayed(expr, false);
                    self.define(group, next, value);
                    let hidden = self.member(group, next);
                    next += 1;
                    Source::Hidden(hidden)
                })
            })
            .collect()
    }

    /// The delayed value of `inherit (source) name`.
    fn select_from(&mut self, source: Source, name: Symbol, pos: Pos) -> NodeId {
        self.thunk_of(pos, false, |lower| {
            let base = match source {
                Source::Variable(variable, pos) => lower.variable(variable, pos),
                Source::Hidden(binding) => lower.read(binding, pos),
            };
            let symbol = lower.symbol(name);
            let cache = lower.cache();
            lower.node(Op::Select, [base, symbol, cache], pos)
        })
    }

    fn attr_value(&mut self, attr: &AttrDef, sources: &[Source]) -> NodeId {
        match attr.origin {
            Origin::Plain | Origin::Inherited => self.delayed(attr.value, false),
            Origin::From(source) => self.select_from(sources[source as usize], attr.name, attr.pos),
        }
    }

    pub(super) fn let_in(&mut self, set: u32, body: AstId, pos: Pos) -> NodeId {
        let ast = self.ast;
        let set = &ast.sets[set as usize];
        let (sources, n_hidden) = self.sources(set);
        // An inherited variable needs no place of its own.
        let aliases: Vec<Option<Binding>> =
            set.attrs
                .iter()
                .map(|attr| match attr.origin {
                    Origin::Inherited => self.scopes.find(attr.name).filter(|&binding| {
                        !self.scopes.is_pending(binding) && self.stops.is_none()
                    }),
                    _ => None,
                })
                .collect();
        let n_own = aliases.iter().filter(|alias| alias.is_none()).count();
        let framed = n_own + n_hidden > self.frame_from();
        // What is inherited is read outside, before any name of the group is bound.
        let mut inherited = Vec::new();
        for (attr, alias) in set.attrs.iter().zip(&aliases) {
            if attr.origin == Origin::Inherited && alias.is_none() {
                inherited.push(self.delayed(attr.value, false));
            }
        }
        let mut inherited = inherited.into_iter();
        let group = self.begin_group(n_own + n_hidden, framed);
        let n_bound = self.scopes.n_bound();
        let mut next = 0;
        for (attr, alias) in set.attrs.iter().zip(&aliases) {
            let binding = alias.unwrap_or_else(|| {
                next += 1;
                self.member(&group, next - 1)
            });
            self.scopes.push(attr.name, binding);
        }
        let sources = self.hide_sources(&group, sources, &set.sources, next);
        let mut next = 0;
        for (attr, alias) in set.attrs.iter().zip(&aliases) {
            if alias.is_some() {
                continue;
            }
            let value = if attr.origin == Origin::Inherited {
                inherited.next().expect("one for each that is inherited")
            } else {
                self.attr_value(attr, &sources)
            };
            self.define(&group, next, value);
            self.scopes.member_is_ready();
            next += 1;
        }
        self.scopes.group_is_ready();
        let body = self.strict(body);
        let body = self.stop_at_let(body, pos);
        self.scopes.unbind_to(n_bound);
        self.finish_group(&group, body, pos)
    }

    pub(super) fn set(&mut self, set: u32, pos: Pos) -> NodeId {
        let ast = self.ast;
        let set = &ast.sets[set as usize];
        if set.attrs.is_empty() && set.dynamic.is_empty() {
            return self.constant(Const::EmptySet, pos);
        }
        if set.recursive {
            return self.recursive_set(set, pos);
        }
        let (sources, n_hidden) = self.sources(set);
        if n_hidden == 0 {
            let sources: Vec<Source> = sources.into_iter().flatten().collect();
            return self.plain_set(set, &sources, pos);
        }
        let group = self.begin_group(n_hidden, false);
        let sources = self.hide_sources(&group, sources, &set.sources, 0);
        self.scopes.group_is_ready();
        let body = self.plain_set(set, &sources, pos);
        self.finish_group(&group, body, pos)
    }

    fn plain_set(&mut self, set: &SetDef, sources: &[Source], pos: Pos) -> NodeId {
        let list = self.pending.len();
        for attr in &set.attrs {
            let value = self.attr_value(attr, sources);
            let name = self.symbol(attr.name);
            self.pending.extend([name, value, attr.pos.0]);
        }
        self.set_node(set, list, pos)
    }

    /// The node that makes a set of the delayed values pending from `list` on, and of the computed
    /// names.
    fn set_node(&mut self, set: &SetDef, list: usize, pos: Pos) -> NodeId {
        let start = self.list_from(list);
        let n_static = set.attrs.len() as u32;
        if set.dynamic.is_empty() {
            let site = self.code.n_sites;
            self.code.n_sites += 1;
            return self.node(Op::Set, [start, n_static, site], pos);
        }
        self.pending.push(set.dynamic.len() as u32);
        for dynamic in &set.dynamic {
            let name = self.strict(dynamic.name);
            let value = self.delayed(dynamic.value, false);
            self.pending.extend([name, value, dynamic.pos.0]);
        }
        let dynamic = self.list_from(list);
        self.node(Op::DynamicSet, [start, n_static, dynamic], pos)
    }

    fn recursive_set(&mut self, set: &SetDef, pos: Pos) -> NodeId {
        let (sources, n_hidden) = self.sources(set);
        let overridden = set.find(overrides());
        let n = set.attrs.len() + n_hidden;
        let framed = n > self.frame_from() || overridden.is_some();
        let mut inherited = Vec::new();
        for attr in &set.attrs {
            if attr.origin == Origin::Inherited {
                inherited.push(self.delayed(attr.value, false));
            }
        }
        let mut inherited = inherited.into_iter();
        let group = self.begin_group(n, framed);
        let n_bound = self.scopes.n_bound();
        for (idx, attr) in set.attrs.iter().enumerate() {
            let binding = self.member(&group, idx as u32);
            self.scopes.push(attr.name, binding);
        }
        let sources = self.hide_sources(&group, sources, &set.sources, set.attrs.len() as u32);
        for (idx, attr) in set.attrs.iter().enumerate() {
            let value = if attr.origin == Origin::Inherited {
                inherited.next().expect("one for each that is inherited")
            } else {
                self.attr_value(attr, &sources)
            };
            self.define(&group, idx as u32, value);
            // What may be overridden is read anew each time.
            if overridden.is_none() {
                self.scopes.member_is_ready();
            }
        }
        self.scopes.group_is_ready();
        let list = self.pending.len();
        for (idx, attr) in set.attrs.iter().enumerate() {
            let binding = self.member(&group, idx as u32);
            let value = self.read(binding, attr.pos);
            let name = self.symbol(attr.name);
            self.pending.extend([name, value, attr.pos.0]);
        }
        let mut body = self.set_node(set, list, pos);
        if let Some(idx) = overridden {
            body = self.node(Op::OverrideSet, [body, group.first_slot, idx as u32], pos);
        }
        self.scopes.unbind_to(n_bound);
        self.finish_group(&group, body, pos)
    }
}

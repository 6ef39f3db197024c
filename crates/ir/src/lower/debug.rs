//! Places where a debugger may stop.
//!
//! Code for a debugger has an [`Op::Stop`] around calls, selections and the bodies of `let` and of
//! functions. It lists all names that are in scope there with where their values are, so each unit
//! captures whatever a debugger could ask for. To keep that small, every group of bindings is in a
//! frame, which is one capture. Other code has none of this and pays nothing.

use firn_symbol::{FastMap, Symbol};

use super::scope::Added;
use super::{FRAME_FROM, Lower, Place};
use crate::ast::{Name, Pos, Span32};
use crate::code::{Level, Node, NodeId, Op};

/// What the places have in common.
#[derive(Default)]
pub(super) struct Stops {
    /// Constants with texts.
    texts: FastMap<Vec<u8>, u32>,
    /// The names of each group that is in a frame: where their list begins, and how many there are.
    frames: FastMap<(u32, u32), (u32, u32)>,
}

impl Lower<'_> {
    /// Groups with more bindings than this are in a frame.
    pub(super) fn frame_from(&self) -> usize {
        if self.stops.is_some() { 0 } else { FRAME_FROM }
    }

    pub(super) fn stop_at_root(&mut self, node: NodeId, pos: Pos) -> NodeId {
        let stop = self.stop(node, pos, || b"while evaluating an expression".to_vec());
        if stop != node {
            self.code.nodes[stop as usize].k = 1;
        }
        stop
    }

    pub(super) fn stop_at_call(&mut self, node: NodeId, pos: Pos) -> NodeId {
        match self.code.nodes[node as usize].op {
            Op::Apply | Op::Apply1 | Op::CallBuiltin => {
                self.stop(node, pos, || b"while calling a function".to_vec())
            }
            _ => node,
        }
    }

    pub(super) fn stop_at_selection(&mut self, node: NodeId, path: Span32, pos: Pos) -> NodeId {
        if self.stops.is_none() || self.code.nodes[node as usize].op == Op::Global {
            return node;
        }
        let mut text = b"while evaluating the attribute '".to_vec();
        for (idx, attr) in self.ast.path(path).iter().enumerate() {
            if idx > 0 {
                text.push(b'.');
            }
            match attr.name {
                Name::Static(name) => text.extend(name.as_bytes()),
                Name::Dynamic(value) => {
                    text.extend(b"\"${");
                    text.extend(self.ast.show(value, self.resolve));
                    text.extend(b"}\"");
                }
            }
        }
        text.push(b'\'');
        self.stop(node, pos, || text)
    }

    pub(super) fn stop_at_let(&mut self, node: NodeId, pos: Pos) -> NodeId {
        self.stop(node, pos, || {
            b"while evaluating a 'let' expression".to_vec()
        })
    }

    pub(super) fn stop_at_body(&mut self, node: NodeId, name: Option<Symbol>, pos: Pos) -> NodeId {
        self.stop(node, pos, || match name {
            Some(name) => [b"while calling '", name.as_bytes(), b"'"].concat(),
            None => b"while calling anonymous lambda".to_vec(),
        })
    }

    /// Lets a debugger stop before a node is evaluated, if there is one.
    fn stop(&mut self, node: NodeId, pos: Pos, text: impl FnOnce() -> Vec<u8>) -> NodeId {
        let Some(mut stops) = self.stops.take() else {
            return node;
        };
        let text = text();
        let text = if let Some(known) = stops.texts.get(&text) {
            *known
        } else {
            let constant = self.text_constant(&text);
            stops.texts.insert(text, constant);
            constant
        };
        let levels = self.levels(&mut stops);
        self.stops = Some(stops);
        let list = self.code.extra.len() as u32;
        for level in &levels {
            self.code.extra.extend(level.to_words());
        }
        self.emit(Node {
            op: Op::Stop,
            k: 0,
            n: u16::try_from(levels.len()).unwrap_or(u16::MAX),
            a: node,
            b: list,
            c: text,
            pos,
        })
    }

    /// The names in scope, level by level, innermost first.
    fn levels(&mut self, stops: &mut Stops) -> Vec<Level> {
        let mut levels = Vec::new();
        let added = self.scopes.outwards();
        let mut rest = added.as_slice();
        while let Some(first) = rest.first() {
            let (level, n) = match *first {
                Added::With(number) => {
                    let (location, _) = self.scopes.with(number);
                    (Level::With { location }, 1)
                }
                Added::Name(_, binding) => {
                    // A parameter is a level of its own, and so is a group.
                    let of_group = |it: &&Added| match it {
                        Added::Name(_, other) => {
                            let same_group =
                                (other.level, other.group) == (binding.level, binding.group);
                            same_group && (binding.group != 0 || is_in_frame(other.place))
                        }
                        Added::With(_) => false,
                    };
                    let n = rest.iter().take_while(of_group).count().max(1);
                    (self.names_level(stops, &rest[..n]), n)
                }
            };
            levels.push(level);
            rest = &rest[n..];
        }
        levels
    }

    fn names_level(&mut self, stops: &mut Stops, added: &[Added]) -> Level {
        let names = added.iter().rev().filter_map(|it| match *it {
            Added::Name(name, binding) => Some((name, binding)),
            Added::With(_) => None,
        });
        let mut frame = None;
        let mut pairs = Vec::with_capacity(added.len() * 2);
        for (name, binding) in names {
            let place = match binding.place {
                Place::Slot(slot) => self.scopes.encoded_location(binding.level, slot),
                Place::Frame { slot, idx } => {
                    frame = Some((binding, slot));
                    idx
                }
            };
            pairs.extend([self.symbol(name), place]);
        }
        let n = pairs.len() as u32 / 2;
        let start = self.code.extra.len() as u32;
        let Some((binding, slot)) = frame else {
            self.code.extra.extend(pairs);
            return Level::Variables { list: start, n };
        };
        let key = (binding.level, binding.group);
        let (list, n) = *stops.frames.entry(key).or_insert((start, n));
        if list == start {
            self.code.extra.extend(pairs);
        }
        let location = self.scopes.encoded_location(binding.level, slot);
        Level::Frame { location, list, n }
    }
}

fn is_in_frame(place: Place) -> bool {
    matches!(place, Place::Frame { .. })
}

//! Bindings into sets: `a.b = 1; a.c = 2;` is one `a`.
//!
//! Two definitions of one name are an error unless both are set literals, whose attributes are
//! then merged. A `rec` in front of the second is dropped and one in front of the first applies to
//! all, which is how the language has always been read.

use firn_parser::{SyntaxError, SyntaxErrorKind, TokenIdx};
use firn_symbol::Symbol;

use crate::ast::{AstId, AttrDef, DynamicDef, Expr, Name, Origin, Pos, SetDef, Span32};
use crate::show::show_name;
use crate::sink::{AstSink, Binding, Handle};

impl AstSink<'_> {
    fn add_set(&mut self) -> u32 {
        self.ast.sets.push(SetDef::default());
        self.ast.sets.len() as u32 - 1
    }

    /// The set that these bindings define.
    pub(crate) fn merge_bindings(&mut self, bindings: &[Handle]) -> u32 {
        let set = self.add_set();
        self.ast.sets[set as usize].attrs.reserve(bindings.len());
        for binding in bindings {
            match self.bindings[binding.0 as usize] {
                Binding::Error => {}
                Binding::Value {
                    path,
                    value,
                    pos,
                    time,
                } => self.add_path(set, path, value, pos, time),
                Binding::Inherit { names, from, time } => {
                    let origin = match from {
                        None => Origin::Inherited,
                        Some((source, _)) => {
                            let sources = &mut self.ast.sets[set as usize].sources;
                            sources.push(source);
                            Origin::From(sources.len() as u32 - 1)
                        }
                    };
                    for idx in 0..names.len as usize {
                        let attr = self.ast.path(names)[idx];
                        // A dynamic name was complained about by the parser.
                        let Name::Static(name) = attr.name else {
                            continue;
                        };
                        let value = match from {
                            None => self.ast.add(Expr::Var(name), attr.pos),
                            Some((source, _)) => source,
                        };
                        let definition = AttrDef {
                            name,
                            origin,
                            value,
                            pos: attr.pos,
                        };
                        let known = &mut self.ast.sets[set as usize];
                        if let Some(idx) = known.find(name) {
                            let previous = known.attrs[idx].pos;
                            self.duplicate(&[Name::Static(name)], attr.pos, previous, time);
                        } else {
                            known.push(definition);
                        }
                    }
                }
            }
        }
        set
    }

    /// The first names of a path.
    fn names(&self, path: Span32, n: usize) -> Vec<Name> {
        self.ast.path(path)[..n]
            .iter()
            .map(|attr| attr.name)
            .collect()
    }

    fn add_path(&mut self, set: u32, path: Span32, value: AstId, pos: Pos, time: TokenIdx) {
        let Some(n_outer) = (path.len as usize).checked_sub(1) else {
            return;
        };
        let mut set = set;
        for idx in 0..n_outer {
            set = match self.ast.path(path)[idx].name {
                Name::Static(symbol) => {
                    if let Some(known) = self.ast.sets[set as usize].find(symbol) {
                        let known = self.ast.sets[set as usize].attrs[known];
                        let Some(nested) = self.plain_set(&known) else {
                            let names = self.names(path, idx + 1);
                            self.duplicate(&names, pos, known.pos, time);
                            return;
                        };
                        nested
                    } else {
                        let (nested, value) = self.add_nested();
                        self.ast.sets[set as usize].push(AttrDef {
                            name: symbol,
                            origin: Origin::Plain,
                            value,
                            pos,
                        });
                        nested
                    }
                }
                Name::Dynamic(name) => {
                    let (nested, value) = self.add_nested();
                    self.ast.sets[set as usize]
                        .dynamic
                        .push(DynamicDef { name, value, pos });
                    nested
                }
            };
        }
        match self.ast.path(path)[n_outer].name {
            Name::Static(name) => {
                let definition = AttrDef {
                    name,
                    origin: Origin::Plain,
                    value,
                    pos,
                };
                self.add_definition(set, path, &mut Vec::new(), definition, time);
            }
            Name::Dynamic(name) => {
                self.ast.sets[set as usize]
                    .dynamic
                    .push(DynamicDef { name, value, pos });
            }
        }
    }

    fn add_nested(&mut self) -> (u32, AstId) {
        let nested = self.add_set();
        let value = self.ast.add(Expr::Set(nested), Pos::NONE);
        (nested, value)
    }

    fn plain_set(&self, definition: &AttrDef) -> Option<u32> {
        match (definition.origin, self.ast.expr(definition.value)) {
            (Origin::Plain, Expr::Set(set)) => Some(set),
            _ => None,
        }
    }

    /// Adds a definition whose name is the last of `path` and `inner` together.
    fn add_definition(
        &mut self,
        set: u32,
        path: Span32,
        inner: &mut Vec<Name>,
        definition: AttrDef,
        time: TokenIdx,
    ) {
        let Some(known) = self.ast.sets[set as usize].find(definition.name) else {
            if definition.origin == Origin::Plain {
                self.name_lambda(definition.value, definition.name);
            }
            self.ast.sets[set as usize].push(definition);
            return;
        };
        let known = self.ast.sets[set as usize].attrs[known];
        let (Some(target), Some(added)) = (self.plain_set(&known), self.plain_set(&definition))
        else {
            let mut names = self.names(path, path.len as usize);
            names.extend_from_slice(inner);
            self.duplicate(&names, definition.pos, known.pos, time);
            return;
        };
        let added = std::mem::take(&mut self.ast.sets[added as usize]);
        let n_sources = self.ast.sets[target as usize].sources.len() as u32;
        for mut attr in added.attrs {
            if let Origin::From(source) = &mut attr.origin {
                *source += n_sources;
            }
            inner.push(Name::Static(attr.name));
            self.add_definition(target, path, inner, attr, time);
            inner.pop();
        }
        let target = &mut self.ast.sets[target as usize];
        target.dynamic.extend(added.dynamic);
        target.sources.extend(added.sources);
    }

    fn duplicate(&mut self, path: &[Name], pos: Pos, previous: Pos, time: TokenIdx) {
        let mut text = Vec::new();
        for (idx, name) in path.iter().enumerate() {
            if idx > 0 {
                text.push(b'.');
            }
            show_name(&self.ast, *name, &mut text);
        }
        let start = pos.get().unwrap_or(0);
        let end = self.table.end(self.table.token_at(start));
        self.errors.push(SyntaxError::new(
            SyntaxErrorKind::DuplicateAttribute {
                path: text,
                previous: previous.get().unwrap_or(0),
            },
            start,
            end,
            time,
        ));
    }
}

/// The symbol that a recursive set may use to override its own attributes.
pub(crate) fn overrides() -> Symbol {
    Symbol::intern(b"__overrides")
}

//! How bindings become attribute sets: nested paths, merged literals, names defined twice.
//!
//! `a.b = 1; a = { c = 2; };` defines one set `a` with two attributes. The rule is the reference's:
//! a path walks down sets, making them as needed, and may enter any set that stands there as a
//! literal, parenthesised or not; two literals for one name are merged, where the later one's
//! `rec` is forgotten; everything else defined twice is an error. The sink that gives text a
//! meaning and the check that tools run use this one implementation, with names and expressions of
//! their own.
//!
//! Sets live in one arena and stay open until the sink takes them, since a later binding of an
//! enclosing set may still add to them. Nothing here recurses.

use std::collections::HashMap;
use std::hash::Hash;

use crate::TokenIdx;

/// Names a set of one [`AttrSets`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SetId(pub u32);

/// From this many attributes on a set has a hash index.
const INDEX_FROM: usize = 16;

/// What an attribute is bound to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AttrValue<E> {
    /// An expression that is no set literal.
    Expr(E),
    /// A set literal, or the set that a path made.
    Set(SetId),
    /// `inherit name;`: the variable of that name outside.
    Inherited,
    /// `inherit (e) name;`: an index into [`AttrSet::sources`].
    InheritedFrom(u32),
}

/// One attribute whose name is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attr<N, E> {
    /// The name.
    pub name: N,
    /// The first token of the path or the inherited name that defines it.
    pub at: TokenIdx,
    /// What it is bound to.
    pub value: AttrValue<E>,
}

/// One attribute whose name has to be computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DynamicAttr<E> {
    /// The name.
    pub name: E,
    /// The first token of the path that defines it.
    pub at: TokenIdx,
    /// What it is bound to: an expression or a set.
    pub value: AttrValue<E>,
}

/// A component of an attribute path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PathName<N, E> {
    /// A name known from the text.
    Static(N),
    /// A name to be computed.
    Dynamic(E),
}

/// A set under construction.
#[derive(Clone, Debug)]
pub struct AttrSet<N, E> {
    /// The first token of the literal, if it is one.
    pub at: Option<TokenIdx>,
    /// Whether attributes see each other.
    pub recursive: bool,
    /// Attributes in order of definition.
    pub attrs: Vec<Attr<N, E>>,
    /// Attributes with computed names, in order of definition.
    pub dynamic: Vec<DynamicAttr<E>>,
    /// What `inherit (e)` takes from: the expression and its first token.
    pub sources: Vec<(E, TokenIdx)>,
    index: HashMap<N, u32>,
}

/// A name defined twice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Duplicate<N> {
    /// The path to it, from the set that the offending binding stands in.
    pub path: Vec<N>,
    /// The first token of the later definition.
    pub at: TokenIdx,
    /// The first token of the earlier definition.
    pub previous: TokenIdx,
}

/// All sets of one text.
#[derive(Clone, Debug)]
pub struct AttrSets<N, E> {
    sets: Vec<AttrSet<N, E>>,
}

impl<N, E> Default for AttrSets<N, E> {
    fn default() -> Self {
        Self { sets: Vec::new() }
    }
}

impl<N: Copy + Eq + Hash, E: Copy> AttrSets<N, E> {
    /// No sets.
    pub fn new() -> Self {
        Self::default()
    }

    /// Starts a set; `at` is the first token of a literal.
    pub fn start(&mut self, at: Option<TokenIdx>, recursive: bool) -> SetId {
        self.sets.push(AttrSet {
            at,
            recursive,
            attrs: Vec::new(),
            dynamic: Vec::new(),
            sources: Vec::new(),
            index: HashMap::new(),
        });
        SetId(self.sets.len() as u32 - 1)
    }

    /// A set as it is so far.
    pub fn set(&self, id: SetId) -> &AttrSet<N, E> {
        &self.sets[id.0 as usize]
    }

    /// Takes a set out, leaving an empty one.
    pub fn take(&mut self, id: SetId) -> AttrSet<N, E> {
        let set = &mut self.sets[id.0 as usize];
        AttrSet {
            at: set.at,
            recursive: set.recursive,
            attrs: std::mem::take(&mut set.attrs),
            dynamic: std::mem::take(&mut set.dynamic),
            sources: std::mem::take(&mut set.sources),
            index: std::mem::take(&mut set.index),
        }
    }

    /// Adds `path = value;` to a set; `at` is the first token of the path.
    ///
    /// After an error the set holds what was defined first.
    pub fn bind(
        &mut self,
        set: SetId,
        path: &[PathName<N, E>],
        at: TokenIdx,
        value: AttrValue<E>,
    ) -> Result<(), Duplicate<N>> {
        let Some((last, parents)) = path.split_last() else {
            return Ok(());
        };
        let mut set = set;
        for (depth, name) in parents.iter().enumerate() {
            set = match *name {
                PathName::Static(name) => match self.find(set, name).copied() {
                    Some(Attr {
                        value: AttrValue::Set(nested),
                        ..
                    }) => nested,
                    Some(existing) => {
                        return Err(Duplicate {
                            path: static_names(&path[..=depth]),
                            at,
                            previous: existing.at,
                        });
                    }
                    None => {
                        let nested = self.start(None, false);
                        self.insert(set, name, at, AttrValue::Set(nested));
                        nested
                    }
                },
                PathName::Dynamic(name) => {
                    let nested = self.start(None, false);
                    let value = AttrValue::Set(nested);
                    self.sets[set.0 as usize]
                        .dynamic
                        .push(DynamicAttr { name, at, value });
                    nested
                }
            };
        }
        match *last {
            PathName::Dynamic(name) => {
                self.sets[set.0 as usize]
                    .dynamic
                    .push(DynamicAttr { name, at, value });
                Ok(())
            }
            PathName::Static(name) => {
                self.define(set, Attr { name, at, value })
                    .map_err(|mut duplicate| {
                        let mut names = static_names(parents);
                        names.append(&mut duplicate.path);
                        Duplicate {
                            path: names,
                            ..duplicate
                        }
                    })
            }
        }
    }

    /// Adds a name of `inherit …;`, or of `inherit (e) …;` with what [`AttrSets::source`] returned.
    pub fn inherit(
        &mut self,
        set: SetId,
        name: N,
        at: TokenIdx,
        source: Option<u32>,
    ) -> Result<(), Duplicate<N>> {
        if let Some(existing) = self.find(set, name) {
            return Err(Duplicate {
                path: vec![name],
                at,
                previous: existing.at,
            });
        }
        let value = source.map_or(AttrValue::Inherited, AttrValue::InheritedFrom);
        self.insert(set, name, at, value);
        Ok(())
    }

    /// Adds what an `inherit (e)` takes from; `at` is the first token of `e`.
    pub fn source(&mut self, set: SetId, expr: E, at: TokenIdx) -> u32 {
        let sources = &mut self.sets[set.0 as usize].sources;
        sources.push((expr, at));
        sources.len() as u32 - 1
    }

    /// The attribute of that name.
    pub fn find(&self, set: SetId, name: N) -> Option<&Attr<N, E>> {
        let set = &self.sets[set.0 as usize];
        if set.attrs.len() < INDEX_FROM {
            return set.attrs.iter().find(|attr| attr.name == name);
        }
        set.index.get(&name).map(|&idx| &set.attrs[idx as usize])
    }

    fn insert(&mut self, set: SetId, name: N, at: TokenIdx, value: AttrValue<E>) {
        let set = &mut self.sets[set.0 as usize];
        set.attrs.push(Attr { name, at, value });
        match set.attrs.len() {
            n if n < INDEX_FROM => {}
            INDEX_FROM => {
                let names = set.attrs.iter().enumerate();
                set.index = names.map(|(idx, it)| (it.name, idx as u32)).collect();
            }
            n => {
                set.index.insert(name, n as u32 - 1);
            }
        }
    }

    /// Defines a name, merging set literals; the path of an error starts with the name.
    fn define(&mut self, set: SetId, attr: Attr<N, E>) -> Result<(), Duplicate<N>> {
        // One entry per pair of sets being merged: what is left of the later one, in reverse.
        let mut merging: Vec<Merging<N, E>> = Vec::new();
        let mut target = set;
        let mut next = Some(attr);
        loop {
            while let Some(attr) = next.take() {
                match (self.find(target, attr.name).copied(), attr.value) {
                    (None, value) => self.insert(target, attr.name, attr.at, value),
                    (
                        Some(Attr {
                            value: AttrValue::Set(first),
                            ..
                        }),
                        AttrValue::Set(second),
                    ) => {
                        let mut attrs = self.absorb(first, second);
                        attrs.reverse();
                        merging.push((target, attr.name, attrs));
                        target = first;
                    }
                    (Some(existing), _) => {
                        let mut path: Vec<N> = merging.iter().map(|entry| entry.1).collect();
                        path.push(attr.name);
                        return Err(Duplicate {
                            path,
                            at: attr.at,
                            previous: existing.at,
                        });
                    }
                }
                next = merging.last_mut().and_then(|(_, _, attrs)| attrs.pop());
            }
            let Some((outer, ..)) = merging.pop() else {
                return Ok(());
            };
            target = outer;
            next = merging.last_mut().and_then(|(_, _, attrs)| attrs.pop());
        }
    }

    /// Moves dynamic attributes and sources of `second` to `first`; returns the attributes still to
    /// be merged.
    fn absorb(&mut self, first: SetId, second: SetId) -> Vec<Attr<N, E>> {
        let mut taken = self.take(second);
        let first = &mut self.sets[first.0 as usize];
        let shift = first.sources.len() as u32;
        first.sources.append(&mut taken.sources);
        first.dynamic.append(&mut taken.dynamic);
        for attr in &mut taken.attrs {
            if let AttrValue::InheritedFrom(source) = &mut attr.value {
                *source += shift;
            }
        }
        taken.attrs
    }
}

/// A set being merged into: the set around it, its name there, and what is still to be added.
type Merging<N, E> = (SetId, N, Vec<Attr<N, E>>);

fn static_names<N: Copy, E>(path: &[PathName<N, E>]) -> Vec<N> {
    path.iter()
        .filter_map(|name| match name {
            PathName::Static(name) => Some(*name),
            PathName::Dynamic(_) => None,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    type Sets = AttrSets<&'static str, u32>;

    fn path(text: &'static str) -> Vec<PathName<&'static str, u32>> {
        text.split('.').map(PathName::Static).collect()
    }

    fn show(sets: &Sets, id: SetId) -> String {
        let attrs = sets.set(id).attrs.iter().map(|attr| match attr.value {
            AttrValue::Expr(value) => format!("{}={value}", attr.name),
            AttrValue::Set(nested) => format!("{}={{{}}}", attr.name, show(sets, nested)),
            AttrValue::Inherited => attr.name.to_owned(),
            AttrValue::InheritedFrom(source) => format!("{}<{source}", attr.name),
        });
        attrs.collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn merges_paths_and_literals() {
        let mut sets = Sets::new();
        let literal = sets.start(Some(0), true);
        let source = sets.source(literal, 7, 1);
        assert!(sets.inherit(literal, "i", 2, Some(source)).is_ok());
        assert!(
            sets.bind(literal, &path("x.y"), 3, AttrValue::Expr(1))
                .is_ok()
        );
        let other = sets.start(Some(4), false);
        let source = sets.source(other, 8, 5);
        assert!(sets.inherit(other, "j", 6, Some(source)).is_ok());
        assert!(
            sets.bind(other, &path("x.z"), 7, AttrValue::Expr(2))
                .is_ok()
        );
        let root = sets.start(Some(8), false);
        assert!(
            sets.bind(root, &path("a"), 9, AttrValue::Set(literal))
                .is_ok()
        );
        assert!(
            sets.bind(root, &path("a"), 10, AttrValue::Set(other))
                .is_ok()
        );
        assert!(
            sets.bind(root, &path("a.k.l"), 11, AttrValue::Expr(3))
                .is_ok()
        );
        assert_eq!(show(&sets, root), "a={i<0 x={y=1 z=2} j<1 k={l=3}}");
        assert!(sets.set(literal).recursive);
    }

    #[test]
    fn names_what_is_defined_twice() {
        let mut sets = Sets::new();
        let root = sets.start(Some(0), false);
        assert!(sets.bind(root, &path("a.b"), 1, AttrValue::Expr(1)).is_ok());
        let check = |result: Result<(), Duplicate<&'static str>>, expected: &str, previous| {
            let duplicate = result.expect_err("it is defined twice");
            assert_eq!(duplicate.path.join("."), expected);
            assert_eq!(duplicate.previous, previous);
        };
        let again = sets.bind(root, &path("a.b.c"), 2, AttrValue::Expr(1));
        check(again, "a.b", 1);
        let literal = sets.start(Some(3), false);
        assert!(
            sets.bind(literal, &path("b"), 4, AttrValue::Expr(2))
                .is_ok()
        );
        let again = sets.bind(root, &path("a"), 3, AttrValue::Set(literal));
        check(again, "a.b", 1);
        let again = sets.inherit(root, "a", 5, None);
        check(again, "a", 1);
    }

    #[test]
    fn finds_names_in_large_sets() {
        let mut sets = AttrSets::<u32, u32>::new();
        let root = sets.start(Some(0), false);
        for name in 0..100 {
            assert!(sets.inherit(root, name, name, None).is_ok());
        }
        for name in 0..100 {
            assert!(sets.inherit(root, name, 200, None).is_err());
        }
    }
}

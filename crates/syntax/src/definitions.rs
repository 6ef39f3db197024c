//! The check for names defined twice, as a sink of its own.
//!
//! It keeps just enough of each construct to answer two questions: is this a set literal that later
//! bindings may add to, and is this a constant string that can serve as a name. Merging itself is
//! the parser's (`firn_parser::merge`), shared with the evaluator, so both give one verdict.

use std::collections::HashMap;

use firn_parser::merge::{AttrSets, AttrValue, Duplicate, PathName, SetId};
use firn_parser::strings::{IndentedPart, strip_indentation, unescape, write_name};
use firn_parser::{
    BinaryOperator, Pattern, SetKind, SyntaxError, SyntaxErrorKind, TokenIdx, TokenRange,
    TokenTable, TreeSink, UnaryOperator,
};

/// A name, as an index.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct NameIdx(u32);

/// What an expression means for names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meaning {
    /// Neither of the others.
    Other,
    /// A set literal.
    Set(SetId),
    /// A string known from the text.
    Constant(NameIdx),
}

/// A piece of a string.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Piece {
    /// Text, as a token.
    Text(TokenIdx),
    /// An interpolation.
    Computed(Meaning),
}

/// A component of a path, and where it starts.
type Component = (PathName<NameIdx, ()>, TokenIdx);

/// One item between braces.
#[derive(Clone, Copy, Debug)]
enum Item {
    Bind {
        path: PathIdx,
        value: Meaning,
        range: TokenRange,
    },
    Inherit {
        names: PathIdx,
        from: bool,
        range: TokenRange,
    },
    Nothing,
}

/// A section of the list of components.
#[derive(Clone, Copy, Debug)]
pub struct PathIdx(u32, u32);

/// An index into the list of items.
#[derive(Clone, Copy, Debug)]
pub struct ItemIdx(u32);

/// Finds names that are defined twice.
#[derive(Debug)]
pub struct Definitions<'t> {
    table: &'t TokenTable<'t>,
    names: Vec<Vec<u8>>,
    by_name: HashMap<Vec<u8>, NameIdx>,
    components: Vec<Component>,
    items: Vec<Item>,
    sets: AttrSets<NameIdx, ()>,
    errors: Vec<SyntaxError>,
}

impl<'t> Definitions<'t> {
    /// A check of the text with these tokens.
    pub fn new(table: &'t TokenTable<'t>) -> Self {
        Self {
            table,
            names: Vec::new(),
            by_name: HashMap::new(),
            components: Vec::new(),
            items: Vec::new(),
            sets: AttrSets::new(),
            errors: Vec::new(),
        }
    }

    /// What was found, in order of sets; sort by time to merge it with other errors.
    pub fn into_errors(self) -> Vec<SyntaxError> {
        self.errors
    }

    fn name(&mut self, text: &[u8]) -> NameIdx {
        if let Some(&name) = self.by_name.get(text) {
            return name;
        }
        let name = NameIdx(self.names.len() as u32);
        self.names.push(text.to_vec());
        self.by_name.insert(text.to_vec(), name);
        name
    }

    fn constant(&mut self, text: &[u8]) -> Meaning {
        Meaning::Constant(self.name(text))
    }

    fn duplicate(&mut self, duplicate: &Duplicate<NameIdx>, item: TokenRange) {
        let mut path = Vec::new();
        for (idx, name) in duplicate.path.iter().enumerate() {
            if idx > 0 {
                path.push(b'.');
            }
            write_name(&self.names[name.0 as usize], &mut path);
        }
        let bytes = self.table.byte_range(TokenRange::single(duplicate.at));
        self.errors.push(SyntaxError::new(
            SyntaxErrorKind::DuplicateAttribute {
                path,
                previous: self.table.start(duplicate.previous),
            },
            bytes.start,
            bytes.end,
            item.end - 1,
        ));
    }

    fn define(&mut self, set: SetId, items: &[ItemIdx]) {
        for item in items {
            match self.items[item.0 as usize] {
                Item::Nothing => {}
                Item::Bind { path, value, range } => {
                    let names: Vec<_> = self.components[path.0 as usize..path.1 as usize]
                        .iter()
                        .map(|component| component.0)
                        .collect();
                    let value = match value {
                        Meaning::Set(set) => AttrValue::Set(set),
                        Meaning::Other | Meaning::Constant(_) => AttrValue::Expr(()),
                    };
                    if let Err(duplicate) = self.sets.bind(set, &names, range.start, value) {
                        self.duplicate(&duplicate, range);
                    }
                }
                Item::Inherit { names, from, range } => {
                    let source = from.then(|| self.sets.source(set, (), range.start));
                    for idx in names.0..names.1 {
                        let (PathName::Static(name), at) = self.components[idx as usize] else {
                            continue;
                        };
                        if let Err(duplicate) = self.sets.inherit(set, name, at, source) {
                            self.duplicate(&duplicate, range);
                        }
                    }
                }
            }
        }
    }

    fn section(&mut self, components: &[Component]) -> PathIdx {
        let first = self.components.len() as u32;
        self.components.extend(components);
        PathIdx(first, self.components.len() as u32)
    }

    fn item(&mut self, item: Item) -> ItemIdx {
        self.items.push(item);
        ItemIdx(self.items.len() as u32 - 1)
    }
}

impl TreeSink for Definitions<'_> {
    type Expr = Meaning;
    type AttrPath = PathIdx;
    type Attr = Component;
    type Binding = ItemIdx;
    type Part = Piece;
    type Formal = ();

    fn error(&mut self, _: TokenRange) -> Meaning {
        Meaning::Other
    }

    fn error_binding(&mut self, _: TokenRange) -> ItemIdx {
        self.item(Item::Nothing)
    }

    fn variable(&mut self, _: TokenIdx) -> Meaning {
        Meaning::Other
    }

    fn current_position(&mut self, _: TokenIdx) -> Meaning {
        Meaning::Other
    }

    fn integer(&mut self, _: TokenIdx, _: i64) -> Meaning {
        Meaning::Other
    }

    fn float(&mut self, _: TokenIdx, _: f64) -> Meaning {
        Meaning::Other
    }

    fn search_path(&mut self, _: TokenIdx) -> Meaning {
        Meaning::Other
    }

    fn uri(&mut self, token: TokenIdx) -> Meaning {
        self.constant(self.table.text(token))
    }

    fn text(&mut self, token: TokenIdx) -> Piece {
        Piece::Text(token)
    }

    fn interpolation(&mut self, _: TokenRange, expr: Meaning) -> Piece {
        Piece::Computed(expr)
    }

    fn string(&mut self, _: TokenRange, parts: &[Piece]) -> Meaning {
        match *parts {
            [] => self.constant(b""),
            [Piece::Text(token)] => self.constant(&unescape(self.table.text(token))),
            _ => Meaning::Other,
        }
    }

    fn indented_string(&mut self, _: TokenRange, parts: &[Piece]) -> Meaning {
        let pieces: Vec<IndentedPart<'_>> = parts
            .iter()
            .map(|part| match part {
                Piece::Text(token) => IndentedPart::Text(self.table.text(*token)),
                Piece::Computed(_) => IndentedPart::Interpolation,
            })
            .collect();
        let computed = parts.iter().find_map(|part| match part {
            Piece::Computed(meaning) => Some(*meaning),
            Piece::Text(_) => None,
        });
        match strip_indentation(&pieces).as_slice() {
            [] => self.constant(b""),
            [Some(text)] => self.constant(text),
            [None] => match computed {
                Some(constant @ Meaning::Constant(_)) => constant,
                _ => Meaning::Other,
            },
            _ => Meaning::Other,
        }
    }

    fn path(&mut self, _: TokenRange, _: &[Piece]) -> Meaning {
        Meaning::Other
    }

    fn paren(&mut self, _: TokenRange, inner: Meaning) -> Meaning {
        inner
    }

    fn list(&mut self, _: TokenRange, _: &[Meaning]) -> Meaning {
        Meaning::Other
    }

    fn attr_set(&mut self, range: TokenRange, kind: SetKind, bindings: &[ItemIdx]) -> Meaning {
        let set = self.sets.start(Some(range.start), kind != SetKind::Plain);
        self.define(set, bindings);
        if kind == SetKind::LegacyLet {
            Meaning::Other
        } else {
            Meaning::Set(set)
        }
    }

    fn attr_name(&mut self, token: TokenIdx) -> Component {
        let name = self.name(self.table.text(token));
        (PathName::Static(name), token)
    }

    fn attr_string(&mut self, range: TokenRange, parts: &[Piece]) -> Component {
        match self.string(range, parts) {
            Meaning::Constant(name) => (PathName::Static(name), range.start),
            _ => (PathName::Dynamic(()), range.start),
        }
    }

    fn attr_dynamic(&mut self, range: TokenRange, expr: Meaning) -> Component {
        match expr {
            Meaning::Constant(name) => (PathName::Static(name), range.start),
            _ => (PathName::Dynamic(()), range.start),
        }
    }

    fn attr_path(&mut self, _: TokenRange, attrs: &[Component]) -> PathIdx {
        self.section(attrs)
    }

    fn binding(&mut self, range: TokenRange, path: PathIdx, value: Meaning) -> ItemIdx {
        self.item(Item::Bind { path, value, range })
    }

    fn inherit(
        &mut self,
        range: TokenRange,
        from: Option<(Meaning, TokenRange)>,
        names: &[Component],
    ) -> ItemIdx {
        let names = self.section(names);
        self.item(Item::Inherit {
            names,
            from: from.is_some(),
            range,
        })
    }

    fn select(&mut self, _: TokenRange, _: Meaning, _: PathIdx, _: Option<Meaning>) -> Meaning {
        Meaning::Other
    }

    fn apply(&mut self, _: TokenRange, _: Meaning, _: &[Meaning]) -> Meaning {
        Meaning::Other
    }

    fn unary(&mut self, _: TokenRange, _: UnaryOperator, _: Meaning) -> Meaning {
        Meaning::Other
    }

    fn binary(
        &mut self,
        _: TokenRange,
        _: BinaryOperator,
        _: TokenIdx,
        _: Meaning,
        _: Meaning,
    ) -> Meaning {
        Meaning::Other
    }

    fn has_attr(&mut self, _: TokenRange, _: Meaning, _: PathIdx) -> Meaning {
        Meaning::Other
    }

    fn lambda(&mut self, _: TokenRange, _: TokenIdx, _: Meaning) -> Meaning {
        Meaning::Other
    }

    fn lambda_pattern(&mut self, _: TokenRange, _: Pattern<'_, ()>, _: Meaning) -> Meaning {
        Meaning::Other
    }

    fn formal(&mut self, _: TokenRange, _: TokenIdx, _: Option<Meaning>) {}

    fn assert(&mut self, _: TokenRange, _: Meaning, _: Meaning) -> Meaning {
        Meaning::Other
    }

    fn with(&mut self, _: TokenRange, _: Meaning, _: Meaning) -> Meaning {
        Meaning::Other
    }

    fn let_in(&mut self, range: TokenRange, bindings: &[ItemIdx], _: Meaning) -> Meaning {
        let set = self.sets.start(Some(range.start), true);
        self.define(set, bindings);
        Meaning::Other
    }

    fn if_else(&mut self, _: TokenRange, _: Meaning, _: Meaning, _: Meaning) -> Meaning {
        Meaning::Other
    }
}

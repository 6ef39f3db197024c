//! The expression as written, after the desugaring that needs no scopes: attribute paths merged,
//! operators that are calls turned into calls, strings stripped and unescaped, names on lambdas.
//!
//! One arena per text; children are indices, and nothing recurses when it is dropped. The sink
//! (`sink.rs`) builds it, name resolution (`lower/`) and printing (`show.rs`) read it.

use firn_symbol::Symbol;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// Names an expression of one [`Ast`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct AstId(pub(crate) u32);

/// A byte offset, or nowhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(transparent)]
pub struct Pos(pub u32);

impl Pos {
    /// No position.
    pub const NONE: Self = Self(u32::MAX);

    /// The offset, if there is one.
    pub fn get(self) -> Option<u32> {
        (self != Self::NONE).then_some(self.0)
    }
}

/// A section of one of the arena's lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span32 {
    pub(crate) start: u32,
    pub(crate) len: u32,
}

/// An expression.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Expr {
    /// Only after a syntax error.
    Error,
    Int(i64),
    Float(f64),
    /// Bytes in the arena.
    Str(Span32),
    /// A path as written, in bytes of the arena.
    Path(Span32),
    Var(Symbol),
    CurPos,
    Select {
        base: AstId,
        path: Span32,
        default: Option<AstId>,
    },
    HasAttr {
        base: AstId,
        path: Span32,
    },
    Apply {
        function: AstId,
        args: Span32,
    },
    /// `x: body`.
    Lambda {
        /// In [`Ast::lambdas`].
        lambda: u32,
        body: AstId,
    },
    Set(u32),
    Let {
        set: u32,
        body: AstId,
    },
    List(Span32),
    With {
        scope: AstId,
        body: AstId,
    },
    If {
        condition: AstId,
        then: AstId,
        otherwise: AstId,
    },
    Assert {
        condition: AstId,
        body: AstId,
    },
    Not(AstId),
    Equal(AstId, AstId),
    NotEqual(AstId, AstId),
    And(AstId, AstId),
    Or(AstId, AstId),
    Implication(AstId, AstId),
    Update(AstId, AstId),
    Concat(AstId, AstId),
    /// Interpolation, or `+`, which does not force a string.
    Strings {
        force: bool,
        /// In [`Ast::parts`].
        parts: Span32,
    },
}

/// One component of an attribute path.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Name {
    Static(Symbol),
    Dynamic(AstId),
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Attr {
    pub(crate) name: Name,
    pub(crate) pos: Pos,
}

/// Where the value of an attribute comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// `a = e;`.
    Plain,
    /// `inherit a;`: the variable of the scope around.
    Inherited,
    /// `inherit (e) a;`: the attribute of the source with this index.
    From(u32),
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct AttrDef {
    pub(crate) name: Symbol,
    pub(crate) origin: Origin,
    /// The value; for an inherited attribute a variable, and meaningless for one from a source.
    pub(crate) value: AstId,
    pub(crate) pos: Pos,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct DynamicDef {
    pub(crate) name: AstId,
    pub(crate) value: AstId,
    pub(crate) pos: Pos,
}

/// A set or the bindings of a `let`.
#[derive(Debug, Default)]
pub(crate) struct SetDef {
    pub(crate) recursive: bool,
    pub(crate) attrs: Vec<AttrDef>,
    /// Index of names, kept once there are many.
    pub(crate) index: Option<firn_symbol::FastMap<Symbol, u32>>,
    pub(crate) dynamic: Vec<DynamicDef>,
    pub(crate) sources: Vec<AstId>,
    pub(crate) pos: Option<u32>,
}

const INDEX_FROM: usize = 12;

impl SetDef {
    pub(crate) fn find(&self, name: Symbol) -> Option<usize> {
        match &self.index {
            Some(index) => index.get(&name).map(|&idx| idx as usize),
            None => self.attrs.iter().position(|attr| attr.name == name),
        }
    }

    pub(crate) fn push(&mut self, attr: AttrDef) {
        if let Some(index) = &mut self.index {
            index.insert(attr.name, self.attrs.len() as u32);
        } else if self.attrs.len() == INDEX_FROM {
            let mut index = firn_symbol::FastMap::default();
            for (idx, attr) in self.attrs.iter().enumerate() {
                index.insert(attr.name, idx as u32);
            }
            index.insert(attr.name, self.attrs.len() as u32);
            self.index = Some(index);
        }
        self.attrs.push(attr);
    }
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Formal {
    pub(crate) name: Symbol,
    pub(crate) default: Option<AstId>,
    pub(crate) pos: Pos,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Formals {
    /// In [`Ast::formals`].
    pub(crate) items: Span32,
    pub(crate) ellipsis: bool,
}

/// A parameter, and what is known about the function.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LambdaDef {
    /// `x:` or the name bound with `@`.
    pub(crate) arg: Option<Symbol>,
    pub(crate) formals: Option<Formals>,
    pub(crate) name: Option<Symbol>,
    /// Bytes of the documentation comment in the source.
    pub(crate) doc: Option<(u32, u32)>,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Part {
    pub(crate) value: AstId,
    pub(crate) pos: Pos,
}

/// All expressions of one text.
#[derive(Debug, Default)]
pub struct Ast {
    pub(crate) exprs: Vec<Expr>,
    pub(crate) positions: Vec<Pos>,
    /// Lists of expressions.
    pub(crate) lists: Vec<AstId>,
    pub(crate) attrs: Vec<Attr>,
    pub(crate) parts: Vec<Part>,
    pub(crate) formals: Vec<Formal>,
    pub(crate) lambdas: Vec<LambdaDef>,
    pub(crate) sets: Vec<SetDef>,
    pub(crate) bytes: Vec<u8>,
}

impl Ast {
    pub(crate) fn add(&mut self, expr: Expr, pos: Pos) -> AstId {
        let id = AstId(self.exprs.len() as u32);
        self.exprs.push(expr);
        self.positions.push(pos);
        id
    }

    pub(crate) fn expr(&self, id: AstId) -> Expr {
        self.exprs[id.0 as usize]
    }

    /// Where an expression was written, as errors show it.
    pub fn pos(&self, id: AstId) -> Pos {
        self.positions[id.0 as usize]
    }

    pub(crate) fn list(&self, span: Span32) -> &[AstId] {
        &self.lists[span.start as usize..(span.start + span.len) as usize]
    }

    pub(crate) fn path(&self, span: Span32) -> &[Attr] {
        &self.attrs[span.start as usize..(span.start + span.len) as usize]
    }

    pub(crate) fn parts(&self, span: Span32) -> &[Part] {
        &self.parts[span.start as usize..(span.start + span.len) as usize]
    }

    pub(crate) fn formals(&self, span: Span32) -> &[Formal] {
        &self.formals[span.start as usize..(span.start + span.len) as usize]
    }

    pub(crate) fn bytes(&self, span: Span32) -> &[u8] {
        &self.bytes[span.start as usize..(span.start + span.len) as usize]
    }

    pub(crate) fn add_bytes(&mut self, bytes: &[u8]) -> Span32 {
        let start = self.bytes.len() as u32;
        self.bytes.extend_from_slice(bytes);
        Span32 {
            start,
            len: bytes.len() as u32,
        }
    }

    pub(crate) fn add_list(&mut self, items: &[AstId]) -> Span32 {
        let start = self.lists.len() as u32;
        self.lists.extend_from_slice(items);
        Span32 {
            start,
            len: items.len() as u32,
        }
    }

    /// Whether an expression is a set literal, as a flake's file must be.
    pub fn is_set(&self, id: AstId) -> bool {
        matches!(self.expr(id), Expr::Set(_))
    }
}

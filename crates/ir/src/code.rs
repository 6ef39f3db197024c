//! The executable form of one text.
//!
//! Plain parallel arrays of fixed-width records and no pointers: children are indices into
//! [`Code::nodes`], lists are runs of words in [`Code::extra`], names are indices into the text's
//! own table of symbols. Whoever loads it turns the constants into values and gives each cache
//! index a cache. That makes the form fit for being written out and mapped in again.
//!
//! An expression stands either where its value is needed (it is *evaluated*) or where it is passed
//! on unevaluated (it is *delayed*: an argument, an element, an attribute, a binding). Delayed
//! places hold only [`Op::Const`], [`Op::Global`], variables, [`Op::Closure`], [`Op::Thunk`],
//! [`Op::EagerBinary`] and [`Op::EagerSelect`].

use firn_symbol::Symbol;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, TryFromBytes};

use crate::ast::Pos;

/// Names a node of one [`Code`].
pub type NodeId = u32;

/// No node, no cache, no name: the absent value of any index.
pub const NONE: u32 = u32::MAX;

/// Set in a location that is a capture; otherwise it is a local slot.
pub const CAPTURE: u32 = 1 << 31;

/// What [`Node::k`] says of a thunk or function that captures a member of its group which is made
/// after it, and of the group that has any such member.
pub const CAPTURES_LATER: u8 = 1;

/// What a node does. The comment says what `a`, `b`, `c`, `n` and `k` are; lists are in
/// [`Code::extra`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, TryFromBytes, IntoBytes, Immutable)]
#[repr(u8)]
pub enum Op {
    /// a: constant.
    Const,
    /// a: number of a global.
    Global,
    /// a: slot.
    Local,
    /// a: capture.
    Capture,
    /// a: slot that holds a frame, b: index in it.
    LocalFrame,
    /// a: capture that is a frame, b: index in it.
    CaptureFrame,
    /// A name that only `with` can give. a: symbol, b: list of (location of the set, cache, offset
    /// of the `with`), n: how many, innermost first.
    With,
    /// a: base, b: symbol, c: cache.
    Select,
    /// a: base, b: list of (1, symbol, cache) or (0, node, constant with its text), n: how many, c: default or none.
    SelectPath,
    /// a: base, b: list as for a path, n: how many.
    HasAttr,
    /// a: function, b: argument (delayed).
    Apply1,
    /// a: function, b: list of delayed arguments, n: how many.
    Apply,
    /// a: number of a builtin, b: list of arguments, n: how many. Those of the builtin's strict
    /// mask are evaluated, the others delayed.
    CallBuiltin,
    /// a, b: operands.
    Sub,
    /// a, b: operands.
    Mul,
    /// a, b: operands.
    Div,
    /// a, b: operands.
    Less,
    /// a, b: operands, c: offset of the right one; the left one's is that of the first part.
    Add,
    /// a: list of (node, offset), b: how many, k: 1 if the result is always a string.
    Strings,
    /// a, b: operands.
    Equal,
    /// a, b: operands.
    NotEqual,
    /// a, b: operands.
    And,
    /// a, b: operands.
    Or,
    /// a, b: operands.
    Implication,
    /// a: operand.
    Not,
    /// a, b: operands; the right one is evaluated first.
    Update,
    /// a, b: operands.
    Concat,
    /// a: unit, b: list of captured locations, k: [`CAPTURES_LATER`] or 0.
    Closure,
    /// a: unit, b: list of captured locations, k: [`CAPTURES_LATER`] or 0.
    Thunk,
    /// Delayed arithmetic on two variables or constants. k: the operation, a, b: the operands,
    /// c: the thunk in case it is not simple.
    EagerBinary,
    /// Delayed selection from a variable. a: the selection, c: the thunk.
    EagerSelect,
    /// a: list of delayed elements, b: how many.
    List,
    /// a: list of (symbol, delayed value, offset), b: how many, c: site.
    Set,
    /// Like a set, then computed names. a: list, b: how many static, c: list of (name, delayed
    /// value, offset), n: how many of those.
    DynamicSet,
    /// The attributes of a recursive set that may override itself. a: the set or dynamic set,
    /// b: slot of the frame that its attributes are in, c: index of `__overrides` in it; the
    /// attribute at position i of the set's list is field i of the frame.
    OverrideSet,
    /// a: list of (slot or frame index, delayed value), b: how many, c: body, n: 1 if the bindings
    /// are in a frame, whose slot comes first in the list, followed by its size, k: [`CAPTURES_LATER`]
    /// or 0.
    Let,
    /// a: the set (delayed), b: body, c: slot of the set.
    WithScope,
    /// a: condition, b, c: branches.
    If,
    /// a: condition, b: body, c: constant with the text of the condition.
    Assert,
    /// The position of the node as a set.
    CurPos,
    /// Only in code that no text stands for: one application of a row. Capture 0: the function,
    /// capture 1: a list, a set, or null; slot 0: the number of the element, of the attribute, or
    /// the argument itself.
    ApplyNth,
    /// A place where a debugger may stop; only in code that was made for one. a: what is evaluated
    /// here, b: list of [`Level`]s, n: how many, innermost first, c: constant with the text of what
    /// is being done, k: 1 if that is the whole of a text.
    Stop,
}

/// How many words of a list describe one level of names for a debugger.
pub const LEVEL_WORDS: usize = 4;

/// Names that came into scope together, as a debugger shows them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// Variables. A list of (symbol, location), and how many.
    Variables {
        /// Where the list begins.
        list: u32,
        /// How many pairs.
        n: u32,
    },
    /// Fields of a frame. A list of (symbol, index), and how many.
    Frame {
        /// The location of the frame.
        location: u32,
        /// Where the list begins.
        list: u32,
        /// How many pairs.
        n: u32,
    },
    /// The set of a `with`.
    With {
        /// Its location.
        location: u32,
    },
}

impl Level {
    /// As words of a list.
    pub fn to_words(self) -> [u32; LEVEL_WORDS] {
        match self {
            Self::Variables { list, n } => [0, 0, list, n],
            Self::Frame { location, list, n } => [1, location, list, n],
            Self::With { location } => [2, location, 0, 0],
        }
    }

    /// From words of a list.
    pub fn from_words(words: [u32; LEVEL_WORDS]) -> Self {
        let [kind, location, list, n] = words;
        match kind {
            0 => Self::Variables { list, n },
            1 => Self::Frame { location, list, n },
            _ => Self::With { location },
        }
    }
}

/// One instruction.
#[derive(Clone, Copy, Debug, TryFromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Node {
    /// What to do.
    pub op: Op,
    /// Small operand.
    pub k: u8,
    /// Small count.
    pub n: u16,
    /// Operand.
    pub a: u32,
    /// Operand.
    pub b: u32,
    /// Operand.
    pub c: u32,
    /// Where it was written.
    pub pos: Pos,
}

/// A run of [`Code::bytes`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bytes {
    /// Where it begins.
    pub start: u32,
    /// How long it is.
    pub len: u32,
}

/// A constant.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Const {
    /// An integer.
    Int(i64),
    /// A float.
    Float(f64),
    /// A string without context.
    Str(Bytes),
    /// A path as written: absolute, relative to the text's directory, or `~/…`.
    Path(Bytes),
    /// The empty list.
    EmptyList,
    /// The empty set.
    EmptySet,
    /// A list or set of constants, delayed; a unit.
    Thunk(u32),
}

/// The body of a function or of a thunk.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct UnitInfo {
    /// Where it begins.
    pub entry: NodeId,
    /// In [`Code::lambdas`], or [`NONE`] for a thunk.
    pub lambda: u32,
    /// Number of captures.
    pub n_caps: u32,
    /// Number of slots, arguments first.
    pub n_slots: u32,
    /// Number of arguments.
    pub arity: u32,
}

/// One formal of a function that takes a set apart.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct FormalInfo {
    /// Its name, a symbol of the code.
    pub name: u32,
    /// The slot it goes to.
    pub slot: u32,
    /// Its default (delayed), or [`NONE`].
    pub default: NodeId,
    /// Where it was written.
    pub pos: Pos,
}

/// What is known about a function.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct LambdaInfo {
    /// The name it was bound to, a symbol of the code, or [`NONE`].
    pub name: u32,
    /// List of a pair for each parameter, outermost first: its name or that of the whole argument,
    /// or [`NONE`]; and where it was written.
    pub params: u32,
    /// Number of parameters.
    pub n_params: u32,
    /// The first of its formals in [`Code::formals`].
    pub formals: u32,
    /// How many formals there are, if the argument is taken apart; else [`NONE`].
    pub n_formals: u32,
    /// 1 if further attributes are allowed, or 0.
    pub ellipsis: u32,
    /// The first of as many caches as there are formals.
    pub cache: u32,
    /// Where the documentation comment begins and ends in the source; [`NONE`] if there is none.
    pub doc: [u32; 2],
}

/// One text, ready to run.
#[derive(Debug, Default)]
pub struct Code {
    /// Instructions.
    pub nodes: Vec<Node>,
    /// Lists of operands.
    pub extra: Vec<u32>,
    /// Constants.
    pub consts: Vec<Const>,
    /// The texts of constants.
    pub bytes: Vec<u8>,
    /// Names.
    pub symbols: Vec<Symbol>,
    /// Bodies; the last one is the whole text.
    pub units: Vec<UnitInfo>,
    /// Functions.
    pub lambdas: Vec<LambdaInfo>,
    /// The formals of all functions.
    pub formals: Vec<FormalInfo>,
    /// Number of inline caches.
    pub n_caches: u32,
    /// Number of set literals.
    pub n_sites: u32,
    /// The unit of the whole text. It captures one frame with the names of the scope it was made
    /// for, if it uses any.
    pub root: u32,
    /// Whether the whole text is a set literal.
    pub is_set: bool,
}

impl Code {
    /// A run of operands.
    #[inline]
    pub fn list(&self, start: u32, len: usize) -> &[u32] {
        &self.extra[start as usize..start as usize + len]
    }

    /// The text of a constant.
    pub fn text(&self, bytes: Bytes) -> &[u8] {
        &self.bytes[bytes.start as usize..(bytes.start + bytes.len) as usize]
    }
}

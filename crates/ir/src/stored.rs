//! Code written out, to be mapped and used in place.
//!
//! Everything is made of 32-bit words of this machine, so that instructions, operands and the
//! descriptions of functions are slices of the mapped bytes; only names, constants and units are
//! made anew when the code is loaded. The numbers of the header say how long each part is:
//!
//! | part | bytes each |
//! |---|---:|
//! | header | 64 |
//! | instructions | 20 |
//! | operands | 4 |
//! | constants: kind, two words of value, nothing | 16 |
//! | units | 20 |
//! | functions | 36 |
//! | formals | 16 |
//! | lengths of names | 4 |
//! | texts of constants | 1 |
//! | names, one behind the other | 1 |
//!
//! Reading checks that the parts fill the bytes exactly and that every instruction is one, which is
//! what makes the slices sound. That indices lie within their parts is not checked: whoever stores
//! the form also stores a checksum of it, and an index out of range would be a panic, never worse.

use firn_symbol::Symbol;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, TryFromBytes};

use crate::code::{Bytes, Code, Const, FormalInfo, LambdaInfo, Node, UnitInfo};

/// Changes whenever the form does.
pub const STORED_VERSION: u32 = 1;

#[derive(Clone, Copy, Default, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
struct Header {
    n_nodes: u32,
    n_extra: u32,
    n_consts: u32,
    n_units: u32,
    n_lambdas: u32,
    n_formals: u32,
    n_symbols: u32,
    n_bytes: u32,
    n_symbol_bytes: u32,
    n_caches: u32,
    n_sites: u32,
    root: u32,
    is_set: u32,
    version: u32,
    unused: [u32; 2],
}

/// A constant: what it is, and its value in two words.
#[derive(Clone, Copy, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
struct StoredConst {
    kind: u32,
    value: [u32; 2],
    unused: u32,
}

const INT: u32 = 0;
const FLOAT: u32 = 1;
const STR: u32 = 2;
const PATH: u32 = 3;
const EMPTY_LIST: u32 = 4;
const EMPTY_SET: u32 = 5;
const THUNK: u32 = 6;

fn halves(value: u64) -> [u32; 2] {
    [value as u32, (value >> 32) as u32]
}

impl StoredConst {
    fn new(value: Const) -> Self {
        let (kind, value) = match value {
            Const::Int(value) => (INT, halves(value as u64)),
            Const::Float(value) => (FLOAT, halves(value.to_bits())),
            Const::Str(bytes) => (STR, [bytes.start, bytes.len]),
            Const::Path(bytes) => (PATH, [bytes.start, bytes.len]),
            Const::EmptyList => (EMPTY_LIST, [0; 2]),
            Const::EmptySet => (EMPTY_SET, [0; 2]),
            Const::Thunk(unit) => (THUNK, [unit, 0]),
        };
        Self {
            kind,
            value,
            unused: 0,
        }
    }

    fn get(self) -> Const {
        let [low, high] = self.value;
        let wide = u64::from(high) << 32 | u64::from(low);
        let bytes = Bytes {
            start: low,
            len: high,
        };
        match self.kind {
            INT => Const::Int(wide as i64),
            FLOAT => Const::Float(f64::from_bits(wide)),
            STR => Const::Str(bytes),
            PATH => Const::Path(bytes),
            EMPTY_LIST => Const::EmptyList,
            THUNK => Const::Thunk(low),
            _ => Const::EmptySet,
        }
    }
}

/// Code in its written form.
#[derive(Clone, Copy)]
pub struct StoredCode<'a> {
    /// Instructions.
    pub nodes: &'a [Node],
    /// Lists of operands.
    pub extra: &'a [u32],
    /// Bodies.
    pub units: &'a [UnitInfo],
    /// Functions.
    pub lambdas: &'a [LambdaInfo],
    /// The formals of all functions.
    pub formals: &'a [FormalInfo],
    /// The texts of constants.
    pub bytes: &'a [u8],
    /// Number of inline caches.
    pub n_caches: u32,
    /// Number of set literals.
    pub n_sites: u32,
    /// The unit of the whole text.
    pub root: u32,
    /// Whether the whole text is a set literal.
    pub is_set: bool,
    consts: &'a [StoredConst],
    name_lengths: &'a [u32],
    names: &'a [u8],
}

/// Takes `n` values off the front.
fn take<'a, T: TryFromBytes + KnownLayout + Immutable>(
    rest: &mut &'a [u8],
    n: u32,
) -> Option<&'a [T]> {
    let (values, after) = <[T]>::try_ref_from_prefix_with_elems(rest, n as usize).ok()?;
    *rest = after;
    Some(values)
}

impl<'a> StoredCode<'a> {
    /// The code in these bytes, which have to begin at a multiple of 4; nothing if they are no code
    /// of this version.
    pub fn read(bytes: &'a [u8]) -> Option<Self> {
        let (header, mut rest) = Header::read_from_prefix(bytes).ok()?;
        if header.version != STORED_VERSION {
            return None;
        }
        let rest = &mut rest;
        let code = Self {
            nodes: take(rest, header.n_nodes)?,
            extra: take(rest, header.n_extra)?,
            consts: take(rest, header.n_consts)?,
            units: take(rest, header.n_units)?,
            lambdas: take(rest, header.n_lambdas)?,
            formals: take(rest, header.n_formals)?,
            name_lengths: take(rest, header.n_symbols)?,
            bytes: take(rest, header.n_bytes)?,
            names: take(rest, header.n_symbol_bytes)?,
            n_caches: header.n_caches,
            n_sites: header.n_sites,
            root: header.root,
            is_set: header.is_set != 0,
        };
        let total: u64 = code.name_lengths.iter().map(|&len| u64::from(len)).sum();
        let is_whole = rest.is_empty() && total == u64::from(header.n_symbol_bytes);
        (is_whole && header.root < header.n_units).then_some(code)
    }

    /// Its names, interned.
    pub fn symbols(&self) -> impl ExactSizeIterator<Item = Symbol> {
        let mut names = self.names;
        self.name_lengths.iter().map(move |&len| {
            let (name, rest) = names.split_at(len as usize);
            names = rest;
            Symbol::intern(name)
        })
    }

    /// Its constants.
    pub fn consts(&self) -> impl ExactSizeIterator<Item = Const> {
        self.consts.iter().map(|it| it.get())
    }

    /// The text of a constant.
    pub fn text(&self, bytes: Bytes) -> &'a [u8] {
        &self.bytes[bytes.start as usize..][..bytes.len as usize]
    }
}

impl Code {
    /// The written form; nothing if it would be too large.
    pub fn write(&self) -> Option<Vec<u8>> {
        let n = |len: usize| u32::try_from(len).ok();
        let names: usize = self.symbols.iter().map(|it| it.as_bytes().len()).sum();
        let header = Header {
            n_nodes: n(self.nodes.len())?,
            n_extra: n(self.extra.len())?,
            n_consts: n(self.consts.len())?,
            n_units: n(self.units.len())?,
            n_lambdas: n(self.lambdas.len())?,
            n_formals: n(self.formals.len())?,
            n_symbols: n(self.symbols.len())?,
            n_bytes: n(self.bytes.len())?,
            n_symbol_bytes: n(names)?,
            n_caches: self.n_caches,
            n_sites: self.n_sites,
            root: self.root,
            is_set: u32::from(self.is_set),
            version: STORED_VERSION,
            unused: [0; 2],
        };
        let fixed = self.nodes.as_bytes().len() + self.extra.len() * 4 + self.consts.len() * 16;
        let mut out = Vec::with_capacity(fixed + fixed / 4 + self.bytes.len() + names + 64);
        out.extend_from_slice(header.as_bytes());
        out.extend_from_slice(self.nodes.as_bytes());
        out.extend_from_slice(self.extra.as_bytes());
        for value in &self.consts {
            out.extend_from_slice(StoredConst::new(*value).as_bytes());
        }
        out.extend_from_slice(self.units.as_bytes());
        out.extend_from_slice(self.lambdas.as_bytes());
        out.extend_from_slice(self.formals.as_bytes());
        for name in &self.symbols {
            out.extend_from_slice(&(name.as_bytes().len() as u32).to_ne_bytes());
        }
        out.extend_from_slice(&self.bytes);
        for name in &self.symbols {
            out.extend_from_slice(name.as_bytes());
        }
        Some(out)
    }
}

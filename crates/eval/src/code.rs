//! Code that has been loaded: the intermediate form with its constants as values, its units linked,
//! and a cache for each place that wants one.

use std::sync::OnceLock;

use firn_heap::{AttrPos, InlineCache, Shape, Slot, Unit};
use firn_ir::{
    Bytes, CAPTURE, Const, FormalInfo, LambdaInfo, NONE, Node, Pos, StoredCode, UnitInfo,
};
use firn_source::{CanonicalPath, FileId, RootId, SourcePath};
use firn_symbol::Symbol;

use crate::ctx::{Ctx, Val};
use crate::error::{Fail, Place};

/// One loaded text.
pub struct Code<'h> {
    pub(crate) nodes: &'h [Node],
    pub(crate) extra: &'h [u32],
    pub(crate) symbols: &'h [Symbol],
    pub(crate) consts: &'h [Slot<'h, Code<'h>>],
    pub(crate) units: &'h [Unit<'h, Code<'h>>],
    pub(crate) lambdas: &'h [LambdaInfo],
    pub(crate) formals: &'h [FormalInfo],
    pub(crate) caches: &'h [InlineCache],
    pub(crate) sites: &'h [OnceLock<Site<'h>>],
    /// The source; none for code that the machine made itself.
    pub(crate) file: Option<FileId>,
}

/// What a set literal needs every time it is evaluated.
#[derive(Clone, Copy)]
pub(crate) struct Site<'h> {
    pub(crate) shape: &'h Shape<'h>,
    /// For each slot of the shape, the index in the literal's list.
    pub(crate) order: &'h [u32],
}

impl<'h> Code<'h> {
    /// A run of operands.
    #[inline]
    pub(crate) fn list(&self, start: u32, len: usize) -> &'h [u32] {
        &self.extra[start as usize..start as usize + len]
    }

    /// The place of an offset in this code.
    pub(crate) fn place(&self, pos: Pos) -> Option<Place> {
        Some(Place {
            file: self.file?,
            offset: pos.get()?,
        })
    }

    pub(crate) fn attr_pos(&self, pos: Pos) -> AttrPos {
        self.place(pos).map_or(AttrPos::NONE, |place| {
            AttrPos::new(place.file.0, place.offset)
        })
    }

    /// A name of this code.
    pub(crate) fn symbol(&self, idx: u32) -> Symbol {
        self.symbols[idx as usize]
    }

    /// The formals of a lambda that takes its argument apart.
    #[inline]
    pub(crate) fn formals(&self, lambda: &LambdaInfo) -> Option<&'h [FormalInfo]> {
        if lambda.n_formals == NONE {
            return None;
        }
        let first = lambda.formals as usize;
        Some(&self.formals[first..first + lambda.n_formals as usize])
    }

    /// A parameter of a lambda: its name, if it has one, and its position.
    pub(crate) fn param(&self, lambda: u32, idx: usize) -> Option<(Option<Symbol>, Pos)> {
        let lambda = self.lambdas.get(lambda as usize)?;
        let params = self.list(lambda.params, lambda.n_params as usize * 2);
        let param = params.get(idx * 2..idx * 2 + 2)?;
        let name = (param[0] != NONE).then(|| self.symbol(param[0]));
        Some((name, Pos(param[1])))
    }

    /// Where a parameter of a lambda was written.
    pub(crate) fn param_place(&self, lambda: u32, idx: usize) -> Option<Place> {
        self.place(self.param(lambda, idx)?.1)
    }

    /// The name of a lambda.
    pub(crate) fn lambda_name(&self, lambda: u32) -> Option<Symbol> {
        let name = self.lambdas.get(lambda as usize)?.name;
        (name != NONE).then(|| self.symbol(name))
    }
}

/// Splits a location into whether it is a capture, and its index.
#[inline]
pub(crate) fn location(encoded: u32) -> (bool, u32) {
    (encoded & CAPTURE != 0, encoded & !CAPTURE)
}

/// The canonical form of a path literal as it stands in `dir`. A slash at the end is kept: it
/// matters when something is appended.
pub(crate) fn resolve_literal(literal: &[u8], dir: &SourcePath) -> (RootId, Vec<u8>) {
    let (root, path) = if literal.first() == Some(&b'/') {
        (RootId::HOST, CanonicalPath::new(literal))
    } else {
        (dir.root, dir.path.join(literal))
    };
    let mut bytes = path.as_bytes().to_vec();
    if literal.len() > 1 && literal.last() == Some(&b'/') && bytes.last() != Some(&b'/') {
        bytes.push(b'/');
    }
    (root, bytes)
}

impl<'h> Ctx<'h> {
    /// Loads code whose relative paths are meant from `dir`.
    pub(crate) fn load(
        &mut self,
        code: &firn_ir::Code,
        file: Option<FileId>,
        dir: &SourcePath,
    ) -> Result<&'h Unit<'h, Code<'h>>, Fail> {
        let units = self.load_units(&code.units, &code.lambdas);
        let consts = code.consts.iter().copied();
        let consts = self.load_consts(consts, |it| code.text(it), units, dir)?;
        let loaded = self.alloc.value(Code {
            nodes: self.alloc.slice(&code.nodes),
            extra: self.alloc.slice(&code.extra),
            symbols: self.alloc.slice(&code.symbols),
            consts,
            units,
            lambdas: self.alloc.slice(&code.lambdas),
            formals: self.alloc.slice(&code.formals),
            caches: self.new_caches(code.n_caches),
            sites: self.new_sites(code.n_sites),
            file,
        });
        Ok(self.link(loaded, code.root))
    }

    /// The same for code in its written form, most of which is used where it is.
    pub(crate) fn load_stored(
        &mut self,
        code: &StoredCode<'h>,
        file: Option<FileId>,
        dir: &SourcePath,
    ) -> Result<&'h Unit<'h, Code<'h>>, Fail> {
        let units = self.load_units(code.units, code.lambdas);
        let consts = self.load_consts(code.consts(), |it| code.text(it), units, dir)?;
        let loaded = self.alloc.value(Code {
            nodes: code.nodes,
            extra: code.extra,
            symbols: self.alloc.values(code.symbols()),
            consts,
            units,
            lambdas: code.lambdas,
            formals: code.formals,
            caches: self.new_caches(code.n_caches),
            sites: self.new_sites(code.n_sites),
            file,
        });
        Ok(self.link(loaded, code.root))
    }

    fn load_units(&self, units: &[UnitInfo], lambdas: &[LambdaInfo]) -> &'h [Unit<'h, Code<'h>>] {
        self.alloc.values(units.iter().map(|unit| {
            let lambda = lambdas.get(unit.lambda as usize);
            let has_formals = lambda.is_some_and(|lambda| lambda.n_formals != NONE);
            Unit::new(
                [unit.entry, unit.lambda, unit.n_caps, unit.n_slots],
                unit.arity as u8,
                u8::from(has_formals),
            )
        }))
    }

    fn load_consts<'a>(
        &mut self,
        values: impl ExactSizeIterator<Item = Const>,
        text: impl Fn(Bytes) -> &'a [u8],
        units: &'h [Unit<'h, Code<'h>>],
        dir: &SourcePath,
    ) -> Result<&'h [Slot<'h, Code<'h>>], Fail> {
        let mut consts: Vec<Val<'h>> = Vec::with_capacity(values.len());
        for value in values {
            consts.push(self.load_const(value, &text, units, dir)?);
        }
        Ok(self.alloc.slots(&consts))
    }

    fn new_caches(&self, n: u32) -> &'h [InlineCache] {
        let caches = (0..n as usize).map(|_| InlineCache::default());
        self.alloc.values(caches)
    }

    fn new_sites(&self, n: u32) -> &'h [OnceLock<Site<'h>>] {
        self.alloc.values((0..n as usize).map(|_| OnceLock::new()))
    }

    fn link(&self, loaded: &'h Code<'h>, root: u32) -> &'h Unit<'h, Code<'h>> {
        self.alloc.heap().add_caches(loaded.caches);
        for unit in loaded.units {
            unit.link(loaded);
        }
        &loaded.units[root as usize]
    }

    fn load_const<'a>(
        &mut self,
        value: Const,
        text: &impl Fn(Bytes) -> &'a [u8],
        units: &'h [Unit<'h, Code<'h>>],
        dir: &SourcePath,
    ) -> Result<Val<'h>, Fail> {
        Ok(match value {
            Const::Int(value) => self.new_int(value),
            Const::Float(value) => self.new_float(value),
            Const::Str(bytes) => self.new_str(text(bytes)),
            Const::Path(literal) => {
                let literal = text(literal);
                let (root, path) = if literal.starts_with(b"~/") {
                    if self.shared.purity.pure_eval {
                        let message = format!(
                            "the path '{}' can not be resolved in pure mode",
                            String::from_utf8_lossy(literal)
                        );
                        return Err(self.error(crate::ErrorKind::Eval, message));
                    }
                    let home = self.host_result(super::host::Host::home_dir)?;
                    let literal = [home.as_slice(), &literal[1..]].concat();
                    resolve_literal(&literal, dir)
                } else {
                    resolve_literal(literal, dir)
                };
                Val::path(&self.alloc, root.0, &path)
            }
            Const::EmptyList => self.empty_list,
            Const::EmptySet => self.empty_set,
            Const::Thunk(unit) => Val::thunk(&self.alloc, &units[unit as usize]).0,
        })
    }
}

//! `toXML`.

use std::collections::HashSet;

use firn_eval::{
    ContextId, Ctx, Fail, Kind, LambdaView, Place, Res, Set, Str, Symbol, Val,
    float_with_six_digits,
};

use crate::xml::XmlWriter;

pub(super) fn to_xml<'h>(ctx: &mut Ctx<'h>, args: &[Val<'h>]) -> Res<'h> {
    let options = XmlOptions {
        strict: true,
        places: false,
    };
    let (text, context) = write_xml(ctx, args[0], options)?;
    Ok(ctx.new_str_with(&text, context))
}

/// How a value becomes XML.
#[derive(Clone, Copy, Debug)]
pub struct XmlOptions {
    /// Evaluate what is not evaluated.
    pub strict: bool,
    /// Say where attributes and functions were written.
    pub places: bool,
}

/// A value as XML, and the context of all strings in it.
pub fn write_xml<'h>(
    ctx: &mut Ctx<'h>,
    value: Val<'h>,
    options: XmlOptions,
) -> Result<(Vec<u8>, ContextId), Fail> {
    let mut printer = Printer {
        writer: XmlWriter::default(),
        context: ContextId::EMPTY,
        seen: HashSet::new(),
        depth: 0,
        options,
    };
    printer.writer.open("expr", &[]);
    printer.print(ctx, value)?;
    let context = printer.context;
    Ok((printer.writer.finish(), context))
}

struct Printer<'h> {
    writer: XmlWriter,
    context: ContextId,
    /// The derivations that have been written out.
    seen: HashSet<&'h [u8]>,
    depth: usize,
    options: XmlOptions,
}

impl<'h> Printer<'h> {
    fn print(&mut self, ctx: &mut Ctx<'h>, word: Val<'h>) -> Result<(), Fail> {
        ctx.check_depth(self.depth)?;
        let value = if self.options.strict {
            ctx.force(word)?
        } else {
            let Some(value) = word.resolved() else {
                self.writer.empty("unevaluated", &[]);
                return Ok(());
            };
            value
        };
        match value.kind() {
            Kind::Null => self.writer.empty("null", &[]),
            Kind::Bool => {
                let text: &[u8] = if value.as_bool() == Some(true) {
                    b"true"
                } else {
                    b"false"
                };
                self.writer.empty("bool", &[("value", text)]);
            }
            Kind::Int => {
                let text = value.as_int().unwrap_or_default().to_string();
                self.writer.empty("int", &[("value", text.as_bytes())]);
            }
            Kind::Float => {
                let text = float_with_six_digits(value.as_float().unwrap_or_default());
                self.writer.empty("float", &[("value", text.as_bytes())]);
            }
            Kind::String => {
                if let Some(text) = value.as_str() {
                    self.context = ctx.heap().contexts().union(self.context, text.context());
                    self.writer.empty("string", &[("value", text.bytes())]);
                }
            }
            Kind::Path => {
                let (path, _) = ctx.coerce_path(value, "")?;
                let shown = ctx.host().display_path(&path);
                self.writer.empty("path", &[("value", &shown)]);
            }
            Kind::List => {
                self.writer.open("list", &[]);
                self.depth += 1;
                for &item in value.as_list().unwrap_or_default() {
                    self.print(ctx, item)?;
                }
                self.depth -= 1;
                self.writer.close();
            }
            Kind::Set => {
                self.depth += 1;
                self.set(ctx, value)?;
                self.depth -= 1;
            }
            Kind::Function => match ctx.lambda_view(value) {
                Some(lambda) => self.function(ctx, &lambda),
                None => self.writer.empty("unevaluated", &[]),
            },
            Kind::Frame | Kind::Thunk => self.writer.empty("unevaluated", &[]),
        }
        Ok(())
    }

    fn set(&mut self, ctx: &mut Ctx<'h>, value: Val<'h>) -> Result<(), Fail> {
        let Some(set) = value.as_set() else {
            return Ok(());
        };
        if !ctx.is_derivation(value)? {
            self.writer.open("attrs", &[]);
            self.attrs(ctx, set)?;
            self.writer.close();
            return Ok(());
        }
        let names = ctx.names();
        let drv_path = self.string_attr(ctx, set, names.drv_path)?;
        let out_path = self.string_attr(ctx, set, names.out_path)?;
        let attributes: Vec<(&str, &[u8])> = [("drvPath", drv_path), ("outPath", out_path)]
            .into_iter()
            .filter_map(|(name, value)| value.map(|value| (name, value)))
            .collect();
        self.writer.open("derivation", &attributes);
        match drv_path {
            Some(drv_path) if !drv_path.is_empty() && self.seen.insert(drv_path) => {
                self.attrs(ctx, set)?;
            }
            _ => self.writer.empty("repeated", &[]),
        }
        self.writer.close();
        Ok(())
    }

    /// The text of an attribute, if it is a string.
    fn string_attr(
        &self,
        ctx: &mut Ctx<'h>,
        set: Set<'h, firn_eval::Code<'h>>,
        name: Symbol,
    ) -> Result<Option<&'h [u8]>, Fail> {
        let Some(word) = set.get(name) else {
            return Ok(None);
        };
        let value = match (self.options.strict, word.resolved()) {
            (true, _) => ctx.force(word)?,
            (false, Some(value)) => value,
            (false, None) => return Ok(None),
        };
        Ok(value.as_str().map(Str::bytes))
    }

    fn attrs(&mut self, ctx: &mut Ctx<'h>, set: Set<'h, firn_eval::Code<'h>>) -> Result<(), Fail> {
        for (name, value) in ctx.attrs_by_name(set) {
            let place = self.place(ctx, Ctx::attr_place(set, name));
            let mut attributes = place.attributes();
            attributes.push(("name", name.as_bytes()));
            attributes.sort_unstable();
            self.writer.open("attr", &attributes);
            self.print(ctx, value)?;
            self.writer.close();
        }
        Ok(())
    }

    /// What is said of a place.
    fn place(&self, ctx: &Ctx<'h>, place: Option<Place>) -> Placed {
        let Some(place) = place.filter(|_| self.options.places) else {
            return Placed::default();
        };
        let at = ctx
            .files()
            .file(place.file)
            .lines()
            .line_column(place.offset);
        Placed {
            path: ctx.place_path(place).map(|it| it.path.as_bytes().to_vec()),
            line: at.line.to_string(),
            column: at.column.to_string(),
        }
    }

    fn function(&mut self, ctx: &Ctx<'h>, lambda: &LambdaView) {
        let place = self.place(ctx, lambda.place);
        self.writer.open("function", &place.attributes());
        let name = lambda.param.map(Symbol::as_bytes);
        match &lambda.formals {
            None => {
                self.writer
                    .empty("varpat", &[("name", name.unwrap_or_default())]);
            }
            Some(formals) => {
                let mut attributes: Vec<(&str, &[u8])> = Vec::new();
                if lambda.ellipsis {
                    attributes.push(("ellipsis", b"1"));
                }
                if let Some(name) = name {
                    attributes.push(("name", name));
                }
                self.writer.open("attrspat", &attributes);
                let mut names: Vec<&[u8]> = formals
                    .iter()
                    .map(|formal| formal.name.as_bytes())
                    .collect();
                names.sort_unstable();
                for name in names {
                    self.writer.empty("attr", &[("name", name)]);
                }
                self.writer.close();
            }
        }
        self.writer.close();
    }
}

/// A place in words; empty if there is none.
#[derive(Default)]
struct Placed {
    path: Option<Vec<u8>>,
    line: String,
    column: String,
}

impl Placed {
    fn attributes(&self) -> Vec<(&'static str, &[u8])> {
        let mut attributes: Vec<(&'static str, &[u8])> = Vec::new();
        if !self.line.is_empty() {
            attributes.push(("column", self.column.as_bytes()));
            attributes.push(("line", self.line.as_bytes()));
        }
        if let Some(path) = &self.path {
            attributes.push(("path", path));
        }
        attributes
    }
}

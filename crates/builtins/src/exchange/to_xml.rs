//! `toXML`.

use std::collections::HashSet;

use firn_eval::{
    ContextId, Ctx, Fail, Kind, LambdaView, Res, Set, Str, Symbol, Val, float_with_six_digits,
};

use crate::xml::XmlWriter;

pub(super) fn to_xml<'h>(ctx: &mut Ctx<'h>, args: &[Val<'h>]) -> Res<'h> {
    let mut printer = Printer {
        writer: XmlWriter::default(),
        context: ContextId::EMPTY,
        seen: HashSet::new(),
        depth: 0,
    };
    printer.writer.open("expr", &[]);
    printer.print(ctx, args[0])?;
    let context = printer.context;
    let text = printer.writer.finish();
    Ok(ctx.new_str_with(&text, context))
}

struct Printer<'h> {
    writer: XmlWriter,
    context: ContextId,
    /// The derivations that have been written out.
    seen: HashSet<&'h [u8]>,
    depth: usize,
}

impl<'h> Printer<'h> {
    fn print(&mut self, ctx: &mut Ctx<'h>, word: Val<'h>) -> Result<(), Fail> {
        ctx.check_depth(self.depth)?;
        let value = ctx.force(word)?;
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
                Some(lambda) => self.function(&lambda),
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
        let drv_path = string_attr(ctx, set, names.drv_path)?;
        let out_path = string_attr(ctx, set, names.out_path)?;
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

    fn attrs(&mut self, ctx: &mut Ctx<'h>, set: Set<'h, firn_eval::Code<'h>>) -> Result<(), Fail> {
        for (name, value) in ctx.attrs_by_name(set) {
            self.writer.open("attr", &[("name", name.as_bytes())]);
            self.print(ctx, value)?;
            self.writer.close();
        }
        Ok(())
    }

    fn function(&mut self, lambda: &LambdaView) {
        self.writer.open("function", &[]);
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

/// The text of an attribute, if it is a string.
fn string_attr<'h>(
    ctx: &mut Ctx<'h>,
    set: Set<'h, firn_eval::Code<'h>>,
    name: Symbol,
) -> Result<Option<&'h [u8]>, Fail> {
    let Some(word) = set.get(name) else {
        return Ok(None);
    };
    Ok(ctx.force(word)?.as_str().map(Str::bytes))
}

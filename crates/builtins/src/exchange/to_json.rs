//! Values as JSON, for `toJSON` and for everyone else who needs it.

use firn_eval::{
    Ahead, Coercion, ContextElement, ContextId, Ctx, Errand, ErrorKind, Fail, Kind, Place, Res, Val,
};
use firn_source::FileId;

use crate::json::{write_float, write_string};

pub(super) fn to_json<'h>(ctx: &mut Ctx<'h>, args: &[Val<'h>]) -> Res<'h> {
    let mut writer = JsonWriter::new(true);
    writer.write(ctx, args[0])?;
    let (text, context) = writer.finish(ctx)?;
    Ok(ctx.new_str_with(&text, context))
}

/// Writes values as JSON, evaluating them on the way.
pub struct JsonWriter {
    out: Vec<u8>,
    context: ContextId,
    copy_to_store: bool,
    /// The first string that has no JSON form. The reference notices at the very end.
    invalid: Option<String>,
    depth: usize,
    /// The place of the innermost attribute around the value.
    place: Option<Place>,
}

impl JsonWriter {
    /// A writer that gives paths as store paths, or as they are.
    pub fn new(copy_to_store: bool) -> Self {
        Self {
            out: Vec::new(),
            context: ContextId::EMPTY,
            copy_to_store,
            invalid: None,
            // The call of the builtin counts, and so does its whole argument.
            depth: 2,
            place: None,
        }
    }

    /// The text and the context of all strings in it.
    pub fn finish(self, ctx: &mut Ctx<'_>) -> Result<(Vec<u8>, ContextId), Fail> {
        match self.invalid {
            None => Ok((self.out, self.context)),
            Some(message) => {
                let message = format!("JSON serialization error: {message}");
                Err(ctx.error(ErrorKind::Eval, message))
            }
        }
    }

    /// Writes one value.
    pub fn write<'h>(&mut self, ctx: &mut Ctx<'h>, word: Val<'h>) -> Result<(), Fail> {
        ctx.check_depth(self.depth)?;
        let value = ctx.force(word)?;
        match value.kind() {
            Kind::Null => self.out.extend_from_slice(b"null"),
            Kind::Bool => {
                let text = if value.as_bool() == Some(true) {
                    "true"
                } else {
                    "false"
                };
                self.out.extend_from_slice(text.as_bytes());
            }
            Kind::Int => {
                let int = value.as_int().unwrap_or_default();
                self.out.extend_from_slice(int.to_string().as_bytes());
            }
            Kind::Float => write_float(value.as_float().unwrap_or_default(), &mut self.out),
            Kind::String => {
                if let Some(text) = value.as_str() {
                    self.add_context(ctx, text.context());
                    self.string(text.bytes());
                }
            }
            Kind::Path => {
                let (path, _) = ctx.coerce_path(value, "")?;
                if self.copy_to_store {
                    let store_path = ctx.copy_to_store(&path)?;
                    let element = ContextElement::Opaque(store_path[..].into());
                    let context = ctx.heap().contexts().single(&element);
                    self.add_context(ctx, context);
                    self.string(&store_path);
                } else {
                    self.string(path.path.as_bytes());
                }
            }
            Kind::List => {
                self.depth += 1;
                self.list(ctx, value)?;
                self.depth -= 1;
            }
            Kind::Set => {
                self.depth += 1;
                self.set(ctx, value)?;
                self.depth -= 1;
            }
            Kind::Function | Kind::Frame | Kind::Thunk => {
                let message = format!("cannot convert {} to JSON", ctx.type_name(value));
                let place = ctx.lambda_view(value).and_then(|view| view.place);
                return Err(ctx.error_at(place, ErrorKind::Type, message));
            }
        }
        Ok(())
    }

    fn list<'h>(&mut self, ctx: &mut Ctx<'h>, value: Val<'h>) -> Result<(), Fail> {
        self.out.push(b'[');
        let items = value.as_list().unwrap_or_default();
        let mut ahead = Ahead::new(Errand::Json);
        for (idx, &item) in items.iter().enumerate() {
            ahead.reach(ctx, idx, items.len(), |from| items[from..].into());
            if idx > 0 {
                self.out.push(b',');
            }
            if let Err(fail) = self.write(ctx, item) {
                let text = format!("while evaluating list element at index {idx}");
                return Err(ctx.trace(fail, self.place, text));
            }
        }
        self.out.push(b']');
        Ok(())
    }

    fn set<'h>(&mut self, ctx: &mut Ctx<'h>, value: Val<'h>) -> Result<(), Fail> {
        let Some(set) = value.as_set() else {
            return Ok(());
        };
        let names = ctx.names();
        if set.get(names.to_string).is_some() {
            let plain = Coercion {
                more: false,
                copy_to_store: false,
            };
            let (text, context) = ctx.coerce(value, plain, "")?;
            self.add_context(ctx, context);
            self.string(&text);
            return Ok(());
        }
        if let Some(path) = set.get(names.out_path) {
            return self.write(ctx, path);
        }
        self.out.push(b'{');
        let flat = set.flat(ctx.alloc());
        let keys = flat.shape.keys();
        let slots = flat.shape.by_name(ctx.alloc());
        let mut ahead = Ahead::new(Errand::Json);
        for (idx, &slot) in slots.iter().enumerate() {
            ahead.reach(ctx, idx, slots.len(), |from| {
                (slots[from..].iter().map(|&slot| flat.values[slot as usize])).collect()
            });
            if idx > 0 {
                self.out.push(b',');
            }
            let name = keys[slot as usize];
            self.string(name.as_bytes());
            self.out.push(b':');
            let place = set.position(name).get().map(|(file, offset)| Place {
                file: FileId(file),
                offset,
            });
            let outer = std::mem::replace(&mut self.place, place);
            let written = self.write(ctx, flat.values[slot as usize]);
            self.place = outer;
            if let Err(fail) = written {
                let fail = placed_overflow(ctx, fail, place);
                let text = format!("while evaluating attribute '{name}'");
                return Err(ctx.trace(fail, place, text));
            }
        }
        self.out.push(b'}');
        Ok(())
    }

    fn string(&mut self, text: &[u8]) {
        if let Err(error) = write_string(text, &mut self.out) {
            self.invalid.get_or_insert(error.0);
        }
    }

    fn add_context(&mut self, ctx: &Ctx<'_>, context: ContextId) {
        if !context.is_empty() {
            self.context = ctx.heap().contexts().union(self.context, context);
        }
    }
}

/// Says at which attribute the levels were used up.
#[cold]
fn placed_overflow(ctx: &mut Ctx<'_>, fail: Fail, place: Option<Place>) -> Fail {
    let mut error = ctx.take_error(fail);
    if error.kind == ErrorKind::StackOverflow && error.place.is_none() {
        error.place = place;
    }
    ctx.rethrow(error)
}

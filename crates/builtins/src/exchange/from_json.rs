//! `fromJSON`: builds values as the text is read.

use firn_eval::{Ctx, Duplicates, ErrorKind, Fail, Res, SetBuilder, Symbol, Val};

use super::check_no_null_byte;
use crate::json::{JsonBuilder, ParseError, parse};

/// A container that is still open: where its elements begin, and for an object the keys.
struct Open {
    first: usize,
    keys: Option<Vec<Symbol>>,
}

/// Finished values wait on one stack until their container closes.
struct Builder<'c, 'h> {
    ctx: &'c mut Ctx<'h>,
    values: Vec<Val<'h>>,
    open: Vec<Open>,
}

impl Builder<'_, '_> {
    fn close(&mut self) {
        let Some(Open { first, keys }) = self.open.pop() else {
            return;
        };
        let value = match keys {
            None => self.ctx.new_list(&self.values[first..]),
            Some(keys) if keys.is_empty() => self.ctx.new_empty_set(),
            Some(keys) => {
                let mut attrs = SetBuilder::with_capacity(keys.len());
                for (key, &value) in keys.iter().zip(&self.values[first..]) {
                    attrs.push(*key, value);
                }
                attrs.finish(self.ctx.alloc(), Duplicates::KeepLast)
            }
        };
        self.values.truncate(first);
        self.values.push(value);
    }

    fn begin(&mut self, keys: Option<Vec<Symbol>>) {
        self.open.push(Open {
            first: self.values.len(),
            keys,
        });
    }
}

impl JsonBuilder for Builder<'_, '_> {
    type Error = Fail;

    fn null(&mut self) -> Result<(), Fail> {
        self.values.push(Val::null());
        Ok(())
    }

    fn bool(&mut self, value: bool) -> Result<(), Fail> {
        self.values.push(Val::bool(value));
        Ok(())
    }

    fn int(&mut self, value: i64) -> Result<(), Fail> {
        self.values.push(self.ctx.new_int(value));
        Ok(())
    }

    fn float(&mut self, value: f64) -> Result<(), Fail> {
        self.values.push(self.ctx.new_float(value));
        Ok(())
    }

    fn string(&mut self, value: &[u8]) -> Result<(), Fail> {
        check_no_null_byte(self.ctx, value)?;
        self.values.push(self.ctx.new_str(value));
        Ok(())
    }

    fn begin_array(&mut self) -> Result<(), Fail> {
        self.begin(None);
        Ok(())
    }

    fn end_array(&mut self) -> Result<(), Fail> {
        self.close();
        Ok(())
    }

    fn begin_object(&mut self) -> Result<(), Fail> {
        self.begin(Some(Vec::new()));
        Ok(())
    }

    fn key(&mut self, name: &[u8]) -> Result<(), Fail> {
        check_no_null_byte(self.ctx, name)?;
        if let Some(Open {
            keys: Some(keys), ..
        }) = self.open.last_mut()
        {
            keys.push(Symbol::intern(name));
        }
        Ok(())
    }

    fn end_object(&mut self) -> Result<(), Fail> {
        self.close();
        Ok(())
    }
}

pub(super) fn from_json<'h>(ctx: &mut Ctx<'h>, args: &[Val<'h>]) -> Res<'h> {
    let text = ctx.str_no_context(
        args[0],
        "while evaluating the first argument passed to builtins.fromJSON",
    )?;
    let mut builder = Builder {
        ctx,
        values: Vec::new(),
        open: Vec::new(),
    };
    match parse(text.bytes(), &mut builder) {
        Ok(()) => Ok(builder.values.pop().unwrap_or_else(Val::null)),
        Err(ParseError::Builder(fail)) => Err(fail),
        Err(ParseError::BigInteger(value)) => {
            let message = format!("unsigned json number {value} outside of Nix integer range");
            Err(ctx.error(ErrorKind::Eval, message))
        }
        Err(ParseError::Malformed(message)) => {
            let fail = ctx.error(ErrorKind::Eval, String::from_utf8_lossy(&message));
            Err(ctx.trace(fail, None, "while decoding a JSON string"))
        }
    }
}

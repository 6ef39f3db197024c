//! What front ends do with a value: call it with the arguments of the command line, and walk along
//! an attribute path.

use firn_heap::{Set, SetBuilder};
use firn_ir::NONE;
use firn_symbol::Symbol;

use crate::code::Code;
use crate::ctx::{Ctx, Res, Val};
use crate::error::{ErrorKind, EvalError, Fail, Place};
use crate::suggest::suggestions;

/// A formal of a function, as seen from outside.
#[derive(Clone, Copy, Debug)]
pub struct FormalArg {
    /// Its name.
    pub name: Symbol,
    /// Whether it has a default.
    pub has_default: bool,
    /// Where it was written.
    pub place: Option<Place>,
}

/// A function that is no builtin, as seen from outside.
#[derive(Clone, Debug)]
pub struct LambdaView {
    /// The name it was bound to.
    pub name: Option<Symbol>,
    /// Where it was written.
    pub place: Option<Place>,
    /// The parameter, or the name of the whole argument.
    pub param: Option<Symbol>,
    /// The formals, if the argument is taken apart, in the order of the text.
    pub formals: Option<Vec<FormalArg>>,
    /// Whether further attributes are allowed.
    pub ellipsis: bool,
    /// Where the parameters were written that have been given, innermost last.
    pub given: Vec<Place>,
    /// The documentation comment of the function with all its parameters, as written.
    pub doc: Option<Vec<u8>>,
}

/// Splits `a."b.c".d`.
fn split_attr_path(path: &[u8]) -> Option<Vec<Vec<u8>>> {
    let mut parts = Vec::new();
    let mut part = Vec::new();
    let mut bytes = path.iter();
    while let Some(&byte) = bytes.next() {
        match byte {
            b'.' => parts.push(std::mem::take(&mut part)),
            b'"' => loop {
                match bytes.next() {
                    None => return None,
                    Some(b'"') => break,
                    Some(&byte) => part.push(byte),
                }
            },
            other => part.push(other),
        }
    }
    if !part.is_empty() {
        parts.push(part);
    }
    Some(parts)
}

impl<'h> Ctx<'h> {
    /// What can be said about a function that is no builtin.
    pub fn lambda_view(&self, value: Val<'h>) -> Option<LambdaView> {
        let (code, lambda, n_args) = Self::lambda_of(value)?;
        let info = &code.lambdas[lambda as usize];
        let formals = code.formals(info).map(|formals| {
            formals
                .iter()
                .map(|formal| FormalArg {
                    name: code.symbol(formal.name),
                    has_default: formal.default != NONE,
                    place: code.place(formal.pos),
                })
                .collect()
        });
        let [start, end] = info.doc;
        let doc = code.file.filter(|_| start != NONE).map(|file| {
            self.shared.files.file(file).bytes()[start as usize..end as usize].to_vec()
        });
        let param = code.param(lambda, n_args);
        Some(LambdaView {
            name: code.lambda_name(lambda),
            place: code.param_place(lambda, n_args),
            param: param.and_then(|(name, _)| name),
            formals,
            ellipsis: info.ellipsis != 0,
            given: (0..n_args)
                .filter_map(|idx| code.param_place(lambda, idx))
                .collect(),
            doc,
        })
    }

    /// Calls a function that takes a set apart with those of `args` that it wants; anything else
    /// stays as it is.
    pub fn auto_call(&mut self, word: Val<'h>, args: Set<'h, Code<'h>>) -> Res<'h> {
        let value = self.force(word)?;
        self.keep_for_front_end(args.word());
        self.keep_for_front_end(value);
        if let Some(functor) = value.as_set().and_then(|set| set.get(self.names.functor)) {
            let function = self.call(functor, &[value])?;
            return self.auto_call(function, args);
        }
        let Some(view) = self.lambda_view(value) else {
            return Ok(value);
        };
        let Some(formals) = view.formals else {
            return Ok(value);
        };
        if view.ellipsis {
            let result = self.call(value, &[args.word()])?;
            self.keep_for_front_end(result);
            return Ok(result);
        }
        let mut given = SetBuilder::default();
        for formal in formals {
            if let Some(arg) = args.get(formal.name) {
                given.push_at(formal.name, arg, args.position(formal.name));
            } else if !formal.has_default {
                let message = format!(
                    "cannot evaluate a function that has an argument without a value ('{}')\n\
                     Nix attempted to evaluate a function as a top level expression; in\n\
                     this case it must have its arguments supplied either by default\n\
                     values, or passed explicitly with '--arg' or '--argstr'. See\n\
                     https://nix.dev/manual/nix/stable/language/syntax.html#functions.",
                    crate::print::name_text(formal.name)
                );
                return Err(self.error_at(formal.place, ErrorKind::MissingArgument, message));
            }
        }
        let given = self.new_set(given);
        let result = self.call(value, &[given])?;
        self.keep_for_front_end(result);
        Ok(result)
    }

    /// Follows an attribute path from a value, calling functions on the way. The result is not
    /// evaluated; the place is that of the last attribute.
    pub fn find_along_path(
        &mut self,
        path: &[u8],
        args: Set<'h, Code<'h>>,
        from: Val<'h>,
    ) -> Result<(Val<'h>, Option<Place>), Fail> {
        let shown = String::from_utf8_lossy(path).into_owned();
        let Some(parts) = split_attr_path(path) else {
            let message = format!("missing closing quote in selection path '{shown}'");
            return Err(self.error(ErrorKind::Syntax, message));
        };
        let mut word = from;
        let mut place = None;
        for part in parts {
            let value = self.auto_call(word, args)?;
            let index: Option<u32> = std::str::from_utf8(&part)
                .ok()
                .filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()))
                .and_then(|text| text.parse().ok());
            if let Some(index) = index {
                let Some(items) = value.as_list() else {
                    return Err(self.wrong_in_path(&shown, "a list", value));
                };
                let Some(&item) = items.get(index as usize) else {
                    let message =
                        format!("list index {index} in selection path '{shown}' is out of range");
                    return Err(self.error(ErrorKind::MissingAttribute, message));
                };
                (word, place) = (item, None);
                continue;
            }
            let Some(set) = value.as_set() else {
                return Err(self.wrong_in_path(&shown, "a set", value));
            };
            if part.is_empty() {
                let message = format!("empty attribute name in selection path '{shown}'");
                return Err(self.error(ErrorKind::Eval, message));
            }
            let found = Symbol::find(&part).and_then(|name| Some((name, set.get(name)?)));
            let Some((name, found)) = found else {
                let mut error = EvalError::new(
                    ErrorKind::MissingAttribute,
                    format!(
                        "attribute '{}' in selection path '{shown}' not found",
                        String::from_utf8_lossy(&part)
                    ),
                );
                let keys = set.flat(&self.alloc).shape.keys();
                error.suggestions = suggestions(keys.iter().map(|key| key.as_bytes()), &part);
                return Err(self.fail(error));
            };
            word = found;
            place = set.position(name).get().map(|(file, offset)| Place {
                file: firn_source::FileId(file),
                offset,
            });
        }
        Ok((word, place))
    }

    fn wrong_in_path(&mut self, path: &str, what: &str, value: Val<'h>) -> Fail {
        let message = format!(
            "the expression selected by the selection path '{path}' should be {what} but is {}",
            self.type_name(value)
        );
        self.error(ErrorKind::Type, message)
    }
}

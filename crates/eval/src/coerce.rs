//! Values as strings and as paths.

use std::sync::Arc;

use firn_heap::{ContextElement, ContextId, Kind};
use firn_source::{CanonicalPath, RootId, SourcePath};

use crate::crew::{Ahead, Errand};
use crate::ctx::{Ctx, Val, lock};
use crate::error::{ErrorKind, Fail, Place};

/// What may become a string, and how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Coercion {
    /// Also numbers, truth values, `null` and lists.
    pub more: bool,
    /// Whether a path becomes the store path of its contents.
    pub copy_to_store: bool,
}

/// A context element as messages show it.
pub fn context_text(element: &ContextElement) -> String {
    let bytes = match element {
        ContextElement::Opaque(path) => path.to_vec(),
        ContextElement::DrvDeep(path) => [b"=", &path[..]].concat(),
        ContextElement::Built { drv, output } => [b"!", &output[..], b"!", &drv[..]].concat(),
    };
    String::from_utf8_lossy(&bytes).into_owned()
}

/// An element of a context as messages show it to users: `/nix/store/….drv^out`.
pub(crate) fn context_shown(element: &ContextElement) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    match element {
        ContextElement::Opaque(path) => text(path),
        ContextElement::DrvDeep(path) => format!("{} (deep)", text(path)),
        ContextElement::Built { drv, output } => format!("{}^{}", text(drv), text(output)),
    }
}

/// A float as `toString` gives it: six digits after the point, like `%f` of C.
fn float_fixed(value: f64) -> String {
    if value.is_nan() {
        return if value.is_sign_negative() {
            "-nan"
        } else {
            "nan"
        }
        .to_owned();
    }
    if value.is_infinite() {
        return if value < 0.0 { "-inf" } else { "inf" }.to_owned();
    }
    format!("{value:.6}")
}

impl<'h> Ctx<'h> {
    /// A value as a string with its context.
    pub fn coerce(
        &mut self,
        word: Val<'h>,
        coercion: Coercion,
        text: &'static str,
    ) -> Result<(Vec<u8>, ContextId), Fail> {
        let mut bytes = Vec::new();
        let mut context = ContextId::EMPTY;
        self.coerce_into(word, coercion, None, text, &mut bytes, &mut context)?;
        Ok((bytes, context))
    }

    /// A value as a string value; one that is a string already stays the same.
    pub fn coerce_value(
        &mut self,
        word: Val<'h>,
        coercion: Coercion,
        text: &'static str,
    ) -> Result<Val<'h>, Fail> {
        if let Some(value) = word.resolved()
            && value.kind() == Kind::String
        {
            return Ok(value);
        }
        let (bytes, context) = self.coerce(word, coercion, text)?;
        Ok(self.new_str_with(&bytes, context))
    }

    /// Appends a value as a string, and adds its context.
    pub fn coerce_into(
        &mut self,
        word: Val<'h>,
        coercion: Coercion,
        place: Option<Place>,
        text: &'static str,
        bytes: &mut Vec<u8>,
        context: &mut ContextId,
    ) -> Result<(), Fail> {
        self.check_native_stack()?;
        let value = self.force_at(word, place)?;
        match value.kind() {
            Kind::String => {
                if let Some(str) = value.as_str() {
                    bytes.extend_from_slice(str.bytes());
                    *context = self.heap().contexts().union(*context, str.context());
                }
                return Ok(());
            }
            Kind::Path => return self.coerce_path_into(value, coercion, bytes, context),
            Kind::Set => {
                return self.coerce_set_into(value, coercion, place, text, bytes, context);
            }
            _ if !coercion.more => {}
            Kind::Bool => {
                if value.as_bool() == Some(true) {
                    bytes.push(b'1');
                }
                return Ok(());
            }
            Kind::Null => return Ok(()),
            Kind::Int => {
                let int = value.as_int().unwrap_or_default();
                bytes.extend_from_slice(int.to_string().as_bytes());
                return Ok(());
            }
            Kind::Float => {
                let float = value.as_float().unwrap_or_default();
                bytes.extend_from_slice(float_fixed(float).as_bytes());
                return Ok(());
            }
            Kind::List => {
                let items = value.as_list().unwrap_or_default();
                let mut ahead = Ahead::new(Errand::Text);
                for (idx, &item) in items.iter().enumerate() {
                    ahead.reach(self, idx, items.len(), |from| items[from..].into());
                    let element = "while evaluating one element of the list";
                    if let Err(fail) =
                        self.coerce_into(item, coercion, place, element, bytes, context)
                    {
                        return self.traced(fail, place, text);
                    }
                    let empty_list = self.force(item)?.as_list().is_some_and(<[_]>::is_empty);
                    if idx + 1 < items.len() && !empty_list {
                        bytes.push(b' ');
                    }
                }
                return Ok(());
            }
            _ => {}
        }
        let message = format!(
            "cannot coerce {} to a string: {}",
            self.type_name(value),
            self.short_text(value)
        );
        let fail = self.error(ErrorKind::Type, message);
        self.traced(fail, place, text)
    }

    fn coerce_path_into(
        &mut self,
        value: Val<'h>,
        coercion: Coercion,
        bytes: &mut Vec<u8>,
        context: &mut ContextId,
    ) -> Result<(), Fail> {
        let path = Self::path_of(value);
        if !coercion.copy_to_store {
            let raw = value.as_path().map(|path| path.bytes).unwrap_or_default();
            bytes.extend_from_slice(raw);
            return Ok(());
        }
        let store_path = self.copy_to_store(&path)?;
        bytes.extend_from_slice(&store_path);
        let element = ContextElement::Opaque(store_path[..].into());
        let contexts = self.heap().contexts();
        *context = contexts.union(*context, contexts.single(&element));
        Ok(())
    }

    /// The source path of a path value.
    pub(crate) fn path_of(value: Val<'h>) -> SourcePath {
        match value.as_path() {
            Some(path) => SourcePath {
                root: RootId(path.root),
                path: CanonicalPath::new(path.bytes),
            },
            None => SourcePath::host(b"/"),
        }
    }

    /// The store path of a source, asked for once.
    pub fn copy_to_store(&mut self, path: &SourcePath) -> Result<Arc<[u8]>, Fail> {
        if let Some(known) = lock(&self.shared.copied).get(path) {
            return Ok(Arc::clone(known));
        }
        if path.path.as_bytes().ends_with(b".drv") {
            return Err(self.error(
                ErrorKind::Eval,
                "file names are not allowed to end in '.drv'",
            ));
        }
        let store_path: Arc<[u8]> = self.host_result(|host| host.path_to_store(path))?.into();
        lock(&self.shared.copied).insert(path.clone(), Arc::clone(&store_path));
        Ok(store_path)
    }

    fn coerce_set_into(
        &mut self,
        value: Val<'h>,
        coercion: Coercion,
        place: Option<Place>,
        text: &'static str,
        bytes: &mut Vec<u8>,
        context: &mut ContextId,
    ) -> Result<(), Fail> {
        let set = value.as_set();
        if let Some(function) = set.and_then(|set| set.get(self.names.to_string)) {
            let text = "while evaluating the result of the `__toString` attribute";
            return self.nested(|ctx| {
                let result = ctx.call(function, &[value])?;
                ctx.coerce_into(result, coercion, place, text, bytes, context)
            });
        }
        if let Some(path) = set.and_then(|set| set.get(self.names.out_path)) {
            return self.nested(|ctx| ctx.coerce_into(path, coercion, place, text, bytes, context));
        }
        let message = format!(
            "cannot coerce {} to a string: {}",
            self.type_name(value),
            self.short_text(value)
        );
        let fail = self.error(ErrorKind::Type, message);
        self.traced(fail, place, text)
    }

    /// A value as a path, and the context of the string that it came from.
    pub fn coerce_path(
        &mut self,
        word: Val<'h>,
        text: &'static str,
    ) -> Result<(SourcePath, ContextId), Fail> {
        let value = match self.force(word) {
            Ok(value) => value,
            Err(fail) => return self.traced(fail, None, text),
        };
        if value.kind() == Kind::Path {
            return Ok((Self::path_of(value), ContextId::EMPTY));
        }
        if let Some(function) = value.as_set().and_then(|set| set.get(self.names.to_string)) {
            let result = self.call(function, &[value])?;
            return self.coerce_path(result, text);
        }
        let (bytes, context) = self.coerce(value, Coercion::default(), text)?;
        if bytes.first() != Some(&b'/') {
            let message = format!(
                "string '{}' doesn't represent an absolute path",
                String::from_utf8_lossy(&bytes)
            );
            let fail = self.error(ErrorKind::Eval, message);
            return self.traced(fail, None, text);
        }
        Ok((SourcePath::host(&bytes), context))
    }

    /// Makes what a context refers to exist, and gives the bytes with placeholders replaced.
    pub fn realise(&mut self, bytes: &[u8], context: ContextId) -> Result<Vec<u8>, Fail> {
        if context.is_empty() {
            return Ok(bytes.to_vec());
        }
        self.in_order()?;
        let elements = self.heap().contexts().elements(context);
        let replacements = self.host_result(|host| host.realise_context(&elements))?;
        let mut bytes = bytes.to_vec();
        for (from, to) in replacements {
            bytes = replace(&bytes, &from, &to);
        }
        Ok(bytes)
    }

    /// A value as a path whose contents can be read: its context exists.
    pub fn realise_path(&mut self, word: Val<'h>, text: &'static str) -> Result<SourcePath, Fail> {
        let (path, context) = self.coerce_path(word, text)?;
        if context.is_empty() {
            return Ok(path);
        }
        let bytes = match self.realise(path.path.as_bytes(), context) {
            Ok(bytes) => bytes,
            Err(fail) => {
                let text = format!("while realising the context of path '{}'", path.path);
                return Err(self.trace(fail, None, text));
            }
        };
        Ok(SourcePath {
            root: path.root,
            path: CanonicalPath::new(&bytes),
        })
    }
}

fn replace(bytes: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    if from.is_empty() || from == to {
        return bytes.to_vec();
    }
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        if bytes[at..].starts_with(from) {
            out.extend_from_slice(to);
            at += from.len();
        } else {
            out.push(bytes[at]);
            at += 1;
        }
    }
    out
}

//! Attributes of inputs: the form in which lock files, registries and expressions hold them.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::{FetchError, Result};

/// The value of an attribute.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Attr {
    /// A text.
    Str(String),
    /// A number.
    Int(u64),
    /// A truth value.
    Bool(bool),
}

impl From<&str> for Attr {
    fn from(text: &str) -> Self {
        Self::Str(text.to_owned())
    }
}

impl From<String> for Attr {
    fn from(text: String) -> Self {
        Self::Str(text)
    }
}

impl From<u64> for Attr {
    fn from(number: u64) -> Self {
        Self::Int(number)
    }
}

impl From<bool> for Attr {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

/// Attributes by name.
pub type Attrs = BTreeMap<String, Attr>;

/// Reads attributes from JSON.
pub fn from_json(value: &Value) -> Result<Attrs> {
    let unsupported = || FetchError::new("unsupported input attribute type in lock file");
    let object = value.as_object().ok_or_else(unsupported)?;
    let mut attrs = Attrs::new();
    for (name, value) in object {
        let attr = match value {
            Value::String(text) => Attr::Str(text.clone()),
            Value::Bool(value) => Attr::Bool(*value),
            Value::Number(number) => {
                let number = number
                    .as_u64()
                    .or_else(|| number.as_i64().map(|it| it as u64));
                Attr::Int(number.ok_or_else(unsupported)?)
            }
            _ => return Err(unsupported()),
        };
        attrs.insert(name.clone(), attr);
    }
    Ok(attrs)
}

/// Attributes as JSON.
pub fn to_json(attrs: &Attrs) -> Value {
    let members = attrs.iter().map(|(name, attr)| {
        let value = match attr {
            Attr::Str(text) => Value::from(text.as_str()),
            Attr::Int(number) => Value::from(*number),
            Attr::Bool(value) => Value::from(*value),
        };
        (name.clone(), value)
    });
    Value::Object(members.collect::<Map<_, _>>())
}

/// Attributes as JSON on one line, as messages show them.
pub fn show(attrs: &Attrs) -> String {
    to_json(attrs).to_string()
}

/// A text, if it is there.
pub fn maybe_str<'a>(attrs: &'a Attrs, name: &str) -> Result<Option<&'a str>> {
    match attrs.get(name) {
        None => Ok(None),
        Some(Attr::Str(text)) => Ok(Some(text)),
        Some(_) => Err(FetchError::new(format!(
            "input attribute '{name}' is not a string {}",
            show(attrs)
        ))),
    }
}

/// A text that has to be there.
pub fn str<'a>(attrs: &'a Attrs, name: &str) -> Result<&'a str> {
    maybe_str(attrs, name)?.ok_or_else(|| missing(name))
}

/// A number, if it is there.
pub fn maybe_int(attrs: &Attrs, name: &str) -> Result<Option<u64>> {
    match attrs.get(name) {
        None => Ok(None),
        Some(Attr::Int(number)) => Ok(Some(*number)),
        Some(_) => Err(FetchError::new(format!(
            "input attribute '{name}' is not an integer"
        ))),
    }
}

/// A number that has to be there.
pub fn int(attrs: &Attrs, name: &str) -> Result<u64> {
    maybe_int(attrs, name)?.ok_or_else(|| missing(name))
}

/// A truth value, if it is there.
pub fn maybe_bool(attrs: &Attrs, name: &str) -> Result<Option<bool>> {
    match attrs.get(name) {
        None => Ok(None),
        Some(Attr::Bool(value)) => Ok(Some(*value)),
        Some(_) => Err(FetchError::new(format!(
            "input attribute '{name}' is not a Boolean"
        ))),
    }
}

/// Whether an attribute is there and true.
pub fn flag(attrs: &Attrs, name: &str) -> Result<bool> {
    Ok(maybe_bool(attrs, name)?.unwrap_or(false))
}

fn missing(name: &str) -> FetchError {
    FetchError::new(format!("input attribute '{name}' is missing"))
}

/// Attributes as the parameters of a URL.
pub(crate) fn to_query(attrs: &Attrs) -> BTreeMap<String, String> {
    attrs
        .iter()
        .map(|(name, attr)| {
            let text = match attr {
                Attr::Str(text) => text.clone(),
                Attr::Int(number) => number.to_string(),
                Attr::Bool(value) => if *value { "1" } else { "0" }.to_owned(),
            };
            (name.clone(), text)
        })
        .collect()
}

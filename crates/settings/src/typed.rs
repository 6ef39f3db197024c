//! How each type of setting is read from text, appended to, printed and turned into JSON.
//!
//! [`Typed`] is object-safe, so that a row of the table can point at any field. Everything a user
//! can see follows the reference: integers take the suffixes K, M, G and T, an empty optional value
//! is "none", a map skips words without `=`, appending to a map or set keeps what was there.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use serde_json::{Value, json};

use crate::{Error, Feature, FeatureSet};

/// How a setting is given as a flag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FlagShape {
    /// `--name` and `--no-name`.
    Switch,
    /// `--name`, `--no-name` and `--relaxed-name`.
    Sandbox,
    /// `--name VALUE`.
    Value,
    /// `--name VALUE` and `--extra-name VALUE`.
    List,
}

/// The behaviour of one type of setting.
pub trait Typed {
    /// Takes a value from text; with `append`, adds to what is there. `name` is for messages,
    /// `warnings` for what is odd and still accepted.
    fn take(
        &mut self,
        name: &str,
        text: &str,
        append: bool,
        warnings: &mut Vec<String>,
    ) -> Result<(), Error>;
    /// The value as it stands in a configuration file.
    fn render(&self) -> String;
    /// The value as JSON.
    fn json(&self) -> Value;
    /// How it is given on a command line.
    fn flag_shape(&self) -> FlagShape {
        FlagShape::Value
    }
}

impl Typed for bool {
    fn take(&mut self, name: &str, text: &str, _: bool, _: &mut Vec<String>) -> Result<(), Error> {
        *self = match text {
            "true" | "yes" | "1" => true,
            "false" | "no" | "0" => false,
            _ => {
                return Err(Error::NotBoolean {
                    name: name.to_owned(),
                    value: text.to_owned(),
                });
            }
        };
        Ok(())
    }

    fn render(&self) -> String {
        self.to_string()
    }

    fn json(&self) -> Value {
        json!(self)
    }

    fn flag_shape(&self) -> FlagShape {
        FlagShape::Switch
    }
}

/// A number with an optional unit: `4`, `16K`, `2G`.
fn number<N: TryFrom<i128>>(name: &str, text: &str) -> Result<N, Error> {
    let bad = || Error::NotNumber {
        name: name.to_owned(),
        value: text.to_owned(),
    };
    let last = text.bytes().last().ok_or_else(bad)?.to_ascii_uppercase();
    let (digits, unit) = match last {
        b'K' => (&text[..text.len() - 1], 1 << 10),
        b'M' => (&text[..text.len() - 1], 1 << 20),
        b'G' => (&text[..text.len() - 1], 1 << 30),
        b'T' => (&text[..text.len() - 1], 1_i128 << 40),
        _ => (text, 1),
    };
    let plain: i64 = digits.parse::<u64>().map_or_else(
        |_| digits.parse::<i64>().map_err(|_| bad()),
        |it| i64::try_from(it).map_err(|_| bad()),
    )?;
    N::try_from(i128::from(plain) * unit).map_err(|_| bad())
}

macro_rules! number_setting {
    ($($number:ty),+) => {$(
        impl Typed for $number {
            fn take(&mut self, name: &str, text: &str, _: bool, _: &mut Vec<String>) -> Result<(), Error> {
                *self = number(name, text)?;
                Ok(())
            }

            fn render(&self) -> String {
                self.to_string()
            }

            fn json(&self) -> Value {
                json!(self)
            }
        }
    )+};
}

number_setting!(u32, u64, i64);

impl Typed for String {
    fn take(&mut self, _: &str, text: &str, _: bool, _: &mut Vec<String>) -> Result<(), Error> {
        text.clone_into(self);
        Ok(())
    }

    fn render(&self) -> String {
        self.clone()
    }

    fn json(&self) -> Value {
        json!(self)
    }
}

impl Typed for PathBuf {
    fn take(&mut self, name: &str, text: &str, _: bool, _: &mut Vec<String>) -> Result<(), Error> {
        if text.is_empty() {
            return Err(Error::EmptyPath {
                name: name.to_owned(),
            });
        }
        *self = PathBuf::from(text);
        Ok(())
    }

    fn render(&self) -> String {
        self.to_string_lossy().into_owned()
    }

    fn json(&self) -> Value {
        json!(self.render())
    }
}

impl Typed for Option<PathBuf> {
    fn take(&mut self, _: &str, text: &str, _: bool, _: &mut Vec<String>) -> Result<(), Error> {
        *self = (!text.is_empty()).then(|| PathBuf::from(text));
        Ok(())
    }

    fn render(&self) -> String {
        self.as_ref().map(Typed::render).unwrap_or_default()
    }

    fn json(&self) -> Value {
        self.as_ref().map_or(Value::Null, Typed::json)
    }
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split([' ', '\t', '\n', '\r'])
        .filter(|it| !it.is_empty())
}

impl Typed for Vec<String> {
    fn take(
        &mut self,
        _: &str,
        text: &str,
        append: bool,
        _: &mut Vec<String>,
    ) -> Result<(), Error> {
        if !append {
            self.clear();
        }
        self.extend(words(text).map(str::to_owned));
        Ok(())
    }

    fn render(&self) -> String {
        self.join(" ")
    }

    fn json(&self) -> Value {
        json!(self)
    }

    fn flag_shape(&self) -> FlagShape {
        FlagShape::List
    }
}

impl Typed for BTreeSet<String> {
    fn take(
        &mut self,
        _: &str,
        text: &str,
        append: bool,
        _: &mut Vec<String>,
    ) -> Result<(), Error> {
        if !append {
            self.clear();
        }
        self.extend(words(text).map(str::to_owned));
        Ok(())
    }

    fn render(&self) -> String {
        self.iter()
            .map(String::as_str)
            .collect::<Vec<_>>()
            .join(" ")
    }

    fn json(&self) -> Value {
        json!(self)
    }

    fn flag_shape(&self) -> FlagShape {
        FlagShape::List
    }
}

impl Typed for BTreeMap<String, String> {
    fn take(
        &mut self,
        _: &str,
        text: &str,
        append: bool,
        _: &mut Vec<String>,
    ) -> Result<(), Error> {
        if !append {
            self.clear();
        }
        for (key, value) in words(text).filter_map(|it| it.split_once('=')) {
            self.entry(key.to_owned())
                .or_insert_with(|| value.to_owned());
        }
        Ok(())
    }

    fn render(&self) -> String {
        // The reference folds from an empty string, which leaves a leading blank.
        self.iter().fold(String::new(), |text, (key, value)| {
            format!("{text} {key}={value}")
        })
    }

    fn json(&self) -> Value {
        json!(self)
    }

    fn flag_shape(&self) -> FlagShape {
        FlagShape::List
    }
}

impl Typed for FeatureSet {
    fn take(
        &mut self,
        _: &str,
        text: &str,
        append: bool,
        warnings: &mut Vec<String>,
    ) -> Result<(), Error> {
        if !append {
            *self = Self::EMPTY;
        }
        for word in words(text).collect::<BTreeSet<_>>() {
            if let Some(feature) = Feature::parse(word) {
                self.insert(feature);
            } else if word == "no-url-literals" {
                warnings.push(format!(
                    "experimental feature '{word}' has been stabilized and renamed; use 'lint-url-literals = fatal' setting instead"
                ));
            } else {
                warnings.push(format!("unknown experimental feature '{word}'"));
            }
        }
        Ok(())
    }

    fn render(&self) -> String {
        let names: Vec<_> = self.sorted().into_iter().map(Feature::name).collect();
        names.join(" ")
    }

    fn json(&self) -> Value {
        // In the order of the table, as the reference lists them.
        Feature::ALL
            .iter()
            .filter(|&&it| self.contains(it))
            .map(|it| json!(it.name()))
            .collect()
    }

    fn flag_shape(&self) -> FlagShape {
        FlagShape::List
    }
}

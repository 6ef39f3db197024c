//! All settings as text and as JSON, in the reference's layout.

use serde_json::{Map, Value, json};

use crate::Settings;
use crate::table::Row;

impl Settings {
    /// The value of one setting as text, if it is known and its feature is on.
    pub fn render(&self, name: &str) -> Option<String> {
        let row = Self::row(name)?;
        (row.name == name && self.is_shown(row)).then(|| (row.field)(self).render())
    }

    fn is_shown(&self, row: &Row) -> bool {
        row.feature.is_none_or(|it| self.is_enabled(it))
    }

    /// Lines `name = value`. With `all`, Firn's own settings are among them.
    pub fn show_text(&self, all: bool) -> String {
        let mut text = String::new();
        for row in Self::rows() {
            if self.is_shown(row) && (all || row.is_shared) {
                text.push_str(row.name);
                text.push_str(" = ");
                text.push_str(&(row.field)(self).render());
                text.push('\n');
            }
        }
        if all {
            for (scheme, places) in &self.mirrors {
                for part in ["mirrors.", scheme, " = ", &places.join(" "), "\n"] {
                    text.push_str(part);
                }
            }
        }
        text
    }

    /// An object with an object for each setting.
    pub fn show_json(&self, all: bool) -> Value {
        let defaults = Self::documented(self.machine());
        let mut settings = Map::new();
        for row in Self::rows() {
            if all || row.is_shared {
                let described = json!({
                    "aliases": row.aliases,
                    "defaultValue": (row.field)(&defaults).json(),
                    "description": row.description(),
                    "documentDefault": row.document_default,
                    "experimentalFeature": row.feature.map(crate::Feature::name),
                    "value": (row.field)(self).json(),
                });
                settings.insert(row.name.to_owned(), described);
            }
        }
        Value::Object(settings)
    }
}

//! The shape of the table: one row a setting, one plain struct a theme.
//!
//! A theme is written once, as a list of fields with documentation, Nix name, type and default.
//! From it the `theme!` macro makes a struct with public typed fields, which is what other crates
//! read, and the rows by which files, flags and `config show` reach the same fields. The doc
//! comment of a field *is* the description that users see.

use crate::typed::Typed;
use crate::{Feature, Settings};

/// One setting.
pub struct Row {
    /// Its name in configuration files and, behind two dashes, on command lines.
    pub name: &'static str,
    /// Other names that still work.
    pub aliases: &'static [&'static str],
    /// The feature without which it is ignored.
    pub feature: Option<Feature>,
    /// Whether the default is the same everywhere and may be documented.
    pub document_default: bool,
    /// Whether the reference knows it too.
    pub is_shared: bool,
    pub(crate) doc: &'static [&'static str],
    pub(crate) field: fn(&Settings) -> &dyn Typed,
    pub(crate) field_mut: fn(&mut Settings) -> &mut dyn Typed,
}

impl Row {
    /// What it does, in Markdown.
    pub fn description(&self) -> String {
        let lines: Vec<_> = self
            .doc
            .iter()
            .map(|line| line.strip_prefix(' ').unwrap_or(line))
            .collect();
        lines.join("\n") + "\n"
    }
}

macro_rules! theme {
    ($(#[doc = $about:literal])+ $struct:ident in $theme:ident, shared $shared:literal, from $machine:ident;
     $($(#[doc = $doc:literal])+ $name:literal $field:ident: $type:ty = $default:expr
       $(, aliases [$($alias:literal),+])? $(, feature $feature:ident)? $(, default $varies:ident)?;)+) => {
        $(#[doc = $about])+
        #[derive(Clone, Debug)]
        pub struct $struct { $($(#[doc = $doc])+ pub $field: $type,)+ }

        impl $struct {
            pub(crate) fn new($machine: &$crate::Machine) -> Self {
                let _ = $machine;
                Self { $($field: $default,)+ }
            }
        }

        pub(crate) static ROWS: &[$crate::table::Row] = &[$($crate::table::Row {
            name: $name,
            aliases: &[$($($alias,)+)?],
            feature: $crate::table::gate!($($feature)?),
            document_default: $crate::table::documented!($($varies)?),
            is_shared: $shared,
            doc: &[$($doc,)+],
            field: |settings| &settings.$theme.$field,
            field_mut: |settings| &mut settings.$theme.$field,
        },)+];
    };
}

macro_rules! gate {
    () => {
        None
    };
    ($feature:ident) => {
        Some($crate::Feature::$feature)
    };
}

macro_rules! documented {
    () => {
        true
    };
    (varies) => {
        false
    };
}

pub(crate) use {documented, gate, theme};

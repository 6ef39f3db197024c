//! Builtins that exchange values with the formats of others: JSON, TOML and XML.

mod from_json;
mod from_toml;
mod to_json;
mod to_xml;

use firn_eval::{Builtin, Ctx, ErrorKind, Fail};

pub use to_json::JsonWriter;
pub use to_xml::{XmlOptions, write_xml};

pub(crate) const BUILTINS: &[Builtin] = &[
    Builtin::new(
        "__toJSON",
        &["e"],
        "The value *e* as JSON. Paths are copied to the store; a set with `outPath` or \
         `__toString` becomes a string; functions have no JSON form.",
        to_json::to_json,
    ),
    Builtin::new(
        "__fromJSON",
        &["e"],
        "The value that the JSON text *e* describes.",
        from_json::from_json,
    )
    .strict(1),
    Builtin::new(
        "__toXML",
        &["e"],
        "The value *e* as XML; derivations that have been written once are written short.",
        to_xml::to_xml,
    ),
    Builtin::new(
        "fromTOML",
        &["e"],
        "The value that the TOML text *e* describes.",
        from_toml::from_toml,
    )
    .strict(1),
];

/// Refuses bytes that no string of the language can hold.
fn check_no_null_byte(ctx: &mut Ctx<'_>, bytes: &[u8]) -> Result<(), Fail> {
    if !bytes.contains(&0) {
        return Ok(());
    }
    Err(ctx.error(ErrorKind::Host, null_byte_message(bytes)))
}

fn null_byte_message(bytes: &[u8]) -> String {
    let shown = String::from_utf8_lossy(bytes).replace('\0', "␀");
    format!(
        "input string '{shown}' cannot be represented as Nix string because it contains null bytes"
    )
}

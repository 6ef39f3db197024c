//! The listing of an archive: what is in it and where, as JSON. Binary caches keep it beside an
//! archive, so that programs can find a file without getting all of it.

use std::io::BufRead;

use serde_json::{Map, Value, json};

use super::{NarError, NarEvent, NarReader};

/// Reads an archive to its end and no further, which tells whether it is one.
pub fn check_nar(input: impl BufRead) -> Result<(), NarError> {
    let mut reader = NarReader::new(input);
    while reader.next_event()?.is_some() {}
    Ok(())
}

/// Reads an archive and lists it: a tree of `type`, `size`, `executable`, `target` and `entries`,
/// with the offset of each file's contents as `narOffset`. The input is consumed up to the end of
/// the archive and no further.
pub fn list_nar(input: impl BufRead) -> Result<Value, NarError> {
    let mut reader = NarReader::new(input);
    let mut open: Vec<(Vec<u8>, Map<String, Value>)> = Vec::new();
    let mut root = Value::Null;
    while let Some(event) = reader.next_event()? {
        let (name, node) = match event {
            NarEvent::Directory { name } => {
                open.push((name, Map::new()));
                continue;
            }
            NarEvent::EndDirectory => {
                let (name, entries) = open.pop().ok_or(NarError::Misuse("no directory is open"))?;
                let mut node = Map::new();
                node.insert("entries".to_owned(), Value::Object(entries));
                node.insert("type".to_owned(), "directory".into());
                (name, Value::Object(node))
            }
            NarEvent::File {
                name,
                executable,
                size,
            } => {
                let mut node =
                    json!({ "narOffset": reader.offset(), "size": size, "type": "regular" });
                if executable {
                    node["executable"] = true.into();
                }
                node.sort_all_objects();
                (name, node)
            }
            NarEvent::Symlink { name, target } => {
                let target = String::from_utf8_lossy(&target).into_owned();
                (name, json!({ "target": target, "type": "symlink" }))
            }
        };
        match open.last_mut() {
            Some((_, entries)) => {
                entries.insert(String::from_utf8_lossy(&name).into_owned(), node);
            }
            None => root = node,
        }
    }
    Ok(root)
}

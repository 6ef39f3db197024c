//! `store ls`, `store cat`, `nar ls`, `nar cat`: looking into store objects and archives.
//!
//! An object that lies on this machine is looked at where it lies; otherwise its archive is read as
//! it comes, and nothing of it is kept.

use std::fs::File;
use std::io::{BufRead, BufReader, Write as _};
use std::path::Path;

use firn_store::Store;
use firn_store_model::StorePath;
use firn_store_model::nar::{NarEvent, NarReader, list_nar};
use serde_json::{Map, Value, json};

use crate::verbs::Verb;
use crate::{Arg, Args, Context, Failure, sources};

/// `store ls PATH`.
pub static STORE_LS: Verb = Verb {
    path: &["store", "ls"],
    about: "list what is in a store path",
    usage: "[-l] [-R] [-d] [--json] PATH",
    only_firn: false,
    run: store_ls,
};

/// `store cat PATH`.
pub static STORE_CAT: Verb = Verb {
    path: &["store", "cat"],
    about: "print a file of the store",
    usage: "PATH",
    only_firn: false,
    run: store_cat,
};

/// `nar ls FILE PATH`.
pub static NAR_LS: Verb = Verb {
    path: &["nar", "ls"],
    about: "list what is in an archive",
    usage: "[-l] [-R] [-d] [--json] FILE PATH",
    only_firn: false,
    run: nar_ls,
};

/// `nar cat FILE PATH`.
pub static NAR_CAT: Verb = Verb {
    path: &["nar", "cat"],
    about: "print a file of an archive",
    usage: "FILE PATH",
    only_firn: false,
    run: nar_cat,
};

#[derive(Default)]
#[allow(
    clippy::struct_excessive_bools,
    reason = "each is a flag of the command line"
)]
struct How {
    long: bool,
    recursive: bool,
    directory: bool,
    json: bool,
    words: Vec<String>,
}

impl How {
    fn read(context: &mut Context, args: &mut Args, n_words: usize) -> Result<Self, Failure> {
        let mut how = Self::default();
        while let Some(arg) = args.next() {
            match arg {
                Arg::Word(word) if how.words.len() < n_words => how.words.push(word),
                Arg::Word(word) => return Err(Failure::unexpected(&word)),
                Arg::Flag(flag) => match flag.as_str() {
                    "-l" | "--long" => how.long = true,
                    "-R" | "--recursive" => how.recursive = true,
                    "-d" | "--directory" => how.directory = true,
                    "--json" => how.json = true,
                    _ => context.take_common(&flag, args)?,
                },
            }
        }
        context.settle();
        if how.words.len() < n_words {
            return Err(Failure::usage("more arguments are required"));
        }
        if how.json && how.directory {
            return Err(Failure::usage("'--directory' is useless with '--json'"));
        }
        Ok(how)
    }

    /// Shows a node; its name is the last part of the path it was asked for by.
    fn show(&self, context: &Context, node: &Value, name: &str) -> Result<u8, Failure> {
        if self.json {
            let shown = if self.recursive {
                node.clone()
            } else {
                shallow(node)
            };
            context.console.print_line(shown.to_string())?;
            return Ok(0);
        }
        let mut out = String::new();
        if is_directory(node) {
            if self.directory {
                self.line(node, ".", &mut out);
            } else {
                self.entries(node, ".", &mut out);
            }
        } else {
            self.line(node, name, &mut out);
        }
        context.console.print(out)?;
        Ok(0)
    }

    fn entries(&self, node: &Value, place: &str, out: &mut String) {
        for (name, entry) in entries_of(node).into_iter().flatten() {
            self.line(entry, &format!("{place}/{name}"), out);
        }
    }

    fn line(&self, node: &Value, place: &str, out: &mut String) {
        if self.long {
            let kind = match node["type"].as_str() {
                Some("directory") => "dr-xr-xr-x",
                Some("symlink") => "lrwxrwxrwx",
                _ if node["executable"] == true => "-r-xr-xr-x",
                _ => "-r--r--r--",
            };
            let size = node["size"].as_u64().unwrap_or(0);
            out.push_str(&format!("{kind} {size:20} {place}"));
            if let Some(target) = node["target"].as_str() {
                out.push_str(&format!(" -> {target}"));
            }
        } else {
            out.push_str(place);
        }
        out.push('\n');
        if self.recursive && is_directory(node) {
            self.entries(node, place, out);
        }
    }
}

fn is_directory(node: &Value) -> bool {
    node["type"] == "directory"
}

fn entries_of(node: &Value) -> Option<&Map<String, Value>> {
    node["entries"].as_object()
}

/// A directory whose entries are only named.
fn shallow(node: &Value) -> Value {
    let Some(entries) = entries_of(node) else {
        return node.clone();
    };
    let entries: Map<String, Value> = entries
        .keys()
        .map(|name| (name.clone(), json!({})))
        .collect();
    json!({ "entries": entries, "type": "directory" })
}

/// Goes down a path in a listing.
fn find<'v>(node: &'v Value, path: &str) -> Option<&'v Value> {
    parts(path).try_fold(node, |node, part| entries_of(node)?.get(part))
}

fn parts(path: &str) -> impl Iterator<Item = &str> {
    path.split('/')
        .filter(|part| !part.is_empty() && *part != ".")
}

fn last_part(path: &str) -> &str {
    parts(path).last().unwrap_or("")
}

/// A store path, and a path inside of it.
fn split(store: &dyn Store, word: &str) -> Result<(StorePath, String), Failure> {
    let absolute = sources::absolute(word);
    let (path, rest) = store
        .store_dir()
        .split(absolute.path.as_bytes())
        .map_err(|error| Failure::message(error.to_string()))?;
    if !store.is_valid_path(&path)? {
        let path = store.store_dir().print(&path);
        return Err(Failure::message(format!("path '{path}' is not valid")));
    }
    Ok((path, String::from_utf8_lossy(rest).into_owned()))
}

fn store_ls(context: &mut Context, args: &mut Args) -> Result<u8, Failure> {
    let how = How::read(context, args, 1)?;
    let store = context.open_store()?;
    let word = &how.words[0];
    let (path, rest) = split(store.as_ref(), word)?;
    let absent = || Failure::message(format!("path '{word}' does not exist"));
    if let Some(place) = store.physical_path(&path) {
        let place = parts(&rest).fold(place, |place, part| place.join(part));
        let node = list_place(&place, how.recursive).ok_or_else(absent)?;
        return how.show(context, &node, last_part(word));
    }
    let listing = with_archive(store.as_ref(), &path, |reader| {
        list_nar(reader).map_err(|error| Failure::message(error.to_string()))
    })?;
    let listing = without_offsets(listing);
    let node = find(&listing, &rest).ok_or_else(absent)?;
    how.show(context, node, last_part(word))
}

/// Lists what lies on this machine: everything below a directory, or only the names in it.
fn list_place(place: &Path, recursive: bool) -> Option<Value> {
    use std::os::unix::fs::PermissionsExt as _;
    let metadata = std::fs::symlink_metadata(place).ok()?;
    if metadata.is_symlink() {
        let target = std::fs::read_link(place).ok()?;
        return Some(json!({ "target": target.to_string_lossy(), "type": "symlink" }));
    }
    if !metadata.is_dir() {
        let mut node = json!({ "size": metadata.len(), "type": "regular" });
        if metadata.permissions().mode() & 0o111 != 0 {
            node["executable"] = true.into();
        }
        return Some(node);
    }
    let mut names: Vec<_> = std::fs::read_dir(place)
        .ok()?
        .filter_map(|entry| entry.ok().map(|entry| entry.file_name()))
        .collect();
    names.sort();
    let mut entries = Map::new();
    for name in names {
        // One level is looked at in any case: its sizes and kinds may be shown.
        let below = place.join(&name);
        let node = if recursive || !below.is_dir() || below.is_symlink() {
            list_place(&below, recursive)?
        } else {
            json!({ "entries": {}, "type": "directory" })
        };
        entries.insert(name.to_string_lossy().into_owned(), node);
    }
    Some(json!({ "entries": entries, "type": "directory" }))
}

/// Where a file begins in an archive is of no interest to someone who asks a store.
fn without_offsets(mut node: Value) -> Value {
    if let Some(object) = node.as_object_mut() {
        object.remove("narOffset");
        if let Some(Value::Object(entries)) = object.get_mut("entries") {
            for (_, entry) in entries.iter_mut() {
                *entry = without_offsets(entry.take());
            }
        }
    }
    node
}

/// Reads the archive of a path as it comes.
fn with_archive<T: Send>(
    store: &dyn Store,
    path: &StorePath,
    read: impl FnOnce(&mut dyn BufRead) -> Result<T, Failure>,
) -> Result<T, Failure> {
    let (reader, mut writer) = std::io::pipe()?;
    std::thread::scope(|scope| {
        let sender = scope.spawn(move || store.nar_from_path(path, &mut writer));
        let mut reader = BufReader::new(reader);
        let result = read(&mut reader);
        drop(reader);
        match (sender.join(), result) {
            (_, Ok(value)) => Ok(value),
            // What cut the archive short says more than that it was cut short.
            (Ok(Err(error)), Err(_)) if !error.to_string().contains("Broken pipe") => {
                Err(error.into())
            }
            (_, Err(failure)) => Err(failure),
        }
    })
}

fn store_cat(context: &mut Context, args: &mut Args) -> Result<u8, Failure> {
    let word = context.one_word(args)?;
    let store = context.open_store()?;
    let (path, rest) = split(store.as_ref(), &word)?;
    let Some(place) = store.physical_path(&path) else {
        let found = with_archive(store.as_ref(), &path, |reader| print_file(reader, &rest))?;
        return if found {
            Ok(0)
        } else {
            Err(Failure::message(format!("path '{word}' does not exist")))
        };
    };
    let place = parts(&rest).fold(place, |place, part| place.join(part));
    let absent = |_| Failure::message(format!("path '{word}' does not exist"));
    let metadata = std::fs::symlink_metadata(&place).map_err(absent)?;
    if !metadata.is_file() {
        return Err(Failure::message(format!(
            "path '{word}' is not a regular file"
        )));
    }
    let mut file = File::open(&place).map_err(absent)?;
    let mut stdout = std::io::stdout().lock();
    std::io::copy(&mut file, &mut stdout)?;
    stdout.flush()?;
    Ok(0)
}

fn open_archive(word: &str) -> Result<BufReader<File>, Failure> {
    let place = sources::on_disk(&sources::absolute(word));
    let file = File::open(&place)
        .map_err(|error| Failure::message(format!("opening file \"{word}\": {error}")))?;
    Ok(BufReader::new(file))
}

fn nar_ls(context: &mut Context, args: &mut Args) -> Result<u8, Failure> {
    let how = How::read(context, args, 2)?;
    let listing = list_nar(open_archive(&how.words[0])?)
        .map_err(|error| Failure::message(error.to_string()))?;
    let path = &how.words[1];
    let node = find(&listing, path)
        .ok_or_else(|| Failure::message(format!("path '{path}' does not exist")))?;
    how.show(context, node, last_part(path))
}

fn nar_cat(context: &mut Context, args: &mut Args) -> Result<u8, Failure> {
    let how = How::read(context, args, 2)?;
    let path = &how.words[1];
    if print_file(&mut open_archive(&how.words[0])?, path)? {
        return Ok(0);
    }
    Err(Failure::message(format!(
        "NAR does not contain regular file '{path}'"
    )))
}

/// Prints a file of an archive; tells whether there was one.
fn print_file(reader: &mut dyn BufRead, path: &str) -> Result<bool, Failure> {
    let wanted: Vec<&[u8]> = parts(path).map(str::as_bytes).collect();
    let wrong = |error: firn_store_model::nar::NarError| Failure::message(error.to_string());
    let mut reader = NarReader::new(reader);
    let mut place: Vec<Vec<u8>> = Vec::new();
    let mut found = false;
    let mut stdout = std::io::stdout().lock();
    while let Some(event) = reader.next_event().map_err(wrong)? {
        match event {
            NarEvent::Directory { name } => place.push(name),
            NarEvent::EndDirectory => drop(place.pop()),
            NarEvent::File { name, .. } => {
                // The root has no name.
                let here = place.iter().chain([&name]).skip(1);
                if !here.map(Vec::as_slice).eq(wanted.iter().copied()) {
                    continue;
                }
                found = true;
                loop {
                    let bytes = reader.fill_contents().map_err(wrong)?;
                    if bytes.is_empty() {
                        break;
                    }
                    stdout.write_all(bytes)?;
                    let n_bytes = bytes.len();
                    reader.consume_contents(n_bytes);
                }
            }
            NarEvent::Symlink { .. } => {}
        }
    }
    stdout.flush()?;
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn listings_are_walked_and_made_shallow() {
        let file = json!({ "narOffset": 8, "size": 1, "type": "regular" });
        let inner = json!({ "entries": { "b": file }, "type": "directory" });
        let root = json!({ "entries": { "a": inner }, "type": "directory" });
        assert_eq!(find(&root, "/a/b"), Some(&file));
        assert_eq!(find(&root, ""), Some(&root));
        assert!(find(&root, "/a/c").is_none());
        assert_eq!(
            shallow(&root),
            json!({ "entries": { "a": {} }, "type": "directory" })
        );
        let bare = without_offsets(root);
        assert_eq!(
            find(&bare, "a/b"),
            Some(&json!({ "size": 1, "type": "regular" }))
        );
    }
}

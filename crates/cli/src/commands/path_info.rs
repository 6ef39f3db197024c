//! `path-info`: what a store knows of paths.

use std::sync::Arc;

use firn_store::Store;
use firn_store::closure::{ClosureOptions, closure, path_info};
use firn_store_model::{PathInfoJsonVersion, StorePath, ValidPathInfo};
use serde_json::{Map, Value, json};

use crate::installables::PathSelection;
use crate::size::render_size;
use crate::verbs::Verb;
use crate::{Arg, Args, Context, Failure};

/// `path-info PATH…`.
pub static PATH_INFO: Verb = Verb {
    path: &["path-info"],
    about: "show what a store knows of paths",
    usage: "[-s] [-S] [-h] [--sigs] [--json --json-format 1|2] [--all] [-r] PATH…",
    only_firn: false,
    run,
};

#[derive(Default)]
#[expect(clippy::struct_excessive_bools, reason = "one for each flag")]
struct Columns {
    size: bool,
    closure_size: bool,
    readable: bool,
    signatures: bool,
}

fn run(context: &mut Context, args: &mut Args) -> Result<u8, Failure> {
    let mut selection = PathSelection::default();
    let mut columns = Columns::default();
    let (mut as_json, mut version) = (false, None);
    while let Some(arg) = args.next() {
        match arg {
            Arg::Word(word) => selection.installables.words.push(word),
            Arg::Flag(flag) => match flag.as_str() {
                "-s" | "--size" => columns.size = true,
                "-S" | "--closure-size" => columns.closure_size = true,
                "-h" | "--human-readable" => columns.readable = true,
                "--sigs" => columns.signatures = true,
                "--json" => as_json = true,
                "--pretty" | "--no-pretty" => {}
                "--json-format" => {
                    let number = args.value(&flag)?.parse().unwrap_or(u64::MAX);
                    let known = PathInfoJsonVersion::new(number);
                    version = Some(known.map_err(|it| Failure::usage(it.to_string()))?);
                }
                _ => {
                    if !selection.take(&flag, args, context)? {
                        context.take_common(&flag, args)?;
                    }
                }
            },
        }
    }
    context.settle();
    let store = context.open_store()?;
    let paths = selection.store_paths(context, &store)?;
    if as_json {
        let version = if let Some(version) = version {
            version
        } else {
            context.console.warn(
                "'--json' without '--json-format' is deprecated; please specify '--json-format 1' or '--json-format 2'. This will become an error in a future release.",
            );
            PathInfoJsonVersion::new(1).map_err(|it| Failure::message(it.to_string()))?
        };
        let shown = as_object(&store, &paths, version, columns.closure_size)?;
        context.console.print_line(shown.to_string())?;
        return Ok(0);
    }
    let widest = paths
        .iter()
        .map(|it| store.store_dir().print(it).len())
        .max()
        .unwrap_or(0);
    for path in &paths {
        let info = path_info(store.as_ref(), path)?;
        let line = columns.line(&store, &info, widest)?;
        context.console.print_line(line)?;
    }
    Ok(0)
}

impl Columns {
    fn line(
        &self,
        store: &Arc<dyn Store>,
        info: &ValidPathInfo,
        widest: usize,
    ) -> Result<String, Failure> {
        let mut line = store.store_dir().print(&info.path);
        if self.size || self.closure_size || self.signatures {
            line = format!("{line:widest$}");
        }
        if self.size {
            line.push_str(&self.size(info.nar_size));
        }
        if self.closure_size {
            line.push_str(&self.size(closure_size(store, &info.path)?));
        }
        if self.signatures {
            let mut words = Vec::new();
            if info.ultimate {
                words.push("ultimate".to_owned());
            }
            if let Some(address) = &info.content_address {
                words.push(format!("ca:{address}"));
            }
            words.extend(info.signatures.iter().map(ToString::to_string));
            line.push('\t');
            line.push_str(&words.join(" "));
        }
        Ok(line)
    }

    fn size(&self, bytes: u64) -> String {
        if self.readable {
            format!("\t{:>10}", render_size(bytes))
        } else {
            format!("\t{bytes:>11}")
        }
    }
}

fn closure_size(store: &Arc<dyn Store>, path: &StorePath) -> Result<u64, Failure> {
    let mut size = 0;
    for member in closure(store.as_ref(), [path.clone()], ClosureOptions::default())? {
        size += path_info(store.as_ref(), &member)?.nar_size;
    }
    Ok(size)
}

fn as_object(
    store: &Arc<dyn Store>,
    paths: &[StorePath],
    version: PathInfoJsonVersion,
    with_closure_size: bool,
) -> Result<Value, Failure> {
    let is_first = version.number() == 1;
    let mut infos = Map::new();
    let store_dir = store.store_dir();
    for path in paths {
        let key = if is_first {
            store_dir.print(path)
        } else {
            path.to_string()
        };
        let Some(info) = store.query_path_info(path)? else {
            infos.insert(key, Value::Null);
            continue;
        };
        let mut value = info.to_json(store_dir, version, true);
        value["storeDir"] = store_dir.as_str().into();
        if with_closure_size {
            value["closureSize"] = closure_size(store, path)?.into();
        }
        value.sort_all_objects();
        infos.insert(key, value);
    }
    let mut shown = if is_first {
        Value::Object(infos)
    } else {
        json!({"info": infos, "storeDir": store_dir.as_str(), "version": version.number()})
    };
    shown.sort_all_objects();
    Ok(shown)
}

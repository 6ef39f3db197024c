//! The reference graph of paths as a tree, a dot graph or GraphML.

use std::fmt::Write as _;

use firn_store::closure::{path_info, sort_topologically};
use firn_store::{Store, StorePathSet};
use firn_store_model::StorePath;

use crate::Failure;

/// Appends a tree with lines; a path that was shown before is not opened again.
pub(super) fn print_tree(
    store: &dyn Store,
    root: &StorePath,
    done: &mut StorePathSet,
    out: &mut String,
) -> Result<(), Failure> {
    let mut pending = vec![(root.clone(), String::new(), String::new())];
    while let Some((path, first, tail)) = pending.pop() {
        let text = store.store_dir().print(&path);
        if !done.insert(path.clone()) {
            writeln!(out, "{first}{text} [...]").expect("a string takes any text");
            continue;
        }
        writeln!(out, "{first}{text}").expect("a string takes any text");
        let info = path_info(store, &path)?;
        // Most dependent last, which keeps the tree flat; the stack takes them the other way.
        let sorted = sort_topologically(store, &info.references)?;
        for (position, child) in sorted.into_iter().enumerate() {
            let is_last = position == 0;
            let (corner, line) = if is_last {
                ("└───", "    ")
            } else {
                ("├───", "│   ")
            };
            pending.push((child, format!("{tail}{corner}"), format!("{tail}{line}")));
        }
    }
    Ok(())
}

/// A dot graph of the closure of some paths.
pub(super) fn dot(store: &dyn Store, roots: StorePathSet) -> Result<String, Failure> {
    const COLOURS: [&str; 6] = ["black", "red", "green", "blue", "magenta", "burlywood"];
    let mut colours = COLOURS.iter().cycle();
    let mut out = String::from("digraph G {\n");
    walk(store, roots, &mut |path, references| {
        writeln!(
            out,
            "\"{path}\" [label = \"{}\", shape = box, style = filled, fillcolor = \"#ff0000\"];",
            path.name()
        )
        .expect("a string takes any text");
        for reference in references {
            let colour = colours.next().unwrap_or(&"black");
            writeln!(out, "\"{reference}\" -> \"{path}\" [color = \"{colour}\"];")
                .expect("a string takes any text");
        }
        Ok(())
    })?;
    out.push_str("}\n");
    Ok(out)
}

/// The closure of some paths as GraphML.
pub(super) fn graph_ml(store: &dyn Store, roots: StorePathSet) -> Result<String, Failure> {
    let mut out = String::from(concat!(
        "<?xml version='1.0' encoding='utf-8'?>\n",
        "<graphml xmlns='http://graphml.graphdrawing.org/xmlns'\n",
        "    xmlns:xsi='http://www.w3.org/2001/XMLSchema-instance'\n",
        "    xsi:schemaLocation='http://graphml.graphdrawing.org/xmlns/1.0/graphml.xsd'>\n",
        "<key id='narSize' for='node' attr.name='narSize' attr.type='long'/>",
        "<key id='name' for='node' attr.name='name' attr.type='string'/>",
        "<key id='type' for='node' attr.name='type' attr.type='string'/>",
        "<graph id='G' edgedefault='directed'>\n",
    ));
    walk(store, roots, &mut |path, references| {
        let info = path_info(store, path)?;
        let name = path.name();
        // Up to and including the first dash, as the field's graphs have it.
        let name = name.find('-').map_or(name, |dash| &name[..=dash]);
        let kind = if path.is_derivation() {
            "derivation"
        } else {
            "output-path"
        };
        writeln!(
            out,
            "  <node id=\"{path}\">\n    <data key=\"narSize\">{}</data>\n    <data \
             key=\"name\">{name}</data>\n    <data key=\"type\">{kind}</data>\n  </node>",
            info.nar_size
        )
        .expect("a string takes any text");
        for reference in references {
            writeln!(out, "  <edge source=\"{path}\" target=\"{reference}\"/>")
                .expect("a string takes any text");
        }
        Ok(())
    })?;
    out.push_str("</graph>\n</graphml>\n");
    Ok(out)
}

/// Visits each path of a closure once, the first by name of those that are waiting, with its
/// references to others.
fn walk(
    store: &dyn Store,
    roots: StorePathSet,
    visit: &mut dyn FnMut(&StorePath, &StorePathSet) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let mut waiting = roots;
    let mut done = StorePathSet::new();
    while let Some(path) = waiting.pop_first() {
        if !done.insert(path.clone()) {
            continue;
        }
        let mut references = path_info(store, &path)?.references.clone();
        references.remove(&path);
        visit(&path, &references)?;
        waiting.append(&mut references);
    }
    Ok(())
}

//! Lock files: a graph of inputs, each with what was asked for and what it was found to be.
//!
//! The text is the reference's to the byte: keys sorted, nodes named after the input that first
//! leads to them. Nodes live in a vector; an edge is the number of a node, or a path of inputs from
//! the root that it follows.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use firn_fetch::{Attrs, FINAL, FetchError, Fetcher, attrs, date_of, is_flake_id};
use serde_json::{Map, Value, json};

use crate::reference::{FlakeRef, Result};

/// The way to an input: names of inputs from the root on.
pub type InputPath = Vec<String>;

/// Shows a way.
pub fn show_path(path: &[String]) -> String {
    path.join("/")
}

/// Reads a way.
pub fn parse_path(text: &str) -> Result<InputPath> {
    let parts = text.split('/').filter(|it| !it.is_empty());
    parts
        .map(|part| {
            if is_flake_id(part) {
                return Ok(part.to_owned());
            }
            Err(FetchError::new(format!(
                "invalid flake input attribute path element '{part}'"
            )))
        })
        .collect()
}

/// What an input leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Edge {
    /// A node.
    Node(usize),
    /// Whatever is at this way from the root.
    Follows(InputPath),
}

/// What is locked about a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Locked {
    /// What it was found to be.
    pub locked: FlakeRef,
    /// What was asked for.
    pub original: FlakeRef,
    /// Whether it is a flake.
    pub is_flake: bool,
    /// The way to the flake that a relative path is meant from.
    pub parent: Option<InputPath>,
}

/// A node.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Node {
    /// Its inputs.
    pub inputs: BTreeMap<String, Edge>,
    /// What is locked; nothing for the root.
    pub locked: Option<Locked>,
}

/// A lock file. Node 0 is the root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LockFile {
    /// The nodes.
    pub nodes: Vec<Node>,
}

impl Default for LockFile {
    fn default() -> Self {
        Self {
            nodes: vec![Node::default()],
        }
    }
}

/// The names of nodes in the text.
pub type Keys = BTreeMap<usize, String>;

impl LockFile {
    /// Reads a lock file; `shown` is what messages call it.
    pub fn parse(fetcher: &Fetcher, text: &[u8], shown: &str) -> Result<Self> {
        let value: Value = serde_json::from_slice(text)
            .map_err(|error| FetchError::new(format!("Could not parse '{shown}': {error}")))?;
        let version = value.get("version").and_then(Value::as_i64).unwrap_or(0);
        if !(5..=7).contains(&version) {
            return Err(FetchError::new(format!(
                "lock file '{shown}' has unsupported version {version}"
            )));
        }
        let broken = || FetchError::new(format!("lock file '{shown}' has no root"));
        let root = value
            .get("root")
            .and_then(Value::as_str)
            .ok_or_else(broken)?;
        let mut reader = Reader {
            fetcher,
            nodes: value
                .get("nodes")
                .and_then(Value::as_object)
                .ok_or_else(broken)?,
            known: BTreeMap::from([(root.to_owned(), 0)]),
            file: Self::default(),
        };
        reader.inputs(0, root)?;
        Ok(reader.file)
    }

    /// Adds a node.
    pub fn add(&mut self, locked: Locked) -> usize {
        self.nodes.push(Node {
            inputs: BTreeMap::new(),
            locked: Some(locked),
        });
        self.nodes.len() - 1
    }

    /// The node at a way, through inputs that follow others.
    pub fn find(&self, path: &[String]) -> Result<Option<usize>> {
        self.find_from(path, &mut Vec::new())
    }

    fn find_from(&self, path: &[String], visited: &mut Vec<InputPath>) -> Result<Option<usize>> {
        if let Some(first) = visited.iter().position(|it| it == path) {
            let mut cycle: Vec<_> = visited[first..].iter().map(|it| show_path(it)).collect();
            cycle.push(show_path(path));
            return Err(FetchError::new(format!(
                "follow cycle detected: [{}]",
                cycle.join(" -> ")
            )));
        }
        visited.push(path.to_vec());
        let mut at = 0;
        for name in path {
            at = match self.nodes[at].inputs.get(name) {
                None => return Ok(None),
                Some(Edge::Node(node)) => *node,
                Some(Edge::Follows(target)) => match self.find_from(target, visited)? {
                    Some(node) => node,
                    None => return Ok(None),
                },
            };
        }
        Ok(Some(at))
    }

    /// All inputs with their ways, each node's once.
    pub fn all_inputs(&self) -> BTreeMap<InputPath, Edge> {
        let mut found = BTreeMap::new();
        self.collect(&mut Vec::new(), 0, &mut BTreeSet::new(), &mut found);
        found
    }

    fn collect(
        &self,
        prefix: &mut InputPath,
        node: usize,
        done: &mut BTreeSet<usize>,
        found: &mut BTreeMap<InputPath, Edge>,
    ) {
        if !done.insert(node) {
            return;
        }
        for (name, edge) in &self.nodes[node].inputs {
            prefix.push(name.clone());
            found.entry(prefix.clone()).or_insert_with(|| edge.clone());
            if let Edge::Node(child) = edge {
                self.collect(prefix, *child, done, found);
            }
            prefix.pop();
        }
    }

    /// Checks that what is followed is there.
    pub fn check(&self) -> Result<()> {
        for (path, edge) in self.all_inputs() {
            if let Edge::Follows(target) = edge
                && !target.is_empty()
                && self.find(&target)?.is_none()
            {
                return Err(FetchError::new(format!(
                    "input '{}' follows a non-existent input '{}'",
                    show_path(&path),
                    show_path(&target)
                )));
            }
        }
        Ok(())
    }

    /// An input that does not always mean the same source.
    pub fn unlocked(&self, fetcher: &Fetcher) -> Option<&FlakeRef> {
        let mut reachable = BTreeSet::new();
        let mut todo = vec![0];
        while let Some(node) = todo.pop() {
            if reachable.insert(node) {
                for edge in self.nodes[node].inputs.values() {
                    if let Edge::Node(child) = edge {
                        todo.push(*child);
                    }
                }
            }
        }
        let is_locked = |it: &FlakeRef| {
            let has_hash = || it.input.nar_hash().is_ok_and(|it| it.is_some());
            it.input.is_locked(fetcher) || (fetcher.settings().allow_dirty_locks && has_hash())
        };
        let locked = reachable
            .iter()
            .filter_map(|node| Some(&self.nodes[*node].locked.as_ref()?.locked));
        locked
            .filter(|it| it.input.relative_path().is_none())
            .find(|it| !is_locked(it) || !it.input.is_final())
    }

    /// The file as JSON, and the names that nodes have in it.
    pub fn to_json(&self) -> (Value, Keys) {
        let mut writer = Writer {
            file: self,
            nodes: BTreeMap::new(),
            keys: Keys::new(),
            taken: BTreeSet::new(),
        };
        let root = writer.node("root", 0);
        let nodes: Map<_, _> = writer.nodes.into_iter().collect();
        (
            json!({"nodes": nodes, "root": root, "version": 7}),
            writer.keys,
        )
    }

    /// The file's text, without a line break at its end.
    pub fn to_text(&self) -> String {
        serde_json::to_string_pretty(&self.to_json().0).unwrap_or_default()
    }

    /// Whether two files have the same text.
    pub fn is_same(&self, other: &Self) -> bool {
        self.to_json().0 == other.to_json().0
    }

    /// What changed from one file to another, with colours.
    pub fn diff(old: &Self, new: &Self) -> String {
        let (old_inputs, new_inputs) = (old.all_inputs(), new.all_inputs());
        let paths: BTreeSet<_> = old_inputs.keys().chain(new_inputs.keys()).collect();
        let mut text = String::new();
        for path in paths {
            let shown = show_path(path);
            let written = match (old_inputs.get(path), new_inputs.get(path)) {
                (None, Some(edge)) => write!(
                    text,
                    "• \x1b[32;1mAdded input '{shown}':\x1b[0m\n    {}\n",
                    new.show_edge(edge)
                ),
                (Some(_), None) => writeln!(text, "• \x1b[31;1mRemoved input '{shown}'\x1b[0m"),
                (Some(before), Some(after)) if !Self::edges_equal(old, before, new, after) => {
                    write!(
                        text,
                        "• \x1b[1mUpdated input '{shown}':\x1b[0m\n    {}\n  → {}\n",
                        old.show_edge(before),
                        new.show_edge(after)
                    )
                }
                _ => Ok(()),
            };
            written.expect("a string takes everything");
        }
        text
    }

    fn locked_ref(&self, node: usize) -> Option<&FlakeRef> {
        Some(&self.nodes[node].locked.as_ref()?.locked)
    }

    fn edges_equal(old: &Self, before: &Edge, new: &Self, after: &Edge) -> bool {
        match (before, after) {
            (Edge::Node(before), Edge::Node(after)) => {
                old.locked_ref(*before) == new.locked_ref(*after)
            }
            (Edge::Follows(before), Edge::Follows(after)) => before == after,
            _ => false,
        }
    }

    /// An edge as people read it.
    pub fn show_edge(&self, edge: &Edge) -> String {
        match edge {
            Edge::Follows(path) => format!("follows '{}'", show_path(path)),
            Edge::Node(node) => self.locked_ref(*node).map_or_else(String::new, describe),
        }
    }
}

/// A reference with its date.
pub fn describe(flake_ref: &FlakeRef) -> String {
    match flake_ref.input.last_modified() {
        None => format!("'{flake_ref}'"),
        Some(seconds) => {
            let (year, month, day) = date_of(seconds);
            format!("'{flake_ref}' ({year:04}-{month:02}-{day:02})")
        }
    }
}

/// Text without the codes that colour it.
pub fn without_colours(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("\x1b[") {
        out.push_str(before);
        rest = after.split_once('m').map_or("", |it| it.1);
    }
    out.push_str(rest);
    out
}

struct Reader<'a> {
    fetcher: &'a Fetcher,
    nodes: &'a Map<String, Value>,
    known: BTreeMap<String, usize>,
    file: LockFile,
}

impl Reader<'_> {
    fn inputs(&mut self, node: usize, key: &str) -> Result<()> {
        let nodes = self.nodes;
        let Some(inputs) = nodes
            .get(key)
            .and_then(|it| it.get("inputs"))
            .and_then(Value::as_object)
        else {
            return Ok(());
        };
        for (name, target) in inputs {
            let edge = match target {
                Value::Array(path) => {
                    let parts = path.iter().filter_map(Value::as_str);
                    Edge::Follows(parts.map(str::to_owned).collect())
                }
                Value::String(key) => Edge::Node(self.node(key)?),
                _ => {
                    return Err(FetchError::new(format!(
                        "lock file has an input '{name}' that leads nowhere"
                    )));
                }
            };
            self.file.nodes[node].inputs.insert(name.clone(), edge);
        }
        Ok(())
    }

    fn node(&mut self, key: &str) -> Result<usize> {
        match self.known.get(key) {
            Some(0) => return Err(FetchError::new("lock file contains cycle to root node")),
            Some(known) => return Ok(*known),
            None => {}
        }
        let Some(value) = self.nodes.get(key) else {
            return Err(FetchError::new(format!(
                "lock file references missing node '{key}'"
            )));
        };
        let locked = self.locked(value)?;
        let node = self.file.add(locked);
        self.known.insert(key.to_owned(), node);
        self.inputs(node, key)?;
        Ok(node)
    }

    fn locked(&self, value: &Value) -> Result<Locked> {
        let reference = |name: &str, more: Option<&str>| -> Result<FlakeRef> {
            let Some(found) = value.get(name) else {
                return Err(FetchError::new(format!(
                    "attribute '{name}' missing in lock file"
                )));
            };
            let mut attrs: Attrs = attrs::from_json(found)?;
            if let Some(more) = more.and_then(|it| value.get(it)) {
                attrs.extend(attrs::from_json(more)?);
            }
            FlakeRef::of_attrs(self.fetcher, attrs)
        };
        // Files of version 5 keep part of it in `info`.
        let mut locked = reference("locked", Some("info"))?;
        let original = reference("original", None)?;
        let input = &locked.input;
        if !input.is_locked(self.fetcher) && input.relative_path().is_none() {
            if input.nar_hash()?.is_none() {
                return Err(FetchError::new(format!(
                    "Lock file contains unlocked input '{}'. Use '--allow-dirty-locks' to accept this lock file.",
                    attrs::show(&input.attrs)
                )));
            }
            self.fetcher.warn(&format!(
                "Lock file entry '{locked}' is unlocked (e.g. lacks a Git revision) but is checked by NAR hash. This is not reproducible and will break after garbage collection or when shared."
            ));
        }
        locked.input.set(FINAL, true);
        let parent = value.get("parent").and_then(Value::as_array).map(|path| {
            let parts = path.iter().filter_map(Value::as_str);
            parts.map(str::to_owned).collect()
        });
        Ok(Locked {
            locked,
            original,
            is_flake: value.get("flake").and_then(Value::as_bool).unwrap_or(true),
            parent,
        })
    }
}

struct Writer<'a> {
    file: &'a LockFile,
    nodes: BTreeMap<String, Value>,
    keys: Keys,
    taken: BTreeSet<String>,
}

impl Writer<'_> {
    fn node(&mut self, wanted: &str, node: usize) -> String {
        if let Some(key) = self.keys.get(&node) {
            return key.clone();
        }
        let mut key = wanted.to_owned();
        let mut number = 2;
        while !self.taken.insert(key.clone()) {
            key = format!("{wanted}_{number}");
            number += 1;
        }
        self.keys.insert(node, key.clone());
        let Node { inputs, locked } = &self.file.nodes[node];
        let mut members = Map::new();
        if let Some(locked) = locked
            && !locked.is_flake
        {
            members.insert("flake".to_owned(), false.into());
        }
        if !inputs.is_empty() {
            let mut shown = Map::new();
            for (name, edge) in inputs {
                let target = match edge {
                    Edge::Node(child) => self.node(name, *child).into(),
                    Edge::Follows(path) => Value::from(path.clone()),
                };
                shown.insert(name.clone(), target);
            }
            members.insert("inputs".to_owned(), shown.into());
        }
        if let Some(locked) = locked {
            let mut attrs = locked.locked.to_attrs();
            attrs.remove(FINAL);
            members.insert("locked".to_owned(), attrs::to_json(&attrs));
            members.insert(
                "original".to_owned(),
                attrs::to_json(&locked.original.to_attrs()),
            );
            if let Some(parent) = &locked.parent {
                members.insert("parent".to_owned(), parent.clone().into());
            }
        }
        self.nodes.insert(key.clone(), members.into());
        key
    }
}

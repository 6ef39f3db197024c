//! `why-depends`: the way from one store path to another that it refers to.

use std::collections::{BTreeMap, BTreeSet};

use firn_events::Level;
use firn_store::closure::{ClosureOptions, closure, path_info};
use firn_store::tree::{FileKind, Listing, LocalTree, SourceTree as _};
use firn_store::{BuildMode, Store};
use firn_store_model::{DerivedPath, StorePath};

use crate::installables::{Installables, PathSelection};
use crate::verbs::Verb;
use crate::{Arg, Args, Context, Failure};

/// `why-depends PACKAGE DEPENDENCY`.
pub static WHY_DEPENDS: Verb = Verb {
    path: &["why-depends"],
    about: "show why a package needs another",
    usage: "[-a] [--precise] [--derivation] PACKAGE DEPENDENCY",
    only_firn: false,
    run,
};

/// What stands around a reference in a file.
const MARGIN: usize = 32;

fn run(context: &mut Context, args: &mut Args) -> Result<u8, Failure> {
    let mut selection = PathSelection::default();
    let (mut all, mut precise) = (false, false);
    while let Some(arg) = args.next() {
        match arg {
            Arg::Word(word) => selection.installables.words.push(word),
            Arg::Flag(flag) => match flag.as_str() {
                "-a" | "--all" => all = true,
                "--precise" => precise = true,
                _ => {
                    if !selection.take(&flag, args, context)? {
                        context.take_common(&flag, args)?;
                    }
                }
            },
        }
    }
    context.settle();
    let [package_word, dependency_word] = selection.installables.words.as_slice() else {
        return Err(Failure::usage("'why-depends' requires two arguments"));
    };
    let store = context.open_store()?;
    let one = |word: &str| -> PathSelection {
        PathSelection {
            installables: Installables {
                words: vec![word.to_owned()],
                ..selection.installables.clone()
            },
            ..selection.clone()
        }
    };
    let package_selection = one(package_word);
    if !selection.derivation {
        let wanted = package_selection
            .installables
            .derived_paths(context, &store)?;
        let built: Vec<DerivedPath> = wanted
            .into_iter()
            .filter(|it| matches!(it, DerivedPath::Built { .. }))
            .collect();
        store.build_paths(&built, BuildMode::Normal)?;
    }
    let first = |selection: PathSelection| -> Result<Option<StorePath>, Failure> {
        Ok(selection.store_paths(context, &store)?.into_iter().next())
    };
    let package = first(package_selection)?
        .ok_or_else(|| Failure::message(format!("'{package_word}' has no output path")))?;
    let dependency = first(one(dependency_word))?;
    let reachable = closure(store.as_ref(), [package.clone()], ClosureOptions::default())?;
    let Some(dependency) = dependency.filter(|path| reachable.contains(path)) else {
        let text = format!("'{package_word}' does not depend on '{dependency_word}'");
        context.console.log(Level::Error, &text);
        return Ok(0);
    };
    let mut graph = Graph::new(store.as_ref(), &reachable, &dependency)?;
    graph.all = all;
    graph.precise = precise;
    graph.starts_at_end = package == dependency;
    if !precise {
        graph.out.push_str(&store.store_dir().print(&package));
        graph.out.push('\n');
    }
    graph.print(&package, "", "")?;
    context.console.print(&graph.out)?;
    Ok(0)
}

struct Graph<'a> {
    store: &'a dyn Store,
    dependency: &'a StorePath,
    references: BTreeMap<StorePath, BTreeSet<StorePath>>,
    /// How far each path is from the dependency; those that do not lead there are not in it.
    distance: BTreeMap<StorePath, usize>,
    visited: BTreeSet<StorePath>,
    all: bool,
    precise: bool,
    starts_at_end: bool,
    out: String,
}

impl<'a> Graph<'a> {
    fn new(
        store: &'a dyn Store,
        reachable: &BTreeSet<StorePath>,
        dependency: &'a StorePath,
    ) -> Result<Self, Failure> {
        let mut references = BTreeMap::new();
        let mut referrers: BTreeMap<StorePath, Vec<StorePath>> = BTreeMap::new();
        for path in reachable {
            let info = path_info(store, path)?;
            for reference in &info.references {
                referrers
                    .entry(reference.clone())
                    .or_default()
                    .push(path.clone());
            }
            references.insert(path.clone(), info.references.clone());
        }
        // From the dependency backwards, rank by rank.
        let mut distance = BTreeMap::from([(dependency.clone(), 0)]);
        let mut frontier = vec![dependency.clone()];
        let mut rank = 0;
        while !frontier.is_empty() {
            rank += 1;
            let mut next = Vec::new();
            for referrer in frontier
                .iter()
                .flat_map(|path| referrers.get(path).into_iter().flatten())
            {
                if !distance.contains_key(referrer) {
                    distance.insert(referrer.clone(), rank);
                    next.push(referrer.clone());
                }
            }
            frontier = next;
        }
        Ok(Self {
            store,
            dependency,
            references,
            distance,
            visited: BTreeSet::new(),
            all: false,
            precise: false,
            starts_at_end: false,
            out: String::new(),
        })
    }

    /// Prints what is below a path; tells whether that is all there is to be printed.
    fn print(&mut self, path: &StorePath, first: &str, rest: &str) -> Result<bool, Failure> {
        let was_visited = self.visited.contains(path);
        if self.precise {
            let arrow = if first.is_empty() { "" } else { "→ " };
            let shown = self.store.store_dir().print(path);
            self.out.push_str(&format!("{first}{arrow}{shown}\n"));
        }
        if path == self.dependency && !self.all && !self.starts_at_end {
            return Ok(true);
        }
        if was_visited {
            return Ok(false);
        }
        if self.precise {
            self.visited.insert(path.clone());
        }
        let mut next: Vec<(usize, StorePath)> = self.references[path]
            .iter()
            .filter(|reference| *reference != path || self.starts_at_end)
            .filter_map(|reference| Some((*self.distance.get(reference)?, reference.clone())))
            .collect();
        next.sort();
        let mut hits = if self.precise {
            self.hits(path, next.iter().map(|it| &it.1))?
        } else {
            BTreeMap::new()
        };
        let n_next = next.len();
        for (idx, (_, reference)) in next.into_iter().enumerate() {
            let is_last = !self.all || idx + 1 == n_next;
            let (branch, below) = if is_last {
                ("└───", "    ")
            } else {
                ("├───", "│   ")
            };
            let found = hits.remove(&reference).unwrap_or_default();
            let shown = if self.all { found.len() } else { 1 };
            for (hit_idx, hit) in found.iter().take(shown).enumerate() {
                let lead = if hit_idx == 0 { branch } else { below };
                self.out.push_str(&format!("{rest}{lead}{hit}\n"));
            }
            if !self.precise {
                let shown = self.store.store_dir().print(&reference);
                self.out.push_str(&format!("{first}{branch}{shown}\n"));
                self.visited.insert(path.clone());
            }
            let below = format!("{rest}{below}");
            if self.print(&reference, &below, &below)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Where in a path each of some references stands.
    fn hits<'p>(
        &self,
        path: &StorePath,
        references: impl Iterator<Item = &'p StorePath>,
    ) -> Result<BTreeMap<StorePath, Vec<String>>, Failure> {
        let mut hits: BTreeMap<StorePath, Vec<String>> = BTreeMap::new();
        let references: Vec<&StorePath> = references.collect();
        let Some(place) = self.store.physical_path(path) else {
            return Err(Failure::message(
                "'--precise' needs a store whose files are on this machine",
            ));
        };
        let tree = LocalTree::new(place);
        for node in Listing::walk(&tree, None)?.nodes() {
            let name = String::from_utf8_lossy(&node.path).into_owned();
            let name = if name.is_empty() {
                "/".to_owned()
            } else {
                name
            };
            let (bytes, separator) = match node.kind {
                FileKind::Regular => {
                    let mut bytes = Vec::new();
                    let mut file = tree.open(&node.path)?;
                    std::io::Read::read_to_end(&mut file.reader, &mut bytes)?;
                    (bytes, ": …")
                }
                FileKind::Symlink => (tree.read_link(&node.path)?, " -> "),
                FileKind::Directory | FileKind::Special => continue,
            };
            for reference in &references {
                let Some(at) = find(&bytes, reference.hash_part().as_bytes()) else {
                    continue;
                };
                let text = if node.kind == FileKind::Regular {
                    let start = at.saturating_sub(MARGIN);
                    let end = (at + StorePath::HASH_PART_LEN + MARGIN).min(bytes.len());
                    format!("{}…", printable(&bytes[start..end]))
                } else {
                    printable(&bytes)
                };
                hits.entry((*reference).clone())
                    .or_default()
                    .push(format!("{name}{separator}{text}"));
            }
        }
        Ok(hits)
    }
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|it| it == wanted)
}

fn printable(bytes: &[u8]) -> String {
    let shown = |byte: &u8| match byte {
        b' '..=b'~' => char::from(*byte),
        _ => '.',
    };
    bytes.iter().map(shown).collect()
}

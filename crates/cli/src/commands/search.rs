//! `search`: packages of a flake, or of a file, by regular expressions over their attribute paths,
//! names and descriptions.
//!
//! What packages there are is collected first and remembered; patterns are matched with that.

use std::ops::Range;
use std::sync::Arc;

use firn_builtins::regex::{Regex, Scratch};
use firn_eval::{Symbol, Val};
use firn_fetch::is_flake_id;
use firn_store::Store;
use serde_json::{Map, Value, json};

use crate::evaluation::{Evaluation, Stop, evaluate};
use crate::flakes::parse_with_fragment;
use crate::installables::Installables;
use crate::verbs::Verb;
use crate::{Arg, Args, Context, Failure};

/// The standard library as a place to look.
const LIBRARY: &str = "stdlib#";

const BOLD: &str = "\x1b[0;1m";
const GREEN: &str = "\x1b[32;1m";
const PLAIN: &str = "\x1b[0m";

/// `search INSTALLABLE REGEX…`.
pub static SEARCH: Verb = Verb {
    path: &["search"],
    about: "search for packages",
    usage: "[-f FILE | --expr EXPR] [--json] [-e REGEX] [INSTALLABLE] REGEX…",
    only_firn: false,
    run,
};

fn run(context: &mut Context, args: &mut Args) -> Result<u8, Failure> {
    let mut installables = Installables::default();
    let (mut words, mut excluded, mut as_json) = (Vec::new(), Vec::new(), false);
    while let Some(arg) = args.next() {
        match arg {
            Arg::Word(word) => words.push(word),
            Arg::Flag(flag) => match flag.as_str() {
                "-e" | "--exclude" => excluded.push(args.value(&flag)?),
                "--json" => as_json = true,
                "--pretty" | "--no-pretty" => {}
                _ => {
                    if !installables.take(&flag, args, context)? {
                        context.take_common(&flag, args)?;
                    }
                }
            },
        }
    }
    context.settle();
    context.read_only = true;
    if !context
        .settings
        .is_overridden("allow-import-from-derivation")
    {
        context.settings.eval.allow_import_from_derivation = false;
    }
    if words.is_empty() {
        return Err(Failure::usage("more arguments are required"));
    }
    if words.len() == 1 && context.program.is_firn() && !installables.are_attributes() {
        // What is there without any flake is the standard library.
        words.insert(0, LIBRARY.to_owned());
    }
    let mut place = words.remove(0);
    if context.program.is_firn() && !installables.are_attributes() && is_flake_id(&place) {
        // Elsewhere a bare name is a package of the library; here it is where to look.
        place = format!("flake:{place}");
    }
    if words.is_empty() {
        return Err(Failure::usage(
            "Must provide at least one regex! To match all packages, use 'nix search <installable> ^'.",
        ));
    }
    let mut search = Search {
        patterns: compiled(&words)?,
        excluded: compiled(&excluded)?,
        scratch: Scratch::default(),
        found: Map::new(),
        n_found: 0,
    };
    let context = &*context;
    let store = context.open_store()?;
    installables.words = vec![place.clone()];
    for package in packages(context, &store, &installables, &place)? {
        search.look_at(context, &package, as_json)?;
    }
    if as_json {
        context
            .console
            .print_line(Value::Object(search.found).to_string())?;
    } else if search.n_found == 0 {
        return Err(Failure::message("no results for the given search term(s)!"));
    }
    Ok(0)
}

/// The packages of a place, which are remembered whole: other patterns need no evaluation.
fn packages(
    context: &Context,
    store: &Arc<dyn Store>,
    installables: &Installables,
    place: &str,
) -> Result<Vec<Package>, Failure> {
    let collect = |evaluation: &mut Evaluation<'_, '_>| {
        let roots = roots(evaluation, &mut installables.clone(), place)?;
        let mut index = Index {
            evaluation,
            packages: Vec::new(),
        };
        for (value, path) in roots {
            index.visit(value, &path, true)?;
        }
        Ok(index.packages)
    };
    let Some(question) = installables.question(context, store, "search") else {
        return evaluate(context, &installables.eval, store, collect);
    };
    let answer = question.answer(context, store, |evaluation| {
        let packages = collect(evaluation)?;
        let shown = packages
            .iter()
            .map(|it| json!([it.path, it.name, it.description]));
        Ok(Value::Array(shown.collect()).to_string().into_bytes())
    })?;
    let packages: Vec<[String; 3]> = serde_json::from_slice(&answer)
        .map_err(|it| Failure::message(format!("a remembered answer is broken: {it}")))?;
    let packages = packages.into_iter();
    Ok(packages
        .map(|[path, name, description]| Package {
            path,
            name,
            description,
        })
        .collect())
}

/// Where to look: what an expression has at a path, or sets of packages of a flake.
fn roots<'h>(
    evaluation: &mut Evaluation<'_, 'h>,
    installables: &mut Installables,
    place: &str,
) -> Result<Vec<(Val<'h>, Vec<String>)>, Stop> {
    if installables.are_evaluated(evaluation.context) {
        let names: Vec<String> = match place {
            "" | "." | LIBRARY => Vec::new(),
            path => path.split('.').map(str::to_owned).collect(),
        };
        let args = evaluation.auto_args()?;
        let mut roots = Vec::new();
        for value in installables.values(evaluation)? {
            // A package set often is a function whose arguments have defaults.
            roots.push((evaluation.ctx.auto_call(value, args)?, names.clone()));
        }
        return Ok(roots);
    }
    let host = (**evaluation.host).clone();
    let (reference, fragment) = parse_with_fragment(host.fetcher(), place, false)?;
    let system = &evaluation.context.settings.build.system;
    let paths = if fragment.is_empty() {
        vec![
            format!(".packages.{system}"),
            format!(".legacyPackages.{system}"),
        ]
    } else {
        vec![fragment]
    };
    let mut roots = Vec::new();
    let mut missing = None;
    for path in paths {
        match evaluation.output_of(reference.clone(), &path, crate::flakes::Role::Package) {
            Ok(output) => {
                let names = output.attr_path.split('.').map(str::to_owned).collect();
                roots.push((output.value, names));
            }
            Err(Stop::Failed(failure)) => missing = Some(failure),
            Err(stop) => return Err(stop),
        }
    }
    match missing {
        Some(failure) if roots.is_empty() => Err(Stop::Failed(failure)),
        _ => Ok(roots),
    }
}

/// What is searched of a package.
struct Package {
    path: String,
    /// With its version.
    name: String,
    /// In one line.
    description: String,
}

/// Collects packages.
struct Index<'a, 'e, 'h> {
    evaluation: &'a mut Evaluation<'e, 'h>,
    packages: Vec<Package>,
}

impl<'h> Index<'_, '_, 'h> {
    fn visit(&mut self, value: Val<'h>, path: &[String], is_first: bool) -> Result<(), Stop> {
        match self.visit_inner(value, path, is_first) {
            Err(Stop::Evaluation(fail))
                if path.first().is_some_and(|it| it == "legacyPackages") =>
            {
                // Parts of large package sets do not evaluate; the rest is searched all the same.
                drop(self.evaluation.ctx.take_error(fail));
                Ok(())
            }
            other => other,
        }
    }

    fn visit_inner(&mut self, value: Val<'h>, path: &[String], is_first: bool) -> Result<(), Stop> {
        let ctx = &mut *self.evaluation.ctx;
        let value = ctx.force(value)?;
        let Some(set) = value.as_set() else {
            return Ok(());
        };
        if ctx.is_derivation(value)? {
            return self.package(value, &path.join("."));
        }
        let first = path.first().map_or("", String::as_str);
        let is_set_of_packages = matches!(first, "packages" | "legacyPackages");
        let wants_recursion = || first == "legacyPackages" && path.len() > 2;
        let recurses = path.is_empty() || is_first || (is_set_of_packages && path.len() <= 2) || {
            let flag = set.get(Symbol::intern(b"recurseForDerivations"));
            match flag.filter(|_| wants_recursion()) {
                Some(flag) => ctx.bool(flag, "")?,
                None => false,
            }
        };
        if !recurses {
            return Ok(());
        }
        for (name, member) in ctx.attrs_by_name(set) {
            let mut inner = path.to_vec();
            inner.push(String::from_utf8_lossy(name.as_bytes()).into_owned());
            self.visit(member, &inner, false)?;
        }
        Ok(())
    }

    fn package(&mut self, value: Val<'h>, path: &str) -> Result<(), Stop> {
        let ctx = &mut *self.evaluation.ctx;
        let set = ctx.attrs(value, "")?;
        let name = ctx.attr(set, Symbol::intern(b"name"), "")?;
        let name = String::from_utf8_lossy(ctx.str(name, "")?.bytes()).into_owned();
        let mut description = String::new();
        if let Some(meta) = set.get(Symbol::intern(b"meta")) {
            let meta = ctx.attrs(meta, "")?;
            if let Some(text) = meta.get(Symbol::intern(b"description")) {
                description =
                    String::from_utf8_lossy(ctx.str(text, "")?.bytes()).replace('\n', " ");
            }
        }
        self.packages.push(Package {
            path: path.to_owned(),
            name,
            description,
        });
        Ok(())
    }
}

/// What is looked for, and what was found.
struct Search {
    patterns: Vec<Regex>,
    excluded: Vec<Regex>,
    scratch: Scratch,
    found: Map<String, Value>,
    n_found: usize,
}

impl Search {
    /// Shows a package if it matches.
    fn look_at(
        &mut self,
        context: &Context,
        package: &Package,
        as_json: bool,
    ) -> Result<(), Failure> {
        let (path, description) = (package.path.as_str(), package.description.as_str());
        let (name, version) = split_name(&package.name);
        let texts = [path, name, description];
        let texts = texts.map(str::to_ascii_lowercase);
        let scratch = &mut self.scratch;
        let mut matched = [(); 3].map(|()| Vec::new());
        for pattern in &self.excluded {
            if texts
                .iter()
                .any(|it| !ranges(pattern, it, scratch).is_empty())
            {
                return Ok(());
            }
        }
        for pattern in &self.patterns {
            let found = texts.each_ref().map(|it| ranges(pattern, it, scratch));
            if found.iter().all(Vec::is_empty) {
                return Ok(());
            }
            matched
                .iter_mut()
                .zip(found)
                .for_each(|(all, new)| all.extend(new));
        }
        let [in_path, _, in_description] = matched;
        self.n_found += 1;
        if as_json {
            let entry = json!({"description": description, "pname": name, "version": version});
            self.found.insert(path.to_owned(), entry);
            return Ok(());
        }
        let console = context.console;
        if self.n_found > 1 {
            console.print_line("")?;
        }
        let version = if version.is_empty() {
            String::new()
        } else {
            format!(" ({version})")
        };
        let path = highlighted(path, in_path, BOLD);
        console.print_line(console.styled(&format!("* {BOLD}{path}{PLAIN}{version}")))?;
        if !description.is_empty() {
            let description = highlighted(description, in_description, PLAIN);
            console.print_line(console.styled(&format!("  {description}")))?;
        }
        Ok(())
    }
}

/// Patterns in which letters of both cases are the same.
fn compiled(patterns: &[String]) -> Result<Vec<Regex>, Failure> {
    let compile = |pattern: &String| {
        let regex = Regex::new(pattern.to_ascii_lowercase().as_bytes());
        regex.map_err(|_| Failure::usage(format!("invalid regular expression '{pattern}'")))
    };
    patterns.iter().map(compile).collect()
}

/// Where a pattern is in a text.
fn ranges(pattern: &Regex, text: &str, scratch: &mut Scratch) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut matches = pattern.matches(text.as_bytes(), scratch);
    while let Some(it) = matches.next() {
        found.push(it.start()..it.end());
    }
    found
}

/// A text with parts of it in green; parts that touch are one. Between them it looks as `around`.
fn highlighted(text: &str, mut parts: Vec<Range<usize>>, around: &str) -> String {
    parts.sort_by_key(|it| it.start);
    let mut shown = String::new();
    let mut shown_to = 0;
    let mut parts = parts.into_iter().peekable();
    while let Some(part) = parts.next() {
        let mut end = part.end;
        while let Some(next) = parts.next_if(|it| it.start <= end) {
            end = end.max(next.end);
        }
        let between = text.get(shown_to..part.start).unwrap_or_default();
        let inside = text.get(part.start..end).unwrap_or_default();
        shown.extend([between, GREEN, inside, around]);
        shown_to = end;
    }
    shown.push_str(text.get(shown_to..).unwrap_or_default());
    shown
}

/// A package's name and version: the version begins after the first dash that no letter follows.
fn split_name(name: &str) -> (&str, &str) {
    let dash = name
        .match_indices('-')
        .find(|(at, _)| !name[at + 1..].starts_with(|it: char| it.is_ascii_alphabetic()));
    match dash {
        Some((at, _)) if at + 1 < name.len() => (&name[..at], &name[at + 1..]),
        _ => (name, ""),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_matched_is_green() {
        let check = |text: &str, parts: &[Range<usize>], expected: &str| {
            let shown = highlighted(text, parts.to_vec(), "]").replace(GREEN, "[");
            assert_eq!(shown, expected);
        };
        check("foo", &[], "foo");
        check("foo", &[1..3, 0..3, 1..3], "[foo]");
        check("broken bar", &[0..8, 4..10], "[broken bar]");
        check("broken bar", &[0..1, 7..8], "[b]roken [b]ar");
        check("oo", &[0..1, 1..2], "[oo]");
        check("foo", &[0..0, 0..0], "[]foo");
    }

    #[test]
    fn names_end_before_a_version() {
        assert_eq!(split_name("a-b-1.0"), ("a-b", "1.0"));
        assert_eq!(split_name("a-b"), ("a-b", ""));
        assert_eq!(split_name("a-"), ("a-", ""));
    }
}

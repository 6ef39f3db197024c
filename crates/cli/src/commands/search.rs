//! `search`: packages of a flake, or of a file, by regular expressions over their attribute paths,
//! names and descriptions.

use firn_eval::{Symbol, Val};
use serde_json::{Map, Value, json};

use crate::evaluation::{Evaluation, Stop, evaluate};
use crate::flakes::parse_with_fragment;
use crate::installables::Installables;
use crate::verbs::Verb;
use crate::{Arg, Args, Context, Failure};

/// `search INSTALLABLE REGEX…`.
pub static SEARCH: Verb = Verb {
    path: &["search"],
    about: "search for packages",
    usage: "[-f FILE | --expr EXPR] [--json] [-e REGEX] INSTALLABLE REGEX…",
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
    let place = words.remove(0);
    if words.is_empty() {
        return Err(Failure::usage(
            "Must provide at least one regex! To match all packages, use 'nix search <installable> ^'.",
        ));
    }
    let context = &*context;
    let store = context.open_store()?;
    let (found, n_found) = evaluate(context, &installables.eval, &store, |evaluation| {
        let roots = roots(evaluation, &mut installables.clone(), &place)?;
        let mut search = Search {
            evaluation,
            patterns: words.iter().map(|it| it.to_lowercase()).collect(),
            excluded: excluded.iter().map(|it| it.to_lowercase()).collect(),
            as_json,
            found: Map::new(),
            n_found: 0,
        };
        for (value, path) in roots {
            search.visit(value, &path, true)?;
        }
        Ok((search.found, search.n_found))
    })?;
    if as_json {
        context
            .console
            .print_line(Value::Object(found).to_string())?;
    } else if n_found == 0 {
        return Err(Failure::message("no results for the given search term(s)!"));
    }
    Ok(0)
}

/// Where to look: what an expression has at a path, or sets of packages of a flake.
fn roots<'h>(
    evaluation: &mut Evaluation<'_, 'h>,
    installables: &mut Installables,
    place: &str,
) -> Result<Vec<(Val<'h>, Vec<String>)>, Stop> {
    installables.words = vec![place.to_owned()];
    if installables.are_evaluated(evaluation.context) {
        let names: Vec<String> = match place {
            "" | "." => Vec::new(),
            path => path.split('.').map(str::to_owned).collect(),
        };
        let values = installables.values(evaluation)?;
        return Ok(values.into_iter().map(|it| (it, names.clone())).collect());
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

struct Search<'a, 'e, 'h> {
    evaluation: &'a mut Evaluation<'e, 'h>,
    patterns: Vec<String>,
    excluded: Vec<String>,
    as_json: bool,
    found: Map<String, Value>,
    n_found: usize,
}

impl<'h> Search<'_, '_, 'h> {
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

    /// Whether a pattern is somewhere in a text; letters of both cases are the same.
    fn is_in(&mut self, pattern: &str, text: &str) -> Result<bool, Stop> {
        let ctx = &mut *self.evaluation.ctx;
        let split = ctx.builtin("__split").expect("the language has it");
        let args = [
            ctx.new_str(pattern.as_bytes()),
            ctx.new_str(text.to_lowercase().as_bytes()),
        ];
        let parts = ctx.call(split, &args)?;
        Ok(ctx.list(parts, "")?.len() > 1)
    }

    fn matches(&mut self, pattern: &str, texts: &[&str]) -> Result<bool, Stop> {
        for text in texts {
            if self.is_in(pattern, text)? {
                return Ok(true);
            }
        }
        Ok(false)
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
        let (name, version) = split_name(&name);
        let texts = [path, name, description.as_str()];
        for pattern in self.excluded.clone() {
            if self.matches(&pattern, &texts)? {
                return Ok(());
            }
        }
        for pattern in self.patterns.clone() {
            if !self.matches(&pattern, &texts)? {
                return Ok(());
            }
        }
        self.n_found += 1;
        if self.as_json {
            let entry = json!({"description": description, "pname": name, "version": version});
            self.found.insert(path.to_owned(), entry);
            return Ok(());
        }
        let console = self.evaluation.context.console;
        if self.n_found > 1 {
            console.print_line("")?;
        }
        let version = if version.is_empty() {
            String::new()
        } else {
            format!(" ({version})")
        };
        console.print_line(console.styled(&format!("* \x1b[0;1m{path}\x1b[0m{version}")))?;
        if !description.is_empty() {
            console.print_line(format!("  {description}"))?;
        }
        Ok(())
    }
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

//! What verbs work on: store paths, `PATH^OUTPUTS`, and what expressions evaluate to.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use firn_eval::{Coercion, Kind, Val};

use firn_instantiate::Observer;
use firn_instantiate::single_path_of;
use firn_store::Store;
use firn_store::closure::{ClosureOptions, closure, sort_topologically};
use firn_store_model::{DerivedPath, OutputName, OutputsSpec, SingleDerivedPath, StorePath};

use crate::eval_flags::EvalFlags;
use crate::evaluation::{AutoArgs, Evaluation, Stop, evaluate, evaluate_observed};
use crate::flakes::{Role, parse_with_fragment};
use crate::packages::derivations_in;
use crate::remembering::Question;
use crate::sources::Text;
use crate::{Args, Context, Failure, sources};

/// The flags and words that name installables.
#[derive(Clone, Debug, Default)]
pub struct Installables {
    /// The words, in order.
    pub words: Vec<String>,
    /// `--file`: words are attribute paths of what this file evaluates to.
    pub file: Option<String>,
    /// `--expr`: words are attribute paths of this expression.
    pub expression: Option<String>,
    /// `--stdin`: words come from there as well, and without any nothing is meant.
    pub from_stdin: bool,
    /// Flags of evaluation.
    pub eval: EvalFlags,
    /// Which outputs of a flake are meant.
    pub role: Role,
}

fn file_in_pure_evaluation() -> Failure {
    Failure::usage("'--file' is not compatible with '--pure-eval'")
}

impl Installables {
    /// Handles a flag if it belongs here.
    pub fn take(
        &mut self,
        flag: &str,
        args: &mut Args,
        context: &mut Context,
    ) -> Result<bool, Failure> {
        match flag {
            "-f" | "--file" => {
                self.file = Some(args.value(flag)?);
                if context.settings.eval.pure_eval && context.settings.is_overridden("pure-eval") {
                    return Err(file_in_pure_evaluation());
                }
                context.settings.set("pure-eval", "false")?;
            }
            "--expr" => self.expression = Some(args.value(flag)?),
            "--debugger" => self.eval.debugger = true,
            "--stdin" => {
                self.from_stdin = true;
                for line in std::io::stdin().lines() {
                    let line = line?;
                    self.words
                        .extend(line.split_whitespace().map(str::to_owned));
                }
            }
            _ => return self.eval.take(flag, args, context),
        }
        Ok(true)
    }

    /// Whether the words have to be evaluated.
    pub fn are_attributes(&self) -> bool {
        self.file.is_some() || self.expression.is_some()
    }

    /// Whether the words have to be evaluated, or name attributes of the standard library.
    pub fn are_evaluated(&self, context: &Context) -> bool {
        self.are_attributes() || self.are_of_library(context)
    }

    /// Whether the words name attributes of the standard library, and there are any.
    pub(crate) fn are_of_library(&self, context: &Context) -> bool {
        context.program.is_firn()
            && !self.words.is_empty()
            && self.words.iter().all(|word| of_library(word).is_some())
    }

    /// The value that attribute paths start from.
    fn root<'h>(&self, evaluation: &mut Evaluation<'_, 'h>) -> Result<Val<'h>, Stop> {
        if self.file.is_some() && evaluation.context.settings.eval.pure_eval {
            return Err(file_in_pure_evaluation().into());
        }
        match (&self.file, &self.expression) {
            (Some(_), Some(_)) => Err(Failure::usage("'--file' and '--expr' are exclusive").into()),
            (Some(file), None) if file == "-" => {
                let text = Text::of_stdin()?;
                evaluation.value_of_text(&text)
            }
            (Some(file), None) => {
                let script = evaluation.context.script_directory.as_ref();
                let path = match script {
                    Some(base) if file.starts_with('.') => base.join(file.as_bytes()),
                    _ => evaluation.lookup_file(file)?,
                };
                Ok(evaluation.ctx.eval_file(&path)?)
            }
            (None, Some(text)) => {
                let mut text = Text::of_words(text);
                if let Some(base) = &evaluation.context.script_directory {
                    text.base = base.clone();
                }
                evaluation.value_of_text(&text)
            }
            (None, None) if self.are_of_library(evaluation.context) => {
                let place = evaluation.library();
                Ok(evaluation.ctx.eval_file(&place)?)
            }
            (None, None) => Err(Failure::usage("nothing says what is to be evaluated").into()),
        }
    }

    /// The values that the words name; the root value itself if there are no words.
    pub fn values<'h>(&self, evaluation: &mut Evaluation<'_, 'h>) -> Result<Vec<Val<'h>>, Stop> {
        let named = self.named_values(evaluation)?;
        Ok(named.into_iter().map(|it| it.0).collect())
    }

    pub(crate) fn named_values<'h>(
        &self,
        evaluation: &mut Evaluation<'_, 'h>,
    ) -> Result<Vec<(Val<'h>, String, Option<String>)>, Stop> {
        if !self.are_evaluated(evaluation.context) {
            let mut values = Vec::new();
            for word in self.flake_words() {
                let (reference, outputs) = split_outputs(&word);
                let output = evaluation.flake_output(reference, self.role)?;
                values.push((output.value, output.attr_path, outputs.map(str::to_owned)));
            }
            return Ok(values);
        }
        let root = self.root(evaluation)?;
        let args = evaluation.auto_args()?;
        let none = [String::new()];
        let words: &[String] = if self.words.is_empty() {
            &none
        } else {
            &self.words
        };
        let mut values = Vec::new();
        for word in words {
            let word = match of_library(word) {
                Some(path) if !self.are_attributes() => path,
                _ => word.as_str(),
            };
            let (path, outputs) = word
                .split_once('^')
                .map_or((word, None), |it| (it.0, Some(it.1.to_owned())));
            let path = if path == "." { "" } else { path };
            let (value, _) = evaluation
                .ctx
                .find_along_path(path.as_bytes(), args, root)?;
            let value = evaluation.ctx.force(value)?;
            values.push((value, path.to_owned(), outputs));
        }
        Ok(values)
    }

    /// What the words evaluate to; remembered.
    fn evaluated_paths(
        &self,
        context: &Context,
        store: &Arc<dyn Store>,
    ) -> Result<Vec<DerivedPath>, Failure> {
        let store_dir = store.store_dir().clone();
        let work = |evaluation: &mut Evaluation<'_, '_>| {
            let mut text = String::new();
            for path in self.built(evaluation)? {
                text.push_str(&path.print(&store_dir));
                text.push('\n');
            }
            Ok(text.into_bytes())
        };
        let text = match self.question(context, store, "derived paths") {
            Some(question) => question.answer(context, store, work)?,
            None => evaluate(context, &self.eval, store, work)?,
        };
        let text = String::from_utf8_lossy(&text);
        let paths = text
            .lines()
            .map(|line| DerivedPath::parse(&store_dir, line));
        let paths: Result<Vec<_>, _> = paths.collect();
        paths.map_err(|it| Failure::message(it.to_string()))
    }

    /// What the words evaluate to, while an observer is told what that depends on.
    pub fn observed_paths(
        &self,
        context: &Context,
        store: &Arc<dyn Store>,
        observer: Arc<dyn Observer>,
    ) -> Result<Vec<DerivedPath>, Failure> {
        evaluate_observed(context, &self.eval, store, Some(observer), |evaluation| {
            self.built(evaluation)
        })
    }

    fn built(&self, evaluation: &mut Evaluation<'_, '_>) -> Result<Vec<DerivedPath>, Stop> {
        if !self.are_evaluated(evaluation.context) {
            let words = self.flake_words();
            let paths = words
                .iter()
                .map(|word| flake_path(evaluation, word, self.role));
            return paths.collect();
        }
        let args = evaluation.auto_args()?;
        let mut paths = Vec::new();
        for (value, _, outputs) in self.named_values(evaluation)? {
            paths.extend(built_by(evaluation, value, args, outputs.as_deref())?);
        }
        Ok(paths)
    }

    /// The words as a question whose answer can be remembered.
    pub fn question<'a>(
        &'a self,
        context: &Context,
        store: &Arc<dyn Store>,
        kind: &'a str,
    ) -> Option<Question<'a>> {
        let names_library =
            !self.words.is_empty() && self.words.iter().all(|it| of_library(it).is_some());
        let mut words = vec![
            format!("{:?}", self.file),
            format!("{:?}", self.expression),
            format!("{:?}", self.role),
        ];
        if self.file.as_deref() == Some("-") {
            return None;
        } else if self.are_attributes() || names_library {
            words.extend(self.words.iter().cloned());
        } else {
            words.extend(self.understood_references(context, store)?);
        }
        Some(Question {
            kind,
            words,
            eval: &self.eval,
        })
    }

    /// The words as references to flakes, with what the working directory says about them; nothing
    /// if one is none.
    fn understood_references(
        &self,
        context: &Context,
        store: &Arc<dyn Store>,
    ) -> Option<Vec<String>> {
        let fetcher = context.quiet_fetcher(store);
        let understood = |word: &String| {
            let (reference, outputs) = split_outputs(word);
            let (reference, fragment) = parse_with_fragment(&fetcher, reference, false).ok()?;
            Some(format!("{reference} {fragment:?} {outputs:?}"))
        };
        self.flake_words().iter().map(understood).collect()
    }

    /// What is to be built or looked at: store paths as they are, expressions instantiated.
    pub fn derived_paths(
        &self,
        context: &Context,
        store: &Arc<dyn Store>,
    ) -> Result<Vec<DerivedPath>, Failure> {
        if self.from_stdin && self.words.is_empty() {
            return Ok(Vec::new());
        }
        if self.are_evaluated(context) {
            return self.evaluated_paths(context, store);
        }
        let mut found = Vec::new();
        for word in self.flake_words() {
            found.push((store_installable(context, store.as_ref(), &word)?, word));
        }
        if found.iter().all(|it| it.0.is_some()) {
            return Ok(found.into_iter().filter_map(|it| it.0).collect());
        }
        if found.iter().all(|it| it.0.is_none()) {
            return self.evaluated_paths(context, store);
        }
        evaluate(context, &self.eval, store, |evaluation| {
            let mut paths = Vec::new();
            for (path, word) in found {
                match path {
                    Some(path) => paths.push(path),
                    None => paths.push(flake_path(evaluation, &word, self.role)?),
                }
            }
            Ok(paths)
        })
    }

    /// The references among the words, without the outputs that are wanted of them.
    pub fn flake_references(&self) -> Vec<String> {
        let words = self.flake_words();
        let references = words.iter().map(|it| split_outputs(it).0.to_owned());
        references.collect()
    }

    /// The words, or the flake of the working directory if there are none.
    pub(crate) fn flake_words(&self) -> Vec<String> {
        if self.words.is_empty() {
            return vec![".".to_owned()];
        }
        self.words.clone()
    }
}

/// Splits `flake#attr^out,dev`.
pub(crate) fn split_outputs(word: &str) -> (&str, Option<&str>) {
    let is_output = |it: u8| it.is_ascii_alphanumeric() || b"+-._?=,*".contains(&it);
    match word.rsplit_once('^') {
        Some((reference, outputs)) if !outputs.is_empty() && outputs.bytes().all(is_output) => {
            (reference, Some(outputs))
        }
        _ => (word, None),
    }
}

/// What a word that names an output of a flake stands for: a derivation with some of its outputs, or
/// a store path.
pub(crate) fn flake_path(
    evaluation: &mut Evaluation<'_, '_>,
    word: &str,
    role: Role,
) -> Result<DerivedPath, Stop> {
    let (reference, outputs) = split_outputs(word);
    let output = evaluation.flake_output(reference, role)?;
    let value = output.value;
    let is_path = matches!(value.kind(), Kind::String | Kind::Path);
    let is_derivation = evaluation.ctx.is_derivation(value)?;
    if !is_path && !is_derivation {
        let ctx = &mut *evaluation.ctx;
        let message = format!(
            "expected flake output attribute '{}' to be a derivation or path but found {}: {}",
            output.attr_path,
            ctx.type_name(value),
            ctx.short_text(value)
        );
        return Err(Failure::message(message).into());
    }
    let built = built_by_flake(evaluation, value, outputs)?;
    built
        .into_iter()
        .next()
        .ok_or_else(|| Failure::message(format!("'{word}' names nothing to build")).into())
}

/// What an output of a flake stands for. Of a derivation that does not say which of its outputs are
/// wanted, only the main one is.
pub fn built_by_flake<'h>(
    evaluation: &mut Evaluation<'_, 'h>,
    value: Val<'h>,
    outputs: Option<&str>,
) -> Result<Vec<DerivedPath>, Stop> {
    let args = evaluation.auto_args()?;
    let ctx = &mut *evaluation.ctx;
    let says = ctx.is_derivation(value)?
        && ctx.select_optional(value, &["outputSpecified"])?.is_none()
        && ctx
            .select_optional(value, &["meta", "outputsToInstall"])?
            .is_none();
    let main_output = says.then_some("out");
    built_by(evaluation, value, args, outputs.or(main_output))
}

/// The attribute path into the standard library that a word names: `hello`, `stdlib#hello`.
pub fn of_library(word: &str) -> Option<&str> {
    if let Some(path) = word.strip_prefix("stdlib#") {
        return Some(path);
    }
    let (name, _) = word.split_once('^').unwrap_or((word, ""));
    let mut letters = name.bytes();
    let first = letters.next()?;
    let is_name = (first.is_ascii_alphabetic() || first == b'_')
        && letters.all(|it| it.is_ascii_alphanumeric() || b"_-'.+".contains(&it));
    is_name.then_some(word)
}

/// What a value stands for: derivations with their outputs, or the store path that it is.
pub fn built_by<'h>(
    evaluation: &mut Evaluation<'_, 'h>,
    value: Val<'h>,
    args: AutoArgs<'h>,
    outputs: Option<&str>,
) -> Result<Vec<DerivedPath>, Stop> {
    let store_dir = evaluation.host.store().store_dir().clone();
    let failed = |error: &dyn std::fmt::Display| Failure::message(error.to_string());
    if matches!(value.kind(), Kind::String | Kind::Path) {
        return Ok(vec![built_by_text(evaluation, value)?]);
    }
    let explicit = outputs.map(OutputsSpec::parse).transpose();
    let explicit = explicit.map_err(|it| failed(&it))?;
    let mut by_path: BTreeMap<StorePath, OutputsSpec> = BTreeMap::new();
    for package in derivations_in(evaluation.ctx, value, args)? {
        let path = package.required_drv_path(evaluation.ctx)?;
        let path = store_dir.parse(&path).map_err(|it| failed(&it))?;
        let wanted = if let Some(explicit) = &explicit {
            explicit.clone()
        } else {
            let mut names = package.outputs_to_install(evaluation.ctx)?;
            if names.is_empty() {
                names.push("out".to_owned());
            }
            let names: Result<_, _> = names.iter().map(OutputName::parse).collect();
            OutputsSpec::Names(names.map_err(|it| failed(&it))?)
        };
        by_path
            .entry(path)
            .and_modify(|it| *it = it.union(&wanted))
            .or_insert(wanted);
    }
    let built = by_path
        .into_iter()
        .map(|(path, outputs)| DerivedPath::Built {
            drv: SingleDerivedPath::Opaque(path).into(),
            outputs,
        });
    Ok(built.collect())
}

/// What a string or a path stands for: the one thing that its context names.
fn built_by_text<'h>(
    evaluation: &mut Evaluation<'_, 'h>,
    value: Val<'h>,
) -> Result<DerivedPath, Stop> {
    let coercion = Coercion {
        copy_to_store: true,
        ..Coercion::default()
    };
    let doing = "while evaluating an installable";
    let (text, context) = evaluation.ctx.coerce(value, coercion, doing)?;
    let elements = evaluation.ctx.heap().contexts().elements(context);
    let shown = String::from_utf8_lossy(&text);
    let [element] = elements.as_slice() else {
        return Err(Failure::message(format!(
            "string '{shown}' has {} entries in its context. It should only have exactly one entry",
            elements.len()
        ))
        .into());
    };
    let store_dir = evaluation.host.store().store_dir();
    let path = single_path_of(store_dir, element).map_err(Failure::from)?;
    match path {
        Some(SingleDerivedPath::Opaque(path)) => Ok(DerivedPath::Opaque(path)),
        Some(SingleDerivedPath::Built { drv, output }) => Ok(DerivedPath::Built {
            drv,
            outputs: OutputsSpec::one(output),
        }),
        None => Err(Failure::message(format!(
            "string '{shown}' has a context which refers to a complete source and binary closure. This is not supported at this time"
        ))
        .into()),
    }
}

/// The derived path that a word names, if it names a store path, directly or by links.
pub fn store_installable(
    _context: &Context,
    store: &dyn Store,
    word: &str,
) -> Result<Option<DerivedPath>, Failure> {
    let store_dir = store.store_dir();
    let (base, outputs) = word
        .split_once('^')
        .map_or((word, None), |it| (it.0, Some(it.1)));
    if !base.contains('/') {
        return Ok(None);
    }
    let Some(path) = follow_links(store, base)? else {
        return Ok(None);
    };
    let Some(outputs) = outputs else {
        return Ok(Some(DerivedPath::Opaque(path)));
    };
    let text = format!("{}^{outputs}", store_dir.print(&path));
    let parsed = DerivedPath::parse(store_dir, &text);
    Ok(Some(parsed.map_err(|it| Failure::message(it.to_string()))?))
}

/// The store path that a path leads to, through links outside the store.
pub fn follow_links(store: &dyn Store, word: &str) -> Result<Option<StorePath>, Failure> {
    let store_dir = store.store_dir();
    let mut path = sources::absolute(word);
    for _ in 0..64 {
        if store_dir.contains(path.path.as_bytes()) {
            let (store_path, _) = store_dir
                .split(path.path.as_bytes())
                .map_err(|it| Failure::message(it.to_string()))?;
            return Ok(Some(store_path));
        }
        let Ok(target) = std::fs::read_link(sources::on_disk(&path)) else {
            return Ok(None);
        };
        let parent = path.parent().unwrap_or_else(|| path.clone());
        path = parent.join(target.as_os_str().as_encoded_bytes());
    }
    Ok(None)
}

/// The flags of verbs that work on sets of store paths.
#[derive(Clone, Debug, Default)]
pub struct PathSelection {
    /// What the words name.
    pub installables: Installables,
    /// All paths of the store.
    pub all: bool,
    /// With everything they refer to.
    pub recursive: bool,
    /// The derivations instead of what they build.
    pub derivation: bool,
}

impl PathSelection {
    /// Handles a flag if it belongs here.
    pub fn take(
        &mut self,
        flag: &str,
        args: &mut Args,
        context: &mut Context,
    ) -> Result<bool, Failure> {
        match flag {
            "--all" => self.all = true,
            "-r" | "--recursive" => self.recursive = true,
            "--no-recursive" => self.recursive = false,
            "--derivation" => self.derivation = true,
            _ => return self.installables.take(flag, args, context),
        }
        Ok(true)
    }

    /// The paths, in order; references come first where more than the words are asked for.
    pub fn store_paths(
        &self,
        context: &Context,
        store: &Arc<dyn Store>,
    ) -> Result<Vec<StorePath>, Failure> {
        if self.all {
            if !self.installables.words.is_empty() {
                return Err(Failure::usage("'--all' does not expect arguments"));
            }
            return Ok(store.query_all_valid_paths()?.into_iter().collect());
        }
        let mut paths = Vec::new();
        for derived in self.installables.derived_paths(context, store)? {
            match derived {
                DerivedPath::Opaque(path) => paths.push(path),
                built @ DerivedPath::Built { .. } if self.derivation => {
                    paths.push(built.base_path().clone());
                }
                built @ DerivedPath::Built { .. } => {
                    let drv = built.base_path().clone();
                    let wanted = match &built {
                        DerivedPath::Built { outputs, .. } => Some(outputs.clone()),
                        DerivedPath::Opaque(_) => None,
                    };
                    for (name, path) in store.query_derivation_output_map(&drv)? {
                        if wanted.as_ref().is_none_or(|it| it.contains(name.as_str())) {
                            paths.extend(path);
                        }
                    }
                }
            }
        }
        if !self.recursive {
            return Ok(paths);
        }
        let all = closure(store.as_ref(), paths, ClosureOptions::default())?;
        Ok(sort_topologically(store.as_ref(), &all)?)
    }
}

/// The single path that a verb takes.
pub fn one_path(store: &dyn Store, word: &str) -> Result<StorePath, Failure> {
    follow_links(store, word)?.ok_or_else(|| {
        let path = Path::new(word).display();
        Failure::message(format!("path '{path}' is not in the Nix store"))
    })
}

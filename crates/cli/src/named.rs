//! What each word of a command line names by itself, for those who keep where things are from.

use std::sync::Arc;

use firn_eval::{Symbol, Val};
use firn_profile::manifest::Source;
use firn_store::Store;
use firn_store_model::{DerivedPath, OutputsSpec};

use crate::evaluation::{Evaluation, Stop, evaluate};
use crate::flakes::{FlakeOutput, Role};
use crate::installables::{
    Installables, built_by, built_by_flake, of_library, split_outputs, store_installable,
};
use crate::{Context, Failure};

/// How a manifest names the standard library: as a flake that every registry could have.
pub const LIBRARY: &str = "flake:stdlib";

/// What a word names.
#[derive(Clone, Debug)]
pub struct Named {
    /// What is to be built, or is a store path.
    pub paths: Vec<DerivedPath>,
    /// Where it is from, if that is a flake.
    pub source: Option<Source>,
    /// The priority that it asks for.
    pub priority: Option<i64>,
}

impl Installables {
    /// What each word names. An expression or file without words is one.
    pub fn each(&self, context: &Context, store: &Arc<dyn Store>) -> Result<Vec<Named>, Failure> {
        if self.from_stdin && self.words.is_empty() {
            return Ok(Vec::new());
        }
        if self.are_evaluated(context) {
            return evaluate(context, &self.eval, store, |evaluation| {
                self.each_evaluated(evaluation)
            });
        }
        let mut found = Vec::new();
        for word in self.flake_words() {
            found.push((store_installable(context, store.as_ref(), &word)?, word));
        }
        let of_path = |path| Named {
            paths: vec![path],
            source: None,
            priority: None,
        };
        if found.iter().all(|it| it.0.is_some()) {
            let paths = found.into_iter().filter_map(|it| it.0);
            return Ok(paths.map(of_path).collect());
        }
        evaluate(context, &self.eval, store, |evaluation| {
            let mut all = Vec::new();
            for (path, word) in found {
                if let Some(path) = path {
                    all.push(of_path(path));
                    continue;
                }
                let (reference, outputs) = split_outputs(&word);
                let outputs = parse_outputs(outputs)?;
                let output = evaluation.flake_output(reference, self.role)?;
                all.push(of_flake(evaluation, &output, outputs)?);
            }
            Ok(all)
        })
    }

    fn each_evaluated(&self, evaluation: &mut Evaluation<'_, '_>) -> Result<Vec<Named>, Stop> {
        let is_library =
            !self.are_attributes() && self.words.iter().all(|it| of_library(it).is_some());
        let args = evaluation.auto_args()?;
        let mut all = Vec::new();
        for (value, attr_path, outputs) in self.named_values(evaluation)? {
            let chosen = parse_outputs(outputs.as_deref())?;
            let source = is_library.then(|| library_source(attr_path, chosen));
            all.push(Named {
                paths: built_by(evaluation, value, args, outputs.as_deref())?,
                priority: match source {
                    Some(_) => priority_of(evaluation, value)?,
                    None => None,
                },
                source,
            });
        }
        Ok(all)
    }
}

/// The origin of an attribute of the standard library.
fn library_source(attr_path: String, outputs: Option<OutputsSpec>) -> Source {
    Source {
        original_url: LIBRARY.to_owned(),
        url: LIBRARY.to_owned(),
        attr_path,
        outputs,
    }
}

fn parse_outputs(outputs: Option<&str>) -> Result<Option<OutputsSpec>, Failure> {
    let outputs = outputs.map(OutputsSpec::parse).transpose();
    outputs.map_err(|it| Failure::message(it.to_string()))
}

/// What an output of a flake is.
fn of_flake<'h>(
    evaluation: &mut Evaluation<'_, 'h>,
    output: &FlakeOutput<'h>,
    outputs: Option<OutputsSpec>,
) -> Result<Named, Stop> {
    let source = Source {
        original_url: output.reference.to_string(),
        url: output.locked.flake.locked.to_string(),
        attr_path: output.attr_path.clone(),
        outputs,
    };
    named(evaluation, output.value, source)
}

fn named<'h>(
    evaluation: &mut Evaluation<'_, 'h>,
    value: Val<'h>,
    source: Source,
) -> Result<Named, Stop> {
    let outputs = source.outputs_text();
    let outputs = outputs.strip_prefix('^');
    Ok(Named {
        paths: built_by_flake(evaluation, value, outputs)?,
        priority: priority_of(evaluation, value)?,
        source: Some(source),
    })
}

/// The priority that a derivation asks for, unless it was selected as one of its outputs.
fn priority_of<'h>(
    evaluation: &mut Evaluation<'_, 'h>,
    value: Val<'h>,
) -> Result<Option<i64>, Stop> {
    let ctx = &mut *evaluation.ctx;
    let chosen = Symbol::intern(b"outputSpecified");
    if value.as_set().is_none_or(|it| it.get(chosen).is_some()) {
        return Ok(None);
    }
    let Some(priority) = ctx.select_optional(value, &["meta", "priority"])? else {
        return Ok(None);
    };
    let doing = "while evaluating the priority of a package";
    Ok(Some(ctx.int(priority, doing)?))
}

/// What the source of an installed package has now.
pub fn again(evaluation: &mut Evaluation<'_, '_>, source: &Source) -> Result<Named, Stop> {
    if source.original_url == LIBRARY && evaluation.context.program.is_firn() {
        let place = evaluation.library();
        let root = evaluation.ctx.eval_file(&place)?;
        let args = evaluation.auto_args()?;
        let path = source.attr_path.as_bytes();
        let (value, _) = evaluation.ctx.find_along_path(path, args, root)?;
        let value = evaluation.ctx.force(value)?;
        return named(evaluation, value, source.clone());
    }
    let fetcher = Arc::clone(evaluation.host.fetcher());
    let options = firn_flake::RefOptions::default();
    let reference = firn_flake::FlakeRef::parse(&fetcher, &source.original_url, options);
    let reference = reference.map_err(Failure::from)?;
    let attribute = format!(".{}", source.attr_path);
    let output = evaluation.output_of(reference, &attribute, Role::Package)?;
    of_flake(evaluation, &output, source.outputs.clone())
}

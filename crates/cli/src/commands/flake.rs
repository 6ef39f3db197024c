//! `flake …`: everything about a flake as a whole. One file for each group of verbs; what they
//! share is here.

pub mod archive;
pub mod check;
pub mod lock;
pub mod metadata;
pub mod show;
pub mod template;

use std::sync::Arc;

use firn_flake::LockedFlake;
use firn_settings::Feature;
use firn_store::Store;
use serde_json::Value;

use crate::eval_flags::EvalFlags;
use crate::evaluation::{Evaluation, Stop, evaluate};
use crate::flakes::parse_here;
use crate::remembering::Question;
use crate::{Arg, Args, Context, Failure};

/// What the verbs take: a flake, and flags of evaluation.
#[derive(Clone, Debug, Default)]
pub struct FlakeArgs {
    /// The flake's reference, as written.
    pub word: Option<String>,
    /// Flags of evaluation.
    pub eval: EvalFlags,
}

impl FlakeArgs {
    /// Reads a command line; `take` handles a verb's own flags.
    pub fn parse(
        context: &mut Context,
        args: &mut Args,
        mut take: impl FnMut(&str, &mut Args, &mut Context) -> Result<bool, Failure>,
    ) -> Result<Self, Failure> {
        context.require(Feature::Flakes)?;
        let mut parsed = Self::default();
        while let Some(arg) = args.next() {
            match arg {
                Arg::Word(word) if parsed.word.is_none() => parsed.word = Some(word),
                Arg::Word(word) => return Err(Failure::unexpected(&word)),
                Arg::Flag(flag) => {
                    if !take(&flag, args, context)? && !parsed.eval.take(&flag, args, context)? {
                        context.take_common(&flag, args)?;
                    }
                }
            }
        }
        context.settle();
        Ok(parsed)
    }

    /// The flake's reference; without one, that of the working directory.
    pub fn word(&self) -> &str {
        self.word.as_deref().unwrap_or(".")
    }

    /// Locks the flake and asks something of it that can be remembered. `flags` are those that say
    /// what is asked. Gives the answer, and whether it was made just now.
    pub fn ask(
        &self,
        context: &Context,
        store: &Arc<dyn Store>,
        kind: &str,
        flags: &str,
        work: impl FnOnce(&mut Evaluation<'_, '_>, LockedFlake) -> Result<Value, Stop> + Send,
    ) -> Result<(Value, bool), Failure> {
        let reference = parse_here(&context.quiet_fetcher(store), self.word(), false);
        let Ok(reference) = reference else {
            // It says what is wrong with the reference.
            return self.with_locked(context, store, work).map(|it| (it, true));
        };
        let question = Question {
            kind,
            words: vec![reference.to_string(), flags.to_owned()],
            eval: &self.eval,
        };
        let mut is_new = false;
        let text = question.answer(context, store, |evaluation| {
            is_new = true;
            let answer = self.locked(evaluation, work)?;
            Ok(answer.to_string().into_bytes())
        })?;
        let answer = serde_json::from_slice(&text)
            .map_err(|it| Failure::message(format!("a remembered answer is broken: {it}")))?;
        Ok((answer, is_new))
    }

    /// Locks the flake and does something with it.
    pub fn with_locked<R: Send>(
        &self,
        context: &Context,
        store: &Arc<dyn Store>,
        work: impl FnOnce(&mut Evaluation<'_, '_>, LockedFlake) -> Result<R, Stop> + Send,
    ) -> Result<R, Failure> {
        evaluate(context, &self.eval, store, |evaluation| {
            self.locked(evaluation, work)
        })
    }

    fn locked<R>(
        &self,
        evaluation: &mut Evaluation<'_, '_>,
        work: impl FnOnce(&mut Evaluation<'_, '_>, LockedFlake) -> Result<R, Stop>,
    ) -> Result<R, Stop> {
        let host = (**evaluation.host).clone();
        let reference = parse_here(host.fetcher(), self.word(), false)?;
        let locked = evaluation.lock(&reference)?;
        work(evaluation, locked)
    }
}

//! Answers without evaluation: what was asked before, while everything it depends on is as it was.
//!
//! The key of a question is what the command line and the settings say, with references to flakes
//! as they are understood from the working directory; everything else is in the
//! trace ([`firn_memo`]). Only our own name remembers: the reference's commands are used by scripts
//! that count on an evaluation.

use std::cell::OnceCell;
use std::os::unix::fs::MetadataExt as _;
use std::path::PathBuf;
use std::sync::Arc;

use firn_memo::{Entry, Memory, Recorder, key};
use firn_store::Store;

use crate::eval_flags::{AutoArg, EvalFlags};
use crate::evaluation::{Evaluation, Stop, evaluate, evaluate_observed, say};
use crate::{Context, Failure, sources, surroundings};

/// What is asked, apart from settings and files.
pub struct Question<'a> {
    /// What kind of answer is wanted.
    pub kind: &'a str,
    /// The words that say of what.
    pub words: Vec<String>,
    /// Flags of evaluation.
    pub eval: &'a EvalFlags,
}

impl Question<'_> {
    /// The answer: remembered, or made by `work` and then remembered.
    pub fn answer(
        &self,
        context: &Context,
        store: &Arc<dyn Store>,
        work: impl FnOnce(&mut Evaluation<'_, '_>) -> Result<Vec<u8>, Stop> + Send,
    ) -> Result<Vec<u8>, Failure> {
        let Some(key) = self.key(context) else {
            Self::explain(context, "nothing is remembered of this");
            return evaluate(context, self.eval, store, work);
        };
        let memory = Memory::new(directory());
        match memory.recall(&key) {
            None => Self::explain(context, "it was not asked before"),
            Some(mut entry) => {
                let environment = |name: &[u8]| context.variable(name);
                let fetcher = OnceCell::new();
                let refetch = || {
                    let fetcher = fetcher.get_or_init(|| context.quiet_fetcher(store));
                    Some(Arc::clone(fetcher))
                };
                match entry.trace.check(&environment, store.as_ref(), &refetch) {
                    Err(change) => Self::explain(context, &change.to_string()),
                    Ok(noted) => {
                        Self::explain(context, "nothing has changed; the answer is remembered");
                        entry
                            .trace
                            .messages()
                            .for_each(|it| say(context.console, &it));
                        if noted {
                            Self::keep(context, &memory, &key, &entry);
                        }
                        return Ok(entry.result);
                    }
                }
            }
        }
        let recorder = Arc::new(Recorder::default());
        let observer = Some(Arc::clone(&recorder) as Arc<dyn firn_instantiate::Observer>);
        let result = evaluate_observed(context, self.eval, store, observer, work)?;
        match recorder.finish(store.as_ref()) {
            Ok(trace) => {
                let entry = Entry { trace, result };
                Self::keep(context, &memory, &key, &entry);
                Ok(entry.result)
            }
            Err(reason) => {
                Self::explain(context, &format!("not remembered: {reason}"));
                Ok(result)
            }
        }
    }

    /// Remembers an answer. Where that fails, the next one costs an evaluation, and that is all.
    fn keep(context: &Context, memory: &Memory, key: &str, entry: &Entry) {
        if let Err(error) = memory.keep(key, entry) {
            Self::explain(context, &format!("it cannot be remembered: {error}"));
        }
    }

    fn explain(context: &Context, reason: &str) {
        if context.explain_cache {
            let text = format!("evaluation cache: {reason}");
            context.console.log(firn_events::Level::Error, &text);
        }
    }

    /// The key, or nothing where the answer must not be remembered.
    fn key(&self, context: &Context) -> Option<String> {
        let settings = &context.settings;
        let may = context.program.is_firn()
            && settings.eval.eval_cache
            && !self.eval.debugger
            && !self.eval.flakes.writes_elsewhere();
        let from_stdin = |arg: &AutoArg| matches!(arg, AutoArg::Stdin | AutoArg::File(_));
        // What is there of another store is not looked at when an answer is checked.
        if !may || context.eval_store.url.is_some() || self.eval.auto_args.values().any(from_stdin)
        {
            return None;
        }
        let mut parts: Vec<String> = vec![
            self.kind.to_owned(),
            own_identity(),
            settings.show_text(false),
            sources::here().path.to_string(),
            format!("{:?}", context.script_directory),
            format!("{:?}", context.read_only),
            format!("{:?}", self.eval),
            format!("{:?}", firn_stdlib::FILES.len()),
        ];
        for name in ["NIX_STORE_DIR", "NIX_STORE", "NIX_STATE_DIR"] {
            parts.push(format!("{:?}", surroundings::variable(name)));
        }
        parts.extend(self.words.iter().cloned());
        Some(key(parts.iter().map(String::as_bytes)))
    }
}

/// Where answers are kept.
fn directory() -> PathBuf {
    surroundings::firn_cache_dir().join("evaluations")
}

/// What tells this program from every other build of it.
pub fn own_identity() -> String {
    let version = env!("CARGO_PKG_VERSION");
    let metadata = std::env::current_exe().and_then(std::fs::metadata);
    let build = metadata.map(|it| (it.size(), it.mtime(), it.mtime_nsec(), it.ino()));
    format!("{version} {build:?}")
}

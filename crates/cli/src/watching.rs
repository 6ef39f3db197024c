//! What is told of an evaluation besides its result: statistics, traces of calls, profiles.
//!
//! Asked for by settings (`trace-function-calls`, `eval-profiler`) and by the environment
//! (`NIX_SHOW_STATS`, `NIX_SHOW_STATS_PATH`, `NIX_COUNT_CALLS`).

use std::fmt::Write as _;
use std::time::Duration;

use firn_eval::{Ctx, WatchOptions};
use firn_settings::EvalProfiler;
use serde_json::{Map, Value, json};

use crate::{Context, Failure, surroundings};

/// What is to be watched and shown.
pub(crate) struct Watching {
    options: WatchOptions,
    show_stats: bool,
    show_functions: bool,
    profile_file: Option<String>,
}

impl Watching {
    /// What the settings and the environment ask for.
    pub(crate) fn wanted(context: &Context) -> Self {
        let settings = &context.settings.eval;
        let is_on = |name| surroundings::variable(name).is_some_and(|it| it != "0");
        let show_stats = is_on("NIX_SHOW_STATS");
        let profiles = settings.eval_profiler != EvalProfiler::Disabled;
        let period = match settings.eval_profiler_frequency {
            0 => Duration::ZERO,
            frequency => Duration::from_secs(1) / frequency,
        };
        Self {
            options: WatchOptions {
                trace_calls: settings.trace_function_calls,
                count_calls: show_stats,
                sample_every: profiles.then_some(period),
            },
            show_stats,
            show_functions: is_on("NIX_COUNT_CALLS"),
            profile_file: profiles.then(|| settings.eval_profile_file.clone()),
        }
    }

    /// Begins.
    pub(crate) fn begin(&self, ctx: &mut Ctx<'_>) {
        let options = self.options;
        if options.trace_calls || options.count_calls || options.sample_every.is_some() {
            ctx.watch(options);
        }
    }

    /// Shows and writes what has been found out.
    pub(crate) fn end(&self, ctx: &Ctx<'_>, context: &Context) -> Result<(), Failure> {
        if let Some(file) = &self.profile_file {
            let profile = ctx.profile();
            let mut lines = String::new();
            for (stack, count) in &profile {
                writeln!(lines, "{stack} {count}").expect("a string takes any text");
            }
            write(file, &lines)?;
        }
        if self.show_stats {
            let mut text = format!("{:#}", self.statistics(ctx));
            match surroundings::filled("NIX_SHOW_STATS_PATH") {
                Some(file) if file != "-" => {
                    text.push('\n');
                    write(&file, &text)?;
                }
                _ => context.console.line(&text),
            }
        }
        Ok(())
    }

    fn statistics(&self, ctx: &Ctx<'_>) -> Value {
        let (user, system) = firn_sys::usage::cpu_time();
        let counts = ctx.call_counts();
        let mut all = json!({
            "cpuTime": user.as_secs_f64(),
            "time": { "cpu": user.as_secs_f64(), "system": system.as_secs_f64() },
            "nrFunctionCalls": counts.functions,
            "nrPrimOpCalls": counts.builtins,
            "gc": {
                "totalBytes": ctx.alloc().allocated_bytes(),
                "heapSize": ctx.heap().reserved_bytes(),
            },
            "symbols": { "number": firn_eval::Symbol::count() },
        });
        if let (true, Some(all)) = (self.show_functions, all.as_object_mut()) {
            let functions = counts.by_function.iter().map(|(place, name, count)| {
                let mut entry = Map::new();
                let name = name.map(firn_eval::name_text);
                entry.insert("name".to_owned(), name.map_or(Value::Null, Value::from));
                entry.insert("count".to_owned(), (*count).into());
                if let Some(place) = place {
                    let file = ctx.files().file(place.file);
                    let at = file.lines().line_column(place.offset);
                    let text = ctx.place_text(*place);
                    let name = text.rsplitn(3, ':').last().unwrap_or_default();
                    entry.insert("file".to_owned(), name.into());
                    entry.insert("line".to_owned(), at.line.into());
                    entry.insert("column".to_owned(), at.column.into());
                }
                Value::Object(entry)
            });
            all.insert("functions".to_owned(), functions.collect());
            let builtins = counts.by_builtin.iter();
            let builtins: Map<_, _> = builtins
                .map(|(name, count)| ((*name).to_owned(), (*count).into()))
                .collect();
            all.insert("primops".to_owned(), Value::Object(builtins));
        }
        all
    }
}

fn write(file: &str, text: &str) -> Result<(), Failure> {
    std::fs::write(file, text).map_err(|error| {
        let words = crate::commands::hash::error_words(&error);
        Failure::message(format!("opening file \"{file}\": {words}"))
    })
}

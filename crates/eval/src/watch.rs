//! Watching calls: traces of functions, counts, and profiles of the call stack.
//!
//! Nothing here runs unless it was asked for; then each call tells when it is entered and when it
//! is left. A call that goes on as a body in the machine's loop is left when its record goes.

use std::collections::BTreeMap;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use firn_heap::Function;
use firn_symbol::{FastMap, Symbol};

use crate::ctx::{Ctx, Val};
use crate::error::Place;
use crate::host::Message;

/// What to watch.
#[derive(Clone, Copy, Debug, Default)]
pub struct WatchOptions {
    /// Tell of each call when it is entered and left.
    pub trace_calls: bool,
    /// Count calls by function.
    pub count_calls: bool,
    /// Sample the stack at a call if at least so much time has passed since the last sample.
    pub sample_every: Option<Duration>,
}

/// How often something was called.
#[derive(Clone, Debug, Default)]
pub struct CallCounts {
    /// Calls of functions of the language.
    pub functions: u64,
    /// Calls of builtins.
    pub builtins: u64,
    /// Functions by place and name.
    pub by_function: Vec<(Option<Place>, Option<Symbol>, u64)>,
    /// Builtins by name.
    pub by_builtin: BTreeMap<&'static str, u64>,
}

/// What is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Callee {
    Lambda {
        place: Option<Place>,
        name: Option<Symbol>,
    },
    Builtin(&'static str),
    Derivation(Symbol),
    Functor,
    Other,
}

/// A call as a line of a profile shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Called {
    callee: Callee,
    place: Option<Place>,
}

struct OpenCall {
    place: Option<Place>,
    /// The record with which it ends; none while it is still being entered.
    record: Option<usize>,
    frame: u32,
}

pub(crate) struct Watch {
    options: WatchOptions,
    open: Vec<OpenCall>,
    /// The place of the functor that is called next.
    functor_place: Option<Place>,
    frames: FastMap<Called, u32>,
    frame_list: Vec<Called>,
    samples: FastMap<Vec<u32>, u64>,
    last_sample: Instant,
    lambdas: FastMap<(Option<Place>, Option<Symbol>), u64>,
    builtins: BTreeMap<&'static str, u64>,
}

impl Watch {
    fn frame(&mut self, called: Called) -> u32 {
        let list = &mut self.frame_list;
        *self.frames.entry(called).or_insert_with(|| {
            list.push(called);
            list.len() as u32 - 1
        })
    }

    fn sample(&mut self) {
        let Some(period) = self.options.sample_every else {
            return;
        };
        let now = Instant::now();
        if now.duration_since(self.last_sample) >= period {
            self.last_sample = now;
            let stack = self.open.iter().map(|it| it.frame).collect();
            *self.samples.entry(stack).or_default() += 1;
        }
    }
}

impl<'h> Ctx<'h> {
    /// Starts watching.
    pub fn watch(&mut self, options: WatchOptions) {
        self.watch = Some(Box::new(Watch {
            options,
            open: Vec::new(),
            functor_place: None,
            frames: FastMap::default(),
            frame_list: Vec::new(),
            samples: FastMap::default(),
            last_sample: Instant::now(),
            lambdas: FastMap::default(),
            builtins: BTreeMap::new(),
        }));
    }

    /// How often functions were called since watching began.
    pub fn call_counts(&self) -> CallCounts {
        let Some(watch) = &self.watch else {
            return CallCounts::default();
        };
        let mut by_function: Vec<_> = watch
            .lambdas
            .iter()
            .map(|(&(place, name), &count)| (place, name, count))
            .collect();
        by_function.sort_by_key(|&(place, _, count)| (std::cmp::Reverse(count), place));
        CallCounts {
            functions: by_function.iter().map(|it| it.2).sum(),
            builtins: watch.builtins.values().sum(),
            by_function,
            by_builtin: watch.builtins.clone(),
        }
    }

    /// The sampled stacks, outermost call first, calls separated by semicolons, with how often each
    /// was met: what flame graphs are drawn from.
    /// Stacks are in the order in which their calls were first seen.
    pub fn profile(&self) -> Vec<(String, u64)> {
        let Some(watch) = &self.watch else {
            return Vec::new();
        };
        let texts: Vec<String> = watch
            .frame_list
            .iter()
            .map(|it| self.called_text(*it))
            .collect();
        let mut samples: Vec<_> = watch.samples.iter().collect();
        samples.sort();
        samples
            .into_iter()
            .map(|(stack, count)| {
                let line: Vec<&str> = stack
                    .iter()
                    .map(|it| texts[*it as usize].as_str())
                    .collect();
                (line.join(";"), *count)
            })
            .collect()
    }

    fn called_text(&self, called: Called) -> String {
        let at = |place: Option<Place>| {
            place.map_or_else(|| "«none»:0".to_owned(), |it| self.place_text(it))
        };
        let before = |text: String| match called.place {
            Some(place) => format!("{}:{text}", self.place_text(place)),
            None => text,
        };
        match called.callee {
            Callee::Lambda { place, name } => {
                let at = at(called.place.or(place));
                match name {
                    Some(name) => format!("{at}:{name}"),
                    None => at,
                }
            }
            Callee::Builtin(name) => before(format!("primop {name}")),
            Callee::Derivation(name) => before(format!("primop derivationStrict:{name}")),
            Callee::Functor => format!("{}:functor", at(called.place)),
            Callee::Other => at(called.place),
        }
    }

    /// Notes that a call begins.
    #[cold]
    pub(crate) fn watch_enter(&mut self, function: Val<'h>, args: &[Val<'h>], site: Option<Place>) {
        let Some(options) = self.watch.as_ref().map(|it| it.options) else {
            return;
        };
        let functor_place = self.watch.as_mut().and_then(|it| it.functor_place.take());
        // What a set gives for its functor counts as anything that can be called.
        let callee = match functor_place {
            Some(_) => Callee::Other,
            None => self.callee(function, args, options),
        };
        let Some(watch) = &mut self.watch else { return };
        let place = site.or(functor_place);
        if options.count_calls {
            match callee {
                Callee::Lambda { place, name } => {
                    *watch.lambdas.entry((place, name)).or_default() += 1;
                }
                Callee::Builtin(name) => *watch.builtins.entry(name).or_default() += 1,
                Callee::Derivation(_) => {
                    *watch.builtins.entry("derivationStrict").or_default() += 1;
                }
                Callee::Functor | Callee::Other => {}
            }
        }
        let frame = if options.sample_every.is_some() {
            watch.frame(Called { callee, place })
        } else {
            0
        };
        watch.open.push(OpenCall {
            place,
            record: None,
            frame,
        });
        watch.sample();
        if options.trace_calls {
            self.tell_of_call("entered", place);
        }
    }

    /// Notes that the call begun last goes on as the body that the last record is about.
    #[cold]
    pub(crate) fn watch_body(&mut self) {
        let record = self.calls.len().checked_sub(1);
        if let Some(call) = self.watch.as_mut().and_then(|it| it.open.last_mut()) {
            call.record = record;
        }
    }

    /// Notes that the call begun last has ended.
    #[cold]
    pub(crate) fn watch_exit(&mut self) {
        let Some(watch) = &mut self.watch else { return };
        let Some(call) = watch.open.pop() else { return };
        if watch.options.trace_calls {
            self.tell_of_call("exited", call.place);
        }
    }

    /// Notes that all calls with records from `n` on have ended.
    #[cold]
    pub(crate) fn watch_leave(&mut self, n: usize) {
        loop {
            let last = self.watch.as_ref().and_then(|it| it.open.last());
            if last.is_none_or(|it| it.record.is_none_or(|record| record < n)) {
                return;
            }
            self.watch_exit();
        }
    }

    /// Notes that the next call is that of a functor which was written here.
    pub(crate) fn watch_functor(&mut self, place: Option<Place>) {
        if let Some(watch) = &mut self.watch {
            watch.functor_place = place;
        }
    }

    fn tell_of_call(&self, what: &str, place: Option<Place>) {
        let place = place.map_or_else(|| "«none»:0".to_owned(), |it| self.place_text(it));
        let time = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |it| it.as_nanos());
        let text = format!("function-trace {what} {place} at {time}");
        self.shared.host.emit(Message::Info(text.into_bytes()));
    }

    fn callee(&mut self, function: Val<'h>, args: &[Val<'h>], options: WatchOptions) -> Callee {
        let Some(function) = function.resolved() else {
            return Callee::Other;
        };
        if let Some((code, lambda, n_args)) = Self::lambda_of(function) {
            return Callee::Lambda {
                place: code.param_place(lambda, n_args),
                name: code.lambda_name(lambda),
            };
        }
        let mut inner = function;
        while let Some(Function::Partial(partial)) = inner.as_function() {
            inner = partial.function;
        }
        if let Some(Function::Builtin(id)) = inner.as_function() {
            let name = self.builtins[id as usize].plain_name();
            let is_derivation = name == "derivationStrict" && options.sample_every.is_some();
            if is_derivation && let Some(name) = self.derivation_name(args) {
                return Callee::Derivation(name);
            }
            return Callee::Builtin(name);
        }
        let functor = self.names.functor;
        if function
            .as_set()
            .is_some_and(|it| it.get(functor).is_some())
        {
            return Callee::Functor;
        }
        Callee::Other
    }

    /// The name of the derivation that is about to be made; whatever is wrong with it will be met
    /// again.
    fn derivation_name(&mut self, args: &[Val<'h>]) -> Option<Symbol> {
        let watch = self.watch.take();
        let name = args.first().and_then(|arg| {
            let found = self.catch(|ctx| {
                let set = ctx.force(*arg)?.as_set();
                let name = set.and_then(|it| it.get(ctx.names.name));
                name.map(|it| ctx.force(it)).transpose()
            });
            let text = found.ok().flatten()?.as_str()?.bytes();
            Some(Symbol::intern(text))
        });
        self.watch = watch;
        name
    }
}

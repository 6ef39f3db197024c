//! The context of evaluation: what one worker owns and what all share.
//!
//! A [`Ctx`] is the handle that front ends and builtins work with. It owns an allocator, a value
//! stack, the list of calls in progress and the error in flight; everything else is in
//! [`Shared`]. This file makes contexts and values; forcing and running are in `machine/`, typed
//! access in `access.rs`.

use std::borrow::Cow;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use firn_heap::{Alloc, ContextId, Duplicates, Heap, SetBuilder, Slot, Stack, TaskId, Unit, Word};
use firn_ir::{BuiltinCall, Globals, NodeId, ParseOptions};
use firn_source::{FileTable, SourcePath};
use firn_symbol::{FastMap, Symbol};

use crate::code::Code;
use crate::crew::{Crew, MAIN};
use crate::debug::Debug;
use crate::error::{ErrorKind, EvalError, Fail, Frame, FrameKind, Place};
use crate::host::{Host, HostError, Purity};
use crate::interrupt::StackLimit;
use crate::names::Names;
use crate::registry::{Builtin, Registry};
use crate::watch::Watch;

/// A value, or a thunk that will become one.
pub type Val<'h> = Word<'h, Code<'h>>;

/// The result of evaluating.
pub type Res<'h> = Result<Val<'h>, Fail>;

const _: () = assert!(size_of::<Res<'static>>() == 8);

/// How to evaluate.
#[derive(Clone, Debug)]
pub struct EvalOptions {
    /// How many calls may be nested (`max-call-depth`).
    pub max_call_depth: usize,
    /// What the parser accepts and remarks on.
    pub parse: ParseOptions,
    /// Experimental features that are on; builtins of others do not exist.
    pub features: Vec<String>,
    /// Whether `builtins.trace` output and the like shows more of a value.
    pub trace_verbose: bool,
    /// Whether `builtins.warn` fails after it has warned.
    pub abort_on_warn: bool,
    /// If there is going to be a debugger ([`Ctx::debug`]), where it stops: code is then made for
    /// it.
    pub debug: Option<DebugOptions>,
    /// How many bytes may be taken before the heap is collected for the first time.
    pub collect_from: usize,
    /// How many threads may evaluate at once; 1 for the one that asks.
    pub eval_cores: usize,
    /// How long an evaluation has to go on before it gets helpers.
    pub patience: Duration,
    /// For tests: collect each time when so many evaluations have begun, and fill what is dead with
    /// nonsense.
    pub collect_every: Option<u64>,
}

/// Where a debugger stops besides errors and `builtins.break`.
#[derive(Clone, Copy, Debug, Default)]
pub struct DebugOptions {
    /// It passes over errors inside of `builtins.tryEval`.
    pub ignore_try: bool,
    /// It stops at `builtins.trace` and `builtins.warn`.
    pub on_trace: bool,
    /// It stops at `builtins.warn`.
    pub on_warn: bool,
}

impl Default for EvalOptions {
    fn default() -> Self {
        Self {
            max_call_depth: 10_000,
            parse: ParseOptions::default(),
            features: Vec::new(),
            trace_verbose: false,
            abort_on_warn: false,
            debug: None,
            collect_from: 224 << 20,
            eval_cores: 1,
            patience: Duration::from_millis(20),
            collect_every: None,
        }
    }
}

/// What all workers of one evaluator share.
pub(crate) struct Shared<'h> {
    pub(crate) host: Arc<dyn Host>,
    pub(crate) files: Arc<FileTable>,
    pub(crate) options: EvalOptions,
    pub(crate) purity: Purity,
    pub(crate) globals: Globals,
    /// The value of each imported file, by its resolved path.
    pub(crate) imports: Mutex<FastMap<SourcePath, Val<'h>>>,
    /// The resolved path of each path that was imported.
    pub(crate) resolved: Mutex<FastMap<SourcePath, SourcePath>>,
    /// Errors of thunks that failed, which fail the same way when they are forced again.
    pub(crate) failures: Mutex<Vec<Arc<EvalError>>>,
    /// Store paths of sources that were used as strings.
    pub(crate) copied: Mutex<FastMap<SourcePath, Arc<[u8]>>>,
    /// What forms of texts depend on besides the text, once it was asked for.
    pub(crate) form_environment: OnceLock<u64>,
    pub(crate) base: Base<'h>,
    pub(crate) crew: Crew<'h>,
}

/// Values and units that every worker has at hand.
#[derive(Clone, Copy)]
pub(crate) struct Base<'h> {
    pub(crate) builtins: &'h [Builtin],
    pub(crate) globals: &'h [Slot<'h, Code<'h>>],
    pub(crate) internal: Internal<'h>,
    pub(crate) empty_set: Val<'h>,
    pub(crate) empty_list: Val<'h>,
    pub(crate) empty_str: Val<'h>,
    pub(crate) names: Names,
}

/// A call in progress.
#[derive(Clone, Copy)]
pub(crate) struct CallRecord<'h> {
    pub(crate) site: Option<(&'h Code<'h>, NodeId)>,
    pub(crate) callee: &'h Unit<'h, Code<'h>>,
}

/// Units that the machine makes for itself.
#[derive(Clone, Copy)]
pub(crate) struct Internal<'h> {
    /// Thunks that apply capture 0 to the 1 to 4 following ones.
    pub(crate) apply: [&'h Unit<'h, Code<'h>>; 4],
    /// Rows of thunks that apply capture 0 to what capture 1 has at their number.
    pub(crate) apply_nth: &'h Unit<'h, Code<'h>>,
    /// A thunk that fails with the stashed error.
    pub(crate) rethrow: &'h Unit<'h, Code<'h>>,
    /// Thunks that read and evaluate the file whose path is capture 0.
    pub(crate) import: &'h Unit<'h, Code<'h>>,
}

/// One worker of an evaluator.
pub struct Ctx<'h> {
    pub(crate) alloc: Alloc<'h>,
    pub(crate) stack: Stack<'h, Code<'h>>,
    pub(crate) calls: Vec<CallRecord<'h>>,
    /// How many calls may be in progress: fewer by one for each level of nested data that builtins
    /// are in, since levels count as calls do.
    pub(crate) max_calls: usize,
    /// The native stack must not grow below this address.
    pub(crate) stack_limit: StackLimit,
    /// What is told of calls, if anything is.
    pub(crate) watch: Option<Box<Watch>>,
    /// The debugger, if there is one.
    pub(crate) debug: Option<Box<Debug<'h>>>,
    pub(crate) task: TaskId,
    pub(crate) error: Option<Box<EvalError>>,
    pub(crate) stashed: Option<Box<EvalError>>,
    /// How often the machine looked up.
    pub(crate) n_looks: u64,
    pub(crate) builtins: &'h [Builtin],
    pub(crate) globals: &'h [Slot<'h, Code<'h>>],
    pub(crate) internal: Internal<'h>,
    pub(crate) empty_set: Val<'h>,
    pub(crate) empty_list: Val<'h>,
    pub(crate) empty_str: Val<'h>,
    pub(crate) names: Names,
    /// String values of symbols, by number.
    pub(crate) symbol_strings: Vec<Option<Val<'h>>>,
    pub(crate) shared: Arc<Shared<'h>>,
}

/// An evaluator is its first worker.
pub type Evaluator<'h> = Ctx<'h>;

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<'h> Ctx<'h> {
    /// An evaluator that fills `heap`. It must be made and used on a large stack
    /// ([`crate::on_large_stack`]) if programs may recurse deeply.
    pub fn new(
        heap: &'h Heap,
        host: Arc<dyn Host>,
        registry: &Registry,
        options: EvalOptions,
    ) -> Self {
        Self::with_files(heap, host, registry, options, Arc::new(FileTable::new()))
    }

    /// The same with a table of sources of the caller.
    pub fn with_files(
        heap: &'h Heap,
        host: Arc<dyn Host>,
        registry: &Registry,
        options: EvalOptions,
        files: Arc<FileTable>,
    ) -> Self {
        let alloc = Alloc::new(heap);
        let purity = host.purity();
        let builtins: Vec<Builtin> = registry
            .builtins()
            .iter()
            .filter(|builtin| !(builtin.impure && purity.pure_eval))
            .filter(|builtin| {
                builtin
                    .feature
                    .is_none_or(|feature| options.features.iter().any(|on| on == feature))
            })
            .copied()
            .collect();
        let builtins: &'h [Builtin] = alloc.slice(&builtins);
        let empty_set = Val::set(&alloc, alloc.shared_shape(&[]), &[]);
        let empty_list = Val::list(&alloc, &[]);
        let empty_str = Val::string(&alloc, b"", ContextId::EMPTY);
        let internal = crate::internal::units(&alloc, builtins.len());
        let (globals, values) = base_environment(&alloc, builtins, internal.constants);
        let stack = Stack::new(&alloc);
        let stack_limit = StackLimit::of_this_thread();
        heap.collect_from(options.collect_from);
        if options.collect_every.is_some() {
            heap.poison_the_dead();
            stack_limit.ask_to_collect();
        }
        let base = Base {
            builtins,
            globals: alloc.slots(&values),
            internal: internal.units,
            empty_set,
            empty_list,
            empty_str,
            names: Names::new(),
        };
        let shared = Arc::new(Shared {
            host,
            files,
            purity,
            globals,
            imports: Mutex::default(),
            resolved: Mutex::default(),
            failures: Mutex::default(),
            copied: Mutex::default(),
            form_environment: OnceLock::new(),
            base,
            crew: Crew::new(options.eval_cores, options.patience),
            options,
        });
        Self::worker(alloc, stack, shared, MAIN, stack_limit)
    }

    /// A helper of an evaluator; to be made by the thread that it is for.
    pub(crate) fn helper(
        heap: &'h Heap,
        shared: Arc<Shared<'h>>,
        task: TaskId,
        stack_limit: StackLimit,
    ) -> Self {
        let alloc = Alloc::new(heap);
        let stack = Stack::small(&alloc);
        if shared.options.collect_every.is_some() {
            stack_limit.ask_to_collect();
        }
        Self::worker(alloc, stack, shared, task, stack_limit)
    }

    fn worker(
        alloc: Alloc<'h>,
        stack: Stack<'h, Code<'h>>,
        shared: Arc<Shared<'h>>,
        task: TaskId,
        stack_limit: StackLimit,
    ) -> Self {
        alloc.join(stack_limit.shared());
        let base = shared.base;
        Self {
            stack,
            calls: Vec::new(),
            max_calls: shared.options.max_call_depth,
            stack_limit,
            watch: None,
            debug: None,
            task,
            error: None,
            stashed: None,
            n_looks: 0,
            builtins: base.builtins,
            globals: base.globals,
            internal: base.internal,
            empty_set: base.empty_set,
            empty_list: base.empty_list,
            empty_str: base.empty_str,
            names: base.names,
            symbol_strings: Vec::new(),
            shared,
            alloc,
        }
    }

    /// The host.
    pub fn host(&self) -> &dyn Host {
        &*self.shared.host
    }

    /// The options that this evaluator was made with.
    pub fn options(&self) -> &EvalOptions {
        &self.shared.options
    }

    /// How much of the world may be seen.
    pub fn purity(&self) -> Purity {
        self.shared.purity
    }

    /// The sources read so far.
    pub fn files(&self) -> &Arc<FileTable> {
        &self.shared.files
    }

    /// The heap that values live in.
    pub fn heap(&self) -> &'h Heap {
        self.alloc.heap()
    }

    /// The allocator of this worker.
    pub fn alloc(&self) -> &Alloc<'h> {
        &self.alloc
    }

    /// Symbols that the language gives a meaning to.
    pub fn names(&self) -> Names {
        self.names
    }

    /// Asks the host something and turns its error into a failure.
    pub fn host_result<T>(
        &mut self,
        ask: impl FnOnce(&dyn Host) -> Result<T, HostError>,
    ) -> Result<T, Fail> {
        match ask(&*self.shared.host) {
            Ok(answer) => Ok(answer),
            Err(error) => {
                let mut failure = EvalError::new(error.kind, error.message);
                failure.exit_status = error.exit_status;
                Err(self.fail(failure))
            }
        }
    }

    // Errors.

    /// Fails with an error.
    #[cold]
    pub fn fail(&mut self, error: EvalError) -> Fail {
        self.error = Some(Box::new(error));
        if self.debug.is_some() {
            self.stop_at_failure();
        }
        Fail(())
    }

    /// Fails with a message.
    #[cold]
    pub fn error(&mut self, kind: ErrorKind, message: impl Into<String>) -> Fail {
        self.fail(EvalError::new(kind, message))
    }

    /// Fails with a message at a place.
    #[cold]
    pub fn error_at(
        &mut self,
        place: Option<Place>,
        kind: ErrorKind,
        message: impl Into<String>,
    ) -> Fail {
        let mut error = EvalError::new(kind, message);
        error.place = place;
        self.fail(error)
    }

    /// Adds to a failure what was being done.
    #[cold]
    pub fn trace(
        &mut self,
        fail: Fail,
        place: Option<Place>,
        text: impl Into<Cow<'static, str>>,
    ) -> Fail {
        self.push_frame(Frame {
            place,
            text: text.into(),
            kind: FrameKind::Context,
        });
        fail
    }

    pub(crate) fn push_frame(&mut self, frame: Frame) {
        // A very deep trace says no more than its two ends, and must not take all memory.
        const MAX_FRAMES: usize = 100_000;
        if let Some(error) = &mut self.error
            && error.frames.len() < MAX_FRAMES
        {
            error.frames.push(frame);
        }
    }

    /// The error of a failure.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "a failure is consumed where it is handled"
    )]
    pub fn take_error(&mut self, fail: Fail) -> Box<EvalError> {
        let Fail(()) = fail;
        self.error
            .take()
            .unwrap_or_else(|| Box::new(EvalError::new(ErrorKind::Eval, "unknown error")))
    }

    /// Puts an error back that was taken.
    pub fn rethrow(&mut self, error: Box<EvalError>) -> Fail {
        self.error = Some(error);
        Fail(())
    }

    // Values.

    /// `null`.
    pub fn null(&self) -> Val<'h> {
        Val::null()
    }

    /// A truth value.
    pub fn new_bool(&self, value: bool) -> Val<'h> {
        Val::bool(value)
    }

    /// An integer.
    pub fn new_int(&self, value: i64) -> Val<'h> {
        Val::int(&self.alloc, value)
    }

    /// A float.
    pub fn new_float(&self, value: f64) -> Val<'h> {
        Val::float(&self.alloc, value)
    }

    /// A string without context.
    pub fn new_str(&self, bytes: &[u8]) -> Val<'h> {
        if bytes.is_empty() {
            return self.empty_str;
        }
        Val::string(&self.alloc, bytes, ContextId::EMPTY)
    }

    /// A string with a context.
    pub fn new_str_with(&self, bytes: &[u8], context: ContextId) -> Val<'h> {
        Val::string(&self.alloc, bytes, context)
    }

    /// A path.
    pub fn new_path(&self, path: &SourcePath) -> Val<'h> {
        Val::path(&self.alloc, path.root.0, path.path.as_bytes())
    }

    /// A list.
    pub fn new_list(&self, elements: &[Val<'h>]) -> Val<'h> {
        if elements.is_empty() {
            return self.empty_list;
        }
        Val::list(&self.alloc, elements)
    }

    /// The empty set.
    pub fn new_empty_set(&self) -> Val<'h> {
        self.empty_set
    }

    /// A set of collected attributes; of two with the same name the later one stays.
    pub fn new_set(&self, attrs: SetBuilder<'h, Code<'h>>) -> Val<'h> {
        if attrs.is_empty() {
            return self.empty_set;
        }
        attrs.finish(&self.alloc, Duplicates::KeepLast)
    }

    /// The name of a symbol as a string; the same value each time.
    pub fn symbol_str(&mut self, symbol: Symbol) -> Val<'h> {
        let idx = symbol.index() as usize;
        if let Some(Some(known)) = self.symbol_strings.get(idx) {
            return *known;
        }
        if idx >= self.symbol_strings.len() {
            let len = (idx + 1).next_power_of_two();
            self.symbol_strings.resize(len, None);
        }
        let value = Val::symbol_string(&self.alloc, symbol);
        self.symbol_strings[idx] = Some(value);
        value
    }

    /// The builtin with this registered name (`map`, `__head`), if it exists here.
    pub fn builtin(&self, name: &str) -> Option<Val<'h>> {
        let global = self.shared.globals.find(Symbol::find(name.as_bytes())?)?;
        Some(self.globals[global as usize].get())
    }

    /// All names of the base environment, sorted.
    pub fn global_names(&self) -> Vec<String> {
        let mut names: Vec<String> = self
            .shared
            .globals
            .names()
            .map(crate::print::name_text)
            .collect();
        names.sort();
        names
    }

    /// The builtin with this registered name that programs cannot name, if it exists here.
    pub fn hidden_builtin(&self, name: &str) -> Option<Val<'h>> {
        let id = self
            .builtins
            .iter()
            .position(|it| it.hidden && it.name == name)?;
        Some(Val::builtin(&self.alloc, id as u32))
    }

    /// The definition of a builtin by its number.
    pub fn builtin_info(&self, number: u32) -> &'h Builtin {
        &self.builtins[number as usize]
    }

    /// A thunk that applies a function to arguments.
    ///
    /// # Panics
    /// With no or more than four arguments.
    pub fn lazy_apply(&self, function: Val<'h>, args: &[Val<'h>]) -> Val<'h> {
        let unit = self.internal.apply[args.len() - 1];
        let (thunk, caps) = Val::thunk(&self.alloc, unit);
        caps[0].set(function);
        for (slot, arg) in caps[1..].iter().zip(args) {
            slot.set(*arg);
        }
        thunk
    }

    /// As many thunks that apply a function: to each element of a list, to the name and the value of each
    /// attribute of a flat set, or to each number below `n` if `source` is null. The number of
    /// elements or attributes is `n`.
    pub fn lazy_apply_each(
        &self,
        function: Val<'h>,
        source: Val<'h>,
        n: usize,
    ) -> impl Iterator<Item = Val<'h>> {
        let unit = self.internal.apply_nth;
        Val::rows(&self.alloc, unit, [function, source], n)
    }
}

/// Numbers the values of the base environment and makes them: `builtins`, each builtin, and the
/// three constants.
fn base_environment<'h>(
    alloc: &Alloc<'h>,
    builtins: &'h [Builtin],
    constants: &'h [Unit<'h, Code<'h>>],
) -> (Globals, Vec<Val<'h>>) {
    let mut globals = Globals::default();
    let mut values = Vec::with_capacity(builtins.len() + 4);
    let mut members = SetBuilder::default();
    let number = globals.add(None);
    globals.name(Symbol::intern(b"builtins"), number);
    values.push(Val::null());
    for (name, value) in [
        ("null", Val::null()),
        ("true", Val::bool(true)),
        ("false", Val::bool(false)),
    ] {
        let number = globals.add(None);
        let name = Symbol::intern(name.as_bytes());
        globals.name(name, number);
        globals.member(name, number);
        members.push(name, value);
        values.push(value);
    }
    for (id, builtin) in builtins.iter().enumerate() {
        let is_function = builtin.arity() > 0;
        let number = globals.add(is_function.then(|| BuiltinCall {
            id: id as u32,
            arity: builtin.arity() as u8,
            strict: builtin.strict,
        }));
        let value = if is_function {
            Val::builtin(alloc, id as u32)
        } else {
            Val::thunk(alloc, &constants[id]).0
        };
        values.push(value);
        if builtin.hidden {
            continue;
        }
        let plain = Symbol::intern(builtin.plain_name().as_bytes());
        globals.name(Symbol::intern(builtin.name.as_bytes()), number);
        globals.member(plain, number);
        members.push(plain, value);
    }
    // `builtins.builtins` is the set itself: a frame of one slot ties the knot through a thunk.
    let (own, slots) = Val::thunk(alloc, &constants[builtins.len()]);
    members.push(Symbol::intern(b"builtins"), own);
    let set = members.finish(alloc, Duplicates::KeepLast);
    slots[0].set(set);
    values[0] = set;
    (globals, values)
}

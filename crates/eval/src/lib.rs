//! The machine: forcing, calling, coercion, comparison, printing, errors, and the effects it asks
//! a host for.
//!
//! For front ends:
//! ```text
//! on_large_stack(|| {
//!     let heap = Heap::new();
//!     let registry = Registry::new().with(firn_builtins::all()).with(more);
//!     let mut ctx = Evaluator::new(&heap, host, &registry, EvalOptions::default());
//!     let value = ctx.eval_file(&path)                 // or eval_str(text, dir), eval_source
//!         .and_then(|value| ctx.force_deep(value));
//!     match value {
//!         Ok(value) => ctx.print_plain(value, &mut out),
//!         Err(fail) => { let error = ctx.take_error(fail); error.diagnostics() }
//!     }
//! })
//! ```
//! [`Ctx::auto_call`] and [`Ctx::find_along_path`] serve `--arg` and `-A`; a [`Scope`] with
//! [`Ctx::eval_source`] serves a prompt; [`Ctx::place_text`] shows places.
//!
//! For builtins (`fn name<'h>(ctx: &mut Ctx<'h>, args: &[Val<'h>]) -> Res<'h>`):
//! - typed access, which forces and checks: [`Ctx::int`], [`Ctx::float`], [`Ctx::bool`],
//!   [`Ctx::str`], [`Ctx::str_no_context`], [`Ctx::list`], [`Ctx::attrs`], [`Ctx::function`],
//!   [`Ctx::attr`]; [`Ctx::force`] alone gives a value whose kind can be asked for;
//! - strings and paths: [`Ctx::coerce`], [`Ctx::coerce_value`], [`Ctx::coerce_path`],
//!   [`Ctx::realise_path`]; contexts are ids, see [`Contexts`];
//! - calling: [`Ctx::call`], [`Ctx::lazy_apply`]; comparing: [`Ctx::equal`], [`Ctx::less_than`];
//! - making values: [`Ctx::new_int`], [`Ctx::new_str`], [`Ctx::new_list`], [`Ctx::new_set`] with a
//!   [`SetBuilder`], [`Ctx::symbol_str`], and so on;
//! - failing: [`Ctx::error`], and [`Ctx::trace`] to say what was being done.
//!
//! A result may be a thunk: the machine forces what a builtin returns. Nothing moves, so slices and
//! handles stay valid as long as they are used, whatever is evaluated meanwhile. Words that wait in
//! a container while something is evaluated need [`Ctx::keep`], or [`Ctx::pin`] in a front end.
//!
//! The machine knows no store and opens no file: see [`Host`].

mod access;
mod code;
mod coerce;
mod collect;
mod compare;
mod crew;
mod ctx;
mod debug;
mod deep;
mod entry;
mod error;
mod forms;
mod host;
mod internal;
mod interrupt;
mod machine;
mod names;
mod place;
mod print;
mod registry;
mod source;
mod stack;
mod suggest;
#[cfg(test)]
mod tests;
mod trivial;
mod watch;

pub use code::Code;
pub use coerce::{Coercion, context_text};
pub use crew::{Ahead, Calls, Errand};
pub use ctx::{Ctx, DebugOptions, EvalOptions, Evaluator, Res, Val};
pub use debug::{DebugFrame, DebugLevel, Debugger, GoOn, Stopped};
pub use entry::{FormalArg, LambdaView};
pub use error::{ErrorKind, EvalError, Fail, Frame, FrameKind, Place};
pub use forms::{Form, FormKey, Forms};
pub use host::{FileType, Host, HostError, Message, Purity, SearchPathEntry};
pub use interrupt::Interrupter;
pub use names::Names;
pub use place::DERIVATION_INTERNAL;
pub use print::{PrintErrors, PrintOptions, name_text};
pub use registry::{Builtin, BuiltinFn, Registry};
pub use source::Scope;
pub use stack::on_large_stack;
pub use suggest::suggestions;
pub use watch::{CallCounts, WatchOptions};

pub use firn_heap::{
    AttrPos, ContextElement, ContextId, Contexts, Duplicates, FlatSet, Function, Heap, InlineCache,
    Kind, Set, SetBuilder, Str,
};
pub use firn_ir::{
    Entry, Lint, ParseOptions, float_with_six_digits, is_identifier, show_string, show_symbol,
};
pub use firn_symbol::{FastMap, Symbol};

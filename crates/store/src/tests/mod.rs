//! Tests over whole stores; `support` makes temporary ones.

mod adding;
mod collecting;
mod support;

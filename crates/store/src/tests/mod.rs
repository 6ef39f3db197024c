//! Tests over whole stores; `support` makes temporary ones.

mod adding;
mod binary_cache;
mod collecting;
mod file_server;
mod support;

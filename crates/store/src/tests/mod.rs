//! Tests over whole stores; `support` makes temporary ones.

mod adding;
mod binary_cache;
mod cache_exchange;
mod collecting;
#[cfg(feature = "fault-points")]
mod crashing;
mod damage;
mod file_server;
mod interop;
mod s3;
mod support;

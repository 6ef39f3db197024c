//! Transfers against a real server on the loopback interface, and compression.

mod compression;
mod http;
mod server;
mod texts;

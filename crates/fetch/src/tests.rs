//! Fetchers against servers on this machine and repositories in scratch folders.

mod forges;
mod large_files;
mod world;

//! Every operating-system call that the standard library does not wrap well enough.
//!
//! [`file_lock`] has advisory locks and the lock-file protocol of stores, [`mod@file`] has atomic
//! replacement, durable writes and careful removal. [`launcher`] starts builders: a small
//! single-threaded process that makes namespaces, mounts and credentials as a [`launcher::LaunchSpec`]
//! asks and runs one program in them. [`seccomp`] and [`landlock`] confine such a program further,
//! [`pseudo_terminal`] carries what it writes, [`support`] finds out what this kernel allows.
//! [`store_view`] shows a store at its logical place, [`clock`] knows the time zone, [`children`] has
//! no child outlive a command, [`cgroup`] puts builders where they can be counted and killed, [`mapping`] shows the contents of a file in memory, [`pipe`] knows what
//! waits to be read.
//!
//! Crates above this one never speak to the kernel past the standard library except through here,
//! so that each rule about links, crashes and permissions is kept in one place. Policy (what a
//! sandbox contains, who the builder is) is not decided here.
//!
//! Unsafe code is in the system calls that no safe wrapper has. Each block relies on one of:
//! pointers to live local values, descriptors owned by the caller, or the process being
//! single-threaded between `fork` and `exec`, which the launcher is by construction.

pub mod accounts;
pub mod cgroup;
pub mod children;
pub mod clock;
pub mod file;
pub mod file_lock;
pub mod landlock;
pub mod launcher;
pub mod mapping;
pub mod pipe;
pub mod pseudo_terminal;
pub mod seccomp;
pub mod signals;
pub mod socket;
pub mod store_view;
pub mod support;
pub mod usage;

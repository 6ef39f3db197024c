//! Systems: what is done with a toplevel once it is built.
//!
//! A toplevel is a directory of the store with everything a machine is made of: kernel, initrd,
//! `/etc`, units, the script that activates it, a boot specification and a manifest. This crate
//! makes a running machine agree with one ([`switch`]), keeps the generations of a machine
//! ([`generations`]; those of users with the files in their homes: [`home`]) and the boot menu that lists them ([`menu`]), says how two of them differ
//! ([`difference`]), and runs them in virtual machines ([`vm`]).
//!
//! What must hold: the boot menu is written, and everything it points to is on disk, before a unit
//! is touched; the profile moves by one rename; an interrupted switch is taken up where it was left
//! by the next one. Whoever calls prints: texts for people go through a function that is passed in.
//!
//! The rules by which units are stopped, restarted, reloaded or left alone are those that NixOS
//! documents, so that its modules work here; they are data in, data out ([`plan`]) and tested as
//! tables. All places are below the root of a [`Machine`], which tests put anywhere.

#![allow(
    clippy::format_push_string,
    clippy::format_collect,
    reason = "texts for people and menus are put together here; none of it is hot"
)]
#![allow(
    clippy::case_sensitive_file_extension_comparisons,
    reason = "the kind of a unit is part of its name, and names are told apart by case"
)]

pub mod boot_spec;
pub mod compare;
pub mod difference;
pub mod error;
pub mod fstab;
pub mod generations;
pub mod home;
mod lists;
pub mod machine;
pub mod manager;
pub mod menu;
pub mod names;
pub mod plan;
pub mod switch;
pub mod unit;
mod unit_dirs;
mod users;
pub mod vm;

pub use error::SystemError;
pub use machine::Machine;

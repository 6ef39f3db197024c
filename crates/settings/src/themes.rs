//! The themes: which crate reads which settings. Every setting belongs to exactly one.

pub(crate) mod build;
pub(crate) mod eval;
pub(crate) mod firn;
pub(crate) mod interface;
pub(crate) mod sandbox;
pub(crate) mod sources;
pub(crate) mod store;
pub(crate) mod transfer;

use crate::table::Row;

/// All rows, theme by theme.
pub(crate) static THEMES: &[&[Row]] = &[
    build::ROWS,
    eval::ROWS,
    firn::ROWS,
    interface::ROWS,
    sandbox::ROWS,
    sources::ROWS,
    store::ROWS,
    transfer::ROWS,
];

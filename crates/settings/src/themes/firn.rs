//! Settings that the reference does not have. Besides these there is `mirrors.<scheme>`, a list of
//! places for each URL scheme (see [`Settings::mirrors`](crate::Settings::mirrors)).

use std::path::PathBuf;

use crate::table::theme;

theme! {
    /// What only Firn can be told.
    FirnSettings in firn, shared false, from machine;

    /// How many threads evaluate at once. 0 means one for each processor, 1 means none besides the
    /// first. The result, the first error and the order of messages are the same at any number.
    /// Threads are started when an evaluation has taken some 20 ms; none are where calls are traced,
    /// counted or profiled.
    "eval-cores" eval_cores: u32 = 1;
    /// Whether the parsed form of files is kept between runs, in the user's cache directory, so that
    /// what was parsed once need not be parsed again. No result depends on it.
    "parse-cache" parse_cache: bool = true;
    /// The static shell that builds see as `/bin/sh`. If unset, the standard library's, or one
    /// found on this machine.
    "sandbox-shell" sandbox_shell: Option<PathBuf> = None;
    /// The directory of the standard library, which `<firn>` names. If unset, it is the one in the
    /// program.
    "stdlib" stdlib: Option<PathBuf> = None;
}

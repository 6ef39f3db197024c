//! What a parse may accept and what it remarks on.

/// How to treat something that is allowed but not wanted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Lint {
    /// Say nothing.
    #[default]
    Ignore,
    /// Warn.
    Warn,
    /// Refuse.
    Fatal,
}

/// Which text stands in front of the grammar.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Entry {
    /// One expression, as in a file.
    #[default]
    Expression,
    /// Bindings as typed at a prompt: `x = 1; inherit (y) z;`.
    Bindings,
}

/// The knobs of a parse; the defaults are the reference's.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ParseOptions {
    /// What to read.
    pub entry: Entry,
    /// Whether `|>` and `<|` are operators (experimental feature `pipe-operators`).
    pub pipe_operators: bool,
    /// `https://example.org` without quotes (setting `lint-url-literals`).
    pub url_literals: Lint,
    /// `foo/bar` (setting `lint-short-path-literals`).
    pub short_path_literals: Lint,
    /// `/foo` and `~/foo` (setting `lint-absolute-path-literals`).
    pub absolute_path_literals: Lint,
}

//! [`TreeSink`]: what a parse builds, as seen from the grammar.
//!
//! The grammar knows no tree. Whenever a construct is complete it calls one method with the
//! handles of the children and the range of tokens, and gets a handle back. The evaluator's sink
//! builds compact expressions, the tools' sink a lossless tree; a pair of sinks is a sink too
//! (`pair.rs`), so both come out of one pass.
//!
//! What must hold:
//! - children come before parents, and list children in order of the text;
//! - a handle may be dropped without ever being used (error recovery does so): a sink keeps what
//!   it needs in its own arena and relies on handles, never on the order of calls;
//! - handles are small and `Copy`: they live on the parser's stack;
//! - a range starts and ends with significant tokens; a text is reached through the token table
//!   that the sink was made with. No method is given text.
//!
//! Operators arrive here with precedence already applied (`chain.rs`).

use crate::{TokenIdx, TokenRange};

/// What kind of set a pair of braces makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SetKind {
    /// `{ … }`.
    Plain,
    /// `rec { … }`.
    Recursive,
    /// `let { …; body = …; }`, whose value is that of `body`.
    LegacyLet,
    /// Bindings typed at a prompt, without braces.
    ReplBindings,
}

/// An operator before its operand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum UnaryOperator {
    /// `!`.
    Not,
    /// `-`.
    Negate,
}

/// An operator between two operands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BinaryOperator {
    /// `==`.
    Equal,
    /// `!=`.
    NotEqual,
    /// `<`.
    Less,
    /// `<=`.
    LessEqual,
    /// `>`.
    Greater,
    /// `>=`.
    GreaterEqual,
    /// `&&`.
    And,
    /// `||`.
    Or,
    /// `->`.
    Implication,
    /// `//`.
    Update,
    /// `++`.
    Concat,
    /// `+`.
    Add,
    /// `-`.
    Subtract,
    /// `*`.
    Multiply,
    /// `/`.
    Divide,
    /// `f <| x`.
    PipeFrom,
    /// `x |> f`.
    PipeInto,
}

/// The parameter of a function that takes a set apart.
#[derive(Clone, Copy, Debug)]
pub struct Pattern<'a, F> {
    /// From `{` to `}`.
    pub range: TokenRange,
    /// The formals in order of the text.
    pub formals: &'a [F],
    /// Whether `...` allows further attributes.
    pub ellipsis: bool,
    /// The identifier that names the whole argument: `args@{ … }` or `{ … }@args`.
    pub bound: Option<TokenIdx>,
}

impl<F> Pattern<'_, F> {
    /// The same pattern with other handles for its formals.
    pub fn with_formals<'b, G>(&self, formals: &'b [G]) -> Pattern<'b, G> {
        Pattern {
            range: self.range,
            formals,
            ellipsis: self.ellipsis,
            bound: self.bound,
        }
    }
}

/// Receives the constructs of a text, innermost first.
pub trait TreeSink {
    /// An expression.
    type Expr: Copy;
    /// An attribute path: `a.b.${c}`.
    type AttrPath: Copy;
    /// One component of an attribute path, or one name of an `inherit`.
    type Attr: Copy;
    /// One item between braces: `a.b = e;` or `inherit …;`.
    type Binding: Copy;
    /// A piece of a string or of a path.
    type Part: Copy;
    /// One formal of a pattern.
    type Formal: Copy;

    /// Tokens that make no expression; only after a syntax error.
    fn error(&mut self, range: TokenRange) -> Self::Expr;
    /// Tokens that make no binding; only after a syntax error.
    fn error_binding(&mut self, range: TokenRange) -> Self::Binding;

    /// A variable; the token is an identifier, or `or` where that is taken for one.
    fn variable(&mut self, token: TokenIdx) -> Self::Expr;
    /// `__curPos`.
    fn current_position(&mut self, token: TokenIdx) -> Self::Expr;
    /// An integer literal.
    fn integer(&mut self, token: TokenIdx, value: i64) -> Self::Expr;
    /// A floating-point literal.
    fn float(&mut self, token: TokenIdx, value: f64) -> Self::Expr;
    /// `<nixpkgs/lib>`; the token's text includes the angle brackets.
    fn search_path(&mut self, token: TokenIdx) -> Self::Expr;
    /// A bare URL.
    fn uri(&mut self, token: TokenIdx) -> Self::Expr;

    /// A piece of text; the token is one of `StringText`, `IndentText`, `Path`, `HomePath`,
    /// `PathText`.
    fn text(&mut self, token: TokenIdx) -> Self::Part;
    /// `${ e }` inside a string or a path.
    fn interpolation(&mut self, range: TokenRange, expr: Self::Expr) -> Self::Part;
    /// `"…"`.
    fn string(&mut self, range: TokenRange, parts: &[Self::Part]) -> Self::Expr;
    /// `''…''`; see `strings::Stripper` for its meaning.
    fn indented_string(&mut self, range: TokenRange, parts: &[Self::Part]) -> Self::Expr;
    /// A path; the first part is the text of a `Path` or `HomePath` token. The range ends with
    /// the empty `PathEnd` token.
    fn path(&mut self, range: TokenRange, parts: &[Self::Part]) -> Self::Expr;

    /// `( e )`.
    fn paren(&mut self, range: TokenRange, inner: Self::Expr) -> Self::Expr;
    /// `[ e … ]`.
    fn list(&mut self, range: TokenRange, items: &[Self::Expr]) -> Self::Expr;
    /// A set of any kind.
    fn attr_set(
        &mut self,
        range: TokenRange,
        kind: SetKind,
        bindings: &[Self::Binding],
    ) -> Self::Expr;

    /// A plain name; the token is an identifier or `or`.
    fn attr_name(&mut self, token: TokenIdx) -> Self::Attr;
    /// A quoted name.
    fn attr_string(&mut self, range: TokenRange, parts: &[Self::Part]) -> Self::Attr;
    /// `${ e }` as a name. If `e` is a string without interpolation, the name is not dynamic.
    fn attr_dynamic(&mut self, range: TokenRange, expr: Self::Expr) -> Self::Attr;
    /// An attribute path; never empty.
    fn attr_path(&mut self, range: TokenRange, attrs: &[Self::Attr]) -> Self::AttrPath;
    /// `a.b = e;`.
    fn binding(
        &mut self,
        range: TokenRange,
        path: Self::AttrPath,
        value: Self::Expr,
    ) -> Self::Binding;
    /// `inherit a b;` or `inherit (e) a b;`; `from` comes with the range of `e` itself.
    fn inherit(
        &mut self,
        range: TokenRange,
        from: Option<(Self::Expr, TokenRange)>,
        names: &[Self::Attr],
    ) -> Self::Binding;

    /// `e.a.b` or `e.a.b or d`.
    fn select(
        &mut self,
        range: TokenRange,
        base: Self::Expr,
        path: Self::AttrPath,
        default: Option<Self::Expr>,
    ) -> Self::Expr;
    /// `f x y`; never without arguments.
    fn apply(
        &mut self,
        range: TokenRange,
        function: Self::Expr,
        arguments: &[Self::Expr],
    ) -> Self::Expr;
    /// `!e` or `-e`.
    fn unary(
        &mut self,
        range: TokenRange,
        operator: UnaryOperator,
        operand: Self::Expr,
    ) -> Self::Expr;
    /// `l + r` and its like; `token` is the operator. The left operand starts with `range`, the
    /// right one with the first significant token after `token`.
    fn binary(
        &mut self,
        range: TokenRange,
        operator: BinaryOperator,
        token: TokenIdx,
        left: Self::Expr,
        right: Self::Expr,
    ) -> Self::Expr;
    /// `e ? a.b`.
    fn has_attr(
        &mut self,
        range: TokenRange,
        operand: Self::Expr,
        path: Self::AttrPath,
    ) -> Self::Expr;

    /// `x: e`; the parameter is the first token of the range.
    fn lambda(&mut self, range: TokenRange, parameter: TokenIdx, body: Self::Expr) -> Self::Expr;
    /// `{ a, b ? e, ... } @ args: e`.
    fn lambda_pattern(
        &mut self,
        range: TokenRange,
        pattern: Pattern<'_, Self::Formal>,
        body: Self::Expr,
    ) -> Self::Expr;
    /// One formal, with its default.
    fn formal(
        &mut self,
        range: TokenRange,
        name: TokenIdx,
        default: Option<Self::Expr>,
    ) -> Self::Formal;

    /// `assert c; e`.
    fn assert(&mut self, range: TokenRange, condition: Self::Expr, body: Self::Expr) -> Self::Expr;
    /// `with s; e`.
    fn with(&mut self, range: TokenRange, scope: Self::Expr, body: Self::Expr) -> Self::Expr;
    /// `let … in e`.
    fn let_in(
        &mut self,
        range: TokenRange,
        bindings: &[Self::Binding],
        body: Self::Expr,
    ) -> Self::Expr;
    /// `if c then t else e`.
    fn if_else(
        &mut self,
        range: TokenRange,
        condition: Self::Expr,
        then: Self::Expr,
        otherwise: Self::Expr,
    ) -> Self::Expr;
}

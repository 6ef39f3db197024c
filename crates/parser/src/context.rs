//! What the grammar's actions work with: the sink, the lists under construction, and the errors.
//!
//! Lists that are still growing live on shared stacks, one per kind of child, and the parser's own
//! stack holds only a [`Seq`] of eight bytes. That works because a list that starts later always
//! ends earlier. Error recovery may drop a list without ending it; what it leaves behind lies above
//! every list that is still wanted and is cut off at the next push.
//!
//! An error carries the token during whose reading the reference would have noticed it. Sorting by
//! that time gives the reference's first error even where we notice another one earlier.

use std::marker::PhantomData;

use crate::chain::ChainItem;
use crate::{
    Lint, ParseOptions, Pattern, SetKind, SyntaxError, SyntaxErrorKind, TokenIdx, TokenKind,
    TokenRange, TokenTable, TreeSink,
};

/// A list under construction: a section of one of the stacks.
pub(crate) struct Seq<T> {
    start: u32,
    len: u32,
    items: PhantomData<fn() -> T>,
}

impl<T> Clone for Seq<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Seq<T> {}

/// A stack of lists.
pub(crate) struct Stack<T>(Vec<T>);

impl<T: Copy> Stack<T> {
    fn new() -> Self {
        Self(Vec::new())
    }

    #[inline]
    pub(crate) fn empty(&self) -> Seq<T> {
        Seq {
            start: self.0.len() as u32,
            len: 0,
            items: PhantomData,
        }
    }

    #[inline]
    pub(crate) fn one(&mut self, item: T) -> Seq<T> {
        let seq = self.empty();
        self.push(seq, item)
    }

    #[inline]
    pub(crate) fn push(&mut self, seq: Seq<T>, item: T) -> Seq<T> {
        self.0.truncate((seq.start + seq.len) as usize);
        self.0.push(item);
        Seq {
            len: seq.len + 1,
            ..seq
        }
    }

    #[inline]
    pub(crate) fn slice(&self, seq: Seq<T>) -> &[T] {
        &self.0[seq.start as usize..(seq.start + seq.len) as usize]
    }

    #[inline]
    pub(crate) fn drop_from(&mut self, seq: Seq<T>) {
        self.0.truncate(seq.start as usize);
    }
}

/// The parts of a pattern that the grammar has read.
#[derive(Clone, Copy)]
pub(crate) struct FormalSet<F> {
    pub(crate) formals: Seq<F>,
    pub(crate) names: Seq<TokenIdx>,
    pub(crate) ellipsis: bool,
}

/// Everything an action may touch.
pub(crate) struct Context<'c, S: TreeSink> {
    pub(crate) sink: &'c mut S,
    pub(crate) table: &'c TokenTable<'c>,
    options: &'c ParseOptions,
    pub(crate) errors: Vec<SyntaxError>,
    pub(crate) warnings: Vec<SyntaxError>,
    pub(crate) exprs: Stack<S::Expr>,
    pub(crate) attrs: Stack<S::Attr>,
    pub(crate) bindings: Stack<S::Binding>,
    pub(crate) parts: Stack<S::Part>,
    pub(crate) formals: Stack<S::Formal>,
    pub(crate) formal_names: Stack<TokenIdx>,
    pub(crate) items: Stack<ChainItem<S>>,
    /// Where bindings of unfinished sets and `let`s begin with a dynamic name.
    dynamic_bindings: Vec<TokenIdx>,
}

/// Shorthand for the grammar.
#[inline]
pub(crate) fn range(start: TokenIdx, end: TokenIdx) -> TokenRange {
    TokenRange { start, end }
}

impl<'c, S: TreeSink> Context<'c, S> {
    pub(crate) fn new(
        table: &'c TokenTable<'c>,
        sink: &'c mut S,
        options: &'c ParseOptions,
    ) -> Self {
        Self {
            sink,
            table,
            options,
            errors: Vec::new(),
            warnings: Vec::new(),
            exprs: Stack::new(),
            attrs: Stack::new(),
            bindings: Stack::new(),
            parts: Stack::new(),
            formals: Stack::new(),
            formal_names: Stack::new(),
            items: Stack::new(),
            dynamic_bindings: Vec::new(),
        }
    }

    /// Records an error over a range that is noticed while `time` is read.
    pub(crate) fn error(&mut self, kind: SyntaxErrorKind, range: TokenRange, time: TokenIdx) {
        let bytes = self.table.byte_range(range);
        self.errors.push(SyntaxError {
            kind,
            start: bytes.start,
            end: bytes.end,
            time,
        });
    }

    fn lint(&mut self, level: Lint, kind: SyntaxErrorKind, token: TokenIdx) {
        let bytes = self.table.byte_range(TokenRange::single(token));
        let error = SyntaxError {
            kind,
            start: bytes.start,
            end: bytes.end,
            time: token,
        };
        match level {
            Lint::Ignore => {}
            Lint::Warn => self.warnings.push(error),
            Lint::Fatal => self.errors.push(error),
        }
    }

    pub(crate) fn variable(&mut self, token: TokenIdx) -> S::Expr {
        if self.table.text(token) == b"__curPos" {
            self.sink.current_position(token)
        } else {
            self.sink.variable(token)
        }
    }

    pub(crate) fn integer(&mut self, token: TokenIdx) -> S::Expr {
        let mut value: Option<i64> = Some(0);
        for digit in self.table.text(token) {
            value = value
                .and_then(|value| value.checked_mul(10))
                .and_then(|value| value.checked_add(i64::from(digit - b'0')));
        }
        if value.is_none() {
            self.error(
                SyntaxErrorKind::InvalidInteger,
                TokenRange::single(token),
                token,
            );
        }
        self.sink.integer(token, value.unwrap_or(0))
    }

    pub(crate) fn float(&mut self, token: TokenIdx) -> S::Expr {
        let value: Option<f64> = std::str::from_utf8(self.table.text(token))
            .ok()
            .and_then(|text| text.parse().ok());
        // The C library reports both overflow and results too small to be normal numbers.
        let value = value.filter(|value| {
            value.is_normal() || (*value == 0.0 && !has_nonzero_mantissa(self.table.text(token)))
        });
        if value.is_none() {
            self.error(
                SyntaxErrorKind::InvalidFloat,
                TokenRange::single(token),
                token,
            );
        }
        self.sink.float(token, value.unwrap_or(0.0))
    }

    pub(crate) fn uri(&mut self, token: TokenIdx) -> S::Expr {
        self.lint(
            self.options.url_literals,
            SyntaxErrorKind::UrlLiteral,
            token,
        );
        self.sink.uri(token)
    }

    pub(crate) fn path_head(&mut self, token: TokenIdx) -> S::Part {
        if self.table.kind(token) == TokenKind::HomePath {
            self.lint(
                self.options.absolute_path_literals,
                SyntaxErrorKind::HomePathLiteral,
                token,
            );
        } else {
            match self.table.text(token)[0] {
                b'/' => self.lint(
                    self.options.absolute_path_literals,
                    SyntaxErrorKind::AbsolutePathLiteral,
                    token,
                ),
                b'.' => {}
                _ => self.lint(
                    self.options.short_path_literals,
                    SyntaxErrorKind::ShortPathLiteral,
                    token,
                ),
            }
        }
        self.sink.text(token)
    }

    pub(crate) fn string(&mut self, range: TokenRange, parts: Seq<S::Part>) -> S::Expr {
        let expr = self.sink.string(range, self.parts.slice(parts));
        self.parts.drop_from(parts);
        expr
    }

    pub(crate) fn indented_string(&mut self, range: TokenRange, parts: Seq<S::Part>) -> S::Expr {
        let expr = self.sink.indented_string(range, self.parts.slice(parts));
        self.parts.drop_from(parts);
        expr
    }

    pub(crate) fn path(&mut self, range: TokenRange, parts: Seq<S::Part>) -> S::Expr {
        let expr = self.sink.path(range, self.parts.slice(parts));
        self.parts.drop_from(parts);
        expr
    }

    pub(crate) fn list(&mut self, range: TokenRange, items: Seq<S::Expr>) -> S::Expr {
        let expr = self.sink.list(range, self.exprs.slice(items));
        self.exprs.drop_from(items);
        expr
    }

    pub(crate) fn apply(
        &mut self,
        range: TokenRange,
        function: S::Expr,
        arguments: Seq<S::Expr>,
    ) -> S::Expr {
        let expr = self
            .sink
            .apply(range, function, self.exprs.slice(arguments));
        self.exprs.drop_from(arguments);
        expr
    }

    /// `f or`: the legacy call of `f` with a variable of that name.
    pub(crate) fn apply_or(&mut self, range: TokenRange, function: S::Expr) -> S::Expr {
        let argument = self.sink.variable(range.end - 1);
        self.sink.apply(range, function, &[argument])
    }

    /// Warns of `f or` where a later version of the language will read it differently.
    pub(crate) fn warn_or(&mut self, range: TokenRange) {
        let bytes = self.table.byte_range(range);
        self.warnings.push(SyntaxError {
            kind: SyntaxErrorKind::OrAsIdentifier,
            start: bytes.start,
            end: bytes.end,
            time: range.end,
        });
    }

    pub(crate) fn attr_set(
        &mut self,
        range: TokenRange,
        kind: SetKind,
        bindings: Seq<S::Binding>,
    ) -> S::Expr {
        self.forget_dynamic_bindings(range.start);
        let expr = self
            .sink
            .attr_set(range, kind, self.bindings.slice(bindings));
        self.bindings.drop_from(bindings);
        expr
    }

    pub(crate) fn let_in(
        &mut self,
        range: TokenRange,
        bindings: Seq<S::Binding>,
        body: S::Expr,
    ) -> S::Expr {
        if self.forget_dynamic_bindings(range.start) {
            self.error(
                SyntaxErrorKind::DynamicAttributeInLet,
                range,
                // The body is complete only once the token after it has been seen.
                range.end,
            );
        }
        let expr = self.sink.let_in(range, self.bindings.slice(bindings), body);
        self.bindings.drop_from(bindings);
        expr
    }

    /// Drops the record of dynamic bindings from `start` on; tells whether there were any.
    fn forget_dynamic_bindings(&mut self, start: TokenIdx) -> bool {
        let kept = self
            .dynamic_bindings
            .partition_point(|&binding| binding < start);
        let any = kept < self.dynamic_bindings.len();
        self.dynamic_bindings.truncate(kept);
        any
    }

    pub(crate) fn attr_path(&mut self, range: TokenRange, attrs: Seq<S::Attr>) -> S::AttrPath {
        let path = self.sink.attr_path(range, self.attrs.slice(attrs));
        self.attrs.drop_from(attrs);
        path
    }

    pub(crate) fn attr_string(&mut self, range: TokenRange, parts: Seq<S::Part>) -> S::Attr {
        let attr = self.sink.attr_string(range, self.parts.slice(parts));
        self.parts.drop_from(parts);
        attr
    }

    pub(crate) fn binding(
        &mut self,
        range: TokenRange,
        path: S::AttrPath,
        value: S::Expr,
    ) -> S::Binding {
        if matches!(
            self.table.kind(range.start),
            TokenKind::InterpolationOpen | TokenKind::StringOpen
        ) && crate::names::is_dynamic(self.table, range.start)
        {
            self.forget_dynamic_bindings(range.start);
            self.dynamic_bindings.push(range.start);
        }
        self.sink.binding(range, path, value)
    }

    /// A name of an `inherit`, which may be quoted but not computed.
    pub(crate) fn inherit_name(&mut self, range: TokenRange, attr: S::Attr) -> S::Attr {
        if crate::names::is_dynamic(self.table, range.start) {
            self.error(
                SyntaxErrorKind::DynamicAttributeInInherit,
                range,
                range.end - 1,
            );
        }
        attr
    }

    pub(crate) fn inherit(
        &mut self,
        range: TokenRange,
        from: Option<(S::Expr, TokenRange)>,
        names: Seq<S::Attr>,
    ) -> S::Binding {
        let binding = self.sink.inherit(range, from, self.attrs.slice(names));
        self.attrs.drop_from(names);
        binding
    }

    pub(crate) fn no_formals(&self, ellipsis: bool) -> FormalSet<S::Formal> {
        FormalSet {
            formals: self.formals.empty(),
            names: self.formal_names.empty(),
            ellipsis,
        }
    }

    pub(crate) fn push_formal(
        &mut self,
        set: FormalSet<S::Formal>,
        (name, formal): (TokenIdx, S::Formal),
    ) -> FormalSet<S::Formal> {
        FormalSet {
            formals: self.formals.push(set.formals, formal),
            names: self.formal_names.push(set.names, name),
            ellipsis: false,
        }
    }

    pub(crate) fn lambda_pattern(
        &mut self,
        range: TokenRange,
        pattern: TokenRange,
        set: FormalSet<S::Formal>,
        bound: Option<TokenIdx>,
        body: S::Expr,
    ) -> S::Expr {
        self.check_formals(range, set.names, bound);
        let expr = self.sink.lambda_pattern(
            range,
            Pattern {
                range: pattern,
                formals: self.formals.slice(set.formals),
                ellipsis: set.ellipsis,
                bound,
            },
            body,
        );
        self.formals.drop_from(set.formals);
        self.formal_names.drop_from(set.names);
        expr
    }

    fn check_formals(&mut self, lambda: TokenRange, names: Seq<TokenIdx>, bound: Option<TokenIdx>) {
        let table = self.table;
        let text = |name: &TokenIdx| table.text(*name);
        let names = self.formal_names.slice(names);
        let mut repeated = Vec::new();
        if names.len() <= 16 {
            repeated.extend((1..names.len()).map(|idx| (idx, names[idx])).filter_map(
                |(idx, name)| {
                    let mut earlier = names[..idx].iter();
                    earlier.any(|it| text(it) == text(&name)).then_some(name)
                },
            ));
        } else {
            let mut sorted = names.to_vec();
            sorted.sort_by(|a, b| text(a).cmp(text(b)).then(a.cmp(b)));
            let pairs = sorted.windows(2);
            repeated.extend(
                pairs
                    .filter(|pair| text(&pair[0]) == text(&pair[1]))
                    .map(|pair| pair[1]),
            );
        }
        // Of several the reference names the one whose identifier the text mentions first.
        let mentioned = |name: &TokenIdx| {
            let mut tokens = 0..table.len();
            tokens.find(|&token| table.text(token) == text(name))
        };
        let duplicate = repeated
            .into_iter()
            .min_by_key(|name| (mentioned(name), *name));
        let bound_twice = bound.filter(|bound| names.iter().any(|name| text(name) == text(bound)));
        if let Some(name) = duplicate {
            self.error(
                SyntaxErrorKind::DuplicateFormal { name },
                TokenRange::single(name),
                lambda.end,
            );
        } else if let Some(name) = bound_twice {
            self.error(
                SyntaxErrorKind::DuplicateFormal { name },
                TokenRange::single(lambda.start),
                lambda.end,
            );
        }
    }
}

/// Whether the digits before the exponent are not all zero.
fn has_nonzero_mantissa(text: &[u8]) -> bool {
    text.iter()
        .take_while(|byte| !byte.eq_ignore_ascii_case(&b'e'))
        .any(|byte| (b'1'..=b'9').contains(byte))
}

//! A pair of sinks is a sink: both get every construct, in one pass.
//!
//! Lists of handles are split for each call. That costs an allocation per list, which is fine for
//! its users (a prompt, an editor, the tests that hold two sinks against each other); whoever is in
//! a hurry uses one sink.

use crate::{BinaryOperator, Pattern, SetKind, TokenIdx, TokenRange, TreeSink, UnaryOperator};

fn split<A: Copy, B: Copy>(pairs: &[(A, B)]) -> (Vec<A>, Vec<B>) {
    pairs.iter().copied().unzip()
}

fn split_option<A, B>(pair: Option<(A, B)>) -> (Option<A>, Option<B>) {
    pair.unzip()
}

/// Forwards methods whose only arguments besides plain data are single handles.
macro_rules! forward {
    ($($name:ident($($plain:ident: $type:ty),*; $($handle:ident: $kind:ident),*) -> $result:ident;)*) => {
        $(fn $name(&mut self, $($plain: $type,)* $($handle: Self::$kind),*) -> Self::$result {
            (
                self.0.$name($($plain,)* $($handle.0),*),
                self.1.$name($($plain,)* $($handle.1),*),
            )
        })*
    };
}

/// Forwards methods that take one list of handles last.
macro_rules! forward_list {
    ($($name:ident($($plain:ident: $type:ty),*; $list:ident: $kind:ident) -> $result:ident;)*) => {
        $(fn $name(&mut self, $($plain: $type,)* $list: &[Self::$kind]) -> Self::$result {
            let (first, second) = split($list);
            (self.0.$name($($plain,)* &first), self.1.$name($($plain,)* &second))
        })*
    };
}

impl<A: TreeSink, B: TreeSink> TreeSink for (A, B) {
    type Expr = (A::Expr, B::Expr);
    type AttrPath = (A::AttrPath, B::AttrPath);
    type Attr = (A::Attr, B::Attr);
    type Binding = (A::Binding, B::Binding);
    type Part = (A::Part, B::Part);
    type Formal = (A::Formal, B::Formal);

    forward! {
        error(range: TokenRange;) -> Expr;
        error_binding(range: TokenRange;) -> Binding;
        variable(token: TokenIdx;) -> Expr;
        current_position(token: TokenIdx;) -> Expr;
        integer(token: TokenIdx, value: i64;) -> Expr;
        float(token: TokenIdx, value: f64;) -> Expr;
        search_path(token: TokenIdx;) -> Expr;
        uri(token: TokenIdx;) -> Expr;
        text(token: TokenIdx;) -> Part;
        interpolation(range: TokenRange; expr: Expr) -> Part;
        paren(range: TokenRange; inner: Expr) -> Expr;
        attr_name(token: TokenIdx;) -> Attr;
        attr_dynamic(range: TokenRange; expr: Expr) -> Attr;
        binding(range: TokenRange; path: AttrPath, value: Expr) -> Binding;
        unary(range: TokenRange, operator: UnaryOperator; operand: Expr) -> Expr;
        binary(
            range: TokenRange, operator: BinaryOperator, token: TokenIdx; left: Expr, right: Expr
        ) -> Expr;
        has_attr(range: TokenRange; operand: Expr, path: AttrPath) -> Expr;
        lambda(range: TokenRange, parameter: TokenIdx; body: Expr) -> Expr;
        assert(range: TokenRange; condition: Expr, body: Expr) -> Expr;
        with(range: TokenRange; scope: Expr, body: Expr) -> Expr;
        if_else(range: TokenRange; condition: Expr, then: Expr, otherwise: Expr) -> Expr;
    }

    forward_list! {
        string(range: TokenRange; parts: Part) -> Expr;
        indented_string(range: TokenRange; parts: Part) -> Expr;
        path(range: TokenRange; parts: Part) -> Expr;
        list(range: TokenRange; items: Expr) -> Expr;
        attr_set(range: TokenRange, kind: SetKind; bindings: Binding) -> Expr;
        attr_string(range: TokenRange; parts: Part) -> Attr;
        attr_path(range: TokenRange; attrs: Attr) -> AttrPath;
    }

    fn inherit(
        &mut self,
        range: TokenRange,
        from: Option<(Self::Expr, TokenRange)>,
        names: &[Self::Attr],
    ) -> Self::Binding {
        let (first, second) = split(names);
        let from_first = from.map(|(expr, range)| (expr.0, range));
        let from_second = from.map(|(expr, range)| (expr.1, range));
        (
            self.0.inherit(range, from_first, &first),
            self.1.inherit(range, from_second, &second),
        )
    }

    fn select(
        &mut self,
        range: TokenRange,
        base: Self::Expr,
        path: Self::AttrPath,
        default: Option<Self::Expr>,
    ) -> Self::Expr {
        let (first, second) = split_option(default);
        (
            self.0.select(range, base.0, path.0, first),
            self.1.select(range, base.1, path.1, second),
        )
    }

    fn apply(
        &mut self,
        range: TokenRange,
        function: Self::Expr,
        arguments: &[Self::Expr],
    ) -> Self::Expr {
        let (first, second) = split(arguments);
        (
            self.0.apply(range, function.0, &first),
            self.1.apply(range, function.1, &second),
        )
    }

    fn lambda_pattern(
        &mut self,
        range: TokenRange,
        pattern: Pattern<'_, Self::Formal>,
        body: Self::Expr,
    ) -> Self::Expr {
        let (first, second) = split(pattern.formals);
        (
            self.0
                .lambda_pattern(range, pattern.with_formals(&first), body.0),
            self.1
                .lambda_pattern(range, pattern.with_formals(&second), body.1),
        )
    }

    fn formal(
        &mut self,
        range: TokenRange,
        name: TokenIdx,
        default: Option<Self::Expr>,
    ) -> Self::Formal {
        let (first, second) = split_option(default);
        (
            self.0.formal(range, name, first),
            self.1.formal(range, name, second),
        )
    }

    fn let_in(
        &mut self,
        range: TokenRange,
        bindings: &[Self::Binding],
        body: Self::Expr,
    ) -> Self::Expr {
        let (first, second) = split(bindings);
        (
            self.0.let_in(range, &first, body.0),
            self.1.let_in(range, &second, body.1),
        )
    }
}

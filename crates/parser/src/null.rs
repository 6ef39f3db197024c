//! A sink that builds nothing: for the verdict alone, and to measure the grammar.

use crate::{BinaryOperator, Pattern, SetKind, TokenIdx, TokenRange, TreeSink, UnaryOperator};

/// Accepts every construct and keeps none.
#[derive(Clone, Copy, Debug, Default)]
pub struct NullSink;

macro_rules! ignore {
    ($($name:ident($($type:ty),*);)*) => {
        $(fn $name(&mut self, $(_: $type),*) {})*
    };
}

impl TreeSink for NullSink {
    type Expr = ();
    type AttrPath = ();
    type Attr = ();
    type Binding = ();
    type Part = ();
    type Formal = ();

    ignore! {
        error(TokenRange);
        error_binding(TokenRange);
        variable(TokenIdx);
        current_position(TokenIdx);
        integer(TokenIdx, i64);
        float(TokenIdx, f64);
        search_path(TokenIdx);
        uri(TokenIdx);
        text(TokenIdx);
        interpolation(TokenRange, ());
        string(TokenRange, &[()]);
        indented_string(TokenRange, &[()]);
        path(TokenRange, &[()]);
        paren(TokenRange, ());
        list(TokenRange, &[()]);
        attr_set(TokenRange, SetKind, &[()]);
        attr_name(TokenIdx);
        attr_string(TokenRange, &[()]);
        attr_dynamic(TokenRange, ());
        attr_path(TokenRange, &[()]);
        binding(TokenRange, (), ());
        inherit(TokenRange, Option<((), TokenRange)>, &[()]);
        select(TokenRange, (), (), Option<()>);
        apply(TokenRange, (), &[()]);
        unary(TokenRange, UnaryOperator, ());
        binary(TokenRange, BinaryOperator, TokenIdx, (), ());
        has_attr(TokenRange, (), ());
        lambda(TokenRange, TokenIdx, ());
        lambda_pattern(TokenRange, Pattern<'_, ()>, ());
        formal(TokenRange, TokenIdx, Option<()>);
        assert(TokenRange, (), ());
        with(TokenRange, (), ());
        let_in(TokenRange, &[()], ());
        if_else(TokenRange, (), (), ());
    }
}

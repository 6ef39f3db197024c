//! The typed view: one wrapper per construct, with methods that find the parts.
//!
//! A wrapper is a node whose kind has been checked, nothing more. Every part is optional: after a
//! syntax error anything may be missing. Parts are found by kind and order, never by offset.

use firn_parser::TokenKind;
use rowan::ast::support;
pub use rowan::ast::{AstChildren, AstNode};

use crate::{Nix, NodeKind, SyntaxKind, SyntaxNode, SyntaxToken};

macro_rules! nodes {
    ($($(#[$doc:meta])* $name:ident;)*) => {
        $(
            $(#[$doc])*
            #[derive(Clone, Debug, PartialEq, Eq, Hash)]
            pub struct $name(SyntaxNode);

            impl AstNode for $name {
                type Language = Nix;

                fn can_cast(kind: SyntaxKind) -> bool {
                    kind == SyntaxKind::Node(NodeKind::$name)
                }

                fn cast(node: SyntaxNode) -> Option<Self> {
                    Self::can_cast(node.kind()).then_some(Self(node))
                }

                fn syntax(&self) -> &SyntaxNode {
                    &self.0
                }
            }
        )*
    };
}

nodes! {
    /// The whole text.
    Root;
    /// Tokens that make no construct.
    Error;
    /// A variable.
    Variable;
    /// A number, a search path or a bare URL.
    Literal;
    /// `"…"`, as an expression or as a name.
    String;
    /// `''…''`.
    IndentedString;
    /// A path.
    Path;
    /// `${ e }` inside a string or a path.
    Interpolation;
    /// `( e )`.
    Paren;
    /// `[ … ]`.
    List;
    /// `{ … }` or `rec { … }`.
    AttrSet;
    /// `let { … }`.
    LegacyLet;
    /// Bindings without braces.
    Bindings;
    /// `a.b = e;`.
    Binding;
    /// `inherit …;`.
    Inherit;
    /// `a.b.c`.
    AttrPath;
    /// A plain name.
    Name;
    /// `${ e }` as a name.
    DynamicName;
    /// `e.a` or `e.a or d`.
    Select;
    /// `f x y`.
    Apply;
    /// `!e` or `-e`.
    Unary;
    /// `l + r`.
    Binary;
    /// `e ? a`.
    HasAttr;
    /// A function.
    Lambda;
    /// `{ a, b ? e, ... }`.
    Pattern;
    /// One formal.
    Formal;
    /// `assert c; e`.
    Assert;
    /// `with s; e`.
    With;
    /// `let … in e`.
    LetIn;
    /// `if c then t else e`.
    IfElse;
}

macro_rules! choices {
    ($($(#[$doc:meta])* $choice:ident = $($name:ident)|*;)*) => {
        $(
            $(#[$doc])*
            #[derive(Clone, Debug, PartialEq, Eq, Hash)]
            pub enum $choice {
                $(
                    #[doc = concat!("See [`", stringify!($name), "`].")]
                    $name($name),
                )*
            }

            impl AstNode for $choice {
                type Language = Nix;

                fn can_cast(kind: SyntaxKind) -> bool {
                    $($name::can_cast(kind))||*
                }

                fn cast(node: SyntaxNode) -> Option<Self> {
                    match node.kind() {
                        $(SyntaxKind::Node(NodeKind::$name) => Some(Self::$name($name(node))),)*
                        _ => None,
                    }
                }

                fn syntax(&self) -> &SyntaxNode {
                    match self {
                        $(Self::$name(it) => it.syntax(),)*
                    }
                }
            }
        )*
    };
}

choices! {
    /// Any expression.
    Expr = Error | Variable | Literal | String | IndentedString | Path | Paren | List | AttrSet
        | LegacyLet | Bindings | Select | Apply | Unary | Binary | HasAttr | Lambda | Assert | With
        | LetIn | IfElse;
    /// One item between braces.
    Item = Binding | Inherit;
    /// One component of an attribute path.
    Attr = Name | String | DynamicName;
}

fn token(node: &SyntaxNode, kind: TokenKind) -> Option<SyntaxToken> {
    support::token(node, SyntaxKind::Token(kind))
}

fn nth<N: AstNode<Language = Nix>>(node: &SyntaxNode, n: usize) -> Option<N> {
    support::children(node).nth(n)
}

macro_rules! parts {
    ($($name:ident { $($(#[$doc:meta])* $part:ident: $type:ident = $n:literal;)* })*) => {
        $(impl $name {
            $(
                $(#[$doc])*
                pub fn $part(&self) -> Option<$type> {
                    nth(&self.0, $n)
                }
            )*
        })*
    };
}

parts! {
    Root {
        /// The expression.
        expr: Expr = 0;
    }
    Interpolation {
        /// What is computed.
        expr: Expr = 0;
    }
    DynamicName {
        /// What is computed.
        expr: Expr = 0;
    }
    Paren {
        /// What is between the parentheses.
        expr: Expr = 0;
    }
    Binding {
        /// What is defined.
        path: AttrPath = 0;
        /// What it is defined as.
        value: Expr = 0;
    }
    Inherit {
        /// What the names are taken from, if not from the variables around.
        from: Expr = 0;
    }
    Select {
        /// What is selected from.
        base: Expr = 0;
        /// What is selected.
        path: AttrPath = 0;
        /// What stands in if it is missing.
        default: Expr = 1;
    }
    Apply {
        /// What is called.
        function: Expr = 0;
    }
    Unary {
        /// The operand.
        operand: Expr = 0;
    }
    Binary {
        /// The left operand.
        left: Expr = 0;
        /// The right operand.
        right: Expr = 1;
    }
    HasAttr {
        /// What is asked.
        operand: Expr = 0;
        /// What it may have.
        path: AttrPath = 0;
    }
    Lambda {
        /// The pattern, if the argument is taken apart.
        pattern: Pattern = 0;
        /// The body.
        body: Expr = 0;
    }
    Formal {
        /// The value without an argument.
        default: Expr = 0;
    }
    Assert {
        /// What must hold.
        condition: Expr = 0;
        /// The body.
        body: Expr = 1;
    }
    With {
        /// What is brought into scope.
        scope: Expr = 0;
        /// The body.
        body: Expr = 1;
    }
    LetIn {
        /// The body.
        body: Expr = 0;
    }
    IfElse {
        /// The condition.
        condition: Expr = 0;
        /// The value if it holds.
        then: Expr = 1;
        /// The value if it does not.
        otherwise: Expr = 2;
    }
}

macro_rules! lists {
    ($($name:ident { $(#[$doc:meta])* $part:ident: $type:ident })*) => {
        $(impl $name {
            $(#[$doc])*
            pub fn $part(&self) -> AstChildren<$type> {
                support::children(&self.0)
            }
        })*
    };
}

lists! {
    List {
        /// The items.
        items: Expr
    }
    AttrSet {
        /// The bindings.
        items: Item
    }
    LegacyLet {
        /// The bindings.
        items: Item
    }
    Bindings {
        /// The bindings.
        items: Item
    }
    LetIn {
        /// The bindings.
        items: Item
    }
    AttrPath {
        /// The components.
        attrs: Attr
    }
    Pattern {
        /// The formals.
        formals: Formal
    }
    String {
        /// The interpolations.
        interpolations: Interpolation
    }
    IndentedString {
        /// The interpolations.
        interpolations: Interpolation
    }
    Path {
        /// The interpolations.
        interpolations: Interpolation
    }
}

impl Inherit {
    /// The names.
    pub fn names(&self) -> impl Iterator<Item = Attr> + use<> {
        let from = token(&self.0, TokenKind::ParenOpen).and_then(|_| self.from());
        support::children::<Attr>(&self.0).filter(move |attr| {
            from.as_ref()
                .is_none_or(|from| from.syntax() != attr.syntax())
        })
    }
}

impl Apply {
    /// The arguments.
    pub fn arguments(&self) -> impl Iterator<Item = Expr> + use<> {
        support::children(&self.0).skip(1)
    }
}

impl AttrSet {
    /// The keyword of a recursive set.
    pub fn rec_token(&self) -> Option<SyntaxToken> {
        token(&self.0, TokenKind::Rec)
    }
}

impl Variable {
    /// The identifier.
    pub fn token(&self) -> Option<SyntaxToken> {
        self.0.first_token()
    }
}

impl Name {
    /// The identifier.
    pub fn token(&self) -> Option<SyntaxToken> {
        self.0.first_token()
    }
}

impl Literal {
    /// The literal's token; its kind tells which literal this is.
    pub fn token(&self) -> Option<SyntaxToken> {
        self.0.first_token()
    }
}

impl Formal {
    /// The identifier.
    pub fn name(&self) -> Option<SyntaxToken> {
        token(&self.0, TokenKind::Identifier)
    }
}

impl Pattern {
    /// The `...`.
    pub fn ellipsis(&self) -> Option<SyntaxToken> {
        token(&self.0, TokenKind::Ellipsis)
    }
}

impl Lambda {
    /// The identifier of the whole argument.
    pub fn parameter(&self) -> Option<SyntaxToken> {
        token(&self.0, TokenKind::Identifier)
    }
}

/// The operator among the tokens of a node.
fn operator(node: &SyntaxNode) -> Option<SyntaxToken> {
    node.children_with_tokens()
        .filter_map(rowan::NodeOrToken::into_token)
        .find(|token| !token.kind().is_trivia())
}

impl Unary {
    /// The operator.
    pub fn operator(&self) -> Option<SyntaxToken> {
        operator(&self.0)
    }
}

impl Binary {
    /// The operator.
    pub fn operator(&self) -> Option<SyntaxToken> {
        operator(&self.0)
    }
}

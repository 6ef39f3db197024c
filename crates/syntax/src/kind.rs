//! Kinds of nodes, and their place beside token kinds in one numbering.

use firn_parser::TokenKind;

/// What a node is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum NodeKind {
    /// The whole text.
    Root,
    /// Tokens that make no construct, or one that lies too deep.
    Error,
    /// A variable, `__curPos` included.
    Variable,
    /// A number, a search path or a bare URL.
    Literal,
    /// `"…"`; also as a name.
    String,
    /// `''…''`.
    IndentedString,
    /// A path.
    Path,
    /// `${ e }` inside a string or a path.
    Interpolation,
    /// `( e )`.
    Paren,
    /// `[ … ]`.
    List,
    /// `{ … }` or `rec { … }`.
    AttrSet,
    /// `let { … }`.
    LegacyLet,
    /// Bindings without braces, as typed at a prompt.
    Bindings,
    /// `a.b = e;`.
    Binding,
    /// `inherit …;`.
    Inherit,
    /// `a.b.c`.
    AttrPath,
    /// A plain name in a path or an `inherit`.
    Name,
    /// `${ e }` as a name.
    DynamicName,
    /// `e.a` or `e.a or d`.
    Select,
    /// `f x y`.
    Apply,
    /// `!e` or `-e`.
    Unary,
    /// `l + r`.
    Binary,
    /// `e ? a`.
    HasAttr,
    /// A function.
    Lambda,
    /// `{ a, b ? e, ... }` before the colon of a function.
    Pattern,
    /// One formal of a pattern.
    Formal,
    /// `assert c; e`.
    Assert,
    /// `with s; e`.
    With,
    /// `let … in e`.
    LetIn,
    /// `if c then t else e`.
    IfElse,
}

const NODES: [NodeKind; 30] = [
    NodeKind::Root,
    NodeKind::Error,
    NodeKind::Variable,
    NodeKind::Literal,
    NodeKind::String,
    NodeKind::IndentedString,
    NodeKind::Path,
    NodeKind::Interpolation,
    NodeKind::Paren,
    NodeKind::List,
    NodeKind::AttrSet,
    NodeKind::LegacyLet,
    NodeKind::Bindings,
    NodeKind::Binding,
    NodeKind::Inherit,
    NodeKind::AttrPath,
    NodeKind::Name,
    NodeKind::DynamicName,
    NodeKind::Select,
    NodeKind::Apply,
    NodeKind::Unary,
    NodeKind::Binary,
    NodeKind::HasAttr,
    NodeKind::Lambda,
    NodeKind::Pattern,
    NodeKind::Formal,
    NodeKind::Assert,
    NodeKind::With,
    NodeKind::LetIn,
    NodeKind::IfElse,
];

/// What a node or a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum SyntaxKind {
    /// A token.
    Token(TokenKind),
    /// A node.
    Node(NodeKind),
}

/// Node kinds are numbered from here.
const FIRST_NODE: u16 = 256;

impl SyntaxKind {
    /// Whether this is a token that the grammar never sees.
    pub fn is_trivia(self) -> bool {
        matches!(self, Self::Token(kind) if kind.is_trivia())
    }
}

impl From<SyntaxKind> for rowan::SyntaxKind {
    fn from(kind: SyntaxKind) -> Self {
        match kind {
            SyntaxKind::Token(kind) => Self(kind as u16),
            SyntaxKind::Node(kind) => Self(FIRST_NODE + kind as u16),
        }
    }
}

/// The language, as rowan wants to know it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Nix {}

impl rowan::Language for Nix {
    type Kind = SyntaxKind;

    fn kind_from_raw(raw: rowan::SyntaxKind) -> SyntaxKind {
        match raw.0.checked_sub(FIRST_NODE) {
            Some(node) => SyntaxKind::Node(NODES[node as usize]),
            None => SyntaxKind::Token(TokenKind::ALL[raw.0 as usize]),
        }
    }

    fn kind_to_raw(kind: SyntaxKind) -> rowan::SyntaxKind {
        kind.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rowan::Language as _;

    #[test]
    fn numbers_round_trip() {
        let tokens = TokenKind::ALL.iter().map(|&kind| SyntaxKind::Token(kind));
        let nodes = NODES.iter().map(|&kind| SyntaxKind::Node(kind));
        for kind in tokens.chain(nodes) {
            assert_eq!(Nix::kind_from_raw(Nix::kind_to_raw(kind)), kind);
        }
    }
}

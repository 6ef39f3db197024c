//! Token kinds: one byte each.
//!
//! Keywords and punctuation are told apart by kind alone, so the grammar never looks at text. The
//! pieces of strings and paths have kinds of their own because the lexer knows which mode it is in;
//! `PathEnd` is a token without text, as in the reference's lexer, and `StartExpression` and
//! `StartBindings` never come from text: the parser puts one of them in front to select what it
//! reads.

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum TokenKind {
    /// Blanks and line ends.
    Whitespace,
    /// `# …` up to the line end.
    LineComment,
    /// `/* … */`.
    BlockComment,
    /// `/** … */`, which documents what follows.
    DocComment,
    /// A byte that begins no token.
    Error,

    /// An identifier that is no keyword.
    Identifier,
    /// A run of decimal digits.
    Integer,
    /// A floating-point literal.
    Float,
    /// `<nixpkgs/lib>`.
    SearchPath,
    /// A bare URL.
    Uri,

    /// The quote that opens a string.
    StringOpen,
    /// The quote that closes a string.
    StringClose,
    /// Text between quotes and interpolations.
    StringText,
    /// `''` together with blanks and a line end that directly follow it.
    IndentOpen,
    /// `''` at the end of an indented string.
    IndentClose,
    /// Text of an indented string, escapes included.
    IndentText,
    /// The first piece of a path.
    Path,
    /// The first piece of a path that begins with `~/`.
    HomePath,
    /// A further piece of a path.
    PathText,
    /// The end of a path; no text.
    PathEnd,

    /// `if`.
    If,
    /// `then`.
    Then,
    /// `else`.
    Else,
    /// `assert`.
    Assert,
    /// `with`.
    With,
    /// `let`.
    Let,
    /// `in`.
    In,
    /// `rec`.
    Rec,
    /// `inherit`.
    Inherit,
    /// `or`, which is an identifier in some places.
    Or,

    /// `...`.
    Ellipsis,
    /// `==`.
    EqualEqual,
    /// `!=`.
    NotEqual,
    /// `<=`.
    LessEqual,
    /// `>=`.
    GreaterEqual,
    /// `<`.
    Less,
    /// `>`.
    Greater,
    /// `&&`.
    And,
    /// `||`.
    OrOr,
    /// `->`.
    Implication,
    /// `//`.
    Update,
    /// `++`.
    Concat,
    /// `<|`.
    PipeFrom,
    /// `|>`.
    PipeInto,
    /// `+`.
    Plus,
    /// `-`.
    Minus,
    /// `*`.
    Star,
    /// `/`.
    Slash,
    /// `!`.
    Not,
    /// `?`.
    Question,
    /// `:`.
    Colon,
    /// `;`.
    Semicolon,
    /// `,`.
    Comma,
    /// `.`.
    Dot,
    /// `@`.
    At,
    /// `=`.
    Assign,
    /// `${`.
    InterpolationOpen,
    /// `{`.
    BraceOpen,
    /// `}`, of a set or of an interpolation.
    BraceClose,
    /// `(`.
    ParenOpen,
    /// `)`.
    ParenClose,
    /// `[`.
    BracketOpen,
    /// `]`.
    BracketClose,

    /// Synthetic: what follows is one expression.
    StartExpression,
    /// Synthetic: what follows are bindings.
    StartBindings,
}

impl TokenKind {
    /// Every kind, in order of their numbers.
    pub const ALL: [Self; 65] = [
        Self::Whitespace,
        Self::LineComment,
        Self::BlockComment,
        Self::DocComment,
        Self::Error,
        Self::Identifier,
        Self::Integer,
        Self::Float,
        Self::SearchPath,
        Self::Uri,
        Self::StringOpen,
        Self::StringClose,
        Self::StringText,
        Self::IndentOpen,
        Self::IndentClose,
        Self::IndentText,
        Self::Path,
        Self::HomePath,
        Self::PathText,
        Self::PathEnd,
        Self::If,
        Self::Then,
        Self::Else,
        Self::Assert,
        Self::With,
        Self::Let,
        Self::In,
        Self::Rec,
        Self::Inherit,
        Self::Or,
        Self::Ellipsis,
        Self::EqualEqual,
        Self::NotEqual,
        Self::LessEqual,
        Self::GreaterEqual,
        Self::Less,
        Self::Greater,
        Self::And,
        Self::OrOr,
        Self::Implication,
        Self::Update,
        Self::Concat,
        Self::PipeFrom,
        Self::PipeInto,
        Self::Plus,
        Self::Minus,
        Self::Star,
        Self::Slash,
        Self::Not,
        Self::Question,
        Self::Colon,
        Self::Semicolon,
        Self::Comma,
        Self::Dot,
        Self::At,
        Self::Assign,
        Self::InterpolationOpen,
        Self::BraceOpen,
        Self::BraceClose,
        Self::ParenOpen,
        Self::ParenClose,
        Self::BracketOpen,
        Self::BracketClose,
        Self::StartExpression,
        Self::StartBindings,
    ];

    /// Whether the grammar never sees this token.
    #[inline]
    pub fn is_trivia(self) -> bool {
        (self as u8) <= Self::DocComment as u8
    }

    /// Whether this is a comment of any sort.
    pub fn is_comment(self) -> bool {
        matches!(
            self,
            Self::LineComment | Self::BlockComment | Self::DocComment
        )
    }

    /// Whether this is a word that cannot be a variable.
    pub fn is_keyword(self) -> bool {
        (Self::If as u8..=Self::Or as u8).contains(&(self as u8))
    }
}

impl TokenKind {
    /// What the reference calls this token in its messages.
    pub fn description(self) -> &'static str {
        match self {
            Self::Whitespace
            | Self::LineComment
            | Self::BlockComment
            | Self::DocComment
            | Self::Error => "invalid token",
            Self::Identifier => "identifier",
            Self::Integer => "integer",
            Self::Float => "floating-point literal",
            Self::SearchPath => "'<…>' path",
            Self::Uri => "URI",
            Self::StringOpen | Self::StringClose => "'\"'",
            Self::StringText | Self::PathText => "string",
            Self::IndentOpen => "start of an indented string",
            Self::IndentClose => "end of an indented string",
            Self::IndentText => "indented string",
            Self::Path => "path",
            Self::HomePath => "'~/…' path",
            Self::PathEnd => "end of path",
            Self::If => "'if'",
            Self::Then => "'then'",
            Self::Else => "'else'",
            Self::Assert => "'assert'",
            Self::With => "'with'",
            Self::Let => "'let'",
            Self::In => "'in'",
            Self::Rec => "'rec'",
            Self::Inherit => "'inherit'",
            Self::Or => "'or'",
            Self::Ellipsis => "'...'",
            Self::EqualEqual => "'=='",
            Self::NotEqual => "'!='",
            Self::LessEqual => "'<='",
            Self::GreaterEqual => "'>='",
            Self::Less => "'<'",
            Self::Greater => "'>'",
            Self::And => "'&&'",
            Self::OrOr => "'||'",
            Self::Implication => "'->'",
            Self::Update => "'//'",
            Self::Concat => "'++'",
            Self::PipeFrom => "'<|'",
            Self::PipeInto => "'|>'",
            Self::Plus => "'+'",
            Self::Minus => "'-'",
            Self::Star => "'*'",
            Self::Slash => "'/'",
            Self::Not => "'!'",
            Self::Question => "'?'",
            Self::Colon => "':'",
            Self::Semicolon => "';'",
            Self::Comma => "','",
            Self::Dot => "'.'",
            Self::At => "'@'",
            Self::Assign => "'='",
            Self::InterpolationOpen => "'${'",
            Self::BraceOpen => "'{'",
            Self::BraceClose => "'}'",
            Self::ParenOpen => "'('",
            Self::ParenClose => "')'",
            Self::BracketOpen => "'['",
            Self::BracketClose => "']'",
            Self::StartExpression => "start of an expression",
            Self::StartBindings => "start of REPL bindings",
        }
    }
}

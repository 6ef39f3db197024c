//! The productions behind the reference's syntax errors, as data for `automaton.rs`.
//!
//! Nothing is parsed into a tree with these; they only tell which tokens a message lists. The order
//! of terminals is that of the message, and the order of productions decides between equally
//! frequent default reductions, so both follow the reference (Nix 2.34).

use crate::TokenKind;

/// How operators of one level group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Assoc {
    Left,
    Right,
    None,
}

/// A symbol of a production.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Symbol {
    Terminal(u16),
    Nonterminal(u16),
}

/// A production.
pub(crate) struct Rule {
    pub(crate) head: u16,
    pub(crate) body: Vec<Symbol>,
    /// The terminal whose precedence this production has instead of its last terminal's.
    as_terminal: Option<usize>,
}

/// Productions, by number and by head; number 0 is the start.
pub(crate) struct Grammar {
    pub(crate) rules: Vec<Rule>,
    pub(crate) rules_of: Vec<Vec<u16>>,
    /// Level and grouping of terminals.
    pub(crate) precedence: Vec<Option<(u8, Assoc)>>,
}

/// The end of the text.
pub(crate) const END: usize = 0;
/// A byte that begins no token.
const INVALID: usize = 1;

/// Terminals in the order in which messages list them, with the kind of token that shows them.
/// `NOT` and `NEGATE` only lend their precedence.
const TERMINALS: [(&str, Option<TokenKind>); 61] = [
    ("$", None),
    ("invalid", Some(TokenKind::Error)),
    ("id", Some(TokenKind::Identifier)),
    ("str", Some(TokenKind::StringText)),
    ("ind-str", Some(TokenKind::IndentText)),
    ("int", Some(TokenKind::Integer)),
    ("float", Some(TokenKind::Float)),
    ("path", Some(TokenKind::Path)),
    ("hpath", Some(TokenKind::HomePath)),
    ("spath", Some(TokenKind::SearchPath)),
    ("path-end", Some(TokenKind::PathEnd)),
    ("uri", Some(TokenKind::Uri)),
    ("if", Some(TokenKind::If)),
    ("then", Some(TokenKind::Then)),
    ("else", Some(TokenKind::Else)),
    ("assert", Some(TokenKind::Assert)),
    ("with", Some(TokenKind::With)),
    ("let", Some(TokenKind::Let)),
    ("in", Some(TokenKind::In)),
    ("rec", Some(TokenKind::Rec)),
    ("inherit", Some(TokenKind::Inherit)),
    ("==", Some(TokenKind::EqualEqual)),
    ("!=", Some(TokenKind::NotEqual)),
    ("<=", Some(TokenKind::LessEqual)),
    (">=", Some(TokenKind::GreaterEqual)),
    ("//", Some(TokenKind::Update)),
    ("++", Some(TokenKind::Concat)),
    ("&&", Some(TokenKind::And)),
    ("||", Some(TokenKind::OrOr)),
    ("->", Some(TokenKind::Implication)),
    ("or", Some(TokenKind::Or)),
    ("<|", Some(TokenKind::PipeFrom)),
    ("|>", Some(TokenKind::PipeInto)),
    ("${", Some(TokenKind::InterpolationOpen)),
    ("ind-open", Some(TokenKind::IndentOpen)),
    ("ind-close", Some(TokenKind::IndentClose)),
    ("...", Some(TokenKind::Ellipsis)),
    ("bindings", Some(TokenKind::StartBindings)),
    ("<", Some(TokenKind::Less)),
    (">", Some(TokenKind::Greater)),
    ("NOT", None),
    ("+", Some(TokenKind::Plus)),
    ("-", Some(TokenKind::Minus)),
    ("*", Some(TokenKind::Star)),
    ("/", Some(TokenKind::Slash)),
    ("?", Some(TokenKind::Question)),
    ("NEGATE", None),
    (":", Some(TokenKind::Colon)),
    ("@", Some(TokenKind::At)),
    (";", Some(TokenKind::Semicolon)),
    ("!", Some(TokenKind::Not)),
    (".", Some(TokenKind::Dot)),
    ("\"", Some(TokenKind::StringOpen)),
    ("(", Some(TokenKind::ParenOpen)),
    (")", Some(TokenKind::ParenClose)),
    ("{", Some(TokenKind::BraceOpen)),
    ("}", Some(TokenKind::BraceClose)),
    ("[", Some(TokenKind::BracketOpen)),
    ("]", Some(TokenKind::BracketClose)),
    ("=", Some(TokenKind::Assign)),
    (",", Some(TokenKind::Comma)),
];

/// Number of terminals.
pub(crate) const N_TERMINALS: usize = TERMINALS.len();

/// Levels, loosest first.
const LEVELS: [(Assoc, &str); 12] = [
    (Assoc::Right, "->"),
    (Assoc::Left, "||"),
    (Assoc::Left, "&&"),
    (Assoc::None, "== !="),
    (Assoc::None, "< > <= >="),
    (Assoc::Right, "//"),
    (Assoc::Left, "NOT"),
    (Assoc::Left, "+ -"),
    (Assoc::Left, "* /"),
    (Assoc::Right, "++"),
    (Assoc::None, "?"),
    (Assoc::None, "NEGATE"),
];

/// `head body…`, one production a line; `%X` lends the precedence of `X`.
const RULES: &str = "
Start Expr
Start bindings Binds1
Expr Function
Function id : Function
Function FormalSet : Function
Function FormalSet @ id : Function
Function id @ FormalSet : Function
Function assert Expr ; Function
Function with Expr ; Function
Function let Binds in Function
Function If
If if Expr then Expr else Expr
If PipeFrom
If PipeInto
If Op
PipeFrom Op <| PipeFrom
PipeFrom Op <| Op
PipeInto PipeInto |> Op
PipeInto Op |> Op
Op ! Op %NOT
Op - Op %NEGATE
Op Op == Op
Op Op != Op
Op Op < Op
Op Op <= Op
Op Op > Op
Op Op >= Op
Op Op && Op
Op Op || Op
Op Op -> Op
Op Op // Op
Op Op ? AttrPath
Op Op + Op
Op Op - Op
Op Op * Op
Op Op / Op
Op Op ++ Op
Op App
App App Select
App Select
Select Simple . AttrPath
Select Simple . AttrPath or Select
Select Simple or
Select Simple
Simple id
Simple int
Simple float
Simple \" Parts \"
Simple ind-open IndParts ind-close
Simple PathStart path-end
Simple PathStart PartsInterpolated path-end
Simple spath
Simple uri
Simple ( Expr )
Simple let { Binds }
Simple rec { Binds }
Simple { Binds1 }
Simple { }
Simple [ List ]
Parts str
Parts PartsInterpolated
Parts
PartsInterpolated PartsInterpolated str
PartsInterpolated PartsInterpolated ${ Expr }
PartsInterpolated ${ Expr }
PartsInterpolated str ${ Expr }
PathStart path
PathStart hpath
IndParts IndParts ind-str
IndParts IndParts ${ Expr }
IndParts
Binds Binds1
Binds
Binds1 Binds1 AttrPath = Expr ;
Binds1 Binds inherit Attrs ;
Binds1 Binds inherit ( Expr ) Attrs ;
Binds1 AttrPath = Expr ;
Attrs Attrs Attr
Attrs Attrs StringAttr
Attrs
AttrPath AttrPath . Attr
AttrPath AttrPath . StringAttr
AttrPath Attr
AttrPath StringAttr
Attr id
Attr or
StringAttr \" Parts \"
StringAttr ${ Expr }
List List Select
List
FormalSet { Formals , ... }
FormalSet { ... }
FormalSet { Formals , }
FormalSet { Formals }
FormalSet { }
Formals Formals , Formal
Formals Formal
Formal id
Formal id ? Expr
";

/// The terminal that a token is shown as.
pub(crate) fn terminal(kind: TokenKind) -> usize {
    let kind = match kind {
        TokenKind::StringClose => TokenKind::StringOpen,
        TokenKind::PathText => TokenKind::StringText,
        other => other,
    };
    TERMINALS
        .iter()
        .position(|entry| entry.1 == Some(kind))
        .unwrap_or(INVALID)
}

/// What messages call a terminal.
pub(crate) fn description(terminal: usize) -> &'static str {
    TERMINALS[terminal]
        .1
        .map_or("end of file", TokenKind::description)
}

/// The grammar as tables.
pub(crate) fn grammar() -> Grammar {
    let named = |name: &str| TERMINALS.iter().position(|entry| entry.0 == name);
    let mut heads: Vec<&str> = vec!["Accept"];
    for line in RULES.lines().filter(|line| !line.is_empty()) {
        let head = line.split(' ').next().unwrap_or_default();
        if !heads.contains(&head) {
            heads.push(head);
        }
    }
    let mut grammar = Grammar {
        rules: Vec::new(),
        rules_of: vec![Vec::new(); heads.len()],
        precedence: vec![None; N_TERMINALS],
    };
    for (level, (assoc, names)) in LEVELS.iter().enumerate() {
        for terminal in names.split(' ').filter_map(named) {
            grammar.precedence[terminal] = Some((level as u8, *assoc));
        }
    }
    let lines = std::iter::once("Accept Start $").chain(RULES.lines().filter(|it| !it.is_empty()));
    for line in lines {
        let mut words = line.split(' ');
        let head = words.next().unwrap_or_default();
        let number = heads.iter().position(|it| *it == head).unwrap_or_default() as u16;
        let mut rule = Rule {
            head: number,
            body: Vec::new(),
            as_terminal: None,
        };
        for word in words {
            if let Some(lent) = word.strip_prefix('%') {
                rule.as_terminal = named(lent);
            } else if let Some(terminal) = named(word) {
                rule.body.push(Symbol::Terminal(terminal as u16));
            } else {
                let nonterminal = heads.iter().position(|it| *it == word);
                let nonterminal = nonterminal.expect("every word is a terminal or a head");
                rule.body.push(Symbol::Nonterminal(nonterminal as u16));
            }
        }
        grammar.rules_of[number as usize].push(grammar.rules.len() as u16);
        grammar.rules.push(rule);
    }
    grammar
}

impl Grammar {
    /// The precedence of a production: lent, or that of its last terminal.
    pub(crate) fn precedence_of(&self, rule: u16) -> Option<(u8, Assoc)> {
        let rule = &self.rules[rule as usize];
        let terminal = rule.as_terminal.or_else(|| {
            rule.body.iter().rev().find_map(|symbol| match symbol {
                Symbol::Terminal(terminal) => Some(*terminal as usize),
                Symbol::Nonterminal(_) => None,
            })
        })?;
        self.precedence[terminal]
    }
}

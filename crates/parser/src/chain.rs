//! Operators: from a flat chain to a tree, once for every sink.
//!
//! The grammar hands over operands and operators in order of the text. A stack of operators that
//! wait for their right operand does the rest: before an operator is put on it, everything on top
//! that binds tighter is applied. Prefix operators wait on the same stack, so `a * !b + c` is
//! `a * !(b + c)`: that is what the reference's precedence declarations say, since `!` binds
//! looser than `+`. `?` takes a path rather than an operand and is applied at once.
//!
//! Nothing here recurses; a chain may be as long as memory allows.

use crate::context::{Context, Seq};
use crate::{
    BinaryOperator, SyntaxErrorKind, TokenIdx, TokenKind, TokenRange, TreeSink, UnaryOperator,
};

/// One link of a chain.
pub(crate) enum ChainItem<S: TreeSink> {
    Operand(S::Expr, TokenRange),
    Prefix(TokenIdx),
    Infix(TokenIdx),
    HasAttr(S::AttrPath, TokenIdx),
}

impl<S: TreeSink> Clone for ChainItem<S> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<S: TreeSink> Copy for ChainItem<S> {}

/// How operators of one level group.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Grouping {
    Left,
    Right,
    /// `a == b == c` means nothing.
    None,
}

/// The levels, loosest first.
const NEGATE: u8 = 13;
const HAS_ATTR: u8 = 12;
const NOT: u8 = 8;
const PIPE: u8 = 0;

fn infix(kind: TokenKind) -> (BinaryOperator, u8, Grouping) {
    use BinaryOperator as Op;
    match kind {
        TokenKind::PipeFrom => (Op::PipeFrom, PIPE, Grouping::Right),
        TokenKind::PipeInto => (Op::PipeInto, PIPE, Grouping::Left),
        TokenKind::Implication => (Op::Implication, 1, Grouping::Right),
        TokenKind::OrOr => (Op::Or, 2, Grouping::Left),
        TokenKind::And => (Op::And, 3, Grouping::Left),
        TokenKind::EqualEqual => (Op::Equal, 4, Grouping::None),
        TokenKind::NotEqual => (Op::NotEqual, 4, Grouping::None),
        TokenKind::Less => (Op::Less, 5, Grouping::None),
        TokenKind::Greater => (Op::Greater, 5, Grouping::None),
        TokenKind::LessEqual => (Op::LessEqual, 5, Grouping::None),
        TokenKind::GreaterEqual => (Op::GreaterEqual, 5, Grouping::None),
        TokenKind::Update => (Op::Update, 6, Grouping::Right),
        TokenKind::Plus => (Op::Add, 9, Grouping::Left),
        TokenKind::Minus => (Op::Subtract, 9, Grouping::Left),
        TokenKind::Star => (Op::Multiply, 10, Grouping::Left),
        TokenKind::Slash => (Op::Divide, 10, Grouping::Left),
        // `++` is the only infix operator left.
        _ => (Op::Concat, 11, Grouping::Right),
    }
}

/// An operator that waits for its right operand.
#[derive(Clone, Copy)]
struct Waiting {
    token: TokenIdx,
    level: u8,
    /// `None` for prefix operators.
    infix: Option<(BinaryOperator, Grouping)>,
}

struct Fold<E> {
    operators: Vec<Waiting>,
    operands: Vec<(E, TokenRange)>,
}

impl<S: TreeSink> Context<'_, S> {
    /// Applies precedence to a whole chain.
    pub(crate) fn chain(&mut self, chain: Seq<ChainItem<S>>) -> S::Expr {
        let items = self.items.slice(chain);
        if let [
            ChainItem::Operand(left, left_range),
            ChainItem::Infix(token),
            ChainItem::Operand(right, right_range),
        ] = *items
        {
            self.items.drop_from(chain);
            let range = TokenRange {
                start: left_range.start,
                end: right_range.end,
            };
            let (operator, ..) = infix(self.table.kind(token));
            return self.sink.binary(range, operator, token, left, right);
        }
        let mut fold = Fold {
            operators: Vec::new(),
            operands: Vec::new(),
        };
        for idx in 0..items.len() {
            match self.items.slice(chain)[idx] {
                ChainItem::Operand(expr, range) => fold.operands.push((expr, range)),
                ChainItem::Prefix(token) => {
                    let level = match self.table.kind(token) {
                        TokenKind::Minus => NEGATE,
                        _ => NOT,
                    };
                    fold.operators.push(Waiting {
                        token,
                        level,
                        infix: None,
                    });
                }
                ChainItem::Infix(token) => self.push_infix(&mut fold, token),
                ChainItem::HasAttr(path, end) => {
                    self.apply_tighter(&mut fold, HAS_ATTR, Grouping::Left);
                    let (operand, range) = fold.operands.pop().expect("`?` follows an operand");
                    let range = TokenRange { end, ..range };
                    let expr = self.sink.has_attr(range, operand, path);
                    fold.operands.push((expr, range));
                }
            }
        }
        while !fold.operators.is_empty() {
            self.apply_top(&mut fold);
        }
        self.items.drop_from(chain);
        fold.operands
            .pop()
            .expect("a chain has at least one operand")
            .0
    }

    fn push_infix(&mut self, fold: &mut Fold<S::Expr>, token: TokenIdx) {
        let kind = self.table.kind(token);
        let (operator, level, grouping) = infix(kind);
        self.apply_tighter(fold, level, grouping);
        if let Some(top) = fold.operators.last()
            && top.level == level
            && let Some((_, top_grouping)) = top.infix
            && (grouping == Grouping::None || grouping != top_grouping)
        {
            self.error(
                SyntaxErrorKind::NotAssociative { first: top.token },
                TokenRange::single(token),
                token,
            );
        }
        // Between pipes of both kinds the left-grouping one is not applied above.
        fold.operators.push(Waiting {
            token,
            level,
            infix: Some((operator, grouping)),
        });
    }

    /// Applies what binds tighter than an operator of this level that comes next.
    fn apply_tighter(&mut self, fold: &mut Fold<S::Expr>, level: u8, grouping: Grouping) {
        while let Some(top) = fold.operators.last() {
            let same_level_first = top.level == level
                && grouping == Grouping::Left
                && top
                    .infix
                    .is_none_or(|(_, grouping)| grouping == Grouping::Left);
            if top.level <= level && !same_level_first {
                return;
            }
            self.apply_top(fold);
        }
    }

    fn apply_top(&mut self, fold: &mut Fold<S::Expr>) {
        let (Some(operator), Some((right, right_range))) =
            (fold.operators.pop(), fold.operands.pop())
        else {
            return;
        };
        let applied = match operator.infix {
            None => {
                let range = TokenRange {
                    start: operator.token,
                    end: right_range.end,
                };
                let unary = match self.table.kind(operator.token) {
                    TokenKind::Minus => UnaryOperator::Negate,
                    _ => UnaryOperator::Not,
                };
                (self.sink.unary(range, unary, right), range)
            }
            Some((binary, _)) => {
                let (left, left_range) = fold.operands.pop().expect("infix operators have a left");
                let range = TokenRange {
                    start: left_range.start,
                    end: right_range.end,
                };
                let expr = self.sink.binary(range, binary, operator.token, left, right);
                (expr, range)
            }
        };
        fold.operands.push(applied);
    }
}

//! The sink that records a tree, and the making of green nodes from the record.
//!
//! While the grammar runs, a construct becomes one entry in an arena: its kind, its range of tokens
//! and the handles of its children. Green nodes are made at the end, from the root downwards, in
//! one walk over entries and tokens; tokens between children belong to the parent. So the text of
//! the tree is the text of the file by construction, whatever the sink was told, and entries that
//! error recovery dropped are simply not reached.

use firn_parser::{
    BinaryOperator, Pattern, SetKind, TokenIdx, TokenRange, TokenTable, TreeSink, UnaryOperator,
};
use rowan::{GreenNode, GreenNodeBuilder};

use crate::{NodeKind, SyntaxKind};

/// How deep a tree may be.
pub const MAX_DEPTH: usize = 4096;

#[derive(Clone, Copy, Debug)]
struct Entry {
    kind: NodeKind,
    range: TokenRange,
    /// A section of the list of children.
    children: (u32, u32),
}

/// Names a recorded construct.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EntryIdx(u32);

/// A child that is a bare token: the parent takes it from the table.
const BARE: EntryIdx = EntryIdx(u32::MAX);

/// Records the constructs of one text.
#[derive(Debug, Default)]
pub struct GreenSink {
    entries: Vec<Entry>,
    children: Vec<EntryIdx>,
}

/// A construct whose tokens are being written.
struct Frame {
    next_child: u32,
    last_child: u32,
    token: TokenIdx,
    end: TokenIdx,
}

impl GreenSink {
    /// An empty record.
    pub fn new() -> Self {
        Self::default()
    }

    fn node(&mut self, kind: NodeKind, range: TokenRange, children: &[EntryIdx]) -> EntryIdx {
        let first = self.children.len() as u32;
        let written = children.iter().filter(|&&child| child != BARE);
        self.children.extend(written);
        self.entries.push(Entry {
            kind,
            range,
            children: (first, self.children.len() as u32),
        });
        EntryIdx(self.entries.len() as u32 - 1)
    }

    fn leaf(&mut self, kind: NodeKind, token: TokenIdx) -> EntryIdx {
        self.node(kind, TokenRange::single(token), &[])
    }

    /// Makes the tree of everything below `root`. Without a root all tokens are one error.
    ///
    /// # Panics
    /// If the text is not UTF-8 or the entry belongs to another table.
    pub fn finish(&self, table: &TokenTable<'_>, root: Option<EntryIdx>) -> GreenNode {
        let mut builder = GreenNodeBuilder::new();
        builder.start_node(SyntaxKind::Node(NodeKind::Root).into());
        let whole = TokenRange {
            start: 0,
            end: table.len(),
        };
        if let Some(root) = root {
            self.write(&mut builder, table, whole, root);
        } else {
            builder.start_node(SyntaxKind::Node(NodeKind::Error).into());
            write_tokens(&mut builder, table, whole);
            builder.finish_node();
        }
        builder.finish_node();
        builder.finish()
    }

    fn write(
        &self,
        builder: &mut GreenNodeBuilder<'_>,
        table: &TokenTable<'_>,
        whole: TokenRange,
        root: EntryIdx,
    ) {
        let roots = [root];
        // The outermost frame has the root as its only child, which is no section of `children`.
        let mut frames = vec![Frame {
            next_child: 0,
            last_child: 1,
            token: whole.start,
            end: whole.end,
        }];
        while let Some(frame) = frames.last_mut() {
            if frame.next_child == frame.last_child {
                let rest = TokenRange {
                    start: frame.token,
                    end: frame.end,
                };
                write_tokens(builder, table, rest);
                frames.pop();
                if !frames.is_empty() {
                    builder.finish_node();
                }
                continue;
            }
            let is_root = frames.len() == 1;
            let frame = frames.last_mut().expect("it was there a moment ago");
            let children = if is_root { &roots } else { &self.children[..] };
            let entry = self.entries[children[frame.next_child as usize].0 as usize];
            let gap = TokenRange {
                start: frame.token,
                end: entry.range.start,
            };
            write_tokens(builder, table, gap);
            frame.next_child += 1;
            frame.token = entry.range.end;
            if frames.len() >= MAX_DEPTH && entry.children.0 < entry.children.1 {
                builder.start_node(SyntaxKind::Node(NodeKind::Error).into());
                write_tokens(builder, table, entry.range);
                builder.finish_node();
                continue;
            }
            builder.start_node(SyntaxKind::Node(entry.kind).into());
            frames.push(Frame {
                next_child: entry.children.0,
                last_child: entry.children.1,
                token: entry.range.start,
                end: entry.range.end,
            });
        }
    }
}

fn write_tokens(builder: &mut GreenNodeBuilder<'_>, table: &TokenTable<'_>, range: TokenRange) {
    for token in range.start..range.end {
        let text = table.text(token);
        if text.is_empty() {
            continue;
        }
        let text = std::str::from_utf8(text).expect("the text was checked to be UTF-8");
        builder.token(SyntaxKind::Token(table.kind(token)).into(), text);
    }
}

impl TreeSink for GreenSink {
    type Expr = EntryIdx;
    type AttrPath = EntryIdx;
    type Attr = EntryIdx;
    type Binding = EntryIdx;
    type Part = EntryIdx;
    type Formal = EntryIdx;

    fn error(&mut self, range: TokenRange) -> EntryIdx {
        self.node(NodeKind::Error, range, &[])
    }

    fn error_binding(&mut self, range: TokenRange) -> EntryIdx {
        self.node(NodeKind::Error, range, &[])
    }

    fn variable(&mut self, token: TokenIdx) -> EntryIdx {
        self.leaf(NodeKind::Variable, token)
    }

    fn current_position(&mut self, token: TokenIdx) -> EntryIdx {
        self.leaf(NodeKind::Variable, token)
    }

    fn integer(&mut self, token: TokenIdx, _: i64) -> EntryIdx {
        self.leaf(NodeKind::Literal, token)
    }

    fn float(&mut self, token: TokenIdx, _: f64) -> EntryIdx {
        self.leaf(NodeKind::Literal, token)
    }

    fn search_path(&mut self, token: TokenIdx) -> EntryIdx {
        self.leaf(NodeKind::Literal, token)
    }

    fn uri(&mut self, token: TokenIdx) -> EntryIdx {
        self.leaf(NodeKind::Literal, token)
    }

    fn text(&mut self, _: TokenIdx) -> EntryIdx {
        BARE
    }

    fn interpolation(&mut self, range: TokenRange, expr: EntryIdx) -> EntryIdx {
        self.node(NodeKind::Interpolation, range, &[expr])
    }

    fn string(&mut self, range: TokenRange, parts: &[EntryIdx]) -> EntryIdx {
        self.node(NodeKind::String, range, parts)
    }

    fn indented_string(&mut self, range: TokenRange, parts: &[EntryIdx]) -> EntryIdx {
        self.node(NodeKind::IndentedString, range, parts)
    }

    fn path(&mut self, range: TokenRange, parts: &[EntryIdx]) -> EntryIdx {
        self.node(NodeKind::Path, range, parts)
    }

    fn paren(&mut self, range: TokenRange, inner: EntryIdx) -> EntryIdx {
        self.node(NodeKind::Paren, range, &[inner])
    }

    fn list(&mut self, range: TokenRange, items: &[EntryIdx]) -> EntryIdx {
        self.node(NodeKind::List, range, items)
    }

    fn attr_set(&mut self, range: TokenRange, kind: SetKind, bindings: &[EntryIdx]) -> EntryIdx {
        let kind = match kind {
            SetKind::Plain | SetKind::Recursive => NodeKind::AttrSet,
            SetKind::LegacyLet => NodeKind::LegacyLet,
            SetKind::ReplBindings => NodeKind::Bindings,
        };
        self.node(kind, range, bindings)
    }

    fn attr_name(&mut self, token: TokenIdx) -> EntryIdx {
        self.leaf(NodeKind::Name, token)
    }

    fn attr_string(&mut self, range: TokenRange, parts: &[EntryIdx]) -> EntryIdx {
        self.node(NodeKind::String, range, parts)
    }

    fn attr_dynamic(&mut self, range: TokenRange, expr: EntryIdx) -> EntryIdx {
        self.node(NodeKind::DynamicName, range, &[expr])
    }

    fn attr_path(&mut self, range: TokenRange, attrs: &[EntryIdx]) -> EntryIdx {
        self.node(NodeKind::AttrPath, range, attrs)
    }

    fn binding(&mut self, range: TokenRange, path: EntryIdx, value: EntryIdx) -> EntryIdx {
        self.node(NodeKind::Binding, range, &[path, value])
    }

    fn inherit(
        &mut self,
        range: TokenRange,
        from: Option<(EntryIdx, TokenRange)>,
        names: &[EntryIdx],
    ) -> EntryIdx {
        let mut children = Vec::with_capacity(names.len() + 1);
        children.extend(from.map(|(expr, _)| expr));
        children.extend(names);
        self.node(NodeKind::Inherit, range, &children)
    }

    fn select(
        &mut self,
        range: TokenRange,
        base: EntryIdx,
        path: EntryIdx,
        default: Option<EntryIdx>,
    ) -> EntryIdx {
        self.node(
            NodeKind::Select,
            range,
            &[base, path, default.unwrap_or(BARE)],
        )
    }

    fn apply(&mut self, range: TokenRange, function: EntryIdx, arguments: &[EntryIdx]) -> EntryIdx {
        let mut children = Vec::with_capacity(arguments.len() + 1);
        children.push(function);
        children.extend(arguments);
        self.node(NodeKind::Apply, range, &children)
    }

    fn unary(&mut self, range: TokenRange, _: UnaryOperator, operand: EntryIdx) -> EntryIdx {
        self.node(NodeKind::Unary, range, &[operand])
    }

    fn binary(
        &mut self,
        range: TokenRange,
        _: BinaryOperator,
        _: TokenIdx,
        left: EntryIdx,
        right: EntryIdx,
    ) -> EntryIdx {
        self.node(NodeKind::Binary, range, &[left, right])
    }

    fn has_attr(&mut self, range: TokenRange, operand: EntryIdx, path: EntryIdx) -> EntryIdx {
        self.node(NodeKind::HasAttr, range, &[operand, path])
    }

    fn lambda(&mut self, range: TokenRange, _: TokenIdx, body: EntryIdx) -> EntryIdx {
        self.node(NodeKind::Lambda, range, &[body])
    }

    fn lambda_pattern(
        &mut self,
        range: TokenRange,
        pattern: Pattern<'_, EntryIdx>,
        body: EntryIdx,
    ) -> EntryIdx {
        let pattern = self.node(NodeKind::Pattern, pattern.range, pattern.formals);
        self.node(NodeKind::Lambda, range, &[pattern, body])
    }

    fn formal(&mut self, range: TokenRange, _: TokenIdx, default: Option<EntryIdx>) -> EntryIdx {
        self.node(NodeKind::Formal, range, &[default.unwrap_or(BARE)])
    }

    fn assert(&mut self, range: TokenRange, condition: EntryIdx, body: EntryIdx) -> EntryIdx {
        self.node(NodeKind::Assert, range, &[condition, body])
    }

    fn with(&mut self, range: TokenRange, scope: EntryIdx, body: EntryIdx) -> EntryIdx {
        self.node(NodeKind::With, range, &[scope, body])
    }

    fn let_in(&mut self, range: TokenRange, bindings: &[EntryIdx], body: EntryIdx) -> EntryIdx {
        let mut children = bindings.to_vec();
        children.push(body);
        self.node(NodeKind::LetIn, range, &children)
    }

    fn if_else(
        &mut self,
        range: TokenRange,
        condition: EntryIdx,
        then: EntryIdx,
        otherwise: EntryIdx,
    ) -> EntryIdx {
        self.node(NodeKind::IfElse, range, &[condition, then, otherwise])
    }
}

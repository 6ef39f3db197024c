//! Builds the [`Ast`] from the parser's calls.
//!
//! Desugaring here follows the reference exactly, because printed expressions and error positions
//! show it: `-e` is `__sub 0 e`, `<`, `*`, `/`, `-` are calls of the functions so named (which a
//! program may shadow), `<x>` is `__findFile __nixPath "x"`, `let { … }` selects `body` from a
//! recursive set. Bindings are merged into sets when the closing brace is seen; the merging itself
//! is in `merge.rs`.

use firn_parser::strings::{IndentedPart, strip_indentation_into, unescape_into};
use firn_parser::{
    BinaryOperator, Pattern, SetKind, SyntaxError, TokenIdx, TokenRange, TokenTable, TreeSink,
    UnaryOperator,
};
use firn_symbol::Symbol;

use crate::ast::{Ast, AstId, Attr, Expr, Formal, Formals, LambdaDef, Name, Part, Pos, Span32};

/// One item between braces.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Binding {
    /// Only after a syntax error.
    Error,
    Value {
        path: Span32,
        value: AstId,
        pos: Pos,
        /// When the reference notices a duplicate.
        time: TokenIdx,
    },
    Inherit {
        names: Span32,
        from: Option<(AstId, Pos)>,
        time: TokenIdx,
    },
}

/// A piece of a string before it is known what kind of string it is part of.
#[derive(Clone, Copy, Debug)]
enum RawPart {
    Text(TokenIdx),
    Expr(AstId, TokenIdx),
}

/// The evaluator's sink.
pub struct AstSink<'t> {
    pub(crate) table: &'t TokenTable<'t>,
    pub(crate) ast: Ast,
    pub(crate) bindings: Vec<Binding>,
    raw_parts: Vec<RawPart>,
    formals: Vec<Formal>,
    /// The parts of the indented string at hand.
    indented_parts: Vec<IndentedPart<'t>>,
    /// What merging found wrong.
    pub(crate) errors: Vec<SyntaxError>,
}

/// A handle of something that is not an expression.
#[derive(Clone, Copy, Debug)]
pub struct Handle(pub(crate) u32);

impl<'t> AstSink<'t> {
    /// A sink for one text.
    pub fn new(table: &'t TokenTable<'t>) -> Self {
        // What a text of so many tokens usually needs.
        let n = table.len() as usize;
        let ast = Ast {
            exprs: Vec::with_capacity(n / 3),
            positions: Vec::with_capacity(n / 3),
            attrs: Vec::with_capacity(n / 4),
            lists: Vec::with_capacity(n / 12),
            parts: Vec::with_capacity(n / 24),
            sets: Vec::with_capacity(n / 32),
            bytes: Vec::with_capacity(table.source().len() / 4),
            ..Ast::default()
        };
        Self {
            table,
            ast,
            bindings: Vec::with_capacity(n / 16),
            raw_parts: Vec::with_capacity(n / 16),
            formals: Vec::new(),
            indented_parts: Vec::new(),
            errors: Vec::new(),
        }
    }

    /// The expressions, and what was wrong with them beyond the grammar.
    pub fn finish(self) -> (Ast, Vec<SyntaxError>) {
        (self.ast, self.errors)
    }

    pub(crate) fn at(&self, token: TokenIdx) -> Pos {
        Pos(self.table.start(token))
    }

    fn symbol(&self, token: TokenIdx) -> Symbol {
        Symbol::intern(self.table.text(token))
    }

    fn builtin(&mut self, name: &str) -> AstId {
        self.ast
            .add(Expr::Var(Symbol::intern(name.as_bytes())), Pos::NONE)
    }

    fn call(&mut self, name: &str, args: &[AstId], pos: Pos) -> AstId {
        let function = self.builtin(name);
        let args = self.ast.add_list(args);
        self.ast.add(Expr::Apply { function, args }, pos)
    }

    /// A call; one whose function is itself a call takes all arguments at once.
    fn apply_to(&mut self, function: AstId, arguments: &[AstId], pos: Pos) -> AstId {
        if let Expr::Apply {
            function: inner,
            args,
        } = self.ast.expr(function)
        {
            let pos = self.ast.pos(function);
            let start = self.ast.lists.len() as u32;
            let inner_args = args.start as usize..(args.start + args.len) as usize;
            self.ast.lists.extend_from_within(inner_args);
            self.ast.lists.extend_from_slice(arguments);
            let args = Span32 {
                start,
                len: args.len + arguments.len() as u32,
            };
            return self.ast.add(
                Expr::Apply {
                    function: inner,
                    args,
                },
                pos,
            );
        }
        let args = self.ast.add_list(arguments);
        self.ast.add(Expr::Apply { function, args }, pos)
    }

    fn str(&mut self, bytes: &[u8], pos: Pos) -> AstId {
        let bytes = self.ast.add_bytes(bytes);
        self.ast.add(Expr::Str(bytes), pos)
    }

    /// The value of a piece of text between quotes.
    fn unescaped(&mut self, text: &[u8], pos: Pos) -> AstId {
        let start = self.ast.bytes.len() as u32;
        unescape_into(text, &mut self.ast.bytes);
        let len = self.ast.bytes.len() as u32 - start;
        self.ast.add(Expr::Str(Span32 { start, len }), pos)
    }

    fn strings(&mut self, force: bool, parts: &[Part], pos: Pos) -> AstId {
        let start = self.ast.parts.len();
        self.ast.parts.extend_from_slice(parts);
        self.strings_from(force, start, pos)
    }

    /// The parts from `start` on as one expression.
    fn strings_from(&mut self, force: bool, start: usize, pos: Pos) -> AstId {
        let parts = Span32 {
            start: start as u32,
            len: (self.ast.parts.len() - start) as u32,
        };
        self.ast.add(Expr::Strings { force, parts }, pos)
    }

    /// The value of a string with quotes: a constant or an interpolation.
    fn quoted(&mut self, range: TokenRange, parts: &[Handle]) -> AstId {
        let table = self.table;
        let open = self.at(range.start);
        match parts {
            [] => return self.str(b"", open),
            [only] => {
                if let RawPart::Text(token) = self.raw_parts[only.0 as usize] {
                    return self.unescaped(table.text(token), open);
                }
            }
            _ => {}
        }
        let start = self.ast.parts.len();
        for part in parts {
            let part = match self.raw_parts[part.0 as usize] {
                RawPart::Text(token) => {
                    let pos = self.at(token);
                    Part {
                        value: self.unescaped(table.text(token), pos),
                        pos,
                    }
                }
                RawPart::Expr(value, token) => Part {
                    value,
                    pos: self.at(token),
                },
            };
            self.ast.parts.push(part);
        }
        // The reference's position of an interpolated string is that of its first part.
        let pos = self.ast.parts[start].pos;
        self.strings_from(true, start, pos)
    }

    fn set_name(&mut self, value: AstId, name: Symbol) {
        let mut at = value;
        while let Expr::Lambda { lambda, body } = self.ast.expr(at) {
            self.ast.lambdas[lambda as usize].name = Some(name);
            at = body;
        }
    }

    /// Gives a binding's name and documentation to the function it binds.
    pub(crate) fn name_lambda(&mut self, value: AstId, name: Symbol) {
        self.set_name(value, name);
    }

    fn document(&mut self, value: AstId, token: TokenIdx) {
        if !matches!(self.ast.expr(value), Expr::Lambda { .. }) {
            return;
        }
        let Some(comment) = self.table.doc_comment(token) else {
            return;
        };
        let doc = Some((self.table.start(comment), self.table.end(comment)));
        let mut at = value;
        while let Expr::Lambda { lambda, body } = self.ast.expr(at) {
            let known = &mut self.ast.lambdas[lambda as usize].doc;
            if known.is_some() {
                break;
            }
            *known = doc;
            at = body;
        }
    }

    fn add_lambda(&mut self, definition: LambdaDef, range: TokenRange, body: AstId) -> AstId {
        let lambda = self.ast.lambdas.len() as u32;
        self.ast.lambdas.push(definition);
        let pos = self.at(range.start);
        let id = self.ast.add(Expr::Lambda { lambda, body }, pos);
        self.document(id, range.start);
        id
    }

    fn add_attr(&mut self, name: Name, token: TokenIdx) -> Handle {
        let handle = Handle(self.ast.attrs.len() as u32);
        let pos = self.at(token);
        self.ast.attrs.push(Attr { name, pos });
        handle
    }

    fn name_of(&self, value: AstId) -> Name {
        match self.ast.expr(value) {
            Expr::Str(bytes) => Name::Static(Symbol::intern(self.ast.bytes(bytes))),
            _ => Name::Dynamic(value),
        }
    }

    /// Copies scattered attributes next to each other.
    fn gather(&mut self, attrs: &[Handle]) -> Span32 {
        let start = self.ast.attrs.len() as u32;
        for attr in attrs {
            self.ast.attrs.push(self.ast.attrs[attr.0 as usize]);
        }
        Span32 {
            start,
            len: attrs.len() as u32,
        }
    }
}

impl TreeSink for AstSink<'_> {
    type Expr = AstId;
    type AttrPath = Span32;
    type Attr = Handle;
    type Binding = Handle;
    type Part = Handle;
    type Formal = Handle;

    fn error(&mut self, range: TokenRange) -> AstId {
        let pos = self.at(range.start);
        self.ast.add(Expr::Error, pos)
    }

    fn error_binding(&mut self, _range: TokenRange) -> Handle {
        self.bindings.push(Binding::Error);
        Handle(self.bindings.len() as u32 - 1)
    }

    fn variable(&mut self, token: TokenIdx) -> AstId {
        let pos = self.at(token);
        let name = self.symbol(token);
        self.ast.add(Expr::Var(name), pos)
    }

    fn current_position(&mut self, token: TokenIdx) -> AstId {
        let pos = self.at(token);
        self.ast.add(Expr::CurPos, pos)
    }

    fn integer(&mut self, token: TokenIdx, value: i64) -> AstId {
        let pos = self.at(token);
        self.ast.add(Expr::Int(value), pos)
    }

    fn float(&mut self, token: TokenIdx, value: f64) -> AstId {
        let pos = self.at(token);
        self.ast.add(Expr::Float(value), pos)
    }

    fn search_path(&mut self, token: TokenIdx) -> AstId {
        let text = self.table.text(token);
        let pos = self.at(token);
        let name = self.str(&text[1..text.len() - 1], pos);
        let path = self.builtin("__nixPath");
        self.call("__findFile", &[path, name], pos)
    }

    fn uri(&mut self, token: TokenIdx) -> AstId {
        let pos = self.at(token);
        self.str(self.table.text(token), pos)
    }

    fn text(&mut self, token: TokenIdx) -> Handle {
        self.raw_parts.push(RawPart::Text(token));
        Handle(self.raw_parts.len() as u32 - 1)
    }

    fn interpolation(&mut self, range: TokenRange, expr: AstId) -> Handle {
        self.raw_parts.push(RawPart::Expr(expr, range.start));
        Handle(self.raw_parts.len() as u32 - 1)
    }

    fn string(&mut self, range: TokenRange, parts: &[Handle]) -> AstId {
        self.quoted(range, parts)
    }

    fn indented_string(&mut self, range: TokenRange, parts: &[Handle]) -> AstId {
        let table = self.table;
        let pos = self.at(range.start);
        let mut texts = std::mem::take(&mut self.indented_parts);
        texts.clear();
        texts.extend(
            parts
                .iter()
                .map(|part| match self.raw_parts[part.0 as usize] {
                    RawPart::Text(token) => IndentedPart::Text(table.text(token)),
                    RawPart::Expr(..) => IndentedPart::Interpolation,
                }),
        );
        let mut computed = parts
            .iter()
            .filter_map(|part| match self.raw_parts[part.0 as usize] {
                RawPart::Expr(value, token) => Some((value, token)),
                RawPart::Text(_) => None,
            });
        let first = self.ast.parts.len();
        let Ast {
            exprs,
            positions,
            parts: pieces,
            bytes,
            ..
        } = &mut self.ast;
        strip_indentation_into(&texts, bytes, |text, piece| {
            let part = match piece {
                // A text cannot fail, so its place matters to nobody.
                Some(start) => {
                    let value = AstId(exprs.len() as u32);
                    exprs.push(Expr::Str(Span32 {
                        start: start as u32,
                        len: (text.len() - start) as u32,
                    }));
                    positions.push(pos);
                    Some(Part { value, pos })
                }
                None => computed.next().map(|(value, token)| Part {
                    value,
                    pos: Pos(table.start(token)),
                }),
            };
            pieces.extend(part);
        });
        self.indented_parts = texts;
        match self.ast.parts[first..] {
            [] => self.str(b"", pos),
            [only] if matches!(self.ast.expr(only.value), Expr::Str(_)) => {
                self.ast.parts.truncate(first);
                only.value
            }
            _ => self.strings_from(true, first, pos),
        }
    }

    fn path(&mut self, range: TokenRange, parts: &[Handle]) -> AstId {
        let table = self.table;
        let pos = self.at(range.start);
        let first = self.ast.parts.len();
        for (idx, part) in parts.iter().enumerate() {
            let part = match self.raw_parts[part.0 as usize] {
                RawPart::Text(token) => {
                    let pos = self.at(token);
                    let value = if idx == 0 {
                        let bytes = self.ast.add_bytes(table.text(token));
                        self.ast.add(Expr::Path(bytes), pos)
                    } else {
                        self.str(table.text(token), pos)
                    };
                    Part { value, pos }
                }
                RawPart::Expr(value, token) => Part {
                    value,
                    pos: self.at(token),
                },
            };
            self.ast.parts.push(part);
        }
        match self.ast.parts[first..] {
            [only] => {
                self.ast.parts.truncate(first);
                only.value
            }
            _ => self.strings_from(false, first, pos),
        }
    }

    fn paren(&mut self, _range: TokenRange, inner: AstId) -> AstId {
        inner
    }

    fn list(&mut self, range: TokenRange, items: &[AstId]) -> AstId {
        let pos = self.at(range.start);
        let items = self.ast.add_list(items);
        self.ast.add(Expr::List(items), pos)
    }

    fn attr_set(&mut self, range: TokenRange, kind: SetKind, bindings: &[Handle]) -> AstId {
        let set = self.merge_bindings(bindings);
        let pos = self.at(range.start);
        let definition = &mut self.ast.sets[set as usize];
        definition.pos = pos.get();
        definition.recursive = matches!(kind, SetKind::Recursive | SetKind::LegacyLet);
        let id = self.ast.add(Expr::Set(set), pos);
        if kind != SetKind::LegacyLet {
            return id;
        }
        let body = Attr {
            name: Name::Static(Symbol::intern(b"body")),
            pos: Pos::NONE,
        };
        let path = Span32 {
            start: self.ast.attrs.len() as u32,
            len: 1,
        };
        self.ast.attrs.push(body);
        self.ast.add(
            Expr::Select {
                base: id,
                path,
                default: None,
            },
            Pos::NONE,
        )
    }

    fn attr_name(&mut self, token: TokenIdx) -> Handle {
        let name = Name::Static(self.symbol(token));
        self.add_attr(name, token)
    }

    fn attr_string(&mut self, range: TokenRange, parts: &[Handle]) -> Handle {
        let value = self.quoted(range, parts);
        let name = self.name_of(value);
        self.add_attr(name, range.start)
    }

    fn attr_dynamic(&mut self, range: TokenRange, expr: AstId) -> Handle {
        let name = self.name_of(expr);
        self.add_attr(name, range.start)
    }

    fn attr_path(&mut self, _range: TokenRange, attrs: &[Handle]) -> Span32 {
        self.gather(attrs)
    }

    fn binding(&mut self, range: TokenRange, path: Span32, value: AstId) -> Handle {
        self.document(value, range.start);
        let pos = self.at(range.start);
        self.bindings.push(Binding::Value {
            path,
            value,
            pos,
            time: range.end - 1,
        });
        Handle(self.bindings.len() as u32 - 1)
    }

    fn inherit(
        &mut self,
        range: TokenRange,
        from: Option<(AstId, TokenRange)>,
        names: &[Handle],
    ) -> Handle {
        let names = self.gather(names);
        let from = from.map(|(value, range)| (value, self.at(range.start)));
        self.bindings.push(Binding::Inherit {
            names,
            from,
            time: range.end - 1,
        });
        Handle(self.bindings.len() as u32 - 1)
    }

    fn select(
        &mut self,
        range: TokenRange,
        base: AstId,
        path: Span32,
        default: Option<AstId>,
    ) -> AstId {
        let pos = self.at(range.start);
        self.ast.add(
            Expr::Select {
                base,
                path,
                default,
            },
            pos,
        )
    }

    fn apply(&mut self, range: TokenRange, function: AstId, arguments: &[AstId]) -> AstId {
        let pos = self.at(range.start);
        self.apply_to(function, arguments, pos)
    }

    fn unary(&mut self, range: TokenRange, operator: UnaryOperator, operand: AstId) -> AstId {
        let pos = self.at(range.start);
        match operator {
            UnaryOperator::Not => {
                let pos = self.ast.pos(operand);
                self.ast.add(Expr::Not(operand), pos)
            }
            UnaryOperator::Negate => {
                let zero = self.ast.add(Expr::Int(0), Pos::NONE);
                self.call("__sub", &[zero, operand], pos)
            }
        }
    }

    fn binary(
        &mut self,
        range: TokenRange,
        operator: BinaryOperator,
        token: TokenIdx,
        left: AstId,
        right: AstId,
    ) -> AstId {
        use BinaryOperator as B;
        let pos = self.at(token);
        let expr = match operator {
            B::Equal => return self.ast.add(Expr::Equal(left, right), Pos::NONE),
            B::NotEqual => return self.ast.add(Expr::NotEqual(left, right), Pos::NONE),
            B::And => Expr::And(left, right),
            B::Or => Expr::Or(left, right),
            B::Implication => Expr::Implication(left, right),
            B::Update => Expr::Update(left, right),
            B::Concat => Expr::Concat(left, right),
            B::Less => return self.call("__lessThan", &[left, right], pos),
            B::Greater => return self.call("__lessThan", &[right, left], pos),
            B::LessEqual => {
                let call = self.call("__lessThan", &[right, left], pos);
                Expr::Not(call)
            }
            B::GreaterEqual => {
                let call = self.call("__lessThan", &[left, right], pos);
                Expr::Not(call)
            }
            B::Subtract => return self.call("__sub", &[left, right], pos),
            B::Multiply => return self.call("__mul", &[left, right], pos),
            B::Divide => return self.call("__div", &[left, right], pos),
            B::PipeFrom | B::PipeInto => {
                let (function, arg) = if operator == B::PipeFrom {
                    (left, right)
                } else {
                    (right, left)
                };
                return self.apply_to(function, &[arg], pos);
            }
            B::Add => {
                let right_token = self.table.next_significant(token + 1);
                let parts = [
                    Part {
                        value: left,
                        pos: self.at(range.start),
                    },
                    Part {
                        value: right,
                        pos: self.at(right_token),
                    },
                ];
                return self.strings(false, &parts, pos);
            }
        };
        self.ast.add(expr, pos)
    }

    fn has_attr(&mut self, _range: TokenRange, operand: AstId, path: Span32) -> AstId {
        let pos = self.ast.pos(operand);
        self.ast.add(
            Expr::HasAttr {
                base: operand,
                path,
            },
            pos,
        )
    }

    fn lambda(&mut self, range: TokenRange, parameter: TokenIdx, body: AstId) -> AstId {
        let definition = LambdaDef {
            arg: Some(self.symbol(parameter)),
            formals: None,
            name: None,
            doc: None,
        };
        self.add_lambda(definition, range, body)
    }

    fn lambda_pattern(
        &mut self,
        range: TokenRange,
        pattern: Pattern<'_, Handle>,
        body: AstId,
    ) -> AstId {
        let start = self.ast.formals.len() as u32;
        for formal in pattern.formals {
            self.ast.formals.push(self.formals[formal.0 as usize]);
        }
        let definition = LambdaDef {
            arg: pattern.bound.map(|token| self.symbol(token)),
            formals: Some(Formals {
                items: Span32 {
                    start,
                    len: pattern.formals.len() as u32,
                },
                ellipsis: pattern.ellipsis,
            }),
            name: None,
            doc: None,
        };
        self.add_lambda(definition, range, body)
    }

    fn formal(&mut self, _range: TokenRange, name: TokenIdx, default: Option<AstId>) -> Handle {
        let formal = Formal {
            name: self.symbol(name),
            default,
            pos: self.at(name),
        };
        self.formals.push(formal);
        Handle(self.formals.len() as u32 - 1)
    }

    fn assert(&mut self, range: TokenRange, condition: AstId, body: AstId) -> AstId {
        let pos = self.at(range.start);
        self.ast.add(Expr::Assert { condition, body }, pos)
    }

    fn with(&mut self, range: TokenRange, scope: AstId, body: AstId) -> AstId {
        let pos = self.at(range.start);
        self.ast.add(Expr::With { scope, body }, pos)
    }

    fn let_in(&mut self, range: TokenRange, bindings: &[Handle], body: AstId) -> AstId {
        let set = self.merge_bindings(bindings);
        let pos = self.at(range.start);
        self.ast.add(Expr::Let { set, body }, pos)
    }

    fn if_else(
        &mut self,
        range: TokenRange,
        condition: AstId,
        then: AstId,
        otherwise: AstId,
    ) -> AstId {
        let pos = self.at(range.start);
        self.ast.add(
            Expr::If {
                condition,
                then,
                otherwise,
            },
            pos,
        )
    }
}

//! Expressions as text, in the reference's normal form: fully parenthesised, names sorted, sugar
//! gone. It is what `--parse` prints and what a failed assertion quotes.

use firn_symbol::Symbol;

use crate::ast::{Ast, AstId, Expr, Name, Origin, SetDef};
use crate::number::float_with_six_digits;

/// Where path literals are resolved when they are shown.
pub type ResolvePath<'a> = &'a dyn Fn(&[u8]) -> Vec<u8>;

const KEYWORDS: [&[u8]; 9] = [
    b"if", b"then", b"else", b"assert", b"with", b"let", b"in", b"rec", b"inherit",
];

/// Whether a name can be written without quotes.
pub fn is_identifier(name: &[u8]) -> bool {
    let Some((first, rest)) = name.split_first() else {
        return false;
    };
    (first.is_ascii_alphabetic() || *first == b'_')
        && rest
            .iter()
            .all(|byte| byte.is_ascii_alphanumeric() || b"_'-".contains(byte))
        && !KEYWORDS.contains(&name)
}

/// Appends a string literal: quotes and escapes as the reference prints them.
pub fn show_string(bytes: &[u8], out: &mut Vec<u8>) {
    out.push(b'"');
    for (idx, &byte) in bytes.iter().enumerate() {
        match byte {
            b'"' | b'\\' => out.extend_from_slice(&[b'\\', byte]),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            b'$' if bytes.get(idx + 1) == Some(&b'{') => out.extend_from_slice(b"\\$"),
            other => out.push(other),
        }
    }
    out.push(b'"');
}

/// Appends a name, in quotes if it needs them.
pub fn show_symbol(name: Symbol, out: &mut Vec<u8>) {
    let bytes = name.as_bytes();
    if is_identifier(bytes) {
        out.extend_from_slice(bytes);
    } else {
        show_string(bytes, out);
    }
}

pub(crate) fn show_name(ast: &Ast, name: Name, out: &mut Vec<u8>) {
    match name {
        Name::Static(symbol) => show_symbol(symbol, out),
        Name::Dynamic(value) => {
            out.extend_from_slice(b"\"${");
            ast.show_into(value, &|path| path.to_vec(), out);
            out.extend_from_slice(b"}\"");
        }
    }
}

impl Ast {
    /// An expression as text.
    pub fn show(&self, id: AstId, resolve: ResolvePath<'_>) -> Vec<u8> {
        let mut out = Vec::new();
        self.show_into(id, resolve, &mut out);
        out
    }

    pub(crate) fn show_into(&self, id: AstId, resolve: ResolvePath<'_>, out: &mut Vec<u8>) {
        Shower {
            ast: self,
            resolve,
            out,
        }
        .expr(id);
    }
}

struct Shower<'a> {
    ast: &'a Ast,
    resolve: ResolvePath<'a>,
    out: &'a mut Vec<u8>,
}

impl Shower<'_> {
    fn put(&mut self, text: &str) {
        self.out.extend_from_slice(text.as_bytes());
    }

    fn symbol(&mut self, name: Symbol) {
        show_symbol(name, self.out);
    }

    fn binary(&mut self, left: AstId, operator: &str, right: AstId) {
        self.put("(");
        self.expr(left);
        self.put(operator);
        self.expr(right);
        self.put(")");
    }

    fn path(&mut self, path: crate::ast::Span32) {
        for (idx, attr) in self.ast.path(path).iter().enumerate() {
            if idx > 0 {
                self.put(".");
            }
            match attr.name {
                Name::Static(symbol) => self.symbol(symbol),
                Name::Dynamic(value) => {
                    self.put("\"${");
                    self.expr(value);
                    self.put("}\"");
                }
            }
        }
    }

    fn expr(&mut self, id: AstId) {
        match self.ast.expr(id) {
            Expr::Error => self.put("<error>"),
            Expr::Int(value) => self.put(&value.to_string()),
            Expr::Float(value) => self.put(&float_with_six_digits(value)),
            Expr::Str(bytes) => show_string(self.ast.bytes(bytes), self.out),
            Expr::Path(bytes) => {
                let path = (self.resolve)(self.ast.bytes(bytes));
                self.out.extend_from_slice(&path);
            }
            Expr::Var(name) => self.symbol(name),
            Expr::CurPos => self.put("__curPos"),
            Expr::Select {
                base,
                path,
                default,
            } => {
                self.put("(");
                self.expr(base);
                self.put(").");
                self.path(path);
                if let Some(default) = default {
                    self.put(" or (");
                    self.expr(default);
                    self.put(")");
                }
            }
            Expr::HasAttr { base, path } => {
                self.put("((");
                self.expr(base);
                self.put(") ? ");
                self.path(path);
                self.put(")");
            }
            Expr::Apply { function, args } => {
                self.put("(");
                self.expr(function);
                for &arg in self.ast.list(args) {
                    self.put(" ");
                    self.expr(arg);
                }
                self.put(")");
            }
            Expr::Lambda { lambda, body } => self.lambda(lambda, body),
            Expr::Set(set) => {
                let set = &self.ast.sets[set as usize];
                if set.recursive {
                    self.put("rec ");
                }
                self.put("{ ");
                self.bindings(set);
                self.put("}");
            }
            Expr::Let { set, body } => {
                self.put("(let ");
                self.bindings(&self.ast.sets[set as usize]);
                self.put("in ");
                self.expr(body);
                self.put(")");
            }
            Expr::List(items) => {
                self.put("[ ");
                for &item in self.ast.list(items) {
                    self.put("(");
                    self.expr(item);
                    self.put(") ");
                }
                self.put("]");
            }
            Expr::With { scope, body } => {
                self.put("(with ");
                self.expr(scope);
                self.put("; ");
                self.expr(body);
                self.put(")");
            }
            Expr::If {
                condition,
                then,
                otherwise,
            } => {
                self.put("(if ");
                self.expr(condition);
                self.put(" then ");
                self.expr(then);
                self.put(" else ");
                self.expr(otherwise);
                self.put(")");
            }
            Expr::Assert { condition, body } => {
                self.put("assert ");
                self.expr(condition);
                self.put("; ");
                self.expr(body);
            }
            Expr::Not(operand) => {
                self.put("(! ");
                self.expr(operand);
                self.put(")");
            }
            Expr::Equal(left, right) => self.binary(left, " == ", right),
            Expr::NotEqual(left, right) => self.binary(left, " != ", right),
            Expr::And(left, right) => self.binary(left, " && ", right),
            Expr::Or(left, right) => self.binary(left, " || ", right),
            Expr::Implication(left, right) => self.binary(left, " -> ", right),
            Expr::Update(left, right) => self.binary(left, " // ", right),
            Expr::Concat(left, right) => self.binary(left, " ++ ", right),
            Expr::Strings { parts, .. } => {
                self.put("(");
                for (idx, part) in self.ast.parts(parts).iter().enumerate() {
                    if idx > 0 {
                        self.put(" + ");
                    }
                    self.expr(part.value);
                }
                self.put(")");
            }
        }
    }

    fn lambda(&mut self, lambda: u32, body: AstId) {
        let lambda = self.ast.lambdas[lambda as usize];
        self.put("(");
        if let Some(formals) = lambda.formals {
            self.put("{ ");
            let mut items = self.ast.formals(formals.items).to_vec();
            items.sort_by(|left, right| left.name.cmp_name(right.name));
            for (idx, formal) in items.iter().enumerate() {
                if idx > 0 {
                    self.put(", ");
                }
                self.symbol(formal.name);
                if let Some(default) = formal.default {
                    self.put(" ? ");
                    self.expr(default);
                }
            }
            if formals.ellipsis {
                self.put(if items.is_empty() { "..." } else { ", ..." });
            }
            self.put(" }");
            if lambda.arg.is_some() {
                self.put(" @ ");
            }
        }
        if let Some(arg) = lambda.arg {
            self.symbol(arg);
        }
        self.put(": ");
        self.expr(body);
        self.put(")");
    }

    fn bindings(&mut self, set: &SetDef) {
        let mut attrs = set.attrs.clone();
        attrs.sort_by(|left, right| left.name.cmp_name(right.name));
        let mut any = false;
        for attr in attrs.iter().filter(|attr| attr.origin == Origin::Inherited) {
            self.put(if any { " " } else { "inherit " });
            any = true;
            self.symbol(attr.name);
        }
        if any {
            self.put("; ");
        }
        for (idx, &source) in set.sources.iter().enumerate() {
            let origin = Origin::From(idx as u32);
            if !attrs.iter().any(|attr| attr.origin == origin) {
                continue;
            }
            self.put("inherit (");
            self.expr(source);
            self.put(")");
            for attr in attrs.iter().filter(|attr| attr.origin == origin) {
                self.put(" ");
                self.symbol(attr.name);
            }
            self.put("; ");
        }
        for attr in attrs.iter().filter(|attr| attr.origin == Origin::Plain) {
            self.symbol(attr.name);
            self.put(" = ");
            self.expr(attr.value);
            self.put("; ");
        }
        for dynamic in &set.dynamic {
            self.put("\"${");
            self.expr(dynamic.name);
            self.put("}\" = ");
            self.expr(dynamic.value);
            self.put("; ");
        }
    }
}

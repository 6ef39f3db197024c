//! Tests of the grammar through a sink that writes what it is told as an S-expression.

use crate::{
    BinaryOperator, Entry, Lint, ParseOptions, Pattern, SetKind, TokenIdx, TokenRange, TokenTable,
    TreeSink, UnaryOperator, lex, parse,
};
use firn_source::{FileId, Severity};

/// Writes constructs; handles are indices into `nodes`.
struct Dump<'t> {
    table: &'t TokenTable<'t>,
    nodes: Vec<String>,
}

impl Dump<'_> {
    fn node(&mut self, text: String) -> u32 {
        self.nodes.push(text);
        self.nodes.len() as u32 - 1
    }

    fn token(&mut self, token: TokenIdx) -> u32 {
        let text = String::from_utf8_lossy(self.table.text(token)).into_owned();
        self.node(text)
    }

    fn call(&mut self, head: &str, children: &[u32]) -> u32 {
        let mut text = format!("({head}");
        for &child in children {
            text.push(' ');
            text.push_str(&self.nodes[child as usize]);
        }
        text.push(')');
        self.node(text)
    }
}

impl TreeSink for Dump<'_> {
    type Expr = u32;
    type AttrPath = u32;
    type Attr = u32;
    type Binding = u32;
    type Part = u32;
    type Formal = u32;

    fn error(&mut self, _: TokenRange) -> u32 {
        self.call("error", &[])
    }
    fn error_binding(&mut self, _: TokenRange) -> u32 {
        self.call("error", &[])
    }
    fn variable(&mut self, token: TokenIdx) -> u32 {
        self.token(token)
    }
    fn current_position(&mut self, _: TokenIdx) -> u32 {
        self.call("here", &[])
    }
    fn integer(&mut self, _: TokenIdx, value: i64) -> u32 {
        self.node(value.to_string())
    }
    fn float(&mut self, _: TokenIdx, value: f64) -> u32 {
        self.node(format!("{value:?}"))
    }
    fn search_path(&mut self, token: TokenIdx) -> u32 {
        self.token(token)
    }
    fn uri(&mut self, token: TokenIdx) -> u32 {
        let text = self.token(token);
        self.call("uri", &[text])
    }
    fn text(&mut self, token: TokenIdx) -> u32 {
        let text = format!("{:?}", String::from_utf8_lossy(self.table.text(token)));
        self.node(text)
    }
    fn interpolation(&mut self, _: TokenRange, expr: u32) -> u32 {
        self.call("$", &[expr])
    }
    fn string(&mut self, _: TokenRange, parts: &[u32]) -> u32 {
        self.call("str", parts)
    }
    fn indented_string(&mut self, _: TokenRange, parts: &[u32]) -> u32 {
        self.call("ind", parts)
    }
    fn path(&mut self, _: TokenRange, parts: &[u32]) -> u32 {
        self.call("path", parts)
    }
    fn paren(&mut self, _: TokenRange, inner: u32) -> u32 {
        self.call("paren", &[inner])
    }
    fn list(&mut self, _: TokenRange, items: &[u32]) -> u32 {
        self.call("list", items)
    }
    fn attr_set(&mut self, _: TokenRange, kind: SetKind, bindings: &[u32]) -> u32 {
        let head = match kind {
            SetKind::Plain => "set",
            SetKind::Recursive => "rec",
            SetKind::LegacyLet => "legacy-let",
            SetKind::ReplBindings => "bindings",
        };
        self.call(head, bindings)
    }
    fn attr_name(&mut self, token: TokenIdx) -> u32 {
        self.token(token)
    }
    fn attr_string(&mut self, _: TokenRange, parts: &[u32]) -> u32 {
        self.call("str", parts)
    }
    fn attr_dynamic(&mut self, _: TokenRange, expr: u32) -> u32 {
        self.call("$", &[expr])
    }
    fn attr_path(&mut self, _: TokenRange, attrs: &[u32]) -> u32 {
        let names: Vec<&str> = attrs.iter().map(|&it| &*self.nodes[it as usize]).collect();
        let text = names.join(".");
        self.node(text)
    }
    fn binding(&mut self, _: TokenRange, path: u32, value: u32) -> u32 {
        self.call("=", &[path, value])
    }
    fn inherit(&mut self, _: TokenRange, from: Option<(u32, TokenRange)>, names: &[u32]) -> u32 {
        match from {
            None => self.call("inherit", names),
            Some((from, _)) => {
                let names = self.call("names", names);
                self.call("inherit-from", &[from, names])
            }
        }
    }
    fn select(&mut self, _: TokenRange, base: u32, path: u32, default: Option<u32>) -> u32 {
        match default {
            None => self.call(".", &[base, path]),
            Some(default) => self.call(".or", &[base, path, default]),
        }
    }
    fn apply(&mut self, _: TokenRange, function: u32, arguments: &[u32]) -> u32 {
        let mut children = vec![function];
        children.extend(arguments);
        self.call("call", &children)
    }
    fn unary(&mut self, _: TokenRange, operator: UnaryOperator, operand: u32) -> u32 {
        self.call(&format!("{operator:?}"), &[operand])
    }
    fn binary(
        &mut self,
        _: TokenRange,
        _: BinaryOperator,
        token: TokenIdx,
        left: u32,
        right: u32,
    ) -> u32 {
        let head = String::from_utf8_lossy(self.table.text(token)).into_owned();
        self.call(&head, &[left, right])
    }
    fn has_attr(&mut self, _: TokenRange, operand: u32, path: u32) -> u32 {
        self.call("?", &[operand, path])
    }
    fn lambda(&mut self, _: TokenRange, parameter: TokenIdx, body: u32) -> u32 {
        let parameter = self.token(parameter);
        self.call("fn", &[parameter, body])
    }
    fn lambda_pattern(&mut self, _: TokenRange, pattern: Pattern<'_, u32>, body: u32) -> u32 {
        let mut children = pattern.formals.to_vec();
        if pattern.ellipsis {
            children.push(self.node("...".to_owned()));
        }
        if let Some(bound) = pattern.bound {
            let name = self.token(bound);
            children.push(self.call("@", &[name]));
        }
        let pattern = self.call("pattern", &children);
        self.call("fn", &[pattern, body])
    }
    fn formal(&mut self, _: TokenRange, name: TokenIdx, default: Option<u32>) -> u32 {
        let name = self.token(name);
        match default {
            None => name,
            Some(default) => self.call("?=", &[name, default]),
        }
    }
    fn assert(&mut self, _: TokenRange, condition: u32, body: u32) -> u32 {
        self.call("assert", &[condition, body])
    }
    fn with(&mut self, _: TokenRange, scope: u32, body: u32) -> u32 {
        self.call("with", &[scope, body])
    }
    fn let_in(&mut self, _: TokenRange, bindings: &[u32], body: u32) -> u32 {
        let bindings = self.call("bindings", bindings);
        self.call("let", &[bindings, body])
    }
    fn if_else(&mut self, _: TokenRange, condition: u32, then: u32, otherwise: u32) -> u32 {
        self.call("if", &[condition, then, otherwise])
    }
}

fn dump(text: &[u8], options: &ParseOptions) -> String {
    let table = lex(text);
    let mut sink = Dump {
        table: &table,
        nodes: Vec::new(),
    };
    let parsed = parse(&table, &mut sink, options);
    match (parsed.errors.first(), parsed.root) {
        (Some(error), _) => {
            let locate = |offset: u32| format!("byte {offset}");
            let diagnostic = error.diagnostic(Severity::Error, &table, FileId(0), &locate);
            format!("{}: {}", error.start, diagnostic.message)
        }
        (None, Some(root)) => sink.nodes[root as usize].clone(),
        (None, None) => unreachable!("no root without an error"),
    }
}

fn check(text: &str, expected: &str) {
    let options = ParseOptions {
        pipe_operators: true,
        ..ParseOptions::default()
    };
    assert_eq!(dump(text.as_bytes(), &options), expected, "{text}");
}

#[test]
fn applies_precedence() {
    check("1 + 2 * 3", "(+ 1 (* 2 3))");
    check("1 - 2 - 3", "(- (- 1 2) 3)");
    check("a ++ b ++ c", "(++ a (++ b c))");
    check("a // b // c", "(// a (// b c))");
    check("a -> b -> c", "(-> a (-> b c))");
    check("!a == b", "(== (Not a) b)");
    check("!a + b", "(Not (+ a b))");
    check("a * !b + c", "(* a (Not (+ b c)))");
    check("- a ? b", "(? (Negate a) b)");
    check("!a ? b", "(Not (? a b))");
    check("a ? b ? c", "(? (? a b) c)");
    check("a ++ b ? c", "(++ a (? b c))");
    check("-a - -b", "(- (Negate a) (Negate b))");
    check("a < b == c", "(== (< a b) c)");
    check("a || b && c -> d", "(-> (|| a (&& b c)) d)");
    check("f x + g y", "(+ (call f x) (call g y))");
    check("a |> f |> g", "(|> (|> a f) g)");
    check("g <| f <| a", "(<| g (<| f a))");
    check("a + b |> f", "(|> (+ a b) f)");
}

#[test]
fn refuses_rows_that_mean_nothing() {
    check("a == b == c", "7: syntax error, unexpected '=='");
    check("a == b != c", "7: syntax error, unexpected '!='");
    check("a < b < c", "6: syntax error, unexpected '<'");
    check(
        "(a |> f <| b)",
        "8: syntax error, unexpected '<|', expecting ')'",
    );
    check(
        "f <| a |> b",
        "7: syntax error, unexpected '|>', expecting end of file",
    );
}

#[test]
fn reads_odd_corners() {
    check("map or [ ]", "(call (call map or) (list))");
    check("a.or or b", "(.or a or b)");
    check("f a or", "(call f (call a or))");
    check("let { body = 1; }", "(legacy-let (= body 1))");
    check("a:b", "(uri a:b)");
    check("a: b", "(fn a b)");
    check("a/b", "(path \"a/b\")");
    check("./a/${b}c/d", "(path \"./a/\" ($ b) \"c/d\")");
    check("a/${b}", "(path \"a/\" ($ b))");
    check("/${b}", "(path \"/\" ($ b))");
    check("~/x", "(path \"~/x\")");
    check("<a/b>", "<a/b>");
    check("a<b", "(< a b)");
    check("__curPos", "(here)");
    check("1.5e3", "1500.0");
    check("a.b.c or d e", "(call (.or a b.c d) e)");
    check(
        "{ a, b ? 1, ... }@c: a",
        "(fn (pattern a (?= b 1) ... (@ c)) a)",
    );
    check("c@{ }: c", "(fn (pattern (@ c)) c)");
    check("{ a, }: a", "(fn (pattern a) a)");
    check("{ }", "(set)");
    check(
        "{ inherit a \"b\"; inherit (c) d or; }",
        "(set (inherit a (str \"b\")) (inherit-from c (names d or)))",
    );
    check("{ a.\"b\".${c} = 1; }", "(set (= a.(str \"b\").($ c) 1))");
    check("\"a${\"b\"}$$c$\"", "(str \"a\" ($ (str \"b\")) \"$$c$\")");
    check(
        "''\n a ''${ ${b} ''' ''\\n''",
        "(ind \" a ''${ \" ($ b) \" ''' ''\\\\n\")",
    );
    check("1/* c */+ /** d */ 2 # e", "(+ 1 2)");
}

#[test]
fn reports_what_the_text_forbids() {
    check("{ a, a }: a", "5: duplicate formal function argument 'a'");
    check(
        "b: { a, b, a, b }: a",
        "14: duplicate formal function argument 'b'",
    );
    check("a@{ a }: a", "0: duplicate formal function argument 'a'");
    check(
        "let ${a} = 1; in 1",
        "0: dynamic attributes not allowed in let",
    );
    check(
        "let ${\"a\"} = 1; in a",
        "(let (bindings (= ($ (str \"a\")) 1)) a)",
    );
    check(
        "let ${''${\"a\"}''} = 1; in a",
        "(let (bindings (= ($ (ind ($ (str \"a\")))) 1)) a)",
    );
    check(
        "let a = { ${b} = 1; }; in a",
        "(let (bindings (= a (set (= ($ b) 1)))) a)",
    );
    check(
        "{ inherit ${a}; }",
        "10: dynamic attributes not allowed in inherit",
    );
    check(
        "99999999999999999999",
        "0: invalid integer '99999999999999999999'",
    );
    check("./a/", "0: path has a trailing slash");
    check("(./a/ 1)", "5: path has a trailing slash");
    check(
        "1 )",
        "2: syntax error, unexpected ')', expecting end of file",
    );
}

#[test]
fn obeys_options() {
    let with = |text: &str, options: ParseOptions| dump(text.as_bytes(), &options);
    assert_eq!(
        with("a |> b", ParseOptions::default()),
        "2: experimental Nix feature 'pipe-operators' is disabled; add '--extra-experimental-features pipe-operators' to enable it"
    );
    let bindings = ParseOptions {
        entry: Entry::Bindings,
        ..ParseOptions::default()
    };
    assert_eq!(with("x = 1;", bindings), "(bindings (= x 1))");
    let fatal = ParseOptions {
        url_literals: Lint::Fatal,
        ..ParseOptions::default()
    };
    assert_eq!(
        with("http://x.y", fatal),
        "0: URL literals are disallowed. Consider using a string literal \"http://x.y\" instead (lint-url-literals)"
    );
}

#[test]
fn survives_any_depth() {
    let deep = |open: &str, middle: &str, close: &str| {
        let n = 200_000;
        open.repeat(n) + middle + &close.repeat(n)
    };
    for text in [
        deep("(", "1", ")"),
        deep("(", "", ""),
        deep("[", "", "]"),
        deep("{a=", "1", ";}"),
        deep("!", "a", ""),
        deep("x: ", "x", ""),
        deep("a + (", "1", ")"),
        deep("1 + ", "1", ""),
        deep("\"${", "1", "}\""),
    ] {
        let table = lex(text.as_bytes());
        let parsed = parse(&table, &mut crate::NullSink, &ParseOptions::default());
        assert_eq!(parsed.root.is_some(), parsed.errors.is_empty());
    }
}

#[test]
fn words_errors_like_the_reference() {
    check(
        "{ a = 1 b = 2; }",
        "10: syntax error, unexpected '=', expecting ';'",
    );
    check(
        "{ a 1; }",
        "4: syntax error, unexpected integer, expecting '.' or '='",
    );
    check(
        "a % b",
        "2: syntax error, unexpected invalid token, expecting end of file",
    );
    check(
        "a/b//c",
        "0: syntax error, unexpected end of path, expecting '${'",
    );
    check("1 /* foo", "3: syntax error, unexpected '*'");
    check(
        "{ if = 1; }",
        "2: syntax error, unexpected 'if', expecting 'inherit'",
    );
    check(
        "if a then b",
        "11: syntax error, unexpected end of file, expecting 'else'",
    );
    check(
        "\"abc",
        "4: syntax error, unexpected end of file, expecting '\"'",
    );
    check(
        "{ a.",
        "4: syntax error, unexpected end of file, expecting identifier or 'or' or '${' or '\"'",
    );
    check(
        "a |> f <| b",
        "7: syntax error, unexpected '<|', expecting end of file",
    );
    check(
        "{ a, b = 1 }",
        "7: syntax error, unexpected '=', expecting '}' or ','",
    );
}

/// Where further errors are, as the texts of the tokens that do not fit.
fn further(text: &str) -> Vec<String> {
    let table = lex(text.as_bytes());
    let options = ParseOptions::default();
    let parsed = parse(&table, &mut crate::NullSink, &options);
    let stopped = parsed.stopped_at.expect("the text is wrong");
    let found = crate::further_errors(&table, &options, stopped).into_iter();
    found
        .map(|it| text[it.start as usize..it.end as usize].to_owned())
        .collect()
}

#[test]
fn errors_behind_the_first_are_found() {
    let check = |text: &str, expected: &[&str]| assert_eq!(further(text), expected, "{text}");
    check("{ a = 1 b = 2; c = 3; }", &[]);
    check("{ a = 1 b = 2; c = ; d = 3; }", &[";"]);
    check(
        "{ a = 1 b = 2; c = ; d = 3 e = 4; f = [ 1; }",
        &[";", "=", ";"],
    );
    check("{ a = [ 1; b = = 2; c = 3; }", &["="]);
    check("let a = ; in { b = ; c = 1; }", &[";"]);
    check(
        "let a = ; b = 1; in if a then { c = else; } else 2",
        &["else"],
    );
    check("{ a, b c }: { d = ; e = 1; }", &[";"]);
    check("{ a; b }: { d = 1; }", &[]);
    check("{ x = { a = ; }; y = { b = ; }; z = 1; }", &[";"]);
    check("{ x = (1; y = 2); z = 1; w = ; }", &[")", ";"]);
    check("{ x = \"${1 2;}\"; y = ; }", &[";"]);
    check("{ a = 1; } }", &[]);
    check("{ a = 1; b = {", &[]);
    check("(", &[]);
    check("1 +", &[]);
    check(
        "{ a = ; b = 99999999999999999999; }",
        &["99999999999999999999"],
    );
}

//! Words of bash: quoting them, and reading what `declare -p` prints.

use crate::environment::Variable;

/// A word that bash, and every shell like it, takes as it is.
pub fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
}

/// The variables that `declare -p` printed. Those with attributes that are no plain variable,
/// exported variable or array (read-only ones, integers) are left out: they are bash's own.
pub(crate) fn parse_declarations(text: &str) -> Option<Vec<(String, Variable)>> {
    let mut reader = Reader { rest: text };
    let mut found = Vec::new();
    while !reader.rest.trim_start().is_empty() {
        reader.rest = reader.rest.trim_start();
        reader.skip("declare ")?;
        let flags = reader.until(&[' '])?;
        reader.skip(" ")?;
        let name = reader.until(&['=', '\n'])?.to_owned();
        if !reader.rest.starts_with('=') {
            continue;
        }
        reader.skip("=")?;
        let variable = if reader.rest.starts_with('(') {
            reader.array(flags.contains('A'))?
        } else {
            let value = reader.word()?;
            if flags == "-x" {
                Variable::Exported(value)
            } else {
                Variable::Plain(value)
            }
        };
        if matches!(flags, "-x" | "--" | "-a" | "-A") {
            found.push((name, variable));
        }
    }
    Some(found)
}

struct Reader<'a> {
    rest: &'a str,
}

impl<'a> Reader<'a> {
    fn skip(&mut self, prefix: &str) -> Option<()> {
        self.rest = self.rest.strip_prefix(prefix)?;
        Some(())
    }

    fn until(&mut self, ends: &[char]) -> Option<&'a str> {
        let at = self.rest.find(ends)?;
        let (before, rest) = self.rest.split_at(at);
        self.rest = rest;
        Some(before)
    }

    fn next(&mut self) -> Option<char> {
        let first = self.rest.chars().next()?;
        self.rest = &self.rest[first.len_utf8()..];
        Some(first)
    }

    /// `([0]="a" [1]="b")`, keys in order.
    fn array(&mut self, is_associative: bool) -> Option<Variable> {
        let mut pairs = Vec::new();
        self.skip("(")?;
        loop {
            self.rest = self.rest.trim_start();
            if self.rest.starts_with(')') {
                self.skip(")")?;
                break;
            }
            self.skip("[")?;
            let key = if self.rest.starts_with(['"', '$']) {
                self.word()?
            } else {
                self.until(&[']'])?.to_owned()
            };
            self.skip("]=")?;
            pairs.push((key, self.word()?));
        }
        Some(if is_associative {
            Variable::Associative(pairs.into_iter().collect())
        } else {
            Variable::Array(pairs.into_iter().map(|it| it.1).collect())
        })
    }

    /// A value: in double quotes, in `$'…'`, or bare.
    fn word(&mut self) -> Option<String> {
        if self.rest.starts_with("$'") {
            self.skip("$'")?;
            return self.escaped();
        }
        if !self.rest.starts_with('"') {
            let end = self.rest.find([' ', '\n', ')', ']']);
            let (word, rest) = self.rest.split_at(end.unwrap_or(self.rest.len()));
            self.rest = rest;
            return Some(word.to_owned());
        }
        self.skip("\"")?;
        let mut value = String::new();
        loop {
            match self.next()? {
                '"' => return Some(value),
                '\\' => match self.next()? {
                    it @ ('"' | '$' | '`' | '\\') => value.push(it),
                    '\n' => {}
                    it => {
                        value.push('\\');
                        value.push(it);
                    }
                },
                it => value.push(it),
            }
        }
    }

    /// The rest of `$'…'`. What it says is bytes.
    fn escaped(&mut self) -> Option<String> {
        let mut value: Vec<u8> = Vec::new();
        loop {
            let letter = match self.next()? {
                '\'' => return Some(String::from_utf8_lossy(&value).into_owned()),
                '\\' => self.next()?,
                it => {
                    value.extend_from_slice(it.encode_utf8(&mut [0; 4]).as_bytes());
                    continue;
                }
            };
            value.push(match letter {
                'a' => 7,
                'b' => 8,
                'e' | 'E' => 27,
                'f' => 12,
                'n' => b'\n',
                'r' => b'\r',
                't' => b'\t',
                'v' => 11,
                '0'..='7' => {
                    let mut code = letter.to_digit(8)?;
                    for _ in 0..2 {
                        let Some(digit) = self.rest.chars().next().and_then(|it| it.to_digit(8))
                        else {
                            break;
                        };
                        code = code * 8 + digit;
                        self.next();
                    }
                    code as u8
                }
                other => {
                    value.extend_from_slice(other.encode_utf8(&mut [0; 4]).as_bytes());
                    continue;
                }
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &[(&str, Variable)]) {
        let expected: Vec<_> = expected
            .iter()
            .map(|(name, value)| ((*name).to_owned(), value.clone()))
            .collect();
        assert_eq!(parse_declarations(text), Some(expected), "{text}");
    }

    #[test]
    fn declarations_are_read_as_bash_prints_them() {
        let plain = |it: &str| Variable::Plain(it.to_owned());
        check("declare -- a=\"x y\"\n", &[("a", plain("x y"))]);
        check(
            "declare -x a=\"p\\\"q\\$x\\\\\nl2\"\ndeclare -x unset\ndeclare -- b=\"\"\n",
            &[
                ("a", Variable::Exported("p\"q$x\\\nl2".to_owned())),
                ("b", plain("")),
            ],
        );
        check(
            "declare -- c=$'a\\tb\\303\\251\\'\\\\'\n",
            &[("c", plain("a\tb\u{e9}'\\"))],
        );
        check("declare -ir PPID=\"7\"\ndeclare -r x=\"1\"\n", &[]);
        let array = Variable::Array(vec!["1".to_owned(), "2 3".to_owned(), "\n".to_owned()]);
        check(
            "declare -a arr=([0]=\"1\" [1]=\"2 3\" [2]=$'\\n')\n",
            &[("arr", array)],
        );
        let map = [("a", "1"), ("b c", "x y")];
        let map = map.map(|it| (it.0.to_owned(), it.1.to_owned())).into();
        check(
            "declare -A m=([a]=\"1\" [\"b c\"]=\"x y\" )\n",
            &[("m", Variable::Associative(map))],
        );
        check("declare -a none=()\n", &[("none", Variable::Array(vec![]))]);
    }

    #[test]
    fn quoting_keeps_everything() {
        assert_eq!(quoted("it's $x"), "'it'\\''s $x'");
    }
}

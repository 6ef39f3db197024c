//! `:doc`: the documentation of functions of the language, from the comment before them, of
//! builtins, and of attributes that have a comment.

use firn_eval::{Ctx, ErrorKind, Fail, Place, Val};
use firn_parser::{Entry, TokenKind, lex};

use super::session::Session;
use crate::evaluation::{Evaluation, Stop};

impl<'h> Session<'_, 'h> {
    pub(super) fn doc(&self, evaluation: &mut Evaluation<'_, 'h>, text: &str) -> Result<(), Stop> {
        let attribute = match last_selection(text, &self.parse) {
            Some((base, name)) => self.attribute_place(evaluation, base, name)?,
            None => None,
        };
        let value = self.value(evaluation, text)?;
        let console = evaluation.context.console;
        let shown = if let Some(shown) = of_value(evaluation.ctx, value)? {
            shown
        } else if let Some((name, place)) = attribute {
            of_attribute(evaluation.ctx, &name, place)
        } else {
            let words = "value does not have documentation";
            return Err(evaluation.ctx.error(ErrorKind::Eval, words).into());
        };
        console.print_line(shown.trim())?;
        Ok(())
    }

    /// The name that an expression selects last, and where that attribute was written.
    fn attribute_place(
        &self,
        evaluation: &mut Evaluation<'_, 'h>,
        base: &str,
        name: &str,
    ) -> Result<Option<(String, Place)>, Stop> {
        let value = match self.value(evaluation, base) {
            Ok(value) => value,
            // Whatever is wrong with it is wrong with the whole as well.
            Err(Stop::Evaluation(fail)) => {
                evaluation.ctx.take_error(fail);
                return Ok(None);
            }
            Err(stop) => return Err(stop),
        };
        let place = value.as_set().and_then(|set| {
            let symbol = firn_eval::Symbol::find(name.as_bytes())?;
            set.get(symbol)?;
            Ctx::attr_place(set, symbol)
        });
        Ok(place.map(|place| (name.to_owned(), place)))
    }
}

/// What is known about a value, in Markdown.
fn of_value<'h>(ctx: &mut Ctx<'h>, value: Val<'h>) -> Result<Option<String>, Fail> {
    if let Some(view) = ctx.lambda_view(value) {
        let place = view.place.map(|it| ctx.place_text(it));
        let mut shown = match (&view.name, &place) {
            (Some(name), Some(_)) => format!("Function `{}`\\\n  … ", firn_eval::name_text(*name)),
            (Some(name), None) => format!("Function `{}`\\\n", firn_eval::name_text(*name)),
            (None, _) => "Function ".to_owned(),
        };
        if let Some(place) = place {
            shown.push_str(&format!("defined at {place}"));
        }
        // A parameter has the comment right before it, or else that of the one it follows.
        let params = view.place.iter().chain(view.given.iter().rev());
        let inner = params
            .take(view.given.len())
            .find_map(|it| comment_before(ctx, *it));
        let doc = inner.unwrap_or_else(|| inner_text(&view.doc.unwrap_or_default()));
        if !doc.is_empty() {
            shown.push_str("\n\n");
        }
        shown.push_str(&doc);
        return Ok(Some(without_indentation(&shown)));
    }
    let names = ctx.names();
    if let Some(functor) = value.as_set().and_then(|set| set.get(names.functor)) {
        // What the user may call is what remains when the set itself has been passed.
        let inner = ctx
            .call(functor, &[value])
            .and_then(|function| ctx.nested(|ctx| of_value(ctx, function)));
        return inner.map_err(|fail| {
            let text = "while partially calling '__functor' to retrieve documentation";
            ctx.trace(fail, None, text)
        });
    }
    let known = firn_builtins::all();
    let more = firn_instantiate::builtins();
    let builtin = known.iter().chain(&more).find(|it| {
        let is_it = ctx.builtin(it.name).is_some_and(|known| known.same(value));
        is_it && !it.doc.is_empty()
    });
    Ok(builtin.map(|builtin| {
        let mut shown = String::new();
        if !builtin.args.is_empty() {
            let arguments: Vec<_> = builtin.args.iter().map(|it| format!("*{it}*")).collect();
            shown.push_str(&format!(
                "**Synopsis:** `builtins.{}` {}\n\n",
                builtin.plain_name(),
                arguments.join(" ")
            ));
        }
        shown.push_str(&without_indentation(builtin.doc));
        shown
    }))
}

/// What is known about an attribute, in Markdown.
fn of_attribute(ctx: &Ctx<'_>, name: &str, place: Place) -> String {
    let at = ctx.place_text(place);
    let doc = comment_before(ctx, place).unwrap_or_else(|| "No documentation found.".to_owned());
    format!("Attribute `{name}`\n\n  … defined at {at}\n\n{doc}")
}

/// The text of the documentation comment right before a place.
fn comment_before(ctx: &Ctx<'_>, place: Place) -> Option<String> {
    let file = ctx.files().file(place.file);
    let table = lex(file.bytes());
    let token = (0..table.len()).find(|it| table.start(*it) == place.offset)?;
    table
        .doc_comment(token)
        .map(|it| inner_text(table.text(it)))
}

/// Splits `base.name` at its last dot, if the whole is a selection of a plain name.
fn last_selection<'t>(
    text: &'t str,
    options: &firn_parser::ParseOptions,
) -> Option<(&'t str, &'t str)> {
    let text = text.trim();
    let table = lex(text.as_bytes());
    let significant: Vec<u32> = (0..table.len())
        .filter(|it| !table.kind(*it).is_trivia())
        .collect();
    let [.., dot, name] = significant.as_slice() else {
        return None;
    };
    if table.kind(*dot) != TokenKind::Dot || table.kind(*name) != TokenKind::Identifier {
        return None;
    }
    let base = text.get(..table.start(*dot) as usize)?;
    let name = text.get(table.start(*name) as usize..table.end(*name) as usize)?;
    // `f x.y` selects from `x`; only where the base can stand alone with a dot is it the base.
    let probe = format!("({base})");
    let probe = lex(probe.as_bytes());
    let options = firn_parser::ParseOptions {
        entry: Entry::Expression,
        ..options.clone()
    };
    let parsed = firn_parser::parse(&probe, &mut firn_parser::NullSink, &options);
    let is_whole =
        parsed.errors.is_empty() && stands_alone(&table, &significant[..significant.len() - 2]);
    is_whole.then_some((base, name))
}

/// Whether tokens are one operand: a name or something in brackets, with selections.
fn stands_alone(table: &firn_parser::TokenTable<'_>, tokens: &[u32]) -> bool {
    let mut depth = 0_i32;
    let mut expects_operand = true;
    for &token in tokens {
        match table.kind(token) {
            TokenKind::ParenOpen | TokenKind::BraceOpen | TokenKind::InterpolationOpen => {
                if depth == 0 && !expects_operand {
                    return false;
                }
                depth += 1;
            }
            TokenKind::ParenClose | TokenKind::BraceClose => {
                depth -= 1;
                expects_operand = false;
            }
            _ if depth > 0 => {}
            TokenKind::Dot => expects_operand = true,
            TokenKind::Identifier if expects_operand => expects_operand = false,
            _ => return false,
        }
    }
    depth == 0
}

/// The text of a comment `/** … */` without its ends and its indentation.
fn inner_text(comment: &[u8]) -> String {
    let text = String::from_utf8_lossy(comment);
    let text = text.strip_prefix("/**").unwrap_or(&text);
    let text = text.strip_suffix("*/").unwrap_or(text);
    if text.is_empty() {
        return String::new();
    }
    // What stood behind the opening of the comment was indented by it.
    without_indentation(&format!("   {text}"))
}

/// Takes the blanks away that all lines with text begin with.
fn without_indentation(text: &str) -> String {
    let blanks = |line: &str| line.len() - line.trim_start_matches(' ').len();
    let least = text
        .split('\n')
        .filter(|line| !line.trim_start_matches(' ').is_empty())
        .map(blanks)
        .min()
        .unwrap_or(0);
    let mut shown = String::with_capacity(text.len());
    for line in text.split('\n') {
        shown.push_str(line.get(least..).unwrap_or_default());
        shown.push('\n');
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn indentation_is_that_of_the_least_indented_line() {
        assert_eq!(without_indentation("  a\n\n    b"), "a\n\n  b\n");
        assert_eq!(inner_text(b"/** one\n    two\n*/").trim(), "one\ntwo");
        assert_eq!(inner_text(b"/***/"), "");
    }

    #[test]
    fn the_last_name_of_a_selection_is_found() {
        let check = |text: &str, expected: Option<(&str, &str)>| {
            assert_eq!(
                last_selection(text, &firn_parser::ParseOptions::default()),
                expected,
                "{text}"
            );
        };
        check("lib.version", Some(("lib", "version")));
        check("(import ./x.nix).a.b", Some(("(import ./x.nix).a", "b")));
        check("f x.y", None);
        check("x", None);
        check("1 + a.b", None);
    }
}

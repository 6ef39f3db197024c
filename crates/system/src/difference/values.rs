//! Comparing values of options as they are printed: sets by their members, however deep, so that what
//! is said is the member that differs and not everything that lies around it.
//!
//! A manifest has values as text, on one line, as the language prints them. Only the outermost
//! structure of a set is needed at each step, and no more of the syntax is understood here.

use std::collections::BTreeMap;

use super::{Fate, Fates};

/// What became of the value of an option, and of its members where it was and is a set.
pub(super) fn compare(name: &str, old: &str, new: &str, fates: &mut Fates) {
    if old == new {
        return;
    }
    let (Some(before), Some(after)) = (members(old), members(new)) else {
        let fate = Fate::Changed(old.to_owned(), new.to_owned());
        fates.insert(name.to_owned(), fate);
        return;
    };
    let below = |member: &str| format!("{name}.{member}");
    for (member, old) in &before {
        match after.get(member) {
            Some(new) => compare(&below(member), old, new, fates),
            None => drop(fates.insert(below(member), Fate::Removed((*old).to_owned()))),
        }
    }
    for (member, new) in &after {
        if !before.contains_key(member) {
            fates.insert(below(member), Fate::Added((*new).to_owned()));
        }
    }
}

/// The members of a set as it is printed, `{ a = 1; "b c" = { }; }`; nothing if it is none.
fn members(text: &str) -> Option<BTreeMap<&str, &str>> {
    let mut rest = text.strip_prefix('{')?.strip_suffix('}')?.trim();
    let mut members = BTreeMap::new();
    while !rest.is_empty() {
        let (name, after) = rest.split_at(end_of(rest, '=')?);
        let after = after[1..].trim_start();
        let (value, after) = after.split_at(end_of(after, ';')?);
        members.insert(name.trim(), value.trim());
        rest = after[1..].trim_start();
    }
    Some(members)
}

/// Where a letter stands that is in no string, set or list.
fn end_of(text: &str, letter: char) -> Option<usize> {
    let (mut depth, mut is_string, mut is_escaped) = (0_usize, false, false);
    for (at, it) in text.char_indices() {
        match it {
            _ if is_escaped => is_escaped = false,
            '\\' if is_string => is_escaped = true,
            '"' => is_string = !is_string,
            _ if is_string => {}
            '{' | '[' | '(' => depth += 1,
            '}' | ']' | ')' => depth = depth.checked_sub(1)?,
            _ if it == letter && depth == 0 => return Some(at),
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(old: &str, new: &str, expected: &[(&str, Fate)]) {
        let mut fates = Fates::new();
        compare("o", old, new, &mut fates);
        let expected = expected.iter().map(|it| (it.0.to_owned(), it.1.clone()));
        assert_eq!(fates, expected.collect());
    }

    #[test]
    fn sets_are_compared_by_their_members() {
        let changed = |old: &str, new: &str| Fate::Changed(old.to_owned(), new.to_owned());
        check(
            r#"{ motd = { mode = "a;b"; text = "one { \" = "; }; same = [ { x = 1; } ]; }"#,
            r#"{ motd = { mode = "a;b"; text = "two"; }; same = [ { x = 1; } ]; }"#,
            &[("o.motd.text", changed(r#""one { \" = ""#, r#""two""#))],
        );
        check(
            r#"{ gone = { }; "a.b" = 1; }"#,
            r#"{ "a.b" = 2; here = [ 1 2 ]; }"#,
            &[
                (r#"o."a.b""#, changed("1", "2")),
                ("o.gone", Fate::Removed("{ }".to_owned())),
                ("o.here", Fate::Added("[ 1 2 ]".to_owned())),
            ],
        );
    }

    #[test]
    fn what_is_no_set_changes_as_a_whole() {
        let changed = |old: &str, new: &str| Fate::Changed(old.to_owned(), new.to_owned());
        check("[ 1 ]", "[ 2 ]", &[("o", changed("[ 1 ]", "[ 2 ]"))]);
        check(
            "{ a = 1; }",
            "null",
            &[("o", changed("{ a = 1; }", "null"))],
        );
        check(
            "{ broken",
            "{ a = 1; }",
            &[("o", changed("{ broken", "{ a = 1; }"))],
        );
        check("{ }", "{ }", &[]);
    }
}

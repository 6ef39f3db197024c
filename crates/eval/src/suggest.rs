//! Names that may have been meant: the reference's distance and limits, so that its suggestions
//! come out word for word.

use firn_symbol::Symbol;

/// The number of insertions, deletions and replacements between two names.
fn distance(first: &[u8], second: &[u8]) -> usize {
    let mut last: Vec<usize> = (0..=second.len()).collect();
    for (i, left) in first.iter().enumerate() {
        let mut diagonal = last[0];
        last[0] = i + 1;
        for (j, right) in second.iter().enumerate() {
            let replace = diagonal + usize::from(left != right);
            diagonal = last[j + 1];
            last[j + 1] = replace.min(diagonal + 1).min(last[j] + 1);
        }
    }
    last[second.len()]
}

/// The names closest to `wanted`, best first.
pub fn suggestions<'a>(names: impl Iterator<Item = &'a [u8]>, wanted: &[u8]) -> Vec<String> {
    const MAX_DISTANCE: usize = 2;
    const MAX_NAMES: usize = 5;
    let mut found: Vec<(usize, &[u8])> = names
        .filter(|name| name.len().abs_diff(wanted.len()) <= MAX_DISTANCE)
        .map(|name| (distance(name, wanted), name))
        .filter(|(distance, _)| *distance <= MAX_DISTANCE)
        .collect();
    found.sort_unstable();
    found
        .into_iter()
        .take(MAX_NAMES)
        .map(|(_, name)| String::from_utf8_lossy(name).into_owned())
        .collect()
}

/// Functions of the usual library that people write without saying where they are.
const OF_LIB: &[&str] = &[
    "mkIf",
    "mkOption",
    "mkEnableOption",
    "mkDefault",
    "mkForce",
    "mkMerge",
    "mkBefore",
    "mkAfter",
    "mkOverride",
    "mkPackageOption",
    "types",
    "optional",
    "optionals",
    "optionalString",
    "optionalAttrs",
    "concatMapStringsSep",
    "genAttrs",
    "mapAttrsToList",
    "filterAttrs",
    "recursiveUpdate",
    "literalExpression",
    "makeBinPath",
    "fakeHash",
    "fakeSha256",
    "licenses",
];

/// What to say about a name that nothing in scope has.
pub(crate) fn help_for_variable(name: Symbol, in_scope: &[Symbol]) -> Option<String> {
    let text = name.to_string();
    let has = |wanted: &str| in_scope.iter().any(|it| it.as_bytes() == wanted.as_bytes());
    if OF_LIB.contains(&text.as_str()) && has("lib") {
        return Some(format!(
            "it is in 'lib': write 'lib.{text}', or 'inherit (lib) {text};' in a 'let'"
        ));
    }
    if has(&format!("__{text}")) {
        return Some(format!("it is a builtin: write 'builtins.{text}'"));
    }
    let names = in_scope
        .iter()
        .map(|it| it.as_bytes())
        .filter(|it| !it.starts_with(b"__"));
    let near = suggestions(names, name.as_bytes());
    let shown: Vec<String> = near.iter().map(|it| format!("'{it}'")).collect();
    match shown.as_slice() {
        [] => None,
        [only] => Some(format!("did you mean {only}?")),
        [init @ .., last] => Some(format!("did you mean {} or {last}?", init.join(", "))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_near_names_best_first() {
        let names: [&[u8]; 4] = [b"multiplay", b"multiply", b"x", b"mutliply"];
        let found = suggestions(names.into_iter(), b"multiply");
        assert_eq!(found, ["multiply", "multiplay", "mutliply"]);
        assert_eq!(distance(b"ab", b"ba"), 2);
        assert_eq!(distance(b"", b"abc"), 3);
    }
}

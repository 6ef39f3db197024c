//! Which known names a misspelt one may have meant.

/// At most this many are offered.
const MOST: usize = 5;
/// At most this many edits away.
const FARTHEST: usize = 2;

/// The nearest names, nearest first and then by name.
pub fn best_matches<'a>(word: &str, names: impl Iterator<Item = &'a str>) -> Vec<String> {
    let mut near: Vec<(usize, &str)> = names
        .map(|name| (distance(name, word), name))
        .filter(|it| it.0 <= FARTHEST)
        .collect();
    near.sort_unstable();
    near.dedup();
    near.into_iter()
        .take(MOST)
        .map(|it| it.1.to_owned())
        .collect()
}

/// "x", "one of x or y", "one of x, y or z".
pub fn in_words(names: &[String]) -> String {
    match names {
        [] => String::new(),
        [only] => only.clone(),
        [first @ .., last] => format!("one of {} or {last}", first.join(", ")),
    }
}

/// Number of edits that turn one word into the other.
fn distance(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (at, from) in left.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = at + 1;
        for (idx, &to) in right.iter().enumerate() {
            let changed = diagonal + usize::from(from != to);
            diagonal = row[idx + 1];
            row[idx + 1] = changed.min(row[idx] + 1).min(diagonal + 1);
        }
    }
    row[right.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_names_come_first() {
        assert_eq!(distance("build", "buidl"), 2);
        assert_eq!(distance("", "ab"), 2);
        let names = ["eval", "bundle", "build", "buil"];
        assert_eq!(best_matches("buildd", names.into_iter()), ["build", "buil"]);
        assert_eq!(best_matches("zork", names.into_iter()), [""; 0]);
    }

    #[test]
    fn lists_read_as_sentences() {
        let check = |names: &[&str], expected: &str| {
            let names: Vec<_> = names.iter().map(|&it| it.to_owned()).collect();
            assert_eq!(in_words(&names), expected);
        };
        check(&["a"], "a");
        check(&["a", "b"], "one of a or b");
        check(&["a", "b", "c"], "one of a, b or c");
    }
}

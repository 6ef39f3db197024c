//! Choosing packages: by selectors, the newest of several, what to upgrade to, how versions compare.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use firn_eval::{Ctx, ErrorKind, Fail};
use firn_events::{EventSink, Level};

use crate::element::Element;
use crate::name::{PackageName, Selector, compare_versions};

/// Which versions an upgrade may lead to, seen from the installed one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UpgradeRule {
    /// Newer ones.
    Newer,
    /// Newer ones and the same.
    NewerOrSame,
    /// The same.
    Same,
    /// Any.
    Any,
}

impl UpgradeRule {
    /// Whether it allows a version that compares so with the installed one.
    fn allows(self, installed_to_new: Ordering) -> bool {
        match self {
            Self::Newer => installed_to_new.is_lt(),
            Self::NewerOrSame => installed_to_new.is_le(),
            Self::Same => installed_to_new.is_eq(),
            Self::Any => true,
        }
    }
}

/// How many names are suggested for a selector that selects nothing.
const MAX_SUGGESTIONS: usize = 3;

/// The packages that words select, in the order of the words; all of them without words. With
/// `newest_only`, one package of each name for each word.
pub fn by_selectors<'h>(
    ctx: &mut Ctx<'h>,
    all: &[Element<'h>],
    words: &[String],
    newest_only: bool,
    system: &str,
    events: &dyn EventSink,
) -> Result<Vec<Element<'h>>, Fail> {
    let everything = ["*".to_owned()];
    let words = if words.is_empty() {
        &everything[..]
    } else {
        words
    };
    let names: Vec<PackageName> = all.iter().map(|it| PackageName::parse(&it.name)).collect();
    let mut chosen = Vec::new();
    let mut done = BTreeSet::new();
    for word in words {
        let selector = Selector::parse(word).map_err(|text| ctx.error(ErrorKind::Eval, text))?;
        let mut matches: Vec<usize> = Vec::new();
        for (number, name) in names.iter().enumerate() {
            if selector.matches(name) {
                matches.push(number);
            }
        }
        if matches.is_empty() && !selector.is_everything() {
            let message = nothing_selected(&selector, &names);
            return Err(ctx.error(ErrorKind::Eval, message));
        }
        if newest_only {
            let mut newest = Newest {
                all,
                names: &names,
                system,
            };
            matches = newest.pick(ctx, &matches, events)?;
        }
        for number in matches {
            if done.insert(number) {
                chosen.push(all[number].clone());
            }
        }
    }
    Ok(chosen)
}

fn nothing_selected(selector: &Selector, names: &[PackageName]) -> String {
    let mut similar = BTreeSet::new();
    for name in names {
        if name.name.starts_with(&selector.name.name) {
            similar.insert(name.name.as_str());
            if similar.len() == MAX_SUGGESTIONS {
                break;
            }
        }
    }
    let mut message = format!("selector '{}' matches no derivations", selector.name.full);
    if !similar.is_empty() {
        message.push_str(", maybe you meant:");
        for name in similar {
            message.push('\n');
            message.push_str(name);
        }
    }
    message
}

/// One package of each name: of this system, of the highest priority, of the newest version, and
/// otherwise the first.
struct Newest<'a, 'h> {
    all: &'a [Element<'h>],
    names: &'a [PackageName],
    system: &'a str,
}

impl<'h> Newest<'_, 'h> {
    fn pick(
        &mut self,
        ctx: &mut Ctx<'h>,
        matches: &[usize],
        events: &dyn EventSink,
    ) -> Result<Vec<usize>, Fail> {
        let mut newest: BTreeMap<&str, usize> = BTreeMap::new();
        let mut doubtful = BTreeSet::new();
        for &number in matches {
            let name = &self.names[number];
            let order = match newest.get(name.name.as_str()) {
                Some(&other) => self.compare(ctx, number, other)?,
                None => Ordering::Greater,
            };
            if order.is_gt() {
                newest.insert(&name.name, number);
                doubtful.remove(name.full.as_str());
            } else if order.is_eq() {
                doubtful.insert(name.full.as_str());
            }
        }
        for name in newest.keys() {
            if doubtful.contains(name) {
                let text = format!(
                    "warning: there are multiple derivations named '{name}'; using the first one"
                );
                events.message(Level::Warn, &text);
            }
        }
        Ok(newest.into_values().collect())
    }

    fn compare(&self, ctx: &mut Ctx<'h>, one: usize, other: usize) -> Result<Ordering, Fail> {
        let (one_system, other_system) = (self.all[one].system(ctx)?, self.all[other].system(ctx)?);
        let by_system = if one_system == other_system {
            Ordering::Equal
        } else {
            (one_system == self.system).cmp(&(other_system == self.system))
        };
        if by_system.is_ne() {
            return Ok(by_system);
        }
        let by_priority = compare_priorities(ctx, &self.all[one], &self.all[other])?;
        Ok(by_priority
            .then_with(|| compare_versions(&self.names[one].version, &self.names[other].version)))
    }
}

/// The one that wins is greater: the lower number.
fn compare_priorities<'h>(
    ctx: &mut Ctx<'h>,
    one: &Element<'h>,
    other: &Element<'h>,
) -> Result<Ordering, Fail> {
    let one = one.priority(ctx)?;
    Ok(other.priority(ctx)?.cmp(&one))
}

/// The best of the available packages to replace an installed one: of the same name, of a version
/// that the rule allows, not of a lower priority. `may_take` says whether one can be had at all.
pub fn best_upgrade<'h>(
    ctx: &mut Ctx<'h>,
    installed: &Element<'h>,
    available: &[Element<'h>],
    rule: UpgradeRule,
    mut may_take: impl FnMut(&mut Ctx<'h>, &Element<'h>) -> Result<bool, Fail>,
) -> Result<Option<usize>, Fail> {
    let name = PackageName::parse(&installed.name);
    let mut best: Option<(usize, String)> = None;
    for (number, element) in available.iter().enumerate() {
        if compare_priorities(ctx, installed, element)?.is_gt() {
            continue;
        }
        let new = PackageName::parse(&element.name);
        if new.name != name.name || !rule.allows(compare_versions(&name.version, &new.version)) {
            continue;
        }
        let order = match &best {
            Some((best, version)) => compare_priorities(ctx, &available[*best], element)?
                .then_with(|| compare_versions(version, &new.version)),
            None => Ordering::Less,
        };
        if order.is_lt() && may_take(ctx, element)? {
            best = Some((number, new.version));
        }
    }
    Ok(best.map(|it| it.0))
}

/// How a version compares with those of the packages of the same name in a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VersionDifference {
    /// Only lower versions are there.
    Less,
    /// The same version is there, and none higher.
    Equal,
    /// A higher version is there.
    Greater,
    /// No package of the name is there.
    Unavailable,
}

/// Package names of a list, taken apart once for [`compare_with`].
pub struct Compared(BTreeMap<String, Vec<String>>);

/// Takes the names of a list apart.
pub fn compared(elements: &[Element<'_>]) -> Compared {
    let mut versions: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for element in elements {
        let name = PackageName::parse(&element.name);
        versions.entry(name.name).or_default().push(name.version);
    }
    Compared(versions)
}

/// How the version of a package compares with those of its namesakes, and which of these says so.
pub fn compare_with(element: &Element<'_>, others: &Compared) -> (VersionDifference, String) {
    use VersionDifference::{Equal, Greater, Less, Unavailable};
    let name = PackageName::parse(&element.name);
    let mut difference = Unavailable;
    let mut version = "?".to_owned();
    for other in others.0.get(&name.name).into_iter().flatten() {
        match compare_versions(&name.version, other) {
            Ordering::Less => {
                difference = Greater;
                version.clone_from(other);
            }
            Ordering::Equal if difference != Greater => {
                difference = Equal;
                version.clone_from(other);
            }
            Ordering::Greater if difference != Greater && difference != Equal => {
                difference = Less;
                if version.is_empty() || compare_versions(&version, other).is_lt() {
                    version.clone_from(other);
                }
            }
            _ => {}
        }
    }
    (difference, version)
}

/// Sorts packages by name, without regard to case.
pub fn sort_by_name(elements: &mut [Element<'_>]) {
    elements.sort_by_cached_key(|it| it.name.to_ascii_uppercase());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_allow_versions() {
        let check = |rule: UpgradeRule, expected: [bool; 3]| {
            let versions = ["0.9", "1.0", "1.1"];
            let allowed = versions.map(|new| rule.allows(compare_versions("1.0", new)));
            assert_eq!(allowed, expected, "{rule:?}");
        };
        check(UpgradeRule::Newer, [false, false, true]);
        check(UpgradeRule::NewerOrSame, [false, true, true]);
        check(UpgradeRule::Same, [false, true, false]);
        check(UpgradeRule::Any, [true, true, true]);
    }
}

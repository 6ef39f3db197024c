//! The table, in the form in which the README carries it.

use std::fmt::Write as _;

use crate::measure::{Cost, Row};

/// One line of the table.
pub(crate) fn row(row: &Row) -> String {
    let Row { name, ours, peer } = row;
    format!(
        "| {name} | {:.3} -> {:.3} | {:.2} | {:.2} | {:.0} -> {:.0} | {:.2} |",
        peer.user,
        ours.user,
        ratio(ours, peer, |cost| cost.user),
        ratio(ours, peer, |cost| cost.total),
        peer.memory,
        ours.memory,
        ratio(ours, peer, |cost| cost.memory),
    )
}

/// The whole table with the geometric means below.
pub(crate) fn render(rows: &[Row]) -> String {
    let mut text = String::from(
        "| workload | user, peer -> firn (s) | user ratio | total ratio | memory, peer -> firn (MiB) | memory ratio |\n\
         |---|---:|---:|---:|---:|---:|\n",
    );
    for line in rows {
        writeln!(text, "{}", row(line)).expect("writing to a string cannot fail");
    }
    let mean = |pick: fn(&Cost) -> f64| {
        let sum: f64 = rows
            .iter()
            .map(|row| ratio(&row.ours, &row.peer, pick).ln())
            .sum();
        (sum / rows.len() as f64).exp()
    };
    let (user, total, memory) = (
        mean(|cost| cost.user),
        mean(|cost| cost.total),
        mean(|cost| cost.memory),
    );
    writeln!(
        text,
        "| **geometric mean** | | **{user:.2}** | **{total:.2}** | | **{memory:.2}** |"
    )
    .expect("writing to a string cannot fail");
    text
}

/// Ours by theirs; the kernel counts in steps, so nothing is taken as less than a millisecond.
fn ratio(ours: &Cost, peer: &Cost, pick: fn(&Cost) -> f64) -> f64 {
    pick(ours).max(0.001) / pick(peer).max(0.001)
}

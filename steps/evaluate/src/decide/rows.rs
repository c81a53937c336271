//! Are there rows to judge on, and has every row a score?

use step_report::{Bound, Check, Sample};

use super::Size;
use super::figures::count;
use crate::config::Gates;
use crate::evidence::{Evidence, Scores};

/// Rows without a score that a check names.
const NAMED: usize = 10;

/// A score that is missing is not a row that may be left out: the model fails on it.
pub(super) fn scores(evidence: &Evidence) -> Vec<Check> {
    let sides = [
        ("challenger", Some(&evidence.challenger)),
        ("champion", evidence.champion.as_ref()),
    ];
    sides
        .into_iter()
        .filter_map(|(side, scores)| Some(finite(side, scores?, evidence)))
        .collect()
}

fn finite(side: &str, scores: &Scores, evidence: &Evidence) -> Check {
    let missing = scores.missing.len() as u64;
    let check = Check::new(format!("scores:{side}"), "scores")
        .table(side)
        .observed(missing)
        .bound(Bound::equals(0.0))
        .n(scores.values.len() as u64)
        .samples(scores.missing.iter().take(NAMED).map(|(row, what)| {
            Sample::new(*what)
                .row(*row as u64)
                .detail(format!("id {}", evidence.rows.ids.get(*row)))
        }));
    if missing == 0 {
        return check.pass(format!("every row has a finite score of the {side}"));
    }
    let ids: Vec<&str> = scores
        .missing
        .iter()
        .take(3)
        .map(|(row, _)| evidence.rows.ids.get(*row))
        .collect();
    let more = if missing > 3 { ", …" } else { "" };
    check.fail(format!(
        "{} of the {side} {} null, NaN or infinite (id {}{more}): every row needs a score",
        count(missing, "score", "scores"),
        if missing == 1 { "is" } else { "are" },
        ids.join(", ")
    ))
}

/// On too few rows nothing is judged.
pub(super) fn enough(gates: &Gates, size: Size) -> Check {
    let check = Check::new("rows:all", "rows")
        .observed(size.rows)
        .bound(Bound::at_least(gates.min_rows as f64))
        .n(size.rows)
        .detail("positives", size.positives)
        .detail("negatives", size.negatives());
    match size.lacks(gates.min_rows, gates.min_per_class) {
        Some(lack) => check.insufficient(format!("too few rows to judge on: {lack}")),
        None => check.pass(format!(
            "{}, {} of them positive",
            count(size.rows, "row", "rows"),
            count(size.positives, "row", "rows")
                .trim_end_matches(" rows")
                .trim_end_matches(" row")
        )),
    }
}

//! What a sample of the rows can say of all of them.

use step_report::{Bound, Check, Observed, Outcome};

use crate::gather::Evidence;

/// Which answers about a sample are answers about the whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Carries {
    /// Both, and from no row as well: it was read of more than the sample.
    Whole,
    /// Both are estimates of the same figure.
    Both,
    /// What is bad in a part is bad in the whole; what is good in a part may be bad elsewhere.
    No,
    /// What is there in a part is there in the whole.
    Yes,
    /// Neither: the figure grows with the rows, or what is missing in a part may be elsewhere.
    Neither,
    /// The whole has no larger one.
    Smallest,
    /// The whole has no smaller one.
    Largest,
}

fn carries(kind: &str) -> Carries {
    match kind {
        "column" | "schema" | "column_count" | "column_order" | "header" | "physical_type" | "readable"
        | "row_count" | "row_count_against" | "window" | "where" => Carries::Whole,
        "unique" | "duplicate_rows" | "increasing" | "decreasing" | "time_order" | "references"
        | "row_overlap" | "group_overlap" | "same_rows" => Carries::No,
        "contains" | "not_empty" | "not_constant" => Carries::Yes,
        "distinct_count" | "unique_rate" | "sum" | "null_count" | "imbalance" | "new_category"
        | "freshness" => Carries::Neither,
        "min" => Carries::Smallest,
        "max" => Carries::Largest,
        _ => Carries::Both,
    }
}

/// Turns the answers that a sample cannot give into too little evidence.
pub(super) fn temper(evidence: &Evidence, checks: &mut [Check]) {
    for table in &evidence.tables {
        let Some(share) = table.sample else { continue };
        let of_it = checks
            .iter_mut()
            .filter(|check| check.target.table.as_deref() == Some(table.name.as_str()));
        for check in of_it {
            let good = check.outcome == Outcome::Pass;
            let bad = matches!(check.outcome, Outcome::Fail | Outcome::Warn);
            let (min, max) = ends(check.bound.as_ref());
            let observed = check.observed.as_ref().and_then(Observed::number);
            let stands = match carries(&check.kind) {
                Carries::Whole => true,
                _ if table.looked_at() == 0 => !good && !bad,
                Carries::Both => true,
                Carries::No => !good,
                Carries::Yes => !bad,
                Carries::Neither => !good && !bad,
                Carries::Smallest if bad => observed.zip(min).is_some_and(|(value, min)| value < min),
                Carries::Largest if bad => observed.zip(max).is_some_and(|(value, max)| value > max),
                Carries::Smallest => !good || min.is_none(),
                Carries::Largest => !good || max.is_none(),
            };
            if !stands {
                check.outcome = Outcome::Insufficient;
                check.why = format!(
                    "a sample of {share} of the rows cannot decide this: {}",
                    check.why
                );
            }
        }
    }
}

/// The lower and the upper end of a bound.
fn ends(bound: Option<&Bound>) -> (Option<f64>, Option<f64>) {
    match bound {
        Some(Bound::AtLeast(min)) => (Some(*min), None),
        Some(Bound::AtMost(max)) => (None, Some(*max)),
        Some(Bound::Between { lower, upper }) => (Some(*lower), Some(*upper)),
        _ => (None, None),
    }
}

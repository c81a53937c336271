//! What a sample of the rows can say of all of them.

use step_report::{Check, Outcome};

use crate::gather::Evidence;

/// Which answers about a sample are answers about the whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Carries {
    /// Both are estimates of the same figure.
    Both,
    /// What is bad in a part is bad in the whole; what is good in a part may be bad elsewhere.
    No,
    /// What is there in a part is there in the whole.
    Yes,
    /// Neither: the figure grows with the rows, or what is missing in a part may be elsewhere.
    Neither,
}

fn carries(kind: &str) -> Carries {
    match kind {
        "unique" | "duplicate_rows" | "increasing" | "decreasing" | "min" | "max" | "time_order"
        | "relationship" | "row_overlap" | "group_overlap" | "same_rows" => Carries::No,
        "contains" | "not_empty" | "not_constant" => Carries::Yes,
        "distinct_count" | "unique_rate" | "sum" | "null_count" | "imbalance" | "new_category"
        | "freshness" => Carries::Neither,
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
            let stands = match carries(&check.kind) {
                Carries::Both => true,
                Carries::No => !good,
                Carries::Yes => !bad,
                Carries::Neither => !good && !bad,
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

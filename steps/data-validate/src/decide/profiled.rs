//! What profiles can say of the rows that they were made of.

use step_report::Check;

use crate::gather::Evidence;

/// Turns the answers that take rows of two tables to be compared into too little evidence.
pub(super) fn temper(evidence: &Evidence, checks: &mut [Check]) {
    if !evidence.is_of_profiles {
        return;
    }
    let compares = [
        "row_overlap",
        "same_rows",
        "group_overlap",
        "new_category",
        "label_shift",
    ];
    for check in checks
        .iter_mut()
        .filter(|check| compares.contains(&check.kind.as_str()))
    {
        check.outcome = step_report::Outcome::Insufficient;
    }
}

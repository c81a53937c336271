//! What the renderings share: groups of checks, and the sentences about them.

use crate::{Bound, Check, Counts, Outcome, Report, text};

/// A group of checks under one heading.
pub(crate) struct Group<'a> {
    pub(crate) heading: &'static str,
    /// Noun for a sentence: `passed check`.
    pub(crate) noun: &'static str,
    /// True when a reader must see it without asking.
    pub(crate) open: bool,
    pub(crate) checks: Vec<&'a Check>,
}

/// The groups that have checks, the gravest first.
pub(crate) fn groups(report: &Report) -> Vec<Group<'_>> {
    let kinds: [(&[Outcome], &str, &str, bool); 5] = [
        (&[Outcome::Error, Outcome::Fail], "Failed", "failed", true),
        (&[Outcome::Warn], "Warnings", "warning", true),
        (&[Outcome::Insufficient], "Not enough evidence", "undecided", true),
        (&[Outcome::Skipped], "Skipped", "skipped", false),
        (&[Outcome::Pass], "Passed", "passed", false),
    ];
    let checks = report.by_gravity();
    kinds
        .into_iter()
        .map(|(outcomes, heading, noun, open)| {
            let checks = checks
                .iter()
                .copied()
                .filter(|check| outcomes.contains(&check.outcome))
                .collect();
            Group {
                heading,
                noun,
                open,
                checks,
            }
        })
        .filter(|group: &Group<'_>| !group.checks.is_empty())
        .collect()
}

/// `40 checks: 3 fail, 2 warn, 35 pass`; nothing without checks.
pub(crate) fn summary(counts: &Counts) -> String {
    if counts.total == 0 {
        return String::new();
    }
    let parts: Vec<String> = Outcome::BY_GRAVITY
        .into_iter()
        .filter(|outcome| counts.get(*outcome) > 0)
        .map(|outcome| text::plural(counts.get(outcome), outcome.word(), outcome.word()))
        .collect();
    format!(
        "{}: {}",
        text::plural(counts.total, "check", "checks"),
        parts.join(", ")
    )
}

/// The observed value, or why there is none.
pub(crate) fn observed(check: &Check) -> String {
    match (&check.observed, check.missing.get("observed")) {
        (Some(observed), _) => observed.display(check.format),
        (None, Some(reason)) => reason.clone(),
        (None, None) => crate::number::NO_VALUE.to_owned(),
    }
}

/// The bound with the signs of print, or a dash.
pub(crate) fn bound(check: &Check) -> String {
    match &check.bound {
        None => crate::number::NO_VALUE.to_owned(),
        Some(bound @ Bound::AtLeast(_)) => bound.display(check.format).replacen(">=", "≥", 1),
        Some(bound @ Bound::AtMost(_)) => bound.display(check.format).replacen("<=", "≤", 1),
        Some(bound) => bound.display(check.format),
    }
}

/// `0.902 to 0.918`, when there is one.
pub(crate) fn interval(check: &Check) -> Option<String> {
    let interval = check.interval.as_ref()?;
    Some(interval.display(check.format))
}

/// `95% delong`, when there is an interval.
pub(crate) fn interval_method(check: &Check) -> Option<String> {
    let interval = check.interval.as_ref()?;
    Some(
        format!(
            "{} {}",
            crate::Format::Percent.show(interval.level),
            interval.method
        )
        .trim()
        .to_owned(),
    )
}

/// A p-value.
pub(crate) fn p_value(p: Option<f64>) -> String {
    p.map_or_else(String::new, |p| crate::Format::PValue.show(p))
}

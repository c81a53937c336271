//! Groups of checks as the template gets them.

use serde::Serialize;

use crate::render::view::{self, Group};
use crate::{Cell, Check, Sample, Severity, text};

/// Most checks of a group on the page.
const CHECKS: usize = 300;
/// Most examples of a check on the page.
const SAMPLES: usize = 10;
/// Most details of a check on the page.
const DETAILS: usize = 24;

#[derive(Serialize)]
pub(super) struct GroupView {
    heading: &'static str,
    count: String,
    with_interval: bool,
    with_p: bool,
    with_n: bool,
    checks: Vec<CheckView>,
    /// A sentence when there are more checks than are shown.
    rest: String,
}

#[derive(Serialize)]
struct CheckView {
    outcome: &'static str,
    id: String,
    why: String,
    observed: String,
    bound: String,
    interval: String,
    p: String,
    p_adjusted: String,
    n: String,
    more: String,
    facts: Vec<(String, String)>,
    samples: Vec<(String, String)>,
    rest: String,
}

impl GroupView {
    pub(super) fn of(group: &Group<'_>) -> Self {
        let checks = &group.checks;
        let shown = &checks[..checks.len().min(CHECKS)];
        let rest = match checks.len() - shown.len() {
            0 => String::new(),
            hidden => format!(
                "{} more {} not shown here; report.json has them all.",
                Cell::from(hidden).display(),
                if hidden == 1 { "check is" } else { "checks are" }
            ),
        };
        Self {
            heading: group.heading,
            count: Cell::from(checks.len()).display(),
            with_interval: shown.iter().any(|check| check.interval.is_some()),
            with_p: shown
                .iter()
                .any(|check| check.p.is_some() || check.p_adjusted.is_some()),
            with_n: shown.iter().any(|check| check.n.is_some()),
            checks: shown.iter().map(|check| CheckView::of(check)).collect(),
            rest,
        }
    }
}

impl CheckView {
    fn of(check: &Check) -> Self {
        let facts = facts(check);
        let samples: Vec<_> = check.samples.iter().take(SAMPLES).map(sample).collect();
        let hidden = check.samples.len() - samples.len();
        let mut more = Vec::new();
        if !samples.is_empty() {
            more.push(text::plural(check.samples.len(), "example", "examples"));
        }
        if !facts.is_empty() {
            more.push(text::plural(facts.len(), "detail", "details"));
        }
        Self {
            outcome: check.outcome.word(),
            id: text::short(&check.id, 160),
            why: text::short(&check.why, 800),
            observed: text::short(&text::brief_digests(&view::observed(check)), 120),
            bound: text::short(&text::brief_digests(&view::bound(check)), 160),
            interval: text::short(&view::interval(check).unwrap_or_default(), 80),
            p: view::p_value(check.p),
            p_adjusted: view::p_value(check.p_adjusted),
            n: check.n.map_or_else(String::new, |n| Cell::from(n).display()),
            more: more.join(", "),
            facts,
            samples,
            rest: if hidden == 0 {
                String::new()
            } else {
                format!("{} more in report.json.", Cell::from(hidden).display())
            },
        }
    }
}

fn facts(check: &Check) -> Vec<(String, String)> {
    let mut facts: Vec<(String, String)> = Vec::new();
    // What the id already says is not said again.
    for (name, part) in check.target.parts().filter(|(_, part)| !check.id.contains(part)) {
        facts.push((name.to_owned(), text::short(part, 200)));
    }
    // What the narrow columns cut.
    for (name, whole) in [
        ("observed", view::observed(check)),
        ("allowed", view::bound(check)),
    ] {
        if text::brief_digests(&whole) != whole {
            facts.push((name.to_owned(), text::short(&whole, 200)));
        }
    }
    if check.severity == Severity::Warn {
        facts.push(("severity".to_owned(), "a miss only warns".to_owned()));
    }
    if let Some(method) = view::interval_method(check) {
        facts.push(("interval".to_owned(), text::short(&method, 120)));
    }
    if let Some(test) = &check.test {
        facts.push(("test".to_owned(), text::short(test, 120)));
    }
    let missing = check
        .missing
        .iter()
        .filter(|(name, _)| name.as_str() != "observed");
    facts.extend(missing.map(|(name, reason)| (text::short(name, 60), text::short(reason, 200))));
    let room = DETAILS.saturating_sub(facts.len());
    facts.extend(
        check
            .details
            .iter()
            .take(room)
            .map(|(name, value)| (text::short(name, 60), text::value(value, 200))),
    );
    facts
}

fn sample(sample: &Sample) -> (String, String) {
    let mut place = Vec::new();
    if let Some(count) = sample.count.filter(|count| *count != 1 || sample.row.is_none()) {
        place.push(format!(
            "{} {}",
            Cell::from(count).display(),
            if count == 1 { "row" } else { "rows" }
        ));
    }
    let object = sample.object.as_ref().map(|object| text::short(object, 160));
    match (sample.row, object) {
        (Some(row), Some(object)) => place.push(format!("row {} of {object}", Cell::from(row).display())),
        (Some(row), None) => place.push(format!("row {}", Cell::from(row).display())),
        (None, Some(object)) => place.push(object),
        (None, None) => {}
    }
    place.extend(sample.detail.iter().map(|detail| text::short(detail, 160)));
    (text::short(&sample.value, 120), place.join(", "))
}

//! Gaps between the groups of a sensitive column.

use drift_stats::proportion::newcombe;
use drift_stats::{Confidence, Proportion};
use step_report::{Bound, Check, Interval, Sample, Severity};

use super::count;
use super::estimate::Models;
use super::figures::{apart, show};
use crate::config::{Fairness, Gap, Gates};
use crate::evidence::{Evidence, Groups};
use crate::metrics::Scored;

/// A rate of one group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupRate {
    /// The group.
    pub name: String,
    /// Rows that are predicted positive.
    pub selected: u64,
    /// Rows that the rate is a share of.
    pub among: u64,
}

impl GroupRate {
    /// The rate; 0 of 0 has none.
    pub fn rate(&self) -> Option<f64> {
        (self.among > 0).then(|| self.selected as f64 / self.among as f64)
    }

    fn proportion(&self) -> Option<Proportion> {
        Proportion::new(self.selected, self.among).ok()
    }
}

/// The rate that a gap compares, for every group.
pub fn group_rates(model: &Scored<'_>, groups: &Groups, gap: Gap) -> Vec<GroupRate> {
    let empty = |name: &String| GroupRate {
        name: name.clone(),
        selected: 0,
        among: 0,
    };
    let mut rates: Vec<GroupRate> = groups.names.iter().map(empty).collect();
    for (row, group) in groups.of_row.iter().enumerate() {
        let counts = match gap {
            Gap::DemographicParity => true,
            Gap::Tpr => model.labels()[row],
            Gap::Fpr => !model.labels()[row],
        };
        if counts {
            let rate = &mut rates[*group as usize];
            rate.among += 1;
            rate.selected += u64::from(model.predicts(row));
        }
    }
    rates
}

/// Holds every gap of every sensitive column.
pub(super) fn hold(gates: &Gates, evidence: &Evidence, models: Option<&Models<'_>>) -> Vec<Check> {
    let Some(fairness) = &gates.fairness else {
        return Vec::new();
    };
    let mut checks = Vec::new();
    for groups in &evidence.rows.sensitive {
        for gap in &fairness.gaps {
            let check = Check::new(format!("fairness:{}:{}", gap.name(), groups.column), "fairness")
                .metric(gap.name())
                .column(&*groups.column)
                .severity(fairness.severity)
                .bound(Bound::at_most(fairness.max_disparity));
            match models {
                Some(models) => checks.extend(one(
                    check,
                    fairness,
                    *gap,
                    &groups.column,
                    &group_rates(&models.challenger, groups, *gap),
                    gates.confidence,
                )),
                None => checks.push(
                    check
                        .not_observed("scores are missing")
                        .error(format!("{} was not computed: scores are missing", gap.name())),
                ),
            }
        }
    }
    checks
}

/// The gap between the extremes of the groups that are large enough; each of the others is named.
fn one(
    check: Check,
    fairness: &Fairness,
    gap: Gap,
    column: &str,
    rates: &[GroupRate],
    level: f64,
) -> Vec<Check> {
    let (large, small): (Vec<_>, Vec<_>) = rates.iter().partition(|rate| rate.among >= fairness.min_rows);
    let mut checks = vec![judge(check, fairness, gap, (column, large.as_slice()), level)];
    checks.extend(small.iter().map(|group| {
        Check::new(
            format!("fairness:{}:{column}={}", gap.name(), group.name),
            "fairness_group",
        )
        .metric(gap.name())
        .column(column)
        .slice(format!("{column}={}", group.name))
        .severity(Severity::Warn)
        .n(group.among)
        .not_observed("too few rows")
        .insufficient(format!(
            "group {column}={} has {} {}, {} are needed: its {} is not judged",
            group.name,
            group.among,
            gap.among(),
            fairness.min_rows,
            gap.name()
        ))
    }));
    checks
}

fn judge(
    check: Check,
    fairness: &Fairness,
    gap: Gap,
    (column, large): (&str, &[&GroupRate]),
    level: f64,
) -> Check {
    let check = check.n(large.iter().map(|group| group.among).sum());
    let mut sorted: Vec<(&GroupRate, f64)> = large
        .iter()
        .filter_map(|group| Some((*group, group.rate()?)))
        .collect();
    sorted.sort_by(|a, b| a.1.total_cmp(&b.1));
    let (Some((lowest, low)), Some((highest, high)), true) =
        (sorted.first().copied(), sorted.last().copied(), sorted.len() >= 2)
    else {
        return check.not_observed("fewer than two groups").insufficient(format!(
            "{} over {column} needs two groups of {} {}; there {} {}",
            gap.name(),
            fairness.min_rows,
            gap.among(),
            if sorted.len() == 1 { "is" } else { "are" },
            sorted.len()
        ));
    };
    let value = high - low;
    let mut check = check.observed(value).samples(
        [(highest, high), (lowest, low)]
            .map(|(group, rate)| Sample::new(&*group.name).count(group.among).detail(show(rate))),
    );
    if let (Some(a), Some(b), Ok(confidence)) =
        (highest.proportion(), lowest.proportion(), Confidence::new(level))
        && let Ok(ends) = newcombe(a, b, confidence)
    {
        check = check.interval(Interval::new(
            ends.lower,
            ends.upper,
            level,
            "Newcombe, of the two extreme groups",
        ));
    }
    let (shown, bound) = apart(value, fairness.max_disparity);
    let good = value <= fairness.max_disparity;
    let says = if good { "is at most" } else { "is above" };
    check.judge(
        good,
        format!(
            "{} over {column} {shown} {says} {bound}: {} {} in {} ({}), {} in {} ({})",
            gap.name(),
            gap.rate(),
            show(high),
            highest.name,
            count(highest.among, "row", "rows"),
            show(low),
            lowest.name,
            count(lowest.among, "row", "rows"),
        ),
    )
}

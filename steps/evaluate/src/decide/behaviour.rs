//! Behavioural tests: the share of rows on which the model behaves.

use drift_stats::{Confidence, Proportion};
use step_report::{Bound, Check, Format, Interval, Sample};

use super::count;
use super::figures::{apart, show};
use crate::config::Gates;
use crate::config::behaviour::{DirectionWord, Expect, RateRuleWord, Test};
use crate::evidence::{Evidence, TriedRow};

/// Rows that a check shows.
const SHOWN: usize = 10;

/// Holds every test.
pub(super) fn hold(gates: &Gates, tests: &[Test], evidence: &Evidence) -> Vec<Check> {
    tests
        .iter()
        .enumerate()
        .map(|(at, test)| {
            let check = Check::new(format!("behaviour:{}", test.name), "behaviour")
                .metric("pass_rate")
                .format(Format::Percent)
                .severity(test.severity)
                .bound(Bound::at_least(test.min_pass_rate))
                .detail("type", test.expect.kind());
            match evidence.behaviour.get(at) {
                Some(tried) => one(check, gates, test, &tried.rows),
                None => check
                    .not_observed("not tried")
                    .error(format!("`{}` was not tried", test.name)),
            }
        })
        .collect()
}

fn one(check: Check, gates: &Gates, test: &Test, rows: &[TriedRow]) -> Check {
    let misses: Vec<(&TriedRow, String)> = rows
        .iter()
        .filter_map(|row| Some((row, miss(gates, test.expect, row)?)))
        .collect();
    let (n, passed) = (rows.len() as u64, (rows.len() - misses.len()) as u64);
    let check = check.n(n).samples(
        misses
            .iter()
            .take(SHOWN)
            .map(|(row, how)| Sample::new(format!("id {}", row.id)).detail(how)),
    );
    let confidence = Confidence::new(gates.confidence).ok();
    let rate = Proportion::new(passed, n).ok();
    let (Some(share), Some(ends)) = (rate, rate.zip(confidence).and_then(|(r, c)| r.wilson(c).ok())) else {
        return check
            .not_observed("no row was tried")
            .insufficient(format!("`{}` was tried on no row", test.name));
    };
    let check = check.observed(share.share()).interval(Interval::new(
        ends.lower,
        ends.upper,
        gates.confidence,
        "Wilson",
    ));
    let kind = test.expect.kind();
    let tried = format!(
        "{kind} `{}` passes on {passed} of {}",
        test.name,
        count(n, "row", "rows")
    );
    match test.rule {
        RateRuleWord::Point => {
            let (shown, bound) = apart(share.share(), test.min_pass_rate);
            let good = share.share() >= test.min_pass_rate;
            check.judge(good, format!("{tried}: {shown} against {bound}"))
        }
        RateRuleWord::CiLower => {
            let most = Proportion::new(n, n)
                .ok()
                .zip(confidence)
                .and_then(|(all, c)| all.wilson(c).ok());
            if passed == n && most.is_some_and(|most| most.lower < test.min_pass_rate) {
                return check.insufficient(format!(
                    "{tried}, but so few rows show no more than {}: {} is asked for, try more rows",
                    show(ends.lower),
                    show(test.min_pass_rate)
                ));
            }
            let (shown, bound) = apart(ends.lower, test.min_pass_rate);
            let good = ends.lower >= test.min_pass_rate;
            check.judge(good, format!("{tried}: at least {shown} against {bound}"))
        }
    }
}

/// What is wrong with the answers, if something is.
fn miss(gates: &Gates, expect: Expect, row: &TriedRow) -> Option<String> {
    if row.after.is_empty() || row.after.iter().any(|score| !score.is_finite()) {
        return Some("no finite score".to_owned());
    }
    match expect {
        Expect::Label(label) => {
            let Some(wanted) = row.label.or(label) else {
                return Some("no label to hold it to".to_owned());
            };
            let wrong = row
                .after
                .iter()
                .find(|score| (**score >= gates.threshold) != wanted)?;
            Some(format!(
                "score {}, label {} is asked for",
                show(*wrong),
                u8::from(wanted)
            ))
        }
        Expect::Unmoved(tolerance) => moved(row, |move_| move_.abs() > tolerance),
        Expect::Moved(DirectionWord::Increase, tolerance) => moved(row, |move_| move_ < -tolerance),
        Expect::Moved(DirectionWord::Decrease, tolerance) => moved(row, |move_| move_ > tolerance),
    }
}

fn moved(row: &TriedRow, wrong: impl Fn(f64) -> bool) -> Option<String> {
    let Some(before) = row.before.filter(|score| score.is_finite()) else {
        return Some("no finite score before the change".to_owned());
    };
    let after = row.after.iter().find(|after| wrong(**after - before))?;
    Some(format!("score {} becomes {}", show(before), show(*after)))
}

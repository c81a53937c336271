//! How far from what was seen the next table may be: every constant and every formula of `infer`.

use drift_stats::{Confidence, Interval, Proportion};

use crate::import::suite::rest_of;

/// The level of every interval. Of a suite with a thousand bounds one misses by chance; at 95 % fifty would.
const LEVEL: f64 = 0.999;
/// The next table has at least so many rows for each row of this one, and at most [`MOST_ROWS`]. Every margin is for the
/// fewest.
const FEWEST_ROWS: f64 = 0.5;
/// See [`FEWEST_ROWS`].
const MOST_ROWS: f64 = 2.0;
/// What was not seen once is taken never to be, where Wilson's interval leaves it less than this share: in 1,072 rows.
const NEVER: f64 = 0.01;
/// A shift that is called small, of means in standard deviations (d) and of shares (h): J. Cohen, "Statistical power
/// analysis for the behavioral sciences", 2nd ed., 1988, 2.2 and 6.2. So much a source may move with nothing wrong.
const SMALL: f64 = 0.2;
/// How far the rank of a quantile may move with nothing wrong: a twentieth of the rows.
const SMALL_RANK: f64 = 0.05;
/// A range is wider at each end by so many times the distance from the 0.001 to the 0.999 quantile, which a few outliers do
/// not stretch. Once is enough for an exponential tail: of two samples of which one has r times the rows, its largest value
/// is d scale units beyond the other's with the chance r / (r + e^d), and d is ln 999 here, so 1 in 500 for twice the rows.
pub(super) const PADDING: f64 = 1.0;
/// The quantiles that [`PADDING`] is measured between.
pub(super) const INNER: (f64, f64) = (0.001, 0.999);
/// Fewer values say nothing of a mean: the usual rule of thumb for the central limit theorem.
pub(super) const FEW: u64 = 30;
/// Values that are listed at most, of texts (as TFDV's `infer_schema`) and of whole numbers, whose neighbours are as likely.
pub(super) const SET: u64 = 100;
/// See [`SET`].
pub(super) const SET_OF_WHOLE: u64 = 20;
/// A set is closed when each of its values was seen so often: by I. Good, "The population frequencies of species and the
/// estimation of population parameters" (Biometrika 40, 1953), unseen values are then about 0 of all.
pub(super) const OFTEN: u64 = 5;
/// The share of unseen values, by the same estimate, up to which a column is a set at all.
pub(super) const UNSEEN: f64 = 0.05;
/// Values that must all differ before they are taken for keys.
pub(super) const KEYS: u64 = 100;
/// Standard errors within which a count of different values is taken for another.
pub(super) const ERRORS: f64 = 3.0;
/// A rule that fewer values need to meet is no rule.
const LEAST_MOSTLY: f64 = 0.5;

/// The fewest and the most rows of the next table.
pub(super) fn rows(rows: u64) -> (u64, u64) {
    (fewest(rows), (rows as f64 * MOST_ROWS) as u64)
}

fn fewest(rows: u64) -> u64 {
    ((rows as f64 * FEWEST_ROWS) as u64).max(1)
}

fn confidence() -> Option<Confidence> {
    Confidence::new(LEVEL).ok()
}

fn next(seen: u64, of: u64) -> Option<Interval> {
    let share = Proportion::new(seen, of).ok()?;
    share.wilson_next(fewest(of), confidence()?).ok()
}

/// The most that a share may be in the next table: the upper end of Wilson's interval for a further sample, up to three
/// digits. 1 where nothing can be said.
pub(super) fn most(seen: u64, of: u64) -> f64 {
    let upper = next(seen, of).map_or(1.0, |interval| interval.upper);
    ceil(upper).min(1.0)
}

/// Whether what was not seen once in so many is taken never to be.
pub(super) fn is_never(of: u64) -> bool {
    let sure = || Proportion::new(0, of).ok()?.wilson(confidence()?).ok();
    sure().is_some_and(|interval| interval.upper <= NEVER)
}

/// The share of values that must meet a rule which all but `bad` of them met; `None` where that is too few to ask.
pub(super) fn mostly(bad: u64, of: u64) -> Option<f64> {
    if bad == 0 && is_never(of) {
        return Some(1.0);
    }
    nearly(bad, of)
}

/// As [`mostly`], of what may happen though it was not seen: never all.
pub(super) fn nearly(bad: u64, of: u64) -> Option<f64> {
    Some(rest_of(most(bad, of))).filter(|share| *share >= LEAST_MOSTLY)
}

/// Between which a share may lie: Wilson's interval for a further sample, each end moved by a small effect on the arcsine
/// scale (Cohen's h).
pub(super) fn share(seen: u64, of: u64) -> (f64, f64) {
    let Some(interval) = next(seen, of) else {
        return (0.0, 1.0);
    };
    let angle = |share: f64| 2.0 * share.sqrt().asin();
    let back = |angle: f64| (angle.clamp(0.0, std::f64::consts::PI) / 2.0).sin().powi(2);
    let (lower, upper) = (
        back(angle(interval.lower) - SMALL),
        back(angle(interval.upper) + SMALL),
    );
    (rest_of(ceil(1.0 - lower).min(1.0)), ceil(upper).min(1.0))
}

/// How far the mean of the next table may lie from this one's: what two samples of one source differ by at [`LEVEL`], and
/// a small effect (Cohen's d) beyond.
pub(super) fn of_mean(std: f64, of: u64) -> Option<f64> {
    let z = confidence()?.z().ok()?;
    Some(std * (z * both(of).sqrt() + SMALL))
}

/// The ranks between which the quantile `p` of the next table lies, without regard to how values are distributed: the
/// number of values below it is binomial. The error of the sketch and [`SMALL_RANK`] are beyond.
pub(super) fn of_rank(p: f64, of: u64, error: f64) -> Option<(f64, f64)> {
    let z = confidence()?.z().ok()?;
    let half = z * (p * (1.0 - p) * both(of)).sqrt() + error + SMALL_RANK;
    Some(((p - half).max(0.0), (p + half).min(1.0)))
}

/// The variance of the difference of two means, for each unit of variance.
fn both(of: u64) -> f64 {
    1.0 / of as f64 + 1.0 / fewest(of) as f64
}

/// The standard deviation that values cannot be below when a quarter of them lies at or under one quartile and a quarter at
/// or over the other: the least there is puts the middle half at the midpoint, which gives the distance over the square root
/// of 8. Taken a third lower, for quartiles move too.
pub(super) fn least_std(lower: f64, upper: f64) -> f64 {
    (upper - lower) / 4.0
}

/// The next number up that has three digits.
fn ceil(value: f64) -> f64 {
    decimal(value, digit(value), true)
}

/// Bounds a little further out, with as many digits as their distance is worth.
pub(super) fn outward(lower: f64, upper: f64) -> (f64, f64) {
    let last = digit(upper - lower);
    (decimal(lower, last, false), decimal(upper, last, true))
}

/// The power of ten of the third digit.
fn digit(value: f64) -> i32 {
    if value > 0.0 && value.is_finite() {
        value.log10().floor() as i32 - 2
    } else {
        0
    }
}

/// The next multiple of a power of ten, up or down; the number itself where it has no digits to spare.
fn decimal(value: f64, power: i32, up: bool) -> f64 {
    let scaled = value / 10_f64.powi(power);
    if !scaled.is_finite() || scaled.abs() >= 1e15 {
        return value;
    }
    let (steps, further) = if up {
        (scaled.ceil(), 1.0)
    } else {
        (scaled.floor(), -1.0)
    };
    // What is divided and read back may be a hair on the wrong side.
    let at = |steps: f64| format!("{steps:.0}e{power}").parse::<f64>();
    let found = [at(steps), at(steps + further)].into_iter().flatten();
    found
        .into_iter()
        .find(|found| if up { *found >= value } else { *found <= value })
        .unwrap_or(value)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn never_takes_a_thousand_rows() {
        assert!(!is_never(1071) && is_never(1072));
        assert_eq!(mostly(0, 1072), Some(1.0));
        assert_eq!(mostly(0, 100), Some(0.754));
        assert_eq!(mostly(0, 10), None);
        assert_eq!(most(0, 0), 1.0);
    }

    #[test]
    fn shares_have_room() {
        let (lower, upper) = share(500, 1000);
        assert!(
            (0.3..0.35).contains(&lower) && (0.65..0.7).contains(&upper),
            "{lower} {upper}"
        );
        assert_eq!(share(0, 5000).0, 0.0);
        assert_eq!(share(5000, 5000).1, 1.0);
    }

    proptest! {
        #[test]
        fn bounds_go_outward(a in any::<f64>(), b in any::<f64>()) {
            prop_assume!(a.is_finite() && b.is_finite());
            let (low, high) = (a.min(b), a.max(b));
            let (lower, upper) = outward(low, high);
            prop_assert!(lower <= low && upper >= high, "{low} {high}: {lower} {upper}");
        }

        #[test]
        fn rates_are_never_below_what_was_seen(seen in 0_u64..500, more in 0_u64..5000) {
            let of = seen + more;
            prop_assume!(of > 0);
            let rate = seen as f64 / of as f64;
            prop_assert!(most(seen, of) >= rate);
            prop_assert!(mostly(seen, of).is_none_or(|share| share <= 1.0 - rate + 1e-12));
            let (lower, upper) = share(seen, of);
            prop_assert!(lower <= rate && upper >= rate, "{lower} {rate} {upper}");
        }
    }
}

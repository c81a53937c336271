//! The most frequent values, one by one and together.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use drift_stats::bins::Categories;
use drift_stats::divergence::{Base, js_distance, l_infinity};
use drift_stats::psi::{FLOOR, expected_noise, psi};
use drift_stats::{Proportion, Result, Shares, chi2, multiple, proportion};
use step_report::{Cell, Format};
use tabular::{ColumnProfile, Kind};

use super::figure::Figure;

/// Values that have a bin of their own in PSI and Jensen-Shannon.
const BINS: usize = 50;

/// Values of a column that are shown though they came or went within chance, where there are no more than [`FEW`].
const WITHIN_CHANCE: usize = 10;
/// See [`WITHIN_CHANCE`].
const FEW: usize = 200;

/// A value, as a share of all values before and after.
#[derive(Debug, Clone)]
pub(super) struct Shift {
    pub(super) value: String,
    pub(super) before: f64,
    pub(super) after: f64,
    p: f64,
    pub(super) adjusted: f64,
    changed: bool,
    /// Whether the column has so few values that each of them is worth a line.
    listed: bool,
}

impl Shift {
    pub(super) fn is_changed(&self) -> bool {
        self.changed
    }

    pub(super) fn means(&self) -> String {
        let what = if self.before == 0.0 {
            "new"
        } else if self.after == 0.0 {
            "gone"
        } else if self.after > self.before {
            "more"
        } else {
            "fewer"
        };
        if self.changed {
            what.to_owned()
        } else {
            format!("{what}, within chance")
        }
    }
}

/// Values that changed; and of those that came or went within chance the most frequent, for an encoder knows no value that it
/// has not seen.
pub(super) fn shown(shifts: &[Shift]) -> Vec<&Shift> {
    let (changed, rest): (Vec<&Shift>, Vec<&Shift>) = shifts.iter().partition(|shift| shift.changed);
    let mut rest: Vec<&Shift> = rest
        .into_iter()
        .filter(|shift| shift.listed && (shift.before == 0.0 || shift.after == 0.0))
        .collect();
    rest.sort_by(|a, b| by_size(a, b));
    changed
        .into_iter()
        .chain(rest.into_iter().take(WITHIN_CHANCE))
        .collect()
}

/// Changes first, the largest first.
pub(super) fn by_size(a: &Shift, b: &Shift) -> Ordering {
    let size = |shift: &Shift| (shift.after - shift.before).abs();
    b.changed
        .cmp(&a.changed)
        .then(size(b).total_cmp(&size(a)))
        .then_with(|| a.value.cmp(&b.value))
}

/// Whether values are names: of numbers and dates there are always others.
pub(super) fn are_comparable(old: &ColumnProfile, new: &ColumnProfile) -> bool {
    old.kind == new.kind && matches!(old.kind, Kind::Text | Kind::Bool)
}

/// The counts of both sides, and by how much each may be too low.
struct Counts<'a> {
    each: BTreeMap<&'a str, (u64, u64)>,
    all: (u64, u64),
    error: (u64, u64),
}

impl<'a> Counts<'a> {
    fn of(old: &'a ColumnProfile, new: &'a ColumnProfile) -> Option<Self> {
        if !are_comparable(old, new) || old.values() == 0 || new.values() == 0 {
            return None;
        }
        let (a, b) = (old.top.as_ref()?, new.top.as_ref()?);
        let mut each: BTreeMap<&str, (u64, u64)> = BTreeMap::new();
        for (value, count) in a.most(usize::MAX) {
            each.entry(value).or_default().0 = count;
        }
        for (value, count) in b.most(usize::MAX) {
            each.entry(value).or_default().1 = count;
        }
        Some(Self {
            each,
            all: (old.values(), new.values()),
            error: (a.error(), b.error()),
        })
    }

    fn is_exact(&self) -> bool {
        self.error == (0, 0)
    }
}

/// Every value, tested by itself. A count that may be too low is taken as high as it may be where that makes the two more
/// alike.
pub(super) fn shifts(old: &ColumnProfile, new: &ColumnProfile) -> Vec<Shift> {
    let Some(counts) = Counts::of(old, new) else {
        return Vec::new();
    };
    let (n, m) = counts.all;
    let listed = counts.is_exact() && counts.each.len() <= FEW;
    let shift = |value: &str, (a, b): (u64, u64)| {
        let share = |count: u64, of: u64| Proportion::new(count.min(of), of).ok();
        let (before, after) = (share(a, n)?.share(), share(b, m)?.share());
        let (low, high) = if before < after {
            (share(a + counts.error.0, n)?, share(b, m)?)
        } else {
            (share(b + counts.error.1, m)?, share(a, n)?)
        };
        let p = if low.share() >= high.share() {
            1.0
        } else {
            proportion::score_test(low, high).ok()?.p_two_sided
        };
        Some(Shift {
            value: value.to_owned(),
            before,
            after,
            p,
            adjusted: p,
            changed: false,
            listed,
        })
    };
    let all = counts.each.iter();
    all.filter_map(|(value, both)| shift(value, *both)).collect()
}

/// Says of each value whether it changed, all of them together.
pub(super) fn judge<'a>(shifts: impl Iterator<Item = &'a mut Shift>, alpha: f64) -> Result<()> {
    let mut shifts: Vec<&mut Shift> = shifts.collect();
    let p: Vec<f64> = shifts.iter().map(|shift| shift.p).collect();
    for (shift, adjusted) in shifts.iter_mut().zip(multiple::holm(&p)?) {
        shift.adjusted = adjusted;
        shift.changed = adjusted < alpha;
    }
    Ok(())
}

/// All values together: the largest difference of a share, by the chi-squared test with rare values pooled.
pub(super) fn spread(old: &ColumnProfile, new: &ColumnProfile) -> Option<Figure> {
    let counts = Counts::of(old, new)?;
    // The most frequent ones of both first, so that rare ones are pooled with rare ones.
    let mut order: Vec<(&str, (u64, u64))> =
        counts.each.iter().map(|(value, both)| (*value, *both)).collect();
    order.sort_by(|(a, x), (b, y)| (y.0 + y.1).cmp(&(x.0 + x.1)).then_with(|| a.cmp(b)));
    let (mut a, mut b): (Vec<u64>, Vec<u64>) = order.iter().map(|(_, both)| *both).unzip();
    let rest = |all: u64, listed: &[u64]| all.saturating_sub(listed.iter().sum());
    let (of_old, of_new) = (rest(counts.all.0, &a), rest(counts.all.1, &b));
    a.push(of_old);
    b.push(of_new);
    let (p, q) = (Shares::from_counts(&a).ok()?, Shares::from_counts(&b).ok()?);
    // Of counts that may be too low, the rest is no bin of its own.
    let listed = |shares: &Shares| shares.values()[..shares.len() - 1].to_vec();
    let distance = if counts.is_exact() {
        l_infinity(&p, &q).ok()?
    } else {
        let (p, q) = (listed(&p), listed(&q));
        p.iter().zip(&q).map(|(p, q)| (p - q).abs()).fold(0.0, f64::max)
    };
    let off = |error: u64, all: u64| error as f64 / all as f64;
    let error = off(counts.error.0, counts.all.0).max(off(counts.error.1, counts.all.1));
    let figure = Figure::new("values", Cell::empty(), Cell::empty()).sized(distance);
    if !counts.is_exact() {
        let said = format!(
            "L∞ {} ± {}; too many values to test",
            Format::Auto.show(distance),
            Format::Auto.show(error)
        );
        return Some(figure.said(said).within_sketch(distance <= error));
    }
    let test = chi2::two_sample_pooled(&a, &b).ok();
    let indices = indices(&order, counts.all).unwrap_or_default();
    let said = format!("L∞ {}{indices}", Format::Auto.show(distance));
    Some(figure.said(said).tested(test.map(|test| test.p_value)))
}

/// PSI and Jensen-Shannon over the most frequent values before, and one bin for all others.
fn indices(each: &[(&str, (u64, u64))], all: (u64, u64)) -> Option<String> {
    let before = each
        .iter()
        .filter(|(_, both)| both.0 > 0)
        .map(|(value, both)| (*value, both.0));
    let categories = Categories::top(before, BINS).ok()?;
    let mut bins = vec![(0, 0); categories.bins()];
    for (value, (old, new)) in each {
        let bin = bins.get_mut(categories.bin(value))?;
        bin.0 += old;
        bin.1 += new;
    }
    let used: BTreeSet<usize> = (0..bins.len()).filter(|bin| bins[*bin] != (0, 0)).collect();
    let (old, new): (Vec<u64>, Vec<u64>) = bins.into_iter().unzip();
    let (p, q) = (Shares::from_counts(&old).ok()?, Shares::from_counts(&new).ok()?);
    Some(format!(
        ", PSI {} ({} by chance), JS {}",
        Format::Auto.show(psi(&p, &q, FLOOR).ok()?.value),
        Format::Auto.show(expected_noise(all.0, all.1, used.len()).ok()?),
        Format::Auto.show(js_distance(&p, &q, Base::Two).ok()?)
    ))
}

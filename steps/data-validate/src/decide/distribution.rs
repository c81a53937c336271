//! The distribution of a column against that of a reference.

use drift_stats::bins::Edges;
use drift_stats::divergence::{Base, js_distance, l_infinity};
use drift_stats::psi::{FLOOR, expected_noise, psi};
use drift_stats::{Shares, StatError, chi2};
use step_report::{Check, Format, Interval};

use super::{numbers, on_column, say};
use crate::config::{Bounds, ColumnRules, Distribution};
use crate::gather::TableEvidence;
use crate::gather::frozen::{Counts, Frozen, Reference};

/// A measure: its value, its p-value, and how far the value may be off.
struct Found {
    value: f64,
    test: Option<(&'static str, f64)>,
    range: Option<(f64, f64)>,
}

/// Judges every measure of `distribution`.
pub(super) fn judge(name: &str, rules: &ColumnRules, table: &TableEvidence, checks: &mut Vec<Check>) {
    for (number, rule) in rules.distribution.iter().enumerate() {
        let pair = pair(name, number, table);
        for (measure, bounds) in rule.measures() {
            let id = format!("{measure}:{}.{name} / {}", table.name, rule.reference);
            let check = on_column(measure, name, table)
                .severity(rule.severity)
                .bound(bounds.shown());
            let check = Check { id, ..check }.detail("reference", rule.reference.clone());
            checks.push(match &pair {
                Ok(sides) => one(check, name, (measure, &bounds), rule, *sides),
                Err(why) => check.not_observed("nothing to compare").judge(false, why.clone()),
            });
        }
    }
}

/// The two sides; or why there are not two.
fn pair<'a>(
    name: &str,
    number: usize,
    table: &'a TableEvidence,
) -> Result<(&'a Reference, &'a Counts), String> {
    if let Some(why) = numbers::unusable(name, table) {
        return Err(why);
    }
    let reference = match table.references.get(&(name.to_owned(), number)) {
        Some(Ok(reference)) => reference,
        Some(Err(why)) => return Err(why.clone()),
        None => return Err(format!("the reference of `{name}` was not read")),
    };
    let counted = table
        .columns
        .get(name)
        .and_then(|column| column.frozen.get(number));
    match counted {
        Some(Ok(counts)) => Ok((reference, counts)),
        Some(Err(why)) => Err(format!("`{name}`: {why}")),
        None => Err(format!("`{name}` was not counted")),
    }
}

fn one(
    check: Check,
    name: &str,
    (measure, bounds): (&str, &Bounds),
    rule: &Distribution,
    (reference, counts): (&Reference, &Counts),
) -> Check {
    let (before, now) = (reference.counts.rows(), counts.rows());
    let check = check.n(now).detail("reference_rows", before);
    // What two samples of one source of these sizes would show: the value is to be weighed by it.
    let bins = binned(reference, counts).len();
    let check = match expected_noise(before, now, bins) {
        Ok(noise) if measure == "psi" => check.detail("expected_noise", noise),
        _ => check,
    };
    if before.min(now) < rule.min_rows {
        let why = format!(
            "{} of `{name}` against {} of `{}` are too few to compare; each side must have {}",
            say::counted(now, "row"),
            say::count(before),
            rule.reference,
            say::count(rule.min_rows)
        );
        return check.insufficient(why);
    }
    let found = match measured(measure, reference, counts) {
        Ok(found) => found,
        Err(error) => {
            return check
                .not_observed("it cannot be computed")
                .judge(false, format!("`{name}`: {error}"));
        }
    };
    let show = |value: f64| Format::Auto.show(value);
    let sentence = format!(
        "{} of `{name}` against `{}` is {}; must be {}",
        word(measure),
        rule.reference,
        show(found.value),
        say::bounds(bounds, say::number)
    );
    let check = match found.test {
        Some((test, p)) => check.test(test, p),
        None => check,
    };
    let check = check.observed(found.value);
    let good = bounds.allow(found.value);
    match found.range {
        Some((lower, upper)) => {
            let check = check.interval(Interval::new(
                lower,
                upper,
                1.0,
                "grid of the reference's quantiles",
            ));
            if bounds.allow(lower) == bounds.allow(upper) {
                check.judge(good, sentence)
            } else {
                check.insufficient(format!(
                    "{sentence}; on this grid it lies between {} and {}",
                    show(lower),
                    show(upper)
                ))
            }
        }
        None => check.judge(good, sentence),
    }
}

fn word(measure: &str) -> &'static str {
    match measure {
        "psi" => "the population stability index",
        "js" => "the Jensen-Shannon distance",
        "l_infinity" => "the largest difference of a share",
        "ks" => "the Kolmogorov-Smirnov distance",
        _ => "the p-value of the chi-squared test",
    }
}

fn measured(measure: &str, reference: &Reference, counts: &Counts) -> Result<Found, StatError> {
    let (before, now) = (binned(reference, &reference.counts), binned(reference, counts));
    let plain = |value: f64| Found {
        value,
        test: None,
        range: None,
    };
    let shares = || Ok::<_, StatError>((Shares::from_counts(&before)?, Shares::from_counts(&now)?));
    Ok(match measure {
        "psi" => {
            let (p, q) = shares()?;
            plain(psi(&p, &q, FLOOR)?.value)
        }
        "js" => {
            let (p, q) = shares()?;
            plain(js_distance(&p, &q, Base::Two)?)
        }
        "l_infinity" => {
            let (p, q) = shares()?;
            plain(l_infinity(&p, &q)?)
        }
        "ks" => ks(reference, counts)?,
        _ => {
            let test = chi2::two_sample_pooled(&before, &now)?;
            Found {
                value: test.p_value,
                test: Some(("chi-squared", test.p_value)),
                range: None,
            }
        }
    })
}

/// On the coarse bins, then nulls and what is not finite.
fn binned(reference: &Reference, counts: &Counts) -> Vec<u64> {
    let mut bins = match &*reference.frozen {
        Frozen::Numbers { fine, coarse } => {
            let mut bins = vec![0; coarse.bins()];
            for (bin, count) in counts.bins.iter().enumerate() {
                bins[upper(fine, bin).map_or(coarse.bins() - 1, |edge| coarse.bin(edge))] += count;
            }
            bins
        }
        Frozen::Values(_) => counts.bins.clone(),
    };
    bins.extend([counts.nulls, counts.odd]);
    bins
}

/// The right edge of a bin, which belongs to it; none of the last.
fn upper(edges: &Edges, bin: usize) -> Option<f64> {
    edges.values().get(bin).copied()
}

/// The largest distance of the two distribution functions at the edges, and what it may be between them: inside of a bin
/// both functions only rise.
fn ks(reference: &Reference, counts: &Counts) -> Result<Found, StatError> {
    let Frozen::Numbers { fine, .. } = &*reference.frozen else {
        return Err(StatError::Undefined {
            what: "the Kolmogorov-Smirnov distance",
            why: "the values are no numbers; js and l_infinity are for those",
        });
    };
    let test = drift_stats::ks::ks_binned(&reference.counts.bins, &counts.bins)?;
    let total = |bins: &[u64]| bins.iter().sum::<u64>() as f64;
    let (n, m) = (total(&reference.counts.bins), total(&counts.bins));
    let (mut f, mut g, mut most) = (0.0, 0.0, test.statistic);
    for (bin, (a, b)) in reference.counts.bins.iter().zip(&counts.bins).enumerate() {
        let (f_low, g_low) = (f, g);
        f += *a as f64 / n;
        g += *b as f64 / m;
        let left = bin.checked_sub(1).and_then(|left| upper(fine, left));
        let is_point = upper(fine, bin)
            .zip(left)
            .is_some_and(|(right, left)| left.next_up() == right);
        if !is_point {
            most = most.max(f - g_low).max(g - f_low);
        }
    }
    Ok(Found {
        value: test.statistic,
        test: Some(("Kolmogorov-Smirnov", test.p_value)),
        range: Some((test.statistic, most.min(1.0))),
    })
}

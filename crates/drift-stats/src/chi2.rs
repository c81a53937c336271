//! Pearson's chi-squared tests, and Cramér's V as their effect size.

use crate::{Result, Shares, StatError, special};

/// A chi-squared statistic with its tail.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Chi2 {
    /// The statistic.
    pub statistic: f64,
    /// Degrees of freedom.
    pub df: u64,
    /// The chance of a statistic at least as large under the null hypothesis.
    pub p_value: f64,
}

/// Goodness of fit: do the observed counts come from these expected weights (Pearson 1900)?
///
/// A bin that is expected to be empty and is not makes the statistic infinite: that is refused by name, for
/// the two-sample test is the right one there.
///
/// ```
/// use drift_stats::chi2::goodness_of_fit;
/// let test = goodness_of_fit(&[16, 16, 16, 16, 16, 8], &[16.0, 18.0, 16.0, 14.0, 12.0, 12.0])?;
/// assert!((test.p_value - 0.6730876007).abs() < 1e-9);
/// # Ok::<(), drift_stats::StatError>(())
/// ```
pub fn goodness_of_fit(observed: &[u64], expected_weights: &[f64]) -> Result<Chi2> {
    let expected = Shares::from_weights(expected_weights)?;
    let total = Shares::from_counts(observed)?;
    total.same_bins(&expected)?;
    let mut statistic = 0.0;
    let mut bins = 0_u64;
    for (&count, &share) in observed.iter().zip(expected.values()) {
        let fit = share * total.total();
        if fit > 0.0 {
            statistic += (count as f64 - fit).powi(2) / fit;
            bins += 1;
        } else if count > 0 {
            return Err(StatError::Undefined {
                what: "the goodness-of-fit test",
                why: "a bin with no expected mass was observed; use the two-sample test",
            });
        }
    }
    tail("the goodness-of-fit test", statistic, bins.saturating_sub(1))
}

/// Homogeneity of two samples counted on the same bins, without Yates' correction. Bins that are empty on
/// both sides are left out (Agresti, "Categorical Data Analysis", 3rd ed., 3.2.1).
///
/// ```
/// use drift_stats::chi2::two_sample;
/// let test = two_sample(&[16, 18, 16, 14, 12, 12], &[16, 16, 16, 16, 16, 8])?;
/// assert!((test.p_value - 0.8985262394026609).abs() < 1e-12);
/// # Ok::<(), drift_stats::StatError>(())
/// ```
pub fn two_sample(a: &[u64], b: &[u64]) -> Result<Chi2> {
    let (n, m) = (Shares::from_counts(a)?, Shares::from_counts(b)?);
    n.same_bins(&m)?;
    let total = n.total() + m.total();
    let mut statistic = 0.0;
    let mut bins = 0_u64;
    for (&x, &y) in a.iter().zip(b) {
        let row = x as f64 + y as f64;
        if row > 0.0 {
            bins += 1;
            for (seen, side) in [(x as f64, n.total()), (y as f64, m.total())] {
                let fit = row * side / total;
                statistic += (seen - fit).powi(2) / fit;
            }
        }
    }
    tail("the two-sample test", statistic, bins.saturating_sub(1))
}

/// Rows that a bin must be expected to hold for its share of the statistic to be close to chi-squared (W. Cochran,
/// "Some methods for strengthening the common chi-squared tests", Biometrics 10, 1954).
pub const LEAST_EXPECTED: f64 = 5.0;

/// [`two_sample`] for samples with rare bins: neighbouring bins in which the smaller sample is expected to have fewer than
/// [`LEAST_EXPECTED`] rows are counted as one until there are so many. A single row in a bin where a seventh of a row is
/// expected would otherwise weigh like a finding.
///
/// What is left over at the end stays a bin of its own: put to a large one, a new category could hide the loss of it.
///
/// ```
/// use drift_stats::chi2::two_sample_pooled;
/// // The last three bins are expected to hold 0.9, 2.6 and 1.7 rows of the smaller sample.
/// let test = two_sample_pooled(&[600, 300, 4, 14, 9], &[60, 35, 1, 2, 1])?;
/// assert_eq!(test.df, 2);
/// # Ok::<(), drift_stats::StatError>(())
/// ```
pub fn two_sample_pooled(a: &[u64], b: &[u64]) -> Result<Chi2> {
    two_sample_pooled_to(a, b, LEAST_EXPECTED)
}

/// [`two_sample_pooled`] with another number of rows that a bin must be expected to hold: the further out the tail that is
/// asked for, the more are needed. Five do for one p-value of a hundredth; at five of a hundred thousand, which is what a
/// hundredth over two hundred columns comes to, the test is then wrong half as often again as it says, with 15 it is not.
pub fn two_sample_pooled_to(a: &[u64], b: &[u64], least_expected: f64) -> Result<Chi2> {
    let (n, m) = (Shares::from_counts(a)?, Shares::from_counts(b)?);
    n.same_bins(&m)?;
    let smaller = n.total().min(m.total()) / (n.total() + m.total());
    let is_rare = |x: u64, y: u64| (x as f64 + y as f64) * smaller < least_expected;
    let mut pooled: Vec<(u64, u64)> = Vec::with_capacity(a.len());
    let (mut left, mut right) = (0, 0);
    for (&x, &y) in a.iter().zip(b) {
        if !is_rare(x, y) {
            pooled.push((x, y));
            continue;
        }
        left += x;
        right += y;
        if !is_rare(left, right) {
            pooled.push((left, right));
            (left, right) = (0, 0);
        }
    }
    pooled.push((left, right));
    let (a, b): (Vec<u64>, Vec<u64>) = pooled.into_iter().unzip();
    two_sample(&a, &b)
}

/// The likelihood-ratio form of [`goodness_of_fit`] (the G test; Wilks 1938).
///
/// ```
/// use drift_stats::chi2::g_test;
/// let test = g_test(&[4, 6, 8], &[5.0, 5.0, 8.0])?;
/// assert!((test.p_value - 0.817622013379844).abs() < 1e-12);
/// # Ok::<(), drift_stats::StatError>(())
/// ```
pub fn g_test(observed: &[u64], expected_weights: &[f64]) -> Result<Chi2> {
    let expected = Shares::from_weights(expected_weights)?;
    let total = Shares::from_counts(observed)?;
    total.same_bins(&expected)?;
    let mut sum = 0.0;
    let mut bins = 0_u64;
    for (&count, &share) in observed.iter().zip(expected.values()) {
        let fit = share * total.total();
        if fit > 0.0 {
            bins += 1;
            if count > 0 {
                sum += count as f64 * (count as f64 / fit).ln();
            }
        } else if count > 0 {
            return Err(StatError::Undefined {
                what: "the G test",
                why: "a bin with no expected mass was observed",
            });
        }
    }
    tail("the G test", (2.0 * sum).max(0.0), bins.saturating_sub(1))
}

/// Cramér's V of a two-sample table: 0 for equal shares, 1 when no bin is shared (Cramér 1946, 21.9).
///
/// ```
/// use drift_stats::chi2::cramers_v;
/// let v = cramers_v(&[200, 800], &[400, 600])?;
/// assert!((v - 0.2182178902).abs() < 1e-9);
/// # Ok::<(), drift_stats::StatError>(())
/// ```
pub fn cramers_v(a: &[u64], b: &[u64]) -> Result<f64> {
    let test = two_sample(a, b)?;
    let n = (a.iter().sum::<u64>() + b.iter().sum::<u64>()) as f64;
    // Two samples: the smaller side of the table is 2 as soon as two bins hold mass, so V = sqrt(chi2 / n).
    Ok((test.statistic / n).sqrt().min(1.0))
}

/// Cramér's V with Bergsma's correction (J. Korean Stat. Soc. 42, 2013), as deepchecks reports it: the plain
/// form is biased upwards on small tables.
///
/// ```
/// use drift_stats::chi2::cramers_v_corrected;
/// assert_eq!(cramers_v_corrected(&[50, 50], &[50, 50])?, 0.0);
/// # Ok::<(), drift_stats::StatError>(())
/// ```
pub fn cramers_v_corrected(a: &[u64], b: &[u64]) -> Result<f64> {
    let test = two_sample(a, b)?;
    let n = (a.iter().sum::<u64>() + b.iter().sum::<u64>()) as f64;
    if n < 2.0 {
        return Err(StatError::Empty {
            what: "the table",
            needed: 2,
        });
    }
    let (rows, columns) = ((test.df + 1) as f64, 2.0);
    let phi2 = (test.statistic / n - (rows - 1.0) * (columns - 1.0) / (n - 1.0)).max(0.0);
    let shrink = |k: f64| k - (k - 1.0).powi(2) / (n - 1.0);
    let room = shrink(rows).min(shrink(columns)) - 1.0;
    if phi2 == 0.0 {
        return Ok(0.0);
    }
    if room <= 0.0 {
        return Err(StatError::Undefined {
            what: "Cramér's V",
            why: "the table is too small to correct",
        });
    }
    Ok((phi2 / room).sqrt().min(1.0))
}

fn tail(what: &'static str, statistic: f64, df: u64) -> Result<Chi2> {
    if !statistic.is_finite() {
        return Err(StatError::Undefined {
            what,
            why: "the statistic overflows",
        });
    }
    // A single bin on both sides: equal by construction, whatever the counts.
    let p_value = if df == 0 {
        1.0
    } else {
        special::chi2_sf(statistic, df as f64)?
    };
    Ok(Chi2 {
        statistic,
        df,
        p_value,
    })
}

//! One column's window against its baseline.

use drift_stats::divergence::{Base, js_distance, l_infinity};
use drift_stats::psi::{ZeroRule, expected_noise, psi};
use drift_stats::{Shares, StatError, chi2, ks, wasserstein};

use crate::baseline::ColumnBaseline;
use crate::count::Seen;

/// Rows that a cell of the window must be expected to hold, or it is counted with its neighbours. Over many columns the
/// correction asks for p-values far out in the tail, where the usual five are too few.
const LEAST_EXPECTED: f64 = 15.0;

/// How far a column has moved.
#[derive(Debug, Clone, PartialEq)]
pub struct Drift {
    /// Population stability index over all cells, nulls and odd values included.
    pub psi: f64,
    /// The chance of cells so far apart without drift: chi-squared, rare cells pooled. The index itself is close to
    /// chi-squared only where every cell holds many rows.
    pub psi_p: f64,
    /// The index to expect without drift, from the sizes alone.
    pub noise: f64,
    /// What each cell adds, the largest first.
    pub cells: Vec<Cell>,
    /// Jensen-Shannon distance in bits, 0 to 1.
    pub js: f64,
    /// The largest difference of any one cell's share.
    pub l_infinity: f64,
    /// The test of the whole distribution.
    pub test: Test,
    /// Wasserstein-1 in the column's unit, and in standard deviations of the baseline.
    pub moved: Option<(f64, Option<f64>)>,
    /// Share of rows without a value, in the baseline and in the window.
    pub null_rate: (f64, f64),
    /// Rows of the baseline and of the window.
    pub rows: (u64, u64),
}

/// One bin, null or odd cell.
#[derive(Debug, Clone, PartialEq)]
pub struct Cell {
    /// Its name.
    pub label: String,
    /// Its share of the baseline.
    pub before: f64,
    /// Its share of the window.
    pub now: f64,
    /// What it adds to the index.
    pub adds: f64,
}

/// The second test beside the index.
#[derive(Debug, Clone, PartialEq)]
pub enum Test {
    /// Kolmogorov-Smirnov over the grid: distance and p-value.
    Ks {
        /// The largest distance of the distribution functions.
        statistic: f64,
        /// P-value, asymptotic.
        p: f64,
    },
    /// Chi-squared over the cells, rare ones pooled: Cramér's V and p-value.
    Chi2 {
        /// Cramér's V, 0 to 1.
        v: f64,
        /// P-value.
        p: f64,
    },
    /// Nothing to test: one side has no value.
    None,
}

impl Test {
    /// Its name in a report.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Ks { .. } => "ks",
            Self::Chi2 { .. } => "chi2",
            Self::None => "none",
        }
    }

    /// Its p-value.
    #[must_use]
    pub fn p(&self) -> Option<f64> {
        match self {
            Self::Ks { p, .. } | Self::Chi2 { p, .. } => Some(*p),
            Self::None => None,
        }
    }
}

/// Compares a window with the baseline.
///
/// # Errors
/// When either side has no row.
pub fn compare(baseline: &ColumnBaseline, window: &Seen, floor: f64) -> Result<Drift, StatError> {
    let (before, now) = (baseline.counts.cells(), window.counts.cells());
    let (n, m) = (before.iter().sum(), now.iter().sum());
    let (p, q) = (Shares::from_counts(&before)?, Shares::from_counts(&now)?);
    let index = psi(&p, &q, ZeroRule::Floor(floor))?;
    let used = before.iter().zip(&now).filter(|(x, y)| **x + **y > 0).count();
    let mut cells: Vec<Cell> = baseline
        .bins
        .labels()
        .into_iter()
        .zip(p.values().iter().zip(q.values()).zip(&index.contributions))
        .map(|(label, ((before, now), adds))| Cell {
            label,
            before: *before,
            now: *now,
            adds: *adds,
        })
        .collect();
    // Stable, so that cells that add the same keep the order of the bins.
    cells.sort_by(|a, b| b.adds.total_cmp(&a.adds));
    let rate = |nulls: u64, rows: u64| nulls as f64 / rows as f64;
    Ok(Drift {
        psi: index.value,
        psi_p: chi2::two_sample_pooled_to(&before, &now, LEAST_EXPECTED)?.p_value,
        noise: expected_noise(n, m, used)?,
        cells,
        js: js_distance(&p, &q, Base::Two)?,
        l_infinity: l_infinity(&p, &q)?,
        test: test(baseline, window, &before, &now)?,
        moved: moved(baseline, window)?,
        null_rate: (rate(baseline.counts.nulls, n), rate(window.counts.nulls, m)),
        rows: (n, m),
    })
}

fn test(baseline: &ColumnBaseline, window: &Seen, before: &[u64], now: &[u64]) -> Result<Test, StatError> {
    if let Some(grid) = &baseline.grid {
        if baseline.counts.values() == 0 || window.counts.values() == 0 {
            return Ok(Test::None);
        }
        let test = ks::ks_binned(&grid.counts, &window.grid)?;
        return Ok(Test::Ks {
            statistic: test.statistic,
            p: test.p_value,
        });
    }
    Ok(Test::Chi2 {
        v: chi2::cramers_v(before, now)?,
        p: chi2::two_sample_pooled_to(before, now, LEAST_EXPECTED)?.p_value,
    })
}

fn moved(baseline: &ColumnBaseline, window: &Seen) -> Result<Option<(f64, Option<f64>)>, StatError> {
    let (Some(grid), Some((low, high))) = (&baseline.grid, window.range) else {
        return Ok(None);
    };
    let moments = baseline.profile.numbers.as_ref().map(|numbers| &numbers.moments);
    let Some((first, last)) = moments.and_then(|m| m.min.zip(m.max)) else {
        return Ok(None);
    };
    let inner = grid.edges.values();
    let mut edges = Vec::with_capacity(inner.len() + 2);
    // The open ends are closed by the smallest and largest value of both sides.
    edges.push(low.min(first).min(inner.first().copied().unwrap_or(low)));
    edges.extend_from_slice(inner);
    edges.push(high.max(last).max(inner.last().copied().unwrap_or(high)));
    let distance = wasserstein::wasserstein_binned(&edges, &grid.counts, &window.grid)?;
    let sd = moments.and_then(|moments| moments.std(0)).filter(|sd| *sd > 0.0);
    Ok(Some((
        distance,
        sd.map(|sd| distance / sd).filter(|moved| moved.is_finite()),
    )))
}

impl Drift {
    /// Where the index comes from, in words: the cell that adds the most.
    #[must_use]
    pub fn story(&self) -> String {
        let percent = |share: f64| step_report::Format::Percent.show(share);
        match self.cells.first() {
            Some(cell) if cell.adds > 0.0 => {
                format!(
                    "{}: {} of rows, {} before",
                    cell.label,
                    percent(cell.now),
                    percent(cell.before)
                )
            }
            _ => "all shares are equal".to_owned(),
        }
    }
}

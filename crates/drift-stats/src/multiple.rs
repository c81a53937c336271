//! Many tests at once: adjusted p-values.

use crate::{Result, StatError};

/// Holm's step-down adjustment (Scand. J. Statist. 6, 1979): controls the chance of even one false alarm,
/// whatever the dependence between the tests. The order of the input is kept; no test at all gives none.
///
/// ```
/// let adjusted = drift_stats::multiple::holm(&[0.01, 0.04, 0.03])?;
/// assert_eq!(adjusted, [0.03, 0.06, 0.06]);
/// # Ok::<(), drift_stats::StatError>(())
/// ```
pub fn holm(p_values: &[f64]) -> Result<Vec<f64>> {
    let order = ascending(p_values)?;
    let k = p_values.len();
    let mut adjusted = vec![0.0; k];
    let mut running = 0.0_f64;
    for (rank, &i) in order.iter().enumerate() {
        running = running.max((k - rank) as f64 * p_values[i]).min(1.0);
        adjusted[i] = running;
    }
    Ok(adjusted)
}

/// Benjamini and Hochberg's step-up adjustment (J. R. Stat. Soc. B 57, 1995): controls the share of false
/// alarms among the alarms, for independent or positively dependent tests. The order of the input is kept.
///
/// ```
/// let adjusted = drift_stats::multiple::benjamini_hochberg(&[0.01, 0.04, 0.03])?;
/// assert!((adjusted[0] - 0.03).abs() < 1e-15 && (adjusted[2] - 0.04).abs() < 1e-15);
/// # Ok::<(), drift_stats::StatError>(())
/// ```
pub fn benjamini_hochberg(p_values: &[f64]) -> Result<Vec<f64>> {
    let order = ascending(p_values)?;
    let k = p_values.len();
    let mut adjusted = vec![0.0; k];
    let mut running = 1.0_f64;
    for (rank, &i) in order.iter().enumerate().rev() {
        running = running.min(k as f64 / (rank + 1) as f64 * p_values[i]);
        adjusted[i] = running;
    }
    Ok(adjusted)
}

fn ascending(p_values: &[f64]) -> Result<Vec<usize>> {
    if let Some(index) = p_values.iter().position(|p| p.is_nan()) {
        return Err(StatError::NotFinite {
            what: "the list of p-values",
            index,
        });
    }
    if let Some(&value) = p_values.iter().find(|p| !(0.0..=1.0).contains(*p)) {
        return Err(StatError::OutOfRange {
            what: "a p-value",
            value,
            allowed: "0 to 1",
        });
    }
    let mut order: Vec<usize> = (0..p_values.len()).collect();
    order.sort_by(|&i, &j| p_values[i].total_cmp(&p_values[j]));
    Ok(order)
}

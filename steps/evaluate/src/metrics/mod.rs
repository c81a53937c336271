//! Metrics of a binary classifier on labels and scores.
//!
//! Pure: slices in, numbers out. A metric that is undefined on the rows it is given is a
//! [`MetricError`] that says why, never a NaN. Values equal scikit-learn's on the same
//! predictions (`tests/metrics.rs` holds them to 1e-12).

mod confusion;
mod error;
mod metric;
mod probability;
mod ranking;
mod scored;
mod sum;

pub use confusion::Confusion;
pub use error::MetricError;
pub use metric::{Direction, Metric, UnknownMetric};
pub use probability::{CalibrationBin, calibration_curve};
pub use ranking::{CurvePoint, curve};
pub use scored::{Counts, Ones, Scored, Weight};
pub use sum::Sum;

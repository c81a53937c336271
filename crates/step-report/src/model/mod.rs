//! The model: plain data, what `report.json` holds.

mod bound;
mod cell;
mod chart;
mod check;
mod evidence;
mod outcome;
mod report;
mod section;
mod wire;

pub use bound::{Bound, Interval, Observed};
pub use cell::Cell;
pub use chart::{Bars, Histogram, Line, Lines, Mark, Series};
pub use check::Check;
pub use evidence::{Input, Note, Sample, Target};
pub use outcome::{Counts, Level, Outcome, Severity};
pub use report::{Report, SCHEMA, json_schema};
pub use section::{Section, Table, Text};

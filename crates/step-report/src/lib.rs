//! One report model for all steps and its JSON, Markdown, HTML, JUnit and one-line forms.
//!
//! A step fills in a [`Report`]; everything a reader sees is drawn from it, so the five forms cannot disagree.
//! The crate is pure: it reads no clock and no file, and the same report always gives the same bytes.
//!
//! ```
//! use step_report::{Bound, Check, Report};
//!
//! let mut report = Report::new("evaluate", "gate", "0.1.0").verdict("PASS", "1 of 1 gates passed");
//! report.checks.push(
//!     Check::new("threshold:auc_roc", "threshold")
//!         .metric("auc_roc")
//!         .observed(0.911)
//!         .bound(Bound::at_least(0.87))
//!         .n(5000)
//!         .pass("auc_roc 0.911 is at least 0.87"),
//! );
//! let json = report.to_json();
//! assert_eq!(Report::from_json("report.json", json.as_bytes())?, report);
//! # Ok::<(), step_report::ReportError>(())
//! ```

mod error;
mod model;
pub mod number;
mod render;
mod svg;
mod text;
mod time;

pub use error::ReportError;
pub use model::{
    Bars, Bound, Cell, Check, Counts, Histogram, Input, Interval, Level, Line, Lines, Mark, Note, Observed,
    Outcome, Report, SCHEMA, Sample, Section, Series, Severity, Table, Target, Text, json_schema,
};
pub use number::Format;

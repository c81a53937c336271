//! Whether a text can be read as a value.

use super::guess::{parse_bool, parse_float, parse_int};
use super::time::{parse_date, parse_timestamp};
use crate::Kind;

/// Whether a text can be read as a value of that kind, as the cells of a text file are: `1e3` as a floating number,
/// `2013-01-31` as a date, `2013-01-31T05:00:00Z` as a point in time. Every text is a text; none is of any other kind.
///
/// ```
/// use tabular::{Kind, reads_as};
/// assert!(reads_as("-7", Kind::Int) && !reads_as("7.0", Kind::Int));
/// assert!(reads_as("7.5", Kind::Float) && reads_as("nan", Kind::Float));
/// assert!(reads_as("2012-02-29", Kind::Date) && !reads_as("2013-02-29", Kind::Date));
/// ```
#[must_use]
pub fn reads_as(text: &str, kind: Kind) -> bool {
    match kind {
        Kind::Bool => parse_bool(text).is_some(),
        Kind::Int => parse_int(text).is_some(),
        Kind::Float => parse_float(text).is_some(),
        Kind::Decimal => parse_float(text).is_some_and(f64::is_finite),
        Kind::Date => parse_date(text).is_some(),
        Kind::Timestamp => parse_timestamp(text).is_some(),
        Kind::Text => true,
        Kind::Bytes | Kind::Other => false,
    }
}

//! Numbers in sentences.

use step_report::Format;

use crate::config::Bounds;

/// `336,776`.
pub(crate) fn count(value: u64) -> String {
    Format::Count.show(value as f64)
}

/// `1 row`, `336,776 rows`.
pub(crate) fn counted(value: u64, thing: &str) -> String {
    format!("{} {thing}{}", count(value), if value == 1 { "" } else { "s" })
}

/// A number with as many digits as it needs.
pub(super) fn number(value: f64) -> String {
    Format::Auto.show(value)
}

/// `0.004 %`.
pub(super) fn percent(share: f64) -> String {
    Format::Percent.show(share)
}

/// A share of a whole; nothing of nothing is nothing.
pub(super) fn share(part: u64, whole: u64) -> f64 {
    if whole == 0 {
        0.0
    } else {
        part as f64 / whole as f64
    }
}

/// `at least 5`, `at most 10`, `between 5 and 10`.
pub(super) fn bounds(bounds: &Bounds, show: impl Fn(f64) -> String) -> String {
    match (bounds.min, bounds.max) {
        (Some(min), Some(max)) if min == max => show(min),
        (Some(min), Some(max)) => format!("between {} and {}", show(min), show(max)),
        (Some(min), None) => format!("at least {}", show(min)),
        (None, Some(max)) => format!("at most {}", show(max)),
        (None, None) => "anything".to_owned(),
    }
}

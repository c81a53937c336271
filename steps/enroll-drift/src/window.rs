//! The monitoring window: from which instant to which.

use jiff::{SignedDuration, Timestamp, Unit};

use crate::config::DriftConfig;

/// A window over the time column; the start is inside, the end is not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TimeWindow {
    /// The time column.
    pub column: String,
    /// First instant inside.
    pub from: Timestamp,
    /// First instant after.
    pub to: Timestamp,
}

impl TimeWindow {
    /// The window that is asked for; none without a time column.
    ///
    /// Without `--as-of` it ends at the last full hour: a retry within the hour asks about the same window,
    /// so its event keeps its id.
    ///
    /// # Errors
    /// One sentence for a flag that cannot be read, or that needs a time column.
    pub fn resolve(
        config: &DriftConfig,
        as_of: Option<&str>,
        length: Option<&str>,
        now: Timestamp,
    ) -> Result<Option<Self>, String> {
        let Some(column) = &config.time_column else {
            return match (as_of, length) {
                (None, None) => Ok(None),
                (Some(_), _) => Err(no_column("--as-of")),
                (None, Some(_)) => Err(no_column("--window")),
            };
        };
        let to = match as_of {
            Some(text) => instant(text)?,
            None => now
                .round(
                    jiff::TimestampRound::new()
                        .smallest(Unit::Hour)
                        .mode(jiff::RoundMode::Trunc),
                )
                .map_err(|error| error.to_string())?,
        };
        let length = match length {
            Some(text) => parse_length(text)?,
            None => SignedDuration::from_hours(i64::from(config.monitoring_window_hours)),
        };
        let from = to
            .checked_sub(length)
            .map_err(|error| format!("--window reaches too far back: {error}"))?;
        Ok(Some(Self {
            column: column.clone(),
            from,
            to,
        }))
    }

    /// The window that a dataset was cut to.
    ///
    /// # Errors
    /// One sentence when its ends are no instants.
    pub fn of_dataset(name: &str, window: &provenance::Window) -> Result<Self, String> {
        let read = |text: &str| {
            text.parse::<Timestamp>()
                .map_err(|error| format!("{name}: window: `{text}` is no instant: {error}"))
        };
        Ok(Self {
            column: window.column.clone(),
            from: read(&window.from)?,
            to: read(&window.to)?,
        })
    }

    /// Whether an instant, in nanoseconds since 1970, lies inside.
    #[must_use]
    pub fn holds(&self, nanos: i64) -> bool {
        let nanos = i128::from(nanos);
        self.from.as_nanosecond() <= nanos && nanos < self.to.as_nanosecond()
    }
}

fn no_column(flag: &str) -> String {
    format!(
        "{flag} is given and drift_config.time_column is not: name the column that tells when a row happened"
    )
}

fn instant(text: &str) -> Result<Timestamp, String> {
    let date = || {
        text.parse::<jiff::civil::Date>()
            .ok()?
            .to_zoned(jiff::tz::TimeZone::UTC)
            .ok()
    };
    text.parse::<Timestamp>()
        .ok()
        .or_else(|| date().map(|zoned| zoned.timestamp()))
        .ok_or_else(|| {
            format!("--as-of is `{text}`; an instant such as 2013-08-01T00:00:00Z, or a date, is needed")
        })
}

fn parse_length(text: &str) -> Result<SignedDuration, String> {
    let bad =
        || format!("--window is `{text}`; a whole number of hours, days or weeks is needed: 36h, 7d, 2w");
    let (number, unit) = text
        .split_at_checked(text.len().saturating_sub(1))
        .ok_or_else(bad)?;
    let hours = match unit {
        "h" => 1,
        "d" => 24,
        "w" => 168,
        _ => return Err(bad()),
    };
    match number.parse::<i64>().ok().and_then(|n| n.checked_mul(hours)) {
        Some(hours @ 1..=876_000) => Ok(SignedDuration::from_hours(hours)),
        _ => Err(bad()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(time_column: &str) -> DriftConfig {
        let text = format!("drift_config:\n  monitoring_window_hours: 24\n{time_column}");
        DriftConfig::parse("drift.yaml", &text).unwrap()
    }

    fn span(as_of: Option<&str>, length: Option<&str>) -> Result<String, String> {
        let now = "2026-11-23T14:59:59Z".parse().unwrap();
        let window = TimeWindow::resolve(&config("  time_column: at\n"), as_of, length, now)?.unwrap();
        Ok(format!("{} {}", window.from, window.to))
    }

    #[test]
    fn ends_at_the_last_full_hour_or_as_asked() {
        assert_eq!(
            span(None, None).unwrap(),
            "2026-11-22T14:00:00Z 2026-11-23T14:00:00Z"
        );
        assert_eq!(
            span(Some("2013-08-01"), Some("7d")).unwrap(),
            "2013-07-25T00:00:00Z 2013-08-01T00:00:00Z"
        );
        assert_eq!(
            span(Some("2013-08-01T02:00:00+02:00"), Some("1h")).unwrap(),
            "2013-07-31T23:00:00Z 2013-08-01T00:00:00Z"
        );
    }

    #[test]
    fn says_what_is_wrong() {
        assert!(
            span(Some("yesterday"), None)
                .unwrap_err()
                .contains("--as-of is `yesterday`")
        );
        for length in [
            "",
            "d",
            "0h",
            "-1d",
            "1.5d",
            "7 days",
            "99999999999999999999d",
            "7é",
        ] {
            assert!(
                span(None, Some(length)).unwrap_err().contains("36h, 7d, 2w"),
                "{length}"
            );
        }
        let now = Timestamp::UNIX_EPOCH;
        assert_eq!(TimeWindow::resolve(&config(""), None, None, now), Ok(None));
        assert!(
            TimeWindow::resolve(&config(""), None, Some("7d"), now)
                .unwrap_err()
                .contains("time_column")
        );
    }

    #[test]
    fn the_start_is_inside_and_the_end_is_not() {
        let window = TimeWindow {
            column: String::new(),
            from: Timestamp::UNIX_EPOCH,
            to: Timestamp::from_second(2).unwrap(),
        };
        assert!(window.holds(0) && window.holds(1_999_999_999));
        assert!(!window.holds(-1) && !window.holds(2_000_000_000));
    }
}

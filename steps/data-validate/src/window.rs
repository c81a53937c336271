//! The window of time that is validated: the rows from `as_of - length` up to, and without, `as_of`.

use jiff::tz::TimeZone;
use jiff::{Span, Timestamp, Zoned};

/// A window over one column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Window {
    /// The time column.
    pub column: String,
    /// The length, as it was asked for.
    pub length: String,
    /// The end, as it was asked for.
    pub as_of: String,
    /// The first instant inside.
    pub from: Timestamp,
    /// The first instant after.
    pub to: Timestamp,
}

impl Window {
    /// Reads a length such as `90d`, `12h`, `4w` or `3mo`, and an end such as `2013-07-01` (midnight in UTC) or
    /// `2013-07-01T06:00:00Z`.
    ///
    /// ```
    /// use data_validate::window::Window;
    /// let window = Window::parse("90d", "2013-07-01", "time_hour")?;
    /// assert_eq!(window.from.to_string(), "2013-04-02T00:00:00Z");
    /// assert!(Window::parse("ninety", "2013-07-01", "t").is_err());
    /// assert!(Window::parse("-3d", "2013-07-01", "t").is_err());
    /// # Ok::<(), String>(())
    /// ```
    ///
    /// # Errors
    /// A sentence that names the flag.
    pub fn parse(length: &str, as_of: &str, column: &str) -> Result<Self, String> {
        let span: Span = length.trim().parse().map_err(|_| {
            format!("--window {length}: is no length of time; write for example 90d, 12h, 4w or 3mo")
        })?;
        let to = instant(as_of).ok_or_else(|| {
            format!(
                "--as-of {as_of}: is no point in time; write for example 2013-07-01 or 2013-07-01T06:00:00Z"
            )
        })?;
        let from = Zoned::new(to, TimeZone::UTC)
            .checked_sub(span)
            .map_err(|error| format!("--window {length}: does not fit before {as_of} ({error})"))?
            .timestamp();
        if from >= to {
            return Err(format!("--window {length}: must be longer than nothing"));
        }
        Ok(Self {
            column: column.to_owned(),
            length: length.trim().to_owned(),
            as_of: as_of.to_owned(),
            from,
            to,
        })
    }

    /// Whether a point in time, in nanoseconds since 1970-01-01, lies inside.
    #[must_use]
    pub fn contains(&self, nanos: i64) -> bool {
        let nanos = i128::from(nanos);
        self.from.as_nanosecond() <= nanos && nanos < self.to.as_nanosecond()
    }

    /// Of a record.
    ///
    /// # Errors
    /// An end that is no instant, named.
    pub fn of_record(record: &provenance::Window) -> Result<Self, String> {
        let range = record.range()?;
        let instant = |at| Timestamp::from_nanosecond(at).map_err(|error| format!("window: {error}"));
        Ok(Self {
            column: record.column.clone(),
            length: record.length.clone(),
            as_of: record.as_of.clone(),
            from: instant(range.start)?,
            to: instant(range.end)?,
        })
    }

    /// As `dataset.json` names it.
    #[must_use]
    pub fn record(&self) -> provenance::Window {
        provenance::Window {
            column: self.column.clone(),
            as_of: self.as_of.clone(),
            length: self.length.clone(),
            from: self.from.to_string(),
            to: self.to.to_string(),
        }
    }
}

/// This second, as a window records its end.
#[must_use]
pub fn now() -> String {
    let now = Timestamp::now();
    Timestamp::from_second(now.as_second()).unwrap_or(now).to_string()
}

/// Reads an age such as `36h`, `7d` or `2w`; in nanoseconds, a day being 24 hours.
///
/// # Errors
/// A sentence.
pub fn age(text: &str) -> Result<i128, String> {
    let wrong = || format!("`{text}` is no age; write for example 36h, 7d or 2w");
    let span: Span = text.trim().parse().map_err(|_| wrong())?;
    let whole = span
        .to_duration(jiff::SpanRelativeTo::days_are_24_hours())
        .map_err(|_| wrong())?;
    match whole.as_nanos() {
        nanos if nanos > 0 => Ok(nanos),
        _ => Err(format!("`{text}` is no age; it must be longer than nothing")),
    }
}

/// A date (midnight in UTC), a time with its offset, or a time without one (read as UTC).
#[must_use]
pub fn instant(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    if let Ok(at) = text.parse::<Timestamp>() {
        return Some(at);
    }
    let civil: jiff::civil::DateTime = text.parse().ok()?;
    civil.to_zoned(TimeZone::UTC).ok().map(|zoned| zoned.timestamp())
}

//! Dates in names: `dt=2013-04-01`, `year=2013/month=4/day=1`, `2013-04`, `20130401`.

use jiff::civil::{Date, date};
use jiff::{Timestamp, ToSpan as _};

/// The time that a name speaks of: a year, a month or a day, in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Period {
    /// Its start.
    pub from: Timestamp,
    /// The first instant after it.
    pub to: Timestamp,
    /// Whether folders say so as Hive writes partitions, `key=value`, and not only a name with digits in it.
    pub is_partition: bool,
}

impl Period {
    /// The period that a name or a URI speaks of.
    ///
    /// ```
    /// use artifact_store::Period;
    /// let day = Period::of("s3://lake/dt=2013-04-09/0.parquet").ok_or("no date")?;
    /// assert_eq!((day.from.to_string(), day.is_partition), ("2013-04-09T00:00:00Z".to_owned(), true));
    /// assert_eq!(Period::of("part-0001.csv"), None);
    /// # Ok::<(), &str>(())
    /// ```
    #[must_use]
    pub fn of(uri: &str) -> Option<Self> {
        let name = uri.split_once("://").map_or(uri, |(_, rest)| rest);
        if let Some((from, to)) = hive(name) {
            let is_partition = true;
            return Some(Self {
                from,
                to,
                is_partition,
            });
        }
        // The deepest part of the path that has a date is the partition.
        let (at, (from, to)) = name
            .rsplit('/')
            .enumerate()
            .find_map(|(at, part)| Some((at, plain(part)?)))?;
        let folder = name.rsplit('/').nth(at).filter(|_| at > 0);
        Some(Self {
            from,
            to,
            is_partition: folder.is_some_and(|folder| folder.find('=').is_some_and(|equals| equals > 0)),
        })
    }

    /// Whether an instant of it lies in `from .. to`.
    #[must_use]
    pub fn reaches_into(&self, from: Timestamp, to: Timestamp) -> bool {
        self.from < to && from < self.to
    }
}

/// `year=2013/month=4/day=1`, with or without the smaller parts.
fn hive(name: &str) -> Option<(Timestamp, Timestamp)> {
    let part = |keys: &[&str]| -> Option<i16> {
        name.split('/').find_map(|part| {
            let (key, value) = part.split_once('=')?;
            keys.contains(&key.to_ascii_lowercase().as_str())
                .then(|| value.parse().ok())?
        })
    };
    let year = part(&["year", "y"])?;
    let month = part(&["month", "m"]).and_then(|m| i8::try_from(m).ok());
    let day = part(&["day", "d"]).and_then(|d| i8::try_from(d).ok());
    span(year, month, day)
}

/// The first `2013-04-01`, `20130401` or `2013-04` among the digits of one part of a path.
fn plain(part: &str) -> Option<(Timestamp, Timestamp)> {
    let bytes = part.as_bytes();
    let boundary = |at: usize| at == 0 || !bytes.get(at - 1).is_some_and(u8::is_ascii_digit);
    let ends = |at: usize| !bytes.get(at).is_some_and(u8::is_ascii_digit);
    let number = |at: usize, len: usize| -> Option<i16> {
        let digits = part.get(at..at + len)?;
        digits
            .bytes()
            .all(|b| b.is_ascii_digit())
            .then(|| digits.parse().ok())?
    };
    let digits = |at: usize, len: usize| {
        part.get(at..at + len)
            .is_some_and(|d| d.bytes().all(|b| b.is_ascii_digit()))
    };
    let month_at = |at: usize| number(at, 2).and_then(|m| i8::try_from(m).ok());
    for at in (0..bytes.len()).filter(|at| boundary(*at)) {
        let Some(year @ 1900..=2200) = number(at, 4) else {
            continue;
        };
        let separated = |i: usize| matches!(bytes.get(i), Some(b'-' | b'_'));
        let found = if separated(at + 4) && separated(at + 7) && ends(at + 10) && month_at(at + 8).is_some() {
            span(year, month_at(at + 5), month_at(at + 8))
        } else if digits(at, 8) && ends(at + 8) {
            span(year, month_at(at + 4), month_at(at + 6))
        } else if separated(at + 4) && ends(at + 7) {
            month_at(at + 5).and_then(|month| span(year, Some(month), None))
        } else {
            None
        };
        if found.is_some() {
            return found;
        }
    }
    None
}

fn span(year: i16, month: Option<i8>, day: Option<i8>) -> Option<(Timestamp, Timestamp)> {
    if !(1900..=2200).contains(&year) {
        return None;
    }
    let valid = |m: i8, d: i8| Date::new(year, m, d).ok();
    let (start, length) = match (month, day) {
        (Some(month), Some(day)) => (valid(month, day)?, 1.day()),
        (Some(month), None) => (valid(month, 1)?, 1.month()),
        (None, _) => (date(year, 1, 1), 1.year()),
    };
    let utc = |at: Date| at.to_zoned(jiff::tz::TimeZone::UTC).ok().map(|z| z.timestamp());
    Some((utc(start)?, utc(start.checked_add(length).ok()?)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_dates_in_names() {
        for (uri, from, to) in [
            ("s3://b/dt=2013-04-09/0.parquet", "2013-04-09", "2013-04-10"),
            ("s3://b/year=2013/month=4/0.parquet", "2013-04-01", "2013-05-01"),
            ("s3://b/year=2013/month=12/day=31/x", "2013-12-31", "2014-01-01"),
            ("/d/2013-04.parquet", "2013-04-01", "2013-05-01"),
            ("/d/flights_20130228.csv", "2013-02-28", "2013-03-01"),
            (
                "/d/2012-backup/flights-2013_06_30-part-0001.csv.gz",
                "2013-06-30",
                "2013-07-01",
            ),
            ("/d/year=2013/0.parquet", "2013-01-01", "2014-01-01"),
        ] {
            let period = Period::of(uri).unwrap();
            assert_eq!(
                (period.from.to_string(), period.to.to_string()),
                (format!("{from}T00:00:00Z"), format!("{to}T00:00:00Z"))
            );
        }
        for uri in [
            "/d/part-0001.csv",
            "/d/2013-13.csv",
            "/d/2013-02-30.csv",
            "/d/120130401.csv",
            "/d/20134.csv",
        ] {
            assert_eq!(Period::of(uri), None, "{uri}");
        }
    }

    #[test]
    fn partitions_are_folders_with_a_key() {
        for (uri, expected) in [
            ("s3://b/dt=2013-04-09/0.parquet", true),
            ("year=2013/month=4/0.parquet", true),
            ("2013-04-09/0.parquet", false),
            ("dt=2013-04-09.csv", false),
            ("snapshot=2013-04/flights.csv", true),
        ] {
            assert_eq!(Period::of(uri).unwrap().is_partition, expected, "{uri}");
        }
    }
}

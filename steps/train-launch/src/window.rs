//! `--window`: the newest whole objects of a validated split.
//!
//! The time of an object is the date in its name: `dt=2013-04-01`, `year=2013/month=4/day=1`, `2013-04`,
//! `20130401`. An object stays when its period reaches into `[as_of - window, as_of)`.

use jiff::civil::{Date, DateTime, date};
use jiff::{SignedDuration, Timestamp, ToSpan as _};
use provenance::{DataObject, Dataset, Split};

use crate::duration::Length;

/// The narrowed dataset and what was done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Narrowed {
    /// Only the objects that stay; other splits as they were.
    pub dataset: Dataset,
    /// Start of the window.
    pub from: Timestamp,
    /// End of the window, exclusive.
    pub to: Timestamp,
    /// Objects that stayed, of how many.
    pub kept: (usize, usize),
}

/// Narrows `split` of `dataset`.
///
/// # Errors
/// No such split, an object without a date in its name, or nothing inside the window.
pub(crate) fn narrow(
    dataset: &Dataset,
    split_name: &str,
    window: &Length,
    as_of: Option<&str>,
) -> Result<Narrowed, String> {
    let split = dataset.splits.get(split_name).ok_or_else(|| {
        let known: Vec<&str> = dataset.splits.keys().map(String::as_str).collect();
        let near = step_contract::nearest(split_name, known.iter().copied());
        let hint = near
            .map(|near| format!("; did you mean `{near}`?"))
            .unwrap_or_default();
        format!(
            "--window-split `{split_name}` is not in the dataset: it has {}{hint}",
            known.join(", ")
        )
    })?;
    let mut dated = Vec::new();
    for object in &split.objects {
        let period = period(&object.uri).ok_or_else(|| {
            format!(
                "--window needs a date in the name of every object of `{split_name}`, and {} has none: name \
                 partitions dt=2013-04-01 or month=2013-04, or cut the window by a column with data-validate \
                 check --window",
                object.uri
            )
        })?;
        dated.push((period, object));
    }
    let newest = dated.iter().map(|((_, end), _)| *end).max();
    let to = match (as_of, newest) {
        (Some(text), _) => instant(text)?,
        (None, Some(newest)) => newest,
        (None, None) => return Err(format!("split `{split_name}` holds no object")),
    };
    let length =
        SignedDuration::try_from(window.duration()).map_err(|e| format!("--window {window}: {e}"))?;
    let from = to
        .checked_sub(length)
        .map_err(|e| format!("--window {window}: {e}"))?;
    let kept: Vec<DataObject> = dated
        .iter()
        .filter(|((start, end), _)| *start < to && from < *end)
        .map(|(_, object)| (*object).clone())
        .collect();
    if kept.is_empty() {
        return Err(format!(
            "no object of `{split_name}` lies in {from} to {to} (--window {window}); the newest ends at {}",
            newest.map(|at| at.to_string()).unwrap_or_default()
        ));
    }
    let counts = (kept.len(), split.objects.len());
    let mut splits = dataset.splits.clone();
    let narrowed = Split::new(split.uri.clone(), kept)
        .map_err(|e| e.to_string())?
        .windowed(split.windowed);
    splits.insert(split_name.to_owned(), narrowed);
    let version = (dataset.version != dataset.digest.to_string()).then(|| dataset.version.clone());
    let dataset = Dataset::new(version, dataset.window.clone(), splits);
    Ok(Narrowed {
        dataset,
        from,
        to,
        kept: counts,
    })
}

/// RFC 3339, a date and time, or a date; without an offset it is UTC.
fn instant(text: &str) -> Result<Timestamp, String> {
    if let Ok(at) = text.parse::<Timestamp>() {
        return Ok(at);
    }
    let civil = text
        .parse::<DateTime>()
        .or_else(|_| text.parse::<Date>().map(|d| d.at(0, 0, 0, 0)));
    civil
        .and_then(|at| at.to_zoned(jiff::tz::TimeZone::UTC))
        .map(|at| at.timestamp())
        .map_err(|_| format!("--as-of `{text}` is not a time; write 2013-07-01 or 2013-07-01T00:00:00Z"))
}

/// The period that a name speaks of: its start and the first instant after it.
fn period(uri: &str) -> Option<(Timestamp, Timestamp)> {
    let name = uri.split_once("://").map_or(uri, |(_, rest)| rest);
    hive(name).or_else(|| {
        // The deepest part of the path that has a date is the partition.
        name.rsplit('/').find_map(plain)
    })
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
    use std::collections::BTreeMap;

    use provenance::digest_bytes;

    use super::*;

    fn dataset(uris: &[&str]) -> Dataset {
        let objects = uris
            .iter()
            .map(|uri| DataObject {
                uri: (*uri).to_owned(),
                size: 1,
                etag: None,
                version_id: None,
                rows: 10,
                digest: digest_bytes(uri),
            })
            .collect();
        let split = Split::new("s3://raw/", objects).unwrap();
        Dataset::new(None, None, BTreeMap::from([("train".to_owned(), split)]))
    }

    fn kept(uris: &[&str], window: &str, as_of: Option<&str>) -> Result<Vec<String>, String> {
        let narrowed = narrow(&dataset(uris), "train", &window.parse().unwrap(), as_of)?;
        Ok(narrowed.dataset.splits["train"]
            .objects
            .iter()
            .map(|o| o.uri.clone())
            .collect())
    }

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
            let (start, end) = period(uri).unwrap_or_else(|| panic!("{uri}"));
            assert_eq!(
                (start.to_string(), end.to_string()),
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
            assert_eq!(period(uri), None, "{uri}");
        }
    }

    #[test]
    fn keeps_what_reaches_into_the_window() {
        let months = ["d/2013-03.csv", "d/2013-04.csv", "d/2013-05.csv", "d/2013-06.csv"];
        // 90 days before July begin on 2 April: April is in, whole.
        assert_eq!(kept(&months, "90d", None).unwrap(), months[1..]);
        assert_eq!(kept(&months, "30d", Some("2013-06-01")).unwrap(), [months[2]]);
        assert_eq!(
            kept(&months, "31d", Some("2013-05-01T00:00:00Z")).unwrap(),
            months[..2]
        );
        let none = kept(&months, "30d", Some("2014-01-01")).unwrap_err();
        assert!(none.contains("the newest ends at 2013-07-01T00:00:00Z"), "{none}");
    }

    #[test]
    fn says_what_it_cannot_tell() {
        let undated = kept(&["d/2013-04.csv", "d/rest.csv"], "90d", None).unwrap_err();
        assert!(undated.contains("d/rest.csv has none"), "{undated}");
        let typo = narrow(&dataset(&["2013-04"]), "trian", &"1d".parse().unwrap(), None).unwrap_err();
        assert!(typo.contains("did you mean `train`?"), "{typo}");
        assert!(
            kept(&["2013-04"], "1d", Some("soon"))
                .unwrap_err()
                .contains("--as-of `soon`")
        );
    }

    #[test]
    fn narrowing_to_all_is_the_same_dataset() {
        let whole = dataset(&["d/2013-05.csv", "d/2013-06.csv"]);
        let narrowed = narrow(&whole, "train", &"90d".parse().unwrap(), None).unwrap();
        assert_eq!(narrowed.dataset, whole);
        assert_eq!(narrowed.kept, (2, 2));
    }
}

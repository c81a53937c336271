//! `--window`: the newest whole objects of a validated split.
//!
//! The time of an object is the date in its name (see [`artifact_store::Period`]). An object stays when its period reaches into `[as_of - window, as_of)`.

use artifact_store::Period;
use jiff::civil::{Date, DateTime};
use jiff::{SignedDuration, Timestamp};
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
        let period = Period::of(object.name()).ok_or_else(|| {
            format!(
                "--window needs a date in the name of every object of `{split_name}`, and {} has none: name \
                 partitions dt=2013-04-01 or month=2013-04, or cut the window by a column with data-validate \
                 check --window",
                object.name()
            )
        })?;
        dated.push((period, object));
    }
    let newest = dated.iter().map(|(period, _)| period.to).max();
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
        .filter(|(period, _)| period.reaches_into(from, to))
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
        .at(split.version.clone(), split.commit.clone())
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
                reference: None,
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

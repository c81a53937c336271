//! Which files of a table a window can have rows in, by the dates of their partitions: before any of them is opened.
//!
//! A partition of the time column itself says exactly when its rows are. Of another one, `dt=2013-04-01` beside a column
//! `time_hour`, that is a promise of whoever wrote the table: a day is left on both sides for time zones, and the footers of
//! the files that are opened must keep the promise, or every file is opened.

use artifact_store::{Location, ObjectMeta, Period};
use jiff::{SignedDuration, Timestamp};
use tabular::Format;

use super::column::ticks;
use super::objects::Opened;
use super::partitions;
use crate::window::{Window, instant};

/// Dates of partitions are in somebody's time zone: none is a day from UTC.
const SLACK: SignedDuration = SignedDuration::from_hours(24);

/// The files of a table.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Chosen {
    /// The numbers of those to be opened.
    pub inside: Vec<usize>,
    /// The numbers of those that no row can be inside of.
    pub outside: Vec<usize>,
}

/// What a name says of when the rows of a file are.
enum Said {
    /// Nothing.
    Nothing,
    /// All rows have this time.
    Exactly(Timestamp),
    /// They are promised to be within.
    About(Period),
}

/// Chooses the files of a table.
pub(super) fn choose(table: &Location, files: &[ObjectMeta], window: &Window) -> Chosen {
    let mut chosen = Chosen::default();
    for (number, file) in files.iter().enumerate() {
        let is_outside = match said(table, file, window) {
            Said::Nothing => false,
            Said::Exactly(at) => !(window.from <= at && at < window.to),
            Said::About(period) => {
                let (from, to) = widened(&period);
                !(from < window.to && window.from < to)
            }
        };
        if is_outside {
            &mut chosen.outside
        } else {
            &mut chosen.inside
        }
        .push(number);
    }
    chosen
}

fn said(table: &Location, file: &ObjectMeta, window: &Window) -> Said {
    let parts = partitions::of(table, file);
    if let Some((_, value)) = parts.iter().find(|(name, _)| *name == window.column) {
        let at = value.as_deref().and_then(instant);
        return at.map_or(Said::Nothing, Said::Exactly);
    }
    // Text has no footer to hold the promise of a mere name against.
    let has_footer = matches!(Format::from_name(file.file_name()), Ok(Format::Parquet));
    match Period::of(file.below(table)).filter(|period| period.is_partition || has_footer) {
        Some(period) => Said::About(period),
        None => Said::Nothing,
    }
}

fn widened(period: &Period) -> (Timestamp, Timestamp) {
    (
        period.from.saturating_sub(SLACK).unwrap_or(Timestamp::MIN),
        period.to.saturating_add(SLACK).unwrap_or(Timestamp::MAX),
    )
}

/// A file that was opened and has times that its name does not have: a sentence. Names without a key, `2013-04.parquet`, are
/// taken at their word only where a footer bears it out.
pub(super) fn broken(table: &Location, opened: &[Opened], window: &Window) -> Option<String> {
    opened.iter().find_map(|file| {
        let meta = file.object.meta();
        let Said::About(period) = said(table, meta, window) else {
            return None;
        };
        let (from, to) = widened(&period);
        let shown = meta.name();
        match times(file, &window.column) {
            Some((first, last)) if first < from.as_nanosecond() || last >= to.as_nanosecond() => {
                Some(format!(
                    "{shown} has times of `{}` outside of the date in its name",
                    window.column
                ))
            }
            None if !period.is_partition => Some(format!(
                "the footer of {shown} does not tell which times of `{}` it has",
                window.column
            )),
            _ => None,
        }
    })
}

/// The first and the last time in a file, in nanoseconds since 1970-01-01, where its footer tells.
fn times(file: &Opened, column: &str) -> Option<(i128, i128)> {
    let bounds = file.source.bounds(column)?;
    let all = |column: &tabular::Column| -> Option<Vec<i128>> {
        let (ticks, each) = ticks(column)?;
        let known = (0..column.len()).all(|part| column.validity().is_valid(part));
        known.then(|| ticks.iter().map(|at| i128::from(*at) * each).collect())
    };
    let (first, last) = (all(&bounds.min)?, all(&bounds.max)?);
    Some((first.into_iter().min()?, last.into_iter().max()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn inside(table: &str, files: &[&str], column: &str) -> Vec<usize> {
        let files: Vec<ObjectMeta> = files
            .iter()
            .map(|name| ObjectMeta {
                location: format!("{table}{name}").parse().unwrap(),
                size: 1,
                etag: None,
                version_id: None,
                modified: None,
                reference: None,
            })
            .collect();
        let window = Window::parse("10d", "2013-04-11", column).unwrap();
        choose(&table.parse().unwrap(), &files, &window).inside
    }

    #[test]
    fn a_partition_of_the_time_column_says_exactly() {
        let files = [
            "dt=2013-03-31/a.csv",
            "dt=2013-04-01/a.csv",
            "dt=2013-04-10/a.csv",
            "dt=2013-04-11/a.csv",
            "dt=__HIVE_DEFAULT_PARTITION__/a.csv",
            "dt=x/a.csv",
        ];
        // Of what is no date it is not known here: the rows are asked.
        assert_eq!(inside("s3://b/t/", &files, "dt"), [1, 2, 4, 5]);
    }

    #[test]
    fn another_partition_says_so_within_a_day() {
        let files = [
            "dt=2013-03-30/a.csv",
            "dt=2013-03-31/a.csv",
            "dt=2013-04-11/a.csv",
            "dt=2013-04-12/a.csv",
        ];
        assert_eq!(inside("s3://b/t/", &files, "at"), [1, 2]);
        let files = [
            "year=2013/month=03/a.csv",
            "year=2013/month=04/a.csv",
            "year=2013/month=06/a.csv",
        ];
        assert_eq!(inside("s3://b/t/", &files, "at"), [0, 1]);
        // What stands in the table's own location says nothing of its files, and a name of text too little.
        assert_eq!(inside("s3://b/dt=2012-01-01/", &["a.csv"], "at"), [0]);
        assert_eq!(
            inside(
                "s3://b/t/",
                &["2012-01.csv", "2012-01.parquet", "2013-04.parquet"],
                "at"
            ),
            [0, 2]
        );
    }
}

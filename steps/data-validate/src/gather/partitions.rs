//! Columns from the path: below the location of a table, `year=2013/month=1/a.parquet` has the columns `year` and `month`, as
//! Hive, Spark and pyarrow write them.

use std::borrow::Cow;
use std::collections::BTreeMap;

use artifact_store::{Location, ObjectMeta};
use percent_encoding::percent_decode_str;
use tabular::{Kind, kind_of_texts};

use crate::config::TableRules;

/// How Hive writes a partition without a value.
const NULL: &str = "__HIVE_DEFAULT_PARTITION__";

/// The partitions of one file, in the order of its path.
pub(super) type Partitions = Vec<(String, Option<String>)>;

/// The partitions in the path of a file.
pub(super) fn of(table: &Location, file: &ObjectMeta) -> Partitions {
    // What a log says of a file is not read out of its path again.
    if let Some(reference) = file
        .reference
        .as_ref()
        .filter(|reference| !reference.partition.is_empty())
    {
        let parts = reference.partition.iter();
        return parts
            .map(|part| (part.column.clone(), part.value.clone()))
            .collect();
    }
    let folders = folders(table, file).filter_map(|folder| folder.split_once('='));
    folders
        .map(|(name, value)| (decoded(name), (value != NULL).then(|| decoded(value))))
        .collect()
}

/// The folders of a file that are partitions, as they stand.
pub(super) fn folders<'a>(table: &Location, file: &'a ObjectMeta) -> impl Iterator<Item = &'a str> {
    let path = file.below(table);
    let folders = path.rsplit_once('/').map_or("", |(folders, _)| folders);
    folders
        .split('/')
        .filter(|folder| folder.find('=').is_some_and(|at| at > 0))
}

/// What each partition is read as: as the suite says, as the log of the table does, or what all of its values are.
///
/// # Errors
/// A sentence, when a file is partitioned by a column twice, or files by different columns.
pub(super) fn kinds(
    files: &[(String, Partitions)],
    rules: Option<&TableRules>,
    logged: &BTreeMap<String, Kind>,
) -> Result<BTreeMap<String, Kind>, String> {
    let names = |file: &(String, Partitions)| -> Vec<String> {
        file.1.iter().map(|(name, _)| name.clone()).collect()
    };
    if let Some((file, name)) = files.iter().find_map(|(file, parts)| Some((file, twice(parts)?))) {
        return Err(format!(
            "{file}: the partition `{name}` stands twice in its path; every partition needs a name of its own"
        ));
    }
    let Some(first) = files.first() else {
        return Ok(BTreeMap::new());
    };
    if let Some(other) = files.iter().find(|file| names(file) != names(first)) {
        let shown = |file: &(String, Partitions)| match names(file).join(", ") {
            none if none.is_empty() => "none".to_owned(),
            some => some,
        };
        return Err(format!(
            "{} is partitioned by {} and {} by {}; all files of a table must be partitioned alike",
            first.0,
            shown(first),
            other.0,
            shown(other)
        ));
    }
    let mut kinds = BTreeMap::new();
    for (index, name) in names(first).into_iter().enumerate() {
        let ruled = rules.and_then(|rules| rules.columns.get(&name)?.kind?.kind());
        let values = files.iter().filter_map(|file| file.1[index].1.as_deref());
        let known = ruled.or_else(|| logged.get(&name).copied());
        let kind = known.unwrap_or_else(|| kind_of_texts(values));
        kinds.insert(name, kind);
    }
    Ok(kinds)
}

/// A name that two partitions have.
fn twice(partitions: &Partitions) -> Option<&str> {
    let mut names = partitions.iter().map(|(name, _)| name.as_str()).enumerate();
    let is_before = |index: usize, name: &str| partitions[..index].iter().any(|(other, _)| other == name);
    names.find_map(|(index, name)| is_before(index, name).then_some(name))
}

/// `%20` and the like, as in the names of objects; what is no such code stays as it is.
fn decoded(text: &str) -> String {
    percent_decode_str(text)
        .decode_utf8()
        .map_or_else(|_| text.to_owned(), Cow::into_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(table: &str, file: &str) -> Vec<(String, Option<String>)> {
        let file = ObjectMeta {
            location: file.parse().unwrap(),
            size: 0,
            etag: None,
            version_id: None,
            modified: None,
            reference: None,
        };
        of(&table.parse().unwrap(), &file)
    }

    #[test]
    fn partitions_are_the_folders_below_the_table() {
        let two = [
            ("year".to_owned(), Some("2013".to_owned())),
            ("day".to_owned(), None),
        ];
        let day = format!("day={NULL}");
        assert_eq!(
            found("s3://b/t/", &format!("s3://b/t/year=2013/{day}/a.parquet")),
            two
        );
        assert_eq!(
            found("s3://b/t", &format!("s3://b/t/year=2013/{day}/a.parquet")),
            two
        );
        assert_eq!(
            found(
                "s3://b/t/*/*/*.parquet",
                &format!("s3://b/t/year=2013/{day}/a.parquet")
            ),
            two
        );
        assert_eq!(
            found("data/t", &format!("data/t/year=2013/{day}/a=b.parquet")),
            two
        );
        // What stands in the table's own location is a name.
        assert_eq!(found("s3://b/year=2013/", "s3://b/year=2013/a.parquet"), []);
        assert_eq!(
            found("s3://b/year=2013/a.parquet", "s3://b/year=2013/a.parquet"),
            []
        );
        let city = [("city".to_owned(), Some("New York 100%".to_owned()))];
        assert_eq!(found("t", "t/city=New%20York 100%/a.csv"), city);
    }

    #[test]
    fn files_must_be_partitioned_alike() {
        let file = |name: &str, of: &[(&str, &str)]| {
            let parts = of
                .iter()
                .map(|(name, value)| ((*name).to_owned(), Some((*value).to_owned())));
            (name.to_owned(), parts.collect::<Partitions>())
        };
        let files = [
            file("a", &[("month", "01"), ("kind", "x")]),
            file("b", &[("month", "12"), ("kind", "1")]),
        ];
        let kinds = kinds(&files, None, &BTreeMap::new()).unwrap();
        assert_eq!((kinds["month"], kinds["kind"]), (Kind::Int, Kind::Text));
        let why = super::kinds(
            &[file("a", &[("month", "1")]), file("b", &[])],
            None,
            &BTreeMap::new(),
        )
        .unwrap_err();
        assert_eq!(
            why,
            "a is partitioned by month and b by none; all files of a table must be partitioned alike"
        );
    }
}

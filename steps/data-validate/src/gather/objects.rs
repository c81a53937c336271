//! The files of each table: found, opened at one version, their footers read.

use std::collections::HashSet;
use std::io;
use std::ops::Range;
use std::sync::Arc;

use artifact_store::{Location, Object, ObjectMeta, Store};
use futures::{StreamExt as _, TryStreamExt as _};
use provenance::Digest;
use step_runtime::StepError;
use tabular::{CsvOptions, Field, Format, Input, Kind, Source};

use super::partitions::{self, Partitions};
use crate::config::TableRules;
use crate::error::table_error;
use crate::plan::TablePlan;

/// One file or object of a table.
#[derive(Debug, Clone)]
pub struct Opened {
    /// Its own location.
    pub uri: String,
    /// Pinned to the version that was found.
    pub object: Object,
    /// Its footer or header.
    pub source: Source,
    /// The folders of its partitions, as they stand in its path: `year=2013/month=1`; empty when there are none.
    pub partition: String,
}

/// A table: its files, and names below its location that are no table files.
#[derive(Debug, Clone)]
pub struct OpenedTable {
    /// In the order of names.
    pub objects: Vec<Opened>,
    /// The number of the first of them in the table: not 0 where these are a part of it.
    pub first: usize,
    /// Names that were passed over.
    pub passed_over: Vec<String>,
}

impl OpenedTable {
    /// Some of its files, by their numbers in the table.
    #[must_use]
    pub fn part(&self, numbers: Range<usize>) -> Self {
        let at = |number: usize| number.saturating_sub(self.first).min(self.objects.len());
        let range = at(numbers.start)..at(numbers.end);
        Self {
            first: self.first + range.start,
            objects: self.objects[range].to_vec(),
            passed_over: self.passed_over.clone(),
        }
    }

    /// Every column of any object, in the order of their first object.
    #[must_use]
    pub fn columns(&self) -> Vec<String> {
        let (mut names, mut known) = (Vec::new(), HashSet::new());
        for field in self.objects.iter().flat_map(|object| object.source.fields()) {
            if known.insert(field.name.as_str()) {
                names.push(field.name.clone());
            }
        }
        names
    }

    /// The column in each object that has it.
    pub fn fields<'a>(&'a self, name: &'a str) -> impl Iterator<Item = (usize, &'a Field)> {
        self.objects
            .iter()
            .enumerate()
            .filter_map(move |(index, object)| {
                object
                    .source
                    .fields()
                    .find(|field| field.name == name)
                    .map(|field| (index, field))
            })
    }

    /// The kind that values of a column are compared as: all numbers are one. `None` when no file has a value of it.
    ///
    /// # Errors
    /// A sentence, when the kinds of two files differ: no value of one could ever equal a value of the other.
    pub fn family(&self, name: &str) -> Result<Option<Kind>, String> {
        let fields = self.fields(name);
        family_over(
            name,
            fields.map(|(at, field)| (self.objects[at].uri.as_str(), field)),
        )
    }
}

/// The kind that values of a column of some files are compared as, as [`OpenedTable::family`].
pub(super) fn family_over<'a>(
    name: &str,
    fields: impl Iterator<Item = (&'a str, &'a Field)>,
) -> Result<Option<Kind>, String> {
    // Arrow's type of a column without any value says nothing of its kind.
    let mut fields = fields.filter(|(_, field)| field.type_name != "null");
    let Some((first, field)) = fields.next() else {
        return Ok(None);
    };
    match fields.find(|(_, other)| family(other.kind) != family(field.kind)) {
        None => Ok(Some(family(field.kind))),
        Some((other, theirs)) => Err(format!(
            "`{name}` is {} in {first} and {} in {other}, so that no value of one could equal a value of the other; write it \
             with one type (CSV and JSON lines: name its `type` in the suite)",
            field.type_name, theirs.type_name
        )),
    }
}

/// Kinds whose values are compared as equals.
fn family(kind: Kind) -> Kind {
    if kind.is_number() { Kind::Float } else { kind }
}

/// Finds the files of a table, and names below its location that are no table files.
///
/// # Errors
/// There is none.
pub async fn list(store: &Store, plan: &TablePlan) -> Result<(Vec<ObjectMeta>, Vec<String>), StepError> {
    let flag = flag(plan);
    let found = store.list_data(&location(plan)?).await?;
    let alone = found.len() == 1;
    let (tables, others): (Vec<_>, Vec<_>) = found
        .into_iter()
        .partition(|meta| alone || Format::is_table_name(meta.location.file_name()));
    if tables.is_empty() {
        let what = format!(
            "{flag}: no table file among the {} found (the first is {}); expected .parquet, .csv, .tsv, .jsonl, .arrow",
            others.len(),
            others
                .first()
                .map(|meta| meta.location.to_string())
                .unwrap_or_default()
        );
        return Err(StepError::usage(what));
    }
    let passed_over = others.iter().map(|meta| meta.location.to_string()).collect();
    Ok((tables, passed_over))
}

fn flag(plan: &TablePlan) -> String {
    format!("--data {}={}", plan.name, plan.uri)
}

fn location(plan: &TablePlan) -> Result<Location, StepError> {
    let parsed = plan.uri.parse();
    parsed.map_err(|error| StepError::usage(format!("{}: {error}", flag(plan))))
}

/// Finds and opens the files of a table, at the versions that are there now.
///
/// # Errors
/// There is none, or one cannot be opened.
pub async fn open(store: &Store, plan: &TablePlan) -> Result<OpenedTable, StepError> {
    let (found, passed_over) = list(store, plan).await?;
    let (all, is_recorded) = (0..found.len(), false);
    let opened = files(store, plan, &found, all, is_recorded).await?;
    Ok(OpenedTable {
        passed_over,
        ..opened
    })
}

/// Opens some of the files of a table, at the versions that a list of all of them has.
///
/// # Errors
/// One cannot be opened, or is another by now.
pub async fn open_recorded(
    store: &Store,
    plan: &TablePlan,
    recorded: &[ObjectMeta],
    range: Range<usize>,
) -> Result<OpenedTable, StepError> {
    files(store, plan, recorded, range, true).await
}

async fn files(
    store: &Store,
    plan: &TablePlan,
    all: &[ObjectMeta],
    range: Range<usize>,
    is_recorded: bool,
) -> Result<OpenedTable, StepError> {
    let (location, rules) = (location(plan)?, plan.rules.as_ref());
    // What partitions are read as follows from the paths of all files, whichever are opened.
    let partitions: Vec<(String, Partitions)> = all
        .iter()
        .map(|meta| {
            (
                meta.location.to_string(),
                partitions::of(&location, &meta.location),
            )
        })
        .collect();
    let kinds = partitions::kinds(&partitions, rules)
        .map_err(|why| StepError::usage(format!("{}: {why}", flag(plan))))?;
    // Thousands of footers are read many at a time, and come back in the order of their names.
    let chosen = &all[range.clone()];
    let opening = chosen.iter().map(|meta| one(store, meta, is_recorded, rules));
    let opened: Vec<(Object, Source)> = futures::stream::iter(opening)
        .buffered(AT_A_TIME)
        .try_collect()
        .await?;
    let mut objects = Vec::with_capacity(opened.len());
    let partitions = partitions.into_iter().skip(range.start);
    for (meta, ((object, source), (uri, partitions))) in chosen.iter().zip(opened.into_iter().zip(partitions))
    {
        let values = partitions
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_deref(), kinds[name]));
        let source = source
            .with_constants(values)
            .map_err(|error| table_error(&error))?;
        objects.push(Opened {
            uri,
            object,
            source,
            partition: partitions::folders(&location, &meta.location)
                .collect::<Vec<_>>()
                .join("/"),
        });
    }
    Ok(OpenedTable {
        objects,
        first: range.start,
        passed_over: Vec::new(),
    })
}

/// Files whose footers are read at once.
const AT_A_TIME: usize = 32;

/// Opens one file, at the version that is there now or at the recorded one.
async fn one(
    store: &Store,
    meta: &ObjectMeta,
    is_recorded: bool,
    rules: Option<&TableRules>,
) -> Result<(Object, Source), StepError> {
    let at = &meta.location;
    let uri = at.to_string();
    let format = Format::from_name(at.file_name())
        .map_err(|_| table_error(&tabular::TableError::UnknownFormat { file: uri.clone() }))?;
    let format = with_rules(format, rules).map_err(|why| StepError::usage(format!("{uri}: {why}")))?;
    let object = if is_recorded {
        store.open_recorded(meta).await?
    } else {
        store.open(at).await?
    };
    let input = Input::new(uri, Arc::new(object.clone()));
    let source = tokio::task::spawn_blocking(move || Source::open(input, format))
        .await?
        .map_err(|error| table_error(&error))?;
    Ok((object, source))
}

/// Text formats read a column as what the suite says that it is.
///
/// # Errors
/// A sentence, when the delimiter of the file has another meaning in the suite.
fn with_rules(format: Format, rules: Option<&TableRules>) -> Result<Format, String> {
    let Some(rules) = rules else { return Ok(format) };
    let kinds: Vec<(String, Kind)> = rules
        .columns
        .iter()
        .filter_map(|(name, rules)| Some((name.clone(), rules.kind?.kind()?)))
        .collect();
    Ok(match format {
        Format::Csv(options) => Format::Csv(dialect(options, rules, kinds)?),
        Format::JsonLines(options) => Format::JsonLines(tabular::JsonOptions { kinds, ..options }),
        other => other,
    })
}

fn dialect(
    options: CsvOptions,
    rules: &TableRules,
    kinds: Vec<(String, Kind)>,
) -> Result<CsvOptions, String> {
    let options = CsvOptions {
        delimiter: rules
            .delimiter
            .and_then(|c| u8::try_from(c).ok())
            .unwrap_or(options.delimiter),
        null_values: rules.null_values.clone(),
        kinds,
        ..options
    };
    let Some(csv) = &rules.csv else {
        return Ok(options);
    };
    match csv.clash(Some(options.delimiter)) {
        None => Ok(csv.over(options)),
        Some((field, why)) => Err(format!("`csv.{field}` of the suite: {why}")),
    }
}

/// Digests an object, whole. Blocks.
pub fn digest(object: &Object) -> Result<Digest, StepError> {
    let hashed = provenance::digest_reader(object.reader());
    let (digest, read) = hashed.map_err(|error| io_error(&object.meta().location.to_string(), &error))?;
    if read != object.size() {
        let what = format!(
            "{}: {read} bytes read of {}",
            object.meta().location,
            object.size()
        );
        return Err(StepError::unavailable(what));
    }
    Ok(digest)
}

/// A failed read: a dependency that is down, or data that are not there.
pub fn io_error(name: &str, error: &io::Error) -> StepError {
    match artifact_store::StoreError::from_io(error) {
        Some(store) => store.clone().into(),
        None => StepError::usage(format!("{name}: cannot read ({error})")),
    }
}

//! The files of each table: found, opened at one version, their footers read.

use std::collections::{BTreeMap, HashSet};
use std::io;
use std::ops::Range;
use std::sync::Arc;

use artifact_store::{Location, Object, ObjectMeta, Store, Version};
use futures::{StreamExt as _, TryStreamExt as _};
use provenance::Digest;
use step_runtime::StepError;
use tabular::{CsvOptions, Field, Format, Input, Kind, Source};

use super::dates;
use super::partitions::{self, Partitions};
use crate::config::TableRules;
use crate::error::table_error;
use crate::plan::TablePlan;
use crate::window::Window;

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
    /// The version that a reference was resolved to.
    pub version: Option<Version>,
    /// What the dates in the names of files decided, when they decided something.
    pub by_dates: Option<String>,
}

/// The columns of a table that has a schema of its own.
pub type Columns = Vec<(String, Kind)>;

/// The files of a table, before any was opened.
#[derive(Debug, Clone)]
pub struct Listed {
    /// In the order of names.
    pub files: Vec<ObjectMeta>,
    /// Names below the location that are no table files.
    pub passed_over: Vec<String>,
    /// The version that a reference was resolved to.
    pub version: Option<Version>,
    /// The columns that the table says it has: a file that lacks one has nulls there.
    pub columns: Columns,
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
            version: self.version.clone(),
            by_dates: self.by_dates.clone(),
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
pub async fn list(store: &Store, plan: &TablePlan) -> Result<Listed, StepError> {
    let flag = flag(plan);
    let found = store.resolve_data(&location(plan)?).await?;
    let alone = found.objects.len() == 1;
    let (tables, others): (Vec<_>, Vec<_>) = found
        .objects
        .into_iter()
        .partition(|meta| alone || Format::is_table_name(meta.file_name()));
    let shown = |meta: &ObjectMeta| match &meta.reference {
        Some(reference) => reference.name.clone(),
        None => meta.location.to_string(),
    };
    if tables.is_empty() {
        let what = format!(
            "{flag}: no table file among the {} found (the first is {}); expected .parquet, .csv, .tsv, .jsonl, .arrow",
            others.len(),
            others.first().map(shown).unwrap_or_default()
        );
        return Err(StepError::usage(what));
    }
    Ok(Listed {
        files: tables,
        passed_over: others.iter().map(shown).collect(),
        version: found.version,
        columns: found.columns,
    })
}

fn flag(plan: &TablePlan) -> String {
    format!("--data {}={}", plan.name, plan.uri)
}

fn location(plan: &TablePlan) -> Result<Location, StepError> {
    let parsed = plan.uri.parse();
    parsed.map_err(|error| StepError::usage(format!("{}: {error}", flag(plan))))
}

/// Finds and opens the files of a table, at the versions that are there now; of a table that a window cuts, those that can
/// have rows inside.
///
/// # Errors
/// There is none, or one cannot be opened.
pub async fn open(
    store: &Store,
    plan: &TablePlan,
    window: Option<&Window>,
) -> Result<OpenedTable, StepError> {
    let found = list(store, plan).await?;
    let listed = (found.files.as_slice(), found.columns.as_slice());
    let by_dates = match window.filter(|_| plan.is_split) {
        Some(window) => inside(store, plan, listed, window).await?,
        None => ByDates::default(),
    };
    let opened = match by_dates.opened {
        Some(opened) => opened,
        None => {
            let all: Vec<usize> = (0..found.files.len()).collect();
            files(store, plan, listed, &all, false).await?
        }
    };
    Ok(OpenedTable {
        passed_over: found.passed_over,
        version: found.version,
        by_dates: by_dates.said,
        ..opened
    })
}

/// What the dates in the names of files decide.
#[derive(Debug, Default)]
struct ByDates {
    /// The files that can have rows inside of the window; none when all are to be opened.
    opened: Option<OpenedTable>,
    said: Option<String>,
}

/// Opens the files that can have rows inside of a window, by the dates in their names, when names and footers agree.
async fn inside(
    store: &Store,
    plan: &TablePlan,
    listed: (&[ObjectMeta], &[(String, Kind)]),
    window: &Window,
) -> Result<ByDates, StepError> {
    let table = location(plan)?;
    let chosen = dates::choose(&table, listed.0, window);
    let Some(last) = chosen.outside.last() else {
        return Ok(ByDates::default());
    };
    let is_empty = chosen.inside.is_empty();
    // That no name has a date inside is an error, unless the dates are not those of the rows: one file says which.
    let looked_at = if is_empty {
        std::slice::from_ref(last)
    } else {
        chosen.inside.as_slice()
    };
    let opened = files(store, plan, listed, looked_at, false).await?;
    if let Some(why) = dates::broken(&table, &opened.objects, window) {
        return Ok(ByDates {
            opened: None,
            said: Some(format!(
                "every file was opened, whatever the date in its name: {why}"
            )),
        });
    }
    if is_empty {
        return Err(StepError::usage(nothing_inside(plan, listed.0, window)));
    }
    let said = format!(
        "{} of {} files were not opened: the dates in their names lie outside of the window",
        chosen.outside.len(),
        listed.0.len()
    );
    Ok(ByDates {
        opened: Some(opened),
        said: Some(said),
    })
}

/// No name has a date inside: said at once, for no row would be looked at.
fn nothing_inside(plan: &TablePlan, files: &[ObjectMeta], window: &Window) -> String {
    let newest = files.iter().map(ObjectMeta::name).max().unwrap_or_default();
    format!(
        "--window {}: by the dates in their names, none of the {} files of `{}` has rows from {} to {}; the last is {newest}",
        window.length,
        files.len(),
        plan.name,
        window.from,
        window.to
    )
}

/// Opens some of the files of a table, at the versions that a list of all of them has; with the columns of the table.
///
/// # Errors
/// One cannot be opened, or is another by now.
pub async fn open_recorded(
    store: &Store,
    plan: &TablePlan,
    recorded: (&[ObjectMeta], &[(String, Kind)]),
    range: Range<usize>,
) -> Result<OpenedTable, StepError> {
    let numbers: Vec<usize> = range.clone().collect();
    let opened = files(store, plan, recorded, &numbers, true).await?;
    Ok(OpenedTable {
        first: range.start,
        ..opened
    })
}

async fn files(
    store: &Store,
    plan: &TablePlan,
    (all, columns): (&[ObjectMeta], &[(String, Kind)]),
    numbers: &[usize],
    is_recorded: bool,
) -> Result<OpenedTable, StepError> {
    let (location, rules) = (location(plan)?, plan.rules.as_ref());
    // What partitions are read as follows from the paths of all files, whichever are opened.
    let partitions: Vec<(String, Partitions)> = all
        .iter()
        .map(|meta| (meta.location.to_string(), partitions::of(&location, meta)))
        .collect();
    let kinds = partitions::kinds(&partitions, rules, &logged_kinds(all))
        .map_err(|why| StepError::usage(format!("{}: {why}", flag(plan))))?;
    // Thousands of footers are read many at a time, and come back in the order of their names.
    let opening = numbers
        .iter()
        .map(|number| one(store, &all[*number], is_recorded, rules));
    let opened: Vec<(Object, Source)> = futures::stream::iter(opening)
        .buffered(AT_A_TIME)
        .try_collect()
        .await?;
    let mut objects = Vec::with_capacity(opened.len());
    for (number, (object, source)) in numbers.iter().zip(opened) {
        let (uri, partitions) = &partitions[*number];
        let values = partitions
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_deref(), kinds[name]));
        // What a table has and a file lacks was added to the table after the file was written.
        let absent = columns.iter().filter(|(name, _)| !kinds.contains_key(name));
        let values = values.chain(absent.map(|(name, kind)| (name.as_str(), None, *kind)));
        let source = source
            .with_constants(values)
            .map_err(|error| table_error(&error))?;
        objects.push(Opened {
            uri: uri.clone(),
            object,
            source,
            partition: partitions::folders(&location, &all[*number])
                .collect::<Vec<_>>()
                .join("/"),
        });
    }
    Ok(OpenedTable {
        objects,
        first: 0,
        passed_over: Vec::new(),
        version: None,
        by_dates: None,
    })
}

/// What the log of a table says that its partitions are.
fn logged_kinds(files: &[ObjectMeta]) -> BTreeMap<String, Kind> {
    let first = files.first().and_then(|meta| meta.reference.as_ref());
    let parts = first.into_iter().flat_map(|reference| &reference.partition);
    parts
        .filter_map(|part| Some((part.column.clone(), part.kind?)))
        .collect()
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
    let format = Format::from_name(meta.file_name())
        .map_err(|_| table_error(&tabular::TableError::UnknownFormat { file: uri.clone() }))?;
    let format = with_rules(format, rules).map_err(|why| StepError::usage(format!("{uri}: {why}")))?;
    let object = if is_recorded {
        store.open_recorded(meta).await?
    } else {
        store.open_found(meta).await?
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

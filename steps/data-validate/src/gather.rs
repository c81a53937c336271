//! All reads: tables in, plain evidence out. Nothing is judged here.

pub mod column;
pub mod conditions;
mod dates;
mod decimals;
pub mod examples;
pub mod fields;
pub mod footers;
pub mod frozen;
pub mod keys;
pub mod measure;
pub mod memory;
pub mod objects;
pub mod part;
mod partitions;
pub mod parts;
mod prune;
pub mod quantile;
pub mod rows;
pub mod scan;
pub mod sequence;
mod sound;
pub mod splits;
pub mod tally;
pub mod together;
pub mod values;
pub mod withhold;

mod wide;

mod relations;
mod wanted;

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use provenance::{Digest, ObjectReference};
use serde::{Deserialize, Serialize};
use tabular::{ColumnProfile, Field};

use crate::error::ScanError;
use crate::expression::Expression;
use crate::plan::{Plan, TablePlan};
use column::ColumnMeasured;
use conditions::ConditionMeasured;
use examples::Example;
use fields::FieldEvidence;
use frozen::Reference;
use keys::{KeyCounts, Spectrum};
use measure::{KeyMeasured, KeyWanted, Measured, Wanted};
use objects::OpenedTable;
use rows::{Choice, Left};
use scan::Pass;
use splits::SplitEvidence;
use together::Together;

/// Everything that the decision needs.
#[derive(Debug, Default)]
pub struct Evidence {
    /// In the order of the plan.
    pub tables: Vec<TableEvidence>,
    /// In the order of the plan; or why a relationship could not be looked at.
    pub relations: Vec<Result<RelationEvidence, String>>,
    /// In the order of the plan.
    pub splits: Vec<SplitEvidence>,
    /// What age is measured from, nanoseconds since 1970-01-01.
    pub now: i128,
    /// Whether it was put together of profiles: no two rows of different parts were compared.
    pub is_of_profiles: bool,
}

/// A table as it was found.
#[derive(Debug, Default)]
pub struct TableEvidence {
    /// Its `--data` name.
    pub name: String,
    /// Rows that the rules are about: inside of the window and for which the filter is true.
    pub rows: u64,
    /// The column of times that the window cut it by, if it did.
    pub windowed: Option<String>,
    /// What `where` says, or why it cannot be asked of the table.
    pub filter: Option<Result<String, String>>,
    /// The share of the rows that was drawn, when not all were looked at.
    pub sample: Option<f64>,
    /// Rows that were not looked at. Those not drawn are among `rows`.
    pub left: Left,
    /// Its files.
    pub objects: Vec<ObjectEvidence>,
    /// Names that were passed over.
    pub passed_over: Vec<String>,
    /// The version that a reference was resolved to.
    pub version: Option<TableVersion>,
    /// What the dates in the names of files decided.
    pub by_dates: Option<String>,
    /// Its columns, in the order of the first file.
    pub fields: Vec<FieldEvidence>,
    /// Columns that rows are told apart, found or ordered by.
    pub compared: BTreeSet<String>,
    /// Measurements by column.
    pub columns: BTreeMap<String, ColumnMeasured>,
    /// Quantiles by column.
    pub quantiles: BTreeMap<String, Vec<Quantile>>,
    /// Keys by their columns; or why they could not be collected.
    pub keys: BTreeMap<KeyWanted, Result<KeyEvidence, String>>,
    /// What columns are held against, by column and number of the rule; or why there is nothing.
    pub references: BTreeMap<(String, usize), Result<Arc<Reference>, String>>,
    /// In the order of the rules.
    pub conditions: Vec<ConditionMeasured>,
    /// In the order of the rules.
    pub pairs: Vec<Together>,
    /// Columns that do not decode.
    pub broken: BTreeMap<String, String>,
}

/// A file of a table.
#[derive(Debug, Clone)]
pub struct ObjectEvidence {
    /// Its own location.
    pub uri: String,
    /// Bytes.
    pub size: u64,
    /// As the store gave it.
    pub etag: Option<String>,
    /// As the store gave it.
    pub version_id: Option<String>,
    /// Rows, inside of the window if there is one.
    pub rows: u64,
    /// Of its bytes; none while only its footer was read.
    pub digest: Option<Digest>,
    /// What a reference says of it.
    pub reference: Option<ObjectReference>,
}

/// The version that a reference was resolved to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TableVersion {
    /// A name that never means another version.
    pub name: String,
    /// The commit that it was found at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
}

impl TableVersion {
    /// As the store has it.
    #[must_use]
    pub fn of(version: &artifact_store::Version) -> Self {
        Self {
            name: version.name.clone(),
            commit: version.commit.clone(),
        }
    }

    /// As the store would have it.
    #[must_use]
    pub fn stored(&self) -> artifact_store::Version {
        artifact_store::Version {
            name: self.name.clone(),
            commit: self.commit.clone(),
        }
    }
}

/// Keys of a table.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct KeyEvidence {
    /// Rows that were compared.
    pub rows: u64,
    /// Rows left out, for a null in the key.
    pub with_null: u64,
    /// Different keys, and how the rows are spread over them.
    pub spread: Spectrum,
    /// Rows that repeat a key that was there before, and the keys.
    pub repeated: KeyCounts,
    /// The keys of most rows.
    pub examples: Vec<Example>,
    /// The least and the most different keys that there may be, where the rows were not compared one with another: then
    /// only some of those that repeat are known, and of `spread` nothing but the least number of keys.
    pub distinct_within: Option<(u64, u64)>,
}

/// A quantile of a column.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Quantile {
    /// The share of the values that lies below.
    pub p: f64,
    /// The value; none without values.
    pub value: Option<f64>,
    /// The ends that it lies between, when it is not exact.
    pub within: Option<(f64, f64)>,
}

/// Rows that refer to nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RelationEvidence {
    /// Rows that refer to something: those without a null in the key.
    pub referring: u64,
    /// Rows with a null in the key.
    pub with_null: u64,
    /// Different keys referred to.
    pub parents: u64,
    /// Rows that refer to nothing, and their keys.
    pub orphans: KeyCounts,
    /// The orphan keys of most rows.
    pub examples: Vec<Example>,
    /// Whether there may be more orphan keys than are counted.
    pub keys_are_least: bool,
}

/// Rows of one table that are in another.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OverlapEvidence {
    /// The columns that were compared.
    pub columns: Vec<String>,
    /// Rows of the second that were compared.
    pub rows: u64,
    /// Rows of the first and of the second that were not, for a null in the key.
    pub with_null: (u64, u64),
    /// Rows of the second that are in the first, and their keys.
    pub shared: KeyCounts,
    /// The shared keys of most rows.
    pub examples: Vec<Example>,
}

impl TableEvidence {
    /// Rows that the rules were asked of: of a sample, those that were drawn.
    #[must_use]
    pub fn looked_at(&self) -> u64 {
        self.rows - self.left.unsampled
    }

    /// The column of this name.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&FieldEvidence> {
        self.fields.iter().find(|field| field.name == name)
    }

    /// The names of all columns.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        self.fields.iter().map(|field| field.name.clone()).collect()
    }

    /// A sentence about a column that is not there.
    #[must_use]
    pub fn missing(&self, name: &str) -> String {
        let hint = step_contract::did_you_mean(name, self.fields.iter().map(|field| field.name.as_str()));
        format!("`{}` has no column `{name}`{hint}", self.name)
    }

    /// The profiles of all columns.
    pub fn profiles(&self) -> impl Iterator<Item = (&str, &ColumnProfile)> {
        self.fields.iter().filter_map(|field| {
            let profile = self.columns.get(&field.name)?.profile.as_ref()?;
            Some((field.name.as_str(), profile))
        })
    }
}

/// How much is gathered beyond what the checks need.
#[derive(Debug, Clone, Copy)]
pub struct Extent {
    /// Profiles of all columns.
    pub profile: bool,
    /// Examples kept a check.
    pub samples: usize,
    /// What age is measured from, nanoseconds since 1970-01-01.
    pub now: i128,
    /// Rows that are in two splits: these take all keys of both.
    pub overlaps: bool,
}

/// Reads all tables. Blocks. The digests of the objects come from elsewhere.
pub fn measure(
    plan: &Plan,
    opened: &[OpenedTable],
    extent: Extent,
    whole: Pass<'_>,
    report_progress: impl Fn(&str),
) -> Result<Evidence, ScanError> {
    let filters = filters(plan, opened);
    let pass_of = |table: usize| pass_of(plan, &filters, table, whole);
    let (ahead, all_wanted, mut measured) =
        first_pass(plan, (opened, opened), extent, pass_of, report_progress)?;
    for (index, (table, seen)) in opened.iter().zip(&mut measured).enumerate() {
        wanted::second_pass(table, &plan.tables[index], seen, pass_of(index))?;
    }
    let read = relations::Tables {
        plan,
        opened,
        wanted: &all_wanted,
        measured: &measured,
        extent,
    };
    let relations = relations::evidence(read, &ahead.parents, pass_of)?;
    let splits = splits::evidence(read, pass_of)?;
    let mut tables = Vec::with_capacity(opened.len());
    for (index, (seen, wanted)) in measured.into_iter().zip(&all_wanted).enumerate() {
        let mut table = TableEvidence {
            name: plan.tables[index].name.clone(),
            rows: seen.rows,
            windowed: pass_of(index).rows.window.map(|window| window.column.clone()),
            filter: said(&filters[index]),
            sample: pass_of(index).rows.sample.map(|sample| sample.share),
            left: seen.left,
            passed_over: opened[index].passed_over.clone(),
            version: opened[index].version.as_ref().map(TableVersion::of),
            by_dates: opened[index].by_dates.clone(),
            fields: fields::of_table(&opened[index]),
            compared: wanted.compared.clone(),
            broken: seen.broken,
            conditions: seen.conditions,
            pairs: seen.pairs,
            ..TableEvidence::default()
        };
        table.objects = objects(&opened[index], &seen.rows_by_object);
        let judged = wanted::judged_keys(&plan.tables[index], &opened[index].columns());
        for (wanted, keys) in wanted
            .keys
            .iter()
            .zip(&seen.keys)
            .filter(|(wanted, _)| judged.contains(wanted))
        {
            let found = key_evidence(&opened[index], &wanted.columns, keys, extent, pass_of(index))?;
            table.keys.insert(wanted.clone(), found);
        }
        let references = ahead.references_of(index);
        table.references = references
            .map(|(column, number, found)| ((column.clone(), number), found.clone()))
            .collect();
        table.quantiles = wanted::quantiles(&plan.tables[index], &seen.columns);
        table.columns = seen.columns;
        tables.push(table);
    }
    Ok(Evidence {
        tables,
        relations,
        splits,
        now: extent.now,
        is_of_profiles: false,
    })
}

/// Measures the tables, or parts of them; what they refer to and are held against is read whole.
fn first_pass<'a>(
    plan: &Plan,
    (opened, parts): (&[OpenedTable], &[OpenedTable]),
    extent: Extent,
    pass_of: impl Fn(usize) -> Pass<'a> + Copy,
    report_progress: impl Fn(&str),
) -> Result<(wanted::Ahead, Vec<Wanted>, Vec<Measured>), ScanError> {
    let ahead = wanted::Ahead {
        parents: relations::parents(plan, opened, pass_of)?,
        references: frozen::references(plan, opened, pass_of)?,
    };
    let (mut all_wanted, mut measured) = (Vec::with_capacity(parts.len()), Vec::with_capacity(parts.len()));
    for (index, table) in parts.iter().enumerate() {
        report_progress(&plan.tables[index].name);
        let wanted = wanted::of_table(plan, index, parts, extent, &ahead, pass_of(index).rows);
        measured.push(scan::measure(table, &wanted, pass_of(index))?);
        all_wanted.push(wanted);
    }
    Ok((ahead, all_wanted, measured))
}

/// What a filter says, if it can be asked.
fn said(filter: &Option<Result<Expression, String>>) -> Option<Result<String, String>> {
    let said = filter.as_ref()?.as_ref();
    Some(said.map(|filter| filter.text().to_owned()).map_err(Clone::clone))
}

/// What `where` says of each table, if it can be asked.
type Filters = Vec<Option<Result<Expression, String>>>;

pub(crate) fn filters(plan: &Plan, opened: &[OpenedTable]) -> Filters {
    let tables = plan.tables.iter().zip(opened);
    let filters = tables.map(|(plan, table)| {
        let files = table.objects.iter().map(|object| {
            let fields: Vec<Field> = object.source.fields().cloned().collect();
            (object.uri.as_str(), fields.into())
        });
        filter_of(plan, files)
    });
    filters.collect()
}

/// The pass over one table: the window and the sample are for those that a model is trained or judged on.
pub(crate) fn pass_of<'a>(plan: &Plan, filters: &'a Filters, table: usize, whole: Pass<'a>) -> Pass<'a> {
    let is_split = plan.tables[table].is_split;
    Pass {
        rows: Choice {
            window: whole.rows.window.filter(|_| is_split),
            filter: filters[table].as_ref().and_then(|filter| filter.as_ref().ok()),
            sample: whole.rows.sample.filter(|_| is_split),
        },
        ..whole
    }
}

/// The keys that a relationship refers to; `None` when they are too many to be held in memory, or why there are none.
pub(crate) type Referred = Result<Option<Arc<tabular::KeySet>>, String>;

/// The keys that relationships refer to, in the order of the plan. Blocks.
pub(crate) fn referred<'a>(
    plan: &Plan,
    opened: &[OpenedTable],
    pass_of: impl Fn(usize) -> Pass<'a>,
) -> Result<Vec<Referred>, ScanError> {
    let parents = relations::parents(plan, opened, pass_of)?;
    Ok(parents
        .into_iter()
        .map(|parent| parent.map(|parent| parent.set))
        .collect())
}

/// The filter of a table, if it can be asked of every file: by their locations and columns.
fn filter_of<'a>(
    plan: &TablePlan,
    mut files: impl Iterator<Item = (&'a str, Cow<'a, [Field]>)>,
) -> Option<Result<Expression, String>> {
    let text = plan.rules.as_ref()?.filter.as_ref()?;
    Some(Expression::read(text).and_then(|filter| {
        files.try_for_each(|(uri, fields)| filter.fits(&fields).map_err(|why| format!("{why} in {uri}")))?;
        Ok(filter)
    }))
}

fn objects(opened: &OpenedTable, rows: &BTreeMap<usize, u64>) -> Vec<ObjectEvidence> {
    opened
        .objects
        .iter()
        .enumerate()
        .map(|(index, opened)| ObjectEvidence {
            uri: opened.uri.clone(),
            size: opened.object.size(),
            etag: opened.object.meta().etag.clone(),
            version_id: opened.object.meta().version_id.clone(),
            rows: rows.get(&index).copied().unwrap_or(0),
            // Put in by `lib::run`, which digests while the tables are read.
            digest: None,
            reference: reference_of(&opened.object),
        })
        .collect()
}

/// What a reference says of an object.
fn reference_of(object: &artifact_store::Object) -> Option<ObjectReference> {
    object
        .meta()
        .reference
        .as_ref()
        .map(|reference| reference.record())
}

fn key_evidence(
    table: &OpenedTable,
    columns: &[String],
    seen: &KeyMeasured,
    extent: Extent,
    pass: Pass<'_>,
) -> Result<Result<KeyEvidence, String>, ScanError> {
    if let Some(column) = &seen.without {
        return Ok(Err(part::without(column)));
    }
    if let Some(why) = columns.iter().find_map(|name| table.family(name).err()) {
        return Ok(Err(why));
    }
    let repeated = seen.keys.repeated(extent.samples)?;
    let examples = examples::find(table, columns, &repeated.top, pass)?;
    let spread = seen.keys.spectrum()?;
    Ok(Ok(KeyEvidence {
        rows: seen.looked_at,
        with_null: seen.with_null,
        spread,
        repeated,
        examples,
        distinct_within: None,
    }))
}

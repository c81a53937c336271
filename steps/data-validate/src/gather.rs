//! All reads: tables in, plain evidence out. Nothing is judged here.

pub mod column;
pub mod conditions;
pub mod examples;
pub mod footers;
pub mod frozen;
pub mod keys;
pub mod measure;
pub mod memory;
pub mod objects;
pub mod part;
mod partitions;
mod prune;
pub mod quantile;
pub mod rows;
pub mod scan;
pub mod sequence;
pub mod splits;
pub mod together;
pub mod values;
pub mod withhold;

mod wide;

mod relations;
mod wanted;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use provenance::Digest;
use tabular::{ColumnProfile, Field, Kind, Precision};

use crate::error::ScanError;
use crate::expression::Expression;
use crate::plan::{Plan, TablePlan};
use crate::window::Window;
use column::ColumnMeasured;
use conditions::ConditionMeasured;
use examples::Example;
use frozen::Reference;
use keys::{KeyCounts, Spectrum};
use measure::{KeyMeasured, KeyWanted, Measured, Wanted};
use objects::OpenedTable;
use part::{KeyPart, RelationPart, TablePart};
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
}

/// A column over all files of a table.
#[derive(Debug, Clone)]
pub struct FieldEvidence {
    /// Its name.
    pub name: String,
    /// Its kinds; more than one when files differ.
    pub kinds: Vec<Kind>,
    /// What files call its type; more than one when files differ.
    pub types: Vec<String>,
    /// The least precision that a file holds its numbers with.
    pub precision: Precision,
    /// For each of `types`, how many files call it so, and the first of them.
    pub files: Vec<(u64, String)>,
    /// Files that do not have it.
    pub missing_in: Vec<String>,
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
        let hint = step_contract::nearest(name, self.fields.iter().map(|field| field.name.as_str()))
            .map_or_else(String::new, |near| format!(" (did you mean `{near}`?)"));
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
            fields: fields(&opened[index]),
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
        table.references = ahead
            .references
            .iter()
            .filter(|((of, _, _), _)| *of == index)
            .map(|((_, column, number), found)| ((column.clone(), *number), found.clone()))
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

/// Measures parts of the tables, for a profile: one pass, and no row is compared with rows of other parts. Blocks.
///
/// # Errors
/// See [`ScanError`].
pub fn measure_parts(
    plan: &Plan,
    opened: &[OpenedTable],
    parts: &[OpenedTable],
    extent: Extent,
    whole: Pass<'_>,
    report_progress: impl Fn(&str),
) -> Result<Vec<TablePart>, ScanError> {
    // A filter is asked of the whole table: each part must come to the same answer.
    let filters = filters(plan, opened);
    let pass_of = |table: usize| pass_of(plan, &filters, table, whole);
    let (ahead, all_wanted, measured) = first_pass(plan, (opened, parts), extent, pass_of, report_progress)?;
    let mut tables = Vec::with_capacity(parts.len());
    for (index, (seen, wanted)) in measured.into_iter().zip(&all_wanted).enumerate() {
        let (table, pass) = (&parts[index], pass_of(index));
        let keyed = |keys: &[(u128, u64)], columns: &[String]| examples::find(table, columns, keys, pass);
        let mut keys = Vec::new();
        for (wanted, seen) in wanted.keys.iter().zip(&seen.keys) {
            let mut part = KeyPart::of(seen, None)?;
            part.examples = keyed(&part.keys.repeated(extent.samples).top, &wanted.columns)?;
            keys.push((wanted.clone(), part));
        }
        let mut relations = BTreeMap::new();
        for (orphans, seen) in wanted.orphans.iter().zip(&seen.orphans) {
            let Some(Ok(parent)) = ahead.parents.get(orphans.relation) else {
                continue;
            };
            // With a set of keys to probe only orphans were collected.
            let others = parent.set.is_none().then_some(&*parent.keys);
            let mut part = KeyPart::of(seen, others)?;
            part.examples = keyed(&part.keys.all(extent.samples).top, &orphans.columns)?;
            let parents = parent.distinct;
            relations.insert(
                orphans.relation,
                Ok(RelationPart {
                    parents,
                    orphans: part,
                }),
            );
        }
        for (number, relation) in plan.relations.iter().enumerate() {
            if let (true, Some(Err(why))) = (
                relation.from.table == plan.tables[index].name,
                ahead.parents.get(number),
            ) {
                relations.insert(number, Err(why.clone()));
            }
        }
        let rows_by_object = seen.rows_by_object.clone();
        let mut part = TablePart::of(seen);
        if let Some(evidence) = &mut part.evidence {
            evidence.uri.clone_from(&plan.tables[index].uri);
            evidence.passed_over.clone_from(&table.passed_over);
            evidence.compared.clone_from(&wanted.compared);
            evidence.keys = keys;
            evidence.relations = relations;
            let of_it = ahead.references.iter().filter(|((of, _, _), _)| *of == index);
            evidence.references = of_it
                .map(|((_, column, number), found)| {
                    let found = found
                        .as_ref()
                        .map(|found| (**found).clone())
                        .map_err(Clone::clone);
                    (column.clone(), *number, found)
                })
                .collect();
            for (number, object) in (table.first..).zip(&table.objects) {
                let rows = rows_by_object.get(&number).copied().unwrap_or(0);
                evidence.add_object(number, object, rows);
            }
        }
        tables.push(part);
    }
    Ok(tables)
}

/// The columns of whole tables, each counted on bins that its profile chooses: a second pass. Blocks.
///
/// # Errors
/// See [`ScanError`].
pub fn histograms(
    plan: &Plan,
    opened: &[OpenedTable],
    parts: &mut [TablePart],
    whole: Pass<'_>,
) -> Result<(), ScanError> {
    let filters = filters(plan, opened);
    for (index, (table, part)) in opened.iter().zip(parts).enumerate() {
        part.histograms = frozen::histograms(table, &part.columns, pass_of(plan, &filters, index, whole))?;
    }
    Ok(())
}

/// Profiles of whole tables as evidence.
#[must_use]
pub fn of_parts(plan: &Plan, parts: &BTreeMap<String, TablePart>, asked: &Asked<'_>) -> Evidence {
    let mut evidence = Evidence {
        now: asked.now,
        is_of_profiles: true,
        ..Evidence::default()
    };
    for table in &plan.tables {
        let mut found = TableEvidence {
            name: table.name.clone(),
            ..TableEvidence::default()
        };
        if let Some(part) = parts.get(&table.name) {
            found.take(table, part, asked);
        }
        evidence.tables.push(found);
    }
    for (number, relation) in plan.relations.iter().enumerate() {
        let part = parts
            .get(&relation.from.table)
            .and_then(|part| part.evidence.as_ref());
        evidence
            .relations
            .push(match part.and_then(|part| part.relations.get(&number)) {
                Some(Ok(found)) => Ok(found.evidence(asked.samples)),
                Some(Err(why)) => Err(why.clone()),
                None => Err(format!("{} was not read", relation.from)),
            });
    }
    evidence.splits = plan.splits.iter().map(SplitEvidence::not_compared).collect();
    evidence
}

/// What `where` says of each table, if it can be asked.
type Filters = Vec<Option<Result<Expression, String>>>;

pub(crate) fn filters(plan: &Plan, opened: &[OpenedTable]) -> Filters {
    plan.tables.iter().zip(opened).map(filter_of).collect()
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

/// The filter of a table, if it can be asked of every file.
fn filter_of((plan, opened): (&TablePlan, &OpenedTable)) -> Option<Result<Expression, String>> {
    let text = plan.rules.as_ref()?.filter.as_ref()?;
    let fits = |filter: &Expression| {
        opened.objects.iter().try_for_each(|object| {
            let fields: Vec<tabular::Field> = object.source.fields().cloned().collect();
            filter
                .fits(&fields)
                .map_err(|why| format!("{why} in {}", object.uri))
        })
    };
    Some(Expression::read(text).and_then(|filter| fits(&filter).map(|()| filter)))
}

fn fields(opened: &OpenedTable) -> Vec<FieldEvidence> {
    let files = opened.objects.iter();
    of_files(files.map(|object| (object.uri.as_str(), object.source.fields())))
}

/// The columns of files, in the order of the first file that has them.
fn of_files<'a, F: Iterator<Item = &'a Field>>(
    files: impl Iterator<Item = (&'a str, F)>,
) -> Vec<FieldEvidence> {
    let mut found: Vec<(FieldEvidence, Vec<usize>)> = Vec::new();
    let mut known: HashMap<&str, usize> = HashMap::new();
    let mut uris = Vec::new();
    for (file, (uri, fields)) in files.enumerate() {
        uris.push(uri);
        for field in fields {
            let at = *known.entry(field.name.as_str()).or_insert_with(|| {
                found.push((FieldEvidence::of(field), Vec::new()));
                found.len() - 1
            });
            found[at].0.see(field, uri);
            found[at].1.push(file);
        }
    }
    let missing = |has: &[usize]| {
        let mut has = has.iter().peekable();
        let without = uris
            .iter()
            .enumerate()
            .filter(|(file, _)| has.next_if_eq(&file).is_none());
        without.map(|(_, uri)| (*uri).to_owned()).collect()
    };
    let whole = |(field, has): (FieldEvidence, Vec<usize>)| FieldEvidence {
        missing_in: missing(&has),
        ..field
    };
    found.into_iter().map(whole).collect()
}

impl FieldEvidence {
    fn of(field: &Field) -> Self {
        Self {
            name: field.name.clone(),
            kinds: Vec::new(),
            types: Vec::new(),
            precision: field.precision(),
            files: Vec::new(),
            missing_in: Vec::new(),
        }
    }

    fn see(&mut self, field: &Field, uri: &str) {
        self.precision = self.precision.min(field.precision());
        if !self.kinds.contains(&field.kind) {
            self.kinds.push(field.kind);
        }
        match self.types.iter().position(|known| *known == field.type_name) {
            Some(at) => self.files[at].0 += 1,
            None => {
                self.types.push(field.type_name.clone());
                self.files.push((1, uri.to_owned()));
            }
        }
    }
}

impl TableEvidence {
    /// Fills in what a profile has.
    fn take(&mut self, plan: &TablePlan, part: &TablePart, asked: &Asked<'_>) {
        self.rows = part.rows;
        self.windowed = asked
            .window
            .filter(|_| plan.is_split)
            .map(|window| window.column.clone());
        let Some(evidence) = &part.evidence else { return };
        self.left = evidence.left;
        self.objects = evidence.object_evidence();
        self.passed_over.clone_from(&evidence.passed_over);
        self.fields = of_files(
            evidence
                .objects
                .values()
                .map(|object| (object.uri.as_str(), evidence.schemas[object.schema].iter())),
        );
        self.filter = plan
            .rules
            .as_ref()
            .and_then(|rules| rules.filter.as_ref())
            .map(|text| {
                let filter = Expression::read(text)?;
                let mut objects = evidence.objects.values();
                objects.try_for_each(|object| {
                    let fits = filter.fits(&evidence.schemas[object.schema]);
                    fits.map_err(|why| format!("{why} in {}", object.uri))
                })?;
                Ok(text.clone())
            });
        self.compared.clone_from(&evidence.compared);
        self.quantiles = wanted::quantiles(plan, &evidence.columns);
        self.keys = evidence
            .keys
            .iter()
            .map(|(wanted, keys)| (wanted.clone(), keys.evidence(asked.samples)))
            .collect();
        self.references = evidence
            .references
            .iter()
            .map(|(column, number, found)| ((column.clone(), *number), found.clone().map(Arc::new)))
            .collect();
        self.conditions.clone_from(&evidence.conditions);
        self.pairs.clone_from(&evidence.pairs);
        self.broken.clone_from(&evidence.broken);
        self.columns = evidence.columns.clone();
        for (name, profile) in &part.columns {
            self.columns.entry(name.clone()).or_default().profile = Some(profile.clone());
        }
    }
}

/// How profiles are looked at.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// The window that the rows were cut by.
    pub window: Option<&'a Window>,
    /// Examples kept a check.
    pub samples: usize,
    /// What age is measured from, nanoseconds since 1970-01-01.
    pub now: i128,
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
        })
        .collect()
}

fn key_evidence(
    table: &OpenedTable,
    columns: &[String],
    seen: &KeyMeasured,
    extent: Extent,
    pass: Pass<'_>,
) -> Result<Result<KeyEvidence, String>, ScanError> {
    if let Some(column) = &seen.without {
        return Ok(Err(format!(
            "the column `{column}` is missing or does not decode in a file"
        )));
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

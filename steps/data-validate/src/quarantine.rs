//! The good and the bad rows apart, each as it stands in its file: `--quarantine`.
//!
//! A row is bad when it misses a rule of severity `error` that is asked of each row by itself: a value, a null where none
//! may be, a cell that cannot be read, a condition, a reference to nothing. Rules about many rows (that keys are unique, an
//! order, a share) name no row, and rows that `where` sets aside are not asked. Rows outside of the window are in neither.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use artifact_store::Location;
use provenance::Digest;
use serde::Serialize;
use step_contract::{EmptyValue, OutArtifact};
use step_report::Severity;
use step_runtime::StepError;
use tabular::{Batch, KeySet, Marks, ReadOptions, Rows, Source, TableError, row_keys};

use crate::config::ColumnRules;
use crate::decide::values::describe;
use crate::decide::{self, relationships};
use crate::error::ScanError;
use crate::expression::Expression;
use crate::gather::conditions::{Answer, ConditionWanted};
use crate::gather::objects::{Opened, OpenedTable};
use crate::gather::rows::Choice;
use crate::gather::scan::Pass;
use crate::gather::values::{Test, ValueRule};
use crate::gather::{self, Referred};
use crate::plan::{Plan, TablePlan};

/// Bytes after which another part is begun: what is held in memory of the good rows, and of the bad ones.
const PART: usize = 32 << 20;

/// What was put where; the record that is written last.
#[derive(Debug, Serialize)]
pub(crate) struct Quarantine {
    schema: &'static str,
    #[serde(skip)]
    root: Location,
    /// Of the suite and the data: the same ones give the same files.
    digest: Digest,
    pub(crate) tables: BTreeMap<String, Separated>,
}

/// A table, separated.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Separated {
    pub(crate) good: Side,
    pub(crate) bad: Side,
    /// Rows by the check that they miss; a row may miss several.
    pub(crate) rules: BTreeMap<String, u64>,
    /// What could not be separated, and why.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) not_separated: Vec<String>,
}

/// The good or the bad rows.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Side {
    pub(crate) rows: u64,
    pub(crate) parts: Vec<Part>,
}

/// A file that was written.
#[derive(Debug, Serialize)]
pub(crate) struct Part {
    pub(crate) uri: String,
    rows: u64,
    size: u64,
    digest: Digest,
}

/// Writes a file, whole.
type Put<'a> = dyn Fn(&Location, Vec<u8>) -> Result<(), ScanError> + 'a;

/// Where the files go: below a folder named by what they are made from, so that a run that is repeated writes the same
/// files again, and another run none of them.
pub(crate) struct Place<'a> {
    /// What was asked for.
    pub(crate) root: &'a Location,
    /// Of the suite and the data.
    pub(crate) digest: Digest,
    /// Writes a file, whole.
    pub(crate) put: &'a Put<'a>,
}

impl Place<'_> {
    /// Partitions stay in the path: the rows do not have them.
    fn name(&self, folders: [&str; 3], number: usize, ending: &str) -> Location {
        let folders = folders.iter().filter(|folder| !folder.is_empty());
        let folder = folders.fold(self.root.join(&self.digest.short()), |at, folder| at.join(folder));
        folder.join(&format!("part-{number:05}.{ending}"))
    }
}

impl Quarantine {
    /// The record, and where it goes.
    ///
    /// # Errors
    /// Never: it is plain text and numbers.
    pub(crate) fn record(&self) -> Result<(OutArtifact, Vec<u8>), StepError> {
        let internal = |error: String| StepError::internal(format!("the record of the quarantine: {error}"));
        let place = self.root.join("quarantine.json").to_string().parse();
        let mut json = serde_json::to_vec_pretty(self).map_err(|error| internal(error.to_string()))?;
        json.push(b'\n');
        Ok((
            place.map_err(|error: EmptyValue| internal(error.to_string()))?,
            json,
        ))
    }
}

/// Reads every table that has rules once more, and writes its rows. Blocks.
pub(crate) fn separate(
    plan: &Plan,
    opened: &[OpenedTable],
    whole: Pass<'_>,
    place: &Place<'_>,
) -> Result<Quarantine, ScanError> {
    let filters = gather::filters(plan, opened);
    let pass_of = |table: usize| gather::pass_of(plan, &filters, table, whole);
    let referred = gather::referred(plan, opened, pass_of)?;
    let mut tables = BTreeMap::new();
    for (index, (table, opened)) in plan.tables.iter().zip(opened).enumerate() {
        let judge = Judge::of(plan, table, &referred);
        if judge.asks_nothing() {
            continue;
        }
        let separated = one(table, opened, &judge, pass_of(index), place)?;
        tables.insert(table.name.clone(), separated);
    }
    Ok(Quarantine {
        schema: "mlops-steps/quarantine/v1",
        root: place.root.clone(),
        digest: place.digest,
        tables,
    })
}

/// A file whose bad rows cannot be written with what makes them bad; a sentence.
pub(crate) fn clash(opened: &[OpenedTable]) -> Option<String> {
    let mut files = opened.iter().flat_map(|table| &table.objects);
    let error = files.find_map(|object| object.source.can_be_marked().err())?;
    Some(format!(
        "--quarantine gives the bad rows columns of its own: {error}"
    ))
}

fn one(
    table: &TablePlan,
    opened: &OpenedTable,
    judge: &Judge<'_>,
    pass: Pass<'_>,
    place: &Place<'_>,
) -> Result<Separated, ScanError> {
    let mut sorted = Sorted {
        table: &table.name,
        place,
        good: Writer::new("good", false),
        bad: Writer::new("bad", true),
        separated: Separated {
            not_separated: judge.not_separated.clone(),
            ..Separated::default()
        },
    };
    for object in &opened.objects {
        match sorted.take(object, judge, pass) {
            // The check of that column has failed; the rows of other files can be put apart all the same.
            Err(ScanError::Table(error)) if !matches!(error, TableError::Io { .. }) => {
                sorted.separated.not_separated.push(format!("rows of {error}"));
            }
            other => other?,
        }
        // Files of a table may differ in form and columns: each has parts of its own.
        sorted.end_parts(0, &object.partition)?;
    }
    Ok(sorted.separated)
}

/// The rows of a table, while they are put apart.
struct Sorted<'a> {
    table: &'a str,
    place: &'a Place<'a>,
    good: Writer,
    bad: Writer,
    separated: Separated,
}

impl Sorted<'_> {
    fn take(&mut self, object: &Opened, judge: &Judge<'_>, pass: Pass<'_>) -> Result<(), ScanError> {
        let asked = judge.of_object(&object.source.fields().cloned().collect::<Vec<_>>());
        let options = ReadOptions {
            lenient: true,
            verbatim: true,
            batch_rows: 16_384,
            ..ReadOptions::default()
        };
        let window = Choice {
            window: pass.rows.window,
            ..Choice::default()
        };
        let mut batches = object.source.scan(&options)?;
        while let Some(batch) = batches.next_batch()? {
            if (pass.cancelled)() {
                return Err(ScanError::Cancelled);
            }
            let inside = window.cut(&batch, 0)?.chosen;
            let missed = asked.missed(&inside, pass.rows.filter);
            self.write(&object.source, &inside, &missed)?;
            self.end_parts(PART, &object.partition)?;
        }
        Ok(())
    }

    fn write(&mut self, source: &Source, rows: &Batch, missed: &[BTreeSet<&str>]) -> Result<(), ScanError> {
        for check in missed.iter().flatten() {
            *self.separated.rules.entry((*check).to_owned()).or_insert(0) += 1;
        }
        let is_good: Vec<bool> = missed.iter().map(BTreeSet::is_empty).collect();
        let is_bad: Vec<bool> = is_good.iter().map(|good| !good).collect();
        self.good.write(source, &rows.filter(&is_good)?, None)?;
        let bad = rows.filter(&is_bad)?;
        let reasons = missed.iter().filter(|missed| !missed.is_empty());
        let marks = Marks {
            rows: (0..bad.rows()).map(|row| bad.place(row).row).collect(),
            reasons: reasons
                .map(|missed| missed.iter().copied().collect::<Vec<_>>().join("; "))
                .collect(),
        };
        self.bad.write(source, &bad, Some(&marks))
    }

    /// Ends the parts that have grown to so many bytes.
    fn end_parts(&mut self, bytes: usize, partition: &str) -> Result<(), ScanError> {
        let separated = &mut self.separated;
        for (writer, side) in [
            (&mut self.good, &mut separated.good),
            (&mut self.bad, &mut separated.bad),
        ] {
            if writer.bytes() >= bytes {
                writer.end(side, [self.table, writer.side, partition], self.place)?;
            }
        }
        Ok(())
    }
}

/// Writes the parts of one side.
struct Writer {
    side: &'static str,
    marked: bool,
    rows: Option<Rows>,
}

impl Writer {
    fn new(side: &'static str, marked: bool) -> Self {
        Self {
            side,
            marked,
            rows: None,
        }
    }

    fn bytes(&self) -> usize {
        self.rows.as_ref().map_or(0, Rows::bytes)
    }

    fn write(&mut self, source: &Source, batch: &Batch, marks: Option<&Marks>) -> Result<(), ScanError> {
        if batch.rows() == 0 {
            return Ok(());
        }
        let rows = match &mut self.rows {
            Some(rows) => rows,
            none => none.insert(Rows::like(source, self.marked)?),
        };
        Ok(rows.write(batch, marks)?)
    }

    fn end(&mut self, side: &mut Side, folders: [&str; 3], place: &Place<'_>) -> Result<(), ScanError> {
        let Some(rows) = self.rows.take() else {
            return Ok(());
        };
        let (count, ending) = (rows.rows(), rows.ending());
        let bytes = rows.finish()?;
        let uri = place.name(folders, side.parts.len(), ending);
        side.rows += count;
        side.parts.push(Part {
            uri: uri.to_string(),
            rows: count,
            size: bytes.len() as u64,
            digest: provenance::digest_bytes(&bytes),
        });
        (place.put)(&uri, bytes)
    }
}

/// The rules of a table that are asked of each row by itself.
struct Judge<'a> {
    table: &'a str,
    columns: Vec<(&'a str, &'a ColumnRules)>,
    conditions: Vec<(String, ConditionWanted)>,
    references: Vec<(String, &'a [String], Arc<KeySet>)>,
    not_separated: Vec<String>,
}

impl<'a> Judge<'a> {
    fn of(plan: &'a Plan, table: &'a TablePlan, referred: &[Referred]) -> Self {
        let mut judge = Self {
            table: &table.name,
            columns: Vec::new(),
            conditions: Vec::new(),
            references: Vec::new(),
            not_separated: Vec::new(),
        };
        if let Some(rules) = &table.rules {
            judge.columns = rules
                .columns
                .iter()
                .map(|(name, rules)| (name.as_str(), rules))
                .collect();
            for rule in rules
                .expressions
                .iter()
                .filter(|rule| rule.severity == Severity::Error)
            {
                if let Ok(condition) = ConditionWanted::of(rule) {
                    let id = decide::id("expression", &table.name, rule.label());
                    judge.conditions.push((id, condition));
                }
            }
        }
        for (index, relation) in plan.relations.iter().enumerate() {
            if relation.from.table != table.name || relation.rule.severity != Severity::Error {
                continue;
            }
            let id = relationships::id(relation);
            match &referred[index] {
                Ok(Some(keys)) => judge.references.push((id, &relation.from.columns, keys.clone())),
                Ok(None) => judge
                    .not_separated
                    .push(format!("{id}: more keys than are held in memory")),
                Err(why) => judge.not_separated.push(format!("{id}: {why}")),
            }
        }
        judge
    }

    fn asks_nothing(&self) -> bool {
        self.columns.is_empty() && self.conditions.is_empty() && self.references.is_empty()
    }

    /// Made ready for the columns of a file.
    fn of_object(&self, fields: &[tabular::Field]) -> Asked<'_> {
        let mut asked = Asked::default();
        for (name, rules) in &self.columns {
            let Some(field) = fields.iter().find(|field| field.name == *name) else {
                continue;
            };
            let id = |kind: &str| decide::id(kind, self.table, name);
            if rules.not_null == Some(Severity::Error) {
                asked.nulls.push((id("not_null"), name));
            }
            if rules.kind.is_some() {
                asked.cells.push((id("type"), name));
            }
            for rule in ValueRule::of(rules) {
                if let (Some((kind, _, _, Severity::Error)), Ok(test)) =
                    (describe(rule, rules), Test::compile(rule, rules, field))
                {
                    asked.values.push((id(kind), name, test));
                }
            }
        }
        let conditions = self.conditions.iter();
        asked.conditions = conditions
            .filter(|(_, asked)| asked.fits(fields).is_ok())
            .collect();
        asked.references = self.references.iter().collect();
        asked
    }
}

/// The rules, made ready for a file.
#[derive(Default)]
struct Asked<'a> {
    nulls: Vec<(String, &'a str)>,
    cells: Vec<(String, &'a str)>,
    values: Vec<(String, &'a str, Test)>,
    conditions: Vec<&'a (String, ConditionWanted)>,
    references: Vec<&'a (String, &'a [String], Arc<KeySet>)>,
}

impl Asked<'_> {
    /// The checks that each row misses.
    fn missed(&self, batch: &Batch, filter: Option<&Expression>) -> Vec<BTreeSet<&str>> {
        let mut missed: Vec<BTreeSet<&str>> = vec![BTreeSet::new(); batch.rows()];
        for (id, name) in &self.nulls {
            let Ok(column) = batch.column(name) else { continue };
            let unread: BTreeSet<u64> = self.unread(batch, name);
            for (row, missed) in missed.iter_mut().enumerate() {
                // A cell that cannot be read stands as a null, and is none.
                if !column.validity().is_valid(row) && !unread.contains(&batch.place(row).row) {
                    missed.insert(id);
                }
            }
        }
        for (id, name) in &self.cells {
            let unread = self.unread(batch, name);
            for (row, missed) in missed.iter_mut().enumerate() {
                if unread.contains(&batch.place(row).row) {
                    missed.insert(id);
                }
            }
        }
        for (id, name, test) in &self.values {
            if let Ok(column) = batch.column(name) {
                test.run(column, |row| {
                    missed[row].insert(id);
                });
            }
        }
        for (id, condition) in &self.conditions {
            let answers = condition.answers(batch).unwrap_or_default();
            for (row, answer) in answers.into_iter().enumerate() {
                if answer == Answer::Misses {
                    missed[row].insert(id);
                }
            }
        }
        for (id, columns, keys) in &self.references {
            let picked: Result<Vec<_>, _> = columns.iter().map(|name| batch.column(name)).collect();
            let Ok(picked) = picked else { continue };
            let found = row_keys(&picked);
            for (row, (hash, nulls)) in found.hashes.iter().zip(&found.nulls).enumerate() {
                if *nulls == 0 && !keys.contains(hash) {
                    missed[row].insert(id);
                }
            }
        }
        if let Some(answers) = filter.and_then(|filter| filter.ask(batch).ok()) {
            for (missed, answer) in missed.iter_mut().zip(answers) {
                if answer != Some(true) {
                    missed.clear();
                }
            }
        }
        missed
    }

    /// Rows of the file whose cell of this column cannot be read.
    fn unread(&self, batch: &Batch, name: &str) -> BTreeSet<u64> {
        let cells = batch.malformed().iter().filter(|cell| cell.column == name);
        cells.map(|cell| cell.place.row).collect()
    }
}

//! The good and the bad rows apart, each as it stands in its file: `--quarantine`.
//!
//! A row is bad when it misses a rule of severity `error` that is asked of each row by itself: a value, a null where none
//! may be, a cell that cannot be read, a condition, a reference to nothing. Rules about many rows (that keys are unique, an
//! order, a share) name no row, and rows that `where` sets aside are not asked. Rows outside of the window are in neither,
//! nor are rows without a time, unless that is what a rule forbids.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use artifact_store::Location;
use provenance::Digest;
use serde::Serialize;
use step_contract::{EmptyValue, OutArtifact};
use step_report::Severity;
use step_runtime::StepError;
use tabular::{Batch, Field, KeySet, Marks, ReadOptions, Rows, Source, TableError, row_keys};

use crate::config::ColumnRules;
use crate::decide::values::describe;
use crate::decide::{self, relationships};
use crate::error::ScanError;
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
    /// Rows in neither, for they lie outside of the window.
    pub(crate) outside: u64,
    /// Rows in neither, for they have no time and no rule says that they must.
    pub(crate) without_time: u64,
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

/// Reads every table that has rules once more, and writes its rows. `compared` names by table the columns that rows are
/// told apart, found or ordered by: a cell of them that cannot be read is bad as well. Blocks.
pub(crate) fn separate(
    plan: &Plan,
    opened: &[OpenedTable],
    compared: &[BTreeSet<String>],
    whole: Pass<'_>,
    place: &Place<'_>,
) -> Result<Quarantine, ScanError> {
    let filters = gather::filters(plan, opened);
    let pass_of = |table: usize| gather::pass_of(plan, &filters, table, whole);
    let referred = gather::referred(plan, opened, pass_of)?;
    let mut tables = BTreeMap::new();
    for (index, (table, opened)) in plan.tables.iter().zip(opened).enumerate() {
        let judge = Judge::of(plan, table, &compared[index], &referred);
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
        let (asked, mut cannot) = judge.of_object(object);
        let options = ReadOptions {
            lenient: true,
            verbatim: true,
            batch_rows: 16_384,
            ..ReadOptions::default()
        };
        let mut batches = object.source.scan(&options)?;
        while let Some(batch) = batches.next_batch()? {
            if (pass.cancelled)() {
                return Err(ScanError::Cancelled);
            }
            let rows = Sorting::of(&batch, pass.rows)?;
            self.separated.outside += rows.outside;
            let missed = asked.missed(&rows, pass.rows, &mut cannot);
            let is_of_a_side: Vec<bool> = missed.iter().map(Option::is_some).collect();
            self.separated.without_time +=
                is_of_a_side.iter().filter(|is_of_one| !**is_of_one).count() as u64;
            let missed: Vec<BTreeSet<&str>> = missed.into_iter().flatten().collect();
            self.write(&object.source, &rows.batch.filter(&is_of_a_side)?, &missed)?;
            self.end_parts(PART, &object.partition)?;
        }
        let place = |(id, why): (String, String)| format!("{id} in {}: {why}", object.uri);
        self.separated.not_separated.extend(cannot.into_iter().map(place));
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

/// Rows that the window does not leave out, and what they are asked.
struct Sorting {
    batch: Batch,
    states: Vec<State>,
    /// Rows that were left out.
    outside: u64,
}

/// What a row is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// All.
    Asked,
    /// Nothing: `where` is false.
    Aside,
    /// Whether the cells can be read that `where` is about: it is unknown.
    Unknown,
    /// Whether it has a time: no window holds it.
    Undated,
}

impl Sorting {
    fn of(batch: &Batch, choice: Choice<'_>) -> Result<Self, TableError> {
        let times: Vec<Option<i64>> = match choice.window {
            Some(window) => batch.column(&window.column)?.timestamps().collect(),
            None => vec![Some(0); batch.rows()],
        };
        let stays =
            |at: &Option<i64>| at.is_none_or(|at| choice.window.is_none_or(|window| window.contains(at)));
        let mask: Vec<bool> = times.iter().map(stays).collect();
        let stay = batch.filter(&mask)?;
        let answers = match choice.filter.map(|filter| filter.ask(&stay)) {
            Some(Ok(answers)) => answers,
            // The check has said that it cannot be asked, and has asked all rows.
            Some(Err(_)) | None => vec![Some(true); stay.rows()],
        };
        let state = |(at, answer): (Option<i64>, Option<bool>)| match (at, answer) {
            (None, _) => State::Undated,
            (_, None) => State::Unknown,
            (_, Some(false)) => State::Aside,
            (_, Some(true)) => State::Asked,
        };
        Ok(Self {
            states: times.into_iter().filter(stays).zip(answers).map(state).collect(),
            batch: stay,
            outside: mask.iter().filter(|stays| !**stays).count() as u64,
        })
    }
}

/// The rules of a table that are asked of each row by itself.
struct Judge<'a> {
    table: &'a str,
    columns: Vec<(&'a str, &'a ColumnRules)>,
    /// Columns of which every cell must be readable.
    cells: BTreeSet<&'a str>,
    conditions: Vec<(String, ConditionWanted)>,
    references: Vec<(String, &'a [String], Arc<KeySet>)>,
    not_separated: Vec<String>,
}

impl<'a> Judge<'a> {
    fn of(
        plan: &'a Plan,
        table: &'a TablePlan,
        compared: &'a BTreeSet<String>,
        referred: &[Referred],
    ) -> Self {
        let mut judge = Self {
            table: &table.name,
            columns: Vec::new(),
            cells: compared.iter().map(String::as_str).collect(),
            conditions: Vec::new(),
            references: Vec::new(),
            not_separated: Vec::new(),
        };
        if let Some(rules) = &table.rules {
            judge.cells.extend(rules.columns.keys().map(String::as_str));
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
                let id = decide::id("expression", &table.name, rule.label());
                match ConditionWanted::of(rule) {
                    Ok(condition) => judge.conditions.push((id, condition)),
                    Err(why) => judge.not_separated.push(format!("{id}: {why}")),
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
    fn of_object(&self, object: &Opened) -> (Asked<'_>, Cannot) {
        let fields: Vec<Field> = object.source.fields().cloned().collect();
        let field = |name: &str| fields.iter().find(|field| field.name == name);
        let id = |kind: &str, name: &str| decide::id(kind, self.table, name);
        let mut asked = Asked {
            references: self.references.iter().collect(),
            ..Asked::default()
        };
        let mut cannot = Cannot::new();
        let cells = self.cells.iter().filter(|name| field(name).is_some());
        asked.cells = cells.map(|name| (id("type", name), *name)).collect();
        for (name, rules) in &self.columns {
            let Some(field) = field(name) else {
                if rules.required {
                    cannot.extend(without(self.table, name, rules));
                }
                continue;
            };
            if rules.not_null == Some(Severity::Error) {
                asked.nulls.push((id("not_null", name), name));
            }
            for (kind, rule) in binding(rules) {
                match Test::compile(rule, rules, field) {
                    Ok(test) => asked.values.push((id(kind, name), name, test)),
                    Err(why) => _ = cannot.insert(id(kind, name), why),
                }
            }
        }
        for (id, condition) in &self.conditions {
            match condition.fits(&fields) {
                Ok(()) => asked.conditions.push((id, condition)),
                Err(why) => _ = cannot.insert(id.clone(), why),
            }
        }
        (asked, cannot)
    }
}

/// The rules of a column that a file does not have: they are asked of none of its rows.
fn without(table: &str, name: &str, rules: &ColumnRules) -> Vec<(String, String)> {
    let nulls = (rules.not_null == Some(Severity::Error)).then_some("not_null");
    let kinds = nulls.into_iter().chain(binding(rules).map(|(kind, _)| kind));
    kinds
        .map(|kind| (decide::id(kind, table, name), "it has no such column".to_owned()))
        .collect()
}

/// The rules about single values that make a row bad, with what their checks are called.
fn binding(rules: &ColumnRules) -> impl Iterator<Item = (&'static str, ValueRule)> {
    let rule = |rule| match describe(rule, rules)? {
        (kind, _, _, Severity::Error) => Some((kind, rule)),
        _ => None,
    };
    ValueRule::of(rules).into_iter().filter_map(rule)
}

/// The rules, made ready for a file.
#[derive(Default)]
struct Asked<'a> {
    nulls: Vec<(String, &'a str)>,
    cells: Vec<(String, &'a str)>,
    values: Vec<(String, &'a str, Test)>,
    conditions: Vec<(&'a String, &'a ConditionWanted)>,
    references: Vec<&'a (String, &'a [String], Arc<KeySet>)>,
}

/// The checks that cannot be asked of the rows of a file, and why.
type Cannot = BTreeMap<String, String>;

impl Asked<'_> {
    /// The checks that each row misses; none for a row that is on neither side.
    fn missed(&self, rows: &Sorting, choice: Choice<'_>, cannot: &mut Cannot) -> Vec<Option<BTreeSet<&str>>> {
        let Sorting { batch, states, .. } = rows;
        let mut missed: Vec<BTreeSet<&str>> = vec![BTreeSet::new(); batch.rows()];
        let mut miss = |row: usize, id| _ = missed[row].insert(id);
        let is_asked = |row: &usize| states[*row] == State::Asked;
        let is_time = |name: &str| choice.window.is_some_and(|window| window.column == name);
        let chooses = |name: &str| {
            choice
                .filter
                .is_some_and(|filter| filter.columns().contains(name))
        };
        for (id, name) in &self.nulls {
            let Ok(column) = batch.column(name) else { continue };
            let unread = unread(batch, name);
            // A cell that cannot be read stands as a null, and is none.
            let null =
                (0..batch.rows()).filter(|row| !column.validity().is_valid(*row) && !unread.contains(row));
            let asked = |row: &usize| is_asked(row) || states[*row] == State::Undated && is_time(name);
            null.filter(asked).for_each(|row| miss(row, id));
        }
        for (id, name) in &self.cells {
            let asked = |row: &usize| match states[*row] {
                State::Asked => true,
                State::Aside => false,
                State::Unknown => chooses(name),
                State::Undated => is_time(name),
            };
            unread(batch, name)
                .into_iter()
                .filter(asked)
                .for_each(|row| miss(row, id));
        }
        for (id, name, test) in &self.values {
            if let Ok(column) = batch.column(name) {
                test.run(column, |row| {
                    if is_asked(&row) {
                        miss(row, id);
                    }
                });
            }
        }
        for (id, condition) in &self.conditions {
            match condition.answers(batch) {
                Ok(answers) => {
                    let misses = |row: &usize| answers[*row] == Answer::Misses;
                    (0..batch.rows())
                        .filter(is_asked)
                        .filter(misses)
                        .for_each(|row| miss(row, id));
                }
                Err(why) => _ = cannot.insert((*id).clone(), why),
            }
        }
        for (id, columns, keys) in &self.references {
            let picked: Result<Vec<_>, _> = columns.iter().map(|name| batch.column(name)).collect();
            let Ok(picked) = picked else { continue };
            let found = row_keys(&picked);
            let is_orphan = |row: &usize| found.nulls[*row] == 0 && !keys.contains(&found.hashes[*row]);
            (0..batch.rows())
                .filter(is_asked)
                .filter(is_orphan)
                .for_each(|row| miss(row, id));
        }
        let sides = missed.into_iter().zip(states);
        sides
            .map(|(missed, state)| (*state != State::Undated || !missed.is_empty()).then_some(missed))
            .collect()
    }
}

/// Rows of a batch whose cell of this column cannot be read.
fn unread(batch: &Batch, name: &str) -> BTreeSet<usize> {
    let cells = batch.malformed().iter().filter(|cell| cell.column == name);
    let rows: BTreeSet<u64> = cells.map(|cell| cell.place.row).collect();
    if rows.is_empty() {
        return BTreeSet::new();
    }
    (0..batch.rows())
        .filter(|row| rows.contains(&batch.place(*row).row))
        .collect()
}

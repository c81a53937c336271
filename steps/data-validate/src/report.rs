//! What is handed out: the report's surroundings, the dataset record, the profiles, the statement.

use std::collections::BTreeMap;

use provenance::{DataObject, Dataset, Digest, Record as _, Split, StatementBuilder};
use serde::Serialize;
use step_contract::OutArtifact;
use step_report::{Cell, Format, Input, Note, Report, Table};
use step_runtime::StepError;
use tabular::{ColumnProfile, Kind};

use crate::cli::CheckArgs;
use crate::decide::{Decision, say};
use crate::gather::examples::Example;
use crate::gather::fields::FieldEvidence;
use crate::gather::{Evidence, ObjectEvidence, TableEvidence};
use crate::plan::{Plan, TablePlan};
use crate::profiles::{ProfileFile, Profiles};
use crate::quarantine::Quarantine;
use crate::window::Window;

/// The profiles of all tables.
#[derive(Serialize)]
struct Written<'a> {
    schema: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    window: Option<provenance::Window>,
    tables: BTreeMap<&'a str, TableProfile<'a>>,
}

#[derive(Serialize)]
struct TableProfile<'a> {
    rows: u64,
    columns: BTreeMap<&'a str, &'a ColumnProfile>,
}

/// Whether an output is to be made: a default below `/out` is not, where there is no such directory.
pub(crate) fn is_wanted(output: &OutArtifact) -> bool {
    !output.as_str().starts_with("/out/") || std::path::Path::new("/out/").is_dir()
}

/// Everything that the outputs are made of.
pub(crate) struct Made<'a> {
    args: &'a CheckArgs,
    plan: &'a Plan,
    evidence: &'a Evidence,
    window: Option<&'a Window>,
    suite: Digest,
    pub(crate) has_profile: bool,
}

impl<'a> Made<'a> {
    pub(crate) fn new(
        args: &'a CheckArgs,
        plan: &'a Plan,
        evidence: &'a Evidence,
        window: Option<&'a Window>,
        suite: Digest,
    ) -> Self {
        Self {
            args,
            plan,
            evidence,
            window,
            suite,
            has_profile: is_wanted(&args.profile),
        }
    }

    /// What the suite is called.
    pub(crate) fn suite_name(&self) -> &'a str {
        self.args.suite.as_str()
    }

    /// What was found.
    pub(crate) fn evidence(&self) -> &'a Evidence {
        self.evidence
    }

    /// The record of what was validated. Of a table that the window cut, only objects with rows inside are named.
    pub(crate) fn dataset(&self) -> Result<Dataset, StepError> {
        let mut splits = BTreeMap::new();
        for (plan, table) in self.plan.tables.iter().zip(&self.evidence.tables) {
            let objects = table
                .objects
                .iter()
                .filter(|object| table.windowed.is_none() || object.rows > 0);
            let objects = objects.map(data_object).collect::<Result<_, _>>()?;
            let split = Split::new(plan.uri.clone(), objects)
                .map_err(|error| StepError::usage(format!("--data {}={}: {error}", plan.name, plan.uri)))?
                .windowed(table.windowed.is_some());
            let version = table.version.as_ref();
            let split = split.at(
                version.map(|version| version.name.clone()),
                version.and_then(|version| version.commit.clone()),
            );
            splits.insert(plan.name.clone(), split);
        }
        Ok(Dataset::new(
            self.args.data_version.clone().or_else(|| self.version()),
            self.window.map(Window::record),
            splits,
        ))
    }

    /// What the data are called: the version of the references, when all tables that are trained and judged on are of one.
    fn version(&self) -> Option<String> {
        let tables = self.plan.tables.iter().zip(&self.evidence.tables);
        let mut versions = tables
            .filter(|(plan, _)| plan.is_split)
            .map(|(_, table)| table.version.as_ref().map(|version| &version.name));
        let first = versions.next()??;
        versions.all(|other| other == Some(first)).then(|| first.clone())
    }

    /// The profiles, as JSON.
    pub(crate) fn profile(&self) -> Result<Vec<u8>, StepError> {
        let tables = self.evidence.tables.iter();
        let profiles = Written {
            schema: Profiles::SCHEMA,
            window: self.window.map(Window::record),
            tables: tables
                .map(|table| {
                    (
                        table.name.as_str(),
                        TableProfile {
                            rows: table.looked_at(),
                            columns: table.profiles().collect(),
                        },
                    )
                })
                .collect(),
        };
        let mut json = serde_json::to_vec(&profiles).map_err(|error| {
            StepError::internal(format!("the profile cannot be written as JSON: {error}"))
        })?;
        json.push(b'\n');
        Ok(json)
    }

    /// Of all that decides which rows are good: the suite, the window, every object.
    pub(crate) fn digest(&self) -> Digest {
        let objects = self.evidence.tables.iter().flat_map(|table| &table.objects);
        let window = self
            .window
            .map(|window| format!("{} {} {}\n", window.column, window.from, window.to));
        let environment = self
            .args
            .read
            .environment
            .as_ref()
            .map(|name| format!("environment {name}\n"));
        let mut text = [
            format!("{}\n", self.suite),
            environment.unwrap_or_default(),
            window.unwrap_or_default(),
        ]
        .concat();
        for object in objects {
            let digest = object.digest.map(|digest| digest.to_string()).unwrap_or_default();
            text.push_str(&format!("{digest} {}\n", object.uri));
        }
        provenance::digest_bytes(text)
    }

    /// What was made from what.
    pub(crate) fn statement(&self, mut statement: StatementBuilder) -> StatementBuilder {
        statement = statement.material(self.args.suite.as_str(), &self.suite);
        for object in self.evidence.tables.iter().flat_map(|table| &table.objects) {
            if let Some(digest) = &object.digest {
                statement = statement.material(&object.uri, digest);
            }
        }
        statement
    }

    /// The report, still without its times.
    pub(crate) fn report(&self, mut report: Report, decision: &Decision) -> Result<Report, StepError> {
        report = report
            .verdict(decision.verdict, decision.reason.clone())
            .with_binding("suite.digest", &self.suite)
            .with_parameter("suite", self.args.suite.as_str());
        let dataset = self.dataset();
        if let Ok(dataset) = &dataset {
            report = report
                .with_binding("dataset.digest", &dataset.digest)
                .with_binding("dataset.version", dataset.version.as_str());
        } else if self.args.no_digest {
            report = report.with_note(Note::info(
                "No digest was taken of the data (--no-digest): this report does not say which bytes it is about, and there \
                 is no record of them to train on.",
            ));
        } else if decision.verdict != "FAIL" {
            dataset?;
        }
        if let Some(window) = self.window {
            report = report
                .with_parameter("window", window.length.as_str())
                .with_parameter("as_of", window.as_of.as_str())
                .with_parameter("time_column", window.column.as_str());
            let cut: Vec<&str> = self
                .evidence
                .tables
                .iter()
                .filter(|table| table.windowed.is_some())
                .map(|table| table.name.as_str())
                .collect();
            report = report.with_note(Note::info(format!(
                "Window over `{}`: rows from {} up to, and without, {} ({} before {}). Cut: {}; the other tables are whole.",
                window.column,
                window.from,
                window.to,
                window.length,
                window.as_of,
                cut.join(", ")
            )));
        }
        if let Some(share) = self.args.sample_fraction.filter(|_| self.is_sampled()) {
            report = report
                .with_parameter("sample_fraction", share.to_string())
                .with_note(Note::warn(self.sampled(share)));
        }
        report.checks.clone_from(&decision.checks);
        for (plan, table) in self.plan.tables.iter().zip(&self.evidence.tables) {
            report
                .inputs
                .extend(table.objects.iter().map(|object| input(table, object)));
            if plan.rules.is_none() && !self.is_related(&plan.name) {
                let text = format!(
                    "No rule of the suite is about `{}`: it was read, counted and recorded only.",
                    plan.name
                );
                report = report.with_note(Note::warn(text));
            }
            for (name, cells) in unread(plan, table) {
                let text = format!(
                    "In `{}`, {cells} of `{name}` could not be read as the type of its first rows and stand as nulls in \
                     the profile; no rule is about the column.",
                    plan.name
                );
                report = report.with_note(Note::warn(text));
            }
            if let Some(by_dates) = &table.by_dates {
                report = report.with_note(Note::info(format!("Of `{}`, {by_dates}.", plan.name)));
            }
            if !table.passed_over.is_empty() {
                let text = format!(
                    "Below the location of `{}`, {} names are no table files and were passed over (the first is {}).",
                    plan.name,
                    table.passed_over.len(),
                    table.passed_over[0]
                );
                report = report.with_note(Note::warn(text));
            }
        }
        report
            .inputs
            .push(Input::new("suite", self.args.suite.as_str()).digest(&self.suite));
        let held = self.plan.profiles.values();
        let held = held.map(|profile| Input::new("reference", &profile.uri).digest(&profile.digest));
        report.inputs.extend(held);
        report = report.with_section(self.tables());
        for (relation, found) in self.plan.relations.iter().zip(&self.evidence.relations) {
            if let Ok(found) = found
                && !found.examples.is_empty()
            {
                let title = format!("{} without {}", relation.from, relation.to);
                report = report.with_section(examples(&title, &found.examples, found.orphans.keys));
            }
        }
        for table in &self.evidence.tables {
            report.sections.extend(differences(table).map(Into::into));
            if table.columns.values().any(|column| column.rows > 0) {
                report = report.with_section(columns(table));
            }
        }
        Ok(report)
    }

    fn is_sampled(&self) -> bool {
        self.evidence.tables.iter().any(|table| table.sample.is_some())
    }

    fn sampled(&self, share: f64) -> String {
        let drawn = self.evidence.tables.iter().filter(|table| table.sample.is_some());
        let drawn = drawn.map(|table| {
            format!(
                "{} of {} of `{}`",
                say::count(table.looked_at()),
                say::counted(table.rows, "row"),
                table.name
            )
        });
        format!(
            "SAMPLE: only {share} of the rows were looked at, as --sample-fraction asks: {}. Figures about rows are estimates, \
             and bad rows may be among those that were not looked at.",
            drawn.collect::<Vec<_>>().join(", ")
        )
    }

    fn is_related(&self, name: &str) -> bool {
        let related =
            |relation: &crate::plan::RelationPlan| relation.from.table == name || relation.to.table == name;
        self.plan.relations.iter().any(related)
            || self
                .plan
                .splits
                .iter()
                .any(|split| split.train == name || split.test == name)
    }

    fn tables(&self) -> Table {
        let mut heads = vec!["table", "for", "rows", "files", "bytes", "outside of the window"];
        let has_filter = self.evidence.tables.iter().any(|table| table.filter.is_some());
        heads.extend(has_filter.then_some("aside by `where`"));
        heads.extend(self.is_sampled().then_some("looked at"));
        let mut section = Table::new("Tables", heads);
        for (plan, table) in self.plan.tables.iter().zip(&self.evidence.tables) {
            let bytes: u64 = table.objects.iter().map(|object| object.size).sum();
            let purpose = if plan.is_split {
                "training and judging"
            } else {
                "reference"
            };
            let outside = table.windowed.as_ref();
            let mut row = vec![
                Cell::text(&table.name),
                Cell::text(purpose),
                table.rows.into(),
                table.objects.len().into(),
                bytes.into(),
                outside.map(|_| table.left.outside + table.left.undated).into(),
            ];
            if has_filter {
                row.push(table.filter.as_ref().map(|_| table.left.aside).into());
            }
            if self.is_sampled() {
                row.push(table.looked_at().into());
            }
            section.push(row);
        }
        section
    }
}

/// What a check by a profile is a check of.
pub(crate) fn by_profile(mut report: Report, file: &ProfileFile) -> Report {
    report
        .inputs
        .push(Input::new("profile", &file.uri).digest(&file.digest));
    let shards = file.profiles.shards.as_ref();
    let of = shards.map_or_else(String::new, |shards| {
        format!(" of {}", say::counted(shards.count as u64, "shard"))
    });
    let text = format!(
        "Judged by the profile {}{of}: no row was read for this report, and what takes rows to be compared with rows of \
         another shard, or a bound within the error of a sketch, has too little evidence.",
        file.uri
    );
    report.with_note(Note::info(text))
}

/// Notes on what rows could not be put apart by.
const NOTES: usize = 20;

/// What the good and the bad rows were put apart by, and where they are.
pub(crate) fn quarantined(mut report: Report, quarantine: &Quarantine) -> Report {
    let mut section = Table::new(
        "Good and bad rows apart",
        ["table", "good rows", "bad rows", "files of the bad rows"],
    );
    let mut rules = Table::new("What the bad rows miss", ["check", "rows"]);
    for (name, table) in &quarantine.tables {
        let files: Vec<&str> = table.bad.parts.iter().map(|part| part.uri.as_str()).collect();
        section.push([
            Cell::text(name),
            table.good.rows.into(),
            table.bad.rows.into(),
            Cell::text(files.join(", ")),
        ]);
        for (check, rows) in &table.rules {
            rules.push([Cell::text(check), (*rows).into()]);
        }
        for what in table.not_separated.iter().take(NOTES) {
            report = report.with_note(Note::warn(format!("Not put apart by {what}.")));
        }
        if let Some(more) = table
            .not_separated
            .len()
            .checked_sub(NOTES)
            .filter(|more| *more > 0)
        {
            let more = format!("Nor by {more} more, which `quarantine.json` names.");
            report = report.with_note(Note::warn(more));
        }
    }
    report = report
        .with_section(section.note("A row may miss several checks. Rules about many rows name no row."));
    if quarantine.tables.values().any(|table| !table.rules.is_empty()) {
        report = report.with_section(rules);
    }
    report
}

/// Columns that no check looks at, with cells that could not be read.
fn unread<'a>(plan: &TablePlan, table: &'a TableEvidence) -> Vec<(&'a str, String)> {
    let has_rules = |name: &String| {
        let rules = plan.rules.as_ref();
        rules.is_some_and(|rules| rules.columns.contains_key(name))
    };
    table
        .columns
        .iter()
        .filter(|(name, column)| {
            column.malformed.bad > 0 && !table.compared.contains(*name) && !has_rules(name)
        })
        .map(|(name, column)| (name.as_str(), say::counted(column.malformed.bad, "cell")))
        .collect()
}

fn data_object(object: &ObjectEvidence) -> Result<DataObject, StepError> {
    let digest = object
        .digest
        .ok_or_else(|| StepError::internal(format!("{}: only its footer was read", object.uri)))?;
    Ok(DataObject {
        uri: object.uri.clone(),
        size: object.size,
        etag: object.etag.clone(),
        version_id: object.version_id.clone(),
        rows: object.rows,
        digest,
        reference: object.reference.clone(),
    })
}

fn input(table: &TableEvidence, object: &ObjectEvidence) -> Input {
    let input = Input::new(&table.name, &object.uri).rows(object.rows);
    let input = match &object.digest {
        Some(digest) => input.digest(digest),
        None => input,
    };
    let called = object.reference.as_ref().map(|reference| reference.name.clone());
    let version = object
        .version_id
        .as_ref()
        .map(|version| format!("version {version}"));
    let etag = object.etag.as_ref().map(|etag| format!("ETag {etag}"));
    let details: Vec<String> = called.into_iter().chain(version.or(etag)).collect();
    if details.is_empty() {
        return input;
    }
    input.detail(details.join(", "))
}

fn examples(title: &str, examples: &[Example], all: u64) -> Table {
    let mut section = Table::new(title, ["key", "rows", "first row"]);
    for example in examples {
        section.push([
            Cell::text(&example.value),
            example.rows.into(),
            example.spot.map(|spot| spot.place.row).into(),
        ]);
    }
    if all > examples.len() as u64 {
        section = section.note(format!("The {} keys of most rows, of {all}.", examples.len()));
    }
    section
}

/// Columns that not all files have, or that they call by other types; `None` when all files are alike.
fn differences(table: &TableEvidence) -> Option<Table> {
    let mut section = Table::new(
        format!("Files of {} differ", table.name),
        ["column", "type", "files", "first file"],
    );
    let differ = |field: &&FieldEvidence| field.types.len() > 1 || !field.missing_in.is_empty();
    for field in table.fields.iter().filter(differ) {
        for (kind, (files, first)) in field.types.iter().zip(&field.files) {
            section.push([
                Cell::text(&field.name),
                Cell::text(kind),
                (*files).into(),
                Cell::text(first),
            ]);
        }
        if let Some(first) = field.missing_in.first() {
            section.push([
                Cell::text(&field.name),
                Cell::text("is not there"),
                field.missing_in.len().into(),
                Cell::text(first),
            ]);
        }
    }
    (!section.rows.is_empty()).then_some(section)
}

/// Columns shown of a table; all are in the profile.
const COLUMNS: usize = 200;

fn columns(table: &TableEvidence) -> Table {
    let heads = [
        "column",
        "type",
        "null",
        "NaN, inf",
        "different",
        "min",
        "mean",
        "max",
        "std",
        "spread",
        "most frequent",
    ];
    let mut section = Table::new(format!("Columns of {}", table.name), heads);
    let measured = table
        .fields
        .iter()
        .filter_map(|field| Some((field, table.columns.get(&field.name)?)));
    for (field, column) in measured.take(COLUMNS) {
        let number = |value: Option<f64>| Cell::from(value);
        let moments = &column.moments;
        let profile = column.profile.as_ref();
        let different = profile.map(|profile| {
            let sign = if profile.distinct.is_exact() { "" } else { "about " };
            format!("{sign}{}", Format::Count.show(profile.distinct.count() as f64))
        });
        let most = profile.and_then(|profile| profile.top.as_ref()).map(|top| {
            let top = top
                .most(3)
                .into_iter()
                .map(|(value, count)| format!("{value} ({count})"));
            top.collect::<Vec<_>>().join(", ")
        });
        let null = if column.rows == 0 {
            Cell::empty()
        } else {
            Cell::percent(column.nulls as f64 / column.rows as f64)
        };
        let (min, max) = match column.times {
            Some((first, last)) => (time(first), time(last)),
            None => (number(moments.min), number(moments.max)),
        };
        section.push([
            Cell::text(&field.name),
            Cell::text(field.types.join(", ")),
            null,
            (column.nan + column.infinite).into(),
            different.into(),
            min,
            number(moments.mean()),
            max,
            number(moments.std(1)),
            profile.and_then(spread).into(),
            most.into(),
        ]);
    }
    if table.fields.len() > COLUMNS {
        section = section.note(format!(
            "{COLUMNS} of {} columns; the profile has all.",
            table.fields.len()
        ));
    }
    section
}

/// Bars of a small histogram.
const BARS: usize = 24;

/// How the values of a column are spread: numbers over the range from the first to the last percentile, what lies beyond at
/// its ends; other values by how often the most frequent ones are there.
fn spread(profile: &ColumnProfile) -> Option<Cell> {
    if let Some(numbers) = profile.numbers.as_ref().filter(|_| profile.kind != Kind::Bool) {
        let (low, high, counts) = numbers.quantiles.spread(BARS)?;
        let shown = |value: f64| Format::Auto.show(value);
        let label = format!(
            "from {} to {}, the 1st and 99th percentile",
            shown(low),
            shown(high)
        );
        return Some(Cell::spark(counts, label));
    }
    let most = profile.top.as_ref()?.most(BARS);
    let label = format!("rows of the {} most frequent values", most.len());
    let counts: Vec<u64> = most.into_iter().map(|(_, count)| count).collect();
    (!counts.is_empty()).then(|| Cell::spark(counts, label))
}

fn time(nanos: i128) -> Cell {
    match jiff::Timestamp::from_nanosecond(nanos) {
        Ok(at) => Cell::text(at.to_string()),
        Err(_) => Cell::text("beyond the year 9999"),
    }
}

//! What changed between two profiles, the most first, and what of it is beyond chance and beyond what the sketches lose.
//!
//! It judges nothing: how much may change is for a suite (`check`) or a baseline (`enroll-drift`) to say.

mod column;
mod figure;
mod spread;
mod values;

use std::collections::BTreeSet;

use step_contract::{CommandKind, CommandSpec, Exit, VerdictSpec};
use step_report::{Cell, Format, Input, Note, Report, Table};
use step_runtime::{Context, Finished, StepError};
use tabular::ColumnProfile;

use crate::cli::DiffArgs;
use crate::decide::say;
use crate::gather::part::TablePart;
use crate::profiles::ProfileFile;
use figure::{Figure, Means};
use values::Shift;

/// The part of the contract.
pub(crate) const SPEC: CommandSpec = CommandSpec {
    name: "diff",
    kind: CommandKind::Decides,
    verdicts: &[
        VerdictSpec {
            word: "SAME",
            exit: Exit::Yes,
            meaning: "tables, columns and types are the same, and no figure differs beyond chance",
        },
        VerdictSpec {
            word: "CHANGED",
            exit: Exit::Yes,
            meaning: "something differs; whether it may is not judged",
        },
    ],
    rbac: &[],
    // A person's tool; what a pipeline should hold data to is a suite.
    template: None,
};

/// The chance that anything at all is called changed when nothing is.
const ALPHA: f64 = 0.05;
/// Rows of a table of the report; the largest changes come first.
const SHOWN: usize = 1000;

/// A table, or a column, that only one side has, or that each calls by another type.
struct Structure {
    table: String,
    column: String,
    before: String,
    after: String,
}

/// A column that both sides have.
struct Compared {
    table: String,
    name: String,
    sparks: Option<(Cell, Cell)>,
    figures: Vec<Figure>,
    values: Vec<Shift>,
}

impl Compared {
    /// How much changed: the largest size of what is beyond chance, then of what is not.
    fn order(&self) -> (f64, f64) {
        let of = |means: Means| {
            let sizes = self.figures.iter().filter(|figure| figure.means == means);
            sizes.filter_map(|figure| figure.size).fold(0.0, f64::max)
        };
        (of(Means::Changed), of(Means::Chance))
    }

    fn changed(&self) -> Vec<&Figure> {
        let mut changed: Vec<&Figure> = self
            .figures
            .iter()
            .filter(|figure| figure.means == Means::Changed)
            .collect();
        changed.sort_by(|a, b| figure::by_size(a, b));
        changed
    }
}

/// Runs `diff`.
///
/// # Errors
/// Exit 2: a profile cannot be read.
pub(crate) async fn run(args: &DiffArgs, cx: &Context) -> Result<Finished, StepError> {
    let before = ProfileFile::read("before", &args.before, cx).await?;
    let after = ProfileFile::read("after", &args.after, cx).await?;
    let statement = cx
        .statement()
        .material(&before.uri, &before.digest)
        .material(&after.uri, &after.digest);
    let spare = cx.report();
    let report = cx.apart(move || report(spare, &before, &after)).await??;
    let verdict = report.verdict.clone();
    Ok(Finished::decision(&verdict, report, statement))
}

fn report(report: Report, before: &ProfileFile, after: &ProfileFile) -> Result<Report, StepError> {
    let mut structure = Vec::new();
    let pairs = pairs(before, after, &mut structure);
    let mut columns = Vec::new();
    for (name, old, new) in &pairs {
        compare(name, old, new, &mut structure, &mut columns);
    }
    figure::judge(columns.iter_mut().flat_map(|column| &mut column.figures), ALPHA)
        .and_then(|()| values::judge(columns.iter_mut().flat_map(|column| &mut column.values), ALPHA))
        .map_err(|error| StepError::internal(format!("the changes cannot be tested: {error}")))?;
    columns.sort_by(|a, b| {
        let (a, b) = (a.order(), b.order());
        b.0.total_cmp(&a.0).then(b.1.total_cmp(&a.1))
    });
    let (verdict, reason) = decision(&pairs, &structure, &columns);
    let mut report = report
        .verdict(verdict, reason)
        .with_binding("before.digest", &before.digest)
        .with_binding("after.digest", &after.digest)
        .with_parameter("before", before.uri.as_str())
        .with_parameter("after", after.uri.as_str())
        .with_section(tables(&pairs));
    for (name, file) in [("before", before), ("after", after)] {
        let input = Input::new(name, &file.uri).digest(&file.digest);
        report.inputs.push(match &file.profiles.window {
            Some(window) => input.detail(format!(
                "window over {} from {} to {}",
                window.column, window.from, window.to
            )),
            None => input,
        });
    }
    if !structure.is_empty() {
        report = report.with_section(of_structure(&structure));
    }
    for note in notes(&pairs, &columns) {
        report = report.with_note(note);
    }
    if !columns.is_empty() {
        report = report
            .with_section(of_columns(&columns))
            .with_section(of_figures(&columns));
    }
    if columns.iter().any(|column| !column.values.is_empty()) {
        report = report.with_section(of_values(&columns));
    }
    Ok(report)
}

type Pair<'a> = (String, &'a TablePart, &'a TablePart);

/// Tables by name. Where each side has but one, these two, whatever they are called.
fn pairs<'a>(
    before: &'a ProfileFile,
    after: &'a ProfileFile,
    structure: &mut Vec<Structure>,
) -> Vec<Pair<'a>> {
    let (old, new) = (&before.profiles.tables, &after.profiles.tables);
    if let (Some((a, old)), Some((b, new)), 1, 1) =
        (old.first_key_value(), new.first_key_value(), old.len(), new.len())
    {
        let name = if a == b { a.clone() } else { format!("{a} → {b}") };
        return vec![(name, old, new)];
    }
    let names: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    let mut found = Vec::new();
    for name in names {
        match (old.get(name), new.get(name)) {
            (Some(old), Some(new)) => found.push((name.clone(), old, new)),
            (old, _) => structure.push(Structure {
                table: name.clone(),
                column: String::new(),
                before: there(old.is_some()),
                after: there(old.is_none()),
            }),
        }
    }
    found
}

fn there(is: bool) -> String {
    if is { "there" } else { "not there" }.to_owned()
}

fn compare(
    table: &str,
    old: &TablePart,
    new: &TablePart,
    structure: &mut Vec<Structure>,
    columns: &mut Vec<Compared>,
) {
    let names: BTreeSet<&String> = old.columns.keys().chain(new.columns.keys()).collect();
    let kind = |column: Option<&ColumnProfile>| {
        column.map_or_else(
            || "not there".to_owned(),
            |column| format!("{} ({})", column.kind, column.type_name),
        )
    };
    for name in names {
        let (a, b) = (old.columns.get(name), new.columns.get(name));
        if kind(a) != kind(b) {
            structure.push(Structure {
                table: table.to_owned(),
                column: name.clone(),
                before: kind(a),
                after: kind(b),
            });
        }
        if let (Some(a), Some(b)) = (a, b) {
            columns.push(Compared {
                table: table.to_owned(),
                name: name.clone(),
                sparks: spread::sparks(a, b),
                figures: column::figures(a, b),
                values: values::shifts(a, b),
            });
        }
    }
}

fn decision(pairs: &[Pair<'_>], structure: &[Structure], columns: &[Compared]) -> (&'static str, String) {
    let rows: Vec<String> = pairs
        .iter()
        .map(|(name, old, new)| {
            format!(
                "`{name}` had {} and has {}",
                say::counted(old.rows, "row"),
                say::count(new.rows)
            )
        })
        .collect();
    let rows = rows.join(", ");
    let changed: Vec<&Compared> = columns.iter().filter(|column| column.order().0 > 0.0).collect();
    let shifted = columns
        .iter()
        .flat_map(|column| &column.values)
        .any(Shift::is_changed);
    if structure.is_empty() && changed.is_empty() && !shifted {
        let reason = format!(
            "{rows}; no figure of {} differs beyond chance",
            say::counted(columns.len() as u64, "column")
        );
        return ("SAME", reason);
    }
    let parts = [
        (!rows.is_empty()).then_some(rows),
        (!structure.is_empty()).then(|| {
            format!(
                "{} of the tables and columns came, went or changed type",
                say::count(structure.len() as u64)
            )
        }),
        changed.first().map(|most| {
            let what: Vec<&str> = most.changed().iter().map(|figure| figure.what).collect();
            format!(
                "beyond chance: {} of {}, most of all `{}` ({})",
                say::count(changed.len() as u64),
                say::counted(columns.len() as u64, "column"),
                most.name,
                what.join(", ")
            )
        }),
    ];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    ("CHANGED", parts.join("; "))
}

fn notes(pairs: &[Pair<'_>], columns: &[Compared]) -> Vec<Note> {
    let tests = columns.iter().flat_map(|column| &column.figures);
    let tests = tests.filter(|figure| figure.p.is_some()).count() as u64;
    let mut notes = vec![Note::info(format!(
        "\"Changed\" is beyond chance: {} by Holm, so that the chance of calling anything changed when nothing is stays below \
         {}. Chance is that of rows drawn one by one; rows of one day or one customer vary more. Whether a change matters \
         is not judged here.",
        say::counted(tests, "test"),
        Format::Percent.show(ALPHA)
    ))];
    for (table, old, new) in pairs {
        let hidden: Vec<&str> = old
            .columns
            .iter()
            .filter(|(name, column)| {
                let other = new.columns.get(*name);
                other.is_some_and(|other| {
                    values::are_comparable(column, other) && (column.top.is_none() || other.top.is_none())
                })
            })
            .map(|(name, _)| name.as_str())
            .collect();
        if !hidden.is_empty() {
            notes.push(Note::warn(format!(
                "A profile withholds the values of `{table}` (--no-samples, --redact-samples), so they are not compared: {}.",
                hidden.join(", ")
            )));
        }
    }
    notes
}

fn tables(pairs: &[Pair<'_>]) -> Table {
    let mut section = Table::new(
        "Tables",
        [
            "table",
            "rows before",
            "rows after",
            "rows",
            "columns before",
            "columns after",
        ],
    );
    for (name, old, new) in pairs {
        let ratio =
            (old.rows > 0).then(|| format!("× {}", Format::Auto.show(new.rows as f64 / old.rows as f64)));
        section.push([
            Cell::text(name),
            old.rows.into(),
            new.rows.into(),
            ratio.into(),
            old.columns.len().into(),
            new.columns.len().into(),
        ]);
    }
    section
}

fn of_structure(structure: &[Structure]) -> Table {
    let mut section = Table::new(
        "Added, removed, of another type",
        ["table", "column", "before", "after"],
    );
    for change in structure {
        section.push([
            Cell::text(&change.table),
            Cell::text(&change.column),
            Cell::text(&change.before),
            Cell::text(&change.after),
        ]);
    }
    section
}

fn of_columns(columns: &[Compared]) -> Table {
    let heads = [
        "table",
        "column",
        "size",
        "changed",
        "spread before",
        "spread after",
    ];
    let mut section = Table::new("Columns, the most changed first", heads);
    for column in columns.iter().take(SHOWN) {
        let changed: Vec<&str> = column.changed().iter().map(|figure| figure.what).collect();
        let (size, _) = column.order();
        let (before, after) = match &column.sparks {
            Some((before, after)) => (before.clone(), after.clone()),
            None => (Cell::empty(), Cell::empty()),
        };
        section.push([
            Cell::text(&column.table),
            Cell::text(&column.name),
            (size > 0.0).then(|| Cell::percent(size)).into(),
            Cell::text(changed.join(", ")),
            before,
            after,
        ]);
    }
    let what = "Size is the share of the rows that differ: of a rate the difference, of numbers the Kolmogorov-Smirnov \
                distance, of a mean what two normal curves so far apart do not share, of values the largest difference.";
    section.note(left_out(what, columns.len()))
}

fn left_out(what: &str, all: usize) -> String {
    if all > SHOWN {
        format!("{what} The first {SHOWN} of {all}.")
    } else {
        what.to_owned()
    }
}

fn of_figures(columns: &[Compared]) -> Table {
    let heads = [
        "table",
        "column",
        "figure",
        "before",
        "after",
        "difference",
        "size",
        "p",
        "means",
    ];
    let mut section = Table::new("Figures, the most changed first", heads);
    let all = columns.iter().flat_map(|column| {
        let differ = column.figures.iter().filter(|figure| figure.differs());
        differ.map(move |figure| (column, figure))
    });
    let mut all: Vec<(&Compared, &Figure)> = all.collect();
    all.sort_by(|(_, a), (_, b)| figure::by_size(a, b));
    for (column, figure) in all.iter().take(SHOWN) {
        section.push([
            Cell::text(&column.table),
            Cell::text(&column.name),
            Cell::text(figure.what),
            figure.before.clone(),
            figure.after.clone(),
            Cell::text(&figure.difference),
            figure.size.map(Cell::percent).into(),
            figure.adjusted.map(Cell::p_value).into(),
            Cell::text(figure.means.word()),
        ]);
    }
    let what = "Figures that are the same are left out. `p` is adjusted by Holm; `not tested` are figures that have no test \
                on a profile, such as ends and counts of different values.";
    section.note(left_out(what, all.len()))
}

fn of_values(columns: &[Compared]) -> Table {
    let heads = ["table", "column", "value", "before", "after", "p", "means"];
    let mut section = Table::new("Frequent values that came, went or shifted", heads);
    let all = columns.iter().flat_map(|column| {
        values::shown(&column.values)
            .into_iter()
            .map(move |shift| (column, shift))
    });
    let mut all: Vec<(&Compared, &Shift)> = all.collect();
    all.sort_by(|(_, a), (_, b)| values::by_size(a, b));
    for (column, shift) in all.iter().take(SHOWN) {
        section.push([
            Cell::text(&column.table),
            Cell::text(&column.name),
            Cell::text(&shift.value),
            Cell::percent(shift.before),
            Cell::percent(shift.after),
            Cell::p_value(shift.adjusted),
            Cell::text(shift.means()),
        ]);
    }
    let what = "Shares of the values that are not null; `p` is adjusted by Holm over all values.";
    section.note(left_out(what, all.len()))
}

//! A suite from a profile.
//!
//! Each rule has the figure that it came from in a comment above it, and room for chance: the next table is another sample
//! of the same source, and of as many as a thousand bounds one should miss. What is only likely stands as a comment.

mod column;
mod margins;
mod numbers;
mod suite;
mod values;

use std::fmt::Write as _;

use step_contract::{CommandKind, CommandSpec, Exit, OutArtifact, VerdictSpec};
use step_report::{Cell, Input, Report, Table};
use step_runtime::{Context, Finished, StepError};

use crate::cli::InferArgs;
use crate::config::Suite;
use crate::decide::say;
use crate::gather::part::TablePart;
use crate::import::one_line;
use crate::import::value::Value;
use crate::profiles::ProfileFile;
use suite::{Lines, Stands, TableLines, between, to_yaml};

/// The part of the contract.
pub(crate) const SPEC: CommandSpec = CommandSpec {
    name: "infer",
    kind: CommandKind::Decides,
    verdicts: &[VerdictSpec {
        word: "INFERRED",
        exit: Exit::Yes,
        meaning: "the suite is written, for a person to read",
    }],
    rbac: &[],
    // A person's tool: what it writes is read, mended and committed.
    template: None,
};

/// Runs `infer`.
///
/// # Errors
/// Exit 2: the profile cannot be read, has no such table, or is of a table without rows.
pub(crate) async fn run(args: &InferArgs, cx: &Context) -> Result<Finished, StepError> {
    let output: OutArtifact = args
        .output
        .parse()
        .map_err(|error| StepError::usage(format!("--output: {error}")))?;
    if args.output == args.profile {
        return Err(StepError::usage(format!(
            "--output {}: is the profile that is read",
            args.output
        )));
    }
    let source = ProfileFile::read("profile", &args.profile, cx).await?;
    let tables = chosen(&source, args.table.as_deref())?;
    let made: Vec<TableLines<'_>> = tables.iter().map(|(name, table)| lines(name, table)).collect();
    let yaml = format!("{}{}", header(&source, &tables, cx), to_yaml(&made));
    Suite::read("suite.yaml", &yaml).map_err(|error| {
        StepError::internal(format!(
            "{}: the suite that was made of it cannot be read: {error}",
            source.uri
        ))
    })?;
    let report = report(cx.report(), args, &source, &made);
    let statement = cx.statement().material(&source.uri, &source.digest);
    Ok(Finished::decision("INFERRED", report, statement).with_output(&output, yaml.into_bytes()))
}

fn chosen<'a>(
    source: &'a ProfileFile,
    only: Option<&'a str>,
) -> Result<Vec<(&'a str, &'a TablePart)>, StepError> {
    let tables = match only {
        Some(name) => vec![(name, source.table(name)?)],
        None => {
            let all = source.profiles.tables.iter();
            all.map(|(name, table)| (name.as_str(), table)).collect()
        }
    };
    match tables.iter().find(|(_, table)| table.rows == 0) {
        Some((name, _)) => Err(StepError::usage(format!(
            "{}: tables.{name}.rows is 0, and of no rows nothing can be inferred",
            source.uri
        ))),
        None => Ok(tables),
    }
}

/// The rules for a table.
fn lines<'a>(name: &'a str, table: &'a TablePart) -> TableLines<'a> {
    let mut lines = Lines::default();
    let (fewest, most) = margins::rows(table.rows);
    lines.ask(
        "row_count",
        between(Some(fewest as f64), Some(most as f64)),
        format!("{}; from half as many to twice.", say::counted(table.rows, "row")),
    );
    lines.suggest("schema", Value::from("exact"), "if no other column may come.");
    TableLines {
        name,
        lines,
        columns: table
            .columns
            .iter()
            .map(|(name, profile)| (name.as_str(), column::lines(profile)))
            .collect(),
    }
}

/// What stands above the suite.
fn header(source: &ProfileFile, tables: &[(&str, &TablePart)], cx: &Context) -> String {
    let of: Vec<String> = tables
        .iter()
        .map(|(name, table)| format!("{} ({})", one_line(name), say::counted(table.rows, "row")))
        .collect();
    let day: String = cx.started.to_string().chars().take(10).collect();
    let mut out = format!(
        "# Inferred on {day} by `data-validate infer` {} from {}: {}.\n# The profile is {}.\n",
        env!("CARGO_PKG_VERSION"),
        one_line(&source.file),
        of.join(", "),
        source.digest
    );
    if let Some(window) = &source.profiles.window {
        _ = writeln!(
            out,
            "# Its window over `{}` is from {} up to, and without, {}.",
            one_line(&window.column),
            window.from,
            window.to
        );
    }
    out.push_str(
        "#\n\
         # A person must read this before it decides anything: it says what the data were, not what they must be.\n\
         # Bounds have room for chance, so that of a thousand one misses by it (99.9 %), in a table of half as many rows or\n\
         # more; means and shares have room for a small shift beyond. `docs/guides/validation.md` has the formulas.\n\
         # What stands below `Maybe` is not asked. To ask it, take away its `# `, and the line above of the same key.\n\
         #\n",
    );
    out
}

/// The report, with every line of the suite.
fn report(report: Report, args: &InferArgs, source: &ProfileFile, tables: &[TableLines<'_>]) -> Report {
    let mut section = Table::new("Rules", ["table", "column", "rule", "stands", "why"]);
    let (mut asked, mut maybe, mut columns) = (0, 0, 0);
    for table in tables {
        let own = std::iter::once(("", &table.lines));
        columns += table.columns.len() as u64;
        for (column, lines) in own.chain(table.columns.iter().map(|(name, lines)| (*name, lines))) {
            for line in lines.iter() {
                asked += u64::from(line.stands == Stands::Asked);
                maybe += u64::from(line.stands == Stands::Maybe);
                let stands = match line.stands {
                    Stands::Asked => "asked",
                    Stands::Maybe => "maybe",
                    Stands::Not => "not there",
                };
                section.push([
                    Cell::text(table.name),
                    Cell::text(column),
                    Cell::text(line.rule()),
                    Cell::text(stands),
                    Cell::text(&line.why),
                ]);
            }
        }
    }
    let reason = format!(
        "{} for {} of {}, and {} that a person may take in; read it before it decides anything",
        say::counted(asked, "rule"),
        say::counted(columns, "column"),
        say::counted(tables.len() as u64, "table"),
        say::count(maybe)
    );
    let mut report = report
        .verdict("INFERRED", reason)
        .with_binding("profile.digest", &source.digest)
        .with_parameter("profile", source.uri.as_str())
        .with_section(section);
    if let Some(table) = &args.table {
        report = report.with_parameter("table", table.as_str());
    }
    report
        .inputs
        .push(Input::new("profile", &source.uri).digest(&source.digest));
    report
}

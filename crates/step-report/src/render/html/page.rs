//! What the template gets: strings that are ready, so that it decides nothing.

use serde::Serialize;

use super::checks::GroupView;
use super::sections::{SectionView, TableView};
use crate::render::verdict::Tone;
use crate::render::view;
use crate::{Cell, Level, Outcome, Report, Table, text, time};

/// Most rows of a list of inputs, bindings, parameters or notes.
const ROWS: usize = 200;

/// Passed checks up to this many are shown without asking.
const SHORT: usize = 20;

#[derive(Serialize)]
pub(super) struct Page {
    title: String,
    step: String,
    command: String,
    verdict: String,
    tone: &'static str,
    reason: String,
    facts: Vec<(String, String)>,
    total: String,
    counts: Vec<Count>,
    open: Vec<GroupView>,
    shut: Vec<GroupView>,
    notes: Vec<(&'static str, String)>,
    sections: Vec<SectionView>,
    inputs: Option<TableView>,
    bindings: Option<TableView>,
    parameters: Option<TableView>,
    schema: String,
}

#[derive(Serialize)]
struct Count {
    word: &'static str,
    count: usize,
    shown: String,
}

impl Page {
    pub(super) fn of(report: &Report) -> Self {
        let counts = report.counts();
        let groups = view::groups(report);
        let (open, shut): (Vec<_>, Vec<_>) = groups
            .into_iter()
            .partition(|group| group.open || is_short(group));
        let step = text::short(&report.step, 80);
        let command = text::short(&report.command, 80);
        let verdict = text::short(&report.verdict, 40);
        Self {
            title: format!("{verdict}: {step} {command}"),
            step,
            command,
            verdict,
            tone: Tone::of(&report.verdict).class(),
            reason: text::short(&report.reason, 2_000),
            facts: facts(report),
            total: text::plural(counts.total, "check", "checks"),
            counts: Outcome::BY_GRAVITY
                .into_iter()
                .filter(|outcome| counts.get(*outcome) > 0)
                .map(|outcome| {
                    let count = counts.get(outcome);
                    Count {
                        word: outcome.word(),
                        count,
                        shown: Cell::from(count).display(),
                    }
                })
                .collect(),
            open: open.iter().map(GroupView::of).collect(),
            shut: shut.iter().map(GroupView::of).collect(),
            notes: report
                .notes
                .iter()
                .take(ROWS)
                .map(|note| (level(note.level), text::short(&note.text, 2_000)))
                .collect(),
            sections: SectionView::all(&report.sections),
            inputs: inputs(report),
            bindings: pairs(
                report
                    .bindings
                    .iter()
                    .map(|(name, value)| (name, text::short(value, 400))),
            ),
            parameters: pairs(
                report
                    .parameters
                    .iter()
                    .map(|(name, value)| (name, text::value(value, 1_000))),
            ),
            schema: text::short(&report.schema, 80),
        }
    }
}

/// Passed checks are folded away only when they are many.
fn is_short(group: &view::Group<'_>) -> bool {
    group.checks.len() <= SHORT && group.checks.iter().any(|check| check.outcome == Outcome::Pass)
}

fn facts(report: &Report) -> Vec<(String, String)> {
    let mut facts = vec![("Version".to_owned(), text::short(&report.version, 60))];
    let mut add = |name: &str, value: Option<String>| {
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            facts.push((name.to_owned(), value));
        }
    };
    add("Exit", report.exit.as_deref().map(|exit| text::short(exit, 60)));
    add("Started", Some(instant(&report.started)));
    add("Finished", Some(instant(&report.finished)));
    add(
        "Took",
        time::elapsed(&report.started, &report.finished).map(time::duration),
    );
    facts
}

/// `2026-11-23 14:05:06 UTC` from RFC 3339 in UTC; anything else as it stands.
fn instant(stamp: &str) -> String {
    match (stamp.get(..10), stamp.get(11..19), time::seconds(stamp)) {
        (Some(date), Some(clock), Some(_)) if stamp.ends_with('Z') => format!("{date} {clock} UTC"),
        _ => text::short(stamp, 40),
    }
}

const fn level(level: Level) -> &'static str {
    match level {
        Level::Info => "skipped",
        Level::Warn => "warn",
        Level::Error => "error",
    }
}

fn inputs(report: &Report) -> Option<TableView> {
    let mut table = Table::new("", ["Input", "Where", "Rows", "Digest", "Remark"]);
    for input in &report.inputs {
        table.push([
            Cell::text(input.name.clone()),
            Cell::text(input.uri.clone()),
            input.rows.into(),
            input.digest.clone().into(),
            input.detail.clone().into(),
        ]);
    }
    (!table.rows.is_empty()).then(|| {
        TableView::of(&table, ROWS)
            .column(1, "code")
            .column(3, "digest")
            .without_empty_columns()
    })
}

fn pairs<'a>(pairs: impl Iterator<Item = (&'a String, String)>) -> Option<TableView> {
    let mut table = Table::new("", ["Name", "Value"]);
    for (name, value) in pairs {
        table.push([Cell::text(name.clone()), Cell::text(value)]);
    }
    (!table.rows.is_empty()).then(|| TableView::of(&table, ROWS).column(1, "code"))
}

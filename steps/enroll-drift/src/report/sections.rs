//! Tables and charts of the report.

use step_report::{Bars, Cell, Format, Note, Outcome, Report, Table, Text};

use super::Story;
use crate::act::Ended;
use crate::compare::{Drift, Test};
use crate::decide::{Column, Finding, Verdict};

/// Columns whose bins are shown one by one.
const SHOWN: usize = 5;

/// Bars that a reader still reads.
const BARS: usize = 30;

pub(super) fn add(mut report: Report, story: &Story<'_>) -> Report {
    let compared: Vec<(&Column, &Drift)> = story
        .decision
        .columns
        .iter()
        .filter_map(|column| match &column.finding {
            Finding::Compared { drift, .. } => Some((column, &**drift)),
            _ => None,
        })
        .collect();
    if !compared.is_empty() {
        report = report
            .with_section(bars(story, &compared))
            .with_section(table(&compared));
    }
    for (column, drift) in compared
        .iter()
        .filter(|(column, _)| column.asks() > Verdict::Ok)
        .take(SHOWN)
    {
        report = report.with_section(bins(&column.name, drift));
    }
    if let Some(Column {
        name,
        finding: Finding::Compared { drift, .. },
        ..
    }) = &story.decision.prediction
    {
        report = report.with_section(bins(&format!("{name} (prediction)"), drift));
    }
    if let Some(event) = story.event {
        let text = serde_json::to_string_pretty(event).unwrap_or_default();
        report = report.with_section(Text::preformatted("Retraining event", text));
    }
    if !story.deeds.deeds.is_empty() {
        report = report.with_section(deeds(story));
    }
    report
}

fn bars(story: &Story<'_>, compared: &[(&Column, &Drift)]) -> Bars {
    let shown = &compared[..compared.len().min(BARS)];
    let thresholds = story.config.thresholds;
    let bars = Bars::new(
        "PSI by feature",
        shown.iter().map(|(column, _)| column.name.as_str()),
    )
    .value_label("PSI")
    .series(
        "PSI",
        shown.iter().map(|(_, drift)| drift.psi).collect::<Vec<_>>(),
    )
    .mark(thresholds.psi_alert, format!("alert {}", thresholds.psi_alert))
    .mark(
        thresholds.psi_retrain,
        format!("retrain {}", thresholds.psi_retrain),
    );
    if compared.len() > BARS {
        return bars.note(format!(
            "The {BARS} largest of {} columns; the table has all.",
            compared.len()
        ));
    }
    bars
}

fn table(compared: &[(&Column, &Drift)]) -> Table {
    let heads = [
        "Feature",
        "PSI",
        "p (adjusted)",
        "JS (bits)",
        "KS or V",
        "Moved by (sd)",
        "Nulls before",
        "Nulls now",
        "",
        "Most of it",
    ];
    let mut table = Table::new("Features", heads).note(
        "PSI over frozen bins of the baseline, nulls and odd values included; p by chi-squared with rare bins \
         pooled, Benjamini-Hochberg over the features that may decide. KS for numbers, Cramér's V for values and categories; moved by: Wasserstein-1 in standard \
         deviations of the baseline.",
    );
    for (column, drift) in compared {
        let Finding::Compared { p_adjusted, .. } = &column.finding else {
            continue;
        };
        let effect = match drift.test {
            Test::Ks { statistic, .. } => Cell::from(statistic),
            Test::Chi2 { v, .. } => Cell::from(v),
            Test::None => Cell::from(""),
        };
        let moved = drift
            .moved
            .and_then(|(_, sds)| sds)
            .map_or_else(|| Cell::from(""), Cell::from);
        table.push([
            column.name.as_str().into(),
            drift.psi.into(),
            Format::PValue.show(*p_adjusted).into(),
            drift.js.into(),
            effect,
            moved,
            Format::Percent.show(drift.null_rate.0).into(),
            Format::Percent.show(drift.null_rate.1).into(),
            outcome(column.asks()).into(),
            drift.story().into(),
        ]);
    }
    table
}

fn outcome(asks: Verdict) -> Outcome {
    match asks {
        Verdict::Retrain => Outcome::Fail,
        Verdict::Alert => Outcome::Warn,
        _ => Outcome::Pass,
    }
}

/// The bins of one column, those that add the most first.
fn bins(name: &str, drift: &Drift) -> Table {
    let mut table = Table::new(
        format!("Bins of {name}"),
        ["Bin", "Baseline", "Window", "Adds to PSI"],
    );
    for cell in drift
        .cells
        .iter()
        .filter(|cell| cell.before > 0.0 || cell.now > 0.0)
    {
        table.push([
            cell.label.as_str().into(),
            Format::Percent.show(cell.before).into(),
            Format::Percent.show(cell.now).into(),
            cell.adds.into(),
        ]);
    }
    table
}

fn deeds(story: &Story<'_>) -> Table {
    let mut table = Table::new("Told and posted", ["What", "To", "", "How it ended"]);
    for deed in &story.deeds.deeds {
        let (outcome, how) = match &deed.ended {
            Ended::Done(how) => (Outcome::Pass, how),
            Ended::Left(why) => (Outcome::Skipped, why),
            Ended::Failed(why) => (Outcome::Error, why),
        };
        table.push([
            deed.what.into(),
            deed.to.as_str().into(),
            outcome.into(),
            how.as_str().into(),
        ]);
    }
    table
}

/// Remarks on columns whose type has another name than in the baseline.
pub(crate) fn renamed(columns: &[Column]) -> Vec<Note> {
    columns
        .iter()
        .filter_map(|column| match &column.finding {
            Finding::Compared {
                renamed_type: Some((was, is)),
                ..
            } => Some(Note::info(format!(
                "{} is {is} in the window, {was} in the baseline",
                column.name
            ))),
            _ => None,
        })
        .collect()
}

use step_report::{Bars, Bound, Check, Format, Histogram, Input, Lines, Note, Report, Text};

use super::{digest, timed};

const FEATURES: [(&str, f64); 11] = [
    ("temp", 8.112),
    ("dewp", 5.904),
    ("humid", 0.412),
    ("pressure", 0.337),
    ("wind_speed", 0.301),
    ("visib", 0.154),
    ("dep_delay", 0.081),
    ("distance", 0.018),
    ("sched_dep_minute", 0.006_4),
    ("carrier", 0.004_1),
    ("origin", 0.000_9),
];

/// A check of July against a model of winter: the weather moved.
pub(crate) fn drift() -> Report {
    let mut report = Report::new("enroll-drift", "check", "0.1.0")
        .verdict("RETRAIN", "the largest significant PSI is 8.112 on temp, 0.2 asks for a retraining; 5 of 11 columns are above it")
        .with_input(Input::new("window", "s3://lake/live/2013/07/").digest(&digest('7')).rows(28_293))
        .with_input(Input::new("baseline", "/in/baseline.json").digest(&digest('8')).rows(79_022))
        .with_binding("model.digest", &digest('2'))
        .with_binding("baseline.digest", &digest('8'))
        .with_parameter("psi_alert", 0.1)
        .with_parameter("psi_retrain", 0.2);
    for (column, psi) in FEATURES {
        let check = Check::new(format!("psi:{column}"), "psi")
            .column(column)
            .metric("psi")
            .observed(psi)
            .bound(Bound::less_than(0.2))
            .n(28_293)
            .test("chi-squared", if psi > 0.05 { 1e-12 } else { 0.21 })
            .p_adjusted(if psi > 0.05 { 1.1e-11 } else { 0.33 });
        report.checks.push(if psi >= 0.2 {
            check.fail(format!(
                "PSI of {column} is {psi}, 0.2 and more asks for a retraining"
            ))
        } else if psi >= 0.1 {
            check.warn(format!("PSI of {column} is {psi}, 0.1 and more alerts"))
        } else {
            check.pass(format!("PSI of {column} is {psi}, below 0.1"))
        });
    }
    let days: Vec<[f64; 2]> = (0..31)
        .map(|day| {
            [
                1_372_636_800.0 + f64::from(day) * 86_400.0,
                0.16 + 0.05 * (f64::from(day) / 4.0).sin(),
            ]
        })
        .collect();
    let report = report
        .with_section(
            Bars::new("Population stability by column", FEATURES.map(|(column, _)| column))
                .value_label("PSI")
                .series("PSI", FEATURES.map(|(_, psi)| psi).to_vec())
                .mark(0.1, "alert 0.1")
                .mark(0.2, "retrain 0.2"),
        )
        .with_section(
            Histogram::new("temp, reference and now", vec![10.9, 28.0, 33.1, 37.0, 39.0, 42.1, 45.0, 50.0, 60.1, 78.8, 100.0])
                .axes("temp, degrees Fahrenheit", "share of rows")
                .series("reference", vec![0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1])
                .series("now", vec![0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.002, 0.402, 0.596])
                .format(Format::Percent),
        )
        .with_section(
            Lines::new("Share predicted late by day")
                .axes("day", "share predicted late")
                .line("now", days)
                .mark(0.14, "reference 14%")
                .formats(Format::Timestamp, Format::Percent),
        )
        .with_section(
            Bars::new("Share of rows by origin", ["EWR", "JFK", "LGA"])
                .value_label("share of rows")
                .series("reference", vec![0.367, 0.331, 0.302])
                .series("now", vec![0.361, 0.342, 0.297])
                .format(Format::Percent),
        )
        .with_section(Text::preformatted("Event", "POST /api/v1/events/default/mlops-retrain\nid: 5b0c8c2e-drift-2013-07\nreason: psi temp 8.112 >= 0.2"))
        .with_note(Note::info("The event was not posted: --dry-run."));
    timed(report, "2026-11-23T14:30:00Z", "2026-11-23T14:30:01.200Z")
}

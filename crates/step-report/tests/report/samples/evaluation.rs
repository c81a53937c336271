use step_report::{
    Bound, Check, Format, Histogram, Input, Interval, Lines, Outcome, Report, Severity, Table, Text,
};

use super::{digest, timed};

/// An evaluation that passes: thresholds, a champion, slices, calibration.
pub(crate) fn evaluation() -> Report {
    let mut report = Report::new("evaluate", "gate", "0.1.0")
        .verdict("PASS", "14 of 15 gates passed and 1 warns: auc_roc 0.9261, at least 0.87; better than the champion by 0.0149, at least 0.005")
        .with_input(Input::new("data", "s3://lake/flights/2013/07/test.parquet").digest(&digest('1')).rows(28_293))
        .with_input(Input::new("model", "runs:/3f6c0f0e5d8b4c0c9a7e/model").digest(&digest('2')).detail("LightGBM, 7 files"))
        .with_input(Input::new("champion", "models:/flight-delays/1").digest(&digest('3')))
        .with_input(Input::new("gates", "/in/quality_gates.yaml").digest(&digest('4')))
        .with_binding("model.digest", &digest('2'))
        .with_binding("dataset.digest", &digest('1'))
        .with_binding("run_id", "3f6c0f0e5d8b4c0c9a7e")
        .with_binding("scored_by", "endpoint")
        .with_parameter("threshold", 0.5)
        .with_parameter("slice_columns", serde_json::json!(["carrier", "origin"]));
    report.checks = thresholds();
    report.checks.extend(slices());
    let report = report
        .with_section(
            Lines::new("Receiver operating characteristic")
                .axes("false positive rate", "true positive rate")
                .line("challenger", curve(0.14))
                .line("champion", curve(0.20))
                .line("chance", [[0.0, 0.0], [1.0, 1.0]]),
        )
        .with_section(
            Lines::new("Calibration")
                .axes("mean predicted probability", "share late")
                .line("challenger", (1..=10).map(|bin| f64::from(bin) / 10.0 - 0.05).map(|p| [p, p * 0.94 + 0.02]).collect::<Vec<_>>())
                .line("perfect", [[0.0, 0.0], [1.0, 1.0]])
                .note("Ten bins of equal width; expected calibration error 0.021."),
        )
        .with_section(
            Histogram::new("Scores", (0..=20).map(|edge| f64::from(edge) / 20.0).collect::<Vec<_>>())
                .axes("score", "share of rows")
                .series("on time", shape(0.08))
                .series("late", shape(0.82))
                .format(Format::Percent),
        )
        .with_section(slice_table())
        .with_section(Text::new("How the champion was compared", "Both models scored the same 28,293 held-out rows, joined by flight id. The difference in AUC is tested with DeLong's paired test; slices are tested against \"not worse\" and corrected after Holm.\n\nNo bound was tuned on these rows."));
    timed(report, "2026-11-23T14:05:06Z", "2026-11-23T14:05:48.700Z")
}

fn curve(knee: f64) -> Vec<[f64; 2]> {
    (0..=40)
        .map(|step| f64::from(step) / 40.0)
        .map(|x| [x, x.powf(knee)])
        .collect()
}

fn shape(centre: f64) -> Vec<f64> {
    let heights: Vec<f64> = (0..20)
        .map(|bin| (-((f64::from(bin) + 0.5) / 20.0 - centre).abs() * 6.0).exp())
        .collect();
    let total: f64 = heights.iter().sum();
    heights
        .into_iter()
        .map(|height| (height / total * 1e4).round() / 1e4)
        .collect()
}

fn thresholds() -> Vec<Check> {
    let mut checks: Vec<Check> = [
        ("auc_roc", 0.926_113_4, 0.87, 0.0041),
        ("f1_score", 0.833_02, 0.82, 0.0068),
        ("precision", 0.871_9, 0.80, 0.0071),
    ]
    .into_iter()
    .map(|(metric, value, least, half)| {
        Check::new(format!("threshold:{metric}"), "threshold")
            .metric(metric)
            .observed(value)
            .bound(Bound::at_least(least))
            .interval(Interval::new(
                value - half,
                value + half,
                0.95,
                "stratified bootstrap, 2,000 resamples",
            ))
            .n(28_293)
            .pass(format!("{metric} is {value:.4}, at least {least} is asked"))
    })
    .collect();
    checks.push(
        Check::new("champion:auc_roc", "champion")
            .metric("auc_roc")
            .observed(0.014_92)
            .bound(Bound::at_least(0.005))
            .interval(Interval::new(0.012_1, 0.017_8, 0.95, "delong"))
            .n(28_293)
            .test("delong", 3.1e-24)
            .detail("challenger", 0.926_113_4)
            .detail("champion", 0.911_193)
            .pass("auc_roc is 0.0149 above the champion's, at least 0.005 is asked"),
    );
    checks.push(
        Check::new("latency:p99_ms", "latency")
            .metric("p99_ms")
            .observed(41.3)
            .bound(Bound::at_most(100.0))
            .format(Format::Milliseconds)
            .n(3_000)
            .pass("p99 is 41.3 ms at 100 requests a second, at most 100 ms is allowed"),
    );
    checks.push(
        Check::new("fairness:demographic_parity:origin", "fairness")
            .metric("demographic_parity_difference")
            .slice("origin")
            .observed(0.061)
            .bound(Bound::at_most(0.1))
            .n(28_293)
            .pass("the share called late differs by at most 0.061 between origins, at most 0.1 is allowed"),
    );
    checks
}

fn slices() -> Vec<Check> {
    let mut checks: Vec<Check> = [
        ("UA", 4_958, 0.21),
        ("EV", 4_643, 0.34),
        ("B6", 4_893, 0.18),
        ("DL", 4_233, 0.42),
        ("AA", 2_857, 0.09),
        ("MQ", 2_223, 0.51),
        ("US", 1_720, 0.62),
        ("WN", 1_044, 0.33),
    ]
    .into_iter()
    .map(|(carrier, n, p)| {
        Check::new(format!("champion:auc_roc:carrier={carrier}"), "champion")
            .metric("auc_roc")
            .slice(format!("carrier={carrier}"))
            .observed(0.01 + p / 100.0)
            .bound(Bound::text("not significantly worse"))
            .interval(Interval::new(p / 100.0 - 0.002, 0.02 + p / 100.0, 0.95, "delong"))
            .n(n)
            .test("delong, one-sided", p)
            .p_adjusted((p * 8.0_f64).min(1.0))
            .pass(format!(
                "on carrier={carrier} the challenger is not significantly worse"
            ))
    })
    .collect();
    checks.push(
        Check::new("champion:auc_roc:carrier=HA", "champion")
            .metric("auc_roc")
            .slice("carrier=HA")
            .severity(Severity::Warn)
            .not_observed("one class only")
            .bound(Bound::text("not significantly worse"))
            .n(31)
            .warn("carrier=HA has 31 rows, 100 are needed to compare"),
    );
    checks
}

fn slice_table() -> Table {
    let mut table = Table::new(
        "Slices",
        [
            "Slice",
            "Rows",
            "Late",
            "AUC challenger",
            "AUC champion",
            "Difference",
            "p (Holm)",
            "Outcome",
        ],
    );
    for (slice, rows, late, auc, before, p) in [
        ("carrier=UA", 4_958, 0.231, 0.921_3, 0.908_1, 1e-6),
        ("carrier=EV", 4_643, 0.362, 0.931_9, 0.914_7, 0.004_2),
        ("carrier=B6", 4_893, 0.297, 0.925_5, 0.911_1, 0.031),
    ] {
        table.push([
            slice.into(),
            rows.into(),
            step_report::Cell::percent(late),
            auc.into(),
            before.into(),
            (auc - before).into(),
            step_report::Cell::p_value(p),
            Outcome::Pass.into(),
        ]);
    }
    table.push([
        "carrier=HA".into(),
        31.into(),
        step_report::Cell::percent(0.0),
        f64::NAN.into(),
        f64::NAN.into(),
        step_report::Cell::empty(),
        step_report::Cell::empty(),
        Outcome::Warn.into(),
    ]);
    table
}

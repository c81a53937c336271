//! `evaluate gate` on slices: what is undefined there, and whether one among very many can still fail.

mod common;

use common::{Dir, Row, rows};

const SLICED: [&str; 2] = ["--slice-columns", "region"];

/// Without a value there is no judgement, and on so many rows no excuse.
#[test]
fn a_metric_that_is_undefined_on_a_large_slice_fails() {
    let dir = Dir::new();
    let (mut ours, theirs) = (rows(900, 4.0), rows(900, 2.0));
    // The challenger calls nothing positive in the west: no precision there.
    for row in ours.iter_mut().filter(|row| row.group == "west") {
        row.score = "0.1".to_owned();
    }
    let gates = "evaluation: {champion_improvement: {precision_delta: -0.9}}";
    dir.gate(gates, &ours, Some(&theirs), &SLICED)
        .says("FAIL", 3)
        .outcome(
            "champion:precision:region=west",
            "fail",
            &["region=west", "300 rows", "no row is predicted positive"],
        )
        .outcome("champion:precision:region=north", "pass", &[]);
    let warned = "evaluation: {champion_improvement: {precision_delta: -0.9}, slices: {severity: warn}}";
    dir.gate(warned, &ours, Some(&theirs), &SLICED)
        .says("WARN", 0)
        .outcome("champion:precision:region=west", "warn", &[]);
}

#[test]
fn a_large_slice_of_one_class_fails_and_a_small_one_warns() {
    let dir = Dir::new();
    let one_class = |rows: &[Row]| -> Vec<Row> {
        let mut rows = rows.to_vec();
        for row in rows.iter_mut().filter(|row| row.group == "west") {
            row.label = 0;
        }
        rows
    };
    let gates = |min_rows| {
        format!(
            "evaluation: {{champion_improvement: {{auc_roc_delta: -0.5}}, \
             slices: {{min_rows: {min_rows}, minimum_thresholds: {{auc_roc: 0.5}}}}}}"
        )
    };
    let (ours, theirs) = (one_class(&rows(900, 4.0)), one_class(&rows(900, 2.0)));
    let ran = dir.gate(&gates(300), &ours, Some(&theirs), &SLICED);
    ran.says("FAIL", 3);
    for id in ["champion:auc_roc:region=west", "threshold:auc_roc:region=west"] {
        ran.outcome(id, "fail", &["every label is 0"]);
    }
    let ran = dir.gate(&gates(301), &ours, Some(&theirs), &SLICED);
    ran.outcome("champion:auc_roc:region=west", "insufficient", &["too small"])
        .outcome("threshold:auc_roc:region=west", "insufficient", &["too small"]);
}

/// A resampled p of 2,000 replicates is 1/2001 at least; over 150 slices Holm asks for 0.05/150.
#[test]
fn among_very_many_slices_one_that_breaks_still_fails() {
    let names: Vec<&'static str> = (0..150).map(|at| &*format!("s{at:03}").leak()).collect();
    let sliced = |signal: f64| -> Vec<Row> {
        let mut rows = rows(150 * 120, signal);
        for (row, at) in rows.iter_mut().zip(0..) {
            row.group = names[at % 150];
        }
        rows
    };
    let (champion, broken) = (sliced(3.0), sliced(0.2));
    let mut ours = sliced(3.2);
    for (row, bad) in ours.iter_mut().zip(&broken) {
        if row.group == "s007" {
            row.score.clone_from(&bad.score);
        }
    }
    let gates = "evaluation: {champion_improvement: {f1_score_delta: -0.5}, slices: {max_values: 150}}";
    let ran = Dir::new().gate(gates, &ours, Some(&champion), &SLICED);
    ran.says("FAIL", 3)
        .outcome(
            "champion:f1_score:region=s007",
            "fail",
            &["significantly worse", "p < 0.001"],
        )
        .outcome("champion:f1_score:region=s008", "pass", &[])
        .outcome("champion:f1_score", "pass", &[]);
    assert_eq!(
        ran.check("champion:f1_score:region=s007")["details"]["correction"],
        "Holm over 150 slices"
    );
}

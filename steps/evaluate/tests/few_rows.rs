//! `evaluate gate` where nothing varies: rows that are all right are still only so many.

mod common;

use common::{Dir, Ran, Row};

/// `n` rows of each class; `score` of a row by its label and number.
fn labelled(n: usize, score: impl Fn(bool, usize) -> f64) -> Vec<Row> {
    (0..2 * n)
        .map(|row| Row {
            id: format!("r{row:04}"),
            label: u8::from(row % 2 == 0),
            score: score(row % 2 == 0, row).to_string(),
            group: "north",
        })
        .collect()
}

/// Every row right, with room.
fn perfect(n: usize, shift: f64) -> Vec<Row> {
    labelled(n, |label, row| {
        let within = (row * 7 % 13) as f64 / 100.0 + shift;
        if label { 0.8 + within } else { 0.1 + within }
    })
}

fn gate(gate: &str, n: usize) -> Ran {
    let text = format!("evaluation: {{min_rows: 10, minimum_thresholds: {{{gate}}}}}");
    Dir::new().gate(&text, &perfect(n, 0.0), None, &[])
}

/// 0.831566: `scipy.stats.binomtest(20, 20).proportion_ci(0.95, "exact").low`; at 0.99 it is 0.767270.
#[test]
fn twenty_of_twenty_are_not_all_of_all() {
    for metric in [
        "auc_roc",
        "f1_score",
        "average_precision",
        "ks",
        "balanced_accuracy",
    ] {
        let rule = |bound: f64| format!("{metric}: {{bound: {bound}, rule: ci_lower}}");
        let ran = gate(&rule(0.84), 20);
        let id = format!("threshold:{metric}");
        ran.says("FAIL", 3)
            .outcome(&id, "fail", &["the lower end of", "0.8316"]);
        let check = ran.check(&id);
        assert_eq!(
            (check["observed"].as_f64(), check["interval"]["upper"].as_f64()),
            (Some(1.0), Some(1.0)),
            "{check}"
        );
        gate(&rule(0.83), 20).says("PASS", 0);
        gate(&rule(0.84), 2000).says("PASS", 0);
    }
    let strict = "evaluation: {min_rows: 10, confidence: 0.99, minimum_thresholds: {f1_score: 0.9}}";
    let ran = Dir::new().gate(strict, &perfect(20, 0.0), None, &[]);
    let interval = &ran.check("threshold:f1_score")["interval"];
    let lower = interval["lower"].as_f64().unwrap_or(1.0);
    assert!((lower - 0.767_270).abs() < 1e-6, "{interval}");
    assert_eq!(interval["level"], 0.99);
}

/// Two models without an error say nothing of a hundredth on 20 rows of each class: (1 - 0.01)^20 is 0.82.
#[test]
fn two_that_make_no_error_are_not_shown_to_be_equal() {
    let dir = Dir::new();
    let gate = |rule: &str, n: usize| {
        let text = format!("evaluation: {{min_rows: 10, champion_improvement: {{auc_roc_delta: {rule}}}}}");
        dir.gate(&text, &perfect(n, 0.0), Some(&perfect(n, 0.01)), &[])
    };
    gate("{rule: non_inferiority, margin: 0.01}", 20)
        .says("FAIL", 3)
        .outcome("champion:auc_roc", "fail", &["is not surely above", "p = 0.818"]);
    gate("{rule: non_inferiority, margin: 0.01}", 300).says("PASS", 0);
    gate("{bound: -0.01, rule: ci_lower}", 20).says("FAIL", 3);
    gate("{bound: -0.02, rule: ci_lower}", 300).says("PASS", 0);
    // A model against itself is no sample of anything.
    let text = "evaluation: {min_rows: 10, champion_improvement: {auc_roc_delta: {rule: non_inferiority, margin: 0.01}}}";
    dir.gate(text, &perfect(20, 0.0), Some(&perfect(20, 0.0)), &[])
        .says("PASS", 0);
}

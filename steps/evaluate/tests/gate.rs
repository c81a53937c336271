//! `evaluate gate` on files of predictions, through the binary: what passes, what fails, and in which words.

mod common;

use common::{Dir, LoadReport, Row, SEED, rows};

const FLOOR: &str = "evaluation: {minimum_thresholds: {auc_roc: 0.87}}";
const DELTA: &str = "evaluation: {champion_improvement: {auc_roc_delta: 0.005}}";

#[test]
fn the_seed_form_loads_as_it_stands() {
    let dir = Dir::new();
    dir.file("load.json", LoadReport::default().json());
    let evidence = [
        "--load-report",
        "load.json",
        "--model",
        "m",
        "--sensitive-columns",
        "region",
    ];
    let ran = dir.gate(SEED, &rows(1500, 4.0), Some(&rows(1500, 2.0)), &evidence);
    ran.says("PASS", 0)
        .outcome("threshold:auc_roc", "pass", &["is at least 0.87", "1,500 rows"])
        .outcome("threshold:f1_score", "pass", &[])
        .outcome("champion:auc_roc", "pass", &["against the champion's", "DeLong"])
        .outcome("latency:p95_ms", "pass", &["12 is at most 50 ms"])
        .outcome(
            "fairness:demographic_parity_difference:region",
            "pass",
            &["north", "0.1"],
        )
        .outcome("fairness:tpr_gap:region", "pass", &[]);
    assert_eq!(ran.report["bindings"]["scored_by"], "file");
    assert_eq!(ran.check("champion:auc_roc")["target"]["metric"], "auc_roc");
    assert!(
        ran.check("champion:auc_roc")["details"]["minimum_detectable_effect"]
            .as_f64()
            .unwrap()
            > 0.0
    );
    for form in ["report.md", "report.html", "report.xml", "statement.json"] {
        assert!(dir.path().join(form).is_file(), "{form}");
    }
    assert_eq!(
        std::fs::read_to_string(dir.path().join("verdict"))
            .unwrap()
            .trim(),
        "PASS"
    );
}

#[test]
fn a_gate_without_evidence_names_the_flag_to_add() {
    let dir = Dir::new();
    let (ours, theirs) = (rows(300, 3.0), rows(300, 2.0));
    dir.gate(SEED, &ours, None, &[])
        .refuses(2, &["--champion-predictions", "first_model"]);
    dir.gate(SEED, &ours, Some(&theirs), &[])
        .refuses(2, &["--load-report", "--endpoint"]);
    dir.file("load.json", LoadReport::default().json());
    let load = ["--load-report", "load.json"];
    dir.gate(SEED, &ours, Some(&theirs), &load)
        .refuses(2, &["--load-report", "--model NAME"]);
    dir.gate(
        SEED,
        &ours,
        Some(&theirs),
        &[&load[..], &["--model", "m"]].concat(),
    )
    .refuses(2, &["--sensitive-columns"]);
    dir.run(&["gate", "--gates", "gates.yaml"])
        .refuses(2, &["--predictions", "--endpoint"]);
    let floors = "evaluation: {slices: {minimum_thresholds: {recall: 0.5}}}";
    dir.gate(floors, &ours, None, &[])
        .refuses(2, &["--slice-columns"]);
    dir.file(
        "b.yaml",
        "behaviour: [{name: n, type: mft, label: 1, change: [{column: x, set: 1}]}]",
    );
    dir.gate(FLOOR, &ours, None, &["--behaviour", "b.yaml"])
        .refuses(2, &["--endpoint"]);
}

#[test]
fn a_gates_file_that_cannot_decide_is_refused_with_its_place() {
    let dir = Dir::new();
    let ours = rows(120, 3.0);
    let refused = |gates: &str, words: &[&str]| {
        dir.gate(gates, &ours, None, &[]).refuses(2, words);
    };
    refused(
        "evaluation:\n  minimum_treshold: {auc_roc: 1}\n",
        &["gates.yaml:2:3", "minimum_treshold", "minimum_thresholds"],
    );
    refused(
        "evaluation:\n  minimum_thresholds:\n    auc_rco: 0.8\n",
        &["gates.yaml:3:5", "auc_rco", "did you mean `auc_roc`"],
    );
    refused(
        "evaluation:\n  minimum_thresholds:\n    auc_roc: .nan\n",
        &["gates.yaml:3:5", "auc_roc", "NaN"],
    );
    refused(
        "evaluation:\n  minimum_thresholds:\n    auc_roc: 87\n",
        &["87", "0 to 1"],
    );
    refused(
        "evaluation:\n  minimum_thresholds:\n    auc_roc: \"high\"\n",
        &["gates.yaml:3", "auc_roc", "high"],
    );
    refused(
        "evaluation:\n  minimum_thresholds:\n    log_loss: 0.4\n",
        &["maximum_thresholds"],
    );
    refused(
        "evaluation: {minimum_thresholds: {f1: 0.8, f1_score: 0.7}}",
        &["f1_score", "keep one"],
    );
    refused("evaluation: {}", &["holds no gate"]);
    refused(
        "evaluation: {fairness: {enabled: false, max_disparity: 0.1}}",
        &["holds no gate"],
    );
    refused(
        "evaluation: {champion_improvement: {auc_roc: 0.1}}",
        &["auc_roc_delta"],
    );
    refused(
        "evaluation: {champion_improvement: {auc_roc_delta: {rule: non_inferiority}}}",
        &["margin"],
    );
    refused("evaluation: {latency: {p95_ms: -1}}", &["p95_ms", "-1"]);
    refused(
        "evaluation: {latency: {p99_ms: 9, requests: 200}}",
        &["latency.requests", "is 200, and p99_ms needs 299"],
    );
    refused(
        "evaluation: {champion_improvement: {auc_roc_delta: {bound: 0, rule: ci_lower, alpha: 0.01}}}",
        &["alpha", "evaluation.confidence"],
    );
    refused(
        "evaluation: {confidence: 0.999, bootstrap: {replicates: 2000}, minimum_thresholds: {auc_roc: 0.5}}",
        &["replicates", "20000 to 200000 are needed at confidence 0.999"],
    );
    refused(
        "evaluation: {bootstrap: {replicates: 10}, minimum_thresholds: {auc_roc: 0.5}}",
        &["2000"],
    );
    refused("", &["gates.yaml"]);
}

#[test]
fn aliases_of_mlflow_are_read() {
    let gates = "evaluation: {minimum_thresholds: {roc_auc: 0.8, recall_score: 0.5, accuracy_score: 0.5}, \
                 maximum_thresholds: {brier_score_loss: 0.2}}";
    let ran = Dir::new().gate(gates, &rows(600, 3.0), None, &[]);
    ran.says("PASS", 0)
        .outcome("threshold:recall", "pass", &[])
        .outcome("threshold:brier:max", "pass", &["at most"]);
}

#[test]
fn a_miss_fails_and_a_warning_does_not() {
    let dir = Dir::new();
    let weak = rows(600, 1.0);
    dir.gate(FLOOR, &weak, None, &[]).says("FAIL", 3).outcome(
        "threshold:auc_roc",
        "fail",
        &["is below 0.87"],
    );
    dir.gate(FLOOR, &weak, None, &["--on-reject", "report"])
        .says("FAIL", 0);
    let warning = "evaluation: {minimum_thresholds: {auc_roc: {bound: 0.87, severity: warn}}}";
    dir.gate(warning, &weak, None, &[]).says("WARN", 0).outcome(
        "threshold:auc_roc",
        "warn",
        &["is below 0.87"],
    );
}

#[test]
fn the_rule_ci_lower_asks_more_than_the_point() {
    let dir = Dir::new();
    let ours = rows(150, 2.2);
    let auc = dir.gate(
        "evaluation: {minimum_thresholds: {auc_roc: 0.5}}",
        &ours,
        None,
        &[],
    );
    let value = auc.check("threshold:auc_roc")["observed"].as_f64().unwrap();
    let gate = |rule: &str| {
        let bound = value - 0.001;
        let text =
            format!("evaluation: {{minimum_thresholds: {{auc_roc: {{bound: {bound}, rule: {rule}}}}}}}");
        dir.gate(&text, &ours, None, &[])
    };
    gate("point").says("PASS", 0);
    gate("ci_lower")
        .says("FAIL", 3)
        .outcome("threshold:auc_roc", "fail", &["the lower end of auc_roc"]);
}

/// At any level ten replicates or more lie beyond either end: of 2,000 a level of 0.999 leaves one.
#[test]
fn the_level_that_is_asked_for_is_drawn_for_and_printed() {
    let dir = Dir::new();
    let ours = rows(120, 2.2);
    let at = |level: f64| {
        let gates = format!(
            "evaluation: {{confidence: {level}, minimum_thresholds: {{f1_score: 0.1, recall: 0.1}}}}"
        );
        let ran = dir.gate(&gates, &ours, None, &[]);
        ran.says("PASS", 0);
        ran
    };
    let width = |ran: &common::Ran, id: &str| {
        let interval = &ran.check(id)["interval"];
        interval["upper"].as_f64().unwrap_or(0.0) - interval["lower"].as_f64().unwrap_or(0.0)
    };
    let (usual, strict) = (at(0.95), at(0.999));
    for (ran, level, replicates) in [(&usual, 0.95, 2000), (&strict, 0.999, 20_000)] {
        let check = ran.check("threshold:f1_score");
        assert_eq!(check["interval"]["level"], level);
        assert_eq!(
            check["interval"]["method"],
            format!("bootstrap percentile, {replicates} replicates")
        );
    }
    for id in ["threshold:f1_score", "threshold:recall"] {
        assert!(width(&strict, id) > 1.4 * width(&usual, id), "{id}");
    }
}

#[test]
fn a_strictly_worse_model_passes_no_delta() {
    let dir = Dir::new();
    let (worse, better) = (rows(800, 1.5), rows(800, 3.0));
    for bound in [
        "0.005",
        "0",
        "{rule: superiority}",
        "{bound: 0, rule: ci_lower}",
        "{rule: non_inferiority, margin: 0.01}",
    ] {
        let gates = format!(
            "evaluation: {{champion_improvement: {{auc_roc_delta: {bound}, accuracy_delta: {bound}, log_loss_delta: {bound}}}}}"
        );
        let ran = dir.gate(&gates, &worse, Some(&better), &[]);
        ran.says("FAIL", 3);
        for metric in ["auc_roc", "accuracy", "log_loss"] {
            ran.outcome(&format!("champion:{metric}"), "fail", &[]);
        }
    }
    dir.gate(DELTA, &better, Some(&worse), &[]).says("PASS", 0);
}

#[test]
fn a_model_against_itself_is_never_significant() {
    let dir = Dir::new();
    let model = rows(900, 2.0);
    let gates = "evaluation: {champion_improvement: {auc_roc_delta: {rule: non_inferiority, margin: 0.01}, \
                 f1_score_delta: 0, accuracy_delta: 0}}";
    let ran = dir.gate(gates, &model, Some(&model), &["--slice-columns", "region"]);
    ran.says("PASS", 0);
    for metric in ["auc_roc", "f1_score", "accuracy"] {
        for region in ["north", "south", "west"] {
            let check = ran.check(&format!("champion:{metric}:region={region}"));
            assert_eq!(
                (check["outcome"].as_str(), check["p_adjusted"].as_f64()),
                (Some("pass"), Some(1.0)),
                "{check}"
            );
        }
    }
    dir.gate(DELTA, &model, Some(&model), &[])
        .says("FAIL", 3)
        .outcome("champion:auc_roc", "fail", &["improvement 0 is below 0.005"]);
    dir.gate(
        "evaluation: {champion_improvement: {auc_roc_delta: {rule: superiority}}}",
        &model,
        Some(&model),
        &[],
    )
    .says("FAIL", 3);
}

#[test]
fn a_slice_that_gets_worse_fails_though_all_rows_get_better() {
    let dir = Dir::new();
    let (champion, better, broken) = (rows(3000, 2.0), rows(3000, 4.0), rows(3000, 0.5));
    let mixed: Vec<Row> = better
        .iter()
        .zip(&broken)
        .map(|(good, bad)| {
            if good.group == "west" {
                bad.clone()
            } else {
                good.clone()
            }
        })
        .collect();
    let gates = "evaluation: {champion_improvement: {auc_roc_delta: -0.5}}";
    let ran = dir.gate(gates, &mixed, Some(&champion), &["--slice-columns", "region"]);
    ran.says("FAIL", 3)
        .outcome("champion:auc_roc", "pass", &[])
        .outcome("champion:auc_roc:region=west", "fail", &["significantly worse"])
        .outcome(
            "champion:auc_roc:region=north",
            "pass",
            &["not significantly worse"],
        );
    assert_eq!(
        ran.check("champion:auc_roc:region=west")["target"]["slice"],
        "region=west"
    );
    // Where the gate only warns, so do its slices.
    let gates = "evaluation: {champion_improvement: {auc_roc_delta: {bound: -0.5, severity: warn}}}";
    let ran = dir.gate(gates, &mixed, Some(&champion), &["--slice-columns", "region"]);
    ran.says("WARN", 0)
        .outcome("champion:auc_roc:region=west", "warn", &["significantly worse"]);
}

#[test]
fn a_small_slice_warns_and_few_rows_fail() {
    let dir = Dir::new();
    let mut ours = rows(600, 4.0);
    for row in ours.iter_mut().take(9) {
        row.group = "islands";
    }
    let theirs: Vec<Row> = ours
        .iter()
        .zip(rows(600, 2.0))
        .map(|(row, old)| Row {
            score: old.score,
            ..row.clone()
        })
        .collect();
    let ran = dir.gate(DELTA, &ours, Some(&theirs), &["--slice-columns", "region"]);
    ran.says("WARN", 0).outcome(
        "champion:auc_roc:region=islands",
        "insufficient",
        &["9 rows", "100 rows"],
    );
    dir.gate(FLOOR, &rows(40, 4.0), None, &[])
        .says("FAIL", 3)
        .outcome("rows:all", "insufficient", &["40 rows", "100 rows"])
        .outcome("threshold:auc_roc", "insufficient", &["too few rows"]);
    dir.gate(FLOOR, &[], None, &[])
        .says("FAIL", 3)
        .outcome("rows:all", "insufficient", &["0 rows"]);
}

#[test]
fn one_class_is_named_and_never_a_pass() {
    let mut ours = rows(300, 3.0);
    ours.iter_mut().for_each(|row| row.label = 0);
    let ran = Dir::new().gate(
        "evaluation: {minimum_thresholds: {auc_roc: 0.5, accuracy: 0.1}}",
        &ours,
        None,
        &[],
    );
    ran.says("FAIL", 3)
        .outcome("threshold:auc_roc", "insufficient", &["every label is 0"])
        .outcome("threshold:accuracy", "insufficient", &["too few rows"]);
    assert!(ran.check("threshold:auc_roc")["observed"].is_null());
}

#[test]
fn a_score_that_is_missing_fails_by_name() {
    let dir = Dir::new();
    let ours = rows(400, 4.0);
    for (odd, what) in [("NaN", "NaN"), ("", "null"), ("inf", "infinite")] {
        let mut broken = ours.clone();
        odd.clone_into(&mut broken[7].score);
        let ran = dir.gate(FLOOR, &broken, None, &[]);
        ran.says("FAIL", 3)
            .outcome(
                "scores:challenger",
                "fail",
                &["1 score of the challenger", "id r00007"],
            )
            .outcome("threshold:auc_roc", "error", &["scores are missing"]);
        assert_eq!(ran.check("scores:challenger")["samples"][0]["value"], what);
        let ran = dir.gate(DELTA, &ours, Some(&broken), &[]);
        ran.says("FAIL", 3)
            .outcome("scores:champion", "fail", &["id r00007"])
            .outcome(
                "champion:auc_roc",
                "error",
                &["scores of the champion are missing"],
            );
    }
}

#[test]
fn an_id_without_partner_names_ids_and_counts() {
    let dir = Dir::new();
    let ours = rows(300, 3.0);
    dir.gate(DELTA, &ours, Some(&ours[..298]), &[])
        .refuses(2, &["2 ids", "`r00298`, `r00299`", "300 and 298 rows"]);
    dir.gate(DELTA, &ours[..298], Some(&ours), &[])
        .refuses(2, &["2 ids", "`r00298`"]);
    let mut twice = ours.clone();
    twice[5].id = "r00006".to_owned();
    dir.gate(DELTA, &twice, Some(&ours), &[])
        .refuses(2, &["`r00006`", "more than once"]);
    dir.gate(DELTA, &ours, Some(&ours), &["--id-column", "row_id"])
        .refuses(2, &["row_id", "`id`, `label`"]);
}

#[test]
fn labels_that_contradict_each_other_are_refused() {
    let ours = rows(300, 3.0);
    let mut theirs = ours.clone();
    theirs[4].label = 1 - theirs[4].label;
    Dir::new()
        .gate(DELTA, &ours, Some(&theirs), &[])
        .refuses(2, &["labels of 1 id differ", "r00004"]);
}

#[test]
fn flags_that_mean_nothing_are_said_to() {
    let dir = Dir::new();
    let ours = rows(300, 4.0);
    dir.gate(FLOOR, &ours, None, &["--github-repository", "delays"])
        .refuses(2, &["--github-repository is `delays`", "OWNER/NAME"]);
    dir.gate(FLOOR, &ours, None, &["--run", "preds.csv"])
        .refuses(2, &["preds.csv", "this is no JSON"]);
    let ran = dir.gate(FLOOR, &ours, None, &["--load-report", "load.json"]);
    ran.says("PASS", 0);
    let notes = ran.report["notes"].to_string();
    assert!(notes.contains("load.json was not read"), "{notes}");
}

#[test]
fn files_that_are_no_predictions_are_named() {
    let dir = Dir::new();
    dir.file("gates.yaml", FLOOR);
    let run = |name: &str| dir.run(&["gate", "--gates", "gates.yaml", "--predictions", name]);
    dir.file("empty.parquet", "");
    run("empty.parquet").refuses(2, &["empty.parquet", "empty"]);
    dir.file("cut.parquet", b"PAR1\x15\x04\x15");
    run("cut.parquet").refuses(2, &["cut.parquet"]);
    dir.file("header.csv", "id,label,scores\n1,0,0.5\n");
    run("header.csv").refuses(2, &["header.csv", "`score`", "`scores`"]);
    dir.file("text.csv", "id,label,score\n1,0,high\n2,1,low\n");
    run("text.csv").refuses(2, &["text.csv", "score", "text"]);
    dir.file("odd.csv", "id,label,score\n1,0,0.5\n2,2,0.5\n");
    run("odd.csv").refuses(2, &["label", "id 2", "`2`", "--positive-label"]);
    dir.file("null.csv", "id,label,score\n1,0,0.5\n2,,0.5\n");
    run("null.csv").refuses(2, &["id 2", "null"]);
    run("nothing.csv").refuses(2, &["nothing.csv"]);
    dir.run(&["gate", "--gates", "none.yaml", "--predictions", "x.csv"])
        .refuses(2, &["none.yaml"]);
}

#[test]
fn the_order_of_the_rows_decides_nothing() {
    let dir = Dir::new();
    let (ours, theirs) = (rows(500, 2.6), rows(500, 2.0));
    let gates = "evaluation: {minimum_thresholds: {f1_score: {bound: 0.7, rule: ci_lower}}, \
                 champion_improvement: {auc_roc_delta: 0.001, f1_score_delta: -0.5}}";
    let turned = |rows: &[Row]| {
        let mut rows = rows.to_vec();
        rows.reverse();
        rows.rotate_left(77);
        rows
    };
    let slices = ["--slice-columns", "region"];
    let one = dir.gate(gates, &ours, Some(&theirs), &slices);
    let two = dir.gate(gates, &turned(&ours), Some(&theirs), &slices);
    assert_eq!(one.report["checks"], two.report["checks"]);
    assert_eq!(one.report["sections"], two.report["sections"]);
}

#[test]
fn the_first_model_needs_a_policy() {
    let dir = Dir::new();
    let ours = rows(400, 4.0);
    let gates = |policy: &str| {
        format!(
            "evaluation: {{minimum_thresholds: {{auc_roc: 0.8}}, champion_improvement: {{auc_roc_delta: 0.005}}, champion: {{first_model: {policy}}}}}"
        )
    };
    let ran = dir.gate(&gates("pass_thresholds"), &ours, None, &[]);
    ran.says("PASS", 0)
        .outcome("champion:auc_roc", "skipped", &["first model"]);
    assert_eq!(ran.report["bindings"]["champion"], "none");
    dir.gate(&gates("refuse"), &ours, None, &[])
        .says("FAIL", 3)
        .outcome("champion:auc_roc", "fail", &["refuse"]);
}

/// Rows and scores are the ground of gates: on them alone anything would pass.
#[test]
fn where_no_gate_is_judged_nothing_passes() {
    let dir = Dir::new();
    let ours = rows(400, 4.0);
    let only_deltas = "evaluation: {champion_improvement: {auc_roc_delta: 0.005}, champion: {first_model: pass_thresholds}}";
    let ran = dir.gate(only_deltas, &ours, None, &[]);
    ran.says("FAIL", 3)
        .outcome("champion:auc_roc", "skipped", &["first model"])
        .outcome("rows:all", "pass", &[]);
    assert!(
        ran.report["reason"]
            .as_str()
            .is_some_and(|why| why.starts_with("no gate was judged")),
        "{}",
        ran.report["reason"]
    );
    let floors =
        "evaluation: {slices: {columns: [region], min_rows: 1000, minimum_thresholds: {recall: 0.5}}}";
    let ran = dir.gate(floors, &ours, None, &[]);
    ran.says("FAIL", 3)
        .outcome("threshold:recall:region=west", "insufficient", &["too small"]);
}

#[test]
fn groups_that_differ_fail_and_small_ones_are_named() {
    let dir = Dir::new();
    let mut ours = rows(900, 3.0);
    for row in ours.iter_mut().filter(|row| row.group == "west") {
        let score: f64 = row.score.parse().unwrap();
        row.score = (score * 0.4).to_string();
    }
    for row in ours.iter_mut().take(12) {
        row.group = "islands";
    }
    let gates = "evaluation: {fairness: {max_disparity: 0.1, columns: [region], metrics: [demographic_parity, tpr_gap, fpr_gap]}}";
    let ran = dir.gate(gates, &ours, None, &[]);
    ran.says("FAIL", 3)
        .outcome("fairness:tpr_gap:region", "fail", &["is above 0.1", "west"])
        .outcome(
            "fairness:demographic_parity_difference:region=islands",
            "insufficient",
            &["12 rows", "50"],
        );
    let one_group: Vec<Row> = ours
        .iter()
        .map(|row| Row {
            group: "north",
            ..row.clone()
        })
        .collect();
    dir.gate(gates, &one_group, None, &[]).says("FAIL", 3).outcome(
        "fairness:tpr_gap:region",
        "insufficient",
        &["needs two groups"],
    );
}

//! Between the parts that a model is trained and judged on: figures are those of pandas (`data/make_checks.py`).

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    dead_code,
    reason = "helpers of tests"
)]

mod run;

use run::{Ran, file};
use serde_json::{Value, json};

/// Runs two tables against the rules of one split.
fn check(train: &str, test: &str, rules: &Value, more: &[&str]) -> Ran {
    let dir = tempfile::tempdir().unwrap();
    let suite = json!({"splits": rules}).to_string();
    let suite = format!("--suite={}", file(&dir, "suite.yaml", suite));
    let (train, test) = (format!("--data=train={train}"), format!("--data=test={test}"));
    run::run(&[&["check", &train, &test, &suite], more].concat())
}

fn check_csv(train: &str, test: &str, mut rules: Value) -> Ran {
    let dir = tempfile::tempdir().unwrap();
    rules["train"] = json!("train");
    rules["test"] = json!("test");
    check(
        &file(&dir, "a.csv", train),
        &file(&dir, "b.csv", test),
        &rules,
        &[],
    )
}

#[track_caller]
fn ended(ran: &Ran, id: &str, outcome: &str, part: &str) -> Value {
    let found = ran.check(id);
    assert_eq!(found["outcome"], outcome, "{found}");
    assert!(found["why"].as_str().unwrap().contains(part), "`{part}`: {found}");
    found
}

#[test]
fn what_two_days_have_in_common_is_what_pandas_says() {
    let expected: Value = serde_json::from_str(include_str!("data/between.json")).unwrap();
    let rules = json!({
        "train": "train", "test": "test", "key": ["flight_id"], "max_same_rows_fraction": 0,
        "group": ["tailnum"], "max_group_overlap_fraction": 1,
        "new_categories": ["dest", "tailnum", "carrier"], "max_new_category_fraction": 1,
        "label": "origin", "size_ratio": {"min": 0.1},
    });
    for threads in ["--threads=1", "--threads=3"] {
        let ran = check("data/parts", "data/validation.parquet", &rules, &[threads]);
        assert_eq!((ran.exit, ran.stdout.trim()), (Some(0), "PASS"), "{}", ran.stderr);
        let share = |found: &Value, wanted: &Value| {
            assert_eq!(found["details"]["rows"], wanted["rows"], "{found}");
            assert_eq!(found["n"], wanted["of"], "{found}");
        };
        let group = ran.check("group_overlap:train ~ test.tailnum");
        share(&group, &expected["group"]);
        assert_eq!(group["details"]["keys"], expected["group"]["keys"]);
        for column in ["dest", "tailnum", "carrier"] {
            share(
                &ran.check(&format!("new_category:train ~ test.{column}")),
                &expected["new"][column],
            );
        }
        let label = ran.check("label_shift:train ~ test.origin");
        assert_eq!(label["details"]["value"], expected["label"]["value"]);
        let close = |found: &Value, wanted: &Value| {
            (found.as_f64().unwrap() - wanted.as_f64().unwrap()).abs() < 1e-12
        };
        assert!(close(&label["observed"], &expected["label"]["shift"]), "{label}");
        assert!(close(
            &ran.check("size_ratio:train ~ test")["observed"],
            &expected["ratio"]
        ));
        assert_eq!(ran.check("same_rows:train ~ test")["observed"], 0.0);
    }
}

#[test]
fn leaks_of_every_kind_are_found_and_shown() {
    let train = "id,who,y,x\n1,ann,0,a\n2,bob,0,b\n3,cy,1,a\n4,cy,1,b\n";
    let test = "id,who,y,x\n9,ann,1,c\n3,cy,1,a\n8,dee,1,a\n";
    let rules = json!({
        "key": ["id"], "max_overlap_fraction": 1, "max_same_rows_fraction": 0.2, "group": ["who"],
        "new_categories": ["x"], "label": "y", "max_label_shift": 0.4, "size_ratio": {"max": 0.5},
    });
    let ran = check_csv(train, test, rules);
    assert_eq!(ran.exit, Some(3));
    ended(
        &ran,
        "same_rows:train ~ test",
        "fail",
        "1 of 3 rows of `test` are equal to a row of `train`",
    );
    let group = ended(
        &ran,
        "group_overlap:train ~ test.who",
        "fail",
        "2 of 3 rows of `test` are about a `who` of `train`",
    );
    assert_eq!(group["details"]["keys"], 2);
    let new = ended(&ran, "new_category:train ~ test.x", "fail", "(for example `c`)");
    assert_eq!(new["samples"][0]["detail"], "line 2");
    ended(
        &ran,
        "label_shift:train ~ test.y",
        "fail",
        "in 50% of `train` and in",
    );
    ended(
        &ran,
        "size_ratio:train ~ test",
        "fail",
        "`test` has 3 rows and `train` 4: 0.75 for each; must be at most 0.5",
    );
}

#[test]
fn what_cannot_be_compared_is_no_pass() {
    let rules = json!({"group": ["gone"], "new_categories": ["x"], "label": "y"});
    let ran = check_csv("x,y\n1,\n", "x,y\na,1\n", rules);
    ended(
        &ran,
        "group_overlap:train ~ test.gone",
        "fail",
        "no column `gone`",
    );
    ended(
        &ran,
        "new_category:train ~ test.x",
        "fail",
        "no value of one equals a value of the other",
    );
    assert_eq!(ran.check("label_shift:train ~ test.y")["outcome"], "fail");
    let ran = check_csv("x\n1\n", "x\n3\n", json!({"max_label_shift": 0.1}));
    assert_eq!(ran.exit, Some(2));
    assert!(ran.stderr.contains("needs `label`"), "{}", ran.stderr);
    let ran = check_csv("x\n1\n", "x\n3\n", json!({"max_group_overlap_fraction": 1.5}));
    assert!(ran.stderr.contains("1.5 is no share"), "{}", ran.stderr);
}

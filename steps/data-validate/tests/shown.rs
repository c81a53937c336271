//! What a run shows of the data, and which rules it leaves out, only where it was told to.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    dead_code,
    reason = "helpers of tests"
)]

mod run;

use run::{Ran, file};
use serde_json::json;

/// A word that only the data have.
const SECRET: &str = "s3cr3t";

/// One bad value for every kind of rule that shows examples.
fn check(more: &[&str]) -> Ran {
    let dir = tempfile::tempdir().unwrap();
    let csv = |ids: &[&str]| {
        let rows: String = ids.iter().map(|id| format!("{id},{SECRET}-group,1\n")).collect();
        format!("id,who,n\n{rows}")
    };
    let (a, b) = (format!("{SECRET}-1"), format!("{SECRET}-2"));
    let train = file(&dir, "train.csv", csv(&[&a, &a, &b]));
    let test = file(&dir, "test.csv", csv(&[&a, "c"]));
    let known = file(&dir, "known.csv", "id\nc\n");
    let suite = json!({
        "tables": {
            "train": {
                "unique": [{"columns": ["id"]}],
                "expressions": [{"name": "short", "expression": "length(id) < 3"}],
                "columns": {"id": {"regex": "^[a-z]$"}, "n": {"type": "int"}},
            },
            "known": {"role": "reference"},
        },
        "relationships": [{"from": "train.id", "to": "known.id"}],
        "splits": {"train": "train", "test": "test", "key": ["id"], "group": ["who"], "label": "who"},
    });
    let suite = format!("--suite={}", file(&dir, "suite.yaml", suite.to_string()));
    let data = [
        format!("--data=train={train}"),
        format!("--data=test={test}"),
        format!("--data=known={known}"),
    ];
    run::run(&[&["check", &suite, &data[0], &data[1], &data[2]], more].concat())
}

/// All that a run leaves behind, but for the paths of the data.
fn everything(ran: &Ran) -> String {
    let texts = run::WORDS
        .iter()
        .map(|name| std::fs::read_to_string(ran.path(name)).unwrap());
    texts.collect::<String>() + &ran.stderr + &ran.stdout
}

#[test]
fn examples_are_shown_hidden_or_left_out() {
    let plain = check(&[]);
    assert_eq!(plain.exit, Some(3));
    assert!(everything(&plain).contains(SECRET));
    let kinds = [
        "unique:train.id",
        "expression:train.short",
        "regex:train.id",
        "references:train.id -> known.id",
    ];
    for id in kinds
        .into_iter()
        .chain(["row_overlap:train ~ test", "group_overlap:train ~ test.who"])
    {
        let found = plain.check(id);
        assert!(found["samples"][0].to_string().contains(SECRET), "{found}");
        assert!(found["why"].as_str().unwrap().contains(SECRET), "{found}");
    }

    // Places without values, which an auditor can look up.
    let redacted = check(&["--redact-samples"]);
    assert!(!everything(&redacted).contains(SECRET));
    for id in kinds {
        let found = redacted.check(id);
        assert_eq!(found["observed"], plain.check(id)["observed"]);
        assert_eq!(found["samples"][0]["value"], "value 1 (withheld)", "{found}");
        assert_eq!(found["samples"][0]["row"], plain.check(id)["samples"][0]["row"]);
    }

    let silent = check(&["--no-samples"]);
    assert!(!everything(&silent).contains(SECRET));
    for id in kinds {
        let found = silent.check(id);
        assert_eq!(found["observed"], plain.check(id)["observed"]);
        assert!(found.get("samples").is_none(), "{found}");
    }
}

#[test]
fn as_many_examples_are_shown_as_are_asked_for() {
    let dir = tempfile::tempdir().unwrap();
    let rows: String = (0..40).map(|row| format!("x{:02}\n", row % 20)).collect();
    let data = format!("--data=t={}", file(&dir, "t.csv", format!("v\n{rows}")));
    let suite = r#"{"tables": {"t": {"columns": {"v": {"regex": "^y"}}}}}"#;
    let suite = format!("--suite={}", file(&dir, "suite.yaml", suite));
    for (count, shown) in [("0", 0), ("3", 3), ("30", 20)] {
        let ran = run::run(&["check", &data, &suite, &format!("--samples={count}")]);
        let found = ran.check("regex:t.v");
        assert_eq!(found["observed"], 40);
        let samples = found["samples"].as_array().cloned().unwrap_or_default();
        assert_eq!(samples.len(), shown, "{found}");
        if let Some(first) = samples.first() {
            assert_eq!(
                (&first["value"], &first["count"], &first["row"]),
                (&json!("x00"), &json!(2), &json!(0))
            );
        }
    }
}

#[test]
fn rules_of_another_environment_are_left_out_and_listed() {
    let dir = tempfile::tempdir().unwrap();
    let data = format!("--data=t={}", file(&dir, "t.csv", "x\n1\n"));
    let suite = json!({"tables": {"t": {
        "columns": {"x": {"type": "int"}, "label": {"environments": ["TRAIN"], "type": "int"}},
        "expressions": [{"expression": "x > 1", "environments": ["TRAIN", "TEST"]}],
    }}});
    let suite = format!("--suite={}", file(&dir, "suite.yaml", suite.to_string()));
    let run = |environment: &[&str]| run::run(&[&["check", &data, &suite], environment].concat());
    let ran = run(&[]);
    assert_eq!(ran.stdout.trim(), "FAIL");
    assert_eq!(ran.check("column:t.label")["outcome"], "fail");
    assert_eq!(ran.check("expression:t.x > 1")["outcome"], "fail");
    let ran = run(&["--environment=TEST"]);
    assert_eq!(ran.check("expression:t.x > 1")["outcome"], "fail");
    let left_out = ran.check("environment:tables.t.columns.label");
    assert_eq!(left_out["outcome"], "skipped");
    assert_eq!(left_out["why"], "it is for TRAIN, and this is TEST");
    // A name that the suite does not know would take out everything.
    let ran = run(&["--environment=SERVE"]);
    assert_eq!(ran.exit, Some(2));
    assert!(ran.stderr.contains("it names TEST, TRAIN"), "{}", ran.stderr);
    // So would one under which nothing is left.
    let only =
        json!({"tables": {"t": {"columns": {"x": {"environments": ["A"]}}}, "u": {"environments": ["B"]}}});
    let only = format!("--suite={}", file(&dir, "only.yaml", only.to_string()));
    let ran = run::run(&["check", &data, &only, "--environment=B"]);
    assert_eq!(ran.exit, Some(2));
    assert!(
        ran.stderr.contains("the suite has no check at all"),
        "{}",
        ran.stderr
    );
}

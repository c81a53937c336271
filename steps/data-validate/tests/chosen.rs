//! Which rows the rules are asked of: `where`, and a sample.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    dead_code,
    reason = "helpers of tests"
)]

mod run;

use run::{check_csv, file};
use serde_json::{Value, json};

const TRIPS: &str = "id,status,fare\n1,done,10\n1,open,-5\n2,done,20\n3,,-7\n4,done,30\n";

#[test]
fn rules_are_about_the_rows_that_where_is_true_for() {
    let rules = json!({
        "where": "status = 'done'",
        "row_count": {"min": 3, "max": 3},
        "unique": [{"columns": ["id"]}],
        "columns": {"fare": {"range": {"min": 0}, "mean": {"min": 20, "max": 20}, "median": {"min": 20, "max": 20}}},
    });
    let ran = check_csv(TRIPS, &rules, &[]);
    assert_eq!(ran.stdout.trim(), "PASS", "{}", ran.report()["reason"]);
    let filter = ran.check("where:t");
    assert_eq!(filter["observed"], 3);
    assert_eq!(filter["details"]["aside"], 2);
    // Of the two, one has no status: for that row nobody knows.
    assert_eq!(filter["details"]["unknown"], 1);
    // The record is of the whole file, for that is what is trained on.
    assert_eq!(ran.report()["inputs"][0]["rows"], 5);
}

#[test]
fn the_same_rules_without_where_miss() {
    let rules = json!({"unique": [{"columns": ["id"]}], "columns": {"fare": {"range": {"min": 0}}}});
    let ran = check_csv(TRIPS, &rules, &[]);
    assert_eq!(ran.check("range:t.fare")["outcome"], "fail");
    assert_eq!(ran.check("unique:t.id")["outcome"], "fail");
}

#[test]
fn a_filter_that_leaves_no_row_or_cannot_be_asked_is_no_pass() {
    let ran = check_csv(
        TRIPS,
        &json!({"where": "fare > 1000", "row_count": {"min": 0}}),
        &[],
    );
    assert_eq!((ran.stdout.trim(), ran.exit), ("FAIL", Some(3)));
    assert!(
        ran.check("where:t")["why"]
            .as_str()
            .unwrap()
            .contains("is true for 0 of 5 rows")
    );
    let ran = check_csv(
        TRIPS,
        &json!({"where": "statsu = 'done'", "row_count": {"min": 1}}),
        &[],
    );
    assert_eq!((ran.stdout.trim(), ran.exit), ("FAIL", Some(3)));
    let why = ran.check("where:t")["why"].as_str().unwrap().to_owned();
    assert!(
        why.contains("no column `statsu` (did you mean `status`?)"),
        "{why}"
    );
    let ran = check_csv(TRIPS, &json!({"where": "status >"}), &[]);
    assert_eq!(ran.exit, Some(2));
    assert!(ran.stderr.contains("tables.t.where"), "{}", ran.stderr);
}

#[test]
fn a_cell_of_the_filter_that_cannot_be_read_is_told() {
    let csv = "fare,n\n1,1\n2,2\nx,3\n4,4\n";
    let rules =
        json!({"where": "fare > 1", "columns": {"fare": {"type": "int"}, "n": {"range": {"min": 2}}}});
    let ran = check_csv(csv, &rules, &[]);
    assert_eq!(ran.stdout.trim(), "FAIL");
    let why = ran.report()["reason"].to_string();
    assert!(why.contains("fare") && why.contains("`x`"), "{why}");
}

#[test]
fn orphans_are_looked_for_among_the_rows_of_where() {
    let dir = tempfile::tempdir().unwrap();
    let trips = file(&dir, "t.csv", "to,ok\na,1\nz,0\n");
    let places = file(&dir, "p.csv", "code,open\na,1\nb,0\n");
    let run = |from: &str, to: &str| {
        let suite = json!({
            "tables": {"t": {"where": from}, "p": {"where": to}},
            "relationships": [{"from": "t.to", "to": "p.code"}],
        });
        let suite = format!("--suite={}", file(&dir, "suite.yaml", suite.to_string()));
        run::run(&[
            "check",
            &suite,
            &format!("--data=t={trips}"),
            &format!("--data=p={places}"),
        ])
        .stdout
    };
    assert_eq!(run("ok = 1", "open = 1").trim(), "PASS");
    assert_eq!(run("ok >= 0", "open = 1").trim(), "FAIL");
    // A place that is not open is not referred to.
    assert_eq!(run("ok = 1", "open = 0").trim(), "FAIL");
}

/// 40,000 rows: each id once, every tenth value bad.
fn many() -> String {
    let rows: String = (0..40_000)
        .map(|row| format!("{row},{}\n", if row % 10 == 0 { "bad" } else { "good" }))
        .collect();
    format!("id,word\n{rows}")
}

#[test]
fn a_sample_estimates_and_says_so() {
    let rules = json!({"row_count": {"min": 40000, "max": 40000}, "columns": {"word": {"in_set": {"values": ["good"], "mostly": 0.85}}}});
    let ran = check_csv(&many(), &rules, &["--sample-fraction=0.1"]);
    assert_eq!(ran.stdout.trim(), "PASS", "{}", ran.report()["reason"]);
    let seen = ran.check("in_set:t.word");
    let (n, share) = (seen["n"].as_f64().unwrap(), seen["observed"].as_f64().unwrap());
    // Five standard deviations of 40,000 draws at 0.1, and of the share among those drawn.
    assert!((n - 4000.0).abs() < 5.0 * 60.0, "{n}");
    assert!(
        (share - 0.9).abs() < 5.0 * (0.09 / n).sqrt() || (share - 0.1).abs() < 5.0 * (0.09 / n).sqrt(),
        "{share}"
    );
    let note = ran.report()["notes"].to_string();
    assert!(note.contains("SAMPLE: only 0.1 of the rows"), "{note}");
    // The same rows are drawn again, on one thread and on two.
    let again = check_csv(&many(), &rules, &["--sample-fraction=0.1", "--threads=1"]).check("in_set:t.word");
    assert_eq!((&again["n"], &again["observed"]), (&seen["n"], &seen["observed"]));
    assert_eq!(again["samples"][0]["row"], seen["samples"][0]["row"]);
}

#[test]
fn what_a_sample_cannot_decide_is_no_pass() {
    let unique = json!({"columns": {"id": {"unique": true}}});
    assert_eq!(check_csv(&many(), &unique, &[]).stdout.trim(), "PASS");
    let ran = check_csv(&many(), &unique, &["--sample-fraction=0.5"]);
    assert_eq!(ran.stdout.trim(), "FAIL");
    let seen = ran.check("unique:t.id");
    assert_eq!(seen["outcome"], "insufficient");
    assert!(
        seen["why"]
            .as_str()
            .unwrap()
            .starts_with("a sample of 0.5 of the rows cannot decide this")
    );
    // Two equal ids that are both drawn are two equal ids of the whole.
    let twice = format!("id\n{}", "7\n".repeat(1000));
    assert_eq!(
        check_csv(&twice, &unique, &["--sample-fraction=0.5"]).check("unique:t.id")["outcome"],
        "fail"
    );
}

#[test]
fn a_sample_carries_an_end_to_one_side() {
    let column = |rules: Value| json!({"columns": {"id": rules}});
    // The ids are 0 to 39,999: the largest of a tenth of them lies above 30,000, the smallest below 10,000.
    for (rules, outcome) in [
        (json!({"max": {"max": 30_000}}), "fail"),
        (json!({"max": {"max": 40_000}}), "insufficient"),
        (json!({"max": {"min": 30_000}}), "pass"),
        (json!({"max": {"min": 39_999.5}}), "insufficient"),
        (json!({"min": {"min": 10_000}}), "fail"),
        (json!({"min": {"min": 0}}), "insufficient"),
        (json!({"min": {"max": 10_000}}), "pass"),
        (json!({"min": {"max": -1}}), "insufficient"),
    ] {
        let id = format!("{}:t.id", rules.as_object().unwrap().keys().next().unwrap());
        let ran = check_csv(&many(), &column(rules.clone()), &["--sample-fraction=0.1"]);
        assert_eq!(ran.check(&id)["outcome"], outcome, "{rules}");
    }
}

#[test]
fn what_is_referred_to_is_never_a_sample() {
    let dir = tempfile::tempdir().unwrap();
    let parents: String = (0..2000).map(|id| format!("{id}\n")).collect();
    let data = [
        format!("--data=t={}", file(&dir, "t.csv", format!("to\n{parents}"))),
        format!("--data=p={}", file(&dir, "p.csv", format!("id\n{parents}"))),
    ];
    // Both are splits, and the one refers to the other.
    let suite = json!({
        "tables": {"t": {"columns": {"to": {}}}, "p": {"role": "split", "columns": {"id": {}}}},
        "relationships": [{"from": "t.to", "to": "p.id"}],
    });
    let suite = format!("--suite={}", file(&dir, "s.yaml", suite.to_string()));
    let ran = run::run(&["check", &suite, &data[0], &data[1], "--sample-fraction=0.5"]);
    let found = ran.check("references:t.to -> p.id");
    // No orphan was seen, and there may be some among the rows that were not drawn.
    assert_eq!(found["outcome"], "insufficient", "{found}");
    assert!(
        found["why"].as_str().unwrap().contains("are found in p.id"),
        "{found}"
    );
}

#[test]
fn a_sample_of_no_row_is_too_little_evidence() {
    let rules =
        json!({"row_count": {"min": 5}, "columns": {"fare": {"not_null": true, "range": {"min": -10}}}});
    let ran = check_csv(TRIPS, &rules, &["--sample-fraction=0.000001"]);
    assert_eq!(ran.stdout.trim(), "FAIL");
    for (id, outcome) in [
        ("row_count:t", "pass"),
        ("column:t.fare", "pass"),
        ("not_null:t.fare", "insufficient"),
        ("range:t.fare", "insufficient"),
    ] {
        assert_eq!(ran.check(id)["outcome"], outcome, "{id}");
    }
}

#[test]
fn a_share_that_is_none_is_refused() {
    for share in ["0", "1", "1.5", "-0.1", "NaN", "all"] {
        let ran = check_csv(
            TRIPS,
            &json!({"row_count": {"min": 1}}),
            &[&format!("--sample-fraction={share}")],
        );
        assert_eq!(ran.exit, Some(2), "{share}");
        assert!(ran.stderr.contains("is no share of rows"), "{}", ran.stderr);
    }
}

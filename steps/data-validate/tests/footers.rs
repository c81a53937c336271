//! What footers decide is decided before a row is read, where it is asked for.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    dead_code,
    reason = "helpers of tests"
)]

mod run;

use run::{Ran, file, here};
use serde_json::{Value, json};

fn check(data: &str, suite: &Value, more: &[&str]) -> Ran {
    let dir = tempfile::tempdir().unwrap();
    let suite = format!("--suite={}", file(&dir, "suite.yaml", suite.to_string()));
    let data = format!("--data=t={data}");
    run::run(&[&["check", &data, &suite], more].concat())
}

#[test]
fn footers_say_no_without_a_page_read() {
    // A file whose footer is whole, and whose pages are zeros.
    let mut bytes = std::fs::read(here().join("data/train.parquet")).unwrap();
    let end = bytes.len();
    let footer = u32::from_le_bytes(bytes[end - 8..end - 4].try_into().unwrap()) as usize;
    bytes[4..end - 8 - footer].fill(0);
    let dir = tempfile::tempdir().unwrap();
    let hollow = file(&dir, "hollow.parquet", &bytes);

    let rules = |columns: Value, rows: u64| json!({"tables": {"t": {"row_count": {"min": rows}, "columns": columns}}});
    for (suite, id, part) in [
        (
            rules(json!({"carrier": {"type": "int"}}), 1),
            "type:t.carrier",
            "but int is expected",
        ),
        (
            rules(json!({"carier": {}}), 1),
            "column:t.carier",
            "did you mean `carrier`?",
        ),
        (
            rules(json!({"dep_delay": {"physical_type": "float"}}), 1),
            "physical_type:t.dep_delay",
            "but float is expected",
        ),
        (
            rules(json!({"carrier": {}}), 1786),
            "row_count:t",
            "`t` has 1,785 rows",
        ),
    ] {
        let ran = check(&hollow, &suite, &["--fail-fast"]);
        assert_eq!((ran.exit, ran.stdout.trim()), (Some(3), "FAIL"), "{}", ran.stderr);
        let found = ran.check(id);
        assert_eq!(found["outcome"], "fail", "{found}");
        assert!(found["why"].as_str().unwrap().contains(part), "`{part}`: {found}");
        assert_eq!(ran.check("footers")["outcome"], "skipped");
        assert!(!ran.has("dataset.json"));
        let input = &ran.report()["inputs"][0];
        assert!(
            input.get("digest").is_none_or(Value::is_null),
            "no byte of it was judged: {input}"
        );
        assert_eq!(input["rows"], 1785);
        // Without the flag the pages are read, and do not decode.
        let ran = check(&hollow, &suite, &[]);
        assert_ne!(ran.exit, Some(0));
    }
}

#[test]
fn where_footers_decide_nothing_all_is_read() {
    let suite = json!({"tables": {"t": {
        "row_count": {"min": 1000}, "columns": {"carrier": {"type": "text", "in_set": ["AA"]}},
    }}});
    let report = |flags: &[&str]| {
        let ran = check("data/train.parquet", &suite, flags);
        assert_eq!(ran.exit, Some(3));
        ran.report()["checks"].clone()
    };
    assert_eq!(report(&["--fail-fast"]), report(&[]));
    // A text file has no footer: how many rows it has is known when it has been read.
    let dir = tempfile::tempdir().unwrap();
    let csv = file(&dir, "t.csv", "x\n1\n2\n");
    let suite =
        json!({"tables": {"t": {"row_count": {"min": 2, "max": 2}, "columns": {"x": {"type": "int"}}}}});
    assert_eq!(check(&csv, &suite, &["--fail-fast"]).stdout.trim(), "PASS");
    // Nor are the rows of a window those of the footer.
    let suite = json!({"tables": {"t": {"row_count": {"max": 1000}, "columns": {"time_hour": {}}}}});
    let window = [
        "--fail-fast",
        "--window=1d",
        "--as-of=2013-01-02",
        "--time-column=time_hour",
    ];
    let ran = check("data/train.parquet", &suite, &window);
    assert_eq!(ran.stdout.trim(), "PASS", "{}", ran.stderr);
}

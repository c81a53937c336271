//! Tables of odd shapes: each is named in the report, and none keeps the others from being judged.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    dead_code,
    reason = "helpers of tests"
)]

mod run;

use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, Int64Array, NullArray, RecordBatch, StringArray};
use parquet::arrow::ArrowWriter;
use run::{Ran, check, file};
use serde_json::{Value, json};

fn parquet<N: AsRef<str>>(columns: impl IntoIterator<Item = (N, ArrayRef)>) -> Vec<u8> {
    let rows = RecordBatch::try_from_iter_with_nullable(
        columns.into_iter().map(|(name, column)| (name, column, true)),
    );
    let rows = rows.unwrap();
    let mut writer = ArrowWriter::try_new(Vec::new(), rows.schema(), None).unwrap();
    writer.write(&rows).unwrap();
    writer.into_inner().unwrap()
}

fn numbers(values: impl IntoIterator<Item = Option<i64>>) -> ArrayRef {
    Arc::new(values.into_iter().collect::<Int64Array>())
}

#[track_caller]
fn outcome(ran: &Ran, id: &str) -> (String, String) {
    let found = ran.check(id);
    let text = |field: &str| found[field].as_str().unwrap_or_default().to_owned();
    (text("outcome"), text("why"))
}

#[test]
fn columns_without_values_are_named_and_the_others_are_judged() {
    let dir = tempfile::tempdir().unwrap();
    let data = parquet([
        ("good", numbers([Some(1), Some(2), Some(3)])),
        ("nulls", numbers([None, None, None])),
        ("untyped", Arc::new(NullArray::new(3)) as ArrayRef),
        ("empty", Arc::new(StringArray::from(vec!["", "", ""])) as ArrayRef),
        ("nan", Arc::new(Float64Array::from(vec![f64::NAN; 3])) as ArrayRef),
    ]);
    let data = file(&dir, "t.parquet", data);
    let figure = json!({"mean": {"min": 0}, "range": {"min": 0}});
    let columns = json!({
        "good": {"mean": {"min": 2, "max": 2}, "unique": true, "not_empty": true},
        "nulls": {"mean": {"min": 0}, "not_empty": true, "null_rate": {"max": 0.5}},
        "untyped": {"not_empty": true, "distinct_count": {"min": 1}},
        "empty": {"length": {"min": 1}, "not_null": true, "not_constant": true},
        "nan": figure,
    });
    let ran = check(&data, &json!({"tables": {"t": {"columns": columns}}}), &[]);
    assert_eq!((ran.exit, ran.stdout.trim()), (Some(3), "FAIL"), "{}", ran.stderr);
    for (id, expected, part) in [
        ("mean:t.good", "pass", ""),
        ("unique:t.good", "pass", ""),
        ("mean:t.nulls", "fail", "`nulls`"),
        ("not_empty:t.nulls", "fail", "`nulls`"),
        ("null_rate:t.nulls", "fail", "3 of 3"),
        ("not_empty:t.untyped", "fail", "`untyped`"),
        ("distinct_count:t.untyped", "fail", ""),
        ("length:t.empty", "fail", "3 of 3 values of `empty`"),
        ("not_null:t.empty", "pass", ""),
        ("not_constant:t.empty", "fail", "`empty`"),
        ("mean:t.nan", "fail", "`nan`"),
        ("range:t.nan", "fail", "`nan`"),
    ] {
        let (found, why) = outcome(&ran, id);
        assert_eq!(found, expected, "{id}: {why}");
        assert!(why.contains(part), "{id}: `{part}` in `{why}`");
    }
}

#[test]
fn one_row_and_no_row_are_tables() {
    let dir = tempfile::tempdir().unwrap();
    let columns = || {
        [
            ("x", numbers([Some(7)])),
            ("y", numbers([Some(8)])),
            ("word", Arc::new(StringArray::from(vec!["a"])) as ArrayRef),
        ]
    };
    let none = columns().map(|(name, column)| (name, column.slice(0, 0)));
    let rules = json!({
        "row_count": {"min": 1},
        "duplicate_rows": {"max": 0},
        "correlations": [{"columns": ["x", "y"], "min": 0}],
        "columns": {"x": {"type": "int", "range": {"min": 0}, "mean": {"min": 7}, "std": {"max": 1}, "median": {"min": 7}, "unique": true},
                    "word": {"regex": "^a$", "not_null": true}},
    });
    let suite = json!({"tables": {"t": rules}});
    let one_row = file(&dir, "one.parquet", parquet(columns()));
    let one_line = file(&dir, "one.csv", "x,y,word\n7,8,a\n");
    for data in [one_row, one_line] {
        let ran = check(&data, &suite, &[]);
        // One value has a mean, and no spread; a correlation takes two.
        for (id, expected) in [
            ("row_count:t", "pass"),
            ("duplicate_rows:t", "pass"),
            ("mean:t.x", "pass"),
            ("median:t.x", "pass"),
            ("unique:t.x", "pass"),
            ("std:t.x", "fail"),
            ("correlation:t.(x, y)", "fail"),
            ("regex:t.word", "pass"),
        ] {
            let (found, why) = outcome(&ran, id);
            assert_eq!(found, expected, "{data} {id}: {why}");
        }
    }
    let no_row = file(&dir, "none.parquet", parquet(none));
    let no_line = file(&dir, "none.csv", "x,y,word\n");
    for data in [no_row, no_line] {
        let ran = check(&data, &suite, &[]);
        assert_eq!(ran.stdout.trim(), "FAIL", "{}", ran.stderr);
        // Of nothing a rule about values is not met; nothing is null or repeats.
        for id in [
            "row_count:t",
            "mean:t.x",
            "median:t.x",
            "range:t.x",
            "regex:t.word",
            "unique:t.x",
        ] {
            let (found, why) = outcome(&ran, id);
            assert_eq!(found, "fail", "{data} {id}: {why}");
        }
    }
}

#[test]
fn ten_thousand_columns_are_a_table() {
    let dir = tempfile::tempdir().unwrap();
    let columns = (0..10_000).map(|column| {
        (
            format!("c{column:05}"),
            numbers((0..20).map(|row| Some(row * column))),
        )
    });
    let data = file(&dir, "wide.parquet", parquet(columns));
    // A rule on every hundredth, of which the last twenty fail.
    let rules: serde_json::Map<String, Value> = (0..100)
        .map(|number| {
            (
                format!("c{:05}", number * 100),
                json!({"range": {"max": 19 * 79 * 100}, "not_null": true}),
            )
        })
        .collect();
    let suite = json!({"tables": {"t": {"column_count": {"min": 10_000, "max": 10_000}, "columns": rules}}});
    for more in [&["--memory-limit=64Mi"][..], &[]] {
        let ran = check(&data, &suite, more);
        assert_eq!(ran.stdout.trim(), "FAIL", "{}", ran.stderr);
        let report = ran.report();
        let failed: Vec<&str> = report["checks"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|check| check["outcome"] == "fail")
            .filter_map(|check| check["id"].as_str())
            .collect();
        let expected: Vec<String> = (80..100)
            .map(|number| format!("range:t.c{:05}", number * 100))
            .collect();
        assert_eq!(failed, expected);
    }
}

#[test]
fn a_text_of_fifty_megabytes_is_a_value_and_no_report_holds_it() {
    let dir = tempfile::tempdir().unwrap();
    let long = "x".repeat(50 << 20);
    let words = StringArray::from(vec!["a", &long, "b"]);
    let as_parquet = file(
        &dir,
        "long.parquet",
        parquet([
            ("word", Arc::new(words) as ArrayRef),
            ("n", numbers([Some(1), Some(2), Some(3)])),
        ]),
    );
    let as_csv = file(&dir, "long.csv", format!("word,n\na,1\n{long},2\nb,3\n"));
    let as_lines = file(
        &dir,
        "long.jsonl",
        format!("{{\"word\":\"a\",\"n\":1}}\n{{\"word\":\"{long}\",\"n\":2}}\n{{\"word\":\"b\",\"n\":3}}\n"),
    );
    let suite = json!({"tables": {"t": {"columns": {
        "word": {"length": {"max": 10}, "regex": "^[abx]+$", "unique": true, "distinct_count": {"min": 3}}, "n": {"mean": {"min": 2, "max": 2}},
    }}}});
    for data in [as_parquet, as_csv, as_lines] {
        let ran = check(&data, &suite, &[]);
        assert_eq!(ran.stdout.trim(), "FAIL", "{}", ran.stderr);
        for (id, expected) in [
            ("length:t.word", "fail"),
            ("regex:t.word", "pass"),
            ("unique:t.word", "pass"),
            ("mean:t.n", "pass"),
        ] {
            assert_eq!(outcome(&ran, id).0, expected, "{data} {id}");
        }
        assert_eq!(ran.check("length:t.word")["observed"], 1, "{data}");
        for output in run::WORDS {
            let size = std::fs::metadata(ran.path(output)).unwrap().len();
            assert!(size < 1 << 20, "{data}: {output} has {size} bytes");
        }
        assert!(ran.stderr.len() < 1 << 16, "{data}");
    }
}

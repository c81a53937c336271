//! Tables of many files: partitions, globs, dialects, nested columns, files that differ.

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

/// Checks what lies in a folder.
fn check(dir: &tempfile::TempDir, data: &str, suite: &Value, more: &[&str]) -> Ran {
    run::check(&format!("{}/{data}", dir.path().display()), suite, more)
}

/// Two years of two months, one row a month; the month is the value.
fn partitioned() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for (year, month) in [
        ("2012", "11"),
        ("2012", "12"),
        ("2013", "01"),
        ("__HIVE_DEFAULT_PARTITION__", "02"),
    ] {
        let name = format!("trips/year={year}/month={month}/part.csv");
        file(&dir, &name, format!("id,value\n{year}{month},{month}\n"));
    }
    file(&dir, "trips/_SUCCESS", "");
    dir
}

#[test]
fn partitions_are_columns() {
    let dir = partitioned();
    let suite = json!({"tables": {"t": {
        "row_count": {"min": 4, "max": 4},
        "unique": [{"columns": ["year", "month"]}],
        "expressions": [{"expression": "month = value"}],
        "columns": {
            "year": {"type": "int", "null_count": {"max": 1}, "range": {"min": 2012, "max": 2013}},
            "month": {"type": "int", "not_null": true, "in_set": [1, 2, 11, 12]},
            "value": {"type": "int"},
        },
    }}});
    let ran = check(&dir, "trips", &suite, &[]);
    assert_eq!(
        ran.stdout.trim(),
        "PASS",
        "{} {}",
        ran.report()["reason"],
        ran.stderr
    );
    assert_eq!(check(&dir, "trips/*/*/*.csv", &suite, &[]).stdout.trim(), "PASS");
    // What stands in the location itself is a name, and no column.
    let ran = check(
        &dir,
        "trips/year=2013",
        &json!({"tables": {"t": {"columns": {"year": {}}}}}),
        &[],
    );
    assert_eq!(ran.stdout.trim(), "FAIL");
    assert_eq!(ran.check("column:t.year")["outcome"], "fail");
}

#[test]
fn a_partition_of_another_type_or_files_of_other_partitions_are_refused() {
    let dir = partitioned();
    file(&dir, "trips/year=2013/month=jan/part.csv", "id,value\n1,1\n");
    let ran = check(
        &dir,
        "trips",
        &json!({"tables": {"t": {"columns": {"month": {"type": "int"}}}}}),
        &[],
    );
    assert_eq!(ran.exit, Some(2));
    assert!(
        ran.stderr.contains("its value in the path, `jan`, is not an int"),
        "{}",
        ran.stderr
    );
    file(&dir, "trips/year=2013/part.csv", "id,value\n1,1\n");
    let ran = check(
        &dir,
        "trips",
        &json!({"tables": {"t": {"columns": {"month": {}}}}}),
        &[],
    );
    assert_eq!(ran.exit, Some(2));
    assert!(ran.stderr.contains("must be partitioned alike"), "{}", ran.stderr);
}

#[test]
fn a_partition_that_stands_twice_in_a_path_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    file(&dir, "t/a=1/b=2/a=-5/part.csv", "id\n1\n");
    let ran = check(&dir, "t", &json!({"tables": {"t": {"columns": {"a": {}}}}}), &[]);
    assert_eq!(ran.exit, Some(2), "{}", ran.stderr);
    assert!(
        ran.stderr
            .contains("t/a=1/b=2/a=-5/part.csv: the partition `a` stands twice in its path"),
        "{}",
        ran.stderr
    );
}

#[test]
fn rows_put_apart_stay_in_their_partitions() {
    let dir = partitioned();
    let apart = dir.path().join("apart");
    let suite = json!({"tables": {"t": {"expressions": [{"name": "new", "expression": "year >= 2013"}]}}});
    let ran = check(
        &dir,
        "trips",
        &suite,
        &[&format!("--quarantine={}", apart.display())],
    );
    assert_eq!(ran.stdout.trim(), "FAIL", "{}", ran.stderr);
    let record: Value =
        serde_json::from_slice(&std::fs::read(apart.join("quarantine.json")).unwrap()).unwrap();
    let bad = record["tables"]["t"]["bad"]["parts"][1]["uri"].as_str().unwrap();
    assert!(bad.ends_with("/t/bad/year=2012/month=12/part-00001.csv"), "{bad}");
    assert_eq!(
        std::fs::read_to_string(bad).unwrap(),
        "id,value,_row,_reasons\n201212,12,0,expression:t.new\n"
    );
}

#[test]
fn thousands_of_files_are_one_table() {
    let dir = tempfile::tempdir().unwrap();
    for number in 0..3000 {
        file(
            &dir,
            &format!("many/day={number}/a.csv"),
            format!("n\n{number}\n"),
        );
    }
    let suite = json!({"tables": {"t": {"row_count": {"min": 3000, "max": 3000}, "columns": {
        "n": {"unique": true, "range": {"min": 0, "max": 2999}},
        "day": {"unique": true, "increasing": false},
    }}}});
    let ran = check(&dir, "many", &suite, &[]);
    assert_eq!(
        ran.stdout.trim(),
        "PASS",
        "{} {}",
        ran.report()["reason"],
        ran.stderr
    );
    let inputs = ran.report()["inputs"].as_array().unwrap().clone();
    assert_eq!(inputs.iter().filter(|input| input["name"] == "t").count(), 3000);
}

#[test]
fn a_dialect_is_read_as_the_suite_says() {
    let dir = tempfile::tempdir().unwrap();
    file(
        &dir,
        "t.csv",
        "exported today\n# a comment; with\n1;'it\\'s'\n2;'x;y'\n",
    );
    let suite = |csv: Value| {
        json!({"tables": {"t": {
            "delimiter": ";", "csv": csv,
            "columns": {"id": {"type": "int", "unique": true}, "what": {"in_set": ["it's", "x;y"]}},
        }}})
    };
    let dialect =
        json!({"quote": "'", "escape": "\\", "comment": "#", "skip_lines": 1, "columns": ["id", "what"]});
    let ran = check(&dir, "t.csv", &suite(dialect), &[]);
    assert_eq!(
        ran.stdout.trim(),
        "PASS",
        "{} {}",
        ran.report()["reason"],
        ran.stderr
    );
    for (csv, field, why) in [
        (json!({"quote": "ab"}), "quote", "must be one ASCII character"),
        (json!({"comment": ";"}), "comment", "`;` is the delimiter already"),
        (json!({"comment": "\""}), "comment", "`\"` is the quote already"),
        (json!({"escape": ";"}), "escape", "`;` is the delimiter already"),
        (
            json!({"escape": "#", "comment": "#"}),
            "comment",
            "`#` is the escape already",
        ),
        (json!({"columns": []}), "columns", "names no columns"),
        (json!({"columns": ["a", "a"]}), "columns", "`a` is there twice"),
        (json!({"separator": ","}), "separator", "unknown field"),
    ] {
        let ran = check(&dir, "t.csv", &suite(csv), &[]);
        assert_eq!(ran.exit, Some(2));
        assert!(
            ran.stderr.contains(field) && ran.stderr.contains(why),
            "{}",
            ran.stderr
        );
    }
}

#[test]
fn a_dialect_is_held_to_the_delimiter_of_each_file() {
    let dir = tempfile::tempdir().unwrap();
    file(&dir, "t.tsv", "id\twhat\n1\ta,b\n,2\n");
    let checked = |name: &str, csv: Value| {
        let suite =
            json!({"tables": {"t": {"csv": csv, "columns": {"id": {"type": "int", "not_null": true}}}}});
        check(&dir, name, &suite, &[])
    };
    for field in ["quote", "escape", "comment"] {
        let ran = checked("t.tsv", json!({field: "\t"}));
        assert_eq!(ran.exit, Some(2), "{field}: {}", ran.stderr);
        let why = format!("t.tsv: `csv.{field}` of the suite: `\t` is the delimiter already");
        assert!(ran.stderr.replace("\\t", "\t").contains(&why), "{}", ran.stderr);
    }
    // What is the delimiter elsewhere may be a comment here.
    let ran = checked("t.tsv", json!({"comment": ","}));
    assert_eq!(ran.stdout.trim(), "PASS", "{}", ran.stderr);
    file(&dir, "t.csv", "id,what\n1,a\n");
    let ran = checked("t.csv", json!({"comment": ","}));
    assert_eq!(ran.exit, Some(2), "{}", ran.stderr);
    assert!(
        ran.stderr
            .contains("`csv.comment` of the suite: `,` is the delimiter"),
        "{}",
        ran.stderr
    );
}

#[test]
fn names_in_the_header_that_look_like_others_are_warned_of() {
    let dir = tempfile::tempdir().unwrap();
    file(&dir, "t.csv", "id, name,Id,\n1,a,2,x\n");
    let ran = check(
        &dir,
        "t.csv",
        &json!({"tables": {"t": {"row_count": {"min": 1}}}}),
        &[],
    );
    assert_eq!(ran.stdout.trim(), "WARN");
    let names = &ran.check("header:t")["details"]["names"];
    assert_eq!(
        *names,
        json!([
            "` name` has spaces around it",
            "`id` and `Id` differ only in case",
            "column 4 has no name in the header; it is called `Unnamed: 3`"
        ])
    );
}

#[test]
fn files_that_differ_are_told_by_name() {
    let dir = tempfile::tempdir().unwrap();
    file(&dir, "d/a.csv", "n,m\n1,1\n");
    file(&dir, "d/b.csv", "n,m\nx,2\n");
    file(&dir, "d/c.csv", "n\n3\n");
    let ran = check(
        &dir,
        "d",
        &json!({"tables": {"t": {"columns": {"n": {}, "m": {}}}}}),
        &[],
    );
    assert_eq!(ran.stdout.trim(), "FAIL");
    let why = ran.check("column:t.n")["why"].as_str().unwrap().to_owned();
    assert!(
        why.contains("int64 in 2 files") && why.contains("string in 1 file") && why.contains("d/b.csv"),
        "{why}"
    );
    assert!(
        ran.check("column:t.m")["why"]
            .as_str()
            .unwrap()
            .contains("d/c.csv")
    );
    let sections = ran.report()["sections"].to_string();
    assert!(
        sections.contains("Files of t differ") && sections.contains("is not there"),
        "{sections}"
    );
}

#[test]
fn nested_columns_are_named_by_their_path() {
    let dir = tempfile::tempdir().unwrap();
    file(
        &dir,
        "t.jsonl",
        "{\"user\": {\"age\": 7, \"home\": {\"zip\": \"A1\"}}}\n{\"user\": {\"age\": 300}}\n{\"user\": null}\n",
    );
    let suite = json!({"tables": {"t": {
        "expressions": [{"expression": "\"user.age\" < 1000"}],
        "columns": {
            "user.age": {"type": "int", "range": {"max": 100}, "null_count": {"max": 1}},
            "user.home.zip": {"null_count": {"min": 2, "max": 2}},
        },
    }}});
    let ran = check(&dir, "t.jsonl", &suite, &[]);
    assert_eq!(ran.stdout.trim(), "FAIL", "{}", ran.stderr);
    assert_eq!(ran.check("range:t.user.age")["details"]["bad"], 1);
    assert_eq!(ran.check("null_count:t.user.home.zip")["outcome"], "pass");
    assert_eq!(ran.check("expression:t.\"user.age\" < 1000")["outcome"], "pass");
}

//! `--quarantine`: the good and the bad rows apart, held to what pandas says of the same rows.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    dead_code,
    reason = "helpers of tests"
)]

mod run;

use std::collections::BTreeMap;
use std::path::Path;

use run::{Ran, file, here};
use serde_json::{Value, json};
use tabular::{Format, Input, ReadOptions, Table};

const SUITE: &str = r#"
tables:
  train:
    expressions:
    - {name: short hop, expression: "distance >= 300", where: "origin = 'JFK'"}
    - {name: only a warning, expression: "distance < 1000", severity: warn}
    columns:
      dep_delay: {not_null: true, range: {max: 60}}
      tailnum: {regex: {pattern: "^N[0-9]{3}[A-Z]{2}$", mostly: 0.1}}
      carrier: {in_set: [UA, AA, B6, DL, EV, MQ, US, WN]}
relationships:
- {from: train.dest, to: airports.faa, max_orphan_fraction: 0.5}
"#;

/// Separates the flights; the record, and the folder that it is in.
fn flights(dir: &tempfile::TempDir, data: &str) -> (Ran, Value) {
    let suite = format!("--suite={}", file(dir, "suite.yaml", SUITE));
    let apart = dir.path().join("apart");
    let ran = run::run(&[
        "check",
        &suite,
        &format!("--data=train={data}"),
        "--data=airports=data/airports.csv",
        &format!("--quarantine={}", apart.display()),
    ]);
    assert_eq!(ran.exit, Some(3), "{}", ran.stderr);
    let record = std::fs::read(apart.join("quarantine.json")).unwrap();
    (ran, serde_json::from_slice(&record).unwrap())
}

/// The cells of all files of a side, as text, row by row.
fn cells(record: &Value, side: &str) -> Vec<BTreeMap<String, String>> {
    let mut rows = Vec::new();
    for part in record["tables"]["train"][side]["parts"].as_array().unwrap() {
        let path = part["uri"].as_str().unwrap();
        rows.extend(rows_of(Path::new(path)));
        assert_eq!(
            part["size"].as_u64().unwrap(),
            std::fs::metadata(path).unwrap().len()
        );
    }
    assert_eq!(record["tables"]["train"][side]["rows"], rows.len());
    rows
}

fn rows_of(path: &Path) -> Vec<BTreeMap<String, String>> {
    let name = path.display().to_string();
    let input = Input::from_bytes(&name, std::fs::read(path).unwrap());
    let mut table = Table::open(input, Format::from_name(&name).unwrap(), ReadOptions::default()).unwrap();
    let mut rows = Vec::new();
    while let Some(batch) = table.next_batch().unwrap() {
        for row in 0..batch.rows() {
            let cells = batch.columns().iter();
            let shown = cells.filter_map(|column| Some((column.field().name.clone(), column.display(row)?)));
            rows.push(shown.collect());
        }
    }
    rows
}

#[test]
fn bad_rows_are_those_that_pandas_names_and_together_they_are_all() {
    let expected: Value =
        serde_json::from_slice(&std::fs::read(here().join("data/apart.json")).unwrap()).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let (ran, record) = flights(&dir, "data/train.parquet");
    let bad = cells(&record, "bad");
    let named: Vec<Value> = bad
        .iter()
        .map(|row| json!([row["_row"].parse::<u64>().unwrap(), row["_reasons"]]))
        .collect();
    assert_eq!(json!(named), expected["bad"]);
    assert_eq!(record["tables"]["train"]["rules"], expected["checks"]);
    // Put together in the order of their numbers they are the rows of the file.
    let all = rows_of(&here().join("data/train.parquet"));
    let mut good = cells(&record, "good").into_iter();
    let mut bad = bad.into_iter().peekable();
    for (number, row) in all.into_iter().enumerate() {
        let found = if bad.peek().is_some_and(|bad| bad["_row"] == number.to_string()) {
            let mut found = bad.next().unwrap();
            found.retain(|name, _| !name.starts_with('_'));
            found
        } else {
            good.next().unwrap()
        };
        assert_eq!(found, row, "row {number}");
    }
    assert!(good.next().is_none() && bad.next().is_none());
    let sections = ran.report()["sections"].to_string();
    assert!(sections.contains("Good and bad rows apart"), "{sections}");
}

#[test]
fn the_good_rows_pass_and_keep_the_types_of_the_file() {
    let dir = tempfile::tempdir().unwrap();
    let (_, record) = flights(&dir, "data/train.parquet");
    let good = record["tables"]["train"]["good"]["parts"][0]["uri"]
        .as_str()
        .unwrap();
    let suite = SUITE
        .replace("max_orphan_fraction: 0.5", "max_orphan_rows: 0")
        .replace(", mostly: 0.1", "");
    let suite = format!("--suite={}", file(&dir, "strict.yaml", suite));
    let data = [
        format!("--data=train={good}"),
        "--data=airports=data/airports.csv".to_owned(),
    ];
    let ran = run::run(&["check", &suite, &data[0], &data[1]]);
    assert_eq!(ran.stdout.trim(), "WARN", "{}", ran.report()["reason"]);
    let types = |path: &Path| {
        let name = path.display().to_string();
        let input = Input::from_bytes(&name, std::fs::read(path).unwrap());
        let table = Table::open(input, Format::Parquet, ReadOptions::default()).unwrap();
        let types = table
            .schema()
            .map(|field| (field.name.clone(), field.type_name.clone()));
        types.collect::<Vec<_>>()
    };
    assert_eq!(types(Path::new(good)), types(&here().join("data/train.parquet")));
}

#[test]
fn several_files_and_forms_are_put_apart_alike() {
    let dir = tempfile::tempdir().unwrap();
    let (_, whole) = flights(&dir, "data/train.parquet");
    let other = tempfile::tempdir().unwrap();
    let (_, parts) = flights(&other, "data/parts/*");
    assert_eq!(
        whole["tables"]["train"]["rules"],
        parts["tables"]["train"]["rules"]
    );
    for side in ["good", "bad"] {
        assert_eq!(
            whole["tables"]["train"][side]["rows"],
            parts["tables"]["train"][side]["rows"]
        );
    }
    let named: Vec<&str> = parts["tables"]["train"]["bad"]["parts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|part| part["uri"].as_str().unwrap().rsplit('/').next().unwrap())
        .collect();
    assert_eq!(named, ["part-00000.parquet", "part-00001.csv"]);
}

/// A table of text, separated by one rule; what the two sides hold, byte for byte.
fn text(name: &str, content: &str, rules: &Value) -> (String, String, Ran) {
    let dir = tempfile::tempdir().unwrap();
    let apart = dir.path().join("apart");
    let flag = format!("--quarantine={}", apart.display());
    let ran = run::check(
        &file(&dir, name, content),
        &json!({"tables": {"t": rules}}),
        &[&flag],
    );
    let record: Value =
        serde_json::from_slice(&std::fs::read(apart.join("quarantine.json")).unwrap()).unwrap();
    let read = |side: &str| {
        let parts = record["tables"]["t"][side]["parts"].as_array().unwrap();
        let texts = parts
            .iter()
            .map(|part| std::fs::read_to_string(part["uri"].as_str().unwrap()).unwrap());
        texts.collect::<String>()
    };
    (read("good"), read("bad"), ran)
}

#[test]
fn text_stays_as_it_stands() {
    let rules = json!({"columns": {"n": {"type": "int", "range": {"max": 5}}}});
    let csv = "n,what\n1,\"a, \"\"b\"\"\nc\"\n9,NA\nx,\"NA\"\n,\n";
    let (good, bad, _) = text("t.csv", csv, &rules);
    assert_eq!(good, "n,what\n1,\"a, \"\"b\"\"\nc\"\n,\n");
    assert_eq!(
        bad,
        "n,what,_row,_reasons\n9,NA,1,range:t.n\nx,\"NA\",2,type:t.n\n"
    );
    let (good, bad, _) = text("t.tsv", "n\twhat\r\n1\ta\r\n9\tb\r\n", &rules);
    assert_eq!(good, "n\twhat\n1\ta\n");
    assert_eq!(bad, "n\twhat\t_row\t_reasons\n9\tb\t1\trange:t.n\n");
    let json = "{\"n\": 1, \"deep\": {\"a\": [1, 2.50]}}\n{\"n\": 9}\n{ }\n";
    let (good, bad, _) = text("t.jsonl", json, &rules);
    assert_eq!(good, "{\"n\": 1, \"deep\": {\"a\": [1, 2.50]}}\n{ }\n");
    assert_eq!(bad, "{\"_row\":1,\"_reasons\":\"range:t.n\",\"n\": 9}\n");
    let (_, bad, _) = text(
        "t.jsonl",
        "{\"n\": null}\n{}\n{\"n\":1}\n",
        &json!({"columns": {"n": {"not_null": true}}}),
    );
    assert_eq!(
        bad,
        "{\"_row\":0,\"_reasons\":\"not_null:t.n\",\"n\": null}\n{\"_row\":1,\"_reasons\":\"not_null:t.n\"}\n"
    );
}

#[test]
fn what_is_put_apart_is_read_again_by_the_rules_of_the_suite() {
    let rules = |delimiter: &str, csv: Value| {
        let max = json!({"range": {"max": 5}});
        json!({"delimiter": delimiter, "csv": csv, "columns": {"#n": {"type": "int", "range": {"max": 5}}, "m": max}})
    };
    // What begins with the character of comments stays in quotes, and a column without a name has none.
    let (good, bad, _) = text(
        "t.csv",
        "'#n';m;\n9;9;it's\n'#1';1;'#1'\n1;1;'a;b'\n",
        &rules(";", json!({"quote": "'", "comment": "#"})),
    );
    assert_eq!(good, "'#n';m;\n1;1;'a;b'\n");
    assert_eq!(
        bad,
        "'#n';m;;_row;_reasons\n9;9;it's;0;'range:t.#n; range:t.m'\n'#1';1;'#1';1;type:t.#n\n"
    );
    // Without quotes, what would be a delimiter is written in a code.
    let (_, bad, _) = text("t.csv", "#n;m\n9;9\n", &rules(";", json!({"quote": ""})));
    assert_eq!(bad, "#n;m;_row;_reasons\n9;9;0;range:t.#n%3B range:t.m\n");
    let (_, bad, _) = text("t.csv", "#n|m\n9|9\n", &rules("|", json!({"quote": ""})));
    assert_eq!(bad, "#n|m|_row|_reasons\n9|9|0|range:t.#n; range:t.m\n");
    // Lines that the suite passes over are there to be passed over.
    let csv = json!({"skip_lines": 1});
    let (good, _, _) = text("t.csv", "by hand\n#n,m\n1,1\n9,9\n", &rules(",", csv));
    assert_eq!(good, "\n#n,m\n1,1\n");
}

#[test]
fn a_dialect_that_cannot_hold_the_reasons_is_refused_before_anything_is_written() {
    let dir = tempfile::tempdir().unwrap();
    let apart = dir.path().join("apart");
    let suite = json!({"tables": {"t": {
        "delimiter": "_", "csv": {"quote": ""}, "columns": {"n": {"range": {"max": 5}}},
    }}});
    let ran = run::check(
        &file(&dir, "t.csv", "n_m\n9_1\n"),
        &suite,
        &[&format!("--quarantine={}", apart.display())],
    );
    assert_eq!(ran.exit, Some(2));
    assert!(
        ran.stderr
            .contains("t.csv: its delimiter is `_` and it has no quotes"),
        "{}",
        ran.stderr
    );
    assert!(!apart.exists());
}

#[test]
fn rows_that_where_sets_aside_are_not_asked() {
    let rules = json!({"where": "kind = 'a'", "columns": {"n": {"range": {"max": 5}}}});
    let (good, bad, _) = text("t.csv", "kind,n\na,1\na,9\nb,9\n", &rules);
    assert_eq!(good, "kind,n\na,1\nb,9\n");
    assert_eq!(bad, "kind,n,_row,_reasons\na,9,1,range:t.n\n");
}

#[test]
fn cells_that_cannot_be_read_are_bad_wherever_the_check_says_so() {
    // The kind of a column is guessed by the first 10,000 rows.
    let lead = |row: &str| format!("{row}\n").repeat(10_000);
    // Of the filter's column, which has no rules of its own.
    let rules = json!({"where": "kind > 0", "columns": {"n": {"range": {"max": 5}}}});
    let csv = format!("kind,n\n{}x,9\n0,9\n,9\n", lead("1,1"));
    let (good, bad, ran) = text("t.csv", &csv, &rules);
    assert_eq!(ran.check("type:t.kind")["observed"], 1);
    assert_eq!(good, format!("kind,n\n{}0,9\n,9\n", lead("1,1")));
    assert_eq!(bad, "kind,n,_row,_reasons\nx,9,10000,type:t.kind\n");
    // Of a column with rules that name no type, and of a key.
    let rules = json!({"unique": [{"columns": ["id"]}], "columns": {"n": {"range": {"max": 5}}}});
    let csv = format!("id,n\n{}3,x\ny,4\n", lead("1,1"));
    let (good, bad, ran) = text("t.csv", &csv, &rules);
    assert_eq!(ran.check("type:t.n")["observed"], 1);
    assert_eq!(ran.check("type:t.id")["observed"], 1);
    assert_eq!(good, format!("id,n\n{}", lead("1,1")));
    assert_eq!(
        bad,
        "id,n,_row,_reasons\n3,x,10000,type:t.n\ny,4,10001,type:t.id\n"
    );
}

#[test]
fn rows_without_a_time_are_bad_only_where_a_rule_says_so() {
    let csv = "at,n\n2024-01-01,1\n2024-01-02,9\n2023-12-31,9\n,9\nsoon,9\n";
    let dir = tempfile::tempdir().unwrap();
    let apart = |name: &str, columns: Value| {
        let place = dir.path().join(name);
        let flags = [
            format!("--quarantine={}", place.display()),
            "--window=2d".to_owned(),
            "--as-of=2024-01-03".to_owned(),
            "--time-column=at".to_owned(),
        ];
        let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
        run::check(
            &file(&dir, "t.csv", csv),
            &json!({"tables": {"t": {"columns": columns}}}),
            &flags,
        );
        let record: Value =
            serde_json::from_slice(&std::fs::read(place.join("quarantine.json")).unwrap()).unwrap();
        record["tables"]["t"].clone()
    };
    let found = apart("one", json!({"at": {"type": "date"}, "n": {"range": {"max": 5}}}));
    assert_eq!(
        (&found["good"]["rows"], &found["bad"]["rows"]),
        (&json!(1), &json!(2))
    );
    assert_eq!(
        (&found["outside"], &found["without_time"]),
        (&json!(1), &json!(1))
    );
    assert_eq!(found["rules"], json!({"range:t.n": 1, "type:t.at": 1}));
    let found = apart(
        "two",
        json!({"at": {"type": "date", "not_null": true}, "n": {"range": {"max": 5}}}),
    );
    assert_eq!(
        (&found["good"]["rows"], &found["bad"]["rows"]),
        (&json!(1), &json!(3))
    );
    assert_eq!(
        found["rules"],
        json!({"range:t.n": 1, "type:t.at": 1, "not_null:t.at": 1})
    );
    assert_eq!(found["without_time"], 0);
}

#[test]
fn what_cannot_be_asked_of_a_file_is_named() {
    let dir = tempfile::tempdir().unwrap();
    file(&dir, "d/a.csv", "n,m\n9,1\n");
    let second = file(&dir, "d/b.csv", "m\n1\n");
    let apart = dir.path().join("apart");
    let rules = json!({
        "expressions": [{"name": "sum", "expression": "n + m > 0"}],
        "columns": {"n": {"not_null": true, "range": {"max": 5}}, "m": {"regex": "x"}},
    });
    run::check(
        &format!("{}/d/", dir.path().display()),
        &json!({"tables": {"t": rules}}),
        &[&format!("--quarantine={}", apart.display())],
    );
    let record: Value =
        serde_json::from_slice(&std::fs::read(apart.join("quarantine.json")).unwrap()).unwrap();
    let said: Vec<&str> = record["tables"]["t"]["not_separated"]
        .as_array()
        .unwrap()
        .iter()
        .map(|what| what.as_str().unwrap())
        .collect();
    for (id, files) in [
        ("expression:t.sum", 1),
        ("range:t.n", 1),
        ("not_null:t.n", 1),
        ("regex:t.m", 2),
    ] {
        let of_it: Vec<&&str> = said
            .iter()
            .filter(|what| what.starts_with(&format!("{id} in ")))
            .collect();
        assert_eq!(of_it.len(), files, "{id}: {said:?}");
        assert!(of_it.iter().any(|what| what.contains(&second)), "{id}: {said:?}");
    }
}

#[test]
fn each_environment_has_files_of_its_own() {
    let dir = tempfile::tempdir().unwrap();
    let data = format!("--data=t={}", file(&dir, "t.csv", "n\n1\n9\n"));
    let suite = json!({"tables": {"t": {"columns": {
        "n": {"range": {"max": 5}, "environments": ["TRAIN"]}, "m": {"required": false, "environments": ["SERVE"]},
    }}}});
    let suite = format!("--suite={}", file(&dir, "s.yaml", suite.to_string()));
    let apart = dir.path().join("apart");
    let flag = format!("--quarantine={}", apart.display());
    let parts = |environment: &str| {
        let ran = run::run(&[
            "check",
            &suite,
            &data,
            &flag,
            &format!("--environment={environment}"),
        ]);
        let record = std::fs::read(apart.join("quarantine.json"))
            .unwrap_or_else(|error| panic!("{error}: {}", ran.stderr));
        let record: Value = serde_json::from_slice(&record).unwrap();
        record["digest"].clone()
    };
    assert_ne!(parts("TRAIN"), parts("SERVE"));
}

#[test]
fn a_run_again_writes_the_same_files_and_other_data_others() {
    let dir = tempfile::tempdir().unwrap();
    let (_, first) = flights(&dir, "data/train.parquet");
    let uri = |record: &Value| {
        record["tables"]["train"]["bad"]["parts"][0]["uri"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    let before = std::fs::read(uri(&first)).unwrap();
    let (_, again) = flights(&dir, "data/train.parquet");
    assert_eq!(first, again);
    assert_eq!(std::fs::read(uri(&again)).unwrap(), before);
    let (_, other) = flights(&dir, "data/parts/*");
    assert_ne!(uri(&other), uri(&first));
    assert_eq!(std::fs::read(uri(&first)).unwrap(), before);
}

#[test]
fn places_and_names_that_cannot_be_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let data = format!("--data=t={}", file(&dir, "t.csv", "_row,n\n1,9\n"));
    let suite = format!(
        "--suite={}",
        file(&dir, "s.yaml", "tables: {t: {columns: {n: {range: {max: 5}}}}}")
    );
    let ran = run::run(&["check", &suite, &data, "--quarantine=https://example.org/x"]);
    assert_eq!(ran.exit, Some(2));
    assert!(
        ran.stderr.contains("web addresses are read only"),
        "{}",
        ran.stderr
    );
    let apart = dir.path().join("apart");
    let ran = run::run(&[
        "check",
        &suite,
        &data,
        &format!("--quarantine={}", apart.display()),
    ]);
    assert_eq!(ran.exit, Some(2));
    assert!(ran.stderr.contains("it has a column `_row`"), "{}", ran.stderr);
    assert!(!apart.join("quarantine.json").exists());
}

#[test]
fn a_file_that_cannot_be_read_does_not_keep_the_others_from_being_put_apart() {
    let dir = tempfile::tempdir().unwrap();
    let whole = std::fs::read(here().join("data/train.parquet")).unwrap();
    let mut broken = whole.clone();
    // The first pages; the footer, at the end, is sound.
    broken[200..600].fill(0xAA);
    let (good, bad) = (
        file(&dir, "d/b.parquet", &whole),
        file(&dir, "d/a.parquet", &broken),
    );
    let (ran, record) = flights(&dir, &format!("{}/d/", dir.path().display()));
    let (_, alone) = flights(&tempfile::tempdir().unwrap(), &good);
    assert_eq!(
        record["tables"]["train"]["bad"]["rows"],
        alone["tables"]["train"]["bad"]["rows"]
    );
    let said = record["tables"]["train"]["not_separated"].to_string();
    assert!(said.contains(&bad), "{said}");
    assert!(ran.report()["notes"].to_string().contains("Not put apart"));
}

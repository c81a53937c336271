//! What cannot be read or compared never passes: it is counted, named and judged.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    dead_code,
    reason = "helpers of tests"
)]

mod run;

use std::fmt::Write as _;

use run::{Ran, file};

/// Runs tables of one folder (a name with a `/` makes a table of several files) against a suite.
fn check(tables: &[(&str, String)], suite: &str, more: &[&str]) -> Ran {
    let dir = tempfile::tempdir().unwrap();
    let mut args = vec!["check".to_owned()];
    for (name, content) in tables {
        let path = file(&dir, name, content);
        let (table, place) = match name.split_once('/') {
            Some((table, rest)) => (table, path.trim_end_matches(rest).to_owned()),
            None => (name.split('.').next().unwrap(), path),
        };
        let flag = format!("--data={table}={place}");
        if !args.contains(&flag) {
            args.push(flag);
        }
    }
    args.push(format!("--suite={}", file(&dir, "suite.yaml", suite)));
    args.extend(more.iter().map(|arg| (*arg).to_owned()));
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    run::run(&args)
}

/// The first 10,000 rows tell the type; what comes after them may be anything.
fn numbers_then(head: &str, row: impl Fn(u32) -> String, rest: &str) -> String {
    let mut text = format!("{head}\n");
    for number in 0..10_000 {
        _ = writeln!(text, "{}", row(number));
    }
    text + rest
}

#[track_caller]
fn failed(ran: &Ran, id: &str, parts: &[&str]) {
    assert_eq!((ran.exit, ran.stdout.trim()), (Some(3), "FAIL"), "{}", ran.stderr);
    let check = ran.check(id);
    assert_eq!(check["outcome"], "fail", "{check}");
    for part in parts {
        assert!(check["why"].as_str().unwrap().contains(part), "`{part}`: {check}");
    }
}

#[test]
fn keys_that_cannot_be_read_fail() {
    let csv = || numbers_then("id,x", |row| format!("{row},1"), "oops,1\noops,1\n");
    let ran = check(
        &[("t.csv", csv())],
        "tables: {t: {unique: [{columns: [id]}]}}",
        &[],
    );
    failed(&ran, "type:t.id", &["2 cells of `id` are not int64", "`oops`"]);
    let found = ran.check("type:t.id");
    assert_eq!(found["observed"], 2);
    assert_eq!(found["samples"][0]["count"], 2);
    assert_eq!(found["samples"][0]["detail"], "line 10002");
    let jsonl = numbers_then(
        r#"{"id": 0}"#,
        |row| format!("{{\"id\": {}}}", row + 1),
        "{\"id\": \"oops\"}\n",
    );
    let ran = check(
        &[("t.jsonl", jsonl)],
        "tables: {t: {duplicate_rows: {max: 0}}}",
        &[],
    );
    failed(&ran, "type:t.id", &["1 cell of `id`", "oops"]);
}

#[test]
fn references_and_overlaps_that_cannot_be_read_fail() {
    let of = |rest: &str| numbers_then("id", |row| row.to_string(), rest);
    let suite = "relationships: [{from: child.id, to: parent.id}]";
    let ran = check(&[("child.csv", of("x7\n")), ("parent.csv", of(""))], suite, &[]);
    failed(&ran, "type:child.id", &["1 cell of `id`", "`x7`"]);
    let ran = check(&[("child.csv", of("")), ("parent.csv", of("y8\n"))], suite, &[]);
    failed(&ran, "type:parent.id", &["1 cell of `id`", "`y8`"]);
    let suite = "splits: {train: train, test: test, key: [id], max_overlap_fraction: 1}";
    let ran = check(&[("train.csv", of("z9\n")), ("test.csv", of(""))], suite, &[]);
    failed(&ran, "type:train.id", &["1 cell of `id`", "`z9`"]);
}

#[test]
fn times_that_cannot_be_read_fail() {
    let day = |row: u32| format!("2013-01-{:02}T00:00:00Z,1", 1 + row % 10);
    let bad = || numbers_then("at,x", day, "soon,1\n,1\n");
    let late = "at,x\n2013-02-01T00:00:00Z,1\n".to_owned();
    let suite = "splits: {train: train, test: test, max_overlap_fraction: 1, time_column: at}";
    let ran = check(&[("train.csv", bad()), ("test.csv", late)], suite, &[]);
    failed(&ran, "type:train.at", &["1 cell of `at`", "`soon`"]);
    // A window leaves the row out, and that is said too.
    let window = ["--window=90d", "--as-of=2013-02-01", "--time-column=at"];
    let ran = check(
        &[("t.csv", bad())],
        "tables: {t: {columns: {x: {not_null: true}}}}",
        &window,
    );
    failed(&ran, "type:t.at", &["1 cell of `at`", "`soon`"]);
    assert_eq!(ran.check("window:t")["details"]["without_time"], 2);
}

#[test]
fn a_column_that_no_rule_is_about_is_noted() {
    let csv = numbers_then("id,x", |row| format!("{row},{row}"), "10000,oops\n");
    let ran = check(&[("t.csv", csv)], "tables: {t: {unique: [{columns: [id]}]}}", &[]);
    assert_eq!((ran.exit, ran.stdout.trim()), (Some(0), "PASS"), "{}", ran.stderr);
    let notes = ran.report()["notes"].to_string();
    assert!(notes.contains("1 cell of `x` could not be read"), "{notes}");
}

#[test]
fn keys_of_two_types_in_one_table_fail() {
    let mixed = vec![
        ("train/a.csv", "id,x\n1,1\n2,1\n".to_owned()),
        ("train/b.csv", "id,x\n3a,1\n2,1\n".to_owned()),
    ];
    let said = ["`id` is int64 in", "a.csv and string in", "b.csv"];
    let with = |more: (&'static str, String), suite: &str| {
        let mut tables = mixed.clone();
        tables.push(more);
        check(&tables, suite, &[])
    };
    let ran = with(
        ("test.csv", "id,x\n2,1\n".to_owned()),
        "splits: {train: train, test: test, key: [id]}",
    );
    failed(&ran, "row_overlap:train ~ test", &said);
    let ran = with(
        ("p.csv", "id\n1\n2\n3\n".to_owned()),
        "relationships: [{from: train.id, to: p.id}]",
    );
    failed(&ran, "references:train.id -> p.id", &said);
    let ran = with(
        ("p.csv", "id\n1\n2\n3\n".to_owned()),
        "relationships: [{from: p.id, to: train.id}]",
    );
    failed(&ran, "references:p.id -> train.id", &said);
    let ran = check(&mixed, "tables: {train: {unique: [{columns: [id]}]}}", &[]);
    failed(&ran, "unique:train.id", &said);
    // Read as what the suite says, the 2 of one file is the 2 of the other.
    let text = "tables: {train: {columns: {id: {type: text}}, unique: [{columns: [id]}]}}";
    failed(&check(&mixed, text, &[]), "unique:train.id", &["1 row of `id`"]);
}

#[test]
fn rows_without_a_time_are_judged_though_no_window_holds_them() {
    let table = || {
        let text = "at,x\n2013-01-01T00:00:00Z,1\n,2\n2013-01-02T00:00:00Z,3\n,4\n2012-01-02T00:00:00Z,5\n";
        [("t.csv", text.to_owned())]
    };
    let window = ["--window=30d", "--as-of=2013-01-31", "--time-column=at"];
    let suite = |rule: &str| format!("tables: {{t: {{columns: {{at: {{{rule}}}}}}}}}");
    let ran = check(&table(), &suite("not_null: true"), &window);
    failed(&ran, "not_null:t.at", &["2 of 4 rows of `at` are null"]);
    let ran = check(&table(), &suite("null_rate: {max: 0.4}"), &window);
    failed(&ran, "null_rate:t.at", &["2 of 4 rows"]);
    let ran = check(&table(), &suite("null_rate: {max: 0.5}"), &window);
    assert_eq!((ran.exit, ran.stdout.trim()), (Some(0), "PASS"), "{}", ran.stderr);
    // Nobody says whether they may be: a warning.
    let ran = check(&table(), &suite("type: timestamp"), &window);
    assert_eq!((ran.exit, ran.stdout.trim()), (Some(0), "WARN"), "{}", ran.stderr);
    let why = ran.check("window:t")["why"].as_str().unwrap().to_owned();
    assert!(
        why.contains("2 of 5 rows of `t` lie in the window (2 rows without a time)"),
        "{why}"
    );
}

#[test]
fn an_order_in_time_of_rows_without_one_is_a_warning() {
    let tables = || {
        [
            ("train.csv", "at,id\n2013-01-01,1\n,2\n".to_owned()),
            ("test.csv", "at,id\n2013-01-02,3\n,\n".to_owned()),
        ]
    };
    let splits = "splits: {train: train, test: test, key: [id], time_column: at}\n";
    let ran = check(&tables(), splits, &[]);
    assert_eq!((ran.exit, ran.stdout.trim()), (Some(0), "WARN"), "{}", ran.stderr);
    let why = ran.check("time_order:train < test")["why"]
        .as_str()
        .unwrap()
        .to_owned();
    assert!(why.contains("2 rows without a `at` could not be placed"), "{why}");
    let overlap = ran.check("row_overlap:train ~ test")["details"].clone();
    assert_eq!(
        (&overlap["train_rows_with_null"], &overlap["test_rows_with_null"]),
        (&0.into(), &1.into())
    );
    let rules = "tables: {both: {applies_to: [train, test], columns: {at: {null_rate: {max: 0.5}}}}}";
    let ran = check(&tables(), &format!("{splits}{rules}"), &[]);
    assert_eq!((ran.exit, ran.stdout.trim()), (Some(0), "PASS"), "{}", ran.stderr);
}

/// `data/exact.parquet` is of pyarrow (`data/make_exact.py`): 2^53, 2^53 + 1, 2^53 + 2, and the three largest of 64 bits.
#[track_caller]
fn exact(rules: &str) -> Ran {
    let dir = tempfile::tempdir().unwrap();
    let suite = file(
        &dir,
        "suite.yaml",
        format!("tables: {{t: {{columns: {{{rules}}}}}}}"),
    );
    run::run(&[
        "check",
        "--data=t=data/exact.parquet",
        &format!("--suite={suite}"),
    ])
}

#[test]
fn whole_numbers_beyond_two_to_the_53_are_exact() {
    for (rule, id, bad) in [
        ("signed: {range: {max: 9007199254740993}}", "range:t.signed", 1),
        ("signed: {range: {min: 9007199254740993}}", "range:t.signed", 1),
        ("signed: {range: {max: 9007199254740994}}", "range:t.signed", 0),
        ("signed: {range: {min: 9007199254740991.5}}", "range:t.signed", 0),
        (
            "signed: {range: {max: 9007199254740993, exclusive_max: true}}",
            "range:t.signed",
            2,
        ),
        ("signed: {in_set: [9007199254740993]}", "in_set:t.signed", 2),
        (
            "signed: {not_in_set: [9007199254740993]}",
            "not_in_set:t.signed",
            1,
        ),
        (
            "unsigned: {range: {max: 18446744073709551613}}",
            "range:t.unsigned",
            2,
        ),
        (
            "unsigned: {in_set: [18446744073709551615, 18446744073709551614]}",
            "in_set:t.unsigned",
            1,
        ),
        ("decimal: {in_set: [9007199254740993]}", "in_set:t.decimal", 2),
        ("decimal: {range: {max: 9007199254740993}}", "range:t.decimal", 1),
        ("decimal: {range: {min: 9007199254740993}}", "range:t.decimal", 1),
        (
            "decimal: {range: {min: 9007199254740993, exclusive_min: true}}",
            "range:t.decimal",
            2,
        ),
        ("decimal: {increasing: {strict: true}}", "increasing:t.decimal", 0),
        ("decimal: {decreasing: true}", "decreasing:t.decimal", 2),
        (
            "decimal: {not_in_set: [9007199254740993, 1.5]}",
            "not_in_set:t.decimal",
            1,
        ),
        ("signed: {unique: true}", "unique:t.signed", 0),
        ("unsigned: {unique: true}", "unique:t.unsigned", 0),
        ("decimal: {unique: true}", "unique:t.decimal", 0),
    ] {
        assert_eq!(exact(rule).check(id)["observed"], bad, "{rule}");
    }
    let ran = exact("signed: {distinct_count: {min: 3}}");
    assert_eq!(ran.check("distinct_count:t.signed")["observed"], 3);
    // A column with a fraction somewhere is read as text before two identifiers become one number.
    let csv = "id\n9007199254740993\n9007199254740992\n0.5\n".to_owned();
    let ran = check(&[("t.csv", csv)], "tables: {t: {unique: [{columns: [id]}]}}", &[]);
    assert_eq!((ran.exit, ran.stdout.trim()), (Some(0), "PASS"), "{}", ran.stderr);
    let jsonl = "{\"id\": 18446744073709551615}\n{\"id\": 18446744073709551614}\n".to_owned();
    let ran = check(
        &[("t.jsonl", jsonl)],
        "tables: {t: {unique: [{columns: [id]}]}}",
        &[],
    );
    assert_eq!((ran.exit, ran.stdout.trim()), (Some(0), "PASS"), "{}", ran.stderr);
}

#[test]
fn a_bound_means_what_a_32_bit_column_holds_of_it() {
    for (rule, id, outcome) in [
        ("tenths: {range: {min: 0.1, max: 0.3}}", "range:t.tenths", "pass"),
        (
            "tenths: {range: {max: 0.3, exclusive_max: true}}",
            "range:t.tenths",
            "fail",
        ),
        ("tenths: {range: {max: 0.2999}}", "range:t.tenths", "fail"),
        ("tenths: {in_set: [0.1, 0.2, 0.3]}", "in_set:t.tenths", "pass"),
        ("tenths: {not_in_set: [0.2]}", "not_in_set:t.tenths", "fail"),
        ("tenths: {max: {max: 0.3}}", "max:t.tenths", "pass"),
        ("tenths: {max: {min: 0.3}}", "max:t.tenths", "pass"),
        ("tenths: {max: {max: 0.2999}}", "max:t.tenths", "fail"),
        (
            "tenths: {median: {min: 0.2, max: 0.2}}",
            "median:t.tenths",
            "pass",
        ),
    ] {
        let found = exact(rule).check(id);
        assert_eq!(found["outcome"], outcome, "{rule}: {found}");
    }
}

#[test]
fn conditions_take_decimals_and_32_bit_numbers_as_they_stand() {
    let all: Vec<(String, u64)> = serde_json::from_str(include_str!("data/exact.json")).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let rules: Vec<String> = all
        .iter()
        .map(|(condition, _)| format!("{{expression: \"{condition}\"}}"))
        .collect();
    let suite = format!("tables: {{t: {{expressions: [{}]}}}}", rules.join(", "));
    let suite = file(&dir, "suite.yaml", suite);
    let ran = run::run(&[
        "check",
        "--data=t=data/exact.parquet",
        &format!("--suite={suite}"),
    ]);
    for (condition, bad) in all {
        let found = ran.check(&format!("expression:t.{condition}"));
        assert_eq!(found["details"]["bad"], bad, "{condition}: {found}");
    }
}

#[test]
fn long_values_are_cut_wherever_they_are_shown() {
    let long = |end: char| "x".repeat(4_999) + &end.to_string();
    let csv = format!("a,b\n{0},1\n{0},2\n{1},3\n", long('a'), long('b'));
    let ran = check(
        &[("t.csv", csv)],
        "tables: {t: {columns: {a: {regex: '^y', unique: true}}}}",
        &[],
    );
    failed(&ran, "regex:t.a", &["… (5000 characters, #"]);
    failed(&ran, "unique:t.a", &["… (5000 characters, #"]);
    let samples = ran.check("regex:t.a")["samples"].clone();
    // Two values with one beginning are still two.
    assert_eq!(
        (samples[0]["count"].as_u64(), samples[1]["count"].as_u64()),
        (Some(2), Some(1))
    );
    for name in [
        "report.json",
        "report.md",
        "report.html",
        "profile.json",
        "termination",
    ] {
        let text = std::fs::read_to_string(ran.path(name)).unwrap();
        assert!(!text.contains(&"x".repeat(201)), "{name}");
    }
    assert!(!ran.stderr.contains(&"x".repeat(201)));
    let malformed = numbers_then("id", |row| row.to_string(), &format!("{}\n", long('a')));
    let ran = check(
        &[("t.csv", malformed)],
        "tables: {t: {unique: [{columns: [id]}]}}",
        &[],
    );
    failed(&ran, "type:t.id", &["… (5000 characters, #"]);
    let profile = ran.json("profile.json");
    assert_eq!(profile["tables"]["t"]["columns"]["id"]["rows"], 10_001);
}

#[test]
fn less_memory_gives_the_same_answers() {
    // 300,000 different keys in two tables: more than 64 MiB leave room for.
    let rows = |from: u32| -> String {
        let mut text = "key,n\n".to_owned();
        for key in from..from + 300_000 {
            _ = writeln!(text, "{key},{}", key % 7);
        }
        text + "5,1\n5,2\n"
    };
    let suite = "tables: {a: {unique: [{columns: [key]}], columns: {key: {distinct_count: {min: 1}}, n: {entropy: {max: 9}}}}}\n\
                 relationships: [{from: a.key, to: b.key}]\nsplits: {train: a, test: b, key: [key]}";
    let tables = [("a.csv", rows(0)), ("b.csv", rows(100_000))];
    let checks = |flag: &str| {
        let ran = check(&tables, suite, &[flag]);
        assert_eq!(ran.exit, Some(3), "{}", ran.stderr);
        // The examples name files of a folder that each run has anew.
        let mut checks = ran.report()["checks"].clone();
        for check in checks.as_array_mut().unwrap() {
            check["samples"] = serde_json::Value::Null;
        }
        checks
    };
    let plenty = checks("--memory-limit=1Gi");
    assert_eq!(checks("--memory-limit=64Mi"), plenty);
    // Keys 0 to 99,999 of `a` are not in `b`, but for 5.
    assert!(plenty.to_string().contains("99,999 of 300,002 rows"), "{plenty}");
    for (limit, why) in [
        ("1Mi", "at least 64Mi"),
        ("much", "is no size of memory"),
        ("64", "at least 64Mi"),
    ] {
        let ran = check(
            &tables[..1],
            "tables: {a: {row_count: {min: 1}}}",
            &[&format!("--memory-limit={limit}")],
        );
        assert_eq!(ran.exit, Some(2));
        assert!(ran.stderr.contains(why), "{}", ran.stderr);
    }
}

//! What `infer` writes holds for the data that it saw and for more of the same, and not for data that went wrong.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    dead_code,
    reason = "helpers of tests"
)]

mod flights;
mod inferred;
mod run;

use std::fmt::Write as _;

use data_validate::config::Suite;
use flights::{Rows, profile, profile_of};
use inferred::{Inferred, passes};
use run::file;

#[test]
fn the_flights_pass_as_they_are_and_fail_when_they_are_spoiled() {
    let inferred = Inferred::from(&profile("data/train.parquet", &[]));
    passes(&inferred.check("data/train.parquet"));
    passes(&inferred.check("data/validation.parquet"));
    let rows = Rows::read();
    passes(&inferred.check_rows(&rows));
    let spoiled: Vec<(&str, Rows)> = vec![
        (
            "null_rate:t.dep_delay",
            rows.clone().with("dep_delay", |row, cell| {
                if row % 10 == 0 { String::new() } else { cell.into() }
            }),
        ),
        (
            "not_null:t.origin",
            rows.clone().with(
                "origin",
                |row, cell| if row == 7 { String::new() } else { cell.into() },
            ),
        ),
        (
            "in_set:t.origin",
            rows.clone().with(
                "origin",
                |row, cell| if row == 7 { "XXX".into() } else { cell.into() },
            ),
        ),
        (
            "in_set:t.carrier",
            rows.clone().with("carrier", |_, cell| cell.to_lowercase()),
        ),
        (
            "not_constant:t.dest",
            rows.clone().with("dest", |_, _| "ORD".into()),
        ),
        (
            "range:t.distance",
            rows.clone().with(
                "distance",
                |row, cell| if row == 7 { "999999".into() } else { cell.into() },
            ),
        ),
        (
            "mean:t.distance",
            rows.clone().with("distance", |_, cell| {
                format!("{}", cell.parse::<i64>().unwrap() * 2)
            }),
        ),
        (
            "std:t.distance",
            rows.clone().with("distance", |_, _| "1065".into()),
        ),
        (
            "range:t.dep_delay",
            rows.clone().with("dep_delay", |row, cell| {
                if row % 20 == 0 { "5000".into() } else { cell.into() }
            }),
        ),
        (
            "finite:t.air_time",
            rows.clone().with(
                "air_time",
                |row, cell| if row == 7 { "inf".into() } else { cell.into() },
            ),
        ),
        (
            "unique:t.flight_id",
            rows.clone().with("flight_id", |row, cell| {
                if row < 2 {
                    "20130101-UA1545-EWR".into()
                } else {
                    cell.into()
                }
            }),
        ),
        (
            "length:t.tailnum",
            rows.clone().with(
                "tailnum",
                |row, cell| if row == 7 { "not known".into() } else { cell.into() },
            ),
        ),
        (
            "type:t.flight",
            rows.clone().with(
                "flight",
                |row, cell| if row == 7 { "UA15".into() } else { cell.into() },
            ),
        ),
        (
            "type:t.time_hour",
            rows.clone().with("time_hour", |_, cell| format!("on {cell}")),
        ),
        ("column:t.dest", rows.clone().without("dest")),
        (
            "row_count:t",
            Rows {
                rows: rows.rows[..800].to_vec(),
                ..rows.clone()
            },
        ),
    ];
    for (id, rows) in spoiled {
        let ran = inferred.check_rows(&rows);
        assert_eq!(ran.exit, Some(3), "{id}: {}", ran.stderr);
        assert_eq!(ran.check(id)["outcome"], "fail", "{id}");
    }
}

#[test]
fn one_half_infers_for_the_other() {
    let rows = Rows::read();
    for seed in 1..=6 {
        let (left, right) = rows.halves(seed);
        for (seen, next) in [(&left, &right), (&right, &left)] {
            let inferred = Inferred::from(&profile_of(&seen.csv(), &[]));
            passes(&inferred.check_rows(seen));
            passes(&inferred.check_rows(next));
            assert_eq!(
                inferred
                    .check_rows(&next.clone().with("carrier", |_, cell| cell.to_lowercase()))
                    .exit,
                Some(3)
            );
        }
    }
}

/// Each suggestion, taken in as the header says: its mark taken away, and the line above of the same key.
fn with_each_suggestion(yaml: &str) -> Vec<String> {
    let lines: Vec<&str> = yaml.lines().collect();
    let indent = |line: &str| line.len() - line.trim_start().len();
    let mut found = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        if !line.trim_start().starts_with("# Maybe: ") {
            continue;
        }
        let deep = indent(line);
        let rule = lines[at + 1].trim_start().strip_prefix("# ").unwrap();
        let key = format!("{}{}:", " ".repeat(deep), rule.split(':').next().unwrap());
        let block = lines[..at].iter().rposition(|line| indent(line) < deep).unwrap();
        let mut taken = String::new();
        for (number, line) in lines.iter().enumerate() {
            if number == at + 1 {
                _ = writeln!(taken, "{}{rule}", " ".repeat(deep));
            } else if !(number > block && number < at && line.starts_with(&key)) {
                _ = writeln!(taken, "{line}");
            }
        }
        found.push(taken);
    }
    found
}

#[test]
fn every_suggestion_can_be_taken_in() {
    let csv = odd();
    for profile in [profile("data/train.parquet", &[]), profile_of(&csv, &[])] {
        let yaml = Inferred::from(&profile).yaml();
        let taken = with_each_suggestion(&yaml);
        assert!(taken.len() > 8, "{}", taken.len());
        let plain = format!("{:?}", Suite::read("s.yaml", &yaml).unwrap());
        for yaml in taken {
            let suite = Suite::read("s.yaml", &yaml).unwrap_or_else(|error| panic!("{error}\n{yaml}"));
            assert_ne!(format!("{suite:?}"), plain);
        }
    }
}

/// Columns that leave little to be said.
fn odd() -> String {
    let mut csv = String::from("id,empty,one,same,flag,all_true,gaps,holes,only_nan,spike,few,day,rare\n");
    for row in 0..2000 {
        let gap = if row % 3 == 0 {
            String::new()
        } else {
            (row % 500).to_string()
        };
        let nan = if row % 50 == 0 {
            "nan".to_owned()
        } else if row % 99 == 0 {
            "inf".to_owned()
        } else {
            format!("{}.5", row % 70)
        };
        let spike = if row == 1234 { 1e9 } else { 0.0 };
        let rare = if row < 60 {
            format!("r{row}")
        } else {
            format!("k{}", row % 4)
        };
        _ = writeln!(
            csv,
            "{row},,7,x,{},true,{gap},{nan},nan,{spike:?},{},2024-01-{:02},{rare}",
            row % 4 == 0,
            row % 4,
            row % 28 + 1
        );
    }
    csv
}

#[test]
fn odd_columns_say_what_they_can() {
    let csv = odd();
    let inferred = Inferred::from(&profile_of(&csv, &[]));
    let dir = tempfile::tempdir().unwrap();
    passes(&inferred.check(&file(&dir, "t.csv", &csv)));
    for (column, has, not) in [
        (
            "id",
            vec!["unique: true", "# range: {min: -"],
            vec!["\n        mean:", "\n        range:"],
        ),
        (
            "empty",
            vec![
                "required: true",
                "All 2,000 rows are null",
                "# not_empty: true",
                "# null_rate: {min: 0.9",
            ],
            vec!["type:"],
        ),
        (
            "one",
            vec!["Every number is 7", "# range: {min: 7, max: 7}"],
            vec!["mean:", "\n        range"],
        ),
        (
            "same",
            vec!["All 2,000 values are the same", "# in_set: [x]"],
            vec!["\n        in_set", "length"],
        ),
        (
            "flag",
            vec![
                "value_shares: {\"true\": {min: 0.",
                "500 of 2,000 values are true",
            ],
            vec!["in_set"],
        ),
        ("all_true", vec!["# in_set: [true]"], vec!["value_shares"]),
        (
            "gaps",
            vec![
                "667 of 2,000 rows (33.35%) were null",
                "null_rate: {max: 0.",
                "type: int",
            ],
            vec!["not_null"],
        ),
        (
            "holes",
            vec![
                "nan_rate: {max: 0.0",
                "inf_rate: {max: 0.0",
                "\n        min: {min: ",
                "\n        max: {max: ",
            ],
            vec!["range:", "\n        finite:"],
        ),
        (
            "only_nan",
            vec![
                "no bound below 1 can be had",
                "No value is finite",
                "inf_rate: {max: 0}",
            ],
            vec!["range", "mean"],
        ),
        ("spike", vec!["The tail is long", "mostly: 0.98"], vec!["std:"]),
        (
            "few",
            vec!["in_set: [0, 1, 2, 3]", "each at least 500 times"],
            vec!["range:"],
        ),
        (
            "day",
            vec![
                "# range: {min: \"2024-01-01\"}",
                "# freshness: {max_age: \"36h\"}",
                "type: date",
            ],
            vec!["\n        range"],
        ),
        (
            "rare",
            vec![
                "64 values, the rarest 1 time: others may be rarer.",
                "in_set: {values: [k0, k1, k2, k3, r0",
                "mostly: 0.9",
            ],
            vec!["length"],
        ),
    ] {
        let lines = inferred.column(column);
        for part in has {
            assert!(
                format!("\n{lines}").contains(part),
                "{column}: no `{part}` in\n{lines}"
            );
        }
        for part in not {
            assert!(
                !format!("\n{lines}").contains(part),
                "{column}: `{part}` in\n{lines}"
            );
        }
    }
}

#[test]
fn few_rows_bind_little() {
    let mut csv = String::from("x,k\n");
    (0..60).for_each(|row| _ = writeln!(csv, "{},v{}", row * 7 % 31, row % 3));
    let inferred = Inferred::from(&profile_of(&csv, &[]));
    let lines = inferred.column("k");
    assert!(
        lines.contains("null_rate: {max: 0.") && lines.contains("# not_null: true"),
        "{lines}"
    );
    assert!(
        lines.contains("in_set: {values: [v0, v1, v2], mostly: 0."),
        "{lines}"
    );
    assert!(inferred.column("x").contains("mostly: 0."));
    let dir = tempfile::tempdir().unwrap();
    passes(&inferred.check(&file(&dir, "t.csv", &csv)));
    let csv = "x,k\n1,a\n2,b\n";
    let inferred = Inferred::from(&profile_of(csv, &[]));
    assert!(inferred.column("x").contains("# range: ") && inferred.column("k").contains("# length: "));
    passes(&inferred.check(&file(&dir, "two.csv", csv)));
    let mut csv = String::from("k\n");
    for row in 0..200 {
        let value = if row < 40 {
            format!("r{row}")
        } else {
            "a".to_owned()
        };
        _ = writeln!(csv, "{value}");
    }
    let lines = Inferred::from(&profile_of(&csv, &[])).column("k");
    assert!(
        lines.contains("41 values, 40 of them once: more are to be expected.")
            && lines.contains("# in_set: [a, r0"),
        "{lines}"
    );
}

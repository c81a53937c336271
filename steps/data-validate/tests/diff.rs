//! What `diff` says of two profiles: nothing where two samples are of one source, and what was done to one where it was.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    dead_code,
    reason = "helpers of tests"
)]

mod flights;
mod run;

use std::fmt::Write as _;

use flights::{Rows, profile, profile_of, two};
use run::{Ran, file, run_other};
use serde_json::Value;

fn diff(before: &Ran, after: &Ran) -> Ran {
    let path = |ran: &Ran| ran.path("profile.json").display().to_string();
    run_other(&[
        "diff",
        &format!("--before={}", path(before)),
        &format!("--after={}", path(after)),
    ])
}

fn diff_csv(before: &str, after: &str) -> Ran {
    diff(&profile_of(before, &[]), &profile_of(after, &[]))
}

/// The rows of the section whose title begins so, a cell as a text.
fn rows(ran: &Ran, title: &str) -> Vec<Vec<String>> {
    let report = ran.report();
    let sections = report["sections"].as_array().unwrap();
    let found = sections
        .iter()
        .find(|section| section["title"].as_str().unwrap().starts_with(title));
    let cell = |cell: &Value| match cell {
        Value::String(text) => text.clone(),
        Value::Object(cell) => cell
            .get("number")
            .map_or_else(|| "…".to_owned(), ToString::to_string),
        other => other.to_string(),
    };
    let rows = found.map_or(&[][..], |section| section["rows"].as_array().unwrap());
    let rows = rows
        .iter()
        .map(|row| row.as_array().unwrap().iter().map(cell).collect());
    rows.collect()
}

/// The row of a figure: what it was, is, the difference and what that means.
#[track_caller]
fn figure(ran: &Ran, column: &str, what: &str) -> Vec<String> {
    let all = rows(ran, "Figures");
    let found = all.iter().find(|row| row[1] == column && row[2] == what);
    found
        .unwrap_or_else(|| panic!("no {what} of {column} in {all:#?}"))
        .clone()
}

fn changed(ran: &Ran) -> Vec<(String, String)> {
    let all = rows(ran, "Figures").into_iter().filter(|row| row[8] == "changed");
    all.map(|row| (row[1].clone(), row[2].clone())).collect()
}

#[track_caller]
fn says(ran: &Ran, verdict: &str, parts: &[&str]) {
    assert_eq!(
        (ran.exit, ran.stdout.trim()),
        (Some(0), verdict),
        "{}",
        ran.report()["reason"]
    );
    for part in parts {
        let reason = ran.report()["reason"].as_str().unwrap().to_owned();
        assert!(reason.contains(part), "`{part}` is not in `{reason}`");
    }
}

#[test]
fn a_profile_is_the_same_as_itself() {
    let flights = profile("data/train.parquet", &[]);
    let ran = diff(&flights, &flights);
    says(&ran, "SAME", &["had 1,785 rows and has 1,785"]);
    assert!(rows(&ran, "Figures").is_empty() && rows(&ran, "Frequent").is_empty());
    for form in ["report.md", "report.html", "report.junit.xml", "statement.json"] {
        assert!(ran.has(form), "{form}");
    }
    assert_eq!(ran.report()["inputs"].as_array().unwrap().len(), 2);
}

#[test]
fn halves_of_one_table_differ_by_chance() {
    let flights = Rows::read();
    let mut same = 0;
    for seed in 1..=20 {
        let (left, right) = flights.halves(seed);
        let ran = diff_csv(&left.csv(), &right.csv());
        assert!(rows(&ran, "Figures").len() > 20);
        same += usize::from(ran.stdout.trim() == "SAME");
    }
    // At 5 % one of twenty is called changed.
    assert!(same >= 18, "{same}");
}

#[test]
fn what_was_done_is_what_changed() {
    let flights = Rows::read();
    let spoiled = flights
        .clone()
        .with("dep_delay", |row, cell| {
            if row % 8 == 0 { String::new() } else { cell.into() }
        })
        .with("distance", |_, cell| {
            format!("{}", cell.parse::<i64>().unwrap() + 300)
        })
        .with(
            "carrier",
            |_, cell| if cell == "US" { "QQ".into() } else { cell.into() },
        )
        .with(
            "air_time",
            |row, cell| if row % 25 == 0 { "nan".into() } else { cell.into() },
        )
        .with("flight", |_, cell| format!("F{cell}"))
        .without("dest");
    let ran = diff_csv(&flights.csv(), &spoiled.csv());
    says(
        &ran,
        "CHANGED",
        &[
            "3 of the tables and columns came, went or changed type",
            "beyond chance: ",
        ],
    );
    let structure = rows(&ran, "Added");
    assert_eq!(structure[0], ["t", "air_time", "int (int64)", "float (float64)"]);
    assert_eq!(structure[1], ["t", "dest", "text (string)", "not there"]);
    assert_eq!(structure[2], ["t", "flight", "int (int64)", "text (string)"]);
    let changed = changed(&ran);
    for (column, what) in [
        ("dep_delay", "nulls"),
        ("distance", "mean"),
        ("distance", "spread"),
        ("distance", "median"),
        ("carrier", "values"),
        ("air_time", "NaN"),
    ] {
        assert!(
            changed.contains(&(column.into(), what.into())),
            "{column} {what}: {changed:?}"
        );
    }
    assert!(
        changed
            .iter()
            .all(|(column, _)| column != "origin" && column != "flight_id"),
        "{changed:?}"
    );
    // The most first, of columns and of figures.
    let columns = rows(&ran, "Columns");
    assert_eq!(columns[0][1], "distance");
    let sizes: Vec<f64> = rows(&ran, "Figures")
        .iter()
        .filter(|row| row[8] == "changed")
        .map(|row| row[6].parse().unwrap())
        .collect();
    assert!(sizes.windows(2).all(|pair| pair[0] >= pair[1]), "{sizes:?}");
    let values = rows(&ran, "Frequent");
    let of = |value: &str| values.iter().find(|row| row[2] == value).unwrap().clone();
    assert_eq!((of("QQ")[6].as_str(), of("US")[6].as_str()), ("new", "gone"));
    let mean = figure(&ran, "distance", "mean");
    assert!(mean[5].starts_with("+300, +0.414"), "{mean:?}");
    let nulls = figure(&ran, "dep_delay", "nulls");
    assert!(
        nulls[5].contains("points (") && nulls[5].contains("at 95 %"),
        "{nulls:?}"
    );
    let spread = figure(&ran, "distance", "spread");
    for part in ["KS 0.", "PSI ", "by chance", "JS 0."] {
        assert!(spread[5].contains(part), "{spread:?}");
    }
}

#[test]
fn a_kind_of_number_is_compared_all_the_same() {
    let table = |step: f64, many: u32| {
        (0..many).fold(String::from("x\n"), |csv, row| {
            csv + &format!("{}\n", f64::from(row % 50) * step)
        })
    };
    let ran = diff_csv(&table(1.0, 500), &table(1.5, 400));
    assert_eq!(rows(&ran, "Added")[0][2..], ["int (int64)", "float (float64)"]);
    says(&ran, "CHANGED", &[]);
    assert_eq!(figure(&ran, "x", "max")[5], "+24.5");
}

/// Sketches of the same values in another order are not the same, and say the same.
#[test]
fn a_sketch_says_what_it_may_be_off_by() {
    let table = |factor: u64| {
        let mut csv = String::from("x,k\n");
        for row in 0..40_000_u64 {
            let number = row * factor % 40_009;
            _ = writeln!(csv, "{},k{number}", (number * number % 100_003) as f64 / 7.0);
        }
        csv
    };
    let ran = diff_csv(&table(1), &table(17));
    says(&ran, "SAME", &[]);
    let spread = figure(&ran, "x", "spread");
    assert!(
        spread[5].contains(" ± 0.00") && spread[8] == "within the sketch's error",
        "{spread:?}"
    );
    let far = diff_csv(&table(1), &table(1).replace(".1", ".9").replace("\n1", "\n7"));
    says(&far, "CHANGED", &[]);
    assert!(figure(&far, "x", "spread")[5].contains(" ± 0.00"));
    let counted = figure(&far, "x", "different values");
    assert!(
        counted[5].contains("counted within") || counted[8] == "within the sketch's error",
        "{counted:?}"
    );
}

#[test]
fn columns_of_nothing_are_no_trouble() {
    let mut old = String::from("empty,same,nan,flag,day\n");
    let mut new = old.clone();
    for row in 0..200 {
        _ = writeln!(old, ",1,nan,{},2024-01-{:02}", row % 2 == 0, row % 28 + 1);
        _ = writeln!(new, ",2,5.5,{},2024-02-{:02}", row % 8 == 0, row % 28 + 1);
    }
    let ran = diff_csv(&old, &new);
    says(&ran, "CHANGED", &[]);
    let changed = changed(&ran);
    for (column, what) in [
        ("same", "mean"),
        ("same", "spread"),
        ("nan", "NaN"),
        ("flag", "values"),
    ] {
        assert!(
            changed.contains(&(column.into(), what.into())),
            "{column} {what}: {changed:?}"
        );
    }
    assert_eq!(
        figure(&ran, "day", "first")[3..5],
        ["2024-01-01T00:00:00Z", "2024-02-01T00:00:00Z"]
    );
    let header = diff_csv("a\n", "a\n1\n2\n");
    assert_eq!(header.exit, Some(0), "{}", header.stderr);
}

#[test]
fn tables_and_withheld_values_are_named() {
    let dir = tempfile::tempdir().unwrap();
    let both = two("data/validation.parquet", &[]);
    let one = two("data/airlines.csv", &["--no-samples"]);
    let ran = diff(&both, &one);
    says(&ran, "CHANGED", &["`a` had 1,785 rows and has 1,785"]);
    assert!(rows(&ran, "Added").len() > 8);
    let notes = ran.report()["notes"].to_string();
    assert!(
        notes.contains("A profile withholds the values of `a`") && notes.contains("origin"),
        "{notes}"
    );
    // One table on each side is compared whatever it is called.
    let other = profile("data/validation.parquet", &[]);
    let alone = run::run(&[
        "check",
        "--data=a=data/train.parquet",
        &format!(
            "--suite={}",
            file(&dir, "a.yaml", "tables: {a: {row_count: {min: 1}}}")
        ),
    ]);
    let ran = diff(&alone, &other);
    assert_eq!(rows(&ran, "Tables")[0][0], "a → t");
    let missing = run_other(&["diff", "--before=none.json", "--after=none.json"]);
    assert_eq!(missing.exit, Some(2));
}

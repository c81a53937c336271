//! Figures of real flights are those of pandas (`data/make_data.py`), from Parquet, from a directory of mixed files,
//! and whatever the number of threads.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    dead_code,
    reason = "helpers of tests"
)]

mod run;

use serde_json::Value;

/// A suite with every rule that has a figure, with bounds that never fail.
fn suite(expected: &Value) -> String {
    let mut text = "tables:\n  flights:\n    applies_to: [train, validation]\n    columns:\n".to_owned();
    for (name, figures) in expected["train"]["columns"].as_object().unwrap() {
        text +=
            &format!("      {name}:\n        null_count: {{min: 0}}\n        distinct_count: {{min: 0}}\n");
        for figure in ["mean", "std", "min", "max"] {
            text += &format!("        {figure}: {{min: -1.0e+9}}\n");
        }
        text += "        quantiles:\n";
        for quantile in figures["quantiles"].as_array().unwrap() {
            text += &format!("          - {{p: {}, min: -1.0e+9}}\n", quantile[0]);
        }
    }
    text += "    unique: [{columns: [carrier, flight], max_duplicate_rows: 1000000}]\n";
    text += "relationships:\n";
    for (column, to) in [
        ("dest", "airports.faa"),
        ("carrier", "airlines.carrier"),
        ("tailnum", "planes.tailnum"),
    ] {
        text += &format!("  - {{from: flights.{column}, to: {to}, max_orphan_rows: 1000000}}\n");
    }
    text +=
        "splits: {train: train, test: validation, key: [carrier, flight, dest], max_overlap_rows: 1000000}\n";
    text
}

#[track_caller]
fn close(found: &Value, expected: &Value, what: &str) {
    let (a, b) = (found.as_f64().unwrap_or(f64::NAN), expected.as_f64().unwrap());
    assert!(
        (a - b).abs() <= 1e-12 * b.abs().max(1.0),
        "{what}: {found} instead of {expected}"
    );
}

#[test]
fn figures_are_those_of_pandas() {
    let expected: Value = serde_json::from_str(include_str!("data/expected.json")).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let suite = run::file(&dir, "suite.yaml", suite(&expected));
    for (train, threads) in [
        ("data/train.parquet", "1"),
        ("data/train.parquet", "4"),
        ("data/parts", "2"),
        ("data/parts/*", "1"),
    ] {
        let ran = run::run(&[
            "check",
            &format!("--data=train={train}"),
            "--data=validation=data/validation.parquet",
            "--data=airports=data/airports.csv",
            "--data=airlines=data/airlines.csv",
            "--data=planes=data/planes.csv.gz",
            &format!("--suite={suite}"),
            &format!("--threads={threads}"),
        ]);
        assert_eq!((ran.exit, ran.stdout.trim()), (Some(0), "PASS"), "{}", ran.stderr);
        for table in ["train", "validation"] {
            let wanted = &expected[table];
            let of = |kind: &str, column: &str| ran.check(&format!("{kind}:{table}.{column}"));
            close(
                &ran.check(&format!("row_count:{table}"))["observed"],
                &wanted["rows"],
                "rows",
            );
            for (column, figures) in wanted["columns"].as_object().unwrap() {
                close(&of("null_count", column)["observed"], &figures["nulls"], column);
                close(
                    &of("distinct_count", column)["observed"],
                    &figures["distinct"],
                    column,
                );
                for figure in ["mean", "std", "min", "max"] {
                    close(
                        &of(figure, column)["observed"],
                        &figures[figure],
                        &format!("{figure} of {column}"),
                    );
                }
                for quantile in figures["quantiles"].as_array().unwrap() {
                    let p = quantile[0].as_f64().unwrap();
                    close(
                        &of(&format!("quantile_{p}"), column)["observed"],
                        &quantile[1],
                        &format!("{p} of {column}"),
                    );
                }
            }
            close(
                &of("unique", "(carrier, flight)")["observed"],
                &wanted["duplicate_carrier_flight"],
                "duplicates",
            );
            for (column, to) in [
                ("dest", "airports.faa"),
                ("carrier", "airlines.carrier"),
                ("tailnum", "planes.tailnum"),
            ] {
                let check = ran.check(&format!("references:{table}.{column} -> {to}"));
                let wanted = &wanted["orphans"][column];
                close(&check["observed"], &wanted["rows"], column);
                close(&check["details"]["orphan_keys"], &wanted["keys"], column);
                close(&check["n"], &wanted["referring"], column);
            }
        }
        close(
            &ran.check("row_overlap:train ~ validation")["observed"],
            &expected["overlap_rows"],
            "overlap",
        );
    }
}

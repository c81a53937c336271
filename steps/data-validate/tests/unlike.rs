//! Shards whose files are not alike, and profiles that cannot be: never a better verdict than that of one run.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    dead_code,
    reason = "helpers of tests"
)]

mod run;
mod sharded;

use std::fmt::Write as _;

use run::{Ran, file, run_other};
use serde_json::{Value, json};
use sharded::Sharded;

/// The outcome of a check by shards, and of one run.
#[track_caller]
fn outcomes(files: &[(&str, &str)], rules: &Value, id: &str) -> (Value, Value) {
    let dir = tempfile::tempdir().unwrap();
    for (name, text) in files {
        file(&dir, &format!("d/{name}"), text);
    }
    let data = [format!("--data=t={}/d/", dir.path().display())];
    let suite = file(&dir, "s.yaml", json!({"tables": {"t": rules}}).to_string());
    let sharded = Sharded {
        dir: dir.path(),
        suite: &suite,
        more: Vec::new(),
    };
    let by_shards = sharded.check(&data, files.len());
    let by_rows = run::run(&["check", &format!("--suite={suite}"), &data[0]]);
    (
        by_shards.check(id)["outcome"].clone(),
        by_rows.check(id)["outcome"].clone(),
    )
}

#[test]
fn keys_of_files_that_are_not_alike_are_judged_as_by_one_run() {
    let duplicates = json!({"duplicate_rows": {"max": 0}});
    let pair = json!({"unique": [{"columns": ["a", "b"]}]});
    let sometimes = json!({"columns": {"b": {"required": false, "unique": true}}});
    let id = json!({"unique": [{"columns": ["id"]}]});
    let (ab, ba) = ("a,b\n1,2\n3,4\n", "b,a\n2,1\n6,5\n6,5\n");
    for (files, rules, check, expected) in [
        // The same columns in another order, with two rows that repeat others.
        ([ab, ba], &duplicates, "duplicate_rows:t", "fail"),
        ([ab, "b,a\n5,6\n7,8\n"], &duplicates, "duplicate_rows:t", "pass"),
        // A column more in one of them.
        ([ab, "a,b,c\n5,6,7\n"], &duplicates, "duplicate_rows:t", "fail"),
        // A column of the key less in one of them.
        ([ab, "a\n5\n"], &pair, "unique:t.(a, b)", "fail"),
        ([ab, "a\n5\n"], &sometimes, "unique:t.b", "fail"),
        // A number is no text.
        (["id\n1\n2\n", "id\nx\n1\n"], &id, "unique:t.id", "fail"),
    ] {
        let names = ["0.csv", "1.csv"];
        let files: Vec<(&str, &str)> = names.into_iter().zip(files).collect();
        let (by_shards, by_rows) = outcomes(&files, rules, check);
        assert_eq!(
            (&by_shards, &by_rows),
            (&json!(expected), &json!(expected)),
            "{files:?} {rules}"
        );
    }
}

#[test]
fn a_shard_without_a_file_of_a_table_says_nothing_of_what_it_refers_to() {
    let dir = tempfile::tempdir().unwrap();
    for number in 0..6 {
        file(&dir, &format!("train/{number}.csv"), format!("dest\n{number}\n"));
    }
    file(&dir, "test/0.csv", "dest\n1\n");
    let places = file(&dir, "places.csv", "id\n0\n1\n2\n3\n4\n5\n");
    let data = [
        format!("--data=train={}/train/", dir.path().display()),
        format!("--data=test={}/test/", dir.path().display()),
        format!("--data=places={places}"),
    ];
    let suite = "relationships: [{from: train.dest, to: places.id}, {from: test.dest, to: places.id}]";
    let suite = file(&dir, "s.yaml", suite);
    let sharded = Sharded {
        dir: dir.path(),
        suite: &suite,
        more: Vec::new(),
    };
    let judged = sharded.check(&data, 4);
    assert_eq!(judged.stdout.trim(), "PASS", "{}", judged.report()["reason"]);
    file(&dir, "test/0.csv", "dest\n9\n");
    let judged = sharded.check(&data, 4);
    assert_eq!(judged.check("references:test.dest -> places.id")["observed"], 1);
    assert_eq!(
        judged.check("references:train.dest -> places.id")["outcome"],
        "pass"
    );
}

#[test]
fn a_quantile_at_an_end_is_that_end() {
    let dir = tempfile::tempdir().unwrap();
    for part in 0..4_u64 {
        let mut csv = "x\n".to_owned();
        for row in part * 30_000..(part + 1) * 30_000 {
            let x = match row {
                17 => "1000000000".to_owned(),
                100_000 => "-1000000000".to_owned(),
                _ => (row.wrapping_mul(48_271) % 120_000).to_string(),
            };
            writeln!(csv, "{x}").unwrap();
        }
        file(&dir, &format!("d/{part}.csv"), csv);
    }
    let data = [format!("--data=t={}/d/", dir.path().display())];
    let quantiles = json!([
        {"p": 1, "max": 200_000}, {"p": 0, "min": -1000}, {"p": 0.9995, "max": 119_990}, {"p": 0.9995, "max": 2e9}, {"p": 0.5, "max": 70_000},
    ]);
    let suite = json!({"tables": {"t": {"columns": {"x": {"quantiles": quantiles}}}}});
    let suite = file(&dir, "s.yaml", suite.to_string());
    let sharded = Sharded {
        dir: dir.path(),
        suite: &suite,
        more: Vec::new(),
    };
    let judged = sharded.check(&data, 4);
    let whole = run::run(&["check", &format!("--suite={suite}"), &data[0]]);
    let outcomes = |ran: &Ran| -> Vec<Value> {
        let report = ran.report();
        let checks = report["checks"].as_array().unwrap().iter();
        let of_quantiles = checks.filter(|check| check["id"].as_str().unwrap().starts_with("quantile"));
        of_quantiles.map(|check| check["outcome"].clone()).collect()
    };
    assert_eq!(
        outcomes(&whole),
        ["fail", "fail", "pass", "pass", "pass"],
        "{}",
        whole.stderr
    );
    // What lies as near to an end as the sketch may be off can be as far out as that end.
    assert_eq!(
        outcomes(&judged),
        ["fail", "fail", "insufficient", "pass", "pass"]
    );
}

#[test]
fn a_reference_is_the_one_that_the_profile_was_held_against() {
    let dir = tempfile::tempdir().unwrap();
    let reference = |name: &str, data: &str| {
        let place = dir.path().join(name).display().to_string();
        let ran = run_other(&[
            "profile",
            &format!("--data=last={data}"),
            "--histograms",
            &format!("--output={place}"),
        ]);
        assert_eq!(ran.exit, Some(0), "{}", ran.stderr);
        format!("--reference=last={place}")
    };
    let (one, other) = (
        reference("one.json", "data/train.parquet"),
        reference("other.json", "data/validation.parquet"),
    );
    let suite = "tables: {t: {columns: {dep_delay: {distribution: {reference: last, psi: {max: 0.01}}}}}}";
    let suite = file(&dir, "s.yaml", suite);
    let sharded = Sharded {
        dir: dir.path(),
        suite: &suite,
        more: vec![one.clone()],
    };
    let flags = ["--data=t=data/train.parquet".to_owned(), one.clone()];
    for shard in sharded.cut(&flags, 1) {
        assert_eq!(sharded.profile(&shard, "profiles/0.json").exit, Some(0));
    }
    assert_eq!(sharded.merge("profiles", "merged.json").exit, Some(0));
    let judged = |reference: &str| {
        let profile = format!("--profile-only={}", sharded.at("merged.json"));
        run_other_check(&[&format!("--suite={suite}"), &profile, reference])
    };
    assert_eq!(judged(&one).stdout.trim(), "PASS");
    let ran = judged(&other);
    assert_eq!(ran.exit, Some(2));
    assert!(
        ran.stderr.contains("it was held against the reference `last`"),
        "{}",
        ran.stderr
    );
}

fn run_other_check(flags: &[&str]) -> Ran {
    let args: Vec<&str> = ["check"].into_iter().chain(flags.iter().copied()).collect();
    run::run(&args)
}

#[test]
fn a_file_that_was_replaced_by_one_as_long_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    file(&dir, "d/a.csv", "id\n1\n");
    let replaced = file(&dir, "d/b.csv", "id\n1\n");
    let suite = file(&dir, "s.yaml", "tables: {t: {columns: {id: {unique: true}}}}");
    let sharded = Sharded {
        dir: dir.path(),
        suite: &suite,
        more: Vec::new(),
    };
    sharded.cut(&[format!("--data=t={}/d/", dir.path().display())], 2);
    file(&dir, "d/b.csv", "id\n2\n");
    // As a copy does whose clock is another one.
    let later = std::time::SystemTime::now() + std::time::Duration::from_secs(5);
    let written = std::fs::File::options().write(true).open(&replaced).unwrap();
    written.set_modified(later).unwrap();
    assert_eq!(sharded.profile("0", "profiles/0.json").exit, Some(0));
    let ran = sharded.profile("1", "profiles/1.json");
    assert_ne!(ran.exit, Some(0));
    assert!(
        ran.stderr.contains("b.csv") && ran.stderr.contains("written at"),
        "{}",
        ran.stderr
    );
}

/// A profile of a table with some answers to rules, changed.
#[track_caller]
fn refuses(change: impl Fn(&mut Value), part: &str) {
    let dir = tempfile::tempdir().unwrap();
    file(&dir, "d/a.csv", "id,x\n1,5\n1,6\n2,7\n");
    let rules = json!({
        "expressions": [{"expression": "x > 5"}],
        "columns": {"id": {"unique": true}, "x": {"range": {"max": 6, "mostly": 0.9}, "median": {"max": 7}, "distinct_count": {"max": 3}}},
    });
    let suite = file(&dir, "s.yaml", json!({"tables": {"t": rules}}).to_string());
    let sharded = Sharded {
        dir: dir.path(),
        suite: &suite,
        more: Vec::new(),
    };
    sharded.check(&[format!("--data=t={}/d/", dir.path().display())], 1);
    let place = sharded.at("merged.json");
    let mut profile: Value = serde_json::from_slice(&std::fs::read(&place).unwrap()).unwrap();
    change(&mut profile["tables"]["t"]);
    std::fs::write(&place, profile.to_string()).unwrap();
    let ran = sharded.judge("merged.json");
    assert_eq!(ran.exit, Some(2), "{part}: {} {}", ran.stdout, ran.stderr);
    assert!(ran.stderr.contains(part), "`{part}`: {}", ran.stderr);
}

#[test]
fn a_profile_that_cannot_be_is_refused() {
    refuses(
        |table| table["evidence"]["columns"]["x"]["tests"]["range"]["Ok"]["bad"] = json!(11),
        "columns.x.bad: 11, of 3",
    );
    refuses(
        |table| table["evidence"]["columns"]["x"]["nulls"] = json!(4),
        "columns.x.nulls and malformed: 4, of 3",
    );
    refuses(
        |table| table["evidence"]["columns"]["x"]["rows"] = json!(9),
        "columns.x.rows: 9, of 3",
    );
    refuses(
        |table| table["evidence"]["conditions"][0]["aside"] = json!(7),
        "conditions[0].aside, unknown and tested",
    );
    refuses(
        |table| table["evidence"]["keys"][0][1]["looked_at"] = json!(90),
        "keys[0].looked_at and with_null: 90, of 3",
    );
    refuses(|table| table["rows"] = json!(1_u64 << 60), "can be counted");
    let distinct = |state: Value| move |table: &mut Value| table["columns"]["x"]["distinct"] = state.clone();
    refuses(
        distinct(json!({"count": 50_000, "exact": false, "state": "01"})),
        "state has 1 registers",
    );
    refuses(
        distinct(json!({"count": 2, "exact": true, "state": "zz"})),
        "state is no hashes",
    );
    refuses(
        distinct(json!({"count": 2, "exact": true, "state": "0000000000000001"})),
        "count is 2, and state has 1 hashes",
    );
}

//! Tables that machines profile side by side: the verdict is that of one run over them all.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    dead_code,
    reason = "helpers of tests"
)]

mod flights;
mod run;
mod sharded;

use std::fmt::Write as _;
use std::path::Path;

use flights::Rows;
use run::{Ran, file, run_other};
use serde_json::{Value, json};
use sharded::Sharded;

/// The flights, as CSV files of so many rows each.
fn flights(dir: &tempfile::TempDir, rows: usize) -> String {
    let all = Rows::read();
    for (number, part) in all.rows.chunks(rows).enumerate() {
        let part = Rows {
            names: all.names.clone(),
            rows: part.to_vec(),
        };
        file(dir, &format!("flights/{number:03}.csv"), part.csv());
    }
    format!("{}/flights/", dir.path().display())
}

const SUITE: &str = r#"
tables:
  train:
    row_count: {min: 1700, max: 1700}
    column_count: {min: 19, max: 19}
    unique: [{columns: [carrier, flight, time_hour, origin]}, {columns: [carrier]}]
    duplicate_rows: {max: 0}
    expressions:
    - {name: short hop, expression: "distance >= 300", where: "origin = 'JFK'"}
    - {name: on time, expression: "sched_dep_time <= sched_arr_time", severity: warn}
    correlations: [{columns: [distance, air_time], min: 0.9}]
    row_count_against: {table: airports, min: 1, max: 2}
    columns:
      dep_delay:
        null_rate: {max: 0.01}
        range: {min: -30, max: 300, mostly: 0.99}
        mean: {min: 10, max: 11}
        std: {max: 30}
        median: {min: -2, max: -2}
        quantiles: [{p: 0.95, max: 60}, {p: 0.01, min: -12}]
        sum: {min: 0}
        skewness: {max: 2}
        kurtosis: {max: 2}
        nan_rate: {max: 0}
        distribution: {reference: validation, psi: {max: 0.1}, ks: {max: 0.2}}
      distance: {min: {min: 100}, max: {max: 5000}, not_constant: true, increasing: true}
      tailnum: {not_null: true, regex: "^N[0-9]{3}[A-Z]{2}$", length: {min: 6, max: 6}}
      carrier: {in_set: [UA, AA, B6, DL, EV, MQ, US, WN], distinct_count: {min: 16}, entropy: {min: 2}, imbalance: {max: 100}}
      origin: {contains: [EWR, JFK, LGA], value_shares: {EWR: {min: 0.3}}, distribution: {reference: validation, js: {max: 0.05}}}
      time_hour: {type: timestamp, increasing: true, unique_rate: {min: 0.9}}
      month: {type: int, in_set: [1]}
relationships:
- {from: train.dest, to: airports.faa}
- {from: train.carrier, to: airlines.carrier, max_orphan_keys: 0}
splits: {train: train, test: validation, time_column: time_hour, size_ratio: {min: 0.1, max: 2}, max_overlap_rows: 100000}
"#;

fn tables(flights: &str) -> Vec<String> {
    vec![
        format!("--data=train={flights}"),
        "--data=airports=data/airports.csv".to_owned(),
        "--data=airlines=data/airlines.csv".to_owned(),
        "--data=validation=data/validation.parquet".to_owned(),
    ]
}

/// The first place where two documents differ.
fn differs(at: &str, a: &Value, b: &Value) -> Option<String> {
    match (a, b) {
        // Of too many different values another grouping keeps others, within the stated error.
        (Value::Object(a), Value::Object(b))
            if a.contains_key("error") && (a["error"] != 0 || b["error"] != 0) =>
        {
            None
        }
        (Value::Object(a), Value::Object(b)) if a.keys().eq(b.keys()) => a
            .iter()
            .find_map(|(key, value)| differs(&format!("{at}/{key}"), value, &b[key])),
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            let pairs = a.iter().zip(b).enumerate();
            pairs
                .into_iter()
                .find_map(|(index, (a, b))| differs(&format!("{at}/{index}"), a, b))
        }
        _ => (a != b).then(|| format!("{at}: {a} and {b}")),
    }
}

/// What was found, by check; without sentences and examples.
fn found(ran: &Ran) -> Vec<(String, Value)> {
    let report = ran.report();
    let checks = report["checks"].as_array().unwrap().iter();
    let mut found: Vec<(String, Value)> = checks
        .map(|check| {
            let figures = json!([
                check["outcome"],
                check["observed"],
                check["n"],
                check["p"],
                check["interval"]
            ]);
            (check["id"].as_str().unwrap().to_owned(), figures)
        })
        .collect();
    found.sort_by(|a, b| a.0.cmp(&b.0));
    found
}

#[test]
fn shards_come_to_the_verdict_of_one_run() {
    let dir = tempfile::tempdir().unwrap();
    let data = tables(&flights(&dir, 180));
    let suite = file(&dir, "suite.yaml", SUITE);
    let flag = format!("--suite={suite}");
    let args: Vec<&str> = ["check", &flag]
        .into_iter()
        .chain(data.iter().map(String::as_str))
        .collect();
    let whole = run::run(&args);
    let sharded = Sharded {
        dir: dir.path(),
        suite: &suite,
        more: Vec::new(),
    };
    let judged = sharded.check(&data, 4);
    assert_eq!(
        (judged.exit, judged.stdout.trim()),
        (whole.exit, whole.stdout.trim()),
        "{}",
        judged.stderr
    );
    let (one, parts) = (found(&whole), found(&judged));
    let ids = |found: &[(String, Value)]| found.iter().map(|(id, _)| id.clone()).collect::<Vec<_>>();
    assert_eq!(ids(&one), ids(&parts));
    assert!(one.len() > 45, "{}", one.len());
    for ((id, whole), (_, parts)) in one.iter().zip(&parts) {
        if id.starts_with("row_overlap") {
            // Rows of two tables are compared with each other: that takes the rows.
            assert_eq!(parts[0], "insufficient", "{id}");
        } else {
            assert_eq!(parts, whole, "{id}");
        }
    }
    // Both outcomes are among them.
    for outcome in ["pass", "fail"] {
        assert!(
            one.iter().filter(|(_, found)| found[0] == outcome).count() > 8,
            "{outcome}"
        );
    }
    let bad = |ran: &Ran| ran.check("references:train.dest -> airports.faa")["samples"].clone();
    assert_eq!(bad(&judged), bad(&whole));
    assert_eq!(
        judged.check("regex:train.tailnum")["samples"],
        whole.check("regex:train.tailnum")["samples"]
    );
}

#[test]
fn what_was_validated_by_shards_is_recorded_as_by_one_run() {
    let dir = tempfile::tempdir().unwrap();
    let data = [format!("--data=train={}", flights(&dir, 300))];
    let suite = file(
        &dir,
        "suite.yaml",
        "tables: {train: {columns: {carrier: {not_null: true}}}}",
    );
    let window = ["--window=3d", "--as-of=2013-01-04", "--time-column=time_hour"];
    for window in [&window[..0], &window[..]] {
        let (flag, out) = (format!("--suite={suite}"), tempfile::tempdir().unwrap());
        let whole = run::run(&[&["check", &flag, &data[0]], window].concat());
        assert_eq!(whole.stdout.trim(), "PASS", "{}", whole.stderr);
        let sharded = Sharded {
            dir: out.path(),
            suite: &suite,
            more: window.iter().map(|flag| (*flag).to_owned()).collect(),
        };
        let judged = sharded.check(&data, 3);
        assert_eq!(judged.stdout.trim(), "PASS", "{}", judged.stderr);
        assert_eq!(judged.json("dataset.json"), whole.json("dataset.json"));
        assert_eq!(
            judged.json("profile.json")["tables"]["train"]["rows"],
            whole.json("profile.json")["tables"]["train"]["rows"]
        );
    }
}

#[test]
fn the_grouping_of_a_merge_does_not_matter() {
    let dir = tempfile::tempdir().unwrap();
    let data = tables(&flights(&dir, 180));
    let suite = file(&dir, "suite.yaml", SUITE);
    let sharded = Sharded {
        dir: dir.path(),
        suite: &suite,
        more: Vec::new(),
    };
    sharded.check(&data, 5);
    let copy = |from: &str, to: &str| {
        std::fs::create_dir_all(Path::new(&sharded.at(to)).parent().unwrap()).unwrap();
        std::fs::copy(sharded.at(from), sharded.at(to)).unwrap();
    };
    // The names say another order than the shards.
    for (shard, to) in ["x/b.json", "x/a.json", "y/2.json", "y/3.json", "y/1.json"]
        .iter()
        .enumerate()
    {
        copy(&format!("profiles/{shard}.json"), to);
    }
    for group in ["x", "y"] {
        let ran = sharded.merge(group, &format!("both/{group}.json"));
        assert_eq!(ran.exit, Some(0), "{}", ran.stderr);
    }
    sharded.merge("both", "again.json");
    let read =
        |name: &str| -> Value { serde_json::from_slice(&std::fs::read(sharded.at(name)).unwrap()).unwrap() };
    if let Some(at) = differs("", &read("again.json"), &read("merged.json")) {
        panic!("{at}");
    }
    // Profiles of no suite are of no shard either: whichever is named first, one comes out.
    let bytes = |a: &str, b: &str| {
        let out = tempfile::tempdir().unwrap();
        for (name, part) in [("1.json", a), ("2.json", b)] {
            let data = format!("--data=t={}/flights/{part}.csv", dir.path().display());
            let ran = run_other(&[
                "profile",
                &data,
                &format!("--output={}/p/{name}", out.path().display()),
            ]);
            assert_eq!(ran.exit, Some(0), "{}", ran.stderr);
        }
        let merged = out.path().join("merged.json");
        run_other(&[
            "merge",
            &format!("--profiles={}/p", out.path().display()),
            &format!("--output={}", merged.display()),
        ]);
        std::fs::read(merged).unwrap()
    };
    assert_eq!(bytes("000", "001"), bytes("001", "000"));
}

#[test]
fn what_is_missing_or_other_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let data = [format!("--data=train={}", flights(&dir, 300))];
    let suite = file(
        &dir,
        "suite.yaml",
        "tables: {train: {columns: {carrier: {not_null: true}}}}",
    );
    let other = file(&dir, "other.yaml", "tables: {train: {columns: {carrier: {}}}}");
    let sharded = |suite| Sharded {
        dir: dir.path(),
        suite,
        more: Vec::new(),
    };
    let one = sharded(&suite);
    one.check(&data, 3);
    let refused = |ran: Ran, part: &str| {
        assert_eq!(ran.exit, Some(2), "{}", ran.stdout);
        assert!(ran.stderr.contains(part), "`{part}`: {}", ran.stderr);
    };
    refused(
        sharded(&other).judge("merged.json"),
        "it answers the suite sha256:",
    );
    refused(one.judge("profiles/1.json"), "shard 0 of 3 is not in it");
    refused(one.judge("shards.json"), "mlops-steps/table-profiles/v1");
    refused(
        one.profile("3", "x.json"),
        "--shard 3: there are the shards 0 to 2",
    );
    std::fs::rename(one.at("profiles/1.json"), one.at("kept.json")).unwrap();
    refused(
        one.merge("profiles", "x.json"),
        "2.json: shard 1 is missing before it",
    );
    std::fs::copy(one.at("profiles/2.json"), one.at("profiles/3.json")).unwrap();
    std::fs::copy(one.at("kept.json"), one.at("profiles/1.json")).unwrap();
    refused(one.merge("profiles", "x.json"), "shard 2 is there already");
    let ran = sharded(&other).profile("2", "profiles/3.json");
    assert_eq!(ran.exit, Some(0), "{}", ran.stderr);
    refused(
        one.merge("profiles", "x.json"),
        "the suite is not that of the other profiles",
    );
    // A file that is written anew after the shards were cut is not what was pinned.
    file(&dir, "flights/000.csv", "carrier\nUA\n");
    refused(one.profile("0", "x.json"), "flights/000.csv");
    assert!(!Path::new(&one.at("x.json")).exists());
    let bare = run_other(&["profile", &data[0], &format!("--output={}", one.at("bare.json"))]);
    assert_eq!(bare.exit, Some(0), "{}", bare.stderr);
    refused(one.judge("bare.json"), "it has no answers to rules");
}

#[test]
fn what_profiles_cannot_decide_has_too_little_evidence() {
    let dir = tempfile::tempdir().unwrap();
    // 120,000 ids of which none repeats, and as many numbers, spread evenly over 0 to 1; the last file repeats 10 of its ids.
    for part in 0..4_u64 {
        let mut csv = "id,x,again\n".to_owned();
        for row in part * 30_000..(part + 1) * 30_000 {
            let x = (row.wrapping_mul(48_271) % 120_000) as f64 / 120_000.0;
            let again = if part == 3 && row % 3000 == 1 {
                row - 1
            } else {
                row
            };
            writeln!(csv, "{row},{x},{again}").unwrap();
        }
        file(&dir, &format!("d/{part}.csv"), csv);
    }
    let data = [format!("--data=t={}/d/", dir.path().display())];
    let cases = [
        ("unique:t.id", "{unique: true}", "insufficient", "pass"),
        ("unique:t.again", "{unique: true}", "fail", "fail"),
        (
            "distinct_count:t.id",
            "{distinct_count: {min: 100000, max: 140000}}",
            "pass",
            "pass",
        ),
        (
            "distinct_count:t.id",
            "{distinct_count: {max: 100000}}",
            "fail",
            "fail",
        ),
        (
            "distinct_count:t.id",
            "{distinct_count: {min: 119999}}",
            "insufficient",
            "pass",
        ),
        ("not_constant:t.id", "{not_constant: true}", "pass", "pass"),
        ("entropy:t.id", "{entropy: {min: 1}}", "insufficient", "pass"),
        ("median:t.x", "{median: {min: 0.49, max: 0.51}}", "pass", "pass"),
        ("median:t.x", "{median: {max: 0.4}}", "fail", "fail"),
        ("median:t.x", "{median: {max: 0.5001}}", "insufficient", "pass"),
        ("mean:t.x", "{mean: {max: 0.4999959}}", "pass", "pass"),
    ];
    for (id, rules, by_profiles, by_rows) in cases {
        let column = id.rsplit('.').next().unwrap();
        let suite = file(
            &dir,
            "s.yaml",
            format!("tables: {{t: {{columns: {{{column}: {rules}}}}}}}"),
        );
        let out = tempfile::tempdir().unwrap();
        let sharded = Sharded {
            dir: out.path(),
            suite: &suite,
            more: Vec::new(),
        };
        let judged = sharded.check(&data, 4);
        assert_eq!(
            judged.check(id)["outcome"],
            by_profiles,
            "{rules}: {}",
            judged.check(id)["why"]
        );
        // Too little evidence is no pass.
        let word = if by_profiles == "pass" { "PASS" } else { "FAIL" };
        assert_eq!(judged.stdout.trim(), word);
        let whole = run::run(&["check", &format!("--suite={suite}"), &data[0]]);
        assert_eq!(whole.check(id)["outcome"], by_rows, "{rules}");
    }
}

#[test]
fn examples_are_withheld_from_profiles_too() {
    let dir = tempfile::tempdir().unwrap();
    let data = [format!(
        "--data=t={}",
        file(&dir, "d/t.csv", "name\nSecret Person\nb\n")
    )];
    let rules = json!({"tables": {"t": {"columns": {"name": {"regex": "^x", "unique": true}}}}});
    let suite = file(&dir, "s.yaml", rules.to_string());
    for (flag, shown) in [
        ("--samples=5", true),
        ("--no-samples", false),
        ("--redact-samples", false),
    ] {
        let sharded = Sharded {
            dir: dir.path(),
            suite: &suite,
            more: vec![flag.to_owned()],
        };
        sharded.check(&data, 1);
        let text = std::fs::read_to_string(sharded.at("merged.json")).unwrap();
        assert_eq!(text.contains("Secret Person"), shown, "{flag}");
    }
}

#[test]
fn a_profile_stands_for_the_table_that_it_was_made_of() {
    let dir = tempfile::tempdir().unwrap();
    let profile = dir.path().join("before.json").display().to_string();
    let ran = run_other(&[
        "profile",
        "--data=last=data/validation.parquet",
        "--histograms",
        &format!("--output={profile}"),
    ]);
    assert_eq!(ran.exit, Some(0), "{}", ran.stderr);
    let against = |bins: &str| {
        let measures = format!("psi: {{max: 0.01}}, js: {{max: 0.05}}, l_infinity: {{max: 0.5}}{bins}");
        format!(
            "tables: {{train: {{columns: {{dep_delay: {{distribution: {{reference: before, {measures}, ks: {{max: 0.2}}}}}}, \
             carrier: {{distribution: {{reference: before, {measures}, chi_squared_p: {{min: 0.5}}}}}}}}}}}}"
        )
    };
    let suite = format!("--suite={}", file(&dir, "s.yaml", against("")));
    let data = "--data=train=data/train.parquet";
    let by_table = run::run(&["check", &suite, data, "--data=before=data/validation.parquet"]);
    let reference = format!("--reference=before={profile}");
    let by_profile = run::run(&["check", &suite, data, &reference]);
    let of_distributions = |ran: &Ran| {
        let found = found(ran).into_iter().filter(|(id, _)| id.contains(" / before"));
        found.collect::<Vec<_>>()
    };
    let (one, other) = (of_distributions(&by_table), of_distributions(&by_profile));
    assert_eq!(one.len(), 8, "{}", by_table.stderr);
    assert_eq!(one, other);
    for outcome in ["pass", "fail"] {
        assert!(one.iter().any(|(_, found)| found[0] == outcome), "{outcome}");
    }
    assert!(by_profile.report()["inputs"].to_string().contains("before.json"));
    // What the profile does not have, or has otherwise.
    let other = format!("--suite={}", file(&dir, "other.yaml", against(", bins: 20")));
    let ran = run::run(&["check", &other, data, &reference]);
    assert!(
        ran.check("psi:train.dep_delay / before")["why"]
            .as_str()
            .unwrap()
            .contains("a profile has 10 bins")
    );
    let bare = dir.path().join("bare.json").display().to_string();
    run_other(&[
        "profile",
        "--data=last=data/validation.parquet",
        &format!("--output={bare}"),
    ]);
    let ran = run::run(&["check", &suite, data, &format!("--reference=before={bare}")]);
    assert_eq!(ran.exit, Some(2));
    assert!(ran.stderr.contains("it has no histograms"), "{}", ran.stderr);
}

//! What `infer` takes and writes: profiles that withhold values, files that are none, names and values of every form.

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

use data_validate::config::Scalar;
use flights::{profile, profile_of, quoted, two};
use inferred::{Inferred, passes};
use proptest::prelude::*;
use run::file;
use serde_json::{Value, json};

#[test]
fn withheld_values_stay_out() {
    for flag in ["--no-samples", "--redact-samples"] {
        let inferred = Inferred::from(&profile("data/train.parquet", &[flag]));
        let yaml = inferred.yaml();
        assert!(!yaml.contains("EWR") && !yaml.contains("in_set:"), "{yaml}");
        assert!(
            inferred
                .column("origin")
                .contains("No `in_set`: the profile withholds the 3 values")
        );
        assert!(!inferred.ran.report().to_string().contains("EWR"));
        passes(&inferred.check("data/train.parquet"));
    }
}

#[test]
fn the_header_says_what_it_is_of() {
    let window = ["--window=24h", "--as-of=2013-01-03", "--time-column=time_hour"];
    let ran = two("data/validation.parquet", &window);
    let path = ran.path("profile.json").display().to_string();
    Inferred::of(&path, &[]).refused(&["profile.json: tables.b.rows is 0"]);
    let inferred = Inferred::of(&path, &["--table=a"]).done();
    let yaml = inferred.yaml();
    let digest = inferred.ran.report()["bindings"]["profile.digest"]
        .as_str()
        .unwrap()
        .to_owned();
    for part in [
        "from profile.json: a (",
        digest.as_str(),
        "# Its window over `time_hour` is from 2013-01-02T00:00:00Z",
        "A person must read this",
    ] {
        assert!(yaml.contains(part), "`{part}` is not in\n{yaml}");
    }
    assert!(!yaml.contains("\n  b:"));
    let statement = inferred.ran.json("statement.json").to_string();
    assert!(
        statement.contains(digest.trim_start_matches("sha256:")),
        "{statement}"
    );
}

#[test]
fn what_is_no_profile_is_refused() {
    let good: Value = profile("data/train.parquet", &[]).json("profile.json");
    let dir = tempfile::tempdir().unwrap();
    let refused = |text: String, more: &[&str], parts: &[&str]| {
        Inferred::of(&file(&dir, "p.json", text), more).refused(parts);
    };
    refused("tables: {}".into(), &[], &["p.json", "this is no JSON"]);
    refused("{}".into(), &[], &["p.json", "schema is missing"]);
    let spoiled = |change: fn(&mut Value)| {
        let mut spoiled = good.clone();
        change(&mut spoiled);
        spoiled.to_string()
    };
    refused(
        spoiled(|file| file["schema"] = json!("mlops-steps/table-profiles/v2")),
        &[],
        &["p.json: schema is `mlops-steps/table-profiles/v2`"],
    );
    refused(
        spoiled(|file| file["more"] = json!(1)),
        &[],
        &["p.json", "unknown field `more`"],
    );
    refused(
        spoiled(|file| file["tables"] = json!({})),
        &[],
        &["p.json: tables is empty"],
    );
    let column = |change: fn(&mut Value)| {
        let mut spoiled = good.clone();
        change(&mut spoiled["tables"]["t"]["columns"]["dep_delay"]);
        spoiled.to_string()
    };
    let at = "p.json: tables.t.columns.dep_delay.";
    for (text, why) in [
        (
            column(|column| column["nulls"] = json!(9_999)),
            "nulls is 9999, of 1785 rows",
        ),
        (
            column(|column| column["rows"] = json!(9_999)),
            "rows is 9999, and the table has 1785",
        ),
        (
            column(|column| column["name"] = json!("delay")),
            "name is `delay`",
        ),
        (column(|column| column["schema"] = json!("v0")), "schema is `v0`"),
        (
            column(|column| column["nan"] = json!(u64::MAX)),
            "nan is 18446744073709551615",
        ),
        (
            column(|column| column["numbers"]["moments"]["count"] = json!(5)),
            "numbers.quantiles stands for 1773 values",
        ),
        (
            column(|column| column["numbers"]["quantiles"]["levels"] = json!([[1.0], [], []])),
            "numbers.quantiles stands for 1 values",
        ),
    ] {
        refused(text, &[], &[&format!("{at}{why}")]);
    }
    refused(
        good.to_string(),
        &["--table=tt"],
        &["p.json: tables has no `tt`; it has t"],
    );
    let path = file(&dir, "p.json", good.to_string());
    let ran = run::run_other(&["infer", &format!("--profile={path}"), &format!("--output={path}")]);
    assert_eq!(ran.exit, Some(2));
    assert!(std::fs::read_to_string(&path).unwrap().contains("table-profiles"));
}

const NASTY: [&str; 24] = [
    "yes",
    "no",
    "null",
    "~",
    "true",
    "1",
    "1.5",
    "0x1f",
    ".nan",
    "-",
    "- a",
    "a: b",
    "#",
    "a #b",
    "'",
    "\"",
    "\\",
    "{a}",
    "[1]",
    "a\nb",
    "\u{feff}é😀",
    "*x",
    "&x",
    "%d",
];

#[test]
fn strange_names_and_values_go_through_the_whole_way() {
    let mut csv = NASTY.map(quoted).join(",") + "\n";
    for row in 0..1500 {
        let cells: Vec<String> = (0..NASTY.len())
            .map(|column| quoted(NASTY[(row + column) % NASTY.len()]))
            .collect();
        csv += &(cells.join(",") + "\n");
    }
    let inferred = Inferred::from(&profile_of(&csv, &[]));
    let suite = inferred.suite();
    let columns: Vec<&str> = suite.tables["t"].columns.keys().map(String::as_str).collect();
    let mut names = NASTY.to_vec();
    names.sort_unstable();
    assert_eq!(columns, names);
    let set = suite.tables["t"].columns["yes"].in_set.as_ref().unwrap();
    assert_eq!(set.values.len(), NASTY.len());
    let dir = tempfile::tempdir().unwrap();
    passes(&inferred.check(&file(&dir, "t.csv", &csv)));
}

/// A profile of one text column with these names and values.
fn made(table: &str, column: &str, values: &[String]) -> String {
    let mut csv = String::from("c\n");
    for row in 0..1500 {
        _ = writeln!(csv, "v{}", row % values.len());
    }
    let mut profile = profile_of(&csv, &[]).json("profile.json");
    let mut inner = profile["tables"]["t"]["columns"]["c"].clone();
    inner["name"] = json!(column);
    for (number, (value, _)) in inner["top"]["values"]
        .as_array_mut()
        .unwrap()
        .iter_mut()
        .map(|pair| pair.as_array_mut().unwrap().split_at_mut(1))
        .map(|(value, count)| (&mut value[0], &count[0]))
        .enumerate()
    {
        *value = json!(values[number]);
    }
    profile["tables"] = json!({table: {"rows": 1500, "columns": {column: inner}}});
    profile.to_string()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn any_name_and_any_value_comes_back(
        table in ".{1,12}",
        column in prop_oneof![".{0,12}", prop::sample::select(NASTY.to_vec()).prop_map(str::to_owned)],
        values in prop::collection::btree_set(".{0,12}", 2..6),
    ) {
        let values: Vec<String> = values.into_iter().collect();
        let dir = tempfile::tempdir().unwrap();
        let inferred = Inferred::of(&file(&dir, "p.json", made(&table, &column, &values)), &[]).done();
        let suite = inferred.suite();
        let set = suite.tables[&table].columns[&column].in_set.clone().unwrap();
        let mut found: Vec<String> = set.values.iter().map(|value| match value {
            Scalar::Text(text) => text.clone(),
            other => panic!("{other:?} is no text"),
        }).collect();
        found.sort();
        prop_assert_eq!(found, values);
    }
}

//! What `infer` writes holds for the data that it saw and for more of the same, and not for data that went wrong.

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

use data_validate::config::{Scalar, Suite};
use flights::{Rows, profile, profile_of, quoted};
use proptest::prelude::*;
use run::{Ran, file};
use serde_json::{Value, json};

/// A suite that was inferred.
struct Inferred {
    ran: Ran,
    dir: tempfile::TempDir,
}

impl Inferred {
    fn of(profile: &str, more: &[&str]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let output = format!("--output={}", dir.path().join("suite.yaml").display());
        let profile = format!("--profile={profile}");
        let args = [&["infer", profile.as_str(), output.as_str()], more].concat();
        Self {
            ran: run::run_other(&args),
            dir,
        }
    }

    fn from(profile: &Ran) -> Self {
        Self::of(&profile.path("profile.json").display().to_string(), &[]).done()
    }

    #[track_caller]
    fn done(self) -> Self {
        let ended = (self.ran.exit, self.ran.stdout.trim());
        assert_eq!(ended, (Some(0), "INFERRED"), "{}", self.ran.stderr);
        self.suite();
        self
    }

    fn path(&self) -> String {
        self.dir.path().join("suite.yaml").display().to_string()
    }

    fn yaml(&self) -> String {
        std::fs::read_to_string(self.path()).unwrap()
    }

    fn suite(&self) -> Suite {
        let yaml = self.yaml();
        Suite::read("suite.yaml", &yaml).unwrap_or_else(|error| panic!("{error}\n{yaml}"))
    }

    /// The lines below a column.
    fn column(&self, name: &str) -> String {
        let yaml = self.yaml();
        let start = format!("      {name}:\n");
        let rest = yaml
            .split(&start)
            .nth(1)
            .unwrap_or_else(|| panic!("no {name} in\n{yaml}"));
        let lines = rest.lines().take_while(|line| line.starts_with("        "));
        lines.collect::<Vec<_>>().join("\n")
    }

    fn check(&self, data: &str) -> Ran {
        let (data, suite) = (format!("--data=t={data}"), format!("--suite={}", self.path()));
        run::run(&["check", &data, &suite])
    }

    fn check_rows(&self, rows: &Rows) -> Ran {
        let dir = tempfile::tempdir().unwrap();
        self.check(&file(&dir, "t.csv", rows.csv()))
    }

    #[track_caller]
    fn refused(&self, parts: &[&str]) {
        let words = std::fs::read_to_string(self.ran.path("termination")).unwrap();
        assert_eq!(self.ran.exit, Some(2), "{}", self.ran.stderr);
        assert!(!std::path::Path::new(&self.path()).exists());
        for part in parts {
            assert!(words.contains(part), "`{part}` is not in `{words}`");
        }
    }
}

#[track_caller]
fn passes(ran: &Ran) {
    let report = ran.report();
    let misses: Vec<&Value> = report["checks"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|check| check["outcome"] != "pass" && check["kind"] != "header")
        .map(|check| &check["why"])
        .collect();
    assert!(
        misses.is_empty() && ran.exit == Some(0),
        "{misses:#?}\n{}",
        ran.stderr
    );
}

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
    let dir = tempfile::tempdir().unwrap();
    let suite = file(
        &dir,
        "s.yaml",
        "tables: {a: {row_count: {min: 1}}, b: {row_count: {min: 1}}}",
    );
    let ran = run::run(&[
        "check",
        "--data=a=data/train.parquet",
        "--data=b=data/validation.parquet",
        &format!("--suite={suite}"),
        "--window=24h",
        "--as-of=2013-01-03",
        "--time-column=time_hour",
    ]);
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

//! A suite that is inferred from data: it holds on those data, and not on others.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    dead_code,
    reason = "helpers of tests"
)]

mod run;

use std::process::{Command, Stdio};

use proptest::prelude::*;
use run::{Ran, file, run, run_in};
use serde_json::{Value, json};

/// The profile of tables, with no rule but that they are there.
fn profile(data: &[&str], more: &[&str]) -> Ran {
    let tables = data.iter().filter_map(|table| table.split('=').next());
    let suite: Value = json!({"tables": tables.map(|name| (name.to_owned(), json!({"row_count": {"min": 0}}))).collect::<serde_json::Map<_, _>>()});
    profile_by(data, &suite, more)
}

fn profile_by(data: &[&str], suite: &Value, more: &[&str]) -> Ran {
    let dir = tempfile::tempdir().unwrap();
    let suite = format!("--suite={}", file(&dir, "suite.yaml", suite.to_string()));
    let data: Vec<String> = data.iter().map(|table| format!("--data={table}")).collect();
    let mut args = vec!["check", &suite];
    args.extend(data.iter().map(String::as_str));
    args.extend(more);
    let ran = run(&args);
    assert!(ran.has("profile.json"), "{}", ran.stderr);
    ran
}

/// What `infer` says of a profile: its exit, its standard output, its standard error.
fn infer(profile: &str, more: &[&str]) -> (Option<i32>, String, String) {
    let done = Command::new(env!("CARGO_BIN_EXE_data-validate"))
        .current_dir(run::here())
        .args(["infer", "--profile", profile])
        .args(more)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    (
        done.status.code(),
        String::from_utf8(done.stdout).unwrap(),
        String::from_utf8(done.stderr).unwrap(),
    )
}

/// The suite inferred from a run's profile.
#[track_caller]
fn suite(of: &Ran, more: &[&str]) -> String {
    let (exit, suite, errors) = infer(&of.path("profile.json").display().to_string(), more);
    assert_eq!(exit, Some(0), "{errors}");
    suite
}

/// Checks tables against a suite.
fn check(data: &[&str], suite: &str, more: &[&str]) -> Ran {
    let out = tempfile::tempdir().unwrap();
    let suite = format!("--suite={}", file(&out, "suite.yaml", suite));
    let data: Vec<String> = data.iter().map(|table| format!("--data={table}")).collect();
    let mut args = vec!["check", &suite];
    args.extend(data.iter().map(String::as_str));
    args.extend(more);
    run_in(out, &args)
}

/// The checks that did not pass, each with its sentence.
fn missed(ran: &Ran) -> Vec<String> {
    let report = ran.report();
    let checks = report["checks"].as_array().unwrap().iter();
    let missed = checks.filter(|check| check["outcome"] != "pass");
    missed
        .map(|check| format!("{}: {}", check["id"].as_str().unwrap(), check["why"]))
        .collect()
}

#[track_caller]
fn passes(data: &[&str], suite: &str, more: &[&str]) -> Ran {
    let ran = check(data, suite, more);
    assert_eq!(ran.stdout.trim(), "PASS", "{:#?}\n{}\n{suite}", missed(&ran), ran.stderr);
    ran
}

const ALL: [&str; 8] = [
    "train=data/train.parquet",
    "validation=data/validation.parquet",
    "airports=data/airports.csv",
    "airlines=data/airlines.csv",
    "planes=data/planes.csv.gz",
    "parts=data/parts",
    "rows=data/rows.parquet",
    "exact=data/exact.parquet",
];

#[test]
fn it_holds_on_the_data_that_it_is_of() {
    let before = profile(&ALL, &[]);
    let suite = suite(&before, &[]);
    passes(&ALL, &suite, &[]);
    // Again, for it must not hang on the order of a map.
    assert_eq!(suite, self::suite(&before, &[]));
    // The strictest that can be asked for.
    let strict = self::suite(&before, &["--margin=0", "--confidence=0.01", "--max-values=5"]);
    passes(&ALL, &strict, &[]);
    passes(&["large=data/large_before.parquet"], &self::suite(&profile(&["large=data/large_before.parquet"], &[]), &["--margin=0"]), &[]);
}

#[test]
fn one_table_is_inferred_alone() {
    let before = profile(&ALL[..3], &[]);
    let only = suite(&before, &["--table=airports"]);
    assert!(only.contains("  airports:\n") && !only.contains("train"), "{only}");
    let place = before.path("profile.json").display().to_string();
    let (exit, _, errors) = infer(&place, &["--table=airport"]);
    assert_eq!(exit, Some(2));
    assert!(
        errors.contains("no table `airport` (did you mean `airports`?); it has airports, train, validation"),
        "{errors}"
    );
}

#[test]
fn data_that_went_bad_miss_the_rules_that_they_break() {
    let dir = tempfile::tempdir().unwrap();
    let rows = |bad: bool| -> String {
        let row = |row: u32| {
            let id = if bad && row == 700 { 3 } else { row };
            let carrier = if bad && row % 10 == 0 { "XX" } else { ["AA", "UA", "DL"][row as usize % 3] };
            let delay = match row % 50 {
                0 => String::new(),
                1 if bad => "-9999".to_owned(),
                _ if bad && row % 4 == 0 => String::new(),
                _ => format!("{}", row % 120),
            };
            let share = if bad && row == 9 { "NaN" } else { "0.5" };
            let share = if row % 2 == 0 { "0.25" } else { share };
            format!("a{id:04},{carrier},{delay},{share},2013-01-0{}\n", row % 9 + 1)
        };
        format!("id,carrier,delay,share,day\n{}", (0..900).map(row).collect::<String>())
    };
    let good = format!("t={}", file(&dir, "good.csv", rows(false)));
    let bad = format!("t={}", file(&dir, "bad.csv", rows(true)));
    let suite = suite(&profile(&[&good], &[]), &[]);
    passes(&[&good], &suite, &[]);
    let ran = check(&[&bad], &suite, &[]);
    assert_eq!((ran.exit, ran.stdout.trim()), (Some(3), "FAIL"));
    for id in ["unique:t.id", "in_set:t.carrier", "null_rate:t.delay", "range:t.delay", "finite:t.share"] {
        assert_eq!(ran.check(id)["outcome"], "fail", "{id}\n{suite}");
    }
    assert_eq!(ran.check("quantile_0.05:t.delay")["severity"], "warn");
    // A part of the rows, and another type.
    let few: String = rows(false).lines().take(300).map(|line| format!("{line}\n")).collect();
    let few = format!("t={}", file(&dir, "few.csv", few.replace("a0007", "")));
    let ran = check(&[&few], &suite, &[]);
    assert_eq!(ran.check("row_count:t")["outcome"], "fail");
    assert_eq!(ran.check("not_null:t.id")["outcome"], "fail");
}

#[test]
fn shares_are_bounded_by_the_intervals_of_scipy() {
    let vectors: Value = serde_json::from_slice(&std::fs::read(run::here().join("data/profiles.json")).unwrap()).unwrap();
    let mut seen = 0;
    for vector in vectors["wilson"].as_array().unwrap() {
        let (x, n) = (vector["x"].as_u64().unwrap(), vector["n"].as_u64().unwrap());
        let (level, upper) = (vector["level"].to_string(), vector["upper"].as_f64().unwrap());
        if n > 100_000 {
            continue;
        }
        let dir = tempfile::tempdir().unwrap();
        let rows: String = (0..n).map(|row| if row < x { ",1\n" } else { "2.5,1\n" }).collect();
        let data = format!("t={}", file(&dir, "t.csv", format!("v,w\n{rows}")));
        let suite = suite(&profile(&[&data], &[]), &[&format!("--confidence={level}")]);
        passes(&[&data], &suite, &[]);
        let line = suite.lines().skip_while(|line| !line.starts_with("      v:"));
        let rule = line.into_iter().find(|line| line.contains("null_rate: ") || line.contains("not_null"));
        let rule = rule.unwrap_or_else(|| panic!("{x} of {n}: {suite}"));
        match rule.trim().strip_prefix("null_rate: {max: ") {
            Some(rest) => {
                let bound: f64 = rest.split('}').next().unwrap().parse().unwrap();
                // Outwards, by less than one in the third digit.
                assert!(bound >= upper && bound <= upper * 1.01 + 0.001, "{x} of {n}: {bound}, {upper}");
                seen += 1;
            }
            None => assert!(x == 0 && upper <= 0.01, "{x} of {n}: {rule}"),
        }
    }
    assert!(seen > 5);
}

#[test]
fn what_is_withheld_is_not_known() {
    for flag in ["--no-samples", "--redact-samples"] {
        let before = profile(&ALL[..1], &[flag]);
        let suite = suite(&before, &[]);
        assert!(!suite.contains("in_set") && !suite.contains("JFK"), "{suite}");
        assert!(suite.contains("# no set of values: the profile was written with --no-samples or --redact-samples"));
        passes(&ALL[..1], &suite, &[]);
    }
}

#[test]
fn sets_know_what_they_do_not_know() {
    let dir = tempfile::tempdir().unwrap();
    let rows: String = (0..5000)
        .map(|row| {
            let tail = if row % 500 == 0 { format!("t{row}") } else { format!("c{}", row % 4) };
            let once = if row == 77 { "rare".to_owned() } else { format!("d{}", row % 3) };
            let long = if row == 9 { "x".repeat(300) } else { "short".to_owned() };
            format!("{tail},{once},{long},n{row}\n")
        })
        .collect();
    let data = format!("t={}", file(&dir, "t.csv", format!("tail,once,long,many\n{rows}")));
    let before = profile(&[&data], &[]);
    let suite = suite(&before, &["--max-values=4"]);
    passes(&[&data], &suite, &[]);
    assert!(suite.contains("        in_set: {values: [\"c1\", \"c2\", \"c3\", \"c0\"], mostly: 0.99"), "{suite}");
    assert!(suite.contains("mostly: 0.998"), "{suite}");
    assert!(suite.contains("some are longer than the 200 characters"), "{suite}");
    // Beyond 2,048 a count is an estimate, and proves nothing.
    assert!(suite.contains("# unique: true  # about"), "{suite}");
}

#[test]
fn a_window_is_named_and_tables_that_it_did_not_cut_stay_whole() {
    let data = ["train=data/train.parquet", "airlines=data/airlines.csv"];
    let window = ["--window=12h", "--as-of=2013-01-02", "--time-column=time_hour"];
    let rules = json!({"tables": {"airlines": {"role": "reference"}, "train": {"row_count": {"min": 1}}}});
    let before = profile_by(&data, &rules, &window);
    let suite = suite(&before, &[]);
    assert!(suite.contains("# The profile is of a window over `time_hour`: from 2013-01-01T12:00:00Z"), "{suite}");
    assert!(suite.contains("    role: reference  # the window did not cut it"), "{suite}");
    passes(&data, &suite, &window);
}

#[test]
fn files_that_differ_are_read_as_they_were() {
    let dir = tempfile::tempdir().unwrap();
    file(&dir, "d/a.csv", "id;x;only\n1;NA;5\n2;3;6\n");
    file(&dir, "d/b.csv", "id;x\n3;2.5\n4;7.25\n");
    file(&dir, "d/c.csv", "id;x\n3;\"2.5\"\n");
    let data = format!("t={}", dir.path().join("d").display());
    let rules = json!({"tables": {"t": {"null_values": ["NA"], "delimiter": ";"}}});
    let before = profile_by(&[&data], &rules, &[]);
    let suite = suite(&before, &[]);
    for part in ["null_values: [\"NA\"]", "delimiter: \";\"", "required: false  # 2 files lack it: 2 of 5 rows have it"] {
        assert!(suite.contains(part), "`{part}`: {suite}");
    }
    passes(&[&data], &suite, &[]);
    // A cell that is no number: nothing can be said that these data keep.
    let rows: String = (0..2000).map(|row| format!("{row},{row}\n")).collect();
    let data = format!("t={}", file(&dir, "t.csv", format!("id,x\n{rows}2001,oops\n")));
    let before = profile(&[&data], &[]);
    let suite = self::suite(&before, &[]);
    assert!(suite.contains("# x: left out: 1 cell could not be read as int"), "{suite}");
    passes(&[&data], &suite, &[]);
}

#[test]
fn a_suite_that_is_there_stays() {
    let before = profile(&ALL[3..4], &[]);
    let (profile, suite) = (
        before.path("profile.json").display().to_string(),
        before.path("edited.yaml").display().to_string(),
    );
    let output = format!("--output={suite}");
    let (exit, said, _) = infer(&profile, &[&output]);
    assert_eq!(exit, Some(0));
    assert!(said.ends_with("edited.yaml: 6 rules for 2 columns of 1 table\n"), "{said}");
    std::fs::write(&suite, "edited").unwrap();
    let (exit, said, errors) = infer(&profile, &[&output]);
    assert_eq!((exit, said.as_str()), (Some(2), ""));
    assert!(errors.contains("is there already, and may have been edited"), "{errors}");
    assert_eq!(std::fs::read_to_string(&suite).unwrap(), "edited");
    let (exit, _, _) = infer(&profile, &[&output, "--overwrite"]);
    assert_eq!(exit, Some(0));
    assert!(std::fs::read_to_string(&suite).unwrap().contains("airlines:"));
    // A profile that is refused leaves it as it is.
    std::fs::write(&suite, "edited").unwrap();
    let (exit, _, _) = infer("data/airlines.csv", &[&output, "--overwrite"]);
    assert_eq!(exit, Some(2));
    assert_eq!(std::fs::read_to_string(&suite).unwrap(), "edited");
}

#[test]
fn bad_flags_are_named() {
    let before = profile(&ALL[3..4], &[]);
    let place = before.path("profile.json").display().to_string();
    for (flag, part) in [
        ("--margin=NaN", "--margin NaN: must be a share"),
        ("--margin=-1", "--margin"),
        ("--confidence=99", "--confidence 99"),
        ("--confidence=NaN", "--confidence NaN"),
    ] {
        let (exit, _, errors) = infer(&place, &[flag]);
        assert_eq!(exit, Some(2), "{flag}: {errors}");
        assert!(errors.contains(part), "{flag}: {errors}");
    }
    let empty = tempfile::tempdir().unwrap();
    let data = format!("t={}", file(&empty, "t.csv", "a,b\n"));
    let (exit, _, errors) = infer(&profile(&[&data], &[]).path("profile.json").display().to_string(), &[]);
    assert_eq!(exit, Some(2));
    assert!(errors.contains("no table has a row"), "{errors}");
}

/// A cell of a generated column.
#[derive(Debug, Clone)]
enum Column {
    Whole(Vec<Option<i64>>),
    Float(Vec<Option<f64>>),
    Text(Vec<Option<String>>),
    Bool(Vec<Option<bool>>),
    Day(Vec<Option<i32>>),
}

impl Column {
    fn cell(&self, row: usize) -> Value {
        match self {
            Self::Whole(values) => json!(values[row]),
            Self::Float(values) => json!(values[row]),
            Self::Text(values) => json!(values[row]),
            Self::Bool(values) => json!(values[row]),
            Self::Day(values) => json!(values[row].map(|day| format!("20{:02}-01-{:02}", day / 28 % 90 + 10, day % 28 + 1))),
        }
    }
}

fn column(rows: usize) -> impl Strategy<Value = Column> {
    let many = move |value: BoxedStrategy<Value>| prop::collection::vec(prop::option::weighted(0.9, value), rows);
    let whole = prop_oneof![
        any::<i64>().boxed(),
        (0_i64..4).boxed(),
        (-100_i64..100_000).boxed(),
        Just(7_i64).boxed(),
        (i64::MAX - 5..i64::MAX).boxed(),
        (9_007_199_254_740_990_i64..9_007_199_254_741_000).boxed(),
    ];
    let float = prop_oneof![
        any::<f64>().prop_filter("JSON has no others", |value| value.is_finite()).boxed(),
        (0.0..1.0_f64).boxed(),
        (-1e-3..1e6_f64).prop_map(f64::round).boxed(),
        Just(0.1_f64).boxed(),
    ];
    let text = prop_oneof![
        any::<String>().boxed(),
        "[a-c]".boxed(),
        "[ -~]{0,12}".boxed(),
        "\\PC{0,5}".boxed(),
        Just("null".to_owned()).boxed(),
        Just("y".repeat(250)).boxed(),
    ];
    // One strategy a column, so that its values are of one sort.
    let text = (0..6_usize).prop_flat_map(move |sort| {
        let sorts: [BoxedStrategy<String>; 6] = [
            any::<String>().boxed(),
            "[a-c]".boxed(),
            "[ -~]{0,12}".boxed(),
            "\\PC{0,5}".boxed(),
            Just("null".to_owned()).boxed(),
            text.clone().boxed(),
        ];
        let one = sorts[sort].clone().prop_map(Value::from).boxed();
        many(one)
    });
    prop_oneof![
        many(whole.prop_map(Value::from).boxed())
            .prop_map(|values| Column::Whole(values.into_iter().map(|value| value?.as_i64()).collect())),
        many(float.prop_map(Value::from).boxed())
            .prop_map(|values| Column::Float(values.into_iter().map(|value| value?.as_f64()).collect())),
        text.prop_map(|values| Column::Text(
            values.into_iter().map(|value| Some(value?.as_str()?.to_owned())).collect()
        )),
        many(any::<bool>().prop_map(Value::from).boxed())
            .prop_map(|values| Column::Bool(values.into_iter().map(|value| value?.as_bool()).collect())),
        many((0_i32..20_000).prop_map(Value::from).boxed()).prop_map(|values| Column::Day(
            values.into_iter().map(|value| i32::try_from(value?.as_i64()?).ok()).collect()
        )),
    ]
}

/// Columns by name, and JSON lines of them.
fn table() -> impl Strategy<Value = String> {
    let name = prop_oneof!["[a-z_]{1,8}", any::<String>(), Just("null".to_owned()), "[ -~]{1,10}"];
    (1_usize..260).prop_flat_map(move |rows| {
        prop::collection::btree_map(name.clone(), column(rows), 1..5).prop_map(move |columns| {
            let row = |row: usize| {
                let cells = columns.iter().map(|(name, column)| (name.clone(), column.cell(row)));
                format!("{}\n", Value::Object(cells.collect()))
            };
            (0..rows).map(row).collect()
        })
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(120))]

    #[test]
    fn it_holds_on_any_data(table in table(), margin in prop_oneof![Just(0.0), Just(0.1), Just(10.0)], confidence in 0.01..0.999_f64) {
        let dir = tempfile::tempdir().unwrap();
        let data = format!("t={}", file(&dir, "t.jsonl", &table));
        let before = profile(&[&data], &[]);
        let suite = suite(&before, &[&format!("--margin={margin}"), &format!("--confidence={confidence}")]);
        let ran = check(&[&data], &suite, &[]);
        prop_assert_eq!(ran.stdout.trim(), "PASS", "{:#?}\n{}\n{}", missed(&ran), ran.stderr, suite);
    }
}

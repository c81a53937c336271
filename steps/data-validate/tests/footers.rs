//! What footers decide is decided before a row is read, where it is asked for.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    dead_code,
    reason = "helpers of tests"
)]

mod run;

use run::{check, file, here};
use serde_json::{Value, json};

#[test]
fn footers_say_no_without_a_page_read() {
    // A file whose footer is whole, and whose pages are zeros.
    let mut bytes = std::fs::read(here().join("data/train.parquet")).unwrap();
    let end = bytes.len();
    let footer = u32::from_le_bytes(bytes[end - 8..end - 4].try_into().unwrap()) as usize;
    bytes[4..end - 8 - footer].fill(0);
    let dir = tempfile::tempdir().unwrap();
    let hollow = file(&dir, "hollow.parquet", &bytes);

    let rules = |columns: Value, rows: u64| json!({"tables": {"t": {"row_count": {"min": rows}, "columns": columns}}});
    for (suite, id, part) in [
        (
            rules(json!({"carrier": {"type": "int"}}), 1),
            "type:t.carrier",
            "but int is expected",
        ),
        (
            rules(json!({"carier": {}}), 1),
            "column:t.carier",
            "did you mean `carrier`?",
        ),
        (
            rules(json!({"dep_delay": {"physical_type": "float"}}), 1),
            "physical_type:t.dep_delay",
            "but float is expected",
        ),
        (
            rules(json!({"carrier": {}}), 1786),
            "row_count:t",
            "`t` has 1,785 rows",
        ),
        (
            rules(json!({"air_time": {"not_null": true}}), 1),
            "not_null:t.air_time",
            "26 of 1,785 rows of `air_time` are null",
        ),
        (
            rules(json!({"air_time": {"null_rate": {"max": 0.001}}}), 1),
            "null_rate:t.air_time",
            "must be at most 0.1%",
        ),
        (
            rules(json!({"distance": {"range": {"min": 100}}}), 1),
            "range:t.distance",
            "`distance` has the value 96, as the footer of",
        ),
        (
            rules(json!({"time_hour": {"range": {"max": "2013-01-02"}}}), 1),
            "range:t.time_hour",
            "says of row group",
        ),
    ] {
        let ran = check(&hollow, &suite, &["--fail-fast"]);
        assert_eq!((ran.exit, ran.stdout.trim()), (Some(3), "FAIL"), "{}", ran.stderr);
        let found = ran.check(id);
        assert_eq!(found["outcome"], "fail", "{found}");
        assert!(found["why"].as_str().unwrap().contains(part), "`{part}`: {found}");
        assert_eq!(ran.check("footers")["outcome"], "skipped");
        assert!(!ran.has("dataset.json"));
        let input = &ran.report()["inputs"][0];
        assert!(
            input.get("digest").is_none_or(Value::is_null),
            "no byte of it was judged: {input}"
        );
        assert_eq!(input["rows"], 1785);
        // Without the flag the pages are read, and do not decode.
        let ran = check(&hollow, &suite, &[]);
        assert_ne!(ran.exit, Some(0));
    }
}

#[test]
fn where_footers_decide_nothing_all_is_read() {
    let suite = json!({"tables": {"t": {
        "row_count": {"min": 1000}, "columns": {"carrier": {"type": "text", "in_set": {"values": ["AA"], "mostly": 0.5}}},
    }}});
    let report = |flags: &[&str]| {
        let ran = check("data/train.parquet", &suite, flags);
        assert_eq!(ran.exit, Some(3));
        ran.report()["checks"].clone()
    };
    assert_eq!(report(&["--fail-fast"]), report(&[]));
    // A text file has no footer: how many rows it has is known when it has been read.
    let dir = tempfile::tempdir().unwrap();
    let csv = file(&dir, "t.csv", "x\n1\n2\n");
    let suite =
        json!({"tables": {"t": {"row_count": {"min": 2, "max": 2}, "columns": {"x": {"type": "int"}}}}});
    assert_eq!(check(&csv, &suite, &["--fail-fast"]).stdout.trim(), "PASS");
    // Nor are the rows of a window those of the footer.
    let suite = json!({"tables": {"t": {"row_count": {"max": 1000}, "columns": {"time_hour": {}}}}});
    let window = [
        "--fail-fast",
        "--window=1d",
        "--as-of=2013-01-02",
        "--time-column=time_hour",
    ];
    let ran = check("data/train.parquet", &suite, &window);
    assert_eq!(ran.stdout.trim(), "PASS", "{}", ran.stderr);
}

#[test]
fn a_footer_decides_nothing_that_it_cannot_know() {
    // A share of bad values, rows of a window or of a filter, values of the middle: these take the rows.
    let data = here().join("data/train.parquet").display().to_string();
    let columns =
        json!({"distance": {"range": {"min": 100, "mostly": 0.9}}, "dep_delay": {"range": {"max": 5000}}});
    let ran = check(
        &data,
        &json!({"tables": {"t": {"columns": columns}}}),
        &["--fail-fast"],
    );
    assert_eq!(ran.stdout.trim(), "PASS", "{}", ran.report()["reason"]);
    let rules = json!({"where": "distance >= 100", "columns": {"distance": {"range": {"min": 100}}}});
    let ran = check(&data, &json!({"tables": {"t": rules}}), &["--fail-fast"]);
    assert_eq!(ran.stdout.trim(), "PASS", "{}", ran.report()["reason"]);
}

/// 20 row groups of 100 rows; group 7 alone holds the rows 700 to 799.
fn grouped(dir: &tempfile::TempDir, hollow: bool) -> String {
    let bytes = std::fs::read(here().join("data/groups.parquet")).unwrap();
    let mut bytes = bytes;
    if hollow {
        let end = bytes.len();
        let footer = u32::from_le_bytes(bytes[end - 8..end - 4].try_into().unwrap()) as usize;
        let place: Value =
            serde_json::from_slice(&std::fs::read(here().join("data/groups.json")).unwrap()).unwrap();
        let (from, to) = (
            place["start"].as_u64().unwrap() as usize,
            place["end"].as_u64().unwrap() as usize,
        );
        bytes[4..from].fill(0);
        bytes[to..end - 8 - footer].fill(0);
    }
    file(dir, "groups.parquet", bytes)
}

#[test]
fn row_groups_that_hold_no_row_that_is_looked_at_are_not_read() {
    let dir = tempfile::tempdir().unwrap();
    // All pages but those of row group 7 are zeros: to read any of them would be an error.
    for data in [grouped(&dir, true), grouped(&dir, false)] {
        for filter in [
            "n >= 700 and n < 800",
            "n in (710, 720)",
            "799 >= n and word = 'w7'",
            "n between 700 and 799 or n = -5",
            "at >= '2013-01-08' and at < '2013-01-09'",
        ] {
            let rules = json!({"where": filter, "columns": {"n": {"range": {"min": 700, "max": 799}}}});
            let ran = check(&data, &json!({"tables": {"t": rules}}), &[]);
            assert_eq!(ran.stdout.trim(), "PASS", "{filter}: {}", ran.stderr);
            let seen = ran.check("where:t");
            let rows = if filter.contains("in (") { 2 } else { 100 };
            assert_eq!(
                (&seen["observed"], &seen["details"]["aside"]),
                (&json!(rows), &json!(2000 - rows)),
                "{filter}"
            );
            assert_eq!(ran.report()["inputs"][0]["rows"], 2000);
        }
        let window = ["--window=1d", "--as-of=2013-01-09", "--time-column=at"];
        let ran = check(
            &data,
            &json!({"tables": {"t": {"row_count": {"min": 100, "max": 100}}}}),
            &window,
        );
        assert_eq!(ran.stdout.trim(), "PASS", "{}", ran.stderr);
        assert_eq!(ran.check("window:t")["details"]["outside"], 1900);
    }
}

#[test]
fn a_filter_leaves_out_only_what_the_window_has_counted() {
    let dir = tempfile::tempdir().unwrap();
    let data = grouped(&dir, false);
    let window = ["--window=2d", "--as-of=2013-01-10", "--time-column=at"];
    // The window is over the rows 700 to 899.
    for (filter, kept) in [
        ("n < 750", 50),
        ("n >= 800", 100),
        ("n < 700", 0),
        ("n >= 0", 200),
    ] {
        let rules = json!({"where": filter, "columns": {"n": {}}});
        let ran = check(&data, &json!({"tables": {"t": rules}}), &window);
        let (inside, filtered) = (ran.check("window:t"), ran.check("where:t"));
        assert_eq!(
            (&inside["observed"], &inside["details"]["outside"]),
            (&json!(200), &json!(1800)),
            "{filter}"
        );
        assert_eq!(
            (&filtered["observed"], &filtered["details"]["aside"]),
            (&json!(kept), &json!(200 - kept)),
            "{filter}"
        );
        assert_eq!(ran.report()["inputs"][0]["rows"], 200, "{filter}");
    }
}

#[test]
fn a_value_of_a_footer_is_shown_only_where_values_are() {
    let data = here().join("data/train.parquet").display().to_string();
    let suite = json!({"tables": {"t": {"columns": {"carrier": {"in_set": ["AA"]}}}}});
    let why = |flag: &str| {
        let ran = check(&data, &suite, &["--fail-fast", flag]);
        assert_eq!(ran.stdout.trim(), "FAIL", "{}", ran.stderr);
        ran.check("in_set:t.carrier").to_string()
    };
    assert!(why("--samples=1").contains("has the value 9E, as"));
    for flag in ["--redact-samples", "--no-samples"] {
        assert!(
            why(flag).contains("a value, as the footer") && !why(flag).contains("9E"),
            "{}",
            why(flag)
        );
    }
}

#[test]
fn a_table_of_which_no_row_group_is_read_fails_in_every_check_on_its_values() {
    let dir = tempfile::tempdir().unwrap();
    let rules = json!({
        "where": "n < 0",
        "unique": [{"columns": ["n"]}],
        "columns": {"n": {"range": {"min": 0}, "median": {"min": 1}}, "word": {"in_set": ["a"]}},
    });
    let ran = check(&grouped(&dir, false), &json!({"tables": {"t": rules}}), &[]);
    assert_eq!(ran.stdout.trim(), "FAIL", "{}", ran.stderr);
    for id in [
        "where:t",
        "row_count:t",
        "unique:t.n",
        "range:t.n",
        "median:t.n",
        "in_set:t.word",
    ] {
        let found = ran.check(id);
        assert_eq!(found["outcome"], "fail", "{found}");
        assert!(!found["why"].as_str().unwrap().contains("not read"), "{found}");
    }
}

#[test]
fn pages_that_hold_no_row_that_is_looked_at_are_not_read() {
    // In the second file the pages of all other rows hold values that would be looked at, if they were read.
    for data in ["data/pages.parquet", "data/pages_lying.parquet"] {
        for (filter, kept) in [
            ("n >= 3000 and n < 4000", 1000),
            ("n in (3990, 3991, 3995)", 3),
            ("n between 3900 and 3999 and half < 1996", 92),
            ("at >= '2013-01-04T16:40:00Z' and at < '2013-01-04T16:53:20Z'", 10),
            // A page of `half` is two of `n`.
            ("half >= 1500 and half < 2000", 1000),
        ] {
            let rules = json!({"where": filter, "columns": {"n": {"range": {"min": 3000, "max": 3990}}}});
            let ran = check(data, &json!({"tables": {"t": rules}}), &[]);
            assert_eq!(ran.exit, Some(3), "{filter}: {}", ran.stderr);
            let seen = ran.check("where:t");
            assert_eq!(
                (&seen["observed"], &seen["details"]["aside"]),
                (&json!(kept), &json!(8000 - kept)),
                "{data}, {filter}"
            );
            let bad = ran.check("range:t.n");
            assert_eq!(bad["samples"][0]["row"], 3991, "{data}, {filter}: {bad}");
        }
        // 20 hours are 900 rows, all in one page.
        let window = ["--window=20h", "--as-of=2013-01-04T16:53:20Z", "--time-column=at"];
        let rules = json!({"row_count": {"min": 900, "max": 900}, "columns": {"n": {"range": {"min": 3100, "max": 3999}}}});
        let ran = check(data, &json!({"tables": {"t": rules}}), &window);
        assert_eq!(ran.stdout.trim(), "PASS", "{data}: {}", ran.stderr);
        assert_eq!(ran.check("window:t")["details"]["outside"], 7100, "{data}");
    }
}

#[test]
fn rows_of_pages_apart_keep_their_numbers() {
    let rules = |filter: &str| {
        json!({"tables": {"t": {
            "where": filter,
            "expressions": [{"name": "not these", "expression": "n not in (10, 6010, 6011)"}],
            "columns": {"n": {"mean": {"min": 0}}},
        }}})
    };
    for filter in [
        "n < 1000 or n between 6000 and 6999",
        "(n < 1000 or n between 6000 and 6999) and mixed >= 0",
    ] {
        let ran = check("data/pages.parquet", &rules(filter), &[]);
        let bad = ran.check("expression:t.not these");
        let rows: Vec<&Value> = bad["samples"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| &one["row"])
            .collect();
        assert_eq!(rows, [10, 6010, 6011], "{filter}: {bad}");
        // (0 + 999) / 2 and (6000 + 6999) / 2, of as many rows each.
        assert_eq!(ran.check("mean:t.n")["observed"], 3499.5, "{filter}");
        assert_eq!(ran.check("where:t")["details"]["aside"], 6000, "{filter}");
    }
}

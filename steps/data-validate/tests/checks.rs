//! Figures and conditions are those of scipy, pandas and DuckDB (`data/make_checks.py`), from one file and from several,
//! whatever the number of threads; and a rule that finds nothing to judge does not pass.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    dead_code,
    reason = "helpers of tests"
)]

mod run;

use run::{Ran, check, check_csv, file};
use serde_json::{Value, json};

#[track_caller]
fn close(found: &Value, expected: &Value, what: &str) {
    let (a, b) = (found.as_f64().unwrap_or(f64::NAN), expected.as_f64().unwrap());
    assert!(
        (a - b).abs() <= 1e-12 * b.abs().max(1.0),
        "{what}: {found} instead of {expected}"
    );
}

#[track_caller]
fn fails(ran: &Ran, id: &str, part: &str) {
    let found = ran.check(id);
    assert_eq!(found["outcome"], "fail", "{found}");
    assert!(found["why"].as_str().unwrap().contains(part), "`{part}`: {found}");
}

#[test]
fn conditions_answer_as_duckdb_does() {
    let all: Vec<(String, u64, u64, u64)> =
        serde_json::from_str(include_str!("data/conditions.json")).unwrap();
    let rules: Vec<Value> = all
        .iter()
        .enumerate()
        .map(|(index, (text, ..))| json!({"name": format!("c{index}"), "expression": text, "mostly": 0.0}))
        .collect();
    let suite = json!({"tables": {"t": {"expressions": rules}}});
    for threads in ["--threads=1", "--threads=3"] {
        let ran = check("data/rows.parquet", &suite, &[threads]);
        let mut differ = Vec::new();
        for (index, (text, yes, no, unknown)) in all.iter().enumerate() {
            let found = ran.check(&format!("expression:t.c{index}"));
            let judged = yes + no;
            let same = found["n"].as_u64().unwrap_or(0) == judged
                && (judged == 0 || found["details"]["bad"] == *no && found["details"]["unknown"] == *unknown);
            if !same {
                differ.push(format!("{text}: {yes} {no} {unknown}, but {found}"));
            }
            // Nothing to judge is no pass.
            assert_eq!(found["outcome"] == "fail", judged == 0, "{found}");
        }
        assert!(
            differ.is_empty(),
            "{} differ:\n{}",
            differ.len(),
            differ.join("\n")
        );
    }
}

#[test]
fn figures_are_those_of_scipy_and_pandas() {
    let expected: Value = serde_json::from_str(include_str!("data/checks.json")).unwrap();
    let any = json!({"min": -1e12});
    let mut columns = json!({});
    for (column, figures) in expected["figures"].as_object().unwrap() {
        for kind in figures.as_object().unwrap().keys() {
            let bound = if kind == "unique_rate" {
                json!({"min": 0})
            } else {
                any.clone()
            };
            columns[column][kind] = bound;
        }
    }
    for origin in expected["shares"].as_object().unwrap().keys() {
        columns["origin"]["value_shares"][origin] = json!({"min": 0});
    }
    columns["origin"]["contains"] = json!(expected["shares"].as_object().unwrap().keys().collect::<Vec<_>>());
    let pairs = expected["correlations"].as_array().unwrap();
    let correlations: Vec<Value> = pairs
        .iter()
        .map(|pair| json!({"columns": [pair[0], pair[1]], "min": -1}))
        .collect();
    let suite = json!({"tables": {"t": {"columns": columns, "correlations": correlations}}});
    for (data, threads) in [
        ("data/train.parquet", "1"),
        ("data/train.parquet", "4"),
        ("data/parts", "2"),
    ] {
        let ran = check(data, &suite, &[&format!("--threads={threads}")]);
        assert_eq!((ran.exit, ran.stdout.trim()), (Some(0), "PASS"), "{}", ran.stderr);
        for (column, figures) in expected["figures"].as_object().unwrap() {
            for (kind, value) in figures.as_object().unwrap() {
                close(
                    &ran.check(&format!("{kind}:t.{column}"))["observed"],
                    value,
                    &format!("{kind} of {column}"),
                );
            }
        }
        for (origin, share) in expected["shares"].as_object().unwrap() {
            close(
                &ran.check(&format!("value_share:t.origin={origin}"))["observed"],
                share,
                origin,
            );
        }
        assert_eq!(ran.check("contains:t.origin")["observed"], "3 of 3");
        for pair in pairs {
            let (a, b) = (pair[0].as_str().unwrap(), pair[1].as_str().unwrap());
            let found = ran.check(&format!("correlation:t.({a}, {b})"));
            close(
                &found["observed"],
                &pair[2],
                &format!("correlation of {a} and {b}"),
            );
            assert_eq!(found["n"], pair[3]);
        }
    }
}

#[test]
fn a_condition_shows_the_rows_that_do_not_meet_it() {
    let csv = "net,tax,gross,kind\n1,2,3,a\n4,1,6,a\n,1,1,a\n2,2,9,b\n";
    let rules = json!({"expressions": [
        {"name": "sums", "expression": "net + tax = gross", "where": "kind = 'a'"},
        {"expression": "gross > 0"},
        {"name": "mostly", "expression": "net + tax = gross", "mostly": 0.5, "severity": "warn"},
    ]});
    let ran = check_csv(csv, &rules, &[]);
    assert_eq!(ran.exit, Some(3));
    fails(
        &ran,
        "expression:t.sums",
        "1 of 2 rows where kind = 'a' do not meet `sums` (for example `gross = 6, net = 4, tax = 1`) (unknown in 1 row more, for a null)",
    );
    let found = ran.check("expression:t.sums");
    assert_eq!(found["samples"][0]["detail"], "line 3");
    assert_eq!(
        (&found["details"]["aside"], &found["details"]["unknown"]),
        (&json!(1), &json!(1))
    );
    assert_eq!(ran.check("expression:t.gross > 0")["outcome"], "pass");
    assert_eq!(ran.check("expression:t.mostly")["outcome"], "warn");
}

#[test]
fn a_condition_that_does_not_fit_fails_and_says_why() {
    let csv = "price,name\n1,a\n2,b\n";
    let rules = |text: &str| json!({"expressions": [{"name": "c", "expression": text}]});
    for (text, why) in [
        ("pric > 0", "no column `pric` (did you mean `price`?)"),
        ("name > 0", "a text cannot be compared with a number"),
        ("name + 1 = 2", "a number is needed, and a text was found"),
        ("price", "true or false is needed, and a number was found"),
        (
            "year(price) = 2013",
            "a point in time is needed, and a number was found",
        ),
        ("price is null and price > 0", "found no row to judge"),
    ] {
        let ran = check_csv(csv, &rules(text), &[]);
        if text.starts_with("price is null") {
            // False decides, whatever the other is.
            assert_eq!(ran.check("expression:t.c")["details"]["bad"], 2);
        } else {
            fails(&ran, "expression:t.c", why);
        }
    }
    // What cannot be read is an error of the suite, with its place.
    for (text, why) in [
        ("price >", "at its end, a value is expected"),
        ("price > > 0", "at character 9 (`> 0`), a value is expected"),
        ("price ! 0", "at character 7, `!` is no operator"),
        ("name = 'a", "at character 8, a text begins with ' and never ends"),
        ("size(name) > 0", "`size` is no function; known are abs"),
        ("name matches '('", "the pattern '(' does not compile"),
        ("price > 0 0", "an operator or the end is expected"),
        ("price > 1x", "`1x` is no number"),
    ] {
        let ran = check_csv(csv, &rules(text), &[]);
        assert_eq!(ran.exit, Some(2), "{text}");
        assert!(
            ran.stderr.contains("tables.t.expressions[0].expression"),
            "{}",
            ran.stderr
        );
        assert!(ran.stderr.contains(why), "{why}: {}", ran.stderr);
        assert!(!ran.has("dataset.json"));
    }
}

#[test]
fn texts_must_be_readable_and_of_a_form() {
    let csv = "n,d,f\nx1,2013-01-31,1\n7,30.02.2013,2.5\n8,28.02.2013,nan\n";
    let rules = json!({"columns": {
        "n": {"castable": "int"},
        "d": {"datetime_format": {"format": "%d.%m.%Y", "mostly": 0.3}},
        "f": {"finite": true, "castable": "int"},
    }});
    let ran = check_csv(csv, &rules, &[]);
    fails(
        &ran,
        "castable:t.n",
        "1 of 3 values of `n` are not readable as int (for example `x1`)",
    );
    let form = ran.check("datetime_format:t.d");
    assert_eq!(
        (&form["details"]["bad"], &form["outcome"]),
        (&json!(2), &json!("pass"))
    );
    fails(
        &ran,
        "finite:t.f",
        "1 of 3 values of `f` are not finite (for example `NaN`)",
    );
    fails(&ran, "castable:t.f", "2 of 3 values of `f`");
    let warn = json!({"severity": "warn"});
    let rules = json!({"columns": {
        "n": {"castable": {"to": "int", "mostly": 0.6}, "not_constant": warn, "unique": warn},
        "d": {"not_null": warn, "not_empty": warn, "datetime_format": {"format": "%d.%m.%Y", "severity": "warn"}},
        "f": {"finite": {"mostly": 0.5}, "castable": {"to": "int", "severity": "warn"}},
    }});
    let ran = check_csv(csv, &rules, &[]);
    assert_eq!(ran.stdout.trim(), "WARN");
    assert_eq!(ran.check("castable:t.n")["outcome"], "pass");
    assert_eq!(ran.check("castable:t.f")["outcome"], "warn");
    assert_eq!(ran.check("finite:t.f")["outcome"], "pass");
    assert_eq!(ran.check("not_null:t.d")["severity"], "warn");
}

#[test]
fn columns_of_nothing_or_of_one_value_are_found() {
    let csv = "same,none,two\n1,,a\n1,,b\n1,,a\n";
    let every = json!({"not_empty": true, "not_constant": true, "entropy": {"min": 0}, "imbalance": {"max": 3},
        "nan_rate": {"max": 0.5}, "inf_rate": {"max": 0}});
    let rules = json!({
        "column_count": {"min": 4},
        "columns": {"same": every, "none": every, "two": every},
        "correlations": [{"columns": ["same", "two"], "min": 0}, {"columns": ["same", "gone"], "max": 1}],
    });
    let ran = check_csv(csv, &rules, &[]);
    for kind in ["nan_rate", "inf_rate"] {
        fails(
            &ran,
            &format!("{kind}:t.none"),
            "`none` has no value to judge: every row is null",
        );
    }
    fails(&ran, "column_count:t", "`t` has 3 columns; must have at least 4");
    assert_eq!(ran.check("not_empty:t.same")["outcome"], "pass");
    fails(&ran, "not_constant:t.same", "the same value in 3 rows");
    fails(&ran, "not_empty:t.none", "`none` has a value in 0 of 3 rows");
    fails(&ran, "not_constant:t.none", "no value at all");
    fails(&ran, "entropy:t.none", "cannot be had: it has no value");
    fails(&ran, "imbalance:t.none", "cannot be had");
    assert_eq!(ran.check("not_constant:t.two")["observed"], 2);
    assert_eq!(ran.check("imbalance:t.two")["observed"], 2);
    fails(&ran, "correlation:t.(same, two)", "`two` is text, not numbers");
    fails(&ran, "correlation:t.(same, gone)", "no column `gone`");
}

#[test]
fn single_values_are_counted() {
    let rules = json!({"columns": {
        "label": {"value_shares": {"0": {"max": 0.5}, "1": {"min": 0.2}}, "contains": [0, 1, 2]},
        "flag": {"value_shares": {"true": {"min": 0.5}, "maybe": {"min": 0}}},
    }});
    let ran = check_csv("label,flag\n0,true\n0,true\n0,false\n1,\n", &rules, &[]);
    fails(
        &ran,
        "value_share:t.label=0",
        "3 of 4 values of `label` are 0 (75%); must be at most 50%",
    );
    assert_eq!(ran.check("value_share:t.label=1")["observed"], 0.25);
    fails(
        &ran,
        "contains:t.label",
        "1 of 3 values do not occur in `label` (for example `2`)",
    );
    assert_eq!(ran.check("value_share:t.flag=true")["n"], 3);
    fails(&ran, "value_share:t.flag=maybe", "`maybe` in the set is no bool");
}

#[test]
fn data_must_be_fresh_and_of_a_size() {
    let dir = tempfile::tempdir().unwrap();
    let now = file(&dir, "t.csv", "at\n2013-06-29T00:00:00Z\n2013-06-30T12:00:00Z\n");
    let before = file(&dir, "old.csv", "x\n1\n2\n3\n4\n5\n");
    let suite = |age: &str| {
        json!({"tables": {
            "t": {"columns": {"at": {"freshness": {"max_age": age}}}, "row_count_against": {"table": "old", "min": 0.5}},
            "old": {"role": "reference"},
        }})
    };
    let old = format!("--data=old={before}");
    let window = ["--window=30d", "--as-of=2013-07-01", "--time-column=at"];
    let ran = check(&now, &suite("13h"), &[&[old.as_str()], &window[..]].concat());
    let found = ran.check("freshness:t.at");
    assert_eq!(
        (&found["outcome"], &found["observed"]),
        (&json!("pass"), &json!("12.0 h")),
        "{found}"
    );
    fails(
        &ran,
        "row_count_against:t / old",
        "`t` has 2 rows and `old` has 5: 0.4 for each; must be at least 0.5",
    );
    let ran = check(&now, &suite("11h"), &[&[old.as_str()], &window[..]].concat());
    fails(&ran, "freshness:t.at", "at most 11h is allowed");
    // Without --as-of it is today, long after.
    let ran = check(&now, &suite("5000d"), &[old.as_str()]);
    assert_eq!(ran.check("freshness:t.at")["outcome"], "pass");
    let ran = check(&now, &suite("1000d"), &[old.as_str()]);
    assert_eq!(ran.check("freshness:t.at")["outcome"], "fail");
    let ran = check(&now, &suite("soon"), &[old.as_str()]);
    assert_eq!(ran.exit, Some(2));
    assert!(ran.stderr.contains("`soon` is no age"), "{}", ran.stderr);
}

#[test]
fn distributions_are_compared_as_scipy_does() {
    let expected: Value = serde_json::from_str(include_str!("data/distributions.json")).unwrap();
    let mut columns = json!({});
    for (column, measures) in expected.as_object().unwrap() {
        let mut rule = json!({"reference": "before"});
        for measure in measures.as_object().unwrap().keys() {
            rule[measure] = json!({"min": 0});
        }
        columns[column]["distribution"] = rule;
    }
    let suite = json!({"tables": {"t": {"columns": columns}, "before": {"role": "reference"}}});
    for (before, threads) in [
        ("data/train.parquet", "1"),
        ("data/train.parquet", "3"),
        ("data/parts", "2"),
    ] {
        let more = [format!("--data=before={before}"), format!("--threads={threads}")];
        let ran = check("data/validation.parquet", &suite, &[&more[0], &more[1]]);
        assert_eq!((ran.exit, ran.stdout.trim()), (Some(0), "PASS"), "{}", ran.stderr);
        for (column, measures) in expected.as_object().unwrap() {
            for (measure, value) in measures.as_object().unwrap() {
                let found = ran.check(&format!("{measure}:t.{column} / before"));
                if measure == "ks" {
                    let at = |end: &str| found["interval"][end].as_f64().unwrap();
                    let value = value.as_f64().unwrap();
                    assert!(
                        at("lower") - 1e-12 <= value && value <= at("upper") + 1e-12,
                        "{column}: {value}: {found}"
                    );
                    assert!(at("upper") - at("lower") < 0.02, "the grid is fine: {found}");
                } else {
                    let (a, b) = (found["observed"].as_f64().unwrap(), value.as_f64().unwrap());
                    assert!(
                        (a - b).abs() <= 1e-9 * b,
                        "{measure} of {column}: {found} instead of {value}"
                    );
                }
            }
        }
    }
}

#[test]
fn too_few_rows_and_other_kinds_are_no_pass() {
    let rule = |reference: &str, bound: Value| json!({"distribution": {"reference": reference, "psi": bound, "min_rows": 4}});
    let dir = tempfile::tempdir().unwrap();
    let few = format!("--data=few={}", file(&dir, "few.csv", "x,y\n1,a\n2,b\n"));
    let many = format!(
        "--data=many={}",
        file(&dir, "many.csv", "x,y\n1,1\n2,2\n3,3\n4,4\n5,5\n")
    );
    let rules = |column: &str, rule: Value| json!({"columns": {column: rule}});
    let csv = "x,y\n1,a\n2,b\n3,b\n4,c\n5,a\n";
    let ran = check_csv(csv, &rules("x", rule("few", json!({"max": 9}))), &[&few]);
    assert_eq!((ran.exit, ran.stdout.trim()), (Some(3), "FAIL"));
    let found = ran.check("psi:t.x / few");
    assert_eq!(found["outcome"], "insufficient");
    assert!(
        found["why"]
            .as_str()
            .unwrap()
            .contains("5 rows of `x` against 2 of `few` are too few"),
        "{found}"
    );
    let mut warn = rule("few", json!({"max": 9}));
    warn["distribution"]["severity"] = json!("warn");
    assert_eq!(check_csv(csv, &rules("x", warn), &[&few]).stdout.trim(), "WARN");
    let ran = check_csv(csv, &rules("y", rule("many", json!({"max": 9}))), &[&many]);
    fails(
        &ran,
        "psi:t.y / many",
        "its values are text, and those of the reference are not",
    );
    let ran = check_csv(csv, &rules("x", rule("many", json!({"max": 0.0}))), &[&many]);
    assert_eq!(ran.check("psi:t.x / many")["outcome"], "pass");
    let ran = check_csv("z\n1\n", &rules("z", rule("many", json!({"max": 9}))), &[&many]);
    fails(&ran, "psi:t.z / many", "`z` of `many`: no such column");
    let ran = check_csv(csv, &rules("x", rule("gone", json!({"max": 9}))), &[&many]);
    assert_eq!(ran.exit, Some(2));
    assert!(
        ran.stderr
            .contains("tables.t.columns.x.distribution[0].reference"),
        "{}",
        ran.stderr
    );
    let ran = check_csv(csv, &rules("x", rule("t", json!({"max": 9}))), &[]);
    assert!(
        ran.stderr.contains("would be held against itself"),
        "{}",
        ran.stderr
    );
    let ran = check_csv(
        csv,
        &rules("x", json!({"distribution": {"reference": "many"}})),
        &[&many],
    );
    assert!(ran.stderr.contains("bounds nothing"), "{}", ran.stderr);
}

#[test]
fn rows_come_in_order_over_parts_and_files() {
    let dir = tempfile::tempdir().unwrap();
    _ = file(&dir, "t/a.csv", "n,w,x\n1,a,5\n2,b,4\n,b,nan\n2,c,3\n");
    _ = file(&dir, "t/b.csv", "n,w,x\n1,d,2\n9,d,1\n");
    let place = dir.path().join("t").display().to_string();
    let suite = json!({"tables": {"t": {"columns": {
        "n": {"increasing": true, "decreasing": {"mostly": 0.5}},
        "w": {"increasing": {"strict": true, "severity": "warn"}},
        "x": {"type": "float", "decreasing": {"mostly": 0.7}},
    }}}});
    for threads in ["--threads=1", "--threads=2"] {
        let ran = check(&place, &suite, &[threads]);
        // 2 to 1 is over the border of two files; equal neighbours are good where nothing else is said.
        fails(
            &ran,
            "increasing:t.n",
            "1 of 5 values of `n` are not at least the one before (for example `1 after 2`)",
        );
        assert_eq!(ran.check("increasing:t.n")["samples"][0]["detail"], "line 2");
        assert_eq!(ran.check("decreasing:t.n")["details"]["bad"], 2);
        let strict = ran.check("increasing:t.w");
        assert_eq!(
            (&strict["outcome"], &strict["details"]["bad"]),
            (&json!("warn"), &json!(2))
        );
        // NaN comes neither before nor after anything.
        let falling = ran.check("decreasing:t.x");
        assert_eq!(
            (&falling["outcome"], &falling["details"]["bad"]),
            (&json!("fail"), &json!(2))
        );
    }
    // Row groups of 500, read apart.
    let suite = json!({"tables": {"t": {"columns": {"time_hour": {"increasing": {"mostly": 0.0}}}}}});
    let one = check("data/train.parquet", &suite, &["--threads=1"]).check("increasing:t.time_hour");
    let many = check("data/train.parquet", &suite, &["--threads=4"]).check("increasing:t.time_hour");
    assert_eq!(one, many);
}

//! `--gx-result`: the result as Great Expectations writes it. `tests/data/read_gx_result.py` has Great Expectations itself read
//! such a file.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    dead_code,
    reason = "helpers of tests"
)]

mod run;

use run::file;
use serde_json::{Value, json};

fn result(suite: &Value, more: &[&str]) -> Value {
    result_of("id,n,w\n1,5,a\n2,50,a\n2,500,\n", suite, more)
}

fn result_of(csv: &str, suite: &Value, more: &[&str]) -> Value {
    let dir = tempfile::tempdir().unwrap();
    let data = file(&dir, "t.csv", csv);
    let place = dir.path().join("gx.json");
    let flag = format!("--gx-result={}", place.display());
    let ran = run::check(&data, suite, &[&[flag.as_str()], more].concat());
    assert_eq!(ran.exit, Some(3), "{}", ran.stderr);
    serde_json::from_slice(&std::fs::read(place).unwrap()).unwrap()
}

fn of<'a>(result: &'a Value, kind: &str) -> &'a Value {
    let all = result["results"].as_array().unwrap();
    let found = all.iter().find(|one| one["expectation_config"]["type"] == kind);
    found.unwrap_or_else(|| panic!("no {kind} in {result:#}"))
}

#[test]
fn checks_go_by_the_names_of_great_expectations() {
    let suite = json!({"tables": {"t": {
        "row_count": {"min": 1, "max": 5},
        "unique": [{"columns": ["id", "n"]}],
        "expressions": [{"name": "sane", "expression": "n < 100"}],
        "columns": {
            "id": {"unique": true},
            "n": {"range": {"max": 99, "mostly": 0.9}, "mean": {"max": 1000}, "quantiles": [{"p": 0.5, "max": 60}]},
            "w": {"not_null": true, "in_set": ["a"]},
        },
    }}});
    let found = result(&suite, &[]);
    assert_eq!(
        (&found["success"], &found["suite_parameters"]),
        (&json!(false), &json!({}))
    );
    let count = found["results"].as_array().unwrap().len();
    let bad = found["results"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|one| one["success"] == false)
        .count();
    assert_eq!(
        found["statistics"],
        json!({
            "evaluated_expectations": count,
            "successful_expectations": count - bad,
            "unsuccessful_expectations": bad,
            "success_percent": (count - bad) as f64 / count as f64 * 100.0,
        })
    );
    let rows = of(&found, "expect_table_row_count_to_be_between");
    assert_eq!(
        rows["expectation_config"]["kwargs"],
        json!({"batch_id": "t", "min_value": 1.0, "max_value": 5.0})
    );
    assert_eq!(
        (&rows["success"], &rows["result"]["observed_value"]),
        (&json!(true), &json!(3.0))
    );
    let range = of(&found, "expect_column_values_to_be_between");
    assert_eq!(range["success"], false);
    assert_eq!(range["expectation_config"]["kwargs"]["mostly"], 0.9);
    assert_eq!(range["result"]["element_count"], 3);
    assert_eq!(range["result"]["unexpected_count"], 1);
    assert_eq!(range["result"]["partial_unexpected_list"], json!(["500"]));
    assert_eq!(range["result"]["partial_unexpected_index_list"], json!([2]));
    let key = &of(&found, "expect_compound_columns_to_be_unique")["expectation_config"]["kwargs"];
    assert_eq!(
        *key,
        json!({"batch_id": "t", "column_list": ["id", "n"], "ignore_row_if": "any_value_is_missing"})
    );
    let nulls = &of(&found, "expect_column_values_to_not_be_null")["result"];
    assert_eq!(
        (&nulls["element_count"], &nulls["unexpected_count"]),
        (&json!(3), &json!(1))
    );
    for (kind, success) in [
        ("expect_column_values_to_be_unique", false),
        ("expect_compound_columns_to_be_unique", true),
        ("expect_column_values_to_not_be_null", false),
        ("expect_column_values_to_be_in_set", true),
        ("expect_column_mean_to_be_between", true),
        ("expect_column_quantile_values_to_be_between", true),
        ("data_validate_expression", false),
    ] {
        assert_eq!(of(&found, kind)["success"], success, "{kind}");
    }
}

#[test]
fn counts_and_percents_are_those_of_great_expectations() {
    let expected = std::fs::read(run::here().join("data/gx_result.json")).unwrap();
    let expected: Value = serde_json::from_slice(&expected).unwrap();
    let suite = json!({"tables": {"t": {
        "unique": [{"columns": ["id", "w"]}],
        "columns": {
            "id": {"unique": true},
            "n": {"range": {"max": 99}, "increasing": true},
            "w": {"not_null": true, "in_set": ["a"]},
        },
    }}});
    let found = result_of(expected["csv"].as_str().unwrap(), &suite, &[]);
    let results = expected["results"].as_object().unwrap();
    assert_eq!(results.len(), 6);
    for (kind, theirs) in results {
        let mut ours = of(&found, kind)["result"].as_object().unwrap().clone();
        assert!(ours.contains_key("partial_unexpected_list"), "{kind}");
        ours.retain(|name, _| !name.starts_with("partial_"));
        assert_eq!(Value::from(ours), *theirs, "{kind}");
    }
}

#[test]
fn columns_are_named_as_they_are() {
    let rules = json!({"unique": true, "range": {"max": 9}});
    let suite = json!({"tables": {"t": {
        "unique": [{"columns": ["(x)", "a, b"]}],
        "columns": {"(x)": rules, "a, b": {"not_null": true}},
    }}});
    let found = result_of("(x),\"a, b\"\n1,1\n1,\n10,2\n", &suite, &[]);
    let arguments = |kind: &str| of(&found, kind)["expectation_config"]["kwargs"].clone();
    assert_eq!(arguments("expect_column_values_to_be_unique")["column"], "(x)");
    assert_eq!(arguments("expect_column_values_to_be_between")["column"], "(x)");
    assert_eq!(arguments("expect_column_values_to_not_be_null")["column"], "a, b");
    assert_eq!(
        arguments("expect_compound_columns_to_be_unique")["column_list"],
        json!(["(x)", "a, b"])
    );
}

#[test]
fn it_is_written_also_when_the_footers_decide_and_shows_no_more_than_the_report() {
    let found = result(
        &json!({"tables": {"t": {"columns": {"absent": {}}}}}),
        &["--fail-fast"],
    );
    assert_eq!(of(&found, "expect_column_to_exist")["success"], false);
    let suite = json!({"tables": {"t": {"columns": {"n": {"range": {"max": 99}}}}}});
    let found = result(&suite, &["--no-samples"]);
    let range = of(&found, "expect_column_values_to_be_between");
    assert_eq!(range["result"]["unexpected_count"], 1);
    assert!(!found.to_string().contains("500"), "{found:#}");
}

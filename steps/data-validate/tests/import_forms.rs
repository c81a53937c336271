//! Suites of dbt, the Open Data Contract Standard and TensorFlow Data Validation: what they say here, and what is refused.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    dead_code,
    reason = "helpers of tests"
)]

mod bring;
mod run;

use bring::Import;
use run::{file, run_other};
use serde_json::Value;

#[test]
fn a_schema_file_of_dbt() {
    let dir = tempfile::tempdir().unwrap();
    let output = dir.path().join("suite.yaml");
    let ran = run_other(&[
        "import",
        "data/import/dbt.yml",
        "--from=dbt",
        "--table=flights",
        &format!("--output={}", output.display()),
    ]);
    let import = Import { ran, dir }.done();
    for line in [
        "row_count: {min: 100, max: 200}",
        "row_count_against: {table: other, min: 1, max: 1}",
        "{columns: [id, carrier]}",
        "{expression: \"half + rest = 10\", where: \"same is not null\"}",
        "{expression: \"dep > arr\"}",
        "{expression: \"half >= 0\"}",
        "{expression: \"half <= 3\"}",
        "{expression: \"origin in ('JFK', 'LGA')\", where: \"carrier = 'UA'\"}",
        "{expression: \"half > 0 and half < 3\", where: \"half > 0 and half < 3\"}",
        "range: {min: 0, max: 120, exclusive_min: true, exclusive_max: true}",
        "in_set: [UA, AA, DL, B6]",
        "not_null: {severity: warn}",
        "not_regex: \"\\\\A *\\\\z\"",
        "null_rate: {max: 0.5}",
        "not_constant: true",
        "quantiles: [{p: 0.5, min: 1, max: 2}]",
        "type: int",
        "{from: {table: flights, columns: [carrier]}, to: {table: carriers, columns: [code]}, severity: warn}",
        "{from: {table: flights, columns: [carrier]}, to: {table: airlines, columns: [carrier]}}",
    ] {
        import.says(line);
    }
    let ends: Vec<String> = import
        .rows()
        .into_iter()
        .filter(|row| row[2] == "asks nothing")
        .map(|row| row[4].clone())
        .collect();
    assert_eq!(ends, ["it is about `other`, another table", "it is switched off"]);
    assert!(!import.yaml().contains("notes"));
    // It is a suite that can be asked: of these rows, and of the tables that it refers to.
    let codes = file(&import.dir, "codes.csv", "code,carrier\nUA,UA\nAA,AA\nDL,DL\n");
    let (carriers, airlines) = (format!("carriers={codes}"), format!("airlines={codes}"));
    let data = [
        "flights=data/import/rows.parquet",
        "other=data/import/rows.parquet",
        &carriers,
        &airlines,
    ];
    let ran = import.check(&data, &[]);
    assert_eq!((ran.exit, ran.stdout.trim()), (Some(3), "FAIL"), "{}", ran.stderr);
    let outcome = |id: &str| ran.check(id)["outcome"].as_str().unwrap().to_owned();
    assert_eq!(outcome("references:flights.carrier -> carriers.code"), "warn");
    assert_eq!(outcome("references:flights.carrier -> airlines.carrier"), "fail");
    assert_eq!(outcome("not_null:flights.origin"), "warn");
    assert_eq!(outcome("range:flights.id"), "fail");
    assert_eq!(outcome("row_count_against:flights / other"), "pass");
    assert_eq!(outcome("expression:flights.half + rest = 10"), "pass");
}

/// One test of one column.
fn dbt(test: &str, more: &[&str]) -> Import {
    let text = format!(
        "models:\n- name: m\n  columns:\n  - name: a\n    data_tests:\n    - not_null\n    - {test}\n"
    );
    Import::text("dbt", "schema.yml", text, more)
}

#[test]
fn what_dbt_asks_beyond_us_is_refused_and_named() {
    for (test, why) in [
        ("my_own", "there is no such rule here"),
        (
            "unique: {config: {error_if: '>10'}}",
            "`error_if`, a number of bad rows",
        ),
        (
            "unique: {config: {where: 'b > 1'}}",
            "`where` cannot be asked of it here",
        ),
        ("not_null: {where: \"b > '{{ var(1) }}'\"}", "a template in it"),
        ("not_null: {where: 'b = \"x\"'}", "double quotes"),
        (r#"not_null: {where: "b = 'a\\b'"}"#, "a backslash"),
        (
            "not_null: {where: 'b / 2 > 1'}",
            "an operator that means something else here",
        ),
        ("not_null: {where: 'strlen(b) > 1'}", "`strlen` is no function"),
        (
            "not_null: {config: {fail_calc: 'max(n)'}}",
            "`fail_calc` is not understood",
        ),
        (
            "not_null: {config: {severity: fatal}}",
            "the severity fatal is not known",
        ),
        (
            "accepted_values: {huh: 1, values: [a]}",
            "`huh` is not understood",
        ),
        (
            "relationships: {to: \"{{ my_macro() }}\", field: id}",
            "names no table that is known",
        ),
        ("relationships: {to: ref('b')}", "`field` is not given"),
        (
            "dbt_expectations.expect_column_values_to_be_increasing: {sort_column: b}",
            "rows have no order in a database",
        ),
        (
            "dbt_expectations.expect_column_mean_to_be_between: {min_value: 1, group_by: [b]}",
            "`group_by` is not understood",
        ),
        (
            "dbt_utils.sequential_values: {interval: 1}",
            "there is no such rule here",
        ),
        (
            "dbt_utils.unique_combination_of_columns: {combination_of_columns: [a, b]}",
            "rows with a null in the key",
        ),
        ("[a]", "is no test"),
        ("{unique: {}, not_null: {}}", "a test of several names"),
    ] {
        dbt(test, &[]).refused(&[
            "schema.yml: 1 of 2 rules",
            "line 7, models[0].columns[0].data_tests[1]",
            why,
        ]);
        let partial = dbt(test, &["--allow-partial"]).partial();
        partial.says("not_null: true");
        assert!(partial.yaml().contains(why), "{}", partial.yaml());
    }
    let of = |text: &str| Import::text("dbt", "schema.yml", text, &[]);
    of("models: [{name: a}, {name: b}]").refused(&["describes a, b; --table t is none of them"]);
    of("models: []").refused(&["is no schema file of dbt"]);
    of("models: [{name: a, huh: 1, columns: [{name: c, tests: [unique]}]}]")
        .refused(&["models[0].huh: is not understood"]);
    of("models: [{name: a, columns: [{name: c, huh: 1, tests: [unique]}]}]")
        .refused(&["models[0].columns[0].huh (c.huh): is not understood"]);
    of("models: [{name: a, columns: [{name: c, data_type: int}]}]").refused(&["holds no rule about data"]);
    of("schema: [{name: a}]\nkind: DataContract")
        .refused(&["is no schema file of dbt", "it looks like one for --from odcs"]);
    let fresh = "sources: [{name: s, tables: [{name: t, loaded_at_field: at, freshness: {error_after: {count: 36, period: hour}}}]}]";
    of(fresh).done().says("freshness: {max_age: \"36h\"}");
}

#[test]
fn a_contract_of_the_open_standard() {
    let import = Import::of("odcs", "data/import/odcs.yaml", &[]).done();
    for line in [
        "row_count: {min: 100, max: 200}",
        "{columns: [id, carrier]}",
        "type: int",
        "range: {min: 1, max: 120, exclusive_max: true}",
        "unique: true",
        "length: {min: 2, max: 2}",
        "regex: \"^[A-Z0-9]+$\"",
        "in_set: [UA, AA, DL, B6]",
        "not_null: {severity: warn}",
        "not_in_set: {values: [\"\", \"N/A\"], severity: warn}",
        "{expression: \"coalesce(origin in ('JFK', 'LGA'), true)\", mostly: 0.6}",
        "null_count: {max: 5}",
        "type: timestamp",
        "{from: {table: t, columns: [carrier]}, to: {table: carriers, columns: [code]}}",
    ] {
        import.says(line);
    }
    let suite = data_validate::config::Suite::read("s", &import.yaml()).unwrap();
    // Less than 20 percent is not 20 percent, and 10.5 of a hundred is what it says.
    assert_eq!(
        suite.tables["t"].columns["origin"].null_rate.unwrap().max,
        Some(0.2_f64.next_down())
    );
    let tail = suite.tables["t"]
        .expressions
        .iter()
        .find(|rule| rule.expression.contains("N000a"))
        .unwrap();
    assert!(tail.mostly > 0.894 && tail.mostly < 0.8951, "{}", tail.mostly);
    assert_eq!(tail.expression, "tail is not null and tail not in ('N000a')");
    let codes = file(&import.dir, "codes.csv", "code\nUA\nAA\nDL\n");
    let ran = import.check(&["t=data/import/rows.parquet", &format!("carriers={codes}")], &[]);
    let outcome = |id: &str| ran.check(id)["outcome"].as_str().unwrap().to_owned();
    assert_eq!(outcome("range:t.id"), "fail");
    assert_eq!(outcome("in_set:t.carrier"), "pass");
    assert_eq!(outcome("null_rate:t.origin"), "pass");
    assert_eq!(outcome("not_null:t.origin"), "warn");
    assert_eq!(outcome("null_count:t.dep"), "fail");
    assert_eq!(outcome("references:t.carrier -> carriers.code"), "fail");
    assert_eq!(outcome("unique:t.(id, carrier)"), "pass");
}

/// One property.
fn odcs(property: &str, more: &[&str]) -> Import {
    let text = format!(
        "apiVersion: v3.0.2\nkind: DataContract\nschema:\n- name: m\n  properties:\n  - {{name: b}}\n  - {property}\n"
    );
    Import::text("odcs", "contract.yaml", text, more)
}

#[test]
fn what_a_contract_asks_beyond_us_is_refused_and_named() {
    for (property, why) in [
        (
            "{name: a, quality: [{type: sql, query: 'select 1', mustBe: 0}]}",
            "a rule in sql is for another program",
        ),
        (
            "{name: a, quality: [{type: text, description: good}]}",
            "a rule in words for people",
        ),
        ("{name: a, quality: [{metric: nullValues}]}", "bounds nothing"),
        (
            "{name: a, quality: [{metric: nullValues, mustNotBe: 0}]}",
            "`mustNotBe` has no word here",
        ),
        (
            "{name: a, quality: [{metric: huh, mustBe: 0}]}",
            "there is no such rule here",
        ),
        (
            "{name: a, quality: [{metric: nullValues, mustBe: 0, huh: 1}]}",
            "`huh` is not understood",
        ),
        (
            "{name: a, quality: [{metric: nullValues, mustBe: 0, unit: furlongs}]}",
            "the unit furlongs is not known",
        ),
        (
            "{name: a, quality: [{metric: invalidValues, mustBe: 0}]}",
            "either `validValues` or `pattern`",
        ),
        (
            "{name: a, quality: [{metric: invalidValues, mustBeLessThan: 5, arguments: {validValues: [1]}}]}",
            "a number of such rows",
        ),
        (
            "{name: a, quality: [{metric: duplicateValues, mustBeLessThan: 10}]}",
            "does not say what is a duplicate",
        ),
        (
            "{name: a, logicalType: array}",
            "the type `array` has no word here",
        ),
        ("{name: a, logicalType: time}", "the type `time` has no word here"),
        (
            "{name: a, logicalTypeOptions: {multipleOf: 2}}",
            "a.multipleOf): has no word here",
        ),
        (
            "{name: a, logicalTypeOptions: {format: email}}",
            "a.format): has no word here",
        ),
        (
            "{name: a, required: perhaps}",
            "perhaps is neither true nor false",
        ),
        ("{name: a, huh: 1}", "is not understood"),
        (
            "{name: a, relationships: [{to: b}]}",
            "not of the form table.column",
        ),
    ] {
        odcs(property, &[]).refused(&[
            "contract.yaml: 1 of 3 rules",
            "line 7, schema[0].properties[1]",
            why,
        ]);
        let partial = odcs(property, &["--allow-partial"]).partial();
        assert!(
            partial.yaml().contains(why.split("): ").last().unwrap()),
            "{}",
            partial.yaml()
        );
    }
    let repeated = odcs(
        "{name: a, quality: [{metric: duplicateValues, mustBeLessThan: 10}]}",
        &["--allow-partial"],
    )
    .partial();
    repeated.says("{columns: [a], max_duplicate_rows: 9}");
    assert_eq!(repeated.row("a.duplicateValues")[2], "partly");
    let old = odcs("{name: a, logicalTypeOptions: {minimum: 3, exclusiveMinimum: true, maximum: 9, exclusiveMaximum: false}}", &[]).done();
    old.says("range: {min: 3, max: 9, exclusive_min: true}");
    odcs(
        "{name: r, logicalType: object, properties: [{name: x, required: true}]}",
        &[],
    )
    .done()
    .says("r.x:");
    let of = |text: &str| Import::text("odcs", "c.yaml", text, &[]);
    of("apiVersion: v2.2.2\nkind: DataContract\nschema: [{name: a}]")
        .refused(&["is no data contract of version 3"]);
    of("apiVersion: v3.0.0\nkind: DataContract\nschema: [{name: a}, {name: b}]")
        .refused(&["describes a, b; --table t is none of them"]);
}

#[test]
fn a_schema_of_tensorflow() {
    let import = Import::of("tfdv", "data/import/tfdv.pbtxt", &[]).done();
    for line in [
        "schema: exact",
        "row_count: {min: 100}",
        "row_count_against: {table: previous, min: 0.5}",
        "range: {min: 1, max: 100}",
        "in_set: {values: [UA, AA, DL], mostly: 0.5}",
        "in_set: [JFK, \"L\\\"GA\", \"Åé\\n\"]",
        "null_rate: {max: 0.05}",
        "range: {min: -10}",
        "finite: true",
        "distinct_count: {min: 2, max: 5000}",
        "environments: [TRAINING]",
        "environments: [EXTRA]",
    ] {
        import.says(line);
    }
    let suite = data_validate::config::Suite::read("s", &import.yaml()).unwrap();
    let columns = &suite.tables["t"].columns;
    let optional: Vec<_> = columns
        .iter()
        .filter(|(_, rules)| !rules.required)
        .map(|(name, _)| name.as_str())
        .collect();
    assert_eq!(optional, ["arr", "old"]);
    assert!(columns["id"].not_null.is_some() && columns["arr"].not_null.is_none());
    assert!(columns["id"].environments == ["SERVING", "TRAINING"] && columns["origin"].not_empty.is_some());
    let data = ["t=data/import/rows.parquet", "previous=data/import/rows.parquet"];
    let ran = import.check(&data, &["--environment=SERVING"]);
    let outcome = |id: &str| ran.check(id)["outcome"].as_str().unwrap().to_owned();
    assert_eq!(outcome("range:t.id"), "fail");
    assert_eq!(outcome("in_set:t.carrier"), "pass");
    assert_eq!(outcome("null_rate:t.dep"), "fail");
    assert_eq!(outcome("not_null:t.miles"), "pass");
    assert_eq!(outcome("environment:tables.t.columns.night"), "skipped");
    assert_eq!(outcome("row_count_against:t / previous"), "pass");
}

#[test]
fn drift_of_tensorflow_is_measured_otherwise() {
    let file = "data/import/tfdv_drift.pbtxt";
    Import::of("tfdv", file, &[]).refused(&[
        "3 of ",
        "(miles.skew_comparator): values are put into other bins there than here; the other data are the table `serving`",
        "(miles.drift_comparator)",
        "(miles.natural_language_domain): has no word here",
    ]);
    Import::of("tfdv", file, &["--allow-partial"]).partial().says(
        "distribution: [{reference: serving, l_infinity: {max: 0.01}, categories: 500}, {reference: previous, js: {max: 0.2}, categories: 500}]",
    );
}

/// The syntax is protobuf's: what its own parser reads is what ours reads.
#[test]
fn text_of_protocol_buffers() {
    let import = Import::of("tfdv", "data/import/syntax.pbtxt", &[]).done();
    let suite = data_validate::config::Suite::read("s", &import.yaml()).unwrap();
    let columns = &suite.tables["t"].columns;
    let said: Value = serde_json::from_str(include_str!("data/import/syntax.json")).unwrap();
    for (name, values) in said["sets"].as_object().unwrap() {
        let ours: Vec<String> = columns[name]
            .in_set
            .as_ref()
            .unwrap()
            .values
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(Value::from(ours), *values, "{name}");
    }
    for (name, ends) in said["ends"].as_object().unwrap() {
        let range = columns[name].range.as_ref().unwrap();
        let ours = [&range.min, &range.max].map(|end| end.as_ref().unwrap().number().unwrap());
        assert_eq!(
            ours.to_vec(),
            serde_json::from_value::<Vec<f64>>(ends.clone()).unwrap(),
            "{name}"
        );
    }
    assert_eq!(columns.len(), 5);
}

/// One feature.
fn tfdv(feature: &str, more: &[&str]) -> Import {
    let text = format!("feature {{ name: \"b\" type: INT }}\nfeature {{ name: \"a\" {feature} }}\n");
    Import::text("tfdv", "schema.pbtxt", text, more)
}

#[test]
fn what_tensorflow_asks_beyond_us_is_refused_and_named() {
    for (feature, why) in [
        ("type: STRUCT", "the type STRUCT has no word here"),
        ("value_count { min: 2 }", "several values in a cell"),
        ("shape { dim { size: 3 } }", "several values in a cell"),
        ("domain: 'nowhere'", "there is no domain `nowhere`"),
        ("type: BYTES string_domain {}", "the domain has no values"),
        (
            "type: BYTES int_domain { min: 1 }",
            "a int_domain of a feature of type BYTES",
        ),
        (
            "type: INT int_domain { min: 1 huh: 2 }",
            "`huh` is not understood",
        ),
        ("presence { min_count: 7 }", "`min_count`, a number of rows"),
        ("presence { min_fraction: 2 }", "no share"),
        (
            "drift_comparator { normalized_abs_difference { threshold: 0.1 } }",
            "bounds nothing that has a word here",
        ),
        ("image_domain { }", "has no word here"),
        ("huh: 1", "is not understood"),
        ("type: INT int_domain { min: 5 max: 1 }", "min is above max"),
    ] {
        tfdv(feature, &[]).refused(&["schema.pbtxt: 1 of ", "line 2 (a.", why]);
        let partial = tfdv(feature, &["--allow-partial"]).partial();
        assert!(partial.yaml().contains(why), "{}", partial.yaml());
    }
    let of = |text: &str| Import::text("tfdv", "schema.pbtxt", text, &["--allow-partial"]);
    of("feature { name: \"a\"").refused(&["schema.pbtxt: line 1: the text ends within a message"]);
    of("").refused(&["it has no `feature`"]);
    of(&"feature {".repeat(50_000)).refused(&["more than 60 deep"]);
    of("{\"expectations\": []}").refused(&["schema.pbtxt: line 1", "it looks like one for --from gx"]);
    Import::text("gx", "s.json", "feature {\n  name: \"a\"\n}\n", &[])
        .refused(&["it looks like one for --from tfdv"]);
    of("feature { name: \"a\" type: INT }\nsparse_feature { name: \"s\" }").partial();
}

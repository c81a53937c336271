//! Suites of other programs mean here what they meant there: what Great Expectations and pandera said of a table
//! (`data/import/make_import.py`) is what `check` says of it by the imported suite, rule by rule.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    dead_code,
    reason = "helpers of tests"
)]

mod bring;
mod run;

use std::collections::BTreeMap;

use bring::Import;
use run::{file, run_other};
use serde_json::Value;

/// The checks that a rule became, by what the table of the report says.
fn checks_of<'a>(here: &str, report: &'a Value) -> Vec<&'a Value> {
    let all = report["checks"].as_array().unwrap();
    let by = |id: String| -> Vec<&'a Value> {
        let found: Vec<&Value> = all.iter().filter(|check| check["id"] == *id).collect();
        assert_eq!(found.len(), 1, "{id}");
        found
    };
    if let Some(label) = here.strip_prefix("expressions: ") {
        return by(format!("expression:t.{label}"));
    }
    if let Some(columns) = here.strip_prefix("unique: ") {
        return by(format!("unique:t.({columns})"));
    }
    let parts = here
        .split(", ")
        .flat_map(|part| match part.strip_prefix("columns.") {
            None => by(format!("{part}:t")),
            Some(rest) => match rest.split_once('.') {
                None => by(format!("column:t.{rest}")),
                Some((column, "required")) => by(format!("column:t.{column}")),
                Some((column, "quantiles")) => {
                    let end = format!(":t.{column}");
                    let of = |id: &str| id.starts_with("quantile_") && id.ends_with(&end);
                    all.iter()
                        .filter(|check| of(check["id"].as_str().unwrap()))
                        .collect()
                }
                Some((column, key)) => by(format!("{key}:t.{column}")),
            },
        });
    parts.collect()
}

/// Holds each rule's verdict to what the other program said. Rules that were put together into one are held together.
#[track_caller]
fn same_verdicts(import: &Import, said: &[(String, bool)]) {
    let ran = import.check(&["t=data/import/rows.parquet"], &[]);
    let report = ran.report();
    let mut shared: BTreeMap<String, (bool, bool)> = BTreeMap::new();
    for (place, verdict) in said {
        let [_, rule, end, here, note] = import.row(place);
        assert_eq!(end, "translated", "{place} {rule}: {note}");
        let good = checks_of(&here, &report)
            .iter()
            .all(|check| check["outcome"] == "pass" || check["outcome"] == "skipped");
        let both = shared.entry(here).or_insert((true, good));
        both.0 &= verdict;
    }
    let differ: Vec<_> = shared
        .iter()
        .filter(|(_, (theirs, ours))| theirs != ours)
        .collect();
    assert!(differ.is_empty(), "theirs, ours: {differ:#?}");
    // As many kinds of rules as were asked for, and not one that holds them all.
    assert!(
        shared.len() + 8 > said.len(),
        "{} of {}",
        shared.len(),
        said.len()
    );
}

#[test]
fn great_expectations_say_the_same() {
    let import = Import::of("gx", "data/import/gx.json", &[]).done();
    let said: Vec<bool> = serde_json::from_str(include_str!("data/import/gx_verdicts.json")).unwrap();
    let (yes, no) = (
        said.iter().filter(|said| **said).count(),
        said.iter().filter(|said| !**said).count(),
    );
    assert!(yes > 30 && no > 25, "{yes} {no}");
    let said: Vec<_> = said
        .into_iter()
        .enumerate()
        .map(|(index, said)| (format!("expectations[{index}]"), said))
        .collect();
    same_verdicts(&import, &said);
}

#[test]
fn suites_from_before_1_0_are_read_alike() {
    let old = Import::of("gx", "data/import/gx_legacy.json", &[]).done();
    let new = Import::of("gx", "data/import/gx.json", &[]).done();
    let new_yaml = new.yaml();
    let mut same = 0;
    for line in old.yaml().lines().filter(|line| !line.starts_with('#')) {
        assert!(new_yaml.lines().any(|known| known == line), "{line}");
        same += 1;
    }
    assert!(same > 60, "{same}");
}

/// One rule.
fn gx(rule: &str, more: &[&str]) -> Import {
    let suite = format!(r#"{{"name": "s", "meta": {{}}, "expectations": [{rule}]}}"#);
    Import::text("gx", "s.json", suite, more)
}

#[test]
fn what_great_expectations_ask_beyond_us_is_refused_and_named() {
    let known = r#"{"type": "expect_column_values_to_not_be_null", "kwargs": {"column": "a"}}"#;
    for (rule, why) in [
        (
            r#"{"type": "expect_column_kl_divergence_to_be_less_than", "kwargs": {"column": "a"}}"#,
            "there is no such rule here",
        ),
        (
            r#"{"type": "expect_my_own", "kwargs": {}}"#,
            "there is no such rule here",
        ),
        (
            r#"{"type": "expect_column_values_to_be_unique", "kwargs": {"column": "a", "mostly": 0.9}}"#,
            "`mostly` cannot be asked of it here",
        ),
        (
            r#"{"type": "expect_column_values_to_be_unique", "kwargs": {"column": "a", "huh": 0.9}}"#,
            "`huh` is not understood",
        ),
        (
            r#"{"type": "expect_column_values_to_be_unique", "kwargs": {"column": "a"}, "more": 1}"#,
            "`more` is not understood",
        ),
        (
            r#"{"type": "expect_column_mean_to_be_between", "kwargs": {"column": "a", "min_value": 1, "strict_min": true}}"#,
            "a strict bound of a figure",
        ),
        (
            r#"{"type": "expect_column_mean_to_be_between", "kwargs": {"column": "a", "min_value": {"$PARAMETER": "x"}}}"#,
            "not a finite number",
        ),
        (
            r#"{"type": "expect_column_mean_to_be_between", "kwargs": {"column": "a", "min_value": 1, "row_condition": "a > 1"}}"#,
            "`row_condition` cannot be asked of a figure",
        ),
        (
            r#"{"type": "expect_column_values_to_match_regex", "kwargs": {"column": "a", "regex": "a(?=b)"}}"#,
            "look-around",
        ),
        (
            r#"{"type": "expect_column_values_to_be_in_set", "kwargs": {"column": "a", "value_set": []}}"#,
            "the set is empty",
        ),
        (
            r#"{"type": "expect_column_values_to_be_of_type", "kwargs": {"column": "a", "type_": "timedelta64[ns]"}}"#,
            "the type `timedelta64[ns]` has no word here",
        ),
        (
            r#"{"type": "expect_column_values_to_be_null", "kwargs": {"column": "a", "row_condition": "b > @limit", "condition_parser": "pandas"}}"#,
            "`@` is not understood",
        ),
        (
            r#"{"type": "expect_column_values_to_be_null", "kwargs": {"column": "a", "row_condition": "b = \"x\"", "condition_parser": "spark"}}"#,
            "double quotes",
        ),
        (
            r#"{"type": "expect_compound_columns_to_be_unique", "kwargs": {"column_list": ["a", "b"]}}"#,
            "rows with a null in the key are not compared here",
        ),
        (
            r#"{"type": "expect_column_quantile_values_to_be_between", "kwargs": {"column": "a", "quantile_ranges": {"quantiles": [0.5], "value_ranges": [[1, 2]]}}}"#,
            "this suite interpolates",
        ),
        (r#"{"kwargs": {"column": "a"}}"#, "has no `type`"),
    ] {
        let both = format!("{known},\n{rule}");
        gx(&both, &[]).refused(&[
            "s.json: 1 of 2 rules cannot be translated wholly, so nothing was written",
            "line 2, expectations[1]",
            why,
        ]);
        let partial = gx(&both, &["--allow-partial"]).partial();
        partial.says("not_null: true");
        assert!(partial.yaml().contains(why), "{}", partial.yaml());
        assert!(partial.words().contains(why));
        assert!(["not translated", "partly"].contains(&partial.row("expectations[1]")[2].as_str()));
    }
    // Every one is named.
    let two = format!("{known}, {{\"type\": \"expect_a\"}}, {{\"type\": \"expect_b\"}}");
    gx(&two, &[]).refused(&[
        "2 of 3",
        "expectations[1] (expect_a)",
        "expectations[2] (expect_b)",
    ]);
    // Where nothing is left there is no suite to write.
    gx(r#"{"type": "expect_a"}"#, &["--allow-partial"]).refused(&["not one of 1 rules can be translated"]);
}

#[test]
fn what_is_written_stays_what_it_was() {
    let rule = r#"{"type": "expect_column_values_to_be_in_set", "kwargs": {"column": "a: #b", "value_set":
        ["no", "1", 1, 1.0, 1e300, 12345678901234567890, true, "null", "~", "", "a\"b\\c", "x\ny", "\ud83d\ude00", "- z", "é", "2013-01-31"]}}"#;
    let import = gx(rule, &[]).done();
    let suite = data_validate::config::Suite::read("s", &import.yaml()).unwrap();
    let values = &suite.tables["t"].columns["a: #b"].in_set.as_ref().unwrap().values;
    use data_validate::config::Scalar;
    let text = |text: &str| Scalar::Text(text.to_owned());
    let expected = [
        text("no"),
        text("1"),
        Scalar::Whole(1),
        Scalar::Number(1.0),
        Scalar::Number(1e300),
        Scalar::Whole(12_345_678_901_234_567_890),
        Scalar::Bool(true),
        text("null"),
        text("~"),
        text(""),
        text("a\"b\\c"),
        text("x\ny"),
        text("😀"),
        text("- z"),
        text("é"),
        text("2013-01-31"),
    ];
    assert_eq!(values, &expected);
}

#[test]
fn severities_and_strict_counts() {
    let of = |rule: &str| gx(rule, &[]).done();
    of(r#"{"type": "expect_column_values_to_not_be_null", "severity": "warning", "kwargs": {"column": "a"}}"#).says("not_null: {severity: warn}");
    let info = of(
        r#"{"type": "expect_column_values_to_be_unique", "severity": "info", "kwargs": {"column": "a", "result_format": "BASIC"}}"#,
    );
    info.says("unique: {severity: warn}");
    assert!(info.row("expectations[0]")[4].contains("severity info"));
    of(r#"{"type": "expect_table_row_count_to_be_between", "kwargs": {"min_value": 5, "strict_min": true, "max_value": 9, "strict_max": true}}"#)
        .says("row_count: {min: 6, max: 8}");
    of(r#"{"type": "expect_column_min_to_be_between", "kwargs": {"column": "d", "min_value": "2013-01-01", "strict_min": true}}"#)
        .says("range: {min: \"2013-01-01\", exclusive_min: true}");
    of(r#"{"type": "expect_column_values_to_not_be_null", "kwargs": {"column": "a", "mostly": 0.9}}"#)
        .says("null_rate: {max: 0.1}");
    of(r#"{"type": "expect_column_values_to_be_between", "kwargs": {"column": "a b", "min_value": "a", "max_value": "m"}}"#)
        .says("{expression: \"\\\"a b\\\" >= 'a' and \\\"a b\\\" <= 'm'\"}");
    of(r#"{"type": "expect_column_values_to_be_null", "kwargs": {"column": "a", "row_condition": "col(\"b\").notNull()", "condition_parser": "great_expectations"}}"#)
        .says("{expression: \"a is null\", where: \"b is not null\"}");
    of(r#"{"type": "expect_column_values_to_be_null", "kwargs": {"column": "a", "row_condition": "b = 'x' AND c IS NOT NULL", "condition_parser": "spark"}}"#)
        .says("{expression: \"a is null\", where: \"b = 'x' AND c IS NOT NULL\"}");
    // The same twice is one.
    let twice = r#"{"type": "expect_column_values_to_not_be_null", "kwargs": {"column": "a"}}"#;
    assert_eq!(
        of(&format!("{twice}, {twice}"))
            .yaml()
            .matches("not_null: true")
            .count(),
        1
    );
}

#[test]
fn documents_that_are_none() {
    let refused = |from: &str, content: &[u8], parts: &[&str]| {
        Import::text(from, "s.yml", content, &["--allow-partial"]).refused(parts);
    };
    refused("gx", b"", &["s.yml", "is no suite of Great Expectations"]);
    refused("gx", b"\xff\xfe\x00", &["s.yml: is not UTF-8 text"]);
    refused("gx", b"{\"expectations\": [", &["s.yml"]);
    refused(
        "gx",
        b"{\"expectations\": []}",
        &["s.yml: holds no rule about data"],
    );
    refused("gx", b"expectations: 3", &["is no suite of Great Expectations"]);
    refused(
        "gx",
        b"{\"expectations\": [], \"expectations\": []}",
        &["the key `expectations` stands twice"],
    );
    refused(
        "gx",
        b"{\"expectations\": [], \"checks\": [1]}",
        &["checks: is not understood"],
    );
    let deep = format!(
        "{{\"expectations\": {}{}}}",
        "[".repeat(100_000),
        "]".repeat(100_000)
    );
    refused("gx", deep.as_bytes(), &["s.yml"]);
    let deep = format!("expectations: {}1{}", "{a: ".repeat(70), "}".repeat(70));
    refused("gx", deep.as_bytes(), &["more than 60 deep"]);
    let bomb = "a: &a [x, x, x, x, x, x, x, x]\nb: &b [*a, *a, *a, *a, *a, *a, *a, *a]\n\
        c: &c [*b, *b, *b, *b, *b, *b, *b, *b]\nd: &d [*c, *c, *c, *c, *c, *c, *c, *c]\n\
        e: &e [*d, *d, *d, *d, *d, *d, *d, *d]\nf: &f [*e, *e, *e, *e, *e, *e, *e, *e]\n\
        g: &g [*f, *f, *f, *f, *f, *f, *f, *f]\nh: &h [*g, *g, *g, *g, *g, *g, *g, *g]\nexpectations: [*h]\n";
    refused("gx", bomb.as_bytes(), &["s.yml"]);
    let huge = vec![b' '; (32 << 20) + 1];
    refused("gx", &huge, &["larger than 32 MiB"]);
    let condition = format!("{}a > 1{}", "(".repeat(5000), ")".repeat(5000));
    let rule = format!(
        r#"{{"expectations": [{{"type": "expect_column_values_to_be_null", "kwargs": {{"column": "a", "row_condition": "{condition}"}}}}]}}"#
    );
    refused("gx", rule.as_bytes(), &["too deep in brackets"]);
}

#[test]
fn a_suite_that_is_there_is_replaced_only_by_a_whole_one() {
    let dir = tempfile::tempdir().unwrap();
    let (suite, output) = (
        file(&dir, "s.json", r#"{"expectations": [{"type": "expect_a"}]}"#),
        file(&dir, "suite.yaml", "mine\n"),
    );
    let args = [
        "import",
        &suite,
        "--from=gx",
        "--table=t",
        &format!("--output={output}"),
    ];
    assert_eq!(run_other(&args).exit, Some(2));
    assert_eq!(std::fs::read_to_string(&output).unwrap(), "mine\n");
    let onto = run_other(&[
        "import",
        &suite,
        "--from=gx",
        "--table=t",
        &format!("--output={suite}"),
    ]);
    assert_eq!(onto.exit, Some(2));
    assert!(std::fs::read_to_string(&suite).unwrap().contains("expect_a"));
    let missing = run_other(&[
        "import",
        "nowhere.json",
        "--from=gx",
        "--table=t",
        &format!("--output={output}"),
    ]);
    assert_eq!(missing.exit, Some(2));
    let bad = run_other(&[
        "import",
        &suite,
        "--from=soda",
        "--table=t",
        &format!("--output={output}"),
    ]);
    assert_eq!(bad.exit, Some(2));
}

#[test]
fn pandera_says_the_same() {
    let said: BTreeMap<String, bool> =
        serde_json::from_str(include_str!("data/import/pandera_verdicts.json")).unwrap();
    let no = said.values().filter(|said| !**said).count();
    assert!(no > 12 && said.len() - no > 25, "{no} of {}", said.len());
    let said: Vec<_> = said.into_iter().collect();
    let minimal = Import::of("pandera", "data/import/pandera.yaml", &[]).done();
    same_verdicts(&minimal, &said);
    // The other forms say the same.
    let rules = |import: &Import| {
        import
            .yaml()
            .lines()
            .filter(|line| !line.starts_with('#'))
            .collect::<Vec<_>>()
            .join("\n")
    };
    for other in ["data/import/pandera.json", "data/import/pandera_nested.json"] {
        assert_eq!(
            rules(&Import::of("pandera", other, &[]).done()),
            rules(&minimal),
            "{other}"
        );
    }
}

/// One column.
fn pandera(column: &str, more: &[&str]) -> Import {
    let schema = format!("schema_type: dataframe\ncolumns:\n  a: {column}\n");
    Import::text("pandera", "schema.yaml", schema, more)
}

#[test]
fn forms_of_pandera() {
    let of = |column: &str| pandera(column, &[]).done();
    of("{dtype: float32}").says("nan_rate: {max: 0}");
    of("{dtype: 'datetime64[ns, UTC]', nullable: true}").says("type: timestamp");
    of("{dtype: pl.Utf8, nullable: true}").says("type: text");
    of("{dtype: category}").says("type: text");
    of("{checks: [{value: 3, options: {check_name: greater_than}}, {max_value: 9, options: {check_name: less_than}}]}")
        .says("range: {min: 3, max: 9, exclusive_min: true, exclusive_max: true}");
    of("{checks: [{value: 3, options: {check_name: gt}}, {value: 5, options: {check_name: gt}}]}")
        .says("{expression: \"a > 5\"}");
    of("{checks: {str_matches: 'b|c'}, nullable: true}").says("regex: \"\\\\A(?:b|c)\"");
    of("{required: false, equal_to: {value: 4, raise_warning: true}}")
        .says("in_set: {values: [4], severity: warn}");
    of("{nullable: true, unique: true}").says("null_count: {max: 1}");
    let inferred = "schema_type: dataframe\ncolumns: {a: {dtype: int64}, b: {dtype: int64}}\nstrict: true\nordered: true\nunique: [a, b]\n\
        coerce: true\nindex: [{dtype: int64, nullable: false, greater_than_or_equal_to: 0, less_than_or_equal_to: 9}]\n";
    let import = Import::text("pandera", "s.yaml", inferred, &[]).done();
    for line in [
        "schema: exact",
        "column_order: [a, b]",
        "{columns: [a, b]}",
        "row_count: {max: 10}",
    ] {
        import.says(line);
    }
    let data = import.dir.path().join("t.csv");
    std::fs::write(&data, "a,b,c\n1,2,3\n").unwrap();
    let ran = import.check(&[&format!("t={}", data.display())], &[]);
    assert_eq!(ran.check("schema:t")["outcome"], "fail");
}

#[test]
fn what_pandera_asks_beyond_us_is_refused_and_named() {
    for (column, why) in [
        (
            "{dtype: 'timedelta64[ns]'}",
            "the type `timedelta64[ns]` has no word here",
        ),
        ("{my_own_check: 3}", "there is no such check here"),
        (
            "{greater_than: {value: 3, groupby: b}}",
            "`groupby` is not understood",
        ),
        ("{greater_than: {value: 3, huh: 1}}", "`huh` is not understood"),
        (
            "{greater_than: {min_value: 3, ignore_na: false}, nullable: true}",
            "`ignore_na: false` on a column that may be null",
        ),
        ("{regex: true}", "a pattern in place of a column's name"),
        ("{default: 3}", "it fills nulls"),
        ("{drop_invalid_rows: true}", "no row is left out here"),
        ("{nullable: perhaps}", "`nullable` is perhaps, not true or false"),
        ("3", "3 is no column"),
    ] {
        let good = "\n  b: {dtype: int64}";
        pandera(&format!("{column}{good}"), &[]).refused(&[
            "schema.yaml: 1 of ",
            "cannot be translated wholly",
            why,
        ]);
        let partial = pandera(&format!("{column}{good}"), &["--allow-partial"]).partial();
        assert!(partial.yaml().contains(why), "{}", partial.yaml());
    }
    let of = |text: &str| Import::text("pandera", "s.yaml", text, &[]);
    of("columns: {a: {nullable: true}, b: {}}\nunique: [a, b]\n")
        .refused(&["unique: rows with a null in the key"]);
    of("columns: {a: {}}\nordered: true\n").refused(&["ordered: the order of some of the columns"]);
    of("columns: {a: {}}\nhuh: true\n").refused(&["huh: is not understood"]);
    of("columns: {a: {}}\nchecks: {greater_than: 0}\n").refused(&["a check of every cell of the frame"]);
    of("columns: {a: {}}\nindex: [{dtype: str}]\n").refused(&["an index without a name is no column"]);
    of("schema_type: xarray\ncolumns: {a: {}}\n").refused(&["is no schema of pandera"]);
    of("expectations: []\n").refused(&["is no schema of pandera", "it looks like one for --from gx"]);
}

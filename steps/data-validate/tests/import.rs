//! Suites of other programs mean here what they meant there: what Great Expectations and pandera said of a table
//! (`data/import/make_import.py`) is what `check` says of it by the imported suite, rule by rule.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    dead_code,
    reason = "helpers of tests"
)]

mod run;

use std::collections::BTreeMap;
use std::path::PathBuf;

use run::{Ran, file};
use serde_json::Value;

/// An import, and where the suite went.
struct Import {
    ran: Ran,
    dir: tempfile::TempDir,
}

impl Import {
    /// Imports a file of the data, or one that was written here.
    fn of(from: &str, path: &str, more: &[&str]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let output = format!("--output={}", dir.path().join("suite.yaml").display());
        let args = [
            &["import", path, "--from", from, "--table=t", output.as_str()],
            more,
        ]
        .concat();
        Self {
            ran: bare(&args),
            dir,
        }
    }

    fn text(from: &str, name: &str, content: impl AsRef<[u8]>, more: &[&str]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        Self::of(from, &file(&dir, name, content), more)
    }

    fn suite(&self) -> PathBuf {
        self.dir.path().join("suite.yaml")
    }

    fn yaml(&self) -> String {
        std::fs::read_to_string(self.suite()).unwrap_or_else(|error| panic!("{error}: {}", self.ran.stderr))
    }

    /// The last words.
    fn words(&self) -> String {
        std::fs::read_to_string(self.ran.path("termination")).unwrap()
    }

    /// The table of the report: place, rule, end, here, note.
    fn rows(&self) -> Vec<[String; 5]> {
        let report = self.ran.report();
        let table = &report["sections"][0]["rows"];
        let cell = |cell: &Value| cell.as_str().unwrap_or_default().to_owned();
        let rows = table.as_array().unwrap().iter();
        rows.map(|row| std::array::from_fn(|index| cell(&row[index])))
            .collect()
    }

    /// What became of the rule at a place, or of that name.
    #[track_caller]
    fn row(&self, place: &str) -> [String; 5] {
        let rows = self.rows();
        let found = rows
            .iter()
            .find(|row| row[0] == place || row[1] == place || row[0].ends_with(&format!(", {place}")));
        found.unwrap_or_else(|| panic!("no {place} in {rows:#?}")).clone()
    }

    /// Whole, and readable.
    #[track_caller]
    fn done(self) -> Self {
        assert_eq!(
            (self.ran.exit, self.ran.stdout.trim()),
            (Some(0), "IMPORTED"),
            "{}",
            self.ran.stderr
        );
        self.readable()
    }

    #[track_caller]
    fn partial(self) -> Self {
        assert_eq!(
            (self.ran.exit, self.ran.stdout.trim()),
            (Some(0), "PARTIAL"),
            "{}",
            self.ran.stderr
        );
        self.readable()
    }

    #[track_caller]
    fn readable(self) -> Self {
        let yaml = self.yaml();
        if let Err(error) = data_validate::config::Suite::read("suite.yaml", &yaml) {
            panic!("{error}\n{yaml}");
        }
        self
    }

    /// Exit 2 with a sentence, and nothing written.
    #[track_caller]
    fn refused(self, parts: &[&str]) {
        let words = self.words();
        assert_eq!(self.ran.exit, Some(2), "{}", self.ran.stderr);
        assert!(!self.suite().exists());
        assert_eq!(self.ran.report()["verdict"], "ERROR");
        for part in parts {
            assert!(words.contains(part), "`{part}` is not in `{words}`");
        }
    }

    /// That the suite has such a line, once the indentation is off.
    #[track_caller]
    fn says(&self, line: &str) {
        let yaml = self.yaml();
        let there = yaml
            .lines()
            .any(|known| known.trim().trim_start_matches("- ") == line);
        assert!(there, "no line `{line}` in\n{yaml}");
    }

    fn check(&self, data: &[&str], more: &[&str]) -> Ran {
        let suite = format!("--suite={}", self.suite().display());
        let data: Vec<String> = data.iter().map(|data| format!("--data={data}")).collect();
        let data: Vec<&str> = data.iter().map(String::as_str).collect();
        run::run(&[&["check", suite.as_str()], data.as_slice(), more].concat())
    }
}

/// The binary with the outputs that `import` has.
fn bare(args: &[&str]) -> Ran {
    let out = tempfile::tempdir().unwrap();
    std::fs::write(out.path().join("termination"), "").unwrap();
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_data-validate"));
    command
        .current_dir(run::here())
        .args(args)
        .stdin(std::process::Stdio::null());
    for (flag, name) in [
        ("--report", "report.json"),
        ("--report-md", "report.md"),
        ("--report-html", "report.html"),
        ("--report-junit", "report.junit.xml"),
        ("--statement", "statement.json"),
        ("--verdict", "verdict"),
        ("--termination-log", "termination"),
    ] {
        command.arg(format!("{flag}={}", out.path().join(name).display()));
    }
    let done = command.output().unwrap();
    Ran {
        exit: done.status.code(),
        stdout: String::from_utf8(done.stdout).unwrap(),
        stderr: String::from_utf8_lossy(&done.stderr).into_owned(),
        out,
    }
}

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
    assert_eq!(bare(&args).exit, Some(2));
    assert_eq!(std::fs::read_to_string(&output).unwrap(), "mine\n");
    let onto = bare(&[
        "import",
        &suite,
        "--from=gx",
        "--table=t",
        &format!("--output={suite}"),
    ]);
    assert_eq!(onto.exit, Some(2));
    assert!(std::fs::read_to_string(&suite).unwrap().contains("expect_a"));
    let missing = bare(&[
        "import",
        "nowhere.json",
        "--from=gx",
        "--table=t",
        &format!("--output={output}"),
    ]);
    assert_eq!(missing.exit, Some(2));
    let bad = bare(&[
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

#[test]
fn a_schema_file_of_dbt() {
    let dir = tempfile::tempdir().unwrap();
    let output = dir.path().join("suite.yaml");
    let ran = bare(&[
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

//! Every directory below `cases` is a run of the binary: `args` (one a line), `suite.yaml`, and `expect.json`, of
//! which every part must be found in the report, in `dataset.json` or in what the process said.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    dead_code,
    reason = "helpers of tests"
)]

mod run;

use serde_json::Value;

/// Every part of `expected` is in `found`; in `checks`, by id.
fn differences(at: &str, expected: &Value, found: &Value, into: &mut Vec<String>) {
    match (expected, found) {
        (Value::Object(expected), Value::Array(found)) => {
            for (id, expected) in expected {
                match found
                    .iter()
                    .find(|check| check["id"] == id.as_str() || check["name"] == id.as_str())
                {
                    Some(found) => differences(&format!("{at}.{id}"), expected, found, into),
                    None => into.push(format!("{at}: nothing is called {id}")),
                }
            }
        }
        (Value::Object(expected), found) => {
            for (key, expected) in expected {
                match key.strip_suffix("~") {
                    // `why~`: a part of the text.
                    Some(key) => {
                        let (part, text) = (
                            expected.as_str().unwrap(),
                            found[key].as_str().unwrap_or_default(),
                        );
                        if !text.contains(part) {
                            into.push(format!("{at}.{key}: `{part}` is not in `{text}`"));
                        }
                    }
                    None => differences(&format!("{at}.{key}"), expected, &found[key], into),
                }
            }
        }
        (Value::Array(expected), Value::Array(found)) if expected.len() == found.len() => {
            for (index, (expected, found)) in expected.iter().zip(found).enumerate() {
                differences(&format!("{at}[{index}]"), expected, found, into);
            }
        }
        (expected, found) => {
            let same = match (expected.as_f64(), found.as_f64()) {
                (Some(a), Some(b)) => (a - b).abs() <= 1e-12 * a.abs().max(1.0),
                _ => expected == found,
            };
            if !same {
                into.push(format!("{at}: {found} instead of {expected}"));
            }
        }
    }
}

#[test]
fn cases() {
    let mut names: Vec<_> = std::fs::read_dir(run::here().join("cases"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    names.sort();
    assert!(!names.is_empty());
    let mut wrong = Vec::new();
    for case in names {
        let name = case.file_name().unwrap().to_str().unwrap().to_owned();
        let read = |file: &str| {
            std::fs::read_to_string(case.join(file)).unwrap_or_else(|error| panic!("{name}/{file}: {error}"))
        };
        let args = read("args");
        let args: Vec<&str> = args.lines().filter(|line| !line.is_empty()).collect();
        let ran = run::run(&args);
        let expected: Value = serde_json::from_str(&read("expect.json")).unwrap();
        let mut found = serde_json::json!({
            "exit": ran.exit,
            "stdout": ran.stdout.trim(),
            "termination": std::fs::read_to_string(ran.path("termination")).unwrap(),
            "report": ran.report(),
        });
        found["dataset"] = if ran.has("dataset.json") {
            ran.json("dataset.json")
        } else {
            Value::Null
        };
        let before = wrong.len();
        differences(&name, &expected, &found, &mut wrong);
        if wrong.len() > before {
            wrong.push(format!("{name}: standard error was\n{}", ran.stderr));
        }
        // Whatever the end, standard output is one word and the report opens in every form.
        assert_eq!(
            ran.stdout.split_whitespace().count(),
            usize::from(ran.exit != Some(2)),
            "{name}: {}",
            ran.stdout
        );
        for form in ["report.md", "report.html", "report.junit.xml"] {
            assert!(ran.has(form), "{name}: {form}");
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The suite that `infer` makes of the flights, for a person to look at; `BLESS=1` writes it anew.
#[test]
fn an_inferred_suite() {
    let dir = tempfile::tempdir().unwrap();
    let suite = run::file(&dir, "s.yaml", "tables: {flights: {row_count: {min: 1}}}");
    let checked = run::run(&[
        "check",
        "--data=flights=data/train.parquet",
        &format!("--suite={suite}"),
    ]);
    let made = dir.path().join("made.yaml");
    let profile = format!("--profile={}", checked.path("profile.json").display());
    let ran = run::run_other(&["infer", &profile, &format!("--output={}", made.display())]);
    assert_eq!(ran.exit, Some(0), "{}", ran.stderr);
    // The day, the version and the digest are of the run.
    let made: String = std::fs::read_to_string(&made)
        .unwrap()
        .lines()
        .filter(|line| !line.starts_with("# Inferred on ") && !line.starts_with("# The profile is "))
        .map(|line| format!("{line}\n"))
        .collect();
    let golden = run::here().join("data/inferred.yaml");
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(&golden, &made).unwrap();
    }
    let known = std::fs::read_to_string(&golden).unwrap_or_default();
    let differs = known
        .lines()
        .zip(made.lines())
        .find(|(known, made)| known != made);
    assert!(
        known == made,
        "{} differs, first {differs:?}; look at it, then BLESS=1",
        golden.display()
    );
}

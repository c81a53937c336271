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

//! A folder, made-up predictions, and the real binary.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]
#![allow(
    clippy::allow_attributes,
    dead_code,
    reason = "each test binary uses its own part"
)]

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::{Value, json};
use tempfile::TempDir;

/// The gates file of the issue, as it stands.
pub(crate) const SEED: &str = "\
evaluation:
  minimum_thresholds: {auc_roc: 0.87, f1_score: 0.82, precision: 0.80}
  champion_improvement: {auc_roc_delta: 0.005}
  latency: {p95_ms: 50, p99_ms: 100}
  fairness: {enabled: true, max_disparity: 0.10}
";

/// One row of predictions.
#[derive(Debug, Clone)]
pub(crate) struct Row {
    pub(crate) id: String,
    pub(crate) label: u8,
    pub(crate) score: String,
    pub(crate) group: &'static str,
}

/// Rows whose scores separate the classes by `signal`: 0 is chance, 4 is nearly perfect.
pub(crate) fn rows(n: usize, signal: f64) -> Vec<Row> {
    // Every model sees the same rows: labels, groups and the noise come from the row's number alone.
    let noise = |row: usize, salt: u64| {
        let mut x = (row as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ salt;
        x = (x ^ (x >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((x ^ (x >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    };
    (0..n)
        .map(|row| {
            let label = u8::from(noise(row, 1) < 0.4);
            let spread: f64 = (2..8).map(|salt| noise(row, salt) - 0.5).sum();
            let z = signal * (f64::from(label) - 0.5) + 1.4 * spread;
            Row {
                id: format!("r{row:05}"),
                label,
                score: format!("{:.6}", 1.0 / (1.0 + (-2.0 * z).exp())),
                group: ["north", "south", "west"][row % 3],
            }
        })
        .collect()
}

/// As CSV with a header.
pub(crate) fn csv(rows: &[Row]) -> String {
    let mut text = "id,label,score,region\n".to_owned();
    for row in rows {
        writeln!(text, "{},{},{},{}", row.id, row.label, row.score, row.group).unwrap();
    }
    text
}

/// What `evaluate load` writes, as far as the gate reads it: its default 600 requests at one endpoint.
#[derive(Debug, Clone)]
pub(crate) struct LoadReport {
    pub(crate) label: &'static str,
    pub(crate) model: &'static str,
    pub(crate) endpoint: &'static str,
    pub(crate) requests: u64,
    pub(crate) p95: f64,
    pub(crate) p99: f64,
    /// The outcome of the error rate.
    pub(crate) errors: &'static str,
}

impl Default for LoadReport {
    fn default() -> Self {
        Self {
            label: "1",
            model: "m",
            endpoint: "http://h:8080/",
            requests: 600,
            p95: 12.0,
            p99: 40.0,
            errors: "pass",
        }
    }
}

impl LoadReport {
    pub(crate) fn json(&self) -> String {
        Self::of(std::slice::from_ref(self))
    }

    /// One report of several endpoints.
    pub(crate) fn of(all: &[Self]) -> String {
        let (mut checks, mut bindings) = (Vec::new(), serde_json::Map::new());
        for one in all {
            let check = |kind: &str, metric: &str, observed: f64, outcome: &str| {
                let interval = json!({"lower": observed - 1.0, "upper": observed + 1.0, "level": 0.9,
                                      "method": "binomial order statistics"});
                json!({
                    "id": format!("{metric}:{}", one.label), "kind": kind,
                    "target": {"metric": metric, "slice": one.label}, "observed": observed,
                    "interval": interval, "n": one.requests, "outcome": outcome,
                    "why": format!("{}: 90 of {} requests failed", one.label, one.requests),
                })
            };
            checks.push(check("latency", "latency_p95_ms", one.p95, "skipped"));
            checks.push(check("latency", "latency_p99_ms", one.p99, "pass"));
            checks.push(check("errors", "error_rate", 0.15, one.errors));
            bindings.insert(format!("model.{}", one.label), one.model.into());
            bindings.insert(format!("endpoint.{}", one.label), one.endpoint.into());
        }
        json!({
            "schema": "mlops-steps/report/v1", "step": "evaluate", "command": "load", "version": "0", "verdict": "PASS",
            "reason": "", "checks": checks, "bindings": bindings,
        })
        .to_string()
    }
}

/// A folder for one run.
pub(crate) struct Dir(TempDir);

impl Dir {
    pub(crate) fn new() -> Self {
        Self(TempDir::new().unwrap())
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    pub(crate) fn file(&self, name: &str, text: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    /// `evaluate` in this folder; outputs go there too.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_evaluate"));
        command
            .current_dir(self.path())
            .args(args)
            .env_remove("GITHUB_REPOSITORY")
            .env_remove("GITHUB_TOKEN");
        command.env("STORE_RETRY_SECONDS", "1");
        for (flag, name) in [
            ("--report", "report.json"),
            ("--report-md", "report.md"),
            ("--report-html", "report.html"),
            ("--report-junit", "report.xml"),
            ("--statement", "statement.json"),
            ("--verdict", "verdict"),
        ] {
            command.args([flag, name]);
        }
        command
    }

    pub(crate) fn run(&self, args: &[&str]) -> Ran {
        Ran::of(self.command(args).output().unwrap(), self.path())
    }

    /// `gate` over these files.
    pub(crate) fn gate(
        &self,
        gates: &str,
        challenger: &[Row],
        champion: Option<&[Row]>,
        more: &[&str],
    ) -> Ran {
        self.file("gates.yaml", gates);
        self.file("preds.csv", csv(challenger));
        let mut args = vec!["gate", "--gates", "gates.yaml", "--predictions", "preds.csv"];
        if let Some(champion) = champion {
            self.file("champion.csv", csv(champion));
            args.extend(["--champion-predictions", "champion.csv"]);
        }
        args.extend(more);
        self.run(&args)
    }
}

/// What came of a run.
pub(crate) struct Ran {
    pub(crate) exit: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    pub(crate) report: Value,
}

impl Ran {
    pub(crate) fn of(output: Output, dir: &Path) -> Self {
        let report = std::fs::read(dir.join("report.json")).unwrap_or_default();
        Self {
            exit: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
            report: serde_json::from_slice(&report).unwrap_or(Value::Null),
        }
    }

    /// The verdict with its exit; standard output holds that one word.
    #[track_caller]
    pub(crate) fn says(&self, word: &str, exit: i32) -> &Self {
        assert_eq!(
            (self.stdout.as_str(), self.exit),
            (&*format!("{word}\n"), exit),
            "{}",
            self.stderr
        );
        assert_eq!(self.report["verdict"], word);
        self
    }

    /// An end without a decision: nothing on standard output, and a report that says why.
    #[track_caller]
    pub(crate) fn refuses(&self, exit: i32, words: &[&str]) -> &Self {
        assert_eq!((self.stdout.as_str(), self.exit), ("", exit), "{}", self.stderr);
        assert_eq!(self.report["verdict"], "ERROR", "{}", self.stderr);
        let reason = self.report["reason"].as_str().unwrap();
        for word in words {
            assert!(reason.contains(word), "`{word}` is not in: {reason}");
        }
        self
    }

    #[track_caller]
    pub(crate) fn check(&self, id: &str) -> &Value {
        let checks = self.report["checks"].as_array().unwrap();
        let ids: Vec<&Value> = checks.iter().map(|check| &check["id"]).collect();
        checks
            .iter()
            .find(|check| check["id"] == id)
            .unwrap_or_else(|| panic!("no {id} in {ids:?}"))
    }

    /// The outcome of a check and its sentence.
    #[track_caller]
    pub(crate) fn outcome(&self, id: &str, outcome: &str, words: &[&str]) -> &Self {
        let check = self.check(id);
        let why = check["why"].as_str().unwrap();
        assert_eq!(check["outcome"], outcome, "{id}: {why}");
        for word in words {
            assert!(why.contains(word), "{id}: `{word}` is not in: {why}");
        }
        self
    }
}

/// Sends a signal to a process that the test has started.
pub(crate) fn signal(name: &str, process: u32) {
    let sent = Command::new("kill")
        .args([format!("-{name}"), process.to_string()])
        .status()
        .unwrap();
    assert!(sent.success());
}

//! Runs the real binary, with the outputs in a directory of its own.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    dead_code,
    reason = "helpers of tests"
)]

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

/// What a run left behind.
pub(crate) struct Ran {
    pub(crate) exit: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    pub(crate) out: tempfile::TempDir,
}

impl Ran {
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.out.path().join(name)
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.path(name).exists()
    }

    pub(crate) fn json(&self, name: &str) -> Value {
        let text =
            std::fs::read(self.path(name)).unwrap_or_else(|error| panic!("{name}: {error}\n{}", self.stderr));
        serde_json::from_slice(&text).unwrap()
    }

    pub(crate) fn report(&self) -> Value {
        self.json("report.json")
    }

    /// The check of this id.
    #[track_caller]
    pub(crate) fn check(&self, id: &str) -> Value {
        let report = self.report();
        let checks = report["checks"].as_array().unwrap();
        let found = checks.iter().find(|check| check["id"] == id);
        found.cloned().unwrap_or_else(|| {
            let ids: Vec<&Value> = checks.iter().map(|check| &check["id"]).collect();
            panic!("no check {id} among {ids:?}")
        })
    }
}

/// The directory of the tests: locations in cases are relative to it, so that they are the same everywhere.
pub(crate) fn here() -> PathBuf {
    Path::new(env!("MLOPS_STEPS_ROOT")).join("steps/data-validate/tests")
}

/// What `check` leaves behind of its findings, beside what it prints.
pub(crate) const WORDS: [&str; 6] = [
    "report.json",
    "report.md",
    "report.html",
    "report.junit.xml",
    "profile.json",
    "termination",
];

/// Outputs that every command has.
const OUTPUTS: [(&str, &str); 7] = [
    ("--report", "report.json"),
    ("--report-md", "report.md"),
    ("--report-html", "report.html"),
    ("--report-junit", "report.junit.xml"),
    ("--statement", "statement.json"),
    ("--verdict", "verdict"),
    ("--termination-log", "termination"),
];
/// Those that only `check` has.
const OF_CHECK: [(&str, &str); 2] = [("--dataset", "dataset.json"), ("--profile", "profile.json")];

/// The binary with these arguments, the outputs of `check` below `out`.
pub(crate) fn command(args: &[String], out: &Path) -> Command {
    with_outputs(args, out, &[OUTPUTS.as_slice(), &OF_CHECK].concat())
}

/// The same without a profile, which is of every column: only those are read that rules are about.
pub(crate) fn unprofiled(args: &[String], out: &Path) -> Command {
    let mut command = with_outputs(args, out, &[OUTPUTS.as_slice(), &OF_CHECK[..1]].concat());
    command.arg("--profile=");
    command
}

fn with_outputs(args: &[String], out: &Path, outputs: &[(&str, &str)]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_data-validate"));
    command.current_dir(here()).args(args).stdin(Stdio::null());
    for (flag, file) in outputs {
        command.arg(format!("{flag}={}", out.join(file).display()));
    }
    command
}

pub(crate) fn run(args: &[&str]) -> Ran {
    run_in(tempfile::tempdir().unwrap(), args)
}

pub(crate) fn run_in(out: tempfile::TempDir, args: &[&str]) -> Ran {
    ended(command(&owned(args), out.path()), out)
}

/// Runs another command than `check`.
pub(crate) fn run_other(args: &[&str]) -> Ran {
    let out = tempfile::tempdir().unwrap();
    ended(with_outputs(&owned(args), out.path(), &OUTPUTS), out)
}

fn owned(args: &[&str]) -> Vec<String> {
    args.iter().map(|arg| (*arg).to_owned()).collect()
}

fn ended(mut command: Command, out: tempfile::TempDir) -> Ran {
    std::fs::write(out.path().join("termination"), "").unwrap();
    let done = command.output().unwrap();
    Ran {
        exit: done.status.code(),
        stdout: String::from_utf8(done.stdout).unwrap(),
        stderr: String::from_utf8_lossy(&done.stderr).into_owned(),
        out,
    }
}

/// Checks one table, `t`, against a suite.
pub(crate) fn check(data: &str, suite: &Value, more: &[&str]) -> Ran {
    let dir = tempfile::tempdir().unwrap();
    // JSON is YAML.
    let suite = format!("--suite={}", file(&dir, "suite.yaml", suite.to_string()));
    let data = format!("--data=t={data}");
    run(&[&["check", data.as_str(), suite.as_str()], more].concat())
}

/// The same of a table that is written here, by the rules for it.
pub(crate) fn check_csv(csv: &str, rules: &Value, more: &[&str]) -> Ran {
    let dir = tempfile::tempdir().unwrap();
    let suite = serde_json::json!({"tables": {"t": rules}});
    check(&file(&dir, "t.csv", csv), &suite, more)
}

/// Writes a file and names it.
pub(crate) fn file(dir: &tempfile::TempDir, name: &str, content: impl AsRef<[u8]>) -> String {
    let path = dir.path().join(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(&path, content).unwrap();
    path.display().to_string()
}

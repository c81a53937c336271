//! Suites that `infer` writes, read and run.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    dead_code,
    reason = "helpers of tests"
)]

use data_validate::config::Suite;
use serde_json::Value;

use crate::flights::Rows;
use crate::run::{self, Ran, file};

/// A suite that was inferred.
pub(crate) struct Inferred {
    pub(crate) ran: Ran,
    dir: tempfile::TempDir,
}

impl Inferred {
    pub(crate) fn of(profile: &str, more: &[&str]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let output = format!("--output={}", dir.path().join("suite.yaml").display());
        let profile = format!("--profile={profile}");
        let args = [&["infer", profile.as_str(), output.as_str()], more].concat();
        Self {
            ran: run::run_other(&args),
            dir,
        }
    }

    pub(crate) fn from(profile: &Ran) -> Self {
        Self::of(&profile.path("profile.json").display().to_string(), &[]).done()
    }

    #[track_caller]
    pub(crate) fn done(self) -> Self {
        let ended = (self.ran.exit, self.ran.stdout.trim());
        assert_eq!(ended, (Some(0), "INFERRED"), "{}", self.ran.stderr);
        self.suite();
        self
    }

    pub(crate) fn path(&self) -> String {
        self.dir.path().join("suite.yaml").display().to_string()
    }

    pub(crate) fn yaml(&self) -> String {
        std::fs::read_to_string(self.path()).unwrap()
    }

    pub(crate) fn suite(&self) -> Suite {
        let yaml = self.yaml();
        Suite::read("suite.yaml", &yaml).unwrap_or_else(|error| panic!("{error}\n{yaml}"))
    }

    /// The lines below a column.
    pub(crate) fn column(&self, name: &str) -> String {
        let yaml = self.yaml();
        let start = format!("      {name}:\n");
        let rest = yaml
            .split(&start)
            .nth(1)
            .unwrap_or_else(|| panic!("no {name} in\n{yaml}"));
        let lines = rest.lines().take_while(|line| line.starts_with("        "));
        lines.collect::<Vec<_>>().join("\n")
    }

    pub(crate) fn check(&self, data: &str) -> Ran {
        let (data, suite) = (format!("--data=t={data}"), format!("--suite={}", self.path()));
        run::run(&["check", &data, &suite])
    }

    pub(crate) fn check_rows(&self, rows: &Rows) -> Ran {
        let dir = tempfile::tempdir().unwrap();
        self.check(&file(&dir, "t.csv", rows.csv()))
    }

    #[track_caller]
    pub(crate) fn refused(&self, parts: &[&str]) {
        let words = std::fs::read_to_string(self.ran.path("termination")).unwrap();
        assert_eq!(self.ran.exit, Some(2), "{}", self.ran.stderr);
        assert!(!std::path::Path::new(&self.path()).exists());
        for part in parts {
            assert!(words.contains(part), "`{part}` is not in `{words}`");
        }
    }
}

/// Every check passes; a warning of the header is none.
#[track_caller]
pub(crate) fn passes(ran: &Ran) {
    let report = ran.report();
    let misses: Vec<&Value> = report["checks"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|check| check["outcome"] != "pass" && check["kind"] != "header")
        .map(|check| &check["why"])
        .collect();
    assert!(
        misses.is_empty() && ran.exit == Some(0),
        "{misses:#?}\n{}",
        ran.stderr
    );
}

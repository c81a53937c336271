//! Runs `import`, and asks what became of the rules.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    dead_code,
    reason = "helpers of tests"
)]

use std::path::PathBuf;

use serde_json::Value;

use crate::run::{self, Ran, file};

/// An import, and where the suite went.
pub(crate) struct Import {
    pub(crate) ran: Ran,
    pub(crate) dir: tempfile::TempDir,
}

impl Import {
    /// Imports a file of the data, or one that was written here.
    pub(crate) fn of(from: &str, path: &str, more: &[&str]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let output = format!("--output={}", dir.path().join("suite.yaml").display());
        let args = [
            &["import", path, "--from", from, "--table=t", output.as_str()],
            more,
        ]
        .concat();
        Self {
            ran: run::run_other(&args),
            dir,
        }
    }

    pub(crate) fn text(from: &str, name: &str, content: impl AsRef<[u8]>, more: &[&str]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        Self::of(from, &file(&dir, name, content), more)
    }

    pub(crate) fn suite(&self) -> PathBuf {
        self.dir.path().join("suite.yaml")
    }

    pub(crate) fn yaml(&self) -> String {
        std::fs::read_to_string(self.suite()).unwrap_or_else(|error| panic!("{error}: {}", self.ran.stderr))
    }

    /// The last words.
    pub(crate) fn words(&self) -> String {
        std::fs::read_to_string(self.ran.path("termination")).unwrap()
    }

    /// The table of the report: place, rule, end, here, note.
    pub(crate) fn rows(&self) -> Vec<[String; 5]> {
        let report = self.ran.report();
        let table = &report["sections"][0]["rows"];
        let cell = |cell: &Value| cell.as_str().unwrap_or_default().to_owned();
        let rows = table.as_array().unwrap().iter();
        rows.map(|row| std::array::from_fn(|index| cell(&row[index])))
            .collect()
    }

    /// What became of the rule at a place, or of that name.
    #[track_caller]
    pub(crate) fn row(&self, place: &str) -> [String; 5] {
        let rows = self.rows();
        let found = rows
            .iter()
            .find(|row| row[0] == place || row[1] == place || row[0].ends_with(&format!(", {place}")));
        found.unwrap_or_else(|| panic!("no {place} in {rows:#?}")).clone()
    }

    /// Whole, and readable.
    #[track_caller]
    pub(crate) fn done(self) -> Self {
        assert_eq!(
            (self.ran.exit, self.ran.stdout.trim()),
            (Some(0), "IMPORTED"),
            "{}",
            self.ran.stderr
        );
        self.readable()
    }

    #[track_caller]
    pub(crate) fn partial(self) -> Self {
        assert_eq!(
            (self.ran.exit, self.ran.stdout.trim()),
            (Some(0), "PARTIAL"),
            "{}",
            self.ran.stderr
        );
        self.readable()
    }

    #[track_caller]
    pub(crate) fn readable(self) -> Self {
        let yaml = self.yaml();
        if let Err(error) = data_validate::config::Suite::read("suite.yaml", &yaml) {
            panic!("{error}\n{yaml}");
        }
        self
    }

    /// Exit 2 with a sentence, and nothing written.
    #[track_caller]
    pub(crate) fn refused(self, parts: &[&str]) {
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
    pub(crate) fn says(&self, line: &str) {
        let yaml = self.yaml();
        let there = yaml
            .lines()
            .any(|known| known.trim().trim_start_matches("- ") == line);
        assert!(there, "no line `{line}` in\n{yaml}");
    }

    pub(crate) fn check(&self, data: &[&str], more: &[&str]) -> Ran {
        let suite = format!("--suite={}", self.suite().display());
        let data: Vec<String> = data.iter().map(|data| format!("--data={data}")).collect();
        let data: Vec<&str> = data.iter().map(String::as_str).collect();
        run::run(&[&["check", suite.as_str()], data.as_slice(), more].concat())
    }
}

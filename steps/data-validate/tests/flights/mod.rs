//! The flights of two days, as rows of text that a test may take apart and spoil.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    dead_code,
    reason = "helpers of tests"
)]

use tabular::{Format, Input, ReadOptions, Table};

use crate::run::{self, Ran, file};

/// A table of texts; an empty one is no value.
#[derive(Clone)]
pub(crate) struct Rows {
    pub(crate) names: Vec<String>,
    pub(crate) rows: Vec<Vec<String>>,
}

impl Rows {
    pub(crate) fn read() -> Self {
        let bytes = std::fs::read(run::here().join("data/train.parquet")).unwrap();
        let input = Input::from_bytes("train.parquet", bytes);
        let mut table = Table::open(input, Format::Parquet, ReadOptions::default()).unwrap();
        let (mut names, mut rows) = (Vec::new(), Vec::new());
        while let Some(batch) = table.next_batch().unwrap() {
            let columns = batch.columns();
            names = columns.iter().map(|column| column.field().name.clone()).collect();
            for row in 0..columns[0].len() {
                let cells = columns
                    .iter()
                    .map(|column| column.display(row).unwrap_or_default());
                rows.push(cells.collect());
            }
        }
        Self { names, rows }
    }

    pub(crate) fn place(&self, column: &str) -> usize {
        self.names.iter().position(|name| name == column).unwrap()
    }

    /// Each cell of a column made another, by its row.
    pub(crate) fn with(mut self, column: &str, change: impl Fn(usize, &str) -> String) -> Self {
        let place = self.place(column);
        for (number, row) in self.rows.iter_mut().enumerate() {
            row[place] = change(number, &row[place]);
        }
        self
    }

    pub(crate) fn without(mut self, column: &str) -> Self {
        let place = self.place(column);
        self.names.remove(place);
        self.rows.iter_mut().for_each(|row| _ = row.remove(place));
        self
    }

    /// Two halves, drawn at random.
    pub(crate) fn halves(&self, seed: u64) -> (Self, Self) {
        let mut state = seed;
        let (mut left, mut right) = (self.clone(), self.clone());
        left.rows.clear();
        right.rows.clear();
        for row in &self.rows {
            // Knuth's constants for a linear congruence; the upper bits are the random ones.
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            let half = if state >> 63 == 1 { &mut left } else { &mut right };
            half.rows.push(row.clone());
        }
        (left, right)
    }

    pub(crate) fn csv(&self) -> String {
        let line = |cells: &[String]| {
            let quoted: Vec<String> = cells.iter().map(|cell| quoted(cell)).collect();
            quoted.join(",") + "\n"
        };
        let rows: String = self.rows.iter().map(|row| line(row)).collect();
        line(&self.names) + &rows
    }
}

pub(crate) fn quoted(cell: &str) -> String {
    if cell.is_empty() {
        String::new()
    } else {
        format!("\"{}\"", cell.replace('"', "\"\""))
    }
}

/// The profile of a table called `t`, as `check` writes it.
pub(crate) fn profile(data: &str, more: &[&str]) -> Ran {
    let dir = tempfile::tempdir().unwrap();
    let suite = format!(
        "--suite={}",
        file(&dir, "suite.yaml", "tables: {t: {row_count: {min: 0}}}")
    );
    let data = format!("--data=t={data}");
    let ran = run::run(&[&["check", data.as_str(), suite.as_str()], more].concat());
    assert!(ran.has("profile.json"), "{}", ran.stderr);
    ran
}

/// The profile of a CSV, in a folder that stays while it is held.
pub(crate) fn profile_of(csv: &str, more: &[&str]) -> Ran {
    let dir = tempfile::tempdir().unwrap();
    profile(&file(&dir, "t.csv", csv), more)
}

/// The profile of the flights as `a`, and of another table as `b`.
pub(crate) fn two(other: &str, more: &[&str]) -> Ran {
    let dir = tempfile::tempdir().unwrap();
    let tables = "tables: {a: {row_count: {min: 1}}, b: {row_count: {min: 1}}}";
    let suite = format!("--suite={}", file(&dir, "s.yaml", tables));
    let data = format!("--data=b={other}");
    run::run(
        &[
            &[
                "check",
                "--data=a=data/train.parquet",
                data.as_str(),
                suite.as_str(),
            ],
            more,
        ]
        .concat(),
    )
}

//! What a check is about, what a report was made from, and examples.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::outcome::Level;

/// Longest sample value kept: enough to recognise a value, too little to leak a document.
const SAMPLE_CHARS: usize = 200;

/// What a check is about; every part may be absent.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct Target {
    /// Table, split or data set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub table: Option<String>,
    /// Column of the table.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub column: Option<String>,
    /// Metric, such as `auc_roc`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metric: Option<String>,
    /// Slice of the rows, such as `carrier=UA`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slice: Option<String>,
}

impl Target {
    /// The parts that are there, each with its name.
    pub fn parts(&self) -> impl Iterator<Item = (&'static str, &str)> {
        [
            ("table", self.table.as_deref()),
            ("column", self.column.as_deref()),
            ("metric", self.metric.as_deref()),
            ("slice", self.slice.as_deref()),
        ]
        .into_iter()
        .filter_map(|(name, part)| part.map(|part| (name, part)))
    }

    /// True when no part is there.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.parts().next().is_none()
    }
}

/// Something the step read.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Input {
    /// What it is to the step: `train`, `gates`, `model`.
    pub name: String,
    /// Where it was read from, without credentials.
    pub uri: String,
    /// `sha256:<hex>` of what was read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
    /// How many rows were read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rows: Option<u64>,
    /// Anything else worth a word: `12 objects, window 90 days`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

impl Input {
    /// An input by its role and its place.
    #[must_use]
    pub fn new(name: impl Into<String>, uri: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            uri: uri.into(),
            ..Self::default()
        }
    }

    /// With the digest of its bytes.
    #[must_use]
    pub fn digest(mut self, digest: &(impl ToString + ?Sized)) -> Self {
        self.digest = Some(digest.to_string());
        self
    }

    /// With the number of rows read.
    #[must_use]
    pub const fn rows(mut self, rows: u64) -> Self {
        self.rows = Some(rows);
        self
    }

    /// With a word more.
    #[must_use]
    pub fn detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into());
        self
    }
}

/// An example of what a check saw: a value, how often, and where.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Sample {
    /// The value as text, cut at 200 characters.
    pub value: String,
    /// How many rows have it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<u64>,
    /// One row that has it, from 0, as the reader counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub row: Option<u64>,
    /// The file or object of that row.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub object: Option<String>,
    /// Anything else: the other half of a pair, the score before and after.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

impl Sample {
    /// An example value.
    #[must_use]
    pub fn new(value: impl Into<String>) -> Self {
        let mut value = value.into();
        if let Some((end, _)) = value.char_indices().nth(SAMPLE_CHARS) {
            value.truncate(end);
            value.push('…');
        }
        Self {
            value,
            ..Self::default()
        }
    }

    /// With how many rows have it.
    #[must_use]
    pub const fn count(mut self, count: u64) -> Self {
        self.count = Some(count);
        self
    }

    /// With one row that has it.
    #[must_use]
    pub const fn row(mut self, row: u64) -> Self {
        self.row = Some(row);
        self
    }

    /// With the file or object of that row.
    #[must_use]
    pub fn object(mut self, object: impl Into<String>) -> Self {
        self.object = Some(object.into());
        self
    }

    /// With a word more.
    #[must_use]
    pub fn detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into());
        self
    }
}

/// A remark of the step that is not a check.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Note {
    /// How loud.
    #[serde(default)]
    pub level: Level,
    /// A sentence.
    pub text: String,
}

impl Note {
    /// Good to know.
    #[must_use]
    pub fn info(text: impl Into<String>) -> Self {
        Self {
            level: Level::Info,
            text: text.into(),
        }
    }

    /// Worth a look.
    #[must_use]
    pub fn warn(text: impl Into<String>) -> Self {
        Self {
            level: Level::Warn,
            text: text.into(),
        }
    }

    /// Something beside the decision went wrong.
    #[must_use]
    pub fn error(text: impl Into<String>) -> Self {
        Self {
            level: Level::Error,
            text: text.into(),
        }
    }
}

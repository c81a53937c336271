//! One cell of a table.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::outcome::Outcome;
use super::wire;
use crate::number::{self, Format};

/// One cell: a text, a number with the form a reader should get, or an outcome.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Cell {
    /// A number; right-aligned.
    Number {
        /// The exact value; null when it is not finite.
        #[serde(with = "wire::number")]
        #[schemars(with = "Option<f64>")]
        number: f64,
        /// How a reader should get it.
        #[serde(default, skip_serializing_if = "Format::is_auto")]
        format: Format,
        /// Why it is null.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
    /// A histogram as small as a word: how many there are in each part of a range, or of each of a few values.
    Spark {
        /// The counts.
        spark: Vec<u64>,
        /// What they are of.
        label: String,
    },
    /// An outcome; shown as a badge.
    Outcome {
        /// The outcome.
        outcome: Outcome,
    },
    /// A text.
    Text(String),
}

impl Cell {
    /// A number in a given form.
    #[must_use]
    pub fn number(number: f64, format: Format) -> Self {
        let reason = (!number.is_finite()).then(|| number::reason(number).to_owned());
        Self::Number {
            number,
            format,
            reason,
        }
    }

    /// A share of one, shown as a percentage.
    #[must_use]
    pub fn percent(share: f64) -> Self {
        Self::number(share, Format::Percent)
    }

    /// A p-value.
    #[must_use]
    pub fn p_value(p: f64) -> Self {
        Self::number(p, Format::PValue)
    }

    /// A small histogram.
    #[must_use]
    pub fn spark(counts: Vec<u64>, label: impl Into<String>) -> Self {
        Self::Spark {
            spark: counts,
            label: label.into(),
        }
    }

    /// A text.
    #[must_use]
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    /// Nothing.
    #[must_use]
    pub const fn empty() -> Self {
        Self::Text(String::new())
    }

    /// In the form that a reader gets.
    #[must_use]
    pub fn display(&self) -> String {
        match self {
            Self::Number {
                number,
                reason: Some(reason),
                ..
            } if !number.is_finite() => reason.clone(),
            Self::Number { number, format, .. } => format.show(*number),
            Self::Spark { spark, .. } => blocks(spark),
            Self::Outcome { outcome } => outcome.word().to_owned(),
            Self::Text(text) => text.clone(),
        }
    }

    pub(crate) fn normalise(&mut self) {
        if let Self::Number { number, reason, .. } = self
            && !number.is_finite()
        {
            reason.get_or_insert_with(|| number::reason(*number).to_owned());
            *number = f64::NAN;
        }
    }
}

/// Counts as blocks of eight heights; none for nothing.
fn blocks(counts: &[u64]) -> String {
    const BLOCKS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let most = counts.iter().copied().max().unwrap_or(0).max(1);
    let block = |count: &u64| match count {
        0 => ' ',
        count => {
            BLOCKS[usize::try_from((u128::from(*count) * 8 - 1) / u128::from(most))
                .unwrap_or(7)
                .min(7)]
        }
    };
    counts.iter().map(block).collect()
}

macro_rules! cell_from {
    (exact, $format:expr; $($number:ty),*) => {$(
        impl From<$number> for Cell {
            fn from(value: $number) -> Self {
                Self::number(f64::from(value), $format)
            }
        }
    )*};
    (rounded, $format:expr; $($number:ty),*) => {$(
        impl From<$number> for Cell {
            #[expect(clippy::cast_precision_loss, reason = "shown, not computed with")]
            fn from(value: $number) -> Self {
                Self::number(value as f64, $format)
            }
        }
    )*};
}
cell_from!(exact, Format::Auto; f64, f32);
cell_from!(exact, Format::Count; u32, i32);
cell_from!(rounded, Format::Count; u64, i64, usize);

impl From<&str> for Cell {
    fn from(value: &str) -> Self {
        Self::Text(value.to_owned())
    }
}

impl From<String> for Cell {
    fn from(value: String) -> Self {
        Self::Text(value)
    }
}

impl From<&String> for Cell {
    fn from(value: &String) -> Self {
        Self::Text(value.clone())
    }
}

impl From<Outcome> for Cell {
    fn from(outcome: Outcome) -> Self {
        Self::Outcome { outcome }
    }
}

impl<T: Into<Self>> From<Option<T>> for Cell {
    fn from(value: Option<T>) -> Self {
        value.map_or_else(Self::empty, Into::into)
    }
}

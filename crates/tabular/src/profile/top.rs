//! The most frequent values: exact while there are few different ones, then Misra-Gries.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

/// Values counted at the same time.
const CAPACITY: usize = 512;

/// Counts of frequent values.
///
/// Beyond 512 different values a count may be too low, never too high, by at most [`Top::error`] (J. Misra and
/// D. Gries, "Finding repeated elements", 1982; merging as P. Agarwal and others, "Mergeable summaries", 2012).
///
/// ```
/// use tabular::profile::Top;
/// let mut top = Top::default();
/// ["JFK", "EWR", "JFK"].iter().for_each(|value| top.add(value, 1));
/// assert_eq!(top.most(1), [("JFK", 2)]);
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(from = "Stored", into = "Stored")]
#[schemars(with = "Stored")]
pub struct Top {
    counts: HashMap<String, u64>,
    error: u64,
}

/// The form in a file.
#[derive(Debug, Clone, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
struct Stored {
    /// By how much a count may be too low; 0 when counts are exact.
    error: u64,
    /// Values with their counts, the most frequent first.
    values: Vec<(String, u64)>,
}

impl Top {
    /// Takes in a value that occurs `count` times.
    pub fn add(&mut self, value: &str, count: u64) {
        if let Some(known) = self.counts.get_mut(value) {
            *known += count;
            return;
        }
        self.counts.insert(value.to_owned(), count);
        // Room for as many again, so that the table is cut seldom.
        if self.counts.len() >= 2 * CAPACITY {
            self.cut();
        }
    }

    /// Takes the count of the first that has no room from all.
    fn cut(&mut self) {
        if self.counts.len() <= CAPACITY {
            return;
        }
        let mut counts: Vec<u64> = self.counts.values().copied().collect();
        counts.sort_unstable_by(|a, b| b.cmp(a));
        let taken = counts[CAPACITY];
        self.counts.retain(|_, count| {
            *count = count.saturating_sub(taken);
            *count > 0
        });
        self.error += taken;
    }

    /// By how much a count may be too low; 0 when counts are exact.
    #[must_use]
    pub fn error(&self) -> u64 {
        self.error
    }

    /// The most frequent values; of equal counts the lesser text first.
    #[must_use]
    pub fn most(&self, how_many: usize) -> Vec<(&str, u64)> {
        let mut all: Vec<(&str, u64)> = self
            .counts
            .iter()
            .map(|(text, count)| (text.as_str(), *count))
            .collect();
        all.sort_unstable_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(b.0)));
        all.truncate(how_many);
        all
    }

    /// The counts over the values of both.
    #[must_use]
    pub fn merge(mut self, other: &Self) -> Self {
        for (text, count) in &other.counts {
            *self.counts.entry(text.clone()).or_insert(0) += count;
        }
        self.error += other.error;
        if self.counts.len() >= 2 * CAPACITY {
            self.cut();
        }
        self
    }
}

impl From<Top> for Stored {
    fn from(top: Top) -> Self {
        let values = top
            .most(usize::MAX)
            .into_iter()
            .map(|(text, count)| (text.to_owned(), count))
            .collect();
        Self {
            error: top.error,
            values,
        }
    }
}

impl From<Stored> for Top {
    fn from(stored: Stored) -> Self {
        let counts = stored.values.into_iter().collect();
        Self {
            counts,
            error: stored.error,
        }
    }
}

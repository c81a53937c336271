//! The distribution of a column against that of a reference.

use schemars::JsonSchema;
use serde::Deserialize;
use step_report::Severity;

use super::bounds::{Bounds, Ends};

/// How far the values of a column may be spread otherwise than in a table that it is held against. Each measure is a
/// check of its own. Bins are frozen on the reference: numbers at its quantiles, with open ends; other values its most
/// frequent ones and one bin for all others; nulls have a bin, and so have NaN and infinity.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Distribution {
    /// The `--data` name of the reference, or the `--reference` name of a profile of it; its column has the same name.
    pub reference: String,
    /// The population stability index, no share below 0.0001: 0.1 is often called a shift, 0.2 a large one.
    #[serde(default)]
    pub psi: Option<Ends>,
    /// The Jensen-Shannon distance, the square root of the divergence in bits: 0 the same, 1 nothing in common.
    #[serde(default)]
    pub js: Option<Ends>,
    /// The largest difference of a share in any one bin.
    #[serde(default)]
    pub l_infinity: Option<Ends>,
    /// The Kolmogorov-Smirnov distance of finite numbers.
    #[serde(default)]
    pub ks: Option<Ends>,
    /// The p-value of the chi-squared test for both being from one source, rare bins put together.
    #[serde(default)]
    pub chi_squared_p: Option<Ends>,
    /// Bins of numbers.
    #[serde(default = "ten")]
    pub bins: usize,
    /// Values that get a bin each, for columns that are no numbers.
    #[serde(default = "fifty")]
    pub categories: usize,
    /// Rows that each side must have; with fewer a check has too little evidence, which is no pass.
    #[serde(default = "five_hundred")]
    pub min_rows: u64,
    /// Whether a miss fails the run or is only a warning.
    #[serde(default)]
    pub severity: Severity,
}

impl Distribution {
    /// The measures that are bounded, by name.
    #[must_use]
    pub fn measures(&self) -> Vec<(&'static str, Bounds)> {
        [
            ("psi", self.psi),
            ("js", self.js),
            ("l_infinity", self.l_infinity),
            ("ks", self.ks),
            ("chi_squared_p", self.chi_squared_p),
        ]
        .into_iter()
        .filter_map(|(name, bounds)| Some((name, bounds?.with(self.severity))))
        .collect()
    }
}

fn ten() -> usize {
    10
}

fn fifty() -> usize {
    50
}

fn five_hundred() -> u64 {
    500
}

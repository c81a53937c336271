//! Frozen bins: chosen once on a baseline, counted on every window after it.
//!
//! Edges that depend on the window (as Evidently's do) make values of two runs incomparable. Here they are
//! part of the baseline, so that a window is one exact counting pass, and counts of shards just add up.

use crate::Result;
use crate::error::{StatError, finite};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Bins of numbers, right-closed with open ends: `(-inf, e0], (e0, e1], .., (ek, inf)`.
///
/// ```
/// use drift_stats::bins::Edges;
/// let edges = Edges::new(vec![0.0, 10.0])?;
/// assert_eq!((edges.bin(0.0), edges.bin(0.1), edges.bin(1e9)), (0, 1, 2));
/// assert!(Edges::new(vec![1.0, 1.0]).is_err(), "edges ascend");
/// # Ok::<(), drift_stats::StatError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "Vec<f64>", into = "Vec<f64>")]
pub struct Edges(Vec<f64>);

impl Edges {
    /// Finite edges in strictly ascending order; none at all is a single bin.
    pub fn new(edges: Vec<f64>) -> Result<Self> {
        if let Some(index) = edges.iter().position(|e| !e.is_finite()) {
            return Err(StatError::NotFinite {
                what: "the list of edges",
                index,
            });
        }
        if let Some(pair) = edges.windows(2).find(|pair| pair[0] >= pair[1]) {
            return Err(StatError::OutOfRange {
                what: "an edge",
                value: pair[1],
                allowed: "a number above the edge before it",
            });
        }
        Ok(Self(edges))
    }

    /// Edges at the quantiles `1/bins .. (bins-1)/bins` of a sample, duplicates merged.
    ///
    /// ```
    /// use drift_stats::bins::Edges;
    /// let sample: Vec<f64> = (0..1000).map(f64::from).collect();
    /// let edges = Edges::quantiles(&sample, 10)?;
    /// assert_eq!(edges.bins(), 10);
    /// # Ok::<(), drift_stats::StatError>(())
    /// ```
    pub fn quantiles(sample: &[f64], bins: usize) -> Result<Self> {
        finite("the sample", sample)?;
        if bins == 0 {
            return Err(StatError::OutOfRange {
                what: "the number of bins",
                value: 0.0,
                allowed: "1 or more",
            });
        }
        let mut sorted = sample.to_vec();
        sorted.sort_by(f64::total_cmp);
        Self::from_quantiles(
            (1..bins)
                .map(|k| interpolate(&sorted, k as f64 / bins as f64))
                .collect(),
            sorted[0],
        )
    }

    /// Edges from quantiles that were found elsewhere (a sketch), in any order, and the sample's minimum.
    ///
    /// Duplicates are merged. When the smallest quantile is the minimum itself, that point gets a bin of its
    /// own and all below it another: otherwise a column that is mostly zero could turn negative unseen.
    ///
    /// ```
    /// use drift_stats::bins::Edges;
    /// let edges = Edges::from_quantiles(vec![0.0, 0.0, 0.0, 4.0], 0.0)?;
    /// assert_ne!(edges.bin(-1.0), edges.bin(0.0));
    /// # Ok::<(), drift_stats::StatError>(())
    /// ```
    pub fn from_quantiles(mut quantiles: Vec<f64>, minimum: f64) -> Result<Self> {
        if let Some(index) = quantiles.iter().position(|q| !q.is_finite()) {
            return Err(StatError::NotFinite {
                what: "the list of quantiles",
                index,
            });
        }
        // Adding zero turns -0 into +0, so that both are one edge.
        quantiles.iter_mut().for_each(|q| *q += 0.0);
        quantiles.sort_by(f64::total_cmp);
        quantiles.dedup();
        if quantiles.first().is_some_and(|&first| first == minimum) {
            let below = minimum.next_down();
            if below.is_finite() {
                quantiles.insert(0, below);
            }
        }
        Self::new(quantiles)
    }

    /// The bin of a number. NaN has none: count it apart.
    pub fn bin(&self, value: f64) -> usize {
        self.0.partition_point(|edge| *edge < value)
    }

    /// How many bins.
    pub fn bins(&self) -> usize {
        self.0.len() + 1
    }

    /// The edges.
    pub fn values(&self) -> &[f64] {
        &self.0
    }
}

impl TryFrom<Vec<f64>> for Edges {
    type Error = StatError;
    fn try_from(edges: Vec<f64>) -> Result<Self> {
        Self::new(edges)
    }
}

impl From<Edges> for Vec<f64> {
    fn from(edges: Edges) -> Self {
        edges.0
    }
}

/// Categories with a bin each, and one bin OTHER after them for all else.
///
/// ```
/// use drift_stats::bins::Categories;
/// let kept = Categories::top([("UA", 7), ("AA", 9), ("YV", 1)], 2)?;
/// assert_eq!(kept.labels(), ["AA", "UA"]);
/// assert_eq!((kept.bin("UA"), kept.bin("YV"), kept.bin("new")), (1, 2, 2));
/// # Ok::<(), drift_stats::StatError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "Vec<String>", into = "Vec<String>")]
pub struct Categories {
    labels: Vec<String>,
    #[serde(skip)]
    index: std::collections::HashMap<String, usize>,
}

impl Categories {
    /// One bin a label, in this order.
    pub fn new(labels: Vec<String>) -> Result<Self> {
        let index: std::collections::HashMap<String, usize> = labels
            .iter()
            .enumerate()
            .map(|(bin, label)| (label.clone(), bin))
            .collect();
        if index.len() < labels.len() {
            return Err(StatError::Undefined {
                what: "the list of categories",
                why: "a label is in it twice",
            });
        }
        Ok(Self { labels, index })
    }

    /// The `k` most frequent categories, the most frequent first, ties by name.
    pub fn top<S: Into<String>>(counts: impl IntoIterator<Item = (S, u64)>, k: usize) -> Result<Self> {
        let mut counts: Vec<(String, u64)> = counts.into_iter().map(|(label, n)| (label.into(), n)).collect();
        counts.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        Self::new(counts.into_iter().take(k).map(|(label, _)| label).collect())
    }

    /// The bin of a category; the last one is OTHER.
    pub fn bin(&self, label: &str) -> usize {
        self.index.get(label).copied().unwrap_or(self.labels.len())
    }

    /// How many bins, OTHER included.
    pub fn bins(&self) -> usize {
        self.labels.len() + 1
    }

    /// The labels that have their own bin.
    pub fn labels(&self) -> &[String] {
        &self.labels
    }
}

impl TryFrom<Vec<String>> for Categories {
    type Error = StatError;
    fn try_from(labels: Vec<String>) -> Result<Self> {
        Self::new(labels)
    }
}

impl From<Categories> for Vec<String> {
    fn from(categories: Categories) -> Self {
        categories.labels
    }
}

/// Quantile of a sorted sample by linear interpolation (Hyndman and Fan 1996, type 7; numpy's default).
///
/// ```
/// assert_eq!(drift_stats::bins::quantile(&[1.0, 2.0, 4.0], 0.75)?, 3.0);
/// # Ok::<(), drift_stats::StatError>(())
/// ```
pub fn quantile(sorted: &[f64], share: f64) -> Result<f64> {
    finite("the sample", sorted)?;
    if !(0.0..=1.0).contains(&share) {
        return Err(StatError::OutOfRange {
            what: "the quantile's share",
            value: share,
            allowed: "0 to 1",
        });
    }
    Ok(interpolate(sorted, share))
}

/// The quantile of a checked sample.
fn interpolate(sorted: &[f64], share: f64) -> f64 {
    let last = sorted.len() - 1;
    let position = share * last as f64;
    let below = position.floor() as usize;
    let (low, high) = (sorted[below], sorted[(below + 1).min(last)]);
    // Weighted rather than `low + w * (high - low)`: the difference of two large numbers may overflow.
    let weight = position - below as f64;
    if low == high {
        low
    } else {
        low * (1.0 - weight) + high * weight
    }
}

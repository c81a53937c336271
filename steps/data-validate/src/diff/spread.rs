//! How numbers are spread, by the sketches of both sides; every distance with what the sketches may be off by.

use drift_stats::bins::Edges;
use drift_stats::divergence::{Base, js_distance};
use drift_stats::psi::{FLOOR, expected_noise, psi};
use drift_stats::{Shares, special};
use step_report::{Cell, Format};
use tabular::profile::Quantiles;
use tabular::profile::quantiles::weighted_quantile;
use tabular::{ColumnProfile, Kind};

use super::figure::{Figure, p_of, signed};

/// Bins of PSI and Jensen-Shannon: tenths of the numbers before.
const BINS: usize = 10;
/// Bars of a small histogram.
const BARS: usize = 24;

/// One side: the values that are held, how many each stands for, and how many that is up to each.
struct Side {
    held: Vec<(f64, u64)>,
    up_to: Vec<u64>,
    total: u64,
    error: f64,
}

impl Side {
    fn of(quantiles: &Quantiles) -> Option<Self> {
        let held = quantiles.weighted();
        let mut total = 0;
        let up_to = held
            .iter()
            .map(|(_, weight)| {
                total += weight;
                total
            })
            .collect();
        (total > 0).then(|| Self {
            held,
            up_to,
            total,
            error: quantiles.rank_error(),
        })
    }

    fn counted(&self, place: usize) -> u64 {
        place.checked_sub(1).map_or(0, |last| self.up_to[last])
    }

    /// How many values are below.
    fn below(&self, value: f64) -> u64 {
        self.counted(self.held.partition_point(|(held, _)| *held < value))
    }

    /// How many values are at most this.
    fn at_most(&self, value: f64) -> u64 {
        self.counted(self.held.partition_point(|(held, _)| *held <= value))
    }

    fn share(&self, count: u64) -> f64 {
        count as f64 / self.total as f64
    }

    /// How many values lie in each bin between edges.
    fn counts(&self, edges: &[f64]) -> Vec<u64> {
        let mut ends: Vec<u64> = edges.iter().map(|edge| self.at_most(*edge)).collect();
        ends.push(self.total);
        let starts = std::iter::once(0).chain(ends.iter().copied());
        starts.zip(&ends).map(|(start, end)| end - start).collect()
    }
}

/// The sketches of the same numbers, before and after.
pub(super) struct Sketches {
    old: Side,
    new: Side,
}

impl Sketches {
    pub(super) fn of(old: &Quantiles, new: &Quantiles) -> Option<Self> {
        Some(Self {
            old: Side::of(old)?,
            new: Side::of(new)?,
        })
    }

    /// What a difference of two ranks may be off by.
    fn error(&self) -> f64 {
        self.old.error + self.new.error
    }

    fn both(&self) -> f64 {
        1.0 / self.old.total as f64 + 1.0 / self.new.total as f64
    }

    /// The largest distance of the two distribution functions (Kolmogorov and Smirnov), less what the sketches may be off by
    /// where it is tested; with the population stability index and the Jensen-Shannon distance over tenths.
    pub(super) fn spread(&self) -> Option<Figure> {
        let points = self.old.held.iter().chain(&self.new.held);
        let distance = points
            .map(|(value, _)| {
                let old = self.old.share(self.old.at_most(*value));
                (self.new.share(self.new.at_most(*value)) - old).abs()
            })
            .fold(0.0, f64::max);
        let error = self.error();
        let tested = (distance - error).max(0.0);
        let p = special::kolmogorov_sf(tested / self.both().sqrt()).ok()?;
        let said = format!(
            "KS {}{}",
            within(distance, error),
            self.indices().unwrap_or_default()
        );
        let figure = Figure::new("spread", Cell::empty(), Cell::empty())
            .sized(distance)
            .tested(Some(p))
            .within_sketch(distance > 0.0 && distance <= error);
        Some(figure.said(said))
    }

    fn indices(&self) -> Option<String> {
        let tenths =
            (1..BINS).filter_map(|part| weighted_quantile(&self.old.held, part as f64 / BINS as f64));
        let (first, _) = self.old.held.first()?;
        let edges = Edges::from_quantiles(tenths.collect(), *first).ok()?;
        let counts = |side: &Side| side.counts(edges.values());
        let (old, new) = (counts(&self.old), counts(&self.new));
        let (p, q) = (Shares::from_counts(&old).ok()?, Shares::from_counts(&new).ok()?);
        let index = psi(&p, &q, FLOOR).ok()?.value;
        let distance = js_distance(&p, &q, Base::Two).ok()?;
        let bins = old
            .iter()
            .zip(&new)
            .filter(|(old, new)| **old + **new > 0)
            .count();
        let chance = expected_noise(self.old.total, self.new.total, bins).ok()?;
        Some(format!(
            ", PSI {} ({} by chance), JS {}",
            within(
                index,
                psi_error(&p, &q, 2.0 * self.old.error, 2.0 * self.new.error)
            ),
            Format::Auto.show(chance),
            within(
                distance,
                js_error(&p, 2.0 * self.old.error) + js_error(&q, 2.0 * self.new.error)
            )
        ))
    }

    /// A quantile, by how far its rank moved: the share of the values before that lie between the two.
    pub(super) fn quantile(&self, p: f64, what: &'static str) -> Option<Figure> {
        let was = weighted_quantile(&self.old.held, p)?;
        let is = weighted_quantile(&self.new.held, p)?;
        let (low, high) = (
            self.old.share(self.old.below(is)),
            self.old.share(self.old.at_most(is)),
        );
        // A value that many rows share has many ranks.
        let moved = if p < low { low - p } else { (p - high).max(0.0) };
        let error = self.error();
        let z = (moved - error).max(0.0) / (p * (1.0 - p) * self.both()).sqrt();
        let figure = Figure::new(what, was, is).sized(if was == is { 0.0 } else { moved });
        let said = if was == is {
            String::new()
        } else {
            format!(
                "{}, a rank of {}",
                signed(is - was),
                within(p + if p < low { moved } else { -moved }, error)
            )
        };
        Some(
            figure
                .said(said)
                .tested(Some(p_of(z)))
                .within_sketch(was != is && moved <= error && error > 0.0),
        )
    }
}

/// A distance with its error, if it has any.
fn within(value: f64, error: f64) -> String {
    let value = Format::Auto.show(value);
    if error > 0.0 {
        format!("{value} ± {}", Format::Auto.show(error))
    } else {
        value
    }
}

/// What the index may be off by when each share may be by so much: its slope in each share, to first order.
fn psi_error(p: &Shares, q: &Shares, of_p: f64, of_q: f64) -> f64 {
    let floor = 1e-4;
    let slopes = p.values().iter().zip(q.values()).map(|(p, q)| {
        let (p, q) = (p.max(floor), q.max(floor));
        let log = (q / p).ln();
        of_q * (log + 1.0 - p / q).abs() + of_p * (log + q / p - 1.0).abs()
    });
    slopes.sum()
}

/// What the distance may be off by: it is a metric (D. Endres and J. Schindelin, 2003), so at most the distance of the
/// shares from the true ones, whose square is at most half the triangular discrimination in bits (F. Topsøe, 2000).
fn js_error(shares: &Shares, off: f64) -> f64 {
    let terms = shares.values().iter().map(|share| {
        let both = 2.0 * share - off;
        if both > 0.0 {
            (off * off / both).min(off)
        } else {
            off
        }
    });
    (0.5 * terms.sum::<f64>()).sqrt()
}

/// Both sides as small histograms over one range: of numbers from the first to the last percentile of both, of other values
/// the most frequent ones before.
pub(super) fn sparks(old: &ColumnProfile, new: &ColumnProfile) -> Option<(Cell, Cell)> {
    if let (Some(a), Some(b)) = (&old.numbers, &new.numbers)
        && old.kind != Kind::Bool
    {
        let (a, b) = (Side::of(&a.quantiles)?, Side::of(&b.quantiles)?);
        let at = |side: &Side, p: f64| weighted_quantile(&side.held, p);
        let low = at(&a, 0.01)?.min(at(&b, 0.01)?);
        let high = at(&a, 0.99)?.max(at(&b, 0.99)?);
        let step = (high - low) / BARS as f64;
        let edges: Vec<f64> = (1..BARS).map(|bar| low + step * bar as f64).collect();
        let label = format!("from {} to {}", Format::Auto.show(low), Format::Auto.show(high));
        let cell = |side: &Side| Cell::spark(side.counts(&edges), label.clone());
        return Some((cell(&a), cell(&b)));
    }
    let (a, b) = (old.top.as_ref()?, new.top.as_ref()?);
    let most = a.most(BARS);
    let after: std::collections::BTreeMap<&str, u64> = b.most(usize::MAX).into_iter().collect();
    let label = format!("rows of the {} most frequent values before", most.len());
    let now = most
        .iter()
        .map(|(value, _)| after.get(value).copied().unwrap_or(0));
    let (now, was) = (now.collect(), most.iter().map(|(_, count)| *count).collect());
    (!most.is_empty()).then(|| (Cell::spark(was, label.clone()), Cell::spark(now, label)))
}

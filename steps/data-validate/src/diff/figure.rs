//! A figure of a column, before and after, and what its difference means.

use std::cmp::Ordering;

use drift_stats::{Confidence, Proportion, Result, multiple, proportion, special};
use step_report::{Cell, Format};

/// What a difference means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Means {
    /// Beyond chance.
    Changed,
    /// There is no test of it on a profile.
    Untested,
    /// Two samples of one source differ so.
    Chance,
    /// No larger than what the sketches may be off by.
    Sketch,
}

impl Means {
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Changed => "changed",
            Self::Untested => "not tested",
            Self::Chance => "within chance",
            Self::Sketch => "within the sketch's error",
        }
    }
}

/// A figure, before and after.
#[derive(Debug, Clone)]
pub(super) struct Figure {
    pub(super) what: &'static str,
    pub(super) before: Cell,
    pub(super) after: Cell,
    pub(super) difference: String,
    /// From 0 for the same to 1 for nothing in common; `None` where there is no such scale.
    pub(super) size: Option<f64>,
    /// The chance of such a difference when the source is the same.
    pub(super) p: Option<f64>,
    pub(super) adjusted: Option<f64>,
    pub(super) means: Means,
}

impl Figure {
    /// A figure that is not tested.
    pub(super) fn new(what: &'static str, before: impl Into<Cell>, after: impl Into<Cell>) -> Self {
        Self {
            what,
            before: before.into(),
            after: after.into(),
            difference: String::new(),
            size: None,
            p: None,
            adjusted: None,
            means: Means::Untested,
        }
    }

    pub(super) fn sized(mut self, size: f64) -> Self {
        self.size = Some(size).filter(|size| size.is_finite());
        self
    }

    pub(super) fn said(mut self, difference: impl Into<String>) -> Self {
        self.difference = difference.into();
        self
    }

    pub(super) fn tested(mut self, p: Option<f64>) -> Self {
        self.p = p.filter(|p| p.is_finite());
        self
    }

    pub(super) fn within_sketch(mut self, is: bool) -> Self {
        if is {
            self.means = Means::Sketch;
        }
        self
    }

    pub(super) fn differs(&self) -> bool {
        self.size.is_none_or(|size| size > 0.0) && (self.before != self.after || !self.difference.is_empty())
    }
}

/// Changes first, the largest first.
pub(super) fn by_size(a: &Figure, b: &Figure) -> Ordering {
    let size = |figure: &Figure| figure.size.unwrap_or(0.0);
    a.means.cmp(&b.means).then(size(b).total_cmp(&size(a)))
}

/// Says of each tested figure what it means, all of them together.
pub(super) fn judge<'a>(figures: impl Iterator<Item = &'a mut Figure>, alpha: f64) -> Result<()> {
    let mut tested: Vec<&mut Figure> = figures.filter(|figure| figure.p.is_some()).collect();
    let p: Vec<f64> = tested.iter().filter_map(|figure| figure.p).collect();
    for (figure, adjusted) in tested.iter_mut().zip(multiple::holm(&p)?) {
        figure.adjusted = Some(adjusted);
        if figure.means != Means::Sketch {
            figure.means = if adjusted < alpha {
                Means::Changed
            } else {
                Means::Chance
            };
        }
    }
    Ok(())
}

/// A share, as successes and trials of both sides: the score test, and Newcombe's interval of the difference.
pub(super) fn rate(what: &'static str, before: (u64, u64), after: (u64, u64)) -> Option<Figure> {
    let of = |(count, of): (u64, u64)| Proportion::new(count, of).ok();
    let (old, new) = of(before).zip(of(after))?;
    let test = proportion::score_test(new, old).ok()?;
    let interval = proportion::newcombe(new, old, Confidence::P95).ok()?;
    let points = |share: f64| Format::Auto.show(100.0 * share);
    let difference = new.share() - old.share();
    Some(
        Figure::new(what, Cell::percent(old.share()), Cell::percent(new.share()))
            .sized(difference.abs())
            .tested(Some(test.p_two_sided))
            .said(format!(
                "{} points ({} to {} at 95 %)",
                signed(100.0 * difference),
                points(interval.lower),
                points(interval.upper)
            )),
    )
}

/// The two-sided p-value of a standardised difference.
pub(super) fn p_of(z: f64) -> f64 {
    (2.0 * special::normal_sf(z.abs())).min(1.0)
}

/// With its sign.
pub(super) fn signed(value: f64) -> String {
    let shown = Format::Auto.show(value);
    if value > 0.0 { format!("+{shown}") } else { shown }
}

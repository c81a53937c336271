//! Decimals in order, exact where a double is not.

use std::cmp::Ordering;

use serde::{Deserialize, Serialize};

use super::wide;
use crate::config::Scalar;
use crate::expression::decimal;

/// A decimal: a whole number, and how many of its digits stand behind the point.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Exact {
    #[serde(with = "wide")]
    pub(super) units: i128,
    pub(super) scale: u32,
}

impl Exact {
    /// The decimal that a limit was written as; `None` when it has more digits than there is room for.
    pub(super) fn of(limit: &Scalar) -> Option<Self> {
        let (units, scale) = match limit {
            Scalar::Whole(value) => (*value, 0),
            Scalar::Number(value) => decimal(*value)?,
            Scalar::Bool(_) | Scalar::Text(_) => return None,
        };
        Some(Self { units, scale })
    }

    /// Of two, the second with at least as many digits behind the point.
    fn against_finer(self, finer: Self) -> Ordering {
        let factor = 10_i128.checked_pow(finer.scale - self.scale);
        match factor.and_then(|factor| self.units.checked_mul(factor)) {
            Some(units) => units.cmp(&finer.units),
            // It is farther from nought than any number of these units, unless it is nought.
            None if self.units == 0 => 0.cmp(&finer.units),
            None => self.units.cmp(&0),
        }
    }
}

impl Ord for Exact {
    fn cmp(&self, other: &Self) -> Ordering {
        if self.scale <= other.scale {
            self.against_finer(*other)
        } else {
            other.against_finer(*self).reverse()
        }
    }
}

impl PartialOrd for Exact {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Exact {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Exact {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_of_any_scale_are_in_order() {
        let exact = |units, scale| Exact { units, scale };
        let rising = [
            exact(i128::MIN, 0),
            exact(i128::MIN, 1),
            exact(-1, 0),
            exact(i128::MIN, 39),
            exact(-1, 400),
            exact(0, 7),
            exact(1, 400),
            exact(1, 39),
            exact(i128::MAX, 39),
            exact(2, 0),
            exact(21, 1),
            exact(i128::MAX, 30),
            exact(i128::MAX, 0),
        ];
        for (at, low) in rising.iter().enumerate() {
            assert_eq!(low, low);
            for high in &rising[at + 1..] {
                assert_eq!(low.cmp(high), Ordering::Less, "{low:?} {high:?}");
                assert_eq!(high.cmp(low), Ordering::Greater, "{low:?} {high:?}");
            }
        }
        assert_eq!(exact(0, 0), exact(0, 400));
        assert_eq!(exact(20, 1), exact(2, 0));
        assert_eq!(exact(-2_000, 3), exact(-2, 0));
    }
}

//! McNemar's test: which of two models is right on the rows where they disagree.

use statrs::distribution::{Binomial, Discrete, DiscreteCDF};

/// Rows that exactly one of the two gets right.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Discordant {
    /// Only the challenger is right.
    pub gained: u64,
    /// Only the champion is right.
    pub lost: u64,
}

/// Below this many discordant rows the exact test is used, from it on the mid-p one.
pub const EXACT_BELOW: u64 = 25;

impl Discordant {
    /// Counts from the decisions of both models.
    pub fn count(
        labels: &[bool],
        challenger: impl Fn(usize) -> bool,
        champion: impl Fn(usize) -> bool,
    ) -> Self {
        let mut counts = Self { gained: 0, lost: 0 };
        for (row, &label) in labels.iter().enumerate() {
            match (challenger(row) == label, champion(row) == label) {
                (true, false) => counts.gained += 1,
                (false, true) => counts.lost += 1,
                _ => {}
            }
        }
        counts
    }

    /// The name of the test that the counts call for.
    pub fn test(self) -> &'static str {
        if self.total() < EXACT_BELOW {
            "McNemar exact"
        } else {
            "McNemar mid-p"
        }
    }

    fn total(self) -> u64 {
        self.gained + self.lost
    }

    /// Two-sided p.
    ///
    /// ```
    /// use evaluate::comparison::mcnemar::Discordant;
    /// assert_eq!(Discordant { gained: 0, lost: 0 }.p_two_sided(), 1.0);
    /// assert!((Discordant { gained: 1, lost: 5 }.p_two_sided() - 0.21875).abs() < 1e-12);
    /// ```
    pub fn p_two_sided(self) -> f64 {
        (2.0 * self.lower_tail(self.gained.min(self.lost))).min(1.0)
    }

    /// One-sided p that the challenger is worse: that it gains so few of the discordant rows.
    pub fn p_worse(self) -> f64 {
        self.lower_tail(self.gained)
    }

    /// One-sided p that the challenger is better.
    pub fn p_better(self) -> f64 {
        self.lower_tail(self.lost)
    }

    /// `P(X <= k)` for X ~ Binomial(b + c, 1/2), less half of `P(X = k)` for mid-p.
    /// Fagerland, Lydersen & Laake (2013), doi:10.1186/1471-2288-13-91.
    fn lower_tail(self, k: u64) -> f64 {
        let total = self.total();
        match Binomial::new(0.5, total) {
            Ok(_) if total == 0 => 1.0,
            Ok(coin) if total < EXACT_BELOW => coin.cdf(k),
            Ok(coin) => coin.cdf(k) - 0.5 * coin.pmf(k),
            Err(_) => 1.0,
        }
    }
}

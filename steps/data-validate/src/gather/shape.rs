//! Sum, third and fourth moments of finite numbers.

/// Central moments up to the fourth, and the sum, of parts that are put together in their order.
///
/// Two parts merge by P. Pébay, "Formulas for robust, one-pass parallel computation of covariances and arbitrary-order
/// statistical moments", SAND2008-6212 (2008), equations 2.1, 3.1.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Shape {
    count: u64,
    sum: f64,
    /// What the sum lost to rounding (A. Neumaier 1974).
    lost: f64,
    mean: f64,
    m2: f64,
    m3: f64,
    m4: f64,
}

impl Shape {
    /// Takes in finite numbers.
    pub fn add(&mut self, values: &[f64]) {
        const RUN: usize = 1024;
        for run in values.chunks(RUN) {
            let count = run.len() as f64;
            let mean = run[0] + run.iter().map(|value| value - run[0]).sum::<f64>() / count;
            let mut part = Self {
                count: run.len() as u64,
                mean,
                ..Self::default()
            };
            for value in run {
                let (delta, square) = (value - mean, (value - mean) * (value - mean));
                part.m2 += square;
                part.m3 += square * delta;
                part.m4 += square * square;
                part.plus(*value);
            }
            self.merge(&part);
        }
    }

    fn plus(&mut self, value: f64) {
        let sum = self.sum + value;
        self.lost += if self.sum.abs() >= value.abs() {
            (self.sum - sum) + value
        } else {
            (value - sum) + self.sum
        };
        self.sum = sum;
    }

    /// Takes in the next part.
    pub fn merge(&mut self, other: &Self) {
        if other.count == 0 {
            return;
        }
        let (a, b) = (self.count as f64, other.count as f64);
        let n = a + b;
        let delta = other.mean - self.mean;
        let (d2, d3, d4) = (delta.powi(2), delta.powi(3), delta.powi(4));
        self.m4 += other.m4
            + d4 * a * b * (a * a - a * b + b * b) / n.powi(3)
            + 6.0 * d2 * (a * a * other.m2 + b * b * self.m2) / (n * n)
            + 4.0 * delta * (a * other.m3 - b * self.m3) / n;
        self.m3 += other.m3 + d3 * a * b * (a - b) / (n * n) + 3.0 * delta * (a * other.m2 - b * self.m2) / n;
        self.m2 += other.m2 + d2 * a * b / n;
        self.mean += delta * b / n;
        self.count += other.count;
        self.plus(other.sum);
        self.lost += other.lost;
    }

    /// The sum; `None` without values, and where it is no finite number.
    #[must_use]
    pub fn sum(&self) -> Option<f64> {
        Some(self.sum + self.lost).filter(|sum| self.count > 0 && sum.is_finite())
    }

    /// The skewness of the values as a population; `None` when all are equal.
    #[must_use]
    pub fn skewness(&self) -> Option<f64> {
        self.standardised(self.m3, 1.5)
    }

    /// The kurtosis of the values as a population, less the 3 of a normal one; `None` when all are equal.
    #[must_use]
    pub fn kurtosis(&self) -> Option<f64> {
        self.standardised(self.m4, 2.0).map(|value| value - 3.0)
    }

    fn standardised(&self, moment: f64, power: f64) -> Option<f64> {
        let n = self.count as f64;
        // Values that differ by rounding only have no shape.
        let spread = (self.m2 / n).sqrt() > self.mean.abs() * 4.0 * f64::EPSILON;
        let value = (moment / n) / (self.m2 / n).powf(power);
        (self.count > 0 && spread && value.is_finite()).then_some(value)
    }
}

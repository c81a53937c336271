//! Count, mean, variance, skewness, kurtosis, smallest and largest of numbers: mergeable, and the same bits whatever the
//! order of the numbers and the grouping of the parts.

use num_bigint::BigInt;
use serde::{Deserialize, Serialize};

use super::exact::{Binned, ExactSum, Parts, quotient, root};

/// The moments of finite numbers, and their ends.
///
/// The sums of the powers are kept exactly ([`ExactSum`]), and a moment is worked out from them in whole numbers and rounded
/// once: a column of large numbers with a small spread keeps all its digits.
///
/// ```
/// use tabular::profile::Moments;
/// let mut moments = Moments::default();
/// moments.add(&[2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0]);
/// assert_eq!((moments.sum(), moments.mean(), moments.std(0)), (Some(40.0), Some(5.0), Some(2.0)));
/// ```
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(from = "Stored", into = "Stored")]
#[schemars(with = "Stored")]
pub struct Moments {
    /// How many.
    pub count: u64,
    /// The smallest; absent without values.
    pub min: Option<f64>,
    /// The largest; absent without values.
    pub max: Option<f64>,
    sum: ExactSum,
    squares: ExactSum,
    /// Third and fourth powers, where the shape is asked for.
    higher: Option<Box<[ExactSum; 2]>>,
}

/// The form in a file.
#[derive(Debug, Clone, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
struct Stored {
    /// How many.
    count: u64,
    /// The smallest; null without values.
    min: Option<f64>,
    /// The largest; null without values.
    max: Option<f64>,
    /// The mean, for a reader; null without values.
    mean: Option<f64>,
    /// The standard deviation of a sample, for a reader; null with less than two values.
    std: Option<f64>,
    /// The sum, exactly: a whole number in hexadecimal and a power of two.
    sum: ExactSum,
    /// The sum of the squares.
    squares: ExactSum,
    /// The sums of the third and of the fourth powers, where they were asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    higher: Option<Box<[ExactSum; 2]>>,
}

/// Numbers that are looked at together, while they are in the cache.
const RUN: usize = 1024;
/// Adding this to a number of less than 2^51 and taking it off again rounds it to a whole one.
const ROUNDER: f64 = 6_755_399_441_055_744.0;
/// Whole numbers up to this have squares of which a double can hold the sum of a run.
const SMALL: f64 = (1_u64 << 21) as f64;

impl Moments {
    /// Moments that have third and fourth powers as well, for [`Moments::skewness`] and [`Moments::kurtosis`].
    #[must_use]
    pub fn with_shape() -> Self {
        Self {
            higher: Some(Box::default()),
            ..Self::default()
        }
    }

    /// Takes in finite numbers.
    pub fn add(&mut self, values: &[f64]) {
        for block in values.chunks(Binned::MOST) {
            let mut binned = None;
            for run in block.chunks(RUN) {
                self.count += run.len() as u64;
                let (min, max) = ends(run);
                self.widen(min, max);
                if min >= -SMALL
                    && max <= SMALL
                    && run.iter().all(|value| (value + ROUNDER) - ROUNDER == *value)
                {
                    // Every partial sum is a whole number below 2^53, so that nothing is rounded in any order.
                    let (sum, squares) = small_sums(run);
                    self.sum.add(sum);
                    self.squares.add(squares);
                } else {
                    let binned = binned.get_or_insert_with(Binned::new);
                    run.iter().for_each(|value| binned.add(Parts::of(*value)));
                }
                if let Some(higher) = &mut self.higher {
                    let [cubes, fourths] = higher.as_mut();
                    for value in run {
                        let parts = Parts::of(*value);
                        cubes.add_cube(parts);
                        fourths.add_fourth(parts);
                    }
                }
            }
            if let Some(binned) = binned {
                binned.into_sums(&mut self.sum, &mut self.squares);
            }
        }
    }

    /// Takes in one number that occurs several times.
    pub fn add_times(&mut self, value: f64, count: u64) {
        if count == 0 {
            return;
        }
        let mut one = Self {
            higher: self.higher.as_ref().map(|_| Box::default()),
            ..Self::default()
        };
        one.add(&[value]);
        one.count = count;
        let sums = [&mut one.sum, &mut one.squares].into_iter();
        let sums = sums.chain(one.higher.iter_mut().flat_map(|higher| higher.as_mut()));
        sums.for_each(|sum| sum.times(count));
        self.absorb(&one);
    }

    fn widen(&mut self, min: f64, max: f64) {
        // Minus zero is zero, which of the two comes first must not matter.
        self.min = Some(self.min.map_or(min, |mine| mine.min(min)) + 0.0);
        self.max = Some(self.max.map_or(max, |mine| mine.max(max)) + 0.0);
    }

    /// Takes in the moments of another part. Third and fourth powers stay only where both parts have them.
    pub fn absorb(&mut self, other: &Self) {
        if let (Some(min), Some(max)) = (other.min, other.max) {
            self.widen(min, max);
        }
        self.higher = match (self.higher.take(), &other.higher) {
            (Some(mut mine), Some(theirs)) => {
                mine.iter_mut()
                    .zip(theirs.iter())
                    .for_each(|(mine, theirs)| mine.absorb(theirs));
                Some(mine)
            }
            (None, Some(theirs)) if self.count == 0 => Some(theirs.clone()),
            (mine, None) if other.count == 0 => mine,
            _ => None,
        };
        self.count += other.count;
        self.sum.absorb(&other.sum);
        self.squares.absorb(&other.squares);
    }

    /// The sum, rounded once; `None` without values, or when it is too large for a double.
    #[must_use]
    pub fn sum(&self) -> Option<f64> {
        let sum = self.sum.to_f64();
        (self.count > 0 && sum.is_finite()).then_some(sum)
    }

    /// The mean, rounded once; `None` without values, or when it is too large for a double.
    #[must_use]
    pub fn mean(&self) -> Option<f64> {
        let (sum, power) = self.sum.whole();
        let mean = (self.count > 0).then(|| quotient(&sum, &self.count.into(), power))?;
        mean.is_finite().then_some(mean)
    }

    /// The standard deviation with `ddof` degrees of freedom taken off (1: of a sample, as pandas and SQL's
    /// `stddev`; 0: of a population, as numpy); `None` when fewer values than that plus one.
    #[must_use]
    pub fn std(&self, ddof: u64) -> Option<f64> {
        let sums = self.sums()?;
        let below = sums.count.clone() * self.count.checked_sub(ddof).filter(|free| *free > 0)?;
        let std = root(&sums.spread(), &below, 2 * sums.power);
        std.is_finite().then_some(std)
    }

    /// The skewness of the values as a population; `None` when all are equal, or third powers were not asked for.
    #[must_use]
    pub fn skewness(&self) -> Option<f64> {
        self.standardised(3, |sums, cubes, _| {
            // n² Σ(x - mean)³ = n² Σx³ - 3 n Σx Σx² + 2 (Σx)³
            let n = &sums.count;
            n * n * cubes - 3 * n * &sums.sum * &sums.squares + 2 * sums.sum.pow(3)
        })
    }

    /// The kurtosis of the values as a population, less the 3 of a normal one; `None` when all are equal, or fourth powers
    /// were not asked for.
    #[must_use]
    pub fn kurtosis(&self) -> Option<f64> {
        let kurtosis = self.standardised(4, |sums, cubes, fourths| {
            // n³ Σ(x - mean)⁴ = n³ Σx⁴ - 4 n² Σx Σx³ + 6 n (Σx)² Σx² - 3 (Σx)⁴
            let n = &sums.count;
            n.pow(3) * fourths - 4 * n.pow(2) * &sums.sum * cubes + 6 * n * sums.sum.pow(2) * &sums.squares
                - 3 * sums.sum.pow(4)
        });
        kurtosis.map(|kurtosis| kurtosis - 3.0)
    }

    /// A central moment over the power of the standard deviation. `above` gives `n^(order - 1)` times its sum.
    fn standardised(&self, order: u32, above: impl Fn(&Sums, &BigInt, &BigInt) -> BigInt) -> Option<f64> {
        let (sums, higher) = (self.sums()?, self.higher.as_ref()?);
        let [cubes, fourths] = higher.as_ref();
        let (std, mean) = (self.std(0)?, self.mean()?);
        // Values that differ by rounding only have no shape.
        if std <= mean.abs() * 4.0 * f64::EPSILON {
            return None;
        }
        let at = |sum: &ExactSum, power: i32| shifted(sum, power * sums.power);
        let above = above(&sums, &at(cubes, 3), &at(fourths, 4));
        // In units of about the standard deviation, for its powers may be no doubles.
        let (order, unit) = (order as i32, std.log2() as i32);
        let moment = quotient(&above, &sums.count.pow(order as u32), order * (sums.power - unit));
        let value = moment / doubled(std, -unit).powi(order);
        value.is_finite().then_some(value)
    }

    /// The sums as whole numbers, of one power of two: of its square for the squares.
    fn sums(&self) -> Option<Sums> {
        let power = [(&self.sum, 1), (&self.squares, 2)]
            .into_iter()
            .chain(self.higher.iter().flat_map(|higher| higher.iter().zip(3..)))
            .filter_map(|(sum, order)| Some(sum.lowest()?.div_euclid(order)))
            .min()
            .unwrap_or(0);
        (self.count > 0).then(|| Sums {
            count: self.count.into(),
            sum: shifted(&self.sum, power),
            squares: shifted(&self.squares, 2 * power),
            power,
        })
    }
}

/// Sums of numbers that are whole in units of `2^power`.
struct Sums {
    count: BigInt,
    sum: BigInt,
    squares: BigInt,
    power: i32,
}

impl Sums {
    /// `n Σ(x - mean)² = n Σx² - (Σx)²`
    fn spread(&self) -> BigInt {
        &self.count * &self.squares - self.sum.pow(2)
    }
}

/// A number times `2^power`, without the rounding of numbers that are too small for it on the way.
fn doubled(value: f64, power: i32) -> f64 {
    let first = power.clamp(-1000, 1000);
    value * 2.0_f64.powi(first) * 2.0_f64.powi(power - first)
}

/// A sum in units of `2^power`, of which it is a whole number.
fn shifted(sum: &ExactSum, power: i32) -> BigInt {
    let (whole, unit) = sum.whole();
    match u32::try_from(unit - power) {
        Ok(shift) => whole << shift,
        Err(_) => whole >> (power - unit).unsigned_abs(),
    }
}

fn ends(run: &[f64]) -> (f64, f64) {
    let mut lanes = [(f64::INFINITY, f64::NEG_INFINITY); 4];
    let chunks = run.chunks_exact(4);
    let rest = chunks.remainder();
    for chunk in chunks {
        for (lane, value) in lanes.iter_mut().zip(chunk) {
            *lane = (lane.0.min(*value), lane.1.max(*value));
        }
    }
    let all = rest.iter().map(|value| (*value, *value)).chain(lanes);
    all.fold((f64::INFINITY, f64::NEG_INFINITY), |a, b| {
        (a.0.min(b.0), a.1.max(b.1))
    })
}

/// The sum and the sum of squares, in four lanes that the processor adds at the same time.
fn small_sums(run: &[f64]) -> (f64, f64) {
    let mut lanes = [(0.0, 0.0); 4];
    let chunks = run.chunks_exact(4);
    for (lane, value) in lanes.iter_mut().zip(chunks.remainder()) {
        *lane = (*value, value * value);
    }
    for chunk in chunks {
        for (lane, value) in lanes.iter_mut().zip(chunk) {
            lane.0 += value;
            lane.1 += value * value;
        }
    }
    lanes.iter().fold((0.0, 0.0), |a, b| (a.0 + b.0, a.1 + b.1))
}

impl From<Moments> for Stored {
    fn from(moments: Moments) -> Self {
        Self {
            count: moments.count,
            min: moments.min,
            max: moments.max,
            mean: moments.mean(),
            std: moments.std(1),
            sum: moments.sum,
            squares: moments.squares,
            higher: moments.higher,
        }
    }
}

impl From<Stored> for Moments {
    fn from(stored: Stored) -> Self {
        Self {
            count: stored.count,
            min: stored.min,
            max: stored.max,
            sum: stored.sum,
            squares: stored.squares,
            higher: stored.higher,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(values: &[f64]) -> Moments {
        let mut moments = Moments::with_shape();
        moments.add(values);
        moments
    }

    #[test]
    fn the_spread_of_very_large_and_small_numbers_is_a_number() {
        // decimal.Decimal(...).sqrt() of Python, of these doubles.
        assert_eq!(of(&[1e160, 3e160]).std(1), Some(1.414_213_562_373_094_8e160));
        assert_eq!(of(&[1e-170, 3e-170]).std(1), Some(1.414_213_562_373_095_1e-170));
        let values = [1.0, 2.0, 4.5, 10.0];
        let middle = of(&values);
        for power in [-900, 700, 1000] {
            let moved = of(&values.map(|value| value * 2.0_f64.powi(power)));
            assert_eq!(
                moved.std(1),
                middle.std(1).map(|std| std * 2.0_f64.powi(power)),
                "{power}"
            );
            assert_eq!(
                (moved.skewness(), moved.kurtosis()),
                (middle.skewness(), middle.kurtosis()),
                "{power}"
            );
        }
    }

    fn finite() -> impl Strategy<Value = f64> {
        prop_oneof![
            -1e9..1e9,
            (-3_000_000..3_000_000_i32).prop_map(f64::from),
            -1e-300..1e-300
        ]
    }

    proptest! {
        #[test]
        fn parts_merge_to_the_same_bits_in_any_grouping(
            mut values in prop::collection::vec(finite(), 1..60),
            cut in any::<prop::sample::Index>(),
        ) {
            let whole = serde_json::to_string(&of(&values)).unwrap();
            values.reverse();
            let (head, tail) = values.split_at(cut.index(values.len()));
            let mut parts = of(tail);
            parts.absorb(&of(head));
            prop_assert_eq!(&serde_json::to_string(&parts).unwrap(), &whole);
            let read: Moments = serde_json::from_str(&whole).unwrap();
            prop_assert_eq!(read, parts);
            let mut one_by_one = Moments::with_shape();
            values.iter().for_each(|value| one_by_one.add_times(*value, 1));
            prop_assert_eq!(&serde_json::to_string(&one_by_one).unwrap(), &whole);
        }
    }

    proptest! {
        #[test]
        fn sums_by_exponent_are_those_of_number_after_number(values in prop::collection::vec(finite(), 1..3000)) {
            let (mut sum, mut squares) = (ExactSum::default(), ExactSum::default());
            for value in &values {
                sum.add(*value);
                squares.add_product(*value, *value);
            }
            let moments = of(&values);
            prop_assert_eq!((&moments.sum, &moments.squares), (&sum, &squares));
        }
    }

    #[test]
    fn many_of_one_are_as_one_many_times() {
        let mut times = Moments::with_shape();
        times.add_times(0.1, 3000);
        times.add_times(7.0, 5);
        assert_eq!(times, of(&[vec![0.1; 3000], vec![7.0; 5]].concat()));
    }

    #[test]
    fn a_small_spread_of_large_numbers_keeps_its_digits() {
        // Σ(x - mean)² of 1e15 + (1, 2, 3, 4) is that of (1, 2, 3, 4): 5.
        let far = of(&[1e15 + 1.0, 1e15 + 2.0, 1e15 + 3.0, 1e15 + 4.0]);
        assert_eq!(far.std(0), Some((5.0_f64 / 4.0).sqrt()));
        assert_eq!(of(&[0.1; 10]).std(0), Some(0.0));
        assert_eq!(of(&[0.1; 10]).mean(), Some(0.1));
        let huge = of(&[f64::MAX, f64::MAX, f64::MAX]);
        assert_eq!(
            (huge.sum(), huge.mean(), huge.std(1)),
            (None, Some(f64::MAX), Some(0.0))
        );
    }
}

//! Sums without rounding: the same bits whatever the order of the numbers and the grouping of the parts.
//!
//! A sum of doubles is a whole number of the smallest double, so it fits into a long integer that is kept in lanes of 32
//! bits, as U. Kulisch proposed (1971) and R. Neal made fast ("Fast exact summation using small and large
//! superaccumulators", 2015): a lane is a signed 64-bit number, so that a carry is due once in 2^30 additions.

use std::fmt::Write as _;

use num_bigint::{BigInt, BigUint, Sign};
use serde::{Deserialize, Serialize};

/// Bits of a lane that count; the others take the carries.
const BITS: i32 = 32;
/// Additions after which the carries are passed on.
const ADDITIONS: u32 = 1 << 30;

/// An exact sum of doubles, or of products of two to four of them.
///
/// ```
/// use tabular::profile::ExactSum;
/// let mut sum = ExactSum::default();
/// for value in [1e300, 1.0, -1e300, 0.1] {
///     sum.add(value);
/// }
/// assert_eq!(sum.to_f64(), 1.1);
/// ```
#[derive(Debug, Clone, Default, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String")]
pub struct ExactSum {
    /// Lane `i` stands for `lanes[i] * 2^(32 * (first + i))`.
    lanes: Vec<i64>,
    first: i32,
    /// Since the carries were passed on.
    added: u32,
}

/// A finite double as a whole number and a power of two.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Parts {
    pub(crate) magnitude: u64,
    pub(crate) exponent: i32,
    pub(crate) is_negative: bool,
}

impl Parts {
    pub(crate) fn of(value: f64) -> Self {
        let bits = value.to_bits();
        let (exponent, fraction) = (((bits >> 52) & 0x7ff) as i32, bits & ((1 << 52) - 1));
        let (magnitude, exponent) = match exponent {
            0 => (fraction, -1074),
            _ => (fraction | (1 << 52), exponent - 1075),
        };
        Self {
            magnitude,
            exponent,
            is_negative: value.is_sign_negative(),
        }
    }

    /// Of less than 2^53 it has at most 106 bits.
    fn square(self) -> u128 {
        u128::from(self.magnitude) * u128::from(self.magnitude)
    }
}

impl ExactSum {
    /// Takes in a finite number.
    pub fn add(&mut self, value: f64) {
        self.add_parts(Parts::of(value));
    }

    pub(crate) fn add_parts(&mut self, value: Parts) {
        self.add_whole(value.magnitude.into(), value.exponent, value.is_negative);
    }

    pub(crate) fn add_square(&mut self, value: Parts) {
        self.add_whole(value.square(), 2 * value.exponent, false);
    }

    pub(crate) fn add_cube(&mut self, value: Parts) {
        let (square, exponent) = (value.square(), 3 * value.exponent);
        let by = u128::from(value.magnitude);
        self.add_whole(u128::from(square as u64) * by, exponent, value.is_negative);
        self.add_whole((square >> 64) * by, exponent + 64, value.is_negative);
    }

    pub(crate) fn add_fourth(&mut self, value: Parts) {
        let (square, exponent) = (value.square(), 4 * value.exponent);
        let (low, high) = (u128::from(square as u64), square >> 64);
        self.add_whole(low * low, exponent, false);
        self.add_whole(2 * low * high, exponent + 64, false);
        self.add_whole(high * high, exponent + 128, false);
    }

    /// Takes in the product of two finite numbers.
    pub fn add_product(&mut self, a: f64, b: f64) {
        let (a, b) = (Parts::of(a), Parts::of(b));
        self.add_whole(
            u128::from(a.magnitude) * u128::from(b.magnitude),
            a.exponent + b.exponent,
            a.is_negative != b.is_negative,
        );
    }

    /// Takes in `±magnitude * 2^exponent`.
    pub(crate) fn add_whole(&mut self, magnitude: u128, exponent: i32, is_negative: bool) {
        if magnitude == 0 {
            return;
        }
        let (lane, shift) = (exponent.div_euclid(BITS), exponent.rem_euclid(BITS));
        let low = u128::from(magnitude as u64) << shift;
        let high = (magnitude >> 64) << shift;
        let from = self.reach(lane, if high == 0 { 3 } else { 6 });
        let digits = |whole: u128| [whole as u32, (whole >> 32) as u32, (whole >> 64) as u32];
        let mut put = |at: usize, whole: u128| {
            let digits = digits(whole).map(i64::from);
            let lanes = &mut self.lanes[at..at + 3];
            for (lane, digit) in lanes.iter_mut().zip(digits) {
                *lane += if is_negative { -digit } else { digit };
            }
        };
        put(from, low);
        if high != 0 {
            // 64 bits shifted by less than 32 leave the upper of three digits below 2^32.
            put(from + 2, high);
        }
        self.added += 1;
        if self.added >= ADDITIONS {
            self.carry();
        }
    }

    /// Makes room for so many lanes from this one on; where it is.
    fn reach(&mut self, lane: i32, lanes: usize) -> usize {
        if self.lanes.is_empty() {
            self.first = lane;
        }
        if lane < self.first {
            let more = (self.first - lane) as usize;
            self.lanes.splice(0..0, std::iter::repeat_n(0, more));
            self.first = lane;
        }
        let at = (lane - self.first) as usize;
        if self.lanes.len() < at + lanes {
            self.lanes.resize(at + lanes, 0);
        }
        at
    }

    /// Passes the carries on: each lane but the last is then within 0 and 2^32, and the last, which has the sign, between
    /// -2^32 and 2^32.
    fn carry(&mut self) {
        self.added = 1;
        let mut carry = 0;
        let Some((last, others)) = self.lanes.split_last_mut() else {
            return;
        };
        for lane in others {
            let sum = *lane + carry;
            carry = sum >> BITS;
            *lane = sum & 0xffff_ffff;
        }
        *last += carry;
        if last.unsigned_abs() >= 1 << BITS {
            carry = *last >> BITS;
            *last &= 0xffff_ffff;
            self.lanes.push(carry);
        }
    }

    /// Takes in another sum.
    pub fn absorb(&mut self, other: &Self) {
        if other.lanes.is_empty() {
            return;
        }
        let mut other = other.clone();
        other.carry();
        self.carry();
        let from = self.reach(other.first, other.lanes.len());
        for (mine, theirs) in self.lanes[from..].iter_mut().zip(&other.lanes) {
            *mine += theirs;
        }
        self.added = 2;
    }

    /// Multiplies the sum.
    pub(crate) fn times(&mut self, count: u64) {
        let (sum, power) = self.whole();
        let (sign, digits) = (sum * count).to_u32_digits();
        let signed = |digit: u32| {
            if sign == Sign::Minus {
                -i64::from(digit)
            } else {
                i64::from(digit)
            }
        };
        *self = Self {
            lanes: digits.into_iter().map(signed).collect(),
            first: power / BITS,
            added: 1,
        };
    }

    /// The power of two that every term is a whole multiple of; `None` of nothing.
    pub(crate) fn lowest(&self) -> Option<i32> {
        (!self.lanes.is_empty()).then_some(self.first * BITS)
    }

    /// As a whole number times `2^` a power.
    pub(crate) fn whole(&self) -> (BigInt, i32) {
        let mut sum = BigInt::ZERO;
        for lane in self.lanes.iter().rev() {
            sum = (sum << BITS) + lane;
        }
        (sum, self.first * BITS)
    }

    /// The double that is nearest to the sum.
    #[must_use]
    pub fn to_f64(&self) -> f64 {
        let (sum, power) = self.whole();
        quotient(&sum, &BigInt::from(1), power)
    }

    /// Sign, digits of 32 bits with the least first, and the lane of the first: without zeros at the ends, so that equal
    /// sums have equal digits.
    fn digits(&self) -> (Sign, Vec<u32>, i32) {
        let (sum, _) = self.whole();
        let (sign, digits) = sum.to_u32_digits();
        let zeros = digits.iter().take_while(|digit| **digit == 0).count();
        (sign, digits[zeros..].to_vec(), self.first + zeros as i32)
    }
}

impl PartialEq for ExactSum {
    fn eq(&self, other: &Self) -> bool {
        let (mine, theirs) = (self.digits(), other.digits());
        mine == theirs || (mine.0 == Sign::NoSign && theirs.0 == Sign::NoSign)
    }
}

impl Eq for ExactSum {}

/// `0`, or a whole number in hexadecimal and a power of two: `-0x1fp-64`.
impl From<ExactSum> for String {
    fn from(sum: ExactSum) -> Self {
        let (sign, digits, first) = sum.digits();
        let Some((last, others)) = digits.split_last() else {
            return "0".to_owned();
        };
        let mut text = format!("{}0x{last:x}", if sign == Sign::Minus { "-" } else { "" });
        for digit in others.iter().rev() {
            // Writing to a text never fails.
            _ = write!(text, "{digit:08x}");
        }
        _ = write!(text, "p{}", first * BITS);
        text
    }
}

impl TryFrom<String> for ExactSum {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let wrong = || format!("`{text}` is no exact sum; it must be 0, or like -0x1fp-64");
        if text == "0" {
            return Ok(Self::default());
        }
        let (is_negative, rest) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text.as_str()),
        };
        let (hex, power) = rest
            .strip_prefix("0x")
            .and_then(|rest| rest.split_once('p'))
            .ok_or_else(wrong)?;
        let power: i32 = power.parse().map_err(|_| wrong())?;
        let is_hex =
            !hex.is_empty() && hex.len() <= LONGEST && hex.bytes().all(|digit| digit.is_ascii_hexdigit());
        if !is_hex || power % BITS != 0 || power.unsigned_abs() > 4 * 1100 {
            return Err(wrong());
        }
        let mut lanes = Vec::with_capacity(hex.len() / 8 + 1);
        for digit in hex.as_bytes().rchunks(8) {
            let digit = std::str::from_utf8(digit).map_err(|_| wrong())?;
            let digit = i64::from_str_radix(digit, 16).map_err(|_| wrong())?;
            lanes.push(if is_negative { -digit } else { digit });
        }
        Ok(Self {
            lanes,
            first: power / BITS,
            added: 1,
        })
    }
}

/// Sums of numbers and of their squares by the exponent of the number: within one, whole numbers are added to whole numbers,
/// and the wide sums are touched once an exponent (Neal's "large" superaccumulator).
pub(crate) struct Binned(Box<[(i128, u128)]>);

impl Binned {
    /// Numbers that the squares of one exponent have room for: 22 bits beside the 106 of a square.
    pub(crate) const MOST: usize = 1 << 22;
    /// The exponent of the smallest double.
    const LEAST: i32 = -1074;

    pub(crate) fn new() -> Self {
        Self(vec![(0, 0); 2046].into())
    }

    /// Takes in a number, of at most [`Binned::MOST`].
    pub(crate) fn add(&mut self, value: Parts) {
        let (sum, squares) = &mut self.0[(value.exponent - Self::LEAST) as usize];
        let magnitude = i128::from(value.magnitude);
        *sum += if value.is_negative { -magnitude } else { magnitude };
        *squares += value.square();
    }

    /// Adds all to the sum and to the sum of squares.
    pub(crate) fn into_sums(self, sum: &mut ExactSum, squares: &mut ExactSum) {
        for ((value, square), exponent) in self.0.iter().zip(Self::LEAST..) {
            sum.add_whole(value.unsigned_abs(), exponent, *value < 0);
            squares.add_whole(*square, 2 * exponent, false);
        }
    }
}

/// The correlation of pairs of numbers, from the exact sums of both, of their squares and of their products.
///
/// Pearson's coefficient, `(n Σxy - Σx Σy) / √((n Σx² - (Σx)²) (n Σy² - (Σy)²))`: in whole numbers, rounded once.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Pairs {
    /// How many.
    pub count: u64,
    sums: [ExactSum; 2],
    squares: [ExactSum; 2],
    products: ExactSum,
}

impl Pairs {
    /// Takes in a pair of finite numbers.
    pub fn add(&mut self, pair: [f64; 2]) {
        self.count += 1;
        for ((sum, square), value) in self.sums.iter_mut().zip(&mut self.squares).zip(pair) {
            let parts = Parts::of(value);
            sum.add_parts(parts);
            square.add_square(parts);
        }
        self.products.add_product(pair[0], pair[1]);
    }

    /// Takes in the pairs of another part.
    pub fn absorb(&mut self, other: &Self) {
        self.count += other.count;
        let mine = self.sums.iter_mut().chain(&mut self.squares);
        let theirs = other.sums.iter().chain(&other.squares);
        mine.zip(theirs).for_each(|(mine, theirs)| mine.absorb(theirs));
        self.products.absorb(&other.products);
    }

    /// Pearson's coefficient; `None` when one of the two does not vary.
    #[must_use]
    pub fn correlation(&self) -> Option<f64> {
        let count = BigInt::from(self.count);
        let spread = |side: usize| centred(&count, &self.squares[side], [&self.sums[side], &self.sums[side]]);
        let (together, power) = centred(&count, &self.products, [&self.sums[0], &self.sums[1]]);
        let ((one, one_power), (other, other_power)) = (spread(0), spread(1));
        let apart = one * other;
        if apart.sign() != Sign::Plus {
            return None;
        }
        // Of the whole numbers, for the spread of very large or small ones is no double.
        let value = root(&together.pow(2), &apart, 2 * power - one_power - other_power);
        Some(if together.sign() == Sign::Minus {
            -value
        } else {
            value
        })
    }
}

/// `n Σab - Σa Σb`, times two to a power.
fn centred(count: &BigInt, products: &ExactSum, sums: [&ExactSum; 2]) -> (BigInt, i32) {
    let (products, power) = products.whole();
    let [(a, a_power), (b, b_power)] = sums.map(ExactSum::whole);
    let (left, right) = (count * products, a * b);
    let low = power.min(a_power + b_power);
    (
        (left << (power - low)) - (right << (a_power + b_power - low)),
        low,
    )
}

/// Digits of the longest sum: the fourth power of the largest double, down to that of the smallest, 2^64 times.
const LONGEST: usize = (4 * (1024 + 1074) + 64 + 32) / 4;

/// The double that is nearest to `above / below * 2^power`; `below` is positive.
pub(crate) fn quotient(above: &BigInt, below: &BigInt, power: i32) -> f64 {
    if above.sign() == Sign::NoSign {
        return 0.0;
    }
    // 66 bits of the quotient, the last set when something is left: more than a double has, so that it is rounded once.
    let shift = below.bits() as i64 - above.bits() as i64 + 66;
    let (whole, is_exact) = divided(above, below, shift);
    let value = scaled(bits(&whole) | u128::from(!is_exact), i64::from(power) - shift);
    if above.sign() == Sign::Minus {
        -value
    } else {
        value
    }
}

/// The double that is nearest to `√(above / below * 2^power)`; `below` is positive, and `above` not negative.
pub(crate) fn root(above: &BigInt, below: &BigInt, power: i32) -> f64 {
    if above.sign() != Sign::Plus {
        return 0.0;
    }
    // Twice the bits of the root, times an even power of two.
    let shift = below.bits() as i64 - above.bits() as i64 + 132;
    let shift = shift + (i64::from(power) - shift).rem_euclid(2);
    let (whole, is_exact) = divided(above, below, shift);
    let root = whole.sqrt();
    let is_exact = is_exact && &root * &root == whole;
    scaled(
        bits(&root) | u128::from(!is_exact),
        (i64::from(power) - shift) / 2,
    )
}

/// The whole part of `above / below * 2^shift`, of their magnitudes, and whether nothing is left.
fn divided(above: &BigInt, below: &BigInt, shift: i64) -> (BigUint, bool) {
    let (over, under) = (above.magnitude(), below.magnitude());
    let (over, under) = match u64::try_from(shift) {
        Ok(shift) => (over << shift, under.clone()),
        Err(_) => (over.clone(), under << shift.unsigned_abs()),
    };
    (&over / &under, (&over % &under).bits() == 0)
}

/// A number of at most 128 bits.
fn bits(whole: &BigUint) -> u128 {
    let digits = whole.iter_u64_digits().rev();
    digits.fold(0, |bits, digit| (bits << 64) | u128::from(digit))
}

/// The double that is nearest to `bits * 2^power`; `bits` has 66 or 67.
fn scaled(bits: u128, power: i64) -> f64 {
    let highest = i64::from(bits.ilog2()) + power;
    if highest > 1023 {
        return f64::INFINITY;
    }
    if highest < -1022 {
        // Below the normal doubles there are fewer digits: to the nearest multiple of the smallest, of two the even one.
        let drop = -1074 - power;
        if drop > 100 {
            return 0.0;
        }
        let (kept, dropped) = (bits >> drop, bits & ((1 << drop) - 1));
        let half = 1_u128 << (drop - 1);
        let up = dropped > half || dropped == half && kept & 1 == 1;
        return f64::from_bits(kept as u64 + u64::from(up));
    }
    let two_to = |power: i64| f64::from_bits(((1023 + power) as u64) << 52);
    let half = power / 2;
    bits as f64 * two_to(half) * two_to(power - half)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sum(values: &[f64]) -> ExactSum {
        let mut sum = ExactSum::default();
        values.iter().for_each(|value| sum.add(*value));
        sum
    }

    #[test]
    fn numbers_of_any_size_go_together_as_they_do_in_the_middle() {
        let correlation = |x: [f64; 4], y: [f64; 4]| {
            let mut pairs = Pairs::default();
            x.into_iter().zip(y).for_each(|(x, y)| pairs.add([x, y]));
            pairs.correlation()
        };
        let y = [1.0, 2.0, 3.0, 5.0];
        for size in [1e160, 1e-170, -1e300, -5e-324] {
            let found = correlation(y.map(|y| y * size), y).unwrap();
            assert_eq!(found, size.signum(), "{size}");
        }
        // Of doubles that powers of two apart bring to one size: the same bits.
        let x = [1.5, -2.25, 8.0, 3.0];
        let middle = correlation(x, y);
        assert!(middle.is_some_and(|middle| middle.abs() < 0.9));
        assert_eq!(
            correlation(
                x.map(|x| x * 2.0_f64.powi(900)),
                y.map(|y| y * 2.0_f64.powi(-900))
            ),
            middle
        );
        assert_eq!(correlation([7.0; 4], y), None);
    }

    #[test]
    fn a_negative_sum_grows_no_lanes() {
        let (mut all, mut one) = (ExactSum::default(), ExactSum::default());
        one.add(-73.97);
        (0..1000).for_each(|_| all.absorb(&one));
        assert!(all.lanes.len() <= one.lanes.len() + 1, "{}", all.lanes.len());
        assert_eq!(String::from(all), {
            one.times(1000);
            String::from(one)
        });
    }

    fn finite() -> impl Strategy<Value = f64> {
        use proptest::num::f64::{NEGATIVE, NORMAL, POSITIVE, SUBNORMAL, ZERO};
        prop_oneof![POSITIVE | NEGATIVE | NORMAL | SUBNORMAL | ZERO, -1e6..1e6]
    }

    proptest! {
        #[test]
        fn order_and_grouping_do_not_matter(
            values in prop::collection::vec(finite(), 0..40),
            cut in any::<prop::sample::Index>(),
        ) {
            let whole = sum(&values);
            let backwards: Vec<f64> = values.iter().rev().copied().collect();
            let (head, tail) = values.split_at(if values.is_empty() { 0 } else { cut.index(values.len()) });
            let mut parts = sum(tail);
            parts.absorb(&sum(head));
            let text = |sum: &ExactSum| String::from(sum.clone());
            prop_assert_eq!(text(&whole), text(&sum(&backwards)));
            prop_assert_eq!(text(&whole), text(&parts));
            prop_assert_eq!(whole.to_f64().to_bits(), parts.to_f64().to_bits());
            let read = ExactSum::try_from(text(&whole)).unwrap();
            prop_assert_eq!(&read, &whole);
            prop_assert_eq!(text(&read), text(&whole));
        }

        #[test]
        fn one_number_is_its_own_sum(value in finite()) {
            prop_assert_eq!(sum(&[value]).to_f64(), value);
            let mut square = ExactSum::default();
            square.add_product(value, value);
            prop_assert_eq!(square.to_f64(), value * value);
        }
    }

    #[test]
    fn the_smallest_and_the_largest_are_held() {
        let (tiny, huge) = (5e-324, f64::MAX);
        assert_eq!(sum(&[huge, tiny, -huge]).to_f64(), tiny);
        assert_eq!(sum(&[huge, huge]).to_f64(), f64::INFINITY);
        assert_eq!(sum(&[huge, huge, -huge]).to_f64(), huge);
        assert_eq!(sum(&[1.0, -1.0]), ExactSum::default());
        // Halves go to the even one: 2^53 + 1 lies between two doubles.
        assert_eq!(
            sum(&[9_007_199_254_740_992.0, 1.0]).to_f64(),
            9_007_199_254_740_992.0
        );
        assert_eq!(
            sum(&[9_007_199_254_740_992.0, 1.0, tiny]).to_f64(),
            9_007_199_254_740_994.0
        );
    }

    #[test]
    fn what_is_no_sum_is_refused() {
        for text in [
            "",
            "1",
            "0x",
            "0xzp0",
            "0x1p3",
            "0x+1p0",
            "-0",
            "0x1p99999999",
            "0x1",
        ] {
            assert!(ExactSum::try_from(text.to_owned()).is_err(), "{text}");
        }
    }
}

//! Whether values come in order, row after row.

use std::cmp::Ordering;

use serde::{Deserialize, Serialize};
use tabular::{Column, Values};

use super::decimals::Exact;
use super::values::{Spot, Violations};
use super::wide;

/// An order that rows must come in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Direction {
    /// Downwards instead of upwards.
    pub falling: bool,
    /// Whether equal neighbours are bad.
    pub strict: bool,
}

/// A value, as far as its order goes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Place {
    /// Whole numbers, and points in time in nanoseconds.
    Whole(#[serde(with = "wide")] i128),
    /// By its bits: NaN is a number of a column too.
    Number(#[serde(with = "bits")] f64),
    Decimal(Exact),
    Text(String),
}

impl Place {
    fn of(column: &Column, row: usize) -> Option<Self> {
        Some(match column.values() {
            Values::Int(values) => Self::Whole(i128::from(values[row])),
            Values::Unsigned(values) => Self::Whole(i128::from(values[row])),
            Values::Date(days) => Self::Whole(i128::from(days[row]) * 86_400_000_000_000),
            Values::Timestamp(times) => {
                Self::Whole(i128::from(times.ticks[row]) * i128::from(1_000_000_000 / times.per_second))
            }
            Values::Float(values) | Values::Decimal(values) => Self::Number(values[row]),
            Values::Text(values) => Self::Text(values.get(row).to_owned()),
            Values::Dictionary(values) => Self::Text(values.get(row).to_owned()),
            _ => return None,
        })
    }

    /// NaN has no place before or after anything; nor have values of two kinds.
    fn against(&self, other: &Self) -> Option<Ordering> {
        match (self, other) {
            (Self::Whole(a), Self::Whole(b)) => Some(a.cmp(b)),
            (Self::Number(a), Self::Number(b)) => a.partial_cmp(b),
            (Self::Decimal(a), Self::Decimal(b)) => Some(a.cmp(b)),
            (Self::Text(a), Self::Text(b)) => Some(a.cmp(b)),
            _ => None,
        }
    }
}

/// A value with what is shown of it.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Seen {
    place: Place,
    shown: String,
    spot: Spot,
}

/// The rows of a part, in their order; nulls are left aside.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Sequence {
    direction: Direction,
    first: Option<Seen>,
    last: Option<Seen>,
    /// Rows whose value does not follow the one before, shown as both. `tested` are all values.
    pub bad: Violations,
    /// Why the order cannot be asked.
    pub fault: Option<String>,
}

impl Sequence {
    /// No rows yet.
    #[must_use]
    pub fn new(direction: Direction) -> Self {
        Self {
            direction,
            first: None,
            last: None,
            bad: Violations::default(),
            fault: None,
        }
    }

    /// Takes in the rows of a batch.
    pub fn see(&mut self, column: &Column, spot: impl Fn(usize) -> Spot) {
        let exact = column.decimals();
        let decimal = |row: usize| {
            let (values, scale) = exact.as_ref()?;
            let (units, scale) = (values[row]?, *scale);
            Some(Place::Decimal(Exact { units, scale }))
        };
        for row in column.validity().runs().flatten() {
            let Some(place) = decimal(row).or_else(|| Place::of(column, row)) else {
                self.fault = Some(format!("an order cannot be asked of {}", column.kind()));
                return;
            };
            let seen = Seen {
                place,
                shown: column.display(row).unwrap_or_default(),
                spot: spot(row),
            };
            self.bad.tested += 1;
            self.follow(seen);
        }
    }

    /// Shows the values at its ends by another text: that is what a break between two parts is shown as.
    pub(super) fn show_ends(&mut self, shown: impl Fn(Spot) -> String) {
        for end in self.first.iter_mut().chain(&mut self.last) {
            end.shown = shown(end.spot);
        }
    }

    fn follow(&mut self, seen: Seen) {
        if let Some(last) = &self.last {
            let good = match (seen.place.against(&last.place), self.direction.falling) {
                (Some(Ordering::Equal), _) => !self.direction.strict,
                (Some(Ordering::Greater), falling) => !falling,
                (Some(Ordering::Less), falling) => falling,
                (None, _) => false,
            };
            if !good {
                self.bad
                    .add(format!("{} after {}", seen.shown, last.shown), seen.spot);
            }
        } else {
            self.first = Some(seen.clone());
        }
        self.last = Some(seen);
    }

    /// Takes in the part that comes next.
    pub fn absorb(&mut self, next: Self) {
        self.fault = self.fault.take().or(next.fault);
        self.bad.absorb(next.bad);
        if let Some(first) = next.first {
            // Its first row has not been held to the last of this.
            self.follow(first);
            self.last = next.last;
        }
    }
}

/// A double in a file, as the whole number that its bits are.
mod bits {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(super) fn serialize<S: Serializer>(value: &f64, to: S) -> Result<S::Ok, S::Error> {
        value.to_bits().serialize(to)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<f64, D::Error> {
        u64::deserialize(from).map(f64::from_bits)
    }
}

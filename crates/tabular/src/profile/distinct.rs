//! How many different values: exact while few, then HyperLogLog.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

/// Up to so many different values are counted exactly.
const EXACT: usize = 2048;
/// 2^12 registers: a standard error of 1.04 / sqrt(4096) = 1.6 %.
const BITS: u32 = 12;
const REGISTERS: usize = 1 << BITS;

/// A count of different values. The same set gives the same state, in whatever order or parts it comes.
///
/// Beyond 2,048 values: P. Flajolet and others, "HyperLogLog" (2007), with the estimator of O. Ertl, "New cardinality
/// estimation algorithms for HyperLogLog sketches" (2017), which needs no tables and no thresholds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(try_from = "Stored", into = "Stored")]
#[schemars(with = "Stored")]
pub struct Distinct(State);

#[derive(Debug, Clone, PartialEq, Eq)]
enum State {
    Exact(BTreeSet<u64>),
    Registers(Vec<u8>),
}

/// The form in a file.
#[derive(Debug, Clone, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
struct Stored {
    /// The number of different values.
    count: u64,
    /// Whether the count is exact.
    exact: bool,
    /// The state, for merging: sorted hashes, or registers, in hexadecimal.
    state: String,
}

impl Default for Distinct {
    fn default() -> Self {
        Self(State::Exact(BTreeSet::new()))
    }
}

impl Distinct {
    /// Takes in a value by its key (see [`crate::row_keys`]).
    pub fn insert(&mut self, key: u128) {
        // The upper half of the key is as good a hash as the whole.
        self.insert_hash(mix((key >> 64) as u64 ^ (key as u64).rotate_left(32)));
    }

    fn insert_hash(&mut self, hash: u64) {
        match &mut self.0 {
            State::Exact(set) => {
                set.insert(hash);
                if set.len() > EXACT {
                    self.spill();
                }
            }
            State::Registers(registers) => {
                let index = (hash >> (64 - BITS)) as usize;
                let rank = ((hash << BITS) | (1 << (BITS - 1))).leading_zeros() as u8 + 1;
                registers[index] = registers[index].max(rank);
            }
        }
    }

    fn spill(&mut self) {
        if let State::Exact(set) = &mut self.0 {
            let hashes = std::mem::take(set);
            self.0 = State::Registers(vec![0; REGISTERS]);
            hashes.into_iter().for_each(|hash| self.insert_hash(hash));
        }
    }

    /// Whether the count is exact.
    #[must_use]
    pub fn is_exact(&self) -> bool {
        matches!(self.0, State::Exact(_))
    }

    /// The standard error of the count, as a share of it: 0 when exact, else 1.04 / sqrt(registers) (Flajolet and others,
    /// 2007).
    #[must_use]
    pub fn standard_error(&self) -> f64 {
        match &self.0 {
            State::Exact(_) => 0.0,
            State::Registers(registers) => 1.04 / (registers.len() as f64).sqrt(),
        }
    }

    /// The number of different values; within about 1.6 % (one standard error) when not exact.
    #[must_use]
    pub fn count(&self) -> u64 {
        match &self.0 {
            State::Exact(set) => set.len() as u64,
            State::Registers(registers) => estimate(registers).round() as u64,
        }
    }

    /// The count over the values of both.
    #[must_use]
    pub fn merge(mut self, other: &Self) -> Self {
        match &other.0 {
            State::Exact(hashes) => hashes.iter().for_each(|hash| self.insert_hash(*hash)),
            State::Registers(theirs) => {
                self.spill();
                if let State::Registers(mine) = &mut self.0 {
                    mine.iter_mut()
                        .zip(theirs)
                        .for_each(|(mine, theirs)| *mine = (*mine).max(*theirs));
                }
            }
        }
        self
    }
}

/// The finaliser of MurmurHash3 (A. Appleby): every bit of the key reaches every bit of the hash.
fn mix(mut key: u64) -> u64 {
    key = (key ^ (key >> 33)).wrapping_mul(0xFF51_AFD7_ED55_8CCD);
    key = (key ^ (key >> 33)).wrapping_mul(0xC4CE_B9FE_1A85_EC53);
    key ^ (key >> 33)
}

/// Ertl 2017, algorithm 6.
fn estimate(registers: &[u8]) -> f64 {
    let m = registers.len() as f64;
    let q = (64 - BITS) as usize;
    let mut counts = vec![0.0; q + 2];
    for register in registers {
        counts[usize::from(*register).min(q + 1)] += 1.0;
    }
    let mut z = m * tau(1.0 - counts[q + 1] / m);
    for k in (1..=q).rev() {
        z = 0.5 * (z + counts[k]);
    }
    z += m * sigma(counts[0] / m);
    m * m / (2.0 * std::f64::consts::LN_2 * z)
}

fn sigma(mut x: f64) -> f64 {
    if x >= 1.0 {
        return f64::INFINITY;
    }
    let (mut y, mut z) = (1.0, x);
    loop {
        x *= x;
        let before = z;
        z += x * y;
        y += y;
        if z <= before {
            return z;
        }
    }
}

fn tau(mut x: f64) -> f64 {
    if x <= 0.0 || x >= 1.0 {
        return 0.0;
    }
    let (mut y, mut z) = (1.0, 1.0 - x);
    loop {
        x = x.sqrt();
        let before = z;
        y *= 0.5;
        z -= (1.0 - x).powi(2) * y;
        if z >= before {
            return z / 3.0;
        }
    }
}

impl From<Distinct> for Stored {
    fn from(distinct: Distinct) -> Self {
        use std::fmt::Write as _;
        let (count, exact) = (distinct.count(), distinct.is_exact());
        let mut state = String::new();
        match distinct.0 {
            State::Exact(set) => set.iter().for_each(|hash| {
                let _ = write!(state, "{hash:016x}");
            }),
            State::Registers(registers) => registers.iter().for_each(|register| {
                let _ = write!(state, "{register:02x}");
            }),
        }
        Self { count, exact, state }
    }
}

impl TryFrom<Stored> for Distinct {
    type Error = String;

    fn try_from(stored: Stored) -> Result<Self, String> {
        let digits = stored.state.as_bytes();
        let (what, width) = if stored.exact {
            ("hashes", 16)
        } else {
            ("registers", 2)
        };
        let wrong = || format!("state is no {what} in hexadecimal");
        let read = |chunk: &[u8]| {
            let text = std::str::from_utf8(chunk).map_err(|_| wrong())?;
            if text.len() != width || !text.bytes().all(|digit| digit.is_ascii_hexdigit()) {
                return Err(wrong());
            }
            u64::from_str_radix(text, 16).map_err(|_| wrong())
        };
        let numbers: Vec<u64> = digits.chunks(width).map(read).collect::<Result<_, _>>()?;
        if !stored.exact {
            let highest = u64::from(64 - BITS + 1);
            if numbers.len() != REGISTERS || numbers.iter().any(|register| *register > highest) {
                return Err(format!(
                    "state has {} registers; {REGISTERS} of at most {highest} are allowed",
                    numbers.len()
                ));
            }
            let registers = numbers.into_iter().map(|register| register as u8);
            return Ok(Self(State::Registers(registers.collect())));
        }
        let set: BTreeSet<u64> = numbers.into_iter().collect();
        if set.len() as u64 != stored.count || set.len() > EXACT {
            return Err(format!(
                "count is {}, and state has {} hashes; at most {EXACT} are exact",
                stored.count,
                set.len()
            ));
        }
        Ok(Self(State::Exact(set)))
    }
}

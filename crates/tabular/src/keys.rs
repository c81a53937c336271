//! Keys of rows for joins, duplicates and overlaps: equal values have equal keys, whatever the file format.
//!
//! A 32-bit 5, a 64-bit 5, a floating 5.0 and a decimal 5.00 are one key; the text "5" is another. The key is a
//! 128-bit hash. For one whole-number column, and for texts of one length up to 16 bytes, it is a bijection, so exact; otherwise
//! two of 10^10 different keys meet with a probability of about 10^-19, which is why counts made with it are called
//! exact.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasherDefault, Hasher};

use crate::column::Data;
use crate::{Column, Dictionary, TimeView};

/// The keys of the rows of one or more columns.
#[derive(Debug, Clone, Default)]
pub struct RowKeys {
    /// One key a row.
    pub hashes: Vec<u128>,
    /// How many of the key's columns are null in the row.
    pub nulls: Vec<u8>,
}

/// The keys of all rows over these columns of one batch, in order.
///
/// ```
/// use tabular::{Format, Input, ReadOptions, Table, row_keys};
/// let mut table = Table::open(
///     Input::from_bytes("a.csv", "i,f\n5,5.0\n7,7.5\n"), Format::from_name("a.csv")?, ReadOptions::default())?;
/// let batch = table.next_batch()?.ok_or("no rows")?;
/// let (whole, floating) = (row_keys(&[batch.column("i")?]), row_keys(&[batch.column("f")?]));
/// assert_eq!(whole.hashes[0], floating.hashes[0]);
/// assert_ne!(whole.hashes[1], floating.hashes[1]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use]
pub fn row_keys(columns: &[&Column]) -> RowKeys {
    let rows = columns.first().map_or(0, |column| column.len());
    let mut keys = RowKeys {
        hashes: vec![0; rows],
        nulls: vec![0; rows],
    };
    for (index, column) in columns.iter().enumerate() {
        let hashes = column_hashes(column);
        if index == 0 {
            keys.hashes = hashes;
        } else {
            for (key, hash) in keys.hashes.iter_mut().zip(hashes) {
                *key = combine(*key, hash);
            }
        }
        if column.null_count() > 0 {
            let validity = column.validity();
            for (row, nulls) in keys.nulls.iter_mut().enumerate() {
                *nulls = nulls.saturating_add(u8::from(!validity.is_valid(row)));
            }
        }
    }
    keys
}

/// A set of keys. They are hashes already, so they are not hashed again.
pub type KeySet = HashSet<u128, BuildHasherDefault<KeyHasher>>;
/// A map by key.
pub type KeyMap<V> = HashMap<u128, V, BuildHasherDefault<KeyHasher>>;

/// The hasher of what is a hash.
#[derive(Debug, Clone, Copy, Default)]
pub struct KeyHasher(u64);

impl Hasher for KeyHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u128(&mut self, key: u128) {
        self.0 = (key >> 64) as u64 ^ key as u64;
    }
}

/// An odd constant, from the digits of pi: multiplication by it loses nothing modulo 2^128.
const ODD: u128 = 0x243F_6A88_85A3_08D3_1319_8A2E_0370_7345;
const NULL: u128 = 0x4528_21E6_38D0_1377_BE54_66CF_34E9_0C6C;

/// Order matters: (a, b) and (b, a) differ.
fn combine(key: u128, next: u128) -> u128 {
    let mixed = key.rotate_left(47).wrapping_mul(ODD) ^ next;
    (mixed ^ (mixed >> 71)).wrapping_mul(ODD)
}

/// A bijection of whole numbers.
fn whole(value: i128) -> u128 {
    let mixed = (value as u128).wrapping_mul(ODD);
    mixed ^ (mixed >> 64)
}

/// A multiply-and-rotate hash over 16 bytes at a time. Each step is a bijection of the state and of the word, so two
/// inputs of at most 16 bytes never meet; the length goes in first, so that padding cannot make them equal.
fn tagged(tag: u8, bytes: &[u8]) -> u128 {
    let mut state =
        ODD.rotate_left(u32::from(tag)) ^ (((bytes.len() as u128) << 8 | u128::from(tag)).wrapping_mul(ODD));
    let mut words = bytes.chunks_exact(16);
    for word in &mut words {
        let mut fixed = [0; 16];
        fixed.copy_from_slice(word);
        state = (state ^ u128::from_le_bytes(fixed))
            .wrapping_mul(ODD)
            .rotate_left(61);
    }
    let rest = words.remainder();
    let mut fixed = [0; 16];
    fixed[..rest.len()].copy_from_slice(rest);
    state = (state ^ u128::from_le_bytes(fixed)).wrapping_mul(ODD);
    state = (state ^ (state >> 67)).wrapping_mul(ODD);
    state ^ (state >> 64)
}

pub(crate) fn text(value: &str) -> u128 {
    tagged(5, value.as_bytes())
}

fn floating(value: f64) -> u128 {
    // Every whole number that a double can hold exactly up to 2^63 has the key of the integer.
    if value.fract() == 0.0 && value.abs() < 9.3e18 {
        return whole(value as i128);
    }
    let bits = if value.is_nan() {
        f64::NAN.to_bits()
    } else {
        value.to_bits()
    };
    tagged(4, &bits.to_le_bytes())
}

/// The key of a number by its exact decimal text; zeros that only a scale adds do not count. The number 5 of any type has
/// the key of `5.00`.
#[must_use]
pub fn decimal_key(shown: &str) -> u128 {
    let shown = if shown.contains('.') {
        shown.trim_end_matches('0').trim_end_matches('.')
    } else {
        shown
    };
    match shown.parse::<i128>() {
        Ok(value) => whole(value),
        Err(_) => match shown.parse::<f64>() {
            // A decimal that a double prints alike is that double: 0.5 joins 0.5.
            Ok(value) if value.to_string() == shown => floating(value),
            _ => tagged(8, shown.as_bytes()),
        },
    }
}

fn time(times: &TimeView<'_>, row: usize) -> u128 {
    let (ticks, per_second) = (times.ticks[row], times.per_second);
    let nanos = i128::from(ticks) * i128::from(1_000_000_000 / per_second);
    tagged(9, &nanos.to_le_bytes())
}

fn column_hashes(column: &Column) -> Vec<u128> {
    let rows = column.len();
    let mut hashes: Vec<u128> = match &column.data {
        Data::Bool(array) => (0..rows)
            .map(|row| tagged(1, &[u8::from(array.value(row))]))
            .collect(),
        Data::Int(array) => array
            .values()
            .iter()
            .map(|value| whole(i128::from(*value)))
            .collect(),
        Data::Unsigned(array) => array
            .values()
            .iter()
            .map(|value| whole(i128::from(*value)))
            .collect(),
        Data::Float(array) => array.values().iter().map(|value| floating(*value)).collect(),
        Data::Text(array) => (0..rows).map(|row| text(array.value(row))).collect(),
        Data::Dictionary(keys, values) => {
            let view = Dictionary { keys, values };
            let distinct: Vec<u128> = (0..view.size()).map(|key| text(view.value(key))).collect();
            view.keys()
                .iter()
                .map(|key| {
                    usize::try_from(*key)
                        .ok()
                        .and_then(|key| distinct.get(key))
                        .copied()
                })
                .map(|hash| hash.unwrap_or(NULL))
                .collect()
        }
        Data::Bytes(array) => (0..rows).map(|row| tagged(6, array.value(row))).collect(),
        Data::Date(array) => array
            .values()
            .iter()
            .map(|days| tagged(10, &days.to_le_bytes()))
            .collect(),
        Data::Timestamp {
            ticks,
            per_second,
            zone,
        } => {
            let times = TimeView {
                ticks: ticks.values(),
                per_second: *per_second,
                zone: zone.as_deref(),
            };
            (0..rows).map(|row| time(&times, row)).collect()
        }
        Data::Decimal(..) => (0..rows)
            .map(|row| column.readable(row).map_or(NULL, |shown| decimal_key(&shown)))
            .collect(),
        Data::Other(_) => (0..rows)
            .map(|row| {
                column
                    .readable(row)
                    .map_or(NULL, |shown| tagged(11, shown.as_bytes()))
            })
            .collect(),
    };
    if column.null_count() > 0 {
        let validity = column.validity();
        for (row, hash) in hashes.iter_mut().enumerate() {
            if !validity.is_valid(row) {
                *hash = NULL;
            }
        }
    }
    hashes
}

//! The keys of a part of a table in bounded space, as a profile has them.

use std::collections::BTreeMap;
use std::io;

use serde::{Deserialize, Serialize};
use tabular::profile::Distinct;

use super::keys::{KeyCounts, Keys, PARTITIONS, Spectrum};

/// Different keys of a part of a table that are kept one by one.
const KEPT: usize = 1 << 14;
/// Standard errors of the estimate of different keys that are allowed for to both sides.
const ERRORS: f64 = 4.0;

/// The keys of a part of a table, in bounded space: what a profile has of them. Parts merge.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Tally {
    /// Every key with its rows.
    Few(#[serde(with = "hexadecimal")] BTreeMap<u128, u64>),
    /// Too many to be kept.
    Many(Box<Many>),
}

/// What is known of too many keys to be kept.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Many {
    /// Rows.
    pub rows: u64,
    distinct: Distinct,
    /// Rows that repeat a key of their own part: there may be more between the parts.
    pub repeated_rows: u64,
    /// Their keys.
    pub repeated_keys: u64,
}

impl Default for Tally {
    fn default() -> Self {
        Self::Few(BTreeMap::new())
    }
}

impl Many {
    fn see(&mut self, key: u128, rows: u64) {
        self.rows += rows;
        self.distinct.insert(key);
        self.repeated_rows += rows - 1;
        self.repeated_keys += u64::from(rows > 1);
    }

    /// The least and the most different keys that there may be.
    #[must_use]
    pub fn distinct(&self) -> (u64, u64) {
        let count = self.distinct.count() as f64;
        let margin = count * self.distinct.standard_error() * ERRORS;
        let least = (count - margin).max(2.0) as u64;
        (least, ((count + margin).ceil() as u64).min(self.rows))
    }
}

impl Tally {
    /// Of the keys that are not among others.
    ///
    /// # Errors
    /// When a temporary file cannot be read.
    pub fn without(keys: &Keys, others: Option<&Keys>) -> io::Result<Self> {
        let mut tally = Self::default();
        for partition in 0..PARTITIONS {
            let mut mine = keys.partition(partition)?;
            mine.sort_unstable();
            let mut theirs = others
                .map(|others| others.partition(partition))
                .transpose()?
                .unwrap_or_default();
            theirs.sort_unstable();
            for same in mine.chunk_by(|a, b| a == b) {
                if theirs.binary_search(&same[0]).is_err() {
                    tally.see(same[0], same.len() as u64);
                }
            }
        }
        Ok(tally)
    }

    fn see(&mut self, key: u128, rows: u64) {
        match self {
            Self::Few(keys) => {
                *keys.entry(key).or_insert(0) += rows;
                if keys.len() > KEPT {
                    self.give_up();
                }
            }
            Self::Many(many) => many.see(key, rows),
        }
    }

    /// Keeps no longer one by one.
    fn give_up(&mut self) {
        if let Self::Few(keys) = self {
            let mut many = Many::default();
            keys.iter().for_each(|(key, rows)| many.see(*key, *rows));
            *self = Self::Many(Box::new(many));
        }
    }

    /// Takes in another part.
    pub fn absorb(&mut self, other: &Self) {
        match other {
            Self::Few(keys) => keys.iter().for_each(|(key, rows)| self.see(*key, *rows)),
            Self::Many(theirs) => {
                self.give_up();
                if let Self::Many(mine) = self {
                    mine.rows += theirs.rows;
                    mine.distinct = mine.distinct.clone().merge(&theirs.distinct);
                    mine.repeated_rows += theirs.repeated_rows;
                    mine.repeated_keys += theirs.repeated_keys;
                }
            }
        }
    }

    /// The field that cannot be of so many rows, and why.
    pub(super) fn contradiction(&self, rows: u64) -> Option<String> {
        match self {
            Self::Few(keys) => {
                let all: u128 = keys.values().map(|rows| u128::from(*rows)).sum();
                let is_whole = all <= u128::from(rows) && keys.values().all(|rows| *rows > 0);
                (!is_whole).then(|| format!("keys: {} keys of {all} rows, of {rows}", keys.len()))
            }
            Self::Many(many) => {
                let (own, repeated) = (many.rows, many.repeated_rows);
                let is_whole = (1..=rows).contains(&own) && repeated < own && many.repeated_keys <= repeated;
                (!is_whole).then(|| {
                    format!(
                        "keys: {repeated} repeated rows of {} keys, of {own} rows and {rows} in all",
                        many.repeated_keys
                    )
                })
            }
        }
    }

    /// Rows with a key.
    #[must_use]
    pub fn rows(&self) -> u64 {
        match self {
            Self::Few(keys) => keys.values().sum(),
            Self::Many(many) => many.rows,
        }
    }

    /// How the rows are spread over the keys; `None` of too many.
    #[must_use]
    pub fn spectrum(&self) -> Option<Spectrum> {
        let Self::Few(keys) = self else { return None };
        let mut keys_by_rows: BTreeMap<u64, u64> = BTreeMap::new();
        keys.values()
            .for_each(|rows| *keys_by_rows.entry(*rows).or_insert(0) += 1);
        Some(Spectrum::of(&keys_by_rows))
    }

    /// The keys that more than one row has, as [`Keys::repeated`] has them; of too many at least so many.
    #[must_use]
    pub fn repeated(&self, keep: usize) -> KeyCounts {
        match self {
            Self::Few(keys) => {
                let mut found = KeyCounts::default();
                for (key, rows) in keys.iter().filter(|(_, rows)| **rows > 1) {
                    found.add(*key, *rows, keep);
                    found.rows -= 1;
                }
                found.cut(keep);
                found
            }
            Self::Many(many) => KeyCounts {
                rows: many.repeated_rows,
                keys: many.repeated_keys,
                top: Vec::new(),
            },
        }
    }

    /// All keys, as [`Keys::all`] has them; of too many at least so many.
    #[must_use]
    pub fn all(&self, keep: usize) -> KeyCounts {
        match self {
            Self::Few(keys) => {
                let mut found = KeyCounts::default();
                keys.iter().for_each(|(key, rows)| found.add(*key, *rows, keep));
                found.cut(keep);
                found
            }
            Self::Many(many) => KeyCounts {
                rows: many.rows,
                keys: many.distinct().0,
                top: Vec::new(),
            },
        }
    }
}

/// Keys in a file.
mod hexadecimal {
    use std::collections::BTreeMap;

    use serde::de::Error as _;
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(keys: &BTreeMap<u128, u64>, to: S) -> Result<S::Ok, S::Error> {
        to.collect_map(keys.iter().map(|(key, rows)| (format!("{key:032x}"), rows)))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<BTreeMap<u128, u64>, D::Error> {
        let texts = BTreeMap::<String, u64>::deserialize(from)?;
        let key = |text: &str| {
            u128::from_str_radix(text, 16)
                .map_err(|_| D::Error::custom(format!("`{text}` is no key of rows")))
        };
        texts.iter().map(|(text, rows)| Ok((key(text)?, *rows))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(values: impl IntoIterator<Item = u64>) -> Keys {
        let mut keys = Keys::default();
        let spread = |value: u64| u128::from(value).wrapping_mul(0x9E37_79B9_7F4A_7C15_F39C_C060_5CED_C835);
        keys.extend(values.into_iter().map(spread)).unwrap();
        keys
    }

    #[test]
    fn tallies_merge_to_what_the_keys_themselves_say() {
        // Below and above what is kept; a third of the keys is in both parts.
        for many in [3000, 60_000] {
            let (a, b) = (keys((0..many).chain(0..many / 10)), keys(many * 2 / 3..many * 2));
            let mut tally = Tally::without(&b, None).unwrap();
            tally.absorb(&Tally::without(&a, None).unwrap());
            let text = serde_json::to_string(&tally).unwrap();
            assert_eq!(serde_json::from_str::<Tally>(&text).unwrap(), tally);
            let mut all = a;
            all.absorb(b).unwrap();
            let spectrum = all.spectrum().unwrap();
            assert_eq!(tally.rows(), all.count());
            match &tally {
                Tally::Few(_) => {
                    assert_eq!(tally.spectrum(), Some(spectrum));
                    assert_eq!(tally.repeated(5), all.repeated(5).unwrap());
                }
                Tally::Many(found) => {
                    let (least, most) = found.distinct();
                    assert!(
                        least <= spectrum.distinct && spectrum.distinct <= most,
                        "{least} {most}"
                    );
                    let repeated = all.repeated(5).unwrap();
                    // Those within the first part; those between the two are not known.
                    assert_eq!(found.repeated_rows, many / 10);
                    assert!(found.repeated_rows < repeated.rows);
                }
            }
            assert_eq!(matches!(tally, Tally::Few(_)), many == 3000);
        }
    }

    #[test]
    fn a_tally_leaves_out_what_is_among_others() {
        let tally = Tally::without(&keys([1, 1, 2, 3]), Some(&keys([2]))).unwrap();
        assert_eq!((tally.rows(), tally.all(9).keys), (3, 2));
    }
}
